//! The library in the window, worked by label and by keys.

use crate::{labels, shows, until, window};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, View};
use pushscope::ui::Window;
use std::path::{Path, PathBuf};

/// Recordings of the lab by these names, as copies of one.
fn recordings(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    let mut harness = window(folder);
    harness.state_mut().app.apply(Command::ConnectTo("lab:sse?rate=50".into()));
    until(&mut harness, "events come", |harness| shows(harness, "in sse.event"));
    let path = harness.state().state().live().and_then(View::path).expect("its file");
    harness.state_mut().app.apply(Command::NewRecording);
    drop(harness);
    let copies = names.iter().map(|name| folder.join(format!("{name}.pushscope")));
    let copies: Vec<PathBuf> = copies.inspect(|copy| _ = std::fs::copy(&path, copy).expect("a copy")).collect();
    std::fs::remove_file(path).expect("removed");
    copies
}

fn key(harness: &mut Harness<'_, Window>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(2);
}

#[test]
fn a_key_shows_every_recording_and_enter_opens_one() {
    let folder = tempfile::tempdir().unwrap();
    let paths = recordings(folder.path(), &["apples", "pears"]);
    let mut harness = window(folder.path());
    key(&mut harness, Modifiers::COMMAND, Key::H);
    until(&mut harness, "both are counted", |harness| {
        let counted = |name: &str| {
            labels(harness)
                .iter()
                .any(|label| label.starts_with(&format!("recording {name}, lab:sse")) && !label.contains('…'))
        };
        counted("apples") && counted("pears")
    });
    harness.check_accessibility();
    harness.get_by_label("Sort by name").click();
    harness.run_steps(2);
    key(&mut harness, Modifiers::NONE, Key::Home);
    key(&mut harness, Modifiers::NONE, Key::ArrowDown);
    assert_eq!(harness.state().state().library.selected.as_ref(), Some(&paths[1]));
    key(&mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "it is open", |harness| shows(harness, "open recording pears"));
    assert!(!harness.state().state().library.is_shown);
    until(&mut harness, "its events are rows", |harness| shows(harness, "in sse.event"));
}

#[test]
fn a_recording_is_renamed_and_tagged_where_it_stands_deleted_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let paths = recordings(folder.path(), &["apples", "pears"]);
    let mut harness = window(folder.path());
    harness.get_by_label("library of recordings").click();
    until(&mut harness, "they are listed", |harness| shows(harness, "recording apples, lab:sse"));
    harness.get_by_label_contains("recording apples, ").click();
    harness.run_steps(2);

    key(&mut harness, Modifiers::NONE, Key::F2);
    harness.run_steps(2);
    key(&mut harness, Modifiers::COMMAND, Key::A);
    harness.get_by_label("Name of the recording").type_text("pears");
    harness.run_steps(2);
    key(&mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "the clash is told", |harness| shows(harness, "there is such a file already"));
    assert!(paths[0].exists());
    harness.get_by_label("Dismiss").click();
    harness.run_steps(2);

    harness.get_by_label("Rename").click();
    harness.run_steps(3);
    key(&mut harness, Modifiers::COMMAND, Key::A);
    harness.get_by_label("Name of the recording").type_text("cherries");
    harness.run_steps(2);
    key(&mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "it has its name", |harness| shows(harness, "recording cherries, lab:sse"));

    harness.get_by_label("Tags…").click();
    harness.run_steps(3);
    harness.get_by_label("Tags of the recording").type_text("red, sweet");
    harness.run_steps(2);
    key(&mut harness, Modifiers::NONE, Key::Enter);
    until(&mut harness, "its tags stand there", |harness| {
        labels(harness).iter().any(|label| label.starts_with("recording cherries, ") && label.ends_with("red, sweet"))
    });

    harness.get_by_label("Delete").click();
    until(&mut harness, "it is gone", |harness| !shows(harness, "recording cherries, "));
    assert!(shows(&harness, "Deleted cherries"), "{:?}", labels(&harness));
    harness.get_by_label("Undo the last deletion").click();
    until(&mut harness, "it is there again", |harness| shows(harness, "recording cherries, lab:sse"));
}

#[test]
fn a_line_that_was_found_leads_to_its_record() {
    let folder = tempfile::tempdir().unwrap();
    recordings(folder.path(), &["apples", "pears"]);
    let mut harness = window(folder.path());
    key(&mut harness, Modifiers::COMMAND, Key::H);
    until(&mut harness, "they are listed", |harness| shows(harness, "recording pears, lab:sse"));
    harness.get_by_label("Narrow the list").focus();
    harness.run_steps(2);
    harness.get_by_label("Narrow the list").type_text("pear");
    until(&mut harness, "the other is left out", |harness| !shows(harness, "recording apples, "));
    harness.get_by_label("Search all recordings").focus();
    harness.run_steps(2);
    harness.get_by_label("Search all recordings").type_text("kind:http.response");
    harness.run_steps(2);
    harness.get_by_label("Search").click();
    until(&mut harness, "it is found", |harness| shows(harness, "1 found in pears"));
    assert!(shows(&harness, "1 record in 1 recording · 1 recording looked through"), "{:?}", labels(&harness));
    harness.get_by_label_contains("of pears, http.response").click();
    until(&mut harness, "its record is selected", |harness| {
        let view = harness.state().state().view();
        view.is_some_and(|view| view.selected.is_some_and(|id| view.session.summary(id).contains("200")))
    });
    // What is narrowed and found is still there on the way back.
    key(&mut harness, Modifiers::COMMAND, Key::H);
    assert!(shows(&harness, "1 found in pears"));
    harness.get_by_label("Put away").click();
    harness.run_steps(2);
    assert!(!shows(&harness, "1 found in pears"));
}
