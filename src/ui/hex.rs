//! The bytes of the selected record, lit to the bit. Only what can be seen is fetched and drawn.

use super::rows::rows_ui;
use super::{Look, theme};
use crate::app::{Bits, Command, FieldRef, Inspection, Tab, View};
use egui::{Align2, Color32, Id, Painter, Pos2, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

/// Bytes a line, where there is room; half of them where there is not.
pub const PER_ROW: u64 = 16;

/// Where things stand in a line.
struct Grid {
    digit: f32,
    hex_left: f32,
    text_left: f32,
    per_row: u64,
}

impl Grid {
    fn new(ui: &Ui, left: f32, per_row: u64) -> Grid {
        let digit = digit_width(ui);
        let hex_left = left + theme::MARGIN + 7.0 * digit;
        let text_left = hex_left + (per_row as f32 * 3.0 + 1.5) * digit;
        Grid { digit, hex_left, text_left, per_row }
    }

    /// The left end of a byte's digits; eight bytes form a group.
    fn byte_left(&self, column: u64) -> f32 {
        let group = if column >= 8 { 0.5 } else { 0.0 };
        self.hex_left + (column as f32 * 3.0 + group) * self.digit
    }

    fn text_at(&self, column: u64) -> f32 {
        self.text_left + column as f32 * self.digit
    }

    /// The byte of a line, and the bit within it, at a place.
    fn hit(&self, x: f32) -> Option<(u64, u64)> {
        for column in 0..self.per_row {
            let left = self.byte_left(column);
            if (left - self.digit * 0.5..left + self.digit * 2.5).contains(&x) {
                let bit = ((x - left) / (2.0 * self.digit) * 8.0).clamp(0.0, 7.0) as u64;
                return Some((column, bit));
            }
            if (self.text_at(column)..self.text_at(column + 1)).contains(&x) {
                return Some((column, 0));
            }
        }
        None
    }
}

fn digit_width(ui: &Ui) -> f32 {
    ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0'))
}

/// The width at which a line is not cut.
pub fn natural_width(ui: &Ui) -> f32 {
    width(ui, PER_ROW)
}

fn width(ui: &Ui, per_row: u64) -> f32 {
    Grid::new(ui, 0.0, per_row).text_at(per_row) + theme::MARGIN + theme::SCROLL_BAR
}

/// What lights up, within the lines that can be seen.
struct Lights {
    lit: Vec<Bits>,
    glow: Vec<Bits>,
}

/// Draws the bytes of the buffer that is chosen.
pub fn hex_ui(ui: &mut Ui, view: &View, inspection: &Inspection, look: &mut Look, out: &mut Vec<Command>) {
    let Some(tab) = inspection.tabs.get(look.buffer) else { return };
    let area = ui.available_rect_before_wrap();
    let per_row = if area.width() + 1.0 < width(ui, PER_ROW) { PER_ROW / 2 } else { PER_ROW };
    let mut scroll = look.hex;
    if std::mem::replace(&mut look.hex_per_row, per_row) != per_row {
        // The same byte stays at the top; before the first frame there was none.
        scroll.top *= if per_row < PER_ROW { 2.0 } else { 0.5 };
    }
    let count = tab.len.div_ceil(per_row) as usize;
    let lights = lights(view, inspection, look, tab);
    let grid = Grid::new(ui, area.left(), per_row);
    let visible_first = scroll.top.max(0.0) as u64 * per_row;
    let visible_len = (u64::from((area.height() / theme::HEX_ROW).max(0.0) as u32) + 3) * per_row;
    let start = tab.start + visible_first.min(tab.len.saturating_sub(1) / per_row * per_row);
    let len = visible_len.min((tab.start + tab.len).saturating_sub(start));
    let bytes = inspection.bytes(&view.session, tab.place, start, len as usize);
    let owners = owners(inspection, tab, start, len);
    let mut hovered = None;
    rows_ui(ui, Id::unique("hex rows"), area, theme::HEX_ROW, count, &mut scroll, |ui, row, rect| {
        let first = tab.start + row as u64 * per_row;
        let Some(offset) =
            first.checked_sub(start).map(|offset| offset as usize).filter(|offset| *offset < bytes.len())
        else {
            return;
        };
        let line = &bytes[offset..(offset + per_row as usize).min(bytes.len())];
        let line_owners = &owners[offset..offset + line.len()];
        let response = ui.interact(rect, Id::unique(("hex row", row)), Sense::click());
        let at =
            response.hover_pos().and_then(|pos| grid.hit(pos.x)).filter(|(column, _)| (*column as usize) < line.len());
        let field = at.and_then(|(column, bit)| inspection.field_at(tab.place, first + column, bit));
        hovered = hovered.or(field);
        if response.clicked() && field.is_some() {
            look.note_bits = None;
            out.push(Command::SelectField(field));
        }
        line_ui(ui.painter(), theme::colors(ui), &grid, rect, row as u64 * per_row, first, line, line_owners, &lights);
        response.widget_info(|| {
            let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            WidgetInfo::labeled(
                egui::Role::ListItem,
                true,
                format!("{:04x}: {}", row as u64 * per_row, digits.join(" ")),
            )
        });
    });
    look.hex = scroll;
    look.hovered = look.hovered.or(hovered);
}

fn lights(view: &View, inspection: &Inspection, look: &Look, tab: &Tab) -> Lights {
    let here = |bits: Vec<Bits>| bits.into_iter().filter(|bits| bits.place == tab.place).collect();
    let lit = match look.note_bits {
        Some(bits) => inspection.lit_bits(bits),
        None => view.field.map_or_else(Vec::new, |field| inspection.lit(field)),
    };
    let glow = look.was_hovered.filter(|field| look.note_bits.is_some() || view.field != Some(*field));
    Lights { lit: here(lit), glow: here(glow.map_or_else(Vec::new, |field| inspection.lit(field))) }
}

/// For each byte the narrowest field that owns it, as a number that tells neighbours apart.
fn owners(inspection: &Inspection, tab: &Tab, start: u64, len: u64) -> Vec<Option<FieldRef>> {
    let mut owners: Vec<Option<(u64, FieldRef)>> = vec![None; len as usize];
    for (field, bits) in inspection.leaves_in(tab.place, start, start + len) {
        let first = (bits.bit / 8).max(start) - start;
        let last = (bits.bit + bits.bits).div_ceil(8).min(start + len).saturating_sub(start);
        for owner in owners.iter_mut().take(last as usize).skip(first as usize) {
            if owner.is_none_or(|(width, _)| bits.bits < width) {
                *owner = Some((bits.bits, field));
            }
        }
    }
    owners.into_iter().map(|owner| owner.map(|(_, field)| field)).collect()
}

#[allow(clippy::too_many_arguments)] // What a line is made of.
fn line_ui(
    painter: &Painter,
    colors: &theme::Colors,
    grid: &Grid,
    rect: Rect,
    shown_offset: u64,
    first: u64,
    line: &[u8],
    owners: &[Option<FieldRef>],
    lights: &Lights,
) {
    let middle = rect.center().y;
    let text =
        |pos: Pos2, text: &str, color: Color32| painter.text(pos, Align2::LEFT_CENTER, text, theme::mono(), color);
    text(pos2(rect.left() + theme::MARGIN, middle), &format!("{shown_offset:05x}"), colors.weak);
    for (column, byte) in line.iter().enumerate() {
        let at = first + column as u64;
        let left = grid.byte_left(column as u64);
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(2.0 * grid.digit, rect.height()));
        let letter =
            Rect::from_min_size(pos2(grid.text_at(column as u64), rect.top()), vec2(grid.digit, rect.height()));
        let owner = owners[column];
        if owner.is_some_and(|owner| (owner.field + owner.part) % 2 == 1) {
            let joins = column + 1 < line.len() && owners[column + 1] == owner && column != 7;
            let right = if joins { grid.digit } else { 0.0 };
            painter.rect_filled(cell.with_max_x(cell.right() + right), 0.0, colors.tint);
        }
        let mut digits = [if owner.is_none() { colors.weak } else { colors.text }; 2];
        let mut letter_color = digits[0];
        for (runs, fill, ink) in [(&lights.glow, colors.glow, colors.on_glow), (&lights.lit, colors.lit, colors.on_lit)]
        {
            for run in runs.iter() {
                let from = run.bit.max(at * 8);
                let to = (run.bit + run.bits).min(at * 8 + 8);
                if from >= to {
                    continue;
                }
                let (from, to) = (from - at * 8, to - at * 8);
                let eighth = grid.digit / 4.0;
                let goes_on = to == 8 && run.bit + run.bits > at * 8 + 8 && column + 1 < line.len();
                let gap = if column == 7 { 1.5 } else { 1.0 } * grid.digit;
                let right = if goes_on { gap } else { 0.0 };
                let part = Rect::from_min_max(
                    pos2(left + from as f32 * eighth, rect.top() + 1.0),
                    pos2(left + to as f32 * eighth + right, rect.bottom() - 1.0),
                );
                painter.rect_filled(part, 0.0, fill);
                painter.rect_filled(letter.shrink2(vec2(0.0, 1.0)), 0.0, fill);
                letter_color = ink;
                if from <= 1 && to >= 3 {
                    digits[0] = ink;
                }
                if from <= 5 && to >= 7 {
                    digits[1] = ink;
                }
            }
        }
        let pair = format!("{byte:02x}");
        text(pos2(left, middle), &pair[..1], digits[0]);
        text(pos2(left + grid.digit, middle), &pair[1..], digits[1]);
        let (shown, color) = match byte {
            0x20..=0x7e => (*byte as char, letter_color),
            _ => ('·', if letter_color == colors.text { colors.weak } else { letter_color }),
        };
        text(letter.left_center(), shown.encode_utf8(&mut [0; 4]), color);
    }
}
