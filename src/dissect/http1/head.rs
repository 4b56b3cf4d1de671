//! Heads: the start line and the header fields (RFC 9112 §2 to §5).

use super::fields::*;
use crate::dissect::{FieldDef, NoteDef, Place, Sink, Value, websocket};

/// What a head says that matters for what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The request's method; empty in answers.
    pub method: String,
    /// The answer's status; 0 in requests.
    pub status: u16,
    /// Major and minor version, where readable.
    pub version: (u8, u8),
    /// Whether Transfer-Encoding was given, and whether chunked is its last coding.
    pub coding: Option<bool>,
    /// Content-Length, where it can be relied on.
    pub length: Option<u64>,
    /// Content-Length was given and can't be relied on.
    pub length_invalid: bool,
    /// Content-Type.
    pub content_type: String,
    /// Whether the body is compressed: Content-Encoding names a coding other than identity, or a transfer coding is one.
    pub encoded: bool,
    /// The value of Upgrade.
    pub upgrade: String,
    /// The lines that a WebSocket's opening handshake is made of.
    pub handshake: Vec<HeaderLine>,
    says_close: bool,
    says_keep_alive: bool,
    hosts: usize,
}

impl Head {
    /// Whether no message follows this one on its direction (RFC 9112 §9.3).
    pub fn closes(&self) -> bool {
        self.says_close || (self.version == (1, 0) && !self.says_keep_alive)
    }
}

/// A header line that is looked at again when the head is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    /// The name in lower case.
    pub name: String,
    /// The value.
    pub value: String,
    /// Its first byte in the head, and how many there are without the line end.
    pub at: (usize, usize),
}

/// Reads a whole head, which begins at byte `start` of the wire and ends with its empty line.
pub fn read(place: Place, start: u64, bytes: &[u8], is_request: bool, out: &mut impl Sink) -> Head {
    let mut head = Head::default();
    let mut reader = Lines { place, start, bytes, at: 0 };
    while let Some(byte) = bytes.get(reader.at).filter(|byte| matches!(byte, b'\r' | b'\n')) {
        let len = if *byte == b'\r' && bytes.get(reader.at + 1) == Some(&b'\n') { 2 } else { 1 };
        reader.leaf(&EMPTY_LINE, reader.at, len, Value::Bytes, 0, out);
        if len == 1 {
            let note = if *byte == b'\r' { &BARE_CR } else { &BARE_LF };
            reader.note(note, reader.at, 1, out, String::new);
        }
        reader.at += len;
    }
    if let Some(line) = reader.next_line() {
        if is_request {
            request_line(&reader, line, &mut head, out);
        } else {
            status_line(&reader, line, &mut head, out);
        }
        line_end(&reader, line, out);
    }
    fields(&mut reader, &mut head, out);
    if is_request && head.version >= (1, 1) && head.hosts != 1 {
        reader.note(&NO_HOST, 0, bytes.len(), out, || format!("{} Host fields", head.hosts));
    }
    if head.coding.is_some() && head.version == (1, 0) {
        reader.note(&CODING_IN_10, 0, bytes.len(), out, String::new);
    }
    if head.coding.is_some() && (head.length.is_some() || head.length_invalid) {
        reader.note(&LENGTH_AND_CODING, 0, bytes.len(), out, String::new);
    }
    head
}

/// Reads field lines up to and including the empty line: trailers, and the heads of multipart parts. They begin at byte
/// `start` of the place's stream.
pub fn read_fields(place: Place, start: u64, bytes: &[u8], out: &mut impl Sink) -> Head {
    let mut head = Head::default();
    fields(&mut Lines { place, start, bytes, at: 0 }, &mut head, out);
    head
}

#[derive(Clone, Copy)]
struct Line {
    start: usize,
    /// One past the last byte before the line end.
    text_end: usize,
    end: usize,
}

struct Lines<'a> {
    place: Place,
    start: u64,
    bytes: &'a [u8],
    at: usize,
}

impl Lines<'_> {
    fn next_line(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).map_or(self.bytes.len(), |at| start + at + 1);
        self.at = end;
        let mut text_end = if self.bytes[end - 1] == b'\n' { end - 1 } else { end };
        if text_end > start && text_end < end && self.bytes[text_end - 1] == b'\r' {
            text_end -= 1;
        }
        Some(Line { start, text_end, end })
    }

    fn leaf(&self, def: &'static FieldDef, at: usize, len: usize, value: Value, depth: u8, out: &mut impl Sink) {
        if len > 0 || def.key != SEPARATOR.key {
            out.field(self.place, def, (self.start + at as u64) * 8, len as u64 * 8, value, depth);
        }
    }

    fn note(&self, def: &'static NoteDef, at: usize, len: usize, out: &mut impl Sink, detail: impl FnOnce() -> String) {
        out.note(self.place, def, (self.start + at as u64) * 8, len as u64 * 8, detail);
    }
}

