//! The drafts before RFC 6455: with npm's `websocket-driver`, which speaks them all, and with the lab.

use crate::lab::lab;
use crate::node::{Node, start_with};
use crate::support::{Watched, open, spec};
use pushscope::transport::{Order, Outgoing, Spec, WebSocketMessage, WebSocketVersion};
use pushscope::wire::{Act, Dir};

const DRAFTS: [WebSocketVersion; 4] =
    [WebSocketVersion::Hixie75, WebSocketVersion::Hixie76, WebSocketVersion::Hybi07, WebSocketVersion::Hybi08];

fn is_hixie(version: WebSocketVersion) -> bool {
    version.number().is_none()
}

fn old_server() -> Node {
    start_with("websocket-driver", "old-ws-server.mjs", &[])
}

fn speaking(version: WebSocketVersion, mut spec: Spec) -> Spec {
    spec.websocket.version = version;
    spec
}

fn say(watched: &Watched, text: &str) {
    watched.send(Order::Send(Outgoing::Text(text.into())));
}

fn close(watched: &Watched, code: Option<u16>) {
    watched.send(Order::Close { code, reason: String::new() });
}

/// The texts of a direction, as the dissector tells them.
fn texts(watched: &Watched, dir: Dir) -> Vec<String> {
    let session = watched.session();
    let ids: Vec<usize> = (0..session.records().len()).collect();
    let told = session.explain_all(&ids, 1 << 20).into_iter();
    let texts = told.filter(|told| told.record.kind.name() == "ws.text" && told.record.dir == dir);
    texts.map(|told| String::from_utf8(told.payload).expect("text")).collect()
}

/// The keys of all notes on what one side said, in order.
fn notes(watched: &Watched, dir: Dir) -> Vec<&'static str> {
    watched.noted().into_iter().filter(|(_, found, _)| *found == dir).flat_map(|(_, _, notes)| notes).collect()
}

#[test]
fn every_draft_is_spoken_with_a_server_that_knows_it() {
    let server = old_server();
    for version in DRAFTS {
        let mut old = speaking(version, spec(format!("ws://127.0.0.1:{}/room?a=b", server.port)));
        if !is_hixie(version) {
            // `websocket-driver` knows of none in the hixie drafts.
            old.websocket.subprotocols = vec!["chat".into()];
        }
        let mut watched = open(old);
        let kind = if is_hixie(version) { version.name() } else { "hybi" };
        watched.until_received(kind);
        watched.until_received(&format!("version {}", version.number().unwrap_or("none")));
        let long = "こんにちは ".repeat(10_000);
        let sent = ["今からこれふぁぼります", "", &long];
        sent.iter().for_each(|text| say(&watched, text));
        watched.until_received(&long);
        close(&watched, Some(1000));
        assert_eq!(watched.end().act, Act::Done, "{}: {}", version.name(), watched.story());
        assert_eq!(texts(&watched, Dir::Out), sent, "{}", version.name());
        assert_eq!(texts(&watched, Dir::In)[1..], sent, "{}", version.name());
        let draft = format!("websocket.draft-{}", version.name());
        assert_eq!(notes(&watched, Dir::Out), [draft.as_str()], "{}", version.name());
        assert!(notes(&watched, Dir::In).is_empty(), "{}: {:?}", version.name(), notes(&watched, Dir::In));
    }
}

#[test]
fn the_server_may_close_first() {
    let server = old_server();
    for version in DRAFTS {
        let mut watched = open(speaking(version, spec(format!("ws://127.0.0.1:{}/", server.port))));
        // 4001 is the application's own code, and worth a finding where codes are sent.
        watched.is_faulty = true;
        watched.until_received(", version");
        say(&watched, "close");
        let last = watched.end();
        assert_eq!(last.act, Act::Done, "{}: {}", version.name(), watched.story());
        assert!(last.text.contains("by the server"), "{}: {last:?}", version.name());
        let closes = watched.noted().iter().filter(|(kind, ..)| *kind == "ws.close").count();
        assert_eq!(closes, if version == WebSocketVersion::Hixie75 { 0 } else { 2 }, "{}", version.name());
    }
}

#[test]
fn drafts_with_frames_have_pings_and_binary_messages() {
    let server = old_server();
    for version in [WebSocketVersion::Hybi07, WebSocketVersion::Hybi08] {
        let mut watched = open(speaking(version, spec(format!("ws://127.0.0.1:{}/", server.port))));
        watched.until_received(", version");
        watched.send(Order::Send(Outgoing::Binary(vec![0, 255, 1].into())));
        say(&watched, "ping");
        watched.until_received("ponged");
        close(&watched, Some(1000));
        watched.end();
        let kinds: Vec<&str> =
            watched.noted().iter().filter(|(_, dir, _)| *dir == Dir::In).map(|(kind, ..)| *kind).collect();
        assert!(kinds.contains(&"ws.binary") && kinds.contains(&"ws.ping"), "{kinds:?}");
        assert!(watched.sent().contains("Sec-WebSocket-Origin: http://127.0.0.1:"), "{}", watched.sent());
    }
}

