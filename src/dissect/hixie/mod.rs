//! The framing of WebSocket in drafts hixie-75 and hixie-76 (draft-hixie-thewebsocketprotocol-76 §4.2, §5.3, §6).
//!
//! A frame is a text between the bytes 0x00 and 0xFF, or a type with its first bit set, a length and so many bytes. No
//! call holds bytes back, whatever a frame claims to be long.

pub mod fields;
#[cfg(test)]
mod tests;

use super::raw::Raw;
use super::utf8::Utf8;
use super::websocket::NO_STATUS_RECEIVED;
use super::websocket::fields::{BINARY, TEXT};
use super::{Content, FieldDef, Flags, Kind, Pending, Place, Record, Severity, Sink, Value};
use crate::wire::{Dir, LinkId};
pub use fields::{FIELDS, NOTES};
use fields::{
    FRAME, FRAME_AFTER_CLOSE, FRAME_CUT, FRAME_END, FRAME_LENGTH, FRAME_PAYLOAD, FRAME_TYPE, LENGTH_HUGE,
    NO_CLOSING_HANDSHAKE, TEXT_NOT_UTF8, TYPE_UNKNOWN,
};
use md5::{Digest as _, Md5};

/// How long key 3 of hixie-76 is.
pub const KEY3_BYTES: usize = 8;
/// How long the answer to the challenge is.
pub const RESPONSE_BYTES: usize = 16;

/// The number that a key of hixie-76 stands for: its digits, divided by how many spaces it has (§5.2). `None` where it
/// stands for none.
pub fn key_number(key: &[u8]) -> Option<u32> {
    let spaces = key.iter().filter(|byte| **byte == b' ').count() as u64;
    let mut digits = key.iter().filter(|byte| byte.is_ascii_digit()).peekable();
    digits.peek()?;
    let number = digits.try_fold(0_u64, |number, digit| {
        number.checked_mul(10).and_then(|number| number.checked_add(u64::from(digit - b'0')))
    })?;
    (spaces > 0 && number.is_multiple_of(spaces)).then(|| u32::try_from(number / spaces).ok())?
}

/// What a server must answer to the numbers of both keys and key 3 (§5.2).
pub fn challenge_response([first, second]: [u32; 2], key3: &[u8]) -> [u8; RESPONSE_BYTES] {
    Md5::digest([&first.to_be_bytes()[..], &second.to_be_bytes(), key3].concat()).into()
}

/// Set in the `detail` of these frames' records, whose lowest 8 bits are the frame type: they have no opcode.
pub const OLD_FRAME: u32 = 1 << 31;

/// A length beyond this can never be filled.
const MOST_LENGTH: u64 = u64::MAX >> 8;

/// Which of the two drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    /// draft-hixie-thewebsocketprotocol-75, which has no closing handshake.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76.
    Hixie76,
}

/// The dissector of both directions of a link, from the opening handshake on.
///
/// Each frame is a record of the wire; right behind it comes what it says: a text, a close, or bytes without a meaning.
#[derive(Clone, Debug)]
pub struct Hixie {
    draft: Draft,
    sides: [Side; 2],
}

impl Hixie {
    /// For a link whose upgrade is done.
    pub fn new(link: LinkId, draft: Draft) -> Hixie {
        let side = |dir| Side { link, dir, step: Step::Between, content_len: 0, closed: false };
        Hixie { draft, sides: [side(Dir::Out), side(Dir::In)] }
    }

