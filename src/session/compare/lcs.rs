//! What two sequences have in common, in order: Myers' algorithm, which gives up looking for more at a deadline.

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use std::hash::Hash;
use std::ops::Range;
use std::time::Instant;

/// A stretch of two sequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Whether both say the same there.
    pub is_same: bool,
    /// Where it lies in the first; empty where something was added.
    pub a: Range<usize>,
    /// Where it lies in the second; empty where something was removed.
    pub b: Range<usize>,
}

/// The stretches of two sequences, which cover both, in order.
pub(super) fn runs<T: Eq + Hash>(a: &[T], b: &[T], deadline: Instant) -> Vec<Run> {
    // What both begin and end with needs no algorithm; of most messages it is nearly all.
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a_end, b_end) = (a.len() - tail, b.len() - tail);
    let mut runs = Vec::new();
    if head > 0 {
        runs.push(Run { is_same: true, a: 0..head, b: 0..head });
    }
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &a[head..a_end], &b[head..b_end], Some(deadline));
    for op in ops {
        let is_same = matches!(op, DiffOp::Equal { .. });
        let (old, new) = (op.old_range(), op.new_range());
        let run = Run { is_same, a: old.start + head..old.end + head, b: new.start + head..new.end + head };
        push(&mut runs, run);
    }
    if tail > 0 {
        push(&mut runs, Run { is_same: true, a: a_end..a.len(), b: b_end..b.len() });
    }
    runs
}

/// Puts a run behind others, and makes one of two that are alike.
pub(super) fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if last.is_same == run.is_same => (last.a.end, last.b.end) = (run.a.end, run.b.end),
        _ => runs.push(run),
    }
}
