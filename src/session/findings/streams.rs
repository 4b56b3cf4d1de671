//! Streams of any kind: where chunks and events end, and answers that were cut off.

use super::rules::{CHUNKS, TRUNCATED};
use super::{Confidence, Eye, Look, Said};
use crate::session::{Flags, Kind, RecordId, Severity};
use crate::wire::Dir;

/// Records of a link that are looked at for their borders.
const MOST_PIECES: u64 = 4096;

/// The newest event and chunk of a link.
#[derive(Default)]
pub(super) struct Pieces {
    seen: u64,
    told: bool,
    /// The newest event: its wire bytes and its record.
    event: Option<(u64, u64, RecordId)>,
    /// Events that ended since the newest chunk did.
    events: u64,
}

/// A chunk, an event or a line.
pub(super) fn piece(look: &mut Look<'_>, pieces: &mut Pieces) {
    pieces.seen += 1;
    if pieces.told || pieces.seen > MOST_PIECES || look.record.dir != Dir::In {
        return;
    }
    let (start, end) = (look.record.start, look.record.end());
    if look.record.kind != Kind::HttpChunk {
        pieces.event = Some((start, end, look.id));
        pieces.events += 1;
        return;
    }
    let events = std::mem::take(&mut pieces.events);
    let Some((first, last, record)) = pieces.event else { return };
    let seen = if first < start && start < last && last <= end {
        "An event is cut in two by the border between two chunks."
    } else if events >= 2 && start <= first {
        "One chunk carries several events."
    } else {
        return;
    };
    pieces.told = true;
    let mut event = look.here("the event");
    event.record = record;
    let evidence = vec![event, look.here("the chunk")];
    look.found(&CHUNKS, Said {
        confidence: Confidence::Certain,
        seen: seen.to_owned(),
        means: "Chunks are the transport's framing and may be cut and joined by anyone on the way (RFC 9112 §7.1): they say nothing about messages.".to_owned(),
        attempt: "Nothing, if the client reads by the stream's own framing (the empty line, the line end). A client that takes each chunk for a message breaks here.".to_owned(),
        evidence,
    });
}

/// A body that ended.
pub(super) fn body(look: &mut Look<'_>, eye: &Eye) {
    if look.record.dir != Dir::In
        || look.record.worst < Severity::Error
        || !look.record.flags.has(Flags::INCOMPLETE) && !is_cut(look)
    {
        return;
    }
    let bytes = look.record.payload_len;
    let seen = format!("The answer of {} ended after {bytes} bytes, before it was complete.", eye.to);
    let means = "Whoever sends it stopped in the middle: the server or a proxy was restarted, ran into a limit of size or time, or failed. Clients that do not look take the piece for the whole.";
    let attempt = "Look at how long and how much it was when it ended, here and in another try: a round time or size points to a limit (nginx: proxy_read_timeout, proxy_max_temp_file_size; a balancer's idle timeout). See the logs of server and proxy at that moment.";
    let evidence = vec![look.here("the body that was cut off")];
    look.found(
        &TRUNCATED,
        Said { confidence: Confidence::Certain, seen, means: means.to_owned(), attempt: attempt.to_owned(), evidence },
    );
}

fn is_cut(look: &Look<'_>) -> bool {
    let explained = look.session.explain_within(look.id, 1024);
    explained.notes.iter().any(|note| matches!(note.def.key, "http.no-last-chunk" | "http.ended-in-body"))
}
