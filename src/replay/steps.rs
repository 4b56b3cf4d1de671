//! What happened on a recorded WebSocket, in its order: what the server sent, and what the client said before that.

use super::Program;
use super::exchange::{Answer, Exchange};
use crate::dissect::hixie::OLD_FRAME;
use crate::dissect::{Kind, Record};
use crate::session::RecordId;
use crate::wire::{Dir, LinkId};

/// Opcodes (RFC 6455 §5.2).
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PONG: u8 = 0xA;

/// A step of a recorded conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The server sent the bytes `start..end`: a frame, or what is none.
    Sent { start: u64, end: u64, is_close: bool },
    /// The server sent this message, which is to be sent inflated.
    Inflated(RecordId, Record),
    /// The client had said a message, at this time.
    Said { at_ns: u64 },
    /// The client had closed.
    Closed,
}

/// What can be said of a conversation before it is gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Messages of the client.
    pub messages: u64,
    /// Whether the client pinged.
    pub pinged: bool,
    /// Whether the server answered with a pong.
    pub ponged: bool,
    /// The server's close frame, where it answers the client's.
    pub close_answer: Option<(u64, u64)>,
}

/// Goes through a recorded conversation.
pub(super) struct Steps {
    link: LinkId,
    next: RecordId,
    /// The first byte that no step has had.
    at: u64,
    end: u64,
    is_inflated: bool,
    is_raw: bool,
    leaves_pongs: bool,
}

impl Steps {
    /// Through the conversation behind an upgrade; the bytes as they are (`is_raw`) or frame by frame, compressed
    /// messages inflated or not, without the pongs that answered the recorded client's pings.
    pub fn new(exchange: &Exchange, answer: &Answer, is_raw: bool, is_inflated: bool, outline: Outline) -> Steps {
        Steps {
            link: exchange.link,
            next: answer.record + 1,
            at: answer.head.end,
            end: answer.end,
            is_inflated,
            is_raw,
            leaves_pongs: outline.pinged,
        }
    }

    /// Goes on behind what was sent with the head.
    pub fn skip_to(&mut self, at: u64) {
        self.at = self.at.max(at);
    }

    /// The next step.
    pub fn next(&mut self, program: &Program) -> Option<Step> {
        while !self.is_raw {
            let is_inflated = self.is_inflated;
            let is_wanted = |record: &Record| match record.dir {
                Dir::In => {
                    matches!(record.kind, Kind::WsFrame | Kind::Gap)
                        || (is_inflated && matches!(record.kind, Kind::WsText | Kind::WsBinary))
                }
                Dir::Out => matches!(record.kind, Kind::WsText | Kind::WsBinary | Kind::WsClose),
            };
            let Some((id, record)) = program.next_record(self.link, self.next, is_wanted) else { break };
            self.next = id + 1;
            if record.dir == Dir::Out {
                return Some(match record.kind {
                    Kind::WsClose => Step::Closed,
                    _ => Step::Said { at_ns: program.session().at_ns(id) },
                });
            }
            if matches!(record.kind, Kind::WsText | Kind::WsBinary) {
                return Some(Step::Inflated(id, record));
            }
            if record.start < self.at {
                continue;
            }
            self.at = record.end();
            let opcode = opcode(&record);
            let is_answer = self.leaves_pongs && opcode == Some(PONG);
            let is_data = self.is_inflated && matches!(opcode, Some(0 | TEXT | BINARY));
            if !is_answer && !is_data {
                return Some(Step::Sent { start: record.start, end: record.end(), is_close: is_close(&record) });
            }
        }
        // What is no frame yet, or never became one. Of compressed data, half a message says nothing.
        let (start, end) = (std::mem::replace(&mut self.at, self.end), self.end);
        (start < end && !self.is_inflated).then_some(Step::Sent { start, end, is_close: false })
    }
}

/// The opcode of a frame; drafts before RFC 6455 have none.
fn opcode(record: &Record) -> Option<u8> {
    (record.kind == Kind::WsFrame && record.detail & OLD_FRAME == 0).then_some((record.detail & 0xF) as u8)
}

fn is_close(record: &Record) -> bool {
    let is_old = record.kind == Kind::WsFrame && record.detail & OLD_FRAME != 0;
    opcode(record) == Some(CLOSE) || (is_old && record.detail & 0xFF == 0xFF && record.payload_len == 0)
}

/// What can be said of a conversation before it is gone through.
pub(super) fn outline(program: &Program, exchange: &Exchange, answer: &Answer) -> Outline {
    let session = program.session();
    let mut outline = Outline::default();
    let mut is_closed = false;
    for record in session.records().range(answer.record + 1..usize::MAX).filter(|record| record.link == exchange.link) {
        match (record.dir, record.kind) {
            (Dir::Out, Kind::WsText | Kind::WsBinary) => outline.messages += 1,
            (Dir::Out, Kind::WsPing) => outline.pinged = true,
            (Dir::Out, Kind::WsClose) => is_closed = true,
            (Dir::In, Kind::WsPong) => outline.ponged = true,
            (Dir::In, Kind::WsFrame) if is_close(record) && is_closed => {
                outline.close_answer.get_or_insert((record.start, record.end()));
            }
            _ => {}
        }
    }
    outline
}
