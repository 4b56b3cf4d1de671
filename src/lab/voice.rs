//! What the lab says on a WebSocket: messages and control frames, by the rules or against them.

use super::deflate::{Deflater, Mode};
use super::draft::{self, Draft};
use super::faults::{Closing, Faults};
use super::params::Params;
use super::split::Buffer;
use super::websocket::{Head, LengthForm, Opcode, RSV1, RSV2, RSV3, close_payload};

/// How many more bytes than there are a lying frame claims.
const LIE_BYTES: u64 = 1000;
/// Text that is not UTF-8: the beginning of a character of three bytes, then something else.
const BROKEN_UTF8: &[u8] = b"\xE3\x81(";
/// The opcodes without a meaning (RFC 6455 §5.2).
const RESERVED_OPCODES: [u8; 10] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
/// Nothing is secret here, and a key that is easy to see teaches more.
const MASKING_KEY: [u8; 4] = [0x4C, 0x61, 0x62, 0x21];

/// The sending side of one WebSocket.
#[derive(Debug)]
pub struct Voice {
    draft: Option<Draft>,
    faults: Faults,
    fragments: usize,
    ping_between: bool,
    deflater: Option<(Deflater, Mode)>,
    /// Messages written so far.
    messages: usize,
}

impl Voice {
    /// Compresses where `deflater` is there.
    pub fn new(params: &Params, deflater: Option<Deflater>) -> Voice {
        Voice {
            draft: params.draft,
            faults: params.faults.clone(),
            fragments: params.fragments,
            ping_between: params.ping_between,
            deflater: deflater
                .map(|deflater| (deflater, params.deflate.as_ref().map(|it| it.mode).unwrap_or_default())),
            messages: 0,
        }
    }

    /// Whether it is time to close, though the feed goes on.
    pub fn is_to_close(&self) -> bool {
        self.faults.close.is_some() && self.messages > 0
    }

    /// Whether messages are text, and there are no control frames: so it was before hybi-01.
    pub fn is_text_only(&self) -> bool {
        matches!(self.draft, Some(Draft::Hixie75 | Draft::Hixie76))
    }

    /// Writes a message in as many fragments as asked for; one that wants to be torn has its first fragment end there.
    pub fn message(&mut self, opcode: Opcode, data: &[u8], cut: Option<usize>, buffer: &mut Buffer) {
        self.messages += 1;
        // Every second message breaks the rules; `turn` counts those.
        let turn = self.messages.is_multiple_of(2).then_some(self.messages / 2);
        let Faults { bad_utf8, reserved_bits, reserved_opcode, lie_length, .. } = self.faults;
        let broken_text = [data, BROKEN_UTF8].concat();
        let (opcode, data) = match turn {
            Some(_) if bad_utf8 => (Opcode::Text, &broken_text[..]),
            _ => (opcode, data),
        };
        if self.is_text_only() {
            return draft::write_text(data, cut, buffer);
        }
        let deflated = self.deflated(data, turn);
        let (data, mut rsv) = match &deflated {
            Some(deflated) => (&deflated[..], RSV1),
            None => (data, 0),
        };
        if let (Some(turn), true) = (turn, reserved_opcode) {
            let opcode = RESERVED_OPCODES[(turn - 1) % RESERVED_OPCODES.len()];
            self.head(true, opcode).write(format!("opcode {opcode}").as_bytes(), buffer);
        }
        if let (Some(turn), true) = (turn, reserved_bits) {
            // RSV1 has a meaning where messages are compressed.
            let bits = if deflated.is_some() { &[RSV2, RSV3][..] } else { &[RSV1, RSV2, RSV3] };
            rsv |= bits[(turn - 1) % bits.len()];
        }
        let form = match turn {
            Some(turn) if lie_length && turn % 2 == 1 => LengthForm::Longest,
            Some(_) if lie_length => LengthForm::More(LIE_BYTES),
            _ => LengthForm::Fewest,
        };
        let first = Head { rsv, form, ..self.head(self.fragments == 1 && cut.is_none(), opcode as u8) };
        self.frames(first, data, cut, buffer);
    }

    /// A message's deflate data, if messages are compressed.
    fn deflated(&mut self, data: &[u8], turn: Option<usize>) -> Option<Vec<u8>> {
        let (deflater, mode) = self.deflater.as_mut()?;
        Some(match (mode, turn) {
            (Mode::Bad, Some(turn)) => deflater.broken(data, turn % 2 == 1),
            (Mode::Bomb, Some(1)) => deflater.bomb().to_vec(),
            _ => deflater.message(data),
        })
    }

