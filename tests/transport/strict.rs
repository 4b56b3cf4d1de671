//! Strict and echoing connections against servers that break the rules, one after the other (RFC 6455 §7.1.7).

use crate::support::{Peer, Server, Watched, open, spec};
use crate::websocket::{accept, closed, frame, text, upgraded};
use flate2::{Compress, Compression, FlushCompress};
use pushscope::transport::{ClientWindow, Order, Spec};
use pushscope::wire::{Act, Dir, Stage, What};
use std::io::Write;
use std::time::Duration;

/// A connection that fails where a rule is broken, and sends back what breaks none.
fn strict(server: &Server) -> Spec {
    let mut spec = spec(server.ws("/"));
    (spec.websocket.strict, spec.websocket.echo) = (true, true);
    spec
}

/// The close frame that a client fails a connection with: its code.
fn failed_with(peer: &mut Peer) -> u16 {
    let (first, payload) = frame(peer);
    assert_eq!(first, 0x88, "no close frame, but {payload:?}");
    u16::from_be_bytes([payload[0], payload[1]])
}

/// What the server says is answered with this close code, and with nothing else, however it is cut.
#[track_caller]
fn is_failed(said: &'static [u8], code: u16, rule: &str) {
    for step in [said.len(), 1] {
        let server = upgraded(move |mut peer| {
            for part in said.chunks(step) {
                peer.say_bytes(part);
            }
            assert_eq!(failed_with(&mut peer), code, "{said:x?}");
            // What comes now is not looked at any more.
            peer.say_bytes(b"\x81\x04late\x89\x00\x88\x00");
            assert_eq!(peer.says_no_more(), [0; 0], "something follows the close frame");
        });
        let mut watched = open(strict(&server));
        let failure = watched.failure();
        assert!(failure.text.contains(rule) && failure.text.contains(&format!("close code {code}")), "{failure}");
        watched.until_act(Act::Noticed, &format!("close code {code}"));
    }
}

#[test]
fn framing_that_breaks_a_rule_is_failed_with_1002() {
    is_failed(b"\xC1\x01r", 1002, "reserved bit");
    is_failed(b"\xA1\x01r", 1002, "reserved bit");
    is_failed(b"\x83\x00", 1002, "opcode is reserved");
    is_failed(b"\x8B\x00", 1002, "opcode is reserved");
    is_failed(b"\x81\x81\x00\x00\x00\x00m", 1002, "must not mask");
    is_failed(b"\x09\x00", 1002, "must not be fragmented");
    is_failed(b"\x89\x7E\x00\x7E", 1002, "125 bytes");
    is_failed(b"\x80\x01c", 1002, "no message is under way");
    is_failed(b"\x01\x01a\x81\x01b", 1002, "must not be interleaved");
    is_failed(b"\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x00", 1002, "most significant bit");
    is_failed(b"\x82\x7E\x00\x01x", 1002, "as few bytes");
}

#[test]
fn text_that_is_no_utf8_is_failed_with_1007_as_soon_as_it_is_seen() {
    is_failed(b"\x81\x02\xC0\xAF", 1007, "must be UTF-8");
    // A character that is cut by the end of the message.
    is_failed(b"\x81\x02\xE3\x81", 1007, "must be UTF-8");
    // The rest of the frame and of the message need not come.
    is_failed(b"\x01\x7E\x10\x00abc\xFF", 1007, "byte 3 of the message: ff");
    is_failed(b"\x01\x01\xE3\x00\x01\x81\x00\x01\xE3", 1007, "must be UTF-8");
}

#[test]
fn a_close_frame_that_breaks_a_rule_is_answered_with_its_code() {
    is_failed(b"\x88\x01\x03", 1002, "here is 1 byte");
    is_failed(b"\x88\x02\x00\x00", 1002, "below 1000");
    is_failed(b"\x88\x02\x03\xED", 1002, "must not be sent");
    is_failed(b"\x88\x02\x07\xD0", 1002, "reserved for the protocol");
    is_failed(b"\x88\x02\xFF\xFF", 1002, "is above 4999");
    is_failed(b"\x88\x03\x03\xE8\xFF", 1007, "reason for closing");
}

