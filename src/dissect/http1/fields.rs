//! The fields and notes of HTTP/1 (RFC 9110, RFC 9112): one row each, for filters, lessons and the tree alike.

use crate::dissect::{FieldDef, NoteDef, Payload, Severity};

macro_rules! fields {
    ($($name:ident = $key:literal, $label:literal, $payload:ident, $spec:literal, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $name: FieldDef =
                FieldDef { key: $key, label: $label, help: $help, spec: $spec, payload: Payload::$payload };
        )*
        /// Every field of HTTP/1.
        pub static FIELDS: &[&FieldDef] = &[$(&$name),*];
    };
}

fields! {
    REQUEST_LINE = "http.request.line", "request line", No, "RFC 9112 §3",
        "The first line of a request: what is asked for";
    METHOD = "http.request.method", "method", No, "RFC 9110 §9", "What is to be done with the target";
    TARGET = "http.request.target", "request target", No, "RFC 9112 §3.2", "What the request is about";
    REQUEST_VERSION = "http.request.version", "HTTP version", No, "RFC 9112 §2.3",
        "The version that the client speaks";
    STATUS_LINE = "http.response.line", "status line", No, "RFC 9112 §4", "The first line of an answer: how it went";
    RESPONSE_VERSION = "http.response.version", "HTTP version", No, "RFC 9112 §2.3",
        "The version that the server speaks";
    STATUS = "http.status", "status code", No, "RFC 9110 §15", "How it went, in three digits";
    REASON = "http.reason", "reason phrase", No, "RFC 9112 §4", "The status in words; clients ignore it";
    HEADER = "http.header", "field line", No, "RFC 9112 §5", "A header field: a name and its value";
    HEADER_NAME = "http.header.name", "field name", No, "RFC 9110 §5.1", "The name of a header field; case is no matter";
    HEADER_VALUE = "http.header.value", "field value", No, "RFC 9110 §5.5", "What the header field says";
    HEADER_INVALID = "http.header.invalid", "invalid line", No, "RFC 9112 §5",
        "A line in a head that is no header field";
    SEPARATOR = "http.separator", "separator", No, "RFC 9112 §2.1",
        "Spaces and colons between the parts of a line";
    LINE_END = "http.line_end", "line end", No, "RFC 9112 §2.2", "CR LF ends a line; LF alone is tolerated";
    HEAD_END = "http.head_end", "end of the head", No, "RFC 9112 §2.1", "An empty line ends a head";
    EMPTY_LINE = "http.empty_line", "empty line before the message", No, "RFC 9112 §2.2",
        "Empty lines before a start line are to be ignored";
    CHUNK_SIZE = "http.chunk.size", "chunk size", No, "RFC 9112 §7.1",
        "How many bytes of data follow, in hexadecimal; 0 ends the body";
    CHUNK_EXTENSION = "http.chunk.extension", "chunk extension", No, "RFC 9112 §7.1.1",
        "Words beside the size that clients ignore";
    CHUNK_DATA = "http.chunk.data", "chunk data", Part, "RFC 9112 §7.1",
        "A stretch of the body. Its borders are framing: a message may be cut by them";
    BODY = "http.body", "body", No, "RFC 9112 §6", "The bytes of the body on the wire";
    CONTENT = "http.content", "content", Part, "RFC 9110 §6.4", "What the body says, framing taken off";
}

macro_rules! notes {
    ($($name:ident = $key:literal, $severity:ident, $spec:literal, $text:literal;)*) => {
        $(
            #[doc = $text]
            pub static $name: NoteDef =
                NoteDef { key: $key, severity: Severity::$severity, text: $text, spec: $spec };
        )*
        /// Every note of HTTP/1.
        pub static NOTES: &[&NoteDef] = &[$(&$name),*];
    };
}

