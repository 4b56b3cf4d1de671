//! Request heads, written by ourselves so that names, order, case and repetitions go out as typed (RFC 9112 §3).

use super::login::basic;
use super::secrets::masked;
use super::spec::{Auth, HttpVersion, Spec};
use super::target::Target;
use bytes::{BufMut, Bytes, BytesMut};
use std::borrow::Cow;

/// A request to be made.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub method: String,
    pub target: Target,
    pub version: HttpVersion,
    /// All headers, in the order in which they go out.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Headers whose values are not recorded as they go out.
    secret: Vec<&'static str>,
    /// Why, for the `Opening` event of a link that is opened for it.
    pub purpose: String,
    /// How long to wait for the answer's head; 0 is for ever.
    pub answer_ms: u64,
}

impl Ask {
    /// The request that a spec asks for, with the headers every request needs added where the user did not type them.
    /// `accept` is the Accept header of the push type; `auth` is what the address carried.
    pub fn of(spec: &Spec, target: &Target, auth: Option<&Auth>, accept: &str) -> Ask {
        let body = spec.body.clone();
        let method = match (spec.method.as_str(), &body) {
            ("", Some(_)) => "POST",
            ("", None) => "GET",
            (typed, _) => typed,
        };
        let mut ask = Ask::plain(method, target, spec.headers.clone(), body, accept);
        ask.version = spec.http;
        ask.answer_ms = spec.timeouts.answer_ms;
        let auth = if spec.auth == Auth::None { auth } else { Some(&spec.auth) };
        ask.authorize(auth);
        ask
    }

    /// Asks a proxy for a way to a target (RFC 9110 §9.3.6).
    pub fn connect(target: &Target, answer_ms: u64) -> Ask {
        let mut ask = Ask { answer_ms, ..Ask::plain("CONNECT", target, Vec::new(), None, "") };
        ask.set("Host", &target.host_and_port());
        ask
    }

    /// Says who we are, unless the user typed an Authorization header.
    pub fn authorize(&mut self, auth: Option<&Auth>) {
        if let Some(value) = auth.and_then(authorization).filter(|_| self.header("Authorization").is_none()) {
            self.set_secret("Authorization", &value);
        }
    }

    /// Sets a header whose value is recorded without what is secret in it.
    pub fn set_secret(&mut self, name: &'static str, value: &str) {
        self.set(name, value);
        if !self.secret.contains(&name) {
            self.secret.push(name);
        }
    }

