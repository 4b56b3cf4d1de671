//! Reading requests (RFC 9112). Whatever cannot be understood is refused with a status and a sentence, never guessed.

use std::io;
use std::time::Duration;

use bytes::Buf as _;
use tokio::time::timeout;

use super::answer::Answer;
use super::params::is_token;
use super::split::{Buffer, Receiver, Sender};

/// The longest head that is read.
pub const LARGEST_HEAD_BYTES: usize = 64 << 10;
/// The largest body that is taken, and the largest WebSocket message.
pub const LARGEST_BODY_BYTES: usize = 16 << 20;
const LARGEST_CHUNK_LINE_BYTES: usize = 4 << 10;
/// How long a connection may stay silent between requests, and in the midst of one.
const IDLE: Duration = Duration::from_secs(75);
const STALL: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    /// The `1` of `HTTP/1.1`.
    pub minor: u8,
    fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Why there is no request.
#[derive(Debug)]
pub enum Unread {
    /// The client closed, or was silent, between two requests.
    Over,
    /// The client is to be told, and the connection closed.
    Refused(Answer),
}

fn refused<T>(status: u16, sentence: &str) -> Result<T, Unread> {
    Err(Unread::Refused(Answer::sentence(status, sentence)))
}

impl Request {
    /// The first field line of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The members of a list field, over all its lines (RFC 9110 §5.6.1).
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.fields.iter().filter(move |(each, _)| each.eq_ignore_ascii_case(name));
        lines.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|member| !member.is_empty())
    }

    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.list(name).any(|each| each.eq_ignore_ascii_case(member))
    }

    /// RFC 9112 §9.3; HTTP/1.0 connections are closed, whatever they ask for.
    pub fn keeps_alive(&self) -> bool {
        self.minor >= 1 && !self.lists("connection", "close")
    }

    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// Reads the next request with its body.
pub async fn read_request(receiver: &mut Receiver, sender: &mut Sender) -> Result<Request, Unread> {
    let head = read_head(receiver).await?;
    let mut request = parse_head(&head)?;
    read_body(&mut request, receiver, sender).await?;
    Ok(request)
}

/// Reads a request's head, with the empty line that ends it.
pub async fn read_head(receiver: &mut Receiver) -> Result<Vec<u8>, Unread> {
    let mut searched = 0;
    loop {
        // RFC 9112 §2.2: empty lines before the request line are ignored.
        if searched == 0 {
            let blank = receiver.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            receiver.buffer.advance(blank);
        }
        match receiver.buffer.first() {
            Some(0x16) => return refused(400, "This looks like TLS; the lab speaks plain text: use http:// or ws://."),
            Some(byte) if !byte.is_ascii_alphabetic() => return refused(400, "This is not an HTTP request."),
            _ => {}
        }
        if let Some(end) = head_end(&receiver.buffer, searched) {
            if end > LARGEST_HEAD_BYTES {
                return refused(431, "The request's head is longer than 64 KiB.");
            }
            return Ok(receiver.buffer.split_to(end).to_vec());
        }
        if receiver.buffer.len() > LARGEST_HEAD_BYTES {
            return refused(431, "The request's head is longer than 64 KiB.");
        }
        searched = receiver.buffer.len().saturating_sub(3);
        let between = receiver.buffer.is_empty();
        match timeout(if between { IDLE } else { STALL }, receiver.more()).await {
            Ok(Ok(n)) if n > 0 => {}
            _ if between => return Err(Unread::Over),
            Ok(_) => return refused(400, "The request ends within its head."),
            Err(_) => return refused(408, "The request's head did not come within 30 seconds."),
        }
    }
}

/// The end of the empty line that ends a head. A lone LF counts as a line end (RFC 9112 §2.2).
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|at| from + at).find_map(|at| match bytes.get(at + 1..) {
        Some([b'\n', ..]) => Some(at + 2),
        Some([b'\r', b'\n', ..]) => Some(at + 3),
        _ => None,
    })
}

fn parse_head(head: &[u8]) -> Result<Request, Unread> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let request_line = lines.next().unwrap_or_default();
    let parts: Vec<&str> = request_line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return refused(400, "A request line is METHOD TARGET HTTP/1.1 (RFC 9112 §3).");
    };
    if !is_token(method) {
        return refused(400, "The request's method is not a token (RFC 9110 §9.1).");
    }
    let minor = match version {
        "HTTP/1.1" => 1,
        "HTTP/1.0" => 0,
        _ if version.starts_with("HTTP/") => return refused(505, "The lab speaks HTTP/1.1 and HTTP/1.0."),
        _ => return refused(400, "A request line ends with HTTP/1.1 (RFC 9112 §3)."),
    };
    let mut fields = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        // RFC 9112 §5.1: no whitespace before the colon; §5.2: no folding.
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_token(name)) else {
            return refused(400, "A field line is NAME: VALUE (RFC 9112 §5).");
        };
        fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    let (path, query) = split_target(target);
    let request = Request { method: method.to_owned(), path, query, minor, fields, body: Vec::new() };
    if minor >= 1 && request.field("host").is_none() {
        return refused(400, "An HTTP/1.1 request needs a Host field (RFC 9112 §3.2).");
    }
    Ok(request)
}

