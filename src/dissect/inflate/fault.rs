//! What makes input no DEFLATE (RFC 1951).

/// Why the input is no DEFLATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// BTYPE is 3.
    BlockType,
    /// LEN and NLEN of a stored block do not match.
    StoredLength,
    /// More than 286 length or 30 distance codes.
    CodeCount,
    /// Code lengths that make no prefix code.
    Lengths,
    /// The first code length repeats one before it.
    Repeat,
    /// A code that stands for nothing.
    Symbol,
    /// A copy of bytes before the first one.
    Distance,
    /// The message ended inside a block.
    Truncated,
}

impl Fault {
    /// What is wrong, in words.
    pub fn text(self) -> &'static str {
        match self {
            Fault::BlockType => "a block has the reserved type 3",
            Fault::StoredLength => "LEN and NLEN of a stored block are not each other's complement",
            Fault::CodeCount => "a block has more codes than there can be",
            Fault::Lengths => "the code lengths of a block make no prefix code",
            Fault::Repeat => "a code length repeats the one before, and there is none",
            Fault::Symbol => "a code stands for nothing",
            Fault::Distance => "a copy reaches back before the first byte",
            Fault::Truncated => "the message ends inside a block",
        }
    }
}
