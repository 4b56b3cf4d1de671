//! From a step to what the transport is told.

use super::content::Content;
use super::step::{Fragments, Frame, Mask, Send, What};
use super::values::Values;
use crate::session::Kind;
use crate::transport::{Order, Outgoing, RawFrame, WebSocketMessage};
use bytes::Bytes;
use std::net::SocketAddr;

/// The largest payload of a control frame (RFC 6455 §5.5).
const CONTROL_LIMIT_BYTES: usize = 125;

/// Fragments that a message is cut into at most.
const MOST_FRAGMENTS: usize = 100_000;

/// Where a script runs, as far as sending goes.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Where requests on the side go that name no address; without one, to the connection's own.
    pub relay: Option<String>,
    /// Where the lab listens, for `lab:publish`.
    pub lab: Option<SocketAddr>,
}

/// What was ordered, to be found among the records.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Sent {
    /// The kind of record that it becomes; `None` for frames as ordered, which may become anything.
    pub kind: Option<Kind>,
    /// The least bytes that it takes on the wire.
    pub least_bytes: u64,
    /// Its payload.
    pub payload_bytes: usize,
}

/// The order for a step that sends; an error is a sentence.
pub(super) fn order(what: &What, values: &Values, is_websocket: bool, place: &Place) -> Result<(Order, Sent), String> {
    match what {
        What::Send(send) if send.url.is_some() || !is_websocket => request(send, values, place),
        What::Send(send) => message(send, values),
        _ if !is_websocket => {
            // What ends the connection is there for every type.
            let What::Close { .. } = what else { return Err("this exists on WebSocket only".to_owned()) };
            let sent = Sent { kind: None, least_bytes: 0, payload_bytes: 0 };
            Ok((Order::Close { code: None, reason: String::new() }, sent))
        }
        What::Ping(content) => {
            let payload = control(content, values)?;
            let sent = sent(Kind::WsPing, &payload);
            Ok((Order::Send(Outgoing::Ping(payload)), sent))
        }
        What::Pong(content) => {
            let payload = control(content, values)?;
            let sent = sent(Kind::WsPong, &payload);
            Ok((Order::Send(Outgoing::Pong(payload)), sent))
        }
        What::Close { code, reason } => {
            let reason = reason.text(values)?;
            if reason.len() > CONTROL_LIMIT_BYTES - 2 {
                return Err(format!("a close reason has at most 123 bytes (RFC 6455 §5.5); this has {}", reason.len()));
            }
            let sent = Sent { kind: Some(Kind::WsClose), least_bytes: 6, payload_bytes: reason.len() };
            Ok((Order::Close { code: *code, reason }, sent))
        }
        What::Frame(frame) => raw(frame, values),
        What::Pause(_) | What::Await(_) | What::Repeat(_) => Err("nothing is sent here".to_owned()),
    }
}

fn sent(kind: Kind, payload: &Bytes) -> Sent {
    Sent { kind: Some(kind), least_bytes: 2, payload_bytes: payload.len() }
}

fn control(content: &Content, values: &Values) -> Result<Bytes, String> {
    let payload = content.bytes(values)?;
    match payload.len() {
        0..=CONTROL_LIMIT_BYTES => Ok(payload),
        len => Err(format!("a ping or pong holds at most 125 bytes (RFC 6455 §5.5); this has {len}")),
    }
}

fn message(send: &Send, values: &Values) -> Result<(Order, Sent), String> {
    let payload = send.content.bytes(values)?;
    let sent = sent(if send.is_text { Kind::WsText } else { Kind::WsBinary }, &payload);
    let fragments_bytes = match &send.fragments {
        Fragments::Usual => Vec::new(),
        Fragments::Each(bytes) => {
            let count = payload.len() / bytes;
            if count > MOST_FRAGMENTS {
                return Err(format!("a message is cut into at most {MOST_FRAGMENTS} fragments; this would be {count}"));
            }
            // Where it comes out even, the last frame is one of these.
            vec![*bytes; count.saturating_sub(usize::from(payload.len().is_multiple_of(*bytes)))]
        }
        Fragments::Sizes(sizes) => sizes.clone(),
    };
    let is_plain = send.compress.is_none() && send.fragments == Fragments::Usual;
    let outgoing = match is_plain {
        true if send.is_text => Outgoing::Text(utf8(&payload)?),
        true => Outgoing::Binary(payload),
        false => {
            let (is_text, compress) = (send.is_text, send.compress);
            Outgoing::Message(WebSocketMessage { is_text, payload, compress, fragments_bytes })
        }
    };
    Ok((Order::Send(outgoing), sent))
}

fn utf8(payload: &Bytes) -> Result<String, String> {
    String::from_utf8(payload.to_vec()).map_err(|_| "a text message must be UTF-8 (RFC 6455 §5.6)".to_owned())
}

fn raw(frame: &Frame, values: &Values) -> Result<(Order, Sent), String> {
    let mask = match frame.mask {
        Mask::None => None,
        Mask::Key(key) => Some(key),
        Mask::Random => {
            let mut key = [0; 4];
            // Without entropy the mask is zeros; such a frame is still a frame.
            let _ = getrandom::fill(&mut key);
            Some(key)
        }
    };
    let frame = RawFrame {
        fin: frame.fin,
        rsv: frame.rsv,
        opcode: frame.opcode,
        mask,
        length_form: frame.length_form,
        claimed_len: frame.claimed_len,
        payload: frame.content.bytes(values)?,
    };
    let sent = Sent { kind: None, least_bytes: frame.bytes().len() as u64, payload_bytes: frame.payload.len() };
    Ok((Order::Send(Outgoing::Frames(vec![frame])), sent))
}

fn request(send: &Send, values: &Values, place: &Place) -> Result<(Order, Sent), String> {
    if send.compress.is_some() || send.fragments != Fragments::Usual {
        return Err("compress and fragments are for WebSocket messages, and this is a request on the side".to_owned());
    }
    let body = send.content.bytes(values)?;
    let url = match &send.url {
        None => place.relay.clone(),
        Some(url) => {
            let url = url.text(values)?;
            Some(match (url.strip_prefix("lab:"), place.lab) {
                (None, _) => url,
                (Some(rest), Some(lab)) => format!("http://{lab}/{rest}"),
                (Some(_), None) => {
                    return Err(format!("{url} is an address of the lab, and the connection is not to the lab"));
                }
            })
        }
    };
    let mut headers = Vec::new();
    for (name, value) in &send.headers {
        headers.push((name.clone(), value.text(values)?));
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        let media_type = match &send.content {
            Content::Json(_) | Content::JsonText(_) => "application/json",
            Content::Text(_) => "text/plain; charset=utf-8",
            Content::Bytes(..) => "application/octet-stream",
        };
        headers.push(("Content-Type".to_owned(), media_type.to_owned()));
    }
    let sent = sent(Kind::HttpRequest, &body);
    Ok((Order::Send(Outgoing::Request { method: send.method.clone(), url, headers, body }), sent))
}
