//! One direction of an HTTP/1 link: message after message, each a head and a body.

use super::Request;
use super::chunked::{Chunked, Step};
use super::draft::{self, Challenge};
use super::fields::*;
use super::growing::{Growing, Growth};
use super::head::{self, Head};
use crate::dissect::content::{At, Body, Hints};
use crate::dissect::hixie::Draft;
use crate::dissect::raw::Raw;
use crate::dissect::websocket::handshake::{self, Agreement, Broken, Lines};
use crate::dissect::{Ending, Flags, Kind, NoteDef, Pending, Place, Record, Severity, Sink, Value};
use crate::wire::{Dir, LinkId};
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Framing {
    Length { left: u64 },
    Chunked(Chunked),
    Close,
}

#[derive(Clone, Debug)]
struct Message {
    framing: Framing,
    body: Body,
    /// The body's first wire byte, and how much content it has brought.
    start: u64,
    len: u64,
    /// The offset of its content in the direction's content.
    offset: u64,
}

#[derive(Clone, Debug)]
enum State {
    Head(Growing),
    Body(Box<Message>),
    /// The bytes that hixie-76 has behind its heads.
    Challenge(Box<Challenge>),
    Raw(Raw),
}

impl State {
    fn idle() -> State {
        State::Head(Growing::default())
    }
}

/// A direction.
#[derive(Clone, Debug)]
pub struct Side {
    link: LinkId,
    dir: Dir,
    state: State,
    /// The first wire byte of the head that grows.
    start: u64,
    position: u64,
    /// Content bytes of the direction so far.
    content: u64,
    /// The last message announced that none follows.
    is_closing: bool,
}

/// What the bytes came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing that the other side needs to know.
    More,
    /// A request's head.
    Asked(Request),
    /// A final answer's head: the oldest request is answered.
    Answered,
    /// The answer agreed to speak another protocol from here on.
    Switched {
        /// Whether that is WebSocket.
        is_websocket: bool,
        /// What was agreed on, where the request was seen.
        agreement: Option<Arc<Agreement>>,
    },
    /// The answer agreed to a draft of WebSocket that is framed otherwise.
    SwitchedToHixie(Draft),
}

impl Side {
    /// For a fresh link.
    pub fn new(link: LinkId, dir: Dir) -> Side {
        Side { link, dir, state: State::idle(), start: 0, position: 0, content: 0, is_closing: false }
    }

    /// One past the last byte that was fed.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The request whose last bytes, key 3 of hixie-76, are on their way.
    pub fn challenging(&self) -> Option<&Request> {
        match &self.state {
            State::Challenge(challenge) => challenge.request(),
            _ => None,
        }
    }

    fn place(&self) -> Place {
        Place::wire(self.dir)
    }

    /// More bytes, not none. How many were taken, and what came of them.
    pub fn feed(&mut self, wire: u64, bytes: &[u8], request: Option<&Request>, out: &mut impl Sink) -> (usize, Turn) {
        let (taken, turn) = match &mut self.state {
            State::Raw(raw) => {
                raw.feed(self.dir, wire, bytes, out);
                (bytes.len(), Turn::More)
            }
            State::Head(_) => self.feed_head(wire, bytes, request, out),
            State::Body(_) => (self.feed_body(wire, bytes, out), Turn::More),
            State::Challenge(_) => self.feed_challenge(bytes, out),
        };
        self.position = wire + taken as u64;
        (taken, turn)
    }

    fn feed_head(&mut self, wire: u64, bytes: &[u8], request: Option<&Request>, out: &mut impl Sink) -> (usize, Turn) {
        let State::Head(head) = &mut self.state else { return (0, Turn::More) };
        if head.bytes.is_empty() {
            self.start = wire;
        }
        let (used, growth) = head.grow(bytes, self.dir);
        match growth {
            Growth::More => {}
            Growth::NotHttp => self.go_astray(&NOT_HTTP, out),
            Growth::TooLong => self.go_astray(&HEAD_TOO_LONG, out),
            Growth::Ended => {
                let head = std::mem::take(&mut head.bytes);
                self.state = State::idle();
                return (used, self.read_head(&head, request, out));
            }
        }
        (used, Turn::More)
    }

