//! Bytes become records, fields and notes. Pure functions: no clock, no I/O, no async.
//!
//! A dissector is fed the bytes of a link in the order in which they were recorded and tells a [`Sink`] what it sees.
//! The summary pass (live) and the full pass (a record is looked at) are the same `feed` with another sink. How the
//! bytes were cut by reads makes no difference to what is told (law 1), every bit of a layer is covered by exactly one
//! leaf field (law 2), and no input makes a dissector fail (law 3).

mod content;
mod full;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod hixie;
mod http1;
mod inflate;
#[cfg(any(test, feature = "fuzzing"))]
mod laws;
mod link;
mod raw;
mod record;
mod sink;
mod socks;
#[cfg(test)]
mod tests;
mod utf8;
pub mod websocket;

pub use full::{Explained, Full, Made, Piece};
pub use http1::Http1;
pub use inflate::{Fault, Inflate, MARK, Origin, Told, Traced, Tracer, marks};
pub use link::{Dissector, Switch};
pub use record::{Flags, Kind, Record, Severity};
pub use sink::{Content, Field, FieldDef, GAP, Layer, Note, NoteDef, Payload, Place, Sink, Summary, Value};
pub use utf8::{IllFormed, Utf8};
pub use websocket::{WebSocket, unmask};

/// A unit that has begun and is not complete yet, for display while it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it will be, in plain words: `SSE event`, `frame payload`.
    pub what: &'static str,
    /// Its first byte on the wire.
    pub start: u64,
}

/// Why the bytes of a direction end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// The side that sends them ended, or the link broke.
    Sender,
    /// We closed the link; what is not complete is so because we did not wait for it.
    Us,
}

/// Every field that a dissector may tell, for completion and checks of filters.
pub fn all_fields() -> impl Iterator<Item = &'static FieldDef> {
    let others = websocket::FIELDS.iter().chain(hixie::FIELDS).chain(socks::FIELDS).copied().chain([&sink::GAP]);
    http1::FIELDS.iter().copied().chain(content::fields()).chain(others)
}

/// Whether a record of a kind can have a field of that key; for keys of [`all_fields`]. A whole body and a gap can have
/// any: they take over what was told of a record that did not come about.
pub fn can_have(kind: Kind, key: &str) -> bool {
    let family = key.split('.').next().unwrap_or_default();
    let begins = |starts: &[&str]| starts.iter().any(|start| key.starts_with(start));
    match kind {
        Kind::HttpBody | Kind::Gap => true,
        _ if key == sink::GAP.key => !kind.is_fact(),
        Kind::Socks => family == "socks",
        Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational
            if begins(&["websocket.extension", "websocket.deflate."]) =>
        {
            true
        }
        Kind::HttpRequest => family == "http" && !begins(&["http.response", "http.status", "http.reason"]),
        Kind::HttpResponse | Kind::HttpInformational => family == "http" && !begins(&["http.request"]),
        Kind::HttpChunk | Kind::HttpTrailers => {
            family == "http" && !begins(&["http.request", "http.response", "http.status", "http.reason"])
        }
        Kind::SseEvent | Kind::SseComment | Kind::SseRetry => family == "sse",
        Kind::Line => family == "line",
        Kind::Part => matches!(family, "part" | "http"),
        Kind::WsFrame => family == "websocket",
        Kind::WsText | Kind::WsBinary => {
            let is_own = key == if kind == Kind::WsText { "websocket.text" } else { "websocket.binary" };
            is_own || begins(&["websocket.compressed", "websocket.not_inflated", "websocket.deflate."])
        }
        Kind::WsPing => begins(&["websocket.ping"]),
        Kind::WsPong => begins(&["websocket.pong"]),
        Kind::WsClose => begins(&["websocket.close"]),
        _ => false,
    }
}

/// The value of the only field of that key, where the record itself tells it.
pub fn value_in_record(record: &Record, key: &str) -> Option<Value> {
    if record.kind != Kind::WsFrame || record.flags.has(Flags::INCOMPLETE) || record.detail & hixie::OLD_FRAME != 0 {
        return None;
    }
    websocket::value_in_detail(record.detail, key)
}

/// Every note that a dissector may tell.
pub fn all_notes() -> impl Iterator<Item = &'static NoteDef> {
    http1::NOTES.iter().copied().chain(content::notes()).chain(websocket::NOTES.iter().chain(hixie::NOTES).copied())
}
