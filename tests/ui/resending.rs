//! Sending again in the window: one message, a selection, a whole client's side; edited, paused, stopped.

use crate::{labels, rows_of, shows, until, window};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, Format, Pane, ResendCommand, SendAs, To};
use pushscope::ui::Window;
use std::path::{Path, PathBuf};

/// Connects to an echo, runs this script there, and waits for its end.
fn talk(harness: &mut Harness<'_, Window>, folder: &Path, script: &str) {
    let path = folder.join("talk.toml");
    std::fs::write(&path, script).expect("a script");
    harness.state_mut().app.apply(Command::ConnectTo("lab:ws?scenario=quiet".into()));
    until(harness, "it is open", |harness| shows(harness, "101 Switching"));
    harness.state_mut().app.apply(Command::OpenPath(path));
    harness.state_mut().app.apply(Command::RunScript);
    until(harness, "it talked", |harness| shows(harness, "✔ Passed"));
}

const ONE_TWO: &str = r#"
[[step]]
send = "one"
[[step]]
send = { json = { n = 2 } }
[[step]]
expect = '$.n=2'
"#;

fn sent(harness: &Harness<'_, Window>) -> Vec<String> {
    let view = harness.state().state().view().expect("a recording");
    let ids = 0..view.session.records().len();
    let is_sent = |id: &usize| {
        let record = &view.session.records()[*id];
        record.dir == pushscope::wire::Dir::Out
            && record.kind.name().starts_with("ws.")
            && record.kind.name() != "ws.frame"
    };
    ids.filter(is_sent).map(|id| view.session.summary(id)).collect()
}

fn resend(command: ResendCommand) -> Command {
    Command::Resend(command)
}

/// The recording of the live view, closed and opened again as a file from elsewhere.
fn reopened(harness: &mut Harness<'_, Window>, folder: &Path) -> PathBuf {
    let copy = folder.join("strangers.pushscope");
    harness.state_mut().app.apply(Command::DisconnectAll);
    until(harness, "it is closed", |harness| shows(harness, ", closed"));
    // What was recorded is in the file at its end.
    harness.state_mut().app.apply(Command::NewRecording);
    harness.step();
    let views = harness.state().state().views.iter();
    let path = views.last().and_then(|view| view.path()).expect("the recording keeps its file");
    std::fs::copy(path, &copy).expect("a copy");
    harness.state_mut().app.apply(Command::OpenPath(copy.clone()));
    until(harness, "the copy is open", |harness| shows(harness, "open recording strangers"));
    until(harness, "it is read", |harness| rows_of(harness).iter().any(|row| row.ends_with(" stopped")));
    copy
}

#[test]
fn one_message_goes_out_again_by_a_key_and_several_from_their_pane() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    talk(&mut harness, folder.path(), ONE_TWO);
    harness.get_all_by_label_contains("out ws.text one").next().unwrap().click();
    harness.step();
    harness.key_press(Key::F7);
    until(&mut harness, "it was sent again", |harness| sent(harness) == ["one", "{\"n\":2}", "one"]);
    assert!(shows(&harness, "again"), "{:?}", labels(&harness));

    // From the first to the last, by keys: what was received among them is not sent.
    harness.get_all_by_label_contains("out ws.text one").next().unwrap().click();
    harness.step();
    harness.key_press_modifiers(Modifiers::SHIFT, Key::End);
    harness.step();
    let view = harness.state().state().view().unwrap();
    let chosen = view.chosen_rows().len();
    assert!(chosen >= 4, "{chosen} rows are selected");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::F7);
    until(&mut harness, "it is planned", |harness| shows(harness, "3 messages will be sent"));
    assert!(shows(&harness, "Not sent: records that the client did not send: "), "{:?}", labels(&harness));
    assert_eq!(sent(&harness).len(), 3, "nothing was sent yet");
    harness.check_accessibility();
    harness.get_by_label("At once").click();
    harness.step();
    harness.get_by_label("Start sending again").click();
    until(&mut harness, "all were sent", |harness| sent(harness).len() == 6 && shows(harness, "3 of 3"));
    assert_eq!(sent(&harness), ["one", "{\"n\":2}", "one", "one", "{\"n\":2}", "one"]);

    // A row by Shift and a click.
    harness.get_all_by_label_contains("out ws.text one").next().unwrap().click();
    harness.step();
    let second = harness.get_all_by_label_contains("out ws.text {").next().unwrap().rect().center();
    harness.event(egui::Event::PointerMoved(second));
    for pressed in [true, false] {
        harness.event_modifiers(
            egui::Event::PointerButton {
                pos: second,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: Modifiers::SHIFT,
            },
            Modifiers::SHIFT,
        );
    }
    harness.run_steps(2);
    let view = harness.state().state().view().unwrap();
    assert!(view.anchor.is_some() && view.chosen_rows().len() >= 2, "{:?}", view.chosen_rows());
}

