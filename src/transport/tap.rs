//! The tap: the plaintext stream of a link, every read and write of which becomes an event.
//!
//! The bytes of an event and the bytes a driver gets are one buffer; only small reads are copied into theirs. Before it
//! reads, the tap asks for room in the queues, so a slow recording leaves the bytes in the socket.

use super::context::{LinkGuard, LinkLog};
use super::progress::{Following, Meter};
use super::proxy::{Proxy, Under};
use super::request::Masked;
use crate::wire::{Dir, Failure, Stalled, What};
use bytes::{Bytes, BytesMut};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What a tap taps: TCP, or TLS over it.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {
    /// What counts the bytes of the TCP stream at the bottom.
    fn meter(&self) -> Option<Arc<Meter>>;

    /// Whether all that was written has gone down to the TCP stream, and nothing waits on the way.
    fn is_flushed(&self) -> bool;
}

/// The most that one read takes.
const READ_BYTES: usize = 64 * 1024;
/// With less room than this left, a read gets a new buffer.
const LEAST_BYTES: usize = 8 * 1024;
/// A read of so little is copied: as a part of its buffer it would keep all of that in memory for as long as it is kept.
const SMALL_BYTES: usize = 2 * 1024;
/// How much of what came in first is kept to describe it.
const SAMPLE_BYTES: usize = 64;

struct State {
    // The order matters: the last look at how far things came needs the stream.
    following: Option<Following>,
    stream: Option<Box<dyn Duplex>>,
    log: Arc<LinkLog>,
    buffer: BytesMut,
    stalled: Option<(Instant, u64)>,
    ended: [bool; 2],
    first_ended: Option<Dir>,
    sample: Vec<u8>,
    moved_bytes: [u64; 2],
    error: Option<Arc<io::Error>>,
}

/// A tapped stream, shared by a link's owner and the HTTP library that reads it.
#[derive(Clone)]
pub(crate) struct Tap(Arc<Mutex<State>>);

impl Tap {
    pub fn new(stream: Box<dyn Duplex>, log: Arc<LinkLog>) -> Tap {
        Tap(Arc::new(Mutex::new(State {
            following: Following::begin(&*stream, log.clone()),
            stream: Some(stream),
            log,
            buffer: BytesMut::new(),
            stalled: None,
            ended: [false; 2],
            first_ended: None,
            sample: Vec::new(),
            moved_bytes: [0; 2],
            error: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next bytes, as one read gave them; empty at the end.
    pub fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        self.state().poll_chunk(cx)
    }

    /// Writes from the front of `bytes` and takes off what was written.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        self.state().poll_write(cx, bytes, None)
    }

    /// Writes from the front of what is to go out, recorded as it is to be shown.
    pub fn poll_write_masked(&self, cx: &mut Context<'_>, bytes: &mut Masked) -> Poll<io::Result<()>> {
        self.state().poll_write(cx, &mut bytes.real, Some(&mut bytes.shown))
    }

    /// Takes the stream away, to be used for another link; this one moves no more bytes.
    pub fn take_stream(&self) -> Option<Box<dyn Duplex>> {
        let mut state = self.state();
        state.following = None;
        state.stream.take()
    }

    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_flush(cx)
    }

    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_shutdown(cx)
    }

    pub async fn chunk(&self) -> io::Result<Bytes> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Finishes our direction, waiting at most a second for it.
    pub async fn shutdown(&self) {
        let finish = poll_fn(|cx| self.poll_shutdown(cx));
        // Whether or not the other side still takes it, the link is given up here.
        let _ = tokio::time::timeout(Duration::from_secs(1), finish).await;
    }

    /// Closes the socket at once.
    pub fn close(&self) {
        let mut state = self.state();
        state.following = None;
        state.stream = None;
    }

    /// Reads on after a parser gave up, so that the evidence is recorded: until the end, for a second, or 64 KiB.
    pub async fn drain(&self) {
        let read_on = async {
            let mut left = READ_BYTES;
            while let Ok(bytes) = self.chunk().await {
                left = left.saturating_sub(bytes.len());
                if bytes.is_empty() || left == 0 {
                    break;
                }
            }
        };
        // Silence is an end too.
        let _ = tokio::time::timeout(Duration::from_secs(1), read_on).await;
    }

    /// The first bytes that came in.
    pub fn sample(&self) -> Vec<u8> {
        self.state().sample.clone()
    }

    /// How many bytes moved in a direction.
    pub fn moved_bytes(&self, dir: Dir) -> u64 {
        self.state().moved_bytes[dir.index()]
    }

    /// The side that ended the link, so far: a reset, too, is the other side's end.
    pub fn ended_by(&self) -> Dir {
        let state = self.state();
        let broken = state.error.as_ref().map(|_| Dir::In);
        state.first_ended.or(broken).unwrap_or(Dir::Out)
    }

    /// Whether reading waits for the recording, which is no silence of the server's.
    pub fn is_stalled(&self) -> bool {
        self.state().stalled.is_some()
    }

    /// The error that broke the stream, where one did.
    pub fn error(&self) -> Option<Arc<io::Error>> {
        self.state().error.clone()
    }
}

impl State {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if self.ended[Dir::In.index()] {
            return Poll::Ready(Ok(Bytes::new()));
        }
        let Some(stream) = self.stream.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if self.log.events.poll_room(cx).is_pending() {
            self.stalled.get_or_insert_with(|| (Instant::now(), self.log.events.waiting_bytes() as u64));
            return Poll::Pending;
        }
        if let Some((since, waiting_bytes)) = self.stalled.take() {
            let for_ns = since.elapsed().as_nanos() as u64;
            self.log.event(What::Stalled(Stalled { for_ns, waiting_bytes }));
        }
        if self.buffer.capacity() < LEAST_BYTES {
            self.buffer = BytesMut::with_capacity(READ_BYTES);
        }
        let read = ready!(pin!(stream.read_buf(&mut self.buffer)).poll(cx));
        match read {
            Ok(0) => self.end(Dir::In),
            Ok(len) => {
                let bytes = if len <= SMALL_BYTES {
                    let small = Bytes::copy_from_slice(&self.buffer);
                    self.buffer.clear();
                    small
                } else {
                    self.buffer.split().freeze()
                };
                self.moved_bytes[Dir::In.index()] += len as u64;
                if self.sample.len() < SAMPLE_BYTES {
                    let room = SAMPLE_BYTES - self.sample.len();
                    self.sample.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                self.log.event(What::Bytes(Dir::In, bytes.clone()));
                return Poll::Ready(Ok(bytes));
            }
            // RFC 8446 §6.1: without close_notify a cut-off answer looks like a finished one.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.end(Dir::In);
                self.log.notice("the server closed TCP without saying so in TLS (no close_notify, RFC 8446 §6.1)");
            }
            Err(error) => {
                return Poll::Ready(Err(self.broken(error)));
            }
        }
        Poll::Ready(Ok(Bytes::new()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut Bytes,
        shown: Option<&mut Bytes>,
    ) -> Poll<io::Result<()>> {
        // What TLS still holds goes first, so that there are moments at which all is marked.
        if self.stream.as_ref().is_some_and(|stream| !stream.is_flushed())
            && let Err(error) = ready!(self.poll_flush(cx))
        {
            return Poll::Ready(Err(self.broken(error)));
        }
        let Some(stream) = self.stream.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match ready!(Pin::new(stream).poll_write(cx, bytes)) {
            Ok(0) if !bytes.is_empty() => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(len) => {
                self.moved_bytes[Dir::Out.index()] += len as u64;
                if len > 0 {
                    let moved = bytes.split_to(len);
                    let moved = shown.map_or(moved, |shown| shown.split_to(len));
                    self.log.event(What::Bytes(Dir::Out, moved));
                    self.mark();
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(self.broken(error))),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Ok(())) };
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.mark();
        Poll::Ready(Ok(()))
    }

    /// Marks what went out, to be told how far it comes.
    fn mark(&self) {
        if let (Some(following), Some(stream)) = (&self.following, &self.stream) {
            following.sent(self.moved_bytes[Dir::Out.index()], &**stream);
        }
    }

    /// Keeps the first error, since an HTTP library may swallow it, and gives one like it.
    fn broken(&mut self, error: io::Error) -> io::Error {
        let kind = error.kind();
        let kept = self.error.get_or_insert_with(|| Arc::new(error));
        io::Error::new(kind, kept.clone())
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Ok(())) };
        if self.ended[Dir::Out.index()] {
            return Poll::Ready(Ok(()));
        }
        let done = ready!(Pin::new(stream).poll_shutdown(cx));
        self.end(Dir::Out);
        Poll::Ready(done)
    }

