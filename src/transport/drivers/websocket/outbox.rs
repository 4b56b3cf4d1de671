//! Frames on their way out.

use crate::transport::tap::Tap;
use bytes::Bytes;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};

/// Frames that wait to be written, in two queues: answers to the server, and all else.
#[derive(Default)]
pub(super) struct Outbox {
    /// What is left of the frame that is being written.
    begun: Option<Bytes>,
    soon: VecDeque<Bytes>,
    later: VecDeque<Bytes>,
    len_bytes: usize,
    unflushed: bool,
}

impl Outbox {
    /// Puts a frame behind all others.
    pub fn push(&mut self, frame: Bytes) {
        self.len_bytes += frame.len();
        self.later.push_back(frame);
    }

    /// Puts a control frame ahead of what waits, behind the frame that may have begun and behind others that were put so
    /// (RFC 6455 §5.4 allows it between fragments).
    pub fn push_soon(&mut self, frame: Bytes) {
        self.len_bytes += frame.len();
        self.soon.push_back(frame);
    }

    /// Puts frames behind all others.
    pub fn extend(&mut self, frames: Vec<Bytes>) {
        frames.into_iter().for_each(|frame| self.push(frame));
    }

    /// Whether there is something to write or to flush.
    pub fn is_waiting(&self) -> bool {
        self.unflushed || self.len_bytes > 0
    }

    /// How many bytes wait.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// The next frame to be written.
    fn next(&mut self) -> Option<Bytes> {
        self.begun.take().or_else(|| self.soon.pop_front()).or_else(|| self.later.pop_front())
    }

    /// Writes and flushes all there is. Dropping the future loses nothing.
    pub async fn write(&mut self, tap: &Tap) -> io::Result<()> {
        poll_fn(|cx| {
            while let Some(mut frame) = self.next() {
                self.unflushed = true;
                while !frame.is_empty() {
                    let before = frame.len();
                    let written = tap.poll_write(cx, &mut frame);
                    self.len_bytes -= before - frame.len();
                    if !matches!(written, Poll::Ready(Ok(()))) {
                        self.begun = Some(frame);
                        return written;
                    }
                }
            }
            ready!(tap.poll_flush(cx))?;
            self.unflushed = false;
            Poll::Ready(Ok(()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pongs_go_ahead_of_waiting_fragments_in_their_order_but_not_into_one() {
        let mut out = Outbox::default();
        out.extend(vec!["begun".into(), "b".into(), "c".into()]);
        out.begun = out.next();
        for pong in ["1", "2", "3"] {
            out.push_soon(pong.into());
        }
        let order: Vec<Bytes> = std::iter::from_fn(|| out.next()).collect();
        assert_eq!(order, ["begun", "1", "2", "3", "b", "c"]);
    }
}
