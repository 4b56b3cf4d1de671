//! The bit ruler: the bytes of the field that is looked at, bit by bit, and what it says.

use super::{Look, theme};
use crate::app::{Bits, FieldRef, Inspection, View};
use egui::{Align2, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// Bytes that are shown bit by bit.
const BYTES: u64 = 4;
/// Bytes of the value that are shown.
const VALUE_LIMIT_BYTES: usize = 120;

/// Draws the ruler of the field under the pointer, or else of the selected one.
pub fn bits_ui(ui: &mut Ui, view: &View, inspection: &Inspection, look: &Look) {
    let colors = theme::colors(ui);
    let width = ui.available_width();
    let height = theme::BIT + 2.0 * theme::ROW;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, colors.line));
    let field = look.was_hovered.or(view.field);
    let (bits, said) = match (look.note_bits, field) {
        (Some(bits), _) if look.was_hovered.is_none() => (Some(bits), "what the note is about".to_owned()),
        (_, Some(field)) => (inspection.bits_of(field), say(view, inspection, field)),
        _ => (None, String::new()),
    };
    let Some(bits) = bits else {
        let text = if field.is_some() { format!("{said}: computed, it has no bits of its own") } else { String::new() };
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("Lit: nothing {text}")));
        let place = pos2(rect.left() + theme::MARGIN, rect.center().y);
        let text = if text.is_empty() { "Hover a field or a byte" } else { &text };
        ui.painter_at(rect).text(place, Align2::LEFT_CENTER, text, theme::small(), colors.weak);
        return;
    };
    let place = inspection.say_bits(bits);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("Lit: {said}, {place}")));
    let painter = ui.painter_at(rect);
    let left = rect.left() + theme::MARGIN;
    let title = Rect::from_min_size(pos2(left, rect.top()), vec2(width - 2.0 * theme::MARGIN, theme::ROW));
    super::sidebar::elided(&painter, title, &said, theme::mono(), colors.strong);
    let is_short = bits.bits <= BYTES * 8;
    if is_short {
        ruler(ui, &painter, view, inspection, bits, pos2(left, rect.top() + theme::ROW));
    }
    let note = Rect::from_min_size(
        pos2(left, rect.top() + theme::ROW + if is_short { theme::BIT } else { 0.0 }),
        vec2(width - 2.0 * theme::MARGIN, theme::ROW),
    );
    super::sidebar::elided(&painter, note, &place, theme::small(), colors.weak);
}

fn say(view: &View, inspection: &Inspection, field: FieldRef) -> String {
    let Some(this) = inspection.field(field) else { return String::new() };
    let value = view.session.field_text(&inspection.parts[field.part].explained, this, VALUE_LIMIT_BYTES);
    if value.is_empty() { this.def.label.to_owned() } else { format!("{} = {value}", this.def.label) }
}

fn ruler(ui: &Ui, painter: &egui::Painter, view: &View, inspection: &Inspection, bits: Bits, at: egui::Pos2) {
    let colors = theme::colors(ui);
    let first = bits.bit / 8;
    let bytes = inspection.bytes(&view.session, bits.place, first, BYTES as usize);
    let needed = ((bits.bit + bits.bits).div_ceil(8) - first) as usize;
    let size = theme::BIT;
    let mut x = at.x;
    for (index, byte) in bytes.iter().enumerate().take(needed) {
        for bit in 0..8u64 {
            let place = (first + index as u64) * 8 + bit;
            let is_lit = (bits.bit..bits.bit + bits.bits).contains(&place);
            let cell = Rect::from_min_size(pos2(x, at.y), vec2(size - 2.0, size));
            let (fill, ink) = if is_lit { (colors.lit, colors.on_lit) } else { (colors.tint, colors.weak) };
            painter.rect(cell, 2.0, fill, Stroke::new(1.0, colors.line), StrokeKind::Inside);
            let digit = if byte >> (7 - bit) & 1 == 1 { "1" } else { "0" };
            painter.text(cell.center(), Align2::CENTER_CENTER, digit, theme::small(), ink);
            x += if bit == 3 { size + 2.0 } else { size };
        }
        x += theme::MARGIN;
    }
}
