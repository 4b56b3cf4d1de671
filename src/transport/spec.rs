//! What the user asks for: an address and how to talk to it. Plain data, kept in session files without its secrets.

use super::websocket::{RawFrame, WebSocketMessage, WebSocketOptions};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The push type to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PushType {
    /// From the address and the answer.
    #[default]
    Auto,
    /// A request every interval.
    Poll,
    /// A request that the server holds until there is something to say, again and again.
    LongPoll,
    /// One answer that does not end: lines, chunks or parts.
    Stream,
    /// Server-sent events (WHATWG HTML §9.2).
    Sse,
    /// WebSocket (RFC 6455).
    Ws,
}

impl PushType {
    /// Every type, in the order in which they are offered.
    pub const ALL: [PushType; 6] =
        [PushType::Auto, PushType::Poll, PushType::LongPoll, PushType::Stream, PushType::Sse, PushType::Ws];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            PushType::Auto => "auto",
            PushType::Poll => "poll",
            PushType::LongPoll => "longpoll",
            PushType::Stream => "stream",
            PushType::Sse => "sse",
            PushType::Ws => "ws",
        }
    }

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            PushType::Auto => "Auto",
            PushType::Poll => "Polling",
            PushType::LongPoll => "Long polling",
            PushType::Stream => "HTTP streaming",
            PushType::Sse => "SSE",
            PushType::Ws => "WebSocket",
        }
    }
}

/// The HTTP version to ask with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.0 (RFC 1945).
    #[serde(rename = "1.0")]
    Http10,
    /// HTTP/1.1 (RFC 9112).
    #[default]
    #[serde(rename = "1.1")]
    Http11,
}

/// How to say who we are. Secrets: never written to a session file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// RFC 7617.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// RFC 6750.
    Bearer {
        /// The token.
        token: String,
    },
}

/// Where the next long poll's cursor is taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CursorSource {
    /// The next request is the same as the last.
    #[default]
    None,
    /// A response header's value.
    Header(String),
    /// The first match of a JSONPath in the answer's body (RFC 9535).
    JsonPath(String),
}

/// How the cursor goes into the next request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CursorTarget {
    /// As this query parameter.
    Query(String),
    /// As this request header.
    Header(String),
}

impl Default for CursorTarget {
    fn default() -> Self {
        CursorTarget::Query("cursor".into())
    }
}

/// How long each stage may take, in milliseconds; 0 waits for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// Name resolution.
    pub dns_ms: u64,
    /// TCP connect, each address.
    pub tcp_ms: u64,
    /// TLS handshake.
    pub tls_ms: u64,
    /// From the request to the end of the answer's head.
    pub answer_ms: u64,
    /// Between bytes of a stream.
    pub idle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { dns_ms: 10_000, tcp_ms: 10_000, tls_ms: 10_000, answer_ms: 60_000, idle_ms: 0 }
    }
}

/// How long to wait before a reconnection. The first wait is [`Spec::interval_ms`] or what the server asked for; each
/// failure in a row makes it `factor` times as long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backoff {
    /// Do not wait at all.
    pub immediate: bool,
    /// Each wait is so many times the one before; 1 keeps it.
    pub factor: u32,
    /// No wait is longer, in milliseconds, unless the first one is.
    pub limit_ms: u64,
    /// Up to so many percent of a wait are added or taken off by chance, so that many clients do not come back at once.
    pub jitter_percent: u8,
    /// Give up after so many failures in a row; 0 never does.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { immediate: false, factor: 2, limit_ms: 30_000, jitter_percent: 0, attempts: 0 }
    }
}

/// TLS options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsOptions {
    /// Accept any certificate. Shown for as long as the connection is.
    pub insecure: bool,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub ca_file: Option<String>,
    /// A PEM file with the client's certificate chain.
    pub cert_file: Option<String>,
    /// A PEM file with the client's private key.
    pub key_file: Option<String>,
}

/// Who names the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyChoice {
    /// Nobody: connections go straight to the server.
    None,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not. Loopback is always reached directly.
    #[default]
    Environment,
    /// The system's settings; where they name none, the environment. Loopback is always reached directly.
    System,
    /// This address: `http`, `https`, `socks5` (also `socks5h`) or `socks4a` (also `socks4`).
    Given(String),
}

