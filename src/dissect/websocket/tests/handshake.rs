//! The opening handshake: the RFC's own, one that breaks each rule, and what comes of a negotiation.

use super::*;
use crate::dissect::websocket::notes;
use crate::dissect::{Dissector, NoteDef};
use crate::wire::Dir::{In, Out};

/// The request of RFC 6455 §1.3, with subprotocols and permessage-deflate.
const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
                       Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
                       Sec-WebSocket-Version: 13\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
                      Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n";

/// A rule of the handshake, and what to change of which head so that it is broken.
const EXAMPLES: &[(&NoteDef, Dir, &str, &str)] = &[
    (&notes::REQUEST_METHOD, Out, "GET", "POST"),
    (&notes::REQUEST_HTTP_VERSION, Out, "HTTP/1.1", "HTTP/1.0"),
    (&notes::REQUEST_UPGRADE, Out, "Upgrade: websocket", "Upgrade: h2c"),
    (&notes::REQUEST_UPGRADE, Out, "Upgrade: websocket", "X-Upgrade: websocket"),
    (&notes::REQUEST_CONNECTION, Out, "Connection: Upgrade", "Connection: keep-alive"),
    (&notes::REQUEST_KEY, Out, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
    (&notes::REQUEST_KEY, Out, "dGhlIHNhbXBsZSBub25jZQ==", "no base64!"),
    (&notes::REQUEST_KEY, Out, "Sec-WebSocket-Key", "X-Key"),
    (&notes::REQUEST_VERSION, Out, "Version: 13", "Version: 12"),
    (&notes::REQUEST_PROTOCOL, Out, "superchat", "super chat"),
    (&notes::REQUEST_PROTOCOL, Out, "superchat", "chat"),
    (&notes::REQUEST_PROTOCOL, Out, "chat, superchat", ""),
    (&notes::REQUEST_EXTENSIONS, Out, "permessage-deflate; client_max_window_bits", ""),
    (&notes::REQUEST_EXTENSIONS, Out, "permessage-deflate; client", "permessage-deflate, two words; client"),
    (&notes::REQUEST_EXTENSIONS, Out, "client_max_window_bits", "x=\"a b\""),
    (&notes::OFFER_INVALID, Out, "client_max_window_bits", "client_max_window_bits=7"),
    (&notes::OFFER_INVALID, Out, "client_max_window_bits", "client_max_window_bits; client_max_window_bits"),
    (&notes::ANSWER_UPGRADE, In, "Upgrade: websocket", "Upgrade: websocket, h2c"),
    (&notes::ANSWER_CONNECTION, In, "Connection: Upgrade", "Connection: close"),
    (&notes::ANSWER_ACCEPT, In, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="),
    (&notes::ANSWER_ACCEPT, In, "Sec-WebSocket-Accept", "X-Accept"),
    (&notes::ANSWER_PROTOCOL, In, "Protocol: chat", "Protocol: other"),
    (&notes::ANSWER_PROTOCOL, In, "Protocol: chat", "Protocol: chat, superchat"),
    (&notes::ANSWER_PROTOCOL, In, "Protocol: chat", "Protocol: "),
    (&notes::ANSWER_EXTENSIONS, In, "bits=10", "bits=10\r\nSec-WebSocket-Extensions: permessage-deflate"),
    (&notes::ANSWER_EXTENSIONS, In, "server_max_window_bits=10", "server_max_window_bits=16"),
    (&notes::ANSWER_EXTENSIONS, In, "permessage-deflate", "x-webkit-deflate-frame"),
];

/// What stands in a head, and what to put in its place.
type Change = (&'static str, &'static str);

/// A rule that an answer breaks because of the request, and what to change of both heads.
const ANSWERED: &[(&NoteDef, Change, Change)] = &[
    (&notes::ANSWER_TO_BROKEN, ("Version: 13", "Version: 12"), ("", "")),
    (&notes::ANSWER_TO_BROKEN, ("Connection: Upgrade", "Connection: close"), ("", "")),
    (&notes::ANSWER_TO_BROKEN, ("superchat", "chat"), ("", "")),
    (&notes::ANSWER_TO_OFFER, ("client_max_window_bits", "client_max_window_bits=16"), ("", "")),
    (
        &notes::ANSWER_EXTENSIONS,
        ("permessage", "deflate-frame, permessage"),
        ("permessage", "deflate-frame, permessage"),
    ),
    (&notes::ANSWER_VERSIONS, ("Version: 13", "Version: 14"), ("101 Switching Protocols", "426 Upgrade Required")),
];

/// Whether a test here shows it.
pub fn shows(note: &NoteDef) -> bool {
    EXAMPLES.iter().any(|example| example.0.key == note.key) || ANSWERED.iter().any(|example| example.0.key == note.key)
}

fn script(request: &str, answer: &str) -> Script {
    vec![(Out, request.into()), (In, answer.into())]
}

fn told(script: &Script) -> Vec<Explained> {
    let subject = Dissector::http1(LINK);
    law::split_invariance(&subject, script, &[7]);
    law::tiling(&subject, script);
    law::explain(&subject, script, &[usize::MAX])
}

fn noted(told: &[Explained]) -> Vec<&'static str> {
    told.iter().flat_map(|told| told.notes.iter().map(|note| note.def.key)).collect()
}

#[test]
fn the_handshake_of_the_rfc_breaks_no_rule() {
    assert_eq!(noted(&told(&script(REQUEST, ANSWER))), Vec::<&str>::new());
}

#[test]
fn each_rule_of_the_handshake_is_noted_where_it_is_broken() {
    for (note, dir, from, to) in EXAMPLES {
        let change = |head: &str, of: Dir| if of == *dir { head.replacen(from, to, 1) } else { head.to_owned() };
        let script = script(&change(REQUEST, Out), &change(ANSWER, In));
        let told = told(&script);
        let found = told.iter().find(|told| told.notes.iter().any(|found| found.def.key == note.key));
        let found = found.unwrap_or_else(|| panic!("{from} → {to}: {:?}", noted(&told)));
        assert_eq!(found.record.dir, *dir);
    }
    for (note, (from, to), (answered, with)) in ANSWERED {
        let told = told(&script(&REQUEST.replacen(from, to, 1), &ANSWER.replacen(answered, with, 1)));
        let answer = first(&told, Kind::HttpResponse);
        assert!(answer.notes.iter().any(|found| found.def.key == note.key), "{from} → {to}: {:?}", noted(&told));
    }
}

#[test]
fn what_was_agreed_on_is_known_once_the_answer_is_there() {
    let mut dissector = Dissector::http1(LINK);
    let mut out = crate::dissect::Summary::default();
    dissector.feed(Out, REQUEST.as_bytes(), &mut out);
    assert_eq!(dissector.agreement(), None);
    dissector.feed(In, ANSWER.as_bytes(), &mut out);
    let agreement = dissector.agreement().unwrap();
    assert_eq!(agreement.subprotocol.as_deref(), Some("chat"));
    let deflate = agreement.deflate.unwrap();
    assert_eq!((deflate.server_max_window_bits, deflate.client_max_window_bits), (10, 15));
    assert!(deflate.says().contains("server: window of 10 bits (1024 bytes), kept"), "{}", deflate.says());
}

#[test]
fn an_offer_that_must_be_declined_may_stand_beside_a_sound_one() {
    let offers = "permessage-deflate; client_max_window_bits=99, permessage-deflate; client_max_window_bits";
    let request = REQUEST.replace("permessage-deflate; client_max_window_bits", offers);
    assert_eq!(noted(&told(&script(&request, ANSWER))), [notes::OFFER_INVALID.key]);
}

#[test]
fn a_server_that_names_its_versions_or_wants_an_upgrade_is_right() {
    let refusal = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n";
    let named = script(&REQUEST.replace("13", "14"), &format!("{refusal}Sec-WebSocket-Version: 13, 8\r\n\r\n"));
    assert_eq!(noted(&told(&named)), [notes::REQUEST_VERSION.key]);
    assert_eq!(noted(&told(&script(REQUEST, &format!("{refusal}\r\n")))), Vec::<&str>::new());
}

#[test]
fn what_is_offered_and_chosen_is_told_item_by_item() {
    let told = told(&script(REQUEST, ANSWER));
    let request = first(&told, Kind::HttpRequest);
    assert_eq!(field(request, &fields::CLIENT_MAX_WINDOW_BITS).0, &Value::Text);
    let answer = first(&told, Kind::HttpResponse);
    assert_eq!(field(answer, &fields::EXTENSION).2, "permessage-deflate".len() as u64 * 8);
    let (value, bit, bits) = field(answer, &fields::SERVER_MAX_WINDOW_BITS);
    let at = ANSWER.find("server_max").unwrap() as u64;
    assert_eq!((value, bit, bits), (&Value::Number(10), at * 8, 25 * 8));
}

#[test]
fn what_was_agreed_on_is_how_frames_are_read() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let mut with_deflate = script(REQUEST, ANSWER);
    with_deflate.push((In, frame(0xC1, &hello)));
    assert_eq!(first(&told(&with_deflate), Kind::WsText).payload, b"Hello");
    // Not agreed on, RSV1 is a reserved bit.
    let mut without = script(REQUEST, &ANSWER.replace("Sec-WebSocket-Extensions", "X-Extensions"));
    without.push((In, frame(0xC1, &hello)));
    assert_eq!(noted(&told(&without)), [notes::RESERVED_BITS.key]);
}

#[test]
fn a_request_that_asks_for_more_than_is_remembered_is_read_all_the_same() {
    let many = format!("permessage-deflate; x={}", "y".repeat(20_000));
    let script = script(&REQUEST.replace("permessage-deflate", &many), ANSWER);
    assert_eq!(noted(&told(&script)), [notes::OFFER_INVALID.key]);
}
