//! Where the bytes of the wire went: payload, and what each layer put around it.

use crate::dissect::{Flags, Kind, Record};
use crate::session::is_message;
use crate::wire::{Dir, LinkId};
use std::collections::HashMap;

/// Bytes by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Payload of messages.
    pub payload: u64,
    /// Heads of requests and answers, and trailers.
    pub heads: u64,
    /// Size lines and line ends of chunks.
    pub chunks: u64,
    /// Headers and masks of WebSocket frames.
    pub frames: u64,
    /// What streams put around their messages: `data:`, line ends, comments, heads of parts.
    pub streams: u64,
    /// Bytes that were not understood.
    pub unknown: u64,
}

impl Overhead {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.payload + self.heads + self.chunks + self.frames + self.streams + self.unknown
    }
}

/// Content since the last head of a direction: as chunks or frames carried it, and as the records above lie on the wire.
/// Where nothing carried it, the two are one.
#[derive(Clone, Copy, Debug, Default)]
struct Content {
    carried: u64,
    lying: u64,
    /// Payload of the frames of the message under way.
    message: u64,
}

impl Content {
    fn bytes(&self) -> u64 {
        if self.carried > 0 { self.carried } else { self.lying }
    }
}

/// Sums up the layers of records that come in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    sum: Overhead,
    /// Content before the heads that came last.
    content: u64,
    since_head: HashMap<(LinkId, Dir), Content>,
}

impl Layers {
    pub fn add(&mut self, record: &Record) {
        if record.kind.is_fact() {
            return;
        }
        let around = record.len.saturating_sub(record.payload_len);
        let is_message = is_message(record);
        if is_message {
            // What a message inflates to is not what it took on the wire.
            let of_frames = std::mem::take(&mut self.content(record).message);
            let is_compressed = record.flags.has(Flags::COMPRESSED);
            self.sum.payload += if is_compressed { of_frames } else { record.payload_len };
        }
        match record.kind {
            Kind::Gap => self.sum.unknown += record.len,
            Kind::HttpTrailers => self.sum.heads += record.len,
            Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational => {
                self.sum.heads += record.len;
                if let Some(content) = self.since_head.remove(&(record.link, record.dir)) {
                    self.content += content.bytes();
                }
            }
            Kind::HttpChunk => {
                self.sum.chunks += around;
                self.content(record).carried += record.payload_len;
            }
            Kind::WsFrame => {
                self.sum.frames += around;
                let content = self.content(record);
                content.carried += record.payload_len;
                content.message += record.payload_len;
            }
            // The whole of what was told piece by piece.
            Kind::HttpBody if !is_message => {}
            _ => self.content(record).lying += record.len,
        }
    }

    fn content(&mut self, record: &Record) -> &mut Content {
        self.since_head.entry((record.link, record.dir)).or_default()
    }

    pub fn overhead(&self) -> Overhead {
        let content = self.content + self.since_head.values().map(Content::bytes).sum::<u64>();
        Overhead { streams: content.saturating_sub(self.sum.payload), ..self.sum }
    }
}
