//! One document: nothing is told of it before its end.

/// A body that is one document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Whether the head says what it is.
    pub is_labelled: bool,
    /// Content bytes so far.
    pub len: u64,
}

impl Document {
    /// An empty one.
    pub fn new(is_labelled: bool) -> Document {
        Document { is_labelled, len: 0 }
    }

    /// More of it.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
    }
}
