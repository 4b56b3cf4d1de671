//! Remarks in the file.

use super::*;
use pushscope::session::file::{FileError, Recorder, save_copy};
use rusqlite::Connection;
use std::sync::Barrier;
use std::time::{Duration, Instant};

fn says(path: &Path) -> Vec<(usize, String, Mark)> {
    loaded(path).remarks.into_iter().map(|remark| (remark.record, remark.text, remark.mark)).collect()
}

#[test]
fn what_is_put_is_read_again_changed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 20);
    let session = loaded(&path).session;
    assert_eq!(read_remarks(&path).unwrap(), (vec![], vec![]));
    let changes = [
        put(&session, 9, "後で見る 🔖 'quoted'", Mark::Purple),
        put(&session, 2, "", Mark::Plain),
        put(&session, 12, "x", Mark::Red),
    ];
    write_remarks(&path, &changes).unwrap();
    let expected = [
        (2, "".to_owned(), Mark::Plain),
        (9, "後で見る 🔖 'quoted'".to_owned(), Mark::Purple),
        (12, "x".to_owned(), Mark::Red),
    ];
    assert_eq!(says(&path), expected);
    write_remarks(&path, &[put(&session, 9, "seen", Mark::Green), RemarkChange::Remove(12)]).unwrap();
    assert_eq!(says(&path), [(2, "".to_owned(), Mark::Plain), (9, "seen".to_owned(), Mark::Green)]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no journal is left behind");
}

#[test]
fn a_recorder_at_work_and_remarks_do_not_hinder_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pushscope");
    let (sender, mut receivers) = EventSender::new(Instant::now(), 2, vec![ReaderOptions::new(usize::MAX)]);
    let recorder = Recorder::start(&path, receivers.remove(0), 1).unwrap();
    let saved = |at_least: u64| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while recorder.status().events < at_least {
            assert!(Instant::now() < deadline && recorder.status().failed.is_none(), "{:?}", recorder.status());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut sent = 0;
    let mut send = |count: u64| {
        (0..count)
            .for_each(|_| sender.send(LinkId(1), What::Client(ClientAct { act: Act::Noticed, text: "n".into() })));
        sent += count;
        sent
    };
    saved(send(50));
    for n in 0..20_usize {
        let total = send(200);
        let stored = StoredRemark { remark: remark(n, &format!("remark {n}"), Mark::Blue), place: None };
        write_remarks(&path, &[RemarkChange::Put(stored)]).unwrap();
        if n % 5 == 0 {
            saved(total);
        }
    }
    drop(sender);
    let status = recorder.stop();
    assert_eq!((status.failed, status.lost_events), (None, 0));
    let loaded = loaded(&path);
    assert_eq!((loaded.session.records().len(), loaded.remarks.len()), (4050, 20));
    assert!(loaded.damage.is_empty() && loaded.notices.is_empty(), "{:?}", loaded.notices);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn another_program_that_writes_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 3);
    let session = loaded(&path).session;
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let other = Connection::open(&path).unwrap();
            other.execute_batch("BEGIN IMMEDIATE; INSERT INTO meta VALUES('other', 'program')").unwrap();
            barrier.wait();
            // It takes its time; the remark comes to its turn whenever that is over.
            std::thread::sleep(Duration::from_millis(300));
            other.execute_batch("COMMIT").unwrap();
        });
        barrier.wait();
        write_remarks(&path, &[put(&session, 1, "waited", Mark::Plain)]).unwrap();
    });
    assert_eq!(says(&path), [(1, "waited".to_owned(), Mark::Plain)]);
}

#[test]
fn files_of_older_programs_take_remarks_and_keep_those_they_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 9);
    let database = Connection::open(&path).unwrap();
    let older = "DROP TABLE remark; CREATE TABLE remark(id INTEGER PRIMARY KEY, record INTEGER, text TEXT, mark TEXT);
        INSERT INTO remark(record, text, mark) VALUES(4, 'old', 'red'), (70, 'beyond', 'red'), (5, NULL, 'no colour')";
    database.execute_batch(older).unwrap();
    drop(database);
    let before = loaded(&path);
    assert_eq!(before.remarks, [remark(4, "old", Mark::Red), remark(5, "", Mark::Plain)]);
    assert!(before.notices[0].contains("1 remark is on records that cannot be read"), "{:?}", before.notices);
    write_remarks(&path, &[put(&before.session, 6, "new", Mark::Green)]).unwrap();
    assert_eq!(says(&path).len(), 3);
    let version: i64 = Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, pushscope::session::file::FORMAT_VERSION, "the format stays what it is");
    // A file without such a table at all.
    Connection::open(&path).unwrap().execute_batch("DROP TABLE remark").unwrap();
    assert_eq!(says(&path), []);
    write_remarks(&path, &[put(&before.session, 6, "again", Mark::Green)]).unwrap();
    assert_eq!(says(&path), [(6, "again".to_owned(), Mark::Green)]);
}

