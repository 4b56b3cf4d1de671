//! Looking at the recordings of a folder beside the window: which there are, what they say of themselves, and what reading
//! them counts. Newest first, one after the other, and stopped at any time.

use super::super::{Job, trash};
use super::Entry;
use super::facts::{self, COUNTED_BYTES, Facts, State};
use super::index::Index;
use crate::session::file::{glance, list_recordings};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The window is told so often.
const PERIOD: Duration = Duration::from_millis(150);

/// The index is written so often.
const SAVE_PERIOD: Duration = Duration::from_secs(10);

/// What is told while a folder is looked at.
pub(in crate::app) enum Gathered {
    /// The recordings that there are, with what was known already.
    Listed(Result<Vec<Entry>, String>),
    /// What was learned of some.
    Learned(Vec<(PathBuf, Facts)>),
    /// All was looked at, or it was stopped.
    Done { is_first: bool },
}

/// What is wanted.
pub(super) struct Wanted {
    pub folder: PathBuf,
    /// What is known in this program, which may be more than the index has.
    pub known: Vec<Entry>,
    /// Whether recordings are read to count, too.
    pub counts: bool,
    /// Whether it is the first look since the start.
    pub is_first: bool,
}

/// Looks at a folder.
pub(super) fn gather(wanted: Wanted, job: &Job, tell: &dyn Fn(Gathered)) {
    let Wanted { folder, known, counts, is_first } = wanted;
    if is_first {
        trash::purge(&folder, SystemTime::now());
    }
    let mut index = Index::load(&folder);
    for entry in known {
        if let Some(facts) = &entry.facts {
            index.put(&entry.file_name(), entry.size_bytes, entry.modified, facts);
        }
    }
    let mut entries: Vec<Entry> = match list_recordings(&folder) {
        Ok(files) => files.into_iter().map(Entry::new).collect(),
        Err(error) => {
            tell(Gathered::Listed(Err(error.to_string())));
            return tell(Gathered::Done { is_first });
        }
    };
    for entry in &mut entries {
        entry.facts = index.get(&entry.file_name(), entry.size_bytes, entry.modified).cloned();
    }
    tell(Gathered::Listed(Ok(entries.clone())));
    let mut teller = Teller { tell, told: Instant::now(), waiting: Vec::new() };
    for entry in entries.iter_mut().filter(|entry| entry.facts.is_none()) {
        if job.is_stopped() {
            break;
        }
        let facts = Facts::from(glance(&entry.path));
        entry.facts = Some(facts.clone());
        teller.learned(entry.path.clone(), facts);
    }
    teller.flush();
    if counts {
        count_all(&folder, &mut entries, job, &mut teller);
    }
    teller.flush();
    tell(Gathered::Done { is_first });
}

/// Reads the recordings that were not counted yet, and keeps the index.
fn count_all(folder: &Path, entries: &mut [Entry], job: &Job, teller: &mut Teller) {
    let is_wanted = |entry: &Entry| {
        let facts = entry.facts.as_ref();
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
        let (Some(counts), Some(facts)) = (counts, &mut entries[at].facts) else { continue };
        facts.counts = Some(counts);
        let facts = facts.clone();
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
        if let Some(facts) = &entry.facts {
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
