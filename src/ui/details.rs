//! The selected record: fields, payload and notes at the left, its bytes at the right.

use super::rows::Scroll;
use super::{Look, bits, fields, hex, hints, notes, payload, remarks, theme};
use crate::app::{Bits, Command, Inspection, JsonTree, PayloadText, Place, View};
use crate::dissect::Severity;
use crate::wire::Buf;
use egui::{Button, Frame, Margin, Panel, Rect, RichText, Stroke, Ui};

/// What the left half shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailsTab {
    /// Fields.
    #[default]
    Fields,
    /// The payload.
    Payload,
    /// Notes.
    Notes,
}

/// A payload that was laid out.
pub struct PayloadCache {
    /// As JSON, where it is JSON.
    pub json: Option<JsonTree>,
    /// As text.
    pub text: PayloadText,
    /// The columns that the text was laid out for.
    pub columns: usize,
}

/// Draws the details.
pub fn details_ui(ui: &mut Ui, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let Some(inspection) = &view.inspection else {
        hints::hints_ui(ui);
        return;
    };
    if look.inspected != Some((view.id, inspection.id())) {
        look.inspected = Some((view.id, inspection.id()));
        (look.fields, look.hex, look.payload_scroll) = (Scroll::default(), Scroll::default(), Scroll::default());
        (look.buffer, look.note_bits, look.payload) = (0, None, None);
        look.closed.clear();
        if let Some(bits) = view.field.and_then(|field| inspection.bits_of(field)) {
            look.buffer = inspection.tabs.iter().position(|tab| tab.place == bits.place).unwrap_or(0);
        }
    }
    if let Some((_, span)) = look.evidence.take_if(|(record, _)| *record == inspection.id()) {
        let place = match span.buf {
            Buf::Wire(..) => Place::Wire,
            Buf::Made(number) => Place::Made(0, number),
        };
        let bits = Bits { place, bit: span.bit, bits: span.bits };
        look.note_bits = Some(bits);
        fields::show_bits(look, inspection, bits);
    }
    remarks::line_ui(ui, view, inspection.id(), look, out);
    let has_bytes = !inspection.tabs.is_empty();
    if has_bytes {
        let width = ui.available_width();
        Panel::right("hex")
            .resizable(true)
            .default_size(hex::natural_width(ui).min(width - theme::FIELDS))
            .size_range(200.0..=(width - theme::FIELDS).max(210.0))
            .frame(Frame::new().fill(colors.ground))
            .show(ui, |ui| hex_side_ui(ui, view, inspection, look, out));
    }
    egui::CentralPanel::default().frame(Frame::new().fill(colors.ground)).show(ui, |ui| {
        tabs_ui(ui, inspection, look);
        match look.tab {
            DetailsTab::Fields => fields::fields_ui(ui, view, inspection, look, out),
            DetailsTab::Payload => payload::payload_ui(ui, inspection, look, out),
            DetailsTab::Notes => notes::notes_ui(ui, inspection, look, out),
        }
    });
}

fn tabs_ui(ui: &mut Ui, inspection: &Inspection, look: &mut Look) {
    let colors = theme::colors(ui);
    let notes = notes::all(inspection);
    let worst = notes.iter().map(|(_, note)| note.def.severity).max().unwrap_or(Severity::None);
    Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::GAP;
            let note_text = match notes.len() {
                0 => "Notes".to_owned(),
                count => format!("{} Notes {count}", theme::severity_mark(worst)),
            };
            let note_color = if notes.is_empty() { colors.weak } else { colors.severity(worst) };
            let tabs = [
                (DetailsTab::Fields, "Fields".to_owned(), colors.text),
                (DetailsTab::Payload, "Payload".to_owned(), colors.text),
                (DetailsTab::Notes, note_text, note_color),
            ];
            for (tab, text, color) in tabs {
                let button = Button::new(RichText::new(text).color(color));
                if ui.add(button.selected(look.tab == tab).frame_when_inactive(look.tab == tab)).clicked() {
                    look.tab = tab;
                }
            }
            let record = &inspection.explained().record;
            let title = format!("#{} {}", inspection.id() + 1, record.kind.name());
            let is_roomy = ui.available_width() >= theme::BUTTON;
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if !is_roomy {
                    return;
                }
                ui.label(RichText::new(title).font(theme::small()).color(colors.weak));
            });
        });
    });
}

