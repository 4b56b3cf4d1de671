//! Short and long polling.

use crate::support::{Server, open, spec};
use pushscope::transport::{CursorSource, CursorTarget, PushType, Spec};
use pushscope::wire::Act;
use std::time::{Duration, Instant};

fn typed(push_type: PushType, url: String) -> Spec {
    Spec { push_type, interval_ms: Some(20), ..spec(url) }
}

#[test]
fn polls_reuse_the_link_and_validate() {
    let server = Server::start(|_, mut peer| {
        let mut count = 0;
        while !peer.request().is_empty() {
            count += 1;
            if count == 1 {
                peer.answer("200 OK", "ETag: \"v1\"\r\nLast-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\n", "one");
            } else {
                peer.say("HTTP/1.1 304 Not Modified\r\n\r\n");
            }
        }
    });
    let mut watched = open(typed(PushType::Poll, server.url("/")));
    let first = server.request();
    let second = server.request();
    server.request();
    assert!(!first.contains("If-None-Match"));
    assert!(second.contains("If-None-Match: \"v1\"\r\n"), "{second}");
    assert!(second.contains("If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT\r\n"), "{second}");
    watched.handle.stop();
    watched.end();
    assert_eq!(watched.links().len(), 1);
}

#[test]
fn a_link_that_the_server_closed_is_opened_again() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.answer("200 OK", "", "x");
        // The next request meets a closed link, whichever comes first.
        peer.request();
    });
    let mut watched = open(typed(PushType::Poll, server.url("/")));
    watched.until("three links", |watched| watched.links().len() >= 3);
    assert!(watched.failures().is_empty(), "{}", watched.story());
    watched.handle.stop();
    watched.end();
}

#[test]
fn auto_polls_what_has_a_length() {
    let server = Server::start(|_, mut peer| {
        while !peer.request().is_empty() {
            peer.answer("200 OK", "Content-Type: application/json\r\n", "[]");
        }
    });
    let mut watched = open(Spec { interval_ms: Some(20), ..spec(server.url("/")) });
    watched.until_act(Act::Picked, "Polling");
    server.request();
    server.request();
    watched.handle.stop();
    watched.end();
}

#[test]
fn a_poll_that_fails_later_goes_on() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        if number != 1 {
            peer.answer("200 OK", "Connection: close\r\n", "x");
        }
    });
    let mut watched = open(typed(PushType::Poll, server.url("/")));
    watched.is_faulty = true;
    watched.until_act(Act::Waiting, "the poll failed");
    watched.until("four links", |watched| watched.links().len() >= 4);
    watched.handle.stop();
    watched.end();
    assert_eq!(watched.failures().len(), 1);
}

fn long_poll(source: CursorSource, target: CursorTarget, answer: fn(usize) -> (String, String)) -> [String; 3] {
    let server = Server::start(move |_, mut peer| {
        for round in 1.. {
            if peer.request().is_empty() {
                return;
            }
            let (headers, body) = answer(round);
            peer.answer("200 OK", &headers, &body);
        }
    });
    let mut spec = typed(PushType::LongPoll, server.url("/lp?keep=1"));
    (spec.cursor, spec.cursor_target) = (source, target);
    let mut watched = open(spec);
    let requests = [server.request(), server.request(), server.request()];
    watched.handle.stop();
    watched.end();
    assert_eq!(watched.links().len(), 1);
    requests
}

