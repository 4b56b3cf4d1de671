//! Which TCP connection a segment belongs to, and where on its direction its bytes stand.
//!
//! Both passes over a capture ask the same questions in the same order, and get the same answers.

use super::frame::Segment;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Connections of a capture at most.
pub const MOST_STREAMS: usize = 500_000;

/// How far before the first data a SYN may lie whose packet comes later in the file.
const LATE_SYN_BYTES: i32 = 1 << 20;

/// The place of a sequence number on its direction: numbers are counted modulo 2³², directions are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    newest: Option<(u32, i64)>,
}

impl Sequence {
    /// The offset of a segment of `len` bytes. Offsets count from the first segment that was asked for; those before it
    /// are negative.
    pub fn offset(&mut self, sequence: u32, len: u64) -> i64 {
        let (number, offset) = self.newest.unwrap_or((sequence, 0));
        let at = offset + i64::from(sequence.wrapping_sub(number) as i32);
        if at + len as i64 > offset || self.newest.is_none() {
            self.newest = Some((sequence.wrapping_add(len as u32), at + len as i64));
        }
        at
    }

    /// The offset of a number that the other side acknowledges.
    fn acknowledged(&mut self, sequence: u32) -> i64 {
        let (number, offset) = *self.newest.get_or_insert((sequence, 0));
        offset + i64::from(sequence.wrapping_sub(number) as i32)
    }
}

/// Where a segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// Its first payload byte, on its own direction.
    pub start: i64,
    /// One past its last payload byte, those that were not captured included.
    pub end: i64,
    /// The byte that its sender waits for, on the other direction.
    pub awaited: Option<i64>,
}

/// The sequence numbers of both directions of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    sequences: [Sequence; 2],
}

impl Flow {
    /// The offsets of the next segment; `None` for those without bytes that break the connection off, whose numbers may
    /// be anything.
    pub fn offsets(&mut self, segment: &Segment<'_>, side: usize) -> Option<Offsets> {
        let len = segment.payload.len() as u64 + u64::from(segment.cut);
        if segment.rst && !segment.syn {
            return None;
        }
        // SYN has a number of its own.
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        let start = self.sequences[side].offset(sequence, len);
        let awaited = segment.acknowledgment.map(|number| self.sequences[1 - side].acknowledged(number));
        Some(Offsets { start, end: start + len as i64, awaited })
    }
}

/// A segment's place among connections: which one, and which of its two ends sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The connection, in the order in which they appear.
    pub stream: usize,
    /// Which end sent it: 1 for the one with the higher address, else 0.
    pub side: usize,
}

/// What has to be known of a connection so that the next one between the same ends is told apart.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    stream: usize,
    syn: [Option<u32>; 2],
    /// The lowest number of each direction that the other end said it waits for, as long as no SYN was seen.
    awaited: [Option<u32>; 2],
    /// The lowest number of each direction, as long as no SYN was seen.
    lowest: [Option<u32>; 2],
    fin: [bool; 2],
    rst: bool,
}

/// Tells connections apart.
#[derive(Default)]
pub struct Tracker {
    known: HashMap<[SocketAddr; 2], Known>,
    streams: usize,
    /// Segments of connections beyond [`MOST_STREAMS`].
    pub beyond: u64,
}

impl Tracker {
    /// The place of the next segment of the capture; `None` where there are too many connections.
    pub fn place(&mut self, segment: &Segment<'_>) -> Option<Place> {
        let side = usize::from(segment.from > segment.to);
        let ends = if side == 0 { [segment.from, segment.to] } else { [segment.to, segment.from] };
        let known = self.known.get(&ends);
        let is_new = known.is_none_or(|known| segment.syn && known.is_over_by(side, segment));
        if is_new && self.streams >= MOST_STREAMS {
            self.beyond += 1;
            return None;
        }
        if is_new {
            self.known.insert(ends, Known { stream: self.streams, ..Known::default() });
            self.streams += 1;
        }
        let known = self.known.get_mut(&ends)?;
        if segment.syn {
            known.syn[side] = Some(segment.sequence);
        } else if known.syn[side].is_none() {
            lower(&mut known.lowest[side], segment.sequence);
        }
        if let Some(number) = segment.acknowledgment.filter(|_| known.syn[1 - side].is_none()) {
            lower(&mut known.awaited[1 - side], number);
        }
        known.fin[side] |= segment.fin;
        known.rst |= segment.rst;
        Some(Place { stream: known.stream, side })
    }
}

