//! What is to be sent, found among the records a slice of time after the other.

use super::Choices;
use crate::app::script::wants_websocket;
use crate::session::{Flags, Kind, Link, Record, RecordId, Session};
use crate::wire::{ConnectionId, Dir, LinkId, ProxyRole};
use std::collections::BTreeMap;
use std::time::Instant;

/// Records that are looked at between two looks at the clock.
const STRETCH: usize = 4096;
/// Messages that are sent at most.
const MOST: usize = 5_000_000;
/// The frames of a message are looked for among so many records before it.
const LOOK_BACK: usize = 4096;

/// What was chosen to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These records, rising.
    Records(Vec<RecordId>),
    /// Everything that the client of a connection sent.
    ClientSide(ConnectionId),
}

/// A record that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The record.
    pub id: RecordId,
    /// When it was sent, in nanoseconds since the recording began.
    pub at_ns: u64,
}

/// What is to be sent, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be sent, in the order in which it was.
    pub planned: Vec<Planned>,
    /// When the rhythm begins.
    pub base_ns: u64,
    /// When the recorded connection was over, where the whole of its client's side is sent.
    pub end_ns: Option<u64>,
    /// Whether all of it is requests, each of which is sent as it was, and nothing else: no WebSocket is to be opened.
    pub is_side_only: bool,
    /// What is not sent and why, with counts.
    pub left_out: BTreeMap<&'static str, usize>,
}

impl Plan {
    /// How long it takes in the recorded rhythm, in nanoseconds.
    pub fn length_ns(&self) -> u64 {
        self.planned.last().map_or(0, |last| last.at_ns.saturating_sub(self.base_ns))
    }

    /// How long the recorded client took until it left, where the whole of its side is sent, in nanoseconds.
    pub fn stay_ns(&self) -> u64 {
        self.end_ns.map_or_else(|| self.length_ns(), |end_ns| end_ns.saturating_sub(self.base_ns))
    }

    /// What is not sent and why, in sentences.
    pub fn reservations(&self) -> Vec<String> {
        self.left_out.iter().map(|(why, count)| format!("{why}: {count}")).collect()
    }
}

/// Finds what is to be sent.
#[derive(Clone, Debug)]
pub struct Planner {
    chosen: Chosen,
    choices: Choices,
    /// Whether requests that open a connection are sent, too, on the side.
    with_own_requests: bool,
    next: usize,
    is_side_only: Option<bool>,
    opened_ns: Option<u64>,
    plan: Plan,
}

impl Planner {
    /// Looks for what was chosen. `with_own_requests`: send the requests by which a connection speaks itself, too: over one
    /// that is open already.
    pub fn new(chosen: Chosen, choices: Choices, with_own_requests: bool) -> Planner {
        Planner {
            chosen,
            choices,
            with_own_requests,
            next: 0,
            is_side_only: None,
            opened_ns: None,
            plan: Plan::default(),
        }
    }

    /// Looks on until `deadline`; the plan, once all was looked at.
    pub fn advance(&mut self, session: &Session, deadline: Instant) -> Option<Plan> {
        if self.is_side_only.is_none() {
            let is_side_only = is_side_only(session, &self.chosen);
            self.is_side_only = Some(is_side_only);
            self.with_own_requests |= is_side_only;
        }
        loop {
            let end = match &self.chosen {
                Chosen::Records(ids) => ids.len(),
                Chosen::ClientSide(_) => session.records().len(),
            };
            if self.next >= end {
                break;
            }
            let stretch = self.next..end.min(self.next + STRETCH);
            for at in stretch.clone() {
                let id = match &self.chosen {
                    Chosen::Records(ids) => ids[at],
                    Chosen::ClientSide(_) => at,
                };
                self.look(session, id);
            }
            self.next = stretch.end;
            if Instant::now() >= deadline && self.next < end {
                return None;
            }
        }
        let mut plan = std::mem::take(&mut self.plan);
        plan.planned.sort_unstable_by_key(|planned| planned.id);
        plan.planned.dedup();
        plan.is_side_only = self.is_side_only.unwrap_or_default();
        let first_ns = plan.planned.first().map_or(self.opened_ns.unwrap_or_default(), |first| first.at_ns);
        // The client's whole side begins where the connection was open, a selection with what it begins with.
        plan.base_ns = self.opened_ns.filter(|opened| *opened <= first_ns).unwrap_or(first_ns);
        Some(plan)
    }

