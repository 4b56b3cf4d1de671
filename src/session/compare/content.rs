//! What a message says, as far as comparing goes.

use crate::session::filter::path::Path;
use serde_json::Value as Json;
use serde_json_path::{JsonPath, PathElement};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

/// A longer document is compared as bytes.
const JSON_LIMIT_BYTES: usize = 16 << 20;
/// And one of more values, each of which takes far more memory than it has bytes.
const VALUES_LIMIT: usize = 1 << 20;
/// Digits that a number keeps when it is read; longer ones are compared as they are written.
const EXACT_DIGITS: usize = 15;

/// What is left out of equality, and the keys that hashes of one comparison are made with: nobody can write messages that
/// differ and hash alike.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    ignore: Vec<JsonPath>,
    hasher: RandomState,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// JSON, without what is ignored.
    Json(Json),
    /// Text that is no JSON.
    Text,
    /// Anything else.
    Bytes,
}

impl Rules {
    /// Rules that leave out what lies at these JSONPaths (RFC 9535). An error names the path that is none.
    pub fn new<'t>(ignore: impl IntoIterator<Item = &'t str>) -> Result<Rules, String> {
        let ignore = ignore.into_iter().map(str::trim).filter(|path| !path.is_empty());
        let parse = |path: &str| JsonPath::parse(path).map_err(|error| format!("{path:?} is no JSONPath: {error}"));
        Ok(Rules { ignore: ignore.map(parse).collect::<Result<_, _>>()?, hasher: RandomState::new() })
    }

    /// Whether anything is left out.
    pub fn ignores(&self) -> bool {
        !self.ignore.is_empty()
    }

    /// What a payload says.
    pub fn content(&self, payload: &[u8]) -> Content {
        match self.json(payload) {
            Some(json) => Content::Json(json),
            None if std::str::from_utf8(payload).is_ok() => Content::Text,
            None => Content::Bytes,
        }
    }

    /// A payload as JSON without what is ignored; `None` where it is none, or too large to be read as such.
    fn json(&self, payload: &[u8]) -> Option<Json> {
        let first = payload.iter().find(|byte| !byte.is_ascii_whitespace())?;
        // A number, a word or a text alone is what its bytes are.
        if !matches!(first, b'{' | b'[') || payload.len() > JSON_LIMIT_BYTES {
            return None;
        }
        let values = payload.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).take(VALUES_LIMIT + 1).count();
        if values > VALUES_LIMIT {
            return None;
        }
        // Nested deeper than 128 it is refused.
        let mut json = serde_json::from_slice(payload).ok()?;
        // Of members with the same name only the last was kept, and who reads the first reads something else.
        if members_as_written(payload) != members(&json) {
            return None;
        }
        self.leave_out(&mut json);
        Some(json)
    }

    fn leave_out(&self, json: &mut Json) {
        let mut places: Vec<Vec<Place>> = Vec::new();
        for path in &self.ignore {
            let found = path.query_located(json);
            places.extend(found.locations().map(|location| location.iter().map(Place::of).collect()));
        }
        // The last first, so that those before it keep their places, and what lies within goes before it does.
        places.sort_unstable();
        places.dedup();
        places.iter().rev().for_each(|place| remove(json, place));
    }

    /// A number that is the same for payloads that are equal.
    pub fn hash(&self, payload: &[u8]) -> u64 {
        match self.json(payload) {
            Some(json) => self.hash_json(&json) ^ self.long_numbers(payload),
            None => self.hasher.hash_one(payload),
        }
    }

    /// Whether two payloads are equal.
    pub fn are_equal(&self, a: &[u8], b: &[u8]) -> bool {
        a == b || self.hash(a) == self.hash(b)
    }

    /// A number that is the same for values that are equal, whatever the order of members.
    pub(super) fn hash_json(&self, json: &Json) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        match json {
            Json::Null => 0_u8.hash(&mut hasher),
            Json::Bool(is) => (1_u8, is).hash(&mut hasher),
            // A whole number and a broken one hash alike where both are 0.
            Json::Number(number) => (2_u8, number.is_f64(), number).hash(&mut hasher),
            Json::String(text) => (3_u8, text).hash(&mut hasher),
            Json::Array(items) => {
                (4_u8, items.len()).hash(&mut hasher);
                items.iter().for_each(|item| self.hash_json(item).hash(&mut hasher));
            }
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| self.hasher.hash_one((name, self.hash_json(value)));
                let sum = members.iter().map(member).fold(0_u64, u64::wrapping_add);
                (5_u8, members.len(), sum).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// A number that is the same for values that bear the same key.
    pub(super) fn hash_key(&self, key: &Json) -> u64 {
        self.hash_json(key)
    }

    pub(super) fn hasher(&self) -> DefaultHasher {
        self.hasher.build_hasher()
    }

    pub(super) fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    /// Numbers that lose digits when they are read, by the digits they are written with. Where fields are left out, so are
    /// these: there is no telling which of them lie there.
    fn long_numbers(&self, payload: &[u8]) -> u64 {
        let (mut sum, mut at) = (0_u64, 0);
        while at < payload.len() && !self.ignores() {
            match payload[at] {
                b'"' => {
                    at += 1;
                    while at < payload.len() && payload[at] != b'"' {
                        at += if payload[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => {
                    let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
                    let len = payload[at..].iter().take_while(is_part).count();
                    let number = &payload[at..at + len];
                    let is_small = std::str::from_utf8(number)
                        .is_ok_and(|number| number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok());
                    if !is_small && number.iter().filter(|byte| byte.is_ascii_digit()).count() > EXACT_DIGITS {
                        sum = sum.wrapping_add(self.hasher.hash_one(number));
                    }
                    at += len;
                }
                _ => at += 1,
            }
        }
        sum
    }
}

/// How many members the objects of a document have as it is written: each has a colon behind its name.
fn members_as_written(payload: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = memchr::memchr2(b'"', b':', &payload[at..]) {
        at += found + 1;
        if payload[at - 1] == b':' {
            count += 1;
            continue;
        }
        while let Some(found) = memchr::memchr2(b'"', b'\\', &payload[at..]) {
            at += found + 1;
            if payload[at - 1] == b'"' {
                break;
            }
            at = payload.len().min(at + 1);
        }
    }
    count
}

/// How many members the objects of a document have.
fn members(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.iter().map(members).sum(),
        Json::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

/// Reads the key of messages.
pub(super) struct Key(Path);

impl Key {
    pub fn parse(path: &str) -> Result<Key, String> {
        Path::parse(path.trim()).map(Key).map_err(|error| format!("{path:?} is no JSONPath: {error}"))
    }

    /// The key of a payload, where it has one.
    pub fn of(&self, payload: &[u8], rules: &Rules) -> Option<u64> {
        self.0.first_in(payload).map(|key| rules.hash_key(&key))
    }
}

/// A step to a place in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Name(String),
    Index(usize),
}

impl Place {
    fn of(element: &PathElement<'_>) -> Place {
        match element {
            PathElement::Name(name) => Place::Name((*name).to_owned()),
            PathElement::Index(index) => Place::Index(*index),
        }
    }
}

fn remove(json: &mut Json, place: &[Place]) {
    let Some((last, before)) = place.split_last() else {
        *json = Json::Null;
        return;
    };
    let parent = before.iter().try_fold(json, |json, step| match step {
        Place::Name(name) => json.get_mut(name),
        Place::Index(index) => json.get_mut(index),
    });
    match (parent, last) {
        (Some(Json::Object(members)), Place::Name(name)) => {
            members.shift_remove(name);
        }
        (Some(Json::Array(items)), Place::Index(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => {}
    }
}
