//! Proxies: refusals of a way through, answers that are not the server's, and pages in the place of streams.

use super::head::Head;
use super::product;
use super::reports::{Reports, Told};
use super::rules::{ANSWERED, BLOCK_PAGE, CONNECT_REFUSED};
use super::seen::{Case, Seen, Talk};
use super::text::{quoted, this, without_query};
use super::{Confidence, Evidence};
use crate::dissect::Severity;
use crate::wire::{Dir, Failure};

/// Bytes of a page that are searched for words.
const PAGE_BYTES: usize = 8 * 1024;

/// Words of pages that say that something is forbidden, or that somebody has to sign in.
const WORDS: &[&str] = &[
    "access denied",
    "access to this",
    "blocked",
    "blocks this",
    "content filter",
    "web filter",
    "webfilter",
    "url category",
    "category:",
    "not permitted",
    "acceptable use",
    "security policy",
    "your organi",
    "your administrator",
    "captive",
    "hotspot",
    "proxy",
    "firewall",
];

/// Words in the address of a redirection that lead to such a page.
const ADDRESS_WORDS: &[&str] = &[
    "block", "deny", "denied", "portal", "captive", "login", "auth", "filter", "policy", "proxy", "gateway", "hotspot",
];

/// A proxy answered CONNECT (RFC 9110 §9.3.6).
pub(super) fn connect_answered(case: &Case, seen: &mut Seen, request: &Head, answer: &Head, reports: &mut Reports) {
    let status = answer.status;
    if matches!(status, 200..=299 | 407) {
        return;
    }
    seen.said_proxy = true;
    let proxy = seen.proxy().map_or_else(|| seen.dialled(), |via| via.proxy.clone());
    let target = request.target.clone();
    let port = target.rsplit_once(':').map_or("", |(_, port)| port);
    let (means, attempt) = match status {
        403 | 405 if port != "443" => (
            format!(
                "The proxy's rules forbid CONNECT to port {port}. Many proxies allow CONNECT to port 443 only, and \
                 every WebSocket through a proxy needs CONNECT."
            ),
            format!(
                "Offer the service on port 443 (wss:// or https://), or have whoever runs the proxy {proxy} allow \
                 CONNECT to {target}."
            ),
        ),
        401 | 403 | 405 => (
            format!("The proxy's rules forbid {target}, although CONNECT to port 443 is what proxies usually allow."),
            format!("Have whoever runs the proxy {proxy} allow CONNECT to {target}."),
        ),
        502..=504 => (
            format!(
                "The proxy tried to reach {target} for us and could not: the name may not resolve there, a firewall \
                 may keep the proxy from it, or the server is down."
            ),
            format!("Try from the proxy's own network whether {target} answers, and see the log of the proxy {proxy}."),
        ),
        _ => (
            format!("The proxy did not open a way to {target}."),
            format!("See the log of the proxy {proxy} for CONNECT {target}; is this the address of a proxy at all?"),
        ),
    };
    let seen_text = format!("The proxy {proxy} answered CONNECT {target} with status {status}.");
    let mut evidence = vec![answer.first_line(), request.first_line()];
    evidence.extend(answer.value("x-squid-error").map(|_| answer.evidence("X-Squid-Error")));
    reports.tell(
        case,
        Told {
            rule: &CONNECT_REFUSED,
            severity: Severity::Error,
            confidence: Confidence::Certain,
            about: format!("{proxy} {target} {status}"),
            seen: seen_text,
            means,
            attempt,
            evidence,
        },
    );
}

/// Asking a proxy failed otherwise: SOCKS said no, or what came is no answer.
pub(super) fn way_failed(case: &Case, seen: &Seen, failure: &Failure, reports: &mut Reports) {
    if seen.said_proxy {
        return;
    }
    let proxy = seen.via.as_ref().map_or_else(|| seen.dialled(), |via| via.proxy.clone());
    let target = seen.server();
    let attempt = match failure.hint.as_str() {
        "" => format!("See the log of the proxy {proxy}, and have whoever runs it allow {target}."),
        hint => format!("Ask whoever runs the proxy {proxy}: {hint}."),
    };
    reports.tell(
        case,
        Told {
            rule: &CONNECT_REFUSED,
            severity: Severity::Error,
            confidence: Confidence::Likely,
            about: format!("{proxy} {target}"),
            seen: format!("Asking the proxy {proxy} for a way to {target} failed: {}.", failure.text),
            means: format!("Without that way nothing reaches {target}; the server itself was not asked."),
            attempt,
            evidence: vec![this(case, failure.text.clone())],
        },
    );
}

/// An answer to a request, which may be a proxy's own.
pub(super) fn answered(case: &Case, seen: &Seen, answer: &Head, reports: &mut Reports) {
    let status = answer.status;
    if status == 407 {
        return;
    }
    let Some(who) = product::answerer(answer) else { return };
    let server = seen.server();
    let means = match status {
        502..=504 | 520..=530 => format!(
            "{} stands between us and the server, and could not get an answer from it: the server is down, too slow, \
             or cannot be reached from there.",
            capital(&who.name)
        ),
        _ => format!(
            "{} stands between us and the server and answered itself; {server} may not know of it.",
            capital(&who.name)
        ),
    };
    let confidence = match (who.is_own, who.header) {
        (true, _) => Confidence::Certain,
        (_, "Via") => Confidence::Possible,
        _ => Confidence::Likely,
    };
    reports.tell(
        case,
        Told {
            rule: &ANSWERED,
            severity: Severity::Error,
            confidence,
            about: format!("{} {status}", who.name),
            seen: format!(
                "The answer for {server} has status {status} and names {} in its {} header.",
                who.name, who.header
            ),
            means,
            attempt: format!(
                "Ask whoever runs {} what its log says about {server} at this time, and try once without it.",
                who.name
            ),
            evidence: vec![answer.evidence(who.header), answer.first_line()],
        },
    );
}

