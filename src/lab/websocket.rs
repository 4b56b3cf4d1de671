//! WebSocket frames (RFC 6455 §5): writing a server's, and reading a client's strictly.

use std::io;

use super::deflate::Inflater;
use super::http::LARGEST_BODY_BYTES;
use super::split::{Buffer, Receiver};

const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;
pub const RSV2: u8 = 0x20;
pub const RSV3: u8 = 0x10;
const MASK: u8 = 0x80;

/// RFC 6455 §5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// What a client sent, whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    /// The payload to answer with: the client's own code and reason (RFC 6455 §5.5.1).
    Close(Vec<u8>),
    /// A rule was broken: the status code to close with (RFC 6455 §7.4.1), and the reason.
    Broken(u16, &'static str),
    /// The connection ended without a close frame.
    Gone,
}

/// How a frame's length is written (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthForm {
    /// In the fewest bytes, as it must be.
    Fewest,
    /// In 64 bits, however short the payload is.
    Longest,
    /// In the fewest bytes, and so many more bytes than there are.
    More(u64),
}

/// A frame's head, whatever the rules say (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub fin: bool,
    pub rsv: u8,
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    pub form: LengthForm,
}

impl Head {
    /// Writes the frame.
    pub fn write(self, payload: &[u8], buffer: &mut Buffer) {
        let bytes = &mut buffer.bytes;
        bytes.push(self.opcode | self.rsv | if self.fin { FIN } else { 0 });
        let mask = if self.mask.is_some() { MASK } else { 0 };
        let (least, length) = match self.form {
            LengthForm::Fewest => (0, payload.len() as u64),
            LengthForm::Longest => (0x1_0000, payload.len() as u64),
            LengthForm::More(more) => (0, payload.len() as u64 + more),
        };
        match length.max(least) {
            0..=125 => bytes.push(mask | length as u8),
            126..=0xFFFF => {
                bytes.push(mask | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend_from_slice(&length.to_be_bytes());
            }
        }
        bytes.extend_from_slice(self.mask.as_ref().map_or(&[][..], |key| key));
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        if let Some(key) = self.mask {
            bytes[start..].iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
    }
}

/// The payload of a close frame. A control frame holds 125 bytes (RFC 6455 §5.5).
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.bytes().take(123));
    payload
}

/// Puts frames together to messages. Control frames may come between a message's frames (RFC 6455 §5.4).
#[derive(Debug, Default)]
pub struct Reader {
    /// The message begun.
    begun: Option<Begun>,
    /// There where compressed messages were agreed on.
    inflater: Option<Inflater>,
}

#[derive(Debug)]
struct Begun {
    is_text: bool,
    is_compressed: bool,
    data: Vec<u8>,
}

impl Reader {
    /// For a client that may compress where `inflater` is there.
    pub fn new(inflater: Option<Inflater>) -> Reader {
        Reader { begun: None, inflater }
    }

