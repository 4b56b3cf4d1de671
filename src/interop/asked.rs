//! The HTTP requests of a recording, each with its body and its answer, as commands and reports need them.

use crate::dissect::{Explained, Kind};
use crate::session::{RecordId, Session};
use crate::wire::{Dir, LinkId, Opening, ProxyRole};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// Bytes of a request's body that are taken up.
const BODY_LIMIT_BYTES: u64 = 64 << 20;

/// Where a request lies.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub head: RecordId,
    /// The chunks of its body.
    chunks: Vec<RecordId>,
    body: Option<RecordId>,
    /// The head of the final answer.
    pub answer: Option<RecordId>,
}

/// The requests whose heads are among these records, in their order.
pub(super) fn requests(session: &Session, ids: Range<RecordId>) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    // Of each link, the request whose body is on its way, and those that wait for their answers.
    let mut links: HashMap<LinkId, (usize, VecDeque<usize>)> = HashMap::new();
    let first = ids.start.max(session.records().first_held());
    for (id, record) in (first..ids.end).zip(session.records().range(first..ids.end)) {
        match (record.kind, record.dir) {
            (Kind::HttpRequest, Dir::Out) => {
                let (latest, waiting) = links.entry(record.link).or_default();
                *latest = all.len();
                waiting.push_back(all.len());
                all.push(Asked { head: id, ..Asked::default() });
            }
            (Kind::HttpChunk, Dir::Out) => {
                if let Some((latest, _)) = links.get(&record.link) {
                    all[*latest].chunks.push(id);
                }
            }
            (Kind::HttpBody, Dir::Out) => {
                if let Some((latest, _)) = links.get(&record.link) {
                    all[*latest].body = Some(id);
                }
            }
            (Kind::HttpResponse, Dir::In) => {
                if let Some(at) = links.get_mut(&record.link).and_then(|(_, waiting)| waiting.pop_front()) {
                    all[at].answer = Some(id);
                }
            }
            _ => {}
        }
    }
    all
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Whole(Vec<u8>),
    /// It was not sent whole, or is longer than what is taken up.
    Cut(Vec<u8>),
}

/// A request as it was sent.
pub(super) struct Request {
    pub method: String,
    pub target: Vec<u8>,
    pub version: String,
    /// Names and values as sent, in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Lines of the head that are no header fields.
    pub invalid_lines: u64,
    pub body: Body,
    /// What was dialled for it.
    pub opening: Option<Opening>,
    /// Whether the server's certificate was accepted unverified.
    pub is_insecure: bool,
}

impl Request {
    pub fn read(session: &Session, asked: &Asked) -> Request {
        let explained = session.explain(asked.head);
        let link = session.link(explained.record.link);
        let (mut method, mut target, mut version) = (String::new(), Vec::new(), String::new());
        let (mut headers, mut invalid_lines) = (Vec::<(Vec<u8>, Vec<u8>)>::new(), 0);
        for field in &explained.fields {
            let bytes = || session.field_bytes(&explained, field, crate::session::EXPLAIN_LIMIT_BYTES);
            let text = || String::from_utf8_lossy(&bytes()).into_owned();
            match field.def.key {
                "http.request.method" => method = text(),
                "http.request.target" => target = bytes(),
                "http.request.version" => version = text(),
                "http.header.name" => headers.push((bytes(), Vec::new())),
                "http.header.value" => {
                    if let Some((_, value)) = headers.last_mut() {
                        *value = bytes();
                    }
                }
                "http.header.invalid" => invalid_lines += 1,
                _ => {}
            }
        }
        let mut request = Request {
            method,
            target,
            version,
            headers,
            invalid_lines,
            body: Body::None,
            opening: link.and_then(|link| link.opening.clone()),
            is_insecure: link.and_then(|link| link.tls.as_ref()).is_some_and(|tls| !tls.verified),
        };
        request.body = request.body(session, asked, &explained);
        request
    }

    fn body(&self, session: &Session, asked: &Asked, head: &Explained) -> Body {
        let is_chunked = self.value("transfer-encoding").is_some_and(|coding| {
            let last = coding.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            last.trim_ascii().eq_ignore_ascii_case(b"chunked")
        });
        let length: Option<u64> =
            self.value("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
        let record = head.record;
        let is_incomplete =
            asked.body.is_none_or(|body| session.records()[body].flags.has(crate::dissect::Flags::INCOMPLETE));
        if is_chunked {
            let mut bytes = Vec::new();
            for chunk in &asked.chunks {
                if bytes.len() as u64 > BODY_LIMIT_BYTES {
                    return Body::Cut(bytes);
                }
                bytes.extend(session.explain(*chunk).payload);
            }
            return if is_incomplete { Body::Cut(bytes) } else { Body::Whole(bytes) };
        }
        let Some(length) = length else { return Body::None };
        let bytes = session.wire(record.link, record.dir, record.end(), length.min(BODY_LIMIT_BYTES) as usize);
        if bytes.len() as u64 == length { Body::Whole(bytes) } else { Body::Cut(bytes) }
    }

    /// The first value of a header.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        found.next().map(|(_, value)| value.as_slice())
    }

    /// Whether it asks for another protocol by that name.
    pub fn upgrades_to(&self, protocol: &str) -> bool {
        self.value("upgrade").is_some_and(|value| {
            value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(protocol.as_bytes()))
        })
    }

    /// The proxy that it went through, and whether by a tunnel.
    pub fn proxy(&self) -> Option<(&str, bool)> {
        let via = self.opening.as_ref()?.via.as_ref()?;
        match via.role {
            ProxyRole::Forward => Some((&via.proxy, false)),
            ProxyRole::Inside(_) => Some((&via.proxy, true)),
            ProxyRole::Tunnel => None,
        }
    }

    /// Whether it asks a proxy for a way through.
    pub fn asks_for_tunnel(&self) -> bool {
        self.method == "CONNECT"
    }

    /// The address up to the path, `websocket` saying which schemes; from the Host header where nothing was dialled.
    pub fn origin(&self, is_websocket: bool) -> Option<String> {
        let tls = self.opening.as_ref().is_some_and(|opening| opening.tls);
        let scheme = match (is_websocket, tls) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        let authority = match &self.opening {
            Some(opening) => {
                let host = opening.host.trim_matches(['[', ']']);
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                let usual = if tls { 443 } else { 80 };
                if opening.port == usual { host } else { format!("{host}:{}", opening.port) }
            }
            None => String::from_utf8(self.value("host")?.to_vec()).ok()?,
        };
        let is_name = |char: char| char.is_alphanumeric() || "-._~:[]%".contains(char);
        (!authority.is_empty() && authority.chars().all(is_name)).then(|| format!("{scheme}://{authority}"))
    }

    /// Whether a secret in it was recorded as asterisks.
    pub fn has_masked_secret(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.windows(4).any(|run| run == b"****"))
    }
}
