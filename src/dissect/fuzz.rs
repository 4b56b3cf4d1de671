//! Entry points for fuzzers: any bytes become a conversation, for which the laws must hold.
//!
//! `fuzz/` has a target for each of them, and `fuzz/corpus/` conversations to begin with; `smoke` changes those at random
//! on a stable compiler. A conversation is written as its pieces: 16 bits, the first of which is set for bytes of the
//! server and the others count them, then so many bytes. All targets but [`handshakes`] begin with a byte of choices.

#[cfg(test)]
mod smoke;

use super::hixie::{Draft, Hixie};
use super::laws::{self, LINK, Script, Subject};
use super::websocket::negotiation::Deflate;
use super::{Dissector, WebSocket};
use crate::wire::Dir;

/// What a message may inflate to here: little, so that the limit is met often and a round is quick.
const INFLATE_LIMIT_BYTES: u64 = 16 << 10;
/// Longer input tells nothing new, only more slowly.
const INPUT_LIMIT_BYTES: usize = 16 << 10;

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also that of its folder in `fuzz/corpus/`.
pub const TARGETS: [(&str, Target); 4] =
    [("handshakes", handshakes), ("frames", frames), ("deflate", deflate), ("drafts", drafts)];

/// A link from its first byte on: the upgrade, whichever draft it is of, and what follows it.
pub fn handshakes(input: &[u8]) {
    let mut dissector = Dissector::http1(LINK);
    dissector.limit_inflating(INFLATE_LIMIT_BYTES);
    laws_hold(&dissector, &script(input), 0);
}

/// Frames behind an upgrade. The lowest bit of the first byte says that permessage-deflate was agreed on; the next ones
/// how, as in [`deflate`].
pub fn frames(input: &[u8]) {
    let Some((choices, input)) = input.split_first() else { return };
    laws_hold(&websocket(*choices), &script(input), *choices);
}

/// Each piece is what a message is compressed to. Bit 1 of the first byte says that the server forgets its window, bit 2
/// that the client does, and bits 3 to 5 are subtracted from windows of 15 bits.
pub fn deflate(input: &[u8]) {
    let Some((choices, input)) = input.split_first() else { return };
    let framed = script(input).into_iter().map(|(dir, payload)| {
        // Frames as long as their length says, so that what changes is the payload alone. Not masked: keys would hide it.
        let mut frame = vec![0xC2, 126];
        frame.extend((payload.len() as u16).to_be_bytes());
        frame.extend(payload);
        (dir, frame)
    });
    laws_hold(&websocket(choices | 1), &framed.collect(), *choices);
}

/// Frames of the hixie drafts: of hixie-76 where the lowest bit of the first byte is set, else of hixie-75.
pub fn drafts(input: &[u8]) {
    let Some((choices, input)) = input.split_first() else { return };
    let draft = if choices & 1 == 1 { Draft::Hixie76 } else { Draft::Hixie75 };
    laws_hold(&Hixie::new(LINK, draft), &script(input), *choices);
}

fn websocket(choices: u8) -> WebSocket {
    if choices & 1 == 0 {
        return WebSocket::new(LINK);
    }
    let bits = 15 - (choices >> 3 & 7);
    let deflate = Deflate {
        server_no_context_takeover: choices & 2 != 0,
        client_no_context_takeover: choices & 4 != 0,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    };
    WebSocket::with_deflate(LINK, &deflate, INFLATE_LIMIT_BYTES)
}

fn script(input: &[u8]) -> Script {
    let mut rest = &input[..input.len().min(INPUT_LIMIT_BYTES)];
    let mut script = Script::new();
    while let Some((head, behind)) = rest.split_first_chunk::<2>() {
        let head = u16::from_be_bytes(*head);
        let dir = if head >> 15 == 1 { Dir::In } else { Dir::Out };
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(head & 0x7FFF)));
        script.push((dir, piece.to_vec()));
        rest = behind;
    }
    script
}

/// The laws; `choices` has a say in where reads are cut, too.
fn laws_hold(subject: &impl Subject, script: &Script, choices: u8) {
    laws::split_invariance(subject, script, &[usize::from(choices >> 4) + 4, 61, 2]);
    laws::tiling(subject, script);
    laws::bounded(subject, script, INFLATE_LIMIT_BYTES);
    laws::checkpoints(subject, script);
}
