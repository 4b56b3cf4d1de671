//! WebSocket: what is wrong with the answer to an upgrade (RFC 6455 §4.1), whether our side is heard, and why the server
//! closed (§7.4).

use super::head::Head;
use super::reports::{Reports, Told};
use super::rules::{
    ACCEPT_HEADER, CLOSE_CODE, CONNECTION_HEADER, PROTOCOL_HEADER, Rule, UPGRADE_HEADER, UPGRADE_LOST, UPSTREAM_DEAD,
};
use super::seen::{Case, Phase, Seen};
use super::text::{quoted, seconds, short, this};
use super::{Confidence, Evidence};
use crate::dissect::hixie::OLD_FRAME;
use crate::dissect::websocket::{accept_key, close_code_meaning};
use crate::dissect::{Kind, Severity};
use crate::session::RecordId;
use crate::wire::{Dir, Progress};

/// So long a ping or sent bytes may be on their way.
const PATIENCE_NS: u64 = 2_000_000_000;

/// Pings that wait for their pong and are remembered.
const MOST_PINGS: usize = 16;

/// Frames of a link behind which progress is looked at only now and then, and how often then.
const FIRST_FRAMES: u64 = 256;
const EVERY_FRAMES: u64 = 512;

/// Close frames of a connection that are explained.
const MOST_CLOSES: u64 = 64;

/// What is remembered of a WebSocket.
#[derive(Default)]
pub(super) struct Socket {
    /// Pings of ours that wait, oldest first.
    pings: Vec<(RecordId, u64)>,
    /// Frames from the server.
    frames: u64,
    /// The close frames: ours, the server's.
    pub closed: [bool; 2],
    said_pings: bool,
    said_progress: bool,
}

/// The answer to a request for an upgrade.
pub(super) fn answered(case: &Case, seen: &Seen, request: &Head, answer: &Head, reports: &mut Reports) {
    let is_switch = answer.status == 101;
    let bears_marks = answer.names("upgrade", "websocket") || answer.value("sec-websocket-accept").is_some();
    match answer.status {
        101 => {}
        200 if bears_marks => {}
        200..=299 | 400 | 426 => return upgrade_lost(case, seen, request, answer, reports),
        _ => return,
    }
    let mut tell = |rule: &'static Rule, name: &str, severity, expected: String, means: &str| {
        let found = answer.items(name).join(", ");
        let found =
            if answer.value(name).is_none() { "there is none".to_owned() } else { format!("it is {}", quoted(&found)) };
        let status =
            if is_switch { String::new() } else { format!(" (and status {} in the place of 101)", answer.status) };
        reports.tell(
            case,
            Told {
                rule,
                severity,
                confidence: Confidence::Certain,
                about: name.to_owned(),
                seen: format!(
                    "In the answer of {} to the upgrade{status}, the {name} header must be {expected}; {found}.",
                    seen.whom()
                ),
                means: means.to_owned(),
                attempt: attempt(seen),
                evidence: vec![answer.evidence(name), answer.first_line()],
            },
        );
    };
    if !answer.names("connection", "upgrade") {
        tell(
            &CONNECTION_HEADER,
            "Connection",
            Severity::Error,
            "“Upgrade”".to_owned(),
            "A proxy or load balancer on the way handled this header as its own (it is hop-by-hop, RFC 9110 §7.6.1) \
             and did not write it anew for the upgrade. WebSocket clients must give up then.",
        );
    }
    if !answer.value("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        tell(
            &UPGRADE_HEADER,
            "Upgrade",
            Severity::Error,
            "“websocket”".to_owned(),
            "A proxy on the way took the header off or changed it, or the server switches to another protocol. \
             WebSocket clients must give up then.",
        );
    }
    let expected = accept_key(request.value("sec-websocket-key").unwrap_or_default());
    // The hixie drafts have no such header: hixie-75 proves nothing, and the 16 bytes of hixie-76 are no part of a head.
    let is_hixie = request.value("sec-websocket-key").is_none()
        && ["sec-websocket-location", "websocket-location"].iter().any(|name| answer.value(name).is_some());
    if !is_hixie && answer.value("sec-websocket-accept") != Some(expected.as_str()) {
        tell(
            &ACCEPT_HEADER,
            "Sec-WebSocket-Accept",
            Severity::Error,
            quoted(&expected),
            "Whoever answered did not see the key that we sent, or is no WebSocket server: a proxy may have answered \
             from its cache or changed Sec-WebSocket-Key. WebSocket clients must give up then.",
        );
    }
    let offered = request.items("sec-websocket-protocol");
    let chosen = answer.value("sec-websocket-protocol");
    match chosen {
        Some(chosen) if !offered.contains(&chosen) => tell(
            &PROTOCOL_HEADER,
            "Sec-WebSocket-Protocol",
            Severity::Error,
            if offered.is_empty() {
                "absent, since none was offered".to_owned()
            } else {
                format!("one of {}", quoted(&offered.join(", ")))
            },
            "The server chose a subprotocol that was not offered: it ignores the offer or a proxy changed it. \
             WebSocket clients must give up then.",
        ),
        None if !offered.is_empty() && is_switch => tell(
            &PROTOCOL_HEADER,
            "Sec-WebSocket-Protocol",
            Severity::Warning,
            format!("one of {}", quoted(&offered.join(", "))),
            "The server knows none of the subprotocols, or a proxy took the header off. Browsers close the connection \
             then, other clients go on.",
        ),
        _ => {}
    }
}

