//! Requests on the side of an event stream, and a request with a body, sent once more.

use crate::program::pushscope;
use crate::{file, server, text, told};
use base64::Engine;

#[test]
fn requests_on_the_side_come_again_with_their_headers_and_bodies_but_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, port) = server();
    let script = r#"
[[step]]
expect = 'kind:sse.event hello'
[[step]]
send = { json = { n = 1, text = "あいう" }, url = "/log?x=1", method = "PUT", headers = { X-Mine = "yes" } }
[[step]]
wait = "100ms"
[[step]]
send = { hex = "00ff", url = "/log" }
[[step]]
send = { text = "last", url = "/log" }
"#;
    let script = file(folder.path(), "talk.toml", script);
    let recorded = folder.path().join("a.pushscope");
    let url = format!("http://127.0.0.1:{port}/events");
    let record = ["record", &url, "--bearer", "a-secret", "--script", text(&script), "-o", text(&recorded), "-q"];
    pushscope(&record).lines();
    let was_told = told(&mut first, 4);
    assert_eq!(was_told[1]["authorization"], "Bearer a-secret", "the same server wants the same credentials");

    let (mut second, port) = server();
    let other = format!("http://127.0.0.1:{port}/events");
    let ended = pushscope(&["resend", text(&recorded), &other, "--speed", "max"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.err.contains("sending 4 of connection 1") && ended.err.contains("sent 4 of 4"), "{ended:#?}");
    assert!(ended.err.contains("the value of Authorization is not in the recording"), "{ended:#?}");
    let now = told(&mut second, 4);
    let body = |it: &serde_json::Value| base64::engine::general_purpose::STANDARD.decode(it["body"].as_str().unwrap());
    for (before, now) in was_told.iter().zip(&now) {
        for key in ["method", "url", "type", "mine"] {
            assert_eq!(before[key], now[key], "{key}");
        }
        assert_eq!(body(before).unwrap(), body(now).unwrap());
        assert!(now["authorization"].is_null(), "what is not in the recording cannot go out: {now}");
    }
    // Given once more, it goes out with all of them.
    let typed = ["-H", "Authorization: Bearer another"];
    let ended = pushscope(&[&["resend", text(&recorded), &other, "--speed", "max", "-q"][..], &typed].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(told(&mut second, 4).iter().all(|it| it["authorization"] == "Bearer another"));
}

#[test]
fn a_request_with_a_body_is_made_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut node, port) = server();
    let recorded = folder.path().join("a.pushscope");
    let url = format!("http://127.0.0.1:{port}/log");
    pushscope(&["record", &url, "-d", "{\"a\":1}", "-H", "X-Mine: 5", "-o", text(&recorded), "-q"]).lines();
    let was_told = told(&mut node, 1);
    let ended = pushscope(&["resend", text(&recorded), "-q"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(told(&mut node, 1), was_told);
}

#[test]
fn polls_come_again_one_by_one_each_with_its_body_and_in_the_recorded_rhythm() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, port) = server();
    let recorded = folder.path().join("a.pushscope");
    let url = format!("http://127.0.0.1:{port}/poll");
    let record = ["record", &url, "--as", "poll", "--interval", "60ms", "-d", "{\"n\":1}", "-H", "X-Mine: 5"];
    let out = ["--count", "5", "-o", text(&recorded), "-q"];
    pushscope(&[&record[..], &out].concat()).lines();
    let was_told = told(&mut first, 5);

    let (mut second, port) = server();
    let other = format!("http://127.0.0.1:{port}/elsewhere");
    let again = folder.path().join("b.pushscope");
    let ended = pushscope(&["resend", text(&recorded), &other, "-H", "X-Mine: 6", "-o", text(&again)]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.err.contains("sending 5 of connection 1") && ended.err.contains("sent 5 of 5"), "{ended:#?}");
    let now = told(&mut second, 5);
    for (before, now) in was_told.iter().zip(&now) {
        for key in ["method", "type", "body"] {
            assert_eq!(before[key], now[key], "{key}");
        }
        assert_eq!(now["url"], "/elsewhere");
        assert_eq!(now["mine"], "6", "a header takes the place of the recorded one");
    }
    let asked = |path: &std::path::Path| -> Vec<u64> {
        let shown = pushscope(&["show", text(path), "--format", "jsonl", "--filter", "kind:http.request"]).records();
        shown.iter().map(|it| it["at_ns"].as_u64().unwrap()).collect()
    };
    let took = |asked: &[u64]| asked[4] - asked[0];
    let (before, after) = (asked(&recorded), asked(&again));
    assert!(took(&after) >= took(&before) / 2, "{before:?} {after:?}");
    // What was sent again is a recording like any other: it can be compared, and sent again.
    let ended = pushscope(&["compare", text(&recorded), text(&again), "--filter", "dir:out kind:http.body"]);
    assert_eq!((ended.code, ended.out.trim()), (Some(0), "5 equal"), "{ended:#?}");
    let (mut third, port) = server();
    let third_url = format!("http://127.0.0.1:{port}/");
    let ended = pushscope(&["resend", text(&again), &third_url, "--speed", "max", "-q"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(told(&mut third, 5).len(), 5);
}

#[test]
fn the_new_connection_stays_as_long_as_the_recorded_client_did() {
    let folder = tempfile::tempdir().unwrap();
    let (recorded, again) = (folder.path().join("a.pushscope"), folder.path().join("b.pushscope"));
    pushscope(&["record", "lab:sse?rate=10", "--count", "15", "-o", text(&recorded), "-q"]).lines();
    let ended = pushscope(&["resend", text(&recorded), "-o", text(&again), "--linger", "0ms", "-q"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let shown = pushscope(&["show", text(&again), "--format", "jsonl", "--filter", "kind:sse.event"]).records();
    // The last may come as the client leaves.
    assert!((14..=18).contains(&shown.len()), "{} events", shown.len());
}
