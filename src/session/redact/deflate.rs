//! Secrets in compressed messages (RFC 7692): what each byte of them goes back to is changed where it stands, at the same
//! length. A message in which that cannot be done is made one of marks alone, as long on the wire and inflated.

use super::lanes::Lanes;
use super::texts::Run;
use crate::dissect::{Fault, MARK, Origin, Traced, Tracer, marks};
use crate::wire::{Dir, LinkId};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Messages between two looks at which of them are still referred to.
const PRUNE_MESSAGES: u32 = 8192;

/// The compressed messages of a direction.
#[derive(Debug, Default)]
pub(super) struct Direction {
    tracer: Tracer,
    /// Where the messages lie that the window still goes back to.
    runs: HashMap<u32, Vec<Run>>,
    next: u32,
    /// The messages that come cannot be inflated: an earlier one was not whole.
    is_lost: bool,
    /// They cannot be any more, because an earlier one was taken out without a stand-in.
    is_lost_by_us: bool,
    /// Bytes of secrets that were changed where they stand.
    pub changed_bytes: u64,
}

/// A compressed message.
pub(super) struct Message<'m> {
    pub link: LinkId,
    pub dir: Dir,
    /// Its bytes on the wire, unmasked, and where they lie.
    pub content: &'m [u8],
    pub runs: Vec<Run>,
    /// Whether it came whole, and the window is kept for the next one.
    pub is_complete: bool,
    pub keeps_context: bool,
    /// How much it may inflate to.
    pub limit_bytes: u64,
    /// What is secret in what it inflates to, rising.
    pub secrets: &'m [Range<u64>],
    /// All of it is to go, because it was not looked into.
    pub is_unread: bool,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Nothing, or its secrets are taken out.
    Masked,
    /// It is taken out as a whole: why.
    Blanked(Why),
}

/// Why a message is taken out as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Its bytes could not be looked into.
    Unread,
    /// A byte of a secret in it has a code of a length that no other byte has.
    NoCode,
}

impl Direction {
    /// The next message of the direction, changed.
    pub fn message(&mut self, message: &Message, lanes: &mut Lanes) -> Done {
        let lane = (message.link, message.dir);
        if self.is_lost || self.is_lost_by_us {
            return match message.is_unread || self.is_lost_by_us {
                true => {
                    let lane = lanes.lane(lane.0, lane.1);
                    message.runs.iter().for_each(|run| lane.fill(*run, MARK));
                    Done::Blanked(Why::Unread)
                }
                false => Done::Masked,
            };
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.runs.insert(number, message.runs.clone());
        if number % PRUNE_MESSAGES == PRUNE_MESSAGES - 1 {
            self.prune();
        }
        let mut found: Vec<Origin> = Vec::new();
        let (mut next, mut has_fixed, mut changed) = (0, false, 0);
        let place = (number, message.content, message.is_complete);
        let traced = self.tracer.message(place, message.keeps_context, message.limit_bytes, |at, origin| {
            while message.secrets.get(next).is_some_and(|range| range.end <= at) {
                next += 1;
            }
            if message.secrets.get(next).is_some_and(|range| range.contains(&at)) {
                has_fixed |= origin == Origin::Fixed;
                changed += u64::from(!matches!(origin, Origin::Literal { turn: 0, .. }));
                if found.last() != Some(&origin) {
                    found.push(origin);
                }
            }
        });
        let is_broken = traced.fault.is_some_and(|fault| fault != Fault::Truncated || message.is_complete);
        self.is_lost = message.keeps_context && (is_broken || traced.is_capped || !message.is_complete);
        has_fixed |= !self.can_turn(&found);
        if has_fixed || message.is_unread {
            self.blank(message, traced, is_broken, lanes);
            return Done::Blanked(if message.is_unread { Why::Unread } else { Why::NoCode });
        }
        self.changed_bytes += changed;
        self.turn(&found, lanes.lane(lane.0, lane.1));
        Done::Masked
    }

    /// The wire bytes of a literal's code, each with the bits that are turned.
    fn places(&self, origin: &Origin) -> Option<Vec<(u64, u8)>> {
        let Origin::Literal { message, byte, turn } = *origin else { return Some(Vec::new()) };
        let runs = self.runs.get(&message)?;
        let mut places = Vec::new();
        for (step, bits) in turn.to_le_bytes().into_iter().enumerate().filter(|(_, bits)| *bits != 0) {
            let at = u64::from(byte) + step as u64;
            let run = runs.iter().find(|run| run.at <= at && at < run.at + run.len)?;
            places.push((run.wire + at - run.at, bits));
        }
        Some(places)
    }

    fn can_turn(&self, found: &[Origin]) -> bool {
        found.iter().all(|origin| self.places(origin).is_some())
    }

    fn turn(&self, found: &[Origin], lane: &mut super::lanes::Lane) {
        for (wire, bits) in found.iter().filter_map(|origin| self.places(origin)).flatten() {
            lane.turn(wire, bits);
        }
    }

    /// Takes a message out as a whole, so that what it inflates to is as long as before.
    fn blank(&mut self, message: &Message, traced: Traced, is_broken: bool, lanes: &mut Lanes) {
        let made = match traced.is_capped {
            true => None,
            false => marks(traced.len, message.content.len(), is_broken),
        };
        // Where there is no room for marks, nothing of it stays, and what is behind it cannot be inflated any more.
        self.is_lost_by_us |= made.is_none() && message.keeps_context;
        let made = made.unwrap_or_else(|| vec![0; message.content.len()]);
        let lane = lanes.lane(message.link, message.dir);
        for run in &message.runs {
            for at in run.at..run.at + run.len {
                if let (Some(old), Some(new)) = (message.content.get(at as usize), made.get(at as usize)) {
                    lane.turn(run.wire + at - run.at, old ^ new);
                }
            }
        }
        self.tracer.gone(traced.len);
    }

    /// Forgets where the messages lie that nothing goes back to any more.
    fn prune(&mut self) {
        let mut used: HashSet<u32> = HashSet::from([self.next.wrapping_sub(1)]);
        self.tracer.messages(|message| _ = used.insert(message));
        self.runs.retain(|message, _| used.contains(message));
    }
}