    /// The next thing a client sent.
    pub async fn next(&mut self, receiver: &mut Receiver) -> Received {
        loop {
            let frame = match read_frame(receiver).await {
                Ok(Ok(frame)) => frame,
                Ok(Err((code, reason))) => return Received::Broken(code, reason),
                Err(_) => return Received::Gone,
            };
            if let Some(received) = self.take(frame) {
                return received;
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Option<Received> {
        let Frame { fin, rsv, opcode, payload } = frame;
        // RFC 7692 §6: RSV1 marks the first frame of a compressed message.
        let is_compressed = rsv == RSV1 && self.inflater.is_some();
        if rsv != 0 && !(is_compressed && matches!(opcode, Opcode::Text | Opcode::Binary)) {
            return Some(Received::Broken(1002, "a reserved bit is set that no extension gives a meaning here"));
        }
        let mut message = match opcode {
            Opcode::Ping => return Some(Received::Ping(payload)),
            Opcode::Pong => return Some(Received::Pong),
            Opcode::Close => return Some(closing(payload)),
            Opcode::Continuation => {
                let Some(mut begun) = self.begun.take() else {
                    return Some(Received::Broken(1002, "a continuation frame continues nothing"));
                };
                if begun.data.len() + payload.len() > LARGEST_BODY_BYTES {
                    return Some(Received::Broken(1009, "the message is larger than 16 MiB"));
                }
                begun.data.extend_from_slice(&payload);
                begun
            }
            Opcode::Text | Opcode::Binary if self.begun.is_some() => {
                return Some(Received::Broken(1002, "a message starts within another"));
            }
            Opcode::Text | Opcode::Binary => Begun { is_text: opcode == Opcode::Text, is_compressed, data: payload },
        };
        if !fin {
            self.begun = Some(message);
            return None;
        }
        if let (true, Some(inflater)) = (message.is_compressed, &mut self.inflater) {
            match inflater.message(message.data) {
                Ok(data) => message.data = data,
                Err((code, reason)) => return Some(Received::Broken(code, reason)),
            }
        }
        Some(match message.is_text {
            // RFC 6455 §8.1.
            true if std::str::from_utf8(&message.data).is_err() => {
                Received::Broken(1007, "a text message is not UTF-8")
            }
            true => Received::Text(message.data),
            false => Received::Binary(message.data),
        })
    }
}

/// RFC 6455 §5.5.1 and §7.4.
fn closing(payload: Vec<u8>) -> Received {
    match payload[..] {
        [] => Received::Close(payload),
        [_] => Received::Broken(1002, "a close frame's payload is a single byte"),
        [high, low, ref reason @ ..] => match u16::from_be_bytes([high, low]) {
            1000..=1003 | 1007..=1014 | 3000..=4999 if std::str::from_utf8(reason).is_ok() => Received::Close(payload),
            1000..=1003 | 1007..=1014 | 3000..=4999 => Received::Broken(1007, "a close reason is not UTF-8"),
            _ => Received::Broken(1002, "that status code must not be sent in a close frame"),
        },
    }
}

#[derive(Debug)]
struct Frame {
    fin: bool,
    rsv: u8,
    opcode: Opcode,
    payload: Vec<u8>,
}

type Rule = (u16, &'static str);

async fn read_frame(receiver: &mut Receiver) -> io::Result<Result<Frame, Rule>> {
    need(receiver, 2).await?;
    let [first, second] = [receiver.buffer[0], receiver.buffer[1]];
    let (fin, short) = (first & FIN != 0, second & !MASK);
    let opcode = match first & 0x0F {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        _ => return Ok(Err((1002, "the opcode is reserved"))),
    };
    if second & MASK == 0 {
        return Ok(Err((1002, "a client's frame must be masked")));
    }
    if opcode as u8 >= 8 && (!fin || short > 125) {
        return Ok(Err((1002, "a control frame is whole and has at most 125 bytes")));
    }
    let extra = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let head = 2 + extra + 4;
    need(receiver, head).await?;
    let length = match short {
        126 | 127 => receiver.buffer[2..2 + extra].iter().fold(0, |length: u64, &byte| length << 8 | u64::from(byte)),
        _ => u64::from(short),
    };
    if (short == 126 && length < 126) || (short == 127 && length <= 0xFFFF) {
        return Ok(Err((1002, "the length is not in the fewest bytes")));
    }
    if length > LARGEST_BODY_BYTES as u64 {
        return Ok(Err((1009, "the message is larger than 16 MiB")));
    }
    let mask = [0, 1, 2, 3].map(|at| receiver.buffer[head - 4 + at]);
    let whole = head + length as usize;
    need(receiver, whole).await?;
    let frame = receiver.buffer.split_to(whole);
    let payload = frame[head..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Ok(Ok(Frame { fin, rsv: first & (RSV1 | RSV2 | RSV3), opcode, payload }))
}

/// Waits until there are so many bytes.
pub async fn need(receiver: &mut Receiver, length: usize) -> io::Result<()> {
    while receiver.buffer.len() < length {
        if receiver.more().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_fewest_bytes() {
        for (length, head) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let mut buffer = Buffer::default();
            let form = LengthForm::Fewest;
            Head { fin: true, rsv: 0, opcode: 2, mask: None, form }.write(&vec![0; length], &mut buffer);
            assert_eq!(buffer.bytes.len(), head + length);
        }
    }

    #[test]
    fn fragments_make_a_message_around_a_ping() {
        let frame = |fin, opcode, payload: &str| Frame { fin, rsv: 0, opcode, payload: payload.as_bytes().to_vec() };
        let mut reader = Reader::default();
        assert_eq!(reader.take(frame(false, Opcode::Text, "he")), None);
        assert_eq!(reader.take(frame(true, Opcode::Ping, "x")), Some(Received::Ping(b"x".to_vec())));
        let whole = reader.take(frame(true, Opcode::Continuation, "llo"));
        assert_eq!(whole, Some(Received::Text(b"hello".to_vec())));
        let stray = reader.take(frame(true, Opcode::Continuation, "x"));
        assert!(matches!(stray, Some(Received::Broken(1002, _))));
    }

    #[test]
    fn close_codes_that_must_not_be_sent() {
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            assert!(matches!(closing(code.to_be_bytes().to_vec()), Received::Broken(1002, _)), "{code}");
        }
        assert!(matches!(closing(vec![3, 232, 0xFF]), Received::Broken(1007, _)));
    }
}
