//! The page of an empty window: what this is, and one click to a live timeline.

use super::theme;
use crate::app::{Command, lab_addresses};
use egui::{Button, FontId, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

/// Draws the page.
pub fn first_run_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = theme::PAGE.min(ui.available_width() - 2.0 * theme::GROUP_GAP);
        let side = ((ui.available_width() - width) / 2.0).max(theme::GROUP_GAP);
        ui.horizontal(|ui| {
            ui.add_space(side);
            ui.vertical(|ui| {
                ui.set_max_width(width);
                page_ui(ui, width, out);
            });
        });
    });
}

fn page_ui(ui: &mut Ui, width: f32, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.add_space((ui.available_height() * 0.06).clamp(theme::GROUP_GAP, 80.0));
    let title = FontId::new(theme::TITLE, egui::FontFamily::Proportional);
    ui.label(RichText::new("Pushscope").font(title).color(colors.strong));
    ui.label(RichText::new("Open a realtime connection and see every byte of it explained.").color(colors.weak));
    ui.add_space(theme::GROUP_GAP);
    ui.horizontal(|ui| {
        let address = RichText::new("Paste an address").color(colors.on_accent);
        if ui.add(Button::new(address).fill(colors.accent)).clicked() {
            out.push(Command::FocusAddress);
        }
        if ui.button("Open a recording…").clicked() {
            out.push(Command::Open);
        }
    });
    ui.add_space(2.0 * theme::GROUP_GAP);
    ui.label(RichText::new("Or try it here").size(theme::HEADING).color(colors.strong));
    ui.label(RichText::new("A lab on this machine speaks every type of push. One click connects.").color(colors.weak));
    ui.add_space(theme::MARGIN);
    let columns = if width >= 2.0 * 300.0 { 2 } else { 1 };
    let card = vec2((width - theme::MARGIN * (columns as f32 - 1.0)) / columns as f32, theme::CARD[1]);
    let labs = lab_addresses();
    for row in labs.chunks(columns) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::MARGIN;
            // One alone has the whole line.
            let card = if row.len() < columns { vec2(width, card.y) } else { card };
            for (address, push_type, explanation) in row {
                card_ui(ui, card, address, push_type, explanation, out);
            }
        });
        ui.add_space(theme::GAP);
    }
}

fn card_ui(ui: &mut Ui, size: egui::Vec2, address: &str, push_type: &str, explanation: &str, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response
        .widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Connect to {address}: {push_type}")));
    let is_hot = response.hovered() || response.has_focus();
    let (fill, line) = if is_hot { (colors.hover, colors.accent) } else { (colors.bar, colors.line) };
    ui.painter().rect(rect, theme::ROUND as f32, fill, Stroke::new(1.0, line), StrokeKind::Inside);
    let inner = rect.shrink2(vec2(theme::GROUP_GAP, theme::MARGIN));
    let painter = ui.painter().with_clip_rect(inner.intersect(ui.clip_rect()));
    let mono = theme::mono();
    let name = painter.layout_no_wrap(address.to_owned(), mono, colors.accent);
    let left = (inner.width() - name.size().x - theme::UNIT).max(1.0);
    let mut title = egui::text::LayoutJob::simple_singleline(capital(push_type), theme::body(), colors.strong);
    title.wrap = egui::text::TextWrapping::truncate_at_width(left);
    painter.galley(inner.right_top() - vec2(name.size().x, 0.0), name, colors.accent);
    painter.galley(inner.min, painter.layout_job(title), colors.strong);
    let mut job = egui::text::LayoutJob::simple(explanation.to_owned(), theme::small(), colors.weak, inner.width());
    job.wrap.max_rows = 2;
    let text = painter.layout_job(job);
    painter.galley(egui::pos2(inner.left(), inner.top() + 18.0), text, colors.weak);
    if response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
        out.push(Command::ConnectTo(address.to_owned()));
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
