//! A recorded body on its way into a HAR: the chunk lines taken off, the content coding undone, piece by piece.

use super::head::{self, Head};
use crate::dissect::Utf8;
use crate::session::Session;
use crate::wire::{Dir, LinkId};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{self, Write};

/// Wire bytes that are read at a time.
const STEP_BYTES: u64 = 64 * 1024;

/// A body may inflate to so much; one that goes beyond is written as it is on the wire.
pub(super) const DECODED_LIMIT_BYTES: u64 = 1 << 30;

/// A content coding that can be undone here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
}

/// A body of a recording.
pub(super) struct Body<'s> {
    session: &'s Session,
    link: LinkId,
    dir: Dir,
    start: u64,
    end: u64,
    is_chunked: bool,
    coding: Coding,
    /// The content coding that is left as it is, where there is one.
    pub left_coded: Option<String>,
    /// What the body is, measured.
    pub measured: Measured,
}

/// A body's sizes, and whether it is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Bytes on the wire, chunk lines included.
    pub wire_bytes: u64,
    /// Bytes without chunk lines.
    pub body_bytes: u64,
    /// Bytes with the content coding undone.
    pub content_bytes: u64,
    /// Whether the content is UTF-8.
    pub is_text: bool,
    /// Wire bytes that are missing from the recording.
    pub missing_bytes: u64,
}

