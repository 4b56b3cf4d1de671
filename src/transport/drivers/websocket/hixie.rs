//! The conversation of drafts hixie-75 and hixie-76: texts both ways, and from hixie-76 on a close without a code
//! (draft-hixie-thewebsocketprotocol-76 §4.2, §6). What comes in is read by the dissector.

use super::super::handshake::Upgraded;
use super::super::side::SideRequests;
use super::End;
use super::conversation::{CLOSE_WAIT, OUT_LIMIT_BYTES};
use super::outbox::Outbox;
use crate::dissect::hixie::{Draft, Hixie};
use crate::dissect::{Content, FieldDef, Flags, Kind, Layer, NoteDef, Place, Record, Severity, Sink, Value};
use crate::transport::context::Context;
use crate::transport::failure::{self, failure};
use crate::transport::spec::{Order, Outgoing};
use crate::transport::tap::Link;
use crate::transport::websocket::{WebSocketMessage, WebSocketOptions};
use crate::wire::{Act, Dir, Failure, Stage};
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// What closes, and what answers that (§6).
const CLOSE: &[u8] = &[0xFF, 0x00];

enum Step {
    Read(io::Result<Bytes>),
    Wrote(io::Result<()>),
    Order(Option<Order>),
    TooLate,
    Idle,
    Side,
}

/// A connection between its upgrade and its end.
pub(super) struct Talk<'a> {
    context: &'a Context,
    link: Link,
    draft: Draft,
    dissector: Hixie,
    ear: Ear,
    /// How many bytes of the conversation were read.
    at: u64,
    early: Bytes,
    out: Outbox,
    began: std::time::Instant,
    last_read: Instant,
    close_sent: bool,
    closed_by_user: bool,
    deadline: Option<Instant>,
}

