//! What is sent again: where it goes, in which rhythm, how far it is, and what could not be sent.

mod list;

use super::{Look, theme, words};
use crate::app::resend::{Outcome, Plan, Resender};
use crate::app::{App, Command, Pane, ResendCommand, ResendSettings, Resending, To};
use crate::session::duration;
use egui::{
    Align, Button, Color32, Frame, Label, Layout, Margin, ProgressBar, RichText, ScrollArea, TextEdit, Ui, WidgetInfo,
};

/// Rows of the list that are in sight, however low the pane is; and what the field to type in takes of them.
const ROWS_IN_SIGHT: f32 = 4.0;
const TYPING_ROWS: f32 = 5.0;

/// Draws the pane.
pub fn resend_ui(ui: &mut Ui, app: &App, look: &mut Look, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, app, out)));
    let plan = state.resend.as_ref().filter(|resend| !resend.is_running());
    let plan = plan.and_then(|resend| Some((resend, resend.plan.as_ref().filter(|plan| !plan.planned.is_empty())?)));
    // The list has its own bar, and a few rows of it are always in sight.
    let height = match plan {
        Some((resend, _)) => {
            let rows = if resend.typing.is_some() { ROWS_IN_SIGHT + TYPING_ROWS } else { ROWS_IN_SIGHT };
            (ui.available_height() - rows * theme::ROW).max(theme::ROW)
        }
        None => f32::INFINITY,
    };
    let area = ScrollArea::vertical().auto_shrink([false, plan.is_some()]).max_height(height);
    area.content_margin(theme::MARGIN).show(ui, |ui| match &state.resend {
        None => empty_ui(ui, app, out),
        Some(resend) => {
            if !resend.is_running() {
                settings_ui(ui, app, resend, out);
            }
            if let Some(resender) = resend.resender() {
                ui.add_space(theme::UNIT);
                run_ui(ui, app, resend, resender, look, out);
            }
            if !resend.is_running() {
                plan_ui(ui, resend);
            }
        }
    });
    if let Some((resend, plan)) = plan {
        list::list_ui(ui, app, resend, plan, look, out);
    }
}

fn head_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    ui.label(RichText::new("Send again").color(colors.strong));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        let resend = state.resend.as_ref();
        if resend.is_some_and(Resending::is_running) {
            button_ui(ui, app, "■ Stop", ResendCommand::Stop, out);
            let is_paused = resend.and_then(Resending::resender).is_some_and(Resender::is_paused);
            button_ui(ui, app, if is_paused { "▶ Go on" } else { "⏸ Pause" }, ResendCommand::Pause, out);
        } else if resend.is_some() {
            button_ui(ui, app, "▶ Send", ResendCommand::Start, out);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            if let Some(resend) = resend {
                ui.add(Label::new(RichText::new(&resend.what).font(theme::small()).color(colors.weak)).truncate());
            }
            ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
        });
    });
}

/// A button for a command, which says why it cannot be done where it cannot.
fn button_ui(ui: &mut Ui, app: &App, text: &str, command: ResendCommand, out: &mut Vec<Command>) {
    let command = Command::Resend(command);
    let why_not = app.objection(&command);
    let response = ui.add_enabled(why_not.is_none(), Button::new(text));
    let label = command.label();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, why_not.is_none(), label.trim_end_matches('…')));
    let response = response.on_hover_text(label);
    if response.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
        out.push(command);
    }
}

fn empty_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.label(RichText::new("Nothing is chosen to be sent again.").color(colors.strong));
    let text = "Select rows in the timeline (Shift selects several) and send them again, or all that the client of a \
                connection sent: in the recorded rhythm, faster, or at once; to where they went, or elsewhere. Nothing is \
                sent before you say so.";
    ui.add(Label::new(RichText::new(text).color(colors.weak)).wrap());
    ui.add_space(theme::GAP);
    ui.horizontal(|ui| {
        button_ui(ui, app, "Send the selection again…", ResendCommand::Selection, out);
        button_ui(ui, app, "Send all that the client sent again…", ResendCommand::ClientSide, out);
    });
}

