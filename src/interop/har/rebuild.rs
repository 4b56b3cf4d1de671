//! An entry as the bytes of an HTTP/1 exchange.

use super::entry::{Content, Entry, Loose, Pair, StreamEvent, each};
use super::frames;
use super::framing::*;
use super::head::{self, Head};
use super::link::unix_ns;
use super::url::{Address, Refused};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why an entry is left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is no HTTP: the scheme of its address.
    Scheme(String),
    /// It is not what an entry should be.
    Broken(String),
}

/// A rebuilt exchange.
pub(super) struct Rebuilt {
    pub address: Address,
    /// The request's head; `None` where none was sent.
    pub request: Option<Vec<u8>>,
    pub request_body: Vec<u8>,
    pub answer: Option<Answer>,
    /// Why the answer is missing or cut.
    pub error: Option<String>,
    pub changes: Changes,
    /// WebSocket is spoken after the answer.
    pub is_websocket: bool,
    pub is_event_stream: bool,
}

/// A rebuilt answer.
pub(super) struct Answer {
    pub head: Vec<u8>,
    /// The body in pieces, framed as the head says, each with the time of its last byte where that is known.
    pub pieces: Vec<(Option<i64>, Vec<u8>)>,
    /// The end of the connection ends the body.
    pub is_to_close: bool,
}

/// Rebuilds an entry.
pub(super) fn rebuild(entry: &Entry) -> Result<Rebuilt, Unfit> {
    let broken = |why: &str| Unfit::Broken(why.to_owned());
    let url = entry.request.url.text().ok_or_else(|| broken("its url is no text"))?;
    let address = Address::read(url).map_err(|refused| match refused {
        Refused::Scheme(scheme) => Unfit::Scheme(scheme),
        Refused::Invalid => broken("its url is not built as addresses are"),
    })?;
    let status = match entry.response.status.number() {
        None => 0,
        Some(status) if status == 0.0 || (status.fract() == 0.0 && (100.0..1000.0).contains(&status)) => status as u16,
        Some(status) => return Err(Unfit::Broken(format!("its status is {status}"))),
    };
    let mut changes = Changes::default();
    if address.encoded > 0 {
        changes.add(&TARGET_ENCODED);
    }
    let has_messages = entry.messages.is_some_and(|list| list.get().contains('{'));
    let mut request = fields(&entry.request.headers, &mut changes);
    let mut answer = fields(&entry.response.headers, &mut changes);
    let asks_websocket = head::items(&request, "upgrade").any(|item| item.eq_ignore_ascii_case("websocket"));
    let is_websocket = has_messages || (status == 101 && (address.is_websocket || asks_websocket));
    let is_sent = is_sent(entry, status);
    let method = method(entry, is_websocket, is_sent)?;
    let (version, is_newer) = version(&entry.request.version.shown());
    let (answer_version, is_answer_newer) = version_of_answer(&entry.response.version.shown(), version);
    if is_newer || is_answer_newer {
        changes.add(&NEWER);
    }
    if is_sent && version == "HTTP/1.1" && head::value(&request, "host").is_none() {
        request.insert(0, ("Host".to_owned(), address.authority()));
        // HTTP/2 and 3 have it as :authority, of which is said enough.
        if !is_newer {
            changes.add(&HOST_ADDED);
        }
    }
    let request_body = match is_websocket {
        true => Vec::new(),
        false => request_body(entry, &mut request, &mut changes)?,
    };
    if is_websocket {
        open_websocket(&mut request, &mut answer, &mut changes);
        if status != 101 {
            changes.add(&SWITCHED);
        }
        if entry.messages.is_none() {
            changes.add(&MESSAGES_MISSING);
        }
    }
    let target = if method == "CONNECT" { address.host_and_port() } else { address.target.clone() };
    let request_head = Head { start: [method.clone(), target, version.to_owned()], fields: request, ..Head::default() };
    let error = entry.response.error.text().filter(|error| !error.is_empty()).map(str::to_owned);
    let is_event_stream = media_type(&answer).eq_ignore_ascii_case("text/event-stream");
    let is_answered = status > 0 || is_websocket;
    let answer = is_answered.then(|| {
        let reason = clean(&entry.response.reason.shown());
        let (status, reason) = match is_websocket && status != 101 {
            true => (101, "Switching Protocols".to_owned()),
            false => (status, reason),
        };
        let head =
            Head { start: [answer_version.to_owned(), status.to_string(), reason], fields: answer, ..Head::default() };
        finish_answer(entry, head, &method, error.is_some(), &mut changes)
    });
    Ok(Rebuilt {
        address,
        request: is_sent.then(|| request_head.to_bytes()),
        request_body,
        answer: answer.transpose()?,
        error,
        changes,
        is_websocket,
        is_event_stream,
    })
}

