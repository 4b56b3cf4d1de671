//! What can be chosen of a WebSocket (RFC 6455, RFC 7692), and frames that are written as ordered, rules or not.

pub use crate::dissect::websocket::INFLATE_LIMIT_BYTES;
use crate::dissect::websocket::close_code_fault;
use crate::dissect::websocket::negotiation::PERMESSAGE_DEFLATE;
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// The version of the protocol to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WebSocketVersion {
    /// RFC 6455, `Sec-WebSocket-Version: 13`.
    #[default]
    #[serde(rename = "13")]
    Rfc6455,
    /// draft-ietf-hybi-thewebsocketprotocol-08, `Sec-WebSocket-Version: 8`.
    #[serde(rename = "hybi-08")]
    Hybi08,
    /// draft-ietf-hybi-thewebsocketprotocol-07, `Sec-WebSocket-Version: 7`.
    #[serde(rename = "hybi-07")]
    Hybi07,
    /// draft-hixie-thewebsocketprotocol-76, which is draft-ietf-hybi-thewebsocketprotocol-00.
    #[serde(rename = "hixie-76")]
    Hixie76,
    /// draft-hixie-thewebsocketprotocol-75.
    #[serde(rename = "hixie-75")]
    Hixie75,
}

impl WebSocketVersion {
    /// Every version, the newest first.
    pub const ALL: [WebSocketVersion; 5] = [
        WebSocketVersion::Rfc6455,
        WebSocketVersion::Hybi08,
        WebSocketVersion::Hybi07,
        WebSocketVersion::Hixie76,
        WebSocketVersion::Hixie75,
    ];

    /// `Sec-WebSocket-Version`, where the version has such a number.
    pub fn number(self) -> Option<&'static str> {
        match self {
            WebSocketVersion::Rfc6455 => Some("13"),
            WebSocketVersion::Hybi08 => Some("8"),
            WebSocketVersion::Hybi07 => Some("7"),
            WebSocketVersion::Hixie76 | WebSocketVersion::Hixie75 => None,
        }
    }

    /// The version of that name.
    pub fn named(name: &str) -> Option<WebSocketVersion> {
        WebSocketVersion::ALL.into_iter().find(|version| version.name() == name)
    }

    /// The version that the lab is asked for by the `draft` in a `lab:` address.
    pub fn of_lab_address(address: &str) -> Option<WebSocketVersion> {
        let (name, query) = address.strip_prefix("lab:")?.split_once('?')?;
        let draft = query.split('&').rev().find_map(|pair| pair.strip_prefix("draft="))?;
        WebSocketVersion::named(draft).filter(|_| name.trim_matches('/') == "ws")
    }

    /// The name on the command line, in files and on screen.
    pub fn name(self) -> &'static str {
        match self {
            WebSocketVersion::Rfc6455 => "13",
            WebSocketVersion::Hybi08 => "hybi-08",
            WebSocketVersion::Hybi07 => "hybi-07",
            WebSocketVersion::Hixie76 => "hixie-76",
            WebSocketVersion::Hixie75 => "hixie-75",
        }
    }
}

/// What to offer of permessage-deflate, and how to use it (RFC 7692 §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeflateOptions {
    /// Offer it, as browsers do.
    pub offer: bool,
    /// Ask the server to forget its window after each message (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// Say that we forget ours after each message (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// Ask the server for a window of at most 2 to the power of this, 8 to 15 (§7.1.2.1).
    pub server_max_window_bits: Option<u8>,
    /// Say that the server may limit our window (§7.1.2.2); with a number, that it is at most 2 to the power of that, 8 to
    /// 15.
    pub client_max_window_bits: ClientWindow,
    /// Send messages compressed where the server agreed, unless a message says otherwise.
    pub compress: bool,
}

impl DeflateOptions {
    /// The offer, as it stands in `Sec-WebSocket-Extensions`; `None` where there is none.
    pub fn offered(&self) -> Option<String> {
        if !self.offer {
            return None;
        }
        let mut offer = PERMESSAGE_DEFLATE.to_owned();
        if self.server_no_context_takeover {
            offer.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            offer.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            offer.push_str(&format!("; server_max_window_bits={bits}"));
        }
        match self.client_max_window_bits {
            ClientWindow::Unsaid => {}
            ClientWindow::Any => offer.push_str("; client_max_window_bits"),
            ClientWindow::Bits(bits) => offer.push_str(&format!("; client_max_window_bits={bits}")),
        }
        Some(offer)
    }
}

