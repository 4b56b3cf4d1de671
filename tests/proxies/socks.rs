//! microsocks: SOCKS5, with and without a password.

use crate::case::{Case, first, messages, summaries};
use crate::peers::{PASSWORD, USER, microsocks};
use crate::program::Ended;

const STREAMS: [(&str, &str, &str); 2] = [("ws", "ws?rate=20", "ws.text"), ("http", "sse?rate=20", "sse.event")];

#[test]
fn a_way_is_asked_for() {
    let case = Case::begin();
    let socks = microsocks(&case, false);
    for (scheme, path, kind) in STREAMS {
        let records = messages(&case.record(&case.url(scheme, path), &["--proxy", &socks.proxy("socks5")]), kind);
        let way = format!("SOCKS5 to {} through {}", case.lab(), socks.proxy("socks5"));
        assert!(summaries(&records, "proxy")[0].starts_with(&way), "{records:#?}");
        // A greeting, a request, and an answer to each.
        assert_eq!(summaries(&records, "socks").len(), 4, "{records:#?}");
    }
}

#[test]
fn the_proxy_resolves_the_name() {
    let case = Case::begin();
    let socks = microsocks(&case, false);
    let url = format!("ws://localhost:{}/ws?rate=20", case.lab().port());
    let records = messages(&case.record(&url, &["--proxy", &socks.proxy("socks5")]), "ws.text");
    assert!(summaries(&records, "socks").iter().any(|said| said.contains("localhost")), "{records:#?}");
    assert!(!summaries(&records, "dns").iter().any(|said| said.contains("localhost")), "{records:#?}");
}

#[test]
fn the_password_is_given_and_kept_out_of_the_recording() {
    let case = Case::begin();
    let socks = microsocks(&case, true);
    let login = format!("{USER}:{PASSWORD}");
    for (scheme, path, kind) in STREAMS {
        let file = socks.path(&format!("{kind}.pushscope"));
        let file = file.to_str().expect("a path in UTF-8");
        let options = ["--proxy", &socks.proxy("socks5"), "--proxy-user", &login, "-o", file];
        let ended = case.record(&case.url(scheme, path), &options);
        let records = messages(&ended, kind);
        assert_eq!(summaries(&records, "socks").len(), 6, "{ended:#?}");
        let kept = std::fs::read(file).expect("the file");
        assert!(kept.len() > 1000, "an empty recording");
        let is_in_file = kept.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes());
        assert!(!is_in_file && !ended.out.contains(PASSWORD), "the password is told");
    }
}

#[test]
fn a_wrong_password_and_none_at_all_are_told_apart() {
    let case = Case::begin();
    let socks = microsocks(&case, true);
    let record = |options: &[&str]| -> Ended {
        let proxy = socks.proxy("socks5");
        case.record(&case.url("ws", "ws?rate=20"), &[&["--proxy", &proxy], options].concat())
    };
    record(&["--proxy-user", "anna:wrong"]).refused(1, &["refused this user or password"]);
    let without = record(&[]);
    without.refused(1, &["wants a user and a password"]);
    assert_eq!(first(&without.records_so_far(), "login")["kind"], "login");
}

#[test]
fn a_proxy_of_version_5_is_asked_by_version_4() {
    let case = Case::begin();
    let socks = microsocks(&case, false);
    let ended = case.record(&case.url("ws", "ws?rate=20"), &["--proxy", &socks.proxy("socks4a")]);
    ended.refused(1, &["SOCKS4a"]);
}

#[test]
fn an_http_request_to_a_socks_proxy_is_said_to_be_that() {
    let case = Case::begin();
    let socks = microsocks(&case, false);
    let ended = case.record(&case.url("ws", "ws?rate=20"), &["--proxy", &socks.proxy("http")]);
    ended.refused(1, &[&socks.address().to_string()]);
}

#[test]
fn a_server_that_the_proxy_cannot_reach_is_named() {
    let case = Case::begin();
    let socks = microsocks(&case, false);
    // Port 9 has no server here.
    let ended = case.record("ws://127.0.0.1:9/ws", &["--proxy", &socks.proxy("socks5")]);
    ended.refused(1, &["127.0.0.1:9", "reply 5"]);
}
