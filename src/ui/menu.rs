//! The menu bar: the commands in their groups.

use super::{keys, theme};
use crate::app::{App, Command, Menu};
use egui::{Button, MenuBar, RichText, Ui};

/// Draws the menu bar.
pub fn menu_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    MenuBar::new().ui(ui, |ui| {
        for menu in Menu::ALL {
            ui.menu_button(menu.title(), |ui| {
                let most = ui.ctx().content_rect().height() - theme::MENU_MARGIN;
                egui::ScrollArea::vertical().max_height(most).show(ui, |ui| {
                    for entry in menu.commands() {
                        match entry {
                            Some(command) => entry_ui(ui, app, command, out),
                            None => {
                                ui.separator();
                            }
                        }
                    }
                });
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let keys = Command::TogglePalette.shortcut().and_then(keys::shortcut);
            let keys = keys.map_or_else(String::new, |keys| ui.ctx().format_shortcut(&keys));
            let text =
                RichText::new(format!("{keys}  all commands")).font(theme::small()).color(theme::colors(ui).weak);
            if ui.add(Button::new(text).frame(false)).clicked() {
                out.push(Command::TogglePalette);
            }
        });
    });
}

fn entry_ui(ui: &mut Ui, app: &App, command: Command, out: &mut Vec<Command>) {
    let why_not = app.objection(&command);
    let mark = match is_on(app, &command) {
        Some(true) => "✔ ",
        Some(false) => "     ",
        None => "",
    };
    let mut button = Button::new(format!("{mark}{}", command.label()));
    if let Some(keys) = command.shortcut().and_then(keys::shortcut) {
        button = button.shortcut_text(ui.ctx().format_shortcut(&keys));
    }
    let response = ui.add_enabled(why_not.is_none(), button);
    if let Command::ConnectTo(address) = &command {
        let lab = crate::app::lab_addresses().into_iter().find(|(lab, ..)| lab == address);
        if let Some((_, push_type, explanation)) = lab {
            response.clone().on_hover_text(format!("{push_type}. {explanation}."));
        }
    }
    let response = response.on_disabled_hover_text(why_not.unwrap_or_default());
    if response.clicked() {
        out.push(command);
        ui.close();
    }
}

/// Whether a command that switches something is on.
fn is_on(app: &App, command: &Command) -> Option<bool> {
    let state = app.state();
    let list = state.view().map(|view| &view.list);
    Some(match command {
        Command::ToggleGroup(group) => list.is_some_and(|list| list.shows(*group)),
        Command::OnlyDir(dir) => list.is_some_and(|list| list.dir == *dir),
        Command::ToggleFollow => list.is_some_and(|list| list.follow),
        Command::TogglePause => list.is_some_and(|list| list.is_paused()),
        Command::ToggleSidebar => state.sidebar,
        Command::ToggleDetails => state.details,
        Command::ToggleColumn(at) => state.columns[*at],
        Command::SetTheme(theme) => state.theme == *theme,
        _ => return None,
    })
}
