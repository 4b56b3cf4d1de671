//! The details of events. All of them are plain data that a session file keeps as JSON.

use super::{ConnectionId, Dir, LinkId};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// What the user asked for, kept beside the events. `spec` is JSON without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// Its number in the recording, from 1.
    pub id: ConnectionId,
    /// The request as the user gave it, as JSON, secrets left out.
    pub spec: String,
    /// What to call it on screen: usually the address.
    pub label: String,
}

/// A link is about to be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The connection it is for.
    pub connection: ConnectionId,
    /// The host, as the address names it.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether TLS will be spoken.
    pub tls: bool,
    /// Why it is opened: `request`, `poll`, `reconnection 2`, `side request`.
    pub purpose: String,
    /// The proxy that is used, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// A proxy on the way, and the part that a link plays with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// The proxy's address without its user information, such as `http://proxy.example:3128`.
    pub proxy: String,
    /// The part of this link.
    pub role: ProxyRole,
    /// Who named the proxy: `given`, `environment` or `system settings`.
    pub source: String,
    /// What is to be reached by it: `host:port`.
    pub target: String,
}

/// The part that a link plays where a proxy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyRole {
    /// Requests go to the proxy, with the whole address in them (RFC 9112 §3.2.2).
    Forward,
    /// The proxy is asked here for a way through: CONNECT (RFC 9110 §9.3.6) or SOCKS (RFC 1928).
    Tunnel,
    /// This link goes through the way that the other one opened.
    Inside(LinkId),
}

/// A proxy has opened a way through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnelled {
    /// The proxy's address without its user information.
    pub proxy: String,
    /// How it was asked: `CONNECT`, `SOCKS5` or `SOCKS4a`.
    pub protocol: String,
    /// What it reaches: `host:port`.
    pub target: String,
    /// The link on which it was asked.
    pub over: LinkId,
    /// How long all of that took, in nanoseconds, name resolution, TCP and TLS to the proxy included.
    pub took_ns: u64,
}

/// A proxy or a server asks who we are (RFC 9110 §11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Whether the proxy asks; else the server.
    pub by_proxy: bool,
    /// Who asks: `host:port`.
    pub who: String,
    /// The authentication schemes that are offered, as written: `Basic`, `Digest`, `NTLM`, `Negotiate`, `password`.
    pub schemes: Vec<String>,
    /// The realm, where one is named.
    pub realm: String,
    /// Whether credentials were given and refused.
    pub refused: bool,
    /// Whether it can be answered: one of the schemes is known here.
    pub can_be_answered: bool,
}

/// How far what we sent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Plaintext bytes that the kernel took so far.
    pub sent_bytes: u64,
    /// Of those, the first so many are acknowledged by the other end's TCP; `None` where the system does not tell.
    pub acknowledged_bytes: Option<u64>,
}

/// The result of name resolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The name that was looked up.
    pub host: String,
    /// Every address that came back, in the order in which they will be tried.
    pub addresses: Vec<IpAddr>,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
}

/// The result of dialling TCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// The address that won.
    pub remote: SocketAddr,
    /// Our own end.
    pub local: SocketAddr,
    /// The addresses that failed first, and how.
    pub failed: Vec<(SocketAddr, String)>,
    /// How long it took, in nanoseconds, failed addresses included.
    pub took_ns: u64,
}

/// What the TLS handshake settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// The cipher suite, by its IANA name.
    pub cipher_suite: String,
    /// The key exchange group, by its IANA name, where known.
    pub key_exchange: Option<String>,
    /// The application protocol chosen by ALPN, where one was.
    pub alpn: Option<String>,
    /// The server name that was sent (SNI), where one was.
    pub server_name: Option<String>,
    /// Whether the chain was verified against the trust store; `false` only where the user turned it off.
    pub verified: bool,
    /// What verification would have said where it was turned off.
    pub would_fail: Option<String>,
    /// The certificates the server sent, its own first.
    pub chain: Vec<CertificateFacts>,
    /// Whose root the chain leads to, where that was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// How long the handshake took, in nanoseconds.
    pub took_ns: u64,
}

/// Whose root certificate vouches for a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchor {
    /// One of the public set that Mozilla keeps (webpki-roots).
    Public,
    /// One that this machine trusts and the public set does not have.
    Machine,
    /// One of the user's own CA file.
    Given,
    /// Nobody's that is trusted here.
    Nobody,
}

/// One certificate of a chain (RFC 5280).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// Valid from (RFC 3339).
    pub not_before: String,
    /// Valid until (RFC 3339).
    pub not_after: String,
    /// Subject alternative names: DNS names and addresses.
    pub names: Vec<String>,
    /// The serial number in hexadecimal.
    pub serial: String,
    /// The DER encoding in hexadecimal, so that nothing is lost.
    pub der_hex: String,
}

/// Reading waited for the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalled {
    /// How long the socket was left unread, in nanoseconds.
    pub for_ns: u64,
    /// How many bytes were waiting to be recorded, shown, or both.
    pub waiting_bytes: u64,
}

/// The stage of a connection at which something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The address or an option cannot be used.
    Address,
    /// Name resolution.
    Dns,
    /// TCP connect.
    Tcp,
    /// Asking a proxy for a way through.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// Sending the request.
    Request,
    /// Waiting for the answer, or the answer itself.
    Answer,
    /// After the answer: the stream.
    Stream,
}

impl Stage {
    /// What the stage is called on screen.
    pub fn label(self) -> &'static str {
        match self {
            Stage::Address => "address",
            Stage::Dns => "DNS",
            Stage::Tcp => "TCP",
            Stage::Proxy => "proxy",
            Stage::Tls => "TLS",
            Stage::Request => "request",
            Stage::Answer => "answer",
            Stage::Stream => "stream",
        }
    }
}

/// A link failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// What was done, to what, and what came back: one sentence.
    pub text: String,
    /// What would help, where that is known; else empty.
    pub hint: String,
    /// How long the stage had taken, in nanoseconds.
    pub took_ns: u64,
    /// The certificates that were shown and refused, the server's own first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<CertificateFacts>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.stage.label(), self.text)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

/// A link was closed without fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The side that closed first: [`Dir::Out`] for us.
    pub by: Dir,
    /// Why, in a few words.
    pub text: String,
}

/// What Pushscope itself decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAct {
    /// What kind of decision.
    pub act: Act,
    /// The decision in one sentence.
    pub text: String,
}

/// The kinds of [`ClientAct`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// `auto` settled on a push type.
    Picked,
    /// Waiting before the next request or reconnection.
    Waiting,
    /// Something was noticed that is worth saying: a check that failed, an item that was sent although it breaks a rule.
    Noticed,
    /// The user's message could not be sent.
    NotSent,
    /// The connection is over: nothing more will be opened for it.
    Done,
    /// The connection is over because it failed.
    GaveUp,
}
