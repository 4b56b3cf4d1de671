//! Activity over time, above the filter: received above the line, sent below it. Dragging selects a time.

use super::{Look, playback, remarks, theme, words};
use crate::app::{Command, View};
use crate::dissect::Severity;
use crate::session::{Bins, Bucket};
use crate::wire::Dir;
use egui::{CursorIcon, Id, Painter, PointerButton, Pos2, Rect, Response, Sense, Stroke, Ui, WidgetInfo};
use egui::{pos2, vec2};
use std::ops::Range;

/// The share of the height that is for what was received.
const RECEIVED_SHARE: f32 = 0.64;

/// A notch of the wheel shows so much less time, as a power of e for each point of scrolling.
const WHEEL_ZOOM: f64 = 0.006;

/// Where times lie on the screen.
#[derive(Clone)]
pub(super) struct Scale {
    pub rect: Rect,
    pub shown: Range<u64>,
}

impl Scale {
    pub fn x(&self, at_ns: u64) -> f32 {
        let along = (at_ns as f64 - self.shown.start as f64) / self.len() as f64;
        self.rect.left() + (along * f64::from(self.rect.width())) as f32
    }

    pub fn at_ns(&self, x: f32) -> u64 {
        let along = f64::from((x - self.rect.left()) / self.rect.width().max(1.0)).clamp(0.0, 1.0);
        self.shown.start + (along * self.len() as f64) as u64
    }

    fn len(&self) -> u64 {
        (self.shown.end - self.shown.start).max(1)
    }

    /// How much time a point of the screen is.
    fn step_ns(&self) -> u64 {
        (self.len() as f64 / f64::from(self.rect.width().max(1.0))) as u64
    }
}

/// Draws the strip.
pub fn strip_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), theme::STRIP), Sense::hover());
    let scale = Scale { rect: rect.shrink2(vec2(theme::MARGIN, 0.0)), shown: view.shown_time() };
    let most = (scale.rect.width() / theme::STRIP_BAR).max(1.0) as usize;
    let bins = view.activity_shown(scale.shown.clone(), most);
    // In playback what is still to come is seen in outline.
    let all = view.moment().map(|_| view.session.activity(scale.shown.clone(), most));
    let response = ui.interact(rect, Id::unique(("activity", view.id)), Sense::click_and_drag());
    response.widget_info(|| {
        let said = format!("Activity over time, {}: {}", words::time_range(&scale.shown), say(&sum(&bins)));
        WidgetInfo::labeled(egui::Role::Canvas, true, said)
    });
    let selecting = hands(ui, view, look, &scale, &response, out);

    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, 0.0, colors.ground);
    let bars = Rect::from_min_max(scale.rect.min, pos2(scale.rect.right(), rect.bottom() - theme::STRIP_AXIS));
    axis_ui(&painter, &scale, bars.bottom(), colors);
    bars_ui(&painter, &scale, bars.shrink2(vec2(0.0, 1.0)), &bins, all.as_ref(), colors);
    if let Some(range) = selecting.as_ref().or(view.list.range_ns.as_ref()) {
        range_ui(&painter, &scale, rect, range, colors);
    }
    if let Some(id) = view.selected {
        let x = scale.x(view.session.at_ns(id));
        painter.vline(x, bars.y_range(), Stroke::new(1.0, colors.strong));
    }
    painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, colors.line));
    let flags = Rect::from_min_max(pos2(rect.left(), bars.bottom() - theme::FLAG), bars.max);
    remarks::flags_ui(ui, view, &scale, flags, out);
    playback::playhead_ui(ui, view, &scale, bars, out);
    if response.has_focus() {
        painter.rect_stroke(rect, 0.0, Stroke::new(1.0, colors.accent), egui::StrokeKind::Inside);
    }
    if let Some(pointer) = response.hover_pos().filter(|_| !response.dragged()) {
        painter.vline(pointer.x, bars.y_range(), Stroke::new(1.0, colors.weak));
        response.clone().on_hover_ui_at_pointer(|ui| tooltip_ui(ui, &scale, &bins, pointer));
    }
    response.context_menu(|ui| menu_ui(ui, view, out));
}

