//! WebSocket messages and events of a stream as the bytes that carry them.

use super::entry::{Frame, StreamEvent};
use crate::dissect::unmask;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A control message is no longer (RFC 6455 §5.5).
const CONTROL_LIMIT_BYTES: usize = 125;

/// Why a member of `_webSocketMessages` can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// A word of the browser's on an error.
    Error,
    /// Direction, opcode or data are missing or not what they should be.
    Invalid,
}

/// A message as a frame (RFC 6455 §5.2) and whether the client sent it. Frames of the client are masked; `number` makes
/// the key, which the HAR does not tell.
pub(super) fn frame(message: &Frame, number: u32) -> Result<(bool, Vec<u8>), Unfit> {
    let is_sent = match message.kind.text() {
        Some("send") => true,
        Some("receive") => false,
        Some("error") => return Err(Unfit::Error),
        _ => return Err(Unfit::Invalid),
    };
    let data = message.data.text().ok_or(Unfit::Invalid)?;
    let (opcode, mut payload) = match message.opcode.number() {
        Some(1.0) => (1, data.as_bytes().to_vec()),
        Some(opcode) if [2.0, 8.0, 9.0, 10.0].contains(&opcode) => {
            (opcode as u8, STANDARD.decode(data).map_err(|_| Unfit::Invalid)?)
        }
        _ => return Err(Unfit::Invalid),
    };
    if opcode >= 8 && payload.len() > CONTROL_LIMIT_BYTES {
        return Err(Unfit::Invalid);
    }
    let mask = if is_sent { 0x80 } else { 0 };
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        len @ ..126 => bytes.push(mask | len as u8),
        len => match u16::try_from(len) {
            Ok(len) => {
                bytes.push(mask | 126);
                bytes.extend(len.to_be_bytes());
            }
            Err(_) => {
                bytes.push(mask | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        },
    }
    if is_sent {
        // Any key serves; no byte of it is zero, so that a masked frame looks like one.
        let key = number.wrapping_mul(0x9E37_79B9).to_be_bytes().map(|byte| byte | 1);
        bytes.extend(key);
        unmask(&mut payload, key);
    }
    bytes.extend(payload);
    Ok((is_sent, bytes))
}

/// An event as it stands in a stream (WHATWG HTML §9.2.6). `last_id` is the ID in force, which it becomes.
pub(super) fn event(event: &StreamEvent, last_id: &mut String) -> Vec<u8> {
    let one_line = |text: &str| text.replace(['\r', '\n', '\0'], "");
    let mut text = String::new();
    let (name, id) = (one_line(event.name.text().unwrap_or("")), one_line(&event.id.shown()));
    if !name.is_empty() && name != "message" {
        text.push_str(&format!("event: {name}\n"));
    }
    if id != *last_id {
        text.push_str(&format!("id: {id}\n"));
        *last_id = id;
    }
    for line in event.data.text().unwrap_or_default().split('\n') {
        text.push_str(&format!("data: {}\n", line.trim_end_matches('\r').replace('\r', "\ndata: ")));
    }
    text.push('\n');
    text.into_bytes()
}

/// Where each event that a browser dispatches ends in a stream: behind the empty line.
pub(super) fn event_ends(stream: &[u8]) -> Vec<usize> {
    let (mut ends, mut at, mut has_data) = (Vec::new(), 0, false);
    while at < stream.len() {
        let rest = &stream[at..];
        let Some(len) = memchr::memchr2(b'\r', b'\n', rest) else { break };
        let end_len = if rest[len..].starts_with(b"\r\n") { 2 } else { 1 };
        let mut line = &rest[..len];
        if at == 0 {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        at += len + end_len;
        if line.is_empty() {
            if std::mem::take(&mut has_data) {
                ends.push(at);
            }
        } else {
            has_data |= line == b"data" || line.starts_with(b"data:");
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::super::entry::Loose;
    use super::*;

    fn message(kind: &str, opcode: f64, data: &str) -> Frame {
        let text = |text: &str| Loose::Text(text.to_owned());
        Frame { kind: text(kind), time: Loose::Nothing, opcode: Loose::Number(opcode), data: text(data) }
    }

    #[test]
    fn messages_become_frames() {
        assert_eq!(frame(&message("receive", 1.0, "ab"), 0), Ok((false, b"\x81\x02ab".to_vec())));
        let (is_sent, bytes) = frame(&message("send", 2.0, "AQL/"), 7).unwrap();
        assert!(is_sent && bytes[..2] == [0x82, 0x83]);
        let mut payload = bytes[6..].to_vec();
        unmask(&mut payload, *bytes[2..].first_chunk().unwrap());
        assert_eq!(payload, [1, 2, 255]);
        for (len, head) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            assert_eq!(frame(&message("receive", 1.0, &"x".repeat(len)), 0).unwrap().1.len(), head + len);
        }
        for bad in [message("send", 2.0, "no base64!"), message("x", 1.0, ""), message("send", 3.0, "")] {
            assert_eq!(frame(&bad, 0), Err(Unfit::Invalid));
        }
        assert_eq!(frame(&message("receive", 9.0, &STANDARD.encode([0; 126])), 0), Err(Unfit::Invalid));
        assert_eq!(frame(&message("error", -1.0, "why"), 0), Err(Unfit::Error));
    }

    #[test]
    fn events_are_written_and_their_ends_found() {
        let text = |text: &str| Loose::Text(text.to_owned());
        let one = StreamEvent { time: Loose::Nothing, name: text("message"), id: text("1"), data: text("a\nb") };
        let mut last_id = String::new();
        assert_eq!(event(&one, &mut last_id), b"id: 1\ndata: a\ndata: b\n\n");
        let two = StreamEvent { name: text("tick\n"), ..one };
        assert_eq!(event(&two, &mut last_id), b"event: tick\ndata: a\ndata: b\n\n");
        assert_eq!(event_ends(b": c\n\ndata: a\r\n\r\nid: 3\n\ndata\n\ndata: cut"), [16, 29]);
        assert_eq!(event_ends("\u{feff}data:a\r\rdata:b\r\r".as_bytes()), [11, 19]);
    }
}
