//! Figures over the rows that are shown: how many, how often, how far apart, how large, how late, and what the layers
//! cost. Rows are counted one after the other, so that the figures keep up with what arrives.

mod distribution;
mod overhead;
mod sent;
mod table;

pub use distribution::{Distribution, Histogram, HistogramBar};
pub use overhead::Overhead;
pub use sent::sent_time;
pub use sent::{SentTime, TimeUnit};
pub use table::{Cell, Section, csv, text};

use super::payloads::Payloads;
use super::{RecordId, Session, is_message};
use crate::dissect::{Kind, Record};
use crate::wire::{ConnectionId, Dir};
use overhead::Layers;
use sent::SentReader;
use std::collections::BTreeMap;

/// Seconds whose counts are kept open, for records that are not quite in time order.
const OPEN_SECONDS: usize = 64;

/// Bytes of a payload in which the time of sending is looked for.
const SENT_LIMIT_BYTES: usize = 1 << 20;

const SECOND_NS: u64 = 1_000_000_000;

/// How many came, and how quickly.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// How many.
    pub count: u64,
    /// Their payload.
    pub payload_bytes: u64,
    peak: u64,
    seconds: BTreeMap<u64, u64>,
    second: (u64, u64),
    /// The times of the first and the last.
    times: Option<(u64, u64)>,
}

impl Flow {
    fn add(&mut self, at_ns: u64, record: &Record) {
        self.count += 1;
        self.payload_bytes += record.payload_len;
        let (first, last) = self.times.unwrap_or((at_ns, at_ns));
        self.times = Some((first.min(at_ns), last.max(at_ns)));
        let second = at_ns / SECOND_NS;
        if second != self.second.0 {
            // A second is closed, or gone on with.
            let (closed, count) = std::mem::replace(&mut self.second, (second, 0));
            *self.seconds.entry(closed).or_default() += count;
            self.second.1 = self.seconds.remove(&second).unwrap_or(0);
            if self.seconds.len() > OPEN_SECONDS {
                self.seconds.pop_first();
            }
        }
        self.second.1 += 1;
        self.peak = self.peak.max(self.second.1);
    }

    /// How long it took from the first to the last, in nanoseconds.
    pub fn lasted_ns(&self) -> u64 {
        self.times.map_or(0, |(first, last)| last - first)
    }

    /// How many a second follow the first, until the last.
    pub fn mean_per_second(&self) -> Option<f64> {
        let lasted = self.lasted_ns();
        (lasted > 0).then(|| (self.count - 1) as f64 * SECOND_NS as f64 / lasted as f64)
    }

    /// The most within one second of the recording's clock.
    pub fn peak_per_second(&self) -> u64 {
        self.peak
    }
}

/// Rates, gaps and sizes.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Sent, received.
    pub flows: [Flow; 2],
    /// Both.
    pub both: Flow,
    /// Times between one and the next of its connection, in nanoseconds.
    pub gaps: Distribution,
    /// Bytes of payload; of the wire where there is no payload.
    pub sizes: Distribution,
    /// When the last of each connection came.
    newest: BTreeMap<ConnectionId, u64>,
}

impl Measures {
    fn add(&mut self, connection: ConnectionId, at_ns: u64, record: &Record) {
        self.flows[record.dir.index()].add(at_ns, record);
        self.both.add(at_ns, record);
        self.sizes.add(if record.payload_len > 0 { record.payload_len } else { record.len });
        if let Some(before) = self.newest.insert(connection, at_ns) {
            self.gaps.add(at_ns.saturating_sub(before));
        }
    }
}

/// How late messages came, by the time of sending that they carry.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    /// From sending to reading, in nanoseconds.
    pub late: Distribution,
    /// Messages that say that they were sent after they were read: the clocks differ.
    pub early: u64,
    /// By how much at most, in nanoseconds.
    pub earliest_ns: u64,
    /// Received messages without such a time.
    pub without: u64,
}

