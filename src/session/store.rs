//! Where the bytes of events are found again: in memory while they are young, in the session file for good.

use bytes::Bytes;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes kept in memory before the oldest that are safe in the file are let go.
pub const RECENT_LIMIT_BYTES: usize = 32 << 20;

/// What an event counts for beyond its bytes, so that a flood of tiny ones is bounded too.
const EVENT_COST_BYTES: usize = 64;

/// The bytes of events, by their numbers, in order.
type Row = Vec<(u64, Bytes)>;

/// Where older bytes come from: a session file.
pub trait Archive: Send {
    /// The bytes of the event `seq`, and of neighbours that were read with it, as (event, bytes).
    fn fetch(&self, seq: u64) -> Option<Vec<(u64, Bytes)>>;
}

/// The bytes of a session's events.
pub struct Store {
    recent: RefCell<Recent>,
    archive: Option<Box<dyn Archive>>,
    /// Events below this number are in the archive for good.
    saved: Arc<AtomicU64>,
    limit_bytes: usize,
    /// The archive takes no more: what it lacks is let go as well.
    is_lossy: bool,
}

#[derive(Default)]
struct Recent {
    /// Young events, oldest first.
    events: VecDeque<(u64, Bytes)>,
    total: usize,
    /// Rows fetched from the archive, newest last.
    fetched: VecDeque<Row>,
    fetched_total: usize,
}

/// Bytes of fetched rows that are kept at most.
const FETCHED_LIMIT_BYTES: usize = 16 << 20;

impl Store {
    /// Everything stays in memory.
    pub fn memory() -> Store {
        Store {
            recent: RefCell::default(),
            archive: None,
            saved: Arc::default(),
            limit_bytes: usize::MAX,
            is_lossy: false,
        }
    }

    /// Only the newest bytes stay in memory, and the oldest are gone for good: for sessions that nobody looks back at.
    pub fn newest() -> Store {
        let saved = Arc::new(AtomicU64::new(u64::MAX));
        Store { recent: RefCell::default(), archive: None, saved, limit_bytes: RECENT_LIMIT_BYTES, is_lossy: false }
    }

    /// Bytes of events below `saved` may be let go, because `archive` has them.
    pub fn archived(archive: Box<dyn Archive>, saved: Arc<AtomicU64>) -> Store {
        Store::archived_within(archive, saved, RECENT_LIMIT_BYTES)
    }

    /// As [`Store::archived`], keeping about `limit_bytes` in memory.
    pub fn archived_within(archive: Box<dyn Archive>, saved: Arc<AtomicU64>, limit_bytes: usize) -> Store {
        Store { recent: RefCell::default(), archive: Some(archive), saved, limit_bytes, is_lossy: false }
    }

    /// The recording can't be written any more. From here on the oldest bytes are let go although they are nowhere else,
    /// so that memory stays bounded; records keep their places and say that their bytes are missing.
    pub fn give_up_saving(&mut self) {
        self.is_lossy = true;
    }

    pub(super) fn hold(&self, seq: u64, bytes: &Bytes) {
        let saved = self.saved.load(Ordering::Acquire);
        let recent = &mut *self.recent.borrow_mut();
        if self.archive.is_none() || seq >= saved {
            recent.events.push_back((seq, bytes.clone()));
            recent.total += cost(bytes);
        }
        while recent.total > self.limit_bytes && recent.events.front().is_some_and(|(oldest, _)| *oldest < saved) {
            recent.total -= recent.events.pop_front().map_or(0, |(_, bytes)| cost(&bytes));
        }
    }

    /// Bytes held in memory, bookkeeping included.
    pub fn held_bytes(&self) -> usize {
        let recent = self.recent.borrow();
        recent.total + recent.fetched_total
    }

    /// The bytes of an event, where they can be had.
    pub fn bytes(&self, seq: u64) -> Option<Bytes> {
        let recent = &mut *self.recent.borrow_mut();
        if let Ok(at) = recent.events.binary_search_by_key(&seq, |(seq, _)| *seq) {
            return Some(recent.events[at].1.clone());
        }
        let find = |row: &Row| row.binary_search_by_key(&seq, |(seq, _)| *seq).ok().map(|at| row[at].1.clone());
        if let Some(found) = recent.fetched.iter().rev().find_map(find) {
            return Some(found);
        }
        let row = self.archive.as_ref()?.fetch(seq)?;
        let found = find(&row);
        recent.fetched_total += row.iter().map(|(_, bytes)| cost(bytes)).sum::<usize>();
        recent.fetched.push_back(row);
        while recent.fetched_total > FETCHED_LIMIT_BYTES && recent.fetched.len() > 1 {
            let gone = recent.fetched.pop_front().unwrap_or_default();
            recent.fetched_total -= gone.iter().map(|(_, bytes)| cost(bytes)).sum::<usize>();
        }
        found
    }
}

fn cost(bytes: &Bytes) -> usize {
    bytes.len() + EVENT_COST_BYTES
}
