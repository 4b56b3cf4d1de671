//! Middleboxes: what stands between a client and a server in offices, each with its fault, on loopback.
//!
//! Some are proxies that a client is told of, others are silently in between. They write raw bytes and forward to the
//! lab, or to other servers on this machine, and nowhere else.

mod forward;
mod head;
mod intercept;
mod login;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use intercept::Authority;

/// Connections that one middlebox has at the same time.
const LARGEST_CONNECTIONS: usize = 256;

/// What kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Connect443Only,
    NeedsLogin,
    TlsIntercept,
    RewritesConnection,
    SwallowsUpstream,
    Buffers,
    CutsIdle,
    DowngradesHttp10,
    BlockPage,
    Truncates,
}

/// One that can be chosen by name: `lab:ws?via=NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Middlebox {
    /// Its name.
    pub name: &'static str,
    /// A line of explanation.
    pub explanation: &'static str,
    /// A lab address that shows it well.
    pub example: &'static str,
    fault: Fault,
}

impl Middlebox {
    pub(super) fn fault(&self) -> Fault {
        self.fault
    }

    /// Whether a client is told of it; else it is silently in between.
    pub fn is_proxy(&self) -> bool {
        matches!(self.fault, Fault::Connect443Only | Fault::NeedsLogin | Fault::TlsIntercept)
    }
}

const fn middlebox(name: &'static str, fault: Fault, example: &'static str, explanation: &'static str) -> Middlebox {
    Middlebox { name, explanation, example, fault }
}

/// Every middlebox.
pub const MIDDLEBOXES: &[Middlebox] = &[
    middlebox(
        "connect-443-only",
        Fault::Connect443Only,
        "lab:ws?via=connect-443-only",
        "A proxy that opens a way to port 443 only, as squid does by default",
    ),
    middlebox(
        "needs-login",
        Fault::NeedsLogin,
        "lab:sse?via=needs-login",
        "A proxy that wants user and password (both are: lab), by Basic or Digest",
    ),
    middlebox(
        "rewrites-connection",
        Fault::RewritesConnection,
        "lab:ws?via=rewrites-connection",
        "Rewrites the Connection header of the answer, which breaks an upgrade",
    ),
    middlebox(
        "swallows-upstream",
        Fault::SwallowsUpstream,
        "lab:ws?rate=2&via=swallows-upstream",
        "Swallows what the client sends after its request; the server's data flow",
    ),
    middlebox(
        "tls-intercept",
        Fault::TlsIntercept,
        "lab:ws?via=tls-intercept",
        "A proxy that opens TLS and encrypts it again with a certificate of its own",
    ),
    middlebox(
        "buffers",
        Fault::Buffers,
        "lab:sse?rate=5&via=buffers&lump=2000",
        "Collects the answer and hands it on in lumps",
    ),
    middlebox(
        "cuts-idle",
        Fault::CutsIdle,
        "lab:ws?scenario=quiet&via=cuts-idle",
        "Closes a connection on which nothing was said for some seconds",
    ),
    middlebox(
        "downgrades-http10",
        Fault::DowngradesHttp10,
        "lab:sse?via=downgrades-http10",
        "Speaks HTTP/1.0 to both sides: no chunks, no upgrade",
    ),
    middlebox(
        "block-page",
        Fault::BlockPage,
        "lab:sse?via=block-page",
        "Answers everything with a page that says that it is forbidden",
    ),
    middlebox("truncates", Fault::Truncates, "lab:sse?rate=5&via=truncates", "Ends an answer in the middle"),
];

/// What the user may choose of a middlebox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `cuts-idle`: after so long.
    pub idle: Duration,
    /// `buffers`: a lump every so long.
    pub lump: Duration,
    /// `truncates`: after so many bytes of the body.
    pub cut_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { idle: Duration::from_secs(5), lump: Duration::from_secs(3), cut_bytes: 700 }
    }
}

/// A middlebox that listens.
#[derive(Debug)]
pub struct Running {
    pub fault: Fault,
    pub options: Options,
    pub addr: SocketAddr,
    authority: Option<Arc<Authority>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Listens on a free port of loopback, before the lab at `lab`.
    pub async fn start(fault: Fault, options: Options, lab: SocketAddr) -> io::Result<Running> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let authority = match fault {
            Fault::TlsIntercept => Some(Arc::new(Authority::make().map_err(io::Error::other)?)),
            _ => None,
        };
        let way = Way { fault, options, lab, authority: authority.clone() };
        let task = tokio::spawn(accept(listener, way));
        Ok(Running { fault, options, addr, authority, task })
    }

    /// The certificate file that a client must trust to be deceived.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(|authority| authority.file.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every connection of a middlebox knows.
#[derive(Clone, Debug)]
struct Way {
    fault: Fault,
    options: Options,
    lab: SocketAddr,
    authority: Option<Arc<Authority>>,
}

async fn accept(listener: TcpListener, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) if connections.len() < LARGEST_CONNECTIONS => {
                let way = way.clone();
                connections.spawn(async move {
                    let _ = client.set_nodelay(true);
                    // An error is one side being gone: there is no one to tell.
                    let _ = serve(client, &way).await;
                });
            }
            Ok(_) => {}
            // Out of file descriptors, most likely: some may be free again soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(client: TcpStream, way: &Way) -> io::Result<()> {
    match way.fault {
        Fault::Connect443Only | Fault::NeedsLogin | Fault::TlsIntercept => forward::serve(client, way).await,
        _ => relay::serve(client, way).await,
    }
}

/// Takes `via` and the middlebox's own parameters out of a lab address's query. The rest of the query, and what was
/// chosen; an error is a sentence for the user.
pub fn chosen(query: &str) -> Result<(String, Option<(Middlebox, Options)>), String> {
    let mut options = Options::default();
    let (mut via, mut rest) = (None, Vec::new());
    let number = |name: &str, value: &str, least: f64, most: f64| match value.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("the parameter {name} is a number from {least} to {most}, not {value:?}")),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "via" => via = Some(value),
            "idle" => options.idle = Duration::from_secs_f64(number(name, value, 0.1, 3600.0)?),
            "lump" => options.lump = Duration::from_secs_f64(number(name, value, 1.0, 600_000.0)? / 1000.0),
            "cut" => options.cut_bytes = number(name, value, 0.0, 1e9)? as usize,
            _ => rest.push(pair),
        }
    }
    let Some(via) = via else { return Ok((query.to_owned(), None)) };
    let Some(middlebox) = MIDDLEBOXES.iter().find(|middlebox| middlebox.name == via) else {
        let names: Vec<_> = MIDDLEBOXES.iter().map(|middlebox| middlebox.name).collect();
        return Err(format!("the lab has no middlebox {via:?}; it has {}", names.join(", ")));
    };
    Ok((rest.join("&"), Some((*middlebox, options))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_middlebox_is_chosen_in_the_query() {
        let (rest, chosen_) = chosen("rate=5&via=cuts-idle&idle=1.5&count=2").unwrap();
        let (middlebox, options) = chosen_.unwrap();
        assert_eq!(
            (rest.as_str(), middlebox.name, options.idle),
            ("rate=5&count=2", "cuts-idle", Duration::from_millis(1500))
        );
        assert!(chosen("rate=5").unwrap().1.is_none());
        assert!(chosen("via=smoke").unwrap_err().contains("block-page"));
        assert!(chosen("via=cuts-idle&idle=soon").unwrap_err().contains("idle"));
    }
}
