//! Two messages beside one another: changes by path, lines and words, or bytes.

use crate::app::{Command, CompareCommand, Marked, Messages};
use crate::session::compare::{
    BytesDiff, Change, Difference, HexRow, JsonDiff, Line, LineKind, Piece, TextDiff, apart,
};
use crate::session::one_line;
use crate::ui::rows::{Scroll, rows_ui};
use crate::ui::{Look, theme, words};
use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Button, Color32, Id, Label, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

/// Characters of a value in a row; the whole is shown where the pointer rests.
const VALUE_CHARS: usize = 2_000;

/// Which two they are: links to the records.
pub fn title_ui(ui: &mut Ui, compared: &Messages, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let mut link = |ui: &mut Ui, mark: &Marked| {
        let text = RichText::new(&mark.name).font(theme::small()).color(colors.accent);
        let response = ui.add(Button::new(text).frame(false).truncate());
        if response.on_hover_text("Go to the record").clicked() {
            out.push(Command::Compare(CompareCommand::Go(mark.view, mark.id)));
        }
    };
    link(ui, &compared.of[0]);
    ui.label(RichText::new("→").font(theme::small()).color(colors.weak));
    link(ui, &compared.of[1]);
    let said = match &compared.difference {
        None => "comparing…".to_owned(),
        Some(Difference::Equal) if compared.remarks.is_empty() => "equal, byte by byte".to_owned(),
        Some(Difference::Equal) => "equal as far as they were compared".to_owned(),
        Some(Difference::Alike) => "the same JSON, written differently".to_owned(),
        Some(Difference::Json(diff)) => words::counted((diff.changes.len() + diff.left_out) as u64, "change"),
        Some(Difference::Text(diff)) => format!("−{} +{} lines", diff.counts.0, diff.counts.1),
        Some(Difference::Bytes(diff)) => {
            let (a, b) = diff.differing();
            format!("{} became {}", words::counted(a as u64, "byte"), words::count(b as u64))
        }
    };
    ui.add(Label::new(RichText::new(said).font(theme::small()).color(colors.weak)).truncate());
}

/// Draws how they differ.
pub fn messages_ui(ui: &mut Ui, compared: &Messages, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let is_coarse = match &compared.difference {
        Some(Difference::Text(diff)) => diff.is_coarse,
        Some(Difference::Bytes(diff)) => diff.is_coarse,
        _ => false,
    };
    let mut remarks = compared.remarks.clone();
    if is_coarse {
        remarks
            .push("There was no time to find all that both have in common: more may be equal than is shown".to_owned());
    }
    for text in remarks {
        egui::Frame::new().inner_margin(egui::Margin::symmetric(theme::MARGIN as i8, 2)).show(ui, |ui| {
            ui.add(Label::new(RichText::new(text).font(theme::small()).color(colors.warning)).wrap());
        });
    }
    if look.compared != compared.difference.is_some().then(|| compared.of.clone()) {
        look.compared = compared.difference.is_some().then(|| compared.of.clone());
        look.compare_scroll = Scroll::default();
    }
    let area = ui.available_rect_before_wrap();
    match &compared.difference {
        None => {}
        Some(Difference::Equal | Difference::Alike) => equal_ui(ui, compared, out),
        Some(Difference::Json(diff)) => json_ui(ui, area, diff, look),
        Some(Difference::Text(diff)) => text_ui(ui, area, diff, look),
        Some(Difference::Bytes(diff)) => bytes_ui(ui, area, diff, look),
    }
}

fn equal_ui(ui: &mut Ui, compared: &Messages, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    egui::Frame::new().inner_margin(theme::MARGIN).show(ui, |ui| {
        let (text, hint) = match compared.difference {
            Some(Difference::Alike) => (
                "Both are JSON that says the same.",
                "They differ in the order of members, in the space between them, or in what is left out of equality.",
            ),
            _ => ("Nothing differs.", ""),
        };
        ui.label(RichText::new(text).color(colors.good));
        if !hint.is_empty() {
            ui.label(RichText::new(hint).color(colors.weak));
            if ui.button("Compare byte by byte").clicked() {
                out.push(Command::Compare(CompareCommand::AsBytes(true)));
            }
        }
    });
}

