//! What differs between two JSON documents, as changes that lead from one to the other.
//!
//! Members of objects are told apart by their names, items of arrays by the longest common subsequence. Where items were
//! replaced by others, the n-th is held against the n-th, so that a change deep within an item is told where it is.
//!
//! The paths of what was changed or removed are those of the first document, the paths of what was added those of the
//! second. Applied in this order, they are a patch: all changes, then what was removed from the last to the first, then
//! what was added from the first to the last.

use super::content::Rules;
use super::lcs;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::time::Instant;

/// Changes that are told; the others are counted.
pub(super) const CHANGES_LIMIT: usize = 5_000;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member's name.
    Name(String),
    /// An item's index.
    Index(usize),
}

/// A path into a document: names and indices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Steps(pub Vec<Step>);

impl std::fmt::Display for Steps {
    /// As a JSONPath (RFC 9535).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            let is_plain = |name: &str| {
                name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                    && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
            };
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) if is_plain(name) => write!(f, ".{name}")?,
                Step::Name(name) => write!(f, "[{}]", Json::from(name.as_str()))?,
            }
        }
        Ok(())
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The second document has it, and the first does not.
    Added {
        /// Its path in the second document.
        path: Steps,
        /// What it says.
        value: Json,
    },
    /// The first document has it, and the second does not.
    Removed {
        /// Its path in the first document.
        path: Steps,
        /// What it said.
        value: Json,
    },
    /// Both have it, and it says something else.
    Changed {
        /// Its path in the first document.
        path: Steps,
        /// What it said.
        from: Json,
        /// What it says.
        to: Json,
    },
}

impl Change {
    /// Where it is.
    pub fn path(&self) -> &Steps {
        match self {
            Change::Added { path, .. } | Change::Removed { path, .. } | Change::Changed { path, .. } => path,
        }
    }
}

/// What differs between two documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonDiff {
    /// The changes, in the order of the documents.
    pub changes: Vec<Change>,
    /// Changes that are not told, for there are too many.
    pub left_out: usize,
}

/// What differs between two documents, at most `limit` changes of it; after the deadline it is told more coarsely.
pub fn diff(a: &Json, b: &Json, rules: &Rules, limit: usize, deadline: Instant) -> JsonDiff {
    let mut differ =
        Differ { limit, deadline, out: JsonDiff::default(), path_a: Steps::default(), path_b: Steps::default() };
    differ.node(&Node::of(a, rules), &Node::of(b, rules));
    differ.out
}

/// A value with the hashes of all that is in it.
struct Node<'j> {
    value: &'j Json,
    hash: u64,
    /// Its items, or its members in their order.
    parts: Vec<Node<'j>>,
}

impl<'j> Node<'j> {
    fn of(value: &'j Json, rules: &Rules) -> Node<'j> {
        use std::hash::Hasher;
        let parts: Vec<Node> = match value {
            Json::Array(items) => items.iter().map(|item| Node::of(item, rules)).collect(),
            Json::Object(members) => members.values().map(|member| Node::of(member, rules)).collect(),
            _ => return Node { value, hash: rules.hash_json(value), parts: Vec::new() },
        };
        let mut hasher = rules.hasher();
        match value {
            Json::Object(members) => {
                let member = |(name, part): (&String, &Node)| {
                    let mut hasher = rules.hasher();
                    hasher.write(name.as_bytes());
                    hasher.write_u64(part.hash);
                    hasher.finish()
                };
                hasher.write_u8(1);
                hasher.write_u64(members.keys().zip(&parts).map(member).fold(0, u64::wrapping_add));
            }
            _ => {
                hasher.write_u8(2);
                parts.iter().for_each(|part| hasher.write_u64(part.hash));
            }
        }
        Node { value, hash: hasher.finish(), parts }
    }
}

struct Differ {
    limit: usize,
    deadline: Instant,
    out: JsonDiff,
    path_a: Steps,
    path_b: Steps,
}

impl Differ {
    fn tell(&mut self, change: impl FnOnce(&Differ) -> Change) {
        if self.out.changes.len() < self.limit {
            let change = change(self);
            self.out.changes.push(change);
        } else {
            self.out.left_out += 1;
        }
    }

