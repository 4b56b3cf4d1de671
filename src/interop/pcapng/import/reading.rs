//! A connection in the second pass: its segments become the events that a tap would have seen.

use super::assembler::{Assembler, Piece};
use super::frame::Segment;
use super::streams::{Flow, Offsets, Place};
use super::survey::Taken;
use crate::wire::{Act, ClientAct, Closed, Connected, Dir, Failure, Stage, What};
use bytes::Bytes;

/// Missing bytes that zeros stand for, at a place.
const FILL_LIMIT_BYTES: u64 = 1 << 20;

/// Gaps of a connection that are told one by one.
const MOST_NOTICES: u32 = 100;

/// What was lost or changed on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Gaps, and bytes that are not in the capture.
    pub missing: (u64, u64),
    /// Of those bytes, how many zeros stand for.
    pub filled: u64,
    /// Gaps, and bytes that came too late.
    pub too_late: (u64, u64),
    /// How many bytes may yet be filled in.
    pub may_fill: u64,
}

/// A connection that is being read.
pub struct Reading {
    client: usize,
    flow: Flow,
    halves: [Assembler; 2],
    seen: u64,
    first_syn_ns: Option<u64>,
    is_connected: bool,
    /// Which sides' ends were told.
    ended: [bool; 2],
    first_end: Option<Dir>,
    /// The server said something after the client had ended.
    answered_after_end: bool,
    reset_by: Option<Dir>,
    has_answered: bool,
    notices: u32,
    pieces: Vec<Piece>,
}

impl Reading {
    /// Before its first segment.
    pub fn new(taken: &Taken) -> Reading {
        let half = |side: usize| Assembler::new(taken.start[side], taken.gaps[side].clone());
        Reading {
            client: taken.client,
            flow: Flow::default(),
            halves: [half(0), half(1)],
            seen: 0,
            first_syn_ns: None,
            is_connected: false,
            ended: [false; 2],
            first_end: None,
            answered_after_end: false,
            reset_by: None,
            has_answered: false,
            notices: 0,
            pieces: Vec::new(),
        }
    }

    /// Bytes that are held back until those before them come.
    pub fn held_bytes(&self) -> usize {
        self.halves.iter().map(Assembler::held_bytes).sum()
    }

    /// Whether its last segment came.
    pub fn is_over(&self, taken: &Taken) -> bool {
        self.seen >= taken.packets
    }

    /// Takes a segment; what happened by it, in order.
    pub fn take(
        &mut self,
        taken: &Taken,
        segment: &Segment<'_>,
        place: Place,
        unix_ns: u64,
        losses: &mut Losses,
    ) -> Vec<What> {
        let mut events = Vec::new();
        self.seen += 1;
        let dir = if place.side == self.client { Dir::Out } else { Dir::In };
        let syn_ns = *self.first_syn_ns.get_or_insert(unix_ns);
        // The third segment of the handshake is the first that is no SYN.
        if !self.is_connected && (!segment.syn || !segment.payload.is_empty()) && !segment.rst {
            self.is_connected = true;
            let took_ns = if taken.has_begun { unix_ns.saturating_sub(syn_ns) } else { 0 };
            let [local, remote] = taken.ends;
            events.push(What::Connected(Connected { remote, local, failed: Vec::new(), took_ns }));
        }
        if segment.rst {
            self.reset_by.get_or_insert(dir);
        }
        if let Some(Offsets { start, end, .. }) = self.flow.offsets(segment, place.side) {
            let mut pieces = std::mem::take(&mut self.pieces);
            let half = &mut self.halves[place.side];
            half.take(start, &segment.payload, &mut pieces);
            if segment.fin {
                half.fin(end, &mut pieces);
            }
            self.tell(dir, &mut pieces, &mut events, losses);
            self.pieces = pieces;
        }
        for dir in [dir, dir.opposite()] {
            self.end(dir, taken, &mut events);
        }
        if self.seen == taken.packets {
            self.close(&mut events);
        }
        events
    }

