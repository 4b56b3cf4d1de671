//! Commands as people copy them, and as we write them ourselves.

use super::*;
use crate::app::{AuthKind, ProxyFrom};
use crate::interop::Chosen;
use crate::session::{Session, Store};
use crate::transport::{HttpVersion, PushType, WebSocketVersion};
use crate::wire::{ConnectionId, Dir, Event, LinkId, Opening, What};

#[track_caller]
fn draft(text: &str) -> Draft {
    let pasted = read(text).unwrap().unwrap();
    assert!(pasted.notes.is_empty(), "{:?}", pasted.notes);
    pasted.draft
}

#[track_caller]
fn notes(text: &str) -> Vec<String> {
    read(text).unwrap().unwrap().notes
}

#[track_caller]
fn refused(text: &str) -> String {
    read(text).unwrap().unwrap_err()
}

#[test]
fn a_pasted_command_becomes_a_draft() {
    let text = "curl -N -XPOST 'https://example.com/events' \\\n -H 'X-A: b: c' -u me:secret -k --data-raw '{\"a\":1}'";
    let draft = draft(text);
    assert_eq!(draft.address, "https://example.com/events");
    assert_eq!((draft.method.as_str(), draft.body.as_str()), ("POST", "{\"a\":1}"));
    assert_eq!(draft.headers, "X-A: b: c\nContent-Type: application/x-www-form-urlencoded");
    assert_eq!((draft.auth, draft.user.as_str(), draft.insecure), (AuthKind::Basic, "me", true));
}

#[test]
fn what_is_not_understood_is_named() {
    assert!(read("https://example.com/").is_none() && read("").is_none() && read("printf 'x'").is_none());
    assert_eq!(refused("curl --fancy x http://a/"), "curl: the option --fancy is not understood");
    assert_eq!(refused("curl 'http://a/"), "curl: a ' is not closed");
    assert_eq!(refused("curl $'http://a/"), "curl: a $' is not closed");
    assert_eq!(refused("curl -s"), "curl: there is no address");
    assert_eq!(refused("curl http://a/ -X"), "curl: -X lacks its value, or is not understood");
    assert!(refused("curl -F 'file=@a' http://a/").starts_with("curl: -F makes a multipart form"));
    assert!(refused("curl -d @body.json http://a/").contains("reads a file"));
    assert!(refused("curl -b cookies.txt http://a/").contains("reads a file"));
    assert!(refused("curl -H @headers http://a/").contains("reads a file"));
    assert!(refused("curl --resolve a:80:1.2.3.4 http://a/").contains("--resolve is not understood"));
    assert!(refused("curl http://a/ http://b/").contains("two addresses"));
    assert!(read("cat x | curl http://a/").is_none());
    assert!(refused("printf '%d' 7 | curl http://a/ -d @-").contains("what comes by the pipe is not understood"));
}

#[test]
fn options_that_curl_users_write() {
    let plain = draft("curl -sSkG example.com/a?x=1 -d b=2 --data-urlencode 'q=ü &'");
    assert_eq!(plain.address, "http://example.com/a?x=1&b=2&q=%C3%BC%20%26");
    assert!(plain.insecure && plain.body.is_empty() && plain.headers.is_empty());
    let json = draft("curl --url http://a/ --json '{\"a\":' --json '1}' -A me -e http://from/ -b 'a=1; b=2' --http1.0");
    assert_eq!(json.body, "{\"a\":1}");
    assert!(json.headers.starts_with("Content-Type: application/json\nAccept: application/json\n"));
    assert!(json.headers.ends_with("User-Agent: me\nReferer: http://from/\nCookie: a=1; b=2"), "{}", json.headers);
    assert_eq!(json.http, HttpVersion::Http10);
    let proxied = draft("curl http://a/ -x p.example:3128 --proxy-user me:geheim -p --connect-timeout 2.5");
    assert_eq!((proxied.proxy_from, proxied.proxy.as_str()), (ProxyFrom::Given, "http://p.example:3128"));
    assert_eq!((proxied.proxy_user.as_str(), proxied.proxy_password.as_str()), ("me", "geheim"));
    assert!(proxied.proxy_tunnel && proxied.connect_timeout_ms == "2500");
    assert_eq!(draft("curl http://a/ --socks5-hostname 127.0.0.1:9050").proxy, "socks5://127.0.0.1:9050");
    let with_login = draft("curl http://a/ -x socks5h://me:x@p:1");
    assert_eq!((with_login.proxy.as_str(), with_login.proxy_user.as_str()), ("socks5://p:1", "me"));
    assert_eq!(draft("curl http://a/ --noproxy '*'").proxy_from, ProxyFrom::None);
    assert_eq!(draft("curl http://a/ -H 'X-Empty;' -H 'Content-Type:' -d x").headers, "X-Empty:");
    assert_eq!(draft("curl -I http://a/").method, "HEAD");
    assert_eq!(draft("curl http://a/ --data-raw ''").method, "POST");
    assert_eq!(draft("curl http://a/ -b a=1 --cookie 'b=2; c=3'").headers, "Cookie: a=1; b=2; c=3");
    assert_eq!(draft("curl wss://a/b -H 'Origin: http://c'").address, "wss://a/b");
    assert_eq!(draft("curl http://a/ -d $'it\\'s\\x0a\\u00e9\\t\\101'").body, "it's\né\tA");
}

#[test]
fn what_is_otherwise_here_is_said() {
    assert_eq!(notes("curl -L http://a/"), ["-L: redirects are shown and not followed"]);
    assert_eq!(
        notes("curl --http2 -m 5 http://a/"),
        ["--http2: it is asked with HTTP/1.1", "-m 5: it ends when you disconnect"]
    );
    assert_eq!(
        notes("curl http://a/ -H Accept: | jq ."),
        ["Accept is sent all the same", "what stands behind the | is left out"]
    );
}

