//! WebSocket against raw bytes: the handshake item by item, and what both sides may and may not do after it.

use crate::support::{Peer, Server, Watched, contains, open, spec};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pushscope::transport::{Order, Outgoing, Spec};
use pushscope::wire::{Act, Dir, Stage};
use sha1::{Digest, Sha1};
use std::time::Duration;

pub fn accept(request: &str) -> String {
    let key = request.split("Sec-WebSocket-Key: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or("");
    STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

fn upgrade(peer: &mut Peer) {
    let request = peer.request();
    let accept = accept(&request);
    peer.say(&format!(
        "HTTP/1.1 101 Switching Protocols\r\nUPGRADE: WebSocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    ));
}

/// A server that upgrades and then follows a script.
pub fn upgraded(script: impl Fn(Peer) + Send + Sync + 'static) -> Server {
    Server::start(move |_, mut peer| {
        upgrade(&mut peer);
        script(peer);
    })
}

/// Reads one masked frame: first byte and payload.
pub fn frame(peer: &mut Peer) -> (u8, Vec<u8>) {
    let head = peer.read(2);
    let [first, second] = head[..] else { return (0, Vec::new()) };
    assert!(second & 0x80 != 0, "not masked");
    let len = match second & 0x7F {
        126 => peer.read(2).iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
        127 => peer.read(8).iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
        len => usize::from(len),
    };
    let mask = peer.read(4);
    let payload = peer.read(len).iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
    (first, payload)
}

pub fn text(text: &str) -> Order {
    Order::Send(Outgoing::Text(text.into()))
}

pub fn closed(watched: &mut Watched, expected: &str) {
    let last = watched.end();
    assert_eq!(last.act, Act::Done, "{}", watched.story());
    assert!(last.text.contains(expected), "{last:?}");
}

#[test]
fn a_conversation_from_upgrade_to_close() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x81\x05hello");
        let (first, payload) = frame(&mut peer);
        assert_eq!((first, payload.as_slice()), (0x81, "あ".as_bytes()));
        assert_eq!(frame(&mut peer), (0x82, vec![0; 70_000]));
        assert_eq!(frame(&mut peer), (0x89, b"pi".to_vec()));
        assert_eq!(frame(&mut peer), (0x8A, b"po".to_vec()));
        let (first, payload) = frame(&mut peer);
        assert_eq!((first, payload.as_slice()), (0x88, &b"\x0f\xa1bye"[..]));
        peer.say_bytes(b"\x88\x02\x0f\xa1");
    });
    let mut watched = open(spec(server.ws("/chat")));
    // Orders from before it is open are sent once it is.
    watched.send(text("あ"));
    watched.send(Order::Send(Outgoing::Binary(vec![0; 70_000].into())));
    watched.send(Order::Send(Outgoing::Ping("pi".into())));
    watched.send(Order::Send(Outgoing::Pong("po".into())));
    watched.send(Order::Send(Outgoing::Ping(vec![0; 126].into())));
    watched.until_received("hello");
    watched.until_act(Act::NotSent, "125 bytes");
    watched.send(Order::Close { code: Some(4001), reason: "bye".into() });
    closed(&mut watched, "closed by the user: 4001");
    let request = server.request();
    assert!(request.starts_with("GET /chat HTTP/1.1\r\nHost: "), "{request}");
    assert!(request.contains("Sec-WebSocket-Version: 13\r\n"));
}

#[test]
fn a_close_frame_is_answered_though_the_server_ended_its_side_with_it() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x88\x02\x03\xE8");
        peer.says_no_more();
    });
    // Which of the two is seen first is a matter of chance.
    for _ in 0..20 {
        let mut watched = open(spec(server.ws("/")));
        closed(&mut watched, "closed by the server: 1000");
        assert!(contains(&watched.bytes(Dir::Out), b"\x88\x82"), "{}", watched.story());
    }
}

