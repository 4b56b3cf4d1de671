//! Stages, their failures and timeouts, and cancelling at each.

use crate::support::{PATIENCE, Server, open, open_with_room, spec};
use pushscope::transport::{PushType, Spec};
use pushscope::wire::{Act, Dir, Stage, What};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

#[test]
fn the_stages_are_told_in_order() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{}\n");
    });
    let mut watched = open(spec(server.url("/")));
    assert_eq!(watched.end().act, Act::Done);
    let names: Vec<&str> = watched
        .events
        .iter()
        .map(|event| match &event.what {
            What::Opening(_) => "opening",
            What::Resolved(_) => "resolved",
            What::Connected(_) => "connected",
            What::Bytes(Dir::Out, _) => "out",
            What::Bytes(Dir::In, _) => "in",
            What::Ended(Dir::In) => "ended in",
            What::Ended(Dir::Out) => "ended out",
            What::Closed(_) => "closed",
            What::Client(act) if act.act == Act::Done => "done",
            What::Client(act) if act.act == Act::Picked => "picked",
            What::Progress(_) => "progress",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names[..4], ["opening", "resolved", "connected", "out"], "{names:?}");
    assert!(names.contains(&"ended in") && names.contains(&"ended out"), "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "closed").count(), 1);
    assert_eq!(names.last(), Some(&"done"), "{names:?}");
    let info = watched.info.expect("the connection");
    assert!(info.spec.contains("\"url\""));
}

#[test]
fn a_refused_port_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut refused = open(spec(format!("http://127.0.0.1:{port}/")));
    let failure = refused.failure();
    assert_eq!(failure.stage, Stage::Tcp);
    assert!(failure.text.contains("refused") && failure.hint.contains("nothing listens"), "{failure}");
    // The rules read what the transport says.
    assert_eq!(refused.faults(), ["tcp.refused"]);
}

#[test]
fn an_unknown_name_says_so() {
    let mut unknown = open(spec("http://name.invalid/"));
    let failure = unknown.failure();
    assert_eq!(failure.stage, Stage::Dns);
    assert!(failure.text.contains("name.invalid"), "{failure}");
    assert_eq!(unknown.faults(), ["dns.failed"]);
}

#[test]
fn a_bad_address_opens_nothing_and_says_why() {
    for url in ["", "nonsense", "ftp://x/", "http://", "http://x:99999/", "localhost:80/x"] {
        let mut watched = open(spec(url));
        let failure = watched.failure();
        assert_eq!(failure.stage, Stage::Address, "{url}");
        assert!(!watched.events.iter().any(|event| matches!(event.what, What::Resolved(_))));
    }
}

#[test]
fn names_with_several_addresses_try_them_all() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.0 200 OK\r\n\r\nhi");
    });
    let mut watched = open(spec(format!("http://localhost:{}/", server.address.port())));
    watched.end();
    watched.until_received("hi");
    let resolved = watched.events.iter().find_map(|event| match &event.what {
        What::Resolved(resolved) => Some(resolved.addresses.clone()),
        _ => None,
    });
    assert!(resolved.unwrap().contains(&"127.0.0.1".parse().unwrap()));
}

#[test]
fn ipv6_works() {
    let server = Server::start_on("[::1]:0", |_, mut peer| {
        peer.request();
        peer.say("HTTP/1.0 200 OK\r\n\r\nhi");
    });
    let mut watched = open(spec(server.url("/")));
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    assert!(watched.sent().contains(&format!("Host: [::1]:{}\r\n", server.address.port())));
}

/// A server that accepts and stays silent, and tells when the client has gone.
fn silent(say: &'static str) -> (Server, std::sync::mpsc::Receiver<bool>) {
    let (sender, gone) = channel();
    let server = Server::start(move |_, mut peer| {
        if !say.is_empty() {
            peer.request();
            peer.say(say);
        }
        sender.send(peer.sees_the_end()).unwrap();
    });
    (server, gone)
}

#[test]
fn a_silent_tls_server_times_out_and_is_closed() {
    let (server, gone) = silent("");
    let mut spec = spec(server.url("/").replace("http:", "https:"));
    spec.timeouts.tls_ms = 200;
    let failure = open(spec).failure();
    assert_eq!(failure.stage, Stage::Tls);
    assert!(failure.text.contains("200 ms") && failure.hint.contains("TLS"), "{failure}");
    assert!(gone.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn a_silent_http_server_times_out_and_is_closed() {
    let (server, gone) = silent("");
    let mut spec = spec(server.url("/"));
    spec.timeouts.answer_ms = 200;
    let failure = open(spec).failure();
    assert_eq!(failure.stage, Stage::Answer);
    assert!(failure.text.contains("200 ms"), "{failure}");
    assert!(gone.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn a_silent_stream_times_out_where_asked() {
    let (server, gone) = silent("HTTP/1.1 200 OK\r\n\r\nfirst");
    let mut spec = spec(server.url("/"));
    spec.timeouts.idle_ms = 200;
    let mut watched = open(spec);
    let failure = watched.failure();
    assert_eq!(failure.stage, Stage::Stream);
    watched.until_received("first");
    assert!(gone.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn stopping_closes_at_once_at_every_stage() {
    let cases = [
        ("", PushType::Auto, "https:"),
        ("", PushType::Sse, "http:"),
        ("", PushType::Ws, "ws:"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n", PushType::Sse, "http:"),
        ("HTTP/1.1 200 OK\r\n\r\nx", PushType::Stream, "http:"),
    ];
    for (say, push_type, scheme) in cases {
        let (server, gone) = silent(say);
        let spec = Spec { push_type, url: server.url("/").replace("http:", scheme), ..Spec::default() };
        let name = format!("{push_type:?} {scheme}");
        let mut watched = open(spec);
        if say.is_empty() {
            watched.until("connecting", |watched| {
                watched.events.iter().any(|event| matches!(event.what, What::Connected(_)))
            });
        } else {
            watched.until_received("x");
        }
        let began = Instant::now();
        watched.handle.stop();
        assert!(gone.recv_timeout(PATIENCE).unwrap(), "{name}");
        assert!(began.elapsed() < Duration::from_secs(1), "{name} took {:?}", began.elapsed());
        let last = watched.end();
        assert_eq!((last.act, last.text.as_str()), (Act::Done, "stopped"));
    }
}

#[test]
fn dropping_the_handle_closes() {
    let (server, gone) = silent("HTTP/1.1 200 OK\r\n\r\nx");
    let mut watched = open(spec(server.url("/")));
    watched.until_received("x");
    drop(watched);
    assert!(gone.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn a_full_recording_leaves_bytes_in_the_socket_and_says_so() {
    let server = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 OK\r\n\r\n");
        for _ in 0..512 {
            peer.say_bytes(&[b'x'; 16 * 1024]);
        }
    });
    let mut watched = open_with_room(spec(server.url("/")), 256 * 1024);
    std::thread::sleep(Duration::from_millis(300));
    watched.end();
    let stalls = watched.events.iter().filter(|event| matches!(event.what, What::Stalled(_))).count();
    assert!(stalls > 0);
    assert_eq!(watched.bytes(Dir::In).len(), 19 + 512 * 16 * 1024);
}
