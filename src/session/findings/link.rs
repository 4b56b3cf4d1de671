//! How links fail and end: names, TCP, resets, silence, and cuts after a round time.

use super::rules::{DNS_FAILED, IDLE_CUT, NO_CLOSE_FRAME, RESET, SILENT, TCP_REFUSED, TCP_TIMEOUT, TCP_UNREACHABLE};
use super::{Confidence, Eye, Look, Rule, Said, sentence};
use crate::wire::{Closed, Dir, Failure, Stage};

/// Times after which servers, balancers and firewalls give up, in seconds.
const ROUND: [f64; 30] = [
    2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0, 75.0, 90.0, 100.0, 120.0,
    150.0, 180.0, 240.0, 300.0, 350.0, 400.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0,
];

/// A link that failed.
pub(super) fn failed(look: &mut Look<'_>, eye: &Eye, failure: &Failure) {
    let text = &failure.text;
    let what = if eye.is_leg() { "the proxy" } else { "the server" };
    let rule: &'static Rule = match failure.stage {
        Stage::Dns => &DNS_FAILED,
        Stage::Tcp if text.contains("refused") => &TCP_REFUSED,
        Stage::Tcp if text.contains("no route") || text.contains("unreachable") => &TCP_UNREACHABLE,
        Stage::Tcp => &TCP_TIMEOUT,
        _ if text.contains("reset") => &RESET,
        Stage::Answer | Stage::Proxy if text.contains("nothing within") => &SILENT,
        Stage::Stream => return cut(look, eye, Dir::In),
        _ => return,
    };
    let stage = match (failure.stage, eye.answer.is_some()) {
        (Stage::Tls, _) => "in the TLS handshake",
        (_, false) => "before an answer came",
        (_, true) => "in the stream",
    };
    let (means, attempt) = match rule.key {
        "dns.failed" => (
            "This machine could not turn the name into an address.".to_owned(),
            "Check the spelling. Inside a company or VPN the name may need its own DNS server; by a proxy the name need not resolve here at all (SOCKS, CONNECT).".to_owned(),
        ),
        "tcp.refused" => (
            format!("A machine is there and answered that nothing listens on {} (or a firewall says so in its name).", eye.to),
            "Is the program running, on this port, and on this address (127.0.0.1 is not reachable from elsewhere)?".to_owned(),
        ),
        "tcp.unreachable" => (
            "This machine's network knows no way to that address.".to_owned(),
            "Is the VPN up? Is it an IPv6 address on a network without IPv6? Does the network demand a proxy?".to_owned(),
        ),
        "tcp.timeout" => (
            "Nothing came back at all: a firewall drops the packets without a word, or the host is down.".to_owned(),
            "Try port 443, and by the proxy that browsers use here. Ask the network's owner whether direct connections are allowed.".to_owned(),
        ),
        "answer.timeout" => (
            format!("{} took the request and says nothing: it may hold it (long polling), be overloaded, or wait for something else.", eye.to),
            "If it is a long poll, set a longer timeout. Else see the server's log whether the request arrived; a proxy in between may have swallowed it.".to_owned(),
        ),
        _ => (
            format!("Somebody threw the connection away {stage} instead of closing it (TCP RST): {what}, a firewall that forgot the connection, or a filter that forbids it."),
            match failure.stage {
                Stage::Tls => "Filters reset handshakes whose server name they forbid: try another network, or by the proxy. Else see the server's log.".to_owned(),
                _ => "See the server's log at this moment. If it comes always after the same silence, a firewall forgets idle connections: send heartbeats more often.".to_owned(),
            },
        ),
    };
    let seen = sentence(text);
    let evidence = vec![look.here(failure.stage.label())];
    look.found(rule, Said { confidence: Confidence::Certain, seen, means, attempt, evidence });
    if rule.key == "reset" {
        cut(look, eye, Dir::In);
    }
}

/// A link that was closed.
pub(super) fn closed(look: &mut Look<'_>, eye: &Eye, closed: &Closed) {
    cut(look, eye, closed.by);
}

/// The end of a stream that had no end of its own.
fn cut(look: &mut Look<'_>, eye: &Eye, by: Dir) {
    let socket = &eye.websocket;
    let is_open_socket = socket.is_open && !socket.closed_by_us && !socket.closed_by_server;
    if by == Dir::Out || !(is_open_socket || eye.is_stream()) || eye.is_leg() {
        return;
    }
    let Some(link) = look.session.link(eye.link) else { return };
    let last = |dir: Dir| match link.len_bytes(dir) {
        0 => 0,
        len => link.at_ns(dir, len - 1),
    };
    let silent_s = look.at_ns().saturating_sub(last(Dir::Out).max(last(Dir::In))) as f64 / 1e9;
    let round = ROUND
        .into_iter()
        .find(|round| (silent_s - round).abs() <= (round * 0.02).max(if *round < 5.0 { 0.1 } else { 0.3 }));
    if let Some(round) = round {
        let seen =
            format!("{} closed the connection after {silent_s:.2} s in which neither side said anything.", eye.to);
        let means = format!(
            "{round} s is a round time: a server, balancer, proxy or firewall on the way cuts connections that are silent for so long."
        );
        let attempt = format!(
            "Send something more often than every {round} s: a comment line (SSE) or a ping (WebSocket) from the server, every {:.0} s for instance; or raise the timeout (nginx: proxy_read_timeout; HAProxy: timeout tunnel, timeout server; AWS ALB: idle timeout).",
            (round / 2.0).max(1.0).floor()
        );
        let evidence = vec![look.here(format!("closed after {silent_s:.2} s of silence"))];
        look.found(&IDLE_CUT, Said { confidence: Confidence::Likely, seen, means, attempt, evidence });
    }
    if is_open_socket {
        let seen = format!("{} ended the connection without a close frame.", eye.to);
        let means = "Programs report that as code 1006, which is never on the wire: it stands for “no close frame came” (RFC 6455 §7.1.5). The server's process or a box in between dropped TCP.";
        let attempt = "See the server's log: a crash or restart does this. If it happens after a round time, or only by one network, a proxy or firewall does.";
        let evidence = vec![look.here("closed here")];
        look.found(
            &NO_CLOSE_FRAME,
            Said {
                confidence: Confidence::Certain,
                seen,
                means: means.to_owned(),
                attempt: attempt.to_owned(),
                evidence,
            },
        );
    }
}