#[test]
fn a_strangers_recording_sends_nothing_until_told_to_and_shows_where_it_would_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    talk(&mut harness, folder.path(), ONE_TWO);
    reopened(&mut harness, folder.path());
    assert_eq!(harness.state().state().open_connection(), None);
    harness.state_mut().app.apply(resend(ResendCommand::ClientSide));
    until(&mut harness, "it is planned", |harness| shows(harness, "2 messages will be sent"));
    assert!(shows(&harness, "lab:ws?scenario=quiet, opened anew as the recording says"), "{:?}", labels(&harness));
    assert_eq!(harness.state().state().resend.as_ref().unwrap().settings.to, To::Recorded);
    assert_eq!(harness.state().state().open_connection(), None, "nothing is opened before it is told to");
    harness.get_by_label("Start sending again").click();
    until(&mut harness, "all was sent", |harness| shows(harness, "2 of 2") && shows(harness, "Sent"));
    assert_eq!(sent(&harness), ["one", "{\"n\":2}"]);
    assert_eq!(harness.state().state().draft.address, "lab:ws?scenario=quiet");
    assert!(harness.state().state().open_connection().is_some(), "it is a recording in progress");
}

#[test]
fn a_slow_rhythm_is_paused_goes_on_and_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let apart = "[[step]]\nsend='one'\n[[step]]\nwait='100ms'\n[[step]]\nsend='two'\n[[step]]\nwait='100ms'\n[[step]]\nsend='three'";
    talk(&mut harness, folder.path(), apart);
    harness.state_mut().app.apply(Command::SelectRows);
    harness.state_mut().app.apply(resend(ResendCommand::Selection));
    until(&mut harness, "it is planned", |harness| shows(harness, "3 messages will be sent"));
    let mut settings = harness.state().state().resend.as_ref().unwrap().settings.clone();
    // A thousandth of the speed: the second is due after more than a minute.
    settings.speed = "0.001".into();
    harness.state_mut().app.apply(resend(ResendCommand::Set(settings)));
    harness.step();
    harness.get_by_label("Start sending again").click();
    until(&mut harness, "the first is sent", |harness| shows(harness, "1 of 3") && shows(harness, "Sending"));
    harness.get_by_label("Pause sending again").click();
    until(&mut harness, "it is held", |harness| shows(harness, "Paused"));
    harness.get_by_label("Pause sending again").click();
    until(&mut harness, "it goes on", |harness| shows(harness, "Sending"));
    assert!(harness.state().state().jobs.iter().any(|job| job.what == "Sending 3 again"), "it is a job among others");
    harness.get_by_label("Stop sending again").click();
    until(&mut harness, "it is stopped", |harness| shows(harness, "Stopped"));
    assert!(harness.state().state().jobs.is_empty());
    assert_eq!(sent(&harness), ["one", "two", "three", "one"]);

    // With the connection gone, what is left is not sent, and that is said.
    let mut settings = harness.state().state().resend.as_ref().unwrap().settings.clone();
    settings.speed = "0.001".into();
    harness.state_mut().app.apply(resend(ResendCommand::Set(settings)));
    harness.get_by_label("Start sending again").click();
    until(&mut harness, "the first is sent", |harness| sent(harness).len() == 5);
    harness.state_mut().app.apply(Command::DisconnectAll);
    until(&mut harness, "that is said", |harness| shows(harness, "The connection was over"));
    assert!(shows(&harness, "1 of 3"), "{:?}", labels(&harness));
}

#[test]
fn a_message_is_edited_before_it_goes_out_as_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let script = r#"
[[step]]
send = { text = "in three pieces", fragments = [2, 6], compress = false }
[[step]]
send = { hex = "00 ff" }
"#;
    talk(&mut harness, folder.path(), script);
    let select = |harness: &mut Harness<'_, Window>, what: &str| {
        until(harness, what, |harness| shows(harness, what));
        harness.get_all_by_label_contains(what).next().unwrap().click();
        harness.step();
        harness.state_mut().app.apply(resend(ResendCommand::Edit));
        harness.run_steps(2);
        harness.state().state().composer.clone()
    };
    let composer = select(&mut harness, "out ws.text in three pieces");
    assert_eq!((composer.format, composer.send_as, composer.fragments.as_str()), (Format::Text, SendAs::Text, "2, 6"));
    harness.get_by_label("Message").type_text("!");
    harness.step();
    harness.get_by_label("Send").click();
    until(&mut harness, "it is sent, edited", |harness| {
        sent(harness).iter().any(|text| text.contains('!') && text.contains("in three pieces"))
    });
    let composer = select(&mut harness, "out ws.binary");
    assert_eq!((composer.format, composer.send_as, composer.text.as_str()), (Format::Hex, SendAs::Binary, "00 ff"));

    // The server may end the connection for this frame; it is edited all the same.
    let frame = "[[step]]\nframe = { opcode = 'text', rsv2 = true, text = 'odd' }\n[[step]]\nwait_for = 'kind:ws.*'\nwithin = '2s'";
    talk(&mut harness, folder.path(), frame);
    let view = harness.state().state().view().unwrap();
    let is_odd = |id: &usize| {
        let record = &view.session.records()[*id];
        record.kind.name() == "ws.frame" && record.payload_len == 3 && record.dir == pushscope::wire::Dir::Out
    };
    let odd = (0..view.session.records().len()).find(is_odd).expect("the odd frame");
    harness.state_mut().app.apply(Command::Select(Some(odd)));
    harness.state_mut().app.apply(resend(ResendCommand::Edit));
    harness.step();
    let composer = &harness.state().state().composer;
    assert_eq!((composer.send_as, composer.text.as_str()), (SendAs::Raw, "odd"));
    assert_eq!((composer.frame.rsv, composer.frame.fin, composer.frame.opcode), ([false, true, false], true, 1));
}

