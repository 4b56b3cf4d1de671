//! What may stand where the cursor is in the filter, under the field.

use super::theme;
use crate::session::filter::{Offers, complete};
use egui::text::{CCursor, CCursorRange};
use egui::{Context, Id, Key, Modifiers, Rect, RichText, TextEdit, Ui};

/// Offers that are shown at once.
const SHOWN: usize = 9;

/// The list under the field, between two frames.
#[derive(Default)]
pub(super) struct Completion {
    /// What is offered, and which of them Enter takes.
    offers: Option<Offers>,
    chosen: Option<usize>,
    /// The byte before which the cursor was when they were made.
    cursor: usize,
    /// The text and cursor for which the list was put away.
    dismissed: Option<(String, usize)>,
    /// Asked for although nothing is typed.
    is_wanted: bool,
    /// Where the list was drawn.
    area: Option<Rect>,
}

impl Completion {
    /// Whether the list is shown: then the field keeps the Tab key.
    pub fn is_open(&self) -> bool {
        self.offers.is_some()
    }

    /// Takes the keys of the list before the field sees them; the text and the cursor, in characters, once one is taken.
    pub fn keys(&mut self, ctx: &Context, text: &str) -> Option<(String, usize)> {
        let Some(offers) = &self.offers else {
            self.is_wanted |= ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::ArrowDown));
            return None;
        };
        let (up, down, tab, escape) = ctx.input_mut(|input| {
            (
                input.consume_key(Modifiers::NONE, Key::ArrowUp),
                input.consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Tab),
                input.consume_key(Modifiers::NONE, Key::Escape),
            )
        });
        let last = offers.list.len().saturating_sub(1);
        match self.chosen {
            Some(at) if down => self.chosen = Some((at + 1).min(last)),
            Some(at) if up => self.chosen = at.checked_sub(1),
            None if down => self.chosen = Some(0),
            _ => {}
        }
        if escape {
            self.dismissed = Some((text.to_owned(), self.cursor));
            self.close();
            return None;
        }
        let enter = self.chosen.is_some() && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        if tab || enter { self.take(text, self.chosen.unwrap_or(0)) } else { None }
    }

    fn close(&mut self) {
        (self.offers, self.chosen, self.area, self.is_wanted) = (None, None, None, false);
    }

    fn take(&mut self, text: &str, at: usize) -> Option<(String, usize)> {
        let offers = self.offers.take()?;
        let offer = offers.list.get(at)?;
        let mut text = text.to_owned();
        text.replace_range(offers.replaces.clone(), &offer.text);
        let cursor = offers.replaces.start + offer.text.len();
        self.dismissed = Some((text.clone(), cursor));
        self.close();
        // After a kind's colon its values are offered at once.
        if text[..cursor].ends_with(':') {
            self.dismissed = None;
        }
        let chars = text[..cursor].chars().count();
        Some((text, chars))
    }

    /// Looks what to offer and draws it under `field`; the text and the cursor once one is clicked.
    pub fn ui(&mut self, ui: &mut Ui, id: Id, field: Rect, text: &str) -> Option<(String, usize)> {
        let pointer = ui.input(|input| input.pointer.latest_pos());
        let is_pointed_at = self.area.zip(pointer).is_some_and(|(area, at)| area.contains(at));
        if !ui.memory(|memory| memory.has_focus(id)) && !is_pointed_at {
            self.close();
            return None;
        }
        let cursor = TextEdit::load_state(ui.ctx(), id).and_then(|state| state.cursor.char_range());
        let chars = cursor.map_or(text.chars().count(), |range| range.primary.index.0);
        let at = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
        let is_dismissed = self.dismissed.as_ref().is_some_and(|(before, cursor)| before == text && *cursor == at);
        let is_fresh = text[..at].chars().next_back().is_none_or(|char| char.is_whitespace() || char == '(');
        let offers = complete(text, at);
        self.cursor = at;
        if offers.list.is_empty() || is_dismissed || (is_fresh && !self.is_wanted) {
            self.close();
            return None;
        }
        self.dismissed = None;
        if self.offers.as_ref() != Some(&offers) {
            self.chosen = None;
        }
        self.chosen = self.chosen.map(|chosen| chosen.min(offers.list.len() - 1));
        let clicked = self.list_ui(ui, id, field, &offers);
        self.offers = Some(offers);
        clicked.and_then(|at| self.take(text, at))
    }

    fn list_ui(&mut self, ui: &mut Ui, id: Id, field: Rect, offers: &Offers) -> Option<usize> {
        let colors = theme::colors(ui);
        let mut clicked = None;
        let area = egui::Area::new(id.with("offers")).order(egui::Order::Foreground).fixed_pos(field.left_bottom());
        let shown = area.show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(field.width().min(theme::OFFERS));
                ui.spacing_mut().item_spacing.y = 0.0;
                let first = self.chosen.map_or(0, |chosen| chosen.saturating_sub(SHOWN - 1));
                for (at, offer) in offers.list.iter().enumerate().skip(first).take(SHOWN) {
                    let is_chosen = self.chosen == Some(at);
                    let name = RichText::new(&offer.text).font(theme::mono());
                    let help = RichText::new(&offer.help).font(theme::small()).color(colors.weak);
                    let row = ui.horizontal(|ui| {
                        let button = ui.add(egui::Button::new(name).selected(is_chosen).frame_when_inactive(is_chosen));
                        let button = button.accessible_name(format!("Complete to {}", offer.text));
                        ui.add(egui::Label::new(help).truncate().selectable(false));
                        button
                    });
                    if row.inner.clicked() {
                        clicked = Some(at);
                    }
                }
                let more = offers.list.len().saturating_sub(first + SHOWN);
                let keys = if more > 0 { format!("{more} more · ") } else { String::new() };
                let keys = format!("{keys}⬇ ⬆ choose, Tab takes, Escape puts away");
                ui.label(RichText::new(keys).font(theme::small()).color(colors.weak));
            });
        });
        self.area = Some(shown.response.rect);
        clicked
    }
}

/// Puts the cursor behind so many characters of a field.
pub(super) fn set_cursor(ctx: &Context, id: Id, chars: usize) {
    if let Some(mut state) = TextEdit::load_state(ctx, id) {
        state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(chars))));
        TextEdit::store_state(ctx, id, state);
    }
}
