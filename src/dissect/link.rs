//! The dissector of a link: the protocol spoken on it, and the switch from one to another.

use super::hixie::{Draft, Hixie};
use super::socks::{self, Socks};
use super::websocket::{Agreement, INFLATE_LIMIT_BYTES};
use super::{Ending, Http1, Pending, Sink, WebSocket, raw::Raw};
use crate::wire::{Dir, LinkId};
use std::sync::Arc;

/// What is spoken on a link.
#[derive(Clone, Debug)]
enum Protocol {
    Http1(Box<Http1>),
    WebSocket(Box<WebSocket>),
    /// A draft of WebSocket from before it had frames with opcodes.
    Hixie(Box<Hixie>),
    Socks(Box<Socks>),
    /// Nothing that is understood; from here on bytes are shown as they are.
    Raw(Box<Raw>),
}

/// Dissects both directions of a link. A clone of it is a checkpoint.
#[derive(Clone, Debug)]
pub struct Dissector {
    link: LinkId,
    protocol: Protocol,
    at: [u64; 2],
    finished: [bool; 2],
    inflate_limit_bytes: u64,
    agreement: Option<Arc<Agreement>>,
}

/// What an HTTP/1 dissector asks of its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// The upgrade to WebSocket is done; these client bytes came after the request.
    WebSocket {
        /// Bytes of the client that arrived before the answer: first wire byte and bytes.
        early: (u64, Vec<u8>),
        /// What was agreed on, where the request was seen.
        agreement: Option<Arc<Agreement>>,
    },
    /// The upgrade to an early draft of WebSocket is done.
    Hixie {
        /// Which one.
        draft: Draft,
        /// As above.
        early: (u64, Vec<u8>),
    },
    /// Another protocol was agreed on.
    Raw {
        /// As above.
        early: (u64, Vec<u8>),
    },
}

impl Dissector {
    /// For a link on which HTTP/1 is spoken first.
    pub fn http1(link: LinkId) -> Dissector {
        let protocol = Protocol::Http1(Box::new(Http1::new(link)));
        Dissector {
            link,
            protocol,
            at: [0; 2],
            finished: [false; 2],
            inflate_limit_bytes: INFLATE_LIMIT_BYTES,
            agreement: None,
        }
    }

    /// Says how many bytes a message may inflate to; [`INFLATE_LIMIT_BYTES`] where nobody says so before the protocol
    /// changes.
    pub fn limit_inflating(&mut self, limit_bytes: u64) {
        self.inflate_limit_bytes = limit_bytes;
    }

    /// What was agreed on in the opening handshake of RFC 6455, once that is done.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_deref()
    }

    /// About how much memory a clone may come to hold on its own, beyond a few hundred bytes.
    pub fn weight_bytes(&self) -> usize {
        match &self.protocol {
            Protocol::WebSocket(websocket) => websocket.weight_bytes(),
            _ => 0,
        }
    }

    /// How many bytes of a direction were fed.
    pub fn position(&self, dir: Dir) -> u64 {
        self.at[dir.index()]
    }

    /// The next bytes of a direction.
    pub fn feed(&mut self, dir: Dir, bytes: &[u8], out: &mut impl Sink) {
        let mut wire = self.at[dir.index()];
        if dir == Dir::Out && self.at == [0; 2] && bytes.first().is_some_and(|first| socks::begins(*first)) {
            self.protocol = Protocol::Socks(Box::new(Socks::new(self.link, bytes[0])));
        }
        self.at[dir.index()] += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.protocol {
                Protocol::WebSocket(websocket) => return websocket.feed(dir, wire, rest, out),
                Protocol::Hixie(hixie) => return hixie.feed(dir, wire, rest, out),
                Protocol::Socks(socks) => return socks.feed(dir, wire, rest, out),
                Protocol::Raw(raw) => return raw.feed(dir, wire, rest, out),
                Protocol::Http1(http) => {
                    let used = http.feed(dir, wire, rest, out);
                    rest = &rest[used..];
                    wire += used as u64;
                    match http.take_switch() {
                        Some(switch) => self.switch(switch, out),
                        None => debug_assert!(rest.is_empty(), "HTTP takes everything unless it switches"),
                    }
                }
            }
        }
    }

    /// The direction ended: what is unfinished is told as such.
    pub fn finish(&mut self, dir: Dir, ending: Ending, out: &mut impl Sink) {
        if std::mem::replace(&mut self.finished[dir.index()], true) {
            return;
        }
        let end = self.at[dir.index()];
        match &mut self.protocol {
            Protocol::WebSocket(websocket) => websocket.finish(dir, end, out),
            Protocol::Hixie(hixie) => hixie.finish(dir, end, out),
            Protocol::Socks(socks) => socks.finish(dir, end, out),
            Protocol::Raw(raw) => raw.finish(dir, end, out),
            Protocol::Http1(http) => {
                http.finish(dir, ending, out);
                if let Some(switch) = http.take_switch() {
                    self.switch(switch, out);
                }
            }
        }
    }

    /// What has begun on a direction and is not complete.
    pub fn pending(&self, dir: Dir) -> Option<Pending> {
        match &self.protocol {
            Protocol::Http1(http) => http.pending(dir),
            Protocol::WebSocket(websocket) => websocket.pending(dir),
            Protocol::Hixie(hixie) => hixie.pending(dir),
            Protocol::Socks(socks) => socks.pending(dir),
            Protocol::Raw(_) => None,
        }
    }

    fn switch(&mut self, switch: Switch, out: &mut impl Sink) {
        let early = match switch {
            Switch::WebSocket { early, agreement } => {
                self.agreement = agreement;
                let websocket = match self.agreement.as_ref().and_then(|agreement| agreement.deflate.as_ref()) {
                    Some(deflate) => WebSocket::with_deflate(self.link, deflate, self.inflate_limit_bytes),
                    None => WebSocket::new(self.link),
                };
                self.protocol = Protocol::WebSocket(Box::new(websocket));
                early
            }
            Switch::Hixie { draft, early } => {
                self.protocol = Protocol::Hixie(Box::new(Hixie::new(self.link, draft)));
                early
            }
            Switch::Raw { early } => {
                self.protocol = Protocol::Raw(Box::new(Raw::new(self.link)));
                early
            }
        };
        match &mut self.protocol {
            Protocol::WebSocket(websocket) => websocket.feed(Dir::Out, early.0, &early.1, out),
            Protocol::Hixie(hixie) => hixie.feed(Dir::Out, early.0, &early.1, out),
            Protocol::Raw(raw) => raw.feed(Dir::Out, early.0, &early.1, out),
            Protocol::Http1(_) | Protocol::Socks(_) => {}
        }
    }
}
