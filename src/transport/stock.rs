//! A stock client: would an ordinary client accept this endpoint?
//!
//! The same endpoint is asked by plain libraries that know nothing of this program: `reqwest` with `eventsource-stream`
//! for the HTTP types, `tokio-tungstenite` for WebSocket. They are as strict as ordinary clients are, and what they say
//! is passed on in plain words. Nothing is recorded.
//!
//! Two things differ from how the connection itself is opened. A proxy is used only where the user gave its address,
//! and SOCKS proxies are not, since these libraries do not know them. Redirects are followed on the HTTP types.

mod way;
mod words;

use super::failure::{plain, seconds, tcp_reason};
use super::login::basic;
use super::proxy::Proxy;
use super::spec::{Auth, HttpVersion, PushType, Spec};
use super::target::{Target, check};
use bytes::{Bytes, BytesMut};
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use http::{HeaderName, HeaderValue};
use rustls::pki_types::ServerName;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::{Message, handshake::client::Request};
use tokio_tungstenite::{WebSocketStream, client_async};
use way::{Pipe, named_proxy, ordinary_tls, reqwest_proxy, through};
use words::{
    broken, excerpt, hung_up, not_upgraded, redirected, refused_status, spoken, taken_by_event_source, unanswered,
};

const REQWEST: &str = "reqwest 0.13";
const EVENTS: &str = "reqwest 0.13 + eventsource-stream 0.2";
const TUNGSTENITE: &str = "tokio-tungstenite 0.30";

/// What is read at most in search of a first message.
const MOST_BYTES: usize = 16 << 20;
/// U+FEFF, which may stand once at the start of an event stream (WHATWG HTML §9.2.5).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What an ordinary client made of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the client took the handshake or answer, and what came after it.
    pub accepted: bool,
    /// The client: its libraries with their versions.
    pub client: String,
    /// One sentence: what the client got, or why it refused.
    pub says: String,
    /// Messages received. The client leaves after the first.
    pub messages: u64,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
}

/// Has an ordinary client open what a spec asks for.
///
/// It ends with the first message or answer, when the client refuses, or after `limit` at the latest. Silence behind a
/// handshake or an answer's head that is fine is accepted, too.
pub async fn stock(spec: &Spec, limit: Duration) -> Verdict {
    let mut visit = Visit::new();
    let outcome = match tokio::time::timeout(limit, visit.make(spec)).await {
        Ok(outcome) => outcome,
        Err(_) => visit.silence(limit),
    };
    if let Some(socket) = &mut visit.socket {
        // A close frame (RFC 6455 §5.5.1), where there is room for it right now. Nobody waits for the answer.
        let _ = socket.close(None).now_or_never();
    }
    let (accepted, says, messages) = match outcome {
        Ok(heard) => (true, format!("accepted{}", heard.text), heard.messages),
        Err(why) => (false, why, 0),
    };
    let took_ns = visit.began.elapsed().as_nanos() as u64;
    Verdict { accepted, client: visit.client.to_owned(), says, messages, took_ns }
}

/// What a client that accepted got.
struct Heard {
    /// Goes on behind “accepted”.
    text: String,
    messages: u64,
}

impl Heard {
    fn nothing(text: impl AsRef<str>) -> Heard {
        Heard { text: format!("; {}", text.as_ref()), messages: 0 }
    }
}

/// One visit to an endpoint, and how far it came.
struct Visit {
    client: &'static str,
    began: Instant,
    /// What did not happen, should it end now.
    lacking: String,
    /// When the handshake or the answer's head was found to be fine.
    accepted: Option<Instant>,
    /// How many bytes of an event stream came.
    came: AtomicUsize,
    /// The WebSocket, to be closed at the end.
    socket: Option<WebSocketStream<Box<dyn Pipe>>>,
}

impl Visit {
    fn new() -> Visit {
        let lacking = "nothing could be asked".to_owned();
        Visit {
            client: REQWEST,
            began: Instant::now(),
            lacking,
            accepted: None,
            came: AtomicUsize::new(0),
            socket: None,
        }
    }