/// Whether a request went out. Of one that did not, browsers know no version and no size of its head.
fn is_sent(entry: &Entry, status: u16) -> bool {
    let is_unknown =
        entry.request.version.shown().is_empty() && entry.request.head_bytes.number().unwrap_or(-1.0) <= 0.0;
    let has_method = entry.request.method.text().is_some_and(|method| !method.is_empty());
    if status == 0 { !is_unknown } else { has_method || !is_unknown }
}

fn method(entry: &Entry, is_websocket: bool, is_sent: bool) -> Result<String, Unfit> {
    let method = entry.request.method.text().unwrap_or_default();
    // HTTP/2 opens WebSockets by CONNECT (RFC 8441).
    if is_websocket && method == "CONNECT" {
        return Ok("GET".to_owned());
    }
    if is_sent && !is_token(method) {
        return Err(Unfit::Broken("its method is no word".to_owned()));
    }
    Ok(method.to_owned())
}

/// The version to write, and whether it was a newer one that is not written.
fn version(said: &str) -> (&'static str, bool) {
    let said = said.trim().to_ascii_lowercase();
    let is_newer = ["h2", "h3", "http/2", "http/3", "spdy", "quic"].iter().any(|newer| said.starts_with(newer));
    (if said == "http/1.0" { "HTTP/1.0" } else { "HTTP/1.1" }, is_newer)
}

fn version_of_answer(said: &str, request: &'static str) -> (&'static str, bool) {
    if said.trim().is_empty() { (request, false) } else { version(said) }
}

/// Whether text is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Text without what may stand in no line of a head.
fn clean(text: &str) -> String {
    let cleaned = text.replace(|char: char| char.is_ascii_control() && char != '\t', " ");
    cleaned.trim().to_owned()
}

/// The fields of a head. Lines of one value are fields of one name: so some tools write repeated fields.
fn fields(pairs: &[Pair], changes: &mut Changes) -> Fields {
    let mut fields = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let name = pair.name.text().unwrap_or_default().trim();
        // Pseudo-header fields (RFC 9113 §8.3) are what the start line says.
        if name.starts_with(':') {
            changes.add(&NEWER);
            continue;
        }
        if !is_token(name) {
            changes.add(&FIELDS_LEFT_OUT);
            continue;
        }
        let value = pair.value.shown();
        if value.contains(|char: char| char.is_ascii_control() && char != '\t') {
            changes.add(&VALUES_CLEANED);
        }
        for line in value.split('\n') {
            fields.push((name.to_owned(), clean(line)));
        }
    }
    fields
}

fn media_type(fields: &Fields) -> &str {
    head::value(fields, "content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// The bytes of a text of the HAR; `None` where it has none.
fn bytes(text: &Loose, encoding: &Loose, of: &str) -> Result<Option<Vec<u8>>, Unfit> {
    let Some(text) = text.text() else { return Ok(None) };
    if !encoding.text().is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) {
        return Ok(Some(text.as_bytes().to_vec()));
    }
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let decoded = STANDARD.decode(compact);
    decoded.map(Some).map_err(|error| Unfit::Broken(format!("{of} is no base64: {error}")))
}

fn request_body(entry: &Entry, request: &mut Fields, changes: &mut Changes) -> Result<Vec<u8>, Unfit> {
    let Some(post) = &entry.request.post else {
        return Ok(framed(request, Vec::new(), Extent::default(), changes));
    };
    let mut body = bytes(&post.text, &post.encoding, "its postData")?;
    if body.as_ref().is_none_or(Vec::is_empty) && !post.params.is_empty() {
        let is_form = post.media_type.shown().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        if is_form {
            let pairs = post.params.iter().map(|pair| (pair.name.shown(), pair.value.shown()));
            body = Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes());
        } else {
            changes.add(&POST_MISSING);
        }
    }
    let body = body.unwrap_or_default();
    let is_coded = post.coding.text().is_some();
    let extent = Extent { len: body.len() as u64, is_coded, ..Extent::default() };
    Ok(framed(request, body, extent, changes))
}

/// A request's body as its head says that it is framed.
fn framed(request: &mut Fields, body: Vec<u8>, extent: Extent, changes: &mut Changes) -> Vec<u8> {
    match fit(request, true, extent, changes) {
        Framing::Chunked => {
            let mut chunked = chunk(&body);
            chunked.extend(LAST_CHUNK);
            chunked
        }
        _ => body,
    }
}

/// The last chunk and the end of a trailer section without fields (RFC 9112 §7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn chunk(data: &[u8]) -> Vec<u8> {
    if data.is_empty() {
        return Vec::new();
    }
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend(b"\r\n");
    chunk
}

