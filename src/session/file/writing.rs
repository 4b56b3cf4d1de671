//! Who writes a recording: a lock beside it, which the system takes away when its holder ends, however it ends.
//!
//! The recording names the lock in its table `meta`, so that it may be renamed meanwhile. Process numbers would not do: they
//! are given again, and those of another machine or container mean nothing here.

use super::schema;
use rusqlite::Connection;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The line of `meta` that names the lock.
const KEY: &str = "writer";

/// A recording that names no lock is taken for one that is written when it was written to so lately.
const YOUNG: Duration = Duration::from_secs(60);

/// Held for as long as a recording is written. Dropped, it takes its file away.
pub(super) struct WriterLock {
    path: PathBuf,
    _file: File,
}

impl WriterLock {
    /// Takes a lock and names it in the recording. `None` where the folder lets no lock be taken: the recording is worth
    /// more than knowing who writes it.
    pub fn take(recording: &Path, connection: &Connection) -> Option<WriterLock> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).ok()?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = lock_path(recording, &token)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&path).ok()?;
        let is_named = file.try_lock().is_ok() && schema::set_meta(connection, KEY, &token).is_ok();
        let lock = WriterLock { path, _file: file };
        is_named.then_some(lock)
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether a living program writes this recording, which has no end yet.
pub(super) fn is_written(recording: &Path, connection: &Connection) -> bool {
    let token = schema::meta(connection, KEY).unwrap_or(None);
    let Some(lock) = token.and_then(|token| lock_path(recording, &token)) else { return is_young(recording) };
    let Ok(file) = File::open(&lock) else { return false };
    // Shared, so that two who ask at once do not take one another for a recorder.
    match file.try_lock_shared() {
        Ok(()) => {
            // Its holder is gone.
            let _ = std::fs::remove_file(&lock);
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => is_young(recording),
    }
}

/// The lock's file. `None` for a name that is none of ours: files come from strangers.
fn lock_path(recording: &Path, token: &str) -> Option<PathBuf> {
    let is_ours = token.len() == 16 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| recording.with_file_name(format!(".pushscope-{token}.lock")))
}

fn is_young(recording: &Path) -> bool {
    let modified = recording.metadata().and_then(|metadata| metadata.modified()).ok();
    modified.is_some_and(|modified| modified.elapsed().is_ok_and(|age| age < YOUNG))
}
