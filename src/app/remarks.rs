//! Bookmarks, colours and remarks: put on records by hand, kept in the recording's file as soon as they are made.
//!
//! The file is written beside the window, one batch after the other in the order of the changes. Where it cannot be
//! written, what was said stays with the recording for as long as it is open, and the window says so.

use super::engine::Reply;
use super::{App, Command, Pane, Shortcut, View, ViewId, Wish};
use crate::session::file::{RemarkChange, write_remarks};
use crate::session::{Mark, RecordId, Remark, StoredRemark};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the end of the program waits for remarks that are being written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Changes that can be undone.
const MOST_UNDONE: usize = 100;

/// The keys of the marks, in their order.
const KEYS: [&str; Mark::ALL.len()] = ["1", "2", "3", "4", "5", "6"];

/// Bytes of a remark's words: as many as are read again.
const LONGEST_BYTES: usize = crate::session::file::REMARK_BYTES;

/// Something to do with remarks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemarkAct {
    /// Bookmark the selected record, or take its bookmark away.
    Toggle,
    /// Write a remark on the selected record.
    Edit,
    /// Write no further.
    EndEdit,
    /// This is what is said of a record.
    Say(RecordId, String),
    /// Mark the selected record with a colour.
    Mark(Mark),
    /// Take the remark on a record away.
    Delete(RecordId),
    /// Undo the last change of a remark.
    Undo,
    /// Select the next record with a remark (`true`) or the one before.
    Go(bool),
}

impl RemarkAct {
    /// Those that stand in the menu.
    pub fn all() -> Vec<RemarkAct> {
        let hands = [RemarkAct::Toggle, RemarkAct::Edit, RemarkAct::Go(true), RemarkAct::Go(false), RemarkAct::Undo];
        hands.into_iter().chain(Mark::ALL.map(RemarkAct::Mark)).collect()
    }

    /// What it is called.
    pub fn label(&self) -> String {
        let fixed = match self {
            RemarkAct::Toggle => "Bookmark this record, or take its bookmark away",
            RemarkAct::Edit => "Write a remark on this record",
            RemarkAct::EndEdit => "Write no further",
            RemarkAct::Say(..) => "Change a remark",
            RemarkAct::Mark(Mark::Plain) => "Mark without a colour",
            RemarkAct::Mark(mark) => return format!("Mark {}", mark.name()),
            RemarkAct::Delete(id) => return format!("Delete the remark on #{}", id + 1),
            RemarkAct::Undo => "Undo the last change of a remark",
            RemarkAct::Go(true) => "Next remark",
            RemarkAct::Go(false) => "Previous remark",
        };
        fixed.to_owned()
    }

    /// The key that does it.
    pub fn shortcut(&self) -> Option<Shortcut> {
        let (shift, key) = match self {
            RemarkAct::Toggle => (false, "B"),
            RemarkAct::Edit => (false, "M"),
            RemarkAct::Go(true) => (true, "N"),
            RemarkAct::Go(false) => (true, "P"),
            RemarkAct::Mark(mark) => (false, KEYS[*mark as usize]),
            _ => return None,
        };
        Some(Shortcut { command: false, shift, key })
    }
}

/// What a view knows of its remarks besides what they are.
#[derive(Debug, Default)]
pub struct Remarking {
    /// The record whose remark is being written.
    pub editing: Option<RecordId>,
    /// Why they are kept for this session only, where they are.
    pub unsaved: Option<String>,
    undo: VecDeque<(Instant, RecordId, Option<Remark>)>,
}

impl Remarking {
    /// Whether there is a change to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }
}

/// Changes on their way into files.
#[derive(Debug, Default)]
pub(super) struct ToWrite {
    waiting: VecDeque<(PathBuf, RemarkChange)>,
    is_writing: bool,
}

impl View {
    /// What is said of the selected record, if anything is.
    pub fn selected_remark(&self) -> Option<&Remark> {
        self.session.remarks().get(self.selected?)
    }

    /// When a remark was changed last that can be undone.
    pub(super) fn remarked_at(&self) -> Option<Instant> {
        self.remarking.undo.back().map(|(at, ..)| *at)
    }

