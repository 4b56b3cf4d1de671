//! Where the bytes of a direction lie: which event moved them, and when. Ten million reads take 12 bytes each.

use std::cell::Cell;

/// Segments of a block count from its first; so many are searched one by one at most.
const BLOCK: usize = 128;

/// What one read or write moved: a stretch of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its first byte on the direction.
    pub start: u64,
    /// When, in nanoseconds since the recording began.
    pub at_ns: u64,
    /// The number of its event.
    pub seq: u64,
}

/// A segment, counted from the first of its block.
#[derive(Clone, Copy, Debug)]
struct Offsets {
    start: u32,
    at_ns: u32,
    seq: u32,
}

#[derive(Clone, Debug)]
struct Block {
    first: Segment,
    others: Vec<Offsets>,
}

/// The segments of a direction, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    blocks: Vec<Block>,
    /// The block that was looked at last: neighbours are wanted next.
    near: Cell<usize>,
}

/// The place of a segment; by default the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    block: usize,
    inside: usize,
}

impl Block {
    fn len(&self) -> usize {
        1 + self.others.len()
    }

    fn get(&self, inside: usize) -> Option<Segment> {
        let Some(other) = inside.checked_sub(1) else { return Some(self.first) };
        let Offsets { start, at_ns, seq } = *self.others.get(other)?;
        let first = self.first;
        Some(Segment {
            start: first.start + u64::from(start),
            at_ns: first.at_ns + u64::from(at_ns),
            seq: first.seq + u64::from(seq),
        })
    }

    /// Takes a segment that is near enough to its first.
    fn take(&mut self, segment: Segment) -> bool {
        let near = |value: u64, first: u64| u32::try_from(value.checked_sub(first)?).ok();
        let first = self.first;
        let offsets = || {
            let (start, at_ns) = (near(segment.start, first.start)?, near(segment.at_ns, first.at_ns)?);
            Some(Offsets { start, at_ns, seq: near(segment.seq, first.seq)? })
        };
        let Some(offsets) = offsets().filter(|_| self.len() < BLOCK) else { return false };
        // Most directions are short, most blocks of long ones get full.
        if self.others.len() == 4 {
            self.others.reserve_exact(BLOCK - 5);
        }
        self.others.push(offsets);
        true
    }
}

impl Segments {
    pub fn push(&mut self, segment: Segment) {
        if !self.blocks.last_mut().is_some_and(|last| last.take(segment)) {
            self.blocks.push(Block { first: segment, others: Vec::new() });
        }
    }

    pub fn last(&self) -> Option<Segment> {
        let last = self.blocks.last()?;
        last.get(last.others.len())
    }

    pub fn get(&self, at: At) -> Option<Segment> {
        self.blocks.get(at.block)?.get(at.inside)
    }

    /// The place behind another.
    pub fn after(&self, at: At) -> At {
        let is_last = self.blocks.get(at.block).is_none_or(|block| at.inside + 1 >= block.len());
        if is_last { At { block: at.block + 1, inside: 0 } } else { At { inside: at.inside + 1, ..at } }
    }

    /// The segment that holds byte `offset`, or the last before it; the first where all are behind it.
    pub fn holding(&self, offset: u64) -> At {
        self.last_where(|segment| segment.start <= offset).unwrap_or(At { block: 0, inside: 0 })
    }

    /// The first segment of an event from `seq` on.
    pub fn at_event(&self, seq: u64) -> At {
        let before = self.last_where(|segment| segment.seq < seq);
        before.map_or(At { block: 0, inside: 0 }, |before| self.after(before))
    }

    /// The first segment from a time on, as far as they are in time order.
    pub fn at_time(&self, at_ns: u64) -> At {
        let before = self.last_where(|segment| segment.at_ns < at_ns);
        before.map_or(At { block: 0, inside: 0 }, |before| self.after(before))
    }

    /// The last of the leading segments that are so.
    fn last_where(&self, is_so: impl Fn(&Segment) -> bool) -> Option<At> {
        let near = self.near.get();
        let begins_so = |block: usize| self.blocks.get(block).is_some_and(|block| is_so(&block.first));
        let block = if begins_so(near) && !begins_so(near + 1) {
            near
        } else if begins_so(near + 1) && !begins_so(near + 2) {
            near + 1
        } else {
            self.blocks.partition_point(|block| is_so(&block.first)).checked_sub(1)?
        };
        self.near.set(block);
        let inside = &self.blocks[block];
        let (mut low, mut high) = (1, inside.len());
        while low < high {
            let middle = low.midpoint(high);
            if inside.get(middle).is_some_and(|segment| is_so(&segment)) { low = middle + 1 } else { high = middle }
        }
        Some(At { block, inside: low - 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn segments_are_found_as_in_a_plain_list(
            steps in prop::collection::vec((1u64..5_000_000_000, 0u64..2_000_000_000, 1u64..9), 0..700),
            looks in prop::collection::vec(any::<prop::sample::Index>(), 20),
            clock_back in any::<bool>(),
        ) {
            let mut plain: Vec<Segment> = Vec::new();
            let mut segments = Segments::default();
            let (mut start, mut at_ns, mut seq) = (0, 0, 0);
            for (index, (bytes, time, events)) in steps.into_iter().enumerate() {
                let segment = Segment { start, at_ns, seq };
                plain.push(segment);
                segments.push(segment);
                start += bytes % if index % 3 == 0 { 5_000_000_000 } else { 1000 };
                start += 1;
                at_ns = if clock_back && index == 100 { at_ns / 2 } else { at_ns + time };
                seq += events;
            }
            let mut at = At { block: 0, inside: 0 };
            for segment in &plain {
                prop_assert_eq!(segments.get(at), Some(*segment));
                at = segments.after(at);
            }
            prop_assert_eq!(segments.get(at), None);
            for look in looks {
                let Some(wanted) = plain.get(look.index(plain.len().max(1))) else { continue };
                for offset in [wanted.start, wanted.start + 1, wanted.start.saturating_sub(1)] {
                    let place = plain.partition_point(|s| s.start <= offset).saturating_sub(1);
                    prop_assert_eq!(segments.get(segments.holding(offset)), Some(plain[place]));
                }
                for seq in [wanted.seq, wanted.seq + 1, wanted.seq.saturating_sub(1)] {
                    let place = plain.partition_point(|s| s.seq < seq);
                    prop_assert_eq!(segments.get(segments.at_event(seq)), plain.get(place).copied());
                }
            }
        }
    }
}
