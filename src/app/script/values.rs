//! What variables stand for.

use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Variables that are always there.
pub(in crate::app) const BUILT_IN: [&str; 4] = ["n", "now", "now_ms", "uuid"];

/// A secret shorter than this is no secret worth hiding: it would be found everywhere.
const LEAST_SECRET_BYTES: usize = 3;

/// What variables stand for at a moment.
pub(in crate::app) struct Values<'a> {
    /// The script's own, which captured ones take the place of.
    pub own: &'a BTreeMap<String, Json>,
    /// Taken from messages.
    pub captured: &'a BTreeMap<String, Json>,
    /// From the environment.
    pub secrets: &'a Secrets,
    /// The number of the repetition.
    pub n: u64,
    /// The time.
    pub wall: jiff::Timestamp,
}

impl Values<'_> {
    /// A variable's value; an error is a sentence.
    pub fn of(&self, name: &str) -> Result<Json, String> {
        if let Some(env) = name.strip_prefix("env.") {
            return self.secrets.of(env).map(Json::from).ok_or_else(|| format!("{env} is not in the environment"));
        }
        if name.starts_with("keyring.") {
            return self.secrets.of(name).map(Json::from).ok_or_else(|| format!("{name} was not asked for"));
        }
        Ok(match name {
            "n" => self.n.into(),
            "now" => self.wall.to_string().into(),
            "now_ms" => self.wall.as_millisecond().into(),
            "uuid" => uuid().into(),
            _ => {
                let value = self.captured.get(name).or_else(|| self.own.get(name));
                value.cloned().ok_or_else(|| format!("{{{{{name}}}}} has no value yet: no step has set it"))?
            }
        })
    }
}

/// A value as text: a string without its quotation marks, all else as JSON.
pub(in crate::app) fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Values from the environment. They are shown nowhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::app) struct Secrets(BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    pub fn keep(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// The names of the variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text with asterisks where a secret stands in it.
    pub fn hide(&self, text: &str) -> String {
        let secrets = self.0.values().filter(|secret| secret.len() >= LEAST_SECRET_BYTES);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

/// A random UUID (RFC 9562 §5.4).
fn uuid() -> String {
    let mut bytes = [0; 16];
    // Without entropy it is the same each time; the system has other worries then.
    let _ = getrandom::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_of_version_4() {
        let pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
        let (first, second) = (uuid(), uuid());
        assert!(regex::Regex::new(pattern).unwrap().is_match(&first), "{first}");
        assert_ne!(first, second);
    }

    #[test]
    fn secrets_are_hidden_and_not_debugged() {
        let mut secrets = Secrets::default();
        secrets.keep("TOKEN", "s3cret".into());
        assert_eq!(secrets.hide("say s3cret"), "say ***");
        assert!(!format!("{secrets:?}").contains("s3cret"));
    }
}
