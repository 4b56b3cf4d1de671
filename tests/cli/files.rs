//! Files that are no recordings, that are damaged, or that must not be touched.

use crate::program::pushscope;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A recording of many rows, since requests and answers take turns, and how many records it shows.
fn recording(folder: &TempDir) -> (PathBuf, usize) {
    let path = folder.path().join("whole.pushscope");
    pushscope(&["record", "lab:poll?rate=20&size=500", "--interval", "3ms", "--for", "2s", "-q", "-o", text(&path)])
        .lines();
    let lines = pushscope(&["show", text(&path), "--format", "jsonl"]).lines().len();
    assert!(lines > 300);
    (path, lines)
}

#[test]
fn what_is_no_recording_is_told() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text"), "Dear reader").expect("a file");
    std::fs::write(path("empty"), "").expect("a file");
    rusqlite::Connection::open(path("database"))
        .and_then(|database| database.execute_batch("CREATE TABLE event(id); INSERT INTO event VALUES(1)"))
        .expect("a database");
    for (name, words) in [
        ("missing", &["there is no such file"][..]),
        ("text", &["not a Pushscope recording", "Dear reader"]),
        ("empty", &["empty"]),
        ("database", &["SQLite", "not a Pushscope recording"]),
        ("", &["folder"]),
    ] {
        let path = path(name);
        let ended = pushscope(&["show", text(&path)]);
        ended.refused(1, &[&[text(&path)], words].concat());
        assert_eq!(ended.out, "", "{name}");
    }
}

#[test]
fn of_a_newer_format_what_is_known_is_shown() {
    let folder = TempDir::new().expect("a folder");
    let (path, lines) = recording(&folder);
    rusqlite::Connection::open(&path)
        .and_then(|database| {
            database.execute_batch("PRAGMA user_version = 99; UPDATE meta SET value = '99' WHERE key = 'format'")
        })
        .expect("changed");
    let ended = pushscope(&["show", text(&path), "--format", "jsonl"]);
    assert!(ended.err.contains("written in format 99") && ended.err.contains("a newer Pushscope"), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), lines);
}

#[test]
fn a_file_is_verified() {
    let folder = TempDir::new().expect("a folder");
    let (path, lines) = recording(&folder);
    let sound = pushscope(&["show", text(&path), "--check"]).lines().join("\n");
    assert!(sound.contains(": sound\n") && sound.contains(&format!("records     {lines}\n")), "{sound}");
    assert!(sound.contains("checksums   one for every event"), "{sound}");

    let mut bytes = std::fs::read(&path).expect("its bytes");
    let request = b"GET /poll?rate=20&size=500 HTTP/1.1";
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(request)).collect();
    bytes[places[places.len() / 2] + 5] ^= 0x20;
    std::fs::write(&path, &bytes).expect("written");
    let ended = pushscope(&["show", text(&path), "--check"]);
    ended.refused(1, &[text(&path), "not sound", "not as written: the checksum differs"]);
    let ended = pushscope(&["show", text(&path), "--check", "--format", "jsonl"]);
    let object: serde_json::Value = serde_json::from_str(&ended.out).expect("one object");
    assert_eq!((&object["sound"], object["problems"].as_array().map(Vec::len)), (&false.into(), Some(1)), "{object}");
    // What is shown is all of it, and the exit code tells.
    let shown = pushscope(&["show", text(&path), "--format", "jsonl"]);
    assert_eq!(shown.out.lines().count(), lines);
    shown.refused(1, &["checksum"]);
}

#[test]
fn of_a_truncated_file_what_can_be_read_is_shown() {
    let folder = TempDir::new().expect("a folder");
    let (path, lines) = recording(&folder);
    let bytes = std::fs::read(&path).expect("its bytes");
    let mut most = 0;
    for part in [1, 4, 8, 12, 15] {
        let cut = folder.path().join(format!("cut-{part}.pushscope"));
        std::fs::write(&cut, &bytes[..bytes.len() * part / 16]).expect("a file");
        let ended = pushscope(&["show", text(&cut), "--format", "jsonl"]);
        ended.refused(1, &[text(&cut)]);
        let shown = ended.records_so_far().len();
        // What was cut off may be a page that no record lies on.
        assert!(shown <= lines, "{part}/16 of the file shows {shown} of {lines} records");
        most = most.max(shown);
    }
    assert!(most > 0, "of no cut file anything was shown");
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("mine");
    std::fs::write(&path, "mine").expect("a file");
    pushscope(&["record", "lab:sse", "--count", "1", "-o", text(&path)]).refused(1, &[text(&path), "not overwritten"]);
    assert_eq!(std::fs::read(&path).expect("the file"), b"mine");
    // Nor is a recording continued, or a file behind a link replaced.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    pushscope(&["record", "lab:sse", "--count", "1", "-o", text(&link)]).refused(1, &[text(&link)]);
    assert_eq!(std::fs::read(&path).expect("the file"), b"mine");
    let (recording, lines) = recording(&folder);
    pushscope(&["record", "lab:sse", "--count", "1", "-o", text(&recording)]).refused(1, &["not overwritten"]);
    assert_eq!(pushscope(&["show", text(&recording), "--format", "jsonl"]).lines().len(), lines);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_anything_is_opened() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "a file, not a folder").expect("a file");
    // Not even root makes files in /proc.
    for place in [folder.path().join("missing/x.pushscope"), file.join("x.pushscope"), "/proc/x.pushscope".into()] {
        let ended = pushscope(&["record", "lab:sse", "--count", "1", "-o", text(&place)]);
        ended.refused(1, &[text(&place), "cannot be created", "choose a folder that can be written to"]);
        assert_eq!(ended.out, "", "something was opened: {ended:#?}");
    }
}