#[test]
fn a_message_beyond_the_limit_is_failed_with_1009() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x82\x7E\x03\xE8");
        peer.say_bytes(&[7; 1000]);
        assert_eq!(frame(&mut peer).1.len(), 1000);
        peer.say_bytes(b"\x02\x7E\x03\xE8");
        peer.say_bytes(&[7; 1000]);
        peer.say_bytes(b"\x00\x7F\x00\x00\x00\x10\x00\x00\x00\x00\x07");
        assert_eq!(failed_with(&mut peer), 1009);
    });
    let mut spec = strict(&server);
    spec.websocket.inflate_limit_bytes = 1000;
    let mut watched = open(spec);
    let failure = watched.failure();
    assert_eq!(failure.stage, Stage::Stream);
    assert!(failure.text.contains("1009") && failure.text.contains("1000 bytes"), "{failure}");
}

#[test]
fn a_connection_that_failed_is_a_failure() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x81\x02ok\x83\x00\x81\x02no");
        assert_eq!(frame(&mut peer), (0x81, b"ok".to_vec()));
        assert_eq!(failed_with(&mut peer), 1002);
        peer.say_bytes(b"\x88\x02\x03\xEA");
    });
    let failure = open(strict(&server)).failure();
    assert!(failure.text.contains("failed with close code 1002") && failure.hint.contains("§7.1.7"), "{failure}");
}

#[test]
fn what_breaks_no_rule_comes_back_in_its_order_and_type() {
    let server = upgraded(|mut peer| {
        // Whole, in fragments with a ping between, empty, binary; then the end.
        peer.say_bytes(b"\x81\x05hello\x01\x03fra\x89\x02p1\x89\x02p2\x80\x05gment\x81\x00\x82\x02\xFF\x00");
        let mut came = Vec::new();
        while came.len() < 6 {
            came.push(frame(&mut peer));
        }
        // A pong may go ahead of what waits; among themselves both kinds keep their order.
        let (pongs, messages): (Vec<_>, Vec<_>) = came.into_iter().partition(|(first, _)| *first == 0x8A);
        assert_eq!(pongs, [(0x8A, b"p1".to_vec()), (0x8A, b"p2".to_vec())]);
        let wanted = [(0x81, &b"hello"[..]), (0x81, b"fragment"), (0x81, b""), (0x82, b"\xFF\x00")];
        assert!(messages.iter().map(|(first, payload)| (*first, payload.as_slice())).eq(wanted), "{messages:?}");
        peer.say_bytes(b"\x81\x03bye\x88\x02\x03\xE8\x81\x04late");
        assert_eq!(frame(&mut peer), (0x81, b"bye".to_vec()));
        assert_eq!(frame(&mut peer), (0x88, vec![0x03, 0xE8]));
        assert_eq!(peer.says_no_more(), [0; 0]);
    });
    let mut watched = open(strict(&server));
    watched.is_faulty = true;
    closed(&mut watched, "1000 (normal closure)");
}

#[test]
fn an_echo_that_is_not_strict_reads_on() {
    let server = upgraded(|mut peer| {
        // No UTF-8, then a reserved opcode, then a message that is too long, then one that is not.
        peer.say_bytes(b"\x81\x02\xC0\xAF\x83\x00\x83\x00\x82\x0B12345678901\x82\x0A1234567890");
        assert_eq!(frame(&mut peer), (0x81, b"\xC0\xAF".to_vec()));
        assert_eq!(frame(&mut peer), (0x82, b"1234567890".to_vec()));
        peer.say_bytes(b"\x88\x00");
        assert_eq!(frame(&mut peer), (0x88, Vec::new()));
    });
    let mut spec = strict(&server);
    spec.websocket.strict = false;
    spec.websocket.inflate_limit_bytes = 10;
    let mut watched = open(spec);
    watched.is_faulty = true;
    closed(&mut watched, "closed by the server");
    for said in ["must be UTF-8", "opcode is reserved", "more than 10 bytes, the limit, is not sent back"] {
        let times = watched.acts().iter().filter(|act| act.text.contains(said)).count();
        assert_eq!(times, 1, "{said}: {}", watched.story());
    }
}

