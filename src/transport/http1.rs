//! HTTP/1 on a tapped link: hyper reads the answers; the requests are ours.
//!
//! hyper is given an empty request. When it writes that request's head, [`HyperStream`] throws those bytes away and
//! writes the bytes of [`Ask`] instead. What hyper refuses to read stays recorded, since the tap sits below it.
//! The chunks of one read reach hyper as one (see [`super::coalesce`]).

use super::coalesce::Coalesce;
use super::context::{Context, LinkLog};
use super::dial::{dial, within};
use super::failure;
use super::request::{Ask, Masked};
use super::spec::HttpVersion;
use super::tap::{Link, Tap};
use super::target::Target;
use crate::wire::{Dir, Failure, Stage};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The most that hyper may hold of an answer's head.
const HEAD_LIMIT_BYTES: usize = 256 * 1024;
/// The most header lines that hyper takes.
const HEAD_LIMIT_LINES: usize = 2000;

/// How much of a body is read that nobody asked for: of redirects and refusals.
const EVIDENCE_BYTES: usize = 64 * 1024;

/// The head of an answer, and its body to be read.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    /// How long the server held the request.
    pub held: Duration,
    /// The target that answered, after redirects.
    pub target: Target,
    body: Incoming,
    began: Instant,
}

impl Answer {
    /// The first value of a header, as far as it is text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    }

    /// All values of a header, a line each, as far as they are text.
    pub fn values(&self, name: &str) -> Vec<String> {
        let lines = self.headers.get_all(name).into_iter();
        lines.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    /// All tokens of a header that is a list (RFC 9110 §5.6.1), in lower case.
    pub fn tokens(&self, name: &str) -> Vec<String> {
        let lines = self.headers.get_all(name).into_iter();
        let lines = lines.map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
        lines.flat_map(|line| line.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>()).collect()
    }

    /// The media type without its parameters, in lower case; empty where none is given.
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_lowercase()
    }
}

/// Why there is no answer.
pub(crate) enum Trouble {
    /// The link failed; that is recorded.
    Failed(Failure),
    /// The server stayed silent for so long. The link is closed, which is recorded as no failure yet.
    Silent(Failure),
    /// The server had closed the link that was kept alive before it saw the request (RFC 9112 §9.3.1).
    Raced,
}

/// A link that speaks HTTP/1.
pub(crate) struct Http1 {
    pub link: Link,
    pub target: Target,
    sender: SendRequest<Empty<Bytes>>,
    exchange: Arc<Mutex<Exchange>>,
    task: Task,
    turn: Arc<Mutex<Turn>>,
    used: bool,
}

/// Who ends the link when hyper is through with it: its owner during an exchange, else hyper's task.
#[derive(Default)]
struct Turn {
    in_exchange: bool,
    is_through: bool,
}

