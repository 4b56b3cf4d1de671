//! A plan: what will be changed in a recording, and the change itself, event by event.

use super::lanes::Lanes;
use super::rules::{Group, Rules};
use super::scan::Scanner;
use crate::session::{Archive, RecordId};
use crate::wire::{ConnectionInfo, Entry, Event, What};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// So many secrets are listed one by one; all of them are replaced and counted.
pub const MOST_LISTED: usize = 1_000_000;

/// So many places have their name kept; the others are listed under one.
const MOST_PLACES: usize = 20_000;

/// A secret that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The record that tells it; `None` in what belongs to no record.
    pub record: Option<RecordId>,
    /// The rules that found it.
    pub group: Group,
    /// Which of [`Plan::place`].
    pub place: u32,
    /// Its first wire byte, where it lies on the wire.
    pub wire: Option<u64>,
    /// How many bytes it has.
    pub len: u64,
    /// Its first bytes, where it is long enough for these to give nothing away; else zeros.
    pub first: [u8; 2],
}

/// How much was found by a group of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many secrets.
    pub found: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// What will be changed in a recording.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) scanner: Scanner,
    pub(super) lanes: Lanes,
    pub(super) found: Vec<Found>,
    pub(super) places: Vec<String>,
    pub(super) place_index: HashMap<String, u32>,
    pub(super) counts: [Count; Group::ALL.len()],
    pub(super) said: Said,
    /// How many events it was made for.
    pub(super) events: u64,
}

/// What is to say of a plan beside what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Compressed bodies, and messages or bodies that were not looked into, that go as a whole.
    pub unread: u64,
    /// The same, where they stay because their group is off.
    pub unread_kept: u64,
    /// Messages that go as a whole because a byte of a secret in them has no stand-in.
    pub no_code: u64,
    /// Secrets whose value is too common or too much to be looked for elsewhere.
    pub not_sought: u64,
    /// Bytes of compressed messages that go back to the same bytes as a secret and went with it.
    pub went_along: u64,
    /// Texts that should be JSON and cannot be read as such, where there are JSONPaths.
    pub beyond_paths: u64,
    /// Records whose bytes are not to be had.
    pub missing: u64,
}

impl Plan {
    /// The rules that it was made by.
    pub fn rules(&self) -> &Rules {
        &self.scanner.rules
    }

    /// What was found, in the order of the recording; the first [`MOST_LISTED`].
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// Where a secret stands: a header's name, a parameter, a path.
    pub fn place(&self, found: &Found) -> &str {
        self.places.get(found.place as usize).map_or("", String::as_str)
    }

    /// How a secret is shown: its first characters, where it is long, and marks.
    pub fn preview(&self, found: &Found) -> String {
        let first: String =
            found.first.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
        let marks = (found.len as usize).saturating_sub(first.len()).min(8);
        first + &"*".repeat(marks)
    }

    /// How much a group of rules found.
    pub fn count(&self, group: Group) -> Count {
        self.counts[group as usize]
    }

    /// How much was found in all.
    pub fn total(&self) -> Count {
        let add = |sum: Count, one: &Count| Count { found: sum.found + one.found, bytes: sum.bytes + one.bytes };
        self.counts.iter().fold(Count::default(), add)
    }

    /// How many events of the recording it covers. Later ones are not to be kept.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What was found, in one line: `12 secrets: 3 credentials, 9 cookies`.
    pub fn summary(&self) -> String {
        let total = self.total().found;
        if total == 0 {
            return "no secrets were found".to_owned();
        }
        let parts = Group::ALL.iter().filter(|group| self.count(**group).found > 0);
        let parts: Vec<String> = parts.map(|group| format!("{} {}", self.count(*group).found, group.name())).collect();
        let plural = if total == 1 { "secret" } else { "secrets" };
        format!("{total} {plural} replaced: {}", parts.join(", "))
    }

