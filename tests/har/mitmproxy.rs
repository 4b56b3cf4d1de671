//! mitmproxy's `hardump`: an event stream to curl and a WebSocket to Node through it, and what it saved of them.

use crate::peers::{Mitmdump, Site, curl, socket};
use crate::recorded::{errors, lines, messages, read_file, texts};
use pushscope::session::Kind;
use pushscope::wire::Dir;
use tempfile::TempDir;

#[test]
fn a_har_that_mitmproxy_saved_is_read() {
    saved("hardump.har");
}

#[test]
fn so_is_a_compressed_one() {
    saved("hardump.zhar");
}

#[track_caller]
fn saved(name: &str) {
    let site = Site::start();
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    let mut mitmdump = Mitmdump::start(&format!("reverse:{}", site.url("")), folder.path(), &path);
    let stream = curl(&[&mitmdump.url("http", "/sse?end")]);
    curl(&["--compressed", &mitmdump.url("http", "/packed")]);
    curl(&["-d", "a=1&b=%C3%BC", &mitmdump.url("http", "/form")]);
    let said = socket(&mitmdump.url("ws", "/ws"), &["text=hello", "binary=AQL/", "close-after=4"]);
    assert_eq!(
        said.lines().filter(|line| line.contains(r#""text""#) || line.contains(r#""binary""#)).count(),
        4,
        "{said}"
    );
    mitmdump.end();

    let read = read_file(&path).expect("a session");
    let session = &read.session.0;
    assert_eq!((read.report.written, errors(session)), (4, vec![]));
    let requests = lines(session, Kind::HttpRequest);
    assert_eq!(
        requests,
        ["GET /sse?end", "GET /packed", "POST /form", "GET /ws"].map(|line| format!("{line} HTTP/1.1"))
    );

    // The stream that curl got, whole.
    let body = messages(session, |kind| kind == Kind::SseEvent || kind == Kind::SseComment);
    let events = texts(session, Kind::SseEvent);
    assert_eq!(events, ["first", "second\nof two lines", "こんにちは", r#"{"last":true}"#]);
    assert!(stream.starts_with(": a comment") && body[0].kind == Kind::SseComment, "{body:?}");
    let bodies = texts(session, Kind::HttpBody);
    assert!(bodies.contains(&format!(r#"{{"many":"{}"}}"#, "あ".repeat(1000))), "what was compressed");
    assert!(bodies.contains(&"got a=1&b=%C3%BC".to_owned()));

    let messages = messages(session, |kind| matches!(kind, Kind::WsText | Kind::WsBinary));
    let of = |dir: Dir| -> Vec<Vec<u8>> {
        messages.iter().filter(|message| message.dir == dir).map(|message| message.payload.clone()).collect()
    };
    assert_eq!(of(Dir::Out), [b"hello".to_vec(), vec![1, 2, 255]]);
    assert_eq!(of(Dir::In), [b"welcome".to_vec(), vec![0, 1, 254], b"hello".to_vec(), vec![1, 2, 255]]);
    let remarks = &read.report.remarks;
    assert!(remarks.iter().any(|remark| remark.starts_with("bodies given uncompressed")), "{remarks:?}");
}
