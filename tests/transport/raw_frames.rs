//! Frames that are written as they are ordered, among the messages and answers of an ordinary conversation.

use crate::support::{contains, open, spec};
use crate::websocket::{closed, frame, text, upgraded};
use bytes::Bytes;
use pushscope::transport::{LengthForm, Order, Outgoing, RawFrame};
use pushscope::wire::{Act, Dir};

fn raw(fin: bool, opcode: u8, payload: &'static [u8]) -> RawFrame {
    RawFrame {
        fin,
        rsv: [false; 3],
        opcode,
        mask: Some([1, 2, 3, 4]),
        length_form: LengthForm::Minimal,
        claimed_len: None,
        payload: Bytes::from_static(payload),
    }
}

fn frames(frames: Vec<RawFrame>) -> Order {
    Order::Send(Outgoing::Frames(frames))
}

#[test]
fn frames_go_out_as_ordered_in_one_piece() {
    let server = upgraded(|mut peer| {
        assert_eq!(frame(&mut peer), (0x01, b"fra".to_vec()));
        assert_eq!(frame(&mut peer), (0x89, b"ping".to_vec()));
        assert_eq!(frame(&mut peer), (0x8A, b"unasked".to_vec()));
        assert_eq!(frame(&mut peer), (0xF0, b"gment".to_vec()));
        assert_eq!(frame(&mut peer), (0x81, b"ordinary".to_vec()));
        // Not masked, and its length in 64 bits.
        assert_eq!(peer.read(14), b"\x82\x7F\0\0\0\0\0\0\0\x04open");
        peer.say_bytes(b"\x88\x00");
        assert_eq!(frame(&mut peer), (0x88, Vec::new()));
    });
    let mut watched = open(spec(server.ws("/")));
    watched.is_faulty = true;
    watched.send(frames(vec![
        raw(false, 1, b"fra"),
        raw(true, 9, b"ping"),
        raw(true, 10, b"unasked"),
        RawFrame { rsv: [true; 3], ..raw(true, 0, b"gment") },
    ]));
    watched.send(text("ordinary"));
    watched.send(frames(vec![RawFrame { mask: None, length_form: LengthForm::Bits64, ..raw(true, 2, b"open") }]));
    watched.send(frames(Vec::new()));
    closed(&mut watched, "closed by the server");
}

#[test]
fn a_close_frame_among_them_is_the_users_close() {
    let server = upgraded(|mut peer| {
        assert_eq!(frame(&mut peer), (0x88, b"\x03\xE7odd".to_vec()));
        assert_eq!(frame(&mut peer), (0x81, b"late".to_vec()));
        assert_eq!(frame(&mut peer), (0x81, b"later".to_vec()));
        // Neither pings nor pongs of our own come after a close frame.
        peer.say_bytes(b"\x89\x00\x88\x02\x03\xE8");
        assert_eq!(peer.says_no_more(), [0; 0]);
    });
    let mut spec = spec(server.ws("/"));
    spec.websocket.ping_ms = 3_600_000;
    let mut watched = open(spec);
    watched.is_faulty = true;
    watched.send(frames(vec![raw(true, 8, b"\x03\xE7odd"), raw(true, 1, b"late")]));
    watched.send(text("too late"));
    watched.send(frames(vec![raw(true, 1, b"later")]));
    closed(&mut watched, "closed by the user: 1000");
    watched.until_act(Act::NotSent, "nothing may follow");
    let follows = watched.acts().iter().filter(|act| act.text.contains("follows a close frame")).count();
    assert_eq!(follows, 2, "{}", watched.story());
}

#[test]
fn a_raw_close_frame_answers_the_servers_where_that_is_left_to_the_user() {
    let server = upgraded(|mut peer| {
        peer.say_bytes(b"\x88\x02\x03\xE8");
        assert_eq!(frame(&mut peer), (0x88, b"\x03\xE8".to_vec()));
    });
    let mut spec = spec(server.ws("/"));
    spec.websocket.auto_close = false;
    let mut watched = open(spec);
    watched.until_act(Act::Noticed, "left unanswered");
    watched.send(frames(vec![raw(true, 8, b"\x03\xE8")]));
    closed(&mut watched, "closed by the server: 1000");
}

#[test]
fn a_frame_that_lies_about_its_length_is_said() {
    let server = upgraded(|mut peer| {
        // The second frame is taken for the payload of the first.
        let (first, payload) = frame(&mut peer);
        assert_eq!((first, payload.len()), (0x82, 300));
    });
    let mut watched = open(spec(server.ws("/")));
    watched.send(frames(vec![
        RawFrame { claimed_len: Some(300), ..raw(true, 2, b"short") },
        // No close frame for the server, and so none for us.
        RawFrame { claimed_len: Some(3), ..raw(true, 8, b"\x03\xE8bye") },
        RawFrame { mask: None, ..raw(true, 2, &[0; 300]) },
    ]));
    watched.until_act(Act::Noticed, "300 bytes of payload follow, and 5 do");
    watched.failure();
    assert!(contains(&watched.bytes(Dir::Out), &[0; 300]));
}
