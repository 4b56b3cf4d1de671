//! Serving an answer of HTTP: its recorded bytes, as they are due.

use super::exchange::{Answer, Ending, Exchange, Framing};
use super::head::{Head, head_end};
use super::pace::Clock;
use super::pick::{What, is_open_ended};
use super::program::Piece;
use super::request::Body;
use super::serve::{Came, Connection, Flow, Server};
use super::tap::Woken;
use super::{AtEnd, Program, right};
use crate::dissect::Kind;
use crate::session::RecordId;
use crate::wire::{Dir, LinkId};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// Bytes that are sent at a time where more are due.
const WRITE_BYTES: usize = 64 << 10;
/// A client that finished sending, and is to wait longer than this, has left.
const HALF_CLOSED_PATIENCE: Duration = Duration::from_secs(1);

/// The recorded bytes of a stretch, as they are due.
pub(super) struct Stream {
    link: LinkId,
    at: u64,
    end: u64,
    pieces: VecDeque<Piece>,
    /// Takes the chunk lines out, where the client knows no chunks.
    unchunked: Option<Unchunked>,
}

/// Takes what chunks say out of them.
struct Unchunked {
    body: Body,
    rest: BytesMut,
}

impl Unchunked {
    fn new(head: &Head) -> Unchunked {
        Unchunked { body: Body::of(head), rest: BytesMut::new() }
    }

    /// What these bytes say. Behind what is no chunk nothing follows.
    fn take(&mut self, bytes: &[u8]) -> Bytes {
        self.rest.extend_from_slice(bytes);
        let _ = self.body.take(&mut self.rest);
        std::mem::take(&mut self.body.bytes).into()
    }
}

impl Stream {
    pub fn new(link: LinkId, at: u64, end: u64) -> Stream {
        Stream { link, at, end, pieces: VecDeque::new(), unchunked: None }
    }

    /// The next stretch that one read moved.
    fn next(&mut self, program: &Program) -> Option<Piece> {
        if self.pieces.is_empty() && self.at < self.end {
            self.pieces = program.pieces(self.link, Dir::In, self.at, self.end).into();
        }
        let piece = self.pieces.pop_front()?;
        self.at = piece.start + piece.len;
        Some(piece)
    }

    fn put_back(&mut self, piece: Piece) {
        self.at = piece.start;
        self.pieces.push_front(piece);
    }

    /// What is due at `clock`'s time: when, and the pieces, which lie side by side; at most about 64 KiB.
    fn batch(&mut self, program: &Program, clock: &mut Clock) -> Option<(Instant, Piece)> {
        let mut whole = self.next(program)?;
        if whole.len > WRITE_BYTES as u64 {
            let rest = Piece { start: whole.start + WRITE_BYTES as u64, len: whole.len - WRITE_BYTES as u64, ..whole };
            whole.len = WRITE_BYTES as u64;
            self.put_back(rest);
        }
        let due = clock.due(whole.at_ns);
        clock.set(whole.at_ns, due);
        let now = Instant::now();
        while whole.len < WRITE_BYTES as u64 {
            let Some(next) = self.next(program) else { break };
            let next_due = clock.due(next.at_ns);
            if next_due > due.max(now) || whole.len + next.len > WRITE_BYTES as u64 {
                self.put_back(next);
                break;
            }
            clock.set(next.at_ns, next_due);
            whole.len += next.len;
        }
        Some((due, whole))
    }
}

/// How the sending of recorded bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    All,
    /// The client had left, with so many bytes unsent.
    Left(u64),
}

impl Connection<'_> {
    /// Waits until it is time; `false` where the client has left instead.
    async fn wait_until(&mut self, due: Instant) -> bool {
        loop {
            if self.tap.is_eof && due > Instant::now() + HALF_CLOSED_PATIENCE {
                return false;
            }
            if self.tap.wait(Some(due)).await == Woken::Due {
                return true;
            }
        }
    }

    /// Sends recorded bytes as they are due.
    async fn stream(&mut self, mut stream: Stream, clock: &mut Clock) -> io::Result<Sent> {
        let program = &self.server.program;
        while let Some((due, piece)) = stream.batch(program, clock) {
            if due > Instant::now() && !self.wait_until(due).await {
                return Ok(Sent::Left(stream.end - piece.start));
            }
            let bytes = program.bytes(stream.link, Dir::In, piece.start, piece.len);
            if (bytes.len() as u64) < piece.len {
                self.tap.log.notice("bytes of the recording are missing here, and were left out");
            }
            let bytes = match &mut stream.unchunked {
                Some(unchunked) => unchunked.take(&bytes),
                None => bytes,
            };
            if self.tap.send(bytes).await.is_err() {
                return Ok(Sent::Left(stream.end - piece.start));
            }
        }
        Ok(Sent::All)
    }

    /// Stays open and silent until the client leaves or asks for something else.
    pub(super) async fn hold(&mut self) {
        // What is asked for now waits for an answer that does not end: it is recorded, and no longer looked at.
        while !self.tap.is_eof && self.tap.wait(None).await == Woken::Came {
            self.tap.early.clear();
        }
    }
}

