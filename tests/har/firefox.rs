//! A HAR of the shape that Firefox's network monitor writes (its `har-builder.js`): with a time zone, `connect` without
//! TLS in it, bodies that may be left out. It was written by hand after that shape, not by a Firefox.

use crate::recorded::{errors, lines, messages, read_file};
use pushscope::session::Kind;
use std::path::Path;

#[test]
fn what_firefox_writes_is_read() {
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
