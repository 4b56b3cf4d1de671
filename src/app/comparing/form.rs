//! What is compared of two sides, and how, as typed.

use crate::app::ViewId;
use crate::session::compare::{By, Collector, Rules, Scope};
use crate::session::filter::Filter;
use crate::wire::ConnectionId;

/// One side, as chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideChoice {
    /// The recording.
    pub view: Option<ViewId>,
    /// One connection of it; else all.
    pub connection: Option<ConnectionId>,
}

/// What is compared, and how, as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareForm {
    /// The two sides.
    pub sides: [SideChoice; 2],
    /// How messages find one another.
    pub by: By,
    /// The JSONPath of their key.
    pub key: String,
    /// JSONPaths that are left out of equality, with blanks or commas between them.
    pub ignore: String,
    /// Beyond so many milliseconds a message is late; empty: time is not judged.
    pub tolerance_ms: String,
    /// Which records are compared; empty: messages.
    pub filter: String,
    /// Whether equal messages are left out of the list.
    pub only_differences: bool,
}

impl Default for CompareForm {
    fn default() -> CompareForm {
        CompareForm {
            sides: [SideChoice::default(); 2],
            by: By::Content,
            key: "$.id".to_owned(),
            ignore: String::new(),
            tolerance_ms: String::new(),
            filter: String::new(),
            only_differences: true,
        }
    }
}

impl CompareForm {
    /// How messages find one another.
    pub(super) fn by(&self) -> By {
        match &self.by {
            By::Key(_) => By::Key(self.key.clone()),
            other => other.clone(),
        }
    }

    pub(super) fn rules(&self) -> Result<Rules, String> {
        Rules::new(split_paths(&self.ignore))
    }

    pub(super) fn tolerance_ns(&self) -> Result<Option<u64>, String> {
        match self.tolerance_ms.trim() {
            "" => Ok(None),
            text => match text.parse::<u64>() {
                Ok(ms) => Ok(Some(ms.saturating_mul(1_000_000))),
                Err(_) => Err(format!("Late from: {text:?} is no whole number of milliseconds")),
            },
        }
    }

    pub(super) fn scope(&self, side: SideChoice) -> Result<Scope, String> {
        let filter = match self.filter.trim() {
            "" => None,
            text => Some(Filter::parse(text).map_err(|error| format!("Only records: {}", error.text))?),
        };
        Ok(Scope { connection: side.connection, filter })
    }

    /// What is wrong with it.
    pub fn mistake(&self) -> Option<String> {
        let key = || Collector::new(Scope::default(), Rules::default(), &self.by()).map(|_| ());
        let scope = || self.scope(SideChoice::default()).map(|_| ());
        let first = self.rules().map(|_| ()).and_then(|()| self.tolerance_ns().map(|_| ())).and_then(|()| scope());
        first.and_then(|()| key()).err()
    }
}

/// Paths in a row; blanks and commas within brackets and quotes belong to a path.
fn split_paths(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start, mut paths) = (0_i32, None, 0, Vec::new());
    for (at, char) in text.char_indices() {
        match char {
            _ if quote == Some(char) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' => quote = Some(char),
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ' ' | ',' | '\n' | '\t' if depth <= 0 => {
                paths.push(&text[start..at]);
                start = at + char.len_utf8();
            }
            _ => {}
        }
    }
    paths.push(&text[start..]);
    paths.retain(|path| !path.is_empty());
    paths
}

#[cfg(test)]
mod tests {
    use super::split_paths;

    #[test]
    fn paths_keep_the_blanks_within_them() {
        assert_eq!(split_paths("$.a, $.b\n$['x, y'].z  "), ["$.a", "$.b", "$['x, y'].z"]);
        assert_eq!(split_paths("$[?(@.a == 1)].t"), ["$[?(@.a == 1)].t"]);
        assert_eq!(split_paths(" "), [""; 0]);
    }
}
