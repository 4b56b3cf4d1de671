//! The fields of frames and messages: what they are called, what they are for, and where they lie.

use super::close::close_code_meaning;
use super::header::opcode_name;
use super::negotiation::{self, Parameter};
use crate::dissect::sink::GAP;
use crate::dissect::{FieldDef, Payload, Place, Sink, Value};

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $payload:ident $key:literal $label:literal $help:literal $spec:literal;)*) => {
        $($(#[$doc])* pub static $name: FieldDef =
            FieldDef { key: $key, label: $label, help: $help, spec: $spec, payload: Payload::$payload };)*

        /// Every field of this dissector.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    /// A frame.
    FRAME = No "websocket.frame" "WebSocket frame"
        "The unit of the wire: a header of 2 to 14 bytes, then payload. One message is one frame, or several fragments"
        "RFC 6455 §5.2";
    /// FIN.
    FIN = No "websocket.fin" "FIN"
        "1: this is the final fragment of its message (also where there is only one). 0: more fragments follow"
        "RFC 6455 §5.2";
    /// RSV1.
    RSV1 = No "websocket.rsv1" "RSV1"
        "Must be 0 unless an extension gives it a meaning; permessage-deflate sets it on compressed messages"
        "RFC 6455 §5.2, RFC 7692 §6";
    /// RSV2.
    RSV2 = No "websocket.rsv2" "RSV2" "Must be 0 unless an extension gives it a meaning; no registered one does"
        "RFC 6455 §5.2";
    /// RSV3.
    RSV3 = No "websocket.rsv3" "RSV3" "Must be 0 unless an extension gives it a meaning; no registered one does"
        "RFC 6455 §5.2";
    /// Opcode.
    OPCODE = No "websocket.opcode" "opcode"
        "What the payload is: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong; the others are reserved"
        "RFC 6455 §5.2, §11.8";
    /// MASK.
    MASK = No "websocket.mask" "MASK"
        "1: the payload is masked and a masking key stands before it. Every client frame is, no server frame may be"
        "RFC 6455 §5.2";
    /// The 7 bits of the length.
    PAYLOAD_LENGTH = No "websocket.payload_length" "Payload length"
        "0 to 125 is the length in bytes; 126 says that it stands in the next 16 bits, 127 in the next 64"
        "RFC 6455 §5.2";
    /// The length in 16 bits.
    PAYLOAD_LENGTH_16 = No "websocket.payload_length_ext_16" "Extended payload length (16 bits)"
        "The payload length in bytes, most significant byte first; only for 126 bytes and more"
        "RFC 6455 §5.2";
    /// The length in 64 bits.
    PAYLOAD_LENGTH_64 = No "websocket.payload_length_ext_64" "Extended payload length (64 bits)"
        "The payload length in bytes, most significant byte first; only for 65,536 bytes and more, its first bit 0"
        "RFC 6455 §5.2";
    /// Masking key.
    MASKING_KEY = No "websocket.masking_key" "Masking-key"
        "4 unpredictable bytes, fresh for each frame; byte i of the payload is XORed with byte i mod 4 of the key, \
         so that a page cannot choose what a proxy sees on the wire"
        "RFC 6455 §5.3, §10.3";
    /// Payload that is not masked.
    PAYLOAD = Part "websocket.payload" "Payload data"
        "Extension data, if an extension was negotiated, then application data" "RFC 6455 §5.2";
    /// Payload as it was masked.
    MASKED_PAYLOAD = No "websocket.masked_payload" "Payload data (masked)"
        "The payload as it is on the wire; unmasked, it is what the message shows" "RFC 6455 §5.3";
    /// A text message.
    TEXT = Part "websocket.text" "Text message"
        "The application data of all the fragments, unmasked and joined: UTF-8, which is checked for the whole, \
         since a character may be cut by a fragment"
        "RFC 6455 §5.6";
    /// A binary message.
    BINARY = Part "websocket.binary" "Binary message"
        "The application data of all the fragments, unmasked and joined; only the application knows what it means"
        "RFC 6455 §5.6";
    /// What was compressed.
    COMPRESSED = No "websocket.compressed" "Compressed message"
        "The application data of all the fragments, unmasked and joined, as DEFLATE compressed it; the last 4 bytes of \
         an empty stored block, 00 00 ff ff, are left out on the wire"
        "RFC 7692 §7.2.1";
    /// A block of it.
    DEFLATE_BLOCK = No "websocket.deflate.block" "DEFLATE block"
        "How DEFLATE cuts its data; a block may begin at any bit, and is shown from the first byte that is its own"
        "RFC 1951 §3.2.3";
    /// What follows the blocks that are told.
    DEFLATE_REST = No "websocket.deflate.rest" "further data"
        "What follows the blocks above: a block that did not end, or more blocks than are told one by one" "RFC 1951 §3.2.3";
    /// What it came to.
    DEFLATE_RATIO = No "websocket.deflate.ratio" "Inflates to"
        "Bytes before and after; a short message without the window of earlier ones may grow by compression"
        "RFC 7692 §7.2.2";
    /// The window.
    DEFLATE_WINDOW = No "websocket.deflate.window" "LZ77 window"
        "How far back a copy may reach, and whether that goes beyond the beginning of the message: as both sides agreed on"
        "RFC 7692 §7.1.1, §7.1.2";
    /// What cannot be inflated.
    NOT_INFLATED = Part "websocket.not_inflated" "Compressed message, not inflated"
        "It may refer to bytes of an earlier message that could not be inflated whole" "RFC 7692 §7.2.2";
    /// An extension.
    EXTENSION = No "websocket.extension" "Extension"
        "An extension that the client offers, or that the server chose among what was offered" "RFC 6455 §9.1";
    /// A parameter of an extension.
    EXTENSION_PARAMETER = No "websocket.extension.parameter" "Extension parameter"
        "What it means, its extension says" "RFC 6455 §9.1";
    /// server_no_context_takeover.
    SERVER_NO_CONTEXT_TAKEOVER = No "websocket.deflate.server_no_context_takeover" "server_no_context_takeover"
        "The server forgets its window after each message: less memory for both, and less compression" "RFC 7692 §7.1.1.1";
    /// client_no_context_takeover.
    CLIENT_NO_CONTEXT_TAKEOVER = No "websocket.deflate.client_no_context_takeover" "client_no_context_takeover"
        "The client forgets its window after each message: less memory for both, and less compression" "RFC 7692 §7.1.1.2";
    /// server_max_window_bits.
    SERVER_MAX_WINDOW_BITS = No "websocket.deflate.server_max_window_bits" "server_max_window_bits"
        "The server's window is 2 to the power of this at most, 8 to 15: 256 bytes to 32 KiB" "RFC 7692 §7.1.2.1";
    /// client_max_window_bits.
    CLIENT_MAX_WINDOW_BITS = No "websocket.deflate.client_max_window_bits" "client_max_window_bits"
        "The client's window is 2 to the power of this at most, 8 to 15; without a value, an offer says that the server may \
         choose"
        "RFC 7692 §7.1.2.2";
    /// Close code.
    CLOSE_CODE = No "websocket.close.code" "Status code"
        "Why the connection is closed: 1000 to 2999 are the protocol's, 3000 to 3999 registered, 4000 to 4999 private"
        "RFC 6455 §7.4";
    /// Close reason.
    CLOSE_REASON = Part "websocket.close.reason" "Close reason"
        "A text for whoever debugs, in UTF-8 and at most 123 bytes; not meant for the user's eyes" "RFC 6455 §5.5.1";
    /// Ping payload.
    PING_PAYLOAD = Part "websocket.ping.payload" "Ping application data"
        "Up to 125 bytes that the pong must repeat, which tells which ping it answers" "RFC 6455 §5.5.2";
    /// Pong payload.
    PONG_PAYLOAD = Part "websocket.pong.payload" "Pong application data"
        "What the ping that it answers carried; of several pings, only the latest need be answered" "RFC 6455 §5.5.3";
}

/// Tells the fields of a header that begins at byte `start`, or of as much of it as has come.
pub(super) fn tell_header(out: &mut impl Sink, place: Place, start: u64, header: &[u8]) {
    let mut tell = |def, bit, bits, value| out.field(place, def, start * 8 + bit, bits, value, 1);
    let Some(first) = header.first() else { return };
    for (def, bit) in [(&FIN, 0u64), (&RSV1, 1), (&RSV2, 2), (&RSV3, 3)] {
        tell(def, bit, 1, Value::Flag(first << bit & 0x80 != 0));
    }
    let opcode = first & 0x0F;
    tell(&OPCODE, 4, 4, Value::Named(u64::from(opcode), opcode_name(opcode)));

    let Some(second) = header.get(1) else { return };
    let masked = second & 0x80 != 0;
    tell(&MASK, 8, 1, Value::Flag(masked));
    let length = match second & 0x7F {
        126 => Value::Named(126, "the length is in the next 16 bits"),
        127 => Value::Named(127, "the length is in the next 64 bits"),
        length => Value::Number(u64::from(length)),
    };
    tell(&PAYLOAD_LENGTH, 9, 7, length);

    let mut at = 2;
    let mut tell_bytes = |def, len: usize, value: fn(&[u8]) -> Value| {
        let here = &header[at..];
        let (def, here, value) = match here.get(..len) {
            Some(whole) => (def, whole, value(whole)),
            None => (&GAP, here, Value::Bytes),
        };
        if !here.is_empty() {
            tell(def, at as u64 * 8, here.len() as u64 * 8, value);
        }
        at += here.len();
    };
    let number = |bytes: &[u8]| Value::Number(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    match second & 0x7F {
        126 => tell_bytes(&PAYLOAD_LENGTH_16, 2, number),
        127 => tell_bytes(&PAYLOAD_LENGTH_64, 8, number),
        _ => {}
    }
    if masked {
        tell_bytes(&MASKING_KEY, 4, |_| Value::Bytes);
    }
}

/// Tells the payload of a frame, as it is on the wire, and the group that holds the whole frame.
pub(super) fn tell_frame(
    out: &mut impl Sink,
    place: Place,
    start: u64,
    header_len: u64,
    payload: Option<(&'static FieldDef, u64, Value)>,
) {
    let payload_len = payload.as_ref().map_or(0, |(_, len, _)| *len);
    out.field(place, &FRAME, start * 8, (header_len + payload_len) * 8, Value::Group, 0);
    if let Some((def, len, value)) = payload
        && len > 0
    {
        out.field(place, def, (start + header_len) * 8, len * 8, value, 1);
    }
}

/// Tells a field over whole bytes of a derived stream; one of no bytes is not told.
pub(super) fn tell_bytes(
    out: &mut impl Sink,
    place: Place,
    def: &'static FieldDef,
    start: u64,
    len: u64,
    value: Value,
) {
    if len > 0 {
        out.field(place, def, start * 8, len * 8, value, 0);
    }
}

/// Tells what a close frame carries: `len` bytes that begin with `code`.
pub(super) fn tell_close(out: &mut impl Sink, place: Place, start: u64, len: u64, code: [u8; 2]) {
    if len < 2 {
        tell_bytes(out, place, &GAP, start, len, Value::Bytes);
        return;
    }
    let code = u16::from_be_bytes(code);
    tell_bytes(out, place, &CLOSE_CODE, start, 2, Value::Named(u64::from(code), close_code_meaning(code)));
    tell_bytes(out, place, &CLOSE_REASON, start + 2, len - 2, Value::Text);
}

/// Tells what a value of `Sec-WebSocket-Extensions` is made of, which begins at byte `start`: each byte once.
pub(in crate::dissect) fn tell_extensions(
    out: &mut impl Sink,
    place: Place,
    start: u64,
    value: &str,
    between: &'static FieldDef,
) {
    let mut at = 0;
    let mut tell = |def, span: std::ops::Range<usize>, value| {
        if span.start > at {
            out.field(place, between, (start + at as u64) * 8, (span.start - at) as u64 * 8, Value::Bytes, 2);
        }
        if span.end > span.start {
            let (bit, bits) = ((start + span.start as u64) * 8, (span.end - span.start) as u64 * 8);
            out.field(place, def, bit, bits, value, 2);
        }
        at = span.end;
    };
    for item in negotiation::items(value) {
        tell(&EXTENSION, item.name, Value::Text);
        for given in item.parameters {
            let def = match given.what {
                Parameter::ServerNoContextTakeover => &SERVER_NO_CONTEXT_TAKEOVER,
                Parameter::ClientNoContextTakeover => &CLIENT_NO_CONTEXT_TAKEOVER,
                Parameter::ServerMaxWindowBits => &SERVER_MAX_WINDOW_BITS,
                Parameter::ClientMaxWindowBits => &CLIENT_MAX_WINDOW_BITS,
                Parameter::Other => &EXTENSION_PARAMETER,
            };
            let number = given.window_bits().map(|bits| Value::Number(bits.into()));
            tell(def, given.span, number.unwrap_or(Value::Text));
        }
    }
    tell(between, value.len()..value.len(), Value::Bytes);
}
