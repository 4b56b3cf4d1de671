//! From a record to what the transport is told.

use super::plan::is_side;
use crate::app::composer::RAW_LIMIT_BYTES;
use crate::app::script::Sent;
use crate::session::{Explained, Field, Flags, Kind, OLD_FRAME, Record, RecordId, Session, Value, unmask};
use crate::transport::{LEFT_OUT, LengthForm, Order, Outgoing, RawFrame, close_code_rule, is_secret_header};
use crate::wire::Dir;
use bytes::Bytes;

/// A longer message is not sent again: it would be held whole several times.
const MESSAGE_LIMIT_BYTES: u64 = 128 << 20;
/// Records behind a request among which its body is looked for.
const LOOK_AHEAD: usize = 4096;
/// Headers that a request gets anew.
const OWN_HEADERS: [&str; 2] = ["host", "content-length"];

/// How records become orders.
#[derive(Clone, Debug, Default)]
pub struct OrderRules {
    /// Frames with the masking keys that they had.
    pub keep_masks: bool,
    /// Where requests on the side go that went to the server of the recorded connection: `http://host:port`.
    pub origin: Option<String>,
    /// Headers that these get in the place of the recorded ones.
    pub headers: Vec<(String, String)>,
    /// Where requests go that went where the recorded connection led.
    pub moved: Option<Moved>,
}

/// From the address of a recorded connection to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    from: url::Url,
    to: url::Url,
}

impl Moved {
    /// From one address to the other; `None` where the other names no more than a server, or one of them is none of HTTP.
    pub fn new(from: &str, to: &str) -> Option<Moved> {
        let read = |url: &str| url::Url::parse(url).ok().filter(url::Url::has_host);
        let (from, to) = (read(from)?, read(to)?);
        let is_place = to.path() != "/" || to.query().is_some();
        is_place.then_some(Moved { from, to })
    }

    /// Where a target leads now: its path is the new one's, and of its parameters those stay that the recorded address
    /// did not have, such as cursors.
    fn target(&self, target: &str) -> Option<String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.from.path() {
            return None;
        }
        let had: Vec<&str> = self.from.query().unwrap_or_default().split('&').collect();
        let own = query.split('&').filter(|pair| !pair.is_empty() && !had.contains(pair));
        let query: Vec<&str> = self.to.query().into_iter().filter(|query| !query.is_empty()).chain(own).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        Some(format!("{}{mark}{}", self.to.path(), query.join("&")))
    }
}

/// What is to be sent for a record.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// The order.
    pub order: Order,
    /// By what it is known among the records.
    pub(in crate::app) sent: Sent,
    /// Headers that were left out, for their values are not in the recording.
    pub without: Vec<String>,
}

/// A request as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Headers as they were, in order, but for those a request gets anew.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Headers whose values are not in the recording.
    pub without: Vec<String>,
    /// Whether it went to the server of its connection.
    pub is_to_own_server: bool,
}

/// What is to be sent for a record, saying what was `edited` where it was; an error says why nothing can be.
pub fn order(session: &Session, id: RecordId, rules: &OrderRules, edited: Option<&Bytes>) -> Result<Ordered, String> {
    let Some(record) = session.records().get(id).copied() else { return Err("the record is gone".to_owned()) };
    if record.kind == Kind::HttpRequest {
        return request(session, id, rules, edited);
    }
    if record.payload_len.max(record.len) > MESSAGE_LIMIT_BYTES {
        return Err(format!("it has {} bytes, and at most {MESSAGE_LIMIT_BYTES} are sent again", record.payload_len));
    }
    let explained = session.explain_within(id, record.len as usize + 16);
    // The payload of a frame may be compressed, and is then shorter than what is said of its message.
    if !matches!(record.kind, Kind::WsFrame | Kind::WsClose) && (explained.payload.len() as u64) < record.payload_len {
        let (has, of) = (explained.payload.len(), record.payload_len);
        return Err(format!("of its {of} bytes only {has} can be read"));
    }
    let payload = edited.cloned().unwrap_or_else(|| Bytes::from(explained.payload.clone()));
    let payload_bytes = payload.len();
    let sent = |kind| Sent { kind: Some(kind), least_bytes: 2, payload_bytes };
    let plain = |outgoing, kind| Ordered { order: Order::Send(outgoing), sent: sent(kind), without: Vec::new() };
    Ok(match record.kind {
        Kind::WsText => match String::from_utf8(payload.to_vec()) {
            Ok(text) => plain(Outgoing::Text(text), record.kind),
            // Only a frame that is written as ordered can break this rule.
            Err(_) => raw(frame_of(1, payload)?),
        },
        Kind::WsBinary => plain(Outgoing::Binary(payload), record.kind),
        Kind::WsPing => plain(Outgoing::Ping(payload), record.kind),
        Kind::WsPong => plain(Outgoing::Pong(payload), record.kind),
        Kind::WsClose => close(code_of(&explained), payload)?,
        Kind::WsFrame => {
            let frame = frame(session, &record, rules.keep_masks)?;
            raw(match edited {
                Some(payload) => frame_with(frame, payload)?,
                None => frame,
            })
        }
        kind => return Err(format!("a record of kind {} cannot be sent", kind.name())),
    })
}

