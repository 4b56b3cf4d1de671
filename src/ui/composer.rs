//! Talking back: what is typed, how it is read, and why it cannot be sent before it is tried.

mod frame;

use super::keys::is_pressed_alone;
use super::{Look, theme};
use crate::app::{App, Command, Composer, Format, PushType, SendAs, State, Wish};
use egui::{Button, ComboBox, Key, Modifiers, RichText, TextEdit, Ui};

/// Whether there is something to send to.
pub fn is_shown(state: &State) -> bool {
    state.current.is_some() && state.live().is_some_and(|live| state.active == Some(live.id))
}

/// Draws the composer.
pub fn composer_ui(ui: &mut Ui, app: &App, look: &mut Look, out: &mut Vec<Command>) {
    let state = app.state();
    let colors = theme::colors(ui);
    let push_type = state.composer_type();
    let mut composer = state.composer.clone();
    let is_ws = push_type == PushType::Ws;
    ui.horizontal(|ui| {
        if is_ws {
            kind_ui(ui, &mut composer);
        } else {
            request_ui(ui, &mut composer);
        }
        if !(is_ws && composer.send_as == SendAs::Close) {
            format_ui(ui, &mut composer);
        }
        if composer.format == Format::File && ui.button("Choose…").clicked() {
            out.push(Command::ChooseComposerFile);
        }
        if is_ws && matches!(composer.send_as, SendAs::Text | SendAs::Binary) {
            choices_toggle_ui(ui, &composer, look);
        }
        repeat_ui(ui, state, &mut composer, out);
    });
    let objection = app.objection(&Command::Send);
    if is_ws {
        match composer.send_as {
            SendAs::Raw => {
                frame::choices_ui(ui, &mut composer);
                frame::preview_ui(ui, state, objection.as_deref(), look);
            }
            SendAs::Text | SendAs::Binary if look.message_choices => message_ui(ui, &mut composer),
            _ => {}
        }
    }
    let is_raw = is_ws && composer.send_as == SendAs::Raw;
    if !is_raw {
        look.frames.clear();
    }
    ui.horizontal(|ui| text_ui(ui, state, &mut composer, &objection, look, out));
    let has_text = !composer.text.is_empty() || composer.send_as != SendAs::Text;
    if let Some(why) = objection.filter(|_| has_text && !is_raw) {
        ui.label(RichText::new(cannot_be_sent(&why)).font(theme::small()).color(colors.warning));
    }
    if composer != state.composer {
        out.insert(0, Command::SetComposer(Box::new(composer)));
    }
}

fn cannot_be_sent(why: &str) -> String {
    format!("Cannot be sent: {why}")
}

fn kind_ui(ui: &mut Ui, composer: &mut Composer) {
    ui.name_inputs("Kind of message", |ui| {
        ComboBox::from_id_salt("send as").selected_text(composer.send_as.label()).width(78.0).show_ui(ui, |ui| {
            for kind in SendAs::ALL {
                ui.selectable_value(&mut composer.send_as, kind, kind.label());
            }
        });
    });
    if composer.send_as == SendAs::Close {
        let label = ui.label("code");
        ui.add(TextEdit::singleline(&mut composer.close_code).desired_width(48.0)).labelled_by(label.id);
        ui.label("reason below");
    }
}

/// Shows or hides what is rarely chosen of a message.
fn choices_toggle_ui(ui: &mut Ui, composer: &Composer, look: &mut Look) {
    let is_open = look.message_choices;
    let (text, color) = match composer.has_choices() {
        true => ("Frames chosen", theme::colors(ui).text),
        false => ("Frames", theme::colors(ui).weak),
    };
    let text = RichText::new(format!("{} {text}", if is_open { "▾" } else { "▸" })).font(theme::small()).color(color);
    let help = "How this message is compressed and cut into frames; for every bit of a frame choose raw frame";
    let button = Button::new(text).frame_when_inactive(is_open).selected(is_open);
    if ui.add(button).on_hover_text(help).clicked() {
        look.message_choices ^= true;
    }
}

/// How a message goes out.
fn message_ui(ui: &mut Ui, composer: &mut Composer) {
    ui.horizontal_wrapped(|ui| {
        ui.label("compressed");
        let choices = [(None, "as the options say"), (Some(true), "yes"), (Some(false), "no")];
        let name = choices.iter().find(|(choice, _)| *choice == composer.compress).map_or("", |(_, name)| name);
        ui.name_inputs("Compressed", |ui| {
            ComboBox::from_id_salt("compressed").selected_text(name).width(128.0).show_ui(ui, |ui| {
                for (choice, name) in choices {
                    ui.selectable_value(&mut composer.compress, choice, name);
                }
            });
        });
        frame::fragments_ui(ui, &mut composer.fragments);
    });
}

