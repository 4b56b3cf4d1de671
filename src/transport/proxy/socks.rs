//! The way through a SOCKS proxy (RFC 1928, RFC 1929, SOCKS4A), by tokio-socks over a tap, on a link of its own. Names
//! are resolved by the proxy.

use super::{Protocol, Proxy, Under, Way};
use crate::transport::context::Context;
use crate::transport::dial::{dial_proxy, within};
use crate::transport::failure::{self, failure};
use crate::transport::request::Masked;
use crate::transport::tap::{Link, Prefixed, Tap};
use crate::transport::target::Target;
use crate::wire::{Challenge, Failure, ProxyRole, Stage, What};
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_socks::Error;
use tokio_socks::tcp::{Socks4Stream, Socks5Stream};

/// Asks for a way through.
pub(super) async fn tunnel(context: &Context, proxy: &Proxy, target: &Target, purpose: &str) -> Result<Way, Failure> {
    let (guard, stream) = dial_proxy(context, proxy, target, ProxyRole::Tunnel, purpose).await?;
    let link = Link::new(stream, guard);
    let began = Instant::now();
    let secret = proxy.login.as_ref().map(|(user, password)| password_message(user, password)).unwrap_or_default();
    let mut leg = Leg { tap: link.tap.clone(), unread: Bytes::new(), secret, secret_left: 0 };
    let to = (target.host.as_str(), target.port);
    let asked = async {
        match (proxy.protocol, &proxy.login) {
            (Protocol::Socks4a, Some((user, _))) => {
                Socks4Stream::connect_with_userid_and_socket(&mut leg, to, user).await.map(drop)
            }
            (Protocol::Socks4a, None) => Socks4Stream::connect_with_socket(&mut leg, to).await.map(drop),
            (_, Some((user, password))) => {
                Socks5Stream::connect_with_password_and_socket(&mut leg, to, user, password).await.map(drop)
            }
            (_, None) => Socks5Stream::connect_with_socket(&mut leg, to).await.map(drop),
        }
    };
    let protocol = if proxy.protocol == Protocol::Socks4a { "SOCKS4a" } else { "SOCKS5" };
    match within(context.spec.timeouts.answer_ms, asked).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            if let Some(challenge) = challenge(proxy, &error) {
                link.log.event(What::Challenged(challenge));
            }
            let failure = refused(proxy, target, protocol, &error, &link.tap, began);
            link.tap.drain().await;
            return Err(link.fail(failure));
        }
        Err(limit) => {
            let doing = format!("asking {} by {protocol} for a way to {}", proxy.address, target.host_and_port());
            let mut failure = failure::timeout(Stage::Proxy, &doing, limit, began);
            failure.hint = format!("does the proxy speak {protocol} on this port, and can it reach the server?");
            return Err(link.fail(failure));
        }
    }
    let early = std::mem::take(&mut leg.unread);
    let Some(stream) = link.tap.take_stream() else {
        let text = format!("{} said yes and closed the connection at once", proxy.address);
        return Err(link.fail(failure(Stage::Proxy, began, text, "see the proxy's log")));
    };
    let stream = if early.is_empty() { stream } else { Box::new(Prefixed::new(early, stream)) };
    Ok(Way { stream, protocol, under: Under::new(link) })
}

/// The message that carries the password (RFC 1929 §2), which is recorded with `*` in the password's place.
fn password_message(user: &str, password: &str) -> Vec<u8> {
    let len = |text: &str| text.len().min(255) as u8;
    [&[1, len(user)], user.as_bytes(), &[len(password)], password.as_bytes()].concat()
}

/// What a proxy asks of us by way of an error.
fn challenge(proxy: &Proxy, error: &Error) -> Option<Challenge> {
    let refused = match error {
        Error::PasswordAuthFailure(_) => true,
        Error::NoAcceptableAuthMethods | Error::UnknownAuthMethod | Error::AuthorizationRequired => {
            proxy.login.is_some()
        }
        Error::IdentdAuthFailure | Error::InvalidUserIdAuthFailure => true,
        _ => return None,
    };
    Some(Challenge {
        by_proxy: true,
        who: proxy.target.host_and_port(),
        schemes: vec!["password".to_owned()],
        realm: String::new(),
        refused,
        can_be_answered: true,
    })
}

