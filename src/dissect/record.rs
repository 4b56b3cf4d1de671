//! Records: the fixed-size rows that a recording is made of.

use crate::wire::{Dir, LinkId};

/// What a record is. The names are those of filters and exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A link was opened for a connection.
    Open,
    /// A name was resolved.
    Dns,
    /// TCP connected.
    Tcp,
    /// TLS is up.
    Tls,
    /// Reading waited for the recording.
    Stall,
    /// A decision of Pushscope's own: a wait, a reconnection, the end.
    Client,
    /// A proxy opened a way through.
    Proxy,
    /// A proxy or the server asks who we are.
    Login,
    /// The link was closed.
    Closed,
    /// The link failed.
    Failed,
    /// A request's head.
    HttpRequest,
    /// A final response's head.
    HttpResponse,
    /// A 1xx response's head.
    HttpInformational,
    /// A chunk of a chunked body.
    HttpChunk,
    /// A whole body.
    HttpBody,
    /// The trailer section of a chunked body.
    HttpTrailers,
    /// A server-sent event.
    SseEvent,
    /// A comment of an event stream.
    SseComment,
    /// A `retry` on its own.
    SseRetry,
    /// A line of a line stream.
    Line,
    /// A part of a multipart stream.
    Part,
    /// A whole WebSocket text message.
    WsText,
    /// A whole WebSocket binary message.
    WsBinary,
    /// A WebSocket frame.
    WsFrame,
    /// A ping.
    WsPing,
    /// A pong.
    WsPong,
    /// A close frame.
    WsClose,
    /// A message of SOCKS, which asks a proxy for a way through.
    Socks,
    /// Bytes that are not understood.
    Gap,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 29] = [
        Kind::Open,
        Kind::Dns,
        Kind::Tcp,
        Kind::Tls,
        Kind::Stall,
        Kind::Client,
        Kind::Proxy,
        Kind::Login,
        Kind::Closed,
        Kind::Failed,
        Kind::HttpRequest,
        Kind::HttpResponse,
        Kind::HttpInformational,
        Kind::HttpChunk,
        Kind::HttpBody,
        Kind::HttpTrailers,
        Kind::SseEvent,
        Kind::SseComment,
        Kind::SseRetry,
        Kind::Line,
        Kind::Part,
        Kind::WsText,
        Kind::WsBinary,
        Kind::WsFrame,
        Kind::WsPing,
        Kind::WsPong,
        Kind::WsClose,
        Kind::Socks,
        Kind::Gap,
    ];

    /// The name in filters and exports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Open => "open",
            Kind::Dns => "dns",
            Kind::Tcp => "tcp",
            Kind::Tls => "tls",
            Kind::Stall => "stall",
            Kind::Client => "client",
            Kind::Proxy => "proxy",
            Kind::Login => "login",
            Kind::Closed => "closed",
            Kind::Failed => "failed",
            Kind::HttpRequest => "http.request",
            Kind::HttpResponse => "http.response",
            Kind::HttpInformational => "http.informational",
            Kind::HttpChunk => "http.chunk",
            Kind::HttpBody => "http.body",
            Kind::HttpTrailers => "http.trailers",
            Kind::SseEvent => "sse.event",
            Kind::SseComment => "sse.comment",
            Kind::SseRetry => "sse.retry",
            Kind::Line => "line",
            Kind::Part => "part",
            Kind::WsText => "ws.text",
            Kind::WsBinary => "ws.binary",
            Kind::WsFrame => "ws.frame",
            Kind::WsPing => "ws.ping",
            Kind::WsPong => "ws.pong",
            Kind::WsClose => "ws.close",
            Kind::Socks => "socks",
            Kind::Gap => "gap",
        }
    }

    /// The short label on screen.
    pub fn label(self) -> &'static str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(_, short)| short)
    }

    /// What it is, in one line.
    pub fn help(self) -> &'static str {
        match self {
            Kind::Open => "A link was opened for a connection",
            Kind::Dns => "A name was resolved",
            Kind::Tcp => "TCP connected",
            Kind::Tls => "TLS is up",
            Kind::Stall => "Reading waited for the recording",
            Kind::Client => "A decision of Pushscope's own: a wait, a reconnection, the end",
            Kind::Proxy => "A proxy opened a way through",
            Kind::Login => "A proxy or the server asks who we are",
            Kind::Closed => "The link was closed",
            Kind::Failed => "The link failed",
            Kind::HttpRequest => "A request's head",
            Kind::HttpResponse => "A final response's head",
            Kind::HttpInformational => "A 1xx response's head",
            Kind::HttpChunk => "A chunk of a chunked body",
            Kind::HttpBody => "A whole body",
            Kind::HttpTrailers => "The trailer section of a chunked body",
            Kind::SseEvent => "A server-sent event",
            Kind::SseComment => "A comment of an event stream",
            Kind::SseRetry => "A `retry` on its own",
            Kind::Line => "A line of a line stream",
            Kind::Part => "A part of a multipart stream",
            Kind::WsText => "A whole WebSocket text message",
            Kind::WsBinary => "A whole WebSocket binary message",
            Kind::WsFrame => "A WebSocket frame",
            Kind::WsPing => "A ping",
            Kind::WsPong => "A pong",
            Kind::WsClose => "A close frame",
            Kind::Socks => "A message of SOCKS, which asks a proxy for a way through",
            Kind::Gap => "Bytes that are not understood",
        }
    }

    /// The place that records of this kind are told at.
    pub fn place(self, dir: Dir) -> super::Place {
        match self {
            Kind::HttpBody | Kind::SseEvent | Kind::SseComment | Kind::SseRetry | Kind::Line | Kind::Part => {
                super::Place::content(dir)
            }
            Kind::WsText | Kind::WsBinary => super::Place::content(dir),
            Kind::WsPing | Kind::WsPong | Kind::WsClose => super::Place::control(dir),
            _ => super::Place::wire(dir),
        }
    }

    /// Whether records of this kind stand for an event of the link rather than for bytes.
    pub fn is_fact(self) -> bool {
        (self as u8) <= Kind::Failed as u8
    }
}

