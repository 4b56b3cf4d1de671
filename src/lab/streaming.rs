//! The answers that do not end: `/stream`, `/multipart`, `/sse`, `/sse10` and `/lines`.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Answer, Flow, write_head};
use super::feed::unix_ns;
use super::http::Request;
use super::hub::{Channel, Subscription};
use super::message::{Form, Message, Position};
use super::params::Params;
use super::source::{Source, Turn};
use super::split::{Buffer, Receiver, Sender};

/// Written at once when messages come as fast as can be.
pub const BULK_BYTES: usize = 64 << 10;
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After so many lines, `/lines` has a blank one.
const LINES_TO_A_BLANK: u64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ndjson,
    Multipart,
    Sse,
    Sse10,
    Lines,
}

/// Answers `request` with the channel's feed, until it ends or the client is gone.
pub async fn serve(
    kind: Kind,
    request: &Request,
    params: &Params,
    channel: Arc<Channel>,
    receiver: &mut Receiver,
    sender: &mut Sender,
) -> io::Result<Flow> {
    let subscription = Subscription::new(channel);
    let (start, unknown_id) = start(kind, request, params, &subscription);
    let heartbeat = match kind {
        Kind::Sse | Kind::Sse10 | Kind::Lines => Some(params.heartbeat.unwrap_or(HEARTBEAT)),
        Kind::Ndjson | Kind::Multipart => None,
    };
    let mut source = Source::new(params, subscription, start, heartbeat);
    // "No Content" is what ends an EventSource's reconnecting (WHATWG HTML §9.2.3).
    if matches!(kind, Kind::Sse | Kind::Sse10) && source.feed_is_over() {
        return Answer::new(204).send(Some(request), sender).await;
    }
    let chunked = kind != Kind::Sse10 && !params.framed_by_close && request.minor >= 1;
    let mut body = Body::new(kind, chunked);
    let mut buffer = Buffer::default();
    body.write_head(request, &mut buffer);
    let flow = if chunked && request.keeps_alive() { Flow::Keep } else { Flow::Close };
    if request.is_head() {
        sender.send(&mut buffer).await?;
        return Ok(flow);
    }
    sender.send(&mut buffer).await?;
    body.begin(request, params, unknown_id.as_deref(), source.ended(), &mut buffer);
    loop {
        sender.send(&mut buffer).await?;
        let mut turn = tokio::select! {
            biased;
            () = receiver.gone() => return Ok(Flow::Close),
            turn = source.next() => turn,
        };
        loop {
            match turn {
                Turn::Message => body.message(source.message(), source.ended(), &mut buffer),
                Turn::Heartbeat => body.heartbeat(&mut buffer),
                Turn::End => {
                    body.end(&mut buffer);
                    sender.send(&mut buffer).await?;
                    return Ok(flow);
                }
            }
            if !source.in_bulk() || buffer.bytes.len() >= BULK_BYTES {
                break;
            }
            match source.ready() {
                Some(next) => turn = next,
                None => break,
            }
        }
    }
}

/// After which message to start, and a `Last-Event-ID` that means nothing here.
fn start(kind: Kind, request: &Request, params: &Params, subscription: &Subscription) -> (Position, Option<String>) {
    let fresh = params.cursor.unwrap_or(subscription.start());
    let last_event_id = match kind {
        Kind::Sse | Kind::Sse10 => request.field("last-event-id").filter(|id| !id.is_empty()),
        _ => None,
    };
    match last_event_id.map(|id| (id, id.parse())) {
        None => (fresh, None),
        Some((_, Ok(position))) => (position, None),
        Some((id, Err(()))) => (fresh, Some(id.to_owned())),
    }
}

/// One streaming answer's body: the framing of its kind, in chunks or not.
struct Body {
    kind: Kind,
    chunked: bool,
    boundary: String,
    /// One message in its framing, before it is put into chunks.
    framed: Vec<u8>,
    lines: u64,
}

impl Body {
    fn new(kind: Kind, chunked: bool) -> Self {
        // Not to be met inside a part (RFC 2046 §5.1.1).
        let boundary = format!("pushscope-{:x}", unix_ns());
        Self { kind, chunked, boundary, framed: Vec::new(), lines: 0 }
    }

    fn write_head(&self, request: &Request, buffer: &mut Buffer) {
        let media_type = match self.kind {
            Kind::Ndjson => "application/x-ndjson".to_owned(),
            Kind::Multipart => format!("multipart/x-mixed-replace; boundary={}", self.boundary),
            Kind::Sse | Kind::Sse10 => "text/event-stream".to_owned(),
            Kind::Lines => "application/json".to_owned(),
        };
        let mut fields = vec![
            ("Content-Type", media_type),
            ("Cache-Control", "no-store".to_owned()),
            // What asks nginx not to hold a stream back.
            ("X-Accel-Buffering", "no".to_owned()),
        ];
        if self.chunked {
            fields.push(("Transfer-Encoding", "chunked".to_owned()));
        }
        if !self.chunked || !request.keeps_alive() {
            fields.push(("Connection", "close".to_owned()));
        }
        write_head(u8::from(self.kind != Kind::Sse10), 200, &fields, buffer);
    }

