//! A session file that is written from entries that are all there already: imports and changed copies.

use super::batch::Batch;
use super::error::{FileError, journal_of};
use super::remarks::{self, RemarkChange};
use super::{recorder, schema};
use crate::session::StoredRemark;
use crate::wire::Entry;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Bytes that are written at a time.
const COMMIT_BYTES: usize = 4 << 20;

/// Writes a session file, entry by entry. Dropped before [`SessionWriter::finish`], it takes its file away.
pub struct SessionWriter {
    path: PathBuf,
    connection: Option<Connection>,
    batch: Batch,
    remarks: Vec<RemarkChange>,
}

impl SessionWriter {
    /// Creates the file. One that exists is left alone, and is an error.
    pub fn create(path: &Path, started_unix_ns: i64) -> Result<SessionWriter, FileError> {
        let connection = recorder::create(path, started_unix_ns)?;
        Ok(SessionWriter {
            path: path.to_owned(),
            connection: Some(connection),
            batch: Batch::default(),
            remarks: Vec::new(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the next entry, at once or with those that follow.
    pub fn put(&mut self, entry: Entry) -> Result<(), FileError> {
        self.batch.add(entry);
        if self.batch.cost_bytes() >= COMMIT_BYTES { self.commit() } else { Ok(()) }
    }

    /// Keeps a line about the file as a whole, such as where it was imported from.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), FileError> {
        let Some(connection) = &self.connection else { return Ok(()) };
        schema::set_meta(connection, key, value).map_err(|error| FileError::writing(&self.path, &error))
    }

    /// Keeps a remark on a record of what is written.
    pub fn put_remark(&mut self, stored: StoredRemark) {
        self.remarks.push(RemarkChange::Put(stored));
    }

    /// Writes what waits, marks the recording as ended and closes the file.
    pub fn finish(mut self) -> Result<(), FileError> {
        self.commit()?;
        if let Some(connection) = self.connection.as_mut() {
            let written = remarks::change(connection, &self.remarks);
            written.map_err(|error| FileError::writing(&self.path, &error))?;
        }
        self.set_meta("ended_at", &jiff::Timestamp::now().to_string())?;
        if let Some(connection) = self.connection.as_ref() {
            let closed = connection.pragma_update(None, "journal_mode", "DELETE");
            closed.map_err(|error| FileError::writing(&self.path, &error))?;
        }
        self.connection = None;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), FileError> {
        let Some(connection) = self.connection.as_mut() else { return Ok(()) };
        self.batch.write(connection).map_err(|error| FileError::writing(&self.path, &error))?;
        self.batch.clear();
        Ok(())
    }
}

impl Drop for SessionWriter {
    fn drop(&mut self) {
        if self.connection.take().is_some() {
            let _ = std::fs::remove_file(&self.path);
            let _ = std::fs::remove_file(journal_of(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Opened;
    use super::*;
    use crate::wire::{Dir, Event, LinkId, What};
    use bytes::Bytes;

    fn event(at_ns: u64) -> Entry {
        let bytes = Bytes::from(format!("read at {at_ns}"));
        Entry::Event(Event { at_ns, link: LinkId(1), what: What::Bytes(Dir::In, bytes) })
    }

    #[test]
    fn what_was_put_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pushscope");
        let mut writer = SessionWriter::create(&path, 1_700_000_000_000_000_000).unwrap();
        (0..10).for_each(|at_ns| writer.put(event(at_ns)).unwrap());
        writer.finish().unwrap();
        let mut opened = Opened::open(&path).unwrap();
        assert!(opened.was_ended() && opened.notices().is_empty());
        assert_eq!(opened.started_unix_ns(), 1_700_000_000_000_000_000);
        assert_eq!(opened.next_batch(usize::MAX).unwrap(), (0..10).map(event).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_given_up_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pushscope");
        let mut writer = SessionWriter::create(&path, 0).unwrap();
        writer.put(event(1)).unwrap();
        assert!(matches!(SessionWriter::create(&path, 0), Err(FileError::Exists { .. })));
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
