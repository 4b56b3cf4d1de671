//! Other tools' formats: what a recording can be written as, and what can be read as one.
//!
//! An export is given a [`Chosen`] and writes it out; it sees a session from which secrets were taken, where they were to
//! be. An import turns a file into the events that a tap would have seen, and writes them into a session file.

mod asked;
pub mod curl;
mod detect;
mod export;
mod format;
pub mod har;
pub mod html;
mod import;
pub mod jsonl;
mod output;
pub mod pcapng;
mod shell;
pub mod websocat;

pub use detect::{Found, detect, unknown};
pub use export::{Outgoing, Which, export, is_message_level, not_redacted, outgoing};
pub use format::{Format, Importable};
pub use import::{Imported, Passing, import, import_into_folder, pass_through};
pub use output::write_file;

use crate::session::file::FileError;
use crate::session::{RecordId, Remark, Session};
use std::path::PathBuf;

/// Told how much is done of how much; says whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// What is exported of a recording.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    /// The recording, read to its end.
    pub session: &'a Session,
    /// What to call it: usually its file's name without the ending.
    pub title: &'a str,
    /// The chosen records, rising; `None` for all of them.
    pub ids: Option<&'a [RecordId]>,
    /// The user's remarks, in the order of their records.
    pub remarks: &'a [Remark],
}

impl Chosen<'_> {
    /// Whether a record was chosen.
    pub fn has(&self, id: RecordId) -> bool {
        self.ids.is_none_or(|ids| ids.binary_search(&id).is_ok())
    }
}

/// What could not be carried over, in sentences, each with its count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many things of the format were written or read: entries, packets, records.
    pub written: u64,
    /// What they are called, in the plural.
    pub of: &'static str,
    /// What was left out, changed or guessed.
    pub remarks: Vec<String>,
}

impl Report {
    /// How much was written or read: `1 record`, `12 entries`.
    pub fn amount(&self) -> String {
        let of = match (self.written, self.of.strip_suffix("ies"), self.of.strip_suffix('s')) {
            (1, Some(stem), _) => format!("{stem}y"),
            (1, None, Some(singular)) => singular.to_owned(),
            _ => self.of.to_owned(),
        };
        format!("{} {of}", self.written)
    }
}

/// Why an export or import ended early.
#[derive(Debug, thiserror::Error)]
pub enum InteropError {
    /// The output can't be written.
    #[error("{0}")]
    Write(#[from] std::io::Error),
    /// A session file can't be read or written.
    #[error("{0}")]
    File(#[from] FileError),
    /// The output's file can't be made or written.
    #[error("{}: cannot be written: {why}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system says, and what would help.
        why: String,
    },
    /// Something is there already.
    #[error("{}: there is such a file already, and it is not overwritten unless that is asked for", .0.display())]
    Exists(PathBuf),
    /// The input is not what it should be: what was read, where, and what would help.
    #[error("{0}")]
    Input(String),
    /// There is nothing of the wanted kind: what was looked for, and what would help.
    #[error("{0}")]
    Nothing(String),
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
}
