//! Where recordings are kept, and what they are called.

use super::error::FileError;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The ending of session files.
const EXTENSION: &str = "pushscope";

/// Characters of a label that go into a file's name.
const NAME_CHARS: usize = 60;

/// A recording in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its name, the ending taken off.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written to last, where the file system says so.
    pub modified: Option<SystemTime>,
}

/// The folder for what this program keeps: the user's data folder, or the one that the environment variable
/// `PUSHSCOPE_DATA_DIR` names.
pub fn data_folder() -> Result<PathBuf, FileError> {
    match std::env::var_os("PUSHSCOPE_DATA_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => {
            let folders = directories::ProjectDirs::from("", "", "Pushscope").ok_or(FileError::NoHome)?;
            Ok(folders.data_dir().to_owned())
        }
    }
}

/// The folder that recordings go to, made if need be: `recordings` in the [`data_folder`].
pub fn recordings_folder() -> Result<PathBuf, FileError> {
    let folder = data_folder()?.join("recordings");
    std::fs::create_dir_all(&folder).map_err(|error| match FileError::creating(&folder, &error) {
        FileError::Exists { path } => FileError::CannotCreate { path, why: "a file is in the way".to_owned() },
        other => other,
    })?;
    Ok(folder)
}

/// A path for a new recording, such as `2026-11-20 14-03-05 example.com.pushscope`: local time, and what is recorded.
/// No file is there yet.
pub fn new_recording_path(folder: &Path, label: &str, started_unix_ns: i64) -> PathBuf {
    let time = timestamp(started_unix_ns).to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H-%M-%S");
    let stem = format!("{time} {}", plain(label));
    let numbered = (2..).map(|n| format!("{stem} {n}"));
    let mut names = std::iter::once(stem.clone()).chain(numbered).map(|name| format!("{name}.{EXTENSION}"));
    let free = names.find(|name| !folder.join(name).exists());
    folder.join(free.unwrap_or(stem))
}

/// A label as part of a file's name. Queries, fragments and user names are left out: they may be secrets.
fn plain(label: &str) -> String {
    let label = label.split_once("://").map_or(label, |(_, rest)| rest);
    let label = label.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = label.split_at(label.find('/').unwrap_or(label.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let mut name = String::new();
    for char in host.chars().chain(path.chars()).take(NAME_CHARS) {
        let is_plain = char.is_alphanumeric() || matches!(char, '.' | '_' | ' ');
        match char {
            _ if is_plain => name.push(char),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_matches(['-', '.', ' ']);
    if name.is_empty() { "recording".to_owned() } else { name.to_owned() }
}

/// The recordings of a folder, the newest first. A folder that is not there has none.
pub fn list_recordings(folder: &Path) -> Result<Vec<Recording>, FileError> {
    let failed = |error: std::io::Error| FileError::Read { path: folder.to_owned(), why: error.to_string() };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut recordings = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_recording = path.extension().is_some_and(|extension| extension == EXTENSION);
        if !is_recording {
            continue;
        }
        // What is no file, or a link to none, is listed all the same: opening it says so. What vanishes meanwhile is not.
        let Ok(metadata) = path.metadata().or_else(|_| path.symlink_metadata()) else { continue };
        recordings.push(Recording {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            size_bytes: if metadata.is_file() { metadata.len() } else { 0 },
            modified: metadata.modified().ok(),
            path,
        });
    }
    recordings.sort_by(|a, b| (b.modified, &b.name).cmp(&(a.modified, &a.name)));
    Ok(recordings)
}

fn timestamp(unix_ns: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// A time as files hold it.
pub(super) fn rfc3339(unix_ns: i64) -> String {
    timestamp(unix_ns).to_string()
}

/// The inverse of [`rfc3339`].
pub(super) fn unix_ns(rfc3339: &str) -> Option<i64> {
    i64::try_from(rfc3339.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_recordings_are_readable_and_hold_no_secrets() {
        for (label, name) in [
            ("https://example.com/events", "example.com-events"),
            ("wss://anna:geheim@example.com:8443/a//b?token=s3cret", "example.com-8443-a-b"),
            ("lab:sse", "lab-sse"),
            ("../../etc/passwd", "etc-passwd"),
            ("  ", "recording"),
            ("https://", "recording"),
        ] {
            assert_eq!(plain(label), name, "{label}");
        }
        assert!(plain(&"ä".repeat(500)).len() <= 2 * NAME_CHARS);
    }

    #[test]
    fn two_recordings_of_one_second_have_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let first = new_recording_path(folder.path(), "https://a.example/", 1_700_000_000_000_000_000);
        std::fs::write(&first, "").unwrap();
        let second = new_recording_path(folder.path(), "https://a.example/", 1_700_000_000_000_000_000);
        assert!(first.to_str().unwrap().ends_with(" a.example.pushscope"), "{first:?}");
        assert!(second.to_str().unwrap().ends_with(" a.example 2.pushscope"), "{second:?}");
        assert_eq!(list_recordings(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_time_survives_its_text() {
        for ns in [0, 1_700_000_000_123_456_789, -5] {
            assert_eq!(unix_ns(&rfc3339(ns)), Some(ns));
        }
    }
}
