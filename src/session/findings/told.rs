//! Findings as text to forward, and as JSON.

use super::Finding;
use crate::session::Severity;
use serde_json::{Value as Json, json};

impl Finding {
    /// The finding as a paragraph: what, how sure, what was seen and where, what it means, what to try.
    pub fn to_text(&self) -> String {
        let severity = match self.rule.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info | Severity::None => "for learners",
        };
        let times = if self.count > 1 { format!(", {} times", self.count) } else { String::new() };
        let place = self.evidence.iter().map(|evidence| format!("#{} {}", evidence.record + 1, evidence.says));
        let place: Vec<String> = place.collect();
        format!(
            "{} ({severity}, {}{times}, connection {})\n  Seen:  {}\n  Means: {}\n  Try:   {}\n  Where: {}\n",
            self.rule.title,
            self.confidence.label(),
            self.connection.0,
            self.seen,
            self.means,
            self.attempt,
            place.join("; "),
        )
    }

    /// The finding as one JSON object. Records are counted from 1, spans are bytes of the record's buffer.
    pub fn to_json(&self) -> Json {
        let evidence: Vec<Json> = self
            .evidence
            .iter()
            .map(|evidence| {
                let span = evidence.span.map(|span| [span.start_byte(), span.end_byte()]);
                json!({"n": evidence.record + 1, "span": span, "says": evidence.says})
            })
            .collect();
        json!({
            "key": self.rule.key,
            "title": self.rule.title,
            "severity": self.rule.severity.name(),
            "confidence": self.confidence.label(),
            "connection": self.connection.0,
            "link": self.link.0,
            "seen": self.seen,
            "means": self.means,
            "try": self.attempt,
            "evidence": evidence,
            "count": self.count,
        })
    }
}
