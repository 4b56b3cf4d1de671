//! A row of the timeline.

use super::sidebar::elided;
use super::timeline_header::{Slot, is_number};
use super::window::Told;
use super::{delivery, remarks, theme, words};
use crate::app::{Command, CopyAs, LinkTo, Play, RemarkAct, View};
use crate::dissect::Severity;
use crate::session::filter::compose;
use crate::session::{Kind, RecordId, duration};
use egui::{Align2, Color32, Id, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

/// The column of summaries.
const SUMMARY: usize = 6;

/// Draws a row.
#[allow(clippy::too_many_arguments)] // What a row is made of.
pub fn row_ui(
    ui: &mut Ui,
    view: &View,
    row: usize,
    id: RecordId,
    rect: Rect,
    slots: &[Slot],
    told: &Told,
    is_long_gap: bool,
    out: &mut Vec<Command>,
) {
    let colors = theme::colors(ui);
    let record = &view.session.records()[id];
    let is_selected = view.selected == Some(id);
    let response = ui.interact(rect, Id::unique(("row", view.id, row)), Sense::click());
    response.widget_info(|| {
        let remark = view.session.remarks().get(id);
        let remark =
            remark.map_or(String::new(), |remark| format!(", remark {}: {}", remark.mark.name(), remark.says()));
        let said = format!("{} {} {} {}{remark}", id + 1, record.dir.name(), record.kind.name(), told.summary);
        WidgetInfo::selected(egui::Role::ListItem, true, is_selected, said)
    });
    if response.clicked() || response.secondary_clicked() {
        out.push(Command::Select(Some(id)));
    }
    let pointed_at = response.id.with("column");
    if response.secondary_clicked()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let slot = slots.iter().rev().find(|slot| slot.left <= pointer.x);
        let column = slot.map_or(0, |slot| slot.column);
        ui.data_mut(|data| data.insert_temp(pointed_at, column));
    }
    response.context_menu(|ui| {
        let column = ui.data(|data| data.get_temp(pointed_at)).unwrap_or_default();
        menu_ui(ui, view, id, column, told, out);
    });
    let painter = ui.painter().clone();
    if is_selected {
        painter.rect_filled(rect, 0.0, colors.selected);
        let edge = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        painter.rect_filled(edge, 0.0, colors.accent);
    } else if response.hovered() {
        painter.rect_filled(rect, 0.0, colors.hover);
    }
    let at_ns = view.session.at_ns(id);
    let remark = view.session.remarks().get(id);
    if let Some(remark) = remark.filter(|_| !slots.iter().any(|slot| slot.column == SUMMARY)) {
        remarks::row_ui(&painter, rect, None, remark, colors);
    }
    for slot in slots {
        let place = Rect::from_min_size(pos2(slot.left, rect.top()), vec2(slot.width - theme::UNIT, rect.height()));
        let (text, color) = match slot.column {
            0 => (words::count(id as u64 + 1), colors.weak),
            1 => (words::seconds(at_ns), colors.weak),
            2 => match told.gap_ns {
                Some(gap) if is_long_gap => (duration(gap), colors.warning),
                Some(gap) => (duration(gap), colors.weak),
                None => (String::new(), colors.weak),
            },
            3 if record.kind.is_fact() => ("·".to_owned(), colors.weak),
            3 => (words::arrow(record.dir).to_owned(), colors.dir(record.dir)),
            4 => {
                kind_ui(&painter, place, record.kind.label(), colors.kind(record), record.worst, colors);
                continue;
            }
            5 if record.kind.is_fact() => (String::new(), colors.weak),
            5 => {
                let len = if record.payload_len > 0 { record.payload_len } else { record.len };
                (words::bytes(len), colors.weak)
            }
            _ => {
                let color =
                    if record.kind.is_fact() && record.worst < Severity::Warning { colors.weak } else { colors.text };
                let mut place = place;
                if let Some((text, color)) = delivery::mark(view, id, colors) {
                    let right = pos2(place.right(), place.center().y);
                    let mark = painter.text(right, Align2::RIGHT_CENTER, text, theme::small(), color);
                    place.max.x = (mark.left() - theme::UNIT).max(place.left());
                }
                if let Some(remark) = remark {
                    place = remarks::row_ui(&painter, rect, Some(place), remark, colors).unwrap_or(place);
                }
                elided(&painter, place, &told.summary, theme::mono(), color);
                continue;
            }
        };
        let clipped = painter.with_clip_rect(place.intersect(painter.clip_rect()));
        let middle = place.center().y;
        let font = if slot.column == 3 { theme::body() } else { theme::mono() };
        match is_number(slot.column) {
            true => clipped.text(pos2(place.right() - theme::UNIT, middle), Align2::RIGHT_CENTER, text, font, color),
            false => clipped.text(pos2(place.left(), middle), Align2::LEFT_CENTER, text, font, color),
        };
    }
}

fn kind_ui(painter: &egui::Painter, place: Rect, label: &str, color: Color32, worst: Severity, colors: &theme::Colors) {
    let painter = painter.with_clip_rect(place.intersect(painter.clip_rect()));
    let text = painter.text(pos2(place.left(), place.center().y), Align2::LEFT_CENTER, label, theme::body(), color);
    let mark = theme::severity_mark(worst);
    if !mark.is_empty() {
        let x = (text.right() + theme::UNIT).min(place.right() - 12.0);
        painter.text(pos2(x, place.center().y), Align2::LEFT_CENTER, mark, theme::small(), colors.severity(worst));
    }
}

fn menu_ui(ui: &mut Ui, view: &View, id: RecordId, column: usize, told: &Told, out: &mut Vec<Command>) {
    let record = &view.session.records()[id];
    let mut entry = |ui: &mut Ui, command: Command| {
        if ui.button(command.label()).clicked() {
            out.push(Command::Select(Some(id)));
            out.push(command);
            ui.close();
        }
    };
    let copies = [CopyAs::Row, CopyAs::Payload, CopyAs::Hex].map(Command::Copy);
    for command in copies.into_iter().chain([Command::SavePayload]) {
        entry(ui, command);
    }
    let is_websocket = view.session.link(record.link).is_some_and(|link| link.agreement().is_some());
    if is_websocket {
        entry(ui, Command::Copy(CopyAs::Websocat));
    } else if record.kind == Kind::HttpRequest {
        entry(ui, Command::Copy(CopyAs::Curl));
    }
    ui.separator();
    for act in [RemarkAct::Toggle, RemarkAct::Edit] {
        entry(ui, Command::Remark(act));
    }
    entry(ui, Command::CopyLink(LinkTo::Record));
    entry(ui, Command::Play(Play::Here));
    ui.separator();
    if column == 1 {
        entry(ui, Command::RangeFromSelected);
        entry(ui, Command::RangeToSelected);
    }
    // What was pointed at first, then what most are after.
    let pointed_at = match column {
        2 => told.gap_ns.map(compose::of_gap),
        3 => compose::of_dir(record),
        5 => compose::of_size(record),
        6 if compose::is_short(record) => compose::of_payload(&view.session.explain(id)),
        _ => None,
    };
    let usual = [compose::of_kind(record), compose::of_connection(&view.session, record)];
    for term in pointed_at.clone().into_iter().chain(usual.clone()) {
        entry(ui, Command::AddFilter(term.clone()));
        entry(ui, Command::AddFilter(format!("-{term}")));
    }
    ui.separator();
    let [kind, _] = usual;
    entry(ui, Command::FindTerm(pointed_at.unwrap_or(kind)));
}
