//! A loopback server that plays the server side of a recording to any client, with the recorded timing or faster.
//!
//! What is recorded is sent byte for byte, as it is due; what must differ for a client to accept it is put right
//! (`right`), and what a client does otherwise than the recorded one is said (`differ`, `status`). docs/replay.md has the
//! rules. It opens no connection itself, and reads a recording as if a stranger had made it.

mod authority;
mod differ;
mod exchange;
mod head;
mod http;
mod options;
mod pace;
mod page;
mod pick;
mod program;
mod request;
mod resume;
mod right;
mod said;
mod serve;
mod socket;
mod status;
mod steps;
mod tap;

pub use authority::Authority;
pub use exchange::{Answer, Ending, Exchange, Framing, Key, Upgrade};
pub use options::{AtEnd, Cors, Follow, Options, PATIENCE, Repeat};
pub use pace::{Pace, Speed};
pub use program::Program;
pub use serve::Replay;
pub use status::{Difference, Status, Tell};
