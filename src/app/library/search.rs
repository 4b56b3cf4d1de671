//! One filter over many recordings: each is read as it would be opened, and its matching records are told line by line.

use super::super::{Group as Kinds, Job};
use crate::session::file::{FileError, Opened};
use crate::session::filter::{Filter, Shape};
use crate::session::{Kind, Record, RecordId, Session, Severity, Store, one_line};
use crate::wire::Dir;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// Bytes of a file that are taken at a time.
const BATCH_BYTES: usize = 1 << 20;

/// Lines that are kept of one recording, and of all; what is beyond is counted.
const LINES_A_RECORDING: usize = 1000;
const LINES: usize = 100_000;

/// Bytes of a line.
const LINE_BYTES: usize = 400;

/// The window is told so often.
const PERIOD: Duration = Duration::from_millis(150);

/// A record that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the recording.
    pub record: RecordId,
    /// When it was complete, in nanoseconds since the recording began.
    pub at_ns: u64,
    /// What it is.
    pub kind: &'static str,
    /// What it says.
    pub text: String,
}

/// A recording in which something matches, or which could not be looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The recording.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// How many records match.
    pub found: u64,
    /// The first of them.
    pub lines: Vec<Line>,
    /// What could not be looked through, and why.
    pub trouble: Option<String>,
}

/// A row of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultRow<'a> {
    /// A recording, under which its lines stand.
    Group(&'a Group),
    /// A record.
    Line(&'a Group, &'a Line),
}

/// A search over recordings.
#[derive(Default)]
pub struct Search {
    /// The filter as it is typed.
    pub text: String,
    /// What is wrong with it.
    pub mistake: Option<String>,
    /// The filter that was searched for; `None` where nobody searched, or the results were put away.
    pub asked: Option<String>,
    /// The results, recording by recording.
    pub groups: Vec<Group>,
    /// The row of each group.
    starts: Vec<usize>,
    /// How many recordings were looked through, and how many there are to be.
    pub progress: (usize, usize),
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
    pub(super) job: Option<Job>,
    pub(super) number: u64,
}

impl Search {
    /// Whether it is under way.
    pub fn is_running(&self) -> bool {
        self.job.is_some()
    }

    /// How many rows the results have.
    pub fn len(&self) -> usize {
        self.starts.last().map_or(0, |start| start + 1 + self.groups.last().map_or(0, |group| group.lines.len()))
    }

    /// Whether there are no results.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many records match.
    pub fn found(&self) -> u64 {
        self.groups.iter().map(|group| group.found).sum()
    }

    /// A row of the results.
    pub fn row(&self, row: usize) -> Option<ResultRow<'_>> {
        let at = self.starts.partition_point(|start| *start <= row).checked_sub(1)?;
        let group = self.groups.get(at)?;
        match (row - self.starts[at]).checked_sub(1) {
            None => Some(ResultRow::Group(group)),
            Some(line) => Some(ResultRow::Line(group, group.lines.get(line)?)),
        }
    }

    pub(super) fn take(&mut self, found: Found) {
        match found {
            Found::Group(group, done) => {
                self.progress.0 = done;
                if group.found > 0 || group.trouble.is_some() {
                    self.starts.push(self.len());
                    self.groups.push(group);
                }
            }
            Found::Progress(done) => self.progress.0 = done,
            Found::Done { is_stopped } => (self.is_stopped, self.job) = (is_stopped, None),
        }
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.starts.clear();
        (self.asked, self.is_stopped, self.progress) = (None, false, (0, 0));
    }
}

/// What a search tells.
pub(in crate::app) enum Found {
    /// A recording was looked through, as the so many-eth.
    Group(Group, usize),
    /// So many were.
    Progress(usize),
    /// All were, or it was stopped.
    Done { is_stopped: bool },
}

/// Looks through recordings, one after the other.
pub(super) fn search(filter: &Filter, recordings: &[(PathBuf, String)], job: &Job, tell: &dyn Fn(Found)) {
    let (mut left, mut told) = (LINES, Instant::now());
    for (at, (path, name)) in recordings.iter().enumerate() {
        if !job.report(at as u64, recordings.len() as u64) {
            break;
        }
        let mut group = Group { path: path.clone(), name: name.clone(), ..Group::default() };
        if let Err(error) = look_through(filter, path, &mut group, left.min(LINES_A_RECORDING), job) {
            group.trouble = Some(error.to_string());
        }
        left -= group.lines.len();
        if group.found > 0 || group.trouble.is_some() {
            tell(Found::Group(group, at + 1));
        } else if told.elapsed() >= PERIOD {
            told = Instant::now();
            tell(Found::Progress(at + 1));
        }
    }
    if !job.is_stopped() {
        tell(Found::Progress(recordings.len()));
    }
    tell(Found::Done { is_stopped: job.is_stopped() });
}

fn look_through(filter: &Filter, path: &Path, group: &mut Group, most: usize, job: &Job) -> Result<(), FileError> {
    let mut opened = Opened::open(path)?;
    let store = Store::archived(opened.archive()?, Arc::new(AtomicU64::new(u64::MAX)));
    let mut session = Session::new(store, opened.started_unix_ns());
    let mut damage = None;
    let has_layers = names_layers(filter);
    // What is written while it is looked through would have no end where it comes fast.
    let (_, end) = opened.progress();
    while !job.is_stopped() {
        let first = session.records().len();
        match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => break,
            Ok(entries) => entries.into_iter().for_each(|entry| _ = session.take(entry)),
            // What lies behind damage is looked through all the same.
            Err(error) => _ = damage.get_or_insert(error),
        }
        let is_shown =
            |record: &Record| has_layers || Kinds::of(record) != Kinds::Layers || record.worst >= Severity::Warning;
        let ids: Vec<RecordId> =
            (first..session.records().len()).filter(|id| is_shown(&session.records()[*id])).collect();
        for stretch in ids.chunks(512) {
            if job.is_stopped() {
                break;
            }
            for record in filter.select(&session, stretch) {
                group.found += 1;
                if group.lines.len() < most {
                    group.lines.push(line(&session, record));
                }
            }
        }
        session.forget_told();
        if opened.progress().0 > end {
            break;
        }
    }
    damage.map_or(Ok(()), Err)
}

/// Whether a filter matches nothing but what lies below the messages: frames, chunks, bodies. They are told of only then, as
/// the timeline has it at first; else each message would be found twice.
fn names_layers(filter: &Filter) -> bool {
    let is_below = |kind: Kind| matches!(kind, Kind::WsFrame | Kind::HttpChunk | Kind::HttpBody);
    let may = |kind: Kind| {
        let worst = [Severity::None, Severity::Info, Severity::Warning, Severity::Error];
        let shapes = [Dir::In, Dir::Out].into_iter().flat_map(|dir| worst.map(|worst| Shape { kind, dir, worst }));
        shapes.into_iter().any(|shape| filter.of_shape(shape) != Some(false))
    };
    !Kind::ALL.into_iter().any(|kind| !is_below(kind) && may(kind))
}

fn line(session: &Session, record: RecordId) -> Line {
    let mut text = one_line(&session.summary(record));
    text.truncate(text.floor_char_boundary(LINE_BYTES));
    Line { record, at_ns: session.at_ns(record), kind: session.records()[record].kind.name(), text }
}
