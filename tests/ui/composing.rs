//! Frames with every bit chosen, and how messages go out.

use super::*;
use pushscope::app::{Composer, Draft, SendAs, WebSocketDraft};
use pushscope::session::Kind;
use pushscope::wire::Dir;

/// Frames after which a click was taken, a list is open or closed, and the panels stand still.
const SETTLE: usize = 8;

/// A connection to the lab that says nothing by itself.
fn connected(folder: &Path, address: &str) -> Harness<'static, Window> {
    let mut harness = window(folder);
    harness.state_mut().app.apply(Command::ConnectTo(address.to_owned()));
    until(&mut harness, "it is open", |harness| shows(harness, "● open"));
    harness.run_steps(SETTLE);
    harness
}

fn choose(harness: &mut Harness<'_, Window>, input: &str, choice: &str) {
    harness.get_by_label(input).click();
    harness.run_steps(SETTLE);
    harness.get_by_label(choice).click();
    harness.run_steps(SETTLE);
}

fn type_into(harness: &mut Harness<'_, Window>, input: &str, text: &str) {
    harness.get_by_label(input).focus();
    harness.step();
    harness.get_by_label(input).type_text(text);
    harness.run_steps(SETTLE);
}

/// Selects the first record of a kind that was sent.
fn select(harness: &mut Harness<'_, Window>, kind: Kind) {
    let records = harness.state().state().view().unwrap().session.records();
    let is_wanted = |id: &usize| (records[*id].kind, records[*id].dir) == (kind, Dir::Out);
    let id = (0..records.len()).find(is_wanted).expect("it was sent");
    harness.state_mut().app.apply(Command::Select(Some(id)));
    harness.run_steps(SETTLE);
}

fn composer<'a>(harness: &'a Harness<'_, Window>) -> &'a Composer {
    &harness.state().state().composer
}

#[test]
fn a_frame_that_breaks_two_rules_is_seen_before_and_after_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = connected(folder.path(), "lab:ws?scenario=quiet");
    choose(&mut harness, "Kind of message", "raw frame");
    assert!(shows(&harness, "✔ breaks no rule"), "{:#?}", labels(&harness));
    harness.check_accessibility();

    type_into(&mut harness, "Message", "hi");
    harness.get_by_label("RSV1").click();
    harness.run_steps(SETTLE);
    harness.get_by_label("mask").click();
    harness.run_steps(SETTLE);
    // FIN, RSV1 and opcode 1; no mask, 2 bytes.
    assert!(shows(&harness, "c1 02"), "{:#?}", labels(&harness));
    assert!(shows(&harness, "68 69"));
    assert!(shows(&harness, "⚠ breaks 2 rules: a client must mask every frame (RFC 6455 §5.1); RSV1 must be 0"));

    harness.get_by_label("Send").click();
    until(&mut harness, "the lab refuses it", |harness| shows(harness, "in ws.close"));
    select(&mut harness, Kind::WsText);
    until(&mut harness, "it is in the timeline", |harness| shows(harness, "out ws.text"));
    harness.state_mut().app.apply(Command::ToggleGroup(Group::Layers));
    select(&mut harness, Kind::WsFrame);
    until(&mut harness, "its bytes are shown", |harness| shows(harness, "0000: c1 02 68 69"));
    assert!(shows(&harness, "RSV1 1"));
    harness.get_by_label_contains("✖ Notes").click();
    harness.run_steps(SETTLE);
    assert!(shows(&harness, "A client must mask every frame"), "{:#?}", labels(&harness));
}

#[test]
fn fragments_go_out_one_by_one_with_the_keys_that_were_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = connected(folder.path(), "lab:ws?scenario=quiet");
    choose(&mut harness, "Kind of message", "raw frame");
    type_into(&mut harness, "Message", "Hello, you");
    type_into(&mut harness, "fragments", "3, 5");
    assert!(shows(&harness, "frame 3"), "{:#?}", labels(&harness));
    let keys = composer(&harness).frame.drawn_keys.clone();
    assert_eq!(keys.len(), 3);
    let shown = keys.iter().map(|key| key.map(|byte| format!("{byte:02x}")).join(" "));
    for key in shown.clone() {
        assert!(shows(&harness, &key), "{key}");
    }
    harness.get_by_label("Send").click();
    until(&mut harness, "the lab echoes the whole", |harness| shows(harness, "in ws.text Hello, you"));
    select(&mut harness, Kind::WsText);
    let view = harness.state().state().view().unwrap();
    let parts = &view.inspection.as_ref().unwrap().parts[1..];
    let sent = parts.iter().flat_map(|part| part.explained.fields.iter().map(|field| (&part.explained, field)));
    let sent = sent.filter(|(_, field)| field.def.key == "websocket.masking_key");
    let sent: Vec<String> = sent.map(|(explained, field)| view.session.field_text(explained, field, 4)).collect();
    assert_eq!(sent, shown.collect::<Vec<_>>());
    assert!(composer(&harness).frame.drawn_keys.iter().all(|key| !keys.contains(key)), "other keys are drawn");
}

