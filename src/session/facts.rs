//! Facts as records: what DNS, TCP, TLS and Pushscope itself did, in fields and in one line.

use crate::dissect::{Explained, Field, FieldDef, Flags, Kind, Layer, Payload, Record, Severity, Value};
use crate::wire::{Act, Anchor, Buf, CertificateFacts, Dir, Event, LinkId, ProxyRole, Span, Via, What};
use std::borrow::Cow;

macro_rules! fields {
    ($($name:ident = $key:literal, $label:literal, $help:literal, $spec:literal;)*) => {
        $(static $name: FieldDef =
            FieldDef { key: $key, label: $label, help: $help, spec: $spec, payload: Payload::No };)*
        /// Every field of facts.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    HOST = "link.host", "host", "The host that the address names", "RFC 3986 §3.2.2";
    PORT = "link.port", "port", "The TCP port that is dialled", "RFC 3986 §3.2.3";
    PURPOSE = "link.purpose", "purpose", "Why this link was opened", "";
    ADDRESS = "dns.address", "address", "An address of the host, in the order in which they are tried", "RFC 6724";
    TOOK = "took", "took", "How long this stage took", "";
    REMOTE = "tcp.remote", "remote address", "The address and port that accepted the connection", "RFC 9293 §3.5";
    LOCAL = "tcp.local", "local address", "Our own end of the connection", "RFC 9293 §3.5";
    TRIED = "tcp.tried", "tried before", "An address that was tried first, and how it failed", "RFC 8305";
    VERSION = "tls.version", "version", "The TLS version that both sides agreed on", "RFC 8446 §4.2.1";
    CIPHER = "tls.cipher", "cipher suite", "How the bytes are encrypted and authenticated", "RFC 8446 §B.4";
    GROUP = "tls.group", "key exchange", "How the keys were agreed on", "RFC 8446 §4.2.7";
    ALPN = "tls.alpn", "ALPN", "The application protocol that was agreed on within the handshake", "RFC 7301";
    SNI = "tls.server_name", "server name", "The name that was sent so that the server could choose a certificate", "RFC 6066 §3";
    VERIFIED = "tls.verified", "verified", "Whether the certificate chain was checked against the trust store", "RFC 5280 §6";
    CERTIFICATE = "tls.certificate", "certificate", "A certificate of the chain, the server's own first", "RFC 5280 §4.1";
    SUBJECT = "tls.subject", "subject", "Whom the certificate is for", "RFC 5280 §4.1.2.6";
    ISSUER = "tls.issuer", "issuer", "Who signed the certificate", "RFC 5280 §4.1.2.4";
    NOT_BEFORE = "tls.not_before", "valid from", "The certificate does not count before this time", "RFC 5280 §4.1.2.5";
    NOT_AFTER = "tls.not_after", "valid until", "The certificate does not count after this time", "RFC 5280 §4.1.2.5";
    NAME = "tls.name", "name", "A name that the certificate is good for", "RFC 5280 §4.2.1.6";
    SERIAL = "tls.serial", "serial number", "The issuer's number of this certificate", "RFC 5280 §4.1.2.2";
    ANCHOR = "tls.anchor", "vouched for by", "Whose root certificate the chain leads to: the public set's, this machine's own, or the given file's", "RFC 5280 §6.1";
    DER = "tls.der", "DER", "The whole certificate, in hexadecimal", "X.690 §10";
    PROXY = "proxy.address", "proxy", "The proxy that is used", "RFC 9110 §3.7";
    PROXY_ROLE = "proxy.role", "part of this link", "What this link is for where a proxy is used", "RFC 9112 §3.2";
    PROXY_SOURCE = "proxy.source", "proxy named by", "Who named the proxy: the user, the environment, or the system's settings", "";
    PROXY_TARGET = "proxy.target", "to be reached", "What the proxy is to reach", "RFC 9112 §3.2.3";
    PROXY_PROTOCOL = "proxy.protocol", "asked by", "How the proxy was asked for a way through", "RFC 9110 §9.3.6, RFC 1928";
    PROXY_LINK = "proxy.link", "asked on link", "The link on which the proxy was asked; it carries this one", "";
    LOGIN_WHO = "login.who", "who asks", "The proxy or server that asks who we are", "RFC 9110 §11";
    LOGIN_SCHEME = "login.scheme", "scheme", "An authentication scheme that is offered", "RFC 9110 §11.1";
    LOGIN_REALM = "login.realm", "realm", "What the credentials are for, in the words of who asks", "RFC 9110 §11.5";
    LOGIN_REFUSED = "login.refused", "given and refused", "Whether credentials were sent and not accepted", "RFC 9110 §15.5";
    STALLED = "stall.for", "stalled for", "How long the socket was left unread because the recording could not keep up", "";
    WAITING = "stall.waiting", "waiting bytes", "How many bytes were waiting to be recorded or shown", "";
    STAGE = "failed.stage", "stage", "Where it failed", "";
    WHAT = "failed.text", "what happened", "What was done, to what, and what came back", "";
    HINT = "failed.hint", "what would help", "What to try", "";
    BY = "closed.by", "closed by", "The side that closed first", "RFC 9293 §3.6";
    SAID = "client.text", "Pushscope", "What Pushscope itself decided or noticed", "";
}

/// How bad a fact is.
pub fn severity(what: &What) -> Severity {
    match what {
        What::Failed(_) => Severity::Error,
        What::Stalled(_) => Severity::Warning,
        What::Challenged(challenge) if challenge.refused || !challenge.can_be_answered => Severity::Error,
        What::Challenged(_) => Severity::Warning,
        What::Secured(tls) if !tls.verified => Severity::Warning,
        What::Client(act) => match act.act {
            Act::GaveUp => Severity::Error,
            Act::Noticed | Act::NotSent => Severity::Warning,
            Act::Picked | Act::Waiting | Act::Done => Severity::None,
        },
        _ => Severity::None,
    }
}

/// A record that stands for nothing, for numbers out of range.
pub fn nothing() -> Record {
    Record {
        start: 0,
        len: 0,
        payload_len: 0,
        link: LinkId(0),
        detail: 0,
        kind: Kind::Gap,
        dir: Dir::In,
        worst: Severity::None,
        flags: Flags::default(),
    }
}

/// The fields of a fact. They have no bits: facts are not on the wire.
pub fn explain(record: Record, event: &Event) -> Explained {
    let mut fields = Fields { record, list: Vec::new() };
    match &event.what {
        What::Opening(opening) => {
            fields.says(&HOST, &opening.host);
            fields.says(&PORT, opening.port);
            fields.says(&PURPOSE, &opening.purpose);
            if let Some(via) = &opening.via {
                fields.says(&PROXY, &via.proxy);
                fields.says(&PROXY_ROLE, role(via));
                fields.says(&PROXY_SOURCE, &via.source);
                fields.says(&PROXY_TARGET, &via.target);
            }
        }
        What::Resolved(resolved) => {
            fields.says(&HOST, &resolved.host);
            for address in &resolved.addresses {
                fields.says(&ADDRESS, address);
            }
            fields.says(&TOOK, duration(resolved.took_ns));
        }
        What::Connected(connected) => {
            fields.says(&REMOTE, connected.remote);
            fields.says(&LOCAL, connected.local);
            for (address, why) in &connected.failed {
                fields.says(&TRIED, format!("{address}: {why}"));
            }
            fields.says(&TOOK, duration(connected.took_ns));
        }
        What::Secured(tls) => {
            fields.says(&VERSION, &tls.version);
            fields.says(&CIPHER, &tls.cipher_suite);
            fields.maybe(&GROUP, &tls.key_exchange);
            fields.maybe(&ALPN, &tls.alpn);
            fields.maybe(&SNI, &tls.server_name);
            fields.says(
                &VERIFIED,
                match (&tls.verified, &tls.would_fail) {
                    (true, _) => "yes, against the trust store".to_owned(),
                    (false, Some(why)) => format!("no, it was turned off; it would have failed: {why}"),
                    (false, None) => "no, it was turned off; it would have passed".to_owned(),
                },
            );
            if let Some(anchor) = tls.anchor {
                fields.says(&ANCHOR, vouched(anchor));
            }
            fields.chain(&tls.chain);
            fields.says(&TOOK, duration(tls.took_ns));
        }
        What::Stalled(stalled) => {
            fields.says(&STALLED, duration(stalled.for_ns));
            fields.says(&WAITING, stalled.waiting_bytes);
        }
        What::Failed(failure) => {
            fields.says(&STAGE, failure.stage.label());
            fields.says(&WHAT, &failure.text);
            if !failure.hint.is_empty() {
                fields.says(&HINT, &failure.hint);
            }
            fields.chain(&failure.chain);
            fields.says(&TOOK, duration(failure.took_ns));
        }
        What::Closed(closed) => {
            fields.says(&BY, if closed.by == Dir::Out { "us" } else { "the server" });
            fields.says(&SAID, &closed.text);
        }
        What::Client(act) => fields.says(&SAID, &act.text),
        What::Tunnelled(tunnelled) => {
            fields.says(&PROXY, &tunnelled.proxy);
            fields.says(&PROXY_PROTOCOL, &tunnelled.protocol);
            fields.says(&PROXY_TARGET, &tunnelled.target);
            fields.says(&PROXY_LINK, tunnelled.over.0);
            fields.says(&TOOK, duration(tunnelled.took_ns));
        }
        What::Challenged(challenge) => {
            fields.says(&LOGIN_WHO, &challenge.who);
            for scheme in &challenge.schemes {
                fields.says(&LOGIN_SCHEME, scheme);
            }
            if !challenge.realm.is_empty() {
                fields.says(&LOGIN_REALM, &challenge.realm);
            }
            fields.says(&LOGIN_REFUSED, if challenge.refused { "yes" } else { "no" });
        }
        What::Bytes(..) | What::Ended(_) | What::Progress(_) => {}
    }
    Explained { fields: fields.list, ..Explained::bare(record) }
}

struct Fields {
    record: Record,
    list: Vec<Field>,
}

impl Fields {
    fn says(&mut self, def: &'static FieldDef, value: impl ToString) {
        self.push(def, value.to_string(), 0);
    }

    fn maybe(&mut self, def: &'static FieldDef, value: &Option<String>) {
        if let Some(value) = value {
            self.says(def, value);
        }
    }

    /// A chain of certificates, the server's own first, each with what is in it one deeper.
    fn chain(&mut self, chain: &[CertificateFacts]) {
        for certificate in chain {
            self.push(&CERTIFICATE, certificate.subject.clone(), 0);
            self.push(&SUBJECT, certificate.subject.clone(), 1);
            self.push(&ISSUER, certificate.issuer.clone(), 1);
            self.push(&NOT_BEFORE, certificate.not_before.clone(), 1);
            self.push(&NOT_AFTER, certificate.not_after.clone(), 1);
            for name in &certificate.names {
                self.push(&NAME, name.clone(), 1);
            }
            self.push(&SERIAL, certificate.serial.clone(), 1);
            self.push(&DER, certificate.der_hex.clone(), 1);
        }
    }

    fn push(&mut self, def: &'static FieldDef, value: String, depth: u8) {
        let span = Span { buf: Buf::Wire(self.record.link, self.record.dir), bit: 0, bits: 0 };
        self.list.push(Field { def, span, layer: Layer::Wire, value: Value::Says(Cow::Owned(value)), depth });
    }
}

fn role(via: &Via) -> String {
    match via.role {
        ProxyRole::Forward => "requests go to the proxy, which makes them for us".to_owned(),
        ProxyRole::Tunnel => "asks the proxy for a way through".to_owned(),
        ProxyRole::Inside(link) => format!("goes the way that link {} opened", link.0),
    }
}

fn vouched(anchor: Anchor) -> &'static str {
    match anchor {
        Anchor::Public => "a public certificate authority",
        Anchor::Machine => "a certificate authority that this machine trusts and the public set does not have",
        Anchor::Given => "the certificate file that was given",
        Anchor::Nobody => "nobody who is trusted here",
    }
}

