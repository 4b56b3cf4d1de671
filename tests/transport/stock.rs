//! Ordinary clients against the lab, which they accept, and against servers that they must not.

use crate::support::{PATIENCE, RUNTIME, Server, spec};
use crate::tls::Certificates;
use pushscope::lab::{Lab, resolve};
use pushscope::transport::{Auth, ProxyChoice, PushType, Spec, Verdict, stock};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

static LAB: LazyLock<Lab> =
    LazyLock::new(|| RUNTIME.block_on(Lab::start("127.0.0.1:0".parse().unwrap())).expect("the lab"));

/// What a limit is overrun by at most, on a machine that is busy.
const SLACK: Duration = Duration::from_millis(500);

#[track_caller]
fn visit_for(spec: Spec, limit: Duration) -> Verdict {
    let began = Instant::now();
    let verdict = RUNTIME.block_on(RUNTIME.spawn(async move { stock(&spec, limit).await })).expect("a verdict");
    assert!(began.elapsed() < limit.saturating_add(SLACK), "it took {:?}: {verdict:?}", began.elapsed());
    assert!(u128::from(verdict.took_ns) <= began.elapsed().as_nanos(), "{verdict:?}");
    verdict
}

#[track_caller]
fn accepted(spec: Spec, client: &str, says: &str) -> Verdict {
    let verdict = visit_for(spec, PATIENCE);
    assert!(verdict.accepted && verdict.says.starts_with("accepted") && verdict.says.contains(says), "{verdict:?}");
    assert!(verdict.client.contains(client), "{verdict:?}");
    verdict
}

#[track_caller]
fn refused(spec: Spec, says: &str) -> Verdict {
    let verdict = visit_for(spec, PATIENCE);
    assert!(!verdict.accepted && verdict.messages == 0 && verdict.says.contains(says), "{verdict:?}");
    verdict
}

fn typed(push_type: PushType, url: impl Into<String>) -> Spec {
    Spec { push_type, ..spec(url) }
}

fn lab(push_type: PushType, url: &str) -> Spec {
    typed(push_type, resolve(LAB.addr(), url).unwrap())
}

/// A server that reads a request and answers each with the same bytes, and then holds the connection for a while.
fn says(answer: &'static [u8]) -> Server {
    Server::start(move |_, mut peer| {
        peer.request();
        peer.say_bytes(answer);
        peer.sees_the_end();
    })
}

/// As [`says`], and hangs up.
fn says_and_leaves(answer: &'static [u8]) -> Server {
    Server::start(move |_, mut peer| {
        peer.request();
        peer.say_bytes(answer);
    })
}

#[test]
fn the_lab_is_accepted() {
    for (push_type, url, client, says) in [
        (PushType::Sse, "lab:sse?rate=20", "eventsource-stream", "the first event came after"),
        (PushType::Auto, "lab:sse?rate=20", "eventsource-stream", "the first event came after"),
        (PushType::Sse, "lab:sse10?rate=20", "eventsource-stream", "the first event came after"),
        (PushType::Ws, "lab:ws?rate=20", "tokio-tungstenite", "the first message came after"),
        (PushType::Auto, "lab:ws?rate=20", "tokio-tungstenite", "the first message came after"),
        (PushType::Stream, "lab:stream?rate=20", "reqwest", "bytes of the answer (status 200, application/x-ndjson)"),
        (PushType::Auto, "lab:stream?rate=20", "reqwest", "bytes of the answer (status 200, application/x-ndjson)"),
        (PushType::Stream, "lab:multipart?rate=20", "reqwest", "multipart/"),
        (PushType::Poll, "lab:poll?rate=20", "reqwest", "the answer (status 200, application/json"),
        (PushType::LongPoll, "lab:longpoll?rate=20", "reqwest", "the answer (status 200, application/json"),
    ] {
        let verdict = accepted(lab(push_type, url), client, says);
        assert_eq!(verdict.messages, 1, "{url}: {verdict:?}");
    }
}

