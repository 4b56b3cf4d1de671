//! Giving a recording another name.
//!
//! SQLite finds the journal of a cut-off write by the database's name, so the two move together; and a recorder whose file
//! is moved from under it can write no more, so it moves the file itself, between two commits.

use super::error::{FileError, journal_of};
use super::{Ending, glance, opening};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Renames a recording that nobody writes. What is at `to` already stays as it is, and is an error.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    // Opened once, a write that was cut off is undone, and its journal no longer needed.
    if matches!(glance(from), Ok(glance) if glance.ending == Ending::Recording) {
        return Err(FileError::Recording { path: from.to_owned() });
    }
    move_file(from, to)
}

/// Moves a recording and what belongs to it. An error leaves both where they were.
pub(super) fn move_file(from: &Path, to: &Path) -> Result<(), FileError> {
    if to.symlink_metadata().is_ok() {
        return Err(FileError::Exists { path: to.to_owned() });
    }
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound if !from.exists() => FileError::NotFound { path: from.to_owned() },
        _ => FileError::CannotRename { path: from.to_owned(), to: to.to_owned(), why: error.to_string() },
    };
    let (journal, new_journal) = (journal_of(from), journal_of(to));
    let has_journal = journal.symlink_metadata().is_ok();
    if has_journal {
        std::fs::rename(&journal, &new_journal).map_err(failed)?;
    }
    std::fs::rename(from, to).map_err(|error| {
        if has_journal {
            let _ = std::fs::rename(&new_journal, &journal);
        }
        failed(error)
    })
}

/// Whether the file could be a recording of ours at all, for those who move files about.
pub fn is_recording(path: &Path) -> bool {
    opening::open_checked(path).is_ok()
}

/// Renames a recording while it is written: asks the recorder to do so. Clones ask the same recorder.
#[derive(Clone)]
pub struct Renamer(Arc<Mutex<Asked>>);

/// A name that is asked for, and who waits for the answer.
type Request = (PathBuf, SyncSender<Result<(), FileError>>);

#[derive(Default)]
enum Asked {
    #[default]
    Nothing,
    Rename(Request),
    /// The recorder is gone.
    Over,
}

impl Renamer {
    pub(super) fn new() -> Renamer {
        Renamer(Arc::default())
    }

    /// Renames the recording `from` and waits until it is done: a fraction of a second, so not on the window's thread.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), FileError> {
        match self.ask(to) {
            // It ended meanwhile: whoever looks at it has no part in its name.
            None => rename(from, to),
            Some(answer) => answer.recv().unwrap_or_else(|_| rename(from, to)),
        }
    }

    fn ask(&self, to: &Path) -> Option<Receiver<Result<(), FileError>>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*asked, Asked::Over) {
            return None;
        }
        let (sender, receiver) = sync_channel(1);
        *asked = Asked::Rename((to.to_owned(), sender));
        Some(receiver)
    }

    /// The name that is asked for, for the recorder.
    pub(super) fn asked(&self) -> Option<Request> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *asked) {
            Asked::Rename(request) => Some(request),
            Asked::Over => {
                *asked = Asked::Over;
                None
            }
            Asked::Nothing => None,
        }
    }

    /// The recorder answers no more; who still waits is told by the end of the channel.
    pub(super) fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Asked::Over;
    }
}
