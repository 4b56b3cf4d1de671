//! Sending in the recorded rhythm: one after the other, when it is time and there is room.

use super::order::{OrderRules, order};
use super::plan::Plan;
use super::{Edits, Speed};
use crate::app::script::{Moment, Turn, Watch};
use crate::session::{RecordId, Session};
use crate::wire::{Act, ConnectionId};
use bytes::Bytes;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Messages that a call sends, and their bytes.
const MOST_A_CALL: usize = 64;
const BYTES_A_CALL: usize = 1 << 20;
/// Refusals that are told one by one.
const MOST_TOLD: usize = 100;
/// Nothing waits longer, in seconds: a file may say any time.
const FAR_S: f64 = 1e9;
/// How long the end waits for what was sent to go out.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All was looked at, and sent but for what was refused.
    Done,
    /// The connection was over before; the text says how it ended.
    Cut(String),
    /// The user stopped it.
    Stopped,
}

/// What could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The record that says what was to be sent, or the one that says that it was not.
    pub id: RecordId,
    /// Why.
    pub why: String,
}

/// Sends what was planned over a connection.
#[derive(Debug)]
pub struct Resender {
    plan: Plan,
    speed: Speed,
    rules: OrderRules,
    edited: HashMap<RecordId, Bytes>,
    connection: ConnectionId,
    watch: Watch,
    /// When the rhythm began.
    begun: Option<Instant>,
    paused: Option<Instant>,
    next: usize,
    sent: usize,
    refused: Vec<Refused>,
    refusals: usize,
    /// Headers that were left out of requests, with counts.
    without: std::collections::BTreeMap<String, usize>,
    ended_at: Option<Instant>,
    outcome: Option<Outcome>,
}

impl Resender {
    /// Begins, with what was edited of it.
    pub fn new(plan: Plan, speed: Speed, rules: OrderRules, edits: Edits, connection: ConnectionId) -> Resender {
        let mut plan = plan;
        plan.planned.retain(|planned| !edits.left_out.contains(&planned.id));
        Resender {
            plan,
            speed,
            rules,
            edited: edits.payloads,
            connection,
            watch: Watch::new(connection),
            begun: None,
            paused: None,
            next: 0,
            sent: 0,
            refused: Vec::new(),
            refusals: 0,
            without: Default::default(),
            ended_at: None,
            outcome: None,
        }
    }

    /// The connection.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// What is sent.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many were sent so far.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// What could not be sent: how many, and the first of them.
    pub fn refused(&self) -> (usize, &[Refused]) {
        (self.refusals, &self.refused)
    }

    /// What is to say of the requests that were sent, in sentences.
    pub fn remarks(&self) -> Vec<String> {
        let said = |(name, count): (&String, &usize)| {
            format!("the value of {name} is not in the recording, and was left out of requests: {count}")
        };
        self.without.iter().map(said).collect()
    }

    /// How it ended, once it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Until when the recorded client stayed, in this rhythm, where the whole of its side is sent.
    pub fn stays_until(&self) -> Option<Instant> {
        self.plan.end_ns.filter(|_| self.begun.is_some()).and_then(|end_ns| self.due(end_ns))
    }

    /// Whether it is held.
    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Whether it waits for the connection to be open.
    pub fn waits_for_opening(&self) -> bool {
        self.begun.is_none() && self.outcome.is_none()
    }

    /// Holds it where it is, or goes on: the rhythm goes on from there.
    pub fn set_paused(&mut self, is_paused: bool, now: Instant) {
        match (is_paused, self.paused.take()) {
            (true, since) => self.paused = since.or(Some(now)),
            (false, Some(since)) => {
                self.begun.iter_mut().for_each(|begun| *begun += now.saturating_duration_since(since));
            }
            (false, None) => {}
        }
    }

    /// Ends it where it is.
    pub fn stop(&mut self) {
        self.outcome.get_or_insert(Outcome::Stopped);
    }

    /// Sends what is due. `source` is the recording, `live` the session of the connection.
    pub fn step(&mut self, source: &Session, live: &Session, now: Moment) -> Turn {
        let mut turn = Turn::default();
        if self.outcome.is_some() {
            return turn;
        }
        let news = self.watch.look(live, now.at);
        if let Some((id, why)) = news.not_sent {
            self.sent = self.sent.saturating_sub(news.not_sent_count);
            self.refusals += news.not_sent_count - 1;
            self.refuse(id, why);
        }
        if news.is_more {
            turn.again = true;
            return turn;
        }
        let over = live.connection(self.connection).and_then(|connection| connection.over.clone());
        if let Some((act, text)) = over {
            let is_through = self.next >= self.plan.planned.len();
            // What is still on its way is lost with the connection, unless that is what it was to do.
            self.outcome = Some(match is_through && act == Act::Done {
                true => Outcome::Done,
                false => Outcome::Cut(text),
            });
            return turn;
        }
        if !self.watch.has_opened() {
            turn.wake = self.watch.patience_ends();
            return turn;
        }
        if self.begun.is_none() {
            self.begun = Some(now.at);
            self.paused = self.paused.map(|_| now.at);
        }
        if self.paused.is_none() {
            self.send(source, live, now.at, &mut turn);
        }
        if self.next >= self.plan.planned.len() && !turn.again {
            let ended_at = *self.ended_at.get_or_insert(now.at);
            let patience_ends = ended_at + LAST_PATIENCE;
            match self.watch.is_sending() && now.at < patience_ends {
                true => turn.wake = Some(patience_ends),
                false => self.outcome = Some(Outcome::Done),
            }
        }
        turn
    }

    fn send(&mut self, source: &Session, live: &Session, now: Instant, turn: &mut Turn) {
        let mut bytes = 0;
        while let Some(planned) = self.plan.planned.get(self.next).copied() {
            if let Some(due) = self.due(planned.at_ns).filter(|due| *due > now) {
                turn.wake = Some(due);
                return;
            }
            if !self.watch.has_room() {
                return;
            }
            if turn.orders.len() >= MOST_A_CALL || bytes >= BYTES_A_CALL {
                turn.again = true;
                return;
            }
            self.next += 1;
            match order(source, planned.id, &self.rules, self.edited.get(&planned.id)) {
                Ok(ordered) => {
                    bytes += ordered.sent.payload_bytes;
                    self.watch.ordered(ordered.sent, live);
                    turn.orders.push(ordered.order);
                    self.sent += 1;
                    for name in ordered.without {
                        *self.without.entry(name).or_default() += 1;
                    }
                }
                Err(why) => self.refuse(planned.id, why),
            }
        }
    }

    /// When a message is due; `None` where it is at once.
    fn due(&self, at_ns: u64) -> Option<Instant> {
        let Speed::Times(times) = self.speed else { return None };
        let seconds = at_ns.saturating_sub(self.plan.base_ns) as f64 / 1e9 / times;
        self.begun?.checked_add(Duration::from_secs_f64(seconds.min(FAR_S)))
    }

    fn refuse(&mut self, id: RecordId, why: String) {
        self.refusals += 1;
        if self.refused.len() < MOST_TOLD {
            self.refused.push(Refused { id, why });
        }
    }
}
