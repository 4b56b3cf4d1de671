//! What the records tell of the connection: whether it is open, and whether what was sent has gone out.

use super::outgoing::Sent;
use crate::session::{Flags, Kind, Record, RecordId, Session};
use crate::transport::{PushType, Spec};
use crate::wire::{Act, ConnectionId, Dir, LinkId, Opening, ProxyRole, What};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Messages that may be on their way to the wire, and their bytes; one may always be.
const MOST_UNRECORDED: usize = 64;
const UNRECORDED_LIMIT_BYTES: usize = 4 << 20;

/// How long sending waits for the first answer of a server that may hold it back.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// The purpose of a link for a request on the side.
pub(in crate::app) const SIDE_REQUEST: &str = "side request";

/// Records that a call looks at.
const LOOKED_A_CALL: usize = 1 << 16;

/// What is new.
#[derive(Debug, Default)]
pub(in crate::app) struct News {
    /// The connection was opened, or opened again: what it says begins with this record.
    pub opened: Option<RecordId>,
    /// Something could not be sent.
    pub not_sent: Option<(RecordId, String)>,
    /// And how much.
    pub not_sent_count: usize,
    /// There is more to look at.
    pub is_more: bool,
}

/// Watches one connection of a session.
#[derive(Debug)]
pub(in crate::app) struct Watch {
    connection: ConnectionId,
    looked: RecordId,
    /// The link that stands for the connection, and whether it was opened again.
    link: Option<(LinkId, bool)>,
    /// When its request went out, until it is answered.
    asked_at: Option<Instant>,
    is_answered: bool,
    is_open: bool,
    has_opened: bool,
    is_websocket: bool,
    wants_websocket: Option<bool>,
    is_side_only: Option<bool>,
    unrecorded: VecDeque<Unrecorded>,
    /// A frame as ordered went out: from then on the bytes are counted, for messages may not be seen as such.
    has_sent_raw: bool,
    last: Option<RecordId>,
    last_fact: Option<RecordId>,
}

#[derive(Debug)]
struct Unrecorded {
    sent: Sent,
    /// The bytes on the wire with which it is out.
    out_at_bytes: Option<u64>,
}

impl Watch {
    pub fn new(connection: ConnectionId) -> Watch {
        Watch {
            connection,
            looked: 0,
            link: None,
            asked_at: None,
            is_answered: false,
            is_open: false,
            has_opened: false,
            is_websocket: false,
            wants_websocket: None,
            is_side_only: None,
            unrecorded: VecDeque::new(),
            has_sent_raw: false,
            last: None,
            last_fact: None,
        }
    }

    /// Looks at the records since the last call.
    pub fn look(&mut self, session: &Session, now: Instant) -> News {
        let mut news = News::default();
        let end = session.records().len().min(self.looked.max(session.records().first_held()) + LOOKED_A_CALL);
        let first = self.looked.max(session.records().first_held());
        for (id, record) in (first..end).zip(session.records().range(first..end)) {
            if session.connection_of(record) == self.connection {
                self.take(session, id, record, now, &mut news);
            }
        }
        self.looked = end;
        news.is_more = end < session.records().len();
        if self.has_sent_raw {
            let out_bytes = session.connection(self.connection).map_or(0, |connection| connection.bytes[0]);
            self.unrecorded.retain(|sent| sent.out_at_bytes.is_none_or(|at| out_bytes < at));
        }
        // Requests on the side wait for nobody.
        if !self.has_opened && self.is_side_only(session) {
            self.open(first, &mut news);
        }
        let is_held_back = self.patience_ends().is_some_and(|end| now >= end);
        if is_held_back && !self.wants_websocket(session) {
            self.asked_at = None;
            self.open(end, &mut news);
        }
        news
    }

    fn take(&mut self, session: &Session, id: RecordId, record: &Record, now: Instant, news: &mut News) {
        let is_own = self.link.is_some_and(|(link, _)| link == record.link);
        if record.kind.is_fact() {
            self.last_fact = Some(id);
        } else if record.dir == Dir::In && record.flags.has(Flags::MESSAGE) {
            self.last = Some(id);
        }
        match record.kind {
            Kind::Open => {
                if let Some(What::Opening(opening)) = session.fact(record).map(|event| &event.what)
                    && is_main(opening)
                {
                    self.link = Some((record.link, opening.purpose.starts_with("reconnection")));
                    (self.is_answered, self.asked_at) = (false, None);
                }
            }
            Kind::HttpResponse if is_side(session, record.link) => self.is_out(Kind::HttpRequest),
            Kind::HttpResponse if is_own && !self.is_answered => {
                (self.is_answered, self.asked_at) = (true, None);
                self.is_websocket |= record.detail == 101;
                if matches!(record.detail, 101 | 200..=299) {
                    self.open(id + 1, news);
                }
            }
            Kind::Closed | Kind::Failed if is_own => {
                self.is_open = false;
                if self.is_websocket {
                    self.unrecorded.clear();
                }
            }
            Kind::Client => {
                if let Some(What::Client(act)) = session.fact(record).map(|event| &event.what)
                    && act.act == Act::NotSent
                    && self.unrecorded.pop_front().is_some()
                {
                    news.not_sent.get_or_insert((id, act.text.clone()));
                    news.not_sent_count += 1;
                }
            }
            kind if record.dir == Dir::Out => {
                if kind == Kind::HttpRequest && is_own && !self.is_answered {
                    self.asked_at.get_or_insert(now);
                }
                // A request on the side is through once it is answered.
                if kind != Kind::HttpRequest {
                    self.is_out(kind);
                }
            }
            _ => {}
        }
    }

