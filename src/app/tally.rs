//! The figures over the rows of a view, counted a time budget at a time and kept up as rows arrive.

use super::List;
use crate::session::statistics::{SentTime, Statistics};
use crate::session::{RecordId, Session};
use std::time::{Duration, Instant};

/// Rows that are counted between two looks at the clock, where their payloads are not looked at.
const STRETCH: usize = 1 << 12;

/// Where they are.
const STRETCH_READ: usize = 1 << 8;

/// Figures are kept for going back to at so many places at most, and at first every so many rows and records.
const MOST_KEPT: usize = 64;
const KEPT_EVERY: usize = 1 << 13;

/// Rows are counted for so long before that is called work.
const NOTICED: Duration = Duration::from_millis(300);

/// Figures over the rows of a view.
pub struct Tally {
    /// The figures so far.
    pub statistics: Statistics,
    sent: SentTime,
    generation: u64,
    rows: usize,
    records: usize,
    /// Figures as they were, so that going back in time counts no more than a part anew.
    kept: Vec<Kept>,
    kept_every: usize,
    is_stopped: bool,
    behind_since: Option<Instant>,
}

/// Figures as they were after so many rows and records.
struct Kept {
    rows: usize,
    records: usize,
    statistics: Statistics,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally::of(&SentTime::NONE, 0)
    }

    fn of(sent: &SentTime, generation: u64) -> Tally {
        let (statistics, sent) = (Statistics::new(sent), sent.clone());
        let (kept, kept_every) = (Vec::new(), KEPT_EVERY);
        Tally {
            statistics,
            sent,
            generation,
            rows: 0,
            records: 0,
            kept,
            kept_every,
            is_stopped: false,
            behind_since: None,
        }
    }

    /// How many rows were counted.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether rows are being counted, for so long that a user notices.
    pub fn is_working(&self) -> bool {
        self.behind_since.is_some_and(|since| since.elapsed() > NOTICED)
    }

    /// Whether counting was stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    pub(super) fn set_stopped(&mut self, is_stopped: bool) {
        self.is_stopped = is_stopped;
        self.behind_since = None;
    }

    /// Counts further rows until `deadline`; whether there are more to count.
    pub(super) fn extend(&mut self, session: &Session, list: &List, sent: &SentTime, deadline: Instant) -> bool {
        if self.generation != list.generation() || self.sent != *sent {
            *self = Tally::of(sent, list.generation());
        }
        if self.rows > list.len() || self.records > list.scanned() {
            self.go_back(list, sent);
        }
        let is_behind =
            |tally: &Tally| !tally.is_stopped && (tally.rows < list.len() || tally.records < list.scanned());
        while is_behind(self) {
            self.count_rows(session, list);
            self.count_layers(session, list);
            self.keep();
            if Instant::now() >= deadline {
                break;
            }
        }
        let is_behind = is_behind(self);
        self.behind_since = self.behind_since.or_else(|| is_behind.then(Instant::now)).filter(|_| is_behind);
        is_behind
    }

    /// Takes up what was kept before the rows that are not there now.
    fn go_back(&mut self, list: &List, sent: &SentTime) {
        let is_past = |kept: &Kept| kept.rows > list.len() || kept.records > list.scanned();
        let before = self.kept.iter().rev().find(|kept| !is_past(kept));
        (self.rows, self.records, self.statistics) = match before {
            Some(kept) => (kept.rows, kept.records, kept.statistics.clone()),
            None => (0, 0, Statistics::new(sent)),
        };
    }

    fn keep(&mut self) {
        let newest = self.kept.last().map_or((0, 0), |kept| (kept.rows, kept.records));
        let is_further = |now: usize, then: usize| now >= then + self.kept_every;
        // Where one is all counted and the other not, going back to here must not skip any of it.
        if !(is_further(self.rows, newest.0) || is_further(self.records, newest.1)) {
            return;
        }
        self.kept.push(Kept { rows: self.rows, records: self.records, statistics: self.statistics.clone() });
        if self.kept.len() > MOST_KEPT {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 0
            });
            self.kept_every *= 2;
        }
    }

    fn count_rows(&mut self, session: &Session, list: &List) {
        let stretch = if self.statistics.reads_payloads() { STRETCH_READ } else { STRETCH };
        let end = list.len().min(self.rows + stretch);
        let ids: Vec<RecordId> = (self.rows..end).filter_map(|row| list.id(row)).collect();
        self.statistics.add_rows(session, &ids);
        self.rows = end;
    }

    fn count_layers(&mut self, session: &Session, list: &List) {
        let end = list.scanned().min(self.records + STRETCH);
        let ids = self.records..end;
        let reached = ids
            .clone()
            .zip(session.records().range(ids))
            .filter(|(id, record)| list.dir.is_none_or(|dir| record.dir == dir) && list.is_in_reach(session, *id));
        self.statistics.add_layers(reached.map(|(_, record)| record));
        self.records = end;
    }
}