/// Shows a row's text, cut where there is no room; it is whole where the pointer rests.
fn job_ui(ui: &mut Ui, rect: Rect, id: Id, job: LayoutJob, said: &str) {
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, said));
    let mut job = job;
    job.wrap = egui::text::TextWrapping::truncate_at_width((rect.width() - theme::MARGIN).max(0.0));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let galley = painter.layout_job(job);
    let is_cut = galley.elided;
    let at = pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    painter.galley(at, galley, theme::colors(ui).text);
    if is_cut {
        let whole: String = said.chars().take(VALUE_CHARS).collect();
        response.on_hover_text(whole);
    }
}

fn format(color: Color32) -> TextFormat {
    TextFormat { font_id: theme::mono(), color, ..TextFormat::default() }
}

fn json_ui(ui: &mut Ui, area: Rect, diff: &JsonDiff, look: &mut Look) {
    let colors = theme::colors(ui);
    let rows = diff.changes.len() + usize::from(diff.left_out > 0);
    let mut scroll = look.compare_scroll;
    rows_ui(ui, Id::unique("json diff"), area, theme::ROW, rows, &mut scroll, |ui, row, rect| {
        let inner = rect.shrink2(vec2(theme::MARGIN, 0.0));
        let Some(change) = diff.changes.get(row) else {
            let text = format!("and {} more", words::counted(diff.left_out as u64, "change"));
            ui.painter().text(inner.left_center(), Align2::LEFT_CENTER, text, theme::small(), colors.weak);
            return;
        };
        let value = |value: &serde_json::Value| {
            let text: String = value.to_string().chars().take(VALUE_CHARS).collect();
            one_line(&text)
        };
        let mut job = LayoutJob::default();
        let (mark, color, word) = match change {
            Change::Added { .. } => ("+", colors.good, "added"),
            Change::Removed { .. } => ("−", colors.error, "removed"),
            Change::Changed { .. } => ("±", colors.warning, "changed"),
        };
        job.append(mark, 0.0, format(color));
        job.append(&change.path().to_string(), theme::MARGIN, format(colors.name));
        match change {
            Change::Added { value: new, .. } => job.append(&value(new), theme::GROUP_GAP, format(colors.good)),
            Change::Removed { value: old, .. } => job.append(&value(old), theme::GROUP_GAP, format(colors.error)),
            Change::Changed { from, to, .. } => {
                let [from, to] = apart(&value(from), &value(to));
                job.append(&from, theme::GROUP_GAP, format(colors.error));
                job.append("→", theme::MARGIN, format(colors.weak));
                job.append(&to, theme::MARGIN, format(colors.good));
            }
        }
        let said = format!("{word} {}", change.line());
        job_ui(ui, inner, Id::unique(("json diff", row)), job, &said);
    });
    look.compare_scroll = scroll;
}

fn text_ui(ui: &mut Ui, area: Rect, diff: &TextDiff, look: &mut Look) {
    let colors = theme::colors(ui);
    let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0'));
    let last = diff.lines.iter().filter_map(|line| line.a.max(line.b)).max().unwrap_or(1);
    let number_width = (last.to_string().len() as f32 + 1.0) * digit;
    let mut scroll = look.compare_scroll;
    let rows = diff.lines.len() + usize::from(diff.left_out > 0);
    rows_ui(ui, Id::unique("text diff"), area, theme::ROW, rows, &mut scroll, |ui, row, rect| {
        let Some(line) = diff.lines.get(row) else {
            let text = format!("and {} more", words::counted(diff.left_out as u64, "line"));
            let at = rect.left_center() + vec2(theme::MARGIN, 0.0);
            ui.painter().text(at, Align2::LEFT_CENTER, text, theme::small(), colors.weak);
            return;
        };
        line_ui(ui, row, rect, number_width, line);
    });
    look.compare_scroll = scroll;
}

