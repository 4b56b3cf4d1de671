//! Where a view's events come from: connections that are open now, or a file.

use super::Draft;
use crate::session::Session;
use crate::session::file::{Opened, Recorder};
use crate::transport::{Handle, Order, Spec};
use crate::wire::{ConnectionId, Entry, EventReceiver, EventSender};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Bytes taken between two looks at the clock, and what an entry counts for beyond its own: so little, because even a
/// few thousand bytes may be a thousand messages.
const BATCH_COST_BYTES: usize = 64 << 10;
const ENTRY_COST_BYTES: usize = 1 << 10;
/// Bytes read from a file at a time.
const FILE_BATCH_BYTES: usize = 1 << 20;

/// Where events come from.
pub enum Source {
    /// Open connections.
    Live(Live),
    /// A file that is being read, or was.
    File(Box<Reading>),
    /// Nowhere: the session is complete.
    Still,
}

/// A file that is read into a session.
pub struct Reading {
    /// Its path.
    pub path: PathBuf,
    opened: Option<Opened>,
    /// What was read and not taken yet.
    entries: VecDeque<Entry>,
    /// Events read, and in all.
    pub progress: (u64, u64),
    /// What could not be read of it.
    pub error: Option<String>,
    /// Whether reading was stopped before the end.
    pub is_stopped: bool,
    /// Since when nothing has come in a recording that another program still writes, and when that was looked at last.
    waiting: Option<(Instant, Instant)>,
}

/// A recording that another program writes is looked at so often.
pub(super) const FOLLOW_PERIOD: Duration = Duration::from_millis(500);
/// And is taken for abandoned when nothing has come for so long.
const FOLLOW_LIMIT: Duration = Duration::from_secs(60);

impl Reading {
    pub(super) fn new(path: PathBuf, opened: Opened) -> Reading {
        let progress = opened.progress();
        let entries = VecDeque::new();
        Reading { path, opened: Some(opened), entries, progress, error: None, is_stopped: false, waiting: None }
    }

    /// Whether there is more to read.
    pub fn is_reading(&self) -> bool {
        self.opened.is_some() && self.waiting.is_none()
    }

    /// Whether all was read of a recording that another program still writes: what comes is read as it comes.
    pub fn is_following(&self) -> bool {
        self.waiting.is_some()
    }

    pub(super) fn stop(&mut self) {
        self.waiting = None;
        self.is_stopped |= self.opened.take().is_some();
    }

    /// Reads the next entries, or finds that there are none.
    fn fetch(&mut self) {
        let Some(opened) = &mut self.opened else { return };
        match opened.next_batch(FILE_BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => self.wait(),
            Ok(entries) => {
                self.entries = entries.into();
                self.progress = opened.progress();
            }
            // Damage: what lies behind it is read on.
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    /// The end was reached: a recording that was written to lately and is not ended may grow.
    fn wait(&mut self) {
        let now = Instant::now();
        let is_young = || {
            let modified = self.path.metadata().and_then(|metadata| metadata.modified()).ok();
            modified.is_some_and(|modified| modified.elapsed().is_ok_and(|age| age < FOLLOW_LIMIT))
        };
        let may_grow = self.error.is_none() && self.opened.as_ref().is_some_and(|opened| !opened.was_ended());
        self.waiting = (may_grow && is_young()).then_some((now, now));
        if self.waiting.is_none() {
            self.opened = None;
        }
    }

    /// Looks whether the recording has grown, where it is time to.
    fn look(&mut self) {
        let (Some((since, looked)), Some(opened)) = (&mut self.waiting, &mut self.opened) else { return };
        if looked.elapsed() < FOLLOW_PERIOD {
            return;
        }
        *looked = Instant::now();
        if opened.has_grown() {
            self.waiting = None;
        } else if opened.was_ended() || since.elapsed() > FOLLOW_LIMIT {
            (self.waiting, self.opened) = (None, None);
        }
    }
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

    pub(super) fn connect(&mut self, runtime: &tokio::runtime::Handle, spec: Spec, draft: Draft) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        let label = draft.address.trim().to_owned();
        let handle = crate::transport::connect(runtime, id, spec.clone(), label, self.sender.clone());
        self.open.insert(id, Open { handle: Arc::new(handle), draft, spec });
        id
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

    pub(super) fn repeat(
        &self,
        runtime: &tokio::runtime::Handle,
        connection: ConnectionId,
        order: Order,
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
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        Some(repeat)
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

fn len_bytes(entry: &Entry) -> usize {
    match entry {
        Entry::Event(event) => event.what.len_bytes(),
        Entry::Connection(_) => 0,
    }
}

impl Source {
    /// Takes entries into the session until `deadline`; whether there are more at hand.
    pub(super) fn drain(&mut self, session: &mut Session, deadline: Instant) -> bool {
        match self {
            Source::Still => false,
            Source::Live(live) => loop {
                if live.recorder.as_ref().is_some_and(|recorder| recorder.status().failed.is_some()) {
                    session.store_mut().give_up_saving();
                }
                let mut cost = 0;
                while cost < BATCH_COST_BYTES {
                    let Some(entry) = live.receiver.try_next() else { return false };
                    cost += ENTRY_COST_BYTES + len_bytes(&entry);
                    session.take(entry);
                }
                if Instant::now() >= deadline {
                    return true;
                }
            },
            Source::File(reading) => {
                reading.look();
                while reading.is_reading() {
                    if reading.entries.is_empty() {
                        reading.fetch();
                    }
                    let mut cost = 0;
                    while cost < BATCH_COST_BYTES
                        && let Some(entry) = reading.entries.pop_front()
                    {
                        cost += ENTRY_COST_BYTES + len_bytes(&entry);
                        session.take(entry);
                    }
                    if Instant::now() >= deadline {
                        break;
                    }
                }
                reading.is_reading()
            }
        }
    }
}