#[test]
fn copies_keep_remarks_page_by_page_and_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 9);
    let session = loaded(&path).session;
    write_remarks(&path, &[put(&session, 3, "kept", Mark::Orange)]).unwrap();
    let copy = folder.path().join("copy.pushscope");
    save_copy(&path, &copy, &mut |_, _| true).unwrap();
    assert_eq!(says(&copy), says(&path));
    // Written to between any two steps, it is copied row by row.
    let database = Connection::open(&path).unwrap();
    database
        .execute("INSERT INTO event(seq, at_ns, link, what, bytes) VALUES(12, 99, 1, 11, zeroblob(60000000))", [])
        .unwrap();
    let mut n = 0;
    save_copy(&path, &copy, &mut |_, _| {
        n += 1;
        database.execute("INSERT OR REPLACE INTO meta VALUES('n', ?1)", [n]).unwrap();
        true
    })
    .unwrap();
    assert!(n > 3, "it was not copied row by row");
    assert_eq!(says(&copy), [(3, "kept".to_owned(), Mark::Orange)]);
    let stored = read_remarks(&copy).unwrap().0;
    assert_eq!(stored, read_remarks(&path).unwrap().0, "with all that finds its record again");
}

#[test]
fn remarks_find_their_records_though_others_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 30);
    let session = loaded(&path).session;
    // The head and three lines were complete at one moment; then come the waits.
    let changes: Vec<RemarkChange> =
        [(0, "opening"), (3, "second line"), (9, "wait 5"), (20, "wait 16"), (30, "wait 26")]
            .map(|(id, text)| put(&session, id, text, Mark::Blue))
            .into();
    write_remarks(&path, &changes).unwrap();
    assert_eq!(session.summary(20), "wait 16");
    // Waits 5 to 14 are gone.
    Connection::open(&path).unwrap().execute("DELETE FROM event WHERE seq BETWEEN 6 AND 15", []).unwrap();
    let damaged = loaded(&path);
    assert_eq!(damaged.damage.len(), 1);
    assert!(damaged.notices.iter().any(|notice| notice.contains("1 remark is on records that cannot be read")));
    let placed: Vec<(String, String)> =
        damaged.remarks.iter().map(|remark| (remark.text.clone(), damaged.session.summary(remark.record))).collect();
    assert_eq!(placed.len(), 4, "{placed:?}");
    assert!(placed[0].1.contains("a:80") && placed[1].1.contains("{\"a\":2}"), "{placed:?}");
    for (text, summary) in &placed[2..] {
        assert_eq!(text, summary);
    }
}

#[test]
fn a_file_that_cannot_be_written_says_so_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 3);
    let session = loaded(&path).session;
    let disk = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| {
        let done = std::process::Command::new("mount").args(args).arg(disk.path()).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "none"]) {
        eprintln!("not tested: a file system cannot be mounted here");
        return;
    }
    let there = disk.path().join("a.pushscope");
    std::fs::copy(&path, &there).unwrap();
    assert!(mount(&["-o", "remount,ro"]));
    let refused = write_remarks(&there, &[put(&session, 1, "x", Mark::Red)]);
    let read = read_remarks(&there);
    std::process::Command::new("umount").arg("-l").arg(disk.path()).output().unwrap();
    assert!(matches!(&refused, Err(FileError::Write { why, .. }) if why.contains("read-only")), "{refused:?}");
    assert_eq!(read.unwrap().0, []);
    let nowhere = folder.path().join("gone.pushscope");
    assert!(matches!(write_remarks(&nowhere, &[]), Err(FileError::NotFound { .. })));
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE x(y)").unwrap();
    assert!(matches!(write_remarks(&other, &[]), Err(FileError::Foreign { .. })), "no other database is written to");
}

#[test]
fn what_a_stranger_calls_remarks_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 3);
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            "DROP TABLE remark; CREATE VIEW remark AS SELECT 1 AS id, 1 AS record, 'x' AS text, 'red' AS mark",
        )
        .unwrap();
    assert_eq!(says(&path), [], "a view could run whatever its author wished");
    let strange = "DROP VIEW remark; CREATE TABLE remark(id INTEGER PRIMARY KEY, record, text, mark, at_ns, kind, nth);
        INSERT INTO remark(record, text, mark, at_ns, kind, nth) VALUES
            (-1, 'a', 'red', 1, 'client', 0), ('x', 'b', 'red', 1, 'client', 0), (1, x'ff', 7, 'x', 9, -1),
            (2, zeroblob(9), 'red', -5, 'client', 9223372036854775807), (9223372036854775807, 'c', 'red', 0, 'client', 5),
            (3, printf('%.*c', 100000, 'x'), 'blue', NULL, NULL, NULL)";
    database.execute_batch(strange).unwrap();
    let loaded = loaded(&path);
    assert_eq!(loaded.remarks.iter().map(|remark| remark.record).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(loaded.remarks[2].text.len(), 65536);
    let notices = loaded.notices.join("\n");
    for said in ["2 of its remarks name no record", "1 of its remarks are longer", "1 remark is on records that cannot"]
    {
        assert!(notices.contains(said), "{said} is missing in: {notices}");
    }
}

#[test]
fn remarks_are_placed_while_a_recording_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 30);
    let whole = loaded(&path).session;
    write_remarks(&path, &[put(&whole, 2, "early", Mark::Red), put(&whole, 30, "late", Mark::Red)]).unwrap();
    let mut session = Session::new(Store::memory(), 0);
    session.expect_remarks(read_remarks(&path).unwrap().0);
    let mut counts = Vec::new();
    for entry in beginning().into_iter().chain((1..=30).map(wait)) {
        session.take(entry);
        session.place_remarks(false);
        counts.push(session.remarks().len());
    }
    assert_eq!((counts[1], counts[2], counts[20], counts[32]), (0, 1, 1, 2), "{counts:?}");
}
