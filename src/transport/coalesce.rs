//! Fewer, longer chunks for hyper: the whole chunks of one read become one.
//!
//! hyper gives a chunked body chunk by chunk, each alone from its task to the driver's, which costs it as much as
//! several kilobytes do. A stream with an event a chunk is read several times faster when that happens once a read.
//!
//! Why that is sound:
//! - The tap below records what came; only hyper sees joined chunks, and drivers read bodies by bytes, never by chunks.
//! - Only a head that leaves no doubt begins it: HTTP/1.1, plain lines, one `Transfer-Encoding`, which is `chunked`.
//! - Only whole plain chunks (digits, CR LF, data, CR LF) of one read are joined, so nothing waits for a later read. What
//!   is cut by the read's ends passes as it is, and its state is kept.
//! - The last chunk and anything odd (extensions, spaces, lone LF, no size) pass as they are, with all that follows until
//!   the next request, so hyper judges them itself.

use bytes::{BufMut, Bytes, BytesMut};
use http::Method;
use std::io::Write;
use std::ops::Range;

/// A longer head is not looked at.
const HEAD_LIMIT_BYTES: usize = 64 * 1024;

/// Where in an answer the next byte lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In something that passes as it is.
    #[default]
    Verbatim,
    Head,
    /// Before the first digit of a chunk's size.
    Start,
    /// Behind a digit; the size so far.
    Size(u64),
    /// Between CR and LF of a size line.
    SizeEnd(u64),
    /// In a chunk's data, of which so much is left.
    Data(u64),
    /// Behind the data, before CR.
    DataEnd,
    /// Between the CR and LF behind the data.
    DataEndLf,
}

/// Joins the chunks of one answer.
#[derive(Debug, Default)]
pub(super) struct Coalesce {
    state: State,
    head: Vec<u8>,
    /// Where the data of the whole chunks of this read lie in it.
    chunks: Vec<Range<usize>>,
    joined: BytesMut,
}

impl Coalesce {
    /// Expects the answer to a request, of which nothing was read yet.
    pub fn expect_answer(&mut self, method: &Method) {
        // RFC 9112 §6.3: whatever its head says, such an answer has no body.
        let has_body = method != Method::HEAD && method != Method::CONNECT;
        self.state = if has_body { State::Head } else { State::Verbatim };
        self.head.clear();
    }

    /// What hyper is given for one read: as many bytes or fewer, which mean the same.
    pub fn feed(&mut self, read: Bytes) -> Bytes {
        let run = self.whole_chunks(&read);
        if self.chunks.len() < 2 {
            return read;
        }
        let len_bytes: usize = self.chunks.iter().map(ExactSizeIterator::len).sum();
        self.joined.reserve(read.len());
        self.joined.put_slice(&read[..run.start]);
        // Writing to memory does not fail.
        let _ = write!((&mut self.joined).writer(), "{len_bytes:x}\r\n");
        for data in &self.chunks {
            self.joined.put_slice(&read[data.clone()]);
        }
        self.joined.put_slice(b"\r\n");
        self.joined.put_slice(&read[run.end..]);
        self.joined.split().freeze()
    }

    /// Follows the framing through a read, notes its whole plain chunks and says where they lie.
    fn whole_chunks(&mut self, read: &[u8]) -> Range<usize> {
        self.chunks.clear();
        let (mut at, mut start, mut data, mut run) = (0, None, 0..0, None::<Range<usize>>);
        while let Some(&byte) = read.get(at) {
            let mut taken = 1;
            self.state = match (self.state, byte) {
                (State::Verbatim, _) => break,
                (State::Head, _) => {
                    let next;
                    (taken, next) = self.head(&read[at..]);
                    next
                }
                (State::Start, _) => {
                    start = Some(at);
                    with_digit(0, byte)
                }
                (State::Size(size), b'\r') => State::SizeEnd(size),
                (State::Size(size), _) => with_digit(size, byte),
                // Size 0 is the last chunk.
                (State::SizeEnd(size @ 1..), b'\n') => {
                    data = at + 1..at + 1;
                    State::Data(size)
                }
                (State::Data(left), _) => {
                    taken = usize::try_from(left).unwrap_or(usize::MAX).min(read.len() - at);
                    data.end = at + taken;
                    match left - taken as u64 {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    }
                }
                (State::DataEnd, b'\r') => State::DataEndLf,
                (State::DataEndLf, b'\n') => {
                    if let Some(start) = start {
                        run.get_or_insert(start..start).end = at + 1;
                        self.chunks.push(data.clone());
                    }
                    State::Start
                }
                (State::SizeEnd(_) | State::DataEnd | State::DataEndLf, _) => State::Verbatim,
            };
            at += taken;
        }
        run.unwrap_or_default()
    }

    /// Takes what belongs to a head from the front of `bytes`: how much that is, and what comes next.
    fn head(&mut self, bytes: &[u8]) -> (usize, State) {
        const END: &[u8] = b"\r\n\r\n";
        let before = self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD_LIMIT_BYTES - before)]);
        let from = before.saturating_sub(END.len() - 1);
        let Some(end) = memchr::memmem::find(&self.head[from..], END) else {
            if self.head.len() < HEAD_LIMIT_BYTES {
                return (bytes.len(), State::Head);
            }
            self.head = Vec::new();
            return (bytes.len(), State::Verbatim);
        };
        let end = from + end;
        let next = after_head(&self.head[..end]).unwrap_or_default();
        self.head.clear();
        (end + END.len() - before, next)
    }
}

fn with_digit(size: u64, byte: u8) -> State {
    let digit = char::from(byte).to_digit(16);
    let size = digit.and_then(|digit| size.checked_mul(16)?.checked_add(u64::from(digit)));
    size.map_or(State::Verbatim, State::Size)
}

/// What follows a head, which is given without its last two line ends; `None` where that is not chunks for certain.
fn after_head(head: &[u8]) -> Option<State> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    // A lone CR or LF is one of these too.
    let is_text = |text: &str| !text.contains(|c: char| c.is_ascii_control() && c != '\t');
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let (status, reason) = lines.next()?.strip_prefix("HTTP/1.1 ")?.split_at_checked(3)?;
    let is_status = status.bytes().all(|byte| byte.is_ascii_digit());
    if !is_status || !(reason.is_empty() || reason.starts_with(' ')) || !is_text(reason) {
        return None;
    }
    let mut codings = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.is_empty() || !name.bytes().all(is_token) || !is_text(value) {
            return None;
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            codings += 1;
            value.trim_matches([' ', '\t']).eq_ignore_ascii_case("chunked").then_some(())?;
        }
    }
    match status {
        "101" | "204" | "304" => None,
        _ if status.starts_with('1') => Some(State::Head),
        _ => (codings == 1).then_some(State::Start),
    }
}

#[cfg(test)]
mod tests;
