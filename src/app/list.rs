//! The rows of the timeline: which records are shown, kept up incrementally as records arrive.
//!
//! Records are never reordered, so rows are only ever added at the end; a change of the filter starts over, a time
//! budget at a time.

use super::chosen::Chosen;
use crate::session::filter::{Filter, Shape};
use crate::session::{Flags, Kind, Record, RecordId, Session, Severity, is_message};
use crate::wire::{ConnectionId, Dir, LinkId};
use std::ops::Range;
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
            Group::Heads => "Requests and answers, and what is said to SOCKS proxies",
            Group::Link => "Name resolution, TCP, TLS, failures, and what Pushscope decided",
            Group::Layers => "The frames and chunks that messages are made of",
        }
    }

    /// The group of a record.
    pub fn of(record: &Record) -> Group {
        match record.kind {
            kind if kind.is_fact() => Group::Link,
            Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational | Kind::Socks => Group::Heads,
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

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Hide,
    Show,
    /// Its shape alone does not tell.
    Look,
}

const SEVERITIES: [Severity; 4] = [Severity::None, Severity::Info, Severity::Warning, Severity::Error];

/// Bytes of records that are looked through between two looks at the clock.
const STRETCH_BYTES: u64 = 512 << 10;

/// A record to ask about its shape.
const NOTHING: Record = Record {
    start: 0,
    len: 0,
    payload_len: 0,
    link: LinkId(0),
    detail: 0,
    kind: Kind::Gap,
    dir: Dir::In,
    worst: Severity::None,
    flags: Flags(0),
};

const PLACES: usize = Kind::ALL.len() * 16;

/// A number of what a record has in common with others: kind, direction, worst note, and whether it is a message.
#[inline]
fn place(record: &Record) -> usize {
    let is_message = record.flags.has(Flags::MESSAGE);
    ((record.kind as usize * 2 + record.dir.index()) * 4 + record.worst as usize) * 2 + usize::from(is_message)
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
    /// One stretch of time only, in nanoseconds since the recording began; `u64::MAX` has no end.
    pub range_ns: Option<Range<u64>>,
    /// How often the rows were begun anew.
    generation: u64,
    chosen: Chosen,
    scanned: usize,
    /// What becomes of records, by their places.
    verdicts: Box<[Verdict; PLACES]>,
    /// Whether any must be looked at.
    looks: bool,
    /// Since when there have been records to look at.
    behind_since: Option<Instant>,
    /// Whether it is held still only because looking was stopped: another filter goes on.
    is_stopped: bool,
    /// Where a paused view ends.
    paused_at: Option<usize>,
    /// Records from this number on are not rows now: the recording is shown as it was before they came.
    until: Option<RecordId>,
    /// Whether the end is kept in sight.
    pub follow: bool,
    /// Records that had come when following was let go; another filter changes the rows, not this.
    seen: usize,
}

impl Default for List {
    fn default() -> Self {
        let mut list = List {
            text: String::new(),
            mistake: None,
            filter: None,
            standing: String::new(),
            groups: [true, true, true, true, false],
            dir: None,
            connection: None,
            range_ns: None,
            generation: 0,
            chosen: Chosen::default(),
            scanned: 0,
            verdicts: Box::new([Verdict::Hide; PLACES]),
            looks: false,
            behind_since: None,
            is_stopped: false,
            paused_at: None,
            until: None,
            follow: true,
            seen: 0,
        };
        list.judge();
        list
    }
}

impl List {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self.until {
            Some(until) => self.chosen.row_of(until).unwrap_or_else(|row| row),
            None => self.chosen.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record in a row.
    pub fn id(&self, row: usize) -> Option<RecordId> {
        self.chosen.get(row).filter(|id| self.until.is_none_or(|until| *id < until))
    }

    /// The record in a row, though it is one of those that had not come.
    pub(super) fn id_to_come(&self, row: usize) -> Option<RecordId> {
        self.chosen.get(row)
    }

    /// The row of a record, or where it would be.
    pub fn row_of(&self, id: RecordId) -> Result<usize, usize> {
        match self.until {
            Some(until) if id >= until => Err(self.len()),
            _ => self.chosen.row_of(id),
        }
    }

    /// The rows as they are now, for whoever goes through them beside the window.
    pub(super) fn rows(&self) -> Chosen {
        self.chosen.clone()
    }

    /// How many records were looked at, for progress.
    pub fn scanned(&self) -> usize {
        self.until.map_or(self.scanned, |until| self.scanned.min(until))
    }

    /// Records that were not looked at yet, of so many.
    pub(super) fn unlooked(&self, records: usize) -> usize {
        records.saturating_sub(self.scanned)
    }

    /// Ends the rows before this record, or lets all that are there be rows.
    pub(super) fn set_until(&mut self, until: Option<RecordId>) {
        self.until = until;
    }

    /// How often the rows were begun anew: a sum over them must be, too.
    pub(super) fn generation(&self) -> u64 {
        self.generation
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

    /// Whether rows are being found.
    pub(super) fn is_behind(&self) -> bool {
        self.behind_since.is_some()
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
        let seen = self.chosen.row_of(self.seen).unwrap_or_else(|row| row);
        if self.follow { 0 } else { self.len().saturating_sub(seen) }
    }

    /// Whether anything is left out of the records.
    pub fn is_narrowed(&self) -> bool {
        self.filter.is_some() || self.dir.is_some() || self.connection.is_some() || self.range_ns.is_some()
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

    /// Begins anew where the filter asks for remarks, which have changed.
    pub(super) fn remarks_changed(&mut self) {
        if self.filter.as_ref().is_some_and(Filter::is_of_remarks) {
            self.restart();
        }
    }

    pub(super) fn restart(&mut self) {
        self.chosen.clear();
        self.generation += 1;
        self.scanned = 0;
        self.behind_since = None;
        if std::mem::take(&mut self.is_stopped) {
            self.paused_at = None;
        }
        self.judge();
    }

    /// Looks at further records until `deadline`; whether there are more to look at.
    pub(super) fn extend(&mut self, session: &Session, deadline: Instant) -> bool {
        let end = self.paused_at.unwrap_or(usize::MAX).min(session.records().len());
        while self.scanned < end {
            let next = self.stretch(session, end);
            let records = session.records().range(self.scanned..next);
            let judged = (self.scanned..next).zip(records).map(|(id, record)| (id, self.verdicts[place(record)]));
            if self.looks {
                let (mut open, mut taken) = (Vec::new(), Vec::new());
                for (id, verdict) in judged.filter(|(_, verdict)| *verdict != Verdict::Hide) {
                    match verdict {
                        Verdict::Look if !self.is_in_reach(session, id) => {}
                        Verdict::Look if self.filter.is_some() => open.push(id),
                        _ => taken.push(id),
                    }
                }
                if let Some(filter) = self.filter.as_ref().filter(|_| !open.is_empty()) {
                    taken.extend(filter.select(session, &open));
                    taken.sort_unstable();
                }
                taken.into_iter().for_each(|id| self.chosen.push(id));
            } else {
                // A flood comes this way, and ten million records when the kinds that are shown change.
                for (id, verdict) in judged {
                    if verdict == Verdict::Show {
                        self.chosen.push(id);
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

    /// Up to where to look before the clock is looked at: not far where payloads are looked through, and less where these
    /// are long.
    fn stretch(&self, session: &Session, end: usize) -> usize {
        let is_quick = self.filter.as_ref().is_none_or(Filter::is_cheap);
        let end = end.min(self.scanned + if is_quick { 1 << 14 } else { 1 << 10 });
        if is_quick {
            return end;
        }
        let mut bytes = 0;
        let long = session.records().range(self.scanned..end).position(|record| {
            bytes += record.len;
            bytes > STRETCH_BYTES
        });
        long.map_or(end, |long| self.scanned + long + 1)
    }

    /// Asks everything that records of one shape have in common once.
    fn judge(&mut self) {
        let is_all = self.connection.is_none() && self.range_ns.is_none();
        self.verdicts.fill(Verdict::Hide);
        for (kind, dir) in Kind::ALL.into_iter().flat_map(|kind| [(kind, Dir::Out), (kind, Dir::In)]) {
            for (worst, flags) in SEVERITIES.into_iter().flat_map(|worst| [(worst, 0), (worst, Flags::MESSAGE.0)]) {
                let record = Record { kind, dir, worst, flags: Flags(flags), ..NOTHING };
                let is_shown = self.groups[Group::of(&record) as usize] || worst >= Severity::Warning;
                let is_its_way = self.dir.is_none_or(|wanted| kind.is_fact() || dir == wanted);
                let matches = self.filter.as_ref().map_or(Some(true), |it| it.of_shape(Shape { kind, dir, worst }));
                self.verdicts[place(&record)] = match matches {
                    _ if !is_shown || !is_its_way => Verdict::Hide,
                    Some(false) => Verdict::Hide,
                    Some(true) if is_all => Verdict::Show,
                    _ => Verdict::Look,
                };
            }
        }
        self.looks = self.verdicts.contains(&Verdict::Look);
    }

    /// What the shape of a record does not tell, but for the filter.
    pub(super) fn is_in_reach(&self, session: &Session, id: RecordId) -> bool {
        let record = &session.records()[id];
        self.connection.is_none_or(|connection| session.connection_of(record) == connection)
            && self.range_ns.as_ref().is_none_or(|range| range.contains(&session.at_ns(id)))
    }
}
