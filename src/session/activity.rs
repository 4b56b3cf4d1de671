//! How much happened when: counters a stretch of time, kept up as records come, in bounded memory however long it takes.
//!
//! The stretches are equally wide. When more of them are needed than there is room for, neighbours are joined and each
//! is twice as wide from then on; no counter is ever lost by that. A look at less time than that is counted afresh from
//! the records and reads, where there are few of them.

use super::{Moment, RecordId, Session, is_message};
use crate::dissect::{Record, Severity};
use crate::wire::Dir;
use std::ops::Range;

/// Stretches that are kept at most: 640 kB.
const MOST: usize = 1 << 14;

/// Stretches are so wide at first, as a power of two of nanoseconds: about a millisecond.
const FIRST_SHIFT: u32 = 20;

/// The least width of a stretch that is counted afresh: about a microsecond.
const FINEST_SHIFT: u32 = 10;

/// Records, and reads of each direction, that are counted afresh at most for one look.
const AFRESH: usize = 1 << 13;

/// Records beyond either end of a time that are looked at as well, because they are only nearly in time order.
const MARGIN: usize = 256;

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Messages, out and in.
    pub messages: [u64; 2],
    /// Wire bytes, out and in.
    pub bytes: [u64; 2],
    /// The worst note.
    pub worst: Severity,
}

impl Bucket {
    /// Whether nothing happened.
    pub fn is_quiet(&self) -> bool {
        *self == Bucket::default()
    }

    fn join(&mut self, other: &Bucket) {
        for dir in 0..2 {
            self.messages[dir] += other.messages[dir];
            self.bytes[dir] += other.bytes[dir];
        }
        self.worst = self.worst.max(other.worst);
    }

    fn count(&mut self, record: &Record) {
        self.messages[record.dir.index()] += u64::from(is_message(record));
        self.worst = self.worst.max(record.worst);
    }
}

/// Stretches of time, side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bins {
    /// When the first begins, in nanoseconds since the recording began: a multiple of the width.
    pub start_ns: u64,
    /// How wide each is.
    pub width_ns: u64,
    /// What happened in each.
    pub buckets: Vec<Bucket>,
}

impl Bins {
    fn over(range: &Range<u64>, shift: u32) -> Bins {
        let (first, end) = (range.start >> shift, (range.end.saturating_sub(1) >> shift) + 1);
        let buckets = vec![Bucket::default(); end.saturating_sub(first) as usize];
        Bins { start_ns: first << shift, width_ns: 1 << shift, buckets }
    }

    fn at(&mut self, at_ns: u64) -> Option<&mut Bucket> {
        self.buckets.get_mut((at_ns.checked_sub(self.start_ns)? / self.width_ns) as usize)
    }
}

/// The counters of a recording.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    shift: u32,
    buckets: Vec<Bucket>,
}

impl Default for Activity {
    fn default() -> Activity {
        Activity { shift: FIRST_SHIFT, buckets: Vec::new() }
    }
}

impl Activity {
    /// Bytes were read or written.
    pub fn moved(&mut self, at_ns: u64, dir: Dir, bytes: usize) {
        self.at(at_ns).bytes[dir.index()] += bytes as u64;
    }

    /// Whether a record changes any counter.
    pub fn counts(record: &Record) -> bool {
        record.worst > Severity::None || is_message(record)
    }

    /// A record is complete.
    pub fn completed(&mut self, at_ns: u64, record: &Record) {
        self.at(at_ns).count(record);
    }

    fn at(&mut self, at_ns: u64) -> &mut Bucket {
        while at_ns >> self.shift >= MOST as u64 {
            self.coarsen();
        }
        let at = (at_ns >> self.shift) as usize;
        if at >= self.buckets.len() {
            if at >= self.buckets.capacity() {
                // No more is ever taken than there may be.
                self.buckets.reserve_exact((at + 1).next_power_of_two() - self.buckets.len());
            }
            self.buckets.resize(at + 1, Bucket::default());
        }
        &mut self.buckets[at]
    }

    fn coarsen(&mut self) {
        self.shift += 1;
        let joined = self.buckets.len().div_ceil(2);
        for at in 0..joined {
            let mut bucket = self.buckets[2 * at];
            if let Some(next) = self.buckets.get(2 * at + 1) {
                bucket.join(next);
            }
            self.buckets[at] = bucket;
        }
        self.buckets.truncate(joined);
    }

    fn over(&self, range: &Range<u64>, shift: u32) -> Bins {
        let shift = shift.max(self.shift);
        let mut bins = Bins::over(range, shift);
        let end = bins.start_ns + bins.buckets.len() as u64 * bins.width_ns;
        let kept = (bins.start_ns >> self.shift) as usize..((end >> self.shift) as usize).min(self.buckets.len());
        for at in kept {
            if let Some(bin) = bins.at((at as u64) << self.shift) {
                bin.join(&self.buckets[at]);
            }
        }
        bins
    }
}

impl Session {
    /// What happened within a time, in at most about `most` stretches.
    ///
    /// Stretches begin at multiples of their width, which is a power of two of nanoseconds, so that they stay where they
    /// are when the time that is looked at moves.
    pub fn activity(&self, range: Range<u64>, most: usize) -> Bins {
        let len = range.end.saturating_sub(range.start).max(1);
        let widest = len.div_ceil(most.max(1) as u64);
        let shift = widest.next_power_of_two().trailing_zeros().clamp(FINEST_SHIFT, u64::BITS - 2);
        if shift < self.activity.shift
            && let Some(bins) = self.afresh(&range, shift)
        {
            return bins;
        }
        self.activity.over(&range, shift)
    }

