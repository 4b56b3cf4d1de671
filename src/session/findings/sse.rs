//! Event streams: how they are labelled and framed, whether they are held back, and what reconnections lose.

use super::head::Head;
use super::rules::{
    EVENTS_LOST, EVENTS_REPEATED, HTTP10, SSE_BUFFERED, SSE_COMPRESSED, SSE_HTTP10, SSE_LENGTH, SSE_NO_BLANK_LINE,
    SSE_TYPE,
};
use super::{Confidence, Evidence, Eye, Look, Said};
use crate::session::statistics::sent_time;
use crate::session::{Flags, Kind, LinkState, RecordId};
use crate::wire::{Dir, LinkId};

/// Events that came within so long of one another came together.
const TOGETHER_NS: u64 = 5_000_000;
/// Lumps nearer than this are no lumps.
const LEAST_GAP_NS: u64 = 250_000_000;
/// Events of a link that are looked at for lumps.
const MOST_EVENTS: usize = 512;
/// Lumps that must contradict their own times.
const ENOUGH_LUMPS: usize = 3;

/// What is kept of a stream.
#[derive(Default)]
pub(super) struct SseEye {
    events: usize,
    /// The lump that grows: when it came, what was sent when, how many comments are in it.
    lump: Lump,
    /// When the lump before it came.
    before_ns: Option<u64>,
    /// Lumps that were held back, and for how long at most.
    held: Vec<(RecordId, u64)>,
}

#[derive(Default)]
struct Lump {
    at_ns: u64,
    first: RecordId,
    count: usize,
    sent_ns: Option<(i128, i128)>,
    comments: usize,
}

/// The newest events of a connection, over its links.
#[derive(Default)]
pub(super) struct Resume {
    link: Option<LinkId>,
    last: [Option<RecordId>; 2],
}

/// An answer that is, or should be, an event stream.
pub(super) fn answer(look: &mut Look<'_>, eye: &Eye, request: Option<&Head>, answer: &Head, push_type: &str) {
    if eye.is_leg() {
        return;
    }
    let is_stream = answer.media_type() == "text/event-stream";
    let asked_10 = request.is_some_and(|request| request.version == "HTTP/1.0");
    if answer.version == "HTTP/1.0" && !asked_10 {
        http10(look, eye, answer, is_stream);
    }
    if push_type == "sse" && answer.status == 200 && !is_stream {
        let found = answer.field("content-type").map_or("is missing".to_owned(), |value| format!("is “{value}”"));
        say(look, &SSE_TYPE, Confidence::Certain, [
            format!("The answer of {} has status 200, and its Content-Type {found}.", eye.to),
            "A browser's EventSource takes text/event-stream and nothing else (WHATWG HTML §9.2.2): it fails for good and does not reconnect.".to_owned(),
            "Have the server send “Content-Type: text/event-stream”. If the server does, something in between answers in its place or rewrites it.".to_owned(),
        ], vec![answer.evidence("content-type")]);
    }
    if !is_stream {
        return;
    }
    if let Some(length) = answer.field("content-length") {
        say(look, &SSE_LENGTH, Confidence::Certain, [
            format!("The event stream of {} has a Content-Length of {length}.", eye.to),
            "Whoever wrote that head collected the whole answer first: the stream ends there, and nothing was sent while it grew.".to_owned(),
            "Turn buffering of answers off in the server's framework or in the proxy that adds the length.".to_owned(),
        ], vec![answer.evidence("content-length")]);
    }
    let encoding = answer.field("content-encoding").filter(|value| !value.eq_ignore_ascii_case("identity"));
    if let Some(encoding) = encoding {
        say(look, &SSE_COMPRESSED, Confidence::Certain, [
            format!("The event stream of {} is compressed ({encoding}).", eye.to),
            "A compressor holds bytes back until it has enough of them, unless it is flushed behind each event; events then come late and in lumps.".to_owned(),
            "Turn compression off for text/event-stream (nginx: leave it out of gzip_types; Express: a filter for compression()).".to_owned(),
        ], vec![answer.evidence("content-encoding")]);
    }
}

