//! The fields and notes of the hixie drafts, and of what the later drafts had different.

use crate::dissect::{FieldDef, NoteDef, Payload, Severity};

macro_rules! fields {
    ($($name:ident = $payload:ident $key:literal $label:literal $help:literal $spec:literal;)*) => {
        $(
            #[doc = $help]
            pub static $name: FieldDef =
                FieldDef { key: $key, label: $label, help: $help, spec: $spec, payload: Payload::$payload };
        )*
        /// Every field of the drafts that RFC 6455 has not.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    KEY3 = Part "websocket.key3" "key 3"
        "8 random bytes behind the request's head, without a length: with the numbers of the two other keys they are \
         what the server must digest"
        "draft-hixie-thewebsocketprotocol-76 §4.1";
    CHALLENGE_RESPONSE = Part "websocket.challenge_response" "challenge response"
        "16 bytes behind the answer's head: MD5 over the numbers of both keys, 32 bits each, and key 3. It shows that \
         the server knows the protocol and did not answer from a cache"
        "draft-hixie-thewebsocketprotocol-76 §5.2";
    FRAME = No "websocket.old_frame" "Frame"
        "A frame of the hixie drafts: its type, then text up to the byte 0xFF, or a length and so many bytes"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    FRAME_TYPE = No "websocket.frame_type" "frame type"
        "0 is text. With the first bit set a length follows, and the bytes mean nothing; 0xFF with length 0 closes"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    FRAME_LENGTH = No "websocket.frame_length" "length"
        "7 bits a byte, the most significant first; all bytes but the last have their first bit set"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    FRAME_PAYLOAD = Part "websocket.frame_payload" "frame payload"
        "What the frame carries: UTF-8, in which the byte 0xFF never occurs"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    FRAME_END = No "websocket.frame_end" "end of the text" "The byte 0xFF, which ends a text"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
}

macro_rules! notes {
    ($($name:ident = $severity:ident $key:literal $text:literal $spec:literal;)*) => {
        $(
            #[doc = $text]
            pub static $name: NoteDef =
                NoteDef { key: $key, severity: Severity::$severity, text: $text, spec: $spec };
        )*
        /// Every note on the drafts.
        pub static NOTES: &[&NoteDef] = &[$(&$name),*];
    };
}

notes! {
    // The opening handshake.
    HIXIE_75 = Info "websocket.draft-hixie-75"
        "The upgrade is that of draft hixie-75 (2010): no keys, no version" "draft-hixie-thewebsocketprotocol-75 §4.1";
    HIXIE_76 = Info "websocket.draft-hixie-76"
        "The upgrade is that of draft hixie-76, which is hybi-00 (2010): two keys, and 8 bytes behind the head"
        "draft-hixie-thewebsocketprotocol-76 §4.1";
    HYBI_07 = Info "websocket.draft-hybi-07"
        "The upgrade is that of draft hybi-07 (April 2011): framed as RFC 6455 is, Origin is called Sec-WebSocket-Origin"
        "draft-ietf-hybi-thewebsocketprotocol-07 §1.3";
    HYBI_08 = Info "websocket.draft-hybi-08"
        "The upgrade is that of drafts hybi-08 to hybi-12 (2011), whose version is 8: framed as RFC 6455 is; up to \
         hybi-10, Origin is called Sec-WebSocket-Origin"
        "draft-ietf-hybi-thewebsocketprotocol-08 §1.3";
    KEY_INVALID = Error "websocket.key-invalid"
        "The key stands for no number: its digits, read as one number, must be a multiple of how many spaces it has, and \
         it must have some"
        "draft-hixie-thewebsocketprotocol-76 §5.2";
    RESPONSE_WRONG = Error "websocket.challenge-response-wrong"
        "The 16 bytes are not the MD5 digest of the keys: the client must fail the connection"
        "draft-hixie-thewebsocketprotocol-76 §4.1";
    FIELD_MISSING_75 = Error "websocket.draft-75-field-missing"
        "The answer must have WebSocket-Origin and WebSocket-Location; without them the client fails the connection"
        "draft-hixie-thewebsocketprotocol-75 §4.1";
    FIELD_MISSING_76 = Error "websocket.draft-76-field-missing"
        "The answer must have Sec-WebSocket-Origin and Sec-WebSocket-Location; without them the client fails the \
         connection"
        "draft-hixie-thewebsocketprotocol-76 §4.1";

    // Frames.
    TYPE_UNKNOWN = Warning "websocket.frame-type-unknown"
        "The frame's type means nothing in this draft: receivers pass the frame over"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    TEXT_NOT_UTF8 = Error "websocket.draft-text-not-utf8"
        "The text is not UTF-8; receivers put U+FFFD in the place of what is wrong"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    LENGTH_HUGE = Error "websocket.frame-length-huge"
        "The length does not fit in 56 bits; the rest cannot be framed" "draft-hixie-thewebsocketprotocol-76 §4.2";
    FRAME_CUT = Warning "websocket.draft-frame-incomplete" "The connection ended in the middle of this frame"
        "draft-hixie-thewebsocketprotocol-76 §4.2";
    NO_CLOSING_HANDSHAKE = Info "websocket.draft-75-close"
        "A frame of type 0xFF and length 0 closes from hixie-76 on; in hixie-75 it means nothing"
        "draft-hixie-thewebsocketprotocol-75 §6";
    FRAME_AFTER_CLOSE = Error "websocket.draft-frame-after-close"
        "Nothing may be sent after the frame that closes; the receiver ignores it"
        "draft-hixie-thewebsocketprotocol-76 §6";
}