    /// Puts a remark on a record, or takes it away; the changes that the file needs.
    fn change_remark(&mut self, id: RecordId, remark: Option<Remark>, is_undo: bool) -> Vec<RemarkChange> {
        let remarks = self.session.remarks();
        if remarks.get(id) == remark.as_ref() || id >= self.session.records().len() {
            return Vec::new();
        }
        // A damaged file has it under another number.
        let stored_as = remarks.stored_as(id);
        let mut changes = Vec::new();
        if stored_as != id {
            changes.push(RemarkChange::Remove(stored_as));
            self.session.remark_was_stored(id);
        }
        changes.push(match remark.clone() {
            Some(remark) => {
                let place = self.session.remark_place(id);
                RemarkChange::Put(StoredRemark { remark: Remark { record: id, ..remark }, place })
            }
            None => RemarkChange::Remove(id),
        });
        let before = self.session.set_remark(id, remark);
        if !is_undo {
            self.remarking.undo.push_back((Instant::now(), id, before));
            if self.remarking.undo.len() > MOST_UNDONE {
                self.remarking.undo.pop_front();
            }
        }
        self.list.remarks_changed();
        changes
    }

    /// The remark on a record, changed so.
    fn remark_with(&self, id: RecordId, change: impl FnOnce(&mut Remark)) -> Remark {
        let there = self.session.remarks().get(id).cloned();
        let mut remark = there.unwrap_or(Remark { record: id, text: String::new(), mark: Mark::Plain });
        change(&mut remark);
        remark
    }

    fn remark_beside(&self, is_forward: bool) -> Option<RecordId> {
        let remarks = self.session.remarks();
        let found = match (is_forward, self.selected) {
            (true, Some(id)) => remarks.after(id),
            (true, None) => remarks.iter().next(),
            (false, Some(id)) => remarks.before(id),
            (false, None) => remarks.iter().next_back(),
        };
        found.map(|remark| remark.record).filter(|id| self.is_there(*id))
    }
}

impl App {
    pub(super) fn remark(&mut self, act: RemarkAct) {
        let Some(view) = self.state.view_mut() else { return };
        let selected = view.selected;
        let changes = match (act, selected) {
            (RemarkAct::Toggle, Some(id)) => {
                let is_there = view.session.remarks().get(id).is_some();
                let remark = (!is_there).then(|| view.remark_with(id, |_| {}));
                view.change_remark(id, remark, false)
            }
            (RemarkAct::Mark(mark), Some(id)) => {
                let remark = view.remark_with(id, |remark| remark.mark = mark);
                view.change_remark(id, Some(remark), false)
            }
            (RemarkAct::Edit, Some(id)) => {
                view.remarking.editing = Some(id);
                // The list of remarks has a place to write in, too.
                if self.state.pane != Pane::Remarks {
                    self.state.pane = Pane::Record;
                }
                self.state.details = true;
                self.wishes.push(Wish::FocusRemark);
                return;
            }
            (RemarkAct::EndEdit, _) => {
                view.remarking.editing = None;
                return;
            }
            (RemarkAct::Say(id, text), _) => {
                view.remarking.editing = view.remarking.editing.filter(|editing| *editing != id);
                let mut text = text.trim().to_owned();
                let is_cut = text.len() > LONGEST_BYTES;
                text.truncate(text.floor_char_boundary(LONGEST_BYTES));
                if text.is_empty() && view.session.remarks().get(id).is_none() {
                    return;
                }
                let remark = view.remark_with(id, |remark| remark.text = text);
                let changes = view.change_remark(id, Some(remark), false);
                if is_cut {
                    self.complain(format!("the remark was cut after {} KiB: more is not kept", LONGEST_BYTES >> 10));
                }
                changes
            }
            (RemarkAct::Delete(id), _) => {
                view.remarking.editing = None;
                view.change_remark(id, None, false)
            }
            (RemarkAct::Undo, _) => {
                let Some((_, id, before)) = view.remarking.undo.pop_back() else { return };
                view.list.set_follow(false);
                view.select(Some(id));
                self.wishes.push(Wish::Reveal);
                view.change_remark(id, before, true)
            }
            (RemarkAct::Go(is_forward), _) => return self.go_to_remark(is_forward),
            (_, None) => return,
        };
        self.write_changes(changes);
    }

    fn go_to_remark(&mut self, is_forward: bool) {
        let Some(view) = self.state.view_mut() else { return };
        match view.remark_beside(is_forward) {
            Some(id) => {
                view.list.set_follow(false);
                view.select(Some(id));
                self.wishes.push(Wish::Reveal);
            }
            None => self.say("No further remark in this direction"),
        }
    }

