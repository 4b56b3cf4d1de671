//! The window, worked by label as a user works it: the program behind it is the real one, with its network threads, its
//! lab and its files; only the pixels are missing.

#[path = "ui/anything.rs"]
mod anything;
#[path = "ui/composing.rs"]
mod composing;
#[path = "ui/consulting.rs"]
mod consulting;
#[path = "ui/exchanging.rs"]
mod exchanging;
#[path = "ui/finding.rs"]
mod finding;
#[path = "ui/library.rs"]
mod library;
#[path = "ui/requests.rs"]
mod requests;
#[path = "ui/scripting.rs"]
mod scripting;
#[path = "ui/secrets.rs"]
mod secrets;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use pushscope::app::{App, Command, Group, Move, Setup};
use pushscope::session::{Session, Store};
use pushscope::ui::Window;
use pushscope::wire::{Act, ClientAct, ConnectionId, ConnectionInfo, Entry, Event, LinkId, Opening, What};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn window(folder: &Path) -> Harness<'static, Window> {
    let setup = Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) };
    let app = App::new(setup).expect("the program starts");
    Harness::builder()
        .with_size([1280.0, 800.0])
        .allow_missing_glyphs()
        .with_context_setup(Window::install)
        .build_ui_state(
            |ui, window: &mut Window| {
                window.logic(&ui.ctx().clone());
                window.ui(ui);
            },
            Window::new(app),
        )
}

/// Draws frames until it is so.
fn until(harness: &mut Harness<'_, Window>, what: &str, is_so: impl Fn(&Harness<'_, Window>) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        harness.step();
        if is_so(harness) {
            return;
        }
        assert!(Instant::now() < deadline, "still not so: {what}\n{}", labels(harness).join("\n"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn labels(harness: &Harness<'_, Window>) -> Vec<String> {
    let nodes = harness.root().children_recursive().filter_map(|node| {
        let node = node.accesskit_node();
        node.label().map(|label| label.to_string())
    });
    nodes.collect()
}

fn shows(harness: &Harness<'_, Window>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn rows_of(harness: &Harness<'_, Window>) -> Vec<String> {
    let view = harness.state().state().view().expect("a recording is shown");
    view.session.records().iter().enumerate().map(|(id, _)| format!("{id} {}", view.session.summary(id))).collect()
}

#[test]
fn one_click_speaks_a_draft_of_2010() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label_contains("Connect to lab:ws?draft=hixie-76: ").click();
    until(&mut harness, "the first message of the feed is in the timeline", |harness| shows(harness, "in ws.text {"));
    harness.get_by_label("Message").focus();
    harness.step();
    harness.get_by_label("Message").type_text("こんにちは from the window");
    harness.step();
    harness.get_by_label("Send").click();
    until(&mut harness, "the echo has come", |harness| shows(harness, "in ws.text こんにちは from the window"));
    harness.get_by_label("Disconnect").click();
    until(&mut harness, "it is closed", |harness| shows(harness, "connection 1 lab:ws?draft=hixie-76, closed"));
}

#[test]
fn one_click_then_a_message_its_bits_an_echo_and_the_file_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.get_by_label_contains("Connect to lab:ws: ").click();
    until(&mut harness, "the first message of the feed is in the timeline", |harness| shows(harness, "in ws.text {"));
    assert!(shows(&harness, "connection 1 lab:ws, open"));

    harness.get_all_by_label_contains("in ws.text {").next().unwrap().click();
    until(&mut harness, "the opcode's bits are lit", |harness| {
        shows(harness, "Lit: opcode = 1 text, byte 0, bits 4 to 7")
    });
    harness.get_by_label("FIN 1").click();
    until(&mut harness, "the bit of FIN is lit", |harness| shows(harness, "Lit: FIN = 1, byte 0, bit 0"));

    harness.get_by_label("Message").focus();
    harness.step();
    harness.get_by_label("Message").type_text("こんにちは from the window");
    harness.step();
    harness.get_by_label("Send").click();
    until(&mut harness, "it is sent", |harness| shows(harness, "out ws.text こんにちは from the window"));
    until(&mut harness, "the echo has come", |harness| shows(harness, "in ws.text こんにちは from the window"));

    harness.get_by_label("Disconnect").click();
    until(&mut harness, "it is closed", |harness| shows(harness, "connection 1 lab:ws, closed"));
    let copy = folder.path().join("copy.pushscope");
    std::thread::sleep(Duration::from_millis(400));
    harness.state_mut().app.apply(Command::SaveAs);
    until(&mut harness, "the path field is there", |harness| shows(harness, "Save a copy as"));
    assert!(shows(&harness, "no file picker"));
    harness.state_mut().app.apply(Command::SetPath(copy.display().to_string()));
    harness.step();
    harness.get_by_label("Save").click();
    until(&mut harness, "the copy is made", |harness| shows(harness, "Saved "));
    let before = rows_of(&harness);

    harness.state_mut().app.apply(Command::OpenPath(copy));
    until(&mut harness, "the copy is open", |harness| shows(harness, "open recording copy"));
    until(&mut harness, "it has as many rows", |harness| rows_of(harness).len() >= before.len());
    assert_eq!(rows_of(&harness), before);
}

