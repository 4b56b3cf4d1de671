//! Session files as their users meet them: a recording is written, the program is killed, the disk is full, a file is
//! damaged, a stranger's file is opened.
#![allow(missing_docs)]

use bytes::Bytes;
use pushscope::session::file::{FileError, Opened, Recorder, save_copy};
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
    What::Opening(Opening { connection: ConnectionId(id), host, port: 443, tls: true, purpose })
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
    sender.send(c, What::Failed(Failure { stage: Stage::Tcp, text, hint, took_ns: 3 }));
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

#[test]
fn each_file_that_is_no_recording_gets_its_own_sentence() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let says = |name: &str, sentence: &str| {
        let error = Opened::open(&path(name)).err().unwrap_or_else(|| panic!("{name} was opened")).to_string();
        assert!(error.starts_with(path(name).to_str().unwrap()), "{error}");
        assert!(error.contains(sentence), "{error}");
    };
    std::fs::write(path("empty"), "").unwrap();
    std::fs::write(path("text"), "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n".repeat(100)).unwrap();
    std::fs::write(path("short"), "hi").unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    Connection::open(path("foreign")).unwrap().execute_batch("CREATE TABLE bookmarks(a)").unwrap();
    record(&path("newer"), script);
    Connection::open(path("newer")).unwrap().pragma_update(None, "user_version", 7).unwrap();
    record(&path("view"), script);
    let tricked = "DROP TABLE event; CREATE VIEW event AS SELECT 1 AS seq";
    Connection::open(path("view")).unwrap().execute_batch(tricked).unwrap();

    says("missing", "there is no such file");
    says("folder", "this is a folder");
    says("empty", "the file is empty");
    says(
        "text",
        r#"not a Pushscope recording: it begins with 48 54 54 50 2f 31 2e 31 20 32 30 30 20 4f 4b 0d ("HTTP/1.1 200 OK.")"#,
    );
    says("short", "not a Pushscope recording: it begins with 68 69 (\"hi\")");
    says("foreign", "an SQLite database, but not a Pushscope recording");
    says("newer", "written in format 7, and this program knows formats up to 1");
    says("view", "it lacks the tables of a recording");
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

#[test]
fn a_file_without_its_end_gives_what_is_there_and_then_says_so() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    let live = record(&path, long_script);
    let len = path.metadata().unwrap().len();
    for keep in [len - 1, len * 3 / 4, len / 2, len / 4] {
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(keep).unwrap();
        let mut opened = Opened::open(&path).unwrap();
        assert!(opened.notices()[0].contains("its end is missing"), "{:?}", opened.notices());
        let (entries, errors) = read(&mut opened);
        let mut rest = live.iter();
        let is_true = entries.iter().all(|entry| rest.any(|live| live == entry));
        assert!(is_true, "of {keep} bytes something was read that was never recorded; {errors:?}");
        assert!(entries.len() as u64 > live.len() as u64 * keep / len / 2, "{} of {}", entries.len(), live.len());
        let Some(error @ FileError::Damaged { lost: None, .. }) = errors.last() else { panic!("{errors:?}") };
        assert!(error.to_string().contains("and nothing after it can be"), "{error}");
    }
    for keep in [1, 100, 16384, 3 * 16384] {
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(keep).unwrap();
        let outcome = Opened::open(&path).map(|mut opened| read(&mut opened).1);
        assert!(!outcome.is_ok_and(|errors| errors.is_empty()), "{keep} bytes count as a whole file");
    }
}

