//! JSON written piece by piece, so that neither a file nor a long text in it is ever held whole.

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use std::io::{self, Write};

/// Writes one JSON document.
pub(super) struct Json<'w> {
    out: io::BufWriter<&'w mut dyn Write>,
    /// For each object or array that is open, whether it has a member.
    open: Vec<bool>,
    /// A key was written, and its value comes next.
    is_after_key: bool,
}

impl<'w> Json<'w> {
    pub fn new(out: &'w mut dyn Write) -> Json<'w> {
        Json { out: io::BufWriter::with_capacity(64 * 1024, out), open: Vec::new(), is_after_key: false }
    }

    /// Begins an object or an array.
    pub fn begin(&mut self, bracket: char) -> io::Result<()> {
        self.separate()?;
        self.open.push(false);
        write!(self.out, "{bracket}")
    }

    /// Ends what was begun last.
    pub fn end(&mut self, bracket: char) -> io::Result<()> {
        self.open.pop();
        write!(self.out, "{bracket}")
    }

    /// The next member goes on a line of its own.
    pub fn line(&mut self) -> io::Result<()> {
        self.separate()?;
        self.is_after_key = true;
        writeln!(self.out)
    }

    pub fn key(&mut self, key: &str) -> io::Result<()> {
        self.text(key)?;
        self.is_after_key = true;
        write!(self.out, ":")
    }

    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.long_text(|piece| piece.push(text.as_bytes()))
    }

    /// A number; what JSON has no number for is null.
    pub fn number(&mut self, number: f64) -> io::Result<()> {
        self.separate()?;
        match number.is_finite() {
            // Whole numbers as such: sizes and ports are read as integers by many.
            true if number.fract() == 0.0 && number.abs() < 9e15 => write!(self.out, "{}", number as i64),
            true => write!(self.out, "{number}"),
            false => write!(self.out, "null"),
        }
    }

    /// Nanoseconds as a number of seconds, to the last digit.
    pub fn seconds(&mut self, ns: i128) -> io::Result<()> {
        if ns < 0 {
            return self.number(ns as f64 / 1e9);
        }
        self.separate()?;
        let fraction = format!("{:09}", ns % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(self.out, "{}{point}{fraction}", ns / 1_000_000_000)
    }

    /// A value that is there whole.
    pub fn value(&mut self, value: &serde_json::Value) -> io::Result<()> {
        self.separate()?;
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)
    }

    /// A key and a text.
    pub fn member(&mut self, key: &str, text: &str) -> io::Result<()> {
        self.key(key)?;
        self.text(text)
    }

    /// A key and a number.
    pub fn count(&mut self, key: &str, number: f64) -> io::Result<()> {
        self.key(key)?;
        self.number(number)
    }

    /// A text that comes in pieces.
    pub fn long_text<E: From<io::Error>>(
        &mut self,
        write: impl FnOnce(&mut Pieces<'_, 'w>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.separate()?;
        write!(self.out, "\"")?;
        let mut pieces = Pieces { out: &mut self.out, carry: Vec::new() };
        write(&mut pieces)?;
        pieces.finish()?;
        write!(self.out, "\"")?;
        Ok(())
    }

    /// Bytes that come in pieces, in base64 (RFC 4648 §4).
    pub fn long_base64<E: From<io::Error>>(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        self.separate()?;
        write!(self.out, "\"")?;
        let mut encoder = EncoderWriter::new(&mut self.out, &STANDARD);
        write(&mut encoder)?;
        encoder.finish()?;
        drop(encoder);
        write!(self.out, "\"")?;
        Ok(())
    }

    /// Everything is written.
    pub fn finish(mut self) -> io::Result<()> {
        writeln!(self.out)?;
        self.out.flush()
    }

    fn separate(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_after_key) {
            return Ok(());
        }
        let has_member = self.open.last_mut().is_some_and(|has_member| std::mem::replace(has_member, true));
        if has_member { write!(self.out, ",") } else { Ok(()) }
    }
}

/// The pieces of a text in UTF-8. What is none becomes U+FFFD.
pub(super) struct Pieces<'j, 'w> {
    out: &'j mut io::BufWriter<&'w mut dyn Write>,
    /// The first bytes of a character that a piece cut.
    carry: Vec<u8>,
}

impl Write for Pieces<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pieces<'_, '_> {
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let joined;
        let mut rest = match self.carry.is_empty() {
            true => bytes,
            false => {
                joined = [&std::mem::take(&mut self.carry), bytes].concat();
                &joined
            }
        };
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => return self.escaped(text),
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.escaped(std::str::from_utf8(good).unwrap_or_default())?;
                    let Some(len) = error.error_len() else {
                        self.carry = bad.to_vec();
                        return Ok(());
                    };
                    self.escaped("\u{fffd}")?;
                    rest = &bad[len..];
                }
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        if self.carry.is_empty() { Ok(()) } else { self.out.write_all("\u{fffd}".as_bytes()) }
    }

    /// RFC 8259 §7.
    fn escaped(&mut self, text: &str) -> io::Result<()> {
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let short = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..0x20 => "",
                _ => continue,
            };
            self.out.write_all(&text.as_bytes()[plain..at])?;
            match short {
                "" => write!(self.out, "\\u{byte:04x}")?,
                short => self.out.write_all(short.as_bytes())?,
            }
            plain = at + 1;
        }
        self.out.write_all(&text.as_bytes()[plain..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_in_pieces_is_read_as_one(bytes in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>()) {
            let at = at.index(bytes.len() + 1);
            let mut file = Vec::new();
            let mut json = Json::new(&mut file);
            json.begin('[').unwrap();
            json.long_text(|pieces| pieces.push(&bytes[..at]).and_then(|()| pieces.push(&bytes[at..]))).unwrap();
            json.long_base64(|out| out.write_all(&bytes)).unwrap();
            json.number(f64::NAN).unwrap();
            json.end(']').unwrap();
            json.finish().unwrap();
            let read: (String, String, Option<f64>) = serde_json::from_slice(&file).unwrap();
            prop_assert_eq!(read.0, String::from_utf8_lossy(&bytes));
            prop_assert_eq!(base64::Engine::decode(&STANDARD, read.1).unwrap(), bytes);
            prop_assert_eq!(read.2, None);
        }
    }
}
