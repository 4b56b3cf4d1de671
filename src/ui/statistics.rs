//! Figures over the rows that the timeline shows, in the place of the details: tables at the left, histograms at the
//! right.

use super::{Look, status, theme, words};
use crate::app::{Command, Pane, SentTime, State, StatisticsAs, TimeUnit, View};
use crate::session::duration;
use crate::session::statistics::{Cell, Distribution, Histogram, HistogramBar, Section, Statistics};
use egui::{
    Align, Button, ComboBox, Frame, Grid, Layout, Margin, Panel, RichText, ScrollArea, TextEdit, Ui, WidgetInfo,
};
use egui_plot::{AxisHints, Bar, BarChart, GridMark, Plot};

/// Words beside an axis are weaker where they are nearer than this.
const LABELS_APART: egui::Rangef = egui::Rangef { min: 12.0, max: 16.0 };

/// What a histogram is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Times between messages.
    #[default]
    Gap,
    /// Bytes of payload.
    Size,
    /// Times from sending to reading.
    Latency,
}

impl Measure {
    const ALL: [Measure; 3] = [Measure::Gap, Measure::Size, Measure::Latency];

    fn label(self) -> &'static str {
        match self {
            Measure::Gap => "Gaps",
            Measure::Size => "Sizes",
            Measure::Latency => "Latency",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Measure::Gap => "Times between one message and the next of its connection",
            Measure::Size => "Bytes of payload; of the wire where there is no payload",
            Measure::Latency => {
                "From the time of sending that a received message carries to the time it was read. It is as right as \
                 the two clocks are."
            }
        }
    }

    fn of(self, statistics: &Statistics) -> &Distribution {
        match self {
            Measure::Gap => &statistics.measures().gaps,
            Measure::Size => &statistics.measures().sizes,
            Measure::Latency => &statistics.latency().late,
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Measure::Size => words::bytes(value.round() as u64),
            Measure::Gap | Measure::Latency => duration(value.round() as u64),
        }
    }
}

/// Draws the figures.
pub fn statistics_ui(ui: &mut Ui, state: &State, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, view, out)));
    let ground = Frame::new().fill(colors.ground);
    let width = ui.available_width();
    let plots = (((width - theme::FIGURES) / theme::PLOT) as usize).min(Measure::ALL.len());
    if plots > 0 {
        Panel::right("histograms")
            .resizable(false)
            .exact_size((width - theme::FIGURES).min(1.5 * theme::PLOT * plots as f32))
            .frame(ground.inner_margin(theme::MARGIN))
            .show(ui, |ui| histograms_ui(ui, &view.tally.statistics, plots, look));
    }
    egui::CentralPanel::default().frame(ground).show(ui, |ui| {
        ScrollArea::both().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| {
            for section in view.tally.statistics.sections() {
                section_ui(ui, &section);
                if section.title == "Spread" {
                    latency_ui(ui, state, &view.tally.statistics, out);
                }
                ui.add_space(theme::MARGIN);
            }
        });
    });
}

fn head_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    ui.spacing_mut().item_spacing.x = theme::GAP;
    ui.label(RichText::new("Statistics").color(colors.strong));
    ui.add_space(theme::MARGIN);
    let tally = &view.tally;
    let (counted, all) = (tally.rows(), view.list.len());
    if tally.is_stopped() && counted < all {
        let text = format!("stopped: {} of {} rows", words::count(counted as u64), words::count(all as u64));
        ui.label(RichText::new(text).font(theme::small()).color(colors.warning));
        if ui.small_button("Go on").clicked() {
            out.push(Command::StopCounting(false));
        }
    } else if tally.is_working() {
        let text = format!("{} of {} rows", words::count(counted as u64), words::count(all as u64));
        let done = counted as f32 / all.max(1) as f32;
        status::progress_ui(ui, &text, Some(done), Command::StopCounting(true), out);
    } else {
        let text = format!("of {} shown", words::counted(counted as u64, "row"));
        ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        ui.menu_button("Copy", |ui| {
            for how in StatisticsAs::ALL {
                if ui.button(Command::CopyStatistics(how).label()).clicked() {
                    out.push(Command::CopyStatistics(how));
                    ui.close();
                }
            }
        });
        ui.allocate_space(egui::vec2(ui.available_width(), 0.0));
    });
}

