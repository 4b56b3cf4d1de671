//! *Save as*: a copy of a recording, taken also while it is being written.
//!
//! SQLite's backup copies page by page and begins again whenever another connection has written in between, which a
//! recorder does several times a second. A file that is too large to be copied between two commits is therefore copied
//! row by row instead: events are only ever appended, so rows below a number stay what they are.

use super::error::{FileError, journal_of};
use super::{opening, recorder, remarks, schema};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, types::Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pages that are copied between two calls of `progress`: 8 MiB.
const STEP_PAGES: i32 = 512;

/// Bytes of rows that are copied between two calls of `progress`.
const STEP_BYTES: usize = 8 << 20;

/// How often a backup may begin again.
const RESTARTS: u32 = 2;

/// Copies a recording. `progress` is told how much is done of how much, and says whether to go on. What was at `to`
/// stays whole until the copy is complete.
pub fn save_copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<(), FileError> {
    let source = opening::open_checked(from)?;
    if to.canonicalize().is_ok_and(|to| from.canonicalize().is_ok_and(|from| from == to)) {
        return Err(FileError::Exists { path: to.to_owned() });
    }
    if to.is_dir() {
        return Err(FileError::Folder { path: to.to_owned() });
    }
    let part = part_of(to);
    if !progress(0, 1) {
        return Err(cancelled(to));
    }
    let copied = pages(from, &source, to, &part, progress).and_then(|is_done| {
        if is_done {
            return Ok(());
        }
        remove(&part);
        rows(from, &source, to, &part, progress)
    });
    let saved = copied.and_then(|()| finish(&part, to));
    if saved.is_err() {
        remove(&part);
    }
    saved
}

/// The name under which a copy is made: beside the file that it will be.
fn part_of(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn remove(part: &Path) {
    let _ = std::fs::remove_file(part);
    let _ = std::fs::remove_file(journal_of(part));
}

fn cancelled(to: &Path) -> FileError {
    FileError::Cancelled { path: to.to_owned() }
}

/// A failure of the copy: of its source where that is damaged, else of its target.
fn failed(from: &Path, to: &Path, error: &rusqlite::Error) -> FileError {
    match FileError::reading(from, error) {
        damaged @ FileError::Unreadable { .. } => damaged,
        _ => match FileError::writing(to, error) {
            FileError::Vanished { path } => FileError::Write { path, why: error.to_string() },
            other => other,
        },
    }
}

/// Copies page by page; `false` where the source is being written faster than that.
fn pages(
    from: &Path,
    source: &Connection,
    to: &Path,
    part: &Path,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<bool, FileError> {
    remove(part);
    std::fs::File::create_new(part).map_err(|error| FileError::creating(to, &error))?;
    let fail = |error: rusqlite::Error| failed(from, to, &error);
    let mut target = Connection::open(part).map_err(fail)?;
    let backup = Backup::new(source, &mut target).map_err(fail)?;
    let (mut restarts, mut remaining) = (0, i32::MAX);
    while restarts <= RESTARTS {
        match backup.step(STEP_PAGES).map_err(fail)? {
            StepResult::Done => return Ok(true),
            StepResult::More => {}
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
        let now = backup.progress();
        restarts += u32::from(now.remaining >= remaining);
        remaining = now.remaining;
        if !progress((now.pagecount - now.remaining).max(0) as u64, now.pagecount.max(0) as u64) {
            return Err(cancelled(to));
        }
    }
    Ok(false)
}

/// Copies row by row, up to the last event that there is at the beginning.
fn rows(
    from: &Path,
    source: &Connection,
    to: &Path,
    part: &Path,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<(), FileError> {
    let fail = |error: rusqlite::Error| failed(from, to, &error);
    let mut target = recorder::create(part, 0)?;
    let last: i64 = source.query_row("SELECT coalesce(max(seq), -1) FROM event", [], |row| row.get(0)).map_err(fail)?;
    let mut next = 0;
    while next <= last {
        next = move_events(source, &mut target, next, last).map_err(fail)?;
        if !progress(next.max(0) as u64, last.max(0) as u64 + 1) {
            return Err(cancelled(to));
        }
    }
    let small = [
        ("SELECT key, value FROM meta", "INSERT OR REPLACE INTO meta VALUES(?1, ?2)"),
        ("SELECT id, spec, label FROM connection", "INSERT INTO connection VALUES(?1, ?2, ?3)"),
    ];
    for (select, insert) in small {
        move_rows(source, &mut target, select, insert, []).map_err(fail)?;
    }
    remarks::copy(source, &mut target).map_err(fail)?;
    target.pragma_update(None, "journal_mode", "DELETE").map_err(fail)
}

fn move_events(source: &Connection, target: &mut Connection, next: i64, last: i64) -> rusqlite::Result<i64> {
    let crc = if schema::columns(source)? == schema::COLUMNS { "NULL" } else { "crc" };
    let select = format!(
        "SELECT seq, at_ns, link, connection, what, detail, bytes, {crc} FROM event
        WHERE seq >= ?1 AND seq <= ?2 ORDER BY seq"
    );
    let seq = move_rows(source, target, &select, schema::INSERT, [next, last])?;
    Ok(seq.map_or(last + 1, |seq| seq + 1))
}

/// Copies rows of about [`STEP_BYTES`]; the first column of the last of them, or nothing where all are copied.
fn move_rows<const N: usize>(
    source: &Connection,
    target: &mut Connection,
    select: &str,
    insert: &str,
    bounds: [i64; N],
) -> rusqlite::Result<Option<i64>> {
    let mut select = source.prepare_cached(select)?;
    let columns = select.column_count();
    let mut rows = select.query(rusqlite::params_from_iter(bounds))?;
    let transaction = target.transaction()?;
    let mut stopped_at = None;
    {
        let mut insert = transaction.prepare_cached(insert)?;
        let mut copied = 0;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<Vec<Value>>>()?;
            insert.execute(rusqlite::params_from_iter(&values))?;
            copied +=
                values.iter().map(|value| if let Value::Blob(blob) = value { blob.len() } else { 64 }).sum::<usize>();
            if let (Value::Integer(seq), true) = (&values[0], N > 0 && copied >= STEP_BYTES) {
                stopped_at = Some(*seq);
                break;
            }
        }
    }
    transaction.commit()?;
    Ok(stopped_at)
}

/// The copy is a recording that ended, whatever its source goes on to be; it takes its place.
fn finish(part: &Path, to: &Path) -> Result<(), FileError> {
    let mark = || {
        let target = Connection::open(part)?;
        if schema::meta(&target, "ended_at")?.is_none() && schema::meta(&target, "failed")?.is_none() {
            schema::set_meta(&target, "ended_at", &jiff::Timestamp::now().to_string())?;
        }
        Ok(())
    };
    mark().map_err(|error: rusqlite::Error| failed(part, to, &error))?;
    let place = || {
        std::fs::OpenOptions::new().write(true).open(part)?.sync_all()?;
        std::fs::rename(part, to)
    };
    place().map_err(|error| FileError::creating(to, &error))
}
