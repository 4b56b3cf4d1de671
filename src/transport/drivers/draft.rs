//! The opening handshakes of drafts hixie-75 and hixie-76 (draft-hixie-thewebsocketprotocol-76 §4.1): our request, and the
//! answer checked item by item. The drafts from hybi-07 on have RFC 6455's handshake but for the version and the name of
//! the origin.

use super::frames::random;
use crate::dissect::hixie::{Draft, KEY3_BYTES, RESPONSE_BYTES, challenge_response, key_number};
use crate::transport::dial::within;
use crate::transport::failure::{self, failure};
use crate::transport::http1::Answer;
use crate::transport::request::Ask;
use crate::transport::spec::Spec;
use crate::transport::tap::Link;
use crate::transport::target::Target;
use crate::transport::websocket::WebSocketVersion;
use crate::wire::{Failure, Stage};
use bytes::{Bytes, BytesMut};
use std::time::Instant;

/// The hixie draft to speak, if it is one.
pub(super) fn of(spec: &Spec) -> Option<Draft> {
    match spec.websocket.version {
        WebSocketVersion::Hixie75 => Some(Draft::Hixie75),
        WebSocketVersion::Hixie76 => Some(Draft::Hixie76),
        WebSocketVersion::Rfc6455 | WebSocketVersion::Hybi08 | WebSocketVersion::Hybi07 => None,
    }
}

/// The origin that we say we are: the server's own, since these drafts want one.
pub(super) fn origin(target: &Target) -> String {
    format!("{}://{}", if target.tls { "https" } else { "http" }, target.authority())
}

/// The names of a draft's headers.
fn named(draft: Draft, name: &str) -> String {
    let prefix = if draft == Draft::Hixie76 { "Sec-" } else { "" };
    format!("{prefix}WebSocket-{name}")
}

/// Makes a request one of the draft's. What the user typed takes the place of what would be sent.
pub(super) fn dress(draft: Draft, ask: &mut Ask, subprotocols: &[String]) {
    let target = ask.target.clone();
    // hixie-75 §4.1 has the lines in this order, and there are servers that look for it.
    for (at, (name, value)) in [("Upgrade", "WebSocket"), ("Connection", "Upgrade")].into_iter().enumerate() {
        if ask.header(name).is_none() {
            ask.headers.insert(at.min(ask.headers.len()), (name.to_owned(), value.to_owned()));
        }
    }
    ask.set_default("Origin", &origin(&target));
    if !subprotocols.is_empty() {
        // The comma came with hybi-04.
        ask.set_default(&named(draft, "Protocol"), &subprotocols.join(" "));
    }
    if draft == Draft::Hixie76 {
        ask.set_default("Sec-WebSocket-Key1", &key());
        ask.set_default("Sec-WebSocket-Key2", &key());
        let mut key3 = [0; KEY3_BYTES];
        random(&mut key3);
        ask.body = Bytes::copy_from_slice(&key3);
    }
}

/// A random number below `limit`, which is not 0. A little uneven, which nothing here depends on.
fn below(limit: u64) -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_be_bytes(bytes) % limit
}

/// A key: a number times how many spaces it has, in digits, with other characters and the spaces strewn in (§4.1).
fn key() -> String {
    let spaces = 1 + below(12);
    let number = below(u64::from(u32::MAX) / spaces + 1) * spaces;
    let mut key: Vec<char> = number.to_string().chars().collect();
    for _ in 0..=below(12) {
        let others = (0x21..=0x2F_u8).chain(0x3A..=0x7E);
        let other = others.map(char::from).nth(below(84) as usize).unwrap_or('!');
        key.insert(below(key.len() as u64 + 1) as usize, other);
    }
    for _ in 0..spaces {
        // Neither first nor last, or it would be taken for white space around the value.
        key.insert(1 + below(key.len() as u64 - 1).min(key.len() as u64 - 2) as usize, ' ');
    }
    key.into_iter().collect()
}

