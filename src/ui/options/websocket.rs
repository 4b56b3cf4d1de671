//! The options of WebSocket connections: version, compression, and what is done by itself.

use super::super::theme;
use super::{field_ui, weak, wrapped};
use crate::app::{WebSocketDraft, WebSocketVersion};
use egui::{ComboBox, Ui};

/// Draws them as rows of the grid of options.
pub(super) fn rows_ui(ui: &mut Ui, draft: &mut WebSocketDraft) {
    ui.label("WebSocket version");
    wrapped(ui, |ui| {
        version_ui(ui, draft);
        ui.add_space(theme::MARGIN);
        field_ui(ui, "Subprotocols", &mut draft.subprotocols, "chat, superchat", 160.0);
    });
    ui.end_row();
    ui.label("By itself");
    wrapped(ui, |ui| {
        ui.checkbox(&mut draft.auto_pong, "answer pings");
        ui.checkbox(&mut draft.auto_close, "answer close");
        ui.checkbox(&mut draft.echo, "echo messages").on_hover_text("Send every message back as it came");
        ui.checkbox(&mut draft.go_on_anyway, "go on after a wrong upgrade");
        ui.checkbox(&mut draft.strict, "fail as browsers do")
            .on_hover_text("End the connection at the first frame that breaks a rule; else read on (RFC 6455 §7.1.7)");
    });
    ui.end_row();
    deflate_ui(ui, draft);
    ui.label("Sending");
    wrapped(ui, |ui| {
        field_ui(ui, "Fragment size (bytes)", &mut draft.fragment_bytes, "whole", 64.0);
        field_ui(ui, "Ping every (ms)", &mut draft.ping_ms, "never", 64.0);
    });
    ui.end_row();
}

fn version_ui(ui: &mut Ui, draft: &mut WebSocketDraft) {
    ui.name_inputs("WebSocket version", |ui| {
        let list = ComboBox::from_id_salt("version").selected_text(label(draft.version)).width(180.0);
        let response = list.show_ui(ui, |ui| {
            for version in WebSocketVersion::ALL {
                ui.selectable_value(&mut draft.version, version, label(version));
            }
        });
        response
            .response
            .on_hover_text("13 is the standard; the others are drafts of before it, which few servers speak");
    });
}

fn label(version: WebSocketVersion) -> &'static str {
    match version {
        WebSocketVersion::Rfc6455 => "13 (RFC 6455, 2011)",
        WebSocketVersion::Hybi08 => "hybi-08 (2011)",
        WebSocketVersion::Hybi07 => "hybi-07 (2011)",
        WebSocketVersion::Hixie76 => "hixie-76, hybi-00 (2010)",
        WebSocketVersion::Hixie75 => "hixie-75 (2010)",
    }
}

fn deflate_ui(ui: &mut Ui, draft: &mut WebSocketDraft) {
    ui.label("Compression");
    if !draft.has_extensions() {
        weak(ui, "None: this version has no extensions");
        ui.end_row();
        return;
    }
    wrapped(ui, |ui| {
        ui.checkbox(&mut draft.deflate, "offer permessage-deflate").on_hover_text("RFC 7692, as browsers do");
        if draft.deflate {
            ui.checkbox(&mut draft.compress, "compress what is sent").on_hover_text(
                "Where the server agreed to it; the composer can choose otherwise for a message of its own",
            );
            ui.add_space(theme::MARGIN);
        }
        field_ui(ui, "inflate at most (MiB)", &mut draft.inflate_limit_mib, "64", 48.0);
    });
    ui.end_row();
    if !draft.deflate {
        return;
    }
    ui.label("");
    wrapped(ui, |ui| {
        ui.checkbox(&mut draft.server_no_context_takeover, "server_no_context_takeover")
            .on_hover_text("Ask the server to forget its window after each message (RFC 7692 §7.1.1.1)");
        ui.add_space(theme::MARGIN);
        field_ui(ui, "server_max_window_bits", &mut draft.server_max_window_bits, "unsaid", 60.0);
    });
    ui.end_row();
    ui.label("");
    wrapped(ui, |ui| {
        ui.checkbox(&mut draft.client_no_context_takeover, "client_no_context_takeover")
            .on_hover_text("Forget our window after each message, and say so (RFC 7692 §7.1.1.2)");
        ui.checkbox(&mut draft.client_window, "client_max_window_bits")
            .on_hover_text("Let the server limit our window (RFC 7692 §7.1.2.2)");
        if draft.client_window {
            let hint = theme::hint(ui, "any");
            ui.add(egui::TextEdit::singleline(&mut draft.client_max_window_bits).desired_width(60.0).hint_text(hint))
                .accessible_name("Bits of the client's window")
                .on_hover_text("8 to 15; empty: as the server likes");
        }
    });
    ui.end_row();
}