fn raw(frame: RawFrame) -> Ordered {
    let sent = Sent { kind: None, least_bytes: frame.bytes().len() as u64, payload_bytes: frame.payload.len() };
    Ordered { order: Order::Send(Outgoing::Frames(vec![frame])), sent, without: Vec::new() }
}

fn frame_of(opcode: u8, payload: Bytes) -> Result<RawFrame, String> {
    if payload.len() > RAW_LIMIT_BYTES {
        return Err(format!(
            "a raw frame carries at most {RAW_LIMIT_BYTES} bytes here, and this has {}",
            payload.len()
        ));
    }
    let (mask, length_form) = (Some(fresh_key()), LengthForm::Minimal);
    Ok(RawFrame { fin: true, rsv: [false; 3], opcode, mask, length_form, claimed_len: None, payload })
}

/// The code of a close frame.
pub(super) fn code_of(explained: &Explained) -> Option<u16> {
    let code = explained.fields.iter().find(|field| field.def.key == "websocket.close.code")?;
    match code.value {
        Value::Number(code) | Value::Named(code, _) => u16::try_from(code).ok(),
        _ => None,
    }
}

fn close(code: Option<u16>, reason: Bytes) -> Result<Ordered, String> {
    let sent = Sent { kind: Some(Kind::WsClose), least_bytes: 2, payload_bytes: reason.len() + 2 };
    let is_lawful = code.map_or(reason.is_empty(), |code| close_code_rule(code).is_none());
    match String::from_utf8(reason.to_vec()) {
        Ok(reason) if is_lawful => Ok(Ordered { order: Order::Close { code, reason }, sent, without: Vec::new() }),
        _ => {
            let code = code.map_or_else(Vec::new, |code| code.to_be_bytes().to_vec());
            Ok(raw(frame_of(8, [&code[..], &reason].concat().into())?))
        }
    }
}

/// A frame, bit by bit as it was, with the masking key that it had.
pub(super) fn recorded_frame(session: &Session, record: &Record) -> Result<RawFrame, String> {
    let bytes = session.wire(record.link, record.dir, record.start, (record.len as usize).min(14));
    let (Some(first), Some(second), false) = (bytes.first(), bytes.get(1), record.detail & OLD_FRAME != 0) else {
        return Err("it is no frame of RFC 6455 that could be sent byte for byte".to_owned());
    };
    let (length_form, at) = match second & 0x7F {
        126 => (LengthForm::Bits16, 4),
        127 => (LengthForm::Bits64, 10),
        _ => (LengthForm::Bits7, 2),
    };
    let mask = if second & 0x80 == 0 { None } else { bytes.get(at..).and_then(|key| key.first_chunk::<4>().copied()) };
    let header_len = at as u64 + if second & 0x80 == 0 { 0 } else { 4 };
    let len = record.len.saturating_sub(header_len);
    if len > RAW_LIMIT_BYTES as u64 {
        return Err(format!("a raw frame carries at most {RAW_LIMIT_BYTES} bytes here, and this has {len}"));
    }
    let mut payload = session.wire(record.link, record.dir, record.start + header_len, len as usize);
    if payload.len() as u64 != len {
        return Err(format!("of its {} bytes not all can be read", record.len));
    }
    mask.into_iter().for_each(|key| unmask(&mut payload, key));
    let bit = |at: u8| first >> (7 - at) & 1 == 1;
    let rsv = [bit(1), bit(2), bit(3)];
    let payload = Bytes::from(payload);
    Ok(RawFrame { fin: bit(0), rsv, opcode: first & 0x0F, mask, length_form, claimed_len: None, payload })
}

