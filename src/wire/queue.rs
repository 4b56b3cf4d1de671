//! The way of events from the tap to their readers, bounded by bytes.
//!
//! Each reader (the recorder, the screen) has its own queue of the same events; payloads are shared, not copied. When
//! the fullest queue is at its limit, [`EventSender::poll_room`] makes the tap wait, which leaves the bytes in the
//! socket. Facts without bytes are always taken.

use super::{ConnectionInfo, Event, LinkId, What};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// What travels in a queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A connection that the user asked for.
    Connection(ConnectionInfo),
    /// A fact.
    Event(Event),
}

/// A small cost for each event, so that a flood of tiny ones is bounded too.
const EVENT_COST_BYTES: usize = 64;

struct Lane {
    waiting_bytes: AtomicUsize,
    limit_bytes: usize,
    gone: AtomicBool,
    notify: Box<dyn Fn() + Send + Sync>,
}

struct Shared {
    lanes: Vec<(Sender<Entry>, Arc<Lane>)>,
    wakers: Arc<Mutex<Vec<Waker>>>,
    next_link: AtomicU32,
    started: Instant,
    /// Orders events of concurrent links: time is taken and the event queued under this lock.
    order: Mutex<()>,
}

/// The sending end, shared by every tap of a recording.
#[derive(Clone)]
pub struct EventSender(Arc<Shared>);

/// A reader's end.
pub struct EventReceiver {
    receiver: Receiver<Entry>,
    lane: Arc<Lane>,
    wakers: Arc<Mutex<Vec<Waker>>>,
}

/// What a reader asks for: how many bytes may wait for it, and whom to tell when something arrives.
pub struct ReaderOptions {
    /// Bytes that may wait before sockets are left unread.
    pub limit_bytes: usize,
    /// Called after each event; must be quick and must not block.
    pub notify: Box<dyn Fn() + Send + Sync>,
}

impl ReaderOptions {
    /// A reader that polls or blocks, with room for `limit_bytes`.
    pub fn new(limit_bytes: usize) -> ReaderOptions {
        ReaderOptions { limit_bytes, notify: Box::new(|| {}) }
    }
}

impl EventSender {
    /// A sender for a recording that began at `started`, numbering links from `first_link`, and one receiver a reader.
    pub fn new(started: Instant, first_link: u32, readers: Vec<ReaderOptions>) -> (EventSender, Vec<EventReceiver>) {
        let wakers = Arc::new(Mutex::new(Vec::new()));
        let mut lanes = Vec::new();
        let mut receivers = Vec::new();
        for reader in readers {
            let (sender, receiver) = channel();
            let lane = Arc::new(Lane {
                waiting_bytes: AtomicUsize::new(0),
                limit_bytes: reader.limit_bytes,
                gone: AtomicBool::new(false),
                notify: reader.notify,
            });
            lanes.push((sender, lane.clone()));
            receivers.push(EventReceiver { receiver, lane, wakers: wakers.clone() });
        }
        let next_link = AtomicU32::new(first_link);
        (EventSender(Arc::new(Shared { lanes, wakers, next_link, started, order: Mutex::new(()) })), receivers)
    }

    /// Nanoseconds since the recording began.
    pub fn now_ns(&self) -> u64 {
        self.0.started.elapsed().as_nanos() as u64
    }

    /// A new link's number.
    pub fn new_link(&self) -> LinkId {
        LinkId(self.0.next_link.fetch_add(1, Ordering::Relaxed))
    }

    /// Queues a connection that the user asked for.
    pub fn send_connection(&self, info: ConnectionInfo) {
        let _order = self.0.order.lock().unwrap_or_else(PoisonError::into_inner);
        self.push(Entry::Connection(info), EVENT_COST_BYTES);
    }

    /// Queues an event that happened now. Never blocks; taps ask [`Self::poll_room`] before they read.
    pub fn send(&self, link: LinkId, what: What) {
        let cost = what.len_bytes() + EVENT_COST_BYTES;
        let _order = self.0.order.lock().unwrap_or_else(PoisonError::into_inner);
        let at_ns = self.now_ns();
        self.push(Entry::Event(Event { at_ns, link, what }), cost);
    }

    fn push(&self, entry: Entry, cost: usize) {
        for (sender, lane) in self.0.lanes.iter().filter(|(_, lane)| !lane.gone.load(Ordering::Acquire)) {
            lane.waiting_bytes.fetch_add(cost, Ordering::AcqRel);
            if sender.send(entry.clone()).is_err() {
                lane.gone.store(true, Ordering::Release);
            }
            (lane.notify)();
        }
    }

    /// Bytes that wait in the fullest queue.
    pub fn waiting_bytes(&self) -> usize {
        let present = self.0.lanes.iter().filter(|(_, lane)| !lane.gone.load(Ordering::Acquire));
        present.map(|(_, lane)| lane.waiting_bytes.load(Ordering::Acquire)).max().unwrap_or(0)
    }

    fn has_room(&self) -> bool {
        self.0.lanes.iter().all(|(_, lane)| {
            lane.gone.load(Ordering::Acquire) || lane.waiting_bytes.load(Ordering::Acquire) < lane.limit_bytes
        })
    }

    /// Ready when every reader has room; otherwise the task is woken once there may be.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
        // A reader may have made room between the look and the registration.
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl EventReceiver {
    /// The next entry, if one waits.
    pub fn try_next(&self) -> Option<Entry> {
        self.receiver.try_recv().ok().inspect(|entry| self.taken(entry))
    }

    /// Waits for the next entry at most `timeout`. `Err(true)` when every sender is gone.
    pub fn next_timeout(&self, timeout: Duration) -> Result<Entry, bool> {
        match self.receiver.recv_timeout(timeout) {
            Ok(entry) => {
                self.taken(&entry);
                Ok(entry)
            }
            Err(error) => Err(error == RecvTimeoutError::Disconnected),
        }
    }

    fn taken(&self, entry: &Entry) {
        let cost = EVENT_COST_BYTES
            + match entry {
                Entry::Event(event) => event.what.len_bytes(),
                Entry::Connection(_) => 0,
            };
        let before = self.lane.waiting_bytes.fetch_sub(cost, Ordering::AcqRel);
        if before >= self.lane.limit_bytes && before - cost < self.lane.limit_bytes {
            self.wake();
        }
    }

    fn wake(&self) {
        for waker in self.wakers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            waker.wake();
        }
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        self.lane.gone.store(true, Ordering::Release);
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::task::Waker;

    #[test]
    fn a_full_queue_makes_the_tap_wait_until_its_reader_took_enough() {
        let (sender, receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(100)]);
        let link = sender.new_link();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(sender.poll_room(&mut cx).is_ready());
        sender.send(link, What::Bytes(super::super::Dir::In, Bytes::from(vec![0; 200])));
        assert!(sender.poll_room(&mut cx).is_pending());
        assert!(receivers[0].try_next().is_some());
        assert!(sender.poll_room(&mut cx).is_ready());
    }

    #[test]
    fn a_reader_that_left_holds_nobody_up() {
        let (sender, receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(1)]);
        sender.send(LinkId(1), What::Bytes(super::super::Dir::In, Bytes::from_static(b"xy")));
        drop(receivers);
        assert!(sender.poll_room(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
