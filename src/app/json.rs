//! A JSON payload as a tree of rows, each with its path.

use crate::session::filter::compose;
use serde_json::Value;
use std::collections::HashSet;

/// Bytes that are laid out as a tree at most: a larger document would hold the window up.
pub const JSON_LIMIT_BYTES: usize = 1 << 20;
/// Characters of a string value in a row.
const VALUE_CHARS: usize = 2000;

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonRow {
    /// How deep it lies.
    pub depth: usize,
    /// The member's name or index; empty for the root.
    pub key: String,
    /// What it says: a value, or how many members there are.
    pub value: String,
    /// Its JSONPath (RFC 9535).
    pub path: String,
    /// Whether it has members.
    pub is_group: bool,
    /// Whether they are shown.
    pub is_open: bool,
    /// What kind of value.
    pub shape: Shape,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object or array.
    Group,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`, `false`, `null`.
    Word,
}

/// A JSON document, and which of its groups are closed.
pub struct JsonTree {
    root: Value,
    closed: HashSet<String>,
    /// The rows that are shown.
    pub rows: Vec<JsonRow>,
}

impl JsonTree {
    /// Reads a payload; `None` where it is no JSON object or array, or is longer than [`JSON_LIMIT_BYTES`].
    pub fn read(payload: &[u8]) -> Option<JsonTree> {
        let first = payload.iter().find(|byte| !byte.is_ascii_whitespace())?;
        if !matches!(first, b'{' | b'[') || payload.len() > JSON_LIMIT_BYTES {
            return None;
        }
        let root: Value = serde_json::from_slice(payload).ok()?;
        let mut tree = JsonTree { root, closed: HashSet::new(), rows: Vec::new() };
        tree.lay_out();
        Some(tree)
    }

    /// Opens or closes the group at a path.
    pub fn toggle(&mut self, path: &str) {
        if !self.closed.remove(path) {
            self.closed.insert(path.to_owned());
        }
        self.lay_out();
    }

    fn lay_out(&mut self) {
        let mut rows = Vec::new();
        lay_out(&self.root, 0, String::new(), "$".into(), &self.closed, &mut rows);
        self.rows = rows;
    }
}

impl JsonRow {
    /// The filter term that finds records with this very value.
    pub fn filter_term(&self) -> Option<String> {
        if self.is_group {
            return None;
        }
        // A text that was cut is no JSON any more.
        match serde_json::from_str(&self.value).ok()? {
            Value::String(text) => Some(format!("{}={}", self.path, compose::quoted(&text))),
            _ => Some(format!("{}={}", self.path, self.value)),
        }
    }
}

fn lay_out(value: &Value, depth: usize, key: String, path: String, closed: &HashSet<String>, rows: &mut Vec<JsonRow>) {
    let is_open = !closed.contains(&path);
    let row = |value: String, shape: Shape| JsonRow {
        depth,
        key: key.clone(),
        value,
        path: path.clone(),
        is_group: shape == Shape::Group,
        is_open,
        shape,
    };
    match value {
        Value::Object(members) => {
            rows.push(row(format!("{{{}}}", members.len()), Shape::Group));
            for (name, member) in members.iter().filter(|_| is_open) {
                lay_out(member, depth + 1, name.clone(), child_path(&path, name), closed, rows);
            }
        }
        Value::Array(items) => {
            rows.push(row(format!("[{}]", items.len()), Shape::Group));
            for (at, item) in items.iter().enumerate().filter(|_| is_open) {
                lay_out(item, depth + 1, at.to_string(), format!("{path}[{at}]"), closed, rows);
            }
        }
        Value::String(text) => {
            // Quoted as JSON, so that line ends and quotes show.
            let mut quoted = serde_json::to_string(text).unwrap_or_default();
            if let Some((cut, _)) = quoted.char_indices().nth(VALUE_CHARS) {
                quoted.truncate(cut);
                quoted.push('…');
            }
            rows.push(row(quoted, Shape::Text));
        }
        Value::Number(number) => rows.push(row(number.to_string(), Shape::Number)),
        Value::Bool(_) | Value::Null => rows.push(row(value.to_string(), Shape::Word)),
    }
}

fn child_path(path: &str, name: &str) -> String {
    let is_plain = name.chars().all(|char| char.is_alphanumeric() || char == '_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty();
    match is_plain {
        true => format!("{path}.{name}"),
        false => format!("{path}[{}]", serde_json::to_string(name).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_paths_and_groups_close() {
        let mut tree = JsonTree::read("{\"a\":{\"b c\":[1,\"あ\"]},\"d\":null}".as_bytes()).unwrap();
        let paths: Vec<&str> = tree.rows.iter().map(|row| row.path.as_str()).collect();
        assert_eq!(paths, ["$", "$.a", "$.a[\"b c\"]", "$.a[\"b c\"][0]", "$.a[\"b c\"][1]", "$.d"]);
        assert_eq!(tree.rows[4].value, "\"あ\"");
        assert_eq!(tree.rows[3].filter_term().unwrap(), "$.a[\"b c\"][0]=1");
        tree.toggle("$.a");
        assert_eq!(tree.rows.len(), 3);
        assert!(JsonTree::read(b"12").is_none());
    }
}
