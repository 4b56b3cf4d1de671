//! One document: nothing is told of it before its end.

use super::At;
use crate::dissect::{Content, Sink};

/// A body that is one document.
#[derive(Clone, Debug)]
pub struct Document {
    at: At,
    /// Whether the head says what it is, so that a stretch of it alone is of no use.
    pub is_labelled: bool,
}

impl Document {
    /// An empty one.
    pub fn new(at: At, is_labelled: bool) -> Document {
        Document { at, is_labelled }
    }

    /// More of it.
    pub fn feed(&mut self, offset: u64, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        if out.full() {
            out.content(self.at.place(), offset, wire, Content::Verbatim, bytes);
        }
    }
}
