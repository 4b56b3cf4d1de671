//! Secrets that go by a name in a text: members of JSON objects, parameters, lines such as `password: …`, elements.

use super::head;
use super::json::{Place, Token, Tokens, unescaped};
use super::names::{self, Where};
use super::rules::Group;
use super::scan::Hit;
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::LazyLock;

/// JSON in a string of JSON in a string …: so deep is looked.
const MOST_NESTED: usize = 4;

/// A name and its value may be this long apart in a list of pairs.
const LINE_LIMIT_BYTES: usize = 8 * 1024;

/// Finds members of JSON objects by their names; pairs of a header's name and value as well.
pub(super) fn json(text: &[u8], nested: usize, hits: &mut Vec<Hit>) {
    let mut place = Place::default();
    // The value that comes next has a secret name; the container at this depth has one.
    let (mut next, mut inside): (Option<String>, Option<(usize, String)>) = (None, None);
    // What the value beside it is the name of, in `{"name": …, "value": …}` and `["name", "value"]`, and at which depth.
    let mut pair: Option<(usize, String)> = None;
    let mut key = String::new();
    for token in Tokens::new(text) {
        let depth = place.depth();
        match &token {
            Token::Key(range) => {
                key = String::from_utf8_lossy(&unescaped(&text[range.start..range.end.min(range.start + 200)]).0)
                    .into_owned();
                let is_value = matches!(key.as_str(), "value" | "Value");
                next = match &pair {
                    Some((at, name)) if *at == depth && is_value => Some(name.clone()),
                    _ => names::is_secret(&key, Where::Member).then(|| key.clone()),
                };
            }
            Token::Text(range, has_escapes) => {
                let is_in_pair = pair.as_ref().is_some_and(|(at, _)| *at == depth) && place.index() == Some(1);
                let name = match (&next, &inside) {
                    (Some(name), _) | (None, Some((_, name))) => Some(name.clone()),
                    _ if is_in_pair => pair.take().map(|(_, name)| name),
                    _ => None,
                };
                let value = &text[range.clone()];
                if let Some(name) = name {
                    let path = place.path(text);
                    let mut found = Vec::new();
                    head::secret(&name, text, range.clone(), Group::Members, &mut found);
                    hits.extend(found.into_iter().map(|hit| Hit { place: path.clone(), ..hit }));
                } else if names_a_header(value)
                    && (place.index() == Some(0) || matches!(key.as_str(), "name" | "key" | "header"))
                {
                    pair = Some((depth, String::from_utf8_lossy(value).into_owned()));
                } else if *has_escapes && nested < MOST_NESTED && value.contains(&b'=') | value.contains(&b':') {
                    in_string(value, range.start, nested, &place.path(text), hits);
                }
                next = None;
            }
            Token::Number(range) => {
                if let Some(_name) = next.take().or(inside.as_ref().map(|(_, name)| name.clone())) {
                    hits.push(Hit { is_number: true, ..Hit::new(range.clone(), Group::Members, place.path(text)) });
                }
            }
            Token::Open { .. } => {
                if let (Some(name), None) = (next.take(), &inside) {
                    inside = Some((depth, name));
                }
            }
            Token::Close => {
                next = None;
                if inside.as_ref().is_some_and(|(at, _)| *at + 1 >= depth) {
                    inside = None;
                }
                if pair.as_ref().is_some_and(|(at, _)| *at >= depth) {
                    pair = None;
                }
            }
            Token::Word => next = None,
        }
        place.take(&token);
    }
}

fn names_a_header(text: &[u8]) -> bool {
    let is_name =
        text.len() <= 60 && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_name && std::str::from_utf8(text).is_ok_and(|name| names::is_secret(name, Where::Header) && name.len() > 3)
}

/// What is in a string of JSON, which may be JSON itself.
fn in_string(value: &[u8], start: usize, nested: usize, path: &str, hits: &mut Vec<Hit>) {
    let (plain, from) = unescaped(value);
    let mut found = Vec::new();
    if memchr::memchr(b'"', &plain).is_some() {
        json(&plain, nested + 1, &mut found);
    }
    lines(&plain, &mut found);
    parameters(&plain, false, &mut found);
    for hit in found {
        let range = start + from[hit.range.start]..start + from[hit.range.end.min(plain.len())];
        let place = if hit.place.starts_with('$') { format!("{path} › {}", hit.place) } else { hit.place.clone() };
        // A number in there is text out here, but has to stay a number.
        hits.push(Hit { range, place, ..hit });
    }
}

/// Marks the values at some JSON Pointers, and all that is in them.
pub(super) fn at_pointers(text: &[u8], wanted: &[String], shown: &str, hits: &mut Vec<Hit>) {
    let mut place = Place::default();
    for token in Tokens::new(text) {
        if let Token::Text(range, _) | Token::Number(range) = &token {
            let pointer = place.pointer(text);
            let is_wanted = wanted.iter().any(|wanted| {
                pointer.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            if is_wanted {
                let is_number = matches!(token, Token::Number(_));
                hits.push(Hit { is_number, ..Hit::new(range.clone(), Group::Own, shown) });
            }
        }
        place.take(&token);
    }
}

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"^[ \t]*([A-Za-z][A-Za-z0-9_.-]{1,60})[ \t]*:[ \t]*([^\r\n]+?)[ \t]*\r?$";
    RegexBuilder::new(pattern).unicode(false).multi_line(true).build().ok()
});

static ELEMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"<(?:[A-Za-z0-9_-]+:)?([A-Za-z][A-Za-z0-9_.-]{1,60})(?:\s[^<>]{0,500})?>([^<>]+)</";
    RegexBuilder::new(pattern).unicode(false).build().ok()
});

/// Finds lines such as `Cookie: …` and `password: …`: in text, and in heads that were cut off.
pub(super) fn lines(text: &[u8], hits: &mut Vec<Hit>) {
    let Some(line) = LINE.as_ref().filter(|_| memchr::memchr(b':', text).is_some()) else { return };
    for found in line.captures_iter(text) {
        let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
        let shown = String::from_utf8_lossy(name.as_bytes()).into_owned();
        let lower = shown.to_ascii_lowercase();
        if names::is_kept_field(&lower) || value.len() > LINE_LIMIT_BYTES * 128 {
            continue;
        }
        let mut in_line = Vec::new();
        head::field(&lower, &shown, value.as_bytes(), &mut in_line);
        if in_line.is_empty() && !lower.contains("cookie") && names::is_secret(&shown, Where::Member) {
            in_line.push(Hit::new(0..value.len(), Group::Members, shown));
        }
        let moved = |hit: Hit| Hit { range: hit.range.start + value.start()..hit.range.end + value.start(), ..hit };
        hits.extend(in_line.into_iter().map(moved));
    }
}

/// Finds elements of XML by their names.
pub(super) fn elements(text: &[u8], hits: &mut Vec<Hit>) {
    let Some(element) = ELEMENT.as_ref().filter(|_| memchr::memmem::find(text, b"</").is_some()) else { return };
    for found in element.captures_iter(text) {
        let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
        let name = String::from_utf8_lossy(name.as_bytes());
        if names::is_secret(&name, Where::Member) {
            hits.push(Hit::new(value.range(), Group::Members, name));
        }
    }
}

/// Finds `name=value` in addresses, forms and text, also where the address is itself percent-encoded.
pub(super) fn parameters(text: &[u8], is_form: bool, hits: &mut Vec<Hit>) {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'=', b'%', &text[at..]) {
        let equals = at + found;
        let is_encoded = text[equals] == b'%';
        if is_encoded && !text[equals..].get(1..3).is_some_and(|hex| hex.eq_ignore_ascii_case(b"3D")) {
            at = equals + 1;
            continue;
        }
        let value_start = equals + if is_encoded { 3 } else { 1 };
        at = value_start;
        let (name, before) = name_before(&text[..equals], is_encoded);
        let is_parameter = matches!(before, Some(b'?' | b'&' | b'#')) || is_form && matches!(before, None | Some(b';'));
        let place = if is_parameter || is_encoded { Where::Parameter } else { Where::Member };
        let name = String::from_utf8_lossy(&percent_decoded(name)).into_owned();
        if !names::is_secret(&name, place) {
            continue;
        }
        let value = value_at(text, value_start, is_encoded);
        if !value.is_empty() {
            at = value.end;
            hits.push(Hit::new(value, Group::Parameters, name));
        }
    }
}

/// The name that ends here, and the byte before it.
fn name_before(text: &[u8], is_encoded: bool) -> (&[u8], Option<u8>) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-[]%$".contains(byte);
    let newest = &text[text.len().saturating_sub(100)..];
    let start = newest.iter().rposition(|byte| !is_part(byte)).map_or(0, |at| at + 1);
    let mut name = &newest[start..];
    if is_encoded {
        // %3F or %26 begins the name.
        let ends = |part: &[u8]| [&b"%3F"[..], b"%26", b"%3f"].contains(&part);
        if let Some(at) = name.windows(3).rposition(ends) {
            name = &name[at + 3..];
            return (name, Some(b'&'));
        }
    }
    let before = text.len() - name.len();
    (name, before.checked_sub(1).map(|at| text[at]))
}

fn value_at(text: &[u8], start: usize, is_encoded: bool) -> Range<usize> {
    let rest = &text[start..];
    if let Some(quote @ (b'"' | b'\'')) = rest.first()
        && let Some(end) = memchr::memchr2(*quote, b'\\', &rest[1..])
        && rest[1 + end] == *quote
    {
        return start + 1..start + 1 + end;
    }
    let ends = |at: usize| {
        let byte = rest[at];
        byte <= b' '
            || b"&;\"'<>#\\".contains(&byte)
            || byte == 0x7f
            || is_encoded && rest[at..].len() >= 3 && (&rest[at..at + 3] == b"%26" || &rest[at..at + 3] == b"%23")
    };
    let len = (0..rest.len()).find(|at| ends(*at)).unwrap_or(rest.len());
    start..start + len
}

/// With its percent-encoding undone (RFC 3986 §2.1).
pub(super) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| text[at] == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}