impl Default for DeflateOptions {
    fn default() -> Self {
        DeflateOptions {
            offer: true,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: ClientWindow::Any,
            compress: true,
        }
    }
}

/// What an offer says of the client's own window (RFC 7692 §7.1.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientWindow {
    /// Nothing: the server may not limit it.
    Unsaid,
    /// `client_max_window_bits` without a value: the server may limit it.
    #[default]
    Any,
    /// `client_max_window_bits=N`, 8 to 15.
    Bits(u8),
}

/// WebSocket options (RFC 6455).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebSocketOptions {
    /// The version to speak.
    pub version: WebSocketVersion,
    /// Subprotocols to offer, in order of preference (§1.9).
    pub subprotocols: Vec<String>,
    /// permessage-deflate.
    pub deflate: DeflateOptions,
    /// How many bytes of what a message inflates to are shown, and held where it is to be sent back.
    pub inflate_limit_bytes: u64,
    /// Answer a ping with a pong (§5.5.2).
    pub auto_pong: bool,
    /// Answer a close frame with a close frame (§5.5.1).
    pub auto_close: bool,
    /// Go on although an item of the upgrade answer is wrong (the check is recorded either way).
    pub go_on_anyway: bool,
    /// Fail the connection where the server breaks a rule of framing, as browsers do (§7.1.7), or sends a message of more
    /// bytes than `inflate_limit_bytes`; else read on.
    pub strict: bool,
    /// Send every whole message back as it came, compressed as the other options say. One of more bytes than
    /// `inflate_limit_bytes` is not sent back, and that is said.
    pub echo: bool,
    /// Split outgoing messages into frames of at most so many payload bytes, compressed ones where they are compressed; 0
    /// sends them whole.
    pub fragment_bytes: usize,
    /// Send a ping so often, in milliseconds (§5.5.2); 0 sends none.
    pub ping_ms: u64,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        WebSocketOptions {
            version: WebSocketVersion::default(),
            subprotocols: Vec::new(),
            deflate: DeflateOptions::default(),
            inflate_limit_bytes: INFLATE_LIMIT_BYTES,
            auto_pong: true,
            auto_close: true,
            go_on_anyway: false,
            strict: false,
            echo: false,
            fragment_bytes: 0,
            ping_ms: 0,
        }
    }
}

/// Why a code must not stand in a close frame, if it must not (RFC 6455 §7.4).
pub fn close_code_rule(code: u16) -> Option<String> {
    close_code_fault(code).map(|fault| {
        let text = fault.text.strip_prefix("The close code ").unwrap_or(fault.text);
        format!("close code {code} {text} ({})", fault.spec)
    })
}

/// A message with choices of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketMessage {
    /// Whether it is text; else it is binary.
    pub is_text: bool,
    /// What it says, uncompressed.
    pub payload: Bytes,
    /// Send it compressed or not; `None`: as the options say. Where permessage-deflate was not agreed on, a message that
    /// is to be compressed is not sent, and that is said.
    pub compress: Option<bool>,
    /// How many payload bytes the frames carry, one after the other; what is left goes into a last frame. Of a message
    /// that is sent compressed it is the compressed bytes that are cut. Empty: as the options say.
    pub fragments_bytes: Vec<usize>,
}

/// How a frame's payload length is written (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LengthForm {
    /// In as few bits as it fits in, as it must be.
    #[default]
    Minimal,
    /// In 7 bits, as far as it fits: the lowest 7 bits, and never 126 or 127, which would mean another form.
    Bits7,
    /// In 16 bits, as far as it fits.
    Bits16,
    /// In 64 bits.
    Bits64,
}

/// A frame as it is to be written, whatever the rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// FIN.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3.
    pub rsv: [bool; 3],
    /// The opcode, 0 to 15.
    pub opcode: u8,
    /// The masking key; `None` sends the payload as it is.
    pub mask: Option<[u8; 4]>,
    /// How the length is written.
    pub length_form: LengthForm,
    /// The length to claim; `None`: the payload's own.
    pub claimed_len: Option<u64>,
    /// The payload before masking.
    pub payload: Bytes,
}