fn refused(proxy: &Proxy, target: &Target, protocol: &str, error: &Error, tap: &Tap, began: Instant) -> Failure {
    let to = target.host_and_port();
    let sample = tap.sample();
    // The first byte of an answer: the version in SOCKS5 (RFC 1928 §3), always 0 in SOCKS4.
    let own = if proxy.protocol == Protocol::Socks4a { 0 } else { 5 };
    let (said, hint) = match error {
        _ if !sample.starts_with(b"HTTP/") && sample.first().is_some_and(|first| *first != own) => {
            let other = if own == 0 { "SOCKS5, so its address begins with socks5://" } else { "SOCKS4a (socks4a://)" };
            let speaks = if matches!(sample[0], 0 | 5) {
                format!("it seems to speak {other}")
            } else {
                "is this the right port and kind of proxy?".to_owned()
            };
            (format!("what it answered is not {protocol}: {}", failure::quoted(&sample)), speaks)
        }
        Error::Io(error) if sample.is_empty() => {
            let said = match error.kind() {
                io::ErrorKind::UnexpectedEof => "it closed the connection without an answer".to_owned(),
                _ => failure::plain(error),
            };
            (said, format!("does it speak {protocol} on this port, and does it let this machine in?"))
        }
        _ if sample.starts_with(b"HTTP/") => (
            format!("it answered {}", failure::quoted(&sample)),
            format!("that is an HTTP proxy: its address is http://{}", proxy.target.host_and_port()),
        ),
        Error::Io(error) => (failure::plain(error), "it closed the connection in the middle".to_owned()),
        Error::NoAcceptableAuthMethods | Error::UnknownAuthMethod | Error::AuthorizationRequired
            if proxy.login.is_none() =>
        {
            ("it wants a user and a password".to_owned(), "give them with the proxy's address".to_owned())
        }
        Error::NoAcceptableAuthMethods | Error::UnknownAuthMethod => {
            ("it takes no password, nor goes without".to_owned(), "see the proxy's configuration".to_owned())
        }
        Error::PasswordAuthFailure(code) => {
            (format!("it refused this user or password (status {code})"), "check both".to_owned())
        }
        Error::ConnectionNotAllowedByRuleset => {
            ("its rules forbid that (reply 2)".to_owned(), format!("ask whoever runs it to allow {to}"))
        }
        Error::NetworkUnreachable => ("it has no route to that network (reply 3)".to_owned(), String::new()),
        Error::HostUnreachable => {
            ("it cannot reach that host (reply 4)".to_owned(), "does the name exist for the proxy?".to_owned())
        }
        Error::ConnectionRefused => {
            ("the server refused it (reply 5)".to_owned(), "is the server running, and is the port right?".to_owned())
        }
        Error::TtlExpired => ("the time to live ran out (reply 6)".to_owned(), String::new()),
        Error::CommandNotSupported | Error::AddressTypeNotSupported => {
            (error.to_string(), "the proxy is a limited one".to_owned())
        }
        Error::GeneralSocksServerFailure => (
            "it failed, and does not say why (reply 1)".to_owned(),
            "often the server cannot be reached from the proxy; see its log".to_owned(),
        ),
        Error::InvalidResponseVersion | Error::InvalidReservedByte | Error::UnknownAddressType => (
            format!("what it answered is not {protocol}: {}", failure::quoted(&sample)),
            "is this the right port and kind of proxy?".to_owned(),
        ),
        other => (other.to_string(), String::new()),
    };
    let text = format!("{} opened no way to {to}: {said}", proxy.address);
    failure(Stage::Proxy, began, text, hint)
}

/// The tap as tokio-socks reads and writes it.
struct Leg {
    tap: Tap,
    unread: Bytes,
    /// The message with the password in it, and how much of it has not gone out once it has begun to.
    secret: Vec<u8>,
    secret_left: usize,
}

impl Leg {
    /// What is recorded of bytes that go out: `*` for the password, which ends its message.
    fn shown(&mut self, buf: &[u8]) -> Bytes {
        if self.secret_left == 0 && buf == self.secret {
            self.secret_left = buf.len();
        }
        if self.secret_left == 0 || self.secret.is_empty() {
            return Bytes::copy_from_slice(buf);
        }
        let password_len = self.secret.len() - (usize::from(self.secret[1]) + 3);
        let clear = self.secret_left.saturating_sub(password_len).min(buf.len());
        Bytes::from([&buf[..clear], &vec![b'*'; buf.len() - clear]].concat())
    }
}

impl AsyncRead for Leg {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            self.unread = ready!(self.tap.poll_chunk(cx))?;
        }
        let len = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Leg {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut bytes = Masked { shown: self.shown(buf), real: Bytes::copy_from_slice(buf) };
        ready!(self.tap.poll_write_masked(cx, &mut bytes))?;
        let len = buf.len() - bytes.real.len();
        self.secret_left = self.secret_left.saturating_sub(len);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.tap.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.tap.poll_shutdown(cx)
    }
}
