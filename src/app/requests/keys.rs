//! The keys of a request's file, in the order in which they are written, and what of a [`Draft`] each stands for.

use super::super::{AuthKind, CursorFrom, Draft, HttpVersion, ProxyFrom, PushType, WebSocketVersion};

/// A field of a draft that is a text.
pub(super) type TextOf = fn(&mut Draft) -> &mut String;

/// What of a draft a key stands for.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// A text.
    Text(TextOf),
    /// A text that is secret: only variables are written.
    Secret(TextOf),
    /// A whole number, as typed.
    Number(TextOf),
    /// Lines, each of which is an item of a list.
    Lines(TextOf),
    /// Yes or no.
    Flag(fn(&mut Draft) -> &mut bool),
    /// Yes, no, or as usual.
    MaybeFlag(fn(&mut Draft) -> &mut Option<bool>),
    /// One of some words: what is chosen, the choice of one, and all there are.
    Choice(fn(&Draft) -> &'static str, fn(&mut Draft, usize), &'static [&'static str]),
}

/// A key: its table (empty at the top), its name, what it stands for, and when it means something.
pub(super) struct Key {
    pub table: &'static str,
    pub name: &'static str,
    pub field: Field,
    pub is_used: fn(&Draft) -> bool,
}

impl Key {
    /// As errors name it.
    pub fn path(&self) -> String {
        if self.table.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.table, self.name) }
    }
}

const fn key(table: &'static str, name: &'static str, field: Field) -> Key {
    Key { table, name, field, is_used: |_| true }
}

const fn only(table: &'static str, name: &'static str, field: Field, is_used: fn(&Draft) -> bool) -> Key {
    Key { table, name, field, is_used }
}

const TYPES: &[&str] = &["auto", "poll", "longpoll", "stream", "sse", "ws"];
const VERSIONS: &[&str] = &["1.1", "1.0"];
const AUTHS: &[&str] = &["none", "basic", "bearer"];
const CURSORS: &[&str] = &["none", "header", "json_path"];
const TARGETS: &[&str] = &["query", "header"];
const PROXIES: &[&str] = &["environment", "system", "none", "given"];
const DRAFTS: &[&str] = &["13", "hybi-08", "hybi-07", "hixie-76", "hixie-75"];

fn auth(draft: &Draft) -> &'static str {
    match draft.auth {
        AuthKind::None => "none",
        AuthKind::Basic => "basic",
        AuthKind::Bearer => "bearer",
    }
}

fn cursor(draft: &Draft) -> &'static str {
    match draft.cursor_from {
        CursorFrom::None => "none",
        CursorFrom::Header => "header",
        CursorFrom::JsonPath => "json_path",
    }
}

fn proxy(draft: &Draft) -> &'static str {
    match draft.proxy_from {
        ProxyFrom::Environment => "environment",
        ProxyFrom::System => "system",
        ProxyFrom::None => "none",
        ProxyFrom::Given => "given",
    }
}

fn has_proxy(draft: &Draft) -> bool {
    draft.proxy_from != ProxyFrom::None
}

