//! TLS: who vouches for the chain, why it was refused, and clocks that do not fit.

use super::head::Head;
use super::rules::{
    CLOCK_SKEW, TLS_CLOCK, TLS_EXPIRED, TLS_INTERCEPTED, TLS_ISSUER, TLS_NAME, TLS_PLAIN, TLS_UNVERIFIED, TLS_VERSION,
};
use super::{Confidence, Eye, Look, Rule, Said, sentence};
use crate::wire::{Anchor, CertificateFacts, Failure, ProxyRole, Stage, TlsFacts, Via};

/// Names of products and words that stand in the issuers of boxes that open TLS.
const INTERCEPTORS: [&str; 22] = [
    "mitmproxy",
    "zscaler",
    "fortinet",
    "fortigate",
    "blue coat",
    "bluecoat",
    "netskope",
    "sophos",
    "palo alto",
    "umbrella",
    "kaspersky",
    "avast",
    "bitdefender",
    "eset",
    "checkpoint",
    "check point",
    "watchguard",
    "interception",
    "inspection",
    "squid",
    "burp",
    "charles proxy",
];

/// A clock that is off by more is worth saying, in seconds.
const SKEW_S: i64 = 300;

/// A handshake that went well.
pub(super) fn secured(look: &mut Look<'_>, eye: &Eye, facts: &TlsFacts) {
    let issuer = facts.chain.first().map_or("", |leaf| leaf.issuer.as_str());
    match facts.anchor {
        Some(Anchor::Machine) => intercepted(
            look,
            eye,
            issuer,
            Confidence::Certain,
            "this machine trusts its root, which is in no public set",
        ),
        Some(Anchor::Given) if is_interceptor(&facts.chain) => {
            intercepted(look, eye, issuer, Confidence::Likely, "the given certificate file vouches for it");
        }
        Some(Anchor::Given) if is_through(eye) => {
            intercepted(
                look,
                eye,
                issuer,
                Confidence::Possible,
                "the given certificate file vouches for it, and the way goes through a proxy",
            );
        }
        Some(Anchor::Nobody) if is_interceptor(&facts.chain) => {
            intercepted(
                look,
                eye,
                issuer,
                Confidence::Likely,
                "nobody here vouches for it, and verification was turned off",
            );
        }
        _ => {}
    }
    if !facts.verified {
        let why = facts.would_fail.as_deref().unwrap_or("it would have passed");
        let seen = format!("The certificate of {} was accepted unseen, as the options say ({why}).", eye.to);
        let means = "Whoever is in between can read and change everything.".to_owned();
        let attempt = "Give the issuing authority's certificate as a file instead.".to_owned();
        let evidence = vec![look.here("TLS, not verified")];
        look.found(&TLS_UNVERIFIED, Said { confidence: Confidence::Certain, seen, means, attempt, evidence });
    }
}

fn is_through(eye: &Eye) -> bool {
    matches!(&eye.via, Some(Via { role: ProxyRole::Inside(_), .. }))
}

fn is_interceptor(chain: &[CertificateFacts]) -> bool {
    chain.iter().any(|certificate| {
        let issuer = certificate.issuer.to_lowercase();
        INTERCEPTORS.iter().any(|name| issuer.contains(name))
    })
}

fn intercepted(look: &mut Look<'_>, eye: &Eye, issuer: &str, confidence: Confidence, why: &str) {
    let seen = format!(
        "TLS is opened and re-encrypted by «{issuer}»: that is who signed the certificate for {}, and {why}.",
        eye.to
    );
    let means = "A proxy or security product ends TLS, reads, and encrypts again with a certificate of its own making. Whatever it does to HTTP and WebSocket happens inside https and wss as well; clients that do not trust its root fail.";
    let attempt = "Ask the network's owner to leave this host out of TLS inspection. Give its root certificate to programs that do not use this machine's trust store (Node: NODE_EXTRA_CA_CERTS, Java: the keystore, Python: REQUESTS_CA_BUNDLE). If it is your own authority on purpose, nothing.";
    let evidence = vec![look.here(format!("issued by {issuer}"))];
    look.found(
        &TLS_INTERCEPTED,
        Said { confidence, seen, means: means.to_owned(), attempt: attempt.to_owned(), evidence },
    );
}

