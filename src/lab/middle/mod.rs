//! Middleboxes: proxies and reverse proxies on loopback that misbehave in the ways that offices know. They are chosen in
//! a lab address, as in `lab:ws?via=connect-443-only`, and listen on ports of their own.
//!
//! They pass bytes on as they came, but for what each does on purpose.

mod body;
mod choice;
mod forward;
mod head;
mod intercept;
mod login;
mod relay;
mod reverse;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::accept::accept;
use super::answer::Answer;
use super::guide::resolve;
pub use choice::{Kind, take_via};
use forward::Proxy;
use intercept::{Authority, TemporaryFile};
use login::Login;
use relay::{Side, tunnel_until_idle};

const LARGEST_CONNECTIONS: usize = 256;

/// Where a lab address leads, with what is needed to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The URL to connect to.
    pub url: String,
    /// The proxy to go through, as `http://ADDRESS:PORT`.
    pub proxy: Option<String>,
    /// A file in PEM with the certificate authority to trust.
    pub ca_file: Option<PathBuf>,
}

/// A proxy or reverse proxy that misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Middlebox {
    /// As in `via=NAME`.
    pub name: &'static str,
    /// A line of explanation.
    pub explanation: &'static str,
    /// A lab address that shows it well.
    pub example: &'static str,
    /// Whether the client must be told to use it; else it stands before the server unseen.
    pub is_proxy: bool,
}

/// The middleboxes, for a UI's one-click starts.
pub static MIDDLEBOXES: &[Middlebox] = &[
    Middlebox {
        name: "connect-443-only",
        explanation: "A proxy as squid is by default: CONNECT to a port that is not 443 is answered with 403",
        example: "lab:ws?via=connect-443-only",
        is_proxy: true,
    },
    Middlebox {
        name: "needs-login",
        explanation: "A proxy that answers 407 until it is given user lab and password lab, by Basic or Digest",
        example: "lab:sse?via=needs-login",
        is_proxy: true,
    },
    Middlebox {
        name: "tls-intercept",
        explanation: "A proxy that decrypts TLS, with certificates of its own authority",
        example: "lab:ws?via=tls-intercept",
        is_proxy: true,
    },
    Middlebox {
        name: "rewrites-connection",
        explanation: "Answers come with Connection: keep-alive where the server wrote Upgrade",
        example: "lab:ws?via=rewrites-connection",
        is_proxy: false,
    },
    Middlebox {
        name: "swallows-upstream",
        explanation: "What the client sends over a WebSocket never arrives",
        example: "lab:ws?rate=2&via=swallows-upstream",
        is_proxy: false,
    },
    Middlebox {
        name: "buffers",
        explanation: "The answer's body is collected, and passed on in lumps",
        example: "lab:sse?rate=5&via=buffers&lump=2000",
        is_proxy: false,
    },
    Middlebox {
        name: "cuts-idle",
        explanation: "The connection is ended when nothing was sent either way for a while",
        example: "lab:ws?scenario=quiet&via=cuts-idle",
        is_proxy: false,
    },
    Middlebox {
        name: "downgrades-http10",
        explanation: "It speaks HTTP/1.0: no upgrade, no chunks, and a connection for each request",
        example: "lab:sse?via=downgrades-http10",
        is_proxy: false,
    },
    Middlebox {
        name: "block-page",
        explanation: "A content filter answers everything with 200 and a page of its own",
        example: "lab:sse?via=block-page",
        is_proxy: false,
    },
    Middlebox {
        name: "truncates",
        explanation: "The connection is ended in the midst of the answer's body",
        example: "lab:sse?rate=5&via=truncates",
        is_proxy: false,
    },
];

impl Kind {
    /// Whether the client must be told to use it.
    pub fn is_proxy(self) -> bool {
        matches!(self, Kind::Connect443Only | Kind::NeedsLogin | Kind::TlsIntercept)
    }
}

/// A middlebox that listens. Dropping it stops it, closes its connections, and removes its file.
#[derive(Debug)]
pub struct Running {
    pub kind: Kind,
    addr: SocketAddr,
    lab: SocketAddr,
    ca_file: Option<TemporaryFile>,
    server: JoinHandle<()>,
}

impl Running {
    /// Starts a middlebox before the lab at `lab`. The error is a sentence.
    pub async fn start(kind: Kind, lab: SocketAddr) -> Result<Self, String> {
        let mut ca_file = None;
        let proxy = match kind {
            Kind::Connect443Only => Some(Proxy::Connect443Only),
            Kind::NeedsLogin => Some(Proxy::NeedsLogin(Login::new()?)),
            Kind::TlsIntercept => {
                let made = Authority::new();
                let (authority, pem) =
                    made.map_err(|error| format!("the middlebox's certificate authority cannot be made: {error}"))?;
                let written = TemporaryFile::new(&pem);
                let folder = std::env::temp_dir();
                ca_file = Some(written.map_err(|error| {
                    format!("the middlebox's certificate cannot be written in {}: {error}", folder.display())
                })?);
                Some(Proxy::TlsIntercept(authority))
            }
            _ => None,
        };
        let failed = |error| format!("the middlebox cannot listen on {}: {error}", lab.ip());
        let listener = TcpListener::bind(SocketAddr::new(lab.ip(), 0)).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let server = tokio::spawn(serve_all(listener, Arc::new(Service { kind, proxy, lab })));
        Ok(Self { kind, addr, lab, ca_file, server })
    }

    /// Where `address`, a lab address without `via`, leads through this middlebox. The error is a sentence.
    pub fn place(&self, address: &str) -> Result<Place, String> {
        if !self.kind.is_proxy() {
            return Ok(Place { url: resolve(self.addr, address)?, proxy: None, ca_file: None });
        }
        let mut url = resolve(self.lab, address)?;
        let ca_file = self.ca_file.as_ref().map(|file| file.path().to_owned());
        if ca_file.is_some() {
            url = url.replacen("://", "s://", 1);
        }
        Ok(Place { url, proxy: Some(format!("http://{}", self.addr)), ca_file })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Service {
    kind: Kind,
    /// For the forward proxies.
    proxy: Option<Proxy>,
    lab: SocketAddr,
}

/// Serves until dropped, which closes every connection.
async fn serve_all(listener: TcpListener, service: Arc<Service>) {
    let each = |stream, refuse| {
        let service = service.clone();
        async move {
            let client = Side::new(stream);
            // An error is one of the two sides being gone: there is no one left to tell.
            let _ = match refuse {
                true => refuse_connection(client).await,
                false => serve(client, &service).await,
            };
        }
    };
    accept(listener, LARGEST_CONNECTIONS, each).await;
}

async fn refuse_connection(mut client: Side) -> io::Result<()> {
    let sentence = format!("The middlebox has {LARGEST_CONNECTIONS} connections already, and takes no more.");
    Answer::sentence(503, &sentence).send(None, &mut client.sender).await?;
    client.close().await;
    Ok(())
}

async fn serve(mut client: Side, service: &Service) -> io::Result<()> {
    let Service { kind, proxy, lab } = service;
    match (kind, proxy) {
        (_, Some(proxy)) => forward::serve(client, proxy, *lab).await,
        (Kind::CutsIdle(idle), None) => {
            tunnel_until_idle(client, Side::connect(*lab).await?, *idle).await;
            Ok(())
        }
        (_, None) => {
            reverse::serve(&mut client, *kind, *lab).await?;
            client.close().await;
            Ok(())
        }
    }
}
