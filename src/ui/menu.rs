//! The menu bar: the commands in their groups.

use super::{keys, theme};
use crate::app::{App, Command, Menu, State};
use egui::{Button, DragValue, MenuBar, RichText, Ui};

/// Draws the menu bar.
pub fn menu_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    MenuBar::new().ui(ui, |ui| {
        for menu in Menu::ALL {
            ui.menu_button(menu.title(), |ui| {
                let most = ui.ctx().content_rect().height() - theme::MENU_MARGIN;
                egui::ScrollArea::vertical().max_height(most).show(ui, |ui| {
                    entries_ui(ui, app, menu, out);
                });
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let keys = Command::TogglePalette.shortcut().and_then(keys::shortcut);
            let keys = keys.map_or_else(String::new, |keys| keys::name(ui.ctx(), &keys));
            let text =
                RichText::new(format!("{keys}  all commands")).font(theme::small()).color(theme::colors(ui).weak);
            if ui.add(Button::new(text).frame(false)).clicked() {
                out.push(Command::TogglePalette);
            }
        });
    });
}

/// The commands of a menu; those of one submenu, which stand together, fold into it.
fn entries_ui(ui: &mut Ui, app: &App, menu: Menu, out: &mut Vec<Command>) {
    let groups: Vec<Vec<Command>> =
        menu.commands().split(Option::is_none).map(|group| group.iter().flatten().cloned().collect()).collect();
    let mut was_folded = true;
    for (at, group) in groups.into_iter().enumerate() {
        let submenu = group.first().and_then(Command::submenu);
        // Submenus follow one another without a line between them.
        if at > 0 && !(was_folded && submenu.is_some()) {
            ui.separator();
        }
        was_folded = submenu.is_some();
        let Some(name) = submenu else {
            group.into_iter().for_each(|command| entry_ui(ui, app, command, out));
            continue;
        };
        ui.menu_button(name, |ui| {
            let has_gaps = matches!(group.first(), Some(Command::SetLongGap(_)));
            for command in group {
                entry_ui(ui, app, command, out);
            }
            if has_gaps {
                long_gap_ui(ui, app.state(), out);
            }
        });
    }
}

/// From when on a gap stands out, as a number of one's own.
pub fn long_gap_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let label = ui.label("Gaps stand out from");
        let mut ms = state.long_gap_ms;
        let speed = ms as f64 / 100.0;
        let drag = DragValue::new(&mut ms).range(1..=3_600_000).suffix(" ms").speed(speed);
        if ui.add(drag).labelled_by(label.id).changed() {
            out.push(Command::SetLongGap(ms));
        }
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
        button = button.shortcut_text(keys::name(ui.ctx(), &keys));
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
        Command::ToggleActivity => state.activity,
        Command::ShowPane(pane) => state.shows(*pane),
        Command::SetSentTime(sent) => state.sent_time == *sent,
        Command::ToggleDetails => state.details,
        Command::ToggleColumn(at) => state.columns[*at],
        Command::SetLongGap(ms) => state.long_gap_ms == *ms,
        Command::SetTheme(theme) => state.theme == *theme,
        _ => return None,
    })
}
