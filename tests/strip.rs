//! The activity strip and the figures over the rows, worked by label as a user works them.

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use pushscope::app::{App, Command, Move, SentTime, Setup, StatisticsAs, TimeUnit, View};
use pushscope::session::{Session, Store};
use pushscope::ui::Window;
use pushscope::wire::{Act, ClientAct, ConnectionId, ConnectionInfo, Entry, Event, LinkId, Opening, What};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const SECOND: u64 = 1_000_000_000;

type Hands = Harness<'static, Window>;

fn window(folder: &Path) -> Hands {
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
fn until(harness: &mut Hands, what: &str, is_so: impl Fn(&Hands) -> bool) {
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

fn labels(harness: &Hands) -> Vec<String> {
    let nodes = harness.root().children_recursive();
    nodes.filter_map(|node| node.accesskit_node().label().map(|label| label.to_string())).collect()
}

fn shows(harness: &Hands, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn view(harness: &Hands) -> &View {
    harness.state().state().view().expect("a recording is shown")
}

fn apply(harness: &mut Hands, command: Command) {
    harness.state_mut().app.apply(command);
    harness.run_steps(3);
}

/// A recording of `count` decisions, one a second, the first of them a warning.
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
        event(n * SECOND, What::Client(ClientAct { act: Act::Waiting, text: format!("wait {n}") }));
    }
    session
}

#[test]
fn a_lab_recording_has_a_strip_that_says_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    apply(&mut harness, Command::ConnectTo("lab:ws?rate=0&count=500".into()));
    until(&mut harness, "all have come", |harness| view(harness).session.totals().messages[1] >= 500);
    let received = view(&harness).session.totals().messages[1];
    until(&mut harness, "the strip counts them", |harness| {
        shows(harness, "Activity over time, 0") && shows(harness, &format!("{received} messages received"))
    });
    harness.check_accessibility();
    apply(&mut harness, Command::ToggleActivity);
    assert!(!shows(&harness, "Activity over time,"), "it can be hidden");
}

#[test]
fn a_range_is_set_by_command_and_by_dragging_and_narrows_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("a hundred seconds", synthetic(100));
    harness.run_steps(3);
    assert_eq!(view(&harness).list.len(), 102);
    apply(&mut harness, Command::SetRange(Some(10 * SECOND..20 * SECOND)));
    assert_eq!(view(&harness).list.len(), 10);
    assert!(shows(&harness, "10.0 to 20.0 s ✖"), "{:?}", labels(&harness));
    harness.get_by_label_contains("10.0 to 20.0 s").click();
    harness.run_steps(3);
    assert_eq!(view(&harness).list.len(), 102);

    let strip = harness.get_by_label_contains("Activity over time,").rect();
    let at = |share: f32| egui::pos2(strip.left() + 8.0 + share * (strip.width() - 16.0), strip.center().y);
    harness.drag_at(at(0.505));
    harness.step();
    for share in [0.55, 0.65, 0.755] {
        harness.hover_at(at(share));
        harness.step();
    }
    harness.drop_at(at(0.755));
    harness.run_steps(3);
    let view = view(&harness);
    let range = view.list.range_ns.clone().expect("a time is selected");
    assert!(range.start.abs_diff(50 * SECOND + SECOND / 2) < SECOND / 4, "{range:?}");
    assert!(range.end.abs_diff(75 * SECOND + SECOND / 2) < SECOND / 4, "{range:?}");
    assert_eq!(view.list.len(), 25);

    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    assert_eq!(self::view(&harness).list.range_ns, None, "Escape shows all times");
}

#[test]
fn a_selected_record_bounds_the_time_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("a hundred seconds", synthetic(100));
    harness.run_steps(3);
    apply(&mut harness, Command::Move(Move::First));
    apply(&mut harness, Command::Move(Move::By(11)));
    assert_eq!(view(&harness).selected, Some(11));
    harness.key_press(egui::Key::OpenBracket);
    harness.run_steps(3);
    assert_eq!(view(&harness).list.range_ns, Some(10 * SECOND..u64::MAX));
    assert!(shows(&harness, "from 10.000 s on ✖"), "{:?}", labels(&harness));
    apply(&mut harness, Command::Move(Move::By(4)));
    harness.key_press(egui::Key::CloseBracket);
    harness.run_steps(3);
    assert_eq!(view(&harness).list.range_ns, Some(10 * SECOND..14 * SECOND + 1));
    assert_eq!(view(&harness).list.len(), 5);
    // The strip then shows that time alone, and all again.
    harness.key_press(egui::Key::Z);
    harness.run_steps(3);
    assert_eq!(view(&harness).shown_time(), 10 * SECOND..14 * SECOND + 1);
    apply(&mut harness, Command::ZoomTime(false));
    assert_eq!(view(&harness).shown_time(), 8 * SECOND..16 * SECOND + 2);
    apply(&mut harness, Command::PanTime(true));
    assert_eq!(view(&harness).shown_time(), 4 * SECOND - 1..12 * SECOND + 1);
    apply(&mut harness, Command::ShowTime(None));
    assert_eq!(view(&harness).span_ns, None);
}

