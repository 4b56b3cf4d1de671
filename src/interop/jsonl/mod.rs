//! JSON Lines: the records as `show` prints them, and before them the events they were made from, so that the very same
//! session can be read back.
//!
//! Every line is an object. Which kind of line it is tells its first key: `pushscope` (the head), `connection`, `event`,
//! `remark`, or `n` (a record). A file without events, which is what `show` prints, holds what was said and not how it
//! lay on the wire.

mod event;
mod read;
mod rebuild;
mod record;
mod write;

pub use read::read;
pub use record::{RECORD_LIMIT_BYTES, buffer, object};
pub use write::write;

/// The version of the lines that this program writes, and the newest that it reads.
pub const VERSION: u64 = 1;

#[cfg(test)]
mod tests;