#[test]
fn a_refused_port_says_so_where_the_user_looks() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    harness.get_by_label("Address").focus();
    harness.step();
    harness.get_by_label("Address").type_text(&format!("http://{refused}/events"));
    harness.step();
    harness.key_press(egui::Key::Enter);
    until(&mut harness, "the failed stage stays lit, with the reason", |harness| {
        shows(harness, "✖ TCP") && shows(harness, "refused")
    });
    assert!(shows(&harness, &format!("connection 1 http://{refused}/events, failed")));
}

#[test]
fn an_address_that_is_none_is_named_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::ConnectTo("gopher://example.com/".into()));
    harness.step();
    assert!(shows(&harness, "gopher: addresses cannot be opened"), "{:?}", labels(&harness));
    harness.get_by_label("Dismiss").click();
    harness.run_steps(2);
    assert!(!shows(&harness, "gopher: addresses"));
}

#[test]
fn a_bad_filter_says_where_and_leaves_the_last_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::ConnectTo("lab:sse?rate=0&count=20".into()));
    until(&mut harness, "all have come", |harness| harness.state().state().view().unwrap().list.len() > 20);
    let all = harness.state().state().view().unwrap().list.len();
    harness.get_by_label("Filter").focus();
    harness.step();
    harness.get_by_label("Filter").type_text("kind:sse.event");
    let events = |harness: &Harness<'_, Window>| harness.state().state().view().unwrap().list.len();
    until(&mut harness, "only events are rows", |harness| (20..all).contains(&events(harness)));
    let good = events(&harness);
    harness.get_by_label("Filter").type_text(" (");
    harness.run_steps(3);
    assert!(shows(&harness, "In force meanwhile: kind:sse.event"), "{:?}", labels(&harness));
    assert_eq!(events(&harness), good);
    harness.get_by_label("Clear the filter").click();
    until(&mut harness, "all are rows again", |harness| events(harness) >= all);
}

#[test]
fn japanese_payloads_are_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::ConnectTo("lab:lines?scenario=tweets".into()));
    until(&mut harness, "the torn message is whole", |harness| shows(harness, "今からこれふぁぼります"));
    harness.get_all_by_label_contains("今からこれふぁぼります").next().unwrap().click();
    harness.run_steps(2);
    harness.get_by_label("Payload").click();
    until(&mut harness, "the tree shows it", |harness| shows(harness, "text \"今からこれふぁぼります\""));
}

