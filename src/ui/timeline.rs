//! The timeline: every record a row, exact to the last of ten million.

use super::rows::rows_ui;
use super::window::Told;
use super::{Look, menu, theme, timeline_row, words};
use crate::app::{COLUMNS, Command, State, View};
use crate::wire::Dir;
use egui::{CursorIcon, Id, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

/// Widths at first; the last column takes the rest.
const WIDTHS: [f32; COLUMNS.len()] = [58.0, 72.0, 70.0, 22.0, 84.0, 64.0, 0.0];
/// The column of gaps.
const GAP: usize = 2;
const NARROWEST: f32 = 22.0;

/// Where a column lies, from left to right.
pub struct Slot {
    /// Its number.
    pub column: usize,
    /// Its left end.
    pub left: f32,
    /// Its width.
    pub width: f32,
}

/// Draws the timeline.
pub fn timeline_ui(ui: &mut Ui, state: &State, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let mut area = ui.available_rect_before_wrap();
    let pending = pending(view);
    if !pending.is_empty() {
        let foot = Rect::from_min_max(pos2(area.left(), area.bottom() - theme::ROW), area.max);
        area.max.y = foot.top();
        pending_ui(ui, foot, &pending);
    }
    let header = Rect::from_min_size(area.min, vec2(area.width(), theme::ROW));
    // The numbers' column grows with the recording.
    let digits = words::count(view.session.records().len() as u64).len() as f32;
    let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0'));
    let number_width = digits * digit + 2.0 * theme::MARGIN;
    let slots = header_ui(ui, header, number_width, state, look, out);
    let body = Rect::from_min_max(pos2(area.left(), header.bottom()), area.max);
    if view.list.is_empty() {
        empty_ui(ui, body, view);
    }
    body_ui(ui, body, state, view, &slots, look, out);
}

fn body_ui(
    ui: &mut Ui,
    body: Rect,
    state: &State,
    view: &View,
    slots: &[Slot],
    look: &mut Look,
    out: &mut Vec<Command>,
) {
    let mut scroll = look.timeline.get(&view.id).copied().unwrap_or_default();
    let page = ((body.height() / theme::ROW).floor() as usize).max(1);
    look.page = page;
    if view.list.follow {
        scroll.top = (view.list.len() as f64 - f64::from(body.height() / theme::ROW)).max(0.0);
    }
    if std::mem::take(&mut look.reveal)
        && let Some(row) = view.selected_row()
    {
        scroll.reveal(row, page);
    }
    if look.told.len() > 20_000 {
        look.told.clear();
    }
    let all_told = &mut look.told;
    let long_gap_ns = state.long_gap_ms.saturating_mul(1_000_000);
    let shown = rows_ui(
        ui,
        Id::unique(("timeline", view.id)),
        body,
        theme::ROW,
        view.list.len(),
        &mut scroll,
        |ui, row, rect| {
            let Some(id) = view.list.id(row) else { return };
            let told = all_told
                .entry((view.id, id))
                .or_insert_with(|| Told { summary: view.session.summary(id), gap_ns: view.session.gap_ns(id) });
            let is_long = told.gap_ns.is_some_and(|gap| gap >= long_gap_ns);
            timeline_row::row_ui(ui, view, row, id, rect, slots, told, is_long, out);
        },
    );
    if view.list.follow && shown.scrolled < 0 {
        out.push(Command::SetFollow(false));
    } else if !view.list.follow && shown.scrolled > 0 && shown.at_end && view.is_live() {
        out.push(Command::SetFollow(true));
    }
    look.timeline.insert(view.id, scroll);
}

fn header_ui(
    ui: &mut Ui,
    rect: Rect,
    number_width: f32,
    state: &State,
    look: &mut Look,
    out: &mut Vec<Command>,
) -> Vec<Slot> {
    let colors = theme::colors(ui);
    let widths = look.widths.get_or_insert_with(|| WIDTHS.to_vec());
    widths[0] = widths[0].max(number_width);
    ui.painter().rect_filled(rect, 0.0, colors.bar);
    let mut slots = Vec::new();
    let mut left = rect.left() + theme::MARGIN;
    let shown: Vec<usize> = (0..COLUMNS.len()).filter(|column| state.columns[*column]).collect();
    for column in shown.iter().copied() {
        let is_last = shown.last() == Some(&column);
        let width = if is_last { (rect.right() - left).max(NARROWEST) } else { widths[column].max(NARROWEST) };
        let place = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        let response = ui.interact(place, Id::unique(("column", column)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::ColumnHeader, true, COLUMNS[column].name));
        let painter = ui.painter().with_clip_rect(place.intersect(ui.clip_rect()));
        let (x, align) = if is_number(column) {
            (place.right() - theme::MARGIN, egui::Align2::RIGHT_CENTER)
        } else {
            (place.left(), egui::Align2::LEFT_CENTER)
        };
        painter.text(pos2(x, place.center().y), align, COLUMNS[column].name, theme::small(), colors.weak);
        response.clone().on_hover_text(COLUMNS[column].help);
        response.context_menu(|ui| {
            if column == GAP {
                menu::long_gap_ui(ui, state, out);
                let filter = Command::AddFilter(format!("gap>={}ms", state.long_gap_ms));
                if ui.button(filter.label()).clicked() {
                    out.push(filter);
                    ui.close();
                }
                ui.separator();
            }
            for (at, column) in COLUMNS.iter().enumerate().skip(1) {
                let mut is_on = state.columns[at];
                if ui.checkbox(&mut is_on, column.name).clicked() {
                    out.push(Command::ToggleColumn(at));
                }
            }
        });
        if !is_last {
            let edge =
                Rect::from_center_size(pos2(place.right(), rect.center().y), vec2(2.0 * theme::UNIT, rect.height()));
            let drag = ui
                .interact(edge, Id::unique(("edge", column)), Sense::drag())
                .on_hover_and_drag_cursor(CursorIcon::ResizeColumn);
            widths[column] = (widths[column] + drag.drag_delta().x).clamp(NARROWEST, 600.0);
            if drag.hovered() || drag.dragged() {
                ui.painter().vline(place.right(), rect.y_range(), egui::Stroke::new(1.0, colors.accent));
            }
        }
        slots.push(Slot { column, left, width });
        left += width;
    }
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, egui::Stroke::new(1.0, colors.line));
    slots
}