/// A fact in one line.
pub fn summary(what: &What) -> String {
    match what {
        What::Opening(o) => {
            let scheme = if o.tls { "TLS" } else { "plain TCP" };
            let host = if o.host.contains(':') { format!("[{}]", o.host) } else { o.host.clone() };
            let via = match &o.via {
                Some(Via { role: ProxyRole::Forward, target, .. }) => format!(", the proxy for {target}"),
                Some(Via { role: ProxyRole::Tunnel, target, .. }) => format!(", the proxy, for a way to {target}"),
                Some(Via { role: ProxyRole::Inside(link), .. }) => format!(", through link {}", link.0),
                None => String::new(),
            };
            format!("{}: {host}:{} over {scheme}{via}", o.purpose, o.port)
        }
        What::Resolved(resolved) => {
            let addresses: Vec<String> = resolved.addresses.iter().map(|a| a.to_string()).collect();
            format!("{} is {} ({})", resolved.host, addresses.join(", "), duration(resolved.took_ns))
        }
        What::Connected(connected) => {
            let failed = match connected.failed.len() {
                0 => String::new(),
                n => format!(", after {n} failed"),
            };
            format!("{} from {} ({}{failed})", connected.remote, connected.local, duration(connected.took_ns))
        }
        What::Secured(tls) => {
            let who = tls.chain.first().map_or("no certificate", |certificate| &certificate.subject);
            let verified = if tls.verified { "" } else { " NOT VERIFIED" };
            format!("{} {} · {who}{verified} ({})", tls.version, tls.cipher_suite, duration(tls.took_ns))
        }
        What::Stalled(stalled) => {
            format!("left the socket unread for {}, {} bytes waiting", duration(stalled.for_ns), stalled.waiting_bytes)
        }
        What::Failed(failure) => failure.to_string(),
        What::Closed(closed) => {
            format!("by {}: {}", if closed.by == Dir::Out { "us" } else { "the server" }, closed.text)
        }
        What::Client(act) => act.text.clone(),
        What::Tunnelled(t) => {
            format!("{} to {} through {} ({})", t.protocol, t.target, t.proxy, duration(t.took_ns))
        }
        What::Challenged(challenge) => {
            let whose = if challenge.by_proxy { "the proxy" } else { "the server" };
            let refused = if challenge.refused { ", and refused what it was told" } else { "" };
            let realm =
                if challenge.realm.is_empty() { String::new() } else { format!(" for “{}”", challenge.realm) };
            format!("{whose} {} asks who we are{realm}, by {}{refused}", challenge.who, challenge.schemes.join(" or "))
        }
        What::Bytes(..) | What::Ended(_) | What::Progress(_) => String::new(),
    }
}

/// A duration for people: three digits and a unit.
pub fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        // 999.5 µs and more would be written as 1000.
        1_000..999_500 => three(ns as f64 / 1e3, "µs"),
        999_500..999_500_000 => three(ns as f64 / 1e6, "ms"),
        999_500_000..60_000_000_000 => three(ns as f64 / 1e9, "s"),
        _ => {
            let seconds = ns / 1_000_000_000;
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            if hours > 0 { format!("{hours} h {minutes:02} min") } else { format!("{minutes} min {seconds:02} s") }
        }
    }
}

fn three(value: f64, unit: &str) -> String {
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}
