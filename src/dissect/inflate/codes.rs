//! Prefix codes (RFC 1951 §3.2.2): a table for the short ones, and the canonical order for the long ones.

use std::sync::LazyLock;

/// How many bits the table answers at once.
const TABLE_BITS: u32 = 9;

/// The longest code.
const MAX_BITS: usize = 15;

/// What lengths 257 to 285 begin at (RFC 1951 §3.2.5).
pub(super) const LENGTH_BASE: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

/// How many bits are added to them.
pub(super) const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// What distances begin at.
pub(super) const DISTANCE_BASE: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
];

/// How many bits are added to them.
pub(super) const DISTANCE_EXTRA: [u8; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// The codes that the standard fixes (§3.2.6).
pub(super) struct Fixed {
    /// Those of literals and lengths.
    pub literal: Codes,
    /// Those of distances; 30 and 31 stand for nothing.
    pub distance: Codes,
}

/// The codes that the standard fixes.
pub(super) static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    let (mut literal, mut distance) = (Codes::default(), Codes::default());
    literal.set(&lengths, true);
    distance.set(&[5; 32], true);
    Fixed { literal, distance }
});

/// A code that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    /// What it stands for.
    pub symbol: u16,
    /// Its bits.
    pub len: u8,
}

/// A set of codes.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    /// By the next [`TABLE_BITS`] bits: the symbol above, the length in the lowest 4 bits; 0 where the code is longer.
    table: [u16; 1 << TABLE_BITS],
    /// How many codes have each length.
    count: [u16; MAX_BITS + 1],
    /// The symbols in the order of their codes.
    symbols: [u16; 288],
}

impl Default for Codes {
    fn default() -> Self {
        Codes { table: [0; 1 << TABLE_BITS], count: [0; MAX_BITS + 1], symbols: [0; 288] }
    }
}

impl Codes {
    /// From the lengths of the codes of symbols 0, 1, …; `None` where they make no code. `may_be_one`: a single code of
    /// one bit, or none, will do, as RFC 1951 §3.2.7 says of distances.
    pub fn set(&mut self, lengths: &[u8], may_be_one: bool) -> Option<()> {
        self.count = [0; MAX_BITS + 1];
        for len in lengths {
            self.count[usize::from(*len)] += 1;
        }
        self.count[0] = 0;
        let mut left = 1i32;
        let mut longest = 0;
        for (len, count) in self.count.iter().enumerate().skip(1) {
            left = (left << 1) - i32::from(*count);
            if left < 0 {
                return None;
            }
            longest = if *count > 0 { len } else { longest };
        }
        if left > 0 && !(may_be_one && longest <= 1) {
            return None;
        }
        self.fill(lengths);
        Some(())
    }

    fn fill(&mut self, lengths: &[u8]) {
        let mut offsets = [0u16; MAX_BITS + 2];
        let mut next = [0u16; MAX_BITS + 2];
        let mut code = 0;
        for len in 1..=MAX_BITS {
            offsets[len + 1] = offsets[len] + self.count[len];
            code = (code + if len > 1 { self.count[len - 1] } else { 0 }) << 1;
            next[len] = code;
        }
        self.table = [0; 1 << TABLE_BITS];
        for (symbol, len) in lengths.iter().enumerate().filter(|(_, len)| **len > 0) {
            let at = usize::from(*len);
            self.symbols[usize::from(offsets[at])] = symbol as u16;
            offsets[at] += 1;
            let code = next[at];
            next[at] += 1;
            if u32::from(*len) <= TABLE_BITS {
                let reversed = usize::from(code.reverse_bits() >> (16 - len));
                let entry = (symbol as u16) << 4 | u16::from(*len);
                for slot in self.table[reversed..].iter_mut().step_by(1 << len) {
                    *slot = entry;
                }
            }
        }
    }

    /// The code that `bits` begin with, of which `count` are there. The error says whether more bits would help.
    #[inline]
    pub fn code(&self, bits: u64, count: u32) -> Result<Code, bool> {
        let entry = self.table[(bits & ((1 << TABLE_BITS) - 1)) as usize];
        let len = (entry & 15) as u8;
        if entry != 0 && u32::from(len) <= count {
            return Ok(Code { symbol: entry >> 4, len });
        }
        self.long_code(bits, count)
    }

    /// The same, bit by bit.
    fn long_code(&self, bits: u64, count: u32) -> Result<Code, bool> {
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for len in 1..=MAX_BITS {
            if count < len as u32 {
                return Err(true);
            }
            code |= (bits >> (len - 1) & 1) as u32;
            let here = u32::from(self.count[len]);
            if code < first + here {
                let symbol = self.symbols[(index + code - first) as usize];
                return Ok(Code { symbol, len: len as u8 });
            }
            index += here;
            first = (first + here) << 1;
            code <<= 1;
        }
        Err(false)
    }
}
