//! A data message: the text or binary frame that begins it, and its continuations.

use super::deflate::{At, Compressed, Inflater};
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
    /// RSV1 says that it is compressed, and permessage-deflate was agreed on.
    compressed: Option<Compressed>,
    utf8: Utf8,
}

impl Message {
    /// The message that a text or binary frame begins.
    pub fn new(header: &Header, start: u64, content_start: u64, inflater: Option<&mut Inflater>) -> Message {
        let is_text = header.opcode() == header::TEXT;
        let inflater = inflater.filter(|_| header.rsv() & header::RSV1 != 0);
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
            compressed: inflater.map(|inflater| inflater.begin(content_start)),
            utf8: Utf8::default(),
        }
    }

    /// Another of its frames begins, with these reserved bits that nothing was agreed on for.
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

    /// Whether it is compressed.
    pub fn is_compressed(&self) -> bool {
        self.compressed.is_some()
    }

    /// Whether its payload must be looked at even where nobody wants to see it.
    pub fn is_checked(&self) -> bool {
        self.is_text && !self.changed || self.is_compressed()
    }

    /// `len` more bytes of payload went by.
    pub fn grow(&mut self, len: u64) {
        self.len += len;
    }

    /// Payload, unmasked, of a message that [is checked](Message::is_checked); it begins at byte `wire`.
    pub fn check(&mut self, way: Way, wire: u64, bytes: &[u8], inflater: Option<&mut Inflater>, out: &mut impl Sink) {
        let has_text = self.is_text && !self.changed;
        match (&mut self.compressed, inflater) {
            (Some(compressed), Some(inflater)) => inflater.feed(compressed, At { way, wire }, bytes, out, |plain| {
                if has_text {
                    self.utf8.push(plain);
                }
            }),
            _ => self.utf8.push(bytes),
        }
    }

    /// Tells the message.
    pub fn tell(mut self, way: Way, is_complete: bool, inflater: Option<&mut Inflater>, out: &mut impl Sink) {
        let has_text = self.is_text && !self.changed;
        if let (Some(compressed), Some(inflater)) = (&mut self.compressed, inflater) {
            let at = At { way, wire: self.end.max(1) - 1 };
            inflater.end(compressed, at, self.len, is_complete, out, |plain| {
                if has_text {
                    self.utf8.push(plain);
                }
            });
        }
        // The place and the first byte of what it says, and how long that is.
        let (place, start, len) = match &self.compressed {
            Some(compressed) => (Place::inflated(way.dir), compressed.inflated_start(), compressed.len()),
            None => (Place::content(way.dir), self.content_start, self.len),
        };
        let is_whole = is_complete && self.compressed.is_none_or(|compressed| compressed.is_whole());
        let ill_formed = match is_whole && has_text {
            true => self.utf8.ill_formed_at_end(),
            false => self.utf8.ill_formed(),
        };
        if let Some(bad) = ill_formed {
            out.note(place, &notes::TEXT_NOT_UTF8, (start + bad.at) * 8, u64::from(bad.len) * 8, || {
                format!("byte {} of the message: {}", bad.at, bad.hex())
            });
        }
        let mut flags = Flags::MESSAGE;
        if !is_complete {
            flags = flags.and(Flags::INCOMPLETE);
            out.note(Place::content(way.dir), &notes::MESSAGE_INCOMPLETE, self.content_start * 8, self.len * 8, || {
                format!("{} bytes came in {} fragments", self.len, self.fragments)
            });
        }
        if out.full() {
            let (def, value) = match self.is_text {
                true => (&fields::TEXT, Value::Text),
                false => (&fields::BINARY, Value::Bytes),
            };
            fields::tell_bytes(out, place, def, start, len, value);
        }
        let kind = if self.is_text { Kind::WsText } else { Kind::WsBinary };
        let payload_len = if self.compressed.is_some_and(|compressed| compressed.is_lost()) { self.len } else { len };
        let record = way.record(kind, self.start..self.end, payload_len, 0, flags);
        let place = Place::content(way.dir);
        if self.is_compressed() {
            return out.record(place, Record { flags: flags.and(Flags::COMPRESSED), ..record });
        }
        if self.fragments > 1 {
            return out.record(place, record);
        }
        let masked = if self.is_masked { Flags::MASKED } else { Flags::default() };
        out.record(place, Record { flags: flags.and(masked), ..record }.in_place(self.start + self.header_len));
    }
}