/// How bad the worst note of a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// No notes.
    #[default]
    None,
    /// Worth knowing; nothing is wrong.
    Info,
    /// Allowed but unwise, or a SHOULD was not kept.
    Warning,
    /// A MUST was broken.
    Error,
}

impl Severity {
    /// The name in filters and exports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::None => "none",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Marks of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// The record is what the two sides say to one another: shown by default, layers below hidden.
    pub const MESSAGE: Flags = Flags(1);
    /// The unit ended before it was complete.
    pub const INCOMPLETE: Flags = Flags(2);
    /// The payload lies on the wire in one piece, from byte `detail` of the record on.
    pub const IN_PLACE: Flags = Flags(4);
    /// A payload in place is masked with the four bytes before it (RFC 6455 §5.3).
    pub const MASKED: Flags = Flags(8);

    /// The payload was compressed (RFC 7692 §6); `payload_len` is what it inflated to.
    pub const COMPRESSED: Flags = Flags(16);

    /// Whether all of `other` is set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    pub fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// One row of a recording: where a unit lies on the wire and what it is. Everything else is derived on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The first byte on its link and direction; 0 for facts.
    pub start: u64,
    /// How many wire bytes it spans, from its first to its last, whatever lies between included.
    pub len: u64,
    /// How many bytes of payload it carries, framing taken off.
    pub payload_len: u64,
    /// The link.
    pub link: LinkId,
    /// A number that depends on the kind: HTTP status, opcode, close code; for facts the fact's index in the recording.
    /// Where [`Flags::IN_PLACE`] is set, the payload's distance from the start, but for frames: theirs is at their end.
    pub detail: u32,
    /// What it is.
    pub kind: Kind,
    /// Its direction.
    pub dir: Dir,
    /// The severity of its worst note.
    pub worst: Severity,
    /// Marks.
    pub flags: Flags,
}

const _: () = assert!(size_of::<Record>() <= 48);

impl Record {
    /// Its last wire byte; of nothing, where it would be.
    pub fn last_byte(&self) -> u64 {
        self.end().saturating_sub(1).max(self.start)
    }

    /// One past its last wire byte.
    pub fn end(&self) -> u64 {
        self.start + self.len
    }

    /// The first wire byte of the payload, where it lies on the wire in one piece.
    pub fn payload_in_place(&self) -> Option<u64> {
        match self.kind {
            _ if !self.flags.has(Flags::IN_PLACE) => None,
            Kind::WsFrame => Some(self.end() - self.payload_len),
            _ => Some(self.start + u64::from(self.detail)),
        }
    }

    /// With its payload in place from wire byte `at` on, where that can be said.
    pub fn in_place(self, at: u64) -> Record {
        match u32::try_from(at - self.start) {
            Ok(detail) => Record { detail, flags: self.flags.and(Flags::IN_PLACE), ..self },
            Err(_) => self,
        }
    }
}
