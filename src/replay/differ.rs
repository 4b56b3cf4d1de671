//! What a client's request has otherwise than the recorded one.

use super::exchange::Exchange;
use super::head::Head;
use super::program::Program;
use super::request::{BODY_LIMIT_BYTES, Body};
use super::status::short;
use crate::wire::Dir;
use bytes::BytesMut;

/// Fields that differ from client to client, and say nothing of what is asked for.
const OWN: [&str; 33] = [
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "alt-used",
    "cache-control",
    "connection",
    "content-length",
    "dnt",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "purpose",
    "referer",
    "save-data",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-key1",
    "sec-websocket-key2",
    "sec-websocket-origin",
    "sec-websocket-protocol",
    "te",
    "transfer-encoding",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-requested-with",
];

/// Fields whose values are nobody's to see.
const SECRET: [&str; 4] = ["authorization", "cookie", "x-api-key", "api-key"];

/// Fields that are told of one request at most.
const MOST_FIELDS: usize = 6;

fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("sec-fetch-") || name.starts_with("sec-ch-") || name.starts_with("sec-gpc")
}

fn is_secret(name: &str) -> bool {
    SECRET.contains(&name) || name.contains("token") || name.contains("secret") || name.contains("password")
}

/// What the fields of a request have otherwise; one sentence, or nothing. Fields that are each client's own are left
/// out.
pub(super) fn of_heads(recorded: &Head, came: &Head) -> Option<String> {
    let mut found: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (name, _) in recorded.fields() {
        let name = name.to_ascii_lowercase();
        if name.is_empty() || is_own(&name) || names.contains(&name) {
            continue;
        }
        let (was, is) = (recorded.all(&name).join(", "), came.all(&name).join(", "));
        // Credentials of ours are recorded as asterisks.
        let is_masked = was.contains('*') && was.trim_start_matches(|c| c != '*').bytes().all(|byte| byte == b'*');
        match came.field(&name) {
            None => found.push(format!("no {name}")),
            Some(_) if is == was || (is_masked && is_secret(&name)) => {}
            Some(_) if is_secret(&name) => found.push(format!("another {name}")),
            Some(_) => found.push(format!("{name}: {} (recorded: {})", short(&is, 60), short(&was, 60))),
        }
        names.push(name);
    }
    let mut more: Vec<String> = Vec::new();
    for (name, _) in came.fields() {
        let name = name.to_ascii_lowercase();
        if !is_own(&name) && !names.contains(&name) && !more.contains(&name) && recorded.field(&name).is_none() {
            more.push(name);
        }
    }
    // What everybody accepts is no difference.
    more.retain(|name| !(name == "accept" && came.field("accept").as_deref() == Some("*/*")));
    if !more.is_empty() {
        found.push(format!("besides: {}", short(&more.join(", "), 120)));
    }
    let left = found.len().saturating_sub(MOST_FIELDS);
    found.truncate(MOST_FIELDS);
    if left > 0 {
        found.push(format!("{left} fields more"));
    }
    (!found.is_empty()).then(|| found.join("; "))
}

/// What the body of a request has otherwise.
pub(super) fn of_bodies(program: &Program, exchange: &Exchange, recorded: &Head, came: &Body) -> Option<String> {
    let len = exchange.request_end.saturating_sub(exchange.request.end);
    // Framing included, it cannot say more than it is long.
    let wire = program.bytes(exchange.link, Dir::Out, exchange.request.end, len.min(2 * BODY_LIMIT_BYTES as u64));
    let mut was = Body::of(recorded);
    // A recorded body that is cut off or wrongly framed is compared as far as it came.
    let _ = was.take(&mut BytesMut::from(&wire[..]));
    if was.bytes == came.bytes && (was.len == came.len || was.bytes.len() >= BODY_LIMIT_BYTES) {
        return None;
    }
    Some(match (was.len, came.len) {
        (0, len) => format!("a body of {len} bytes ({}), and none was recorded", said(&came.bytes)),
        (len, 0) => format!("no body; recorded: {len} bytes ({})", said(&was.bytes)),
        _ => format!("another body: {} (recorded: {})", said(&came.bytes), said(&was.bytes)),
    })
}

/// What bytes say, in a few words.
pub(super) fn said(bytes: &[u8]) -> String {
    let some = &bytes[..bytes.len().min(400)];
    short(&crate::session::preview(some), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(recorded: &str, came: &str) -> Option<String> {
        let head = |fields: &str| Head::read(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes());
        of_heads(&head(recorded), &head(came))
    }

    #[test]
    fn what_each_client_has_of_its_own_is_no_difference() {
        let ours = "Host: a\r\nUser-Agent: pushscope\r\nAccept: text/event-stream\r\n";
        let theirs = "host: b\r\nuser-agent: Chrome\r\naccept: text/event-stream\r\nsec-ch-ua: x\r\nOrigin: null\r\n";
        assert_eq!(differences(ours, theirs), None);
        assert_eq!(differences("", "Accept: */*\r\n"), None);
    }

    #[test]
    fn other_values_are_told_and_secrets_are_not() {
        let was = "Accept: text/event-stream\r\nX-Room: 1\r\nAuthorization: Bearer geheim\r\n";
        let came = "Accept: */*\r\nAuthorization: Bearer verborgen\r\nX-New: 1\r\n";
        let told = differences(was, came).unwrap();
        assert_eq!(told, "accept: */* (recorded: text/event-stream); no x-room; another authorization; besides: x-new");
        assert_eq!(differences("Authorization: Bearer ******\r\n", "Authorization: Bearer geheim\r\n"), None);
        assert_eq!(differences("Authorization: Bearer ******\r\n", ""), Some("no authorization".to_owned()));
    }
}
