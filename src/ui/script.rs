//! The script: its steps with the one under way lit, how it ended, and the record by which it failed.

use super::{Look, keys, theme};
use crate::app::script::{Outcome, Script, Step};
use crate::app::{App, Command, Pane, Scripting, State, StepState};
use egui::{
    Align, Button, Color32, Frame, Label, Layout, Margin, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, vec2,
};

/// Draws the script.
pub fn script_ui(ui: &mut Ui, app: &App, look: &mut Look, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, app, out)));
    let Some(scripting) = &state.script else {
        ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| empty_ui(ui, out));
        return;
    };
    if scripting.outcome().is_some() || scripting.script.is_err() {
        let margin =
            Margin { left: theme::MARGIN as i8, right: theme::MARGIN as i8, top: theme::MARGIN as i8, bottom: 0 };
        Frame::new().inner_margin(margin).show(ui, |ui| outcome_ui(ui, state, scripting, out));
    }
    ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| {
        if let Ok(script) = &scripting.script {
            steps_ui(ui, scripting, script, look);
        }
    });
}

fn head_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    ui.label(RichText::new("Script").color(colors.strong));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if state.view().is_some() && ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        if state.view().is_none() && ui.button("Back").clicked() {
            out.push(Command::ShowPane(Pane::Script));
        }
        button_ui(ui, app, "Open…", Command::OpenScript, out);
        let is_running = state.script.as_ref().is_some_and(Scripting::is_running);
        match is_running {
            true => button_ui(ui, app, "■ Stop", Command::StopScript, out),
            false => button_ui(ui, app, "▶ Run", Command::RunScript, out),
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            if let Some(scripting) = &state.script {
                let name = RichText::new(scripting.name()).font(theme::small()).color(colors.weak);
                ui.add(Label::new(name).truncate()).on_hover_text(scripting.path.display().to_string());
            }
            ui.allocate_space(vec2(ui.available_width(), 0.0));
        });
    });
}

/// A button for a command, which says why it cannot be done where it cannot.
fn button_ui(ui: &mut Ui, app: &App, text: &str, command: Command, out: &mut Vec<Command>) {
    let why_not = app.objection(&command);
    let response = ui.add_enabled(why_not.is_none(), Button::new(text));
    let keys = command.shortcut().and_then(keys::shortcut).map(|keys| keys::name(ui.ctx(), &keys));
    let keys = keys.map_or_else(String::new, |keys| format!("  {keys}"));
    let label = command.label();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, why_not.is_none(), label.trim_end_matches('…')));
    let response = response.on_hover_text(format!("{label}{keys}"));
    if response.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
        out.push(command);
    }
}

fn empty_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.label(RichText::new("No script is open.").color(colors.strong));
    let text = "A script is a small TOML file of steps: send, wait, expect, repeat. It talks on the current connection, and says whether what was expected came. Drop one onto the window, or open it. docs/scripts.md has the format.";
    ui.add(Label::new(RichText::new(text).color(colors.weak)).wrap());
    ui.add_space(theme::GAP);
    if ui.button("Open a script…").clicked() {
        out.push(Command::OpenScript);
    }
    ui.add_space(theme::MARGIN);
    let example = "[[step]]\nsend = { json = { op = \"subscribe\", id = \"{{uuid}}\" } }\n\n[[step]]\nexpect = '$.op=\"subscribed\"'\nwithin = \"2s\"";
    ui.label(RichText::new(example).font(theme::mono()).color(colors.text));
}

/// How it ended, or what is wrong with the file.
fn outcome_ui(ui: &mut Ui, state: &State, scripting: &Scripting, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let (mark, word, text, color) = match (&scripting.script, scripting.outcome()) {
        (Err(why), _) => ("✖", "Cannot be read", why.as_str(), colors.error),
        (_, Some(Outcome::Passed)) => ("✔", "Passed", "", colors.good),
        (_, Some(Outcome::Failed(failure))) => ("✖", "Failed", failure.text.as_str(), colors.error),
        (_, Some(Outcome::Stopped(text))) => ("■", "Stopped", text.as_str(), colors.warning),
        (_, None) => return,
    };
    Frame::new().fill(colors.bar).corner_radius(theme::ROUND).inner_margin(theme::MARGIN).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(format!("{mark} {word}")).color(color));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.spacing_mut().interact_size.y = theme::FIGURE_ROW;
                if !text.is_empty() {
                    ui.add(Label::new(RichText::new(text).color(colors.text)).wrap());
                }
                if let Some((view, record)) = scripting.evidence() {
                    let text = format!("Show record #{}", record + 1);
                    let link = RichText::new(text).font(theme::small()).color(colors.accent);
                    let exists = state.views.iter().any(|known| known.id == view);
                    if exists && ui.add(Button::new(link).frame(false)).clicked() {
                        out.push(Command::Show(view));
                        out.push(Command::Select(Some(record)));
                        out.push(Command::ShowPane(Pane::Record));
                    }
                }
            });
        });
    });
}

