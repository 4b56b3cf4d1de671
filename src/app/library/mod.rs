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
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long until those that others write are looked at again, at first and at last.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(64)];

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
    facts: Option<Facts>,
    /// What it is filtered by: name, addresses and tags.
    haystack: String,
}

impl Entry {
    fn new(file: Recording) -> Entry {
        let Recording { name, path, size_bytes, modified } = file;
        let haystack = name.to_lowercase();
        Entry { name, path, size_bytes, modified, facts: None, haystack }
    }

    /// What is known of it, once it was looked at.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref()
    }

    fn know(&mut self, facts: Facts) {
        let more = facts.addresses.iter().chain(&facts.tags);
        self.haystack = more.fold(self.name.clone(), |text, more| text + "\n" + more).to_lowercase();
        self.facts = Some(facts);
    }

    fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// When it began, in nanoseconds since 1970; where that is not known, when it was written to last.
    pub fn time_unix_ns(&self) -> i64 {
        let modified = self.modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos() as i64);
        self.facts().map(|facts| facts.started_unix_ns).filter(|ns| *ns != 0).unwrap_or(modified)
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
    /// Every recording of the folder, the newest first.
    pub entries: Arc<Vec<Entry>>,
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
    /// Whether there is a quick look beside it, and to be another one after that.
    has_beside: bool,
    wants_beside: bool,
    /// How many looks were begun, and the last of which the list is.
    looks: u64,
    listed: Option<u64>,
    /// Recordings that others write, as far as was seen: how they end is looked at again, ever more seldom.
    watched: HashSet<PathBuf>,
    again: Option<Instant>,
    again_after: Duration,
    /// Whether recordings were ever asked to be read and counted.
    wants_counts: bool,
    /// Whether the user wants nothing more read for now.
    is_stopped: bool,
}

impl Library {
    pub(super) fn new() -> Library {
        Library { sort: (LibraryColumn::Time, true), again_after: AGAIN_AFTER[0], ..Library::default() }
    }

    /// The place of a recording among the entries.
    fn place(&self, path: &Path) -> Option<usize> {
        // Letter by letter: what is listed was not typed, and there may be ten thousand.
        self.entries.iter().position(|entry| entry.path.as_os_str() == path.as_os_str())
    }

    /// A recording by its file.
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        self.entries.get(self.place(path)?)
    }

    /// The selected recording, where it is listed.
    pub fn selected_entry(&self) -> Option<&Entry> {
        self.entry(self.selected.as_deref()?)
    }

    /// The row of the selected recording.
    pub fn selected_row(&self) -> Option<usize> {
        let selected = self.place(self.selected.as_deref()?)?;
        self.rows.iter().position(|at| *at == selected)
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
        let fits = |entry: &Entry| words.iter().all(|word| entry.haystack.contains(word));
        let (column, is_falling) = self.sort;
        let keyed = self.entries.iter().enumerate().filter(|(_, entry)| fits(entry));
        let mut keyed: Vec<(Key<'_>, i64, &str, usize)> =
            keyed.map(|(at, entry)| (column.key(entry), entry.time_unix_ns(), entry.name.as_str(), at)).collect();
        keyed.sort_by(|a, b| {
            let order = a.0.cmp(&b.0);
            let order = if is_falling { order.reverse() } else { order };
            // The newest first among equals, then by name, so that nothing moves by chance.
            order.then(b.1.cmp(&a.1)).then_with(|| a.2.cmp(b.2))
        });
        self.rows = keyed.into_iter().map(|(.., at)| at).collect();
    }

    fn learn(&mut self, learned: Vec<(PathBuf, Facts)>) {
        let entries = Arc::make_mut(&mut self.entries);
        let places: HashMap<&OsStr, usize> =
            entries.iter().enumerate().map(|(at, entry)| (entry.path.as_os_str(), at)).collect();
        let learned: Vec<(Option<usize>, Facts)> =
            learned.into_iter().map(|(path, facts)| (places.get(path.as_os_str()).copied(), facts)).collect();
        for (at, facts) in learned {
            let Some(entry) = at.and_then(|at| entries.get_mut(at)) else { continue };
            // A glance of later is newer than what was counted meanwhile, but for the counts.
            match &mut entry.facts {
                Some(known) if facts.counts.is_some() => known.counts = facts.counts,
                _ => entry.know(facts),
            }
        }
        self.arrange();
    }
}

/// What recordings are sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'e> {
    Text(String),
    Texts(Option<&'e [String]>),
    Number(Option<i128>),
}

