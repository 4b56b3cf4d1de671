//! A message's head as lines of bytes: what is not changed on purpose leaves as it came.

use std::fmt::Write as _;

use super::body::Body;

/// The fields that are for the next hop only (RFC 9110 §7.6.1), beside those that `Connection` names.
/// `Transfer-Encoding` is not among them: bodies are relayed in the framing in which they came.
const HOP_BY_HOP: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "upgrade"];

/// A start line and field lines, without their line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub start_line: String,
    fields: Vec<Vec<u8>>,
}

impl Head {
    /// Takes a head apart. Lines that are no field lines are kept, too.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let start_line = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let fields = lines.take_while(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
        Self { start_line, fields }
    }

    /// The head as it is sent, with the empty line.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.start_line.as_bytes().to_vec();
        for line in &self.fields {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(line);
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes
    }

    /// The word of the start line at `index`: of a request method, target and version, of an answer version and status.
    pub fn word(&self, index: usize) -> &str {
        self.start_line.split(' ').nth(index).unwrap_or_default()
    }

    /// An answer's status code; 0 if it has none.
    pub fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or(0)
    }

    /// The values of the field lines of that name.
    pub fn values(&self, name: &str) -> Vec<String> {
        let lines = self.fields.iter().filter(|line| is_named(line, name));
        lines.map(|line| String::from_utf8_lossy(&line[name.len() + 1..]).trim().to_owned()).collect()
    }

    /// The members of a list field, over all its lines, in lower case (RFC 9110 §5.6.1).
    pub fn members(&self, name: &str) -> Vec<String> {
        let values = self.values(name);
        let members = values.iter().flat_map(|value| value.split(',')).map(|member| member.trim().to_ascii_lowercase());
        members.filter(|member| !member.is_empty()).collect()
    }

    /// Takes out the field lines of these names.
    pub fn remove(&mut self, names: &[&str]) {
        self.fields.retain(|line| !names.iter().any(|name| is_named(line, name)));
    }

    /// Adds a field line at the end.
    pub fn add(&mut self, name: &str, value: &str) {
        self.fields.push(format!("{name}: {value}").into_bytes());
    }

    /// Takes out what is for the next hop only.
    pub fn remove_hop_by_hop(&mut self) {
        let named = self.members("connection");
        self.remove(&named.iter().map(String::as_str).collect::<Vec<_>>());
        self.remove(HOP_BY_HOP);
    }

    /// Puts `new` in the place of the member `old` of a list field.
    pub fn replace_member(&mut self, name: &str, old: &str, new: &str) {
        for line in self.fields.iter_mut().filter(|line| is_named(line, name)) {
            let value = String::from_utf8_lossy(&line[name.len() + 1..]).into_owned();
            let members = value.split(',').map(str::trim);
            let members: Vec<_> =
                members.map(|member| if member.eq_ignore_ascii_case(old) { new } else { member }).collect();
            let replaced = [&line[..=name.len()], b" ", members.join(", ").as_bytes()].concat();
            *line = replaced;
        }
    }

    /// Whether the sender of this head would keep the connection (RFC 9112 §9.3). HTTP/1.0 does not.
    pub fn keeps_alive(&self) -> bool {
        let closes = |name| self.members(name).iter().any(|member| member == "close");
        self.start_line.contains("HTTP/1.1") && !closes("connection") && !closes("proxy-connection")
    }

    /// The body that follows a request's head (RFC 9112 §6.3). The error is a sentence.
    pub fn request_body(&self) -> Result<Body, String> {
        self.framed().map(|body| body.unwrap_or(Body::Length(0)))
    }

    /// The body that follows an answer's head (RFC 9112 §6.3). The error is a sentence.
    pub fn answer_body(&self, is_answer_to_head: bool) -> Result<Body, String> {
        match self.status() {
            101 => Ok(Body::UntilClose),
            100..=199 | 204 | 304 => Ok(Body::Length(0)),
            _ if is_answer_to_head => Ok(Body::Length(0)),
            _ => self.framed().map(|body| body.unwrap_or(Body::UntilClose)),
        }
    }

    fn framed(&self) -> Result<Option<Body>, String> {
        let codings = self.members("transfer-encoding");
        let lengths = self.members("content-length");
        match (&codings[..], &lengths[..]) {
            ([], []) => Ok(None),
            ([], [length, ..]) => match length.parse() {
                Ok(parsed) if lengths.iter().all(|each| each == length) => Ok(Some(Body::Length(parsed))),
                _ => Err("The Content-Length is not one number (RFC 9112 §6.3).".to_owned()),
            },
            ([.., last], []) if last == "chunked" => Ok(Some(Body::chunked())),
            (_, []) => Ok(Some(Body::UntilClose)),
            _ => Err("A message has a Content-Length or a Transfer-Encoding, not both (RFC 9112 §6.1).".to_owned()),
        }
    }
}

