//! Texts are looked through for secrets: what a hit is, and which rules look where.

use super::copies::Copies;
use super::documents::{cannot_be_read, documents};
use super::json::{self, looks_like_json};
use super::names::{self, Where};
use super::rules::{Group, Own, RuleError, Rules};
use super::{members, shapes};
use std::ops::Range;

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Its bytes.
    pub range: Range<usize>,
    /// By which rules it was found.
    pub group: Group,
    /// Where it stands: a header's name, a parameter, a path.
    pub place: String,
    /// It is a number of JSON, which has to stay one.
    pub is_number: bool,
}

impl Hit {
    pub fn new(range: Range<usize>, group: Group, place: impl Into<String>) -> Hit {
        Hit { range, group, place: place.into(), is_number: false }
    }
}

/// Looks for what the rules say.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    pub rules: Rules,
    own: Own,
    /// Values that were found and are looked for everywhere.
    pub copies: Option<Copies>,
}

impl Scanner {
    pub fn new(rules: &Rules) -> Result<Scanner, RuleError> {
        Ok(Scanner { rules: rules.clone(), own: Own::of(rules)?, copies: None })
    }

    /// What a message, a body or another text says.
    pub fn payload(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let is_json = looks_like_json(text);
        if memchr::memchr(b'"', text).is_some() {
            members::json(text, 0, &mut hits);
        }
        if !is_json {
            members::lines(text, &mut hits);
            members::elements(text, &mut hits);
        }
        members::parameters(text, is_form(text), &mut hits);
        shapes::find(text, &mut hits);
        self.paths(text, &mut hits);
        self.everywhere(text, "", &mut hits);
        self.settle(text, is_json, hits)
    }

    /// The value of a header field.
    pub fn header(&self, name: &[u8], value: &[u8]) -> Vec<Hit> {
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        if names::is_kept_field(&lower) {
            return Vec::new();
        }
        let shown = String::from_utf8_lossy(name).into_owned();
        let mut hits = Vec::new();
        if self.own.headers.contains(&lower) {
            hits.push(Hit::new(0..value.len(), Group::Own, shown.clone()));
        }
        super::head::field(&lower, &shown, value, &mut hits);
        // What these hold has names of its own.
        let is_own = lower.contains("cookie") || lower.contains("authorization");
        if !is_own {
            members::parameters(value, false, &mut hits);
        }
        shapes::find(value, &mut hits);
        if looks_like_json(value) {
            members::json(value, 0, &mut hits);
        }
        self.everywhere(value, &shown, &mut hits);
        // A subprotocol is agreed on by name: only what is told apart as a token goes.
        if lower == "sec-websocket-protocol" {
            hits.retain(|hit| !matches!(hit.group, Group::Own));
        }
        self.settle(value, false, hits)
    }

    /// A request target.
    pub fn target(&self, target: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        members::parameters(target, false, &mut hits);
        shapes::find(target, &mut hits);
        self.everywhere(target, "", &mut hits);
        self.settle(target, false, hits)
    }

    /// A sentence, or JSON, that Pushscope itself recorded.
    pub fn plain(&self, text: &str) -> Vec<Hit> {
        self.payload(text.as_bytes())
    }

