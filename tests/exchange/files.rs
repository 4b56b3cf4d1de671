//! Where exports and imports go, what they refuse, and that nothing half-written stays.

use crate::program::{Running, pushscope};
use crate::{recorded, text};
use std::path::Path;
use tempfile::TempDir;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_file_that_is_there_is_overwritten_only_where_that_is_asked_for() {
    let (folder, recording) = recorded(&["lab:sse?rate=50", "--count", "2"]);
    let page = folder.path().join("report.html");
    std::fs::write(&page, "dear").unwrap();
    let arguments = ["export", text(&recording), "--to", "html", "-o", text(&page)];
    pushscope(&arguments).refused(1, &["report.html", "--force overwrites it"]);
    assert_eq!(std::fs::read_to_string(&page).unwrap(), "dear");
    let forced = pushscope(&[&arguments[..], &["--force"]].concat());
    assert_eq!(forced.code, Some(0), "{forced:#?}");
    assert!(std::fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(names(folder.path()), ["a recording.pushscope", "report.html"]);
    pushscope(&["export", text(&recording), "--to", "html", "-o", text(folder.path()), "--force"])
        .refused(1, &["folder"]);
    let nowhere = folder.path().join("none/a.html");
    pushscope(&["export", text(&recording), "--to", "html", "-o", text(&nowhere)])
        .refused(1, &["its folder is not there"]);
}

#[test]
fn where_there_is_nothing_of_a_format_it_says_so_and_leaves_no_file() {
    let (folder, recording) = recorded(&["lab:sse?rate=50", "--count", "2"]);
    let script = folder.path().join("a.sh");
    let arguments = ["export", text(&recording), "--to", "websocat", "-o", text(&script)];
    pushscope(&arguments).refused(1, &["there is no WebSocket"]);
    let nothing = ["export", text(&recording), "--to", "curl", "--filter", "kind:ws.text"];
    pushscope(&nothing).refused(1, &["there is no HTTP request"]);
    let fax = pushscope(&["export", text(&recording), "--to", "fax"]);
    assert!(
        fax.code == Some(2) && ["fax", "jsonl", "html", "curl"].iter().all(|word| fax.err.contains(word)),
        "{fax:#?}"
    );
    pushscope(&["export", text(&recording), "--to", "curl", "--filter", "kind:("]).refused(2, &["filter", "character"]);
    assert_eq!(names(folder.path()), ["a recording.pushscope"]);
}

#[test]
fn an_import_goes_into_the_folder_of_recordings_and_prints_where() {
    let (folder, recording) = recorded(&["lab:sse?rate=50", "--count", "2"]);
    let lines = folder.path().join("monday.har");
    let export = ["export", text(&recording), "--to", "jsonl", "-o", text(&lines)];
    assert_eq!(pushscope(&export).code, Some(0));
    let data = TempDir::new().expect("a folder");
    let mut command = std::process::Command::new(crate::program::PROGRAM);
    command.args(["import", text(&lines)]).env("PUSHSCOPE_DATA_DIR", data.path());
    let ended = Running::start(command).finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let path = Path::new(ended.out.trim_end());
    assert_eq!(path.parent(), Some(data.path().join("recordings").as_path()));
    assert!(path.to_string_lossy().ends_with(" monday.pushscope"), "{path:?}");
    assert!(pushscope(&["show", text(path)]).lines().len() > 5);
}

#[test]
fn what_cannot_be_read_is_named_with_what_can() {
    let (folder, recording) = recorded(&["lab:sse?rate=50", "--count", "1"]);
    let letter = folder.path().join("letter.txt");
    std::fs::write(&letter, "Dear reader").unwrap();
    for command in ["show", "import"] {
        pushscope(&[command, text(&letter)])
            .refused(1, &["letter.txt", "not a Pushscope recording", "JSON Lines", "Dear reader"]);
    }
    pushscope(&["import", text(&recording)]).refused(1, &["this is a Pushscope recording already"]);
    pushscope(&["import", text(&folder.path().join("none"))]).refused(1, &["there is no such file"]);
    let there = folder.path().join("a.jsonl");
    assert_eq!(pushscope(&["export", text(&recording), "--to", "jsonl", "-o", text(&there)]).code, Some(0));
    pushscope(&["import", text(&there), "-o", text(&recording)]).refused(1, &["recordings are not overwritten"]);
    let broken = folder.path().join("broken.jsonl");
    std::fs::write(&broken, "{\"pushscope\":{\"format\":1}}\n{\"event\":{\"at_ns\":1,\"link\":1,\"what\":7}}\n")
        .unwrap();
    let to = folder.path().join("broken.pushscope");
    pushscope(&["import", text(&broken), "-o", text(&to)])
        .refused(1, &["broken.jsonl: line 2: its \"what\" is no text"]);
    assert!(!to.exists());
}

#[test]
fn stopped_by_ctrl_c_it_leaves_nothing_behind() {
    let (folder, recording) = recorded(&["lab:sse?rate=50", "--count", "1"]);
    // A pipe that nobody reads holds the export up for as long as it takes.
    let lines = folder.path().join("big.jsonl");
    let event = r#"{"event":{"at_ns":1,"link":1,"what":"bytes","dir":"in","text":"HTTP/1.1 200 OK\r\n\r\nx"}}"#;
    std::fs::write(&lines, format!("{event}\n").repeat(400_000)).unwrap();
    let to = folder.path().join("big.pushscope");
    let running = Running::pushscope(&["import", text(&lines), "-o", text(&to)]);
    while !to.exists() {
        std::thread::yield_now();
    }
    running.signal("INT");
    running.finish().refused(1, &["it was stopped"]);
    assert_eq!(names(folder.path()), ["a recording.pushscope", "big.jsonl"]);
    drop(recording);
}
