//! The socket's two halves. Sending can be torn at odd places on purpose; receiving keeps what came too early.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

/// Long enough for the other end to have read what was sent before.
const PAUSE_BETWEEN_SPLITS: Duration = Duration::from_millis(1);
const PAUSE_AT_A_CUT: Duration = Duration::from_millis(20);
/// What a client may send ahead while it is being answered.
const READ_AHEAD_BYTES: usize = 64 << 10;
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 32 << 20;

/// Bytes to be sent, and the places between them at which the sender is to stop for a moment.
#[derive(Debug, Default)]
pub struct Buffer {
    pub bytes: Vec<u8>,
    cuts: Vec<usize>,
}

impl Buffer {
    /// What was put in so far leaves as a write of its own.
    pub fn cut(&mut self) {
        self.cuts.push(self.bytes.len());
    }

    fn clear(&mut self) {
        self.bytes.clear();
        // One huge message should not be paid for until the connection ends.
        self.bytes.shrink_to(1 << 20);
        self.cuts.clear();
    }
}

#[derive(Debug)]
pub struct Sender {
    half: OwnedWriteHalf,
    pub split: Option<usize>,
}

impl Sender {
    pub fn new(half: OwnedWriteHalf) -> Self {
        Self { half, split: None }
    }

    /// Sends all of `buffer`, and leaves it empty.
    pub async fn send(&mut self, buffer: &mut Buffer) -> io::Result<()> {
        let mut from = 0;
        for &cut in &buffer.cuts {
            self.send_bytes(&buffer.bytes[from..cut]).await?;
            sleep(PAUSE_AT_A_CUT).await;
            from = cut;
        }
        self.send_bytes(&buffer.bytes[from..]).await?;
        buffer.clear();
        Ok(())
    }

    /// Sends `bytes`, in parts if the sender is to split.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(split) = self.split else {
            return self.half.write_all(bytes).await;
        };
        for part in bytes.chunks(split.max(1)) {
            self.half.write_all(part).await?;
            sleep(PAUSE_BETWEEN_SPLITS).await;
        }
        Ok(())
    }

    /// Ends the sending side.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.half.shutdown().await
    }

    /// What writes to the socket.
    pub fn into_writer(self) -> OwnedWriteHalf {
        self.half
    }

    /// Ends the sending side, then takes in what the client still sends, so that closing does not reset the connection
    /// under the answer (RFC 9112 §9.6).
    pub async fn close(&mut self, receiver: &mut Receiver) {
        if self.half.shutdown().await.is_err() {
            return;
        }
        let drain = async {
            let mut drained = 0;
            while drained < LINGER_BYTES {
                receiver.buffer.clear();
                match receiver.more().await {
                    Ok(n) if n > 0 => drained += n,
                    _ => break,
                }
            }
        };
        let _ = timeout(LINGER, drain).await;
    }
}

#[derive(Debug)]
pub struct Receiver {
    half: OwnedReadHalf,
    /// What was received and not used yet.
    pub buffer: BytesMut,
}

impl Receiver {
    pub fn new(half: OwnedReadHalf) -> Self {
        Self { half, buffer: BytesMut::new() }
    }

    /// Adds to the buffer what comes next, and says how much; 0 is the end. Loses nothing when dropped.
    pub async fn more(&mut self) -> io::Result<usize> {
        self.buffer.reserve(8 << 10);
        self.half.read_buf(&mut self.buffer).await
    }

    /// What reads from the socket, starting with what was received and not used yet.
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin {
        io::Cursor::new(self.buffer).chain(self.half)
    }

    /// Waits until the client is gone; what it sends meanwhile is kept for later.
    pub async fn gone(&mut self) {
        while self.buffer.len() < READ_AHEAD_BYTES {
            if !self.more().await.is_ok_and(|n| n > 0) {
                return;
            }
        }
        std::future::pending().await
    }
}
