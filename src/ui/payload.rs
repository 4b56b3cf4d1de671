//! What the message says: a JSON tree, or text with the places where it is no UTF-8.

use super::details::PayloadCache;
use super::rows::rows_ui;
use super::{Look, theme, words};
use crate::app::{
    Command, Inspection, JSON_LIMIT_BYTES, JsonRow, JsonTree, LONGEST_LINE, PayloadText, Shape, TextPiece,
};
use egui::text::{LayoutJob, TextFormat};
use egui::{Button, Color32, Frame, Id, Margin, Rect, RichText, Sense, Ui, WidgetInfo, pos2};

/// Draws the payload.
pub fn payload_ui(ui: &mut Ui, inspection: &Inspection, look: &mut Look, out: &mut Vec<Command>) {
    let explained = inspection.explained();
    let colors = theme::colors(ui);
    if explained.payload.is_empty() {
        Frame::new().inner_margin(theme::MARGIN).show(ui, |ui| {
            ui.label(RichText::new("This record carries no payload.").color(colors.weak));
        });
        return;
    }
    let mut cache = look.payload.take().unwrap_or_else(|| PayloadCache {
        json: JsonTree::read(&explained.payload),
        text: PayloadText::default(),
        columns: 0,
    });
    let columns = columns(ui, look);
    if cache.columns != columns {
        cache.columns = columns;
        cache.text = PayloadText::read(&explained.payload, columns);
    }
    Frame::new().inner_margin(Margin::symmetric(theme::MARGIN as i8, 2)).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| head_ui(ui, inspection, &cache, look));
    });
    let area = ui.available_rect_before_wrap();
    match &mut cache.json {
        Some(tree) if !look.as_text => json_ui(ui, area, tree, look, out),
        _ => text_ui(ui, area, &cache.text, look),
    }
    look.payload = Some(cache);
}

/// The columns that fit; laid out anew when the panel's width has changed by one of them.
fn columns(ui: &Ui, look: &Look) -> usize {
    if look.unwrapped {
        return LONGEST_LINE;
    }
    let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0'));
    ((ui.available_width() - 2.0 * theme::MARGIN - theme::SCROLL_BAR) / digit).max(0.0) as usize
}

fn head_ui(ui: &mut Ui, inspection: &Inspection, cache: &PayloadCache, look: &mut Look) {
    let colors = theme::colors(ui);
    let explained = inspection.explained();
    let is_json = cache.json.is_some();
    if is_json {
        for (as_text, name) in [(false, "JSON"), (true, "Text")] {
            let button =
                Button::new(RichText::new(name).font(theme::small())).selected(look.as_text == as_text).small();
            if ui.add(button).clicked() {
                look.as_text = as_text;
            }
        }
    }
    if !is_json || look.as_text {
        let button = Button::new(RichText::new("Wrap").font(theme::small())).selected(!look.unwrapped).small();
        if ui.add(button).on_hover_text("Break long lines where the panel ends").clicked() {
            look.unwrapped ^= true;
            look.payload_scroll = Default::default();
        }
    }
    let mut said = vec![words::bytes(explained.payload.len() as u64)];
    said.push(match (is_json, cache.text.broken_bytes) {
        (true, _) => "JSON, UTF-8".to_owned(),
        (false, 0) => "UTF-8 text".to_owned(),
        (false, broken) => format!("{} bytes are no UTF-8", words::count(broken as u64)),
    });
    ui.label(RichText::new(said.join(" · ")).font(theme::small()).color(colors.weak));
    let is_like_json = matches!(explained.payload.first(), Some(b'{' | b'['));
    if is_like_json && explained.payload.len() > JSON_LIMIT_BYTES {
        let text = format!("no tree above {}", words::bytes(JSON_LIMIT_BYTES as u64));
        ui.label(RichText::new(text).font(theme::small()).color(colors.weak))
            .on_hover_text("A tree of so large a document would hold the window up; save the payload to read it whole");
    }
    let left_out = explained.payload_left_out + cache.text.left_out as u64;
    if left_out > 0 {
        let text = format!("⚠ {} more are not shown here; the bytes at the right have them", words::bytes(left_out));
        ui.label(RichText::new(text).font(theme::small()).color(colors.warning));
    }
}