/// What the hands do; the time that is being selected.
fn hands(
    ui: &Ui,
    view: &View,
    look: &mut Look,
    scale: &Scale,
    response: &Response,
    out: &mut Vec<Command>,
) -> Option<Range<u64>> {
    if response.double_clicked() {
        out.push(Command::ShowTime(None));
        out.push(Command::SetRange(None));
    }
    if response.contains_pointer()
        && let Some(pointer) = ui.input(|input| input.pointer.hover_pos())
    {
        let (scrolled, zoom) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
        let factor = (-f64::from(scrolled.y) * WHEEL_ZOOM).exp() / f64::from(zoom);
        if factor != 1.0 {
            out.push(Command::ShowTime(Some(view.zoomed(factor, scale.at_ns(pointer.x)))));
        } else if scrolled.x != 0.0 {
            pan(view, scale, scrolled.x, out);
        }
    }
    if response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle) {
        pan(view, scale, response.drag_delta().x, out);
    }
    let edge_near = |x: f32| {
        let range = view.list.range_ns.as_ref()?;
        let is_near = |at_ns: u64| (scale.x(at_ns) - x).abs() <= theme::UNIT;
        // Whoever takes one end holds on to the other.
        match (is_near(range.start), is_near(range.end)) {
            (_, true) => Some(range.start),
            (true, false) => Some(range.end),
            _ => None,
        }
    };
    if let Some(pointer) = response.hover_pos() {
        let is_edge = edge_near(pointer.x).is_some();
        ui.set_cursor_icon(if is_edge { CursorIcon::ResizeHorizontal } else { CursorIcon::Crosshair });
    }
    if response.drag_started_by(PointerButton::Primary) {
        let pressed = ui.input(|input| input.pointer.press_origin()).map(|at| at.x);
        look.strip_anchor = pressed.map(|x| edge_near(x).unwrap_or_else(|| scale.at_ns(x)));
    }
    let (anchor, pointer) = (look.strip_anchor?, response.interact_pointer_pos());
    let range = pointer.map(|at| {
        let at_ns = scale.at_ns(at.x);
        anchor.min(at_ns)..anchor.max(at_ns) + 1
    });
    if response.drag_stopped_by(PointerButton::Primary) {
        look.strip_anchor = None;
        out.extend(range.clone().map(|range| Command::SetRange(Some(range))));
    } else if !response.dragged() {
        look.strip_anchor = None;
        return None;
    }
    range
}

fn pan(view: &View, scale: &Scale, points: f32, out: &mut Vec<Command>) {
    if points != 0.0 && view.span_ns.is_some() {
        let share = -f64::from(points / scale.rect.width().max(1.0));
        out.push(Command::ShowTime(Some(view.panned(share))));
    }
}

