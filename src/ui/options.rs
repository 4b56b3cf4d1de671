//! The foldouts below the address: headers, authentication, body, TLS and the rest.

mod websocket;

use super::{Look, theme};
use crate::app::{AuthKind, CursorFrom, Draft, HttpVersion, ProxyFrom, PushType, parse_headers};
use egui::{Button, ComboBox, Grid, RichText, ScrollArea, TextEdit, Ui};

/// A foldout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foldout {
    /// Request headers.
    Headers,
    /// Who we are.
    Auth,
    /// The request's body.
    Body,
    /// The proxy.
    Proxy,
    /// Certificates.
    Tls,
    /// Everything else.
    Options,
}

/// Draws the line of foldouts, and the one that is open.
pub fn options_ui(ui: &mut Ui, draft: &mut Draft, look: &mut Look) {
    let colors = theme::colors(ui);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme::GAP;
        for (foldout, text, is_unusual) in titles(draft) {
            let is_open = look.foldout == Some(foldout);
            let color = match (foldout, is_unusual) {
                (Foldout::Tls, true) => colors.warning,
                (_, true) => colors.text,
                _ => colors.weak,
            };
            let arrow = if is_open { "▾" } else { "▸" };
            let text = RichText::new(format!("{arrow} {text}")).font(theme::small()).color(color);
            if ui.add(Button::new(text).frame_when_inactive(is_open).selected(is_open)).clicked() {
                look.foldout = (!is_open).then_some(foldout);
            }
        }
    });
    let Some(foldout) = look.foldout else { return };
    egui::Frame::new().fill(colors.ground).corner_radius(theme::ROUND).inner_margin(theme::MARGIN).show(ui, |ui| {
        // However much there is to choose, the timeline stays in sight.
        let height = (ui.ctx().content_rect().height() - theme::BESIDE_FOLDOUT).clamp(theme::LOW, theme::FOLDOUT);
        ScrollArea::vertical().id_salt(format!("{foldout:?}")).max_height(height).show(ui, |ui| {
            ui.set_width(ui.available_width());
            match foldout {
                Foldout::Headers => headers_ui(ui, draft),
                Foldout::Auth => auth_ui(ui, draft),
                Foldout::Body => body_ui(ui, draft),
                Foldout::Proxy => proxy_ui(ui, draft),
                Foldout::Tls => tls_ui(ui, draft),
                Foldout::Options => rest_ui(ui, draft),
            }
        });
    });
}

fn titles(draft: &Draft) -> [(Foldout, String, bool); 6] {
    let headers = draft.header_count();
    let counted = if headers == 0 { "Headers".to_owned() } else { format!("Headers {headers}") };
    let auth = match draft.auth {
        AuthKind::None => "Auth",
        AuthKind::Basic => "Auth basic",
        AuthKind::Bearer => "Auth bearer",
    };
    let body = match draft.body.len() {
        0 => "Body".to_owned(),
        len => format!("Body {}", super::words::bytes(len as u64)),
    };
    let tls = if draft.insecure { "TLS ⚠ NOT verified" } else { "TLS verified" };
    let usual = Draft::default();
    let has_options = Draft {
        address: usual.address.clone(),
        push_type: usual.push_type,
        method: usual.method.clone(),
        headers: usual.headers.clone(),
        auth: usual.auth,
        user: usual.user.clone(),
        password: usual.password.clone(),
        token: usual.token.clone(),
        body: usual.body.clone(),
        insecure: usual.insecure,
        ca_file: usual.ca_file.clone(),
        cert_file: usual.cert_file.clone(),
        key_file: usual.key_file.clone(),
        proxy_from: usual.proxy_from,
        proxy: usual.proxy.clone(),
        proxy_user: usual.proxy_user.clone(),
        proxy_password: usual.proxy_password.clone(),
        proxy_tunnel: usual.proxy_tunnel,
        ..draft.clone()
    } != usual;
    let options = if has_options { "Options changed" } else { "Options" };
    [
        (Foldout::Headers, counted, headers > 0),
        (Foldout::Auth, auth.to_owned(), draft.auth != AuthKind::None),
        (Foldout::Body, body, !draft.body.is_empty()),
        (Foldout::Proxy, proxy_title(draft), draft.proxy_from != usual.proxy_from),
        (Foldout::Tls, tls.to_owned(), draft.insecure),
        (Foldout::Options, options.to_owned(), has_options),
    ]
}

fn weak(ui: &mut Ui, text: &str) {
    let color = theme::colors(ui).weak;
    ui.label(RichText::new(text).font(theme::small()).color(color));
}

fn headers_ui(ui: &mut Ui, draft: &mut Draft) {
    weak(ui, "One a line, sent as typed and in this order");
    ui.add(
        TextEdit::multiline(&mut draft.headers)
            .desired_rows(3)
            .desired_width(f32::INFINITY)
            .font(theme::mono())
            .hint_text(theme::hint(ui, "Name: value")),
    )
    .accessible_name("Request headers");
    if let Err(why) = parse_headers(&draft.headers) {
        let color = theme::colors(ui).error;
        ui.label(RichText::new(why).color(color));
    }
}

