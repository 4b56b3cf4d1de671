//! What can go wrong with a session file, in sentences: what was done, to which file, and what would help.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// A session file could not be made, written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The sentences say what the fields are.
pub enum FileError {
    /// Nothing is there.
    #[error("{}: there is no such file", path.display())]
    NotFound { path: PathBuf },
    /// A folder was named where a file is wanted.
    #[error("{}: this is a folder; name a .pushscope file in it", path.display())]
    Folder { path: PathBuf },
    /// The operating system refused.
    #[error("{}: no permission to read it; its owner can grant it", path.display())]
    Permission { path: PathBuf },
    /// No bytes.
    #[error("{}: the file is empty; a recording that ended before its first byte was written looks like that", path.display())]
    Empty { path: PathBuf },
    /// Not SQLite.
    #[error("{}: not a Pushscope recording: it begins with {begins}", path.display())]
    NotARecording { path: PathBuf, begins: String },
    /// SQLite, and not ours.
    #[error("{}: an SQLite database, but not a Pushscope recording: {why}", path.display())]
    Foreign { path: PathBuf, why: String },
    /// Written by a later program.
    #[error(
        "{}: written in format {version}, and this program knows formats up to {known}; a newer Pushscope can open it",
        path.display()
    )]
    Newer { path: PathBuf, version: i64, known: i64 },
    /// A stretch cannot be read.
    #[error(
        "{}: damaged at event {event}: {why}; {read} events before it were read{}",
        path.display(),
        match lost {
            Some(0) => ", and reading goes on behind it".to_owned(),
            Some(1) => ", 1 is lost, and reading goes on after it".to_owned(),
            Some(lost) => format!(", {lost} are lost, and reading goes on after them"),
            None => ", and nothing after it can be".to_owned(),
        }
    )]
    Damaged { path: PathBuf, event: u64, why: String, read: u64, lost: Option<u64> },
    /// Bytes are not what was written.
    #[error(
        "{}: {} not as written: the checksum differs; shown as found",
        path.display(),
        if first == last { format!("event {first} is") } else { format!("events {first} to {last} are") }
    )]
    Altered { path: PathBuf, first: u64, last: u64 },
    /// Damaged before the first event.
    #[error("{}: damaged: {why}; nothing of it can be read", path.display())]
    Unreadable { path: PathBuf, why: String },
    /// The recorder was killed in the middle of a write, and the place does not let us set that right.
    #[error(
        "{}: its recording was cut off in the middle of a write and the file cannot be repaired where it is ({why}); \
         copy it, together with {}, to a folder that can be written to, and open it there",
        path.display(),
        journal_of(path).file_name().unwrap_or_default().display()
    )]
    CutOff { path: PathBuf, why: String },
    /// No room.
    #[error("{}: the disk is full; make room on it, or record to another one", path.display())]
    DiskFull { path: PathBuf },
    /// The file or its folder is gone.
    #[error("{}: the file or its folder was moved or deleted while it was written", path.display())]
    Vanished { path: PathBuf },
    /// Something is there already.
    #[error("{}: there is such a file already, and recordings are not overwritten", path.display())]
    Exists { path: PathBuf },
    /// The file cannot be made.
    #[error("{}: cannot be created: {why}; choose a folder that can be written to", path.display())]
    CannotCreate { path: PathBuf, why: String },
    /// Another program holds the file.
    #[error("{}: another program keeps it locked", path.display())]
    Locked { path: PathBuf },
    /// Another failed read.
    #[error("{}: cannot be read: {why}", path.display())]
    Read { path: PathBuf, why: String },
    /// Another failed write.
    #[error("{}: cannot be written: {why}", path.display())]
    Write { path: PathBuf, why: String },
    /// Marked as not to be written to.
    #[error("{}: the file may only be read; allow writing to it, or save a copy and change that", path.display())]
    ReadOnly { path: PathBuf },
    /// Another program records into it.
    #[error("{}: another program is recording it; end the recording there first", path.display())]
    Recording { path: PathBuf },
    /// The operating system does not move it.
    #[error("{}: cannot be renamed to {}: {why}", path.display(), to.display())]
    CannotRename { path: PathBuf, to: PathBuf, why: String },
    /// The user stopped a copy.
    #[error("{}: not saved, it was stopped", path.display())]
    Cancelled { path: PathBuf },
    /// The user stopped reading.
    #[error("{}: reading it was stopped", path.display())]
    Stopped { path: PathBuf },
    /// The user has no home folder that is known.
    #[error("there is no folder for recordings: the home folder is not known; set PUSHSCOPE_DATA_DIR to one")]
    NoHome,
}

impl FileError {
    /// A write that SQLite refused.
    pub(super) fn writing(path: &Path, error: &rusqlite::Error) -> FileError {
        let path = path.to_owned();
        match error.sqlite_error().map(|e| (e.code, e.extended_code)) {
            Some((ErrorCode::DiskFull, _)) => FileError::DiskFull { path },
            Some((_, rusqlite::ffi::SQLITE_READONLY_DBMOVED)) => FileError::Vanished { path },
            Some(_) if std::fs::symlink_metadata(&path).is_err() => FileError::Vanished { path },
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => FileError::Locked { path },
            _ => FileError::Write { path, why: error.to_string() },
        }
    }

    /// A read that SQLite refused, of a file that is known to be a recording.
    pub(super) fn reading(path: &Path, error: &rusqlite::Error) -> FileError {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FileError::Locked { path },
            Some(ErrorCode::DatabaseCorrupt) => FileError::Unreadable { path, why: error.to_string() },
            _ => FileError::Read { path, why: error.to_string() },
        }
    }

    /// A file that the operating system would not create.
    pub(in crate::session) fn creating(path: &Path, error: &std::io::Error) -> FileError {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => FileError::Exists { path },
            std::io::ErrorKind::StorageFull => FileError::DiskFull { path },
            _ => FileError::CannotCreate { path, why: error.to_string() },
        }
    }
}

/// The rollback journal beside a database.
pub(super) fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-journal");
    path.with_file_name(name)
}
