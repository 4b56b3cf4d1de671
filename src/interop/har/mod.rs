//! HAR 1.2 (HTTP Archive): what browsers' developer tools and proxies save of HTTP exchanges and WebSocket messages.
//!
//! [`write()`] makes an entry of each exchange, as Chromium's developer tools do; [`read()`] rebuilds the bytes of each
//! entry. Both go entry by entry, so that no file is too large. What each key is made of, and what a HAR cannot carry, is
//! in `docs/exchange.md`.

mod body;
mod cookie;
mod document;
mod entry;
mod exchange;
mod frames;
mod framing;
mod head;
mod json;
mod link;
mod messages;
mod order;
mod read;
mod rebuild;
mod tally;
mod timing;
mod url;
mod write;

pub use read::read;
pub use write::write;
