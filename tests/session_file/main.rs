//! Session files as their users meet them: a recording is written, the program is killed, the disk is full, a file is
//! damaged, a stranger's file is opened.
#![allow(missing_docs)]

mod copies;
mod damage;
mod disasters;

use bytes::Bytes;
use pushscope::session::file::{FileError, Opened, Recorder, check, save_copy};
use pushscope::session::{Session, Store};
use pushscope::wire::*;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

const STARTED: i64 = 1_700_000_000_123_456_789;

fn queues() -> (EventSender, EventReceiver, EventReceiver) {
    let options = || ReaderOptions::new(usize::MAX);
    let (sender, mut receivers) = EventSender::new(Instant::now(), 1, vec![options(), options()]);
    let screen = receivers.pop().unwrap();
    (sender, receivers.pop().unwrap(), screen)
}

fn connection(id: u32) -> ConnectionInfo {
    let label = format!("https://{id}.example/");
    ConnectionInfo { id: ConnectionId(id), spec: format!("{{\"url\":\"{label}\"}}"), label }
}

fn opening(id: u32) -> What {
    let (host, purpose) = ("a.example".to_owned(), "request".to_owned());
    What::Opening(Opening { connection: ConnectionId(id), host, port: 443, tls: true, purpose, via: None })
}

fn bytes(dir: Dir, text: impl Into<Vec<u8>>) -> What {
    What::Bytes(dir, Bytes::from(text.into()))
}

fn act(act: Act) -> What {
    What::Client(ClientAct { act, text: "waits 3 s, as the server asked".to_owned() })
}

/// Every kind of fact, on several links of two connections, with neighbouring reads, large ones and empty ones.
fn script(sender: &EventSender) {
    let remote: std::net::SocketAddr = "192.0.2.1:443".parse().unwrap();
    let local = "[::1]:50000".parse().unwrap();
    let certificate = CertificateFacts {
        subject: "CN=ä\"\\\u{0}".to_owned(),
        issuer: "CN=Test".to_owned(),
        not_before: "2026-01-01T00:00:00Z".to_owned(),
        not_after: "2027-01-01T00:00:00Z".to_owned(),
        names: vec!["a.example".to_owned()],
        serial: "01".to_owned(),
        der_hex: "3082".to_owned(),
    };
    let tls = TlsFacts {
        anchor: None,
        version: "TLSv1.3".to_owned(),
        cipher_suite: "TLS_AES_128_GCM_SHA256".to_owned(),
        key_exchange: None,
        alpn: Some("http/1.1".to_owned()),
        server_name: Some("a.example".to_owned()),
        verified: false,
        would_fail: Some("expired".to_owned()),
        chain: vec![certificate],
        took_ns: 5,
    };
    let failed = vec![("192.0.2.2:443".parse().unwrap(), "refused".to_owned())];
    let resolved = Resolved { host: "a.example".to_owned(), addresses: vec![remote.ip()], took_ns: 1 };
    sender.send_connection(connection(1));
    let (a, b, c) = (sender.new_link(), sender.new_link(), sender.new_link());
    sender.send(a, opening(1));
    sender.send(a, What::Resolved(resolved));
    sender.send(a, What::Connected(Connected { remote, local, failed, took_ns: u64::MAX >> 12 }));
    sender.send(a, What::Secured(tls));
    sender.send(a, bytes(Dir::Out, "GET / HTTP/1.1\r\n\r\n"));
    sender.send(a, bytes(Dir::In, "one"));
    sender.send(a, bytes(Dir::In, "two"));
    sender.send(a, bytes(Dir::In, ""));
    sender.send_connection(connection(2));
    sender.send(b, opening(2));
    for n in 0..300u32 {
        sender.send(if n % 3 == 0 { a } else { b }, bytes(Dir::In, format!("message {n}\n")));
    }
    sender.send(b, bytes(Dir::In, vec![7; 3 << 20]));
    sender.send(b, bytes(Dir::Out, vec![8; 200 << 10]));
    sender.send(b, bytes(Dir::Out, vec![9; 200 << 10]));
    sender.send(b, What::Stalled(Stalled { for_ns: 9, waiting_bytes: 10 }));
    for kind in [Act::Picked, Act::Waiting, Act::Noticed, Act::NotSent, Act::Done] {
        sender.send(a, act(kind));
    }
    sender.send(a, What::Ended(Dir::In));
    sender.send(a, What::Ended(Dir::Out));
    sender.send(a, What::Closed(Closed { by: Dir::In, text: "end of file".to_owned() }));
    let (text, hint) = ("refused".to_owned(), "is it up?".to_owned());
    sender.send(c, What::Failed(Failure { stage: Stage::Tcp, text, hint, took_ns: 3, chain: Vec::new() }));
    sender.send(b, act(Act::GaveUp));
}

fn drain(receiver: &EventReceiver) -> Vec<Entry> {
    std::iter::from_fn(|| receiver.try_next()).collect()
}

/// What can be read of a file, and what was said of it.
fn read(opened: &mut Opened) -> (Vec<Entry>, Vec<FileError>) {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    loop {
        match opened.next_batch(100_000) {
            Ok(batch) if batch.is_empty() => return (entries, errors),
            Ok(batch) => entries.extend(batch),
            Err(error) => errors.push(error),
        }
        assert!(errors.len() < 1000, "reading does not end");
    }
}

fn events(entries: &[Entry]) -> impl Iterator<Item = &Event> {
    entries.iter().filter_map(|entry| if let Entry::Event(event) = entry { Some(event) } else { None })
}

