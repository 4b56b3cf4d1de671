//! Proxies that do what no proxy should: each ends in a sentence, in bounded time, and nothing of a login is recorded.

use crate::support::{Server, Watched, open, spec};
use pushscope::transport::{ProxyChoice, PushType, Spec, Timeouts, check};
use pushscope::wire::{Act, Dir, ProxyRole, Stage, What};
use std::time::{Duration, Instant};

const ASKS: &str = "Proxy-Authenticate: Basic realm=\"corp\"\r\nContent-Length: 0\r\n";

/// A request for an address that only the proxy at `address` could know.
fn by(address: &str, url: &str) -> Spec {
    let mut spec = spec(url);
    spec.proxy.choice = ProxyChoice::Given(address.to_owned());
    spec.timeouts = Timeouts { answer_ms: 700, ..Timeouts::default() };
    spec
}

fn failed(spec: Spec, words: &[&str]) -> Watched {
    let began = Instant::now();
    let mut watched = open(spec);
    let failure = watched.failure();
    let said = failure.to_string();
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}: {said}", began.elapsed());
    watched
}

#[test]
fn a_proxy_that_answers_strangely_is_told_in_a_sentence() {
    let slowly = |mut peer: crate::support::Peer| {
        peer.request();
        for byte in b"HTTP/1.1 200 Connection established\r\n" {
            peer.say_bytes(&[*byte]);
            std::thread::sleep(Duration::from_millis(60));
        }
    };
    let slow = Server::start(move |_, peer| slowly(peer));
    failed(by(&slow.url(""), "ws://server.test/"), &["did not end within"]);
    let garbage = Server::start(|_, mut peer| {
        peer.request();
        peer.say("\x01\x02\x03 what is this?\r\n\r\n");
    });
    failed(by(&garbage.url(""), "ws://server.test/"), &["not HTTP"]);
    let endless = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 OK\r\n");
        for number in 0..50_000 {
            peer.say(&format!("X-{number}: {}\r\n", "y".repeat(60)));
        }
    });
    failed(by(&endless.url(""), "ws://server.test/"), &["does not end"]);
    let closing = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 200 Connection established\r\n\r\n");
    });
    for address in ["ws://server.test/", "wss://server.test/", "http://server.test/"] {
        let mut spec = by(&closing.url(""), address);
        spec.proxy.tunnel = true;
        failed(spec, &["had opened the way"]);
    }
    let silent = Server::start(|_, mut peer| {
        peer.request();
        std::thread::sleep(Duration::from_secs(3));
    });
    failed(by(&silent.url(""), "http://server.test/"), &["nothing within 700 ms", "holding the answer back"]);
}

