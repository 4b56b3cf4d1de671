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

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use guide::{ENDPOINTS, Endpoint, description, resolve};

/// A running lab. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Lab {
    addr: SocketAddr,
    server: JoinHandle<()>,
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
        Ok(Lab { addr, server })
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
