//! What a session file has beside its events, as a changed copy takes it over: lines about the whole, and remarks.

use super::error::FileError;
use super::{Opened, SessionWriter};
use rusqlite::Connection;

/// Lines that each file has of its own.
const OWN: [&str; 5] = ["format", "started_at", "ended_at", "program", "failed"];

/// Remarks and lines that are taken over at most; a recording has far fewer.
const MOST: i64 = 1_000_000;

/// What a file has beside its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Lines about the file as a whole: name and text.
    pub lines: Vec<(String, String)>,
    /// Remarks: the record, the text and the mark, as the file has them.
    pub remarks: Vec<(i64, String, String)>,
}

impl Opened {
    /// What the file has beside its events, as far as that can be read.
    pub fn beside(&self) -> Beside {
        let database = self.database();
        Beside { lines: lines(database).unwrap_or_default(), remarks: remarks(database).unwrap_or_default() }
    }
}

fn lines(database: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut select = database.prepare("SELECT key, value FROM meta ORDER BY key LIMIT ?1")?;
    let rows = select.query_map([MOST], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.filter(|row| row.as_ref().is_ok_and(|(key, _): &(String, String)| !OWN.contains(&key.as_str()))).collect()
}

fn remarks(database: &Connection) -> rusqlite::Result<Vec<(i64, String, String)>> {
    let mut select = database.prepare("SELECT record, text, mark FROM remark ORDER BY id LIMIT ?1")?;
    let rows = select.query_map([MOST], |row| {
        let (text, mark): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, text.unwrap_or_default(), mark.unwrap_or_default()))
    })?;
    rows.collect()
}

impl SessionWriter {
    /// Takes over what another file has beside its events.
    pub fn put_beside(&mut self, beside: &Beside) -> Result<(), FileError> {
        for (key, value) in &beside.lines {
            self.set_meta(key, value)?;
        }
        let Some(connection) = self.database() else { return Ok(()) };
        let put = || {
            let transaction = connection.unchecked_transaction()?;
            for (record, text, mark) in &beside.remarks {
                transaction
                    .execute("INSERT INTO remark(record, text, mark) VALUES(?1, ?2, ?3)", (record, text, mark))?;
            }
            transaction.commit()
        };
        put().map_err(|error| FileError::writing(self.path(), &error))
    }
}
