//! Which rules raw frames break, in plain words. Breaking them is allowed: that is what raw frames are for.

use super::frame::FrameBytes;
use crate::transport::{LengthForm, RawFrame, close_code_rule};

/// The rules of RFC 6455 that a client breaks by sending these frames, each once, in the order of the frames.
/// `is_under_way`: a message was begun before them and not ended.
pub fn broken_rules(frames: &[RawFrame], is_under_way: bool) -> Vec<String> {
    let mut broken: Vec<String> = Vec::new();
    let mut under_way = is_under_way;
    let mut key_before = None;
    for (at, frame) in frames.iter().enumerate() {
        let mut say = |rule: String| {
            if !broken.contains(&rule) {
                broken.push(rule);
            }
        };
        mask(frame, key_before, &mut say);
        key_before = frame.mask;
        reserved(frame, &mut say);
        length(frame, &mut say);
        if frame.opcode >= 8 {
            control(frame, &mut say);
            continue;
        }
        match (frame.opcode, under_way) {
            (0, false) => {
                say("a continuation must follow a frame without FIN, and none is under way (RFC 6455 §5.4)".into())
            }
            (1.., true) => say("the message under way must be ended by continuations first (RFC 6455 §5.4)".into()),
            _ => {}
        }
        under_way = !frame.fin;
        // Compressed text is no text yet.
        if frame.opcode == 1 && !frame.rsv[0] {
            text(&frames[at..], &mut say);
        }
    }
    broken
}

fn mask(frame: &RawFrame, key_before: Option<[u8; 4]>, say: &mut impl FnMut(String)) {
    match frame.mask {
        None => say("a client must mask every frame (RFC 6455 §5.1)".into()),
        Some([0, 0, 0, 0]) => say("a masking key must be unpredictable, and this one is 0 (RFC 6455 §5.3)".into()),
        Some(key) if key_before == Some(key) => say("each frame must have a fresh masking key (RFC 6455 §5.3)".into()),
        Some(_) => {}
    }
}

fn reserved(frame: &RawFrame, say: &mut impl FnMut(String)) {
    let [rsv1, rsv2, rsv3] = frame.rsv;
    match frame.opcode {
        1..=7 if rsv1 => say(
            "RSV1 must be 0 unless permessage-deflate was agreed on and this is compressed (RFC 6455 §5.2, RFC 7692 §6)"
                .into(),
        ),
        _ if rsv1 => say("RSV1 must be 0 on control frames and continuations (RFC 6455 §5.2, RFC 7692 §6)".into()),
        _ => {}
    }
    for (is_set, name) in [(rsv2, "RSV2"), (rsv3, "RSV3")] {
        if is_set {
            say(format!("{name} must be 0: no extension gives it a meaning (RFC 6455 §5.2)"));
        }
    }
    if matches!(frame.opcode, 3..=7 | 11..) {
        say(format!("opcode {} is reserved (RFC 6455 §5.2)", frame.opcode));
    }
}

fn length(frame: &RawFrame, say: &mut impl FnMut(String)) {
    let shown = FrameBytes::of(frame, 0);
    let (said, has) = (shown.said_len, frame.payload.len() as u64);
    let minimal = FrameBytes::of(
        &RawFrame { length_form: LengthForm::Minimal, claimed_len: Some(said), payload: Default::default(), ..*frame },
        0,
    );
    if shown.header.len() > minimal.header.len() {
        say(format!("a length of {said} must be written in fewer bits (RFC 6455 §5.2)"));
    }
    if said >> 63 == 1 {
        say("the first bit of a 64-bit length must be 0 (RFC 6455 §5.2)".into());
    }
    match said.checked_sub(has) {
        Some(0) => {}
        Some(missing) => say(format!(
            "the length says {said} and the payload has {has}: the next {missing} bytes count as payload, whatever they \
             are (RFC 6455 §5.2)"
        )),
        None => say(format!(
            "the length says {said} and the payload has {has}: the last {} bytes count as the next frame (RFC 6455 §5.2)",
            has - said
        )),
    }
}

fn control(frame: &RawFrame, say: &mut impl FnMut(String)) {
    if !frame.fin {
        say("a control frame must not be fragmented (RFC 6455 §5.5)".into());
    }
    if FrameBytes::of(frame, 0).said_len > 125 {
        say("a control frame carries at most 125 bytes (RFC 6455 §5.5)".into());
    }
    if frame.opcode != 8 {
        return;
    }
    match &frame.payload[..] {
        [] => {}
        [_] => say("a close frame begins with a code of 2 bytes, and here is 1 byte (RFC 6455 §5.5.1)".into()),
        [high, low, reason @ ..] => {
            if let Some(why) = close_code_rule(u16::from_be_bytes([*high, *low])) {
                say(why);
            }
            if std::str::from_utf8(reason).is_err() {
                say("the reason of a close frame must be UTF-8 (RFC 6455 §5.5.1)".into());
            }
        }
    }
}

