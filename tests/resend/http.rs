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
    assert!(ended.err.contains("sending 3 of connection 1") && ended.err.contains("sent 3 of 3"), "{ended:#?}");
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
