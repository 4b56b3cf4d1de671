//! The rows of the timeline: which records are shown, kept up incrementally as records arrive.
//!
//! Records are never reordered, so rows are only ever added at the end; a change of the filter starts over, a time
//! budget at a time.

use crate::session::{Kind, Record, RecordId, Session, Severity, filter::Filter, is_message};
use crate::wire::{ConnectionId, Dir};
use std::time::{Duration, Instant};

/// Rows are found for so long before that is called work.
const NOTICED: Duration = Duration::from_millis(300);

/// A group of kinds that is shown or hidden as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What the two sides say.
    Messages,
    /// Pings, pongs, comments, `retry`.
    Control,
    /// Requests and answers.
    Heads,
    /// DNS, TCP, TLS, failures, and what Pushscope decided.
    Link,
    /// Frames and chunks below the messages.
    Layers,
}

impl Group {
    /// Every group.
    pub const ALL: [Group; 5] = [Group::Messages, Group::Control, Group::Heads, Group::Link, Group::Layers];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Group::Messages => "messages",
            Group::Control => "control",
            Group::Heads => "heads",
            Group::Link => "link",
            Group::Layers => "layers below",
        }
    }

    /// What it is, for a tooltip.
    pub fn help(self) -> &'static str {
        match self {
            Group::Messages => "What the two sides say: events, lines, parts, WebSocket messages",
            Group::Control => "Pings, pongs, close frames, comments, retry",
            Group::Heads => "Requests and answers",
            Group::Link => "Name resolution, TCP, TLS, failures, and what Pushscope decided",
            Group::Layers => "The frames and chunks that messages are made of",
        }
    }

    /// The group of a record.
    pub fn of(record: &Record) -> Group {
        match record.kind {
            kind if kind.is_fact() => Group::Link,
            Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational => Group::Heads,
            Kind::WsPing | Kind::WsPong | Kind::WsClose | Kind::SseComment | Kind::SseRetry => Group::Control,
            Kind::Gap => Group::Messages,
            _ if is_message(record) => Group::Messages,
            _ => Group::Layers,
        }
    }
}

/// A filter that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterMistake {
    /// The byte of the text at which it went wrong.
    pub at: usize,
    /// What is wrong.
    pub text: String,
}

/// Which records are rows, and which they are.
pub struct List {
    /// The filter as typed.
    pub text: String,
    /// What is wrong with it; the last good one stands meanwhile.
    pub mistake: Option<FilterMistake>,
    filter: Option<Filter>,
    /// The text of the filter in force.
    pub standing: String,
    groups: [bool; Group::ALL.len()],
    /// One direction only.
    pub dir: Option<Dir>,
    /// One connection only.
    pub connection: Option<ConnectionId>,
    ids: Vec<u32>,
    scanned: usize,
    /// Since when there have been records to look at.
    behind_since: Option<Instant>,
    /// Whether it is held still only because looking was stopped: another filter goes on.
    is_stopped: bool,
    /// Where a paused view ends.
    paused_at: Option<usize>,
    /// Whether the end is kept in sight.
    pub follow: bool,
    /// Records that had come when following was let go; another filter changes the rows, not this.
    seen: usize,
}

impl Default for List {
    fn default() -> Self {
        List {
            text: String::new(),
            mistake: None,
            filter: None,
            standing: String::new(),
            groups: [true, true, true, true, false],
            dir: None,
            connection: None,
            ids: Vec::new(),
            scanned: 0,
            behind_since: None,
            is_stopped: false,
            paused_at: None,
            follow: true,
            seen: 0,
        }
    }
}

impl List {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The record in a row.
    pub fn id(&self, row: usize) -> Option<RecordId> {
        self.ids.get(row).map(|id| *id as RecordId)
    }

    /// The row of a record, or where it would be.
    pub fn row_of(&self, id: RecordId) -> Result<usize, usize> {
        self.ids.binary_search(&(id as u32))
    }

    /// How many records were looked at, for progress.
    pub fn scanned(&self) -> usize {
        self.scanned
    }

