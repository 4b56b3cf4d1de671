//! Recordings from strangers: absurd times, nothing to serve, what is no HTTP; and addresses that are not this machine's.

use crate::curl::text as curl;
use crate::program::pushscope;
use crate::stage::{Recorded, text};
use bytes::Bytes;
use pushscope::session::file::SessionWriter;
use pushscope::wire::{Closed, ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, ProxyRole, Via, What};

const DAY_NS: u64 = 86_400_000_000_000;

/// Writes a recording of links, each event with its time.
pub fn written(events: &[(u64, u32, What)]) -> Recorded {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("original.pushscope");
    let mut writer = SessionWriter::create(&path, 0).expect("a file");
    let info = ConnectionInfo { id: ConnectionId(1), spec: "{}".to_owned(), label: "http://a.example/".to_owned() };
    writer.put(Entry::Connection(info)).expect("written");
    for (at_ns, link, what) in events {
        let event = Event { at_ns: *at_ns, link: LinkId(*link), what: what.clone() };
        writer.put(Entry::Event(event)).expect("written");
    }
    writer.finish().expect("finished");
    Recorded { folder, path }
}

pub fn opening(via: Option<Via>) -> What {
    let (host, purpose) = ("a.example".to_owned(), "request".to_owned());
    What::Opening(Opening { connection: ConnectionId(1), host, port: 80, tls: false, purpose, via })
}

pub fn bytes(dir: Dir, said: &str) -> What {
    What::Bytes(dir, Bytes::copy_from_slice(said.as_bytes()))
}

fn closed(by: Dir) -> What {
    What::Closed(Closed { by, text: "over".to_owned() })
}

