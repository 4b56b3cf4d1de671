//! The address of a connection, taken apart, and what is refused before anything is opened.

use super::failure::refused_option;
use super::proxy::Proxy;
use super::spec::{Auth, CursorSource, CursorTarget, ProxyChoice, Spec};
use super::websocket::{ClientWindow, DeflateOptions};
use crate::wire::Failure;
use std::net::IpAddr;
use url::{Host, Url};

/// Where to connect to, and what to ask for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The address without user information and fragment.
    pub url: Url,
    /// The host: a name, or an address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Whether the scheme is `ws` or `wss`.
    pub websocket: bool,
}

impl Target {
    /// Takes an address apart. The user information in it becomes an [`Auth`].
    pub fn parse(text: &str) -> Result<(Target, Option<Auth>), Failure> {
        let text = text.trim();
        if text.is_empty() {
            return Err(refused_option("there is no address", "write one, such as https://example.com/events"));
        }
        let url = Url::parse(text).map_err(|error| refused_address(text, error))?;
        Target::of(url)
    }

    /// Takes a parsed address apart.
    pub fn of(mut url: Url) -> Result<(Target, Option<Auth>), Failure> {
        let (tls, websocket) = match url.scheme() {
            "http" => (false, false),
            "https" => (true, false),
            "ws" => (false, true),
            "wss" => (true, true),
            other => return Err(unknown_scheme(&url, other)),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(refused_option(format!("the address {url} names no host"), "")),
        };
        let port = url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
        if port == 0 {
            return Err(refused_option("port 0 cannot be connected to", "write the port the server listens on"));
        }
        let auth = (!url.username().is_empty() || url.password().is_some()).then(|| Auth::Basic {
            user: percent_decoded(url.username()),
            password: percent_decoded(url.password().unwrap_or("")),
        });
        // These two fail only on addresses without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok((Target { url, host, port, tls, websocket }, auth))
    }

    /// The host as a literal address, if it is one.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The value of the Host header (RFC 9110 §7.2): the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or(&self.host);
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The host and the port, always both (the authority form of RFC 9112 §3.2.3).
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or(&self.host), self.port)
    }

    /// The request target in absolute form, for a proxy (RFC 9112 §3.2.2).
    pub fn absolute_form(&self) -> String {
        format!("{}://{}{}", self.url.scheme(), self.authority(), self.path_and_query())
    }

    /// The request target in origin form (RFC 9112 §3.2.1).
    pub fn path_and_query(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// Whether a link to `other` can be used for this.
    pub fn same_origin(&self, other: &Target) -> bool {
        self.tls == other.tls && self.port == other.port && self.host == other.host
    }

    /// The same address with the query parameter `name` set to `value`; the others are left as they were typed.
    pub fn with_query(&self, name: &str, value: &str) -> Target {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let key = encode(name);
        let mut pairs: Vec<String> = self
            .url
            .query()
            .into_iter()
            .flat_map(|query| query.split('&'))
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key.as_str()))
            .map(str::to_owned)
            .collect();
        pairs.push(format!("{key}={}", encode(value)));
        let mut target = self.clone();
        target.url.set_query(Some(&pairs.join("&")));
        target
    }
}

fn refused_address(text: &str, error: url::ParseError) -> Failure {
    let hint = match error {
        url::ParseError::RelativeUrlWithoutBase => format!("it needs a scheme: try https://{text} or http://{text}"),
        url::ParseError::InvalidPort => "a port is a number from 1 to 65535".to_owned(),
        url::ParseError::InvalidIpv6Address => "an IPv6 address stands in brackets: http://[::1]:8080/".to_owned(),
        _ => String::new(),
    };
    refused_option(format!("{text} is no address: {error}"), hint)
}