fn attempt(seen: &Seen) -> String {
    let wss = if seen.tls {
        "The connection is encrypted, so only what opens TLS (a load balancer before the server, or a proxy whose \
         certificate is trusted here) can have changed it: see its configuration for WebSocket."
    } else {
        "Use wss:// instead of ws://: what is encrypted, proxies on the way can not change. Else see the \
         configuration of the proxy or load balancer for WebSocket."
    };
    format!("{wss} To see whether the rest works, let Pushscope “go on anyway”.")
}

fn upgrade_lost(case: &Case, seen: &Seen, request: &Head, answer: &Head, reports: &mut Reports) {
    let status = answer.status;
    let versions = answer.items("sec-websocket-version");
    let asked = request.value("sec-websocket-version").unwrap_or("13");
    let is_version = !versions.is_empty() && !versions.contains(&asked);
    let is_old = answer.version == "HTTP/1.0" && request.version == "HTTP/1.1";
    let (confidence, means) = match status {
        _ if is_version => (
            Confidence::Certain,
            format!("The server speaks WebSocket version {}, and {asked} was asked for.", versions.join(", ")),
        ),
        426 if answer.names("upgrade", "websocket") => (
            Confidence::Likely,
            "The server asks for the very upgrade that was asked for: it did not see our Upgrade header. A proxy on \
             the way took it off."
                .to_owned(),
        ),
        _ if is_old => (
            Confidence::Likely,
            "The answer is HTTP/1.0, which knows no upgrade: a proxy on the way passes the request on in the old \
             version."
                .to_owned(),
        ),
        400 => (
            Confidence::Possible,
            "The server did not take the request for a WebSocket's: the path may be wrong, the Origin may not be \
             allowed, or a proxy on the way took Upgrade or Connection off."
                .to_owned(),
        ),
        _ => (
            Confidence::Likely,
            "The server saw an ordinary request: the path knows no WebSocket, or a proxy on the way took Upgrade and \
             Connection off."
                .to_owned(),
        ),
    };
    let mut evidence = vec![answer.first_line(), request.evidence("Upgrade")];
    evidence.extend(
        ["Upgrade", "Via", "Server"]
            .iter()
            .filter(|name| answer.value(name).is_some())
            .map(|name| answer.evidence(name)),
    );
    reports.tell(
        case,
        Told {
            rule: &UPGRADE_LOST,
            severity: Severity::Error,
            confidence,
            about: status.to_string(),
            seen: format!("{} was asked to upgrade to WebSocket and answered with status {status}.", seen.whom()),
            means,
            attempt: if seen.tls {
                "Check the path. If a load balancer or reverse proxy stands before the server, have it pass Upgrade \
                 and Connection on (in nginx: proxy_http_version 1.1 and proxy_set_header Upgrade $http_upgrade)."
                    .to_owned()
            } else {
                "Check the path, and try wss://, which proxies on the way cannot change. If a reverse proxy stands \
                 before the server, have it pass Upgrade and Connection on (in nginx: proxy_http_version 1.1 and \
                 proxy_set_header Upgrade $http_upgrade)."
                    .to_owned()
            },
            evidence,
        },
    );
}

