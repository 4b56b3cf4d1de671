//! The play bar below the activity strip, and the playhead on the strip.

use super::keys::Binding;
use super::strip::Scale;
use super::{theme, words};
use crate::app::{Command, IDLE_MS, Play, Speed, View};
use egui::{
    Align, Button, ComboBox, Context, CursorIcon, EventFilter, Id, Key, Layout, Modifiers, Rect, Response, RichText,
};
use egui::{Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// The scrubber, which takes the keys of playback while it has the focus.
fn scrubber() -> Id {
    Id::unique("scrubber")
}

/// What keys do while the scrubber has the focus; the rest of the window does not see them then.
pub(super) fn bindings(ctx: &Context) -> Vec<Binding> {
    if !ctx.memory(|memory| memory.has_focus(scrubber())) {
        return Vec::new();
    }
    let wanted = [
        (Modifiers::SHIFT, Key::ArrowRight, Play::StepRead(true)),
        (Modifiers::SHIFT, Key::ArrowLeft, Play::StepRead(false)),
        (Modifiers::NONE, Key::ArrowRight, Play::Step(true)),
        (Modifiers::NONE, Key::ArrowLeft, Play::Step(false)),
        (Modifiers::NONE, Key::Home, Play::End(false)),
        (Modifiers::NONE, Key::End, Play::End(true)),
        (Modifiers::NONE, Key::OpenBracket, Play::Faster(false)),
        (Modifiers::NONE, Key::CloseBracket, Play::Faster(true)),
        (Modifiers::NONE, Key::Space, Play::Toggle),
    ];
    let binding = |(modifiers, key, what)| {
        let repeats = !matches!(what, Play::Toggle);
        Binding { repeats, ..Binding::new(modifiers, key, what) }
    };
    wanted.map(binding).into()
}

/// Whether Space is for a button or a field that has the focus, and not for playback.
pub fn is_space_taken(ctx: &Context) -> bool {
    ctx.memory(|memory| memory.focused()).is_some_and(|focused| focused != scrubber())
}

/// The button that shows the play bar or puts it away.
pub fn toggle_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let button = ui.add(Button::new("▶").selected(view.moment().is_some()));
    let help = "Play the recording again (Ctrl+Shift+P shows the play bar, Space plays)";
    if button.on_hover_text(help).accessible_name("Playback").clicked() {
        out.push(Command::Play(Play::Bar));
    }
}

/// Draws the play bar.
pub fn play_bar_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let Some(moment) = view.moment() else { return };
    let colors = theme::colors(ui);
    let playback = &view.playback;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::GAP;
        let in_scrubber = "with the focus in the scrubber";
        let buttons = [
            (Play::End(false), format!("Home {in_scrubber}")),
            (Play::Step(false), format!("Shift+←; {in_scrubber} ← is enough, and Shift+← goes to the read before")),
            (Play::Toggle, "Space".to_owned()),
            (Play::Step(true), format!("Shift+→; {in_scrubber} → is enough, and Shift+→ goes to the next read")),
            (Play::End(true), format!("End {in_scrubber}")),
        ];
        for (what, keys) in buttons {
            let label = match what {
                Play::Toggle if playback.is_playing() => "Pause playback".to_owned(),
                Play::Toggle => "Play".to_owned(),
                what => what.label(),
            };
            let button = ui.add(Button::new("").min_size(vec2(theme::PLAY, 0.0)));
            icon_ui(ui, button.rect, what, playback.is_playing());
            if button.on_hover_text(format!("{label} ({keys})")).accessible_name(&label).clicked() {
                out.push(Command::Play(what));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let close =
                ui.add(Button::new("✖").frame(false)).on_hover_text("Put the play bar away: all is shown again");
            if close.accessible_name("Close the play bar").clicked() {
                out.push(Command::Play(Play::Bar));
            }
            idle_ui(ui, view, out);
            speed_ui(ui, view, out);
            ui.add_space(theme::GAP);
            let end_ns = view.session.last_at_ns();
            let clock = format!("{} / {} s", words::seconds(moment.at_ns), words::seconds(end_ns));
            let count = words::count(moment.records as u64);
            let help = format!("{count} of {} records are there", words::count(view.session.records().len() as u64));
            // As wide as at the end, so that nothing moves while it plays.
            let widest = format!("{} / {} s", words::seconds(end_ns), words::seconds(end_ns));
            let width = ui.painter().layout_no_wrap(widest, theme::mono(), colors.text).size().x.ceil() + theme::UNIT;
            ui.allocate_ui_with_layout(vec2(width, theme::ROW), Layout::right_to_left(Align::Center), |ui| {
                ui.set_min_width(width);
                ui.label(RichText::new(clock).font(theme::mono()).color(colors.text)).on_hover_text(help);
            });
            scrubber_ui(ui, view, out);
        });
    });
}

