//! A raw frame before it is sent: every choice of its header, its exact bytes, and the rules that it breaks.

use super::super::{Look, theme, words};
use crate::app::{Composer, FrameBytes, LENGTH_FORMS, RawFrame, State, WebSocketVersion, opcode_name};
use egui::{Color32, ComboBox, Label, RichText, ScrollArea, TextEdit, Ui};

/// Frames that are shown; the others are counted.
const FRAMES_SHOWN: usize = 8;
/// Bytes of a frame's payload that are shown; the others are counted.
const PAYLOAD_SHOWN_BYTES: usize = 64;

/// Draws what can be chosen of a raw frame.
pub(super) fn choices_ui(ui: &mut Ui, composer: &mut Composer) {
    let frame = &mut composer.frame;
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut frame.fin, "FIN").on_hover_text("The last frame of its message (RFC 6455 §5.2)");
        for (bit, name) in frame.rsv.iter_mut().zip(["RSV1", "RSV2", "RSV3"]) {
            ui.checkbox(bit, name).on_hover_text("For extensions: 0 unless one was agreed on (RFC 6455 §5.2)");
        }
        ui.label("opcode");
        ui.name_inputs("Opcode", |ui| {
            let name = |opcode: u8| format!("{opcode} {}", opcode_name(opcode));
            let list = ComboBox::from_id_salt("opcode").selected_text(name(frame.opcode)).width(150.0);
            // All sixteen are seen at once.
            list.height(ui.ctx().content_rect().height()).show_ui(ui, |ui| {
                for opcode in 0..16 {
                    ui.selectable_value(&mut frame.opcode, opcode, name(opcode));
                }
            });
        });
        if frame.opcode == 8 {
            let label = ui.label("code");
            ui.add(
                TextEdit::singleline(&mut composer.close_code).desired_width(48.0).hint_text(theme::hint(ui, "none")),
            )
            .labelled_by(label.id)
            .on_hover_text("0 to 65535, stands before the reason; empty: only what is typed below");
        }
        fragments_ui(ui, &mut composer.fragments);
    });
    let frame = &mut composer.frame;
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut frame.mask, "mask").on_hover_text("XOR the payload with a key (RFC 6455 §5.3)");
        if frame.mask {
            let drawn = frame.drawn_keys.first().map(|key| hex(key)).unwrap_or_default();
            ui.add(
                TextEdit::singleline(&mut frame.typed_key)
                    .desired_width(96.0)
                    .font(theme::mono())
                    .hint_text(theme::hint(ui, &drawn)),
            )
            .accessible_name("Masking key")
            .on_hover_text("4 bytes in hexadecimal digits; empty: drawn at random, anew for each frame");
            if ui.button("Draw").on_hover_text("Draw another key at random").clicked() {
                frame.forget_keys();
            }
        }
        ui.label("length in");
        ui.name_inputs("Form of the length", |ui| {
            let name = LENGTH_FORMS.iter().find(|(form, _)| *form == frame.length_form).map_or("", |(_, name)| name);
            ComboBox::from_id_salt("length form").selected_text(name).width(72.0).show_ui(ui, |ui| {
                for (form, name) in LENGTH_FORMS {
                    ui.selectable_value(&mut frame.length_form, form, name);
                }
            });
        });
        let label = ui.label("claimed length");
        ui.add(TextEdit::singleline(&mut frame.claimed_len).desired_width(72.0).hint_text(theme::hint(ui, "its own")))
            .labelled_by(label.id)
            .on_hover_text("A number of bytes for the last frame's header to say, true or not");
    });
}

/// Draws the sizes of frames.
pub(super) fn fragments_ui(ui: &mut Ui, fragments: &mut String) {
    let label = ui.label("fragments");
    ui.add(TextEdit::singleline(fragments).desired_width(72.0).hint_text(theme::hint(ui, "3, 5")))
        .labelled_by(label.id)
        .on_hover_text("Bytes of payload of each frame; what is left goes into a last one. Empty: not cut here");
}

/// Draws the bytes that will go out and the rules that they break, or why nothing can be sent.
pub(super) fn preview_ui(ui: &mut Ui, state: &State, objection: Option<&str>, look: &mut Look) {
    let colors = theme::colors(ui);
    egui::Frame::new().fill(colors.ground).corner_radius(theme::ROUND).inner_margin(theme::UNIT).show(ui, |ui| {
        // What is shown is made of the very composer that Send takes.
        let composer = &state.composer;
        let is_under_way = state.current.is_some() && composer.frame.under_way == state.current;
        let made = look.frames.of(composer, is_under_way);
        lines_ui(ui, "frame bytes", theme::FRAME_BYTES, |ui| match &made {
            Ok((frames, _)) => frames_ui(ui, frames),
            Err(why) => small(ui, super::cannot_be_sent(why), colors.warning),
        });
        lines_ui(ui, "broken rules", theme::FRAME_RULES, |ui| match (made, objection) {
            (Ok(_), Some(why)) => small(ui, super::cannot_be_sent(why), colors.warning),
            (Ok((frames, rules)), None) => rules_ui(ui, state, frames, rules),
            (Err(_), _) => {}
        });
    });
}

