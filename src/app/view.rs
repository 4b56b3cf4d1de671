//! An open recording as it is looked at: its session, its rows, what is selected, and where its events come from.

use super::link::Place;
use super::live::Source;
use super::{FieldRef, FilterMistake, Find, Inspection, Like, List, Move, Playback, Remarking, Tally};
use crate::session::filter::compose;
use crate::session::findings::Findings;
use crate::session::statistics::SentTime;
use crate::session::{Connection, Deliveries, Record, RecordId, Session, Severity};
use crate::wire::ConnectionId;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A view's number, for as long as the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewId(pub u32);

/// Over how long rates are taken.
const RATE_WINDOW: Duration = Duration::from_millis(1000);

/// Time that a frame may spend on rows at least.
const LIST_BUDGET: Duration = Duration::from_millis(3);
/// And when the list is far behind a flood.
const LIST_BUDGET_BEHIND: Duration = Duration::from_millis(8);
/// Time that a frame may spend on findings at least.
const FINDINGS_BUDGET: Duration = Duration::from_millis(1);
/// Records that are far.
const FAR_BEHIND: usize = 20_000;

#[derive(Clone, Copy, Default)]
struct Rate {
    per_second: f64,
    counted: u64,
}

/// An open recording.
pub struct View {
    /// Its number.
    pub id: ViewId,
    /// Its name.
    pub title: String,
    /// The recording.
    pub session: Session,
    /// Which of its records are rows.
    pub list: List,
    /// The find bar.
    pub find: Find,
    /// The time that the activity strip shows, in nanoseconds since the recording began; all of it where there is none.
    pub span_ns: Option<Range<u64>>,
    /// Figures over the rows, while they are shown.
    pub tally: Tally,
    /// The moment that is shown, and how it goes on.
    pub playback: Playback,
    /// What is known of its remarks besides what they are.
    pub remarking: Remarking,
    /// Its file, where it was recorded and is complete.
    pub(super) file: Option<PathBuf>,
    /// Where a link leads that was opened.
    pub(super) wanted: Option<Place>,
    /// What is wrong, and what to try.
    pub findings: Findings,
    /// What answers what was sent.
    pub deliveries: Deliveries,
    /// The selected record.
    pub selected: Option<RecordId>,
    /// The other end of the selected rows, where there are several.
    pub anchor: Option<RecordId>,
    /// What is said of the selected record.
    pub inspection: Option<Inspection>,
    /// The selected field.
    pub field: Option<FieldRef>,
    /// Where its events come from.
    pub source: Source,
    rates: HashMap<ConnectionId, Rate>,
    rated_at: Instant,
}

impl View {
    pub(super) fn new(id: ViewId, title: String, session: Session, source: Source) -> View {
        let (list, rates) = (List::default(), HashMap::new());
        let rated_at = Instant::now();
        View {
            id,
            title,
            session,
            list,
            find: Find::default(),
            span_ns: None,
            tally: Tally::new(),
            playback: Playback::default(),
            remarking: Remarking::default(),
            file: None,
            wanted: None,
            findings: Findings::default(),
            deliveries: Deliveries::default(),
            selected: None,
            anchor: None,
            inspection: None,
            field: None,
            source,
            rates,
            rated_at,
        }
    }

    /// Whether connections of it may be open.
    pub fn is_live(&self) -> bool {
        matches!(self.source, Source::Live(_))
    }

    /// Whether more may come: connections of it may be open, or a replay's clients may connect.
    pub fn is_growing(&self) -> bool {
        matches!(self.source, Source::Live(_) | Source::Replay(_))
    }

    /// Whether a file is being read, or rows are being found, for so long that a user notices.
    pub fn is_working(&self) -> bool {
        matches!(&self.source, Source::File(reading) if reading.is_reading())
            || self.list.is_working()
            || self.tally.is_working()
    }

    /// Whether there is work under way that the user waits for, however short.
    pub fn has_work(&self) -> bool {
        let is_reading = matches!(&self.source, Source::File(reading) if reading.is_reading());
        is_reading || self.list.is_behind() || self.find.is_searching()
    }

