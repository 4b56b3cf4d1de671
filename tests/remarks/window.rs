//! Remarks in the window.

use super::*;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use pushscope::app::{App, Command, LibraryCommand, Pane, Play, RemarkAct, Setup, View};
use pushscope::ui::Window;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    let deadline = Instant::now() + Duration::from_secs(30);
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

fn apply(harness: &mut Hands, command: impl Into<Command>) {
    harness.state_mut().app.apply(command.into());
    harness.run_steps(3);
}

fn remarks(harness: &Hands) -> Vec<Remark> {
    harness.state().app.remarks_of(view(harness).id)
}

/// A window on a recording of thirty seconds in a file.
fn opened(folder: &Path) -> (PathBuf, Hands) {
    let path = recorded(folder, 30);
    let mut harness = window(folder);
    apply(&mut harness, Command::OpenPath(path.clone()));
    until(&mut harness, "it is read", |harness| view(harness).session.records().len() == 35);
    harness.run_steps(3);
    (path, harness)
}

fn stored(path: &Path) -> Vec<Remark> {
    read_remarks(path).unwrap().0.into_iter().map(|stored| stored.remark).collect()
}

/// Draws frames until the file has what the window shows.
fn until_stored(harness: &mut Hands, path: &Path) {
    let shown = remarks(harness);
    let path = path.to_owned();
    until(harness, "the file has it", move |_| {
        let mut stored = stored(&path);
        stored.sort_by_key(|remark| remark.record);
        stored == shown
    });
}

#[test]
fn keys_bookmark_a_record_and_write_a_remark_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut harness) = opened(folder.path());
    apply(&mut harness, Command::Select(Some(8)));
    assert!(!shows(&harness, "Remark on"));
    harness.key_press(egui::Key::B);
    harness.run_steps(3);
    assert_eq!(remarks(&harness), [remark(8, "", Mark::Plain)]);
    assert!(shows(&harness, "client wait 4, remark plain: bookmark"), "the row says it: {:?}", labels(&harness));
    assert!(shows(&harness, "Remark on #9: bookmark"), "a flag stands on the strip");
    harness.key_press(egui::Key::B);
    harness.run_steps(3);
    assert_eq!(remarks(&harness), []);
    harness.key_press(egui::Key::M);
    harness.run_steps(3);
    harness.get_by_label("Remark").type_text("from here on it is late");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(remarks(&harness), [remark(8, "from here on it is late", Mark::Plain)]);
    harness.get_by_label("Mark orange").click();
    harness.run_steps(3);
    assert_eq!(remarks(&harness), [remark(8, "from here on it is late", Mark::Orange)]);
    assert!(shows(&harness, "remark orange: from here on it is late"));
    harness.check_accessibility();
    until_stored(&mut harness, &path);
    // Escape leaves what was said as it was.
    harness.key_press(egui::Key::M);
    harness.run_steps(3);
    harness.get_by_label("Remark").type_text("no");
    harness.run_steps(2);
    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    assert_eq!(remarks(&harness)[0].text, "from here on it is late");

    let mut again = window(folder.path());
    apply(&mut again, Command::OpenPath(path));
    until(&mut again, "whoever opens it next reads it", |again| shows(again, "remark orange: from here on it is late"));
}

