//! Where a client goes on: an event's ID or a cursor that a recorded answer gave and no recorded request has.

use super::Program;
use super::exchange::{Exchange, Key};
use crate::dissect::{Flags, Kind};
use crate::session::RecordId;
use crate::wire::Dir;
use serde_json::Value as Json;

/// Events that are looked at for an ID, and bytes of a body for a cursor.
const MOST_EVENTS: usize = 200_000;
const LARGEST_BODY_BYTES: usize = 1 << 20;
/// Events that are explained at a time.
const STRETCH: usize = 512;

/// Where a client is.
pub(super) struct Place {
    /// The exchange whose answer gave it what it names.
    pub exchange: usize,
    /// The event behind which it wants to be told; none, where it has all of that answer.
    pub behind: Option<RecordId>,
    /// What it says, and where that is from.
    pub says: String,
}

/// Where a client is that sends a cursor; `alike` are the exchanges of its path.
pub(super) fn place_of(program: &Program, key: &Key, alike: &[usize]) -> Option<Place> {
    for (name, value) in &key.cursors {
        let found = match name.as_str() {
            "last-event-id" => event_of(program, alike, value),
            _ => answer_with(program, alike, name, value).map(|exchange| (exchange, None)),
        };
        if let Some((exchange, behind)) = found {
            return Some(Place {
                exchange,
                behind,
                says: format!("goes on behind {name} {}", super::status::short(value, 60)),
            });
        }
    }
    let recorded = |name: &str, value: &str| {
        alike.iter().any(|at| program.key(*at).parameters().any(|pair| pair == (name, value)))
    };
    for (name, value) in key.parameters().filter(|(name, value)| !value.is_empty() && !recorded(name, value)) {
        if let Some(exchange) = answer_with(program, alike, name, value) {
            let says = format!("goes on behind {name}={}", super::status::short(value, 60));
            return Some(Place { exchange, behind: None, says });
        }
    }
    None
}

/// The event with this ID: its exchange, and its record where there are events behind it.
fn event_of(program: &Program, alike: &[usize], id: &str) -> Option<(usize, Option<RecordId>)> {
    let mut left = MOST_EVENTS;
    for at in alike {
        let exchange = &program.exchanges()[*at];
        let events = events(program, exchange, &mut left);
        for (n, stretch) in events.chunks(STRETCH).enumerate() {
            let session = program.session();
            let told = session.explain_all(stretch, LARGEST_BODY_BYTES);
            let found = told.iter().position(|told| {
                let field = told.fields.iter().rfind(|field| field.def.key == "sse.id");
                field.is_some_and(|field| session.field_text(told, field, 4096) == id)
            });
            if let Some(found) = found {
                let at_event = n * STRETCH + found;
                let is_last = at_event + 1 == events.len();
                return Some((*at, (!is_last).then(|| events[at_event])));
            }
        }
    }
    None
}

/// The events of an answer, at most `left` of them.
fn events(program: &Program, exchange: &Exchange, left: &mut usize) -> Vec<RecordId> {
    let Some(answer) = &exchange.answer else { return Vec::new() };
    let session = program.session();
    let mut events = Vec::new();
    for (id, record) in (answer.record..).zip(session.records().range(answer.record..usize::MAX)) {
        if record.link != exchange.link || record.dir != Dir::In {
            continue;
        }
        if record.start >= answer.end || *left == 0 {
            break;
        }
        if record.kind == Kind::SseEvent && !record.flags.has(Flags::INCOMPLETE) {
            events.push(id);
            *left -= 1;
        }
    }
    events
}

/// The exchange whose answer gave this value under this name: in a header field, or in its JSON.
fn answer_with(program: &Program, alike: &[usize], name: &str, value: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    alike.iter().rev().copied().find(|at| {
        let exchange = &program.exchanges()[*at];
        let Some(answer) = &exchange.answer else { return false };
        let head = program.answer_head(exchange, answer);
        let is_named = |field: &str| {
            let field = field.to_ascii_lowercase();
            field == name || field.strip_prefix("x-") == Some(&name)
        };
        if head.fields().any(|(field, said)| is_named(&field) && said == value) {
            return true;
        }
        let is_json = head.field("content-type").is_some_and(|kind| kind.contains("json"));
        is_json && json_of(program, exchange).is_some_and(|json| gives(&json, &name, value))
    })
}

/// The JSON of an answer's body.
fn json_of(program: &Program, exchange: &Exchange) -> Option<Json> {
    let answer = exchange.answer.as_ref()?;
    let is_body = |record: &crate::dissect::Record| record.dir == Dir::In && record.kind == Kind::HttpBody;
    let (id, record) = program.next_record(exchange.link, answer.record, is_body)?;
    if record.start >= answer.end {
        return None;
    }
    let told = program.session().explain_within(id, LARGEST_BODY_BYTES);
    serde_json::from_slice(&told.payload).ok()
}

/// Whether a member of that name has that value, at any depth that serde_json reads.
fn gives(json: &Json, name: &str, value: &str) -> bool {
    match json {
        Json::Object(members) => members.iter().any(|(key, member)| {
            let is_value = match member {
                Json::String(text) => text == value,
                Json::Number(number) => number.to_string() == value,
                _ => false,
            };
            (is_value && key.eq_ignore_ascii_case(name)) || gives(member, name, value)
        }),
        Json::Array(members) => members.iter().any(|member| gives(member, name, value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_counts_under_its_own_name_only() {
        let body = json!({"done": false, "page": {"Cursor": "G5"}, "messages": [{"n": 7}]});
        assert!(gives(&body, "cursor", "G5") && gives(&body, "n", "7"));
        assert!(!gives(&body, "done", "false") && !gives(&body, "n", "G5") && !gives(&body, "since", "7"));
    }
}
