//! Every note, shown by a conversation that earns it: on which record and on which bits.

use super::conversation::deflated;
use super::*;
use crate::dissect::websocket::negotiation::Deflate;
use crate::dissect::websocket::{NOTES, close_code_meaning, notes};
use crate::dissect::{Flags, NoteDef, Severity};
use Dir::{In, Out};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

struct Example {
    note: &'static NoteDef,
    subject: WebSocket,
    script: Script,
    /// The record that has the note.
    on: Kind,
    /// The bits that it is about, in the buffer that they lie in.
    bits: (u64, u64),
}

fn example(note: &'static NoteDef, script: Script, on: Kind, bits: (u64, u64)) -> Example {
    Example { note, subject: subject(), script, on, bits }
}

/// The same where permessage-deflate was agreed on, with windows of 512 bytes and a limit of 1000.
fn deflated_example(note: &'static NoteDef, script: Script, on: Kind, bits: (u64, u64)) -> Example {
    let deflate = Deflate { server_max_window_bits: 9, client_max_window_bits: 9, ..Deflate::default() };
    Example { subject: WebSocket::with_deflate(LINK, &deflate, 1000), ..example(note, script, on, bits) }
}

/// The server says this, and nothing else is said.
fn server(bytes: impl Into<Vec<u8>>) -> Script {
    vec![(In, bytes.into())]
}

