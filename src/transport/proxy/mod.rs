//! Proxies: which one to use for an address, and the ways through it.
//!
//! An HTTP proxy is given plain `http` requests as they are (RFC 9112 §3.2.2) and is asked for a way through for all else
//! (CONNECT, RFC 9110 §9.3.6); SOCKS proxies are always asked for one. What is said to a proxy is a link of its own.

mod choose;
mod connect;
mod socks;
mod system;

pub use choose::known_proxies;
pub(crate) use choose::{choose, named};
pub(crate) use system::Settings;

use super::context::Context;
use super::failure::refused_option;
use super::tap::Duplex;
use super::target::{Target, percent_decoded};
use crate::wire::{Failure, LinkId, ProxyRole, Via};
use url::{Host, Url};

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP, which includes CONNECT.
    Http,
    /// SOCKS version 5 (RFC 1928).
    Socks5,
    /// SOCKS version 4 with names (SOCKS4A).
    Socks4a,
}

/// A proxy to be used for one address.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub protocol: Protocol,
    /// Its own address. With TLS where the proxy itself is spoken to by TLS.
    pub target: Target,
    /// User and password, where they are known.
    pub login: Option<(String, String)>,
    /// Who named it.
    pub source: &'static str,
    /// Its address as it is shown: without user and password.
    pub address: String,
}

impl Proxy {
    /// Reads a proxy's address. A missing scheme means `http`.
    pub fn parse(address: &str, source: &'static str) -> Result<Proxy, Failure> {
        let address = address.trim();
        let shown = shown_proxy(address);
        let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let refused = |why: String| {
            let hint = "an example: http://proxy.example:3128; http, https, socks5 and socks4a proxies can be used";
            refused_option(format!("the proxy address {shown} cannot be used: {why}"), hint)
        };
        let url = Url::parse(&whole).map_err(|error| refused(error.to_string()))?;
        let (protocol, tls, port) = match url.scheme() {
            "http" => (Protocol::Http, false, 80),
            "https" => (Protocol::Http, true, 443),
            "socks5" | "socks5h" | "socks" => (Protocol::Socks5, false, 1080),
            "socks4" | "socks4a" => (Protocol::Socks4a, false, 1080),
            other => return Err(refused(format!("{other} is no kind of proxy"))),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => format!("[{address}]"),
            _ => return Err(refused("it names no host".to_owned())),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(refused("a proxy has no path".to_owned()));
        }
        // What was typed: a default port that was written out is the same as none.
        let port = url.port().unwrap_or(port);
        let login = (!url.username().is_empty() || url.password().is_some())
            .then(|| (percent_decoded(url.username()), percent_decoded(url.password().unwrap_or(""))));
        let scheme = if tls { "https" } else { "http" };
        let own = Url::parse(&format!("{scheme}://{host}:{port}/")).map_err(|error| refused(error.to_string()))?;
        let (target, _) = Target::of(own)?;
        let shown_scheme = match protocol {
            Protocol::Http => scheme,
            Protocol::Socks5 => "socks5",
            Protocol::Socks4a => "socks4a",
        };
        Ok(Proxy { protocol, target, login, source, address: format!("{shown_scheme}://{host}:{port}") })
    }

    /// Whether requests for `target` are given to the proxy as they are.
    pub fn forwards(&self, target: &Target, tunnel: bool) -> bool {
        self.protocol == Protocol::Http && !target.tls && !target.websocket && !tunnel
    }

    /// What a link says that has to do with this proxy.
    pub fn via(&self, role: ProxyRole, target: &Target) -> Via {
        Via { proxy: self.address.clone(), role, source: self.source.to_owned(), target: target.host_and_port() }
    }
}

/// A proxy's address without user and password, whether or not it can be read.
pub fn shown_proxy(address: &str) -> String {
    let address = address.trim();
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

/// A way through a proxy.
pub(crate) struct Way {
    /// What leads to the target.
    pub stream: Box<dyn Duplex>,
    /// How the proxy was asked.
    pub protocol: &'static str,
    /// The link on which it was asked. It ends when this is dropped.
    pub under: Under,
}

/// The link below another one.
pub(crate) struct Under {
    pub id: LinkId,
    link: Box<super::tap::Link>,
}

impl Under {
    fn new(link: super::tap::Link) -> Under {
        Under { id: link.log.id, link: Box::new(link) }
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.link.log.closed(crate::wire::Dir::Out, "the way through is no longer needed");
    }
}

/// Asks a proxy for a way through to `target`.
pub(crate) async fn tunnel(context: &Context, proxy: &Proxy, target: &Target, purpose: &str) -> Result<Way, Failure> {
    let purpose = format!("way for the {purpose}");
    match proxy.protocol {
        Protocol::Http => connect::tunnel(context, proxy, target, &purpose).await,
        Protocol::Socks5 | Protocol::Socks4a => socks::tunnel(context, proxy, target, &purpose).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_address_is_taken_apart() {
        let proxy = Proxy::parse("http://me:p%40ss@proxy.example:3128", "given").unwrap();
        assert_eq!((proxy.target.host.as_str(), proxy.target.port, proxy.target.tls), ("proxy.example", 3128, false));
        assert_eq!(proxy.login, Some(("me".into(), "p@ss".into())));
        assert_eq!(proxy.address, "http://proxy.example:3128");
        let proxy = Proxy::parse("[::1]:8080", "given").unwrap();
        assert_eq!((proxy.target.host.as_str(), proxy.address.as_str()), ("::1", "http://[::1]:8080"));
        let proxy = Proxy::parse("https://p", "given").unwrap();
        assert_eq!((proxy.target.port, proxy.target.tls), (443, true));
        for scheme in ["socks5", "socks5h"] {
            let proxy = Proxy::parse(&format!("{scheme}://u:p@h"), "given").unwrap();
            assert_eq!(
                (proxy.protocol, proxy.target.port, proxy.address.as_str()),
                (Protocol::Socks5, 1080, "socks5://h:1080")
            );
        }
        assert_eq!(Proxy::parse("socks4a://h:9", "given").unwrap().protocol, Protocol::Socks4a);
    }

    #[test]
    fn what_is_no_proxy_is_said_without_its_secrets() {
        for address in ["ftp://me:secret@h:1", "http://me:secret@", "me:secret@h:99999", "http://me:secret@h/path", ""]
        {
            let Err(failure) = Proxy::parse(address, "given") else { panic!("{address} was taken") };
            let said = failure.to_string();
            assert!(said.contains("cannot be used") && !said.contains("secret"), "{said}");
        }
    }
}