notes! {
    NOT_HTTP = "http.not-http", Error, "RFC 9112 §2.1", "These bytes are no HTTP/1 message";
    HEAD_TOO_LONG = "http.head-too-long", Error, "RFC 9112 §3",
        "The head is longer than 256 KiB; what follows is shown as it is";
    BARE_LF = "http.bare-lf", Warning, "RFC 9112 §2.2", "A line ends with LF alone instead of CR LF";
    BARE_CR = "http.bare-cr", Error, "RFC 9112 §2.2", "A CR without LF: a recipient must not take it as a line end";
    BAD_START_LINE = "http.bad-start-line", Error, "RFC 9112 §3",
        "The first line is not built as the standard says";
    BAD_VERSION = "http.bad-version", Error, "RFC 9112 §2.3", "The HTTP version is not one digit, a dot and one digit";
    OTHER_VERSION = "http.other-version", Warning, "RFC 9112 §2.3", "The message claims a version other than 1.0 or 1.1";
    BAD_STATUS = "http.bad-status", Error, "RFC 9110 §15", "The status code is not three digits from 100 to 599";
    BAD_REASON = "http.bad-reason", Error, "RFC 9112 §4", "The reason phrase has a control character";
    BAD_METHOD = "http.bad-method", Error, "RFC 9110 §9.1", "The method has characters that no token may have";
    BAD_TARGET = "http.bad-target", Error, "RFC 9112 §3.2",
        "The request target has characters that no address may have";
    NO_COLON = "http.no-colon", Error, "RFC 9112 §5", "A line in the head has no colon";
    BAD_NAME = "http.bad-name", Error, "RFC 9110 §5.1", "A field name is empty or has characters that no token may have";
    SPACE_BEFORE_COLON = "http.space-before-colon", Error, "RFC 9112 §5.1",
        "White space before the colon: a server must refuse it, a proxy must remove it";
    BAD_VALUE = "http.bad-value", Error, "RFC 9110 §5.5", "A field value has a control character";
    CREDENTIALS_MASKED = "http.credentials-masked", Info, "RFC 9110 §11.4",
        "The credentials were replaced by *: Pushscope records so what it put in itself, and redacted copies have none";
    FOLDED = "http.folded", Error, "RFC 9112 §5.2",
        "The field value goes on in a further line (obsolete line folding), which a sender must not do";
    NO_HOST = "http.no-host", Error, "RFC 9112 §3.2", "An HTTP/1.1 request must have exactly one Host field";
    LENGTH_INVALID = "http.length-invalid", Error, "RFC 9110 §8.6", "Content-Length is not a number";
    LENGTH_CONFLICT = "http.length-conflict", Error, "RFC 9112 §6.3",
        "Two Content-Length fields differ: a recipient must refuse the message";
    LENGTH_REPEATED = "http.length-repeated", Warning, "RFC 9110 §8.6", "Content-Length is given more than once";
    LENGTH_AND_CODING = "http.length-and-coding", Error, "RFC 9112 §6.1",
        "Both Transfer-Encoding and Content-Length: a sender must not; recipients that differ can be deceived";
    CODING_UNKNOWN = "http.coding-unknown", Error, "RFC 9112 §6.3",
        "The last transfer coding of a request is not chunked, so nobody can tell where its body ends";
    CODING_TO_CLOSE = "http.coding-to-close", Warning, "RFC 9112 §6.1",
        "The last transfer coding is not chunked, so only the end of the connection ends the body";
    CODING_IN_10 = "http.coding-in-1.0", Error, "RFC 9112 §6.1", "Transfer-Encoding in an HTTP/1.0 message";
    CODING_NOT_ALLOWED = "http.coding-not-allowed", Error, "RFC 9112 §6.1",
        "Transfer-Encoding in an answer with status 1xx or 204";
    ENCODED = "http.encoded", Warning, "RFC 9110 §8.4, RFC 9112 §7.2",
        "The content is compressed and shown as it is on the wire, so messages in it are not seen";
    REQUESTS_MANY = "http.requests-many", Warning, "RFC 9112 §9.3.2",
        "Thousands of requests wait for answers; whether those to HEAD and CONNECT have a body is guessed";
    UNASKED = "http.unasked", Warning, "RFC 9112 §9.2", "An answer without a request";
    EARLY_BYTES = "http.early-bytes", Error, "RFC 6455 §4.1",
        "The client sent bytes after its upgrade request without waiting for the answer";
    CHUNK_SIZE_INVALID = "http.chunk-size-invalid", Error, "RFC 9112 §7.1",
        "The chunk size is no hexadecimal number; the rest cannot be framed";
    CHUNK_SIZE_HUGE = "http.chunk-size-huge", Error, "RFC 9112 §7.1",
        "The chunk size does not fit in 64 bits; the rest cannot be framed";
    CHUNK_LINE_LONG = "http.chunk-line-long", Error, "RFC 9112 §7.1.1",
        "The chunk's size line is longer than 16 KiB; the rest cannot be framed";
    CHUNK_END_MISSING = "http.chunk-end-missing", Error, "RFC 9112 §7.1",
        "The chunk data is not followed by CR LF, so the size was wrong; the rest cannot be framed";
    CHUNK_SPACE = "http.chunk-space", Error, "RFC 9110 §5.6.3",
        "White space after the chunk size: a sender must not put it there, and some recipients refuse it";
    CHUNK_EXTENSION_INVALID = "http.chunk-extension-invalid", Error, "RFC 9112 §7.1.1",
        "A chunk extension is not built as the standard says: a name, or a name, `=` and a token or a quoted string";
    AFTER_CLOSE = "http.after-close", Error, "RFC 9112 §9.6",
        "A message after one that announced the end of the connection";
    STRAY_EMPTY_LINES = "http.stray-empty-lines", Info, "RFC 9112 §2.2",
        "Empty lines with no message behind them; readers ignore them";
    ENDED_IN_HEAD = "http.ended-in-head", Error, "RFC 9112 §8", "The connection ended in the middle of a head";
    ENDED_IN_BODY = "http.ended-in-body", Error, "RFC 9112 §8",
        "The connection ended before the body was complete";
    BODY_BROKEN = "http.body-broken", Error, "RFC 9112 §8", "The body's framing broke, so the body is not complete";
    CLOSED_BY_US = "http.closed-by-us", Info, "RFC 9112 §9.6",
        "Pushscope closed the connection here and did not wait for the rest";
    NO_LAST_CHUNK = "http.no-last-chunk", Error, "RFC 9112 §8",
        "The connection ended without the last chunk, so nobody can tell whether the body is complete";
}
