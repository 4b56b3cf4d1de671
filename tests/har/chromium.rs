//! Chromium's developer tools: a HAR that they saved is read, and one that we wrote is read by them.

use crate::peers::{Site, chromium_reads, chromium_saves};
use crate::recorded::{Recording, entry, errors, lines, messages, read_file, texts, write};
use pushscope::session::Kind;
use pushscope::wire::{Act, Dir, LinkId, What};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn a_har_that_chromium_saved_is_read() {
    let site = Site::start();
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("chromium.har");
    chromium_saves(&site.url("/"), &path);
    let har: Value = serde_json::from_slice(&std::fs::read(&path).expect("a HAR")).expect("JSON");
    let read = read_file(&path).expect("a session");
    let session = &read.session.0;

    // Every request, with its answer, in the order of their times.
    let requests = lines(session, Kind::HttpRequest);
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
        "GET /sse HTTP/1.1",
        "GET /ws HTTP/1.1",
        "GET /the-end HTTP/1.1",
    ];
    assert_eq!(requests, wanted);
    assert_eq!(lines(session, Kind::HttpResponse).len(), wanted.len());
    assert_eq!(errors(session), [""; 0]);
    // What nobody listened to was never sent.
    let failed = lines(session, Kind::Failed);
    assert!(
        matches!(&failed[..], [one] if one.contains("ERR_CONNECTION_REFUSED") && one.starts_with("TCP")),
        "{failed:?}"
    );

    // Bodies as the site sent them: text, a form, what was compressed, bytes.
    let bodies = messages(session, |kind| kind == Kind::HttpBody);
    let has = |body: &[u8]| bodies.iter().any(|message| message.payload == body);
    for body in [r#"{"cursor":"1"}"#, "a=1+2&b=%C3%BC", "got a=1+2&b=%C3%BC", "last"] {
        assert!(has(body.as_bytes()), "no body {body}");
    }
    assert!(has(&[0, 159, 146, 150, 255]));
    assert!(has(format!(r#"{{"many":"{}"}}"#, "あ".repeat(1000)).as_bytes()), "what was compressed");

    // The events that the page saw, each at its time. Chromium keeps no body of a stream that the page left.
    let events = texts(session, Kind::SseEvent);
    assert_eq!(events, ["first", "second\nof two lines", "こんにちは", r#"{"last":true}"#]);
    let listed = entry(&har, "/sse")["_eventSourceMessages"].as_array().expect("events").clone();
    let came = messages(session, |kind| kind == Kind::SseEvent);
    assert_eq!(came.len(), listed.len());
    for (event, listed) in came.iter().zip(&listed) {
        assert_near(event.unix_ns, listed["time"].as_f64().expect("a time"));
    }
    // Of an event without an ID, Chromium names the ID that is in force.
    let ids: Vec<&Value> = listed.iter().map(|event| &event["eventId"]).collect();
    assert_eq!(ids, ["1", "1", "3", "3"]);

    // Messages of the WebSocket, without ping, pong and close, which Chromium does not keep.
    let long = "長い".repeat(40_000);
    let ours = messages(session, is_message);
    let sent: Vec<(Dir, &[u8])> = ours.iter().map(|message| (message.dir, &message.payload[..])).collect();
    let of =
        |dir: Dir| -> Vec<&[u8]> { sent.iter().filter(|(own, _)| *own == dir).map(|(_, payload)| *payload).collect() };
    assert_eq!(of(Dir::Out), [b"hello", &[1, 2, 255][..], long.as_bytes()]);
    assert_eq!(of(Dir::In), [b"welcome", &[0, 1, 254][..], b"hello", &[1, 2, 255], long.as_bytes()]);
    let listed = entry(&har, "/ws")["_webSocketMessages"].as_array().expect("messages").clone();
    assert!(listed.iter().all(|message| [1, 2].contains(&message["opcode"].as_u64().expect("an opcode"))), "only data");
    for (message, listed) in ours.iter().zip(&listed) {
        assert_near(message.unix_ns, listed["time"].as_f64().expect("a time"));
    }

    // What is not as it was on the wire is said on the link, and with its count.
    let said = acts(session);
    let about = |mark: &str| said.iter().filter(|text| text.contains(mark)).count();
    assert_eq!(about("Content-Encoding is taken out"), 1, "{said:#?}");
    assert_eq!(about("without comments and retry"), 1, "{said:#?}");
    let remarks = &read.report.remarks;
    assert!(
        remarks.iter().any(|remark| remark.starts_with("bodies given uncompressed") && remark.ends_with(": 1")),
        "{remarks:?}"
    );
    assert!(
        remarks
            .iter()
            .any(|remark| remark.starts_with("event streams written from the list") && remark.ends_with(": 1")),
        "{remarks:?}"
    );
    assert_eq!((read.report.written, read.report.of), (13, "entries"));

    // And again as a HAR: what Chromium wrote.
    let (again, _) = write(session);
    for end in ["/poll?cursor=2", "/form", "/packed", "/bytes", "/moved", "/ws"] {
        let (theirs, ours) = (entry(&har, end), entry(&again, end));
        for part in
            ["/request/method", "/request/url", "/request/postData/text", "/response/status", "/response/redirectURL"]
        {
            assert_eq!(theirs.pointer(part), ours.pointer(part), "{part} of {end}");
        }
        assert_eq!(theirs["request"]["queryString"], ours["request"]["queryString"], "{end}");
        let text = |entry: &Value| entry["response"]["content"]["text"].as_str().unwrap_or_default().to_owned();
        assert_eq!(text(theirs), text(ours), "{end}");
    }
    let frames = |har: &Value| -> Vec<Value> {
        let list = entry(har, "/ws")["_webSocketMessages"].as_array().expect("messages").clone();
        list.into_iter().map(|message| json!([message["type"], message["opcode"], message["data"]])).collect()
    };
    assert!(frames(&har) == frames(&again));
    assert_eq!(entry(&again, "/sse")["_resourceType"], "eventsource");
    assert_eq!(entry(&again, "/ws")["_resourceType"], "websocket");
}

#[test]
fn a_har_of_ours_is_read_by_chromium() {
    let mut recording = Recording::new();
    crate::written::conversation(&mut recording);
    let (har, _) = write(&recording.0);
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("ours.har");
    std::fs::write(&path, serde_json::to_vec(&har).expect("JSON")).expect("a file");
    let requests = chromium_reads(&path);
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(requests.len(), entries.len());
    for (request, entry) in requests.iter().zip(entries) {
        let url = &entry["request"]["url"];
        assert_eq!((&request["url"], &request["method"]), (url, &entry["request"]["method"]));
        assert_eq!(request["status"], entry["response"]["status"], "{url}");
        assert_eq!(request["type"], entry["_resourceType"], "{url}");
        let messages = entry["_webSocketMessages"].as_array().cloned().unwrap_or_default();
        assert_eq!(request["frames"], json!(messages), "{url}");
        let events = entry["_eventSourceMessages"].as_array().cloned().unwrap_or_default();
        assert_eq!(request["events"], json!(events), "{url}");
        let content = entry["response"]["content"]["text"].as_str().unwrap_or_default();
        // Content without a type is bytes to the developer tools.
        if entry["response"]["content"]["mimeType"] != "x-unknown" {
            assert_eq!(request["content"], content, "{url}");
        }
        let name = |fields: &Value| fields[0]["name"].clone();
        assert_eq!(name(&request["fields"]), name(&entry["response"]["headers"]), "{url}");
    }
    assert!(requests.iter().any(|request| request["frames"].as_array().is_some_and(|frames| frames.len() == 6)));
}

#[track_caller]
fn assert_near(unix_ns: i64, seconds: f64) {
    assert!((unix_ns as f64 / 1e9 - seconds).abs() < 0.001, "{unix_ns} is not {seconds}");
}

fn is_message(kind: Kind) -> bool {
    matches!(kind, Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong | Kind::WsClose)
}

/// What is said to have been noticed on the links.
fn acts(session: &pushscope::session::Session) -> Vec<String> {
    let facts = session.records().iter().filter_map(|record| session.fact(record));
    let noticed = facts.filter_map(|event| match &event.what {
        What::Client(act) if act.act == Act::Noticed && event.link != LinkId(0) => Some(act.text.clone()),
        _ => None,
    });
    noticed.collect()
}
