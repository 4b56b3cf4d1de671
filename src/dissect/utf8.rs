//! UTF-8 validity of a stream that comes in pieces (RFC 3629).

use super::{NoteDef, Severity};

/// Text that is not UTF-8.
pub static BAD_UTF8: NoteDef = NoteDef {
    key: "text.bad-utf8",
    severity: Severity::Warning,
    text: "This is not UTF-8; readers put U+FFFD in place of what they can't read",
    spec: "RFC 3629 §3",
};

/// Checks text that comes in pieces, also cut inside a character.
#[derive(Clone, Debug, Default)]
pub struct Utf8 {
    carry: [u8; 4],
    carried: usize,
    /// Bytes before the carry.
    at: u64,
    bad: Option<u64>,
}

impl Utf8 {
    /// More text.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.bad.is_some() {
            return;
        }
        while self.carried > 0 && !bytes.is_empty() {
            self.carry[self.carried] = bytes[0];
            self.carried += 1;
            bytes = &bytes[1..];
            match std::str::from_utf8(&self.carry[..self.carried]) {
                Ok(_) => {
                    self.at += self.carried as u64;
                    self.carried = 0;
                }
                Err(error) if error.error_len().is_some() => {
                    self.bad = Some(self.at);
                    return;
                }
                Err(_) => {}
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => self.at += bytes.len() as u64,
            Err(error) => {
                self.at += error.valid_up_to() as u64;
                if error.error_len().is_some() {
                    self.bad = Some(self.at);
                    return;
                }
                let rest = &bytes[error.valid_up_to()..];
                self.carry[..rest.len()].copy_from_slice(rest);
                self.carried = rest.len();
            }
        }
    }

    /// The offset of the first byte that is not UTF-8 so far; a character that is cut at the end is not wrong yet.
    pub fn bad(&self) -> Option<u64> {
        self.bad
    }

    /// The text ended: the offset of the first byte that is not UTF-8.
    pub fn finish(self) -> Option<u64> {
        self.bad.or((self.carried > 0).then_some(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_standard_library_however_it_is_cut(
            bytes in prop_oneof![".*".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..20)],
            size in 1usize..6,
        ) {
            let mut utf8 = Utf8::default();
            bytes.chunks(size).for_each(|piece| utf8.feed(piece));
            let expected = std::str::from_utf8(&bytes).err().map(|error| error.valid_up_to() as u64);
            prop_assert_eq!(utf8.finish(), expected);
        }
    }
}
