//! A data message: the text or binary frame that begins it, and its continuations.

use super::header::{self, Header};
use super::{Way, fields, notes};
use crate::dissect::utf8::Utf8;
use crate::dissect::{Flags, Kind, Place, Record, Sink, Value};

/// A message under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// The first byte of its first frame.
    pub start: u64,
    /// One past the last byte of its last frame so far.
    pub end: u64,
    is_text: bool,
    /// Where it begins in the content stream.
    content_start: u64,
    len: u64,
    fragments: u32,
    /// How long the first frame's header is, and whether it masks the payload.
    header_len: u64,
    is_masked: bool,
    /// A reserved bit says that an extension changed the payload, so it need not be UTF-8 before that is undone.
    changed: bool,
    utf8: Utf8,
}

impl Message {
    /// The message that a text or binary frame begins.
    pub fn new(header: &Header, start: u64, content_start: u64) -> Message {
        let is_text = header.opcode() == header::TEXT;
        Message {
            start,
            end: start,
            is_text,
            content_start,
            len: 0,
            fragments: 0,
            header_len: header.len(),
            is_masked: header.masked(),
            changed: false,
            utf8: Utf8::default(),
        }
    }

    /// Another of its frames begins, with these reserved bits.
    pub fn fragment(&mut self, rsv: u8) {
        self.fragments = self.fragments.saturating_add(1);
        self.changed |= rsv != 0;
    }

    /// What it will be.
    pub fn what(&self) -> &'static str {
        if self.is_text { "text message" } else { "binary message" }
    }

    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Whether its payload must be looked at even where nobody wants to see it.
    pub fn is_checked(&self) -> bool {
        self.is_text && !self.changed
    }

    /// `len` more bytes of payload went by.
    pub fn grow(&mut self, len: u64) {
        self.len += len;
    }

    /// Payload, unmasked, of a message that [is checked](Message::is_checked).
    pub fn check(&mut self, bytes: &[u8]) {
        self.utf8.push(bytes);
    }

    /// Tells the message.
    pub fn tell(self, way: Way, is_complete: bool, out: &mut impl Sink) {
        let place = Place::content(way.dir);
        let ill_formed = match is_complete && self.is_checked() {
            true => self.utf8.ill_formed_at_end(),
            false => self.utf8.ill_formed(),
        };
        if let Some(bad) = ill_formed {
            let bit = (self.content_start + bad.at) * 8;
            out.note(place, &notes::TEXT_NOT_UTF8, bit, u64::from(bad.len) * 8, || {
                format!("byte {} of the message: {}", bad.at, bad.hex())
            });
        }
        let mut flags = Flags::MESSAGE;
        if !is_complete {
            flags = flags.and(Flags::INCOMPLETE);
            out.note(place, &notes::MESSAGE_INCOMPLETE, self.content_start * 8, self.len * 8, || {
                format!("{} bytes came in {} fragments", self.len, self.fragments)
            });
        }
        if out.full() {
            let (def, value) = match self.is_text {
                true => (&fields::TEXT, Value::Text),
                false => (&fields::BINARY, Value::Bytes),
            };
            fields::tell_bytes(out, place, def, self.content_start, self.len, value);
        }
        let kind = if self.is_text { Kind::WsText } else { Kind::WsBinary };
        let record = way.record(kind, self.start..self.end, self.len, 0, flags);
        if self.fragments > 1 {
            return out.record(place, record);
        }
        let masked = if self.is_masked { Flags::MASKED } else { Flags::default() };
        out.record(place, Record { flags: flags.and(masked), ..record }.in_place(self.start + self.header_len));
    }
}