/// A ping, pong or close frame.
pub(super) fn control(case: &Case, seen: &mut Seen, reports: &mut Reports) {
    let record = &case.record;
    match (record.kind, record.dir) {
        (Kind::WsPing, Dir::Out) if seen.socket.pings.len() < MOST_PINGS => {
            seen.socket.pings.push((case.id, case.at_ns()));
        }
        (Kind::WsPong, Dir::In) => {
            // RFC 6455 §5.5.3: of several pings, only the latest need be answered.
            seen.socket.pings.clear();
            if std::mem::take(&mut seen.socket.said_pings) {
                reports.take_back(seen.connection, &UPSTREAM_DEAD, &pings_of(case));
            }
        }
        (Kind::WsClose, dir) => {
            let is_first = !seen.socket.closed[dir.index()];
            let is_answer = seen.socket.closed[dir.opposite().index()];
            seen.socket.closed[dir.index()] = true;
            if dir == Dir::In && is_first && !is_answer {
                closed(case, seen, reports);
            }
        }
        _ => {}
    }
}

fn pings_of(case: &Case) -> String {
    format!("pings of link {}", case.record.link.0)
}

/// A frame: one of the server's shows that its side is alive.
pub(super) fn frame(case: &Case, seen: &mut Seen, reports: &mut Reports) {
    if case.record.dir != Dir::In {
        return;
    }
    let socket = &mut seen.socket;
    socket.frames += 1;
    let is_pong = case.record.detail & (OLD_FRAME | 0x0f) == 0xa;
    if let Some((ping, at_ns)) = socket.pings.first().copied().filter(|_| !is_pong && !socket.said_pings) {
        let waited_ns = case.at_ns().saturating_sub(at_ns);
        if waited_ns >= PATIENCE_NS {
            socket.said_pings = true;
            pings_unanswered(case, seen, ping, waited_ns, reports);
        }
        return;
    }
    if !socket.said_progress && (socket.frames <= FIRST_FRAMES || socket.frames.is_multiple_of(EVERY_FRAMES)) {
        progress(case, seen, case.at_ns(), reports);
    }
}

fn pings_unanswered(case: &Case, seen: &Seen, ping: RecordId, waited_ns: u64, reports: &mut Reports) {
    reports.tell(
        case,
        Told {
            rule: &UPSTREAM_DEAD,
            severity: Severity::Error,
            confidence: Confidence::Likely,
            about: pings_of(case),
            seen: format!(
                "A ping that we sent to {} is not answered for {}, while the server's data go on arriving.",
                seen.whom(),
                seconds(waited_ns)
            ),
            means: dead_means(),
            attempt: dead_attempt(seen),
            evidence: vec![
                Evidence { record: ping, span: None, says: "this ping has no pong".to_owned() },
                this(case, "the server sent this later"),
            ],
        },
    );
}

fn dead_means() -> String {
    "One way only is open: something on the way takes what we send and does not pass it on, as proxies do that read \
     the request and never look at that side again. A server that must answer every ping (RFC 6455 §5.5.2) would have."
        .to_owned()
}

fn dead_attempt(seen: &Seen) -> String {
    if seen.tls {
        "Have whoever runs the proxy or load balancer look at what it does with bytes from the client after an \
         upgrade; try from another network to see which box it is."
            .to_owned()
    } else {
        "Use wss:// so that proxies on the way only pass bytes on; try from another network to see which box it is."
            .to_owned()
    }
}

/// Whether what we sent stays unacknowledged until `now_ns`, while bytes come in.
pub(super) fn progress(case: &Case, seen: &mut Seen, now_ns: u64, reports: &mut Reports) {
    if seen.socket.said_progress || seen.phase != Phase::WebSocket {
        return;
    }
    let Some(link) = case.session.link(case.record.link) else { return };
    let samples = link.progress.samples();
    let known = &samples[..samples.partition_point(|(at_ns, _)| *at_ns <= now_ns)];
    let Some((_, last)) = known.last() else { return };
    let (Some(acknowledged), sent) = (last.acknowledged_bytes, last.sent_bytes) else { return };
    let is_behind =
        |progress: &Progress| progress.acknowledged_bytes == Some(acknowledged) && progress.sent_bytes > acknowledged;
    let stuck = known.iter().rev().take_while(|(_, progress)| is_behind(progress)).last();
    let Some((since_ns, _)) = stuck.filter(|_| sent > acknowledged) else { return };
    let last_in_ns = link.len_bytes(Dir::In).checked_sub(1).map_or(0, |last| link.at_ns(Dir::In, last)).min(now_ns);
    let waited_ns = now_ns.saturating_sub(*since_ns);
    if waited_ns < PATIENCE_NS || last_in_ns <= *since_ns {
        return;
    }
    seen.socket.said_progress = true;
    reports.tell(
        case,
        Told {
            rule: &UPSTREAM_DEAD,
            severity: Severity::Error,
            confidence: Confidence::Likely,
            about: "progress".to_owned(),
            seen: format!(
                "Of {sent} bytes that we sent to {}, the other end's TCP acknowledges no more than the first \
                 {acknowledged} for {}, while the server's data go on arriving.",
                seen.whom(),
                seconds(waited_ns)
            ),
            means:
                "Whoever ends our TCP connection, the server or a proxy before it, has stopped to read what we send."
                    .to_owned(),
            attempt: dead_attempt(seen),
            evidence: vec![this(case, "the server sent this later")],
        },
    );
}