/// Proxy options.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyOptions {
    /// Who names the proxy.
    pub choice: ProxyChoice,
    /// User and password for it. A secret: never written to a session file.
    #[serde(skip)]
    pub login: Option<(String, String)>,
    /// Ask an HTTP proxy for a way through (CONNECT) also for plain `http` addresses.
    pub tunnel: bool,
}

impl std::fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let login = self.login.as_ref().map(|(user, _)| user);
        f.debug_struct("ProxyOptions")
            .field("choice", &self.choice)
            .field("user", &login)
            .field("tunnel", &self.tunnel)
            .finish()
    }
}

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// `http`, `https`, `ws` or `wss` address. `lab:` addresses are resolved before they come here.
    pub url: String,
    /// The push type.
    #[serde(rename = "as")]
    pub push_type: PushType,
    /// The method; empty is GET, or POST where there is a body.
    pub method: String,
    /// Request headers as typed, in order. Values of secret ones are left out of session files.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    #[serde(skip)]
    pub body: Option<Bytes>,
    /// Authentication.
    #[serde(skip)]
    pub auth: Auth,
    /// The HTTP version to ask with.
    pub http: HttpVersion,
    /// Between polls, in milliseconds. With other types: the first wait before a reconnection, where it is not immediate.
    pub interval_ms: Option<u64>,
    /// Reconnect when a stream ends or breaks. `None`: as the type does (SSE yes, others no).
    pub reconnect: Option<bool>,
    /// How long to wait before a reconnection.
    pub backoff: Backoff,
    /// Where a long poll's cursor comes from.
    pub cursor: CursorSource,
    /// Where a long poll's cursor goes.
    pub cursor_target: CursorTarget,
    /// The last event ID to begin with (SSE).
    pub last_event_id: Option<String>,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// WebSocket options.
    pub websocket: WebSocketOptions,
    /// TLS options.
    pub tls: TlsOptions,
    /// Proxy options.
    pub proxy: ProxyOptions,
    /// Makes no request of its own: what is ordered goes out on the side, until it is closed. For what was recorded as
    /// requests and is sent again as it was.
    #[serde(skip_serializing_if = "is_false")]
    pub side_only: bool,
    /// Secrets that stand in the texts above, put there by variables. They are left out of session files.
    #[serde(skip)]
    pub hidden: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_false(value: &bool) -> bool {
    !value
}

impl Spec {
    /// Leads to another address, and there by a proxy and with a certificate authority where these are named and the user
    /// named no others.
    pub fn go_to(&mut self, url: String, proxy: Option<String>, ca_file: Option<PathBuf>) {
        self.url = url;
        if let Some(proxy) = proxy
            && !matches!(self.proxy.choice, ProxyChoice::Given(_))
        {
            self.proxy.choice = ProxyChoice::Given(proxy);
        }
        if let (Some(file), None) = (ca_file, &self.tls.ca_file) {
            self.tls.ca_file = Some(file.to_string_lossy().into_owned());
        }
    }
}

/// What the user wants done on an open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send a message. On WebSocket a frame or more; on the HTTP types a request on the side, on a link of its own.
    Send(Outgoing),
    /// Close politely: a close frame on WebSocket, the end of the request on others.
    Close {
        /// The close code (RFC 6455 §7.4); `None` sends an empty close frame.
        code: Option<u16>,
        /// The reason.
        reason: String,
    },
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A WebSocket ping, with at most 125 bytes.
    Ping(Bytes),
    /// An unasked WebSocket pong, with at most 125 bytes.
    Pong(Bytes),
    /// A WebSocket message with choices of its own.
    Message(WebSocketMessage),
    /// WebSocket frames, written as they are ordered.
    Frames(Vec<RawFrame>),
    /// A request on the side (SSE and the polling types).
    Request {
        /// The method, usually POST.
        method: String,
        /// The address; `None` is the connection's own.
        url: Option<String>,
        /// Headers as typed, in order. A Content-Length is added where there is a body.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
}