#[test]
fn silence_behind_a_handshake_is_accepted_and_said() {
    let limit = Duration::from_millis(600);
    for (push_type, url) in
        [(PushType::Sse, "lab:sse?scenario=quiet"), (PushType::Auto, "lab:ws?scenario=quiet&channel=hush")]
    {
        let verdict = visit_for(lab(push_type, url), limit);
        assert!(verdict.accepted && verdict.messages == 0, "{verdict:?}");
        assert!(verdict.says.starts_with("accepted, and silent for "), "{verdict:?}");
        assert!(u128::from(verdict.took_ns) >= limit.as_nanos(), "{verdict:?}");
    }
}

#[test]
fn silence_in_place_of_an_answer_is_refused() {
    let server = says(b"");
    let limit = Duration::from_millis(400);
    for (spec, says) in [
        (spec(server.url("/")), "no answer from 127.0.0.1"),
        (spec(server.ws("/")), "to the upgrade request within 400 ms"),
        (spec(server.ws("/").replace("ws:", "wss:")), "no end of the TLS handshake with"),
    ] {
        let verdict = visit_for(spec, limit);
        assert!(!verdict.accepted && verdict.says.contains(says), "{verdict:?}");
    }
    let verdict = visit_for(typed(PushType::LongPoll, server.url("/")), limit);
    assert!(!verdict.accepted && verdict.says.contains("a long poll may be held for longer"), "{verdict:?}");
    let server = self::says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
    let verdict = visit_for(typed(PushType::Poll, server.url("/")), limit);
    assert!(!verdict.accepted && verdict.says.contains("did not end within 400 ms"), "{verdict:?}");
}

#[test]
fn event_streams_are_taken_as_event_source_takes_them() {
    let sse = |server: &Server| typed(PushType::Sse, server.url("/"));
    refused(
        sse(&says(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\ndata: x\n\n")),
        "Content-Type is text/plain",
    );
    refused(sse(&says(b"HTTP/1.1 200 OK\r\n\r\ndata: x\n\n")), "no Content-Type");
    refused(sse(&says(b"HTTP/1.1 204 No Content\r\n\r\n")), "tells an EventSource to stop");
    let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n";
    refused(sse(&says(head.as_bytes())), "status 404, and this client wants 200");
    refused(spec(says(head.as_bytes()).url("/")), "status 404");
    let with_charset =
        b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream;charset=utf-8\r\n\r\n: hi\n\ndata: \xe3\x81\x82\n\n";
    accepted(sse(&says(with_charset)), "eventsource", "“あ”");
    let broken = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xff\n\n";
    refused(sse(&says(broken)), "not UTF-8");
    let later = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\ndata: \xff\n\n";
    accepted(sse(&says(later)), "eventsource", "“x”");
    let broken = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    refused(sse(&says(broken)), "the event stream broke off");
    let empty = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: nothing\n\n";
    accepted(sse(&says_and_leaves(empty)), "eventsource", "ended without an event");
    let verdict = visit_for(sse(&says(empty)), Duration::from_millis(300));
    assert!(verdict.accepted && verdict.says.contains("but for 11 bytes"), "{verdict:?}");
}

#[test]
fn a_byte_order_mark_starts_an_event_stream() {
    for (start, says) in [("", "“x”"), ("\u{feff}", "“x”"), ("\u{feff}\u{feff}", "“y”")] {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        let body = format!("{start}data: x\n\ndata: y\n\n");
        let server = Server::start(move |_, mut peer| {
            peer.request();
            peer.say(head);
            // In parts, which a mark may be split by.
            for byte in body.bytes() {
                peer.say_bytes(&[byte]);
                std::thread::sleep(Duration::from_millis(2));
            }
            peer.sees_the_end();
        });
        accepted(typed(PushType::Sse, server.url("/")), "eventsource", says);
    }
}

#[test]
fn any_other_answer_wants_a_good_status_and_a_whole_body() {
    let get = |push_type, answer| typed(push_type, says_and_leaves(answer).url("/"));
    accepted(get(PushType::Poll, b"HTTP/1.1 204 No Content\r\n\r\n"), "reqwest", "the answer is empty (status 204)");
    accepted(get(PushType::Poll, b"HTTP/1.1 304 Not Modified\r\n\r\n"), "reqwest", "status 304");
    refused(get(PushType::Poll, b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), "status 500, and this client wants");
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    refused(get(PushType::LongPoll, cut), "broke off: the server hung up before its end");
    accepted(get(PushType::Stream, b"HTTP/1.1 200 OK\r\n\r\n"), "reqwest", "ended without a byte");
    let cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    accepted(get(PushType::Stream, cut), "reqwest", "hung up before it said anything");
}

#[test]
fn what_is_not_http_and_what_is_not_there_are_told_apart() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "ws"] {
        let at = |server: &Server| spec(format!("{scheme}://{}/", server.address));
        refused(at(&says(b"SSH-2.0-OpenSSH_9.6\r\n")), "is not HTTP");
        refused(at(&says_and_leaves(b"")), "hung up without a whole answer");
        refused(at(&says_and_leaves(b"HTTP/1.1 200 O")), "hung up without a whole answer");
        refused(
            at(&Server::start(|_, mut peer| {
                peer.request();
                peer.reset();
            })),
            "hung up without a whole answer",
        );
        refused(spec(format!("{scheme}://{nobody}/")), &format!("connecting to {nobody} failed: refused"));
        refused(spec(format!("{scheme}://nowhere.invalid/")), "connecting to nowhere.invalid:80 failed");
    }
    refused(spec("ftp://h/"), "cannot be opened");
}

