//! A small index of what is known of recordings, so that they need not be read at each start.
//!
//! It may be thrown away at any time. It is believed only for a file of the very name, size and time of change that it was
//! made of; the files themselves are the truth.

use super::facts::Facts;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Its name in the folder of recordings.
const NAME: &str = ".library.json";

/// The largest index that is read.
const LIMIT_BYTES: u64 = 64 << 20;

/// What this program writes; another number is not read.
const VERSION: u32 = 1;

/// What is known of files, by their names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    version: u32,
    files: HashMap<String, Line>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    size_bytes: u64,
    modified_ns: u64,
    facts: Facts,
}

impl Index {
    /// The index of a folder; an empty one where there is none that can be read.
    pub fn load(folder: &Path) -> Index {
        let path = folder.join(NAME);
        let is_small = path.metadata().is_ok_and(|metadata| metadata.len() <= LIMIT_BYTES);
        let bytes = if is_small { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
        serde_json::from_slice::<Index>(&bytes).ok().filter(|index| index.version == VERSION).unwrap_or_default()
    }

    /// What is known of a file, where it is still the same.
    pub fn get(&self, name: &str, size_bytes: u64, modified: Option<SystemTime>) -> Option<&Facts> {
        let line = self.files.get(name)?;
        (line.size_bytes == size_bytes && Some(line.modified_ns) == since_1970_ns(modified)).then_some(&line.facts)
    }

    /// Keeps what is known of a file. What may change without the file is not kept.
    pub fn put(&mut self, name: &str, size_bytes: u64, modified: Option<SystemTime>, facts: &Facts) {
        if let Some(modified_ns) = since_1970_ns(modified).filter(|_| facts.is_settled()) {
            self.files.insert(name.to_owned(), Line { size_bytes, modified_ns, facts: facts.clone() });
        }
    }

    /// Writes it. Where that fails, files are read again the next time, and nothing else is lost.
    pub fn save(mut self, folder: &Path) {
        self.version = VERSION;
        let part = folder.join(format!("{NAME}.{}.part", std::process::id()));
        let written = serde_json::to_vec(&self).map_err(std::io::Error::other).and_then(|bytes| {
            std::fs::write(&part, bytes)?;
            std::fs::rename(&part, folder.join(NAME))
        });
        if written.is_err() {
            let _ = std::fs::remove_file(part);
        }
    }
}

fn since_1970_ns(time: Option<SystemTime>) -> Option<u64> {
    let since = time?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}
