//! Requests as typed, answers as broken as they come, redirects, streams and requests on the side.

use crate::support::{Peer, Server, open, spec};
use pushscope::transport::{Auth, HttpVersion, Order, Outgoing, PushType, Spec};
use pushscope::wire::{Act, Dir, Stage};

fn once(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Server {
    Server::start(move |_, mut peer| {
        peer.request();
        script(&mut peer);
    })
}

fn headers(typed: &[(&str, &str)]) -> Vec<(String, String)> {
    typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn headers_go_out_as_typed() {
    let server = once(|peer| peer.say("HTTP/1.1 200 OK\r\n\r\n"));
    let mut spec = spec(server.url("/a?b=%20c#d"));
    spec.push_type = PushType::Stream;
    spec.method = "PATCH".into();
    spec.http = HttpVersion::Http10;
    spec.headers = headers(&[("x-LOWER", "1"), ("X-Twice", "a"), ("accept", "q"), ("X-Twice", "b"), ("Empty", "")]);
    spec.body = Some("{\"x\":1}".into());
    spec.auth = Auth::Bearer { token: "t".into() };
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::Done);
    let request = server.request();
    assert_eq!(
        request,
        format!(
            "PATCH /a?b=%20c HTTP/1.0\r\nHost: {}\r\nUser-Agent: Pushscope/{}\r\nContent-Length: 7\r\nx-LOWER: 1\r\nX-Twice: a\r\naccept: q\r\nX-Twice: b\r\nEmpty: \r\nAuthorization: Bearer t\r\n\r\n{{\"x\":1}}",
            server.address,
            env!("CARGO_PKG_VERSION"),
        )
    );
    // What was given as a secret is recorded without it, and of the same length.
    assert_eq!(watched.sent(), request.replace("Bearer t", "Bearer *"));
    assert!(!watched.info.unwrap().spec.contains("Bearer"));
}

#[test]
fn user_information_becomes_basic_authentication_and_is_not_stored() {
    let server = once(|peer| peer.say("HTTP/1.1 200 OK\r\n\r\n"));
    let mut watched = open(spec(server.url("/").replace("127.0.0.1", "me:pass@127.0.0.1")));
    watched.end();
    assert!(server.request().contains("Authorization: Basic bWU6cGFzcw==\r\n"));
    let info = watched.info.unwrap();
    assert!(!info.spec.contains("pass") && !info.label.contains("pass"), "{info:?}");
}

#[test]
fn a_line_break_in_a_header_is_refused_before_dialling() {
    let mut spec = spec("http://127.0.0.1:1/");
    spec.headers = headers(&[("X", "a\nb")]);
    let failure = open(spec).failure();
    assert_eq!(failure.stage, Stage::Address);
    assert!(failure.text.contains("line feed"), "{failure}");
}

#[test]
fn broken_answers_are_told_apart_and_stay_recorded() {
    let cases = [
        ("SSH-2.0-OpenSSH_9\r\n", "SSH"),
        ("\x01\x02garbage\r\n\r\n", "is not HTTP"),
        ("HTTP/1.1 99 What\r\n\r\nevidence", "breaks the rules of HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nev", "breaks the rules"),
        ("HTTP/1.1 200 OK\r\nX: y", "in the middle of its answer's head"),
        ("", "closed the connection without an answer"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "breaks the rules"),
    ];
    for (answer, expected) in cases {
        let server = once(move |peer| peer.say(answer));
        let mut watched = open(spec(server.url("/")));
        let failure = watched.failure();
        assert_eq!(failure.stage, Stage::Answer);
        assert!(failure.text.contains(expected), "{answer:?}: {failure}");
        assert_eq!(watched.bytes(Dir::In), answer.as_bytes());
    }
}

#[test]
fn an_endless_head_is_cut() {
    let server = once(|peer| {
        peer.say("HTTP/1.1 200 OK\r\nX: ");
        for _ in 0..10_000 {
            peer.say_bytes(&[b'x'; 1024]);
        }
    });
    let mut watched = open(spec(server.url("/")));
    let failure = watched.failure();
    assert!(failure.text.contains("does not end"), "{failure}");
    assert!(watched.bytes(Dir::In).len() < 1024 * 1024);
}

#[test]
fn broken_bodies_are_told_apart() {
    let cases = [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nffffffffffffffffffffffffffffffffffffffff\r\n",
            "breaks its own framing",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", "before its answer was complete"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9\r\n\r\nhi",
            "before its answer was complete",
        ),
    ];
    for (answer, expected) in cases {
        let server = once(move |peer| peer.say(answer));
        let mut watched = open(Spec { push_type: PushType::Stream, ..spec(server.url("/")) });
        let failure = watched.failure();
        assert_eq!(failure.stage, Stage::Stream);
        assert!(failure.text.contains(expected), "{answer:?}: {failure}");
        assert_eq!(watched.bytes(Dir::In), answer.as_bytes());
    }
}

