//! Reading a recording back: every event that can be read, and a clear word on what cannot.
//!
//! Files may come from strangers. They are opened read-only, what they call tables must be tables, and nothing in them
//! is trusted: a row that makes no sense is damage, which is told and stepped over.

use super::archive::{FileArchive, Holes};
use super::error::FileError;
use super::opening::{self, How, allow_truncated, connect, connect_immutable};
use super::{folder, schema, writing};
use crate::session::Archive;
use crate::wire::{ConnectionId, ConnectionInfo, Entry};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// What an event counts for in a batch beyond its bytes.
const EVENT_COST_BYTES: usize = 64;

/// A session file that is being read.
pub struct Opened {
    path: PathBuf,
    connection: Connection,
    how: How,
    /// A part of the last page is missing. SQLite reads zeros there, so the last row that seems whole may not be.
    is_last_row_doubtful: bool,
    notices: Vec<String>,
    started_unix_ns: i64,
    ended_at: Option<String>,
    /// The next event's number in the file.
    next: u64,
    /// How many events were delivered.
    delivered: u64,
    unverified: u64,
    total: u64,
    last_connection: u32,
    are_connections_readable: bool,
    errors: VecDeque<FileError>,
    is_at_end: bool,
    holes: Holes,
}

impl Opened {
    /// Opens a session file to read it. A recording whose program was killed is set right first, where the file may be
    /// written.
    pub fn open(path: &Path) -> Result<Opened, FileError> {
        let opening::Opening { connection, how, mut notices } = opening::open(path)?;
        let meta = |key| schema::meta(&connection, key).unwrap_or(None);
        let started_unix_ns = meta("started_at").and_then(|text| folder::unix_ns(&text)).unwrap_or_else(|| {
            notices.push("the time of its beginning is missing; times of day are not known".to_owned());
            0
        });
        if let Some(failed) = meta("failed") {
            notices.push(format!("it is not complete, for its recorder could not go on: {failed}"));
        }
        match unordered(&connection).unwrap_or(0) {
            0 => {}
            1 => notices.push("one of its events has no place in the order, and is left out".to_owned()),
            some => notices.push(format!("{some} of its events have no place in the order, and are left out")),
        }
        let is_last_row_doubtful = opening::is_last_page_short(path, &connection);
        let (ended_at, total) = (meta("ended_at"), total(&connection));
        Ok(Opened {
            path: path.to_owned(),
            connection,
            how,
            is_last_row_doubtful,
            notices,
            started_unix_ns,
            ended_at,
            next: 0,
            delivered: 0,
            unverified: 0,
            total,
            last_connection: 0,
            are_connections_readable: true,
            errors: VecDeque::new(),
            is_at_end: false,
            holes: Holes::default(),
        })
    }

    /// Wall-clock time of the start, in nanoseconds since 1970; 0 where unknown.
    pub fn started_unix_ns(&self) -> i64 {
        self.started_unix_ns
    }

    /// Whether the recorder ended it, rather than being killed, losing power, or failing. A recording that is still
    /// being written has not been ended either.
    pub fn was_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// Whether a living program writes it now.
    pub fn is_written(&self) -> bool {
        !self.was_ended() && writing::is_written(&self.path, &self.connection)
    }

    /// What is to say of the file as a whole, in sentences: what was repaired, what is missing.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The next entries, of about `max_bytes` together; none at the end.
    ///
    /// An error is told after everything before it was delivered. Reading may go on after it: the next call delivers
    /// what can be read behind the damage, or nothing.
    pub fn next_batch(&mut self, max_bytes: usize) -> Result<Vec<Entry>, FileError> {
        let mut batch = Vec::new();
        if self.errors.is_empty() && !self.is_at_end {
            self.read(&mut batch, max_bytes);
        }
        match self.errors.pop_front() {
            Some(error) if batch.is_empty() => Err(error),
            Some(error) => {
                self.errors.push_front(error);
                Ok(batch)
            }
            None => Ok(batch),
        }
    }

    /// How far reading is: events done, events in all.
    pub fn progress(&self) -> (u64, u64) {
        (self.next, self.total.max(self.next))
    }

    /// How many events were delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// How many of the events that were delivered have no checksum, so that nobody can tell whether they are as written.
    pub fn unverified(&self) -> u64 {
        self.unverified
    }

    /// What the file says of itself by this key of its table `meta`.
    pub fn meta(&self, key: &str) -> Option<String> {
        schema::meta(&self.connection, key).unwrap_or(None)
    }

    /// The connection to the file, for those who look at it as a database.
    pub(super) fn database(&self) -> &Connection {
        &self.connection
    }

