//! Waiting for records: finding them, checking them, and taking values from them.

use super::failure::record_text;
use super::pattern::Pattern;
use super::step::{Await, Capture};
use super::values::{Values, text_of};
use crate::session::{EXPLAIN_LIMIT_BYTES, RecordId, Session};
use crate::wire::ConnectionId;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Records that a filter is asked about at a time.
const STRETCH: usize = 256;

/// What came of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This is the first.
    Record(RecordId),
    /// None so far.
    Nothing,
    /// There is more to look at than may be now.
    More,
}

/// Looks for the first record of a connection, from `cursor` on, that a pattern matches; `budget` records at most.
pub(super) fn find(
    session: &Session,
    connection: ConnectionId,
    pattern: &Pattern,
    cursor: &mut RecordId,
    budget: &mut usize,
) -> Found {
    let records = session.records();
    *cursor = (*cursor).max(records.first_held());
    while *cursor < records.len() {
        if *budget == 0 {
            return Found::More;
        }
        let stop = records.len().min(*cursor + STRETCH.min(*budget));
        let of_interest = |id: &RecordId| {
            let record = &records[*id];
            pattern.looks_at(record) && session.connection_of(record) == connection
        };
        let candidates: Vec<RecordId> = (*cursor..stop).filter(of_interest).collect();
        *budget -= stop - *cursor;
        if let Some(first) = pattern.filter().select(session, &candidates).first() {
            *cursor = first + 1;
            return Found::Record(*first);
        }
        *cursor = stop;
    }
    Found::Nothing
}

/// Checks a record against what it must be equal to; an error is a sentence.
pub(super) fn check(session: &Session, id: RecordId, awaited: &Await, values: &Values) -> Result<(), String> {
    if awaited.equals.is_empty() {
        return Ok(());
    }
    let json = json_of(session, id)?;
    for (path, read, wanted) in &awaited.equals {
        let wanted = wanted.filled(values)?;
        match read.query(&json).first() {
            Some(found) if is_equal(found, &wanted) => {}
            Some(found) => {
                let came = record_text(session, id);
                return Err(format!("{path} is {found}, expected {wanted}; this came: {came}"));
            }
            None => {
                let came = record_text(session, id);
                return Err(format!("there is no {path}, expected {wanted}; this came: {came}"));
            }
        }
    }
    Ok(())
}

/// Takes variables from a record; an error is a sentence.
pub(super) fn capture(
    session: &Session,
    id: RecordId,
    set: &[Capture],
    captured: &mut BTreeMap<String, Json>,
) -> Result<(), String> {
    if set.is_empty() {
        return Ok(());
    }
    let json = json_of(session, id)?;
    for Capture { name, path } in set {
        let Some(found) = path.query(&json).first() else {
            return Err(format!(
                "{{{{{name}}}}} cannot be set, for there is no {path} in {}",
                record_text(session, id)
            ));
        };
        captured.insert(name.clone(), found.clone());
    }
    Ok(())
}

fn json_of(session: &Session, id: RecordId) -> Result<Json, String> {
    let explained = session.explain(id);
    if explained.payload_left_out > 0 {
        let len = explained.record.payload_len;
        return Err(format!(
            "what came is too long to be read as JSON: it has {len} bytes, and {EXPLAIN_LIMIT_BYTES} are read"
        ));
    }
    serde_json::from_slice(&explained.payload)
        .map_err(|_| format!("what came is no JSON: {}", record_text(session, id)))
}

/// Whether two values are the same; numbers by what they count, and a text of a number like the number.
fn is_equal(found: &Json, wanted: &Json) -> bool {
    match (found, wanted) {
        (Json::Number(found), Json::Number(wanted)) => found == wanted || found.as_f64() == wanted.as_f64(),
        (Json::Number(_) | Json::Bool(_), Json::String(_)) => text_of(found) == text_of(wanted),
        _ => found == wanted,
    }
}
