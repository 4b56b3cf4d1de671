//! `--backoff`: how long to wait before a reconnection.

use super::duration;
use crate::transport::Backoff;

/// What `--backoff` says: `immediate`, or any of `factor=N`, `limit=DURATION`, `jitter=PERCENT` and `attempts=N`, with
/// commas between them.
pub fn backoff(text: &str) -> Result<Backoff, String> {
    let mut backoff = Backoff::default();
    for item in text.split(',').map(str::trim) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let number = || value.parse::<u32>().map_err(|_| format!("{name} must be a number, and here is '{value}'"));
        match name {
            "immediate" if value.is_empty() => backoff.immediate = true,
            "factor" => {
                backoff.factor = number()?;
                if backoff.factor == 0 {
                    return Err("with a factor of 0 there would be no waits; say immediate".to_owned());
                }
            }
            "limit" => backoff.limit_ms = u64::try_from(duration(value)?.as_millis()).unwrap_or(u64::MAX),
            "jitter" => {
                let percent = value.trim_end_matches('%').parse().ok().filter(|percent| *percent <= 100);
                backoff.jitter_percent =
                    percent.ok_or_else(|| format!("jitter is 0 to 100 percent, and here is '{value}'"))?;
            }
            "attempts" => backoff.attempts = number()?,
            _ => {
                return Err(format!(
                    "'{item}' is not known; immediate, factor=N, limit=DURATION, jitter=PERCENT and attempts=N are"
                ));
            }
        }
    }
    Ok(backoff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        assert_eq!(backoff("immediate"), Ok(Backoff { immediate: true, ..Backoff::default() }));
        let all = Backoff { immediate: false, factor: 3, limit_ms: 10_000, jitter_percent: 20, attempts: 5 };
        assert_eq!(backoff("factor=3, limit=10s,jitter=20%,attempts=5"), Ok(all));
        assert_eq!(backoff("attempts=1"), Ok(Backoff { attempts: 1, ..Backoff::default() }));
        for wrong in ["", "fast", "factor=0", "factor=x", "limit=5 parsecs", "jitter=101", "immediate=1", "attempts=-1"]
        {
            assert!(backoff(wrong).is_err(), "{wrong}");
        }
    }
}
