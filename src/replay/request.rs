//! A client's request, however its bytes are cut. What cannot be understood is refused in a sentence.

use super::head::{Head, LARGEST_HEAD_BYTES, head_end};
use super::tap::Tap;
use bytes::{Buf as _, BytesMut};

/// Bytes of a body that are kept to be compared; what is beyond is read and counted.
pub(super) const BODY_LIMIT_BYTES: usize = 4 << 20;
const LARGEST_CHUNK_LINE_BYTES: usize = 4 << 10;

/// Why there is no request.
pub(super) enum Unread {
    /// The client left between two requests.
    Over,
    /// The client is to be told why, with this status.
    Refused(u16, String),
}

fn refused<T>(status: u16, text: &str) -> Result<T, Unread> {
    Err(Unread::Refused(status, text.to_owned()))
}

/// Looks for a request's head in what came. `None` while it is not whole.
pub(super) fn take_head(early: &mut BytesMut) -> Result<Option<(Head, Vec<u8>)>, Unread> {
    // RFC 9112 §2.2: empty lines before the request line are ignored.
    let blank = early.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    early.advance(blank);
    match early.first() {
        Some(0x16) => {
            return refused(
                400,
                "This looks like TLS, and this replay speaks plain text: use http:// or ws://, or start it with --tls.",
            );
        }
        Some(byte) if !byte.is_ascii_alphabetic() => return refused(400, "This is no HTTP request."),
        _ => {}
    }
    let Some(end) = head_end(early) else {
        return match early.len() > LARGEST_HEAD_BYTES {
            true => refused(431, "The request's head is longer than 256 KiB."),
            false => Ok(None),
        };
    };
    let bytes = early.split_to(end).to_vec();
    let head = Head::read(&bytes);
    if head.target().is_empty() {
        return refused(400, "A request line is METHOD TARGET HTTP/1.1 (RFC 9112 §3).");
    }
    Ok(Some((head, bytes)))
}

/// Reads the next request's head.
pub(super) async fn read_head(tap: &mut Tap) -> Result<(Head, Vec<u8>), Unread> {
    loop {
        if let Some(found) = take_head(&mut tap.early)? {
            return Ok(found);
        }
        if tap.is_eof || !tap.more().await {
            return if tap.early.is_empty() {
                Err(Unread::Over)
            } else {
                refused(400, "The request ends within its head.")
            };
        }
    }
}

/// Reads a request's body.
pub(super) async fn read_body(head: &Head, tap: &mut Tap) -> Result<Body, Unread> {
    let mut body = Body::of(head);
    loop {
        match body.take(&mut tap.early) {
            Err(text) => return refused(400, text),
            Ok(true) => return Ok(body),
            Ok(false) => {}
        }
        if tap.is_eof || !tap.more().await {
            return refused(400, "The request ends within its body.");
        }
    }
}

/// A body, as it is taken out of what comes.
pub(super) struct Body {
    state: State,
    /// What it says, up to [`BODY_LIMIT_BYTES`].
    pub bytes: Vec<u8>,
    /// How long it is.
    pub len: u64,
}

enum State {
    /// So many bytes more.
    Data(u64),
    /// The next line is a chunk's first.
    Size,
    /// So many bytes of a chunk more.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    Trailers(usize),
    Done,
}

impl Body {
    /// The body behind a request's head.
    pub fn of(head: &Head) -> Body {
        let state = match head.is_chunked() {
            true => State::Size,
            false => State::Data(head.content_length().unwrap_or(0)),
        };
        Body { state, bytes: Vec::new(), len: 0 }
    }

    /// Whether there is one.
    pub fn is_expected(&self) -> bool {
        !matches!(self.state, State::Data(0) | State::Done)
    }

    /// Takes what there is of it; whether that is all.
    pub fn take(&mut self, from: &mut BytesMut) -> Result<bool, &'static str> {
        loop {
            match &mut self.state {
                State::Done | State::Data(0) => return Ok(true),
                State::Chunk(0) => self.state = State::ChunkEnd,
                State::Data(left) | State::Chunk(left) => {
                    if from.is_empty() {
                        return Ok(false);
                    }
                    let len = (*left).min(from.len() as u64);
                    *left -= len;
                    self.len += len;
                    let data = from.split_to(len as usize);
                    let room = BODY_LIMIT_BYTES - self.bytes.len();
                    self.bytes.extend_from_slice(&data[..data.len().min(room)]);
                }
                State::Size | State::ChunkEnd | State::Trailers(_) => {
                    let Some(end) = memchr::memchr(b'\n', from) else {
                        return match from.len() > LARGEST_CHUNK_LINE_BYTES {
                            true => Err("A line between the body's chunks is longer than 4 KiB."),
                            false => Ok(false),
                        };
                    };
                    let line = from.split_to(end + 1);
                    self.line(line.trim_ascii())?;
                }
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        self.state = match self.state {
            State::Size => {
                let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                let size = std::str::from_utf8(size).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
                match size.and_then(|size| u64::from_str_radix(size, 16).ok()) {
                    Some(0) => State::Trailers(0),
                    Some(size) => State::Chunk(size),
                    None => return Err("A chunk starts with its size in hexadecimal digits (RFC 9112 §7.1)."),
                }
            }
            State::ChunkEnd if line.is_empty() => State::Size,
            State::ChunkEnd => return Err("A chunk's data ends with CRLF (RFC 9112 §7.1)."),
            State::Trailers(_) if line.is_empty() => State::Done,
            State::Trailers(bytes) if bytes < LARGEST_HEAD_BYTES => State::Trailers(bytes + line.len()),
            _ => return Err("The trailers are longer than 256 KiB."),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_same_however_it_is_cut() {
        let wire = b"\r\nPOST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: 1\r\n\r\nGET";
        for piece in 1..wire.len() {
            let mut early = BytesMut::new();
            let mut head = None;
            let mut body: Option<Body> = None;
            let mut is_done = false;
            for bytes in wire.chunks(piece) {
                early.extend_from_slice(bytes);
                if head.is_none() {
                    let Ok(found) = take_head(&mut early) else { panic!("refused at {piece}") };
                    head = found.map(|(head, _)| head);
                    body = head.as_ref().map(Body::of);
                }
                if let Some(body) = body.as_mut().filter(|_| !is_done) {
                    is_done = body.take(&mut early).unwrap();
                }
            }
            let body = body.unwrap();
            assert!(is_done && body.bytes == b"abc0123456789" && body.len == 13 && early[..] == b"GET"[..], "{piece}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let status = |bytes: &[u8]| match take_head(&mut BytesMut::from(bytes)) {
            Err(Unread::Refused(status, _)) => status,
            _ => 0,
        };
        assert_eq!(status(b"\x16\x03\x01"), 400);
        assert_eq!(status(b"\x05\x01"), 400);
        assert_eq!(status(b"GET\r\n\r\n"), 400);
        assert_eq!(status(&vec![b'a'; LARGEST_HEAD_BYTES + 1]), 431);
        assert_eq!(status(b"GET / HTTP/1.1\r\n"), 0);
        let chunked = Head::read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        for bytes in [&b"g\r\n"[..], b"1\r\nab\r\n", b"-1\r\n", b"fffffffffffffffff\r\n"] {
            assert!(Body::of(&chunked).take(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
        }
    }
}
