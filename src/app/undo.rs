//! Undoing what was done last: a change of a remark, or a deletion. And what the trash has from earlier runs.

use super::engine::Reply;
use super::library::Changed;
use super::trash::{self, Deleted};
use super::{App, Command, RemarkAct, View};
use std::path::PathBuf;
use std::time::SystemTime;

impl App {
    /// Whether the last thing that can be undone is a remark of the recording in sight, rather than a deletion of this run.
    fn is_remark_last(&self) -> Option<bool> {
        let view = self.state.view().filter(|_| !self.state.library.is_shown);
        let remark = view.and_then(View::remarked_at);
        let deleted = self.state.deleted.last().and_then(|deleted| deleted.at);
        (remark.is_some() || deleted.is_some()).then(|| remark > deleted)
    }

    pub(super) fn undo(&mut self) {
        match self.is_remark_last() {
            Some(true) => self.apply(Command::Remark(RemarkAct::Undo)),
            _ => self.undo_deletion(),
        }
    }

    /// Why nothing can be undone.
    pub(super) fn undo_objection(&self) -> Option<String> {
        self.is_remark_last().is_none().then(|| match self.state.deleted.is_empty() {
            true => "nothing was deleted, and no remark was changed".to_owned(),
            false => {
                format!("nothing was deleted since the start; {} has what was before", Command::UndoDelete.label())
            }
        })
    }

    /// Looks into a folder's trash: what is old is taken away for good, the rest can be had back.
    pub(super) fn look_into_trash(&self, folder: PathBuf) {
        self.engine.beside(move || {
            trash::purge(&folder, SystemTime::now());
            Reply::Trash(trash::earlier(&folder))
        });
    }

    /// Puts back what was deleted last.
    pub(super) fn undo_deletion(&mut self) {
        if let Some(deleted) = self.state.deleted.pop() {
            self.state.messages.retain(|message| !message.commands.contains(&Command::UndoDelete));
            self.engine.beside(move || {
                let result = trash::restore(&deleted);
                Reply::Changed(Changed::Restored { deleted, result })
            });
        }
    }

    /// Keeps a deletion so that it can be undone, and says so.
    pub(super) fn was_deleted(&mut self, deleted: Deleted, what: &str) {
        let text = format!("{what} {}. It lies in .trash for {} days", deleted.name, trash::TRASH_DAYS);
        self.know_deleted(vec![deleted]);
        self.state.messages.retain(|message| !message.commands.contains(&Command::UndoDelete));
        self.offer(text, vec![Command::UndoDelete]);
    }

    /// Knows of deletions, the last one last.
    pub(super) fn know_deleted(&mut self, more: Vec<Deleted>) {
        let deleted = &mut self.state.deleted;
        let is_known = |new: &Deleted| deleted.iter().any(|known| known.is(new));
        let more: Vec<Deleted> = more.into_iter().filter(|new| !is_known(new)).collect();
        deleted.extend(more);
        deleted.sort_by_key(|deleted| (deleted.at, deleted.at_ms()));
        let surplus = deleted.len().saturating_sub(trash::MOST_UNDONE);
        deleted.drain(..surplus);
    }
}
