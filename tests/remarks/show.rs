//! `pushscope show` prints remarks.

use super::*;
use std::process::Command;

fn show(path: &Path, arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_pushscope");
    let shown = Command::new(program).arg("show").arg(path).args(arguments).output().unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    String::from_utf8(shown.stdout).unwrap()
}

#[test]
fn show_prints_remarks_and_filters_by_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 20);
    let session = loaded(&path).session;
    let changes = [
        put(&session, 3, "the second line", Mark::Red),
        put(&session, 9, "", Mark::Plain),
        put(&session, 11, "", Mark::Blue),
    ];
    write_remarks(&path, &changes).unwrap();
    let table = show(&path, &["--filter", "remark:*"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[1].ends_with("⚑ red: the second line"), "{table}");
    assert!(lines[2].ends_with("wait 5  ⚑") && lines[3].ends_with("wait 7  ⚑ blue"), "{table}");
    assert_eq!(show(&path, &["--filter", "remark:red"]).lines().count(), 2);
    assert_eq!(show(&path, &["--filter", "remark:\"SECOND\""]).lines().count(), 2);
    let whole = show(&path, &["--format", "jsonl"]);
    let remarks: Vec<serde_json::Value> = whole
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|object| !object["remark"].is_null())
        .map(|object| serde_json::json!([object["n"], object["remark"]]))
        .collect();
    let expected = serde_json::json!([
        [4, {"text": "the second line", "mark": "red"}],
        [10, {"text": "", "mark": "plain"}],
        [12, {"text": "", "mark": "blue"}],
    ]);
    assert_eq!(serde_json::Value::from(remarks), expected);
}

#[test]
fn remarks_go_out_with_an_export_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = recorded(folder.path(), 20);
    let session = loaded(&path).session;
    write_remarks(&path, &[put(&session, 3, "<the second line>", Mark::Red), put(&session, 9, "", Mark::Plain)])
        .unwrap();
    let run = |arguments: &[&Path]| {
        let done = Command::new(env!("CARGO_BIN_EXE_pushscope")).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stderr).unwrap()
    };
    let (lines, again) = (folder.path().join("a.jsonl"), folder.path().join("again.pushscope"));
    run(&[Path::new("export"), &path, Path::new("--to"), Path::new("jsonl"), Path::new("-o"), &lines]);
    let said = run(&[Path::new("import"), &lines, Path::new("-o"), &again]);
    assert!(!said.contains("left out"), "{said}");
    assert_eq!(loaded(&again).remarks, loaded(&path).remarks);
    let page = folder.path().join("a.html");
    run(&[Path::new("export"), &path, Path::new("--to"), Path::new("html"), Path::new("-o"), &page]);
    assert!(std::fs::read_to_string(page).unwrap().contains("&lt;the second line&gt;"));
}