#[test]
fn an_invalid_close_code_is_refused_as_a_close_and_sent_as_a_raw_frame() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = connected(folder.path(), "lab:ws?scenario=quiet");
    let close = Composer { send_as: SendAs::Close, close_code: "1006".into(), ..composer(&harness).clone() };
    harness.state_mut().app.apply(Command::SetComposer(Box::new(close)));
    harness.run_steps(SETTLE);
    assert!(shows(&harness, "where there was no close frame (RFC 6455 §7.4.1); a raw frame can send it all the same"));
    choose(&mut harness, "Kind of message", "raw frame");
    choose(&mut harness, "Opcode", "8 close");
    assert!(shows(&harness, "⚠ breaks a rule: close code 1006 must not be sent"), "{:#?}", labels(&harness));
    harness.get_by_label("Send").click();
    until(&mut harness, "it is sent", |harness| shows(harness, "out ws.close"));
    until(&mut harness, "the connection ends", |harness| shows(harness, "connection 1 lab:ws?scenario=quiet, closed"));
}

#[test]
fn what_is_typed_wrong_is_named_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = connected(folder.path(), "lab:ws?scenario=quiet");
    choose(&mut harness, "Kind of message", "raw frame");
    type_into(&mut harness, "Masking key", "37 fa");
    assert!(shows(&harness, "Cannot be sent: masking key: 4 bytes are needed"), "{:#?}", labels(&harness));
    harness.get_by_label("Draw").click();
    harness.run_steps(SETTLE);
    assert!(!shows(&harness, "Cannot be sent"));
    type_into(&mut harness, "claimed length", "70000");
    assert!(shows(&harness, "the length says 70000 and the payload has 0"), "{:#?}", labels(&harness));
}

#[test]
fn how_a_message_goes_out_is_behind_a_toggle() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = connected(folder.path(), "lab:ws?scenario=quiet");
    assert!(!shows(&harness, "fragments"));
    harness.get_by_label("▸ Frames").click();
    harness.run_steps(SETTLE);
    type_into(&mut harness, "fragments", "2");
    assert!(shows(&harness, "▾ Frames chosen"));
    harness.check_accessibility();
    type_into(&mut harness, "Message", "in two");
    harness.get_by_label("Send").click();
    until(&mut harness, "it is echoed", |harness| shows(harness, "in ws.text in two"));
}

#[test]
fn options_of_websocket_and_reconnection_are_taken_and_named_where_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    type_into(&mut harness, "Address", "lab:ws?scenario=quiet");
    harness.get_by_label("▸ Options").click();
    harness.run_steps(SETTLE);
    harness.check_accessibility();
    type_into(&mut harness, "server_max_window_bits", "7");
    assert!(shows(&harness, "Options changed"));
    harness.get_by_label("Connect").click();
    harness.run_steps(SETTLE);
    assert!(shows(&harness, "server_max_window_bits: 7 is none of 8 to 15"), "{:#?}", labels(&harness));
    let mut draft = harness.state().state().draft.clone();
    draft.websocket.server_max_window_bits = "9".into();
    draft.backoff.attempts = "2".into();
    harness.state_mut().app.apply(Command::SetDraft(Box::new(draft)));
    harness.state_mut().app.apply(Command::Connect);
    until(&mut harness, "it is open", |harness| shows(harness, "● open"));
    let spec = &harness.state().state().current_open().unwrap().spec;
    assert_eq!((spec.websocket.deflate.server_max_window_bits, spec.backoff.attempts), (Some(9), 2));
}

#[test]
fn what_was_agreed_on_stands_with_the_stages() {
    let folder = tempfile::tempdir().unwrap();
    let harness = connected(folder.path(), "lab:ws?scenario=quiet");
    assert!(shows(&harness, "not compressed"), "{:#?}", labels(&harness));
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::SetDraft(Box::new(Draft {
        address: "lab:ws?scenario=quiet&deflate".into(),
        websocket: WebSocketDraft { subprotocols: "chat, other".into(), ..Default::default() },
        ..Default::default()
    })));
    harness.state_mut().app.apply(Command::Connect);
    until(&mut harness, "it is open", |harness| shows(harness, "● open"));
    harness.run_steps(SETTLE);
    assert!(shows(&harness, "subprotocol chat") && shows(&harness, "permessage-deflate"), "{:#?}", labels(&harness));
}
