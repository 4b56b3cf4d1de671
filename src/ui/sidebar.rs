//! The list at the left: connections of now, recordings, and the lab.

use super::requests::requests_ui;
use super::{theme, words};
use crate::app::{Command, LibraryCommand, Source, State, View, lab_addresses, middlebox_addresses};
use crate::session::Connection;
use crate::wire::Act;
use egui::{Color32, Id, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

/// A line of the list.
pub(super) struct Item<'a> {
    /// How many folders it lies in.
    pub depth: usize,
    pub mark: &'a str,
    pub mark_color: Color32,
    pub text: &'a str,
    pub right: String,
    pub is_selected: bool,
    pub name: String,
    pub hover: String,
}

/// Recordings that stand in the list; the library has them all.
const NEWEST: usize = 6;

/// Draws the list.
pub fn sidebar_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        if let Some(live) = state.live() {
            now_ui(ui, state, live, out);
        }
        saved_ui(ui, state, out);
        requests_ui(ui, state, out);
        lab_ui(ui, out);
    });
}

/// The heading of a section, which folds it; whether it is unfolded.
pub(super) fn section_ui(ui: &mut Ui, text: &str) -> bool {
    let colors = theme::colors(ui);
    ui.add_space(theme::GAP);
    let id = Id::unique(("section", text));
    let mut is_folded = ui.data(|data| data.get_temp(id)).unwrap_or(false);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), theme::ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, !is_folded, format!("section {text}")));
    let is_hot = response.hovered() || response.has_focus();
    let color = if is_hot { colors.text } else { colors.weak };
    ui.painter().text(rect.left_center(), egui::Align2::LEFT_CENTER, text, theme::small(), color);
    if is_hot || is_folded {
        let arrow = if is_folded { "▸" } else { "▾" };
        let at = rect.right_center() - vec2(theme::UNIT, 0.0);
        ui.painter().text(at, egui::Align2::RIGHT_CENTER, arrow, theme::small(), color);
    }
    if response.clicked() {
        is_folded = !is_folded;
        ui.data_mut(|data| data.insert_temp(id, is_folded));
    }
    !is_folded
}

fn now_ui(ui: &mut Ui, state: &State, live: &View, out: &mut Vec<Command>) {
    if !section_ui(ui, "NOW") {
        return;
    }
    let colors = theme::colors(ui);
    let is_shown = state.active == Some(live.id);
    let total = live.records_shown() as u64;
    let all = Item {
        depth: 0,
        mark: "■",
        mark_color: colors.accent,
        text: "this recording",
        right: words::count(total),
        is_selected: is_shown && live.list.connection.is_none(),
        name: "this recording, all connections".into(),
        hover: "Everything that is being recorded".into(),
    };
    if item_ui(ui, &all).clicked() {
        out.push(Command::Show(live.id));
        out.push(Command::OnlyConnection(None));
    }
    for (connection, messages) in live.session.connections().iter().zip(live.messages_shown()) {
        connection_ui(ui, live, connection, messages, is_shown, out);
    }
}

/// A connection with its messages at the moment that is shown.
fn connection_ui(
    ui: &mut Ui,
    live: &View,
    connection: &Connection,
    messages: u64,
    is_shown: bool,
    out: &mut Vec<Command>,
) {
    let colors = theme::colors(ui);
    let id = connection.info.id;
    let is_open = live.is_open(id);
    let (mark, color, word) = match (&connection.over, is_open) {
        (Some((Act::GaveUp, _)), _) => ("✖", colors.error, "failed"),
        (_, true) => ("●", colors.good, "open"),
        _ => ("○", colors.weak, "closed"),
    };
    // What is of now stands there only where now is shown.
    let is_now = live.moment().is_none();
    let rate = if is_now { words::rate(live.rate(id)) } else { String::new() };
    let right = if rate.is_empty() { words::count(messages) } else { rate.clone() };
    let [sent, received] = connection.bytes;
    let bytes = match is_now {
        true => format!(" · in {} · out {}", words::bytes(received), words::bytes(sent)),
        false => " at the moment that is shown".to_owned(),
    };
    let label = &connection.info.label;
    let short = label.split_once("://").map_or(label.as_str(), |(_, rest)| rest);
    let over = connection.over.as_ref().map_or_else(String::new, |(_, text)| format!("\n{text}"));
    let item = Item {
        depth: 0,
        mark,
        mark_color: color,
        text: short,
        right,
        is_selected: is_shown && live.list.connection == Some(id),
        name: format!("connection {} {label}, {word}, {messages} messages {rate}", id.0),
        hover: format!(
            "{label}\n{word} · {} · {} messages{bytes}{over}",
            live.push_type(id).label(),
            words::count(messages),
        ),
    };
    let response = item_ui(ui, &item);
    if response.clicked() {
        let only = (!item.is_selected).then_some(id);
        out.push(Command::Show(live.id));
        out.push(Command::OnlyConnection(only));
    }
    response.context_menu(|ui| {
        if ui.button(Command::OnlyConnection(Some(id)).label()).clicked() {
            out.push(Command::Show(live.id));
            out.push(Command::OnlyConnection(Some(id)));
            ui.close();
        }
        let command = if is_open { Command::Disconnect(id) } else { Command::Reconnect(id) };
        if ui.button(command.label()).clicked() {
            out.push(Command::Show(live.id));
            out.push(command);
            ui.close();
        }
        if ui.button("Copy the address").clicked() {
            out.push(Command::CopyText(label.clone()));
            ui.close();
        }
    });
}

