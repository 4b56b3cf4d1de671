//! How long to wait before the next try, and when to give up.

use super::frames::random;
use super::{Outcome, wait};
use crate::transport::context::Context;
use crate::transport::spec::Backoff;
use crate::wire::Failure;
use std::time::{Duration, Instant};

/// Where no time to speak of is waited, tries that are less than this apart are in haste, and so many in a row may be; from
/// then on there is this pause before each.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
const HASTE: Duration = Duration::from_secs(1);
const HASTY_TRIES: u32 = 10;
const HASTY_PAUSE: Duration = Duration::from_millis(100);

/// Failures in a row, and what the user wants done about them.
pub(super) struct Retry {
    backoff: Backoff,
    failures: u32,
    /// When the last wait ended, and how many in a row ended within a second of the one before.
    tried: Option<Instant>,
    hasty: u32,
}

impl Retry {
    /// Without a failure so far.
    pub fn new(backoff: &Backoff) -> Retry {
        Retry { backoff: backoff.clone(), failures: 0, tried: None, hasty: 0 }
    }

    /// It worked: failures count from the beginning.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// It failed once more; the end, where that is often enough.
    pub fn failed(&mut self, failure: &Failure) -> Option<Outcome> {
        self.failures = self.failures.saturating_add(1);
        let attempts = self.backoff.attempts;
        if attempts == 0 || self.failures < attempts {
            return None;
        }
        let plural = if attempts == 1 { "failure" } else { "failures in a row" };
        Some(Outcome::GaveUp(format!(
            "given up after {attempts} {plural}, as the options say; the last one: {failure}"
        )))
    }

    /// Says that and why nothing happens for a while, and waits; `base` is the first wait.
    pub async fn wait(&mut self, context: &Context, base: Duration, why: &str) {
        let pause = self.pause(base, chance());
        self.wait_exactly(context, pause, why).await;
    }

    /// Waits as long as the server asked for.
    pub async fn wait_exactly(&mut self, context: &Context, pause: Duration, why: &str) {
        let pause = self.paced(pause, Instant::now());
        let count = match (self.failures, self.backoff.attempts) {
            (0 | 1, 0) | (0, _) => String::new(),
            (failures, 0) => format!(" (failure {failures} in a row)"),
            (failures, attempts) => format!(" (failure {failures} of {attempts})"),
        };
        wait(context, pause, &format!("{why}{count}")).await;
    }

    /// A pause that is long enough where one try follows the other at once, for minutes: each leaves records behind, and
    /// the server is somebody's.
    fn paced(&mut self, pause: Duration, now: Instant) -> Duration {
        let is_at_once = pause < LEAST_PAUSE;
        let is_hasty = is_at_once && self.tried.is_some_and(|tried| now.saturating_duration_since(tried) < HASTE);
        self.hasty = if is_hasty { self.hasty.saturating_add(1) } else { 0 };
        let pause = if self.hasty > HASTY_TRIES { pause.max(HASTY_PAUSE) } else { pause };
        self.tried = Some(now + pause);
        pause
    }

    /// How long to wait. `chance` is from -1 to 1.
    fn pause(&self, base: Duration, chance: f64) -> Duration {
        let Backoff { immediate, factor, limit_ms, jitter_percent, .. } = self.backoff;
        if immediate {
            return Duration::ZERO;
        }
        let limit = Duration::from_millis(limit_ms).max(base);
        let times = factor.max(1).saturating_pow(self.failures.saturating_sub(1));
        let pause = base.saturating_mul(times).min(limit);
        let share = (1.0 + chance * f64::from(jitter_percent) / 100.0).max(0.0);
        Duration::try_from_secs_f64(pause.as_secs_f64() * share).map_or(limit, |pause| pause.min(limit))
    }
}

/// A number from -1 to 1 that nobody can foresee.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    random(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX) * 2.0 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::failure::failure;
    use crate::wire::Stage;

    fn pauses(backoff: &Backoff, base_ms: u64, chance: f64) -> Vec<u128> {
        let mut retry = Retry::new(backoff);
        let failure = failure(Stage::Tcp, Instant::now(), "refused", "");
        let each = |_| {
            assert!(retry.failed(&failure).is_none());
            retry.pause(Duration::from_millis(base_ms), chance).as_millis()
        };
        (0..6).map(each).collect()
    }

    #[test]
    fn waits_grow_by_the_factor_up_to_the_limit() {
        let backoff = Backoff { limit_ms: 1000, ..Backoff::default() };
        assert_eq!(pauses(&backoff, 100, 0.0), [100, 200, 400, 800, 1000, 1000]);
        // The first wait may be longer than the limit.
        assert_eq!(pauses(&backoff, 2000, 0.0), [2000; 6]);
        assert_eq!(pauses(&Backoff { factor: 1, ..backoff.clone() }, 100, 0.0), [100; 6]);
        assert_eq!(pauses(&Backoff { factor: 0, ..backoff.clone() }, 100, 0.0), [100; 6]);
        assert_eq!(pauses(&Backoff { factor: u32::MAX, ..backoff.clone() }, 100, 0.0)[1..], [1000; 5]);
        assert_eq!(pauses(&Backoff { immediate: true, ..backoff }, 100, 1.0), [0; 6]);
        assert_eq!(Retry::new(&Backoff::default()).pause(Duration::from_secs(3), 0.0), Duration::from_secs(3));
        let endless = Backoff { limit_ms: u64::MAX, factor: u32::MAX, ..Backoff::default() };
        assert!(pauses(&endless, u64::MAX, 1.0)[5] > 0);
    }

    #[test]
    fn tries_that_chase_one_another_are_slowed_down() {
        let mut retry = Retry::new(&Backoff { immediate: true, ..Backoff::default() });
        let mut now = Instant::now();
        let mut tries = |took: Duration, count: u32| {
            let each = |_| {
                now += took;
                let pause = retry.paced(Duration::ZERO, now);
                now += pause;
                pause
            };
            (0..count).map(each).collect::<Vec<_>>()
        };
        let first = tries(Duration::from_millis(1), 100);
        assert!(first[..11].iter().all(Duration::is_zero), "{first:?}");
        assert!(first[11..].iter().all(|pause| *pause == HASTY_PAUSE), "{first:?}");
        // A connection that lasted is followed by the next one at once.
        assert_eq!(tries(Duration::from_secs(1), 1), [Duration::ZERO]);
        assert_eq!(tries(Duration::from_millis(1), 10), [Duration::ZERO; 10]);
    }

    #[test]
    fn chance_adds_or_takes_off_and_never_goes_below_nothing() {
        let backoff = Backoff { jitter_percent: 20, factor: 1, ..Backoff::default() };
        assert_eq!(pauses(&backoff, 100, 1.0)[0], 120);
        assert_eq!(pauses(&backoff, 100, -1.0)[0], 80);
        let wild = Backoff { jitter_percent: 255, ..backoff };
        assert_eq!(pauses(&wild, 100, -1.0)[0], 0);
        for _ in 0..1000 {
            assert!((-1.0..=1.0).contains(&chance()));
        }
    }

    #[test]
    fn after_so_many_failures_in_a_row_it_gives_up() {
        let failure = failure(Stage::Tcp, Instant::now(), "refused", "");
        let mut retry = Retry::new(&Backoff { attempts: 2, ..Backoff::default() });
        assert!(retry.failed(&failure).is_none());
        retry.succeeded();
        assert!(retry.failed(&failure).is_none());
        let Some(Outcome::GaveUp(text)) = retry.failed(&failure) else { panic!("goes on") };
        assert!(text.contains("after 2 failures in a row") && text.contains("refused"), "{text}");
    }
}
