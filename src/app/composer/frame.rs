//! Frames whose every bit is chosen by hand (RFC 6455 §5.2): as typed, how they become frames, and their bytes to look at.

use super::from_hex;
use crate::transport::{LengthForm, Order, Outgoing, RawFrame};
use crate::wire::ConnectionId;
use bytes::Bytes;

/// The largest payload that goes out in raw frames, which are held whole.
pub const RAW_LIMIT_BYTES: usize = 16 << 20;
/// The most frames that one message is cut into by hand.
const FRAMES_LIMIT: usize = 4096;

/// The forms in which a length can be written, and their names on screen.
pub const LENGTH_FORMS: [(LengthForm, &str); 4] = [
    (LengthForm::Minimal, "minimal"),
    (LengthForm::Bits7, "7 bits"),
    (LengthForm::Bits16, "16 bits"),
    (LengthForm::Bits64, "64 bits"),
];

/// What is chosen of a raw frame, as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameDraft {
    /// FIN, of the last frame.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3, of the first frame.
    pub rsv: [bool; 3],
    /// The opcode of the first frame, 0 to 15; the others are continuations.
    pub opcode: u8,
    /// Whether the payload is masked.
    pub mask: bool,
    /// The masking key in hexadecimal digits, for every frame; empty: the drawn ones.
    pub typed_key: String,
    /// Keys drawn at random, one a frame.
    pub drawn_keys: Vec<[u8; 4]>,
    /// How lengths are written.
    pub length_form: LengthForm,
    /// The length that the last frame claims; empty: its own.
    pub claimed_len: String,
    /// Where a message was begun by a raw frame and not ended, its connection.
    pub under_way: Option<ConnectionId>,
}

impl Default for FrameDraft {
    fn default() -> Self {
        FrameDraft {
            fin: true,
            rsv: [false; 3],
            opcode: 1,
            mask: true,
            typed_key: String::new(),
            drawn_keys: vec![draw()],
            length_form: LengthForm::Minimal,
            claimed_len: String::new(),
            under_way: None,
        }
    }
}

impl FrameDraft {
    /// Whether the masking key is one that was drawn.
    pub fn is_key_drawn(&self) -> bool {
        self.typed_key.trim().is_empty()
    }

    /// Forgets the keys, so that others are drawn.
    pub fn forget_keys(&mut self) {
        self.typed_key.clear();
        self.drawn_keys.clear();
    }

    /// Draws keys until there is one for each of so many frames.
    pub(in crate::app) fn draw_keys(&mut self, frames: usize) {
        let frames = frames.clamp(1, FRAMES_LIMIT + 1);
        while self.drawn_keys.len() < frames {
            self.drawn_keys.push(draw());
        }
        self.drawn_keys.truncate(frames);
    }

    /// The frames that carry a payload, cut into frames of these sizes; what is left goes into a last one.
    pub(super) fn frames(&self, payload: &Bytes, sizes: &[usize]) -> Result<Vec<RawFrame>, String> {
        let typed = match self.mask && !self.is_key_drawn() {
            true => Some(key(&self.typed_key)?),
            false => None,
        };
        let claimed_len = match self.claimed_len.trim() {
            "" => None,
            text => Some(
                text.parse::<u64>().map_err(|_| format!("claimed length: {text:?} is no whole number below 2^64"))?,
            ),
        };
        let parts = cut(payload, sizes);
        let last = parts.len() - 1;
        let frame = |(at, payload): (usize, Bytes)| {
            let drawn = self.drawn_keys.get(at).or(self.drawn_keys.last()).copied();
            RawFrame {
                fin: self.fin && at == last,
                rsv: if at == 0 { self.rsv } else { [false; 3] },
                opcode: if at == 0 { self.opcode } else { 0 },
                // Keys are drawn whenever the draft changes, so that there is one.
                mask: self.mask.then(|| typed.or(drawn).unwrap_or_default()),
                length_form: self.length_form,
                claimed_len: claimed_len.filter(|_| at == last),
                payload,
            }
        };
        Ok(parts.into_iter().enumerate().map(frame).collect())
    }

    /// These frames went out over a connection: other keys are drawn, and what is under way is remembered.
    pub(in crate::app) fn were_sent(&mut self, frames: &[RawFrame], connection: ConnectionId) {
        for frame in frames.iter().filter(|frame| frame.opcode < 8) {
            self.under_way = (!frame.fin).then_some(connection);
        }
        self.drawn_keys.clear();
        self.draw_keys(frames.len());
    }
}

