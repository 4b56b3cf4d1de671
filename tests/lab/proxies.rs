//! The lab's forward proxies, as curl and bare sockets meet them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::middleboxes::{addr_of, read_body, read_head, read_rest, upgrade};
use crate::peers::{Answered, PATIENCE, Running, connect, curl, start_curl};

/// The URL and the proxy that `lab_url` leads to.
fn place(lab: &Running, lab_url: &str) -> (String, String) {
    let place = lab.place(lab_url).unwrap();
    (place.url, place.proxy.unwrap())
}

fn curl_through(proxy: &str, arguments: &[&str]) -> Answered {
    curl(&[&["--noproxy", "", "-x", proxy], arguments].concat())
}

fn ask(proxy: &str, request: &str) -> TcpStream {
    let mut stream = connect(addr_of(proxy));
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn connect_to(target: impl std::fmt::Display) -> String {
    format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")
}

/// A server that takes one connection, and the head that came over it.
fn one_request(listener: &TcpListener) -> (TcpStream, String) {
    listener.set_nonblocking(true).unwrap();
    let start = Instant::now();
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "no connection came: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = read_head(&mut stream);
    (stream, head)
}

#[test]
fn connect_443_only_refuses_as_squid_does() {
    let lab = Running::start();
    let (url, proxy) = place(&lab, "lab:ws?via=connect-443-only");
    assert_eq!(url, lab.ws("/ws?rate=2"));
    let mut stream = ask(&proxy, &connect_to(lab.addr));
    let head = read_head(&mut stream);
    let lines: Vec<_> = head.lines().filter(|line| !line.starts_with("Date: ")).collect();
    let expected = [
        "HTTP/1.1 403 Forbidden",
        "Server: squid/5.7",
        "X-Squid-Error: ERR_ACCESS_DENIED 0",
        "Via: 1.1 lab-proxy (squid/5.7)",
        "Connection: close",
        "Content-Type: text/html; charset=utf-8",
    ];
    assert_eq!(lines[..6], expected);
    assert!(read_body(&mut stream, &head).contains("443 only"));
    assert_eq!(read_rest(&mut stream), b"");

    let answered = |request: &str| read_head(&mut ask(&proxy, request));
    // Nothing listens there.
    assert!(answered(&connect_to("127.7.7.7:443")).contains("\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n"));
    assert!(answered(&connect_to("192.0.2.1:443")).starts_with("HTTP/1.1 403 "));
    assert!(answered(&connect_to("nowhere")).starts_with("HTTP/1.1 400 "));
    assert!(answered("GET / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(answered("GET https://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert_eq!(curl_through(&proxy, &["-p", &lab.http("/")]).status(), 403);
}

#[test]
fn plain_requests_are_forwarded_well() {
    let lab = Running::start();
    let (url, proxy) = place(&lab, "lab:sse?via=connect-443-only");
    let stream = start_curl(&["--noproxy", "", "-x", &proxy, &url]);
    let head = stream.head();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\nVia: 1.1 lab-proxy (squid/5.7)\r\n"),
        "{head}"
    );
    let events = std::iter::from_fn(|| stream.line()).filter(|line| line.starts_with(b"data: ")).take(2);
    assert_eq!(events.count(), 2, "while the answer goes on");
    drop(stream);
    lab.wait_for_subscribers("demo", 0);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let request = format!(
        "POST http://{target}?b HTTP/1.1\r\nHost: wrong\r\nAccept: x/y\r\nProxy-Connection: keep-alive\r\nX-Hop: 1\r\n\
         Connection: X-Hop\r\nTE: trailers\r\nProxy-Authorization: Basic YTpi\r\nContent-Length: 2\r\n\r\nhi"
    );
    let mut client = ask(&proxy, &request);
    for _ in 0..2 {
        let (mut server, head) = one_request(&listener);
        let expected = format!(
            "POST /?b HTTP/1.1\r\nAccept: x/y\r\nContent-Length: 2\r\nHost: {target}\r\n\
             Via: 1.1 lab-proxy (squid/5.7)\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(head, expected);
        server.read_exact(&mut [0; 2]).unwrap();
        let answer = "HTTP/1.0 200 Fine\r\nKeep-Alive: timeout=5\r\nContent-Length: 3\r\nX: 1\r\n\r\nyes";
        server.write_all(answer.as_bytes()).unwrap();
        let head = read_head(&mut client);
        let expected = "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nX: 1\r\nVia: 1.0 lab-proxy (squid/5.7)\r\n\
                        Connection: keep-alive\r\n\r\n";
        assert_eq!(head, expected);
        assert_eq!(read_body(&mut client, &head), "yes");
        client.write_all(request.as_bytes()).unwrap();
    }
    // The client is gone: so is the connection to the server.
    let (mut server, _) = one_request(&listener);
    drop(client);
    assert_eq!(read_rest(&mut server), b"hi");
    // The server is gone without an answer.
    let mut client = ask(&proxy, &request);
    drop(one_request(&listener));
    let head = read_head(&mut client);
    assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{head}");
}

#[test]
fn needs_login_wants_a_login() {
    let lab = Running::start();
    let (url, proxy) = place(&lab, "lab:poll?via=needs-login");
    assert_eq!(url, lab.http("/poll?rate=2"));
    let mut stream = ask(&proxy, &connect_to(lab.addr));
    for _ in 0..2 {
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 407 Proxy Authentication Required\r\n"), "{head}");
        assert!(head.contains("\r\nProxy-Authenticate: Basic realm=\"lab proxy\"\r\n"), "{head}");
        let digest = "\r\nProxy-Authenticate: Digest realm=\"lab proxy\", qop=\"auth\", nonce=\"";
        assert!(head.contains(digest) && head.contains("\", algorithm=SHA-256\r\n"), "{head}");
        read_body(&mut stream, &head);
        stream.write_all(format!("GET {url} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    }
    let head = read_head(&mut stream);
    read_body(&mut stream, &head);
    // Over the same connection, with what was asked for.
    let target = lab.addr;
    let request = format!("CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic bGFiOmxhYg==\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(read_head(&mut stream), "HTTP/1.1 200 Connection established\r\n\r\n");
    stream.write_all(upgrade("/ws?rate=0&count=1").as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));

    for scheme in ["--proxy-basic", "--proxy-digest", "--proxy-anyauth"] {
        for tunnel in [&["-p"][..], &[]] {
            let arguments =
                [&[scheme, "--proxy-header", "X-A: b", "-o", "/dev/null", "-w", "%{http_code}", &url], tunnel];
            let answered = |user: &str| curl_through(&proxy, &[&["-U", user][..], &arguments.concat()].concat());
            let right = answered("lab:lab");
            assert!(format!("{}{}", right.head, right.text()).ends_with("200"), "{scheme} {tunnel:?}: {right:?}");
            let wrong = answered("lab:wrong");
            assert!(!format!("{}{}", wrong.head, wrong.text()).ends_with("200"), "{scheme} {tunnel:?}: {wrong:?}");
        }
    }
}

#[test]
fn tls_intercept_vouches_for_any_host() {
    let lab = Running::start();
    let place = lab.place("lab:sse?rate=0&count=2&via=tls-intercept").unwrap();
    let (proxy, ca_file) = (place.proxy.unwrap(), place.ca_file.unwrap());
    assert_eq!(place.url, format!("https://{}/sse?rate=0&count=2", lab.addr));
    let distrusted = curl_through(&proxy, &[&place.url]);
    assert_eq!(distrusted.exit_code, Some(60), "curl's word for a certificate that it does not trust: {distrusted:?}");
    let arguments = ["--cacert", ca_file.to_str().unwrap(), "--suppress-connect-headers", &place.url];
    let trusted = curl_through(&proxy, &arguments);
    assert_eq!((trusted.status(), trusted.text().matches("data: {").count()), (200, 2), "{trusted:?}");
    let plain = curl_through(&proxy, &[&lab.http("/poll")]);
    assert_eq!((plain.status(), plain.field("Via")), (200, Some("1.1 lab-proxy")));

    for host in ["example.com", "127.0.0.1", "[::1]"] {
        let (mut stream, issuer) = over_tls(addr_of(&proxy), host, &ca_file);
        assert_eq!(issuer, "CN=Pushscope Lab Interception CA, O=Lab Proxy");
        stream.write_all(upgrade("/ws?rate=0&count=1").as_bytes()).unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "), "{host}");
        let mut start = [0; 2];
        stream.read_exact(&mut start).unwrap();
        assert_eq!(start[0], 0x81);
    }
}

/// A TLS connection to `host` through the proxy, and who vouches for it.
fn over_tls(
    proxy: SocketAddr,
    host: &str,
    ca_file: &std::path::Path,
) -> (StreamOwned<ClientConnection, TcpStream>, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let mut stream = connect(proxy);
    stream.write_all(connect_to(format!("{host}:443")).as_bytes()).unwrap();
    assert_eq!(read_head(&mut stream), "HTTP/1.1 200 Connection established\r\n\r\n");
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream);
    stream.conn.complete_io(&mut stream.sock).unwrap();
    let shown = stream.conn.peer_certificates().unwrap()[0].clone();
    let (_, certificate) = x509_parser::parse_x509_certificate(&shown).unwrap();
    (stream, certificate.issuer().to_string())
}