    fn frames(&self, first: Head, data: &[u8], cut: Option<usize>, buffer: &mut Buffer) {
        if first.fin {
            return first.write(data, buffer);
        }
        let fragments = if cut.is_some() { self.fragments.max(2) } else { self.fragments };
        let (begin, rest) = data.split_at(cut.unwrap_or(data.len() / fragments).min(data.len()));
        first.write(begin, buffer);
        if cut.is_some() {
            buffer.cut();
        }
        let mut from = 0;
        for index in 1..fragments {
            if self.ping_between {
                self.control(Opcode::Ping, format!("between {index}").as_bytes(), buffer);
            }
            let to = rest.len() * index / (fragments - 1);
            self.head(index == fragments - 1, Opcode::Continuation as u8).write(&rest[from..to], buffer);
            from = to;
        }
    }

    /// Writes a control frame, however long its payload is.
    pub fn control(&self, opcode: Opcode, payload: &[u8], buffer: &mut Buffer) {
        match (self.draft, opcode) {
            (Some(Draft::Hixie76), Opcode::Close) => return draft::write_close(buffer),
            _ if self.is_text_only() => return,
            _ => {}
        }
        self.head(true, opcode as u8).write(payload, buffer);
    }

    /// Writes the close frame with which the lab begins to close. `false`: there is none, and TCP is to end.
    pub fn close(&self, buffer: &mut Buffer) -> bool {
        if self.draft == Some(Draft::Hixie75) {
            return false;
        }
        let payload = match &self.faults.close {
            Some(Closing::Abrupt) if self.is_to_close() => return false,
            Some(Closing::Code(code, reason)) if self.is_to_close() => {
                [&code.to_be_bytes(), reason.as_bytes()].concat()
            }
            Some(Closing::Empty) if self.is_to_close() => Vec::new(),
            Some(Closing::OneByte) if self.is_to_close() => vec![3],
            _ => close_payload(1000, "the feed has ended"),
        };
        self.control(Opcode::Close, &payload, buffer);
        true
    }

    fn head(&self, fin: bool, opcode: u8) -> Head {
        let mask = self.faults.masked.then_some(MASKING_KEY);
        Head { fin, rsv: 0, opcode, mask, form: LengthForm::Fewest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_fragments_holds_the_whole_message() {
        for fragments in [1, 2, 3, 10, 1000] {
            for cut in [None, Some(0), Some(2), Some(5)] {
                let params = Params { fragments, ..Params::default() };
                let mut buffer = Buffer::default();
                Voice::new(&params, None).message(Opcode::Text, b"hello", cut, &mut buffer);
                let (mut payload, mut frames, mut rest) = (Vec::new(), 0, &buffer.bytes[..]);
                while let [first, length, tail @ ..] = rest {
                    let (data, tail) = tail.split_at(usize::from(*length));
                    payload.extend_from_slice(data);
                    frames += 1;
                    assert_eq!(first & 0x80 != 0, tail.is_empty());
                    assert_eq!(first & 0x0F, if frames == 1 { 1 } else { 0 });
                    rest = tail;
                }
                assert_eq!(payload, b"hello");
                assert_eq!(frames, if cut.is_some() { fragments.max(2) } else { fragments });
            }
        }
    }

    fn said(faults: Faults, messages: usize) -> Vec<u8> {
        let mut buffer = Buffer::default();
        let mut voice = Voice::new(&Params { faults, ..Params::default() }, None);
        (0..messages).for_each(|_| voice.message(Opcode::Text, b"hi", None, &mut buffer));
        buffer.bytes
    }

    #[test]
    fn every_second_message_breaks_the_rule_that_was_asked_for() {
        let reserved = said(Faults { reserved_bits: true, ..Faults::default() }, 4);
        assert_eq!(reserved, b"\x81\x02hi\xC1\x02hi\x81\x02hi\xA1\x02hi");
        let opcode = said(Faults { reserved_opcode: true, ..Faults::default() }, 2);
        assert_eq!(opcode, b"\x81\x02hi\x83\x08opcode 3\x81\x02hi");
        let lies = said(Faults { lie_length: true, ..Faults::default() }, 4);
        assert_eq!(lies, b"\x81\x02hi\x81\x7F\0\0\0\0\0\0\0\x02hi\x81\x02hi\x81\x7E\x03\xEAhi");
        let text = said(Faults { bad_utf8: true, ..Faults::default() }, 2);
        assert_eq!(text, b"\x81\x02hi\x81\x05hi\xE3\x81(");
        let masked = said(Faults { masked: true, ..Faults::default() }, 1);
        assert_eq!(masked, [&b"\x81\x82Lab!"[..], &[b'h' ^ b'L', b'i' ^ b'a']].concat());
    }
}