fn bars_ui(painter: &Painter, scale: &Scale, rect: Rect, bins: &Bins, all: Option<&Bins>, colors: &theme::Colors) {
    let line = rect.top() + (rect.height() * RECEIVED_SHARE).round();
    let heights = [rect.bottom() - line - 1.0, line - rect.top() - theme::UNIT];
    // One measure for both directions: as many messages are as high above as below.
    let most = |of: &dyn Fn(&Bucket, usize) -> u64| {
        let buckets = &all.unwrap_or(bins).buckets;
        let all = buckets.iter().flat_map(|bucket| [0, 1].map(|dir| of(bucket, dir) as f32 / heights[dir]));
        all.fold(0.0_f32, f32::max)
    };
    let messages = most(&|bucket, dir| bucket.messages[dir]);
    let bytes = most(&|bucket, dir| bucket.bytes[dir]);
    let height = |count: u64, most: f32| if count == 0 { 0.0 } else { (count as f32 / most).max(1.5) };
    let outline = colors.line;
    for (at, bucket) in all.iter().flat_map(|all| all.buckets.iter().enumerate()) {
        if bins.buckets.get(at) == Some(bucket) {
            continue;
        }
        let x = |at: usize| scale.x(bins.start_ns + at as u64 * bins.width_ns);
        let tall = |dir: usize| height(bucket.messages[dir], messages).max(height(bucket.bytes[dir], bytes));
        let (top, bottom) = (pos2(x(at), line - tall(1)), pos2(x(at + 1).max(x(at) + 1.0), line + 1.0 + tall(0)));
        painter.rect_filled(Rect::from_min_max(top, bottom), 0.0, outline);
    }
    for (at, bucket) in bins.buckets.iter().enumerate().filter(|(_, bucket)| !bucket.is_quiet()) {
        let start = bins.start_ns + at as u64 * bins.width_ns;
        let (left, right) = (scale.x(start), scale.x(start + bins.width_ns).max(scale.x(start) + 1.0));
        for dir in [Dir::Out, Dir::In] {
            let color = colors.dir(dir);
            let bar = |height: f32, right: f32| match dir {
                Dir::In => Rect::from_min_max(pos2(left, line - height), pos2(right, line)),
                Dir::Out => Rect::from_min_max(pos2(left, line + 1.0), pos2(right, line + 1.0 + height)),
            };
            let quiet = height(bucket.bytes[dir.index()], bytes);
            painter.rect_filled(bar(quiet, right), 0.0, colors.quiet(color));
            let loud = height(bucket.messages[dir.index()], messages);
            painter.rect_filled(bar(loud, (right - 1.0).max(left + 1.0)), 0.0, color);
        }
        if bucket.worst >= Severity::Warning {
            mark_ui(painter, pos2(left.midpoint(right), rect.top() + 3.0), bucket.worst, colors);
        }
    }
    painter.hline(rect.x_range(), line + 0.5, Stroke::new(1.0, colors.line));
}

/// A finding: a triangle where it is unwise, a square on its tip where a rule was broken.
fn mark_ui(painter: &Painter, at: Pos2, severity: Severity, colors: &theme::Colors) {
    let size = theme::UNIT;
    let points = match severity {
        Severity::Error => {
            vec![at + vec2(0.0, -size), at + vec2(size, 0.0), at + vec2(0.0, size), at + vec2(-size, 0.0)]
        }
        _ => vec![at + vec2(-size, -size), at + vec2(size, -size), at + vec2(0.0, size)],
    };
    painter.add(egui::Shape::convex_polygon(points, colors.severity(severity), Stroke::new(1.0, colors.ground)));
}

fn range_ui(painter: &Painter, scale: &Scale, rect: Rect, range: &Range<u64>, colors: &theme::Colors) {
    let (left, right) = (scale.x(range.start), scale.x(range.end));
    let veil = colors.bar.gamma_multiply(0.72);
    painter.rect_filled(Rect::from_min_max(rect.min, pos2(left, rect.bottom())), 0.0, veil);
    painter.rect_filled(Rect::from_min_max(pos2(right, rect.top()), rect.max), 0.0, veil);
    for x in [left, right] {
        painter.vline(x, rect.y_range(), Stroke::new(1.5, colors.accent));
    }
}

/// Times at even distances.
fn axis_ui(painter: &Painter, scale: &Scale, top: f32, colors: &theme::Colors) {
    let least = scale.len() as f64 * f64::from(theme::TICK / scale.rect.width().max(1.0));
    let step = even_step(least);
    let mut at_ns = scale.shown.start.div_ceil(step) * step;
    while at_ns < scale.shown.end {
        let x = scale.x(at_ns);
        painter.vline(x, top..=top + 3.0, Stroke::new(1.0, colors.line));
        let middle = top + theme::STRIP_AXIS / 2.0;
        let text = painter.layout_no_wrap(words::moment(at_ns, step), theme::small(), colors.weak);
        if x + text.size().x + theme::UNIT < scale.rect.right() {
            painter.galley(pos2(x + theme::UNIT, middle - text.size().y / 2.0), text, colors.weak);
        }
        at_ns = at_ns.saturating_add(step);
    }
}

