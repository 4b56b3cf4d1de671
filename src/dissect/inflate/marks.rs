//! A compressed message that says nothing but marks: as long on the wire, and inflated, as the one whose place it takes.

use super::trace::MARK;

/// Bits as DEFLATE packs them: the first one lowest.
#[derive(Clone, Default)]
struct Packed {
    bytes: Vec<u8>,
    bits: usize,
}

impl Packed {
    fn put(&mut self, value: u32, count: usize) {
        for at in 0..count {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if value >> at & 1 == 1 {
                self.bytes[self.bits / 8] |= 1 << (self.bits % 8);
            }
            self.bits += 1;
        }
    }

    /// A prefix code, whose first bit is its highest (RFC 1951 §3.1.1).
    fn code(&mut self, code: u32, count: usize) {
        for at in (0..count).rev() {
            self.put(code >> at & 1, 1);
        }
    }

    fn literal(&mut self) {
        // §3.2.6: literals below 144 have 8 bits, from 0x30 on.
        self.code(0x30 + u32::from(MARK), 8);
    }

    /// As many of the byte before, 3 to 10, or 258.
    fn copy(&mut self, len: u64) {
        match len {
            258 => self.code(0xC0 + 285 - 280, 8),
            len => self.code(len as u32 - 3 + 1, 7),
        }
        self.code(0, 5);
    }

    fn empty_stored(&mut self) {
        self.put(0, 3);
        self.align();
        self.put(0xFFFF_0000, 32);
    }

    fn empty_fixed(&mut self) {
        self.put(0b010, 3);
        self.code(0, 7);
    }

    fn align(&mut self) {
        while !self.bits.is_multiple_of(8) {
            self.put(0, 1);
        }
    }

    /// A block of fixed codes with `len` marks, `alone` of them not copied where there are as many.
    fn marks(&mut self, len: u64, alone: u64) {
        self.put(0b010, 3);
        let mut left = len;
        for _ in 0..len.min(alone) {
            self.literal();
            left -= 1;
        }
        while left > 0 {
            let now = match left {
                258.. => 258,
                3.. => left.min(10),
                _ => 1,
            };
            if now == 1 {
                self.literal()
            } else {
                self.copy(now)
            }
            left -= now;
        }
        self.code(0, 7);
    }
}

/// A message of `bytes` bytes, as RFC 7692 §7.2.1 has it, that inflates to `len` marks; broken behind them where that is
/// wanted. `None` where there is no room for that, as where the original is compressed far better than text ever is.
pub fn marks(len: u64, bytes: usize, is_broken: bool) -> Option<Vec<u8>> {
    let wanted = bytes * 8;
    if len / 258 > wanted as u64 {
        return None;
    }
    for alone in 1..=6 {
        for stored in 0..=1 {
            let mut packed = Packed::default();
            packed.marks(len, alone);
            if packed.bits > wanted {
                return None;
            }
            if is_broken {
                packed.put(0b110, 3);
                packed.align();
                packed.bytes.resize(packed.bytes.len().max(bytes), 0);
                return (packed.bytes.len() == bytes).then_some(packed.bytes);
            }
            (0..stored).for_each(|_| packed.empty_stored());
            // The header of the empty block whose last four bytes are left out ends the message.
            while packed.bits + 3 + 10 <= wanted {
                packed.empty_fixed();
            }
            packed.put(0, 3);
            packed.align();
            if packed.bytes.len() == bytes {
                return Some(packed.bytes);
            }
        }
    }
    None
}