/// Paints what a button of the bar does: fonts lack half of these signs.
fn icon_ui(ui: &Ui, button: Rect, what: Play, is_playing: bool) {
    let (painter, color) = (ui.painter(), theme::colors(ui).text);
    let (at, size) = (button.center(), 1.25 * theme::UNIT);
    let triangle = |left: f32, sign: f32| {
        let corners = [(0.0, -size), (sign * 1.6 * size, 0.0), (0.0, size)];
        let points = corners.map(|(x, y)| at + vec2(left + x, y)).to_vec();
        painter.add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
    };
    let bar = |x: f32, width: f32| {
        let place = Rect::from_center_size(at + vec2(x, 0.0), vec2(width, 2.0 * size));
        painter.rect_filled(place, 0.0, color);
    };
    let end = if matches!(what, Play::End(true) | Play::Step(true)) { 1.0 } else { -1.0 };
    match what {
        Play::Toggle if is_playing => {
            bar(-0.5 * size, 0.6 * size);
            bar(0.5 * size, 0.6 * size);
        }
        Play::Toggle => triangle(-0.6 * size, 1.0),
        Play::Step(_) => {
            bar(-end * 0.9 * size, 2.0);
            triangle(-end * 0.4 * size, end);
        }
        _ => {
            triangle(-end * 0.9 * size, end);
            bar(end * 0.9 * size, 2.0);
        }
    }
}

fn speed_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let now = view.playback.speed;
    let combo = ComboBox::from_id_salt("speed").width(theme::SPEED).selected_text(now.label()).show_ui(ui, |ui| {
        for speed in Speed::ALL {
            if ui.selectable_label(speed == now, speed.label()).clicked() {
                out.push(Command::Play(Play::Speed(speed)));
            }
        }
    });
    let help = "How fast it plays; max comes to the end in ten seconds, however long it took ([ and ] with the focus in the scrubber)";
    combo.response.on_hover_text(help).accessible_name("Speed of playback");
}

fn idle_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let now = view.playback.idle_ms;
    let name = |idle_ms: Option<u64>| match idle_ms {
        None => "all pauses".to_owned(),
        Some(ms) if ms < 1000 => format!("pauses ≤ {ms} ms"),
        Some(ms) => format!("pauses ≤ {} s", ms / 1000),
    };
    let combo = ComboBox::from_id_salt("idle").width(theme::BUTTON).selected_text(name(now)).show_ui(ui, |ui| {
        for idle_ms in IDLE_MS {
            if ui.selectable_label(idle_ms == now, Play::Idle(idle_ms).label()).clicked() {
                out.push(Command::Play(Play::Idle(idle_ms)));
            }
        }
    });
    combo.response.on_hover_text("Whether idle time is skipped").accessible_name("Pauses in playback");
}