#[test]
fn cursors_go_from_each_source_to_each_target() {
    let requests = long_poll(CursorSource::Header("X-Next".into()), CursorTarget::Query("since".into()), |round| {
        (format!("X-Next: c {round}\r\n"), "x".into())
    });
    assert!(requests[0].starts_with("GET /lp?keep=1 "), "{}", requests[0]);
    assert!(requests[1].starts_with("GET /lp?keep=1&since=c+1 "), "{}", requests[1]);
    assert!(requests[2].starts_with("GET /lp?keep=1&since=c+2 "), "{}", requests[2]);
    let requests = long_poll(
        CursorSource::JsonPath("$.events[-1:].id".into()),
        CursorTarget::Header("X-Cursor".into()),
        |round| (String::new(), format!("{{\"events\":[{{\"id\":0}},{{\"id\":{round}}}]}}")),
    );
    assert!(!requests[0].contains("X-Cursor") && requests[2].contains("X-Cursor: 2\r\n"), "{}", requests[2]);
    // nchan's: the validators of the last answer.
    let requests = long_poll(CursorSource::None, CursorTarget::default(), |round| {
        (format!("Last-Modified: Mon, 02 Jan 2006 15:04:0{round} GMT\r\nEtag: {round}\r\n"), "same".into())
    });
    assert!(requests[2].contains("If-None-Match: 2\r\nIf-Modified-Since: Mon, 02 Jan 2006 15:04:02 GMT\r\n"));
}

#[test]
fn a_server_that_does_not_hold_is_not_hammered() {
    let server = Server::start(|_, mut peer| {
        while !peer.request().is_empty() {
            peer.say("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let mut watched = open(Spec { interval_ms: Some(50), ..typed(PushType::LongPoll, server.url("/")) });
    let began = Instant::now();
    for _ in 0..4 {
        server.request();
    }
    assert!(began.elapsed() > Duration::from_millis(150), "{:?}", began.elapsed());
    watched.until_act(Act::Waiting, "with nothing new");
    watched.handle.stop();
    watched.end();
}

#[test]
fn a_request_held_too_long_is_asked_again_and_503_waits() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        if number == 0 {
            assert!(peer.sees_the_end());
        } else {
            peer.answer("503 Service Unavailable", "Retry-After: 60\r\n", "");
            peer.request();
        }
    });
    let mut spec = typed(PushType::LongPoll, server.url("/"));
    spec.timeouts.answer_ms = 150;
    let mut watched = open(spec);
    watched.until_act(Act::Noticed, "asking again");
    watched.until_act(Act::Waiting, "status 503: waiting 60 s");
    watched.handle.stop();
    watched.end();
}

#[test]
fn an_answer_without_its_cursor_is_noticed_and_404_ends() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.answer("200 OK", "", "no json");
        peer.request();
        peer.answer("404 Not Found", "", "");
    });
    let mut spec = typed(PushType::LongPoll, server.url("/"));
    spec.cursor = CursorSource::JsonPath("$.next".into());
    let mut watched = open(spec);
    watched.until_act(Act::Noticed, "no JSON");
    assert!(watched.failure().text.contains("404"));
}

#[test]
fn auto_repeats_no_request_that_may_do_something() {
    let heads = ["Content-Length: 2\r\n", "Content-Type: text/event-stream\r\n"];
    for head in heads {
        let server = Server::start(move |_, mut peer| {
            peer.request();
            peer.say(&format!("HTTP/1.1 200 OK\r\n{head}\r\n[]"));
        });
        let mut watched = open(Spec { body: Some("{}".into()), interval_ms: Some(10), ..spec(server.url("/")) });
        watched.is_faulty = head.contains("event-stream");
        assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
        watched.until_act(Act::Picked, "POST is not repeated");
        assert_eq!(watched.links().len(), 1);
    }
}

#[test]
fn a_head_that_does_not_end_is_no_silence() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 OK\r\nX: ");
        peer.sees_the_end();
    });
    let mut spec = typed(PushType::LongPoll, server.url("/"));
    spec.timeouts.answer_ms = 100;
    let failure = open(spec).failure();
    assert!(failure.text.contains("did not end within 100 ms: 20 bytes"), "{failure}");
}

#[test]
fn a_server_that_holds_nothing_is_not_asked_without_a_pause() {
    let server = Server::start(|_, mut peer| {
        for count in 0.. {
            if peer.request().is_empty() {
                return;
            }
            peer.answer("200 OK", "", &format!("{{\"at\":{count}}}"));
        }
    });
    let mut watched = open(typed(PushType::LongPoll, server.url("/")));
    watched.until_act(Act::Waiting, "does not hold requests");
    watched.handle.stop();
    watched.end();
}