fn saved_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let live_path = state.live().and_then(View::path);
    let all = state.library.entries.len();
    let open: Vec<&View> = state.views.iter().filter(|view| !view.is_live()).collect();
    let is_open = |path: &std::path::Path| open.iter().any(|view| view.path().as_deref() == Some(path));
    let is_closed = |path: &std::path::Path| !is_open(path) && live_path.as_deref() != Some(path);
    let saved: Vec<_> = state.library.entries.iter().filter(|entry| is_closed(&entry.path)).take(NEWEST).collect();
    if open.is_empty() && saved.is_empty() {
        return;
    }
    if !section_ui(ui, "SAVED") {
        return;
    }
    for view in open {
        let right = match &view.source {
            Source::File(reading) if reading.is_reading() => {
                let (done, total) = reading.progress;
                format!("{} %", done * 100 / total.max(1))
            }
            _ => words::count(view.records_shown() as u64),
        };
        let hover = match &view.source {
            Source::File(reading) => reading.error.clone().unwrap_or_else(|| reading.path.display().to_string()),
            _ => view.title.clone(),
        };
        let item = Item {
            depth: 0,
            mark: "■",
            mark_color: colors.accent,
            text: words::recording_name(&view.title).1,
            right,
            is_selected: state.active == Some(view.id),
            name: format!("open recording {}", view.title),
            hover,
        };
        let response = item_ui(ui, &item);
        if response.clicked() {
            out.push(Command::Show(view.id));
        }
        response.context_menu(|ui| {
            if ui.button("Close this recording").clicked() {
                out.push(Command::Show(view.id));
                out.push(Command::CloseView);
                ui.close();
            }
        });
    }
    for file in saved {
        let (time, what) = words::recording_name(&file.name);
        let item = Item {
            depth: 0,
            mark: "•",
            mark_color: colors.weak,
            text: what,
            right: time,
            is_selected: false,
            name: format!("saved recording {}", file.name),
            hover: format!("{}\n{}", file.path.display(), words::bytes(file.size_bytes)),
        };
        if item_ui(ui, &item).clicked() {
            out.push(Command::OpenPath(file.path.clone()));
        }
    }
    let item = Item {
        depth: 0,
        mark: "≡",
        mark_color: colors.weak,
        text: "all recordings",
        right: words::count(all as u64),
        is_selected: state.library.is_shown,
        name: "library of recordings".into(),
        hover: "Every recording, to be sorted, renamed, tagged, deleted and searched".into(),
    };
    if item_ui(ui, &item).clicked() {
        out.push(Command::Library(LibraryCommand::Toggle));
    }
}

/// What one click connects to: address, what stands in the list, its accessible name, and what there is to say of it.
fn places_ui(
    ui: &mut Ui,
    heading: &str,
    places: impl Iterator<Item = (String, String, String, String)>,
    out: &mut Vec<Command>,
) {
    if !section_ui(ui, heading) {
        return;
    }
    let colors = theme::colors(ui);
    for (address, text, name, hover) in places {
        let (mark, mark_color) = ("▷", colors.weak);
        let item =
            Item { depth: 0, mark, mark_color, text: &text, right: String::new(), is_selected: false, name, hover };
        if item_ui(ui, &item).clicked() {
            out.push(Command::ConnectTo(address));
        }
    }
}

fn lab_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    let endpoints = lab_addresses().into_iter().map(|(address, push_type, explanation)| {
        let text = address.trim_start_matches("lab:").to_owned();
        let name = format!("lab {text}");
        (address, text, name, format!("{push_type}\n{explanation}"))
    });
    places_ui(ui, "LAB", endpoints, out);
    let middleboxes = middlebox_addresses().into_iter().map(|(address, name, explanation)| {
        let hover = format!("{explanation}\n{address}");
        (address, name.to_owned(), format!("middlebox {name}"), hover)
    });
    places_ui(ui, "MIDDLEBOXES", middleboxes, out);
}

pub(super) fn item_ui(ui: &mut Ui, item: &Item<'_>) -> egui::Response {
    let colors = theme::colors(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), theme::ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, item.is_selected, &item.name));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if item.is_selected {
        painter.rect_filled(rect, theme::ROUND as f32, colors.selected);
    } else if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, theme::ROUND as f32, colors.hover);
    }
    let middle = rect.center().y;
    let left = rect.left() + theme::UNIT + theme::INDENT * item.depth as f32;
    painter.text(pos2(left, middle), egui::Align2::LEFT_CENTER, item.mark, theme::small(), item.mark_color);
    let right = painter.text(
        pos2(rect.right() - theme::UNIT, middle),
        egui::Align2::RIGHT_CENTER,
        &item.right,
        theme::small(),
        colors.weak,
    );
    let text_left = left + 16.0;
    let width = (right.left() - theme::UNIT - text_left).max(10.0);
    elided(
        &painter,
        Rect::from_min_size(pos2(text_left, rect.top()), vec2(width, rect.height())),
        item.text,
        theme::body(),
        colors.text,
    );
    response.on_hover_text(&item.hover)
}

/// Paints one line of text in the middle of a place, with an ellipsis where it is too long.
pub fn elided(painter: &egui::Painter, place: Rect, text: &str, font: egui::FontId, color: Color32) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(place.width().max(1.0));
    let galley = painter.layout_job(job);
    let y = place.center().y - galley.size().y / 2.0;
    painter.galley(pos2(place.left(), y), galley, color);
}