fn line_end(reader: &Lines, line: Line, out: &mut impl Sink) {
    let len = line.end - line.text_end;
    if len > 0 {
        reader.leaf(&LINE_END, line.text_end, len, Value::Bytes, 1, out);
    }
    if len == 1 {
        reader.note(&BARE_LF, line.text_end, 1, out, String::new);
    }
    if let Some(at) = memchr::memchr(b'\r', &reader.bytes[line.start..line.text_end]) {
        reader.note(&BARE_CR, line.start + at, 1, out, String::new);
    }
}

/// Whether text is a token (RFC 9110 §5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

fn is_control(byte: &u8) -> bool {
    (*byte < b' ' && *byte != b'\t') || *byte == 0x7f
}

/// A version such as `HTTP/1.1`.
fn version(bytes: &[u8]) -> Option<(u8, u8)> {
    match bytes {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Some((major - b'0', minor - b'0'))
        }
        _ => None,
    }
}

fn check_version(reader: &Lines, at: usize, bytes: &[u8], head: &mut Head, out: &mut impl Sink) {
    match version(bytes) {
        Some(version) => {
            head.version = version;
            if version != (1, 1) && version != (1, 0) {
                reader.note(&OTHER_VERSION, at, bytes.len(), out, String::new);
            }
        }
        None => reader.note(&BAD_VERSION, at, bytes.len(), out, String::new),
    }
}

fn request_line(reader: &Lines, line: Line, head: &mut Head, out: &mut impl Sink) {
    let whole = &reader.bytes[line.start..line.text_end];
    // White space behind the version is no part of it.
    let text = whole.trim_ascii_end();
    reader.leaf(&REQUEST_LINE, line.start, line.end - line.start, Value::Group, 0, out);
    let method_len = memchr::memchr(b' ', text).unwrap_or(text.len());
    let method = &text[..method_len];
    head.method = String::from_utf8_lossy(method).into_owned();
    reader.leaf(&METHOD, line.start, method_len, Value::Text, 1, out);
    if !is_token(method) {
        reader.note(&BAD_METHOD, line.start, method_len, out, String::new);
    }
    // The target reaches from the first spaces to the last; a well-built line has just two.
    let last = memchr::memrchr(b' ', text).filter(|last| *last > method_len);
    let spaces = |text: &[u8]| text.iter().take_while(|byte| **byte == b' ').count();
    let target_start = method_len + spaces(&text[method_len..]);
    let target_end = last.map_or(text.len(), |last| text[..last].trim_ascii_end().len()).max(target_start);
    reader.leaf(&SEPARATOR, line.start + method_len, target_start - method_len, Value::Bytes, 1, out);
    reader.leaf(&TARGET, line.start + target_start, target_end - target_start, Value::Text, 1, out);
    let target = &text[target_start..target_end];
    if target.is_empty() || target.iter().any(|byte| !byte.is_ascii_graphic()) {
        let def = if last.is_none() { &BAD_START_LINE } else { &BAD_TARGET };
        reader.note(def, line.start, text.len(), out, String::new);
    }
    match last {
        Some(last) => {
            let at = line.start + last + 1;
            reader.leaf(&SEPARATOR, line.start + target_end, last + 1 - target_end, Value::Bytes, 1, out);
            if target_start > method_len + 1 || last > target_end {
                reader.note(&BAD_START_LINE, line.start, text.len(), out, || "more than one space in a row".to_owned());
            }
            reader.leaf(&REQUEST_VERSION, at, text.len() - last - 1, Value::Text, 1, out);
            check_version(reader, at, &text[last + 1..], head, out);
        }
        None => reader.note(&BAD_START_LINE, line.start, text.len(), out, || "no HTTP version".to_owned()),
    }
    reader.leaf(&SEPARATOR, line.start + text.len(), whole.len() - text.len(), Value::Bytes, 1, out);
    if whole.len() > text.len() {
        let (at, len) = (line.start + text.len(), whole.len() - text.len());
        reader.note(&BAD_START_LINE, at, len, out, || "white space at its end".to_owned());
    }
}

