//! WebSocket frames and the messages they make (RFC 6455 §5).

use super::{Pending, Sink};
use crate::wire::{Dir, LinkId};

/// The WebSocket dissector, both directions of a link from the upgrade on.
#[derive(Clone, Debug)]
pub struct WebSocket {
    link: LinkId,
}

impl WebSocket {
    /// For a link whose upgrade is done.
    pub fn new(link: LinkId) -> WebSocket {
        WebSocket { link }
    }

    /// More bytes of a direction; the first of them is byte `wire` of that direction.
    pub fn feed(&mut self, _dir: Dir, _wire: u64, _bytes: &[u8], _out: &mut impl Sink) {
        let _ = self.link;
    }

    /// The direction ended after `_wire` bytes.
    pub fn finish(&mut self, _dir: Dir, _wire: u64, _out: &mut impl Sink) {}

    /// What has begun on a direction and is not complete.
    pub fn pending(&self, _dir: Dir) -> Option<Pending> {
        None
    }
}