#[test]
fn the_wheel_zooms_around_the_pointer_and_shift_pans() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("a hundred seconds", synthetic(100));
    harness.run_steps(3);
    let strip = harness.get_by_label_contains("Activity over time,").rect();
    let at = egui::pos2(strip.left() + 8.0 + 0.25 * (strip.width() - 16.0), strip.center().y);
    harness.hover_at(at);
    harness.step();
    let wheel = |harness: &mut Hands, delta: egui::Vec2| {
        harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: egui::Modifiers::NONE,
        });
        harness.run_steps(20);
    };
    wheel(&mut harness, egui::vec2(0.0, 200.0));
    let zoomed = view(&harness).span_ns.clone().expect("less time is shown");
    let len = zoomed.end - zoomed.start;
    assert!(len < 50 * SECOND, "{zoomed:?}");
    // What is under the pointer stays there.
    assert!((zoomed.start + len / 4).abs_diff(25 * SECOND) < SECOND, "{zoomed:?}");
    wheel(&mut harness, egui::vec2(-300.0, 0.0));
    let panned = view(&harness).span_ns.clone().unwrap();
    assert!(panned.start > zoomed.start && panned.end - panned.start == len, "{zoomed:?} {panned:?}");
    // As far out as it goes is the whole.
    wheel(&mut harness, egui::vec2(0.0, -900.0));
    assert_eq!(view(&harness).span_ns, None);
}

#[test]
fn statistics_tell_figures_of_the_rows_and_their_latency() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    apply(&mut harness, Command::ConnectTo("lab:sse?rate=0&count=300".into()));
    until(&mut harness, "all have come", |harness| view(harness).session.totals().messages[1] >= 300);
    harness.get_by_label("statistics").click();
    until(&mut harness, "every row is counted", |harness| {
        let view = view(harness);
        view.tally.rows() == view.list.len() && shows(harness, "how many, received: 300")
    });
    assert!(shows(&harness, "chunk framing, share: "), "{:?}", labels(&harness));
    assert!(shows(&harness, "stream framing, bytes: "));
    assert!(shows(&harness, "sse.event, received: 300"));
    let latency = view(&harness).tally.statistics.latency();
    assert_eq!((latency.late.count() + latency.early, latency.without), (300, 0));
    assert!(latency.late.quantile(0.5).is_some_and(|ns| ns < 20 * SECOND));
    harness.check_accessibility();

    // The other way in which the lab says it is text.
    apply(&mut harness, Command::SetSentTime(SentTime { path: "$.sent".into(), unit: TimeUnit::Rfc3339 }));
    until(&mut harness, "it is counted anew", |harness| {
        let latency = view(harness).tally.statistics.latency();
        latency.late.count() + latency.early == 300
    });
    apply(&mut harness, Command::SetSentTime(SentTime { path: "sent".into(), unit: TimeUnit::Detect }));
    assert!(shows(&harness, "sent is no JSONPath"), "{:?}", labels(&harness));

    // Fewer rows, other figures.
    apply(&mut harness, Command::SetFilter("kind:sse.event \"push 1\"".into()));
    until(&mut harness, "the figures are of the rows", |harness| {
        let rows = view(harness).list.len() as u64;
        rows < 300 && rows > 0 && shows(harness, &format!("how many, received: {rows}"))
    });
    apply(&mut harness, Command::CopyStatistics(StatisticsAs::Csv));
    assert!(shows(&harness, "rows as CSV"));
    harness.get_by_label("Details").click();
    harness.run_steps(3);
    assert!(!harness.state().state().shows(pushscope::app::Pane::Statistics));
}

#[test]
fn counting_many_rows_can_be_stopped_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("much", synthetic(1_000_000));
    until(&mut harness, "every record is a row", |harness| view(harness).list.len() == 1_000_002);
    apply(&mut harness, Command::ShowPane(pushscope::app::Pane::Statistics));
    apply(&mut harness, Command::StopCounting(true));
    let counted = view(&harness).tally.rows();
    if counted < 1_000_002 {
        assert!(shows(&harness, "stopped: "), "{:?}", labels(&harness));
        harness.run_steps(3);
        assert_eq!(view(&harness).tally.rows(), counted);
        harness.get_by_label("Go on").click();
    } else {
        apply(&mut harness, Command::StopCounting(false));
    }
    until(&mut harness, "every row is counted", |harness| view(harness).tally.rows() == 1_000_002);
    assert!(shows(&harness, "client, sent: 1,000,001"));
}