/// The interim answers of an exchange: status and bytes of each.
pub(super) fn interim(program: &Program, exchange: &Exchange) -> Vec<(u16, Vec<u8>)> {
    let Some(answer) = &exchange.answer else { return Vec::new() };
    let len = (answer.head.start - answer.start).min(super::head::LARGEST_HEAD_BYTES as u64);
    let bytes = program.bytes(exchange.link, Dir::In, answer.start, len);
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while let Some(end) = head_end(rest) {
        let (one, after) = rest.split_at(end);
        let line = String::from_utf8_lossy(one);
        let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        found.push((status, one.to_vec()));
        rest = after;
    }
    found
}

/// When the recorded server closed behind an answer that was served at `since`, where it did.
pub(super) fn server_closes(server: &Server, exchange: usize, since: Instant) -> Option<Instant> {
    let exchange = &server.program.exchanges()[exchange];
    let (Some(at_ns), Some(answer)) = (exchange.ending.server_ns(), &exchange.answer) else { return None };
    let last_ns = {
        let session = server.program.session();
        session.link(exchange.link).map_or(0, |link| link.at_ns(Dir::In, answer.end.saturating_sub(1)))
    };
    Some(since + server.options.pace.gap(at_ns.saturating_sub(last_ns)))
}

/// Serves an exchange, or what of it the client is to have.
pub(super) async fn answer(connection: &mut Connection<'_>, came: &Came, at: usize, what: &What) -> io::Result<Flow> {
    let server = connection.server;
    let (program, exchange) = (&server.program, &server.program.exchanges()[at]);
    let mut clock = Clock::new(server.options.pace, exchange.asked_ns);
    let Some(answer) = &exchange.answer else { return unanswered(connection, at, &mut clock).await };
    let mut head = program.answer_head(exchange, answer);
    let recorded = head.clone();
    right::answer(&mut head, &came.origin, program.hosts());
    right::cors(&mut head, &came.head, &server.options.cors);
    if let Some(text) = right::unreadable(&head, came) {
        connection.differs(&format!("{}: {text}", came.key));
    }
    let mut unchunked = None;
    if came.head.is_old() && answer.framing == Framing::Chunked {
        connection
            .differs(&format!("{}: asks with HTTP/1.0, which knows no chunks: sent without chunk lines", came.key));
        head.remove("transfer-encoding");
        unchunked = Some(Unchunked::new(&recorded));
    }
    let mut first = Vec::new();
    if !came.head.is_old() {
        // The 100 was sent when it was asked for.
        first.extend(
            interim(program, exchange).into_iter().filter(|(status, _)| *status != 100).map(|(_, bytes)| bytes),
        );
    }
    let mut body_at = answer.head.end;
    match what {
        What::HeadOf(_) => {
            server.shared.served(at);
            connection.tap.send(head.bytes().into()).await?;
            return Ok(if head.lists("connection", "close") { Flow::Close("as recorded".into()) } else { Flow::Next });
        }
        What::NothingMore(_) => return nothing_more(connection, came, answer, head).await,
        What::Behind(_, record) => {
            let rest = rest_behind(program, exchange.link, answer, &mut head, *record);
            clock = Clock::new(server.options.pace, rest.at_ns);
            body_at = rest.at;
            first.push(head.bytes());
            first.push(match &mut unchunked {
                Some(unchunked) => unchunked.take(&rest.bytes).to_vec(),
                None => rest.bytes,
            });
        }
        _ if head == recorded => body_at = answer.head.start,
        _ => first.push(head.bytes()),
    }
    let due = clock.due(head_ns(program, exchange, answer));
    if !connection.wait_until(due).await {
        return Ok(left(connection, came, answer.end - answer.head.start, answer));
    }
    if !matches!(what, What::Behind(..)) {
        clock.set(head_ns(program, exchange, answer), due);
    }
    if !first.is_empty() {
        connection.tap.send(first.concat().into()).await?;
    }
    let is_head_only = came.key.method == "HEAD";
    let end = if is_head_only { answer.head.end } else { answer.end };
    let stream = Stream { unchunked, ..Stream::new(exchange.link, body_at, end) };
    if let Sent::Left(bytes) = connection.stream(stream, &mut clock).await? {
        return Ok(left(connection, came, bytes, answer));
    }
    server.shared.served(at);
    if came.head.is_old() && !recorded.lists("connection", "keep-alive") && answer.is_whole {
        return Ok(Flow::Close("a client with HTTP/1.0 waits for the end".to_owned()));
    }
    finish(connection, exchange, answer, &recorded, &clock).await
}

/// When the head of an answer came.
fn head_ns(program: &Program, exchange: &Exchange, answer: &Answer) -> u64 {
    let session = program.session();
    session.link(exchange.link).map_or(0, |link| link.at_ns(Dir::In, answer.head.end.saturating_sub(1)))
}

