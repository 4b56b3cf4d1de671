//! The standards' own examples, as their readers would see them in a recording. They need no vectors.

mod recording;

use pushscope::dissect::{Explained, Flags, Kind, Severity};
use pushscope::wire::Dir;
use recording::{field_bytes, requests, tell};

/// What is said of an answer to a GET; the head's lines end with LF here.
fn answer(head: &str, body: &[u8]) -> (Vec<Explained>, Vec<u8>) {
    let answer = [head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat();
    (tell(&[(Dir::Out, &requests("GET", 1)), (Dir::In, &answer)]), answer)
}

fn of_kind(told: &[Explained], kind: Kind) -> Vec<&Explained> {
    told.iter().filter(|explained| explained.record.kind == kind && explained.record.dir == Dir::In).collect()
}

/// The messages of a kind: whether they are complete, and what they say.
fn messages(told: &[Explained], kind: Kind) -> Vec<(bool, String)> {
    let says =
        |e: &&Explained| (!e.record.flags.has(Flags::INCOMPLETE), String::from_utf8_lossy(&e.payload).into_owned());
    of_kind(told, kind).iter().filter(|e| e.record.flags.has(Flags::MESSAGE)).map(says).collect()
}

fn whole(texts: &[&str]) -> Vec<(bool, String)> {
    texts.iter().map(|text| (true, (*text).to_owned())).collect()
}

fn texts(explained: &Explained, wire: &[u8], key: &str) -> Vec<String> {
    field_bytes(explained, wire, key).into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

fn notes(told: &[Explained]) -> Vec<&'static str> {
    told.iter().flat_map(|explained| &explained.notes).map(|note| note.def.key).collect()
}

const SSE: &str = "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nConnection: close";

#[test]
fn rfc_9110_3_9_a_message_exchange() {
    let request = "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\n\
                   Accept-Language: en, mi\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nServer: Apache\r\n\
                  Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\nETag: \"34aa387-d-1568eb00\"\r\n\
                  Accept-Ranges: bytes\r\nContent-Length: 51\r\nVary: Accept-Encoding\r\n\
                  Content-Type: text/plain\r\n\r\nHello World! My content includes a trailing CRLF.\r\n";
    let told = tell(&[(Dir::Out, request.as_bytes()), (Dir::In, answer.as_bytes())]);
    assert!(notes(&told).is_empty(), "{:?}", notes(&told));
    assert_eq!(texts(&told[0], request.as_bytes(), "http.request.target"), ["/hello.txt"]);
    assert_eq!(texts(&told[1], answer.as_bytes(), "http.header.value")[3], "\"34aa387-d-1568eb00\"");
    let body = &messages(&told, Kind::HttpBody)[0];
    assert_eq!(body.1, "Hello World! My content includes a trailing CRLF.\r\n");
}

#[test]
fn rfc_9112_7_1_chunks_with_extensions_and_trailers() {
    let body = b"4;ieof\r\nWiki\r\n6;a=1;b=\"two; \\\"3\\\"\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n\
                 0;last\r\nExpires: Wed, 21 Oct 2015 07:28:00 GMT\r\nX-Sum: 7\r\n\r\n";
    let head = "HTTP/1.1 200 OK\nContent-Type: application/x-wiki\nTransfer-Encoding: chunked\nTrailer: Expires";
    let (told, wire) = answer(head, body);
    assert_eq!(messages(&told, Kind::HttpBody), whole(&["Wikipedia in \r\n\r\nchunks."]));
    let chunks = of_kind(&told, Kind::HttpChunk);
    assert_eq!(chunks.iter().map(|chunk| chunk.record.payload_len).collect::<Vec<_>>(), [4, 6, 14, 0]);
    assert_eq!(texts(chunks[1], &wire, "http.chunk.extension"), [";a=1;b=\"two; \\\"3\\\"\""]);
    let trailers = of_kind(&told, Kind::HttpTrailers);
    assert_eq!(texts(trailers[0], &wire, "http.header.name"), ["Expires", "X-Sum"]);
    assert!(notes(&told).is_empty(), "{:?}", notes(&told));
    for bad in ["1;\r\na", "1; =b\r\na", "1;a=\r\na", "1;a=\"b\r\na", "1;a b\r\na"] {
        let (told, _) = answer(head, format!("{bad}\r\n0\r\n\r\n").as_bytes());
        assert_eq!(notes(&told), ["http.chunk-extension-invalid"], "{bad:?}");
    }
}

#[test]
fn rfc_9112_5_2_a_folded_value_is_one_value() {
    let head = "HTTP/1.1 200 OK\nContent-Length: 0\nX-Folded: one,\n  two,\n\tthree\nServer: a";
    let (told, wire) = answer(head, b"");
    let head = of_kind(&told, Kind::HttpResponse)[0];
    assert_eq!(texts(head, &wire, "http.header.name"), ["Content-Length", "X-Folded", "Server"]);
    assert_eq!(texts(head, &wire, "http.header.value")[1], "one,\r\n  two,\r\n\tthree");
    assert_eq!(notes(&told), ["http.folded"]);
    assert_eq!(head.record.worst, Severity::Error);
}

#[test]
fn rfc_9112_9_6_nothing_follows_a_close() {
    let one = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let answers = format!("{one}{one}");
    let told = tell(&[(Dir::Out, &requests("GET", 2)), (Dir::In, answers.as_bytes())]);
    assert_eq!(notes(&told), ["http.after-close"]);
    let kept = one.replace("1.1", "1.0").replace("close", "Keep-Alive");
    let told = tell(&[(Dir::Out, &requests("GET", 2)), (Dir::In, format!("{kept}{kept}\r\n").as_bytes())]);
    assert_eq!(notes(&told), ["http.stray-empty-lines"]);
}

#[test]
fn rfc_9110_7_8_bytes_behind_an_upgrade_wait_for_its_own_answer() {
    let out = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n\u{1}";
    let inward = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let told = tell(&[(Dir::Out, out.as_bytes()), (Dir::In, inward.as_bytes()), (Dir::Out, b"\x80\0\0\0\0")]);
    assert!(told.iter().any(|e| e.record.kind == Kind::WsFrame && e.record.start + 1 == out.len() as u64));
    assert!(notes(&told).contains(&"http.early-bytes"));
}

#[test]
fn whatwg_html_9_2_6_examples() {
    for (stream, events) in [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", whole(&["YHOO\n+2\n10"])),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            whole(&["first event", "second event", " third event"]),
        ),
        ("data\n\ndata\ndata\n\ndata:", vec![(true, String::new()), (true, "\n".to_owned()), (false, String::new())]),
        ("data:test\n\ndata: test\n\n", whole(&["test", "test"])),
        (
            "data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n",
            whole(&["This is the first message.", "This is the second message, it\nhas two lines."]),
        ),
    ] {
        for body in
            [stream.to_owned(), stream.replace('\n', "\r\n"), stream.replace('\n', "\r"), format!("\u{feff}{stream}")]
        {
            let (told, _) = answer(SSE, body.as_bytes());
            assert_eq!(messages(&told, Kind::SseEvent), events, "{body:?}");
        }
    }
}

