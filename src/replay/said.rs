//! What a client says on a WebSocket, dissected as it comes.

use super::tap::CONNECTION;
use crate::dissect::websocket::NO_STATUS_RECEIVED;
use crate::dissect::{Dissector, Full, Kind};
use crate::wire::{Dir, LinkId};

/// Bytes of a message that are kept to be compared.
pub(super) const MESSAGE_LIMIT_BYTES: usize = 1 << 20;

/// Something that a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A whole message.
    Message { is_text: bool, payload: Vec<u8>, len: u64 },
    /// A ping.
    Ping(Vec<u8>),
    /// A close frame, with its code and reason.
    Close(Option<u16>, Vec<u8>),
}

/// Listens to a client.
pub(super) struct Said {
    dissector: Dissector,
    full: Full,
}

impl Said {
    /// From the two heads of an opening handshake on.
    pub fn new(request: &[u8], answer: &[u8]) -> Said {
        let link = LinkId(CONNECTION.0);
        let mut said = Said { dissector: Dissector::http1(link), full: Full::every(link, MESSAGE_LIMIT_BYTES) };
        said.feed(Dir::Out, request);
        said.feed(Dir::In, answer);
        said.full.explained.clear();
        said
    }

    fn feed(&mut self, dir: Dir, bytes: &[u8]) {
        self.full.saw(dir, self.dissector.position(dir), bytes);
        self.dissector.feed(dir, bytes, &mut self.full);
    }

    /// What more bytes say.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        // A little at a time, so that what they inflate to is not held all at once.
        for some in bytes.chunks(16 << 10) {
            self.feed(Dir::Out, some);
            for told in self.full.explained.drain(..) {
                let record = told.record;
                heard.push(match record.kind {
                    Kind::WsText | Kind::WsBinary => Heard::Message {
                        is_text: record.kind == Kind::WsText,
                        payload: told.payload,
                        len: record.payload_len,
                    },
                    Kind::WsPing => Heard::Ping(told.payload),
                    Kind::WsClose => {
                        let code =
                            u16::try_from(record.detail).ok().filter(|code| !matches!(*code, 0 | NO_STATUS_RECEIVED));
                        Heard::Close(code, told.payload)
                    }
                    _ => continue,
                });
            }
        }
        heard
    }
}

/// An unmasked frame of RFC 6455 (§5.2) that is a message of its own.
pub(super) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn a_client_is_heard_however_its_bytes_are_cut() {
        // Masked with zeros: a text in two frames, a ping between them, and a close.
        let wire = b"\x01\x82\0\0\0\0He\x89\x81\0\0\0\0p\x80\x83\0\0\0\0llo\x88\x84\0\0\0\0\x03\xE8ok";
        let expected = [
            Heard::Ping(b"p".to_vec()),
            Heard::Message { is_text: true, payload: b"Hello".to_vec(), len: 5 },
            Heard::Close(Some(1000), b"ok".to_vec()),
        ];
        for piece in 1..=wire.len() {
            let mut said = Said::new(REQUEST, ANSWER);
            let heard: Vec<Heard> = wire.chunks(piece).flat_map(|bytes| said.hear(bytes)).collect();
            assert_eq!(heard, expected, "{piece}");
        }
    }

    #[test]
    fn lengths_take_three_forms() {
        assert_eq!(frame(1, b"hi"), b"\x81\x02hi");
        assert_eq!(frame(2, &[0; 126])[..4], [0x82, 126, 0, 126]);
        assert_eq!(frame(2, &vec![0; 1 << 16])[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
