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