#[test]
fn the_shapes_that_browsers_copy() {
    let chrome = "curl 'https://a.example/s?x=1' \\\n  -H 'accept: text/event-stream' \\\n  -H 'sec-ch-ua: \"A\";v=\"1\"' \\\n  \
                  --data-raw $'{\"a\":\"it\\'s\"}' \\\n  --compressed";
    let chrome = draft(chrome);
    assert_eq!(chrome.address, "https://a.example/s?x=1");
    assert_eq!(chrome.body, "{\"a\":\"it's\"}");
    assert!(chrome.headers.contains("sec-ch-ua: \"A\";v=\"1\""));
    // Chrome's "Copy as cURL (cmd)", as it is today and as it was.
    let today = "curl ^\"https://a.example/s?x=1^&y=^%^20^\" ^\n  -H ^\"accept: */*^\" ^\n  -H ^\"sec-ch-ua: ^\\^\"A^\\^\"^\" ^\n  \
                 --data-raw ^\"^{^\\^\"a^\\^\":1^}^\"";
    let today = draft(today);
    assert_eq!(today.address, "https://a.example/s?x=1&y=%20");
    assert_eq!((today.body.as_str(), today.headers.lines().nth(1)), ("{\"a\":1}", Some("sec-ch-ua: \"A\"")));
    let was = draft("curl.exe \"https://a.example/\" ^\r\n  -H \"accept: */*\" ^\r\n  --data-raw \"{\\\"a\\\":1}\"");
    assert_eq!((was.address.as_str(), was.body.as_str()), ("https://a.example/", "{\"a\":1}"));
    // A paste into one line makes line ends spaces.
    assert_eq!(draft("curl 'http://a/' \\   -H 'x: 1' \\  --compressed").headers, "x: 1");
    assert_eq!(draft("$ curl http://a/").address, "http://a/");
}

#[test]
fn a_websocat_command_opens_its_websocket() {
    let text = "printf '%s\\n' \\\n  one \\\n  'two' |\nwebsocat 'wss://a/b?c' --text --no-close --header='X: y' \
                --protocol='a, b' --origin=http://o -k --websocket-version=8 --ping-interval 3 --socks5 p:1";
    let Pasted { draft, notes } = read(text).unwrap().unwrap();
    assert_eq!((draft.address.as_str(), draft.push_type, draft.insecure), ("wss://a/b?c", PushType::Ws, true));
    assert_eq!(draft.headers, "X: y\nOrigin: http://o");
    assert_eq!((draft.websocket.subprotocols.as_str(), draft.websocket.ping_ms.as_str()), ("a, b", "3000"));
    assert_eq!((draft.websocket.version, draft.proxy.as_str()), (WebSocketVersion::Hybi08, "socks5://p:1"));
    assert_eq!(notes, ["the 2 texts that come by the pipe are not sent: the composer sends"]);
    assert_eq!(super::tests::draft("websocat -tn ws://a/ -H 'A: b' -H='C: d'").headers, "A: b\nC: d");
    assert_eq!(refused("websocat -s 8080"), "websocat: the option -s is not understood");
    assert_eq!(
        refused("websocat tcp:127.0.0.1:1"),
        "websocat: tcp:127.0.0.1:1 is no ws or wss address, and nothing else can be connected to"
    );
    assert_eq!(refused("websocat -t"), "websocat: there is no address");
}

/// A link on which one request went out.
fn session(request: &str, tls: bool) -> Session {
    let mut session = Session::new(Store::memory(), 0);
    let opening = Opening {
        connection: ConnectionId(1),
        host: "a.example".into(),
        port: 8080,
        tls,
        purpose: "request".into(),
        via: None,
    };
    for what in [What::Opening(opening), What::Bytes(Dir::Out, request.to_owned().into())] {
        session.append(Event { at_ns: 1, link: LinkId(1), what });
    }
    session
}

#[test]
fn what_we_write_is_what_we_read() {
    let body = "{\"it's\": \"$HOME \\\\ `x` %s\"}\n@\u{202e}";
    let head = "PUT /a?b=[c]&d='e' HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: me\r\nX-Empty: \r\nx-one: it's \"1\"\r\nX-One: 2\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    for tls in [false, true] {
        let session = session(&request, tls);
        let mut text = Vec::new();
        let chosen = Chosen { session: &session, title: "a\nb", ids: None, remarks: &[] };
        crate::interop::curl::write(&chosen, &mut text, &mut |_, _| true).unwrap();
        let text = String::from_utf8(text).unwrap();
        let Pasted { draft, notes } = read(&text).unwrap().unwrap_or_else(|why| panic!("{why}: {text}"));
        // Accept was not sent, and we always send one.
        assert_eq!(notes, ["Accept is sent all the same"], "{text}");
        assert_eq!(draft.address, format!("http{}://a.example:8080/a?b=[c]&d='e'", if tls { "s" } else { "" }));
        assert_eq!((draft.method.as_str(), draft.body.as_str()), ("PUT", body), "{text}");
        assert_eq!(draft.headers, "User-Agent: me\nX-Empty:\nx-one: it's \"1\"\nX-One: 2");
    }
    let zero = session("POST / HTTP/1.1\r\nHost: a.example:8080\r\nContent-Length: 3\r\n\r\na\0b", false);
    let text = crate::interop::curl::one(&zero, 1).unwrap();
    assert!(text.starts_with("printf 'a\\000b' | curl"), "{text}");
    assert_eq!(read(&text).unwrap().unwrap().draft.body, "a\0b");
}