    /// A text with its secrets replaced.
    pub fn masked(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for hit in self.plain(text) {
            for (range, with) in marks(&bytes, &hit) {
                bytes[range].fill(with);
            }
        }
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Whether a name is one whose value the user's own rules or ours take for secret.
    pub fn is_secret_name(&self, name: &str) -> bool {
        names::is_secret(name, Where::Parameter)
    }

    fn everywhere(&self, text: &[u8], name: &str, hits: &mut Vec<Hit>) {
        for (pattern, regex) in &self.own.patterns {
            let place = || if name.is_empty() { pattern.clone() } else { format!("{name}, {pattern}") };
            // In a header, the pattern may speak of its name, too.
            let line = if name.is_empty() { text.to_vec() } else { [name.as_bytes(), b": ", text].concat() };
            let before = line.len() - text.len();
            for found in regex.captures_iter(&line) {
                let first = usize::from(found.len() > 1);
                for group in (first..found.len()).filter_map(|at| found.get(at)) {
                    let range = group.start().max(before)..group.end().max(before);
                    if !range.is_empty() {
                        hits.push(Hit::new(range.start - before..range.end - before, Group::Own, place()));
                    }
                }
            }
        }
        if let Some(copies) = &self.copies {
            copies.find(text, |range| hits.push(Hit::new(range, Group::Copies, name)));
        }
    }

    fn paths(&self, text: &[u8], hits: &mut Vec<Hit>) {
        if self.own.paths.is_empty() {
            return;
        }
        for (range, document) in documents(text) {
            for (shown, path) in &self.own.paths {
                let wanted: Vec<String> =
                    path.query_located(&document).locations().map(|place| place.to_json_pointer()).collect();
                if wanted.is_empty() {
                    continue;
                }
                let mut found = Vec::new();
                members::at_pointers(&text[range.clone()], &wanted, shown, &mut found);
                let moved = |hit: Hit| Hit { range: hit.range.start + range.start..hit.range.end + range.start, ..hit };
                hits.extend(found.into_iter().map(moved));
            }
        }
    }

    /// Whether a text is beyond the user's JSONPaths: it should be JSON, and cannot be read as such.
    pub fn is_beyond_paths(&self, text: &[u8]) -> bool {
        !self.own.paths.is_empty() && self.rules.has(Group::Own) && cannot_be_read(text)
    }

    /// The hits that count: of rules that are on, none inside another, cut so that the text stays what it is.
    fn settle(&self, text: &[u8], is_json: bool, mut hits: Vec<Hit>) -> Vec<Hit> {
        hits.retain(|hit| {
            self.rules.has(hit.group) && !hit.range.is_empty() && !is_left_out(&text[hit.range.clone()], hit)
        });
        let is_inexact = |group| matches!(group, Group::Own | Group::Copies | Group::Tokens);
        let scalars = (is_json && hits.iter().any(|hit| hit.group == Group::Own)).then(|| scalars(text));
        let mut cut = Vec::new();
        for mut hit in hits {
            hit.range = whole_characters(text, hit.range);
            if is_json && is_inexact(hit.group) {
                hit.range = json::whole_escapes(text, hit.range);
            }
            match &scalars {
                // What holds a document together stays, whatever a pattern matches.
                Some(scalars) if hit.group == Group::Own => {
                    let first = scalars.partition_point(|(range, _)| range.end <= hit.range.start);
                    for (range, is_number) in scalars[first..].iter().take_while(|(r, _)| r.start < hit.range.end) {
                        let range = range.start.max(hit.range.start)..range.end.min(hit.range.end);
                        cut.push(Hit { range, is_number: *is_number, ..hit.clone() });
                    }
                }
                _ => cut.push(hit),
            }
        }
        cut.sort_by_key(|hit| (hit.range.start, std::cmp::Reverse(hit.range.end), hit.group));
        let mut end = 0;
        cut.retain(|hit| {
            let is_new = hit.range.end > end;
            end = end.max(hit.range.end);
            is_new
        });
        cut
    }
}

/// Whether a secret was replaced before, or left out by whoever recorded it.
fn is_left_out(secret: &[u8], hit: &Hit) -> bool {
    let mark = if hit.is_number { b'9' } else { b'*' };
    secret.iter().all(|byte| *byte == mark) || secret == b"(left out)"
}

/// Whether a text is a form (`name=value&name=value`), or a query.
fn is_form(text: &[u8]) -> bool {
    let first = &text[..text.len().min(256)];
    let Some(equals) = memchr::memchr(b'=', first) else { return false };
    equals > 0
        && first[..equals].iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-[]%+".contains(byte))
        && !first.iter().any(|byte| byte.is_ascii_whitespace() || *byte < b' ')
}

fn whole_characters(text: &[u8], range: Range<usize>) -> Range<usize> {
    let goes_on = |at: usize| text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    let (mut start, mut end) = (range.start, range.end);
    while goes_on(start) && start > 0 && range.start - start < 3 {
        start -= 1;
    }
    while goes_on(end) && end - range.end < 3 {
        end += 1;
    }
    start..end
}

/// The insides of strings and the numbers of a JSON text, and which are numbers.
fn scalars(text: &[u8]) -> Vec<(Range<usize>, bool)> {
    let token = |token| match token {
        json::Token::Key(range) | json::Token::Text(range, _) => Some((range, false)),
        json::Token::Number(range) => Some((range, true)),
        _ => None,
    };
    json::Tokens::new(text).filter_map(token).collect()
}

/// What is written over a hit: the parts of it that are no control characters, and the byte that takes their place. Of a
/// number, the digits before its exponent. What stands before the text of a line stays, since it makes a line of a head
/// go on (RFC 9112 §5.2).
pub(super) fn marks(text: &[u8], hit: &Hit) -> Vec<(Range<usize>, u8)> {
    let (mut range, with) = (hit.range.clone(), if hit.is_number { b'9' } else { b'*' });
    if hit.is_number
        && let Some(exponent) = text[range.clone()].iter().position(|byte| matches!(byte, b'e' | b'E'))
    {
        range.end = range.start + exponent;
    }
    let goes = |byte: u8| if hit.is_number { byte.is_ascii_digit() } else { byte >= b' ' && byte != 0x7f };
    let (mut out, mut at) = (Vec::new(), range.start);
    while at < range.end {
        let rest = &text[at..range.end];
        let mut skip = rest.iter().position(|byte| goes(*byte)).unwrap_or(rest.len());
        if skip > 0 && rest[skip - 1] == b'\n' {
            skip += rest[skip..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        }
        let len = rest[skip..].iter().position(|byte| !goes(*byte)).unwrap_or(rest.len() - skip);
        if len > 0 {
            out.push((at + skip..at + skip + len, with));
        }
        at += skip + len;
    }
    out
}