fn json_ui(ui: &mut Ui, area: Rect, tree: &mut JsonTree, look: &mut Look, out: &mut Vec<Command>) {
    let mut toggled = None;
    let rows = &tree.rows;
    rows_ui(ui, Id::unique("json"), area, theme::ROW, rows.len(), &mut look.payload_scroll, |ui, at, rect| {
        let row = &rows[at];
        let colors = theme::colors(ui);
        let response = ui.interact(rect, Id::unique(("json row", at)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(egui::Role::TreeItem, true, format!("{} {}", row.key, row.value)));
        if response.hovered() {
            ui.painter().rect_filled(rect, 0.0, colors.hover);
        }
        let job = json_job(colors, row, rect.width() - theme::MARGIN);
        let galley = ui.painter().layout_job(job);
        let left = rect.left() + theme::MARGIN + row.depth as f32 * theme::INDENT;
        ui.painter().galley(pos2(left, rect.center().y - galley.size().y / 2.0), galley, colors.text);
        if response.clicked() && row.is_group {
            toggled = Some(row.path.clone());
        }
        response.context_menu(|ui| json_menu_ui(ui, row, out));
    });
    if let Some(path) = toggled {
        tree.toggle(&path);
    }
}

fn json_job(colors: &theme::Colors, row: &JsonRow, width: f32) -> LayoutJob {
    let mut job = LayoutJob::default();
    let format = |color: Color32| TextFormat::simple(theme::mono(), color);
    let arrow = match (row.is_group, row.is_open) {
        (true, true) => "▾ ",
        (true, false) => "▸ ",
        _ => "  ",
    };
    job.append(arrow, 0.0, format(colors.weak));
    if !row.key.is_empty() {
        job.append(&row.key, 0.0, format(colors.name));
        job.append(": ", 0.0, format(colors.weak));
    }
    let color = match row.shape {
        Shape::Group => colors.weak,
        Shape::Text => colors.string,
        Shape::Number => colors.number,
        Shape::Word => colors.head,
    };
    job.append(&row.value, 0.0, format(color));
    job.wrap = egui::text::TextWrapping::truncate_at_width((width - row.depth as f32 * theme::INDENT).max(20.0));
    job
}

fn json_menu_ui(ui: &mut Ui, row: &JsonRow, out: &mut Vec<Command>) {
    let mut entry = |ui: &mut Ui, text: &str, command: Command| {
        if ui.button(text).clicked() {
            out.push(command);
            ui.close();
        }
    };
    entry(ui, "Copy the path", Command::CopyText(row.path.clone()));
    entry(ui, "Copy the value", Command::CopyText(row.value.clone()));
    ui.separator();
    let value = row.filter_term();
    for term in value.iter().chain([&row.path]) {
        for command in [term.clone(), format!("-{term}")].map(Command::AddFilter) {
            entry(ui, &command.label(), command);
        }
    }
    if let Some(term) = value {
        let command = Command::FindTerm(term);
        entry(ui, &command.label(), command);
    }
}

fn text_ui(ui: &mut Ui, area: Rect, text: &PayloadText, look: &mut Look) {
    rows_ui(
        ui,
        Id::unique("text"),
        area,
        theme::HEX_ROW,
        text.lines.len(),
        &mut look.payload_scroll,
        |ui, at, rect| {
            let colors = theme::colors(ui);
            let mut job = LayoutJob::default();
            let mut said = String::new();
            for piece in &text.lines[at] {
                match piece {
                    TextPiece::Text(text) => {
                        job.append(text, 0.0, TextFormat::simple(theme::mono(), colors.text));
                        said.push_str(text);
                    }
                    TextPiece::Broken(bytes) => {
                        let shown: String = bytes.iter().map(|byte| format!("⟨{byte:02x}⟩")).collect();
                        let mut format = TextFormat::simple(theme::mono(), colors.error);
                        format.background = colors.tint;
                        job.append(&shown, 0.0, format);
                        said.push_str(&shown);
                    }
                }
            }
            job.wrap.max_width = f32::INFINITY;
            let response = ui.interact(rect, Id::unique(("text row", at)), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &said));
            let galley = ui.painter().layout_job(job);
            let left = rect.left() + theme::MARGIN;
            ui.painter().galley(pos2(left, rect.center().y - galley.size().y / 2.0), galley, colors.text);
        },
    );
}
