//! Who we are, asked by a proxy (407) or a server (401) and answered: Basic (RFC 7617) and Digest (RFC 7616).
//!
//! The first request goes without; once a challenge was answered, later requests of the connection carry the answer.

use super::context::Context;
use super::http1::{Answer, Http1};
use super::request::Ask;
use super::spec::Auth;
use super::tap::Link;
use super::target::Target;
use crate::wire::{Challenge, What};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who asks: the proxy, or a server by its authority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// The proxy of the connection.
    Proxy,
    /// A server, `host:port`.
    Server(String),
}

impl Asker {
    fn status(&self) -> u16 {
        if *self == Asker::Proxy { 407 } else { 401 }
    }

    fn challenge_header(&self) -> &'static str {
        if *self == Asker::Proxy { "proxy-authenticate" } else { "www-authenticate" }
    }

    fn answer_header(&self) -> &'static str {
        if *self == Asker::Proxy { "Proxy-Authorization" } else { "Authorization" }
    }
}

/// How a challenge is answered.
enum Scheme {
    Basic,
    Digest(Box<WwwAuthenticateHeader>),
}

/// How often one request is made at most: without and with the login, and once more where a nonce was stale.
pub(crate) const ATTEMPTS: usize = 3;

/// A request with the answers to what the proxy of its link, or its server, asked before.
pub(crate) fn applied(context: &Context, link: &Http1, ask: &Ask) -> Ask {
    let mut ask = ask.clone();
    let uri = link.request_target(&ask);
    if let Some(proxy) = &link.link.forwarder {
        context.logins.apply(&Asker::Proxy, proxy.login.as_ref(), &uri, &mut ask);
    }
    let server = Asker::Server(ask.target.host_and_port());
    context.logins.apply(&server, server_login(context, &ask.target).as_ref(), &uri, &mut ask);
    ask
}

/// Records who asks who we are, if an answer does; whether the request should be made again with an answer to that.
pub(crate) fn is_to_be_answered(context: &Context, link: &Link, ask: &Ask, answer: &Answer) -> bool {
    let (asker, who, login) = match (answer.status, &link.forwarder) {
        (407, Some(proxy)) => (Asker::Proxy, proxy.target.host_and_port(), proxy.login.clone()),
        (401, _) => {
            let who = ask.target.host_and_port();
            (Asker::Server(who.clone()), who, server_login(context, &ask.target))
        }
        _ => return false,
    };
    let asked = context.logins.challenged(&asker, &who, login.as_ref(), ask, answer);
    let Some((challenge, again)) = asked else { return false };
    *context.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(challenge.clone());
    link.log.event(What::Challenged(challenge));
    again
}

/// User and password for a server: what was given, which is for the connection's own server alone.
fn server_login(context: &Context, target: &Target) -> Option<(String, String)> {
    let (own, in_address) = Target::parse(&context.spec.url).ok()?;
    match (&context.spec.auth, in_address) {
        _ if own.host_and_port() != target.host_and_port() => None,
        (Auth::Basic { user, password }, _) => Some((user.clone(), password.clone())),
        (Auth::None, Some(Auth::Basic { user, password })) => Some((user, password)),
        _ => None,
    }
}

/// The challenges that one connection has met and can answer.
#[derive(Default)]
pub(crate) struct Logins(Mutex<HashMap<Asker, Scheme>>);

impl Logins {
    fn known(&self) -> MutexGuard<'_, HashMap<Asker, Scheme>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer to what was asked before into a request. `uri` is its request target as it goes out.
    pub fn apply(&self, asker: &Asker, login: Option<&(String, String)>, uri: &str, ask: &mut Ask) {
        let Some((user, password)) = login else { return };
        let mut known = self.known();
        let value = match known.get_mut(asker) {
            None => return,
            Some(Scheme::Basic) => basic(user, password),
            Some(Scheme::Digest(prompt)) => {
                let method = HttpMethod::from(ask.method.clone());
                let body = (!ask.body.is_empty()).then_some(ask.body.as_ref());
                let context = AuthContext::new_with_method(user, password, uri, body, method);
                match prompt.respond(&context) {
                    Ok(header) => header.to_string(),
                    Err(_) => return,
                }
            }
        };
        ask.set_secret(asker.answer_header(), &value);
    }

