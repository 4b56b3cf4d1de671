//! The tree of fields: value, help and where it is specified; its bits light up in the hex view.

use super::rows::rows_ui;
use super::sidebar::elided;
use super::{Look, theme};
use crate::app::{Command, FieldRef, Inspection, View};
use crate::dissect::{Field, Layer, Value};
use crate::session::Session;
use crate::session::filter::compose;
use egui::{Align2, Id, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

/// Bytes of a value that are shown in its row.
const VALUE_LIMIT_BYTES: usize = 240;

/// A row of the tree.
#[derive(Clone, Copy)]
enum Row {
    Part(usize),
    Field(FieldRef),
}

/// Draws the tree, and the help of the field that is looked at.
pub fn fields_ui(ui: &mut Ui, view: &View, inspection: &Inspection, look: &mut Look, out: &mut Vec<Command>) {
    let rows = rows(inspection, look);
    let area = ui.available_rect_before_wrap();
    // Where there is little room the fields come first; their help is a tooltip then.
    let help_height = if area.height() > theme::LOW { theme::HELP } else { 0.0 };
    let split = (area.bottom() - help_height).max(area.top());
    let tree = Rect::from_min_max(area.min, pos2(area.right(), split));
    let mut scroll = look.fields;
    let lit = look.was_hovered.or(view.field);
    let mut hovered = None;
    rows_ui(ui, Id::unique("fields"), tree, theme::ROW, rows.len(), &mut scroll, |ui, at, rect| match rows[at] {
        Row::Part(part) => part_ui(ui, view, inspection, part, rect, look, out),
        Row::Field(field) => {
            if field_ui(ui, view, inspection, field, rect, lit, help_height == 0.0, look, out) {
                hovered = Some(field);
            }
        }
    });
    look.fields = scroll;
    look.hovered = look.hovered.or(hovered);
    if help_height == 0.0 {
        return;
    }
    let help = Rect::from_min_max(pos2(area.left(), split), area.max);
    ui.painter().hline(help.x_range(), help.top(), egui::Stroke::new(1.0, theme::colors(ui).line));
    let inner = help.shrink2(vec2(theme::MARGIN, theme::UNIT));
    help_ui(ui, inner, lit.and_then(|field| inspection.field(field)));
}

fn rows(inspection: &Inspection, look: &Look) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at, part) in inspection.parts.iter().enumerate() {
        let part_ref = FieldRef { part: at, field: usize::MAX };
        if inspection.parts.len() > 1 {
            rows.push(Row::Part(at));
            if look.closed.contains(&part_ref) {
                continue;
            }
        }
        let mut hidden_below = None;
        for (number, field) in part.explained.fields.iter().enumerate() {
            if hidden_below.is_some_and(|depth| field.depth > depth) {
                continue;
            }
            let this = FieldRef { part: at, field: number };
            hidden_below = look.closed.contains(&this).then_some(field.depth);
            rows.push(Row::Field(this));
        }
    }
    rows
}

fn is_group(inspection: &Inspection, field: FieldRef) -> bool {
    let this = inspection.field(field);
    let next = inspection.field(FieldRef { field: field.field + 1, ..field });
    matches!((this, next), (Some(this), Some(next)) if next.depth > this.depth)
}

fn part_ui(
    ui: &mut Ui,
    view: &View,
    inspection: &Inspection,
    part: usize,
    rect: Rect,
    look: &mut Look,
    out: &mut Vec<Command>,
) {
    let colors = theme::colors(ui);
    let this = FieldRef { part, field: usize::MAX };
    let id = inspection.parts[part].id;
    let record = &inspection.parts[part].explained.record;
    let is_open = !look.closed.contains(&this);
    let text = match part {
        0 => format!("{} #{}", record.kind.name(), id + 1),
        _ => format!("carried by {} #{}", record.kind.name(), id + 1),
    };
    let response = ui.interact(rect, Id::unique(("part", part)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::TreeItem, true, is_open, &text));
    let painter = ui.painter().clone();
    painter.rect_filled(rect, 0.0, if response.hovered() { colors.hover } else { colors.tint });
    let arrow = if is_open { "▾" } else { "▸" };
    let left = rect.left() + theme::MARGIN;
    painter.text(pos2(left, rect.center().y), Align2::LEFT_CENTER, arrow, theme::small(), colors.weak);
    painter.text(
        pos2(left + theme::INDENT, rect.center().y),
        Align2::LEFT_CENTER,
        &text,
        theme::body(),
        colors.kind(record),
    );
    if response.clicked() && !look.closed.remove(&this) {
        look.closed.insert(this);
    }
    if part > 0 {
        response.context_menu(|ui| {
            if ui.button("Go to this record").clicked() {
                out.push(Command::Select(Some(view.session.records().len().min(id))));
                ui.close();
            }
        });
    }
}

