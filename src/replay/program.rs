//! What a recording says that a server is to say: its exchanges, in the order in which they were asked for.
//!
//! Only places are kept; the bytes stay in the recording and are read as they are due, so that a recording of any length
//! takes little more memory than its records.

use super::exchange::{Answer, Ending, Exchange, Framing, Key, Upgrade};
use super::head::{Head, LARGEST_HEAD_BYTES, path_and_query};
use crate::dissect::{Flags, Kind, Record, hixie};
use crate::session::file::{Ending as FileEnding, FileError, glance, load};
use crate::session::{Link, LinkState, RecordId, Session};
use crate::wire::{Dir, LinkId, ProxyRole, What};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Stretches that reads moved are looked up for so many bytes at a time.
const WINDOW_BYTES: u64 = 256 << 10;

/// A client that leaves sooner than this, in nanoseconds, did not wait for an answer.
const PATIENT_NS: u64 = 1_000_000_000;

/// A recording as a server's program.
pub struct Program {
    name: String,
    session: Mutex<Session>,
    exchanges: Vec<Exchange>,
    keys: Vec<Key>,
    groups: Vec<Vec<usize>>,
    by_key: HashMap<Key, usize>,
    by_path: HashMap<String, Vec<usize>>,
    hosts: Vec<String>,
    notices: Vec<String>,
}

/// A stretch that one read moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its first byte.
    pub start: u64,
    /// How many bytes.
    pub len: u64,
    /// When, in nanoseconds since the recording began.
    pub at_ns: u64,
}

/// What was seen of a link while its records were gone through.
#[derive(Default)]
struct Building {
    requests: Vec<(RecordId, Range<u64>)>,
    answers: Vec<Found>,
    /// Where the interim answers before the next final one begin.
    interim: Option<u64>,
    ending: Option<Ending>,
    /// When the client closed.
    left_ns: Option<u64>,
}

struct Found {
    start: u64,
    head: Range<u64>,
    status: u16,
    record: RecordId,
    is_body_whole: bool,
}

