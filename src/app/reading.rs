//! A recording that is read into a session: a thread reads the file ahead, the window takes what is there.

use super::engine::Notify;
use crate::session::Session;
use crate::session::file::Opened;
use crate::wire::Entry;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Bytes read at a time, and how many such batches ahead.
const BATCH_BYTES: usize = 1 << 20;
const AHEAD: usize = 4;

/// Bytes taken between two looks at the clock, and what an entry counts for beyond its own: so little, because even a
/// few thousand bytes may be a thousand messages.
pub(super) const STEP_BYTES: usize = 64 << 10;
const ENTRY_COST_BYTES: usize = 1 << 10;

/// A recording that another program writes is looked at so often.
const FOLLOW_PERIOD: Duration = Duration::from_millis(500);

/// What the thread that reads has to say.
enum Read {
    Entries {
        entries: VecDeque<Entry>,
        progress: (u64, u64),
    },
    /// Damage: what lies behind it is read on.
    Damage(String),
    /// All was read of a recording that another program still writes.
    Waiting,
}

/// A file that is read into a session.
pub struct Reading {
    /// Its path.
    pub path: PathBuf,
    /// Gone once there is no more to read.
    receiver: Option<Receiver<Read>>,
    /// What was read and not taken yet.
    entries: VecDeque<Entry>,
    /// Events read, and in all.
    pub progress: (u64, u64),
    /// What could not be read of it.
    pub error: Option<String>,
    /// Whether reading was stopped before the end.
    pub is_stopped: bool,
    is_waiting: bool,
    /// Goes with whoever waits for more of a recording that another program writes.
    listener: Option<Arc<()>>,
}

impl Reading {
    /// Begins to read; an error says why no thread could be had.
    pub(super) fn start(path: PathBuf, opened: Opened, notify: Notify) -> Result<Reading, String> {
        let (sender, receiver) = sync_channel(AHEAD);
        let (progress, listener) = (opened.progress(), Arc::new(()));
        let listens = Arc::downgrade(&listener);
        std::thread::Builder::new()
            .name("pushscope-read".into())
            .spawn(move || {
                read(opened, &sender, &listens, &notify);
                // Its end is news, too.
                drop(sender);
                notify();
            })
            .map_err(|error| format!("the thread that reads {} cannot be started: {error}", path.display()))?;
        let (receiver, entries) = (Some(receiver), VecDeque::new());
        let listener = Some(listener);
        Ok(Reading { path, receiver, entries, progress, error: None, is_stopped: false, is_waiting: false, listener })
    }

    /// Whether there is more to read.
    pub fn is_reading(&self) -> bool {
        self.receiver.is_some() && !self.is_waiting
    }

    /// Whether all was read of a recording that another program still writes: what comes is read as it comes.
    pub fn is_following(&self) -> bool {
        self.receiver.is_some() && self.is_waiting
    }

    pub(super) fn stop(&mut self) {
        self.is_stopped |= self.receiver.take().is_some();
        self.listener = None;
        self.entries.clear();
    }

    /// Takes what is there until `deadline`; whether there is more at hand.
    pub(super) fn drain(&mut self, session: &mut Session, deadline: Instant) -> bool {
        loop {
            let mut cost = 0;
            while cost < STEP_BYTES
                && let Some(entry) = self.entries.pop_front()
            {
                cost += cost_bytes(&entry);
                session.take(entry);
            }
            if self.entries.is_empty() && !self.fetch() {
                return false;
            }
            if Instant::now() >= deadline {
                return true;
            }
        }
    }

    /// Looks at what the thread says next; whether it said anything.
    fn fetch(&mut self) -> bool {
        let Some(receiver) = &self.receiver else { return false };
        match receiver.try_recv() {
            Ok(Read::Entries { entries, progress }) => {
                (self.entries, self.progress, self.is_waiting) = (entries, progress, false);
            }
            Ok(Read::Damage(error)) => self.error = Some(error),
            Ok(Read::Waiting) => self.is_waiting = true,
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => self.receiver = None,
        }
        true
    }
}

/// What an entry counts for between two looks at the clock.
pub(super) fn cost_bytes(entry: &Entry) -> usize {
    match entry {
        Entry::Event(event) => ENTRY_COST_BYTES + event.what.len_bytes(),
        Entry::Connection(_) => ENTRY_COST_BYTES,
    }
}

/// Reads to the end, and on for as long as another program writes; until nobody listens any more.
fn read(mut opened: Opened, sender: &SyncSender<Read>, listens: &Weak<()>, notify: &Notify) {
    let mut is_damaged = false;
    let tell = |read: Read| {
        let is_heard = sender.send(read).is_ok();
        notify();
        is_heard
    };
    loop {
        let read = match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => {
                if is_damaged || !opened.is_written() || !tell(Read::Waiting) || !waits(&mut opened, listens) {
                    break;
                }
                continue;
            }
            Ok(entries) => Read::Entries { entries: entries.into(), progress: opened.progress() },
            Err(error) => {
                is_damaged = true;
                Read::Damage(error.to_string())
            }
        };
        if !tell(read) {
            return;
        }
    }
}

/// Waits until a recording has grown; `false` where it is ended, its writer is gone, or nobody wants it any more.
fn waits(opened: &mut Opened, listens: &Weak<()>) -> bool {
    loop {
        std::thread::sleep(FOLLOW_PERIOD);
        // Asked first: what a writer wrote before it went is there then.
        let is_written = opened.is_written();
        if opened.has_grown() {
            return true;
        }
        if !is_written || listens.strong_count() == 0 {
            return false;
        }
    }
}