fn line_ui(ui: &mut Ui, row: usize, rect: Rect, number_width: f32, line: &Line) {
    let colors = theme::colors(ui);
    let (mark, color, word) = match line.kind {
        LineKind::Same => (" ", colors.weak, ""),
        LineKind::Removed => ("−", colors.error, "removed "),
        LineKind::Added => ("+", colors.good, "added "),
        LineKind::Folded(lines) => {
            let text = format!("{} that both have", words::counted(lines as u64, "line"));
            let at = rect.left_center() + vec2(theme::MARGIN + 2.0 * number_width, 0.0);
            ui.painter().text(at, Align2::LEFT_CENTER, text, theme::small(), colors.weak);
            return;
        }
    };
    let left = rect.left() + theme::MARGIN;
    for (number, place) in [(line.a, 0.0), (line.b, number_width)] {
        let at = pos2(left + place + number_width - theme::UNIT, rect.center().y);
        let text = number.map_or_else(String::new, |number| number.to_string());
        ui.painter().text(at, Align2::RIGHT_CENTER, text, theme::mono(), colors.weak);
    }
    let left = left + 2.0 * number_width + theme::UNIT;
    ui.painter().text(pos2(left, rect.center().y), Align2::LEFT_CENTER, mark, theme::mono(), color);
    let inner = Rect::from_min_max(pos2(left + theme::MARGIN + theme::UNIT, rect.top()), rect.max);
    let mut job = LayoutJob::default();
    let is_lit = |piece: &Piece| piece.differs && line.kind != LineKind::Same;
    for piece in &line.pieces {
        let mut format = format(if is_lit(piece) { color } else { colors.text });
        // Blanks that differ are seen by what is behind them.
        if is_lit(piece) {
            format.background = colors.tint;
        }
        job.append(&piece.text.replace('\t', "    "), 0.0, format);
    }
    let text: String = line.pieces.iter().map(|piece| piece.text.as_str()).collect();
    job_ui(ui, inner, Id::unique(("text diff", row)), job, &format!("{word}{text}"));
}

fn bytes_ui(ui: &mut Ui, area: Rect, diff: &BytesDiff, look: &mut Look) {
    let colors = theme::colors(ui);
    let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0'));
    let mut scroll = look.compare_scroll;
    let stretches = diff.stretches();
    let bar = Rect::from_min_size(area.min, vec2(area.width(), theme::ROW));
    let builder = egui::UiBuilder::new().max_rect(bar.shrink2(vec2(theme::MARGIN, 1.0)));
    ui.scope_builder(builder, |ui| {
        ui.horizontal(|ui| {
            let text = match stretches.len() {
                1 => "1 stretch differs".to_owned(),
                many => format!("{} stretches differ", words::count(many as u64)),
            };
            ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
            let top = scroll.top.round() as usize;
            let next = stretches.iter().find(|row| **row > top);
            let before = stretches.iter().rev().find(|row| **row < top);
            for (text, name, to) in [("▲", "Earlier difference", before), ("▼", "Next difference", next)] {
                let response = ui.add_enabled(to.is_some(), Button::new(text).small());
                response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, to.is_some(), name));
                if let (true, Some(to)) = (response.on_hover_text(name).clicked(), to) {
                    scroll.top = *to as f64;
                }
            }
        });
    });
    let body = Rect::from_min_max(pos2(area.left(), bar.bottom()), area.max);
    rows_ui(ui, Id::unique("bytes diff"), body, theme::HEX_ROW, diff.rows(), &mut scroll, |ui, row, rect| {
        hex_row_ui(ui, row, rect, digit, &diff.row(row));
    });
    look.compare_scroll = scroll;
}

fn hex_row_ui(ui: &mut Ui, number: usize, rect: Rect, digit: f32, row: &HexRow) {
    let colors = theme::colors(ui);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let middle = rect.center().y;
    let side_width = digit * (8.0 + 2.0 + 8.0 * 3.0 + 1.0 + 8.0 + 4.0);
    let mut said = String::new();
    for side in 0..2 {
        let left = rect.left() + theme::MARGIN + side as f32 * side_width;
        let text = |x: f32, text: String, color: Color32| {
            painter.text(pos2(x, middle), Align2::LEFT_CENTER, text, theme::mono(), color);
        };
        if let Some(at) = row.at[side] {
            text(left, format!("{at:08x}"), colors.weak);
        }
        let (hex, chars) = (left + 10.0 * digit, left + 35.0 * digit);
        let color = if side == 0 { colors.error } else { colors.good };
        for (at, (bytes, differs)) in row.cells.iter().enumerate() {
            let x = hex + at as f32 * 3.0 * digit;
            if *differs {
                let cell = Rect::from_min_max(
                    pos2(x - digit * 0.4, rect.top() + 1.0),
                    pos2(x + digit * 2.4, rect.bottom() - 1.0),
                );
                painter.rect_filled(cell, 2.0, colors.tint);
            }
            let Some(byte) = bytes[side] else { continue };
            let color = if *differs { color } else { colors.text };
            text(x, format!("{byte:02x}"), color);
            let char = if (0x20..0x7F).contains(&byte) { char::from(byte) } else { '·' };
            text(chars + at as f32 * digit, char.to_string(), color);
            said.push_str(&format!("{byte:02x} "));
        }
        said.push_str(if side == 0 { "| " } else { "" });
    }
    let response = ui.interact(rect, Id::unique(("bytes diff", number)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, said.trim_end()));
}
