//! The exchanges of a recording: which request got which answer, and where their bodies and messages are.

use crate::dissect::{Flags, Kind, Record};
use crate::interop::Chosen;
use crate::session::{LinkState, RecordId, Session};
use crate::wire::{Dir, LinkId, ProxyRole, Via, What};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// Where a head is, and the body behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The head's record.
    pub head: RecordId,
    /// Its first byte on the wire and one past its last.
    pub head_at: (u64, u64),
    /// One past the body's last byte on the wire. The body begins where the head ends.
    pub end: u64,
    /// The body's end was seen.
    pub is_complete: bool,
    /// The body is over, complete or not.
    is_over: bool,
}

impl Message {
    fn new(id: RecordId, record: &Record) -> Message {
        Message {
            head: id,
            head_at: (record.start, record.end()),
            end: record.end(),
            is_complete: false,
            is_over: false,
        }
    }

    fn grow(&mut self, record: &Record) {
        self.end = self.end.max(record.end());
        if record.kind == Kind::HttpBody {
            self.is_over = true;
            self.is_complete = !record.flags.has(Flags::INCOMPLETE);
        }
    }
}

/// A request and its answer; one of them may be missing, and both where a link failed before anything was sent.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// The link.
    pub link: LinkId,
    /// When it began, in nanoseconds since the recording began: when the link was opened, for the first on a link.
    pub began_ns: u64,
    /// Whether it is the first on its link.
    pub is_first: bool,
    /// Whether it is the last on its link.
    pub is_last: bool,
    /// The request.
    pub request: Option<Message>,
    /// The final answer.
    pub response: Option<Message>,
    /// The records from the first to the last that rides in the answer: events of a stream, messages of a WebSocket.
    pub riders: Option<(RecordId, RecordId)>,
    /// How many riders were chosen.
    pub riders_chosen: u64,
    /// Whether WebSocket is spoken after the answer.
    pub is_websocket: bool,
    /// Whether one of its records was chosen.
    pub is_chosen: bool,
}

/// What the facts of a link say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// The address that was reached.
    pub remote: Option<SocketAddr>,
    /// When it ended, in nanoseconds since the recording began.
    pub ended_ns: Option<u64>,
    /// Whether the record of its end was chosen.
    is_end_chosen: bool,
}

/// All exchanges, and what is in none.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    /// In the order of their beginnings.
    pub list: Vec<Exchange>,
    /// What is known of the links.
    pub links: HashMap<LinkId, Facts>,
    /// Interim answers (1xx) of chosen exchanges.
    pub informational: u64,
    /// Trailer sections with fields.
    pub trailers: u64,
    /// Bytes that are no HTTP and no WebSocket.
    pub gap_bytes: u64,
    /// Messages of SOCKS.
    pub socks: u64,
    /// Answers to no request.
    pub unasked: u64,
}

#[derive(Default)]
struct OfLink {
    /// Exchanges that wait for an answer.
    waiting: VecDeque<usize>,
    /// The exchange whose request, and whose answer, was told last.
    last: [Option<usize>; 2],
    is_first: bool,
}

/// Finds the exchanges of a recording.
pub(super) fn find(chosen: &Chosen) -> Exchanges {
    let session = chosen.session;
    let mut found = Exchanges::default();
    let mut links: HashMap<LinkId, OfLink> = HashMap::new();
    let first = session.records().first_held();
    for (id, record) in (first..).zip(session.records().iter()) {
        let is_chosen = chosen.has(id);
        let of_link = links.entry(record.link).or_insert_with(|| OfLink { is_first: true, ..OfLink::default() });
        match record.kind {
            kind if kind.is_fact() => {
                found.fact(session, id, record, is_chosen);
                continue;
            }
            Kind::HttpRequest => {
                let at = found.begin(session, record, id, of_link);
                found.list[at].request = Some(Message::new(id, record));
                of_link.waiting.push_back(at);
                of_link.last[0] = Some(at);
            }
            Kind::HttpResponse => {
                let at = of_link.waiting.pop_front().unwrap_or_else(|| {
                    found.unasked += u64::from(is_chosen);
                    found.begin(session, record, id, of_link)
                });
                found.list[at].response = Some(Message::new(id, record));
                found.list[at].is_websocket = record.detail == 101;
                of_link.last[1] = Some(at);
            }
            _ => {}
        }
        found.take(id, record, is_chosen, of_link);
    }
    for of_link in links.values() {
        for (dir, last) in [Dir::Out, Dir::In].into_iter().zip(of_link.last) {
            if let Some(at) = last {
                found.list[at].is_last = true;
                found.reach(session, at, dir);
            }
        }
    }
    found.without_request(chosen, &links);
    found.list.sort_by_key(|exchange| exchange.began_ns);
    found
}