/// Whether a column's content is aligned to the right.
pub fn is_number(column: usize) -> bool {
    matches!(column, 0 | 1 | 2 | 5)
}

fn empty_ui(ui: &mut Ui, body: Rect, view: &View) {
    let text = match (view.session.records().is_empty(), view.list.is_narrowed()) {
        (true, _) => "Nothing has come yet.",
        (false, true) => "No record passes the filter.",
        (false, false) => "Every kind is hidden: the chips above show them.",
    };
    let builder = egui::UiBuilder::new().max_rect(body.shrink(theme::GROUP_GAP));
    ui.scope_builder(builder, |ui| {
        let color = theme::colors(ui).weak;
        ui.label(RichText::new(text).color(color));
    });
}

/// What has begun on open links and is not complete.
fn pending(view: &View) -> Vec<String> {
    if !view.is_live() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for link in view.session.links().iter().rev().take(8) {
        let is_hidden = view.list.connection.is_some_and(|connection| connection != link.connection);
        if is_hidden || !matches!(link.state, crate::session::LinkState::Open) {
            continue;
        }
        for dir in [Dir::In, Dir::Out] {
            if let Some((pending, len)) = link.pending(dir).filter(|(_, len)| *len > 0) {
                lines.push(format!("{} unfinished: {}, {} so far", words::arrow(dir), pending.what, words::bytes(len)));
            }
        }
    }
    lines.truncate(3);
    lines
}

fn pending_ui(ui: &mut Ui, rect: Rect, lines: &[String]) {
    let colors = theme::colors(ui);
    ui.painter().rect_filled(rect, 0.0, colors.bar);
    let inner = rect.shrink2(vec2(theme::MARGIN, 0.0));
    super::sidebar::elided(ui.painter(), inner, &lines.join("  ·  "), theme::small(), colors.weak);
    let response = ui.interact(rect, Id::unique("unfinished"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, lines.join(", ")));
}
