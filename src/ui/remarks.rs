//! Bookmarks and remarks: their marks, the line in which they are written, flags on the strip, and the list of all.

use super::keys::is_pressed_alone;
use super::rows::rows_ui;
use super::strip::Scale;
use super::{Look, theme, words};
use crate::app::{Command, Pane, RemarkAct, View, ViewId, Wish};
use crate::session::{Mark, RecordId, Remark};
use egui::{Align, Align2, Button, Color32, Frame, Id, Key, Layout, Margin, Painter, Pos2, Rect, Response, RichText};
use egui::{KeyboardShortcut, Modifiers, Sense, Shape, Stroke, TextEdit, Ui, WidgetInfo, pos2, vec2};
use std::ops::Range;

/// Flags nearer than this are one.
const APART: f32 = 7.0;

/// A remark while it is being written.
#[derive(Default)]
pub struct Writing {
    of: Option<(ViewId, RecordId)>,
    text: String,
}

/// Paints a mark: each colour has a shape of its own.
pub fn mark_ui(painter: &Painter, at: Pos2, mark: Mark, size: f32, colors: &theme::Colors) {
    let (color, edge) = (colors.mark(mark), Stroke::new(1.0, colors.ground));
    let polygon = |points: Vec<Pos2>| Shape::convex_polygon(points, color, edge);
    match mark {
        Mark::Plain => {
            // A ribbon with a notch, as two halves: one polygon would not be convex.
            let (half, low) = (0.7 * size, size);
            let side = |sign: f32| {
                let corners = [(0.0, -low), (sign * half, -low), (sign * half, low), (0.0, 0.4 * low)];
                Shape::convex_polygon(corners.map(|(x, y)| at + vec2(x, y)).to_vec(), color, Stroke::NONE)
            };
            painter.rect_filled(
                Rect::from_center_size(at, vec2(2.0 * half, 2.0 * low)).expand(1.0),
                0.0,
                colors.ground,
            );
            painter.add(side(1.0));
            painter.add(side(-1.0));
        }
        Mark::Red => {
            let corners = [(0.0, -size), (size, 0.0), (0.0, size), (-size, 0.0)];
            painter.add(polygon(corners.map(|(x, y)| at + vec2(x, y)).to_vec()));
        }
        Mark::Orange => {
            let corners = [(0.0, -size), (size, 0.8 * size), (-size, 0.8 * size)];
            painter.add(polygon(corners.map(|(x, y)| at + vec2(x, y)).to_vec()));
        }
        Mark::Green => _ = painter.circle_filled(at, 0.9 * size, color),
        Mark::Blue => _ = painter.rect_filled(Rect::from_center_size(at, vec2(1.6, 1.6) * size), 0.0, color),
        Mark::Purple => _ = painter.circle_stroke(at, 0.75 * size, Stroke::new(0.45 * size, color)),
    }
}

/// Paints the mark of a row, and what is said of it at the right end of its line. What is left of the line.
pub fn row_ui(
    painter: &Painter,
    row: Rect,
    line: Option<Rect>,
    remark: &Remark,
    colors: &theme::Colors,
) -> Option<Rect> {
    mark_ui(painter, pos2(row.left() + theme::MARGIN, row.center().y), remark.mark, theme::UNIT, colors);
    let mut line = line?;
    if remark.text.is_empty() {
        return Some(line);
    }
    let mut job =
        egui::text::LayoutJob::simple_singleline(remark.says(), theme::small(), colors.mark_text(remark.mark));
    job.wrap = egui::text::TextWrapping::truncate_at_width((line.width() * 0.45).max(1.0));
    let galley = painter.layout_job(job);
    let left = line.right() - galley.size().x - theme::UNIT;
    painter.galley(pos2(left, line.center().y - galley.size().y / 2.0), galley, colors.weak);
    line.max.x = (left - theme::MARGIN).max(line.left());
    Some(line)
}

