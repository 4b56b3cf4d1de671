//! The forward proxies, which the client is told to use: `CONNECT` (RFC 9110 §9.3.6) and absolute-form requests
//! (RFC 9112 §3.2.2). They reach this machine only.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::time::timeout;

use super::super::answer::Flow;
use super::super::params::is_token;
use super::body::Body;
use super::head::{Head, own_answer, page};
use super::intercept::Authority;
use super::login::{self, Login};
use super::relay::{HEAD_PATIENCE, Manner, Rules, Side, exchange, tunnel};

const CONNECTED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// What sets a forward proxy apart.
#[derive(Debug)]
pub enum Proxy {
    Connect443Only,
    NeedsLogin(Login),
    TlsIntercept(Authority),
}

impl Proxy {
    /// How it names itself in `Server` and `Via`.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Proxy::Connect443Only => ("squid/5.7", "lab-proxy (squid/5.7)"),
            Proxy::NeedsLogin(_) | Proxy::TlsIntercept(_) => ("lab-proxy", "lab-proxy"),
        }
    }

    /// The `Via` of a message that came in this version (RFC 9110 §7.6.3).
    fn via(&self, version: &str) -> String {
        format!("{} {}", version.trim_start_matches("HTTP/"), self.names().1)
    }
}

/// Why a request is not forwarded.
struct Refusal {
    status: u16,
    /// As squid has it in `X-Squid-Error`.
    squid_error: &'static str,
    sentence: String,
}

fn refusal(status: u16, squid_error: &'static str, sentence: impl Into<String>) -> Refusal {
    Refusal { status, squid_error, sentence: sentence.into() }
}

/// Takes the client's requests, until one is a tunnel that has ended, or the connection is to be closed.
pub async fn serve(mut client: Side, proxy: &Proxy, lab: SocketAddr) -> io::Result<()> {
    while let Some(request) = client.next_head().await? {
        if let Proxy::NeedsLogin(login) = proxy
            && !login.allows(&request)
        {
            // A body that was not wanted is not waited for.
            let keeps = request.keeps_alive() && request.request_body().is_ok_and(|body| body.has_ended());
            client.sender.send_bytes(&login::demand(login, keeps, request.word(0) == "HEAD")).await?;
            match keeps {
                true => continue,
                false => break,
            }
        }
        let outcome = match request.word(0) {
            "CONNECT" => match connect(proxy, request.word(1), lab).await {
                Ok(upstream) => return establish(client, upstream, proxy, request.word(1)).await,
                Err(refusal) => Err(refusal),
            },
            _ => forward(&mut client, proxy, &request, lab).await?,
        };
        match outcome {
            Ok(Flow::Keep) => {}
            Ok(Flow::Close) => break,
            Err(refusal) => {
                client.sender.send_bytes(&refuse(proxy, &refusal, request.word(0) == "HEAD")).await?;
                break;
            }
        }
    }
    client.close().await;
    Ok(())
}

fn refuse(proxy: &Proxy, refusal: &Refusal, is_answer_to_head: bool) -> Vec<u8> {
    let via = proxy.via("1.1");
    let mut fields = vec![("Server", proxy.names().0)];
    if matches!(proxy, Proxy::Connect443Only) {
        fields.push(("X-Squid-Error", refusal.squid_error));
    }
    fields.extend([("Via", via.as_str()), ("Connection", "close")]);
    let html = page("ERROR: The requested URL could not be retrieved", &refusal.sentence);
    own_answer(refusal.status, &fields, &html, is_answer_to_head)
}

