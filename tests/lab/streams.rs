//! Each HTTP transport carries the feed and ends when it is told to.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::peers::{Running, connect, curl, start_curl, start_node};

const STREAMS: [&str; 6] = ["/stream", "/stream?framing=close", "/multipart", "/sse", "/sse10", "/lines"];

fn with(path: &str, query: &str) -> String {
    format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
}

/// The messages of a stream's body, as their client would have them.
pub fn messages(path: &str, body: &str) -> Vec<String> {
    if path.starts_with("/sse") {
        let events = body
            .split("\n\n")
            .map(|event| event.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>().join("\n"));
        events.filter(|data| !data.is_empty()).collect()
    } else if path.starts_with("/multipart") {
        let boundary = body.lines().next().unwrap();
        let parts: Vec<_> = body.split(boundary).collect();
        assert_eq!((parts[0], *parts.last().unwrap()), ("", "--\r\n"), "{body}");
        let inner = parts[1..parts.len() - 1].iter();
        inner.map(|part| part.split_once("\r\n\r\n").unwrap().1.trim_end_matches("\r\n").to_owned()).collect()
    } else {
        body.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

fn numbers(messages: &[String]) -> Vec<u64> {
    messages.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["n"].as_u64().unwrap()).collect()
}

pub fn assert_tweets(messages: &[String], where_from: &str) {
    let values: Vec<Value> = messages.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(values.len(), 3, "{where_from}: {messages:?}");
    assert_eq!((&values[0]["id"], &values[0]["text"]), (&json!(123), &json!("あいうえお")), "{where_from}");
    assert_eq!((&values[1]["id"], &values[1]["text"]), (&json!(456), &json!("今からこれふぁぼります")), "{where_from}");
    assert_eq!((&values[2]["event"], &values[2]["target_object"]["id"]), (&json!("favorite"), &json!(456)));
}

#[test]
fn curl_reads_every_stream_to_its_end() {
    let lab = Running::start();
    for path in STREAMS {
        let answered = curl(&[&lab.http(&with(path, "rate=0&count=7&size=150"))]);
        // curl says so (18, 56) if a body stops before its framing does.
        assert_eq!((answered.exit_code, answered.status()), (Some(0), 200), "{path}");
        let messages = messages(path, answered.text());
        assert_eq!(numbers(&messages), [1, 2, 3, 4, 5, 6, 7], "{path}");
        assert!(messages.iter().all(|text| text.len() == 150), "{path}");
        assert_eq!(answered.field("Access-Control-Allow-Origin"), Some("*"));
        let chunked = answered.field("Transfer-Encoding") == Some("chunked");
        assert_eq!(chunked, !path.contains("close") && path != "/sse10", "{path}");
        assert_eq!(answered.head.starts_with("HTTP/1.0"), path == "/sse10");
        assert_eq!(curl(&[&lab.http(&with(path, "count=0"))]).exit_code, Some(0), "{path}");
    }
}

#[test]
fn an_http_1_0_client_gets_no_chunks() {
    let lab = Running::start();
    let answered = curl(&["--http1.0", &lab.http("/stream?rate=0&count=2")]);
    assert_eq!(answered.field("Transfer-Encoding"), None);
    assert_eq!(numbers(&messages("/stream", answered.text())), [1, 2]);
}

#[test]
fn tweets_arrive_whole_over_every_stream() {
    let lab = Running::start();
    for path in STREAMS {
        let answered = curl(&[&lab.http(&with(path, "rate=50&scenario=tweets"))]);
        assert_eq!(answered.exit_code, Some(0), "{path}");
        assert_tweets(&messages(path, answered.text()), path);
    }
    let answered = curl(&[&lab.http("/poll?rate=0&scenario=tweets")]).json();
    let texts: Vec<_> = answered["messages"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_tweets(&texts, "/poll");
    assert_eq!(answered["done"], true);
}

#[test]
fn the_second_tweet_is_torn_after_its_first_character() {
    let lab = Running::start();
    for path in ["/stream", "/sse", "/multipart", "/lines"] {
        let raw = curl(&["--raw", &lab.http(&with(path, "rate=0&scenario=tweets"))]);
        let raw = raw.text();
        let (_, after) = raw.split_once("\"text\":\"今").unwrap();
        // The chunk ends, and another starts.
        let (size, data) = after.strip_prefix("\r\n").unwrap().split_once("\r\n").unwrap();
        assert!(usize::from_str_radix(size, 16).is_ok() && data.starts_with("からこれ"), "{path}: {raw}");
    }
}

#[test]
fn bytes_that_come_one_by_one_are_the_same_bytes() {
    let lab = Running::start();
    let mut torn: Vec<_> = STREAMS[1..]
        .iter()
        .map(|path| (*path, start_curl(&[&lab.http(&with(path, "rate=0&scenario=tweets&split=1"))])))
        .collect();
    torn.push(("/stream", start_curl(&[&lab.http("/stream?rate=0&scenario=tweets&split=7")])));
    for (path, peer) in torn {
        let answered = peer.finish();
        assert_eq!(answered.exit_code, Some(0), "{path}");
        assert_tweets(&messages(path, answered.text()), path);
    }
}

#[test]
fn a_split_answer_is_read_in_pieces() {
    let lab = Running::start();
    let mut stream = connect(lab.addr);
    stream.write_all(b"GET /stream?rate=0&count=1&split=2 HTTP/1.0\r\n\r\n").unwrap();
    let mut reads = 0;
    while stream.read(&mut [0; 4096]).unwrap() > 0 {
        reads += 1;
    }
    // Of about 200 writes; a busy machine may join some.
    assert!(reads > 50, "{reads}");
}

#[test]
fn lines_end_elsewhere_than_chunks() {
    let lab = Running::start();
    let raw = curl(&["--raw", &lab.http("/lines?rate=0&count=6")]);
    let chunks = raw.body.windows(2).filter(|pair| pair == b"\r\n").count() / 2;
    assert!(chunks >= 12, "{}", raw.text());
    let answered = curl(&[&lab.http("/lines?rate=0&count=6")]);
    assert!(answered.text().contains("}\r\n\r\n{\"n\":6"), "a blank keep-alive line: {}", answered.text());
}

#[test]
fn messages_come_on_time_and_heartbeats_between() {
    let lab = Running::start();
    let start = Instant::now();
    let answered = curl(&[&lab.http("/sse?rate=2.5&count=2&heartbeat=100&retry=1234")]);
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    let text = answered.text();
    assert!(text.starts_with("retry: 1234\n\nid: 1\n"), "{text}");
    assert!(text.matches(": heartbeat\n\n").count() >= 2, "{text}");
    let blank = curl(&[&lab.http("/lines?rate=2.5&count=2&heartbeat=100")]);
    assert!(blank.text().contains("}\r\n\r\n\r\n"), "{}", blank.text());
}

#[test]
fn sse_echoes_what_was_posted() {
    let lab = Running::start();
    let answered = curl(&[&lab.http("/sse?rate=0&count=1"), "--data-binary", "question\nof two lines"]);
    let expected = "event: request\ndata: question\ndata: of two lines\n\nid: 1\n";
    assert!(answered.text().contains(expected), "{}", answered.text());
}

#[test]
fn an_event_source_reconnects_after_the_last_event() {
    let lab = Running::start();
    let url = lab.http("/sse?rate=50&count=3&retry=10");
    let seen = start_node("events.mjs", &[&url, "8"]).json_lines();
    let ids: Vec<_> = seen.iter().filter(|each| each["type"] == "message").map(|each| each["id"].clone()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(seen.iter().filter(|each| each["type"] == "open").count(), 3, "{seen:?}");
}

#[test]
fn an_event_source_stops_at_the_end_of_the_feed() {
    let lab = Running::start();
    let url = lab.http("/sse?rate=50&scenario=tweets&retry=10&count=2");
    let seen = start_node("events.mjs", &[&url, "99"]).json_lines();
    let texts: Vec<_> = seen.iter().filter_map(|each| each["data"].as_str().map(str::to_owned)).collect();
    assert_tweets(&texts, "eventsource");
    let last = seen.last().unwrap();
    assert_eq!((&last["type"], &last["code"]), (&json!("closed"), &json!(204)));
}

#[test]
fn a_last_event_id_from_elsewhere_starts_anew() {
    let lab = Running::start();
    let answered = curl(&[&lab.http("/sse?rate=0&count=1"), "-H", "Last-Event-ID: abc"]);
    assert!(answered.text().starts_with(": the last event ID abc is none of this lab's"), "{}", answered.text());
    assert_eq!(numbers(&messages("/sse", answered.text())), [1]);
}

#[test]
fn a_long_poll_is_held_until_there_is_a_message() {
    let lab = Running::start();
    let start = Instant::now();
    let none = curl(&[&lab.http("/longpoll?scenario=quiet&hold=0.3")]);
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!((none.status(), none.field("X-Cursor"), none.field("Content-Length")), (204, Some("0"), None));
    let none = curl(&[&lab.http("/longpoll?scenario=quiet&hold=0&empty=200&cursor=4")]).json();
    assert_eq!(none, json!({"channel": "demo", "cursor": "4", "done": false, "messages": []}));

    // Each answer's cursor leads to the next one, and the last says that it is.
    let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let answered = curl(&[&lab.http(&format!("/longpoll?rate=10&count=5&cursor={cursor}"))]);
        let value = answered.json();
        seen.extend(value["messages"].as_array().unwrap().iter().map(|each| each["n"].as_u64().unwrap()));
        cursor = value["cursor"].as_str().unwrap().to_owned();
        assert_eq!(answered.field("X-Cursor"), Some(cursor.as_str()));
        if value["done"] == true {
            break;
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let over = curl(&[&lab.http("/longpoll?rate=10&count=5&cursor=5")]);
    assert_eq!((over.status(), over.field("X-Done")), (204, Some("true")));
    // The cursor of a feed that another lab began.
    let later = curl(&[&lab.http("/longpoll?rate=20&cursor=1000")]).json();
    assert_eq!(later["messages"][0]["n"], 1001);
}

#[test]
fn a_poll_with_nothing_new_is_304() {
    let lab = Running::start();
    let url = lab.http("/poll?rate=0&count=3");
    let first = curl(&[&url]);
    let etag = format!("If-None-Match: {}", first.field("ETag").unwrap());
    assert_eq!(first.json()["messages"].as_array().unwrap().len(), 3);
    let second = curl(&[&url, "-H", &etag]);
    assert_eq!((second.status(), second.body.len()), (304, 0));
    curl(&[&lab.http("/publish"), "-d", "{\"new\":true}"]);
    let third = curl(&[&url, "-H", &etag]);
    assert_eq!((third.status(), &third.json()["messages"][3]["new"]), (200, &json!(true)));
    assert_eq!(third.field("X-Cursor"), Some("3.1"));
    let rest = curl(&[&lab.http("/poll?rate=0&count=3&cursor=2.1")]).json();
    assert_eq!(rest["messages"].as_array().unwrap().len(), 1);
    assert_eq!(rest["messages"][0]["n"], 3);
}
