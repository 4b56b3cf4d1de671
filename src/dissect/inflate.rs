//! DEFLATE, decompressed as it streams by (RFC 1951).
//!
//! The rule that keeps it right: a step is taken when all its bits are there, else nothing changes. So it makes no
//! difference how the input is cut, a clone goes on where the original was, and the blocks are known to the bit, which
//! no library tells. The state is a window of 32 KiB and two tables, whatever the input says.

mod codes;
mod fault;
mod lengths;
mod marks;
#[cfg(test)]
mod tests;
mod trace;

use codes::{Code, Codes, DISTANCE_BASE, DISTANCE_EXTRA, FIXED, LENGTH_BASE, LENGTH_EXTRA};
pub use fault::Fault;
use lengths::Lengths;
pub use marks::marks;
use std::sync::Arc;
pub use trace::{MARK, Origin, Traced, Tracer};

/// The largest distance that DEFLATE can express (RFC 1951 §2).
const WINDOW_BYTES: usize = 32 * 1024;

/// About how much memory a clone may come to hold on its own.
pub const STATE_BYTES: usize = 40 * 1024;

/// How a block is compressed (RFC 1951 §3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Not at all.
    Stored,
    /// With the codes that the standard fixes.
    Fixed,
    /// With codes of its own.
    Dynamic,
}

/// A block that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// How it is compressed.
    pub kind: BlockKind,
    /// BFINAL.
    pub is_final: bool,
    /// Its bits, counted from the start of the message.
    pub start_bit: u64,
    /// One past its last bit.
    pub end_bit: u64,
    /// Bytes that stand for themselves.
    pub literals: u64,
    /// Copies of earlier bytes.
    pub matches: u64,
    /// The bytes that it inflates to.
    pub len_bytes: u64,
}

/// What comes out.
pub enum Told<'a> {
    /// More inflated bytes.
    Bytes(&'a [u8]),
    /// A block ended; its bytes were told.
    Block(Block),
}

/// A decompressor, which goes from message to message. A clone shares its memory until one of the two goes on.
#[derive(Clone, Debug)]
pub struct Inflate(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    /// Input bits that were taken and not used yet, the next one lowest.
    bits: u64,
    /// How many of them there are, 0 to 63.
    count: u32,
    /// Bits of this message that were used.
    used: u64,
    step: Step,
    block: Block,
    lengths: Lengths,
    literal: Codes,
    distance: Codes,
    window: Box<[u8; WINDOW_BYTES]>,
    /// Where the next byte goes.
    at: usize,
    /// Bytes before `at` that were told.
    told: usize,
    /// How many bytes there are to refer to, up to the window's length.
    filled: usize,
    /// The farthest distance since the message began.
    farthest: usize,
    /// A byte that a final block ended in was filled with something else than 0 since the message began.
    is_filled_badly: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Before a block.
    Head,
    StoredLength,
    Stored {
        left: u16,
    },
    /// In the codes of a block that has codes of its own.
    Codes,
    Symbols,
    Copy {
        left: u16,
        distance: u16,
    },
    Faulty(Fault),
}

/// What a step needs and does not have, or what is wrong.
enum Halt {
    Input,
    Fault(Fault),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Halt {
        Halt::Fault(fault)
    }
}

impl Default for Inflate {
    fn default() -> Self {
        let block = Block {
            kind: BlockKind::Stored,
            is_final: false,
            start_bit: 0,
            end_bit: 0,
            literals: 0,
            matches: 0,
            len_bytes: 0,
        };
        Inflate(Arc::new(Inner {
            bits: 0,
            count: 0,
            used: 0,
            step: Step::Head,
            block,
            lengths: Lengths::default(),
            literal: Codes::default(),
            distance: Codes::default(),
            window: Box::new([0; WINDOW_BYTES]),
            at: 0,
            told: 0,
            filled: 0,
            farthest: 0,
            is_filled_badly: false,
        }))
    }
}

