//! How far the current connection is: its stages light up one by one, and where it fails the stage stays lit, with the
//! reason and what to try.

use super::{login, theme};
use crate::app::{Command, Draft, State};
use crate::dissect::websocket::{Agreement, negotiation};
use crate::session::{Link, LinkState, StageTime, duration, one_line};
use crate::wire::{Act, Stage};
use egui::{Color32, Label, RichText, Ui};

/// Draws the stages of the current connection's newest link.
pub fn stages_ui(ui: &mut Ui, state: &State, draft: &mut Draft, out: &mut Vec<Command>) {
    let Some(live) = state.live().filter(|live| state.active == Some(live.id)) else { return };
    let Some(connection) = state.current.and_then(|id| live.session.connection(id)) else { return };
    let colors = theme::colors(ui);
    let link = connection.links.last().and_then(|id| live.session.link(*id));
    ui.add_space(theme::GAP);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::MARGIN;
        if live.moment().is_some() {
            // All below is as of the moment that is shown, this is the connection itself.
            weak(ui, "now:".to_owned());
        }
        if let Some(link) = link {
            link_ui(ui, link);
        }
        if state.is_upgrade_wrong() && !state.draft.websocket.go_on_anyway {
            let button = ui.small_button(RichText::new("Go on anyway").font(theme::small()));
            if button.on_hover_text(Command::GoOnAnyway.label()).clicked() {
                out.push(Command::GoOnAnyway);
            }
        }
        consult_ui(ui, out);
        if connection.links.len() > 1 {
            weak(ui, format!("link {} of this connection", connection.links.len()));
        }
    });
    let failure = link.and_then(|link| match &link.state {
        LinkState::Failed(failure) => Some(failure),
        _ => None,
    });
    if let Some(failure) = failure {
        ui.horizontal_wrapped(|ui| {
            let text = format!("✖ {}: {}", failure.stage.label(), failure.text);
            ui.label(RichText::new(text).color(colors.error));
            if !failure.hint.is_empty() {
                ui.label(RichText::new(&failure.hint).color(colors.text));
            }
        });
    } else if let Some((Act::GaveUp, text)) = &connection.over {
        ui.label(RichText::new(format!("✖ {text}")).color(colors.error));
    } else if let Some((_, text)) = &connection.over {
        weak(ui, format!("○ over: {text}"));
    }
    stock_ui(ui, state);
    login::login_ui(ui, state, draft, out);
}

/// Whom else to ask.
fn consult_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    for (text, command) in [("Ordinary client?", Command::AskStock), ("Doctor", Command::RunDoctor)] {
        let button = ui.small_button(RichText::new(text).font(theme::small()));
        if button.on_hover_text(command.label()).clicked() {
            out.push(command);
        }
    }
}

/// The verdict of an ordinary client, beside ours above it.
fn stock_ui(ui: &mut Ui, state: &State) {
    let Some(stock) = &state.stock else { return };
    let colors = theme::colors(ui);
    let (text, color) = match &stock.verdict {
        None => ("● an ordinary client is being asked…".to_owned(), colors.accent),
        Some(verdict) if verdict.accepted => (format!("✔ {} {}", verdict.client, verdict.says), colors.good),
        Some(verdict) => (format!("✖ {} would not go on: {}", verdict.client, verdict.says), colors.error),
    };
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(color)).wrap());
}

fn link_ui(ui: &mut Ui, link: &Link) {
    let colors = theme::colors(ui);
    for StageTime { stage, took_ns } in &link.stages {
        chip(ui, &format!("✔ {} {}", stage.label(), duration(*took_ns)), colors.good);
    }
    match &link.state {
        LinkState::At(stage) => {
            chip(ui, &format!("● {}…", stage.label()), colors.accent);
            for later in later(*stage, link.opening.as_ref().is_some_and(|opening| opening.tls)) {
                chip(ui, later.label(), colors.weak);
            }
        }
        LinkState::Open => chip(ui, "● open", colors.good),
        LinkState::Closed(_) => chip(ui, "○ closed", colors.weak),
        LinkState::Failed(failure) => chip(ui, &format!("✖ {}", failure.stage.label()), colors.error),
    }
    if let Some(tls) = &link.tls {
        match tls.verified {
            true => chip(ui, &format!("{} verified", tls.version), colors.good),
            false => chip(ui, &format!("⚠ {} NOT verified", tls.version), colors.warning),
        }
    }
    if let Some(agreement) = link.agreement() {
        agreement_ui(ui, agreement);
    }
}

/// What was agreed on when a WebSocket was opened.
fn agreement_ui(ui: &mut Ui, agreement: &Agreement) {
    let mut hinted_chip = |text: &str, hint: &str| {
        let text = RichText::new(text).font(theme::small()).color(theme::colors(ui).weak);
        ui.add(Label::new(text).extend()).on_hover_text(hint);
    };
    if let Some(name) = &agreement.subprotocol {
        hinted_chip(&format!("subprotocol {}", one_line(name)), "The server chose it (RFC 6455 §1.9)");
    }
    match &agreement.deflate {
        Some(deflate) => hinted_chip(negotiation::PERMESSAGE_DEFLATE, &deflate.says()),
        None => hinted_chip("not compressed", "permessage-deflate (RFC 7692) was not offered, or not agreed to"),
    }
}

fn later(stage: Stage, tls: bool) -> impl Iterator<Item = Stage> {
    let all = [Stage::Dns, Stage::Tcp, Stage::Proxy, Stage::Tls, Stage::Request, Stage::Answer];
    let at = all.iter().position(|other| *other == stage).unwrap_or(all.len());
    all.into_iter().skip(at + 1).filter(move |stage| (tls || *stage != Stage::Tls) && *stage != Stage::Proxy)
}

fn chip(ui: &mut Ui, text: &str, color: Color32) {
    // A mark stays with its stage where the line wraps.
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(color)).extend());
}

fn weak(ui: &mut Ui, text: String) {
    let color = theme::colors(ui).weak;
    ui.label(RichText::new(text).font(theme::small()).color(color));
}
