//! Control messages, and what one side's say about the other's: pongs answer pings, a close answers a close.

use super::close::{NO_STATUS_RECEIVED, code_note};
use super::header::{CLOSE, PING};
use super::{Way, fields, notes};
use crate::dissect::utf8::Utf8;
use crate::dissect::{Flags, Kind, Place, Sink, Value};
use crate::wire::Dir;
use std::ops::Range;

/// How many unanswered pings of a side are remembered.
const PINGS: usize = 16;

/// A control frame under way: of its payload, only what its record and notes need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    kind: Kind,
    /// Where it begins in the control stream.
    start: u64,
    echo: Echo,
    /// The first bytes: the code, in a close frame.
    code: [u8; 2],
    reason: Utf8,
}

/// Enough of a ping's payload to know its pong by: the length and the FNV-1a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Echo {
    len: u64,
    hash: u64,
}

impl Default for Echo {
    fn default() -> Echo {
        Echo { len: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Echo {
    fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Control {
    /// The control message of a frame with this opcode.
    pub fn new(opcode: u8, start: u64) -> Control {
        let kind = match opcode {
            CLOSE => Kind::WsClose,
            PING => Kind::WsPing,
            _ => Kind::WsPong,
        };
        Control { kind, start, echo: Echo::default(), code: [0; 2], reason: Utf8::default() }
    }

    /// What it will be.
    pub fn what(&self) -> &'static str {
        match self.kind {
            Kind::WsClose => "close",
            Kind::WsPing => "ping",
            _ => "pong",
        }
    }

    /// More of its payload, unmasked.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.kind != Kind::WsClose {
            self.echo.push(bytes);
            return;
        }
        let missing = 2u64.saturating_sub(self.echo.len) as usize;
        let (code, reason) = bytes.split_at(missing.min(bytes.len()));
        for byte in code {
            self.code[self.echo.len as usize] = *byte;
            self.echo.len += 1;
        }
        self.echo.len += reason.len() as u64;
        self.reason.push(reason);
    }

    /// Tells the message of a frame that took `frame` on the wire.
    pub fn tell(self, way: Way, talk: &mut Talk, frame: Range<u64>, is_complete: bool, out: &mut impl Sink) {
        let place = Place::control(way.dir);
        let (bit, bits) = (self.start * 8, self.echo.len * 8);
        let mut flags = Flags::MESSAGE;
        if !is_complete {
            flags = flags.and(Flags::INCOMPLETE);
            out.note(place, &notes::FRAME_INCOMPLETE, bit, bits, String::new);
        }
        let mut detail = 0;
        match self.kind {
            Kind::WsClose => detail = self.close(way, talk, is_complete, out),
            Kind::WsPing if is_complete => talk.pings[way.dir.index()].asked(self.echo),
            Kind::WsPong if is_complete => {
                let pings = &mut talk.pings[way.dir.opposite().index()];
                match pings.answered(self.echo) {
                    Answer::Matches => {}
                    Answer::Unasked => out.note(place, &notes::PONG_UNASKED, bit, bits, String::new),
                    Answer::Differs => out.note(place, &notes::PONG_DIFFERS, bit, bits, || pings.waiting()),
                }
            }
            _ => {}
        }
        if out.full() {
            match self.kind {
                Kind::WsClose => fields::tell_close(out, place, self.start, self.echo.len, self.code),
                Kind::WsPing => {
                    fields::tell_bytes(out, place, &fields::PING_PAYLOAD, self.start, self.echo.len, Value::Bytes)
                }
                _ => fields::tell_bytes(out, place, &fields::PONG_PAYLOAD, self.start, self.echo.len, Value::Bytes),
            }
        }
        out.record(place, way.record(self.kind, frame, self.echo.len, detail, flags));
    }

    /// Notes on a close frame; its record's `detail`.
    fn close(self, way: Way, talk: &mut Talk, is_complete: bool, out: &mut impl Sink) -> u32 {
        let place = Place::control(way.dir);
        let bit = self.start * 8;
        let code = match self.echo.len {
            0 => NO_STATUS_RECEIVED,
            1 => 0,
            _ => u16::from_be_bytes(self.code),
        };
        if self.echo.len == 1 && is_complete {
            out.note(place, &notes::CLOSE_TOO_SHORT, bit, 8, || format!("{:02x}", self.code[0]));
        }
        if self.echo.len >= 2
            && let Some(def) = code_note(code, way.dir)
        {
            out.note(place, def, bit, 16, || format!("code {code}: {}", super::close_code_meaning(code)));
        }
        let ill_formed = if is_complete { self.reason.ill_formed_at_end() } else { self.reason.ill_formed() };
        if let Some(bad) = ill_formed {
            out.note(place, &notes::REASON_NOT_UTF8, bit + 16 + bad.at * 8, u64::from(bad.len) * 8, || {
                format!("byte {} of the reason: {}", bad.at, bad.hex())
            });
        }
        if !is_complete {
            return if self.echo.len == 0 { 0 } else { u32::from(code) };
        }
        let asked = talk.closed[way.dir.opposite().index()];
        let is_first = talk.closed[way.dir.index()].is_none();
        if let Some(asked) = asked
            && is_first
            && asked != code
        {
            out.note(place, &notes::CLOSE_NOT_ECHOED, bit, self.echo.len.min(2) * 8, || {
                format!("asked with {}, answered with {}", code_text(asked), code_text(code))
            });
        }
        if is_first {
            talk.closed[way.dir.index()] = Some(code);
        }
        u32::from(code)
    }
}

fn code_text(code: u16) -> String {
    match code {
        NO_STATUS_RECEIVED => "no code".to_owned(),
        code => code.to_string(),
    }
}

/// What the two directions know of one another. It follows the order in which they were fed, nothing else.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    pings: [Pings; 2],
    closed: [Option<u16>; 2],
    /// Whether the missing close frame was already spoken of.
    pub missed_close: bool,
}