/// Connects to where a `CONNECT` wants to go.
async fn connect(proxy: &Proxy, target: &str, lab: SocketAddr) -> Result<Side, Refusal> {
    let Some((host, port)) = split_authority(target, None) else {
        let sentence = "CONNECT needs a host and a port, as in CONNECT 127.0.0.1:443.";
        return Err(refusal(400, "ERR_INVALID_URL 0", sentence));
    };
    match proxy {
        Proxy::Connect443Only if port != 443 => {
            let sentence = format!("Access denied: this proxy allows CONNECT to port 443 only, not to port {port}.");
            Err(refusal(403, "ERR_ACCESS_DENIED 0", sentence))
        }
        // Whatever the client asks for, it is the lab that it gets.
        Proxy::TlsIntercept(_) => reach(lab).await,
        Proxy::Connect443Only | Proxy::NeedsLogin(_) => reach(on_this_machine(host, port, lab)?).await,
    }
}

async fn establish(mut client: Side, upstream: Side, proxy: &Proxy, target: &str) -> io::Result<()> {
    let host = split_authority(target, None).map_or(target, |(host, _)| host);
    let acceptor = match proxy {
        Proxy::TlsIntercept(authority) => match authority.acceptor(host) {
            Ok(acceptor) => Some(acceptor),
            Err(error) => {
                let sentence = format!("No certificate can be made for {host}: {error}.");
                let refusal = refusal(400, "ERR_INVALID_URL 0", sentence);
                client.sender.send_bytes(&refuse(proxy, &refusal, false)).await?;
                client.close().await;
                return Ok(());
            }
        },
        Proxy::Connect443Only | Proxy::NeedsLogin(_) => None,
    };
    client.sender.send_bytes(CONNECTED).await?;
    let stream = tokio::io::join(client.receiver.into_reader(), client.sender.into_writer());
    match acceptor {
        Some(acceptor) => tunnel(timeout(HEAD_PATIENCE, acceptor.accept(stream)).await??, upstream).await,
        None => tunnel(stream, upstream).await,
    }
    Ok(())
}

/// Forwards a request in absolute form, and its answer.
async fn forward(
    client: &mut Side,
    proxy: &Proxy,
    request: &Head,
    lab: SocketAddr,
) -> io::Result<Result<Flow, Refusal>> {
    let (upstream, forwarded, body) = match prepare(proxy, request, lab).await {
        Ok(prepared) => prepared,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (mut upstream, client_keeps, is_head) = (upstream, request.keeps_alive(), request.word(0) == "HEAD");
    let edit = |answer: &mut Head| {
        let keeps = client_keeps && answer.answer_body(is_head).is_ok_and(|body| body.is_delimited());
        answer.remove_hop_by_hop();
        answer.add("Via", &proxy.via(answer.word(0)));
        // RFC 9110 §2.5: a proxy speaks its own version.
        if let Some((_, status)) = answer.start_line.split_once(' ') {
            answer.start_line = format!("HTTP/1.1 {status}");
        }
        if answer.status() >= 200 {
            answer.add("Connection", if keeps { "keep-alive" } else { "close" });
        }
    };
    let rules = Rules { edit: &edit, manner: Manner::AtOnce, client_keeps, swallows: false };
    exchange(client, &mut upstream, &forwarded, body, &rules).await.map(Ok)
}

/// The server to ask, what it is asked, and the body that goes with it.
async fn prepare(proxy: &Proxy, request: &Head, lab: SocketAddr) -> Result<(Side, Head, Body), Refusal> {
    let Some((authority, path)) = split_absolute(request.word(1)) else {
        let sentence = "This is a proxy: it is asked with CONNECT, or for an address that starts with http://.";
        return Err(refusal(400, "ERR_INVALID_URL 0", sentence));
    };
    let Some((host, port)) = split_authority(authority, Some(80)) else {
        let sentence = format!("{authority} is no host with a port.");
        return Err(refusal(400, "ERR_INVALID_URL 0", sentence));
    };
    let body = request.request_body().map_err(|sentence| refusal(400, "ERR_INVALID_REQ 0", sentence))?;
    let upstream = reach(on_this_machine(host, port, lab)?).await?;
    let mut forwarded = request.clone();
    // The client's version, not the proxy's own: a client of HTTP/1.0 could not read the chunks of an HTTP/1.1 answer.
    forwarded.start_line = format!("{} {path} {}", request.word(0), request.word(2));
    forwarded.remove_hop_by_hop();
    // RFC 9112 §3.2.2: the Host that came is replaced by the target's.
    forwarded.remove(&["host"]);
    forwarded.add("Host", authority);
    forwarded.add("Via", &proxy.via(request.word(2)));
    // Each request has a connection of its own.
    forwarded.add("Connection", "close");
    Ok((upstream, forwarded, body))
}

async fn reach(addr: SocketAddr) -> Result<Side, Refusal> {
    let failed = |error| {
        let sentence = format!("Connecting to {addr} failed: {error}.");
        refusal(503, "ERR_CONNECT_FAIL 111", sentence)
    };
    Side::connect(addr).await.map_err(failed)
}

/// Nothing leaves the machine through the lab.
fn on_this_machine(host: &str, port: u16, lab: SocketAddr) -> Result<SocketAddr, Refusal> {
    let ip = match host.parse::<IpAddr>() {
        Ok(ip) => Some(ip).filter(|ip| ip.to_canonical().is_loopback()),
        Err(_) => host.trim_end_matches('.').eq_ignore_ascii_case("localhost").then_some(lab.ip()),
    };
    let sentence = || format!("The lab's proxies reach this machine only (127.0.0.1, ::1, localhost), not {host}.");
    ip.map(|ip| SocketAddr::new(ip, port)).ok_or_else(|| refusal(403, "ERR_ACCESS_DENIED 0", sentence()))
}

/// Host, without the brackets of an IPv6 address, and port.
fn split_authority(authority: &str, default_port: Option<u16>) -> Option<(&str, u16)> {
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default_port?),
    };
    let bare = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => host,
    };
    (!bare.is_empty() && !bare.contains(['@', '/'])).then_some((bare, port))
}

