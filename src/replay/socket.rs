//! Serving a WebSocket: frames at their recorded times, and not before the client has said what they came behind.

use super::exchange::{Ending, Exchange, Upgrade};
use super::http::ended_by_server;
use super::options::{Follow, is_local};
use super::pace::Clock;
use super::said::{Heard, MESSAGE_LIMIT_BYTES, Said, frame};
use super::serve::{Came, Connection, Flow};
use super::steps::{BINARY, CLOSE, Outline, PONG, Step, Steps, TEXT, outline};
use super::tap::Woken;
use super::{AtEnd, differ, right};
use crate::dissect::hixie::KEY3_BYTES;
use crate::dissect::{Flags, Kind, Record};
use crate::session::{RecordId, duration};
use crate::wire::Dir;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// The largest message that is sent inflated.
const INFLATED_LIMIT_BYTES: usize = 16 << 20;
/// Times of messages that are remembered before their turn.
const MOST_TIMES: usize = 1 << 16;
/// How long a client may take to answer a close frame.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are sent at a time.
const WRITE_BYTES: u64 = 64 << 10;

/// Answers an upgrade, and plays the server's part.
pub(super) async fn serve(connection: &mut Connection<'_>, came: &Came, at: usize) -> io::Result<Flow> {
    let server = connection.server;
    let (program, exchange) = (&server.program, &server.program.exchanges()[at]);
    let refused = || Ok(Flow::Close("refused".to_owned()));
    let Some((answer, kind)) = exchange.answer.as_ref().and_then(|answer| Some((answer, answer.upgrade?))) else {
        return refused();
    };
    if kind != Upgrade::Other && !came.head.lists("upgrade", "websocket") {
        let text = "this was recorded as a WebSocket, and the request asks for none (no Upgrade: websocket)";
        connection.differs(&format!("{}: {text}", came.key));
        connection.refuse(426, text, &[], Some(came)).await?;
        return refused();
    }
    let recorded = program.request_head(exchange);
    if let Some(origin) = came.head.field("origin").or_else(|| came.head.field("sec-websocket-origin"))
        && !is_local(&origin)
        && !server.options.cors.allows(&origin)
        && recorded.field("origin").as_ref() != Some(&origin)
    {
        // A page from anywhere could read what is recorded, since browsers ask nobody before they open a WebSocket.
        let text = format!("a page of {origin} may not read this replay; --cors={origin} lets it");
        connection.differs(&format!("{}: {text}", came.key));
        connection.refuse(403, &text, &[], Some(came)).await?;
        return refused();
    }
    let mut key3 = Vec::new();
    if came.head.field("sec-websocket-key1").is_some() {
        while connection.tap.early.len() < KEY3_BYTES && !connection.tap.is_eof && connection.tap.more().await {}
        let len = connection.tap.early.len().min(KEY3_BYTES);
        key3 = connection.tap.early.split_to(len).to_vec();
    }
    let mut head = program.answer_head(exchange, answer);
    let upgraded = match right::upgrade(&mut head, (&recorded, &came.head), kind, &key3, &came.origin) {
        Ok(upgraded) => upgraded,
        Err(text) => {
            connection.differs(&format!("{}: {text}", came.key));
            connection.refuse(426, &text, &[], Some(came)).await?;
            return refused();
        }
    };
    right::answer(&mut head, &came.origin, program.hosts());
    for text in upgraded.differences {
        connection.differs(&format!("{}: {text}", came.key));
    }
    let outline = outline(program, exchange, answer);
    let mut steps = Steps::new(exchange, answer, kind == Upgrade::Other, upgraded.is_inflated, outline);
    steps.skip_to(answer.head.end + upgraded.behind.len() as u64);
    let bytes = [head.bytes(), upgraded.behind].concat();
    let head_ns = {
        let session = program.session();
        session.link(exchange.link).map_or(0, |link| link.at_ns(Dir::In, answer.head.end.saturating_sub(1)))
    };
    let mut clock = Clock::new(server.options.pace, exchange.asked_ns);
    let due = clock.due(head_ns);
    clock.set(head_ns, due);
    while connection.tap.wait(Some(due)).await != Woken::Due {}
    connection.tap.send(Bytes::from(bytes.clone())).await?;
    let said = Said::new(&[&came.bytes[..], &key3].concat(), &bytes);
    let expected = answer.record + 1;
    let talk = Talk {
        connection,
        exchange,
        kind,
        name: came.key.to_string(),
        steps,
        said,
        outline,
        expected,
        heard: 0,
        needed: 0,
        times: VecDeque::new(),
        clock,
        closed: None,
        has_closed: false,
    };
    talk.run(at).await
}

