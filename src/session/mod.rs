//! The recording: the log of events, the records derived from it, and the file that keeps it.
//!
//! A session lives on the thread that shows it and has no lock. [`Session::take`] is its only mutation; live recording
//! and opening a file go through it alike, which is why they give the same records.

mod activity;
pub mod compare;
mod delivery;
mod entries;
mod explain;
mod facts;
pub mod file;
pub mod filter;
pub mod findings;
mod link;
mod moment;
mod payloads;
mod progress;
mod records;
pub mod redact;
mod remark;
mod remarks;
mod segments;
pub mod statistics;
mod steps;
mod store;
mod summary;
mod way;

/// What records are made of, for whoever reads them from a session.
pub use crate::dissect::hixie::OLD_FRAME;
pub use crate::dissect::{Explained, Field, Flags, Kind, Layer, Payload, Record, Severity, Value, unmask};
pub use activity::{Bins, Bucket};
pub use delivery::{AckRule, Deliveries, Delivery};
pub use entries::Entries;
pub use explain::{BYTES_MISSING, EXPLAIN_LIMIT_BYTES, UNFINISHED};
pub use facts::{duration, summary as fact_line};
pub use link::{Link, LinkState, StageTime};
pub use moment::Moment;
pub use progress::{Progresses, Reached};
pub use records::Records;
pub use remark::{Mark, Remark};
pub use remarks::{RemarkPlace, Remarks, StoredRemark};
pub use steps::{Happened, Step, Steps};
pub use store::{Archive, Store};
pub use summary::{one_line, preview};

use crate::wire::{Act, ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, What};
use activity::Activity;
use moment::History;
use std::collections::HashMap;
use std::ops::Range;

/// The number of a record in its session, from 0, in the order of completion.
pub type RecordId = usize;

/// Checkpoints of a link in a session that forgets what was told.
const MOST_CHECKPOINTS: usize = 4096;

/// How many records a gap is looked for among.
const GAP_LOOK_BACK: usize = 4096;

/// A connection as the session sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What the user asked for.
    pub info: ConnectionInfo,
    /// Its links, in the order in which they were opened.
    pub links: Vec<LinkId>,
    /// How it ended, if it did: `Act::Done` or `Act::GaveUp`, with the sentence.
    pub over: Option<(Act, String)>,
    /// Messages so far, out and in.
    pub messages: [u64; 2],
    /// Wire bytes so far, out and in.
    pub bytes: [u64; 2],
    /// When the last message came, in nanoseconds.
    pub last_at_ns: u64,
}

/// Sums over the session, for the status bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Wire bytes, out and in.
    pub bytes: [u64; 2],
    /// Payload bytes of messages, out and in.
    pub payload_bytes: [u64; 2],
    /// Messages, out and in.
    pub messages: [u64; 2],
    /// Records with a note of each severity: none, info, warning, error.
    pub notes: [u64; 4],
    /// How often reading waited for the recording.
    pub stalls: u64,
    /// Links whose certificate was not verified.
    pub unverified_links: u64,
}

/// How many bytes a message may inflate to, as the user's request says.
fn inflate_limit_bytes(spec: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(spec).ok()?.pointer("/websocket/inflate_limit_bytes")?.as_u64()
}

/// A recording, live or opened.
pub struct Session {
    /// Wall-clock time of the start, in nanoseconds since 1970; 0 where unknown.
    pub started_unix_ns: i64,
    records: Records,
    links: Vec<Link>,
    link_index: HashMap<LinkId, usize>,
    connections: Vec<Connection>,
    facts: Vec<Event>,
    /// The number of each fact among all events.
    fact_seqs: Vec<u64>,
    store: Store,
    totals: Totals,
    activity: Activity,
    history: History,
    remarks: Remarks,
    events: u64,
    last_at_ns: u64,
}

impl Session {
    /// An empty session over a store.
    pub fn new(store: Store, started_unix_ns: i64) -> Session {
        Session {
            started_unix_ns,
            records: Records::default(),
            links: Vec::new(),
            link_index: HashMap::new(),
            connections: Vec::new(),
            facts: Vec::new(),
            fact_seqs: Vec::new(),
            store,
            totals: Totals::default(),
            activity: Activity::default(),
            history: History::default(),
            remarks: Remarks::default(),
            events: 0,
            last_at_ns: 0,
        }
    }

