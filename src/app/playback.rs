//! Playback: the recording as it was at a moment, and that moment going on as time does, faster or slower.
//!
//! Nothing is read again for it. The rows end where the moment does, and sums are looked up as of it; so any moment of
//! ten million records is shown in the next frame. A recording that still grows plays up to now.

use super::{App, Command, Shortcut, View, Wish};
use crate::session::{Moment, Session};
use std::time::{Duration, Instant};

/// How fast a recording plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// As many records a frame as bring the end in ten seconds, however long it took.
    Max,
}

impl Speed {
    /// Every choice, from slow to fast.
    pub const ALL: [Speed; 10] = [
        Speed::Times(0.1),
        Speed::Times(0.25),
        Speed::Times(0.5),
        Speed::Times(1.0),
        Speed::Times(2.0),
        Speed::Times(5.0),
        Speed::Times(10.0),
        Speed::Times(30.0),
        Speed::Times(100.0),
        Speed::Max,
    ];

    /// Its name.
    pub fn label(self) -> String {
        match self {
            Speed::Times(times) => format!("{times}×"),
            Speed::Max => "max".to_owned(),
        }
    }

    /// The next faster one, or slower.
    fn beside(self, is_faster: bool) -> Speed {
        let at = Speed::ALL.iter().position(|speed| *speed == self).unwrap_or(3);
        Speed::ALL[at.saturating_add_signed(if is_faster { 1 } else { -1 }).min(Speed::ALL.len() - 1)]
    }
}

/// Seconds that [`Speed::Max`] takes from one end to the other.
const MAX_TAKES_S: f64 = 10.0;

/// How long a pause may last when idle time is skipped, in milliseconds.
pub const IDLE_MS: [Option<u64>; 5] = [None, Some(200), Some(1_000), Some(5_000), Some(30_000)];

/// A frame never goes on by more than so long, however long it took.
const MOST_ELAPSED: Duration = Duration::from_millis(250);

/// Frames come no faster than this.
const FRAME: Duration = Duration::from_micros(16_667);

/// And while time goes on no slower than this, for the clock is seen.
const CLOCK: Duration = Duration::from_millis(100);

/// The playhead takes so many frames at most from one end of the strip to the other.
const STEPS: f64 = 2_000.0;

/// Something to do with playback.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Play {
    /// Show the play bar, or put it away and show the whole recording.
    Bar,
    /// Play, or pause.
    Toggle,
    /// Go to a time, in nanoseconds since the recording began.
    To(u64),
    /// Go to the moment of the selected record.
    Here,
    /// Go to the next record that is shown (`true`) or the one before.
    Step(bool),
    /// Go to the next read or write (`true`) or the one before.
    StepRead(bool),
    /// Go to the end (`true`) or the start.
    End(bool),
    /// Play so fast.
    Speed(Speed),
    /// Play faster (`true`) or slower.
    Faster(bool),
    /// Shorten pauses to so many milliseconds, or leave them as they were.
    Idle(Option<u64>),
}

impl Play {
    /// Those that stand in the menu.
    pub fn all() -> Vec<Play> {
        let hands = [Play::Bar, Play::Toggle, Play::Here, Play::Step(true), Play::Step(false), Play::StepRead(true)];
        let more = [Play::StepRead(false), Play::End(false), Play::End(true), Play::Faster(true), Play::Faster(false)];
        hands.into_iter().chain(more).chain(IDLE_MS.map(Play::Idle)).collect()
    }

    /// What it is called.
    pub fn label(self) -> String {
        let fixed = match self {
            Play::Bar => "Playback",
            Play::Toggle => "Play or pause",
            Play::To(_) => "Go to a moment",
            Play::Here => "Go to the moment of the selected record",
            Play::Step(true) => "Step to the next record",
            Play::Step(false) => "Step to the record before",
            Play::StepRead(true) => "Step to the next read",
            Play::StepRead(false) => "Step to the read before",
            Play::End(true) => "Go to the end",
            Play::End(false) => "Go to the start",
            Play::Speed(speed) => return format!("Play at {}", speed.label()),
            Play::Faster(true) => "Play faster",
            Play::Faster(false) => "Play slower",
            Play::Idle(None) => "Pauses as long as they were",
            Play::Idle(Some(ms)) if ms < 1000 => return format!("Pauses of {ms} ms at most"),
            Play::Idle(Some(ms)) => return format!("Pauses of {} s at most", ms / 1000),
        };
        fixed.to_owned()
    }

