//! The thread that writes a recording while it is made.
//!
//! It takes events from its own queue and commits them in batches, so that neither a slow screen nor a slow disk makes a
//! socket wait before that queue is full. When the file cannot be written, what was committed stays, and the thread
//! goes on to empty its queue and counts what is not kept.

use super::archive::FileArchive;
use super::batch::Batch;
use super::error::FileError;
use super::rename::{self, Renamer};
use super::schema;
use super::writing::WriterLock;
use super::{folder, opening};
use crate::session::Archive;
use crate::wire::EventReceiver;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A commit begins when its oldest event is this old; with the time it takes that stays below the promised 250 ms.
const COMMIT_AFTER: Duration = Duration::from_millis(150);

/// A commit begins at once when so many bytes wait.
const COMMIT_BYTES: usize = 4 << 20;

/// A commit takes at most so many bytes more that wait already: fewer commits when the disk is behind.
const COMMIT_LIMIT_BYTES: usize = 16 << 20;

/// How long an idle recorder waits before it looks whether it was stopped.
const IDLE: Duration = Duration::from_millis(100);

/// Pauses before a batch that failed is tried again. Then the recorder gives up.
const RETRY_AFTER: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(700)];

/// How a recording is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecorderStatus {
    /// Events that are in the file for good.
    pub events: u64,
    /// Bytes of the wire that are in the file for good.
    pub bytes: u64,
    /// Why nothing is written any more, where that is so.
    pub failed: Option<FileError>,
    /// Events that came after that and are in no file.
    pub lost_events: u64,
    /// Bytes of the wire that came after that and are in no file.
    pub lost_bytes: u64,
}

/// A recording that is being written. Stopping or dropping it writes what waits and closes the file.
pub struct Recorder {
    path: PathBuf,
    status: Arc<Mutex<RecorderStatus>>,
    saved: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    renamer: Renamer,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Creates the file and records what comes from `receiver`, from event 0 on. A file that exists is left alone.
    pub fn start(path: &Path, receiver: EventReceiver, started_unix_ns: i64) -> Result<Recorder, FileError> {
        let connection = create(path, started_unix_ns)?;
        let (status, saved, stop) = <(Arc<Mutex<RecorderStatus>>, Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let renamer = Renamer::new();
        let writer = Writer {
            path: path.to_owned(),
            lock: WriterLock::take(path, &connection),
            connection,
            renamer: renamer.clone(),
            batch: Batch::default(),
            status: status.clone(),
            saved: saved.clone(),
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|error| FileError::CannotCreate { path: path.to_owned(), why: error.to_string() })?;
        Ok(Recorder { path: path.to_owned(), status, saved, stop, renamer, thread: Some(thread) })
    }

    /// The file, as it was created.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What gives the file another name while it is written.
    pub fn renamer(&self) -> Renamer {
        self.renamer.clone()
    }

    /// Events below this number are in the file for good.
    pub fn saved(&self) -> Arc<AtomicU64> {
        self.saved.clone()
    }

    /// The file as a place to fetch bytes from, while it is written and afterwards.
    pub fn archive(&self) -> Result<Box<dyn Archive>, FileError> {
        let connection = opening::connect(&self.path)?;
        Ok(Box::new(FileArchive { connection, holes: Arc::default() }))
    }

    /// How it is doing. Cheap.
    pub fn status(&self) -> RecorderStatus {
        lock(&self.status).clone()
    }

    /// Writes what waits, marks the recording as ended and closes the file.
    pub fn stop(mut self) -> RecorderStatus {
        self.join();
        self.status()
    }

    fn join(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            let why = "the recorder stopped by a fault of its own".to_owned();
            lock(&self.status).failed.get_or_insert(FileError::Write { path: self.path.clone(), why });
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.join();
        }
    }
}

fn lock(status: &Mutex<RecorderStatus>) -> MutexGuard<'_, RecorderStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates a session file with its tables, ready to be written.
pub(super) fn create(path: &Path, started_unix_ns: i64) -> Result<Connection, FileError> {
    // Made by the operating system first: SQLite would open a file that is there already.
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| FileError::creating(path, &error))?;
    let made = Connection::open(path).and_then(|connection| {
        schema::create(&connection)?;
        schema::set_meta(&connection, "started_at", &folder::rfc3339(started_unix_ns))?;
        settle(&connection)?;
        Ok(connection)
    });
    made.map_err(|error| {
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_file(super::error::journal_of(path));
        FileError::writing(path, &error)
    })
}