/// A line of the form: its name at the left.
fn line_ui(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.scope(|ui| {
            ui.set_min_width(theme::FORM_NAME);
            ui.set_max_width(theme::FORM_NAME);
            ui.label(RichText::new(name).color(theme::colors(ui).weak));
        });
        content(ui);
    });
}

fn settings_ui(ui: &mut Ui, app: &App, resend: &Resending, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let mut settings: ResendSettings = resend.settings.clone();
    line_ui(ui, "To", |ui| {
        let open = state.current_open().filter(|_| state.open_connection().is_some());
        let places = [
            (
                To::Open,
                "The open connection",
                open.map_or(Err("no connection is open"), |it| Ok(it.draft.address.clone())),
            ),
            (
                To::Recorded,
                "Where it went",
                match &resend.recorded {
                    Ok((url, _)) => Ok(format!("{url}, opened anew as the recording says")),
                    Err(_) => Err("the recording does not say where it led"),
                },
            ),
            (
                To::Address,
                "The address bar",
                match state.draft.address.trim() {
                    "" => Err("there is no address"),
                    address => Ok(address.to_owned()),
                },
            ),
        ];
        for (to, text, place) in places.clone() {
            let why_not = place.as_ref().err().copied().unwrap_or_default();
            let button = Button::new(text).selected(settings.to == to).frame_when_inactive(true);
            let response = ui.add_enabled(place.is_ok() || settings.to == to, button);
            if response.on_disabled_hover_text(why_not).clicked() {
                settings.to = to;
            }
        }
        let (_, _, place) = &places[settings.to as usize];
        let (text, color) = match place {
            Ok(address) => (address.as_str(), colors.text),
            Err(why) => (*why, colors.warning),
        };
        ui.add(Label::new(RichText::new(text).font(theme::mono()).color(color)).truncate());
    });
    line_ui(ui, "Speed", |ui| {
        for (speed, text, help) in [
            ("1", "As recorded", "In the recorded rhythm"),
            ("10", "10×", "Ten times as fast as it was"),
            ("max", "At once", "One after the other without a wait"),
        ] {
            let button = Button::new(text).selected(settings.speed.trim() == speed).frame_when_inactive(true);
            if ui.add(button).on_hover_text(help).clicked() {
                settings.speed = speed.to_owned();
            }
        }
        let field = TextEdit::singleline(&mut settings.speed).desired_width(theme::NUMBER).font(theme::mono());
        let response = ui.add(field).on_hover_text("How many times as fast as it was, such as 0.5 or 25");
        response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Speed"));
    });
    line_ui(ui, "What", |ui| {
        let choices = &mut settings.choices;
        let frames = ui.checkbox(&mut choices.frames, "Frames, byte for byte");
        frames.on_hover_text(
            "WebSocket frames as they were, with their FIN, RSV, opcode and length, instead of messages",
        );
        ui.add_enabled(choices.frames, egui::Checkbox::new(&mut choices.keep_masks, "Keep masking keys"))
            .on_hover_text("Else each frame gets a fresh masking key, as RFC 6455 §5.3 asks for");
        ui.add_enabled(!choices.frames, egui::Checkbox::new(&mut choices.control, "Pings, pongs and closes, too"))
            .on_hover_text("Control frames that the client sent; pongs are sent unasked");
    });
    if settings != resend.settings {
        out.push(Command::Resend(ResendCommand::Set(settings)));
    }
}

fn small(ui: &mut Ui, text: impl Into<String>, color: Color32) {
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(color)).wrap());
}