    /// Looks whether events have come since the end was reached; then there are batches to read again.
    pub fn has_grown(&mut self) -> bool {
        if self.how == How::Plainly && self.is_at_end {
            self.total = total(&self.connection);
            self.is_at_end = self.total <= self.next;
            self.ended_at = schema::meta(&self.connection, "ended_at").unwrap_or(None);
        }
        !self.is_at_end
    }

    /// The file as a place to fetch bytes from. It knows of events that could not be read, also of those that are
    /// stepped over later.
    pub fn archive(&self) -> Result<Box<dyn Archive>, FileError> {
        let connection = match self.how {
            How::Plainly => connect(&self.path)?,
            How::Immutable => connect_immutable(&self.path)?,
            How::Truncated => connect(&self.path).inspect(allow_truncated)?,
        };
        Ok(Box::new(FileArchive { connection, holes: self.holes.clone() }))
    }

    fn read(&mut self, batch: &mut Vec<Entry>, max_bytes: usize) {
        match self.read_rows(batch, max_bytes) {
            Ok(is_at_end) => self.is_at_end = is_at_end,
            Err(why) => match readable_from(&self.connection, self.next) {
                Some(resume) => self.step_over(resume, why),
                None => {
                    self.errors.push_back(self.damage(why, None));
                    self.is_at_end = true;
                }
            },
        }
        if self.is_at_end {
            self.give_connections(u32::MAX, batch);
        }
    }

    fn damage(&self, why: String, lost: Option<u64>) -> FileError {
        FileError::Damaged { path: self.path.clone(), event: self.next, why, read: self.delivered, lost }
    }

    /// Goes on at event `resume`, and says so.
    fn step_over(&mut self, resume: u64, why: String) {
        self.errors.push_back(self.damage(why, Some(resume - self.next)));
        let shift = resume - self.delivered;
        self.holes.lock().unwrap_or_else(PoisonError::into_inner).push((self.delivered, shift));
        self.next = resume;
    }

    /// Reads rows until the batch is full, something is wrong, or there are no more (`true`).
    fn read_rows(&mut self, batch: &mut Vec<Entry>, max_bytes: usize) -> Result<bool, String> {
        let mut cost = 0;
        // One statement a batch, so that a recorder that writes the file is not held up between batches.
        let at_least = if self.is_last_row_doubtful { 2 } else { 1 };
        let mut found = rows(&self.connection, self.next, max_bytes, at_least).map_err(|error| error.to_string())?;
        if self.is_last_row_doubtful {
            found.hold_back_last();
        }
        loop {
            let row = match found.rows.pop_front() {
                Some(row) => row,
                None => return found.after.map(|is_more| !is_more),
            };
            let events = match row.events {
                // Reading goes on at the next event, so these do not come again.
                _ if row.seq < self.next => {
                    let why = format!("row {} repeats events that came before", row.seq);
                    self.errors.push_back(self.damage(why, Some(0)));
                    return Ok(false);
                }
                Err(why) => {
                    // A damaged table may give the same row again and again.
                    let behind = row.seq.saturating_add(1);
                    let resume = found.rows.front().map_or(behind, |next| next.seq.max(behind));
                    self.step_over(resume, why);
                    return Ok(false);
                }
                Ok(events) => events,
            };
            if row.seq > self.next {
                self.step_over(row.seq, "rows are missing".to_owned());
            }
            if let Some(connection) = row.connection {
                self.give_connections(connection, batch);
            }
            match row.is_intact {
                Some(true) => {}
                Some(false) => {
                    let (path, last) = (self.path.clone(), row.seq + (events.len() as u64).saturating_sub(1));
                    self.errors.push_back(FileError::Altered { path, first: row.seq, last });
                }
                None => self.unverified += events.len() as u64,
            }
            self.next += events.len() as u64;
            self.delivered += events.len() as u64;
            cost += events.iter().map(|event| event.what.len_bytes() + EVENT_COST_BYTES).sum::<usize>();
            batch.extend(events.into_iter().map(Entry::Event));
            if !self.errors.is_empty() || (cost >= max_bytes && found.rows.is_empty()) {
                return Ok(false);
            }
        }
    }

