//! The chunked transfer coding (RFC 9112 §7.1).

use super::fields::*;
use crate::dissect::{FieldDef, Flags, Kind, NoteDef, Place, Record, Severity, Sink, Value};
use crate::wire::LinkId;

/// A size line may be this long.
const LINE_LIMIT_BYTES: usize = 16 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    SizeLine(Vec<u8>),
    Data {
        left: u64,
    },
    DataEnd {
        seen_cr: bool,
    },
    /// The section so far, and where in it the line that grows begins.
    Trailers(Vec<u8>, usize),
}

/// The decoder of a chunked body.
#[derive(Clone, Debug)]
pub struct Chunked {
    state: State,
    /// The first wire byte of the chunk, and of its data.
    start: u64,
    data: u64,
    size: u64,
}

/// What a step of the decoder came to.
pub enum Step {
    /// So many bytes were taken as framing.
    Framing(usize),
    /// So many bytes are content.
    Content(usize),
    /// So many bytes were taken, and the body is complete.
    Done(usize),
    /// The framing is broken; bytes from the start of this chunk's size line, or from here, can't be read.
    Broken {
        /// The first wire byte that is not covered by a field.
        from: u64,
        /// Why.
        note: &'static NoteDef,
    },
}

impl Chunked {
    /// For a body that begins at byte `wire`.
    pub fn new(wire: u64) -> Chunked {
        Chunked { state: State::SizeLine(Vec::new()), start: wire, data: wire, size: 0 }
    }

    /// The next step over `bytes`, which are not empty and begin at byte `wire`.
    pub fn step(
        &mut self,
        place: Place,
        link: LinkId,
        wire: u64,
        bytes: &[u8],
        shows_chunks: bool,
        out: &mut impl Sink,
    ) -> Step {
        match &mut self.state {
            State::SizeLine(held) => {
                let end = memchr::memchr(b'\n', bytes);
                let take = end.map_or(bytes.len(), |end| end + 1);
                if held.is_empty() {
                    self.start = wire;
                }
                if held.len() + take > LINE_LIMIT_BYTES {
                    return Step::Broken { from: self.start, note: &CHUNK_LINE_LONG };
                }
                // Only a line that is cut by a read is held.
                if end.is_none() || !held.is_empty() {
                    held.extend_from_slice(&bytes[..take]);
                }
                if end.is_none() {
                    return Step::Framing(take);
                }
                let held = std::mem::take(held);
                let line = if held.is_empty() { &bytes[..take] } else { &held };
                let size = match read_size(line) {
                    Ok(size) => size,
                    Err(note) => return Step::Broken { from: self.start, note },
                };
                tell_size_line(place, self.start, line, size, out);
                (self.size, self.data) = (size, wire + take as u64);
                if size == 0 {
                    self.record(place, link, self.data, Flags::default(), out);
                    self.start = self.data;
                    self.state = State::Trailers(Vec::new(), 0);
                } else {
                    self.state = State::Data { left: size };
                }
                Step::Framing(take)
            }
            State::Data { left } => {
                let take = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= take as u64;
                if *left == 0 {
                    out.field(place, &CHUNK_DATA, self.data * 8, self.size * 8, Value::Bytes, 0);
                    self.state = State::DataEnd { seen_cr: false };
                }
                Step::Content(take)
            }
            State::DataEnd { seen_cr } => {
                let end = self.data + self.size;
                match (bytes[0], *seen_cr) {
                    (b'\r', false) => *seen_cr = true,
                    (b'\n', had_cr) => {
                        let len = 1 + u64::from(had_cr);
                        out.field(place, &LINE_END, end * 8, len * 8, Value::Bytes, 0);
                        if !had_cr {
                            out.note(place, &BARE_LF, end * 8, 8, String::new);
                        }
                        let flags = if shows_chunks { Flags::MESSAGE } else { Flags::default() };
                        self.record(place, link, end + len, flags, out);
                        self.start = end + len;
                        self.state = State::SizeLine(Vec::new());
                    }
                    _ => {
                        self.record(place, link, end, Flags::INCOMPLETE, out);
                        return Step::Broken { from: end, note: &CHUNK_END_MISSING };
                    }
                }
                Step::Framing(1)
            }
            State::Trailers(section, line_start) => {
                let end = memchr::memchr(b'\n', bytes);
                let take = end.map_or(bytes.len(), |end| end + 1);
                if section.len() + take > super::growing::HEAD_LIMIT_BYTES {
                    return Step::Broken { from: self.start, note: &HEAD_TOO_LONG };
                }
                section.extend_from_slice(&bytes[..take]);
                if end.is_none() {
                    return Step::Framing(take);
                }
                if !matches!(&section[*line_start..], b"\r\n" | b"\n") {
                    *line_start = section.len();
                    return Step::Framing(take);
                }
                let section = std::mem::take(section);
                super::read_fields(place, self.start, &section, out);
                let (kind, len) = (Kind::HttpTrailers, section.len() as u64);
                out.record(place, bare(place, link, kind, self.start, len));
                Step::Done(take)
            }
        }
    }