    /// What comes before the first message.
    fn begin(
        &mut self,
        request: &Request,
        params: &Params,
        unknown_id: Option<&str>,
        ended: bool,
        buffer: &mut Buffer,
    ) {
        self.framed.clear();
        match self.kind {
            Kind::Multipart => self.boundary_line(ended),
            Kind::Sse | Kind::Sse10 => {
                if let Some(id) = unknown_id {
                    let id = id.escape_debug();
                    let _ = writeln!(self.framed, ": the last event ID {id} is none of this lab's; starting anew");
                }
                let _ = write!(self.framed, "retry: {}\n\n", params.retry_ms);
                if request.method == "POST" {
                    let data = request.body.clone();
                    let body = Message { form: Form::of(&data), data, event: Some("request"), ..Message::default() };
                    self.event(&body, false);
                }
            }
            Kind::Ndjson | Kind::Lines => {}
        }
        self.pieces(&[], buffer);
    }

    fn message(&mut self, message: &Message, last: bool, buffer: &mut Buffer) {
        self.framed.clear();
        let before = match self.kind {
            Kind::Ndjson | Kind::Lines => {
                self.framed.extend_from_slice(&message.line());
                self.lines += 1;
                if self.kind == Kind::Ndjson {
                    self.framed.push(b'\n');
                } else {
                    self.framed.extend_from_slice(b"\r\n");
                    return self.odd_pieces(message.cut, buffer);
                }
                0
            }
            Kind::Multipart => {
                let (media_type, length) = (message.form.media_type(), message.data.len());
                let _ = write!(self.framed, "Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n");
                let before = self.framed.len();
                self.framed.extend_from_slice(&message.data);
                self.framed.extend_from_slice(b"\r\n");
                // The delimiter follows at once, so that a client need not wait for the next part to have this one.
                self.boundary_line(last);
                before
            }
            Kind::Sse | Kind::Sse10 => self.event(message, true),
        };
        match message.cut {
            Some(cut) => self.pieces(&[before + cut], buffer),
            None => self.chunk(0, self.framed.len(), buffer),
        }
    }

    fn heartbeat(&mut self, buffer: &mut Buffer) {
        self.framed.clear();
        match self.kind {
            Kind::Sse | Kind::Sse10 => self.framed.extend_from_slice(b": heartbeat\n\n"),
            Kind::Lines => self.framed.extend_from_slice(b"\r\n"),
            Kind::Ndjson | Kind::Multipart => {}
        }
        self.pieces(&[], buffer);
    }

    fn end(&mut self, buffer: &mut Buffer) {
        if self.chunked {
            buffer.bytes.extend_from_slice(b"0\r\n\r\n");
        }
    }

    /// Writes an event (WHATWG HTML §9.2.5), and gives the offset of its data.
    fn event(&mut self, message: &Message, with_id: bool) -> usize {
        if let Some(event) = message.event {
            let _ = writeln!(self.framed, "event: {event}");
        }
        if with_id {
            let _ = writeln!(self.framed, "id: {}", message.position);
        }
        let data_at = self.framed.len() + "data: ".len();
        let text = message.text();
        let mut rest: &[u8] = &text;
        // CRLF, LF and CR all end a line, so each starts another data field.
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            self.data_line(&rest[..end]);
            let both = rest[end..].starts_with(b"\r\n");
            rest = &rest[end + 1 + usize::from(both)..];
        }
        self.data_line(rest);
        self.framed.push(b'\n');
        data_at
    }

    fn data_line(&mut self, line: &[u8]) {
        self.framed.extend_from_slice(b"data: ");
        self.framed.extend_from_slice(line);
        self.framed.push(b'\n');
    }

    fn boundary_line(&mut self, last: bool) {
        let dashes = if last { "--" } else { "" };
        let _ = write!(self.framed, "--{}{dashes}\r\n", self.boundary);
    }

    /// Chunk ends that have nothing to do with line ends, nor with characters: the same places in every run.
    fn odd_pieces(&mut self, cut: Option<usize>, buffer: &mut Buffer) {
        if self.lines.is_multiple_of(LINES_TO_A_BLANK) {
            self.framed.extend_from_slice(b"\r\n");
        }
        if let Some(cut) = cut {
            return self.pieces(&[cut], buffer);
        }
        let length = self.framed.len();
        let mix = self.lines.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let at = 1 + (mix as usize) % length.saturating_sub(1).max(1);
        self.chunk(0, at, buffer);
        // Every third line ends between CR and LF.
        let late = if self.lines.is_multiple_of(3) { length - 1 } else { length };
        self.chunk(at, late.max(at), buffer);
        self.chunk(late.max(at), length, buffer);
    }

    /// Puts what is framed into the buffer, torn at `cuts`.
    fn pieces(&mut self, cuts: &[usize], buffer: &mut Buffer) {
        let mut from = 0;
        for &cut in cuts {
            self.chunk(from, cut, buffer);
            buffer.cut();
            from = cut;
        }
        self.chunk(from, self.framed.len(), buffer);
    }

    /// RFC 9112 §7.1; an empty chunk would end the body.
    fn chunk(&self, from: usize, to: usize, buffer: &mut Buffer) {
        let data = &self.framed[from..to];
        if data.is_empty() {
            return;
        }
        if self.chunked {
            let _ = write!(buffer.bytes, "{:x}\r\n", data.len());
        }
        buffer.bytes.extend_from_slice(data);
        if self.chunked {
            buffer.bytes.extend_from_slice(b"\r\n");
        }
    }
}