    /// Waits no more for what is missing.
    pub fn give_up(&mut self, losses: &mut Losses) -> Vec<What> {
        let mut events = Vec::new();
        for side in 0..2 {
            let mut pieces = Vec::new();
            self.halves[side].give_up(&mut pieces);
            let dir = if side == self.client { Dir::Out } else { Dir::In };
            self.tell(dir, &mut pieces, &mut events, losses);
        }
        events
    }

    fn tell(&mut self, dir: Dir, pieces: &mut Vec<Piece>, events: &mut Vec<What>, losses: &mut Losses) {
        for piece in pieces.drain(..) {
            let (len, why) = match piece {
                Piece::Bytes(bytes) => {
                    self.has_answered |= dir == Dir::In;
                    self.answered_after_end |= dir == Dir::In && self.first_end == Some(Dir::Out);
                    events.push(What::Bytes(dir, bytes));
                    continue;
                }
                Piece::Missing(len) => {
                    losses.missing = (losses.missing.0 + 1, losses.missing.1 + len);
                    (len, "are not in the capture")
                }
                Piece::TooLate(len) => {
                    losses.too_late = (losses.too_late.0 + 1, losses.too_late.1 + len);
                    (len, "come too late in the capture")
                }
            };
            let is_filled = len <= FILL_LIMIT_BYTES.min(losses.may_fill);
            let who = if dir == Dir::Out { "client" } else { "server" };
            let stands = if is_filled { "zeros stand for them" } else { "what follows stands in their place" };
            self.notices += 1;
            let more = if self.notices == MOST_NOTICES { "; more gaps of this connection are not told" } else { "" };
            if self.notices <= MOST_NOTICES {
                events.push(noticed(format!("{len} bytes of the {who} {why}: {stands}{more}")));
            }
            if is_filled {
                losses.may_fill -= len;
                losses.filled += len;
                events.push(What::Bytes(dir, Bytes::from(vec![0; len as usize])));
            }
        }
    }

    /// A side's end, where all of its bytes came.
    fn end(&mut self, dir: Dir, taken: &Taken, events: &mut Vec<What>) {
        let side = if dir == Dir::Out { self.client } else { 1 - self.client };
        if self.ended[dir.index()] || !self.halves[side].has_ended() {
            return;
        }
        self.ended[dir.index()] = true;
        let is_first = self.first_end.is_none();
        self.first_end.get_or_insert(dir);
        // A client that closes does not wait for what the server has yet to say: then the server's end follows from it.
        let follows = !is_first && dir == Dir::In && !self.answered_after_end && taken.fin == [true; 2];
        if !follows {
            events.push(What::Ended(dir));
        }
    }

    /// The last segment came.
    fn close(&mut self, events: &mut Vec<What>) {
        match (self.reset_by, self.first_end) {
            (Some(by), None) => {
                let who = if by == Dir::Out { "client" } else { "server" };
                let stage = match (self.is_connected, self.has_answered) {
                    (false, _) => Stage::Tcp,
                    (true, false) => Stage::Answer,
                    (true, true) => Stage::Stream,
                };
                let text = format!("the {who} reset the connection (TCP RST)");
                events.push(What::Failed(Failure { stage, text, hint: String::new(), took_ns: 0, chain: Vec::new() }));
            }
            (Some(_), Some(by)) => {
                let text = "ended by FIN, then reset (TCP RST)".to_owned();
                events.push(What::Closed(Closed { by, text }));
            }
            (None, Some(by)) if self.ended == [true; 2] => {
                events.push(What::Closed(Closed { by, text: "both sides ended (TCP FIN)".to_owned() }));
            }
            _ => {}
        }
    }
}

/// Something that is worth saying of the link.
pub fn noticed(text: String) -> What {
    What::Client(ClientAct { act: Act::Noticed, text })
}
