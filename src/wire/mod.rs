//! The facts: what happened on which link, when, and in which bytes.
//!
//! Everything that Pushscope shows is derived from the [`Event`]s of this module. An event is never changed once it is
//! made, and nothing but events is stored in a session file.

mod facts;
mod queue;
mod span;

pub use facts::*;
pub use queue::{Entry, EventReceiver, EventSender, ReaderOptions};
pub use span::{Buf, Span};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One plaintext duplex byte stream: a TCP connection, or what TLS carries over one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkId(pub u32);

/// One thing that the user asked for (an address and how to talk to it). It may open many links: polls, reconnections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionId(pub u32);

/// The direction of bytes on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dir {
    /// From the client (Pushscope) to the server.
    Out,
    /// From the server to the client.
    In,
}

impl Dir {
    /// 0 for [`Dir::Out`], 1 for [`Dir::In`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The other direction.
    pub fn opposite(self) -> Dir {
        match self {
            Dir::Out => Dir::In,
            Dir::In => Dir::Out,
        }
    }

    /// `out` or `in`, as filters and exports name it.
    pub fn name(self) -> &'static str {
        match self {
            Dir::Out => "out",
            Dir::In => "in",
        }
    }
}

/// The only stored fact: something that happened on a link at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Nanoseconds since the recording began.
    pub at_ns: u64,
    /// The link it happened on.
    pub link: LinkId,
    /// What happened.
    pub what: What,
}

/// What happened on a link.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A link is about to be dialled for a connection.
    Opening(Opening),
    /// The host name was resolved.
    Resolved(Resolved),
    /// TCP is connected.
    Connected(Connected),
    /// A proxy opened the way that this link goes.
    Tunnelled(Tunnelled),
    /// TLS is up.
    Secured(TlsFacts),
    /// Plaintext bytes, as one read or write moved them.
    Bytes(Dir, Bytes),
    /// A proxy or the server asks who we are.
    Challenged(Challenge),
    /// How far what we sent has come. It makes no record.
    Progress(Progress),
    /// Reading waited because the recording could not keep up.
    Stalled(Stalled),
    /// A side finished sending (end of file on its direction).
    Ended(Dir),
    /// The link failed at a stage.
    Failed(Failure),
    /// The link is closed, without fault.
    Closed(Closed),
    /// What Pushscope itself decided between bytes: a wait, a reconnection, the end of the connection.
    Client(ClientAct),
}

impl What {
    /// The number of plaintext bytes the event carries.
    pub fn len_bytes(&self) -> usize {
        match self {
            What::Bytes(_, bytes) => bytes.len(),
            _ => 0,
        }
    }
}
