//! Masking (RFC 6455 §5.3): byte i of the payload is combined by exclusive or with byte i mod 4 of the key.

/// Tells the unmasked bytes block by block, each with its offset in `bytes`. `phase` is how many payload bytes of the
/// frame came before; without a key the bytes are told as they are.
#[inline]
pub(super) fn unmasked(key: Option<[u8; 4]>, phase: u64, bytes: &[u8], mut each: impl FnMut(u64, &[u8])) {
    match key {
        None => each(0, bytes),
        // Clearing 4 KiB of stack would cost more than unmasking a small frame does.
        Some(key) if bytes.len() <= 128 => blocks::<128>(key, phase, bytes, each),
        Some(key) => blocks::<4096>(key, phase, bytes, each),
    }
}

#[inline]
fn blocks<const SIZE: usize>(mut key: [u8; 4], phase: u64, bytes: &[u8], mut each: impl FnMut(u64, &[u8])) {
    // SIZE is a multiple of 4, so every block begins at the same byte of the key.
    key.rotate_left((phase % 4) as usize);
    let mut block = [0u8; SIZE];
    let mut at = 0;
    for masked in bytes.chunks(SIZE) {
        let plain = &mut block[..masked.len()];
        xor(key, masked, plain);
        each(at, plain);
        at += masked.len() as u64;
    }
}

/// Takes the key off a whole payload.
pub fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let key_word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key_word).to_ne_bytes();
    }
    tail.iter_mut().zip(key.into_iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

fn xor(key: [u8; 4], from: &[u8], to: &mut [u8]) {
    let [a, b, c, d] = key;
    let key_word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (from_words, from_tail) = from.as_chunks::<8>();
    let (to_words, to_tail) = to.as_chunks_mut::<8>();
    for (from, to) in from_words.iter().zip(to_words) {
        *to = (u64::from_ne_bytes(*from) ^ key_word).to_ne_bytes();
    }
    for ((from, to), key) in from_tail.iter().zip(to_tail).zip(key.into_iter().cycle()) {
        *to = from ^ key;
    }
}
