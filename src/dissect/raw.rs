//! Bytes that no dissector understands: shown in gaps of 64 KiB, so that they appear while they arrive.

use super::{Sink, sink::gap};
use crate::wire::{Dir, LinkId};

/// A gap ends at each multiple of this many bytes, so that cuts of reads make no difference.
const BLOCK_BYTES: u64 = 64 * 1024;

/// The dissector of what is not understood.
#[derive(Clone, Debug)]
pub struct Raw {
    link: LinkId,
    /// The first byte of the gap that grows, a direction each.
    start: [Option<u64>; 2],
}

impl Raw {
    /// For a link that went astray.
    pub fn new(link: LinkId) -> Raw {
        Raw { link, start: [None; 2] }
    }

    /// More bytes.
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        if bytes.is_empty() {
            return;
        }
        let start = self.start[dir.index()].get_or_insert(wire);
        let end = wire + bytes.len() as u64;
        loop {
            let block_end = (*start / BLOCK_BYTES + 1) * BLOCK_BYTES;
            if end < block_end {
                break;
            }
            gap(out, self.link, dir, *start, block_end - *start);
            *start = block_end;
        }
    }

    /// The direction ended.
    pub fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink) {
        if let Some(start) = self.start[dir.index()].take() {
            gap(out, self.link, dir, start, end.saturating_sub(start));
        }
    }
}
