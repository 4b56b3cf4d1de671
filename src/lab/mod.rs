//! The other end: a server on loopback that offers one feed of messages over every type of push, and a relay that
//! delivers what is published to every subscriber, whatever its transport.
//!
//! It reads and writes raw bytes, so that it can tear messages, chunks and frames on purpose: what a client library
//! would never show, an inspector must survive. It knows no other module of this program.

mod answer;
mod feed;
mod guide;
mod http;
mod hub;
mod message;
mod middle;
mod params;
mod polling;
mod serve;
mod socket;
mod source;
mod split;
mod streaming;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use guide::{ENDPOINTS, Endpoint, description, resolve};
pub use middle::{MIDDLEBOXES, Middlebox};

/// A running lab. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Lab {
    addr: SocketAddr,
    server: JoinHandle<()>,
    middle: Mutex<Vec<middle::Running>>,
}

/// Where a lab address leads, and what is needed to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address to dial.
    pub url: String,
    /// The proxy to dial it by.
    pub proxy: Option<String>,
    /// A file with a certificate authority to be trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl Lab {
    /// Listens on `listen`, which must be a loopback address; port 0 is any free port.
    ///
    /// Must be called within a tokio runtime, which then runs the server.
    pub async fn start(listen: SocketAddr) -> io::Result<Lab> {
        if !listen.ip().to_canonical().is_loopback() {
            let sentence = format!(
                "the lab listens on loopback only, not on {listen}: use 127.0.0.1:{0} or [::1]:{0}",
                listen.port()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let server = tokio::spawn(serve::accept(listener, addr));
        Ok(Lab { addr, server, middle: Mutex::default() })
    }

    /// Where `lab:NAME`, `lab:NAME?QUERY` and `lab:NAME?via=MIDDLEBOX` lead. A middlebox is started the first time, and
    /// lives as long as the lab. The error is a sentence for the user.
    pub async fn place(&self, lab_url: &str) -> Result<Place, String> {
        let (address, query) = lab_url.split_once('?').unwrap_or((lab_url, ""));
        let (rest, chosen) = middle::chosen(query)?;
        let Some((middlebox, options)) = chosen else {
            return Ok(Place { url: resolve(self.addr, lab_url)?, proxy: None, ca_file: None });
        };
        let plain = if rest.is_empty() { address.to_owned() } else { format!("{address}?{rest}") };
        let (at, ca_file) = self.middlebox(middlebox, options).await?;
        if !middlebox.is_proxy() {
            return Ok(Place { url: resolve(at, &plain)?, proxy: None, ca_file: None });
        }
        let mut url = resolve(self.addr, &plain)?;
        if ca_file.is_some() {
            // The proxy that opens TLS speaks without it to the lab, which has none.
            url = url.replacen("http://", "https://", 1).replacen("ws://", "wss://", 1);
        }
        Ok(Place { url, proxy: Some(format!("http://{at}")), ca_file })
    }

    /// Where a middlebox listens, and the certificate it wants to be trusted.
    async fn middlebox(
        &self,
        middlebox: Middlebox,
        options: middle::Options,
    ) -> Result<(SocketAddr, Option<PathBuf>), String> {
        let fault = middlebox.fault();
        let known = || self.middle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known()
            .iter()
            .find(|one| one.fault == fault && one.options == options)
            .map(|one| (one.addr, one.ca_file()));
        if let Some(found) = found {
            return Ok(found);
        }
        let started = middle::Running::start(fault, options, self.addr).await;
        let started =
            started.map_err(|error| format!("the lab's middlebox {} cannot be started: {error}", middlebox.name))?;
        let found = (started.addr, started.ca_file());
        known().push(started);
        Ok(found)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Runs until the program is ended.
    pub async fn stopped(mut self) {
        // The server ends only when its runtime does.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.server.abort();
    }
}