#[test]
fn strict_without_echo_only_listens() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x81\x05hello\x89\x01p");
        assert_eq!(frame(&mut peer), (0x8A, b"p".to_vec()));
        peer.say_bytes(b"\x88\x02\x03\xE8");
        assert_eq!(frame(&mut peer), (0x88, vec![0x03, 0xE8]));
    });
    let mut spec = strict(&server);
    spec.websocket.echo = false;
    closed(&mut open(spec), "1000");
}

#[test]
fn the_user_may_send_and_close_while_it_echoes() {
    let server = upgraded(|mut peer| {
        assert_eq!(frame(&mut peer), (0x81, b"mine".to_vec()));
        peer.say_bytes(b"\x81\x05yours");
        assert_eq!(frame(&mut peer), (0x81, b"yours".to_vec()));
        let (first, _) = frame(&mut peer);
        assert_eq!(first, 0x88);
        // What comes before the answer is not sent back any more.
        peer.say_bytes(b"\x81\x05again\x88\x00");
        assert_eq!(peer.says_no_more(), [0; 0]);
    });
    let mut watched = open(strict(&server));
    watched.send(text("mine"));
    watched.until_received("yours");
    watched.until("its echo", |watched| frames_sent(watched) == 2);
    watched.send(Order::Close { code: Some(1000), reason: String::new() });
    closed(&mut watched, "closed by the user");
}

/// How many writes followed the request's head.
fn frames_sent(watched: &Watched) -> usize {
    watched.events.iter().filter(|event| matches!(event.what, What::Bytes(Dir::Out, _))).count() - 1
}

#[test]
fn a_server_that_takes_nothing_is_not_read_either() {
    const OFFERED_BYTES: usize = 64 << 20;
    let server = upgraded(|mut peer| {
        // What nobody takes back waits in the sockets, not in memory: a write that does not come to its end tells that.
        peer.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let message = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65536]].concat();
        for _ in 0..OFFERED_BYTES / message.len() {
            if peer.stream.write_all(&message).is_err() {
                break;
            }
        }
        peer.reset();
    });
    let mut watched = open(strict(&server));
    watched.failure();
    let read_bytes = watched.bytes(Dir::In).len();
    assert!(read_bytes > 1 << 20 && read_bytes < OFFERED_BYTES / 2, "{read_bytes} bytes were read");
}

#[test]
fn a_wrong_answer_to_an_offer_is_refused_unless_the_user_goes_on() {
    for (answer, expected) in [
        ("permessage-deflate; level=9", "no parameter \"level\""),
        ("permessage-deflate; server_max_window_bits=7", "8 to 15"),
        ("permessage-deflate; client_max_window_bits=16", "8 to 15"),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", "twice"),
        ("permessage-deflate, permessage-deflate", "twice"),
        ("x-webkit-deflate-frame", "not offered"),
        ("permessage-deflate\r\nSec-WebSocket-Extensions: foo", "not offered"),
    ] {
        let server = Server::start(move |_, mut peer| {
            let request = peer.request();
            let accept = accept(&request);
            peer.say(&format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: {answer}\r\n\r\n"
            ));
            peer.say_bytes(b"\x88\x00");
            frame(&mut peer);
        });
        let failure = open(spec(server.ws("/"))).failure();
        assert_eq!(failure.stage, Stage::Answer);
        assert!(failure.text.contains(expected), "{answer}: {failure}");
        let mut spec = spec(server.ws("/"));
        spec.websocket.go_on_anyway = true;
        let mut watched = open(spec);
        watched.is_faulty = true;
        watched.until_act(Act::Noticed, expected);
        closed(&mut watched, "closed");
    }
    // A limit that was never offered, or that goes beyond what was.
    let server = Server::start(|_, mut peer| {
        let accept = accept(&peer.request());
        peer.say(&format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n\r\n"
        ));
    });
    for (window, expected) in [(ClientWindow::Unsaid, "was not offered"), (ClientWindow::Bits(9), "9 at most")] {
        let mut spec = spec(server.ws("/"));
        spec.websocket.deflate.client_max_window_bits = window;
        let failure = open(spec).failure();
        assert!(failure.text.contains(expected), "{failure}");
    }
}