fn examples() -> Vec<Example> {
    use Kind::*;
    let long = vec![b'x'; 126];
    let key_twice = [masked(0x82, KEY, b"a"), masked(0x82, KEY, b"b")].concat();
    let ping = (In, frame(0x89, b"one"));
    let mut apart: Vec<u8> = (0..600u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    apart.extend_from_within(..100);
    let (far, bomb) = (deflated(&apart), deflated(&[0; 5000]));
    let after_bad = [frame(0xC2, b"\x07"), frame(0xC2, b"\x00")].concat();
    vec![
        example(&notes::RESERVED_BITS, server(frame(0xC1, b"a")), WsFrame, (1, 3)),
        example(&notes::RESERVED_OPCODE, server(frame(0x83, b"a")), WsFrame, (4, 4)),
        example(&notes::RESERVED_OPCODE, server(frame(0x8F, b"")), WsFrame, (4, 4)),
        example(&notes::CONTROL_FRAGMENTED, server(frame(0x09, b"")), WsFrame, (0, 1)),
        example(&notes::CONTROL_TOO_LONG, server(frame(0x89, &long)), WsFrame, (9, 23)),
        example(&notes::CLIENT_NOT_MASKED, vec![(Out, frame(0x81, b"a"))], WsFrame, (8, 1)),
        example(&notes::SERVER_MASKED, server(masked(0x81, KEY, b"a")), WsFrame, (8, 1)),
        example(&notes::LENGTH_TOO_LARGE, server(b"\x82\x7f\x80\0\0\0\0\0\0\0"), WsFrame, (16, 1)),
        example(&notes::LENGTH_NOT_MINIMAL, server(b"\x81\x7e\x00\x01a"), WsFrame, (9, 23)),
        example(&notes::LENGTH_NOT_MINIMAL, server(b"\x81\x7f\0\0\0\0\0\0\0\x01a"), WsFrame, (9, 71)),
        example(&notes::ZERO_KEY, vec![(Out, masked(0x81, [0; 4], b"a"))], WsFrame, (16, 32)),
        example(&notes::SAME_KEY, vec![(Out, key_twice)], WsFrame, (7 * 8 + 16, 32)),
        example(&notes::NOTHING_TO_CONTINUE, server(frame(0x80, b"a")), WsFrame, (4, 4)),
        example(&notes::INTERLEAVED, server([frame(0x01, b"a"), frame(0x82, b"b")].concat()), WsFrame, (28, 4)),
        example(&notes::EMPTY_FRAGMENT, server([frame(0x01, b""), frame(0x80, b"a")].concat()), WsFrame, (9, 7)),
        example(&notes::TEXT_NOT_UTF8, server(frame(0x81, b"ab\xFFc")), WsText, (32, 8)),
        example(&notes::MESSAGE_INCOMPLETE, server(frame(0x01, b"ab")), WsText, (16, 16)),
        example(&notes::FRAME_INCOMPLETE, server(b"\x81"), WsFrame, (0, 8)),
        example(&notes::FRAME_INCOMPLETE, server(b"\x89\x02a"), WsPing, (16, 8)),
        example(&notes::PONG_UNASKED, server(frame(0x8A, b"a")), WsPong, (16, 8)),
        example(&notes::PONG_UNASKED, server(frame(0x8A, b"")), WsPong, (0, 16)),
        example(&notes::PONG_DIFFERS, vec![ping, (Out, masked(0x8A, KEY, b"two"))], WsPong, (0, 24)),
        example(&notes::CLOSE_TOO_SHORT, server(frame(0x88, b"\x03")), WsClose, (16, 8)),
        example(&notes::REASON_NOT_UTF8, server(frame(0x88, b"\x03\xe8a\xc3")), WsClose, (40, 8)),
        example(&notes::CLOSE_CODE_NOT_USED, close(999), WsClose, (16, 16)),
        example(&notes::CLOSE_CODE_RESERVED, close(1004), WsClose, (16, 16)),
        example(&notes::CLOSE_CODE_LOCAL, close(1006), WsClose, (16, 16)),
        example(&notes::CLOSE_CODE_OUT_OF_RANGE, close(5000), WsClose, (16, 16)),
        example(&notes::CLOSE_CODE_OF_CLIENTS, close(1010), WsClose, (16, 16)),
        example(&notes::CLOSED_FOR_FAULT, close(1011), WsClose, (16, 16)),
        example(
            &notes::CLOSE_NOT_ECHOED,
            [close(1000), vec![(Out, masked(0x88, KEY, b"\x03\xe9"))]].concat(),
            WsClose,
            (0, 16),
        ),
        example(
            &notes::DATA_AFTER_CLOSE,
            server([frame(0x88, b"\x03\xe8"), frame(0x81, b"a")].concat()),
            WsFrame,
            (36, 4),
        ),
        example(
            &notes::CONTROL_AFTER_CLOSE,
            server([frame(0x88, b"\x03\xe8"), frame(0x89, b"")].concat()),
            WsFrame,
            (36, 4),
        ),
        deflated_example(&notes::RSV1_MISPLACED, server(frame(0xC9, b"")), WsFrame, (1, 1)),
        deflated_example(&notes::DEFLATE_INVALID, server(frame(0xC2, b"\x07")), WsBinary, (16, 8)),
        // RFC 7692 §7.2.3.4, with and without the empty block behind the final one; 0x80 is the bit that should be 0.
        deflated_example(
            &notes::DEFLATE_PADDING,
            server(frame(0xC2, b"\xf3\x48\xcd\xc9\xc9\x07\x80")),
            WsBinary,
            (16, 56),
        ),
        deflated_example(
            &notes::DEFLATE_PADDING,
            server(frame(0xC2, b"\xf3\x48\xcd\xc9\xc9\x07\x80\0")),
            WsBinary,
            (16, 64),
        ),
        deflated_example(&notes::DEFLATE_WINDOW, server(frame(0xC2, &far)), WsBinary, (32, far.len() as u64 * 8)),
        deflated_example(&notes::INFLATE_CAPPED, server(frame(0xC2, &bomb)), WsBinary, (16, bomb.len() as u64 * 8)),
        deflated_example(&notes::NOT_INFLATED, server(after_bad), WsBinary, (40, 8)),
        example(&notes::NO_CLOSE_FRAME, server(b"\x82\x05a"), WsBinary, (24, 0)),
        example(&notes::NO_CLOSE_FRAME, server(b"\x88"), WsFrame, (0, 8)),
    ]
}

fn close(code: u16) -> Script {
    server(frame(0x88, &code.to_be_bytes()))
}

/// The notes of a script: on which record, which rule, which bits.
fn noted(script: &Script) -> Vec<(Kind, &'static str, (u64, u64))> {
    noted_by(&subject(), script)
}

fn noted_by(subject: &WebSocket, script: &Script) -> Vec<(Kind, &'static str, (u64, u64))> {
    let told = law::explain(subject, script, &[usize::MAX]);
    let of = |explained: &Explained| {
        let kind = explained.record.kind;
        explained.notes.iter().map(|note| (kind, note.def.key, (note.span.bit, note.span.bits))).collect::<Vec<_>>()
    };
    told.iter().flat_map(of).collect()
}

#[test]
fn every_note_has_an_example_that_shows_it() {
    let examples = examples();
    for Example { note, subject, script, on, bits } in &examples {
        let noted = noted_by(subject, script);
        assert!(noted.contains(&(*on, note.key, *bits)), "{}: {noted:?}", note.key);
        law::split_invariance(subject, script, &[3, 1]);
        law::tiling(subject, script);
    }
    for note in NOTES.iter().filter(|note| !handshake::shows(note)) {
        assert!(examples.iter().any(|example| example.note.key == note.key), "no example shows {}", note.key);
    }
}

#[test]
fn a_record_is_as_bad_as_its_worst_note() {
    for Example { note, subject, script, on, .. } in &examples() {
        let told = law::explain(subject, script, &[usize::MAX]);
        let noted = |explained: &&Explained| {
            explained.record.kind == *on && explained.notes.iter().any(|has| has.def.key == note.key)
        };
        assert!(told.iter().find(noted).unwrap().record.worst >= note.severity);
    }
}

#[test]
fn bad_utf8_is_found_at_its_first_byte_across_fragments_and_masks() {
    // The second fragment ends within a character that the third does not go on with.
    let fragments = [("κόσ", 0x01), ("με ", 0x00)].map(|(text, first)| masked(first, KEY, text.as_bytes()));
    let script = vec![(
        Out,
        [&fragments[0][..], &fragments[1], &masked(0x00, KEY, b"\xF0\x9F"), &masked(0x80, KEY, b"!")].concat(),
    )];
    let told = explain(&script);
    let message = first(&told, Kind::WsText);
    assert_eq!(message.notes.len(), 1);
    assert_eq!((message.notes[0].span.start_byte(), message.notes[0].span.end_byte()), (11, 13));
    assert_eq!(message.notes[0].detail, "byte 11 of the message: f0 9f");
    assert_eq!(&message.made[0].bytes[..11], "κόσμε ".as_bytes());
}

#[test]
fn a_character_may_be_cut_by_fragments() {
    let script =
        server([frame(0x01, b"\xE2"), frame(0x89, b"\xFF"), frame(0x00, b"\x82"), frame(0x80, b"\xAC")].concat());
    assert_eq!(noted(&script), []);
    assert_eq!(first(&explain(&script), Kind::WsText).payload, "€".as_bytes());
}

#[test]
fn a_character_that_the_end_cuts_is_not_blamed_on_the_sender() {
    let keys: Vec<_> = noted(&server(frame(0x01, b"\xE2"))).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, [notes::NO_CLOSE_FRAME.key, notes::MESSAGE_INCOMPLETE.key]);
}

