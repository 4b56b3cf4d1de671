//! The library: every recording of the folder in one list, what is known of each, and one search over all of them.
//!
//! Nothing here reads a recording on the window's thread. What is known is gathered beside it ([`gather`]), kept in an
//! index that may be thrown away ([`index`]), and shown as it comes.

mod change;
mod command;
mod facts;
mod gather;
mod index;
mod search;

pub use command::{LibraryColumn, LibraryCommand};
pub use facts::{COUNTED_BYTES, Counts, Facts, State as RecordingState};
pub use search::{Group as FoundIn, Line as FoundLine, ResultRow, Search};

pub(super) use change::Changed;
pub(super) use gather::Gathered;
pub(super) use search::Found;

use super::engine::Reply;
use super::{App, Command, Job, View, Wish};
use crate::session::RecordId;
use crate::session::file::Recording;
use gather::Wanted;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Recordings that were cut off are offered one by one up to so many.
const OFFERED: usize = 2;

/// A recording in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written to last, where the file system says so.
    pub modified: Option<SystemTime>,
    /// What is known of it, once it was looked at.
    pub facts: Option<Facts>,
}

impl Entry {
    fn new(file: Recording) -> Entry {
        Entry { name: file.name, path: file.path, size_bytes: file.size_bytes, modified: file.modified, facts: None }
    }

    fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// When it began, in nanoseconds since 1970; where that is not known, when it was written to last.
    pub fn time_unix_ns(&self) -> i64 {
        let modified = self.modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos() as i64);
        self.facts.as_ref().map(|facts| facts.started_unix_ns).filter(|ns| *ns != 0).unwrap_or(modified)
    }

    /// What it is filtered by.
    fn haystack(&self) -> String {
        let facts = self.facts.as_ref();
        let more = facts.iter().flat_map(|facts| facts.addresses.iter().chain(&facts.tags));
        more.fold(self.name.clone(), |text, more| format!("{text}\n{more}")).to_lowercase()
    }
}

/// What of a recording is being changed in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editing {
    /// The recording.
    pub path: PathBuf,
    /// Its name, or (`true`) its tags.
    pub is_tags: bool,
    /// As typed.
    pub text: String,
}

/// The list of recordings, and what is done with them.
#[derive(Default)]
pub struct Library {
    /// Whether the list takes the place of the timeline.
    pub is_shown: bool,
    /// Every recording of the folder.
    pub entries: Vec<Entry>,
    /// Those that are listed, in order, by their numbers among the entries.
    pub rows: Vec<usize>,
    /// What is typed to narrow the list.
    pub filter: String,
    /// The column by which it is sorted, and whether the largest comes first.
    pub sort: (LibraryColumn, bool),
    /// The selected recording.
    pub selected: Option<PathBuf>,
    /// What is being changed.
    pub editing: Option<Editing>,
    /// The search over all of them.
    pub search: Search,
    /// Why the folder cannot be listed.
    pub trouble: Option<String>,
    /// The look at the folder that is under way.
    pub(super) gathering: Option<Job>,
    /// Whether the folder is to be looked at once more after that.
    is_stale: bool,
    /// Whether recordings were ever asked to be read and counted.
    wants_counts: bool,
    /// Whether the user wants nothing more read for now.
    is_stopped: bool,
}

impl Library {
    pub(super) fn new() -> Library {
        Library { sort: (LibraryColumn::Time, true), ..Library::default() }
    }

    /// A recording by its file.
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// The selected recording, where it is listed.
    pub fn selected_entry(&self) -> Option<&Entry> {
        self.entry(self.selected.as_deref()?)
    }

    /// The row of the selected recording.
    pub fn selected_row(&self) -> Option<usize> {
        let selected = self.selected.as_deref()?;
        self.rows.iter().position(|at| self.entries[*at].path == selected)
    }

    /// How far reading and counting is, while it is under way.
    pub fn counting(&self) -> Option<f32> {
        self.gathering.as_ref().map(|job| job.fraction().unwrap_or(0.0))
    }

