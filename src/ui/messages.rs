//! What there is to tell, and the path field: a strip below the menu, never a dialog.

use super::{Look, theme};
use crate::app::{Command, ExportFormat, PathField, Purpose, State, Wish};
use egui::{Key, RichText, TextEdit, Ui};

/// Draws the messages and the path field.
pub fn messages_ui(ui: &mut Ui, state: &State, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    if let Some(field) = &state.path_field {
        path_field_ui(ui, field, look, out);
        if let Some(chosen) = field.secrets {
            super::secrets::choice_ui(ui, state, chosen, out);
        }
        if field.no_picker {
            let text = RichText::new("This desktop offers no file picker: type the path.");
            ui.label(text.font(theme::small()).color(colors.weak));
        }
    }
    for (at, message) in state.messages.iter().enumerate() {
        ui.horizontal(|ui| {
            let (mark, color) = match (message.is_error, message.commands.is_empty()) {
                (true, _) => ("✖", colors.error),
                (false, true) => ("✔", colors.good),
                (false, false) => ("•", colors.accent),
            };
            ui.label(RichText::new(mark).color(color));
            let width = ui.available_width() - 70.0 - theme::MESSAGE_BUTTON * message.commands.len() as f32;
            ui.scope(|ui| {
                ui.set_max_width(width);
                ui.add(egui::Label::new(RichText::new(&message.text).color(colors.text)).wrap());
            });
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button("Dismiss").clicked() {
                    out.push(Command::Dismiss(at));
                }
                for command in message.commands.iter().rev() {
                    if ui.small_button(command.label()).clicked() {
                        out.push(command.clone());
                    }
                }
            });
        });
    }
}

fn path_field_ui(ui: &mut Ui, field: &PathField, look: &mut Look, out: &mut Vec<Command>) {
    let exports = |format: ExportFormat| format!("Export as {} to", format.label());
    let title;
    let (title, action) = match field.purpose {
        Purpose::Open => ("File to open", "Open"),
        Purpose::Export(format) => {
            title = exports(format);
            (title.as_str(), "Export")
        }
        Purpose::SaveAs => ("Save a copy as", "Save"),
        Purpose::SavePayload => ("Save the payload as", "Save"),
        Purpose::SaveReport => ("Save the report as", "Save"),
        Purpose::OpenScript => ("Script to open", "Open"),
        Purpose::SendFile => ("File to send", "Choose"),
        Purpose::SaveRequest => ("Save the request as", "Save"),
        Purpose::RenameRequest => ("Other name", "Rename"),
        Purpose::NewFolder => ("New folder", "Make"),
        Purpose::RequestsFolder => ("Directory of requests", "Use"),
    };
    let hint = match field.purpose {
        Purpose::SaveRequest | Purpose::RenameRequest => "folder/name",
        Purpose::NewFolder => "folder",
        _ => "/path/to/file",
    };
    ui.horizontal(|ui| {
        let label = ui.label(title);
        let mut text = field.text.clone();
        let width = (ui.available_width() - 150.0).max(80.0);
        let response = ui.add(
            TextEdit::singleline(&mut text).desired_width(width).hint_text(theme::hint(ui, hint)).font(theme::mono()),
        );
        let response = response.labelled_by(label.id);
        if look.takes_focus(&Wish::FocusPath) {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let left = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape));
        if text != field.text {
            out.push(Command::SetPath(text));
        }
        if ui.button(action).clicked() || entered {
            out.push(Command::ConfirmPath);
        }
        if ui.button("Cancel").clicked() || left {
            out.push(Command::CancelPath);
        }
    });
}