/// The least of 1, 2, 5, 10, … that is not less.
fn even_step(least: f64) -> u64 {
    let power = 10_f64.powf(least.max(1.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least);
    step.unwrap_or(10.0 * power) as u64
}

fn tooltip_ui(ui: &mut Ui, scale: &Scale, bins: &Bins, pointer: Pos2) {
    ui.set_max_width(theme::TOOLTIP);
    let colors = theme::colors(ui);
    let at = (scale.at_ns(pointer.x).saturating_sub(bins.start_ns) / bins.width_ns) as usize;
    let start = bins.start_ns + at as u64 * bins.width_ns;
    let step = scale.step_ns().min(bins.width_ns);
    let (from, to) = (words::moment(start, step), words::moment(start + bins.width_ns, step));
    ui.label(egui::RichText::new(format!("{} to {to}", from.trim_end_matches(" s"))).color(colors.strong));
    let bucket = bins.buckets.get(at).copied().unwrap_or_default();
    for dir in [Dir::In, Dir::Out] {
        let text = say_dir(&bucket, dir);
        ui.label(egui::RichText::new(text).color(colors.dir(dir)));
    }
    if bucket.worst >= Severity::Warning {
        let text = format!("{} worst note: {}", theme::severity_mark(bucket.worst), bucket.worst.name());
        ui.label(egui::RichText::new(text).color(colors.severity(bucket.worst)));
    }
    let hint =
        "Bars are messages, the paler ones bytes. Drag to select a time, turn the wheel to zoom, double-click for all.";
    ui.label(egui::RichText::new(hint).font(theme::small()).color(colors.weak));
}

fn say_dir(bucket: &Bucket, dir: Dir) -> String {
    let (messages, bytes) = (bucket.messages[dir.index()], bucket.bytes[dir.index()]);
    format!("{} {}, {}", words::arrow(dir), words::counted(messages, "message"), words::bytes(bytes))
}

fn say(bucket: &Bucket) -> String {
    let of = |dir: Dir, name: &str| {
        let (messages, bytes) = (bucket.messages[dir.index()], bucket.bytes[dir.index()]);
        format!("{} {name}, {}", words::counted(messages, "message"), words::bytes(bytes))
    };
    format!("{}; {}", of(Dir::In, "received"), of(Dir::Out, "sent"))
}

fn sum(bins: &Bins) -> Bucket {
    let mut sum = Bucket::default();
    for bucket in &bins.buckets {
        for dir in 0..2 {
            sum.messages[dir] += bucket.messages[dir];
            sum.bytes[dir] += bucket.bytes[dir];
        }
    }
    sum
}

fn menu_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let has_range = view.list.range_ns.is_some();
    let is_zoomed = view.span_ns.is_some();
    let commands = [
        (Command::ZoomToRange, has_range),
        (Command::SetRange(None), has_range),
        (Command::ZoomTime(true), true),
        (Command::ZoomTime(false), is_zoomed),
        (Command::ShowTime(None), is_zoomed),
        (Command::ToggleActivity, true),
    ];
    for (command, is_possible) in commands {
        let label = if command == Command::ToggleActivity { "Hide activity over time".into() } else { command.label() };
        if ui.add_enabled(is_possible, egui::Button::new(label)).clicked() {
            out.push(command);
            ui.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_even() {
        for (least, step) in
            [(0.0, 1), (1.0, 1), (1.1, 2), (3e6, 5_000_000), (9e8, 1_000_000_000), (1.9e10, 20_000_000_000)]
        {
            assert_eq!(even_step(least), step);
        }
    }

    #[test]
    fn a_place_on_the_screen_and_a_time_are_one() {
        let scale = Scale { rect: Rect::from_min_size(pos2(8.0, 0.0), vec2(1000.0, 50.0)), shown: 5_000..1_005_000 };
        assert_eq!(scale.at_ns(8.0), 5_000);
        assert_eq!(scale.x(1_005_000), 1008.0);
        let middle = scale.at_ns(508.0);
        assert!(middle.abs_diff(505_000) <= 1, "{middle}");
        assert_eq!(scale.at_ns(-5.0), 5_000);
    }
}
