//! Every error sentence of the transport: what was done, to what, what came back, and what would help.

use crate::wire::{Failure, Stage};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A failure of `stage`, which began at `since`.
pub fn failure(stage: Stage, since: Instant, text: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure {
        stage,
        text: text.into(),
        hint: hint.into(),
        took_ns: since.elapsed().as_nanos() as u64,
        chain: Vec::new(),
    }
}

/// A failure of the address or an option, found before anything is opened.
pub fn refused_option(text: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { stage: Stage::Address, text: text.into(), hint: hint.into(), took_ns: 0, chain: Vec::new() }
}

/// Name resolution failed. The system tells its reason only in words.
pub fn dns(host: &str, error: &io::Error, since: Instant) -> Failure {
    let said = error.to_string();
    let lower = said.to_lowercase();
    let temporary = lower.contains("temporary failure") || lower.contains("try again");
    let (text, hint) = if temporary && host.ends_with(".invalid") {
        (
            format!("the name {host} could not be resolved: {said}"),
            ".invalid names never exist (RFC 6761 §6.4)".to_owned(),
        )
    } else if temporary {
        (
            format!("the name {host} could not be resolved just now: the name server did not answer ({said})"),
            "is this machine online, and is its DNS server reachable?".to_owned(),
        )
    } else if ["not known", "no such host", "no address", "nodename"].iter().any(|words| lower.contains(words)) {
        (format!("no host is named {host}: {said}"), name_hint(host))
    } else {
        (format!("looking up {host} failed: {said}"), name_hint(host))
    };
    failure(Stage::Dns, since, text, hint)
}

fn name_hint(host: &str) -> String {
    if host.contains('.') {
        "check the spelling; a name inside a company or a container may need its own DNS server".to_owned()
    } else {
        format!("is {host} a full name? A short one only resolves inside its own network")
    }
}

/// Why one TCP address failed, in a few words.
pub fn tcp_reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused".to_owned(),
        ErrorKind::TimedOut => "no answer in time".to_owned(),
        ErrorKind::NetworkUnreachable => "no route to that network".to_owned(),
        ErrorKind::HostUnreachable => "the host is unreachable".to_owned(),
        ErrorKind::ConnectionReset => "reset".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine has no address that could reach it".to_owned(),
        ErrorKind::PermissionDenied => "this machine does not allow it".to_owned(),
        _ => error.to_string(),
    }
}

/// No address could be connected to.
pub fn tcp(host: &str, failed: &[(SocketAddr, String)], last: ErrorKind, since: Instant) -> Failure {
    let tried: Vec<String> = failed.iter().map(|(address, reason)| format!("{address}: {reason}")).collect();
    let text = format!("connecting to {host} failed ({})", tried.join("; "));
    let hint = match last {
        ErrorKind::ConnectionRefused => {
            "nothing listens there, or a firewall refuses: is the server running, and is the port right?"
        }
        ErrorKind::TimedOut => "nothing answered at all: a firewall may be dropping packets, or the host is down",
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            "is this machine connected to that network (VPN, IPv6)?"
        }
        ErrorKind::PermissionDenied => "a local firewall or sandbox forbids this connection",
        _ => "",
    };
    failure(Stage::Tcp, since, text, hint)
}

/// A stage took longer than its timeout.
pub fn timeout(stage: Stage, doing: &str, limit: Duration, since: Instant) -> Failure {
    let hint = match stage {
        Stage::Dns => "the name server does not answer",
        Stage::Tcp => "nothing answered at all: a firewall may be dropping packets, or the host is down",
        Stage::Tls => {
            "the server accepted TCP but does not speak TLS there: is this the right port, and is it https or wss at all?"
        }
        Stage::Answer => {
            "the server took the request and stays silent: it may be busy, or be holding a long poll (a longer timeout can be set)"
        }
        Stage::Stream => "the stream may simply be quiet: a longer idle timeout can be set",
        _ => "",
    };
    failure(stage, since, format!("{doing}: nothing within {}", seconds(limit)), hint)
}

/// A read or write on an open link failed.
pub fn io(stage: Stage, doing: &str, error: &io::Error, since: Instant) -> Failure {
    let (said, hint) = match error.kind() {
        ErrorKind::ConnectionReset => (
            "the other side reset the connection (TCP RST)".to_owned(),
            "the server, or a proxy or firewall on the way, threw the connection away instead of closing it: see its log",
        ),
        ErrorKind::BrokenPipe => {
            ("the other side had already closed the connection".to_owned(), "see the server's log")
        }
        ErrorKind::UnexpectedEof => ("the other side closed the connection".to_owned(), "see the server's log"),
        ErrorKind::TimedOut => ("the other side vanished (TCP timed out)".to_owned(), "is the network still there?"),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            ("the network went away".to_owned(), "is the network still there?")
        }
        _ => {
            let said = plain(error);
            // With TLS 1.3 a server looks at the client's certificate after the handshake.
            let wants_certificate =
                ["CertificateRequired", "BadCertificate", "UnknownCA"].iter().any(|alert| said.contains(alert));
            (said, if wants_certificate { CLIENT_CERTIFICATE } else { "" })
        }
    };
    failure(stage, since, format!("{doing}: {said}"), hint)
}

