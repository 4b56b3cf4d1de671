//! Event streams of web-platform-tests: what an `EventSource` would dispatch, computed from our records' fields.

use crate::recording::{chunked, field_bytes, tell};
use crate::suite::{cases, text};
use pushscope::dissect::{Explained, Kind, Severity};
use pushscope::wire::Dir;
use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
struct Event {
    data: String,
    name: String,
    last_event_id: String,
}

/// What a client makes of the records: its events, and the reconnection time in the end.
fn client(told: &[Explained], wire: &[u8]) -> (Vec<Event>, Option<u64>) {
    let (mut events, mut last_event_id, mut retry_ms) = (Vec::new(), String::new(), None);
    for explained in told.iter().filter(|e| matches!(e.record.kind, Kind::SseEvent | Kind::SseRetry)) {
        let lossy = |key: &str| -> Vec<String> {
            let fields = field_bytes(explained, wire, key).into_iter();
            fields.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
        };
        for retry in lossy("sse.retry") {
            if !retry.is_empty() && retry.bytes().all(|byte| byte.is_ascii_digit()) {
                retry_ms = retry.parse().ok();
            }
        }
        if explained.notes.iter().any(|note| note.def.key == "sse.discarded") {
            continue;
        }
        if let Some(id) = lossy("sse.id").into_iter().rfind(|id| !id.contains('\0')) {
            last_event_id = id;
        }
        if lossy("sse.data").is_empty() {
            continue;
        }
        assert_eq!(explained.record.payload_len, explained.payload.len() as u64, "payload_len counts the payload");
        assert_eq!(lossy("sse.data").join("\n"), String::from_utf8_lossy(&explained.payload), "data lines, joined");
        let name = lossy("sse.event").pop().filter(|name| !name.is_empty()).unwrap_or("message".to_owned());
        let data = String::from_utf8_lossy(&explained.payload).into_owned();
        events.push(Event { data, name, last_event_id: last_event_id.clone() });
    }
    (events, retry_ms)
}

fn assert_as_asserted(case: &Value, events: &[Event], retry_ms: Option<u64>) {
    let (name, wanted) = (text(case, "name"), case["events"].as_array().expect("events"));
    let data: Vec<&str> = events.iter().map(|event| event.data.as_str()).collect();
    let wanted_data: Vec<&str> = wanted.iter().map(|event| text(event, "data")).collect();
    assert_eq!(data, wanted_data, "{name}");
    for (event, wanted) in events.iter().zip(wanted) {
        if let Some(wanted) = wanted["type"].as_str() {
            assert_eq!(event.name, wanted, "{name}");
        }
        if let Some(wanted) = wanted["lastEventId"].as_str() {
            assert_eq!(event.last_event_id, wanted, "{name}");
        }
    }
    if let Some(wanted) = case["retry_ms"].as_u64() {
        assert_eq!(retry_ms, Some(wanted), "{name}");
    }
}

#[test]
fn events_are_those_that_web_platform_tests_assert() {
    let Some(cases) = cases("sse_wpt.json") else { return };
    let mut refused = 0;
    for case in &cases {
        let body = crate::suite::bytes(case, "body_b64");
        let head =
            |rest: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: {}\r\n{rest}\r\n", text(case, "content_type"));
        let mut answers = vec![[head("Connection: close\r\n").into_bytes(), body.clone()].concat()];
        for size in [1, 3, 5, 11, 4097] {
            answers.push([head("Transfer-Encoding: chunked\r\n").into_bytes(), chunked(&body, size)].concat());
        }
        let request = crate::recording::requests("GET", 1);
        for answer in &answers {
            let told = tell(&[(Dir::Out, &request), (Dir::In, answer)]);
            let (events, retry_ms) = client(&told, answer);
            if case["connection_must_fail"] == true {
                // A client refuses the label; an inspector shows what rides in it, and says that clients refuse it.
                assert_eq!(events.len(), 1, "{}", text(case, "name"));
                let notes: Vec<_> = told.iter().flat_map(|explained| &explained.notes).collect();
                assert!(
                    notes.iter().any(|n| n.def.key == "sse.wrong-type" && n.def.severity == Severity::Error),
                    "{}: {notes:?}",
                    text(case, "name")
                );
            } else {
                assert_as_asserted(case, &events, retry_ms);
            }
        }
        refused += usize::from(case["connection_must_fail"] == true);
    }
    println!("sse_wpt: {} cases as asserted, {refused} of them read with a note that clients refuse them", cases.len());
    assert_eq!(cases.len(), 29);
}
