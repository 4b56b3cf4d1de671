//! Two messages, compared.

use super::bytes::BytesDiff;
use super::content::{Content, Rules};
use super::json::{self, CHANGES_LIMIT, Change, JsonDiff};
use super::text::{LineKind, TextDiff};
use crate::session::{Explained, Kind, RecordId, Session, one_line};
use std::time::{Duration, Instant};

/// Bytes of a message that are compared at most.
pub const MESSAGE_LIMIT_BYTES: usize = 16 << 20;
/// A longer text is compared as bytes.
const TEXT_LIMIT_BYTES: usize = 4 << 20;
/// How long what two messages have in common is looked for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A message to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub payload: Vec<u8>,
    /// How many bytes of it were left out, for it is too long.
    pub left_out: u64,
}

/// How two messages differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Byte by byte they are the same.
    Equal,
    /// Both are JSON that says the same, but for what is ignored; they are written differently.
    Alike,
    /// Both are JSON.
    Json(JsonDiff),
    /// Both are text.
    Text(TextDiff),
    /// One of them at least is neither, or too long.
    Bytes(BytesDiff),
}

/// Changes that are told in a line, and characters of a value in it.
const LINE_CHANGES: usize = 3;
const LINE_CHARS: usize = 60;

impl Difference {
    /// In one line.
    pub fn line(&self) -> String {
        match self {
            Difference::Equal => "equal".to_owned(),
            Difference::Alike => "equal, written differently".to_owned(),
            Difference::Json(diff) => {
                let mut told: Vec<String> = diff.changes.iter().take(LINE_CHANGES).map(Change::line).collect();
                let more = (diff.changes.len() + diff.left_out).saturating_sub(told.len());
                if more > 0 {
                    told.push(format!("{more} more"));
                }
                told.join("; ")
            }
            Difference::Text(diff) => {
                let of = |kind: LineKind| {
                    let lines = diff.lines.iter().filter(move |line| line.kind == kind);
                    let pieces = lines.flat_map(|line| &line.pieces).filter(|piece| piece.differs);
                    short(&pieces.take(LINE_CHANGES).map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" … "))
                };
                format!("“{}” → “{}”", of(LineKind::Removed), of(LineKind::Added))
            }
            Difference::Bytes(diff) => {
                let (a, b) = diff.differing();
                let at = diff.differences().next().map_or(0, |(a, _)| a.start);
                let unit = if a == 1 { "byte" } else { "bytes" };
                format!("from byte {at} on, {a} {unit} became {b}")
            }
        }
    }
}

impl Change {
    /// In one line.
    pub fn line(&self) -> String {
        let path = self.path();
        match self {
            Change::Added { value, .. } => format!("{path} added: {}", short(&value.to_string())),
            Change::Removed { value, .. } => format!("{path} removed: {}", short(&value.to_string())),
            Change::Changed { from, to, .. } => {
                let [from, to] = apart(&one_line(&from.to_string()), &one_line(&to.to_string()));
                format!("{path}: {} → {}", short(&from), short(&to))
            }
        }
    }
}

/// So much of what two texts begin with needs no cutting, and so much of it stands before what differs.
const ALIKE_CHARS: usize = 24;
const BEFORE_CHARS: usize = 12;

/// Of two texts that begin alike, leaves out what would push what differs out of a line.
pub fn apart(a: &str, b: &str) -> [String; 2] {
    let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if alike <= ALIKE_CHARS || a == b {
        return [a.to_owned(), b.to_owned()];
    }
    [a, b].map(|text| format!("…{}", text.chars().skip(alike - BEFORE_CHARS).collect::<String>()))
}

fn short(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(LINE_CHARS) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

/// What a record says: its payload, or where it has none, its bytes on the wire.
pub fn read(session: &Session, id: RecordId) -> Message {
    match session.records().get(id) {
        Some(_) => message(session, session.explain_within(id, MESSAGE_LIMIT_BYTES)),
        None => Message { payload: Vec::new(), left_out: 0 },
    }
}

/// What many records say, in one pass over their bytes. They should fit into memory at once.
pub fn read_all(session: &Session, ids: &[RecordId]) -> Vec<Message> {
    session.explain_all(ids, MESSAGE_LIMIT_BYTES).into_iter().map(|explained| message(session, explained)).collect()
}

fn message(session: &Session, explained: Explained) -> Message {
    let record = explained.record;
    if record.kind.is_fact() || record.kind == Kind::WsClose {
        return Message { payload: session.line(&explained).into_bytes(), left_out: 0 };
    }
    if explained.payload.is_empty() && record.payload_len == 0 {
        let len = (record.len as usize).min(MESSAGE_LIMIT_BYTES);
        let payload = session.wire(record.link, record.dir, record.start, len);
        let left_out = record.len - payload.len() as u64;
        return Message { payload, left_out };
    }
    let payload = explained.payload;
    let left_out = record.payload_len.saturating_sub(payload.len() as u64);
    Message { payload, left_out }
}

/// How two messages differ; as bytes where that is wanted.
pub fn compare(a: Message, b: Message, rules: &Rules, as_bytes: bool) -> Difference {
    let deadline = Instant::now() + PATIENCE;
    if a.payload == b.payload {
        // What was left out may still differ.
        return if (a.left_out, b.left_out) == (0, 0) || a == b { Difference::Equal } else { bytes(a, b, deadline) };
    }
    let is_text = |message: &Message| message.payload.len() <= TEXT_LIMIT_BYTES;
    if as_bytes {
        return bytes(a, b, deadline);
    }
    match (rules.content(&a.payload), rules.content(&b.payload)) {
        (Content::Json(_), Content::Json(_)) if rules.are_equal(&a.payload, &b.payload) => Difference::Alike,
        (Content::Json(from), Content::Json(to)) => {
            let diff = json::diff(&from, &to, rules, CHANGES_LIMIT, deadline);
            // Numbers too long to be told apart as numbers are told apart as text.
            if diff.changes.is_empty() { text(a, b, deadline) } else { Difference::Json(diff) }
        }
        (Content::Bytes, _) | (_, Content::Bytes) => bytes(a, b, deadline),
        _ if is_text(&a) && is_text(&b) => text(a, b, deadline),
        _ => bytes(a, b, deadline),
    }
}

fn text(a: Message, b: Message, deadline: Instant) -> Difference {
    match (std::str::from_utf8(&a.payload), std::str::from_utf8(&b.payload)) {
        (Ok(from), Ok(to)) => Difference::Text(TextDiff::new(from, to, deadline)),
        _ => bytes(a, b, deadline),
    }
}

fn bytes(a: Message, b: Message, deadline: Instant) -> Difference {
    Difference::Bytes(BytesDiff::new(a.payload, b.payload, deadline))
}