fn unknown_scheme(url: &Url, scheme: &str) -> Failure {
    // `localhost:8080/x` parses as scheme `localhost`.
    let looks_like_host = url.cannot_be_a_base() && url.path().starts_with(|first: char| first.is_ascii_digit());
    let hint = if looks_like_host || scheme.contains('.') {
        format!("write the scheme too: http://{url}")
    } else {
        "http, https, ws and wss can be opened".to_owned()
    };
    refused_option(format!("{scheme}: addresses cannot be opened"), hint)
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Looks for what cannot be opened or sent, without opening anything.
///
/// The address must be one of the known schemes; the method and header names must be tokens (RFC 9110 §5.6.2), and no
/// header value may hold CR, LF or NUL (RFC 9110 §5.5); a JSONPath must parse (RFC 9535).
pub fn check(spec: &Spec) -> Result<(), Failure> {
    Target::parse(&spec.url)?;
    check_message(&spec.method, &spec.headers)?;
    for name in &spec.websocket.subprotocols {
        if !is_token(name) {
            return Err(refused_option(
                format!("the subprotocol {name:?} is no token"),
                "subprotocol names have no spaces, commas or quotes (RFC 6455 §4.1)",
            ));
        }
    }
    let DeflateOptions { server_max_window_bits, client_max_window_bits, .. } = &spec.websocket.deflate;
    let client = if let ClientWindow::Bits(bits) = client_max_window_bits { Some(bits) } else { None };
    for (name, bits) in
        [("server_max_window_bits", server_max_window_bits.as_ref()), ("client_max_window_bits", client)]
    {
        if let Some(bits) = bits.filter(|bits| !(8..=15).contains(*bits)) {
            return Err(refused_option(
                format!("{name} is {bits}, and there are windows of 8 to 15 bits (RFC 7692 §7.1.2)"),
                "give a number from 8 to 15; a typed Sec-WebSocket-Extensions header may say anything",
            ));
        }
    }
    match &spec.cursor {
        CursorSource::JsonPath(path) => {
            if let Err(error) = serde_json_path::JsonPath::parse(path) {
                return Err(refused_option(
                    format!("the cursor's JSONPath {path} cannot be read: {error}"),
                    "an example: $.next",
                ));
            }
        }
        CursorSource::Header(name) => check_header_name(name)?,
        CursorSource::None => {}
    }
    if let CursorTarget::Header(name) = &spec.cursor_target {
        check_header_name(name)?;
    }
    if let Auth::Bearer { token } = &spec.auth {
        check_header_value("Authorization", token)?;
    }
    if let Some(id) = &spec.last_event_id {
        check_header_value("Last-Event-ID", id)?;
    }
    if let ProxyChoice::Given(address) = &spec.proxy.choice {
        Proxy::parse(address, "given")?;
    }
    if spec.tls.cert_file.is_some() != spec.tls.key_file.is_some() {
        return Err(refused_option("a client certificate needs its key, and a key its certificate", "give both files"));
    }
    Ok(())
}

/// Looks for what must not stand in a request head.
pub(crate) fn check_message(method: &str, headers: &[(String, String)]) -> Result<(), Failure> {
    if !method.is_empty() && !is_token(method) {
        return Err(refused_option(format!("the method {method:?} is no token"), "an example: POST"));
    }
    for (name, value) in headers {
        check_header_name(name)?;
        check_header_value(name, value)?;
    }
    Ok(())
}

fn check_header_name(name: &str) -> Result<(), Failure> {
    if is_token(name) {
        return Ok(());
    }
    let text = if name.is_empty() {
        "a header has no name".to_owned()
    } else {
        format!("the header name {name:?} is no token")
    };
    Err(refused_option(text, "names are letters, digits and -, with no space or colon (RFC 9110 §5.1)"))
}

fn check_header_value(name: &str, value: &str) -> Result<(), Failure> {
    match value.bytes().find(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        Some(byte) => {
            let what = ["NUL", "a line feed", "a carriage return"][usize::from(byte > 0) + usize::from(byte == b'\r')];
            Err(refused_option(
                format!("the value of header {name} contains {what}, which would end the header early"),
                "take it out (RFC 9110 §5.5)",
            ))
        }
        None => Ok(()),
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap().0
    }

    #[test]
    fn an_address_is_taken_apart() {
        let (found, auth) = Target::parse("wss://me:p%40ss@[::1]:8443/a?b=c#d").unwrap();
        assert_eq!((found.host.as_str(), found.port, found.tls, found.websocket), ("::1", 8443, true, true));
        assert_eq!(found.authority(), "[::1]:8443");
        assert_eq!(found.path_and_query(), "/a?b=c");
        assert_eq!(found.url.as_str(), "wss://[::1]:8443/a?b=c");
        assert_eq!(auth, Some(Auth::Basic { user: "me".into(), password: "p@ss".into() }));
        assert_eq!(target("http://example.com").authority(), "example.com");
    }

    #[test]
    fn what_cannot_be_opened_is_said_with_what_would_help() {
        for (text, hint) in [
            ("", "https://"),
            ("localhost:8080/x", "http://localhost:8080/x"),
            ("example.com/feed", "https://example.com/feed"),
            ("ftp://example.com", "ws"),
            ("http://x:99999/", "65535"),
        ] {
            let failure = Target::parse(text).unwrap_err();
            assert!(failure.hint.contains(hint), "{text}: {failure}");
        }
    }

    #[test]
    fn a_query_parameter_is_replaced_and_the_others_stay() {
        let found = target("http://h/p?a=%20x&since=1&b").with_query("since", "2 3&");
        assert_eq!(found.path_and_query(), "/p?a=%20x&b&since=2+3%26");
    }

    #[test]
    fn line_breaks_in_headers_and_methods_are_refused() {
        let mut spec = Spec { url: "http://h/".into(), ..Spec::default() };
        assert!(check(&spec).is_ok());
        spec.headers = vec![("X".into(), "a\r\nInjected: 1".into())];
        assert!(check(&spec).unwrap_err().text.contains("carriage return"));
        spec.headers = vec![("X".into(), "a\0".into())];
        assert!(check(&spec).unwrap_err().text.contains("NUL"));
        spec.headers = vec![("X Y".into(), "a".into())];
        assert!(check(&spec).unwrap_err().text.contains("token"));
        spec.headers.clear();
        spec.method = "GET /x".into();
        assert!(check(&spec).is_err());
    }
}