/// A handshake that failed.
pub(super) fn failed(look: &mut Look<'_>, eye: &Eye, failure: &Failure) {
    if failure.stage != Stage::Tls {
        return;
    }
    let text = &failure.text;
    let issuer = failure.chain.first().map_or("", |leaf| leaf.issuer.as_str());
    let is_unknown = text.contains("whom this machine does not trust")
        || text.contains("self-signed")
        || text.contains("authority itself");
    if is_unknown && (is_interceptor(&failure.chain) || is_through(eye)) {
        let confidence = if is_interceptor(&failure.chain) { Confidence::Likely } else { Confidence::Possible };
        intercepted(look, eye, issuer, confidence, "nobody here vouches for it");
    }
    let now = now(look);
    let leaf = failure.chain.first();
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    let expired_s = leaf.and_then(|leaf| Some(now? - time(&leaf.not_after)?));
    let rule: &'static Rule = match () {
        () if text.contains("not valid before") => &TLS_CLOCK,
        () if text.contains("expired") && expired_s.is_some_and(|s| s < 86_400) => &TLS_CLOCK,
        () if text.contains("expired") => &TLS_EXPIRED,
        () if text.contains("not for this name") => &TLS_NAME,
        () if is_unknown => &TLS_ISSUER,
        () if text.contains("version or cipher")
            || text.contains("HandshakeFailure")
            || text.contains("ProtocolVersion")
            || text.contains("ALPN") =>
        {
            &TLS_VERSION
        }
        () if text.contains("plain HTTP") || text.contains("is not TLS") => &TLS_PLAIN,
        () => return,
    };
    let means = match rule.key {
        "tls.clock" => {
            "The certificate's time and this machine's clock do not fit: the clock is wrong, or the certificate is just new or just over."
        }
        "tls.expired" => "Nobody renewed the certificate; every client that verifies refuses it.",
        "tls.name" => {
            "The server has a certificate, but not for this name: the wrong host answers, or the name is missing from the certificate."
        }
        "tls.issuer" => {
            "The chain leads to a root that is not trusted here, or the server leaves the intermediate certificate out (browsers fetch it, other clients do not)."
        }
        "tls.version" => "The two have nothing in common: the server is too old, or one side is set up too narrowly.",
        _ => "The port answers without TLS: the address says https or wss and should not, or the port is another one.",
    };
    let seen = sentence(text);
    let attempt = match (rule.key, failure.hint.is_empty()) {
        ("tls.clock", _) => "Set this machine's clock (NTP), then try again.".to_owned(),
        (_, false) => sentence(&failure.hint),
        (_, true) => "See the server's configuration.".to_owned(),
    };
    let evidence =
        vec![look.here(if issuer.is_empty() { "the handshake".to_owned() } else { format!("issued by {issuer}") })];
    look.found(rule, Said { confidence: Confidence::Certain, seen, means: means.to_owned(), attempt, evidence });
}

/// This machine's time at the record, in seconds since 1970, where it is known.
fn now(look: &Look<'_>) -> Option<i64> {
    let started = look.session.started_unix_ns;
    (started > 0).then(|| (started + look.at_ns() as i64) / 1_000_000_000)
}

/// The time that an answer says it is.
pub(super) fn date(look: &mut Look<'_>, answer: &Head) {
    let (Some(now), Some(date)) = (now(look), answer.field("date")) else { return };
    // What comes out of a cache is old and says so.
    if answer.field("age").is_some() {
        return;
    }
    let Ok(said) = jiff::fmt::rfc2822::parse(date) else { return };
    let off = said.timestamp().as_second() - now;
    if off.abs() < SKEW_S {
        return;
    }
    let way = if off > 0 { "ahead of" } else { "behind" };
    let seen = format!("The answer's Date header is {} min {way} this machine's clock.", off.abs() / 60);
    let means = "One of the two clocks is wrong. Certificates, tokens with a time (JWT), signed addresses and caches then fail in ways that look like something else.".to_owned();
    let attempt =
        "Set both by NTP. If the answer is an old one from a cache, it should carry an Age header.".to_owned();
    let evidence = vec![answer.evidence("date")];
    look.found(&CLOCK_SKEW, Said { confidence: Confidence::Likely, seen, means, attempt, evidence });
}
