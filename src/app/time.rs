//! The time that the timeline is narrowed to, and the time that the activity strip shows.

use super::{Command, View};
use std::ops::Range;

/// No less time is selected or shown.
const LEAST_NS: u64 = 10_000;

/// A step of zooming by key shows so much less.
const ZOOM_STEP: f64 = 0.5;

impl View {
    /// The whole recording so far.
    pub fn whole_time(&self) -> Range<u64> {
        0..self.session.last_at_ns().saturating_add(1).max(LEAST_NS)
    }

    /// The time that the activity strip shows.
    pub fn shown_time(&self) -> Range<u64> {
        self.span_ns.clone().unwrap_or_else(|| self.whole_time())
    }

    /// A time that is `factor` times as long as the shown one, with `at_ns` where it is.
    pub fn zoomed(&self, factor: f64, at_ns: u64) -> Range<u64> {
        let shown = self.shown_time();
        let len = (shown.end - shown.start) as f64;
        let share = (at_ns.saturating_sub(shown.start) as f64 / len).clamp(0.0, 1.0);
        let new_len = (len * factor).max(LEAST_NS as f64);
        let start = (at_ns as f64 - share * new_len).max(0.0) as u64;
        start..start.saturating_add(new_len as u64)
    }

    /// The shown time, moved later by a share of its length, or earlier where negative.
    pub fn panned(&self, share: f64) -> Range<u64> {
        let shown = self.shown_time();
        let len = shown.end - shown.start;
        let furthest = self.whole_time().end.saturating_sub(len);
        let start = (shown.start as f64 + share * len as f64).clamp(0.0, furthest as f64) as u64;
        start..start + len
    }

    pub(super) fn narrow_time(&mut self, command: Command) {
        let at_ns = self.selected.map_or(0, |id| self.session.at_ns(id));
        let before = self.list.range_ns.clone();
        let wanted = match command {
            Command::RangeFromSelected => {
                let end = before.map_or(u64::MAX, |range| range.end);
                Some(at_ns..if end > at_ns { end } else { u64::MAX })
            }
            Command::RangeToSelected => {
                let start = before.map_or(0, |range| range.start);
                Some(if start > at_ns { 0 } else { start }..at_ns.saturating_add(1))
            }
            Command::SetRange(range) => range,
            _ => return,
        };
        self.list.range_ns = wanted.filter(|range| range.start < range.end);
        self.list.restart();
    }

    pub(super) fn look_at_time(&mut self, command: Command) {
        let whole = self.whole_time();
        let middle = self.shown_time();
        let middle = middle.start.midpoint(middle.end);
        let wanted = match command {
            Command::ShowTime(span) => span,
            Command::ZoomToRange => self.list.range_ns.clone().map(|range| range.start..range.end.min(whole.end)),
            Command::ZoomTime(true) => Some(self.zoomed(ZOOM_STEP, middle)),
            Command::ZoomTime(false) => Some(self.zoomed(1.0 / ZOOM_STEP, middle)),
            // Nothing moves while everything is in sight.
            Command::PanTime(_) if self.span_ns.is_none() => None,
            Command::PanTime(true) => Some(self.panned(-ZOOM_STEP)),
            Command::PanTime(false) => Some(self.panned(ZOOM_STEP)),
            _ => return,
        };
        self.span_ns = wanted.and_then(|span| {
            let len = span.end.saturating_sub(span.start).max(LEAST_NS);
            let start = span.start.min(whole.end.saturating_sub(len));
            (len < whole.end).then(|| start..start + len)
        });
    }
}