#[test]
fn whatwg_html_9_2_events_have_types_and_ids() {
    let stream =
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\n: why\ndata: 113411\nid: 7\n\n";
    let (told, wire) = answer(SSE, stream.as_bytes());
    let events = of_kind(&told, Kind::SseEvent);
    let types: Vec<String> = events.iter().flat_map(|event| texts(event, &wire, "sse.event")).collect();
    assert_eq!(types, ["add", "remove", "add"]);
    assert_eq!(texts(events[2], &wire, "sse.id"), ["7"]);
    // A comment inside an event is shown with it, and is no part of what it says.
    assert_eq!(texts(events[2], &wire, "sse.comment"), ["why"]);
    assert_eq!(events[2].payload, b"113411");
}

#[test]
fn bad_utf8_is_found_at_its_byte() {
    let (told, wire) = answer(SSE, b"\xef\xbb\xbfdata: a\n\n: x\r\n\r\ndata: b\xffc\r\rdata: \xc3\n\n");
    let found: Vec<(u64, u64)> = told
        .iter()
        .flat_map(|explained| &explained.notes)
        .filter(|note| note.def.key == "text.bad-utf8")
        .map(|note| (note.span.start_byte(), note.span.end_byte()))
        .collect();
    let at = |byte: u8| wire.iter().position(|found| *found == byte).expect("byte") as u64;
    assert_eq!(found, [(at(0xff), at(0xff) + 1), (at(0xc3), at(0xc3) + 1)]);
}

