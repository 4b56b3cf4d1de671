//! Scripts in the window: opened, run, failed, stopped, by label.

use crate::{labels, shows, until, window};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, Pane};
use pushscope::ui::Window;
use std::path::{Path, PathBuf};

fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("check.toml");
    std::fs::write(&path, text).expect("a script");
    path
}

fn open(harness: &mut Harness<'_, Window>, path: &Path) {
    harness.state_mut().app.apply(Command::OpenScript);
    harness.run_steps(2);
    assert!(shows(harness, "Script to open"), "{:?}", labels(harness));
    harness.state_mut().app.apply(Command::SetPath(path.display().to_string()));
    harness.step();
    harness.get_by_label("Open").click();
    harness.run_steps(3);
}

const CHECK: &str = r#"
name = "Echo"
[[on_connect]]
send = "subscribe"
[[step]]
repeat = 2
steps = [{ send = "hello {{n}}" }, { expect = '"hello {{n}}"' }]
[[step]]
expect = 'never'
within = "300ms"
"#;

#[test]
fn a_script_is_opened_run_and_leads_to_the_record_by_which_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    // The file picker's stand-in, as on desktops without one.
    let path = script(folder.path(), CHECK);
    open(&mut harness, &path);
    assert!(shows(&harness, "step on_connect 1 send \"subscribe\""), "{:?}", labels(&harness));
    assert!(shows(&harness, "step 1.2 expect \"hello {{n}}\" within 5s"), "{:?}", labels(&harness));
    harness.check_accessibility();

    // Nothing is connected: running it connects to what the address bar says.
    let mut draft = harness.state().state().draft.clone();
    draft.address = "lab:ws?scenario=quiet".into();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.step();
    harness.get_by_label("Run the script").click();
    until(&mut harness, "the last step is under way", |harness| {
        shows(harness, "step 2 expect never within 300ms, under way")
    });
    assert!(shows(&harness, "step 1 repeat 2 times, done"), "{:?}", labels(&harness));
    until(&mut harness, "it failed", |harness| shows(harness, "✖ Failed"));
    assert!(shows(&harness, "step 2 expect never within 300ms, failed"));
    assert!(shows(&harness, "the last that came is #"));
    harness.get_by_label_contains("Show record #").click();
    harness.run_steps(3);
    let state = harness.state().state();
    let view = state.view().expect("a recording");
    assert_eq!(state.pane, Pane::Record);
    assert_eq!(view.session.summary(view.selected.expect("a record")), "hello 2");
    assert!(state.open_connection().is_some(), "the window leaves the connection open");

    // Mended, and run again on the connection that is open.
    script(
        folder.path(),
        &CHECK.replace("never", "bye").replace("[[step]]\nexpect", "[[step]]\nsend = \"bye\"\n[[step]]\nexpect"),
    );
    harness.key_press(egui::Key::F6);
    until(&mut harness, "it passed", |harness| shows(harness, "✔ Passed"));
}

#[test]
fn a_script_that_never_ends_is_stopped_and_a_mistake_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let path = script(folder.path(), "[[step]]\nevery = '10ms'\nsteps = [{ send = '{{n}}' }]");
    harness.state_mut().app.apply(Command::ConnectTo("lab:ws?scenario=quiet".into()));
    until(&mut harness, "it is open", |harness| shows(harness, "101 Switching"));
    harness.state_mut().app.apply(Command::OpenPath(path));
    harness.run_steps(2);
    harness.get_by_label("Run the script").click();
    until(&mut harness, "it goes on", |harness| shows(harness, "out ws.text 5"));
    harness.get_by_label("Stop the script").click();
    until(&mut harness, "it is stopped", |harness| shows(harness, "■ Stopped"));
    assert!(shows(&harness, "stopped at step 1"), "{:?}", labels(&harness));

    let path = script(folder.path(), "[[step]]\nexpct = 'x'");
    harness.state_mut().app.apply(Command::OpenPath(path));
    harness.run_steps(2);
    assert!(shows(&harness, "check.toml, line 2, column 1: a step has no key \"expct\""), "{:?}", labels(&harness));
}