fn is_named(line: &[u8], name: &str) -> bool {
    line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
}

/// A middlebox's own answer, whole. `fields` come after `Date`; a body is HTML.
pub fn own_answer(status: u16, fields: &[(&str, &str)], html: &str, is_answer_to_head: bool) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut answer = format!("HTTP/1.1 {status} {}\r\nDate: {date}\r\n", reason.unwrap_or_default());
    for (name, value) in fields {
        // Writing to a string does not fail.
        let _ = write!(answer, "{name}: {value}\r\n");
    }
    let length = html.len();
    let _ = write!(answer, "Content-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\r\n");
    if !is_answer_to_head {
        answer.push_str(html);
    }
    answer.into_bytes()
}

/// A page with a heading and a sentence.
pub fn page(title: &str, sentence: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (title, sentence) = (escape(title), escape(sentence));
    format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1>\n<p>{sentence}</p></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: x-a,Upgrade\r\n\
        X-A: 1\r\nX-B: \xff\r\n\r\n";

    #[test]
    fn what_is_not_changed_leaves_as_it_came() {
        assert_eq!(Head::parse(ANSWER).bytes(), ANSWER);
        assert_eq!(Head::parse(b"GET / HTTP/1.1\nHost: a\n\n").bytes(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    #[test]
    fn fields_are_changed_one_by_one() {
        let mut head = Head::parse(ANSWER);
        head.replace_member("connection", "upgrade", "keep-alive");
        let text = String::from_utf8_lossy(&head.bytes()).into_owned();
        assert!(text.contains("\r\nConnection: x-a, keep-alive\r\n"), "{text}");
        head.remove_hop_by_hop();
        head.add("Via", "1.1 lab-proxy");
        assert_eq!(head.bytes(), b"HTTP/1.1 101 Switching Protocols\r\nX-B: \xff\r\nVia: 1.1 lab-proxy\r\n\r\n");
    }

    #[test]
    fn bodies_end_where_the_head_says() {
        let of = |fields: &str| Head::parse(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes()).answer_body(false);
        assert_eq!(of("Content-Length: 5\r\n"), Ok(Body::Length(5)));
        assert_eq!(of("Content-Length: 5, 5\r\n"), Ok(Body::Length(5)));
        assert_eq!(of("Transfer-Encoding: Chunked\r\n"), Ok(Body::chunked()));
        assert_eq!(of(""), Ok(Body::UntilClose));
        assert!(of("Content-Length: 5, 6\r\n").is_err());
        assert!(of("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").is_err());
        let request = Head::parse(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(request.request_body(), Ok(Body::Length(0)));
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").answer_body(true), Ok(Body::Length(0)));
        assert_eq!(Head::parse(b"HTTP/1.1 304 Not Modified\r\n\r\n").answer_body(false), Ok(Body::Length(0)));
    }

    #[test]
    fn who_keeps_the_connection() {
        assert!(Head::parse(b"GET / HTTP/1.1\r\n\r\n").keeps_alive());
        assert!(!Head::parse(b"GET / HTTP/1.0\r\n\r\n").keeps_alive());
        assert!(!Head::parse(b"GET / HTTP/1.1\r\nProxy-Connection: Close\r\n\r\n").keeps_alive());
    }
}
