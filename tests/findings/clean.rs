//! Connections on which all is well: nothing may be found but notes for learners.

use super::story::{EVENTS, GET, MS, POLL, SECOND, SWITCH, Story, UPGRADE, chunk, frame, upgraded};
use pushscope::wire::{Dir, Stage};

#[track_caller]
fn is_clean(story: &Story) {
    assert!(story.faults().is_empty(), "{:#?}", story.found());
}

fn polls(answer: &str, count: usize, held_ns: u64) -> Story {
    let mut story = Story::of(if held_ns > 0 { "longpoll" } else { "poll" });
    let kind = if held_ns > 0 { "long poll" } else { "poll" };
    story.open(&format!("{kind} 1"), None);
    for _ in 0..count {
        story.out(POLL).wait(held_ns).inward(answer).wait(SECOND);
    }
    story.close(Dir::Out);
    story
}

#[test]
fn polls_of_every_kind() {
    is_clean(&polls("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 20, 0));
    is_clean(&polls("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", 20, 0));
    is_clean(&polls("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", 20, MS));
    is_clean(&polls("HTTP/1.1 204 No Content\r\n\r\n", 20, 0));
    is_clean(&polls("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 20, 5 * SECOND));
    is_clean(&polls("HTTP/1.1 204 No Content\r\n\r\n", 20, 30 * SECOND));
    is_clean(&polls("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 20, MS));
}

#[test]
fn an_event_stream_that_the_user_closes_anywhere() {
    let body = "id: 1\ndata: {\"n\":1}\n\n: heartbeat\n\nid: 2\ndata: {\"n\":2}\n\n";
    let wire = format!("{EVENTS}{}", body.lines().map(|line| chunk(&format!("{line}\n"))).collect::<String>());
    for cut in 1..wire.len() {
        let mut story = Story::direct("sse");
        story.out(GET).inward(&wire[..cut]).wait(60 * SECOND).close(Dir::Out);
        is_clean(&story);
        let open = EVENTS.replace("Transfer-Encoding: chunked\r\n", "");
        let mut story = Story::direct("sse");
        story.out(GET).inward(format!("{open}{}", &body[..cut.min(body.len())])).close(Dir::Out);
        is_clean(&story);
    }
}

#[test]
fn an_event_stream_that_ends_and_goes_on() {
    let mut story = Story::direct("sse");
    let mut number = 0;
    for connection in 0..3 {
        if connection > 0 {
            story.open(&format!("reconnection {connection}"), None);
            story.out(GET.replace("\r\n\r\n", &format!("\r\nLast-Event-ID: {number}\r\n\r\n")));
        } else {
            story.out(GET);
        }
        story.inward(EVENTS);
        for _ in 0..10 {
            number += 1;
            story.wait(100 * MS).inward(chunk(&format!("id: {number}\ndata: x\n\n")));
        }
        story.inward("0\r\n\r\n").close(Dir::In).wait(3 * SECOND);
    }
    is_clean(&story);
}

#[test]
fn a_server_may_send_bursts() {
    let mut story = Story::direct("sse");
    story.out(GET).inward(EVENTS);
    for burst in 0..20_i64 {
        let sent = super::story::STARTED + burst * SECOND as i64;
        let events: String =
            (0..5).map(|n| format!("id: {}\ndata: {{\"sent_ns\":{sent}}}\n\n", burst * 5 + n)).collect();
        story.wait(SECOND).inward(chunk(&format!(": beat\n\n{events}")));
    }
    is_clean(&story);
}

#[test]
fn websockets_that_end_well() {
    let mut story = upgraded("request");
    for number in 0..50 {
        story.wait(SECOND).inward(frame(Dir::In, 1, format!("{{\"seq\":{number}}}").as_bytes()));
        story.out(frame(Dir::Out, 1, b"ok"));
    }
    let bye = 1000_u16.to_be_bytes();
    story.inward(frame(Dir::In, 8, &bye)).out(frame(Dir::Out, 8, &bye)).close(Dir::In);
    // The server is back, and counts anew.
    story.open("reconnection 1", None).out(UPGRADE).inward(SWITCH);
    for number in 0..5 {
        story.wait(SECOND).inward(frame(Dir::In, 1, format!("{{\"seq\":{number}}}").as_bytes()));
    }
    story.out(frame(Dir::Out, 8, &bye)).inward(frame(Dir::In, 8, &bye)).close(Dir::Out);
    is_clean(&story);
}

#[test]
fn an_endpoint_that_wants_websocket_is_asked_again() {
    let mut story = Story::direct("auto");
    story.out(POLL);
    story.inward("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n").close(Dir::Out);
    story.open("request", None).out(UPGRADE).inward(SWITCH).inward(frame(Dir::In, 1, b"1"));
    is_clean(&story);
}

#[test]
fn a_page_that_was_asked_for() {
    let mut story = Story::direct("auto");
    let page = "<html>our proxy and firewall products</html>";
    story.out(POLL);
    story.inward(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len()));
    story.close(Dir::Out);
    is_clean(&story);
}

#[test]
fn a_stream_that_moved() {
    let mut story = Story::direct("sse");
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://events.example.net/s\r\nContent-Length: 0\r\n\r\n";
    story.out(GET).inward(moved).close(Dir::Out);
    story.open_to("events.example.net", 80, false, "request", None).out(GET).inward(EVENTS);
    story.inward(chunk("data: 1\n\n")).close(Dir::Out);
    is_clean(&story);
}

#[test]
fn a_server_without_fault_that_refuses() {
    let mut story = Story::direct("sse");
    story.out(GET).inward("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    story.fail(Stage::Answer, "example.com answered with status 401 Unauthorized");
    is_clean(&story);
}
