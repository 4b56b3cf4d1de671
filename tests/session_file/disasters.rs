//! The program is killed, the disk is full, the folder vanishes.

use super::*;

/// Messages that are recorded each second, until the program is killed.
const PER_SECOND: u64 = 50_000;

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
    let (mut before_ns, mut longest_ns) = (sender.now_ns(), 0);
    for n in 0u64.. {
        sender.send(LinkId(1), bytes(Dir::In, format!("message {n}\n")));
        if n % 50 == 0 {
            let now_ns = sender.now_ns();
            longest_ns = longest_ns.max(now_ns - before_ns);
            before_ns = now_ns;
            let line: Vec<u8> = [n, now_ns, longest_ns].into_iter().flat_map(u64::to_le_bytes).collect();
            progress.write_all_at(&line, 0).unwrap();
            let due = Duration::from_nanos(n * (1_000_000_000 / PER_SECOND));
            std::thread::sleep(due.saturating_sub(Duration::from_nanos(sender.now_ns())));
        }
    }
}

/// What was left of a recording that was killed.
struct Killed {
    sent: u64,
    saved: u64,
    lost_ms: u64,
    /// The longest time for which the program itself did not get on, though it had nothing to wait for.
    stalled_ms: u64,
}

/// Records, kills after so long, and reads what is there: it must be what was sent, from the first message on.
fn killed_after(wait: Duration) -> Killed {
    let folder = folder();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "disasters::child_that_records_until_it_is_killed", "--nocapture"])
        .env("PUSHSCOPE_TEST_CHILD", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let progress = || std::fs::read(folder.path().join("progress")).unwrap_or_default();
    while progress().len() < 24 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(wait);
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();

    let progress = progress();
    let number = |at: usize| u64::from_le_bytes(progress[at * 8..at * 8 + 8].try_into().unwrap());
    let (sent, sent_at_ns, stalled_ns) = (number(0), number(1), number(2));
    let mut opened = Opened::open(&folder.path().join("a.pushscope")).unwrap();
    assert!(!opened.was_ended());
    let (entries, errors) = read(&mut opened);
    assert_eq!(errors, []);
    let saved_at_ns = events(&entries).last().map_or(0, |event| event.at_ns);
    for (n, event) in events(&entries).skip(1).enumerate() {
        assert!(event.what == bytes(Dir::In, format!("message {n}\n")), "event {n} is another");
    }
    Killed {
        sent,
        saved: events(&entries).count() as u64,
        lost_ms: sent_at_ns.saturating_sub(saved_at_ns) / 1_000_000,
        stalled_ms: stalled_ns / 1_000_000,
    }
}

#[test]
fn killed_at_fifty_moments_at_most_the_last_quarter_second_is_lost() {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new();
    let waits: Vec<u64> = (0..50).map(|n: u32| random.hash_one(n) % 800).collect();
    let killed: Vec<Killed> = std::thread::scope(|scope| {
        let halves = waits.chunks(25).map(|half| {
            let kill = |ms: &u64| killed_after(Duration::from_millis(*ms));
            scope.spawn(move || half.iter().map(kill).collect::<Vec<_>>())
        });
        let halves: Vec<_> = halves.collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let mut late = 0;
    for (Killed { sent, saved, lost_ms, stalled_ms }, wait_ms) in killed.iter().zip(&waits) {
        eprintln!(
            "after {wait_ms} ms: sent {sent}, saved {saved}, lost the last {lost_ms} ms, stalled {stalled_ms} ms"
        );
        // A machine that is busy with other tests lets nobody on for a while: neither the sender nor the recorder.
        late += u32::from(*lost_ms > 250 + stalled_ms);
        assert!(*lost_ms <= 5000 + stalled_ms, "the last {lost_ms} ms are lost: {sent} sent, {saved} saved");
    }
    // Its disk may be as busy, which the sender does not see.
    assert!(late <= 3, "{late} of {} lost more than 250 ms", killed.len());
}

/// A recording as it is when its program is killed while SQLite writes: half of a transaction is in the file, and the
/// journal that undoes it lies beside.
fn cut_off(folder: &Path) -> (PathBuf, Vec<Entry>) {
    let (whole, path) = (folder.join("whole.pushscope"), folder.join("a.pushscope"));
    let live = record(&whole, long_script);
    let file = Connection::open(&whole).unwrap();
    file.execute_batch("PRAGMA journal_mode = PERSIST; PRAGMA cache_size = 5; BEGIN").unwrap();
    let row = "INSERT INTO event SELECT 1000 + seq, at_ns, link, connection, what, detail, bytes, crc FROM event";
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
