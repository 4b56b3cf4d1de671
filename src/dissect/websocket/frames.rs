//! One direction: bytes are cut into frames, and frames are handed to the message that they belong to.
//!
//! Between two calls it holds at most a partial header and a few numbers, whatever the lengths on the wire say.

use super::control::{Control, Talk};
use super::deflate::Inflater;
use super::header::{BINARY, CLOSE, CONTINUATION, Header, PING, PONG, Partial, RSV1, TEXT, opcode_name};
use super::mask::unmasked;
use super::message::Message;
use super::{Way, fields, notes};
use crate::dissect::{Content, Flags, Kind, NoteDef, Pending, Place, Sink, Value};
use crate::wire::Dir;

/// The state of a direction.
#[derive(Clone, Debug)]
pub(super) struct Side {
    step: Step,
    /// The data message under way; control frames may come between its frames (RFC 6455 §5.4).
    message: Option<Message>,
    /// How long the content stream is by now.
    content_len: u64,
    /// How long the control stream is by now.
    control_len: u64,
    last_key: Option<[u8; 4]>,
    /// Where permessage-deflate was agreed on.
    pub inflater: Option<Inflater>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// In a header, or before one.
    Header { start: u64, partial: Partial },
    /// In a payload.
    Payload(Frame),
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    header: Header,
    start: u64,
    /// How much of the payload has come: `0 <= seen <= header.payload_len()`.
    seen: u64,
    carries: Carries,
}

/// What a frame's payload belongs to.
#[derive(Clone, Copy, Debug)]
enum Carries {
    /// The data message under way.
    Data,
    /// A control message of its own.
    Control(Control),
    /// No message: a reserved opcode, or a continuation of nothing.
    Nothing,
}

impl Frame {
    fn end(&self) -> u64 {
        self.start + self.header.len() + self.seen
    }

    fn missing(&self) -> u64 {
        self.header.payload_len() - self.seen
    }
}

impl Default for Side {
    fn default() -> Side {
        let step = Step::Header { start: 0, partial: Partial::default() };
        Side { step, message: None, content_len: 0, control_len: 0, last_key: None, inflater: None }
    }
}

