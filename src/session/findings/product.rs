//! Proxies, gateways and filters, known by what they write into headers and certificates.

use super::head::Head;

/// Programs that write their name into `Server` only where they answer themselves.
const SELF_NAMED: &[(&str, &str)] = &[
    ("squid", "Squid"),
    ("zscaler", "Zscaler"),
    ("bluecoat", "Blue Coat (Symantec) ProxySG"),
    ("blue coat", "Blue Coat (Symantec) ProxySG"),
    ("mitmproxy", "mitmproxy"),
    ("fortiproxy", "Fortinet FortiProxy"),
    ("fortigate", "Fortinet FortiGate"),
    ("mcafee web gateway", "McAfee Web Gateway"),
    ("netskope", "Netskope"),
    ("sophos", "Sophos"),
    ("privoxy", "Privoxy"),
    ("tinyproxy", "tinyproxy"),
];

/// Gateways that stand before servers: with these statuses they speak for themselves.
const GATEWAYS: &[(&str, &str, &[u16])] = &[
    ("nginx", "nginx", &[502, 504]),
    ("openresty", "nginx (OpenResty)", &[502, 504]),
    ("cloudflare", "Cloudflare", &[502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]),
    ("cloudfront", "Amazon CloudFront", &[502, 504]),
    ("awselb", "the AWS load balancer", &[502, 503, 504]),
    ("envoy", "Envoy", &[503, 504]),
    ("varnish", "Varnish", &[503]),
    ("haproxy", "HAProxy", &[502, 503, 504]),
    ("apache traffic server", "Apache Traffic Server", &[502, 504]),
    ("akamaighost", "Akamai", &[502, 503, 504]),
];

/// What certificates of programs that open TLS are issued by.
const INTERCEPTORS: &[(&str, &str)] = &[
    ("mitmproxy", "mitmproxy"),
    ("zscaler", "Zscaler"),
    ("fortinet", "Fortinet"),
    ("fortigate", "Fortinet FortiGate"),
    ("blue coat", "Blue Coat (Symantec)"),
    ("bluecoat", "Blue Coat (Symantec)"),
    ("netskope", "Netskope"),
    ("sophos", "Sophos"),
    ("palo alto", "Palo Alto Networks"),
    ("cisco umbrella", "Cisco Umbrella"),
    ("kaspersky", "Kaspersky"),
    ("avast", "Avast"),
    ("bitdefender", "Bitdefender"),
    ("eset ssl filter", "ESET"),
    ("charles proxy", "Charles"),
    ("fiddler", "Fiddler"),
    ("burp", "PortSwigger Burp"),
    ("squid", "Squid"),
    ("interception", "a program that inspects TLS"),
    ("inspection", "a program that inspects TLS"),
];

/// A proxy that an error answer is from.
pub(super) struct Answerer {
    /// What it is called.
    pub name: String,
    /// The header that tells.
    pub header: &'static str,
    /// Whether only it writes that header.
    pub is_own: bool,
}

/// Who answered with this head, if it was not the server.
pub(super) fn answerer(head: &Head) -> Option<Answerer> {
    let found = |name: &str, header, is_own| Some(Answerer { name: name.to_owned(), header, is_own });
    if head.status < 400 {
        return None;
    }
    if head.value("x-squid-error").is_some() {
        return found("Squid", "X-Squid-Error", true);
    }
    let server = head.value("server").unwrap_or_default().to_ascii_lowercase();
    if let Some((_, name)) = SELF_NAMED.iter().find(|(mark, _)| server.contains(mark)) {
        return found(name, "Server", false);
    }
    let is_of = |(mark, _, statuses): &&(&str, &str, &[u16])| server.contains(mark) && statuses.contains(&head.status);
    if let Some((_, name, _)) = GATEWAYS.iter().find(is_of) {
        return found(name, "Server", false);
    }
    // RFC 9110 §7.6.3: a proxy names itself in Via, also where it only hands an answer on.
    match head.items("via").last() {
        Some(via) if matches!(head.status, 502..=504) => {
            found(via.split_whitespace().nth(1).unwrap_or(via), "Via", false)
        }
        _ => None,
    }
}

/// The program that a certificate's issuer names, where it is one that opens TLS.
pub(super) fn interceptor(issuer: &str) -> Option<&'static str> {
    let issuer = issuer.to_ascii_lowercase();
    INTERCEPTORS.iter().find(|(mark, _)| issuer.contains(mark)).map(|(_, name)| *name)
}
