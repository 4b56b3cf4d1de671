//! WebSocket frames (RFC 6455 §5.2) for the driver: headers and small control payloads in, masked frames out.
//!
//! Payloads of messages stream past and are never held, whatever length a header claims. A rule that the server breaks
//! is noted once and costs nothing else: the dissector looks at every frame later.

use crate::dissect::unmask;
use bytes::{BufMut, Bytes, BytesMut};
use std::borrow::Cow;
use std::io::Cursor;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest header (§5.2).
const HEAD_BYTES: usize = 14;
/// The longest control payload (§5.5).
pub(super) const CONTROL_BYTES: usize = 125;

/// Something in the stream that the driver acts on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Ping(Bytes),
    Close(Bytes),
    /// A rule was broken, said once.
    Broken(Cow<'static, str>),
    /// A whole message, where messages are wanted.
    Message {
        is_text: bool,
        payload: Bytes,
    },
    /// The connection is to be failed (RFC 6455 §7.1.7), and nothing that follows counts.
    Fault(Fault),
}

/// Why a connection is to be failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The close code that says so (§7.4.1).
    pub code: u16,
    /// The same in a few words, for the server.
    pub reason: String,
    /// The rule that was broken, as a sentence.
    pub rule: String,
}

/// Which of the reserved bits an extension gives a meaning to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ReservedBits {
    /// None.
    #[default]
    Unused,
    /// RSV1 on the first frame of a message, by permessage-deflate (RFC 7692 §6).
    Deflate,
    /// Any, by an extension that is not known here.
    Unknown,
}

/// Finds frame headers in a stream.
#[derive(Debug, Default)]
pub(super) struct FrameScanner {
    head: [u8; HEAD_BYTES],
    head_len: usize,
    left_bytes: u64,
    control: Option<ControlFrame>,
    told: Vec<&'static str>,
    reserved_bits: ReservedBits,
}

