//! The laws of DESIGN.md, on conversations made up at random.

use super::conversation::{compressed_conversation, conversation, noise, tampered, tampered_compressed};
use super::*;
use crate::dissect::{Severity, Summary};
use proptest::prelude::*;

fn holds_for(script: &Script, sizes: &[usize]) {
    holds_of(&subject(), script, sizes);
}

fn holds_of(subject: &WebSocket, script: &Script, sizes: &[usize]) {
    law::split_invariance(subject, script, sizes);
    law::tiling(subject, script);
}

proptest! {
    #[test]
    fn laws_hold_for_valid_conversations(script in conversation(), sizes in prop::collection::vec(1usize..64, 1..6)) {
        holds_for(&script, &sizes);
    }

    #[test]
    fn laws_hold_for_tampered_conversations(script in tampered(), sizes in prop::collection::vec(1usize..64, 1..6)) {
        holds_for(&script, &sizes);
    }

    #[test]
    fn laws_hold_for_noise(script in noise(), sizes in prop::collection::vec(1usize..16, 1..6)) {
        holds_for(&script, &sizes);
    }

    #[test]
    fn laws_hold_for_compressed_conversations(
        (deflate, script) in compressed_conversation(),
        sizes in prop::collection::vec(1usize..64, 1..6),
        limit_bytes in prop_oneof![3 => Just(1u64 << 20), 1 => 0u64..200],
    ) {
        let subject = WebSocket::with_deflate(LINK, &deflate, limit_bytes);
        holds_of(&subject, &script, &sizes);
        for explained in law::explain(&subject, &script, &[usize::MAX]) {
            prop_assert!(explained.record.worst < Severity::Error, "{:?}", explained.notes);
            one_alone(&subject, &script, &explained);
        }
    }

    #[test]
    fn laws_hold_for_tampered_compressed_conversations(
        (deflate, script) in tampered_compressed(),
        sizes in prop::collection::vec(1usize..64, 1..6),
        limit_bytes in prop_oneof![3 => Just(1u64 << 20), 1 => 0u64..200],
    ) {
        let subject = WebSocket::with_deflate(LINK, &deflate, limit_bytes);
        holds_of(&subject, &script, &sizes);
        for explained in law::explain(&subject, &script, &[usize::MAX]) {
            one_alone(&subject, &script, &explained);
        }
    }

    #[test]
    fn valid_conversations_earn_no_error(script in conversation()) {
        for explained in explain(&script) {
            let errors: Vec<_> =
                explained.notes.iter().filter(|note| note.def.severity == Severity::Error).collect();
            prop_assert!(errors.is_empty(), "{:?}", errors);
        }
    }

    #[test]
    fn one_record_looked_at_says_what_it_says_among_all(script in tampered()) {
        for expected in explain(&script) {
            one_alone(&subject(), &script, &expected);
        }
    }

    #[test]
    fn a_clone_goes_on_where_the_original_was(
        (deflate, script) in tampered_compressed(),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(script.len() + 1);
        let subject = WebSocket::with_deflate(LINK, &deflate, 1 << 20);
        let mut socket = subject.clone();
        let mut out = Summary::default();
        let mut at = [0u64; 2];
        for (n, (dir, bytes)) in script.iter().enumerate() {
            if n == cut {
                let mut left_behind = socket;
                socket = left_behind.clone();
                left_behind.feed(Dir::In, at[1], &[0xC1, 3, 7, 7, 7], &mut Summary::default());
            }
            socket.feed(*dir, at[dir.index()], bytes, &mut out);
            at[dir.index()] += bytes.len() as u64;
        }
        for dir in [Dir::Out, Dir::In] {
            socket.finish(dir, at[dir.index()], &mut out);
        }
        prop_assert_eq!(out.records, law::records(&subject, &script, &[7]));
    }
}

/// One record looked at alone says what it says among all.
fn one_alone(subject: &WebSocket, script: &Script, expected: &Explained) {
    let alone = law::explain_only(subject, script, &[usize::MAX], expected.record);
    assert_eq!(alone.as_ref(), Some(expected));
}

#[test]
fn a_checkpoint_is_small() {
    assert!(size_of::<super::WebSocket>() <= 1536, "{} bytes", size_of::<super::WebSocket>());
}
