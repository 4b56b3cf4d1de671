//! Which proxy an address is reached by.

use super::{Protocol, Proxy, system};
use crate::transport::context::Context;
use crate::transport::spec::{ProxyChoice, ProxyOptions};
use crate::transport::target::Target;
use crate::wire::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::Matcher;
use std::net::IpAddr;
use std::sync::atomic::Ordering;

/// The proxy for `target`, or none. What is worth knowing about the choice is noted once a connection.
pub(crate) async fn choose(context: &Context, target: &Target) -> Result<Option<Proxy>, Failure> {
    let settings = async || {
        let settings = context.system_proxy.get_or_init(system::settings).await;
        if let Some(said) = &settings.said
            && !context.said_proxy.swap(true, Ordering::Relaxed)
        {
            context.notice(said);
        }
        matched(&settings.matcher, target, settings.source)
    };
    named_by(&context.spec.proxy, target, settings).await
}

/// The proxy that options name for a target, asked without a connection.
pub(crate) async fn named(options: &ProxyOptions, target: &Target) -> Result<Option<Proxy>, Failure> {
    let settings = async || {
        let settings = system::settings().await;
        matched(&settings.matcher, target, settings.source)
    };
    named_by(options, target, settings).await
}

/// The proxy that options name for a target; `by_system` is asked where the system's settings are to say.
async fn named_by(
    options: &ProxyOptions,
    target: &Target,
    by_system: impl AsyncFnOnce() -> Result<Option<Proxy>, Failure>,
) -> Result<Option<Proxy>, Failure> {
    let found = match &options.choice {
        ProxyChoice::None => None,
        ProxyChoice::Given(address) => Some(Proxy::parse(address, "given")?),
        _ if is_loopback(target) => None,
        ProxyChoice::Environment => matched(&Matcher::from_env(), target, "environment")?,
        ProxyChoice::System => by_system().await?,
    };
    Ok(found.map(|proxy| Proxy { login: options.login.clone().or(proxy.login.clone()), ..proxy }))
}

/// The proxies that the environment and the system's settings name for an address: how to ask for each, and its address
/// without user and password.
pub async fn known_proxies(address: &str) -> Vec<(ProxyChoice, String)> {
    let Ok((target, _)) = Target::parse(address) else { return Vec::new() };
    if is_loopback(&target) {
        return Vec::new();
    }
    let mut known: Vec<(ProxyChoice, String)> = Vec::new();
    let settings = system::settings().await;
    for (choice, matcher) in
        [(ProxyChoice::Environment, &Matcher::from_env()), (ProxyChoice::System, &settings.matcher)]
    {
        if let Ok(Some(proxy)) = matched(matcher, &target, "")
            && !known.iter().any(|(_, address)| *address == proxy.address)
        {
            known.push((choice, proxy.address));
        }
    }
    known
}

/// Whether a target is this very machine, which no proxy of the environment or the system is asked for.
fn is_loopback(target: &Target) -> bool {
    let name = target.host.trim_end_matches('.');
    let is_local_name = name.eq_ignore_ascii_case("localhost") || name.to_lowercase().ends_with(".localhost");
    is_local_name || target.literal().is_some_and(|address: IpAddr| address.to_canonical().is_loopback())
}

fn matched(matcher: &Matcher, target: &Target, source: &'static str) -> Result<Option<Proxy>, Failure> {
    // The matcher knows http and https only; WebSocket addresses use what theirs use.
    let scheme = if target.tls { "https" } else { "http" };
    let authority = target.url.host_str().unwrap_or(&target.host);
    let Ok(uri) = format!("{scheme}://{authority}:{}/", target.port).parse::<http::Uri>() else { return Ok(None) };
    let Some(found) = matcher.intercept(&uri) else { return Ok(None) };
    let mut proxy = Proxy::parse(&found.uri().to_string(), source)?;
    if proxy.protocol == Protocol::Http && found.uri().port().is_none() && found.uri().scheme_str() == Some("http") {
        proxy = Proxy::parse(&format!("http://{}:80", found.uri().host().unwrap_or_default()), source)?;
    }
    let basic = || {
        let value = found.basic_auth()?.to_str().ok()?.strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    };
    let raw = || found.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
    proxy.login = proxy.login.or_else(basic).or_else(raw);
    Ok(Some(proxy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(matcher: &Matcher, address: &str) -> Option<String> {
        let (target, _) = Target::parse(address).unwrap();
        matched(matcher, &target, "environment").unwrap().map(|proxy| proxy.address)
    }

    #[test]
    fn websocket_addresses_use_the_proxy_of_their_scheme() {
        let matcher = Matcher::builder()
            .http("http://plain:3128")
            .https("http://me:p%20w@secure:3129")
            .no("internal.example,10.0.0.0/8")
            .build();
        for address in ["http://a.example/", "ws://a.example/"] {
            assert_eq!(found(&matcher, address).as_deref(), Some("http://plain:3128"));
        }
        for address in ["https://a.example/", "wss://a.example:8443/"] {
            assert_eq!(found(&matcher, address).as_deref(), Some("http://secure:3129"));
        }
        for address in ["http://x.internal.example/", "ws://10.1.2.3/"] {
            assert_eq!(found(&matcher, address), None);
        }
        let (target, _) = Target::parse("https://a.example/").unwrap();
        let proxy = matched(&matcher, &target, "environment").unwrap().unwrap();
        assert_eq!(proxy.login, Some(("me".into(), "p w".into())));
    }

    #[test]
    fn socks_from_the_environment_keeps_its_login() {
        let matcher = Matcher::builder().all("socks5h://u:p@s:1080").build();
        let (target, _) = Target::parse("wss://a.example/").unwrap();
        let proxy = matched(&matcher, &target, "environment").unwrap().unwrap();
        assert_eq!((proxy.protocol, proxy.login), (Protocol::Socks5, Some(("u".into(), "p".into()))));
    }

    #[test]
    fn this_machine_is_reached_directly() {
        for address in ["ws://127.0.0.1:1/", "http://[::1]/", "http://localhost/", "http://x.localhost./"] {
            assert!(is_loopback(&Target::parse(address).unwrap().0), "{address}");
        }
        assert!(!is_loopback(&Target::parse("http://10.0.0.1/").unwrap().0));
    }
}
