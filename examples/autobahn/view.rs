//! What the dissector made of a case: its frames and its messages, from the records and the fields that anyone sees.

use pushscope::dissect::{Value, unmask, value_in_record};
use pushscope::session::{Flags, Kind, Record, Session, Severity};

/// How much of a payload is kept, in bytes; the suite keeps as much.
pub const BEGINNING_BYTES: usize = 64;
/// Frames and messages of a case whose payloads are looked at. The suite logs no payload of the cases that have more.
const LOOKED_AT: usize = 2048;
/// How much of a record is explained for that.
const EXPLAINED_BYTES: usize = 4096;
/// Errors of a direction that are told.
const TOLD_ERRORS: usize = 4;

/// A case as the dissector saw it. Arrays hold what went out and what came in.
pub struct View {
    /// Every frame that is complete.
    pub frames: [Vec<Frame>; 2],
    /// Text, binary, pings and pongs that are complete.
    pub messages: [Vec<Message>; 2],
    /// Payload bytes of text and binary messages, after inflating.
    pub message_bytes: [u64; 2],
    /// Bytes on the wire, the upgrade included.
    pub octets: [u64; 2],
    /// Bytes of the upgrade alone.
    pub upgrade_octets: [u64; 2],
    /// The keys of errors that were noted of what began before the close frame, and of that.
    pub errors: [Vec<&'static str>; 2],
    /// The code of the server's close frame, where that came before ours.
    pub asked_to_close: Option<u64>,
}

/// A frame (RFC 6455 §5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u64,
    pub fin: bool,
    /// RSV1 is 4, RSV3 is 1.
    pub rsv: u64,
    pub is_masked: bool,
    pub len: u64,
    /// The first bytes of its payload, unmasked.
    pub beginning: Vec<u8>,
}

/// A message, or a control frame that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: Kind,
    pub len: u64,
    /// The first bytes of its payload, inflated.
    pub beginning: Vec<u8>,
}

impl View {
    pub fn of(session: &Session) -> View {
        let mut view = View {
            frames: Default::default(),
            messages: Default::default(),
            message_bytes: [0; 2],
            octets: session.totals().bytes,
            upgrade_octets: [0; 2],
            errors: Default::default(),
            asked_to_close: None,
        };
        let mut closed_at = [None; 2];
        let mut messages = Vec::new();
        for (id, record) in session.records().iter().enumerate() {
            let dir = record.dir.index();
            let is_complete = !record.flags.has(Flags::INCOMPLETE);
            match record.kind {
                Kind::HttpRequest | Kind::HttpResponse => view.upgrade_octets[dir] = record.end(),
                Kind::WsFrame if is_complete => {
                    let mut frame = Frame::of(record);
                    if view.frames[dir].len() < LOOKED_AT {
                        frame.beginning = beginning(session, record, frame.is_masked);
                    }
                    view.frames[dir].push(frame);
                }
                Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong if is_complete => messages.push(id),
                _ => {}
            }
            let is_wrong = record.worst == Severity::Error && !record.kind.is_fact();
            if is_wrong && closed_at[dir].is_none_or(|at| record.start < at) && view.errors[dir].len() < TOLD_ERRORS {
                let notes = session.explain_within(id, EXPLAINED_BYTES).notes.into_iter();
                let errors = notes.filter(|note| note.def.severity == Severity::Error);
                view.errors[dir].extend(errors.map(|note| note.def.key));
            }
            if record.kind == Kind::WsClose {
                closed_at[dir].get_or_insert(record.start);
                if dir == 1 && closed_at[0].is_none() {
                    view.asked_to_close = Some(record.detail.into());
                }
            }
        }
        let looked_at = &messages[..messages.len().min(LOOKED_AT)];
        let mut explained = session.explain_all(looked_at, EXPLAINED_BYTES).into_iter();
        for id in &messages {
            let record = session.records()[*id];
            let mut beginning = explained.next().map(|explained| explained.payload).unwrap_or_default();
            beginning.truncate(BEGINNING_BYTES);
            let (dir, kind, len) = (record.dir.index(), record.kind, record.payload_len);
            if matches!(kind, Kind::WsText | Kind::WsBinary) {
                view.message_bytes[dir] += len;
            }
            view.messages[dir].push(Message { kind, len, beginning });
        }
        view
    }
}

/// The first bytes of a frame's payload, which is at its end, unmasked.
fn beginning(session: &Session, record: &Record, is_masked: bool) -> Vec<u8> {
    let at = record.end() - record.payload_len;
    let len = record.payload_len.min(BEGINNING_BYTES as u64) as usize;
    let mut bytes = session.wire(record.link, record.dir, at, len);
    if is_masked {
        let key = session.wire(record.link, record.dir, at - 4, 4);
        unmask(&mut bytes, key.try_into().unwrap_or_default());
    }
    bytes
}

impl Frame {
    fn of(record: &Record) -> Frame {
        let number = |key| match value_in_record(record, key) {
            Some(Value::Flag(is_set)) => u64::from(is_set),
            Some(Value::Number(number) | Value::Named(number, _)) => number,
            _ => u64::MAX,
        };
        let rsv = number("websocket.rsv1") << 2 | number("websocket.rsv2") << 1 | number("websocket.rsv3");
        Frame {
            opcode: number("websocket.opcode"),
            fin: number("websocket.fin") == 1,
            rsv,
            is_masked: number("websocket.mask") == 1,
            len: record.payload_len,
            beginning: Vec::new(),
        }
    }
}