/// How a recording is written.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "PERSIST")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // A batch fits in memory; spilling it early would lock readers out before the commit.
    connection.pragma_update(None, "cache_spill", false)
}

struct Writer {
    path: PathBuf,
    /// Tells other programs that this one writes.
    lock: Option<WriterLock>,
    connection: Connection,
    renamer: Renamer,
    batch: Batch,
    status: Arc<Mutex<RecorderStatus>>,
    saved: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Writer {
    fn run(mut self, receiver: &EventReceiver) {
        loop {
            let wait =
                self.batch.oldest().map_or(IDLE, |oldest| COMMIT_AFTER.saturating_sub(oldest.elapsed()).min(IDLE));
            let is_over = match receiver.next_timeout(wait) {
                Ok(entry) => {
                    self.batch.add(entry);
                    false
                }
                Err(are_senders_gone) => are_senders_gone || self.stop.load(Ordering::Acquire),
            };
            let is_due = self.batch.oldest().is_some_and(|oldest| oldest.elapsed() >= COMMIT_AFTER);
            if is_over || is_due || self.batch.cost_bytes() >= COMMIT_BYTES || self.stop.load(Ordering::Acquire) {
                while self.batch.cost_bytes() < COMMIT_LIMIT_BYTES {
                    let Some(entry) = receiver.try_next() else { break };
                    self.batch.add(entry);
                }
                self.commit();
            }
            if is_over {
                break;
            }
            if let Some((to, answer)) = self.renamer.asked() {
                // Whoever asked may have gone.
                let _ = answer.send(self.rename(&to));
            }
        }
        self.end();
    }

    /// Moves the file between two commits: closed, and opened again under its new name. Where that fails it goes on under
    /// the old one.
    fn rename(&mut self, to: &Path) -> Result<(), FileError> {
        let nowhere = Connection::open_in_memory().map_err(|error| FileError::writing(&self.path, &error))?;
        let closed = std::mem::replace(&mut self.connection, nowhere);
        let closed = closed.pragma_update(None, "journal_mode", "DELETE").map(|()| drop(closed));
        let moved = closed
            .map_err(|error| FileError::writing(&self.path, &error))
            .and_then(|()| rename::move_file(&self.path, to));
        if moved.is_ok() {
            self.path = to.to_owned();
        }
        match reopen(&self.path) {
            Ok(connection) => self.connection = connection,
            Err(error) => _ = lock(&self.status).failed.get_or_insert(FileError::writing(&self.path, &error)),
        }
        moved
    }

    fn commit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let mut outcome = if lock(&self.status).failed.is_some() { None } else { Some(self.write()) };
        for pause in RETRY_AFTER {
            match &outcome {
                Some(Err(error)) if !matches!(error, FileError::Vanished { .. }) => {}
                _ => break,
            }
            std::thread::sleep(pause);
            outcome = Some(self.write());
        }
        let (events, bytes) = (self.batch.events(), self.batch.bytes());
        self.batch.clear();
        let status = &mut *lock(&self.status);
        match outcome {
            Some(Ok(())) => {
                status.events += events;
                status.bytes += bytes;
                self.saved.store(self.batch.next_seq(), Ordering::Release);
                return;
            }
            Some(Err(error)) => status.failed = Some(error),
            None => {}
        }
        status.lost_events += events;
        status.lost_bytes += bytes;
    }

    fn write(&mut self) -> Result<(), FileError> {
        self.batch.write(&mut self.connection).map_err(|error| FileError::writing(&self.path, &error))
    }

    /// Marks the recording as ended, or says in it why it is not complete, and takes the journal away.
    fn end(mut self) {
        self.renamer.close();
        let failed = lock(&self.status).failed.clone();
        let mark = match &failed {
            None => schema::set_meta(&self.connection, "ended_at", &jiff::Timestamp::now().to_string()),
            Some(failed) => schema::set_meta(&self.connection, "failed", &failed.to_string()),
        };
        let closed = mark.and_then(|()| self.connection.pragma_update(None, "journal_mode", "DELETE"));
        if let Err(error) = closed {
            lock(&self.status).failed.get_or_insert(FileError::writing(&self.path, &error));
        }
        // Not before the end is written: in between it would look cut off.
        self.lock = None;
    }
}

/// Opens a recording again that is written.
fn reopen(path: &Path) -> rusqlite::Result<Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection)?;
    Ok(connection)
}