impl Inflate {
    /// Begins a message: bits are counted from here. `keep` keeps the window of the messages before.
    pub fn begin(&mut self, keep: bool) {
        let inner = Arc::make_mut(&mut self.0);
        (inner.bits, inner.count, inner.used, inner.farthest) = (0, 0, 0, 0);
        inner.is_filled_badly = false;
        inner.step = Step::Head;
        if !keep {
            inner.filled = 0;
        }
    }

    /// Takes all of `input` and tells what comes out, until `each` says that it is enough (`false`): then the rest of
    /// the input is not looked at.
    ///
    /// After a fault nothing more comes out, and each call says so again.
    pub fn feed(&mut self, input: &[u8], mut each: impl FnMut(Told) -> bool) -> Result<(), Fault> {
        let inner = Arc::make_mut(&mut self.0);
        if let Step::Faulty(fault) = inner.step {
            return Err(fault);
        }
        let mut rest = input;
        loop {
            let halt = match inner.run(&mut rest, &mut each) {
                Ok(true) => continue,
                Ok(false) => return Ok(()),
                Err(halt) => halt,
            };
            let goes_on = inner.tell(&mut each);
            match halt {
                Halt::Fault(fault) => {
                    inner.step = Step::Faulty(fault);
                    return Err(fault);
                }
                Halt::Input if rest.is_empty() || !goes_on => return Ok(()),
                Halt::Input => {}
            }
        }
    }

    /// Ends a message whose last four bytes, those of an empty stored block, were left out (RFC 7692 §7.2.2).
    pub fn end(&mut self, mut each: impl FnMut(Told) -> bool) -> Result<(), Fault> {
        let ended_by_final = matches!(self.0.step, Step::Head) && self.0.block.is_final && self.0.count < 8;
        if ended_by_final && self.0.used > 0 {
            Arc::make_mut(&mut self.0).fill_byte();
            return Ok(());
        }
        self.feed(&[0, 0, 0xFF, 0xFF], &mut each)?;
        match self.0.step {
            Step::Head if self.0.count == 0 => Ok(()),
            Step::Faulty(fault) => Err(fault),
            _ => {
                Arc::make_mut(&mut self.0).step = Step::Faulty(Fault::Truncated);
                Err(Fault::Truncated)
            }
        }
    }

    /// Bits of this message that were used.
    pub fn used_bits(&self) -> u64 {
        self.0.used
    }

    /// Whether bits that fill the byte that a final block ended in are not 0 (RFC 7692 §7.2.1).
    pub fn is_filled_badly(&self) -> bool {
        self.0.is_filled_badly
    }

    /// The farthest that this message referred back, in bytes.
    pub fn farthest_bytes(&self) -> usize {
        self.0.farthest
    }
}

impl Inner {
    /// Takes input until there are at least 56 bits, or no more input.
    #[inline]
    fn refill(&mut self, rest: &mut &[u8]) {
        if let Some(eight) = rest.first_chunk::<8>() {
            self.bits |= u64::from_le_bytes(*eight) << self.count;
            let taken = (63 - self.count) >> 3;
            *rest = &rest[taken as usize..];
            self.count += taken * 8;
            // There are 56 bits at least by now.
            self.bits &= u64::MAX >> (64 - self.count);
            return;
        }
        while self.count <= 55
            && let Some((first, after)) = rest.split_first()
        {
            self.bits |= u64::from(*first) << self.count;
            self.count += 8;
            *rest = after;
        }
    }

    #[inline]
    fn drop_bits(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
        self.used += u64::from(count);
    }

    /// The next bits as a number, if they are there.
    #[inline]
    fn take(&mut self, count: u32) -> Result<u32, Halt> {
        if self.count < count {
            return Err(Halt::Input);
        }
        let taken = (self.bits & ((1 << count) - 1)) as u32;
        self.drop_bits(count);
        Ok(taken)
    }

