//! A note for learners: the borders of chunks (RFC 9112 §7.1) are no borders of events.

use super::reports::{Reports, Told};
use super::rules::CHUNKS;
use super::seen::{Case, Seen, Talk, span_of};
use super::text::this;
use super::{Confidence, Evidence};
use crate::dissect::{Kind, Severity};
use crate::session::RecordId;

/// Where the chunks and events of a body lie.
#[derive(Default)]
pub(super) struct Chunks {
    /// One past the last wire byte of the chunk that ended last, and its record.
    last: Option<(u64, RecordId)>,
    /// Events that ended since.
    events: u32,
    first_event: RecordId,
}

/// An event or a line: one that began before the end of the last chunk and ended behind it spans two.
pub(super) fn event(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) {
    if talk.said_chunks {
        return;
    }
    let chunks = &mut seen.chunks;
    if chunks.events == 0 {
        chunks.first_event = case.id;
    }
    chunks.events += 1;
    let Some((end, chunk)) = chunks.last else { return };
    if case.record.start >= end {
        return;
    }
    talk.said_chunks = true;
    let unit = unit(case);
    let span = case.session.records().get(chunk).and_then(span_of);
    let evidence = vec![
        this(case, format!("this {unit} spans two chunks")),
        Evidence { record: chunk, span, says: "its first part is at the end of this chunk".to_owned() },
    ];
    tell(case, unit, format!("spans more than one chunk of the answer of {}", seen.server()), evidence, reports);
}

/// A chunk: one in which several events ended holds them.
pub(super) fn chunk(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) {
    let events = std::mem::take(&mut seen.chunks.events);
    seen.chunks.last = Some((case.record.end(), case.id));
    if talk.said_chunks || events < 2 {
        return;
    }
    talk.said_chunks = true;
    let first = seen.chunks.first_event;
    let kind = case.session.records().get(first).map_or(Kind::SseEvent, |record| record.kind);
    let unit = if kind == Kind::Line { "line" } else { "event" };
    let span = case.session.records().get(first).and_then(span_of);
    let evidence = vec![
        this(case, format!("this chunk holds {events} {unit}s")),
        Evidence { record: first, span, says: "the first of them".to_owned() },
    ];
    let seen_text = format!("shares a chunk of the answer of {} with others", seen.server());
    tell(case, unit, seen_text, evidence, reports);
}

fn unit(case: &Case) -> &'static str {
    if case.record.kind == Kind::Line { "line" } else { "event" }
}

fn tell(case: &Case, unit: &str, what: String, evidence: Vec<Evidence>, reports: &mut Reports) {
    reports.tell(
        case,
        Told {
            rule: &CHUNKS,
            severity: Severity::Info,
            confidence: Confidence::Certain,
            about: String::new(),
            seen: format!("An {unit} {what}.").replace("An line", "A line"),
            means: format!(
                "That is no fault: chunks are framing, and anyone on the way may cut and join them. A program that \
                 takes each chunk for one {unit} breaks sooner or later."
            ),
            attempt: format!("Read {unit}s by their own ends, as an EventSource or a line reader does."),
            evidence,
        },
    );
}