fn status_line(reader: &Lines, line: Line, head: &mut Head, out: &mut impl Sink) {
    let text = &reader.bytes[line.start..line.text_end];
    reader.leaf(&STATUS_LINE, line.start, line.end - line.start, Value::Group, 0, out);
    let version_len = memchr::memchr(b' ', text).unwrap_or(text.len());
    reader.leaf(&RESPONSE_VERSION, line.start, version_len, Value::Text, 1, out);
    check_version(reader, line.start, &text[..version_len], head, out);
    let spaces = |text: &[u8]| text.iter().take_while(|byte| **byte == b' ').count();
    let status_start = version_len + spaces(&text[version_len..]);
    reader.leaf(&SEPARATOR, line.start + version_len, status_start - version_len, Value::Bytes, 1, out);
    if status_start > version_len + 1 {
        reader.note(&BAD_START_LINE, line.start, text.len(), out, || "more than one space in a row".to_owned());
    }
    let status_len = memchr::memchr(b' ', &text[status_start..]).unwrap_or(text.len() - status_start);
    let status = &text[status_start..status_start + status_len];
    let is_number = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
    let number = is_number.then(|| status.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')));
    head.status = number.unwrap_or(0);
    let value = number.map_or(Value::Text, |number| Value::Number(number.into()));
    reader.leaf(&STATUS, line.start + status_start, status_len, value, 1, out);
    if number.is_none_or(|number| !(100..600).contains(&number)) {
        reader.note(&BAD_STATUS, line.start + status_start, status_len, out, String::new);
    }
    let reason_start = (status_start + status_len + 1).min(text.len());
    let space = reason_start - status_start - status_len;
    reader.leaf(&SEPARATOR, line.start + status_start + status_len, space, Value::Bytes, 1, out);
    if reason_start < text.len() {
        reader.leaf(&REASON, line.start + reason_start, text.len() - reason_start, Value::Text, 1, out);
        if let Some(at) = text[reason_start..].iter().position(is_control) {
            reader.note(&BAD_REASON, line.start + reason_start + at, 1, out, String::new);
        }
    }
}

fn fields(reader: &mut Lines, head: &mut Head, out: &mut impl Sink) {
    while let Some(mut line) = reader.next_line() {
        if line.start == line.text_end {
            reader.leaf(&HEAD_END, line.start, line.end - line.start, Value::Bytes, 0, out);
            if line.end - line.start == 1 {
                reader.note(&BARE_LF, line.start, 1, out, String::new);
            }
            // Nothing follows the empty line in a whole head.
            return;
        }
        // RFC 9112 §5.2: a line that begins with white space continues the value before it.
        let mut folded = None;
        while matches!(reader.bytes.get(reader.at), Some(b' ' | b'\t')) {
            folded.get_or_insert(line.text_end);
            let Some(next) = reader.next_line() else { break };
            line = Line { start: line.start, ..next };
        }
        if let Some(at) = folded {
            reader.note(&FOLDED, at, line.text_end - at, out, String::new);
        }
        field_line(reader, line, folded.is_some(), head, out);
    }
}

fn field_line(reader: &Lines, line: Line, is_folded: bool, head: &mut Head, out: &mut impl Sink) {
    let text = &reader.bytes[line.start..line.text_end];
    let Some(colon) = memchr::memchr(b':', text) else {
        reader.leaf(&HEADER_INVALID, line.start, text.len(), Value::Text, 0, out);
        reader.note(&NO_COLON, line.start, text.len(), out, String::new);
        if line.end > line.text_end {
            reader.leaf(&LINE_END, line.text_end, line.end - line.text_end, Value::Bytes, 0, out);
        }
        return;
    };
    reader.leaf(&HEADER, line.start, line.end - line.start, Value::Group, 0, out);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let name_end = text[..colon].iter().rposition(|byte| !blank(byte)).map_or(0, |at| at + 1);
    let name = &text[..name_end];
    reader.leaf(&HEADER_NAME, line.start, name_end, Value::Text, 1, out);
    if !is_token(name) {
        reader.note(&BAD_NAME, line.start, name_end, out, String::new);
    }
    if name_end < colon {
        reader.note(&SPACE_BEFORE_COLON, line.start + name_end, colon - name_end, out, String::new);
    }
    let is_space = |byte: &u8| blank(byte) || is_folded && matches!(byte, b'\r' | b'\n');
    let after = &text[colon + 1..];
    let value_start = colon + 1 + after.iter().position(|byte| !is_space(byte)).unwrap_or(after.len());
    let value_end = text.iter().rposition(|byte| !is_space(byte)).map_or(0, |at| at + 1).max(value_start);
    reader.leaf(&SEPARATOR, line.start + name_end, value_start - name_end, Value::Bytes, 1, out);
    let value = &text[value_start..value_end];
    reader.leaf(&HEADER_VALUE, line.start + value_start, value.len(), Value::Text, 1, out);
    if out.full()
        && name.eq_ignore_ascii_case(b"sec-websocket-extensions")
        && let Ok(value) = std::str::from_utf8(value)
    {
        let start = reader.start + (line.start + value_start) as u64;
        websocket::fields::tell_extensions(out, reader.place, start, value, &SEPARATOR);
    }
    reader.leaf(&SEPARATOR, line.start + value_end, text.len() - value_end, Value::Bytes, 1, out);
    if let Some(at) = value.iter().position(|byte| is_control(byte) && !matches!(byte, b'\r' | b'\n')) {
        reader.note(&BAD_VALUE, line.start + value_start + at, 1, out, || format!("byte 0x{:02x}", value[at]));
    }
    if is_folded {
        // The line ends inside a folded value are no bare CRs.
        let len = line.end - line.text_end;
        if len > 0 {
            reader.leaf(&LINE_END, line.text_end, len, Value::Bytes, 1, out);
        }
    } else {
        line_end(reader, line, out);
    }
    understand(reader, line, name, value, head, out);
}

fn understand(reader: &Lines, line: Line, name: &[u8], value: &[u8], head: &mut Head, out: &mut impl Sink) {
    // Only these are white space in HTTP; line ends stand in folded values alone.
    let trim = |text: &str| text.trim_matches([' ', '\t', '\r', '\n']).to_owned();
    let text = || trim(&String::from_utf8_lossy(value));
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let belongs_to_handshake = name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case(b"sec-websocket-"));
    if belongs_to_handshake || is("upgrade") || is("connection") {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        head.handshake.push(HeaderLine { name, value: text(), at: (line.start, line.text_end - line.start) });
    }
    if is("content-length") {
        // RFC 9110 §8.6: a list of equal numbers may be taken as that number.
        let text = text();
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        for part in text.split(',').map(trim) {
            let number = all_digits(&part).then(|| part.parse::<u64>().ok()).flatten();
            match (number, head.length) {
                (None, _) => {
                    head.length_invalid = true;
                    reader.note(&LENGTH_INVALID, line.start, line.text_end - line.start, out, || text.clone());
                }
                (Some(number), Some(before)) if number != before => {
                    head.length_invalid = true;
                    reader.note(&LENGTH_CONFLICT, line.start, line.text_end - line.start, out, || {
                        format!("{before} and {number}")
                    });
                }
                (Some(_), Some(_)) => {
                    reader.note(&LENGTH_REPEATED, line.start, line.text_end - line.start, out, String::new);
                }
                (Some(number), None) => head.length = Some(number),
            }
        }
    } else if is("transfer-encoding") {
        let text = text();
        let last = trim(text.rsplit(',').next().unwrap_or_default());
        head.coding = Some(last.eq_ignore_ascii_case("chunked"));
        // RFC 9112 §7.2: compression may be a transfer coding, too.
        let compressions = ["gzip", "x-gzip", "deflate", "compress", "x-compress"];
        let names = |known: &&str| text.split(',').any(|coding| trim(coding).eq_ignore_ascii_case(known));
        head.encoded |= compressions.iter().any(names);
    } else if is("content-type") {
        head.content_type = text();
    } else if is("content-encoding") {
        head.encoded |= !text().is_empty() && !text().eq_ignore_ascii_case("identity");
    } else if is("connection") {
        let text = text();
        let says = |option: &str| text.split(',').any(|item| trim(item).eq_ignore_ascii_case(option));
        head.says_close |= says("close");
        head.says_keep_alive |= says("keep-alive");
    } else if is("upgrade") {
        head.upgrade = text();
    } else if is("host") {
        head.hosts += 1;
    } else if is("authorization") || is("proxy-authorization") {
        // No credentials are made of asterisks: that is how they are recorded where Pushscope put them in.
        let secret = value.rsplit(|byte| matches!(byte, b' ' | b'"' | b',')).find(|word| word.len() > 1);
        if secret.is_some_and(|word| word.iter().all(|byte| *byte == b'*'))
            || value.windows(12).any(|part| part == b"response=\"**")
        {
            reader.note(&CREDENTIALS_MASKED, line.start, line.text_end - line.start, out, String::new);
        }
    }
}
