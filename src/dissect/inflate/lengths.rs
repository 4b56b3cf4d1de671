//! The codes that a block brings along: how long each is, compressed themselves (RFC 1951 §3.2.7).

use super::codes::{Code, Codes};
use super::{Fault, Halt, Inner};

/// The order in which the lengths of the code length code are given.
pub(super) const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The code lengths of a block while they come in.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    part: Part,
    literals: u16,
    distances: u16,
    /// How many lengths of the code length code are given.
    codes: u16,
    /// How many lengths of the part have come.
    read: u16,
    code: [u8; 19],
    all: [u8; 320],
    table: Codes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// HLIT, HDIST and HCLEN.
    Head,
    /// The lengths of the code length code.
    CodeLengths,
    /// The lengths of both codes.
    All,
}

impl Default for Lengths {
    fn default() -> Self {
        let (code, all, table) = ([0; 19], [0; 320], Codes::default());
        Lengths { part: Part::Head, literals: 0, distances: 0, codes: 0, read: 0, code, all, table }
    }
}

impl Lengths {
    /// A block begins.
    pub fn begin(&mut self) {
        self.part = Part::Head;
    }
}

impl Inner {
    /// Takes one step in the codes of a block: whether they are complete.
    pub(super) fn codes(&mut self) -> Result<bool, Halt> {
        match self.lengths.part {
            Part::Head => {
                let head = self.take(14)?;
                let (literals, distances, codes) = (257 + (head & 31), 1 + (head >> 5 & 31), 4 + (head >> 10));
                if literals > 286 || distances > 30 {
                    return Err(Fault::CodeCount.into());
                }
                let given = &mut self.lengths;
                (given.literals, given.distances, given.codes) = (literals as u16, distances as u16, codes as u16);
                (given.read, given.code, given.part) = (0, [0; 19], Part::CodeLengths);
            }
            Part::CodeLengths if self.lengths.read < self.lengths.codes => {
                let len = self.take(3)? as u8;
                self.lengths.code[usize::from(ORDER[usize::from(self.lengths.read)])] = len;
                self.lengths.read += 1;
            }
            Part::CodeLengths => {
                self.lengths.table.set(&self.lengths.code, false).ok_or(Fault::Lengths)?;
                (self.lengths.read, self.lengths.part) = (0, Part::All);
            }
            Part::All if self.lengths.read < self.lengths.literals + self.lengths.distances => self.run_of_lengths()?,
            Part::All => {
                let literals = usize::from(self.lengths.literals);
                let all = literals + usize::from(self.lengths.distances);
                // One code at least ends the block.
                if self.lengths.all[256] == 0 {
                    return Err(Fault::Lengths.into());
                }
                self.literal.set(&self.lengths.all[..literals], true).ok_or(Fault::Lengths)?;
                self.distance.set(&self.lengths.all[literals..all], true).ok_or(Fault::Lengths)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A code length, or several that are equal.
    fn run_of_lengths(&mut self) -> Result<(), Halt> {
        let total = self.lengths.literals + self.lengths.distances;
        let Code { symbol, len } =
            self.lengths.table.code(self.bits, self.count).map_err(|is_short| match is_short {
                true => Halt::Input,
                false => Fault::Symbol.into(),
            })?;
        let (extra, least) = match symbol {
            16 => (2, 3),
            17 => (3, 3),
            18 => (7, 11),
            _ => (0, 1),
        };
        if self.count < u32::from(len) + extra {
            return Err(Halt::Input);
        }
        self.drop_bits(len.into());
        let count = least + self.take(extra)? as u16;
        let read = usize::from(self.lengths.read);
        let value = match symbol {
            16 => *read.checked_sub(1).and_then(|before| self.lengths.all.get(before)).ok_or(Fault::Repeat)?,
            17 | 18 => 0,
            len => len as u8,
        };
        if self.lengths.read + count > total {
            return Err(Fault::Lengths.into());
        }
        self.lengths.all[read..read + usize::from(count)].fill(value);
        self.lengths.read += count;
        Ok(())
    }
}
