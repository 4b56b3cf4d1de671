//! Event streams and answers that are mislabelled, held back, cut or repeated, and long polls that are not held.

use super::story::{EVENTS, GET, MS, POLL, SECOND, STARTED, Story, chunk, frame, upgraded};
use pushscope::session::Severity;
use pushscope::session::findings::Confidence;
use pushscope::wire::{Dir, Stage};

fn stream(head: &str) -> Story {
    let mut story = Story::direct("sse");
    story.out(GET).inward(head);
    story
}

#[test]
fn events_without_their_label() {
    let mut story = stream(&EVENTS.replace("text/event-stream", "text/plain"));
    story.inward(chunk("data: 1\n\n")).inward(chunk("data: 2\n\n")).close(Dir::Out);
    let found = story.only("sse.content-type");
    assert!(found.seen.contains("text/plain") && found.count == 1, "{found:#?}");

    let mut unknown = Story::direct("");
    unknown.out(POLL).inward(EVENTS.replace("text/event-stream", "text/plain")).inward(chunk("data: 1\n\n"));
    unknown.only("sse.content-type");
}

#[test]
fn heads_of_event_streams() {
    let length = EVENTS.replace("Transfer-Encoding: chunked", "Content-Length: 9");
    let mut story = stream(&length);
    story.inward("data: 1\n\n");
    assert!(story.only("sse.content-length").seen.contains("Content-Length: 9"));

    let old = "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\nVia: 1.0 lab-proxy\r\n\r\n";
    assert!(stream(old).only("sse.http10").seen.contains("lab-proxy"));
    let by_itself = stream(&old.replace("Via: 1.0 lab-proxy\r\n", ""));
    assert!(by_itself.faults().is_empty() && by_itself.found()[0].key == "sse.http10", "the server may be as old");
    let mut asked = Story::direct("sse");
    asked.out(GET.replace("HTTP/1.1", "HTTP/1.0")).inward(old);
    assert!(asked.found().is_empty(), "it was asked so");

    let packed = EVENTS.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
    assert!(stream(&packed).only("sse.compressed").seen.contains("gzip"));
    let plain = EVENTS.replace("\r\n\r\n", "\r\nContent-Encoding: identity\r\n\r\n");
    assert!(stream(&plain).found().is_empty());
}

/// Events of every 200 ms that come in a lump every two seconds.
fn lumps(event: impl Fn(u64, i64) -> String) -> Story {
    let mut story = stream(EVENTS);
    for lump in 0..5_u64 {
        let events: String =
            (0..10).map(|n| event(lump * 10 + n, STARTED + ((lump * 10 + n) * 200 * MS) as i64)).collect();
        story.wait(2 * SECOND).inward(chunk(&events));
    }
    story.close(Dir::Out);
    story
}

#[test]
fn events_that_were_held_back() {
    let timed = lumps(|n, sent| format!("id: {n}\ndata: {{\"sent_ns\":{sent}}}\n\n"));
    let found = timed.only("sse.buffered");
    assert_eq!((found.confidence, found.severity), (Confidence::Likely, Severity::Warning));
    assert!(found.seen.contains("2.00 s") && found.seen.contains("in one read"), "{}", found.seen);
    assert_eq!(found.evidence.len(), 6);

    let beats = lumps(|n, _| format!("id: {n}\ndata: x\n\n{}", if n % 3 == 0 { ": beat\n\n" } else { "" }));
    assert_eq!(beats.only("sse.buffered").confidence, Confidence::Possible);

    assert!(lumps(|n, _| format!("id: {n}\ndata: x\n\n")).faults().is_empty(), "nothing contradicts that");
}

#[test]
fn lines_that_were_held_back() {
    let mut story = Story::direct("stream");
    story.out(POLL).inward(EVENTS.replace("text/event-stream", "application/x-ndjson"));
    for lump in 0..4_u64 {
        let lines: String = (0..4)
            .map(|n| format!("{{\"sent_ns\":{}}}\n", STARTED + ((lump * 4 + n) * 500 * MS) as i64))
            // Every line is cut by a chunk.
            .map(|line| chunk(&line[..5]) + &chunk(&line[5..]))
            .collect();
        story.wait(2 * SECOND).inward(lines);
    }
    story.close(Dir::Out);
    story.only("sse.buffered");
}

#[test]
fn events_at_an_even_pace_are_not_held_back() {
    let mut story = stream(EVENTS);
    for n in 0..50_u64 {
        let sent = STARTED + (n * 200 * MS) as i64;
        story.wait(200 * MS).inward(chunk(&format!("data: {{\"sent_ns\":{sent}}}\n\n")));
    }
    assert!(story.faults().is_empty());
}

