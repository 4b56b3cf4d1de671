//! What is found where real proxies stand in between, and that nothing is found where all is well.

use crate::case::Case;
use crate::certificates::Authority;
use crate::peers::{PASSWORD, Squid, USER, haproxy, microsocks, mitmproxy, nginx, tinyproxy};

#[test]
fn on_the_straight_way_nothing_is_found() {
    let case = Case::begin();
    for (scheme, path) in [("ws", "ws?rate=20"), ("http", "sse?rate=20"), ("http", "stream?rate=20"), ("http", "poll")]
    {
        assert_eq!(case.findings(&case.url(scheme, path), &["--count", "5"]), [""; 0], "{path}");
    }
}

#[test]
fn squid_refuses_asks_and_opens_tls() {
    let case = Case::begin();
    let defaults = Squid::Defaults.start(&case);
    let (ws, sse) = (case.url("ws", "ws?rate=20"), case.url("http", "sse?rate=20"));
    assert_eq!(case.findings(&ws, &["--proxy", &defaults.proxy("http")]), ["proxy.connect-refused"]);
    assert_eq!(case.findings(&sse, &["--proxy", &defaults.proxy("http"), "--count", "5"]), [""; 0]);
    let login = Squid::Login.start(&case);
    for url in [&ws, &sse] {
        assert_eq!(case.findings(url, &["--proxy", &login.proxy("http")]), ["proxy.login"], "{url}");
        let right = format!("{USER}:{PASSWORD}");
        let options = ["--proxy", &login.proxy("http"), "--proxy-user", &right, "--count", "5"];
        assert_eq!(case.findings(url, &options), [""; 0], "{url}");
    }
}

#[test]
fn squid_that_opens_tls_is_suspected() {
    let case = Case::begin();
    let bumping = Authority::make("The Proxy");
    let bump = Squid::Bump(&bumping).start(&case);
    let url = format!("wss://localhost:{}/ws?rate=20", case.tls(&Authority::make("The Lab")));
    let file = bumping.file();
    let options = ["--proxy", &bump.proxy("http"), "--cacert", file.to_str().expect("a path in UTF-8"), "--count", "5"];
    assert_eq!(case.findings(&url, &options), ["tls.intercepted"]);
}

#[test]
fn tls_that_is_opened_is_told_from_tls_that_is_not() {
    let case = Case::begin();
    let peer = mitmproxy(&case, "regular", true);
    let authority = Authority::make("The Lab");
    let url = format!("wss://localhost:{}/ws?rate=20", case.tls(&authority));
    let own = authority.file();
    let own = own.to_str().expect("a path in UTF-8");
    assert_eq!(case.findings(&url, &["--cacert", own, "--count", "5"]), [""; 0]);
    let opened = peer.path("mitmproxy-ca-cert.pem");
    let opened = opened.to_str().expect("a path in UTF-8");
    let proxy = peer.proxy("http");
    assert_eq!(case.findings(&url, &["--proxy", &proxy, "--cacert", opened, "--count", "5"]), ["tls.intercepted"]);
    // The same where this machine trusts the proxy's authority, as in an office: that is in the bytes.
    let found = case.found(&url, &["--proxy", &proxy, "--count", "5"], &[("SSL_CERT_FILE", opened)]);
    let keys: Vec<_> = found.iter().map(|finding| (&finding["key"], &finding["confidence"])).collect();
    assert_eq!(keys, [(&"tls.intercepted".into(), &"certain".into())], "{found:#?}");
    let found = case.findings(&url, &["--proxy", &proxy]);
    assert!(found.contains(&"tls.intercepted".to_owned()), "{found:?}");
}

#[test]
fn small_proxies_are_clean_and_a_wrong_password_is_found() {
    let case = Case::begin();
    let (tiny, socks) = (tinyproxy(&case), microsocks(&case, true));
    for (scheme, path) in [("ws", "ws?rate=20"), ("http", "sse?rate=20")] {
        let url = case.url(scheme, path);
        assert_eq!(case.findings(&url, &["--proxy", &tiny.proxy("http"), "--count", "5"]), [""; 0], "{url}");
        let right = format!("{USER}:{PASSWORD}");
        let options = ["--proxy", &socks.proxy("socks5"), "--proxy-user", &right, "--count", "5"];
        assert_eq!(case.findings(&url, &options), [""; 0], "{url}");
        let wrong = ["--proxy", &socks.proxy("socks5"), "--proxy-user", "me:wrong"];
        assert_eq!(case.findings(&url, &wrong), ["proxy.login"], "{url}");
    }
}

#[test]
fn reverse_proxies_are_clean_until_they_cut() {
    let case = Case::begin();
    let (nginx, haproxy) = (nginx(&case, case.lab()), haproxy(&case, case.lab()));
    let through = |address: std::net::SocketAddr, path: &str| format!("http://{address}/{path}");
    assert_eq!(case.findings(&through(nginx.address(), "passed/sse?rate=20"), &["--count", "5"]), [""; 0]);
    assert_eq!(case.findings(&through(haproxy.address(), "sse?rate=20"), &["--count", "5"]), [""; 0]);
    // Without chunks, nginx hands on what fills a buffer of its own.
    let held = through(nginx.address(), "held/sse?rate=20&size=500&framing=close");
    assert_eq!(case.findings(&held, &[]), ["sse.buffered"]);
    let quiet = format!("ws://{}/ws?scenario=quiet", haproxy.address());
    assert_eq!(case.findings(&quiet, &[]), ["close-code"], "cut after 2 s, without a close frame");
}
