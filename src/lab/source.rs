//! What one streaming subscriber is to be sent next: generated messages on time, published ones at once, and a
//! heartbeat when there was nothing for a while.

use std::time::{Duration, Instant};

use super::feed::{Generator, time_for, unix_ns};
use super::hub::Subscription;
use super::message::{Message, Position};
use super::params::{Params, Scenario};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// [`Source::message`] holds it.
    Message,
    Heartbeat,
    End,
}

#[derive(Debug)]
pub struct Source {
    subscription: Subscription,
    generator: Generator,
    generates: bool,
    rate: f64,
    message: Message,
    position: Position,
    /// Messages still to send, if `count` was given.
    left: Option<u64>,
    started: Instant,
    generated_here: u64,
    heartbeat: Option<Duration>,
    last_turn: Instant,
}

impl Source {
    pub fn new(params: &Params, subscription: Subscription, start: Position, heartbeat: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            subscription,
            generator: Generator::new(params),
            generates: params.scenario != Scenario::Quiet,
            rate: params.rate,
            message: Message::default(),
            position: start,
            left: params.count,
            started: now,
            generated_here: 0,
            heartbeat: heartbeat.filter(|every| !every.is_zero()),
            last_turn: now,
        }
    }

    /// The message of the last [`Turn::Message`].
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Whether nothing will follow on this connection.
    pub fn ended(&self) -> bool {
        self.left == Some(0) || self.feed_is_over()
    }

    /// Whether nothing will follow on any connection that starts from here.
    pub fn feed_is_over(&self) -> bool {
        self.generates && !self.generator.continues_after(self.position.generated)
    }

    /// Whether turns should be gathered into large writes, not sent one by one.
    pub fn in_bulk(&self) -> bool {
        self.rate == 0.0 && self.generates
    }

    /// Waits for the next turn. May be dropped while waiting without losing anything.
    pub async fn next(&mut self) -> Turn {
        loop {
            if let Some(turn) = self.ready() {
                self.last_turn = Instant::now();
                return turn;
            }
            let wake = [self.due(), self.heartbeat_due()].into_iter().flatten().min();
            let published = self.subscription.published_after(self.position.published);
            match wake {
                Some(wake) => {
                    let _ = tokio::time::timeout_at(wake.into(), published).await;
                }
                None => published.await,
            }
        }
    }

    /// The next turn, if it is due.
    pub fn ready(&mut self) -> Option<Turn> {
        if self.ended() {
            return Some(Turn::End);
        }
        if let Some(published) = self.subscription.channel.next_after(self.position.published) {
            let missed = published.number - self.position.published - 1;
            if missed > 0 {
                self.position.published += missed;
                self.subscription.channel.write_missed(missed, &mut self.message);
            } else {
                self.position.published = published.number;
                published.write(&mut self.message);
                self.count_one();
            }
            self.message.position = self.position;
            return Some(Turn::Message);
        }
        if self.in_bulk() || self.due().is_some_and(|due| due <= Instant::now()) {
            self.position.generated += 1;
            self.generated_here += 1;
            self.generator.write(self.position.generated, unix_ns(), &mut self.message);
            self.message.position = self.position;
            self.count_one();
            return Some(Turn::Message);
        }
        let heartbeat = self.heartbeat_due().is_some_and(|due| due <= Instant::now());
        heartbeat.then_some(Turn::Heartbeat)
    }

    fn count_one(&mut self) {
        self.left = self.left.map(|left| left.saturating_sub(1));
    }

    fn due(&self) -> Option<Instant> {
        self.generates.then(|| self.started + time_for(self.generated_here, self.rate))
    }

    fn heartbeat_due(&self) -> Option<Instant> {
        self.heartbeat.map(|every| self.last_turn + every)
    }
}
