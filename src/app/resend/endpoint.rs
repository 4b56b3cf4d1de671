//! Where a recorded connection led: its request, to be made anew.

use super::order::recorded_request;
use crate::app::Draft;
use crate::app::draft::{CursorFrom, ProxyFrom, WebSocketDraft};
use crate::session::{Kind, RecordId, Session};
use crate::transport::{ClientWindow, CursorSource, CursorTarget, LEFT_OUT, ProxyChoice, Spec};
use crate::wire::{ConnectionId, Dir};

/// The request of a recorded connection.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The request; `lab:` addresses are what the user typed.
    pub spec: Spec,
    /// What to say of it: headers that are not in the recording.
    pub without: Vec<String>,
}

impl Endpoint {
    /// The request of a connection; an error says what is missing.
    pub fn of(session: &Session, connection: ConnectionId) -> Result<Endpoint, String> {
        let info = session.connection(connection).map(|connection| &connection.info);
        let info = info.ok_or("the recording does not say where the connection led")?;
        let mut spec: Spec = match serde_json::from_str(&info.spec) {
            Ok(spec) => spec,
            Err(_) => Spec { url: info.label.clone(), ..Spec::default() },
        };
        // The lab of that time is gone; this program's own answers in its place.
        if info.label.starts_with("lab:") {
            spec.url = info.label.clone();
            spec.proxy = Default::default();
            spec.tls.ca_file = None;
        }
        if spec.url.trim().is_empty() {
            return Err("the recording does not say where the connection led: type an address".to_owned());
        }
        // A file may say anything; the address bar would open a path, or read a curl command.
        let is_address = ["http:", "https:", "ws:", "wss:", "lab:"].iter().any(|scheme| spec.url.starts_with(scheme));
        if !is_address {
            return Err(format!("the recording says that it led to {:?}, which is no address", short(&spec.url)));
        }
        let mut without = Vec::new();
        spec.headers.retain(|(name, value)| {
            let is_there = value != LEFT_OUT;
            if !is_there {
                without.push(name.clone());
            }
            is_there
        });
        let first = first_request(session, connection).and_then(|id| recorded_request(session, id).ok());
        if let Some(request) = first.filter(|request| !request.body.is_empty()) {
            spec.body = Some(request.body);
        }
        Ok(Endpoint { spec, without })
    }
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

fn first_request(session: &Session, connection: ConnectionId) -> Option<RecordId> {
    let records = session.records();
    let is_it = |id: &RecordId| {
        let record = &records[*id];
        record.kind == Kind::HttpRequest && record.dir == Dir::Out && session.connection_of(record) == connection
    };
    (records.first_held()..records.len()).take(1 << 16).find(is_it)
}

/// The part of an address up to its path, as `http` or `https`.
pub fn origin_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let scheme = match url.scheme() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return None,
    };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{scheme}://{}{port}", url.host_str()?))
}

/// A request as the address bar has it.
pub fn draft_of(spec: &Spec) -> Draft {
    let mut draft = Draft::for_address(&spec.url);
    draft.push_type = spec.push_type;
    draft.method = spec.method.clone();
    draft.headers = spec.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    draft.headers.truncate(draft.headers.trim_end().len());
    draft.body = spec.body.as_ref().map_or_else(String::new, |body| String::from_utf8_lossy(body).into_owned());
    draft.http = spec.http;
    draft.interval_ms = spec.interval_ms.map_or_else(String::new, |ms| ms.to_string());
    draft.reconnect = spec.reconnect;
    draft.last_event_id = spec.last_event_id.clone().unwrap_or_default();
    (draft.cursor_from, draft.cursor_name) = match &spec.cursor {
        CursorSource::None => (CursorFrom::None, String::new()),
        CursorSource::Header(name) => (CursorFrom::Header, name.clone()),
        CursorSource::JsonPath(path) => (CursorFrom::JsonPath, path.clone()),
    };
    (draft.cursor_in_header, draft.cursor_target) = match &spec.cursor_target {
        CursorTarget::Query(name) => (false, name.clone()),
        CursorTarget::Header(name) => (true, name.clone()),
    };
    draft.insecure = spec.tls.insecure;
    draft.ca_file = spec.tls.ca_file.clone().unwrap_or_default();
    draft.cert_file = spec.tls.cert_file.clone().unwrap_or_default();
    draft.key_file = spec.tls.key_file.clone().unwrap_or_default();
    (draft.proxy_from, draft.proxy) = match &spec.proxy.choice {
        ProxyChoice::None => (ProxyFrom::None, String::new()),
        ProxyChoice::Environment => (ProxyFrom::Environment, String::new()),
        ProxyChoice::System => (ProxyFrom::System, String::new()),
        ProxyChoice::Given(address) => (ProxyFrom::Given, address.clone()),
    };
    draft.proxy_tunnel = spec.proxy.tunnel;
    draft.websocket = websocket(spec);
    draft
}

fn websocket(spec: &Spec) -> WebSocketDraft {
    let options = &spec.websocket;
    let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    let bits = |bits: Option<u8>| bits.map_or_else(String::new, |bits| bits.to_string());
    let (client_window, client_bits) = match options.deflate.client_max_window_bits {
        ClientWindow::Unsaid => (false, None),
        ClientWindow::Any => (true, None),
        ClientWindow::Bits(bits) => (true, Some(bits)),
    };
    WebSocketDraft {
        version: options.version,
        subprotocols: options.subprotocols.join(", "),
        auto_pong: options.auto_pong,
        auto_close: options.auto_close,
        go_on_anyway: options.go_on_anyway,
        strict: options.strict,
        echo: options.echo,
        deflate: options.deflate.offer,
        compress: options.deflate.compress,
        server_no_context_takeover: options.deflate.server_no_context_takeover,
        client_no_context_takeover: options.deflate.client_no_context_takeover,
        server_max_window_bits: bits(options.deflate.server_max_window_bits),
        client_window,
        client_max_window_bits: bits(client_bits),
        inflate_limit_mib: (options.inflate_limit_bytes >> 20).max(1).to_string(),
        fragment_bytes: number(options.fragment_bytes as u64),
        ping_ms: number(options.ping_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{HttpVersion, PushType, WebSocketOptions};

    #[test]
    fn the_address_bar_asks_for_what_was_asked_for() {
        let mut spec = Spec { url: "wss://h:1/a?b".into(), push_type: PushType::Ws, ..Spec::default() };
        spec.headers = vec![("X-One".into(), "1: 2".into()), ("x-two".into(), String::new())];
        (spec.http, spec.interval_ms, spec.reconnect) = (HttpVersion::Http10, Some(7), Some(true));
        spec.cursor = CursorSource::JsonPath("$.next".into());
        spec.cursor_target = CursorTarget::Header("X-Cursor".into());
        spec.proxy.choice = ProxyChoice::Given("http://p:1".into());
        spec.tls.insecure = true;
        spec.body = Some("a body".into());
        spec.websocket = WebSocketOptions { strict: true, ping_ms: 5, fragment_bytes: 9, ..Default::default() };
        spec.websocket.subprotocols = vec!["a".into(), "b".into()];
        spec.websocket.deflate.client_max_window_bits = ClientWindow::Bits(9);
        assert_eq!(draft_of(&spec).spec(spec.url.clone()).unwrap(), spec);
    }
}
