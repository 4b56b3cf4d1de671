//! Middleboxes that are silently in between: they hand a request on to the lab and its answer back, each in its way.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::head::Head;
use super::{Fault, Way};

/// What is collected at most before a lump goes out.
const LUMP_BYTES: usize = 64 << 10;

const BLOCKED: &str = "<!DOCTYPE html>\n<html><head><title>Access denied</title></head><body>\n<h1>Access denied</h1>\n\
<p>The content filter of your organisation blocks this address (category: streaming).</p>\n</body></html>\n";

/// Serves one connection of a client.
pub async fn serve(mut client: TcpStream, way: &Way) -> io::Result<()> {
    let mut early = BytesMut::new();
    let Some(request) = Head::read(&mut client, &mut early).await? else { return Ok(()) };
    if way.fault == Fault::BlockPage {
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: lab-filter\r\nVia: 1.1 lab-filter\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            BLOCKED.len()
        );
        client.write_all(head.as_bytes()).await?;
        client.write_all(BLOCKED.as_bytes()).await?;
        return client.shutdown().await;
    }
    let is_upgrade = request.is_upgrade() && way.fault != Fault::DowngradesHttp10;
    let mut lab = TcpStream::connect(way.lab).await?;
    lab.set_nodelay(true)?;
    lab.write_all(&asked(request, way.fault, is_upgrade).bytes()).await?;
    if way.fault == Fault::SwallowsUpstream && is_upgrade {
        early.clear();
    }
    lab.write_all(&early).await?;
    let mut body = BytesMut::new();
    let idle = match way.fault {
        Fault::CutsIdle => way.options.idle,
        _ => Duration::MAX,
    };
    let Ok(answer) = timeout(idle, Head::read(&mut lab, &mut body)).await else { return client.shutdown().await };
    let Some(answer) = answer? else { return Ok(()) };
    client.write_all(&answered(answer, way.fault).bytes()).await?;
    let (from_client, to_client) = client.into_split();
    let (from_lab, to_lab) = lab.into_split();
    let mut relay = Relay { way, to_client, to_lab, body, is_upgrade, left: way.options.cut_bytes };
    relay.run(from_client, from_lab).await
}

/// A request as the lab gets it. One request a connection: the end of the answer is the end of both.
fn asked(request: Head, fault: Fault, is_upgrade: bool) -> Head {
    if is_upgrade {
        return request;
    }
    let mut request = request.without(&["connection", "upgrade", "keep-alive"]).with("Connection", "close");
    if fault == Fault::DowngradesHttp10 {
        request.first = request.first.replace(" HTTP/1.1", " HTTP/1.0");
        request = request.with("Via", "1.1 lab-proxy");
    }
    request
}

/// An answer as the client gets it.
fn answered(mut answer: Head, fault: Fault) -> Head {
    match fault {
        Fault::RewritesConnection => {
            let had = answer.field("connection").is_some();
            answer = answer.without(&["connection"]);
            if had { answer.with("Connection", "keep-alive") } else { answer }
        }
        Fault::DowngradesHttp10 => {
            answer.first = answer.first.replacen("HTTP/1.1", "HTTP/1.0", 1);
            answer
                .without(&["transfer-encoding", "connection", "upgrade"])
                .with("Via", "1.0 lab-proxy")
                .with("Connection", "close")
        }
        _ => answer,
    }
}

struct Relay<'a> {
    way: &'a Way,
    to_client: OwnedWriteHalf,
    to_lab: OwnedWriteHalf,
    /// What came from the lab and has not gone on.
    body: BytesMut,
    is_upgrade: bool,
    /// Bytes of the body until it is cut.
    left: usize,
}

impl Relay<'_> {
    async fn run(&mut self, mut from_client: OwnedReadHalf, mut from_lab: OwnedReadHalf) -> io::Result<()> {
        let options = self.way.options;
        let mut upward = BytesMut::new();
        let mut lumps = interval(options.lump);
        let mut idle_at = Instant::now() + options.idle;
        if self.way.fault != Fault::Buffers && !self.pass_on().await? {
            return Ok(());
        }
        loop {
            tokio::select! {
                read = from_lab.read_buf(&mut self.body) => {
                    let is_over = read? == 0;
                    idle_at = Instant::now() + options.idle;
                    let waits = self.way.fault == Fault::Buffers && !is_over && self.body.len() < LUMP_BYTES;
                    if (!waits && !self.pass_on().await?) || is_over {
                        return self.to_client.shutdown().await;
                    }
                }
                read = from_client.read_buf(&mut upward) => {
                    if read? == 0 {
                        return self.to_lab.shutdown().await;
                    }
                    idle_at = Instant::now() + options.idle;
                    if self.way.fault != Fault::SwallowsUpstream || !self.is_upgrade {
                        self.to_lab.write_all(&upward).await?;
                    }
                    upward.clear();
                }
                _ = lumps.tick(), if self.way.fault == Fault::Buffers => {
                    self.pass_on().await?;
                }
                () = sleep_until(idle_at), if self.way.fault == Fault::CutsIdle => {
                    return self.to_client.shutdown().await;
                }
            }
        }
    }

    /// Hands on what was collected; `false` where the answer is cut here.
    async fn pass_on(&mut self) -> io::Result<bool> {
        if self.way.fault == Fault::Truncates {
            self.body.truncate(self.left);
            self.left -= self.body.len();
        }
        self.to_client.write_all(&self.body).await?;
        self.body.clear();
        Ok(self.way.fault != Fault::Truncates || self.left > 0)
    }
}