fn auth_ui(ui: &mut Ui, draft: &mut Draft) {
    ui.horizontal(|ui| {
        ui.radio_value(&mut draft.auth, AuthKind::None, "none");
        ui.radio_value(&mut draft.auth, AuthKind::Basic, "basic");
        ui.radio_value(&mut draft.auth, AuthKind::Bearer, "bearer");
        weak(ui, "Kept in memory only, never in a recording");
    });
    ui.horizontal(|ui| match draft.auth {
        AuthKind::None => {}
        AuthKind::Basic => {
            field_ui(ui, "User", &mut draft.user, "", 180.0);
            let label = ui.label("Password");
            ui.add(TextEdit::singleline(&mut draft.password).password(true).desired_width(180.0)).labelled_by(label.id);
        }
        AuthKind::Bearer => {
            let label = ui.label("Token");
            ui.add(TextEdit::singleline(&mut draft.token).password(true).desired_width(380.0)).labelled_by(label.id);
        }
    });
}

fn body_ui(ui: &mut Ui, draft: &mut Draft) {
    weak(ui, "Sent with the request; without a chosen method the request becomes a POST");
    ui.add(
        TextEdit::multiline(&mut draft.body)
            .desired_rows(4)
            .desired_width(f32::INFINITY)
            .font(theme::mono())
            .hint_text(theme::hint(ui, "{\"subscribe\": true}")),
    )
    .accessible_name("Request body");
}

/// The proxy in a few words. What is typed may hold a password: that is not shown.
fn proxy_title(draft: &Draft) -> String {
    match draft.proxy_from {
        ProxyFrom::Given if draft.proxy.trim().is_empty() => "Proxy ⚠ no address".to_owned(),
        ProxyFrom::Given => format!("Proxy {}", draft.shown_proxy()),
        other => format!("Proxy {}", other.label()),
    }
}

fn proxy_ui(ui: &mut Ui, draft: &mut Draft) {
    ui.horizontal_wrapped(|ui| {
        for choice in ProxyFrom::ALL {
            ui.radio_value(&mut draft.proxy_from, choice, choice.label());
        }
        weak(
            ui,
            match draft.proxy_from {
                ProxyFrom::None => "Straight to the server",
                ProxyFrom::Environment => {
                    "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY; this machine itself is reached directly"
                }
                ProxyFrom::System => "As the desktop has it; this machine itself is reached directly",
                ProxyFrom::Given => "http, https, socks5 and socks4a; names are resolved by the proxy",
            },
        );
    });
    if draft.proxy_from == ProxyFrom::None {
        return;
    }
    Grid::new("proxy").num_columns(2).spacing([theme::MARGIN, theme::GAP]).show(ui, |ui| {
        if draft.proxy_from == ProxyFrom::Given {
            row_ui(ui, "Proxy address", &mut draft.proxy, "http://proxy.example:3128");
        }
        ui.label("Login");
        ui.horizontal_wrapped(|ui| {
            field_ui(ui, "Proxy user", &mut draft.proxy_user, "none", 140.0);
            let label = ui.label("Proxy password");
            let edit = TextEdit::singleline(&mut draft.proxy_password).password(true).desired_width(140.0);
            ui.add(edit).labelled_by(label.id);
            weak(ui, "Kept in memory only, never in a recording");
        });
        ui.end_row();
        ui.label("Way");
        ui.checkbox(&mut draft.proxy_tunnel, "ask for a way through (CONNECT) also for plain http");
        ui.end_row();
    });
}

fn tls_ui(ui: &mut Ui, draft: &mut Draft) {
    ui.checkbox(&mut draft.insecure, "Accept any certificate (for this connection; shown all the time)");
    Grid::new("tls files").num_columns(2).spacing([theme::MARGIN, theme::GAP]).show(ui, |ui| {
        row_ui(ui, "Certificate authorities", &mut draft.ca_file, "PEM file, besides the system's");
        row_ui(ui, "Client certificate", &mut draft.cert_file, "PEM file");
        row_ui(ui, "Client key", &mut draft.key_file, "PEM file");
    });
}

