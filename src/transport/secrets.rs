//! What is secret in a request, and how it is left out of session files.

use super::proxy::shown_proxy;
use super::spec::{Auth, CursorSource, CursorTarget, ProxyChoice, ProxyOptions, Spec};
use super::target::Target;

/// What stands where a secret was left out.
pub const LEFT_OUT: &str = "(left out)";

const SECRET_HEADERS: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-amz-security-token",
];

/// Whether the values of headers with this name are secret.
pub fn is_secret_header(name: &str) -> bool {
    SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

impl Spec {
    /// The same request without its secrets: user information, secret header values, body and authentication.
    pub fn without_secrets(&self) -> Spec {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = if is_secret_header(name) { LEFT_OUT.to_owned() } else { self.hide(value) };
            (self.hide(name), value)
        });
        let mut spec = Spec {
            url: self.hide(&shown_address(&self.url)),
            headers: headers.collect(),
            body: None,
            auth: Auth::None,
            proxy: self.proxy.without_secrets(),
            hidden: Vec::new(),
            ..self.clone()
        };
        if let ProxyChoice::Given(address) = &mut spec.proxy.choice {
            *address = self.hide(address);
        }
        let target = match &mut spec.cursor_target {
            CursorTarget::Query(name) | CursorTarget::Header(name) => name,
        };
        let texts = [&mut spec.method, target].into_iter();
        let texts = texts.chain(&mut spec.last_event_id).chain(&mut spec.websocket.subprotocols);
        let source = match &mut spec.cursor {
            CursorSource::Header(text) | CursorSource::JsonPath(text) => Some(text),
            CursorSource::None => None,
        };
        let files = [&mut spec.tls.ca_file, &mut spec.tls.cert_file, &mut spec.tls.key_file];
        for text in texts.chain(source).chain(files.into_iter().flatten()) {
            *text = self.hide(text);
        }
        spec
    }

    /// A text without the secrets that variables put into it, also where they stand in it as in an address.
    fn hide(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in self.hidden.iter().filter(|secret| !secret.is_empty()) {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for form in [secret.clone(), encoded.replace('+', "%20"), encoded] {
                shown = shown.replace(&form, LEFT_OUT);
            }
        }
        shown
    }
}

impl ProxyOptions {
    /// The same options without user and password.
    pub fn without_secrets(&self) -> ProxyOptions {
        let choice = match &self.choice {
            ProxyChoice::Given(address) => ProxyChoice::Given(shown_proxy(address)),
            other => other.clone(),
        };
        ProxyOptions { choice, login: None, tunnel: self.tunnel }
    }
}

/// A value of Authorization or Proxy-Authorization as it is recorded: of the same length, with `*` for what is secret.
/// Basic and Bearer are secret behind the scheme; of Digest, the response is (RFC 7616 §3.4).
pub(crate) fn masked(value: &str) -> String {
    let stars = |text: &str| "*".repeat(text.len());
    let Some((scheme, rest)) = value.split_once(' ') else { return stars(value) };
    if !scheme.eq_ignore_ascii_case("digest") {
        return format!("{scheme} {}", stars(rest));
    }
    let mut out = String::with_capacity(value.len());
    for (at, part) in value.split("response=\"").enumerate() {
        match part.split_once('"') {
            Some((secret, after)) if at > 0 => out.push_str(&format!("response=\"{}\"{after}", stars(secret))),
            None if at > 0 => out.push_str(&format!("response=\"{}", stars(part))),
            _ => out.push_str(part),
        }
    }
    out
}

/// An address without the user and password in it.
pub fn shown_address(address: &str) -> String {
    match Target::parse(address) {
        Ok((target, Some(_))) => target.url.to_string(),
        Ok((_, None)) => address.to_owned(),
        // What does not parse may still hold a password before its `@`.
        Err(_) => match address.rsplit_once('@') {
            Some((_, rest)) => rest.to_owned(),
            None => address.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_value_keeps_its_length() {
        for (value, shown) in [
            ("Basic bWU6eA==", "Basic ********"),
            ("Bearer abc", "Bearer ***"),
            ("odd", "***"),
            (
                "Digest username=\"me\", response=\"0123ab\", qop=auth",
                "Digest username=\"me\", response=\"******\", qop=auth",
            ),
        ] {
            assert_eq!(masked(value), shown);
        }
    }

    #[test]
    fn secrets_are_left_out() {
        let spec = Spec {
            url: "https://me:secret@example.com/a".into(),
            headers: vec![("COOKIE".into(), "id=1".into()), ("X-Other".into(), "kept".into())],
            auth: Auth::Bearer { token: "secret".into() },
            body: Some("secret".into()),
            ..Spec::default()
        };
        let clean = spec.without_secrets();
        assert_eq!(clean.url, "https://example.com/a");
        assert_eq!(clean.headers[0], ("COOKIE".to_owned(), LEFT_OUT.to_owned()));
        assert_eq!(clean.headers[1].1, "kept");
        assert!(!serde_json::to_string(&clean).unwrap().contains("secret"));
        assert_eq!(shown_address("htp//me:secret@x"), "x");
    }

    #[test]
    fn what_variables_put_in_is_left_out() {
        let spec = Spec {
            url: "https://example.com/a?key=se%20cret&b=1".into(),
            headers: vec![("X-Key".into(), "my se cret".into())],
            last_event_id: Some("se cret".into()),
            hidden: vec!["se cret".into()],
            ..Spec::default()
        };
        let text = serde_json::to_string(&spec.without_secrets()).unwrap();
        assert!(
            !text.contains("cret") && text.contains("key=(left out)&b=1") && text.contains("my (left out)"),
            "{text}"
        );
    }
}
