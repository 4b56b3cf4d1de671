//! WebSocket servers that mean harm: what they send is bounded, said, and followed by what comes next.

use crate::hostile::{BOUND_MIB, notes, record, texts};
use crate::program::pushscope;
use crate::server::{say, until_closed, upgrade};

/// A text message of the server that fits in a short frame.
fn text(payload: &str) -> Vec<u8> {
    [&[0x81, payload.len() as u8], payload.as_bytes()].concat()
}

#[test]
fn a_bomb_is_capped_and_the_next_message_is_read() {
    // 1 MB that becomes 1 GiB; each message is compressed on its own, so those behind it can be read.
    let address = "lab:ws?deflate=bomb,server_no_context_takeover&rate=10&count=3";
    let ended = pushscope(&["record", address, "--messages"]);
    assert!(ended.peak_mib < BOUND_MIB, "{} MiB", ended.peak_mib);
    let lines: Vec<&str> = ended.out.lines().filter(|line| line.contains("↓ ws.text")).collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains("\"n\":1") && lines[2].contains("\"n\":3"), "{lines:#?}");
    assert!(lines[1].contains("inflates to more than the limit"), "{}", lines[1]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn a_hundred_thousand_fragments_are_one_message() {
    let ended = record("ws", &["--messages"], |stream, head| {
        upgrade(stream, head);
        let fragments: Vec<u8> = (1..100_000).flat_map(|_| [0x00, 1, b'x']).collect();
        say(stream, [&[0x01, 1, b'x'][..], &fragments, &[0x80, 0], &text("next")].concat());
        say(stream, b"\x88\x02\x03\xE8");
        until_closed(stream);
    });
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let messages = texts(&ended, "ws.text");
    assert!(messages.len() == 2 && messages[0] == "x".repeat(100_000) && messages[1] == "next", "{}", messages.len());
}

#[test]
fn a_flood_of_pings_keeps_no_message_back() {
    const PINGS: usize = 20_000;
    let ended = record("ws", &[], |stream, head| {
        upgrade(stream, head);
        // Pongs are not read before all pings are sent.
        let pings = [0x89, 1, b'p'].repeat(PINGS);
        say(stream, [pings, text("next"), b"\x88\x02\x03\xE8".to_vec()].concat());
        until_closed(stream);
    });
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(texts(&ended, "ws.text"), ["next"]);
    let records = ended.records_so_far();
    let count = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!(count("ws.ping"), PINGS);
    assert!(count("ws.pong") == PINGS || ended.out.contains("some are left unanswered"), "{}", count("ws.pong"));
}

#[test]
fn a_close_frame_that_is_too_long_is_named_and_what_follows_is_read() {
    let ended = record("ws", &[], |stream, head| {
        upgrade(stream, head);
        let close = [&[0x88, 126, 0, 126, 0x03, 0xE8][..], &[b'x'; 124]].concat();
        say(stream, [close, text("next"), b"\x88\x02\x03\xE8".to_vec()].concat());
        until_closed(stream);
    });
    assert_eq!(texts(&ended, "ws.text"), ["next"]);
    let keys = notes(&ended, "ws.frame");
    for key in ["websocket.control-too-long", "websocket.data-after-close"] {
        assert!(keys.iter().any(|found| found == key), "{key}: {keys:#?}");
    }
}

#[test]
fn deflate_data_that_is_cut_off_is_named_and_the_next_message_is_read() {
    let ended = record("ws", &[], |stream, head| {
        let accepted =
            "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\nSec-WebSocket-Accept";
        let key = crate::server::field(head, "sec-websocket-key").expect("a key");
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
        say(stream, format!("{answer}{accepted}: {accept}\r\n\r\n"));
        // RFC 7692 §7.2.3.1, without its end, and then whole.
        say(
            stream,
            [&b"\xC1\x03\xf2\x48\xcd"[..], b"\xC1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", b"\x88\x02\x03\xE8"].concat(),
        );
        until_closed(stream);
    });
    assert!(notes(&ended, "ws.text").iter().any(|key| key == "websocket.deflate-invalid"), "{ended:#?}");
    assert_eq!(texts(&ended, "ws.text").last().map(String::as_str), Some("Hello"), "{ended:#?}");
}
