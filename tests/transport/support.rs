//! A server that does what a test says, and a connection that is watched.

use pushscope::session::findings::Findings;
use pushscope::session::{Session, Severity, Store};
use pushscope::transport::{Handle, Order, Spec, connect};
use pushscope::wire::{
    Act, ClientAct, ConnectionId, ConnectionInfo, Dir, Entry, Event, EventReceiver, EventSender, Failure, LinkId,
    ReaderOptions, What,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

/// A connection and everything it recorded.
pub struct Watched {
    pub handle: Handle,
    pub info: Option<ConnectionInfo>,
    pub events: Vec<Event>,
    /// Whether rules may find fault with it although it ends well.
    pub is_faulty: bool,
    receiver: EventReceiver,
}

/// Opens a connection and watches it.
pub fn open(spec: Spec) -> Watched {
    open_with_room(spec, 64 << 20)
}

pub fn open_with_room(spec: Spec, limit_bytes: usize) -> Watched {
    let (events, mut receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(limit_bytes)]);
    let handle = connect(RUNTIME.handle(), ConnectionId(1), spec.clone(), spec.url, events);
    Watched { handle, info: None, events: Vec::new(), is_faulty: false, receiver: receivers.remove(0) }
}

pub fn spec(url: impl Into<String>) -> Spec {
    Spec { url: url.into(), ..Spec::default() }
}

impl Watched {
    /// Takes one entry, if one comes in time.
    pub fn step(&mut self, timeout: Duration) -> bool {
        match self.receiver.next_timeout(timeout) {
            Ok(Entry::Connection(info)) => self.info = Some(info),
            Ok(Entry::Event(event)) => self.events.push(event),
            Err(_) => return false,
        }
        true
    }

    /// Waits until what was recorded passes a test.
    #[track_caller]
    pub fn until(&mut self, what: &str, test: impl Fn(&Watched) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !test(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let moved = self.step(left);
            while self.step(Duration::ZERO) {}
            if left.is_zero() || (!moved && !test(self)) {
                panic!("{what} did not happen; this did:\n{}", self.story());
            }
        }
    }

    /// Waits for text in what came in.
    #[track_caller]
    pub fn until_received(&mut self, text: &str) {
        self.until(&format!("receiving {text:?}"), |watched| contains(&watched.bytes(Dir::In), text.as_bytes()));
    }

    #[track_caller]
    pub fn until_act(&mut self, act: Act, text: &str) {
        let wanted = |found: &ClientAct| found.act == act && found.text.contains(text);
        self.until(&format!("{act:?} {text:?}"), |watched| watched.acts().iter().any(wanted));
    }

    /// Waits for the end, checks what every end has in common, and gives its last act.
    #[track_caller]
    pub fn end(&mut self) -> ClientAct {
        self.until("the end", |watched| watched.last_act().is_some());
        let ends = self.acts().iter().filter(|act| matches!(act.act, Act::Done | Act::GaveUp)).count();
        assert_eq!(ends, 1, "{}", self.story());
        self.until("every link's end", Watched::all_links_are_over);
        let last = self.last_act().expect("an end");
        RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, self.handle.finished()).await }).expect("finished");
        // No rule may find fault with what ended well, unless the test made it faulty.
        if last.act == Act::Done && !self.is_faulty {
            assert_eq!(self.faults(), [""; 0], "{}", self.story());
        }
        last
    }

    /// The keys of what is found in all that was recorded, without what is for learners.
    pub fn faults(&self) -> Vec<&'static str> {
        let mut findings = Findings::default();
        findings.look_all(&self.session());
        let faults = findings.list().iter().filter(|finding| finding.severity > Severity::Info);
        faults.map(|finding| finding.key).collect()
    }

    /// All that was recorded so far.
    pub fn session(&self) -> Session {
        let mut session = Session::new(Store::memory(), 0);
        if let Some(info) = &self.info {
            session.take(Entry::Connection(info.clone()));
        }
        for event in &self.events {
            session.take(Entry::Event(event.clone()));
        }
        session
    }

    /// Each record's kind and direction with the notes on it.
    pub fn noted(&self) -> Vec<(&'static str, Dir, Vec<&'static str>)> {
        let session = self.session();
        let all: Vec<usize> = (0..session.records().len()).collect();
        let told = session.explain_all(&all, 1 << 20).into_iter();
        told.map(|told| {
            let notes = told.notes.iter().map(|note| note.def.key).collect();
            (told.record.kind.name(), told.record.dir, notes)
        })
        .collect()
    }

    /// Like [`Self::end`] for a connection that must have failed.
    #[track_caller]
    pub fn failure(&mut self) -> Failure {
        let last = self.end();
        assert_eq!(last.act, Act::GaveUp, "{}", self.story());
        let failure = self.failures().pop().unwrap_or_else(|| panic!("no failure: {}", self.story()));
        assert!(last.text.contains(&failure.text), "{last:?} does not say {failure:?}");
        failure
    }

    pub fn send(&self, order: Order) {
        self.handle.order(order);
    }

    pub fn acts(&self) -> Vec<ClientAct> {
        let acts = self.events.iter().filter_map(|event| match &event.what {
            What::Client(act) => Some(act.clone()),
            _ => None,
        });
        acts.collect()
    }

    fn last_act(&self) -> Option<ClientAct> {
        self.acts().into_iter().find(|act| matches!(act.act, Act::Done | Act::GaveUp))
    }

    pub fn failures(&self) -> Vec<Failure> {
        let failures = self.events.iter().filter_map(|event| match &event.what {
            What::Failed(failure) => Some(failure.clone()),
            _ => None,
        });
        failures.collect()
    }

    /// Every link, in the order of opening, with its purpose.
    pub fn links(&self) -> Vec<(LinkId, String)> {
        let links = self.events.iter().filter_map(|event| match &event.what {
            What::Opening(opening) => Some((event.link, opening.purpose.clone())),
            _ => None,
        });
        links.collect()
    }

    fn all_links_are_over(&self) -> bool {
        self.links().iter().all(|(link, _)| {
            let ends = |what: &What| matches!(what, What::Failed(_) | What::Closed(_));
            self.events.iter().filter(|event| event.link == *link && ends(&event.what)).count() == 1
        })
    }

    pub fn bytes(&self, dir: Dir) -> Vec<u8> {
        let parts = self.events.iter().filter_map(|event| match &event.what {
            What::Bytes(found, bytes) if *found == dir => Some(bytes.to_vec()),
            _ => None,
        });
        parts.collect::<Vec<_>>().concat()
    }

    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.bytes(Dir::Out)).into_owned()
    }

    pub fn story(&self) -> String {
        let skipped = self.events.len().saturating_sub(60);
        self.events
            .iter()
            .skip(skipped)
            .map(|event| format!("{} {:.300}\n", event.link.0, format!("{:?}", event.what)))
            .collect()
    }
}

pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What a server does with its n-th connection.
pub type Script = dyn Fn(usize, Peer) + Send + Sync;

/// A server that follows a script, a thread for each connection.
pub struct Server {
    pub address: SocketAddr,
    heads: Receiver<String>,
}

/// A server's side of a connection.
pub struct Peer {
    pub stream: TcpStream,
    heads: std::sync::mpsc::Sender<String>,
    unread: Vec<u8>,
}

impl Server {
    pub fn start(script: impl Fn(usize, Peer) + Send + Sync + 'static) -> Server {
        Server::start_on("127.0.0.1:0", script)
    }

    pub fn start_on(address: &str, script: impl Fn(usize, Peer) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind(address).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let script: &'static Script = Box::leak(Box::new(script));
        let (sender, heads) = channel();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let stream = stream.expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let peer = Peer { stream, heads: sender.clone(), unread: Vec::new() };
                std::thread::spawn(move || script(number, peer));
            }
        });
        Server { address, heads }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn ws(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// The next request's head and body, as a server read it.
    #[track_caller]
    pub fn request(&self) -> String {
        self.heads.recv_timeout(PATIENCE).expect("a request")
    }
}

impl Peer {
    /// Reads a request's head, and its body where it has a length. Empty where the client closed.
    pub fn request(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.unread[..end + 4]).into_owned();
                let length = head.to_lowercase().split("content-length: ").nth(1).map_or(0, |rest| {
                    rest.split("\r\n").next().and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(0)
                });
                if self.unread.len() >= end + 4 + length {
                    let rest = self.unread.split_off(end + 4 + length);
                    let request = std::mem::replace(&mut self.unread, rest);
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let _ = self.heads.send(request.clone());
                    return request;
                }
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return String::new(),
                Ok(len) => self.unread.extend_from_slice(&buffer[..len]),
            }
        }
    }

    pub fn say(&mut self, text: &str) {
        self.say_bytes(text.as_bytes());
    }

    pub fn say_bytes(&mut self, bytes: &[u8]) {
        // The client may have left, which is what some tests are about.
        let _ = self.stream.write_all(bytes);
    }

    /// An answer with a length.
    pub fn answer(&mut self, status: &str, headers: &str, body: &str) {
        self.say(&format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// Reads exactly so many bytes.
    pub fn read(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
            }
        }
        let rest = self.unread.split_off(len.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Waits until the client closes; `false` if it does not in time.
    pub fn sees_the_end(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Says no more, and reads what the client says until it closes.
    pub fn says_no_more(&mut self) -> Vec<u8> {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        self.read(usize::MAX)
    }

    /// Closes so that the client sees a reset: with bytes left unread.
    pub fn reset(self) {
        // SO_LINGER 0 makes close send RST.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            self.stream.set_nonblocking(true).expect("non-blocking");
            let stream = tokio::net::TcpStream::from_std(self.stream).expect("a stream");
            stream.set_zero_linger().expect("linger");
        });
    }
}