#[test]
fn redirects_are_followed_and_said() {
    let server = Server::start(|_, mut peer| {
        while let Some(path) = peer.request().split(' ').nth(1) {
            match path {
                "/there" => peer.answer("200 OK", "Content-Type: text/plain\r\n", "hi"),
                "/round" => peer.answer("302 Found", "Location: /round\r\n", ""),
                _ => peer.answer("307 Temporary Redirect", "Location: /there\r\n", ""),
            }
        }
    });
    let verdict = accepted(spec(server.url("/here?token=x")), "reqwest", "“hi”");
    assert!(verdict.says.contains(&format!("redirected to {}", server.url("/there"))), "{verdict:?}");
    refused(spec(server.url("/round")), "keeps redirecting");
    refused(typed(PushType::Ws, server.url("/here")), "status 307, and this client wants 101");
}

#[test]
fn what_was_typed_is_sent() {
    let server = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let mut asked = spec(format!("http://me:s%20x@{}/p?q=1", server.address));
    asked.headers = vec![("X-Mine".into(), "1".into()), ("x-mine".into(), "2".into()), ("Host".into(), "other".into())];
    asked.headers.push(("Content-Length".into(), "99".into()));
    asked.body = Some("hello".into());
    accepted(asked.clone(), "reqwest", "“ok”");
    let request = server.request();
    assert!(request.starts_with("POST /p?q=1 HTTP/1.1\r\n") && request.ends_with("\r\n\r\nhello"), "{request}");
    let lower = request.to_lowercase();
    for line in ["x-mine: 1", "x-mine: 2", "host: other", "content-length: 5", "authorization: basic bwu6cyb4"] {
        assert!(lower.contains(&format!("\r\n{line}\r\n")), "{line} is missing: {request}");
    }
    assert!(!lower.contains("pushscope"), "{request}");
    let mut asked = Spec { last_event_id: Some("7".into()), ..typed(PushType::Sse, server.url("/")) };
    asked.auth = Auth::Bearer { token: "t".into() };
    refused(asked.clone(), "no Content-Type");
    let lower = server.request().to_lowercase();
    for line in ["last-event-id: 7", "accept: text/event-stream", "authorization: bearer t", "cache-control: no-cache"]
    {
        assert!(lower.contains(&format!("\r\n{line}\r\n")), "{line} is missing: {lower}");
    }
    asked.push_type = PushType::Ws;
    asked.websocket.subprotocols = vec!["a".into(), "b".into()];
    asked.headers = vec![("Origin".into(), "http://o".into()), ("Host".into(), "other".into())];
    refused(asked, "status 200, and this client wants 101");
    let lower = server.request().to_lowercase();
    for line in ["host: other", "origin: http://o", "sec-websocket-protocol: a, b", "authorization: bearer t"] {
        assert_eq!(lower.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line}: {lower}");
    }
}

