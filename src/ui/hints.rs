//! What the details show before a record is selected: what they are for, and the keys worth knowing.

use super::{keys, theme};
use crate::app::{Command, Move, Play, RemarkAct};
use egui::{Align2, Rect, RichText, Sense, Ui, WidgetInfo, vec2};

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
                    // The widest key of the group sets where its labels begin.
                    let named: Vec<(String, Command)> = commands
                        .into_iter()
                        .filter_map(|command| Some((command.shortcut().and_then(keys::shortcut)?, command)))
                        .map(|(shortcut, command)| (keys::name(ui.ctx(), &shortcut), command))
                        .collect();
                    let key_width = |name: &String| {
                        ui.painter().layout_no_wrap(name.clone(), theme::mono(), colors.accent).size().x
                    };
                    let widest = named.iter().map(|(name, _)| key_width(name)).fold(0.0, f32::max);
                    let labels_at = (widest + theme::GROUP_GAP).max(theme::BUTTON);
                    for (name, command) in named {
                        hint_ui(ui, name, &command, width, labels_at);
                    }
                });
            }
        });
    });
}

/// One line: the keys, and from `labels_at` on what they do.
fn hint_ui(ui: &mut Ui, keys: String, command: &Command, width: f32, labels_at: f32) {
    let colors = theme::colors(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, theme::ROW), Sense::hover());
    let label = command.label();
    let label = label.trim_end_matches('…');
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{keys}: {label}")));
    let (left, right) = rect.split_left_right_at_x(rect.left() + labels_at);
    ui.painter().text(left.left_center(), Align2::LEFT_CENTER, keys, theme::mono(), colors.accent);
    let right = Rect::from_min_max(right.min, rect.max);
    super::sidebar::elided(ui.painter(), right, label, theme::body(), colors.text);
}
