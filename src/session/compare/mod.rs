//! What differs: between two messages, and between two connections or recordings.
//!
//! Two messages are equal where their bytes are, or where both are JSON that says the same: the order of members and the
//! space between them do not count, and what lies at an ignored JSONPath is left out. [`compare`] tells two messages
//! apart, [`Collector`] reads what a side says, and [`align`] puts two sides beside one another. All of it is bounded in
//! memory and time; where a bound was met, the result says so.

mod align;
mod bytes;
mod content;
mod json;
mod lcs;
mod message;
mod order;
mod side;
mod text;

pub use align::{Aligned, By, Counts, Pair, Row, align};
pub use bytes::{BytesDiff, HexRow};
pub use content::{Content, Rules};
pub use json::{Change, JsonDiff, Step, Steps, apply, diff as json_diff};
pub use message::{Difference, MESSAGE_LIMIT_BYTES, Message, apart, compare, read, read_all};
pub use side::{Collector, ITEM_LIMIT, Item, Scope, Side, collect};
pub use text::{Line, LineKind, Piece, TextDiff};

/// Told how much is done of how much; says whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

#[cfg(test)]
mod tests;