impl RawFrame {
    /// How its length is written, and the length that can be read there.
    fn length(&self) -> (LengthForm, u64) {
        let len = self.claimed_len.unwrap_or(self.payload.len() as u64);
        match (self.length_form, len) {
            (LengthForm::Minimal, 0..=125) => (LengthForm::Bits7, len),
            (LengthForm::Minimal, 126..=0xFFFF) => (LengthForm::Bits16, len),
            (LengthForm::Minimal | LengthForm::Bits64, _) => (LengthForm::Bits64, len),
            (LengthForm::Bits7, _) => (LengthForm::Bits7, (len & 0x7F).min(125)),
            (LengthForm::Bits16, _) => (LengthForm::Bits16, len & 0xFFFF),
        }
    }

    /// The length that its header says.
    pub fn written_len(&self) -> u64 {
        self.length().1
    }

    /// Its bytes on the wire.
    pub fn bytes(&self) -> Bytes {
        let (form, len) = self.length();
        let [rsv1, rsv2, rsv3] = self.rsv;
        let flags = u8::from(self.fin) << 7 | u8::from(rsv1) << 6 | u8::from(rsv2) << 5 | u8::from(rsv3) << 4;
        let mask = if self.mask.is_some() { 0x80 } else { 0 };
        let mut bytes = BytesMut::with_capacity(14 + self.payload.len());
        bytes.put_u8(flags | self.opcode & 0x0F);
        match form {
            LengthForm::Bits7 | LengthForm::Minimal => bytes.put_u8(mask | len as u8),
            LengthForm::Bits16 => {
                bytes.put_u8(mask | 126);
                bytes.put_u16(len as u16);
            }
            LengthForm::Bits64 => {
                bytes.put_u8(mask | 127);
                bytes.put_u64(len);
            }
        }
        bytes.extend_from_slice(self.mask.as_ref().map_or(&[][..], |key| key));
        let start = bytes.len();
        bytes.extend_from_slice(&self.payload);
        if let Some(key) = self.mask {
            bytes[start..].iter_mut().zip(key.into_iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> RawFrame {
        RawFrame {
            fin: true,
            rsv: [false; 3],
            opcode: 1,
            mask: None,
            length_form: LengthForm::Minimal,
            claimed_len: None,
            payload: Bytes::copy_from_slice(payload),
        }
    }

    #[test]
    fn an_offer_is_written_as_chromium_does_unless_told_otherwise() {
        assert_eq!(DeflateOptions::default().offered().as_deref(), Some("permessage-deflate; client_max_window_bits"));
        let all = DeflateOptions {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: Some(9),
            client_max_window_bits: ClientWindow::Bits(10),
            ..DeflateOptions::default()
        };
        let offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                     server_max_window_bits=9; client_max_window_bits=10";
        assert_eq!(all.offered().as_deref(), Some(offer));
        let least = DeflateOptions { client_max_window_bits: ClientWindow::Unsaid, ..DeflateOptions::default() };
        assert_eq!(least.offered().as_deref(), Some("permessage-deflate"));
        assert_eq!(DeflateOptions { offer: false, ..all }.offered(), None);
    }

    #[test]
    fn a_frame_is_written_as_ordered() {
        assert_eq!(&frame(b"Hello").bytes()[..], [0x81, 5, b'H', b'e', b'l', b'l', b'o']);
        // RFC 6455 §5.7.
        let masked = RawFrame { mask: Some([0x37, 0xfa, 0x21, 0x3d]), ..frame(b"Hello") };
        assert_eq!(&masked.bytes()[..], [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        let long = RawFrame { length_form: LengthForm::Bits64, fin: false, rsv: [true, false, true], ..frame(b"a") };
        assert_eq!(&long.bytes()[..], [0x51, 127, 0, 0, 0, 0, 0, 0, 0, 1, b'a']);
        let lies = RawFrame { claimed_len: Some(300), opcode: 0xF, ..frame(b"a") };
        assert_eq!(lies.written_len(), 300);
        let cut = RawFrame { length_form: LengthForm::Bits7, ..frame(&[0; 300]) };
        assert_eq!((cut.written_len(), cut.bytes()[1]), (44, 44));
        assert_eq!(&lies.bytes()[..], [0x8F, 126, 1, 44, b'a']);
        assert_eq!(frame(&[0; 126]).bytes()[1], 126);
        assert_eq!(frame(&[0; 0x1_0000]).bytes()[1], 127);
    }
}
