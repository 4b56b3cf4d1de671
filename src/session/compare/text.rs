//! What differs between two texts: by lines, and within lines that were changed by words.

use super::lcs;
use std::ops::Range;
use std::time::Instant;

/// Lines around a difference that are told, too.
const AROUND_LINES: usize = 3;
/// Lines that are told.
const LINES_LIMIT: usize = 20_000;
/// A longer pair of lines is not compared by words.
const WORDS_LIMIT_BYTES: usize = 1 << 20;
/// Characters of a line that are told.
const LINE_BYTES: usize = 64 << 10;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Both texts have it.
    Same,
    /// Only the first has it.
    Removed,
    /// Only the second has it.
    Added,
    /// So many lines that both have are not told.
    Folded(usize),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it says.
    pub text: String,
    /// Whether the other text does not have it.
    pub differs: bool,
}

/// A line of either text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: LineKind,
    /// Its number in the first text, from 1.
    pub a: Option<usize>,
    /// Its number in the second.
    pub b: Option<usize>,
    /// What it says.
    pub pieces: Vec<Piece>,
}

/// What differs between two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDiff {
    /// The lines that differ, with some around them.
    pub lines: Vec<Line>,
    /// Lines removed and added.
    pub counts: (usize, usize),
    /// Lines that are not told, for there are too many.
    pub left_out: usize,
    /// Whether there was no time to find all that both have in common.
    pub is_coarse: bool,
}

impl TextDiff {
    /// Compares two texts; after the deadline more coarsely.
    pub fn new(a: &str, b: &str, deadline: Instant) -> TextDiff {
        let (lines_a, lines_b): (Vec<&str>, Vec<&str>) =
            (a.split_inclusive('\n').collect(), b.split_inclusive('\n').collect());
        let mut diff = TextDiff { lines: Vec::new(), counts: (0, 0), left_out: 0, is_coarse: false };
        let runs = lcs::runs(&lines_a, &lines_b, deadline);
        let count = runs.len();
        for (number, run) in runs.into_iter().enumerate() {
            if run.is_same {
                diff.same(&lines_a, run.a, run.b.start, (number > 0, number + 1 < count));
                continue;
            }
            diff.counts.0 += run.a.len();
            diff.counts.1 += run.b.len();
            let both = run.a.len().min(run.b.len());
            let mut added = Vec::new();
            for n in 0..both {
                let (from, to) = (lines_a[run.a.start + n], lines_b[run.b.start + n]);
                let (from, to) = by_words(from, to, deadline);
                diff.put(LineKind::Removed, Some(run.a.start + n), None, from);
                added.push((run.b.start + n, to));
            }
            for (at, line) in lines_a.iter().enumerate().take(run.a.end).skip(run.a.start + both) {
                diff.put(LineKind::Removed, Some(at), None, vec![piece(line, true)]);
            }
            for (at, pieces) in added {
                diff.put(LineKind::Added, None, Some(at), pieces);
            }
            for (at, line) in lines_b.iter().enumerate().take(run.b.end).skip(run.b.start + both) {
                diff.put(LineKind::Added, None, Some(at), vec![piece(line, true)]);
            }
        }
        diff.is_coarse = Instant::now() >= deadline;
        diff
    }

    /// Lines that both have: those near a difference are told.
    fn same(&mut self, lines: &[&str], run: Range<usize>, first_b: usize, (is_after, is_before): (bool, bool)) {
        let (head, tail) = (if is_after { AROUND_LINES } else { 0 }, if is_before { AROUND_LINES } else { 0 });
        let len = run.len();
        for at in 0..len {
            if at < head || at + tail >= len {
                let text = vec![piece(lines[run.start + at], false)];
                self.put(LineKind::Same, Some(run.start + at), Some(first_b + at), text);
            } else if at == head {
                self.put(LineKind::Folded(len - head - tail.min(len - head)), None, None, Vec::new());
            }
        }
    }

    fn put(&mut self, kind: LineKind, a: Option<usize>, b: Option<usize>, pieces: Vec<Piece>) {
        if self.lines.len() >= LINES_LIMIT {
            self.left_out += 1;
            return;
        }
        self.lines.push(Line { kind, a: a.map(|at| at + 1), b: b.map(|at| at + 1), pieces });
    }
}

fn piece(text: &str, differs: bool) -> Piece {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let mut cut = text.len().min(LINE_BYTES);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let more = if cut < text.len() { format!("… {} bytes more", text.len() - cut) } else { String::new() };
    Piece { text: format!("{}{more}", &text[..cut]), differs }
}

/// Two lines by words.
fn by_words(a: &str, b: &str, deadline: Instant) -> (Vec<Piece>, Vec<Piece>) {
    if a.len().max(b.len()) > WORDS_LIMIT_BYTES {
        return (vec![piece(a, true)], vec![piece(b, true)]);
    }
    let (words_a, words_b) = (words(a), words(b));
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for run in lcs::runs(&words_a, &words_b, deadline) {
        let text = |words: &[&str]| piece(&words.concat(), !run.is_same);
        if !run.a.is_empty() {
            from.push(text(&words_a[run.a.clone()]));
        }
        if !run.b.is_empty() {
            to.push(text(&words_b[run.b.clone()]));
        }
    }
    (from, to)
}

/// A line's words: letters and digits, blanks, and each other character on its own.
fn words(line: &str) -> Vec<&str> {
    let class = |char: char| match char {
        char if char.is_alphanumeric() && char.is_ascii() => 1,
        char if char.is_whitespace() => 2,
        _ => 0,
    };
    let (mut words, mut start, mut before) = (Vec::new(), 0, 0);
    for (at, char) in line.char_indices() {
        let now = class(char);
        if at > start && (now == 0 || now != before) {
            words.push(&line[start..at]);
            start = at;
        }
        before = now;
    }
    if start < line.len() {
        words.push(&line[start..]);
    }
    words
}
