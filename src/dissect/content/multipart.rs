//! Multipart bodies (RFC 2046 §5.1), above all the endless ones of `multipart/x-mixed-replace`.
//!
//! A part ends where the next delimiter is recognised, or, where it names its Content-Length, at the line end behind
//! its last byte: a pushed part is then shown when it has come, not when the next one does.

use super::{At, record};
use crate::dissect::http1::read_fields;
use crate::dissect::{Content, FieldDef, Flags, Kind, NoteDef, Payload, Pending, Severity, Sink, Value};

macro_rules! fields {
    ($($name:ident = $key:literal, $label:literal, $payload:ident, $help:literal;)*) => {
        $(static $name: FieldDef =
            FieldDef { key: $key, label: $label, help: $help, spec: "RFC 2046 §5.1.1", payload: Payload::$payload };)*
        /// Every field of multipart bodies.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    DELIMITER = "part.delimiter", "delimiter", No, "Two hyphens and the boundary: here a part begins";
    CLOSE = "part.close", "close delimiter", No, "The boundary between hyphens: the last part has ended";
    BODY = "part.body", "part's body", Part, "What the part says";
    BETWEEN = "part.between", "text outside of parts", No, "Clients ignore what stands before, between and behind parts";
    LINE_END = "part.line_end", "line end", No, "The line end before a delimiter belongs to the delimiter";
}

static LENGTH_WRONG: NoteDef = NoteDef {
    key: "part.length-wrong",
    severity: Severity::Warning,
    text: "The part's Content-Length differs from its length",
    spec: "RFC 2046 §5.1",
};
static CUT: NoteDef = NoteDef {
    key: "part.cut",
    severity: Severity::Info,
    text: "The body ended without a delimiter behind this part",
    spec: "RFC 2046 §5.1.1",
};
static HEAD_LONG: NoteDef = NoteDef {
    key: "part.head-long",
    severity: Severity::Error,
    text: "The head of this part is longer than 16 KiB; it is taken for its body",
    spec: "RFC 2046 §5.1",
};
/// Every note of multipart bodies.
pub static NOTES: &[&NoteDef] = &[&LENGTH_WRONG, &CUT, &HEAD_LONG];

const HEAD_LIMIT_BYTES: usize = 16 * 1024;

/// The boundary that the parameters of Content-Type name (RFC 2046 §5.1.1: 1 to 70 characters).
pub fn boundary(parameters: &str) -> Option<Vec<u8>> {
    for parameter in parameters.split(';') {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("boundary") {
            let value = value.trim().trim_matches('"');
            return (!value.is_empty() && value.len() <= 200).then(|| value.as_bytes().to_vec());
        }
    }
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before, between or behind parts.
    Outside,
    /// On the line of a delimiter.
    Delimiter,
    Head,
    Body,
}

/// The dissector of a multipart body.
#[derive(Clone, Debug)]
pub struct Multipart {
    at: At,
    delimiter: Vec<u8>,
    state: State,
    /// The next byte's content offset, and one past the last byte on the wire.
    offset: u64,
    wire: u64,
    /// The first wire byte of the record that grows.
    block: Option<u64>,
    /// The line that grows: content offset, first wire byte, length without its end, the wire's end before it, its
    /// first bytes.
    line_start: u64,
    line_wire: u64,
    line_len: u64,
    wire_before_line: u64,
    prefix: Vec<u8>,
    last_byte: u8,
    /// The length of the line end before this line.
    end_before: u64,
    head: Vec<u8>,
    head_start: u64,
    /// The first content offset of the body, or of text outside of parts.
    body_start: u64,
    length: Option<u64>,
    /// The bytes behind the delimiter on its line, as many as tell whether it closes.
    behind: Vec<u8>,
}

impl Multipart {
    /// For a body that begins at `offset` of the direction's content.
    pub fn new(at: At, offset: u64, boundary: Vec<u8>) -> Multipart {
        // Some servers name a boundary that has the hyphens already.
        let delimiter = if boundary.starts_with(b"--") { boundary } else { [b"--", boundary.as_slice()].concat() };
        Multipart {
            at,
            delimiter,
            state: State::Outside,
            offset,
            wire: 0,
            block: None,
            line_start: offset,
            line_wire: 0,
            line_len: 0,
            wire_before_line: 0,
            prefix: Vec::new(),
            last_byte: 0,
            end_before: 0,
            head: Vec::new(),
            head_start: offset,
            body_start: offset,
            length: None,
            behind: Vec::new(),
        }
    }

    /// More content.
    pub fn feed(&mut self, offset: u64, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        if out.full() {
            out.content(self.at.place(), offset, wire, Content::Verbatim, bytes);
        }
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            // While the line may be a delimiter, its bytes are taken up to where that is settled.
            let unsettled = self.delimiter.len().saturating_sub(self.prefix.len());
            let line_end = memchr::memchr(b'\n', rest);
            let text = &rest[..line_end.unwrap_or(rest.len())];
            let may_be = self.state != State::Delimiter && self.line_len as usize == self.prefix.len();
            if may_be && unsettled > 0 && !text.is_empty() {
                let take = unsettled.min(text.len());
                self.prefix.extend_from_slice(&text[..take]);
                self.grow(wire + at as u64, &text[..take], out);
                at += take;
                if self.prefix == self.delimiter {
                    self.delimiter_found(out);
                }
                continue;
            }
            if !text.is_empty() {
                self.grow(wire + at as u64, text, out);
                at += text.len();
                continue;
            }
            self.take(wire + at as u64, &rest[..1]);
            at += 1;
            self.line_ended(out);
        }
    }

    fn take(&mut self, wire: u64, bytes: &[u8]) {
        self.block.get_or_insert(wire);
        if self.offset == self.line_start {
            self.line_wire = wire;
        }
        if self.state == State::Head {
            self.head.extend_from_slice(bytes);
        }
        self.offset += bytes.len() as u64;
        self.wire = wire + bytes.len() as u64;
    }

    fn grow(&mut self, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        self.take(wire, bytes);
        // A head of endless lines, or with an endless line, is not held.
        if self.state == State::Head && self.head.len() > HEAD_LIMIT_BYTES {
            let len = HEAD_LIMIT_BYTES as u64;
            out.note(self.at.place(), &HEAD_LONG, self.head_start * 8, len * 8, String::new);
            self.head = Vec::new();
            self.state = State::Body;
            self.body_start = self.head_start;
        }
        if self.state == State::Delimiter {
            let room = 2 - self.behind.len();
            self.behind.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        self.line_len += bytes.len() as u64;
        self.last_byte = bytes.last().copied().unwrap_or(self.last_byte);
    }

    /// The line begins with the delimiter: whatever was there before it has ended.
    fn delimiter_found(&mut self, out: &mut impl Sink) {
        let line = self.line_start;
        if self.body_or_head_start() < line || matches!(self.state, State::Body | State::Head) {
            let wire = self.wire;
            self.wire = self.wire_before_line;
            self.tell_part(line, None, out);
            self.wire = wire;
        }
        self.block = Some(self.line_wire);
        self.state = State::Delimiter;
        self.behind.clear();
    }

    fn body_or_head_start(&self) -> u64 {
        if self.state == State::Head { self.head_start } else { self.body_start }
    }

    fn line_ended(&mut self, out: &mut impl Sink) {
        let place = self.at.place();
        let cr = u64::from(self.line_len > 0 && self.last_byte == b'\r');
        let (text_len, end_len) = (self.line_len - cr, 1 + cr);
        match self.state {
            State::Delimiter => {
                let is_close = self.is_close();
                let def = if is_close { &CLOSE } else { &DELIMITER };
                out.field(place, def, self.line_start * 8, text_len * 8, Value::Text, 0);
                out.field(place, &LINE_END, (self.line_start + text_len) * 8, end_len * 8, Value::Bytes, 0);
                if is_close {
                    self.record(Flags::default(), 0, out);
                    self.state = State::Outside;
                    self.body_start = self.offset;
                } else {
                    self.state = State::Head;
                    (self.head_start, self.length) = (self.offset, None);
                    self.head.clear();
                }
            }
            State::Head if text_len == 0 => {
                let head = read_fields(place, self.head_start, &self.head, out);
                self.head = Vec::new();
                self.length = head.length;
                self.state = State::Body;
                self.body_start = self.offset;
            }
            State::Body if self.length == Some(self.line_start + text_len - self.body_start) => {
                self.end_before = end_len;
                self.tell_part(self.offset, None, out);
                self.state = State::Outside;
                self.body_start = self.offset;
            }
            State::Head | State::Body | State::Outside => {}
        }
        self.end_before = end_len;
        self.line_start = self.offset;
        self.line_len = 0;
        self.prefix.clear();
        self.wire_before_line = self.wire;
    }

    /// Whether the delimiter's line is the closing one.
    fn is_close(&self) -> bool {
        self.behind == b"--"
    }

    /// A part, or what stands outside of parts, ends at content offset `end`, the line end before it included.
    fn tell_part(&mut self, end: u64, note: Option<&'static NoteDef>, out: &mut impl Sink) {
        let place = self.at.place();
        if self.state == State::Head {
            // A head without its empty line.
            read_fields(place, self.head_start, &self.head[..(end - self.head_start) as usize], out);
            self.body_start = end;
        }
        let is_part = matches!(self.state, State::Body | State::Head);
        let end_len = if note.is_some() { 0 } else { self.end_before.min(end - self.body_start) };
        let len = end - end_len - self.body_start;
        let def = if is_part { &BODY } else { &BETWEEN };
        if len > 0 || is_part {
            out.field(place, def, self.body_start * 8, len * 8, Value::Bytes, 0);
        }
        if end_len > 0 {
            out.field(place, &LINE_END, (self.body_start + len) * 8, end_len * 8, Value::Bytes, 0);
        }
        if let Some(length) = self.length.filter(|length| is_part && *length != len) {
            out.note(place, &LENGTH_WRONG, self.body_start * 8, len * 8, || format!("{length} named, {len} came"));
        }
        if let Some(note) = note.filter(|_| is_part) {
            out.note(place, note, self.body_start * 8, len * 8, String::new);
        }
        let incomplete = if note.is_some() { Flags::INCOMPLETE } else { Flags::default() };
        let flags = if is_part { Flags::MESSAGE.and(incomplete) } else { Flags::default() };
        self.record(flags, if is_part { len } else { 0 }, out);
    }

    fn record(&mut self, flags: Flags, payload_len: u64, out: &mut impl Sink) {
        let Some(start) = self.block.take() else { return };
        let mut record = record(self.at, Kind::Part, start, self.wire);
        (record.flags, record.payload_len) = (flags, payload_len);
        out.record(self.at.place(), record);
    }

    /// The body ended.
    pub fn finish(&mut self, out: &mut impl Sink) {
        if self.block.is_none() {
            return;
        }
        if self.state == State::Delimiter {
            let def = if self.is_close() { &CLOSE } else { &DELIMITER };
            out.field(self.at.place(), def, self.line_start * 8, self.line_len * 8, Value::Text, 0);
            return self.record(Flags::default(), 0, out);
        }
        if self.state == State::Head && self.head.is_empty() {
            // A delimiter with no part behind it yet.
            return self.record(Flags::default(), 0, out);
        }
        let end = self.offset;
        self.tell_part(end, Some(&CUT), out);
    }

    /// The part that has begun.
    pub fn pending(&self) -> Option<Pending> {
        self.block.map(|start| Pending { what: "part", start })
    }
}