/// Authority and path of an `http` target in absolute form.
fn split_absolute(target: &str) -> Option<(&str, String)> {
    let (scheme, rest) = target.split_once("://").filter(|(scheme, _)| is_token(scheme))?;
    if !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.split('#').next().unwrap_or_default();
    // RFC 9112 §3.2.1: an empty path is sent as "/".
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some((authority, format!("{slash}{path}")))
}

/// The path of a request's target in absolute form; another target as it is.
pub fn path_of(target: &str) -> String {
    split_absolute(target).map_or_else(|| target.to_owned(), |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart() {
        assert_eq!(split_authority("a:1", None), Some(("a", 1)));
        assert_eq!(split_authority("[::1]:1", None), Some(("::1", 1)));
        assert_eq!(split_authority("[::1]", Some(80)), Some(("::1", 80)));
        for wrong in ["", ":1", "a", "a:b", "a:70000", "u:p@a:1", "[::1:1"] {
            assert_eq!(split_authority(wrong, None), None, "{wrong}");
        }
        assert_eq!(split_absolute("HTTP://a:1/b?c#d"), Some(("a:1", "/b?c".to_owned())));
        assert_eq!(split_absolute("http://a?c"), Some(("a", "/?c".to_owned())));
        assert_eq!(split_absolute("http://a"), Some(("a", "/".to_owned())));
        assert_eq!(split_absolute("https://a/"), None);
        assert_eq!(split_absolute("/b?u=http://a"), None);
    }

    #[test]
    fn nothing_leaves_the_machine() {
        let lab = SocketAddr::from(([127, 0, 0, 1], 8700));
        let reached = |host| on_this_machine(host, 1, lab).ok().map(|addr| addr.to_string());
        assert_eq!(reached("127.0.0.2").as_deref(), Some("127.0.0.2:1"));
        assert_eq!(reached("::1").as_deref(), Some("[::1]:1"));
        assert_eq!(reached("LocalHost.").as_deref(), Some("127.0.0.1:1"));
        assert!(reached("192.0.2.1").is_none() && reached("example.com").is_none() && reached("0.0.0.0").is_none());
    }
}
