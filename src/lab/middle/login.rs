//! Who may use the proxy that wants a login: user `lab` with password `lab`, by Basic (RFC 7617) or Digest (RFC 7616).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};

use super::head::Head;

/// User and password, both.
const LAB: &str = "lab";
const REALM: &str = "lab proxy";

/// What a request says of who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
}

/// The login of one connection, with its own nonce.
pub struct Login {
    nonce: String,
}

impl Login {
    pub fn new() -> Login {
        let mut bytes = [0; 16];
        // Without randomness the nonce is a fixed one, which is as good for a lab.
        let _ = getrandom::fill(&mut bytes);
        Login { nonce: bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// The values of Proxy-Authenticate, each a line of its own.
    pub fn challenges(&self) -> impl Iterator<Item = String> {
        let digest = |algorithm: &str| {
            format!("Digest realm=\"{REALM}\", qop=\"auth\", algorithm={algorithm}, nonce=\"{}\"", self.nonce)
        };
        [digest("SHA-256"), digest("MD5"), format!("Basic realm=\"{REALM}\"")].into_iter()
    }

    pub fn check(&self, request: &Head) -> Verdict {
        let value = request.field("proxy-authorization").unwrap_or_default();
        let is_right = match value.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                STANDARD.decode(rest.trim()).is_ok_and(|pair| pair == b"lab:lab")
            }
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("digest") => self.is_right_digest(request, value),
            _ => false,
        };
        if is_right { Verdict::Right } else { Verdict::Wrong }
    }

    fn is_right_digest(&self, request: &Head, value: &str) -> bool {
        let Ok(given) = AuthorizationHeader::parse(value) else { return false };
        let (method, target, _) = request.words();
        // RFC 7616 §3.4.6 wants the target as it stands in the request; curl leaves scheme and host out.
        if given.nonce != self.nonce || !target.ends_with(&given.uri) || given.username != LAB {
            return false;
        }
        let method = HttpMethod::from(method.to_owned());
        let mut right = given.clone();
        right.digest(&AuthContext::new_with_method(LAB, LAB, &given.uri, None::<&[u8]>, method));
        right.response == given.response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(value: &str) -> Head {
        Head {
            first: "CONNECT 127.0.0.1:1 HTTP/1.1".into(),
            fields: vec![("Proxy-Authorization".into(), value.into())],
        }
    }

    #[test]
    fn right_and_wrong_are_told_apart() {
        let login = Login::new();
        assert_eq!(login.check(&request("Basic bGFiOmxhYg==")), Verdict::Right);
        assert_eq!(login.check(&request("Basic bGFiOnh4")), Verdict::Wrong);
        assert_eq!(login.check(&request("")), Verdict::Wrong);
        for challenge in login.challenges().filter(|challenge| challenge.starts_with("Digest")) {
            let mut prompt = digest_auth::parse(&challenge).unwrap();
            let mut answer = |password: &str| {
                let method = HttpMethod::from("CONNECT");
                let context = AuthContext::new_with_method("lab", password, "127.0.0.1:1", None::<&[u8]>, method);
                prompt.respond(&context).unwrap().to_string()
            };
            assert_eq!(login.check(&request(&answer("lab"))), Verdict::Right, "{challenge}");
            assert_eq!(login.check(&request(&answer("no"))), Verdict::Wrong);
        }
    }
}
