//! Reverse proxies before the server: nginx, which may hold answers back, and haproxy, which cuts what is quiet.

use crate::case::{Case, messages};
use crate::peers::{haproxy, nginx};
use serde_json::Value;

#[test]
fn nginx_without_buffering_passes_each_event_on() {
    let case = Case::begin();
    let nginx = nginx(&case, case.lab());
    messages(&case.record(&format!("http://{}/passed/sse?rate=5", nginx.address()), &[]), "sse.event");
}

#[test]
fn nginx_with_buffering_holds_back_what_is_not_chunked() {
    let case = Case::begin();
    let nginx = nginx(&case, case.lab());
    // It passes chunks on at once all the same; without them, even the head waits until much has come, or all.
    messages(&case.record(&format!("http://{}/held/sse?rate=20", nginx.address()), &[]), "sse.event");
    let stream = "sse?rate=20&framing=close";
    messages(&case.record(&format!("http://{}/passed/{stream}", nginx.address()), &[]), "sse.event");
    let url = format!("http://{}/held/{stream}", nginx.address());
    let records = case.start(&url, &["--for", "1s"]).finish().records();
    let answers = records.iter().filter(|record| record["dir"] == "in");
    assert_eq!(answers.collect::<Vec<_>>(), Vec::<&Value>::new());
    let ended = case.start(&url, &["--timeout", "1s"]).finish();
    ended.refused(1, &[&nginx.address().to_string(), "nothing within 1 s"]);
}

#[test]
fn haproxy_passes_websocket_on() {
    let case = Case::begin();
    let haproxy = haproxy(&case, case.lab());
    messages(&case.record(&format!("ws://{}/ws?rate=5", haproxy.address()), &[]), "ws.text");
}

#[test]
fn haproxy_cuts_a_quiet_websocket() {
    let case = Case::begin();
    let haproxy = haproxy(&case, case.lab());
    let ended = case.start(&format!("ws://{}/ws?scenario=quiet", haproxy.address()), &["--for", "6s"]).finish();
    ended.refused(1, &["without a close frame"]);
}

#[test]
fn haproxy_cuts_a_quiet_event_stream() {
    let case = Case::begin();
    let haproxy = haproxy(&case, case.lab());
    let url = format!("http://{}/sse?scenario=quiet", haproxy.address());
    let ended = case.start(&url, &["--for", "6s", "--reconnect", "no"]).finish();
    ended.refused(1, &["closed"]);
}
