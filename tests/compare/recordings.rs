//! Recordings that differ in one way each.

use crate::program::pushscope;
use crate::{recording, text};
use pushscope::wire::Dir::{In, Out};
use serde_json::{Value, json};

const ONE: &[u8] = br#"{"id":1,"v":"a","at":100}"#;
const TWO: &[u8] = br#"{"id":2,"v":"b","at":200}"#;
const THREE: &[u8] = br#"{"id":3,"v":"c","at":300}"#;

/// The rows of `--format jsonl` without times, and the exit code.
fn rows(arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let ended = pushscope(&[&["compare", "--format", "jsonl"], arguments].concat());
    assert!(!ended.err.contains("panicked"), "{ended:#?}");
    let mut rows = ended.records_so_far();
    rows.iter_mut().filter_map(Value::as_object_mut).for_each(|row| _ = row.remove("at_ns"));
    (rows, ended.code)
}

#[test]
fn a_recording_is_equal_to_itself_and_to_one_whose_json_is_written_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let a = recording(folder.path(), "a.pushscope", &[&[(10, Out, b"hi"), (20, In, ONE), (30, In, TWO)]]);
    let spaced = br#"{ "v": "b", "at": 200, "id": 2 }"#;
    let b = recording(folder.path(), "b.pushscope", &[&[(10, Out, b"hi"), (20, In, ONE), (90, In, spaced)]]);
    for b in [&a, &b] {
        let ended = pushscope(&["compare", text(&a), text(b)]);
        assert_eq!((ended.code, ended.out.trim(), ended.err.as_str()), (Some(0), "3 equal", ""));
    }
    // Time is judged where that is asked for.
    let (told, code) = rows(&[text(&a), text(&b), "--tolerance", "50ms"]);
    assert_eq!(
        (told[0]["what"].clone(), told[0]["late_ns"].as_u64(), code),
        (json!(["late"]), Some(60_000_000), Some(1))
    );
    assert_eq!(rows(&[text(&b), text(&a), "--tolerance", "50ms"]).0[0]["what"], json!(["early"]));
    assert_eq!(rows(&[text(&a), text(&b), "--tolerance", "60ms"]).1, Some(0));
}

#[test]
fn what_differs_is_told_by_path_and_what_is_ignored_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let changed = br#"{"id":2,"v":"B","at":999}"#;
    let a = recording(folder.path(), "a.pushscope", &[&[(1, In, ONE), (2, In, TWO), (3, In, THREE)]]);
    let b = recording(folder.path(), "b.pushscope", &[&[(1, In, ONE), (2, In, changed), (3, In, THREE)]]);
    let (told, code) = rows(&[text(&a), text(&b)]);
    assert_eq!(code, Some(1));
    assert_eq!((&told[0]["a"], &told[0]["b"]), (&json!(7), &json!(7)), "numbers as the timeline has them");
    let changes = json!([{"changed":"$.v","from":"b","to":"B"}, {"changed":"$.at","from":200,"to":999}]);
    assert_eq!(told[0]["changes"], changes);
    assert_eq!(told[1]["counts"]["changed"], 1);
    let (told, _) = rows(&[text(&a), text(&b), "--ignore", "$.at"]);
    assert_eq!(told[0]["changes"], json!([{"changed":"$.v","from":"b","to":"B"}]));
    let (told, code) = rows(&[text(&a), text(&b), "--ignore", "$.at", "--ignore", "$['v']"]);
    assert_eq!((told.len(), &told[0]["is_equal"], code), (1, &json!(true), Some(0)));
}

#[test]
fn missing_extra_and_moved_messages_are_found_by_content_number_time_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let a = recording(folder.path(), "a.pushscope", &[&[(0, In, ONE), (200, In, TWO), (400, In, THREE)]]);
    let new = br#"{"id":2,"v":"new","at":200}"#;
    let b =
        recording(folder.path(), "b.pushscope", &[&[(0, In, THREE), (10, In, ONE), (205, In, new), (700, In, b"x")]]);
    let what = |by: &str| -> Vec<Value> {
        let (mut told, code) = rows(&[text(&a), text(&b), "--by", by, "--all"]);
        assert_eq!(code, Some(1));
        told.pop();
        told.into_iter().map(|mut row| row["what"].take()).collect()
    };
    assert_eq!(what("$.id"), [json!(["equal"]), json!(["changed"]), json!(["extra"]), json!(["reordered"])]);
    assert_eq!(what("number"), [json!(["changed"]), json!(["changed"]), json!(["changed"]), json!(["extra"])]);
    // What says the same belongs together, however late or early.
    assert_eq!(what("time"), [json!(["equal"]), json!(["changed"]), json!(["extra"]), json!(["reordered", "early"])]);
    let ended = pushscope(&["compare", text(&a), text(&b), "--by", "$.id"]);
    assert!(ended.err.contains("messages without such a key, aligned by what they say: 1"), "{ended:#?}");
    let (lost, _) = rows(&[text(&a), text(&a), "--filter", "kind:ws.text \"b\""]);
    assert_eq!(lost[0]["counts"]["equal"], 1, "only what matches is compared");
}

#[test]
fn two_connections_of_one_file_are_compared_from_their_opening_on() {
    let folder = tempfile::tempdir().unwrap();
    let a = recording(folder.path(), "a.pushscope", &[&[(0, In, ONE), (50, In, TWO)], &[(5, In, ONE), (50, In, TWO)]]);
    let both = ["compare", text(&a), text(&a), "--connection", "1", "--with", "2", "--tolerance", "20ms"];
    let ended = pushscope(&both);
    assert_eq!((ended.code, ended.out.trim()), (Some(0), "2 equal"), "{ended:#?}");
    let other = ["compare", text(&a), text(&a), "--connection", "1", "--with", "3"];
    pushscope(&other).refused(2, &["has no connection 3; its connections: 1, 2"]);
}

#[test]
fn what_cannot_be_compared_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let a = recording(folder.path(), "a.pushscope", &[&[(0, In, ONE)]]);
    let a = text(&a);
    pushscope(&["compare", a, a, "--by", "chance"]).refused(2, &["'chance' is nothing to align by"]);
    pushscope(&["compare", a, a, "--by", "$["]).refused(2, &["is no JSONPath"]);
    pushscope(&["compare", a, a, "--ignore", "at"]).refused(2, &["\"at\" is no JSONPath"]);
    pushscope(&["compare", a, a, "--filter", "size>"]).refused(2, &["the filter cannot be read"]);
    pushscope(&["compare", a, text(&folder.path().join("none"))]).refused(2, &["none"]);
    let no_file = folder.path().join("text");
    std::fs::write(&no_file, "no recording").unwrap();
    pushscope(&["compare", a, text(&no_file)]).refused(2, &["text"]);
    assert_eq!(pushscope(&["compare", a]).code, Some(2));
}