    /// The key that does it.
    pub fn shortcut(self) -> Option<Shortcut> {
        let (command, shift, key) = match self {
            Play::Bar => (true, true, "P"),
            Play::Toggle => (false, false, "Space"),
            Play::Step(true) => (false, true, "Right"),
            Play::Step(false) => (false, true, "Left"),
            _ => return None,
        };
        Some(Shortcut { command, shift, key })
    }
}

/// How a recording is played.
#[derive(Clone, Debug)]
pub struct Playback {
    moment: Option<Moment>,
    /// How fast.
    pub speed: Speed,
    /// Pauses are shortened to so many milliseconds.
    pub idle_ms: Option<u64>,
    is_playing: bool,
    /// Whether any other moment was gone to since the bar is shown.
    has_moved: bool,
    /// When the moment went on last.
    went_on: Option<Instant>,
    /// What is left of a nanosecond, or of a record.
    owed: f64,
}

impl Default for Playback {
    fn default() -> Playback {
        let speed = Speed::Times(1.0);
        Playback { moment: None, speed, idle_ms: None, is_playing: false, has_moved: false, went_on: None, owed: 0.0 }
    }
}

impl Playback {
    /// The moment that is shown; all of the recording where there is none.
    pub fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Whether time goes on.
    pub fn is_playing(&self) -> bool {
        self.is_playing && self.moment.is_some()
    }

    fn set(&mut self, moment: Option<Moment>) {
        (self.moment, self.owed) = (moment, 0.0);
    }

    /// Lets so much time go by. Whether there is more to play.
    pub(super) fn advance(&mut self, session: &Session, elapsed: Duration) -> bool {
        let (Some(now), true) = (self.moment, self.is_playing) else { return false };
        let end_ns = session.last_at_ns();
        if now.at_ns >= end_ns && now.records >= session.records().len() {
            return false;
        }
        let moment = match self.speed {
            Speed::Times(times) => {
                self.owed += elapsed.as_nanos() as f64 * times;
                let step_ns = self.owed as u64;
                self.owed -= step_ns as f64;
                session.moment(self.behind_idle(session, now.at_ns.saturating_add(step_ns)).min(end_ns))
            }
            Speed::Max => {
                self.owed += session.records().len() as f64 * elapsed.as_secs_f64() / MAX_TAKES_S;
                let records = (self.owed as usize).max(1);
                self.owed = (self.owed - records as f64).max(0.0);
                let next = session.moment_of(now.records.saturating_add(records - 1));
                // What came at the same time comes at the same time.
                session.moment(next.at_ns)
            }
        };
        self.moment = Some(moment);
        moment.at_ns < end_ns || moment.records < session.records().len()
    }

    /// A time, or where the pause ends in which it is too late to wait.
    fn behind_idle(&self, session: &Session, at_ns: u64) -> u64 {
        let Some(idle_ns) = self.idle_ms.map(|ms| ms.saturating_mul(1_000_000)) else { return at_ns };
        let reached = session.moment(at_ns);
        let began_ns = reached.records.checked_sub(1).map_or(0, |id| session.completed_ns(id));
        let ends_ns = session.moment_of(reached.records).at_ns;
        let is_long = ends_ns.saturating_sub(began_ns) > idle_ns;
        if is_long && at_ns > began_ns.saturating_add(idle_ns) { ends_ns } else { at_ns }
    }

    /// When the next frame is due, where time goes on.
    fn next_frame(&self, session: &Session) -> Option<Duration> {
        let now = self.moment.filter(|_| self.is_playing)?;
        let times = match self.speed {
            Speed::Max => return Some(FRAME),
            Speed::Times(times) => times,
        };
        let next_ns = session.moment_of(now.records).at_ns.saturating_sub(now.at_ns) as f64;
        let moves_ns = session.last_at_ns() as f64 / STEPS;
        let due = Duration::from_nanos((next_ns.min(moves_ns) / times) as u64);
        Some(due.clamp(FRAME, CLOCK))
    }
}

impl View {
    /// Shows the recording as it was at a moment, or all of it.
    pub(super) fn show_moment(&mut self, moment: Option<Moment>) {
        self.playback.set(moment);
        self.list.set_until(moment.map(|moment| moment.records));
    }