    /// Goes on until input is missing. Whether `each` wants more.
    fn run(&mut self, rest: &mut &[u8], each: &mut impl FnMut(Told) -> bool) -> Result<bool, Halt> {
        if !matches!(self.step, Step::Stored { .. }) {
            self.refill(rest);
        }
        match self.step {
            Step::Head => self.head()?,
            Step::StoredLength => {
                if self.count < 32 {
                    return Err(Halt::Input);
                }
                let (len, complement) = (self.bits as u16, (self.bits >> 16) as u16);
                if len != !complement {
                    return Err(Fault::StoredLength.into());
                }
                self.drop_bits(32);
                self.step = Step::Stored { left: len };
            }
            Step::Stored { left: 0 } => return Ok(self.end_block(each)),
            Step::Stored { left } => {
                let stored = self.store(left, rest)?;
                self.step = Step::Stored { left: left - stored };
                if self.at == WINDOW_BYTES {
                    return Ok(self.tell(each));
                }
            }
            Step::Codes => {
                if self.codes()? {
                    self.step = Step::Symbols;
                }
            }
            Step::Symbols => return self.symbols(rest, each),
            Step::Copy { left, distance } => {
                self.copy(left, distance);
                if self.at == WINDOW_BYTES {
                    return Ok(self.tell(each));
                }
            }
            Step::Faulty(fault) => return Err(fault.into()),
        }
        Ok(true)
    }

    /// Drops what fills the byte that a final block ended in.
    fn fill_byte(&mut self) {
        let count = self.count % 8;
        self.is_filled_badly |= self.bits & ((1 << count) - 1) != 0;
        self.drop_bits(count);
    }

    fn head(&mut self) -> Result<(), Halt> {
        // RFC 7692 §7.2.3.5: behind a final block, the next one begins at a byte's edge.
        if self.block.is_final && self.used > 0 {
            self.fill_byte();
        }
        let start_bit = self.used;
        let head = self.take(3)?;
        let kind = match head >> 1 {
            0 => BlockKind::Stored,
            1 => BlockKind::Fixed,
            2 => BlockKind::Dynamic,
            _ => return Err(Fault::BlockType.into()),
        };
        self.block = Block {
            kind,
            is_final: head & 1 == 1,
            start_bit,
            end_bit: start_bit,
            literals: 0,
            matches: 0,
            len_bytes: 0,
        };
        self.step = match kind {
            BlockKind::Stored => {
                self.drop_bits(self.count % 8);
                Step::StoredLength
            }
            BlockKind::Fixed => Step::Symbols,
            BlockKind::Dynamic => {
                self.lengths.begin();
                Step::Codes
            }
        };
        Ok(())
    }

    /// The code of a literal or length that comes next.
    #[inline]
    fn literal_code(&self) -> Result<Code, bool> {
        let codes = if self.block.kind == BlockKind::Fixed { &FIXED.literal } else { &self.literal };
        codes.code(self.bits, self.count)
    }

    /// The code of a distance that comes behind so many bits.
    #[inline]
    fn distance_code(&self, behind: u32) -> Result<Code, bool> {
        let codes = if self.block.kind == BlockKind::Fixed { &FIXED.distance } else { &self.distance };
        codes.code(self.bits >> behind, self.count - behind)
    }

