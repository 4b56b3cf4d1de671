//! What a search over the recordings found: recording by recording, record by record.

use super::rows::rows_ui;
use super::sidebar::elided;
use super::{Look, theme, words};
use crate::app::library::{ResultRow, Search};
use crate::app::{Command, LibraryCommand};
use egui::{Align2, Id, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

/// Room for the number, the time and the kind of a record.
const NUMBER: f32 = 70.0;
const TIME: f32 = 78.0;
const KIND: f32 = 96.0;

/// Draws the results.
pub fn results_ui(ui: &mut Ui, search: &Search, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let bar = egui::Frame::new().fill(colors.bar).inner_margin(egui::Margin::symmetric(theme::MARGIN as i8, 3));
    bar.show(ui, |ui| {
        ui.horizontal(|ui| {
            let asked = search.asked.as_deref().unwrap_or_default();
            ui.label(RichText::new(asked).font(theme::mono()).color(colors.strong));
            ui.label(RichText::new(said(search)).font(theme::small()).color(colors.weak));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button("Put away").on_hover_text("The results, not the recordings").clicked() {
                    out.push(Command::Library(LibraryCommand::CloseSearch));
                }
                ui.allocate_space(vec2(ui.available_width(), 0.0));
            });
        });
    });
    let body = ui.available_rect_before_wrap();
    // All of the panel is the list's, however short that is.
    ui.allocate_rect(body, Sense::hover());
    let mut scroll = look.found;
    rows_ui(ui, Id::unique("found"), body, theme::ROW, search.len(), &mut scroll, |ui, row, rect| {
        if let Some(row) = search.row(row) {
            row_ui(ui, row, rect, out);
        }
    });
    look.found = scroll;
}

/// How far it is, and what was found.
fn said(search: &Search) -> String {
    let (done, total) = search.progress;
    let found = words::counted(search.found(), "record");
    let with = search.groups.iter().filter(|group| group.found > 0).count() as u64;
    let looked = match (search.is_running(), search.is_stopped) {
        (true, _) => {
            format!("{} of {} looked through", words::count(done as u64), words::counted(total as u64, "recording"))
        }
        (false, true) => {
            format!("stopped after {} of {}", words::count(done as u64), words::counted(total as u64, "recording"))
        }
        (false, false) => format!("{} looked through", words::counted(total as u64, "recording")),
    };
    format!("{found} in {} · {looked}", words::counted(with, "recording"))
}

fn row_ui(ui: &mut Ui, row: ResultRow<'_>, rect: Rect, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let (id, name) = match row {
        ResultRow::Group(group) => {
            (Id::unique(("found in", &group.path)), format!("{} found in {}", group.found, group.name))
        }
        ResultRow::Line(group, line) => (
            Id::unique(("found", &group.path, line.record)),
            format!("record {} of {}, {} {}", line.record + 1, group.name, line.kind, line.text),
        ),
    };
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, &name));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 0.0, colors.hover);
    }
    let middle = rect.center().y;
    let left = rect.left() + theme::MARGIN;
    let inner =
        |from: f32| Rect::from_min_max(pos2(from, rect.top()), pos2(rect.right() - theme::MARGIN, rect.bottom()));
    match row {
        ResultRow::Group(group) => {
            let count = words::counted(group.found, "record");
            let left_out = group.found - group.lines.len() as u64;
            let told = match (&group.trouble, left_out) {
                (Some(trouble), _) => format!("{count} · {trouble}"),
                (None, 0) => count,
                (None, left_out) => format!("{count}, the last {} of them only counted", words::count(left_out)),
            };
            let color = if group.trouble.is_some() { colors.warning } else { colors.weak };
            let name =
                ui.painter().text(pos2(left, middle), Align2::LEFT_CENTER, &group.name, theme::body(), colors.strong);
            elided(ui.painter(), inner(name.right() + theme::GROUP_GAP), &told, theme::small(), color);
        }
        ResultRow::Line(_, line) => {
            let number = words::count(line.record as u64 + 1);
            let time = words::seconds(line.at_ns);
            let painter = ui.painter();
            painter.text(pos2(left + NUMBER, middle), Align2::RIGHT_CENTER, number, theme::mono(), colors.weak);
            painter.text(pos2(left + NUMBER + TIME, middle), Align2::RIGHT_CENTER, time, theme::mono(), colors.weak);
            let kind = left + NUMBER + TIME + theme::GROUP_GAP;
            painter.text(pos2(kind, middle), Align2::LEFT_CENTER, line.kind, theme::small(), colors.name);
            elided(painter, inner(kind + KIND), &line.text, theme::mono(), colors.text);
        }
    }
    if response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
        out.push(match row {
            ResultRow::Group(group) => Command::OpenPath(group.path.clone()),
            ResultRow::Line(group, line) => Command::Library(LibraryCommand::OpenAt(group.path.clone(), line.record)),
        });
    }
}
