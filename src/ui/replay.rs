//! A recording as a server: where it listens, who is connected, what clients do differently, and how the next one is to
//! be.

use super::{keys, theme, words};
use crate::app::{App, Command, CompareCommand, CompareForm, Pane, ReplayDraft, Replaying, SideChoice, State, ViewId};
use egui::{Align, Button, ComboBox, Label, Layout, Margin, RichText, ScrollArea, TextEdit, Ui, WidgetInfo, vec2};

/// Differences that are listed, the newest first.
const MOST_LINES: usize = 100;

/// Draws the replay.
pub fn replay_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    let bar = egui::Frame::new().fill(colors.bar).inner_margin(Margin::symmetric(theme::MARGIN as i8, 2));
    bar.show(ui, |ui| ui.horizontal(|ui| head_ui(ui, app, out)));
    ScrollArea::vertical().auto_shrink(false).content_margin(theme::MARGIN).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = theme::GAP;
        match state.replay.as_ref().filter(|replay| replay.is_running()) {
            Some(replay) => running_ui(ui, replay, out),
            None => draft_ui(ui, state, out),
        }
        if let Some(replay) = &state.replay {
            differences_ui(ui, state, replay, out);
        }
    });
}

fn head_ui(ui: &mut Ui, app: &App, out: &mut Vec<Command>) {
    let (state, colors) = (app.state(), theme::colors(ui));
    ui.label(RichText::new("Replay").color(colors.strong));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        match state.view().is_some() {
            true if ui.button("Details").on_hover_text("Back to the selected record").clicked() => {
                out.push(Command::ShowPane(Pane::Record));
            }
            false if ui.button("Back").clicked() => out.push(Command::ShowPane(Pane::Replay)),
            _ => {}
        }
        let is_busy = state.replay.as_ref().is_some_and(|replay| replay.is_running() || replay.is_reading());
        match is_busy {
            true => button_ui(ui, app, "■ Stop", Command::StopReplay, out),
            false => button_ui(ui, app, "▶ Replay as server", Command::StartReplay, out),
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            if let Some(replay) = &state.replay {
                let how = match (replay.is_reading(), replay.is_running()) {
                    (true, _) => "being read",
                    (_, true) => "running",
                    _ => "stopped",
                };
                let text = RichText::new(format!("{} · {how}", replay.name)).font(theme::small()).color(colors.weak);
                ui.add(Label::new(text).truncate());
            }
            ui.allocate_space(vec2(ui.available_width(), 0.0));
        });
    });
}

/// A button for a command, which says why it cannot be done where it cannot.
fn button_ui(ui: &mut Ui, app: &App, text: &str, command: Command, out: &mut Vec<Command>) {
    let why_not = app.objection(&command);
    let response = ui.add_enabled(why_not.is_none(), Button::new(text));
    let keys = command.shortcut().and_then(keys::shortcut).map(|keys| keys::name(ui.ctx(), &keys));
    let keys = keys.map_or_else(String::new, |keys| format!("  {keys}"));
    let label = command.label();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, why_not.is_none(), &label));
    let response = response.on_hover_text(format!("{label}{keys}"));
    if response.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
        out.push(command);
    }
}

/// Where it listens, and who is there.
fn running_ui(ui: &mut Ui, replay: &Replaying, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let origin = replay.origin().unwrap_or_default();
    let addresses = if replay.addresses().is_empty() { std::slice::from_ref(&origin) } else { replay.addresses() };
    for address in addresses {
        ui.horizontal(|ui| {
            let copy = ui.button("Copy").on_hover_text("Copy this address");
            copy.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, format!("Copy {address}")));
            if copy.clicked() {
                out.push(Command::CopyText(address.clone()));
            }
            let text = RichText::new(address).font(theme::mono()).color(colors.strong);
            ui.add(Label::new(text).truncate().selectable(true)).on_hover_text(address);
        });
    }
    if let Some((status, exchanges)) = replay.status() {
        let text = format!(
            "{} now · {} in all · {} · {} of {} served",
            words::counted(status.clients as u64, "client"),
            words::counted(status.connections, "connection"),
            words::counted(status.requests, "request"),
            words::count(status.served as u64),
            words::counted(exchanges as u64, "recorded exchange"),
        );
        ui.label(RichText::new(text).color(colors.text));
    }
    if let Some(trust) = replay.trust() {
        let path = trust.path.display().to_string();
        ui.horizontal_wrapped(|ui| {
            let text = "TLS: clients are to trust the certificate authority in";
            ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
            ui.label(RichText::new(&path).font(theme::mono()).color(colors.text));
            for (name, text) in [
                ("path", path.clone()),
                ("for curl", format!("--cacert '{path}'")),
                ("for Node", format!("NODE_EXTRA_CA_CERTS='{path}'")),
                ("for Chromium", format!("--ignore-certificate-errors-spki-list={}", trust.key_hash)),
            ] {
                let button = ui.small_button(format!("Copy {name}")).on_hover_text(&text);
                if button.clicked() {
                    out.push(Command::CopyText(text));
                }
            }
        });
    }
    for notice in replay.notices() {
        ui.add(Label::new(RichText::new(format!("⚠ {notice}")).font(theme::small()).color(colors.warning)).wrap());
    }
}

