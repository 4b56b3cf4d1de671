//! How a replay is doing: who is connected, what was served, and what clients did differently.

use crate::session::one_line;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Differences of different texts that are remembered.
const MOST_DIFFERENCES: usize = 1000;

/// Something that a client did otherwise than the recording has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What, in a sentence.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// How a replay is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Connections that are open.
    pub clients: usize,
    /// Connections that there were.
    pub connections: u64,
    /// Requests that came.
    pub requests: u64,
    /// Recorded exchanges that were served to their end, each counted once.
    pub served: usize,
    /// What clients did differently, the first first; each text once.
    pub differences: Vec<Difference>,
    /// How many differences there were in all.
    pub different: u64,
    /// How many had a text that there was no more room for.
    pub untold: u64,
}

/// Called for each difference whose text is new.
pub type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// The status that the connections of a replay share.
pub(super) struct Shared {
    status: Mutex<(Status, HashMap<String, usize>, Vec<bool>)>,
    tell: Tell,
    changed: tokio::sync::watch::Sender<()>,
}

impl Shared {
    pub fn new(exchanges: usize, tell: Tell) -> Shared {
        let (changed, _) = tokio::sync::watch::channel(());
        Shared { status: Mutex::new((Status::default(), HashMap::new(), vec![false; exchanges])), tell, changed }
    }

    fn lock(&self) -> MutexGuard<'_, (Status, HashMap<String, usize>, Vec<bool>)> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn status(&self) -> Status {
        self.lock().0.clone()
    }

    /// Tells of each change from now on.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock().0);
        // Nobody may be waiting.
        let _ = self.changed.send(());
    }

    /// An exchange was served to its end, or will not be.
    pub fn served(&self, exchange: usize) {
        let (status, _, served) = &mut *self.lock();
        if let Some(served) = served.get_mut(exchange).filter(|served| !**served) {
            *served = true;
            status.served += 1;
        }
        let _ = self.changed.send(());
    }

    pub fn is_served(&self, exchange: usize) -> bool {
        self.lock().2.get(exchange).is_some_and(|served| *served)
    }

    /// A client did something differently.
    pub fn differs(&self, text: &str) {
        let is_new = {
            let (status, known, _) = &mut *self.lock();
            status.different += 1;
            match known.get(text) {
                Some(at) => {
                    status.differences[*at].count += 1;
                    false
                }
                None if status.differences.len() >= MOST_DIFFERENCES => {
                    status.untold += 1;
                    false
                }
                None => {
                    known.insert(text.to_owned(), status.differences.len());
                    status.differences.push(Difference { text: text.to_owned(), count: 1 });
                    true
                }
            }
        };
        if is_new {
            (self.tell)(text);
        }
        let _ = self.changed.send(());
    }
}

/// A text on one line, of so many characters at most.
pub(super) fn short(text: &str, chars: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(chars) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_difference_is_told_once_and_counted_each_time() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = told.clone();
        let shared = Shared::new(2, Box::new(move |_| _ = counter.fetch_add(1, Ordering::Relaxed)));
        for _ in 0..3 {
            shared.differs("GET /: no Accept");
        }
        (0..2 * MOST_DIFFERENCES).for_each(|n| shared.differs(&n.to_string()));
        let status = shared.status();
        assert_eq!(status.differences[0], Difference { text: "GET /: no Accept".into(), count: 3 });
        assert_eq!(status.differences.len(), MOST_DIFFERENCES);
        assert_eq!((status.different, status.untold), (3 + 2 * MOST_DIFFERENCES as u64, MOST_DIFFERENCES as u64 + 1));
        assert_eq!(told.load(Ordering::Relaxed), MOST_DIFFERENCES);
        shared.served(1);
        shared.served(1);
        shared.served(7);
        assert_eq!(shared.status().served, 1);
        assert!(shared.is_served(1) && !shared.is_served(0));
    }
}
