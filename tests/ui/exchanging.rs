//! Other tools' formats, worked by hand: a report of what is shown, a file of another form opened, a command pasted.

use super::{shows, until, window};
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, ExportFormat};
use pushscope::session::Kind;

#[test]
fn a_recording_goes_out_and_comes_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label_contains("Connect to lab:sse: ").click();
    until(&mut harness, "the first event is in the timeline", |harness| shows(harness, "in sse.event "));
    harness.get_by_label("Disconnect").click();
    until(&mut harness, "it is closed", |harness| shows(harness, "connection 1 lab:sse, closed"));
    let saved = harness.state().state().view().and_then(|view| view.path()).expect("its file");
    let events = |path: &std::path::Path| {
        pushscope::session::file::load(path, &mut |_, _| true).map_or(0, |loaded| loaded.session.events())
    };
    // The recorder writes what is left within a quarter of a second.
    let all = harness.state().state().view().unwrap().session.events();
    until(&mut harness, "all of it is in the file", |_| events(&saved) == all);

    harness.get_by_label("File").click();
    harness.run_steps(2);
    harness.get_by_label_contains("Export").click();
    until(&mut harness, "the formats are offered", |harness| shows(harness, "Export as HTML report…"));
    let lines = folder.path().join("lines.txt");
    harness.state_mut().app.apply(Command::Export(ExportFormat::Jsonl));
    until(&mut harness, "the path field is there", |harness| shows(harness, "Export as JSON Lines to"));
    harness.state_mut().app.apply(Command::SetPath(lines.display().to_string()));
    harness.step();
    harness.get_all_by_label("Export").last().unwrap().click();
    until(&mut harness, "it is written", |harness| shows(harness, "Exported "));

    harness.state_mut().app.apply(Command::OpenPath(lines));
    until(&mut harness, "it is read and open", |harness| shows(harness, "open recording") && shows(harness, "Read "));
    until(&mut harness, "it has as many events", |harness| {
        harness.state().state().view().is_some_and(|view| !view.is_live() && view.session.events() == all)
    });
}

#[test]
fn a_websocket_is_copied_as_a_command_and_pasted_into_the_address_bar() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label_contains("Connect to lab:ws: ").click();
    until(&mut harness, "the first message is in the timeline", |harness| shows(harness, "in ws.text {"));
    harness.get_all_by_label_contains("in ws.text {").next().unwrap().click_secondary();
    until(&mut harness, "the menu offers it", |harness| shows(harness, "Copy as websocat command"));
    harness.get_by_label("Copy as websocat command").click();
    until(&mut harness, "it is copied", |harness| shows(harness, "Copied as websocat command"));
    let view = harness.state().state().view().unwrap();
    let message = (0..view.session.records().len()).find(|id| view.session.records()[*id].kind == Kind::WsText);
    let (command, _) = pushscope::interop::websocat::one(&view.session, message.unwrap()).unwrap();

    harness.get_by_label("Disconnect").click();
    until(&mut harness, "it is closed", |harness| shows(harness, "connection 1 lab:ws, closed"));
    let mut draft = harness.state().state().draft.clone();
    draft.address = command.replace('\n', " ");
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.step();
    harness.get_by_label("Connect").click();
    until(&mut harness, "the same WebSocket is open again", |harness| shows(harness, "connection 2 ws://127.0.0.1:"));
    assert!(harness.state().state().draft.address.starts_with("ws://127.0.0.1:"));
}
