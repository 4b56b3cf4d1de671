//! Which records are rows: one bit a record, counted, so that ten million rows take two megabytes.

use crate::session::RecordId;

/// Words of a block, after each of which the rows so far are counted.
const BLOCK_WORDS: usize = 64;
const WORD_BITS: usize = u64::BITS as usize;

/// A growing set of record numbers that knows the n-th of them, and how many are before one.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    words: Vec<u64>,
    /// The rows before each block.
    before: Vec<u32>,
    len: usize,
}

impl Chosen {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn clear(&mut self) {
        *self = Chosen::default();
    }

    /// Adds a number, which is greater than every one there.
    #[inline]
    pub fn push(&mut self, id: RecordId) {
        let word = id / WORD_BITS;
        while self.words.len() <= word {
            if self.words.len().is_multiple_of(BLOCK_WORDS) {
                self.before.push(self.len as u32);
            }
            self.words.push(0);
        }
        self.words[word] |= 1 << (id % WORD_BITS);
        self.len += 1;
    }

    /// The `row`-th, from 0.
    pub fn get(&self, row: usize) -> Option<RecordId> {
        if row >= self.len {
            return None;
        }
        let block = self.before.partition_point(|before| *before as usize <= row) - 1;
        let mut left = row - self.before[block] as usize;
        for (at, word) in self.words.iter().enumerate().skip(block * BLOCK_WORDS) {
            let ones = word.count_ones() as usize;
            if left < ones {
                let mut word = *word;
                for _ in 0..left {
                    word &= word - 1;
                }
                return Some(at * WORD_BITS + word.trailing_zeros() as usize);
            }
            left -= ones;
        }
        None
    }

    /// All of them, rising.
    pub fn ids(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(at * WORD_BITS + bit)
            })
        })
    }

    /// The row of a number, or which it would be.
    pub fn row_of(&self, id: RecordId) -> Result<usize, usize> {
        let (at, bit) = (id / WORD_BITS, id % WORD_BITS);
        let Some(word) = self.words.get(at) else { return Err(self.len) };
        let block = at / BLOCK_WORDS;
        let whole: u32 = self.words[block * BLOCK_WORDS..at].iter().map(|word| word.count_ones()).sum();
        let row = (self.before[block] + whole + (word & ((1 << bit) - 1)).count_ones()) as usize;
        if word >> bit & 1 == 1 { Ok(row) } else { Err(row) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_list(steps in prop::collection::vec(prop_oneof![Just(1usize), 1usize..70, 1usize..9000], 0..400)) {
            let (mut list, mut chosen, mut id) = (Vec::new(), Chosen::default(), 0);
            for step in steps {
                id += step;
                list.push(id);
                chosen.push(id);
            }
            prop_assert_eq!(chosen.len(), list.len());
            prop_assert_eq!(chosen.get(list.len()), None);
            prop_assert!(chosen.ids().eq(list.iter().copied()));
            for (row, id) in list.iter().enumerate() {
                prop_assert_eq!(chosen.get(row), Some(*id));
                for near in [id.saturating_sub(1), *id, id + 1, id + 5000] {
                    prop_assert_eq!(chosen.row_of(near), list.binary_search(&near));
                }
            }
            prop_assert_eq!(chosen.row_of(0), if list.is_empty() { Err(0) } else { list.binary_search(&0) });
        }
    }
}