#[test]
fn every_wrong_item_is_named_and_going_on_is_a_choice() {
    let good = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let cases = [
        ("Connection: Upgrade\r\n", true, "the Upgrade header is missing"),
        ("Upgrade: websocket\r\n", true, "the Connection header is missing"),
        ("Upgrade: websocket\r\nConnection: close\r\n", true, "without Upgrade"),
        (good, false, "Sec-WebSocket-Accept is \"wrong\""),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: x\r\n", true, "none was offered"),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: x-webkit-deflate-frame\r\n",
            true,
            "which was not offered",
        ),
    ];
    for (headers, right_key, expected) in cases {
        let server = Server::start(move |_, mut peer| {
            let request = peer.request();
            let key = if right_key { accept(&request) } else { "wrong".to_owned() };
            peer.say(&format!("HTTP/1.1 101 Switching Protocols\r\n{headers}Sec-WebSocket-Accept: {key}\r\n\r\n"));
            peer.say_bytes(b"\x81\x05hello\x88\x00");
            // A close frame where the client went on, else nothing.
            frame(&mut peer);
        });
        let mut watched = open(spec(server.ws("/")));
        let failure = watched.failure();
        assert_eq!(failure.stage, Stage::Answer);
        assert!(failure.text.contains(expected), "{failure}");
        watched.until_received("hello");
        let mut spec = spec(server.ws("/"));
        spec.websocket.go_on_anyway = true;
        let mut watched = open(spec);
        watched.is_faulty = true;
        watched.until_act(Act::Noticed, expected);
        closed(&mut watched, "closed");
        watched.until_received("hello");
    }
}

#[test]
fn an_answer_that_does_not_upgrade_says_what_it_means() {
    let cases = [
        ("200 OK", "", "ordinary HTTP", "does not know WebSocket"),
        ("301 Moved Permanently", "Location: wss://x/\r\n", "wss://x/", "do not follow"),
        ("401 Unauthorized", "", "401 Unauthorized", "authentication"),
        ("404 Not Found", "", "404", "path"),
        ("426 Upgrade Required", "Sec-WebSocket-Version: 8\r\n", "426", "version 8"),
    ];
    for (status, headers, expected, hint) in cases {
        let server = Server::start(move |_, mut peer| {
            peer.request();
            peer.answer(status, headers, "the evidence");
        });
        let mut watched = open(spec(server.ws("/")));
        let failure = watched.failure();
        assert!(failure.text.contains(expected) && failure.hint.contains(hint), "{failure}");
        watched.until_received("the evidence");
    }
}

#[test]
fn pings_are_answered_unless_turned_off() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x01\x01a\x89\x02hi");
        peer.say_bytes(b"\x80\x01b");
        assert_eq!(frame(&mut peer), (0x8A, b"hi".to_vec()));
        peer.say_bytes(b"\x88\x02\x03\xe8");
        assert_eq!(frame(&mut peer), (0x88, vec![0x03, 0xE8]));
    });
    closed(&mut open(spec(server.ws("/"))), "closed by the server: 1000 (normal closure)");

    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x89\x02hi\x88\x02\x03\xe8");
        // The first frame is the user's, neither a pong nor a close.
        assert_eq!(frame(&mut peer), (0x81, b"still here".to_vec()));
    });
    let mut spec = spec(server.ws("/"));
    (spec.websocket.auto_pong, spec.websocket.auto_close) = (false, false);
    let mut watched = open(spec);
    watched.until_act(Act::Noticed, "left unanswered");
    watched.send(text("still here"));
    closed(&mut watched, "1000");
}

#[test]
fn a_close_frame_that_is_not_answered_ends_after_five_seconds() {
    let server = upgraded(|mut peer| {
        peer.sees_the_end();
    });
    let mut watched = open(spec(server.ws("/")));
    watched.until_received("101");
    // The head is recorded a moment before the conversation begins.
    std::thread::sleep(Duration::from_millis(200));
    watched.send(Order::Close { code: None, reason: String::new() });
    watched.send(text("too late"));
    watched.until_act(Act::NotSent, "nothing may follow");
    closed(&mut watched, "within 5 s");
}

#[test]
fn closing_before_it_is_open_closes_at_once() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.sees_the_end();
    });
    let mut watched = open(spec(server.ws("/")));
    watched.until("the request", |watched| !watched.sent().is_empty());
    watched.send(Order::Close { code: None, reason: String::new() });
    closed(&mut watched, "before it was open");
}