#[test]
fn a_proxy_that_asks_for_ever_is_asked_three_times_at_most() {
    let asks = Server::start(|_, mut peer| {
        for _ in 0..10 {
            peer.request();
            peer.say(&format!("HTTP/1.1 407 Who?\r\n{ASKS}\r\n"));
        }
    });
    let mut login = by(&asks.url("").replace("127.0.0.1", "me:geheim@127.0.0.1"), "ws://server.test/");
    let watched = failed(login.clone(), &["refused the login", "this user or password"]);
    let sent = watched.sent();
    assert_eq!(sent.matches("CONNECT server.test:80").count(), 2, "{sent}");
    assert!(sent.contains("Proxy-Authorization: Basic ****") && !sent.contains("bWU6"), "{sent}");
    assert!(!watched.info.expect("a spec").spec.contains("geheim"));
    let stale = Server::start(|_, mut peer| {
        for number in 0..10 {
            peer.request();
            let digest = format!("Digest realm=\"r\", qop=\"auth\", nonce=\"{number}\", stale=true");
            peer.say(&format!("HTTP/1.1 407 Who?\r\nProxy-Authenticate: {digest}\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    login.proxy.choice = ProxyChoice::Given(stale.url(""));
    login.proxy.login = Some(("me".into(), "geheim".into()));
    failed(login, &["keeps asking who we are"]);
}

#[test]
fn schemes_that_are_not_spoken_are_named() {
    let windows = Server::start(|_, mut peer| {
        peer.request();
        peer.say("HTTP/1.1 407 Who?\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n");
    });
    let mut spec = by(&windows.url(""), "ws://server.test/");
    spec.proxy.login = Some(("me".into(), "x".into()));
    let watched = failed(spec, &["only Negotiate, NTLM", "cntlm"]);
    let asked = watched.events.iter().find_map(|event| match &event.what {
        What::Challenged(challenge) => Some(challenge.clone()),
        _ => None,
    });
    let asked = asked.expect("a challenge");
    assert!(asked.by_proxy && !asked.can_be_answered && asked.schemes == ["Negotiate", "NTLM"]);
}

#[test]
fn a_server_that_asks_is_answered_by_digest_and_the_response_is_not_recorded() {
    let server = Server::start(|_, mut peer| {
        let first = peer.request();
        assert!(!first.contains("Digest"), "{first}");
        let digest = "Digest realm=\"r\", qop=\"auth\", nonce=\"n\", algorithm=MD5";
        peer.say(&format!("HTTP/1.1 401 Who?\r\nWWW-Authenticate: {digest}\r\nContent-Length: 0\r\n\r\n"));
        let second = peer.request();
        assert!(second.contains("Authorization: Digest username=\"me\"") && second.contains("uri=\"/a\""), "{second}");
        assert!(!second.contains("response=\"****"), "{second}");
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    let mut spec = spec(server.url("/a").replace("127.0.0.1", "me:geheim@127.0.0.1"));
    spec.push_type = PushType::Stream;
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    assert!(watched.sent().contains("response=\"********************************\""), "{}", watched.sent());
}

#[test]
fn what_goes_through_is_a_link_of_its_own_over_that_of_the_proxy() {
    let proxy = Server::start(|_, mut peer| {
        let asked = peer.request();
        assert!(asked.starts_with("CONNECT [::1]:81 HTTP/1.1\r\nHost: [::1]:81\r\n"), "{asked}");
        // What the server says at once comes with the proxy's answer: it is not lost.
        peer.say("HTTP/1.1 200 OK\r\n\r\n");
        let request = peer.request();
        assert!(request.starts_with("GET /x HTTP/1.1\r\nHost: [::1]:81\r\n"), "{request}");
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    let mut spec = by(&proxy.url(""), "http://[::1]:81/x");
    (spec.push_type, spec.proxy.tunnel) = (PushType::Stream, true);
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    let roles: Vec<_> = watched
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Opening(opening) => Some((event.link, opening.via.clone().expect("by a proxy").role)),
            _ => None,
        })
        .collect();
    assert!(matches!(roles[..], [(leg, ProxyRole::Tunnel), (_, ProxyRole::Inside(over))] if leg == over), "{roles:?}");
    assert!(watched.bytes(Dir::In).ends_with(b"hi"));
}

#[test]
fn a_name_goes_to_a_socks4a_proxy_as_it_is() {
    let proxy = Server::start(|_, mut peer| {
        let expected = b"\x04\x01\x00\x51\x00\x00\x00\x01\x00server.test\x00";
        assert_eq!(peer.read(expected.len()), expected);
        peer.say_bytes(&[0, 90, 0, 0, 0, 0, 0, 0]);
        let request = peer.request();
        assert!(request.starts_with("GET /x HTTP/1.1\r\nHost: server.test:81\r\n"), "{request}");
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    let mut spec = by(&format!("socks4a://{}", proxy.address), "http://server.test:81/x");
    spec.push_type = PushType::Stream;
    let mut watched = open(spec);
    assert_eq!(watched.end().act, Act::Done, "{}", watched.story());
    assert!(watched.bytes(Dir::In).ends_with(b"hi"));
}

#[test]
fn what_is_no_proxy_address_is_refused_before_anything_is_opened() {
    for address in ["ftp://me:geheim@h:1", "http://me:geheim@h:99999", "http://h/path", "socks9://h"] {
        let failure = check(&by(address, "http://server.test/")).unwrap_err();
        assert_eq!(failure.stage, Stage::Address);
        assert!(!failure.to_string().contains("geheim"), "{failure}");
        assert!(failure.hint.contains("socks5"), "{failure}");
    }
}
