//! What will be sent, message by message: each can be left out, or changed before it is sent.

use super::small;
use crate::app::resend::{Plan, Planned};
use crate::app::{App, Command, ResendCommand, Resending, Typing, View};
use crate::session::one_line;
use crate::ui::rows::{inside, rows_ui};
use crate::ui::sidebar::elided;
use crate::ui::{Look, theme, words};
use egui::{
    Align2, Button, Checkbox, Frame, Id, Key, Margin, Rect, RichText, ScrollArea, TextEdit, Ui, WidgetInfo, pos2, vec2,
};
use std::time::{Duration, Instant};

/// What a frame spends at most on finding out what rows say.
const TELLING: Duration = Duration::from_millis(4);
/// Characters of what was typed that a row shows.
const LINE_CHARS: usize = 400;
/// Lines of the field in which a message is changed.
const TYPED_LINES: usize = 4;

/// Draws the field for what is being changed, and the list.
pub fn list_ui(ui: &mut Ui, app: &App, resend: &Resending, plan: &Plan, look: &mut Look, out: &mut Vec<Command>) {
    let is_new = look.resend_typing != resend.typing.as_ref().map(|typing| typing.id);
    look.resend_typing = resend.typing.as_ref().map(|typing| typing.id);
    if let Some(typing) = &resend.typing {
        typing_ui(ui, typing, is_new, out);
    }
    let Some(view) = app.state().view_of(resend.source) else {
        small(ui, "The recording that this is taken from was closed.", theme::colors(ui).warning);
        return;
    };
    inside(ui, |ui, area| {
        let until = Instant::now() + TELLING;
        let mut scroll = look.resend_scroll;
        rows_ui(ui, Id::unique("to send"), area, theme::ROW, plan.planned.len(), &mut scroll, |ui, at, rect| {
            row_ui(ui, (resend, plan, view), plan.planned[at], rect, (look, until), out);
        });
        look.resend_scroll = scroll;
    });
}

fn row_ui(
    ui: &mut Ui,
    (resend, plan, view): (&Resending, &Plan, &View),
    planned: Planned,
    rect: Rect,
    (look, until): (&mut Look, Instant),
    out: &mut Vec<Command>,
) {
    let colors = theme::colors(ui);
    let id = planned.id;
    let number = format!("#{}", words::count(id as u64 + 1));
    let middle = rect.center().y;
    let kept = !resend.edits.left_out.contains(&id);
    let mut is_kept = kept;
    let left = rect.left() + theme::MARGIN;
    let place = Rect::from_min_size(pos2(left, rect.top()), vec2(theme::ROW, rect.height()));
    let response = ui.put(place, Checkbox::without_text(&mut is_kept));
    response.widget_info(|| WidgetInfo::selected(egui::Role::CheckBox, true, kept, format!("Send {number}")));
    if response.on_hover_text(if kept { "Sent: leave it out" } else { "Left out: send it" }).changed() {
        out.push(Command::Resend(ResendCommand::Keep(id, is_kept)));
    }
    // Its time, its number, what it says, and what can be done with it.
    let text = |x: f32, align: Align2, text: String| {
        ui.painter().text(pos2(x, middle), align, text, theme::mono(), colors.weak);
    };
    let time = left + theme::ROW + theme::NUMBER;
    text(time, Align2::RIGHT_CENTER, format!("+{}", words::seconds(planned.at_ns.saturating_sub(plan.base_ns))));
    text(time + theme::MARGIN, Align2::LEFT_CENTER, number.clone());
    let from = time + theme::MARGIN + theme::NUMBER;
    let right = rect.right() - theme::MARGIN;
    let edit = Rect::from_min_max(pos2(right - theme::NUMBER, rect.top() + 1.0), pos2(right, rect.bottom() - 1.0));
    let edited = resend.edits.payloads.get(&id);
    let (word, name, command) = match edited {
        Some(_) => ("undo", "Send as recorded", ResendCommand::AsRecorded(id)),
        None => ("edit", "Edit", ResendCommand::Type(id, None)),
    };
    let response = ui.put(edit, Button::new(RichText::new(word).font(theme::small())).small());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("{name} {number}")));
    if response.on_hover_text(command.label()).clicked() {
        out.push(Command::Resend(command));
    }
    let summary = match edited {
        Some(bytes) => {
            let text: String = String::from_utf8_lossy(bytes).chars().take(LINE_CHARS).collect();
            format!("edited: {}", one_line(&text))
        }
        None => look.told(ui, view, id, until).to_owned(),
    };
    let color = match (kept, edited) {
        (false, _) => colors.weak,
        (true, Some(_)) => colors.warning,
        (true, None) => colors.text,
    };
    let place = Rect::from_min_max(pos2(from, rect.top()), pos2(edit.left() - theme::MARGIN, rect.bottom()));
    let response = ui.interact(place, Id::unique(("to send", id)), egui::Sense::click());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, format!("to send {number} {summary}")));
    if response.on_hover_text("Show the record").clicked() {
        look.reveal = true;
        out.push(Command::Show(view.id));
        out.push(Command::Select(Some(id)));
    }
    elided(ui.painter(), place, &summary, theme::mono(), color);
}

/// The field in which a message is changed.
fn typing_ui(ui: &mut Ui, typing: &Typing, is_new: bool, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let frame = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, theme::UNIT as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let mut text = typing.text.clone();
        ui.horizontal(|ui| {
            let name = format!("#{}", words::count(typing.id as u64 + 1));
            let what = if typing.is_hex { "in hexadecimal" } else { "text" };
            ui.label(RichText::new(format!("{name}, {what}")).font(theme::small()).color(colors.weak));
            let mistake = typing.bytes().err();
            let take = ui.add_enabled(mistake.is_none(), Button::new("Use this").small());
            if take.on_hover_text("Send what was typed in its place").clicked() {
                out.push(Command::Resend(ResendCommand::Take));
            }
            if ui.add(Button::new("Cancel").small()).clicked() {
                out.push(Command::Resend(ResendCommand::Type(typing.id, None)));
            }
            match (mistake, typing.remark()) {
                (Some(why), _) => small(ui, why, colors.error),
                (None, Some(why)) => small(ui, why, colors.warning),
                (None, None) => small(ui, "lengths are put right when it is sent", colors.weak),
            }
        });
        let height = theme::ROW * TYPED_LINES as f32;
        ScrollArea::vertical().id_salt("typed").max_height(height).show(ui, |ui| {
            let field = TextEdit::multiline(&mut text).font(theme::mono()).desired_rows(TYPED_LINES - 1);
            let response = ui.add(field.desired_width(f32::INFINITY));
            response.widget_info(|| WidgetInfo::labeled(egui::Role::MultilineTextInput, true, "What is sent"));
            if is_new {
                response.request_focus();
            }
            if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
                out.push(Command::Resend(ResendCommand::Type(typing.id, None)));
            }
        });
        if text != typing.text {
            out.push(Command::Resend(ResendCommand::Type(typing.id, Some(text))));
        }
    });
}
