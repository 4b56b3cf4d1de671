//! Node as the client: the npm packages `eventsource` and `ws`.

use crate::program::{Running, record as json};
use crate::stage::{Recorded, record};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Starts one of the scripts in tests/node.
#[track_caller]
pub fn node(script: &str, arguments: &[&str], ca: Option<&Path>) -> Running {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    for package in ["eventsource", "ws"] {
        let is_there = folder.join("node_modules").join(package).is_dir();
        assert!(is_there, "the npm package `{package}` is missing: run npm --prefix tests/node install");
    }
    let found = Command::new("node").arg("--version").output();
    assert!(found.is_ok_and(|found| found.status.success()), "node is missing: install Node.js 20 or newer");
    let mut command = Command::new("node");
    command.arg(folder.join(script)).args(arguments);
    if let Some(ca) = ca {
        command.env("NODE_EXTRA_CA_CERTS", ca);
    }
    Running::start(command)
}

/// What the script printed, a line each.
fn lines(running: Running) -> Vec<Value> {
    let ended = running.finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.out.lines().map(json).collect()
}

#[test]
fn eventsource_gets_the_same_events_with_their_ids() {
    let recorded = record("lab:sse?rate=50&count=5", &["--reconnect", "no"]);
    let expected: Vec<String> =
        recorded.messages().into_iter().filter(|(_, kind, _)| kind == "sse.event").map(|(.., said)| said).collect();
    for speed in ["max", "10"] {
        let replay = recorded.replay(&["--speed", speed]);
        let events = lines(node("events.mjs", &[&replay.http("/sse?rate=50&count=5"), "5"], None));
        let events: Vec<&Value> = events.iter().filter(|event| event["type"] == "message").collect();
        let got: Vec<&str> = events.iter().filter_map(|event| event["data"].as_str()).collect();
        assert_eq!(got, expected);
        let ids: Vec<&str> = events.iter().filter_map(|event| event["id"].as_str()).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5"]);
        replay.stop();
        std::fs::remove_file(recorded.heard()).unwrap();
    }
}

#[test]
fn eventsource_reconnects_to_what_was_recorded_behind_its_last_event() {
    // The recorded client asked for the rest after two events; the lab counts on.
    let recorded = record("lab:sse?rate=50&count=2&retry=50", &["--reconnect", "yes", "--count", "6"]);
    let replay = recorded.replay(&["--speed", "10"]);
    let events = lines(node("events.mjs", &[&replay.http("/sse?rate=50&count=2&retry=50"), "6"], None));
    let ids: Vec<&str> =
        events.iter().filter(|event| event["type"] == "message").filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6"]);
    assert!(events.iter().any(|event| event["type"] == "interrupted"), "{events:#?}");
    replay.stop();
}

/// A compressed WebSocket: the feed, and an echo of what is sent.
fn socket() -> Recorded {
    record("lab:ws?rate=20&count=5&deflate", &["--send", "今から", "--send", "ふぁぼります", "--for", "5s"])
}

fn said(recorded: &Recorded, from: &str) -> Vec<String> {
    let messages = recorded.messages().into_iter();
    messages.filter(|(dir, kind, _)| dir == from && kind == "ws.text").map(|(.., said)| said).collect()
}

#[test]
fn ws_gets_the_same_messages_compressed_and_not() {
    let recorded = socket();
    let expected = said(&recorded, "in");
    assert_eq!(expected.len(), 7, "five of the feed, and two echoes");
    for (deflate, speed) in [("true", "max"), ("false", "max"), ("true", "10"), ("false", "1")] {
        let again = Recorded { folder: tempfile::tempdir().unwrap(), path: recorded.path.clone() };
        let replay = again.replay(&["--speed", speed]);
        let url = replay.ws("/ws?rate=20&count=5&deflate");
        let deflate_option = format!("deflate={deflate}");
        let told = lines(node("socket.mjs", &[&url, "text=今から", "text=ふぁぼります", &deflate_option], None));
        let got: Vec<&str> = told.iter().filter_map(|line| line["text"].as_str()).collect();
        assert_eq!(got, expected, "deflate {deflate} at {speed}");
        let agreed = told.iter().find_map(|line| line["extensions"].as_str()).unwrap_or_default();
        assert_eq!(agreed.contains("permessage-deflate"), deflate == "true", "{told:#?}");
        // The feed's end, as the recorded server said it.
        let close = told.iter().find(|line| line["close"] == 1000).expect("a close");
        assert_eq!(close["reason"], "the feed has ended");
        replay.stop();
        let differences = again.told();
        assert_eq!(
            differences.iter().any(|text| text.contains("sent inflated")),
            deflate == "false",
            "{differences:#?}"
        );
        assert!(!differences.iter().any(|text| text.contains("message")) || deflate == "false", "{differences:#?}");
    }
}

#[test]
fn what_ws_says_otherwise_is_told() {
    let recorded = socket();
    let replay = recorded.replay(&["--speed", "max", "--patience", "300ms"]);
    let url = replay.ws("/ws?rate=20&count=5&deflate");
    lines(node("socket.mjs", &[&url, "protocol=chat"], None));
    lines(node("socket.mjs", &[&url, "text=今から", "binary=AAE="], None));
    lines(node("socket.mjs", &[&url, "text=今から", "text=ふぁぼります", "text=extra"], None));
    let ended = replay.stop();
    assert_eq!(ended.err, "", "quiet means quiet");
    let told = recorded.told();
    let says = |words: &str| assert!(told.iter().any(|text| text.contains(words)), "{words}: {told:#?}");
    says("offers the subprotocols chat, and none was agreed on");
    says("message 2 says binary ␀␁ (recorded: text ふぁぼります)");
    says("message 3 (extra) was not recorded");
}

#[test]
fn a_client_that_closes_before_the_recorded_one_is_told_of() {
    let recorded = socket();
    // So slow that the second message of the feed is seconds away.
    let replay = recorded.replay(&["--speed", "0.01"]);
    let url = replay.ws("/ws?rate=20&count=5&deflate");
    let told = lines(node("socket.mjs", &[&url, "text=今から", "text=ふぁぼります", "close-after=1"], None));
    assert!(told.iter().any(|line| line["close"] == 4000), "{told:#?}");
    replay.stop();
    let told = recorded.told();
    assert!(told.iter().any(|text| text.contains("closed with 4000 before everything recorded was sent")), "{told:#?}");
}

#[test]
fn a_client_that_says_nothing_is_waited_for_with_patience() {
    let recorded = socket();
    let expected = said(&recorded, "in");
    let replay = recorded.replay(&["--speed", "max", "--patience", "100ms"]);
    let told = lines(node("socket.mjs", &[&replay.ws("/ws?rate=20&count=5&deflate")], None));
    let got: Vec<&str> = told.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(got, expected);
    replay.stop();
    let told = recorded.told();
    assert!(told.iter().any(|text| text.contains("message 1 (今から) was not sent within 100 ms")), "{told:#?}");
}

#[test]
fn pings_are_answered_as_they_come() {
    let recorded = socket();
    let replay = recorded.replay(&["--speed", "max", "--patience", "1s"]);
    let url = replay.ws("/ws?rate=20&count=5&deflate");
    let told = lines(node("socket.mjs", &[&url, "ping=are you there", "text=今から", "text=ふぁぼります"], None));
    assert!(told.iter().any(|line| line["pong"] == "are you there"), "{told:#?}");
    replay.stop();
}
