//! Close frames: what answers one, and what one says (RFC 6455 §5.5.1, §7.4).

use crate::dissect::websocket::{close_code_fault, close_code_meaning};

/// What answers a close frame: its code (§5.5.1), or 1002 where that is none that may be sent.
pub(super) fn close_answer(payload: &[u8]) -> Vec<u8> {
    match payload.first_chunk::<2>() {
        None if payload.is_empty() => Vec::new(),
        Some(code) if close_code_fault(u16::from_be_bytes(*code)).is_none() => code.to_vec(),
        _ => 1002_u16.to_be_bytes().to_vec(),
    }
}

/// A close frame's payload in words (§7.4.1).
pub(super) fn close_text(payload: &[u8]) -> String {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { "no code".to_owned() } else { "a close frame of one byte".to_owned() };
    };
    let code = u16::from_be_bytes(*code);
    let meaning = match code {
        1000..=1003 | 1007..=1014 => {
            let meaning = close_code_meaning(code);
            format!(" ({})", meaning.split([':', ',']).next().unwrap_or(meaning))
        }
        _ => String::new(),
    };
    match reason {
        [] => format!("{code}{meaning}"),
        _ => format!("{code}{meaning} “{}”", String::from_utf8_lossy(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_in_words() {
        assert_eq!(close_text(b"\x03\xe8bye"), "1000 (normal closure) “bye”");
        assert_eq!(close_text(b""), "no code");
        assert_eq!(close_text(b"\x0f\xa0"), "4000");
    }

    #[test]
    fn a_close_frame_is_answered_with_a_code_that_may_be_sent() {
        assert_eq!(close_answer(b""), b"");
        assert_eq!(close_answer(b"\x0f\xa0bye"), b"\x0f\xa0");
        for broken in [&b"\x03"[..], b"\x03\xed", b"\0\0"] {
            assert_eq!(close_answer(broken), b"\x03\xea");
        }
    }
}
