//! The examples of RFC 6455 §5.7, byte for byte, and the fields of frames to the bit.

use super::*;
use crate::dissect::websocket::{NO_STATUS_RECEIVED, opcode_name};
use crate::dissect::{Flags, Layer, Record, Severity};
use crate::wire::Buf;

/// The bits that a frame record's `detail` is made of: opcode, FIN, reserved bits, MASK.
fn frame_detail(opcode: u32, fin: u32, mask: u32) -> u32 {
    opcode | fin << 4 | mask << 8
}

#[test]
fn a_single_frame_unmasked_text_message() {
    let told = explain(&vec![(Dir::In, vec![0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])]);
    assert_eq!(law::kinds(&told), [Kind::WsFrame, Kind::WsText]);
    let frame = Record {
        start: 0,
        len: 7,
        payload_len: 5,
        link: LINK,
        detail: frame_detail(1, 1, 0),
        kind: Kind::WsFrame,
        dir: Dir::In,
        worst: Severity::None,
        flags: Flags::IN_PLACE,
    };
    assert_eq!(told[0].record, frame);
    let flags = Flags::MESSAGE.and(Flags::IN_PLACE);
    assert_eq!(told[1].record, Record { detail: 2, kind: Kind::WsText, flags, ..frame });

    let shown: Vec<_> =
        told[0].fields.iter().map(|f| (f.def.key, f.span.bit, f.span.bits, f.value.clone(), f.depth)).collect();
    let expected = [
        ("websocket.frame", 0, 56, Value::Group, 0),
        ("websocket.fin", 0, 1, Value::Flag(true), 1),
        ("websocket.rsv1", 1, 1, Value::Flag(false), 1),
        ("websocket.rsv2", 2, 1, Value::Flag(false), 1),
        ("websocket.rsv3", 3, 1, Value::Flag(false), 1),
        ("websocket.opcode", 4, 4, Value::Named(1, "text"), 1),
        ("websocket.mask", 8, 1, Value::Flag(false), 1),
        ("websocket.payload_length", 9, 7, Value::Number(5), 1),
        ("websocket.payload", 16, 40, Value::Text, 1),
    ];
    assert_eq!(shown, expected);
    assert_eq!(told[0].payload, b"Hello");

    let text = &told[1].fields[0];
    assert_eq!((text.def.key, &text.value, text.layer), ("websocket.text", &Value::Text, Layer::Content));
    // Nothing was masked or joined, so the text points into the wire itself.
    assert_eq!((text.span.buf, text.span.bit, text.span.bits), (Buf::Wire(LINK, Dir::In), 16, 40));
    assert_eq!(told[1].payload, b"Hello");
}