#[test]
fn the_list_selects_edits_deletes_and_takes_that_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut harness) = opened(folder.path());
    for (id, text) in [(5, "first"), (15, "second"), (25, "")] {
        apply(&mut harness, Command::Select(Some(id)));
        apply(&mut harness, RemarkAct::Mark(Mark::Green));
        apply(&mut harness, RemarkAct::Say(id, text.into()));
    }
    apply(&mut harness, Command::ShowPane(Pane::Remarks));
    harness.check_accessibility();
    assert!(shows(&harness, "3 remarks"));
    harness.get_by_label("Remark on #16, green: second").click();
    harness.run_steps(3);
    assert_eq!(view(&harness).selected, Some(15));
    harness.get_by_label("Edit the remark on #6").click();
    harness.run_steps(3);
    harness.get_by_label("Remark").type_text(" of all");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(remarks(&harness)[0].text, "first of all");
    harness.get_by_label("Delete the remark on #16").click();
    harness.run_steps(3);
    assert_eq!(remarks(&harness).len(), 2);
    until_stored(&mut harness, &path);
    harness.get_by_label("Undo remark").click();
    harness.run_steps(3);
    assert_eq!(remarks(&harness)[1], remark(15, "second", Mark::Green));
    until_stored(&mut harness, &path);
    harness.get_by_label("Only these").click();
    harness.run_steps(3);
    assert_eq!(view(&harness).list.len(), 3);
    harness.get_by_label("Delete the remark on #26").click();
    harness.run_steps(3);
    assert_eq!(view(&harness).list.len(), 2, "the filter follows");
    apply(&mut harness, Command::SetFilter(String::new()));
    apply(&mut harness, Command::Select(Some(0)));
    harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::N);
    harness.run_steps(3);
    assert_eq!(view(&harness).selected, Some(5));
    apply(&mut harness, RemarkAct::Go(true));
    apply(&mut harness, RemarkAct::Go(true));
    assert_eq!(view(&harness).selected, Some(15));
    assert!(shows(&harness, "No further remark in this direction"));
    harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::P);
    harness.run_steps(3);
    assert_eq!(view(&harness).selected, Some(5));
}

#[test]
fn flags_on_the_strip_select_and_come_when_the_playhead_does() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    for id in [10, 30] {
        apply(&mut harness, Command::Select(Some(id)));
        apply(&mut harness, RemarkAct::Toggle);
    }
    harness.get_by_label("Remark on #11: bookmark").click();
    harness.run_steps(3);
    assert_eq!(view(&harness).selected, Some(10));
    apply(&mut harness, Play::To(15 * SECOND));
    assert!(shows(&harness, "Remark on #11: bookmark") && !shows(&harness, "Remark on #31"));
    apply(&mut harness, Command::ShowPane(Pane::Remarks));
    assert!(shows(&harness, "1 of 2 remarks"));
}

#[test]
fn what_is_in_no_file_is_kept_while_it_is_open_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::new(Store::memory(), 0);
    beginning().into_iter().for_each(|entry| _ = session.take(entry));
    let mut harness = window(folder.path());
    harness.state_mut().app.add_session("in memory", session);
    harness.run_steps(3);
    apply(&mut harness, RemarkAct::Toggle);
    assert!(shows(&harness, "no record is selected"));
    apply(&mut harness, Command::Select(Some(2)));
    apply(&mut harness, RemarkAct::Toggle);
    assert!(shows(&harness, "Remarks are kept while this recording is open: this recording is in no file"));
    apply(&mut harness, Command::ShowPane(Pane::Remarks));
    assert!(shows(&harness, "kept while this recording is open") && remarks(&harness).len() == 1);
}

#[test]
fn a_file_that_went_away_is_complained_of_once_and_the_remark_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut harness) = opened(folder.path());
    std::fs::remove_file(&path).unwrap();
    apply(&mut harness, Command::Select(Some(2)));
    apply(&mut harness, RemarkAct::Toggle);
    until(&mut harness, "it says so", |harness| shows(harness, "The remark is kept while this recording is open"));
    apply(&mut harness, RemarkAct::Mark(Mark::Red));
    harness.run_steps(5);
    assert_eq!(remarks(&harness), [remark(2, "", Mark::Red)]);
    let complaints = harness.state().state().messages.iter().filter(|message| message.is_error).count();
    assert_eq!(complaints, 1);
}

#[test]
fn a_recording_in_progress_takes_remarks_and_its_file_has_them_when_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(folder.path());
    apply(&mut harness, Command::ConnectTo("lab:sse?rate=200".into()));
    until(&mut harness, "some have come", |harness| {
        harness.state().state().view().is_some_and(|view| view.list.len() > 20)
    });
    for id in [3, 12, 17] {
        apply(&mut harness, Command::Select(Some(id)));
        apply(&mut harness, RemarkAct::Say(id, format!("live {id}")));
    }
    let live = view(&harness).path().unwrap();
    apply(&mut harness, Command::NewRecording);
    let shown = harness.state().state().views[0].id;
    apply(&mut harness, Command::Show(shown));
    apply(&mut harness, Command::Select(Some(5)));
    apply(&mut harness, RemarkAct::Toggle);
    until_stored(&mut harness, &live);
    let kept = remarks(&harness);
    drop(harness);
    let loaded = loaded(&live);
    assert_eq!((loaded.remarks, loaded.notices), (kept, vec![]));
}

