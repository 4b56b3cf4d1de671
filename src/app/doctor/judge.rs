//! How a way turned out, by the records that it left.

use super::{Outcome, Verdict, Way};
use crate::session::findings::Finding;
use crate::session::statistics::sent_time;
use crate::session::{Flags, Kind, LinkState, RecordId, Session, Severity, duration};
use crate::transport::PushType;
use crate::wire::{Act, Dir, Failure, Stage};
use std::time::Instant;

/// What was seen of a way while it was watched.
pub struct Watch {
    looked_at: RecordId,
    /// The status of the newest answer of the endpoint, and when it came.
    pub status: Option<(u16, u64)>,
    /// Since when messages can come.
    pub open_since: Option<Instant>,
    /// A WebSocket is open.
    pub is_open_socket: bool,
    /// Nothing more will change the verdict.
    pub is_enough: bool,
    body_ended: bool,
    pong_ns: Option<u64>,
    ping_ns: Option<u64>,
    messages: u64,
    first_message_ns: Option<u64>,
    latency_ns: Option<(i128, i128)>,
}

impl Watch {
    pub fn new() -> Watch {
        Watch {
            looked_at: 0,
            status: None,
            open_since: None,
            is_open_socket: false,
            is_enough: false,
            body_ended: false,
            pong_ns: None,
            ping_ns: None,
            messages: 0,
            first_message_ns: None,
            latency_ns: None,
        }
    }

    /// Looks at what came since.
    pub fn look(&mut self, session: &Session) {
        for id in self.looked_at..session.records().len() {
            let record = session.records()[id];
            let at_ns = session.at_ns(id);
            match (record.kind, record.dir) {
                (Kind::HttpResponse, _) if !is_leg(session, &record) => {
                    self.status = Some((record.detail as u16, at_ns));
                    self.open_since.get_or_insert_with(Instant::now);
                    self.is_open_socket |= record.detail == 101;
                }
                (Kind::HttpBody, Dir::In) if !is_leg(session, &record) => {
                    self.body_ended = true;
                    self.is_enough |= !record.flags.has(Flags::INCOMPLETE);
                }
                (Kind::WsPing, Dir::Out) => self.ping_ns = Some(at_ns),
                (Kind::WsPong, Dir::In) => {
                    self.pong_ns.get_or_insert(at_ns);
                }
                (Kind::SseEvent | Kind::WsText | Kind::WsBinary | Kind::Line | Kind::Part, Dir::In) => {
                    self.messages += 1;
                    self.first_message_ns.get_or_insert(at_ns);
                    if self.messages < 200
                        && let Some(sent) = sent_time(&session.explain_within(id, 64 * 1024).payload)
                    {
                        let latency = i128::from(session.started_unix_ns) + i128::from(at_ns) - sent;
                        let (least, most) = self.latency_ns.unwrap_or((latency, latency));
                        self.latency_ns = Some((least.min(latency), most.max(latency)));
                    }
                }
                _ => {}
            }
        }
        self.looked_at = session.records().len();
    }
}

/// Whether a record is of a link on which a proxy is asked.
fn is_leg(session: &Session, record: &crate::session::Record) -> bool {
    let opening = session.link(record.link).and_then(|link| link.opening.as_ref());
    opening.and_then(|opening| opening.via.as_ref()).is_some_and(|via| via.role == crate::wire::ProxyRole::Tunnel)
}