/// Draws other keys for the frames of an order.
pub(in crate::app) fn redraw_keys(order: &mut Order) {
    if let Order::Send(Outgoing::Frames(frames)) = order {
        frames.iter_mut().filter_map(|frame| frame.mask.as_mut()).for_each(|key| *key = draw());
    }
}

/// A key nobody can foresee (RFC 6455 §5.3).
fn draw() -> [u8; 4] {
    let mut key = [0; 4];
    // Without entropy the key is 0, which is seen, and said to break a rule.
    let _ = getrandom::fill(&mut key);
    key
}

fn key(text: &str) -> Result<[u8; 4], String> {
    let bytes = from_hex(text).map_err(|why| format!("masking key: {why}"))?;
    let len = bytes.len();
    bytes.try_into().map_err(|_| format!("masking key: 4 bytes are needed, 8 hexadecimal digits; this has {len}"))
}

/// Sizes of frames, as typed: `3, 5`.
pub(super) fn sizes(text: &str) -> Result<Vec<usize>, String> {
    let words = text.split([',', ' ', ';']).filter(|word| !word.is_empty());
    let sizes: Vec<usize> = words
        .map(|word| word.parse().map_err(|_| format!("fragments: {word:?} is no number of bytes, as in 3, 5")))
        .collect::<Result<_, _>>()?;
    match sizes.len() {
        0..=FRAMES_LIMIT => Ok(sizes),
        many => Err(format!("fragments: {many} sizes are more than the {FRAMES_LIMIT} that can be typed")),
    }
}

/// A size of 0 is an empty frame; sizes beyond the payload's end are none.
fn cut(payload: &Bytes, sizes: &[usize]) -> Vec<Bytes> {
    let mut rest = payload.clone();
    let mut parts = Vec::new();
    for size in sizes {
        if *size > 0 && rest.is_empty() {
            break;
        }
        parts.push(rest.split_to((*size).min(rest.len())));
    }
    if parts.is_empty() || !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// A frame's bytes, part by part; of a long payload only the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameBytes {
    /// The header up to the masking key.
    pub header: Bytes,
    /// The masking key; empty where there is none.
    pub key: Bytes,
    /// The beginning of the payload, as it goes out.
    pub payload: Bytes,
    /// The whole payload's length.
    pub payload_len: usize,
    /// The length that the header says.
    pub said_len: u64,
}

impl FrameBytes {
    /// The bytes of a frame, with at most `limit_bytes` of its payload.
    pub fn of(frame: &RawFrame, limit_bytes: usize) -> FrameBytes {
        let payload_len = frame.payload.len();
        let beginning = RawFrame {
            claimed_len: Some(frame.claimed_len.unwrap_or(payload_len as u64)),
            payload: frame.payload.slice(..payload_len.min(limit_bytes)),
            ..*frame
        };
        let mut bytes = beginning.bytes();
        let short = bytes[1] & 0x7F;
        let header = bytes.split_to(match short {
            126 => 4,
            127 => 10,
            _ => 2,
        });
        let said_len = match short {
            126 | 127 => header[2..].iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
            _ => u64::from(short),
        };
        let key = bytes.split_to(if frame.mask.is_some() { 4 } else { 0 });
        FrameBytes { header, key, payload: bytes, payload_len, said_len }
    }

    /// How many bytes the whole frame has.
    pub fn len(&self) -> usize {
        self.header.len() + self.key.len() + self.payload_len
    }

    /// Never: a header has 2 bytes at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The header in words, bit by bit.
    pub fn say_header(&self) -> String {
        let (first, second) = (self.header[0], self.header[1]);
        let bit = |at: u8| first >> (7 - at) & 1;
        let opcode = first & 0x0F;
        let form = match self.header.len() {
            2 => "7 bits",
            4 => "16 bits",
            _ => "64 bits",
        };
        format!(
            "FIN {}, RSV1 {}, RSV2 {}, RSV3 {}, opcode {opcode} {}\nMASK {}, payload length {} in {form}",
            bit(0),
            bit(1),
            bit(2),
            bit(3),
            opcode_name(opcode),
            second >> 7,
            self.said_len
        )
    }
}

