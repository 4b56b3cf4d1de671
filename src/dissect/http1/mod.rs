//! HTTP/1.0 and 1.1 (RFC 9112): heads, bodies and their framing, on both directions of a link.
//!
//! The two sides share only what the framing of answers needs: the methods of the requests that wait for one.

mod chunked;
mod draft;
mod fields;
mod growing;
mod head;
mod side;

pub use fields::{FIELDS, NOTES};
pub use head::{HeaderLine, is_token, read_fields};

use super::link::Switch;
use super::websocket::handshake::Asked;
use super::{Ending, Pending, Place, Sink};
use crate::wire::{Dir, LinkId};
use side::{Side, Turn};
use std::collections::VecDeque;
use std::sync::Arc;

/// Client bytes that are held at most while an upgrade is not answered yet.
const EARLY_LIMIT_BYTES: usize = 64 * 1024;

/// Runs of equal requests that are remembered at most while they wait for their answers.
const REQUESTS_LIMIT: usize = 4096;

/// A request that waits for its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::dissect::http1) struct Request {
    /// What was asked is remembered; else it was one too many.
    is_known: bool,
    is_head: bool,
    is_connect: bool,
    /// It asks for another protocol, so the bytes behind it may be no HTTP.
    may_switch: bool,
    /// What it asks of WebSocket's drafts.
    draft: draft::Asked,
    /// It opens a WebSocket, and this is what it asks for.
    websocket: Option<Arc<Asked>>,
}

/// The HTTP/1 dissector of a link.
#[derive(Clone, Debug)]
pub struct Http1 {
    sides: [Side; 2],
    /// Runs of equal requests, so that thousands of pipelined ones weigh as little as one.
    requests: VecDeque<(Request, u64)>,
    /// Client bytes behind a request that may switch protocols, held until the answer says what they are.
    early: Option<(u64, Vec<u8>)>,
    /// Requests without an answer that may switch protocols.
    may_switch: u64,
    switch: Option<Switch>,
}

impl Http1 {
    /// For a fresh link.
    pub fn new(link: LinkId) -> Http1 {
        Http1 {
            sides: [Side::new(link, Dir::Out), Side::new(link, Dir::In)],
            requests: VecDeque::new(),
            early: None,
            may_switch: 0,
            switch: None,
        }
    }

    /// More bytes of a direction, the first of which is byte `wire`. How many were taken: all, but where the protocol
    /// switches.
    pub fn feed(&mut self, dir: Dir, wire: u64, bytes: &[u8], out: &mut impl Sink) -> usize {
        let mut used = 0;
        while used < bytes.len() {
            if let Some((_, early)) = self.early.as_mut().filter(|_| dir == Dir::Out) {
                if early.len() + bytes.len() - used <= EARLY_LIMIT_BYTES {
                    early.extend_from_slice(&bytes[used..]);
                    return bytes.len();
                }
                self.release_early(out);
                continue;
            }
            let challenging = self.sides[0].challenging().cloned();
            let next_request = self.requests.front().map(|(request, _)| request).or(challenging.as_ref());
            let turn = self.sides[dir.index()].feed(wire + used as u64, &bytes[used..], next_request, out);
            let (taken, event) = turn;
            used += taken;
            match event {
                Turn::More => {}
                Turn::Asked(request) => {
                    if self.asked(request) {
                        // Bytes that passed the limit behind an earlier such request are HTTP, and so are these.
                        if self.may_switch == 0 {
                            self.early = Some((wire + used as u64, Vec::new()));
                        }
                        self.may_switch += 1;
                    }
                }
                Turn::Answered => {
                    if self.answered().is_some_and(|request| request.may_switch) {
                        self.may_switch -= 1;
                        self.release_early(out);
                    }
                }
                Turn::Switched { is_websocket, agreement } => {
                    // What the client had begun is told as far as it came: nobody will finish it.
                    self.sides[0].finish(Ending::Sender, out);
                    let end = self.sides[0].position();
                    let early = self.early.take().unwrap_or((end, Vec::new()));
                    if is_websocket && !early.1.is_empty() {
                        let len = early.1.len() as u64;
                        out.note(Place::wire(Dir::Out), &fields::EARLY_BYTES, early.0 * 8, len * 8, String::new);
                    }
                    self.switch = Some(match is_websocket {
                        true => Switch::WebSocket { early, agreement },
                        false => Switch::Raw { early },
                    });
                    return used;
                }
                Turn::SwitchedToHixie(draft) => {
                    self.sides[0].finish(Ending::Sender, out);
                    let end = self.sides[0].position();
                    let early = self.early.take().unwrap_or((end, Vec::new()));
                    self.switch = Some(Switch::Hixie { draft, early });
                    return used;
                }
            }
        }
        used
    }

    /// A request waits for its answer. Whether it may switch protocols.
    fn asked(&mut self, request: Request) -> bool {
        let is_repeated = |(last, _): &(Request, u64)| *last == request;
        let is_full = self.requests.len() >= REQUESTS_LIMIT && !self.requests.back().is_some_and(is_repeated);
        let request = if is_full { Request::default() } else { request };
        let may_switch = request.may_switch;
        match self.requests.back_mut() {
            Some((last, count)) if *last == request => *count += 1,
            _ => self.requests.push_back((request, 1)),
        }
        may_switch
    }

    /// Takes the oldest request that waits for an answer.
    fn answered(&mut self) -> Option<Request> {
        let (request, count) = self.requests.front_mut()?;
        *count -= 1;
        match *count {
            0 => self.requests.pop_front().map(|(request, _)| request),
            _ => Some(request.clone()),
        }
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