    /// Delivers the connections up to number `last`: a connection comes before its first event, as it did live.
    fn give_connections(&mut self, last: u32, batch: &mut Vec<Entry>) {
        if last <= self.last_connection || !self.are_connections_readable {
            return;
        }
        let read = || -> rusqlite::Result<Vec<ConnectionInfo>> {
            let mut statement = self
                .connection
                .prepare_cached("SELECT id, spec, label FROM connection WHERE id > ?1 AND id <= ?2 ORDER BY id")?;
            let info = |row: &rusqlite::Row<'_>| {
                Ok(ConnectionInfo { id: ConnectionId(row.get(0)?), spec: row.get(1)?, label: row.get(2)? })
            };
            statement.query_map([self.last_connection, last], info)?.collect()
        };
        let mut delivered = last;
        match read() {
            Ok(connections) => {
                if last == u32::MAX {
                    // All there are by now; a recording that grows may get others.
                    delivered = connections.last().map_or(self.last_connection, |newest| newest.id.0);
                }
                batch.extend(connections.into_iter().map(Entry::Connection));
            }
            Err(error) => {
                self.are_connections_readable = false;
                let why = format!("what the connections were asked for is damaged: {error}");
                self.errors.push_back(self.damage(why, Some(0)));
            }
        }
        self.last_connection = delivered;
    }
}

/// Rows that were read, and what came after them: more (`true`), the end, or an error.
struct Found {
    rows: VecDeque<schema::ReadRow>,
    after: Result<bool, String>,
}

impl Found {
    /// Leaves the last row for the next time, or for good where nothing comes after it.
    fn hold_back_last(&mut self) {
        if self.rows.pop_back().is_some() && self.after != Ok(true) {
            self.after = Err("a part of it may lie where the file ends too early".to_owned());
        }
    }
}

fn rows(connection: &Connection, from: u64, max_bytes: usize, at_least: usize) -> rusqlite::Result<Found> {
    let Ok(from) = i64::try_from(from) else {
        return Ok(Found { rows: VecDeque::new(), after: Ok(false) });
    };
    let columns = schema::columns(connection)?;
    let mut statement =
        connection.prepare_cached(&format!("SELECT {columns} FROM event WHERE seq >= ?1 ORDER BY seq"))?;
    let mut rows = statement.query([from])?;
    let (mut found, mut cost) = (VecDeque::new(), 0);
    let after = loop {
        match rows.next().and_then(|row| row.map(schema::read).transpose()) {
            Ok(Some(row)) => {
                let events = row.events.iter().flatten();
                cost += events.map(|event| event.what.len_bytes() + EVENT_COST_BYTES).sum::<usize>();
                found.push_back(row);
            }
            Ok(None) => break Ok(false),
            Err(error) => break Err(error.to_string()),
        }
        if cost >= max_bytes && found.len() >= at_least {
            break Ok(true);
        }
    };
    Ok(Found { rows: found, after })
}

/// The lowest number above `damaged` from which a row can be read again, found without reading all that lies between.
fn readable_from(connection: &Connection, damaged: u64) -> Option<u64> {
    let probe = |seq: u64| match rows(connection, seq, 1, 1) {
        Ok(mut found) => match (found.rows.pop_front(), found.after) {
            (Some(row), _) => (row.seq >= seq).then_some(Some(row.seq)),
            (None, Ok(_)) => Some(None), // No rows: the end is reached without fault.
            (None, Err(_)) => None,
        },
        Err(_) => None,
    };
    let (mut bad, mut step) = (damaged, 1);
    let mut good = loop {
        let seq = damaged.checked_add(step).filter(|seq| *seq < i64::MAX as u64)?;
        match probe(seq) {
            Some(row) => break (seq, row?),
            None => (bad, step) = (seq, step * 2),
        }
    };
    while good.0 - bad > 1 {
        let middle = bad + (good.0 - bad) / 2;
        match probe(middle) {
            Some(Some(row)) => good = (middle, row),
            _ => bad = middle,
        }
    }
    Some(good.1)
}

/// How many events have no number that an event can have.
fn unordered(connection: &Connection) -> rusqlite::Result<i64> {
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    // Only a table that no recorder made lets the number be missing; looking for that goes through all of it.
    let is_key = count("SELECT count(*) FROM pragma_table_info('event') WHERE name = 'seq' AND pk = 1")? > 0;
    let missing = if is_key { 0 } else { count("SELECT count(*) FROM event WHERE seq IS NULL")? };
    Ok(missing + count("SELECT count(*) FROM event WHERE seq < 0")?)
}

/// How many events a file has, as far as its last row can be read.
fn total(connection: &Connection) -> u64 {
    let columns = schema::COLUMNS;
    let last = connection.query_row(
        &format!("SELECT {columns} FROM event WHERE seq = (SELECT max(seq) FROM event)"),
        [],
        |row| schema::read(row).map(|row| row.seq.saturating_add(row.events.map_or(1, |events| events.len() as u64))),
    );
    last.unwrap_or(0)
}
