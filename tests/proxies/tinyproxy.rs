//! tinyproxy: a small proxy that forwards requests and opens ways.

use crate::case::{Case, first, messages, summaries};
use crate::certificates::Authority;
use crate::peers::tinyproxy;

#[test]
fn websocket_goes_a_way_of_its_own() {
    let case = Case::begin();
    let peer = tinyproxy(&case);
    let proxy = peer.proxy("http");
    let records = messages(&case.record(&case.url("ws", "ws?rate=20"), &["--proxy", &proxy]), "ws.text");
    assert_eq!(summaries(&records, "proxy").len(), 1, "{records:#?}");
}

#[test]
fn tls_within_a_way_is_that_of_the_server() {
    let case = Case::begin();
    let authority = Authority::make("The Lab");
    let peer = tinyproxy(&case);
    let proxy = peer.proxy("http");
    let url = format!("wss://localhost:{}/ws?rate=20", case.tls(&authority));
    let file = authority.file();
    let cacert = file.to_str().expect("a path in UTF-8");
    messages(&case.record(&url, &["--proxy", &proxy, "--cacert", cacert]), "ws.text");
    case.record(&url, &["--proxy", &proxy]).refused(1, &["The Lab"]);
}

#[test]
fn an_event_stream_is_asked_for_in_absolute_form() {
    let case = Case::begin();
    let peer = tinyproxy(&case);
    let proxy = peer.proxy("http");
    let url = case.url("http", "sse?rate=20");
    let records = messages(&case.record(&url, &["--proxy", &proxy]), "sse.event");
    assert_eq!(first(&records, "http.request")["summary"], format!("GET {url} HTTP/1.1"));
}

#[test]
fn an_event_stream_goes_a_way_of_its_own_where_asked() {
    let case = Case::begin();
    let peer = tinyproxy(&case);
    let proxy = peer.proxy("http");
    let url = case.url("http", "sse?rate=20");
    let records = messages(&case.record(&url, &["--proxy", &proxy, "--proxy-tunnel"]), "sse.event");
    assert_eq!(first(&records, "http.request")["summary"], format!("CONNECT {} HTTP/1.1", case.lab()));
    assert_eq!(summaries(&records, "proxy").len(), 1, "{records:#?}");
}

#[test]
fn a_server_that_the_proxy_cannot_reach_is_named() {
    let case = Case::begin();
    let peer = tinyproxy(&case);
    let proxy = peer.proxy("http");
    // Port 9 has no server here.
    case.record("ws://127.0.0.1:9/ws", &["--proxy", &proxy]).refused(1, &["127.0.0.1:9", "status 50"]);
}
