//! The JSON in a text, for JSONPaths: all of it, what stands behind a prefix (`42[…]` of Socket.IO, the head of a STOMP
//! frame), records that U+001E ends (SignalR, polls of Engine.IO), lines.

use super::json::looks_like_json;
use serde_json::Value;
use std::ops::Range;

/// What is behind the last record of a protocol that ends or parts them.
const BETWEEN: [u8; 2] = [0, 0x1e];

/// The documents in a text, each with where it stands.
pub(super) fn documents(text: &[u8]) -> Vec<(Range<usize>, Value)> {
    if let Some(document) = document(text, 0) {
        return vec![document];
    }
    let mut found = Vec::new();
    for piece in pieces(text, 0..text.len(), |byte| *byte == 0x1e) {
        match document(&text[piece.clone()], piece.start) {
            Some(document) => found.push(document),
            None => {
                let lines = pieces(text, piece, |byte| *byte == b'\n');
                found.extend(lines.filter_map(|line| document(&text[line.clone()], line.start)));
            }
        }
    }
    found
}

/// Whether a text should be JSON and none of it can be read, so that no JSONPath was looked for in it.
pub(super) fn cannot_be_read(text: &[u8]) -> bool {
    looks_like_json(text) && documents(text).is_empty()
}

fn pieces(text: &[u8], range: Range<usize>, parts: impl Fn(&u8) -> bool + Copy) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    text[range].split(parts).map(move |piece| {
        let start = at;
        at += piece.len() + 1;
        start..start + piece.len()
    })
}

/// What stands from the first bracket or brace to the end, if that is JSON.
fn document(text: &[u8], at: usize) -> Option<(Range<usize>, Value)> {
    let end = text.iter().rposition(|byte| !byte.is_ascii_whitespace() && !BETWEEN.contains(byte))? + 1;
    let begins = [memchr::memchr2(b'[', b'{', text), memchr::memchr(b'{', text)];
    let read = |start: usize| Some((start, serde_json::from_slice(text.get(start..end)?).ok()?));
    let (start, value) = begins[0].and_then(read).or_else(|| {
        let other = begins[1].filter(|start| begins[0] != Some(*start));
        other.and_then(read)
    })?;
    Some((at + start..at + end, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_behind_prefixes_and_between_marks() {
        let found = |text: &str| -> Vec<String> {
            let all = documents(text.as_bytes());
            all.into_iter()
                .map(|(range, value)| {
                    assert_eq!(serde_json::from_str::<Value>(&text[range]).unwrap(), value);
                    value.to_string()
                })
                .collect()
        };
        assert_eq!(found(" {\"a\":1} "), ["{\"a\":1}"]);
        assert_eq!(found("42/admin,7[\"x\",{\"a\":1}]"), ["[\"x\",{\"a\":1}]"]);
        assert_eq!(found("SEND\nto:/q\n\n{\"a\":1}\0"), ["{\"a\":1}"]);
        assert_eq!(found("{\"a\":1}\x1e{\"b\":2}\x1e"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(found("{\"a\":1}\n{\"b\":2}\n"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(found("[info] {\"a\":1}"), ["{\"a\":1}"]);
        assert!(found("no [JSON] at all").is_empty() && found("").is_empty());
        assert!(cannot_be_read(b"{\"a\":") && !cannot_be_read(b"text") && !cannot_be_read(b"[1]"));
        assert!(cannot_be_read("[".repeat(500).as_bytes()));
    }
}
