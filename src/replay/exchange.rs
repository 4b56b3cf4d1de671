//! A request of a recording and its answer: where their bytes lie, and what the request is known by.

use super::head::Head;
use super::program::target_of;
use super::status::short;
use crate::dissect::hixie;
use crate::session::RecordId;
use crate::wire::LinkId;
use std::ops::Range;

/// Bytes of a target and of a cursor that are remembered; what is longer is known by its beginning and its length.
const LONGEST_NAME_BYTES: usize = 16 << 10;

/// What a request is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The method.
    pub method: String,
    /// The target's path.
    pub path: String,
    /// The target's query.
    pub query: Option<String>,
    /// Header fields that say from where on a client wants to be told: `Last-Event-ID`, and those named like a cursor.
    pub cursors: Vec<(String, String)>,
}

impl Key {
    /// What a request is known by.
    pub fn of(head: &Head) -> Key {
        let (path, query) = target_of(head);
        let is_cursor = |name: &str| name == "last-event-id" || name.contains("cursor");
        let mut cursors: Vec<(String, String)> = head
            .fields()
            .map(|(name, value)| (name.to_ascii_lowercase(), bounded(value)))
            .filter(|(name, value)| is_cursor(name) && !value.is_empty())
            .collect();
        cursors.sort();
        Key { method: bounded(head.method()), path: bounded(path), query: query.map(bounded), cursors }
    }

    /// Path and query.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The query's parameters, undecoded.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, short(&self.target(), 120))?;
        for (name, value) in &self.cursors {
            write!(f, " ({name}: {})", short(value, 40))?;
        }
        Ok(())
    }
}

fn bounded(mut text: String) -> String {
    if text.len() > LONGEST_NAME_BYTES {
        let len = text.len();
        let cut = (0..=LONGEST_NAME_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push_str(&format!("…{len}"));
    }
    text
}

/// A request of a recording, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The link that it was on.
    pub link: LinkId,
    /// Which of those that are known by the same.
    pub(super) group: usize,
    /// The request's head, among what was sent.
    pub request: Range<u64>,
    /// One past the request's last byte.
    pub request_end: u64,
    /// When the request was sent, in nanoseconds since the recording began.
    pub asked_ns: u64,
    /// What was answered, if anything was.
    pub answer: Option<Answer>,
    /// What came behind it on the link.
    pub ending: Ending,
}

/// An answer of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its first byte among what came, that of interim answers (1xx) before it included.
    pub start: u64,
    /// Its head.
    pub head: Range<u64>,
    /// One past its last byte.
    pub end: u64,
    /// The status.
    pub status: u16,
    /// The record of its head.
    pub record: RecordId,
    /// What says where its body ends.
    pub framing: Framing,
    /// Whether all of it came, as far as the framing says.
    pub is_whole: bool,
    /// What the connection became.
    pub upgrade: Option<Upgrade>,
    /// Whether it is of HTTP/1.0.
    pub is_old: bool,
}

/// What says where a body ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Nothing,
    /// `Content-Length`.
    Length(u64),
    /// The last chunk.
    Chunked,
    /// The end of the connection.
    Close,
}

/// What a connection became with a 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// WebSocket, as RFC 6455 and the drafts hybi-07 and hybi-08 have it.
    WebSocket,
    /// An earlier draft of it.
    Hixie(hixie::Draft),
    /// Something else: its bytes are served as they are.
    Other,
}

/// What came behind an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Another request.
    Next,
    /// The client closed, or the recording ends while the link was open.
    Client,
    /// The server closed, or the link broke, at this time, in nanoseconds since the recording began.
    Server(u64),
    /// The server reset the connection (TCP RST) at this time.
    Reset(u64),
}

impl Ending {
    /// When the server ended the connection, where it did.
    pub fn server_ns(self) -> Option<u64> {
        match self {
            Ending::Server(at_ns) | Ending::Reset(at_ns) => Some(at_ns),
            Ending::Next | Ending::Client => None,
        }
    }
}

impl Exchange {
    /// Whether the server did something: a request that its client left unanswered has nothing to serve.
    pub fn is_to_serve(&self) -> bool {
        self.answer.is_some() || self.ending.server_ns().is_some()
    }

    /// Whether the connection goes on behind the answer, as far as that says.
    pub fn keeps_alive(&self, head: &Head) -> bool {
        let Some(answer) = &self.answer else { return false };
        let is_framed = answer.framing != Framing::Close && answer.is_whole && answer.upgrade.is_none();
        match answer.is_old {
            true => is_framed && head.lists("connection", "keep-alive"),
            false => is_framed && !head.lists("connection", "close"),
        }
    }
}
