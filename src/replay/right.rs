//! What is put right in a recorded head, because it must differ: nothing else of it changes.

use super::exchange::Upgrade;
use super::head::Head;
use super::options::{Cors, is_local};
use super::serve::Came;
use crate::dissect::hixie;
use crate::dissect::websocket::accept_key;
use crate::dissect::websocket::negotiation::agreed;

/// Fields that bind a client to the recorded host, or to TLS, for a time longer than the replay's.
const BINDING: [&str; 2] = ["strict-transport-security", "alt-svc"];

/// The address that a client reached the replay by, as `http://HOST:PORT`.
pub(super) fn own_origin(request: &Head, is_tls: bool, fallback: &str) -> String {
    let host = request.field("host").filter(|host| !host.is_empty()).unwrap_or_else(|| fallback.to_owned());
    format!("{}://{host}", if is_tls { "https" } else { "http" })
}

/// Puts right what every answer may have: bindings, and a redirection to the recorded host.
pub(super) fn answer(head: &mut Head, origin: &str, hosts: &[String]) {
    for name in BINDING {
        head.remove(name);
    }
    let Some(location) = head.field("location") else { return };
    let Ok(url) = url::Url::parse(&location) else { return };
    let is_recorded = url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        hosts.contains(&host)
    });
    if is_recorded {
        let rest = &url[url::Position::BeforePath..];
        head.set("Location", &format!("{origin}{rest}"));
    }
}

/// Lets a page of another origin read an answer, where it may.
pub(super) fn cors(head: &mut Head, request: &Head, cors: &Cors) {
    let Some(origin) = request.field("origin").filter(|origin| cors.allows(origin)) else { return };
    head.set("Access-Control-Allow-Origin", &origin);
    head.set("Access-Control-Allow-Credentials", "true");
    head.set("Access-Control-Expose-Headers", "ETag, X-Cursor, Link, Location");
    if !head.lists("vary", "origin") {
        let vary = head.all("vary").join(", ");
        head.set("Vary", &if vary.is_empty() { "Origin".to_owned() } else { format!("{vary}, Origin") });
    }
}

/// That a page of another origin may not read an answer, where browsers will not let it.
pub(super) fn unreadable(head: &Head, came: &Came) -> Option<String> {
    let origin = came.head.field("origin").filter(|origin| !origin.eq_ignore_ascii_case(&came.origin))?;
    let allowed = head.field("access-control-allow-origin");
    let is_readable = allowed.is_some_and(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(&origin));
    let option = if is_local(&origin) { "--cors".to_owned() } else { format!("--cors={origin}") };
    let says = || format!("browsers do not let a page of {origin} read this answer, as it was recorded; {option} does");
    (!is_readable).then(says)
}

/// The answer to a preflight (Fetch, "CORS-preflight fetch"), where there is to be one that was not recorded.
pub(super) fn preflight(request: &Head, options: &Cors) -> Option<Head> {
    let method = request.field("access-control-request-method")?;
    let origin = request.field("origin").filter(|origin| options.allows(origin))?;
    let _ = origin;
    let mut head = Head::read(b"HTTP/1.1 204 No Content\r\n\r\n");
    cors(&mut head, request, options);
    head.remove("access-control-expose-headers");
    head.set("Access-Control-Allow-Methods", &method);
    if let Some(fields) = request.field("access-control-request-headers") {
        head.set("Access-Control-Allow-Headers", &fields);
    }
    if request.field("access-control-request-private-network").is_some() {
        head.set("Access-Control-Allow-Private-Network", "true");
    }
    Some(head)
}

/// What came of putting an upgrade's answer right.
pub(super) struct Upgraded {
    /// What follows the head: the answer to a challenge of hixie-76.
    pub behind: Vec<u8>,
    /// Whether messages that were compressed must be sent inflated.
    pub is_inflated: bool,
    /// What the client asked for otherwise.
    pub differences: Vec<String>,
}

/// Puts the answer to an upgrade right: the digest, what the client offered, and who it is. `key3` is what stands behind
/// the head of a request of hixie-76. The error says why the client cannot be served.
pub(super) fn upgrade(
    head: &mut Head,
    (recorded, came): (&Head, &Head),
    kind: Upgrade,
    key3: &[u8],
    origin: &str,
) -> Result<Upgraded, String> {
    let mut upgraded = Upgraded { behind: Vec::new(), is_inflated: false, differences: Vec::new() };
    match kind {
        Upgrade::WebSocket => {
            let key = came.field("sec-websocket-key").ok_or_else(|| {
                "This was recorded as a WebSocket of RFC 6455, and the request has no Sec-WebSocket-Key.".to_owned()
            })?;
            let was_right =
                recorded.field("sec-websocket-key").map(|key| accept_key(&key)) == head.field("sec-websocket-accept");
            // A digest that was wrong is wrong for any key.
            if was_right {
                head.set("Sec-WebSocket-Accept", &accept_key(&key));
            }
            extensions(head, (recorded, came), &mut upgraded);
        }
        Upgrade::Hixie(draft) => {
            let fits = came.field("sec-websocket-key1").is_some() == (draft == hixie::Draft::Hixie76);
            if came.field("sec-websocket-key").is_some() || !fits {
                let name = if draft == hixie::Draft::Hixie76 { "hixie-76" } else { "hixie-75" };
                return Err(format!(
                    "This was recorded as a WebSocket of the draft {name}, and this client speaks another one: frames of one are not those of the other."
                ));
            }
            let place = format!("{}{}", origin.replacen("http", "ws", 1), came.target());
            for (name, value) in [("location", Some(place)), ("origin", came.field("origin"))] {
                for name in [format!("Sec-WebSocket-{name}"), format!("WebSocket-{name}")] {
                    if let (Some(_), Some(value)) = (head.field(&name), &value) {
                        head.set(&name, value);
                    }
                }
            }
            if draft == hixie::Draft::Hixie76 {
                let number =
                    |name: &str| hixie::key_number(came.field_as_it_stands(name).as_deref().unwrap_or_default());
                let (Some(first), Some(second)) = (number("sec-websocket-key1"), number("sec-websocket-key2")) else {
                    return Err("The request's keys are none of draft hixie-76.".to_owned());
                };
                upgraded.behind = hixie::challenge_response([first, second], key3).to_vec();
            }
        }
        Upgrade::Other => {}
    }
    subprotocol(head, came, &mut upgraded);
    Ok(upgraded)
}

