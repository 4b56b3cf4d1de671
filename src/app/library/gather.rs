//! Looking at the recordings of a folder beside the window: which there are, what they say of themselves, and what reading
//! them counts. Newest first, one after the other, and stopped at any time.

use super::super::Job;
use super::Entry;
use super::facts::{self, COUNTED_BYTES, Facts, State};
use super::index::Index;
use crate::session::file::{glance, list_recordings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The window is told so often.
const PERIOD: Duration = Duration::from_millis(150);

/// The index is written so often.
const SAVE_PERIOD: Duration = Duration::from_secs(10);

/// What is told while a folder is looked at.
pub(in crate::app) enum Gathered {
    /// The recordings that there are, with what was known already, and the number of the look.
    Listed(u64, Result<Vec<Entry>, String>),
    /// What was learned of some.
    Learned(Vec<(PathBuf, Facts)>),
    /// All was looked at, or it was stopped.
    Done {
        /// Whether it was the first look since the start.
        is_first: bool,
        /// Whether it was a quick look beside another one.
        is_beside: bool,
    },
}

/// What is wanted.
pub(super) struct Wanted {
    pub folder: PathBuf,
    /// What is known in this program, which may be more than the index has.
    pub known: Arc<Vec<Entry>>,
    /// Whether recordings are read to count, too.
    pub counts: bool,
    /// How many looks there were before.
    pub number: u64,
    /// Whether another look is under way, which takes its time.
    pub is_beside: bool,
}

/// Looks at a folder.
pub(super) fn gather(wanted: Wanted, job: &Job, tell: &dyn Fn(Gathered)) {
    let Wanted { folder, known, counts, number, is_beside } = wanted;
    let is_first = number == 0;
    let mut index = Index::load(&folder);
    for entry in known.iter() {
        if let Some(facts) = entry.facts() {
            index.put(&entry.file_name(), entry.size_bytes, entry.modified, facts);
        }
    }
    drop(known);
    let mut entries: Vec<Entry> = match list_recordings(&folder) {
        Ok(files) => files.into_iter().map(Entry::new).collect(),
        Err(error) => {
            tell(Gathered::Listed(number, Err(error.to_string())));
            return tell(Gathered::Done { is_first, is_beside });
        }
    };
    for entry in &mut entries {
        if let Some(facts) = index.get(&entry.file_name(), entry.size_bytes, entry.modified) {
            entry.know(facts.clone());
        }
    }
    tell(Gathered::Listed(number, Ok(entries.clone())));
    let mut teller = Teller { tell, told: Instant::now(), waiting: Vec::new() };
    for entry in entries.iter_mut().filter(|entry| entry.facts().is_none()) {
        if job.is_stopped() {
            break;
        }
        let facts = Facts::from(glance(&entry.path));
        entry.know(facts.clone());
        teller.learned(entry.path.clone(), facts);
    }
    teller.flush();
    if counts {
        count_all(&folder, &mut entries, job, &mut teller);
    }
    teller.flush();
    tell(Gathered::Done { is_first, is_beside });
}

/// Reads the recordings that were not counted yet, and keeps the index.
fn count_all(folder: &Path, entries: &mut [Entry], job: &Job, teller: &mut Teller) {
    let is_wanted = |entry: &Entry| {
        let facts = entry.facts();
        let is_open = |facts: &Facts| !matches!(facts.state, State::Recording | State::Unreadable(_));
        facts.is_some_and(|facts| facts.counts.is_none() && is_open(facts)) && entry.size_bytes <= COUNTED_BYTES
    };
    let total = entries.iter().filter(|entry| is_wanted(entry)).count() as u64;
    let (mut done, mut saved) = (0, Instant::now());
    for at in 0..entries.len() {
        if !is_wanted(&entries[at]) {
            continue;
        }
        if !job.report(done, total) {
            break;
        }
        done += 1;
        let counts = facts::count(&entries[at].path, job);
        let (Some(counts), Some(facts)) = (counts, entries[at].facts()) else { continue };
        let facts = Facts { counts: Some(counts), ..facts.clone() };
        entries[at].know(facts.clone());
        teller.learned(entries[at].path.clone(), facts);
        if saved.elapsed() >= SAVE_PERIOD {
            saved = Instant::now();
            index_of(entries).save(folder);
        }
    }
    index_of(entries).save(folder);
}

/// Only of files that are there: what is gone is forgotten.
fn index_of(entries: &[Entry]) -> Index {
    let mut index = Index::default();
    for entry in entries {
        if let Some(facts) = entry.facts() {
            index.put(&entry.file_name(), entry.size_bytes, entry.modified, facts);
        }
    }
    index
}

/// Tells the window now and then, not of each.
struct Teller<'a> {
    tell: &'a dyn Fn(Gathered),
    told: Instant,
    waiting: Vec<(PathBuf, Facts)>,
}

impl Teller<'_> {
    fn learned(&mut self, path: PathBuf, facts: Facts) {
        self.waiting.push((path, facts));
        if self.told.elapsed() >= PERIOD {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.told = Instant::now();
        if !self.waiting.is_empty() {
            (self.tell)(Gathered::Learned(std::mem::take(&mut self.waiting)));
        }
    }
}
