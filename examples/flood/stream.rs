//! The bytes: messages of JSON, all of one size, the last of which is not like the others.

use base64::Engine;
use sha1::{Digest, Sha1};

/// What a message holds where nothing else is asked for, in bytes.
pub const MESSAGE_BYTES: usize = 100;
/// Messages are made once and sent over and over, so many bytes at a time.
const CYCLE_BYTES: usize = 60_000;
/// A close frame with code 1000, as a server sends it.
pub const CLOSE: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];

/// A stream of messages on its way.
#[derive(Clone, Copy, PartialEq)]
pub enum Stream {
    WebSocket,
    Sse,
}

impl Stream {
    /// The path that asks for it.
    pub fn of(path: &str) -> Option<Stream> {
        match path.split('?').next().unwrap_or_default() {
            "/ws" => Some(Stream::WebSocket),
            "/sse" => Some(Stream::Sse),
            _ => None,
        }
    }

    /// The head of the answer.
    pub fn head(self, key: &str) -> String {
        match self {
            Stream::WebSocket => format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {}\r\n\r\n",
                accept(key)
            ),
            Stream::Sse => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
                 Transfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
        }
    }

    /// What ends it.
    pub fn end(self) -> &'static [u8] {
        match self {
            Stream::WebSocket => &CLOSE,
            Stream::Sse => b"0\r\n\r\n",
        }
    }

    /// One message with all that the protocol puts around it.
    fn message(self, text: &str) -> Vec<u8> {
        match self {
            Stream::WebSocket => {
                let len = text.len() as u16;
                let header =
                    if len < 126 { vec![0x81, len as u8] } else { [&[0x81, 126], &len.to_be_bytes()[..]].concat() };
                [&header, text.as_bytes()].concat()
            }
            Stream::Sse => {
                let event = format!("data: {text}\n\n");
                format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
            }
        }
    }

    /// `count` messages of `size` bytes, handed over in pieces of some 60 KB.
    pub fn send<E>(self, count: usize, size: usize, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let in_cycle = CYCLE_BYTES / size;
        let cycle: Vec<u8> = (0..in_cycle).flat_map(|n| self.message(&text(n, size, "an ordinary message"))).collect();
        let usual = count.saturating_sub(1);
        for _ in 0..usual / in_cycle {
            write(&cycle)?;
        }
        let last = self.message(&text(count, size, "the very last message"));
        let rest = cycle.len() / in_cycle * (usual % in_cycle);
        write(&[&cycle[..rest], &last[..last.len() * count.min(1)], self.end()].concat())
    }
}

fn text(n: usize, size: usize, note: &str) -> String {
    let price = 1000.0 + (n % 4096) as f64 * 0.125;
    let text = format!(r#"{{"n":{},"note":"{note:<21}","price":{price:.3},"padding":""#, 100_000_000 + n);
    format!("{text}{}\"}}", ".".repeat(size - text.len() - 2))
}

/// RFC 6455 §4.2.2: the answer to a key.
fn accept(key: &str) -> String {
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// A number of the query, where it is within bounds.
pub fn number(path: &str, name: &str) -> Option<usize> {
    let mut words = path.split_once('?')?.1.split('&');
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// A client's request for a path.
pub fn request(path: &str) -> String {
    let upgrade = match Stream::of(path) {
        Some(Stream::WebSocket) => {
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
        _ => "",
    };
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}\r\n")
}
