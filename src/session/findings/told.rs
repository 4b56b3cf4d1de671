//! Findings as text that can be forwarded, and as JSON.

use super::{Evidence, Finding, Findings, Severity};
use serde_json::{Value as Json, json};

impl Finding {
    /// The finding as a paragraph: what, how sure, what was seen and where, what it means, what to try. It ends with a
    /// line end.
    pub fn to_text(&self) -> String {
        let (severity, confidence) = (self.severity.name(), self.confidence.label());
        let often = if self.count > 1 { format!(", seen {} times", self.count) } else { String::new() };
        let places = self.evidence.iter().map(|evidence| format!("#{} {}", evidence.record + 1, evidence.says));
        let places: Vec<String> = places.collect();
        let place = match places.is_empty() {
            true => String::new(),
            false => format!("   Where: connection {}, {}\n", self.connection.0, places.join("; ")),
        };
        format!(
            "{} ({severity}, {confidence}{often})  [{}]\n   Seen:  {}\n   Means: {}\n   Try:   {}\n{place}",
            self.title, self.key, self.seen, self.means, self.attempt
        )
    }

    /// The finding as one JSON object. Records count from 1; spans are bytes of the buffer that they are in.
    pub fn to_json(&self) -> Json {
        let place = |evidence: &Evidence| {
            let span = evidence.span.map(|span| [span.start_byte(), span.end_byte()]);
            json!({"record": evidence.record + 1, "span": span, "says": evidence.says})
        };
        json!({
            "key": self.key,
            "title": self.title,
            "severity": self.severity.name(),
            "confidence": self.confidence.label(),
            "connection": self.connection.0,
            "link": self.link.0,
            "seen": self.seen,
            "means": self.means,
            "try": self.attempt,
            "evidence": self.evidence.iter().map(place).collect::<Vec<Json>>(),
            "count": self.count,
        })
    }
}

impl Findings {
    /// How many findings are of at least that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list().iter().filter(|finding| finding.severity >= severity).count()
    }
}
