//! Comparing in the window: two messages, two recordings, and from a row to its records.

use crate::{labels, shows, until, window};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use pushscope::app::{By, Command, CompareCommand, Pane};
use pushscope::session::file::SessionWriter;
use pushscope::wire::{ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
use std::path::{Path, PathBuf};

/// A recording of an HTTP answer with a line for each text.
fn recording(folder: &Path, name: &str, lines: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.pushscope"));
    let mut writer = SessionWriter::create(&path, 0).expect("a file");
    let info = ConnectionInfo { id: ConnectionId(1), spec: "{}".into(), label: "http://a/".into() };
    writer.put(Entry::Connection(info)).unwrap();
    let (host, purpose) = ("a".to_owned(), "request".to_owned());
    let opening = Opening { connection: ConnectionId(1), host, port: 80, tls: false, purpose, via: None };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n".to_owned();
    let says = [
        What::Opening(opening),
        What::Bytes(Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".into()),
        What::Bytes(Dir::In, head.into()),
    ];
    let lines = lines.iter().map(|line| What::Bytes(Dir::In, format!("{line}\n").into()));
    for (at_ns, what) in (0..).zip(says.into_iter().chain(lines)) {
        writer.put(Entry::Event(Event { at_ns: at_ns * 1_000_000, link: LinkId(1), what })).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn compare(command: CompareCommand) -> Command {
    Command::Compare(command)
}

#[test]
fn two_messages_are_compared_by_path_by_words_and_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let lines =
        [r#"{"id":1,"list":[1,2,3],"gone":0}"#, r#"{"list":[1,3,{"new":"あ"}],"id":1}"#, "plain one", "plain two"];
    let path = recording(folder.path(), "a", &lines);
    harness.state_mut().app.apply(Command::OpenPath(path));
    until(&mut harness, "it is read", |harness| shows(harness, "in line plain two"));
    harness.state_mut().app.apply(compare(CompareCommand::WithMarked));
    harness.step();
    assert!(shows(&harness, "no record is selected"), "{:?}", labels(&harness));

    let pick = |harness: &mut egui_kittest::Harness<'_, pushscope::ui::Window>, text: &str, modifiers: Modifiers| {
        harness.get_all_by_label_contains(text).next().unwrap().click();
        harness.step();
        harness.key_press_modifiers(modifiers, Key::F8);
        harness.step();
    };
    pick(&mut harness, "in line {\"id\":1", Modifiers::SHIFT);
    assert!(shows(&harness, "#4 of a is marked"), "{:?}", labels(&harness));
    pick(&mut harness, "in line {\"list\"", Modifiers::NONE);
    until(&mut harness, "the changes are told by path", |harness| {
        shows(harness, "removed $.list[1] removed: 2") && shows(harness, "removed $.gone removed: 0")
    });
    assert!(shows(&harness, "added $.list[2] added: {\"new\":\"あ\"}"), "{:?}", labels(&harness));
    assert!(shows(&harness, "3 changes"), "{:?}", labels(&harness));
    harness.check_accessibility();

    harness.get_by_label("Compare byte by byte").click();
    until(&mut harness, "the bytes stand side by side", |harness| shows(harness, "7b 22") && shows(harness, "| 7b 22"));
    harness.get_by_label("Compare what the bytes say").click();
    until(&mut harness, "the paths are back", |harness| shows(harness, "3 changes"));

    pick(&mut harness, "in line plain one", Modifiers::SHIFT);
    pick(&mut harness, "in line plain two", Modifiers::NONE);
    until(&mut harness, "lines are told", |harness| {
        shows(harness, "removed plain one") && shows(harness, "added plain two")
    });
    // The first of the two is one click away.
    harness.get_by_label("#6 of a").click();
    harness.run_steps(2);
    assert_eq!(harness.state().state().view().unwrap().selected, Some(5));
    // The marked record with itself is no comparison.
    harness.state_mut().app.apply(compare(CompareCommand::WithMarked));
    harness.step();
    assert!(shows(&harness, "this is the marked record"), "{:?}", labels(&harness));
}

#[test]
fn two_recordings_are_compared_beside_the_window_and_rows_lead_to_their_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let one = [r#"{"id":1,"at":1}"#, r#"{"id":2,"at":2,"v":"a"}"#, r#"{"id":3,"at":3}"#];
    let two = [r#"{"id":1,"at":7}"#, r#"{"id":2,"at":8,"v":"b"}"#, r#"{"id":4,"at":9}"#, "{\"id\":5}"];
    for (name, lines) in [("one", &one[..]), ("two", &two)] {
        harness.state_mut().app.apply(Command::OpenPath(recording(folder.path(), name, lines)));
        until(&mut harness, "it is read", |harness| {
            harness.state().state().view().unwrap().session.records().len() > lines.len() + 2
        });
    }
    // However the pane is come by, the two newest are suggested.
    harness.state_mut().app.apply(Command::ShowPane(Pane::Compare));
    harness.run_steps(2);
    assert!(shows(&harness, "First recording: one") && shows(&harness, "Second recording: two"));
    harness.state_mut().app.apply(compare(CompareCommand::Sides));
    harness.run_steps(2);
    assert!(shows(&harness, "First recording: one") && shows(&harness, "Second recording: two"));
    harness.check_accessibility();
    let mut form = harness.state().state().compare.form.clone();
    form.by = By::Key(String::new());
    form.ignore = "$.at $[".into();
    harness.state_mut().app.apply(compare(CompareCommand::Set(Box::new(form.clone()))));
    harness.step();
    assert!(shows(&harness, "\"$[\" is no JSONPath"), "a mistake is told as it is typed: {:?}", labels(&harness));
    form.ignore = "$.at".into();
    harness.state_mut().app.apply(compare(CompareCommand::Set(Box::new(form))));
    harness.step();
    harness.get_by_label("Compare the two sides").click();
    until(&mut harness, "it is compared", |harness| shows(harness, "1 changed"));
    for text in
        ["1 equal", "1 missing", "2 extra", "missing #6 {\"id\":3", "extra #6 {\"id\":4", "changed #5 {\"id\":2"]
    {
        assert!(shows(&harness, text), "no {text:?}: {:?}", labels(&harness));
    }
    assert!(!shows(&harness, "equal #4"), "equal ones are left out");
    harness.get_by_label("only differences").click();
    until(&mut harness, "all are listed", |harness| shows(harness, "equal #4 {\"id\":1"));

    harness.get_all_by_label_contains("missing #6 {\"id\":3").next().unwrap().click();
    harness.run_steps(2);
    let view = harness.state().state().view().unwrap();
    assert_eq!((view.title.as_str(), view.selected), ("one", Some(5)));
    assert_eq!(harness.state().state().pane, Pane::Compare, "the comparison stays");
    // A row's two messages, without what is ignored.
    harness.get_by_label("Compare #5 with #5").click();
    until(&mut harness, "the one change is told", |harness| shows(harness, "changed $.v: \"a\" → \"b\""));
    assert!(shows(&harness, "1 change"), "{:?}", labels(&harness));
    // As bytes and back, what is ignored is ignored still.
    harness.get_by_label("Compare byte by byte").click();
    until(&mut harness, "the bytes stand side by side", |harness| shows(harness, "7b 22"));
    harness.get_by_label("Compare what the bytes say").click();
    until(&mut harness, "the one change is told", |harness| shows(harness, "changed $.v: \"a\" → \"b\""));
    assert!(!shows(&harness, "$.at"), "{:?}", labels(&harness));
}

#[test]
fn the_pane_keeps_its_size_however_many_rows_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let lines = |end: &str| -> Vec<String> { (0..300).map(|n| format!("{{\"id\":{n},\"v\":\"{end}\"}}")).collect() };
    for (name, lines) in [("one", lines("a")), ("a-second-one-with-quite-a-long-name-of-its-own", lines("b"))] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        harness.state_mut().app.apply(Command::OpenPath(recording(folder.path(), name, &lines)));
        until(&mut harness, "it is read", |harness| {
            harness.state().state().view().unwrap().session.records().len() > lines.len() + 2
        });
    }
    harness.state_mut().app.apply(compare(CompareCommand::Sides));
    harness.run_steps(3);
    let place = |harness: &egui_kittest::Harness<'_, pushscope::ui::Window>| harness.get_by_label("Details").rect();
    let before = place(&harness);
    harness.get_by_label("Compare the two sides").click();
    until(&mut harness, "it is compared", |harness| shows(harness, "300 changed"));
    harness.run_steps(5);
    assert_eq!(place(&harness), before, "nothing moves");
    let second = harness.get_by_label("Second recording: a-second-one-with-quite-a-long-name-of-its-own").rect();
    assert!(second.width() < 180.0, "a long name is cut: {second}");
}
