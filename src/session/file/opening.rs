//! Opening a session file: whose it is, how it lets itself be opened, and what is to say of it.

use super::error::{FileError, journal_of};
use super::schema;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How a file had to be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Plainly,
    /// As it stands, its journal left aside.
    Immutable,
    /// Although its end is missing.
    Truncated,
}

/// A connection that reads.
pub(super) fn connect(path: &Path) -> Result<Connection, FileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| FileError::reading(path, &error))
}

pub(super) fn connect_immutable(path: &Path) -> Result<Connection, FileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23").replace('\\', "/");
    let root = if name.starts_with('/') || !path.is_absolute() { "" } else { "/" };
    let open = || {
        let connection = Connection::open_with_flags(format!("file:{root}{name}?immutable=1"), flags)?;
        prepare(&connection)?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| FileError::reading(path, &error))
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Lets SQLite read a database that is shorter than its header says: the pages that are there are good.
pub(super) fn allow_truncated(connection: &Connection) {
    let _ = connection.pragma_update(None, "writable_schema", true);
}

/// A read-only connection to a file that is known to be a recording of a format we know.
pub(super) fn open_checked(path: &Path) -> Result<Connection, FileError> {
    open(path).map(|opening| opening.connection)
}

/// A session file that was opened to be read.
pub(super) struct Opening {
    pub connection: Connection,
    pub how: How,
    /// What is to say of the file, in sentences.
    pub notices: Vec<String>,
}

/// Opens a session file, in whatever way it lets itself be opened.
pub(super) fn open(path: &Path) -> Result<Opening, FileError> {
    let owned = path.to_owned();
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(FileError::Folder { path: owned });
    }
    if metadata.len() == 0 {
        return Err(FileError::Empty { path: owned });
    }
    let mut notices = Vec::new();
    roll_back(path);
    let connection = connect(path).map_err(|error| permission(path).unwrap_or(error))?;
    const TRUNCATED: &str = "its end is missing: the file is shorter than it was when it was written";
    let (connection, how) = match check(path, &connection) {
        Ok(newer) => {
            notices.extend(newer);
            (connection, How::Plainly)
        }
        Err(Check::Says(error)) => return Err(error),
        Err(Check::Sqlite(error)) => match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => return Err(not_a_recording(path)),
            Some(ErrorCode::DatabaseCorrupt) => {
                allow_truncated(&connection);
                notices.extend(check(path, &connection).map_err(|again| again.into_error(path))?);
                notices.push(TRUNCATED.to_owned());
                (connection, How::Truncated)
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                let cut_off = FileError::CutOff { path: owned, why: error.to_string() };
                let connection = connect_immutable(path)?;
                if check(path, &connection).is_err() {
                    return Err(cut_off);
                }
                notices.push(format!("{cut_off}. What is shown is the file as it stands, and its end may be damaged"));
                (connection, How::Immutable)
            }
            _ => return Err(permission(path).unwrap_or(FileError::reading(path, &error))),
        },
    };
    if how != How::Truncated && is_last_page_short(path, &connection) {
        notices.push(TRUNCATED.to_owned());
    }
    Ok(Opening { connection, how, notices })
}

/// Whether a part of the last page is missing. SQLite reads zeros there and says nothing.
pub(super) fn is_last_page_short(path: &Path, connection: &Connection) -> bool {
    let number = |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
    let pages = number("page_count").and_then(|pages| Ok(pages * number("page_size")?));
    // The size is asked for afterwards: a file that is being written only grows.
    pages.is_ok_and(|len| path.metadata().is_ok_and(|metadata| metadata.len() < len as u64))
}

/// Sets a recording right whose program was killed in the middle of a write: SQLite undoes the unfinished part when the
/// file is opened to be written. Where that is not possible, reading says so.
fn roll_back(path: &Path) {
    if journal_of(path).metadata().is_ok_and(|journal| journal.len() > 0) {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let _ = Connection::open_with_flags(path, flags).and_then(|connection| {
            prepare(&connection)?;
            connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
        });
    }
}

enum Check {
    Sqlite(rusqlite::Error),
    Says(FileError),
}

impl From<rusqlite::Error> for Check {
    fn from(error: rusqlite::Error) -> Check {
        Check::Sqlite(error)
    }
}

impl Check {
    fn into_error(self, path: &Path) -> FileError {
        match self {
            Check::Sqlite(error) => FileError::reading(path, &error),
            Check::Says(error) => error,
        }
    }
}

/// Whether it is one of ours. A sentence where its format is newer than ours, and can be read as far as we know it.
fn check(path: &Path, connection: &Connection) -> Result<Option<String>, Check> {
    let number = |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
    let foreign = |why: &str| Err(Check::Says(FileError::Foreign { path: path.to_owned(), why: why.to_owned() }));
    if number("application_id")? != schema::APPLICATION_ID {
        return foreign("its header does not name Pushscope");
    }
    // A view or a virtual table of that name could make reading run whatever its author wished.
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND rootpage > 0
        AND lower(name) IN ('meta', 'connection', 'event')";
    if connection.query_row(tables, [], |row| row.get::<_, i64>(0))? != 3 {
        return foreign("it lacks the tables of a recording");
    }
    let (version, known) = (number("user_version")?, schema::FORMAT_VERSION);
    if version <= known {
        return Ok(None);
    }
    if connection.prepare(&format!("SELECT {} FROM event", schema::COLUMNS)).is_err() {
        return Err(Check::Says(FileError::Newer { path: path.to_owned(), version, known }));
    }
    let by = schema::meta(connection, "program")?.unwrap_or_else(|| "a newer program".to_owned());
    Ok(Some(format!(
        "written in format {version} by {by}, and this program knows formats up to {known}: what it does not know is left \
         out; a newer Pushscope shows all of it"
    )))
}

fn unreadable(path: &Path, error: &std::io::Error) -> FileError {
    let path = path.to_owned();
    match error.kind() {
        std::io::ErrorKind::NotFound => FileError::NotFound { path },
        std::io::ErrorKind::PermissionDenied => FileError::Permission { path },
        _ => FileError::Read { path, why: error.to_string() },
    }
}

/// Why the operating system does not let the file be read, if it does not. Only asked after SQLite could not open it:
/// closing a file takes away the locks that SQLite holds on it in this process.
fn permission(path: &Path) -> Option<FileError> {
    std::fs::File::open(path).err().map(|error| unreadable(path, &error))
}

fn not_a_recording(path: &Path) -> FileError {
    use std::io::Read;
    let mut head = Vec::new();
    if let Err(error) = std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut head)) {
        return unreadable(path, &error);
    }
    let hex: Vec<String> = head.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String = head.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
    FileError::NotARecording { path: path.to_owned(), begins: format!("{} ({text:?})", hex.join(" ")) }
}