    /// What had happened within a time at a moment, in the same stretches. The stretch in which the moment lies is
    /// counted afresh up to it, unless more happened in it than can be.
    pub fn activity_as_of(&self, range: Range<u64>, most: usize, moment: Moment) -> Bins {
        let mut bins = self.activity(range, most);
        let (start_ns, width_ns) = (bins.start_ns, bins.width_ns);
        for (at, bucket) in bins.buckets.iter_mut().enumerate() {
            let start = start_ns + at as u64 * width_ns;
            if start > moment.at_ns {
                *bucket = Bucket::default();
            } else if moment.at_ns < start + width_ns - 1
                && let Some(part) = self.part(start..moment.at_ns + 1, moment)
            {
                *bucket = part;
            }
        }
        bins
    }

    /// What happened in a time that ends at a moment, where that is little.
    fn part(&self, range: Range<u64>, moment: Moment) -> Option<Bucket> {
        let ids = self.ids_near(&range);
        if ids.len() > AFRESH + 2 * MARGIN {
            return None;
        }
        let mut bucket = Bucket::default();
        for id in ids.start..ids.end.min(moment.records) {
            let record = &self.records()[id];
            if Activity::counts(record) && range.contains(&self.at_ns(id)) {
                bucket.count(record);
            }
        }
        let mut left = AFRESH;
        for (link, dir) in self.links().iter().flat_map(|link| [(link, Dir::Out), (link, Dir::In)]) {
            for (_, len) in link.reads_within(dir, range.clone()) {
                left = left.checked_sub(1)?;
                bucket.bytes[dir.index()] += len;
            }
        }
        Some(bucket)
    }

    /// Counts from the records and reads, unless these are many.
    fn afresh(&self, range: &Range<u64>, shift: u32) -> Option<Bins> {
        let mut bins = Bins::over(range, shift);
        let whole = bins.start_ns..bins.start_ns + bins.buckets.len() as u64 * bins.width_ns;
        let ids = self.ids_near(&whole);
        if ids.len() > AFRESH + 2 * MARGIN {
            return None;
        }
        for id in ids {
            let record = &self.records()[id];
            if Activity::counts(record)
                && let Some(bin) = bins.at(self.at_ns(id))
            {
                bin.count(record);
            }
        }
        let mut left = AFRESH;
        for link in self.links() {
            for dir in [Dir::Out, Dir::In] {
                for (at_ns, len) in link.reads_within(dir, whole.clone()) {
                    left = left.checked_sub(1)?;
                    if let Some(bin) = bins.at(at_ns) {
                        bin.bytes[dir.index()] += len;
                    }
                }
            }
        }
        Some(bins)
    }

    /// The records of a time, and some beside them.
    fn ids_near(&self, range: &Range<u64>) -> Range<RecordId> {
        let records = self.records();
        let first_from = |at_ns: u64| {
            let (mut low, mut high) = (records.first_held(), records.len());
            while low < high {
                let middle = low.midpoint(high);
                if self.at_ns(middle) < at_ns { low = middle + 1 } else { high = middle }
            }
            low
        };
        let start = first_from(range.start).saturating_sub(MARGIN).max(records.first_held());
        start..(first_from(range.end) + MARGIN).min(records.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::{Flags, Kind};
    use proptest::prelude::*;

    fn message(dir: Dir, worst: Severity) -> Record {
        Record { kind: Kind::WsText, dir, worst, flags: Flags::MESSAGE, ..crate::session::facts::nothing() }
    }

    fn sum(buckets: &[Bucket]) -> Bucket {
        buckets.iter().fold(Bucket::default(), |mut sum, bucket| {
            sum.join(bucket);
            sum
        })
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_order_and_however_often_it_coarsens(
            events in prop::collection::vec((0u32..63, any::<u64>(), any::<bool>(), 0usize..9000, 0usize..4), 0..300),
            columns in 1usize..3000,
        ) {
            let mut activity = Activity::default();
            let mut expected = Bucket::default();
            let severities = [Severity::None, Severity::Info, Severity::Warning, Severity::Error];
            for (bits, time, is_out, bytes, worst) in events {
                let at_ns = time & ((1 << bits) - 1);
                let dir = if is_out { Dir::Out } else { Dir::In };
                activity.moved(at_ns, dir, bytes);
                activity.completed(at_ns, &message(dir, severities[worst]));
                expected.messages[dir.index()] += 1;
                expected.bytes[dir.index()] += bytes as u64;
                expected.worst = expected.worst.max(severities[worst]);
                prop_assert!(activity.buckets.len() <= MOST);
            }
            prop_assert_eq!(sum(&activity.buckets), expected);
            prop_assert!(activity.buckets.capacity() * size_of::<Bucket>() <= 1 << 20);
            let end = (activity.buckets.len() as u64) << activity.shift;
            let shift = (end / columns as u64).next_power_of_two().trailing_zeros();
            prop_assert_eq!(sum(&activity.over(&(0..end), shift).buckets), expected);
        }
    }

    #[test]
    fn stretches_stay_in_their_places_when_the_look_moves() {
        let mut activity = Activity::default();
        for at in 0..100u64 {
            activity.completed(at << 20, &message(Dir::In, Severity::None));
        }
        let (whole, part) = (activity.over(&(0..100 << 20), 22), activity.over(&((6 << 20) + 5..90 << 20), 22));
        assert_eq!((part.start_ns, part.width_ns), (4 << 20, 1 << 22));
        assert_eq!(part.buckets[..], whole.buckets[1..1 + part.buckets.len()]);
    }
}
