//! A direction of a TCP connection, put together from its segments.
//!
//! Which bytes the capture lacks is known beforehand, so that a hole is waited for only if it will be filled. Where two
//! segments say different things of the same bytes, the one that came first stands.

use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Bytes that are held back at most until those before them come.
pub const HELD_LIMIT_BYTES: usize = 4 << 20;

/// What is next on a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// Bytes that will not come: they are not in the capture.
    Missing(u64),
    /// Bytes that may yet come, but too late: too much had to be held back for them.
    TooLate(u64),
}

/// Puts segments in order.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    next: i64,
    gaps: VecDeque<(i64, i64)>,
    fin: Option<i64>,
    held: BTreeMap<i64, Bytes>,
    held_bytes: usize,
}

impl Assembler {
    /// For a direction that begins at byte `start` and lacks these stretches, rising.
    pub fn new(start: i64, gaps: Vec<(i64, i64)>) -> Assembler {
        Assembler { next: start, gaps: gaps.into(), ..Assembler::default() }
    }

    /// A segment's bytes, from `start` on.
    pub fn take(&mut self, start: i64, bytes: &[u8], out: &mut Vec<Piece>) {
        let end = (start + bytes.len() as i64).min(self.fin.unwrap_or(i64::MAX));
        let slice = |from: i64, to: i64| Bytes::copy_from_slice(&bytes[(from - start) as usize..(to - start) as usize]);
        let mut at = start.max(self.next);
        if at >= end {
            return;
        }
        if at == self.next && self.held.is_empty() {
            self.next = end;
            out.push(Piece::Bytes(slice(at, end)));
        } else {
            if let Some((from, held)) = self.held.range(..=at).next_back() {
                at = at.max(from + held.len() as i64);
            }
            while at < end {
                let after = self.held.range(at..).next().map(|(from, held)| (*from, from + held.len() as i64));
                let to = after.map_or(end, |(from, _)| from.min(end));
                if at < to {
                    self.held_bytes += (to - at) as usize;
                    self.held.insert(at, slice(at, to));
                }
                at = after.map_or(end, |(_, to)| to);
            }
        }
        self.go_on(out);
        while self.held_bytes > HELD_LIMIT_BYTES {
            self.give_up(out);
        }
    }

    /// The direction ends at this byte.
    pub fn fin(&mut self, at: i64, out: &mut Vec<Piece>) {
        if self.fin.is_none() && at >= self.next {
            self.fin = Some(at);
            self.go_on(out);
        }
    }

    /// Whether all bytes up to the end came.
    pub fn has_ended(&self) -> bool {
        self.fin.is_some_and(|fin| self.next >= fin)
    }

    /// Bytes that are held back.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Waits no more for the first bytes that are missing.
    pub fn give_up(&mut self, out: &mut Vec<Piece>) {
        let Some(first) = self.held.keys().next().copied() else { return };
        if first > self.next {
            out.push(Piece::TooLate((first - self.next) as u64));
            self.next = first;
        }
        self.go_on(out);
    }

    fn go_on(&mut self, out: &mut Vec<Piece>) {
        loop {
            while self.gaps.front().is_some_and(|(_, end)| *end <= self.next) {
                self.gaps.pop_front();
            }
            let is_wanted = !self.held.is_empty() || self.fin.is_some();
            if let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= self.next) {
                let (start, bytes) = entry.remove_entry();
                self.held_bytes -= bytes.len();
                let known = ((self.next - start) as usize).min(bytes.len());
                if known < bytes.len() {
                    self.next = start + bytes.len() as i64;
                    out.push(Piece::Bytes(bytes.slice(known..)));
                }
            } else if let Some((_, end)) = self.gaps.front().filter(|(start, _)| *start <= self.next && is_wanted) {
                out.push(Piece::Missing((end - self.next) as u64));
                self.next = *end;
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::streams::Ranges;
    use super::*;
    use proptest::prelude::*;

    /// All pieces joined; what is missing as dots.
    fn joined(pieces: Vec<Piece>) -> Vec<u8> {
        let bytes = pieces.into_iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.to_vec(),
            Piece::Missing(len) | Piece::TooLate(len) => vec![b'.'; len as usize],
        });
        bytes.collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_gap_that_will_not_be_filled_holds_nothing_back() {
        let mut assembler = Assembler::new(0, vec![(5, 8)]);
        let mut out = Vec::new();
        assembler.take(0, b"01234", &mut out);
        assert_eq!(out.len(), 1, "a gap is told of once something comes behind it");
        assembler.take(8, b"89", &mut out);
        assert_eq!(out[1], Piece::Missing(3));
        assembler.take(12, b"cd", &mut out);
        assert_eq!(out.len(), 3, "and one that will be filled is waited for");
        assembler.fin(14, &mut out);
        assert!(!assembler.has_ended());
        assembler.take(10, b"abcX", &mut out);
        assert_eq!(joined(out), b"01234...89abcd");
        assert!(assembler.has_ended() && assembler.held_bytes() == 0);
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut assembler = Assembler::new(0, Vec::new());
        let mut out = Vec::new();
        for number in 1..200 {
            assembler.take(number * 100_000, &[7; 50_000], &mut out);
            assert!(assembler.held_bytes() <= HELD_LIMIT_BYTES);
        }
        assert!(out.contains(&Piece::TooLate(100_000)));
    }

    proptest! {
        #[test]
        fn shuffled_repeated_and_overlapping_segments_give_the_stream(
            len in 1usize..400,
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..60), 0..40),
            lost in prop::collection::vec((any::<prop::sample::Index>(), 1usize..20), 0..4),
            order in prop::collection::vec(any::<u32>(), 80),
            start in -500i64..500,
        ) {
            let stream: Vec<u8> = (0..len).map(|at| b'A' + (at % 57) as u8).collect();
            let is_lost = |at: usize| lost.iter().any(|(from, len)| (from.index(stream.len())..).take(*len).any(|b| b == at));
            // Segments of seven bytes, and others over them, without what is lost.
            let whole = (0..len).step_by(7).map(|from| (from, 7));
            let others = cuts.iter().map(|(from, len)| (from.index(stream.len()), *len));
            let mut segments: Vec<(usize, usize)> = Vec::new();
            for (from, segment_len) in whole.chain(others) {
                let to = (from + segment_len).min(len);
                let mut at = from;
                while at < to {
                    let end = (at..to).find(|byte| is_lost(*byte)).unwrap_or(to);
                    if at < end {
                        segments.push((at, end));
                    }
                    at = end + 1;
                }
            }
            let mut keyed: Vec<_> = segments.into_iter().enumerate().map(|(n, s)| (order[n % order.len()], n, s)).collect();
            keyed.sort();
            let mut ranges = Ranges::default();
            keyed.iter().for_each(|(_, _, (from, to))| { ranges.add(start + *from as i64, start + *to as i64); });
            let mut assembler = Assembler::new(start, ranges.gaps(start, start + len as i64));
            let mut out = Vec::new();
            for (number, (_, _, (from, to))) in keyed.iter().enumerate() {
                if number == keyed.len() / 2 {
                    assembler.fin(start + len as i64, &mut out);
                }
                assembler.take(start + *from as i64, &stream[*from..*to], &mut out);
            }
            assembler.fin(start + len as i64, &mut out);
            let expected: Vec<u8> = (0..len).map(|at| if is_lost(at) { b'.' } else { stream[at] }).collect();
            prop_assert_eq!(joined(out), expected);
            prop_assert!(assembler.has_ended() && assembler.held_bytes() == 0);
        }
    }
}