#[test]
fn reading_goes_on_behind_a_damaged_stretch() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    let live = record(&path, long_script);
    let live: Vec<&Event> = events(&live).collect();
    {
        let file = Connection::open(&path).unwrap();
        file.execute_batch(
            "UPDATE event SET detail = '[[1,2]]' WHERE seq = 41; UPDATE event SET what = 99 WHERE seq = 80;
             DELETE FROM event WHERE seq BETWEEN 120 AND 129;",
        )
        .unwrap();
    }
    let mut opened = Opened::open(&path).unwrap();
    let mut session = Session::new(archived(opened.archive().unwrap()), 0);
    let (entries, errors) = read(&mut opened);
    let lost: Vec<(u64, Option<u64>)> = errors
        .iter()
        .map(|error| match error {
            FileError::Damaged { event, lost, .. } => (*event, *lost),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(lost, [(41, Some(1)), (80, Some(1)), (120, Some(10))]);
    assert!(errors[0].to_string().contains("do not add up"), "{}", errors[0]);
    assert!(errors[1].to_string().contains("its kind is 99"), "{}", errors[1]);
    let kept = |seq: &usize| ![41, 80].contains(seq) && !(120..130).contains(seq);
    let expected: Vec<&Event> = (0..live.len()).filter(kept).map(|seq| live[seq]).collect();
    assert_eq!(events(&entries).collect::<Vec<_>>(), expected);

    for entry in entries.iter().cloned() {
        session.take(entry);
    }
    for (seq, event) in expected.iter().enumerate() {
        if let What::Bytes(_, bytes) = &event.what {
            assert_eq!(session.store().bytes(seq as u64).as_ref(), Some(bytes), "bytes of event {seq}");
        }
    }
}

#[test]
fn no_damage_makes_reading_fail_in_another_way_than_by_saying_so() {
    let folder = folder();
    let (path, broken) = (folder.path().join("a.pushscope"), folder.path().join("b.pushscope"));
    let live = record(&path, long_script);
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() / 16384;
    for page in 0..pages {
        for (from, to, with) in [(0, 16384, 0), (0, 16384, 0xff), (0, 12, 0x5a), (8, 40, 0xff), (16000, 16384, 0x11)] {
            let mut bytes = whole.clone();
            bytes[page * 16384 + from..page * 16384 + to].fill(with);
            std::fs::write(&broken, &bytes).unwrap();
            let Ok(mut opened) = Opened::open(&broken) else { continue };
            let (entries, errors) = read(&mut opened);
            assert!(!errors.is_empty() || entries.len() == live.len(), "page {page}: something is missing silently");
        }
    }
}

/// Not a test of its own: records until it is killed, when a test below starts it.
#[test]
fn child_that_records_until_it_is_killed() {
    use std::os::unix::fs::FileExt;
    let Some(folder) = std::env::var_os("PUSHSCOPE_TEST_CHILD").map(PathBuf::from) else { return };
    let (sender, mut receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(usize::MAX)]);
    let _recorder = Recorder::start(&folder.join("a.pushscope"), receivers.remove(0), STARTED).unwrap();
    let progress = std::fs::File::create(folder.join("progress")).unwrap();
    sender.send_connection(connection(1));
    sender.send(LinkId(1), opening(1));
    for n in 0u64.. {
        // 10,000 a second: what is due by now, then a short sleep.
        sender.send(LinkId(1), bytes(Dir::In, format!("message {n}\n")));
        if n % 10 == 0 {
            progress.write_all_at(&[n.to_le_bytes(), sender.now_ns().to_le_bytes()].concat(), 0).unwrap();
            std::thread::sleep(Duration::from_micros(n * 100).saturating_sub(Duration::from_nanos(sender.now_ns())));
        }
    }
}