#[test]
fn days_between_two_bytes_are_not_waited_for() {
    let recorded = written(&[
        (0, 1, opening(None)),
        (1, 1, bytes(Dir::Out, "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")),
        (DAY_NS, 1, bytes(Dir::In, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")),
        // Time that goes back, and one that is far beyond the sun's.
        (5, 1, bytes(Dir::In, "3\r\ndef\r\n")),
        (u64::MAX / 2, 1, bytes(Dir::In, "0\r\n\r\n")),
        (u64::MAX / 2, 1, closed(Dir::In)),
    ]);
    for options in [&["--speed", "max"][..], &["--max-wait", "20ms"], &["--speed", "0.001", "--max-wait", "20ms"]] {
        let again = Recorded { folder: tempfile::tempdir().unwrap(), path: recorded.path.clone() };
        let replay = again.replay(options);
        assert_eq!(curl(&[&replay.http("/a")]), "abcdef", "{options:?}");
        replay.stop();
    }
}

#[test]
fn an_exchange_through_a_proxy_is_served_as_the_server_would() {
    let via =
        |role| Some(Via { proxy: "http://p:3128".into(), role, source: "given".into(), target: "a.example:80".into() });
    let recorded = written(&[
        (0, 1, opening(via(ProxyRole::Tunnel))),
        (1, 1, bytes(Dir::Out, "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n")),
        (2, 1, bytes(Dir::In, "HTTP/1.1 200 OK\r\n\r\n")),
        (3, 2, opening(via(ProxyRole::Inside(LinkId(1))))),
        (4, 2, bytes(Dir::Out, "GET /in HTTP/1.1\r\nHost: a.example\r\n\r\n")),
        (5, 2, bytes(Dir::In, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin")),
        (6, 3, opening(via(ProxyRole::Forward))),
        (7, 3, bytes(Dir::Out, "GET http://a.example/by?x=1 HTTP/1.1\r\nHost: a.example\r\n\r\n")),
        (8, 3, bytes(Dir::In, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")),
        (
            9,
            3,
            bytes(
                Dir::Out,
                "GET http://a.example/by?x=1 HTTP/1.1\r\nHost: a.example\r\nProxy-Authorization: Basic ****\r\n\r\n",
            ),
        ),
        (10, 3, bytes(Dir::In, "HTTP/1.1 302 Found\r\nLocation: http://a.example/in\r\nContent-Length: 0\r\n\r\n")),
    ]);
    let replay = recorded.replay(&[]);
    assert_eq!(curl(&["-L", &replay.http("/by?x=1")]), "in", "the redirection stays here");
    assert_eq!(curl(&["--noproxy", "", "-x", &replay.origin, "http://a.example/in"]), "in", "asked as a proxy is");
    let ended = replay.stop();
    assert_eq!(ended.err, "");
    let loud = pushscope_replay_notices(&recorded);
    assert!(loud.contains("opened a way through a proxy") && loud.contains("asked for a login"), "{loud}");
}

/// What a replay that is not quiet says of its recording.
fn pushscope_replay_notices(recorded: &Recorded) -> String {
    let mut running = crate::program::Running::pushscope(&["replay", text(&recorded.path)]);
    running.until("listening on");
    running.signal("INT");
    running.finish().err
}

#[test]
fn what_cannot_be_served_is_told() {
    let recorded = written(&[(0, 1, opening(None)), (1, 1, bytes(Dir::In, "SSH-2.0-x\r\n"))]);
    pushscope(&["replay", text(&recorded.path)]).refused(1, &["nothing to serve", "no HTTP"]);
    pushscope(&["replay", "/nonexistent.pushscope"]).refused(1, &["there is no such file"]);
    let served = written(&[(0, 1, opening(None)), (1, 1, bytes(Dir::Out, "GET / HTTP/1.1\r\n\r\n"))]);
    for listen in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        pushscope(&["replay", text(&served.path), "--listen", listen]).refused(1, &["loopback only"]);
    }
    assert_eq!(pushscope(&["replay", text(&served.path), "--speed", "fast"]).code, Some(2));
}

#[test]
fn a_request_without_an_answer_is_held_or_closed_as_recorded() {
    let asked = bytes(Dir::Out, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let left = written(&[(0, 1, opening(None)), (1, 1, asked.clone()), (2, 1, closed(Dir::Out))]);
    let replay = left.replay(&["--at-end", "close"]);
    assert_eq!(crate::curl::curl(&[&replay.http("/a")]).1, 52, "an empty reply");
    replay.stop();
    let broken = written(&[(0, 1, opening(None)), (1, 1, asked), (2, 1, closed(Dir::In))]);
    let replay = broken.replay(&[]);
    assert_eq!(crate::curl::curl(&[&replay.http("/a")]).1, 52);
    replay.stop();
}

#[test]
fn chunks_and_frames_that_break_rules_are_sent_as_they_are() {
    let wire =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n3;ext=\"1\"\r\nabc\r\nzz\r\nnonsense\0\r\n";
    let recorded = written(&[
        (0, 1, opening(None)),
        (1, 1, bytes(Dir::Out, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")),
        (2, 1, bytes(Dir::In, wire)),
        (3, 1, closed(Dir::In)),
    ]);
    let replay = recorded.replay(&[]);
    let mut stream = crate::raw::connect(&replay);
    std::io::Write::write_all(&mut stream, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert_eq!(String::from_utf8_lossy(&crate::raw::read_all(&mut stream)), wire);
    replay.stop();
}

/// A text frame of fewer than 126 bytes; the client's are masked with zeros.
fn frame(dir: Dir, said: &str) -> What {
    let mask: &[u8] = if dir == Dir::Out { &[0; 4] } else { &[] };
    let length = said.len() as u8 | if dir == Dir::Out { 0x80 } else { 0 };
    What::Bytes(dir, Bytes::from([&[0x81, length][..], mask, said.as_bytes()].concat()))
}

#[test]
fn an_answer_follows_its_question_however_long_the_recorded_client_thought() {
    let hour = 3_600_000_000_000;
    let asked = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let recorded = written(&[
        (0, 1, opening(None)),
        (1, 1, bytes(Dir::Out, asked)),
        (2, 1, bytes(Dir::In, agreed)),
        (3, 1, frame(Dir::In, "ask me")),
        (hour, 1, frame(Dir::Out, "why")),
        (hour + 1_000_000, 1, frame(Dir::In, "because")),
    ]);
    let replay = recorded.replay(&["--pace", "client"]);
    let told = crate::node::node("socket.mjs", &[&replay.ws("/ws"), "text=why", "close-after=2"], None).finish();
    assert!(told.out.contains("ask me") && told.out.contains("because"), "{told:#?}");
    replay.stop();
    assert_eq!(recorded.told(), Vec::<String>::new());
}

#[test]
fn a_client_that_leaves_early_is_told_of() {
    let recorded = written(&[
        (0, 1, opening(None)),
        (1, 1, bytes(Dir::Out, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")),
        (2, 1, bytes(Dir::In, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")),
        (DAY_NS, 1, bytes(Dir::In, "def")),
    ]);
    let replay = recorded.replay(&[]);
    let mut stream = crate::raw::connect(&replay);
    std::io::Write::write_all(&mut stream, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let mut some = [0; 41];
    std::io::Read::read_exact(&mut stream, &mut some).expect("the first half");
    stream.shutdown(std::net::Shutdown::Write).expect("left");
    assert_eq!(crate::raw::read_all(&mut stream), b"");
    replay.stop();
    let told = recorded.told();
    assert!(told.iter().any(|text| text.contains("left after 41 of 44 recorded bytes")), "{told:#?}");
}
