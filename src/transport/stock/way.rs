//! The way to a server: the TLS of an ordinary client, and the proxy that the user gave.

use super::words::excerpt;
use crate::transport::failure::plain;
use crate::transport::login::basic;
use crate::transport::proxy::{self, Protocol, Proxy};
use crate::transport::spec::{Spec, TlsOptions};
use crate::transport::target::Target;
use crate::transport::tls::Trust;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream of bytes, by TCP or TLS. Nobody taps it.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// The longest answer head that is taken from a proxy.
const MOST_HEAD_BYTES: usize = 16 << 10;

/// The TLS of an ordinary client. Where it is not needed yet (a redirect may want it), the user's files may be wrong.
pub(super) async fn ordinary_tls(spec: &Spec, is_needed: bool) -> Result<ClientConfig, String> {
    let options = spec.tls.clone();
    let load = move || {
        let plain = |options: &TlsOptions| Trust::load(options)?.plain();
        plain(&options).or_else(|failure| if is_needed { Err(failure) } else { plain(&TlsOptions::default()) })
    };
    let loaded = tokio::task::spawn_blocking(load).await;
    let loaded = loaded.map_err(|error| format!("the certificates could not be read: {error}"))?;
    loaded.map_err(|failure| failure.to_string())
}

/// The proxy that the options name.
pub(super) async fn named_proxy(spec: &Spec, target: &Target) -> Result<Option<Proxy>, String> {
    let named = proxy::named(&spec.proxy, target).await.map_err(|failure| failure.to_string())?;
    match named {
        Some(proxy) if proxy.protocol != Protocol::Http => {
            Err(format!("not asked: this client knows no SOCKS proxies, and {} is one", proxy.address))
        }
        named => Ok(named),
    }
}

pub(super) fn reqwest_proxy(proxy: &Proxy) -> Result<reqwest::Proxy, reqwest::Error> {
    let made = reqwest::Proxy::all(&proxy.address)?;
    Ok(match &proxy.login {
        Some((user, password)) => made.basic_auth(user, password),
        None => made,
    })
}

/// Has an HTTP proxy open a way to `target` (CONNECT, RFC 9110 §9.3.6).
pub(super) async fn through(
    mut stream: Box<dyn Pipe>,
    proxy: &Proxy,
    target: &Target,
) -> Result<Box<dyn Pipe>, String> {
    let to = target.host_and_port();
    let login = proxy.login.as_ref().map(|(user, password)| basic(user, password));
    let login = login.map_or_else(String::new, |value| format!("Proxy-Authorization: {value}\r\n"));
    let ask = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n");
    let failed = |why: &str| format!("the proxy {} opened no way to {to}: {why}", proxy.address);
    stream.write_all(ask.as_bytes()).await.map_err(|error| failed(&plain(&error)))?;
    stream.flush().await.map_err(|error| failed(&plain(&error)))?;
    // Byte by byte, since what follows the head is the server's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MOST_HEAD_BYTES {
            return Err(failed("its answer has no end"));
        }
        head.push(stream.read_u8().await.map_err(|_| failed("it hung up without a whole answer"))?);
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let status = line.split(' ').nth(1).filter(|_| line.starts_with("HTTP/1.")).and_then(|code| code.parse().ok());
    match status {
        Some(200..=299_u16) => Ok(stream),
        Some(status) => Err(failed(&format!("it answered with status {status}"))),
        None => Err(failed(&format!("its answer is not HTTP: {}", excerpt(line.as_bytes())))),
    }
}
