//! What a body says: an event stream, lines, parts, or one document.
//!
//! A content dissector is fed the body's bytes without their framing, with the place on the wire that they came from.
//! Its offsets count through all bodies of a direction.

mod document;
mod lines;
mod multipart;
mod sniff;
mod sse;

pub use document::Document;
pub use lines::Lines;
pub use multipart::Multipart;
pub use sniff::Sniff;
pub use sse::Sse;

use crate::dissect::{FieldDef, NoteDef, Place, Record, Severity, Sink};
use crate::wire::{Dir, LinkId};

/// What rides in a body.
#[derive(Clone, Debug)]
pub enum Body {
    /// Server-sent events (WHATWG HTML §9.2).
    Sse(Box<Sse>),
    /// Lines.
    Lines(Lines),
    /// Parts (RFC 2046 §5.1).
    Multipart(Box<Multipart>),
    /// Not decided yet: the first line tells.
    Sniff(Box<Sniff>),
    /// One document.
    Document(Document),
}

/// Where a content dissector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The link.
    pub link: LinkId,
    /// The direction.
    pub dir: Dir,
}

impl At {
    /// The content layer's place.
    pub fn place(self) -> Place {
        Place::content(self.dir)
    }
}

/// What the head says that decides how a body is read.
#[derive(Clone, Debug)]
pub struct Hints {
    /// The value of Content-Type.
    pub content_type: String,
    /// Whether the body is compressed.
    pub encoded: bool,
    /// Whether the length is known beforehand.
    pub has_length: bool,
}

impl Body {
    /// The dissector for a body. `offset` is the number of content bytes before it on its direction.
    pub fn new(at: At, offset: u64, hints: &Hints) -> Body {
        let (media_type, parameters) = match hints.content_type.split_once(';') {
            Some((media_type, parameters)) => (media_type.trim().to_ascii_lowercase(), parameters),
            None => (hints.content_type.trim().to_ascii_lowercase(), ""),
        };
        if hints.encoded {
            return Body::Document(Document::new(at, true));
        }
        match media_type.as_str() {
            "text/event-stream" => Body::Sse(Box::new(Sse::new(at, offset))),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/jsonlines"
            | "application/json-lines"
            | "application/stream+json"
            | "application/x-json-stream" => Body::Lines(Lines::new(at, offset)),
            "application/json-seq" => Body::Lines(Lines::sequence(at, offset)),
            multipart if multipart.starts_with("multipart/") => match multipart::boundary(parameters) {
                Some(boundary) => Body::Multipart(Box::new(Multipart::new(at, offset, boundary))),
                None => Body::Document(Document::new(at, true)),
            },
            _ if hints.has_length => Body::Document(Document::new(at, true)),
            "" | "text/plain" | "application/octet-stream" | "binary/octet-stream" => {
                Body::Sniff(Box::new(Sniff::new(at, offset, false, false)))
            }
            other => Body::Sniff(Box::new(Sniff::new(at, offset, true, other.starts_with("text/")))),
        }
    }

    /// More content: its offset in the direction's content, its first byte on the wire, its bytes.
    pub fn feed(&mut self, offset: u64, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        match self {
            Body::Sse(sse) => sse.feed(offset, wire, bytes, out),
            Body::Lines(lines) => lines.feed(offset, wire, bytes, out),
            Body::Multipart(multipart) => multipart.feed(offset, wire, bytes, out),
            Body::Document(document) => document.feed(offset, wire, bytes, out),
            Body::Sniff(sniff) => {
                if let Some(body) = sniff.feed(offset, wire, bytes, out) {
                    *self = body;
                }
            }
        }
    }

    /// The body ended; `is_complete` says whether its framing did.
    pub fn finish(&mut self, is_complete: bool, out: &mut impl Sink) {
        match self {
            Body::Sse(sse) => sse.finish(out),
            Body::Lines(lines) => lines.finish(is_complete, out),
            Body::Multipart(multipart) => multipart.finish(out),
            Body::Document(_) => {}
            Body::Sniff(sniff) => {
                *self = sniff.decide(out);
                if !matches!(self, Body::Sniff(_)) {
                    self.finish(is_complete, out);
                }
            }
        }
    }

    /// Whether the body is one document: then it is the message, else what rides in it is.
    pub fn is_document(&self) -> bool {
        matches!(self, Body::Document(_))
    }

    /// Whether each chunk is shown as a message, because nothing else in the body would be until it ends.
    pub fn shows_chunks(&self) -> bool {
        match self {
            Body::Document(document) => !document.is_labelled,
            Body::Sniff(sniff) => sniff.shows_chunks(),
            Body::Sse(_) | Body::Lines(_) | Body::Multipart(_) => false,
        }
    }

    /// What has begun and is not complete.
    pub fn pending(&self) -> Option<crate::dissect::Pending> {
        match self {
            Body::Sse(sse) => sse.pending(),
            Body::Lines(lines) => lines.pending(),
            Body::Multipart(multipart) => multipart.pending(),
            Body::Sniff(sniff) => sniff.pending(),
            Body::Document(_) => None,
        }
    }
}

/// A record of the content layer.
fn record(at: At, kind: crate::dissect::Kind, start: u64, end: u64) -> Record {
    Record {
        start,
        len: end.saturating_sub(start),
        payload_len: 0,
        link: at.link,
        detail: 0,
        kind,
        dir: at.dir,
        worst: Severity::None,
        flags: crate::dissect::Flags::default(),
    }
}

/// Every field of the content layer.
pub fn fields() -> impl Iterator<Item = &'static FieldDef> {
    sse::FIELDS.iter().chain(lines::FIELDS).chain(multipart::FIELDS).copied()
}

/// Every note of the content layer.
pub fn notes() -> impl Iterator<Item = &'static NoteDef> {
    sse::NOTES.iter().chain(lines::NOTES).chain(multipart::NOTES).copied().chain([&BAD_UTF8])
}

/// Text that is not UTF-8.
static BAD_UTF8: NoteDef = NoteDef {
    key: "text.bad-utf8",
    severity: Severity::Warning,
    text: "This is not UTF-8; readers put U+FFFD in place of what they can't read",
    spec: "RFC 3629 §3",
};