/// A conversation.
struct Talk<'c, 's> {
    connection: &'c mut Connection<'s>,
    exchange: &'c Exchange,
    kind: Upgrade,
    name: String,
    steps: Steps,
    said: Said,
    outline: Outline,
    /// From which record on the client's next message is looked for.
    expected: RecordId,
    /// Messages that the client said.
    heard: u64,
    /// Messages that the client said before the next step in the recording.
    needed: u64,
    /// When the client said the messages from number `needed` on.
    times: VecDeque<Instant>,
    clock: Clock,
    /// The client's close frame.
    closed: Option<(Option<u16>, Vec<u8>)>,
    /// Whether a close frame of ours went out.
    has_closed: bool,
}

/// The client is gone, or takes its leave.
struct Gone;

impl Talk<'_, '_> {
    async fn run(mut self, at: usize) -> io::Result<Flow> {
        let server = self.connection.server;
        // A message that the client said, and that the next step came behind.
        let mut behind: Option<u64> = None;
        let gone = loop {
            let Some(step) = self.steps.next(&server.program) else { break false };
            let outcome = match step {
                Step::Said { at_ns } => {
                    self.needed += 1;
                    behind = Some(at_ns);
                    Ok(())
                }
                // From here on the recorded client only waited for the answer to its close.
                Step::Closed if !self.has_closed => break false,
                Step::Closed => Ok(()),
                Step::Sent { start, end, is_close } => {
                    self.has_closed |= is_close;
                    self.sent(start, end, behind.take()).await
                }
                Step::Inflated(id, record) => self.inflated(id, record, behind.take()).await,
            };
            if outcome.is_err() {
                break true;
            }
        };
        if gone {
            self.say_early();
            return self.leave().await;
        }
        server.shared.served(at);
        self.end().await
    }

    /// Sends recorded bytes, each at its time.
    async fn sent(&mut self, start: u64, end: u64, behind: Option<u64>) -> Result<(), Gone> {
        let program = &self.connection.server.program;
        let (link, mut at, mut behind) = (self.exchange.link, start, behind);
        while at < end {
            let pieces = program.pieces(link, Dir::In, at, end.min(at.saturating_add(WRITE_BYTES)));
            if pieces.is_empty() {
                break;
            }
            for piece in pieces {
                self.time(piece.at_ns, behind.take()).await?;
                let bytes = program.bytes(link, Dir::In, piece.start, piece.len);
                if (bytes.len() as u64) < piece.len {
                    self.connection.tap.log.notice("bytes of the recording are missing here, and were left out");
                }
                self.connection.tap.send(bytes).await.map_err(|_| Gone)?;
                at = piece.start + piece.len;
            }
            self.take_in().await?;
        }
        Ok(())
    }

    /// Sends what a compressed message says.
    async fn inflated(&mut self, id: RecordId, record: Record, behind: Option<u64>) -> Result<(), Gone> {
        let (at_ns, told) = {
            let session = self.connection.server.program.session();
            (session.at_ns(id), session.explain_within(id, INFLATED_LIMIT_BYTES))
        };
        let is_whole = told.payload.len() as u64 == record.payload_len && !record.flags.has(Flags::INCOMPLETE);
        self.time(at_ns, behind).await?;
        if !is_whole {
            let text = format!(
                "{}: a message of {} bytes cannot be sent inflated, and is left out",
                self.name, record.payload_len
            );
            self.connection.differs(&text);
            return Ok(());
        }
        let opcode = if record.kind == Kind::WsText { TEXT } else { BINARY };
        self.connection.tap.send(Bytes::from(frame(opcode, &told.payload))).await.map_err(|_| Gone)?;
        self.take_in().await
    }

