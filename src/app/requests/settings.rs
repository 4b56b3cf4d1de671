//! `settings.toml` in the data folder: what stays from one start to the next.

use super::format;
use std::path::{Path, PathBuf};
use toml_edit::{DocumentMut, value};

const NAME: &str = "settings.toml";
const REQUESTS: &str = "requests_dir";

/// The data folder to which a folder of recordings belongs.
pub(super) fn data_of(recordings: &Path) -> PathBuf {
    match recordings.parent() {
        Some(data) if recordings.ends_with("recordings") => data.to_owned(),
        _ => recordings.to_owned(),
    }
}

fn read(data: &Path) -> Result<DocumentMut, String> {
    let path = data.join(NAME);
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(DocumentMut::new()),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        Ok(text) => {
            let read = format::document(&text).map(|document| document.into_mut());
            read.map_err(|mistake| format!("{}, {mistake}", path.display()))
        }
    }
}

/// The directory of requests that is set.
pub(super) fn requests_folder(data: &Path) -> Result<Option<PathBuf>, String> {
    let settings = read(data)?;
    match settings.get(REQUESTS) {
        None => Ok(None),
        Some(item) => match item.as_str() {
            Some(folder) => Ok(Some(PathBuf::from(folder))),
            None => Err(format!("{}: {REQUESTS} is the path of a folder", data.join(NAME).display())),
        },
    }
}

/// Sets the directory of requests; nothing is the usual one.
pub(super) fn set_requests_folder(data: &Path, folder: Option<&Path>) -> Result<(), String> {
    let mut settings = read(data)?;
    match folder {
        Some(folder) => settings[REQUESTS] = value(folder.to_string_lossy().into_owned()),
        None => _ = settings.remove(REQUESTS),
    }
    let path = data.join(NAME);
    std::fs::write(&path, settings.to_string())
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