    /// Something of this kind went out.
    fn is_out(&mut self, kind: Kind) {
        if let Some(at) = self.unrecorded.iter().position(|unrecorded| unrecorded.sent.kind == Some(kind)) {
            self.unrecorded.remove(at);
        }
    }

    /// The connection can be sent over. Only the first time, and after a reconnection, that is news.
    fn open(&mut self, at: RecordId, news: &mut News) {
        let is_again = self.link.is_some_and(|(_, is_again)| is_again);
        if !self.has_opened || (is_again && !self.is_open) {
            news.opened = Some(at);
        }
        (self.is_open, self.has_opened) = (true, true);
    }

    /// Whether the connection was asked for as WebSocket, whose answer is always waited for.
    fn wants_websocket(&mut self, session: &Session) -> bool {
        *self.wants_websocket.get_or_insert_with(|| {
            let spec = session.connection(self.connection).map_or("", |connection| connection.info.spec.as_str());
            wants_websocket(spec)
        })
    }

    /// Whether what was asked for makes no request of its own.
    fn is_side_only(&mut self, session: &Session) -> bool {
        let Some(connection) = session.connection(self.connection) else { return false };
        let spec = || serde_json::from_str(&connection.info.spec).is_ok_and(|spec: Spec| spec.side_only);
        *self.is_side_only.get_or_insert_with(spec)
    }

    /// Until when the first answer is waited for.
    pub fn patience_ends(&self) -> Option<Instant> {
        self.asked_at.filter(|_| !self.is_open).map(|asked| asked + ANSWER_PATIENCE)
    }

    /// Whether messages are WebSocket frames; else they are requests on the side.
    pub fn is_websocket(&self) -> bool {
        self.is_websocket
    }

    /// Whether it was ever open.
    pub fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// Whether another message may be ordered now. Requests on the side each have a link of their own and would overtake
    /// one another, so one follows the other.
    pub fn has_room(&self) -> bool {
        if self.unrecorded.iter().any(|unrecorded| unrecorded.sent.kind == Some(Kind::HttpRequest)) {
            return false;
        }
        let bytes: usize = self.unrecorded.iter().map(|unrecorded| unrecorded.sent.payload_bytes).sum();
        self.is_open
            && (self.unrecorded.is_empty()
                || (self.unrecorded.len() < MOST_UNRECORDED && bytes < UNRECORDED_LIMIT_BYTES))
    }

    /// Whether something was ordered and is not yet on the wire.
    pub fn is_sending(&self) -> bool {
        !self.unrecorded.is_empty()
    }

    /// Something was ordered.
    pub fn ordered(&mut self, sent: Sent, session: &Session) {
        self.has_sent_raw |= sent.kind.is_none();
        let out_bytes = session.connection(self.connection).map_or(0, |connection| connection.bytes[0]);
        let out_at_bytes = self.has_sent_raw.then(|| out_bytes + sent.least_bytes.max(1));
        self.unrecorded.push_back(Unrecorded { sent, out_at_bytes });
    }

    /// The last that came: a message or a head, else what the link did.
    pub fn last(&self) -> Option<RecordId> {
        self.last.or(self.last_fact)
    }
}

/// Whether a recorded request asks for a WebSocket, as far as that says.
pub(in crate::app) fn wants_websocket(spec: &str) -> bool {
    let spec: Spec = serde_json::from_str(spec).unwrap_or_default();
    spec.push_type == PushType::Ws || spec.url.starts_with("ws")
}

/// Whether a link is that of a request on the side.
fn is_side(session: &Session, link: LinkId) -> bool {
    let opening = session.link(link).and_then(|link| link.opening.as_ref());
    let is_tunnel = |opening: &Opening| opening.via.as_ref().is_some_and(|via| via.role == ProxyRole::Tunnel);
    opening.is_some_and(|opening| opening.purpose == SIDE_REQUEST && !is_tunnel(opening))
}

/// Whether a link stands for the connection: no request on the side, and no way that a proxy opens.
fn is_main(opening: &Opening) -> bool {
    let is_tunnel = opening.via.as_ref().is_some_and(|via| via.role == ProxyRole::Tunnel);
    !is_tunnel && opening.purpose != SIDE_REQUEST && !opening.purpose.starts_with("way for")
}
