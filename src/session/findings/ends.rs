//! How links end: what failed at which stage, and what was cut off by the other side.

use super::reports::{Reports, Told};
use super::rules::{DNS_FAILED, RESET, Rule, TCP_REFUSED, TCP_TIMEOUT, TCP_UNREACHABLE, TRUNCATED};
use super::seen::{Case, Phase, Seen, Talk};
use super::text::{seconds, this};
use super::{Confidence, Evidence, buffered, idle, numbers, proxy, sse, tls, websocket};
use crate::dissect::Severity;
use crate::wire::{Closed, Dir, Failure, Stage};

/// Silence that is worth a word.
const SILENCE_NS: u64 = 5_000_000_000;

/// The link failed.
pub(super) fn failed(case: &Case, seen: &mut Seen, talk: &mut Talk, failure: &Failure, reports: &mut Reports) {
    finish(case, seen, talk, reports);
    match failure.stage {
        Stage::Address => {}
        Stage::Dns => dns(case, seen, failure, reports),
        Stage::Tcp => tcp(case, seen, failure, reports),
        Stage::Proxy => proxy::way_failed(case, seen, failure, reports),
        Stage::Tls => {
            if !tls::failed(case, seen, failure, reports) && is_cut(&failure.text) {
                reset(case, seen, failure, "in the TLS handshake", reports);
            }
        }
        Stage::Request | Stage::Answer | Stage::Stream => broken(case, seen, failure, reports),
    }
}

/// The link was closed.
pub(super) fn closed(case: &Case, seen: &mut Seen, talk: &mut Talk, closed: &Closed, reports: &mut Reports) {
    finish(case, seen, talk, reports);
    if closed.by == Dir::Out {
        return;
    }
    let is_stream = seen.is_event_stream() || seen.events > 0;
    let is_open = seen.cut_body.is_some() || (seen.ended_open && is_stream);
    if is_open && idle::cut(case, seen, case.at_ns(), seen.cut_body.is_some(), "the server closed it", reports) {
        return;
    }
    match seen.cut_body {
        Some(body) => truncated(case, seen, body, &closed.text, reports),
        None => sse::ended_inside(case, seen, reports),
    }
}

/// What is to be said however it ended.
fn finish(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) {
    buffered::finish(case, seen, reports);
    websocket::progress(case, seen, case.at_ns(), reports);
    numbers::ended(case, seen, talk);
}

/// Whether a failure says that the other side ended the connection.
fn is_cut(text: &str) -> bool {
    let marks =
        ["closed the connection", "closed TCP", "already closed", "hung up", "the connection broke", "vanished"];
    (is_reset(text) || marks.iter().any(|mark| text.contains(mark))) && !is_ours(text)
}

