//! A bare socket as the client: requests cut anywhere, one behind the other, and half a farewell.

use crate::stage::{Recorded, Replaying, record};
use pushscope::dissect::websocket::accept_key;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

#[track_caller]
pub fn connect(replay: &Replaying) -> TcpStream {
    let stream = TcpStream::connect(replay.addr()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Reads so many bytes.
#[track_caller]
fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).expect("bytes");
    bytes
}

/// Reads to the end.
#[track_caller]
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an end");
    bytes
}

fn longpoll() -> Recorded {
    record("lab:longpoll?rate=50", &["--count", "3"])
}

#[test]
fn requests_on_one_connection_are_answered_however_they_are_cut() {
    let recorded = longpoll();
    let wire = recorded.wire().remove(0);
    let asked: String = ["", "&cursor=1", "&cursor=2"]
        .map(|cursor| format!("GET /longpoll?rate=50{cursor} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .concat();
    let replay = recorded.replay(&["--speed", "max"]);
    for piece in [asked.len(), 1, 2, 7, 64] {
        let mut stream = connect(&replay);
        for bytes in asked.as_bytes().chunks(piece) {
            stream.write_all(bytes).expect("sent");
        }
        assert_eq!(String::from_utf8_lossy(&read(&mut stream, wire.len())), String::from_utf8_lossy(&wire), "{piece}");
        stream.shutdown(Shutdown::Write).expect("half closed");
        assert_eq!(read_all(&mut stream), b"", "{piece}");
    }
    replay.stop();
}

#[test]
fn a_socket_is_opened_and_talked_to_byte_by_byte() {
    let recorded = record("lab:ws?rate=50&count=2", &["--send", "hi", "--for", "3s"]);
    let replay = recorded.replay(&["--speed", "max"]);
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let request = format!(
        "GET /ws?rate=50&count=2 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    // Masked with zeros: the text, and behind what the server says a close frame.
    let frames = b"\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xE8";
    let mut stream = connect(&replay);
    for byte in request.as_bytes().iter().chain(&frames[..8]) {
        stream.write_all(&[*byte]).expect("sent");
    }
    let recorded_wire = recorded.wire().remove(0);
    let wire = read(&mut stream, recorded_wire.len());
    let text = String::from_utf8_lossy(&wire);
    assert!(text.contains(&format!("Sec-WebSocket-Accept: {}\r\n", accept_key(key))), "{text}");
    let behind = |wire: &[u8]| wire[wire.windows(4).position(|four| four == b"\r\n\r\n").expect("a head")..].to_vec();
    assert_eq!(behind(&wire), behind(&recorded_wire));
    stream.write_all(&frames[8..]).expect("sent");
    assert_eq!(read_all(&mut stream), b"");
    replay.stop();
    assert_eq!(recorded.told(), Vec::<String>::new());
}

#[test]
fn what_is_no_request_is_refused_in_words() {
    let recorded = longpoll();
    let replay = recorded.replay(&[]);
    for (bytes, says) in [
        (&b"\x16\x03\x01\x00\x05hello"[..], "This looks like TLS"),
        (b"\x04\x01", "no HTTP request"),
        (b"GET\r\n\r\n", "METHOD TARGET"),
        (b"POST /longpoll?rate=50 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "Nothing"),
    ] {
        let mut stream = connect(&replay);
        stream.write_all(bytes).expect("sent");
        let _ = stream.shutdown(Shutdown::Write);
        let answered = String::from_utf8_lossy(&read_all(&mut stream)).into_owned();
        assert!(answered.starts_with("HTTP/1.1 40"), "{says}: {answered}");
        assert!(says == "Nothing" || answered.contains(says), "{says}: {answered}");
    }
    replay.stop();
}

#[test]
fn a_page_from_elsewhere_may_not_open_a_socket() {
    let recorded = record("lab:ws?rate=50&count=2", &["--for", "3s"]);
    let replay = recorded.replay(&["--speed", "max"]);
    let mut stream = connect(&replay);
    let request = "GET /ws?rate=50&count=2 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Origin: https://evil.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut bytes = [0; 12];
    stream.read_exact(&mut bytes).expect("an answer");
    assert_eq!(&bytes, b"HTTP/1.1 403");
    replay.stop();
}

#[test]
fn once_everything_was_served_it_ends_by_itself() {
    let recorded = longpoll();
    let mut replay = recorded.replay(&["--speed", "max", "--once"]);
    let mut stream = connect(&replay);
    for cursor in ["", "&cursor=1", "&cursor=2"] {
        write!(stream, "GET /longpoll?rate=50{cursor} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    }
    read(&mut stream, recorded.wire()[0].len());
    drop(stream);
    let ended = std::mem::replace(&mut replay.running, crate::program::Running::pushscope(&["--version"])).finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