/// A name at the beginning of a sentence.
fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// An answer where a stream was asked for: may a page follow, or are we sent elsewhere?
pub(super) fn page_begins(case: &Case, seen: &mut Seen, talk: &mut Talk, answer: &Head, reports: &mut Reports) {
    if talk.redirected && (answer.status == 101 || answer.media_type() == "text/event-stream") {
        talk.redirected = false;
        reports.take_back(seen.connection, &BLOCK_PAGE, "redirected");
    }
    if !seen.is_for_stream(talk) {
        return;
    }
    match answer.status {
        301 | 302 | 303 | 307 | 308 => redirected(case, seen, talk, answer, reports),
        511 => page(case, seen, Confidence::Certain, answer.first_line(), reports),
        200 | 403 if answer.media_type() == "text/html" => seen.page = true,
        _ => {}
    }
}

fn redirected(case: &Case, seen: &Seen, talk: &mut Talk, answer: &Head, reports: &mut Reports) {
    let Some(location) = answer.value("location").map(without_query) else { return };
    let Some((_, rest)) = location.split_once("://") else { return };
    let authority = rest.split('/').next().unwrap_or_default();
    let to = authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_ascii_lowercase();
    let server = seen.server();
    let from = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host).to_ascii_lowercase();
    if to.is_empty() || site(&to) == site(&from) {
        return;
    }
    let lower = location.to_ascii_lowercase();
    let is_told = ADDRESS_WORDS.iter().any(|word| lower.contains(word));
    talk.redirected = true;
    reports.tell(
        case,
        Told {
            rule: &BLOCK_PAGE,
            severity: Severity::Error,
            confidence: if is_told { Confidence::Likely } else { Confidence::Possible },
            about: "redirected".to_owned(),
            seen: format!("{} answered with status {} and sends us to {location}.", seen.whom(), answer.status),
            means: format!(
                "A filter, a hotspot or a login page stepped in: {to} is not {from}, and a stream was asked for."
            ),
            attempt: format!(
                "Open http://{from}/ in a browser on the same network and see what comes; if it is a page of your \
                 organisation or of the hotspot, have {from} allowed there. If the server moved, use the new address."
            ),
            evidence: vec![answer.evidence("Location"), answer.first_line()],
        },
    );
}

/// The last two labels of a name, or the whole of an address.
fn site(host: &str) -> &str {
    let is_address = host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[');
    match host.rmatch_indices('.').nth(1) {
        Some((at, _)) if !is_address => &host[at + 1..],
        _ => host,
    }
}

/// The page that began has ended: its words tell what it is.
pub(super) fn page_ended(case: &Case, seen: &mut Seen, talk: &Talk, reports: &mut Reports) {
    if !std::mem::take(&mut seen.page) {
        return;
    }
    let record = &case.record;
    let len = record.len.min(PAGE_BYTES as u64) as usize;
    let bytes = case.session.wire(record.link, Dir::In, record.start, len);
    let page_text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let word = WORDS.iter().find(|word| page_text.contains(*word));
    let Some(answer) = &seen.answer else { return };
    let has_proxy = seen.via.is_some() || answer.value("via").is_some();
    let is_plain = word.is_none() && !has_proxy;
    // The server's own page: what it is instead of is said elsewhere, where a label or an upgrade is missed.
    if is_plain && !(answer.status == 200 && seen.is_for_events(talk)) {
        return;
    }
    let evidence = match word {
        Some(word) => this(case, format!("the page says {}", quoted(word))),
        None => answer.evidence("Content-Type"),
    };
    page(case, seen, if is_plain { Confidence::Possible } else { Confidence::Likely }, evidence, reports);
}

fn page(case: &Case, seen: &Seen, confidence: Confidence, evidence: Evidence, reports: &mut Reports) {
    let Some(answer) = &seen.answer else { return };
    let whom = seen.whom();
    let server = seen.server();
    let wanted = if seen.is_upgrade() { "a WebSocket" } else { "an event stream" };
    let via = answer.value("via").map(|via| format!(", by way of {}", quoted(via))).unwrap_or_default();
    let means = match answer.status {
        511 => "The network wants somebody to sign in first (status 511 is made for that, RFC 6585 §6).".to_owned(),
        _ if confidence == Confidence::Possible => {
            "Either the address is that of a page, or something on the way puts a page in the place of the stream."
                .to_owned()
        }
        _ => "A filter or proxy on the way most likely puts this page in the place of the server's answer.".to_owned(),
    };
    let mut all = vec![evidence];
    for name in ["Content-Type", "Via"] {
        if answer.value(name).is_some() && !all[0].says.starts_with(name) {
            all.push(answer.evidence(name));
        }
    }
    reports.tell(
        case,
        Told {
            rule: &BLOCK_PAGE,
            severity: Severity::Error,
            confidence,
            about: "page".to_owned(),
            seen: format!(
                "{whom} was asked for {wanted} and answered with status {} and a page ({}){via}.",
                answer.status,
                answer.value("content-type").unwrap_or("without Content-Type")
            ),
            means,
            attempt: format!(
                "Read the page in the recording: it often names who blocks and why. Have {server} allowed there, and \
                 try https or wss, which a filter cannot answer unnoticed."
            ),
            evidence: all,
        },
    );
}
