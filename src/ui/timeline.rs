//! The timeline: every record a row, exact to the last of ten million.

use super::rows::rows_ui;
use super::timeline_header::{Slot, header_ui};
use super::window::Told;
use super::{Look, theme, timeline_row, words};
use crate::app::{Command, State, View};
use crate::wire::Dir;
use egui::{Id, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};
use std::time::{Duration, Instant};

/// What a frame spends at most on finding out what rows say, but for one: a few bytes may inflate to megabytes.
const TELLING: Duration = Duration::from_millis(40);

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
    let told_until = Instant::now() + TELLING;
    let chosen = view.chosen_rows();
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
            let gap_ns = || view.session.gap_ns(id);
            let untold;
            let told = if all_told.contains_key(&(view.id, id)) || Instant::now() < told_until {
                let told = || Told { summary: view.session.summary(id), gap_ns: gap_ns() };
                all_told.entry((view.id, id)).or_insert_with(told)
            } else {
                // The next frame goes on from here.
                ui.ctx().request_repaint();
                untold = Told { summary: String::new(), gap_ns: gap_ns() };
                &untold
            };
            let is_long = told.gap_ns.is_some_and(|gap| gap >= long_gap_ns);
            timeline_row::row_ui(ui, view, row, id, rect, slots, told, is_long, chosen.contains(&row), out);
        },
    );
    if view.list.follow && shown.scrolled < 0 {
        out.push(Command::SetFollow(false));
    } else if !view.list.follow && shown.scrolled > 0 && shown.at_end && (view.is_growing() || view.moment().is_some())
    {
        out.push(Command::SetFollow(true));
    }
    look.timeline.insert(view.id, scroll);
}

fn empty_ui(ui: &mut Ui, body: Rect, view: &View) {
    let text = match (view.records_shown() == 0, view.list.is_narrowed()) {
        (true, _) if view.moment().is_some() => "Nothing had come yet at this moment.",
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
    // What had begun at a moment of the past is not known.
    if !view.is_growing() || view.moment().is_some() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for link in view.session.links().iter().rev().take(8) {
        let is_hidden = view.list.connection.is_some_and(|connection| connection != link.connection);
        if is_hidden || !matches!(link.state, crate::session::LinkState::Open) {
            continue;
        }
        for dir in [Dir::In, Dir::Out] {
            if let Some(unfinished) = view.session.unfinished(link, dir) {
                lines.push(format!("{} {unfinished}", words::arrow(dir)));
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
