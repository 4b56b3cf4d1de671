//! The rules of RFC 6455 that a wire can break, and what else is worth saying of it.

use crate::dissect::{NoteDef, Severity};

macro_rules! notes {
    ($($(#[$doc:meta])* $name:ident = $severity:ident $key:literal $text:literal $spec:literal;)*) => {
        $($(#[$doc])* pub static $name: NoteDef =
            NoteDef { key: $key, severity: Severity::$severity, text: $text, spec: $spec };)*

        /// Every note of this dissector.
        pub static NOTES: &[&NoteDef] = &[$(&$name),*];
    };
}

notes! {
    // The opening handshake.
    /// The request is no GET.
    REQUEST_METHOD = Error "websocket.request-method"
        "The request that opens a WebSocket must be a GET" "RFC 6455 §4.1";
    /// The request is of HTTP/1.0.
    REQUEST_HTTP_VERSION = Error "websocket.request-http-version"
        "The request that opens a WebSocket must be of HTTP/1.1 or later" "RFC 6455 §4.1";
    /// Upgrade does not say websocket.
    REQUEST_UPGRADE = Error "websocket.request-upgrade"
        "The request has the key of a WebSocket, so its Upgrade must say websocket; without it, it is an ordinary request"
        "RFC 6455 §4.1";
    /// Connection does not say Upgrade.
    REQUEST_CONNECTION = Error "websocket.request-connection"
        "The request's Connection must say Upgrade; without it, a proxy or server takes the request for an ordinary one"
        "RFC 6455 §4.1";
    /// The key is none.
    REQUEST_KEY = Error "websocket.request-key"
        "The request must have one Sec-WebSocket-Key: 16 random bytes in base64" "RFC 6455 §4.1";
    /// The version is not 13.
    REQUEST_VERSION = Error "websocket.request-version"
        "The request must have one Sec-WebSocket-Version, which is 13" "RFC 6455 §4.1";
    /// A subprotocol is no token, or is given twice, or there is none.
    REQUEST_PROTOCOL = Error "websocket.request-protocol"
        "The subprotocols that are offered must be tokens, one at least, each given once" "RFC 6455 §4.1";
    /// The extensions are no list of tokens.
    REQUEST_EXTENSIONS = Error "websocket.request-extensions"
        "The extensions that are offered must be tokens, one at least, with parameters that are tokens, too"
        "RFC 6455 §4.3, §9.1";
    /// An offer of permessage-deflate that no server may accept.
    OFFER_INVALID = Error "websocket.offer-invalid"
        "The offer of permessage-deflate is none that a server may accept: it must decline it" "RFC 7692 §7.1";
    /// A broken request is accepted.
    ANSWER_TO_BROKEN = Error "websocket.answer-to-broken-request"
        "The server accepts a request that breaks a rule; it must refuse it with an HTTP error, such as 400"
        "RFC 6455 §4.2.1";
    /// An offer is accepted that must be declined.
    ANSWER_TO_OFFER = Error "websocket.answer-to-invalid-offer"
        "The server accepts an offer of permessage-deflate that it must decline" "RFC 7692 §7.1";
    /// A version is refused, and none is named.
    ANSWER_VERSIONS = Error "websocket.answer-versions"
        "An answer that refuses the version must name those that the server speaks in Sec-WebSocket-Version"
        "RFC 6455 §4.2.2, §4.4";
    /// The answer's Upgrade.
    ANSWER_UPGRADE = Error "websocket.answer-upgrade"
        "The answer's Upgrade must be websocket, once: the client must fail the connection" "RFC 6455 §4.1, §4.2.2";
    /// The answer's Connection.
    ANSWER_CONNECTION = Error "websocket.answer-connection"
        "The answer's Connection must say Upgrade: the client must fail the connection" "RFC 6455 §4.1, §4.2.2";
    /// The answer's accept.
    ANSWER_ACCEPT = Error "websocket.answer-accept"
        "Sec-WebSocket-Accept must be what the key makes it, once, which proves that a WebSocket server answers: the \
         client must fail the connection"
        "RFC 6455 §4.1, §4.2.2";
    /// The answer's subprotocol.
    ANSWER_PROTOCOL = Error "websocket.answer-protocol"
        "The server must choose one of the subprotocols that were offered, or leave the header out: the client must fail the \
         connection"
        "RFC 6455 §4.1, §4.2.2";
    /// The answer's extensions.
    ANSWER_EXTENSIONS = Error "websocket.answer-extensions"
        "What the server says of extensions does not fit the offer: the client must fail the connection"
        "RFC 6455 §4.1, RFC 7692 §7.1";

    // The header.
    /// An RSV bit is set.
    RESERVED_BITS = Error "websocket.reserved-bits"
        "A reserved bit is set, and no extension was agreed on that gives it a meaning: the receiver must fail the \
         connection"
        "RFC 6455 §5.2";
    /// RSV1 where permessage-deflate has no use for it.
    RSV1_MISPLACED = Error "websocket.rsv1-misplaced"
        "RSV1 says on the first frame of a data message that it is compressed; on any other frame it must not be set"
        "RFC 7692 §6";
    /// Opcode 3 to 7 or 11 to 15.
    RESERVED_OPCODE = Error "websocket.reserved-opcode"
        "The opcode is reserved: the receiver must fail the connection" "RFC 6455 §5.2";
    /// FIN is 0 on a control frame.
    CONTROL_FRAGMENTED = Error "websocket.control-fragmented"
        "A control frame must not be fragmented, yet FIN is 0" "RFC 6455 §5.5";
    /// A control frame is longer than 125 bytes.
    CONTROL_TOO_LONG = Error "websocket.control-too-long"
        "A control frame must not carry more than 125 bytes" "RFC 6455 §5.5";
    /// A client's frame without a mask.
    CLIENT_NOT_MASKED = Error "websocket.client-not-masked"
        "A client must mask every frame; the server must close the connection" "RFC 6455 §5.1";
    /// A server's frame with a mask.
    SERVER_MASKED = Error "websocket.server-masked"
        "A server must not mask any frame; the client must close the connection" "RFC 6455 §5.1";
    /// A 64-bit length with its first bit set.
    LENGTH_TOO_LARGE = Error "websocket.length-most-significant-bit"
        "The most significant bit of a 64-bit length must be 0" "RFC 6455 §5.2";
    /// A length in more bytes than it needs.
    LENGTH_NOT_MINIMAL = Error "websocket.length-not-minimal"
        "The payload length must be written in as few bytes as it fits in" "RFC 6455 §5.2";
    /// The masking key is 0.
    ZERO_KEY = Info "websocket.zero-masking-key"
        "The masking key is all zero, so the payload is on the wire as it is; it should be unpredictable"
        "RFC 6455 §5.3";
    /// The masking key is that of the frame before.
    SAME_KEY = Info "websocket.same-masking-key"
        "The masking key is that of the frame before; a client must pick a fresh one for each frame" "RFC 6455 §5.3";

    // Fragments and messages.
    /// A continuation frame, and nothing to continue.
    NOTHING_TO_CONTINUE = Error "websocket.continuation-without-message"
        "A continuation frame, though no message is under way: the receiver must fail the connection" "RFC 6455 §5.4";
    /// A text or binary frame while another message is under way.
    INTERLEAVED = Error "websocket.message-interrupted"
        "A new message begins before the final frame of the one under way; fragments must not be interleaved"
        "RFC 6455 §5.4";
    /// A fragment of no bytes.
    EMPTY_FRAGMENT = Info "websocket.empty-fragment"
        "A fragment without payload: allowed, but it carries nothing" "RFC 6455 §5.4";
    /// A text message that is no UTF-8.
    TEXT_NOT_UTF8 = Error "websocket.text-not-utf8"
        "A text message must be UTF-8; the receiver must fail the connection" "RFC 6455 §8.1";
    /// A message without a final frame.
    MESSAGE_INCOMPLETE = Warning "websocket.message-incomplete"
        "The message never got its final frame, so no receiver will deliver it" "RFC 6455 §5.4";
    /// A frame that was cut off.
    FRAME_INCOMPLETE = Warning "websocket.frame-incomplete"
        "The connection ended in the middle of this frame" "RFC 6455 §5.2";

    // Compression.
    /// Compressed data that is no DEFLATE.
    DEFLATE_INVALID = Error "websocket.deflate-invalid"
        "The message is marked as compressed and cannot be inflated: the receiver must fail the connection"
        "RFC 7692 §7.2.2, RFC 1951 §3.2";
    /// A copy reaches back beyond the window.
    DEFLATE_WINDOW = Error "websocket.deflate-window"
        "The message refers back farther than the window that was agreed on; a receiver with that window cannot read it"
        "RFC 7692 §7.1.2";
    /// What fills the last byte of a final block is not 0.
    DEFLATE_PADDING = Error "websocket.deflate-padding"
        "The bits that fill the last byte of a block with BFINAL must be 0" "RFC 7692 §7.2.1";
    /// The limit on inflating was passed.
    INFLATE_CAPPED = Warning "websocket.inflate-capped"
        "The message inflates to more than the limit; what is beyond it is not shown" "RFC 7692 §7.2.2";
    /// What it refers to was not inflated.
    NOT_INFLATED = Warning "websocket.not-inflated"
        "Not inflated: it may refer to an earlier message, and that could not be inflated whole" "RFC 7692 §7.1.1, §7.2.2";

    // Ping and pong.
    /// A pong, and no ping waits.
    PONG_UNASKED = Info "websocket.pong-unasked"
        "A pong that no ping asked for: allowed, as a heartbeat in one direction; no answer is expected"
        "RFC 6455 §5.5.3";
    /// A pong that matches no waiting ping.
    PONG_DIFFERS = Warning "websocket.pong-differs"
        "The pong's payload is that of no ping that waits for an answer; an answer must repeat the ping's"
        "RFC 6455 §5.5.3";

    // Close.
    /// A close frame of one byte.
    CLOSE_TOO_SHORT = Error "websocket.close-one-byte"
        "A close frame's payload must begin with a code of 2 bytes, and here is 1 byte" "RFC 6455 §5.5.1";
    /// A close reason that is no UTF-8.
    REASON_NOT_UTF8 = Error "websocket.close-reason-not-utf8"
        "The reason for closing must be UTF-8" "RFC 6455 §5.5.1";
    /// Codes 0 to 999.
    CLOSE_CODE_NOT_USED = Error "websocket.close-code-not-used"
        "The close code is below 1000, and those are not used" "RFC 6455 §7.4.2";
    /// Codes 1004 and 1016 to 2999.
    CLOSE_CODE_RESERVED = Error "websocket.close-code-reserved"
        "The close code is reserved for the protocol and has no meaning yet" "RFC 6455 §7.4.2";
    /// Codes 1005, 1006 and 1015.
    CLOSE_CODE_LOCAL = Error "websocket.close-code-local"
        "The close code must not be sent: it is what an application is told where there was no close frame"
        "RFC 6455 §7.4.1";
    /// Codes from 5000 on.
    CLOSE_CODE_OUT_OF_RANGE = Error "websocket.close-code-out-of-range"
        "The close code is above 4999, where they end" "RFC 6455 §7.4.2";
    /// Code 1010 from a server.
    CLOSE_CODE_OF_CLIENTS = Warning "websocket.close-code-of-clients"
        "Code 1010 is for clients: a server that lacks an extension can fail the handshake instead" "RFC 6455 §7.4.1";
    /// A code that says that something went wrong.
    CLOSED_FOR_FAULT = Info "websocket.closed-for-fault"
        "The sender closes because something went wrong, as the code says" "RFC 6455 §7.4.1";
    /// The two sides' codes differ.
    CLOSE_NOT_ECHOED = Info "websocket.close-not-echoed"
        "An answer to a close frame typically repeats its code; this one does not" "RFC 6455 §5.5.1";
    /// Data after the close frame.
    DATA_AFTER_CLOSE = Error "websocket.data-after-close"
        "No data frame may follow a close frame; the receiver ignores it" "RFC 6455 §5.5.1";
    /// A control frame after the close frame.
    CONTROL_AFTER_CLOSE = Warning "websocket.control-after-close"
        "A control frame after a close frame: the closing handshake is under way and the receiver discards it"
        "RFC 6455 §1.4";
    /// The end of the connection without a close frame.
    NO_CLOSE_FRAME = Warning "websocket.no-close-frame"
        "The connection ended without a close frame; applications are told code 1006" "RFC 6455 §7.1.5";
}