/// A server that accepts the upgrade with these header lines, and then says something.
fn upgrades(status: &'static str, headers: &'static str, then: &'static [u8]) -> Server {
    Server::start(move |_, mut peer| {
        let request = peer.request();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
        let accept = derive_accept_key(key.as_bytes());
        peer.say(&format!("HTTP/1.1 {status}\r\n{}\r\n", headers.replace("KEY", &accept)));
        peer.say_bytes(then);
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        peer.sees_the_end();
    })
}

const GOOD: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n";

#[test]
fn upgrades_are_checked_by_tungstenite() {
    const SWITCHING: &str = "101 Switching Protocols";
    for (status, headers, says) in [
        (
            SWITCHING,
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: xKEY\r\n",
            "Sec-WebSocket-Accept",
        ),
        (
            SWITCHING,
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
            "Sec-WebSocket-Accept is missing or does not belong",
        ),
        (SWITCHING, "Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n", "Upgrade: websocket"),
        (SWITCHING, "Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n", "Connection header"),
        (
            SWITCHING,
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: x\r\n",
            "subprotocol",
        ),
        ("403 Forbidden", GOOD, "status 403, and this client wants 101"),
    ] {
        refused(spec(upgrades(status, headers, b"").ws("/")), says);
    }
    for (then, says) in [
        (&b"\x81\x02hi"[..], "the first message came after"),
        (b"\x89\x00\x82\x01\x07", "the first message, binary, came after"),
        (b"\x88\x05\x03\xe9bye", "the server closed with 1001 “bye”"),
        (b"\x88\x00", "the server closed without a code"),
        (b"", "hung up without a close frame"),
    ] {
        accepted(spec(upgrades(SWITCHING, GOOD, then).ws("/")), "tungstenite", says);
    }
    for (then, says) in [(&b"\xc1\x02hi"[..], "Reserved bits"), (b"\x81\x81aaaab", "masked")] {
        let verdict = refused(spec(upgrades(SWITCHING, GOOD, then).ws("/")), says);
        assert!(verdict.says.starts_with("the upgrade was fine, but not what followed"), "{verdict:?}");
    }
}

#[test]
fn the_server_sees_a_polite_close() {
    let (sender, closes) = std::sync::mpsc::channel();
    let server = Server::start(move |_, mut peer| {
        let request = peer.request();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
        peer.say(&format!(
            "HTTP/1.1 101 Switching Protocols\r\n{}\r\n",
            GOOD.replace("KEY", &derive_accept_key(key.as_bytes()))
        ));
        let frame = peer.read(2);
        sender.send(frame).unwrap();
    });
    visit_for(spec(server.ws("/")), Duration::from_millis(200));
    assert_eq!(closes.recv_timeout(PATIENCE).unwrap(), [0x88, 0x80]);
}

