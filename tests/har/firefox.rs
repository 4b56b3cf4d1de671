//! Firefox's network monitor: a HAR that it saved of a page that pushes in every way, and one written by hand after the
//! shape of its `har-builder.js`, for what that page does not have: a time zone, `connect` without TLS in it, HTTP/2,
//! bodies that are left out.

use crate::peers::{Site, firefox_saves};
use crate::recorded::{errors, lines, messages, read_file, texts};
use pushscope::session::Kind;
use std::path::Path;
use tempfile::TempDir;

#[test]
fn a_har_that_firefox_saved_is_read() {
    let site = Site::start();
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("firefox.har");
    firefox_saves(&site.url("/"), &path);
    let read = read_file(&path).expect("a session");
    let session = &read.session.0;

    let wanted = [
        "GET / HTTP/1.1",
        "GET /poll?cursor=0 HTTP/1.1",
        "GET /poll?cursor=1 HTTP/1.1",
        "GET /poll?cursor=2 HTTP/1.1",
        "POST /form HTTP/1.1",
        "GET /packed HTTP/1.1",
        "GET /bytes HTTP/1.1",
        "GET /moved HTTP/1.1",
        "GET /last HTTP/1.1",
        // Nobody listened there.
        "GET / HTTP/1.1",
        "GET /sse HTTP/1.1",
        "GET /ws HTTP/1.1",
        "GET /the-end HTTP/1.1",
    ];
    let requests = lines(session, Kind::HttpRequest);
    assert_eq!(requests, wanted);
    assert_eq!(errors(session), [""; 0]);
    let (answers, failed) = (lines(session, Kind::HttpResponse), lines(session, Kind::Failed));
    assert_eq!(answers.len(), wanted.len() - 1);
    assert!(matches!(&failed[..], [one] if one.contains("no answer")), "{failed:?}");

    let bodies = messages(session, |kind| kind == Kind::HttpBody);
    let has = |body: &[u8]| bodies.iter().any(|message| message.payload == body);
    for body in [r#"{"cursor":"1"}"#, "a=1+2&b=%C3%BC", "got a=1+2&b=%C3%BC", "last"] {
        assert!(has(body.as_bytes()), "no body {body}");
    }
    assert!(has(&[0, 159, 146, 150, 255]));
    assert!(has(format!(r#"{{"many":"{}"}}"#, "あ".repeat(1000)).as_bytes()), "what was compressed");
    // The stream's body as it came, with its comment, although the page left it.
    assert_eq!(texts(session, Kind::SseEvent), ["first", "second\nof two lines", "こんにちは", r#"{"last":true}"#]);
    assert!(texts(session, Kind::SseComment).iter().any(|comment| comment.contains("a comment")));

    assert!(answers.iter().any(|line| line.contains("101")), "{answers:?}");
    for said in [
        "bodies given uncompressed, whose Content-Encoding is taken out: 1",
        "WebSockets without their messages, of which the HAR has no list: 1",
        "entries left out, since their addresses are not of HTTP or WebSocket: 1 (data)",
    ] {
        assert!(
            read.report.remarks.iter().any(|remark| remark.starts_with(said)),
            "{said}: {:#?}",
            read.report.remarks
        );
    }
}

#[test]
fn what_firefox_writes_beyond_that_is_read() {
    let read = read_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/har/firefox.har")).expect("a session");
    let session = &read.session.0;
    assert_eq!((read.report.written, errors(session)), (4, vec![]));
    assert_eq!(session.started_unix_ns, 1_772_355_600_000_000_000, "10:00 at +01:00 is 9:00");
    assert_eq!(
        lines(session, Kind::HttpRequest),
        ["GET / HTTP/1.1", "POST /search?lang=de HTTP/1.1", "GET /large.bin HTTP/1.1"]
    );
    // 30 ms of TCP and 40 of TLS: as the sum tells, Firefox has one beside the other.
    assert!(lines(session, Kind::Tcp)[0].contains("(70.0 ms)"), "{:?}", lines(session, Kind::Tcp));
    assert!(lines(session, Kind::Dns)[0].starts_with("shop.example is 203.0.113.7 (20.0 ms)"));
    let answer = (0..session.records().len()).find(|id| session.records()[*id].kind == Kind::HttpResponse).unwrap();
    assert_eq!(session.at_ns(answer), 150_000_000, "blocked, DNS, TCP, TLS, and 50 ms of waiting");

    let bodies = messages(session, |kind| kind == Kind::HttpBody);
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| &body.payload[..]).collect();
    assert_eq!(bodies, ["<title>Grüße</title>\n:-)".as_bytes(), b"q=two+w&b", b"\x89PNG"]);
    assert!(lines(session, Kind::Failed)[0].contains("no answer"));
    for said in [
        "exchanges of HTTP/2 or 3, written as HTTP/1.1: 1",
        "bodies given uncompressed, whose Content-Encoding is taken out: 1",
        "answers written without a body, since their content is not in the HAR: 1",
        "entries left out, since their addresses are not of HTTP or WebSocket: 1 (data)",
    ] {
        assert!(
            read.report.remarks.iter().any(|remark| remark.starts_with(said)),
            "{said}: {:#?}",
            read.report.remarks
        );
    }
}