    /// Waits until it is time for what was recorded at `at_ns`, `behind` a message of the client.
    async fn time(&mut self, at_ns: u64, behind: Option<u64>) -> Result<(), Gone> {
        let options = &self.connection.server.options;
        let mut due = self.clock.due(at_ns);
        if let Some(said_ns) = behind.filter(|_| !options.patience.is_zero()) {
            let gap = options.pace.gap(at_ns.saturating_sub(said_ns));
            let deadline = due.max(Instant::now()) + options.patience;
            let is_client_s = options.follow == Follow::Client;
            let said = self.client_said(deadline).await?;
            if is_client_s {
                due = self.clock.due(0);
            }
            due = due.max(said + gap);
        }
        self.clock.set(at_ns, due);
        while due > Instant::now() {
            match self.connection.tap.wait(Some(due)).await {
                Woken::Due => break,
                Woken::Came => self.take_in().await?,
                Woken::Eof => return Err(Gone),
            }
        }
        // What has come already is looked at, however much is due.
        if self.connection.tap.is_eof && self.connection.tap.early.is_empty() {
            return Err(Gone);
        }
        self.take_in().await
    }

    /// Waits until the client has said as many messages as the recorded one had, or the patience is over. When it said
    /// the last of them.
    async fn client_said(&mut self, deadline: Instant) -> Result<Instant, Gone> {
        self.take_in().await?;
        while self.heard < self.needed {
            match self.connection.tap.wait(Some(deadline)).await {
                Woken::Came => self.take_in().await?,
                Woken::Eof => return Err(Gone),
                Woken::Due => {
                    let missing = self.recorded_message().map_or_else(String::new, |(id, _)| {
                        let told = self.connection.server.program.session().explain_within(id, 4096);
                        format!(" ({})", differ::said(&told.payload))
                    });
                    let waited = duration(self.connection.server.options.patience.as_nanos() as u64);
                    let text = format!(
                        "{}: message {}{missing} was not sent within {waited}; what came behind it is sent all the same",
                        self.name,
                        self.heard + 1
                    );
                    self.connection.differs(&text);
                    return Ok(Instant::now());
                }
            }
        }
        // What was said earlier than its turn is remembered by its time.
        let ahead = self.heard.saturating_sub(self.needed);
        while self.times.len() as u64 > ahead + 1 {
            self.times.pop_front();
        }
        Ok(self.times.front().copied().unwrap_or_else(Instant::now))
    }

    /// The client's next message in the recording, which is not compared yet.
    fn recorded_message(&self) -> Option<(RecordId, Record)> {
        let is_message =
            |record: &Record| record.dir == Dir::Out && matches!(record.kind, Kind::WsText | Kind::WsBinary);
        self.connection.server.program.next_record(self.exchange.link, self.expected, is_message)
    }

    /// Looks at what the client said.
    async fn take_in(&mut self) -> Result<(), Gone> {
        if self.kind == Upgrade::Other {
            self.connection.tap.early.clear();
            return Ok(());
        }
        let bytes = self.connection.tap.early.split();
        for heard in self.said.hear(&bytes) {
            match heard {
                Heard::Message { is_text, payload, len } => self.compare(is_text, &payload, len),
                Heard::Ping(payload) if self.outline.ponged || !self.outline.pinged => {
                    let pong = Bytes::from(frame(PONG, &payload));
                    self.connection.tap.send(pong).await.map_err(|_| Gone)?;
                }
                Heard::Ping(_) => {}
                Heard::Close(code, reason) => _ = self.closed.get_or_insert((code, reason)),
            }
        }
        if self.closed.is_some() { Err(Gone) } else { Ok(()) }
    }

