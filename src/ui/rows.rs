//! A list of any length with rows of one height.
//!
//! The place in the list is a row number in an f64, never a distance in f32 points: that is what keeps the last of ten
//! million rows exactly where it belongs.

use super::theme;
use egui::{Id, Pos2, Rect, Sense, Ui, pos2, vec2};

/// Where a list is scrolled to: the row at its top, with a fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scroll {
    /// The row at the top.
    pub top: f64,
}

/// What became of a list in a frame.
pub struct Shown {
    /// Whether the user scrolled up or down: -1, 0, 1.
    pub scrolled: i8,
    /// Whether the end is in sight.
    pub at_end: bool,
}

impl Scroll {
    /// Moves as little as needed to bring a row into sight.
    pub fn reveal(&mut self, row: usize, page: usize) {
        let row = row as f64;
        if row < self.top {
            self.top = row;
        } else if row + 1.0 > self.top + page as f64 {
            self.top = row + 1.0 - page as f64;
        }
    }
}

/// Draws into what is left of `ui`, which neither grows nor shrinks by that: rows are put where they belong, and a panel
/// would take a row that is cut for a reason to grow.
pub fn inside(ui: &mut Ui, draw: impl FnOnce(&mut Ui, Rect)) {
    let area = ui.available_rect_before_wrap();
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(area));
    child.set_clip_rect(ui.clip_rect().intersect(area));
    draw(&mut child, area);
    ui.advance_cursor_after_rect(area);
}

/// Lays out `count` rows within `rect` and calls `draw` for each that can be seen, with its number and place.
pub fn rows_ui(
    ui: &mut Ui,
    id: Id,
    rect: Rect,
    row_height: f32,
    count: usize,
    scroll: &mut Scroll,
    mut draw: impl FnMut(&mut Ui, usize, Rect),
) -> Shown {
    let fits = f64::from(rect.height() / row_height).max(0.0);
    let furthest = (count as f64 - fits).max(0.0);
    let before = scroll.top;
    if ui.rect_contains_pointer(rect) {
        let wheel = ui.input(|input| input.smooth_scroll_delta().y);
        scroll.top -= f64::from(wheel / row_height);
    }
    let has_bar = furthest > 0.0;
    if has_bar {
        bar_ui(ui, id.with("bar"), rect, fits / count as f64, furthest, scroll);
    }
    let scrolled = (scroll.top - before).partial_cmp(&0.0).map_or(0, |ordering| ordering as i8);
    scroll.top = scroll.top.clamp(0.0, furthest);

    let first = scroll.top.floor() as usize;
    let fraction = (scroll.top - scroll.top.floor()) as f32;
    let visible = first..count.min(first + fits.ceil() as usize + 1);
    let width = rect.width() - if has_bar { theme::SCROLL_BAR } else { 0.0 };
    let builder = egui::UiBuilder::new().id_salt(id).max_rect(rect);
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(ui.clip_rect().intersect(rect));
        for row in visible {
            let y = rect.top() + ((row - first) as f32 - fraction) * row_height;
            if y < rect.bottom() {
                draw(ui, row, Rect::from_min_size(pos2(rect.left(), y), vec2(width, row_height)));
            }
        }
    });
    Shown { scrolled, at_end: scroll.top >= furthest - 0.01 }
}

