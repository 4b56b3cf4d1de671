//! How far what was sent got: taken by the kernel, acknowledged by the other end's TCP, answered by the application; and
//! the bytes that were unacknowledged over time.

use super::{Look, theme, words};
use crate::app::{Command, Pane, State, View};
use crate::session::{Delivery, Link, Reached, RecordId, duration};
use crate::wire::Dir;
use egui::{Align, Color32, Frame, Grid, Label, Layout, Margin, Panel, RichText, ScrollArea, TextEdit, Ui};
use egui_plot::{AxisHints, Line, Plot, PlotPoints};

/// Messages that are listed.
const LISTED: usize = 200;
/// Records that are looked through for them.
const LOOKED_THROUGH: usize = 20_000;

/// Draws the pane.
pub fn delivery_ui(ui: &mut Ui, state: &State, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal_wrapped(|ui| head_ui(ui, state, out)));
    let link = shown_link(view);
    let width = ui.available_width();
    if let Some(link) = link.filter(|link| !link.progress.samples().is_empty() && width > 2.0 * theme::PLOT) {
        Panel::right("unacknowledged")
            .resizable(false)
            .exact_size((width * 0.42).min(2.0 * theme::PLOT))
            .frame(Frame::new().fill(colors.ground).inner_margin(theme::MARGIN))
            .show(ui, |ui| plot_ui(ui, view, link));
    }
    egui::CentralPanel::default().frame(Frame::new().fill(colors.ground)).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| {
            list_ui(ui, view, look, out);
            note_ui(ui, link);
        });
    });
}

fn head_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.label(RichText::new("How far it got").color(colors.strong));
    let mut rule = state.ack.clone();
    let label = ui.label(RichText::new("answered by an ACK at").font(theme::small()).color(colors.weak));
    let edit = |text: &mut String, hint: &str, ui: &mut Ui| {
        let edit = TextEdit::singleline(text).desired_width(90.0).font(theme::mono());
        ui.add(edit.hint_text(theme::hint(ui, hint)))
    };
    edit(&mut rule.path, "$.ack", ui).labelled_by(label.id);
    let label = ui.label(RichText::new("which names ours at").font(theme::small()).color(colors.weak));
    edit(&mut rule.names, "$.id", ui).labelled_by(label.id);
    if rule != state.ack {
        out.push(Command::SetAck(rule));
    }
    if let Some(why) = &state.ack_mistake {
        ui.label(RichText::new(why).font(theme::small()).color(colors.error));
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
    });
}

/// The link of the selected record, or the newest on which something was sent.
fn shown_link(view: &View) -> Option<&Link> {
    let selected = view.selected.and_then(|id| view.session.records().get(id)).and_then(|r| view.session.link(r.link));
    let has = |link: &&Link| !link.progress.samples().is_empty();
    selected.filter(has).or_else(|| view.session.links().iter().rev().find(has))
}

fn list_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let records = view.session.records();
    let end = view.records_shown();
    let from = end.saturating_sub(LOOKED_THROUGH).max(records.first_held());
    let is_sent = |id: &RecordId| {
        let record = &records[*id];
        record.dir == Dir::Out && crate::app::is_sent_message(record)
    };
    let sent: Vec<RecordId> = (from..end).rev().filter(is_sent).take(LISTED).collect();
    if sent.is_empty() {
        ui.label(RichText::new("Nothing was sent yet.").color(colors.weak));
        return;
    }
    Grid::new("sent").num_columns(4).spacing([theme::GROUP_GAP, 2.0]).show(ui, |ui| {
        for id in sent {
            let Some(delivery) = view.delivery_shown(id) else { continue };
            let number = RichText::new(format!("#{}", id + 1)).font(theme::small()).color(colors.accent);
            if ui.add(egui::Button::new(number).frame(false)).on_hover_text("Show the record").clicked() {
                out.push(Command::Select(Some(id)));
                look.evidence = None;
            }
            let text =
                |ui: &mut Ui, text: String, color| ui.label(RichText::new(text).font(theme::small()).color(color));
            text(ui, words::seconds(view.session.at_ns(id)), colors.weak);
            text(ui, format!("{} {}", records[id].kind.label(), words::bytes(records[id].payload_len)), colors.text);
            let (said, color) = told(view, id, delivery, colors);
            text(ui, said, color);
            ui.end_row();
        }
    });
}