#[test]
fn killed_at_ten_thousand_messages_a_second_at_most_the_last_quarter_second_is_lost() {
    for wait_ms in [700, 1111] {
        let folder = folder();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_records_until_it_is_killed", "--nocapture"])
            .env("PUSHSCOPE_TEST_CHILD", folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let progress = || std::fs::read(folder.path().join("progress")).unwrap_or_default();
        while progress().len() < 16 {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();

        let progress = progress();
        let number = |at: usize| u64::from_le_bytes(progress[at..at + 8].try_into().unwrap());
        let (sent, sent_at_ns) = (number(0), number(8));
        let mut opened = Opened::open(&folder.path().join("a.pushscope")).unwrap();
        assert!(!opened.was_ended());
        let (entries, errors) = read(&mut opened);
        assert_eq!(errors, []);
        let saved = events(&entries).count() as u64;
        let saved_at_ns = events(&entries).last().map_or(0, |event| event.at_ns);
        assert!(sent > wait_ms * 8, "only {sent} messages were sent in {wait_ms} ms");
        // A commit begins 200 ms after its oldest event and takes a few ms; the promise is 250 ms. The machine of a
        // test may be busy and its disk slow to sync, so 250 ms more are forgiven before it counts as broken.
        let lost_ms = sent_at_ns.saturating_sub(saved_at_ns) / 1_000_000;
        eprintln!("sent {sent}, saved {saved}, lost the last {lost_ms} ms");
        assert!(lost_ms <= 500, "the last {lost_ms} ms are lost: {sent} sent, {saved} saved");
        for (n, event) in events(&entries).skip(1).enumerate() {
            assert_eq!(event.what, bytes(Dir::In, format!("message {n}\n")));
        }
    }
}

/// A recording as it is when its program is killed while SQLite writes: half of a transaction is in the file, and the
/// journal that undoes it lies beside.
fn cut_off(folder: &Path) -> (PathBuf, Vec<Entry>) {
    let (whole, path) = (folder.join("whole.pushscope"), folder.join("a.pushscope"));
    let live = record(&whole, long_script);
    let file = Connection::open(&whole).unwrap();
    file.execute_batch("PRAGMA journal_mode = PERSIST; PRAGMA cache_size = 5; BEGIN").unwrap();
    let row = "INSERT INTO event SELECT 1000 + seq, at_ns, link, connection, what, detail, bytes FROM event";
    file.execute_batch(row).unwrap();
    std::fs::copy(&whole, &path).unwrap();
    std::fs::copy(folder.join("whole.pushscope-journal"), folder.join("a.pushscope-journal")).unwrap();
    drop(file);
    (path, live)
}

#[test]
fn a_recording_that_was_cut_off_while_it_was_written_is_set_right() {
    let folder = folder();
    let (path, live) = cut_off(folder.path());
    let mut opened = Opened::open(&path).unwrap();
    let (entries, errors) = read(&mut opened);
    assert!(errors.is_empty() && opened.notices().is_empty(), "{errors:?} {:?}", opened.notices());
    assert!(entries == live);
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

#[test]
fn a_cut_off_recording_in_a_place_that_cannot_be_written_says_what_would_help() {
    let Some(disk) = Mounted::new("size=64m") else { return };
    let (path, live) = cut_off(disk.path());
    let remount = ["-o", "remount,ro", disk.path().to_str().unwrap()];
    assert!(std::process::Command::new("mount").args(remount).status().unwrap().success());
    let (_sender, receiver, _screen) = queues();
    let error = Recorder::start(&disk.path().join("b.pushscope"), receiver, STARTED).err().unwrap().to_string();
    assert!(error.contains("cannot be created: Read-only file system"), "{error}");

    let mut opened = match Opened::open(&path) {
        Ok(opened) => opened,
        Err(error) => return assert!(error.to_string().contains("open it there"), "{error}"),
    };
    assert!(
        opened.notices()[0].contains("a.pushscope-journal, to a folder that can be written to"),
        "{:?}",
        opened.notices()
    );
    let (entries, _) = read(&mut opened);
    assert!(!entries.is_empty() && entries.iter().zip(&live).all(|(a, b)| a == b));
    assert!(Opened::open(&disk.path().join("whole.pushscope")).is_ok());
}

#[test]
fn on_a_full_disk_what_was_committed_stays_and_the_rest_is_counted() {
    let Some(disk) = Mounted::new("size=2m") else { return };
    let path = disk.path().join("a.pushscope");
    let (sender, receiver, screen) = queues();
    let recorder = Recorder::start(&path, receiver, STARTED).unwrap();
    let send = |count: u32| (0..count).for_each(|_| sender.send(LinkId(1), bytes(Dir::In, vec![1; 10_000])));
    sender.send(LinkId(1), opening(1));
    send(20);
    wait_for(|| recorder.status().events == 21);
    send(400);
    wait_for(|| recorder.status().failed.is_some());
    send(5);
    let status = recorder.stop();
    assert_eq!(status.failed, Some(FileError::DiskFull { path: path.clone() }));
    assert_eq!((status.events, status.bytes), (21, 200_000));
    assert_eq!((status.lost_events, status.lost_bytes), (405, 4_050_000));

    let mut opened = Opened::open(&path).unwrap();
    assert!(!opened.was_ended());
    let (entries, errors) = read(&mut opened);
    assert_eq!(errors, []);
    assert!(entries[..] == drain(&screen)[..21]);
}

fn wait_for(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_folder_that_vanishes_is_noticed() {
    let folder = folder();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join("a.pushscope");
    let (sender, receiver, _screen) = queues();
    let recorder = Recorder::start(&path, receiver, STARTED).unwrap();
    sender.send(LinkId(1), opening(1));
    wait_for(|| recorder.status().events == 1);
    std::fs::remove_dir_all(&inner).unwrap();
    sender.send(LinkId(1), bytes(Dir::In, "x"));
    wait_for(|| recorder.status().failed.is_some());
    let status = recorder.stop();
    assert_eq!(status.failed, Some(FileError::Vanished { path }));
    assert_eq!((status.events, status.lost_events, status.lost_bytes), (1, 1, 1));
}

#[test]
fn a_place_that_cannot_be_written_is_refused_at_once() {
    let folder = folder();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    for place in ["file/a.pushscope", "missing/a.pushscope"] {
        let (_sender, receiver, _screen) = queues();
        let error = Recorder::start(&folder.path().join(place), receiver, STARTED).err().unwrap();
        assert!(matches!(error, FileError::CannotCreate { .. }), "{error:?}");
        assert!(error.to_string().contains("choose a folder that can be written to"), "{error}");
    }
}

#[test]
fn save_as_copies_a_recording_while_it_is_written() {
    for (size, name) in [(1_000, "small"), (1_000_000, "large")] {
        let folder = folder();
        let (path, copy) = (folder.path().join("a.pushscope"), folder.path().join("copy.pushscope"));
        std::fs::write(&copy, "an older file").unwrap();
        let (sender, receiver, screen) = queues();
        let recorder = Recorder::start(&path, receiver, STARTED).unwrap();
        sender.send_connection(connection(1));
        sender.send(LinkId(1), opening(1));
        (0..60).for_each(|_| sender.send(LinkId(1), bytes(Dir::In, vec![1; size])));
        wait_for(|| recorder.status().events == 61);
        let mut steps = 0;
        save_copy(&path, &copy, &mut |done, total| {
            assert!(done <= total);
            steps += 1;
            // Between any two steps the recorder commits.
            let before = recorder.status().events;
            sender.send(LinkId(1), bytes(Dir::In, "more"));
            wait_for(|| recorder.status().events > before);
            true
        })
        .unwrap();
        let at_least = if name == "large" { 5 } else { 0 };
        assert!(steps >= at_least, "{name}: {steps} steps");
        drop(recorder);
        let live = drain(&screen);
        let mut opened = Opened::open(&copy).unwrap();
        assert!(opened.was_ended() && opened.started_unix_ns() == STARTED);
        let (entries, errors) = read(&mut opened);
        assert_eq!(errors, []);
        assert!(entries.len() >= 62 && entries[..] == live[..entries.len()], "{name}");
        let (entries, _) = read(&mut Opened::open(&path).unwrap());
        assert!(entries == live, "{name}: the recording itself suffered");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}

#[test]
fn save_as_that_fails_leaves_the_older_file_whole() {
    let folder = folder();
    let (path, copy) = (folder.path().join("a.pushscope"), folder.path().join("copy.pushscope"));
    record(&path, long_script);
    std::fs::write(&copy, "an older file").unwrap();
    assert_eq!(save_copy(&path, &copy, &mut |_, _| false), Err(FileError::Cancelled { path: copy.clone() }));
    assert!(matches!(save_copy(&copy, &path, &mut |_, _| true), Err(FileError::NotARecording { .. })));
    assert!(matches!(save_copy(&path, &path, &mut |_, _| true), Err(FileError::Exists { .. })));
    assert!(matches!(save_copy(&path, folder.path(), &mut |_, _| true), Err(FileError::Folder { .. })));
    let nowhere = folder.path().join("missing/copy.pushscope");
    assert!(matches!(save_copy(&path, &nowhere, &mut |_, _| true), Err(FileError::CannotCreate { .. })));
    assert_eq!(std::fs::read(&copy).unwrap(), b"an older file");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    if let Some(disk) = Mounted::new("size=1m") {
        let full = disk.path().join("copy.pushscope");
        assert_eq!(save_copy(&path, &full, &mut |_, _| true), Err(FileError::DiskFull { path: full.clone() }));
        assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_session_lets_go_of_bytes_that_are_saved_and_finds_them_again() {
    let folder = folder();
    let (sender, receiver, screen) = queues();
    let recorder = Recorder::start(&folder.path().join("a.pushscope"), receiver, STARTED).unwrap();
    let limit = 1 << 20;
    let store = Store::archived_within(recorder.archive().unwrap(), recorder.saved(), limit);
    let mut session = Session::new(store, STARTED);
    let mut kept = Vec::new();
    for round in 0..40u32 {
        for n in 0..20u32 {
            let dir = if n % 2 == 0 { Dir::In } else { Dir::Out };
            sender.send(LinkId(1), bytes(dir, format!("{round}/{n}").repeat(1000)));
        }
        while let Some(entry) = screen.try_next() {
            kept.push(entry.clone());
            session.take(entry);
        }
        if round % 10 == 9 {
            wait_for(|| recorder.status().events == u64::from(round + 1) * 20);
        }
    }
    sender.send(LinkId(1), bytes(Dir::In, "last"));
    session.take(screen.try_next().unwrap());
    let held = session.store().held_bytes();
    assert!(held <= limit + 10_000, "{held} bytes are held");
    for (seq, event) in events(&kept).enumerate() {
        let What::Bytes(_, bytes) = &event.what else { continue };
        assert_eq!(session.store().bytes(seq as u64).as_ref(), Some(bytes), "event {seq}");
    }
}
