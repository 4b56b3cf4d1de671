//! Opening a link by stages, each an event: name resolution, TCP, TLS.
//!
//! Dropping the future at any stage closes what is open and logs the end of the link.

use super::context::{Context, LinkGuard};
use super::failure;
use super::progress::{Counted, Meter, Sealed};
use super::proxy::{self, Proxy};
use super::tap::{Duplex, Link};
use super::target::Target;
use crate::wire::{Connected, Failure, ProxyRole, Resolved, Stage, Tunnelled, What};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long an address may take before the next is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// Opens a link to a target: straight, to a proxy that is given its requests, or over a way through a proxy.
pub(crate) async fn dial(context: &Context, target: &Target, purpose: &str) -> Result<Link, Failure> {
    let refused = |failure: Failure| {
        context.fail_unopened(&target.host, target.port, target.tls, &failure);
        failure
    };
    if target.tls {
        context.trust().await.map_err(refused)?;
    }
    let Some(proxy) = proxy::choose(context, target).await.map_err(refused)? else {
        let guard = context.open_link(&target.host, target.port, target.tls, purpose, None);
        let stream = told(straight(context, target, &guard).await, &guard)?;
        return Ok(Link::new(stream, guard));
    };
    if proxy.forwards(target, context.spec.proxy.tunnel) {
        let (guard, stream) = dial_proxy(context, &proxy, target, ProxyRole::Forward, purpose).await?;
        return Ok(Link::to_forwarder(stream, guard, proxy));
    }
    let began = Instant::now();
    let way = proxy::tunnel(context, &proxy, target, purpose).await?;
    let via = Some(proxy.via(ProxyRole::Inside(way.under.id), target));
    let guard = context.open_link(&target.host, target.port, target.tls, purpose, via);
    guard.log.event(What::Tunnelled(Tunnelled {
        proxy: proxy.address.clone(),
        protocol: way.protocol.to_owned(),
        target: target.host_and_port(),
        over: way.under.id,
        took_ns: began.elapsed().as_nanos() as u64,
    }));
    let mut stream = way.stream;
    if target.tls {
        let limit_ms = context.spec.timeouts.tls_ms;
        let secured = secure(context, target, stream, limit_ms, &guard).await;
        stream = told(secured.map_err(|failure| failure::by_way(failure, &proxy.address)), &guard)?;
    }
    Ok(Link::over(stream, guard, way.under, &proxy))
}

/// Opens a link to a proxy itself.
pub(super) async fn dial_proxy(
    context: &Context,
    proxy: &Proxy,
    target: &Target,
    role: ProxyRole,
    purpose: &str,
) -> Result<(LinkGuard, Box<dyn Duplex>), Failure> {
    let own = &proxy.target;
    if own.tls
        && let Err(failure) = context.trust().await
    {
        context.fail_unopened(&own.host, own.port, true, &failure);
        return Err(failure);
    }
    let guard = context.open_link(&own.host, own.port, own.tls, purpose, Some(proxy.via(role, target)));
    let opened = straight(context, own, &guard).await.map_err(|failure| Failure {
        text: format!("the proxy {} cannot be reached: {}", proxy.address, failure.text),
        ..failure
    });
    let stream = told(opened, &guard)?;
    Ok((guard, stream))
}

/// Records how a link failed, if it did.
fn told<T>(outcome: Result<T, Failure>, guard: &LinkGuard) -> Result<T, Failure> {
    outcome.inspect_err(|failure| guard.log.failed(failure))
}

async fn straight(context: &Context, target: &Target, guard: &LinkGuard) -> Result<Box<dyn Duplex>, Failure> {
    let timeouts = &context.spec.timeouts;
    let addresses = resolve(target, timeouts.dns_ms, guard).await?;
    let tcp = Box::new(Counted::new(connect(target, addresses, timeouts.tcp_ms, guard).await?));
    if !target.tls {
        return Ok(tcp);
    }
    secure(context, target, tcp, timeouts.tls_ms, guard).await
}

/// Runs a future for at most `limit_ms`; 0 is no limit. `Err` is the limit that was reached.
pub(crate) async fn within<T>(limit_ms: u64, future: impl Future<Output = T>) -> Result<T, Duration> {
    match limit_ms {
        0 => Ok(future.await),
        _ => {
            let limit = Duration::from_millis(limit_ms);
            tokio::time::timeout(limit, future).await.map_err(|_| limit)
        }
    }
}

async fn resolve(target: &Target, limit_ms: u64, guard: &LinkGuard) -> Result<Vec<IpAddr>, Failure> {
    let began = Instant::now();
    let addresses = match target.literal() {
        Some(address) => vec![address],
        None => {
            let doing = format!("looking up {}", target.host);
            let found = within(limit_ms, tokio::net::lookup_host((target.host.as_str(), target.port)))
                .await
                .map_err(|limit| failure::timeout(Stage::Dns, &doing, limit, began))?
                .map_err(|error| failure::dns(&target.host, &error, began))?;
            interleave(found.map(|found| found.ip()))
        }
    };
    if addresses.is_empty() {
        let text = format!("the name {} exists but has no address", target.host);
        return Err(failure::failure(Stage::Dns, began, text, ""));
    }
    guard.log.event(What::Resolved(Resolved {
        host: target.host.clone(),
        addresses: addresses.clone(),
        took_ns: began.elapsed().as_nanos() as u64,
    }));
    Ok(addresses)
}

