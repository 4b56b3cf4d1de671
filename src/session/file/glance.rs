//! What a recording says of itself without being read: for lists of many. And what may be changed of it: its tags.

use super::error::FileError;
use super::{opening, schema, writing};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Addresses that are told of a recording.
const MOST_ADDRESSES: usize = 8;

/// Tags of a recording, and bytes of each, at most.
const MOST_TAGS: usize = 32;
const TAG_BYTES: usize = 64;

/// The lines of `meta` for tags and for a recording that nobody wants to be asked about any more.
const TAGS: &str = "tags";
const PUT_AWAY: &str = "cut_off_put_away_at";

/// How a recording ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    #[default]
    Ended,
    /// Its recorder could not go on, for this reason.
    Failed(String),
    /// Not yet: a program is writing it.
    Recording,
    /// The program that wrote it was killed, or the machine lost power.
    CutOff,
}

/// What a recording says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// Wall-clock time of the start, in nanoseconds since 1970; 0 where unknown.
    pub started_unix_ns: i64,
    /// The time of the last event, in nanoseconds since the start.
    pub length_ns: u64,
    /// Events in it.
    pub events: u64,
    /// What was connected to, each address once, the first few.
    pub addresses: Vec<String>,
    /// How many connections were asked for.
    pub connections: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// Whether it was cut off and the user wants to hear no more of that.
    pub is_put_away: bool,
    /// What is to say of the file as a whole, in sentences.
    pub notices: Vec<String>,
}

/// Looks at a recording: some milliseconds, however long it is.
pub fn glance(path: &Path) -> Result<Glance, FileError> {
    let opening::Opening { connection, notices, .. } = opening::open(path)?;
    let meta = |key| schema::meta(&connection, key).unwrap_or(None);
    let ending = match (meta("failed"), meta("ended_at")) {
        (Some(why), _) => Ending::Failed(why),
        (None, Some(_)) => Ending::Ended,
        (None, None) if writing::is_written(path, &connection) => Ending::Recording,
        (None, None) => Ending::CutOff,
    };
    let (events, length_ns) = last(&connection);
    let (addresses, connections) = addresses(&connection);
    Ok(Glance {
        started_unix_ns: meta("started_at").and_then(|text| super::folder::unix_ns(&text)).unwrap_or(0),
        length_ns,
        events,
        addresses,
        connections,
        tags: meta(TAGS).map(|text| read_tags(&text)).unwrap_or_default(),
        ending,
        is_put_away: meta(PUT_AWAY).is_some(),
        notices,
    })
}

/// How many events there are, and the time of the last, as far as the last row can be read.
fn last(connection: &Connection) -> (u64, u64) {
    let columns = schema::COLUMNS;
    let row = connection.query_row(
        &format!("SELECT {columns} FROM event WHERE seq = (SELECT max(seq) FROM event)"),
        [],
        schema::read,
    );
    let Ok(row) = row else {
        let newest = connection.query_row("SELECT max(seq) FROM event", [], |row| row.get::<_, Option<i64>>(0));
        return (newest.ok().flatten().map_or(0, |seq| seq.max(0) as u64 + 1), 0);
    };
    let events = row.events.unwrap_or_default();
    let last_ns = events.iter().map(|event| event.at_ns).max().unwrap_or(0);
    (row.seq.saturating_add(events.len().max(1) as u64), last_ns)
}

fn addresses(connection: &Connection) -> (Vec<String>, u64) {
    let read = || -> rusqlite::Result<(Vec<String>, u64)> {
        let count = connection.query_row("SELECT count(*) FROM connection", [], |row| row.get::<_, i64>(0))?;
        let mut statement = connection
            .prepare("SELECT label FROM connection WHERE label <> '' GROUP BY label ORDER BY min(id) LIMIT ?1")?;
        let labels = statement.query_map([MOST_ADDRESSES as i64], |row| row.get(0))?;
        Ok((labels.collect::<rusqlite::Result<_>>()?, count.max(0) as u64))
    };
    read().unwrap_or_default()
}

/// Changes the tags of a recording, also while it is written.
pub fn set_tags(path: &Path, tags: &[String]) -> Result<(), FileError> {
    let tags = tidy(tags.iter().map(String::as_str));
    change(path, TAGS, &serde_json::Value::from(tags).to_string())
}

/// Notes in a recording that was cut off that nobody is to be asked about it any more.
pub fn put_away(path: &Path) -> Result<(), FileError> {
    change(path, PUT_AWAY, &jiff::Timestamp::now().to_string())
}

fn read_tags(text: &str) -> Vec<String> {
    let read: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    tidy(read.iter().map(String::as_str))
}

/// Tags without what surrounds them, each once.
fn tidy<'a>(tags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut tidied: Vec<String> = Vec::new();
    for tag in tags {
        let tag: String = tag.chars().filter(|char| !char.is_control()).collect();
        let tag = tag.trim();
        let tag = &tag[..tag.floor_char_boundary(TAG_BYTES)];
        if !tag.is_empty() && tidied.len() < MOST_TAGS && !tidied.iter().any(|known| known == tag) {
            tidied.push(tag.to_owned());
        }
    }
    tidied
}

fn change(path: &Path, key: &str, value: &str) -> Result<(), FileError> {
    drop(opening::open_checked(path)?);
    // Asked for beforehand, because to the superuser every file can be written to.
    if path.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
        return Err(FileError::ReadOnly { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let write = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        schema::set_meta(&connection, key, value)
    };
    write().map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
            FileError::ReadOnly { path: path.to_owned() }
        }
        _ => FileError::writing(path, &error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_tidied() {
        let long = "ä".repeat(100);
        let tags = tidy([" a ", "", "b\n", "a", &long].into_iter());
        assert_eq!((tags[0].as_str(), tags[1].as_str(), tags.len()), ("a", "b", 3));
        assert!(tags[2].len() <= TAG_BYTES);
        assert!(read_tags("[1]").is_empty() && read_tags("nonsense").is_empty());
    }
}
