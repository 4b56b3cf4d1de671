//! Secrets: what would go from a copy without secrets, by which rules, and where it stands.

use super::rows::{Scroll, rows_ui};
use super::{Look, theme, words};
use crate::app::{App, Command, Pane, SecretsAre, State, View};
use crate::session::redact::{Found, Group, Plan};
use egui::{
    Align, Align2, Button, CentralPanel, Frame, Id, Label, Layout, Margin, Panel, ProgressBar, Rect, RichText,
    ScrollArea, Sense, TextEdit, Ui, WidgetInfo, pos2, vec2,
};

/// The columns of the list: where each begins.
const RULES_AT: f32 = 64.0;
const SECRET_AT: f32 = 168.0;
const WHERE_AT: f32 = 344.0;

/// What the screen knows of the list.
#[derive(Default)]
pub struct SecretsLook {
    scroll: Scroll,
}

/// Draws the pane.
pub fn secrets_ui(ui: &mut Ui, app: &App, view: &View, look: &mut Look, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let bar = Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, app, view, out)));
    let ground = Frame::new().fill(colors.ground);
    let plan = match state.secrets.of(view.id) {
        Some(Ok(plan)) => Some(plan.as_ref()),
        _ => None,
    };
    let width = (ui.available_width() * 0.4).clamp(240.0, theme::FOLDOUT);
    Panel::left("secret rules").resizable(false).exact_size(width).frame(ground.inner_margin(theme::MARGIN)).show(
        ui,
        |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| rules_ui(ui, app, plan, out));
        },
    );
    CentralPanel::default().frame(ground).show(ui, |ui| match (plan, state.secrets.of(view.id)) {
        (Some(plan), _) if plan.found().is_empty() => {
            said_ui(ui, "No secrets were found.", "A copy without secrets is the same as this recording.");
        }
        (Some(plan), _) => list_ui(ui, view, plan, look, out),
        (None, Some(Err(why))) => said_ui(ui, why, ""),
        (None, _) => said_ui(ui, "Looking for secrets…", "Nothing leaves this machine."),
    });
}

/// Whether a copy or an export has the secrets, how many there are, and the way to see which.
pub fn choice_ui(ui: &mut Ui, state: &State, chosen: SecretsAre, out: &mut Vec<Command>) {
    let Some(view) = state.view() else { return };
    let colors = theme::colors(ui);
    ui.horizontal(|ui| {
        ui.label("Secrets");
        for (choice, text) in [(SecretsAre::Kept, "kept"), (SecretsAre::Replaced, "replaced")] {
            let button = ui.radio(chosen == choice, text);
            button.widget_info(|| {
                WidgetInfo::selected(egui::Role::RadioButton, true, chosen == choice, format!("Secrets are {text}"))
            });
            let hint = match choice {
                SecretsAre::Kept => "They are in the file as they were recorded",
                SecretsAre::Replaced => "Each becomes marks of the same length; all else stays where it is",
            };
            if button.on_hover_text(hint).clicked() {
                out.push(Command::SetPathSecrets(choice));
            }
        }
        let small = |text: &str, color| Label::new(RichText::new(text).font(theme::small()).color(color)).truncate();
        if let Some(job) = state.secrets.looking() {
            let bar = ProgressBar::new(job.fraction().unwrap_or_default()).fill(colors.accent);
            let bar = bar.desired_width(theme::BUTTON).desired_height(theme::PROGRESS);
            ui.add(bar).accessible_name("Looked through for secrets");
            return;
        }
        match state.secrets.of(view.id) {
            Some(Ok(plan)) => {
                let total = plan.total();
                let counted = words::counted(total.found, "secret");
                let so_far = if plan.events() < view.session.events() { " so far" } else { "" };
                let (text, color) = match (total.found, chosen) {
                    (0, _) => (format!("none found{so_far}"), colors.weak),
                    (_, SecretsAre::Kept) => (format!("{counted}{so_far} will be in the file"), colors.warning),
                    (_, SecretsAre::Replaced) => {
                        (format!("{counted}{so_far}, {}, will be replaced", words::bytes(total.bytes)), colors.text)
                    }
                };
                ui.add(small(&text, color));
                if total.found > 0 && !state.shows(Pane::Secrets) {
                    let review = ui.button("Show them").on_hover_text("Which they are, and the rules that find them");
                    if review.clicked() {
                        out.push(Command::ReviewSecrets);
                    }
                }
            }
            Some(Err(why)) => _ = ui.add(small(why, colors.warning)),
            None => {}
        }
    });
}

