//! How connections end: as they were recorded, or where the client asks for it.

use crate::curl::curl;
use crate::hostile::{bytes, opening, written};
use crate::raw::{connect, read_all};
use crate::stage::Recorded;
use pushscope::wire::{Dir, Failure, Stage, What};
use std::io::{ErrorKind, Read, Write};

fn reset(who: &str) -> What {
    let text = format!("{who} reset the connection (TCP RST)");
    What::Failed(Failure { stage: Stage::Stream, text, hint: String::new(), took_ns: 0, chain: Vec::new() })
}

/// A stream of chunks that ends like this.
fn stream(end: Option<What>) -> Recorded {
    let mut events = vec![
        (0, 1, opening(None)),
        (1, 1, bytes(Dir::Out, "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")),
        (2, 1, bytes(Dir::In, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n")),
    ];
    match end {
        Some(end) => events.push((50_000_000, 1, end)),
        None => events.push((3, 1, bytes(Dir::In, "0\r\n\r\n"))),
    }
    written(&events)
}

#[test]
fn a_recorded_reset_is_a_reset_again() {
    let recorded = stream(Some(reset("the other side")));
    let replay = recorded.replay(&[]);
    let mut client = connect(&replay);
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n").expect("sent");
    let mut said = Vec::new();
    let ended = loop {
        let mut piece = [0; 1024];
        match client.read(&mut piece) {
            Ok(0) => panic!("an orderly end behind {}", String::from_utf8_lossy(&said)),
            Ok(len) => said.extend_from_slice(&piece[..len]),
            Err(error) => break error,
        }
    };
    assert_eq!(ended.kind(), ErrorKind::ConnectionReset);
    assert!(said.ends_with(b"4;x=y\r\ndefg\r\n"), "{}", String::from_utf8_lossy(&said));
    replay.stop();
}

#[test]
fn a_reset_of_the_recorded_client_is_none_of_the_servers() {
    let recorded = stream(Some(reset("the client")));
    let replay = recorded.replay(&["--at-end", "close"]);
    let (said, code) = curl(&[&replay.http("/a")]);
    // 18: the last chunk is missing; 56 would be a reset.
    assert_eq!((&said[..], code), (&b"abcdefg"[..], 18));
    replay.stop();
}

#[test]
fn a_client_that_asks_for_the_end_gets_it() {
    let recorded = stream(None);
    let replay = recorded.replay(&[]);
    for (request, ends_with) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &b"\r\n0\r\n\r\n"[..]),
        // HTTP/1.0 knows no chunks, and no connection that goes on unless it says so.
        ("GET /a HTTP/1.0\r\n\r\n", b"\r\n\r\nabcdefg"),
        ("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"\r\n\r\nabcdefg"),
        ("GET /elsewhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"\n"),
    ] {
        let mut client = connect(&replay);
        client.write_all(request.as_bytes()).expect("sent");
        let said = read_all(&mut client);
        assert!(said.ends_with(ends_with), "{request}{}", String::from_utf8_lossy(&said));
        let is_old = request.contains("HTTP/1.0");
        let is_chunked = String::from_utf8_lossy(&said).to_ascii_lowercase().contains("transfer-encoding");
        assert!(!(is_old && is_chunked), "{}", String::from_utf8_lossy(&said));
    }
    replay.stop();
}

#[test]
fn a_page_that_leads_its_own_name_here_reads_nothing() {
    let recorded = stream(None);
    for (options, host, status) in [
        (&[][..], "evil.example:9000", "421"),
        (&[], "a.example", "200"),
        (&[], "localhost:9000", "200"),
        (&["--cors=http://evil.example:9000"], "evil.example:9000", "200"),
    ] {
        let again = Recorded { folder: tempfile::tempdir().unwrap(), path: recorded.path.clone() };
        let replay = again.replay(options);
        let host = format!("Host: {host}");
        let (said, _) = curl(&["-o", "/dev/null", "-w", "%{http_code}", "-H", &host, &replay.http("/a")]);
        assert_eq!(String::from_utf8_lossy(&said), status, "{host} {options:?}");
        replay.stop();
    }
}