fn is_reset(text: &str) -> bool {
    ["reset the connection", "connection reset", "Connection reset", "(reset)", ": reset", "RST"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// Whether it was Pushscope that would not wait longer.
fn is_ours(text: &str) -> bool {
    text.contains("nothing within")
}

/// A link that was up failed.
fn broken(case: &Case, seen: &mut Seen, failure: &Failure, reports: &mut Reports) {
    let said = &failure.text;
    // The link that goes through a way tells how it ended.
    if is_ours(said) || seen.phase == Phase::Tunnel {
        return;
    }
    let is_cut = is_cut(said);
    let is_socket = seen.phase == Phase::WebSocket;
    let is_closing = seen.socket.closed.contains(&true);
    let is_open = match is_socket {
        true => !is_closing,
        false => seen.phase == Phase::Waiting || seen.cut_body.is_some() || seen.ended_open,
    };
    let end_ns = case.at_ns();
    if is_cut && is_open && idle::cut(case, seen, end_ns, true, said, reports) {
        return;
    }
    match seen.cut_body {
        _ if is_socket && is_cut && !is_closing && !is_reset(said) => {
            websocket::ended_without_close(case, seen, said, reports);
        }
        // After a close frame, how TCP ends is of no consequence.
        _ if is_socket && is_closing => {}
        Some(body) if !is_reset(said) => truncated(case, seen, body, said, reports),
        _ if is_cut => {
            let silence_ns = end_ns.saturating_sub(case.last_byte_ns(end_ns));
            let place = match failure.stage {
                Stage::Stream if silence_ns >= SILENCE_NS => format!("after {} of silence", seconds(silence_ns)),
                Stage::Stream => "in the stream".to_owned(),
                _ => "before the answer was complete".to_owned(),
            };
            reset(case, seen, failure, &place, reports);
        }
        _ if failure.stage == Stage::Stream && !is_socket && seen.phase == Phase::Body => {
            truncated(case, seen, case.id, said, reports);
        }
        _ => {}
    }
}

fn truncated(case: &Case, seen: &Seen, body: crate::session::RecordId, said: &str, reports: &mut Reports) {
    let length = seen.answer.as_ref().and_then(|answer| answer.value("content-length"));
    let framing = match length {
        Some(length) => format!("its Content-Length of {length} bytes was not reached"),
        None => "its last chunk did not come".to_owned(),
    };
    let told = Told {
        rule: &TRUNCATED,
        severity: Severity::Error,
        confidence: Confidence::Certain,
        about: String::new(),
        seen: format!("The answer of {} ended before it was complete: {framing} ({said}).", seen.whom()),
        means:
            "The server's program crashed or was stopped, or something on the way gave up: a proxy's timeout or limit \
                on the length of answers, or a restart."
                .to_owned(),
        attempt:
            "See the logs of the server and of the proxies before it at this time. If it comes after the same time \
                  or number of bytes again, look for a limit of that size."
                .to_owned(),
        evidence: vec![
            Evidence { record: body, span: None, says: "the answer is cut here".to_owned() },
            this(case, said),
        ],
    };
    reports.tell(case, told);
}

fn reset(case: &Case, seen: &Seen, failure: &Failure, place: &str, reports: &mut Reports) {
    let how = if is_reset(&failure.text) { "reset (TCP RST)" } else { "closed" };
    let is_socket = seen.phase == Phase::WebSocket;
    let means = match failure.stage {
        Stage::Tls => "Whoever answered on that port wants no TLS with us: a firewall that looks at the server's name \
                       (SNI), a server that does not speak TLS there, or one that is overloaded."
            .to_owned(),
        Stage::Stream => format!(
            "The connection was thrown away instead of being closed: the server's program crashed or was killed, or a \
             firewall or proxy on the way dropped it.{}",
            if is_socket { " Applications are told code 1006." } else { "" }
        ),
        _ => {
            "The request got no answer: the server's program crashed on it or was restarted, or a firewall or proxy on \
              the way does not let it through."
                .to_owned()
        }
    };
    let told = Told {
        rule: &RESET,
        severity: Severity::Error,
        confidence: Confidence::Certain,
        about: format!("{:?} {how}", failure.stage),
        seen: format!("The connection to {} was {how} {place}: {}.", seen.whom(), failure.text),
        means,
        attempt: format!(
            "See the log of {} at this time, and of the proxies and firewalls on the way; try from another network.",
            seen.server()
        ),
        evidence: vec![this(case, failure.text.clone())],
    };
    reports.tell(case, told);
}

fn dns(case: &Case, seen: &Seen, failure: &Failure, reports: &mut Reports) {
    let host = &seen.host;
    let (who, means) = match seen.proxy() {
        Some(via) => (format!("the proxy {}", via.proxy), "Without the proxy's address nothing can be asked of it."),
        None => (seen.server(), "The name is misspelt, or the name servers that this machine asks do not know it."),
    };
    let told = Told {
        rule: &DNS_FAILED,
        severity: Severity::Error,
        confidence: Confidence::Certain,
        about: host.clone(),
        seen: format!("The address of {host}, for {who}, could not be found: {}.", failure.text),
        means: means.to_owned(),
        attempt: format!(
            "Check the spelling of {host}, and whether “nslookup {host}” finds it on this machine; a name inside a \
             company may need its VPN or its name server."
        ),
        evidence: vec![this(case, failure.text.clone())],
    };
    reports.tell(case, told);
}

fn tcp(case: &Case, seen: &Seen, failure: &Failure, reports: &mut Reports) {
    let said = &failure.text;
    let has = |marks: &[&str]| marks.iter().any(|mark| said.contains(mark));
    let (to, what) = match seen.proxy() {
        Some(via) => (seen.dialled(), format!("the proxy {}", via.proxy)),
        None => (seen.dialled(), "the server".to_owned()),
    };
    let (rule, means, attempt): (&'static Rule, String, String) = if has(&["refused"]) {
        (
            &TCP_REFUSED,
            format!("The host is there and nothing listens on port {}, or a firewall answers so.", seen.port),
            format!(
                "Check that {what} runs and listens on port {}, and on an address that can be reached from here (not on its loopback alone).",
                seen.port
            ),
        )
    } else if has(&["no answer in time", "nothing within", "timed out"]) {
        (
            &TCP_TIMEOUT,
            "Nothing answered at all: a firewall drops the packets, or the host is down. Where only a proxy leads out of \
             the network, direct connections end so."
                .to_owned(),
            format!("Check that the host is up, have the firewall let port {} through, or give the proxy of this network.", seen.port),
        )
    } else if is_reset(said) {
        return reset(case, seen, failure, "while TCP was being connected", reports);
    } else {
        (
            &TCP_UNREACHABLE,
            "This machine has no way to that address, or is not allowed to use it.".to_owned(),
            "Check the network: VPN, Wi-Fi, and IPv6 where the address is one; and a local firewall.".to_owned(),
        )
    };
    let told = Told {
        rule,
        severity: Severity::Error,
        confidence: Confidence::Certain,
        about: to.clone(),
        seen: format!("TCP to {what} at {to} could not be connected: {said}."),
        means,
        attempt,
        evidence: vec![this(case, said.clone())],
    };
    reports.tell(case, told);
}
