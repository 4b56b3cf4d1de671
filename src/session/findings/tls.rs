//! TLS: certificates that something on the way has made, certificates that are refused, and clocks.

use super::head::Head;
use super::product::interceptor;
use super::reports::{Reports, Told};
use super::rules::{Rule, TLS_CLOCK, TLS_EXPIRED, TLS_INTERCEPTED, TLS_ISSUER, TLS_NAME, TLS_UNVERIFIED, TLS_VERSION};
use super::seen::{Case, Seen};
use super::text::{quoted, seconds, this};
use super::{Confidence, Evidence};
use crate::dissect::Severity;
use crate::wire::{Anchor, CertificateFacts, Failure, TlsFacts};
use jiff::Timestamp;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Clocks may differ by so much.
const CLOCK_SECONDS: i64 = 5 * 60;

/// TLS is up.
pub(super) fn secured(case: &Case, seen: &Seen, facts: &TlsFacts, reports: &mut Reports) {
    let issuer = issuer(&facts.chain);
    let product = facts.chain.iter().find_map(|certificate| interceptor(&certificate.issuer));
    let is_suspect = product.is_some() || seen.is_inside();
    let found = match facts.anchor {
        Some(Anchor::Public) => None,
        Some(Anchor::Machine) => {
            Some((Confidence::Certain, "its root certificate was put on this machine and is in no public set"))
        }
        Some(Anchor::Given) if product.is_some() => {
            Some((Confidence::Likely, "its root certificate is that of the file that was given"))
        }
        Some(Anchor::Given) if is_suspect => Some((
            Confidence::Possible,
            "its root certificate is that of the file that was given, which may be the server's own",
        )),
        Some(Anchor::Nobody) | None if is_suspect && facts.would_fail.as_deref().is_some_and(is_of_issuer) => {
            Some((Confidence::Likely, "nobody who is trusted here vouches for it"))
        }
        _ if product.is_some() => Some((Confidence::Likely, "its issuer is a program that opens TLS")),
        _ => None,
    };
    if let Some((confidence, why)) = found {
        // An authority of one's own behind a proxy that opens nothing looks the same: no fault by itself.
        let severity = if confidence == Confidence::Possible { Severity::Info } else { Severity::Warning };
        intercepted(case, seen, &issuer, product, (severity, confidence), why, reports);
    }
    if facts.verified {
        return;
    }
    let would = facts
        .would_fail
        .as_ref()
        .map(|why| format!(" Checked, it would have been refused: {why}."))
        .unwrap_or_default();
    tell(
        case,
        &TLS_UNVERIFIED,
        Severity::Info,
        Confidence::Certain,
        [
            format!(
                "The certificate of {} (issued by {issuer}) was not checked, as the options say.{would}",
                seen.whom()
            ),
            "Whoever is on the way could have put up a certificate of their own.".to_owned(),
            "Turn verification on where it is not needed otherwise.".to_owned(),
        ],
        vec![this(case, "not verified")],
        reports,
    );
    if let Some(why) = &facts.would_fail {
        refused(case, seen, why, &facts.chain, (Severity::Warning, found.is_some()), reports);
    }
}

/// The handshake failed. Whether that was told.
pub(super) fn failed(case: &Case, seen: &Seen, failure: &Failure, reports: &mut Reports) -> bool {
    let product = failure.chain.iter().find_map(|certificate| interceptor(&certificate.issuer));
    let is_unknown = is_of_issuer(&failure.text);
    let is_intercepted = !failure.chain.is_empty() && (product.is_some() || (seen.is_inside() && is_unknown));
    if is_intercepted {
        let why = "nobody who is trusted here vouches for it";
        intercepted(case, seen, &issuer(&failure.chain), product, (Severity::Error, Confidence::Likely), why, reports);
    }
    refused(case, seen, &failure.text, &failure.chain, (Severity::Error, is_intercepted), reports) || is_intercepted
}

