//! Bookmarks and remarks in a session file. They are the user's own words, kept beside the events, and may be changed
//! while a recorder or another program writes the file.
//!
//! The table is format 2's; `at_ns`, `kind` and `nth` were added to it (see [`StoredRemark`]) and are added to files that
//! lack them with the first remark that is written. Older programs read on over them.

use super::error::{FileError, journal_of};
use super::{Opened, opening};
use crate::session::{Kind, Mark, RecordId, Remark, RemarkPlace, StoredRemark};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// Remarks that are read of a file at most.
const MOST: usize = 100_000;

/// Bytes of the words of a remark that are read at most.
pub const REMARK_BYTES: usize = 64 << 10;

/// How long a write waits for others that write the same file.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS
    remark(id INTEGER PRIMARY KEY, record INTEGER, text TEXT, mark TEXT, at_ns INTEGER, kind TEXT, nth INTEGER)";

/// The columns that files of older programs lack.
const ADDED: [&str; 3] = ["at_ns INTEGER", "kind TEXT", "nth INTEGER"];

/// A change of a file's remarks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemarkChange {
    /// This is the remark on its record from now on.
    Put(StoredRemark),
    /// There is none on the record of that number.
    Remove(RecordId),
}

impl Opened {
    /// The user's remarks as they are now, and what is to say of them in sentences.
    pub fn remarks(&self) -> (Vec<StoredRemark>, Vec<String>) {
        read(self.database())
    }
}

/// The remarks of a file, and what is to say of them in sentences.
pub fn read_remarks(path: &Path) -> Result<(Vec<StoredRemark>, Vec<String>), FileError> {
    let connection = opening::open_checked(path)?;
    Ok(read(&connection))
}

/// Changes the remarks of a file, all or none. Waits for others that write it.
pub fn write_remarks(path: &Path, changes: &[RemarkChange]) -> Result<(), FileError> {
    // Checked by the reader first, so that no other database is ever written to.
    drop(opening::open_checked(path)?);
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => FileError::Write {
            path: path.to_owned(),
            why: "it or its folder is read-only; a copy of it can be written to".to_owned(),
        },
        _ => FileError::writing(path, &error),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    write(&mut connection, path, changes).map_err(failed)
}

/// Copies what can be read of the remarks of one file into another, which was made for it.
pub(super) fn copy(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let (remarks, _) = read(source);
    let changes: Vec<RemarkChange> = remarks.into_iter().map(RemarkChange::Put).collect();
    change(target, &changes)
}

fn write(connection: &mut Connection, path: &Path, changes: &[RemarkChange]) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A recorder that is at work keeps its journal; it would have to make it anew if we took it away.
    let keeps = journal_of(path).exists();
    connection.pragma_update(None, "journal_mode", if keeps { "PERSIST" } else { "DELETE" })?;
    change(connection, changes)
}

/// Changes the remarks of a file that is open to be written, all or none.
pub(super) fn change(connection: &mut Connection, changes: &[RemarkChange]) -> rusqlite::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(TABLE, [])?;
    let columns = columns(&transaction)?;
    for added in ADDED {
        if !columns.iter().any(|column| added.split(' ').next() == Some(column)) {
            transaction.execute(&format!("ALTER TABLE remark ADD COLUMN {added}"), [])?;
        }
    }
    for change in changes {
        let id = match change {
            RemarkChange::Put(stored) => stored.remark.record,
            RemarkChange::Remove(id) => *id,
        };
        transaction.prepare_cached("DELETE FROM remark WHERE record = ?1")?.execute([id as i64])?;
        let RemarkChange::Put(StoredRemark { remark, place }) = change else { continue };
        let mut insert = transaction.prepare_cached(
            "INSERT INTO remark(record, text, mark, at_ns, kind, nth) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute((
            id as i64,
            &remark.text,
            remark.mark.name(),
            place.map(|place| place.at_ns as i64),
            place.map(|place| place.kind.name()),
            place.map(|place| place.nth as i64),
        ))?;
    }
    transaction.commit()
}

fn columns(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info('remark')")?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// What can be read of a connection that was opened to read; nothing in it is trusted.
pub(super) fn read(connection: &Connection) -> (Vec<StoredRemark>, Vec<String>) {
    let mut notices = Vec::new();
    // A view of that name could make reading run whatever its author wished.
    let is_table = connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND lower(name) = 'remark'",
            [],
            |_| Ok(()),
        )
        .optional();
    let mut remarks = Vec::new();
    let done = is_table.and_then(|is_table| match is_table {
        Some(()) => read_rows(connection, &mut remarks, &mut notices),
        None => Ok(()),
    });
    if let Err(error) = done {
        notices.push(format!("of its remarks {} could be read: {error}", remarks.len()));
    }
    (remarks, notices)
}

fn read_rows(
    connection: &Connection,
    remarks: &mut Vec<StoredRemark>,
    notices: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let has_place =
        columns(connection)?.iter().filter(|name| matches!(name.as_str(), "at_ns" | "kind" | "nth")).count();
    let place = if has_place == ADDED.len() { "at_ns, kind, nth" } else { "NULL, NULL, NULL" };
    let select = format!("SELECT record, text, mark, {place} FROM remark ORDER BY id LIMIT ?1");
    let mut statement = connection.prepare(&select)?;
    let mut rows = statement.query([MOST as i64 + 1])?;
    let (mut senseless, mut shortened) = (0, 0);
    while let Some(row) = rows.next()? {
        if remarks.len() == MOST {
            notices.push(format!("it has more than {MOST} remarks; the others are left out"));
            break;
        }
        let Some(id) = row.get::<_, i64>(0).ok().and_then(|id| RecordId::try_from(id).ok()) else {
            senseless += 1;
            continue;
        };
        let mut text = row.get::<_, String>(1).unwrap_or_default();
        if text.len() > REMARK_BYTES {
            text.truncate(text.floor_char_boundary(REMARK_BYTES));
            shortened += 1;
        }
        let mark = row.get::<_, String>(2).ok().and_then(|name| Mark::named(&name)).unwrap_or_default();
        let kind = row.get::<_, String>(4).ok().and_then(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name));
        let number = |column: usize| row.get::<_, i64>(column).ok().and_then(|number| u64::try_from(number).ok());
        let place = number(3).zip(number(5)).zip(kind).map(|((at_ns, nth), kind)| RemarkPlace { at_ns, kind, nth });
        remarks.push(StoredRemark { remark: Remark { record: id, text, mark }, place });
    }
    if senseless > 0 {
        notices.push(format!("{senseless} of its remarks name no record and are left out"));
    }
    if shortened > 0 {
        notices.push(format!("{shortened} of its remarks are longer than {REMARK_BYTES} bytes and are cut there"));
    }
    Ok(())
}