#[test]
fn a_request_goes_into_the_address_bar_with_its_headers() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let mut draft = harness.state().state().draft.clone();
    draft.address = "lab:sse?scenario=quiet".into();
    draft.headers = "X-Mine: yes".into();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft.clone())));
    harness.state_mut().app.apply(Command::Connect);
    until(&mut harness, "it answers", |harness| shows(harness, "http.response"));
    draft.address = "ws://elsewhere/".into();
    draft.headers = String::new();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.get_all_by_label_contains("http.request").next().unwrap().click();
    harness.step();
    harness.state_mut().app.apply(resend(ResendCommand::EditRequest));
    harness.step();
    let draft = &harness.state().state().draft;
    assert_eq!((draft.address.as_str(), draft.method.as_str()), ("lab:sse?scenario=quiet", "GET"));
    assert!(draft.headers.lines().any(|line| line == "X-Mine: yes"), "{}", draft.headers);
    assert!(!draft.headers.contains("Host:"), "{}", draft.headers);
    // What cannot be done says why.
    harness.state_mut().app.apply(Command::Select(Some(0)));
    harness.state_mut().app.apply(resend(ResendCommand::Again));
    harness.step();
    assert!(shows(&harness, "Send this again at once: this record is no message"), "{:?}", labels(&harness));
    harness.state_mut().app.apply(Command::ShowPane(Pane::Resend));
    harness.step();
    assert!(shows(&harness, "Nothing is chosen to be sent again."));
}

/// The records that will be sent.
fn planned(harness: &Harness<'_, Window>) -> Vec<usize> {
    let plan = harness.state().state().resend.as_ref().and_then(|resend| resend.plan.as_ref()).expect("a plan");
    plan.planned.iter().map(|planned| planned.id).collect()
}

#[test]
fn each_message_can_be_left_out_or_changed_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    talk(&mut harness, folder.path(), ONE_TWO);
    reopened(&mut harness, folder.path());
    harness.state_mut().app.apply(resend(ResendCommand::ClientSide));
    until(&mut harness, "it is planned", |harness| shows(harness, "2 messages will be sent"));
    until(&mut harness, "they are listed", |harness| shows(harness, "to send #") && shows(harness, "{\"n\":2}"));
    harness.check_accessibility();
    let [one, two] = planned(&harness)[..] else { panic!("two messages") };
    harness.get_by_label(&format!("Send #{}", one + 1)).click();
    until(&mut harness, "one is left out", |harness| shows(harness, "1 message will be sent"));

    harness.get_by_label(&format!("Edit #{}", two + 1)).click();
    until(&mut harness, "it can be typed", |harness| shows(harness, "lengths are put right"));
    harness.check_accessibility();
    harness.state_mut().app.apply(resend(ResendCommand::Type(two, Some("{\"n\":".into()))));
    until(&mut harness, "that is said", |harness| shows(harness, "no JSON any more"));
    harness.state_mut().app.apply(resend(ResendCommand::Type(two, Some("{\"n\":300, \"あ\":1}".into()))));
    harness.step();
    harness.get_by_label("Use this").click();
    until(&mut harness, "it is taken", |harness| shows(harness, "edited: {\"n\":300"));
    harness.get_by_label("Start sending again").click();
    until(&mut harness, "it is sent", |harness| shows(harness, "1 of 1") && shows(harness, "Sent"));
    assert_eq!(sent(&harness), ["{\"n\":300, \"あ\":1}"]);
}

#[test]
fn polls_are_sent_again_as_they_were_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let mut draft = harness.state().state().draft.clone();
    (draft.address, draft.interval_ms) = ("lab:poll?rate=50".into(), "20".into());
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.state_mut().app.apply(Command::Connect);
    let asked = |harness: &Harness<'_, Window>| {
        let view = harness.state().state().view().expect("a recording");
        view.session.records().iter().filter(|record| record.kind.name() == "http.request").count()
    };
    until(&mut harness, "it polled", |harness| asked(harness) >= 4);
    reopened(&mut harness, folder.path());
    let count = asked(&harness);
    harness.state_mut().app.apply(resend(ResendCommand::ClientSide));
    until(&mut harness, "it is planned", |harness| shows(harness, &format!("{count} requests will be sent")));
    harness.get_by_label("At once").click();
    harness.step();
    harness.get_by_label("Start sending again").click();
    until(&mut harness, "all were sent", |harness| shows(harness, &format!("{count} of {count}")));
    until(&mut harness, "each was asked for once", |harness| asked(harness) == count);
}
