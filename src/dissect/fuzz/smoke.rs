//! The fuzz targets on a stable compiler: the corpus as it is, then changed at random so many times.
//!
//! The same changes each time, so that what fails once fails again. `PUSHSCOPE_FUZZ_ROUNDS` asks for more rounds of
//! them; an input that fails is left in `target/fuzz/`.

use super::{TARGETS, Target};
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Together about a minute in a debug build, on one core.
const ROUNDS: u64 = 10_000;

#[test]
fn handshakes_changed_at_random() {
    smoke("handshakes");
}

#[test]
fn frames_changed_at_random() {
    smoke("frames");
}

#[test]
fn deflate_changed_at_random() {
    smoke("deflate");
}

#[test]
fn drafts_changed_at_random() {
    smoke("drafts");
}

fn smoke(name: &str) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let corpus = corpus(name);
    corpus.iter().for_each(|input| run(name, *target, input));
    let rounds = std::env::var("PUSHSCOPE_FUZZ_ROUNDS").ok();
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().expect("PUSHSCOPE_FUZZ_ROUNDS is a number"));
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    for _ in 0..rounds {
        let mut input = corpus[chance.below(corpus.len())].clone();
        for _ in 0..1 + chance.below(6) {
            change(&mut input, &corpus, &mut chance);
        }
        run(name, *target, &input);
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).expect("a file of the corpus")).collect()
}

fn run(name: &str, target: Target, input: &[u8]) {
    if catch_unwind(|| target(input)).is_err() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
        let sum = input
            .iter()
            .fold(0xCBF2_9CE4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
        let file = folder.join(format!("{name}-{sum:016x}"));
        fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)).expect("the input is kept");
        panic!("{} breaks a law, see above", file.display());
    }
}

/// Changes an input in one way of many.
fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], chance: &mut Chance) {
    /// Opcodes, lengths, frame types and what begins a DEFLATE block, where they mean something else than the byte before.
    const TELLING: [u8; 16] = [0, 1, 2, 5, 8, 9, 0x7D, 0x7E, 0x7F, 0x80, 0x81, 0x88, 0xC1, 0xED, 0xFE, 0xFF];
    let at = chance.below(input.len() + 1);
    let len = 1 + chance.below(16).min(input.len().saturating_sub(at));
    let end = (at + len).min(input.len());
    match chance.below(9) {
        0 if at < input.len() => input[at] ^= 1 << chance.below(8),
        1 if at < input.len() => input[at] = TELLING[chance.below(TELLING.len())],
        2 if at < input.len() => input[at] = chance.byte(),
        3 => input.insert(at, TELLING[chance.below(TELLING.len())]),
        4 => drop(input.drain(at..end)),
        5 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        6 => input.truncate(at),
        7 => {
            // The tail of another.
            let other = &corpus[chance.below(corpus.len())];
            let from = chance.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let noise: Vec<u8> = (0..len).map(|_| chance.byte()).collect();
            input.splice(at..end, noise);
        }
    }
}

/// Numbers by chance: xorshift64*.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }
}
