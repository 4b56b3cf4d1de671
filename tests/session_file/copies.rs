//! Copies of a recording, and the memory that it saves.

use super::*;

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
