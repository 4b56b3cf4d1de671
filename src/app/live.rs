//! Where a view's events come from: connections that are open now, or a file.

use super::composer::redraw_keys;
use super::reading::{STEP_BYTES, cost_bytes};
use super::{Draft, Reading};
use crate::session::Session;
use crate::session::file::{Recorder, Renamer};
use crate::transport::{Handle, Order, Spec};
use crate::wire::{ConnectionId, EventReceiver, EventSender};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where events come from.
pub enum Source {
    /// Open connections.
    Live(Live),
    /// Connections that clients opened to a replay.
    Replay(Live),
    /// A file that is being read, or was.
    File(Reading),
    /// Nowhere: the session is complete.
    Still,
}

/// A connection that was opened in this program.
pub struct Open {
    handle: Arc<Handle>,
    /// What it was asked for with.
    pub draft: Draft,
    /// The request itself.
    pub spec: Spec,
}

/// A message that is sent again and again.
pub struct Repeat {
    /// On which connection.
    pub connection: ConnectionId,
    /// How often in all.
    pub count: u32,
    sent: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
}

impl Repeat {
    /// How often it was sent so far.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        !self.stop.load(Ordering::Relaxed) && self.sent() < self.count
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A recording in progress.
pub struct Live {
    sender: EventSender,
    receiver: EventReceiver,
    recorder: Option<Recorder>,
    /// Its file.
    pub path: Option<PathBuf>,
    /// Why it has none.
    pub unrecorded: Option<String>,
    open: BTreeMap<ConnectionId, Open>,
    next: u32,
}

impl Live {
    pub(super) fn new(sender: EventSender, receiver: EventReceiver, recorder: Result<Recorder, String>) -> Live {
        let (path, recorder, unrecorded) = match recorder {
            Ok(recorder) => (Some(recorder.path().to_owned()), Some(recorder), None),
            Err(why) => (None, None, Some(why)),
        };
        Live { sender, receiver, recorder, path, unrecorded, open: BTreeMap::new(), next: 1 }
    }

    /// Connects. `label` is what it is called, which holds no secret.
    pub(super) fn connect(
        &mut self,
        runtime: &tokio::runtime::Handle,
        spec: Spec,
        draft: Draft,
        label: String,
    ) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        let handle = crate::transport::connect(runtime, id, spec.clone(), label, self.sender.clone());
        self.open.insert(id, Open { handle: Arc::new(handle), draft, spec });
        id
    }

    /// What events are sent to it by.
    pub(super) fn sender(&self) -> EventSender {
        self.sender.clone()
    }

    /// What a connection was opened with.
    pub fn opened(&self, connection: ConnectionId) -> Option<&Open> {
        self.open.get(&connection)
    }

    /// Whether a connection is open.
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        self.open.get(&connection).is_some_and(|open| !open.handle.is_over())
    }

    /// The connections that are open.
    pub fn open(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.open.iter().filter(|(_, open)| !open.handle.is_over()).map(|(id, _)| *id)
    }

    pub(super) fn order(&self, connection: ConnectionId, order: Order) {
        if let Some(open) = self.open.get(&connection) {
            open.handle.order(order);
        }
    }

    pub(super) fn stop(&self, connection: ConnectionId) {
        if let Some(open) = self.open.get(&connection) {
            open.handle.stop();
        }
    }

    /// Sends again and again; raw frames with fresh masking keys each time where these are drawn.
    pub(super) fn repeat(
        &self,
        runtime: &tokio::runtime::Handle,
        connection: ConnectionId,
        mut order: Order,
        has_fresh_keys: bool,
        (count, every_ms): (u32, u64),
    ) -> Option<Repeat> {
        let handle = self.open.get(&connection)?.handle.clone();
        let (sent, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let repeat = Repeat { connection, count, sent: sent.clone(), stop: stop.clone() };
        runtime.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(every_ms.max(1)));
            while sent.load(Ordering::Relaxed) < count {
                ticks.tick().await;
                if stop.load(Ordering::Relaxed) || handle.is_over() {
                    stop.store(true, Ordering::Relaxed);
                    return;
                }
                handle.order(order.clone());
                if has_fresh_keys {
                    redraw_keys(&mut order);
                }
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        Some(repeat)
    }

    /// What gives its file another name.
    pub(super) fn renamer(&self) -> Option<Renamer> {
        self.recorder.as_ref().map(Recorder::renamer)
    }

    /// What is wrong with the recording, if anything is.
    pub fn trouble(&self) -> Option<String> {
        let status = || self.recorder.as_ref().map(Recorder::status);
        let failed = || {
            let status = status()?;
            let lost =
                format!("{} events with {} bytes since then are in no file", status.lost_events, status.lost_bytes);
            status.failed.map(|error| format!("{error}; {lost}"))
        };
        self.unrecorded.clone().or_else(failed)
    }

    /// Closes every connection, waits a moment for their last events, and closes the file.
    pub(super) fn end(&mut self, session: &mut Session, patience: Duration) {
        let deadline = Instant::now() + patience;
        for open in self.open.values() {
            open.handle.stop();
        }
        loop {
            let all_over = self.open.values().all(|open| open.handle.is_over());
            while let Some(entry) = self.receiver.try_next() {
                session.take(entry);
            }
            if all_over || Instant::now() >= deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.stop();
        }
    }
}

impl Source {
    /// Takes entries into the session until `deadline`; whether there are more at hand.
    pub(super) fn drain(&mut self, session: &mut Session, deadline: Instant) -> bool {
        match self {
            Source::Still => false,
            Source::Live(live) | Source::Replay(live) => loop {
                if live.recorder.as_ref().is_some_and(|recorder| recorder.status().failed.is_some()) {
                    session.store_mut().give_up_saving();
                }
                let mut cost = 0;
                while cost < STEP_BYTES {
                    let Some(entry) = live.receiver.try_next() else { return false };
                    cost += cost_bytes(&entry);
                    session.take(entry);
                }
                if Instant::now() >= deadline {
                    return true;
                }
            },
            Source::File(reading) => reading.drain(session, deadline),
        }
    }
}