#[test]
fn a_single_frame_masked_text_message() {
    let bytes = vec![0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let told = explain(&vec![(Dir::Out, bytes)]);
    assert_eq!(law::kinds(&told), [Kind::WsFrame, Kind::WsText]);
    assert!(told.iter().all(|explained| explained.notes.is_empty()));
    assert_eq!(told[0].record.detail, frame_detail(1, 1, 1));
    assert_eq!(field(&told[0], &fields::MASKING_KEY), (&Value::Bytes, 16, 32));
    assert_eq!(field(&told[0], &fields::MASKED_PAYLOAD), (&Value::Bytes, 48, 40));
    assert_eq!(told[0].payload, b"", "what is masked is not what the message says");
    assert_eq!(told[1].payload, b"Hello");
    assert_eq!(told[1].made[0].label, "unmasked");
    assert_eq!(told[1].made[0].wire_runs(1, 3), [(7, 2)]);
}

#[test]
fn a_fragmented_unmasked_text_message() {
    let told = explain(&vec![(Dir::In, vec![0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f])]);
    assert_eq!(law::kinds(&told), [Kind::WsFrame, Kind::WsFrame, Kind::WsText]);
    assert_eq!(told[0].record.detail, frame_detail(1, 0, 0));
    assert_eq!(told[1].record.detail, frame_detail(0, 1, 0));
    assert_eq!((told[1].record.start, told[1].record.len), (5, 4));
    let message = &told[2];
    assert_eq!((message.record.start, message.record.len, message.record.payload_len), (0, 9, 5));
    assert_eq!(message.record.payload_in_place(), None, "made of two frames");
    assert_eq!(message.payload, b"Hello");
    assert_eq!(message.made[0].wire_runs(0, 5), [(2, 3), (7, 2)]);
}

#[test]
fn an_unmasked_ping_and_its_masked_pong() {
    let ping = vec![0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let pong = vec![0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let told = explain(&vec![(Dir::In, ping), (Dir::Out, pong)]);
    assert_eq!(law::kinds(&told), [Kind::WsFrame, Kind::WsPing, Kind::WsFrame, Kind::WsPong]);
    assert!(told.iter().all(|explained| explained.notes.is_empty()));
    assert_eq!(field(&told[1], &fields::PING_PAYLOAD), (&Value::Bytes, 16, 40));
    assert_eq!(field(&told[3], &fields::PONG_PAYLOAD), (&Value::Bytes, 0, 40));
    assert_eq!((&told[1].payload[..], &told[3].payload[..]), (&b"Hello"[..], &b"Hello"[..]));
    assert_eq!(told[1].record.flags, Flags::MESSAGE);
}

#[test]
fn lengths_of_16_and_64_bits() {
    let mut bytes = vec![0x82, 0x7E, 0x01, 0x00];
    bytes.extend([7; 256]);
    bytes.extend([0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
    bytes.extend([8; 65536]);
    let told = explain(&vec![(Dir::In, bytes)]);
    assert_eq!(law::kinds(&told), [Kind::WsFrame, Kind::WsBinary, Kind::WsFrame, Kind::WsBinary]);
    assert!(told.iter().all(|explained| explained.notes.is_empty()));
    assert_eq!(
        field(&told[0], &fields::PAYLOAD_LENGTH),
        (&Value::Named(126, "the length is in the next 16 bits"), 9, 7)
    );
    assert_eq!(field(&told[0], &fields::PAYLOAD_LENGTH_16), (&Value::Number(256), 16, 16));
    let second = 8 * 260;
    assert_eq!(field(&told[2], &fields::PAYLOAD_LENGTH_64), (&Value::Number(65536), second + 16, 64));
    assert_eq!((told[3].record.start, told[3].record.len, told[3].record.payload_len), (260, 65546, 65536));
    assert_eq!(told[3].payload, [8; 65536]);
}

#[test]
fn close_frames_with_and_without_a_code() {
    let close = frame(0x88, b"\x03\xe8bye");
    let told = explain(&vec![(Dir::In, close), (Dir::Out, masked(0x88, [1, 2, 3, 4], b"\x03\xe8"))]);
    let server = first(&told, Kind::WsClose);
    assert_eq!(server.record.detail, 1000);
    let named = Value::Named(1000, "normal closure: the purpose is fulfilled");
    assert_eq!(field(server, &fields::CLOSE_CODE), (&named, 16, 16));
    assert_eq!(field(server, &fields::CLOSE_REASON), (&Value::Text, 32, 24));
    assert_eq!(server.payload, b"bye");
    assert!(told.iter().all(|explained| explained.notes.is_empty()));

    let told = explain(&vec![(Dir::In, frame(0x88, b""))]);
    assert_eq!(first(&told, Kind::WsClose).record.detail, u32::from(NO_STATUS_RECEIVED));
}

#[test]
fn an_open_side_has_no_close_code() {
    let mut socket = subject();
    let mut out = crate::dissect::Summary::default();
    assert_eq!(socket.close_code(Dir::In), None);
    socket.feed(Dir::In, 0, &frame(0x88, b"\x03\xe9"), &mut out);
    assert_eq!((socket.close_code(Dir::In), socket.close_code(Dir::Out)), (Some(1001), None));
}

#[test]
fn offsets_count_from_where_the_upgrade_ended() {
    let mut socket = subject();
    let mut out = crate::dissect::Summary::default();
    socket.feed(Dir::In, 129, &[0x81], &mut out);
    socket.feed(Dir::In, 130, &[0x01, b'x'], &mut out);
    let spans: Vec<_> = out.records.iter().map(|record| (record.start, record.end())).collect();
    assert_eq!(spans, [(129, 132), (129, 132)]);
}

#[test]
fn what_has_begun_is_pending() {
    let pending = |bytes: &[u8]| {
        let mut socket = subject();
        socket.feed(Dir::In, 100, bytes, &mut crate::dissect::Summary::default());
        socket.pending(Dir::In).map(|pending| (pending.what, pending.start))
    };
    assert_eq!(pending(b""), None);
    assert_eq!(pending(b"\x81"), Some(("frame header", 100)));
    assert_eq!(pending(b"\x81\x02a"), Some(("text message", 100)));
    assert_eq!(pending(b"\x81\x02ab"), None);
    assert_eq!(pending(b"\x02\x01a"), Some(("binary message", 100)));
    assert_eq!(pending(b"\x02\x01a\x89\x05a"), Some(("binary message", 100)));
    assert_eq!(pending(b"\x81\x00\x89\x05a"), Some(("ping", 102)));
    assert_eq!(pending(b"\x83\x05a"), Some(("frame payload", 100)));
}

#[test]
fn every_opcode_has_a_name() {
    let names: Vec<&str> = (0..16).map(opcode_name).collect();
    assert_eq!(&names[..3], ["continuation", "text", "binary"]);
    assert!(names[3..8].iter().all(|name| *name == "reserved for data frames"));
    assert_eq!(&names[8..11], ["close", "ping", "pong"]);
    assert!(names[11..].iter().all(|name| *name == "reserved for control frames"));
}