/// How far a message came, in words.
fn told(view: &View, id: RecordId, delivery: Delivery, colors: &theme::Colors) -> (String, Color32) {
    let since = |at_ns: u64| duration(at_ns.saturating_sub(view.session.at_ns(id)));
    match (delivery.answered, delivery.reached) {
        (Some((answer, at_ns)), _) => (format!("✔✔ answered after {} by #{}", since(at_ns), answer + 1), colors.good),
        (None, Reached::Acknowledged(at_ns)) => (format!("✔ acknowledged by TCP within {}", since(at_ns)), colors.text),
        (None, Reached::Kernel) => ("… taken by the kernel, not acknowledged".to_owned(), colors.warning),
        (None, Reached::Unknown) => ("sent; this system does not tell how far".to_owned(), colors.weak),
    }
}

/// The mark of a row, where it was sent: short, and how it is painted.
pub fn mark(view: &View, id: RecordId, colors: &theme::Colors) -> Option<(String, Color32)> {
    let record = view.session.records().get(id).filter(|record| crate::app::is_sent_message(record))?;
    let delivery = view.delivery_shown(id).filter(|_| record.dir == Dir::Out)?;
    let since = |at_ns: u64| duration(at_ns.saturating_sub(view.session.at_ns(id)));
    Some(match (delivery.answered, delivery.reached) {
        (Some((_, at_ns)), _) => (format!("✔✔ {}", since(at_ns)), colors.good),
        (None, Reached::Acknowledged(_)) => ("✔".to_owned(), colors.weak),
        (None, Reached::Kernel) => ("…".to_owned(), colors.warning),
        (None, Reached::Unknown) => return None,
    })
}

fn note_ui(ui: &mut Ui, link: Option<&Link>) {
    let colors = theme::colors(ui);
    let is_proxied = link.and_then(|link| link.opening.as_ref()).is_some_and(|opening| opening.via.is_some());
    let text = match is_proxied {
        true => {
            "✔ says that the proxy's TCP acknowledged the bytes: not that they went on from there. Only ✔✔ comes from the application."
        }
        false => {
            "✔ says that the TCP of whoever is at the other end acknowledged the bytes. That may be a proxy or a balancer in front of the server: only ✔✔ comes from the application."
        }
    };
    ui.add_space(theme::GAP);
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(colors.weak)).wrap());
}

fn plot_ui(ui: &mut Ui, view: &View, link: &Link) {
    let colors = theme::colors(ui);
    let mut points = Vec::new();
    let mut before = 0.0;
    let until_ns = view.moment().map_or(u64::MAX, |moment| moment.at_ns);
    for (at_ns, progress) in link.progress.samples().iter().take_while(|(at_ns, _)| *at_ns <= until_ns) {
        let Some(acknowledged) = progress.acknowledged_bytes else { continue };
        let at = *at_ns as f64 / 1e9;
        let now = progress.sent_bytes.saturating_sub(acknowledged) as f64;
        // Between two samples nothing is known: a step, not a slope.
        points.push([at, before]);
        points.push([at, now]);
        before = now;
    }
    ui.label(RichText::new("Unacknowledged bytes").font(theme::small()).color(colors.weak));
    let bytes = |mark: egui_plot::GridMark, _: &_| words::bytes(mark.value.max(0.0) as u64);
    Plot::new("unacknowledged bytes")
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_background(false)
        .grid_color(colors.line)
        .include_y(0.0)
        .include_y(1000.0)
        .custom_y_axes(vec![AxisHints::new_y().formatter(bytes)])
        .x_axis_formatter(|mark, _| format!("{:.3} s", mark.value))
        .show(ui, |plot| {
            plot.line(Line::new("unacknowledged", PlotPoints::from(points)).color(colors.sent).fill(0.0));
        });
}
