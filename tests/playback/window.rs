//! The play bar, worked by label and key.

use super::*;
use pushscope::app::Speed;

fn played(count: u64) -> (tempfile::TempDir, Hands) {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("seconds", seconds(count));
    harness.run_steps(3);
    // As a recording from a file is shown at first.
    apply(&mut harness, Command::SetFollow(false));
    apply(&mut harness, Command::Move(pushscope::app::Move::First));
    apply(&mut harness, Command::Select(None));
    (folder, harness)
}

fn at(harness: &Hands) -> Option<u64> {
    view(harness).moment().map(|moment| moment.at_ns)
}

#[test]
fn the_bar_comes_when_asked_for_and_hides_nothing_until_it_is_moved() {
    let (_folder, mut harness) = played(100);
    assert!(!shows(&harness, "Scrubber"));
    harness.get_by_label("Playback").click();
    harness.run_steps(3);
    assert_eq!(view(&harness).list.len(), 101);
    assert!(!shows(&harness, "wait 100"), "nor does it scroll");
    assert!(shows(&harness, "Scrubber, at 100.000 of 100.000 s"), "{:?}", labels(&harness));
    assert!(shows(&harness, "as of 100.000 s") && shows(&harness, "Playhead at 100"));
    harness.check_accessibility();
    apply(&mut harness, Play::To(40 * SECOND + 5));
    assert_eq!(view(&harness).list.len(), 41);
    assert!(shows(&harness, "41 of 41 records"), "{:?}", labels(&harness));
    assert!(shows(&harness, "41 out client wait 40"), "the playhead's row is in sight");
    assert!(!shows(&harness, "wait 41"));
    harness.get_by_label("Close the play bar").click();
    harness.run_steps(3);
    assert!(view(&harness).list.len() == 101 && !shows(&harness, "Scrubber"));
}

#[test]
fn the_scrubber_is_dragged_and_takes_keys() {
    let (_folder, mut harness) = played(100);
    apply(&mut harness, Play::Bar);
    let track = harness.get_by_label_contains("Scrubber").rect();
    let place = |share: f32| egui::pos2(track.left() + 8.0 + share * (track.width() - 16.0), track.center().y);
    harness.drag_at(place(1.0));
    harness.run_steps(2);
    harness.hover_at(place(0.25));
    harness.run_steps(2);
    let dragged = at(&harness).unwrap() / SECOND;
    assert!((24..=26).contains(&dragged), "while it is dragged: {dragged}");
    harness.drop_at(place(0.505));
    harness.run_steps(3);
    assert_eq!((at(&harness).unwrap() / SECOND, view(&harness).list.len()), (50, 51));
    let press = |harness: &mut Hands, key: egui::Key| {
        harness.key_press(key);
        harness.run_steps(3);
        (at(harness).unwrap(), view(harness).selected)
    };
    assert_eq!(press(&mut harness, egui::Key::ArrowRight), (51 * SECOND, Some(51)));
    assert_eq!(press(&mut harness, egui::Key::ArrowRight), (52 * SECOND, Some(52)));
    assert_eq!(press(&mut harness, egui::Key::ArrowLeft), (51 * SECOND, Some(51)));
    assert_eq!(press(&mut harness, egui::Key::Home).0, 0);
    assert_eq!(press(&mut harness, egui::Key::End).0, 100 * SECOND);
    press(&mut harness, egui::Key::CloseBracket);
    assert_eq!(view(&harness).playback.speed, Speed::Times(2.0));
    press(&mut harness, egui::Key::OpenBracket);
    press(&mut harness, egui::Key::OpenBracket);
    assert_eq!(view(&harness).playback.speed, Speed::Times(0.5));
    assert_eq!(view(&harness).list.range_ns, None, "brackets were not for the time range");
}

#[test]
fn the_playhead_on_the_strip_is_dragged() {
    let (_folder, mut harness) = played(100);
    apply(&mut harness, Play::To(20 * SECOND));
    let strip = harness.get_by_label_contains("Activity over time").rect();
    let handle = harness.get_by_label_contains("Playhead").rect().center();
    harness.drag_at(handle);
    harness.run_steps(2);
    let wanted = egui::pos2(strip.left() + 8.0 + 0.755 * (strip.width() - 16.0), handle.y);
    harness.hover_at(wanted);
    harness.run_steps(2);
    harness.drop_at(wanted);
    harness.run_steps(3);
    assert_eq!(at(&harness).unwrap() / SECOND, 75);
    assert_eq!(view(&harness).list.range_ns, None, "no time was selected by that");
}

