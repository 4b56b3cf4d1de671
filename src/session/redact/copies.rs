//! Values that were found by a rule, looked for where no rule finds them: echoed in a message, encoded otherwise.

use super::members::percent_decoded;
use super::shapes;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use base64::Engine as _;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// A value must be so long to be looked for: shorter ones are found in innocent text.
const LEAST_BYTES: usize = 8;

/// A value is looked for by its first bytes, up to so many.
const MOST_BYTES: usize = 4096;

/// So many bytes of values are looked for, at most.
const LIMIT_BYTES: usize = 1 << 20;

/// The values that were found, as they are gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    all: HashSet<Box<[u8]>>,
    total_bytes: usize,
    /// Values that were too many.
    pub left_out: u64,
}

impl Values {
    /// Takes a value as it stands in its text, and what it decodes to.
    pub fn take(&mut self, value: &[u8]) {
        self.take_one(value);
        if memchr::memchr(b'%', value).is_some() {
            self.take_one(&percent_decoded(value));
        }
        if memchr::memchr(b'\\', value).is_some() {
            self.take_one(&super::json::unescaped(value).0);
        }
        // Basic holds user and password; what is secret in it is the password.
        if value.len() < 1024
            && let Some(login) = shapes::login(value)
            && let Some(colon) = memchr::memchr(b':', &login)
        {
            self.take_one(&login[colon + 1..]);
        }
    }

    fn take_one(&mut self, value: &[u8]) {
        if !is_telling(value) || self.all.contains(value) {
            return;
        }
        if self.total_bytes + value.len() > LIMIT_BYTES {
            self.left_out += 1;
            return;
        }
        self.total_bytes += value.len();
        self.all.insert(value[..value.len().min(MOST_BYTES)].into());
    }

    /// Ready to be looked for, where there are any.
    pub fn copies(&self) -> Option<Copies> {
        let mut patterns: HashSet<Vec<u8>> = HashSet::new();
        for value in &self.all {
            patterns.insert(value.to_vec());
            patterns.insert(percent_encoded(value));
            patterns.insert(base64::engine::general_purpose::STANDARD_NO_PAD.encode(value).into_bytes());
            patterns.insert(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value).into_bytes());
        }
        let mut patterns: Vec<Vec<u8>> = patterns.into_iter().filter(|pattern| !pattern.is_empty()).collect();
        if patterns.is_empty() {
            return None;
        }
        patterns.sort();
        let found = AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()?;
        Some(Copies(Arc::new(found)))
    }
}

/// Whether a value is unlikely to stand in a text by chance: no plain word, no small number.
fn is_telling(value: &[u8]) -> bool {
    if value.len() < LEAST_BYTES || value.iter().all(|byte| *byte == value[0]) {
        return false;
    }
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let classes = [
        has(u8::is_ascii_lowercase),
        has(u8::is_ascii_uppercase),
        has(u8::is_ascii_digit),
        has(|byte| byte.is_ascii_punctuation()),
        has(|byte| *byte >= 0x80),
    ];
    let count = classes.iter().filter(|has| **has).count();
    count >= 3 || count == 2 && (classes[2] || value.len() >= 12) || value.len() >= 20
}

fn percent_encoded(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for byte in value {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// The values, ready to be looked for.
#[derive(Clone, Debug)]
pub(super) struct Copies(Arc<AhoCorasick>);

impl Copies {
    pub fn find(&self, text: &[u8], mut each: impl FnMut(Range<usize>)) {
        for found in self.0.find_iter(text) {
            each(found.range());
        }
    }
}
