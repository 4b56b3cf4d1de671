//! What is to say of the record: each note with its severity, its rule and where that stands.

use super::{Look, fields, theme};
use crate::app::{Bits, Command, Inspection, Place};
use crate::dissect::Note;
use crate::wire::Buf;
use egui::{RichText, Sense, Ui, WidgetInfo};

/// Every note of the record and of the layers below it, with its part.
pub fn all(inspection: &Inspection) -> Vec<(usize, &Note)> {
    let parts = inspection.parts.iter().enumerate();
    parts.flat_map(|(at, part)| part.explained.notes.iter().map(move |note| (at, note))).collect()
}

/// Draws the notes.
pub fn notes_ui(ui: &mut Ui, inspection: &Inspection, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let notes = all(inspection);
    egui::ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| {
        if notes.is_empty() {
            ui.label(RichText::new("No rule is broken here.").color(colors.weak));
        }
        for (at, (part, note)) in notes.into_iter().enumerate() {
            let severity = note.def.severity;
            let response = ui.scope(|ui| {
                ui.horizontal_wrapped(|ui| {
                    ui.label(RichText::new(theme::severity_mark(severity)).color(colors.severity(severity)));
                    ui.label(RichText::new(note.def.text).color(colors.text));
                    ui.label(RichText::new(note.def.spec).font(theme::small()).color(colors.weak));
                });
                if !note.detail.is_empty() {
                    ui.label(RichText::new(&note.detail).font(theme::mono()).color(colors.weak));
                }
            });
            let response = ui.interact(response.response.rect, ui.scope_id().with(("note", at)), Sense::click());
            response.widget_info(|| {
                WidgetInfo::labeled(egui::Role::Button, true, format!("{}: {}", severity.name(), note.def.text))
            });
            if response.on_hover_text("Show the bits it is about").clicked() && note.span.bits > 0 {
                let place = match note.span.buf {
                    Buf::Wire(..) => Place::Wire,
                    Buf::Made(number) => Place::Made(part, number),
                };
                let bits = Bits { place, bit: note.span.bit, bits: note.span.bits };
                look.note_bits = Some(bits);
                fields::show_bits(look, inspection, bits);
                out.push(Command::SelectField(None));
            }
            ui.add_space(theme::GAP);
        }
    });
}
