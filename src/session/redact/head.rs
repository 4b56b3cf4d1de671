//! What is secret in header fields: credentials behind their scheme, the values of cookies, tokens among subprotocols.

use super::names::{self, Where};
use super::rules::Group;
use super::scan::Hit;
use super::shapes;
use std::ops::Range;

/// Parameters of credentials that say how, not who (RFC 7616 §3.4 and others).
const HARMLESS: &[&str] = &[
    "realm",
    "qop",
    "nc",
    "algorithm",
    "uri",
    "nonce",
    "nextnonce",
    "opaque",
    "stale",
    "charset",
    "userhash",
    "domain",
    "signedheaders",
    "version",
    "ts",
    "timestamp",
    "oauth_version",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_nonce",
    "error",
    "error_description",
    "scope",
    "headers",
    "created",
    "expires",
];

/// Looks at a header field, whose name is given in lower case and as it is shown.
pub(super) fn field(lower: &str, shown: &str, value: &[u8], hits: &mut Vec<Hit>) {
    match lower {
        "www-authenticate" | "proxy-authenticate" => challenge(shown, value, hits),
        "authentication-info" | "proxy-authentication-info" => parameters(shown, value, 0..value.len(), hits),
        "cookie" | "cookie2" => cookies(shown, value, 0..value.len(), hits),
        "set-cookie" | "set-cookie2" => {
            let first = memchr::memchr(b';', value).unwrap_or(value.len());
            cookies(shown, value, 0..first, hits);
        }
        "sec-websocket-protocol" => subprotocols(shown, value, hits),
        "authorization" | "proxy-authorization" => credentials(shown, value, 0..value.len(), hits),
        _ if names::is_secret(lower, Where::Header) => secret(shown, value, 0..value.len(), Group::Headers, hits),
        _ => {}
    }
}

/// What goes by a secret name, `range` of `text`: as a whole, but for the words before it that say what it is.
pub(super) fn secret(name: &str, text: &[u8], range: Range<usize>, group: Group, hits: &mut Vec<Hit>) {
    let lower = name.rsplit(['.', ' ']).next().unwrap_or_default().to_ascii_lowercase();
    if matches!(lower.as_str(), "cookie" | "cookies" | "set-cookie" | "set_cookie")
        && memchr::memchr(b'=', &text[range.clone()]).is_some()
    {
        return cookies(name, text, range, hits);
    }
    let value = &text[range.clone()];
    let space = memchr::memchr(b' ', value).filter(|at| value[..*at].iter().all(u8::is_ascii_alphanumeric));
    let is_known = space.is_some_and(|at| {
        let known = ["basic", "bearer", "digest", "token", "negotiate", "ntlm", "apikey", "hawk", "jwt", "dpop"];
        known.iter().any(|scheme| value[..at].eq_ignore_ascii_case(scheme.as_bytes()))
    });
    if is_known || lower.ends_with("authorization") && space.is_some() {
        let mut found = Vec::new();
        credentials(name, value, 0..value.len(), &mut found);
        let moved = |hit: Hit| Hit { range: hit.range.start + range.start..hit.range.end + range.start, group, ..hit };
        hits.extend(found.into_iter().map(moved));
    } else {
        hits.push(Hit::new(range, group, name));
    }
}

