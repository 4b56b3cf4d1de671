//! A proxy's login: 407 with the Basic (RFC 7617) and the Digest scheme (RFC 7616), and the check of what comes back.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AlgorithmType, AuthContext, AuthorizationHeader, HttpMethod, Qop};

use super::forward::path_of;
use super::head::{Head, own_answer, page};

/// The user and the password.
pub const USER: &str = "lab";
pub const PASSWORD: &str = "lab";
const REALM: &str = "lab proxy";

/// What a proxy remembers of the logins that it asks for.
#[derive(Debug)]
pub struct Login {
    nonce: String,
}

impl Login {
    /// The error is a sentence.
    pub fn new() -> Result<Self, String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random bytes: {error}"))?;
        let mut nonce = String::new();
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(nonce, "{byte:02x}");
        }
        Ok(Self { nonce })
    }

    /// Whether the request carries the right credentials.
    pub fn allows(&self, request: &Head) -> bool {
        let values = request.values("proxy-authorization");
        let Some((scheme, rest)) = values.first().and_then(|value| value.split_once(' ')) else { return false };
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => STANDARD.decode(rest.trim()).is_ok_and(|plain| plain == format!("{USER}:{PASSWORD}").as_bytes()),
            "digest" => self.allows_digest(request, rest),
            _ => false,
        }
    }

    /// RFC 7616 §3.4.1: what the client computed is computed again.
    fn allows_digest(&self, request: &Head, parameters: &str) -> bool {
        // The parser takes ASCII only.
        if !parameters.is_ascii() {
            return false;
        }
        let Ok(theirs) = AuthorizationHeader::parse(parameters) else { return false };
        let target = request.word(1);
        // Some clients give the path of a target in absolute form (RFC 7616 §3.4: both name the same resource).
        let is_about_this = theirs.uri == target || theirs.uri == path_of(target);
        let is_known = theirs.username == USER && theirs.realm == REALM && theirs.nonce == self.nonce;
        let is_offered = matches!(theirs.algorithm.algo, AlgorithmType::MD5 | AlgorithmType::SHA2_256)
            && theirs.qop != Some(Qop::AUTH_INT);
        let method = HttpMethod::from(request.word(0));
        let secrets = AuthContext::new_with_method(USER, PASSWORD, theirs.uri.clone(), None::<&[u8]>, method);
        let mut ours = theirs.clone();
        ours.digest(&secrets);
        is_about_this && is_known && is_offered && ours.response.eq_ignore_ascii_case(&theirs.response)
    }
}

/// The answer that asks for credentials.
pub fn demand(login: &Login, keeps: bool, is_answer_to_head: bool) -> Vec<u8> {
    let digest = format!("Digest realm=\"{REALM}\", qop=\"auth\", nonce=\"{}\", algorithm=SHA-256", login.nonce);
    let basic = format!("Basic realm=\"{REALM}\"");
    let fields = [
        ("Server", "lab-proxy"),
        ("Via", "1.1 lab-proxy"),
        ("Proxy-Authenticate", basic.as_str()),
        ("Proxy-Authenticate", digest.as_str()),
        ("Connection", if keeps { "keep-alive" } else { "close" }),
    ];
    let html = page("Proxy authentication required", "This proxy wants a login: the user is lab, the password is lab.");
    own_answer(407, &fields, &html, is_answer_to_head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(login: &Login, target: &str, credentials: &str) -> bool {
        let head = format!("CONNECT {target} HTTP/1.1\r\nProxy-Authorization: {credentials}\r\n\r\n");
        login.allows(&Head::parse(head.as_bytes()))
    }

    #[test]
    fn basic_credentials_are_checked() {
        let login = Login::new().unwrap();
        assert!(allowed(&login, "a:1", "basic bGFiOmxhYg=="));
        for wrong in ["Basic bGFiOmxhYh==", "Basic", "Basic !", "Bearer bGFiOmxhYg==", ""] {
            assert!(!allowed(&login, "a:1", wrong), "{wrong}");
        }
    }

    #[test]
    fn digest_credentials_are_checked() {
        let login = Login::new().unwrap();
        let answered = |password: &str, uri: &str, algorithm: &str, nonce: &str| {
            let challenge = format!("Digest realm=\"{REALM}\", qop=\"auth\", nonce=\"{nonce}\", algorithm={algorithm}");
            let secrets = AuthContext::new_with_method(USER, password, uri, None::<&[u8]>, HttpMethod::CONNECT);
            digest_auth::parse(&challenge).unwrap().respond(&secrets).unwrap().to_header_string()
        };
        for algorithm in ["SHA-256", "MD5", "SHA-256-sess"] {
            assert!(allowed(&login, "a:1", &answered(PASSWORD, "a:1", algorithm, &login.nonce)), "{algorithm}");
        }
        assert!(allowed(&login, "http://a:1/b?c", &answered(PASSWORD, "/b?c", "MD5", &login.nonce)));
        assert!(!allowed(&login, "a:1", &answered("no", "a:1", "SHA-256", &login.nonce)));
        assert!(!allowed(&login, "a:2", &answered(PASSWORD, "a:1", "SHA-256", &login.nonce)));
        assert!(!allowed(&login, "a:1", &answered(PASSWORD, "a:1", "SHA-256", "0123")));
        assert!(!allowed(&login, "a:1", &answered(PASSWORD, "a:1", "SHA-512-256", &login.nonce)));
        for odd in ["Digest ", "Digest username=\"ü\", realm=x", "Digest username=\"", "Digest =,=,\\", "Digest a=b"] {
            assert!(!allowed(&login, "a:1", odd), "{odd}");
        }
    }
}