fn bar_ui(ui: &mut Ui, id: Id, rect: Rect, share: f64, furthest: f64, scroll: &mut Scroll) {
    let colors = theme::colors(ui);
    let bar = Rect::from_min_max(pos2(rect.right() - theme::SCROLL_BAR, rect.top()), rect.max);
    let handle_len = (f64::from(bar.height()) * share).max(f64::from(theme::SCROLL_HANDLE)) as f32;
    let travel = (bar.height() - handle_len).max(1.0);
    let response = ui.interact(bar, id, Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ScrollBar, true, "scroll bar"));
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
        let grip: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(handle_len / 2.0);
        let grip = if response.drag_started() || response.clicked() {
            let handle_top = bar.top() + travel * (scroll.top / furthest) as f32;
            let within = pointer.y - handle_top;
            let grip = if (0.0..=handle_len).contains(&within) { within } else { handle_len / 2.0 };
            ui.data_mut(|data| data.insert_temp(id, grip));
            grip
        } else {
            grip
        };
        let along = f64::from(((pointer.y - bar.top() - grip) / travel).clamp(0.0, 1.0));
        scroll.top = along * furthest;
    }
    let top = bar.top() + travel * (scroll.top.clamp(0.0, furthest) / furthest) as f32;
    let handle = Rect::from_min_size(Pos2::new(bar.left() + 2.0, top), vec2(theme::SCROLL_BAR - 4.0, handle_len));
    let fill = if response.hovered() || response.dragged() { colors.weak } else { colors.raised_hover };
    ui.painter().rect_filled(handle, (theme::SCROLL_BAR - 4.0) / 2.0, fill);
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Event, Modifiers, MouseWheelUnit, PointerButton, TouchPhase, WidgetInfo};
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};

    const COUNT: usize = 10_000_000;
    const HEIGHT: f32 = 20.0;
    const SIZE: egui::Vec2 = vec2(300.0, 410.0);

    fn list(top: f64) -> Harness<'static, Scroll> {
        Harness::builder().with_size(SIZE).build_ui_state(
            |ui, scroll: &mut Scroll| {
                let rect = Rect::from_min_size(Pos2::ZERO, SIZE);
                rows_ui(ui, Id::unique("list"), rect, HEIGHT, COUNT, scroll, |ui, row, rect| {
                    let response = ui.interact(rect, Id::unique(("row", row)), Sense::click());
                    response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, format!("row {row}")));
                });
            },
            Scroll { top },
        )
    }

    /// The rows that are drawn, with the points of their upper edges.
    fn drawn(harness: &Harness<'_, Scroll>) -> Vec<(usize, f32)> {
        let rows = harness.root().children_recursive().filter_map(|node| {
            let label = node.accesskit_node().label()?.to_string();
            Some((label.strip_prefix("row ")?.parse().ok()?, node.rect().top()))
        });
        rows.collect()
    }

    fn wheel(harness: &mut Harness<'_, Scroll>, points: f32) {
        harness.event(Event::PointerMoved(pos2(50.0, 50.0)));
        harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, points),
            phase: TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        harness.run();
    }

    #[test]
    fn the_last_of_ten_million_rows_ends_where_the_list_ends() {
        let mut harness = list(f64::MAX);
        harness.run();
        let rows = drawn(&harness);
        assert_eq!(rows.last(), Some(&(COUNT - 1, SIZE.y - HEIGHT)));
        assert_eq!(rows.len(), 21, "20 rows and a half fit");
        for pair in rows.windows(2) {
            assert_eq!((pair[1].0, pair[1].1), (pair[0].0 + 1, pair[0].1 + HEIGHT), "none is left out or drawn twice");
        }
    }

    #[test]
    fn the_wheel_moves_by_rows_at_the_far_end_as_at_the_near_one() {
        for top in [1000.0, COUNT as f64 - 1000.0] {
            let mut harness = list(top);
            harness.run();
            for _ in 0..5 {
                let before = harness.state().top;
                wheel(&mut harness, -60.0);
                let moved = harness.state().top - before;
                assert!((moved - 3.0).abs() < 1e-6, "{moved} rows from {before}");
            }
            wheel(&mut harness, 300.0);
            assert!((harness.state().top - top).abs() < 1e-6, "and back");
            let at_top = drawn(&harness).into_iter().find(|(row, _)| *row == top as usize);
            assert!(at_top.is_some_and(|(_, y)| y.abs() < 0.001), "{at_top:?}");
        }
        let mut harness = list(f64::MAX);
        wheel(&mut harness, -500.0);
        assert_eq!(drawn(&harness).last(), Some(&(COUNT - 1, SIZE.y - HEIGHT)), "there is nothing behind the end");
    }

    #[test]
    fn the_bar_reaches_both_ends_and_the_middle() {
        let furthest = COUNT as f64 - f64::from(SIZE.y / HEIGHT);
        let mut harness = list(0.0);
        harness.run();
        let x = SIZE.x - theme::SCROLL_BAR / 2.0;
        let button = |pos, pressed| Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let grip = pos2(x, theme::SCROLL_HANDLE / 2.0);
        harness.event(Event::PointerMoved(grip));
        harness.event(button(grip, true));
        harness.run();
        for (y, expected) in [(SIZE.y + 50.0, furthest), (SIZE.y / 2.0, furthest / 2.0), (-50.0, 0.0)] {
            harness.event(Event::PointerMoved(pos2(x, y)));
            harness.run();
            let top = harness.state().top;
            assert!((top - expected).abs() <= furthest / 1000.0, "{top} instead of {expected}");
            if expected != furthest / 2.0 {
                assert_eq!(top, expected, "the ends are exact");
            }
        }
        harness.event(button(pos2(x, -50.0), false));
        harness.run();
        assert!(harness.query_by_label("row 0").is_some());
    }

    #[test]
    fn a_row_that_is_revealed_is_in_sight_and_nothing_else_moves() {
        let mut scroll = Scroll { top: 0.0 };
        for (row, top) in [(COUNT - 1, COUNT as f64 - 20.0), (COUNT - 5, COUNT as f64 - 20.0), (7, 7.0), (26, 7.0)] {
            scroll.reveal(row, 20);
            assert_eq!(scroll.top, top, "row {row}");
        }
    }
}