/// A frame with a masking key of its own, unless it is to keep the one it had.
fn frame(session: &Session, record: &Record, keep_masks: bool) -> Result<RawFrame, String> {
    let frame = recorded_frame(session, record)?;
    Ok(RawFrame { mask: frame.mask.map(|key| if keep_masks { key } else { fresh_key() }), ..frame })
}

/// A frame with another payload, its length in the shortest form.
fn frame_with(frame: RawFrame, payload: &Bytes) -> Result<RawFrame, String> {
    let length_form = frame_of(frame.opcode, payload.clone())?.length_form;
    Ok(RawFrame { length_form, payload: payload.clone(), ..frame })
}

/// A key nobody can foresee (RFC 6455 §5.3).
fn fresh_key() -> [u8; 4] {
    let mut key = [0; 4];
    // Without entropy the mask is zeros; such a frame is still a frame.
    let _ = getrandom::fill(&mut key);
    key
}

fn request(session: &Session, id: RecordId, rules: &OrderRules, edited: Option<&Bytes>) -> Result<Ordered, String> {
    let mut request = recorded_request(session, id)?;
    if let Some(body) = edited {
        request.body = body.clone();
    }
    for (name, value) in rules.headers.iter().filter(|_| request.is_to_own_server) {
        let is_it = |other: &str| other.eq_ignore_ascii_case(name);
        request.without.retain(|other| !is_it(other));
        request.headers.retain(|(other, _)| !is_it(other));
        request.headers.push((name.clone(), value.clone()));
    }
    let url = match &rules.origin {
        Some(origin) if request.is_to_own_server => {
            let path = format!("/{}", request.url.splitn(4, '/').nth(3).unwrap_or_default());
            let path = rules.moved.as_ref().and_then(|moved| moved.target(&path)).unwrap_or(path);
            format!("{}{path}", origin.trim_end_matches('/'))
        }
        _ => request.url,
    };
    let sent = Sent { kind: Some(Kind::HttpRequest), least_bytes: 2, payload_bytes: request.body.len() };
    let (method, headers, body) = (request.method, request.headers, request.body);
    let outgoing = Outgoing::Request { method, url: Some(url), headers, body };
    Ok(Ordered { order: Order::Send(outgoing), sent, without: request.without })
}