#[test]
fn text_that_an_extension_may_have_changed_is_not_called_bad() {
    let noted: Vec<_> = noted(&server(frame(0xC1, b"\xFF"))).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(noted, [notes::RESERVED_BITS.key]);
}

#[test]
fn a_message_that_another_interrupts_is_told_first_and_incomplete() {
    let told = explain(&server([frame(0x01, b"one"), frame(0x02, b"t"), frame(0x80, b"wo")].concat()));
    use Kind::*;
    assert_eq!(law::kinds(&told), [WsFrame, WsText, WsFrame, WsFrame, WsBinary]);
    assert!(told[1].record.flags.has(Flags::MESSAGE.and(Flags::INCOMPLETE)));
    assert_eq!((told[1].record.start, told[1].record.len, &told[1].payload[..]), (0, 5, &b"one"[..]));
    assert_eq!((told[4].record.start, told[4].record.len, &told[4].payload[..]), (5, 7, &b"two"[..]));
}

#[test]
fn a_frame_of_two_to_the_63_bytes_costs_nothing() {
    let mut bytes = b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
    bytes.extend([5; 1000]);
    let told = explain(&server(bytes));
    use Kind::*;
    assert_eq!(law::kinds(&told), [WsFrame, WsBinary]);
    let frame = &told[0];
    assert!(frame.record.flags.has(Flags::INCOMPLETE));
    assert_eq!((frame.record.len, frame.record.payload_len), (1010, 1000));
    assert_eq!(frame.notes[0].detail, "1000 of 9223372036854775807 payload bytes came");
    assert!(told.iter().all(|explained| explained.record.worst == Severity::Warning));
}