    pub(super) fn stop_reading(&mut self) {
        if let Source::File(reading) = &mut self.source {
            reading.stop();
        }
    }

    /// Whether a connection is open.
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        match &self.source {
            Source::Live(live) => live.is_open(connection),
            _ => false,
        }
    }

    /// Messages a second on a connection, over the last second or so.
    pub fn rate(&self, connection: ConnectionId) -> f64 {
        self.rates.get(&connection).map_or(0.0, |rate| rate.per_second)
    }

    /// Messages a second on all connections.
    pub fn total_rate(&self) -> f64 {
        self.rates.values().map(|rate| rate.per_second).sum()
    }

    /// What is wrong with the filter, if anything is.
    pub fn filter_mistake(&self) -> Option<&FilterMistake> {
        self.list.mistake.as_ref()
    }

    /// The row of the selected record, where it is shown.
    pub fn selected_row(&self) -> Option<usize> {
        self.list.row_of(self.selected?).ok()
    }

    /// The rows that are selected, several where a stretch is.
    pub fn chosen_rows(&self) -> Range<usize> {
        let Some(selected) = self.selected_row() else { return 0..0 };
        let anchor = self.anchor.and_then(|anchor| self.list.row_of(anchor).ok()).unwrap_or(selected);
        selected.min(anchor)..selected.max(anchor) + 1
    }

    /// The records that are selected, in order: at most so many.
    pub fn chosen(&self, limit: usize) -> Vec<RecordId> {
        let rows = self.chosen_rows();
        if rows.is_empty() {
            // The selected record may not be among the rows.
            return self.selected.into_iter().collect();
        }
        rows.take(limit).filter_map(|row| self.list.id(row)).collect()
    }

    /// Selects up to a record from where the selection began.
    pub(super) fn extend_to(&mut self, id: RecordId) {
        let anchor = self.anchor.or(self.selected);
        self.select(Some(id));
        self.anchor = anchor.filter(|anchor| *anchor != id);
    }

    pub(super) fn extend(&mut self, to: Move) {
        let anchor = self.anchor.or(self.selected);
        self.go(to);
        self.anchor = anchor.filter(|anchor| Some(*anchor) != self.selected);
    }

    pub(super) fn select(&mut self, id: Option<RecordId>) {
        // A recording that has just begun has no record yet that could be meant.
        let id = id.filter(|id| self.session.records().get(*id).is_some());
        self.anchor = None;
        if id == self.selected && self.inspection.is_some() == id.is_some() {
            return;
        }
        self.selected = id;
        self.inspection = id.and_then(|id| Inspection::new(&self.session, id));
        self.field = self.inspection.as_ref().and_then(|inspection| inspection.telling_field());
    }

    pub(super) fn go(&mut self, to: Move) {
        let Some(last) = self.list.len().checked_sub(1) else { return };
        // Where the selected record is not shown, movement starts from where it would be.
        let at = self.selected.map(|id| self.list.row_of(id));
        let row = match (to, at) {
            (Move::First, _) => 0,
            (Move::Last, _) => last,
            (Move::By(rows), None) => {
                if rows < 0 {
                    last
                } else {
                    0
                }
            }
            (Move::By(rows), Some(Ok(at))) => at.saturating_add_signed(rows as isize).min(last),
            (Move::By(rows), Some(Err(at))) => {
                at.saturating_add_signed(if rows > 0 { rows - 1 } else { rows } as isize).min(last)
            }
            (Move::NextNote, _) => {
                let from = self.selected.map_or(0, |id| id + 1);
                let records = self.session.records().range(from..usize::MAX);
                match (from..).zip(records).find_map(|(id, record)| self.row_with_note(id, record)) {
                    Some(row) => row,
                    None => return,
                }
            }
            (Move::PreviousNote, _) => {
                let to = self.selected.unwrap_or(usize::MAX).min(self.session.records().len());
                let records = self.session.records().range(0..to).rev();
                match (0..to).rev().zip(records).find_map(|(id, record)| self.row_with_note(id, record)) {
                    Some(row) => row,
                    None => return,
                }
            }
        };
        self.list.set_follow(row == last && matches!(to, Move::Last));
        self.select(self.list.id(row));
    }

    /// The term that finds what is like this of the selection, where there is any.
    pub fn term_like(&self, like: Like) -> Option<String> {
        let record = self.session.records().get(self.selected?)?;
        let inspection = self.inspection.as_ref()?;
        match like {
            Like::Kind => Some(compose::of_kind(record)),
            Like::Connection => Some(compose::of_connection(&self.session, record)),
            Like::Payload => compose::of_payload(&inspection.parts.first()?.explained),
            Like::Field => {
                let this = self.field?;
                compose::of_field(&self.session, &inspection.parts[this.part].explained, inspection.field(this)?)
            }
        }
    }

    /// The row of a record that has a note and is shown. Asked of one record after the other, for ten million of them.
    fn row_with_note(&self, id: RecordId, record: &Record) -> Option<usize> {
        if record.worst > Severity::None { self.list.row_of(id).ok() } else { None }
    }

    /// Looks for the next match until `deadline`, or a little longer; whether it was found, and is selected now.
    pub(super) fn find_on(&mut self, deadline: Instant) -> bool {
        if !self.find.is_searching() {
            return false;
        }
        let deadline = deadline.max(Instant::now() + LIST_BUDGET);
        let found = self.find.advance(&self.session, &self.list, deadline);
        if let Some(id) = found {
            self.list.set_follow(false);
            self.select(Some(id));
        }
        found.is_some()
    }

    /// Takes what is new until `deadline`, and counts rows where figures with this time of sending are shown. Whether
    /// there is more to take at once.
    pub(super) fn tick(&mut self, deadline: Instant, figures: Option<&SentTime>) -> bool {
        let more = self.source.drain(&mut self.session, deadline);
        // Rows have time of their own: a flood that takes all of the draining's must not hold the list back.
        let is_far = self.list.unlooked(self.session.records().len()) > FAR_BEHIND;
        let budget = if is_far { LIST_BUDGET_BEHIND } else { LIST_BUDGET };
        let unscanned = self.list.extend(&self.session, deadline.max(Instant::now() + budget));
        self.measure();
        let uncounted = figures.is_some_and(|sent| {
            self.tally.extend(&self.session, &self.list, sent, deadline.max(Instant::now() + LIST_BUDGET))
        });
        let unlooked = self.findings.look(&self.session, deadline.max(Instant::now() + FINDINGS_BUDGET));
        let unanswered = self.deliveries.look(&self.session, deadline.max(Instant::now() + FINDINGS_BUDGET));
        more || uncounted || unlooked || unanswered || (unscanned && !self.list.is_paused())
    }

    /// Whether there is a rate to take that nothing new will call for: it rose, or must fall although nothing comes.
    pub(super) fn is_moving(&self) -> bool {
        let is_live = self.is_growing();
        let is_unmeasured = |connection: &Connection| {
            let counted = self.rates.get(&connection.info.id).map_or(0, |rate| rate.counted);
            connection.messages[0] + connection.messages[1] != counted
        };
        self.rates.values().any(|rate| rate.per_second > 0.0)
            || (is_live && self.session.connections().iter().any(is_unmeasured))
    }

    fn measure(&mut self) {
        let since = self.rated_at.elapsed();
        if since < RATE_WINDOW {
            return;
        }
        self.rated_at = Instant::now();
        let is_live = self.is_growing();
        for connection in self.session.connections() {
            let rate = self.rates.entry(connection.info.id).or_default();
            let counted = connection.messages[0] + connection.messages[1];
            rate.per_second = if is_live { (counted - rate.counted) as f64 / since.as_secs_f64() } else { 0.0 };
            rate.counted = counted;
        }
    }
}
