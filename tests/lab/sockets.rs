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
