//! A session as it was at a moment: how many records there were, and what they came to.
//!
//! What happened is ordered by its events, and a moment is a place in that order: up to the last event whose time, or the
//! time of any before it, is not later. In a recording of ours times never run backwards. A record counts from the event
//! on that completed it, which may be later than the read that brought its last byte. What is looked up is found from
//! sums that are kept every few thousand records and events, so that no moment of ten million records is farther than
//! another.

use super::{Kind, Record, RecordId, Session, Totals, is_message};
use crate::wire::{Dir, What};

/// Events between two places from which reads are counted.
const STRETCH_EVENTS: u64 = 4096;

/// Records between two sums.
const SUM_RECORDS: usize = 4096;

/// A moment of a session, and what was there then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// In nanoseconds since the recording began.
    pub at_ns: u64,
    /// How many records are there: those below this number.
    pub records: RecordId,
}

/// Events in a row.
#[derive(Clone, Debug)]
struct Stretch {
    /// The first of them.
    seq: u64,
    /// The time of the first, or of one before it that is later.
    clock_ns: u64,
    /// Bytes before it, out and in.
    bytes: [u64; 2],
    /// The links that bytes moved on, by their places among the links.
    links: Vec<u32>,
}

/// What is kept to find moments again.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// The time of the newest event, or of one before it that is later.
    clock_ns: u64,
    stretches: Vec<Stretch>,
    /// Sums before every [`SUM_RECORDS`]-th record; bytes do not count here.
    sums: Vec<Totals>,
    /// Messages of each connection before such a record, where they had changed: how many sums there were, and how many
    /// went out and in.
    messages: Vec<Vec<(usize, [u64; 2])>>,
    /// Records that were complete later than their last bytes came: number, and when.
    late_records: Vec<(RecordId, u64)>,
    /// Reads whose times run backwards: event, and the time before which it did not happen.
    late_reads: Vec<(u64, u64)>,
}

impl History {
    /// An event comes, before which there were so many bytes; what the clock says then.
    pub fn event(&mut self, seq: u64, at_ns: u64, bytes: [u64; 2]) -> u64 {
        self.clock_ns = self.clock_ns.max(at_ns);
        if seq.is_multiple_of(STRETCH_EVENTS) || self.stretches.is_empty() {
            self.stretches.push(Stretch { seq, clock_ns: self.clock_ns, bytes, links: Vec::new() });
        }
        self.clock_ns
    }

    /// It moved bytes on a link.
    pub fn read(&mut self, seq: u64, at_ns: u64, link: usize) {
        let link = link as u32;
        if at_ns < self.clock_ns {
            self.late_reads.push((seq, self.clock_ns));
        }
        if let Some(stretch) = self.stretches.last_mut()
            && stretch.links.last() != Some(&link)
            && !stretch.links.contains(&link)
        {
            stretch.links.push(link);
        }
    }

    /// Whether the sums before a record are kept.
    #[inline]
    pub fn is_sum_due(&self, id: RecordId) -> bool {
        id.is_multiple_of(SUM_RECORDS)
    }

    /// The sums before a record, and the messages of each connection.
    pub fn sum(&mut self, totals: Totals, messages: impl ExactSizeIterator<Item = [u64; 2]>) {
        self.messages.resize_with(messages.len(), Vec::new);
        for (kept, messages) in self.messages.iter_mut().zip(messages) {
            if kept.last().map_or([0; 2], |(_, last)| *last) != messages {
                kept.push((self.sums.len(), messages));
            }
        }
        self.sums.push(totals);
    }

    /// A record is complete whose last byte came at `at_ns`.
    #[inline]
    pub fn completed(&mut self, id: RecordId, at_ns: u64) {
        if at_ns != self.clock_ns {
            self.late_records.push((id, self.clock_ns));
        }
    }

    /// Nobody will look back.
    pub fn forget(&mut self) {
        (self.late_records, self.late_reads) = (Vec::new(), Vec::new());
        (self.sums, self.messages) = (Vec::new(), Vec::new());
        self.stretches.drain(..self.stretches.len().saturating_sub(1));
    }

    /// When a read took place that says that it was at `at_ns`.
    fn read_ns(&self, seq: u64, at_ns: u64) -> u64 {
        match self.late_reads.binary_search_by_key(&seq, |(seq, _)| *seq) {
            Ok(at) => self.late_reads[at].1,
            Err(_) => at_ns,
        }
    }

    /// The stretch in which a time lies.
    fn stretch_at(&self, at_ns: u64) -> Option<usize> {
        self.stretches.partition_point(|stretch| stretch.clock_ns <= at_ns).checked_sub(1)
    }
}

/// Whether a record says that a certificate was not verified.
fn is_unverified(session: &Session, record: &Record) -> bool {
    record.kind == Kind::Tls
        && matches!(session.fact(record).map(|event| &event.what), Some(What::Secured(tls)) if !tls.verified)
}