    fn compare(&mut self, is_text: bool, payload: &[u8], len: u64) {
        self.heard += 1;
        if self.times.len() < MOST_TIMES {
            self.times.push_back(Instant::now());
        }
        // What is beyond the recorded ones is not looked for.
        let recorded = (self.heard <= self.outline.messages).then(|| self.recorded_message()).flatten();
        let Some((id, record)) = recorded else {
            let (said, number) = (differ::said(payload), self.heard);
            self.connection.differs(&format!("{}: message {number} ({said}) was not recorded", self.name));
            return;
        };
        self.expected = id + 1;
        let told = self.connection.server.program.session().explain_within(id, MESSAGE_LIMIT_BYTES);
        let is_same = told.payload == payload && record.payload_len == len;
        let was_text = record.kind == Kind::WsText;
        if !is_same || was_text != is_text {
            let (is, was) = (differ::said(payload), differ::said(&told.payload));
            let kind = |is_text| if is_text { "text" } else { "binary" };
            let (is_kind, was_kind) = match is_text == was_text {
                true => ("", ""),
                false => (kind(is_text), kind(was_text)),
            };
            let text =
                format!("{}: message {} says {is_kind} {is} (recorded: {was_kind} {was})", self.name, self.heard);
            self.connection.differs(&text.replace("  ", " ").replace(": )", ")"));
        }
    }

    /// The client left before it was told everything.
    fn say_early(&mut self) {
        let had = self.heard.min(self.outline.messages);
        let how = match &self.closed {
            Some((Some(code), _)) => format!("closed with {code}"),
            Some((None, _)) => "closed without a code".to_owned(),
            None => "left without a close frame".to_owned(),
        };
        let mut text = format!("{}: {how} before everything recorded was sent", self.name);
        if had < self.outline.messages {
            text.push_str(&format!(", after {had} of {} messages", self.outline.messages));
        }
        self.connection.differs(&text);
    }

    /// Everything recorded was sent.
    async fn end(mut self) -> io::Result<Flow> {
        let is_held = self.connection.server.options.at_end == AtEnd::Hold;
        if self.has_closed {
            let _ = self.listen(Some(Instant::now() + CLOSE_PATIENCE)).await;
            return Ok(Flow::Close("closed as recorded".to_owned()));
        }
        match self.exchange.ending {
            // The recorded server closed TCP without a close frame.
            ending @ (Ending::Server(at_ns) | Ending::Reset(at_ns)) if self.outline.close_answer.is_none() => {
                let due = self.clock.due(at_ns);
                if self.listen(Some(due)).await.is_ok() {
                    return Ok(ended_by_server(ending, ""));
                }
            }
            _ if is_held => _ = self.listen(None).await,
            _ => {
                if self.kind == Upgrade::WebSocket {
                    let close = [&1001_u16.to_be_bytes()[..], b"the recording ends here"].concat();
                    self.connection.tap.send(Bytes::from(frame(CLOSE, &close))).await?;
                    self.has_closed = true;
                    let _ = self.listen(Some(Instant::now() + CLOSE_PATIENCE)).await;
                }
                return Ok(Flow::Close("the recording ends here".to_owned()));
            }
        }
        if self.heard < self.outline.messages {
            let (heard, recorded) = (self.heard, self.outline.messages);
            let text = format!("{}: left after {heard} of {recorded} recorded messages", self.name);
            self.connection.differs(&text);
        }
        self.leave().await
    }

    /// Listens until the client leaves, or until then.
    async fn listen(&mut self, until: Option<Instant>) -> Result<(), Gone> {
        loop {
            self.take_in().await?;
            match self.connection.tap.wait(until).await {
                Woken::Came => {}
                Woken::Due => return Ok(()),
                Woken::Eof => return Err(Gone),
            }
        }
    }

    /// Answers the client's close frame as the recorded server did, else with the same code.
    async fn leave(mut self) -> io::Result<Flow> {
        let Some((code, _)) = self.closed.take() else { return Ok(Flow::Close("the client left".to_owned())) };
        if !self.has_closed {
            let bytes = match (self.outline.close_answer, self.kind) {
                (Some((start, end)), _) => {
                    let len = (end - start).min(WRITE_BYTES);
                    self.connection.server.program.bytes(self.exchange.link, Dir::In, start, len)
                }
                (None, Upgrade::WebSocket) => {
                    Bytes::from(frame(CLOSE, &code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec())))
                }
                (None, Upgrade::Hixie(_)) => Bytes::from_static(b"\xFF\x00"),
                (None, Upgrade::Other) => Bytes::new(),
            };
            self.connection.tap.send(bytes).await?;
        }
        Ok(Flow::Close("the client closed".to_owned()))
    }
}
