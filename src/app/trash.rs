//! What was deleted: moved into a folder `.trash` beside it, from where it comes back, and taken away for good after a month.
//!
//! Each deletion has a folder of its own whose name is its time, so that names cannot clash and what is old is known without
//! asking the file system.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The folder's name.
const TRASH: &str = ".trash";

/// For how many days what was deleted can be had back by hand.
pub const TRASH_DAYS: u64 = 30;

/// Deletions that can be undone.
pub(super) const MOST_UNDONE: usize = 100;

/// Something that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// What it was called.
    pub name: String,
    /// Where it was, piece by piece, and where it is now.
    moves: Vec<(PathBuf, PathBuf)>,
}

impl Deleted {
    /// Where it was.
    pub fn path(&self) -> &Path {
        self.moves.first().map_or(Path::new(""), |(from, _)| from)
    }
}

/// Moves files or folders that belong together into the trash of `folder`. The first is what the whole is called by.
pub(super) fn delete(folder: &Path, paths: &[PathBuf]) -> Result<Deleted, String> {
    let Some(first) = paths.first() else { return Err("nothing was named to be deleted".to_owned()) };
    let cannot = |error: std::io::Error| format!("{} cannot be deleted: {error}", first.display());
    first.symlink_metadata().map_err(cannot)?;
    let trash = folder.join(TRASH);
    std::fs::create_dir_all(&trash).map_err(cannot)?;
    // What was deleted is nobody's to commit.
    let ignored = trash.join(".gitignore");
    if !ignored.exists() {
        let _ = std::fs::write(&ignored, "*\n");
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let place = (since.as_millis()..)
        .map(|at| trash.join(at.to_string()))
        .find_map(|place| match std::fs::create_dir(&place) {
            Ok(()) => Some(Ok(place)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
            Err(error) => Some(Err(error)),
        })
        .unwrap_or_else(|| Err(std::io::Error::other("there is no free name in the trash")));
    let place = place.map_err(cannot)?;
    let mut deleted =
        Deleted { name: first.file_stem().unwrap_or_default().to_string_lossy().into_owned(), moves: Vec::new() };
    for path in paths.iter().filter(|path| path.symlink_metadata().is_ok()) {
        let to = place.join(path.file_name().unwrap_or_default());
        if let Err(error) = std::fs::rename(path, &to) {
            let _ = restore(&deleted);
            let _ = std::fs::remove_dir(&place);
            return Err(cannot(error));
        }
        deleted.moves.push((path.clone(), to));
    }
    Ok(deleted)
}

/// Puts back what was deleted. What has taken its place meanwhile stays, and is an error.
pub(super) fn restore(deleted: &Deleted) -> Result<(), String> {
    let taken = deleted.moves.iter().find(|(from, _)| from.symlink_metadata().is_ok());
    if let Some((taken, _)) = taken {
        return Err(format!("{} is there again: rename it, then undo the deletion", taken.display()));
    }
    for (from, at) in &deleted.moves {
        if let Some(folder) = from.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        std::fs::rename(at, from).map_err(|error| {
            let (at, from) = (at.display(), from.display());
            format!("{from} cannot be put back from {at}: {error}")
        })?;
    }
    if let Some(place) = deleted.moves.first().and_then(|(_, at)| at.parent()) {
        let _ = std::fs::remove_dir(place);
    }
    Ok(())
}

/// Takes away for good what was deleted longer ago than [`TRASH_DAYS`].
pub(super) fn purge(folder: &Path, now: SystemTime) {
    let limit = Duration::from_secs(TRASH_DAYS * 24 * 3600);
    let Some(oldest) = now.duration_since(UNIX_EPOCH).ok().and_then(|now| now.checked_sub(limit)) else { return };
    let Ok(entries) = std::fs::read_dir(folder.join(TRASH)) else { return };
    for entry in entries.flatten() {
        let at_ms = entry.file_name().to_str().and_then(|name| name.parse::<u128>().ok());
        if at_ms.is_some_and(|at_ms| at_ms < oldest.as_millis()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_comes_back_unless_its_place_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "one").unwrap();
        let first = delete(folder.path(), std::slice::from_ref(&path)).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "two").unwrap();
        assert!(restore(&first).unwrap_err().contains("is there again"));
        let second = delete(folder.path(), std::slice::from_ref(&path)).unwrap();
        restore(&first).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        std::fs::remove_file(&path).unwrap();
        restore(&second).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    }

    #[test]
    fn what_was_deleted_a_month_ago_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "one").unwrap();
        let deleted = delete(folder.path(), &[path]).unwrap();
        let day = Duration::from_secs(24 * 3600);
        purge(folder.path(), SystemTime::now() + day * (TRASH_DAYS as u32 - 1));
        assert!(deleted.moves[0].1.exists());
        purge(folder.path(), SystemTime::now() + day * (TRASH_DAYS as u32 + 1));
        assert!(!deleted.moves[0].1.exists());
        assert!(restore(&deleted).unwrap_err().contains("cannot be put back"));
    }
}