#[derive(Debug)]
struct ControlFrame {
    opcode: Control,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl FrameScanner {
    /// For a connection on which the reserved bits mean that.
    pub fn new(reserved_bits: ReservedBits) -> FrameScanner {
        FrameScanner { reserved_bits, ..FrameScanner::default() }
    }

    /// Whether the stream stands between two frames.
    pub fn is_between_frames(&self) -> bool {
        self.left_bytes == 0 && self.head_len == 0
    }

    /// Reads on and adds what it saw.
    pub fn feed(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !bytes.is_empty() {
            if self.left_bytes > 0 {
                let len = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(bytes.len());
                if let Some(control) = &mut self.control {
                    control.payload.extend_from_slice(&bytes[..len]);
                }
                self.left_bytes -= len as u64;
                bytes = &bytes[len..];
                self.finish_control(seen);
            } else if self.head_len == 0
                && let Some(rest) = after_plain_frame(bytes, self.reserved_bits)
            {
                bytes = rest;
            } else if self.head_len == 0 && bytes.len() >= HEAD_BYTES {
                // A header with all its bytes in one place, as nearly all are.
                bytes = &bytes[self.header(bytes, seen).unwrap_or(HEAD_BYTES)..];
            } else {
                self.head[self.head_len] = bytes[0];
                self.head_len += 1;
                bytes = &bytes[1..];
                let head = self.head;
                if self.header(&head[..self.head_len], seen).is_some() {
                    self.head_len = 0;
                }
            }
        }
    }

    /// Takes a header from the front of `bytes` if it is all there, and says how long it is.
    fn header(&mut self, bytes: &[u8], seen: &mut Vec<Seen>) -> Option<usize> {
        let mut head = [0; HEAD_BYTES];
        let len = bytes.len().min(HEAD_BYTES);
        head[..len].copy_from_slice(&bytes[..len]);
        // tungstenite refuses reserved opcodes; their frames have a length all the same.
        let opcode = head[0] & 0x0F;
        let reserved = matches!(opcode, 3..=7 | 11..=15);
        if reserved {
            head[0] = head[0] & 0xF0 | if opcode < 8 { 2 } else { 9 };
        }
        let mut cursor = Cursor::new(&head[..len]);
        let (header, payload_len) = FrameHeader::parse(&mut cursor).ok().flatten()?;
        let head_len = cursor.position() as usize;
        self.left_bytes = payload_len;
        self.control = None;
        if reserved {
            self.tell("a frame has a reserved opcode (RFC 6455 §5.2)", seen);
        }
        if header.mask.is_some() {
            self.tell("the server masks its frames, which it must not (RFC 6455 §5.1)", seen);
        }
        match self.reserved_bits {
            ReservedBits::Unused if header.rsv1 || header.rsv2 || header.rsv3 => {
                self.tell("a frame sets a reserved bit although no extension was agreed on (RFC 6455 §5.2)", seen);
            }
            ReservedBits::Deflate if header.rsv2 || header.rsv3 => {
                self.tell("a frame sets RSV2 or RSV3, which permessage-deflate does not use (RFC 6455 §5.2)", seen);
            }
            ReservedBits::Deflate if header.rsv1 && !matches!(opcode, 1 | 2) => {
                self.tell("RSV1 is set on a frame that does not begin a message (RFC 7692 §6.1)", seen);
            }
            _ => {}
        }
        if payload_len >> 63 == 1 {
            self.tell("a frame claims 2^63 bytes or more, which no frame may have (RFC 6455 §5.2)", seen);
        }
        if let OpCode::Control(opcode) = header.opcode {
            if !header.is_final {
                self.tell("a control frame is fragmented, which it must not be (RFC 6455 §5.5)", seen);
            }
            if payload_len > CONTROL_BYTES as u64 {
                self.tell("a control frame has more than 125 bytes (RFC 6455 §5.5)", seen);
            } else if !reserved {
                self.control = Some(ControlFrame { opcode, mask: header.mask, payload: Vec::new() });
                self.finish_control(seen);
            }
        }
        Some(head_len)
    }

    fn finish_control(&mut self, seen: &mut Vec<Seen>) {
        if self.left_bytes > 0 {
            return;
        }
        let Some(mut control) = self.control.take() else { return };
        if let Some(mask) = control.mask {
            unmask(&mut control.payload, mask);
        }
        match control.opcode {
            Control::Ping => seen.push(Seen::Ping(control.payload.into())),
            Control::Close => seen.push(Seen::Close(control.payload.into())),
            Control::Pong | Control::Reserved(_) => {}
        }
    }

    fn tell(&mut self, rule: &'static str, seen: &mut Vec<Seen>) {
        if !self.told.contains(&rule) {
            self.told.push(rule);
            seen.push(Seen::Broken(rule.into()));
        }
    }
}

/// What follows a short data frame that breaks no rule, if `bytes` begin with all of one: floods consist of them.
fn after_plain_frame(bytes: &[u8], reserved_bits: ReservedBits) -> Option<&[u8]> {
    // FIN may be set; no reserved bit, and opcode 0, 1 or 2; then no mask and a length of 7 bits (§5.2).
    match bytes {
        [first, len, rest @ ..] if *len < 126 => {
            let flags = first & 0x7F;
            // RFC 7692 §6.1: RSV1, and opcode 1 or 2.
            let is_plain = flags <= 2 || (reserved_bits == ReservedBits::Deflate && matches!(flags, 0x41 | 0x42));
            rest.get(usize::from(*len)..).filter(|_| is_plain)
        }
        _ => None,
    }
}

/// How the payload of a message is cut into frames.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut<'a> {
    /// Into pieces of at most so many bytes; 0 does not cut.
    Every(usize),
    /// Into pieces of these sizes, one after the other, and one of what is left.
    Sizes(&'a [usize]),
}

impl Cut<'_> {
    fn pieces(self, payload: &[u8]) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        match self {
            Cut::Every(most) if most > 0 => pieces.extend(payload.chunks(most)),
            Cut::Every(_) => pieces.push(payload),
            Cut::Sizes(sizes) => {
                let mut rest = payload;
                for size in sizes {
                    // An empty frame is made where it is ordered, not where nothing is left for a frame.
                    if *size == 0 || !rest.is_empty() {
                        let (piece, after) = rest.split_at((*size).min(rest.len()));
                        pieces.push(piece);
                        rest = after;
                    }
                }
                pieces.extend((!rest.is_empty()).then_some(rest));
            }
        }
        if pieces.is_empty() { vec![payload] } else { pieces }
    }
}

/// The frames of a message (§5.4). `is_compressed` sets RSV1 on the first one (RFC 7692 §6.1).
pub(super) fn message(opcode: Data, payload: &[u8], is_compressed: bool, cut: Cut) -> Vec<Bytes> {
    let pieces = cut.pieces(payload);
    let last = pieces.len() - 1;
    let frames = pieces.into_iter().enumerate().map(|(index, piece)| {
        let opcode = if index == 0 { opcode } else { Data::Continue };
        let header = FrameHeader {
            is_final: index == last,
            rsv1: is_compressed && index == 0,
            opcode: OpCode::Data(opcode),
            ..FrameHeader::default()
        };
        frame(header, piece)
    });
    frames.collect()
}

/// One control frame (§5.5).
pub(super) fn control(opcode: Control, payload: &[u8]) -> Bytes {
    frame(FrameHeader { opcode: OpCode::Control(opcode), ..FrameHeader::default() }, payload)
}

