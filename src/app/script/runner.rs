//! Carrying a script out.
//!
//! Waiting steps look at the records from the one behind the last match on, so that nothing that comes between two steps
//! is missed. With each opening of the connection the steps of `on_connect` are carried out, and the others stand still.

use super::await_record::{Found, capture, check, find};
use super::failure::{Failure, record_text};
use super::outgoing::{Place, order};
use super::step::{Await, Repeat, Step, Wanted, What};
use super::track::{Loop, Track};
use super::values::Values;
use super::watch::Watch;
use super::{AtEnd, Script};
use crate::session::{RecordId, Session};
use crate::transport::Order;
use crate::wire::ConnectionId;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps that a call carries out, and records that it looks through.
const STEPS_A_CALL: usize = 256;
const RECORDS_A_CALL: usize = 2048;

/// How long the end waits for what was sent to go out.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every step was carried out, and all that was expected came.
    Passed,
    /// It did not.
    Failed(Failure),
    /// It was stopped; the text says where.
    Stopped(String),
}

/// What is to be done after a call.
#[derive(Debug, Default)]
pub struct Turn {
    /// What the transport is told, in this order.
    pub orders: Vec<Order>,
    /// Call again at this time, whether something came or not.
    pub wake: Option<Instant>,
    /// Call again at once: there is more to do than a call may.
    pub again: bool,
}

impl Turn {
    fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}

/// The time of a call.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// What times are measured with.
    pub at: Instant,
    /// What clocks say.
    pub wall: jiff::Timestamp,
}

impl Moment {
    /// Now.
    pub fn now() -> Moment {
        Moment { at: Instant::now(), wall: jiff::Timestamp::now() }
    }
}

/// A script that is being carried out on a connection.
#[derive(Debug)]
pub struct Runner {
    script: Arc<Script>,
    connection: ConnectionId,
    place: Place,
    watch: Watch,
    main: Track,
    /// The first record that steps look at.
    from: RecordId,
    /// The steps of `on_connect`, while they are carried out, and since when.
    opening: Option<(Track, Instant)>,
    captured: BTreeMap<String, Json>,
    /// How often each step was carried out.
    done: Vec<u64>,
    last_sent: usize,
    ended_at: Option<Instant>,
    outcome: Option<Outcome>,
    steps_left: usize,
    records_left: usize,
}

/// What came of a step.
enum Did {
    Done,
    /// It repeats the steps behind it.
    Entered,
    /// Something must come first.
    Waits(Option<Instant>),
    /// There was no time for all of it.
    Again,
    Failed(Failure),
}

