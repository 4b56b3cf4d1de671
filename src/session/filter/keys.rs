//! The names that filters know, and the nearest of them where one is misspelt.

use crate::dissect::FieldDef;

/// Terms that are not fields: their name, what follows it, and what they mean.
pub(super) const NAMED: [(&str, &str); 10] = [
    ("kind", "the kind of record: kind:ws.* or kind:sse.event,line"),
    ("dir", "the direction: dir:in from the server, dir:out to it"),
    ("connection", "the number of the connection: connection:2"),
    ("link", "the number of the link: link:1"),
    ("stream", "the number of the HTTP/2 stream: stream:3"),
    ("note", "the worst note, or the key of a note: note:error, note:websocket.*"),
    ("remark", "what you marked: remark:* all of it, remark:red a colour, remark:\"text\" words"),
    ("size", "the bytes of the payload: size>1000, size<4kB"),
    ("gap", "the time since the record before, of the same connection: gap>250ms"),
    ("at", "the time since the recording began: at>3s"),
];

/// The fields that a filter may name.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The fields.
    pub fields: Vec<&'static FieldDef>,
    /// Whether other keys with a dot are taken too, as those of fields that no list names.
    pub accepts_unknown: bool,
}

impl Keys {
    /// Every field there is.
    pub fn known() -> Keys {
        let fields = crate::session::facts::FIELDS.iter().copied().chain(crate::dissect::all_fields()).collect();
        Keys { fields, accepts_unknown: false }
    }

    /// Whether a field of that key is known.
    pub fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field.key == key)
    }

    /// Whether a comparison may name that key.
    pub(super) fn allows(&self, key: &str) -> bool {
        let is_dotted = key.split('.').count() > 1 && key.split('.').all(|part| !part.is_empty());
        self.has(key) || (self.accepts_unknown && is_dotted)
    }

    /// What was meant by a key that is not known.
    pub(super) fn meant(&self, key: &str) -> Option<&'static str> {
        let named = NAMED.iter().map(|(name, _)| *name);
        nearest(key, self.fields.iter().map(|field| field.key).chain(named))
    }
}

/// What a filter can name, with one line of help each, for completion.
pub fn keys() -> Vec<(&'static str, &'static str)> {
    let fields = Keys::known().fields;
    NAMED.into_iter().chain(fields.into_iter().map(|field| (field.key, field.help))).collect()
}

/// The candidate that is written most alike, if one is alike enough to be a slip.
pub(super) fn nearest(word: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let allowed = if word.chars().count() < 4 { 1 } else { 2 };
    let nearest = candidates.map(|candidate| (distance(word, candidate), candidate)).min_by_key(|(far, _)| *far);
    nearest.filter(|(far, _)| *far <= allowed).map(|(_, candidate)| candidate)
}

/// How many letters must be added, left out, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
