//! There and back again: a recording, its HAR, what is read of that, and its HAR.

use crate::recorded::{MS, Message, Recording, errors, messages, read, write};
use proptest::prelude::*;
use pushscope::session::{Kind, Session};
use pushscope::wire::{Closed, Connected, Dir, Failure, Stage, What};
use serde_json::Value;
use std::collections::BTreeSet;

/// Times that differ by no more are the same: a HAR's times are numbers with a fraction.
const SLACK_NS: i64 = 1_000_000;

/// What happens on a link.
#[derive(Clone, Debug)]
enum Talk {
    Exchange { method: &'static str, request: Vec<u8>, answer: Vec<u8>, framing: Framing, is_text: bool },
    Stream { events: Vec<(String, Vec<String>, Option<u16>)>, ends: bool, is_chunked: bool },
    Socket { messages: Vec<(bool, u8, Vec<u8>, bool)>, ends: bool },
    Unanswered { fails: bool },
    Refused,
    GivenUp,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunked(usize),
    Close,
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "\\PC{0,6}"]
}

fn talk() -> impl Strategy<Value = Talk> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let framing = prop_oneof![Just(Framing::Length), (1usize..9).prop_map(Framing::Chunked), Just(Framing::Close)];
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "HEAD"]);
    let event = ("[a-z]{0,4}", prop::collection::vec(line(), 1..3), prop::option::of(any::<u16>()));
    let message = (any::<bool>(), prop::sample::select(vec![1u8, 2, 8, 9, 10]), bytes(), any::<bool>());
    prop_oneof![
        4 => (method, bytes(), bytes(), framing, any::<bool>())
            .prop_map(|(method, request, answer, framing, is_text)| Talk::Exchange { method, request, answer, framing, is_text }),
        2 => (prop::collection::vec(event, 0..5), any::<bool>(), any::<bool>())
            .prop_map(|(events, ends, is_chunked)| Talk::Stream { events, ends, is_chunked }),
        3 => (prop::collection::vec(message, 0..8), any::<bool>()).prop_map(|(messages, ends)| Talk::Socket { messages, ends }),
        1 => any::<bool>().prop_map(|fails| Talk::Unanswered { fails }),
        1 => Just(Talk::Refused),
        1 => Just(Talk::GivenUp),
    ]
}

/// A clock that goes on by what it is told, so that no two things are at one time.
struct Clock(u64);

