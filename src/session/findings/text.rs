//! Words for findings.

use super::Evidence;
use super::seen::{Case, span_of};
use crate::session::one_line;

/// Characters of a value that are quoted at most.
const QUOTE_CHARS: usize = 160;

/// The beginning of a value, on one line.
pub(super) fn short(value: &str) -> String {
    let line = one_line(value);
    match line.char_indices().nth(QUOTE_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// A value in quotation marks.
pub(super) fn quoted(value: &str) -> String {
    format!("“{}”", short(value))
}

/// A request target or address without its query, which may hold secrets.
pub(super) fn without_query(target: &str) -> String {
    let bare = target.split(['?', '#']).next().unwrap_or_default();
    let bare = match bare.split_once("://") {
        // User information may hold a password.
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => bare.to_owned(),
    };
    short(&bare)
}

/// Seconds as people say them.
pub(super) fn seconds(ns: u64) -> String {
    crate::session::duration(ns)
}

/// A number and the thing that is counted.
pub(super) fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// The record at hand as evidence.
pub(super) fn this(case: &Case, says: impl Into<String>) -> Evidence {
    Evidence { record: case.id, span: span_of(&case.record), says: says.into() }
}
