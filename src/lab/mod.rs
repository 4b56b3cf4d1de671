//! The other end: a server on loopback that offers one feed of messages over every type of push, and a relay that
//! delivers what is published to every subscriber, whatever its transport.
//!
//! It reads and writes raw bytes, so that it can tear messages, chunks and frames on purpose: what a client library
//! would never show, an inspector must survive. It knows no other module of this program.

mod accept;
mod answer;
mod deflate;
mod draft;
mod faults;
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
mod voice;
mod websocket;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub use guide::{ENDPOINTS, Endpoint, description, resolve};
pub use middle::{MIDDLEBOXES, Middlebox, Place};

/// How many middleboxes run at most: one for each name with its parameters.
const MOST_MIDDLEBOXES: usize = 64;

/// A running lab. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct Lab {
    addr: SocketAddr,
    server: JoinHandle<()>,
    middleboxes: Mutex<Vec<middle::Running>>,
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
        let server = tokio::spawn(serve::serve(listener, addr));
        Ok(Lab { addr, server, middleboxes: Mutex::default() })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where `lab_url` leads: `lab:NAME?QUERY`, in whose query `via` may name a middlebox to go through.
    ///
    /// A middlebox is started when it is first asked for, and runs as long as the lab; so must be called within a tokio
    /// runtime. The error is a sentence: what is not understood, or why the middlebox cannot start.
    pub async fn place(&self, lab_url: &str) -> Result<Place, String> {
        let (address, chosen) = middle::take_via(lab_url)?;
        let url = resolve(self.addr, &address)?;
        let Some(kind) = chosen else { return Ok(Place { url, proxy: None, ca_file: None }) };
        let mut middleboxes = self.middleboxes.lock().await;
        if let Some(running) = middleboxes.iter().find(|running| running.kind == kind) {
            return running.place(&address);
        }
        if middleboxes.len() >= MOST_MIDDLEBOXES {
            return Err(format!("The lab runs {MOST_MIDDLEBOXES} middleboxes already, and starts no more."));
        }
        let running = middle::Running::start(kind, self.addr).await?;
        let place = running.place(&address);
        middleboxes.push(running);
        place
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