/// The verdict.
pub fn judge(way: Way, session: &Session, watch: &Watch, findings: Vec<Finding>) -> Outcome {
    let failure = session.links().iter().rev().find_map(|link| match &link.state {
        LinkState::Failed(failure) => Some(failure.clone()),
        _ => None,
    });
    let gave_up = session.connections().first().and_then(|connection| match &connection.over {
        Some((Act::GaveUp, why)) => Some(why.clone()),
        _ => None,
    });
    let took_ns = watch.status.map_or(session.last_at_ns(), |(_, at_ns)| at_ns);
    let has = |key: &str| findings.iter().any(|finding| finding.key == key);
    let broken = |stage: &str, why: String| Verdict::Broken { stage: stage.to_owned(), why };
    let not_offered = |why: String| Verdict::NotOffered { why };
    let worst =
        findings.iter().filter(|finding| finding.severity == Severity::Error).max_by_key(|finding| finding.confidence);
    // What a box in between does is a break; what the server says of itself is an offer or none.
    let is_network = |finding: &&Finding| {
        let keys = ["proxy.", "websocket.", "tls.", "tcp.", "dns.", "reset", "stream.", "answer."];
        keys.iter().any(|key| finding.key.starts_with(key))
    };
    let verdict = match (watch.status, &failure) {
        (None, Some(failure)) if speaks_no_tls(failure) => {
            not_offered(format!("no TLS on this port ({})", failure.text))
        }
        (None, Some(failure)) => broken(failure.stage.label(), failure.text.clone()),
        (None, None) if gave_up.is_some() => broken("connection", gave_up.unwrap_or_default()),
        // Silence is what a long poll is made of.
        (None, None) if way.push_type == PushType::LongPoll => Verdict::Works { how: "the request is held".to_owned() },
        (None, None) => broken("answer", "no answer in time".to_owned()),
        (Some((status, _)), _) => match worst.filter(is_network) {
            Some(finding) if finding.key != "websocket.upgrade-lost" || has("proxy.answered") => {
                let stage = if finding.key == "websocket.upstream-dead" { "stream" } else { "answer" };
                broken(stage, finding.seen.clone())
            }
            _ => by_type(&way, watch, status, session),
        },
    };
    let is_page = media_type(session) == "text/html";
    Outcome { way, verdict, took_ns, findings, latency_ns: watch.latency_ns, is_page }
}

/// Whether a handshake failed because nothing on that port speaks TLS.
fn speaks_no_tls(failure: &Failure) -> bool {
    let words = ["speaks plain HTTP", "is not TLS", "hung up before answering"];
    failure.stage == Stage::Tls && failure.chain.is_empty() && words.iter().any(|words| failure.text.contains(words))
}

fn by_type(way: &Way, watch: &Watch, status: u16, session: &Session) -> Verdict {
    let not_offered = |why: String| Verdict::NotOffered { why };
    let works = |how: String| Verdict::Works { how };
    let is_ok = matches!(status, 200..=299);
    let media_type = media_type(session);
    let first = watch.first_message_ns.map_or_else(
        || "open, and no message came while it was watched".to_owned(),
        |at_ns| format!("the first message came after {}", duration(at_ns)),
    );
    match way.push_type {
        PushType::Ws => match (status, watch.ping_ns, watch.pong_ns) {
            (101, Some(ping), Some(pong)) => {
                works(format!("a ping is answered after {}; {first}", duration(pong.saturating_sub(ping))))
            }
            // The drafts without a number have no pings.
            (101, None, None) if way.spec.websocket.version.number().is_none() && watch.messages > 0 => works(first),
            (101, None, None) if way.spec.websocket.version.number().is_none() => works(
                "the upgrade went well; this draft has no pings, so whether what is sent arrives is not known"
                    .to_owned(),
            ),
            (101, ..) => Verdict::Broken {
                stage: "stream".to_owned(),
                why: "the upgrade went well, and our ping was not answered: what is sent does not arrive".to_owned(),
            },
            (status, ..) => not_offered(format!("the upgrade is answered with status {status}")),
        },
        _ if !is_ok && status != 304 => not_offered(format!("status {status}")),
        PushType::Sse if media_type == "text/event-stream" => works(first),
        PushType::Sse => not_offered(format!("the answer is {}, not text/event-stream", shown(&media_type))),
        PushType::Stream if media_type == "text/event-stream" || !watch.body_ended => works(first),
        PushType::Stream => not_offered("the answer ends: it is no stream".to_owned()),
        PushType::LongPoll | PushType::Poll | PushType::Auto if watch.body_ended || status == 204 || status == 304 => {
            works(format!("answered with status {status}"))
        }
        _ => not_offered("the answer does not end: it is a stream".to_owned()),
    }
}

fn shown(media_type: &str) -> &str {
    if media_type.is_empty() { "without a type" } else { media_type }
}

/// The media type of the endpoint's answer.
fn media_type(session: &Session) -> String {
    let answer = (0..session.records().len()).rev().find(|id| {
        let record = session.records()[*id];
        record.kind == Kind::HttpResponse && !is_leg(session, &record)
    });
    let value = answer.and_then(|id| session.header(&session.explain(id), "content-type")).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_lowercase()
}
