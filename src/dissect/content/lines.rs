//! Line streams: NDJSON and others. A line is complete at its line feed, however chunks and reads cut it; in a JSON text
//! sequence at the line feed behind the whole value, or where the next record separator shows that it was cut.

use super::BAD_UTF8;
use super::{At, record};
use crate::dissect::utf8::Utf8;
use crate::dissect::{FieldDef, Flags, Kind, NoteDef, Payload, Pending, Severity, Sink, Value};

static TEXT: FieldDef = FieldDef {
    key: "line.text",
    label: "line",
    help: "A line of the stream, without its end; in NDJSON one JSON value",
    spec: "",
    payload: Payload::Part,
};
static LINE_END: FieldDef = FieldDef {
    key: "line.end",
    label: "line end",
    help: "LF, or CR LF. Until it has come, nobody can tell whether the line is whole",
    spec: "",
    payload: Payload::No,
};
static RECORD_SEPARATOR: FieldDef = FieldDef {
    key: "line.record_separator",
    label: "record separator",
    help: "The character 0x1E that begins each text of a JSON text sequence",
    spec: "RFC 7464 §2.2",
    payload: Payload::No,
};
static NO_LINE_END: NoteDef = NoteDef {
    key: "line.no-end",
    severity: Severity::Info,
    text: "The body ended without a line end, so this line may have been cut",
    spec: "",
};
static CUT: NoteDef = NoteDef {
    key: "line.cut",
    severity: Severity::Error,
    text: "The connection broke in the middle of this line",
    spec: "",
};

static TRUNCATED: NoteDef = NoteDef {
    key: "line.truncated",
    severity: Severity::Warning,
    text: "The next text of the sequence begins before this one's line feed, so this one may have been cut",
    spec: "RFC 7464 §2.3",
};

/// Every field of line streams.
pub static FIELDS: &[&FieldDef] = &[&TEXT, &LINE_END, &RECORD_SEPARATOR];
/// Every note of line streams.
pub static NOTES: &[&NoteDef] = &[&NO_LINE_END, &CUT, &TRUNCATED];

/// Where in a JSON value a text sequence is: a value may have line feeds inside.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: u64,
    in_string: bool,
    is_escaped: bool,
}

impl Nesting {
    fn push(&mut self, byte: u8) {
        match byte {
            _ if std::mem::take(&mut self.is_escaped) => {}
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// The dissector of a line stream.
#[derive(Clone, Debug)]
pub struct Lines {
    at: At,
    /// The line that grows: its first content offset and wire byte.
    start: Option<(u64, u64)>,
    offset: u64,
    wire: u64,
    first_byte: u8,
    last_byte: u8,
    utf8: Utf8,
    /// Set in a JSON text sequence (RFC 7464).
    nesting: Option<Nesting>,
}

/// What ends a line, at its place in the bytes at hand.
enum End {
    LineFeed(usize),
    /// The next text's record separator.
    Separator(usize),
}

impl Lines {
    /// For a JSON text sequence.
    pub fn sequence(at: At, offset: u64) -> Lines {
        Lines { nesting: Some(Nesting::default()), ..Lines::new(at, offset) }
    }

    /// For a body that begins at `offset` of the direction's content.
    pub fn new(at: At, offset: u64) -> Lines {
        Lines { at, start: None, offset, wire: 0, first_byte: 0, last_byte: 0, utf8: Utf8::default(), nesting: None }
    }

    /// More content.
    pub fn feed(&mut self, offset: u64, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        if out.full() {
            out.content(self.at.place(), offset, wire, crate::dissect::Content::Verbatim, bytes);
        }
        let mut from = 0;
        while let Some(end) = self.find_end(&bytes[from..]) {
            let (End::LineFeed(len) | End::Separator(len)) = end;
            let at = from + len;
            self.grow(&bytes[from..at], offset + from as u64, wire + from as u64);
            from = at;
            if matches!(end, End::Separator(_)) {
                let is_empty = self.start.is_some_and(|(start, _)| self.offset == start + 1);
                self.tell(0, (!is_empty).then_some(&TRUNCATED), out);
                continue;
            }
            self.start.get_or_insert((offset + at as u64, wire + at as u64));
            (self.offset, self.wire) = (offset + at as u64 + 1, wire + at as u64 + 1);
            self.tell(1, None, out);
            from += 1;
        }
        self.grow(&bytes[from..], offset + from as u64, wire + from as u64);
    }

    fn find_end(&mut self, bytes: &[u8]) -> Option<End> {
        let has_begun = self.start.is_some();
        let Some(nesting) = &mut self.nesting else { return memchr::memchr(b'\n', bytes).map(End::LineFeed) };
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                // RFC 7464 §2.1: a separator begins a text wherever it stands.
                0x1e if has_begun || at > 0 => return Some(End::Separator(at)),
                b'\n' if nesting.depth == 0 && !nesting.in_string => return Some(End::LineFeed(at)),
                byte => nesting.push(*byte),
            }
        }
        None
    }

    fn grow(&mut self, bytes: &[u8], offset: u64, wire: u64) {
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return };
        if self.start.is_none() {
            self.start = Some((offset, wire));
            self.first_byte = *first;
        }
        self.last_byte = *last;
        (self.offset, self.wire) = (offset + bytes.len() as u64, wire + bytes.len() as u64);
        self.utf8.push(bytes);
    }

    /// The line is complete, with `ending` bytes of line feed.
    fn tell(&mut self, ending: u64, note: Option<&'static NoteDef>, out: &mut impl Sink) {
        let Some((start, wire)) = self.start.take() else { return };
        let text_len = self.offset - ending - start;
        let cr = u64::from(ending == 1 && text_len > 0 && self.last_byte == b'\r');
        let rs = u64::from(text_len > cr && self.first_byte == 0x1e);
        let len = text_len - cr - rs;
        let place = self.at.place();
        if rs > 0 {
            out.field(place, &RECORD_SEPARATOR, start * 8, 8, Value::Bytes, 0);
        }
        out.field(place, &TEXT, (start + rs) * 8, len * 8, Value::Text, 0);
        if ending + cr > 0 {
            out.field(place, &LINE_END, (start + rs + len) * 8, (ending + cr) * 8, Value::Bytes, 0);
        }
        if let Some(bad) = std::mem::take(&mut self.utf8).ill_formed_at_end() {
            out.note(place, &BAD_UTF8, (start + bad.at) * 8, u64::from(bad.len) * 8, || bad.hex());
        }
        if let Some(note) = note {
            out.note(place, note, start * 8, text_len * 8, String::new);
        }
        let mut record = record(self.at, Kind::Line, wire, self.wire);
        record.payload_len = len;
        // An empty line is a heartbeat of line streams: below the messages.
        record.flags = if len > 0 { Flags::MESSAGE } else { Flags::default() };
        if note.is_some() {
            record.flags = record.flags.and(Flags::INCOMPLETE);
        }
        if record.len == self.offset - start {
            record = record.in_place(wire + rs);
        }
        (self.first_byte, self.last_byte) = (0, 0);
        self.nesting = self.nesting.map(|_| Nesting::default());
        out.record(place, record);
    }

    /// The body ended.
    pub fn finish(&mut self, is_complete: bool, out: &mut impl Sink) {
        self.tell(0, Some(if is_complete { &NO_LINE_END } else { &CUT }), out);
    }

    /// The line that has begun.
    pub fn pending(&self) -> Option<Pending> {
        self.start.map(|(_, start)| Pending { what: "line", start })
    }
}
