//! What can be done in the library.

use super::super::{App, Command, Move, Wish};
use super::{Editing, RecordingState};
use std::path::PathBuf;

/// A column of the list of recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LibraryColumn {
    /// What it is called.
    Name,
    /// What was connected to.
    Address,
    /// When it began.
    #[default]
    Time,
    /// How long it is.
    Length,
    /// The size of its file.
    Size,
    /// Messages and events in it.
    Messages,
    /// Findings in it.
    Findings,
    /// Its tags.
    Tags,
}

impl LibraryColumn {
    /// Every column, from left to right.
    pub const ALL: [LibraryColumn; 8] = [
        LibraryColumn::Name,
        LibraryColumn::Address,
        LibraryColumn::Time,
        LibraryColumn::Length,
        LibraryColumn::Size,
        LibraryColumn::Messages,
        LibraryColumn::Findings,
        LibraryColumn::Tags,
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            LibraryColumn::Name => "name",
            LibraryColumn::Address => "address",
            LibraryColumn::Time => "time",
            LibraryColumn::Length => "length",
            LibraryColumn::Size => "size",
            LibraryColumn::Messages => "messages",
            LibraryColumn::Findings => "findings",
            LibraryColumn::Tags => "tags",
        }
    }

    /// Whether numbers stand in it, the largest of which come first when it is sorted by.
    pub fn is_number(self) -> bool {
        !matches!(self, LibraryColumn::Name | LibraryColumn::Address | LibraryColumn::Tags)
    }
}

/// Something to do in the library.
#[derive(Clone, Debug, PartialEq)]
pub enum LibraryCommand {
    /// Show the list of recordings, or what was there before.
    Toggle,
    /// List the recordings that were cut off.
    ShowCutOff,
    /// Narrow the list to those with these words in name, address or tags.
    Filter(String),
    /// Sort by this column; asked for again, the other way round.
    Sort(LibraryColumn),
    /// Select a recording.
    Select(PathBuf),
    /// Open the selected recording.
    Open,
    /// Begin to change the selected recording's name.
    Rename,
    /// Begin to change its tags.
    EditTags,
    /// Change what is typed for it.
    SetEdit(String),
    /// Take what is typed.
    ConfirmEdit,
    /// Leave it as it was.
    CancelEdit,
    /// Give a recording another name.
    RenameTo(PathBuf, String),
    /// Give a recording other tags.
    SetTags(PathBuf, Vec<String>),
    /// Move the selected recording into the trash.
    Delete,
    /// Change the filter that all recordings are searched for.
    SetSearch(String),
    /// Search all recordings that are listed.
    Search,
    /// Search no further.
    StopSearch,
    /// Put the results of the search away.
    CloseSearch,
    /// Open a recording at a record.
    OpenAt(PathBuf, usize),
    /// Read no further recordings to count what is in them (`true`), or go on.
    StopCounting(bool),
    /// Look at the folder again.
    Refresh,
    /// Open a recording that was cut off; it is not offered again.
    OpenCutOff(PathBuf),
    /// Offer these recordings that were cut off no more.
    PutAway(Vec<PathBuf>),
}

impl LibraryCommand {
    /// Those that stand in a menu.
    pub const MENU: [LibraryCommand; 6] = [
        LibraryCommand::Toggle,
        LibraryCommand::Search,
        LibraryCommand::Rename,
        LibraryCommand::EditTags,
        LibraryCommand::Delete,
        LibraryCommand::Refresh,
    ];

    /// What it is called.
    pub fn label(&self) -> String {
        let fixed = match self {
            LibraryCommand::Toggle => "Library of recordings",
            LibraryCommand::ShowCutOff => "Show them",
            LibraryCommand::Filter(_) => "Narrow the list of recordings",
            LibraryCommand::Sort(column) => return format!("Sort recordings by {}", column.label()),
            LibraryCommand::Select(_) => "Select a recording",
            LibraryCommand::Open => "Open the selected recording",
            LibraryCommand::Rename => "Rename the selected recording",
            LibraryCommand::EditTags => "Tag the selected recording",
            LibraryCommand::SetEdit(_) => "Change what is typed",
            LibraryCommand::ConfirmEdit => "Take what is typed",
            LibraryCommand::CancelEdit => "Leave it as it was",
            LibraryCommand::RenameTo(path, name) => return format!("Rename {} to {name}", path.display()),
            LibraryCommand::SetTags(path, _) => return format!("Tag {}", path.display()),
            LibraryCommand::Delete => "Delete the selected recording",
            LibraryCommand::SetSearch(_) => "Change what is searched for",
            LibraryCommand::Search => "Search all recordings",
            LibraryCommand::StopSearch => "Search no further recordings",
            LibraryCommand::CloseSearch => "Put the results away",
            LibraryCommand::OpenAt(path, record) => return format!("Open {} at record {}", path.display(), record + 1),
            LibraryCommand::StopCounting(true) => "Read no further recordings",
            LibraryCommand::StopCounting(false) => "Count what is in the other recordings, too",
            LibraryCommand::Refresh => "Look at the folder of recordings again",
            LibraryCommand::OpenCutOff(_) => "Open it",
            LibraryCommand::PutAway(_) => "Do not offer again",
        };
        fixed.to_owned()
    }
}

