//! permessage-deflate on its way out (RFC 7692 §7.2.1): messages are deflated, and the tail that says nothing is taken
//! off.

use crate::dissect::websocket::negotiation::Deflate;
use flate2::{Compress, Compression, FlushCompress};

/// What a flush puts at the end of what it compressed: an empty block without compression, but for its first bits.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// The windows that zlib can deflate with; it has no use for the smallest one of RFC 7692, 8 bits.
const LEAST_BITS: u8 = 9;
const MOST_BITS: u8 = 15;
/// The smallest window: 8 bits.
const SMALLEST_WINDOW_BYTES: usize = 256;

/// Deflates the messages that we send, one after the other.
pub(super) struct Deflater {
    compress: Compress,
    keeps_context: bool,
    /// The window is one that zlib cannot deflate with, so messages are deflated in pieces as large as it, none of which
    /// refers to another.
    is_in_pieces: bool,
}

impl Deflater {
    /// As both sides agreed on.
    pub fn new(agreed: &Deflate) -> Deflater {
        let bits = agreed.client_max_window_bits;
        Deflater {
            compress: Compress::new_with_window_bits(Compression::default(), false, bits.clamp(LEAST_BITS, MOST_BITS)),
            keeps_context: !agreed.client_no_context_takeover,
            is_in_pieces: bits < LEAST_BITS,
        }
    }

    /// Whether the window is so small that messages are deflated in pieces.
    pub fn is_in_pieces(&self) -> bool {
        self.is_in_pieces
    }

    /// The payload of a message, compressed; `None` where the compressor fails, which it has no reason to.
    pub fn message(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.is_empty() {
            // §7.2.3.6: an empty block, of which the tail is taken off. A second flush in a row would give nothing at all.
            return Some(vec![0]);
        }
        if !self.keeps_context {
            self.compress.reset();
        }
        let mut deflated = Vec::with_capacity(payload.len() / 2 + 64);
        if self.is_in_pieces {
            for piece in payload.chunks(SMALLEST_WINDOW_BYTES) {
                self.push(piece, FlushCompress::Full, &mut deflated)?;
            }
        } else {
            self.push(payload, FlushCompress::Sync, &mut deflated)?;
        }
        let len = deflated.strip_suffix(&TAIL)?.len();
        deflated.truncate(len);
        Some(deflated)
    }

    fn push(&mut self, mut payload: &[u8], flush: FlushCompress, deflated: &mut Vec<u8>) -> Option<()> {
        loop {
            deflated.reserve(64);
            let (taken, given) = (self.compress.total_in(), self.compress.total_out());
            self.compress.compress_vec(payload, deflated, flush).ok()?;
            payload = &payload[(self.compress.total_in() - taken) as usize..];
            // With room left, all has been said.
            if payload.is_empty() && deflated.len() < deflated.capacity() {
                return Some(());
            }
            if (self.compress.total_in(), self.compress.total_out()) == (taken, given) {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Decompress, FlushDecompress};

    /// The other end: one that keeps its window for as long as the connection lasts.
    fn inflated(inflate: &mut Decompress, message: &[u8]) -> Vec<u8> {
        let mut whole = Vec::with_capacity(1 << 20);
        let message = [message, &TAIL].concat();
        inflate.decompress_vec(&message, &mut whole, FlushDecompress::Sync).unwrap();
        whole
    }

    fn messages() -> Vec<Vec<u8>> {
        let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let text = "今からこれふぁぼります ".repeat(3000).into_bytes();
        [b"Hello".to_vec(), b"Hello".to_vec(), Vec::new(), Vec::new(), text, vec![7], noise, vec![0; 300]].to_vec()
    }

    #[test]
    fn every_window_with_and_without_context_reads_back() {
        for bits in 8..=15 {
            for forgets in [false, true] {
                let agreed =
                    Deflate { client_max_window_bits: bits, client_no_context_takeover: forgets, ..Deflate::default() };
                let mut deflater = Deflater::new(&agreed);
                // zlib inflates raw data of the smallest window with one of 9 bits; the reach is checked below.
                let mut inflate = Decompress::new_with_window_bits(false, bits.max(9));
                for message in messages() {
                    let deflated = deflater.message(&message).unwrap();
                    if forgets || bits == 8 {
                        inflate = Decompress::new_with_window_bits(false, bits.max(9));
                    }
                    assert_eq!(inflated(&mut inflate, &deflated), message, "{bits} bits, forgets: {forgets}");
                }
            }
        }
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7692 §7.2.3.1 and §7.2.3.2: the second message refers to the first one.
        let mut deflater = Deflater::new(&Deflate::default());
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(deflater.message(b"Hello").unwrap(), hello);
        assert_eq!(deflater.message(b"Hello").unwrap(), [0xf2, 0x00, 0x11, 0x00, 0x00]);
        // §7.2.3.6.
        assert_eq!(deflater.message(b"").unwrap(), [0]);
        let mut forgets = Deflater::new(&Deflate { client_no_context_takeover: true, ..Deflate::default() });
        assert_eq!(forgets.message(b"Hello").unwrap(), hello);
        assert_eq!(forgets.message(b"Hello").unwrap(), hello);
    }

    #[test]
    fn with_the_smallest_window_no_reference_reaches_further() {
        // What repeats only further back than 256 bytes is not found again.
        let mut deflater = Deflater::new(&Deflate { client_max_window_bits: 8, ..Deflate::default() });
        assert!(deflater.is_in_pieces());
        let noise: Vec<u8> = (0..256_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        let once = deflater.message(&noise).unwrap().len();
        let twice = deflater.message(&noise.repeat(2)).unwrap().len();
        assert!(twice >= 2 * once, "{twice} after {once}");
        assert!(deflater.message(&[b'x'; 256]).unwrap().len() < 20);
    }
}