impl Exchanges {
    fn fact(&mut self, session: &Session, id: RecordId, record: &Record, is_chosen: bool) {
        let facts = self.links.entry(record.link).or_default();
        match session.fact(record).map(|event| &event.what) {
            Some(What::Connected(connected)) => facts.remote = Some(connected.remote),
            Some(What::Closed(_) | What::Failed(_)) => {
                facts.ended_ns = Some(session.at_ns(id));
                facts.is_end_chosen |= is_chosen;
            }
            _ => {}
        }
    }

    fn begin(&mut self, session: &Session, record: &Record, id: RecordId, of_link: &mut OfLink) -> usize {
        let is_first = std::mem::take(&mut of_link.is_first);
        let link = session.link(record.link);
        let opened_ns = link.filter(|link| is_first && link.opening.is_some()).map(|link| link.opened_ns);
        self.list.push(Exchange {
            link: record.link,
            began_ns: opened_ns.unwrap_or_else(|| session.began_ns(id)),
            is_first,
            is_last: false,
            request: None,
            response: None,
            riders: None,
            riders_chosen: 0,
            is_websocket: false,
            is_chosen: false,
        });
        self.list.len() - 1
    }

    /// Takes a record in: a head, or what lies behind the head that its direction had last.
    fn take(&mut self, id: RecordId, record: &Record, is_chosen: bool, of_link: &OfLink) {
        let last = of_link.last[record.dir.index()];
        // Both sides of a WebSocket belong to the answer that agreed to it.
        let at = match record.kind {
            Kind::HttpInformational => of_link.waiting.front().copied().or(last),
            Kind::WsText | Kind::WsBinary | Kind::WsFrame | Kind::WsPing | Kind::WsPong | Kind::WsClose => {
                of_link.last[1].or(last)
            }
            _ => last,
        };
        match record.kind {
            Kind::HttpInformational => self.informational += u64::from(is_chosen),
            // A section that has no fields is the two bytes that end it.
            Kind::HttpTrailers if record.len > 2 => self.trailers += u64::from(is_chosen),
            Kind::Gap if is_chosen => self.gap_bytes += record.len,
            Kind::Socks => self.socks += u64::from(is_chosen),
            _ => {}
        }
        let Some(exchange) = at.and_then(|at| self.list.get_mut(at)) else { return };
        exchange.is_chosen |= is_chosen;
        let message = if record.dir == Dir::Out { &mut exchange.request } else { &mut exchange.response };
        let is_of_body = matches!(record.kind, Kind::HttpBody | Kind::HttpChunk | Kind::HttpTrailers);
        if let Some(message) = message.as_mut().filter(|_| is_of_body) {
            message.grow(record);
        }
        let is_event = record.kind == Kind::SseEvent && record.dir == Dir::In;
        if is_event || is_websocket_message(record.kind) {
            exchange.riders = Some((exchange.riders.map_or(id, |(first, _)| first), id));
            exchange.riders_chosen += u64::from(is_chosen);
        }
    }

    /// The last message of a direction has what was recorded behind its head, also where no record tells of it yet.
    fn reach(&mut self, session: &Session, at: usize, dir: Dir) {
        let exchange = &mut self.list[at];
        let switched = exchange.is_websocket || exchange.response.is_some_and(|response| is_tunnel(session, response));
        let message = if dir == Dir::Out { &mut exchange.request } else { &mut exchange.response };
        let (Some(message), Some(link)) = (message, session.link(exchange.link)) else { return };
        if !message.is_over && !switched {
            message.end = message.end.max(link.len_bytes(dir));
        }
    }

    /// Links that failed or were closed before a request was sent are entries too.
    fn without_request(&mut self, chosen: &Chosen, links: &HashMap<LinkId, OfLink>) {
        for link in chosen.session.links() {
            let has_exchange = links.get(&link.id).is_some_and(|of_link| !of_link.is_first);
            let is_over = matches!(link.state, LinkState::Failed(_) | LinkState::Closed(_));
            if has_exchange || link.opening.is_none() || !is_over || link.len_bytes(Dir::Out) > 0 {
                continue;
            }
            self.list.push(Exchange {
                link: link.id,
                began_ns: link.opened_ns,
                is_first: true,
                is_last: true,
                request: None,
                response: None,
                riders: None,
                riders_chosen: 0,
                is_websocket: false,
                is_chosen: self.links.get(&link.id).is_some_and(|facts| facts.is_end_chosen),
            });
        }
    }
}

/// Whether a record is a message of a WebSocket, control messages included.
pub(super) fn is_websocket_message(kind: Kind) -> bool {
    matches!(kind, Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong | Kind::WsClose)
}

/// Whether what follows an answer belongs to another link: it opened a way through a proxy.
fn is_tunnel(session: &Session, response: Message) -> bool {
    let Some(record) = session.records().get(response.head) else { return false };
    let opening = session.link(record.link).and_then(|link| link.opening.as_ref());
    let role = opening.and_then(|opening| opening.via.as_ref()).map(|via: &Via| via.role);
    role == Some(ProxyRole::Tunnel) && (200..300).contains(&record.detail)
}
