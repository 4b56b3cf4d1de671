//! How long to wait before a reconnection, as typed.

use super::whole;
use crate::transport::Backoff;

/// How long to wait before a reconnection, as typed.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The names are those of the fields on screen, and of `Backoff`.
pub struct BackoffDraft {
    pub immediate: bool,
    pub factor: String,
    pub limit_ms: String,
    pub jitter_percent: String,
    pub attempts: String,
}

impl Default for BackoffDraft {
    fn default() -> Self {
        let usual = Backoff::default();
        BackoffDraft {
            immediate: usual.immediate,
            factor: usual.factor.to_string(),
            limit_ms: usual.limit_ms.to_string(),
            jitter_percent: usual.jitter_percent.to_string(),
            attempts: String::new(),
        }
    }
}

impl BackoffDraft {
    /// The waits, or a sentence that says which field is wrong and why. An empty field is its usual value.
    pub(super) fn backoff(&self) -> Result<Backoff, String> {
        let usual = Backoff::default();
        let within = |name: &str, text: &str, most: u64, usual: u64| match whole(name, text)? {
            None => Ok(usual),
            Some(number) if number <= most => Ok(number),
            Some(number) => Err(format!("{name}: {number} is more than {most}")),
        };
        let factor = within("Reconnect factor", &self.factor, u32::MAX.into(), usual.factor.into())?;
        if factor == 0 {
            return Err("Reconnect factor: 0 is less than 1, which keeps the wait as it is".into());
        }
        Ok(Backoff {
            immediate: self.immediate,
            factor: factor as u32,
            limit_ms: within("Reconnect longest wait", &self.limit_ms, u64::MAX, usual.limit_ms)?,
            jitter_percent: within("Reconnect jitter", &self.jitter_percent, 100, usual.jitter_percent.into())? as u8,
            attempts: within("Reconnect attempts", &self.attempts, u32::MAX.into(), usual.attempts.into())? as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_the_backoff_and_empty_ones_are_as_usual() {
        assert_eq!(BackoffDraft::default().backoff().unwrap(), Backoff::default());
        let empty = BackoffDraft {
            immediate: true,
            factor: String::new(),
            limit_ms: String::new(),
            jitter_percent: String::new(),
            attempts: String::new(),
        };
        assert_eq!(empty.backoff().unwrap(), Backoff { immediate: true, ..Backoff::default() });
        let typed = BackoffDraft {
            immediate: false,
            factor: "3".into(),
            limit_ms: "5000".into(),
            jitter_percent: "25".into(),
            attempts: "4".into(),
        };
        let expected = Backoff { immediate: false, factor: 3, limit_ms: 5000, jitter_percent: 25, attempts: 4 };
        assert_eq!(typed.backoff().unwrap(), expected);
    }

    #[test]
    fn a_field_that_is_wrong_is_named() {
        let wrong = |draft: BackoffDraft| draft.backoff().unwrap_err();
        let usual = BackoffDraft::default;
        assert_eq!(
            wrong(BackoffDraft { jitter_percent: "101".into(), ..usual() }),
            "Reconnect jitter: 101 is more than 100"
        );
        assert!(
            wrong(BackoffDraft { factor: "0".into(), ..usual() }).starts_with("Reconnect factor: 0 is less than 1")
        );
        assert_eq!(
            wrong(BackoffDraft { limit_ms: "long".into(), ..usual() }),
            "Reconnect longest wait: \"long\" is no whole number"
        );
    }
}
