//! Files from strangers: whatever they are, there is a sentence or a session, and never a panic.

use crate::recorded::{Recording, lines, messages, read, read_text, write};
use proptest::prelude::*;
use pushscope::interop::{InteropError, har};
use pushscope::session::Kind;
use pushscope::session::file::SessionWriter;
use serde_json::{Value, json};
use std::io::Write;

/// What is said of a file that cannot be read.
#[track_caller]
fn refused(text: &str) -> String {
    read_text(text.as_bytes()).expect_err("it is refused").to_string()
}

#[test]
fn what_is_no_har_is_refused_with_where() {
    for (text, mark) in [
        ("", "EOF"),
        ("nonsense", "line 1 column 2"),
        ("[]", "an object with the member `log`"),
        ("{}", "no member `log`"),
        (r#"{"log": 5}"#, "`log` to be an object"),
        (r#"{"log": {}}"#, "no member `entries`"),
        (r#"{"log": {"entries": {}}}"#, "`entries` to be a list"),
        (r#"{"log": {"entries": []}}"#, "its list of entries is empty"),
        ("\u{1f}\u{8b} no gzip", "a.har: no HAR that can be read"),
    ] {
        let said = refused(text);
        assert!(said.contains(mark), "{text}: {said}");
    }
    let deep = format!(r#"{{"log": {{"x": {0}{1}, "entries": {0}{1}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(refused(&deep).contains("cannot be understood"), "{}", refused(&deep));
}

/// A HAR with one entry that is whole, and others.
fn with(others: &[Value]) -> Value {
    let whole =
        json!({"startedDateTime": "2026-01-01T00:00:00Z", "request": {"method": "GET", "url": "http://a/whole"}});
    let entries = [others, &[whole]].concat();
    json!({"log": {"creator": {"name": "test"}, "entries": entries}})
}

#[test]
fn entries_that_are_nothing_are_left_out_and_counted() {
    let read = read(&with(&[
        json!(5),
        json!({}),
        json!({"request": {"url": 5}}),
        json!({"request": {"url": "nonsense", "method": "GET"}}),
        json!({"request": {"url": "http://a/", "method": "G E T"}, "response": {"status": 200}}),
        json!({"request": {"url": "http://a/", "method": "GET"}, "response": {"status": 1e99}}),
        json!({"request": {"url": "http://a/", "method": "GET"},
               "response": {"status": 200, "content": {"text": "!", "encoding": "base64"}}}),
        json!({"request": {"url": "chrome-extension://a/", "method": "GET"}}),
    ]));
    assert_eq!(read.report.written, 1);
    let [scheme, broken] = &read.report.remarks[..] else { panic!("{:#?}", read.report.remarks) };
    assert!(broken.starts_with("entries left out, since they cannot be understood: 7 (entry 1: "), "{broken}");
    assert!(broken.ends_with("; …)") && broken.contains("entry 2: missing field `request`"), "{broken}");
    assert!(scheme.contains("chrome-extension"), "{scheme}");
}

#[test]
fn a_file_that_breaks_off_is_read_as_far_as_it_goes() {
    let whole = with(&[json!({"request": {"url": "http://a/first", "method": "GET"}, "response": {"status": 204}})]);
    let text = whole.to_string();
    let read = read_text(&text.as_bytes()[..text.len() - 20]).unwrap();
    assert_eq!(lines(&read.session.0, Kind::HttpRequest), ["GET /first HTTP/1.1"]);
    assert!(
        read.report.remarks.iter().any(|remark| remark.contains("after entry 1: EOF")),
        "{:?}",
        read.report.remarks
    );
}

#[test]
fn header_values_cannot_become_headers_and_odd_times_are_said() {
    let read = read(&with(&[json!({
        "startedDateTime": "2026-01-01T00:00:00Z", "time": -1e308,
        "timings": {"send": 1e308, "wait": -5, "receive": null, "blocked": "x"},
        "request": {"method": "GET", "url": "http://a/x y", "httpVersion": "HTTP/1.1", "headers": [
            {"name": "X", "value": "1\r\nInjected: 2"}, {"name": "Bad name", "value": "1"}, {"name": ":path", "value": "/"}]},
        "response": {"status": 200, "statusText": "O\r\nK", "headers": [{"name": "Content-Length", "value": "-1"}],
                     "content": {"text": "body"}},
        "_webSocketMessages": [],
    })]));
    let session = &read.session.0;
    let head = String::from_utf8(session.wire(pushscope::wire::LinkId(1), pushscope::wire::Dir::Out, 0, 1000)).unwrap();
    assert_eq!(head, "GET /x%20y HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: Injected: 2\r\n\r\n");
    assert!(lines(session, Kind::HttpResponse)[0].starts_with("HTTP/1.1 200 O  K"));
    let bodies = messages(session, |kind| kind == Kind::HttpBody);
    assert_eq!(bodies[0].payload, b"body");
}

#[test]
fn messages_that_are_nothing_are_left_out_and_counted() {
    let message =
        |kind: &str, opcode: i64, data: &str| json!({"type": kind, "time": 1.0, "opcode": opcode, "data": data});
    let read = read(&with(&[json!({
        "startedDateTime": "2026-01-01T00:00:00Z",
        "request": {"method": "GET", "url": "ws://a/"},
        "_webSocketMessages": [
            message("send", 1, "good"), message("receive", 2, "no base64!"), message("x", 1, ""), 5, {"type": "send"},
            message("error", -1, "it broke"), {"type": "receive", "time": 1e300, "opcode": 2, "data": "AQ=="},
        ],
    })]));
    let session = &read.session.0;
    let came = messages(session, |kind| matches!(kind, Kind::WsText | Kind::WsBinary));
    assert_eq!(came.iter().map(|message| &message.payload[..]).collect::<Vec<_>>(), [&b"good"[..], &[1]]);
    let remarks = read.report.remarks.join("\n");
    assert!(
        remarks.contains("WebSocket messages left out, since their direction, opcode or data is missing or none: 4"),
        "{remarks}"
    );
    assert!(remarks.contains("WebSocket messages without a time that can be read"), "{remarks}");
    assert!(remarks.contains("opening handshakes of WebSockets with fields added"), "{remarks}");
    assert!(lines(session, Kind::Client).iter().any(|line| line.contains("the browser says: it broke")));
}

/// Written to a file as it is made: a HAR with a long WebSocket between short exchanges.
#[test]
fn what_is_too_long_for_memory_is_put_in_order_all_the_same() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("long.har");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let at = |ms: u64| 1_700_000_000.0 + ms as f64 / 1e3;
    write!(file, r#"{{"log":{{"entries":[{{"startedDateTime":"2023-11-14T22:13:20Z","request":{{"method":"GET","#)
        .unwrap();
    write!(file, r#""url":"ws://a/ws"}},"response":{{"status":101}},"_webSocketMessages":["#).unwrap();
    let (count, text) = (3000, "x".repeat(10_000));
    for ms in 0..count {
        let comma = if ms > 0 { "," } else { "" };
        write!(file, r#"{comma}{{"type":"receive","time":{},"opcode":1,"data":"{ms} {text}"}}"#, at(ms)).unwrap();
    }
    write!(file, "]}}").unwrap();
    for ms in (0..count).step_by(100) {
        let started = format!("2023-11-14T22:13:{:06.3}Z", 20.0 + ms as f64 / 1e3 + 0.000_5);
        write!(file, r#",{{"startedDateTime":"{started}","request":{{"method":"GET","url":"http://a/{ms}"}},"#)
            .unwrap();
        write!(file, r#""response":{{"status":204}}}}"#).unwrap();
    }
    write!(file, "]}}}}").unwrap();
    file.flush().unwrap();
    drop(file);
    let read = crate::recorded::read_file(&path).unwrap();
    let session = &read.session.0;
    let times: Vec<u64> = (0..session.records().len()).map(|id| session.at_ns(id)).collect();
    assert!(times.is_sorted(), "records come in the order of their times");
    let told = messages(session, |kind| kind == Kind::WsText);
    assert_eq!(told.len() as u64, count);
    assert!(told.iter().enumerate().all(|(ms, message)| message.payload.starts_with(format!("{ms} ").as_bytes())));

    // Stopped on its way, it leaves nothing.
    let other = folder.path().join("stopped.pushscope");
    for stop_at in [1, 20] {
        let mut writer = SessionWriter::create(&other, 0).unwrap();
        let mut looks = 0;
        let outcome = har::read(&path, &mut writer, &mut |_, _| {
            looks += 1;
            looks < stop_at
        });
        assert!(matches!(outcome, Err(InteropError::Stopped)), "{outcome:?}");
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

/// A HAR of everything that we write.
fn whole() -> Value {
    let mut recording = Recording::new();
    crate::written::conversation(&mut recording);
    write(&recording.0).0
}

/// Any JSON, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["", "base64", "websocket", "http://a/", "ws://[", "chunked", "101", "\r\n: \0é"])
            .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z_]{1,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The paths of all values in a document.
fn paths(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, inner)| paths(inner, format!("{path}/{at}"), found))
        }
        Value::Object(map) => map.iter().for_each(|(key, inner)| paths(inner, format!("{path}/{key}"), found)),
        _ => {}
    }
    found.push(path);
}

/// It is refused in a sentence, or becomes a session that can be looked at and written again.
fn survives(text: &[u8]) -> Result<(), TestCaseError> {
    match read_text(text) {
        Err(InteropError::Input(said) | InteropError::Nothing(said)) => {
            prop_assert!(said.len() < 2000, "{} bytes", said.len())
        }
        Err(other) => prop_assert!(false, "{}", other),
        Ok(read) => {
            let session = &read.session.0;
            let ids: Vec<usize> = (0..session.records().len()).collect();
            prop_assert_eq!(session.summaries(&ids).len(), ids.len());
            let written = crate::recorded::write_chosen(session, None);
            prop_assert!(written.is_ok() || matches!(written, Err(InteropError::Nothing(_))));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_value_in_place_of_any_other(changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4)) {
        let mut har = whole();
        for (at, value) in changes {
            let mut found = Vec::new();
            paths(&har, String::new(), &mut found);
            let path = &found[at.index(found.len())];
            if let Some(place) = har.pointer_mut(path) {
                *place = value;
            }
        }
        survives(har.to_string().as_bytes())?;
    }

    #[test]
    fn any_byte_in_place_of_any_other(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), end in any::<prop::sample::Index>()) {
        let mut text = whole().to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        survives(&text)?;
        survives(&text[..end.index(text.len())])?;
    }
}
