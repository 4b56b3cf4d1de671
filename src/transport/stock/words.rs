//! What ordinary clients say, in plain words.

use crate::transport::failure::{io_cause, plain, seconds, status_hint, tcp_reason};
use crate::transport::target::Target;
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use url::Url;

/// How much of a message is shown.
const SHOWN_CHARACTERS: usize = 60;

/// A duration, no finer than people can tell.
pub(super) fn spoken(duration: Duration) -> String {
    let ms = duration.as_millis() as u64;
    seconds(Duration::from_millis(if ms < 1000 { ms } else { (ms + 50) / 100 * 100 }))
}

/// The beginning of a message, printable.
pub(super) fn excerpt(message: &[u8]) -> String {
    // No character is longer than four bytes.
    let start = &message[..message.len().min(SHOWN_CHARACTERS * 4)];
    let text = String::from_utf8_lossy(start);
    let shown: String = text.chars().take(SHOWN_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let is_whole = start.len() == message.len() && text.chars().nth(SHOWN_CHARACTERS).is_none();
    format!("“{}{}”", shown.trim(), if is_whole { "" } else { "…" })
}

/// A status that a client does not take.
pub(super) fn refused_status(status: u16, wanted: &str) -> String {
    let text = format!("the answer has status {status}, and this client wants {wanted}");
    match status_hint(status) {
        "" => text,
        hint => format!("{text}; {hint}"),
    }
}

/// What an EventSource demands of an answer (WHATWG HTML §9.2.3).
pub(super) fn taken_by_event_source(status: u16, media_type: Option<&str>) -> Result<(), String> {
    if status == 204 {
        return Err("the answer has status 204, which tells an EventSource to stop".to_owned());
    }
    if status != 200 {
        return Err(refused_status(status, "200 (as EventSource does)"));
    }
    match media_type {
        Some("text/event-stream") => Ok(()),
        Some(other) => {
            Err(format!("the answer's Content-Type is {other}; an EventSource takes text/event-stream only"))
        }
        None => Err("the answer has no Content-Type; an EventSource takes text/event-stream only".to_owned()),
    }
}

/// Where an answer came from, when that is not where it was asked for. Without the query, which may hold secrets.
pub(super) fn redirected(url: &Url, target: &Target) -> String {
    if url == &target.url {
        return String::new();
    }
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!(" (redirected to {}://{}{port}{})", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// Why there is no answer to an HTTP request.
pub(super) fn unanswered(error: reqwest::Error, target: &Target) -> String {
    let of = |url: &Url| {
        let port = url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", url.host_str().unwrap_or_default())
    };
    let place = error.url().map_or_else(|| target.host_and_port(), of);
    let error = error.without_url();
    if error.is_builder() {
        return format!("the request cannot be made: {}", plain(&error));
    }
    if error.is_redirect() {
        return format!("{place} keeps redirecting: {}", plain(&error));
    }
    if error.is_connect() {
        let reason = io_cause(&error).map_or_else(|| innermost(&error), tcp_reason);
        return format!("connecting to {place} failed: {reason}");
    }
    match hyper_cause(&error) {
        Some(inner) if inner.is_parse() => format!("what {place} answered is not HTTP: {inner}"),
        Some(inner) if inner.is_incomplete_message() => NO_ANSWER.to_owned(),
        _ if hung_up(&error) => NO_ANSWER.to_owned(),
        _ => format!("asking {place} failed: {}", innermost(&error)),
    }
}

const NO_ANSWER: &str = "the server hung up without a whole answer";

/// Why an answer's body cannot be read on.
pub(super) fn broken(error: &reqwest::Error) -> String {
    match hung_up(error) {
        true => "the server hung up before its end".to_owned(),
        false => innermost(error),
    }
}

/// Whether the other side is gone, rather than not understood.
pub(super) fn hung_up(error: &(dyn Error + 'static)) -> bool {
    if hyper_cause(error).is_some_and(hyper::Error::is_incomplete_message) {
        return true;
    }
    io_cause(error).is_some_and(|error| {
        use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}

fn hyper_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a hyper::Error> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}

/// Why an upgrade was refused.
pub(super) fn not_upgraded(error: &WsError) -> String {
    match error {
        WsError::Http(response) => refused_status(response.status().as_u16(), "101 (RFC 6455 §4.1)"),
        WsError::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch) => {
            "the upgrade answer's Sec-WebSocket-Accept is missing or does not belong to the key that was sent"
                .to_owned()
        }
        WsError::Protocol(ProtocolError::MissingConnectionUpgradeHeader) => {
            "the upgrade answer's Connection header is not Upgrade alone, as this client wants it (RFC 6455 §4.1 allows it in a list)".to_owned()
        }
        WsError::Protocol(ProtocolError::HttparseError(error)) => {
            format!("what the server answered is not HTTP: {error}")
        }
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => NO_ANSWER.to_owned(),
        error if hung_up(error) => NO_ANSWER.to_owned(),
        other => format!("the upgrade answer was refused: {other}"),
    }
}
