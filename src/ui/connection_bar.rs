//! What to connect to: type, method, address, and the foldouts with everything else.

use super::keys::is_pressed_alone;
use super::{Look, options, requests, stages, theme};
use crate::app::{Command, Draft, PushType, State, Wish};
use egui::{Button, ComboBox, Id, Key, RichText, TextEdit, Ui};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Draws the connection bar.
pub fn connection_bar_ui(ui: &mut Ui, state: &State, look: &mut Look, out: &mut Vec<Command>) {
    let mut draft = state.draft.clone();
    ui.horizontal(|ui| {
        type_ui(ui, &mut draft);
        if draft.guess() != PushType::Ws {
            method_ui(ui, &mut draft);
        }
        requests::environment_ui(ui, state, out);
        address_ui(ui, state, &mut draft, look, out);
    });
    options::options_ui(ui, &mut draft, look);
    stages::stages_ui(ui, state, &mut draft, out);
    if draft != state.draft {
        out.insert(0, Command::SetDraft(Box::new(draft)));
    }
}

fn type_ui(ui: &mut Ui, draft: &mut Draft) {
    let guess = draft.guess();
    let text = match (draft.push_type, guess) {
        (PushType::Auto, PushType::Auto) => "Auto".to_owned(),
        (PushType::Auto, guess) => format!("Auto ({})", guess.label()),
        (chosen, _) => chosen.label().to_owned(),
    };
    ui.name_inputs("Push type", |ui| {
        ComboBox::from_id_salt("push type").selected_text(text).width(128.0).show_ui(ui, |ui| {
            for choice in PushType::ALL {
                ui.selectable_value(&mut draft.push_type, choice, choice.label());
            }
        });
    });
}

fn method_ui(ui: &mut Ui, draft: &mut Draft) {
    let automatic = if draft.body.is_empty() { "GET" } else { "POST" };
    let shown = if draft.method.is_empty() { automatic } else { draft.method.as_str() }.to_owned();
    ui.name_inputs("Method", |ui| {
        ComboBox::from_id_salt("method").selected_text(shown).width(64.0).show_ui(ui, |ui| {
            for method in METHODS {
                ui.selectable_value(&mut draft.method, method.to_owned(), method);
            }
        });
    });
}

fn address_ui(ui: &mut Ui, state: &State, draft: &mut Draft, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let is_same = state.current_open().is_some_and(|open| open.draft == *draft);
    let is_open = state.open_connection().is_some() && is_same;
    let button_width = theme::BUTTON;
    let width = (ui.available_width() - button_width - theme::MARGIN).max(80.0);
    // Of its own, for what stands before it comes and goes with what is typed.
    let edit = TextEdit::singleline(&mut draft.address)
        .id(Id::unique("address"))
        .desired_width(width)
        .font(theme::mono())
        .hint_text(theme::hint(ui, "https://…  wss://…  lab:sse"))
        .return_key(None);
    let response = ui.add(edit).accessible_name("Address");
    let response = requests::hover_ui(response, state, &draft.address);
    if look.takes_focus(&Wish::FocusAddress) {
        response.request_focus();
    }
    let entered = response.has_focus() && ui.input(|input| is_pressed_alone(input, Key::Enter));
    let (text, fill, color) = match is_open {
        true => ("Disconnect", colors.raised, colors.text),
        false => ("Connect", colors.accent, colors.on_accent),
    };
    let can = !draft.address.trim().is_empty();
    let button = Button::new(RichText::new(text).color(if can { color } else { colors.weak }))
        .fill(if can { fill } else { colors.raised })
        .min_size(egui::vec2(button_width, 0.0));
    let clicked = ui.add_enabled(can, button).on_disabled_hover_text("Type or paste an address first").clicked();
    if (clicked || entered) && can {
        out.push(Command::ToggleConnect);
    }
}
