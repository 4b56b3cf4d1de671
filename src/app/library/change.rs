//! Renaming, tagging and deleting recordings: beside the window, for a disk may take its time.

use super::super::engine::Reply;
use super::super::trash::{self, Deleted};
use super::super::{App, Command, Source, View};
use super::Facts;
use crate::session::file::{Ending, glance, put_away, rename, set_tags};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a name.
const NAME_BYTES: usize = 180;

/// What became of a change.
pub(in crate::app) enum Changed {
    /// A recording has another name.
    Renamed { from: PathBuf, to: PathBuf, result: Result<(), String> },
    /// A recording has other tags.
    Tagged { path: PathBuf, tags: Vec<String>, result: Result<(), String> },
    /// A recording is in the trash.
    Deleted { path: PathBuf, result: Result<Deleted, String> },
    /// What was deleted is there again.
    Restored { deleted: Deleted, result: Result<(), String> },
    /// Recordings that were cut off are not offered again; those for which that could not be noted.
    PutAway(Vec<String>),
}

/// The file of a recording's new name, or what is wrong with the name.
fn renamed(path: &Path, name: &str) -> Result<PathBuf, String> {
    let name = name.trim().trim_end_matches(".pushscope").trim();
    let is_plain =
        |char: char| !char.is_control() && !matches!(char, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    match () {
        () if name.is_empty() => Err("a recording needs a name".to_owned()),
        () if name.starts_with('.') => Err("a name that begins with a dot would hide the recording".to_owned()),
        () if !name.chars().all(is_plain) => {
            Err(format!("{name:?} is no name for a file: / \\ : * ? \" < > | cannot be in it"))
        }
        () if name.len() > NAME_BYTES => Err(format!("the name is longer than {NAME_BYTES} bytes")),
        () => Ok(path.with_file_name(format!("{name}.pushscope"))),
    }
}

impl App {
    pub(super) fn rename_recording(&mut self, from: PathBuf, name: &str) {
        let to = match renamed(&from, name) {
            Ok(to) if to == from => return,
            Ok(to) => to,
            Err(why) => return self.complain(why),
        };
        let mut growing = self.state.views.iter().filter(|view| view.is_growing());
        let live = growing.find(|view| view.path().as_ref() == Some(&from));
        let renamer = live.and_then(|view| match &view.source {
            Source::Live(live) | Source::Replay(live) => live.renamer(),
            _ => None,
        });
        self.engine.beside(move || {
            let result = match renamer {
                Some(renamer) => renamer.rename(&from, &to),
                None => rename(&from, &to),
            };
            Reply::Changed(Changed::Renamed { from, to, result: result.map_err(|error| error.to_string()) })
        });
    }

    pub(super) fn tag_recording(&mut self, path: PathBuf, tags: Vec<String>) {
        self.engine.beside(move || {
            let result = set_tags(&path, &tags).map_err(|error| error.to_string());
            // What the file holds now, and not what was asked for.
            let tags = glance(&path).map(|glance| glance.tags).unwrap_or(tags);
            Reply::Changed(Changed::Tagged { path, tags, result })
        });
    }

    pub(super) fn delete_recording(&mut self, path: PathBuf) {
        // At once, so that the same key deletes the next one and not this one again.
        self.state.library.forget(&path);
        self.engine.beside(move || {
            let is_written = glance(&path).is_ok_and(|glance| glance.ending == Ending::Recording);
            let result = match is_written {
                true => Err(format!("{} is being recorded: end the recording first", path.display())),
                false => {
                    let journal = path
                        .with_file_name(format!("{}-journal", path.file_name().unwrap_or_default().to_string_lossy()));
                    trash::delete(path.parent().unwrap_or(Path::new(".")), &[path.clone(), journal])
                }
            };
            Reply::Changed(Changed::Deleted { path, result })
        });
    }

    pub(super) fn put_away(&mut self, paths: Vec<PathBuf>) {
        self.state.messages.retain(|message| {
            !message.commands.iter().any(|command| match command {
                Command::Library(super::LibraryCommand::PutAway(offered)) => {
                    offered.iter().any(|path| paths.contains(path))
                }
                _ => false,
            })
        });
        self.engine.beside(move || {
            let failed = paths.iter().filter_map(|path| put_away(path).err());
            Reply::Changed(Changed::PutAway(failed.map(|error| error.to_string()).collect()))
        });
    }

    pub(in crate::app) fn take_changed(&mut self, changed: Changed) {
        match changed {
            Changed::Renamed { from, to, result } => match result {
                Ok(()) => self.was_renamed(&from, to),
                Err(why) => self.complain(why),
            },
            Changed::Tagged { path, tags, result } => {
                if let Err(why) = result {
                    self.complain(format!("the tags were not changed: {why}"));
                }
                if let (Some(entry), Ok(metadata)) = (self.state.library.entry_mut(&path), path.metadata()) {
                    (entry.size_bytes, entry.modified) = (metadata.len(), metadata.modified().ok());
                    entry.know(Facts { tags, ..entry.facts().cloned().unwrap_or_default() });
                }
                self.state.library.arrange();
            }
            Changed::Deleted { path, result } => match result {
                Ok(deleted) => {
                    let is_its = |view: &&View| view.path().as_ref() == Some(&path);
                    let views: Vec<_> = self.state.views.iter().filter(is_its).map(|view| view.id).collect();
                    views.into_iter().for_each(|view| self.close(view));
                    self.was_deleted(deleted, "Deleted");
                    self.apply(Command::RefreshSaved);
                }
                Err(why) => {
                    self.complain(why);
                    // It was left out of the list already.
                    self.apply(Command::RefreshSaved);
                }
            },
            Changed::Restored { deleted, result } => match result {
                Ok(()) => {
                    self.say(format!("{} is there again", deleted.name));
                    self.apply(Command::RefreshSaved);
                    self.requests_changed();
                }
                Err(why) => {
                    if deleted.is_there() {
                        self.know_deleted(vec![deleted]);
                    }
                    self.complain(why);
                }
            },
            Changed::PutAway(failed) => {
                for why in failed {
                    self.complain(format!("it will be offered again: {why}"));
                }
            }
        }
    }

    fn was_renamed(&mut self, from: &Path, to: PathBuf) {
        let name = to.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for view in self.state.views.iter_mut().filter(|view| view.path().as_deref() == Some(from)) {
            view.was_renamed(&name, &to);
        }
        let library = &mut self.state.library;
        if library.selected.as_deref() == Some(from) {
            library.selected = Some(to.clone());
        }
        if let Some(entry) = library.entry_mut(from) {
            (entry.name, entry.path) = (name, to);
        }
        library.arrange();
        self.apply(Command::RefreshSaved);
    }
}

impl super::Library {
    fn entry_mut(&mut self, path: &Path) -> Option<&mut super::Entry> {
        let at = self.place(path)?;
        Arc::make_mut(&mut self.entries).get_mut(at)
    }

    /// Leaves a recording out that is gone, and selects its neighbour.
    fn forget(&mut self, path: &Path) {
        let row = self.selected_row().unwrap_or(0);
        Arc::make_mut(&mut self.entries).retain(|entry| entry.path != path);
        self.arrange();
        let row = row.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(row).map(|at| self.entries[*at].path.clone());
    }
}

impl View {
    fn was_renamed(&mut self, name: &str, path: &Path) {
        match &mut self.source {
            Source::Live(live) | Source::Replay(live) => live.path = Some(path.to_owned()),
            Source::File(reading) => (reading.path, self.title) = (path.to_owned(), name.to_owned()),
            Source::Still => (self.file, self.title) = (Some(path.to_owned()), name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_is_a_file_beside_the_old_one() {
        let renamed = |name| renamed(Path::new("/a/old.pushscope"), name);
        for (name, path) in
            [(" monday ", "/a/monday.pushscope"), ("b.pushscope", "/a/b.pushscope"), ("v1.2", "/a/v1.2.pushscope")]
        {
            assert_eq!(renamed(name).unwrap(), Path::new(path));
        }
        for wrong in ["", "  ", "../up", "a/b", ".hidden", "a\nb"] {
            assert!(renamed(wrong).is_err(), "{wrong:?}");
        }
        assert!(renamed(&"ä".repeat(200)).unwrap_err().contains("longer"));
    }
}
