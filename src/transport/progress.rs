//! How far what we sent has come: the kernel is asked how much of it the other end's TCP has acknowledged.
//!
//! It is asked soon after a write and ever more seldom after that, while anything is unacknowledged; never for each
//! write, and never when nothing is under way. Over TLS the kernel counts ciphertext, so a note of how much of both had
//! been sent leads from one to the other.

use super::tap::WeakTap;
use crate::wire::Progress;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Waits between two questions after a write, in milliseconds; the last is repeated.
const WAITS_MS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/// Where the waits begin again while more is written.
const BUSY: usize = 3;

/// Notes that are kept; without the older ones less is known to be acknowledged, never more.
const MOST_MARKS: usize = 1024;

/// What a stream knows of its way to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// Bytes that the kernel took, encrypted ones where there is TLS.
    pub written: u64,
    /// How many of those are not acknowledged; `None` where the system does not tell.
    pub unacknowledged: Option<u64>,
    /// Whether these are the very bytes that were written to the link.
    pub is_plain: bool,
    /// Whether there are encrypted bytes that the kernel has not taken.
    pub is_held: bool,
}

/// The progress of one link.
#[derive(Default)]
pub(crate) struct Meter {
    pub wake: Arc<Notify>,
    /// Sent on the link, and what the kernel had taken then.
    marks: VecDeque<(u64, u64)>,
    told: Option<Progress>,
}

impl Meter {
    /// How far `sent_bytes` of the link have come, where that is news.
    pub fn sample(&mut self, sent_bytes: u64, flight: Flight) -> Option<Progress> {
        let acknowledged_bytes = flight.unacknowledged.map(|waiting| {
            let arrived = flight.written.saturating_sub(waiting);
            if flight.is_plain {
                return sent_bytes.saturating_sub(waiting);
            }
            if !flight.is_held && self.marks.back().is_none_or(|(sent, _)| *sent < sent_bytes) {
                self.marks.push_back((sent_bytes, flight.written));
            }
            while self.marks.len() > MOST_MARKS || self.marks.get(1).is_some_and(|(_, written)| *written <= arrived) {
                self.marks.pop_front();
            }
            let known = self.told.and_then(|told| told.acknowledged_bytes).unwrap_or(0);
            let first = self.marks.front().filter(|(_, written)| *written <= arrived);
            first.map_or(known, |(sent, _)| known.max(*sent))
        });
        let progress = Progress { sent_bytes, acknowledged_bytes };
        (self.told.replace(progress) != Some(progress)).then_some(progress)
    }
}

/// Asks after writes until the link is closed.
pub(crate) async fn watch(tap: WeakTap, wake: Arc<Notify>) {
    loop {
        wake.notified().await;
        let mut at = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(WAITS_MS[at.min(WAITS_MS.len() - 1)])).await;
            match tap.sample() {
                None => return,
                Some(true) => break,
                Some(false) => {}
            }
            at += 1;
            // More was written meanwhile: soon again, but not at once.
            let is_busy = tokio::time::timeout(Duration::ZERO, wake.notified()).await.is_ok();
            if is_busy {
                at = at.min(BUSY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(written: u64, unacknowledged: u64, is_plain: bool) -> Flight {
        Flight { written, unacknowledged: Some(unacknowledged), is_plain, is_held: false }
    }

    #[test]
    fn plain_bytes_count_as_they_are() {
        let mut meter = Meter::default();
        let first = meter.sample(100, flight(150, 40, true)).unwrap();
        assert_eq!(first.acknowledged_bytes, Some(60));
        assert_eq!(meter.sample(100, flight(150, 40, true)), None);
        assert_eq!(meter.sample(100, flight(150, 0, true)).unwrap().acknowledged_bytes, Some(100));
    }

    #[test]
    fn encrypted_bytes_are_acknowledged_by_what_was_sent_when() {
        let mut meter = Meter::default();
        let acked = |meter: &mut Meter, sent, written, waiting| {
            meter.sample(sent, flight(written, waiting, false)).and_then(|progress| progress.acknowledged_bytes)
        };
        assert_eq!(acked(&mut meter, 100, 130, 130), Some(0));
        assert_eq!(acked(&mut meter, 200, 260, 200), Some(0));
        assert_eq!(acked(&mut meter, 300, 390, 200), Some(100));
        assert_eq!(acked(&mut meter, 300, 390, 100), Some(200));
        assert_eq!(acked(&mut meter, 300, 390, 0), Some(300));
        let held = Flight { is_held: true, ..flight(500, 0, false) };
        assert_eq!(meter.sample(400, held).unwrap().acknowledged_bytes, Some(300));
    }

    #[test]
    fn what_the_system_does_not_tell_is_unknown() {
        let silent = Flight { unacknowledged: None, ..flight(10, 0, true) };
        assert_eq!(Meter::default().sample(10, silent).unwrap().acknowledged_bytes, None);
    }
}