impl App {
    /// Why nothing can be done with the library now.
    pub(in crate::app) fn library_objection(&self, command: &LibraryCommand) -> Option<String> {
        let library = &self.state.library;
        let need = |has: bool, why: &str| (!has).then(|| why.to_owned());
        match command {
            LibraryCommand::Toggle | LibraryCommand::Search | LibraryCommand::Refresh => self.folder.clone().err(),
            LibraryCommand::Open | LibraryCommand::Rename | LibraryCommand::EditTags => {
                need(library.selected_entry().is_some(), "no recording is selected in the library")
            }
            LibraryCommand::Delete => match library.selected_entry() {
                None => Some("no recording is selected in the library".to_owned()),
                Some(entry) => {
                    let is_open = entry.facts().is_some_and(|facts| facts.state == RecordingState::Recording);
                    let is_live = self.state.live().and_then(|view| view.path()).as_ref() == Some(&entry.path);
                    need(!is_open && !is_live, "it is being recorded: end the recording first")
                }
            },
            LibraryCommand::StopSearch => need(library.search.is_running(), "nothing is being searched"),
            _ => None,
        }
    }

    pub(in crate::app) fn apply_library(&mut self, command: LibraryCommand) {
        let library = &mut self.state.library;
        match command {
            LibraryCommand::Toggle if library.is_shown => self.leave_library(),
            LibraryCommand::Toggle => self.show_library(),
            LibraryCommand::ShowCutOff => {
                self.show_library();
                let library = &mut self.state.library;
                library.filter.clear();
                library.sort = (LibraryColumn::Time, true);
                library.arrange();
            }
            LibraryCommand::Filter(text) => {
                library.filter = text;
                library.arrange();
            }
            LibraryCommand::Sort(column) => {
                let is_again = library.sort.0 == column;
                library.sort = (column, if is_again { !library.sort.1 } else { column.is_number() });
                library.arrange();
            }
            LibraryCommand::Select(path) => library.selected = Some(path),
            LibraryCommand::Open => {
                if let Some(path) = library.selected.clone() {
                    self.apply(Command::OpenPath(path));
                }
            }
            LibraryCommand::Rename | LibraryCommand::EditTags => {
                let is_tags = command == LibraryCommand::EditTags;
                let Some(entry) = library.selected_entry() else { return };
                let tags = || entry.facts().map_or_else(String::new, |facts| facts.tags.join(", "));
                let text = if is_tags { tags() } else { entry.name.clone() };
                library.editing = Some(Editing { path: entry.path.clone(), is_tags, text });
                self.show_library();
                self.wishes.push(Wish::FocusEdit);
            }
            LibraryCommand::SetEdit(text) => {
                if let Some(editing) = &mut library.editing {
                    editing.text = text;
                }
            }
            LibraryCommand::ConfirmEdit => match library.editing.take() {
                Some(Editing { path, is_tags: false, text }) => self.rename_recording(path, &text),
                Some(Editing { path, text, .. }) => {
                    self.tag_recording(path, text.split(',').map(|tag| tag.trim().to_owned()).collect());
                }
                None => {}
            },
            LibraryCommand::CancelEdit => library.editing = None,
            LibraryCommand::RenameTo(path, name) => self.rename_recording(path, &name),
            LibraryCommand::SetTags(path, tags) => self.tag_recording(path, tags),
            LibraryCommand::Delete => {
                if let Some(path) = library.selected.clone() {
                    self.delete_recording(path);
                }
            }
            LibraryCommand::SetSearch(text) => {
                (library.search.text, library.search.mistake) = (text, None);
            }
            LibraryCommand::Search => {
                self.show_library();
                self.search_all();
            }
            LibraryCommand::StopSearch => self.stop_searching(),
            LibraryCommand::CloseSearch => {
                self.stop_searching();
                self.state.library.search.clear();
            }
            LibraryCommand::OpenAt(path, record) => self.open_at(path, record),
            LibraryCommand::StopCounting(is_stopped) => {
                library.is_stopped = is_stopped;
                match &library.gathering {
                    Some(job) if is_stopped => job.stop(),
                    _ => self.gather(),
                }
            }
            LibraryCommand::Refresh => {
                library.is_stopped = false;
                self.apply(Command::RefreshSaved);
            }
            LibraryCommand::OpenCutOff(path) => {
                self.open(path.clone());
                self.put_away(vec![path]);
            }
            LibraryCommand::PutAway(paths) => self.put_away(paths),
        }
    }

    fn show_library(&mut self) {
        let library = &mut self.state.library;
        if !std::mem::replace(&mut library.is_shown, true) {
            library.wants_counts = true;
            self.gather();
        }
    }

    /// Moves the selection of the list, where it is shown.
    pub(in crate::app) fn move_in_library(&mut self, to: Move) {
        let library = &mut self.state.library;
        let Some(last) = library.rows.len().checked_sub(1) else { return };
        let row = match (to, library.selected_row()) {
            (Move::First, _) => 0,
            (Move::Last, _) => last,
            (Move::By(_), None) => 0,
            (Move::By(by), Some(at)) => at.saturating_add_signed(by as isize).min(last),
            (Move::NextNote | Move::PreviousNote, _) => return,
        };
        library.selected = library.rows.get(row).map(|at| library.entries[*at].path.clone());
        self.wishes.push(Wish::Reveal);
    }
}