fn finish_answer(
    entry: &Entry,
    mut head: Head,
    method: &str,
    is_cut: bool,
    changes: &mut Changes,
) -> Result<Answer, Unfit> {
    let (content, fields) = (&entry.response.content, &mut head.fields);
    let status = head.start[1].parse().unwrap_or(0);
    let is_bodiless = matches!(status, 100..200 | 204 | 304)
        || method == "HEAD"
        || (method == "CONNECT" && (200..300).contains(&status));
    if is_bodiless {
        return Ok(Answer { head: head.to_bytes(), pieces: Vec::new(), is_to_close: false });
    }
    let mut given = bytes(&content.text, &content.encoding, "its content")?;
    if let Some(latin1) = content.text.text().and_then(|text| latin1(text, content)) {
        given = Some(latin1);
        changes.add(&LATIN1);
    }
    let is_stream = media_type(fields).eq_ignore_ascii_case("text/event-stream");
    let mut pieces = match given {
        Some(body) if is_stream => in_pieces(entry, body),
        Some(body) => vec![(None, body)],
        None if is_stream => listed_events(entry, changes),
        None => Vec::new(),
    };
    let len = pieces.iter().map(|(_, piece)| piece.len() as u64).sum();
    let is_missing = len == 0 && content.size.number().is_some_and(|size| size > 0.0);
    let is_coded = content.coding.text().is_some();
    let framing = fit(fields, false, Extent { len, is_coded, is_cut, is_missing }, changes);
    if is_missing {
        changes.add(&BODY_MISSING);
    }
    if framing == Framing::Chunked {
        for (_, piece) in &mut pieces {
            *piece = chunk(piece);
        }
        if !is_cut {
            pieces.push((None, LAST_CHUNK.to_vec()));
        }
    }
    Ok(Answer { head: head.to_bytes(), pieces, is_to_close: framing == Framing::Close })
}

/// The bytes of a text that whoever wrote the HAR read as ISO-8859-1: so mitmproxy does where no charset is named. Only
/// read so has it the size that is named, which is one without its content coding or, with mitmproxy, one with it.
fn latin1(text: &str, content: &Content) -> Option<Vec<u8>> {
    if text.is_ascii() || content.encoding.text().is_some() {
        return None;
    }
    let bytes: Vec<u8> = text.chars().map(|char| u8::try_from(char).ok()).collect::<Option<_>>()?;
    let size = content.size.number()?;
    let sizes = [size, size + content.compression.number().unwrap_or(0.0)];
    let is = |len: usize| sizes.contains(&(len as f64));
    (is(bytes.len()) && !is(text.len())).then_some(bytes)
}

/// An event stream, cut where its events end, each with its time, where the list of events is of the same ones.
fn in_pieces(entry: &Entry, mut body: Vec<u8>) -> Vec<(Option<i64>, Vec<u8>)> {
    let times = events(entry, |_| ());
    let ends = frames::event_ends(&body);
    if times.len() != ends.len() {
        return vec![(None, body)];
    }
    let mut pieces = Vec::with_capacity(ends.len() + 1);
    let mut at = ends.len();
    // From the end, so that every byte is moved once.
    let rest = body.split_off(ends.last().copied().unwrap_or(0));
    while let Some(before) = at.checked_sub(1) {
        let start = before.checked_sub(1).map_or(0, |before| ends[before]);
        pieces.push((times[before].0, body.split_off(start)));
        at = before;
    }
    pieces.reverse();
    if !rest.is_empty() {
        pieces.push((None, rest));
    }
    pieces
}

/// An event stream that is in the HAR as a list of its events only.
fn listed_events(entry: &Entry, changes: &mut Changes) -> Vec<(Option<i64>, Vec<u8>)> {
    let mut last_id = String::new();
    let pieces = events(entry, |event| frames::event(event, &mut last_id));
    if !pieces.is_empty() {
        changes.add(&EVENTS_LISTED);
    }
    pieces
}

/// What is made of each member of `_eventSourceMessages`, with its time.
fn events<T>(entry: &Entry, mut make: impl FnMut(&StreamEvent) -> T) -> Vec<(Option<i64>, T)> {
    let mut made = Vec::new();
    let Some(list) = entry.events else { return made };
    // A list that breaks off tells what came before that.
    let _: Result<Result<(), ()>, String> = each(list, &mut |event: Result<StreamEvent, String>| {
        if let Ok(event) = event.as_ref()
            && event.data.text().is_some()
        {
            made.push((event.time.number().and_then(unix_ns), make(event)));
        }
        Ok(())
    });
    made
}
