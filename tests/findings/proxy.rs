//! Proxies: ways that are refused, logins, and answers that are not the server's.

use super::story::{EVENTS, GET, MS, SECOND, Story, UPGRADE, chunk, via};
use pushscope::session::Severity;
use pushscope::session::findings::Confidence;
use pushscope::wire::{Challenge, Dir, LinkId, ProxyRole, Stage, Tunnelled, What};

fn tunnel(answer: &str, port: u16) -> Story {
    let mut story = Story::of("ws");
    let mut way = via(ProxyRole::Tunnel);
    if let Some(way) = &mut way {
        way.target = format!("example.com:{port}");
    }
    story.open_to("proxy.corp", 3128, false, "way for the request", way);
    story.out(format!("CONNECT example.com:{port} HTTP/1.1\r\nHost: example.com:{port}\r\n\r\n"));
    story.wait(5 * MS).inward(answer);
    story
}

#[test]
fn a_way_that_is_refused() {
    let mut story = tunnel("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 80);
    story.fail(Stage::Proxy, "proxy.corp:3128 refused to open a way to example.com:80 (status 403)");
    let found = story.only("proxy.connect-refused");
    assert!(found.seen.contains("example.com:80") && found.seen.contains("proxy.corp:3128"), "{}", found.seen);
    assert!(found.means.contains("443") && found.attempt.contains("wss://"), "{found:#?}");
    assert_eq!((found.confidence, found.severity), (Confidence::Certain, Severity::Error));

    let to_443 = tunnel("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 443).only("proxy.connect-refused");
    assert!(!to_443.means.contains("443 only"));
    let down = tunnel("HTTP/1.1 503 Service Unavailable\r\nVia: 1.1 p\r\nContent-Length: 0\r\n\r\n", 443);
    assert!(down.only("proxy.connect-refused").means.contains("could not"));

    let mut socks = Story::of("ws");
    socks.open_to("proxy.corp", 1080, false, "way for the request", via(ProxyRole::Tunnel));
    socks.fail(
        Stage::Proxy,
        "socks5://proxy.corp:1080 opened no way to example.com:80: its rules forbid that (reply 2)",
    );
    assert!(socks.only("proxy.connect-refused").seen.contains("its rules forbid"));
}

#[test]
fn a_way_that_is_opened() {
    let mut story = tunnel("HTTP/1.1 200 Connection established\r\n\r\n", 443);
    let over = story.link;
    let target = "example.com:443".to_owned();
    story.open("request", via(ProxyRole::Inside(over)));
    let proxy = "http://proxy.corp:3128".to_owned();
    story.tell(What::Tunnelled(Tunnelled { proxy, protocol: "CONNECT".into(), target, over, took_ns: 1 }));
    story.out(UPGRADE).inward(super::story::SWITCH).wait(SECOND).close(Dir::Out);
    story.link = over;
    story.close(Dir::Out);
    assert!(story.found().is_empty(), "{:#?}", story.found());
}

fn challenge(schemes: &[&str], refused: bool, can_be_answered: bool) -> What {
    let schemes = schemes.iter().map(|scheme| (*scheme).to_owned()).collect();
    let (who, realm) = ("proxy.corp:3128".to_owned(), "Corp".to_owned());
    What::Challenged(Challenge { by_proxy: true, who, schemes, realm, refused, can_be_answered })
}

const LOGIN: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"Corp\"\r\n\
                     Content-Length: 0\r\n\r\n";

#[test]
fn a_login_is_wanted() {
    let text = "proxy.corp:3128 wants to know who we are (status 407)";
    let mut story = tunnel(LOGIN, 443);
    story.tell(challenge(&["Basic"], false, true)).fail(Stage::Proxy, text);
    let found = story.only("proxy.login");
    assert!(found.seen.contains("proxy.corp:3128") && found.seen.contains("Basic"), "{}", found.seen);

    let mut refused = tunnel(LOGIN, 443);
    refused.tell(challenge(&["Basic"], true, true)).fail(Stage::Proxy, text);
    assert!(refused.only("proxy.login").seen.contains("refused"));

    let mut windows = tunnel(LOGIN, 443);
    windows.tell(challenge(&["Negotiate", "NTLM"], false, false)).fail(Stage::Proxy, text);
    assert!(windows.only("proxy.login").means.contains("Negotiate and NTLM"));

    let mut server = Story::direct("");
    server.tell(What::Challenged(Challenge {
        by_proxy: false,
        who: "example.com:80".into(),
        schemes: vec!["Basic".into()],
        realm: String::new(),
        refused: false,
        can_be_answered: true,
    }));
    assert_eq!(server.only("server.login").severity, Severity::Error);
}

#[test]
fn a_login_that_is_accepted_is_no_fault() {
    let mut story = tunnel(LOGIN, 443);
    story.tell(challenge(&["Digest"], false, true));
    story.out("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    story.inward("HTTP/1.1 200 OK\r\n\r\n");
    assert!(story.faults().is_empty());
    assert_eq!(story.found()[0].severity, Severity::Info);
}

fn answered(kind: &str, request: &str, answer: &str) -> Story {
    let mut story = Story::direct(kind);
    story.out(request).inward(answer).close(Dir::Out);
    story
}

#[test]
fn a_proxy_answers_in_the_place_of_the_server() {
    let squid = "HTTP/1.1 503 Service Unavailable\r\nServer: squid/5.7\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\
                 Via: 1.1 gate (squid/5.7)\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(answered("sse", GET, squid).only("proxy.answered").confidence, Confidence::Certain);
    for (head, name) in [
        ("HTTP/1.1 502 Bad Gateway\r\nServer: nginx/1.24\r\n", "nginx"),
        ("HTTP/1.1 504 Gateway Timeout\r\nServer: openresty\r\n", "OpenResty"),
        ("HTTP/1.1 521 Down\r\nServer: cloudflare\r\n", "Cloudflare"),
        ("HTTP/1.1 403 Forbidden\r\nServer: Zscaler/6.2\r\n", "Zscaler"),
        ("HTTP/1.1 502 Bad Gateway\r\nServer: mitmproxy 10.1\r\n", "mitmproxy"),
        ("HTTP/1.1 403 Forbidden\r\nServer: BlueCoat-Security-Appliance\r\n", "Blue Coat"),
    ] {
        let found = answered("sse", GET, &format!("{head}Content-Length: 0\r\n\r\n")).only("proxy.answered");
        assert!(found.seen.contains(name) && found.confidence == Confidence::Likely, "{}", found.seen);
    }
    let via = "HTTP/1.1 502 Bad Gateway\r\nVia: 1.1 edge\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(answered("sse", GET, via).only("proxy.answered").confidence, Confidence::Possible);
    for own in
        ["404 Not Found\r\nServer: nginx", "404 Not Found\r\nVia: 1.1 edge (squid)", "500 Oops\r\nServer: cloudflare"]
    {
        let head = format!("HTTP/1.1 {own}\r\nContent-Length: 0\r\n\r\n");
        assert!(answered("sse", GET, &head).found().is_empty(), "{own}");
    }
}

const PAGE: &str = "<html><h1>Access denied</h1><p>The content filter of your organisation blocks this.</p></html>";

fn page(status: &str, fields: &str, page: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}Content-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len())
}

#[test]
fn a_page_in_the_place_of_a_stream() {
    let found = answered("sse", GET, &page("200 OK", "Via: 1.1 lab-filter\r\n", PAGE)).only("proxy.block-page");
    assert!(found.seen.contains("lab-filter") && found.confidence == Confidence::Likely, "{found:#?}");
    answered("sse", GET, &page("403 Forbidden", "", PAGE)).only("proxy.block-page");
    let portal = page("511 Network Authentication Required", "", "<html>sign in</html>");
    assert_eq!(answered("sse", GET, &portal).only("proxy.block-page").confidence, Confidence::Certain);
    let plain = answered("sse", GET, &page("200 OK", "", "<html>hello</html>")).only("proxy.block-page");
    assert_eq!(plain.confidence, Confidence::Possible);
    assert!(answered("sse", GET, &page("404 Not Found", "", PAGE)).found().is_empty());

    let upgrade = answered("ws", UPGRADE, &page("200 OK", "", PAGE)).faults();
    assert_eq!(upgrade, ["websocket.upgrade-lost", "proxy.block-page"]);
}

#[test]
fn a_redirection_to_somewhere_else() {
    let head = |location: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n")
    };
    let found =
        answered("sse", GET, &head("https://portal.hotel.example.org/login?back=secret")).only("proxy.block-page");
    assert!(found.confidence == Confidence::Likely && !found.seen.contains("secret"), "{}", found.seen);
    let other = answered("ws", UPGRADE, &head("https://elsewhere.org/")).only("proxy.block-page");
    assert_eq!(other.confidence, Confidence::Possible);
    for own in ["https://example.com/stream", "https://www.example.com/", "/elsewhere"] {
        assert!(answered("sse", GET, &head(own)).found().is_empty(), "{own}");
    }
}

#[test]
fn what_goes_through_a_proxy_names_both() {
    let mut story = Story::of("sse");
    story.open_to("proxy.corp", 3128, false, "request", via(ProxyRole::Forward));
    story.out(GET).inward(EVENTS.replace("text/event-stream", "text/plain")).inward(chunk("data: 1\n\n"));
    let found = story.only("sse.content-type");
    assert!(found.seen.contains("example.com:80 (through the proxy http://proxy.corp:3128)"), "{}", found.seen);
    assert_eq!(found.link, LinkId(1));
}
