//! Server-sent events (WHATWG HTML §9.2.5 and §9.2.6).
//!
//! The stream is read line by line, and nothing of a line is kept but its first bytes: a line may be endless. An event
//! is complete at its empty line. Where lines end with CR LF the empty line's LF is waited for; a lone CR, where CR is
//! how this stream ends its lines, dispatches at once.

use super::BAD_UTF8;
use super::{At, record};
use crate::dissect::utf8::Utf8;
use crate::dissect::{Content, FieldDef, Flags, Kind, NoteDef, Payload, Pending, Severity, Sink, Value};

const SPEC: &str = "WHATWG HTML §9.2.6";

macro_rules! fields {
    ($($name:ident = $key:literal, $label:literal, $payload:ident, $help:literal;)*) => {
        $(static $name: FieldDef =
            FieldDef { key: $key, label: $label, help: $help, spec: SPEC, payload: Payload::$payload };)*
        /// Every field of event streams.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    BOM = "sse.bom", "byte order mark", No, "One byte order mark at the start of the stream is dropped";
    LINE = "sse.line", "line", No, "A line of the stream: a field, a comment, or empty";
    NAME = "sse.field_name", "field name", No, "data, event, id or retry; others are ignored";
    COLON = "sse.colon", "colon", No, "Between name and value; at the start of a line it makes a comment";
    SPACE = "sse.space", "space", No, "One space after the colon is dropped";
    DATA = "sse.data", "data", Line, "What the event says; several data lines are joined by a line feed";
    EVENT = "sse.event", "event type", No, "The type that listeners are called by; without it: message";
    ID = "sse.id", "last event ID", No, "What the client sends as Last-Event-ID when it reconnects";
    RETRY = "sse.retry", "reconnection time", No, "Milliseconds to wait before a reconnection";
    COMMENT = "sse.comment", "comment", Part, "Ignored by clients; servers send it so that the connection stays open";
    IGNORED = "sse.ignored", "ignored value", No, "The value of a field that clients do not know";
    LINE_END = "sse.line_end", "line end", No, "CR LF, LF or CR";
    DISPATCH = "sse.dispatch", "empty line", No, "An empty line dispatches the event";
}

/// A comment between the lines of an event is no part of what the event says.
static COMMENT_INSIDE: FieldDef = FieldDef { payload: Payload::No, ..COMMENT };

macro_rules! notes {
    ($($name:ident = $key:literal, $severity:ident, $text:literal;)*) => {
        $(static $name: NoteDef =
            NoteDef { key: $key, severity: Severity::$severity, text: $text, spec: SPEC };)*
        /// Every note of event streams.
        pub static NOTES: &[&NoteDef] = &[$(&$name),*];
    };
}

notes! {
    DISCARDED = "sse.discarded", Warning, "The stream ended before the empty line, so clients discard this event";
    NO_DATA = "sse.no-data", Info, "No data: clients take the ID and the type, and dispatch nothing";
    ID_NUL = "sse.id-nul", Warning, "The ID has a NUL character, so clients ignore it";
    RETRY_INVALID = "sse.retry-invalid", Warning, "The reconnection time is not made of digits alone, so clients ignore it";
    WRONG_TYPE = "sse.wrong-type", Error,
        "This is an event stream without Content-Type: text/event-stream, so browsers refuse it";
    UNKNOWN = "sse.unknown-field", Info, "Clients ignore a field with this name";
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Name {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LineEnd {
    #[default]
    None,
    Lf,
    Cr,
    CrLf,
}

/// The line that grows. Offsets count content.
#[derive(Clone, Debug, Default)]
struct Line {
    start: u64,
    len: u64,
    /// The wire byte that its first byte was, and whether the others follow it there.
    wire: u64,
    is_cut: bool,
    /// Its first bytes, enough to tell the names that matter.
    prefix: [u8; 6],
    /// The colon's place in the line.
    colon: Option<u64>,
    has_space: bool,
    has_nul: bool,
    is_number: bool,
}

/// The event (or comment) that grows.
#[derive(Clone, Debug, Default)]
struct Block {
    /// Its first wire byte.
    wire: u64,
    data_lines: u32,
    data_len: u64,
    /// The first wire byte of the only data line's value, or of the comment, where it lies there in one piece.
    text_wire: Option<u64>,
    has_retry: bool,
    has_other: bool,
    has_comment: bool,
    is_open: bool,
}

/// The dissector of an event stream.
#[derive(Clone, Debug)]
pub struct Sse {
    at: At,
    first: u64,
    /// The next byte's offset, and one past the last byte on the wire.
    offset: u64,
    wire: u64,
    line: Line,
    block: Block,
    /// A line that ended with CR: the LF that may follow belongs to it.
    after_cr: Option<Ended>,
    last_end: LineEnd,
    utf8: Utf8,
    utf8_first: u64,
}

/// What a CR ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// A field or comment line.
    Line,
    /// An empty line that waits for its LF before it dispatches.
    Empty,
    /// An empty line that has dispatched.
    Dispatched,
}

impl Sse {
    /// For a body that begins at `offset` of the direction's content.
    pub fn new(at: At, offset: u64) -> Sse {
        Sse {
            at,
            first: offset,
            offset,
            wire: 0,
            line: Line { start: offset, ..Line::default() },
            block: Block::default(),
            after_cr: None,
            last_end: LineEnd::None,
            utf8: Utf8::default(),
            utf8_first: offset,
        }
    }

    /// Tells that the stream is not labelled as one.
    pub fn tell_wrong_type(&self, out: &mut impl Sink) {
        out.note(self.at.place(), &WRONG_TYPE, self.offset * 8, 0, String::new);
    }

    /// More content.
    pub fn feed(&mut self, offset: u64, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        if out.full() {
            out.content(self.at.place(), offset, wire, Content::Verbatim, bytes);
        }
        let mut at = 0;
        while at < bytes.len() {
            if let Some(ended) = self.after_cr.take() {
                let is_lf = bytes[at] == b'\n';
                if is_lf {
                    self.take(wire + at as u64, &bytes[at..=at]);
                    at += 1;
                }
                self.line_ended(ended, if is_lf { LineEnd::CrLf } else { LineEnd::Cr }, out);
                continue;
            }
            let rest = &bytes[at..];
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            self.grow(wire + at as u64, &rest[..end], out);
            at += end;
            let Some(byte) = rest.get(end) else { continue };
            self.take(wire + at as u64, &rest[end..=end]);
            at += 1;
            let is_empty = self.line.len == 0;
            match (*byte, is_empty) {
                (b'\n', false) => self.line_ended(Ended::Line, LineEnd::Lf, out),
                (b'\n', true) => self.line_ended(Ended::Empty, LineEnd::Lf, out),
                (_, false) => self.after_cr = Some(Ended::Line),
                (_, true) if self.last_end == LineEnd::CrLf => self.after_cr = Some(Ended::Empty),
                (_, true) => {
                    self.line_ended(Ended::Empty, LineEnd::Cr, out);
                    self.after_cr = Some(Ended::Dispatched);
                }
            }
        }
    }

    /// Counts bytes that belong to the block.
    fn take(&mut self, wire: u64, bytes: &[u8]) {
        if !self.block.is_open {
            self.block = Block { wire, is_open: true, ..Block::default() };
        }
        self.offset += bytes.len() as u64;
        self.wire = wire + bytes.len() as u64;
    }

    fn grow(&mut self, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        if bytes.is_empty() {
            return;
        }
        if self.line.len == 0 {
            self.line.wire = wire;
        }
        self.line.is_cut |= wire - self.line.wire != self.offset - self.line.start;
        self.take(wire, bytes);
        self.utf8.push(bytes);
        let line = &mut self.line;
        let seen = line.len as usize;
        if seen < line.prefix.len() {
            let room = &mut line.prefix[seen..];
            let take = room.len().min(bytes.len());
            room[..take].copy_from_slice(&bytes[..take]);
        }
        line.len += bytes.len() as u64;
        // WHATWG HTML §9.2.6: one leading byte order mark is ignored.
        if line.start == self.first && seen < 3 && line.len >= 3 && line.prefix.starts_with(b"\xef\xbb\xbf") {
            out.field(self.at.place(), &BOM, line.start * 8, 24, Value::Bytes, 0);
            let (wire, is_cut) = (line.wire + 3, line.is_cut);
            self.line = Line { start: line.start + 3, wire, is_cut, ..Line::default() };
            // The line begins anew behind the mark; the stream's first offset must not match again.
            self.first = u64::MAX;
            let tail = &bytes[3 - seen..];
            self.grow_line(tail);
            return;
        }
        self.line.len = seen as u64;
        self.grow_line(bytes);
    }

    fn grow_line(&mut self, bytes: &[u8]) {
        let line = &mut self.line;
        let seen = line.len;
        if (seen as usize) < line.prefix.len() {
            let room = &mut line.prefix[seen as usize..];
            let take = room.len().min(bytes.len());
            room[..take].copy_from_slice(&bytes[..take]);
        }
        line.len += bytes.len() as u64;
        let mut value = bytes;
        if line.colon.is_none() {
            let Some(colon) = memchr::memchr(b':', bytes) else { return };
            line.colon = Some(seen + colon as u64);
            line.is_number = true;
            value = &bytes[colon + 1..];
        }
        let colon = line.colon.unwrap_or_default();
        if line.len - value.len() as u64 == colon + 1 && value.first() == Some(&b' ') {
            line.has_space = true;
            value = &value[1..];
        }
        match line.name() {
            Name::Id => line.has_nul |= memchr::memchr(0, value).is_some(),
            Name::Retry => line.is_number &= value.iter().all(u8::is_ascii_digit),
            _ => {}
        }
    }

    fn line_ended(&mut self, ended: Ended, end: LineEnd, out: &mut impl Sink) {
        let place = self.at.place();
        let end_len = if end == LineEnd::CrLf { 2 } else { 1 };
        match ended {
            Ended::Line => {
                self.last_end = end;
                let is_comment_alone = self.line.name() == Name::Comment && !self.block.has_fields();
                self.tell_line(end_len, out);
                if is_comment_alone {
                    let len = self.line.value_len();
                    self.record(Kind::SseComment, Flags::MESSAGE, len, out);
                }
                self.line = Line { start: self.offset, ..Line::default() };
            }
            Ended::Empty => {
                out.field(place, &DISPATCH, self.line.start * 8, end_len * 8, Value::Bytes, 0);
                self.line = Line { start: self.offset, ..Line::default() };
                self.dispatch(out);
            }
            // The LF of an empty line whose CR has dispatched: a stretch of its own, below the messages.
            Ended::Dispatched if end == LineEnd::CrLf => {
                out.field(place, &DISPATCH, self.line.start * 8, 8, Value::Bytes, 0);
                self.line = Line { start: self.offset, ..Line::default() };
                self.record(Kind::SseComment, Flags::default(), 0, out);
            }
            Ended::Dispatched => {}
        }
        self.utf8_first = self.offset;
    }

    fn tell_line(&mut self, end_len: u64, out: &mut impl Sink) {
        let place = self.at.place();
        let line = &self.line;
        let name = line.name();
        let block = &mut self.block;
        if matches!(name, Name::Data | Name::Comment) {
            let is_alone = block.data_lines == 0 && !line.is_cut;
            let text_wire = is_alone.then_some(line.wire + line.value_start());
            block.text_wire = if name == Name::Data || !block.has_fields() { text_wire } else { block.text_wire };
        }
        match name {
            Name::Data => {
                block.data_len += line.value_len() + u64::from(block.data_lines > 0);
                block.data_lines = block.data_lines.saturating_add(1);
            }
            Name::Retry => block.has_retry = true,
            Name::Comment => block.has_comment = true,
            Name::Event | Name::Id | Name::Unknown => block.has_other = true,
        }
        let (start, value_start) = (line.start, line.start + line.value_start());
        let value_bits = (line.value_len() * 8, value_start * 8);
        if name == Name::Id && line.has_nul {
            out.note(place, &ID_NUL, value_bits.1, value_bits.0, String::new);
        }
        if name == Name::Retry && (!line.is_number || line.value_len() == 0) {
            out.note(place, &RETRY_INVALID, value_bits.1, value_bits.0, String::new);
        }
        if name == Name::Unknown {
            out.note(place, &UNKNOWN, start * 8, line.len * 8, String::new);
        }
        if let Some(bad) = std::mem::take(&mut self.utf8).ill_formed_at_end() {
            out.note(place, &BAD_UTF8, (self.utf8_first + bad.at) * 8, u64::from(bad.len) * 8, || bad.hex());
        }
        if !out.full() {
            return;
        }
        out.field(place, &LINE, start * 8, (line.len + end_len) * 8, Value::Group, 0);
        let name_len = line.colon.unwrap_or(line.len);
        if name_len > 0 {
            out.field(place, &NAME, start * 8, name_len * 8, Value::Text, 1);
        }
        if let Some(colon) = line.colon {
            out.field(place, &COLON, (start + colon) * 8, 8, Value::Bytes, 1);
            if line.has_space {
                out.field(place, &SPACE, (start + colon + 1) * 8, 8, Value::Bytes, 1);
            }
        }
        let def = match name {
            Name::Data => &DATA,
            Name::Event => &EVENT,
            Name::Id => &ID,
            Name::Retry => &RETRY,
            Name::Comment if self.block.has_fields() => &COMMENT_INSIDE,
            Name::Comment => &COMMENT,
            Name::Unknown => &IGNORED,
        };
        if name != Name::Unknown || line.value_len() > 0 {
            out.field(place, def, value_start * 8, line.value_len() * 8, Value::Text, 1);
        }
        if end_len > 0 {
            out.field(place, &LINE_END, (start + line.len) * 8, end_len * 8, Value::Bytes, 1);
        }
    }

    fn dispatch(&mut self, out: &mut impl Sink) {
        let block = &self.block;
        if block.data_lines > 0 {
            let len = block.data_len;
            self.record(Kind::SseEvent, Flags::MESSAGE, len, out);
        } else if block.has_other {
            out.note(self.at.place(), &NO_DATA, self.line.start * 8, 0, String::new);
            self.record(Kind::SseEvent, Flags::default(), 0, out);
        } else if block.has_retry {
            self.record(Kind::SseRetry, Flags::MESSAGE, 0, out);
        } else {
            // An empty line with nothing before it, such as the one behind a comment.
            self.record(Kind::SseComment, Flags::default(), 0, out);
        }
    }

    fn record(&mut self, kind: Kind, flags: Flags, payload_len: u64, out: &mut impl Sink) {
        let mut record = record(self.at, kind, self.block.wire, self.wire);
        (record.flags, record.payload_len) = (flags, payload_len);
        if let Some(at) = self.block.text_wire {
            record = record.in_place(at);
        }
        self.block = Block::default();
        out.record(self.at.place(), record);
    }

    /// The body ended.
    pub fn finish(&mut self, out: &mut impl Sink) {
        if let Some(ended) = self.after_cr.take() {
            self.line_ended(ended, LineEnd::Cr, out);
        }
        if !self.block.is_open {
            return;
        }
        if self.line.len > 0 {
            self.tell_line(0, out);
        }
        let place = self.at.place();
        let kind = if self.block.has_fields() { Kind::SseEvent } else { Kind::SseComment };
        if kind == Kind::SseEvent {
            out.note(place, &DISCARDED, self.line.start * 8, self.line.len * 8, String::new);
        }
        let len = self.block.data_len;
        self.line = Line { start: self.offset, ..Line::default() };
        self.record(kind, Flags::MESSAGE.and(Flags::INCOMPLETE), len, out);
    }

    /// The event that has begun.
    pub fn pending(&self) -> Option<Pending> {
        self.block.is_open.then_some(Pending { what: "SSE event", start: self.block.wire })
    }
}

impl Block {
    fn has_fields(&self) -> bool {
        self.data_lines > 0 || self.has_other || self.has_retry
    }
}

impl Line {
    fn name(&self) -> Name {
        let len = self.colon.unwrap_or(self.len);
        match self.prefix.get(..len as usize) {
            Some(b"") if self.colon.is_some() => Name::Comment,
            Some(b"data") => Name::Data,
            Some(b"event") => Name::Event,
            Some(b"id") => Name::Id,
            Some(b"retry") => Name::Retry,
            _ => Name::Unknown,
        }
    }

    fn value_start(&self) -> u64 {
        self.colon.map_or(self.len, |colon| colon + 1 + u64::from(self.has_space))
    }

    fn value_len(&self) -> u64 {
        self.len - self.value_start()
    }
}
