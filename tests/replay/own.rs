//! Pushscope as the client: a recording of a replay says what the original says, and so does the replay's own.

use crate::stage::{Message, messages, record, record_to, show};

/// Records an address, replays it to Pushscope with the same options, and holds three recordings side by side.
#[track_caller]
fn same(name: &str, query: &str, options: &[&str], speed: &str) {
    let recorded = record(&format!("lab:{name}?{query}"), options);
    let original = recorded.messages();
    assert!(original.len() > 2, "{original:#?}");
    let replay = recorded.replay(&["--speed", speed]);
    let target = format!("/{name}?{query}");
    let url = if name == "ws" { replay.ws(&target) } else { replay.http(&target) };
    let again = recorded.folder.path().join("again.pushscope");
    let kind = match name {
        "sse10" | "lines" | "stream" | "multipart" => "stream",
        other => other,
    };
    record_to(&again, &url, &[&["--as", kind], options].concat());
    replay.stop();
    equal(name, &messages(&again), &original);
    equal(name, &messages(&recorded.heard()), &original);
    let mut told = recorded.told();
    // A client that polls may ask once more before it is stopped.
    told.retain(|text| !text.contains("goes on behind") && !text.contains("has all that was recorded"));
    assert!(told.is_empty(), "{name}: the same client does nothing differently: {told:#?}");
    // What the replay recorded looks like the original: a link a connection, with both sides' bytes.
    let heard = show(&recorded.heard());
    let kinds: Vec<&str> = heard.iter().filter_map(|record| record["kind"].as_str()).take(3).collect();
    assert_eq!(kinds[..2], ["open", "tcp"], "{heard:#?}");
}

#[track_caller]
fn equal(name: &str, got: &[Message], original: &[Message]) {
    // Keys and digests of the old drafts, which stand behind their heads, differ.
    let said = |messages: &[Message]| -> Vec<Message> {
        messages.iter().filter(|(_, kind, _)| name != "ws" || kind != "http.body").cloned().collect()
    };
    assert_eq!(said(got), said(original), "{name}");
}

#[test]
fn event_streams() {
    same("sse", "rate=50&count=5", &["--reconnect", "no"], "1");
    same("sse10", "rate=50&count=5", &["--reconnect", "no"], "max");
}

#[test]
fn streams() {
    same("stream", "rate=50&count=5", &["--reconnect", "no"], "max");
    same("lines", "rate=50&count=5&split=3", &["--reconnect", "no"], "10");
    same("multipart", "rate=50&count=4", &["--reconnect", "no"], "max");
}

#[test]
fn polls() {
    same("longpoll", "rate=50", &["--cursor-header", "X-Cursor", "--count", "5"], "max");
}

#[test]
fn sockets() {
    let talk = ["--send", "今から", "--send", "ふぁぼります", "--for", "4s"];
    same("ws", "rate=50&count=5", &talk, "1");
    same("ws", "rate=50&count=5&deflate", &talk, "max");
    same("ws", "rate=50&count=3&deflate=server_no_context_takeover,server_max_window_bits:9", &talk, "max");
    same("ws", "rate=50&count=3&fragments=3&ping=between", &talk, "max");
}

#[test]
fn drafts() {
    for (draft, spoken) in [("hixie-76", "hixie-76"), ("hixie-75", "hixie-75"), ("hybi-07", "hybi-07")] {
        let options = ["--send", "hello", "--for", "3s", "--websocket-version", spoken];
        same("ws", &format!("rate=50&count=3&draft={draft}"), &options, "max");
    }
}

#[test]
fn a_stream_that_the_recorded_client_left_is_held_open() {
    let recorded = record("lab:sse?rate=50", &["--count", "3"]);
    let replay = recorded.replay(&["--speed", "max"]);
    let again = recorded.folder.path().join("again.pushscope");
    record_to(&again, &replay.http("/sse?rate=50"), &["--as", "sse", "--count", "3"]);
    replay.stop();
    let events = |path| messages(path).into_iter().filter(|(_, kind, _)| kind == "sse.event").collect::<Vec<_>>();
    assert_eq!(events(&again)[..3], events(&recorded.path)[..3]);
}

#[test]
fn a_wrong_digest_is_replayed_as_a_wrong_digest() {
    let recorded = record("lab:ws?rate=50&count=2&bad-accept=1", &["--go-on-anyway", "--for", "2s"]);
    let replay = recorded.replay(&["--speed", "max"]);
    let url = replay.ws("/ws?rate=50&count=2&bad-accept=1");
    crate::program::pushscope(&["record", &url]).refused(1, &["Sec-WebSocket-Accept"]);
    let again = recorded.folder.path().join("again.pushscope");
    record_to(&again, &url, &["--go-on-anyway", "--for", "2s"]);
    replay.stop();
    assert_eq!(messages(&again), recorded.messages());
}