/// The server closed first, with a code.
fn closed(case: &Case, seen: &Seen, reports: &mut Reports) {
    let code = u16::try_from(case.record.detail).unwrap_or(0);
    if !matches!(code, 1001..=1003 | 1007..=1015 | 3000..=4999) {
        return;
    }
    let about = code.to_string();
    let many = reports.told(seen.connection, &CLOSE_CODE, &about).is_some_and(|finding| finding.count >= MOST_CLOSES);
    let reason = if many { String::new() } else { reason(case) };
    let said = if reason.is_empty() { String::new() } else { format!(" and the reason {}", quoted(&reason)) };
    let severity = if matches!(code, 1001 | 1012 | 1013) { Severity::Warning } else { Severity::Error };
    reports.tell(
        case,
        Told {
            rule: &CLOSE_CODE,
            severity,
            confidence: Confidence::Certain,
            about,
            seen: format!("{} closed the WebSocket with code {code}{said}.", seen.whom()),
            means: format!("{code} is: {}.", close_code_meaning(code)),
            attempt: close_attempt(code).to_owned(),
            evidence: vec![this(case, format!("{code} {}", short(&reason)).trim_end())],
        },
    );
}

fn reason(case: &Case) -> String {
    let explained = case.session.explain_within(case.id, 1024);
    let field = explained.fields.iter().find(|field| field.def.key == "websocket.close.reason");
    field.map_or_else(String::new, |field| case.session.field_text(&explained, field, 123))
}

fn close_attempt(code: u16) -> &'static str {
    match code {
        1001 | 1012 => "Connect again after a random pause; if it comes often, ask why the server restarts.",
        1013 => "Connect again later, with growing pauses; the server has too much to do.",
        1002 => "Look at the frames before it for errors: one side broke the protocol, or a proxy damaged the bytes.",
        1003 | 1007 => "Look at the message that was sent last: its type or its text is not what the server takes.",
        1008 => "See the reason and the server's log: usually a missing login, a forbidden Origin, or a rate limit.",
        1009 => "Send smaller messages, or have the server's limit raised.",
        1010 => "Offer the extension that the server needs (Sec-WebSocket-Extensions).",
        1011 => "See the server's log at this time: it failed.",
        1014 => "See the log of the gateway before the server, and of the server behind it.",
        3000 | 3003 => "Give the login or token that the service needs.",
        3008 => "Send something, or answer pings, more often than the service's timeout.",
        4000..=4999 => "The meaning is the application's own: its documentation or its makers know.",
        _ => "Ask whoever makes the server what it means.",
    }
}

/// The link ended and neither side said so in a close frame.
pub(super) fn ended_without_close(case: &Case, seen: &Seen, said: &str, reports: &mut Reports) {
    reports.tell(
        case,
        Told {
            rule: &CLOSE_CODE,
            severity: Severity::Error,
            confidence: Confidence::Certain,
            about: "1006".to_owned(),
            seen: format!("The WebSocket to {} ended without a close frame: {said}.", seen.whom()),
            means: "Applications are told code 1006. The server's program crashed or was killed, or a proxy or \
                    firewall on the way dropped the connection; a server that closes by itself sends a close frame."
                .to_owned(),
            attempt: "See the logs of the server and of the proxies at this time; if it comes after silence, send \
                      pings more often."
                .to_owned(),
            evidence: vec![this(case, said)],
        },
    );
}