    /// Literals and matches, until the block ends, the window must be told, or input is missing.
    fn symbols(&mut self, rest: &mut &[u8], each: &mut impl FnMut(Told) -> bool) -> Result<bool, Halt> {
        loop {
            self.refill(rest);
            let code = |is_short| if is_short { Halt::Input } else { Fault::Symbol.into() };
            let Code { symbol, len } = self.literal_code().map_err(code)?;
            let len = u32::from(len);
            match symbol {
                0..=255 => {
                    self.drop_bits(len);
                    self.put(symbol as u8);
                    self.block.literals += 1;
                }
                256 => {
                    self.drop_bits(len);
                    return Ok(self.end_block(each));
                }
                257..=285 => {
                    let at = usize::from(symbol - 257);
                    let extra = u32::from(LENGTH_EXTRA[at]);
                    let behind = len + extra;
                    if self.count < behind {
                        return Err(Halt::Input);
                    }
                    let Code { symbol, len: distance_len } = self.distance_code(behind).map_err(code)?;
                    let Some(base) = DISTANCE_BASE.get(usize::from(symbol)) else { return Err(Fault::Symbol.into()) };
                    let more = u32::from(DISTANCE_EXTRA[usize::from(symbol)]);
                    let before = behind + u32::from(distance_len);
                    if self.count < before + more {
                        return Err(Halt::Input);
                    }
                    let part = |from: u32, count: u32| (self.bits >> from & ((1 << count) - 1)) as u16;
                    let length = LENGTH_BASE[at] + part(len, extra);
                    let distance = base + part(before, more);
                    // 32768 does not fit: distances are kept one less.
                    if usize::from(distance) > self.filled {
                        return Err(Fault::Distance.into());
                    }
                    self.drop_bits(before + more);
                    self.farthest = self.farthest.max(usize::from(distance));
                    self.block.matches += 1;
                    self.copy(length, distance);
                    if self.step != Step::Symbols {
                        return Ok(self.tell(each));
                    }
                }
                _ => return Err(Fault::Symbol.into()),
            }
            if self.at == WINDOW_BYTES && !self.tell(each) {
                return Ok(false);
            }
        }
    }

    /// Takes bytes of a stored block over as they are, as far as there is input and room: how many.
    fn store(&mut self, left: u16, rest: &mut &[u8]) -> Result<u16, Halt> {
        if self.count >= 8 {
            let byte = self.take(8)? as u8;
            self.put(byte);
            self.block.literals += 1;
            return Ok(1);
        }
        let len = rest.len().min(left.into()).min(WINDOW_BYTES - self.at);
        if len == 0 {
            return Err(Halt::Input);
        }
        let (now, after) = rest.split_at(len);
        self.window[self.at..self.at + len].copy_from_slice(now);
        *rest = after;
        self.at += len;
        self.filled = (self.filled + len).min(WINDOW_BYTES);
        self.used += len as u64 * 8;
        self.block.literals += len as u64;
        self.block.len_bytes += len as u64;
        Ok(len as u16)
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.window[self.at] = byte;
        self.at += 1;
        self.filled = (self.filled + 1).min(WINDOW_BYTES);
        self.block.len_bytes += 1;
    }

    /// Copies what is that far back, as far as the window reaches before it must be told.
    fn copy(&mut self, len: u16, distance: u16) {
        let (wanted, back) = (usize::from(len), usize::from(distance));
        let now = wanted.min(WINDOW_BYTES - self.at);
        let from = (self.at + WINDOW_BYTES - back) % WINDOW_BYTES;
        let is_apart = from + now <= self.at || from >= self.at + now && from + now <= WINDOW_BYTES;
        if is_apart {
            self.window.copy_within(from..from + now, self.at);
        } else if back == 1 {
            let byte = self.window[from];
            self.window[self.at..self.at + now].fill(byte);
        } else {
            for step in 0..now {
                self.window[self.at + step] = self.window[(from + step) % WINDOW_BYTES];
            }
        }
        self.at += now;
        self.filled = (self.filled + now).min(WINDOW_BYTES);
        self.block.len_bytes += now as u64;
        let left = (wanted - now) as u16;
        self.step = if left > 0 { Step::Copy { left, distance } } else { Step::Symbols };
    }

    /// Tells the bytes that were not told yet. Whether more is wanted.
    fn tell(&mut self, each: &mut impl FnMut(Told) -> bool) -> bool {
        let goes_on = self.told == self.at || each(Told::Bytes(&self.window[self.told..self.at]));
        self.at %= WINDOW_BYTES;
        self.told = self.at;
        goes_on
    }

    fn end_block(&mut self, each: &mut impl FnMut(Told) -> bool) -> bool {
        self.step = Step::Head;
        self.block.end_bit = self.used;
        self.tell(each) && each(Told::Block(self.block))
    }
}
