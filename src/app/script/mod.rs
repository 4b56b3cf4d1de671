//! Scripts: steps that send, wait and check, read from a small TOML file and run over a live session.
//!
//! [`Script::load`] reads a file; [`Runner`] carries it out. The runner is a state machine without a thread: it is asked
//! what to do each time the session has something new, looks at each record once, in order, and never waits itself.
//! docs/scripts.md has the format.

mod await_record;
mod content;
mod failure;
mod outgoing;
mod pattern;
mod read;
mod read_send;
mod runner;
mod step;
pub(super) mod template;
mod toml;
mod track;
pub(super) mod values;
mod watch;

pub use failure::Failure;
pub use outgoing::Place;
pub(super) use outgoing::Sent;
pub use runner::{Moment, Outcome, Runner, Turn};
pub use step::Step;
pub use toml::ScriptError;
pub(super) use watch::{SIDE_REQUEST, Watch, wants_websocket};

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use values::Secrets;

/// The largest script that is read.
const SCRIPT_LIMIT_BYTES: u64 = 1 << 20;

/// What becomes of the connection when the script is through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// A recording without a window closes it, the window leaves it open.
    #[default]
    AsUsual,
    /// It is closed.
    Close,
    /// It stays open.
    Stay,
}

/// A script, read and checked.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it calls itself.
    pub name: Option<String>,
    /// What becomes of the connection at its end.
    pub at_end: AtEnd,
    /// Its steps: those for each connection first, each with the ones within it behind it.
    pub steps: Vec<Step>,
    /// The number of the first step that is not for each connection.
    pub first_main: usize,
    variables: BTreeMap<String, Json>,
    secrets: Secrets,
}

impl Script {
    /// Reads a file. An error names it, the place in it, and what is allowed there.
    pub fn load(path: &Path) -> Result<Script, String> {
        Script::load_with(path, &[])
    }

    /// Reads a file that may use these variables besides its own: name, value, and whether that is secret.
    pub fn load_with(path: &Path, given: &[(String, String, bool)]) -> Result<Script, String> {
        let cannot = |error: std::io::Error| format!("the script {} cannot be read: {error}", path.display());
        let file = std::fs::File::open(path).map_err(cannot)?;
        let mut bytes = Vec::new();
        file.take(SCRIPT_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() as u64 > SCRIPT_LIMIT_BYTES {
            return Err(format!("{} has more than 1 MiB and is no script", path.display()));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| cannot(std::io::Error::other(format!("it is no UTF-8: {}", error.utf8_error()))))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let read = read::read(&text, folder, &|name| std::env::var(name).ok(), given);
        read.map_err(|error| format!("{}, {error}", path.display()))
    }

    /// Reads a text; files that it sends are looked for in `folder`, and variables in the environment of this process.
    pub fn parse(text: &str, folder: &Path) -> Result<Script, ScriptError> {
        read::read(text, folder, &|name| std::env::var(name).ok(), &[])
    }

    /// What to know where it takes values from the environment: on the wire they are what they are, and so they are in
    /// the recording.
    pub fn secrets_notice(&self) -> Option<String> {
        let names: Vec<&str> = self.secrets.names().collect();
        let text = "a message that carries this from the environment is recorded as it is sent";
        (!names.is_empty()).then(|| format!("{}: {text}", names.join(", ")))
    }

    /// Whether it says that something must come, or must not.
    pub fn has_checks(&self) -> bool {
        self.steps.iter().any(Step::is_check)
    }
}

#[cfg(test)]
mod tests;
