//! curl as the client.

use crate::stage::{Recorded, Replaying, record};
use std::process::Command;

/// What curl got: its output, and its exit code.
#[track_caller]
pub fn curl(arguments: &[&str]) -> (Vec<u8>, i32) {
    let all = [&["-sN", "--noproxy", "*", "--max-time", "20"], arguments].concat();
    let output = Command::new("curl").args(all).output();
    let output = output.expect("curl does not start: install curl (for example: apt-get install curl)");
    (output.stdout, output.status.code().unwrap_or(-1))
}

#[track_caller]
pub fn text(arguments: &[&str]) -> String {
    String::from_utf8(curl(arguments).0).expect("UTF-8")
}

#[test]
fn every_byte_of_an_answer_is_as_recorded() {
    for (target, options) in [
        ("/sse?rate=20&count=4", &["--reconnect", "no"][..]),
        ("/stream?rate=20&count=4", &["--reconnect", "no"]),
        ("/lines?rate=20&count=4", &["--reconnect", "no"]),
        ("/multipart?rate=20&count=3", &["--reconnect", "no"]),
        ("/sse10?rate=20&count=4", &["--reconnect", "no"]),
        // Chunks and events torn by reads of five bytes.
        ("/sse?rate=50&count=2&split=5", &["--reconnect", "no"]),
        ("/longpoll?rate=20", &["--count", "1"]),
    ] {
        let recorded = record(&format!("lab:{}", &target[1..]), options);
        for speed in ["max", "10", "1"] {
            let again = Recorded { folder: tempfile::tempdir().unwrap(), path: recorded.path.clone() };
            let replay = again.replay(&["--speed", speed]);
            // --raw leaves the chunks in.
            let (got, code) = curl(&["--raw", "-i", "-H", "Accept: text/event-stream", &replay.http(target)]);
            assert!(got == recorded.wire()[0], "{target} at {speed}: {}", String::from_utf8_lossy(&got));
            assert_eq!(code, 0, "{target}");
            replay.stop();
        }
    }
}

fn longpoll() -> Recorded {
    record("lab:longpoll?rate=20", &["--count", "4"])
}

#[test]
fn a_long_poll_is_answered_by_its_cursor() {
    let recorded = longpoll();
    let bodies: Vec<String> = recorded.messages().into_iter().map(|(.., said)| said).collect();
    let replay = recorded.replay(&["--speed", "max", "--at-end", "close"]);
    let ask = |cursor: &str| text(&[&replay.http(&format!("/longpoll?rate=20{cursor}"))]);
    assert_eq!(ask(""), bodies[0]);
    // Out of order, and again: the cursor decides.
    assert_eq!(ask("&cursor=3"), bodies[3]);
    assert_eq!(ask("&cursor=1"), bodies[1]);
    assert_eq!(ask("&cursor=1"), bodies[1]);
    // In other words, with a parameter that is nobody's business.
    assert_eq!(ask("&cursor=2&_=1795269607"), bodies[2]);
    // The last cursor leads to nothing that was recorded.
    let last = text(&["-o", "/dev/null", "-w", "%{http_code}", &replay.http("/longpoll?rate=20&cursor=4")]);
    assert_eq!(last, "204");
    replay.stop();
    let told = recorded.told();
    let says = |words: &str| told.iter().any(|text| text.contains(words));
    assert!(says("was asked for before"), "{told:#?}");
    assert!(says("goes on behind cursor=4") && says("has all that was recorded"), "{told:#?}");
}

#[test]
fn what_was_not_recorded_is_told_with_what_was() {
    let recorded = longpoll();
    let replay = recorded.replay(&["--speed", "max", "--no-repeat"]);
    let answered = text(&["-i", &replay.http("/other")]);
    assert!(answered.starts_with("HTTP/1.1 404 ") && answered.contains("GET /longpoll?rate=20&cursor=1"), "{answered}");
    let answered = text(&["-i", "-d", "x", &replay.http("/longpoll?rate=20")]);
    assert!(answered.starts_with("HTTP/1.1 405 ") && answered.contains("Allow: GET"), "{answered}");
    // The head of what GET got.
    let head = text(&["-I", &replay.http("/longpoll?rate=20")]);
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/json"), "{head}");
    // Given once, it is used up.
    let answered = text(&["-i", &replay.http("/longpoll?rate=20")]);
    assert!(answered.starts_with("HTTP/1.1 404 ") && answered.contains("none is repeated"), "{answered}");
    replay.stop();
}