/// Makes a number the lowest where it is before the one that was. Numbers are counted modulo 2³².
fn lower(lowest: &mut Option<u32>, number: u32) {
    let known = *lowest.get_or_insert(number);
    if (number.wrapping_sub(known) as i32) < 0 {
        *lowest = Some(number);
    }
}

/// Whether a SYN with the number before `first` may begin what is known from `lowest` on.
fn begins(first: u32, lowest: u32) -> bool {
    (0..LATE_SYN_BYTES).contains(&(lowest.wrapping_sub(first) as i32))
}

impl Known {
    /// Whether a SYN begins another connection.
    fn is_over_by(&self, side: usize, segment: &Segment<'_>) -> bool {
        let first = segment.sequence.wrapping_add(1);
        match (self.syn[side], self.lowest[side]) {
            (Some(syn), _) => syn != segment.sequence,
            (None, Some(lowest)) => !begins(first, lowest),
            // Packets may have come behind those that end the other direction: then one side acknowledges the other.
            (None, None) => {
                let other = 1 - side;
                let answers = |number: u32| match (self.syn[other], self.lowest[other]) {
                    (Some(syn), _) => number == syn.wrapping_add(1),
                    (None, Some(lowest)) => begins(number, lowest),
                    (None, None) => false,
                };
                let belongs = segment.acknowledgment.is_some_and(answers)
                    || self.awaited[side].is_some_and(|awaited| begins(first, awaited));
                !belongs && (self.rst || self.fin[other])
            }
        }
    }
}

/// Which bytes of a direction are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First byte and one past the last; rising, none touching the next.
    list: Vec<(i64, i64)>,
}

impl Ranges {
    /// Notes that these bytes are there; how many of them were before.
    pub fn add(&mut self, start: i64, end: i64) -> u64 {
        if start >= end {
            return 0;
        }
        // Nearly always, it goes on where the last one ends.
        let first = match self.list.last() {
            Some((last, _)) if *last <= start => self.list.len() - 1,
            _ => self.list.partition_point(|(_, to)| *to < start),
        };
        let first = if self.list.get(first).is_some_and(|(_, to)| *to < start) { first + 1 } else { first };
        let touched = self.list[first..].iter().take_while(|(from, _)| *from <= end).count();
        let (mut from, mut to, mut already) = (start, end, 0);
        for (other_from, other_to) in &self.list[first..first + touched] {
            already += ((*other_to).min(end) - (*other_from).max(start)).max(0) as u64;
            (from, to) = (from.min(*other_from), to.max(*other_to));
        }
        self.list.splice(first..first + touched, [(from, to)]);
        already
    }

    /// How many stretches there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The first byte.
    pub fn start(&self) -> Option<i64> {
        self.list.first().map(|(start, _)| *start)
    }

    /// One past the last byte.
    pub fn end(&self) -> Option<i64> {
        self.list.last().map(|(_, end)| *end)
    }