#[test]
fn keys_of_one_frame_are_done_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    apply(&mut harness, Command::Select(Some(4)));
    for key in [egui::Key::ArrowDown, egui::Key::Num2, egui::Key::ArrowDown, egui::Key::ArrowDown, egui::Key::B] {
        harness.key_press(key);
    }
    harness.run_steps(3);
    assert_eq!(remarks(&harness), [remark(5, "", Mark::Red), remark(7, "", Mark::Plain)]);
    assert_eq!(view(&harness).selected, Some(7));
    // What is typed behind a key that puts the cursor into a field is no key.
    for key in [egui::Key::M, egui::Key::B, egui::Key::Num3] {
        harness.key_press(key);
    }
    harness.run_steps(3);
    assert_eq!(remarks(&harness)[1], remark(7, "", Mark::Plain));
}

#[test]
fn a_key_undoes_what_was_done_last() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut harness) = opened(folder.path());
    let other = folder.path().join("other.pushscope");
    std::fs::copy(&path, &other).unwrap();
    let undo = |harness: &mut Hands| {
        harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
        harness.run_steps(3);
    };
    apply(&mut harness, Command::Select(Some(3)));
    harness.key_press(egui::Key::Num5);
    harness.run_steps(3);
    apply(&mut harness, RemarkAct::Delete(3));
    apply(&mut harness, Command::RefreshSaved);
    until(&mut harness, "it is listed", |harness| harness.state().state().library.entry(&other).is_some());
    apply(&mut harness, Command::Library(LibraryCommand::Select(other.clone())));
    apply(&mut harness, Command::Library(LibraryCommand::Delete));
    until(&mut harness, "it is gone", |harness| shows(harness, "Deleted other"));
    apply(&mut harness, Command::Select(Some(9)));
    apply(&mut harness, RemarkAct::Toggle);

    undo(&mut harness);
    assert!(remarks(&harness).is_empty() && !other.exists(), "the bookmark first");
    undo(&mut harness);
    until(&mut harness, "then the deletion", |_| other.exists());
    undo(&mut harness);
    assert_eq!(remarks(&harness), [remark(3, "", Mark::Blue)], "then the remark that was deleted");
    assert_eq!(view(&harness).selected, Some(3), "which is in sight");
    undo(&mut harness);
    assert!(remarks(&harness).is_empty());
    undo(&mut harness);
    assert!(shows(&harness, "no remark was changed"), "{:?}", labels(&harness));
}

#[test]
fn a_remark_of_several_lines_is_written_and_listed_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut harness) = opened(folder.path());
    apply(&mut harness, Command::Select(Some(4)));
    harness.key_press(egui::Key::M);
    harness.run_steps(3);
    harness.get_by_label("Remark").type_text("fir");
    harness.run_steps(2);
    // A message that comes meanwhile takes nothing away.
    apply(&mut harness, Command::About);
    assert!(harness.get_by_label("Remark").is_focused());
    harness.get_by_label("Remark").type_text("st");
    harness.run_steps(2);
    // Shift may be let go of within the same frame.
    let (key, modifiers) = (egui::Key::Enter, egui::Modifiers::SHIFT);
    let event = |pressed| egui::Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
    harness.input_mut().events.extend([event(true), event(false)]);
    harness.run_steps(2);
    harness.get_by_label("Remark").type_text("second");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(remarks(&harness), [remark(4, "first\nsecond", Mark::Plain)]);
    until_stored(&mut harness, &path);
    apply(&mut harness, Command::ShowPane(Pane::Remarks));
    assert!(shows(&harness, "Remark on #5, plain: first⏎second"), "{:?}", labels(&harness));
    // What is too long is cut where it would be cut when it is read.
    apply(&mut harness, RemarkAct::Say(4, "ä".repeat(40 << 10)));
    assert_eq!(remarks(&harness)[0].text.len(), 64 << 10);
    assert!(shows(&harness, "the remark was cut after 64 KiB"), "{:?}", labels(&harness));
}
