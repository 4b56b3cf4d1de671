//! Two messages, compared.

use super::bytes::BytesDiff;
use super::content::{Content, Rules};
use super::json::{self, CHANGES_LIMIT, JsonDiff};
use super::text::TextDiff;
use crate::session::{RecordId, Session};
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

/// What a record says: its payload, or where it has none, its bytes on the wire.
pub fn read(session: &Session, id: RecordId) -> Message {
    let Some(record) = session.records().get(id).copied() else {
        return Message { payload: Vec::new(), left_out: 0 };
    };
    let explained = session.explain_within(id, MESSAGE_LIMIT_BYTES);
    if record.kind.is_fact() {
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
