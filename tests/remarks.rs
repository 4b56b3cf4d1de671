//! Bookmarks, colours and remarks: in the file whoever else writes it, and in the hands of whoever marks records.
#![allow(missing_docs)]

#[path = "remarks/file.rs"]
mod file;
#[path = "remarks/show.rs"]
mod show;
#[path = "remarks/window.rs"]
mod window;

use bytes::Bytes;
use pushscope::session::file::{RemarkChange, SessionWriter, load, read_remarks, write_remarks};
use pushscope::session::{Mark, Remark, Session, Store, StoredRemark};
use pushscope::wire::*;
use std::path::{Path, PathBuf};

const SECOND: u64 = 1_000_000_000;

fn wait(n: u64) -> Entry {
    let what = What::Client(ClientAct { act: Act::Waiting, text: format!("wait {n}") });
    Entry::Event(Event { at_ns: n * SECOND, link: LinkId(1), what })
}

/// What came first: a connection, and one read of three lines that are complete at once.
fn beginning() -> Vec<Entry> {
    let info = ConnectionInfo { id: ConnectionId(1), spec: String::new(), label: "made up".into() };
    let (host, purpose) = ("a".to_owned(), "request".to_owned());
    let opening = Opening { connection: ConnectionId(1), host, port: 80, tls: false, purpose, via: None };
    let read = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
    let event = |at_ns: u64, what: What| Entry::Event(Event { at_ns, link: LinkId(1), what });
    vec![
        Entry::Connection(info),
        event(1, What::Opening(opening)),
        event(2, What::Bytes(Dir::In, Bytes::from_static(read.as_bytes()))),
    ]
}

/// A recording in a file: an opening, an answer's head, three lines, and a wait every second.
fn recorded(folder: &Path, count: u64) -> PathBuf {
    let path = folder.join("a.pushscope");
    let mut writer = SessionWriter::create(&path, 1_700_000_000_000_000_000).unwrap();
    beginning().into_iter().chain((1..=count).map(wait)).for_each(|entry| writer.put(entry).unwrap());
    writer.finish().unwrap();
    path
}

fn remark(record: usize, text: &str, mark: Mark) -> Remark {
    Remark { record, text: text.into(), mark }
}

/// A remark as the window stores it.
fn put(session: &Session, record: usize, text: &str, mark: Mark) -> RemarkChange {
    RemarkChange::Put(StoredRemark { remark: remark(record, text, mark), place: session.remark_place(record) })
}

fn loaded(path: &Path) -> pushscope::session::file::Loaded {
    load(path, &mut |_, _| true).unwrap()
}
