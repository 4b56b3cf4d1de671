//! The tables of a session file, and events as their rows.
//!
//! `event.what` is a number, `event.detail` the fact as JSON, `event.bytes` what was read or written:
//!
//! | what | event | detail |
//! |---|---|---|
//! | 1 | opening | [`Opening`](crate::wire::Opening) |
//! | 2 | resolved | [`Resolved`](crate::wire::Resolved) |
//! | 3 | connected | [`Connected`](crate::wire::Connected) |
//! | 4 | secured | [`TlsFacts`](crate::wire::TlsFacts) |
//! | 5 | stalled | [`Stalled`](crate::wire::Stalled) |
//! | 6 | failed | [`Failure`](crate::wire::Failure) |
//! | 7 | closed | [`Closed`](crate::wire::Closed) |
//! | 8 | client | [`ClientAct`](crate::wire::ClientAct) |
//! | 9 | tunnelled | [`Tunnelled`](crate::wire::Tunnelled) |
//! | 10, 11 | bytes out, in | NULL, or `[[at_ns, length], …]` where the row holds several reads |
//! | 12, 13 | ended out, in | NULL |
//! | 14 | challenged | [`Challenge`](crate::wire::Challenge) |
//! | 15 | progress | [`Progress`](crate::wire::Progress) |
//!
//! Format 1 had no 9, 14 and 15. Tables `remark` of older files lack `at_ns`, `kind` and `nth`.
//!
//! `seq` counts events from 0. A row that holds several reads has the number and time of the first; the next row's
//! number is larger by as many. Nothing but neighbouring reads of one link and direction share a row.
//!
//! `event.crc` is the CRC-32 (ISO 3309, as in gzip) of the row: `at_ns`, `link` and `what` as 8 bytes each, lowest first,
//! then `detail`, a zero byte, and `bytes`. Files from before it lack the column; their rows can't be verified.

use crate::wire::{Dir, Event, LinkId, What};
use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;

/// `PuSc`, in the header of every session file.
pub const APPLICATION_ID: i64 = 0x5075_5363;

/// The format that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: i64 = 2;

/// Bytes of neighbouring reads that share a row at most.
const ROW_LIMIT_BYTES: usize = 256 * 1024;

/// Reads that share a row at most.
const ROW_LIMIT_READS: usize = 4096;

const BYTES: [i64; 2] = [10, 11];
const ENDED: [i64; 2] = [12, 13];

const TABLES: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT);
    CREATE TABLE connection(id INTEGER PRIMARY KEY, spec TEXT, label TEXT);
    CREATE TABLE event(seq INTEGER PRIMARY KEY, at_ns INTEGER, link INTEGER, connection INTEGER, what INTEGER,
        detail TEXT, bytes BLOB, crc INTEGER);
    CREATE TABLE remark(id INTEGER PRIMARY KEY, record INTEGER, text TEXT, mark TEXT,
        at_ns INTEGER, kind TEXT, nth INTEGER);";

/// Makes the tables of an empty database.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", 16 * 1024)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", FORMAT_VERSION)?;
    connection.execute_batch(TABLES)?;
    set_meta(connection, "format", &FORMAT_VERSION.to_string())?;
    set_meta(connection, "program", concat!("Pushscope ", env!("CARGO_PKG_VERSION")))
}

/// Writes a line of `meta`.
pub(super) fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)", (key, value)).map(drop)
}

/// Reads a line of `meta`.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    use rusqlite::OptionalExtension;
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// The statement that [`EventRow::insert`] fills.
pub(super) const INSERT: &str =
    "INSERT INTO event(seq, at_ns, link, connection, what, detail, bytes, crc) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// A row of `event` before it is written.
pub(super) struct EventRow {
    pub seq: u64,
    link: LinkId,
    connection: Option<u32>,
    kind: RowKind,
}

enum RowKind {
    Fact(u64, i64, Option<String>),
    Reads { dir: Dir, reads: Vec<(u64, Bytes)>, total: usize },
}

