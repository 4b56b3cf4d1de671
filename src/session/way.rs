//! From a checkpoint to what is to be explained.

use super::Store;
use crate::dissect::{Dissector, Ending, Full, Place, Severity, Summary};
use crate::wire::Dir;

/// Bytes that are explained between two looks whether that was enough.
const LOOK_BYTES: usize = 4 * 1024;

/// A dissector before byte `skip` of the event `seq`.
#[derive(Clone)]
pub(super) struct Checkpoint {
    pub seq: u64,
    pub skip: usize,
    pub dissector: Dissector,
    pub worst: [Severity; Place::COUNT],
}

/// The way from a checkpoint to what is to be explained: up to where that begins nobody listens, which costs a fraction.
pub(super) struct Way<F> {
    dissector: Dissector,
    ahead: Summary,
    /// Where listening begins, in each direction.
    begins: [u64; 2],
    /// Who listens from then on, given the notes that wait for a record.
    listener: F,
    full: Option<Full>,
}

impl<F: Fn([Severity; Place::COUNT]) -> Full> Way<F> {
    /// From a checkpoint on.
    pub fn from(checkpoint: &Checkpoint, begins: [u64; 2], listener: F) -> Way<F> {
        let (dissector, ahead) = (checkpoint.dissector.clone(), Summary::with_worst(checkpoint.worst));
        Way { dissector, ahead, begins, listener, full: None }
    }

    /// Takes a step, and asks `look` ever so often whether that was enough: what it says then. `None` where the bytes
    /// are not to be had.
    pub fn take<T>(
        &mut self,
        step: Step,
        store: &Store,
        mut look: impl FnMut(&mut Full, &Dissector) -> Option<T>,
    ) -> Option<Option<T>> {
        let (dir, seq, skip) = match step {
            Step::Feed { dir, seq, skip } => (dir, seq, skip),
            Step::Finish(dir, ending) => {
                let full = self.full.get_or_insert_with(|| (self.listener)(self.ahead.worst()));
                self.dissector.finish(dir, ending, full);
                return Some(look(full, &self.dissector));
            }
        };
        let bytes = store.bytes(seq)?;
        let mut rest = bytes.get(skip..)?;
        if self.full.is_none() {
            let missing = self.begins[dir.index()].saturating_sub(self.dissector.position(dir));
            let quiet = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
            self.dissector.feed(dir, &rest[..quiet], &mut self.ahead);
            self.ahead.records.clear();
            rest = &rest[quiet..];
        }
        if rest.is_empty() {
            return Some(None);
        }
        let full = self.full.get_or_insert_with(|| (self.listener)(self.ahead.worst()));
        for piece in rest.chunks(LOOK_BYTES) {
            full.saw(dir, self.dissector.position(dir), piece);
            self.dissector.feed(dir, piece, full);
            if let Some(enough) = look(full, &self.dissector) {
                return Some(Some(enough));
            }
        }
        Some(None)
    }
}

/// What is fed to a dissector.
pub(super) enum Step {
    /// An event's bytes from `skip` on.
    Feed {
        dir: Dir,
        seq: u64,
        skip: usize,
    },
    Finish(Dir, Ending),
}
