//! Conversations made up at random: valid ones, and ones that were tampered with.

use super::framed;
use crate::dissect::laws::Script;
use crate::dissect::websocket::negotiation::Deflate;
use crate::wire::Dir;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use proptest::sample::Index;

/// A valid message, cut into frames, and the pings and pongs that come between them.
#[derive(Clone, Debug)]
pub struct Turn {
    opcode: u8,
    payload: Vec<u8>,
    cuts: Vec<Index>,
    /// A control frame before the fragment of that number, counted round: opcode and payload.
    between: Vec<(usize, u8, Vec<u8>)>,
}

/// How a valid conversation ends: not at all, or with a close frame that says this.
pub type Ending = Option<Vec<u8>>;

fn turn() -> impl Strategy<Value = Turn> {
    let text = prop_oneof![4 => ".{0,40}", 1 => ".{120,200}"].prop_map(|text: String| (1, text.into_bytes()));
    let binary =
        prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..60), 1 => prop::collection::vec(any::<u8>(), 120..300)];
    let message = prop_oneof![text, binary.prop_map(|bytes| (2, bytes))];
    let control = (0usize..4, 9u8..=10, prop::collection::vec(any::<u8>(), 0..126));
    let cuts = prop::collection::vec(any::<Index>(), 0..4);
    (message, cuts, prop::collection::vec(control, 0..3)).prop_map(|((opcode, payload), cuts, between)| Turn {
        opcode,
        payload,
        cuts,
        between,
    })
}

fn ending() -> impl Strategy<Value = Ending> {
    // tungstenite does not know 1014 (IANA) and takes it for a reserved code.
    let code = prop_oneof![1000u16..=1003, 1007u16..=1013, 3000u16..=4999];
    let close = prop_oneof![
        Just(Vec::new()),
        (code, "[a-zäöü€]{0,30}").prop_map(|(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat()),
    ];
    prop::option::of(close)
}

impl Turn {
    fn write(&self, bytes: &mut Vec<u8>, mut key: impl FnMut() -> Option<[u8; 4]>) {
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(self.payload.len() + 1)).collect();
        cuts.sort();
        cuts.push(self.payload.len());
        let mut start = 0;
        for (n, end) in cuts.iter().enumerate() {
            for (_, opcode, payload) in self.between.iter().filter(|(before, ..)| before % cuts.len() == n) {
                bytes.extend(framed(0x80 | opcode, key(), payload));
            }
            let fin = if n + 1 == cuts.len() { 0x80 } else { 0 };
            let opcode = if n == 0 { self.opcode } else { 0 };
            bytes.extend(framed(fin | opcode, key(), &self.payload[start..*end]));
            start = *end;
        }
    }
}

/// The masking keys of a side: none for a server.
fn keys(dir: Dir, mut seed: u32) -> impl FnMut() -> Option<[u8; 4]> {
    move || {
        seed = seed.wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15);
        (dir == Dir::Out).then(|| seed.to_be_bytes())
    }
}

/// What one side says, by the rules: client bytes are masked, server bytes are not.
pub fn valid(dir: Dir) -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(turn(), 0..5), ending(), any::<u32>()).prop_map(move |(turns, ending, seed)| {
        let mut key = keys(dir, seed);
        let mut bytes = Vec::new();
        for turn in &turns {
            turn.write(&mut bytes, &mut key);
        }
        if let Some(close) = ending {
            bytes.extend(framed(0x88, key(), &close));
        }
        bytes
    })
}

/// What two sides said, their bytes in turns that heed no frame's bounds.
fn in_turns(out: &[u8], into: &[u8], sizes: &[usize]) -> Script {
    let mut script = Script::new();
    let mut sides = [(Dir::Out, out), (Dir::In, into)];
    for (n, size) in sizes.iter().cycle().enumerate() {
        let (dir, rest) = &mut sides[n % 2];
        let (now, later) = rest.split_at(rest.len().min(*size));
        if !now.is_empty() {
            script.push((*dir, now.to_vec()));
        }
        *rest = later;
        if sides.iter().all(|(_, rest)| rest.is_empty()) {
            break;
        }
    }
    script
}

/// A conversation of valid sides.
pub fn conversation() -> impl Strategy<Value = Script> {
    (valid(Dir::Out), valid(Dir::In), prop::collection::vec(1usize..200, 1..6))
        .prop_map(|(out, into, sizes)| in_turns(&out, &into, &sizes))
}