    fn look(&mut self, session: &Session, id: RecordId) {
        let Some(record) = session.records().get(id).copied() else { return };
        if let Chosen::ClientSide(connection) = self.chosen {
            if session.connection_of(&record) != connection {
                return;
            }
            self.plan.end_ns = self.plan.end_ns.max(Some(session.at_ns(id)));
            if record.kind == Kind::HttpResponse && self.opened_ns.is_none() {
                self.opened_ns = Some(session.at_ns(id));
            }
        }
        let is_selected = matches!(self.chosen, Chosen::Records(_));
        if record.dir == Dir::In || record.kind.is_fact() {
            if is_selected {
                self.leave("records that the client did not send");
            }
            return;
        }
        match record.kind {
            _ if self.plan.planned.len() >= MOST => self.leave("messages behind the first five million"),
            _ if record.flags.has(Flags::INCOMPLETE) => self.leave("messages that were not sent whole"),
            Kind::WsFrame if self.choices.frames => self.plan(session, id),
            Kind::WsFrame if is_selected => self.leave("frames, which are sent with their messages"),
            _ if self.choices.frames && is_selected && is_websocket(record.kind) => {
                self.frames_of(session, id, &record);
            }
            // Their frames are looked at themselves.
            _ if self.choices.frames && is_websocket(record.kind) => {}
            Kind::WsText | Kind::WsBinary => self.plan(session, id),
            Kind::WsPing | Kind::WsPong | Kind::WsClose if self.choices.control => self.plan(session, id),
            Kind::WsPing | Kind::WsPong | Kind::WsClose => self.leave("pings, pongs and close frames"),
            Kind::HttpRequest if is_selected && is_upgrade(session, record.link) => {
                self.leave("requests that open a WebSocket, which a connection makes itself");
            }
            Kind::HttpRequest if is_upgrade(session, record.link) => {}
            Kind::HttpRequest if is_way(session, record.link) => {
                self.leave("requests that open a way through a proxy, which a connection makes itself");
            }
            Kind::HttpRequest if is_side(session, record.link) || self.with_own_requests => self.plan(session, id),
            Kind::HttpRequest => self.leave("requests that the connection makes itself"),
            Kind::HttpBody | Kind::HttpChunk | Kind::HttpTrailers if is_selected => {
                self.leave("bodies, which are sent with their requests");
            }
            _ => {}
        }
    }

    fn plan(&mut self, session: &Session, id: RecordId) {
        self.plan.planned.push(Planned { id, at_ns: session.at_ns(id) });
    }

    fn leave(&mut self, why: &'static str) {
        *self.plan.left_out.entry(why).or_default() += 1;
    }

    /// The frames of a message, which are complete before it is.
    fn frames_of(&mut self, session: &Session, id: RecordId, message: &Record) {
        for before in (id.saturating_sub(LOOK_BACK)..id).rev() {
            let Some(record) = session.records().get(before) else { break };
            if (record.link, record.dir) != (message.link, message.dir) {
                continue;
            }
            if record.end() <= message.start {
                break;
            }
            let is_of_it = record.kind == Kind::WsFrame && record.start >= message.start;
            let is_control = matches!(message.kind, Kind::WsPing | Kind::WsPong | Kind::WsClose);
            // Control frames may stand between those of a message.
            if is_of_it && (is_control || record.detail & 0xF < 8) {
                self.plan(session, before);
            }
        }
    }
}

/// Whether all that was chosen is requests, of connections that are no WebSockets.
fn is_side_only(session: &Session, chosen: &Chosen) -> bool {
    match chosen {
        Chosen::ClientSide(connection) => {
            let mut links = session.links().iter().filter(|link| link.connection == *connection);
            let spec = session.connection(*connection).map_or("", |connection| connection.info.spec.as_str());
            !links.any(|link| link.agreement().is_some()) && !wants_websocket(spec)
        }
        Chosen::Records(ids) => {
            let is_socket = |id: &RecordId| {
                let record = &session.records()[*id];
                let kind = record.kind;
                is_websocket(kind)
                    || kind == Kind::WsFrame
                    || (kind == Kind::HttpRequest && is_upgrade(session, record.link))
            };
            let is_request = |id: &RecordId| session.records()[*id].kind == Kind::HttpRequest;
            ids.iter().any(is_request) && !ids.iter().any(is_socket)
        }
    }
}

/// Whether a link is that of a request on the side.
pub(super) fn is_side(session: &Session, link: LinkId) -> bool {
    let opening = session.link(link).and_then(|link| link.opening.as_ref());
    opening.is_some_and(|opening| opening.purpose == crate::app::script::SIDE_REQUEST)
}

/// Whether a link is a way through a proxy, on which another one rides.
fn is_way(session: &Session, link: LinkId) -> bool {
    let opening = session.link(link).and_then(|link| link.opening.as_ref());
    opening.and_then(|opening| opening.via.as_ref()).is_some_and(|via| via.role == ProxyRole::Tunnel)
}

/// Whether it is a message or control message of WebSocket.
fn is_websocket(kind: Kind) -> bool {
    matches!(kind, Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong | Kind::WsClose)
}

fn is_upgrade(session: &Session, link: LinkId) -> bool {
    session.link(link).and_then(Link::agreement).is_some()
}
