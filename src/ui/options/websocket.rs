//! The options of WebSocket connections: version, compression, and what is done by itself.

use super::super::theme;
use super::{field_ui, row_ui, weak};
use crate::app::{WebSocketDraft, WebSocketVersion};
use egui::{ComboBox, Ui};

/// Draws them as rows of the grid of options.
pub(super) fn rows_ui(ui: &mut Ui, draft: &mut WebSocketDraft) {
    ui.label("WebSocket version");
    ui.horizontal(|ui| version_ui(ui, draft));
    ui.end_row();
    row_ui(ui, "Subprotocols", &mut draft.subprotocols, "chat, superchat");
    ui.label("By itself");
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut draft.auto_pong, "answer pings");
        ui.checkbox(&mut draft.auto_close, "answer close");
        ui.checkbox(&mut draft.echo, "echo messages").on_hover_text("Send every message back as it came");
    });
    ui.end_row();
    ui.label("Broken rules");
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut draft.go_on_anyway, "go on after a wrong upgrade");
        ui.checkbox(&mut draft.strict, "fail as browsers do")
            .on_hover_text("End the connection at the first frame that breaks a rule; else read on (RFC 6455 §7.1.7)");
    });
    ui.end_row();
    ui.label("Compression");
    ui.add_enabled_ui(draft.has_extensions(), |ui| deflate_ui(ui, draft));
    ui.end_row();
    ui.label("Sending");
    ui.horizontal_wrapped(|ui| {
        field_ui(ui, "Fragment size (bytes)", &mut draft.fragment_bytes, "whole", 64.0);
        field_ui(ui, "Ping every (ms)", &mut draft.ping_ms, "never", 64.0);
    });
    ui.end_row();
}

fn version_ui(ui: &mut Ui, draft: &mut WebSocketDraft) {
    ui.name_inputs("WebSocket version", |ui| {
        ComboBox::from_id_salt("version").selected_text(label(draft.version)).width(200.0).show_ui(ui, |ui| {
            for version in WebSocketVersion::ALL {
                ui.selectable_value(&mut draft.version, version, label(version));
            }
        });
    });
    if draft.version != WebSocketVersion::Rfc6455 {
        weak(ui, "A draft of before the standard: few servers speak it");
    }
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
    ui.vertical(|ui| {
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut draft.deflate, "offer permessage-deflate").on_hover_text("RFC 7692, as browsers do");
            ui.add_enabled_ui(draft.deflate, |ui| {
                ui.checkbox(&mut draft.compress, "compress what is sent").on_hover_text(
                    "Where the server agreed to it; the composer can choose otherwise for a message of its own",
                );
            });
            field_ui(ui, "inflate at most (MiB)", &mut draft.inflate_limit_mib, "64", 48.0);
        });
        if !draft.has_extensions() {
            weak(ui, "This version has no extensions");
            return;
        }
        if !draft.deflate {
            return;
        }
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut draft.server_no_context_takeover, "server_no_context_takeover")
                .on_hover_text("Ask the server to forget its window after each message (RFC 7692 §7.1.1.1)");
            field_ui(ui, "server_max_window_bits", &mut draft.server_max_window_bits, "unsaid", 48.0);
        });
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut draft.client_no_context_takeover, "client_no_context_takeover")
                .on_hover_text("Forget our window after each message, and say so (RFC 7692 §7.1.1.2)");
            ui.checkbox(&mut draft.client_window, "client_max_window_bits")
                .on_hover_text("Let the server limit our window (RFC 7692 §7.1.2.2)");
            if draft.client_window {
                let hint = theme::hint(ui, "any");
                ui.add(
                    egui::TextEdit::singleline(&mut draft.client_max_window_bits).desired_width(48.0).hint_text(hint),
                )
                .accessible_name("Bits of the client's window")
                .on_hover_text("8 to 15; empty: as the server likes");
            }
        });
    });
}
