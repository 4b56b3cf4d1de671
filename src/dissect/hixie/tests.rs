//! The hixie drafts held against the laws, and what they say.

use super::super::laws::{self, LINK, Script};
use super::super::{Dissector, Explained};
use super::*;
use proptest::prelude::*;

const REQUEST_75: &str = "GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: example.com\r\n\
                          Origin: http://example.com\r\n\r\n";
const ANSWER_75: &str = "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                         WebSocket-Origin: http://example.com\r\nWebSocket-Location: ws://example.com/demo\r\n\r\n";

/// The keys and the digest are the draft's own example (hixie-76 §1.2).
const REQUEST_76: &str = "GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
                          Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n\
                          Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U";
const HEAD_76: &str = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo\r\n\r\n";
const DIGEST: &[u8] = b"8jKS'y:G*Co,Wxa-";

fn told(script: &Script) -> Vec<Explained> {
    let dissector = Dissector::http1(LINK);
    laws::split_invariance(&dissector, script, &[7, 2]);
    laws::tiling(&dissector, script);
    laws::explain(&dissector, script, &[usize::MAX])
}

fn hixie_75(out: &[u8], inward: &[u8]) -> Script {
    vec![(Dir::Out, REQUEST_75.into()), (Dir::In, [ANSWER_75.as_bytes(), inward].concat()), (Dir::Out, out.to_vec())]
}

fn hixie_76(out: &[u8], inward: &[u8]) -> Script {
    vec![
        (Dir::Out, REQUEST_76.into()),
        (Dir::In, [HEAD_76.as_bytes(), DIGEST, inward].concat()),
        (Dir::Out, out.to_vec()),
    ]
}

fn notes(told: &[Explained]) -> Vec<&'static str> {
    told.iter().flat_map(|explained| &explained.notes).map(|note| note.def.key).collect()
}

#[test]
fn hixie_75_has_texts_and_no_close() {
    let told = told(&hixie_75(b"\x00hi\xFF", b"\x00\xFF\xFF\x00"));
    let kinds = [Kind::WsFrame, Kind::WsText, Kind::WsFrame, Kind::WsBinary, Kind::WsFrame, Kind::WsText];
    assert_eq!(laws::kinds(&told)[2..], kinds);
    assert_eq!(notes(&told), ["websocket.draft-hixie-75", "websocket.draft-75-close"]);
    assert_eq!(told.last().unwrap().payload, b"hi");
}

#[test]
fn hixie_76_is_verified_and_closes() {
    let answer = ["\0こんにちは".as_bytes(), b"\xFF\xFF\x00"].concat();
    let told = told(&hixie_76(b"\x00hello\xFF\xFF\x00", &answer));
    let handshake = [Kind::HttpRequest, Kind::HttpBody, Kind::HttpResponse, Kind::HttpBody];
    let talk = [Kind::WsFrame, Kind::WsText, Kind::WsFrame, Kind::WsClose];
    assert_eq!(laws::kinds(&told), [&handshake[..], &talk, &talk].concat());
    assert_eq!(notes(&told), ["websocket.draft-hixie-76"]);
    assert!(told[0].notes[0].detail.contains("829309203") && told[0].notes[0].detail.contains("259970620"));
    assert_eq!((&told[1].payload[..], told[1].fields[0].def.key), (&b"^n:ds[4U"[..], "websocket.key3"));
    assert_eq!((&told[3].payload[..], told[3].fields[0].def.key), (DIGEST, "websocket.challenge_response"));
    assert_eq!(told[5].payload, "こんにちは".as_bytes());
    assert_eq!(told[7].record.detail, u32::from(NO_STATUS_RECEIVED));
}