    fn end(&mut self, dir: Dir) {
        if !std::mem::replace(&mut self.ended[dir.index()], true) {
            self.first_ended.get_or_insert(dir);
            self.log.event(What::Ended(dir));
        }
    }
}

/// A stream ahead of which some bytes are read that had come before it was handed on.
pub(crate) struct Prefixed {
    early: Bytes,
    stream: Box<dyn Duplex>,
}

impl Prefixed {
    /// `early` first, then the stream.
    pub fn new(early: Bytes, stream: Box<dyn Duplex>) -> Prefixed {
        Prefixed { early, stream }
    }
}

impl Duplex for Prefixed {
    fn meter(&self) -> Option<Arc<Meter>> {
        self.stream.meter()
    }

    fn is_flushed(&self) -> bool {
        self.stream.is_flushed()
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let len = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One open link: its tap, and the guard that logs its end. Dropping it closes the socket at once.
pub(crate) struct Link {
    pub tap: Tap,
    pub log: Arc<LinkLog>,
    /// The proxy that requests on this link are given to, where they are.
    pub forwarder: Option<Proxy>,
    /// The proxy that opened the way which this link goes, as it is shown.
    pub way_by: Option<String>,
    // The order matters: this link says its end before the one below it does.
    _guard: LinkGuard,
    _under: Option<Under>,
}

impl Link {
    pub fn new(stream: Box<dyn Duplex>, guard: LinkGuard) -> Link {
        let log = guard.log.clone();
        Link { tap: Tap::new(stream, log.clone()), log, forwarder: None, way_by: None, _guard: guard, _under: None }
    }

    /// A link that a proxy is given the requests of.
    pub fn to_forwarder(stream: Box<dyn Duplex>, guard: LinkGuard, proxy: Proxy) -> Link {
        let mut link = Link::new(stream, guard);
        link.forwarder = Some(proxy);
        link
    }

    /// A link that goes over another one, which ends with it.
    pub fn over(stream: Box<dyn Duplex>, guard: LinkGuard, under: Under, proxy: &Proxy) -> Link {
        let mut link = Link::new(stream, guard);
        link.way_by = Some(proxy.address.clone());
        link._under = Some(under);
        link
    }

    /// Records a failure and closes.
    pub fn fail(&self, failure: Failure) -> Failure {
        self.tap.close();
        self.log.failed(&failure);
        failure
    }

    /// Closes what the other side had closed already.
    pub fn lost(&self, text: &str) {
        self.tap.close();
        self.log.closed(Dir::In, text);
    }

    /// Closes politely: finishes our direction, then closes the socket.
    pub async fn finish(&self, text: &str) {
        let by = self.tap.ended_by();
        self.tap.shutdown().await;
        self.tap.close();
        self.log.closed(by, text);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tap.close();
    }
}