fn hex_side_ui(ui: &mut Ui, view: &View, inspection: &Inspection, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    look.buffer = look.buffer.min(inspection.tabs.len().saturating_sub(1));
    Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::GAP;
            let shown = tabs_that_fit(ui, inspection);
            let lit = lit_places(view, inspection, look);
            for (at, tab) in inspection.tabs.iter().enumerate().take(shown) {
                let button = Button::new(&tab.label).selected(look.buffer == at).frame_when_inactive(look.buffer == at);
                let response = ui.add(button).on_hover_text(super::words::bytes(tab.len));
                if look.buffer != at && lit.contains(&tab.place) {
                    underline(ui, response.rect);
                }
                if response.clicked() {
                    look.buffer = at;
                    look.hex = Scroll::default();
                }
            }
            if inspection.tabs.len() > shown {
                buffers_menu_ui(ui, inspection, shown, &lit, look);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.menu_button("Copy", |ui| copy_menu_ui(ui, out));
            });
        });
    });
    // Where there is little room the bytes come first.
    if ui.available_height() > theme::LOW {
        bits::bits_ui(ui, view, inspection, look);
    }
    hex::hex_ui(ui, view, inspection, look, out);
}

/// Where something lights up now: the field under the pointer, else the note or the field that was chosen.
fn lit_places(view: &View, inspection: &Inspection, look: &Look) -> Vec<Place> {
    let lit = match (look.was_hovered, look.note_bits, view.field) {
        (Some(field), _, _) | (None, None, Some(field)) => inspection.lit(field),
        (None, Some(bits), _) => inspection.lit_bits(bits),
        (None, None, None) => Vec::new(),
    };
    lit.into_iter().map(|bits| bits.place).collect()
}

/// How many tabs stand side by side, with the menu of the others where there are such.
fn tabs_that_fit(ui: &Ui, inspection: &Inspection) -> usize {
    let padding = 2.0 * ui.spacing().button_padding.x + ui.spacing().item_spacing.x;
    let width = |text: &str| {
        let color = theme::colors(ui).text;
        ui.painter().layout_no_wrap(text.to_owned(), theme::body(), color).size().x + padding
    };
    let tabs = &inspection.tabs;
    let mut room = ui.available_width() - width("Copy");
    let mut widths: Vec<f32> = tabs.iter().map(|tab| width(&tab.label)).collect();
    if widths.iter().sum::<f32>() > room {
        // The menu bears the name of the tab that is chosen from it.
        room -= widths.iter().copied().fold(width("00 more"), f32::max);
    }
    widths.retain(|width| {
        room -= width;
        room >= 0.0
    });
    widths.len().max(1)
}

/// Marks a tab in which something lights up that is not seen.
fn underline(ui: &Ui, tab: Rect) {
    let line = Stroke::new(theme::UNDERLINE, theme::colors(ui).lit);
    ui.painter().hline(tab.shrink(theme::UNIT).x_range(), tab.bottom(), line);
}

fn buffers_menu_ui(ui: &mut Ui, inspection: &Inspection, shown: usize, lit: &[Place], look: &mut Look) {
    let chosen = inspection.tabs.get(look.buffer).filter(|_| look.buffer >= shown);
    let text = match chosen {
        Some(tab) => tab.label.clone(),
        None => format!("{} more", inspection.tabs.len() - shown),
    };
    let menu = egui::containers::menu::MenuButton::from_button(Button::new(text).selected(chosen.is_some()));
    let (response, _) = menu.ui(ui, |ui| {
        for (at, tab) in inspection.tabs.iter().enumerate().skip(shown) {
            if ui.add(Button::new(&tab.label).selected(look.buffer == at)).clicked() {
                look.buffer = at;
                look.hex = Scroll::default();
                ui.close();
            }
        }
    });
    let mut hidden = inspection.tabs.iter().enumerate().skip(shown).filter(|(at, _)| *at != look.buffer);
    if hidden.any(|(_, tab)| lit.contains(&tab.place)) {
        underline(ui, response.rect);
    }
}

fn copy_menu_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    for what in crate::app::CopyAs::BYTES {
        if ui.button(Command::Copy(what).label()).clicked() {
            out.push(Command::Copy(what));
            ui.close();
        }
    }
    ui.separator();
    if ui.button(Command::SavePayload.label()).clicked() {
        out.push(Command::SavePayload);
        ui.close();
    }
}