/// Lines of a fixed height in all, which are scrolled where they are more.
fn lines_ui(ui: &mut Ui, name: &str, height: f32, draw: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .id_salt(name)
        .auto_shrink(false)
        .min_scrolled_height(height)
        .max_height(height)
        .show(ui, draw);
}

fn frames_ui(ui: &mut Ui, frames: &[RawFrame]) {
    let colors = theme::colors(ui);
    for (at, frame) in frames.iter().take(FRAMES_SHOWN).enumerate() {
        frame_ui(ui, frame, (frames.len() > 1).then_some(at + 1));
    }
    if let Some(hidden) = frames.get(FRAMES_SHOWN..).filter(|hidden| !hidden.is_empty()) {
        let len: usize = hidden.iter().map(|frame| FrameBytes::of(frame, 0).len()).sum();
        let count = words::count(hidden.len() as u64);
        small(ui, format!("… and {count} more frames, {}", words::bytes(len as u64)), colors.weak);
    }
}

fn frame_ui(ui: &mut Ui, frame: &RawFrame, number: Option<usize>) {
    let colors = theme::colors(ui);
    let bytes = FrameBytes::of(frame, PAYLOAD_SHOWN_BYTES);
    // Lines to read, with nothing to press.
    ui.spacing_mut().interact_size.y = 0.0;
    ui.horizontal_wrapped(|ui| {
        if let Some(number) = number {
            small(ui, format!("frame {number}"), colors.strong);
        }
        part_ui(ui, "header", &hex(&bytes.header), colors.head, bytes.say_header());
        if !bytes.key.is_empty() {
            let help = "Masking key: byte i of the payload is XORed with byte i mod 4 of it (RFC 6455 §5.3)";
            part_ui(ui, "key", &hex(&bytes.key), colors.number, help.to_owned());
        }
        if bytes.payload_len == 0 {
            small(ui, "no payload".to_owned(), colors.weak);
            return;
        }
        let (name, help) = match bytes.key.is_empty() {
            true => ("payload", "The payload as it is typed"),
            false => ("payload, masked", "The payload as it goes out, XORed with the key"),
        };
        let help = format!("{help}: {}", words::bytes(bytes.payload_len as u64));
        part_ui(ui, name, &hex(&bytes.payload), colors.text, help);
        let hidden = bytes.payload_len - bytes.payload.len();
        if hidden > 0 {
            small(ui, format!("… {} more", words::bytes(hidden as u64)), colors.weak);
        }
    });
}

/// A part of a frame: what it is, then its bytes.
fn part_ui(ui: &mut Ui, name: &str, digits: &str, color: Color32, help: String) {
    small(ui, name.to_owned(), theme::colors(ui).weak);
    let text = RichText::new(digits).font(theme::mono()).color(color);
    ui.add(Label::new(text).wrap()).on_hover_text(help);
}

fn rules_ui(ui: &mut Ui, state: &State, frames: &[RawFrame], rules: &[String]) {
    let colors = theme::colors(ui);
    let version = state.current_open().map(|open| open.spec.websocket.version).unwrap_or_default();
    if matches!(version, WebSocketVersion::Hixie75 | WebSocketVersion::Hixie76) {
        let text = format!("⚠ this connection speaks {}, which knows no such frames", version.name());
        small(ui, text, colors.warning);
    }
    match rules.len() {
        0 => small(ui, "✔ breaks no rule of RFC 6455".to_owned(), colors.good),
        count => {
            let rules = rules.join("; ");
            let head =
                if count == 1 { "⚠ breaks a rule: ".to_owned() } else { format!("⚠ breaks {count} rules: ") };
            small(ui, head + &rules, colors.warning);
        }
    }
    if frames.last().is_some_and(|frame| !frame.fin && frame.opcode < 8) {
        small(
            ui,
            "Without FIN the message goes on: send continuations, the last of them with FIN".to_owned(),
            colors.weak,
        );
    }
    if frames.len() > 1 {
        let len: usize = frames.iter().map(|frame| FrameBytes::of(frame, 0).len()).sum();
        let count = words::count(frames.len() as u64);
        small(ui, format!("{count} frames, {} in all", words::bytes(len as u64)), colors.weak);
    }
}

fn small(ui: &mut Ui, text: String, color: Color32) {
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(color)).wrap());
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
