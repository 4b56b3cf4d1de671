//! Verifying a session file: its pages, its rows, its checksums, and what its events add up to.

use super::{FileError, Opened};
use crate::session::{Session, Store};
use crate::wire::{Dir, Entry, What};
use std::collections::HashSet;
use std::path::Path;

/// Bytes of the file that are taken at a time.
const BATCH_BYTES: usize = 4 << 20;

/// Problems that are told one by one; what is beyond is counted.
const MOST_PROBLEMS: usize = 100;

/// How a recording came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its recorder ended it, at this time (RFC 3339).
    Ended(String),
    /// Its recorder could not go on, for this reason.
    Failed(String),
    /// It has no end: its program was killed, or writes it still.
    Open,
}

/// What a session file was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The format that it says it has.
    pub format: String,
    /// The program that wrote it.
    pub program: String,
    /// When it began (RFC 3339); empty where that is missing.
    pub started_at: String,
    /// How it ended.
    pub condition: Condition,
    /// Connections that were asked for.
    pub connections: u64,
    /// Links that were opened.
    pub links: u64,
    /// Events that could be read.
    pub events: u64,
    /// Of those, how many have no checksum: written before there was one.
    pub unverified: u64,
    /// Bytes of the wire, out and in.
    pub bytes: [u64; 2],
    /// Records that the events make.
    pub records: u64,
    /// The time of the newest event, in nanoseconds since the beginning.
    pub last_at_ns: u64,
    /// What is wrong with it, in sentences; none where it is sound.
    pub problems: Vec<String>,
    /// Problems beyond those.
    pub further_problems: u64,
}

impl Checked {
    /// Whether nothing is wrong with it. A recording that was cut off, or is still written, is sound as far as it goes.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, text: String) {
        match self.problems.len() < MOST_PROBLEMS {
            true => self.problems.push(text),
            false => self.further_problems += 1,
        }
    }
}

/// Reads all of a session file and says what it is and what is wrong with it. `progress` is told how many events were read
/// of how many, and says whether to go on. An error is told only where nothing at all can be read.
pub fn check(path: &Path, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Checked, FileError> {
    let mut opened = Opened::open(path)?;
    let meta = |key| opened.meta(key);
    let condition = match (meta("ended_at"), meta("failed")) {
        (_, Some(why)) => Condition::Failed(why),
        (Some(at), None) => Condition::Ended(at),
        (None, None) => Condition::Open,
    };
    let mut checked = Checked {
        format: meta("format").unwrap_or_default(),
        program: meta("program").unwrap_or_default(),
        started_at: meta("started_at").unwrap_or_default(),
        condition,
        connections: 0,
        links: 0,
        events: 0,
        unverified: 0,
        bytes: [0, 0],
        records: 0,
        last_at_ns: 0,
        problems: Vec::new(),
        further_problems: 0,
    };
    opened.notices().iter().for_each(|notice| checked.problem(notice.clone()));
    if !progress(0, 1) {
        return Err(FileError::Stopped { path: path.to_owned() });
    }
    // A session of its own, which keeps nothing: the events must make records, and not be too much for it.
    let mut session = Session::new(Store::newest(), opened.started_unix_ns());
    let mut unopened = HashSet::new();
    loop {
        match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => break,
            Ok(entries) => {
                for entry in entries {
                    if let Entry::Event(event) = &entry {
                        let mut is_unopened = || session.link(event.link).is_none() && unopened.insert(event.link);
                        if matches!(event.what, What::Bytes(..)) && is_unopened() {
                            checked.problem(format!("link {} has bytes and was never opened", event.link.0));
                        }
                    }
                    session.take(entry);
                }
                session.forget_told();
            }
            Err(error) => {
                let text = error.to_string();
                let prefix = format!("{}: ", path.display());
                checked.problem(text.strip_prefix(&prefix).unwrap_or(&text).to_owned());
            }
        }
        let (done, total) = opened.progress();
        if !progress(done, total) {
            return Err(FileError::Stopped { path: path.to_owned() });
        }
    }
    look_at_pages(&opened, &mut checked);
    checked.events = opened.delivered();
    checked.unverified = opened.unverified();
    checked.connections = session.connections().len() as u64;
    checked.links = session.links().len() as u64;
    checked.bytes = [session.totals().bytes[Dir::Out.index()], session.totals().bytes[Dir::In.index()]];
    checked.records = session.records().len() as u64;
    checked.last_at_ns = session.last_at_ns();
    Ok(checked)
}

/// Asks SQLite whether the pages of the file hang together.
fn look_at_pages(opened: &Opened, checked: &mut Checked) {
    let found = || -> rusqlite::Result<Vec<String>> {
        let mut statement = opened.database().prepare(&format!("PRAGMA integrity_check({MOST_PROBLEMS})"))?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    match found() {
        Ok(lines) => {
            let lines: Vec<&str> = lines.iter().flat_map(|line| line.lines()).filter(|line| *line != "ok").collect();
            // What a damaged page no longer leads to would fill the list.
            let (unreached, lines): (Vec<&str>, Vec<&str>) =
                lines.iter().partition(|line| line.ends_with("never used"));
            lines.iter().for_each(|line| checked.problem(format!("the database says: {line}")));
            match unreached.len() {
                0 => {}
                count if count + lines.len() < MOST_PROBLEMS => {
                    checked.problem(format!("the database says: {count} of its pages cannot be reached any more"));
                }
                count => {
                    checked
                        .problem(format!("the database says: {count} of its pages or more cannot be reached any more"));
                }
            }
        }
        Err(error) => checked.problem(format!("the database cannot be looked through: {error}")),
    }
}