/// Whether a refusal is because of who issued the certificate.
fn is_of_issuer(why: &str) -> bool {
    ["does not trust", "trusts it", "UnknownIssuer", "self-signed", "signature is wrong"]
        .iter()
        .any(|mark| why.contains(mark))
}

fn issuer(chain: &[CertificateFacts]) -> String {
    chain.first().map_or_else(|| "nobody".to_owned(), |certificate| quoted(&certificate.issuer))
}

fn intercepted(
    case: &Case,
    seen: &Seen,
    issuer: &str,
    product: Option<&str>,
    how: (Severity, Confidence),
    why: &str,
    reports: &mut Reports,
) {
    let (severity, confidence) = how;
    let by = product.map(|product| format!(", which is {product}")).unwrap_or_default();
    let server = seen.server();
    tell(
        case,
        &TLS_INTERCEPTED,
        severity,
        confidence,
        [
            format!("The certificate that came for {} was issued by {issuer}{by}; {why}.", seen.whom()),
            format!(
                "TLS is opened and re-encrypted by {issuer}: it reads and can change everything, and it must understand \
             WebSocket and event streams to pass them on. Only where {server} is a server of your own organisation, with \
             a certificate that it issued itself, is this as it should be."
            ),
            format!(
                "Have {server} exempted from TLS inspection. If that cannot be, the client needs the certificate of {issuer} \
             as a CA, and whoever runs the inspection must let WebSocket and text/event-stream through."
            ),
        ],
        vec![this(case, format!("issued by {issuer}"))],
        reports,
    );
}

/// Why a certificate or a handshake is refused. Whether that is known.
fn refused(
    case: &Case,
    seen: &Seen,
    why: &str,
    chain: &[CertificateFacts],
    how: (Severity, bool),
    reports: &mut Reports,
) -> bool {
    let (severity, is_intercepted) = how;
    let (whom, server) = (seen.whom(), seen.server());
    let leaf = chain.first();
    let evidence = || vec![this(case, why)];
    let date = |date: Option<&String>| date.map_or_else(|| "an unknown date".to_owned(), |date| date.clone());
    if why.contains("expired") {
        let ended = leaf.map(|leaf| &leaf.not_after);
        let ago = ended.and_then(|ended| Some(now(case)? - time(ended)?));
        tell(
            case,
            &TLS_EXPIRED,
            severity,
            Confidence::Certain,
            [
                format!("The certificate of {whom} was good until {}.", date(ended)),
                "Whoever runs the server did not renew it in time, or the server was not told of the new one."
                    .to_owned(),
                format!("Have the certificate of {server} renewed and the server reload it."),
            ],
            evidence(),
            reports,
        );
        if ago.is_some_and(|ago| (0..DAY_SECONDS).contains(&ago)) {
            clock(
                case,
                severity,
                Confidence::Possible,
                format!(
                    "The certificate of {whom} expired on {}, less than a day before this machine's time.",
                    date(ended)
                ),
                evidence(),
                reports,
            );
        }
        return true;
    }
    if why.contains("not valid before") {
        clock(
            case,
            severity,
            Confidence::Likely,
            format!(
                "The certificate of {whom} is not valid before {}, and by this machine's clock that is yet to come.",
                date(leaf.map(|leaf| &leaf.not_before))
            ),
            evidence(),
            reports,
        );
        return true;
    }
    if why.contains("not for this name") {
        let names = leaf.map(|leaf| leaf.names.join(", ")).filter(|names| !names.is_empty());
        let names = names.unwrap_or_else(|| "no name at all".to_owned());
        tell(case, &TLS_NAME, severity, Confidence::Certain, [
            format!("The certificate of {whom} is for {}.", quoted(&names)),
            "The address names another host than the certificate: a wrong name or address, a server that answers for \
             several names and has none of its own for this one, or a page of the network itself."
                .to_owned(),
            format!("Use one of the certificate's names, or have {} added to it.", seen.host),
        ], evidence(), reports);
        return true;
    }
    if is_of_issuer(why) || why.contains("the certificate was re") {
        if !is_intercepted {
            tell(
                case,
                &TLS_ISSUER,
                severity,
                Confidence::Certain,
                [
                    format!("The certificate of {whom} was refused: {why}."),
                    format!(
                        "Its issuer {} is not trusted on this machine, the server does not send an intermediate certificate, \
                     or something on the way put up its own.",
                        issuer(chain)
                    ),
                    format!(
                        "Have {server} send its whole chain; for a CA of your own, give its certificate as a CA file or have \
                     it installed on this machine."
                    ),
                ],
                evidence(),
                reports,
            );
        }
        return true;
    }
    let marks = [
        "in common",
        "ProtocolVersion",
        "HandshakeFailure",
        "InsufficientSecurity",
        "is not TLS",
        "plain HTTP",
        "nothing within",
    ];
    if marks.iter().any(|mark| why.contains(mark)) {
        tell(case, &TLS_VERSION, severity, Confidence::Likely, [
            format!("TLS with {whom} came to nothing: {why}."),
            "TLS 1.2 and 1.3 were offered. The server is too old for them or configured too narrowly, or does not speak \
             TLS on this port."
                .to_owned(),
            format!("Check the port; have TLS 1.2 or 1.3 turned on at {server}, or at the load balancer before it."),
        ], evidence(), reports);
        return true;
    }
    false
}

