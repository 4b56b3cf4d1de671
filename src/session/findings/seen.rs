//! What is remembered of a link and of a connection, and the record at hand.

use super::buffered::Lumps;
use super::chunks::Chunks;
use super::head::Head;
use super::numbers::{Last, Numbers};
use super::poll::Polls;
use super::websocket::Socket;
use crate::dissect::Record;
use crate::session::{RecordId, Session};
use crate::wire::{Buf, ConnectionId, Dir, Opening, ProxyRole, Span, Via};

/// Heads of a connection that are read at most.
const MOST_HEADS: u32 = 512;

/// A record, and the session it is of.
pub(super) struct Case<'s> {
    pub session: &'s Session,
    pub id: RecordId,
    pub record: Record,
}

impl Case<'_> {
    /// When the record was complete, in nanoseconds since the recording began.
    pub fn at_ns(&self) -> u64 {
        self.session.at_ns(self.id)
    }

    pub fn connection(&self) -> ConnectionId {
        self.session.connection_of(&self.record)
    }

    /// When the last byte before `end_ns` moved on the link, in nanoseconds since the recording began.
    pub fn last_byte_ns(&self, end_ns: u64) -> u64 {
        let Some(link) = self.session.link(self.record.link) else { return end_ns };
        let last = |dir: Dir| link.len_bytes(dir).checked_sub(1).map_or(link.opened_ns, |last| link.at_ns(dir, last));
        last(Dir::Out).max(last(Dir::In)).min(end_ns)
    }
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Whatever the answer is, or it is not known.
    Any,
    Sse,
    Stream,
    WebSocket,
    Polls,
}

/// What is remembered of a connection.
pub(super) struct Talk {
    pub asked: Asked,
    heads: u32,
    /// The proxy that asked who we are, and was not seen to accept.
    pub login: Option<String>,
    /// The server that asked who we are, and was not answered yet.
    pub server_login: Option<String>,
    pub polls: Polls,
    /// The numbers of the link that ended last.
    pub last: Option<Last>,
    /// That chunks are no events was said.
    pub said_chunks: bool,
    /// A redirection elsewhere, which may turn out to be the right place.
    pub redirected: bool,
}

impl Talk {
    pub fn new(session: &Session, id: ConnectionId) -> Talk {
        let spec = session.connection(id).map_or("", |connection| connection.info.spec.as_str());
        let spec: serde_json::Value = serde_json::from_str(spec).unwrap_or_default();
        let asked = match spec.get("as").and_then(|kind| kind.as_str()) {
            Some("sse") => Asked::Sse,
            Some("stream") => Asked::Stream,
            Some("ws") => Asked::WebSocket,
            Some("poll" | "longpoll") => Asked::Polls,
            _ => Asked::Any,
        };
        Talk {
            asked,
            heads: 0,
            login: None,
            server_login: None,
            polls: Polls::default(),
            last: None,
            said_chunks: false,
            redirected: false,
        }
    }

    /// The head of a record, while there are not too many.
    pub fn head(&mut self, case: &Case) -> Option<Head> {
        self.heads = self.heads.saturating_add(1);
        if self.heads <= MOST_HEADS { Head::read(case) } else { None }
    }
}

/// How far an exchange on a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is asked, or everything is answered.
    #[default]
    Idle,
    /// A request waits for its answer.
    Waiting,
    /// An answer's body comes.
    Body,
    /// The protocol is WebSocket.
    WebSocket,
    /// The link is a way through a proxy.
    Tunnel,
}

/// What is remembered of a link while it is open.
pub(super) struct Seen {
    pub connection: ConnectionId,
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub purpose: String,
    pub via: Option<Via>,
    pub phase: Phase,
    /// The request that waits or was answered last, where it is known which.
    pub request: Option<Head>,
    pub asked_ns: u64,
    /// The answer that came last.
    pub answer: Option<Head>,
    pub answered_ns: u64,
    /// The body that ended before it was complete.
    pub cut_body: Option<RecordId>,
    /// The event that ended before it was complete.
    pub cut_event: Option<RecordId>,
    /// A body ended where the link did.
    pub ended_open: bool,
    /// A page came where a stream was asked for; its words tell more.
    pub page: bool,
    /// The first event was looked at.
    pub has_events: bool,
    /// What the proxy said to our wish was told.
    pub said_proxy: bool,
    /// Events and lines so far.
    pub events: u32,
    pub lumps: Lumps,
    pub chunks: Chunks,
    pub numbers: Numbers,
    pub socket: Socket,
}

impl Seen {
    pub fn new(opening: &Opening, at_ns: u64) -> Seen {
        Seen {
            connection: opening.connection,
            host: opening.host.clone(),
            port: opening.port,
            tls: opening.tls,
            purpose: opening.purpose.clone(),
            via: opening.via.clone(),
            phase: Phase::Idle,
            request: None,
            asked_ns: at_ns,
            answer: None,
            answered_ns: at_ns,
            cut_body: None,
            cut_event: None,
            ended_open: false,
            page: false,
            has_events: false,
            said_proxy: false,
            events: 0,
            lumps: Lumps::default(),
            chunks: Chunks::default(),
            numbers: Numbers::default(),
            socket: Socket::default(),
        }
    }

    /// The server that is to be reached: `host:port`.
    pub fn server(&self) -> String {
        match &self.via {
            Some(via) if !matches!(via.role, ProxyRole::Inside(_)) => via.target.clone(),
            _ => self.dialled(),
        }
    }

    /// What was dialled: `host:port`.
    pub fn dialled(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The server, with the proxy on the way.
    pub fn whom(&self) -> String {
        match &self.via {
            Some(via) => format!("{} (through the proxy {})", self.server(), via.proxy),
            None => self.server(),
        }
    }

    /// The proxy that is dialled on this very link.
    pub fn proxy(&self) -> Option<&Via> {
        self.via.as_ref().filter(|via| !matches!(via.role, ProxyRole::Inside(_)))
    }

    /// Whether this link goes through a way that a proxy opened.
    pub fn is_inside(&self) -> bool {
        matches!(&self.via, Some(Via { role: ProxyRole::Inside(_), .. }))
    }

    /// Whether the request asks for WebSocket.
    pub fn is_upgrade(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.names("upgrade", "websocket"))
    }

    /// Whether the request asks for an event stream and nothing else.
    pub fn is_for_events(&self, talk: &Talk) -> bool {
        let accepts = |request: &Head| matches!(request.items("accept")[..], ["text/event-stream"]);
        self.purpose != "side request" && (talk.asked == Asked::Sse || self.request.as_ref().is_some_and(accepts))
    }

    /// Whether an answer is wanted that does not end.
    pub fn is_for_stream(&self, talk: &Talk) -> bool {
        let by_spec = matches!(talk.asked, Asked::Sse | Asked::Stream | Asked::WebSocket);
        self.is_upgrade() || self.is_for_events(talk) || (by_spec && self.purpose != "side request")
    }

    /// Whether what comes may be a stream, rather than an answer to a poll.
    pub fn purpose_is_stream(&self) -> bool {
        !["poll", "long poll", "side request"].iter().any(|word| self.purpose.starts_with(word))
    }

    /// Whether the answer says that it is an event stream.
    pub fn is_event_stream(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.media_type() == "text/event-stream")
    }
}

/// A record's bytes.
pub(super) fn span_of(record: &Record) -> Option<Span> {
    let buf = Buf::Wire(record.link, record.dir);
    (!record.kind.is_fact()).then(|| Span::bytes(buf, record.start, record.len))
}
