//! Completing a filter, and finding rows without narrowing the timeline.

use super::{shows, synthetic, until, window};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use pushscope::app::{Command, Found, Like};
use pushscope::ui::Window;

fn with_rows(folder: &std::path::Path, count: u64) -> Harness<'static, Window> {
    let mut harness = window(folder);
    harness.state_mut().app.add_session("made up", synthetic(count));
    harness.run_steps(3);
    harness
}

fn filter_text(harness: &Harness<'_, Window>) -> String {
    harness.state().state().view().unwrap().list.text.clone()
}

fn selected(harness: &Harness<'_, Window>) -> Option<usize> {
    harness.state().state().view().unwrap().selected
}

fn type_filter(harness: &mut Harness<'_, Window>, text: &str) {
    harness.get_by_label("Filter").focus();
    harness.run_steps(2);
    harness.get_by_label("Filter").type_text(text);
    harness.run_steps(2);
}

#[test]
fn a_filter_is_completed_by_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with_rows(folder.path(), 10);
    type_filter(&mut harness, "-ki");
    assert!(shows(&harness, "Complete to kind:"));
    harness.key_press(egui::Key::Tab);
    harness.run_steps(2);
    assert_eq!(filter_text(&harness), "-kind:");
    until(&mut harness, "its values are offered at once", |harness| shows(harness, "Complete to http.*"));
    harness.get_by_label("Filter").type_text("cl");
    harness.run_steps(2);
    harness.key_press(egui::Key::ArrowDown);
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(filter_text(&harness), "-kind:client");
    assert!(!shows(&harness, "Complete to"), "what is complete is offered no more");
    assert_eq!(harness.state().state().view().unwrap().list.len(), 1, "everything except is in force");
    harness.get_by_label("Filter").type_text(" dir:");
    harness.run_steps(2);
    harness.key_press(egui::Key::Escape);
    harness.run_steps(2);
    assert!(!shows(&harness, "Complete to"), "Escape puts the list away");
}

#[test]
fn a_filter_is_completed_by_the_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with_rows(folder.path(), 10);
    type_filter(&mut harness, "note:w");
    harness.get_by_label("Complete to warning").click();
    harness.run_steps(3);
    assert_eq!(filter_text(&harness), "note:warning");
    assert!(!shows(&harness, "Complete to"));
}

#[test]
fn rows_are_found_forwards_and_backwards_and_from_the_other_end_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with_rows(folder.path(), 5_000);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::F);
    harness.run_steps(3);
    harness.get_by_label("Find").type_text("/wait \\d+00$/");
    until(&mut harness, "typing finds the first", |harness| selected(harness) == Some(101));
    harness.key_press(egui::Key::Enter);
    until(&mut harness, "Enter finds the next", |harness| selected(harness) == Some(201));
    harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::Enter);
    until(&mut harness, "Shift Enter finds the one before", |harness| selected(harness) == Some(101));
    harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F3);
    until(&mut harness, "the search goes on at the other end", |harness| selected(harness) == Some(5_001));
    assert!(shows(&harness, "row 5,002, from the other end on"));
    assert_eq!(harness.state().state().view().unwrap().list.len(), 5_002, "nothing is left out");

    harness.state_mut().app.apply(Command::SetFind("no such text".into()));
    until(&mut harness, "it says that there is none", |harness| shows(harness, "no row matches"));
    assert_eq!(selected(&harness), Some(5_001));
    harness.state_mut().app.apply(Command::SetFind("kind:(".into()));
    harness.run_steps(2);
    assert!(shows(&harness, "(after \"kind:\")"), "a mistake is said with its place");
    harness.get_by_label("Close the find bar").click();
    harness.run_steps(2);
    assert!(harness.query_by_label("Find").is_none());
}

#[test]
fn only_rows_are_found_and_a_long_search_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with_rows(folder.path(), 1_000_000);
    harness.state_mut().app.apply(Command::SetFilter("at<1ms".into()));
    harness.state_mut().app.apply(Command::Find);
    harness.state_mut().app.apply(Command::SetFind("\"wait 5000\"".into()));
    until(&mut harness, "what is filtered out is not found", |harness| shows(harness, "no row matches"));
    harness.state_mut().app.apply(Command::SetFilter(String::new()));
    harness.state_mut().app.apply(Command::SetFind("/wait .*[a-z]7/".into()));
    until(&mut harness, "it says how far it is", |harness| shows(harness, "records looked at"));
    harness.state_mut().app.apply(Command::StopFinding);
    harness.run_steps(2);
    assert_eq!(harness.state().state().view().unwrap().find.found, Found::Stopped);
}

#[test]
fn a_cell_a_field_and_a_selection_filter_by_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with_rows(folder.path(), 10);
    harness.get_by_label_contains("wait 7").click_secondary();
    harness.run_steps(3);
    assert!(shows(&harness, "Only connection:1"));
    harness.get_by_label("Everything except kind:client").click();
    harness.run_steps(3);
    assert_eq!(filter_text(&harness), "-kind:client");
    assert_eq!(harness.state().state().view().unwrap().list.len(), 1);

    harness.state_mut().app.apply(Command::SetFilter(String::new()));
    harness.state_mut().app.apply(Command::Select(Some(0)));
    harness.run_steps(3);
    harness.get_by_label_contains("host example.com").click_secondary();
    harness.run_steps(3);
    harness.get_by_label("Only link.host=\"example.com\"").click();
    harness.run_steps(3);
    assert_eq!(filter_text(&harness), "link.host=\"example.com\"");

    harness.state_mut().app.apply(Command::SetFilter(String::new()));
    harness.state_mut().app.apply(Command::Select(Some(5)));
    harness.state_mut().app.apply(Command::FilterLike(Like::Kind, false));
    harness.run_steps(3);
    assert_eq!(filter_text(&harness), "kind:client");
}
