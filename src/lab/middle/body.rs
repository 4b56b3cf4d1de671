//! Where a body ends (RFC 9112 §6.3), found without changing or keeping any of it.

/// The part of a body that is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

/// Where in the chunked coding (RFC 9112 §7.1) the next byte is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// In the size's digits; `None` before the first.
    Size(Option<u64>),
    /// Behind the digits, up to the line's end.
    Extension(u64),
    Data(u64),
    /// The line end after the data.
    DataEnd,
    /// In the trailers; whether the line has a byte yet.
    Trailers(bool),
}

impl Body {
    pub fn chunked() -> Self {
        Body::Chunked(Chunks::Size(None))
    }

    pub fn has_ended(&self) -> bool {
        *self == Body::Length(0)
    }

    /// Whether its end can be told without the connection's.
    pub fn is_delimited(&self) -> bool {
        *self != Body::UntilClose
    }

    /// Goes over `bytes`, and says how many of them are the body's.
    ///
    /// A chunked body that breaks the coding goes on until the connection closes: whoever reads it may judge it.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.has_ended() {
            let rest = (bytes.len() - at) as u64;
            match self {
                Body::Length(left) | Body::Chunked(Chunks::Data(left)) => {
                    let taken = rest.min(*left);
                    *left -= taken;
                    at += taken as usize;
                    if *self == Body::Chunked(Chunks::Data(0)) {
                        *self = Body::Chunked(Chunks::DataEnd);
                    }
                }
                Body::Chunked(chunks) => {
                    *self = next(chunks, bytes[at]);
                    at += 1;
                }
                Body::UntilClose => at = bytes.len(),
            }
        }
        at
    }
}

/// Takes one byte outside of a chunk's data.
fn next(chunks: &Chunks, byte: u8) -> Body {
    let broken = Body::UntilClose;
    Body::Chunked(match (chunks, byte) {
        (Chunks::Size(Some(size)) | Chunks::Extension(size), b'\n') => match size {
            0 => Chunks::Trailers(false),
            _ => Chunks::Data(*size),
        },
        (Chunks::Size(size), digit) if digit.is_ascii_hexdigit() => {
            let value = char::from(digit).to_digit(16).unwrap_or(0);
            match size.unwrap_or(0).checked_mul(16) {
                Some(shifted) => Chunks::Size(Some(shifted + u64::from(value))),
                None => return broken,
            }
        }
        (Chunks::Size(Some(size)), b'\r' | b';' | b' ' | b'\t') | (Chunks::Extension(size), _) => {
            Chunks::Extension(*size)
        }
        (Chunks::DataEnd, b'\r') => Chunks::DataEnd,
        (Chunks::DataEnd, b'\n') => Chunks::Size(None),
        (Chunks::Trailers(false), b'\n') => return Body::Length(0),
        (Chunks::Trailers(true), b'\n') | (Chunks::Trailers(false), b'\r') => Chunks::Trailers(false),
        (Chunks::Trailers(_), _) => Chunks::Trailers(true),
        _ => return broken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of `bytes` is taken, in reads of `step` bytes, and what is left.
    fn taken(mut body: Body, bytes: &[u8], step: usize) -> (usize, Body) {
        let taken = bytes.chunks(step).map(|read| body.take(read)).sum();
        (taken, body)
    }

    #[test]
    fn a_body_ends_where_its_framing_ends_however_it_is_read() {
        let chunked = b"5;a=b\r\nhello\r\n1\nx\n00\r\nTrailer: 1\r\n\r\n".as_slice();
        for step in 1..=chunked.len() + 4 {
            let with_more = [chunked, b"HTTP"].concat();
            assert_eq!(taken(Body::chunked(), &with_more, step), (chunked.len(), Body::Length(0)), "{step}");
            assert_eq!(taken(Body::Length(6), b"12345678", step), (6, Body::Length(0)), "{step}");
        }
        assert_eq!(taken(Body::UntilClose, b"1234", 3), (4, Body::UntilClose));
        assert_eq!(taken(Body::chunked(), b"3\r\nab", 1), (5, Body::Chunked(Chunks::Data(1))));
    }

    #[test]
    fn broken_chunks_go_on_until_the_close() {
        for bytes in ["\r\n", "x", "3\r\nabcd", "fffffffffffffffff\r\n", "-1\r\n"] {
            assert_eq!(taken(Body::chunked(), bytes.as_bytes(), 1), (bytes.len(), Body::UntilClose), "{bytes}");
        }
    }
}
