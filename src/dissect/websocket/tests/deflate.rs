//! permessage-deflate (RFC 7692): the RFC's examples, what is wrong on the wire, and limits.

use super::conversation::deflated;
use super::*;
use crate::dissect::websocket::negotiation::Deflate;
use crate::dissect::websocket::notes;
use crate::dissect::{Flags, Severity};
use crate::wire::Buf;
use crate::wire::Dir::{In, Out};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn agreed(deflate: Deflate) -> WebSocket {
    WebSocket::with_deflate(LINK, &deflate, 1 << 20)
}

fn told(script: &Script) -> Vec<Explained> {
    told_with(&agreed(Deflate::default()), script)
}

fn told_with(subject: &WebSocket, script: &Script) -> Vec<Explained> {
    law::split_invariance(subject, script, &[5]);
    law::tiling(subject, script);
    law::explain(subject, script, &[usize::MAX])
}

/// What each message says, and the notes on it.
fn said(told: &[Explained]) -> Vec<(Vec<u8>, Vec<&'static str>)> {
    let messages = told.iter().filter(|told| matches!(told.record.kind, Kind::WsText | Kind::WsBinary));
    messages.map(|told| (told.payload.clone(), told.notes.iter().map(|note| note.def.key).collect())).collect()
}

#[test]
fn a_compressed_message_is_shown_compressed_and_inflated() {
    // RFC 7692 §7.2.3.1, once from the server and once masked.
    for (dir, bytes) in [(In, frame(0xC1, &HELLO)), (Out, masked(0xC1, KEY, &HELLO))] {
        let told = told(&vec![(dir, bytes)]);
        assert_eq!(law::kinds(&told), [Kind::WsFrame, Kind::WsText]);
        let text = &told[1];
        assert_eq!((&text.payload[..], text.record.payload_len), (&b"Hello"[..], 5));
        assert!(text.record.flags.has(Flags::COMPRESSED) && !text.record.flags.has(Flags::IN_PLACE));
        assert_eq!(text.record.worst, Severity::None);
        let labels: Vec<&str> = text.made.iter().map(|made| made.label).collect();
        assert_eq!(labels, if dir == In { vec!["inflated"] } else { vec!["unmasked", "inflated"] });
        let (_, bit, bits) = field(text, &fields::COMPRESSED);
        assert_eq!((bit, bits), (if dir == In { 16 } else { 0 }, 56));
        assert_eq!(field(text, &fields::DEFLATE_RATIO).0, &Value::Says("7 → 5 bytes, 0.7 times as long".into()));
        let block = Value::Says("fixed codes, 50 bits: 5 literals and 0 copies make 5 bytes".into());
        assert_eq!(field(text, &fields::DEFLATE_BLOCK).0, &block);
        let text_field = text.fields.iter().find(|field| field.def == &fields::TEXT).unwrap();
        assert_eq!((text_field.span.buf, text_field.span.bit), (Buf::Made(text.made.len() as u32 - 1), 0));
        assert!(text.made.last().unwrap().from.is_empty());
    }
}

#[test]
fn fragments_with_control_frames_between() {
    // RFC 7692 §7.2.3.1: the same message in two frames.
    let bytes = [frame(0x41, &HELLO[..3]), frame(0x89, b"p"), frame(0x80, &HELLO[3..])].concat();
    let told = told(&vec![(In, bytes)]);
    assert_eq!(said(&told), [(b"Hello".to_vec(), vec![])]);
    assert_eq!(first(&told, Kind::WsText).made[0].label, "joined");
}

#[test]
fn the_window_goes_from_message_to_message_where_that_was_agreed_on() {
    let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let script = vec![(In, [frame(0xC1, &HELLO), frame(0xC1, &second)].concat())];
    assert_eq!(said(&told(&script)), [(b"Hello".to_vec(), vec![]), (b"Hello".to_vec(), vec![])]);

    let forgets = agreed(Deflate { server_no_context_takeover: true, ..Deflate::default() });
    let told = told_with(&forgets, &script);
    assert_eq!(said(&told)[1].1, [notes::DEFLATE_INVALID.key]);
    let detail = &told[3].notes[0].detail;
    assert!(detail.contains("before the first byte of this message, since no context is kept"), "{detail}");
    // What follows is inflated all the same: nothing that was lost is needed.
    let script = vec![(In, [frame(0xC1, &second), frame(0xC1, &HELLO)].concat())];
    assert_eq!(said(&told_with(&forgets, &script))[1], (b"Hello".to_vec(), vec![]));
}

#[test]
fn a_message_need_not_be_compressed() {
    let script = vec![(In, [frame(0x81, b"plain"), frame(0xC1, &HELLO)].concat())];
    assert_eq!(said(&told(&script)), [(b"plain".to_vec(), vec![]), (b"Hello".to_vec(), vec![])]);
}

