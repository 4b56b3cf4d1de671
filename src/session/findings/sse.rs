//! Event streams (WHATWG HTML §9.2): how they are labelled and framed, and how they end.

use super::buffered;
use super::chunks;
use super::head::Head;
use super::numbers;
use super::reports::{Reports, Told};
use super::rules::{COMPRESSED, CONTENT_LENGTH, CONTENT_TYPE, HTTP10, NO_FINAL_BLANK_LINE, Rule};
use super::seen::{Case, Seen, Talk};
use super::text::{quoted, this};
use super::{Confidence, Evidence};
use crate::dissect::{Flags, Kind, Severity};

/// Events of a link that are looked into.
const MOST_EVENTS: u32 = 4096;

/// The answer to a request that is no upgrade.
pub(super) fn answered(
    case: &Case,
    seen: &mut Seen,
    talk: &Talk,
    request: &Head,
    answer: &Head,
    reports: &mut Reports,
) {
    if answer.status != 200 {
        return;
    }
    let media_type = answer.media_type();
    if media_type != "text/event-stream" {
        // A page is the matter of another rule.
        if seen.is_for_events(talk) && media_type != "text/html" {
            wrong_type(case, seen, answer, "An event stream was asked for", reports);
        }
        return;
    }
    let mut tell =
        |rule: &'static Rule, severity, seen_text: String, means: &str, attempt: &str, evidence: Evidence| {
            let told = Told {
                rule,
                severity,
                confidence: Confidence::Certain,
                about: String::new(),
                seen: seen_text,
                means: means.to_owned(),
                attempt: attempt.to_owned(),
                evidence: vec![evidence],
            };
            reports.tell(case, told);
        };
    let whom = seen.whom();
    let coding = answer.value("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    if let Some(coding) = coding {
        tell(
            &COMPRESSED,
            Severity::Warning,
            format!("{whom} compresses the event stream (Content-Encoding: {coding})."),
            "A compressor waits for more before it gives bytes out, so events may come late and in lumps; Pushscope \
             shows such a stream as it is on the wire, without its events.",
            "Have compression turned off for text/event-stream (in nginx: leave it out of gzip_types), or the \
             compressor flushed after each event.",
            answer.evidence("Content-Encoding"),
        );
    }
    if let Some(length) = answer.value("content-length").filter(|_| answer.value("transfer-encoding").is_none()) {
        tell(
            &CONTENT_LENGTH,
            Severity::Warning,
            format!("{whom} names a length for the event stream (Content-Length: {length})."),
            "The stream ends after so many bytes: the server, or a proxy on the way, had collected the whole answer \
             before it sent it. Clients reconnect each time.",
            "Have the server write events as they come (chunked, without Content-Length), and buffering turned off on \
             the way (in nginx: proxy_buffering off, or the header X-Accel-Buffering: no).",
            answer.evidence("Content-Length"),
        );
    }
    if answer.version == "HTTP/1.0" && request.version == "HTTP/1.1" {
        // A server that knows nothing newer is slow to tell its end, and that is all.
        let via =
            answer.value("via").map(|via| format!(" The answer came by way of {}.", quoted(via))).unwrap_or_default();
        tell(
            &HTTP10,
            if via.is_empty() && seen.via.is_none() { Severity::Info } else { Severity::Warning },
            format!("HTTP/1.1 was asked and {whom} answered with HTTP/1.0.{via}"),
            "HTTP/1.0 has no chunks, so nobody can tell the end of the stream from a broken connection. Usually it is \
             a proxy that speaks HTTP/1.0 to the server, and many of those collect answers.",
            "Have the proxy speak HTTP/1.1 to the server (in nginx: proxy_http_version 1.1), or use https.",
            answer.first_line(),
        );
    }
}

fn wrong_type(case: &Case, seen: &Seen, answer: &Head, what: &str, reports: &mut Reports) {
    let found = match answer.value("content-type") {
        Some(value) => format!("the answer's Content-Type is {}", quoted(value)),
        None => "the answer has no Content-Type".to_owned(),
    };
    let told = Told {
        rule: &CONTENT_TYPE,
        severity: Severity::Error,
        confidence: Confidence::Certain,
        about: answer.media_type(),
        seen: format!("{what} from {}, and {found}.", seen.whom()),
        means: "A browser's EventSource gives up on any other type than text/event-stream.".to_owned(),
        attempt: "Have the server send “Content-Type: text/event-stream”; if it does, a proxy on the way changes it, \
                  and https keeps it from that. Otherwise check the address."
            .to_owned(),
        evidence: vec![answer.evidence("Content-Type")],
    };
    reports.tell(case, told);
}

/// An event or a line. Whether it was looked into.
pub(super) fn event(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) -> bool {
    seen.events = seen.events.saturating_add(1);
    let is_event = case.record.kind == Kind::SseEvent;
    if case.record.flags.has(Flags::INCOMPLETE) {
        if is_event {
            seen.cut_event = Some(case.id);
        }
        return false;
    }
    seen.numbers.came(case.id);
    numbers::compare(case, seen, talk, reports);
    if is_event && !std::mem::replace(&mut seen.has_events, true) {
        let answer = seen.answer.as_ref().filter(|answer| answer.media_type() != "text/event-stream");
        if let Some(answer) = answer.filter(|answer| !reports.has(seen.connection, &CONTENT_TYPE, &answer.media_type()))
        {
            wrong_type(case, seen, answer, "Events came", reports);
        }
    }
    if seen.events > MOST_EVENTS {
        return false;
    }
    chunks::event(case, seen, talk, reports);
    buffered::event(case, seen, reports)
}

/// The stream ended; where it ended inside an event, clients lose that.
pub(super) fn ended_inside(case: &Case, seen: &mut Seen, reports: &mut Reports) {
    let Some(event) = seen.cut_event.take() else { return };
    let told = Told {
        rule: &NO_FINAL_BLANK_LINE,
        severity: Severity::Warning,
        confidence: Confidence::Certain,
        about: String::new(),
        seen: format!("The answer of {} ended before the empty line that ends its last event.", seen.whom()),
        means: "Clients dispatch an event at its empty line and discard what has none (WHATWG HTML §9.2.6): the last \
                event never reaches the application."
            .to_owned(),
        attempt: "Have the server end each event, the last one too, with an empty line; if it does, something on the \
                  way cut the answer."
            .to_owned(),
        evidence: vec![
            Evidence { record: event, span: None, says: "this event has no empty line".to_owned() },
            this(case, "the answer ended"),
        ],
    };
    reports.tell(case, told);
}