/// What is wrong with an answer of 101, item by item.
pub(super) fn check(draft: Draft, ask: &Ask, answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |name: &str, expected: &str, is_exact: bool| {
        let found = answer.header(name);
        let is_right = found.as_deref().is_some_and(|found| match is_exact {
            true => found == expected,
            false => found.eq_ignore_ascii_case(expected),
        });
        if !is_right {
            let found = found.map_or_else(|| "is missing".to_owned(), |found| format!("is {found:?}"));
            wrong.push(format!("{name} {found}; it must be {expected:?}"));
        }
    };
    expect("Upgrade", "WebSocket", true);
    expect("Connection", "Upgrade", false);
    expect(&named(draft, "Origin"), ask.header("Origin").unwrap_or_default(), false);
    let scheme = if ask.target.tls { "wss" } else { "ws" };
    let location = format!("{scheme}://{}{}", ask.header("Host").unwrap_or_default(), ask.target.path_and_query());
    expect(&named(draft, "Location"), &location, true);
    let protocol = named(draft, "Protocol");
    match (ask.header(&protocol), answer.header(&protocol)) {
        (Some(offered), Some(chosen)) if !offered.split(' ').any(|name| name == chosen) => {
            wrong.push(format!("the server chose the subprotocol {chosen:?}, which was not offered"));
        }
        (None, Some(chosen)) => {
            wrong.push(format!("the server chose the subprotocol {chosen:?} although none was offered"));
        }
        _ => {}
    }
    wrong
}

/// Reads the 16 bytes behind hixie-76's answer and checks them. What came behind them.
pub(super) async fn proof(
    draft: Draft,
    ask: &Ask,
    link: &Link,
    early: Bytes,
    wrong: &mut Vec<String>,
) -> Result<Bytes, Failure> {
    if draft == Draft::Hixie75 {
        return Ok(early);
    }
    let began = Instant::now();
    let mut bytes = BytesMut::from(&early[..]);
    let whole = within(ask.answer_ms, async {
        while bytes.len() < RESPONSE_BYTES {
            let more = link.tap.chunk().await?;
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(&more);
        }
        Ok(())
    });
    let doing = "waiting for the 16 bytes behind the answer of hixie-76";
    match whole.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(link.fail(failure::io(Stage::Answer, doing, &error, began))),
        Err(limit) => return Err(link.fail(failure::timeout(Stage::Answer, doing, limit, began))),
    }
    if bytes.len() < RESPONSE_BYTES {
        let text = format!("the server closed the connection after {} of the 16 bytes behind its answer", bytes.len());
        link.tap.shutdown().await;
        return Err(link.fail(failure(Stage::Answer, began, text, "is it a server of hixie-76?")));
    }
    let found = bytes.split_to(RESPONSE_BYTES);
    let number = |name: &str| ask.header(name).and_then(|key| key_number(key.trim().as_bytes()));
    match number("Sec-WebSocket-Key1").zip(number("Sec-WebSocket-Key2")) {
        Some((first, second)) if found[..] == challenge_response([first, second], &ask.body) => {}
        Some(_) => wrong.push("the 16 bytes behind the answer are not the MD5 digest of the keys".to_owned()),
        None => wrong.push("the keys that were typed stand for no numbers, so the answer cannot be checked".to_owned()),
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_for_numbers() {
        for _ in 0..2000 {
            let key = key();
            assert!(key_number(key.as_bytes()).is_some(), "{key:?}");
            assert_eq!(key.trim(), key);
            assert!(key.bytes().all(|byte| (0x20..0x7F).contains(&byte)), "{key:?}");
        }
    }

    #[test]
    fn requests_are_those_of_the_drafts() {
        let (target, _) = Target::parse("ws://h:81/p?q").unwrap();
        let dressed = |draft, subprotocols: &[&str]| {
            let mut ask = Ask::of(&Spec::default(), &target, None, "");
            let subprotocols: Vec<String> = subprotocols.iter().map(|name| (*name).to_owned()).collect();
            dress(draft, &mut ask, &subprotocols);
            ask.bytes("/p?q").real.to_vec()
        };
        let old = String::from_utf8(dressed(Draft::Hixie75, &["a"])).unwrap();
        assert!(
            old.starts_with("GET /p?q HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: h:81\r\n"),
            "{old}"
        );
        assert!(old.contains("\r\nOrigin: http://h:81\r\nWebSocket-Protocol: a\r\n") && !old.contains("Sec-"), "{old}");
        let bytes = dressed(Draft::Hixie76, &["a", "b"]);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(bytes.len(), end + KEY3_BYTES);
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        assert!(
            head.contains("\r\nSec-WebSocket-Protocol: a b\r\n") && head.contains("Sec-WebSocket-Key1: "),
            "{head}"
        );
        assert!(!head.contains("Sec-WebSocket-Version") && !head.contains("Content-Length"), "{head}");
    }
}
