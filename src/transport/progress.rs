//! How far what we sent has come: what the kernel took, and what the other end's TCP acknowledged.
//!
//! The kernel counts what goes into a socket, which over TLS is no plaintext. So a [`Meter`] beside each TCP stream counts
//! those *raw* bytes, and the tap of a link marks at which raw total each plaintext total had gone down. A mark is
//! acknowledged once so many raw bytes are. The meter travels with its stream, through TLS and through proxies.
//!
//! A write asks the kernel nothing: a task a link looks soon after it and then less and less often, while something is
//! unacknowledged, and sleeps when nothing is.

use super::context::LinkLog;
use super::kernel::Socket;
use super::tap::Duplex;
use crate::wire::{Progress, What};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::client::TlsStream;

/// From a write to the first look, and from one look to the next: at 1, 2, 5, 10, 20, 50, 100, 200 and 500 ms, and then
/// each second.
const DELAYS_MS: [u64; 10] = [1, 1, 3, 5, 10, 30, 50, 100, 300, 1000];
/// In the long run, a link is looked at no more often than this.
const LEAST_GAP: Duration = Duration::from_millis(10);
/// So many looks may come sooner than that, after a quiet time.
const BURST: u32 = 10;
/// So many marks wait at most; beyond that, every other one goes, and its bytes count with the next.
const MOST_MARKS: usize = 4096;
/// So much plaintext goes to TLS at a time, so that there are marks within a long message. It is what rustls holds back.
const TLS_BYTES: usize = 64 * 1024;

/// Counts the raw bytes of a TCP stream, and knows how many are acknowledged for as long as the stream is open.
pub(crate) struct Meter {
    written_bytes: AtomicU64,
    socket: Mutex<Option<Socket>>,
}

impl Meter {
    /// Raw bytes that the kernel took so far.
    fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Acquire)
    }

    /// Raw bytes that the other end's TCP acknowledged so far, or fewer. `None` where the system does not tell.
    fn acknowledged_bytes(&self) -> Option<u64> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        // In this order: what is written in between makes the difference smaller, never larger.
        let written = self.written_bytes();
        let queued = socket.as_ref()?.queued_bytes()?;
        Some(written.saturating_sub(queued))
    }
}

/// A TCP stream with its meter.
pub(crate) struct Counted {
    stream: TcpStream,
    meter: Arc<Meter>,
}

impl Counted {
    pub fn new(stream: TcpStream) -> Counted {
        let socket = Mutex::new(Socket::of(&stream));
        Counted { stream, meter: Arc::new(Meter { written_bytes: AtomicU64::new(0), socket }) }
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(len)) = &written {
            self.meter.written_bytes.fetch_add(*len as u64, Ordering::AcqRel);
        }
        written
    }
}