    /// Takes the next entry; the records that it completed.
    pub fn take(&mut self, entry: Entry) -> Range<RecordId> {
        match entry {
            Entry::Connection(info) => {
                self.connections.push(Connection {
                    info,
                    links: Vec::new(),
                    over: None,
                    messages: [0; 2],
                    bytes: [0; 2],
                    last_at_ns: 0,
                });
                self.records.len()..self.records.len()
            }
            Entry::Event(event) => self.append(event),
        }
    }

    /// Appends an event; the records that it completed.
    pub fn append(&mut self, event: Event) -> Range<RecordId> {
        let first = self.records.len();
        let seq = self.events;
        self.events += 1;
        self.last_at_ns = self.last_at_ns.max(event.at_ns);
        let index = self.link_of(&event);
        self.history.event(seq, event.at_ns, self.totals.bytes);
        let link = &mut self.links[index];
        let (at_ns, mut fresh) = (event.at_ns, None);
        if let What::Bytes(dir, bytes) = &event.what {
            self.history.read(seq, at_ns, index);
            self.totals.bytes[dir.index()] += bytes.len() as u64;
            self.activity.moved(at_ns, *dir, bytes.len());
            fresh = Some((*dir, link.len_bytes(*dir)));
            link.bytes(*dir, at_ns, seq, bytes, &mut self.records);
            let connection = link.connection;
            self.store.hold(seq, bytes);
            if let Some(connection) = self.connections.iter_mut().find(|c| c.info.id == connection) {
                connection.bytes[dir.index()] += bytes.len() as u64;
            }
        } else {
            let fact = self.facts.len();
            link.fact(&event, seq, fact, &mut self.records);
            self.note_fact(index, &event);
            self.facts.push(event);
            self.fact_seqs.push(seq);
        }
        self.count(first, index, at_ns, fresh);
        first..self.records.len()
    }

    fn link_of(&mut self, event: &Event) -> usize {
        *self.link_index.entry(event.link).or_insert_with(|| {
            self.links.push(Link::new(event.link, event.at_ns));
            self.links.len() - 1
        })
    }

    fn note_fact(&mut self, index: usize, event: &Event) {
        let id = self.links[index].connection;
        let connection = self.connections.iter_mut().find(|c| c.info.id == id);
        match &event.what {
            What::Opening(_) => {
                if let Some(connection) = connection {
                    connection.links.push(event.link);
                    if let Some(limit_bytes) = inflate_limit_bytes(&connection.info.spec) {
                        self.links[index].limit_inflating(limit_bytes);
                    }
                }
            }
            What::Secured(tls) if !tls.verified => self.totals.unverified_links += 1,
            What::Stalled(_) => self.totals.stalls += 1,
            What::Client(act) if matches!(act.act, Act::Done | Act::GaveUp) => {
                if let Some(connection) = connection {
                    connection.over = Some((act.act, act.text.clone()));
                }
            }
            _ => {}
        }
    }

    /// Counts the records from `first` on, which an event of `at_ns` completed, with the direction and first of its bytes.
    fn count(&mut self, first: RecordId, link: usize, at_ns: u64, fresh: Option<(Dir, u64)>) {
        let id = self.links[link].connection;
        let mut messages = [0u64; 2];
        for (id, record) in (first..).zip(self.records.range(first..self.records.len())) {
            if self.history.is_sum_due(id) {
                let sums = self.sums_before(record, messages);
                let connection = self.links[link].connection;
                let counted = self.connections.iter().map(|it| match it.info.id == connection {
                    true => [it.messages[0] + messages[0], it.messages[1] + messages[1]],
                    false => it.messages,
                });
                self.history.sum(sums, counted);
            }
            self.totals.notes[record.worst as usize] += 1;
            let is_fresh = fresh.is_some_and(|(dir, first)| record.dir == dir && record.last_byte() >= first);
            let at_ns = match is_fresh || record.kind.is_fact() {
                true => at_ns,
                false => self.links[link].at_ns(record.dir, record.last_byte()),
            };
            self.history.completed(id, at_ns);
            if Activity::counts(record) {
                self.activity.completed(at_ns, record);
            }
            if is_message(record) {
                messages[record.dir.index()] += 1;
                self.totals.payload_bytes[record.dir.index()] += record.payload_len;
            }
        }
        for (total, new) in self.totals.messages.iter_mut().zip(messages) {
            *total += new;
        }
        if messages != [0, 0]
            && let Some(connection) = self.connections.iter_mut().find(|c| c.info.id == id)
        {
            connection.messages[0] += messages[0];
            connection.messages[1] += messages[1];
            connection.last_at_ns = self.last_at_ns;
        }
    }

