//! Findings: what was seen (click: the bytes), what it means, what to try.

use super::{Look, theme, words};
use crate::app::{Command, Pane, View};
use crate::session::findings::{Evidence, Finding};
use egui::{Align, Button, Frame, Layout, Margin, RichText, ScrollArea, Ui, WidgetInfo};

/// Draws the findings of a recording.
pub fn findings_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let found: Vec<(&Finding, bool)> = view.findings_shown().collect();
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Findings").color(colors.strong));
            let text = words::counted(found.len() as u64, "finding");
            ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
                    out.push(Command::ShowPane(Pane::Record));
                }
                let copy = ui.add_enabled(!found.is_empty(), Button::new("Copy all"));
                if copy.on_hover_text(Command::CopyFindings.label()).clicked() {
                    out.push(Command::CopyFindings);
                }
                ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
            });
        });
    });
    ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| {
        if found.is_empty() {
            ui.label(RichText::new("Nothing was found to be wrong.").color(colors.text));
            let text = "Three dozen rules watch for proxies that refuse, rewrite, buffer or cut, for TLS that is opened on the way, for streams with wrong labels, and for how connections end.";
            ui.label(RichText::new(text).color(colors.weak));
        }
        // What stops a connection stands first, what is for learners last; else in the order of finding.
        let mut order = found;
        order.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
        for (finding, comes_again) in order {
            finding_ui(ui, view, finding, comes_again, look, out);
            ui.add_space(theme::MARGIN);
        }
    });
}

fn finding_ui(ui: &mut Ui, view: &View, finding: &Finding, comes_again: bool, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let severity = finding.severity;
    Frame::new().fill(colors.bar).corner_radius(theme::ROUND).inner_margin(theme::MARGIN).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(theme::severity_mark(severity)).color(colors.severity(severity)));
            ui.label(RichText::new(finding.title).color(colors.strong));
            let seen = finding.evidence.iter().filter(|evidence| view.is_there(evidence.record)).count();
            let times = if comes_again && seen > 1 {
                format!(" · at least {seen} times so far")
            } else if comes_again {
                " · so far".to_owned()
            } else if finding.count > 1 {
                format!(" · {} times", finding.count)
            } else {
                String::new()
            };
            let label = view.session.connection(finding.connection).map_or("", |connection| &connection.info.label);
            let text = format!("{}{times} · {label}", finding.confidence.label());
            ui.label(RichText::new(text).font(theme::small()).color(colors.weak)).on_hover_text(finding.key);
        });
        for (name, text) in [("Seen", &finding.seen), ("Means", &finding.means), ("Try", &finding.attempt)] {
            ui.horizontal_top(|ui| {
                ui.scope(|ui| {
                    ui.set_width(theme::FINDING_NAME);
                    ui.label(RichText::new(name).font(theme::small()).color(colors.weak));
                });
                let text = RichText::new(text).color(colors.text);
                ui.add(egui::Label::new(text).wrap());
            });
        }
        ui.horizontal_wrapped(|ui| {
            ui.scope(|ui| {
                ui.set_width(theme::FINDING_NAME);
                ui.label(RichText::new("Where").font(theme::small()).color(colors.weak));
            });
            for evidence in finding.evidence.iter().filter(|evidence| view.is_there(evidence.record)) {
                evidence_ui(ui, evidence, look, out);
            }
        });
    });
}

fn evidence_ui(ui: &mut Ui, evidence: &Evidence, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let text = format!("#{} {}", evidence.record + 1, short(&evidence.says));
    let response = ui.add(Button::new(RichText::new(&text).font(theme::small()).color(colors.accent)).frame(false));
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Show {text}")));
    if response.on_hover_text("Show the record and its bytes").clicked() {
        out.push(Command::Select(Some(evidence.record)));
        out.push(Command::ShowPane(Pane::Record));
        look.evidence = evidence.span.map(|span| (evidence.record, span));
    }
}

/// So much of what evidence says as fits a line.
fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