#[test]
fn a_reset_is_not_an_end() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 OK\r\n\r\nhello");
        std::thread::sleep(std::time::Duration::from_millis(100));
        peer.reset();
    });
    let mut watched = open(spec(server.url("/")));
    let failure = watched.failure();
    assert!(failure.text.contains("RST"), "{failure}");
    watched.until_received("hello");
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.reset();
    });
    let failure = open(spec(server.url("/"))).failure();
    assert!(failure.stage == Stage::Answer && failure.text.contains("RST"), "{failure}");
}

#[test]
fn a_status_that_refuses_says_what_it_means() {
    let server = once(|peer| peer.answer("401 Unauthorized", "", "who are you?"));
    let mut watched = open(spec(server.url("/")));
    let failure = watched.failure();
    assert!(failure.text.contains("401") && failure.hint.contains("authentication"), "{failure}");
    watched.until_received("who are you?");
}

#[test]
fn redirects_are_followed_and_said() {
    let elsewhere = once(|peer| peer.say("HTTP/1.1 200 OK\r\n\r\narrived"));
    let to = elsewhere.url("/end");
    let server = Server::start(move |_, mut peer| {
        while !peer.request().is_empty() {
            peer.answer("302 Found", &format!("Location: {to}\r\n"), "elsewhere");
        }
    });
    let mut spec = spec(server.url("/start"));
    spec.headers = headers(&[("Authorization", "secret"), ("X-Kept", "1")]);
    let mut watched = open(spec);
    watched.until_received("arrived");
    watched.end();
    watched.until_act(Act::Noticed, "redirected to");
    assert!(server.request().contains("Authorization: secret"));
    let second = elsewhere.request();
    assert!(second.starts_with("GET /end ") && second.contains("X-Kept: 1") && !second.contains("secret"), "{second}");
    assert_eq!(watched.links().len(), 2);
}

#[test]
fn redirects_in_a_circle_end() {
    let server = Server::start(|_, mut peer| {
        while !peer.request().is_empty() {
            peer.answer("307 Temporary Redirect", "Location: /again\r\n", "");
        }
    });
    let mut watched = open(spec(server.url("/")));
    let failure = watched.failure();
    assert!(failure.text.contains("more than 10 redirects"), "{failure}");
    assert_eq!(watched.links().len(), 1);
}

#[test]
fn a_stream_reconnects_only_where_asked() {
    let server = Server::start(|number, mut peer| {
        peer.request();
        peer.say(&format!("HTTP/1.1 200 OK\r\n\r\nround {number}"));
    });
    let mut spec = Spec { push_type: PushType::Stream, reconnect: Some(true), ..spec(server.url("/")) };
    spec.interval_ms = Some(10);
    let mut watched = open(spec);
    watched.until_received("round 2");
    watched.until_act(Act::Waiting, "the stream ended");
    assert_eq!(watched.links()[1].1, "reconnection 1");
    watched.handle.stop();
    watched.end();
}

#[test]
fn a_message_on_a_stream_is_a_request_on_the_side() {
    let server = Server::start(|_, mut peer| {
        if peer.request().starts_with("POST") {
            peer.answer("200 OK", "", "taken");
            peer.sees_the_end();
        } else {
            peer.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n");
            peer.sees_the_end();
        }
    });
    let mut spec = spec(server.url("/feed"));
    spec.headers = headers(&[("Cookie", "id=1")]);
    let mut watched = open(spec);
    watched.send(Order::Send(Outgoing::Text("{\"a\":1}".into())));
    watched.until_received("taken");
    watched.send(Order::Send(Outgoing::Ping("x".into())));
    watched.until_act(Act::NotSent, "WebSocket only");
    watched.send(Order::Send(Outgoing::Request {
        method: "PUT".into(),
        url: Some("/other".into()),
        headers: headers(&[("X", "\r")]),
        body: "b".into(),
    }));
    watched.until_act(Act::NotSent, "carriage return");
    assert!(server.request().starts_with("GET /feed "));
    let side = server.request();
    assert!(side.starts_with("POST /feed ") && side.ends_with("\r\n\r\n{\"a\":1}"), "{side}");
    assert!(side.contains("Content-Type: application/json\r\n") && side.contains("Cookie: id=1\r\n"), "{side}");
    assert!(watched.links().iter().any(|(_, purpose)| purpose == "side request"));
    watched.send(Order::Close { code: None, reason: String::new() });
    assert_eq!(watched.end().text, "closed by the user");
    watched.send(Order::Send(Outgoing::Text("late".into())));
    watched.until_act(Act::NotSent, "is over");
}

#[test]
fn a_message_on_a_connection_that_never_came_up_is_not_sent() {
    let mut watched = open(spec("http://name.invalid/"));
    watched.send(Order::Send(Outgoing::Text("x".into())));
    watched.failure();
    watched.until_act(Act::NotSent, "not sent");
}