#[test]
fn answers_are_given_in_order_and_then_by_rule() {
    let recorded = record("lab:poll?rate=1000&count=3", &["--interval", "5ms", "--for", "1s"]);
    let bodies: Vec<String> = recorded.messages().into_iter().map(|(.., said)| said).collect();
    assert!(bodies.len() >= 2 && bodies[0] != bodies[1], "{bodies:#?}");
    for (options, third) in [(&[][..], 1), (&["--loop"], 0)] {
        let two = Recorded { folder: tempfile::tempdir().unwrap(), path: recorded.path.clone() };
        let replay = two.replay(&[&["--speed", "max"], options].concat());
        // Without If-None-Match, no recorded 304 is given.
        let asked: Vec<String> =
            (0..bodies.len() + 1).map(|_| text(&[&replay.http("/poll?rate=1000&count=3")])).collect();
        assert_eq!(asked[..bodies.len()], bodies[..]);
        let expected = if third == 0 { &bodies[0] } else { bodies.last().unwrap() };
        assert_eq!(asked.last().unwrap(), expected);
        replay.stop();
    }
}

#[test]
fn a_body_is_asked_for_and_compared() {
    let url = "lab:publish?channel=demo";
    let lab = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served = lab.block_on(pushscope::lab::Lab::start(([127, 0, 0, 1], 0).into())).unwrap();
    let address = format!("http://{}/{}", served.addr(), &url[4..]);
    let options = ["--as", "stream", "-X", "POST", "-d", "a message", "--reconnect", "no"];
    let recorded = record(&address, &options);
    let replay = recorded.replay(&["--speed", "max"]);
    let target = replay.http("/publish?channel=demo");
    let (got, _) = curl(&["--raw", "-i", "-d", "a message", &target]);
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&recorded.wire()[0]));
    // A client that waits for 100 Continue is told to go on, and a body in chunks is the same body.
    let expecting = ["-i", "-H", "Expect: 100-continue", "-H", "Transfer-Encoding: chunked", "-d", "another", &target];
    let answered = text(&expecting);
    assert!(answered.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), "{answered}");
    replay.stop();
    let told = recorded.told();
    let bodies: Vec<&String> = told.iter().filter(|text| text.contains("body")).collect();
    assert!(bodies.len() == 1 && bodies[0].contains("another body: another (recorded: a message)"), "{told:#?}");
}

#[test]
fn a_stream_goes_on_behind_the_event_that_a_client_has() {
    for name in ["sse", "sse10"] {
        let target = format!("/{name}?rate=50&count=5");
        let recorded = record(&format!("lab:{}", &target[1..]), &["--reconnect", "no"]);
        let replay = recorded.replay(&["--speed", "max", "--at-end", "close"]);
        let whole = text(&[&replay.http(&target)]);
        let (rest, code) = curl(&["-H", "Last-Event-ID: 3", &replay.http(&target)]);
        let rest = String::from_utf8(rest).unwrap();
        assert!(code == 0 && rest.starts_with("id: 4\n") && whole.ends_with(&rest), "{name}: {rest}");
        // Behind the last one there is nothing.
        let last = text(&["-o", "/dev/null", "-w", "%{http_code}", "-H", "Last-Event-ID: 5", &replay.http(&target)]);
        assert_eq!(last, "204", "{name}");
        replay.stop();
    }
}

fn preflight(replay: &Replaying, target: &str, origin: &str) -> String {
    let asked = ["-i", "-X", "OPTIONS", "-H", "Access-Control-Request-Method: GET"];
    let origin = format!("Origin: {origin}");
    text(&[&asked[..], &["-H", &origin, &replay.http(target)]].concat())
}

#[test]
fn pages_of_other_origins_may_read_where_that_is_asked_for() {
    let recorded = record("lab:stream?rate=50&count=2", &["--reconnect", "no"]);
    let target = "/stream?rate=50&count=2";
    for (option, origin, is_allowed) in [
        (&["--cors"][..], "http://localhost:3000", true),
        (&["--cors"], "https://evil.example", false),
        (&["--cors=https://dev.example"], "https://dev.example", true),
        (&[], "http://localhost:3000", false),
    ] {
        let again = Recorded { folder: tempfile::tempdir().unwrap(), path: recorded.path.clone() };
        let replay = again.replay(&[&["--speed", "max"], option].concat());
        let answered = preflight(&replay, target, origin);
        assert_eq!(answered.starts_with("HTTP/1.1 204 "), is_allowed, "{origin}: {answered}");
        let header = format!("Origin: {origin}");
        let answered = text(&["-i", "-H", &header, &replay.http(target)]);
        let allowing = format!("Access-Control-Allow-Origin: {origin}\r\n");
        // The lab itself allows everybody.
        let is_read = answered.contains(&allowing) || answered.contains("Access-Control-Allow-Origin: *");
        assert!(answered.starts_with("HTTP/1.1 200 ") && (is_read || !is_allowed), "{answered}");
        assert_eq!(answered.contains(&allowing), is_allowed, "{answered}");
        replay.stop();
    }
}
