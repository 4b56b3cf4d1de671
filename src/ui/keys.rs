//! Shortcuts: from keys to commands.

use super::{Look, library, playback};
use crate::app::{Command, Move, Shortcut, State};
use egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

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

/// Whether a key was pressed alone in this frame: told by the key, for modifiers may have been let go of since.
pub(super) fn is_pressed_alone(input: &egui::InputState, wanted: Key) -> bool {
    input.events.iter().any(|event| {
        matches!(event, Event::Key { key, modifiers, pressed: true, .. } if *key == wanted && modifiers.is_none())
    })
}

/// What a key does.
pub(super) struct Binding {
    pub keys: KeyboardShortcut,
    pub command: Command,
    /// Whether each of several presses in one frame counts.
    pub repeats: bool,
}

impl Binding {
    pub fn new(modifiers: Modifiers, key: Key, command: impl Into<Command>) -> Binding {
        Binding { keys: KeyboardShortcut::new(modifiers, key), command: command.into(), repeats: true }
    }
}

/// Collects the commands whose keys were pressed, in the order in which they were. Keys that are also text go to text
/// fields first.
pub fn keys(ctx: &Context, state: &State, look: &Look, out: &mut Vec<Command>) {
    let is_typing = ctx.text_edit_focused();
    let is_quiet = |input: &egui::InputState| {
        !input.events.iter().any(|event| matches!(event, Event::Key { pressed: true, .. } | Event::Copy))
    };
    if state.palette || (ctx.any_popup_open() && !is_typing) || ctx.input(is_quiet) {
        return;
    }
    let bindings = bindings(ctx, state, look, is_typing);
    let (mut pressed, mut is_cursor_asked) = (Vec::new(), false);
    let mut is_free = |event: &Event| {
        let Event::Key { key, modifiers, pressed: true, .. } = event else { return true };
        let is_it = |binding: &&Binding| {
            binding.keys.logical_key == *key && modifiers.matches_logically(binding.keys.modifiers)
        };
        let Some(binding) = bindings.iter().find(is_it) else { return true };
        // What comes in the same frame behind it is text for the field that gets the cursor in the next one.
        if is_cursor_asked && !binding.keys.modifiers.command {
            return true;
        }
        // A key that repeats may come several times a frame; only movement means each of them.
        if binding.repeats || !pressed.contains(&binding.keys) {
            pressed.push(binding.keys);
            out.push(binding.command.clone());
            is_cursor_asked |= asks_for_cursor(&binding.command);
        }
        false
    };
    ctx.input_mut(|input| input.events.retain(&mut is_free));
    let copies = ctx.input(|input| input.events.iter().any(|event| matches!(event, Event::Copy)));
    let is_in_sight = !is_typing && !state.library.is_shown;
    if copies && is_in_sight && state.view().is_some_and(|view| view.inspection.is_some()) {
        out.push(Command::Copy(crate::app::CopyAs::Row));
    }
}

/// What keys do now; the first that fits a key is done.
fn bindings(ctx: &Context, state: &State, look: &Look, is_typing: bool) -> Vec<Binding> {
    let mut bindings = playback::bindings(ctx);
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
        // The text of a field is selected by the same key.
        if command == Command::SelectRows && is_typing {
            continue;
        }
        if wanted.key == "Space" && is_space_taken {
            continue;
        }
        // The timeline is not in sight.
        if state.library.is_shown && matches!(command, Command::Remark(_) | Command::Play(_)) {
            continue;
        }
        let is_send = command == Command::Send;
        // What was typed wrong is undone by the field it was typed into.
        let is_undo = command == Command::Undo;
        if ((wanted.is_plain() || is_undo) && is_typing) || (is_send && !is_typing) {
            continue;
        }
        let Some(keys) = shortcut(wanted) else { continue };
        let repeats = matches!(command, Command::Move(Move::By(_)) | Command::Extend(Move::By(_)));
        bindings.push(Binding { keys, command, repeats });
    }
    // Some keyboards need Shift for +.
    bindings.push(Binding::new(Modifiers::COMMAND, Key::Equals, Command::ZoomIn));
    if !is_typing && (state.view().is_some() || state.library.is_shown) {
        let page = look.page.max(2) as i64 - 1;
        for (key, rows) in [(Key::PageUp, -page), (Key::PageDown, page)] {
            // With Shift first, as above.
            bindings.push(Binding::new(Modifiers::SHIFT, key, Command::Extend(Move::By(rows))));
            bindings.push(Binding::new(Modifiers::NONE, key, Command::Move(Move::By(rows))));
        }
    }
    if !is_typing && state.library.is_shown {
        bindings.extend(library::bindings(ctx, &state.library));
    }
    bindings
}

/// Whether a command puts the cursor into a field.
fn asks_for_cursor(command: &Command) -> bool {
    use crate::app::{LibraryCommand, RemarkAct};
    match command {
        Command::FocusFilter | Command::FocusAddress | Command::FocusComposer => true,
        Command::Find | Command::TogglePalette | Command::Remark(RemarkAct::Edit) => true,
        Command::Library(command) => {
            matches!(command, LibraryCommand::Search | LibraryCommand::Rename | LibraryCommand::EditTags)
        }
        _ => false,
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
