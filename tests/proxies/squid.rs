//! squid: its own rules, a way to anywhere, a login, and TLS opened on the way.

use crate::case::{COUNT, Case, first, messages, summaries, values};
use crate::certificates::Authority;
use crate::peers::{PASSWORD, Squid, USER};
use crate::program::received;

#[test]
fn by_its_own_rules_a_way_leads_to_port_443_only() {
    let case = Case::begin();
    let squid = Squid::Defaults.start(&case);
    let ended = case.record(&case.url("ws", "ws"), &["--proxy", &squid.proxy("http")]);
    ended.refused(1, &["403", "443", &case.lab().port().to_string()]);
    let records = ended.records_so_far();
    assert_eq!(first(&records, "http.request")["summary"], format!("CONNECT {} HTTP/1.1", case.lab()));
    assert_eq!(summaries(&records, "proxy"), Vec::<String>::new());
}

#[test]
fn an_event_stream_is_asked_for_in_absolute_form() {
    let case = Case::begin();
    let squid = Squid::Defaults.start(&case);
    let url = case.url("http", "sse?rate=20");
    let records = messages(&case.record(&url, &["--proxy", &squid.proxy("http")]), "sse.event");
    assert_eq!(first(&records, "http.request")["summary"], format!("GET {url} HTTP/1.1"));
    assert_eq!(summaries(&records, "proxy"), Vec::<String>::new());
}

#[test]
fn websocket_goes_a_way_of_its_own() {
    let case = Case::begin();
    let squid = Squid::Anywhere.start(&case);
    let records = messages(&case.record(&case.url("ws", "ws?rate=20"), &["--proxy", &squid.proxy("http")]), "ws.text");
    let way = format!("CONNECT to {} through {}", case.lab(), squid.proxy("http"));
    assert!(summaries(&records, "proxy")[0].starts_with(&way), "{records:#?}");
}

/// A way through, and a request that is given to the proxy as it is.
const STREAMS: [(&str, &str, &str); 2] = [("ws", "ws?rate=20", "ws.text"), ("http", "sse?rate=20", "sse.event")];

#[test]
fn with_the_right_login_all_goes_well_and_the_password_is_kept_secret() {
    let case = Case::begin();
    let squid = Squid::Login.start(&case);
    let login = format!("{USER}:{PASSWORD}");
    // The same as an address has it.
    let encoded: String = login.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let address = squid.proxy("http").replace("://", &format!("://{}@", encoded.replace("%3A", ":")));
    let ways = [vec!["--proxy", &address], vec!["--proxy", &squid.proxy("http"), "--proxy-user", &login]]
        .map(|way| way.into_iter().map(str::to_owned).collect::<Vec<_>>());
    for (scheme, path, kind) in STREAMS {
        for (at, way) in ways.iter().enumerate() {
            let file = squid.path(&format!("{kind}-{at}.pushscope"));
            let file = file.to_str().expect("a path in UTF-8");
            // One more than is asked of it, for the page that comes with the question: see the test of that.
            let count = (COUNT + 1).to_string();
            let mut options: Vec<&str> = way.iter().map(String::as_str).collect();
            options.extend(["-o", file, "--count", &count]);
            let ended = case.start(&case.url(scheme, path), &options).finish();
            let records = messages(&ended, kind);
            assert_eq!(summaries(&records, "login").len(), 1, "{ended:#?}");
            is_kept_secret(&ended.out, file);
        }
    }
}

#[test]
fn a_way_without_a_login_is_refused_in_the_proxys_name() {
    without_a_login("ws", "ws");
}

#[test]
fn a_forwarded_request_without_a_login_is_refused_in_the_proxys_name() {
    without_a_login("http", "sse");
}

#[track_caller]
fn without_a_login(scheme: &str, path: &str) {
    let case = Case::begin();
    let squid = Squid::Login.start(&case);
    let ended = case.record(&case.url(scheme, path), &["--proxy", &squid.proxy("http")]);
    assert_eq!(values(first(&ended.records_so_far(), "login"), "login.realm"), ["push proxy"]);
    ended.refused(1, &["407", "Basic", &squid.proxy("http")]);
}

#[test]
fn a_way_with_a_wrong_login_is_refused_in_the_proxys_name() {
    with_a_wrong_login("ws", "ws");
}

#[test]
fn a_forwarded_request_with_a_wrong_login_is_refused_in_the_proxys_name() {
    with_a_wrong_login("http", "sse");
}

#[track_caller]
fn with_a_wrong_login(scheme: &str, path: &str) {
    let case = Case::begin();
    let squid = Squid::Login.start(&case);
    let proxy = squid.proxy("http");
    // Without a count, which the page that comes with the question would be part of.
    let options = ["--proxy", &proxy, "--proxy-user", "anna:wrong", "--timeout", "8s"];
    let ended = case.start(&case.url(scheme, path), &options).finish();
    assert!(summaries(&ended.records_so_far(), "login").iter().any(|said| said.contains("refused")), "{ended:#?}");
    ended.refused(1, &["407", "refused", &proxy]);
}

#[test]
fn the_page_with_which_a_proxy_asks_for_a_login_is_no_message() {
    let case = Case::begin();
    let squid = Squid::Login.start(&case);
    let login = format!("{USER}:{PASSWORD}");
    for (scheme, path, kind) in STREAMS {
        let options = ["--proxy", &squid.proxy("http"), "--proxy-user", &login, "--count", "1"];
        let ended = case.start(&case.url(scheme, path), &options).finish();
        assert_eq!(received(&ended.records(), kind).len(), 1, "{ended:#?}");
    }
}

#[test]
fn a_text_is_sent_once_the_server_has_answered_not_the_proxy() {
    let case = Case::begin();
    let squid = Squid::Anywhere.start(&case);
    let proxy = squid.proxy("http");
    let options = ["--proxy", &proxy, "--send", "今からこれふぁぼります", "--count", "1"];
    let ended = case.start(&case.url("ws", "ws?scenario=quiet"), &options).finish();
    assert_eq!(received(&ended.records(), "ws.text"), ["今からこれふぁぼります"]);
}

/// Asserts that the password is in nothing that was printed, nor in any byte of the file, plainly or as Basic has it.
#[track_caller]
fn is_kept_secret(printed: &str, file: &str) {
    use base64::Engine;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let kept = std::fs::read(file).expect("the file");
    let is_kept = |text: &str| kept.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(is_kept("Proxy-Authorization"), "the file has no heads as they were");
    for secret in [PASSWORD, &basic] {
        assert!(!printed.contains(secret), "{secret} is printed");
        assert!(!is_kept(secret), "{secret} is in the file");
    }
}

#[test]
fn tls_that_is_opened_on_the_way_shows_its_authority() {
    let case = Case::begin();
    let (own, bumping) = (Authority::make("The Lab"), Authority::make("The Listening Proxy"));
    let squid = Squid::Bump(&bumping).start(&case);
    let url = format!("wss://localhost:{}/ws?rate=20", case.tls(&own));
    let proxy = squid.proxy("http");
    let cacert = bumping.file();
    let cacert = cacert.to_str().expect("a path in UTF-8");
    let records = messages(&case.record(&url, &["--proxy", &proxy, "--cacert", cacert]), "ws.text");
    let issuers = values(first(&records, "tls"), "tls.issuer");
    assert!(issuers[0].contains("The Listening Proxy"), "{issuers:?}");

    let without = case.record(&url, &["--proxy", &proxy]);
    without.refused(1, &["The Listening Proxy"]);
}