    fn node(&mut self, a: &Node, b: &Node) {
        if a.hash == b.hash {
            return;
        }
        match (a.value, b.value) {
            (Json::Object(from), Json::Object(to)) => {
                // Members are found by name: the order is the first document's, then what only the second has.
                let places: HashMap<&str, usize> =
                    to.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
                for (at, name) in from.keys().enumerate() {
                    match places.get(name.as_str()).copied() {
                        Some(there) => {
                            let step = || Step::Name(name.clone());
                            self.within(step(), step(), |differ| differ.node(&a.parts[at], &b.parts[there]));
                        }
                        None => self.removed(Step::Name(name.clone()), &a.parts[at]),
                    }
                }
                for (at, name) in to.keys().enumerate().filter(|(_, name)| !from.contains_key(*name)) {
                    self.added(Step::Name(name.clone()), &b.parts[at]);
                }
            }
            (Json::Array(_), Json::Array(_)) => self.items(a, b),
            (from, to) => {
                self.tell(|differ| Change::Changed { path: differ.path_a.clone(), from: from.clone(), to: to.clone() });
            }
        }
    }

    fn items(&mut self, a: &Node, b: &Node) {
        let hashes = |node: &Node| -> Vec<u64> { node.parts.iter().map(|part| part.hash).collect() };
        for run in lcs::runs(&hashes(a), &hashes(b), self.deadline) {
            if run.is_same {
                continue;
            }
            let both = run.a.len().min(run.b.len());
            for n in 0..both {
                let (at, there) = (run.a.start + n, run.b.start + n);
                self.within(Step::Index(at), Step::Index(there), |differ| differ.node(&a.parts[at], &b.parts[there]));
            }
            for at in run.a.start + both..run.a.end {
                self.removed(Step::Index(at), &a.parts[at]);
            }
            for at in run.b.start + both..run.b.end {
                self.added(Step::Index(at), &b.parts[at]);
            }
        }
    }

    fn removed(&mut self, step: Step, node: &Node) {
        self.path_a.0.push(step);
        self.tell(|differ| Change::Removed { path: differ.path_a.clone(), value: node.value.clone() });
        self.path_a.0.pop();
    }

    fn added(&mut self, step: Step, node: &Node) {
        self.path_b.0.push(step);
        self.tell(|differ| Change::Added { path: differ.path_b.clone(), value: node.value.clone() });
        self.path_b.0.pop();
    }

    fn within(&mut self, in_a: Step, in_b: Step, look: impl FnOnce(&mut Differ)) {
        self.path_a.0.push(in_a);
        self.path_b.0.push(in_b);
        look(self);
        self.path_a.0.pop();
        self.path_b.0.pop();
    }
}

/// Applies changes to a document. `None` where they are not of this document.
pub fn apply(document: &Json, changes: &[Change]) -> Option<Json> {
    let mut json = document.clone();
    for change in changes {
        if let Change::Changed { path, to, .. } = change {
            *find(&mut json, &path.0)? = to.clone();
        }
    }
    for change in changes.iter().rev() {
        if let Change::Removed { path, .. } = change {
            let (last, parent) = path.0.split_last()?;
            match (find(&mut json, parent)?, last) {
                (Json::Object(members), Step::Name(name)) => _ = members.shift_remove(name)?,
                (Json::Array(items), Step::Index(at)) if *at < items.len() => _ = items.remove(*at),
                _ => return None,
            }
        }
    }
    for change in changes {
        if let Change::Added { path, value } = change {
            let (last, parent) = path.0.split_last()?;
            match (find(&mut json, parent)?, last) {
                (Json::Object(members), Step::Name(name)) => _ = members.insert(name.clone(), value.clone()),
                (Json::Array(items), Step::Index(at)) if *at <= items.len() => items.insert(*at, value.clone()),
                _ => return None,
            }
        }
    }
    Some(json)
}

fn find<'j>(json: &'j mut Json, steps: &[Step]) -> Option<&'j mut Json> {
    steps.iter().try_fold(json, |json, step| match step {
        Step::Name(name) => json.get_mut(name),
        Step::Index(at) => json.get_mut(at),
    })
}
