//! The records of a session, by number; the oldest may be forgotten by those who have told them and look back no more.

use super::RecordId;
use crate::dissect::Record;
use std::ops::{Index, Range, RangeFrom};

/// Records in the order of completion. Numbers stay what they are when older records are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The number of the first record that is held.
    first: RecordId,
    held: Vec<Record>,
}

impl Records {
    /// How many there were, forgotten ones included: the number that the next one gets.
    pub fn len(&self) -> usize {
        self.first + self.held.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A record, unless it is forgotten or not there yet.
    pub fn get(&self, id: RecordId) -> Option<&Record> {
        self.held.get(id.checked_sub(self.first)?)
    }

    /// Those that are held, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Record> {
        self.held.iter()
    }

    /// The number of the oldest that is held.
    pub fn first_held(&self) -> RecordId {
        self.first
    }

    pub(super) fn push(&mut self, record: Record) {
        self.held.push(record);
    }

    pub(super) fn append(&mut self, records: &mut Vec<Record>) {
        self.held.append(records);
    }

    /// Forgets all but the newest `keep`.
    pub(super) fn forget(&mut self, keep: usize) {
        let gone = self.held.len().saturating_sub(keep);
        // Moving what stays is worth it only for a long stretch.
        if gone > keep {
            self.held.drain(..gone);
            self.held.shrink_to(4 * keep);
            self.first += gone;
        }
    }
}

impl Index<RecordId> for Records {
    type Output = Record;

    fn index(&self, id: RecordId) -> &Record {
        &self.held[id - self.first]
    }
}

impl Index<Range<RecordId>> for Records {
    type Output = [Record];

    fn index(&self, ids: Range<RecordId>) -> &[Record] {
        &self.held[ids.start - self.first..ids.end - self.first]
    }
}

impl Index<RangeFrom<RecordId>> for Records {
    type Output = [Record];

    fn index(&self, ids: RangeFrom<RecordId>) -> &[Record] {
        &self.held[ids.start - self.first..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_when_the_oldest_are_forgotten() {
        let mut records = Records::default();
        for n in 0..100 {
            records.push(Record { start: n, ..crate::session::facts::nothing() });
        }
        records.forget(10);
        assert_eq!((records.len(), records.first_held()), (100, 90));
        assert_eq!(records[95].start, 95);
        assert_eq!(records.get(89), None);
        assert_eq!(records[98..100].iter().map(|record| record.start).collect::<Vec<_>>(), [98, 99]);
    }
}
