//! Redaction: secrets are found in a recording and replaced by marks of the same length, so that lengths, spans, chunk
//! sizes and what follows stay what they were.
//!
//! [`Plan::of`] goes over the records, twice where values that were found are looked for in other places, too. It finds a
//! secret whole, however reads, chunks and frames cut it. [`Plan::applying`] then changes the recording event by event. What is
//! written down of the rules is in `docs/secrets.md`.

mod along;
mod copies;
mod deflate;
mod documents;
mod head;
mod json;
mod lanes;
mod members;
mod names;
mod plan;
mod rules;
mod save;
mod scan;
mod shapes;
#[cfg(test)]
mod tests;
mod texts;
mod walk;

pub use plan::{Applying, Count, Found, MOST_LISTED, Plan};
pub use rules::{Group, RuleError, Rules};
pub use save::{RedactError, Redacted, load_redacted, save_redacted, without_secrets};
pub use walk::PlanError;

/// How many secrets there are in some bytes, as far as these tell on their own: what is said where a text is copied.
pub fn count_in(text: &[u8], rules: &Rules) -> usize {
    scan::Scanner::new(rules).map_or(0, |scanner| scanner.payload(text).len())
}