fn plan_ui(ui: &mut Ui, resend: &Resending) {
    let colors = theme::colors(ui);
    let Some(plan) = &resend.plan else {
        small(ui, "Looking for what is to be sent…", colors.weak);
        return;
    };
    let text = said_of(plan, resend);
    ui.add(Label::new(RichText::new(text).color(colors.text)).wrap());
    for text in plan.reservations() {
        small(ui, format!("Not sent: {text}"), colors.weak);
    }
    if let (To::Recorded, Ok((_, without))) = (resend.settings.to, &resend.recorded) {
        for name in without {
            let text =
                format!("⚠ The value of {name} is not in the recording. “Edit and send the request” lets you type it.");
            small(ui, text, colors.warning);
        }
    }
}

/// What will be sent, in a sentence.
fn said_of(plan: &Plan, resend: &Resending) -> String {
    let left_out = plan.planned.iter().filter(|planned| resend.edits.left_out.contains(&planned.id)).count();
    let what = if plan.is_side_only { "request" } else { "message" };
    let count = words::counted((plan.planned.len() - left_out) as u64, what);
    match plan.length_ns() {
        _ if plan.planned.is_empty() && plan.is_side_only => "Nothing is sent.".to_owned(),
        _ if plan.planned.is_empty() => "Nothing is sent but the request that opens the connection.".to_owned(),
        0 => format!("{count} will be sent."),
        ns => format!("{count} will be sent; in the recorded rhythm that takes {}.", duration(ns)),
    }
}

fn run_ui(ui: &mut Ui, app: &App, resend: &Resending, resender: &Resender, look: &mut Look, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let (sent, planned) = (resender.sent(), resender.plan().planned.len());
    let text = format!("{} of {}", words::count(sent as u64), words::count(planned as u64));
    let (mark, word, color) = match resender.outcome() {
        Some(Outcome::Done) if resender.refused().0 == 0 => ("✔", "Sent".to_owned(), colors.good),
        Some(Outcome::Done) => ("⚠", "Sent, but not all".to_owned(), colors.warning),
        Some(Outcome::Stopped) => ("■", "Stopped".to_owned(), colors.warning),
        Some(Outcome::Cut(why)) => ("✖", format!("The connection was over: {why}"), colors.error),
        None if resender.is_paused() => ("⏸", "Paused".to_owned(), colors.warning),
        None if resender.waits_for_opening() => ("…", "Waits for the connection".to_owned(), colors.weak),
        None => ("▶", "Sending".to_owned(), colors.accent),
    };
    Frame::new().fill(colors.bar).corner_radius(theme::ROUND).inner_margin(theme::MARGIN).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let share = if planned == 0 { 1.0 } else { sent as f32 / planned as f32 };
        ui.horizontal(|ui| {
            ui.label(RichText::new(mark).color(color));
            ui.label(RichText::new(&text).font(theme::mono()).color(colors.strong));
            ui.add(Label::new(RichText::new(&word).color(color)).truncate());
        });
        if resend.is_running() {
            let bar = ProgressBar::new(share).desired_height(theme::UNIT).fill(colors.accent);
            let response = ui.add(bar);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::ProgressIndicator, true, format!("sent {text}")));
        }
        resender.remarks().into_iter().for_each(|text| small(ui, text, colors.weak));
        let (count, refused) = resender.refused();
        for it in refused {
            ui.horizontal(|ui| {
                let link = RichText::new(format!("#{}", it.id + 1)).font(theme::small()).color(colors.accent);
                let exists = state.view_of(resend.source).is_some();
                let response = ui.add_enabled(exists, Button::new(link).frame(false));
                if response.on_hover_text("Show the record").clicked() {
                    look.reveal = true;
                    out.push(Command::Show(resend.source));
                    out.push(Command::Select(Some(it.id)));
                }
                small(ui, format!("was not sent: {}", it.why), colors.warning);
            });
        }
        if count > refused.len() {
            small(
                ui,
                format!("and {} more were not sent", words::count((count - refused.len()) as u64)),
                colors.warning,
            );
        }
    });
    ui.add_space(theme::MARGIN);
}
