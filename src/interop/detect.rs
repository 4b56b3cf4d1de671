//! What a file is, told by what it begins with. Its ending is asked only where a text could be anything.

use super::{Importable, InteropError, pcapng};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;

/// Bytes of a file that are looked at.
const LOOK_BYTES: u64 = 256 << 10;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A session file, or what is left of one: whoever opens it says what is wrong with it.
    Session,
    /// A script.
    Script,
    /// Another tool's recording, or ours in another form.
    Import(Importable),
    /// None of these; how it begins.
    Unknown(String),
}

/// Looks at the beginning of a file. A file that can't be read is told by whoever opens it as a session file.
pub fn detect(path: &Path) -> Found {
    let has_ending = |ending: &str| path.extension().is_some_and(|other| other.eq_ignore_ascii_case(ending));
    // Only a file is read here: a pipe may keep its reader waiting for ever.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return if has_ending("toml") { Found::Script } else { Found::Session };
    }
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LOOK_BYTES).read_to_end(&mut head));
    if read.is_err() || head.is_empty() {
        return if has_ending("toml") { Found::Script } else { Found::Session };
    }
    match of_bytes(&head) {
        Some(found) => found,
        // What is compressed, and objects that begin otherwise than usual, could be anything.
        None if has_ending("har") || has_ending("zhar") => Found::Import(Importable::Har),
        None if has_ending("toml") => Found::Script,
        // A damaged session file may begin with anything.
        None if has_ending("pushscope") => Found::Session,
        None => Found::Unknown(begins(&head)),
    }
}

fn of_bytes(head: &[u8]) -> Option<Found> {
    if head.starts_with(b"SQLite format 3\0") {
        return Some(Found::Session);
    }
    if pcapng::begins(head) {
        return Some(Found::Import(Importable::Pcap));
    }
    let text = head.strip_prefix(BOM).unwrap_or(head).trim_ascii_start();
    if text.starts_with(b"{") {
        return json(text).map(Found::Import);
    }
    let is_step = |line: &[u8]| {
        let line = line.trim_ascii();
        line.starts_with(b"[[step]]") || line.starts_with(b"[[on_connect]]")
    };
    text.split(|byte| *byte == b'\n').any(is_step).then_some(Found::Script)
}

/// Which of the JSON formats it is. The first line may be longer than what is looked at.
fn json(text: &[u8]) -> Option<Importable> {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(object) = serde_json::from_slice::<Map<String, Value>>(line) {
        let has = |key: &str| object.contains_key(key);
        let is_ours = has("pushscope") || has("event") || has("connection") || (has("n") && has("kind"));
        if is_ours {
            return Some(Importable::Jsonl);
        }
    }
    match first_key(text)? {
        b"log" => Some(Importable::Har),
        b"pushscope" | b"n" if line.len() == text.len() => Some(Importable::Jsonl),
        _ => None,
    }
}

/// The first key of the first object.
fn first_key(text: &[u8]) -> Option<&[u8]> {
    let key = text.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    key.split(|byte| *byte == b'"').next()
}

fn begins(head: &[u8]) -> String {
    let head = &head[..head.len().min(24)];
    match std::str::from_utf8(head).map(str::trim) {
        Ok(text) if text.chars().all(|char| !char.is_control() || char.is_whitespace()) => {
            format!("{:?}", text.lines().next().unwrap_or_default())
        }
        _ => head.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

/// That a file is nothing that can be read, and what can be.
pub fn unknown(path: &Path, begins: &str) -> InteropError {
    let labels: Vec<&str> = Importable::ALL.into_iter().map(Importable::label).collect();
    InteropError::Input(format!(
        "{}: not a Pushscope recording, and no {}: it begins with {begins}",
        path.display(),
        labels.join(" or ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_what_they_hold_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let long = format!("{{\"n\":1,\"at_ns\":1,\"kind\":\"ws.text\",\"text\":\"{}\"}}\n", "x".repeat(1 << 20));
        for (name, content, found) in [
            ("a.txt", &b"SQLite format 3\0..."[..], Found::Session),
            ("b.pushscope", b"junk that was a recording", Found::Session),
            ("c.har", b"{\"pushscope\":{\"format\":1}}\n", Found::Import(Importable::Jsonl)),
            ("d", b"\xef\xbb\xbf\n {\"n\":7,\"kind\":\"ws.text\"}\r\n{}", Found::Import(Importable::Jsonl)),
            ("e", long.as_bytes(), Found::Import(Importable::Jsonl)),
            ("f.txt", b"name = \"x\"\n\n[[step]]\nsend = 1\n", Found::Script),
            ("g.toml", b"not a script by far", Found::Script),
            ("h.bin", b"\x00\x01\x02", Found::Unknown("00 01 02".into())),
            ("har.json", b"\xef\xbb\xbf{\n  \"log\": {\n", Found::Import(Importable::Har)),
            ("packed.zhar", b"\x78\xda\x00", Found::Import(Importable::Har)),
            ("i.json", b"{\"a\":1}\n", Found::Unknown("\"{\\\"a\\\":1}\"".into())),
            ("j", b"", Found::Session),
            ("k.dat", b"\x0a\x0d\x0d\x0a\x1c\0\0\0", Found::Import(Importable::Pcap)),
            ("l", b"\xd4\xc3\xb2\xa1\x02\0\x04\0", Found::Import(Importable::Pcap)),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            assert_eq!(detect(&path), found, "{name}");
        }
        assert_eq!(detect(&folder.path().join("missing")), Found::Session);
        assert_eq!(detect(folder.path()), Found::Session);
    }
}
