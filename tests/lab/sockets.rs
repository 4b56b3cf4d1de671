//! WebSocket: what npm's `ws` makes of the lab, and what the frames are on the wire.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::peers::{Running, bare_frames, connect, curl, start_node};
use crate::streams::assert_tweets;

fn texts(seen: &[Value]) -> Vec<String> {
    seen.iter().filter_map(|each| each["text"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_feed_comes_and_ends_with_1000() {
    let lab = Running::start();
    let seen = start_node("socket.mjs", &[&lab.ws("/ws?rate=0&count=3"), "protocol=b", "protocol=a"]).json_lines();
    assert_eq!(seen[0], json!({"open": "b", "extensions": ""}));
    let numbers: Vec<Value> =
        texts(&seen).iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["n"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(seen.last().unwrap(), &json!({"close": 1000, "reason": "the feed has ended"}));
}

#[test]
fn what_is_sent_comes_back_and_pings_are_answered() {
    let lab = Running::start();
    let url = lab.ws("/ws?scenario=quiet&fragments=3&ping=between&split=5");
    let wishes = ["text=こんにちは", "text=", "binary=/wAB", "ping=hi", "close-after=3"];
    let seen = start_node("socket.mjs", &[&[url.as_str()], &wishes[..]].concat()).json_lines();
    assert_eq!(texts(&seen), ["こんにちは", ""]);
    assert!(seen.contains(&json!({"binary": "/wAB"})), "{seen:?}");
    assert!(seen.contains(&json!({"pong": "hi"})), "{seen:?}");
    assert!(seen.contains(&json!({"ping": "between 1"})), "{seen:?}");
    assert_eq!(seen.last().unwrap(), &json!({"close": 4000, "reason": "enough"}));

    let mute = start_node("socket.mjs", &[&lab.ws("/ws?rate=5&count=2&echo=0"), "text=hello"]).json_lines();
    assert_eq!(texts(&mute).len(), 2);
    assert!(!texts(&mute).contains(&"hello".to_owned()));
}

#[test]
fn tweets_arrive_whole() {
    let lab = Running::start();
    for query in ["rate=50", "rate=0&fragments=4&ping=between", "rate=0&split=1"] {
        let seen = start_node("socket.mjs", &[&lab.ws(&format!("/ws?scenario=tweets&{query}"))]).json_lines();
        assert_tweets(&texts(&seen), query);
    }
}

#[test]
fn fragments_are_frames() {
    let lab = Running::start();
    let frames = bare_frames(lab.addr, "/ws?rate=0&count=2&size=300&fragments=3&ping=between");
    let firsts: Vec<u8> = frames.iter().map(|(first, _)| *first).collect();
    let message = [0x01, 0x89, 0x00, 0x89, 0x80];
    assert_eq!(firsts, [&message[..], &message[..], &[0x88]].concat());
    let payload: Vec<u8> = [0, 2, 4].iter().flat_map(|&at| frames[at].1.clone()).collect();
    assert_eq!(payload.len(), 300);
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap()["n"], 1);

    let frames = bare_frames(lab.addr, "/ws?rate=0&scenario=tweets");
    assert!(frames[1].1.ends_with("今".as_bytes()) && frames[1].0 == 0x01, "{frames:?}");
    assert!(frames[2].1.starts_with("からこれ".as_bytes()) && frames[2].0 == 0x80, "{frames:?}");
}

#[test]
fn an_idle_socket_is_pinged() {
    let lab = Running::start();
    let seen = start_node("socket.mjs", &[&lab.ws("/ws?rate=5&count=2&heartbeat=50")]).json_lines();
    assert!(seen.contains(&json!({"ping": "heartbeat"})), "{seen:?}");
}

#[test]
fn broken_frames_close_the_socket_with_the_right_code() {
    let lab = Running::start();
    let upgrade = "GET /ws?scenario=quiet HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let cases: [(&[u8], u16); 7] = [
        (b"\x81\x02hi", 1002),                         // unmasked
        (b"\xC1\x80\0\0\0\0", 1002),                   // RSV1
        (b"\x83\x80\0\0\0\0", 1002),                   // reserved opcode
        (b"\x09\x80\0\0\0\0", 1002),                   // fragmented ping
        (b"\x80\x80\0\0\0\0", 1002),                   // continues nothing
        (b"\x81\x81\0\0\0\0\xFF", 1007),               // not UTF-8
        (b"\x82\xFF\0\0\0\0\x7F\0\0\0\0\0\0\0", 1009), // 2 GiB
    ];
    for (frame, code) in cases {
        let mut stream = connect(lab.addr);
        stream.write_all(&[upgrade.as_bytes(), frame].concat()).unwrap();
        let mut answer = Vec::new();
        // Reads to the end: the lab must close, too.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.read_to_end(&mut answer).unwrap();
        let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(answer[body], 0x88, "{frame:?}");
        assert_eq!(u16::from_be_bytes([answer[body + 2], answer[body + 3]]), code, "{frame:?}");
    }
}

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let lab = Running::start();
    let answered = curl(&[&lab.http("/ws")]);
    assert_eq!((answered.status(), answered.field("Upgrade")), (426, Some("websocket")));
    let old = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 8"];
    let answered = curl(&[&[lab.http("/ws").as_str()], &old[..]].concat());
    assert_eq!((answered.status(), answered.field("Sec-WebSocket-Version")), (426, Some("13")));
}

#[test]
fn compressed_messages_go_both_ways() {
    let lab = Running::start();
    let long = format!("text={}", "こんにちは ".repeat(5000));
    for (query, offer, agreed) in [
        ("1", r#"{"threshold":0}"#, "permessage-deflate"),
        ("", r#"{"threshold":0}"#, "permessage-deflate"),
        (
            "server_no_context_takeover,client_no_context_takeover,server_max_window_bits:10",
            r#"{"threshold":0}"#,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
        ),
        (
            "client_max_window_bits:9",
            r#"{"threshold":0,"clientMaxWindowBits":true}"#,
            "permessage-deflate; client_max_window_bits=9",
        ),
        (
            "1",
            r#"{"threshold":0,"serverMaxWindowBits":9,"serverNoContextTakeover":true}"#,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
        ),
    ] {
        let url = lab.ws(&format!("/ws?scenario=quiet&fragments=3&ping=between&deflate={query}"));
        let wishes = [&format!("deflate={offer}"), "text=hello", "text=hello", "text=", &long, "close-after=4"];
        let seen = start_node("socket.mjs", &[&[url.as_str()], &wishes[..]].concat()).json_lines();
        assert_eq!(seen[0]["extensions"], agreed, "{query} {offer}");
        assert_eq!(texts(&seen), ["hello", "hello", "", long.trim_start_matches("text=")], "{query} {offer}");
        assert_eq!(seen.last().unwrap()["close"], 4000, "{query} {offer}: {:?}", seen.last());
    }
}

#[test]
fn nothing_is_compressed_that_was_not_agreed_on() {
    let lab = Running::start();
    for (query, offer) in [("", "{}"), ("&deflate=0", "{}"), ("&deflate=1", "false")] {
        let url = lab.ws(&format!("/ws?rate=0&count=1{query}"));
        let seen = start_node("socket.mjs", &[&url, &format!("deflate={offer}")]).json_lines();
        assert_eq!(seen[0]["extensions"], "", "{query} {offer}");
        assert_eq!(texts(&seen).len(), 1);
    }
}

#[test]
fn an_ordinary_client_notices_each_broken_rule() {
    let lab = Running::start();
    for (query, error) in [
        ("bad-accept", "Sec-WebSocket-Accept"),
        ("masked", "MASK must be clear"),
        ("bad-utf8", "invalid UTF-8"),
        ("reserved-bits=1", "RSV1 must be clear"),
        ("reserved-opcode", "invalid opcode 3"),
        // `ws` takes lengths in too many bytes. The claim swallows what follows, the close frame included.
        ("lie-length", ""),
        ("deflate=unasked", "extension"),
        ("deflate=bad", "invalid distance|unexpected end|invalid block|too far back|invalid stored|invalid"),
        ("deflate=bomb", "Max payload size exceeded"),
        ("close=5000", "invalid status code 5000"),
        ("close=1005", "invalid status code 1005"),
        ("close=byte", "invalid payload length 1"),
        (&format!("close=4000:{}", "x".repeat(124)), "invalid payload length 126"),
    ] {
        let url = lab.ws(&format!("/ws?rate=0&count=4&{query}"));
        let seen = start_node("socket.mjs", &[&url]).json_lines();
        let found = seen.iter().find_map(|each| each["error"].as_str()).unwrap_or_default();
        assert!(error.split('|').any(|error| found.contains(error)), "{query}: {seen:?}");
        if error.is_empty() {
            assert_eq!(seen.last().unwrap()["close"], 1006, "{query}: {seen:?}");
            assert_eq!(texts(&seen).len(), 3, "{query}: {seen:?}");
        }
    }
}

#[test]
fn it_closes_as_it_is_told_to() {
    let lab = Running::start();
    for (query, code, reason) in
        [("4000:why%20not", 4000, "why not"), ("3000", 3000, ""), ("empty", 1005, ""), ("tcp", 1006, "")]
    {
        for feed in ["rate=0", "rate=5&fragments=2"] {
            let seen = start_node("socket.mjs", &[&lab.ws(&format!("/ws?{feed}&close={query}"))]).json_lines();
            assert_eq!(texts(&seen).len(), 1, "{query}");
            assert_eq!(seen.last().unwrap(), &json!({"close": code, "reason": reason}), "{query}");
        }
    }
    // After its first answer, too, where the feed says nothing.
    let seen = start_node("socket.mjs", &[&lab.ws("/ws?scenario=quiet&close=4001"), "text=hi"]).json_lines();
    assert_eq!((texts(&seen), &seen.last().unwrap()["close"]), (vec!["hi".to_owned()], &json!(4001)));
}

#[test]
fn a_ping_can_be_left_unanswered() {
    let lab = Running::start();
    let wishes = ["ping=anyone?", "text=hi", "close-after=1"];
    let seen = start_node("socket.mjs", &[&[lab.ws("/ws?scenario=quiet&no-pong").as_str()], &wishes[..]].concat())
        .json_lines();
    assert!(!seen.iter().any(|each| each.get("pong").is_some()), "{seen:?}");
    assert_eq!(texts(&seen), ["hi"]);
}