/// The buttons of the colours.
fn marks_ui(ui: &mut Ui, now: Option<Mark>, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    for mark in Mark::ALL {
        let is_on = now == Some(mark);
        let (rect, response) = ui.allocate_exact_size(vec2(theme::ROW, theme::ROW), Sense::click());
        let name = Command::Remark(RemarkAct::Mark(mark)).label();
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_on, &name));
        if is_on || response.hovered() || response.has_focus() {
            let fill = if is_on { colors.selected } else { colors.hover };
            ui.painter().rect_filled(rect, theme::ROUND as f32, fill);
        }
        mark_ui(ui.painter(), rect.center(), mark, 1.25 * theme::UNIT, colors);
        if response.on_hover_text(format!("{name}. {}", mark.help())).clicked() {
            out.push(Command::Remark(RemarkAct::Mark(mark)));
        }
    }
}

/// The words of a remark, in place: in one line, or in as many as there are.
fn words_ui(
    ui: &mut Ui,
    view: &View,
    id: RecordId,
    is_one_line: bool,
    look: &mut Look,
    out: &mut Vec<Command>,
) -> Response {
    let stored = view.session.remarks().get(id).map_or("", |remark| &remark.text);
    let field = Id::unique(("remark", view.id, id));
    let writing = &mut look.writing;
    if writing.of != Some((view.id, id))
        || !ui.memory(|memory| memory.has_focus(field) || memory.had_focus_last_frame(field))
    {
        (writing.of, writing.text) = (Some((view.id, id)), stored.to_owned());
    }
    let was_focused = ui.memory(|memory| memory.has_focus(field) || memory.had_focus_last_frame(field));
    let is_escaped = was_focused && ui.input(|input| input.key_pressed(Key::Escape));
    if is_escaped {
        writing.text = stored.to_owned();
    }
    let new_line = KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter);
    // Enter ends it, as it does in one line.
    if was_focused && !is_one_line && ui.input(|input| is_pressed_alone(input, Key::Enter)) {
        ui.memory_mut(|memory| memory.surrender_focus(field));
    }
    let edit = match is_one_line {
        true => TextEdit::singleline(&mut writing.text),
        false => TextEdit::multiline(&mut writing.text).desired_rows(1).return_key(new_line),
    };
    let edit = edit.id(field).desired_width(ui.available_width());
    let response =
        ui.add(edit.hint_text(theme::hint(ui, "what is to be said of this record"))).accessible_name("Remark");
    let text = writing.text.clone();
    if look.takes_focus(&Wish::FocusRemark) {
        response.request_focus();
    } else if response.lost_focus() {
        let is_changed = text.trim() != view.session.remarks().get(id).map_or("", |remark| &remark.text);
        let act = if is_changed { RemarkAct::Say(id, text) } else { RemarkAct::EndEdit };
        out.push(Command::Remark(act));
    }
    response
}

/// Above the details: the remark on the selected record, where there is one or is to be.
pub fn line_ui(ui: &mut Ui, view: &View, id: RecordId, look: &mut Look, out: &mut Vec<Command>) {
    let remark = view.session.remarks().get(id);
    if remark.is_none() && view.remarking.editing != Some(id) {
        return;
    }
    let colors = theme::colors(ui);
    let frame = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    egui::Panel::top("remark").frame(frame).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = theme::GAP;
            marks_ui(ui, remark.map(|remark| remark.mark), out);
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                let delete = ui.add_enabled(remark.is_some(), Button::new("✖").frame(false));
                let name = Command::Remark(RemarkAct::Delete(id)).label();
                if delete.on_hover_text(&name).accessible_name(&name).clicked() {
                    out.push(Command::Remark(RemarkAct::Delete(id)));
                }
                let tallest = egui::ScrollArea::vertical().max_height(theme::REMARK).auto_shrink([false, true]);
                tallest.show(ui, |ui| words_ui(ui, view, id, false, look, out));
            });
        });
    });
}

