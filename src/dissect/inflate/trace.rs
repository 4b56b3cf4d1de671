//! Where inflated bytes come from: the literal whose code each of them goes back to, through copies and through messages.
//!
//! It reads a message at once and keeps no bytes, only their origins. A literal can be made another one without moving a
//! bit where the block has a code of the same length for it (RFC 1951 §3.2.2): the origin says which bits to turn.

use super::codes::{Code, Codes, DISTANCE_BASE, DISTANCE_EXTRA, LENGTH_BASE, LENGTH_EXTRA};
use super::lengths::ORDER;
use super::{Fault, WINDOW_BYTES};

/// What stands for a byte that is taken out.
pub const MARK: u8 = b'*';

/// What an inflated byte goes back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nothing that is left: it was taken out with the whole of its message.
    #[default]
    Gone,
    /// A literal that cannot be changed where it stands, because no other one has a code of that length.
    Fixed,
    /// A literal that becomes another one by turning these bits of the bytes from `byte` of the message on, the first
    /// byte lowest. `message` is the number that the message was given.
    Literal {
        /// The message.
        message: u32,
        /// The first byte of it that has bits of the code.
        byte: u32,
        /// The bits to turn.
        turn: u32,
    },
}

/// How a message came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traced {
    /// How many bytes it inflates to, as far as it was read.
    pub len: u64,
    /// Why it was not read to its end.
    pub fault: Option<Fault>,
    /// It goes beyond the limit that was given.
    pub is_capped: bool,
}

/// The origins of the newest 32 KiB of a direction.
#[derive(Clone, Debug)]
pub struct Tracer {
    window: Box<[Origin]>,
    at: usize,
    filled: usize,
}

impl Default for Tracer {
    fn default() -> Tracer {
        Tracer { window: vec![Origin::Gone; WINDOW_BYTES].into_boxed_slice(), at: 0, filled: 0 }
    }
}

struct Bits<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits, the first lowest, and how many of them there are, up to 56.
    fn peek(&self) -> (u64, u32) {
        let (byte, skip) = (self.at / 8, (self.at % 8) as u32);
        let mut word = [0; 8];
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let len = rest.len().min(8);
        word[..len].copy_from_slice(&rest[..len]);
        (u64::from_le_bytes(word) >> skip, (len as u32 * 8).saturating_sub(skip))
    }

    fn take(&mut self, count: u32) -> Result<u32, Fault> {
        let (bits, there) = self.peek();
        if there < count {
            return Err(Fault::Truncated);
        }
        self.at += count as usize;
        Ok((bits & ((1 << count) - 1)) as u32)
    }

    fn code(&mut self, codes: &Codes) -> Result<Code, Fault> {
        let (bits, there) = self.peek();
        let code =
            codes.code(bits, there).map_err(|is_short| if is_short { Fault::Truncated } else { Fault::Symbol })?;
        self.at += usize::from(code.len);
        Ok(code)
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

/// The codes of a block, and what each literal can become.
struct Block {
    literal: Codes,
    distance: Codes,
    /// For each literal, the bits of its code that are turned, where that can be.
    turns: [Option<u16>; 256],
}

impl Block {
    fn new(literal_lengths: &[u8], distance_lengths: &[u8]) -> Result<Block, Fault> {
        let (mut literal, mut distance) = (Codes::default(), Codes::default());
        literal.set(literal_lengths, true).ok_or(Fault::Lengths)?;
        distance.set(distance_lengths, true).ok_or(Fault::Lengths)?;
        Ok(Block { literal, distance, turns: turns(literal_lengths) })
    }

    fn fixed() -> Result<Block, Fault> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        Block::new(&lengths, &[5; 32])
    }

    /// A block's own codes (RFC 1951 §3.2.7).
    fn dynamic(bits: &mut Bits) -> Result<Block, Fault> {
        let head = bits.take(14)?;
        let (literals, distances) = (257 + (head & 31) as usize, 1 + (head >> 5 & 31) as usize);
        if literals > 286 || distances > 30 {
            return Err(Fault::CodeCount);
        }
        let mut given = [0; 19];
        for symbol in ORDER.iter().take(4 + (head >> 10) as usize) {
            given[usize::from(*symbol)] = bits.take(3)? as u8;
        }
        let mut codes = Codes::default();
        codes.set(&given, false).ok_or(Fault::Lengths)?;
        let mut all = Vec::with_capacity(literals + distances);
        while all.len() < literals + distances {
            let Code { symbol, .. } = bits.code(&codes)?;
            let (value, count) = match symbol {
                16 => (*all.last().ok_or(Fault::Repeat)?, 3 + bits.take(2)?),
                17 => (0, 3 + bits.take(3)?),
                18 => (0, 11 + bits.take(7)?),
                len => (len as u8, 1),
            };
            all.extend(std::iter::repeat_n(value, count as usize));
        }
        if all.len() > literals + distances || all[256] == 0 {
            return Err(Fault::Lengths);
        }
        Block::new(&all[..literals], &all[literals..])
    }
}