impl Session {
    /// When a record was there: the time of the event that completed it. Never less than that of an earlier record.
    pub fn completed_ns(&self, id: RecordId) -> u64 {
        let late = &self.history.late_records;
        match late.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => late[at].1,
            Err(_) => self.at_ns(id),
        }
    }

    /// The session at a time, in nanoseconds since the recording began.
    pub fn moment(&self, at_ns: u64) -> Moment {
        Moment { at_ns, records: self.first_where(|completed_ns| completed_ns > at_ns) }
    }

    /// The session when a record had just come, and none after it.
    pub fn moment_of(&self, id: RecordId) -> Moment {
        match id < self.records.len() {
            true => Moment { at_ns: self.completed_ns(id), records: id + 1 },
            false => Moment { at_ns: self.last_at_ns, records: self.records.len() },
        }
    }

    /// The first record whose time of completion is so, where those before it are not.
    pub(super) fn first_where(&self, is_so: impl Fn(u64) -> bool) -> RecordId {
        let (mut low, mut high) = (self.records.first_held(), self.records.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_so(self.completed_ns(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    }

    /// Sums over the session as it was.
    pub fn totals_as_of(&self, moment: Moment) -> Totals {
        let records = moment.records.min(self.records.len());
        let kept = (records / SUM_RECORDS).min(self.history.sums.len().saturating_sub(1));
        let mut totals = self.history.sums.get(kept).copied().unwrap_or_default();
        for record in self.records.range(kept * SUM_RECORDS..records) {
            totals.notes[record.worst as usize] += 1;
            totals.stalls += u64::from(record.kind == Kind::Stall);
            totals.unverified_links += u64::from(is_unverified(self, record));
            if is_message(record) {
                totals.messages[record.dir.index()] += 1;
                totals.payload_bytes[record.dir.index()] += record.payload_len;
            }
        }
        totals.bytes = self.bytes_at(moment.at_ns);
        totals
    }

    /// Messages of each connection as it was, out and in, in the order of the connections.
    pub fn messages_as_of(&self, moment: Moment) -> Vec<[u64; 2]> {
        let records = moment.records.min(self.records.len());
        let kept = (records / SUM_RECORDS).min(self.history.sums.len().saturating_sub(1));
        let before = |kept_of: &Vec<(usize, [u64; 2])>| {
            let at = kept_of.partition_point(|(sums, _)| *sums <= kept).checked_sub(1);
            at.map_or([0; 2], |at| kept_of[at].1)
        };
        let mut messages: Vec<[u64; 2]> = self.history.messages.iter().map(before).collect();
        messages.resize(self.connections.len(), [0; 2]);
        let mut places = std::collections::HashMap::new();
        for record in self.records.range(kept * SUM_RECORDS..records).filter(|record| is_message(record)) {
            let place = places.entry(record.link).or_insert_with(|| {
                let id = self.connection_of(record);
                self.connections.iter().position(|connection| connection.info.id == id)
            });
            if let Some(place) = *place {
                messages[place][record.dir.index()] += 1;
            }
        }
        messages
    }

    /// The sums before a record that is about to be counted, `messages` of its event being counted but not added yet.
    pub(super) fn sums_before(&self, record: &Record, messages: [u64; 2]) -> Totals {
        let mut totals = self.totals;
        totals.messages[0] += messages[0];
        totals.messages[1] += messages[1];
        // Its event has told these already.
        totals.stalls -= u64::from(record.kind == Kind::Stall);
        totals.unverified_links -= u64::from(is_unverified(self, record));
        totals
    }

    /// Wire bytes up to a time, out and in.
    fn bytes_at(&self, at_ns: u64) -> [u64; 2] {
        let Some(at) = self.history.stretch_at(at_ns) else { return [0; 2] };
        let mut bytes = self.history.stretches[at].bytes;
        self.each_read(at, |read_ns, dir, len| {
            if read_ns <= at_ns {
                bytes[dir.index()] += len;
            }
        });
        bytes
    }

    /// When the next read after a time took place.
    pub fn read_after(&self, at_ns: u64) -> Option<u64> {
        let first = self.history.stretch_at(at_ns).unwrap_or(0);
        (first..self.history.stretches.len()).find_map(|at| {
            let mut next = None;
            self.each_read(at, |read_ns, _, _| {
                if read_ns > at_ns {
                    next = Some(next.map_or(read_ns, |next: u64| next.min(read_ns)));
                }
            });
            next
        })
    }

    /// When the last read before a time took place.
    pub fn read_before(&self, at_ns: u64) -> Option<u64> {
        let last = self.history.stretch_at(at_ns)?;
        (0..=last).rev().find_map(|at| {
            let mut before = None;
            self.each_read(at, |read_ns, _, _| {
                if read_ns < at_ns {
                    before = before.max(Some(read_ns));
                }
            });
            before
        })
    }

    /// Tells the reads of a stretch, link by link: when, which way, how many bytes.
    fn each_read(&self, stretch: usize, mut tell: impl FnMut(u64, Dir, u64)) {
        let Stretch { seq, links, .. } = &self.history.stretches[stretch];
        let end = self.history.stretches.get(stretch + 1).map_or(u64::MAX, |next| next.seq);
        for link in links.iter().filter_map(|link| self.links.get(*link as usize)) {
            for dir in [Dir::Out, Dir::In] {
                for (seq, at_ns, len) in link.reads_of(dir, *seq..end) {
                    tell(self.history.read_ns(seq, at_ns), dir, len);
                }
            }
        }
    }
}
