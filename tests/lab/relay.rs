//! What is published reaches every subscriber, whatever its transport.

use serde_json::{Value, json};

use crate::peers::{Running, curl, start_curl, start_node};
use crate::streams::messages;

#[test]
fn one_message_reaches_every_transport_at_once() {
    let lab = Running::start();
    let url = |path: &str| lab.http(&format!("{path}?channel=all&scenario=quiet&count=1"));
    let paths = ["/stream", "/multipart", "/sse", "/sse10", "/lines"];
    let streams: Vec<_> = paths.iter().map(|path| (*path, start_curl(&[&url(path)]))).collect();
    let held = start_curl(&[&lab.http("/longpoll?channel=all&scenario=quiet")]);
    let socket = start_node("socket.mjs", &[&lab.ws("/ws?channel=all&scenario=quiet&count=1")]);
    let events = start_node("events.mjs", &[&lab.http("/sse?channel=all&scenario=quiet"), "1"]);
    lab.wait_for_subscribers("all", 8);

    let body = "{\"greeting\":\"やあ\",\r\n\"to\":\"all\"}";
    let published = curl(&[&lab.http("/publish?channel=all"), "--data-binary", body]);
    assert_eq!(published.json(), json!({"channel": "all", "number": 1, "subscribers": 8}));

    let meant: Value = serde_json::from_str(body).unwrap();
    let is_meant = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value == meant);
    for (path, peer) in streams {
        let answered = peer.finish();
        let messages = messages(path, answered.text());
        assert!(messages.len() == 1 && is_meant(&messages[0]), "{path}: {answered:?}");
    }
    assert_eq!(held.finish().json()["messages"][0], meant);
    let said: Vec<_> = socket.json_lines().iter().filter_map(|each| each["text"].as_str().map(str::to_owned)).collect();
    assert_eq!(said, [body], "as given");
    let event = events.json_lines().into_iter().find(|each| each["type"] == "message").unwrap();
    assert!(is_meant(event["data"].as_str().unwrap()));
    assert_eq!(event["id"], "0.1");
    assert_eq!(curl(&[&lab.http("/poll?channel=all&scenario=quiet")]).json()["messages"], json!([meant]));
    lab.wait_for_subscribers("all", 0);
}

#[test]
fn what_is_not_json_is_delivered_too() {
    let lab = Running::start();
    let publish = |body: &str| curl(&[&lab.http("/publish"), "--data-binary", body]).json()["number"].clone();
    assert_eq!(publish("two\nlines"), 1);
    let socket = start_node("socket.mjs", &[&lab.ws("/ws?scenario=quiet&cursor=0&count=2")]);
    lab.wait_for_subscribers("demo", 1);
    let zero = std::env::temp_dir().join(format!("pushscope-lab-{}", std::process::id()));
    std::fs::write(&zero, [0xFF, 0]).unwrap();
    assert_eq!(publish(&format!("@{}", zero.display())), 2);
    std::fs::remove_file(&zero).unwrap();

    let seen = socket.json_lines();
    assert!(seen.contains(&json!({"text": "two\nlines"})) && seen.contains(&json!({"binary": "/wA="})), "{seen:?}");
    let query = "scenario=quiet&cursor=0&count=2";
    let lines = curl(&[&lab.http(&format!("/stream?{query}"))]);
    assert_eq!(lines.text(), "\"two\\nlines\"\n{\"base64\":\"/wA=\"}\n");
    let events = curl(&[&lab.http(&format!("/sse?{query}"))]);
    assert!(events.text().contains("id: 0.1\ndata: two\ndata: lines\n\n"), "{}", events.text());
    let parts = curl(&[&lab.http(&format!("/multipart?{query}"))]);
    assert!(parts.body.windows(6).any(|six| six == b"\xFF\0\r\n--"), "{parts:?}");
}

#[test]
fn whoever_was_away_too_long_is_told_how_much_is_missing() {
    let lab = Running::start();
    let urls = vec![lab.http("/publish"); 258];
    let mut arguments = vec!["-d", "1"];
    arguments.extend(urls.iter().map(String::as_str));
    curl(&arguments);
    let answered = curl(&[&lab.http("/sse?scenario=quiet&cursor=0.1&count=1")]);
    let expected = "event: missed\nid: 0.2\ndata: {\"missed\":1,\"channel\":\"demo\"}\n\nid: 0.3\ndata: 1\n\n";
    assert!(answered.text().ends_with(expected), "{}", answered.text());
    let polled = curl(&[&lab.http("/poll?scenario=quiet&cursor=0")]).json();
    assert_eq!((&polled["missed"], &polled["cursor"]), (&json!(2), &json!("0.102")));
}
