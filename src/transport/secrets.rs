//! What is secret in a request, and how it is left out of session files.

use super::spec::{Auth, Spec};
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
            let value = if is_secret_header(name) { LEFT_OUT.to_owned() } else { value.clone() };
            (name.clone(), value)
        });
        Spec {
            url: without_user_information(&self.url),
            headers: headers.collect(),
            body: None,
            auth: Auth::None,
            ..self.clone()
        }
    }
}

/// An address without the user and password in it.
pub(crate) fn without_user_information(address: &str) -> String {
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
        assert_eq!(without_user_information("htp//me:secret@x"), "x");
    }
}
