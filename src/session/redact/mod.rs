//! Redaction: secrets are found in a recording and replaced by marks of the same length, so that lengths, spans, chunk
//! sizes and what follows stay what they were.
//!
//! [`Plan::of`] goes over the records, twice where values that were found are looked for in other places, too. It finds a
//! secret whole, however reads, chunks and frames cut it. [`Plan::applying`] then changes the recording event by event. What is
//! written down of the rules is in `docs/secrets.md`.

mod copies;
mod deflate;
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
pub use save::{Redacted, load_redacted, save_redacted};