#[allow(clippy::too_many_arguments)] // What a row is made of.
fn field_ui(
    ui: &mut Ui,
    view: &View,
    inspection: &Inspection,
    this: FieldRef,
    rect: Rect,
    lit: Option<FieldRef>,
    has_tooltip: bool,
    look: &mut Look,
    out: &mut Vec<Command>,
) -> bool {
    let colors = theme::colors(ui);
    let Some(field) = inspection.field(this) else { return false };
    let explained = &inspection.parts[this.part].explained;
    let value = view.session.field_text(explained, field, VALUE_LIMIT_BYTES);
    let is_selected = view.field == Some(this);
    let response = ui.interact(rect, Id::unique(("field", this)), Sense::click());
    response.widget_info(|| {
        WidgetInfo::selected(egui::Role::TreeItem, true, is_selected, format!("{} {value}", field.def.label))
    });
    let painter = ui.painter().clone();
    if is_selected {
        painter.rect_filled(rect, 0.0, colors.selected);
    } else if lit == Some(this) || response.hovered() {
        painter.rect_filled(rect, 0.0, colors.hover);
    }
    let nested = usize::from(inspection.parts.len() > 1);
    let left = rect.left() + theme::MARGIN + (field.depth as usize + nested) as f32 * theme::INDENT;
    let middle = rect.center().y;
    let is_group = is_group(inspection, this);
    if is_group {
        let arrow = if look.closed.contains(&this) { "▸" } else { "▾" };
        painter.text(pos2(left, middle), Align2::LEFT_CENTER, arrow, theme::small(), colors.weak);
    }
    let name_left = left + theme::INDENT;
    let value_left = (rect.left() + (rect.width() * 0.36).clamp(110.0, 220.0)).max(name_left + 24.0);
    let name_right = if value.is_empty() { rect.right() } else { value_left };
    let name = Rect::from_min_max(pos2(name_left, rect.top()), pos2(name_right - theme::UNIT, rect.bottom()));
    elided(&painter, name, field.def.label, theme::body(), colors.name);
    let place = Rect::from_min_max(pos2(value_left, rect.top()), pos2(rect.right() - theme::UNIT, rect.bottom()));
    elided(&painter, place, &value, theme::mono(), value_color(colors, field));
    if response.clicked() {
        look.note_bits = None;
        let on_arrow = response.interact_pointer_pos().is_some_and(|pos| pos.x < name_left);
        if is_group && (on_arrow || is_selected) && !look.closed.remove(&this) {
            look.closed.insert(this);
        }
        out.push(Command::SelectField(Some(this)));
        if let Some(bits) = inspection.bits_of(this) {
            show_bits(look, inspection, bits);
        }
    }
    response.context_menu(|ui| menu_ui(ui, &view.session, inspection, this, out));
    let is_hovered = response.hovered();
    if has_tooltip {
        response.on_hover_text(format!("{}\n{}", field.def.help, field.def.spec));
    }
    is_hovered
}

/// Makes the hex view show these bits.
pub fn show_bits(look: &mut Look, inspection: &Inspection, bits: crate::app::Bits) {
    let Some(at) = inspection.tabs.iter().position(|tab| tab.place == bits.place) else { return };
    look.buffer = at;
    let row = (bits.bit / 8).saturating_sub(inspection.tabs[at].start) / look.hex_per_row.max(1);
    if (row as f64) < look.hex.top || row as f64 > look.hex.top + 6.0 {
        look.hex.top = (row as f64 - 2.0).max(0.0);
    }
}

fn value_color(colors: &theme::Colors, field: &Field) -> egui::Color32 {
    match field.value {
        Value::Number(_) | Value::Named(..) | Value::Flag(_) => colors.number,
        Value::Text => colors.string,
        Value::Bytes => colors.weak,
        _ => colors.text,
    }
}

fn menu_ui(ui: &mut Ui, session: &Session, inspection: &Inspection, this: FieldRef, out: &mut Vec<Command>) {
    let Some(field) = inspection.field(this) else { return };
    let explained = &inspection.parts[this.part].explained;
    if ui.button("Copy the value").clicked() {
        out.push(Command::CopyText(session.field_text(explained, field, 1 << 20)));
        ui.close();
    }
    for what in crate::app::CopyAs::BYTES {
        if field.span.bits > 0 && ui.button(Command::Copy(what).label()).clicked() {
            out.push(Command::SelectField(Some(this)));
            out.push(Command::Copy(what));
            ui.close();
        }
    }
    ui.separator();
    let value = compose::of_field(session, explained, field);
    let terms = value.clone().into_iter().chain([compose::has_field(field)]);
    let filters = terms.flat_map(|term| [term.clone(), format!("-{term}")]).map(Command::AddFilter);
    for command in filters.chain(value.map(Command::FindTerm)) {
        if ui.button(command.label()).clicked() {
            out.push(command);
            ui.close();
        }
    }
}

/// What a field is for, painted, so that a long line never makes the panel grow.
fn help_ui(ui: &mut Ui, place: Rect, field: Option<&Field>) {
    let colors = theme::colors(ui);
    let (upper, lower) = place.split_top_bottom_at_fraction(0.5);
    let Some(field) = field else {
        let text = "Hover a field: its bits light. Hover a byte: its field lights.";
        elided(ui.painter(), upper, text, theme::small(), colors.weak);
        return;
    };
    let layer = match field.layer {
        Layer::Wire => "",
        Layer::Content => " · content",
        Layer::Control => " · control",
        Layer::Inflated => " · inflated",
    };
    let spec = format!("{} · {}{layer}", field.def.key, field.def.spec);
    let name =
        ui.painter().text(upper.left_center(), Align2::LEFT_CENTER, field.def.label, theme::small(), colors.strong);
    let beside = upper.with_min_x(name.right() + theme::MARGIN);
    elided(ui.painter(), beside, spec.trim_end_matches([' ', '·']), theme::small(), colors.weak);
    elided(ui.painter(), lower, field.def.help, theme::small(), colors.text);
    let response = ui.interact(place, Id::unique("field help"), Sense::hover());
    response.widget_info(|| {
        WidgetInfo::labeled(egui::Role::Label, true, format!("{}: {}", field.def.label, field.def.help))
    });
    response.on_hover_text(format!("{}\n{}", field.def.help, field.def.spec));
}
