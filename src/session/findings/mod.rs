//! Findings: rules over the records of a session that say in plain sentences what is wrong with a connection, what that
//! means and what to try, so that they can be forwarded as they are.
//!
//! Records are looked at once, in order, also while the session grows. No rule knows the time of day: only what is in the
//! session counts, so that a recording gives the findings that it gave live.

mod head;
mod link;
mod poll;
mod proxy;
mod rules;
mod sse;
mod streams;
#[cfg(test)]
mod tests;
mod tls;
mod told;
mod websocket;

pub use rules::RULES;

use super::{Kind, Record, RecordId, Session, Severity};
use crate::wire::{Act, ConnectionId, LinkId, ProxyRole, Span, Via, What};
use head::Head;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Records that are looked at between two looks at the clock.
const STEP_RECORDS: usize = 1024;

/// Heads of a connection that are read at most; what a thousand polls did not show, the next will not.
const MOST_HEADS: usize = 2000;

/// Pieces of evidence of one finding that are kept.
const MOST_EVIDENCE: usize = 8;

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It fits, and other things would fit as well.
    Possible,
    /// Little else would explain it.
    Likely,
    /// It is in the bytes.
    Certain,
}

impl Confidence {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

/// A rule: what can be found.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable key, such as `proxy.connect-refused`.
    pub key: &'static str,
    /// What was found, in a few words.
    pub title: &'static str,
    /// How bad that is.
    pub severity: Severity,
}

/// Where something was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The record.
    pub record: RecordId,
    /// Its bits, where they are more exact than the record.
    pub span: Option<Span>,
    /// What stands there, or what it is.
    pub says: String,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// By which rule.
    pub rule: &'static Rule,
    /// How sure.
    pub confidence: Confidence,
    /// On which connection.
    pub connection: ConnectionId,
    /// On which of its links it was seen first.
    pub link: LinkId,
    /// What was seen.
    pub seen: String,
    /// What it means.
    pub means: String,
    /// What to try.
    pub attempt: String,
    /// Where it was seen, at most eight places.
    pub evidence: Vec<Evidence>,
    /// How often it was seen.
    pub count: u64,
}

/// What a rule has to say.
struct Said {
    confidence: Confidence,
    seen: String,
    means: String,
    attempt: String,
    evidence: Vec<Evidence>,
}

/// The findings of a session.
#[derive(Default)]
pub struct Findings {
    found: Vec<Finding>,
    looked_at: RecordId,
    eyes: HashMap<LinkId, Eye>,
    connections: HashMap<ConnectionId, OfConnection>,
}

/// What rules keep of a connection.
#[derive(Default)]
struct OfConnection {
    /// The push type that was asked for, as the spec names it.
    push_type: String,
    heads: usize,
    logins: proxy::Logins,
    resume: sse::Resume,
    polls: poll::Polls,
}

/// What rules keep of a link.
struct Eye {
    link: LinkId,
    connection: ConnectionId,
    /// `host:port` as dialled.
    to: String,
    tls: bool,
    purpose: String,
    via: Option<Via>,
    /// Requests that were not answered yet.
    asked: VecDeque<Head>,
    /// The newest request, and its answer.
    request: Option<Head>,
    answer: Option<Head>,
    /// The answer's body has not ended.
    in_body: bool,
    websocket: websocket::WebSocketEye,
    sse: sse::SseEye,
    pieces: streams::Pieces,
}

/// What a rule sees: the session, the record, and where to put what it finds.
struct Look<'a> {
    session: &'a Session,
    id: RecordId,
    record: Record,
    found: &'a mut Vec<Finding>,
    connection: ConnectionId,
    link: LinkId,
}

impl Look<'_> {
    /// Notes a finding; one by the same rule on the same connection counts on.
    fn found(&mut self, rule: &'static Rule, said: Said) {
        let known = self.found.iter_mut().find(|one| one.rule == rule && one.connection == self.connection);
        let Said { confidence, seen, means, attempt, evidence } = said;
        match known {
            Some(known) => {
                known.count += 1;
                if confidence > known.confidence {
                    (known.confidence, known.seen, known.means, known.attempt) = (confidence, seen, means, attempt);
                }
                let room = MOST_EVIDENCE.saturating_sub(known.evidence.len());
                known.evidence.extend(evidence.into_iter().take(room));
            }
            None => self.found.push(Finding {
                rule,
                confidence,
                connection: self.connection,
                link: self.link,
                seen,
                means,
                attempt,
                evidence: evidence.into_iter().take(MOST_EVIDENCE).collect(),
                count: 1,
            }),
        }
    }

    /// The record itself as evidence.
    fn here(&self, says: impl Into<String>) -> Evidence {
        Evidence { record: self.id, span: None, says: says.into() }
    }

    fn at_ns(&self) -> u64 {
        self.session.at_ns(self.id)
    }
}

impl Findings {
    /// Looks at records that came since, until `deadline`; whether there are more.
    pub fn look(&mut self, session: &Session, deadline: Instant) -> bool {
        loop {
            let end = session.records().len().min(self.looked_at + STEP_RECORDS);
            // Records that were told and forgotten cannot be looked at any more.
            self.looked_at = self.looked_at.max(session.records().first_held());
            for id in self.looked_at..end {
                self.look_at(session, id);
            }
            self.looked_at = end.max(self.looked_at);
            if self.looked_at >= session.records().len() {
                return false;
            }
            if Instant::now() >= deadline {
                return true;
            }
        }
    }

