//! mitmproxy: it opens TLS, takes every exchange apart and puts it together again.

use crate::case::{Case, first, messages, summaries, values};
use crate::certificates::Authority;
use crate::peers::{Peer, mitmproxy};

#[test]
fn as_an_http_proxy() {
    let case = Case::begin();
    let peer = mitmproxy(&case, "regular", true);
    through(&case, &peer, "http");
}

#[test]
fn as_a_socks_proxy() {
    let case = Case::begin();
    let peer = mitmproxy(&case, "socks5", true);
    through(&case, &peer, "socks5");
}

#[test]
fn an_event_stream_that_is_held_back_ends_in_time() {
    let case = Case::begin();
    let peer = mitmproxy(&case, "regular", false);
    let options = ["--proxy", &peer.proxy("http"), "--timeout", "2s"];
    let ended = case.start(&case.url("http", "sse?rate=20"), &options).finish();
    ended.refused(1, &["nothing within 2 s"]);
}

/// Every stream, by TLS and without.
#[track_caller]
fn through(case: &Case, peer: &Peer, scheme: &str) {
    let proxy = peer.proxy(scheme);
    messages(&case.record(&case.url("ws", "ws?rate=20"), &["--proxy", &proxy]), "ws.text");
    let records = messages(&case.record(&case.url("http", "sse?rate=20"), &["--proxy", &proxy]), "sse.event");
    // A request by HTTP is given to an HTTP proxy as it is; SOCKS is asked for a way in any case.
    assert_eq!(summaries(&records, "proxy").len(), usize::from(scheme != "http"), "{records:#?}");

    let port = case.tls(&Authority::make("The Lab"));
    let cacert = peer.path("mitmproxy-ca-cert.pem");
    let cacert = cacert.to_str().expect("a path in UTF-8");
    for (scheme, path, kind) in [("wss", "ws?rate=20", "ws.text"), ("https", "sse?rate=20", "sse.event")] {
        let url = format!("{scheme}://localhost:{port}/{path}");
        let records = messages(&case.record(&url, &["--proxy", &proxy, "--cacert", cacert]), kind);
        assert_eq!(summaries(&records, "proxy").len(), 1, "{records:#?}");
        let issuers = values(first(&records, "tls"), "tls.issuer");
        assert!(issuers[0].contains("mitmproxy"), "{issuers:?}");
        case.record(&url, &["--proxy", &proxy]).refused(1, &["mitmproxy"]);
    }
}