/// TLS in front of the lab. Gives its port.
fn lab_behind_tls(certificates: &Certificates) -> u16 {
    let chain = vec![CertificateDer::from_pem_file(certificates.path("cert.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificates.path("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let lab = LAB.addr();
    RUNTIME.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                let mut behind = tokio::net::TcpStream::connect(lab).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    port
}

#[test]
fn certificates_are_verified_as_the_user_wants() {
    let certificates = Certificates::make(&["localhost"], (2024, 2099));
    let port = lab_behind_tls(&certificates);
    for url in [format!("https://localhost:{port}/sse?rate=20"), format!("wss://localhost:{port}/ws?rate=20")] {
        refused(spec(url.clone()), "certificate");
        for named in [true, false] {
            let mut spec = spec(url.clone());
            spec.tls.insecure = !named;
            spec.tls.ca_file = certificates.text("ca.pem").filter(|_| named);
            assert_eq!(accepted(spec, "", "the first").messages, 1);
        }
        let mut spec = spec(url.replace("localhost", "127.0.0.1"));
        spec.tls.ca_file = certificates.text("ca.pem");
        refused(spec, "certificate");
    }
    let mut spec = lab(PushType::Sse, "lab:sse?rate=20");
    spec.tls.ca_file = Some("/nonexistent.pem".into());
    accepted(spec.clone(), "eventsource", "the first event");
    spec.url = spec.url.replace("http:", "https:");
    refused(spec, "nonexistent.pem cannot be read");
}

/// An HTTP proxy that knows CONNECT and the absolute form, and wants the login me:pw.
fn proxy() -> Server {
    Server::start(|_, mut peer| {
        let request = peer.request();
        if !request.to_lowercase().contains("\r\nproxy-authorization: basic bwu6chc=\r\n") {
            return peer.answer("407 Proxy Authentication Required", "", "");
        }
        let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let is_tunnel = request.starts_with("CONNECT ");
        let place = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let mut behind = TcpStream::connect(place).unwrap();
        if is_tunnel {
            peer.say("HTTP/1.1 200 Fine\r\nX-More: yes\r\n\r\n");
        } else {
            behind.write_all(request.as_bytes()).unwrap();
        }
        let (mut from, mut to) = (peer.stream.try_clone().unwrap(), behind.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = behind.read(&mut buffer) {
            peer.say_bytes(&buffer[..len]);
        }
    })
}

#[test]
fn the_proxy_that_was_given_is_used() {
    let certificates = Certificates::make(&["localhost"], (2024, 2099));
    let port = lab_behind_tls(&certificates);
    let proxy = proxy();
    for (url, asked) in [
        (resolve(LAB.addr(), "lab:sse?rate=20").unwrap(), format!("GET http://{}/sse?rate=20 ", LAB.addr())),
        (resolve(LAB.addr(), "lab:ws?rate=20").unwrap(), format!("CONNECT {} ", LAB.addr())),
        (format!("https://localhost:{port}/sse?rate=20"), format!("CONNECT localhost:{port} ")),
        (format!("wss://localhost:{port}/ws?rate=20"), format!("CONNECT localhost:{port} ")),
    ] {
        let mut spec = spec(url);
        spec.tls.ca_file = certificates.text("ca.pem");
        spec.proxy.choice = ProxyChoice::Given(format!("http://{}", proxy.address));
        spec.proxy.login = Some(("me".into(), "pw".into()));
        accepted(spec.clone(), "", "the first");
        let request = proxy.request();
        assert!(request.starts_with(&asked), "{asked}: {request}");
        // The login in the address is used, too, and a wrong one is not taken.
        spec.proxy.choice = ProxyChoice::Given(format!("http://me:pw@{}", proxy.address));
        spec.proxy.login = None;
        accepted(spec.clone(), "", "the first");
        proxy.request();
        spec.proxy.login = Some(("me".into(), "hush".into()));
        let verdict = visit_for(spec.clone(), PATIENCE);
        assert!(!verdict.accepted && !verdict.says.contains("hush"), "{verdict:?}");
        proxy.request();
        spec.proxy.choice = ProxyChoice::Given("socks5://127.0.0.1:9".into());
        refused(spec, "not asked: this client knows no SOCKS proxies");
    }
}

#[test]
fn no_limit_is_too_long_or_too_short() {
    let verdict = visit_for(lab(PushType::Sse, "lab:sse?rate=20"), Duration::MAX);
    assert!(verdict.accepted, "{verdict:?}");
    let verdict = visit_for(spec(says(b"").url("/")), Duration::ZERO);
    assert!(!verdict.accepted, "{verdict:?}");
}
