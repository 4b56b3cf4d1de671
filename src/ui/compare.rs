//! What differs: between two messages, or between two connections or recordings.

mod messages;
mod sides;

use super::rows::inside;
use super::{Look, keys, theme};
use crate::app::{App, Command, CompareCommand, Pane};
use egui::{Align, Button, Frame, Label, Layout, Margin, RichText, Ui, WidgetInfo};

/// Draws the pane.
pub fn compare_ui(ui: &mut Ui, app: &App, look: &mut Look, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, app, out)));
    inside(ui, |ui, _| match &state.compare.messages {
        Some(compared) if state.compare.shows_messages => messages::messages_ui(ui, compared, look, out),
        _ => sides::sides_ui(ui, app, look, out),
    });
}

fn head_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    ui.label(RichText::new("Compare").color(colors.strong));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        match state.compare.messages.as_ref().filter(|_| state.compare.shows_messages) {
            Some(compared) => {
                button_ui(ui, app, "Recordings…", CompareCommand::Sides, out);
                let (text, as_bytes) = if compared.as_bytes { ("As text", false) } else { ("As bytes", true) };
                button_ui(ui, app, text, CompareCommand::AsBytes(as_bytes), out);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    messages::title_ui(ui, compared, out);
                    ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
                });
            }
            None => {
                button_ui(ui, app, "▶ Compare", CompareCommand::Start, out);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let text = RichText::new("connections or recordings").font(theme::small()).color(colors.weak);
                    ui.add(Label::new(text).truncate());
                    ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
                });
            }
        }
    });
}

/// A button for a command, which says why it cannot be done where it cannot.
fn button_ui(ui: &mut Ui, app: &App, text: &str, command: CompareCommand, out: &mut Vec<Command>) {
    let command = Command::Compare(command);
    let why_not = app.objection(&command);
    let response = ui.add_enabled(why_not.is_none(), Button::new(text));
    let keys = command.shortcut().and_then(keys::shortcut).map(|keys| keys::name(ui.ctx(), &keys));
    let keys = keys.map_or_else(String::new, |keys| format!("  {keys}"));
    let label = command.label();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, why_not.is_none(), label.trim_end_matches('…')));
    let response = response.on_hover_text(format!("{label}{keys}"));
    if response.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
        out.push(command);
    }
}
