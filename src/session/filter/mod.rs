//! The filter language: which records are shown, exported and counted.
//!
//! Terms side by side are *and*, which binds tighter than `or`; `not` or a leading minus turns a term or a parenthesis
//! around.
//!
//! | term | matches records |
//! |---|---|
//! | `kind:ws.*,sse.event` | of a kind; `*` stands for anything |
//! | `dir:in` | of a direction: `in` from the server, `out` to it |
//! | `connection:2`, `link:1,3` | of a connection, of a link |
//! | `stream:3` | of an HTTP/2 stream; there are none yet, so it matches nothing |
//! | `size>1000`, `size<=1.5kB` | by the bytes of their payload |
//! | `at>3s` | by when they were complete, counted from the start of the recording |
//! | `gap>250ms` | by the time since the newest earlier record of the same connection that shares no byte with them |
//! | `note:warning` | whose worst note is at least that bad: `info`, `warning`, `error`; `any` is `info` |
//! | `note:websocket.*` | with a note of that key |
//! | `remark:`, `remark:*` | that the user put a bookmark or a remark on |
//! | `remark:red,blue` | whose bookmark has one of these colours: `plain`, `red`, `orange`, `green`, `blue`, `purple` |
//! | `remark:"text"` | whose remark holds it, whatever its case |
//! | `websocket.opcode=9` | with a field that compares so: `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` for a regular expression |
//! | `sse.id` | with such a field |
//! | `"text"`, `text` | whose payload holds it, whatever its case; where there is no payload, whose line does |
//! | `/regex/`, `/regex/i` | whose payload or line matches |
//! | `$.a.b=5`, `$.a` | whose payload is JSON in which a node of that path compares so, or is there |
//!
//! Texts compare without regard to ASCII case. With `!=` a field must be there, and none of that key may be equal.
//! Times have a unit: `ns`, `us`, `ms`, `s`, `m`, `h`. Heads of HTTP messages are searched as they were on the wire. Of a
//! payload the first 16 MiB are looked through.

mod complete;
pub mod compose;
mod eval;
mod keys;
mod parse;
pub(super) mod path;
mod shape;
mod term;

pub use complete::{Offer, Offers, complete};
pub use keys::{Keys, keys};
pub use shape::Shape;

use crate::session::payloads::Payloads;
use crate::session::{RecordId, Session};
use std::cell::RefCell;
use term::{Cost, Expr, Term};

/// A condition on records.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    expr: Expr,
}

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FilterError {
    /// The first byte of what is wrong.
    pub at: usize,
    /// How many bytes of it.
    pub len: usize,
    /// A sentence: what was expected, and what may have been meant.
    pub text: String,
}

impl Filter {
    /// Matches everything.
    pub fn everything() -> Filter {
        Filter { text: String::new(), expr: Expr::And(Vec::new()) }
    }

    /// Reads a filter. Empty text matches everything.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        Filter::parse_with(text, &Keys::known())
    }

    /// Reads a filter over the fields of `keys`.
    pub fn parse_with(text: &str, keys: &Keys) -> Result<Filter, FilterError> {
        let expr = parse::parse(text, keys)?;
        Ok(Filter { text: text.to_owned(), expr })
    }

    /// Whether it matches a record.
    pub fn matches(&self, session: &Session, id: RecordId) -> bool {
        let payloads = RefCell::new(Payloads::new(session));
        eval::Looked::new(session, id, &payloads).is_some_and(|looked| eval::matches(&self.expr, &looked))
    }

    /// Whether it matches every record of a shape, or none of them; `None` where records of that shape differ.
    pub fn of_shape(&self, shape: Shape) -> Option<bool> {
        shape::decide(&self.expr, shape)
    }

    /// Those of `ids` that match, in their order. Payloads are looked through where they lie in the recorded bytes; what
    /// must be explained for it is explained in one pass over the stretch, which is many times quicker than one by one.
    pub fn select(&self, session: &Session, ids: &[RecordId]) -> Vec<RecordId> {
        let payloads = RefCell::new(Payloads::new(session));
        let look = |id: RecordId| eval::Looked::new(session, id, &payloads);
        let mut open = Vec::new();
        let mut taken: Vec<RecordId> = Vec::new();
        for id in ids {
            match look(*id).map_or(Some(false), |looked| eval::matches_unexplained(&self.expr, &looked)) {
                Some(true) => taken.push(*id),
                Some(false) => {}
                None => open.push(*id),
            }
        }
        if open.is_empty() {
            return taken;
        }
        for stretch in session.stretches(&open, super::EXPLAIN_LIMIT_BYTES) {
            let told = session.explain_all(stretch, super::EXPLAIN_LIMIT_BYTES);
            for (id, explained) in stretch.iter().zip(told) {
                if look(*id).is_some_and(|looked| eval::matches(&self.expr, &looked.with(explained))) {
                    taken.push(*id);
                }
            }
        }
        taken.sort_unstable();
        taken
    }

    /// Whether it asks for remarks, so that a change of these changes what it matches.
    pub fn is_of_remarks(&self) -> bool {
        self.expr.any(&|term| matches!(term, Term::Remark | Term::Marked(_) | Term::RemarkSays(_)))
    }

    /// Whether no record has to be explained for it: a million records are filtered at once.
    pub fn is_cheap(&self) -> bool {
        self.expr.cost() < Cost::Explain
    }

    /// Whether it matches everything because it is empty.
    pub fn is_everything(&self) -> bool {
        matches!(&self.expr, Expr::And(terms) if terms.is_empty())
    }
}

impl Default for Filter {
    fn default() -> Filter {
        Filter::everything()
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Filter) -> bool {
        self.text == other.text
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
