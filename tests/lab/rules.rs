//! What the lab refuses, and that nothing a client does takes it down.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use pushscope::lab::{ENDPOINTS, Lab, resolve};

use crate::peers::{PATIENCE, Running, bare, connect, curl, start_curl};

#[test]
fn it_listens_on_loopback_only() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:0.0.0.0]:0"] {
        let listen: SocketAddr = addr.parse().unwrap();
        let error = runtime.block_on(Lab::start(listen)).unwrap_err().to_string();
        assert!(error.contains("loopback only") && error.contains(addr), "{error}");
    }
}

#[test]
fn every_endpoint_is_described_and_answers() {
    let lab = Running::start();
    let guide = curl(&[&lab.http("/")]);
    assert_eq!(guide.status(), 200);
    for endpoint in ENDPOINTS {
        let sign = if endpoint.name.contains('?') { '&' } else { '?' };
        let url = resolve(lab.addr, &format!("lab:{}{sign}count=0", endpoint.name)).unwrap();
        assert!(guide.text().contains(endpoint.path), "{}", guide.text());
        let answered = curl(&[&url.replace("ws://", "http://")]);
        let expected = match endpoint.name {
            name if name.starts_with("ws") => 426,
            "longpoll" => 204,
            _ => 200,
        };
        assert_eq!(answered.status(), expected, "{url}: {answered:?}");
    }
    let lost = curl(&[&lab.http("/nowhere")]);
    assert_eq!(lost.status(), 404);
    assert!(lost.text().starts_with("There is nothing at /nowhere.") && lost.text().contains("/longpoll"));
}

#[test]
fn a_bad_parameter_is_named_with_what_is_allowed() {
    let lab = Running::start();
    for (query, allowed) in [("rate=fast", "0.001 to 1000000"), ("scenario=x", "tweets"), ("split=0", "1 to 65536")] {
        for path in ["/poll", "/longpoll", "/stream", "/multipart", "/sse", "/sse10", "/lines", "/ws"] {
            let answered = curl(&[&lab.http(&format!("{path}?{query}"))]);
            let name = query.split('=').next().unwrap();
            assert_eq!(answered.status(), 400, "{path}?{query}");
            assert!(answered.text().contains(&format!("parameter {name} is ")), "{}", answered.text());
            assert!(answered.text().contains(allowed), "{}", answered.text());
        }
    }
}

#[test]
fn methods() {
    let lab = Running::start();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.scheme == "http") {
        let head = curl(&["-I", &lab.http(endpoint.path)]);
        assert_eq!((head.status(), head.exit_code), (200, Some(0)));
    }
    let options = curl(&["-X", "OPTIONS", &lab.http("/sse")]);
    assert_eq!((options.status(), options.field("Allow")), (204, Some("GET, HEAD, POST, OPTIONS")));
    assert_eq!(options.field("Access-Control-Allow-Origin"), Some("*"));
    let wrong = curl(&["-X", "DELETE", &lab.http("/poll")]);
    assert_eq!((wrong.status(), wrong.field("Allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(curl(&[&lab.http("/publish")]).status(), 405);
}

#[test]
fn connections_are_kept_for_the_next_request() {
    let lab = Running::start();
    let request = |target: &str, last: bool| {
        let close = if last { "Connection: close\r\n" } else { "" };
        format!("GET {target} HTTP/1.1\r\nHost: lab\r\n{close}\r\n")
    };
    let stream = request("/stream?rate=0&count=1", false);
    let poll = request("/poll?rate=0&count=1", false);
    let end = request("/", true);
    let mut socket = connect(lab.addr);
    socket.write_all([stream, poll, end].concat().as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
}

#[test]
fn nonsense_is_refused_and_the_lab_lives_on() {
    let lab = Running::start();
    let status = |request: &[u8]| {
        let answer = String::from_utf8_lossy(&bare(lab.addr, request)).into_owned();
        answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).unwrap_or(0)
    };
    let head = |fields: &str| format!("POST /publish HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
    assert_eq!(status(b"\x16\x03\x01\x02\x00"), 400);
    assert_eq!(status(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_eq!(status(b"\xFF\xFE\x00"), 400);
    assert_eq!(status(b"GET / HTTP/1.1\r\nHost: a\r\nX: "), 400);
    assert_eq!(status(&head(&format!("X: {}\r\n", "x".repeat(70_000)))), 431);
    assert_eq!(status(&head("Content-Length: 16777217\r\n")), 413);
    assert_eq!(status(&head("Content-Length: 99999999999999999999999\r\n")), 413);
    assert_eq!(status(&head("Content-Length: -1\r\n")), 400);
    assert_eq!(status(&head("Content-Length: 1\r\nContent-Length: 2\r\n")), 400);
    assert_eq!(status(&head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400);
    assert_eq!(status(&head("Transfer-Encoding: gzip\r\n")), 501);
    assert_eq!(status(&[head("Transfer-Encoding: chunked\r\n"), b"zz\r\n".to_vec()].concat()), 400);
    assert_eq!(status(&[head("Transfer-Encoding: chunked\r\n"), b"ffffffffffffffff\r\n".to_vec()].concat()), 413);
    let chunks = [head("Transfer-Encoding: chunked\r\n"), b"2;x=y\r\nhi\r\n0\r\nT: 1\r\n\r\n".to_vec()].concat();
    assert_eq!(status(&chunks), 200);
    assert_eq!(status(b""), 0);
    assert_eq!(curl(&[&lab.http("/poll?rate=0&count=1&scenario=quiet")]).text().matches("hi").count(), 1);
}

#[test]
fn a_large_body_is_taken_and_a_larger_one_refused() {
    let lab = Running::start();
    let folder = std::env::temp_dir();
    let file = folder.join(format!("pushscope-lab-body-{}", std::process::id()));
    for (length, status) in [(16 << 20, 200), ((16 << 20) + 1, 413)] {
        std::fs::write(&file, vec![b'x'; length]).unwrap();
        let answered = curl(&[&lab.http("/publish"), "--data-binary", &format!("@{}", file.display())]);
        assert_eq!(answered.status(), status, "{answered:?}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_client_that_leaves_stops_its_feed() {
    let lab = Running::start();
    let quiet = start_curl(&[&lab.http("/stream?scenario=quiet&channel=leaving")]);
    // A client that reads nothing, of a feed as fast as can be.
    let mut deaf = connect(lab.addr);
    deaf.write_all(b"GET /sse?rate=0&channel=leaving HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    lab.wait_for_subscribers("leaving", 2);
    drop(quiet);
    lab.wait_for_subscribers("leaving", 1);
    drop(deaf);
    lab.wait_for_subscribers("leaving", 0);
}

#[test]
fn a_dropped_lab_closes_its_connections() {
    let mut lab = Running::start();
    let stream = start_curl(&[&lab.http("/stream?scenario=quiet")]);
    lab.wait_for_subscribers("demo", 1);
    lab.stop();
    // The last chunk never came: "transfer closed with outstanding read data remaining".
    assert_eq!(stream.finish().exit_code, Some(18));
    std::thread::sleep(Duration::from_millis(20));
    assert!(std::net::TcpStream::connect_timeout(&lab.addr, PATIENCE).is_err());
}