fn section_ui(ui: &mut Ui, section: &Section) {
    let colors = theme::colors(ui);
    let grid = Grid::new(section.title).spacing([theme::MARGIN, 0.5 * theme::GAP]).min_col_width(theme::FIGURE);
    grid.min_row_height(theme::FIGURE_ROW).show(ui, |ui| {
        ui.spacing_mut().interact_size.y = theme::FIGURE_ROW;
        let title = RichText::new(section.title).font(theme::body()).color(colors.strong);
        ui.label(title).on_hover_text(section.help);
        for column in &section.columns {
            figure_ui(ui, RichText::new(*column).font(theme::small()).color(colors.weak));
        }
        ui.end_row();
        for (name, cells) in &section.rows {
            ui.label(RichText::new(name).font(theme::small()).color(colors.weak));
            for (column, cell) in section.columns.iter().zip(cells) {
                let text = say(*cell);
                let label = figure_ui(ui, RichText::new(&text).font(theme::mono()).color(colors.text));
                label.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{name}, {column}: {text}")));
            }
            ui.end_row();
        }
    });
}

/// Figures stand under one another by their ends.
fn figure_ui(ui: &mut Ui, text: RichText) -> egui::Response {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(text)).inner
}

fn say(cell: Cell) -> String {
    match cell {
        Cell::None => "–".to_owned(),
        Cell::Count(count) => words::count(count),
        Cell::Bytes(bytes) => words::bytes(bytes),
        Cell::Time(ns) => duration(ns),
        Cell::Rate(rate) if rate > 0.0 => words::rate(rate),
        Cell::Rate(_) => "–".to_owned(),
        Cell::Share(share) => format!("{:.1} %", share * 100.0),
    }
}

/// Where messages say when they were sent, and what that told.
fn latency_ui(ui: &mut Ui, state: &State, statistics: &Statistics, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let small = |text: String, color| RichText::new(text).font(theme::small()).color(color);
    let mut sent = state.sent_time.clone();
    ui.add_space(theme::GAP);
    ui.horizontal(|ui| {
        let label = ui.label(small("sent at".into(), colors.weak)).on_hover_text(
            "The JSONPath of the time at which a message says it was sent, as $.sent_ns in the lab's messages; latency \
             is measured from it. Empty: no latency.",
        );
        let edit = TextEdit::singleline(&mut sent.path)
            .font(theme::mono())
            .desired_width(2.0 * theme::BUTTON)
            .hint_text(theme::hint(ui, "JSONPath: $.sent_ns"));
        ui.add(edit).labelled_by(label.id).accessible_name("JSONPath of the time of sending");
        let units = ComboBox::from_id_salt("sent unit").selected_text(sent.unit.label()).show_ui(ui, |ui| {
            for unit in TimeUnit::ALL {
                ui.selectable_value(&mut sent.unit, unit, unit.label());
            }
        });
        units.response.accessible_name("Unit of the time of sending");
        if sent != SentTime::lab() && ui.button("Lab's").on_hover_text("As the lab's messages have it").clicked() {
            sent = SentTime::lab();
        }
    });
    if sent != state.sent_time {
        out.push(Command::SetSentTime(sent));
    }
    if let Some(mistake) = statistics.mistake() {
        ui.label(small(mistake.to_owned(), colors.error));
        return;
    }
    let latency = statistics.latency();
    if latency.early > 0 {
        let text = format!(
            "⚠ {} came before the time of sending, by up to {}: the clocks differ, and latency is wrong by as much",
            words::counted(latency.early, "message"),
            duration(latency.earliest_ns)
        );
        ui.label(small(text, colors.warning));
    }
    if latency.without > 0 && statistics.reads_payloads() {
        let text = format!("{} received without a time there", words::counted(latency.without, "message"));
        ui.label(small(text, colors.weak));
    }
}

fn histograms_ui(ui: &mut Ui, statistics: &Statistics, plots: usize, look: &mut Look) {
    if plots < Measure::ALL.len() {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::GAP;
            for measure in Measure::ALL {
                let is_on = look.measure == measure;
                let button = Button::new(RichText::new(measure.label()).font(theme::small())).small();
                let button = button.selected(is_on).frame_when_inactive(true);
                if ui.add(button).on_hover_text(measure.help()).clicked() {
                    look.measure = measure;
                }
            }
        });
        histogram_ui(ui, look.measure, statistics);
        return;
    }
    ui.columns(Measure::ALL.len(), |columns| {
        for (ui, measure) in columns.iter_mut().zip(Measure::ALL) {
            let title = RichText::new(measure.label()).font(theme::small()).color(theme::colors(ui).weak);
            ui.label(title).on_hover_text(measure.help());
            histogram_ui(ui, measure, statistics);
        }
    });
}

