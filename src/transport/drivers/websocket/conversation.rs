//! The conversation after the upgrade.
//!
//! One task reads, writes, takes orders and waits, whichever is ready, so a flood from the server does not keep the
//! user from sending. Unless the connection is strict or echoes, only control frames are looked at; all else streams
//! past into the recording.

use super::super::frames::{self, Fault, FrameScanner, ReservedBits, Seen};
use super::super::handshake::Upgraded;
use super::super::side::SideRequests;
use super::End;
use super::close::{close_answer, close_text};
use super::deflate::Deflater;
use super::outbox::Outbox;
use super::reader::Reader;
use crate::transport::context::Context;
use crate::transport::failure::{self, failure};
use crate::transport::spec::{Order, Outgoing};
use crate::transport::tap::Link;
use crate::transport::websocket::WebSocketOptions;
use crate::wire::Stage;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::Control;

/// How long the other side has to answer a close frame, and then to close TCP (§7.1.1).
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// How long what is left to send may take once the server has ended the stream from its side.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// With more than this waiting to be sent, no order is taken, no ping or pong added of our own, and nothing read that would be
/// sent back.
pub(super) const OUT_LIMIT_BYTES: usize = 1024 * 1024;

enum Step {
    Read(io::Result<Bytes>),
    Wrote(io::Result<()>),
    Order(Option<Order>),
    TooLate,
    Idle,
    Side,
    Ping,
}

/// Who reads what comes in.
enum Reading {
    /// For control frames only: millions of messages a second pass by.
    Quick(FrameScanner),
    /// For broken rules and whole messages.
    Careful(Box<Reader>),
}

impl Reading {
    fn feed(&mut self, bytes: &[u8], seen: &mut Vec<Seen>) {
        match self {
            Reading::Quick(scanner) => scanner.feed(bytes, seen),
            Reading::Careful(reader) => reader.feed(bytes, seen),
        }
    }

    /// What has begun and is not complete.
    fn unfinished(&self) -> Option<&'static str> {
        match self {
            Reading::Quick(scanner) => (!scanner.is_between_frames()).then_some("frame"),
            Reading::Careful(reader) => reader.unfinished(),
        }
    }
}

/// A connection between its upgrade and its end.
pub(super) struct Conversation<'a> {
    pub context: &'a Context,
    pub link: Link,
    reading: Reading,
    early: Bytes,
    pub out: Outbox,
    /// Where permessage-deflate was agreed on.
    pub deflater: Option<Deflater>,
    began: std::time::Instant,
    last_read: Instant,
    pub close_sent: bool,
    pub closed_by_user: bool,
    pub close_received: Option<String>,
    /// Why the connection is being failed.
    fault: Option<Fault>,
    deadline: Option<Instant>,
    pongs_left_out: bool,
    is_unwritable: bool,
}

