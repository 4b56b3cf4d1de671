//! Commands pasted into the address bar, as drafts. What is not understood is named, never dropped.

mod curl;
mod websocat;
mod words;

use super::Draft;
use words::{Piece, pieces};

/// A command as a draft.
#[derive(Clone, Debug, PartialEq)]
pub struct Pasted {
    /// What the command asks for.
    pub draft: Draft,
    /// What of it is otherwise here, in sentences.
    pub notes: Vec<String>,
}

/// Reads a command; `None` where the text is none.
pub fn read(text: &str) -> Option<Result<Pasted, String>> {
    let text = text.trim();
    let begins = text.split_whitespace().next()?;
    let is_known = |word: &str| matches!(word, "curl" | "curl.exe" | "websocat" | "websocat.exe" | "$" | "#");
    let is_piped = matches!(begins, "printf" | "echo") && (text.contains("curl ") || text.contains("websocat "));
    if !is_known(begins) && !is_piped {
        return None;
    }
    let name = if text.contains("websocat ") && !text.contains("curl ") { "websocat" } else { "curl" };
    match pieces(text) {
        Ok(pieces) => command(pieces, name),
        Err(why) => Some(Err(format!("{name}: {why}"))),
    }
}

/// The command among what stands before and behind it.
fn command(pieces: Vec<Piece>, name: &str) -> Option<Result<Pasted, String>> {
    let mut parts: Vec<(Vec<Vec<u8>>, String)> = vec![(Vec::new(), String::new())];
    for piece in pieces {
        match piece {
            Piece::Word(word) => parts.last_mut()?.0.push(word),
            Piece::Operator(operator) => {
                parts.last_mut()?.1 = operator;
                parts.push((Vec::new(), String::new()));
            }
        }
    }
    let is_command = |words: &[Vec<u8>]| {
        let first = words.iter().find(|word| *word != b"$").map(Vec::as_slice);
        first.is_some_and(|word| matches!(word, b"curl" | b"curl.exe" | b"websocat" | b"websocat.exe"))
    };
    let at = parts.iter().position(|(words, _)| is_command(words))?;
    let before = at.checked_sub(1).map(|before| &parts[before]).filter(|(_, operator)| operator == "|");
    let input = match before.map(|(words, _)| words::printed(words)).transpose() {
        Ok(input) => input,
        Err(why) => return Some(Err(format!("{name}: {why}"))),
    };
    let behind = &parts[at].1;
    let mut words = Vec::new();
    for word in &parts[at].0 {
        match String::from_utf8(word.clone()) {
            Ok(word) if word == "$" => {}
            Ok(word) => words.push(word),
            Err(_) => return Some(Err(format!("{name}: {} is no text", String::from_utf8_lossy(word)))),
        }
    }
    let read = match words.remove(0).starts_with("curl") {
        true => curl::read(&words, input.as_deref()),
        false => websocat::read(&words, input.as_deref()),
    };
    Some(read.map(|mut pasted| {
        if !behind.is_empty() {
            pasted.notes.push(format!("what stands behind the {behind} is left out"));
        }
        pasted
    }))
}

#[cfg(test)]
mod tests;
