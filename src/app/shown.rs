//! What a view shows: the recording as it was at the moment that is played, or all of it.

use super::View;
use crate::session::findings::Finding;
use crate::session::{Bins, Delivery, Moment, Reached, RecordId, Severity, Totals};
use std::ops::Range;

impl View {
    /// The moment that is shown; all of the recording where there is none.
    pub fn moment(&self) -> Option<Moment> {
        self.playback.moment()
    }

    /// Records that are there at the moment that is shown.
    pub fn records_shown(&self) -> usize {
        self.moment().map_or(self.session.records().len(), |moment| moment.records)
    }

    /// Sums at the moment that is shown.
    pub fn totals(&self) -> Totals {
        self.moment().map_or(*self.session.totals(), |moment| self.session.totals_as_of(moment))
    }

    /// Messages of each connection at the moment that is shown, in the order of the connections.
    pub fn messages_shown(&self) -> Vec<u64> {
        match self.moment() {
            Some(moment) => {
                self.session.messages_as_of(moment).iter().map(|[sent, received]| sent + received).collect()
            }
            None => self.session.connections().iter().map(|it| it.messages[0] + it.messages[1]).collect(),
        }
    }

    /// Messages a second: of late on open connections, in playback within the second before the moment.
    pub fn rate_shown(&self) -> f64 {
        let Some(moment) = self.moment() else { return self.total_rate() };
        let count = |totals: Totals| totals.messages[0] + totals.messages[1];
        let before = self.session.moment(moment.at_ns.saturating_sub(1_000_000_000));
        let now = count(self.session.totals_as_of(moment));
        now.saturating_sub(count(self.session.totals_as_of(before))) as f64
    }

    /// Activity at the moment that is shown, in at most about `most` stretches.
    pub fn activity_shown(&self, range: Range<u64>, most: usize) -> Bins {
        match self.moment() {
            Some(moment) => self.session.activity_as_of(range, most, moment),
            None => self.session.activity(range, most),
        }
    }

    /// What was found at the moment that is shown: each finding, and whether it was seen again later.
    pub fn findings_shown(&self) -> impl Iterator<Item = (&Finding, bool)> {
        self.findings.as_of(self.moment().map_or(usize::MAX, |moment| moment.records))
    }

    /// How many findings of at least that severity there were at the moment that is shown.
    pub fn findings_count(&self, severity: Severity) -> usize {
        self.findings_shown().filter(|(finding, _)| finding.severity >= severity).count()
    }

    /// How far a message of ours had come at the moment that is shown.
    pub fn delivery_shown(&self, id: RecordId) -> Option<Delivery> {
        let mut delivery = self.deliveries.of(&self.session, id)?;
        if let Some(moment) = self.moment() {
            delivery.answered = delivery.answered.filter(|(answer, _)| *answer < moment.records);
            if matches!(delivery.reached, Reached::Acknowledged(at_ns) if at_ns > moment.at_ns) {
                delivery.reached = Reached::Kernel;
            }
        }
        Some(delivery)
    }

    /// Whether a record is there at the moment that is shown.
    pub fn is_there(&self, id: RecordId) -> bool {
        id < self.records_shown()
    }
}
