//! What a record says, as texts whose every byte leads back to the wire.

use crate::dissect::{Explained, Field, Payload};
use crate::session::Session;
use crate::wire::{Buf, Dir, LinkId};
use std::ops::Range;

/// A run of a text that lies on the wire in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where in the text it begins.
    pub at: u64,
    /// Its first wire byte.
    pub wire: u64,
    pub len: u64,
    /// What its bytes are masked with on the wire (RFC 6455 §5.3), from the first one on.
    pub key: [u8; 4],
}

impl Run {
    /// Its part within a range of the text.
    pub fn part(&self, range: &Range<u64>) -> Option<Run> {
        let (start, end) = (range.start.max(self.at), range.end.min(self.at + self.len));
        let skip = start.checked_sub(self.at).filter(|_| start < end)?;
        let mut key = self.key;
        key.rotate_left((skip % 4) as usize);
        Some(Run { at: start, wire: self.wire + skip, len: end - start, key })
    }
}

/// A text and where it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub bytes: Vec<u8>,
    pub runs: Vec<Run>,
}

/// A record's bytes, as they are asked for.
pub(super) struct Source<'s> {
    session: &'s Session,
    explained: &'s Explained,
    link: LinkId,
    dir: Dir,
    /// The wire of a short record.
    wire: (u64, Vec<u8>),
}

/// Records up to this length have their bytes fetched once.
const SHORT_BYTES: u64 = 512 * 1024;

impl<'s> Source<'s> {
    pub fn new(session: &'s Session, explained: &'s Explained) -> Source<'s> {
        let record = &explained.record;
        let (link, dir, start) = (record.link, record.dir, record.start);
        let wire = match record.len <= SHORT_BYTES {
            true => session.wire(link, dir, start, record.len as usize),
            false => Vec::new(),
        };
        Source { session, explained, link, dir, wire: (start, wire) }
    }

    fn wire(&self, start: u64, len: u64) -> Vec<u8> {
        let (first, held) = &self.wire;
        let from = start.checked_sub(*first).and_then(|from| usize::try_from(from).ok());
        if let Some(held) = from.and_then(|from| held.get(from..from.checked_add(len as usize)?)) {
            return held.to_vec();
        }
        self.session.wire(self.link, self.dir, start, len as usize)
    }

    /// Where a field lies on the wire.
    pub fn runs(&self, field: &Field) -> Vec<Run> {
        let (start, end) = (field.span.start_byte(), field.span.end_byte());
        let Buf::Made(number) = field.span.buf else {
            return vec![Run { at: 0, wire: start, len: end - start, key: [0; 4] }];
        };
        let Some(made) = self.explained.made.get(number as usize) else { return Vec::new() };
        let is_masked = made.label.starts_with("unmasked");
        let mut runs = Vec::new();
        let mut at = 0;
        for (wire, len) in made.wire_runs(start, end) {
            let mut key = [0; 4];
            if is_masked {
                let from = (start + at) as usize;
                match made.bytes.get(from..from + len.min(4) as usize) {
                    Some(plain) => {
                        let masked = self.wire(wire, len.min(4));
                        key.iter_mut()
                            .zip(plain.iter().zip(masked))
                            .for_each(|(key, (plain, wire))| *key = plain ^ wire);
                    }
                    // What was left out of the buffer: the key stands before the payload of its frame.
                    None => {
                        let before = self.wire(wire.saturating_sub(4), 4);
                        key.iter_mut().zip(before).for_each(|(key, byte)| *key = byte);
                    }
                }
            }
            runs.push(Run { at, wire, len, key });
            at += len;
        }
        runs
    }

    /// What a field says.
    pub fn text(&self, field: &Field) -> Text {
        let (start, end) = (field.span.start_byte(), field.span.end_byte());
        let bytes = match field.span.buf {
            Buf::Wire(..) => self.wire(start, end - start),
            Buf::Made(number) => {
                let made = self.explained.made.get(number as usize).map_or(&[][..], |made| &made.bytes);
                let len = made.len() as u64;
                made[start.min(len) as usize..end.min(len) as usize].to_vec()
            }
        };
        Text { bytes, runs: self.runs(field) }
    }

    /// What lies in these runs, unmasked.
    pub fn plain(&self, runs: &[Run]) -> Vec<u8> {
        let mut plain = Vec::new();
        for run in runs {
            let mut bytes = self.wire(run.wire, run.len);
            crate::dissect::unmask(&mut bytes, run.key);
            plain.append(&mut bytes);
        }
        plain
    }

    /// What the record says, framing taken off.
    pub fn payload(&self) -> Text {
        let mut joined = Text::default();
        let mut lines = 0;
        for field in self.explained.fields.iter().filter(|field| field.def.payload != Payload::No) {
            if field.def.payload == Payload::Line {
                if lines > 0 {
                    joined.bytes.push(b'\n');
                }
                lines += 1;
            }
            let text = self.text(field);
            let at = joined.bytes.len() as u64;
            joined.runs.extend(text.runs.iter().map(|run| Run { at: run.at + at, ..*run }));
            joined.bytes.extend(text.bytes);
        }
        joined
    }

    /// Where all of the payload lies, whatever of it was kept.
    pub fn payload_runs(&self) -> Vec<Run> {
        let fields = self.explained.fields.iter().filter(|field| field.def.payload != Payload::No);
        fields.flat_map(|field| self.runs(field)).collect()
    }
}
