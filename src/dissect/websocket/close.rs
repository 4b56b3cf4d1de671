//! Close codes (RFC 6455 §7.4 and the IANA registry "WebSocket Close Code Number").

use super::notes;
use crate::dissect::NoteDef;
use crate::wire::Dir;

/// What a record says that carries no code: the frame's payload was empty (RFC 6455 §7.1.5).
pub const NO_STATUS_RECEIVED: u16 = 1005;

/// What a close code means.
pub fn close_code_meaning(code: u16) -> &'static str {
    match code {
        0..=999 => "not used",
        1000 => "normal closure: the purpose is fulfilled",
        1001 => "going away: the server shuts down, or the page was left",
        1002 => "protocol error",
        1003 => "unsupported data: a type of data it cannot accept",
        1004 => "reserved, without a meaning yet",
        1005 => "no status received: for local use, never sent",
        1006 => "abnormal closure: for local use, never sent",
        1007 => "invalid payload data, such as text that is not UTF-8",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension: the server did not negotiate one that the client needs",
        1011 => "internal error: something unexpected kept the server from going on",
        1012 => "service restart: come back, after a random 5 to 30 s",
        1013 => "try again later: overloaded",
        1014 => "bad gateway: the server behind the gateway gave an invalid response",
        1015 => "TLS handshake failed: for local use, never sent",
        1016..=2999 => "reserved for the protocol and its extensions",
        3000 => "unauthorized (registered with IANA)",
        3003 => "forbidden (registered with IANA)",
        3008 => "timeout (registered with IANA)",
        3001 | 3002 | 3004..=3007 | 3009..=3999 => "for libraries and frameworks, registered with IANA",
        4000..=4999 => "private use: whatever the application says it means",
        5000.. => "outside the range of codes",
    }
}

/// The rule that a code breaks in a close frame, whoever sends it.
pub fn close_code_fault(code: u16) -> Option<&'static NoteDef> {
    match code {
        0..=999 => Some(&notes::CLOSE_CODE_NOT_USED),
        1005 | 1006 | 1015 => Some(&notes::CLOSE_CODE_LOCAL),
        1004 | 1016..=2999 => Some(&notes::CLOSE_CODE_RESERVED),
        5000.. => Some(&notes::CLOSE_CODE_OUT_OF_RANGE),
        _ => None,
    }
}

/// The note that a code earns when it is sent in a close frame by `dir`.
pub(super) fn code_note(code: u16, dir: Dir) -> Option<&'static NoteDef> {
    close_code_fault(code).or(match code {
        1010 if dir == Dir::In => Some(&notes::CLOSE_CODE_OF_CLIENTS),
        1002 | 1003 | 1007..=1014 => Some(&notes::CLOSED_FOR_FAULT),
        _ => None,
    })
}