/// Both families in turn, beginning with that of the first address (RFC 8305 §4); each address once.
fn interleave(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut families: [VecDeque<IpAddr>; 2] = Default::default();
    let mut first = None;
    for address in found {
        let family = usize::from(address.is_ipv4());
        first.get_or_insert(family);
        if !families[family].contains(&address) {
            families[family].push_back(address);
        }
    }
    let mut family = first.unwrap_or(0);
    let mut order = Vec::new();
    while let Some(address) = families[family].pop_front().or_else(|| families[1 - family].pop_front()) {
        order.push(address);
        family = usize::from(!address.is_ipv4());
    }
    order
}

async fn connect(
    target: &Target,
    addresses: Vec<IpAddr>,
    limit_ms: u64,
    guard: &LinkGuard,
) -> Result<TcpStream, Failure> {
    let began = Instant::now();
    let mut waiting: VecDeque<SocketAddr> =
        addresses.into_iter().map(|address| SocketAddr::new(address, target.port)).collect();
    let mut trying = FuturesUnordered::new();
    let mut pending: Vec<SocketAddr> = Vec::new();
    let mut failed = Vec::new();
    let mut last_error = io::ErrorKind::NotFound;
    let attempt = |address: SocketAddr| async move {
        let outcome = within(limit_ms, TcpStream::connect(address)).await;
        (address, outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
    };
    loop {
        if trying.is_empty() {
            let Some(address) = waiting.pop_front() else {
                return Err(failure::tcp(&target.host, &failed, last_error, began));
            };
            pending.push(address);
            trying.push(attempt(address));
        }
        tokio::select! {
            Some((address, outcome)) = trying.next() => match outcome {
                Ok(stream) => {
                    pending.retain(|other| *other != address);
                    failed.extend(pending.iter().map(|other| (*other, "was slower".to_owned())));
                    // Small messages are to leave at once; a socket that cannot do that still works.
                    let _ = stream.set_nodelay(true);
                    let local = stream.local_addr().unwrap_or(SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 0));
                    let took_ns = began.elapsed().as_nanos() as u64;
                    guard.log.event(What::Connected(Connected { remote: address, local, failed, took_ns }));
                    return Ok(stream);
                }
                Err(error) => {
                    pending.retain(|other| *other != address);
                    last_error = error.kind();
                    failed.push((address, failure::tcp_reason(&error)));
                }
            },
            () = tokio::time::sleep(STAGGER), if !waiting.is_empty() => {
                if let Some(address) = waiting.pop_front() {
                    pending.push(address);
                    trying.push(attempt(address));
                }
            }
        }
    }
}

async fn secure(
    context: &Context,
    target: &Target,
    stream: Box<dyn Duplex>,
    limit_ms: u64,
    guard: &LinkGuard,
) -> Result<Box<dyn Duplex>, Failure> {
    let began = Instant::now();
    let (config, witness) = context.trust().await?.configure(began)?;
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| failure::failure(Stage::Tls, began, format!("{} cannot be a TLS server name", target.host), ""))?;
    let raw = Arc::new(Mutex::new(Vec::new()));
    let sniffed = Sniffed { stream, raw: raw.clone() };
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, sniffed);
    let doing = format!("TLS handshake with {}:{}", target.host, target.port);
    let stream = within(limit_ms, handshake)
        .await
        .map_err(|limit| failure::timeout(Stage::Tls, &doing, limit, began))?
        .map_err(|error| {
            let raw = raw.lock().unwrap_or_else(PoisonError::into_inner);
            witness.failure(target, &error, &raw, began)
        })?;
    guard.log.event(What::Secured(witness.facts(stream.get_ref().1, target, began)));
    Ok(Box::new(Sealed(stream)))
}

/// Keeps the first bytes that arrive, to tell what a server speaks that does not speak TLS.
struct Sniffed {
    stream: Box<dyn Duplex>,
    raw: Arc<Mutex<Vec<u8>>>,
}

const SNIFF_BYTES: usize = 64;

impl Duplex for Sniffed {
    fn meter(&self) -> Option<Arc<Meter>> {
        self.stream.meter()
    }

    fn is_flushed(&self) -> bool {
        self.stream.is_flushed()
    }
}

impl AsyncRead for Sniffed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let mut raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        let room = SNIFF_BYTES - raw.len();
        let new = &buf.filled()[before..];
        raw.extend_from_slice(&new[..new.len().min(room)]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_no_address_comes_twice() {
        let found = ["::1", "::2", "::1", "127.0.0.1", "127.0.0.2", "127.0.0.3"];
        let order = interleave(found.iter().map(|text| text.parse().unwrap()));
        let order: Vec<String> = order.iter().map(IpAddr::to_string).collect();
        assert_eq!(order, ["::1", "127.0.0.1", "::2", "127.0.0.2", "127.0.0.3"]);
    }
}
