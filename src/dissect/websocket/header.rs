//! The frame header (RFC 6455 §5.2): 2 to 14 bytes, kept raw so that its fields can be told from it.

use crate::dissect::Value;

/// The longest header: 2 bytes, a 64-bit length, a masking key.
const MAX_LEN: usize = 14;

/// RSV1 among the three reserved bits.
pub(super) const RSV1: u8 = 4;

/// The continuation opcode.
pub(super) const CONTINUATION: u8 = 0x0;
/// The text opcode.
pub(super) const TEXT: u8 = 0x1;
/// The binary opcode.
pub(super) const BINARY: u8 = 0x2;
/// The close opcode.
pub(super) const CLOSE: u8 = 0x8;
/// The ping opcode.
pub(super) const PING: u8 = 0x9;
/// The pong opcode.
pub(super) const PONG: u8 = 0xA;

/// What an opcode is called (RFC 6455 §11.8).
pub fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        CONTINUATION => "continuation",
        TEXT => "text",
        BINARY => "binary",
        CLOSE => "close",
        PING => "ping",
        PONG => "pong",
        0x3..=0x7 => "reserved for data frames",
        0xB..=0xF => "reserved for control frames",
        _ => "not an opcode",
    }
}

/// A whole header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    raw: [u8; MAX_LEN],
    len: u8,
}

impl Header {
    /// Reads a header from the start of `bytes`, if all of it is there.
    #[inline]
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let len = needed(bytes);
        let whole = bytes.get(..len)?;
        let mut raw = [0; MAX_LEN];
        raw[..len].copy_from_slice(whole);
        Some(Header { raw, len: len as u8 })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.raw[..self.len as usize]
    }

    /// How many bytes it takes.
    pub fn len(&self) -> u64 {
        u64::from(self.len)
    }

    /// Whether this is the final frame of its message.
    pub fn fin(&self) -> bool {
        self.raw[0] & 0x80 != 0
    }

    /// RSV1 to RSV3 as a number: RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub fn rsv(&self) -> u8 {
        self.raw[0] >> 4 & 0x7
    }

    /// The opcode.
    pub fn opcode(&self) -> u8 {
        self.raw[0] & 0x0F
    }

    /// Whether the frame belongs to the control opcodes (RFC 6455 §5.5: those with the most significant bit set).
    pub fn is_control(&self) -> bool {
        self.opcode() & 0x8 != 0
    }

    /// Whether a masking key is present.
    pub fn masked(&self) -> bool {
        self.raw[1] & 0x80 != 0
    }

    /// The number of bits that the payload length took: 7, 16 or 64.
    pub fn length_bits(&self) -> u64 {
        match self.raw[1] & 0x7F {
            126 => 16,
            127 => 64,
            _ => 7,
        }
    }

    /// The payload length. Where the most significant bit of 64 is set against the rule, it counts as it stands.
    pub fn payload_len(&self) -> u64 {
        let [_, second, a, b, c, d, e, f, g, h, ..] = self.raw;
        match second & 0x7F {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            len => u64::from(len),
        }
    }

    /// The masking key, where there is one.
    pub fn key(&self) -> Option<[u8; 4]> {
        if !self.masked() {
            return None;
        }
        self.bytes().last_chunk().copied()
    }

    /// What a frame's record says in `detail`; see [`super::WebSocket`].
    pub fn detail(&self) -> u32 {
        detail(self.bytes())
    }
}

/// A frame record's `detail`, from as much of the header as there is.
fn detail(bytes: &[u8]) -> u32 {
    let first = u32::from(bytes.first().copied().unwrap_or_default());
    let mask = u32::from(bytes.get(1).copied().unwrap_or_default() >> 7);
    first & 0x0F | first >> 7 << 4 | (first >> 4 & 0x7) << 5 | mask << 8
}

/// What a frame record's `detail` says of a field.
pub fn value_in_detail(detail: u32, key: &str) -> Option<Value> {
    let flag = |bit: u32| Some(Value::Flag(detail >> bit & 1 == 1));
    match key {
        "websocket.opcode" => {
            let opcode = (detail & 0x0F) as u8;
            Some(Value::Named(opcode.into(), opcode_name(opcode)))
        }
        "websocket.fin" => flag(4),
        "websocket.rsv3" => flag(5),
        "websocket.rsv2" => flag(6),
        "websocket.rsv1" => flag(7),
        "websocket.mask" => flag(8),
        _ => None,
    }
}

/// How long the header is that begins with `bytes`, as far as that is known by now.
fn needed(bytes: &[u8]) -> usize {
    let Some(second) = bytes.get(1) else { return 2 };
    let extended = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
}

/// A header of which only a part has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Partial {
    raw: [u8; MAX_LEN],
    len: u8,
}

impl Partial {
    /// Takes what it needs from the front of `bytes`: how many those are, and the header once it is whole.
    #[inline]
    pub fn take(&mut self, bytes: &[u8]) -> (usize, Option<Header>) {
        if self.len == 0
            && let Some(header) = Header::read(bytes)
        {
            return (header.len as usize, Some(header));
        }
        let mut taken = 0;
        loop {
            let have = self.len as usize;
            let missing = needed(&self.raw[..have]) - have;
            if missing == 0 {
                return (taken, Header::read(&self.raw[..have]));
            }
            let now = missing.min(bytes.len() - taken);
            if now == 0 {
                return (taken, None);
            }
            self.raw[have..have + now].copy_from_slice(&bytes[taken..taken + now]);
            self.len += now as u8;
            taken += now;
        }
    }

    /// The bytes that have come.
    pub fn bytes(&self) -> &[u8] {
        &self.raw[..self.len as usize]
    }

    /// What the record of a frame says in `detail` that ended here.
    pub fn detail(&self) -> u32 {
        detail(self.bytes())
    }
}
