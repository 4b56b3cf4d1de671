//! eventsource-stream dispatches the events that we tell.
//!
//! It tells nothing of comments, of an unterminated tail, and of blocks without data; a CR at the very end waits for its
//! LF there. It needs valid UTF-8, and version 0.2.3 panics at a byte order mark, so it is not shown the first one.

use crate::recording::{chunked, field_bytes, record, requests};
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use proptest::prelude::*;
use pushscope::dissect::Kind;
use pushscope::wire::Dir;
use std::convert::Infallible;

#[derive(Debug, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
    id: String,
    retry_ms: Option<u64>,
}

fn eventsource_stream_says(body: &[u8], size: usize) -> Vec<Event> {
    let pieces: Vec<Result<Vec<u8>, Infallible>> = body.chunks(size).map(|piece| Ok(piece.to_vec())).collect();
    let events = futures_util::stream::iter(pieces).eventsource().map(|event| {
        let event = event.expect("valid UTF-8");
        let retry_ms = event.retry.map(|retry| retry.as_millis() as u64);
        Event { name: event.event, data: event.data, id: event.id, retry_ms }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(events.collect())
}

fn we_say(body: &[u8], size: usize) -> Vec<Event> {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = [head.as_slice(), &chunked(body, size)].concat();
    let session = record(&[(Dir::Out, &requests("GET", 1)), (Dir::In, &answer)], size + 2, true);
    let (mut events, mut id) = (Vec::new(), String::new());
    let ids: Vec<usize> =
        (0..session.records().len()).filter(|id| session.records()[*id].kind == Kind::SseEvent).collect();
    for explained in session.explain_all(&ids, 1 << 20) {
        let texts = |key: &str| -> Vec<String> {
            let fields = field_bytes(&explained, &answer, key).into_iter();
            fields.map(|bytes| String::from_utf8(bytes).expect("valid UTF-8")).collect()
        };
        if explained.notes.iter().any(|note| note.def.key == "sse.discarded") {
            continue;
        }
        id = texts("sse.id").into_iter().rfind(|id| !id.contains('\0')).unwrap_or(id);
        if texts("sse.data").is_empty() {
            continue;
        }
        let name = texts("sse.event").pop().filter(|name| !name.is_empty()).unwrap_or("message".to_owned());
        let data = String::from_utf8(explained.payload.clone()).expect("valid UTF-8");
        let retry_ms = texts("sse.retry").iter().rev().find_map(|retry| retry.parse().ok());
        events.push(Event { name, data, id: id.clone(), retry_ms });
    }
    events
}

fn body() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "data",
        "data:",
        "data: ",
        "data:  two",
        "data: あい",
        "data:é",
        "event: e",
        "event:",
        "event",
        "id: 1",
        "id:",
        "id",
        "id: a\0b",
        "retry: 5",
        "retry: x",
        "retry",
        ": c",
        ":",
        "unknown: 1",
        "dat",
        "data x",
        " data: x",
        "\u{feff}data: x",
        "Data: x",
    ]);
    let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r", "\n\r", "\r\n\n"]);
    let lines = prop::collection::vec((line, end).prop_map(|(line, end)| format!("{line}{end}")), 0..16);
    (prop::bool::ANY, lines)
        .prop_map(|(bom, lines)| format!("{}{}:\n", if bom { "\u{feff}" } else { "" }, lines.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_are_dispatched_alike(body in body(), theirs in 1usize..20, ours in 1usize..20) {
        let unmarked = body.strip_prefix('\u{feff}').unwrap_or(&body);
        prop_assume!(!unmarked.starts_with('\u{feff}'));
        let there = eventsource_stream_says(unmarked.as_bytes(), theirs);
        prop_assert_eq!(we_say(body.as_bytes(), ours), there);
    }
}
