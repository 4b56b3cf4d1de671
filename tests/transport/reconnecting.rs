//! Waits before reconnections, as the user chose them: what is recorded says how long each is.

use crate::support::{Server, Watched, open, spec};
use crate::websocket::upgraded;
use pushscope::transport::{Backoff, Order, PushType, Spec};
use pushscope::wire::Act;
use std::net::TcpListener;

/// The waits that were recorded, without what they were for.
fn waits(watched: &Watched) -> Vec<String> {
    let waits = watched.acts().into_iter().filter(|act| act.act == Act::Waiting);
    waits.map(|act| act.text.rsplit([':', ',']).next().unwrap_or_default().trim().to_owned()).collect()
}

/// An address at which nothing listens.
fn nobody() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}

#[test]
fn each_type_waits_longer_after_each_failure_and_gives_up() {
    for (push_type, scheme) in [
        (PushType::Ws, "ws"),
        (PushType::Sse, "http"),
        (PushType::Stream, "http"),
        (PushType::LongPoll, "http"),
        (PushType::Poll, "http"),
    ] {
        let mut spec = spec(format!("{scheme}://{}/", nobody()));
        (spec.push_type, spec.reconnect, spec.interval_ms) = (push_type, Some(true), Some(10));
        spec.backoff = Backoff { factor: 3, limit_ms: 50, attempts: 5, ..Backoff::default() };
        let mut watched = open(spec);
        let last = watched.end();
        assert_eq!(last.act, Act::GaveUp);
        assert!(last.text.contains("after 5 failures in a row") && last.text.contains("refused"), "{last:?}");
        assert_eq!(
            waits(&watched),
            ["waiting 10 ms", "waiting 30 ms", "waiting 50 ms", "waiting 50 ms"],
            "{push_type:?}"
        );
        assert_eq!(watched.links().len(), 5, "{}", watched.story());
        watched.until_act(Act::Waiting, "failure 4 of 5");
    }
}

#[test]
fn each_attempt_of_a_websocket_is_recorded_and_one_that_works_counts_from_the_beginning() {
    // The third and the sixth connection are upgraded, the others refused.
    let server = Server::start(|number, mut peer| {
        let request = peer.request();
        if number % 3 == 2 {
            let accept = crate::websocket::accept(&request);
            peer.say(&format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            ));
        } else {
            peer.answer("503 Service Unavailable", "", "");
        }
    });
    let mut spec = spec(server.ws("/"));
    (spec.reconnect, spec.interval_ms) = (Some(true), Some(4));
    spec.backoff = Backoff { attempts: 4, ..Backoff::default() };
    let mut watched = open(spec);
    watched.is_faulty = true;
    watched.until("seven links", |watched| watched.links().len() >= 7);
    watched.handle.stop();
    watched.end();
    let purposes: Vec<String> = watched.links().into_iter().map(|(_, purpose)| purpose).collect();
    assert_eq!(purposes[..3], ["request", "reconnection 1", "reconnection 2"]);
    // Lost after the upgrade is the first failure in a row.
    assert_eq!(
        waits(&watched)[..6],
        ["waiting 4 ms", "waiting 8 ms", "waiting 4 ms", "waiting 8 ms", "waiting 16 ms", "waiting 4 ms"]
    );
}

#[test]
fn immediate_does_not_wait() {
    let server = upgraded(|mut peer| peer.say_bytes(b"\x88\x00"));
    let mut spec = Spec { reconnect: Some(true), ..spec(server.ws("/")) };
    spec.backoff.immediate = true;
    let mut watched = open(spec);
    watched.until("three links", |watched| watched.links().len() >= 3);
    watched.handle.stop();
    watched.end();
    watched.until_act(Act::Waiting, "reconnecting, at once");
}

#[test]
fn chance_makes_waits_differ_within_its_bounds() {
    let mut spec = spec(format!("ws://{}/", nobody()));
    (spec.reconnect, spec.interval_ms) = (Some(true), Some(20));
    spec.backoff = Backoff { factor: 1, jitter_percent: 50, attempts: 16, ..Backoff::default() };
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::GaveUp);
    let mut found = waits(&watched);
    for wait in &found {
        let ms: u64 = wait.trim_start_matches("waiting ").trim_end_matches(" ms").parse().expect("milliseconds");
        assert!((10..=20).contains(&ms) || (20..=30).contains(&ms), "{wait}");
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 1, "{found:?}");
}

#[test]
fn an_event_stream_begins_with_the_wait_that_the_server_asked_for() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        if number == 0 {
            peer.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 30\ndata: x\n\n");
        }
    });
    let mut spec = spec(server.url("/"));
    (spec.push_type, spec.interval_ms) = (PushType::Sse, Some(7));
    spec.backoff = Backoff { attempts: 3, ..Backoff::default() };
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::GaveUp);
    assert_eq!(waits(&watched), ["waiting 30 ms", "waiting 30 ms", "waiting 60 ms"], "{}", watched.story());
}

#[test]
fn closing_while_it_waits_ends_at_once() {
    let mut spec = spec(format!("ws://{}/", nobody()));
    (spec.reconnect, spec.interval_ms) = (Some(true), Some(3_600_000));
    spec.backoff.limit_ms = 3_600_000;
    let mut watched = open(spec);
    watched.is_faulty = true;
    watched.until_act(Act::Waiting, "waiting 3600 s");
    watched.send(Order::Close { code: None, reason: String::new() });
    let last = watched.end();
    assert!(last.act == Act::Done && last.text.contains("before it was open again"), "{last:?}");
}
