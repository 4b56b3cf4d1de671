//! WebSocket (RFC 6455): the conversation after the upgrade.
//!
//! One task reads, writes, takes orders and waits, whichever is ready, so a flood from the server does not keep the
//! user from sending. Only control frames are looked at; all else streams past into the recording.

mod hixie;
use super::frames::{self, CONTROL_BYTES, FrameScanner, Seen};
use super::handshake::{self, Upgraded};
use super::side::SideRequests;
use super::{Outcome, backoff, draft, wait};
use crate::transport::context::Context;
use crate::transport::failure::{self, failure};
use crate::transport::spec::{Auth, Order, Outgoing};
use crate::transport::tap::{Link, Tap};
use crate::transport::target::Target;
use crate::transport::websocket::{RawFrame, WebSocketMessage, WebSocketOptions};
use crate::wire::{Act, Failure, Stage};
use bytes::Bytes;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data};

/// How long the other side has to answer a close frame, and then to close TCP (§7.1.1).
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// With more than this waiting to be sent, no order is taken and no automatic pong added.
const OUT_LIMIT_BYTES: usize = 1024 * 1024;

/// How a conversation ended.
enum End {
    /// By a close handshake or an order.
    Closed { text: String, by_user: bool },
    /// By a failure, which is recorded.
    Broken(Failure),
}

/// Runs a WebSocket connection to its end.
pub(super) async fn run(
    context: &Arc<Context>,
    orders: &mut UnboundedReceiver<Order>,
    side: &mut SideRequests,
    target: &Target,
    auth: Option<&Auth>,
) -> Outcome {
    let again = context.spec.reconnect == Some(true);
    let interval = Duration::from_millis(context.spec.interval_ms.unwrap_or(3000));
    let mut early_orders = VecDeque::new();
    let mut failures = 0;
    for number in 0_u64.. {
        let purpose = if number == 0 { "request".to_owned() } else { format!("reconnection {number}") };
        let opened = tokio::select! {
            opened = handshake::open(context, target, auth, &purpose) => opened,
            () = collect(context, orders, &mut early_orders) => {
                return Outcome::Done("closed by the user before it was open".to_owned());
            }
        };
        let end = match opened {
            Ok(upgraded) => {
                failures = 0;
                match draft::of(&context.spec) {
                    Some(draft) => {
                        hixie::Talk::new(context, upgraded, draft).run(orders, &mut early_orders, side).await
                    }
                    None => Conversation::new(context, upgraded).run(orders, &mut early_orders, side).await,
                }
            }
            Err(failure) => End::Broken(failure),
        };
        let why = match end {
            End::Closed { text, by_user } if by_user || !again => return ended(side, Outcome::Done(text)).await,
            End::Broken(failure) if !again => return ended(side, Outcome::GaveUp(failure.to_string())).await,
            End::Closed { text, .. } => text,
            End::Broken(failure) => {
                failures += 1;
                failure.text
            }
        };
        wait(context, backoff(interval, failures), &format!("{why}; reconnecting")).await;
    }
    Outcome::Done("closed".to_owned())
}

async fn ended(side: &mut SideRequests, outcome: Outcome) -> Outcome {
    side.rest().await;
    outcome
}

/// Keeps orders for later until one is to close.
async fn collect(context: &Context, orders: &mut UnboundedReceiver<Order>, kept: &mut VecDeque<Outgoing>) {
    loop {
        match orders.recv().await {
            Some(Order::Send(outgoing)) => kept.push_back(outgoing),
            Some(Order::Close { .. }) => return context.set_parting("closed by the user"),
            None => std::future::pending().await,
        }
    }
}

enum Step {
    Read(io::Result<Bytes>),
    Wrote(io::Result<()>),
    Order(Option<Order>),
    TooLate,
    Idle,
    Side,
    Ping,
}

struct Conversation<'a> {
    context: &'a Context,
    link: Link,
    scanner: FrameScanner,
    early: Bytes,
    out: Outbox,
    began: std::time::Instant,
    last_read: Instant,
    close_sent: bool,
    closed_by_user: bool,
    close_received: Option<String>,
    deadline: Option<Instant>,
    pongs_left_out: bool,
}

