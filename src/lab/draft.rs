//! The drafts of WebSocket that `/ws` speaks on request, as they were before RFC 6455. hybi-07 and hybi-08 differ from it
//! in the opening handshake only; hixie-75 and hixie-76 are here whole.

use md5::{Digest as _, Md5};

use super::answer::Answer;
use super::http::{LARGEST_BODY_BYTES, Request};
use super::params::{Params, is_token};
use super::split::{Buffer, Receiver};
use super::websocket::{Received, need};

/// A draft of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    Hixie75,
    /// Which is hybi-00, too.
    Hixie76,
    Hybi07,
    Hybi08,
}

impl Draft {
    pub const ALL: [Draft; 4] = [Draft::Hixie75, Draft::Hixie76, Draft::Hybi07, Draft::Hybi08];

    pub fn name(self) -> &'static str {
        match self {
            Draft::Hixie75 => "hixie-75",
            Draft::Hixie76 => "hixie-76",
            Draft::Hybi07 => "hybi-07",
            Draft::Hybi08 => "hybi-08",
        }
    }

    /// `Sec-WebSocket-Version`, which came up with hybi-04.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Draft::Hixie75 | Draft::Hixie76 => None,
            Draft::Hybi07 => Some("7"),
            Draft::Hybi08 => Some("8"),
        }
    }

    /// The parameter among `params` that means nothing in this draft.
    pub fn is_at_odds_with(self, params: &Params) -> Option<&'static str> {
        let faults = &params.faults;
        let unframed = [
            ("fragments", params.fragments != 1),
            ("ping", params.ping_between),
            ("heartbeat", params.heartbeat.is_some()),
            ("close", faults.close.is_some()),
            ("no-pong", faults.no_pong),
            ("bad-accept", faults.bad_accept && self == Draft::Hixie75),
            ("masked", faults.masked),
            ("reserved-bits", faults.reserved_bits),
            ("reserved-opcode", faults.reserved_opcode),
            ("lie-length", faults.lie_length),
        ];
        let of_all = [("deflate", params.deflate.is_some())];
        let unframed = if self.version().is_none() { &unframed[..] } else { &[] };
        of_all.iter().chain(unframed).find(|(_, is_set)| *is_set).map(|(name, _)| *name)
    }
}

/// Reads what there is to read of a hixie draft's opening handshake, and writes the answer; or the answer that refuses.
pub async fn open(draft: Draft, request: &Request, params: &Params, receiver: &mut Receiver) -> Result<Buffer, Answer> {
    let refused = |sentence: &str| Err(Answer::sentence(400, sentence));
    let challenge = match draft {
        Draft::Hixie76 => {
            let number = |name| request.field(name).and_then(key_number);
            let (Some(first), Some(second)) = (number("sec-websocket-key1"), number("sec-websocket-key2")) else {
                return refused(
                    "hixie-76 wants Sec-WebSocket-Key1 and Sec-WebSocket-Key2, each with digits and spaces, the digits a \
                     multiple of the number of spaces (draft-hixie-thewebsocketprotocol-76 §5.2).",
                );
            };
            if need(receiver, 8).await.is_err() {
                return refused("hixie-76 wants 8 bytes behind the head (draft-hixie-thewebsocketprotocol-76 §5.1).");
            }
            let third = receiver.buffer.split_to(8);
            Some([&first.to_be_bytes()[..], &second.to_be_bytes(), &third].concat())
        }
        _ => None,
    };
    let host = request.field("host").unwrap_or_default();
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let origin = request.field("origin").unwrap_or("null");
    // -75 has the words and the order of the first three lines exactly so, and no field may stand between.
    let (words, prefix) = match draft {
        Draft::Hixie75 => ("Web Socket Protocol Handshake", ""),
        _ => ("WebSocket Protocol Handshake", "Sec-"),
    };
    let mut head = format!(
        "HTTP/1.1 101 {words}\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n{prefix}WebSocket-Origin: {origin}\r\n\
         {prefix}WebSocket-Location: ws://{host}{}{query}\r\n",
        request.path
    );
    let offered = request.field(&format!("{prefix}WebSocket-Protocol")).filter(|name| is_token(name));
    if let Some(protocol) = params.protocol.as_deref().or(offered) {
        head.push_str(&format!("{prefix}WebSocket-Protocol: {protocol}\r\n"));
    }
    head.push_str("\r\n");
    let mut buffer = Buffer::default();
    buffer.bytes.extend_from_slice(head.as_bytes());
    if let Some(mut challenge) = challenge {
        if params.faults.bad_accept {
            challenge.reverse();
        }
        buffer.bytes.extend_from_slice(&Md5::digest(&challenge));
    }
    Ok(buffer)
}

