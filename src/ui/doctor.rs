//! The doctor: every way to the address, how each turned out, which one to choose, and what to ask for.

use super::{theme, words};
use crate::app::doctor::{Outcome, ReportAs, Verdict};
use crate::app::{Command, Doctor, Pane, State};
use crate::session::duration;
use egui::{Align, Color32, Frame, Grid, Label, Layout, Margin, ProgressBar, RichText, ScrollArea, Ui};

/// Draws what the doctor says.
pub fn doctor_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, state, out)));
    ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| match &state.doctor {
        None => {
            ui.label(RichText::new("Which way works from here?").color(colors.strong));
            let text = "The doctor tries every way to the address above: polling, long polling, streaming, SSE and WebSocket, with TLS and without, straight and by every proxy that is known. Four at a time, ten seconds each at most.";
            ui.label(RichText::new(text).color(colors.weak));
        }
        Some(doctor) => ways_ui(ui, doctor),
    });
}

fn head_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.label(RichText::new("Doctor").color(colors.strong));
    if let Some(doctor) = &state.doctor {
        ui.label(RichText::new(&doctor.address).font(theme::small()).color(colors.weak));
        if doctor.is_running() {
            let done = doctor.outcomes.len();
            let text = format!("{done} of {}", words::counted(doctor.total as u64, "way"));
            ui.label(RichText::new(text).font(theme::small()).color(colors.text));
            let fraction = done as f32 / doctor.total.max(1) as f32;
            let width = theme::BUTTON;
            ui.add(ProgressBar::new(fraction).fill(colors.accent).desired_width(width).desired_height(theme::PROGRESS))
                .accessible_name("Ways tried");
        }
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if state.view().is_some() && ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        if state.view().is_none() && ui.button("Back").clicked() {
            out.push(Command::ShowPane(Pane::Doctor));
        }
        let has_report = state.doctor.as_ref().is_some_and(|doctor| doctor.report.is_some());
        ui.add_enabled_ui(has_report, |ui| {
            if ui.button("Save report…").on_hover_text("HTML, Markdown, JSON or text, by the name's ending").clicked()
            {
                out.push(Command::SaveReport);
            }
            ui.menu_button("Copy", |ui| {
                for how in ReportAs::ALL {
                    if ui.button(Command::CopyReport(how).label()).clicked() {
                        out.push(Command::CopyReport(how));
                        ui.close();
                    }
                }
            });
        });
        let is_running = state.doctor.as_ref().is_some_and(Doctor::is_running);
        let can = !state.draft.address.trim().is_empty() && !is_running;
        let again = if state.doctor.is_some() { "Try again" } else { "Try every way" };
        if ui.add_enabled(can, egui::Button::new(again)).on_hover_text(Command::RunDoctor.label()).clicked() {
            out.push(Command::RunDoctor);
        }
        ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
    });
}

fn ways_ui(ui: &mut Ui, doctor: &Doctor) {
    let colors = theme::colors(ui);
    if let Some(report) = &doctor.report {
        part_ui(ui, "Choose", &report.choose, colors.strong);
        if !report.ask.is_empty() {
            part_ui(ui, "Ask for", &report.ask, colors.text);
        }
        ui.add_space(theme::GAP);
    }
    let outcomes: Vec<&Outcome> = match &doctor.report {
        Some(report) => report.outcomes.iter().collect(),
        None => doctor.outcomes.iter().collect(),
    };
    let width = ui.available_width();
    Grid::new("ways").num_columns(3).spacing([theme::GROUP_GAP, theme::GAP]).show(ui, |ui| {
        for outcome in outcomes {
            ui.label(RichText::new(outcome.way.name()).color(colors.text)).on_hover_text(&outcome.way.url);
            let (mark, color) = mark(&outcome.verdict, colors);
            ui.label(RichText::new(format!("{mark} {}", outcome.verdict.label())).color(color));
            let text = format!("{} · {}", duration(outcome.took_ns), outcome.verdict.detail());
            ui.scope(|ui| {
                ui.set_max_width((width * 0.6).max(160.0));
                ui.add(Label::new(RichText::new(text).font(theme::small()).color(colors.weak)).wrap());
            });
            ui.end_row();
        }
    });
}

fn part_ui(ui: &mut Ui, name: &str, text: &str, color: Color32) {
    let weak = theme::colors(ui).weak;
    ui.horizontal_top(|ui| {
        ui.scope(|ui| {
            ui.set_width(theme::FINDING_NAME);
            ui.label(RichText::new(name).font(theme::small()).color(weak));
        });
        ui.add(Label::new(RichText::new(text).color(color)).wrap());
    });
}

fn mark(verdict: &Verdict, colors: &theme::Colors) -> (&'static str, Color32) {
    match verdict {
        Verdict::Works { .. } => ("✔", colors.good),
        Verdict::Delayed { .. } => ("⚠", colors.warning),
        Verdict::Broken { .. } => ("✖", colors.error),
        Verdict::NotOffered { .. } => ("○", colors.weak),
    }
}