fn clock(
    case: &Case,
    severity: Severity,
    confidence: Confidence,
    seen_text: String,
    evidence: Vec<Evidence>,
    reports: &mut Reports,
) {
    let now = now(case).and_then(|now| Timestamp::from_second(now).ok());
    let now = now.map(|now| format!(" This machine's clock said {now} then.")).unwrap_or_default();
    tell(
        case,
        &TLS_CLOCK,
        severity,
        confidence,
        [
            format!("{seen_text}{now}"),
            "The clock of this machine, or of the one that made the certificate or the answer, is wrong.".to_owned(),
            "Compare this machine's date and time with another clock, and have it set by the network (NTP).".to_owned(),
        ],
        evidence,
        reports,
    );
}

/// An answer says what time it is at the server (RFC 9110 §6.6.1).
pub(super) fn dated(case: &Case, seen: &Seen, answer: &Head, reports: &mut Reports) {
    if !seen.tls {
        return;
    }
    let date = answer.value("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let (Some(date), Some(now)) = (date, now(case)) else { return };
    let ahead = date.timestamp().as_second() - now;
    // An answer from a cache is as old as it is; a stream is not kept.
    let is_fresh = answer.status == 101 || answer.media_type() == "text/event-stream";
    if ahead <= CLOCK_SECONDS && (ahead >= -CLOCK_SECONDS || !is_fresh || answer.value("age").is_some()) {
        return;
    }
    let by = seconds(ahead.unsigned_abs().saturating_mul(1_000_000_000));
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let seen_text = format!("The server {} says that it is {by} {side} this machine.", seen.whom());
    clock(case, Severity::Warning, Confidence::Likely, seen_text, vec![answer.evidence("Date")], reports);
}

/// The time of a record by this machine's clock, in seconds since 1970, where it is known.
fn now(case: &Case) -> Option<i64> {
    let started = case.session.started_unix_ns;
    let at_ns = i64::try_from(case.at_ns()).ok()?;
    (started != 0).then(|| started.saturating_add(at_ns) / 1_000_000_000)
}

fn time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// Tells what was seen, what it means and what to try.
fn tell(
    case: &Case,
    rule: &'static Rule,
    severity: Severity,
    confidence: Confidence,
    says: [String; 3],
    evidence: Vec<Evidence>,
    reports: &mut Reports,
) {
    let [seen, means, attempt] = says;
    reports.tell(case, Told { rule, severity, confidence, about: String::new(), seen, means, attempt, evidence });
}