impl Talk {
    /// The code of the first close frame of a direction, once there was one.
    pub fn closed(&self, dir: Dir) -> Option<u16> {
        self.closed[dir.index()]
    }
}

/// A side's pings that wait for an answer, oldest first.
#[derive(Clone, Copy, Debug, Default)]
struct Pings {
    waiting: [Echo; PINGS],
    len: usize,
    /// The ping that was answered last, and how many equal ones before it may be answered yet.
    settled: (Echo, usize),
    /// Pings before these were forgotten unanswered.
    forgot: bool,
}

enum Answer {
    Matches,
    Unasked,
    Differs,
}

impl Pings {
    fn asked(&mut self, ping: Echo) {
        if self.len == PINGS {
            self.drop_first(1);
            self.forgot = true;
        }
        self.waiting[self.len] = ping;
        self.len += 1;
    }

    /// A pong may answer the latest ping only (RFC 6455 §5.5.3), so it settles those before the one it matches.
    fn answered(&mut self, pong: Echo) -> Answer {
        match self.waiting[..self.len].iter().rposition(|ping| *ping == pong) {
            Some(at) => {
                self.settled = (pong, self.waiting[..at].iter().filter(|ping| **ping == pong).count());
                self.drop_first(at + 1);
                self.forgot = false;
                Answer::Matches
            }
            None if self.settled.0 == pong && self.settled.1 > 0 => {
                self.settled.1 -= 1;
                Answer::Matches
            }
            None if self.len == 0 => Answer::Unasked,
            None => Answer::Differs,
        }
    }

    fn drop_first(&mut self, count: usize) {
        self.waiting.copy_within(count..self.len, 0);
        self.len -= count;
    }

    fn waiting(&self) -> String {
        let (count, plural) = (self.len, if self.len == 1 { "ping waits" } else { "pings wait" });
        let forgot = if self.forgot { "; older ones wait too and are no longer compared" } else { "" };
        format!("{count} {plural}{forgot}")
    }
}