/// Path and query of an origin-form or absolute-form target (RFC 9112 §3.2).
fn split_target(target: &str) -> (String, String) {
    let origin = match target.split_once("://") {
        Some((scheme, rest)) if is_token(scheme) => rest.find(['/', '?']).map_or("/", |at| &rest[at..]),
        _ => target,
    };
    let origin = origin.split('#').next().unwrap_or_default();
    let (path, query) = origin.split_once('?').unwrap_or((origin, ""));
    let path = if path.is_empty() { "/" } else { path };
    (path.to_owned(), query.to_owned())
}

async fn read_body(request: &mut Request, receiver: &mut Receiver, sender: &mut Sender) -> Result<(), Unread> {
    let codings: Vec<_> = request.list("transfer-encoding").map(str::to_ascii_lowercase).collect();
    let lengths: Vec<_> = request.list("content-length").collect();
    let length = match lengths[..] {
        [] => 0,
        // A length that does not fit is certainly too large.
        [first, ..] if lengths.iter().all(|each| *each == first) && first.bytes().all(|b| b.is_ascii_digit()) => {
            first.parse().unwrap_or(usize::MAX)
        }
        _ => return refused(400, "The Content-Length is not one number (RFC 9112 §6.3)."),
    };
    if !codings.is_empty() && !lengths.is_empty() {
        return refused(400, "A request has a Content-Length or a Transfer-Encoding, not both (RFC 9112 §6.1).");
    }
    if !(codings.is_empty() || codings == ["chunked"]) {
        return refused(501, "The lab understands no transfer coding but chunked.");
    }
    if length > LARGEST_BODY_BYTES {
        return refused(413, "The body is larger than 16 MiB.");
    }
    let expected = length > 0 || !codings.is_empty();
    if expected && request.lists("expect", "100-continue") && receiver.buffer.is_empty() {
        let mut go_on = Buffer::default();
        go_on.bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        if sender.send(&mut go_on).await.is_err() {
            return Err(Unread::Over);
        }
    }
    if codings.is_empty() {
        request.body = take(receiver, length).await?;
    } else {
        request.body = read_chunks(receiver).await?;
    }
    Ok(())
}

/// RFC 9112 §7.1; chunk extensions and trailers are passed over.
async fn read_chunks(receiver: &mut Receiver) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    loop {
        let line = take_line(receiver).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = match usize::from_str_radix(size, 16) {
            Ok(size) if hex => size,
            _ if hex => usize::MAX,
            _ => return refused(400, "A chunk starts with its size in hexadecimal digits (RFC 9112 §7.1)."),
        };
        if size > LARGEST_BODY_BYTES - body.len() {
            return refused(413, "The body is larger than 16 MiB.");
        }
        if size == 0 {
            break;
        }
        body.extend_from_slice(&take(receiver, size).await?);
        if !take_line(receiver).await?.is_empty() {
            return refused(400, "A chunk's data ends with CRLF (RFC 9112 §7.1).");
        }
    }
    let mut trailers = 0;
    loop {
        match take_line(receiver).await?.len() {
            0 => return Ok(body),
            length => trailers += length,
        }
        if trailers > LARGEST_HEAD_BYTES {
            return refused(431, "The trailers are longer than 64 KiB.");
        }
    }
}

async fn take(receiver: &mut Receiver, length: usize) -> Result<Vec<u8>, Unread> {
    while receiver.buffer.len() < length {
        more_of_body(receiver).await?;
    }
    Ok(receiver.buffer.split_to(length).to_vec())
}

async fn take_line(receiver: &mut Receiver) -> Result<String, Unread> {
    loop {
        if let Some(end) = memchr::memchr(b'\n', &receiver.buffer) {
            let line = receiver.buffer.split_to(end + 1);
            return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
        }
        if receiver.buffer.len() > LARGEST_CHUNK_LINE_BYTES {
            return refused(400, "A chunk's first line is longer than 4 KiB.");
        }
        more_of_body(receiver).await?;
    }
}

async fn more_of_body(receiver: &mut Receiver) -> Result<(), Unread> {
    match timeout(STALL, receiver.more()).await {
        Ok(Ok(n)) if n > 0 => Ok(()),
        Ok(Ok(_)) => refused(400, "The request ends within its body."),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Err(Unread::Over),
        Ok(Err(_)) => Err(Unread::Over),
        Err(_) => refused(408, "The request's body stopped coming for 30 seconds."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_both_forms() {
        assert_eq!(split_target("/sse?rate=5"), ("/sse".to_owned(), "rate=5".to_owned()));
        assert_eq!(split_target("http://a:1/ws?x=http://b/"), ("/ws".to_owned(), "x=http://b/".to_owned()));
        assert_eq!(split_target("http://a"), ("/".to_owned(), String::new()));
        assert_eq!(split_target("/a?u=http://b"), ("/a".to_owned(), "u=http://b".to_owned()));
    }

    #[test]
    fn heads_that_are_refused() {
        let status = |head: &str| match parse_head(head.as_bytes()) {
            Err(Unread::Refused(answer)) => answer.status,
            other => panic!("{head:?}: {other:?}"),
        };
        assert_eq!(status("GET /\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), 400);
        assert_eq!(status("PRI * HTTP/2.0\r\n\r\n"), 505);
    }
}