    fn feed_challenge(&mut self, bytes: &[u8], out: &mut impl Sink) -> (usize, Turn) {
        let State::Challenge(challenge) = &mut self.state else { return (0, Turn::More) };
        let (taken, is_whole) = challenge.take(bytes);
        if !is_whole {
            return (taken, Turn::More);
        }
        let (place, link, start) = (self.place(), self.link, self.start);
        let State::Challenge(mut challenge) = std::mem::replace(&mut self.state, State::idle()) else {
            return (taken, Turn::More);
        };
        challenge.tell(place, link, start, None, out);
        self.start += challenge.len();
        let turn = challenge.into_request().map_or(Turn::SwitchedToHixie(Draft::Hixie76), Turn::Asked);
        (taken, turn)
    }

    /// From here on nothing can be framed: what was held and what follows is told in gaps.
    fn go_astray(&mut self, note: &'static NoteDef, out: &mut impl Sink) {
        let mut raw = Raw::new(self.link);
        if let State::Head(head) = &self.state {
            out.note(self.place(), note, self.start * 8, 0, String::new);
            raw.feed(self.dir, self.start, &head.bytes, out);
        }
        self.state = State::Raw(raw);
    }

    fn read_head(&mut self, bytes: &[u8], request: Option<&Request>, out: &mut impl Sink) -> Turn {
        let is_request = self.dir == Dir::Out;
        let head = head::read(self.place(), self.start, bytes, is_request, out);
        let kind = match (is_request, head.status) {
            (true, _) => Kind::HttpRequest,
            (false, 100..200) if head.status != 101 => Kind::HttpInformational,
            (false, _) => Kind::HttpResponse,
        };
        if kind == Kind::HttpResponse && request.is_none() {
            out.note(self.place(), &UNASKED, self.start * 8, 0, String::new);
        }
        if kind == Kind::HttpResponse && request.is_some_and(|request| !request.is_known) {
            out.note(self.place(), &REQUESTS_MANY, self.start * 8, 0, String::new);
        }
        let drafted = match is_request {
            true => draft::asked(self.place(), self.start, &head.draft, &head.upgrade, out),
            false => draft::Asked::Other,
        };
        let agreed = match head.status {
            101 => draft::agreed(self.place(), self.start, &head.draft, request, out),
            _ => None,
        };
        if self.is_closing {
            out.note(self.place(), &AFTER_CLOSE, self.start * 8, 0, String::new);
        }
        self.is_closing = kind != Kind::HttpInformational && head.closes();
        let end = self.start + bytes.len() as u64;
        let framing = self.framing(&head, kind, request, end, out);
        if head.encoded && framing.is_some() {
            out.note(self.place(), &ENCODED, self.start * 8, 0, String::new);
        }
        let is_handshake = kind == Kind::HttpRequest && Lines(&head.handshake).is_handshake();
        let asked = is_handshake && drafted == draft::Asked::Other;
        let asked = asked.then(|| {
            let (asked, broken) = handshake::request(&head.method, head.version, Lines(&head.handshake));
            self.note_broken(broken, out);
            Arc::new(asked)
        });
        let mut agreement = None;
        if kind == Kind::HttpResponse
            && let Some(asked) = request.and_then(|request| request.websocket.as_ref())
        {
            let lines = Lines(&head.handshake);
            let (agreed, broken) = match head.status {
                101 => handshake::answer(asked, lines),
                status => (Agreement::default(), handshake::refusal(asked, status, lines)),
            };
            self.note_broken(broken, out);
            agreement = Some(Arc::new(agreed));
        }
        let mut record = self.record(kind, self.start, end);
        record.detail = head.status.into();
        record.flags = Flags::MESSAGE;
        out.record(self.place(), record);
        self.start = end;
        let token = |wanted: &str| head.upgrade.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted));
        if let Some(draft) = agreed {
            if draft == Draft::Hixie75 {
                return Turn::SwitchedToHixie(draft);
            }
            self.state = State::Challenge(Box::new(Challenge::response(request)));
            return Turn::More;
        }
        if kind == Kind::HttpResponse && head.status == 101 {
            return Turn::Switched { is_websocket: token("websocket") || head.upgrade.is_empty(), agreement };
        }
        if kind == Kind::HttpResponse && request.is_some_and(|r| r.is_connect) && (200..300).contains(&head.status) {
            return Turn::Switched { is_websocket: false, agreement: None };
        }
        if let Some(framing) = framing {
            let has_length = matches!(framing, Framing::Length { .. });
            let hints = Hints { content_type: head.content_type.clone(), encoded: head.encoded, has_length };
            let body = Body::new(At { link: self.link, dir: self.dir }, self.content, &hints);
            self.state = State::Body(Box::new(Message { framing, body, start: end, len: 0, offset: self.content }));
        }
        match kind {
            Kind::HttpRequest => {
                let request = Request {
                    is_known: true,
                    is_head: head.method == "HEAD",
                    is_connect: head.method == "CONNECT",
                    may_switch: !head.upgrade.is_empty() || head.method == "CONNECT",
                    websocket: asked,
                    draft: drafted,
                };
                if matches!(drafted, draft::Asked::Hixie76(_)) && matches!(self.state, State::Head(_)) {
                    self.state = State::Challenge(Box::new(Challenge::key3(&head.draft, request)));
                    return Turn::More;
                }
                Turn::Asked(request)
            }
            Kind::HttpResponse => Turn::Answered,
            _ => Turn::More,
        }
    }

    /// Notes the rules of an opening handshake that the head breaks.
    fn note_broken(&self, broken: Vec<Broken>, out: &mut impl Sink) {
        for Broken { note, at: (at, len), detail } in broken {
            out.note(self.place(), note, (self.start + at as u64) * 8, len as u64 * 8, || detail);
        }
    }

    /// How the body is framed (RFC 9112 §6.3); `None` where there is none.
    fn framing(
        &self,
        head: &Head,
        kind: Kind,
        request: Option<&Request>,
        end: u64,
        out: &mut impl Sink,
    ) -> Option<Framing> {
        let is_request = kind == Kind::HttpRequest;
        let bodiless = matches!(head.status, 100..200 | 204 | 304) || request.is_some_and(|request| request.is_head);
        if !is_request && bodiless {
            if head.coding.is_some() && matches!(head.status, 100..200 | 204) {
                out.note(self.place(), &CODING_NOT_ALLOWED, self.start * 8, 0, String::new);
            }
            return None;
        }
        match (head.coding, head.length) {
            (Some(true), _) => Some(Framing::Chunked(Chunked::new(end))),
            (Some(false), _) => {
                let note = if is_request { &CODING_UNKNOWN } else { &CODING_TO_CLOSE };
                out.note(self.place(), note, self.start * 8, 0, String::new);
                Some(Framing::Close)
            }
            (None, _) if head.length_invalid => Some(Framing::Close),
            (None, Some(0)) => None,
            (None, Some(left)) => Some(Framing::Length { left }),
            (None, None) if is_request => None,
            (None, None) => Some(Framing::Close),
        }
    }

    fn feed_body(&mut self, wire: u64, bytes: &[u8], out: &mut impl Sink) -> usize {
        let place = self.place();
        let State::Body(message) = &mut self.state else { return 0 };
        let (content, is_done) = match &mut message.framing {
            Framing::Length { left } => {
                let take = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= take as u64;
                (take, *left == 0)
            }
            Framing::Close => (bytes.len(), false),
            Framing::Chunked(chunked) => {
                match chunked.step(place, self.link, wire, bytes, message.body.shows_chunks(), out) {
                    Step::Framing(taken) => return taken,
                    Step::Content(taken) => (taken, false),
                    Step::Done(taken) => {
                        self.end_body(wire + taken as u64, None, out);
                        return taken;
                    }
                    Step::Broken { from, note } => return self.break_off(wire, from, note, bytes, out),
                }
            }
        };
        message.feed(wire, &bytes[..content], out);
        if is_done {
            self.end_body(wire + content as u64, None, out);
        }
        content
    }

    /// The framing is broken at byte `from`, which may have been fed before `wire`: the rest can only be shown as it is.
    fn break_off(&mut self, wire: u64, from: u64, note: &'static NoteDef, bytes: &[u8], out: &mut impl Sink) -> usize {
        self.end_body(from, Some(&BODY_BROKEN), out);
        let mut raw = Raw::new(self.link);
        out.note(self.place(), note, from * 8, 0, String::new);
        // Only the extent of what is shown as it is matters to the gaps, not the bytes themselves.
        let held = (wire - from) as usize;
        let mut all = vec![0; held];
        all.extend_from_slice(bytes);
        raw.feed(self.dir, from, &all, out);
        self.state = State::Raw(raw);
        bytes.len()
    }

    /// The body ends at byte `end`; `fault` says why it may not be complete.
    fn end_body(&mut self, end: u64, fault: Option<&'static NoteDef>, out: &mut impl Sink) {
        let State::Body(mut message) = std::mem::replace(&mut self.state, State::idle()) else { return };
        let is_cut = fault.is_some_and(|fault| fault.severity == Severity::Error);
        message.body.finish(!is_cut, out);
        self.content = message.offset + message.len;
        self.start = end;
        let place = self.place();
        let content = Place::content(self.dir);
        let is_document = message.body.is_document();
        let is_chunked = matches!(message.framing, Framing::Chunked(_));
        if !is_chunked && message.len > 0 {
            out.field(place, &BODY, message.start * 8, message.len * 8, Value::Bytes, 0);
        }
        if is_document && message.len > 0 {
            out.field(content, &CONTENT, message.offset * 8, message.len * 8, Value::Bytes, 0);
        }
        if let Some(fault) = fault {
            out.note(content, fault, message.offset * 8, message.len * 8, || match &message.framing {
                Framing::Length { left } => format!("{left} bytes are missing"),
                _ => String::new(),
            });
        }
        let shows_chunks = is_chunked && message.body.shows_chunks();
        let is_message = is_document && !shows_chunks && message.len > 0;
        let mut record = self.record(Kind::HttpBody, message.start, end);
        record.payload_len = message.len;
        record.flags = if is_message { Flags::MESSAGE } else { Flags::default() };
        if fault.is_some() {
            record.flags = record.flags.and(Flags::INCOMPLETE);
        }
        if is_document && !is_chunked {
            record = record.in_place(message.start);
        }
        out.record(content, record);
    }

    fn record(&self, kind: Kind, start: u64, end: u64) -> Record {
        let (link, dir, worst) = (self.link, self.dir, Severity::None);
        Record { start, len: end - start, payload_len: 0, link, detail: 0, kind, dir, worst, flags: Flags::default() }
    }

    /// The direction ended.
    pub fn finish(&mut self, ending: Ending, out: &mut impl Sink) {
        let by = |note| if ending == Ending::Us { &CLOSED_BY_US } else { note };
        let (place, position) = (self.place(), self.position);
        match &mut self.state {
            State::Raw(raw) => raw.finish(self.dir, position, out),
            State::Challenge(challenge) if challenge.len() == 0 => {}
            State::Challenge(challenge) => {
                challenge.tell(place, self.link, self.start, Some(by(&ENDED_IN_BODY)), out);
                self.state = State::idle();
            }
            State::Head(head) => {
                let head = std::mem::take(head);
                if !head.bytes.is_empty() {
                    let note = if head.is_blank() { &STRAY_EMPTY_LINES } else { by(&ENDED_IN_HEAD) };
                    out.note(place, note, self.start * 8, (position - self.start) * 8, String::new);
                    crate::dissect::sink::gap(out, self.link, self.dir, self.start, position - self.start);
                }
            }
            State::Body(message) => match &mut message.framing {
                Framing::Close => self.end_body(position, None, out),
                Framing::Length { .. } => self.end_body(position, Some(by(&ENDED_IN_BODY)), out),
                Framing::Chunked(chunked) => {
                    let from = chunked.finish(place, self.link, position, by(&ENDED_IN_BODY), out);
                    self.end_body(from, Some(by(&NO_LAST_CHUNK)), out);
                    crate::dissect::sink::gap(out, self.link, self.dir, from, position - from);
                }
            },
        }
        self.start = position;
    }

    /// What has begun and is not complete.
    pub fn pending(&self) -> Option<Pending> {
        match &self.state {
            State::Head(head) if head.is_blank() => None,
            State::Head(_) => Some(Pending { what: "head", start: self.start }),
            State::Raw(_) => None,
            State::Challenge(_) => Some(Pending { what: "challenge of hixie-76", start: self.start }),
            State::Body(message) => message.body.pending().or(match &message.framing {
                Framing::Chunked(chunked) => chunked.pending().map(|start| Pending { what: "chunk", start }),
                // Between the messages of a stream nothing is unfinished.
                _ if !message.body.is_document() => None,
                _ => Some(Pending { what: "body", start: message.start }),
            }),
        }
    }
}

impl Message {
    fn feed(&mut self, wire: u64, bytes: &[u8], out: &mut impl Sink) {
        let offset = self.offset + self.len;
        self.body.feed(offset, wire, bytes, out);
        self.len += bytes.len() as u64;
    }
}
