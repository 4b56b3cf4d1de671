//! Payloads read straight from the recorded bytes: what filters look through where nothing has to be dissected again.

use super::Session;
use crate::dissect::{Flags, Record, unmask};
use crate::wire::{Dir, LinkId};
use bytes::Bytes;
use std::borrow::Cow;

/// Reads payloads, quickest in the order of their records: it keeps the piece of wire that it read last.
pub(super) struct Payloads<'s> {
    session: &'s Session,
    place: (LinkId, Dir),
    /// The first wire byte of the piece.
    start: u64,
    piece: Bytes,
}

impl<'s> Payloads<'s> {
    pub fn new(session: &'s Session) -> Payloads<'s> {
        Payloads { session, place: (LinkId(0), Dir::Out), start: 0, piece: Bytes::new() }
    }

    /// A record's payload, at most `limit` bytes of it. `None` where it does not lie on the wire in one piece, or is not
    /// to be had.
    #[inline]
    pub fn of(&mut self, record: &Record, limit: usize) -> Option<Cow<'_, [u8]>> {
        let at = record.payload_in_place()?;
        let len = record.payload_len.min(limit as u64) as usize;
        if record.flags.has(Flags::MASKED) {
            let mut bytes = self.bytes(record, at.checked_sub(4)?, len + 4)?.into_owned();
            let key = *bytes.first_chunk::<4>()?;
            bytes.drain(..4);
            unmask(&mut bytes, key);
            return Some(Cow::Owned(bytes));
        }
        self.bytes(record, at, len)
    }

    #[inline]
    fn bytes(&mut self, record: &Record, at: u64, len: usize) -> Option<Cow<'_, [u8]>> {
        if !self.holds(record, at, len) {
            self.start = u64::MAX;
            let link = self.session.link(record.link)?;
            let (start, piece) = link.piece(record.dir, at, self.session.store())?;
            (self.place, self.start, self.piece) = ((record.link, record.dir), start, piece);
            if !self.holds(record, at, len) {
                let joined = self.session.wire(record.link, record.dir, at, len);
                return (joined.len() == len).then_some(Cow::Owned(joined));
            }
        }
        let from = (at - self.start) as usize;
        self.piece.get(from..from + len).map(Cow::Borrowed)
    }

    fn holds(&self, record: &Record, at: u64, len: usize) -> bool {
        let from = at.checked_sub(self.start);
        self.place == (record.link, record.dir) && from.is_some_and(|from| from + len as u64 <= self.piece.len() as u64)
    }
}
