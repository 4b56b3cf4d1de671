//! The middleboxes that stand before the lab unseen: what each does to the bytes, and to nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use pushscope::lab::MIDDLEBOXES;

use crate::peers::{PATIENCE, Running, connect, curl};

/// The address in a URL.
pub fn addr_of(url: &str) -> SocketAddr {
    url.split('/').nth(2).unwrap().parse().unwrap()
}

/// Path and query of a URL.
pub fn path_of(url: &str) -> &str {
    &url[url.find("://").unwrap() + 3..][addr_of(url).to_string().len()..]
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

pub fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A connection that has sent `request` to the place that `lab_url` leads to.
fn open(lab: &Running, lab_url: &str, request: fn(&str) -> String) -> TcpStream {
    let place = lab.place(lab_url).unwrap();
    assert_eq!((place.proxy, place.ca_file), (None, None));
    assert_ne!(addr_of(&place.url), lab.addr);
    let mut stream = connect(addr_of(&place.url));
    stream.write_all(request(path_of(&place.url)).as_bytes()).unwrap();
    stream
}

pub fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&head)));
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// All that comes until the other end closes; a reset is no close.
pub fn read_rest(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The body of a head with a `Content-Length`.
pub fn read_body(stream: &mut impl Read, head: &str) -> String {
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn masked_text(text: &str) -> Vec<u8> {
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// A frame without a mask, of less than 126 bytes.
fn read_frame(stream: &mut impl Read) -> (u8, String) {
    let mut start = [0; 2];
    stream.read_exact(&mut start).unwrap();
    let mut payload = vec![0; usize::from(start[1])];
    stream.read_exact(&mut payload).unwrap();
    (start[0], String::from_utf8(payload).unwrap())
}

/// Reads nothing for a while.
fn assert_silent(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    let error = stream.read(&mut [0]).expect_err("bytes, or the end");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

fn without_date(head: &str) -> Vec<&str> {
    head.lines().filter(|line| !line.starts_with("Date: ")).collect()
}

#[test]
fn places_are_where_via_says() {
    let lab = Running::start();
    let direct = lab.place("lab:sse?rate=5").unwrap();
    assert_eq!((direct.url, direct.proxy, direct.ca_file), (lab.http("/sse?rate=5"), None, None));
    for middlebox in MIDDLEBOXES {
        let place = lab.place(&format!("lab:ws?via={}", middlebox.name)).unwrap();
        assert_eq!(place.proxy.is_some(), middlebox.is_proxy, "{place:?}");
        assert_eq!(path_of(&place.url), "/ws?rate=2", "the default query stays");
        assert_eq!(addr_of(&place.url) == lab.addr, middlebox.is_proxy, "{place:?}");
        assert_eq!(place.ca_file.is_some(), place.url.starts_with("wss://"), "{place:?}");
        assert_eq!(place, lab.place(&format!("lab:ws?via={}", middlebox.name)).unwrap(), "one is enough");
    }
    let place = |address| lab.place(address).unwrap().url;
    assert_ne!(place("lab:sse?via=buffers"), place("lab:sse?via=buffers&lump=5"), "settings of their own");
    assert_eq!(place("lab:sse?via=buffers"), place("lab:sse?lump=3000&via=buffers"));
    assert!(lab.place("lab:sse?via=smoke").unwrap_err().contains("swallows-upstream"));
    assert!(lab.place("lab:smoke?via=buffers").unwrap_err().contains("longpoll"));
    for lump in 1..=64 {
        let started = lab.place(&format!("lab:sse?via=buffers&lump={lump}"));
        assert!(started.is_ok() || lump > 50 && started.unwrap_err().contains("64 middleboxes"));
    }
}

#[test]
fn a_middlebox_ends_with_its_lab() {
    let mut lab = Running::start();
    let mut stream = open(&lab, "lab:sse?via=buffers", get);
    let addr = addr_of(&lab.place("lab:sse?via=buffers").unwrap().url);
    let ca_file = lab.place("lab:sse?via=tls-intercept").unwrap().ca_file.unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 OK\r\n") && ca_file.exists());
    lab.stop();
    assert!(!ca_file.exists());
    let _ = stream.read_to_end(&mut Vec::new());
    let start = Instant::now();
    while TcpStream::connect(addr).is_ok() {
        assert!(start.elapsed() < PATIENCE, "it listens still");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_not_touched_comes_as_the_lab_sent_it() {
    let lab = Running::start();
    let mut stream = connect(lab.addr);
    stream.write_all(get("/poll?rate=0.001&count=1").as_bytes()).unwrap();
    let (expected_head, mut expected) = (read_head(&mut stream), String::new());
    for name in ["rewrites-connection", "swallows-upstream", "buffers", "cuts-idle", "truncates"] {
        let mut stream = open(&lab, &format!("lab:poll?rate=0.001&count=1&via={name}"), get);
        for again in [true, true, false] {
            let head = read_head(&mut stream);
            assert_eq!(without_date(&head), without_date(&expected_head), "{name}");
            let body = read_body(&mut stream, &head);
            if expected.is_empty() {
                expected.clone_from(&body);
            }
            assert_eq!(body, expected, "{name}");
            if again {
                stream.write_all(get("/poll?rate=0.001&count=1").as_bytes()).unwrap();
            }
        }
    }
    // A body goes up, and 100 (Continue) comes down.
    let url = lab.place("lab:?via=rewrites-connection").unwrap().url;
    let body = "x".repeat(100_000);
    let published = curl(&[&format!("{url}publish?channel=up"), "-H", "Expect: 100-continue", "--data-binary", &body]);
    assert_eq!(published.json()["number"], 1);
    let chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary", "@Cargo.toml"];
    let published = curl(&[&[format!("{url}publish?channel=up").as_str()], &chunked[..]].concat());
    assert_eq!(published.json()["number"], 2);
}

#[test]
fn rewrites_connection() {
    let lab = Running::start();
    let mut direct = connect(lab.addr);
    direct.write_all(upgrade("/ws?scenario=quiet").as_bytes()).unwrap();
    let expected = read_head(&mut direct).replace("Connection: Upgrade\r\n", "Connection: keep-alive\r\n");
    let mut stream = open(&lab, "lab:ws?scenario=quiet&via=rewrites-connection", upgrade);
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("\r\nConnection: keep-alive\r\n"), "{head}");
    assert_eq!(without_date(&head), without_date(&expected));
    stream.write_all(&masked_text("hello")).unwrap();
    assert_eq!(read_frame(&mut stream), (0x81, "hello".to_owned()));
    // The close frame comes back, then the end.
    stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).unwrap();
    assert_eq!(read_frame(&mut stream).0, 0x88);
    assert_eq!(read_rest(&mut stream), b"");
}

#[test]
fn swallows_upstream() {
    let lab = Running::start();
    let mut stream = open(&lab, "lab:ws?scenario=quiet&channel=down&via=swallows-upstream", upgrade);
    assert!(read_head(&mut stream).contains("\r\nConnection: Upgrade\r\n"));
    stream.write_all(&masked_text("hello")).unwrap();
    assert_silent(&mut stream);
    curl(&[&lab.http("/publish?channel=down"), "-d", "news"]);
    assert_eq!(read_frame(&mut stream), (0x81, "news".to_owned()));
    lab.wait_for_subscribers("down", 1);
    drop(stream);
    lab.wait_for_subscribers("down", 0);
}

#[test]
fn buffers() {
    let lab = Running::start();
    let mut stream = open(&lab, "lab:sse?rate=20&via=buffers&lump=600", get);
    let start = Instant::now();
    assert!(read_head(&mut stream).contains("\r\nTransfer-Encoding: chunked\r\n"));
    assert!(start.elapsed() < Duration::from_millis(500), "the head comes at once: {:?}", start.elapsed());
    let mut times = Vec::new();
    for _ in 0..3 {
        let mut bytes = [0; 64 << 10];
        let length = stream.read(&mut bytes).unwrap();
        times.push(start.elapsed());
        let events = String::from_utf8_lossy(&bytes[..length]).matches("data: ").count();
        assert!((5..=20).contains(&events), "{events} events in a lump of {length} bytes");
    }
    assert!(times[0] > Duration::from_millis(450) && times[2] > Duration::from_millis(1500), "{times:?}");

    // The end, and 64 KiB, are not waited for.
    let mut stream = open(&lab, "lab:sse?rate=0&count=3&via=buffers&lump=600000", get);
    read_head(&mut stream);
    let mut body = Vec::new();
    while !body.ends_with(b"\r\n0\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        body.push(byte[0]);
    }
    let mut stream = open(&lab, "lab:sse?rate=0&size=50000&via=buffers&lump=600000", get);
    read_head(&mut stream);
    stream.read_exact(&mut vec![0; 1 << 20]).unwrap();

    let mut stream = open(&lab, "lab:ws?scenario=quiet&via=buffers&lump=300", upgrade);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let start = Instant::now();
    for text in ["one", "two"] {
        stream.write_all(&masked_text(text)).unwrap();
        assert_eq!(read_frame(&mut stream).1, text);
    }
    assert!(start.elapsed() > Duration::from_millis(400), "{:?}", start.elapsed());
}

#[test]
fn cuts_idle() {
    let lab = Running::start();
    let start = Instant::now();
    let mut stream = open(&lab, "lab:ws?scenario=quiet&channel=idle&via=cuts-idle&idle=0.5", upgrade);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    lab.wait_for_subscribers("idle", 1);
    assert_eq!(read_rest(&mut stream), b"", "an end without a close frame");
    assert!((400..3000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    lab.wait_for_subscribers("idle", 0);

    let mut stream = open(&lab, "lab:sse?rate=20&via=cuts-idle&idle=0.5", get);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1500) {
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0, "it is cut while it talks");
    }
}

#[test]
fn downgrades_http10() {
    let lab = Running::start();
    let mut stream = open(&lab, "lab:sse?rate=0&count=2&via=downgrades-http10", get);
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && !head.contains("Transfer-Encoding"), "{head}");
    assert!(head.ends_with("\r\nVia: 1.0 lab-proxy\r\nConnection: close\r\n\r\n"), "{head}");
    assert_eq!(head.matches("Connection: ").count(), 1, "{head}");
    let body = String::from_utf8(read_rest(&mut stream)).unwrap();
    assert!(body.matches("data: {").count() == 2 && body.ends_with("\n\n"), "{body}");

    let mut stream = open(&lab, "lab:ws?via=downgrades-http10", upgrade);
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.0 426 Upgrade Required\r\n") && head.contains("\r\nUpgrade: websocket"), "{head}");
    assert!(String::from_utf8(read_rest(&mut stream)).unwrap().contains("WebSocket"));

    let url = lab.place("lab:?via=downgrades-http10").unwrap().url;
    assert_eq!(curl(&[&format!("{url}publish"), "-d", "hello"]).json()["number"], 1);
    let chunked = curl(&[&format!("{url}publish"), "-H", "Transfer-Encoding: chunked", "-d", "hello"]);
    assert_eq!(chunked.status(), 411);
}

#[test]
fn block_page() {
    let lab = Running::start();
    let mut stream = open(&lab, "lab:sse?channel=never&via=block-page", get);
    let pages = (0..3).map(|_| {
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        for line in ["Server: lab-filter", "Via: 1.1 lab-filter", "Content-Type: text/html; charset=utf-8"] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        let body = read_body(&mut stream, &head);
        stream.write_all(upgrade("/ws?channel=never").as_bytes()).unwrap();
        body
    });
    let pages: Vec<_> = pages.collect();
    assert!(pages[0].contains("Access denied by the content filter") && pages[1] == pages[0], "{pages:?}");
    let url = lab.place("lab:sse?via=block-page").unwrap().url;
    assert_eq!(curl(&[&url, "-I"]).status(), 200);
    assert_eq!(curl(&[&url, "-d", "hello"]).text(), pages[0]);
    assert_eq!(lab.subscribers("never"), 0);
}

#[test]
fn truncates() {
    let lab = Running::start();
    for (query, expected) in [("&cut=123", 123), ("", 700), ("&cut=0", 0)] {
        let mut stream = open(&lab, &format!("lab:sse?rate=0&channel=cut&via=truncates{query}"), get);
        assert!(read_head(&mut stream).contains("\r\nTransfer-Encoding: chunked\r\n"));
        assert_eq!(read_rest(&mut stream).len(), expected);
    }
    lab.wait_for_subscribers("cut", 0);
    let torn = curl(&[&lab.place("lab:sse?rate=0&via=truncates&cut=300").unwrap().url]);
    assert_eq!(torn.exit_code, Some(18), "curl's word for a transfer that is not whole");
    let whole = curl(&[&lab.place("lab:sse?rate=0&count=2&via=truncates&cut=5000").unwrap().url]);
    assert_eq!(whole.exit_code, Some(0));
    let mut stream = open(&lab, "lab:ws?rate=0&via=truncates&cut=50", upgrade);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    assert_eq!(read_rest(&mut stream).len(), 50);
}

#[test]
fn heads_and_connections_are_bounded() {
    let lab = Running::start();
    let addr = addr_of(&lab.place("lab:sse?via=block-page").unwrap().url);
    let mut stream = connect(addr);
    let _ = stream.write_all(&[b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 70 << 10]].concat());
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 431 "));
    drop(stream);
    std::thread::sleep(Duration::from_millis(200));
    let mut all: Vec<_> = (0..256).map(|_| connect(addr)).collect();
    // Accepted in order: when the last one has answered, all have been counted.
    all[255].write_all(get("/").as_bytes()).unwrap();
    assert!(read_head(&mut all[255]).starts_with("HTTP/1.1 200 "));
    assert!(read_head(&mut connect(addr)).starts_with("HTTP/1.1 503 "));
}
