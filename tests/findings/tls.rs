//! Certificates and clocks.

use super::story::{EVENTS, GET, Story, via};
use pushscope::session::Severity;
use pushscope::session::findings::Confidence;
use pushscope::wire::{Anchor, CertificateFacts, Failure, LinkId, ProxyRole, Stage, TlsFacts, What};

fn certificate(issuer: &str) -> CertificateFacts {
    CertificateFacts {
        subject: "CN=example.com".into(),
        issuer: issuer.into(),
        not_before: "2025-10-01T00:00:00Z".into(),
        not_after: "2025-11-20T23:00:00Z".into(),
        names: vec!["example.com".into()],
        serial: "01".into(),
        der_hex: String::new(),
    }
}

fn facts(issuer: &str, anchor: Option<Anchor>) -> TlsFacts {
    TlsFacts {
        version: "TLSv1.3".into(),
        cipher_suite: "TLS_AES_128_GCM_SHA256".into(),
        key_exchange: None,
        alpn: None,
        server_name: Some("example.com".into()),
        verified: true,
        would_fail: None,
        chain: vec![certificate(issuer)],
        anchor,
        took_ns: 1,
    }
}

fn secured(facts: TlsFacts, role: Option<ProxyRole>) -> Story {
    let mut story = Story::of("sse");
    story.open_to("example.com", 443, true, "request", role.and_then(via)).tell(What::Secured(facts));
    story
}

fn refused(text: &str, issuer: &str, role: Option<ProxyRole>) -> Story {
    let mut story = Story::of("sse");
    story.open_to("example.com", 443, true, "request", role.and_then(via));
    let text = format!("TLS with example.com:443: {text}");
    let chain = if issuer.is_empty() { Vec::new() } else { vec![certificate(issuer)] };
    story.tell(What::Failed(Failure { stage: Stage::Tls, text, hint: String::new(), took_ns: 1, chain }));
    story
}

const INSIDE: Option<ProxyRole> = Some(ProxyRole::Inside(LinkId(9)));

#[test]
fn tls_that_is_opened_on_the_way() {
    let machine = secured(facts("CN=Corp Root CA", Some(Anchor::Machine)), None).only("tls.intercepted");
    assert_eq!(machine.confidence, Confidence::Certain);
    assert!(machine.means.contains("CN=Corp Root CA"), "{}", machine.means);
    let given = secured(facts("CN=Own CA", Some(Anchor::Given)), INSIDE);
    assert_eq!(given.found()[0].confidence, Confidence::Possible);
    assert!(given.faults().is_empty(), "an authority of one's own behind an honest proxy looks the same");
    for issuer in ["O=mitmproxy, CN=mitmproxy", "O=Zscaler Inc.", "O=Fortinet", "CN=Kaspersky Anti-Virus Personal Root"]
    {
        let found = secured(facts(issuer, Some(Anchor::Given)), None).only("tls.intercepted");
        assert_eq!(found.confidence, Confidence::Likely, "{issuer}");
    }
    let unknown = "the certificate was issued by CN=x, whom this machine does not trust, or an intermediate is missing";
    assert_eq!(refused(unknown, "O=mitmproxy", None).only("tls.intercepted").confidence, Confidence::Likely);
    refused(unknown, "CN=x", INSIDE).only("tls.intercepted");
}

#[test]
fn tls_that_is_as_it_should_be() {
    assert!(secured(facts("CN=R11, O=Let's Encrypt", Some(Anchor::Public)), None).found().is_empty());
    assert!(secured(facts("CN=R11, O=Let's Encrypt", Some(Anchor::Public)), INSIDE).found().is_empty());
    assert!(secured(facts("CN=Own CA", Some(Anchor::Given)), None).found().is_empty());
    assert!(secured(facts("CN=Own CA", None), None).found().is_empty());
}

#[test]
fn certificates_that_are_refused() {
    let own = refused("the certificate is self-signed (CN=x) and nobody here trusts it", "CN=x", None);
    assert!(own.only("tls.issuer").seen.contains("self-signed"));
    let name = refused("the certificate is not for this name; it is for example.org", "CN=x", None);
    assert!(name.only("tls.name").seen.contains("example.com"));
    let early = refused("the certificate is not valid before 2025-12-01", "CN=x", None);
    early.only("tls.clock");
    // It ended five hours before the recording began.
    let expired = refused("the certificate expired on 2025-11-20T23:00:00Z", "CN=x", None);
    assert_eq!(expired.faults(), ["tls.expired", "tls.clock"]);
    let version = refused("the server refused with the alert ProtocolVersion", "", None);
    version.only("tls.version");
}

#[test]
fn a_certificate_that_is_not_checked_is_only_noted() {
    let story = secured(TlsFacts { verified: false, ..facts("CN=x", None) }, None);
    assert!(story.faults().is_empty());
    assert_eq!(story.found()[0].key, "tls.unverified");
    let why = Some("the certificate is not for this name; it is for other.example".to_owned());
    let other = secured(TlsFacts { verified: false, would_fail: why, ..facts("CN=x", None) }, None);
    assert_eq!(other.only("tls.name").severity, Severity::Warning);
}

#[test]
fn clocks_that_differ() {
    let dated = |date: &str, head: &str| {
        let mut story = secured(facts("CN=R11", Some(Anchor::Public)), None);
        story.out(GET).inward(head.replace("\r\n\r\n", &format!("\r\nDate: {date}\r\n\r\n")));
        story
    };
    // The recording began at 04:00:00.
    assert!(dated("Fri, 21 Nov 2025 04:04:00 GMT", EVENTS).found().is_empty());
    assert!(dated("Fri, 21 Nov 2025 04:06:00 GMT", EVENTS).only("tls.clock").seen.contains("6 min 00 s ahead"));
    assert!(dated("Fri, 21 Nov 2025 03:50:00 GMT", EVENTS).only("tls.clock").seen.contains("behind"));
    let cached = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n";
    assert!(dated("Fri, 21 Nov 2025 03:50:00 GMT", cached).found().is_empty());
    assert!(dated("soon", EVENTS).found().is_empty());
}