    /// Looks at all records that came since.
    pub fn look_all(&mut self, session: &Session) {
        let hour = Instant::now() + std::time::Duration::from_secs(3600);
        while self.look(session, hour) {}
    }

    /// What was found, in the order in which it was.
    pub fn list(&self) -> &[Finding] {
        &self.found
    }

    /// How many findings are of at least that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|finding| finding.rule.severity >= severity).count()
    }

    fn look_at(&mut self, session: &Session, id: RecordId) {
        let Some(record) = session.records().get(id).copied() else { return };
        // Frames are told again as messages and control frames.
        if matches!(record.kind, Kind::WsFrame | Kind::Part | Kind::Gap | Kind::Socks) {
            return;
        }
        let eye = self.eyes.entry(record.link).or_insert_with(|| Eye::new(session, record.link));
        let of = self.connections.entry(eye.connection).or_insert_with(|| OfConnection::new(session, eye.connection));
        let (connection, link) = (eye.connection, eye.link);
        let mut look = Look { session, id, record, found: &mut self.found, connection, link };
        match record.kind {
            kind if kind.is_fact() => fact(&mut look, eye, of),
            Kind::HttpRequest | Kind::HttpResponse => heads(&mut look, eye, of),
            Kind::HttpBody => {
                proxy::body(&mut look, eye);
                streams::body(&mut look, eye);
                eye.in_body = false;
            }
            Kind::HttpChunk | Kind::SseEvent | Kind::SseComment | Kind::Line => {
                streams::piece(&mut look, &mut eye.pieces);
                if record.kind != Kind::HttpChunk {
                    sse::event(&mut look, eye, &mut of.resume);
                }
            }
            Kind::WsFrame | Kind::WsText | Kind::WsBinary | Kind::WsPing | Kind::WsPong | Kind::WsClose => {
                websocket::frame(&mut look, eye);
            }
            _ => {}
        }
    }
}

/// What the link did, or Pushscope.
fn fact(look: &mut Look<'_>, eye: &mut Eye, of: &mut OfConnection) {
    let session = look.session;
    let Some(event) = session.fact(&look.record) else { return };
    match &event.what {
        What::Opening(opening) => eye.opened(opening),
        What::Secured(facts) => tls::secured(look, eye, facts),
        What::Challenged(challenge) => of.logins.challenged(look, challenge),
        What::Failed(failure) => {
            tls::failed(look, eye, failure);
            link::failed(look, eye, failure);
            websocket::ended(look, eye);
        }
        What::Closed(closed) => {
            link::closed(look, eye, closed);
            websocket::ended(look, eye);
        }
        What::Client(act) if act.act == Act::GaveUp => of.logins.gave_up(look),
        _ => {}
    }
}

/// A head.
fn heads(look: &mut Look<'_>, eye: &mut Eye, of: &mut OfConnection) {
    of.heads += 1;
    if of.heads > MOST_HEADS {
        return;
    }
    let head = Head::read(look.session, look.id);
    if look.record.kind == Kind::HttpRequest {
        eye.asked.push_back(head);
        return;
    }
    let request = eye.asked.pop_front();
    eye.in_body = true;
    proxy::answer(look, eye, request.as_ref(), &head);
    websocket::answer(look, eye, request.as_ref(), &head);
    sse::answer(look, eye, request.as_ref(), &head, &of.push_type);
    tls::date(look, &head);
    of.polls.answer(look, eye, request.as_ref(), &head, &of.push_type);
    (eye.request, eye.answer) = (request, Some(head));
}

impl Eye {
    fn new(session: &Session, link: LinkId) -> Eye {
        Eye {
            link,
            connection: session.link(link).map_or(ConnectionId(0), |link| link.connection),
            to: String::new(),
            tls: false,
            purpose: String::new(),
            via: None,
            asked: VecDeque::new(),
            request: None,
            answer: None,
            in_body: false,
            websocket: Default::default(),
            sse: Default::default(),
            pieces: Default::default(),
        }
    }

    fn opened(&mut self, opening: &crate::wire::Opening) {
        let host = &opening.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        self.to = format!("{host}:{}", opening.port);
        self.tls = opening.tls;
        self.purpose.clone_from(&opening.purpose);
        self.via.clone_from(&opening.via);
    }

    /// Whether a proxy is asked for a way through here.
    fn is_leg(&self) -> bool {
        matches!(&self.via, Some(Via { role: ProxyRole::Tunnel, .. }))
    }

    /// Whether the newest answer is a stream, by its label.
    fn is_stream(&self) -> bool {
        let types = ["text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace"];
        self.answer.as_ref().is_some_and(|answer| types.contains(&answer.media_type().as_str()))
    }
}

impl OfConnection {
    fn new(session: &Session, id: ConnectionId) -> OfConnection {
        let spec = session.connection(id).map(|connection| connection.info.spec.clone()).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(&spec).unwrap_or_default();
        OfConnection { push_type: json["as"].as_str().unwrap_or_default().to_owned(), ..OfConnection::default() }
    }
}

/// A text as a sentence: with a capital, and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let capital: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{capital}{}{stop}", chars.as_str())
}