/// hyper's side of the link, which ends with its owner.
struct Task(JoinHandle<Bytes>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Http1 {
    /// Opens a link.
    pub async fn open(context: &Context, target: &Target, purpose: &str) -> Result<Http1, Failure> {
        Http1::on(dial(context, target, purpose).await?, target).await
    }

    /// Speaks HTTP on a link that is open.
    pub async fn on(link: Link, target: &Target) -> Result<Http1, Failure> {
        let exchange = Arc::new(Mutex::new(Exchange::default()));
        let stream = HyperStream { tap: link.tap.clone(), unread: Bytes::new(), exchange: exchange.clone() };
        let began = Instant::now();
        let made = builder().handshake::<_, Empty<Bytes>>(stream).await;
        let (sender, connection) =
            made.map_err(|error| link.fail(failure::failure(Stage::Request, began, failure::plain(&error), "")))?;
        let turn = Arc::new(Mutex::new(Turn::default()));
        let (tap, log, task_turn) = (link.tap.clone(), link.log.clone(), turn.clone());
        let task = Task(tokio::spawn(async move {
            let mut connection = connection;
            // What went wrong is told where the answer is awaited.
            let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
            let parts = connection.into_parts();
            let in_exchange = {
                let mut turn = lock(&task_turn);
                turn.is_through = true;
                turn.in_exchange
            };
            if !in_exchange {
                end(&tap, &log).await;
            }
            [parts.read_buf, parts.io.unread].concat().into()
        }));
        Ok(Http1 { link, target: target.clone(), sender, exchange, task, turn, used: false })
    }

    /// Ends an exchange whose answer was read: the link may idle, and ends if the server does.
    pub async fn release(&mut self) {
        let is_through = {
            let mut turn = lock(&self.turn);
            turn.in_exchange = false;
            turn.is_through
        };
        if is_through {
            end(&self.link.tap, &self.link.log).await;
        }
    }

    /// The request target as it goes out on this link (RFC 9112 §3.2).
    pub fn request_target(&self, ask: &Ask) -> String {
        match (ask.method.as_str(), &self.link.forwarder) {
            ("CONNECT", _) => ask.target.host_and_port(),
            (_, Some(_)) => ask.target.absolute_form(),
            (_, None) => ask.target.path_and_query(),
        }
    }

    /// Whether another request can be sent on this link.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed() && !self.link.log.is_over()
    }

    /// Sends a request and waits for the answer's head.
    pub async fn exchange(&mut self, ask: &Ask) -> Result<Answer, Trouble> {
        let began = Instant::now();
        let before = self.link.tap.moved_bytes(Dir::In);
        let reused = std::mem::replace(&mut self.used, true);
        lock(&self.turn).in_exchange = true;
        let outcome = within(ask.answer_ms, async {
            self.sender.ready().await?;
            let mut request = http::Request::new(Empty::new());
            // A method that is no token was refused before anything was opened.
            *request.method_mut() = http::Method::from_bytes(ask.method.as_bytes()).unwrap_or_default();
            if ask.version == HttpVersion::Http10 {
                *request.version_mut() = http::Version::HTTP_10;
            }
            {
                // hyper is ready once it has read the last answer to its end; what comes unasked behind that is refused.
                let mut exchange = lock(&self.exchange);
                exchange.outgoing = ask.bytes(&self.request_target(ask));
                exchange.incoming.expect_answer(request.method());
            }
            self.sender.send_request(request).await
        })
        .await;
        match outcome {
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                Ok(Answer {
                    status: head.status.as_u16(),
                    headers: head.headers,
                    held: began.elapsed(),
                    target: ask.target.clone(),
                    body,
                    began,
                })
            }
            Ok(Err(error)) => {
                let received = self.link.tap.moved_bytes(Dir::In) - before;
                if reused && received == 0 && !error.is_parse() {
                    return Err(Trouble::Raced);
                }
                let failure = self.refused(&error, received, began);
                self.link.tap.drain().await;
                Err(Trouble::Failed(self.link.fail(failure)))
            }
            Err(limit) => {
                let host = ask.target.authority();
                let received = self.link.tap.moved_bytes(Dir::In) - before;
                self.link.tap.close();
                if received > 0 {
                    let limit = failure::seconds(limit);
                    let text = format!(
                        "{host} began to answer {}, and the head of its answer did not end within {limit}: {received} bytes came",
                        ask.method
                    );
                    let hint = "what arrived is recorded; if it is only slow, set a longer timeout";
                    return Err(Trouble::Failed(self.link.fail(failure::failure(Stage::Answer, began, text, hint))));
                }
                let by = match &self.link.forwarder {
                    Some(proxy) => format!(" by the proxy {}, which may be holding the answer back", proxy.address),
                    None => String::new(),
                };
                let doing = format!("waiting for {host} to answer {}{by}", ask.method);
                Err(Trouble::Silent(failure::timeout(Stage::Answer, &doing, limit, began)))
            }
        }
    }

    /// Why there is no answer, or one whose head hyper would not take.
    fn refused(&self, error: &hyper::Error, received: u64, began: Instant) -> Failure {
        let failure = self.refusal(error, received, began);
        match &self.link.way_by {
            Some(proxy) if received == 0 => failure::by_way(failure, proxy),
            _ => failure,
        }
    }

    fn refusal(&self, error: &hyper::Error, received: u64, began: Instant) -> Failure {
        let host = self.target.authority();
        let sample = self.link.tap.sample();
        let tls_hint = if self.target.tls {
            "see the server's log"
        } else {
            "if this port speaks TLS, use https:// or wss://; else see the server's log"
        };
        if error.is_parse() && failure::plain(error).contains("too large") {
            let text = format!(
                "the head of {host}'s answer does not end: more than {HEAD_LIMIT_BYTES} bytes or {HEAD_LIMIT_LINES} lines"
            );
            return failure::failure(Stage::Answer, began, text, "the server is broken, or this is no web server");
        }
        if error.is_parse() && sample.starts_with(b"HTTP/") {
            let said = failure::plain(error);
            let text = format!("{host}'s answer breaks the rules of HTTP so that it cannot be read on: {said}");
            return failure::failure(Stage::Answer, began, text, "what arrived is recorded: look at its bytes");
        }
        if error.is_parse() || (received > 0 && !sample.starts_with(b"HTTP/")) {
            let (what, hint) = failure::not_http(&sample);
            return failure::failure(Stage::Answer, began, format!("what {host} answered is not HTTP: {what}"), hint);
        }
        if let Some(cause) = self.link.tap.error() {
            let doing = format!("waiting for {host} to answer");
            let mut failure = failure::io(Stage::Answer, &doing, &cause, began);
            if received == 0 && failure.hint != failure::CLIENT_CERTIFICATE {
                tls_hint.clone_into(&mut failure.hint);
            }
            return failure;
        }
        let text = if received == 0 {
            format!("{host} closed the connection without an answer")
        } else if !error.is_incomplete_message() {
            // hyper takes nothing on a link where nothing was asked yet.
            let text = format!("{host} answered before it was asked: its answer stood there ahead of the request");
            return failure::failure(
                Stage::Answer,
                began,
                text,
                "what arrived is recorded; to what it answers is unknown",
            );
        } else {
            format!("{host} closed the connection in the middle of its answer's head")
        };
        failure::failure(Stage::Answer, began, text, tls_hint)
    }

    /// The next bytes of an answer's body as they arrive; `None` at its end.
    pub async fn chunk(&self, answer: &mut Answer, idle_ms: u64) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = match within(idle_ms, answer.body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    let failure = self.broken(&error, answer.began);
                    self.link.tap.drain().await;
                    return Err(self.link.fail(failure));
                }
                Err(_) if self.link.tap.is_stalled() => continue,
                Err(limit) => {
                    let doing = format!("reading {}'s stream", self.target.authority());
                    return Err(self.link.fail(failure::timeout(Stage::Stream, &doing, limit, answer.began)));
                }
            };
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Reads a body that is only evidence: at most 64 KiB and one second of it. Says whether that was all.
    pub async fn read_evidence(&self, answer: &mut Answer) -> bool {
        let read = async {
            let mut left = EVIDENCE_BYTES;
            while let Ok(Some(bytes)) = self.chunk(answer, 0).await {
                left = left.saturating_sub(bytes.len());
                if left == 0 {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(Duration::from_secs(1), read).await.unwrap_or(false)
    }

    /// Why an answer's body cannot be read on.
    fn broken(&self, error: &hyper::Error, began: Instant) -> Failure {
        let host = self.target.authority();
        let doing = format!("reading {host}'s answer");
        match (self.link.tap.error(), failure::io_cause(error)) {
            (Some(error), _) => failure::io(Stage::Stream, &doing, &error, began),
            (None, Some(cause)) if cause.kind() != io::ErrorKind::UnexpectedEof => {
                let text = format!("{host}'s answer breaks its own framing: {cause}");
                failure::failure(Stage::Stream, began, text, "what arrived is recorded: look at its last bytes")
            }
            _ => {
                let text = format!("{host} closed the connection before its answer was complete");
                let hint = "the server stopped in the middle: it, or a proxy on the way, gave up or was restarted";
                failure::failure(Stage::Stream, began, text, hint)
            }
        }
    }

    /// Gives the link up as a byte stream, after an answer of 101, with the bytes that came behind the head.
    pub async fn upgraded(mut self, answer: Answer) -> (Link, Bytes) {
        drop(answer);
        let early = (&mut self.task.0).await.unwrap_or_default();
        (self.link, early)
    }
}

/// hyper as it is used here: as tolerant as it can be.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(HEAD_LIMIT_LINES)
        .max_buf_size(HEAD_LIMIT_BYTES);
    builder
}

/// Ends a link that hyper is through with.
async fn end(tap: &Tap, log: &LinkLog) {
    let by = tap.ended_by();
    tap.shutdown().await;
    tap.close();
    let text = match (by, tap.error().map(|error| error.kind())) {
        (_, Some(io::ErrorKind::ConnectionReset)) => "the server reset the idle connection (TCP RST)",
        (Dir::In, _) => "the server closed the connection",
        (Dir::Out, _) => "the answer was complete",
    };
    log.closed(by, text);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What goes out in the place of hyper's request, and the way in for its answer.
#[derive(Default)]
struct Exchange {
    outgoing: Masked,
    incoming: Coalesce,
}

/// What hyper reads and writes.
struct HyperStream {
    tap: Tap,
    unread: Bytes,
    exchange: Arc<Mutex<Exchange>>,
}

impl Read for HyperStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            let read = ready!(self.tap.poll_chunk(cx))?;
            let unread = lock(&self.exchange).incoming.feed(read);
            self.unread = unread;
        }
        let len = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl Write for HyperStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outgoing = &mut lock(&self.exchange).outgoing;
        while !outgoing.real.is_empty() {
            ready!(self.tap.poll_write_masked(cx, outgoing))?;
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        self.tap.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        self.tap.poll_shutdown(cx)
    }
}