/// A valid conversation with bytes changed, lost and put in.
pub fn tampered() -> impl Strategy<Value = Script> {
    (conversation(), changes()).prop_map(|(script, changes)| tamper(script, &changes))
}

/// The same of a compressed one.
pub fn tampered_compressed() -> impl Strategy<Value = (Deflate, Script)> {
    (compressed_conversation(), changes()).prop_map(|((deflate, script), changes)| (deflate, tamper(script, &changes)))
}

/// The part of a script, the byte in it, what to do with it, and another byte.
type Change = (Index, Index, u8, u8);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<Index>(), any::<Index>(), 0u8..3, any::<u8>()), 1..6)
}

fn tamper(mut script: Script, changes: &[Change]) -> Script {
    for (turn, byte, how, value) in changes {
        if script.is_empty() {
            break;
        }
        let at = turn.index(script.len());
        let bytes = &mut script[at].1;
        if bytes.is_empty() {
            continue;
        }
        let at = byte.index(bytes.len());
        match how {
            0 => bytes[at] = *value,
            1 => bytes.truncate(at),
            _ => bytes.insert(at, *value),
        }
    }
    script
}

/// Bytes that come from anywhere; their first bytes are likely to be headers of short frames.
pub fn noise() -> impl Strategy<Value = Script> {
    let dir = prop_oneof![Just(Dir::Out), Just(Dir::In)];
    let byte = prop_oneof![any::<u8>(), 0u8..4, 0x80u8..0x8B, Just(0xFFu8)];
    prop::collection::vec((dir, prop::collection::vec(byte, 0..80)), 0..6)
}

/// A message compressed on its own, as RFC 7692 §7.2.1 has it.
pub fn deflated(message: &[u8]) -> Vec<u8> {
    Sender::new(15, false).deflated(message)
}

/// Whoever compresses the messages of a direction.
pub struct Sender {
    compress: Compress,
    keeps_context: bool,
}

impl Sender {
    pub fn new(window_bits: u8, keeps_context: bool) -> Sender {
        Sender { compress: Compress::new_with_window_bits(Compression::new(6), false, window_bits), keeps_context }
    }

    pub fn deflated(&mut self, message: &[u8]) -> Vec<u8> {
        if !self.keeps_context {
            self.compress.reset();
        }
        let before = self.compress.total_in();
        let mut out = Vec::with_capacity(message.len() + message.len() / 1000 + 256);
        self.compress.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
        assert_eq!(self.compress.total_in() - before, message.len() as u64);
        // Where there was nothing to flush, zlib says nothing: an empty block is what it means (RFC 7692 §7.2.3.6).
        if out.is_empty() { vec![0] } else { out[..out.len() - 4].to_vec() }
    }
}

/// How two sides agreed to compress.
pub fn deflate() -> impl Strategy<Value = Deflate> {
    (any::<bool>(), any::<bool>(), 9u8..16, 9u8..16).prop_map(|(server_forgets, client_forgets, server, client)| {
        Deflate {
            server_no_context_takeover: server_forgets,
            client_no_context_takeover: client_forgets,
            server_max_window_bits: server,
            client_max_window_bits: client,
        }
    })
}

/// What one side says where permessage-deflate was agreed on: some messages are compressed, and some are not.
pub fn compressed(dir: Dir, deflate: Deflate) -> impl Strategy<Value = Vec<u8>> {
    let said = prop::collection::vec((turn(), any::<bool>(), 0usize..6), 0..5);
    (said, ending(), any::<u32>()).prop_map(move |(turns, ending, seed)| {
        let mut key = keys(dir, seed);
        let mut sender = Sender::new(deflate.window_bytes(dir).ilog2() as u8, deflate.has_context_takeover(dir));
        let mut bytes = Vec::new();
        for (mut turn, is_compressed, times) in turns {
            turn.payload = turn.payload.repeat(times);
            if is_compressed {
                turn.payload = sender.deflated(&turn.payload);
                turn.opcode |= 0x40;
            }
            turn.write(&mut bytes, &mut key);
        }
        if let Some(close) = ending {
            bytes.extend(framed(0x88, key(), &close));
        }
        bytes
    })
}

/// A conversation of two sides that agreed to compress, and how.
pub fn compressed_conversation() -> impl Strategy<Value = (Deflate, Script)> {
    deflate().prop_flat_map(|agreed| {
        let sizes = prop::collection::vec(1usize..200, 1..6);
        (compressed(Dir::Out, agreed), compressed(Dir::In, agreed), sizes)
            .prop_map(move |(out, into, sizes)| (agreed, in_turns(&out, &into, &sizes)))
    })
}