#[test]
fn a_lost_connection_is_a_failure() {
    let server = upgraded(|mut peer| peer.say_bytes(b"\x81\x05hel"));
    let failure = open(spec(server.ws("/"))).failure();
    assert!(failure.text.contains("in the middle of a frame without a close frame (1006)"), "{failure}");
    let server = upgraded(|peer| {
        std::thread::sleep(Duration::from_millis(50));
        peer.reset();
    });
    let failure = open(spec(server.ws("/"))).failure();
    assert!(failure.text.contains("RST"), "{failure}");
}

#[test]
fn messages_are_sent_in_fragments() {
    let server = upgraded(|mut peer| {
        assert_eq!(frame(&mut peer), (0x01, b"abc".to_vec()));
        assert_eq!(frame(&mut peer), (0x00, b"def".to_vec()));
        assert_eq!(frame(&mut peer), (0x80, b"g".to_vec()));
        peer.say_bytes(b"\x88\x00");
        assert_eq!(frame(&mut peer), (0x88, Vec::new()));
    });
    let mut spec = spec(server.ws("/"));
    spec.websocket.fragment_bytes = 3;
    let mut watched = open(spec);
    watched.send(text("abcdefg"));
    closed(&mut watched, "no code");
}

#[test]
fn a_protocol_error_does_not_stop_the_recording() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x83\x03odd\xc1\x01r\x81\x81\x00\x00\x00\x00m\x09\x00");
        peer.say_bytes(b"\x89\x01p");
        assert_eq!(frame(&mut peer), (0x8A, Vec::new()));
        assert_eq!(frame(&mut peer), (0x8A, b"p".to_vec()));
        peer.say_bytes(b"\x88\x00");
        assert_eq!(frame(&mut peer), (0x88, Vec::new()));
    });
    let mut watched = open(spec(server.ws("/")));
    closed(&mut watched, "closed");
    for rule in ["reserved opcode", "reserved bit", "masks its frames", "fragmented"] {
        watched.until_act(Act::Noticed, rule);
    }
}

#[test]
fn a_frame_of_2_to_the_63_bytes_streams_past() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00");
        for _ in 0..256 {
            peer.say_bytes(&[0x88; 16 * 1024]);
        }
    });
    let mut watched = open(spec(server.ws("/")));
    let failure = watched.failure();
    assert!(failure.text.contains("in the middle of a frame"), "{failure}");
    watched.until_act(Act::Noticed, "2^63");
    assert!(watched.bytes(Dir::In).len() > 256 * 16 * 1024);
}

#[test]
fn a_flood_does_not_keep_the_user_from_sending() {
    let server = upgraded(|mut peer| {
        let mut flood = peer.stream.try_clone().unwrap();
        std::thread::spawn(move || {
            use std::io::Write;
            let frames = b"\x81\x01x".repeat(5000);
            while flood.write_all(&frames).is_ok() {}
        });
        assert_eq!(frame(&mut peer), (0x81, b"stop".to_vec()));
        peer.stream.shutdown(std::net::Shutdown::Both).unwrap();
    });
    let mut watched = open(spec(server.ws("/")));
    watched.until_received("x");
    watched.send(text("stop"));
    let failure = watched.failure();
    assert_eq!(failure.stage, Stage::Stream);
}

#[test]
fn it_reconnects_where_asked() {
    let server = Server::start(|number, mut peer| {
        upgrade(&mut peer);
        peer.say(&format!("\u{1}\u{1}{number}"));
        peer.say_bytes(b"\x88\x00");
    });
    let spec = Spec { reconnect: Some(true), interval_ms: Some(10), ..spec(server.ws("/")) };
    let mut watched = open(spec);
    watched.until("three links", |watched| watched.links().len() >= 3);
    assert!(contains(&watched.bytes(Dir::In), b"\x01\x011"), "{}", watched.story());
    watched.handle.stop();
    watched.end();
}

#[test]
fn a_subprotocol_that_was_offered_is_taken() {
    let server = Server::start(|_, mut peer| {
        let request = peer.request();
        let accept = accept(&request);
        peer.say(&format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: b\r\n\r\n"
        ));
        peer.say_bytes(b"\x88\x00");
        assert_eq!(frame(&mut peer), (0x88, Vec::new()));
    });
    let mut spec = spec(server.ws("/"));
    spec.websocket.subprotocols = vec!["a".into(), "b".into()];
    closed(&mut open(spec), "closed");
    assert!(server.request().contains("Sec-WebSocket-Protocol: a, b\r\n"));
}