fn record(path: &Path, script: impl FnOnce(&EventSender)) -> Vec<Entry> {
    let (sender, receiver, screen) = queues();
    let recorder = Recorder::start(path, receiver, STARTED).unwrap();
    script(&sender);
    let status = recorder.stop();
    assert_eq!(status.failed, None);
    drain(&screen)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn archived(archive: Box<dyn pushscope::session::Archive>) -> Store {
    Store::archived(archive, Arc::new(AtomicU64::new(u64::MAX)))
}

#[test]
fn a_recording_gives_the_very_events_and_records_that_it_gave_live() {
    let folder = folder();
    let path = folder.path().join("a ?#%20.pushscope");
    let live = record(&path, script);

    let mut opened = Opened::open(&path).unwrap();
    assert_eq!(opened.started_unix_ns(), STARTED);
    assert!(opened.was_ended() && opened.notices().is_empty(), "{:?}", opened.notices());
    let mut replayed = Session::new(archived(opened.archive().unwrap()), opened.started_unix_ns());
    let (entries, errors) = read(&mut opened);
    assert_eq!(errors, []);
    assert_eq!(opened.progress(), (events(&live).count() as u64, events(&live).count() as u64));
    assert!(entries == live, "what is read differs from what was recorded");

    let mut session = Session::new(Store::memory(), STARTED);
    for entry in live.into_iter() {
        session.take(entry);
    }
    for entry in entries.into_iter() {
        replayed.take(entry);
    }
    assert_eq!(session.records(), replayed.records());
    assert_eq!(session.totals(), replayed.totals());
    assert!(replayed.store().held_bytes() == 0, "bytes that are in the file stay there");
    for id in 0..session.records().len() {
        assert_eq!(session.at_ns(id), replayed.at_ns(id));
        assert!(session.explain(id) == replayed.explain(id), "record {id} is explained differently");
        assert_eq!(session.summary(id), replayed.summary(id));
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "a recording that ended is one file: {left:?}");
}

#[test]
fn the_limit_of_inflating_is_kept_and_a_file_that_knows_none_has_the_usual_one() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                           Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                          Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    // The second as an earlier version of the program wrote it.
    let specs = [
        (r#"{"url":"ws://a/","websocket":{"inflate_limit_bytes":3}}"#, "Hel"),
        (r#"{"url":"ws://a/","websocket":{"subprotocols":[],"auto_pong":true,"ping_ms":0}}"#, "Hello"),
    ];
    for (spec, says) in specs {
        let folder = folder();
        let path = folder.path().join("a.pushscope");
        let live = record(&path, |sender| {
            sender.send_connection(ConnectionInfo { spec: spec.to_owned(), ..connection(1) });
            sender.send(LinkId(1), opening(1));
            sender.send(LinkId(1), bytes(Dir::Out, REQUEST));
            sender.send(LinkId(1), bytes(Dir::In, ANSWER));
            // RFC 7692 §7.2.3.1.
            sender.send(LinkId(1), bytes(Dir::In, b"\xC1\x07\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec()));
        });
        for entries in [live, read(&mut Opened::open(&path).unwrap()).0] {
            let mut session = Session::new(Store::memory(), STARTED);
            for entry in entries {
                session.take(entry);
            }
            let text = session.explain(session.records().len() - 1);
            assert_eq!(String::from_utf8_lossy(&text.payload), says, "{spec}");
            let is_capped = text.notes.iter().any(|note| note.def.key == "websocket.inflate-capped");
            assert_eq!(is_capped, says == "Hel");
        }
    }
}

#[test]
fn neighbouring_reads_share_rows_and_large_ones_do_not() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    record(&path, |sender| {
        (0..1000).for_each(|_| sender.send(LinkId(1), bytes(Dir::In, vec![1; 100])));
        sender.send(LinkId(1), bytes(Dir::In, vec![2; 1 << 20]));
        (0..1000).for_each(|n| sender.send(LinkId(1 + n % 2), bytes(Dir::In, vec![3; 100])));
    });
    let file = Connection::open(&path).unwrap();
    let rows: i64 = file.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert!((1002..1020).contains(&rows), "{rows} rows");
    let check: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_recording_is_never_overwritten() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    let live = record(&path, script);
    let (_sender, receiver, _screen) = queues();
    let error = Recorder::start(&path, receiver, STARTED).err().unwrap();
    assert_eq!(error, FileError::Exists { path: path.clone() });
    assert!(read(&mut Opened::open(&path).unwrap()).0 == live);
}

/// Bytes on many pages.
fn long_script(sender: &EventSender) {
    sender.send_connection(connection(1));
    sender.send(LinkId(1), opening(1));
    for n in 0..200u32 {
        sender.send(LinkId(1), bytes(Dir::In, format!("{n:>20000}\n")));
        sender.send(LinkId(1), bytes(Dir::Out, format!("{n}")));
    }
}

fn wait_for(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A file system of its own, which only root may mount: without that its tests have nothing to say.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(options: &str) -> Option<Mounted> {
        let folder = folder();
        let args = ["-t", "tmpfs", "-o", options, "none", folder.path().to_str()?];
        let is_mounted = std::process::Command::new("mount").args(args).output().is_ok_and(|o| o.status.success());
        if !is_mounted {
            eprintln!("not tested: a file system cannot be mounted here");
        }
        is_mounted.then_some(Mounted(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
