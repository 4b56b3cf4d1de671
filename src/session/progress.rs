//! How far what we sent came on a link, by the kernel's account (tcp(7)): a bounded history of samples.

use crate::wire::Progress;

/// Samples that are kept of a link; where there are more, every other one of the older half goes.
const MOST_SAMPLES: usize = 8192;

/// How far a stretch of what we sent is known to have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The kernel has taken it; the other end's TCP has not acknowledged all of it.
    Kernel,
    /// The other end's TCP acknowledged it at that time, in nanoseconds since the recording began. Where a proxy is in
    /// between, that is the proxy's TCP.
    Acknowledged(u64),
    /// The system does not tell.
    Unknown,
}

/// The samples of a link, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Progresses {
    samples: Vec<(u64, Progress)>,
}

impl Progresses {
    pub(super) fn push(&mut self, at_ns: u64, progress: Progress) {
        if self.samples.len() >= MOST_SAMPLES {
            let (older, mut at) = (MOST_SAMPLES / 2, 0);
            self.samples.retain(|_| {
                at += 1;
                at > older || at % 2 == 0
            });
        }
        self.samples.push((at_ns, progress));
    }

    /// Every sample that is kept, oldest first: nanoseconds since the recording began, and what was so then.
    pub fn samples(&self) -> &[(u64, Progress)] {
        &self.samples
    }

    /// How far the bytes before `end` (an offset in the plaintext that we sent) have come.
    pub fn reached(&self, end: u64) -> Reached {
        // A system tells always or never.
        if self.samples.last().is_none_or(|(_, progress)| progress.acknowledged_bytes.is_none()) {
            return Reached::Unknown;
        }
        // What is acknowledged stays so: the samples are in order of both.
        let first = self.samples.partition_point(|(_, p)| p.acknowledged_bytes.is_none_or(|acked| acked < end));
        self.samples.get(first).map_or(Reached::Kernel, |(at_ns, _)| Reached::Acknowledged(*at_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(sent_bytes: u64, acknowledged: u64) -> Progress {
        Progress { sent_bytes, acknowledged_bytes: Some(acknowledged) }
    }

    #[test]
    fn bytes_are_acknowledged_when_a_sample_says_so() {
        let mut progress = Progresses::default();
        assert_eq!(progress.reached(1), Reached::Unknown);
        progress.push(10, sample(100, 0));
        progress.push(20, sample(100, 60));
        progress.push(30, sample(150, 100));
        assert_eq!(progress.reached(60), Reached::Acknowledged(20));
        assert_eq!(progress.reached(61), Reached::Acknowledged(30));
        assert_eq!(progress.reached(101), Reached::Kernel);
    }

    #[test]
    fn a_long_history_stays_bounded_and_keeps_its_newest_samples() {
        let mut progress = Progresses::default();
        for at in 0..100_000 {
            progress.push(at, sample(at, at));
        }
        assert!(progress.samples().len() <= MOST_SAMPLES);
        assert_eq!(progress.reached(99_999), Reached::Acknowledged(99_999));
        assert_eq!(progress.reached(100_000), Reached::Kernel);
    }
}
