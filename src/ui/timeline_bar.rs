//! Above the timeline: the filter, the chips, follow and pause.

use super::{Look, completion, find_bar, playback, status, theme, words};
use crate::app::{Command, Group, List, Pane, State, View, Wish};
use crate::wire::Dir;
use egui::text::{LayoutJob, TextFormat};
use egui::{Button, Id, RichText, Stroke, TextBuffer, TextEdit, Ui};

/// Draws the bar.
pub fn timeline_bar_ui(ui: &mut Ui, state: &State, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    ui.horizontal(|ui| filter_ui(ui, view, look, out));
    let colors = theme::colors(ui);
    if let Some(mistake) = view.filter_mistake() {
        let before: String = view.list.text.chars().take(mistake.at).collect();
        let text = match view.list.standing.as_str() {
            "" => format!("Filter: {} (after {before:?}). No filter is in force meanwhile.", mistake.text),
            standing => format!("Filter: {} (after {before:?}). In force meanwhile: {standing}", mistake.text),
        };
        ui.label(RichText::new(text).color(colors.error));
    }
    find_bar::find_bar_ui(ui, view, look, out);
    ui.horizontal_wrapped(|ui| chips_ui(ui, state, view, out));
}

fn filter_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let list = &view.list;
    // From the right, so that the filter takes what is left.
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let unseen = if view.is_live() { list.unseen() } else { 0 };
        let follow = if unseen > 0 { format!("⬇ {} new", words::count(unseen as u64)) } else { "⬇ Follow".into() };
        let button = Button::new(follow).selected(list.follow).min_size(egui::vec2(theme::FOLLOW, 0.0));
        if ui.add(button).on_hover_text("Keep the end in sight").clicked() {
            out.push(Command::ToggleFollow);
        }
        let paused = if list.is_paused() { "Go on" } else { "Pause" };
        let button = Button::new(paused).selected(list.is_paused());
        if ui.add(button).on_hover_text("Hold the view still; recording goes on").clicked() {
            out.push(Command::TogglePause);
        }
        playback::toggle_ui(ui, view, out);
        let clear = ui.add_enabled(!list.text.is_empty(), Button::new("✖").frame(false));
        if clear.accessible_name("Clear the filter").clicked() {
            out.push(Command::SetFilter(String::new()));
        }
        filter_field_ui(ui, list, look, out);
    });
}

fn filter_field_ui(ui: &mut Ui, list: &List, look: &mut Look, out: &mut Vec<Command>) {
    let id = Id::unique("filter");
    let mut text = list.text.clone();
    let mut taken = None;
    if ui.memory(|memory| memory.has_focus(id)) {
        taken = look.completion.keys(ui.ctx(), &text);
    }
    let mistake = list.mistake.as_ref().map(|mistake| mistake.at);
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _: f32| {
        let job = marked(ui, text.as_str(), mistake);
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let edit = TextEdit::singleline(&mut text)
        .id(id)
        .lock_focus(look.completion.is_open())
        .desired_width(ui.available_width())
        .font(theme::mono())
        .layouter(&mut layouter)
        .hint_text(theme::hint(ui, "filter: kind:sse.* gap>250ms \"error\""));
    let response = ui.add(edit).accessible_name("Filter");
    if look.takes_focus(&Wish::FocusFilter) {
        response.request_focus();
    }
    let taken = taken.or_else(|| look.completion.ui(ui, id, response.rect, &text));
    if let Some((completed, cursor)) = taken {
        text = completed;
        completion::set_cursor(ui.ctx(), id, cursor);
        response.request_focus();
    }
    if text != list.text {
        out.push(Command::SetFilter(text));
    }
}

/// A filter's text; from where it went wrong on it is underlined.
fn marked(ui: &Ui, text: &str, mistake: Option<usize>) -> LayoutJob {
    let colors = theme::colors(ui);
    let mut job = LayoutJob::default();
    let plain = TextFormat { font_id: theme::mono(), color: colors.text, ..TextFormat::default() };
    let Some(at) = mistake.map(|at| text.floor_char_boundary(at.min(text.len().saturating_sub(1)))) else {
        job.append(text, 0.0, plain);
        return job;
    };
    let underline = Stroke::new(theme::UNDERLINE, colors.error);
    let wrong = TextFormat { font_id: theme::mono(), color: colors.error, underline, ..TextFormat::default() };
    job.append(&text[..at], 0.0, plain);
    job.append(&text[at..], 0.0, wrong);
    job
}

fn chips_ui(ui: &mut Ui, state: &State, view: &View, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let list = &view.list;
    ui.spacing_mut().item_spacing.x = theme::GAP;
    let chip = |ui: &mut Ui, text: &str, is_on: bool, help: &str| {
        let text = RichText::new(text).font(theme::small()).color(if is_on { colors.text } else { colors.weak });
        ui.add(Button::new(text).selected(is_on).frame_when_inactive(true).small()).on_hover_text(help).clicked()
    };
    for group in Group::ALL {
        if chip(ui, group.label(), list.shows(group), group.help()) {
            out.push(Command::ToggleGroup(group));
        }
    }
    ui.add_space(theme::MARGIN);
    for (dir, name) in [(Dir::In, "received"), (Dir::Out, "sent")] {
        let text = format!("{} {name}", words::arrow(dir));
        let is_on = list.dir == Some(dir);
        if chip(ui, &text, is_on, "Show this direction only") {
            out.push(Command::OnlyDir((!is_on).then_some(dir)));
        }
    }
    if let Some(id) = list.connection {
        ui.add_space(theme::MARGIN);
        if chip(ui, &format!("connection {} ✖", id.0), true, "Show all connections") {
            out.push(Command::OnlyConnection(None));
        }
    }
    if let Some(range) = &list.range_ns {
        ui.add_space(theme::MARGIN);
        if chip(ui, &format!("{} ✖", words::time_range(range)), true, "Show all times") {
            out.push(Command::SetRange(None));
        }
    }
    ui.add_space(theme::MARGIN);
    let has_figures = state.shows(Pane::Statistics);
    if chip(ui, "statistics", has_figures, "Figures over the rows that are shown, in the place of the details") {
        out.push(Command::ShowPane(Pane::Statistics));
    }
    ui.add_space(theme::MARGIN);
    let records = view.records_shown();
    let percent = list.scanned() * 100 / records.max(1);
    let rows = words::count(list.len() as u64);
    if list.is_working() {
        let text = format!("{rows} rows so far, {percent} % looked at");
        let done = list.scanned() as f32 / records.max(1) as f32;
        status::progress_ui(ui, &text, Some(done), Command::StopFiltering, out);
        return;
    }
    let text = if list.is_paused() && list.scanned() < records {
        format!("{rows} rows, {percent} % looked at: Go on looks at the rest")
    } else {
        format!("{rows} of {} records", words::count(records as u64))
    };
    ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
}
