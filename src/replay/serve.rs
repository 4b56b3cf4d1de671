//! The server: accepting connections, and taking each request to what is recorded for it.

use super::authority::{Authority, Secure};
use super::exchange::{Ending, Exchange, Key};
use super::head::Head;
use super::pick::{Choice, Picker, What};
use super::request::{Body, Unread, read_body, read_head};
use super::status::{Shared, Status, Tell};
use super::tap::{Duplex, LinkLog, Tap};
use super::{Options, Program, differ, http, page, right, socket};
use crate::wire::{ConnectionInfo, Dir, EventSender};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Clients at a time.
const MOST_CLIENTS: usize = 128;
/// How long a TLS handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// A running replay. Dropping it stops it, and closes its connections.
pub struct Replay {
    addr: SocketAddr,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

/// What the connections of a replay share.
pub(super) struct Server {
    pub program: Arc<Program>,
    pub options: Options,
    pub shared: Shared,
    picker: Picker,
    events: EventSender,
    secure: Option<Secure>,
    addr: SocketAddr,
    /// The first exchange that nobody has asked for.
    first_unasked: AtomicUsize,
}

impl Replay {
    /// Serves a recording on `listen`, which must be a loopback address; port 0 is any free port. What clients do goes to
    /// `events`, and each new difference to `tell`. With an authority, TLS is spoken.
    ///
    /// Must be called within a tokio runtime, which then runs the server.
    pub async fn start(
        program: Arc<Program>,
        options: Options,
        listen: SocketAddr,
        authority: Option<&Authority>,
        events: EventSender,
        tell: Tell,
    ) -> io::Result<Replay> {
        if !listen.ip().to_canonical().is_loopback() {
            let sentence = format!(
                "a replay listens on loopback only, not on {listen}: use 127.0.0.1:{0} or [::1]:{0}",
                listen.port()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        let secure = authority.map(|authority| authority.acceptor(program.hosts())).transpose();
        let secure = secure.map_err(io::Error::other)?;
        let listener = TcpListener::bind(listen).await.map_err(helpful)?;
        let addr = listener.local_addr()?;
        let label = format!("replay of {}", program.name());
        let spec = serde_json::json!({ "replay": program.name(), "url": origin(addr, secure.is_some()) }).to_string();
        events.send_connection(ConnectionInfo { id: super::tap::CONNECTION, spec, label });
        let shared = Shared::new(program.exchanges().len(), tell);
        let picker = Picker::new(options.repeat);
        let first_unasked = AtomicUsize::new(0);
        let server = Arc::new(Server { program, options, shared, picker, events, secure, addr, first_unasked });
        let task = tokio::spawn(accept(listener, server.clone()));
        Ok(Replay { addr, server, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as a client would write it, without a path: `http://127.0.0.1:40001`.
    pub fn origin(&self) -> String {
        origin(self.addr, self.server.secure.is_some())
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.server.shared.status()
    }

    /// Tells of each change of the status from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.server.shared.changes()
    }

    /// What it serves.
    pub fn program(&self) -> &Arc<Program> {
        &self.server.program
    }

    /// Waits until everything recorded was served once and no client is connected.
    pub async fn all_served(&self) {
        let (mut changes, to_serve) = (self.changes(), self.program().to_serve());
        loop {
            let status = self.status();
            if status.served >= to_serve && status.clients == 0 && status.connections > 0 {
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Closes its connections, and waits at most so long for their last events.
    pub async fn stop(self, patience: Duration) {
        self.task.abort();
        let gone = async {
            let mut changes = self.changes();
            while self.status().clients > 0 && changes.changed().await.is_ok() {}
        };
        // Whoever takes longer says its end when the runtime ends.
        let _ = tokio::time::timeout(patience, gone).await;
    }

    /// What was recorded and nobody asked for, a line each.
    pub fn unasked(&self) -> Vec<String> {
        let program = self.program();
        let unserved = program.asked_for().filter_map(|(key, group)| {
            let is_left = |at: &usize| program.exchanges()[*at].is_to_serve() && !self.server.shared.is_served(*at);
            let left = group.iter().filter(|at| is_left(at)).count();
            (left > 0)
                .then(|| if group.len() > 1 { format!("{key} ({left} of {})", group.len()) } else { key.to_string() })
        });
        unserved.collect()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says what would help where an address cannot be listened on.
fn helpful(error: io::Error) -> io::Error {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there: choose another port, or 0 for any free one",
        io::ErrorKind::PermissionDenied => "low ports may be the system's own: choose one above 1023",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {help}"))
}

fn origin(addr: SocketAddr, is_tls: bool) -> String {
    format!("{}://{addr}", if is_tls { "https" } else { "http" })
}

/// Serves each connection until dropped, which closes every connection.
async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let is_full = connections.len() >= MOST_CLIENTS;
                let server = server.clone();
                server.shared.change(|status| {
                    status.clients += 1;
                    status.connections += 1;
                });
                connections.spawn(async move {
                    let _leaving = Leaving(server.clone());
                    serve(stream, peer, &server, is_full).await;
                });
            }
            // Out of file descriptors, most likely: some may be free again soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Counts a client out, however its connection ends.
struct Leaving(Arc<Server>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.shared.change(|status| status.clients -= 1);
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, server: &Server, is_full: bool) {
    let _ = stream.set_nodelay(true);
    let log = LinkLog::open(server.events.clone(), server.addr, peer, server.secure.is_some());
    let Some(stream) = secured(stream, server, &log).await else { return };
    let mut connection = Connection { tap: Tap::new(stream, log), server };
    let over = match is_full {
        true => {
            let sentence = format!("This replay has {MOST_CLIENTS} clients already, and takes no more.");
            let refused = connection.refuse(503, &sentence, &[], None).await;
            refused.map(|()| Flow::Close("too many clients".to_owned()))
        }
        false => connection.converse().await,
    };
    match over {
        Ok(Flow::Reset(text)) => connection.tap.reset(&text).await,
        Ok(Flow::Close(text)) => connection.tap.close(&text).await,
        Ok(Flow::Next) => connection.tap.close("").await,
        Err(error) => connection.tap.log.closed(Dir::Out, &format!("the client left: {error}")),
    }
}

/// TLS where it is spoken; `None` where the client is gone, which is said.
async fn secured(stream: TcpStream, server: &Server, log: &Arc<LinkLog>) -> Option<Box<dyn Duplex>> {
    let Some(secure) = &server.secure else { return Some(Box::new(stream)) };
    let mut first = [0];
    let since = Instant::now();
    let peeked = tokio::time::timeout(HANDSHAKE_PATIENCE, stream.peek(&mut first)).await;
    if matches!(peeked, Ok(Ok(1))) && first[0] != 0x16 {
        let mut tap = Tap::new(Box::new(stream), log.clone());
        let text = "This replay speaks TLS, and this is plain text: use https:// or wss://.";
        server.shared.differs("a client speaks plain text to a replay with TLS");
        let (head, body) = page::text(400, text, &[]);
        let _ = tap.send([head.bytes(), body.to_vec()].concat().into()).await;
        tap.close("plain text where TLS is spoken").await;
        return None;
    }
    match tokio::time::timeout(HANDSHAKE_PATIENCE, secure.acceptor.accept(stream)).await {
        Ok(Ok(tls)) => {
            log.secured(secure.facts(tls.get_ref().1, since.elapsed().as_nanos() as u64));
            Some(Box::new(tls))
        }
        Ok(Err(error)) => {
            let text = format!("the TLS handshake failed: {error}; the client may not trust the replay's CA");
            server.shared.differs(&text);
            log.notice(&text);
            log.closed(Dir::Out, "no TLS");
            None
        }
        Err(_) => {
            log.closed(Dir::In, "no TLS handshake within 10 s");
            None
        }
    }
}

/// A client's connection.
pub(super) struct Connection<'s> {
    pub tap: Tap,
    pub server: &'s Server,
}

/// Whether a connection goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// With the next request.
    Next,
    /// It does not, for this reason.
    Close(String),
    /// It is reset, for this reason.
    Reset(String),
}

/// A request that came.
pub(super) struct Came {
    pub head: Head,
    /// As it came.
    pub bytes: Vec<u8>,
    /// What it is known by.
    pub key: Key,
    /// The address that the client reached the replay by.
    pub origin: String,
}

impl Connection<'_> {
    /// Answers one request after the other; how it ends.
    async fn converse(&mut self) -> io::Result<Flow> {
        let mut last: Option<(usize, Instant)> = None;
        loop {
            let closing = last.and_then(|(exchange, since)| http::server_closes(self.server, exchange, since));
            if let Some(due) = closing
                && !self.wait_for_request(due).await
            {
                let ending =
                    last.map_or(Ending::Client, |(exchange, _)| self.server.program.exchanges()[exchange].ending);
                return Ok(http::ended_by_server(ending, ""));
            }
            let (head, bytes) = match read_head(&mut self.tap).await {
                Ok(read) => read,
                Err(Unread::Over) => return Ok(Flow::Close("the client left".to_owned())),
                Err(Unread::Refused(status, text)) => {
                    self.differs(&text);
                    self.refuse(status, &text, &[], None).await?;
                    return Ok(Flow::Close("refused".to_owned()));
                }
            };
            self.server.shared.change(|status| status.requests += 1);
            let fallback = self.server.addr.to_string();
            let origin = right::own_origin(&head, self.server.secure.is_some(), &fallback);
            let came = Came { key: Key::of(&head), head, bytes, origin };
            if let Some(text) = self.stranger(&came) {
                self.differs(&format!("{}: {text}", came.key));
                self.refuse(421, &text, &[], Some(&came)).await?;
                return Ok(Flow::Close("refused".to_owned()));
            }
            match self.respond(&came, &mut last).await? {
                Flow::Next if came.head.wants_end() => {
                    return Ok(Flow::Close("the client asked for the end".to_owned()));
                }
                Flow::Next => {}
                over => return Ok(over),
            }
        }
    }

    /// Why a request is not answered that came here by another server's name. A page can lead its own name to this
    /// machine (DNS rebinding), and browsers then let it read what is answered.
    fn stranger(&self, came: &Came) -> Option<String> {
        let host = came.head.field("host")?;
        let Server { options, program, secure, .. } = self.server;
        if options.cors.answers_to(&host, program.hosts()) {
            return None;
        }
        let scheme = if secure.is_some() { "https" } else { "http" };
        let host = super::status::short(&host, 80);
        Some(format!(
            "this replay answers to localhost and to the recorded hosts, and not to {host}: a page could have led its \
             own name here; --cors={scheme}://{host} lets it"
        ))
    }

    /// Waits for the next request until the recorded server closes; whether there is one.
    async fn wait_for_request(&mut self, due: Instant) -> bool {
        while self.tap.early.is_empty() && !self.tap.is_eof {
            if self.tap.wait(Some(due)).await == super::tap::Woken::Due {
                return false;
            }
        }
        true
    }

    async fn respond(&mut self, came: &Came, last: &mut Option<(usize, Instant)>) -> io::Result<Flow> {
        let server = self.server;
        *last = None;
        if came.key.method == "OPTIONS"
            && super::pick::methods(&server.program, &came.key.path).iter().all(|method| method != "OPTIONS")
            && let Some(preflight) = right::preflight(&came.head, &server.options.cors)
        {
            self.tap.send(preflight.bytes().into()).await?;
            return Ok(Flow::Next);
        }
        let Choice { what, differences } = server.picker.pick(&server.program, &came.head);
        for text in differences {
            self.differs(&format!("{}: {text}", came.key));
        }
        let exchange = match &what {
            What::Exchange(at) | What::HeadOf(at) | What::Behind(at, _) | What::NothingMore(at) => *at,
            What::Unknown | What::OtherMethod(_) | What::UsedUp => return self.not_recorded(came, &what).await,
        };
        self.compare(came, exchange, &what);
        let recorded = &server.program.exchanges()[exchange];
        let is_socket = recorded.answer.as_ref().is_some_and(|answer| answer.upgrade.is_some());
        if is_socket {
            return socket::serve(self, came, exchange).await;
        }
        let body = match self.body(came, recorded).await? {
            Ok(body) => body,
            Err(flow) => return Ok(flow),
        };
        if body.is_expected() || body.len > 0 || recorded.request_end > recorded.request.end {
            let head = server.program.request_head(recorded);
            if let Some(text) = differ::of_bodies(&server.program, recorded, &head, &body) {
                self.differs(&format!("{}: {text}", came.key));
            }
        }
        *last = Some((exchange, Instant::now()));
        let flow = http::answer(self, came, exchange, &what).await?;
        if let Some((_, since)) = last {
            *since = Instant::now();
        }
        Ok(flow)
    }

    /// Reads the request's body, telling a client that waits for it to go on.
    async fn body(&mut self, came: &Came, recorded: &Exchange) -> io::Result<Result<Body, Flow>> {
        let expects = came.head.lists("expect", "100-continue") && !came.head.is_old();
        if expects && Body::of(&came.head).is_expected() && self.tap.early.is_empty() {
            let interim = http::interim(&self.server.program, recorded);
            let own = || Head::read(b"HTTP/1.1 100 Continue\r\n\r\n").bytes();
            let go_on = interim.into_iter().find(|(status, _)| *status == 100).map(|(_, bytes)| bytes);
            self.tap.send(go_on.unwrap_or_else(own).into()).await?;
        }
        match read_body(&came.head, &mut self.tap).await {
            Ok(body) => Ok(Ok(body)),
            Err(Unread::Over) => Ok(Err(Flow::Close("the client left".to_owned()))),
            Err(Unread::Refused(status, text)) => {
                self.differs(&format!("{}: {text}", came.key));
                self.refuse(status, &text, &[], None).await?;
                Ok(Err(Flow::Close("refused".to_owned())))
            }
        }
    }

    /// Says what the request has otherwise than the recorded one, and whether its turn had come.
    fn compare(&self, came: &Came, exchange: usize, what: &What) {
        let server = self.server;
        let recorded = server.program.request_head(&server.program.exchanges()[exchange]);
        // What goes on behind an event says so already.
        if matches!(what, What::Exchange(_) | What::HeadOf(_))
            && let Some(text) = differ::of_heads(&recorded, &came.head)
        {
            self.differs(&format!("{}: {text}", came.key));
        }
        let first = server.first_unasked.load(Ordering::Relaxed);
        let mut next = first;
        let all = server.program.exchanges();
        while next < all.len() && (next == exchange || server.shared.is_served(next) || !all[next].is_to_serve()) {
            next += 1;
        }
        server.first_unasked.fetch_max(next, Ordering::Relaxed);
        if exchange > next
            && !server.shared.is_served(exchange)
            && server.program.key(next) != server.program.key(exchange)
        {
            self.differs(&format!(
                "{} was asked for before {}, which was recorded first",
                came.key,
                server.program.key(next)
            ));
        }
    }

    async fn not_recorded(&mut self, came: &Came, what: &What) -> io::Result<Flow> {
        let (status, why, allow) = match what {
            What::OtherMethod(methods) => {
                (405, format!("on this path, only {} was recorded.", methods.join(", ")), methods.clone())
            }
            What::UsedUp => (404, "every recorded answer was given, and none is repeated.".to_owned(), Vec::new()),
            _ => (404, "nothing was recorded on this path.".to_owned(), Vec::new()),
        };
        let key = came.key.to_string();
        self.differs(&format!("{key}: {why}"));
        let text = self.server.program.nothing_recorded(&key, &why);
        if came.head.content_length().unwrap_or(0) > 0 || came.head.is_chunked() {
            self.refuse(status, &text, &allow, Some(came)).await?;
            return Ok(Flow::Close("refused".to_owned()));
        }
        self.refuse(status, &text, &allow, Some(came)).await?;
        Ok(Flow::Next)
    }

    /// Answers with a text of our own.
    pub(super) async fn refuse(
        &mut self,
        status: u16,
        text: &str,
        allow: &[String],
        came: Option<&Came>,
    ) -> io::Result<()> {
        let (mut head, body) = page::text(status, text, allow);
        let mut is_head_only = false;
        if let Some(came) = came {
            right::cors(&mut head, &came.head, &self.server.options.cors);
            is_head_only = came.key.method == "HEAD";
        }
        let mut bytes = head.bytes();
        if !is_head_only {
            bytes.extend_from_slice(&body);
        }
        self.tap.send(bytes.into()).await
    }

    /// Says that the client does something otherwise than the recorded one did.
    pub(super) fn differs(&self, text: &str) {
        self.server.shared.differs(text);
        self.tap.log.notice(text);
    }
}