fn histogram_ui(ui: &mut Ui, measure: Measure, statistics: &Statistics) {
    let colors = theme::colors(ui);
    let histogram = measure.of(statistics).histogram();
    let (Some(first), Some(last)) = (histogram.bars.first().copied(), histogram.bars.last().copied()) else {
        let text = match (measure, statistics.reads_payloads()) {
            (Measure::Latency, false) => "Say at the left where messages carry the time of sending.",
            (Measure::Latency, true) => "No message says when it was sent.",
            _ => "Too few rows.",
        };
        ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
        return;
    };
    let is_logarithmic = histogram.is_logarithmic;
    let place = move |value: f64| if is_logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
    let back = move |place: f64| if is_logarithmic { 10_f64.powf(place) } else { place };
    let bars: Vec<Bar> = histogram.bars.iter().map(|bar| bar_of(bar, place, colors.accent)).collect();
    let has_nothing = measure.of(statistics).least() == Some(0);
    let told = histogram.clone();
    let along = AxisHints::new_x().label_spacing(LABELS_APART).formatter(move |mark, _| match back(mark.value) {
        // Nothing stands with the ones.
        value if is_logarithmic && value < 1.5 && has_nothing => plain(&measure.text(0.0)),
        value => plain(&measure.text(value)),
    });
    let up = AxisHints::new_y().label_spacing(LABELS_APART).formatter(|mark, _| match mark.value.fract() == 0.0 {
        true => short(mark.value),
        false => String::new(),
    });
    let plot = Plot::new(("histogram", measure.label()))
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_background(false)
        .show_x(false)
        .show_y(false)
        .grid_color(colors.line)
        .include_x(place(first.start))
        .include_x(place(last.end))
        .include_y(0.0)
        .x_grid_spacer(move |input| marks(input.bounds, is_logarithmic))
        .custom_x_axes(vec![along])
        .y_grid_spacer(|input| marks(input.bounds, false))
        .custom_y_axes(vec![up])
        .label_formatter(move |_| None);
    let shown = plot.show(ui, |plot| {
        plot.bar_chart(BarChart::new(measure.label(), bars).allow_hover(false));
        plot.pointer_coordinate()
    });
    let said = format!("Histogram of {}, {} bars", measure.label().to_lowercase(), histogram.bars.len());
    shown.response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &said));
    if let Some(at) = shown.inner.filter(|_| shown.response.hovered()) {
        shown.response.on_hover_ui_at_pointer(|ui| {
            if let Some(bar) = under(&told, back(at.x)) {
                let (start, end) = (measure.text(bar.start), measure.text(bar.end));
                ui.label(format!("{start} to {end}: {}", words::count(bar.count)));
            }
        });
    }
}

fn bar_of(bar: &HistogramBar, place: impl Fn(f64) -> f64, color: egui::Color32) -> Bar {
    let (start, end) = (place(bar.start), place(bar.end));
    Bar::new(start.midpoint(end), bar.count as f64).width((end - start) * 0.9).fill(color)
}

fn under(histogram: &Histogram, value: f64) -> Option<HistogramBar> {
    histogram.bars.iter().copied().find(|bar| (bar.start..bar.end).contains(&value))
}

/// Where an axis is marked: at powers of ten, with twos and fives between few of them, or at even steps.
fn marks(bounds: (f64, f64), is_logarithmic: bool) -> Vec<GridMark> {
    let span = bounds.1 - bounds.0;
    let mark = |value: f64, step_size: f64| GridMark { value, step_size };
    if is_logarithmic {
        let between: &[f64] = if span < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = (span / 5.0).ceil().max(1.0);
        let powers = (bounds.0.floor() as i32..=bounds.1.ceil() as i32).filter(|power| power % every as i32 == 0);
        let values = powers.flat_map(|power| between.iter().map(move |factor| f64::from(power) + factor.log10()));
        return values.filter(|value| (bounds.0..=bounds.1).contains(value)).map(|value| mark(value, every)).collect();
    }
    let least = (span / 5.0).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least);
    let step = step.unwrap_or(least);
    let (first, last) = ((bounds.0 / step).ceil() as i64, (bounds.1 / step).floor() as i64);
    (first..=last).take(16).map(|at| mark(at as f64 * step, step)).collect()
}

/// A figure without the noughts of its fraction.
fn plain(text: &str) -> String {
    text.replace(".00 ", " ").replace(".0 ", " ")
}

/// A count on an axis.
fn short(count: f64) -> String {
    match count {
        ..1e4 => format!("{count:.0}"),
        ..1e6 => format!("{:.0}k", count / 1e3),
        _ => format!("{:.1}M", count / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_marked_at_round_numbers() {
        let values = |bounds, is_logarithmic| -> Vec<f64> {
            let place = |value: f64| if is_logarithmic { 10_f64.powf(value).round() } else { value };
            marks(bounds, is_logarithmic).into_iter().map(|mark| place(mark.value)).collect()
        };
        assert_eq!(values((99.0, 351.0), false), [100.0, 200.0, 300.0]);
        assert_eq!(values((2.5, 4.1), true), [500.0, 1000.0, 2000.0, 5000.0, 10_000.0]);
        assert_eq!(values((0.0, 9.0), true), [1.0, 100.0, 1e4, 1e6, 1e8]);
        assert_eq!([short(950.0), short(12_000.0), short(2.5e6)], ["950", "12k", "2.5M"]);
    }
}