    /// More bytes of a direction; the first of them is byte `wire` of that direction.
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        self.sides[dir.index()].feed(self.draft, wire, bytes, out);
    }

    /// The direction ended after `end` bytes: what is unfinished is told as far as it came.
    pub fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink) {
        self.sides[dir.index()].finish(self.draft, end, out);
    }

    /// What has begun on a direction and is not complete.
    pub fn pending(&self, dir: Dir) -> Option<Pending> {
        match &self.sides[dir.index()].step {
            Step::Between | Step::Lost(_) => None,
            Step::Length(frame) => Some(Pending { what: "frame header", start: frame.start }),
            Step::Payload(frame) if frame.has_length() => Some(Pending { what: "frame payload", start: frame.start }),
            Step::Payload(frame) => Some(Pending { what: "text message", start: frame.start }),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Between,
    Length(Frame),
    Payload(Frame),
    /// Nothing can be framed any more.
    Lost(Raw),
}

/// The frame under way.
#[derive(Clone, Copy, Debug)]
struct Frame {
    start: u64,
    kind: u8,
    /// How many bytes of length there are, and what they say so far.
    length_len: u64,
    length: u64,
    /// How much of the payload has come.
    seen: u64,
    utf8: Utf8,
}

impl Frame {
    fn has_length(&self) -> bool {
        self.kind & 0x80 != 0
    }

    fn is_text(&self) -> bool {
        self.kind == 0
    }

    fn payload(&self) -> u64 {
        self.start + 1 + self.length_len
    }
}

#[derive(Clone, Debug)]
struct Side {
    link: LinkId,
    dir: Dir,
    step: Step,
    /// How long the content stream is by now.
    content_len: u64,
    closed: bool,
}

impl Side {
    fn feed(&mut self, draft: Draft, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        let mut at = 0;
        while at < bytes.len() {
            let (here, rest) = (wire + at as u64, &bytes[at..]);
            at += match &mut self.step {
                Step::Between => {
                    let utf8 = Utf8::default();
                    let frame = Frame { start: here, kind: rest[0], length_len: 0, length: 0, seen: 0, utf8 };
                    self.step = if frame.has_length() { Step::Length(frame) } else { Step::Payload(frame) };
                    1
                }
                Step::Length(frame) => {
                    let mut frame = *frame;
                    frame.length = frame.length << 7 | u64::from(rest[0] & 0x7F);
                    frame.length_len += 1;
                    self.length(draft, frame, rest[0] & 0x80 == 0, out);
                    1
                }
                Step::Payload(frame) => {
                    let mut frame = *frame;
                    let taken = self.payload(&mut frame, here, rest, out);
                    self.go_on(draft, frame, &rest[taken..], out).map_or(taken, |end| taken + end)
                }
                Step::Lost(raw) => {
                    raw.feed(self.dir, here, rest, out);
                    rest.len()
                }
            };
        }
    }

    /// A byte of length was added to a frame.
    fn length(&mut self, draft: Draft, frame: Frame, is_last: bool, out: &mut impl Sink) {
        self.step = Step::Length(frame);
        if frame.length > MOST_LENGTH {
            let place = Place::wire(self.dir);
            out.note(place, &LENGTH_HUGE, (frame.start + 1) * 8, frame.length_len * 8, String::new);
            self.tell(draft, frame, false, out);
            self.step = Step::Lost(Raw::new(self.link));
        } else if is_last && frame.length == 0 {
            self.tell(draft, frame, true, out);
        } else if is_last {
            self.step = Step::Payload(frame);
        }
    }

    /// Takes in what belongs to a frame's payload. How many bytes those are.
    fn payload(&mut self, frame: &mut Frame, wire: u64, bytes: &[u8], out: &mut impl Sink) -> usize {
        let len = match frame.has_length() {
            true => bytes.len().min(usize::try_from(frame.length - frame.seen).unwrap_or(usize::MAX)),
            false => memchr::memchr(0xFF, bytes).unwrap_or(bytes.len()),
        };
        let taken = &bytes[..len];
        if out.full() {
            out.content(Place::content(self.dir), self.content_len, wire, Content::Verbatim, taken);
        }
        if frame.is_text() {
            frame.utf8.push(taken);
        }
        frame.seen += len as u64;
        self.content_len += len as u64;
        len
    }

    /// Ends a frame whose payload is there. How many bytes of `rest` its end took; `None`: it goes on.
    fn go_on(&mut self, draft: Draft, frame: Frame, rest: &[u8], out: &mut impl Sink) -> Option<usize> {
        let end = if frame.has_length() { 0 } else { 1 };
        let is_whole = if frame.has_length() { frame.seen == frame.length } else { !rest.is_empty() };
        if !is_whole {
            self.step = Step::Payload(frame);
            return None;
        }
        self.tell(draft, frame, true, out);
        Some(end)
    }

    fn finish(&mut self, draft: Draft, end: u64, out: &mut impl Sink) {
        match &mut self.step {
            Step::Between => {}
            Step::Lost(raw) => raw.finish(self.dir, end, out),
            Step::Length(frame) | Step::Payload(frame) => {
                let frame = *frame;
                let place = Place::wire(self.dir);
                out.note(place, &FRAME_CUT, frame.start * 8, (end - frame.start) * 8, || match frame.has_length() {
                    true if frame.payload() < end || frame.seen > 0 => {
                        format!("{} of {} bytes came", frame.seen, frame.length)
                    }
                    true => "its length is not whole".to_owned(),
                    false => format!("{} bytes came, and no 0xFF", frame.seen),
                });
                self.tell(draft, frame, false, out);
            }
        }
    }

    /// Tells a frame and what it says; after it, the next one begins.
    fn tell(&mut self, draft: Draft, frame: Frame, is_whole: bool, out: &mut impl Sink) {
        self.step = Step::Between;
        let place = Place::wire(self.dir);
        let bit = frame.start * 8;
        let end_len = u64::from(is_whole && !frame.has_length());
        let len = 1 + frame.length_len + frame.seen + end_len;
        let closes = is_whole && frame.kind == 0xFF && frame.length == 0;
        if self.closed {
            out.note(place, &FRAME_AFTER_CLOSE, bit, len * 8, String::new);
        }
        if closes && draft == Draft::Hixie75 {
            out.note(place, &NO_CLOSING_HANDSHAKE, bit, len * 8, String::new);
        } else if !closes && !frame.is_text() {
            out.note(place, &TYPE_UNKNOWN, bit, 8, || format!("type 0x{:02x}", frame.kind));
        }
        if out.full() {
            let mut at = frame.start;
            let mut leaf = |def: &'static FieldDef, len: u64, value: Value| {
                if len > 0 {
                    out.field(place, def, at * 8, len * 8, value, 1);
                }
                at += len;
            };
            let meaning = match frame.kind {
                0x00 => "text",
                0xFF => "close, with length 0",
                _ => "without a meaning",
            };
            leaf(&FRAME_TYPE, 1, Value::Named(frame.kind.into(), meaning));
            leaf(&FRAME_LENGTH, frame.length_len, Value::Number(frame.length));
            leaf(&FRAME_PAYLOAD, frame.seen, if frame.is_text() { Value::Text } else { Value::Bytes });
            leaf(&FRAME_END, end_len, Value::Bytes);
            out.field(place, &FRAME, bit, len * 8, Value::Group, 0);
        }
        let flags = if is_whole { Flags::default() } else { Flags::INCOMPLETE };
        let mut record = Record {
            start: frame.start,
            len,
            payload_len: frame.seen,
            link: self.link,
            detail: OLD_FRAME | u32::from(frame.kind),
            kind: Kind::WsFrame,
            dir: self.dir,
            worst: Severity::None,
            flags,
        };
        out.record(place, record);
        record.flags = flags.and(Flags::MESSAGE);
        if closes && draft == Draft::Hixie76 {
            self.closed = true;
            (record.kind, record.detail) = (Kind::WsClose, NO_STATUS_RECEIVED.into());
            return out.record(Place::control(self.dir), record);
        }
        self.tell_message(frame, is_whole, record, out);
    }

    fn tell_message(&self, frame: Frame, is_whole: bool, mut record: Record, out: &mut impl Sink) {
        let place = Place::content(self.dir);
        let start = self.content_len - frame.seen;
        let bad = match is_whole {
            true => frame.utf8.ill_formed_at_end(),
            false => frame.utf8.ill_formed(),
        };
        if let Some(bad) = bad {
            out.note(place, &TEXT_NOT_UTF8, (start + bad.at) * 8, u64::from(bad.len) * 8, || {
                format!("byte {} of the text: {}", bad.at, bad.hex())
            });
        }
        let (kind, def, value) = match frame.is_text() {
            true => (Kind::WsText, &TEXT, Value::Text),
            false => (Kind::WsBinary, &BINARY, Value::Bytes),
        };
        if out.full() && frame.seen > 0 {
            out.field(place, def, start * 8, frame.seen * 8, value, 0);
        }
        (record.kind, record.detail) = (kind, 0);
        out.record(place, record.in_place(frame.payload()));
    }
}
