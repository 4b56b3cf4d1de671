//! Facts as records: what DNS, TCP, TLS and Pushscope itself did, in fields and in one line.

use crate::dissect::{Explained, Field, FieldDef, Flags, Kind, Layer, Payload, Record, Severity, Value};
use crate::wire::{Act, Buf, Dir, Event, LinkId, Span, What};
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
            for certificate in &tls.chain {
                fields.push(&CERTIFICATE, certificate.subject.clone(), 0);
                fields.push(&SUBJECT, certificate.subject.clone(), 1);
                fields.push(&ISSUER, certificate.issuer.clone(), 1);
                fields.push(&NOT_BEFORE, certificate.not_before.clone(), 1);
                fields.push(&NOT_AFTER, certificate.not_after.clone(), 1);
                for name in &certificate.names {
                    fields.push(&NAME, name.clone(), 1);
                }
                fields.push(&SERIAL, certificate.serial.clone(), 1);
            }
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
            fields.says(&TOOK, duration(failure.took_ns));
        }
        What::Closed(closed) => {
            fields.says(&BY, if closed.by == Dir::Out { "us" } else { "the server" });
            fields.says(&SAID, &closed.text);
        }
        What::Client(act) => fields.says(&SAID, &act.text),
        What::Bytes(..) | What::Ended(_) => {}
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

    fn push(&mut self, def: &'static FieldDef, value: String, depth: u8) {
        let span = Span { buf: Buf::Wire(self.record.link, self.record.dir), bit: 0, bits: 0 };
        self.list.push(Field { def, span, layer: Layer::Wire, value: Value::Says(Cow::Owned(value)), depth });
    }
}

/// A fact in one line.
pub fn summary(what: &What) -> String {
    match what {
        What::Opening(o) => {
            let scheme = if o.tls { "TLS" } else { "plain TCP" };
            let host = if o.host.contains(':') { format!("[{}]", o.host) } else { o.host.clone() };
            format!("{}: {host}:{} over {scheme}", o.purpose, o.port)
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
        What::Bytes(..) | What::Ended(_) => String::new(),
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