/// The name of an opcode (RFC 6455 §11.8).
pub fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        0 => "continuation",
        1 => "text",
        2 => "binary",
        8 => "close",
        9 => "ping",
        10 => "pong",
        3..=7 => "reserved, data",
        _ => "reserved, control",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> FrameDraft {
        FrameDraft { typed_key: "37 fa 21 3d".into(), ..FrameDraft::default() }
    }

    fn payloads(frames: &[RawFrame]) -> Vec<&[u8]> {
        frames.iter().map(|frame| &frame.payload[..]).collect()
    }

    #[test]
    fn what_is_shown_is_what_goes_out() {
        let payload = Bytes::from_static(b"Hello, hello, hello");
        for length_form in LENGTH_FORMS.map(|(form, _)| form) {
            for (mask, claimed_len) in [(true, ""), (false, ""), (true, "70000"), (false, "3")] {
                let draft = FrameDraft { mask, claimed_len: claimed_len.into(), length_form, ..draft() };
                for frame in draft.frames(&payload, &[3, 5]).unwrap() {
                    let shown = FrameBytes::of(&frame, 1 << 20);
                    let all = [&shown.header[..], &shown.key, &shown.payload].concat();
                    assert_eq!(all, frame.bytes());
                    assert_eq!(shown.len(), frame.bytes().len());
                    let short = FrameBytes::of(&frame, 2);
                    assert_eq!((&short.header, &short.key, short.len()), (&shown.header, &shown.key, shown.len()));
                    assert!(frame.bytes().starts_with(&[&short.header[..], &short.key, &short.payload].concat()));
                }
            }
        }
    }

    #[test]
    fn sizes_make_frames_and_what_is_left_is_the_last() {
        let payload = Bytes::from_static(b"Hello, you");
        let frames = draft().frames(&payload, &sizes("3, 5").unwrap()).unwrap();
        assert_eq!(payloads(&frames), [&b"Hel"[..], b"lo, y", b"ou"]);
        assert_eq!(frames.iter().map(|frame| frame.fin).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(frames.iter().map(|frame| frame.opcode).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(payloads(&draft().frames(&payload, &[10]).unwrap()), [b"Hello, you"]);
        assert_eq!(payloads(&draft().frames(&payload, &[0, 10, 0]).unwrap()), [&b""[..], b"Hello, you", b""]);
        assert_eq!(payloads(&draft().frames(&payload, &[8, 8, 8]).unwrap()), [&b"Hello, y"[..], b"ou"]);
        assert_eq!(payloads(&draft().frames(&Bytes::new(), &[3]).unwrap()), [b""]);
        assert_eq!(sizes("3, five").unwrap_err(), "fragments: \"five\" is no number of bytes, as in 3, 5");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let short = FrameDraft { typed_key: "37 fa".into(), ..FrameDraft::default() };
        assert!(short.frames(&Bytes::new(), &[]).unwrap_err().starts_with("masking key: 4 bytes are needed"));
        let unused = FrameDraft { mask: false, ..short };
        assert!(unused.frames(&Bytes::new(), &[]).is_ok());
        let long = FrameDraft { claimed_len: "many".into(), ..FrameDraft::default() };
        let why = long.frames(&Bytes::new(), &[]).unwrap_err();
        assert_eq!(why, "claimed length: \"many\" is no whole number below 2^64");
    }

    #[test]
    fn each_frame_has_a_key_of_its_own_and_each_send_draws_others() {
        let mut draft = FrameDraft { fin: false, ..FrameDraft::default() };
        draft.draw_keys(3);
        let frames = draft.frames(&Bytes::from_static(b"abc"), &[1, 1]).unwrap();
        let keys: Vec<_> = frames.iter().map(|frame| frame.mask.unwrap()).collect();
        assert_eq!(keys, draft.drawn_keys);
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
        draft.were_sent(&frames, ConnectionId(7));
        assert_eq!(draft.drawn_keys.len(), 3);
        assert_ne!(draft.drawn_keys, keys);
        assert_eq!(draft.under_way, Some(ConnectionId(7)));
        draft.fin = true;
        draft.opcode = 0;
        let end = draft.frames(&Bytes::new(), &[]).unwrap();
        draft.were_sent(&end, ConnectionId(7));
        assert_eq!(draft.under_way, None);
    }

    #[test]
    fn the_header_is_said_bit_by_bit() {
        let draft = FrameDraft { rsv: [true, false, false], mask: false, ..FrameDraft::default() };
        let frames = draft.frames(&Bytes::from_static(b"hi"), &[]).unwrap();
        let said = FrameBytes::of(&frames[0], 0).say_header();
        assert_eq!(said, "FIN 1, RSV1 1, RSV2 0, RSV3 0, opcode 1 text\nMASK 0, payload length 2 in 7 bits");
    }
}
