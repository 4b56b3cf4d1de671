//! The laws of DESIGN.md, on conversations made up at random.

use super::conversation::{conversation, noise, tampered};
use super::*;
use crate::dissect::{Full, Severity, Summary};
use proptest::prelude::*;

fn holds_for(script: &Script, sizes: &[usize]) {
    law::split_invariance(&subject(), script, sizes);
    law::tiling(&subject(), script);
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
            let mut out = Full::only(expected.record, usize::MAX);
            let mut socket = subject();
            let mut at = [0u64; 2];
            for (dir, bytes) in &script {
                out.saw(*dir, at[dir.index()], bytes);
                socket.feed(*dir, at[dir.index()], bytes, &mut out);
                at[dir.index()] += bytes.len() as u64;
            }
            for dir in [Dir::Out, Dir::In] {
                socket.finish(dir, at[dir.index()], &mut out);
            }
            prop_assert_eq!(out.explained.as_slice(), &[expected]);
        }
    }

    #[test]
    fn a_clone_goes_on_where_the_original_was(script in tampered(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(script.len() + 1);
        let mut socket = subject();
        let mut out = Summary::default();
        let mut at = [0u64; 2];
        for (n, (dir, bytes)) in script.iter().enumerate() {
            if n == cut {
                socket = socket.clone();
            }
            socket.feed(*dir, at[dir.index()], bytes, &mut out);
            at[dir.index()] += bytes.len() as u64;
        }
        for dir in [Dir::Out, Dir::In] {
            socket.finish(dir, at[dir.index()], &mut out);
        }
        prop_assert_eq!(out.records, law::records(&subject(), &script, &[7]));
    }
}

#[test]
fn a_checkpoint_is_small() {
    assert!(size_of::<super::WebSocket>() <= 1536, "{} bytes", size_of::<super::WebSocket>());
}
