//! What the address bar holds: texts as the user typed them, and how they become a [`Spec`].

mod backoff;
mod websocket;

pub use backoff::BackoffDraft;
pub use websocket::WebSocketDraft;

use crate::transport::{
    Auth, CursorSource, CursorTarget, HttpVersion, ProxyChoice, ProxyOptions, PushType, Spec, Timeouts, TlsOptions,
    WebSocketOptions, WebSocketVersion, shown_proxy,
};
use bytes::Bytes;

/// Which of the ways to say who we are is filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthKind {
    /// None.
    #[default]
    None,
    /// Basic (RFC 7617).
    Basic,
    /// Bearer (RFC 6750).
    Bearer,
}

/// Where a long poll's cursor is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CursorFrom {
    /// Nowhere.
    #[default]
    None,
    /// A response header.
    Header,
    /// A JSONPath in the body.
    JsonPath,
}

/// Who names the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyFrom {
    /// None is used.
    None,
    /// The environment's variables.
    #[default]
    Environment,
    /// The system's settings.
    System,
    /// The one that is typed.
    Given,
}

/// The address bar and its foldouts, as typed. Secrets stay in memory.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The names are those of the fields on screen.
pub struct Draft {
    pub address: String,
    pub push_type: PushType,
    pub method: String,
    pub headers: String,
    pub auth: AuthKind,
    pub user: String,
    pub password: String,
    pub token: String,
    pub body: String,
    pub insecure: bool,
    pub ca_file: String,
    pub cert_file: String,
    pub key_file: String,
    pub interval_ms: String,
    pub reconnect: Option<bool>,
    pub backoff: BackoffDraft,
    pub http: HttpVersion,
    pub cursor_from: CursorFrom,
    pub cursor_name: String,
    pub cursor_in_header: bool,
    pub cursor_target: String,
    pub last_event_id: String,
    pub websocket: WebSocketDraft,
    pub connect_timeout_ms: String,
    pub answer_timeout_ms: String,
    pub idle_timeout_ms: String,
    pub proxy_from: ProxyFrom,
    pub proxy: String,
    pub proxy_user: String,
    pub proxy_password: String,
    pub proxy_tunnel: bool,
}

impl Default for Draft {
    fn default() -> Self {
        let timeouts = Timeouts::default();
        Draft {
            address: String::new(),
            push_type: PushType::Auto,
            method: String::new(),
            headers: String::new(),
            auth: AuthKind::None,
            user: String::new(),
            password: String::new(),
            token: String::new(),
            body: String::new(),
            insecure: false,
            ca_file: String::new(),
            cert_file: String::new(),
            key_file: String::new(),
            interval_ms: String::new(),
            reconnect: None,
            backoff: BackoffDraft::default(),
            http: HttpVersion::Http11,
            cursor_from: CursorFrom::None,
            cursor_name: String::new(),
            cursor_in_header: false,
            cursor_target: "cursor".into(),
            last_event_id: String::new(),
            websocket: WebSocketDraft::default(),
            connect_timeout_ms: timeouts.tcp_ms.to_string(),
            answer_timeout_ms: timeouts.answer_ms.to_string(),
            idle_timeout_ms: String::new(),
            proxy_from: ProxyFrom::Environment,
            proxy: String::new(),
            proxy_user: String::new(),
            proxy_password: String::new(),
            proxy_tunnel: false,
        }
    }
}

impl Draft {
    /// For an address, with no options.
    pub fn for_address(address: &str) -> Draft {
        let mut draft = Draft { address: address.to_owned(), push_type: lab_type(address), ..Draft::default() };
        if draft.push_type == PushType::LongPoll {
            // The lab's own cursor, without which it would answer the same messages again and again.
            (draft.cursor_from, draft.cursor_name) = (CursorFrom::Header, "X-Cursor".into());
        }
        draft.websocket.version = WebSocketVersion::of_lab_address(address).unwrap_or_default();
        if address.contains("via=swallows-upstream") {
            // Without a ping of ours nothing tells that what is sent is swallowed.
            draft.websocket.ping_ms = "1000".into();
        }
        draft
    }

