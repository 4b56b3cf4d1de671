//! A session out of what `show` prints, where there are no events: what was said, when, on which link, put into heads and
//! frames of our own making. Each connection begins with a word that says so.

use super::event;
use crate::dissect::Kind;
use crate::dissect::websocket::accept_key;
use crate::session::preview;
use crate::wire::{Act, ClientAct, Closed, ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
use bytes::Bytes;
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};

/// The key of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const BOUNDARY: &str = "part";

/// What a link's answer is made into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Spoken {
    #[default]
    Nothing,
    WebSocket,
    /// A body that grows, of this content type.
    Stream(&'static str),
}

#[derive(Default)]
struct Link {
    /// First lines that wait for what follows them to be known, and when they were complete.
    request: Option<(String, u64)>,
    response: Option<(String, u64)>,
    spoken: Spoken,
}

/// Makes entries of records.
#[derive(Default)]
pub(super) struct Rebuild {
    name: String,
    links: HashMap<u32, Link>,
    connections: HashSet<u32>,
    out: VecDeque<Entry>,
    /// Messages that were made, records that were left out, and payloads that were cut.
    pub made: u64,
    pub left: u64,
    pub cut: u64,
}

impl Rebuild {
    /// For the lines of a file of this name.
    pub fn new(name: String) -> Rebuild {
        Rebuild { name, ..Rebuild::default() }
    }

    /// The next of what was made.
    pub fn next(&mut self) -> Option<Entry> {
        self.out.pop_front()
    }

