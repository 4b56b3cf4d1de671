//! Reverse proxies before the server: nginx, which may hold answers back, and haproxy, which cuts what is quiet.

use crate::case::{Case, messages};
use crate::peers::{haproxy, nginx};
use crate::program::received;

#[test]
fn nginx_without_buffering_passes_each_event_on() {
    let case = Case::begin();
    let nginx = nginx(&case, case.lab());
    messages(&case.record(&format!("http://{}/passed/sse?rate=5", nginx.address()), &[]), "sse.event");
}

#[test]
fn nginx_with_buffering_holds_events_back() {
    let case = Case::begin();
    let nginx = nginx(&case, case.lab());
    let url = format!("http://{}/held/sse?rate=5", nginx.address());
    let records = case.start(&url, &["--for", "2s"]).finish().records();
    assert_eq!(received(&records, "sse.event"), Vec::<String>::new());
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