fn said_ui(ui: &mut Ui, strong: &str, weak: &str) {
    let colors = theme::colors(ui);
    Frame::new().inner_margin(theme::MARGIN).show(ui, |ui| {
        ui.add(Label::new(RichText::new(strong).color(colors.strong)).wrap());
        ui.add(Label::new(RichText::new(weak).color(colors.weak)).wrap());
    });
}

fn head_ui(ui: &mut Ui, app: &App, view: &View, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    ui.label(RichText::new("Secrets").color(colors.strong));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Details").on_hover_text("Back to the selected record").clicked() {
            out.push(Command::ShowPane(Pane::Record));
        }
        let is_looking = state.secrets.looking().is_some();
        let again = ui.add_enabled(!is_looking, Button::new("Look again"));
        if again.on_hover_text("The recording may have grown since").clicked() {
            out.push(Command::LookForSecrets);
        }
        let why_not = app.objection(&Command::SaveRedacted);
        let save = ui.add_enabled(why_not.is_none(), Button::new("Save without secrets…"));
        let hint = "A copy in which each secret is replaced by marks of the same length";
        if save.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
            out.push(Command::SaveRedacted);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let small = |text: String| RichText::new(text).font(theme::small());
            match (state.secrets.looking(), state.secrets.of(view.id)) {
                (Some(job), _) => {
                    let bar = ProgressBar::new(job.fraction().unwrap_or_default()).fill(colors.accent);
                    let bar = bar.desired_width(theme::BUTTON).desired_height(theme::PROGRESS);
                    ui.add(bar).accessible_name("Looked through");
                }
                (None, Some(Ok(plan))) => {
                    let total = plan.total();
                    let would = format!(
                        "{}, {} would be replaced",
                        words::counted(total.found, "secret"),
                        words::bytes(total.bytes)
                    );
                    let text = if total.found == 0 { "nothing to replace".to_owned() } else { would };
                    ui.add(Label::new(small(text).color(colors.text)).truncate());
                    let is_older = plan.events() < view.session.events();
                    if is_older {
                        ui.add(Label::new(small("it has grown since".to_owned()).color(colors.warning)).truncate());
                    }
                }
                _ => {}
            }
            ui.allocate_space(vec2(ui.available_width(), 0.0));
        });
    });
}

fn rules_ui(ui: &mut Ui, app: &App, plan: Option<&Plan>, out: &mut Vec<Command>) {
    let (secrets, colors) = (&app.state().secrets, theme::colors(ui));
    // Nine groups and the user's own rules are to fit below the timeline.
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = theme::ROW;
    for group in Group::ALL {
        ui.horizontal(|ui| {
            let mut is_on = secrets.rules.has(group);
            let response = ui.checkbox(&mut is_on, group.label()).on_hover_text(group.help());
            if response.clicked() {
                out.push(Command::ToggleSecrets(group));
            }
            let count = plan.map_or(0, |plan| plan.count(group).found);
            if count > 0 {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(RichText::new(words::count(count)).font(theme::small()).color(colors.text));
                });
            }
        });
    }
    ui.add_space(theme::GAP);
    own_ui(ui, app, out);
    let remarks = plan.map(Plan::remarks).unwrap_or_default();
    for remark in remarks {
        ui.add_space(theme::GAP);
        ui.add(Label::new(RichText::new(remark).font(theme::small()).color(colors.warning)).wrap());
    }
}