/// The whole recording from left to right, and how far it is shown.
fn scrubber_ui(ui: &mut Ui, view: &View, out: &mut Vec<Command>) {
    let Some(moment) = view.moment() else { return };
    let colors = theme::colors(ui);
    let size = vec2(ui.available_width().max(theme::BUTTON), theme::ROW);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let response = ui.interact(rect, scrubber(), Sense::click_and_drag());
    let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(scrubber(), filter));
    response.widget_info(|| {
        let (now, end) = (words::seconds(moment.at_ns), words::seconds(view.session.last_at_ns()));
        WidgetInfo::slider(true, moment.at_ns as f64 / 1e9, format!("Scrubber, at {now} of {end} s"))
    });
    let scale = Scale { rect: rect.shrink2(vec2(theme::MARGIN, 0.0)), shown: view.whole_time() };
    if let Some(at) =
        response.interact_pointer_pos().filter(|_| response.dragged() || response.drag_stopped() || response.clicked())
    {
        response.request_focus();
        out.push(Command::Play(Play::To(scale.at_ns(at.x))));
    }
    let middle = rect.center().y;
    let track = |from: f32, to: f32| Rect::from_x_y_ranges(from..=to, middle - 2.0..=middle + 2.0);
    let x = scale.x(moment.at_ns);
    let painter = ui.painter();
    painter.rect_filled(track(scale.rect.left(), scale.rect.right()), 2.0, colors.line);
    painter.rect_filled(track(scale.rect.left(), x), 2.0, colors.accent);
    for remark in view.session.remarks().range(0..view.records_shown()).take(theme::MOST_FLAGS) {
        let x = scale.x(view.session.completed_ns(remark.record));
        painter.vline(x, middle - 5.0..=middle + 5.0, Stroke::new(1.5, colors.mark(remark.mark)));
    }
    let radius = if response.hovered() || response.dragged() || response.has_focus() { 7.0 } else { 6.0 };
    painter.circle(pos2(x, middle), radius, colors.accent, Stroke::new(1.5, colors.bar));
    if response.has_focus() {
        painter.circle_stroke(pos2(x, middle), radius + 2.0, Stroke::new(1.0, colors.accent));
    }
    hover_ui(&response, &scale);
}

fn hover_ui(response: &Response, scale: &Scale) {
    if let Some(pointer) = response.hover_pos().filter(|_| !response.dragged()) {
        let text = words::moment(scale.at_ns(pointer.x), 1_000_000);
        response.clone().on_hover_text_at_pointer(format!("Go to {text}"));
    }
}

/// Draws the playhead on the strip; dragging its handle moves it.
pub fn playhead_ui(ui: &Ui, view: &View, scale: &Scale, bars: Rect, out: &mut Vec<Command>) {
    let Some(moment) = view.moment() else { return };
    let colors = theme::colors(ui);
    let x = scale.x(moment.at_ns);
    if !scale.rect.expand(1.0).x_range().contains(x) {
        return;
    }
    let size = 1.5 * theme::UNIT;
    let handle = Rect::from_min_max(pos2(x - size - 1.0, bars.top()), pos2(x + size + 1.0, bars.top() + 2.5 * size));
    let response = ui.interact(handle, Id::unique(("playhead", view.id)), Sense::drag());
    response.widget_info(|| {
        let said = format!("Playhead at {}", words::moment(moment.at_ns, 1_000_000));
        WidgetInfo::labeled(egui::Role::Splitter, true, said)
    });
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged() || response.drag_stopped()) {
        out.push(Command::Play(Play::To(scale.at_ns(at.x))));
    }
    let response = response.on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    let painter = ui.painter();
    let color = if response.hovered() || response.dragged() { colors.strong } else { colors.accent };
    painter.vline(x, bars.y_range(), Stroke::new(1.5, color));
    let points = vec![pos2(x - size, bars.top()), pos2(x + size, bars.top()), pos2(x, bars.top() + 1.5 * size)];
    painter.add(egui::Shape::convex_polygon(points, color, Stroke::new(1.0, colors.ground)));
}