    /// Whether a group is shown.
    pub fn shows(&self, group: Group) -> bool {
        self.groups[group as usize]
    }

    /// Whether the view is held still.
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// Whether rows are being found, for so long that a user notices.
    pub fn is_working(&self) -> bool {
        self.behind_since.is_some_and(|since| since.elapsed() > NOTICED)
    }

    /// Looks no further until the view goes on.
    pub(super) fn stop(&mut self) {
        if self.behind_since.take().is_some() {
            self.paused_at = Some(self.scanned);
            self.is_stopped = true;
        }
    }

    /// Rows that came since the end was let go.
    pub fn unseen(&self) -> usize {
        if self.follow { 0 } else { self.ids.len() - self.ids.partition_point(|id| (*id as usize) < self.seen) }
    }

    /// Whether anything is left out of the records.
    pub fn is_narrowed(&self) -> bool {
        self.filter.is_some() || self.dir.is_some() || self.connection.is_some()
    }

    pub(super) fn set_follow(&mut self, follow: bool) {
        if self.follow && !follow {
            self.seen = self.scanned;
        }
        self.follow = follow;
    }

    pub(super) fn toggle_pause(&mut self, records: usize) {
        self.is_stopped = false;
        self.paused_at = match self.paused_at {
            None => Some(records),
            Some(_) => None,
        };
    }

    pub(super) fn toggle_group(&mut self, group: Group) {
        self.groups[group as usize] ^= true;
        self.restart();
    }

    pub(super) fn set_filter(&mut self, text: String) {
        match text.trim() {
            "" => {
                self.filter = None;
                self.mistake = None;
            }
            trimmed => match Filter::parse(trimmed) {
                Ok(filter) => {
                    self.filter = Some(filter);
                    self.mistake = None;
                }
                Err(error) => {
                    let skipped = text.len() - text.trim_start().len();
                    self.mistake = Some(FilterMistake { at: error.at + skipped, text: error.text });
                    self.text = text;
                    return;
                }
            },
        }
        self.standing = text.trim().to_owned();
        self.text = text;
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        self.ids.clear();
        self.scanned = 0;
        self.behind_since = None;
        if std::mem::take(&mut self.is_stopped) {
            self.paused_at = None;
        }
    }

    /// Looks at further records until `deadline`; whether there are more to look at.
    pub(super) fn extend(&mut self, session: &Session, deadline: Instant) -> bool {
        let end = self.paused_at.unwrap_or(usize::MAX).min(session.records().len());
        while self.scanned < end {
            // A filter that has to explain records does so in short stretches, to look at the clock in between.
            let is_cheap = self.filter.as_ref().is_none_or(Filter::is_cheap);
            let next = (self.scanned + if is_cheap { 1024 } else { 64 }).min(end);
            let all = self.scanned..next;
            match &self.filter {
                Some(filter) => {
                    let candidates: Vec<RecordId> = all.filter(|id| self.may_take(session, *id)).collect();
                    let taken = filter.select(session, &candidates);
                    self.ids.extend(taken.into_iter().map(|id| id as u32));
                }
                // A flood comes this way: nothing is collected first.
                None => {
                    for id in all {
                        if self.may_take(session, id) {
                            self.ids.push(id as u32);
                        }
                    }
                }
            }
            self.scanned = next;
            if Instant::now() >= deadline {
                break;
            }
        }
        let is_behind = self.scanned < end;
        self.behind_since = self.behind_since.or_else(|| is_behind.then(Instant::now)).filter(|_| is_behind);
        is_behind
    }

    fn may_take(&self, session: &Session, id: RecordId) -> bool {
        let record = &session.records()[id];
        let is_shown = self.groups[Group::of(record) as usize] || record.worst >= Severity::Warning;
        is_shown
            && self.dir.is_none_or(|dir| record.kind.is_fact() || record.dir == dir)
            && self.connection.is_none_or(|connection| session.connection_of(record) == connection)
    }
}