    async fn make(&mut self, spec: &Spec) -> Result<Heard, String> {
        let (mut target, in_address) = Target::parse(&spec.url).map_err(|failure| failure.to_string())?;
        let is_websocket = match spec.push_type {
            PushType::Ws => true,
            PushType::Auto => target.websocket,
            _ => false,
        };
        self.client = match spec.push_type {
            _ if is_websocket => TUNGSTENITE,
            PushType::Sse => EVENTS,
            _ => REQWEST,
        };
        check(spec).map_err(|failure| failure.to_string())?;
        let scheme = match (is_websocket, target.tls) {
            (true, true) => "wss",
            (true, false) => "ws",
            (false, true) => "https",
            (false, false) => "http",
        };
        target.url.set_scheme(scheme).map_err(|()| format!("the address cannot be asked by {scheme}"))?;
        let auth = if spec.auth == Auth::None { in_address.unwrap_or_default() } else { spec.auth.clone() };
        let headers = headers(spec, &auth)?;
        let proxy = named_proxy(spec, &target).await?;
        if is_websocket {
            self.websocket(spec, &target, headers, proxy).await
        } else {
            self.http(spec, &target, headers, proxy).await
        }
    }

    /// What is said when the time is over.
    fn silence(&self, limit: Duration) -> Result<Heard, String> {
        match self.accepted {
            Some(at) => {
                let but = match self.came.load(Ordering::Relaxed) {
                    0 => String::new(),
                    came => format!(" but for {came} bytes (comments, or the start of an event)"),
                };
                Ok(Heard { text: format!(", and silent for {}{but}", spoken(at.elapsed())), messages: 0 })
            }
            None => Err(format!("{} within {}", self.lacking, seconds(limit))),
        }
    }

    fn first(&self, what: &str, shown: &[u8]) -> Heard {
        let text = format!("; {what} came after {}: {}", spoken(self.began.elapsed()), excerpt(shown));
        Heard { text, messages: 1 }
    }

    async fn http(
        &mut self,
        spec: &Spec,
        target: &Target,
        headers: Headers,
        proxy: Option<Proxy>,
    ) -> Result<Heard, String> {
        let needs_tls = target.tls || proxy.as_ref().is_some_and(|proxy| proxy.target.tls);
        let mut config = ordinary_tls(spec, needs_tls).await?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let cannot = |error: reqwest::Error| format!("the request cannot be made: {}", plain(&error.without_url()));
        let builder = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy();
        let client = match &proxy {
            Some(proxy) => builder.proxy(reqwest_proxy(proxy).map_err(cannot)?),
            None => builder,
        };
        let request = request(&client.build().map_err(cannot)?, spec, target, headers).map_err(cannot)?;
        let held = if spec.push_type == PushType::LongPoll { " (a long poll may be held for longer)" } else { "" };
        self.lacking = format!("no answer from {}{held}", target.host_and_port());
        let response = request.send().await.map_err(|error| unanswered(error, target))?;
        let media_type = media_type(&response);
        let is_events = spec.push_type == PushType::Sse
            || spec.push_type == PushType::Auto && media_type.as_deref() == Some("text/event-stream");
        if is_events {
            self.client = EVENTS;
            taken_by_event_source(response.status().as_u16(), media_type.as_deref())?;
            return self.events(response, target).await;
        }
        let status = response.status().as_u16();
        // A poll may be answered that nothing is new (RFC 9110 §15.4.5).
        if !response.status().is_success() && status != 304 {
            return Err(refused_status(status, "a 2xx status"));
        }
        let is_whole = match spec.push_type {
            PushType::Poll | PushType::LongPoll => true,
            _ => response.content_length().is_some(),
        };
        let about = format!("status {status}{}", media_type.map_or_else(String::new, |name| format!(", {name}")));
        if is_whole { self.whole(response, target, &about).await } else { self.stream(response, target, &about).await }
    }