impl Runner {
    /// Begins a script on a connection; nothing before record `from` is taken for an answer.
    pub fn new(script: Arc<Script>, connection: ConnectionId, place: Place, from: RecordId) -> Runner {
        let count = script.steps.len();
        Runner {
            main: Track::new(script.first_main, count, from),
            from,
            watch: Watch::new(connection),
            opening: None,
            captured: BTreeMap::new(),
            done: vec![0; count],
            last_sent: 0,
            ended_at: None,
            outcome: None,
            steps_left: 0,
            records_left: 0,
            script,
            connection,
            place,
        }
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The connection.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// How it ended, once it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// How often a step was carried out.
    pub fn done(&self, step: usize) -> u64 {
        self.done.get(step).copied().unwrap_or(0)
    }

    /// The step under way, by its number in the list.
    pub fn under_way(&self) -> Option<usize> {
        let track = self.opening.as_ref().map_or(&self.main, |(track, _)| track);
        // Between two repetitions it is the step that repeats.
        let between =
            track.loops.last().map(|inner| inner.step).filter(|step| self.script.steps[*step].end == track.at);
        let at = between.unwrap_or(track.at);
        (self.outcome.is_none() && at < track.end).then_some(at)
    }

    /// The number of the repetition under way of a step that repeats.
    pub fn repetition(&self, step: usize) -> Option<u64> {
        let tracks = self.opening.iter().map(|(track, _)| track).chain([&self.main]);
        let mut loops = tracks.flat_map(|track| &track.loops).filter(|_| self.outcome.is_none());
        loops.find(|inner| inner.step == step).map(|inner| inner.n)
    }

    /// Ends it where it is.
    pub fn stop(&mut self) {
        if self.outcome.is_none() {
            let step = self.under_way().and_then(|at| self.script.steps.get(at));
            let text = step.map_or_else(
                || "stopped".to_owned(),
                |step| {
                    format!("stopped at step {} (line {}), {} {}", step.number, step.line, step.verb(), step.object())
                },
            );
            self.outcome = Some(Outcome::Stopped(text));
        }
    }

    /// The first step that should have checked something and never came to it.
    pub fn unchecked(&self) -> Option<&Step> {
        self.script
            .steps
            .iter()
            .zip(&self.done)
            .find(|(step, done)| step.is_check() && **done == 0)
            .map(|(step, _)| step)
    }

    /// Whether the connection is to be closed now, where that is usual at the end (`true`) or not.
    pub fn wants_close(&self, is_usual: bool) -> bool {
        let closes = match self.script.at_end {
            AtEnd::AsUsual => is_usual,
            AtEnd::Close => true,
            AtEnd::Stay => false,
        };
        self.outcome.is_some() && (closes || (is_usual && !matches!(self.outcome, Some(Outcome::Passed))))
    }

    /// Looks at what is new and goes on as far as can be.
    pub fn step(&mut self, session: &Session, now: Moment) -> Turn {
        let mut turn = Turn::default();
        if self.outcome.is_some() {
            return turn;
        }
        (self.steps_left, self.records_left) = (STEPS_A_CALL, RECORDS_A_CALL);
        let news = self.watch.look(session, now.at);
        if let Some((record, why)) = news.not_sent {
            let failure = self.failure(self.last_sent, &why, Some(record));
            return self.end(Outcome::Failed(failure), turn);
        }
        if let (Some(opened), 1..) = (news.opened, self.script.first_main) {
            let since = self.opening.take().map_or(now.at, |(_, since)| since);
            self.opening = Some((Track::new(0, self.script.first_main, opened.max(self.from)), since));
        }
        if news.is_more {
            turn.again = true;
            return turn;
        }
        let is_over = session.connection(self.connection).is_some_and(|connection| connection.over.is_some());
        if !self.watch.has_opened() && !is_over {
            if let Some(patience) = self.watch.patience_ends() {
                turn.wake_at(patience);
            }
            return turn;
        }
        // An opening that the end of the connection cut short is no more.
        if is_over {
            self.opening = None;
        }
        if let Some((mut track, since)) = self.opening.take() {
            match self.run(&mut track, session, now, is_over, &mut turn) {
                Some(Outcome::Passed) => self.main.put_off(now.at.saturating_duration_since(since)),
                Some(other) => return self.end(other, turn),
                None => {
                    self.opening = Some((track, since));
                    return turn;
                }
            }
        }
        let mut main = std::mem::replace(&mut self.main, Track::new(0, 0, 0));
        let ended = self.run(&mut main, session, now, is_over, &mut turn);
        self.main = main;
        match ended {
            Some(Outcome::Passed) => {
                // What could not be sent is told only once it was tried.
                let until = *self.ended_at.get_or_insert(now.at) + LAST_PATIENCE;
                if self.watch.is_sending() && !is_over && now.at < until {
                    turn.wake_at(until);
                    return turn;
                }
                self.end(Outcome::Passed, turn)
            }
            Some(other) => self.end(other, turn),
            None => turn,
        }
    }

    fn end(&mut self, outcome: Outcome, turn: Turn) -> Turn {
        self.outcome = Some(outcome);
        Turn { wake: None, again: false, ..turn }
    }

    fn failure(&self, at: usize, why: &str, record: Option<RecordId>) -> Failure {
        Failure::new(at, &self.script.steps[at], why, record, &self.script.secrets)
    }

    /// Carries out steps of a track until one has to wait; the outcome once it is through.
    fn run(
        &mut self,
        track: &mut Track,
        session: &Session,
        now: Moment,
        is_over: bool,
        turn: &mut Turn,
    ) -> Option<Outcome> {
        let script = self.script.clone();
        loop {
            if self.steps_left == 0 {
                turn.again = true;
                return None;
            }
            self.steps_left -= 1;
            if let Err(failure) = self.leave(track, session, now, turn) {
                return Some(Outcome::Failed(failure));
            }
            if let Some(inner) = track.loops.last_mut()
                && track.at == script.steps[inner.step].end
            {
                let step = inner.step;
                let What::Repeat(repeat) = &script.steps[step].what else { return Some(Outcome::Passed) };
                // Where nothing can come any more, repeating what waits for nothing would never end.
                let is_idle = is_over && inner.began_cursor == track.cursor;
                if repeat.times.is_some_and(|times| inner.n >= times) || is_idle {
                    track.loops.pop();
                    self.done[step] += 1;
                } else if let Some(next) = inner.next.filter(|next| now.at < *next && !is_over) {
                    turn.wake_at(next);
                    return None;
                } else {
                    inner.again(repeat.every, now.at, track.cursor);
                    track.go(step + 1);
                }
                continue;
            }
            if track.at == track.end {
                return Some(Outcome::Passed);
            }
            match self.carry_out(track, session, now, is_over, turn) {
                Did::Done => {
                    self.done[track.at] += 1;
                    track.go(track.at + 1);
                }
                Did::Entered => track.go(track.at + 1),
                Did::Waits(wake) => {
                    wake.into_iter().for_each(|wake| turn.wake_at(wake));
                    return None;
                }
                Did::Again => {
                    turn.again = true;
                    return None;
                }
                Did::Failed(failure) => return Some(Outcome::Failed(failure)),
            }
        }
    }

    /// Leaves the outermost repetition whose time is up, or whose end came.
    fn leave(&mut self, track: &mut Track, session: &Session, now: Moment, turn: &mut Turn) -> Result<(), Failure> {
        let script = self.script.clone();
        for depth in 0..track.loops.len() {
            let inner = &mut track.loops[depth];
            let step = inner.step;
            let mut is_over = inner.ends.is_some_and(|ends| now.at >= ends);
            inner.ends.filter(|_| !is_over).into_iter().for_each(|ends| turn.wake_at(ends));
            if let Some((pattern, cursor)) = &mut inner.until {
                match find(session, self.connection, pattern, cursor, &mut self.records_left) {
                    Found::More => turn.again = true,
                    Found::Nothing => {}
                    Found::Record(id) => {
                        is_over = true;
                        track.cursor = track.cursor.max(id + 1);
                        if let What::Repeat(repeat) = &script.steps[step].what {
                            let set = capture(session, id, &repeat.set, &mut self.captured);
                            set.map_err(|why| self.failure(step, &why, Some(id)))?;
                        }
                    }
                }
            }
            if is_over {
                track.loops.truncate(depth);
                self.done[step] += 1;
                track.go(script.steps[step].end);
                return Ok(());
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, track: &mut Track, session: &Session, now: Moment, is_over: bool, turn: &mut Turn) -> Did {
        let script = self.script.clone();
        let at = track.at;
        match &script.steps[at].what {
            What::Pause(time) => {
                let until = *track.begun.get_or_insert(now.at) + *time;
                // With the connection over there is nothing to leave time for.
                if now.at < until && !is_over { Did::Waits(Some(until)) } else { Did::Done }
            }
            What::Await(awaited) => self.await_record(track, awaited, session, now, is_over),
            What::Repeat(repeat) => match self.begin(track, repeat, now) {
                Ok(()) => Did::Entered,
                Err(why) => Did::Failed(self.failure(at, &why, None)),
            },
            what if is_over => {
                let verb = if matches!(what, What::Close { .. }) { "closed" } else { "sent" };
                let why = format!("it cannot be {verb}: the connection is over ({})", self.end_of(session));
                Did::Failed(self.failure(at, &why, self.watch.last()))
            }
            what => {
                if !self.watch.has_room() {
                    return Did::Waits(None);
                }
                let ordered = order(what, &self.values(track, now), self.watch.is_websocket(), &self.place);
                match ordered {
                    Ok((order, sent)) => {
                        // A close of other types is no message that would be recorded.
                        if sent.kind.is_some() || sent.least_bytes > 0 {
                            self.watch.ordered(sent, session);
                        }
                        self.last_sent = at;
                        turn.orders.push(order);
                        Did::Done
                    }
                    Err(why) => Did::Failed(self.failure(at, &why, None)),
                }
            }
        }
    }

    fn begin(&mut self, track: &mut Track, repeat: &Repeat, now: Moment) -> Result<(), String> {
        let until = repeat.until.as_ref().map(|until| until.pattern(&self.values(track, now))).transpose()?;
        track.loops.push(Loop {
            step: track.at,
            n: 1,
            next: repeat.every.map(|every| now.at + every),
            ends: repeat.limit.map(|limit| now.at + limit),
            until: until.map(|pattern| (pattern, track.cursor)),
            began_cursor: track.cursor,
        });
        Ok(())
    }

    fn await_record(
        &mut self,
        track: &mut Track,
        awaited: &Await,
        session: &Session,
        now: Moment,
        is_over: bool,
    ) -> Did {
        let at = track.at;
        let begun = *track.begun.get_or_insert(now.at);
        let pattern = match track.pattern.take() {
            Some(pattern) => pattern,
            None => match awaited.filter.pattern(&self.values(track, now)) {
                Ok(pattern) => pattern,
                Err(why) => return Did::Failed(self.failure(at, &why, None)),
            },
        };
        let found = find(session, self.connection, &pattern, &mut track.cursor, &mut self.records_left);
        let deadline = awaited.within.map(|within| begun + within);
        let is_late = deadline.is_some_and(|deadline| now.at >= deadline);
        match (found, awaited.wanted) {
            (Found::More, _) => {
                track.pattern = Some(pattern);
                Did::Again
            }
            (Found::Record(id), Wanted::ExpectNot) => {
                let why = format!("this came: {}", record_text(session, id));
                Did::Failed(self.failure(at, &why, Some(id)))
            }
            (Found::Record(id), _) => {
                let checked = check(session, id, awaited, &self.values(track, now));
                match checked.and_then(|()| capture(session, id, &awaited.set, &mut self.captured)) {
                    Ok(()) => Did::Done,
                    Err(why) => Did::Failed(self.failure(at, &why, Some(id))),
                }
            }
            (Found::Nothing, Wanted::ExpectNot) if is_late || is_over => Did::Done,
            (Found::Nothing, Wanted::WaitFor) if is_late || (is_over && deadline.is_some()) => Did::Done,
            (Found::Nothing, _) if is_late || is_over => {
                let last = self.watch.last();
                let end = if is_over {
                    format!(" before the connection was over ({})", self.end_of(session))
                } else {
                    String::new()
                };
                let came = last.map_or_else(
                    || "nothing came at all".to_owned(),
                    |last| format!("the last that came is {}", record_text(session, last)),
                );
                Did::Failed(self.failure(at, &format!("nothing that matches came{end}; {came}"), last))
            }
            (Found::Nothing, _) => {
                track.pattern = Some(pattern);
                Did::Waits(deadline)
            }
        }
    }

    fn end_of(&self, session: &Session) -> String {
        let over = session.connection(self.connection).and_then(|connection| connection.over.clone());
        over.map_or_else(String::new, |(_, text)| text)
    }

    fn values(&self, track: &Track, now: Moment) -> Values<'_> {
        Values {
            own: &self.script.variables,
            captured: &self.captured,
            secrets: &self.script.secrets,
            n: track.n(),
            wall: now.wall,
        }
    }
}
