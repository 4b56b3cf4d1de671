//! A head while it grows: where it ends, and whether it can be one at all. Each byte is looked at once, however reads
//! cut the head, and bytes behind it are never copied.

use crate::wire::Dir;

/// A head may be this long.
pub const HEAD_LIMIT_BYTES: usize = 256 * 1024;

/// The bytes of a head so far.
#[derive(Clone, Debug, Default)]
pub struct Growing {
    /// The bytes, empty lines before the start line included.
    pub bytes: Vec<u8>,
    /// How many bytes of line ends stand before the start line.
    blank: usize,
    /// Where the line that grows begins.
    line: usize,
}

/// What more bytes brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The head goes on.
    More,
    /// Its empty line has come.
    Ended,
    /// No message begins like this.
    NotHttp,
    /// It passed [`HEAD_LIMIT_BYTES`].
    TooLong,
}

impl Growing {
    /// Takes the head's share of `bytes`: how many, and what that came to.
    pub fn grow(&mut self, bytes: &[u8], dir: Dir) -> (usize, Growth) {
        let mut used = 0;
        if self.is_blank() {
            let room = HEAD_LIMIT_BYTES + 1 - self.bytes.len();
            used = bytes.iter().take(room).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.bytes.extend_from_slice(&bytes[..used]);
            self.blank += used;
            self.line = self.blank;
        }
        while used < bytes.len() && self.bytes.len() <= HEAD_LIMIT_BYTES {
            let rest = &bytes[used..];
            let line_end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let take = line_end.min(HEAD_LIMIT_BYTES + 1 - self.bytes.len());
            let begins = self.bytes.len() < self.blank + SIGNATURE.len();
            self.bytes.extend_from_slice(&rest[..take]);
            used += take;
            if begins && !could_be_http(&self.bytes[self.blank..], dir) {
                return (used, Growth::NotHttp);
            }
            if rest[take - 1] == b'\n' {
                let is_empty = matches!(&self.bytes[self.line..], b"\n" | b"\r\n");
                if is_empty && self.line > self.blank {
                    return (used, Growth::Ended);
                }
                self.line = self.bytes.len();
            }
        }
        (used, if self.bytes.len() > HEAD_LIMIT_BYTES { Growth::TooLong } else { Growth::More })
    }

    /// Whether nothing but line ends has come.
    pub fn is_blank(&self) -> bool {
        self.blank == self.bytes.len()
    }
}

const SIGNATURE: &[u8] = b"HTTP/";

/// Whether bytes may be the beginning of a message: an answer begins with `HTTP/`, a request with a token.
fn could_be_http(bytes: &[u8], dir: Dir) -> bool {
    match dir {
        Dir::In => bytes.iter().zip(SIGNATURE).all(|(byte, wanted)| byte == wanted),
        Dir::Out => bytes.first().is_none_or(|byte| byte.is_ascii_graphic()),
    }
}
