//! HTTP/1.0 and 1.1 (RFC 9112): heads, bodies and their framing, on both directions of a link.
//!
//! The two sides share only what the framing of answers needs: the methods of the requests that wait for one.

mod chunked;
mod fields;
mod head;
mod side;

pub use fields::{FIELDS, NOTES};
pub use head::read_fields;

use super::link::Switch;
use super::{Ending, Pending, Sink};
use crate::wire::{Dir, LinkId};
use side::{Side, Turn};
use std::collections::VecDeque;

/// Client bytes that are held at most while an upgrade is not answered yet.
const EARLY_LIMIT_BYTES: usize = 64 * 1024;

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Request {
    is_head: bool,
    is_connect: bool,
    wants_upgrade: bool,
}

/// The HTTP/1 dissector of a link.
#[derive(Clone, Debug)]
pub struct Http1 {
    sides: [Side; 2],
    requests: VecDeque<Request>,
    /// Client bytes behind an upgrade request, held until the answer says what they are.
    early: Option<(u64, Vec<u8>)>,
    switch: Option<Switch>,
}

impl Http1 {
    /// For a fresh link.
    pub fn new(link: LinkId) -> Http1 {
        Http1 {
            sides: [Side::new(link, Dir::Out), Side::new(link, Dir::In)],
            requests: VecDeque::new(),
            early: None,
            switch: None,
        }
    }

    /// More bytes of a direction, the first of which is byte `wire`. How many were taken: all, but where the protocol
    /// switches.
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) -> usize {
        let mut used = 0;
        while used < bytes.len() {
            if dir == Dir::Out {
                if let Some((_, early)) = &mut self.early {
                    if early.len() + bytes.len() - used <= EARLY_LIMIT_BYTES {
                        early.extend_from_slice(&bytes[used..]);
                        return bytes.len();
                    }
                    self.release_early(out);
                    continue;
                }
            }
            let next_request = self.requests.front();
            let turn = self.sides[dir.index()].feed(wire + used as u64, &bytes[used..], next_request, out);
            let (taken, event) = turn;
            used += taken;
            match event {
                Turn::More => {}
                Turn::Asked(request) => {
                    if request.wants_upgrade {
                        self.early = Some((wire + used as u64, Vec::new()));
                    }
                    self.requests.push_back(request);
                }
                Turn::Answered => {
                    self.requests.pop_front();
                    self.release_early(out);
                }
                Turn::Switched { is_websocket } => {
                    let end = self.sides[0].position();
                    let early = self.early.take().unwrap_or((end, Vec::new()));
                    self.switch = Some(match is_websocket {
                        true => Switch::WebSocket { early },
                        false => Switch::Raw { early },
                    });
                    return used;
                }
            }
        }
        used
    }

    /// Reads held client bytes as HTTP after all.
    fn release_early(&mut self, out: &mut impl Sink) {
        let Some((wire, early)) = self.early.take() else { return };
        if !early.is_empty() {
            self.feed(Dir::Out, wire, &early, out);
        }
    }

    /// The switch that the bytes fed last brought about.
    pub fn take_switch(&mut self) -> Option<Switch> {
        self.switch.take()
    }

    /// The direction ended.
    pub fn finish(&mut self, dir: Dir, ending: Ending, out: &mut impl Sink) {
        if dir == Dir::In {
            self.release_early(out);
        }
        if dir == Dir::Out && self.early.as_ref().is_some_and(|(_, early)| !early.is_empty()) {
            self.release_early(out);
        }
        self.sides[dir.index()].finish(ending, out);
    }

    /// What has begun on a direction and is not complete.
    pub fn pending(&self, dir: Dir) -> Option<Pending> {
        self.sides[dir.index()].pending()
    }
}
