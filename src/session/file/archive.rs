//! Bytes of older events, fetched from the file when a session asks for them.

use super::schema;
use crate::session::Archive;
use crate::wire::What;
use bytes::Bytes;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are fetched together, because neighbours are wanted next.
const FETCH_BYTES: usize = 256 * 1024;

/// Events that are missing in a damaged file: from this number of the session on, the file's number is larger by that.
///
/// A session counts the events that it was given, a damaged file also those that could not be read.
pub(super) type Holes = Arc<Mutex<Vec<(u64, u64)>>>;

/// A session file as an [`Archive`], over a connection of its own.
pub(super) struct FileArchive {
    pub connection: Connection,
    pub holes: Holes,
}

impl FileArchive {
    /// The number in the file of the session's event `seq`, and up to which number of the session that holds.
    fn shift(&self, seq: u64) -> (u64, u64) {
        let holes = self.holes.lock().unwrap_or_else(PoisonError::into_inner);
        let next = holes.partition_point(|(from, _)| *from <= seq);
        let shift = next.checked_sub(1).map_or(0, |at| holes[at].1);
        (shift, holes.get(next).map_or(u64::MAX, |(from, _)| *from))
    }

    fn read(&self, seq: u64, shift: u64, end: u64) -> rusqlite::Result<Vec<(u64, Bytes)>> {
        let columns = schema::COLUMNS;
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {columns} FROM event WHERE seq >= (SELECT seq FROM event WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1)
             ORDER BY seq"
        ))?;
        let mut rows = statement.query([(seq + shift) as i64])?;
        let (mut found, mut total) = (Vec::new(), 0);
        while total < FETCH_BYTES && found.len() < FETCH_BYTES / 64 {
            let row = match rows.next() {
                Ok(Some(row)) => schema::read(row)?,
                Ok(None) => break,
                Err(error) if found.is_empty() => return Err(error),
                Err(_) => break,
            };
            for (file_seq, event) in (row.seq..).zip(row.events.unwrap_or_default()) {
                let Some(session_seq) = file_seq.checked_sub(shift).filter(|seq| *seq < end) else { continue };
                if let What::Bytes(_, bytes) = event.what {
                    total += bytes.len();
                    found.push((session_seq, bytes));
                }
            }
        }
        Ok(found)
    }
}

impl Archive for FileArchive {
    fn fetch(&self, seq: u64) -> Option<Vec<(u64, Bytes)>> {
        let (shift, end) = self.shift(seq);
        let found = self.read(seq, shift, end).ok()?;
        found.binary_search_by_key(&seq, |(seq, _)| *seq).is_ok().then_some(found)
    }
}