/// How the next replay is to be.
fn draft_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let text = "A server on this machine that says to any client (a browser, curl, a library) what the recorded server said, at the recorded times. What clients do is a recording of its own.";
    ui.add(Label::new(RichText::new(text).color(colors.weak)).wrap());
    ui.add_space(theme::GAP);
    let mut draft = state.replay_draft.clone();
    ui.horizontal(|ui| {
        ui.label(RichText::new("Port").color(colors.weak));
        let edit = TextEdit::singleline(&mut draft.port)
            .desired_width(theme::BUTTON)
            .hint_text(theme::hint(ui, "any free one"));
        ui.add(edit).accessible_name("Port of the replay");
        ui.add_space(theme::MARGIN);
        ui.label(RichText::new("Speed").color(colors.weak));
        let chosen = speed_text(&draft.speed);
        let combo = ComboBox::from_id_salt("replay speed").selected_text(chosen).width(theme::BUTTON);
        let response = combo.show_ui(ui, |ui| {
            for speed in ReplayDraft::SPEEDS {
                ui.selectable_value(&mut draft.speed, speed.to_owned(), speed_text(speed));
            }
        });
        response.response.widget_info(|| WidgetInfo::labeled(egui::Role::ComboBox, true, "Speed of the replay"));
    });
    ui.add_space(theme::GAP);
    for (choice, text, help) in [
        (
            &mut draft.tls,
            "TLS: https and wss, with a certificate authority of Pushscope's own",
            "Its certificate is shown once the replay runs; clients are to trust it",
        ),
        (
            &mut draft.cors,
            "Pages of this machine may read across origins (CORS)",
            "Pages of localhost, of loopback addresses and of files",
        ),
        (
            &mut draft.from_first,
            "When all answers of a request were given, start from the first",
            "Else the last one is given again",
        ),
        (
            &mut draft.closes,
            "Close connections where the recording ends",
            "Else one that was open there is held open and silent, until the client leaves",
        ),
    ] {
        ui.checkbox(choice, text).on_hover_text(help);
    }
    if draft != state.replay_draft {
        out.push(Command::SetReplay(Box::new(draft)));
    }
}

fn speed_text(speed: &str) -> String {
    match speed {
        "max" => "max, no waits".to_owned(),
        "1" => "1×, as recorded".to_owned(),
        other => format!("{other}×"),
    }
}

/// What clients did otherwise than the recorded one.
fn differences_ui(ui: &mut Ui, state: &State, replay: &Replaying, out: &mut Vec<Command>) {
    let colors = theme::colors(ui);
    let Some((status, _)) = replay.status() else { return };
    ui.add_space(theme::MARGIN);
    ui.horizontal(|ui| {
        let text = match status.different {
            0 if status.requests == 0 => "No client has asked for anything yet.".to_owned(),
            0 => "Clients did nothing differently.".to_owned(),
            _ => format!("{} from the recorded client:", words::counted(status.different, "difference")),
        };
        ui.label(RichText::new(text).color(if status.different > 0 { colors.strong } else { colors.weak }));
        if let Some(view) = replay.view.filter(|view| state.views.iter().any(|known| known.id == *view))
            && state.active != Some(view)
            && ui.small_button("Show what clients do").clicked()
        {
            out.push(Command::Show(view));
        }
        let exists = |id: ViewId| state.view_of(id).is_some();
        if let Some(view) = replay.view.filter(|view| status.requests > 0 && exists(*view) && exists(replay.source)) {
            let button = ui.small_button("Compare with the original");
            if button.on_hover_text("What was said in the recording beside what was said in its replay").clicked() {
                let sides = [replay.source, view].map(|id| SideChoice { view: Some(id), connection: None });
                let form = CompareForm { sides, ..state.compare.form.clone() };
                let commands = [CompareCommand::Set(Box::new(form)), CompareCommand::Sides, CompareCommand::Start];
                out.extend(commands.map(Command::Compare));
            }
        }
    });
    for difference in status.differences.iter().rev().take(MOST_LINES) {
        ui.horizontal_top(|ui| {
            let times =
                if difference.count > 1 { format!("{}×", words::count(difference.count)) } else { "•".to_owned() };
            ui.label(RichText::new(times).font(theme::small()).color(colors.weak));
            ui.add(Label::new(RichText::new(&difference.text).color(colors.text)).wrap());
        });
    }
    let unlisted = status.differences.len().saturating_sub(MOST_LINES) as u64 + status.untold;
    if unlisted > 0 {
        let text = format!("{} before these, in the timeline as kind:client", words::counted(unlisted, "difference"));
        ui.label(RichText::new(text).font(theme::small()).color(colors.weak));
    }
}