#[test]
fn it_plays_to_the_end_and_rests_there() {
    let (_folder, mut harness) = played(100);
    let speed = |speed| Command::Play(Play::Speed(speed));
    apply(&mut harness, speed(Speed::Times(100.0)));
    assert_eq!(at(&harness), Some(100 * SECOND), "choosing a speed shows the bar and moves nothing");
    harness.key_press(egui::Key::Space);
    harness.run_steps(2);
    assert!(view(&harness).playback.is_playing() && shows(&harness, "Pause playback"));
    assert!(at(&harness).unwrap() < 100 * SECOND, "from the end it begins anew");
    until(&mut harness, "it has played", |harness| !view(harness).playback.is_playing());
    assert_eq!((at(&harness), view(&harness).list.len()), (Some(100 * SECOND), 101));
    let next = harness.state_mut().app.tick(Duration::from_millis(4));
    assert_eq!(next, pushscope::app::Next::Rest, "paused, it asks for no frame");
    apply(&mut harness, Play::To(50 * SECOND));
    harness.key_press(egui::Key::Space);
    harness.run_steps(2);
    harness.key_press(egui::Key::Space);
    harness.run_steps(2);
    assert!(!view(&harness).playback.is_playing());
    let paused = at(&harness);
    harness.run_steps(5);
    assert_eq!(at(&harness), paused);
    assert_eq!(harness.state_mut().app.tick(Duration::from_millis(4)), pushscope::app::Next::Rest);
}

#[test]
fn space_is_left_to_fields_and_buttons_that_have_the_focus() {
    let (_folder, mut harness) = played(10);
    harness.get_by_label("Filter").focus();
    harness.run_steps(2);
    harness.key_press(egui::Key::Space);
    harness.run_steps(2);
    assert_eq!(at(&harness), None);
    harness.get_by_label("Pause").focus();
    harness.run_steps(2);
    harness.key_press(egui::Key::Space);
    harness.run_steps(2);
    assert!(at(&harness).is_none() && view(&harness).list.is_paused(), "the button was pressed, nothing plays");
}

#[test]
fn what_is_not_shown_yet_is_not_found_counted_or_moved_to() {
    let (_folder, mut harness) = played(100);
    apply(&mut harness, Play::To(30 * SECOND));
    apply(&mut harness, Command::Move(pushscope::app::Move::Last));
    assert_eq!(view(&harness).selected, Some(30));
    apply(&mut harness, Command::SetFind("\"wait 77\"".into()));
    until(&mut harness, "it was looked for", |harness| !view(harness).find.is_searching());
    assert_eq!(view(&harness).find.found, pushscope::app::Found::None);
    apply(&mut harness, Command::SetFilter("\"wait 3\"".into()));
    assert_eq!(view(&harness).list.len(), 2, "3 and 30, but none of 31 to 39");
    apply(&mut harness, Play::Step(true));
    assert_eq!(
        (at(&harness), view(&harness).list.len()),
        (Some(31 * SECOND), 3),
        "a step is to the next that is shown"
    );
    apply(&mut harness, Command::SetFilter(String::new()));
    apply(&mut harness, Command::Select(Some(12)));
    apply(&mut harness, Play::Here);
    assert_eq!((at(&harness), view(&harness).list.len()), (Some(12 * SECOND), 13));
}

#[test]
fn a_recording_that_goes_on_is_played_up_to_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    let options = ReaderOptions::new(usize::MAX);
    let (sender, mut receivers) = EventSender::new(Instant::now(), 1, vec![options]);
    let empty = fed(&[]);
    harness.state_mut().app.add_live("live", empty, sender.clone(), receivers.remove(0));
    let link = sender.new_link();
    sender.send(link, opening(1));
    (0..5).for_each(|n| sender.send(link, wait(format!("wait {n}"))));
    until(&mut harness, "six are there", |harness| view(harness).list.len() == 6);
    apply(&mut harness, Play::Bar);
    let then = view(&harness).moment().unwrap();
    (5..9).for_each(|n| sender.send(link, wait(format!("wait {n}"))));
    until(&mut harness, "more have come", |harness| view(harness).session.records().len() == 10);
    assert_eq!((view(&harness).list.len(), view(&harness).moment()), (6, Some(then)), "a moment stays what it is");
    apply(&mut harness, Play::Speed(Speed::Max));
    apply(&mut harness, Play::Toggle);
    until(&mut harness, "it has come to now", |harness| view(harness).list.len() == 10);
    assert!(view(&harness).playback.is_playing(), "what comes is followed");
    sender.send(link, wait("the newest".into()));
    until(&mut harness, "that is shown as it comes", |harness| shows(harness, "client the newest"));
}

#[test]
fn the_list_at_the_left_counts_as_of_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    harness.state_mut().app.apply(Command::ConnectTo("lab:ws?rate=100".into()));
    until(&mut harness, "messages come", |harness| view(harness).session.totals().messages[1] > 60);
    harness.state_mut().app.apply(Command::DisconnectAll);
    until(&mut harness, "it is closed", |harness| shows(harness, "connection 1 lab:ws?rate=100, closed"));
    let middle = view(&harness).session.last_at_ns() / 2;
    apply(&mut harness, Play::To(middle));
    let (session, moment) = (&view(&harness).session, view(&harness).moment().unwrap());
    let all = session.connections()[0].messages;
    let then = session.totals_as_of(moment).messages;
    assert!(then[1] > 0 && then[1] < all[1], "{then:?} of {all:?}");
    let (messages, records) = (then[0] + then[1], moment.records);
    assert!(shows(&harness, &format!("closed, {messages} messages")), "{:?}", labels(&harness));
    assert!(records < session.records().len());
}