/// What helps where a server asks for a client certificate.
pub(super) const CLIENT_CERTIFICATE: &str =
    "the server wants a client certificate it trusts: give a certificate and key file";

/// The failure of a link whose way a proxy had opened, where the other side said nothing at all.
pub fn by_way(failure: Failure, proxy: &str) -> Failure {
    let is_silent = ["hung up before answering", "without an answer", "the other side"];
    if !is_silent.iter().any(|words| failure.text.contains(words)) {
        return failure;
    }
    let hint = format!(
        "the proxy {proxy} had opened the way, and it ended before the server said anything: see the proxy's log, and \
         whether it may and can reach the server"
    );
    Failure { hint, ..failure }
}

/// An error's own words together with those of its causes, each once.
pub fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

/// The error of the operating system that caused `error`, where one did.
pub fn io_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref::<io::Error>() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// What the first bytes of something that is not an HTTP answer look like: a description and a hint.
pub fn not_http(sample: &[u8]) -> (String, String) {
    match sample {
        [] => ("nothing".to_owned(), String::new()),
        [0x14..=0x17, 0x03, ..] => {
            ("a TLS record".to_owned(), "this port speaks TLS: use https:// or wss://".to_owned())
        }
        [5, 0 | 1 | 2 | 0xFF, ..] | [0, 91..=93, ..] if sample.len() <= 10 => {
            ("an answer of SOCKS".to_owned(), "that is a SOCKS proxy: its address begins with socks5://".to_owned())
        }
        _ if sample.starts_with(b"SSH-") => {
            ("an SSH greeting".to_owned(), "that is the port of an SSH server".to_owned())
        }
        _ if sample.starts_with(b"PRI * HTTP/2") || matches!(sample, [0, 0, _, 4, _, 0, 0, 0, 0, ..]) => (
            "an HTTP/2 preface".to_owned(),
            "this port speaks HTTP/2 only, and this program asked with HTTP/1".to_owned(),
        ),
        _ if sample.starts_with(b"220 ") || sample.starts_with(b"220-") => {
            (quoted(sample), "that looks like a mail or FTP server".to_owned())
        }
        _ => (quoted(sample), "is there a web server behind this port?".to_owned()),
    }
}

/// The beginning of some bytes, printable.
pub fn quoted(sample: &[u8]) -> String {
    let cut = &sample[..sample.len().min(48)];
    format!("“{}{}”", cut.escape_ascii(), if cut.len() < sample.len() { "…" } else { "" })
}

/// A duration as people say it.
pub fn seconds(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms < 1000 { format!("{ms} ms") } else { format!("{} s", ms as f64 / 1000.0) }
}

/// What a status means for someone who wanted to open a stream (RFC 9110 §15).
pub fn status_hint(status: u16) -> &'static str {
    match status {
        301 | 302 | 303 | 307 | 308 => "the server sends you elsewhere",
        400 => "the server did not understand the request; a plain request on a TLS port is also answered so",
        401 => "the server wants to know who you are: give basic or bearer authentication",
        403 => "the server knows the address and refuses: credentials, the Origin header, or an address list",
        404 | 410 => "nothing has this path: check the address",
        405 => "this path wants another method",
        406 => "the server has no such content type: check the Accept header",
        407 => "a proxy on the way wants credentials",
        408 => "the server gave up waiting for the request",
        413 => "the body or the cookies are too big for the server",
        421 => "the server does not serve that name on this connection",
        426 => {
            "the server wants another protocol: see its Upgrade header (a WebSocket endpoint asked by HTTP answers so)"
        }
        429 => "too many requests: ask less often",
        500 | 501 => "the server failed: see its log",
        502 | 504 => "a proxy stands in front of a server that does not answer it: see the proxy's log",
        503 => "the server is overloaded or being restarted",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_http_is_named() {
        assert!(not_http(&[0x15, 3, 1, 0, 2]).1.contains("wss://"));
        assert!(not_http(b"SSH-2.0-OpenSSH").0.contains("SSH"));
        assert_eq!(not_http(b"\x00\xffhi").0, "“\\x00\\xffhi”");
    }

    #[test]
    fn causes_are_said_once() {
        let error = io::Error::other(io::Error::other("inner"));
        assert_eq!(plain(&error), "inner");
        assert_eq!(seconds(Duration::from_millis(250)), "250 ms");
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5 s");
    }
}