/// Draws the flags of the strip: hovering says what was said, a click selects.
pub fn flags_ui(ui: &Ui, view: &View, scale: &Scale, band: Rect, out: &mut Vec<Command>) {
    let remarks = view.session.remarks();
    let start = view.session.moment(scale.shown.start).records.saturating_sub(1);
    let end = view.session.moment(scale.shown.end).records.min(view.records_shown());
    // There may be a hundred thousand: from each flag on, the next is looked for where it would not touch it.
    let mut from = start;
    while let Some(first) = remarks.range(from..end).next() {
        let x = scale.x(view.session.completed_ns(first.record));
        let apart_ns = scale.at_ns(x + APART);
        let next = view.session.moment(apart_ns).records.clamp(first.record + 1, end.max(first.record + 1));
        from = next;
        if scale.rect.x_range().contains(x) {
            flag_ui(ui, view, x, band, first.record..next, out);
        }
    }
}

/// A flag, for the remarks on the records of a range.
fn flag_ui(ui: &Ui, view: &View, x: f32, band: Rect, ids: Range<RecordId>, out: &mut Vec<Command>) {
    let (colors, remarks) = (theme::colors(ui), view.session.remarks());
    let Some(first) = remarks.get(ids.start) else { return };
    let place = Rect::from_center_size(pos2(x, band.center().y), vec2(3.0 * theme::UNIT, band.height()));
    let response = ui.interact(place, Id::unique(("flag", view.id, first.record)), Sense::click());
    let said = format!("#{}: {}", first.record + 1, first.says());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Remark on {said}")));
    let size = if response.hovered() || response.has_focus() { 1.25 * theme::UNIT } else { theme::UNIT };
    if view.selected == Some(first.record) {
        ui.painter().rect_filled(place, 2.0, colors.selected);
    }
    mark_ui(ui.painter(), place.center(), first.mark, size, colors);
    if response.clicked() {
        out.push(Command::Select(Some(first.record)));
    }
    response.on_hover_ui(|ui| {
        ui.set_max_width(theme::TOOLTIP);
        for remark in remarks.range(ids.clone()).take(8) {
            ui.label(format!("#{} {}", words::count(remark.record as u64 + 1), remark.says()));
        }
        let count = remarks.range(ids).count();
        if count > 8 {
            ui.label(RichText::new(format!("and {} more", words::count(count as u64 - 8))).color(colors.weak));
        }
    });
}

/// Draws the list of all remarks.
pub fn remarks_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let shown: Vec<&Remark> = view.session.remarks().range(0..view.records_shown()).collect();
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, view, shown.len(), out)));
    let area = ui.available_rect_before_wrap();
    if shown.is_empty() {
        let builder = egui::UiBuilder::new().max_rect(area.shrink(theme::GROUP_GAP));
        ui.scope_builder(builder, |ui| {
            ui.label(RichText::new("Nothing is marked yet.").color(colors.text));
            let text = "B bookmarks the selected record, M writes a remark on it. They are kept in the recording's file, stand in the timeline and on the activity strip, and the filter finds them: remark:* or remark:red or remark:\"words\".";
            ui.label(RichText::new(text).color(colors.weak));
        });
        return;
    }
    let mut scroll = std::mem::take(&mut look.remarks);
    rows_ui(ui, Id::unique(("remarks", view.id)), area, theme::REMARK_ROW, shown.len(), &mut scroll, |ui, at, rect| {
        item_ui(ui, view, shown[at], rect, look, out);
    });
    look.remarks = scroll;
}