impl Talk<'_> {
    /// A conversation on a link that was upgraded to `draft`.
    pub fn new(context: &Context, upgraded: Upgraded, draft: Draft) -> Talk<'_> {
        let Upgraded { link, early, .. } = upgraded;
        let options = &context.spec.websocket;
        if options.ping_ms > 0 {
            link.log.notice(format!("draft {} has no pings, so none are sent", options.version.name()));
        }
        if options.fragment_bytes > 0 {
            link.log.notice(format!("draft {} has no fragments: messages are sent whole", options.version.name()));
        }
        Talk {
            context,
            draft,
            dissector: Hixie::new(link.log.id, draft),
            ear: Ear { echoes: options.echo, limit_bytes: options.inflate_limit_bytes, ..Ear::default() },
            link,
            at: 0,
            early,
            out: Outbox::default(),
            began: std::time::Instant::now(),
            last_read: Instant::now(),
            close_sent: false,
            closed_by_user: false,
            deadline: None,
        }
    }

    fn options(&self) -> &WebSocketOptions {
        &self.context.spec.websocket
    }

    /// Talks until the end.
    pub async fn run(
        mut self,
        orders: &mut UnboundedReceiver<Order>,
        kept: &mut VecDeque<Outgoing>,
        side: &mut SideRequests,
    ) -> End {
        let early = std::mem::take(&mut self.early);
        if let Some(end) = self.received(&early).await {
            return end;
        }
        for outgoing in kept.drain(..) {
            self.send(outgoing, side);
        }
        let idle_ms = self.context.spec.timeouts.idle_ms;
        let tap = self.link.tap.clone();
        loop {
            let deadline = self.deadline.unwrap_or(self.last_read);
            let idle_at = self.last_read + Duration::from_millis(idle_ms);
            let has_room = self.out.len_bytes() < OUT_LIMIT_BYTES;
            // What would be sent back is left in the socket until the server takes what waits.
            let is_held_back = !has_room && self.ear.echoes && !self.close_sent;
            let step = tokio::select! {
                read = tap.chunk(), if !is_held_back => Step::Read(read),
                wrote = self.out.write(&tap), if self.out.is_waiting() => Step::Wrote(wrote),
                order = orders.recv(), if has_room => Step::Order(order),
                () = tokio::time::sleep_until(deadline), if self.deadline.is_some() => Step::TooLate,
                () = tokio::time::sleep_until(idle_at), if idle_ms > 0 => Step::Idle,
                () = side.progress(), if side.is_busy() => Step::Side,
            };
            match step {
                Step::Read(Ok(bytes)) if bytes.is_empty() => return self.end_of_stream().await,
                Step::Read(Ok(bytes)) => {
                    self.last_read = Instant::now();
                    if let Some(end) = self.received(&bytes).await {
                        return end;
                    }
                }
                Step::Read(Err(error)) => return self.broken("reading", &error).await,
                Step::Wrote(Err(error)) => return self.broken("sending", &error).await,
                Step::Wrote(Ok(())) | Step::Side => {}
                Step::Order(Some(Order::Send(outgoing))) => self.send(outgoing, side),
                Step::Order(Some(Order::Close { code, reason })) => {
                    self.close(code, &reason);
                    if self.draft == Draft::Hixie75 {
                        return self.closed("closed by the user; hixie-75 has no closing handshake".to_owned()).await;
                    }
                }
                Step::Order(None) => std::future::pending().await,
                Step::TooLate => {
                    let text = match self.ear.is_closed {
                        true => "closed; the server left TCP open, so it was closed from here",
                        false => "closed by the user; the server did not answer the close within 5 s",
                    };
                    return self.closed(text.to_owned()).await;
                }
                Step::Idle if tap.is_stalled() || is_held_back => self.last_read = Instant::now(),
                Step::Idle => {
                    let limit = Duration::from_millis(idle_ms);
                    let failure = failure::timeout(Stage::Stream, "reading WebSocket frames", limit, self.began);
                    return self.failed(failure);
                }
            }
        }
    }

    /// Looks at what came in and answers it. An end, where a strict connection sees a broken rule.
    async fn received(&mut self, bytes: &[u8]) -> Option<End> {
        let was_closed = self.ear.is_closed;
        self.dissector.feed(Dir::In, self.at, bytes, &mut self.ear);
        self.at += bytes.len() as u64;
        for text in std::mem::take(&mut self.ear.notices) {
            self.link.log.notice(text);
        }
        for text in std::mem::take(&mut self.ear.echoed) {
            if !self.close_sent {
                self.out.push(frame(&text));
            }
        }
        if let Some(rule) = self.ear.fault.take().filter(|_| self.options().strict) {
            let text = format!("failed, since the server broke a rule: {rule}");
            let hint = "where the connection is not strict, Pushscope reads on";
            self.link.tap.drain().await;
            return Some(self.failed(failure(Stage::Stream, self.began, text, hint)));
        }
        if self.ear.is_closed && !was_closed {
            if self.close_sent {
                self.deadline = Some(Instant::now() + CLOSE_WAIT);
            } else if self.options().auto_close {
                self.push_close();
            } else {
                self.link.log.notice("the server closes; that is left unanswered, as the options say");
            }
        }
        None
    }

    fn push_close(&mut self) {
        self.out.push(Bytes::from_static(CLOSE));
        self.close_sent = true;
        self.deadline = Some(Instant::now() + CLOSE_WAIT);
    }

    fn send(&mut self, outgoing: Outgoing, side: &mut SideRequests) {
        if let Outgoing::Request { .. } = outgoing {
            return side.begin(outgoing);
        }
        if self.close_sent {
            return self.not_sent("what closes has been sent, and nothing may follow it (hixie-76 §6)");
        }
        match outgoing {
            Outgoing::Text(text) => self.out.push(frame(text.as_bytes())),
            Outgoing::Message(message) => self.send_message(&message),
            Outgoing::Binary(_) => self.cannot("binary messages"),
            Outgoing::Ping(_) | Outgoing::Pong(_) => self.cannot("pings and pongs"),
            Outgoing::Frames(_) => self.cannot("frames with opcodes, as RFC 6455 has them"),
            Outgoing::Request { .. } => {}
        }
    }

    fn send_message(&mut self, message: &WebSocketMessage) {
        match message {
            WebSocketMessage { is_text: false, .. } => self.cannot("binary messages"),
            WebSocketMessage { compress: Some(true), .. } => self.cannot("compression"),
            WebSocketMessage { fragments_bytes, .. } if !fragments_bytes.is_empty() => self.cannot("fragments"),
            WebSocketMessage { payload, .. } if payload.contains(&0xFF) => {
                self.not_sent("the byte 0xFF ends a text in this draft, and the message holds one");
            }
            WebSocketMessage { payload, .. } => self.out.push(frame(payload)),
        }
    }

    fn cannot(&self, what: &str) {
        self.not_sent(&format!("draft {} has no {what}", self.options().version.name()));
    }

    fn not_sent(&self, why: &str) {
        self.context.act(Act::NotSent, format!("not sent: {why}"));
    }

    fn close(&mut self, code: Option<u16>, reason: &str) {
        self.closed_by_user = true;
        if self.close_sent {
            return self.not_sent("the connection is being closed already");
        }
        // 1000 is what asks for a plain end.
        if code.is_some_and(|code| code != 1000) || !reason.is_empty() {
            self.cannot("code or reason for closing");
        }
        if self.draft == Draft::Hixie76 {
            self.push_close();
        }
    }

    async fn closed(self, text: String) -> End {
        self.link.finish(&text).await;
        End::Closed { text, by_user: self.closed_by_user }
    }

    /// The server closed TCP.
    async fn end_of_stream(self) -> End {
        let by = if self.closed_by_user { "by the user" } else { "by the server" };
        let unfinished = self.dissector.pending(Dir::In);
        match (self.draft, unfinished) {
            _ if self.ear.is_closed && self.close_sent => {
                self.closed(format!("closed {by}; the other side answered that")).await
            }
            _ if self.ear.is_closed => self.closed(format!("closed {by}; that was left unanswered")).await,
            _ if self.close_sent => {
                self.closed("closed by the user; the server closed TCP without answering that".to_owned()).await
            }
            (Draft::Hixie75, None) => self.closed(format!("closed {by}; hixie-75 has no closing handshake")).await,
            (_, unfinished) => {
                let place = unfinished.map(|pending| format!(" in the middle of a {}", pending.what));
                let text = format!("the server closed TCP{} without closing first", place.unwrap_or_default());
                let hint =
                    "the server, or a proxy on the way (often after a minute of silence), dropped the connection";
                self.link.tap.shutdown().await;
                self.failed(failure(Stage::Stream, self.began, text, hint))
            }
        }
    }

    fn failed(&self, failure: Failure) -> End {
        End::Broken { failure: self.link.fail(failure), by_user: self.closed_by_user }
    }

    async fn broken(self, doing: &str, error: &io::Error) -> End {
        if self.ear.is_closed && self.close_sent {
            return self.end_of_stream().await;
        }
        let failure = failure::io(Stage::Stream, &format!("{doing} WebSocket frames"), error, self.began);
        self.failed(failure)
    }
}