    /// Bytes of all recordings.
    pub fn size_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size_bytes).sum()
    }

    /// Finds the rows anew.
    fn arrange(&mut self) {
        let words: Vec<String> = self.filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let fits = |entry: &Entry| {
            let haystack = entry.haystack();
            words.iter().all(|word| haystack.contains(word))
        };
        let mut rows: Vec<usize> = match words.is_empty() {
            true => (0..self.entries.len()).collect(),
            false => (0..self.entries.len()).filter(|at| fits(&self.entries[*at])).collect(),
        };
        let (column, is_falling) = self.sort;
        let entries = &self.entries;
        rows.sort_by(|a, b| {
            let (a, b) = (&entries[*a], &entries[*b]);
            let order = column.compare(a, b);
            let order = if is_falling { order.reverse() } else { order };
            // The newest first among equals, then by name, so that nothing moves by chance.
            order.then(b.time_unix_ns().cmp(&a.time_unix_ns())).then_with(|| a.name.cmp(&b.name))
        });
        self.rows = rows;
    }

    fn learn(&mut self, learned: Vec<(PathBuf, Facts)>) {
        let places: HashMap<PathBuf, usize> =
            self.entries.iter().enumerate().map(|(at, entry)| (entry.path.clone(), at)).collect();
        for (path, facts) in learned {
            if let Some(at) = places.get(&path) {
                self.entries[*at].facts = Some(facts);
            }
        }
        self.arrange();
    }
}

impl LibraryColumn {
    fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        fn fact<T>(entry: &Entry, of: impl Fn(&Facts) -> T) -> Option<T> {
            entry.facts.as_ref().map(of)
        }
        let count =
            |entry: &Entry, of: fn(&Counts) -> u64| fact(entry, |facts| facts.counts.as_ref().map(of)).flatten();
        match self {
            LibraryColumn::Name => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
            LibraryColumn::Address => {
                fact(a, |facts| facts.addresses.clone()).cmp(&fact(b, |facts| facts.addresses.clone()))
            }
            LibraryColumn::Time => a.time_unix_ns().cmp(&b.time_unix_ns()),
            LibraryColumn::Length => fact(a, |facts| facts.length_ns).cmp(&fact(b, |facts| facts.length_ns)),
            LibraryColumn::Size => a.size_bytes.cmp(&b.size_bytes),
            LibraryColumn::Messages => count(a, |counts| counts.messages).cmp(&count(b, |counts| counts.messages)),
            LibraryColumn::Findings => count(a, |counts| counts.findings).cmp(&count(b, |counts| counts.findings)),
            LibraryColumn::Tags => fact(a, |facts| facts.tags.clone()).cmp(&fact(b, |facts| facts.tags.clone())),
        }
    }
}

impl App {
    /// Looks at the folder of recordings beside the window; where that is under way, once more after it.
    pub(super) fn gather(&mut self, is_first: bool) {
        let Ok(folder) = self.folder.clone() else { return };
        let library = &mut self.state.library;
        if library.gathering.is_some() {
            library.is_stale = true;
            return;
        }
        let job = Job::new("Counting what is in the recordings");
        let (known, counts) = (library.entries.clone(), library.wants_counts && !library.is_stopped);
        let (teller, working) = (self.engine.teller(), job.clone());
        let wanted = Wanted { folder, known, counts, is_first };
        let work = move || gather::gather(wanted, &working, &|news| teller(Reply::Gathered(news)));
        match std::thread::Builder::new().name("pushscope-library".into()).spawn(work) {
            Ok(_) => self.state.library.gathering = Some(job),
            Err(error) => self.complain(format!("the folder of recordings cannot be looked at: {error}")),
        }
    }

    pub(super) fn take_gathered(&mut self, news: Gathered) {
        let library = &mut self.state.library;
        match news {
            Gathered::Listed(Ok(entries)) => {
                (library.entries, library.trouble) = (entries, None);
                library.arrange();
            }
            Gathered::Listed(Err(why)) => library.trouble = Some(why),
            Gathered::Learned(learned) => library.learn(learned),
            Gathered::Done { is_first } => {
                library.gathering = None;
                if is_first {
                    self.offer_cut_off();
                }
                if std::mem::take(&mut self.state.library.is_stale) {
                    self.gather(false);
                }
            }
        }
    }