    /// How many header lines are typed.
    pub fn header_count(&self) -> usize {
        self.headers.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// The proxy that is typed, without user and password.
    pub fn shown_proxy(&self) -> String {
        shown_proxy(&self.proxy)
    }

    fn proxy_options(&self) -> ProxyOptions {
        let user = self.proxy_user.trim();
        ProxyOptions {
            choice: match self.proxy_from {
                ProxyFrom::None => ProxyChoice::None,
                ProxyFrom::Environment => ProxyChoice::Environment,
                ProxyFrom::System => ProxyChoice::System,
                ProxyFrom::Given => ProxyChoice::Given(self.proxy.trim().to_owned()),
            },
            login: (!user.is_empty()).then(|| (user.to_owned(), self.proxy_password.clone())),
            tunnel: self.proxy_tunnel,
        }
    }

    /// The push type that the address tells, where it is left to be guessed.
    pub fn guess(&self) -> PushType {
        match self.push_type {
            PushType::Auto if self.address.trim().starts_with("ws") => PushType::Ws,
            PushType::Auto => lab_type(self.address.trim()),
            chosen => chosen,
        }
    }

    /// The WebSocket options; a draft that the lab is asked for is spoken, unless another version is chosen.
    fn websocket_options(&self) -> Result<WebSocketOptions, String> {
        let mut options = self.websocket.options()?;
        if options.version == WebSocketVersion::default() {
            options.version = WebSocketVersion::of_lab_address(self.address.trim()).unwrap_or_default();
        }
        Ok(options)
    }

    /// The request for `url`, or a sentence that says which field is wrong and why.
    pub fn spec(&self, url: String) -> Result<Spec, String> {
        let path = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let push_type = match self.push_type {
            PushType::Auto => lab_type(self.address.trim()),
            chosen => chosen,
        };
        let connect = whole("Connect timeout", &self.connect_timeout_ms)?.unwrap_or(0);
        let target = self.cursor_target.trim().to_owned();
        Ok(Spec {
            url,
            push_type,
            method: self.method.trim().to_owned(),
            headers: parse_headers(&self.headers)?,
            body: (!self.body.is_empty()).then(|| Bytes::from(self.body.clone())),
            auth: match self.auth {
                AuthKind::None => Auth::None,
                AuthKind::Basic => Auth::Basic { user: self.user.clone(), password: self.password.clone() },
                AuthKind::Bearer => Auth::Bearer { token: self.token.clone() },
            },
            http: self.http,
            interval_ms: whole("Interval", &self.interval_ms)?,
            reconnect: self.reconnect,
            cursor: match self.cursor_from {
                CursorFrom::None => CursorSource::None,
                CursorFrom::Header => CursorSource::Header(self.cursor_name.trim().to_owned()),
                CursorFrom::JsonPath => CursorSource::JsonPath(self.cursor_name.trim().to_owned()),
            },
            cursor_target: if self.cursor_in_header {
                CursorTarget::Header(target)
            } else {
                CursorTarget::Query(target)
            },
            last_event_id: path(&self.last_event_id),
            backoff: self.backoff.backoff()?,
            timeouts: Timeouts {
                dns_ms: connect,
                tcp_ms: connect,
                tls_ms: connect,
                answer_ms: whole("Answer timeout", &self.answer_timeout_ms)?.unwrap_or(0),
                idle_ms: whole("Idle timeout", &self.idle_timeout_ms)?.unwrap_or(0),
            },
            websocket: self.websocket_options()?,
            tls: TlsOptions {
                insecure: self.insecure,
                ca_file: path(&self.ca_file),
                cert_file: path(&self.cert_file),
                key_file: path(&self.key_file),
            },
            proxy: self.proxy_options(),
            side_only: false,
            hidden: Vec::new(),
        })
    }
}

/// A number as typed; an empty field is none.
fn whole(name: &str, text: &str) -> Result<Option<u64>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse::<u64>().map(Some).map_err(|_| format!("{name}: {text:?} is no whole number")),
    }
}

/// The push type of a lab endpoint, where its name tells what its answer cannot.
fn lab_type(address: &str) -> PushType {
    match address.strip_prefix("lab:").map(|rest| rest.split(['?', '/']).next().unwrap_or(rest)) {
        Some("poll") => PushType::Poll,
        Some("longpoll") => PushType::LongPoll,
        Some("ws") => PushType::Ws,
        _ => PushType::Auto,
    }
}

/// Header lines as typed, `Name: value` each.
pub fn parse_headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(format!("Headers, line {}: {line:?} is no \"Name: value\"", at + 1));
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_and_spelling() {
        let headers = parse_headers("x-One: a: b\n\nX-TWO:c").unwrap();
        assert_eq!(headers, [("x-One".into(), "a: b".into()), ("X-TWO".into(), "c".into())]);
        assert_eq!(parse_headers("ok: 1\nnope").unwrap_err(), "Headers, line 2: \"nope\" is no \"Name: value\"");
    }

    #[test]
    fn a_draft_that_the_lab_is_asked_for_is_spoken() {
        let version = |address: &str| Draft::for_address(address).spec(String::new()).unwrap().websocket.version;
        assert_eq!(version("lab:ws?draft=hixie-76"), WebSocketVersion::Hixie76);
        assert_eq!(version("lab:ws?rate=5&draft=hybi-07"), WebSocketVersion::Hybi07);
        for usual in ["lab:ws", "lab:ws?draft=x", "lab:sse?draft=hixie-76", "ws://h/ws?draft=hixie-76"] {
            assert_eq!(version(usual), WebSocketVersion::Rfc6455, "{usual}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_named() {
        let draft = Draft { interval_ms: "soon".into(), ..Draft::for_address("http://x/") };
        assert_eq!(draft.spec("http://x/".into()).unwrap_err(), "Interval: \"soon\" is no whole number");
    }

    #[test]
    fn what_is_typed_of_websocket_and_reconnection_reaches_the_spec() {
        let mut draft = Draft { reconnect: Some(true), ..Draft::for_address("ws://x/") };
        draft.websocket.strict = true;
        draft.websocket.server_max_window_bits = "10".into();
        draft.backoff.attempts = "3".into();
        draft.interval_ms = "200".into();
        let spec = draft.spec("ws://x/".into()).unwrap();
        assert!(spec.websocket.strict);
        assert_eq!(spec.websocket.deflate.server_max_window_bits, Some(10));
        assert_eq!((spec.backoff.attempts, spec.reconnect, spec.interval_ms), (3, Some(true), Some(200)));
        draft.websocket.server_max_window_bits = "7".into();
        assert!(draft.spec("ws://x/".into()).unwrap_err().starts_with("server_max_window_bits: 7 is none"));
    }
}