    /// Lets time go on where it does; when the next frame is due.
    pub(super) fn play_on(&mut self, now: Instant) -> Option<Duration> {
        if !self.playback.is_playing() {
            self.playback.went_on = None;
            return None;
        }
        let before = self.playback.went_on.replace(now);
        let elapsed = before.map_or(Duration::ZERO, |before| now.saturating_duration_since(before));
        let has_more = self.playback.advance(&self.session, elapsed.min(MOST_ELAPSED));
        self.list.set_until(self.moment().map(|moment| moment.records));
        if has_more {
            return self.playback.next_frame(&self.session);
        }
        // What still grows is followed as it comes; else this was the end.
        self.playback.is_playing = self.grows();
        None
    }

    /// Whether events may still come.
    pub(super) fn grows(&self) -> bool {
        match &self.source {
            super::Source::Live(_) => true,
            super::Source::File(reading) => reading.is_reading() || reading.is_following(),
            super::Source::Still => false,
        }
    }

    /// Whether it is played; what is to be brought into sight is the row at the end.
    fn play(&mut self, what: Play) {
        let end = self.session.moment_of(usize::MAX);
        let moment = self.moment().unwrap_or(end);
        let shown = match what {
            Play::Bar if self.moment().is_some() => {
                self.playback.is_playing = false;
                None
            }
            Play::Toggle => {
                self.playback.is_playing ^= true;
                let is_at_end = moment == end && !self.grows();
                Some(if self.playback.is_playing && is_at_end { Moment::default() } else { moment })
            }
            Play::To(at_ns) => Some(self.session.moment(at_ns.min(end.at_ns))),
            Play::Here => self.selected.map(|id| self.session.moment_of(id)),
            Play::Step(is_forward) => Some(self.step(moment, is_forward)),
            Play::StepRead(is_forward) => {
                self.playback.is_playing = false;
                Some(match is_forward {
                    true => self.session.read_after(moment.at_ns).map_or(end, |at_ns| self.session.moment(at_ns)),
                    false => {
                        let before = self.session.read_before(moment.at_ns);
                        before.map_or_else(Moment::default, |at_ns| self.session.moment(at_ns))
                    }
                })
            }
            Play::End(true) => Some(end),
            Play::End(false) => Some(Moment::default()),
            Play::Speed(speed) => {
                (self.playback.speed, self.playback.owed) = (speed, 0.0);
                Some(moment)
            }
            Play::Faster(is_faster) => {
                self.playback.speed = self.playback.speed.beside(is_faster);
                Some(moment)
            }
            Play::Idle(idle_ms) => {
                self.playback.idle_ms = idle_ms;
                Some(moment)
            }
            Play::Bar => Some(moment),
        };
        // Whoever goes to a moment wants to see its newest row, unless it was let go of since.
        let is_moved = !matches!(what, Play::Bar | Play::Speed(_) | Play::Faster(_) | Play::Idle(_));
        if is_moved && !std::mem::replace(&mut self.playback.has_moved, true) {
            self.list.set_follow(true);
        }
        self.playback.has_moved &= shown.is_some();
        self.show_moment(shown);
    }

    /// The moment of the next row, or of the one before; its record is selected.
    fn step(&mut self, moment: Moment, is_forward: bool) -> Moment {
        self.playback.is_playing = false;
        self.list.set_until(Some(moment.records));
        let rows = self.list.len();
        let wanted = match is_forward {
            true => self.list.id_to_come(rows),
            false => rows.checked_sub(2).and_then(|row| self.list.id(row)),
        };
        self.select(wanted.or(if is_forward { self.selected } else { None }));
        match (wanted, is_forward) {
            (Some(id), _) => self.session.moment_of(id),
            (None, true) => self.session.moment_of(usize::MAX),
            (None, false) => Moment::default(),
        }
    }
}

impl App {
    pub(super) fn play(&mut self, what: Play) {
        let Some(view) = self.state.view_mut() else { return };
        view.play(what);
        if matches!(what, Play::Step(_) | Play::Here) {
            self.wishes.push(Wish::Reveal);
        }
    }

    /// Lets the recording that is shown play on, and the others rest; when the next frame is due.
    pub(super) fn play_on(&mut self, now: Instant) -> Option<Duration> {
        let active = self.state.active;
        let mut due = None;
        for view in &mut self.state.views {
            if active == Some(view.id) {
                due = view.play_on(now);
            } else {
                view.playback.went_on = None;
            }
        }
        due
    }

