//! Finding the next or previous row that matches, without narrowing the timeline. A search goes stretch by stretch, each
//! frame a little, so that ten million rows and a dear filter leave the window free.

use super::List;
use super::list::FilterMistake;
use crate::session::filter::{Filter, Shape};
use crate::session::{RecordId, Session};
use std::time::Instant;

/// Records that are looked at between two looks at the clock, and how many bytes of them at most.
const STRETCH: usize = 1 << 12;
const STRETCH_BYTES: u64 = 512 << 10;

/// What came of looking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// Nothing was looked for yet.
    #[default]
    Nothing,
    /// A row, which is selected.
    Row {
        /// Whether the search went on at the other end.
        wrapped: bool,
    },
    /// No row matches.
    None,
    /// It was stopped.
    Stopped,
}

/// The find bar of a recording.
#[derive(Default)]
pub struct Find {
    /// Whether the bar is shown.
    pub is_open: bool,
    /// What is looked for, in the language of filters.
    pub text: String,
    /// What is wrong with it.
    pub mistake: Option<FilterMistake>,
    /// What came of it.
    pub found: Found,
    filter: Option<Filter>,
    search: Option<Search>,
    /// Where the selection was when the text began to change: typing more looks from there again.
    origin: Option<RecordId>,
}

/// A search under way.
#[derive(Clone, Copy, Debug)]
struct Search {
    is_forward: bool,
    /// The next record to look at going forward, one past it going back.
    at: RecordId,
    /// Where it began: reached again, there is nothing.
    from: RecordId,
    wrapped: bool,
    looked: usize,
}

impl Find {
    /// Records looked at, and in all, while it goes on.
    pub fn progress(&self, session: &Session) -> Option<(usize, usize)> {
        self.search.map(|search| (search.looked, session.records().len()))
    }

    /// Whether it goes on.
    pub fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    pub(super) fn open(&mut self, selected: Option<RecordId>) {
        self.is_open = true;
        self.origin = selected;
    }

    pub(super) fn close(&mut self) {
        self.is_open = false;
        self.search = None;
        self.found = Found::Nothing;
    }

    pub(super) fn stop(&mut self) {
        if self.search.take().is_some() {
            self.found = Found::Stopped;
        }
    }

    /// Looks for another text, from where the selection was when typing began.
    pub(super) fn set_text(&mut self, text: String) {
        self.search = None;
        self.found = Found::Nothing;
        (self.filter, self.mistake) = match Filter::parse(text.trim()) {
            Ok(filter) => ((!filter.is_everything()).then_some(filter), None),
            Err(error) => {
                let skipped = text.len() - text.trim_start().len();
                (None, Some(FilterMistake { at: error.at + skipped, text: error.text }))
            }
        };
        self.text = text;
        if self.filter.is_some() {
            let from = self.origin.unwrap_or(0);
            self.search = Some(Search { is_forward: true, at: from, from, wrapped: false, looked: 0 });
        }
    }

    /// Looks for the next match behind the selection, or the one before it.
    pub(super) fn go(&mut self, is_forward: bool, selected: Option<RecordId>, session: &Session) {
        if self.filter.is_none() {
            return;
        }
        let end = session.records().len();
        let at = match (is_forward, selected) {
            (true, at) => at.map_or(0, |at| at + 1),
            (false, at) => at.unwrap_or(end),
        };
        self.found = Found::Nothing;
        self.search = Some(Search { is_forward, at, from: at, wrapped: false, looked: 0 });
    }

    /// Looks on until `deadline`; the record that was found. Only records that are rows count.
    pub(super) fn advance(&mut self, session: &Session, list: &List, deadline: Instant) -> Option<RecordId> {
        loop {
            let (search, filter) = (self.search.as_mut()?, self.filter.as_ref()?);
            let Some(stretch) = search.next_stretch(session) else {
                self.search = None;
                self.found = Found::None;
                return None;
            };
            search.looked += stretch.len();
            let wrapped = search.wrapped;
            let records = session.records().range(stretch.clone());
            let may_match = |shape: Shape| filter.of_shape(shape) != Some(false);
            let candidates: Vec<RecordId> = stretch
                .zip(records)
                .filter(|(_, record)| may_match(Shape { kind: record.kind, dir: record.dir, worst: record.worst }))
                .map(|(id, _)| id)
                .filter(|id| list.row_of(*id).is_ok())
                .collect();
            let matching = filter.select(session, &candidates);
            let found = if search.is_forward { matching.first() } else { matching.last() };
            if let Some(found) = found {
                self.found = Found::Row { wrapped };
                self.search = None;
                return Some(*found);
            }
            if Instant::now() >= deadline {
                return None;
            }
        }
    }

    /// Where the next change of the text looks from.
    pub(super) fn set_origin(&mut self, origin: Option<RecordId>) {
        self.origin = origin;
    }
}

impl Search {
    /// The next records to look at, oldest first; `None` once it has come round.
    fn next_stretch(&mut self, session: &Session) -> Option<std::ops::Range<RecordId>> {
        let records = session.records();
        let len = |bytes: &mut u64, len: u64| {
            *bytes += len;
            *bytes <= STRETCH_BYTES
        };
        if self.is_forward {
            if self.at >= records.len() && !self.wrapped {
                (self.at, self.wrapped) = (0, true);
            }
            let end = if self.wrapped { self.from.min(records.len()) } else { records.len() };
            let (start, end) = (self.at, end.min(self.at + STRETCH));
            let mut bytes = 0;
            let fits = records.range(start..end.max(start)).take_while(|record| len(&mut bytes, record.len)).count();
            self.at = (start + fits.max(1)).min(end);
            return (start < end).then_some(start..self.at);
        }
        if self.at == 0 && !self.wrapped {
            (self.at, self.wrapped) = (records.len(), true);
        }
        let start = if self.wrapped { self.from } else { 0 };
        let (start, end) = (start.max(self.at.saturating_sub(STRETCH)), self.at);
        let mut bytes = 0;
        let fits = records.range(start..end.max(start)).rev().take_while(|record| len(&mut bytes, record.len)).count();
        self.at = end.saturating_sub(fits.max(1)).max(start);
        (start < end).then_some(self.at..end)
    }
}