    /// What is missing between two places.
    pub fn gaps(&self, start: i64, end: i64) -> Vec<(i64, i64)> {
        let (mut gaps, mut at) = (Vec::new(), start);
        for (from, to) in self.list.iter().filter(|(_, to)| *to > start) {
            if *from >= end {
                break;
            }
            if *from > at {
                gaps.push((at, *from));
            }
            at = at.max(*to);
        }
        if at < end {
            gaps.push((at, end));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(from: &str, to: &str, sequence: u32, flags: &str) -> Segment<'static> {
        Segment {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            sequence,
            acknowledgment: None,
            syn: flags.contains('S'),
            fin: flags.contains('F'),
            rst: flags.contains('R'),
            payload: Vec::new().into(),
            cut: 0,
        }
    }

    const A: &str = "192.0.2.1:5000";
    const B: &str = "192.0.2.2:80";

    #[track_caller]
    fn streams(segments: &[(&str, u32, &str)]) -> Vec<usize> {
        let mut tracker = Tracker::default();
        let places = segments.iter().map(|(from, sequence, flags)| {
            let to = if *from == A { B } else { A };
            tracker.place(&segment(from, to, *sequence, flags)).unwrap().stream
        });
        places.collect()
    }

    #[test]
    fn ends_that_are_used_again_begin_another_connection() {
        let again = [(A, 10, "S"), (B, 90, "S"), (A, 11, ""), (A, 10, "S"), (A, 20, "F"), (B, 91, "F"), (A, 5000, "S")];
        assert_eq!(streams(&again), [0, 0, 0, 0, 0, 0, 1]);
        // The answer to the second SYN comes before it in the file.
        assert_eq!(streams(&[(A, 10, "S"), (B, 90, "S"), (B, 700, "S"), (A, 800, "S")]), [0, 0, 1, 1]);
        // A SYN that comes late, and one that is another's.
        assert_eq!(streams(&[(A, 11, ""), (A, 10, "S"), (A, 400, "S")]), [0, 0, 1]);
        assert_eq!(streams(&[(A, 11, ""), (A, 4_000_000_000, "S")]), [0, 1]);
    }

    #[test]
    fn all_of_one_direction_may_come_before_the_other() {
        let answering =
            |sequence, flags, number| Segment { acknowledgment: Some(number), ..segment(B, A, sequence, flags) };
        let client = [segment(A, B, 10, "S"), segment(A, B, 11, ""), segment(A, B, 30, "F")];
        let server = [answering(90, "S", 11), answering(91, "", 20), answering(120, "F", 31)];
        let orders = [
            [&client[..], &server[..]].concat(),
            [&server[..], &client[..]].concat(),
            [&client[1..], &server[..], &client[..1]].concat(),
            [&server[1..], &client[..], &server[..1]].concat(),
        ];
        for all in orders {
            let mut tracker = Tracker::default();
            assert!(all.iter().all(|segment| tracker.place(segment).unwrap().stream == 0), "{all:?}");
        }
        // Answers to another SYN.
        let mut tracker = Tracker::default();
        client.iter().for_each(|segment| _ = tracker.place(segment));
        assert_eq!(tracker.place(&answering(90, "S", 700)).unwrap().stream, 1);
    }

    #[test]
    fn offsets_go_on_where_numbers_begin_again() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.offset(u32::MAX - 9, 5), 0);
        assert_eq!(sequence.offset(u32::MAX - 4, 10), 5);
        assert_eq!(sequence.offset(5, 10), 15);
        assert_eq!(sequence.offset(u32::MAX - 9, 5), 0);
        assert_eq!(sequence.acknowledged(u32::MAX - 10), -1);
        let mut at = 25;
        for round in 1..40u32 {
            assert_eq!(sequence.offset(15u32.wrapping_add((round - 1).wrapping_mul(1 << 30)), 1 << 30), at);
            at += 1 << 30;
        }
    }

    proptest! {
        #[test]
        fn ranges_are_what_a_set_of_bytes_is(pieces in prop::collection::vec((-50i64..200, 0i64..40), 0..60)) {
            let (mut ranges, mut bytes) = (Ranges::default(), std::collections::BTreeSet::new());
            for (start, len) in pieces {
                let already = (start..start + len).filter(|byte| bytes.contains(byte)).count();
                prop_assert_eq!(ranges.add(start, start + len), already as u64);
                bytes.extend(start..start + len);
            }
            prop_assert!(ranges.list.windows(2).all(|pair| pair[0].1 < pair[1].0));
            let missing: Vec<i64> = ranges.gaps(-10, 150).iter().flat_map(|(from, to)| *from..*to).collect();
            prop_assert_eq!(missing, (-10..150).filter(|byte| !bytes.contains(byte)).collect::<Vec<_>>());
            prop_assert_eq!((ranges.start(), ranges.end()), (bytes.first().copied(), bytes.last().map(|last| last + 1)));
        }
    }
}