    /// Offers the recordings that were cut off, until the user opens one or wants to hear no more of it.
    fn offer_cut_off(&mut self) {
        let is_cut_off = |entry: &&Entry| {
            entry.facts.as_ref().is_some_and(|facts| facts.state == RecordingState::CutOff && !facts.is_put_away)
        };
        let open: Vec<PathBuf> = self.state.views.iter().filter_map(View::path).collect();
        let cut_off = self.state.library.entries.iter().filter(is_cut_off);
        let cut_off: Vec<Entry> = cut_off.filter(|entry| !open.contains(&entry.path)).cloned().collect();
        let why = "the program or the machine ended while it was recorded";
        if cut_off.len() > OFFERED {
            let (count, newest) = (cut_off.len(), cut_off[0].name.clone());
            let paths = cut_off.into_iter().map(|entry| entry.path).collect();
            let commands =
                vec![Command::Library(LibraryCommand::ShowCutOff), Command::Library(LibraryCommand::PutAway(paths))];
            let text = format!("{count} recordings were cut off, the newest of them {newest}: {why}");
            return self.offer(text, commands);
        }
        for entry in cut_off {
            let events = entry.facts.as_ref().map_or(0, |facts| facts.events);
            let commands = vec![
                Command::Library(LibraryCommand::OpenCutOff(entry.path.clone())),
                Command::Library(LibraryCommand::PutAway(vec![entry.path])),
            ];
            self.offer(format!("{} was cut off: {why}. {events} events of it were kept", entry.name), commands);
        }
    }

    /// Begins to look through the recordings that are listed.
    fn search_all(&mut self) {
        self.stop_searching();
        let search = &mut self.state.library.search;
        let text = search.text.trim().to_owned();
        if text.is_empty() {
            search.clear();
            self.wishes.push(Wish::FocusSearch);
            return;
        }
        let filter = match crate::session::filter::Filter::parse(&text) {
            Ok(filter) => filter,
            Err(error) => {
                search.mistake = Some(format!("at character {}: {}", error.at + 1, error.text));
                return;
            }
        };
        search.clear();
        search.number += 1;
        let library = &self.state.library;
        let listed = library.rows.iter().map(|at| &library.entries[*at]);
        let recordings: Vec<(PathBuf, String)> = listed.map(|entry| (entry.path.clone(), entry.name.clone())).collect();
        let job = Job::new("Searching the recordings");
        let search = &mut self.state.library.search;
        (search.asked, search.mistake, search.progress) = (Some(text), None, (0, recordings.len()));
        let (teller, working, number) = (self.engine.teller(), job.clone(), search.number);
        let work = move || search::search(&filter, &recordings, &working, &|news| teller(Reply::Found(number, news)));
        match std::thread::Builder::new().name("pushscope-search".into()).spawn(work) {
            Ok(_) => search.job = Some(job),
            Err(error) => self.complain(format!("the recordings cannot be searched: {error}")),
        }
    }

    fn stop_searching(&mut self) {
        let search = &mut self.state.library.search;
        if let Some(job) = search.job.take() {
            job.stop();
            search.is_stopped = true;
        }
    }

    pub(super) fn take_found(&mut self, number: u64, found: Found) {
        let search = &mut self.state.library.search;
        if search.number == number {
            search.take(found);
        }
    }

    /// Opens a recording and selects a record of it once that is read.
    fn open_at(&mut self, path: PathBuf, record: RecordId) {
        self.open(path.clone());
        if let Some(view) = self.state.view_mut().filter(|view| view.path().as_ref() == Some(&path)) {
            view.wanted = Some(super::link::Place::Record(record));
        }
    }

    /// Leaves the list for a timeline.
    pub(super) fn leave_library(&mut self) {
        self.state.library.is_shown = false;
        self.state.library.editing = None;
    }

    /// Stops what is under way, at the end of the program.
    pub(super) fn stop_library(&mut self) {
        self.stop_searching();
        if let Some(job) = &self.state.library.gathering {
            job.stop();
        }
    }
}