    /// A request with the given headers, and those it needs besides.
    pub fn plain(
        method: &str,
        target: &Target,
        typed: Vec<(String, String)>,
        body: Option<Bytes>,
        accept: &str,
    ) -> Ask {
        let mut headers = vec![
            ("Host".to_owned(), target.authority()),
            ("User-Agent".to_owned(), concat!("Pushscope/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("Accept".to_owned(), accept.to_owned()),
        ];
        if accept.is_empty() {
            headers.pop();
        }
        // RFC 9110 §8.6: a method that has a use for a body says so even where it is empty.
        let length = body.as_ref().map(Bytes::len).or_else(|| matches!(method, "POST" | "PUT" | "PATCH").then_some(0));
        if let Some(length) = length {
            headers.push(("Content-Length".to_owned(), length.to_string()));
        }
        let is_typed = |name: &str| typed.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        headers.retain(|(name, _)| !is_typed(name));
        if is_typed("Transfer-Encoding") {
            headers.retain(|(name, _)| name != "Content-Length");
        }
        headers.extend(typed);
        Ask {
            method: method.to_owned(),
            target: target.clone(),
            version: HttpVersion::Http11,
            headers,
            body: body.unwrap_or_default(),
            secret: Vec::new(),
            purpose: "request".to_owned(),
            answer_ms: 0,
        }
    }

    /// Whether the method only asks (RFC 9110 §9.2.1), so that repeating the request does nothing at the server.
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Adds a header unless there is one of that name.
    pub fn set_default(&mut self, name: &str, value: &str) {
        if self.header(name).is_none() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Sets a header, in its place where there is one.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some((_, old)) => value.clone_into(old),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Takes a header out.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Whether the link may carry another request after this one (RFC 9112 §9.3).
    pub fn keeps_alive(&self) -> bool {
        let says = |token: &str| {
            let lines = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Connection"));
            lines.flat_map(|(_, value)| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
        };
        match self.version {
            HttpVersion::Http11 => !says("close"),
            HttpVersion::Http10 => says("keep-alive"),
        }
    }

    /// The bytes of head and body, for the request target `uri`; and the same as they are recorded, with `*` for secrets.
    pub fn bytes(&self, uri: &str) -> Masked {
        let real = self.written(uri, false);
        let shown = if self.secret.is_empty() { real.clone() } else { self.written(uri, true) };
        Masked { real, shown }
    }

    fn written(&self, uri: &str, is_masked: bool) -> Bytes {
        let mut bytes = BytesMut::with_capacity(512 + self.body.len());
        bytes.put_slice(self.method.as_bytes());
        bytes.put_u8(b' ');
        bytes.put_slice(uri.as_bytes());
        bytes.put_slice(match self.version {
            HttpVersion::Http10 => b" HTTP/1.0\r\n",
            HttpVersion::Http11 => b" HTTP/1.1\r\n",
        });
        for (name, value) in &self.headers {
            let is_secret = is_masked && self.secret.iter().any(|secret| name.eq_ignore_ascii_case(secret));
            let shown = if is_secret { Cow::Owned(masked(value)) } else { Cow::Borrowed(value.as_str()) };
            for part in [name.as_bytes(), b": ", shown.as_bytes(), b"\r\n"] {
                bytes.put_slice(part);
            }
        }
        bytes.put_slice(b"\r\n");
        bytes.put_slice(&self.body);
        bytes.freeze()
    }
}

/// Bytes on their way out, and the same many bytes as they are recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Masked {
    /// What goes out.
    pub real: Bytes,
    /// What is recorded.
    pub shown: Bytes,
}

/// The Authorization header's value (RFC 7617, RFC 6750).
fn authorization(auth: &Auth) -> Option<String> {
    match auth {
        Auth::None => None,
        Auth::Basic { user, password } => Some(basic(user, password)),
        Auth::Bearer { token } => Some(format!("Bearer {token}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(spec: &Spec) -> String {
        let (target, auth) = Target::parse(&spec.url).unwrap();
        let bytes = Ask::of(spec, &target, auth.as_ref(), "*/*").bytes(&target.path_and_query());
        assert_eq!(bytes.real.len(), bytes.shown.len());
        assert!(spec.url.contains("me:x") == (bytes.real != bytes.shown) || spec.headers.len() > 3);
        String::from_utf8(bytes.real.to_vec()).unwrap()
    }

    #[test]
    fn defaults_come_first_and_what_was_typed_stays_as_typed() {
        let mut spec = Spec { url: "http://me:x@h:81/p?q".into(), ..Spec::default() };
        let version = env!("CARGO_PKG_VERSION");
        let head = format!(
            "GET /p?q HTTP/1.1\r\nHost: h:81\r\nUser-Agent: Pushscope/{version}\r\nAccept: */*\r\nAuthorization: Basic bWU6eA==\r\n\r\n"
        );
        assert_eq!(text(&spec), head);
        spec.http = HttpVersion::Http10;
        spec.body = Some("hi".into());
        spec.headers = [
            ("x-b", "1"),
            ("hOST", "other"),
            ("X-B", "2"),
            ("user-agent", "u"),
            ("ACCEPT", "a"),
            ("authorization", "z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        assert_eq!(
            text(&spec),
            "POST /p?q HTTP/1.0\r\nContent-Length: 2\r\nx-b: 1\r\nhOST: other\r\nX-B: 2\r\nuser-agent: u\r\nACCEPT: a\r\nauthorization: z\r\n\r\nhi"
        );
    }
}
