//! How far a list of steps is.

use super::pattern::Pattern;
use crate::session::RecordId;
use std::time::{Duration, Instant};

/// How late repetitions may be and still be caught up with.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Steps that are carried out one after the other.
#[derive(Debug)]
pub(super) struct Track {
    /// The step that comes next, or is under way.
    pub at: usize,
    /// Behind the last one.
    pub end: usize,
    /// The repetitions that it lies in, from the outside in.
    pub loops: Vec<Loop>,
    /// The first record that no step has looked at.
    pub cursor: RecordId,
    /// When the step under way began.
    pub begun: Option<Instant>,
    /// What it looks for.
    pub pattern: Option<Pattern>,
}

/// A repetition under way.
#[derive(Debug)]
pub(super) struct Loop {
    /// Its step.
    pub step: usize,
    /// The number of the repetition, from 1.
    pub n: u64,
    /// When the next one begins.
    pub next: Option<Instant>,
    /// When it ends.
    pub ends: Option<Instant>,
    /// What ends it, and the first record that was not asked about.
    pub until: Option<(Pattern, RecordId)>,
    /// Where the records were when this repetition began.
    pub began_cursor: RecordId,
}

impl Loop {
    /// The next repetition, begun at `now`.
    pub fn again(&mut self, every: Option<Duration>, now: Instant, cursor: RecordId) {
        self.n += 1;
        self.began_cursor = cursor;
        if let (Some(next), Some(every)) = (&mut self.next, every) {
            *next += every;
            if *next + CATCH_UP < now {
                *next = now + every;
            }
        }
    }
}

impl Track {
    pub fn new(at: usize, end: usize, cursor: RecordId) -> Track {
        Track { at, end, loops: Vec::new(), cursor, begun: None, pattern: None }
    }

    /// Goes on to another step.
    pub fn go(&mut self, at: usize) {
        self.at = at;
        (self.begun, self.pattern) = (None, None);
    }

    /// The number of the innermost repetition.
    pub fn n(&self) -> u64 {
        self.loops.last().map_or(1, |inner| inner.n)
    }

    /// Puts off all that has a time, for as long as it was held.
    pub fn put_off(&mut self, by: Duration) {
        let times = self.loops.iter_mut().flat_map(|inner| [inner.next.as_mut(), inner.ends.as_mut()]).flatten();
        times.chain(self.begun.as_mut()).for_each(|time| *time += by);
    }
}
