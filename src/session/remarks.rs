//! The remarks of a session, and how they find their records again.
//!
//! A file keeps a remark by its record's number, and beside it when that record was complete, its kind, and how many of
//! that kind were complete at that time before it. Where the number leads to another record (events that cannot be read
//! are missing, or a later program reads the bytes otherwise), time, kind and count lead to the right one. Where they
//! lead to none, the remark stays in the file and is counted as lost.

use super::{Kind, Mark, RecordId, Remark, Session, one_line};
use std::collections::BTreeMap;
use std::ops::Bound;

/// What a record is known by besides its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemarkPlace {
    /// When it was complete, in nanoseconds since the recording began.
    pub at_ns: u64,
    /// What it is.
    pub kind: Kind,
    /// How many records of that kind were complete at that time before it.
    pub nth: u64,
}

/// A remark as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRemark {
    /// The remark; its record is the number that the record had when it was written.
    pub remark: Remark,
    /// What else the record is known by; files of older programs do not say.
    pub place: Option<RemarkPlace>,
}

/// The remarks of a session, by record.
#[derive(Clone, Debug, Default)]
pub struct Remarks {
    placed: BTreeMap<RecordId, Remark>,
    /// Under which number the file has those that are known by another now.
    stored_as: BTreeMap<RecordId, RecordId>,
    /// What was read and has no record yet, the earliest last.
    waiting: Vec<StoredRemark>,
    /// Remarks whose records are not to be had.
    lost: usize,
    changes: u64,
}

impl Remarks {
    /// The remark on a record.
    pub fn get(&self, id: RecordId) -> Option<&Remark> {
        self.placed.get(&id)
    }

    /// Every remark, in the order of their records.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Remark> {
        self.placed.values()
    }

    /// Those on the records of a range, in their order.
    pub fn range(&self, ids: std::ops::Range<RecordId>) -> impl DoubleEndedIterator<Item = &Remark> {
        self.placed.range(ids.start..ids.end.max(ids.start)).map(|(_, remark)| remark)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.placed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// The first behind a record.
    pub fn after(&self, id: RecordId) -> Option<&Remark> {
        self.placed.range((Bound::Excluded(id), Bound::Unbounded)).next().map(|(_, remark)| remark)
    }

    /// The last before a record.
    pub fn before(&self, id: RecordId) -> Option<&Remark> {
        self.placed.range(..id).next_back().map(|(_, remark)| remark)
    }

    /// How often they were changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Remarks whose records are not to be had. They stay in the file.
    pub fn lost(&self) -> usize {
        self.lost
    }

    /// What to say of those.
    pub fn lost_notice(&self) -> Option<String> {
        let (count, are) = (self.lost, if self.lost == 1 { "remark is" } else { "remarks are" });
        (count > 0).then(|| format!("{count} {are} on records that cannot be read; the file still has what was said"))
    }

    /// Under which number the file has the remark on a record.
    pub fn stored_as(&self, id: RecordId) -> RecordId {
        self.stored_as.get(&id).copied().unwrap_or(id)
    }
}

impl Session {
    /// What the user has to say of records.
    pub fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// Puts a remark on its record, or takes away what is there where nothing is put; what was there before.
    pub fn set_remark(&mut self, id: RecordId, remark: Option<Remark>) -> Option<Remark> {
        self.remarks.changes += 1;
        match remark {
            Some(remark) => self.remarks.placed.insert(id, Remark { record: id, ..remark }),
            None => self.remarks.placed.remove(&id),
        }
    }

    /// The file has the remark on a record under the record's own number from now on.
    pub fn remark_was_stored(&mut self, id: RecordId) {
        self.remarks.stored_as.remove(&id);
    }

    /// Takes the remarks of a file, whose records need not be there yet: [`Session::place_remarks`] finds them.
    pub fn expect_remarks(&mut self, mut stored: Vec<StoredRemark>) {
        stored.sort_by_key(|stored| std::cmp::Reverse(stored.remark.record));
        self.remarks.waiting = stored;
    }

    /// Puts remarks that were read on the records that came meanwhile. Once all is read, those left over are lost.
    pub fn place_remarks(&mut self, is_all_read: bool) {
        if self.remarks.waiting.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.remarks.waiting);
        let mut left = Vec::new();
        while let Some(stored) = waiting.pop() {
            match self.place(&stored, is_all_read) {
                Found::Record(id) => {
                    self.remarks.changes += 1;
                    if id != stored.remark.record {
                        self.remarks.stored_as.insert(id, stored.remark.record);
                    }
                    self.remarks.placed.insert(id, Remark { record: id, ..stored.remark });
                }
                Found::Nothing => self.remarks.lost += 1,
                Found::NotYet => {
                    // Those behind it are later still, but for times that run backwards.
                    let is_later = stored.remark.record >= self.records.len();
                    left.push(stored);
                    if is_later && !is_all_read {
                        break;
                    }
                }
            }
        }
        left.reverse();
        waiting.extend(left);
        self.remarks.waiting = waiting;
    }

    fn place(&self, stored: &StoredRemark, is_all_read: bool) -> Found {
        let id = stored.remark.record;
        let record = self.records.get(id);
        let Some(place) = stored.place else {
            return match record {
                Some(_) => Found::Record(id),
                None if is_all_read || id < self.records.len() => Found::Nothing,
                None => Found::NotYet,
            };
        };
        if record.is_some_and(|record| record.kind == place.kind) && self.completed_ns(id) == place.at_ns {
            return Found::Record(id);
        }
        // Once time has gone on, all records of that moment are there.
        if !is_all_read && self.last_at_ns <= place.at_ns {
            return Found::NotYet;
        }
        let first = self.first_where(|completed_ns| completed_ns >= place.at_ns);
        let end = self.moment(place.at_ns).records;
        let records = (first..end).zip(self.records.range(first..end));
        let mut same = records.filter(|(_, record)| record.kind == place.kind);
        same.nth(usize::try_from(place.nth).unwrap_or(usize::MAX)).map_or(Found::Nothing, |(id, _)| Found::Record(id))
    }

    /// What a record is known by besides its number.
    pub fn remark_place(&self, id: RecordId) -> Option<RemarkPlace> {
        let kind = self.records.get(id)?.kind;
        let at_ns = self.completed_ns(id);
        let first = self.first_where(|completed_ns| completed_ns >= at_ns);
        let nth = self.records.range(first..id).filter(|record| record.kind == kind).count() as u64;
        Some(RemarkPlace { at_ns, kind, nth })
    }
}

/// What became of the search for a record.
enum Found {
    Record(RecordId),
    NotYet,
    Nothing,
}

impl Remark {
    /// In one line, cut where it is long: its mark where it has no words.
    pub fn says(&self) -> String {
        match self.text.as_str() {
            "" if self.mark == Mark::Plain => "bookmark".to_owned(),
            "" => self.mark.name().to_owned(),
            text => one_line(text),
        }
    }
}