/// A request as it was recorded; an error says what of it is not to be had.
pub fn recorded_request(session: &Session, id: RecordId) -> Result<RecordedRequest, String> {
    let Some(record) = session.records().get(id).copied().filter(|record| record.kind == Kind::HttpRequest) else {
        return Err("it is no request".to_owned());
    };
    let explained = session.explain(id);
    let text = |field: &Field| String::from_utf8_lossy(&session.field_bytes(&explained, field, 1 << 20)).into_owned();
    let first = |key: &str| explained.fields.iter().find(|field| field.def.key == key).map(text);
    let (Some(method), Some(target)) = (first("http.request.method"), first("http.request.target")) else {
        return Err("its first line cannot be read".to_owned());
    };
    let mut request = RecordedRequest { method, ..RecordedRequest::default() };
    let mut is_chunked = false;
    let mut has_body = false;
    let mut fields = explained.fields.iter();
    while let Some(field) = fields.next() {
        if field.def.key != "http.header.name" {
            continue;
        }
        let Some(value) = fields.find(|field| field.def.key == "http.header.value") else { break };
        let (name, value) = (text(field), text(value));
        let lower = name.to_ascii_lowercase();
        is_chunked |= lower == "transfer-encoding";
        has_body |= lower == "transfer-encoding" || (lower == "content-length" && value.trim() != "0");
        if OWN_HEADERS.contains(&lower.as_str()) || lower == "transfer-encoding" {
            continue;
        }
        if is_hidden(&name, &value) {
            request.without.push(name);
        } else {
            request.headers.push((name, value));
        }
    }
    let opening = session.link(record.link).and_then(|link| link.opening.as_ref());
    request.url = match opening {
        // A proxy is told the whole address (RFC 9112 §3.2.2).
        _ if target.contains("://") => target,
        Some(opening) => {
            let scheme = if opening.tls { "https" } else { "http" };
            let host = if opening.host.contains(':') { format!("[{}]", opening.host) } else { opening.host.clone() };
            format!("{scheme}://{host}:{}{target}", opening.port)
        }
        None => target,
    };
    let of_connection =
        |own: &&crate::session::Link| own.connection == session.connection_of(&record) && !is_side(session, own.id);
    let place = |link: &crate::session::Link| {
        link.opening.as_ref().map(|opening| (opening.host.clone(), opening.port, opening.tls))
    };
    let any = || session.links().iter().find(|link| link.connection == session.connection_of(&record));
    // Where all its requests were on the side, the first led to its server.
    let own = session.links().iter().find(of_connection).or_else(any).and_then(place);
    request.is_to_own_server = own.is_some() && own == session.link(record.link).and_then(place);
    if has_body {
        request.body = body(session, id, &record, is_chunked)?;
    }
    Ok(request)
}

/// Whether a header's value is not in the recording but for its length.
fn is_hidden(name: &str, value: &str) -> bool {
    let secret = value.rsplit([' ', '=', '"']).find(|word| !word.is_empty()).unwrap_or_default();
    let is_marked = |mark: char| !secret.is_empty() && secret.chars().all(|char| char == mark);
    value == LEFT_OUT || (is_secret_header(name) && ['*', '•', '█'].into_iter().any(is_marked))
}

fn body(session: &Session, id: RecordId, request: &Record, is_chunked: bool) -> Result<Bytes, String> {
    let behind = id + 1..(id + LOOK_AHEAD).min(session.records().len());
    let of_link = behind.zip(session.records().range(id + 1..id + LOOK_AHEAD));
    let mut out = of_link.filter(|(_, record)| record.link == request.link && record.dir == Dir::Out);
    let body = out.find(|(_, record)| matches!(record.kind, Kind::HttpBody | Kind::HttpRequest));
    let Some((body, record)) = body.filter(|(_, record)| record.kind == Kind::HttpBody) else {
        return Err("its body was not sent whole".to_owned());
    };
    if record.flags.has(Flags::INCOMPLETE) || record.end() - request.end() > MESSAGE_LIMIT_BYTES {
        return Err("its body was not sent whole, or is too long".to_owned());
    }
    if is_chunked {
        let explained = session.explain_within(body, record.len as usize + 16);
        return match explained.payload.len() as u64 == record.payload_len {
            true => Ok(explained.payload.into()),
            false => Err("its body cannot be read whole".to_owned()),
        };
    }
    let len = (record.end() - request.end()) as usize;
    let bytes = session.wire(request.link, request.dir, request.end(), len);
    if bytes.len() == len { Ok(bytes.into()) } else { Err("its body cannot be read whole".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::Moved;

    #[test]
    fn requests_go_to_the_new_path_and_keep_what_only_they_had() {
        let moved = Moved::new("http://a/poll?rate=2", "https://b/v2/poll?key=1").unwrap();
        assert_eq!(moved.target("/poll?rate=2").as_deref(), Some("/v2/poll?key=1"));
        assert_eq!(moved.target("/poll?rate=2&cursor=9").as_deref(), Some("/v2/poll?key=1&cursor=9"));
        assert_eq!(moved.target("/publish"), None, "another path stays what it is");
        let moved = Moved::new("http://a/poll", "http://b/x").unwrap();
        assert_eq!(moved.target("/poll").as_deref(), Some("/x"));
        assert_eq!(Moved::new("http://a/poll", "http://b/"), None, "only another server");
        assert_eq!(Moved::new("http://a/poll", "lab:poll"), None);
    }
}
