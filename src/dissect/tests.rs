//! The laws over whole links, and stories of what the timeline shows.

use super::laws::{self, LINK, Script};
use super::{Dissector, Explained, Flags, Kind};
use crate::wire::Dir;
use proptest::prelude::*;

fn told(script: &Script) -> Vec<Explained> {
    let dissector = Dissector::http1(LINK);
    laws::split_invariance(&dissector, script, &[7, 64, 3]);
    laws::tiling(&dissector, script);
    laws::explain(&dissector, script, &[usize::MAX])
}

/// A GET, and an answer with this head (no empty line) and body.
fn answer(head: &str, body: &[u8]) -> Script {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    let answer = [head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat();
    vec![(Dir::Out, request), (Dir::In, answer)]
}

fn messages(told: &[Explained]) -> Vec<(Kind, String)> {
    let says = |e: &Explained| (e.record.kind, String::from_utf8_lossy(&e.payload).into_owned());
    let is_message = |e: &&Explained| e.record.flags.has(Flags::MESSAGE) && e.record.payload_len > 0;
    told.iter().filter(is_message).map(says).collect()
}

fn notes(told: &[Explained]) -> Vec<&'static str> {
    told.iter().flat_map(|explained| &explained.notes).map(|note| note.def.key).collect()
}

fn chunked(chunks: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in chunks {
        body.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
    }
    body.extend(b"0\r\n\r\n");
    body
}

const SSE: &str = "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked";

#[test]
fn an_event_cut_across_two_chunks_is_one_event_joined() {
    let told = told(&answer(SSE, &chunked(&["data: {\"te", "xt\":1}\n\n", ": hi\n\n"])));
    assert_eq!(messages(&told), [(Kind::SseEvent, "{\"text\":1}".to_owned()), (Kind::SseComment, "hi".to_owned())]);
    let event = told.iter().find(|e| e.record.kind == Kind::SseEvent).unwrap();
    assert_eq!(event.made[0].label, "joined");
    assert_eq!(event.made[0].from.len(), 2);
    let body = told.iter().find(|e| e.record.kind == Kind::HttpBody).unwrap();
    assert_eq!(body.record.payload_len, 24);
}

#[test]
fn ten_events_in_one_chunk_are_ten_events() {
    let told = told(&answer(SSE, &chunked(&["data:x\n\n".repeat(10).as_str()])));
    assert_eq!(messages(&told).len(), 10);
}

#[test]
fn a_lone_cr_dispatches_at_once_where_lines_end_with_cr() {
    let dissector = Dissector::http1(LINK);
    let mut script = answer("HTTP/1.0 200 OK\nContent-Type: text/event-stream", b"data: a\r\r");
    told(&script);
    let told_records = {
        let mut subject = dissector.clone();
        let mut out = super::Summary::default();
        for (dir, bytes) in script.drain(..) {
            subject.feed(dir, &bytes, &mut out);
        }
        out.records
    };
    assert_eq!(told_records.last().map(|record| record.kind), Some(Kind::SseEvent));
}

#[test]
fn crlf_events_keep_their_own_line_ends() {
    let told = told(&answer(SSE, &chunked(&["data: a\r\n\r\n", "event: b\r\ndata\r\ndata: c\r\n\r\n"])));
    assert_eq!(messages(&told), [(Kind::SseEvent, "a".to_owned()), (Kind::SseEvent, "\nc".to_owned())]);
    assert!(told.iter().all(|explained| explained.made.is_empty()), "no event reaches into another chunk");
}

#[test]
fn events_follow_the_standard() {
    let stream = "\u{feff}: a\nretry: 3000\n\nid: 7\n\nid: a\0b\ndata: x\n\nretry: 1s\ndata\n\nfoo: 1\ndata: last";
    let told = told(&answer(SSE, &chunked(&[stream])));
    let kinds: Vec<Kind> = laws::kinds(&told).into_iter().filter(|kind| kind.name().starts_with("sse")).collect();
    assert_eq!(
        kinds,
        [Kind::SseComment, Kind::SseRetry, Kind::SseEvent, Kind::SseEvent, Kind::SseEvent, Kind::SseEvent]
    );
    let keys = ["sse.no-data", "sse.id-nul", "sse.retry-invalid", "sse.unknown-field", "sse.discarded"];
    assert_eq!(notes(&told), keys);
}