#[test]
fn home_and_end_are_exact_over_a_million_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("a million", synthetic(1_000_000));
    until(&mut harness, "every record is a row", |harness| {
        harness.state().state().view().unwrap().list.len() == 1_000_002
    });
    harness.key_press(egui::Key::Home);
    harness.run_steps(3);
    assert_eq!(harness.state().state().view().unwrap().selected, Some(0));
    assert!(shows(&harness, "1 out open"), "the first row is in sight");
    harness.key_press(egui::Key::End);
    harness.run_steps(3);
    assert_eq!(harness.state().state().view().unwrap().selected, Some(1_000_001));
    assert!(shows(&harness, "1000002 out client wait 1000000"), "the last row is in sight");
    harness.key_press(egui::Key::ArrowUp);
    harness.run_steps(3);
    assert!(shows(&harness, "1000001 out client wait 999999"));
    harness.key_press(egui::Key::PageUp);
    harness.run_steps(3);
    let selected = harness.state().state().view().unwrap().selected.unwrap();
    assert!((999_900..1_000_000).contains(&selected), "{selected}");
}

#[test]
fn notes_are_gone_through_and_selection_survives_a_filter() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("notes", synthetic(100));
    harness.run_steps(3);
    harness.key_press(egui::Key::N);
    harness.run_steps(2);
    // The made-up recording begins with a failure that was noticed.
    assert_eq!(harness.state().state().view().unwrap().selected, Some(1));
    harness.state_mut().app.apply(Command::ToggleGroup(Group::Messages));
    harness.state_mut().app.apply(Command::SetFilter("\"wait 50\"".into()));
    harness.run_steps(3);
    let view = harness.state().state().view().unwrap();
    assert_eq!((view.selected, view.list.len()), (Some(1), 1));
    harness.state_mut().app.apply(Command::Move(Move::First));
    assert_ne!(harness.state().state().view().unwrap().selected, Some(1));
}

#[test]
fn the_palette_does_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
    harness.run_steps(2);
    assert!(shows(&harness, "File: New recording"));
    harness.event(egui::Event::Text("light".into()));
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(2);
    assert_eq!(harness.state().state().theme, pushscope::app::Theme::Light);
    assert!(!harness.state().state().palette);
}

#[test]
fn a_request_on_the_side_is_recorded_like_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::ConnectTo("lab:sse?scenario=quiet&channel=ui".into()));
    until(&mut harness, "it is open", |harness| shows(harness, "200 OK"));
    let mut composer = harness.state().state().composer.clone();
    assert_eq!(composer.url, "lab:publish?channel=ui");
    composer.text = "{\"hello\":1}".into();
    harness.state_mut().app.apply(Command::SetComposer(Box::new(composer)));
    harness.step();
    harness.get_by_label("Send").click();
    until(&mut harness, "the event has come", |harness| shows(harness, "sse.event message  {\"hello\":1}"));
    assert!(shows(&harness, "POST /publish?channel=ui"));
}

#[test]
fn every_input_of_every_foldout_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    for foldout in ["Headers", "Auth", "Body", "TLS verified", "Options"] {
        harness.get_by_label_contains(&format!("▸ {foldout}")).click();
        harness.run_steps(3);
        harness.check_accessibility();
        harness.get_by_label_contains(&format!("▾ {foldout}")).click();
        harness.run_steps(2);
    }
}

/// A recording of one failed opening and `count` decisions, as a session has it.
fn synthetic(count: u64) -> Session {
    let mut session = Session::new(Store::memory(), 0);
    let id = ConnectionId(1);
    session.take(Entry::Connection(ConnectionInfo { id, spec: String::new(), label: "made up".into() }));
    let mut event = |at_ns: u64, what: What| {
        session.take(Entry::Event(Event { at_ns, link: LinkId(1), what }));
    };
    let opening = Opening {
        connection: id,
        host: "example.com".into(),
        port: 80,
        tls: false,
        purpose: "request".into(),
        via: None,
    };
    event(0, What::Opening(opening));
    event(1, What::Client(ClientAct { act: Act::Noticed, text: "something was noticed".into() }));
    for n in 1..=count {
        event(n * 1_000, What::Client(ClientAct { act: Act::Waiting, text: format!("wait {n}") }));
    }
    session
}