impl LibraryColumn {
    fn key(self, entry: &Entry) -> Key<'_> {
        let facts = entry.facts();
        let count = |of: fn(&Counts) -> u64| facts.and_then(|facts| facts.counts.as_ref()).map(of).map(i128::from);
        match self {
            LibraryColumn::Name => Key::Text(entry.name.to_lowercase()),
            LibraryColumn::Address => Key::Texts(facts.map(|facts| facts.addresses.as_slice())),
            LibraryColumn::Time => Key::Number(Some(entry.time_unix_ns().into())),
            LibraryColumn::Length => Key::Number(facts.map(|facts| facts.length_ns.into())),
            LibraryColumn::Size => Key::Number(Some(entry.size_bytes.into())),
            LibraryColumn::Messages => Key::Number(count(|counts| counts.messages)),
            LibraryColumn::Findings => Key::Number(count(|counts| counts.findings)),
            LibraryColumn::Tags => Key::Texts(facts.map(|facts| facts.tags.as_slice())),
        }
    }
}

impl App {
    /// Looks at the folder of recordings beside the window. Where that is under way, a quick look beside it finds what is
    /// new, and after it there is another one.
    pub(super) fn gather(&mut self) {
        let Ok(folder) = self.folder.clone() else { return };
        let library = &mut self.state.library;
        let is_beside = library.gathering.is_some();
        library.is_stale |= is_beside;
        // One beside it at a time, however often this is asked for.
        if is_beside && std::mem::replace(&mut library.has_beside, true) {
            library.wants_beside = true;
            return;
        }
        let job = Job::new("Counting what is in the recordings");
        let counts = library.wants_counts && !library.is_stopped && !is_beside;
        let (known, number) = (library.entries.clone(), library.looks);
        library.looks += 1;
        let (teller, working) = (self.engine.teller(), job.clone());
        let wanted = Wanted { folder, known, counts, number, is_beside };
        let work = move || gather::gather(wanted, &working, &|news| teller(Reply::Gathered(news)));
        match std::thread::Builder::new().name("pushscope-library".into()).spawn(work) {
            Ok(_) if is_beside => {}
            Ok(_) => self.state.library.gathering = Some(job),
            Err(error) => {
                self.state.library.has_beside &= !is_beside;
                self.complain(format!("the folder of recordings cannot be looked at: {error}"));
            }
        }
    }

    pub(super) fn take_gathered(&mut self, news: Gathered) {
        let library = &mut self.state.library;
        match news {
            Gathered::Listed(number, _) if library.listed.is_some_and(|listed| listed > number) => {}
            Gathered::Listed(number, Ok(entries)) => {
                (library.entries, library.trouble, library.listed) = (Arc::new(entries), None, Some(number));
                library.arrange();
            }
            Gathered::Listed(_, Err(why)) => library.trouble = Some(why),
            Gathered::Learned(learned) => library.learn(learned),
            Gathered::Done { is_first, is_beside } => {
                self.offer_cut_off(is_first);
                self.watch();
                let library = &mut self.state.library;
                let is_wanted = if is_beside {
                    library.has_beside = false;
                    std::mem::take(&mut library.wants_beside) && library.gathering.is_some()
                } else {
                    library.gathering = None;
                    std::mem::take(&mut library.is_stale)
                };
                if is_wanted {
                    self.gather();
                }
            }
        }
    }

    /// Plans another look where others write recordings. The program that wrote one may be on its way out just now: who
    /// starts this one again at once after a crash is to hear of it.
    fn watch(&mut self) {
        let own: Vec<PathBuf> =
            self.state.views.iter().filter(|view| view.is_growing()).filter_map(View::path).collect();
        let library = &mut self.state.library;
        let is_written = |entry: &&Entry| entry.facts().is_some_and(|facts| facts.state == RecordingState::Recording);
        let written = library.entries.iter().filter(is_written).map(|entry| &entry.path);
        library.watched = written.filter(|path| !own.contains(path)).cloned().collect();
        library.again = (!library.watched.is_empty()).then(|| Instant::now() + library.again_after);
        let [shortest, longest] = AGAIN_AFTER;
        let is_calm = library.watched.is_empty();
        library.again_after = if is_calm { shortest } else { (2 * library.again_after).min(longest) };
    }

    /// Looks again where it is time to; when it will be.
    pub(super) fn look_again(&mut self, now: Instant) -> Option<Duration> {
        let again = self.state.library.again?;
        if again <= now {
            self.state.library.again = None;
            self.gather();
        }
        self.state.library.again.map(|again| again.saturating_duration_since(now))
    }

    /// Offers the recordings that were cut off, until the user opens one or wants to hear no more of it: at the start all of
    /// them, later those that were written until now.
    fn offer_cut_off(&mut self, is_first: bool) {
        // Of one without events there is nothing to be had.
        let is_cut_off = |entry: &&Entry| {
            let is_offered = |facts: &Facts| facts.state == RecordingState::CutOff && facts.events > 0;
            entry.facts().is_some_and(|facts| is_offered(facts) && !facts.is_put_away)
        };
        let open: Vec<PathBuf> = self.state.views.iter().filter_map(View::path).collect();
        let library = &self.state.library;
        let is_news = |entry: &&Entry| is_first || library.watched.contains(&entry.path);
        let cut_off = library.entries.iter().filter(is_cut_off).filter(is_news);
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
            let events = entry.facts().map_or(0, |facts| facts.events);
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
