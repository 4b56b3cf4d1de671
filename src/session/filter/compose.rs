//! Terms made from what is on the screen, written so that the parser takes them back.

use crate::dissect::{Explained, Field, GAP, Record, Value};
use crate::session::Session;

/// Bytes of a value that a term may hold: longer ones help nobody.
const VALUE_LIMIT_BYTES: u64 = 160;

/// Text in quotation marks.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// Records of this kind.
pub fn of_kind(record: &Record) -> String {
    format!("kind:{}", record.kind.name())
}

/// Records of this direction; facts have none.
pub fn of_dir(record: &Record) -> Option<String> {
    (!record.kind.is_fact()).then(|| format!("dir:{}", record.dir.name()))
}

/// Records of this connection.
pub fn of_connection(session: &Session, record: &Record) -> String {
    format!("connection:{}", session.connection_of(record).0)
}

/// Records whose payload is at least as long.
pub fn of_size(record: &Record) -> Option<String> {
    (!record.kind.is_fact()).then(|| format!("size>={}", record.payload_len))
}

/// Records whose gap is at least as long.
pub fn of_gap(gap_ns: u64) -> String {
    format!("gap>={gap_ns}ns")
}

/// Whether a term may hold a record's whole payload.
pub fn is_short(record: &Record) -> bool {
    (1..=VALUE_LIMIT_BYTES).contains(&record.payload_len)
}

/// Records whose payload holds this one's, where that is a short text.
pub fn of_payload(explained: &Explained) -> Option<String> {
    let is_short = !explained.payload.is_empty() && explained.payload.len() as u64 <= VALUE_LIMIT_BYTES;
    let text = std::str::from_utf8(&explained.payload).ok().filter(|_| is_short && explained.payload_left_out == 0)?;
    Some(quoted(text))
}

/// Records that have such a field.
pub fn has_field(field: &Field) -> String {
    // What is not understood bears the name of the time between records.
    if field.def.key == GAP.key { "kind:gap".to_owned() } else { field.def.key.to_owned() }
}

/// Records with a field of this key and value; `None` for groups and long values.
pub fn of_field(session: &Session, explained: &Explained, field: &Field) -> Option<String> {
    let is_short = field.span.bits / 8 <= VALUE_LIMIT_BYTES;
    let bytes = || session.field_bytes(explained, field, VALUE_LIMIT_BYTES as usize);
    let value = match &field.value {
        _ if field.def.key == GAP.key => return None,
        Value::Group => return None,
        Value::Number(number) | Value::Named(number, _) => number.to_string(),
        Value::Flag(flag) => u8::from(*flag).to_string(),
        Value::Says(text) => quoted(text),
        Value::Text | Value::Bytes if !is_short => return None,
        Value::Text => quoted(&String::from_utf8_lossy(&bytes())),
        Value::Bytes => quoted(&bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    };
    Some(format!("{}={value}", field.def.key))
}