/// Credentials (RFC 9110 §11.4): a scheme, and what is secret behind it.
fn credentials(shown: &str, value: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
    let text = &value[range.clone()];
    let Some(space) = text.iter().position(|byte| matches!(byte, b' ' | b'\t')) else {
        return hits.push(Hit::new(range, Group::Credentials, shown));
    };
    let blank = text[space..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let rest = range.start + space + blank..range.end;
    let first_word = value[rest.clone()].split(|byte| matches!(byte, b' ' | b',')).next().unwrap_or_default();
    let bare = first_word.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    if memchr::memchr(b'=', &first_word[..bare]).is_none() {
        return hits.push(Hit::new(rest, Group::Credentials, shown));
    }
    parameters(shown, value, rest, hits);
}

/// Parameters of credentials: the values of all but those known to be harmless.
fn parameters(shown: &str, value: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
    let mut at = range.start;
    while at < range.end {
        let rest = &value[at..range.end];
        let Some(equals) = memchr::memchr(b'=', rest) else { break };
        let name = rest[..equals].rsplit(|byte| matches!(byte, b' ' | b',' | b'\t')).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let start = at + equals + 1;
        let is_quoted = value.get(start) == Some(&b'"');
        let inside = start + usize::from(is_quoted);
        let ends = |byte: &u8| if is_quoted { *byte == b'"' } else { matches!(byte, b',' | b' ' | b';') };
        let rest = value.get(inside..range.end).unwrap_or_default();
        let end = inside + rest.iter().position(ends).unwrap_or(rest.len());
        if !HARMLESS.contains(&name.as_str()) {
            hits.push(Hit::new(inside..end, Group::Credentials, format!("{shown}, {name}")));
        }
        at = end + usize::from(is_quoted);
        at = at.max(start);
    }
}

/// A challenge (RFC 9110 §11.3) is for all to know, but for what a server says in a scheme that goes several ways.
fn challenge(shown: &str, value: &[u8], hits: &mut Vec<Hit>) {
    let mut at = 0;
    for item in value.split(|byte| *byte == b',') {
        let trimmed = item.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let item_start = at + trimmed;
        let text = &item[trimmed..];
        if let Some(space) = memchr::memchr(b' ', text)
            && [&b"negotiate"[..], b"ntlm"].iter().any(|scheme| text[..space].eq_ignore_ascii_case(scheme))
        {
            hits.push(Hit::new(item_start + space + 1..item_start + text.len(), Group::Credentials, shown));
        }
        at += item.len() + 1;
    }
}

/// The values of cookies (RFC 6265 §4.2.1).
fn cookies(shown: &str, value: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
    let mut at = range.start;
    for pair in value[range].split(|byte| *byte == b';') {
        let start = at + pair.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let blank = pair.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        let end = (at + pair.len()).saturating_sub(blank).max(start);
        at += pair.len() + 1;
        let text = &value[start..end];
        let (name, from) = match memchr::memchr(b'=', text) {
            Some(equals) => (&text[..equals], equals + 1),
            None => (&b""[..], 0),
        };
        let is_quoted = text.len() > from + 1 && text[from] == b'"' && text.ends_with(b"\"");
        let quote = usize::from(is_quoted);
        let place = format!("{shown}, {}", String::from_utf8_lossy(name));
        hits.push(Hit::new(start + from + quote..end - quote, Group::Cookies, place));
    }
}

/// Tokens among subprotocols: behind a word that announces one, or known by how they look.
fn subprotocols(shown: &str, value: &[u8], hits: &mut Vec<Hit>) {
    let (mut at, mut is_announced) = (0, false);
    for item in value.split(|byte| *byte == b',') {
        let start = at + item.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let text = item.trim_ascii();
        at += item.len() + 1;
        let range = start..start + text.len();
        if let Some(prefix) = text.windows(17).position(|part| part == b".authorization.k8") {
            // base64url.bearer.authorization.k8s.io.TOKEN
            let behind = memchr::memmem::find(&text[prefix..], b".io.").map_or(0, |found| prefix + found + 4);
            hits.push(Hit::new(start + behind..range.end, Group::Headers, shown));
            continue;
        }
        let announces = [&b"bearer"[..], b"access_token", b"access-token", b"token", b"authorization", b"auth", b"jwt"];
        if is_announced || shapes::looks_random(text) {
            hits.push(Hit::new(range, Group::Headers, shown));
        }
        is_announced = announces.iter().any(|word| text.eq_ignore_ascii_case(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(name: &str, value: &str) -> String {
        let mut hits = Vec::new();
        field(&name.to_ascii_lowercase(), name, value.as_bytes(), &mut hits);
        let mut bytes = value.as_bytes().to_vec();
        hits.into_iter().for_each(|hit| bytes[hit.range].fill(b'*'));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn only_what_is_secret_goes() {
        let cases = [
            ("Authorization", "Bearer abc.def", "Bearer *******"),
            ("Authorization", "Basic dTpw==", "Basic ******"),
            ("Authorization", "justakey", "********"),
            (
                "Authorization",
                r#"Digest username="bob", realm="r", nonce="n1", uri="/", response="abcd", nc=00000001"#,
                r#"Digest username="***", realm="r", nonce="n1", uri="/", response="****", nc=00000001"#,
            ),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AK/2/x, SignedHeaders=host, Signature=ff00",
                "AWS4-HMAC-SHA256 Credential=******, SignedHeaders=host, Signature=****",
            ),
            ("WWW-Authenticate", r#"Digest realm="r", nonce="abc""#, r#"Digest realm="r", nonce="abc""#),
            ("WWW-Authenticate", "Negotiate YII=", "Negotiate ****"),
            ("Cookie", "a=1; b=\"22\"; c", "a=*; b=\"**\"; *"),
            ("Set-Cookie", "id=abc; Path=/; HttpOnly", "id=***; Path=/; HttpOnly"),
            ("X-Api-Key", "k-1", "***"),
            ("X-Auth-Token", "Bearer x", "Bearer *"),
            ("Sec-WebSocket-Protocol", "bearer, abc", "bearer, ***"),
            ("Sec-WebSocket-Protocol", "graphql-transport-ws, mqtt", "graphql-transport-ws, mqtt"),
            (
                "Sec-WebSocket-Protocol",
                "base64url.bearer.authorization.k8s.io.QUJD, v4.channel.k8s.io",
                "base64url.bearer.authorization.k8s.io.****, v4.channel.k8s.io",
            ),
            ("Accept", "text/html", "text/html"),
        ];
        for (name, value, wanted) in cases {
            assert_eq!(masked(name, value), wanted, "{name}: {value}");
        }
    }
}
