//! Events that something on the way collects: they come in lumps, although they say that they were sent one by one.
//!
//! A server may send bursts, so lumps alone say nothing: the times of sending that the events carry must contradict the
//! times of their coming; or, less sure, heartbeats must have been caught between them.

use super::reports::{Reports, Told};
use super::rules::BUFFERED;
use super::seen::{Case, Seen};
use super::text::seconds;
use super::{Confidence, Evidence};
use crate::dissect::{Flags, Kind, Severity};
use crate::session::RecordId;
use crate::session::payloads::Payloads;
use serde_json::Value as Json;
use std::borrow::Cow;

/// What comes within so long comes together.
const TOGETHER_NS: u64 = 5_000_000;

/// Lumps are so far apart at least; those without times of sending farther.
const LEAST_GAP_NS: u64 = 100_000_000;
const LEAST_GAP_UNTIMED_NS: u64 = 500_000_000;

/// So many lumps in a row make a finding.
const LUMPS: usize = 3;

/// Bytes of a payload in which the time of sending is looked for.
const PAYLOAD_BYTES: usize = 16 * 1024;

/// Messages of a body that are explained for it, because they do not lie in one piece.
const MOST_EXPLAINED: u32 = 256;

/// Where a message may say when it was sent.
const SENT_KEYS: &[&str] =
    &["sent_ns", "sent_ms", "sent_at", "sent", "timestamp_ns", "timestamp_ms", "timestamp", "time", "ts", "at"];

/// What came together.
#[derive(Clone, Copy, Debug, Default)]
struct Lump {
    first_ns: u64,
    last_ns: u64,
    events: u32,
    comments: u32,
    /// A comment came behind an event, and an event behind that.
    is_comment_last: bool,
    has_comment_between: bool,
    /// The earliest and the latest time of sending.
    sent: Option<(i128, i128)>,
    /// The first and the last event.
    first: RecordId,
    last: RecordId,
}

impl Lump {
    fn spread_ns(&self) -> Option<u64> {
        self.sent.and_then(|(first, last)| u64::try_from(last - first).ok())
    }

    /// Whether the events were sent over most of a time, by what they say themselves.
    fn was_sent_over(&self, gap_ns: u64) -> bool {
        // Of two events, sent evenly, one is sent half the time after the other.
        let least = if self.events == 2 { gap_ns / 100 * 45 } else { gap_ns / 10 * 6 };
        self.spread_ns().is_some_and(|spread| spread >= least && spread <= gap_ns.saturating_mul(2))
    }

    /// Whether heartbeats were caught with the events: nobody sends those in the middle of a burst.
    fn has_caught_heartbeats(&self) -> bool {
        self.sent.is_none() && (self.has_comment_between || self.comments >= 2)
    }
}

/// The lumps of a body.
#[derive(Default)]
pub(super) struct Lumps {
    now: Option<Lump>,
    /// The newest of those that are complete, oldest first.
    done: Vec<Lump>,
    is_told: bool,
    explained: u32,
}

/// An event or line. Whether it was looked into.
pub(super) fn event(case: &Case, seen: &mut Seen, reports: &mut Reports) -> bool {
    if seen.lumps.is_told || !seen.purpose_is_stream() {
        return false;
    }
    let at_ns = case.at_ns();
    begin(case, seen, at_ns, reports);
    let sent = sent_ns(case, &mut seen.lumps.explained);
    if let Some(now) = &mut seen.lumps.now {
        now.first = if now.events == 0 { case.id } else { now.first };
        now.last = case.id;
        now.events += 1;
        now.has_comment_between |= now.is_comment_last;
        now.last_ns = at_ns;
        if let Some(sent) = sent {
            let (first, last) = now.sent.unwrap_or((sent, sent));
            now.sent = Some((first.min(sent), last.max(sent)));
        }
    }
    true
}

/// A comment, which is a heartbeat.
pub(super) fn comment(case: &Case, seen: &mut Seen) {
    // The empty line behind a comment is one of its own.
    if seen.lumps.is_told || !case.record.flags.has(Flags::MESSAGE) {
        return;
    }
    let at_ns = case.at_ns();
    match &mut seen.lumps.now {
        Some(now) if at_ns.saturating_sub(now.last_ns) <= TOGETHER_NS => {
            now.comments += 1;
            now.is_comment_last = now.events > 0;
            now.last_ns = at_ns;
        }
        now => {
            let done = now.replace(Lump { first_ns: at_ns, last_ns: at_ns, comments: 1, ..Lump::default() });
            seen.lumps.done.extend(done.filter(|lump| lump.events > 0));
            seen.lumps.shorten();
        }
    }
}

/// Begins a lump where the last is over.
fn begin(case: &Case, seen: &mut Seen, at_ns: u64, reports: &mut Reports) {
    let is_together = seen.lumps.now.is_some_and(|now| at_ns.saturating_sub(now.last_ns) <= TOGETHER_NS);
    if !is_together {
        finish(case, seen, reports);
        seen.lumps.now = Some(Lump { first_ns: at_ns, last_ns: at_ns, ..Lump::default() });
    }
}

impl Lumps {
    fn shorten(&mut self) {
        let gone = self.done.len().saturating_sub(LUMPS);
        self.done.drain(..gone);
    }
}