    /// What else is to say, in sentences, each with its count.
    pub fn remarks(&self) -> Vec<String> {
        let said = &self.said;
        let mut out = Vec::new();
        let mut say = |count: u64, text: String| {
            if count > 0 {
                out.push(text)
            }
        };
        let of = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        say(
            said.unread,
            format!(
                "{} could not be looked into (compressed otherwise, too long, or broken), and all of their bytes were replaced",
                of(said.unread, "message or body", "messages and bodies")
            ),
        );
        say(
            said.unread_kept,
            format!(
                "{} could not be looked into and stayed as they are: they may hold secrets",
                of(said.unread_kept, "message or body", "messages and bodies")
            ),
        );
        say(
            said.no_code,
            format!(
                "{} replaced as a whole, because no other byte has a code of the same length",
                of(said.no_code, "compressed message was", "compressed messages were")
            ),
        );
        say(
            said.went_along,
            format!(
                "{} of compressed messages went along, because they are copies of the same bytes",
                of(said.went_along, "further byte", "further bytes")
            ),
        );
        say(
            said.not_sought,
            format!("{} were too many to be looked for in other places, too", of(said.not_sought, "value", "values")),
        );
        say(
            said.beyond_paths,
            format!(
                "{} no JSON that can be read, and your JSONPaths were not looked for there",
                of(
                    said.beyond_paths,
                    "message or body that begins like JSON is",
                    "messages and bodies that begin like JSON are"
                )
            ),
        );
        say(
            said.missing,
            format!("{} missing from the recording", of(said.missing, "record's bytes are", "records' bytes are")),
        );
        let unlisted = self.total().found.saturating_sub(self.found.len() as u64);
        say(unlisted, format!("{unlisted} more are not listed one by one"));
        out
    }

    /// A text that goes beside the recording, such as a remark or a title, with its secrets replaced.
    pub fn text(&self, text: &str) -> String {
        self.scanner.masked(text)
    }

    /// A connection with its secrets replaced.
    pub fn connection(&self, info: ConnectionInfo) -> ConnectionInfo {
        ConnectionInfo { spec: self.text(&info.spec), label: self.text(&info.label), ..info }
    }

    /// The event that has this number in its recording, with its secrets replaced.
    pub fn event(&self, seq: u64, mut event: Event) -> Event {
        if let What::Bytes(_, bytes) = &mut event.what {
            if let Some(changed) = self.lanes.changed(seq, bytes) {
                *bytes = Bytes::from(changed);
            }
            return event;
        }
        for text in fact_texts(&mut event.what) {
            let masked = self.text(text);
            if masked != *text {
                *text = masked;
            }
        }
        event
    }

    /// Entry after entry of the recording, in order, with its secrets replaced.
    pub fn applying(&self) -> Applying<'_> {
        Applying { plan: self, seq: 0 }
    }

    /// An archive of the same recording whose bytes come out changed.
    pub fn over(plan: &Arc<Plan>, archive: Box<dyn Archive>) -> Box<dyn Archive> {
        Box::new(Changed { plan: plan.clone(), archive })
    }

    pub(super) fn place_number(&mut self, place: &str) -> u32 {
        if let Some(number) = self.place_index.get(place) {
            return *number;
        }
        let place = if self.places.len() >= MOST_PLACES { "elsewhere" } else { place };
        if let Some(number) = self.place_index.get(place) {
            return *number;
        }
        let number = self.places.len() as u32;
        self.places.push(place.to_owned());
        self.place_index.insert(place.to_owned(), number);
        number
    }
}

/// The texts of a fact that may name what is secret.
pub(super) fn fact_texts(what: &mut What) -> Vec<&mut String> {
    match what {
        What::Opening(opening) => {
            let via = opening.via.as_mut().map(|via| [&mut via.proxy, &mut via.target]);
            [&mut opening.purpose].into_iter().chain(via.into_iter().flatten()).collect()
        }
        What::Tunnelled(tunnelled) => vec![&mut tunnelled.proxy, &mut tunnelled.target],
        What::Challenged(challenge) => vec![&mut challenge.realm],
        What::Failed(failure) => vec![&mut failure.text, &mut failure.hint],
        What::Closed(closed) => vec![&mut closed.text],
        What::Client(act) => vec![&mut act.text],
        _ => Vec::new(),
    }
}

/// A plan on its way through a recording.
pub struct Applying<'p> {
    plan: &'p Plan,
    seq: u64,
}

impl Applying<'_> {
    /// The next entry, with its secrets replaced; `None` where it came after the plan was made.
    pub fn take(&mut self, entry: Entry) -> Option<Entry> {
        match entry {
            Entry::Connection(info) => Some(Entry::Connection(self.plan.connection(info))),
            Entry::Event(event) => {
                let seq = self.seq;
                self.seq += 1;
                (seq < self.plan.events).then(|| Entry::Event(self.plan.event(seq, event)))
            }
        }
    }
}

struct Changed {
    plan: Arc<Plan>,
    archive: Box<dyn Archive>,
}

impl Archive for Changed {
    fn fetch(&self, seq: u64) -> Option<Vec<(u64, Bytes)>> {
        let mut row = self.archive.fetch(seq)?;
        for (seq, bytes) in &mut row {
            if let Some(changed) = self.plan.lanes.changed(*seq, bytes) {
                *bytes = Bytes::from(changed);
            }
        }
        Some(row)
    }
}
