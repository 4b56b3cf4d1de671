//! What was deleted: moved into a folder `.trash` beside it, from where it comes back, and taken away for good after a month.
//!
//! Each deletion has a folder of its own whose name is its time, so that names cannot clash and what is old is known without
//! asking the file system.

use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The folder's name.
const TRASH: &str = ".trash";

/// For how many days what was deleted can be had back by hand.
pub const TRASH_DAYS: u64 = 30;

/// Deletions that can be undone.
pub(super) const MOST_UNDONE: usize = 100;

/// The file beside what was deleted that says where it was, a line each, from the folder on.
const PLACES: &str = ".places";

/// Something that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// What it was called.
    pub name: String,
    /// When, in this run of the program; `None` where it was before.
    pub(super) at: Option<Instant>,
    /// And by the clock, in milliseconds since 1970.
    at_ms: u128,
    /// Where it was, piece by piece, and where it is now.
    moves: Vec<(PathBuf, PathBuf)>,
}

impl Deleted {
    /// Where it was.
    pub fn path(&self) -> &Path {
        self.moves.first().map_or(Path::new(""), |(from, _)| from)
    }

    /// Whether it is still in the trash.
    pub(super) fn is_there(&self) -> bool {
        self.moves.iter().any(|(_, at)| at.symlink_metadata().is_ok())
    }

    /// Whether it is the same deletion.
    pub(super) fn is(&self, other: &Deleted) -> bool {
        self.moves == other.moves
    }

    /// The later of two has the larger number.
    pub(super) fn at_ms(&self) -> u128 {
        self.at_ms
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
        .map(|at_ms| (at_ms, trash.join(at_ms.to_string())))
        .find_map(|(at_ms, place)| match std::fs::create_dir(&place) {
            Ok(()) => Some(Ok((at_ms, place))),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
            Err(error) => Some(Err(error)),
        })
        .unwrap_or_else(|| Err(std::io::Error::other("there is no free name in the trash")));
    let (at_ms, place) = place.map_err(cannot)?;
    let mut deleted = Deleted { name: name_of(first), at: Some(Instant::now()), at_ms, moves: Vec::new() };
    let from_folder = |path: &PathBuf| Some(path.strip_prefix(folder).ok()?.to_str()?.to_owned());
    let places: Option<Vec<String>> = paths.iter().map(from_folder).collect();
    // Without it, what was deleted can be had back for as long as the program runs.
    let _ = places.map(|places| std::fs::write(place.join(PLACES), places.join("\n")));
    for path in paths.iter().filter(|path| path.symlink_metadata().is_ok()) {
        let to = place.join(path.file_name().unwrap_or_default());
        if let Err(error) = std::fs::rename(path, &to) {
            let _ = restore(&deleted);
            take_away(&place);
            return Err(cannot(error));
        }
        deleted.moves.push((path.clone(), to));
    }
    Ok(deleted)
}

/// What something is called: its file's name without the ending that all have.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_ours = path.extension().is_some_and(|ending| ending == "pushscope" || ending == "toml");
    if is_ours { path.file_stem().unwrap_or_default().to_string_lossy().into_owned() } else { name }
}

/// Takes away the place of a deletion that is empty now.
fn take_away(place: &Path) {
    let _ = std::fs::remove_file(place.join(PLACES));
    let _ = std::fs::remove_dir(place);
}

/// What is in the trash of a folder from earlier on, the last one last: as many as can be undone.
pub(super) fn earlier(folder: &Path) -> Vec<Deleted> {
    let Ok(entries) = std::fs::read_dir(folder.join(TRASH)) else { return Vec::new() };
    let mut deleted: Vec<Deleted> = entries.flatten().filter_map(|entry| read(folder, &entry.path())).collect();
    deleted.sort_by_key(Deleted::at_ms);
    deleted.split_off(deleted.len().saturating_sub(MOST_UNDONE))
}

/// A deletion, by the name of its place and by what that says. It may come from a stranger: nothing leads out of the folder.
fn read(folder: &Path, place: &Path) -> Option<Deleted> {
    let at_ms = place.file_name()?.to_str()?.parse().ok()?;
    let places = std::fs::read_to_string(place.join(PLACES)).ok()?;
    let is_plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    let moves = places.lines().map(Path::new).map(|path| {
        let at = place.join(path.file_name()?);
        is_plain(path).then(|| (folder.join(path), at))
    });
    let moves: Option<Vec<(PathBuf, PathBuf)>> = moves.collect();
    let moves: Vec<(PathBuf, PathBuf)> = moves?.into_iter().filter(|(_, at)| at.symlink_metadata().is_ok()).collect();
    let name = name_of(&moves.first()?.0);
    Some(Deleted { name, at: None, at_ms, moves })
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
        take_away(place);
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
    fn what_was_deleted_by_an_earlier_run_comes_back_and_nothing_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("api.v2");
        std::fs::create_dir(&inner).unwrap();
        let paths = [inner.join("feed.toml"), folder.path().join("b.pushscope")];
        for path in &paths {
            std::fs::write(path, "one").unwrap();
            delete(folder.path(), std::slice::from_ref(path)).unwrap();
        }
        for (place, says) in [("1", "../out.toml"), ("2", "/etc/out.toml"), ("3", "gone.toml"), ("x", "b.toml")] {
            let place = folder.path().join(TRASH).join(place);
            std::fs::create_dir(&place).unwrap();
            std::fs::write(place.join("out.toml"), "two").unwrap();
            std::fs::write(place.join(PLACES), says).unwrap();
        }
        let earlier = earlier(folder.path());
        assert_eq!(earlier.iter().map(|deleted| deleted.name.as_str()).collect::<Vec<_>>(), ["feed", "b"]);
        for deleted in &earlier {
            restore(deleted).unwrap();
            assert!(!deleted.is_there() && deleted.at.is_none());
        }
        assert!(paths.iter().all(|path| path.exists()));
        assert!(super::earlier(folder.path()).is_empty());
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