/// The text that begins with the first of these frames; what a missing end would complete is no fault.
fn text(frames: &[RawFrame], say: &mut impl FnMut(String)) {
    let mut whole = Vec::new();
    let mut is_over = false;
    for frame in frames.iter().filter(|frame| frame.opcode < 8) {
        whole.extend_from_slice(&frame.payload);
        is_over = frame.fin;
        if is_over {
            break;
        }
    }
    if let Err(error) = std::str::from_utf8(&whole)
        && (is_over || error.error_len().is_some())
    {
        let at = error.valid_up_to();
        say(format!("a text message must be UTF-8, and byte {at} is not (RFC 6455 §8.1)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frame(opcode: u8, payload: &'static [u8]) -> RawFrame {
        RawFrame {
            fin: true,
            rsv: [false; 3],
            opcode,
            mask: Some([1, 2, 3, 4]),
            length_form: LengthForm::Minimal,
            claimed_len: None,
            payload: Bytes::from_static(payload),
        }
    }

    fn broken(frame: RawFrame) -> String {
        broken_rules(&[frame], false).join("; ")
    }

    #[test]
    fn a_frame_in_order_breaks_nothing() {
        for good in [frame(1, b"hi"), frame(2, &[0xFF; 200]), frame(9, b""), frame(8, &[3, 232]), frame(8, b"")] {
            assert_eq!(broken(good), "");
        }
        let parts = [
            RawFrame { fin: false, ..frame(1, &[0xE3, 0x81]) },
            RawFrame { mask: Some([9; 4]), ..frame(9, b"between") },
            RawFrame { mask: Some([8; 4]), ..frame(0, &[0x82]) },
        ];
        assert_eq!(broken_rules(&parts, false), [""; 0]);
        assert_eq!(broken_rules(&[RawFrame { fin: false, ..frame(1, &[0xE3]) }], false), [""; 0]);
    }

    #[test]
    fn each_broken_rule_is_said_with_its_section() {
        let told = [
            (RawFrame { mask: None, ..frame(1, b"") }, "must mask every frame (RFC 6455 §5.1)"),
            (RawFrame { mask: Some([0; 4]), ..frame(1, b"") }, "this one is 0 (RFC 6455 §5.3)"),
            (RawFrame { rsv: [true, false, false], ..frame(1, b"") }, "RSV1 must be 0 unless permessage-deflate"),
            (RawFrame { rsv: [true, false, false], ..frame(9, b"") }, "RSV1 must be 0 on control frames"),
            (RawFrame { rsv: [false, true, false], ..frame(2, b"") }, "RSV2 must be 0"),
            (RawFrame { rsv: [false, false, true], ..frame(2, b"") }, "RSV3 must be 0"),
            (frame(3, b""), "opcode 3 is reserved"),
            (frame(15, b""), "opcode 15 is reserved"),
            (RawFrame { fin: false, ..frame(10, b"") }, "must not be fragmented (RFC 6455 §5.5)"),
            (frame(9, &[0; 126]), "at most 125 bytes (RFC 6455 §5.5)"),
            (RawFrame { length_form: LengthForm::Bits16, ..frame(2, b"a") }, "a length of 1 must be written in fewer"),
            (
                RawFrame { length_form: LengthForm::Bits7, ..frame(2, &[0; 130]) },
                "the last 128 bytes count as the next",
            ),
            (RawFrame { claimed_len: Some(300), ..frame(2, b"a") }, "says 300 and the payload has 1: the next 299"),
            (RawFrame { claimed_len: Some(u64::MAX), ..frame(2, b"a") }, "first bit of a 64-bit length must be 0"),
            (frame(0, b"a"), "none is under way (RFC 6455 §5.4)"),
            (frame(1, &[b'a', 0xFF]), "byte 1 is not (RFC 6455 §8.1)"),
            (frame(8, &[3]), "here is 1 byte (RFC 6455 §5.5.1)"),
            (
                frame(8, &[3, 238]),
                "close code 1006 must not be sent: it is what an application is told where there was no close frame (RFC 6455 §7.4.1)",
            ),
            (frame(8, &[0, 5]), "close code 5 is below 1000, and those are not used"),
            (frame(8, &[0x13, 0x88]), "is above 4999"),
            (frame(8, &[3, 232, 0xFF]), "the reason of a close frame must be UTF-8"),
        ];
        for (frame, expected) in told {
            let said = broken(frame);
            assert!(said.contains(expected), "{expected}: {said}");
        }
        let same = [RawFrame { fin: false, ..frame(1, b"a") }, frame(0, b"b")];
        assert_eq!(broken_rules(&same, false), ["each frame must have a fresh masking key (RFC 6455 §5.3)"]);
        assert!(broken_rules(&[frame(1, b"a")], true)[0].contains("ended by continuations first"));
        assert!(broken_rules(&[frame(0, b"a")], true).is_empty());
    }
}