    /// Sends changes of the active recording's remarks on their way into its file.
    fn write_changes(&mut self, changes: Vec<RemarkChange>) {
        let Some(view) = self.state.view_mut().filter(|_| !changes.is_empty()) else { return };
        match view.path() {
            Some(path) => {
                self.remarks.waiting.extend(changes.into_iter().map(|change| (path.clone(), change)));
                self.write_remarks_on();
            }
            None if view.remarking.unsaved.is_none() => {
                let why = "this recording is in no file".to_owned();
                self.say(format!("Remarks are kept while this recording is open: {why}"));
                if let Some(view) = self.state.view_mut() {
                    view.remarking.unsaved = Some(why);
                }
            }
            None => {}
        }
    }

    /// Begins to write what waits, one file at a time.
    fn write_remarks_on(&mut self) {
        if self.remarks.is_writing {
            return;
        }
        let Some((path, changes)) = self.remarks.next_batch() else { return };
        self.remarks.is_writing = true;
        self.engine.beside(move || {
            let result = write_remarks(&path, &changes).map_err(|error| error.to_string());
            Reply::Remarked { path, result }
        });
    }

    pub(super) fn take_remarked(&mut self, path: PathBuf, result: Result<(), String>) {
        self.remarks.is_writing = false;
        let mut is_new = false;
        for view in self.state.views.iter_mut().filter(|view| view.path().as_deref() == Some(path.as_path())) {
            is_new |= result.is_err() && view.remarking.unsaved.is_none();
            view.remarking.unsaved = result.as_ref().err().cloned();
        }
        if let Err(why) = result
            && is_new
        {
            self.complain(format!("{why}. The remark is kept while this recording is open, and lost then."));
        }
        self.write_remarks_on();
    }

    /// Writes at once what still waits: nobody will come back to it. What is being written goes first.
    pub(super) fn write_remarks_now(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.remarks.is_writing && Instant::now() < deadline {
            match self.engine.next_reply() {
                Some(Reply::Remarked { .. }) => self.remarks.is_writing = false,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        while let Some((path, changes)) = self.remarks.next_batch() {
            if let Err(why) = write_remarks(&path, &changes) {
                self.complain(why.to_string());
            }
        }
    }

    /// Puts remarks that were read on records that were read meanwhile.
    pub(super) fn place_remarks(&mut self) {
        let mut said = Vec::new();
        for view in &mut self.state.views {
            let before = (view.session.remarks().changes(), view.session.remarks().lost());
            view.session.place_remarks(!view.grows());
            let remarks = view.session.remarks();
            if remarks.lost() != before.1 {
                said.extend(remarks.lost_notice().map(|notice| format!("{}: {notice}", view.title)));
            }
            if remarks.changes() != before.0 {
                view.list.remarks_changed();
            }
        }
        said.into_iter().for_each(|text| self.complain(text));
    }

    /// Why a command about remarks cannot be done.
    pub(super) fn remark_objection(&self, act: &RemarkAct) -> Option<String> {
        let need = |has: bool, why: &str| (!has).then(|| why.to_owned());
        let Some(view) = self.state.view() else { return Some("no recording is open".to_owned()) };
        match act {
            RemarkAct::Toggle | RemarkAct::Edit | RemarkAct::Mark(_) => {
                need(view.selected.is_some(), "no record is selected")
            }
            RemarkAct::Delete(id) => need(view.session.remarks().get(*id).is_some(), "there is no remark on it"),
            RemarkAct::Undo => need(view.remarking.can_undo(), "no remark was changed"),
            RemarkAct::Go(_) => need(!view.session.remarks().is_empty(), "there are no remarks: B bookmarks a record"),
            RemarkAct::Say(..) | RemarkAct::EndEdit => None,
        }
    }

    /// Remarks of a view, as a list that a test or an export may take.
    pub fn remarks_of(&self, id: ViewId) -> Vec<Remark> {
        let view = self.state.views.iter().find(|view| view.id == id);
        view.map_or_else(Vec::new, |view| view.session.remarks().iter().cloned().collect())
    }
}

impl ToWrite {
    /// The changes of one file, in their order.
    fn next_batch(&mut self) -> Option<(PathBuf, Vec<RemarkChange>)> {
        let (path, _) = self.waiting.front()?;
        let path = path.clone();
        let count = self.waiting.iter().take_while(|(other, _)| *other == path).count();
        let changes = self.waiting.drain(..count).map(|(_, change)| change).collect();
        Some((path, changes))
    }
}

impl From<RemarkAct> for Command {
    fn from(act: RemarkAct) -> Command {
        Command::Remark(act)
    }
}