impl<'s> Body<'s> {
    /// The body at `start..end` of a direction, behind this head. It is read once to measure it.
    pub fn new(session: &'s Session, link: LinkId, dir: Dir, (start, end): (u64, u64), head: &Head) -> Body<'s> {
        let codings: Vec<&str> = head::items(&head.fields, "content-encoding")
            .filter(|coding| !coding.eq_ignore_ascii_case("identity"))
            .collect();
        let coding = match codings[..] {
            [] => Some(Coding::Identity),
            [one] if ["gzip", "x-gzip"].iter().any(|name| one.eq_ignore_ascii_case(name)) => Some(Coding::Gzip),
            [one] if one.eq_ignore_ascii_case("deflate") => Some(Coding::Deflate),
            _ => None,
        };
        let mut body = Body {
            session,
            link,
            dir,
            start,
            end,
            is_chunked: head::is_chunked(&head.fields),
            coding: coding.unwrap_or(Coding::Identity),
            left_coded: coding.is_none().then(|| codings.join(", ")),
            measured: Measured::default(),
        };
        body.measured = body.measure().unwrap_or_else(|_| {
            // It is not what its head says, or inflates beyond bounds.
            body.left_coded = Some(codings.join(", "));
            body.coding = Coding::Identity;
            body.measure().unwrap_or_default()
        });
        if body.measured.content_bytes == 0 {
            body.left_coded = None;
        }
        body
    }

    fn measure(&self) -> io::Result<Measured> {
        let limit_bytes = if self.coding == Coding::Identity { u64::MAX } else { DECODED_LIMIT_BYTES };
        let mut measure = Measure { bytes: 0, limit_bytes, utf8: Utf8::default() };
        let (wire_bytes, body_bytes) = self.each(&mut measure)?;
        let missing_bytes = (self.end - self.start).saturating_sub(wire_bytes);
        let is_text = measure.utf8.ill_formed_at_end().is_none();
        Ok(Measured { wire_bytes, body_bytes, content_bytes: measure.bytes, is_text, missing_bytes })
    }

    /// Writes the content. How many bytes the wire had, and how many the body had without its framing.
    pub fn each(&self, out: &mut dyn Write) -> io::Result<(u64, u64)> {
        let mut decoder = match self.coding {
            Coding::Identity => Decoder::Identity(out),
            Coding::Gzip => Decoder::Gzip(MultiGzDecoder::new(out)),
            Coding::Deflate => Decoder::Deflate(Some(out)),
        };
        let mut dechunker = Dechunker::default();
        let (mut wire_bytes, mut body_bytes) = (0, 0);
        let mut at = self.start;
        while at < self.end {
            let wanted = STEP_BYTES.min(self.end - at);
            let bytes = self.session.wire(self.link, self.dir, at, wanted as usize);
            at += wanted;
            wire_bytes += bytes.len() as u64;
            if !self.is_chunked {
                body_bytes += bytes.len() as u64;
                decoder.write(&bytes)?;
                continue;
            }
            let mut rest = &bytes[..];
            while let Some(data) = dechunker.next(&mut rest) {
                body_bytes += data.len() as u64;
                decoder.write(data)?;
            }
        }
        decoder.finish()?;
        Ok((wire_bytes, body_bytes))
    }
}

enum Decoder<'o> {
    Identity(&'o mut dyn Write),
    Gzip(MultiGzDecoder<&'o mut dyn Write>),
    /// RFC 9110 §8.4.1.2: zlib; but some send it without zlib's head. The first byte tells which.
    Deflate(Option<&'o mut dyn Write>),
    Zlib(ZlibDecoder<&'o mut dyn Write>),
    Raw(DeflateDecoder<&'o mut dyn Write>),
}

impl Decoder<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let (Decoder::Deflate(out), Some(first)) = (&mut *self, bytes.first()) {
            let Some(out) = out.take() else { return Ok(()) };
            *self = match first & 0x0f == 8 {
                true => Decoder::Zlib(ZlibDecoder::new(out)),
                false => Decoder::Raw(DeflateDecoder::new(out)),
            };
        }
        match self {
            Decoder::Identity(out) => out.write_all(bytes),
            Decoder::Gzip(gzip) => gzip.write_all(bytes).and_then(|()| gzip.flush()),
            Decoder::Zlib(zlib) => zlib.write_all(bytes).and_then(|()| zlib.flush()),
            Decoder::Raw(raw) => raw.write_all(bytes).and_then(|()| raw.flush()),
            Decoder::Deflate(_) => Ok(()),
        }
    }

    /// A body that ends early is content as far as it goes, so nothing is demanded of its end.
    fn finish(self) -> io::Result<()> {
        match self {
            Decoder::Identity(_) | Decoder::Deflate(_) => Ok(()),
            Decoder::Gzip(mut gzip) => gzip.flush(),
            Decoder::Zlib(mut zlib) => zlib.flush(),
            Decoder::Raw(mut raw) => raw.flush(),
        }
    }
}

struct Measure {
    bytes: u64,
    limit_bytes: u64,
    utf8: Utf8,
}

impl Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.utf8.push(bytes);
        match self.bytes > self.limit_bytes {
            true => Err(io::Error::other("it inflates beyond the limit")),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the chunk lines off (RFC 9112 §7.1). What is broken is for the dissector to say; here it ends the body.
#[derive(Default)]
struct Dechunker {
    state: Chunk,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Chunk {
    /// In the size line: the number so far, whether its digits are over.
    #[default]
    Start,
    Size(u64, bool),
    Data(u64),
    DataEnd,
    Over,
}

impl Dechunker {
    /// The next data in `rest`, of which it takes what it has seen.
    fn next<'b>(&mut self, rest: &mut &'b [u8]) -> Option<&'b [u8]> {
        while let Some((byte, behind)) = rest.split_first() {
            match self.state {
                Chunk::Over => return None,
                Chunk::Data(left) => {
                    let take = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let (data, behind) = rest.split_at(take);
                    *rest = behind;
                    self.state = if left == take as u64 { Chunk::DataEnd } else { Chunk::Data(left - take as u64) };
                    return Some(data);
                }
                Chunk::DataEnd => match byte {
                    b'\r' => {}
                    b'\n' => self.state = Chunk::Start,
                    _ => self.state = Chunk::Over,
                },
                Chunk::Start | Chunk::Size(..) => {
                    let (size, is_over) =
                        if let Chunk::Size(size, is_over) = self.state { (size, is_over) } else { (0, false) };
                    let digit = char::from(*byte).to_digit(16).filter(|_| !is_over);
                    self.state = match (byte, digit) {
                        (b'\n', _) if self.state == Chunk::Start || size == 0 => Chunk::Over,
                        (b'\n', _) => Chunk::Data(size),
                        (_, Some(digit)) => match size.checked_mul(16).map(|size| size + u64::from(digit)) {
                            Some(size) => Chunk::Size(size, false),
                            None => Chunk::Over,
                        },
                        // Extensions and white space.
                        _ if self.state != Chunk::Start => Chunk::Size(size, true),
                        _ => Chunk::Over,
                    };
                }
            }
            *rest = behind;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dechunk(reads: &[&[u8]]) -> Vec<u8> {
        let (mut dechunker, mut data) = (Dechunker::default(), Vec::new());
        for read in reads {
            let mut rest = *read;
            while let Some(piece) = dechunker.next(&mut rest) {
                data.extend_from_slice(piece);
            }
        }
        data
    }

    #[test]
    fn chunk_lines_are_taken_off_and_a_broken_one_ends_it() {
        assert_eq!(dechunk(&[b"3;a=b\r\nabc\r\n2 \r\nde\r\n0\r\nX: 1\r\n\r\n"]), b"abcde");
        assert_eq!(dechunk(&[b"3\nabc\n", b"2\r\nd"]), b"abcd");
        assert_eq!(dechunk(&[b"3\r\nabc!2\r\nde\r\n"]), b"abc");
        assert_eq!(dechunk(&[b"ffffffffffffffffff\r\nabc"]), b"");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(bytes in prop::collection::vec(prop::sample::select(b"0123af;\r\n xyz".to_vec()), 0..60), at in any::<prop::sample::Index>()) {
            let at = at.index(bytes.len() + 1);
            prop_assert_eq!(dechunk(&[&bytes]), dechunk(&[&bytes[..at], &bytes[at..]]));
        }
    }
}