impl Clock {
    fn tick(&mut self) -> u64 {
        self.0 += 3 * MS + 777_777;
        self.0
    }
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(size) {
        bytes.extend(format!("{:X}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes
}

fn frame(is_sent: bool, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, payload.len() as u8];
    let mut payload = payload.to_vec();
    if is_sent {
        bytes[1] |= 0x80;
        bytes.extend([9, 8, 7, 6]);
        pushscope::dissect::unmask(&mut payload, [9, 8, 7, 6]);
    }
    bytes.extend(payload);
    bytes
}

/// Records a talk on a link of its own.
fn record(recording: &mut Recording, link: u32, talk: &Talk, clock: &mut Clock) {
    recording.open(link, clock.tick());
    if let Talk::Refused = talk {
        let (text, hint) = ("refused".to_owned(), String::new());
        let failure = Failure { stage: Stage::Tcp, text, hint, took_ns: 0, chain: vec![] };
        return recording.tell(link, clock.tick(), What::Failed(failure));
    }
    if let Talk::GivenUp = talk {
        let text = "net::ERR_ABORTED".to_owned();
        return recording.tell(link, clock.tick(), What::Closed(Closed { by: Dir::Out, text }));
    }
    let (remote, local) = ("203.0.113.7:80".parse().unwrap(), "192.0.2.1:50000".parse().unwrap());
    let took_ns = 2 * MS;
    recording.tell(link, clock.tick(), What::Connected(Connected { remote, local, failed: vec![], took_ns }));
    let close = |by| What::Closed(Closed { by, text: "over".to_owned() });
    match talk {
        Talk::Refused | Talk::GivenUp => {}
        Talk::Exchange { method, request, answer, framing, is_text } => {
            let kind = if *is_text { "application/json" } else { "image/png" };
            let answer =
                if *is_text { String::from_utf8_lossy(answer).into_owned().into_bytes() } else { answer.clone() };
            let length =
                if request.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", request.len()) };
            let head = format!("{method} /x{link}?a=1 HTTP/1.1\r\nHost: a.example\r\nX-A: {link}\r\n{length}\r\n");
            recording.out(link, clock.tick(), head);
            recording.out(link, clock.tick(), request);
            let (framed, body) = match framing {
                Framing::Length => (format!("Content-Length: {}\r\n", answer.len()), answer.clone()),
                Framing::Chunked(size) => {
                    ("Transfer-Encoding: chunked\r\n".to_owned(), [&chunked(&answer, *size)[..], b"0\r\n\r\n"].concat())
                }
                Framing::Close => (String::new(), answer.clone()),
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{framed}X-B: b\r\n\r\n");
            recording.came(link, clock.tick(), head);
            if *method != "HEAD" {
                recording.came(link, clock.tick(), body);
            }
            recording.tell(link, clock.tick(), close(Dir::In));
        }
        Talk::Stream { events, ends, is_chunked } => {
            recording.out(link, clock.tick(), format!("GET /sse{link} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
            let framed = if *is_chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framed}\r\n");
            recording.came(link, clock.tick(), head);
            for (name, lines, id) in events {
                let mut text = ": c\n\n".to_owned();
                text.extend((!name.is_empty()).then(|| format!("event: {name}\n")));
                text.extend(id.map(|id| format!("id: {id}\n")));
                text.extend(lines.iter().map(|line| format!("data: {line}\n")));
                text.push('\n');
                let bytes = if *is_chunked { chunked(text.as_bytes(), usize::MAX) } else { text.into_bytes() };
                recording.came(link, clock.tick(), bytes);
            }
            if *ends && *is_chunked {
                recording.came(link, clock.tick(), "0\r\n\r\n");
            }
            recording.tell(link, clock.tick(), close(if *ends { Dir::In } else { Dir::Out }));
        }
        Talk::Socket { messages, ends } => {
            let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
            let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
            let head = format!("GET /ws{link} HTTP/1.1\r\nHost: a.example\r\n{upgrade}{key}\r\n");
            recording.out(link, clock.tick(), head);
            let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
            recording.came(link, clock.tick(), format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}{accept}\r\n"));
            for (is_sent, opcode, payload, is_split) in messages {
                let payload = match opcode {
                    1 => String::from_utf8_lossy(payload).into_owned().into_bytes(),
                    8 => [&1000u16.to_be_bytes()[..], b"bye"].concat(),
                    _ => payload.clone(),
                };
                let at = clock.tick();
                let mut tell = |bytes: Vec<u8>| match is_sent {
                    true => recording.out(link, at, bytes),
                    false => recording.came(link, at, bytes),
                };
                let half = payload.len() / 2;
                if *is_split && *opcode < 8 {
                    tell(frame(*is_sent, *opcode, &payload[..half]));
                    tell(frame(*is_sent, 0x80, &payload[half..]));
                } else {
                    tell(frame(*is_sent, 0x80 | opcode, &payload));
                }
            }
            if *ends {
                recording.tell(link, clock.tick(), close(Dir::In));
            }
        }
        Talk::Unanswered { fails } => {
            recording.out(link, clock.tick(), format!("GET /none{link} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
            let (text, hint) = ("nothing within 2 s".to_owned(), String::new());
            let failure = Failure { stage: Stage::Answer, text, hint, took_ns: 0, chain: vec![] };
            recording.tell(link, clock.tick(), if *fails { What::Failed(failure) } else { close(Dir::Out) });
        }
    }
}

fn is_message(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, WsText | WsBinary | WsPing | WsPong | WsClose | SseEvent | SseComment | HttpBody)
}

/// What the two sides said: messages, events, bodies. Of a stream's body only its events matter.
fn said(session: &Session) -> Vec<Message> {
    let mut said = messages(session, is_message);
    said.retain(|message| message.kind != Kind::HttpBody || !message.payload.is_empty());
    said
}

fn same_time(one: i64, other: i64) -> bool {
    (one - other).abs() <= SLACK_NS
}

/// A number of a document, where -1 says as much as 0.
fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN).max(0.0)
}

fn unix_ns(value: &Value) -> i64 {
    let time: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
    time.as_nanosecond() as i64
}

/// Two HARs say the same of an exchange.
fn same_entry(one: &Value, other: &Value) -> Result<(), TestCaseError> {
    let parts = [
        "/request/method",
        "/request/url",
        "/request/httpVersion",
        "/request/headers",
        "/request/postData",
        "/request/queryString",
        "/request/headersSize",
        "/request/bodySize",
        "/response/status",
        "/response/statusText",
        "/response/httpVersion",
        "/response/headers",
        "/response/content",
        "/response/headersSize",
        "/response/bodySize",
        "/response/_error",
        "/serverIPAddress",
        "/connection",
        "/_resourceType",
    ];
    for part in parts {
        prop_assert_eq!(one.pointer(part), other.pointer(part), "{}", part);
    }
    prop_assert!(same_time(unix_ns(&one["startedDateTime"]), unix_ns(&other["startedDateTime"])));
    for time in ["blocked", "dns", "connect", "ssl", "send", "wait", "receive"] {
        let path = format!("/timings/{time}");
        let (one, other) = (number(one, &path), number(other, &path));
        prop_assert!((one - other).abs() <= 1.0, "{}: {} ms and {} ms", time, one, other);
    }
    for list in ["_webSocketMessages", "_eventSourceMessages"] {
        let none = Vec::new();
        let of = |entry: &'_ Value| entry[list].as_array().unwrap_or(&none).clone();
        let (one, other) = (of(one), of(other));
        prop_assert_eq!(one.len(), other.len(), "{}", list);
        for (one, other) in one.iter().zip(&other) {
            for part in ["type", "opcode", "data", "eventName", "eventId"] {
                prop_assert_eq!(&one[part], &other[part], "{} of {}", part, list);
            }
            prop_assert!((number(one, "/time") - number(other, "/time")).abs() < 0.001);
        }
    }
    Ok(())
}

fn there_and_back(talks: &[Talk]) -> Result<(), TestCaseError> {
    let (mut recording, mut clock) = (Recording::new(), Clock(0));
    for (at, talk) in talks.iter().enumerate() {
        record(&mut recording, at as u32 + 1, talk, &mut clock);
    }
    let first = &recording.0;
    let (har, report) = write(first);
    prop_assert_eq!(&report.remarks, &Vec::<String>::new());
    let read = read(&har);
    let second = &read.session.0;
    prop_assert_eq!(&read.report.remarks, &Vec::<String>::new());
    prop_assert_eq!(read.report.written, talks.len() as u64);
    let count = |session: &Session, kind: Kind| session.records().iter().filter(|record| record.kind == kind).count();
    for kind in [Kind::HttpRequest, Kind::HttpResponse, Kind::Failed, Kind::Closed] {
        // What was open at the end of the recording is closed by the HAR's silence.
        let open = if kind == Kind::Closed {
            talks.iter().filter(|talk| matches!(talk, Talk::Socket { ends: false, .. })).count()
        } else {
            0
        };
        prop_assert_eq!(count(first, kind) + open, count(second, kind), "{}", kind.name());
    }
    // A rule that each fragment of a message breaks is broken once by the whole of it.
    let broken = |session: &Session| errors(session).into_iter().collect::<BTreeSet<String>>();
    prop_assert_eq!(broken(first), broken(second));

    let (one, other) = (said(first), said(second));
    let plain = |said: &[Message]| -> Vec<(Kind, Dir, Vec<u8>)> {
        let mut plain: Vec<_> =
            said.iter().map(|message| (message.kind, message.dir, message.payload.clone())).collect();
        plain.sort_by_key(|(kind, dir, payload)| (*kind, *dir, payload.clone()));
        plain
    };
    prop_assert!(plain(&one) == plain(&other), "messages differ: {} and {}", one.len(), other.len());
    let timed = |said: &[Message]| -> Vec<(Kind, i64)> {
        let is_timed = |kind: Kind| kind != Kind::HttpBody && kind != Kind::SseComment;
        said.iter().filter(|message| is_timed(message.kind)).map(|message| (message.kind, message.unix_ns)).collect()
    };
    for ((kind, one), (other_kind, other)) in timed(&one).into_iter().zip(timed(&other)) {
        prop_assert_eq!(kind, other_kind);
        prop_assert!(same_time(one, other), "a {} at {} came at {}", kind.name(), one, other);
    }

    let (again, _) = write(second);
    let entries = |har: &Value| har["log"]["entries"].as_array().unwrap().clone();
    for (one, other) in entries(&har).iter().zip(entries(&again).iter()) {
        same_entry(one, other)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_recording_comes_back_from_its_har(talks in prop::collection::vec(talk(), 1..6)) {
        there_and_back(&talks)?;
    }
}
