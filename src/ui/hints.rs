//! What the details show before a record is selected: what they are for, and the keys worth knowing.

use super::{keys, theme};
use crate::app::{Command, Move, Play, RemarkAct};
use egui::{Align2, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

/// Draws the hints.
pub fn hints_ui(ui: &mut Ui) {
    let colors = theme::colors(ui);
    egui::ScrollArea::vertical().auto_shrink(false).content_margin(theme::GROUP_GAP).show(ui, |ui| {
        let text = "Select a record: its fields, its payload and its bytes stand here.";
        ui.label(RichText::new(text).color(colors.text));
        ui.add_space(theme::MARGIN);
        let groups = [
            (
                "Records",
                vec![
                    Command::Move(Move::By(1)),
                    Command::Move(Move::By(-1)),
                    Command::Move(Move::First),
                    Command::Move(Move::Last),
                    Command::Move(Move::NextNote),
                    Command::Move(Move::PreviousNote),
                ],
            ),
            (
                "Timeline",
                vec![
                    Command::FocusFilter,
                    Command::Find,
                    Command::ToggleFollow,
                    Command::TogglePause,
                    Command::Play(Play::Toggle),
                    Command::Remark(RemarkAct::Toggle),
                    Command::ToggleDetails,
                    Command::ToggleSidebar,
                    Command::ZoomIn,
                ],
            ),
            (
                "Connection",
                vec![
                    Command::TogglePalette,
                    Command::FocusAddress,
                    Command::ToggleConnect,
                    Command::FocusComposer,
                    Command::Send,
                    Command::SaveAs,
                ],
            ),
        ];
        let gap = 2.0 * theme::GROUP_GAP;
        let width = ((ui.available_width() - 2.0 * gap) / 3.0).clamp(theme::BUTTON, theme::HINTS);
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            for (title, commands) in groups {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.label(RichText::new(title).font(theme::small()).color(colors.weak));
                    for command in commands {
                        hint_ui(ui, &command, width);
                    }
                });
            }
        });
    });
}

fn hint_ui(ui: &mut Ui, command: &Command, width: f32) {
    let Some(keys) = command.shortcut().and_then(keys::shortcut) else { return };
    let colors = theme::colors(ui);
    let keys = keys::name(ui.ctx(), &keys);
    let (rect, response) = ui.allocate_exact_size(vec2(width, theme::ROW), Sense::hover());
    let label = command.label();
    let label = label.trim_end_matches('…');
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{keys}: {label}")));
    let painted = ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, keys, theme::mono(), colors.accent);
    let left = (rect.left() + theme::BUTTON).max(painted.right() + theme::MARGIN);
    let right = Rect::from_min_max(pos2(left, rect.top()), rect.max);
    super::sidebar::elided(ui.painter(), right, label, theme::body(), colors.text);
}