#[test]
fn an_unlabelled_stream_is_read_by_its_first_line() {
    for (body, kind) in [
        ("data: a\n\n", Kind::SseEvent),
        ("\r\n{\"a\":1}\r\n{\"a\":2}\r\n", Kind::Line),
        ("plain words\nmore\n", Kind::Line),
    ] {
        let told = told(&answer("HTTP/1.1 200 OK", body.as_bytes()));
        assert_eq!(messages(&told)[0].0, kind, "{body:?}");
    }
    let html = told(&answer("HTTP/1.1 200 OK\nContent-Type: text/html", b"data: wrong label\n\n"));
    assert_eq!(messages(&html)[0].0, Kind::SseEvent);
    let json = told(&answer("HTTP/1.1 200 OK\nContent-Type: application/json", b"{\n \"a\": 1\n}\n"));
    assert_eq!(messages(&json), [(Kind::HttpBody, "{\n \"a\": 1\n}\n".to_owned())]);
}

#[test]
fn binary_chunks_without_a_label_are_shown_as_they_come() {
    let mut body = b"3\r\n\x00\x01\x02\r\n".to_vec();
    body.extend(b"0\r\n\r\n");
    let head = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Type: application/octet-stream";
    let told = told(&answer(head, &body));
    assert!(laws::kinds(&told).contains(&Kind::HttpChunk));
}

#[test]
fn parts_are_told_when_they_have_come() {
    let body = "--b\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n\
                --b\r\nContent-Type: text/plain\r\n\r\nwor\r\nld\r\n--b--\r\nepilogue";
    let head = "HTTP/1.1 200 OK\nContent-Type: multipart/x-mixed-replace; boundary=\"b\"";
    let script = answer(head, body.as_bytes());
    let told = told(&script);
    assert_eq!(messages(&told), [(Kind::Part, "hello".to_owned()), (Kind::Part, "wor\r\nld".to_owned())]);
}

