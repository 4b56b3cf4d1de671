//! Places in buffers, to the bit.

use super::{Dir, LinkId};

/// A buffer that fields point into: recorded bytes, or bytes derived from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Buf {
    /// What was recorded on one direction of a link; offsets count from the link's first byte.
    Wire(LinkId, Dir),
    /// The n-th derived buffer of an explanation: dechunked, unmasked, joined.
    Made(u32),
}

/// A run of bits in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The buffer.
    pub buf: Buf,
    /// The first bit, counted from the start of the buffer; bit 0 of a byte is its most significant one.
    pub bit: u64,
    /// How many bits.
    pub bits: u64,
}

impl Span {
    /// A span of whole bytes.
    pub fn bytes(buf: Buf, start_byte: u64, len_bytes: u64) -> Span {
        Span { buf, bit: start_byte.saturating_mul(8), bits: len_bytes.saturating_mul(8) }
    }

    /// The first byte that the span touches.
    pub fn start_byte(&self) -> u64 {
        self.bit / 8
    }

    /// One past the last byte that the span touches.
    pub fn end_byte(&self) -> u64 {
        self.bit.saturating_add(self.bits).div_ceil(8)
    }

    /// One past the last bit.
    pub fn end_bit(&self) -> u64 {
        self.bit.saturating_add(self.bits)
    }

    /// Whether the byte at `offset` has a bit in this span.
    pub fn touches_byte(&self, offset: u64) -> bool {
        self.bits > 0 && self.start_byte() <= offset && offset < self.end_byte()
    }
}
