//! UTF-8 checked as it streams by: across reads and across the fragments of a message.

use std::str::from_utf8;

/// A check that remembers at most an unfinished character.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    /// How many bytes are known to be good; the carried ones follow them.
    good: u64,
    carry: [u8; 4],
    carried: u8,
    ill_formed: Option<IllFormed>,
}

/// The first bytes that are no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllFormed {
    /// Its first byte, counted from the start of the text.
    pub at: u64,
    /// How many bytes cannot be the start of a character: 1 to 3.
    pub len: u8,
    bytes: [u8; 3],
}

impl IllFormed {
    fn new(at: u64, sequence: &[u8]) -> IllFormed {
        let mut bytes = [0; 3];
        let len = sequence.len().min(3);
        bytes[..len].copy_from_slice(&sequence[..len]);
        IllFormed { at, len: len as u8, bytes }
    }

    /// Its bytes in hexadecimal.
    pub fn hex(&self) -> String {
        let hex: Vec<String> = self.bytes[..self.len as usize].iter().map(|byte| format!("{byte:02x}")).collect();
        hex.join(" ")
    }
}

impl Utf8 {
    /// More of the text.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.ill_formed.is_some() {
            return;
        }
        let mut rest = bytes;
        while let (1.., Some((first, after))) = (self.carried, rest.split_first()) {
            self.carry[self.carried as usize] = *first;
            self.carried += 1;
            rest = after;
            let sequence = &self.carry[..self.carried as usize];
            match from_utf8(sequence).map_err(|error| error.error_len()) {
                Ok(_) => {
                    self.good += u64::from(self.carried);
                    self.carried = 0;
                }
                Err(Some(len)) => {
                    self.ill_formed = Some(IllFormed::new(self.good, &sequence[..len]));
                    return;
                }
                Err(None) => {}
            }
        }
        let Err(error) = from_utf8(rest) else {
            self.good += rest.len() as u64;
            return;
        };
        self.good += error.valid_up_to() as u64;
        let from_error = &rest[error.valid_up_to()..];
        match error.error_len() {
            Some(len) => self.ill_formed = Some(IllFormed::new(self.good, &from_error[..len])),
            None => {
                self.carry[..from_error.len()].copy_from_slice(from_error);
                self.carried = from_error.len() as u8;
            }
        }
    }

    /// The first ill-formed bytes so far; an unfinished character may yet be finished.
    pub fn ill_formed(&self) -> Option<IllFormed> {
        self.ill_formed
    }

    /// The first ill-formed bytes of a text that is over: an unfinished character counts.
    pub fn ill_formed_at_end(&self) -> Option<IllFormed> {
        let unfinished = &self.carry[..self.carried as usize];
        self.ill_formed.or_else(|| (!unfinished.is_empty()).then(|| IllFormed::new(self.good, unfinished)))
    }
}