#[test]
fn framing_ends_bodies_where_the_standard_says() {
    let script = vec![
        (Dir::Out, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\nPOST /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi".to_vec()),
        (Dir::In, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes".to_vec()),
    ];
    let told = told(&script);
    assert_eq!(messages(&told).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["hi", "yes"]);
    assert!(notes(&told).is_empty(), "{:?}", notes(&told));
}

#[test]
fn broken_framing_is_named_and_the_rest_shown() {
    let head = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Type: text/plain";
    for (body, note) in [
        ("ffffffffffffffffffffffffffffffffffffffff\r\nabc", "http.chunk-size-huge"),
        ("zz\r\nabc", "http.chunk-size-invalid"),
        ("3\r\nabcdef\r\n0\r\n\r\n", "http.chunk-end-missing"),
        ("5\r\nab", "http.ended-in-body"),
        ("2\r\nab\r\n", "http.no-last-chunk"),
    ] {
        let told = told(&answer(head, body.as_bytes()));
        assert!(notes(&told).contains(&note), "{body:?}: {:?}", notes(&told));
    }
}

#[test]
fn garbage_is_a_gap_with_a_reason() {
    let told = told(&vec![(Dir::In, b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]);
    assert_eq!(laws::kinds(&told), [Kind::Gap]);
    assert_eq!(notes(&told), ["http.not-http"]);
}

#[test]
fn an_upgrade_hands_the_rest_to_websocket() {
    let script = vec![
        (
            Dir::Out,
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x80\0\0\0\0".to_vec(),
        ),
        (Dir::In, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi\x88\x00".to_vec()),
    ];
    let told = told(&script);
    assert!(messages(&told).contains(&(Kind::WsText, "hi".to_owned())));
    assert!(laws::kinds(&told).contains(&Kind::WsClose));
}

fn arbitrary_body() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "data: あ\n",
        "data\n",
        "data:x\r\n",
        "\r\n",
        "\n",
        "\r",
        ": c\n",
        "id: 1\r",
        "event: e\n",
        "retry: 5\n",
        "{\"a\":1}\n",
        "{",
        "--b\r\n",
        "--b--\r\n",
        "--b",
        "Content-Length: 2\r\n",
        "\u{feff}",
        "ab",
        "\0",
        "\u{1e}",
        "\"\\",
        "[",
        "]",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

fn arbitrary_answer() -> impl Strategy<Value = Script> {
    let types = prop::sample::select(vec![
        "",
        "text/event-stream",
        "application/x-ndjson",
        "multipart/mixed; boundary=b",
        "application/json",
        "application/json-seq",
        "text/plain",
    ]);
    let sizes = prop::collection::vec(1usize..9, 1..5);
    (arbitrary_body(), types, 0..3, sizes, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2))
        .prop_map(|(body, content_type, framing, sizes, damage)| {
            let mut head = format!("HTTP/1.1 200 OK\nContent-Type: {content_type}");
            let body = match framing {
                0 => body,
                1 => {
                    head += &format!("\nContent-Length: {}", body.len());
                    body
                }
                _ => {
                    head += "\nTransfer-Encoding: chunked";
                    let mut rest = body.as_slice();
                    let mut framed = Vec::new();
                    let mut sizes = sizes.iter().cycle();
                    while !rest.is_empty() {
                        let (now, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                        framed.extend(format!("{:x};e=1\r\n", now.len()).into_bytes());
                        framed.extend(now);
                        framed.extend(b"\r\n");
                        rest = later;
                    }
                    framed.extend(b"0\r\nX-Trailer: 1\r\n\r\n");
                    framed
                }
            };
            let mut script = answer(&head, &body);
            for (index, byte) in damage {
                let bytes = &mut script[1].1;
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            script
        })
}

/// Both sides of a link with heads, bodies, upgrades and rubbish, pipelined as it comes.
fn arbitrary_conversation() -> impl Strategy<Value = Script> {
    let says = prop::sample::select(vec![
        (Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (Dir::Out, "HEAD / HTTP/1.0\nConnection: keep-alive, close\n\n"),
        (Dir::Out, "CONNECT a:1 HTTP/1.1\r\n\r\n"),
        (Dir::Out, "GET  /  HTTP/1.1 \r\nUpgrade: websocket\r\n\r\n"),
        (Dir::Out, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\r\nabc\r\n0\r\n\r\n"),
        (Dir::Out, "POST / HTTP/1.1\r\nContent-Length: 3\r\nX: a\r\n b\r\n\r\nabc"),
        (Dir::Out, "\r\n"),
        (Dir::Out, "\u{1}\u{2}"),
        (Dir::In, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (Dir::In, "HTTP/1.1  204\r\n\r\n"),
        (Dir::In, "HTTP/1.1 100 Continue\r\n\r\n"),
        (Dir::In, "HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n\r\ndata: a\n\n"),
        (Dir::In, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1 \n{\n1\n\n\n0\nA: b\n\n"),
        (Dir::In, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}hi"),
        (Dir::In, "\r"),
        (Dir::In, "\n"),
    ]);
    prop::collection::vec(says.prop_map(|(dir, text)| (dir, text.as_bytes().to_vec())), 0..8)
}

proptest! {
    #[test]
    fn laws_hold_for_conversations(script in arbitrary_conversation(), sizes in prop::collection::vec(1usize..40, 1..4)) {
        let dissector = Dissector::http1(LINK);
        laws::split_invariance(&dissector, &script, &sizes);
        laws::tiling(&dissector, &script);
    }

    #[test]
    fn laws_hold_for_answers_of_every_kind(script in arbitrary_answer(), sizes in prop::collection::vec(1usize..40, 1..4)) {
        let dissector = Dissector::http1(LINK);
        laws::split_invariance(&dissector, &script, &sizes);
        laws::tiling(&dissector, &script);
    }

    #[test]
    fn laws_hold_for_noise(bytes in prop::collection::vec(any::<u8>(), 0..300), dir in prop::bool::ANY) {
        let script = vec![(if dir { Dir::In } else { Dir::Out }, bytes)];
        let dissector = Dissector::http1(LINK);
        laws::split_invariance(&dissector, &script, &[5]);
        laws::tiling(&dissector, &script);
    }

    #[test]
    fn a_record_explained_alone_says_what_it_says_among_all(script in arbitrary_answer()) {
        let dissector = Dissector::http1(LINK);
        for explained in laws::explain(&dissector, &script, &[usize::MAX]) {
            let alone = laws::explain_only(&dissector, &script, &[11], explained.record);
            prop_assert_eq!(alone, Some(explained));
        }
    }
}