/// The lump at hand is complete: do the last ones make a finding?
pub(super) fn finish(case: &Case, seen: &mut Seen, reports: &mut Reports) {
    if seen.lumps.is_told {
        return;
    }
    let done = seen.lumps.now.take().filter(|lump| lump.events > 0);
    seen.lumps.done.extend(done);
    seen.lumps.shorten();
    let [first, second, third] = seen.lumps.done[..] else { return };
    let lumps = [first, second, third];
    let gaps = [second.first_ns.saturating_sub(first.first_ns), third.first_ns.saturating_sub(second.first_ns)];
    let (least, most) = (gaps[0].min(gaps[1]), gaps[0].max(gaps[1]));
    let is_steady = least >= LEAST_GAP_NS && most <= least.saturating_add(least / 2);
    let are_lumps = lumps.iter().all(|lump| lump.events >= 2 && lump.last_ns - lump.first_ns <= least / 4);
    if !is_steady || !are_lumps {
        return;
    }
    let gap_ns = least.midpoint(most);
    let confidence = if lumps.iter().all(|lump| lump.was_sent_over(gap_ns)) {
        Confidence::Likely
    } else if least >= LEAST_GAP_UNTIMED_NS && lumps.iter().all(Lump::has_caught_heartbeats) {
        Confidence::Possible
    } else {
        return;
    };
    seen.lumps.is_told = true;
    tell(case, seen, &lumps, gap_ns, confidence, reports);
}

fn tell(case: &Case, seen: &Seen, lumps: &[Lump; LUMPS], gap_ns: u64, confidence: Confidence, reports: &mut Reports) {
    let events: Vec<String> = lumps.iter().map(|lump| lump.events.to_string()).collect();
    let newest = &lumps[LUMPS - 1];
    let together = match newest.last_ns - newest.first_ns {
        0 => "in one read".to_owned(),
        ns => format!("within {}", seconds(ns)),
    };
    let why = match newest.spread_ns().filter(|_| confidence == Confidence::Likely) {
        Some(spread) => format!(
            "by the times that they carry, those of one lump were sent over {}, and all of them came {together}",
            seconds(spread)
        ),
        None => "heartbeats were caught between events, which a server sends only when nothing else is to be sent"
            .to_owned(),
    };
    let via = seen.answer.as_ref().and_then(|answer| answer.value("via").map(|via| format!(" (Via: {via})")));
    reports.tell(
        case,
        Told {
            rule: &BUFFERED,
            severity: Severity::Warning,
            confidence,
            about: String::new(),
            seen: format!(
                "Events from {} come in lumps of {} about every {}: {why}.",
                seen.whom(),
                events.join(", "),
                seconds(gap_ns)
            ),
            means: format!(
                "Something between the server's program and us{} collects the answer and hands it on when a buffer is \
                 full or a time is over: a reverse proxy, a filter that scans for viruses, or a compressor.",
                via.unwrap_or_default()
            ),
            attempt: "Have the server send “X-Accel-Buffering: no” and “Cache-Control: no-transform”, turn buffering \
                      off in the proxy before it (in nginx: proxy_buffering off), and use https, so that filters on \
                      the way cannot read and hold the stream."
                .to_owned(),
            evidence: lumps.iter().flat_map(ends).collect(),
        },
    );
}

/// The first and the last event of a lump.
fn ends(lump: &Lump) -> [Evidence; 2] {
    let place = |record, says: &str| Evidence { record, span: None, says: says.to_owned() };
    [place(lump.first, "the first of a lump"), place(lump.last, "its last, which came with it")]
}

/// When a message says that it was sent, in nanoseconds. `explained` counts those that did not lie in one piece.
fn sent_ns(case: &Case, explained: &mut u32) -> Option<i128> {
    if !matches!(case.record.kind, Kind::SseEvent | Kind::Line) {
        return None;
    }
    let mut payloads = Payloads::new(case.session);
    let payload = match payloads.of(&case.record, PAYLOAD_BYTES) {
        Some(payload) => payload,
        None if *explained < MOST_EXPLAINED => {
            *explained += 1;
            Cow::Owned(case.session.explain_within(case.id, PAYLOAD_BYTES).payload)
        }
        None => return None,
    };
    if payload.first() != Some(&b'{') {
        return None;
    }
    let Json::Object(object) = serde_json::from_slice(&payload).ok()? else { return None };
    SENT_KEYS.iter().find_map(|key| time_ns(key, object.get(*key)?))
}

fn time_ns(key: &str, value: &Json) -> Option<i128> {
    let number = match value {
        Json::Number(number) => number.as_f64().map(|float| (number.as_i64(), float)),
        Json::String(text) => {
            if let Ok(time) = text.trim().parse::<jiff::Timestamp>() {
                return Some(time.as_nanosecond());
            }
            text.trim().parse::<f64>().ok().map(|float| (text.trim().parse().ok(), float))
        }
        _ => None,
    };
    let (whole, float) = number.filter(|(_, float)| float.is_finite() && float.abs() < 1e20)?;
    let factor: i64 = match float.abs() {
        _ if key.ends_with("_ns") => 1,
        _ if key.ends_with("_ms") => 1_000_000,
        // A time of our days in seconds, milliseconds, microseconds, nanoseconds; less is no time since 1970.
        ..1e8 => return None,
        ..1e11 => 1_000_000_000,
        ..1e14 => 1_000_000,
        ..1e17 => 1_000,
        _ => 1,
    };
    Some(whole.map_or((float * factor as f64) as i128, |whole| i128::from(whole) * i128::from(factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_however_they_are_written() {
        let moment = Some(1_763_697_600_250_000_000);
        assert_eq!(time_ns("sent_ns", &json!(1_763_697_600_250_000_000_i64)), moment);
        assert_eq!(time_ns("timestamp", &json!(1_763_697_600_250_i64)), moment);
        assert_eq!(time_ns("at", &json!("2025-11-21T04:00:00.25Z")), moment);
        assert_eq!(time_ns("time", &json!("1763697600250")), moment);
        assert_eq!(time_ns("time", &json!(12)), None, "no time since 1970");
        assert_eq!(time_ns("at", &json!("soon")), None);
        assert_eq!(time_ns("at", &json!(null)), None);
    }
}
