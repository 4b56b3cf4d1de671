//! The records of a session, by number; the oldest may be forgotten by those who have told them and look back no more.

use super::RecordId;
use crate::dissect::Record;
use std::collections::VecDeque;
use std::ops::{Index, Range};

/// Records lie in blocks of so many, so that ten million of them are never moved to make room for one more.
const BLOCK: usize = 1 << 14;

/// Records in the order of completion. Numbers stay what they are when older records are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The number of the first record that is held: a multiple of [`BLOCK`].
    first: RecordId,
    /// All but the last are full, and none is empty.
    blocks: VecDeque<Vec<Record>>,
}

impl Records {
    /// How many there were, forgotten ones included: the number that the next one gets.
    pub fn len(&self) -> usize {
        match self.blocks.back() {
            Some(last) => self.first + (self.blocks.len() - 1) * BLOCK + last.len(),
            None => self.first,
        }
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A record, unless it is forgotten or not there yet.
    #[inline]
    pub fn get(&self, id: RecordId) -> Option<&Record> {
        let at = id.checked_sub(self.first)?;
        self.blocks.get(at / BLOCK)?.get(at % BLOCK)
    }

    /// Those that are held, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.blocks.iter().flatten()
    }

    /// Those of `ids` that are held, oldest first, in slices.
    pub fn slices(&self, ids: Range<RecordId>) -> impl DoubleEndedIterator<Item = &[Record]> {
        let (start, end) = (ids.start.max(self.first) - self.first, ids.end.max(self.first) - self.first);
        let blocks = (start / BLOCK).min(self.blocks.len())..end.div_ceil(BLOCK).min(self.blocks.len());
        blocks.filter_map(move |number| {
            let (block, first) = (&self.blocks[number], number * BLOCK);
            block.get(start.saturating_sub(first)..(end - first).min(block.len()))
        })
    }

    /// Those of `ids` that are held, oldest first.
    pub fn range(&self, ids: Range<RecordId>) -> impl DoubleEndedIterator<Item = &Record> {
        self.slices(ids).flatten()
    }

    /// The number of the oldest that is held.
    pub fn first_held(&self) -> RecordId {
        self.first
    }

    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        match self.blocks.back_mut() {
            Some(last) if last.len() < BLOCK => last.push(record),
            before => {
                // The first block grows with a small recording.
                let mut block = if before.is_some() { Vec::with_capacity(BLOCK) } else { Vec::new() };
                block.push(record);
                self.blocks.push_back(block);
            }
        }
    }

    pub(super) fn append(&mut self, records: &mut Vec<Record>) {
        let mut new = records.drain(..);
        while let Some(record) = new.next() {
            self.push(record);
            if let Some(last) = self.blocks.back_mut() {
                let room = BLOCK - last.len();
                last.extend(new.by_ref().take(room));
            }
        }
    }

    /// Forgets all but the newest `keep`, and a few more.
    pub(super) fn forget(&mut self, keep: usize) {
        while self.blocks.len() > 1 && self.len() - (self.first + BLOCK) >= keep {
            self.blocks.pop_front();
            self.first += BLOCK;
        }
    }
}

impl Index<RecordId> for Records {
    type Output = Record;

    #[inline]
    fn index(&self, id: RecordId) -> &Record {
        let at = id - self.first;
        &self.blocks[at / BLOCK][at % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(start: usize) -> Record {
        Record { start: start as u64, ..crate::session::facts::nothing() }
    }

    fn starts<'r>(records: impl Iterator<Item = &'r Record>) -> Vec<usize> {
        records.map(|record| record.start as usize).collect()
    }

    #[test]
    fn numbers_stay_when_the_oldest_are_forgotten() {
        let mut records = Records::default();
        for n in 0..3 * BLOCK + 10 {
            records.push(record(n));
        }
        records.forget(BLOCK);
        assert_eq!((records.len(), records.first_held()), (3 * BLOCK + 10, 2 * BLOCK));
        assert_eq!(records[2 * BLOCK + 5].start as usize, 2 * BLOCK + 5);
        assert_eq!(records.get(2 * BLOCK - 1), None);
        assert_eq!(starts(records.range(0..2 * BLOCK + 2)), [2 * BLOCK, 2 * BLOCK + 1]);
        assert_eq!(records.range(5..9).count(), 0);
    }

    #[test]
    fn ranges_are_whole_across_blocks() {
        let mut records = Records::default();
        records.push(record(0));
        records.append(&mut (1..2 * BLOCK + 100).map(record).collect());
        assert_eq!(records.len(), 2 * BLOCK + 100);
        for ids in [0..3, BLOCK - 2..BLOCK + 2, BLOCK..BLOCK, BLOCK - 1..2 * BLOCK + 1, 2 * BLOCK + 98..2 * BLOCK + 100]
        {
            assert_eq!(starts(records.range(ids.clone())), ids.collect::<Vec<_>>());
        }
        assert_eq!(starts(records.range(2 * BLOCK + 99..usize::MAX)), [2 * BLOCK + 99]);
        assert_eq!(records.range(2 * BLOCK + 200..usize::MAX).count(), 0);
        assert_eq!(starts(records.range(BLOCK - 1..BLOCK + 1).rev()), [BLOCK, BLOCK - 1]);
        assert_eq!(records.iter().count(), records.len());
    }
}
