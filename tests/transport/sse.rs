//! Server-sent events: reconnection, last event ID, and when to stop; and `auto`, which goes on with the same answer.

use crate::support::{Server, open, spec};
use pushscope::transport::{PushType, Spec};
use pushscope::wire::Act;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";

fn sse(url: String) -> Spec {
    Spec { push_type: PushType::Sse, ..spec(url) }
}

#[test]
fn it_reconnects_after_retry_with_the_last_event_id_until_204() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        match number {
            0 => peer.say(&format!("{OK}retry: 20\n\nid: 7\ndata: a\n\nid: 8\ndata: cut off")),
            1 => peer.say(&format!("{OK}data: b\n\n")),
            _ => peer.say("HTTP/1.1 204 No Content\r\n\r\n"),
        }
    });
    let mut watched = open(sse(server.url("/")));
    watched.is_faulty = true;
    let last = watched.end();
    assert_eq!(last.act, Act::Done);
    assert!(last.text.contains("204"), "{last:?}");
    let requests = [server.request(), server.request(), server.request()];
    assert!(
        requests[0].contains("Accept: text/event-stream\r\n") && requests[0].contains("Cache-Control: no-cache\r\n")
    );
    assert!(!requests[0].contains("Last-Event-ID"));
    assert!(requests[1].contains("Last-Event-ID: 7\r\n") && requests[2].contains("Last-Event-ID: 7\r\n"));
    watched.until_act(Act::Waiting, "waiting 20 ms");
    let purposes: Vec<String> = watched.links().into_iter().map(|(_, purpose)| purpose).collect();
    assert_eq!(purposes, ["request", "reconnection 1", "reconnection 2"]);
}

#[test]
fn post_with_a_body_and_a_first_id() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        if number == 0 { peer.say(OK) } else { peer.say("HTTP/1.1 204 No Content\r\n\r\n") }
    });
    let mut spec = sse(server.url("/"));
    spec.body = Some("{\"prompt\":1}".into());
    spec.last_event_id = Some("41".into());
    spec.interval_ms = Some(10);
    open(spec).end();
    for _ in 0..2 {
        let request = server.request();
        assert!(request.starts_with("POST / ") && request.ends_with("\r\n\r\n{\"prompt\":1}"), "{request}");
        assert!(request.contains("Last-Event-ID: 41\r\n"));
    }
}

#[test]
fn another_status_gives_up_and_another_type_is_shown_all_the_same() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.answer("500 Internal Server Error", "", "oops");
    });
    let failure = open(sse(server.url("/"))).failure();
    assert!(failure.text.contains("500"), "{failure}");
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 OK\r\n\r\ndata: x\n\n");
    });
    let mut watched = open(sse(server.url("/")));
    watched.is_faulty = true;
    assert_eq!(watched.end().act, Act::Done);
    watched.until_received("data: x");
    watched.until_act(Act::Noticed, "there is no Content-Type");
}

#[test]
fn auto_goes_on_with_the_same_answer() {
    let server = Server::start(|number, mut peer| {
        let request = peer.request();
        assert_eq!(request.contains("Last-Event-ID: 1\r\n"), number == 1);
        if number == 0 {
            peer.say(&format!("{OK}id: 1\nretry: 10\ndata: x\n\n"));
        } else {
            peer.say("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let mut watched = open(spec(server.url("/")));
    assert_eq!(watched.end().act, Act::Done);
    watched.until_act(Act::Picked, "SSE");
    assert_eq!(watched.links().len(), 2);
}

#[test]
fn auto_turns_to_websocket_where_the_endpoint_wants_it() {
    let server = Server::start(|number, mut peer| {
        let request = peer.request();
        if number == 0 {
            peer.answer("426 Upgrade Required", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "");
        } else {
            assert!(request.contains("Sec-WebSocket-Key"));
            peer.answer("404 Not Found", "", "");
        }
    });
    let mut watched = open(spec(server.url("/")));
    watched.failure();
    watched.until_act(Act::Picked, "WebSocket");
}

#[test]
fn a_server_that_comes_back_is_found_again() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        match number {
            0 => peer.say(&format!("{OK}retry: 10\ndata: 1\n\n")),
            1 | 2 => {}
            _ => {
                peer.say(&format!("{OK}data: back\n\n"));
                peer.sees_the_end();
            }
        }
    });
    let mut watched = open(sse(server.url("/")));
    watched.is_faulty = true;
    watched.until_received("back");
    assert_eq!(watched.failures().len(), 2);
    watched.handle.stop();
    watched.end();
}