fn request_ui(ui: &mut Ui, composer: &mut Composer) {
    let method =
        ui.add(TextEdit::singleline(&mut composer.method).desired_width(48.0).hint_text(theme::hint(ui, "POST")));
    method
        .accessible_name("Method of the request on the side")
        .on_hover_text("A request on the side, recorded like everything else");
    let width = (ui.available_width() * 0.34).clamp(90.0, 360.0);
    let url = TextEdit::singleline(&mut composer.url)
        .desired_width(width)
        .hint_text(theme::hint(ui, "this connection's address, or another"));
    ui.add(url).accessible_name("Address of the request on the side");
    let kind = TextEdit::singleline(&mut composer.content_type)
        .desired_width(120.0)
        .hint_text(theme::hint(ui, "content type"));
    ui.add(kind).accessible_name("Content type");
}

fn format_ui(ui: &mut Ui, composer: &mut Composer) {
    ui.name_inputs("Format", |ui| {
        ComboBox::from_id_salt("format").selected_text(composer.format.label()).width(66.0).show_ui(ui, |ui| {
            for format in Format::ALL {
                ui.selectable_value(&mut composer.format, format, format.label());
            }
        });
    });
}

fn repeat_ui(ui: &mut Ui, state: &State, composer: &mut Composer, out: &mut Vec<Command>) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if let Some(repeat) = &state.repeat {
            if ui.button("Stop").clicked() {
                out.push(Command::StopRepeat);
            }
            ui.label(format!("{} of {}", repeat.sent(), repeat.count));
            return;
        }
        ui.label("ms");
        ui.add(TextEdit::singleline(&mut composer.repeat_ms).desired_width(56.0).hint_text(theme::hint(ui, "1000")))
            .accessible_name("Milliseconds between repetitions");
        ui.label("times, every");
        ui.add(TextEdit::singleline(&mut composer.repeat_count).desired_width(32.0).hint_text(theme::hint(ui, "1")))
            .accessible_name("How often to send");
    });
}

fn text_ui(
    ui: &mut Ui,
    state: &State,
    composer: &mut Composer,
    objection: &Option<String>,
    look: &mut Look,
    out: &mut Vec<Command>,
) {
    let colors = theme::colors(ui);
    let is_raw_close = composer.send_as == SendAs::Raw && composer.frame.opcode == 8;
    let hint = match (composer.format, composer.send_as) {
        (Format::Text, SendAs::Raw) if is_raw_close => "reason",
        (Format::Text, SendAs::Raw) => "payload",
        (_, SendAs::Close) if state.composer_type() == PushType::Ws => "why it is closed (may be empty)",
        (Format::Text, _) => "message",
        (Format::Json, _) => "{\"hello\": 1}",
        (Format::Hex, _) => "68 65 6c 6c 6f",
        (Format::Base64, _) => "aGVsbG8=",
        (Format::File, _) => "/path/to/file",
    };
    let button_width = theme::BUTTON;
    let width = (ui.available_width() - button_width - theme::MARGIN).max(80.0);
    let lines = composer.text.lines().count().clamp(1, 5);
    let edit = TextEdit::multiline(&mut composer.text)
        .desired_width(width)
        .desired_rows(lines)
        .font(theme::mono())
        .hint_text(theme::hint(ui, hint))
        .return_key(egui::KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
    let response = ui.add(edit).accessible_name("Message");
    if look.takes_focus(&Wish::FocusComposer) {
        response.request_focus();
    }
    let is_one_line = lines == 1;
    let (up, down, enter) = ui.input(|input| {
        let alone = |key| is_pressed_alone(input, key);
        (alone(Key::ArrowUp), alone(Key::ArrowDown), alone(Key::Enter))
    });
    if response.has_focus() && is_one_line && (up || down) && !composer.history.is_empty() {
        out.push(Command::History(up));
    }
    let can = objection.is_none();
    let text = RichText::new("Send").color(if can { colors.on_accent } else { colors.weak });
    let button =
        Button::new(text).fill(if can { colors.accent } else { colors.raised }).min_size(egui::vec2(button_width, 0.0));
    let button = ui.add_enabled(can, button).on_disabled_hover_text(objection.clone().unwrap_or_default());
    if button.on_hover_text("Enter; Shift+Enter begins a new line").clicked() || (response.has_focus() && enter && can)
    {
        out.push(Command::Send);
    }
}