impl Drop for Counted {
    /// The meter's descriptor goes first, so that the stream's own is the last and closes the connection.
    fn drop(&mut self) {
        *self.meter.socket.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Duplex for Counted {
    fn meter(&self) -> Option<Arc<Meter>> {
        Some(self.meter.clone())
    }

    fn is_flushed(&self) -> bool {
        true
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A TLS stream that takes no more plaintext at a time than is worth a mark.
pub(crate) struct Sealed<S>(pub TlsStream<S>);

impl<S: Duplex> Duplex for Sealed<S> {
    fn meter(&self) -> Option<Arc<Meter>> {
        self.0.get_ref().0.meter()
    }

    fn is_flushed(&self) -> bool {
        let (below, session) = self.0.get_ref();
        !session.wants_write() && below.is_flushed()
    }
}

impl<S: Duplex> AsyncRead for Sealed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: Duplex> AsyncWrite for Sealed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &buf[..buf.len().min(TLS_BYTES)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The plaintext of a link up to `plain` lies in its stream's raw bytes up to `raw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    plain: u64,
    raw: u64,
}

/// Whether the raw bytes between two marks are the plaintext itself. What TLS makes of plaintext is always longer.
fn is_plain(from: Mark, to: Mark) -> bool {
    to.plain - from.plain == to.raw - from.raw
}

/// The marks of a link that are not yet acknowledged.
struct Marks {
    /// The newest mark that is acknowledged.
    done: Mark,
    waiting: VecDeque<Mark>,
    acknowledged_bytes: u64,
}

impl Marks {
    /// For a link that begins where its stream had taken `raw` bytes.
    fn new(raw: u64) -> Marks {
        Marks { done: Mark { plain: 0, raw }, waiting: VecDeque::new(), acknowledged_bytes: 0 }
    }

    fn newest(&self) -> Mark {
        self.waiting.back().copied().unwrap_or(self.done)
    }

    fn push(&mut self, mark: Mark) {
        let before = self.waiting.len().checked_sub(2).map_or(self.done, |at| self.waiting[at]);
        match self.waiting.back_mut() {
            // Plain bytes behind plain bytes need no mark between them.
            Some(last) if is_plain(before, *last) && is_plain(*last, mark) => *last = mark,
            _ => self.waiting.push_back(mark),
        }
        if self.waiting.len() > MOST_MARKS {
            let mut at = 0;
            self.waiting.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    }

    /// The plaintext bytes that are acknowledged where so many raw ones are.
    fn acknowledged(&mut self, raw: u64) -> u64 {
        while let Some(mark) = self.waiting.front().filter(|mark| mark.raw <= raw) {
            self.done = *mark;
            self.waiting.pop_front();
        }
        let into = match self.waiting.front() {
            Some(next) if is_plain(self.done, *next) => raw.saturating_sub(self.done.raw),
            _ => 0,
        };
        self.acknowledged_bytes = self.acknowledged_bytes.max(self.done.plain + into);
        self.acknowledged_bytes
    }
}

/// Follows what is sent on a link, until the link ends or this is dropped.
pub(crate) struct Following {
    followed: Arc<Followed>,
    task: AbortHandle,
}

struct Followed {
    meter: Arc<Meter>,
    log: Arc<LinkLog>,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    marks: Marks,
    told: Progress,
    /// Whether the task sleeps so long that the next mark is to wake it.
    wants_wake: bool,
    is_over: bool,
}

/// What a look at the kernel found.
struct Look {
    /// Something was sent since the last look.
    is_newer: bool,
    /// Something is unacknowledged, as far as the system tells.
    is_waiting: bool,
}

impl Following {
    /// Begins with the stream of a link, before anything is sent on it.
    pub fn begin(stream: &dyn Duplex, log: Arc<LinkLog>) -> Option<Following> {
        let meter = stream.meter()?;
        let state = State {
            marks: Marks::new(meter.written_bytes()),
            told: Progress { sent_bytes: 0, acknowledged_bytes: None },
            wants_wake: true,
            is_over: false,
        };
        let followed = Arc::new(Followed { meter, log, state: Mutex::new(state), wake: Notify::new() });
        let task = tokio::spawn(follow(followed.clone())).abort_handle();
        Some(Following { followed, task })
    }

    /// Notes that `plain` bytes in all were given to the stream, if they went down as far as the kernel.
    pub fn sent(&self, plain: u64, stream: &dyn Duplex) {
        if !stream.is_flushed() {
            return;
        }
        let mut state = self.followed.state();
        if plain > state.marks.newest().plain {
            state.marks.push(Mark { plain, raw: self.followed.meter.written_bytes() });
            if std::mem::take(&mut state.wants_wake) {
                self.followed.wake.notify_one();
            }
        }
    }
}

impl Drop for Following {
    /// Looks a last time; nothing is told after that.
    fn drop(&mut self) {
        self.task.abort();
        let mut state = self.followed.state();
        self.followed.look(&mut state);
        state.is_over = true;
    }
}

impl Followed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the kernel, and tells what changed. The event goes out under the lock, so that none comes after the last.
    fn look(&self, state: &mut State) -> Look {
        let sent_bytes = state.marks.newest().plain;
        let is_newer = sent_bytes > state.told.sent_bytes;
        if state.is_over || sent_bytes == 0 {
            return Look { is_newer: false, is_waiting: false };
        }
        let acknowledged_bytes = self.meter.acknowledged_bytes().map(|raw| state.marks.acknowledged(raw));
        let progress = Progress { sent_bytes, acknowledged_bytes };
        if std::mem::replace(&mut state.told, progress) != progress && !self.log.is_over() {
            self.log.event(What::Progress(progress));
        }
        Look { is_newer, is_waiting: acknowledged_bytes.is_some_and(|acknowledged| acknowledged < sent_bytes) }
    }
}

/// Looks after writes, at the times of [`DELAYS_MS`] and as [`Pace`] allows.
async fn follow(followed: Arc<Followed>) {
    let mut pace = Pace::new(Instant::now());
    let mut step = 0;
    followed.wake.notified().await;
    loop {
        let delay = Duration::from_millis(DELAYS_MS[step]);
        let at = pace.earliest(Instant::now() + delay);
        // A write that comes during a short sleep is seen by the look that ends it.
        if step == 0 {
            sleep_until(at).await;
        } else {
            tokio::select! {
                () = sleep_until(at) => {}
                () = followed.wake.notified() => {
                    step = 0;
                    continue;
                }
            }
        }
        pace.take(Instant::now());
        let look = {
            let mut state = followed.state();
            let look = followed.look(&mut state);
            state.wants_wake = !(look.is_newer && look.is_waiting);
            look
        };
        if !look.is_waiting {
            followed.wake.notified().await;
            step = 0;
        } else if look.is_newer {
            step = 0;
        } else {
            step = (step + 1).min(DELAYS_MS.len() - 1);
        }
    }
}

/// Lets a few looks come fast, and many slowly: each uses up [`LEAST_GAP`] of at most [`BURST`] times that.
struct Pace {
    /// The time up to which looks are used up. Ahead of now by no more than a gap, behind it by no more than a burst.
    used_until: Instant,
}

impl Pace {
    fn new(now: Instant) -> Pace {
        Pace { used_until: now.checked_sub(LEAST_GAP * BURST).unwrap_or(now) }
    }

    /// `wanted`, or later where too many looks came.
    fn earliest(&self, wanted: Instant) -> Instant {
        wanted.max(self.used_until + LEAST_GAP)
    }

    fn take(&mut self, now: Instant) {
        let least = now.checked_sub(LEAST_GAP * (BURST - 1)).unwrap_or(now);
        self.used_until = least.max(self.used_until + LEAST_GAP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(of: &[(u64, u64)], raw: u64) -> Marks {
        let mut marks = Marks::new(raw);
        for (plain, raw) in of {
            marks.push(Mark { plain: *plain, raw: *raw });
        }
        marks
    }

    #[test]
    fn plain_bytes_are_acknowledged_one_by_one_and_need_one_mark() {
        let mut marks = marks(&[(100, 150), (200, 250), (1000, 1050)], 50);
        assert_eq!(marks.waiting.len(), 1);
        assert_eq!([0, 50, 51, 70, 60, 1049, 1050].map(|raw| marks.acknowledged(raw)), [0, 0, 1, 20, 20, 999, 1000]);
        assert!(marks.waiting.is_empty());
        marks.push(Mark { plain: 1010, raw: 1060 });
        assert_eq!([1051, 5000].map(|raw| marks.acknowledged(raw)), [1001, 1010]);
    }

    #[test]
    fn sealed_bytes_are_acknowledged_mark_by_mark() {
        let mut marks = marks(&[(100, 122), (200, 244), (1000, 1066)], 0);
        let found = [0, 121, 122, 243, 244, 1065, 1066].map(|raw| marks.acknowledged(raw));
        assert_eq!(found, [0, 0, 100, 100, 200, 200, 1000]);
    }

    #[test]
    fn many_marks_stay_bounded_and_claim_nothing_early() {
        let mut marks = Marks::new(0);
        for n in 1..=100_000 {
            marks.push(Mark { plain: n, raw: n * 23 });
        }
        assert!(marks.waiting.len() <= MOST_MARKS);
        for n in (0..=100_000).step_by(97) {
            assert!(marks.acknowledged(n * 23) <= n);
        }
        assert_eq!(marks.acknowledged(100_000 * 23), 100_000);
    }

    #[test]
    fn a_burst_is_looked_at_at_once_and_a_flood_every_ten_milliseconds() {
        let began = Instant::now();
        let (mut pace, mut now, mut looks) = (Pace::new(began), began, 0);
        while now < began + Duration::from_secs(1) {
            now = pace.earliest(now + Duration::from_millis(1));
            pace.take(now);
            looks += 1;
        }
        assert!((100..=112).contains(&looks), "{looks}");
        // After a quiet time, a few come fast again.
        now += Duration::from_secs(1);
        for _ in 0..BURST - 1 {
            assert_eq!(pace.earliest(now), now);
            pace.take(now);
        }
    }
}