/// Figures over rows.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    kinds: BTreeMap<Kind, [u64; 2]>,
    rows: u64,
    messages: Measures,
    /// Rows that stand for bytes, messages or not.
    others: Measures,
    latency: Latency,
    sent: Option<SentReader>,
    mistake: Option<String>,
    layers: Layers,
}

impl Statistics {
    /// Nothing counted yet; messages say at `sent` when they were sent.
    pub fn new(sent: &SentTime) -> Statistics {
        let (sent, mistake) = match SentReader::new(sent) {
            Ok(sent) => (sent, None),
            Err(mistake) => (None, Some(mistake)),
        };
        Statistics { sent, mistake, ..Statistics::default() }
    }

    /// What is wrong with the path to the time of sending.
    pub fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    /// Whether a time of sending is looked for, so that rows take time.
    pub fn reads_payloads(&self) -> bool {
        self.sent.is_some()
    }

    /// Counts further rows, in their order.
    pub fn add_rows(&mut self, session: &Session, ids: &[RecordId]) {
        for id in ids {
            let record = &session.records()[*id];
            self.rows += 1;
            self.kinds.entry(record.kind).or_default()[record.dir.index()] += 1;
            if record.kind.is_fact() {
                continue;
            }
            let (connection, at_ns) = (session.connection_of(record), session.at_ns(*id));
            self.others.add(connection, at_ns, record);
            if is_message(record) {
                self.messages.add(connection, at_ns, record);
            }
        }
        self.add_latencies(session, ids);
    }

    fn add_latencies(&mut self, session: &Session, ids: &[RecordId]) {
        let Some(sent) = self.sent.as_ref().filter(|_| session.started_unix_ns != 0) else { return };
        let mut payloads = Payloads::new(session);
        let mut open = Vec::new();
        for id in ids {
            let record = &session.records()[*id];
            if record.dir != Dir::In || !is_message(record) {
                continue;
            }
            match payloads.of(record, SENT_LIMIT_BYTES) {
                Some(payload) => self.latency.add(session, *id, sent.read(&payload)),
                None => open.push(*id),
            }
        }
        for stretch in session.stretches(&open, SENT_LIMIT_BYTES) {
            for (id, explained) in stretch.iter().zip(session.explain_all(stretch, SENT_LIMIT_BYTES)) {
                self.latency.add(session, *id, sent.read(&explained.payload));
            }
        }
    }

    /// Counts the layers of further records, in their order, rows or not.
    pub fn add_layers<'r>(&mut self, records: impl Iterator<Item = &'r Record>) {
        records.for_each(|record| self.layers.add(record));
    }

    /// How many rows were counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows by kind: sent, received.
    pub fn kinds(&self) -> &BTreeMap<Kind, [u64; 2]> {
        &self.kinds
    }

    /// Whether messages are measured; else all records that stand for bytes are, because no row is a message.
    pub fn is_of_messages(&self) -> bool {
        self.messages.both.count > 0
    }

    /// Rates, gaps and sizes of the messages among the rows; of all rows that stand for bytes where none is a message.
    pub fn measures(&self) -> &Measures {
        if self.is_of_messages() { &self.messages } else { &self.others }
    }

    /// How late messages came.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Where the bytes went.
    pub fn overhead(&self) -> Overhead {
        self.layers.overhead()
    }
}

impl Latency {
    fn add(&mut self, session: &Session, id: RecordId, sent_ns: Option<i128>) {
        let Some(sent_ns) = sent_ns else {
            self.without += 1;
            return;
        };
        let late = i128::from(session.started_unix_ns) + i128::from(session.at_ns(id)) - sent_ns;
        match u64::try_from(late) {
            Ok(late) => self.late.add(late),
            Err(_) => {
                self.early += 1;
                self.earliest_ns = self.earliest_ns.max(u64::try_from(-late).unwrap_or(u64::MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests;