/// How well a byte stands for one that is taken out, the lower the better; it must be harmless wherever text is.
fn rank(byte: u8) -> Option<u32> {
    match byte {
        MARK => Some(0),
        b'-' | b'_' | b'x' | b'X' => Some(1),
        byte if byte.is_ascii_alphanumeric() => Some(2),
        b'"' | b'\\' | b'<' | b'>' | b'&' => None,
        byte if byte.is_ascii_graphic() || byte == b' ' => Some(3),
        _ => None,
    }
}

fn turns(lengths: &[u8]) -> [Option<u16>; 256] {
    // The codes in their canonical order, as they stand in the stream: the first bit lowest.
    let mut next = [0u16; 17];
    let mut code = 0u16;
    let mut shorter = 0u16;
    for (len, next) in next.iter_mut().enumerate().take(16).skip(1) {
        code = code.wrapping_add(shorter) << 1;
        *next = code;
        shorter = lengths.iter().filter(|other| usize::from(**other) == len).count() as u16;
    }
    let mut codes = [0u16; 288];
    for (symbol, len) in lengths.iter().enumerate().filter(|(_, len)| **len > 0) {
        let len = usize::from(*len);
        codes[symbol] = next[len].reverse_bits() >> (16 - len);
        next[len] += 1;
    }
    // The two that stand best for others, of each length: one may be the byte itself.
    let mut best = [[None::<(u32, u8)>; 2]; 16];
    for (byte, len) in lengths.iter().take(256).enumerate().filter(|(_, len)| **len > 0) {
        let byte = byte as u8;
        let Some(rank) = rank(byte) else { continue };
        let found = Some((rank, byte));
        let [first, second] = &mut best[usize::from(*len)];
        if first.is_none() || found < *first {
            *second = *first;
            *first = found;
        } else if second.is_none() || found < *second {
            *second = found;
        }
    }
    std::array::from_fn(|byte| {
        let len = usize::from(*lengths.get(byte)?);
        if len == 0 {
            return None;
        }
        if byte == usize::from(MARK) {
            return Some(0);
        }
        let [first, second] = best[len];
        let other = [first, second].into_iter().flatten().find(|(_, other)| usize::from(*other) != byte)?;
        Some(codes[byte] ^ codes[usize::from(other.1)])
    })
}

impl Tracer {
    /// Reads a message as it is on the wire: complete but for what RFC 7692 §7.2.1 leaves out at its end, or cut off.
    /// `keep` keeps the window of those before. `each` is told the place and the origin of every byte that it inflates
    /// to, up to `limit_bytes` of them.
    pub fn message(
        &mut self,
        (number, content, is_complete): (u32, &[u8], bool),
        keep: bool,
        limit_bytes: u64,
        mut each: impl FnMut(u64, Origin),
    ) -> Traced {
        if !keep {
            self.filled = 0;
        }
        let left_out: &[u8] = if is_complete { &[0, 0, 0xFF, 0xFF] } else { &[] };
        let whole = [content, left_out].concat();
        let mut reading =
            Reading { tracer: self, number, bits: Bits { bytes: &whole, at: 0 }, len: 0, limit_bytes, each: &mut each };
        let fault = reading.blocks(content.len() * 8).err();
        let (len, is_capped) = (reading.len, reading.len > limit_bytes);
        Traced { len, fault: fault.filter(|_| !is_capped), is_capped }
    }