impl Side {
    /// More bytes, the first of which is byte `wire`.
    pub fn feed(&mut self, way: Way, talk: &mut Talk, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let here = wire + at as u64;
            match &mut self.step {
                Step::Header { start, partial } => {
                    if partial.bytes().is_empty() {
                        *start = here;
                    }
                    let start = *start;
                    let (taken, header) = partial.take(rest);
                    at += taken;
                    if let Some(header) = header {
                        let frame = self.begin(way, talk, start, header, out);
                        self.go_on(way, talk, frame, out);
                    }
                }
                Step::Payload(frame) => {
                    let mut frame = *frame;
                    let taken = usize::try_from(frame.missing()).unwrap_or(usize::MAX).min(rest.len());
                    self.payload(way, &mut frame, here, &rest[..taken], out);
                    at += taken;
                    self.go_on(way, talk, frame, out);
                }
            }
        }
    }

    /// No more bytes will come: what is unfinished is told as far as it came.
    pub fn finish(&mut self, way: Way, talk: &mut Talk, out: &mut impl Sink) {
        let place = Place::wire(way.dir);
        let step = std::mem::replace(&mut self.step, Side::default().step);
        match step {
            Step::Header { start, partial } if !partial.bytes().is_empty() => {
                let header = partial.bytes();
                let (bit, len) = (start * 8, header.len() as u64);
                out.note(place, &notes::FRAME_INCOMPLETE, bit, len * 8, || format!("{len} bytes of its header came"));
                if self.message.is_none() {
                    note_missing_close(way, talk, place, bit, len * 8, out);
                }
                if out.full() {
                    fields::tell_header(out, place, start, header);
                    fields::tell_frame(out, place, start, len, None);
                }
                let (kind, flags) = (Kind::WsFrame, Flags::INCOMPLETE);
                out.record(place, way.record(kind, start..start + len, 0, partial.detail(), flags));
            }
            Step::Header { .. } => {}
            Step::Payload(frame) => {
                let (bit, bits) = (frame.start * 8, (frame.end() - frame.start) * 8);
                out.note(place, &notes::FRAME_INCOMPLETE, bit, bits, || {
                    format!("{} of {} payload bytes came", frame.seen, frame.header.payload_len())
                });
                if self.message.is_none() {
                    note_missing_close(way, talk, place, bit, bits, out);
                }
                self.end(way, talk, frame, Flags::INCOMPLETE, out);
            }
        }
        if let Some(message) = self.message.take() {
            note_missing_close(way, talk, Place::content(way.dir), self.content_len * 8, 0, out);
            message.tell(way, false, self.inflater.as_mut(), out);
        }
    }

    /// The earliest unit that has begun and is not complete.
    pub fn pending(&self) -> Option<Pending> {
        if let Some(message) = &self.message {
            return Some(Pending { what: message.what(), start: message.start });
        }
        match &self.step {
            Step::Header { partial, .. } if partial.bytes().is_empty() => None,
            Step::Header { start, .. } => Some(Pending { what: "frame header", start: *start }),
            Step::Payload(frame) => {
                let what =
                    if let Carries::Control(control) = &frame.carries { control.what() } else { "frame payload" };
                Some(Pending { what, start: frame.start })
            }
        }
    }

    /// A header is whole: what it says of itself, and what its frame carries.
    fn begin(&mut self, way: Way, talk: &Talk, start: u64, header: Header, out: &mut impl Sink) -> Frame {
        let place = Place::wire(way.dir);
        if out.full() {
            fields::tell_header(out, place, start, header.bytes());
        }
        self.note_header(way, start, &header, out);
        let mut note = |def: &'static NoteDef| {
            out.note(place, def, start * 8 + 4, 4, || {
                format!("opcode {}: {}", header.opcode(), opcode_name(header.opcode()))
            });
        };
        if talk.closed(way.dir).is_some() {
            note(if header.is_control() { &notes::CONTROL_AFTER_CLOSE } else { &notes::DATA_AFTER_CLOSE });
        }
        let carries = match (header.opcode(), self.message.is_some()) {
            (CONTINUATION, true) => Carries::Data,
            (CONTINUATION, false) => {
                note(&notes::NOTHING_TO_CONTINUE);
                Carries::Nothing
            }
            (TEXT | BINARY, is_under_way) => {
                if is_under_way {
                    note(&notes::INTERLEAVED);
                }
                if let Some(interrupted) = self.message.take() {
                    interrupted.tell(way, false, self.inflater.as_mut(), out);
                }
                self.message = Some(Message::new(&header, start, self.content_len, self.inflater.as_mut()));
                Carries::Data
            }
            (opcode @ (CLOSE | PING | PONG), _) => Carries::Control(Control::new(opcode, self.control_len)),
            _ => {
                note(&notes::RESERVED_OPCODE);
                Carries::Nothing
            }
        };
        let unknown = header.rsv() & self.not_agreed();
        if let (Carries::Data, Some(message)) = (carries, &mut self.message) {
            message.fragment(unknown);
            let is_fragment = header.opcode() == CONTINUATION || !header.fin();
            if is_fragment && header.payload_len() == 0 {
                out.note(place, &notes::EMPTY_FRAGMENT, start * 8 + 9, 7, String::new);
            }
        }
        Frame { header, start, seen: 0, carries }
    }

    /// The reserved bits that nothing was agreed on for.
    fn not_agreed(&self) -> u8 {
        if self.inflater.is_some() { 0b111 & !RSV1 } else { 0b111 }
    }

    /// The rules that a header can break on its own.
    fn note_header(&mut self, way: Way, start: u64, header: &Header, out: &mut impl Sink) {
        let place = Place::wire(way.dir);
        let bit = start * 8;
        let len = header.payload_len();
        let reserved = header.rsv() & self.not_agreed();
        if reserved != 0 {
            out.note(place, &notes::RESERVED_BITS, bit + 1, 3, || reserved_bits(reserved));
        }
        let may_be_compressed = matches!(header.opcode(), TEXT | BINARY);
        if header.rsv() & RSV1 != 0 && reserved & RSV1 == 0 && !may_be_compressed {
            out.note(place, &notes::RSV1_MISPLACED, bit + 1, 1, || opcode_name(header.opcode()).to_owned());
        }
        if header.is_control() && !header.fin() {
            out.note(place, &notes::CONTROL_FRAGMENTED, bit, 1, String::new);
        }
        if header.is_control() && len > 125 {
            out.note(place, &notes::CONTROL_TOO_LONG, bit + 9, length_bits(header), || format!("{len} bytes"));
        }
        match (way.dir, header.masked()) {
            (Dir::Out, false) => out.note(place, &notes::CLIENT_NOT_MASKED, bit + 8, 1, String::new),
            (Dir::In, true) => out.note(place, &notes::SERVER_MASKED, bit + 8, 1, String::new),
            _ => {}
        }
        if len >> 63 != 0 {
            out.note(place, &notes::LENGTH_TOO_LARGE, bit + 16, 1, || format!("{len} bytes"));
        }
        let least = match header.length_bits() {
            16 => 126,
            64 => 0x1_0000,
            _ => 0,
        };
        if len < least {
            out.note(place, &notes::LENGTH_NOT_MINIMAL, bit + 9, length_bits(header), || {
                format!("{len} in {} bits, which are for {least} bytes and more", header.length_bits())
            });
        }
        if let Some(key) = header.key() {
            let key_bit = bit + (header.len() - 4) * 8;
            if key == [0; 4] {
                out.note(place, &notes::ZERO_KEY, key_bit, 32, String::new);
            } else if self.last_key == Some(key) {
                out.note(place, &notes::SAME_KEY, key_bit, 32, || format!("{:08x}", u32::from_be_bytes(key)));
            }
            self.last_key = Some(key);
        }
    }

    /// Some of a frame's payload.
    fn payload(&mut self, way: Way, frame: &mut Frame, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        let key = frame.header.key();
        let how = if key.is_some() { Content::Unmasked } else { Content::Verbatim };
        let len = bytes.len() as u64;
        match (&mut frame.carries, &mut self.message) {
            (Carries::Data, Some(message)) => {
                let (is_full, is_checked) = (out.full(), message.is_checked());
                if is_full || is_checked {
                    let place = Place::content(way.dir);
                    unmasked(key, frame.seen, bytes, |at, plain| {
                        if is_full {
                            out.content(place, self.content_len + at, wire + at, how, plain);
                        }
                        if is_checked {
                            message.check(way, wire + at, plain, self.inflater.as_mut(), out);
                        }
                    });
                }
                message.grow(len);
                self.content_len += len;
            }
            (Carries::Control(control), _) => {
                let place = Place::control(way.dir);
                unmasked(key, frame.seen, bytes, |at, plain| {
                    if out.full() {
                        out.content(place, self.control_len + at, wire + at, how, plain);
                    }
                    control.push(plain);
                });
                self.control_len += len;
            }
            _ => {}
        }
        frame.seen += len;
    }

    /// Ends the frame if its payload is complete; else waits for more of it.
    fn go_on(&mut self, way: Way, talk: &mut Talk, frame: Frame, out: &mut impl Sink) {
        if frame.missing() > 0 {
            self.step = Step::Payload(frame);
            return;
        }
        self.step = Step::Header { start: frame.end(), partial: Partial::default() };
        self.end(way, talk, frame, Flags::default(), out);
    }

    /// Tells a frame, and the message that it completes or is.
    fn end(&mut self, way: Way, talk: &mut Talk, frame: Frame, flags: Flags, out: &mut impl Sink) {
        let place = Place::wire(way.dir);
        let is_complete = !flags.has(Flags::INCOMPLETE);
        if out.full() {
            let is_text = self.message.as_ref().is_some_and(|message| message.is_text() && !message.is_compressed());
            let value = if matches!(frame.carries, Carries::Data) && is_text { Value::Text } else { Value::Bytes };
            let payload = match frame.header.masked() {
                true => (&fields::MASKED_PAYLOAD, frame.seen, Value::Bytes),
                false => (&fields::PAYLOAD, frame.seen, value),
            };
            fields::tell_frame(out, place, frame.start, frame.header.len(), Some(payload));
        }
        let span = frame.start..frame.end();
        let in_place = if frame.header.masked() { Flags::default() } else { Flags::IN_PLACE };
        let record = way.record(Kind::WsFrame, span.clone(), frame.seen, frame.header.detail(), flags.and(in_place));
        out.record(place, record);
        match frame.carries {
            Carries::Control(control) => control.tell(way, talk, span, is_complete, out),
            Carries::Data => {
                if let Some(message) = &mut self.message {
                    message.end = span.end;
                }
                if is_complete
                    && frame.header.fin()
                    && let Some(message) = self.message.take()
                {
                    message.tell(way, true, self.inflater.as_mut(), out);
                }
            }
            Carries::Nothing => {}
        }
    }
}

/// Notes, once a connection, that a direction ended without a close frame.
fn note_missing_close(way: Way, talk: &mut Talk, place: Place, bit: u64, bits: u64, out: &mut impl Sink) {
    if talk.closed(way.dir).is_none() && !talk.missed_close {
        talk.missed_close = true;
        out.note(place, &notes::NO_CLOSE_FRAME, bit, bits, String::new);
    }
}

/// How many bits the length takes, from the first of the 7.
fn length_bits(header: &Header) -> u64 {
    match header.length_bits() {
        7 => 7,
        extended => 7 + extended,
    }
}

fn reserved_bits(rsv: u8) -> String {
    let names: Vec<&str> = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")]
        .iter()
        .filter(|(bit, _)| rsv & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    let deflate =
        if rsv & 4 != 0 { "; RSV1 is how permessage-deflate marks a compressed message (RFC 7692 §6)" } else { "" };
    format!("{}{deflate}; text is not checked to be UTF-8", names.join(" and "))
}