impl Conversation<'_> {
    /// A conversation on a link that was upgraded.
    pub fn new(context: &Context, upgraded: Upgraded) -> Conversation<'_> {
        let Upgraded { link, early, deflate, has_unknown_extension } = upgraded;
        let options = &context.spec.websocket;
        let deflater = deflate.as_ref().map(Deflater::new);
        if deflater.as_ref().is_some_and(Deflater::is_in_pieces) {
            link.log.notice(
                "a window of 8 bits was agreed on for what is sent: messages are compressed in pieces of 256 bytes, each on its own",
            );
        }
        let reading = if options.strict || options.echo {
            Reading::Careful(Box::new(Reader::new(link.log.id, deflate, options)))
        } else {
            let reserved_bits = match deflate {
                _ if has_unknown_extension => ReservedBits::Unknown,
                Some(_) => ReservedBits::Deflate,
                None => ReservedBits::Unused,
            };
            Reading::Quick(FrameScanner::new(reserved_bits))
        };
        Conversation {
            context,
            link,
            reading,
            early,
            out: Outbox::default(),
            deflater,
            began: std::time::Instant::now(),
            last_read: Instant::now(),
            close_sent: false,
            closed_by_user: false,
            close_received: None,
            fault: None,
            deadline: None,
            pongs_left_out: false,
            is_unwritable: false,
        }
    }

    /// The user's choices.
    pub fn options(&self) -> &WebSocketOptions {
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
        self.received(&early);
        for outgoing in kept.drain(..) {
            self.send(outgoing, side);
        }
        let idle_ms = self.context.spec.timeouts.idle_ms;
        let ping_ms = self.options().ping_ms;
        let mut pings = tokio::time::interval(Duration::from_millis(ping_ms.max(1)));
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        pings.reset();
        let mut number = 0_u64;
        let tap = self.link.tap.clone();
        loop {
            let deadline = self.deadline.unwrap_or(self.last_read);
            let idle_at = self.last_read + Duration::from_millis(idle_ms);
            let has_room = self.out.len_bytes() < OUT_LIMIT_BYTES;
            // What would be sent back is left in the socket until the server takes what waits.
            let is_held_back = !has_room && self.options().echo && !self.close_sent;
            let step = tokio::select! {
                read = tap.chunk(), if !is_held_back => Step::Read(read),
                wrote = self.out.write(&tap), if self.out.is_waiting() => Step::Wrote(wrote),
                order = orders.recv(), if has_room => Step::Order(order),
                () = tokio::time::sleep_until(deadline), if self.deadline.is_some() => Step::TooLate,
                () = tokio::time::sleep_until(idle_at), if idle_ms > 0 => Step::Idle,
                () = side.progress(), if side.is_busy() => Step::Side,
                _ = pings.tick(), if ping_ms > 0 && has_room && !self.close_sent => Step::Ping,
            };
            match step {
                Step::Read(Ok(bytes)) if bytes.is_empty() => return self.end_of_stream().await,
                Step::Read(Ok(bytes)) => {
                    self.last_read = Instant::now();
                    self.received(&bytes);
                }
                Step::Read(Err(error)) => return self.broken("reading", &error).await,
                // What the server still says may tell why it takes no more: read on until it ends.
                Step::Wrote(Err(error)) => return self.unwritable(&error).await,
                Step::Wrote(Ok(())) | Step::Side => {}
                Step::Ping => {
                    number += 1;
                    self.send(Outgoing::Ping(Bytes::from(format!("pushscope {number}"))), side);
                }
                Step::Order(Some(Order::Send(outgoing))) => self.send(outgoing, side),
                Step::Order(Some(Order::Close { code, reason })) => self.close(code, &reason),
                Step::Order(None) => std::future::pending().await,
                Step::TooLate => return self.too_late().await,
                Step::Idle if tap.is_stalled() || is_held_back => self.last_read = Instant::now(),
                Step::Idle => {
                    let limit = Duration::from_millis(idle_ms);
                    let failure = failure::timeout(Stage::Stream, "reading WebSocket frames", limit, self.began);
                    return self.failed(failure);
                }
            }
        }
    }

    /// Looks at what came in and answers it.
    fn received(&mut self, bytes: &[u8]) {
        let mut seen = Vec::new();
        self.reading.feed(bytes, &mut seen);
        for item in seen {
            match item {
                Seen::Broken(rule) => self.link.log.notice(rule),
                Seen::Ping(payload) => self.pinged(&payload),
                Seen::Close(payload) => self.close_received(&payload),
                Seen::Message { .. } if self.close_sent || self.is_unwritable => {}
                Seen::Message { is_text, payload } => self.send_back(is_text, &payload),
                Seen::Fault(fault) => self.fail(fault),
            }
        }
    }

    fn pinged(&mut self, payload: &[u8]) {
        if !self.options().auto_pong || self.close_sent {
            return;
        }
        if self.out.len_bytes() < OUT_LIMIT_BYTES {
            self.out.push_soon(frames::control(Control::Pong, payload));
        } else if !std::mem::replace(&mut self.pongs_left_out, true) {
            // RFC 6455 §5.5.3 allows to answer the latest ping only.
            self.link.log.notice("pings come faster than pongs can be sent: some are left unanswered");
        }
    }

    fn close_received(&mut self, payload: &Bytes) {
        if self.close_received.is_some() {
            return;
        }
        self.close_received = Some(close_text(payload));
        if self.close_sent {
            self.deadline = Some(Instant::now() + CLOSE_WAIT);
        } else if self.options().auto_close {
            self.push_close(&close_answer(payload));
        } else {
            self.link.log.notice("the server sent a close frame; it is left unanswered, as the options say");
        }
    }

    /// Fails the connection (§7.1.7): a close frame says why, and then it is the server's turn to close TCP.
    fn fail(&mut self, fault: Fault) {
        let Fault { code, reason, rule } = &fault;
        self.link.log.notice(format!("the connection is failed with close code {code} (RFC 6455 §7.1.7): {rule}"));
        if !self.close_sent {
            let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
            self.push_close(&payload);
        }
        self.fault = Some(fault);
    }

    /// Sends a close frame, after which only the server's is waited for.
    pub fn push_close(&mut self, payload: &[u8]) {
        self.out.push(frames::control(Control::Close, payload));
        self.close_is_sent();
    }

    /// A close frame is on its way.
    pub fn close_is_sent(&mut self) {
        if !std::mem::replace(&mut self.close_sent, true) {
            self.deadline = Some(Instant::now() + CLOSE_WAIT);
        }
    }

    /// The server closed TCP.
    async fn end_of_stream(mut self) -> End {
        let by_user = self.closed_by_user;
        // It may have closed its side alone, right behind what it said last: our answer to that still goes out, and only
        // then do we say that it did.
        if self.close_received.is_some() && self.close_sent && !self.is_unwritable {
            let tap = self.link.tap.clone();
            let wrote = tokio::time::timeout(LAST_WORDS, self.out.write(&tap)).await;
            self.close_sent = matches!(wrote, Ok(Ok(())));
        }
        if let Some(fault) = &self.fault {
            let failure = self.failure_of(fault);
            self.link.tap.shutdown().await;
            return self.failed(failure);
        }
        match (&self.close_received, self.close_sent) {
            (Some(said), _) => {
                let frames =
                    if self.close_sent { "close frames from both sides" } else { "a close frame, left unanswered" };
                self.link.finish(&format!("after {frames}: {said}")).await;
                let text = format!("closed {}: {said}", if by_user { "by the user" } else { "by the server" });
                End::Closed { text, by_user }
            }
            (None, true) => {
                let text = "closed by the user; the server closed TCP without answering the close frame";
                self.link.finish(text).await;
                End::Closed { text: text.to_owned(), by_user }
            }
            (None, false) => {
                let place = self.reading.unfinished().map(|what| format!(" in the middle of a {what}"));
                let place = place.unwrap_or_default();
                let text = format!("the server closed TCP{place} without a close frame (1006)");
                let hint =
                    "the server, or a proxy on the way (often after a minute of silence), dropped the connection";
                self.link.tap.shutdown().await;
                let failure = failure(Stage::Stream, self.began, text, hint);
                self.failed(failure)
            }
        }
    }

    /// The other side did not do its part of the close in time.
    async fn too_late(self) -> End {
        if let Some(fault) = &self.fault {
            let failure = self.failure_of(fault);
            return self.failed(failure);
        }
        let text = match &self.close_received {
            Some(said) => format!("closed: {said}; the server left TCP open, so it was closed from here"),
            None => "closed by the user; the server did not answer the close frame within 5 s".to_owned(),
        };
        self.link.finish(&text).await;
        End::Closed { text, by_user: self.closed_by_user }
    }

    async fn unwritable(mut self, error: &io::Error) -> End {
        self.is_unwritable = true;
        let tap = self.link.tap.clone();
        let read_on = async {
            while let Ok(bytes) = tap.chunk().await {
                if bytes.is_empty() {
                    break;
                }
                self.received(&bytes);
            }
        };
        // What the server said before is worth a second.
        let _ = tokio::time::timeout(Duration::from_secs(1), read_on).await;
        if self.close_received.is_some() {
            return self.end_of_stream().await;
        }
        self.broken("sending", error).await
    }

    async fn broken(self, doing: &str, error: &io::Error) -> End {
        // After a fault or both close frames, how TCP ends is of no consequence.
        if self.fault.is_some() || (self.close_received.is_some() && self.close_sent) {
            return self.end_of_stream().await;
        }
        let failure = failure::io(Stage::Stream, &format!("{doing} WebSocket frames"), error, self.began);
        self.failed(failure)
    }

    fn failure_of(&self, fault: &Fault) -> crate::wire::Failure {
        let text = format!("failed with close code {}, since the server broke a rule: {}", fault.code, fault.rule);
        let hint = "a WebSocket client must fail the connection then (RFC 6455 §7.1.7); where the connection is not strict, \
                    Pushscope reads on";
        failure(Stage::Stream, self.began, text, hint)
    }

    fn failed(self, failure: crate::wire::Failure) -> End {
        End::Broken { failure: self.link.fail(failure), by_user: self.closed_by_user }
    }
}