/// Every key, in the order of the file.
pub(super) static KEYS: &[Key] = &[
    key("", "address", Field::Text(|draft| &mut draft.address)),
    key(
        "",
        "type",
        Field::Choice(|draft| draft.push_type.name(), |draft, at| draft.push_type = PushType::ALL[at], TYPES),
    ),
    key("", "method", Field::Text(|draft| &mut draft.method)),
    key("", "headers", Field::Lines(|draft| &mut draft.headers)),
    key("", "body", Field::Text(|draft| &mut draft.body)),
    key("", "last_event_id", Field::Text(|draft| &mut draft.last_event_id)),
    key("", "interval_ms", Field::Number(|draft| &mut draft.interval_ms)),
    key("", "reconnect", Field::MaybeFlag(|draft| &mut draft.reconnect)),
    key(
        "",
        "http",
        Field::Choice(
            |draft| if draft.http == HttpVersion::Http10 { "1.0" } else { "1.1" },
            |draft, at| draft.http = [HttpVersion::Http11, HttpVersion::Http10][at],
            VERSIONS,
        ),
    ),
    key(
        "auth",
        "type",
        Field::Choice(auth, |draft, at| draft.auth = [AuthKind::None, AuthKind::Basic, AuthKind::Bearer][at], AUTHS),
    ),
    only("auth", "user", Field::Text(|draft| &mut draft.user), |draft| draft.auth == AuthKind::Basic),
    only("auth", "password", Field::Secret(|draft| &mut draft.password), |draft| draft.auth == AuthKind::Basic),
    only("auth", "token", Field::Secret(|draft| &mut draft.token), |draft| draft.auth == AuthKind::Bearer),
    key(
        "cursor",
        "from",
        Field::Choice(
            cursor,
            |draft, at| draft.cursor_from = [CursorFrom::None, CursorFrom::Header, CursorFrom::JsonPath][at],
            CURSORS,
        ),
    ),
    only("cursor", "name", Field::Text(|draft| &mut draft.cursor_name), |draft| draft.cursor_from != CursorFrom::None),
    key(
        "cursor",
        "to",
        Field::Choice(
            |draft| if draft.cursor_in_header { "header" } else { "query" },
            |draft, at| draft.cursor_in_header = at == 1,
            TARGETS,
        ),
    ),
    key("cursor", "target", Field::Text(|draft| &mut draft.cursor_target)),
    key("backoff", "immediate", Field::Flag(|draft| &mut draft.backoff.immediate)),
    key("backoff", "factor", Field::Number(|draft| &mut draft.backoff.factor)),
    key("backoff", "limit_ms", Field::Number(|draft| &mut draft.backoff.limit_ms)),
    key("backoff", "jitter_percent", Field::Number(|draft| &mut draft.backoff.jitter_percent)),
    key("backoff", "attempts", Field::Number(|draft| &mut draft.backoff.attempts)),
    key("timeouts", "connect_ms", Field::Number(|draft| &mut draft.connect_timeout_ms)),
    key("timeouts", "answer_ms", Field::Number(|draft| &mut draft.answer_timeout_ms)),
    key("timeouts", "idle_ms", Field::Number(|draft| &mut draft.idle_timeout_ms)),
    key("tls", "insecure", Field::Flag(|draft| &mut draft.insecure)),
    key("tls", "ca_file", Field::Text(|draft| &mut draft.ca_file)),
    key("tls", "cert_file", Field::Text(|draft| &mut draft.cert_file)),
    key("tls", "key_file", Field::Text(|draft| &mut draft.key_file)),
    key(
        "proxy",
        "from",
        Field::Choice(
            proxy,
            |draft, at| {
                draft.proxy_from = [ProxyFrom::Environment, ProxyFrom::System, ProxyFrom::None, ProxyFrom::Given][at];
            },
            PROXIES,
        ),
    ),
    only("proxy", "address", Field::Text(|draft| &mut draft.proxy), |draft| draft.proxy_from == ProxyFrom::Given),
    only("proxy", "user", Field::Text(|draft| &mut draft.proxy_user), has_proxy),
    only("proxy", "password", Field::Secret(|draft| &mut draft.proxy_password), has_proxy),
    only("proxy", "tunnel", Field::Flag(|draft| &mut draft.proxy_tunnel), has_proxy),
    key(
        "websocket",
        "version",
        Field::Choice(
            |draft| draft.websocket.version.name(),
            |draft, at| draft.websocket.version = WebSocketVersion::named(DRAFTS[at]).unwrap_or_default(),
            DRAFTS,
        ),
    ),
    key("websocket", "subprotocols", Field::Text(|draft| &mut draft.websocket.subprotocols)),
    key("websocket", "auto_pong", Field::Flag(|draft| &mut draft.websocket.auto_pong)),
    key("websocket", "auto_close", Field::Flag(|draft| &mut draft.websocket.auto_close)),
    key("websocket", "go_on_anyway", Field::Flag(|draft| &mut draft.websocket.go_on_anyway)),
    key("websocket", "strict", Field::Flag(|draft| &mut draft.websocket.strict)),
    key("websocket", "echo", Field::Flag(|draft| &mut draft.websocket.echo)),
    key("websocket", "deflate", Field::Flag(|draft| &mut draft.websocket.deflate)),
    key("websocket", "compress", Field::Flag(|draft| &mut draft.websocket.compress)),
    key(
        "websocket",
        "server_no_context_takeover",
        Field::Flag(|draft| &mut draft.websocket.server_no_context_takeover),
    ),
    key(
        "websocket",
        "client_no_context_takeover",
        Field::Flag(|draft| &mut draft.websocket.client_no_context_takeover),
    ),
    key("websocket", "server_max_window_bits", Field::Number(|draft| &mut draft.websocket.server_max_window_bits)),
    key("websocket", "client_window", Field::Flag(|draft| &mut draft.websocket.client_window)),
    key("websocket", "client_max_window_bits", Field::Number(|draft| &mut draft.websocket.client_max_window_bits)),
    key("websocket", "inflate_limit_mib", Field::Number(|draft| &mut draft.websocket.inflate_limit_mib)),
    key("websocket", "fragment_bytes", Field::Number(|draft| &mut draft.websocket.fragment_bytes)),
    key("websocket", "ping_ms", Field::Number(|draft| &mut draft.websocket.ping_ms)),
];

/// The tables that there are.
pub(super) fn tables() -> Vec<&'static str> {
    let mut tables: Vec<&str> = KEYS.iter().map(|key| key.table).filter(|table| !table.is_empty()).collect();
    tables.dedup();
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_the_one_that_is_named() {
        for key in KEYS {
            let Field::Choice(get, set, allowed) = key.field else { continue };
            for (at, name) in allowed.iter().enumerate() {
                let mut draft = Draft::default();
                set(&mut draft, at);
                assert_eq!(get(&draft), *name, "{}", key.path());
            }
            assert_eq!(get(&Draft::default()), allowed[0], "the usual one comes first: {}", key.path());
        }
    }
}