/// A server that agrees to permessage-deflate and then follows a script.
fn compressing(parameters: &'static str, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Server {
    Server::start(move |_, mut peer| {
        let accept = accept(&peer.request());
        peer.say(&format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Extensions: permessage-deflate{parameters}\r\n\r\n"
        ));
        script(&mut peer);
    })
}

/// A message of so many zeros, deflated by a library and marked as compressed.
fn zeros(len: usize) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut deflated = Vec::with_capacity(len / 500 + 64);
    deflate.compress_vec(&vec![0; len], &mut deflated, FlushCompress::Sync).unwrap();
    deflated.truncate(deflated.len() - 4);
    let mut frame = vec![0xC2, 127];
    frame.extend((deflated.len() as u64).to_be_bytes());
    frame.extend(deflated);
    frame
}

#[test]
fn compressed_messages_that_break_a_rule_are_failed() {
    let hello = b"\xC1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    for (said, code, rule) in [
        (&b"\xC1\x02\xFF\xFF"[..], 1007, "cannot be inflated"),
        // The message ends inside a block.
        (b"\xC1\x03\xf2\x48\xcd", 1007, "cannot be inflated"),
        // Stored: a byte that is no UTF-8.
        (b"\xC1\x07\x00\x01\x00\xFE\xFF\xFF\x00", 1007, "must be UTF-8"),
        (b"\x41\x02\xf2\x48\xC0\x05\xcd\xc9\xc9\x07\x00", 1002, "RSV1"),
        (b"\xC9\x00", 1002, "RSV1"),
        (b"\xA1\x00", 1002, "reserved bit"),
        // A copy of what came before, though the context is forgotten.
        (b"\xC1\x05\xf2\x00\x11\x00\x00", 1007, "cannot be inflated"),
    ] {
        let server = compressing("; server_no_context_takeover", move |peer| {
            peer.say_bytes(hello);
            let (first, echo) = frame(peer);
            assert_eq!((first, echo.as_slice()), (0xC1, &hello[2..]));
            peer.say_bytes(said);
            assert_eq!(failed_with(peer), code, "{said:x?}");
            assert_eq!(peer.says_no_more(), [0; 0]);
        });
        let failure = open(strict(&server)).failure();
        assert!(failure.text.contains(rule) && failure.text.contains(&format!("close code {code}")), "{failure}");
    }
}

#[test]
fn a_message_that_inflates_beyond_the_limit_is_failed_before_it_ends() {
    let server = compressing("", |peer| {
        // 256 MiB of zeros; the rest of the message never comes.
        let mut bomb = zeros(256 << 20);
        bomb.truncate(bomb.len() - 8);
        peer.say_bytes(&bomb);
        assert_eq!(failed_with(peer), 1009);
    });
    let mut spec = strict(&server);
    spec.websocket.inflate_limit_bytes = 1 << 20;
    let failure = open(spec).failure();
    assert!(failure.text.contains("close code 1009"), "{failure}");
}

#[test]
fn what_cannot_be_inflated_is_not_sent_back_and_what_follows_is() {
    let server = compressing("; server_no_context_takeover; client_no_context_takeover", |peer| {
        peer.say_bytes(&zeros(2000));
        peer.say_bytes(b"\xC1\x02\xFF\xFF\xC1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
        // One that is interrupted by another, which the rules forbid.
        peer.say_bytes(b"\x01\x03cut\xC1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
        for _ in 0..2 {
            assert_eq!(frame(peer), (0xC1, b"\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec()));
        }
        peer.say_bytes(&zeros(1000));
        assert_eq!(frame(peer).0, 0xC2);
        peer.say_bytes(b"\x88\x00");
        assert_eq!(frame(peer), (0x88, Vec::new()));
    });
    let mut spec = strict(&server);
    spec.websocket.strict = false;
    spec.websocket.inflate_limit_bytes = 1000;
    let mut watched = open(spec);
    watched.is_faulty = true;
    closed(&mut watched, "closed by the server");
    watched.until_act(Act::Noticed, "more than 1000 bytes, the limit, is not sent back");
    watched.until_act(Act::Noticed, "cannot be inflated is not sent back");
    watched.until_act(Act::Noticed, "must not be interleaved");
}
