//! Recordings made event by event, written as HAR and read again, and what they say.

use bytes::Bytes;
use pushscope::interop::{Chosen, InteropError, Report, har};
use pushscope::session::file::{SessionWriter, load};
use pushscope::session::{Kind, Session, Store};
use pushscope::wire::{ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// 14 November 2023.
pub const STARTED_UNIX_NS: i64 = 1_700_000_000_000_000_000;

/// A millisecond, in nanoseconds.
pub const MS: u64 = 1_000_000;

/// A recording that grows.
pub struct Recording(pub Session);

impl Recording {
    pub fn new() -> Recording {
        let mut session = Session::new(Store::memory(), STARTED_UNIX_NS);
        let (spec, label) = (r#"{"url":"http://a.example/planned?x=1"}"#.to_owned(), "a".to_owned());
        session.take(Entry::Connection(ConnectionInfo { id: ConnectionId(1), spec, label }));
        Recording(session)
    }

    pub fn tell(&mut self, link: u32, at_ns: u64, what: What) {
        self.0.append(Event { at_ns, link: LinkId(link), what });
    }

    pub fn open(&mut self, link: u32, at_ns: u64) {
        let (host, purpose) = ("a.example".to_owned(), "request".to_owned());
        let connection = ConnectionId(1);
        self.tell(link, at_ns, What::Opening(Opening { connection, host, port: 80, tls: false, purpose, via: None }));
    }

    pub fn out(&mut self, link: u32, at_ns: u64, bytes: impl AsRef<[u8]>) {
        self.tell(link, at_ns, What::Bytes(Dir::Out, Bytes::copy_from_slice(bytes.as_ref())));
    }

    pub fn came(&mut self, link: u32, at_ns: u64, bytes: impl AsRef<[u8]>) {
        self.tell(link, at_ns, What::Bytes(Dir::In, Bytes::copy_from_slice(bytes.as_ref())));
    }
}

/// Writes some records of a session, or all of them.
pub fn write_chosen(session: &Session, ids: Option<&[usize]>) -> Result<(Value, Report), InteropError> {
    let mut file = Vec::new();
    let chosen = Chosen { session, title: "a recording", ids, remarks: &[] };
    let report = har::write(&chosen, &mut file, &mut |done, total| done <= total)?;
    let har: Value = serde_json::from_slice(&file).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(entries.len() as u64, report.written);
    Ok((har, report))
}

pub fn write(session: &Session) -> (Value, Report) {
    write_chosen(session, None).expect("a HAR")
}

/// What was read of a HAR.
#[derive(Debug)]
pub struct Read {
    pub session: Debugged,
    pub report: Report,
    _folder: TempDir,
}

/// A session in what a failure prints: only how long it is.
pub struct Debugged(pub Session);

impl std::fmt::Debug for Debugged {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} records", self.0.records().len())
    }
}

/// Reads a HAR file into a session.
pub fn read_file(path: &Path) -> Result<Read, InteropError> {
    let folder = TempDir::new().expect("a folder");
    let session = folder.path().join("read.pushscope");
    let mut writer = SessionWriter::create(&session, 0).expect("a session file");
    let report = har::read(path, &mut writer, &mut |done, total| done <= total)?;
    writer.finish().expect("written");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["read.pushscope"], "nothing is left beside it");
    let loaded = load(&session, &mut |_, _| true).expect("a session");
    assert!(loaded.damage.is_empty() && loaded.notices.is_empty(), "{:?}", loaded.notices);
    Ok(Read { session: Debugged(loaded.session), report, _folder: folder })
}

pub fn read_text(text: &[u8]) -> Result<Read, InteropError> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.har");
    std::fs::write(&path, text).expect("a file");
    read_file(&path)
}

pub fn read(har: &Value) -> Read {
    read_text(&serde_json::to_vec(har).expect("JSON")).expect("a session")
}

/// A message of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub kind: Kind,
    pub dir: Dir,
    pub payload: Vec<u8>,
    /// Since 1970.
    pub unix_ns: i64,
}

/// The records of some kinds, in the order of their times.
pub fn messages(session: &Session, is_wanted: impl Fn(Kind) -> bool) -> Vec<Message> {
    let ids: Vec<usize> = (0..session.records().len()).filter(|id| is_wanted(session.records()[*id].kind)).collect();
    let told = session.explain_all(&ids, 16 << 20);
    let message = |(id, explained): (&usize, pushscope::session::Explained)| Message {
        kind: explained.record.kind,
        dir: explained.record.dir,
        payload: explained.payload,
        unix_ns: session.started_unix_ns + session.at_ns(*id) as i64,
    };
    let mut messages: Vec<Message> = ids.iter().zip(told).map(message).collect();
    messages.sort_by_key(|message| message.unix_ns);
    messages
}

/// The records of one kind in one line each.
pub fn lines(session: &Session, kind: Kind) -> Vec<String> {
    let ids: Vec<usize> = (0..session.records().len()).filter(|id| session.records()[*id].kind == kind).collect();
    session.summaries(&ids)
}

/// The texts of the records of one kind.
pub fn texts(session: &Session, kind: Kind) -> Vec<String> {
    let text = |message: Message| String::from_utf8(message.payload).expect("UTF-8");
    messages(session, |own| own == kind).into_iter().map(text).collect()
}

/// The keys of all notes that are errors.
pub fn errors(session: &Session) -> Vec<String> {
    let ids: Vec<usize> = (0..session.records().len()).collect();
    let told = session.explain_all(&ids, 1 << 20);
    let notes = told.iter().flat_map(|explained| &explained.notes);
    notes
        .filter(|note| note.def.severity == pushscope::session::Severity::Error)
        .map(|note| note.def.key.to_owned())
        .collect()
}

/// The entry whose address ends so.
#[track_caller]
pub fn entry<'h>(har: &'h Value, end: &str) -> &'h Value {
    let entries = har["log"]["entries"].as_array().expect("entries");
    let is_wanted = |entry: &&Value| entry["request"]["url"].as_str().is_some_and(|url| url.ends_with(end));
    entries.iter().find(is_wanted).unwrap_or_else(|| panic!("no entry of {end}"))
}
