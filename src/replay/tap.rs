//! The server's tap: every plaintext read and write of an accepted connection becomes an event, so that what a client
//! does is a recording like any other. To the recording, `Out` is what the client sends.

use crate::wire::{Act, ClientAct};
use crate::wire::{Closed, Connected, ConnectionId, Dir, EventSender, LinkId, Opening, Stalled, TlsFacts, What};
use bytes::{Bytes, BytesMut};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::server::TlsStream;

/// The most that one read takes.
const READ_BYTES: usize = 64 << 10;
/// Reads that wait to be looked at.
const MOST_READS: usize = 8;
/// Bytes that are kept while something is written; then the client waits.
const EARLY_LIMIT_BYTES: usize = 1 << 20;
/// How long a client that is being left may take to take its leave.
const LINGER: Duration = Duration::from_millis(500);

/// The connection that a replay's recording says everything belongs to.
pub(super) const CONNECTION: ConnectionId = ConnectionId(1);

/// What is tapped: TCP, or TLS over it.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {
    /// Makes of its end a reset (TCP RST).
    fn end_by_reset(&self) -> io::Result<()>;
}

impl Duplex for TcpStream {
    fn end_by_reset(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Duplex for TlsStream<TcpStream> {
    fn end_by_reset(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// A stream whose end may become a reset.
struct Socket {
    stream: Box<dyn Duplex>,
    is_reset: Arc<AtomicBool>,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.is_reset.load(Ordering::Acquire) {
            // A FIN would be an orderly end: nothing is said, and what is closed then is reset.
            true => Poll::Ready(self.stream.end_by_reset()),
            false => Pin::new(&mut self.stream).poll_shutdown(cx),
        }
    }
}

/// The log of an accepted connection. Dropped, it says that the link is closed.
pub(super) struct LinkLog {
    events: EventSender,
    link: LinkId,
    is_over: AtomicBool,
}

impl LinkLog {
    /// A connection was accepted.
    pub fn open(events: EventSender, ours: SocketAddr, theirs: SocketAddr, tls: bool) -> Arc<LinkLog> {
        let link = events.new_link();
        let (host, port, purpose) = (ours.ip().to_string(), ours.port(), "accepted".to_owned());
        events.send(link, What::Opening(Opening { connection: CONNECTION, host, port, tls, purpose, via: None }));
        let connected = Connected { remote: ours, local: theirs, failed: Vec::new(), took_ns: 0 };
        events.send(link, What::Connected(connected));
        Arc::new(LinkLog { events, link, is_over: AtomicBool::new(false) })
    }

    pub fn secured(&self, facts: TlsFacts) {
        self.events.send(self.link, What::Secured(facts));
    }

    /// Something that is worth saying.
    pub fn notice(&self, text: &str) {
        self.events.send(self.link, What::Client(ClientAct { act: Act::Noticed, text: text.to_owned() }));
    }

    pub fn closed(&self, by: Dir, text: &str) {
        if !self.is_over.swap(true, Ordering::AcqRel) {
            self.events.send(self.link, What::Closed(Closed { by, text: text.to_owned() }));
        }
    }
}

impl Drop for LinkLog {
    fn drop(&mut self) {
        self.closed(Dir::In, "the replay was stopped");
    }
}

/// An accepted connection.
pub(super) struct Tap {
    write: WriteHalf<Socket>,
    is_reset: Arc<AtomicBool>,
    incoming: mpsc::Receiver<Bytes>,
    reader: JoinHandle<()>,
    pub log: Arc<LinkLog>,
    /// What came and was not looked at yet.
    pub early: BytesMut,
    /// Whether the client has finished sending.
    pub is_eof: bool,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// It is time.
    Due,
    /// Something came.
    Came,
    /// The client finished sending.
    Eof,
}

impl Tap {
    pub fn new(stream: Box<dyn Duplex>, log: Arc<LinkLog>) -> Tap {
        let is_reset = Arc::new(AtomicBool::new(false));
        let (read, write) = tokio::io::split(Socket { stream, is_reset: is_reset.clone() });
        let (sender, incoming) = mpsc::channel(MOST_READS);
        let reader = tokio::spawn(read_all(read, log.clone(), sender));
        Tap { write, is_reset, incoming, reader, log, early: BytesMut::new(), is_eof: false }
    }

    /// Sends bytes; what comes meanwhile is kept.
    pub async fn send(&mut self, mut bytes: Bytes) -> io::Result<()> {
        poll_fn(|cx| self.log.events.poll_room(cx)).await;
        let Tap { write, incoming, early, is_eof, log, .. } = self;
        while !bytes.is_empty() {
            tokio::select! {
                wrote = write.write(&bytes) => {
                    let len = wrote?;
                    if len == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                    log.events.send(log.link, What::Bytes(Dir::In, bytes.split_to(len)));
                }
                more = incoming.recv(), if !*is_eof && early.len() < EARLY_LIMIT_BYTES => match more {
                    Some(more) => early.extend_from_slice(&more),
                    None => *is_eof = true,
                },
            }
        }
        write.flush().await
    }

    /// Waits for more from the client; `false` at the end.
    pub async fn more(&mut self) -> bool {
        match self.incoming.recv().await {
            Some(more) => self.early.extend_from_slice(&more),
            None => self.is_eof = true,
        }
        !self.is_eof
    }

    /// Waits until it is time or something came. With `early` full, nothing comes before it is time.
    pub async fn wait(&mut self, until: Option<Instant>) -> Woken {
        let is_listening = !self.is_eof && self.early.len() < EARLY_LIMIT_BYTES;
        let time = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            more = self.incoming.recv(), if is_listening => match more {
                Some(more) => {
                    self.early.extend_from_slice(&more);
                    Woken::Came
                }
                None => {
                    self.is_eof = true;
                    Woken::Eof
                }
            },
            () = time => Woken::Due,
        }
    }

    /// Ends the connection without a farewell (TCP RST).
    pub async fn reset(mut self, text: &str) {
        self.is_reset.store(true, Ordering::Release);
        // Where the system cannot do that, closing has to do.
        let _ = self.write.shutdown().await;
        self.reader.abort();
        self.log.closed(Dir::In, text);
    }

    /// Finishes our side, lets the client take its leave, and closes.
    pub async fn close(mut self, text: &str) {
        let by = if self.is_eof { Dir::Out } else { Dir::In };
        // Whoever is gone already needs no goodbye.
        let said = tokio::time::timeout(LINGER, self.write.shutdown()).await;
        if said.is_ok_and(|said| said.is_ok()) {
            self.log.events.send(self.log.link, What::Ended(Dir::In));
            // Unread bytes would turn the close into a reset, and take away what was sent.
            let leave = async { while self.incoming.recv().await.is_some() {} };
            let _ = tokio::time::timeout(LINGER, leave).await;
        }
        self.reader.abort();
        self.log.closed(by, text);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_all(mut read: ReadHalf<Socket>, log: Arc<LinkLog>, sender: mpsc::Sender<Bytes>) {
    let mut buffer = BytesMut::new();
    loop {
        let since = Instant::now();
        let mut waited = false;
        poll_fn(|cx| {
            let room = log.events.poll_room(cx);
            waited |= room.is_pending();
            room
        })
        .await;
        if waited {
            let for_ns = since.elapsed().as_nanos() as u64;
            let waiting_bytes = log.events.waiting_bytes() as u64;
            log.events.send(log.link, What::Stalled(Stalled { for_ns, waiting_bytes }));
        }
        buffer.reserve(READ_BYTES);
        let room = buffer.capacity().min(READ_BYTES);
        match (&mut read).take(room as u64).read_buf(&mut buffer).await {
            Ok(read) if read > 0 => {
                let bytes = Bytes::copy_from_slice(&buffer);
                buffer.clear();
                log.events.send(log.link, What::Bytes(Dir::Out, bytes.clone()));
                if sender.send(bytes).await.is_err() {
                    return;
                }
            }
            // A reset is an end, too; that it was one is seen where something is to be written.
            _ => {
                log.events.send(log.link, What::Ended(Dir::Out));
                return;
            }
        }
    }
}