#[test]
fn the_end_within_a_header_leaves_a_gap_for_what_has_no_meaning_yet() {
    let fields_of = |bytes: &[u8]| {
        let told = explain(&vec![(Out, bytes.to_vec())]);
        assert_eq!(law::kinds(&told), [Kind::WsFrame]);
        told[0].fields.iter().skip(1).map(|field| (field.def.key, field.span.bit, field.span.bits)).collect::<Vec<_>>()
    };
    assert_eq!(fields_of(b"\x81").last(), Some(&("websocket.opcode", 4, 4)));
    assert_eq!(fields_of(b"\x81\x85").last(), Some(&("websocket.payload_length", 9, 7)));
    assert_eq!(fields_of(b"\x81\xfe\x01").last(), Some(&("gap", 16, 8)));
    assert_eq!(fields_of(b"\x81\xff\0\0\0\0").last(), Some(&("gap", 16, 32)));
    let with_part_of_key = fields_of(b"\x81\xfe\x01\x00abc");
    assert_eq!(with_part_of_key[7..], [("websocket.payload_length_ext_16", 16, 16), ("gap", 32, 24)]);
}

#[test]
fn a_pong_may_answer_the_latest_ping_only() {
    let pings = [frame(0x89, b"1"), frame(0x89, b"2"), frame(0x89, b"3")].concat();
    let pong = |payload: &[u8], n: u8| (Out, masked(0x8A, [n, 2, 3, 4], payload));
    assert_eq!(noted(&vec![(In, pings.clone()), pong(b"3", 1)]), []);
    // The third settled the others.
    let late: Vec<_> = noted(&vec![(In, pings), pong(b"3", 1), pong(b"2", 2)]).into_iter().map(|n| n.1).collect();
    assert_eq!(late, [notes::PONG_UNASKED.key]);
    // Pings that say the same may be answered one by one, too, and not more often.
    let same = (In, frame(0x89, b"p").repeat(3));
    assert_eq!(noted(&vec![same.clone(), pong(b"p", 1), pong(b"p", 2), pong(b"p", 3)]), []);
    let once_more = noted(&vec![same, pong(b"p", 1), pong(b"p", 2), pong(b"p", 3), pong(b"p", 4)]);
    assert_eq!(once_more.iter().map(|n| n.1).collect::<Vec<_>>(), [notes::PONG_UNASKED.key]);
}

#[test]
fn pings_that_are_forgotten_are_said_to_be() {
    let pings: Vec<u8> = (0..20u8).flat_map(|n| frame(0x89, &[n])).collect();
    let told = explain(&vec![(In, pings), (Out, masked(0x8A, KEY, &[0]))]);
    let pong = first(&told, Kind::WsPong);
    assert_eq!(pong.notes[0].detail, "16 pings wait; older ones wait too and are no longer compared");
}

#[test]
fn the_missing_close_frame_is_noted_once() {
    let cut = |dir| (dir, if dir == In { frame(0x01, b"a") } else { masked(0x01, KEY, b"a") });
    let count = |script: &Script| noted(script).iter().filter(|(_, key, _)| *key == notes::NO_CLOSE_FRAME.key).count();
    assert_eq!(count(&vec![cut(In), cut(Out)]), 1);
    // With nothing cut off there is no record that it could be a note on.
    assert_eq!(noted(&server(frame(0x81, b"a"))), []);
}

#[test]
fn every_close_code_has_a_meaning_and_a_verdict() {
    let verdict = |code: u16| {
        let noted = noted(&close(code));
        assert!(noted.len() <= 1);
        noted.first().map(|(_, key, _)| *key)
    };
    let fault = Some(notes::CLOSED_FOR_FAULT.key);
    let expected = [
        (0..=999, Some(notes::CLOSE_CODE_NOT_USED.key)),
        (1000..=1001, None),
        (1002..=1003, fault),
        (1004..=1004, Some(notes::CLOSE_CODE_RESERVED.key)),
        (1005..=1006, Some(notes::CLOSE_CODE_LOCAL.key)),
        (1007..=1009, fault),
        (1010..=1010, Some(notes::CLOSE_CODE_OF_CLIENTS.key)),
        (1011..=1014, fault),
        (1015..=1015, Some(notes::CLOSE_CODE_LOCAL.key)),
        (1016..=2999, Some(notes::CLOSE_CODE_RESERVED.key)),
        (3000..=4999, None),
        (5000..=5100, Some(notes::CLOSE_CODE_OUT_OF_RANGE.key)),
        (u16::MAX..=u16::MAX, Some(notes::CLOSE_CODE_OUT_OF_RANGE.key)),
    ];
    for (codes, note) in expected {
        for code in codes {
            assert_eq!(verdict(code), note, "{code}");
            assert!(!close_code_meaning(code).is_empty());
        }
    }
    assert_eq!(noted(&vec![(Out, masked(0x88, KEY, &1010u16.to_be_bytes()))])[0].1, notes::CLOSED_FOR_FAULT.key);
}