fn rest_ui(ui: &mut Ui, draft: &mut Draft) {
    let kind = draft.guess();
    let may_be = |kinds: &[PushType]| kind == PushType::Auto || kinds.contains(&kind);
    Grid::new("options").num_columns(2).spacing([theme::GROUP_GAP, theme::GAP]).show(ui, |ui| {
        if kind != PushType::Ws {
            ui.label("HTTP");
            ui.horizontal(|ui| {
                ui.radio_value(&mut draft.http, HttpVersion::Http11, "1.1");
                ui.radio_value(&mut draft.http, HttpVersion::Http10, "1.0");
            });
            ui.end_row();
            row_ui(ui, "Interval (ms)", &mut draft.interval_ms, "between polls; before the first reconnection");
        }
        ui.label("Reconnect");
        ui.horizontal(|ui| {
            ui.radio_value(&mut draft.reconnect, None, "as the type does");
            ui.radio_value(&mut draft.reconnect, Some(true), "always");
            ui.radio_value(&mut draft.reconnect, Some(false), "never");
            if draft.reconnect != Some(false) {
                ui.add_space(theme::MARGIN);
                field_ui(ui, "attempts", &mut draft.backoff.attempts, "no end", 64.0);
            }
        });
        ui.end_row();
        if draft.reconnect != Some(false) {
            waits_ui(ui, draft, kind == PushType::Ws);
        }
        if may_be(&[PushType::LongPoll]) {
            cursor_ui(ui, draft);
        }
        if may_be(&[PushType::Sse]) {
            row_ui(ui, "Last-Event-ID", &mut draft.last_event_id, "to begin with");
        }
        if may_be(&[PushType::Ws]) {
            websocket::rows_ui(ui, &mut draft.websocket);
        }
        ui.label("Timeouts (ms)");
        wrapped(ui, |ui| {
            field_ui(ui, "connect", &mut draft.connect_timeout_ms, "0 = none", 64.0);
            field_ui(ui, "answer", &mut draft.answer_timeout_ms, "0 = none", 64.0);
            field_ui(ui, "silence", &mut draft.idle_timeout_ms, "none", 64.0);
        });
        ui.end_row();
    });
}

/// How long to wait before a reconnection; the first wait where no interval says it.
fn waits_ui(ui: &mut Ui, draft: &mut Draft, has_first: bool) {
    ui.label("Reconnect after");
    wrapped(ui, |ui| {
        let backoff = &mut draft.backoff;
        ui.checkbox(&mut backoff.immediate, "no wait")
            .on_hover_text("Reconnect at once, however often it fails; after ten tries in haste, ten times a second");
        ui.add_space(theme::MARGIN);
        if !backoff.immediate {
            if has_first {
                field_ui(ui, "first (ms)", &mut draft.interval_ms, "usual", 56.0);
            }
            field_ui(ui, "factor", &mut backoff.factor, "2", 32.0);
            field_ui(ui, "longest (ms)", &mut backoff.limit_ms, "30000", 64.0);
            field_ui(ui, "jitter (%)", &mut backoff.jitter_percent, "0", 40.0);
        }
    });
    ui.end_row();
}

fn cursor_ui(ui: &mut Ui, draft: &mut Draft) {
    ui.label("Cursor");
    wrapped(ui, |ui| {
        ui.name_inputs("Cursor source", |ui| {
            let name = match draft.cursor_from {
                CursorFrom::None => "none",
                CursorFrom::Header => "header",
                CursorFrom::JsonPath => "JSONPath",
            };
            ComboBox::from_id_salt("cursor source").selected_text(name).show_ui(ui, |ui| {
                ui.selectable_value(&mut draft.cursor_from, CursorFrom::None, "none");
                ui.selectable_value(&mut draft.cursor_from, CursorFrom::Header, "header");
                ui.selectable_value(&mut draft.cursor_from, CursorFrom::JsonPath, "JSONPath");
            });
        });
        if draft.cursor_from == CursorFrom::None {
            return;
        }
        field_ui(ui, "from", &mut draft.cursor_name, "X-Cursor or $.cursor", 140.0);
        ui.name_inputs("Cursor target", |ui| {
            let name = if draft.cursor_in_header { "into header" } else { "into query" };
            ComboBox::from_id_salt("cursor target").selected_text(name).show_ui(ui, |ui| {
                ui.selectable_value(&mut draft.cursor_in_header, false, "into query");
                ui.selectable_value(&mut draft.cursor_in_header, true, "into header");
            });
        });
        field_ui(ui, "named", &mut draft.cursor_target, "cursor", 100.0);
    });
    ui.end_row();
}

/// A cell of a grid that may take more than one line.
fn wrapped(ui: &mut Ui, draw: impl FnOnce(&mut Ui)) {
    ui.vertical(|ui| ui.horizontal_wrapped(draw));
}

fn row_ui(ui: &mut Ui, name: &str, text: &mut String, hint: &str) {
    let label = ui.label(name);
    ui.add(TextEdit::singleline(text).desired_width(300.0).hint_text(theme::hint(ui, hint))).labelled_by(label.id);
    ui.end_row();
}

fn field_ui(ui: &mut Ui, name: &str, text: &mut String, hint: &str, width: f32) {
    let label = ui.label(name);
    ui.add(TextEdit::singleline(text).desired_width(width).hint_text(theme::hint(ui, hint))).labelled_by(label.id);
    ui.add_space(theme::MARGIN);
}
