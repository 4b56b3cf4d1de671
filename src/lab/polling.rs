//! `/poll` and `/longpoll`: the feed by asking again and again.
//!
//! Both read the same feed, which is a function of the clock (see [`Timeline`]), merged by time with what the channel
//! keeps of what was published. A cursor says after which message an answer starts.

use std::io;
use std::time::Instant;

use sha1::{Digest as _, Sha1};

use super::answer::{Answer, Flow};
use super::feed::{Generator, Timeline};
use super::http::Request;
use super::hub::{Channel, Hub, Subscription};
use super::message::{Message, Position, json_string};
use super::params::{Params, Scenario};
use super::split::{Receiver, Sender};

/// An answer holds no more than this; the cursor leads on.
pub const LARGEST_BATCH: u64 = 100;
const LARGEST_BATCH_BYTES: usize = 4 << 20;

/// `/poll`: what is there, at once. A conditional request gets 304 if nothing is new (RFC 9110 §13.1.2).
pub fn poll(request: &Request, params: &Params, channel: &Channel, hub: &Hub) -> Answer {
    let batch = Batch::gather(params, channel, &hub.timeline(params), params.cursor);
    let (body, cut) = batch.json(channel);
    let digest = Sha1::digest(&body);
    let etag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{etag}\"");
    let matches = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
    let unchanged = request.list("if-none-match").any(matches);
    let answer = Answer::new(if unchanged { 304 } else { 200 })
        .with("ETag", etag)
        .with("X-Cursor", batch.position.to_string())
        .with("Cache-Control", "no-cache");
    if unchanged { answer } else { answer.with_body("application/json", body).with_cut(cut) }
}

/// `/longpoll`: what is there, as soon as there is something.
pub async fn longpoll(
    request: &Request,
    params: &Params,
    channel: std::sync::Arc<Channel>,
    hub: &Hub,
    receiver: &mut Receiver,
    sender: &mut Sender,
) -> io::Result<Flow> {
    let deadline = Instant::now() + params.hold;
    let mut subscription = Subscription::new(channel.clone());
    let mut timeline = hub.timeline(params);
    // A cursor of an earlier feed goes on from there, one message time from now.
    if let Some(cursor) = params.cursor.filter(|cursor| cursor.generated > timeline.reached(params)) {
        timeline = Timeline::starting_now(cursor.generated);
    }
    let batch = loop {
        let batch = Batch::gather(params, &channel, &timeline, params.cursor);
        if !batch.messages.is_empty() || batch.done || request.is_head() || Instant::now() >= deadline {
            break batch;
        }
        let due = timeline.due(batch.position.generated + 1, params);
        let wake = due.map_or(deadline, |due| due.min(deadline));
        tokio::select! {
            () = receiver.gone() => return Ok(Flow::Close),
            () = subscription.published_after(batch.position.published) => {}
            () = tokio::time::sleep_until(wake.into()) => {}
        }
    };
    // A poll that is being answered no longer waits for anything.
    drop(subscription);
    let none = batch.messages.is_empty() && params.empty_is_204;
    let mut answer = Answer::new(if none { 204 } else { 200 })
        .with("X-Cursor", batch.position.to_string())
        .with("Cache-Control", "no-store");
    if batch.done {
        answer = answer.with("X-Done", "true");
    }
    if !none {
        let (body, cut) = batch.json(&channel);
        answer = answer.with_body("application/json", body).with_cut(cut);
    }
    answer.send(Some(request), sender).await
}

/// The messages of one answer.
struct Batch {
    messages: Vec<Message>,
    position: Position,
    /// Whether the feed ends with these.
    done: bool,
    /// Messages between the cursor and the first one here that the lab has not kept.
    missed: u64,
}

impl Batch {
    /// What is there after `cursor`; without one, the latest there is.
    fn gather(params: &Params, channel: &Channel, timeline: &Timeline, cursor: Option<Position>) -> Self {
        let reached = timeline.reached(params);
        let mut position = cursor.unwrap_or_default();
        let mut published = channel.all_after(position.published);
        let mut missed = published.first().map_or(0, |first| first.number - position.published - 1);
        position.published += missed;
        if cursor.is_none() && params.rate != 0.0 && reached > LARGEST_BATCH {
            position.generated = reached - LARGEST_BATCH;
            missed += position.generated;
        }
        let mut generator = Generator::new(params);
        let mut messages = Vec::new();
        let mut bytes = 0;
        published.reverse();
        while (messages.len() as u64) < LARGEST_BATCH && bytes < LARGEST_BATCH_BYTES {
            let n = position.generated.saturating_add(1);
            let sent_ns = timeline.sent_ns(n, params.rate);
            let mut message = Message::default();
            match published.last() {
                Some(next) if n > reached || next.sent_ns <= sent_ns => {
                    next.write(&mut message);
                    position.published = next.number;
                    published.pop();
                }
                _ if n <= reached => {
                    generator.write(n, sent_ns, &mut message);
                    position.generated = n;
                }
                _ => break,
            }
            message.position = position;
            bytes += message.data.len();
            messages.push(message);
        }
        let last = Generator::last(params.scenario).unwrap_or(u64::MAX).min(params.count.unwrap_or(u64::MAX));
        let over = params.scenario != Scenario::Quiet && position.generated >= last;
        Self { messages, position, done: over && published.is_empty(), missed }
    }

    /// The answer's body, and where in it a message wants to be torn.
    fn json(&self, channel: &Channel) -> (Vec<u8>, Option<usize>) {
        let (name, position, done) = (json_string(&channel.name), self.position, self.done);
        let mut body = format!("{{\"channel\":{name},\"cursor\":\"{position}\",\"done\":{done}").into_bytes();
        if self.missed > 0 {
            body.extend_from_slice(format!(",\"missed\":{}", self.missed).as_bytes());
        }
        body.extend_from_slice(b",\"messages\":[");
        let mut cut = None;
        for (index, message) in self.messages.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            cut = cut.or(message.cut.map(|at| body.len() + at));
            body.extend_from_slice(&message.line());
        }
        body.extend_from_slice(b"]}\n");
        (body, cut)
    }
}