    /// Looks at an answer: what it asks, if it asks who we are, and whether asking again with `login` may help.
    pub fn challenged(
        &self,
        asker: &Asker,
        who: &str,
        login: Option<&(String, String)>,
        ask: &Ask,
        answer: &Answer,
    ) -> Option<(Challenge, bool)> {
        if answer.status != asker.status() {
            return None;
        }
        let values = answer.headers.get_all(asker.challenge_header());
        let lines: Vec<String> = values.iter().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
        let offers = offers(&lines);
        let was_given = ask.header(asker.answer_header()).is_some();
        // The strongest that is known; a scheme that cannot be read is none.
        let digest = offers
            .iter()
            .filter(|offer| offer.is("digest"))
            .find_map(|offer| digest_auth::parse(&format!("Digest {}", offer.parameters)).ok());
        let is_stale = digest.as_ref().is_some_and(|prompt| prompt.stale);
        let scheme = match digest {
            Some(prompt) => Some(Scheme::Digest(Box::new(prompt))),
            None => offers.iter().any(|offer| offer.is("basic")).then_some(Scheme::Basic),
        };
        let can_be_answered = scheme.is_some();
        // Given by Basic and asked for Digest: not refused yet.
        let same_scheme = ask.header(asker.answer_header()).is_some_and(|value| match &scheme {
            Some(Scheme::Digest(_)) => value.starts_with("Digest "),
            _ => true,
        });
        let refused = was_given && same_scheme && !is_stale;
        let again = login.is_some() && can_be_answered && !refused;
        if let Some(scheme) = scheme.filter(|_| again) {
            self.known().insert(asker.clone(), scheme);
        }
        let realm = offers.iter().find_map(|offer| offer.parameter("realm")).unwrap_or_default();
        let mut schemes: Vec<String> = Vec::new();
        for offer in offers {
            if !schemes.contains(&offer.scheme) {
                schemes.push(offer.scheme);
            }
        }
        let by_proxy = *asker == Asker::Proxy;
        Some((Challenge { by_proxy, who: who.to_owned(), schemes, realm, refused, can_be_answered }, again))
    }
}

/// The value for Basic (RFC 7617 §2).
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What would help where a challenge was not answered.
pub(crate) fn hint(challenge: &Challenge) -> String {
    let whose = if challenge.by_proxy { "the proxy" } else { "the server" };
    let schemes = challenge.schemes.join(", ");
    if challenge.refused {
        format!("{whose} refused this user or password")
    } else if challenge.can_be_answered {
        format!("{whose} wants a user and a password ({schemes})")
    } else if challenge.schemes.is_empty() {
        format!("{whose} names no way to log in: that is its fault")
    } else {
        format!(
            "{whose} offers only {schemes}, which is not spoken here (Basic and Digest are): a local helper that logs in for \
             you, such as cntlm or px, or another rule at the proxy would help"
        )
    }
}

/// One challenge of a header: a scheme and what comes with it.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    scheme: String,
    parameters: String,
}

impl Offer {
    fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        items(&self.parameters).into_iter().find_map(|item| {
            let (key, value) = item.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| unquoted(value))
        })
    }
}

/// A parameter's value without the quotes around it (RFC 9110 §5.6.4).
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| value.to_owned(), |inner| inner.replace("\\\"", "\""))
}

/// The challenges of all lines of a header (RFC 9110 §11.6.1). A scheme and a parameter are both told apart by commas, so
/// an item that is a token and a space, or a token alone, begins a challenge.
fn offers(lines: &[String]) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for line in lines {
        for item in items(line) {
            let word = item.split([' ', '\t']).next().unwrap_or_default();
            let begins = !word.is_empty() && !word.contains('=') && !item[word.len()..].trim_start().starts_with('=');
            match offers.last_mut() {
                _ if begins => {
                    let parameters = item[word.len()..].trim().to_owned();
                    offers.push(Offer { scheme: word.to_owned(), parameters });
                }
                Some(offer) => {
                    offer.parameters.push_str(", ");
                    offer.parameters.push_str(item);
                }
                None => {}
            }
        }
    }
    offers
}

/// The items between commas, quoted strings left whole.
fn items(line: &str) -> Vec<&str> {
    let (mut items, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                items.push(line[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(line[start..].trim());
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<(String, String)> {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        offers(&lines).into_iter().map(|offer| (offer.scheme, offer.parameters)).collect()
    }

    #[test]
    fn challenges_are_told_apart() {
        let found = read(&["Negotiate, NTLM", "Digest realm=\"a, b\", nonce=\"x\" , qop=auth, Basic realm = \"c\""]);
        let expected = [
            ("Negotiate", ""),
            ("NTLM", ""),
            ("Digest", "realm=\"a, b\", nonce=\"x\", qop=auth"),
            ("Basic", "realm = \"c\""),
        ];
        assert_eq!(found, expected.map(|(scheme, rest)| (scheme.to_owned(), rest.to_owned())));
        assert_eq!(read(&["", ",,"]), []);
        let offer = Offer { scheme: "Basic".into(), parameters: "realm = \"a \\\"b\\\"\"".into() };
        assert_eq!(offer.parameter("Realm").as_deref(), Some("a \"b\""));
    }

    #[test]
    fn what_cannot_be_answered_is_named() {
        let challenge = Challenge {
            by_proxy: true,
            who: "p:1".into(),
            schemes: vec!["NTLM".into()],
            realm: String::new(),
            refused: false,
            can_be_answered: false,
        };
        assert!(hint(&challenge).contains("only NTLM"));
        assert!(hint(&Challenge { refused: true, can_be_answered: true, ..challenge }).contains("refused"));
    }
}
