//! When recorded bytes are due: recorded time becomes the time of now.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// No gap is longer than this, whatever a recording says.
const LONGEST_GAP: Duration = Duration::from_secs(365 * 24 * 3600);

/// How fast a recording is replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// With no wait but for the client.
    Max,
}

impl Default for Speed {
    fn default() -> Speed {
        Speed::Times(1.0)
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Speed::Times(times) => write!(f, "{times}"),
            Speed::Max => f.write_str("max"),
        }
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        let number = text.trim().trim_end_matches(['x', '×']);
        match number.parse::<f64>() {
            _ if text.trim().eq_ignore_ascii_case("max") => Ok(Speed::Max),
            Ok(times) if (0.001..=1e6).contains(&times) => Ok(Speed::Times(times)),
            _ => Err(format!("'{text}' is no speed; it is max, or a number from 0.001 to 1000000, such as 10")),
        }
    }
}

/// How gaps of the recording become gaps of the replay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// How fast.
    pub speed: Speed,
    /// The longest wait for recorded bytes.
    pub max_wait: Option<Duration>,
}

impl Pace {
    /// How long to wait for what came `gap_ns` later.
    pub fn gap(&self, gap_ns: u64) -> Duration {
        let gap = match self.speed {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => {
                let seconds = gap_ns as f64 / 1e9 / times;
                Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_GAP)
            }
        };
        gap.min(LONGEST_GAP).min(self.max_wait.unwrap_or(LONGEST_GAP))
    }
}

/// Goes along a recording: what is asked of it is later and later in recorded time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pace: Pace,
    recorded_ns: u64,
    due: Instant,
}

impl Clock {
    /// What was recorded at `recorded_ns` is now.
    pub fn new(pace: Pace, recorded_ns: u64) -> Clock {
        Clock { pace, recorded_ns, due: Instant::now() }
    }

    /// When what was recorded at `at_ns` is due.
    pub fn due(&self, at_ns: u64) -> Instant {
        self.due + self.pace.gap(at_ns.saturating_sub(self.recorded_ns))
    }

    /// What was recorded at `at_ns` happens at `due`: gaps count from there.
    pub fn set(&mut self, at_ns: u64, due: Instant) {
        self.recorded_ns = self.recorded_ns.max(at_ns);
        self.due = due;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_as_they_are_written() {
        for (text, speed) in
            [("1", Speed::Times(1.0)), ("10x", Speed::Times(10.0)), ("0.5", Speed::Times(0.5)), ("MAX", Speed::Max)]
        {
            assert_eq!(text.parse(), Ok(speed));
            assert_eq!(speed.to_string().parse(), Ok(speed));
        }
        for text in ["", "0", "-1", "fast", "NaN", "inf", "1e9"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    #[test]
    fn absurd_times_are_waited_for_no_longer_than_asked() {
        let max_wait = Some(Duration::from_secs(5));
        let pace = Pace { speed: Speed::Times(2.0), max_wait };
        assert_eq!(pace.gap(4_000_000_000), Duration::from_secs(2));
        assert_eq!(pace.gap(u64::MAX), Duration::from_secs(5));
        assert_eq!(Pace { speed: Speed::Max, max_wait: None }.gap(u64::MAX), Duration::ZERO);
        let mut clock = Clock::new(Pace { speed: Speed::Times(0.001), max_wait: None }, 10);
        let due = clock.due(u64::MAX);
        assert!(due <= Instant::now() + LONGEST_GAP);
        // Time that goes back is no gap.
        clock.set(100, due);
        assert_eq!(clock.due(50), due);
    }
}