fn head_ui(ui: &mut Ui, view: &View, shown: usize, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.label(RichText::new("Remarks").color(colors.strong));
    let all = view.session.remarks().len();
    let count = match all == shown {
        true => words::counted(all as u64, "remark"),
        false => format!("{} of {}", words::count(shown as u64), words::counted(all as u64, "remark")),
    };
    ui.label(RichText::new(count).font(theme::small()).color(colors.weak));
    if let Some(why) = &view.remarking.unsaved {
        let text = RichText::new("⚠ kept while this recording is open").font(theme::small()).color(colors.warning);
        ui.label(text).on_hover_text(why);
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        let only = ui.add_enabled(shown > 0, Button::new("Only these"));
        if only.on_hover_text("Show the marked records only: remark:*").clicked() {
            out.push(Command::SetFilter("remark:*".to_owned()));
        }
        let undo = ui.add_enabled(view.remarking.can_undo(), Button::new("Undo"));
        if undo.on_hover_text(Command::Remark(RemarkAct::Undo).label()).accessible_name("Undo remark").clicked() {
            out.push(Command::Remark(RemarkAct::Undo));
        }
        ui.allocate_space(vec2(ui.available_width(), 0.0));
    });
}

/// A remark of the list.
fn item_ui(ui: &mut Ui, view: &View, remark: &Remark, rect: Rect, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let id = remark.record;
    let is_selected = view.selected == Some(id);
    let response = ui.interact(rect, Id::unique(("remark row", view.id, id)), Sense::click());
    let said = format!("Remark on #{}, {}: {}", id + 1, remark.mark.name(), remark.says());
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListItem, true, is_selected, &said));
    if is_selected || response.hovered() {
        ui.painter().rect_filled(rect, 0.0, if is_selected { colors.selected } else { colors.hover });
    }
    if response.clicked() {
        out.push(Command::Select(Some(id)));
    }
    if response.double_clicked() {
        out.push(Command::Remark(RemarkAct::Edit));
    }
    let middle = rect.center().y;
    mark_ui(ui.painter(), pos2(rect.left() + 2.0 * theme::MARGIN, middle), remark.mark, 1.25 * theme::UNIT, colors);
    let mut left = rect.left() + 4.0 * theme::MARGIN;
    let record = &view.session.records()[id];
    let facts: [(String, f32, Color32); 3] = [
        (format!("#{}", words::count(id as u64 + 1)), theme::BUTTON, colors.accent),
        (words::seconds(view.session.at_ns(id)), theme::BUTTON, colors.weak),
        (record.kind.label().to_owned(), theme::BUTTON, colors.kind(record)),
    ];
    for (text, width, color) in facts {
        ui.painter().text(pos2(left, middle), Align2::LEFT_CENTER, text, theme::small(), color);
        left += width;
    }
    let right = rect.right() - theme::MARGIN;
    let inside = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
    ui.scope_builder(egui::UiBuilder::new().max_rect(inside).layout(Layout::right_to_left(Align::Center)), |ui| {
        let delete = ui.add(Button::new("✖").frame(false));
        let name = Command::Remark(RemarkAct::Delete(id)).label();
        if delete.on_hover_text(&name).accessible_name(&name).clicked() {
            out.push(Command::Remark(RemarkAct::Delete(id)));
        }
        if view.remarking.editing == Some(id) {
            ui.allocate_ui_with_layout(
                vec2(6.0 * (theme::ROW + theme::GAP) + theme::GAP, theme::ROW),
                Layout::left_to_right(Align::Center),
                |ui| marks_ui(ui, Some(remark.mark), out),
            );
            words_ui(ui, view, id, true, look, out);
            return;
        }
        let name = format!("Edit the remark on #{}", id + 1);
        if ui.add(Button::new("✏").frame(false)).on_hover_text(&name).accessible_name(&name).clicked() {
            out.push(Command::Select(Some(id)));
            out.push(Command::Remark(RemarkAct::Edit));
        }
        let place = ui.available_rect_before_wrap();
        let color = if remark.text.is_empty() { colors.weak } else { colors.text };
        super::sidebar::elided(ui.painter(), place, &remark.says(), theme::body(), color);
    });
}