/// One frame with a mask nobody can foresee (§5.3).
fn frame(header: FrameHeader, payload: &[u8]) -> Bytes {
    let mut mask = [0; 4];
    random(&mut mask);
    let header = FrameHeader { mask: Some(mask), ..header };
    let mut head = Vec::with_capacity(HEAD_BYTES);
    // Writing to memory does not fail.
    let _ = header.format(payload.len() as u64, &mut head);
    let mut bytes = BytesMut::with_capacity(head.len() + payload.len());
    bytes.put_slice(&head);
    bytes.put_slice(payload);
    unmask(&mut bytes[head.len()..], mask);
    bytes.freeze()
}

/// Fills `bytes` with random numbers of the operating system, which are there at once: the TLS provider gathers entropy
/// of its own for 30 ms first.
pub(super) fn random(bytes: &mut [u8]) {
    // Without entropy the mask is zeros; such a frame is still a frame, and the system has other worries.
    let _ = getrandom::fill(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8], step: usize) -> Vec<Seen> {
        let (mut scanner, mut seen) = (FrameScanner::new(ReservedBits::Unused), Vec::new());
        bytes.chunks(step).for_each(|part| scanner.feed(part, &mut seen));
        seen
    }

    #[test]
    fn control_frames_are_seen_among_messages_however_they_are_cut() {
        let mut bytes = vec![0x01, 0x03, b'a', b'b', b'c', 0x89, 0x02, b'h', b'i', 0x80, 126, 1, 0];
        bytes.extend([7; 256]);
        bytes.extend([0x8A, 0x00, 0x83, 0x01, 0xFF, 0x89, 0x00, 0x88, 0x02, 0x03, 0xE8]);
        let expected = [
            Seen::Ping("hi".into()),
            Seen::Broken("a frame has a reserved opcode (RFC 6455 §5.2)".into()),
            Seen::Ping(Bytes::new()),
            Seen::Close(Bytes::from_static(&[0x03, 0xE8])),
        ];
        for step in 1..40 {
            assert_eq!(scan(&bytes, step), expected, "step {step}");
        }
    }

    #[test]
    fn a_frame_of_2_to_the_63_bytes_streams_past() {
        let (mut scanner, mut seen) = (FrameScanner::new(ReservedBits::Unused), Vec::new());
        scanner.feed(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], &mut seen);
        for _ in 0..1000 {
            scanner.feed(&[0x89; 4096], &mut seen);
        }
        assert_eq!(seen.len(), 1);
        assert!(matches!(&seen[0], Seen::Broken(rule) if rule.contains("2^63")));
        assert!(!scanner.is_between_frames());
    }

    #[test]
    fn frames_read_back_as_they_were_meant() {
        let parts = message(Data::Text, "あいう".as_bytes(), false, Cut::Every(4));
        assert_eq!(parts.iter().map(|part| part[0]).collect::<Vec<_>>(), [0x01, 0x00, 0x80]);
        let mut seen = Vec::new();
        FrameScanner::new(ReservedBits::Unused).feed(&control(Control::Ping, b"hi"), &mut seen);
        assert_eq!(seen[1], Seen::Ping("hi".into()));
        assert_eq!(message(Data::Binary, &[0; 70000], false, Cut::Every(0))[0].len(), 70000 + 14);
    }

    #[test]
    fn a_message_is_cut_as_ordered() {
        let cut = |sizes: &[usize], payload: &[u8]| {
            let frames = message(Data::Text, payload, true, Cut::Sizes(sizes));
            frames.iter().map(|frame| (frame[0], frame[1] & 0x7F)).collect::<Vec<_>>()
        };
        assert_eq!(cut(&[3, 0, 2], b"abcdefg"), [(0x41, 3), (0x00, 0), (0x00, 2), (0x80, 2)]);
        assert_eq!(cut(&[3, 4, 9], b"abcdefg"), [(0x41, 3), (0x80, 4)]);
        assert_eq!(cut(&[7, 0], b"abcdefg"), [(0x41, 7), (0x80, 0)]);
        assert_eq!(cut(&[5], b""), [(0xC1, 0)]);
        assert_eq!(cut(&[], b"ab"), [(0xC1, 2)]);
    }

    #[test]
    fn permessage_deflate_has_rsv1_where_a_message_begins_and_nowhere_else() {
        let broken = |bytes: &[u8]| {
            let (mut scanner, mut seen) = (FrameScanner::new(ReservedBits::Deflate), Vec::new());
            scanner.feed(bytes, &mut seen);
            assert!(scanner.is_between_frames());
            seen.iter().any(|seen| matches!(seen, Seen::Broken(_)))
        };
        assert!(!broken(b"\xC1\x01a\x42\x01b\x80\x01c\x89\x00"));
        assert!(!broken(&[&[0x42, 126, 0, 200][..], &[0; 200], &[0x80, 0]].concat()));
        for wrong in [&b"\x42\x01b\xC0\x01c"[..], b"\xC9\x00", b"\xA1\x00", b"\x91\x00"] {
            assert!(broken(wrong), "{wrong:x?}");
        }
    }
}