fn http10(look: &mut Look<'_>, eye: &Eye, answer: &Head, is_stream: bool) {
    if answer.field("via").is_some() {
        say(look, &SSE_HTTP10, Confidence::Likely, [
            format!("{} answered an HTTP/1.1 request by HTTP/1.0, with “Via: {}”.", eye.to, answer.field("via").unwrap_or_default()),
            "A proxy on the way speaks HTTP/1.0: no chunks, no upgrade, one answer a connection. Old proxies collect such answers before they hand them on.".to_owned(),
            "Have the proxy speak HTTP/1.1 to the server (nginx: proxy_http_version 1.1), or go past it by TLS.".to_owned(),
        ], vec![answer.status_evidence(), answer.evidence("via")]);
    } else {
        let what = if is_stream { "the event stream" } else { "the answer" };
        say(
            look,
            &HTTP10,
            Confidence::Certain,
            [
                format!("{} answers by HTTP/1.0.", eye.to),
                format!(
                    "There are no chunks in HTTP/1.0: {what} ends where the connection does, so that a cut cannot be told from the end."
                ),
                "Nothing, where the server is meant to be so; else look for an old proxy in between.".to_owned(),
            ],
            vec![answer.status_evidence()],
        );
    }
}

fn say(
    look: &mut Look<'_>,
    rule: &'static super::Rule,
    confidence: Confidence,
    text: [String; 3],
    evidence: Vec<Evidence>,
) {
    let [seen, means, attempt] = text;
    look.found(rule, Said { confidence, seen, means, attempt, evidence });
}

/// An event, a comment or a line.
pub(super) fn event(look: &mut Look<'_>, eye: &mut Eye, resume: &mut Resume) {
    if look.record.dir != Dir::In {
        return;
    }
    if look.record.flags.has(Flags::INCOMPLETE) {
        return unfinished(look, eye);
    }
    if look.record.kind == Kind::SseEvent {
        resume.event(look);
    }
    if eye.sse.events < MOST_EVENTS {
        lumps(look, eye);
    }
}

/// An event that has no end.
fn unfinished(look: &mut Look<'_>, eye: &Eye) {
    let by_us = look.session.link(eye.link).is_some_and(|link| match &link.state {
        LinkState::Closed(closed) => closed.by == Dir::Out,
        LinkState::Failed(_) => false,
        _ => false,
    });
    if by_us || look.record.kind != Kind::SseEvent {
        return;
    }
    let text = [
        format!("The stream of {} ended behind a line of an event, without the empty line that dispatches it.", eye.to),
        "Clients throw such an event away (WHATWG HTML §9.2.6), and nobody tells.".to_owned(),
        "Have the server end each event by an empty line also before it closes. If it does, something cut the stream."
            .to_owned(),
    ];
    let evidence = vec![look.here("the event that was not dispatched")];
    say(look, &SSE_NO_BLANK_LINE, Confidence::Certain, text, evidence);
}

/// Whether events come in lumps that their own times contradict.
fn lumps(look: &mut Look<'_>, eye: &mut Eye) {
    let at_ns = look.at_ns();
    let sse = &mut eye.sse;
    sse.events += 1;
    let is_new = sse.lump.count == 0 || at_ns.saturating_sub(sse.lump.at_ns) > TOGETHER_NS;
    if is_new {
        let whole = std::mem::replace(&mut sse.lump, Lump { at_ns, first: look.id, ..Lump::default() });
        if whole.count > 0 {
            sse.end_lump(&whole, at_ns);
        }
    }
    sse.lump.count += 1;
    if look.record.kind == Kind::SseComment {
        sse.lump.comments += 1;
    } else if let Some(sent) = sent_ns(look) {
        let (least, most) = sse.lump.sent_ns.unwrap_or((sent, sent));
        sse.lump.sent_ns = Some((least.min(sent), most.max(sent)));
    }
    if sse.held.len() >= ENOUGH_LUMPS {
        let held = std::mem::take(&mut sse.held);
        let longest = held.iter().map(|(_, ns)| *ns).max().unwrap_or(0) as f64 / 1e9;
        let text = [
            format!(
                "Events of {} come in lumps: {} of them held events that were sent up to {longest:.1} s apart, by their own times, and came at the same moment.",
                eye.to,
                held.len()
            ),
            "Something on the way (a reverse proxy, a scanner, compression) collects the answer and hands it on when its buffer is full or its time is up. Events are late by as much.".to_owned(),
            "Turn response buffering off where the stream passes (nginx: proxy_buffering off, or the header X-Accel-Buffering: no from the server). Past a box that cannot be changed: long polling, or WebSocket over TLS.".to_owned(),
        ];
        let evidence = held.iter().map(|(record, ns)| Evidence {
            record: *record,
            span: None,
            says: format!("a lump that spans {:.1} s of sending", *ns as f64 / 1e9),
        });
        let evidence = evidence.collect();
        say(look, &SSE_BUFFERED, Confidence::Likely, text, evidence);
    }
}