impl EventRow {
    /// The row of an event.
    pub fn new(seq: u64, connection: Option<u32>, event: Event) -> EventRow {
        let at_ns = event.at_ns;
        let fact = |code, detail| RowKind::Fact(at_ns, code, detail);
        let kind = match event.what {
            What::Opening(opening) => fact(1, json(&opening)),
            What::Resolved(resolved) => fact(2, json(&resolved)),
            What::Connected(connected) => fact(3, json(&connected)),
            What::Secured(tls) => fact(4, json(&tls)),
            What::Stalled(stalled) => fact(5, json(&stalled)),
            What::Failed(failure) => fact(6, json(&failure)),
            What::Closed(closed) => fact(7, json(&closed)),
            What::Client(act) => fact(8, json(&act)),
            What::Tunnelled(tunnelled) => fact(9, json(&tunnelled)),
            What::Challenged(challenge) => fact(14, json(&challenge)),
            What::Progress(progress) => fact(15, json(&progress)),
            What::Ended(dir) => fact(ENDED[dir.index()], None),
            What::Bytes(dir, bytes) => RowKind::Reads { dir, total: bytes.len(), reads: vec![(at_ns, bytes)] },
        };
        EventRow { seq, link: event.link, connection, kind }
    }

    /// Takes the event into this row, where it is the very next read of the same link and direction and there is room.
    pub fn join(&mut self, event: &Event) -> bool {
        let (RowKind::Reads { dir, reads, total }, What::Bytes(next, bytes)) = (&mut self.kind, &event.what) else {
            return false;
        };
        let fits = *total + bytes.len() <= ROW_LIMIT_BYTES && reads.len() < ROW_LIMIT_READS;
        let joins = self.link == event.link && dir == next && fits;
        if joins {
            *total += bytes.len();
            reads.push((event.at_ns, bytes.clone()));
        }
        joins
    }

    /// How many events the row holds.
    pub fn events(&self) -> u64 {
        match &self.kind {
            RowKind::Fact(..) => 1,
            RowKind::Reads { reads, .. } => reads.len() as u64,
        }
    }

    /// How many bytes of the wire it holds.
    pub fn len_bytes(&self) -> u64 {
        match &self.kind {
            RowKind::Fact(..) => 0,
            RowKind::Reads { total, .. } => *total as u64,
        }
    }

    /// Writes it by the statement [`INSERT`]. `joined` is room that is used again from row to row.
    pub fn insert(&self, statement: &mut CachedStatement<'_>, joined: &mut Vec<u8>) -> rusqlite::Result<()> {
        let (seq, link) = (self.seq as i64, self.link.0);
        match &self.kind {
            RowKind::Fact(at_ns, what, detail) => {
                let at_ns = *at_ns as i64;
                let crc = crc(at_ns, link, *what, detail.as_deref(), &[]);
                statement.execute((seq, at_ns, link, self.connection, what, detail, None::<&[u8]>, crc))?;
            }
            RowKind::Reads { dir, reads, .. } => {
                let (at_ns, what) = (reads[0].0 as i64, BYTES[dir.index()]);
                let (detail, bytes) = match reads.as_slice() {
                    [(_, only)] => (None, only.as_ref()),
                    several => {
                        joined.clear();
                        several.iter().for_each(|(_, bytes)| joined.extend_from_slice(bytes));
                        (Some(bounds(several)), joined.as_slice())
                    }
                };
                let crc = crc(at_ns, link, what, detail.as_deref(), bytes);
                statement.execute((seq, at_ns, link, self.connection, what, detail, Some(bytes), crc))?;
            }
        }
        Ok(())
    }
}

/// The checksum of a row.
fn crc(at_ns: i64, link: u32, what: i64, detail: Option<&str>, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for number in [at_ns, i64::from(link), what] {
        crc.update(&number.to_le_bytes());
    }
    crc.update(detail.unwrap_or_default().as_bytes());
    crc.update(&[0]);
    crc.update(bytes);
    crc.finalize()
}

/// `[[at_ns,length],…]`; written by hand, for it is made for every row of a busy link.
fn bounds(reads: &[(u64, Bytes)]) -> String {
    let mut text = String::with_capacity(reads.len() * 20);
    for (at_ns, bytes) in reads {
        let comma = if text.is_empty() { '[' } else { ',' };
        let _ = write!(text, "{comma}[{at_ns},{}]", bytes.len());
    }
    text.push(']');
    text
}

fn json(fact: &impl Serialize) -> Option<String> {
    serde_json::to_string(fact).ok()
}

/// The columns that [`read`] expects, in its order, with no checksum to hold them against.
pub(super) const COLUMNS: &str = "seq, at_ns, link, what, detail, bytes, connection, NULL";