#[test]
fn where_rsv1_must_not_be() {
    let noted = |script: &Script, subject: &WebSocket| -> Vec<&'static str> {
        told_with(subject, script).iter().flat_map(|told| told.notes.iter().map(|note| note.def.key)).collect()
    };
    let on_ping = vec![(In, frame(0xC9, b""))];
    assert_eq!(noted(&on_ping, &agreed(Deflate::default())), [notes::RSV1_MISPLACED.key]);
    let on_continuation = vec![(In, [frame(0x41, &HELLO[..3]), frame(0xC0, &HELLO[3..])].concat())];
    assert_eq!(noted(&on_continuation, &agreed(Deflate::default())), [notes::RSV1_MISPLACED.key]);
    // Not agreed on, it is a reserved bit like the others.
    assert_eq!(noted(&vec![(In, frame(0xC1, &HELLO))], &subject()), [notes::RESERVED_BITS.key]);
    assert_eq!(noted(&vec![(In, frame(0xE1, &HELLO))], &agreed(Deflate::default())), [notes::RESERVED_BITS.key]);
}

#[test]
fn a_truncated_block_loses_the_window() {
    let script = vec![(In, [frame(0xC1, &HELLO[..4]), frame(0xC1, &HELLO)].concat())];
    let told = told(&script);
    let lost = (HELLO.to_vec(), vec![notes::NOT_INFLATED.key]);
    assert_eq!(said(&told)[0].1, [notes::DEFLATE_INVALID.key]);
    assert_eq!(said(&told)[1], lost);
    assert_eq!(told[3].record.payload_len, 7);
}

#[test]
fn a_message_that_inflates_beyond_the_limit_is_cut_there() {
    // 2 MiB of zeros against a limit of 1 MiB, and 20 MiB; then a message that may need them.
    let said_of = |len: usize, deflate: Deflate| {
        let bomb = deflated(&vec![0; len]);
        assert!(bomb.len() < len / 500);
        let script = vec![(In, [frame(0xC2, &bomb), frame(0xC1, &HELLO)].concat())];
        let told = told_with(&agreed(deflate), &script);
        let binary = first(&told, Kind::WsBinary);
        assert_eq!((binary.record.payload_len, binary.payload.len()), (1 << 20, 1 << 20));
        assert_eq!(binary.notes[0].def.key, notes::INFLATE_CAPPED.key);
        (binary.notes[0].detail.clone(), said(&told)[1].clone())
    };
    let hello = (b"Hello".to_vec(), vec![]);
    let (detail, next) = said_of(2 << 20, Deflate::default());
    assert_eq!((detail.as_str(), next), ("the limit is 1048576 bytes, and it inflates to 2097152", hello.clone()));
    let (detail, next) = said_of(20 << 20, Deflate::default());
    assert_eq!(detail, "the limit is 1048576 bytes, and it goes beyond 16 times that");
    assert_eq!(next.1, [notes::NOT_INFLATED.key]);
    let forgets = Deflate { server_no_context_takeover: true, ..Deflate::default() };
    assert_eq!(said_of(20 << 20, forgets).1, hello);
}

#[test]
fn a_copy_from_beyond_the_window_is_noted_and_read() {
    let mut text: Vec<u8> = (0..600u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    text.extend_from_within(..100);
    let script = vec![(In, frame(0xC2, &deflated(&text)))];
    let told = told_with(&agreed(Deflate { server_max_window_bits: 9, ..Deflate::default() }), &script);
    assert_eq!(said(&told), [(text.clone(), vec![notes::DEFLATE_WINDOW.key])]);
    assert_eq!(first(&told, Kind::WsBinary).notes[0].detail, "600 bytes back, and 512 were agreed on");
}

#[test]
fn inflated_text_must_be_utf8() {
    let bytes = frame(0xC1, &deflated(b"ab\xffcd"));
    let told = told(&vec![(In, bytes)]);
    assert_eq!(said(&told)[0].1, [notes::TEXT_NOT_UTF8.key]);
    let note = &told[1].notes[0];
    assert_eq!((note.span.buf, note.span.bit, note.span.bits), (Buf::Made(0), 16, 8));
}

#[test]
fn many_blocks_are_told_up_to_a_limit() {
    let mut bytes: Vec<u8> = [0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(3000);
    bytes.push(0);
    let told = told(&vec![(In, frame(0xC2, &bytes))]);
    let binary = first(&told, Kind::WsBinary);
    let blocks = binary.fields.iter().filter(|field| field.def == &fields::DEFLATE_BLOCK).count();
    assert_eq!((blocks, binary.payload.len()), (1000, 0));
    assert_eq!(field(binary, &fields::DEFLATE_REST).2, (3000 * 5 + 1 - 5000) * 8);
}
