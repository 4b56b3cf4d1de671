//! Every command by name: type a few letters, Enter does it.

use super::{Look, keys, theme};
use crate::app::{App, Command, Menu};
use egui::{Align2, Button, Context, Key, Modifiers, RichText, TextEdit};

const SHOWN: usize = 14;

/// Draws the palette over the window.
pub fn palette_ui(ctx: &Context, app: &App, look: &mut Look, out: &mut Vec<Command>) {
    let mut found = find_for(app, &look.palette_text);
    let (up, down, enter, escape, again) = ctx.input_mut(|input| {
        (
            input.consume_key(Modifiers::NONE, Key::ArrowUp),
            input.consume_key(Modifiers::NONE, Key::ArrowDown),
            input.consume_key(Modifiers::NONE, Key::Enter),
            input.consume_key(Modifiers::NONE, Key::Escape),
            input.consume_key(Modifiers::COMMAND, Key::K),
        )
    });
    let last = found.len().saturating_sub(1);
    if down {
        look.palette_at = (look.palette_at + 1).min(last);
    }
    if up {
        look.palette_at = look.palette_at.saturating_sub(1);
    }
    look.palette_at = look.palette_at.min(last);
    let mut chosen = None;
    let window = egui::Window::new("All commands")
        .title_bar(false)
        .resizable(false)
        .collapsible(false)
        .anchor(Align2::CENTER_TOP, [0.0, 48.0])
        .fixed_size([480.0, 10.0]);
    let shown = window.show(ctx, |ui| {
        let colors = theme::colors(ui);
        let edit = TextEdit::singleline(&mut look.palette_text)
            .desired_width(f32::INFINITY)
            .hint_text(theme::hint(ui, "What do you want to do?"));
        let response = ui.add(edit);
        if response.changed() {
            look.palette_at = 0;
            found = find_for(app, &look.palette_text);
        }
        // Only now: letters and Enter may come in one frame.
        chosen = found.get(look.palette_at).filter(|_| enter).map(|(_, command)| command.clone());
        response.request_focus();
        ui.add_space(theme::GAP);
        if found.is_empty() {
            ui.label(RichText::new("No command has such a name.").color(colors.weak));
        }
        let first = look.palette_at.saturating_sub(SHOWN - 1);
        for (at, (menu, command)) in found.iter().enumerate().skip(first).take(SHOWN) {
            let why_not = app.objection(command);
            let text = RichText::new(format!("{}: {}", menu.title(), command.label()));
            let text = if why_not.is_some() { text.color(colors.weak) } else { text };
            let mut button =
                Button::new(text).frame_when_inactive(at == look.palette_at).selected(at == look.palette_at);
            let keys = command.shortcut().and_then(keys::shortcut).map(|keys| keys::name(ui.ctx(), &keys));
            button =
                button.shortcut_text(keys.unwrap_or_default()).min_size(egui::vec2(ui.available_width(), theme::ROW));
            let response = ui.add(button).on_hover_text(why_not.unwrap_or_else(|| command.label()));
            if response.clicked() {
                chosen = Some(command.clone());
            }
        }
    });
    let outside = shown.is_some_and(|shown| shown.response.clicked_elsewhere());
    if chosen.is_some() || escape || again || outside {
        out.push(Command::TogglePalette);
    }
    out.extend(chosen);
}

/// The commands that fit; what can be done now comes first.
fn find_for(app: &App, text: &str) -> Vec<(Menu, Command)> {
    let mut found = find(text);
    found.sort_by_key(|(_, command)| app.objection(command).is_some());
    found
}

/// The commands whose names have all the words, in the menus' order.
fn find(text: &str) -> Vec<(Menu, Command)> {
    let words: Vec<String> = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut found = Command::catalog();
    found.retain(|(menu, command)| {
        let name = format!("{} {}", menu.title(), command.label()).to_lowercase();
        *command != Command::TogglePalette && words.iter().all(|word| name.contains(word))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_command() {
        assert_eq!(find("dark th")[0].1, Command::SetTheme(crate::app::Theme::Dark));
        assert!(find("lab ws").iter().any(|(_, command)| *command == Command::ConnectTo("lab:ws".into())));
        assert!(find("zzz").is_empty());
    }
}