impl Conversation<'_> {
    fn new(context: &Context, upgraded: Upgraded) -> Conversation<'_> {
        Conversation {
            context,
            link: upgraded.link,
            scanner: FrameScanner::new(upgraded.extended),
            early: upgraded.early,
            out: Outbox::default(),
            began: std::time::Instant::now(),
            last_read: Instant::now(),
            close_sent: false,
            closed_by_user: false,
            close_received: None,
            deadline: None,
            pongs_left_out: false,
        }
    }

    fn options(&self) -> &WebSocketOptions {
        &self.context.spec.websocket
    }

    async fn run(
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
            let step = tokio::select! {
                read = tap.chunk() => Step::Read(read),
                wrote = self.out.write(&tap), if self.out.is_waiting() => Step::Wrote(wrote),
                order = orders.recv(), if self.out.len_bytes() < OUT_LIMIT_BYTES => Step::Order(order),
                () = tokio::time::sleep_until(deadline), if self.deadline.is_some() => Step::TooLate,
                () = tokio::time::sleep_until(idle_at), if idle_ms > 0 => Step::Idle,
                () = side.progress(), if side.is_busy() => Step::Side,
                _ = pings.tick(), if ping_ms > 0 && !self.close_sent => Step::Ping,
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
                Step::Idle if tap.is_stalled() => self.last_read = Instant::now(),
                Step::Idle => {
                    let limit = Duration::from_millis(idle_ms);
                    let failure = failure::timeout(Stage::Stream, "reading WebSocket frames", limit, self.began);
                    return End::Broken(self.link.fail(failure));
                }
            }
        }
    }

    /// Looks at what came in and answers pings and closes.
    fn received(&mut self, bytes: &[u8]) {
        let mut seen = Vec::new();
        self.scanner.feed(bytes, &mut seen);
        for item in seen {
            match item {
                Seen::Broken(rule) => self.link.log.notice(rule),
                Seen::Ping(payload) => self.pinged(&payload),
                Seen::Close(payload) => self.close_received(&payload),
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
            self.out.push(frames::control(Control::Close, &close_answer(payload)));
            self.close_sent = true;
            self.deadline = Some(Instant::now() + CLOSE_WAIT);
        } else {
            self.link.log.notice("the server sent a close frame; it is left unanswered, as the options say");
        }
    }

    fn send(&mut self, outgoing: Outgoing, side: &mut SideRequests) {
        if let Outgoing::Request { .. } = outgoing {
            return side.begin(outgoing);
        }
        if let Outgoing::Frames(frames) = outgoing {
            return self.send_raw(&frames);
        }
        if self.close_sent {
            return self.not_sent("a close frame has been sent, and nothing may follow it (RFC 6455 §5.5.1)");
        }
        let split = self.options().fragment_bytes;
        match outgoing {
            Outgoing::Text(text) => self.out.extend(frames::message(Data::Text, text.as_bytes(), split)),
            Outgoing::Binary(bytes) => self.out.extend(frames::message(Data::Binary, &bytes, split)),
            Outgoing::Ping(bytes) | Outgoing::Pong(bytes) if bytes.len() > CONTROL_BYTES => {
                self.not_sent("a ping or pong holds at most 125 bytes (RFC 6455 §5.5)");
            }
            Outgoing::Ping(bytes) => self.out.push(frames::control(Control::Ping, &bytes)),
            Outgoing::Pong(bytes) => self.out.push(frames::control(Control::Pong, &bytes)),
            Outgoing::Message(message) => self.send_message(&message),
            Outgoing::Request { .. } | Outgoing::Frames(_) => {}
        }
    }

    fn send_message(&mut self, message: &WebSocketMessage) {
        if message.compress == Some(true) {
            return self.not_sent("permessage-deflate was not agreed on");
        }
        let opcode = if message.is_text { Data::Text } else { Data::Binary };
        let split = self.options().fragment_bytes;
        self.out.extend(frames::message(opcode, &message.payload, split));
    }

    /// Writes frames as they are ordered. A close frame among them counts as sent.
    fn send_raw(&mut self, frames: &[RawFrame]) {
        self.out.extend(frames.iter().map(RawFrame::bytes).collect());
        if frames.iter().any(|frame| frame.opcode == 8) && !self.close_sent {
            self.close_sent = true;
            self.deadline = Some(Instant::now() + CLOSE_WAIT);
        }
    }

    fn not_sent(&self, why: &str) {
        self.context.act(Act::NotSent, format!("not sent: {why}"));
    }

    fn close(&mut self, code: Option<u16>, reason: &str) {
        self.closed_by_user = true;
        if self.close_sent {
            return self.not_sent("a close frame has been sent already");
        }
        let code = code.or((!reason.is_empty()).then_some(1000));
        if reason.len() + 2 > CONTROL_BYTES {
            return self.not_sent("the reason of a close frame holds at most 123 bytes (RFC 6455 §5.5)");
        }
        if let Some(code) = code.filter(|code| !may_be_sent(*code)) {
            self.link.log.notice(format!("close code {code} must not be sent (RFC 6455 §7.4); sent as ordered"));
        }
        let payload = code.map(|code| [&code.to_be_bytes(), reason.as_bytes()].concat()).unwrap_or_default();
        self.out.push(frames::control(Control::Close, &payload));
        self.close_sent = true;
        self.deadline = Some(Instant::now() + CLOSE_WAIT);
    }

    /// The server closed TCP.
    async fn end_of_stream(self) -> End {
        let by_user = self.closed_by_user;
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
                let place = if self.scanner.is_between_frames() { "" } else { " in the middle of a frame" };
                let text = format!("the server closed TCP{place} without a close frame (1006)");
                let hint =
                    "the server, or a proxy on the way (often after a minute of silence), dropped the connection";
                self.link.tap.shutdown().await;
                End::Broken(self.link.fail(failure(Stage::Stream, self.began, text, hint)))
            }
        }
    }

    /// The other side did not do its part of the close in time.
    async fn too_late(self) -> End {
        let text = match &self.close_received {
            Some(said) => format!("closed: {said}; the server left TCP open, so it was closed from here"),
            None => "closed by the user; the server did not answer the close frame within 5 s".to_owned(),
        };
        self.link.finish(&text).await;
        End::Closed { text, by_user: self.closed_by_user }
    }

    async fn unwritable(mut self, error: &io::Error) -> End {
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
        // After both close frames, how TCP ends is of no consequence.
        if self.close_received.is_some() && self.close_sent {
            return self.end_of_stream().await;
        }
        let failure = failure::io(Stage::Stream, &format!("{doing} WebSocket frames"), error, self.began);
        End::Broken(self.link.fail(failure))
    }
}

