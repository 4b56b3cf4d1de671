//! Addresses of entries. They are taken apart by hand, because a request's target is to be what it was, letter by letter.

/// The longest host name that is taken (RFC 1035 §2.3.4), and some more for what is not DNS.
const HOST_LIMIT_BYTES: usize = 512;

/// An `http`, `https`, `ws` or `wss` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub is_tls: bool,
    pub is_websocket: bool,
    /// Without brackets, where it is an IPv6 address.
    pub host: String,
    pub port: u16,
    /// Path and query; `/` where there is none.
    pub target: String,
    /// Characters that an address may not have, which are percent-encoded in `target`.
    pub encoded: u64,
}

/// Why an address is none that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its scheme is another.
    Scheme(String),
    /// It is not built as addresses are.
    Invalid,
}

impl Address {
    /// Takes an address apart.
    pub fn read(url: &str) -> Result<Address, Refused> {
        let (scheme, rest) = url.split_once(':').ok_or(Refused::Invalid)?;
        let (is_tls, is_websocket) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, false),
            "https" => (true, false),
            "ws" => (false, true),
            "wss" => (true, true),
            other
                if other.len() <= 32
                    && other.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) =>
            {
                return Err(Refused::Scheme(other.to_owned()));
            }
            _ => return Err(Refused::Invalid),
        };
        let rest = without_fragment(rest.strip_prefix("//").ok_or(Refused::Invalid)?);
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, authority)| authority);
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or("")),
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let is_odd = |char: char| char.is_control() || char.is_whitespace() || "/\\\"<>".contains(char);
        if host.is_empty() || host.len() > HOST_LIMIT_BYTES || host.chars().any(is_odd) {
            return Err(Refused::Invalid);
        }
        let port = match port {
            "" => default_port(is_tls),
            port => port.parse().map_err(|_| Refused::Invalid)?,
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        let (target, encoded) = percent_encoded(target);
        Ok(Address { is_tls, is_websocket, host: host.to_owned(), port, target: format!("{slash}{target}"), encoded })
    }

    /// Host and port, as the Host field has them.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port, self.is_tls)
    }

    /// Host and port, as CONNECT has them.
    pub fn host_and_port(&self) -> String {
        let host = bracketed(&self.host);
        format!("{host}:{}", self.port)
    }

    /// The whole address.
    pub fn whole(&self) -> String {
        format!("{}://{}{}", scheme(self.is_tls, self.is_websocket), self.authority(), self.target)
    }

    /// The address without its query.
    pub fn place(&self) -> String {
        self.whole().split('?').next().unwrap_or_default().to_owned()
    }
}

pub(super) fn scheme(is_tls: bool, is_websocket: bool) -> &'static str {
    match (is_tls, is_websocket) {
        (false, false) => "http",
        (true, false) => "https",
        (false, true) => "ws",
        (true, true) => "wss",
    }
}

/// Host and port, the port only where it is not the scheme's own.
pub(super) fn authority(host: &str, port: u16, is_tls: bool) -> String {
    let host = bracketed(host);
    if port == default_port(is_tls) { host } else { format!("{host}:{port}") }
}

pub(super) fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn default_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

/// What may not stand in a request line, percent-encoded (RFC 3986 §2.1), and how many characters that were.
fn percent_encoded(target: &str) -> (String, u64) {
    let (mut text, mut encoded) = (String::with_capacity(target.len()), 0);
    for char in target.chars() {
        if char.is_ascii_graphic() {
            text.push(char);
            continue;
        }
        encoded += 1;
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    (text, encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let read = |url| Address::read(url).unwrap();
        let address = read("HTTPS://anna:geheim@example.com:8443/a/../b?c=%20#d");
        assert_eq!((address.authority().as_str(), address.target.as_str()), ("example.com:8443", "/a/../b?c=%20"));
        assert_eq!(address.place(), "https://example.com:8443/a/../b");
        assert_eq!(read("ws://[::1]:80?x").authority(), "[::1]");
        assert_eq!(read("ws://[::1]:80?x").target, "/?x");
        assert_eq!((read("http://a").target.as_str(), read("http://a").port), ("/", 80));
        let odd = read("http://a/ä b\r\n");
        assert_eq!((odd.target.as_str(), odd.encoded), ("/%C3%A4%20b%0D%0A", 4));
        assert_eq!(Address::read("data:text/plain,a"), Err(Refused::Scheme("data".to_owned())));
        for bad in ["", "nonsense", "http:", "http:///a", "http://a:99999/", "http://a b/", "http://:80/"] {
            assert_eq!(Address::read(bad), Err(Refused::Invalid), "{bad}");
        }
    }
}
