//! The heads of the timeline's columns: dragging one moves it, dragging its edge sizes it, its menu does both and hides it.

use super::{Look, menu, theme};
use crate::app::{COLUMNS, Command, State};
use egui::{Align2, CursorIcon, Id, Painter, Rect, Response, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Widths at first; the summary, or else the last column, takes what is left.
const WIDTHS: [f32; COLUMNS.len()] = [58.0, 72.0, 70.0, 22.0, 84.0, 64.0, 240.0];
const NARROWEST: f32 = 22.0;
const WIDEST: f32 = 600.0;
/// The column of gaps.
const GAP: usize = 2;
/// The column of summaries.
const SUMMARY: usize = 6;

/// Where a column lies.
#[derive(Clone, Copy)]
pub struct Slot {
    /// Its number.
    pub column: usize,
    /// Its left end.
    pub left: f32,
    /// Its width.
    pub width: f32,
}

/// Draws the heads; where the columns lie, from left to right. `number_width` is what the longest number needs.
pub fn header_ui(
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
    let shown = state.shown_columns();
    let stretched = if shown.contains(&SUMMARY) { Some(SUMMARY) } else { shown.last().copied() };
    let slots = slots(rect, &shown, stretched, widths);
    for slot in &slots {
        let place = Rect::from_min_size(pos2(slot.left, rect.top()), vec2(slot.width, rect.height()));
        head_ui(ui, place, slot.column, &slots, state, out);
    }
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, colors.line));
    // Edges lie above the heads. Beyond the stretched column it is the left edge that moves.
    let mut is_beyond = false;
    for (at, slot) in slots.iter().enumerate() {
        if Some(slot.column) == stretched {
            is_beyond = true;
            continue;
        }
        let (x, sign) = if is_beyond { (slot.left, -1.0) } else { (slot.left + slot.width, 1.0) };
        if at + 1 == slots.len() && !is_beyond {
            continue;
        }
        let edge = Rect::from_center_size(pos2(x, rect.center().y), vec2(2.0 * theme::UNIT, rect.height()));
        let drag = ui
            .interact(edge, Id::unique(("edge", slot.column)), Sense::drag())
            .on_hover_and_drag_cursor(CursorIcon::ResizeColumn);
        widths[slot.column] = (widths[slot.column] + sign * drag.drag_delta().x).clamp(NARROWEST, WIDEST);
        if drag.hovered() || drag.dragged() {
            ui.painter().vline(x, rect.y_range(), Stroke::new(1.0, colors.accent));
        }
    }
    slots
}

fn slots(rect: Rect, shown: &[usize], stretched: Option<usize>, widths: &[f32]) -> Vec<Slot> {
    let start = rect.left() + theme::MARGIN;
    let others: f32 = shown.iter().filter(|column| Some(**column) != stretched).map(|column| widths[*column]).sum();
    let rest = (rect.right() - theme::SCROLL_BAR - start - others).max(NARROWEST);
    let mut left = start;
    let mut slots = Vec::new();
    for column in shown.iter().copied() {
        let width = if Some(column) == stretched { rest } else { widths[column] };
        slots.push(Slot { column, left, width });
        left += width;
    }
    slots
}

fn head_ui(ui: &mut Ui, place: Rect, column: usize, slots: &[Slot], state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let response = ui.interact(place, Id::unique(("column", column)), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ColumnHeader, true, COLUMNS[column].name));
    if response.dragged() {
        ui.painter().rect_filled(place, 0.0, colors.selected);
        ui.set_cursor_icon(CursorIcon::Grabbing);
        move_dragged(&response, column, slots, out);
    } else if response.hovered() {
        ui.painter().rect_filled(place, 0.0, colors.hover);
    }
    let color = if response.dragged() { colors.strong } else { colors.weak };
    name_ui(&ui.painter().with_clip_rect(place.intersect(ui.clip_rect())), place, column, color);
    response.context_menu(|ui| head_menu_ui(ui, column, state, out));
    if !response.dragged() {
        response.on_hover_ui(|ui| {
            ui.set_max_width(theme::TOOLTIP);
            ui.label(COLUMNS[column].help);
            let hint = "Drag to move; the right button has more.";
            ui.label(egui::RichText::new(hint).font(theme::small()).color(theme::colors(ui).weak));
        });
    }
}

fn name_ui(painter: &Painter, place: Rect, column: usize, color: egui::Color32) {
    let (x, align) = match is_number(column) {
        true => (place.right() - theme::MARGIN, Align2::RIGHT_CENTER),
        false => (place.left(), Align2::LEFT_CENTER),
    };
    painter.text(pos2(x, place.center().y), align, COLUMNS[column].name, theme::small(), color);
}

/// A head changes places with its neighbour once the pointer is where it would then lie.
fn move_dragged(response: &Response, column: usize, slots: &[Slot], out: &mut Vec<Command>) {
    let Some(pointer) = response.interact_pointer_pos() else { return };
    let Some(at) = slots.iter().position(|slot| slot.column == column) else { return };
    let this = slots[at];
    if let Some(before) = at.checked_sub(1).map(|at| slots[at])
        && pointer.x < before.left + this.width.min(before.width)
    {
        out.push(Command::MoveColumn(column, true));
    } else if let Some(after) = slots.get(at + 1)
        && pointer.x > after.left + after.width - this.width.min(after.width)
    {
        out.push(Command::MoveColumn(column, false));
    }
}

fn head_menu_ui(ui: &mut Ui, column: usize, state: &State, out: &mut Vec<Command>) {
    let mut entry = |ui: &mut Ui, command: Command, is_possible: bool| {
        if ui.add_enabled(is_possible, egui::Button::new(command.label())).clicked() {
            out.push(command);
            ui.close();
        }
    };
    for to_left in [true, false] {
        entry(ui, Command::MoveColumn(column, to_left), state.column_beside(column, to_left).is_some());
    }
    entry(ui, Command::ResetColumns, true);
    if column == GAP {
        entry(ui, Command::AddFilter(format!("gap>={}ms", state.long_gap_ms)), true);
        menu::long_gap_ui(ui, state, out);
    }
    ui.separator();
    for (at, column) in COLUMNS.iter().enumerate().skip(1) {
        let mut is_on = state.columns[at];
        if ui.checkbox(&mut is_on, column.name).clicked() {
            out.push(Command::ToggleColumn(at));
        }
    }
}

/// Whether a column's content is aligned to the right.
pub fn is_number(column: usize) -> bool {
    matches!(column, 0 | 1 | 2 | 5)
}