/// The same, with the checksum where the file has one.
pub(super) fn columns(connection: &Connection) -> rusqlite::Result<&'static str> {
    let sql = "SELECT count(*) FROM pragma_table_info('event') WHERE name = 'crc'";
    let has_crc = connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? > 0;
    Ok(if has_crc { "seq, at_ns, link, what, detail, bytes, connection, crc" } else { COLUMNS })
}

/// A row of `event` as it was read: its number and its events, or what is wrong with it.
pub(super) struct ReadRow {
    pub seq: u64,
    pub connection: Option<u32>,
    pub events: Result<Vec<Event>, String>,
    /// Whether its checksum is right; `None` where it has none.
    pub is_intact: Option<bool>,
}

/// Reads a row. `Err` where SQLite itself fails.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<ReadRow> {
    let seq = row.get::<_, i64>(0)?.max(0) as u64;
    let connection = row.get::<_, Option<u32>>(6).unwrap_or(None);
    Ok(ReadRow { seq, connection, events: events(row), is_intact: is_intact(row) })
}

fn is_intact(row: &Row<'_>) -> Option<bool> {
    let expected = row.get::<_, i64>(7).ok()?;
    let crc = || -> rusqlite::Result<u32> {
        let (detail, bytes) = (row.get_ref(4)?, row.get_ref(5)?);
        let (detail, bytes) = (detail.as_str_or_null()?, bytes.as_blob_or_null()?);
        Ok(crc(row.get(1)?, row.get(2)?, row.get(3)?, detail, bytes.unwrap_or_default()))
    };
    Some(crc().is_ok_and(|crc| i64::from(crc) == expected))
}

fn events(row: &Row<'_>) -> Result<Vec<Event>, String> {
    let column = |error: rusqlite::Error| error.to_string();
    let at_ns = row.get::<_, i64>(1).map_err(column)?.max(0) as u64;
    let link = LinkId(row.get(2).map_err(column)?);
    let code: i64 = row.get(3).map_err(column)?;
    let detail = row.get_ref(4).map_err(column)?.as_str_or_null().map_err(|error| error.to_string())?;
    let event = |at_ns, what| Event { at_ns, link, what };
    let what = match code {
        1 => What::Opening(fact(detail)?),
        2 => What::Resolved(fact(detail)?),
        3 => What::Connected(fact(detail)?),
        4 => What::Secured(fact(detail)?),
        5 => What::Stalled(fact(detail)?),
        6 => What::Failed(fact(detail)?),
        7 => What::Closed(fact(detail)?),
        8 => What::Client(fact(detail)?),
        9 => What::Tunnelled(fact(detail)?),
        14 => What::Challenged(fact(detail)?),
        15 => What::Progress(fact(detail)?),
        12 => What::Ended(Dir::Out),
        13 => What::Ended(Dir::In),
        10 | 11 => {
            let dir = if code == 10 { Dir::Out } else { Dir::In };
            let blob = row.get_ref(5).map_err(column)?.as_blob_or_null().map_err(|error| error.to_string())?;
            let blob = Bytes::copy_from_slice(blob.unwrap_or_default());
            let bounds: Vec<(u64, usize)> = match detail {
                None => return Ok(vec![event(at_ns, What::Bytes(dir, blob))]),
                some => fact(some)?,
            };
            return cut(&bounds, &blob)
                .map(|reads| reads.map(|(at_ns, bytes)| event(at_ns, What::Bytes(dir, bytes))).collect());
        }
        other => return Err(format!("its kind is {other}, which means nothing in format {FORMAT_VERSION}")),
    };
    Ok(vec![event(at_ns, what)])
}

fn fact<T: DeserializeOwned>(detail: Option<&str>) -> Result<T, String> {
    serde_json::from_str(detail.unwrap_or_default())
        .map_err(|error| format!("its detail is not as it should be ({error})"))
}

fn cut(bounds: &[(u64, usize)], blob: &Bytes) -> Result<impl Iterator<Item = (u64, Bytes)>, String> {
    let total = bounds.iter().try_fold(0usize, |sum, (_, len)| sum.checked_add(*len));
    if bounds.is_empty() || total != Some(blob.len()) {
        return Err(format!("its reads do not add up to its {} bytes", blob.len()));
    }
    let mut at = 0;
    Ok(bounds.iter().map(move |(at_ns, len)| {
        at += len;
        (*at_ns, blob.slice(at - len..at))
    }))
}