fn steps_ui(ui: &mut Ui, scripting: &Scripting, script: &Script, look: &mut Look) {
    let colors = theme::colors(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    // What is looked for: the step under way, or the one that failed.
    let failed = match scripting.outcome() {
        Some(Outcome::Failed(failure)) => Some(failure.step),
        _ => None,
    };
    let lit = scripting.under_way().or(failed);
    if let Some(notice) = script.secrets_notice() {
        let text = RichText::new(format!("⚠ {notice}")).font(theme::small()).color(colors.warning);
        ui.add(Label::new(text).wrap());
    }
    for (at, step) in script.steps.iter().enumerate() {
        let is_first_of_list = at == 0 || at == script.first_main;
        if is_first_of_list && script.first_main > 0 {
            let heading = if at < script.first_main { "With each connection" } else { "Then" };
            ui.add_space(if at == 0 { 0.0 } else { theme::GAP });
            ui.label(RichText::new(heading).font(theme::small()).color(colors.weak));
        }
        let rect = step_ui(ui, step, scripting.state(at), lit == Some(at));
        // It is brought into sight only when it changes: the wheel stays the user's.
        let wanted = Some((at, failed.is_some()));
        if lit == Some(at) && look.script_at != wanted {
            look.script_at = wanted;
            ui.scroll_to_rect(rect, None);
        }
    }
    if lit.is_none() {
        look.script_at = None;
    }
}

fn step_ui(ui: &mut Ui, step: &Step, state: StepState, is_lit: bool) -> Rect {
    let colors = theme::colors(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), theme::ROW), Sense::hover());
    let (mark, said, color) = match state {
        StepState::Ahead => ("", String::new(), colors.weak),
        StepState::UnderWay(None) => ("▶", "under way".to_owned(), colors.accent),
        StepState::UnderWay(Some(n)) => {
            let of = step.times().map_or_else(String::new, |times| format!(" of {times}"));
            ("▶", format!("{n}{of}"), colors.accent)
        }
        StepState::Done(1) => ("✔", "done".to_owned(), colors.good),
        StepState::Done(times) => ("✔", format!("done {} times", super::words::count(times)), colors.good),
        StepState::Failed => ("✖", "failed".to_owned(), colors.error),
    };
    let (verb, object) = (step.verb(), step.object());
    let label = format!("step {} {verb} {object}", step.number);
    let label = if said.is_empty() { label } else { format!("{label}, {said}") };
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &label));
    if !ui.is_rect_visible(rect) {
        return rect;
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if is_lit {
        painter.rect_filled(rect, theme::ROUND as f32, colors.selected);
    } else if response.hovered() {
        painter.rect_filled(rect, theme::ROUND as f32, colors.hover);
    }
    let middle = rect.center().y;
    let text = |x: f32, text: &str, font: egui::FontId, color: Color32| {
        let galley = painter.layout_no_wrap(text.to_owned(), font, color);
        let width = galley.size().x;
        painter.galley(egui::pos2(x, middle - galley.size().y / 2.0), galley, color);
        x + width
    };
    let mut x = rect.left() + theme::GAP;
    text(x, mark, theme::small(), color);
    x += theme::STEP_MARK;
    let number = step.number.trim_start_matches("on_connect ");
    text(x, number, theme::small(), colors.weak);
    x += theme::STEP_NUMBER + step.depth as f32 * theme::INDENT;
    text(x, verb, theme::body(), if is_lit { colors.strong } else { colors.name });
    x += theme::STEP_VERB;
    let said_width = painter.layout_no_wrap(said.clone(), theme::small(), color).size().x;
    let end = rect.right() - theme::MARGIN - said_width;
    text(end, &said, theme::small(), color);
    let mut job = egui::text::LayoutJob::simple_singleline(object.clone(), theme::mono(), colors.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width((end - theme::MARGIN - x).max(0.0));
    let galley = painter.layout_job(job);
    let is_cut = galley.elided;
    painter.galley(egui::pos2(x, middle - galley.size().y / 2.0), galley, colors.text);
    if is_cut {
        response.on_hover_text(object);
    }
    rect
}