    /// Forgets the oldest records, whose numbers stay taken: for those who have told them and look back no more. The
    /// newest stay, so that gaps are what they would have been.
    pub fn forget_told(&mut self) {
        self.records.forget(GAP_LOOK_BACK + 1);
        self.links.iter_mut().for_each(|link| link.thin(MOST_CHECKPOINTS));
        self.history.forget();
    }

    /// Every record, oldest first.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Every link, in the order in which they were opened.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// A link.
    pub fn link(&self, id: LinkId) -> Option<&Link> {
        self.link_index.get(&id).map(|index| &self.links[*index])
    }

    /// How many bytes a message on a link may inflate to, where the user's request says so.
    fn inflate_limit_bytes(&self, link: LinkId) -> Option<u64> {
        let connection = self.connection(self.link(link)?.connection)?;
        inflate_limit_bytes(&connection.info.spec)
    }

    /// Every connection.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// A connection.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.info.id == id)
    }

    /// The connection of a record.
    pub fn connection_of(&self, record: &Record) -> ConnectionId {
        self.link(record.link).map_or(ConnectionId(0), |link| link.connection)
    }

    /// When a record was complete, in nanoseconds since the recording began: the time of its last byte.
    pub fn at_ns(&self, id: RecordId) -> u64 {
        let record = &self.records[id];
        if record.kind.is_fact() {
            return self.facts[record.detail as usize].at_ns;
        }
        let Some(link) = self.link(record.link) else { return 0 };
        link.at_ns(record.dir, record.last_byte())
    }

    /// When a record's first byte was read or written, in nanoseconds since the recording began.
    pub fn began_ns(&self, id: RecordId) -> u64 {
        let record = &self.records[id];
        if record.kind.is_fact() {
            return self.facts[record.detail as usize].at_ns;
        }
        self.link(record.link).map_or(0, |link| link.at_ns(record.dir, record.start))
    }

    /// The time between a record and the newest earlier one of its connection that shares no byte with it.
    ///
    /// Records of lower layers share bytes with the message that they carry; counted, they would make every gap zero.
    /// `None` where there is none among the 4,096 records before it.
    pub fn gap_ns(&self, id: RecordId) -> Option<u64> {
        let record = self.records.get(id)?;
        let connection = self.connection_of(record);
        let overlaps = |other: &Record| {
            (other.link, other.dir) == (record.link, record.dir)
                && other.start < record.end()
                && record.start < other.end()
        };
        let oldest = id.saturating_sub(GAP_LOOK_BACK).max(self.records.first_held());
        let before = (oldest..id).rev().find(|before| {
            let other = &self.records[*before];
            (other.link == record.link || self.connection_of(other) == connection) && !overlaps(other)
        })?;
        Some(self.at_ns(id).saturating_sub(self.at_ns(before)))
    }

    /// The time of the newest event, in nanoseconds since the recording began.
    pub fn last_at_ns(&self) -> u64 {
        self.last_at_ns
    }

    /// The event behind a fact's record.
    pub fn fact(&self, record: &Record) -> Option<&Event> {
        record.kind.is_fact().then(|| self.facts.get(record.detail as usize)).flatten()
    }

    /// Sums, for the status bar.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The store of bytes.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The store of bytes, to tell it of its file.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Bytes of the wire, as many of `start..start + len` as are recorded.
    pub fn wire(&self, link: LinkId, dir: Dir, start: u64, len: usize) -> Vec<u8> {
        self.link(link).map_or_else(Vec::new, |link| link.wire(dir, start, len, &self.store))
    }
}

/// Whether a record is what the two sides say to one another, rather than framing or a fact.
pub fn is_message(record: &Record) -> bool {
    use Kind::*;
    matches!(record.kind, SseEvent | Line | Part | WsText | WsBinary | WsPing | WsPong | WsClose | HttpBody | HttpChunk)
        && record.flags.has(crate::dissect::Flags::MESSAGE)
        && record.worst <= Severity::Error
}