#[test]
fn what_a_draft_cannot_say_is_not_sent_and_told() {
    let mut watched = open(speaking(WebSocketVersion::Hixie76, lab("lab:ws?draft=hixie-76&scenario=quiet")));
    let message =
        WebSocketMessage { is_text: true, payload: "x".into(), compress: Some(true), fragments_bytes: Vec::new() };
    watched.send(Order::Send(Outgoing::Binary("x".into())));
    watched.send(Order::Send(Outgoing::Ping("x".into())));
    watched.send(Order::Send(Outgoing::Message(message.clone())));
    watched.send(Order::Send(Outgoing::Message(WebSocketMessage { compress: None, ..message })));
    watched.until_received("\0x");
    watched.send(Order::Close { code: Some(4000), reason: "why".into() });
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    let not_sent: Vec<String> =
        watched.acts().into_iter().filter(|act| act.act == Act::NotSent).map(|act| act.text).collect();
    for (told, what) in not_sent.iter().zip(["binary", "pings", "compression", "code"]) {
        assert!(told.contains("draft hixie-76 has no") && told.contains(what), "{not_sent:?}");
    }
    assert_eq!(not_sent.len(), 4, "{not_sent:?}");
}

#[test]
fn the_lab_speaks_each_draft() {
    for version in DRAFTS {
        let url = format!("lab:ws?draft={}&rate=0&count=3&split=7", version.name());
        assert_eq!(WebSocketVersion::of_lab_address(&url), Some(version));
        let mut watched = open(speaking(version, lab(&url)));
        assert_eq!(watched.end().act, Act::Done, "{}: {}", version.name(), watched.story());
        let found = texts(&watched, Dir::In);
        assert_eq!(found.len(), 3, "{}", version.name());
        assert!(found[2].contains("\"n\":3,") && found[2].contains("プッシュ"), "{found:?}");

        let url = format!("lab:ws?draft={}&scenario=tweets&rate=0", version.name());
        let mut watched = open(speaking(version, lab(&url)));
        watched.end();
        assert_eq!(texts(&watched, Dir::In).len(), 3, "{}", version.name());

        let url = format!("lab:ws?draft={}&scenario=quiet&channel={0}", version.name());
        let mut asked = speaking(version, lab(&url));
        asked.websocket.subprotocols = vec!["chat".into()];
        let mut watched = open(asked);
        say(&watched, "there and back");
        watched.until_received("there and back");
        watched.until_received("WebSocket-Protocol: chat");
        close(&watched, None);
        assert_eq!(watched.end().act, Act::Done, "{}: {}", version.name(), watched.story());
    }
}

#[test]
fn what_the_user_would_send_back_goes_back() {
    for version in DRAFTS {
        let mut echo = speaking(version, lab(&format!("lab:ws?draft={}&rate=0&count=5&echo=0", version.name())));
        echo.websocket.echo = true;
        let mut watched = open(echo);
        watched.end();
        if is_hixie(version) {
            assert_eq!(texts(&watched, Dir::Out)[..], texts(&watched, Dir::In)[..texts(&watched, Dir::Out).len()]);
        }
    }
}

#[test]
fn broken_drafts_are_noticed() {
    let wrong = |query: &str| {
        let mut spec = lab(&format!("lab:ws?rate=0&count=4&{query}"));
        spec.websocket.version = WebSocketVersion::of_lab_address(&format!("lab:ws?{query}")).unwrap();
        spec
    };
    let mut refused = open(wrong("bad-accept&draft=hixie-76"));
    assert!(refused.failure().text.contains("MD5 digest"));
    let mut anyway = wrong("bad-accept&draft=hixie-76");
    anyway.websocket.go_on_anyway = true;
    let mut watched = open(anyway);
    watched.is_faulty = true;
    watched.end();
    assert!(notes(&watched, Dir::In).contains(&"websocket.challenge-response-wrong"));
    assert_eq!(texts(&watched, Dir::In).len(), 4);

    let mut watched = open(wrong("bad-utf8&draft=hixie-75"));
    watched.is_faulty = true;
    watched.end();
    let bad = notes(&watched, Dir::In);
    assert_eq!(bad.iter().filter(|key| **key == "websocket.draft-text-not-utf8").count(), 2, "{bad:?}");
    let mut strict = wrong("bad-utf8&draft=hixie-76");
    strict.websocket.strict = true;
    assert!(open(strict).failure().text.contains("not UTF-8"));
}

#[test]
fn a_server_of_the_standard_refuses_a_draft_and_that_is_said() {
    for version in DRAFTS {
        let mut refused = open(speaking(version, lab("lab:ws")));
        assert!(refused.failure().text.contains("426"), "{}", version.name());
    }
    let mut refused = open(lab("lab:ws?draft=hixie-76"));
    assert!(refused.failure().text.contains("400"));
    let refused = open(speaking(WebSocketVersion::Hixie76, lab("lab:ws?draft=hixie-76&masked"))).failure();
    assert!(refused.text.contains("400"), "{}", refused.text);
}
