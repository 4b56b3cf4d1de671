//! The numbers of messages over a reconnection: do they jump, or come again?
//!
//! Only where the last messages before it were counted one by one can anything be said.

use super::head::Head;
use super::reports::{Reports, Told};
use super::rules::{RECONNECT_LOST, RECONNECT_REPEATED};
use super::seen::{Case, Phase, Seen, Talk};
use super::text::{counted, this};
use super::{Confidence, Evidence};
use crate::dissect::Severity;
use crate::session::{RecordId, Session};
use serde_json::Value as Json;

/// Messages whose numbers must follow one another before a link's end.
const IN_A_ROW: usize = 3;

/// Messages of a new link in which a number is looked for.
const FIRST_MESSAGES: u64 = 4;

/// Bytes of a message that are read for its number.
const READ_BYTES: usize = 16 * 1024;

/// Where a message may have its number.
const KEYS: &[&str] = &["seq", "sequence", "id", "n", "number", "offset"];

/// The messages of a stream.
#[derive(Default)]
pub(super) struct Numbers {
    count: u64,
    /// The newest, newest last.
    newest: [RecordId; IN_A_ROW],
    /// The first number that was read.
    first: Option<u64>,
    is_compared: bool,
}

/// The numbers of a stream that ended.
pub(super) struct Last {
    number: u64,
    record: RecordId,
    /// The first number of that stream, where it was read.
    first: Option<u64>,
}

impl Numbers {
    /// A message came.
    pub fn came(&mut self, id: RecordId) {
        self.count += 1;
        self.newest.rotate_left(1);
        self.newest[IN_A_ROW - 1] = id;
    }
}

/// Whether the numbers of this stream go on with those of another.
fn is_followed(seen: &Seen) -> bool {
    let is_poll = seen.purpose.starts_with("poll") || seen.purpose.starts_with("long poll");
    !is_poll
        && seen.purpose != "side request"
        && (seen.phase == Phase::WebSocket || seen.is_event_stream() || seen.purpose.starts_with("reconnection"))
}

/// The stream ended: keeps its last number, where its messages were counted.
pub(super) fn ended(case: &Case, seen: &mut Seen, talk: &mut Talk) {
    let numbers = std::mem::take(&mut seen.numbers);
    if numbers.count == 0 || !is_followed(seen) {
        return;
    }
    talk.last = None;
    if numbers.count < IN_A_ROW as u64 {
        return;
    }
    let read: Vec<u64> = numbers.newest.iter().filter_map(|id| number(case.session, *id)).collect();
    let [first, second, third] = read[..] else { return };
    if first.checked_add(1) == Some(second) && second.checked_add(1) == Some(third) {
        talk.last = Some(Last { number: third, record: numbers.newest[IN_A_ROW - 1], first: numbers.first });
    }
}

/// A message came: the first of a stream are held against the last of the one before.
pub(super) fn compare(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) {
    if seen.numbers.is_compared || !is_followed(seen) {
        return;
    }
    let found = number(case.session, case.id);
    seen.numbers.is_compared = found.is_some() || seen.numbers.count >= FIRST_MESSAGES;
    let Some(new) = found else { return };
    seen.numbers.first = found;
    let Some(last) = talk.last.take() else { return };
    let next = last.number.saturating_add(1);
    if new > next {
        lost(case, seen, &last, new, reports);
    } else if new < next {
        repeated(case, seen, &last, new, reports);
    }
}

fn told_server(seen: &Seen) -> Option<String> {
    let request: &Head = seen.request.as_ref()?;
    request.value("last-event-id").map(|id| format!(" The request said Last-Event-ID: {id}."))
}

fn evidence(case: &Case, last: &Last, new: u64) -> Vec<Evidence> {
    vec![
        Evidence { record: last.record, span: None, says: format!("number {}, the last before", last.number) },
        this(case, format!("number {new}, the first after")),
    ]
}

fn lost(case: &Case, seen: &Seen, last: &Last, new: u64, reports: &mut Reports) {
    let missing = new - last.number - 1;
    let is_socket = seen.phase == Phase::WebSocket;
    let told = told_server(seen);
    let means = match (&told, is_socket) {
        (_, true) => {
            "WebSocket has no way to ask for what was missed: messages that the server sent meanwhile are gone, \
                      unless the application asks for them."
        }
        (Some(_), _) => {
            "The server was told where to go on and did not send what came in between: it does not keep \
                         events that long, or takes no notice of Last-Event-ID."
        }
        (None, _) => "Events that the server sent while nobody was connected are gone.",
    };
    reports.tell(
        case,
        Told {
            rule: &RECONNECT_LOST,
            severity: Severity::Warning,
            confidence: if is_socket { Confidence::Possible } else { Confidence::Likely },
            about: String::new(),
            seen: format!(
                "Before the reconnection to {} the last number was {}, after it the first is {new}: {} missing.{}",
                seen.whom(),
                last.number,
                if missing == 1 { "1 message is".to_owned() } else { format!("{} are", counted(missing, "message")) },
                told.unwrap_or_default()
            ),
            means: means.to_owned(),
            attempt: "Have the server keep recent messages and send those behind the last one that the client names."
                .to_owned(),
            evidence: evidence(case, last, new),
        },
    );
}

fn repeated(case: &Case, seen: &Seen, last: &Last, new: u64, reports: &mut Reports) {
    let is_overlap = last.first.is_some_and(|first| first < new);
    let told = told_server(seen);
    // A server that began to count anew repeats nothing.
    if !is_overlap && (seen.phase == Phase::WebSocket || told.is_none()) {
        return;
    }
    let again = last.number - new + 1;
    reports.tell(
        case,
        Told {
            rule: &RECONNECT_REPEATED,
            severity: Severity::Warning,
            confidence: if is_overlap { Confidence::Likely } else { Confidence::Possible },
            about: String::new(),
            seen: format!(
                "Before the reconnection to {} the last number was {}, after it the first is {new}.{}",
                seen.whom(),
                last.number,
                told.unwrap_or_default()
            ),
            means: format!(
                "{} again, unless the server counts anew on each connection: it takes no notice of where the client \
                 was.",
                if again == 1 { "1 message comes".to_owned() } else { format!("{} come", counted(again, "message")) }
            ),
            attempt: "Have the server go on behind the Last-Event-ID of the request, or let the application leave \
                      out numbers that it has seen."
                .to_owned(),
            evidence: evidence(case, last, new),
        },
    );
}

/// The number of a message: its event ID, or what its JSON says.
fn number(session: &Session, id: RecordId) -> Option<u64> {
    session.records().get(id)?;
    let explained = session.explain_within(id, READ_BYTES);
    let event_id = explained.fields.iter().rfind(|field| field.def.key == "sse.id");
    if let Some(field) = event_id {
        return session.field_text(&explained, field, 64).parse().ok();
    }
    let Json::Object(object) = serde_json::from_slice(&explained.payload).ok()? else { return None };
    KEYS.iter().find_map(|key| object.get(*key)?.as_u64())
}