fn extensions(head: &mut Head, (recorded, came): (&Head, &Head), upgraded: &mut Upgraded) {
    let answered = head.all("sec-websocket-extensions");
    if answered.is_empty() {
        return;
    }
    let then = agreed(&recorded.all("sec-websocket-extensions"), &answered);
    let now = agreed(&came.all("sec-websocket-extensions"), &answered);
    // What was wrong with the recorded answer stays wrong.
    if now.wrong.is_empty() || now.wrong == then.wrong {
        return;
    }
    head.remove("sec-websocket-extensions");
    let says = now.wrong.first().map_or("", |wrong| wrong.text.as_str());
    upgraded.is_inflated = then.deflate.is_some();
    let instead = if upgraded.is_inflated { "messages are sent inflated" } else { "it is not answered" };
    upgraded.differences.push(format!(
        "does not offer what was agreed on ({}): {instead} [{says}]",
        super::status::short(&answered.join(", "), 80)
    ));
}

fn subprotocol(head: &mut Head, came: &Head, upgraded: &mut Upgraded) {
    let offered = came.list("sec-websocket-protocol");
    match head.field("sec-websocket-protocol") {
        Some(chosen) if !offered.contains(&chosen) => {
            head.remove("sec-websocket-protocol");
            let offers = match offered.is_empty() {
                true => "offers no subprotocol".to_owned(),
                false => format!("offers the subprotocols {}", super::status::short(&offered.join(", "), 80)),
            };
            let chosen = super::status::short(&chosen, 40);
            upgraded.differences.push(format!("{offers}, and {chosen} was agreed on: none is answered"));
        }
        None if !offered.is_empty() => {
            let offers = super::status::short(&offered.join(", "), 80);
            upgraded.differences.push(format!(
                "offers the subprotocols {offers}, and none was agreed on: browsers fail such a connection"
            ));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = "GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    const ANSWER: &str = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                          Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

    fn put_right(answer: &str, came: &str) -> (Head, Upgraded) {
        let (mut head, recorded) = (Head::read(answer.as_bytes()), Head::read(RECORDED.as_bytes()));
        let came = Head::read(
            format!("GET / HTTP/1.1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{came}\r\n").as_bytes(),
        );
        let upgraded = upgrade(&mut head, (&recorded, &came), Upgrade::WebSocket, b"", "http://a").unwrap();
        (head, upgraded)
    }

    #[test]
    fn a_client_that_offers_the_same_gets_the_same() {
        let offers = "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: x, chat\r\n";
        let (head, upgraded) = put_right(ANSWER, offers);
        assert!(!upgraded.is_inflated && upgraded.differences.is_empty(), "{:?}", upgraded.differences);
        assert_eq!(head.field("sec-websocket-accept"), Some(accept_key("AAAAAAAAAAAAAAAAAAAAAA==")));
        assert_eq!(head.field("sec-websocket-protocol").as_deref(), Some("chat"));
        assert!(head.field("sec-websocket-extensions").is_some());
    }

    #[test]
    fn what_is_not_offered_is_not_answered() {
        let (head, upgraded) = put_right(ANSWER, "");
        assert!(upgraded.is_inflated && upgraded.differences.len() == 2, "{:?}", upgraded.differences);
        assert!(head.field("sec-websocket-extensions").is_none() && head.field("sec-websocket-protocol").is_none());
    }

    #[test]
    fn a_wrong_digest_stays_wrong() {
        let wrong = ANSWER.replace("s3pP", "AAAA");
        let (head, _) = put_right(&wrong, "");
        assert_eq!(head.field("sec-websocket-accept").as_deref(), Some("AAAALMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn redirections_stay_here_and_nothing_binds_the_client() {
        let mut head = Head::read(
            b"HTTP/1.1 302 Found\r\nLocation: https://api.example/next?a=1\r\nStrict-Transport-Security: max-age=9\r\nAlt-Svc: h3\r\n\r\n",
        );
        answer(&mut head, "http://127.0.0.1:1", &["api.example".to_owned()]);
        assert_eq!(head.bytes(), b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/next?a=1\r\n\r\n");
        let mut elsewhere = Head::read(b"HTTP/1.1 302 Found\r\nLocation: https://other.example/\r\n\r\n");
        answer(&mut elsewhere, "http://127.0.0.1:1", &["api.example".to_owned()]);
        assert_eq!(elsewhere.field("location").as_deref(), Some("https://other.example/"));
    }
}
