//! The rules of WebSocket that the lab breaks on request, each named where it is broken.

use crate::lab::lab;
use crate::support::{Watched, open};
use pushscope::transport::{Order, Outgoing};
use pushscope::wire::Dir;

/// A conversation with the lab at `query`, to its end.
fn broken(query: &str) -> Watched {
    let mut spec = lab(&format!("lab:ws?rate=0&{query}"));
    spec.websocket.go_on_anyway = true;
    let mut watched = open(spec);
    watched.is_faulty = true;
    watched.end();
    watched
}

#[test]
fn each_broken_rule_is_a_note_on_its_record() {
    for (query, kind, note, times) in [
        ("count=4&masked", "ws.frame", "websocket.server-masked", 5),
        ("count=4&bad-utf8", "ws.text", "websocket.text-not-utf8", 2),
        ("count=4&bad-utf8&fragments=3", "ws.text", "websocket.text-not-utf8", 2),
        ("count=6&reserved-bits", "ws.frame", "websocket.reserved-bits", 3),
        ("count=4&reserved-opcode", "ws.frame", "websocket.reserved-opcode", 2),
        ("count=2&lie-length", "ws.frame", "websocket.length-not-minimal", 1),
        ("count=4&lie-length", "ws.frame", "websocket.frame-incomplete", 1),
        ("close=999", "ws.close", "websocket.close-code-not-used", 1),
        ("close=1004", "ws.close", "websocket.close-code-reserved", 1),
        ("close=1006:lost", "ws.close", "websocket.close-code-local", 1),
        ("close=1010", "ws.close", "websocket.close-code-of-clients", 1),
        ("close=1011:oh", "ws.close", "websocket.closed-for-fault", 1),
        ("close=5000", "ws.close", "websocket.close-code-out-of-range", 1),
        ("close=byte", "ws.close", "websocket.close-one-byte", 1),
        (&format!("close=4000:{}", "x".repeat(124)), "ws.frame", "websocket.control-too-long", 1),
        ("count=1&bad-accept", "http.response", "websocket.answer-accept", 1),
        ("count=1&deflate=unasked", "http.response", "websocket.answer-extensions", 1),
        ("count=4&deflate=bad", "ws.text", "websocket.deflate-invalid", 1),
        // What follows may refer to what could not be inflated.
        ("count=4&deflate=bad", "ws.text", "websocket.not-inflated", 2),
        ("count=4&deflate=bad,server_no_context_takeover", "ws.text", "websocket.deflate-invalid", 2),
        ("count=3&deflate=bomb", "ws.text", "websocket.inflate-capped", 1),
        ("count=4&deflate=1&bad-utf8", "ws.text", "websocket.text-not-utf8", 2),
        ("count=4&deflate=1&reserved-bits", "ws.frame", "websocket.reserved-bits", 2),
    ] {
        let watched = broken(query);
        let noted = watched.noted();
        let found: Vec<_> = noted.iter().filter(|(_, dir, notes)| *dir == Dir::In && notes.contains(&note)).collect();
        assert_eq!(found.len(), times, "{query}: {noted:?}\n{}", watched.story());
        assert!(found.iter().all(|(found, _, _)| *found == kind), "{query}: {found:?}");
    }
}

#[test]
fn what_is_whole_has_no_notes() {
    for query in [
        "count=4",
        "count=4&fragments=3&ping=between",
        "close=4000:why",
        "close=empty",
        "close=1000",
        "count=9&deflate=1&size=3000",
        "count=9&deflate=server_no_context_takeover,client_no_context_takeover&fragments=5&ping=between",
        "count=9&deflate=server_max_window_bits:8&size=70000",
        "count=9&deflate=server_max_window_bits:9,client_max_window_bits:9",
    ] {
        let noted = broken(query).noted();
        assert!(noted.iter().all(|(_, dir, notes)| *dir == Dir::Out || notes.is_empty()), "{query}: {noted:?}");
    }
}

#[test]
fn what_is_sent_compressed_is_understood_and_comes_back() {
    for query in ["1", "server_max_window_bits:9,client_max_window_bits:9", "client_no_context_takeover"] {
        let mut watched = open(lab(&format!("lab:ws?scenario=quiet&deflate={query}")));
        let texts = ["hello", "", &"こんにちは ".repeat(9000), "hello"];
        texts.iter().for_each(|text| watched.send(Order::Send(Outgoing::Text((*text).into()))));
        let messages = |watched: &Watched| {
            let session = watched.session();
            let ids: Vec<usize> = (0..session.records().len()).collect();
            let told = session.explain_all(&ids, 1 << 20).into_iter();
            let told = told.filter(|told| told.record.kind.name() == "ws.text" && told.record.dir == Dir::In);
            told.map(|told| String::from_utf8(told.payload).unwrap()).collect::<Vec<_>>()
        };
        watched.until("four echoes", |watched| messages(watched).len() == texts.len());
        assert_eq!(messages(&watched), texts, "{query}");
        assert!(watched.bytes(Dir::In).len() < 20_000, "{query}: what came back is compressed");
        watched.send(Order::Close { code: None, reason: String::new() });
        watched.end();
    }
}

#[test]
fn a_wrong_digest_and_an_extension_that_was_not_offered_are_found() {
    assert!(broken("count=1&bad-accept").faults().contains(&"websocket.accept-header"));
    let mut refused = open(lab("lab:ws?bad-accept"));
    assert!(refused.failure().text.contains("Sec-WebSocket-Accept"));
    let mut refused = open(lab("lab:ws?deflate=unasked"));
    assert!(refused.failure().text.contains("x-webkit-deflate-frame"));
}

#[test]
fn an_end_without_a_close_frame_is_a_failure() {
    let mut watched = open(lab("lab:ws?rate=0&close=tcp"));
    assert!(watched.failure().text.contains("without a close frame"));
}

#[test]
fn a_ping_that_nobody_answers_is_found_while_data_arrive() {
    let mut watched = open(lab("lab:ws?rate=20&no-pong"));
    watched.is_faulty = true;
    watched.until_received("\"n\":1,");
    watched.send(Order::Send(Outgoing::Ping("anyone?".into())));
    // The finding looks at how long data went on arriving, by the recorded time.
    watched.until("the finding", |watched| watched.faults().contains(&"websocket.upstream-dead"));
    watched.handle.stop();
    watched.end();
}
