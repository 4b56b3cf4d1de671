//! Files that are damaged, and files that are no recordings.

use super::*;

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
    let newer = Connection::open(path("newer")).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    newer.execute_batch("ALTER TABLE event RENAME COLUMN what TO whatever").unwrap();
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
    says("newer", "written in format 7, and this program knows formats up to 2");
    says("view", "it lacks the tables of a recording");
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

#[test]
fn rows_that_are_there_again_and_again_are_stepped_over_once() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    let live = record(&path, long_script);
    {
        let file = Connection::open(&path).unwrap();
        file.execute_batch(
            "ALTER TABLE event RENAME TO kept; CREATE TABLE event AS SELECT * FROM kept;
             UPDATE event SET what = 99 WHERE seq = 3;
             INSERT INTO event SELECT * FROM event WHERE seq IN (3, 7); INSERT INTO event SELECT * FROM event WHERE seq IN (3, 7);
             UPDATE event SET seq = NULL WHERE seq = 11;
             UPDATE event SET seq = 9223372036854775807 WHERE seq = (SELECT max(seq) FROM event);",
        )
        .unwrap();
    }
    let mut opened = Opened::open(&path).unwrap();
    assert!(opened.notices().iter().any(|notice| notice.contains("no place in the order")), "{:?}", opened.notices());
    let (entries, errors) = read(&mut opened);
    assert!(errors.iter().any(|error| error.to_string().contains("1 is lost")), "{errors:?}");
    assert!(errors.len() < 10, "{} errors", errors.len());
    // All but the damaged one, and the one whose number is gone.
    assert_eq!(events(&entries).count() + 2, events(&live).count());
}

#[test]
fn a_file_of_a_newer_format_gives_what_is_known_of_it() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    let live = record(&path, script);
    let file = Connection::open(&path).unwrap();
    file.execute_batch(
        "PRAGMA user_version = 7; UPDATE meta SET value = 'Pushscope 9.0' WHERE key = 'program';
         ALTER TABLE event ADD COLUMN mood TEXT; UPDATE event SET what = 77 WHERE seq = 1;",
    )
    .unwrap();
    let mut opened = Opened::open(&path).unwrap();
    let notice = &opened.notices()[0];
    assert!(
        notice.starts_with("written in format 7 by Pushscope 9.0, and this program knows formats up to 2"),
        "{notice}"
    );
    let (entries, errors) = read(&mut opened);
    assert_eq!(entries.len(), live.len() - 1);
    assert!(errors.len() == 1 && errors[0].to_string().contains("its kind is 77"), "{errors:?}");
}

#[test]
fn bytes_that_are_not_what_was_written_are_shown_and_said() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    let live = record(&path, script);
    let sound = check(&path, &mut |_, _| true).unwrap();
    assert!(sound.is_sound() && sound.unverified == 0, "{sound:?}");
    assert_eq!(sound.events, events(&live).count() as u64);

    // One bit, in the middle of a page of bytes: no structure of the database tells.
    let mut whole = std::fs::read(&path).unwrap();
    let needle = b"message 123\n";
    // SQLite leaves copies behind in pages that it has split.
    let places: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(needle)).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| whole[at + 3] ^= 1);
    std::fs::write(&path, &whole).unwrap();

    let (entries, errors) = read(&mut Opened::open(&path).unwrap());
    assert_eq!(entries.len(), live.len());
    let [FileError::Altered { first, last, .. }] = errors[..] else { panic!("{errors:?}") };
    let changed = events(&entries).zip(events(&live)).position(|(read, live)| read != live).unwrap() as u64;
    assert!((first..=last).contains(&changed), "{changed} is not in {first} to {last}");
    let checked = check(&path, &mut |_, _| true).unwrap();
    let said = format!("event {changed} is not as written: the checksum differs; shown as found");
    assert_eq!(checked.problems, [said]);
}

#[test]
fn a_file_from_before_there_were_checksums_is_read_and_said_to_have_none() {
    let folder = folder();
    let (path, copy) = (folder.path().join("a.pushscope"), folder.path().join("b.pushscope"));
    let live = record(&path, long_script);
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE event DROP COLUMN crc").unwrap();
    let (entries, errors) = read(&mut Opened::open(&path).unwrap());
    assert!(entries == live && errors.is_empty(), "{errors:?}");
    let checked = check(&path, &mut |_, _| true).unwrap();
    assert!(checked.is_sound() && checked.unverified == checked.events, "{checked:?}");
    save_copy(&path, &copy, &mut |_, _| true).unwrap();
    assert!(check(&copy, &mut |_, _| true).unwrap().is_sound());
}

#[test]
fn checking_names_what_is_wrong() {
    let folder = folder();
    let path = folder.path().join("a.pushscope");
    record(&path, long_script);
    let whole = std::fs::read(&path).unwrap();
    let found = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        check(&path, &mut |_, _| true).unwrap()
    };
    assert_eq!(found(&|_| {}).problems, [""; 0]);
    let cut = found(&|bytes| bytes.truncate(bytes.len() / 2 + 100));
    assert!(cut.problems[0].contains("its end is missing"), "{:?}", cut.problems);
    let torn = found(&|bytes| {
        let middle = bytes.len() / 2 / 16384 * 16384;
        bytes[middle..middle + 16384].fill(0x55);
    });
    assert!(torn.problems.iter().any(|problem| problem.starts_with("the database says: ")), "{:?}", torn.problems);
    assert!(torn.events > 0);
    let stopped = check(&path, &mut |_, _| false);
    assert_eq!(stopped, Err(FileError::Stopped { path: path.clone() }));
}