/// The number that a key stands for: its digits, divided by how many spaces it has (hixie-76 §5.2).
fn key_number(key: &str) -> Option<u32> {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    let spaces = key.bytes().filter(|byte| *byte == b' ').count() as u64;
    let number: u64 = digits.parse().ok()?;
    (spaces > 0 && number.is_multiple_of(spaces)).then(|| u32::try_from(number / spaces).ok())?
}

/// Writes a text frame (hixie-76 §5.3), torn at `cut` if it is to be.
pub fn write_text(text: &[u8], cut: Option<usize>, buffer: &mut Buffer) {
    let (first, rest) = text.split_at(cut.unwrap_or(0).min(text.len()));
    buffer.bytes.push(0x00);
    buffer.bytes.extend_from_slice(first);
    if cut.is_some() {
        buffer.cut();
    }
    buffer.bytes.extend_from_slice(rest);
    buffer.bytes.push(0xFF);
}

/// Writes what begins and what answers the end (hixie-76 §6).
pub fn write_close(buffer: &mut Buffer) {
    buffer.bytes.extend_from_slice(&[0xFF, 0x00]);
}

/// The next thing a client sent. Frames that mean nothing are passed over, as the drafts have it.
pub async fn next(draft: Draft, receiver: &mut Receiver) -> Received {
    loop {
        match frame(draft, receiver).await {
            Ok(Some(received)) => return received,
            Ok(None) => {}
            Err(_) => return Received::Gone,
        }
    }
}

async fn frame(draft: Draft, receiver: &mut Receiver) -> std::io::Result<Option<Received>> {
    need(receiver, 1).await?;
    let kind = receiver.buffer[0];
    if kind & 0x80 == 0 {
        let mut searched = 1;
        let end = loop {
            if let Some(at) = memchr::memchr(0xFF, &receiver.buffer[searched..]) {
                break searched + at;
            }
            searched = receiver.buffer.len();
            if searched > LARGEST_BODY_BYTES {
                return Ok(Some(Received::Broken(1009, "the message is larger than 16 MiB")));
            }
            need(receiver, searched + 1).await?;
        };
        let frame = receiver.buffer.split_to(end + 1);
        // What is not UTF-8 is replaced, and types other than 0 are passed over (hixie-76 §5.3).
        let text = String::from_utf8_lossy(&frame[1..end]).into_owned().into_bytes();
        return Ok((kind == 0).then_some(Received::Text(text)));
    }
    let (mut length, mut head) = (0_usize, 1);
    loop {
        need(receiver, head + 1).await?;
        let byte = receiver.buffer[head];
        head += 1;
        length = length << 7 | usize::from(byte & 0x7F);
        if length > LARGEST_BODY_BYTES || head > 64 {
            return Ok(Some(Received::Broken(1009, "the frame is larger than 16 MiB")));
        }
        if byte & 0x80 == 0 {
            break;
        }
    }
    need(receiver, head + length).await?;
    let _ = receiver.buffer.split_to(head + length);
    let closes = draft == Draft::Hixie76 && kind == 0xFF && length == 0;
    Ok(closes.then(|| Received::Close(Vec::new())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbers_with_spaces() {
        // The first two are the draft's own example (§1.2).
        assert_eq!(key_number("18x 6]8vM;54 *(5:  {   U1]8  z [  8"), Some(155_712_099));
        assert_eq!(key_number("1_ tx7X d  <  nw  334J702) 7]o}` 0"), Some(173_347_027));
        for bad in ["", "1868545188", "no digits here", "1 2 1", "99999999999999 "] {
            assert_eq!(key_number(bad), None, "{bad}");
        }
    }
}
