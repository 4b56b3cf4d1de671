//! Shortcuts: from keys to commands.

use super::{Look, playback};
use crate::app::{Command, Move, Shortcut, State};
use egui::{Context, Key, KeyboardShortcut, Modifiers};

/// The shortcut as egui knows it; `None` for a key it does not know.
pub fn shortcut(shortcut: Shortcut) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    if shortcut.command {
        modifiers = modifiers.plus(Modifiers::COMMAND);
    }
    if shortcut.shift {
        modifiers = modifiers.plus(Modifiers::SHIFT);
    }
    Some(KeyboardShortcut::new(modifiers, Key::from_name(shortcut.key)?))
}

/// A shortcut as it is shown.
pub fn name(ctx: &Context, shortcut: &KeyboardShortcut) -> String {
    let sign = match shortcut.logical_key {
        Key::Slash => "/",
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Comma => ",",
        Key::Period => ".",
        Key::Plus => "+",
        Key::Minus => "-",
        _ => return ctx.format_shortcut(shortcut),
    };
    if shortcut.modifiers == Modifiers::NONE { sign.to_owned() } else { ctx.format_shortcut(shortcut) }
}

/// Collects the commands whose keys were pressed. Keys that are also text go to text fields first.
pub fn keys(ctx: &Context, state: &State, look: &Look, out: &mut Vec<Command>) {
    let is_typing = ctx.text_edit_focused();
    if state.palette {
        return;
    }
    if ctx.any_popup_open() && !is_typing {
        return;
    }
    playback::keys(ctx, out);
    let is_space_taken = playback::is_space_taken(ctx);
    let mut wanted: Vec<(Shortcut, Command)> =
        Command::catalog().into_iter().filter_map(|(_, command)| Some((command.shortcut()?, command))).collect();
    // egui takes a key without Shift for pressed where Shift is held as well, so those with Shift go first.
    wanted.sort_by_key(|(wanted, _)| !wanted.shift);
    for (wanted, command) in wanted {
        // Escape is for whoever has something to put away.
        let is_narrow = |view: &crate::app::View| view.list.range_ns.is_some();
        if command == Command::SetRange(None) && !state.view().is_some_and(is_narrow) {
            continue;
        }
        if wanted.key == "Space" && is_space_taken {
            continue;
        }
        let is_send = command == Command::Send;
        // What was typed wrong is undone by the field it was typed into.
        let is_undo = command == Command::UndoDelete;
        if ((wanted.is_plain() || is_undo) && is_typing) || (is_send && !is_typing) {
            continue;
        }
        let Some(keys) = shortcut(wanted) else { continue };
        // A key that repeats may come several times a frame; only movement means each of them.
        let mut times = ctx.input_mut(|input| input.count_and_consume_key(keys.modifiers, keys.logical_key));
        if !matches!(command, Command::Move(Move::By(_))) {
            times = times.min(1);
        }
        out.extend(std::iter::repeat_n(command, times));
    }
    // Some keyboards need Shift for +.
    let plus = KeyboardShortcut::new(Modifiers::COMMAND, Key::Equals);
    if ctx.input_mut(|input| input.consume_shortcut(&plus)) {
        out.push(Command::ZoomIn);
    }
    if is_typing || (state.view().is_none() && !state.library.is_shown) {
        return;
    }
    let page = look.page.max(2) as i64 - 1;
    for (key, rows) in [(Key::PageUp, -page), (Key::PageDown, page)] {
        let times = ctx.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key));
        out.extend(std::iter::repeat_n(Command::Move(Move::By(rows)), times));
    }
    let copies = ctx.input(|input| input.events.iter().any(|event| matches!(event, egui::Event::Copy)));
    if copies && state.view().is_some_and(|view| view.inspection.is_some()) {
        out.push(Command::Copy(crate::app::CopyAs::Row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shortcut_is_a_key_that_egui_knows() {
        for (_, command) in Command::catalog() {
            if let Some(wanted) = command.shortcut() {
                assert!(shortcut(wanted).is_some(), "{wanted:?}");
            }
        }
    }
}