#[test]
fn rfc_2046_5_1_1_the_simple_boundary() {
    let body = "This is the preamble.  It is to be ignored, though it\n\
                is a handy place for composition agents to include an\n\
                explanatory note to non-MIME conformant readers.\n\n\
                --simple boundary\n\n\
                This is implicitly typed plain US-ASCII text.\nIt does NOT end with a linebreak.\n\
                --simple boundary\nContent-type: text/plain; charset=us-ascii\n\n\
                This is explicitly typed plain US-ASCII text.\nIt DOES end with a linebreak.\n\n\
                --simple boundary--\n\nThis is the epilogue.  It is also to be ignored.\n"
        .replace('\n', "\r\n");
    let head = "HTTP/1.1 200 OK\nContent-Type: multipart/mixed; boundary=\"simple boundary\"";
    let (told, wire) = answer(head, body.as_bytes());
    let parts = [
        "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.",
        "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n",
    ];
    assert_eq!(messages(&told, Kind::Part), whole(&parts));
    let all = of_kind(&told, Kind::Part);
    let names: Vec<String> = all.iter().flat_map(|part| texts(part, &wire, "http.header.name")).collect();
    assert_eq!(names, ["Content-type"]);
    assert!(notes(&told).is_empty(), "{:?}", notes(&told));
}

#[test]
fn rfc_2046_a_part_s_head_is_not_held_without_end() {
    let head = "HTTP/1.1 200 OK\nContent-Type: multipart/mixed; boundary=b";
    for filler in ["x".repeat(40_000), "a: b\r\n".repeat(5_000), format!("{}\r\n\r\nbody", "x".repeat(16 * 1024 - 20))]
    {
        let body = format!("--b\r\n{filler}\r\n--b\r\nA: b\r\n\r\nend\r\n--b--\r\n");
        let (told, _) = answer(head, body.as_bytes());
        assert_eq!(messages(&told, Kind::Part).last(), Some(&(true, "end".to_owned())));
        assert_eq!(notes(&told).contains(&"part.head-long"), filler.len() > 16 * 1024);
    }
}

#[test]
fn rfc_7464_a_text_sequence_is_cut_by_its_separators() {
    let head = "HTTP/1.1 200 OK\nContent-Type: application/json-seq";
    let body = "\x1e{\"a\": 1}\n\x1e{\n  \"b\": \"\\\"}\n\"\n}\n\x1e\x1e[1,\n\x1etrue\n\x1e\"x\"";
    let (told, _) = answer(head, body.as_bytes());
    let lines = messages(&told, Kind::Line);
    let texts: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["{\"a\": 1}", "{\n  \"b\": \"\\\"}\n\"\n}", "[1,\n", "true", "\"x\""]);
    assert_eq!(lines.iter().map(|line| line.0).collect::<Vec<_>>(), [true, true, false, true, false]);
    assert_eq!(notes(&told), ["line.truncated", "line.no-end"]);
}
