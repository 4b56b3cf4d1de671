//! Bytes become records, fields and notes. Pure functions: no clock, no I/O, no async.
//!
//! A dissector is fed the bytes of a link in the order in which they were recorded and tells a [`Sink`] what it sees.
//! The summary pass (live) and the full pass (a record is looked at) are the same `feed` with another sink. How the
//! bytes were cut by reads makes no difference to what is told (law 1), every bit of a layer is covered by exactly one
//! leaf field (law 2), and no input makes a dissector fail (law 3).

mod full;
#[cfg(test)]
mod laws;
mod record;
mod sink;
pub mod websocket;

pub use full::{Explained, Full, Made};
pub use record::{Flags, Kind, Record, Severity};
pub use sink::{Content, Field, FieldDef, Layer, Note, NoteDef, Payload, Place, Sink, Summary, Value};
pub use websocket::WebSocket;

/// A unit that has begun and is not complete yet, for display while it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it will be, in plain words: `SSE event`, `frame payload`.
    pub what: &'static str,
    /// Its first byte on the wire.
    pub start: u64,
}
