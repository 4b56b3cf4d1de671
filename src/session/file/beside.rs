//! What a session file says of itself as a whole, as a changed copy takes it over.

use super::Opened;
use rusqlite::Connection;

/// Lines that each file has of its own.
const OWN: [&str; 4] = ["format", "started_at", "ended_at", "program"];

/// Lines that are taken over at most; a recording has a few.
const MOST: i64 = 10_000;

impl Opened {
    /// The lines about the file as a whole that a copy takes over, as far as they can be read: name and text.
    pub fn lines(&self) -> Vec<(String, String)> {
        lines(self.database()).unwrap_or_default()
    }
}

fn lines(database: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut select = database.prepare("SELECT key, value FROM meta ORDER BY key LIMIT ?1")?;
    let rows = select.query_map([MOST], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.filter(|row| row.as_ref().is_ok_and(|(key, _): &(String, String)| !OWN.contains(&key.as_str()))).collect()
}
