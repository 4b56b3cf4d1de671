//! Entries on their way into a session file, as the rows that they will be.

use super::schema::{self, EventRow};
use crate::wire::{ConnectionInfo, Entry, Event, LinkId, What};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::HashMap;
use std::time::Instant;

/// What an event counts for in [`Batch::cost_bytes`] beyond its bytes.
const EVENT_COST_BYTES: usize = 128;

/// What waits to be written, and what has to be known from batch to batch.
#[derive(Default)]
pub(super) struct Batch {
    connections: Vec<ConnectionInfo>,
    rows: Vec<EventRow>,
    cost_bytes: usize,
    oldest: Option<Instant>,
    link_connections: HashMap<LinkId, u32>,
    next_seq: u64,
}

impl Batch {
    /// Takes the next entry.
    pub fn add(&mut self, entry: Entry) {
        self.cost_bytes += EVENT_COST_BYTES;
        self.oldest.get_or_insert_with(Instant::now);
        match entry {
            Entry::Connection(info) => self.connections.push(info),
            Entry::Event(event) => self.add_event(event),
        }
    }

    fn add_event(&mut self, event: Event) {
        self.cost_bytes += event.what.len_bytes();
        if let What::Opening(opening) = &event.what {
            self.link_connections.insert(event.link, opening.connection.0);
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        if !self.rows.last_mut().is_some_and(|row| row.join(&event)) {
            let connection = self.link_connections.get(&event.link).copied();
            if matches!(event.what, What::Closed(_) | What::Failed(_)) {
                self.link_connections.remove(&event.link);
            }
            self.rows.push(EventRow::new(seq, connection, event));
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.connections.is_empty()
    }

    /// Bytes and costs of what waits.
    pub fn cost_bytes(&self) -> usize {
        self.cost_bytes
    }

    /// Since when something waits.
    pub fn oldest(&self) -> Option<Instant> {
        self.oldest
    }

    /// Events that wait.
    pub fn events(&self) -> u64 {
        self.rows.iter().map(EventRow::events).sum()
    }

    /// Bytes of the wire that wait.
    pub fn bytes(&self) -> u64 {
        self.rows.iter().map(EventRow::len_bytes).sum()
    }

    /// The number of the event that comes next.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Puts all that waits away.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.connections.clear();
        self.cost_bytes = 0;
        self.oldest = None;
    }

    /// Writes what waits in one transaction, and leaves it waiting.
    pub fn write(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for info in &self.connections {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO connection(id, spec, label) VALUES(?1, ?2, ?3)")?
                .execute((info.id.0, &info.spec, &info.label))?;
        }
        {
            let mut statement = transaction.prepare_cached(schema::INSERT)?;
            let mut joined = Vec::new();
            for row in &self.rows {
                row.insert(&mut statement, &mut joined)?;
            }
        }
        transaction.commit()
    }
}