impl SseEye {
    /// A lump is whole: the next came at `next_ns`.
    fn end_lump(&mut self, lump: &Lump, next_ns: u64) {
        let since_ns = lump.at_ns.saturating_sub(self.before_ns.unwrap_or(lump.at_ns));
        let gap_ns = since_ns.min(next_ns.saturating_sub(lump.at_ns));
        let is_apart = self.before_ns.is_some() && gap_ns >= LEAST_GAP_NS;
        self.before_ns = Some(lump.at_ns);
        let spread_ns = lump.sent_ns.map_or(0, |(least, most)| u64::try_from(most - least).unwrap_or(0));
        // Most of what lies between two lumps was waited for: sending took as long as the lump was on its way.
        let is_held = spread_ns >= since_ns * 2 / 5 && spread_ns >= LEAST_GAP_NS / 2;
        // Heartbeats are sent apart by their nature.
        if lump.count >= 2 && is_apart && (is_held || lump.comments >= 2) {
            self.held.push((lump.first, spread_ns));
        }
    }
}

/// When an event says it was sent, in nanoseconds since 1970.
fn sent_ns(look: &Look<'_>) -> Option<i128> {
    (look.record.payload_len < 64 * 1024).then(|| sent_time(&look.session.explain(look.id).payload)).flatten()
}

impl Resume {
    /// An event: the first of a link is held against the last of the one before.
    fn event(&mut self, look: &mut Look<'_>) {
        let is_first = self.link.is_some_and(|link| link != look.link);
        self.link = Some(look.link);
        let [before, last] = self.last;
        self.last = [last, Some(look.id)];
        let (true, Some(before), Some(record)) = (is_first, before, last) else { return };
        let ids = (id_of(look, before), id_of(look, record), id_of(look, look.id));
        let (Some(before), Some(last), Some(id)) = ids else { return };
        // IDs that do not go up by one tell nothing.
        if before + 1 != last || id == last + 1 {
            return;
        }
        let evidence = vec![
            Evidence { record, span: None, says: format!("id {last}, the last before") },
            look.here(format!("id {id}, the first after")),
        ];
        let (rule, text) = if id > last {
            let text = [
                format!("Before the reconnection the last event was {last}; the first after it is {id}."),
                format!("{} events are missing: the server did not go on behind the Last-Event-ID, or keeps too few events.", id - last - 1),
                "See that the client sends Last-Event-ID (a proxy may drop it) and that the server keeps as many events as a reconnection takes.".to_owned(),
            ];
            (&EVENTS_LOST, text)
        } else {
            let text = [
                format!("Before the reconnection the last event was {last}; after it comes {id} again."),
                "The server does not go on behind the Last-Event-ID: events are delivered twice.".to_owned(),
                "Have the server read Last-Event-ID, or have the client drop IDs that it has seen.".to_owned(),
            ];
            (&EVENTS_REPEATED, text)
        };
        say(look, rule, Confidence::Likely, text, evidence);
    }
}

/// An event's ID, where it is a number.
fn id_of(look: &Look<'_>, record: RecordId) -> Option<u64> {
    let explained = look.session.explain_within(record, 16 * 1024);
    let field = explained.fields.iter().rfind(|field| field.def.key == "sse.id")?;
    look.session.field_text(&explained, field, 64).trim().parse().ok()
}