    /// Reads an answer to its end.
    async fn whole(&mut self, response: reqwest::Response, target: &Target, about: &str) -> Result<Heard, String> {
        self.lacking = format!("an answer began ({about}) and did not end");
        let redirected = redirected(response.url(), target);
        let mut chunks = std::pin::pin!(response.bytes_stream());
        let mut body = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| format!("the answer ({about}) broke off: {}", broken(&error)))?;
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BYTES {
                break;
            }
        }
        if body.is_empty() {
            return Ok(Heard::nothing(format!("the answer is empty ({about}){redirected}")));
        }
        Ok(self.first(&format!("the answer ({about}, {} bytes){redirected}", body.len()), &body))
    }

    /// Waits for the first bytes of an answer that does not end.
    async fn stream(&mut self, response: reqwest::Response, target: &Target, about: &str) -> Result<Heard, String> {
        self.accepted = Some(Instant::now());
        let redirected = redirected(response.url(), target);
        let mut chunks = std::pin::pin!(response.bytes_stream());
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => {
                    let what = format!("the first {} bytes of the answer ({about}){redirected}", chunk.len());
                    return Ok(self.first(&what, &chunk));
                }
                Err(error) if hung_up(&error) => {
                    return Ok(Heard::nothing(format!("the server hung up before it said anything ({about})")));
                }
                Err(error) => return Err(format!("the answer ({about}) broke off: {}", broken(&error))),
            }
        }
        Ok(Heard::nothing(format!("the answer ended without a byte ({about}){redirected}")))
    }

    /// Waits for the first event.
    async fn events(&mut self, response: reqwest::Response, target: &Target) -> Result<Heard, String> {
        self.accepted = Some(Instant::now());
        let redirected = redirected(response.url(), target);
        let chunks = response.bytes_stream().inspect(|chunk| {
            self.came.fetch_add(chunk.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
        });
        let mut events = std::pin::pin!(readable(chunks).await.eventsource());
        match events.next().await {
            Some(Ok(event)) => Ok(self.first(&format!("the first event{redirected}"), event.data.as_bytes())),
            Some(Err(EventStreamError::Transport(error))) if hung_up(&error) => {
                Ok(Heard::nothing("the server hung up before the first event"))
            }
            Some(Err(EventStreamError::Transport(error))) => {
                Err(format!("the event stream broke off: {}", broken(&error)))
            }
            Some(Err(EventStreamError::Utf8(_))) => {
                Err("the event stream is not UTF-8 (browsers read on, with U+FFFD in place of what is wrong)"
                    .to_owned())
            }
            Some(Err(EventStreamError::Parser(error))) => Err(format!("the event stream cannot be read: {error}")),
            None if self.came.load(Ordering::Relaxed) >= MOST_BYTES => {
                Ok(Heard::nothing(format!("there is no event in the first {} MiB", MOST_BYTES >> 20)))
            }
            None => Ok(Heard::nothing(format!("the event stream ended without an event{redirected}"))),
        }
    }

    async fn websocket(
        &mut self,
        spec: &Spec,
        target: &Target,
        headers: Headers,
        proxy: Option<Proxy>,
    ) -> Result<Heard, String> {
        let request = upgrade(spec, target, headers)?;
        let stream = self.reach(spec, target, proxy).await?;
        self.lacking = format!("no answer from {} to the upgrade request", target.host_and_port());
        let (socket, _) = client_async(request, stream).await.map_err(|error| not_upgraded(&error))?;
        self.accepted = Some(Instant::now());
        let socket = self.socket.insert(socket);
        let (what, shown) = loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => break ("the first message", Bytes::from(text)),
                Some(Ok(Message::Binary(bytes))) => break ("the first message, binary,", bytes),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let reason = excerpt(frame.reason.as_bytes());
                    return Ok(Heard::nothing(format!("the server closed with {} {reason}", frame.code)));
                }
                Some(Ok(Message::Close(None))) => return Ok(Heard::nothing("the server closed without a code")),
                // Pings and pongs, which the library sees to.
                Some(Ok(_)) => {}
                Some(Err(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake))) | None => {
                    return Ok(Heard::nothing("the server hung up without a close frame"));
                }
                Some(Err(error)) if hung_up(&error) => {
                    return Ok(Heard::nothing("the server hung up without a close frame"));
                }
                Some(Err(error)) => return Err(format!("the upgrade was fine, but not what followed: {error}")),
            }
        };
        Ok(self.first(what, &shown))
    }

    /// Opens the way to a WebSocket server.
    async fn reach(&mut self, spec: &Spec, target: &Target, proxy: Option<Proxy>) -> Result<Box<dyn Pipe>, String> {
        let needs_tls = target.tls || proxy.as_ref().is_some_and(|proxy| proxy.target.tls);
        let tls = match needs_tls {
            true => Some(TlsConnector::from(Arc::new(ordinary_tls(spec, true).await?))),
            false => None,
        };
        let next = proxy.as_ref().map_or(target, |proxy| &proxy.target);
        let place = next.host_and_port();
        self.lacking = format!("no connection to {place}");
        let tcp = TcpStream::connect((next.host.as_str(), next.port)).await;
        let tcp = tcp.map_err(|error| format!("connecting to {place} failed: {}", tcp_reason(&error)))?;
        let stream = self.encrypt(Box::new(tcp), next, tls.as_ref()).await?;
        let Some(proxy) = proxy else { return Ok(stream) };
        self.lacking = format!("no answer from the proxy {}", proxy.address);
        let stream = through(stream, &proxy, target).await?;
        self.encrypt(stream, target, tls.as_ref()).await
    }

    async fn encrypt(
        &mut self,
        stream: Box<dyn Pipe>,
        target: &Target,
        tls: Option<&TlsConnector>,
    ) -> Result<Box<dyn Pipe>, String> {
        let Some(tls) = tls.filter(|_| target.tls) else { return Ok(stream) };
        let place = target.host_and_port();
        self.lacking = format!("no end of the TLS handshake with {place}");
        let refused = |error: &dyn std::fmt::Display| format!("TLS with {place} failed: {error}");
        let name = ServerName::try_from(target.host.clone()).map_err(|error| refused(&error))?;
        let stream = tls.connect(name, stream).await.map_err(|error| refused(&plain(&error)))?;
        Ok(Box::new(stream))
    }
}