/// What comes behind the last recorded byte of an answer.
async fn finish(
    connection: &mut Connection<'_>,
    exchange: &Exchange,
    answer: &Answer,
    head: &Head,
    clock: &Clock,
) -> io::Result<Flow> {
    if exchange.keeps_alive(head) {
        return Ok(Flow::Next);
    }
    match exchange.ending {
        Ending::Server(at_ns) | Ending::Reset(at_ns) => {
            connection.wait_until(clock.due(at_ns)).await;
            Ok(ended_by_server(exchange.ending, ""))
        }
        _ if is_open_ended(answer, exchange.ending) && connection.server.options.at_end == AtEnd::Hold => {
            connection.hold().await;
            Ok(Flow::Close("the recording ends here, and the client left".to_owned()))
        }
        _ => Ok(Flow::Close("the recording ends here".to_owned())),
    }
}

/// Ends a connection as the recorded server did.
pub(super) fn ended_by_server(ending: Ending, how: &str) -> Flow {
    match ending {
        Ending::Reset(_) => Flow::Reset(format!("the recorded server reset the connection here{how} (TCP RST)")),
        _ => Flow::Close(format!("the recorded server closed here{how}")),
    }
}

/// A request that nothing answered.
async fn unanswered(connection: &mut Connection<'_>, at: usize, clock: &mut Clock) -> io::Result<Flow> {
    let exchange = &connection.server.program.exchanges()[at];
    if exchange.is_to_serve() {
        connection.server.shared.served(at);
    }
    match exchange.ending {
        Ending::Server(at_ns) | Ending::Reset(at_ns) => {
            connection.wait_until(clock.due(at_ns)).await;
            Ok(ended_by_server(exchange.ending, " without an answer"))
        }
        _ if connection.server.options.at_end == AtEnd::Hold => {
            connection.hold().await;
            Ok(Flow::Close("no answer was recorded, and the client left".to_owned()))
        }
        _ => Ok(Flow::Close("no answer was recorded".to_owned())),
    }
}

/// The client has everything: an answer that stays silent, or one that says that there is nothing.
async fn nothing_more(connection: &mut Connection<'_>, came: &Came, answer: &Answer, head: Head) -> io::Result<Flow> {
    connection.differs(&format!("{}: has all that was recorded", came.key));
    if connection.server.options.at_end == AtEnd::Hold {
        // A stream begins and says nothing; an answer of one piece is not begun.
        if matches!(answer.framing, Framing::Chunked | Framing::Close) {
            connection.tap.send(head.bytes().into()).await?;
        }
        connection.hold().await;
        return Ok(Flow::Close("the recording ends here, and the client left".to_owned()));
    }
    let mut empty = Head::read(b"HTTP/1.1 204 No Content\r\n\r\n");
    right::cors(&mut empty, &came.head, &connection.server.options.cors);
    connection.tap.send(empty.bytes().into()).await?;
    Ok(Flow::Next)
}

/// The client left in the midst of an answer.
fn left(connection: &mut Connection<'_>, came: &Came, bytes: u64, answer: &Answer) -> Flow {
    let whole = answer.end - answer.start;
    let had = whole.saturating_sub(bytes);
    connection.differs(&format!("{}: left after {had} of {whole} recorded bytes", came.key));
    Flow::Close("the client left".to_owned())
}

/// What is left of an event stream behind an event.
struct Rest {
    /// What is sent before the recorded bytes: the rest of a chunk.
    bytes: Vec<u8>,
    /// The first recorded byte behind that.
    at: u64,
    /// When the event came.
    at_ns: u64,
}

fn rest_behind(program: &Program, link: LinkId, answer: &Answer, head: &mut Head, record: RecordId) -> Rest {
    let (event, at_ns) = {
        let session = program.session();
        (session.records().get(record).copied(), session.at_ns(record))
    };
    let end = event.map_or(answer.end, |event| event.end());
    match answer.framing {
        Framing::Length(len) => {
            let gone = end.saturating_sub(answer.head.end);
            head.set("Content-Length", &len.saturating_sub(gone).to_string());
        }
        Framing::Chunked => {
            let holds = |chunk: &crate::dissect::Record| {
                chunk.dir == Dir::In && chunk.kind == Kind::HttpChunk && chunk.start < end && end <= chunk.end()
            };
            if let Some((_, chunk)) = program.next_record(link, answer.record, holds) {
                // Behind the data of a chunk stand CR and LF.
                let data_end = chunk.end().saturating_sub(2);
                let mut bytes = BytesMut::new();
                if end < data_end {
                    bytes.extend_from_slice(format!("{:x}\r\n", data_end - end).as_bytes());
                    bytes.extend_from_slice(&program.bytes(link, Dir::In, end, data_end - end));
                    bytes.extend_from_slice(b"\r\n");
                }
                return Rest { bytes: Bytes::from(bytes).to_vec(), at: chunk.end(), at_ns };
            }
        }
        Framing::Close | Framing::Nothing => {}
    }
    Rest { bytes: Vec::new(), at: end, at_ns }
}
