//! Findings: what the records of a session say about why a realtime connection does not work, in sentences that can be
//! forwarded to whoever runs the server, the proxy or the network.
//!
//! Each record is looked at once, in order, and only what the records say up to there counts: no clock is read, and how
//! a session came to be is no matter. So a recording gives the findings that it gave live. What is kept of a link is
//! small and goes when the link ends.

mod buffered;
mod chunks;
mod ends;
mod head;
mod http;
mod idle;
mod login;
mod numbers;
mod poll;
mod product;
mod proxy;
mod reports;
mod rules;
mod seen;
mod sse;
mod text;
mod tls;
mod told;
mod websocket;

pub use rules::{RULES, Rule};

use super::{RecordId, Session};
use crate::dissect::{Kind, Record, Severity};
use crate::wire::{ConnectionId, Dir, LinkId, Span, What};
use reports::Reports;
use seen::{Case, Seen, Talk};
use std::collections::HashMap;
use std::time::Instant;

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// It fits what was seen; other causes do as well.
    Possible,
    /// Other causes are rare.
    Likely,
    /// What was seen leaves no other cause.
    Certain,
}

impl Confidence {
    /// The name on screen and in exports.
    pub fn label(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

/// A place in the recording that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The record.
    pub record: RecordId,
    /// The bytes in it, where it is about some of them.
    pub span: Option<Span>,
    /// What they say, or a short description.
    pub says: String,
}

/// Why something does not work, and what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The key of its rule, such as `proxy.connect-refused`.
    pub key: &'static str,
    /// Its name, for lists.
    pub title: &'static str,
    /// [`Severity::Error`] where it stops a connection, [`Severity::Warning`] where it hampers one,
    /// [`Severity::Info`] where it is only worth knowing.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// The connection that it is about.
    pub connection: ConnectionId,
    /// The link on which it was seen first.
    pub link: LinkId,
    /// What was seen.
    pub seen: String,
    /// What that means.
    pub means: String,
    /// What to try.
    pub attempt: String,
    /// Where it was seen: the first few places.
    pub evidence: Vec<Evidence>,
    /// How often it was seen.
    pub count: u64,
}

/// Work between two looks at the clock.
const WORK: u32 = 256;

/// The work of a record that is explained.
const EXPLAINED: u32 = 64;

/// Looks for findings in a session that may grow.
#[derive(Default)]
pub struct Findings {
    /// The first record that was not looked at.
    next: RecordId,
    links: HashMap<LinkId, Box<Seen>>,
    talks: HashMap<ConnectionId, Talk>,
    reports: Reports,
}

impl Findings {
    /// Looks at further records until there are no more or the deadline passes. Whether there is more to look at.
    pub fn look(&mut self, session: &Session, deadline: Instant) -> bool {
        let mut work = 0;
        while let Some(more) = self.step(session) {
            work += more;
            if work >= WORK {
                work = 0;
                if Instant::now() >= deadline {
                    return self.next < session.records().len();
                }
            }
        }
        false
    }

    /// Looks at all further records.
    pub fn look_all(&mut self, session: &Session) {
        while self.step(session).is_some() {}
    }

    /// What was found so far, in the order in which it was found.
    pub fn list(&self) -> &[Finding] {
        self.reports.list()
    }

    /// What was found when there were so many records: each finding, and whether it was seen later as well, so that its
    /// count is not what it was.
    pub fn as_of(&self, records: RecordId) -> impl Iterator<Item = (&Finding, bool)> {
        let told = self.reports.list().iter().enumerate().map(|(at, finding)| (finding, self.reports.told_at(at)));
        told.filter(move |(_, (first, _))| *first < records).map(move |(finding, (_, last))| (finding, last >= records))
    }

    /// Looks at the next record, where there is one. The work that it was.
    fn step(&mut self, session: &Session) -> Option<u32> {
        self.next = self.next.max(session.records().first_held());
        let (id, record) = (self.next, *session.records().get(self.next)?);
        self.next += 1;
        let case = Case { session, id, record };
        match record.kind {
            kind if kind.is_fact() => return Some(self.fact(&case)),
            Kind::WsFrame => {
                if let Some(seen) = self.links.get_mut(&record.link) {
                    websocket::frame(&case, seen, &mut self.reports);
                }
            }
            _ => return Some(self.bytes(&case)),
        }
        Some(1)
    }

    fn fact(&mut self, case: &Case) -> u32 {
        let Some(event) = case.session.fact(&case.record) else { return 1 };
        let connection = case.connection();
        if let What::Opening(opening) = &event.what {
            self.talks.entry(connection).or_insert_with(|| Talk::new(case.session, connection));
            self.links.insert(event.link, Box::new(Seen::new(opening, event.at_ns)));
            return 1;
        }
        let (Some(seen), Some(talk)) = (self.links.get_mut(&event.link), self.talks.get_mut(&connection)) else {
            return 1;
        };
        let reports = &mut self.reports;
        match &event.what {
            What::Secured(facts) => tls::secured(case, seen, facts, reports),
            What::Tunnelled(_) => login::accepted(case, talk, reports),
            What::Challenged(challenge) => login::challenged(case, seen, talk, challenge, reports),
            What::Failed(failure) => ends::failed(case, seen, talk, failure, reports),
            What::Closed(closed) => ends::closed(case, seen, talk, closed, reports),
            _ => return 1,
        }
        if matches!(event.what, What::Failed(_) | What::Closed(_)) {
            self.links.remove(&event.link);
        }
        EXPLAINED
    }

    fn bytes(&mut self, case: &Case) -> u32 {
        let record: &Record = &case.record;
        let Some(seen) = self.links.get_mut(&record.link) else { return 1 };
        let Some(talk) = self.talks.get_mut(&seen.connection) else { return 1 };
        let reports = &mut self.reports;
        match (record.kind, record.dir) {
            (Kind::HttpRequest, _) => {
                http::request(case, seen, talk);
                EXPLAINED
            }
            (Kind::HttpResponse, _) => {
                http::answer(case, seen, talk, reports);
                EXPLAINED
            }
            (Kind::HttpBody, Dir::In) => {
                http::body(case, seen, talk, reports);
                4
            }
            (Kind::HttpChunk, Dir::In) => {
                chunks::chunk(case, seen, talk, reports);
                1
            }
            (Kind::SseEvent | Kind::Line, Dir::In) => {
                let is_looked_into = sse::event(case, seen, talk, reports);
                if is_looked_into { 16 } else { 1 }
            }
            (Kind::SseComment, Dir::In) => {
                buffered::comment(case, seen);
                1
            }
            (Kind::WsText, Dir::In) => {
                seen.numbers.came(case.id);
                numbers::compare(case, seen, talk, reports);
                1
            }
            (Kind::WsPing | Kind::WsPong | Kind::WsClose, _) => {
                websocket::control(case, seen, reports);
                4
            }
            _ => 1,
        }
    }
}
