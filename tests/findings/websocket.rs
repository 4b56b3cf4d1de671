//! The upgrade, what is heard of us, and how WebSockets end.

use super::story::{MS, SECOND, SWITCH, Story, UPGRADE, frame, upgraded};
use pushscope::session::findings::Confidence;
use pushscope::wire::{Dir, Progress, Stage, What};

fn answered(answer: &str) -> Story {
    let mut story = Story::direct("ws");
    story.out(UPGRADE).inward(answer).close(Dir::Out);
    story
}

#[test]
fn a_right_answer_gives_nothing() {
    assert!(answered(SWITCH).found().is_empty());
}

#[test]
fn each_header_of_the_answer_is_named() {
    let rewritten = answered(&SWITCH.replace("Connection: Upgrade", "Connection: keep-alive"));
    let found = rewritten.only("websocket.connection-header");
    assert!(found.seen.contains("keep-alive") && found.attempt.contains("go on anyway"), "{found:#?}");
    assert!(found.attempt.contains("wss://"));
    let says = |span: pushscope::wire::Span| {
        let (start, end) = (span.start_byte(), span.end_byte());
        rewritten.session.wire(found.link, Dir::In, start, (end - start) as usize)
    };
    assert_eq!(says(found.evidence[0].span.unwrap()), b"keep-alive");

    let missing = answered(&SWITCH.replace("Connection: Upgrade\r\n", "")).only("websocket.connection-header");
    assert!(missing.seen.contains("there is none"), "{}", missing.seen);

    let other = answered(&SWITCH.replace("Upgrade: websocket", "Upgrade: h2c, websocket"));
    other.only("websocket.upgrade-header");

    let accept = answered(&SWITCH.replace("s3pP", "xxxx")).only("websocket.accept-header");
    assert!(accept.seen.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") && accept.seen.contains("xxxx"), "{}", accept.seen);
}

#[test]
fn subprotocols_are_held_against_the_offer() {
    let unasked = answered(&SWITCH.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"));
    unasked.only("websocket.protocol-header");
    let offer = UPGRADE.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a, b\r\n\r\n");
    let mut none = Story::direct("ws");
    none.out(&offer).inward(SWITCH);
    assert!(none.only("websocket.protocol-header").seen.contains("a, b"));
    let mut right = Story::direct("ws");
    right.out(&offer).inward(SWITCH.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: b\r\n\r\n"));
    assert!(right.found().is_empty());
}

#[test]
fn an_ordinary_answer_to_an_upgrade() {
    for (head, confidence) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Confidence::Likely),
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Confidence::Possible),
        ("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", Confidence::Likely),
        ("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\nContent-Length: 0\r\n\r\n", Confidence::Certain),
    ] {
        assert_eq!(answered(head).only("websocket.upgrade-lost").confidence, confidence, "{head}");
    }
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    assert!(answered(missing).faults().is_empty(), "the status speaks for itself");
}

#[test]
fn a_ping_without_a_pong_while_data_arrive() {
    let mut story = upgraded("request");
    story.inward(frame(Dir::In, 1, b"1")).out(frame(Dir::Out, 9, b"p"));
    story.wait(SECOND).inward(frame(Dir::In, 1, b"2"));
    assert!(story.faults().is_empty());
    story.wait(2 * SECOND).inward(frame(Dir::In, 1, b"3"));
    let found = story.only("websocket.upstream-dead");
    assert_eq!(found.confidence, Confidence::Likely);
    // It was only late.
    story.wait(SECOND).inward(frame(Dir::In, 10, b"p"));
    assert!(story.faults().is_empty());

    let mut answered = upgraded("request");
    answered.out(frame(Dir::Out, 9, b"p")).wait(40 * MS).inward(frame(Dir::In, 10, b"p"));
    answered.wait(30 * SECOND).inward(frame(Dir::In, 1, b"1"));
    assert!(answered.found().is_empty());
}

#[test]
fn bytes_that_stay_unacknowledged_while_data_arrive() {
    let progress =
        |sent_bytes, acknowledged| What::Progress(Progress { sent_bytes, acknowledged_bytes: Some(acknowledged) });
    let mut story = upgraded("request");
    story.tell(progress(200, 200)).out(frame(Dir::Out, 1, b"hello")).tell(progress(211, 200));
    story.wait(6 * SECOND).inward(frame(Dir::In, 1, b"1"));
    assert!(story.only("websocket.upstream-dead").seen.contains("211"));

    let mut fine = upgraded("request");
    fine.tell(progress(200, 200)).out(frame(Dir::Out, 1, b"hello")).tell(progress(211, 200)).tell(progress(211, 211));
    fine.wait(6 * SECOND).inward(frame(Dir::In, 1, b"1")).close(Dir::Out);
    assert!(fine.found().is_empty());
}

fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(Dir::In, 8, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

#[test]
fn close_codes_are_explained() {
    for code in [1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let mut story = upgraded("request");
        story.inward(close(code, "so it is")).close(Dir::In);
        let found = story.only("close-code");
        assert!(found.seen.contains(&code.to_string()) && found.seen.contains("so it is"), "{}", found.seen);
    }
    let mut normal = upgraded("request");
    normal.inward(close(1000, "bye")).out(frame(Dir::Out, 8, &1000_u16.to_be_bytes())).close(Dir::In);
    assert!(normal.found().is_empty());
    let mut answer = upgraded("request");
    answer.out(frame(Dir::Out, 8, &4001_u16.to_be_bytes())).inward(close(4001, "")).close(Dir::In);
    assert!(answer.found().is_empty(), "it was we who closed");
}

#[test]
fn an_end_without_a_close_frame() {
    let text = "the server closed TCP without a close frame (1006)";
    let mut story = upgraded("request");
    story.inward(frame(Dir::In, 1, b"1")).wait(2 * SECOND).fail(Stage::Stream, text);
    assert!(story.only("close-code").seen.contains("without a close frame"));
    let mut again = upgraded("request");
    again.fail(Stage::Stream, text).open("reconnection 1", None).out(UPGRADE).inward(SWITCH).fail(Stage::Stream, text);
    assert_eq!(again.only("close-code").count, 2);
}