type Headers = Vec<(HeaderName, HeaderValue)>;

/// The headers of a spec, who we are among them. How long a body is, is left to the library.
fn headers(spec: &Spec, auth: &Auth) -> Result<Headers, String> {
    let login = match auth {
        Auth::None => None,
        Auth::Basic { user, password } => Some(basic(user, password)),
        Auth::Bearer { token } => Some(format!("Bearer {token}")),
    };
    let mut headers = Headers::new();
    for (name, value) in &spec.headers {
        let refused = |error: &dyn Error| format!("this client cannot send the header {name}: {error}");
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|error| refused(&error))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| refused(&error))?;
        if known != http::header::CONTENT_LENGTH && known != http::header::TRANSFER_ENCODING {
            headers.push((known, value));
        }
    }
    if let Some(login) = login.filter(|_| headers.iter().all(|(name, _)| name != AUTHORIZATION)) {
        let mut value = HeaderValue::from_str(&login).map_err(|_| "this client cannot send the login".to_owned())?;
        value.set_sensitive(true);
        headers.push((AUTHORIZATION, value));
    }
    Ok(headers)
}

fn request(
    client: &reqwest::Client,
    spec: &Spec,
    target: &Target,
    typed: Headers,
) -> Result<reqwest::RequestBuilder, reqwest::Error> {
    let accept = match spec.push_type {
        PushType::Sse => "text/event-stream",
        PushType::Auto => "text/event-stream, */*;q=0.5",
        _ => "*/*",
    };
    let mut usual = vec![(http::header::ACCEPT, HeaderValue::from_static(accept))];
    if spec.push_type == PushType::Sse {
        // WHATWG HTML §9.2.2: no cache on the way.
        usual.push((http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache")));
        let id = spec.last_event_id.as_deref().filter(|id| !id.is_empty());
        if let Some(value) = id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
            usual.push((HeaderName::from_static("last-event-id"), value));
        }
    }
    usual.retain(|(name, _)| typed.iter().all(|(other, _)| other != name));
    let method = match (spec.method.as_str(), &spec.body) {
        ("", Some(_)) => http::Method::POST,
        // What `check` let pass is a method.
        (typed, _) => http::Method::from_bytes(typed.as_bytes()).unwrap_or(http::Method::GET),
    };
    let mut request = client.request(method, target.url.clone());
    if spec.http == HttpVersion::Http10 {
        request = request.version(http::Version::HTTP_10);
    }
    for (name, value) in usual.into_iter().chain(typed) {
        request = request.header(name, value);
    }
    Ok(match &spec.body {
        Some(body) => request.body(body.clone()),
        None => request,
    })
}

/// The request for an upgrade (RFC 6455 §4.1), with the headers it needs replaced where they were typed.
fn upgrade(spec: &Spec, target: &Target, typed: Headers) -> Result<Request, String> {
    let made = target.url.as_str().into_client_request();
    let mut request = made.map_err(|error| format!("the upgrade cannot be asked for: {error}"))?;
    let headers = request.headers_mut();
    if !spec.websocket.subprotocols.is_empty() {
        let offered = HeaderValue::from_str(&spec.websocket.subprotocols.join(", "));
        let offered = offered.map_err(|error| format!("the subprotocols cannot be offered: {error}"))?;
        headers.insert(http::header::SEC_WEBSOCKET_PROTOCOL, offered);
    }
    for (name, value) in typed {
        if [HOST, CONNECTION, UPGRADE].contains(&name) || name.as_str().starts_with("sec-websocket-") {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    Ok(request)
}

fn media_type(response: &reqwest::Response) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The bytes of an event stream for `eventsource-stream`, which falls over a byte order mark: without it, and with an
/// empty comment in its place, so that nothing else can be taken for one. Ends after [`MOST_BYTES`], and behind what is
/// not UTF-8, which the library tells only at the end and would wait for in silence.
async fn readable<E>(chunks: impl Stream<Item = Result<Bytes, E>>) -> impl Stream<Item = Result<Bytes, E>> {
    let mut chunks = Box::pin(chunks.fuse());
    let mut start = BytesMut::from(&b":\n"[..]);
    let mut failed = None;
    let mut head = BytesMut::new();
    while head.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&head) {
        match chunks.next().await {
            Some(Ok(chunk)) => head.extend_from_slice(&chunk),
            Some(Err(error)) => {
                failed = Some(Err(error));
                break;
            }
            None => break,
        }
    }
    start.extend_from_slice(head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head));
    let whole = stream::iter([Ok(start.freeze())].into_iter().chain(failed)).chain(chunks);
    stream::unfold((whole, MOST_BYTES, Vec::new()), |(mut whole, mut room, mut unfinished)| async move {
        if room == 0 {
            return None;
        }
        let chunk = whole.next().await?;
        if let Ok(bytes) = &chunk {
            unfinished.extend_from_slice(bytes);
            let (len, is_wrong) = match std::str::from_utf8(&unfinished) {
                Ok(text) => (text.len(), false),
                Err(error) => (error.valid_up_to(), error.error_len().is_some()),
            };
            unfinished.drain(..len);
            room = if is_wrong { 0 } else { room.saturating_sub(bytes.len()) };
        }
        Some((chunk, (whole, room, unfinished)))
    })
}