    /// Why a command of playback cannot be done.
    pub(super) fn play_objection(&self, what: Play) -> Option<String> {
        match (self.state.view(), what) {
            (None, _) => Some("no recording is open".to_owned()),
            (Some(view), Play::Here) if view.selected.is_none() => Some("no record is selected".to_owned()),
            _ => None,
        }
    }
}

impl From<Play> for Command {
    fn from(what: Play) -> Command {
        Command::Play(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Store;
    use crate::wire::{Act, ClientAct, Event, LinkId, What};

    const MS: u64 = 1_000_000;

    /// What was noticed at these milliseconds.
    fn noticed(times_ms: &[u64]) -> Session {
        let mut session = Session::new(Store::memory(), 0);
        for ms in times_ms {
            let what = What::Client(ClientAct { act: Act::Noticed, text: "noticed".into() });
            session.append(Event { at_ns: ms * MS, link: LinkId(1), what });
        }
        session
    }

    /// Plays frames of ten milliseconds; after each, the millisecond and how many records are there.
    fn play(session: &Session, speed: Speed, idle_ms: Option<u64>, frames: usize) -> Vec<(u64, usize)> {
        let moment = Some(Moment::default());
        let mut playback = Playback { moment, speed, idle_ms, is_playing: true, ..Playback::default() };
        let mut frame = || {
            playback.advance(session, Duration::from_millis(10));
            playback.moment.map_or((0, 0), |moment| (moment.at_ns / MS, moment.records))
        };
        (0..frames).map(|_| frame()).collect()
    }

    #[test]
    fn time_goes_by_as_fast_as_was_chosen_and_ends_with_the_recording() {
        let session = noticed(&[1, 15, 16, 40]);
        assert_eq!(play(&session, Speed::Times(1.0), None, 5), [(10, 1), (20, 3), (30, 3), (40, 4), (40, 4)]);
        assert_eq!(play(&session, Speed::Times(2.0), None, 3), [(20, 3), (40, 4), (40, 4)]);
        assert_eq!(play(&session, Speed::Times(100.0), None, 1), [(40, 4)]);
        // A tenth of a nanosecond is not lost.
        assert_eq!(play(&session, Speed::Times(0.1), None, 30).last(), Some(&(30, 3)));
    }

    #[test]
    fn a_pause_that_is_too_long_is_cut() {
        let session = noticed(&[5, 6, 60_000, 60_005, 90_000]);
        let told = play(&session, Speed::Times(1.0), Some(30), 8);
        assert_eq!(told[..4], [(10, 2), (20, 2), (30, 2), (60_000, 3)], "thirty milliseconds of a minute");
        assert_eq!(told[4..], [(60_010, 4), (60_020, 4), (60_030, 4), (90_000, 5)]);
        let long_ago = play(&session, Speed::Times(1.0), None, 100);
        assert_eq!(long_ago.last(), Some(&(1_000, 2)), "without that it is waited for");
    }

    #[test]
    fn at_most_speed_the_end_comes_in_ten_seconds_however_long_it_took() {
        let times: Vec<u64> = (0..20_000).map(|n| n * n).collect();
        let told = play(&noticed(&times), Speed::Max, None, 1000);
        assert_eq!((told[499].1, told[999].1), (10_000, 20_000));
        let few = play(&noticed(&[1, 3_600_000, 7_200_000]), Speed::Max, None, 3);
        assert_eq!(few, [(1, 1), (3_600_000, 2), (7_200_000, 3)], "a record a frame at least");
    }

    #[test]
    fn frames_come_as_often_as_there_is_something_to_see() {
        let session = noticed(&(0..600).map(|n| n * 1000).collect::<Vec<_>>());
        let playing = |speed, at_ms: u64| Playback {
            moment: Some(session.moment(at_ms * MS)),
            speed,
            is_playing: true,
            ..Playback::default()
        };
        assert_eq!(playing(Speed::Times(100.0), 0).next_frame(&session), Some(FRAME));
        assert_eq!(playing(Speed::Times(1.0), 100).next_frame(&session), Some(CLOCK));
        let soon = playing(Speed::Times(1.0), 950).next_frame(&session);
        assert_eq!(soon, Some(Duration::from_millis(50)), "the next record is due");
        let paused = Playback { is_playing: false, ..playing(Speed::Times(1.0), 100) };
        assert_eq!(paused.next_frame(&session), None);
    }
}
