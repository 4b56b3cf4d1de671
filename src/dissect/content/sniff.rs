//! A body whose label does not say how it is to be read: its first line does.
//!
//! The decision falls at a byte that depends on the content alone: the end of the first line that is not empty, or
//! after 64 KiB or 1024 chunks.

use super::{At, Body, Document, Lines, Sse};
use crate::dissect::{Pending, Sink};

/// Bytes that are looked at, at most.
const LIMIT_BYTES: usize = 64 * 1024;

/// Chunks that are looked at, at most: a body of one-byte chunks is not to cost many times its size.
const LIMIT_PIECES: usize = 1024;

/// Holds the beginning of a body until its kind is known.
#[derive(Clone, Debug)]
pub struct Sniff {
    at: At,
    offset: u64,
    bytes: Vec<u8>,
    /// Where in them the line that grows begins.
    line: usize,
    /// The pieces of `bytes`: first wire byte and length.
    pieces: Vec<(u64, usize)>,
    /// The label names a kind of document, so that lines are believed only where each is a JSON value.
    is_labelled: bool,
    /// The label names text, of which a stretch can be read before the end.
    is_text: bool,
}

impl Sniff {
    /// For a body that begins at `offset` of the direction's content.
    pub fn new(at: At, offset: u64, is_labelled: bool, is_text: bool) -> Sniff {
        Sniff { at, offset, bytes: Vec::new(), line: 0, pieces: Vec::new(), is_labelled, is_text }
    }

    /// More content; the body's dissector once it is known, which has then been fed.
    pub fn feed(&mut self, offset: u64, wire: u64, bytes: &[u8], out: &mut impl Sink) -> Option<Body> {
        let mut seen = 0;
        while seen < bytes.len() {
            let rest = &bytes[seen..];
            let goes_on = |(first, len): &(u64, usize)| *first + *len as u64 == wire + seen as u64;
            if self.pieces.len() == LIMIT_PIECES && !self.pieces.last().is_some_and(goes_on) {
                let mut body = self.decide(out);
                body.feed(offset + seen as u64, wire + seen as u64, rest, out);
                return Some(body);
            }
            let line = memchr::memchr2(b'\n', b'\r', rest).map_or(rest.len(), |at| at + 1);
            let take = line.min(LIMIT_BYTES - self.bytes.len());
            self.bytes.extend_from_slice(&rest[..take]);
            match self.pieces.last_mut() {
                Some((first, len)) if *first + *len as u64 == wire + seen as u64 => *len += take,
                _ => self.pieces.push((wire + seen as u64, take)),
            }
            seen += take;
            let is_first_line = self.ends_line() && !self.first_line().is_empty();
            if self.ends_line() {
                self.line = self.bytes.len();
            }
            if is_first_line || self.bytes.len() == LIMIT_BYTES {
                let mut body = self.decide(out);
                body.feed(offset + seen as u64, wire + seen as u64, &bytes[seen..], out);
                return Some(body);
            }
        }
        None
    }

    fn ends_line(&self) -> bool {
        matches!(self.bytes.last(), Some(b'\n' | b'\r'))
    }

    /// The first line from `line` on that is not empty, without its end and without a byte order mark.
    fn first_line(&self) -> &[u8] {
        let bytes = &self.bytes[self.line..];
        let bytes = if self.line == 0 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        bytes.split(is_end).find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// Decides by what has come, and feeds it to the chosen dissector.
    pub fn decide(&mut self, out: &mut impl Sink) -> Body {
        self.line = 0;
        let line = self.first_line();
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let ends = self.bytes.len() < LIMIT_BYTES || self.bytes.contains(&b'\n') || self.bytes.contains(&b'\r');
        let is_event_field = matches!(name, b"data" | b"event" | b"id" | b"retry" | b"") && !line.is_empty();
        let is_json = || {
            let line = line.strip_prefix(b"\x1e").unwrap_or(line);
            matches!(line.first(), Some(b'{' | b'['))
                && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
                && matches!(self.bytes.last(), Some(b'\n' | b'\r'))
        };
        let is_text = || {
            let text = match std::str::from_utf8(line) {
                Ok(text) => text,
                Err(error) if error.error_len().is_none() => "",
                Err(_) => return false,
            };
            // Text without any line end is one document.
            let is_line = self.ends_line() || self.bytes.len() == LIMIT_BYTES;
            is_line && !line.is_empty() && !text.chars().any(|char| char < ' ' && char != '\t' && char != '\x1e')
        };
        let mut body = if is_event_field && ends && line.contains(&b':') {
            let sse = Sse::new(self.at, self.offset);
            sse.tell_wrong_type(out);
            Body::Sse(Box::new(sse))
        } else if is_json() || (!self.is_labelled && is_text()) {
            Body::Lines(Lines::new(self.at, self.offset))
        } else {
            Body::Document(Document::new(self.at, self.is_labelled && !self.is_text))
        };
        let (mut offset, mut from) = (self.offset, 0);
        for (wire, len) in std::mem::take(&mut self.pieces) {
            body.feed(offset, wire, &self.bytes[from..from + len], out);
            offset += len as u64;
            from += len;
        }
        body
    }

    /// Whether a chunk is worth showing by itself while nothing is decided: chunks without line ends may be all there is.
    pub fn shows_chunks(&self) -> bool {
        !self.is_labelled || self.is_text
    }

    /// What has come and is not decided on.
    pub fn pending(&self) -> Option<Pending> {
        self.pieces.first().map(|(start, _)| Pending { what: "body", start: *start })
    }
}