#[test]
fn a_stream_that_ends_inside_an_event() {
    let mut story = stream(EVENTS);
    story.inward(chunk("data: 1\n\n")).inward(chunk("data: 2\n")).inward("0\r\n\r\n").close(Dir::In);
    story.only("sse.no-final-blank-line");
    let mut open = stream(&EVENTS.replace("Transfer-Encoding: chunked\r\n", ""));
    open.inward("data: 1\n\ndata: 2").close(Dir::In);
    open.only("sse.no-final-blank-line");
    let mut whole = stream(EVENTS);
    whole.inward(chunk("data: 1\n\n")).inward("0\r\n\r\n").close(Dir::In);
    assert!(whole.found().is_empty());
}

#[test]
fn answers_that_are_cut() {
    let text = "example.com closed the connection before its answer was complete";
    let mut chunks = stream(EVENTS);
    chunks.inward(chunk("data: 1\n\n")).fail(Stage::Stream, text);
    assert!(chunks.only("stream.truncated").seen.contains("last chunk"));

    let mut length = Story::direct("");
    length.out(POLL).inward("HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\nabc").fail(Stage::Stream, text);
    assert!(length.only("stream.truncated").seen.contains("700"));

    let mut by_us = Story::direct("");
    by_us.out(POLL).inward("HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\nabc").close(Dir::Out);
    assert!(by_us.found().is_empty());
}

#[test]
fn numbers_over_a_reconnection() {
    let go = |from: u64, header: &str| {
        let mut story = stream(EVENTS);
        for n in 1..=10 {
            story.wait(100 * MS).inward(chunk(&format!("id: {n}\ndata: x\n\n")));
        }
        story.inward("0\r\n\r\n").close(Dir::In).open("reconnection 1", None);
        story.out(GET.replace("\r\n\r\n", &format!("\r\n{header}\r\n"))).inward(EVENTS);
        for n in from..from + 5 {
            story.wait(100 * MS).inward(chunk(&format!("id: {n}\ndata: x\n\n")));
        }
        story
    };
    let header = "Last-Event-ID: 10\r\n";
    let lost = go(15, header).only("reconnect.lost");
    assert!(lost.seen.contains("4 messages are missing") && lost.seen.contains("Last-Event-ID: 10"), "{}", lost.seen);
    assert!(go(7, header).only("reconnect.repeated").means.starts_with("4 messages come again"));
    assert_eq!(go(1, header).only("reconnect.repeated").confidence, Confidence::Possible);
    assert!(go(11, header).found().is_empty());
    assert!(go(1, "").found().is_empty(), "it counts anew");

    let mut socket = upgraded("request");
    for n in 1..=5 {
        socket.inward(frame(Dir::In, 1, format!("{{\"seq\":{n}}}").as_bytes()));
    }
    let bye = 1000_u16.to_be_bytes();
    socket.inward(frame(Dir::In, 8, &bye)).close(Dir::In).open("reconnection 1", None);
    socket.out(super::story::UPGRADE).inward(super::story::SWITCH).inward(frame(Dir::In, 1, b"{\"seq\":9}"));
    assert_eq!(socket.only("reconnect.lost").confidence, Confidence::Possible);
}

#[test]
fn long_polls_that_are_not_held() {
    let go = |answer: &str, count: usize| {
        let mut story = Story::of("longpoll");
        for number in 1..=count {
            story.open(&format!("long poll {number}"), None).out(POLL).wait(20 * MS).inward(answer).close(Dir::Out);
        }
        story
    };
    for empty in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        assert!(go(empty, 4).found().is_empty(), "{empty}");
        assert_eq!(go(empty, 5).only("longpoll.busy").count, 1);
        assert_eq!(go(empty, 10).only("longpoll.busy").count, 2);
    }
}

#[test]
fn chunks_and_events() {
    let mut split = stream(EVENTS);
    split.inward(chunk("data: a")).inward(chunk("b\n\n")).inward(chunk("data: a")).inward(chunk("b\n\n"));
    let found = split.found();
    assert_eq!((found.len(), found[0].key, found[0].severity), (1, "chunks-not-events", Severity::Info), "{found:#?}");
    assert!(found[0].seen.contains("spans more than one chunk"));
    let mut several = stream(EVENTS);
    several.inward(chunk("data: a\n\ndata: b\n\n"));
    assert!(several.found()[0].evidence[0].says.contains("2 events"));
    let mut one = stream(EVENTS);
    one.inward(chunk("data: a\n\n")).inward(chunk("data: b\n\n"));
    assert!(one.found().is_empty());
}
