//! The find bar: next and previous match, without narrowing the timeline.

use super::{Look, status, theme, words};
use crate::app::{Command, Found, View, Wish};
use egui::{Button, Id, Key, Modifiers, RichText, TextEdit, Ui};

/// Draws the bar, where it is open.
pub fn find_bar_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let find = &view.find;
    if !find.is_open {
        return;
    }
    let colors = theme::colors(ui);
    ui.horizontal(|ui| {
        let id = Id::unique("find");
        if ui.memory(|memory| memory.has_focus(id)) {
            let (back, on, close) = ui.input_mut(|input| {
                (
                    input.consume_key(Modifiers::SHIFT, Key::Enter),
                    input.consume_key(Modifiers::NONE, Key::Enter),
                    input.consume_key(Modifiers::NONE, Key::Escape),
                )
            });
            if back || on {
                out.push(Command::FindNext(on));
            }
            if close {
                out.push(if find.is_searching() { Command::StopFinding } else { Command::CloseFind });
            }
        }
        let mut text = find.text.clone();
        let mut edit = TextEdit::singleline(&mut text)
            .id(id)
            .desired_width(theme::FIND)
            .font(theme::mono())
            .hint_text(theme::hint(ui, "find: text, or any filter"));
        if find.mistake.is_some() {
            edit = edit.text_color(colors.error);
        }
        let response = ui.add(edit).accessible_name("Find");
        if look.takes_focus(&Wish::FocusFind) {
            response.request_focus();
        }
        if text != find.text {
            out.push(Command::SetFind(text));
        }
        for (sign, is_forward) in [("⬆", false), ("⬇", true)] {
            let command = Command::FindNext(is_forward);
            let button = ui.add(Button::new(sign)).on_hover_text(command.label());
            if button.accessible_name(command.label()).clicked() {
                out.push(command);
            }
        }
        outcome_ui(ui, view, out);
        let close = ui.add(Button::new("✖").frame(false)).on_hover_text("Put the find bar away (Escape)");
        if close.accessible_name("Close the find bar").clicked() {
            out.push(Command::CloseFind);
        }
    });
}

fn outcome_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let (find, colors) = (&view.find, theme::colors(ui));
    if let Some((looked, all)) = find.progress(&view.session) {
        let text = format!("{} of {} records looked at", words::count(looked as u64), words::count(all as u64));
        status::progress_ui(ui, &text, Some(looked as f32 / all.max(1) as f32), Command::StopFinding, out);
        return;
    }
    let (text, color) = match (&find.mistake, find.found) {
        (Some(mistake), _) => {
            let before: String = find.text.chars().take(mistake.at).collect();
            (format!("{} (after {before:?})", mistake.text), colors.error)
        }
        (None, Found::Row { wrapped }) => {
            let row = view.selected_row().map_or(String::new(), |row| format!("row {}", words::count(row as u64 + 1)));
            (if wrapped { format!("{row}, from the other end on") } else { row }, colors.weak)
        }
        (None, Found::None) => ("no row matches".to_owned(), colors.warning),
        (None, Found::Stopped) => ("stopped".to_owned(), colors.weak),
        (None, Found::Nothing) => ("Enter: next, Shift Enter: previous, Escape: put away".to_owned(), colors.weak),
    };
    ui.label(RichText::new(text).font(theme::small()).color(color));
}
