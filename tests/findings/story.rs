//! Tells the story of a session, event by event, and what is found in it.

use bytes::Bytes;
use pushscope::session::findings::{Finding, Findings};
use pushscope::session::{Session, Severity, Store};
use pushscope::wire::{
    Closed, ConnectionId, ConnectionInfo, Dir, Entry, Event, Failure, LinkId, Opening, ProxyRole, Stage, Via, What,
};

pub const SECOND: u64 = 1_000_000_000;
pub const MS: u64 = 1_000_000;

/// 2025-11-21T04:00:00Z.
pub const STARTED: i64 = 1_763_697_600 * 1_000_000_000;

/// A session in the making.
pub struct Story {
    pub session: Session,
    pub entries: Vec<Entry>,
    pub now: u64,
    pub link: LinkId,
}

impl Story {
    /// Of a connection that was asked for as `kind`; empty where it is not known.
    pub fn of(kind: &str) -> Story {
        let session = Session::new(Store::memory(), STARTED);
        let mut story = Story { session, entries: Vec::new(), now: 0, link: LinkId(0) };
        let spec = if kind.is_empty() { String::new() } else { format!(r#"{{"as":"{kind}"}}"#) };
        story.take(Entry::Connection(ConnectionInfo { id: ConnectionId(1), spec, label: "made up".into() }));
        story
    }

    /// With a link to example.com:80 opened.
    pub fn direct(kind: &str) -> Story {
        let mut story = Story::of(kind);
        story.open("request", None);
        story
    }

    fn take(&mut self, entry: Entry) {
        self.entries.push(entry.clone());
        self.session.take(entry);
    }

    pub fn tell(&mut self, what: What) -> &mut Story {
        self.now += 1000;
        let event = Event { at_ns: self.now, link: self.link, what };
        self.take(Entry::Event(event));
        self
    }

    pub fn wait(&mut self, ns: u64) -> &mut Story {
        self.now += ns;
        self
    }

    /// Opens the next link.
    pub fn open(&mut self, purpose: &str, via: Option<Via>) -> &mut Story {
        self.open_to("example.com", 80, false, purpose, via)
    }

    pub fn open_to(&mut self, host: &str, port: u16, tls: bool, purpose: &str, via: Option<Via>) -> &mut Story {
        self.link = LinkId(self.link.0 + 1);
        let connection = ConnectionId(1);
        self.tell(What::Opening(Opening { connection, host: host.into(), port, tls, purpose: purpose.into(), via }))
    }

    pub fn out(&mut self, bytes: impl AsRef<[u8]>) -> &mut Story {
        self.tell(What::Bytes(Dir::Out, Bytes::copy_from_slice(bytes.as_ref())))
    }

    pub fn inward(&mut self, bytes: impl AsRef<[u8]>) -> &mut Story {
        self.tell(What::Bytes(Dir::In, Bytes::copy_from_slice(bytes.as_ref())))
    }

    pub fn fail(&mut self, stage: Stage, text: &str) -> &mut Story {
        let failure = Failure { stage, text: text.into(), hint: String::new(), took_ns: 0, chain: Vec::new() };
        self.tell(What::Failed(failure))
    }

    pub fn close(&mut self, by: Dir) -> &mut Story {
        self.tell(What::Ended(by));
        self.tell(What::Closed(Closed { by, text: "over".into() }))
    }

    /// Everything that is found.
    pub fn found(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        findings.look_all(&self.session);
        findings.list().to_vec()
    }

    /// The keys of what is found, but for notes for learners.
    pub fn faults(&self) -> Vec<&'static str> {
        self.found().iter().filter(|finding| finding.severity > Severity::Info).map(|finding| finding.key).collect()
    }

    /// The only finding, which must have this key.
    #[track_caller]
    pub fn only(&self, key: &str) -> Finding {
        let found = self.found();
        let faults: Vec<&Finding> = found.iter().filter(|finding| finding.severity > Severity::Info).collect();
        assert_eq!(faults.iter().map(|finding| finding.key).collect::<Vec<_>>(), [key], "{faults:#?}");
        for text in [&faults[0].seen, &faults[0].means, &faults[0].attempt] {
            assert!(text.ends_with(['.', ')', ' ']) && text.len() > 10 && !text.contains("  "), "{text}");
        }
        assert!(!faults[0].evidence.is_empty());
        faults[0].clone()
    }
}

pub fn via(role: ProxyRole) -> Option<Via> {
    let (proxy, target) = ("http://proxy.corp:3128".to_owned(), "example.com:80".to_owned());
    Some(Via { proxy, role, source: "given".into(), target })
}

pub const GET: &str = "GET /stream HTTP/1.1\r\nHost: example.com\r\nAccept: text/event-stream\r\n\r\n";

/// A request of a poll.
pub const POLL: &str = "GET /poll HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// The head of a chunked event stream.
pub const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// RFC 6455 §1.3.
pub const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
pub const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

pub fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A frame; the client's are masked with zeros.
pub fn frame(dir: Dir, opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![0x80 | opcode];
    match dir {
        Dir::In => frame.push(payload.len() as u8),
        Dir::Out => frame.extend([0x80 | payload.len() as u8, 1, 2, 3, 4]),
    }
    let masked = payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key);
    match dir {
        Dir::In => frame.extend(payload),
        Dir::Out => frame.extend(masked),
    }
    frame
}

/// An upgraded link.
pub fn upgraded(purpose: &str) -> Story {
    let mut story = Story::of("ws");
    story.open(purpose, None).out(UPGRADE).inward(SWITCH);
    story
}

/// What happens on which link, after how long.
pub type LinkEvents = Vec<(What, u32, u64)>;