#[test]
fn a_long_search_says_how_far_it_is_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("much", synthetic(1_000_000));
    // Regular expressions over summaries are slow enough for a hand to be quicker.
    harness.state_mut().app.apply(Command::SetFilter("/wait .*[a-z]7/".into()));
    until(&mut harness, "it says how far it is", |harness| shows(harness, "% looked at"));
    until(&mut harness, "it can be stopped", |harness| shows(harness, "Stop"));
    harness.get_by_label("Stop").click();
    until(&mut harness, "it stopped", |harness| shows(harness, "Go on looks at the rest"));
    let scanned = harness.state().state().view().unwrap().list.scanned();
    harness.run_steps(3);
    assert_eq!(harness.state().state().view().unwrap().list.scanned(), scanned);
    // Another filter starts afresh.
    harness.state_mut().app.apply(Command::SetFilter(String::new()));
    until(&mut harness, "every record is a row", |harness| {
        harness.state().state().view().unwrap().list.len() == 1_000_002
    });
}

#[test]
fn long_gaps_are_the_ones_that_the_filter_finds() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("gaps", synthetic(10));
    harness.state_mut().app.apply(Command::SetLongGap(250));
    harness.run_steps(3);
    assert_eq!(harness.state().state().long_gap_ms, 250);
    harness.get_by_label("gap").click_secondary();
    harness.run_steps(2);
    harness.get_by_label("Only gap>=250ms").click();
    harness.run_steps(2);
    let view = harness.state().state().view().unwrap();
    assert!(view.filter_mistake().is_none());
    assert_eq!((view.list.standing.as_str(), view.list.len()), ("gap>=250ms", 0));
}

#[test]
fn columns_change_places_hide_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("columns", synthetic(10));
    harness.run_steps(2);
    let left = |harness: &Harness<'_, Window>, name: &str| harness.get_by_label(name).rect().left();
    assert!(left(&harness, "kind") < left(&harness, "size"));
    harness.get_by_label("size").click_secondary();
    harness.run_steps(2);
    harness.get_by_label("Move to the left").click();
    harness.run_steps(3);
    assert!(left(&harness, "kind") > left(&harness, "size"));
    // Dragged beyond its neighbour, a head changes places with it.
    let (from, to) = (harness.get_by_label("size").rect().center(), harness.get_by_label("summary").rect().center());
    harness.drag_at(from);
    harness.step();
    for at in [0.3, 0.6, 0.8, 1.0] {
        harness.hover_at(from + (to - from) * at);
        harness.step();
    }
    harness.drop_at(to);
    harness.run_steps(2);
    assert!(left(&harness, "kind") < left(&harness, "size"));
    harness.state_mut().app.apply(Command::ToggleColumn(4));
    harness.run_steps(2);
    assert!(harness.query_by_label("kind").is_none());
    harness.state_mut().app.apply(Command::ResetColumns);
    harness.run_steps(2);
    assert!(left(&harness, "kind") < left(&harness, "size"));
}

#[test]
fn a_recording_that_another_window_writes_is_read_as_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = window(folder.path());
    writer.state_mut().app.apply(Command::ConnectTo("lab:sse?rate=20".to_owned()));
    let messages = |harness: &Harness<'_, Window>| {
        harness.state().state().view().map_or(0, |view| view.session.totals().messages[1])
    };
    until(&mut writer, "messages come", |harness| messages(harness) > 3);
    let path = writer.state().state().view().and_then(pushscope::app::View::path).expect("it is recorded");

    let mut reader = window(folder.path());
    reader.state_mut().app.apply(Command::OpenPath(path));
    until(&mut reader, "it says so", |harness| shows(harness, "another program is recording this"));
    let before = messages(&reader);
    until(&mut reader, "what is new is read", |harness| messages(harness) > before + 5);

    writer.state_mut().app.apply(Command::NewRecording);
    until(&mut reader, "the end is seen", |harness| shows(harness, "recording from a file"));
    let written = rows_of(&reader);
    assert!(written.last().is_some_and(|last| last.contains("stopped") || last.contains("closed")), "{written:#?}");
}