    /// Takes a record; an error says what is wrong with it.
    pub fn take(&mut self, record: &Value) -> Result<(), String> {
        let number = |key: &str| record[key].as_u64().ok_or_else(|| format!("its {key:?} is no number"));
        let small = |key: &str| u32::try_from(number(key)?).map_err(|_| format!("its {key:?} is too large a number"));
        let name = record["kind"].as_str().ok_or("its \"kind\" is no text")?;
        let (link, connection, at_ns) = (small("link")?, small("connection")?, number("at_ns")?.min(i64::MAX as u64));
        let dir = event::dir(record)?;
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
            self.left += 1;
            return Ok(());
        };
        let summary = record["summary"].as_str().unwrap_or_default();
        let payload = match event::bytes(record) {
            Ok(payload) => payload,
            Err(why) if record.get("base64").is_some() => return Err(why),
            Err(_) => Bytes::new(),
        };
        self.cut += u64::from(record["left_out"].as_u64().is_some_and(|left| left > 0));
        let is_told_otherwise = match kind {
            Kind::WsFrame | Kind::HttpChunk => true,
            kind => kind == Kind::HttpBody && payload.is_empty(),
        };
        if is_told_otherwise {
            self.left += 1;
            return Ok(());
        }
        self.open(link, connection, at_ns);
        match (kind, dir) {
            (Kind::HttpRequest, _) => {
                self.end_exchange(link);
                let line = one_line(summary);
                self.links.entry(link).or_default().request = Some((line, at_ns));
            }
            (Kind::HttpResponse, _) => {
                self.end_answer(link);
                let line = one_line(summary.split(" · ").next().unwrap_or_default());
                let is_switch = line.split(' ').nth(1) == Some("101");
                self.links.entry(link).or_default().response = Some((line, at_ns));
                if is_switch {
                    self.upgrade(link, at_ns);
                }
            }
            (Kind::HttpBody, Dir::Out) => self.ask(link, at_ns, "", Some(&payload)),
            (Kind::HttpBody, Dir::In) => {
                self.end_answer_with(link, at_ns, &payload);
                self.made += 1;
            }
            (Kind::SseEvent, Dir::In) => self.stream(link, at_ns, "text/event-stream", &sse_event(summary, &payload)),
            (Kind::SseComment, Dir::In) => {
                self.stream(link, at_ns, "text/event-stream", format!("{}\n\n", one_line(summary)).as_bytes());
            }
            (Kind::SseRetry, Dir::In) => {
                let line = one_line(summary).replacen(' ', ": ", 1);
                self.stream(link, at_ns, "text/event-stream", format!("{line}\n\n").as_bytes());
            }
            (Kind::Line, Dir::In) => {
                self.stream(link, at_ns, "application/x-ndjson", &[&payload[..], b"\n"].concat());
            }
            (Kind::Part, Dir::In) => {
                let head = format!("--{BOUNDARY}\r\nContent-Length: {}\r\n\r\n", payload.len());
                let part = [head.as_bytes(), &payload, b"\r\n"].concat();
                self.stream(link, at_ns, "multipart/mixed; boundary=part", &part);
            }
            (Kind::WsText, _) => self.frame(link, at_ns, dir, 1, &payload),
            (Kind::WsBinary, _) => self.frame(link, at_ns, dir, 2, &payload),
            (Kind::WsPing, _) => self.frame(link, at_ns, dir, 9, &payload),
            (Kind::WsPong, _) => self.frame(link, at_ns, dir, 10, &payload),
            (Kind::WsClose, _) => {
                let code = summary.split(' ').next().and_then(|code| code.parse::<u16>().ok());
                let code = code.map(u16::to_be_bytes);
                let payload = code.map_or(Vec::new(), |code| [&code[..], &payload].concat());
                self.frame(link, at_ns, dir, 8, &payload);
            }
            (Kind::Closed, _) => {
                self.end_exchange(link);
                self.event(link, at_ns, What::Closed(Closed { by: dir, text: summary.to_owned() }));
            }
            _ => self.left += 1,
        }
        Ok(())
    }

    /// Writes what still waits.
    pub fn finish(&mut self) {
        let mut links: Vec<u32> = self.links.keys().copied().collect();
        links.sort_unstable();
        for link in links {
            let at_ns = self.links[&link].response.as_ref().or(self.links[&link].request.as_ref()).map(|(_, at)| *at);
            if let Some(at_ns) = at_ns {
                self.ask(link, at_ns, "", None);
                self.end_answer(link);
            }
        }
    }

    fn event(&mut self, link: u32, at_ns: u64, what: What) {
        self.out.push_back(Entry::Event(Event { at_ns, link: LinkId(link), what }));
    }

    fn bytes(&mut self, link: u32, at_ns: u64, dir: Dir, bytes: impl Into<Bytes>) {
        self.event(link, at_ns, What::Bytes(dir, bytes.into()));
    }

    fn open(&mut self, link: u32, connection: u32, at_ns: u64) {
        if self.links.contains_key(&link) {
            return;
        }
        self.links.insert(link, Link::default());
        let id = ConnectionId(connection);
        let is_new = self.connections.insert(connection);
        if is_new {
            let label = format!("connection {connection} of {}", self.name);
            self.out.push_back(Entry::Connection(ConnectionInfo { id, spec: "{}".to_owned(), label }));
        }
        let (host, purpose) = ("unknown".to_owned(), "rebuilt from its messages".to_owned());
        self.event(
            link,
            at_ns,
            What::Opening(Opening { connection: id, host, port: 0, tls: false, purpose, via: None }),
        );
        if is_new {
            let text = "rebuilt from what was printed of its records: times and payloads are as recorded, heads and \
                        framing are made up"
                .to_owned();
            self.event(link, at_ns, What::Client(ClientAct { act: Act::Noticed, text }));
        }
    }

    /// Writes the request that waits, if one does, with these header lines.
    fn ask(&mut self, link: u32, at_ns: u64, lines: &str, body: Option<&[u8]>) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some((line, asked_ns)) =
            state.request.take().or_else(|| body.map(|_| ("POST / HTTP/1.1".to_owned(), at_ns)))
        else {
            return;
        };
        let length = body.map_or(String::new(), |body| format!("Content-Length: {}\r\n", body.len()));
        let head = format!("{line}\r\nHost: unknown\r\n{lines}{length}\r\n");
        self.bytes(link, asked_ns, Dir::Out, [head.as_bytes(), body.unwrap_or_default()].concat());
    }

    /// Writes the request and the beginning of the answer that wait, with these header lines.
    fn answer(&mut self, link: u32, at_ns: u64, lines: &str) {
        if self.links.get(&link).is_some_and(|state| state.request.is_none() && state.response.is_none()) {
            let state = self.links.entry(link).or_default();
            state.request = Some(("GET / HTTP/1.1".to_owned(), at_ns));
        }
        self.ask(link, at_ns, "", None);
        let waiting = self.links.get_mut(&link).and_then(|state| state.response.take());
        let (line, at_ns) = waiting.unwrap_or_else(|| ("HTTP/1.1 200 OK".to_owned(), at_ns));
        self.bytes(link, at_ns, Dir::In, format!("{line}\r\n{lines}\r\n"));
    }

    fn upgrade(&mut self, link: u32, at_ns: u64) {
        let Some(state) = self.links.get_mut(&link).filter(|state| state.spoken != Spoken::WebSocket) else { return };
        state.spoken = Spoken::WebSocket;
        state.request.get_or_insert_with(|| ("GET / HTTP/1.1".to_owned(), at_ns));
        let waiting = state.response.take();
        let (line, answered_ns) = waiting.unwrap_or_else(|| ("HTTP/1.1 101 Switching Protocols".to_owned(), at_ns));
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
        self.ask(link, at_ns, &format!("{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"), None);
        let accept = accept_key(KEY);
        let answer = format!("{line}\r\n{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n");
        self.bytes(link, answered_ns, Dir::In, answer);
    }

    fn frame(&mut self, link: u32, at_ns: u64, dir: Dir, opcode: u8, payload: &[u8]) {
        self.upgrade(link, at_ns);
        let mask = if dir == Dir::Out { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..126 => frame.push(mask | len as u8),
            len @ 126..65_536 => {
                frame.push(mask | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(mask | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        if mask != 0 {
            // A key of zeros leaves the payload as it is.
            frame.extend([0; 4]);
        }
        frame.extend(payload);
        self.bytes(link, at_ns, dir, frame);
        self.made += 1;
    }

    /// Writes a stretch of a body that grows, as a chunk.
    fn stream(&mut self, link: u32, at_ns: u64, content_type: &'static str, content: &[u8]) {
        if self
            .links
            .get(&link)
            .is_some_and(|state| state.spoken != Spoken::Stream(content_type) || state.response.is_some())
        {
            self.end_stream(link, at_ns);
            self.answer(link, at_ns, &format!("Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n"));
            self.links.entry(link).or_default().spoken = Spoken::Stream(content_type);
        }
        let chunk = [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat();
        self.bytes(link, at_ns, Dir::In, chunk);
        self.made += 1;
    }

    fn end_stream(&mut self, link: u32, at_ns: u64) {
        let Some(state) = self.links.get_mut(&link).filter(|state| matches!(state.spoken, Spoken::Stream(_))) else {
            return;
        };
        state.spoken = Spoken::Nothing;
        self.bytes(link, at_ns, Dir::In, &b"0\r\n\r\n"[..]);
    }

    /// Writes the answer that waits, with a body.
    fn end_answer_with(&mut self, link: u32, at_ns: u64, body: &[u8]) {
        self.end_stream(link, at_ns);
        self.answer(link, at_ns, &format!("Content-Length: {}\r\n", body.len()));
        self.bytes(link, at_ns, Dir::In, body.to_vec());
    }

    /// Writes the answer that waits, which had no body that was told.
    fn end_answer(&mut self, link: u32) {
        let Some((line, at_ns)) = self.links.get(&link).and_then(|state| state.response.clone()) else { return };
        let status = line.split(' ').nth(1).unwrap_or_default();
        let is_bodiless = status.starts_with('1') || matches!(status, "204" | "304");
        self.answer(link, at_ns, if is_bodiless { "" } else { "Content-Length: 0\r\n" });
    }

    /// Another exchange begins, or none any more.
    fn end_exchange(&mut self, link: u32) {
        let waiting = self.links.get(&link).and_then(|state| state.request.as_ref()).map(|(_, at)| *at);
        if let Some(at_ns) = waiting {
            self.ask(link, at_ns, "", None);
        }
        self.end_answer(link);
        let last_ns = self.out.iter().rev().find_map(|entry| match entry {
            Entry::Event(event) if event.link.0 == link => Some(event.at_ns),
            _ => None,
        });
        self.end_stream(link, last_ns.unwrap_or(0));
    }
}

/// An event as it may have been: its type and ID stand in its line, around the data.
fn sse_event(summary: &str, payload: &[u8]) -> Vec<u8> {
    let shown = preview(payload);
    let (mut fields, rest) = (String::new(), summary.split_once("  "));
    if let Some((event, rest)) = rest {
        if event != "message" {
            fields.push_str(&format!("event: {event}\n"));
        }
        if let Some(id) = rest.strip_prefix(shown.as_str()).and_then(|rest| rest.strip_prefix("  id ")) {
            fields.push_str(&format!("id: {id}\n"));
        }
    }
    let mut event = fields.into_bytes();
    for line in payload.split(|byte| *byte == b'\n') {
        event.extend([b"data: ", line, b"\n"].concat());
    }
    event.push(b'\n');
    event
}

/// Text that ends no line.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