/// A text between 0x00 and 0xFF.
fn frame(text: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(text.len() + 2);
    bytes.put_u8(0x00);
    bytes.put_slice(text);
    bytes.put_u8(0xFF);
    bytes.freeze()
}

/// Listens to the dissector for what the driver acts on. Texts are held only where they are sent back, and of each no
/// more than the limit.
#[derive(Default)]
struct Ear {
    echoes: bool,
    limit_bytes: u64,
    text: Vec<u8>,
    echoed: Vec<Vec<u8>>,
    /// What is to be said, each rule once.
    notices: Vec<String>,
    told: Vec<&'static str>,
    /// The first rule that was broken.
    fault: Option<String>,
    is_closed: bool,
}

impl Sink for Ear {
    fn full(&self) -> bool {
        self.echoes
    }

    fn field(&mut self, _: Place, _: &'static FieldDef, _: u64, _: u64, _: Value, _: u8) {}

    fn note(&mut self, _: Place, def: &'static NoteDef, _: u64, _: u64, detail: impl FnOnce() -> String) {
        if def.severity < Severity::Warning || self.told.contains(&def.key) {
            return;
        }
        self.told.push(def.key);
        let rule = format!("{}: {} ({})", def.text, detail(), def.spec);
        if def.severity == Severity::Error {
            self.fault.get_or_insert_with(|| rule.clone());
        }
        self.notices.push(rule);
    }

    fn content(&mut self, place: Place, _: u64, _: u64, _: Content, bytes: &[u8]) {
        if place.layer == Layer::Content && self.text.len() as u64 <= self.limit_bytes {
            self.text.extend_from_slice(bytes);
        }
    }

    fn record(&mut self, _: Place, record: Record) {
        match record.kind {
            Kind::WsClose => self.is_closed = true,
            Kind::WsText | Kind::WsBinary => {
                let text = std::mem::take(&mut self.text);
                if !self.echoes || record.kind == Kind::WsBinary || record.flags.has(Flags::INCOMPLETE) {
                } else if record.payload_len > self.limit_bytes {
                    let (len, limit) = (record.payload_len, self.limit_bytes);
                    self.notices.push(format!("a message of {len} bytes is not sent back: the limit is {limit}"));
                } else {
                    self.echoed.push(text);
                }
            }
            _ => {}
        }
    }
}
