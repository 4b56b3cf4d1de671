//! WebSocket frames and the messages they make (RFC 6455 §5, §7).
//!
//! The rule that keeps it right: no call holds bytes back but those of a partial header (at most 14) and of a partial
//! character (at most 3), so a frame of 2^63 bytes and a message of endless fragments take the memory of a short one.
//! A broken rule becomes a note, and dissection goes on wherever the framing still says where the next frame begins.

mod close;
mod control;
mod deflate;
pub mod fields;
mod frames;
pub(super) mod handshake;
mod header;
mod mask;
mod message;
pub mod negotiation;
pub mod notes;
#[cfg(test)]
mod tests;

pub use close::{NO_STATUS_RECEIVED, close_code_fault, close_code_meaning};
pub use deflate::INFLATE_LIMIT_BYTES;
pub use fields::FIELDS;
pub use handshake::{Agreement, accept_key};
pub use header::{opcode_name, value_in_detail};
pub use mask::unmask;
pub use notes::NOTES;

use super::{Flags, Kind, Pending, Record, Severity, Sink};
use crate::wire::{Dir, LinkId};
use control::Talk;
use deflate::Inflater;
use frames::Side;
use negotiation::Deflate;
use std::ops::Range;

/// The WebSocket dissector, both directions of a link from the upgrade on.
///
/// Each frame is a record of the wire. Right after the record of its last frame, a data message is a record of the
/// content, and a ping, pong or close one of the control stream. What `detail` says:
///
/// - frame: the opcode in bits 0 to 3, FIN in bit 4, RSV3, RSV2 and RSV1 in bits 5, 6 and 7, MASK in bit 8;
/// - text and binary message: the number of its frames;
/// - close: the code; [`NO_STATUS_RECEIVED`] for an empty payload; 0 where the code is cut off;
/// - ping and pong: 0.
#[derive(Clone, Debug)]
pub struct WebSocket {
    link: LinkId,
    sides: [Side; 2],
    talk: Talk,
}

impl WebSocket {
    /// For a link whose upgrade is done.
    pub fn new(link: LinkId) -> WebSocket {
        WebSocket { link, sides: Default::default(), talk: Talk::default() }
    }

    /// For a link on which permessage-deflate was agreed on; a message may inflate to `inflate_limit_bytes`.
    pub fn with_deflate(link: LinkId, deflate: &Deflate, inflate_limit_bytes: u64) -> WebSocket {
        let mut websocket = WebSocket::new(link);
        for dir in [Dir::Out, Dir::In] {
            let inflater = Inflater::new(Way { link, dir }, deflate, inflate_limit_bytes);
            websocket.sides[dir.index()].inflater = Some(inflater);
        }
        websocket
    }

    /// About how much memory a clone may come to hold on its own.
    pub fn weight_bytes(&self) -> usize {
        let inflaters = self.sides.iter().filter_map(|side| side.inflater.as_ref());
        inflaters.map(Inflater::weight_bytes).sum()
    }

    /// More bytes of a direction; the first of them is byte `wire` of that direction.
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        let way = Way { link: self.link, dir };
        self.sides[dir.index()].feed(way, &mut self.talk, wire, bytes, out);
    }

    /// The direction ended after `_wire` bytes: what is unfinished is told as far as it came.
    pub fn finish(&mut self, dir: Dir, _wire: u64, out: &mut impl Sink) {
        let way = Way { link: self.link, dir };
        self.sides[dir.index()].finish(way, &mut self.talk, out);
    }

    /// What has begun on a direction and is not complete; the earliest, where a frame of a message is under way.
    pub fn pending(&self, dir: Dir) -> Option<Pending> {
        self.sides[dir.index()].pending()
    }

    /// The code of the first close frame that a direction sent, or [`NO_STATUS_RECEIVED`] where it had none; `None`
    /// while there was no close frame. A connection that ends so is what applications are told as 1006.
    pub fn close_code(&self, dir: Dir) -> Option<u16> {
        self.talk.closed(dir)
    }
}

/// One direction of a link.
#[derive(Clone, Copy, Debug)]
struct Way {
    link: LinkId,
    dir: Dir,
}

impl Way {
    fn record(self, kind: Kind, span: Range<u64>, payload_len: u64, detail: u32, flags: Flags) -> Record {
        let Way { link, dir } = self;
        let (start, len) = (span.start, span.end - span.start);
        Record { start, len, payload_len, link, detail, kind, dir, worst: Severity::None, flags }
    }
}