impl Program {
    /// Reads a recording. `progress` is told how many events were read of how many, and says whether to go on.
    pub fn read(path: &Path, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Program, FileError> {
        let loaded = load(path, progress)?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let mut notices = loaded.notices;
        if glance(path).is_ok_and(|glance| glance.ending == FileEnding::Recording) {
            notices.push("it is still being recorded: what is recorded from now on is not served".to_owned());
        }
        notices.extend(loaded.damage.iter().map(|error| format!("not all of it could be read: {error}")));
        Ok(Program::of(name, loaded.session, notices))
    }

    /// The program that a session is.
    pub fn of(name: String, session: Session, notices: Vec<String>) -> Program {
        let mut program = Program {
            name,
            session: Mutex::new(session),
            exchanges: Vec::new(),
            keys: Vec::new(),
            groups: Vec::new(),
            by_key: HashMap::new(),
            by_path: HashMap::new(),
            hosts: Vec::new(),
            notices,
        };
        let (exchanges, left_out) = {
            let session = program.session();
            gather(&session)
        };
        for (exchange, key) in exchanges {
            program.add(exchange, key);
        }
        program.notices.extend(left_out);
        let hosts = hosts(&program.session());
        program.hosts = hosts;
        program
    }

    fn add(&mut self, mut exchange: Exchange, key: Key) {
        let group = match self.by_key.get(&key) {
            Some(group) => *group,
            None => {
                self.groups.push(Vec::new());
                self.keys.push(key.clone());
                self.by_path.entry(key.path.clone()).or_default().push(self.groups.len() - 1);
                self.by_key.insert(key, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        exchange.group = group;
        self.groups[group].push(self.exchanges.len());
        self.exchanges.push(exchange);
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its exchanges, in the order in which they were asked for.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// How many exchanges there are of which something can be served.
    pub fn to_serve(&self) -> usize {
        self.exchanges.iter().filter(|exchange| exchange.is_to_serve()).count()
    }

    /// The host names that were dialled.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// What is to say of it: what is left out, and what could not be read.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// What an exchange is asked for by.
    pub fn key(&self, exchange: usize) -> &Key {
        &self.keys[self.exchanges[exchange].group]
    }

    /// The exchanges that are asked for by exactly this.
    pub(super) fn of_key(&self, key: &Key) -> Option<&[usize]> {
        self.by_key.get(key).map(|group| &self.groups[*group][..])
    }

    /// What is asked for on a path, and the exchanges of each.
    pub(super) fn of_path(&self, path: &str) -> impl Iterator<Item = (&Key, &[usize])> {
        let groups = self.by_path.get(path).map_or(&[][..], |groups| &groups[..]);
        groups.iter().map(|group| (&self.keys[*group], &self.groups[*group][..]))
    }

    /// What is asked for, and the exchanges of each, in order of the first.
    pub fn asked_for(&self) -> impl Iterator<Item = (&Key, &[usize])> {
        self.keys.iter().zip(&self.groups).map(|(key, group)| (key, &group[..]))
    }

    /// The recording.
    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Recorded bytes.
    pub(super) fn bytes(&self, link: LinkId, dir: Dir, start: u64, len: u64) -> Bytes {
        Bytes::from(self.session().wire(link, dir, start, len as usize))
    }

    /// The head of an exchange's request.
    pub(super) fn request_head(&self, exchange: &Exchange) -> Head {
        Head::read(&read_head(&self.session(), exchange.link, Dir::Out, &exchange.request))
    }

    /// The head of an answer.
    pub(super) fn answer_head(&self, exchange: &Exchange, answer: &Answer) -> Head {
        Head::read(&read_head(&self.session(), exchange.link, Dir::In, &answer.head))
    }

    /// The stretches that reads moved from byte `start` on, up to `end` or for a while; cut to that.
    pub(super) fn pieces(&self, link: LinkId, dir: Dir, start: u64, end: u64) -> Vec<Piece> {
        let until = end.min(start.saturating_add(WINDOW_BYTES));
        let session = self.session();
        let Some(link) = session.link(link) else { return Vec::new() };
        let reads = link.reads(dir, start, until).into_iter();
        reads
            .filter_map(|(first, len, at_ns)| {
                let (from, to) = (first.max(start), (first + len).min(until));
                (from < to).then(|| Piece { start: from, len: to - from, at_ns })
            })
            .collect()
    }

    /// The next record of a link from number `from` on that `is_wanted`, with its number.
    pub(super) fn next_record(
        &self,
        link: LinkId,
        from: RecordId,
        is_wanted: impl Fn(&Record) -> bool,
    ) -> Option<(RecordId, Record)> {
        let session = self.session();
        let records = session.records().range(from..usize::MAX);
        (from..).zip(records).find(|(_, record)| record.link == link && is_wanted(record)).map(|(id, r)| (id, *r))
    }
}

fn read_head(session: &Session, link: LinkId, dir: Dir, head: &Range<u64>) -> Vec<u8> {
    let len = (head.end - head.start).min(LARGEST_HEAD_BYTES as u64);
    session.wire(link, dir, head.start, len as usize)
}

/// The exchanges of a recording with what they are asked for by, and what is left out, in sentences.
fn gather(session: &Session) -> (Vec<(Exchange, Key)>, Vec<String>) {
    let mut links: HashMap<LinkId, Building> = HashMap::new();
    for (id, record) in session.records().iter().enumerate() {
        let link = links.entry(record.link).or_default();
        match (record.kind, record.dir) {
            (Kind::HttpRequest, Dir::Out) => link.requests.push((id, record.start..record.end())),
            (Kind::HttpInformational, Dir::In) => _ = link.interim.get_or_insert(record.start),
            (Kind::HttpResponse, Dir::In) => link.answers.push(Found {
                start: link.interim.take().unwrap_or(record.start),
                head: record.start..record.end(),
                status: record.detail as u16,
                record: id,
                is_body_whole: false,
            }),
            (Kind::HttpBody, Dir::In) if !record.flags.has(Flags::INCOMPLETE) => {
                if let Some(last) = link.answers.last_mut() {
                    last.is_body_whole = true;
                }
            }
            (Kind::Closed, Dir::In) | (Kind::Failed, _) => {
                link.ending = Some(ending(session, record, session.at_ns(id)))
            }
            (Kind::Closed, Dir::Out) => link.left_ns = Some(session.at_ns(id)),
            _ => {}
        }
    }
    // Links whose last request the client did not wait for.
    let mut given_up: HashSet<LinkId> = HashSet::new();
    let mut found: Vec<(RecordId, Exchange, Key)> = Vec::new();
    let (mut tunnels, mut logins, mut unasked, mut other) = (0_u64, 0_u64, 0_u64, 0_u64);
    for link in session.links() {
        let built = links.remove(&link.id).unwrap_or_default();
        let role = link.opening.as_ref().and_then(|opening| opening.via.as_ref()).map(|via| via.role);
        if role == Some(ProxyRole::Tunnel) {
            tunnels += 1;
            continue;
        }
        unasked += built.answers.len().saturating_sub(built.requests.len()) as u64;
        if built.requests.is_empty() && link.len_bytes(Dir::In) > 0 {
            other += 1;
        }
        // A link that is not closed in the recording was open when that ended.
        let ending = match (built.ending, &link.state) {
            (Some(ending), LinkState::Closed(_) | LinkState::Failed(_)) => ending,
            _ => Ending::Client,
        };
        for (at, (id, request)) in built.requests.iter().enumerate() {
            let head = Head::read(&read_head(session, link.id, Dir::Out, request));
            let answer = built.answers.get(at).map(|answer| {
                let end = built.answers.get(at + 1).map_or(link.len_bytes(Dir::In), |next| next.start);
                answer_of(session, link.id, &head, answer, end)
            });
            if answer.as_ref().is_some_and(|answer| answer.status == 407) {
                logins += 1;
                continue;
            }
            if head.method() == "CONNECT" {
                tunnels += 1;
                continue;
            }
            let next = built.requests.get(at + 1).map(|(_, next)| next.start);
            let key3 = match answer.as_ref().and_then(|answer| answer.upgrade) {
                Some(Upgrade::Hixie(hixie::Draft::Hixie76)) => hixie::KEY3_BYTES as u64,
                _ => 0,
            };
            let request_end = match &answer {
                Some(Answer { upgrade: Some(_), .. }) => (request.end + key3).min(link.len_bytes(Dir::Out)),
                _ => next.unwrap_or(link.len_bytes(Dir::Out)),
            };
            let left_ns = built.left_ns.unwrap_or(session.last_at_ns());
            if answer.is_none()
                && ending == Ending::Client
                && left_ns.saturating_sub(asked_at(link, request_end)) < PATIENT_NS
            {
                given_up.insert(link.id);
            }
            let ending = if next.is_some() { Ending::Next } else { ending };
            let asked_ns = asked_at(link, request_end);
            let key = Key::of(&head);
            let request = request.clone();
            found.push((
                *id,
                Exchange { link: link.id, group: 0, request, request_end, asked_ns, answer, ending },
                key,
            ));
        }
    }
    found.sort_by_key(|(id, ..)| *id);
    let before = found.len();
    let on = |key: &Key| (key.method.clone(), key.path.clone());
    let answered: HashSet<(String, String)> =
        found.iter().filter(|(_, exchange, _)| exchange.answer.is_some()).map(|(.., key)| on(key)).collect();
    found.retain(|(_, exchange, key)| {
        exchange.answer.is_some() || !given_up.contains(&exchange.link) || !answered.contains(&on(key))
    });
    let cut = (before - found.len()) as u64;
    let counted = |count: u64, one: &str, many: &str| {
        (count > 0).then(|| if count == 1 { format!("1 {one}") } else { format!("{count} {many}") })
    };
    let left_out = [
        counted(
            cut,
            "request that the recorded client did not wait for is left out",
            "requests that the recorded client did not wait for are left out",
        ),
        counted(
            tunnels,
            "exchange that opened a way through a proxy is left out",
            "exchanges that opened ways through proxies are left out",
        ),
        counted(
            logins,
            "exchange in which a proxy asked for a login is left out",
            "exchanges in which a proxy asked for a login are left out",
        ),
        counted(unasked, "answer that nobody asked for is left out", "answers that nobody asked for are left out"),
        counted(other, "link that is no HTTP is left out", "links that are no HTTP are left out"),
    ];
    let exchanges = found.into_iter().map(|(_, exchange, key)| (exchange, key)).collect();
    (exchanges, left_out.into_iter().flatten().collect())
}

/// How a link ended that the server closed, or that failed.
fn ending(session: &Session, record: &Record, at_ns: u64) -> Ending {
    let said = match session.fact(record).map(|event| &event.what) {
        Some(What::Failed(failure)) => failure.text.as_str(),
        Some(What::Closed(closed)) => closed.text.as_str(),
        _ => "",
    };
    match said {
        // A capture knows both sides.
        said if said.contains("the client reset the connection") => Ending::Client,
        said if said.contains("reset the connection") => Ending::Reset(at_ns),
        _ => Ending::Server(at_ns),
    }
}

/// When the last byte of a request went out.
fn asked_at(link: &Link, request_end: u64) -> u64 {
    link.at_ns(Dir::Out, request_end.saturating_sub(1))
}

fn answer_of(session: &Session, link: LinkId, request: &Head, built: &Found, end: u64) -> Answer {
    let head = Head::read(&read_head(session, link, Dir::In, &built.head));
    let status = built.status;
    let upgrade = match status {
        101 => Some(upgrade_of(request, &head)),
        _ => None,
    };
    let framing = match status {
        101 => Framing::Nothing,
        204 | 304 => Framing::Nothing,
        _ if request.method() == "HEAD" => Framing::Nothing,
        _ if head.is_chunked() => Framing::Chunked,
        _ => head.content_length().map_or(Framing::Close, Framing::Length),
    };
    let is_whole = match framing {
        Framing::Nothing => true,
        Framing::Length(len) => end - built.head.end >= len,
        Framing::Chunked => built.is_body_whole,
        Framing::Close => false,
    };
    let (start, head_at, record) = (built.start, built.head.clone(), built.record);
    Answer { start, head: head_at, end, status, record, framing, is_whole, upgrade, is_old: head.is_old_answer() }
}

/// What a connection was upgraded to.
fn upgrade_of(request: &Head, answer: &Head) -> Upgrade {
    if !answer.lists("upgrade", "websocket") {
        return Upgrade::Other;
    }
    if answer.field("sec-websocket-accept").is_some() || request.field("sec-websocket-key").is_some() {
        return Upgrade::WebSocket;
    }
    match request.field("sec-websocket-key1").is_some() {
        true => Upgrade::Hixie(hixie::Draft::Hixie76),
        false => Upgrade::Hixie(hixie::Draft::Hixie75),
    }
}

fn hosts(session: &Session) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for opening in session.links().iter().filter_map(|link| link.opening.as_ref()) {
        let host = match &opening.via {
            Some(via) => via.target.rsplit_once(':').map_or(via.target.as_str(), |(host, _)| host),
            None => &opening.host,
        };
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        if !host.is_empty() && !hosts.contains(&host) && hosts.len() < MOST_HOSTS {
            hosts.push(host);
        }
    }
    hosts
}

/// A certificate names at most so many hosts.
const MOST_HOSTS: usize = 100;

/// The path and query of a request, for whoever asks again.
pub(super) fn target_of(head: &Head) -> (String, Option<String>) {
    path_and_query(&head.target())
}