    fn record(&self, place: Place, link: LinkId, end: u64, flags: Flags, out: &mut impl Sink) {
        let mut record = bare(place, link, Kind::HttpChunk, self.start, end - self.start);
        (record.payload_len, record.flags) = (self.size, flags);
        out.record(place, record.in_place(self.data));
    }

    /// The connection ended after `end` bytes: tells the chunk that was cut, and from where on bytes are not covered.
    pub fn finish(&mut self, place: Place, link: LinkId, end: u64, note: &'static NoteDef, out: &mut impl Sink) -> u64 {
        match &self.state {
            State::SizeLine(_) | State::Trailers(..) => self.start,
            State::Data { left } => {
                let len = self.size - left;
                if len > 0 {
                    out.field(place, &CHUNK_DATA, self.data * 8, len * 8, Value::Bytes, 0);
                }
                out.note(place, note, self.data * 8, len * 8, || format!("{len} of {} bytes of this chunk", self.size));
                self.size = len;
                self.record(place, link, self.data + len, Flags::INCOMPLETE, out);
                end
            }
            State::DataEnd { .. } => {
                let data_end = self.data + self.size;
                out.note(place, note, data_end * 8, 0, || "before the chunk's line end".to_owned());
                self.record(place, link, data_end, Flags::INCOMPLETE, out);
                data_end
            }
        }
    }

    /// The first wire byte of the framing that grows.
    pub fn pending(&self) -> Option<u64> {
        match &self.state {
            State::SizeLine(line) if line.is_empty() => None,
            _ => Some(self.start),
        }
    }
}

fn bare(place: Place, link: LinkId, kind: Kind, start: u64, len: u64) -> Record {
    let worst = Severity::None;
    Record { start, len, payload_len: 0, link, detail: 0, kind, dir: place.dir, worst, flags: Flags::default() }
}

/// The size that a size line names.
fn read_size(line: &[u8]) -> Result<u64, &'static NoteDef> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let behind = line[digits..].iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    if digits == 0 || !matches!(behind, Some(b';' | b'\r' | b'\n')) {
        return Err(&CHUNK_SIZE_INVALID);
    }
    let mut size: u64 = 0;
    for digit in &line[..digits] {
        let digit = (*digit as char).to_digit(16).unwrap_or(0);
        size = size.checked_mul(16).and_then(|size| size.checked_add(digit.into())).ok_or(&CHUNK_SIZE_HUGE)?;
    }
    // A size that would pass the last countable byte can never be filled.
    if size > u64::MAX / 16 { Err(&CHUNK_SIZE_HUGE) } else { Ok(size) }
}

fn tell_size_line(place: Place, start: u64, line: &[u8], size: u64, out: &mut impl Sink) {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let end_len = if line.ends_with(b"\r\n") { 2 } else { 1 };
    let text_end = line.len() - end_len;
    let behind = line[digits..text_end].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let mut leaf = |def: &'static FieldDef, at: usize, len: usize, value: Value| {
        if len > 0 {
            out.field(place, def, (start + at as u64) * 8, len as u64 * 8, value, 0);
        }
    };
    leaf(&CHUNK_SIZE, 0, digits, Value::Number(size));
    leaf(&SEPARATOR, digits, behind, Value::Bytes);
    leaf(&CHUNK_EXTENSION, digits + behind, text_end - digits - behind, Value::Text);
    leaf(&LINE_END, text_end, end_len, Value::Bytes);
    if behind > 0 {
        out.note(place, &CHUNK_SPACE, (start + digits as u64) * 8, behind as u64 * 8, String::new);
    }
    if end_len == 1 {
        out.note(place, &BARE_LF, (start + text_end as u64) * 8, 8, String::new);
    }
    if let Some(at) = memchr::memchr(b'\r', &line[..text_end]) {
        out.note(place, &BARE_CR, (start + at as u64) * 8, 8, String::new);
    }
    let extensions = &line[digits + behind..text_end];
    if !extensions.is_empty() && !are_extensions(extensions) {
        let at = start + (digits + behind) as u64;
        out.note(place, &CHUNK_EXTENSION_INVALID, at * 8, extensions.len() as u64 * 8, String::new);
    }
}

/// Whether text is `; name`, `; name = token` or `; name = "quoted"`, any number of them (RFC 9112 §7.1.1). Bad white
/// space around the signs is to be put up with.
fn are_extensions(text: &[u8]) -> bool {
    let token = |text: &[u8]| text.iter().take_while(|byte| super::head::is_token(&[**byte])).count();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(b";") {
        rest = after.trim_ascii_start();
        let name = token(rest);
        if name == 0 {
            return false;
        }
        rest = rest[name..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else { continue };
        let value = value.trim_ascii_start();
        let len = if value.starts_with(b"\"") { quoted(value) } else { Some(token(value)).filter(|len| *len > 0) };
        let Some(len) = len else { return false };
        rest = value[len..].trim_ascii_start();
    }
    rest.is_empty()
}

/// The length of the quoted string that text begins with (RFC 9110 §5.6.4).
fn quoted(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            byte if *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f) => at += 1,
            _ => return None,
        }
    }
}