#[test]
fn broken_handshakes_are_named() {
    let mut wrong = hixie_76(b"", b"");
    let last = wrong[1].1.len() - 1;
    wrong[1].1[last] ^= 1;
    let found = told(&wrong);
    assert!(notes(&found).contains(&"websocket.challenge-response-wrong"));
    assert_eq!(found[3].record.worst, Severity::Error);

    let keys = vec![(Dir::Out, REQUEST_76.replace("4 @1  46546xW%0l 1 5", "414654601").into_bytes())];
    assert_eq!(notes(&told(&keys)), ["websocket.draft-hixie-76", "websocket.key-invalid"]);

    let mut bare = hixie_76(b"", b"");
    bare[1].1 = [HEAD_76.replace("Sec-WebSocket-Location", "X").as_bytes(), DIGEST].concat();
    assert!(notes(&told(&bare)).contains(&"websocket.draft-76-field-missing"));

    let mut cut = hixie_76(b"", b"");
    cut[1].1.truncate(HEAD_76.len() + 5);
    assert!(notes(&told(&cut)).contains(&"http.ended-in-body"));

    let refused =
        vec![(Dir::Out, REQUEST_76.into()), (Dir::In, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec())];
    assert_eq!(laws::kinds(&told(&refused)), [Kind::HttpRequest, Kind::HttpBody, Kind::HttpResponse]);
    assert_eq!(notes(&told(&refused)), ["websocket.draft-hixie-76"]);
}

#[test]
fn what_means_nothing_and_what_is_cut_is_told() {
    for (bytes, expected) in [
        (&b"\x80\x02hi"[..], &["websocket.frame-type-unknown"][..]),
        (b"\x01hi\xFF", &["websocket.frame-type-unknown"]),
        (b"\xFF\x01h", &["websocket.frame-type-unknown"]),
        (b"\x00a\xE3\x81(\xFF", &["websocket.draft-text-not-utf8"]),
        (b"\x00a\xE3\x81", &["websocket.draft-frame-incomplete"]),
        (b"\x80\x81", &["websocket.draft-frame-incomplete", "websocket.frame-type-unknown"]),
        (b"\xFF\x80\x00\x00late\xFF", &["websocket.draft-frame-after-close"]),
        (
            b"\x80\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFrest",
            &["websocket.frame-length-huge", "websocket.frame-type-unknown"],
        ),
    ] {
        let told = told(&hixie_76(b"", bytes));
        assert_eq!(notes(&told)[1..], *expected, "{bytes:?}");
    }
}

#[test]
fn drafts_with_a_version_are_framed_as_the_standard() {
    for (version, key) in [("7", "websocket.draft-hybi-07"), ("8", "websocket.draft-hybi-08")] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Origin: http://a\r\n\
             Sec-WebSocket-Version: {version}\r\n\r\n"
        );
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let script = vec![(Dir::Out, request.into()), (Dir::In, [answer.as_bytes(), b"\x81\x02hi"].concat())];
        let told = told(&script);
        assert_eq!(told[0].notes.iter().map(|note| note.def.key).collect::<Vec<_>>(), [key]);
        assert_eq!(laws::kinds(&told)[2..], [Kind::WsFrame, Kind::WsText]);
    }
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-zあ]{0,12}".prop_map(|text| [&[0][..], text.as_bytes(), &[0xFF]].concat());
    let typed = (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..9))
        .prop_map(|(kind, data)| [&[kind | 0x80, 0x80, data.len() as u8], &data[..]].concat());
    let noise = proptest::collection::vec(any::<u8>(), 0..6);
    let close = Just(vec![0xFF, 0x00]);
    proptest::collection::vec(prop_oneof![4 => text, 2 => typed, 1 => noise, 1 => close], 0..6)
        .prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_damage_breaks_the_laws(
        out in frames(), inward in frames(), is_75: bool, at in 0usize..500, byte: u8, damaged: bool, cut in 1usize..9
    ) {
        let mut script = if is_75 { hixie_75(&out, &inward) } else { hixie_76(&out, &inward) };
        let mut left = at;
        for (_, bytes) in script.iter_mut().filter(|_| damaged) {
            if left < bytes.len() {
                bytes[left] = byte;
                break;
            }
            left -= bytes.len();
        }
        let dissector = Dissector::http1(LINK);
        laws::split_invariance(&dissector, &script, &[cut]);
        laws::tiling(&dissector, &script);
    }

    #[test]
    fn what_was_said_is_told(texts in proptest::collection::vec("[^\u{0}]{0,20}", 0..8)) {
        let wire: Vec<u8> = texts.iter().flat_map(|text| [&[0][..], text.as_bytes(), &[0xFF]].concat()).collect();
        let told = laws::explain(&Dissector::http1(LINK), &hixie_76(&wire, b""), &[3]);
        let found = told.iter().filter(|explained| explained.record.kind == Kind::WsText);
        let found: Vec<String> = found.map(|each| String::from_utf8(each.payload.clone()).unwrap()).collect();
        prop_assert_eq!(found, texts);
    }
}