    /// The messages that the window goes back to.
    pub fn messages(&self, mut each: impl FnMut(u32)) {
        for origin in &self.window {
            if let Origin::Literal { message, .. } = origin {
                each(*message);
            }
        }
    }

    /// The newest `len` bytes were taken out as a whole.
    pub fn gone(&mut self, len: u64) {
        for step in 1..=len.min(WINDOW_BYTES as u64) as usize {
            self.window[(self.at + WINDOW_BYTES - step) % WINDOW_BYTES] = Origin::Gone;
        }
    }
}

struct Reading<'t, F> {
    tracer: &'t mut Tracer,
    number: u32,
    bits: Bits<'t>,
    len: u64,
    limit_bytes: u64,
    each: &'t mut F,
}

impl<F: FnMut(u64, Origin)> Reading<'_, F> {
    fn blocks(&mut self, content_bits: usize) -> Result<(), Fault> {
        loop {
            if self.bits.peek().1 < 3 {
                return if self.bits.at.is_multiple_of(8) { Ok(()) } else { Err(Fault::Truncated) };
            }
            let head = self.bits.take(3)?;
            match head >> 1 {
                0 => self.stored()?,
                1 => self.symbols(&Block::fixed()?)?,
                2 => {
                    let block = Block::dynamic(&mut self.bits)?;
                    self.symbols(&block)?;
                }
                _ => return Err(Fault::BlockType),
            }
            // RFC 7692 §7.2.3.5: behind a final block, the next one begins at a byte's edge.
            if head & 1 == 1 {
                self.bits.align();
                if self.bits.at >= content_bits {
                    return Ok(());
                }
            }
        }
    }

    fn stored(&mut self) -> Result<(), Fault> {
        self.bits.align();
        let (len, complement) = (self.bits.take(16)? as u16, self.bits.take(16)? as u16);
        if len != !complement {
            return Err(Fault::StoredLength);
        }
        for _ in 0..len {
            let at = self.bits.at / 8;
            let byte = self.bits.take(8)?;
            let turn = byte ^ u32::from(MARK);
            self.put(Origin::Literal { message: self.number, byte: at as u32, turn })?;
        }
        Ok(())
    }

    fn symbols(&mut self, block: &Block) -> Result<(), Fault> {
        loop {
            let at = self.bits.at;
            let Code { symbol, .. } = self.bits.code(&block.literal)?;
            match symbol {
                0..=255 => {
                    let literal = |turn: u16| Origin::Literal {
                        message: self.number,
                        byte: (at / 8) as u32,
                        turn: u32::from(turn) << (at % 8),
                    };
                    self.put(block.turns[usize::from(symbol)].map_or(Origin::Fixed, literal))?;
                }
                256 => return Ok(()),
                257..=285 => {
                    let which = usize::from(symbol - 257);
                    let len = LENGTH_BASE[which] + self.bits.take(LENGTH_EXTRA[which].into())? as u16;
                    let which = usize::from(self.bits.code(&block.distance)?.symbol);
                    let base = *DISTANCE_BASE.get(which).ok_or(Fault::Symbol)?;
                    let distance = usize::from(base) + self.bits.take(DISTANCE_EXTRA[which].into())? as usize;
                    if distance > self.tracer.filled {
                        return Err(Fault::Distance);
                    }
                    for _ in 0..len {
                        let from = (self.tracer.at + WINDOW_BYTES - distance) % WINDOW_BYTES;
                        self.put(self.tracer.window[from])?;
                    }
                }
                _ => return Err(Fault::Symbol),
            }
        }
    }

    fn put(&mut self, origin: Origin) -> Result<(), Fault> {
        if self.len >= self.limit_bytes {
            self.len = self.limit_bytes.saturating_add(1);
            return Err(Fault::Truncated);
        }
        (self.each)(self.len, origin);
        let tracer = &mut *self.tracer;
        tracer.window[tracer.at] = origin;
        tracer.at = (tracer.at + 1) % WINDOW_BYTES;
        tracer.filled = (tracer.filled + 1).min(WINDOW_BYTES);
        self.len += 1;
        Ok(())
    }
}
