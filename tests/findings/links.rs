//! Names, TCP, resets and silence.

use super::story::{EVENTS, GET, MS, POLL, SECOND, Story, UPGRADE, chunk, frame, upgraded, via};
use pushscope::session::Severity;
use pushscope::session::findings::Confidence;
use pushscope::wire::{Dir, ProxyRole, Stage};

fn failed(stage: Stage, text: &str) -> Story {
    let mut story = Story::direct("");
    story.fail(stage, text);
    story
}

#[test]
fn names_and_tcp() {
    assert!(failed(Stage::Dns, "no host is named example.com: x").only("dns.failed").attempt.contains("nslookup"));
    for (reason, key) in [
        ("connecting to example.com failed (1.2.3.4:80: refused)", "tcp.refused"),
        ("connecting to example.com failed (1.2.3.4:80: no route to that network)", "tcp.unreachable"),
        ("connecting to example.com failed (1.2.3.4:80: the host is unreachable)", "tcp.unreachable"),
        ("connecting to example.com failed (1.2.3.4:80: no answer in time)", "tcp.timeout"),
        ("connecting to example.com failed (1.2.3.4:80: reset)", "reset"),
    ] {
        let found = failed(Stage::Tcp, reason).only(key);
        assert!(found.seen.contains("example.com:80"), "{}", found.seen);
    }
    let mut proxied = Story::of("");
    proxied.open_to("proxy.corp", 3128, false, "way for the request", via(ProxyRole::Tunnel));
    proxied.fail(Stage::Tcp, "connecting to proxy.corp failed (10.0.0.1:3128: refused)");
    assert!(proxied.only("tcp.refused").seen.contains("the proxy http://proxy.corp:3128"));
}

const RESET: &str = "the other side reset the connection (TCP RST)";

#[test]
fn resets_say_where() {
    let found =
        failed(Stage::Tls, "TLS with example.com:80: the server hung up before answering (reset)").only("reset");
    assert!(found.seen.contains("handshake"), "{}", found.seen);

    let mut asked = Story::direct("");
    asked.out(GET).fail(Stage::Answer, &format!("waiting for the answer: {RESET}"));
    assert!(asked.only("reset").seen.contains("before the answer"));

    let mut stream = Story::direct("sse");
    stream.out(GET).inward(EVENTS).inward(chunk("data: 1\n\n")).fail(Stage::Stream, RESET);
    assert!(stream.only("reset").seen.contains("in the stream"));

    let mut idle = upgraded("request");
    idle.inward(frame(Dir::In, 1, b"1")).wait(37 * SECOND).fail(Stage::Stream, RESET);
    assert!(idle.only("reset").seen.contains("37.0 s of silence"));

    let mut unanswered = Story::direct("");
    unanswered.out(GET).fail(Stage::Answer, "example.com closed the connection without an answer");
    assert!(unanswered.only("reset").seen.contains("closed"));
}

#[test]
fn what_we_would_not_wait_for_is_nobodys_fault() {
    let mut story = Story::direct("sse");
    story.out(GET).inward(EVENTS).inward(chunk("data: 1\n\n")).wait(60 * SECOND);
    story.fail(Stage::Stream, "reading example.com's stream: nothing within 60 s");
    assert!(story.faults().is_empty());
}

#[test]
fn silence_is_cut_after_a_round_time() {
    for seconds in [5, 10, 15, 20, 30, 45, 55, 60, 75, 90, 100, 120, 180, 240, 300, 350, 600] {
        let mut story = upgraded("request");
        story.inward(frame(Dir::In, 1, b"1")).wait(seconds * SECOND + 30 * MS);
        story.fail(Stage::Stream, "the server closed TCP without a close frame (1006)");
        let found = story.only("idle-cut");
        assert!(found.seen.contains(&format!("{seconds} s")), "{}", found.seen);
        assert_eq!(found.confidence, Confidence::Likely);
    }
    let mut again = upgraded("request");
    again.wait(60 * SECOND).fail(Stage::Stream, RESET);
    again.open("reconnection 1", None).out(UPGRADE).inward(super::story::SWITCH);
    again.wait(60 * SECOND).fail(Stage::Stream, RESET);
    let found = again.only("idle-cut");
    assert_eq!((found.count, found.confidence), (2, Confidence::Certain));

    let mut busy = upgraded("request");
    busy.wait(40 * SECOND).out(frame(Dir::Out, 9, b"")).wait(20 * SECOND).fail(Stage::Stream, RESET);
    assert!(busy.found().iter().all(|finding| !finding.seen.contains("60 s")), "there was no silence of 60 s");
}

#[test]
fn silence_of_streams_and_held_requests() {
    let mut stream = Story::direct("sse");
    stream.out(GET).inward(EVENTS).inward(chunk("data: 1\n\n")).wait(60 * SECOND);
    stream.fail(Stage::Stream, "example.com closed the connection before its answer was complete");
    assert!(stream.only("idle-cut").attempt.contains("comment"));

    let mut open = Story::direct("sse");
    let head = EVENTS.replace("Transfer-Encoding: chunked\r\n", "");
    open.out(GET).inward(&head).inward("data: 1\n\n").wait(60 * SECOND).close(Dir::In);
    let found = open.only("idle-cut");
    assert_eq!((found.confidence, found.severity), (Confidence::Possible, Severity::Warning));

    let mut held = Story::of("longpoll");
    held.open("long poll 1", None).out(POLL).wait(60 * SECOND);
    held.fail(Stage::Answer, "example.com closed the connection without an answer");
    held.only("idle-cut");
}

#[test]
fn idle_connections_between_requests_may_be_closed() {
    let mut story = Story::of("poll");
    story.open("poll 1", None).out(POLL).inward("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    story.wait(75 * SECOND).close(Dir::In);
    assert!(story.found().is_empty());
}