/// Frames on their way out.
#[derive(Default)]
struct Outbox {
    frames: VecDeque<Bytes>,
    len_bytes: usize,
    unflushed: bool,
}

impl Outbox {
    fn push(&mut self, frame: Bytes) {
        self.len_bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Puts a control frame ahead of what waits, behind the frame that may have begun (§5.4 allows it between fragments).
    fn push_soon(&mut self, frame: Bytes) {
        let place = self.frames.len().min(1);
        self.len_bytes += frame.len();
        self.frames.insert(place, frame);
    }

    fn extend(&mut self, frames: Vec<Bytes>) {
        frames.into_iter().for_each(|frame| self.push(frame));
    }

    fn is_waiting(&self) -> bool {
        self.unflushed || !self.frames.is_empty()
    }

    fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Writes and flushes all there is. Dropping the future loses nothing.
    async fn write(&mut self, tap: &Tap) -> io::Result<()> {
        poll_fn(|cx| {
            while let Some(frame) = self.frames.front_mut() {
                self.unflushed = true;
                while !frame.is_empty() {
                    let before = frame.len();
                    ready!(tap.poll_write(cx, frame))?;
                    self.len_bytes -= before - frame.len();
                }
                self.frames.pop_front();
            }
            ready!(tap.poll_flush(cx))?;
            self.unflushed = false;
            Poll::Ready(Ok(()))
        })
        .await
    }
}

/// What answers a close frame: its code (§5.5.1), or 1002 where that is none that may be sent.
fn close_answer(payload: &[u8]) -> Vec<u8> {
    match payload.first_chunk::<2>() {
        None if payload.is_empty() => Vec::new(),
        Some(code) if may_be_sent(u16::from_be_bytes(*code)) => code.to_vec(),
        _ => 1002_u16.to_be_bytes().to_vec(),
    }
}

/// Whether a close code may stand in a frame (§7.4).
fn may_be_sent(code: u16) -> bool {
    !matches!(code, 0..=999 | 1004..=1006 | 1015..=2999 | 5000..)
}

/// A close frame's payload in words (§7.4.1).
fn close_text(payload: &[u8]) -> String {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { "no code".to_owned() } else { "a close frame of one byte".to_owned() };
    };
    let code = u16::from_be_bytes(*code);
    let meaning = match code {
        1000 => " (normal closure)",
        1001 => " (going away)",
        1002 => " (protocol error)",
        1003 => " (data it cannot accept)",
        1007 => " (invalid data)",
        1008 => " (policy violation)",
        1009 => " (message too big)",
        1010 => " (extension missing)",
        1011 => " (the server failed)",
        1012 => " (the server restarts)",
        1013 => " (try again later)",
        _ => "",
    };
    match reason {
        [] => format!("{code}{meaning}"),
        _ => format!("{code}{meaning} “{}”", String::from_utf8_lossy(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_in_words() {
        assert_eq!(close_text(b"\x03\xe8bye"), "1000 (normal closure) “bye”");
        assert_eq!(close_text(b""), "no code");
        assert_eq!(close_text(b"\x0f\xa0"), "4000");
    }

    #[test]
    fn a_close_frame_is_answered_with_a_code_that_may_be_sent() {
        assert_eq!(close_answer(b""), b"");
        assert_eq!(close_answer(b"\x0f\xa0bye"), b"\x0f\xa0");
        for broken in [&b"\x03"[..], b"\x03\xed", b"\0\0"] {
            assert_eq!(close_answer(broken), b"\x03\xea");
        }
    }

    #[test]
    fn a_pong_goes_ahead_of_waiting_fragments_but_not_into_one() {
        let mut out = Outbox::default();
        out.push_soon("a".into());
        out.extend(vec!["b".into(), "c".into()]);
        out.push_soon("p".into());
        assert_eq!(out.frames, ["a", "p", "b", "c"]);
    }
}
