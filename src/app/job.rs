//! Work beside the window that takes its time: how far it is, and the wish to stop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A piece of work; clones are the same piece.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is done, as a sentence without its end: `Saving a copy as monday.pushscope`.
    pub what: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    done: AtomicU64,
    total: AtomicU64,
    is_stopped: AtomicBool,
}

impl Job {
    pub(super) fn new(what: impl Into<String>) -> Job {
        Job { what: what.into(), shared: Arc::new(Shared::default()) }
    }

    /// How much is done, from 0 to 1; `None` while that is not known.
    pub fn fraction(&self) -> Option<f32> {
        let total = self.shared.total.load(Ordering::Relaxed);
        (total > 0).then(|| (self.shared.done.load(Ordering::Relaxed) as f64 / total as f64).min(1.0) as f32)
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped.load(Ordering::Relaxed)
    }

    /// Tells how far it is; whether to go on.
    pub(super) fn report(&self, done: u64, total: u64) -> bool {
        self.shared.done.store(done, Ordering::Relaxed);
        self.shared.total.store(total, Ordering::Relaxed);
        !self.is_stopped()
    }

    pub(super) fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is(&self, other: &Job) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_job_is_told_so_at_its_next_report() {
        let job = Job::new("Saving");
        assert_eq!(job.fraction(), None);
        assert!(job.report(1, 4));
        assert_eq!(job.fraction(), Some(0.25));
        job.clone().stop();
        assert!(!job.report(2, 4));
    }
}