/// The user's own rules, and a field for another one.
fn own_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let (secrets, colors) = (&app.state().secrets, theme::colors(ui));
    let label = ui.label(
        RichText::new("Own rules: a header's name, a JSONPath, a /regex/").font(theme::small()).color(colors.weak),
    );
    ui.horizontal(|ui| {
        let mut text = secrets.text.clone();
        let width = (ui.available_width() - 60.0).max(80.0);
        let edit = TextEdit::singleline(&mut text).desired_width(width).font(theme::mono());
        let response = ui.add(edit.hint_text(theme::hint(ui, "$.user.token"))).labelled_by(label.id);
        let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if text != secrets.text {
            out.push(Command::SetSecretRule(text));
        }
        let can = app.objection(&Command::AddSecretRule).is_none();
        if ui.add_enabled(can, Button::new("Add")).clicked() || is_entered && can {
            out.push(Command::AddSecretRule);
        }
    });
    if let Some(mistake) = &secrets.mistake {
        ui.add(Label::new(RichText::new(mistake).font(theme::small()).color(colors.error)).wrap());
    }
    for rule in secrets.rules.headers.iter().chain(&secrets.rules.patterns) {
        ui.horizontal(|ui| {
            let forget = ui.add(Button::new("✖").frame(false));
            forget.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Forget the rule {rule}")));
            if forget.on_hover_text("Forget this rule").clicked() {
                out.push(Command::RemoveSecretRule(rule.clone()));
            }
            ui.add(Label::new(RichText::new(rule).font(theme::mono()).color(colors.text)).truncate());
        });
    }
}

fn list_ui(ui: &mut Ui, view: &View, plan: &Plan, look: &mut Look, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let all = ui.available_rect_before_wrap();
    let head = Rect::from_min_size(all.min, vec2(all.width(), theme::ROW));
    let titles = [(theme::MARGIN, "record"), (RULES_AT, "rules"), (SECRET_AT, "secret"), (WHERE_AT, "where")];
    for (at, title) in titles {
        let place = pos2(head.left() + at, head.center().y);
        ui.painter().text(place, Align2::LEFT_CENTER, title, theme::small(), colors.weak);
    }
    let rect = Rect::from_min_max(pos2(all.left(), head.bottom()), all.max);
    let found = plan.found();
    rows_ui(ui, Id::unique("secrets"), rect, theme::ROW, found.len(), &mut look.secrets.scroll, |ui, row, rect| {
        row_ui(ui, view, plan, &found[row], (row, rect), out);
    });
}

fn row_ui(ui: &mut Ui, view: &View, plan: &Plan, found: &Found, (row, rect): (usize, Rect), out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let number = found.record.map_or_else(|| "–".to_owned(), |record| format!("#{}", record + 1));
    let place = plan.place(found);
    let response = ui.interact(rect, Id::unique(("secret", row)), Sense::click());
    let name = format!("Secret in {number}, {}, {place}", found.group.name());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, found.record.is_some(), &name));
    let is_selected = found.record.is_some() && found.record == view.selected;
    if is_selected || response.hovered() {
        ui.painter().rect_filled(rect, 0.0, if is_selected { colors.selected } else { colors.hover });
    }
    let secret = format!("{} {}", plan.preview(found), words::bytes(found.len));
    let middle = rect.center().y;
    let cells = [
        (theme::MARGIN, RULES_AT, number, theme::small(), colors.accent),
        (RULES_AT, SECRET_AT, found.group.name().to_owned(), theme::small(), colors.text),
        (SECRET_AT, WHERE_AT, secret, theme::mono(), colors.text),
        (WHERE_AT, rect.width(), place.to_owned(), theme::mono(), colors.text),
    ];
    for (from, to, text, font, color) in cells {
        let clip = Rect::from_x_y_ranges(rect.left() + from..=rect.left() + to - theme::GAP, rect.y_range());
        let text: String = text.chars().take(200).map(|char| if char.is_control() { ' ' } else { char }).collect();
        let painter = ui.painter().with_clip_rect(ui.clip_rect().intersect(clip));
        painter.text(pos2(clip.left(), middle), Align2::LEFT_CENTER, text, font, color);
    }
    let response = response.on_hover_text(format!("{place}\n{}", found.group.help()));
    if response.clicked()
        && let Some(record) = found.record
    {
        out.push(Command::Select(Some(record)));
    }
}
