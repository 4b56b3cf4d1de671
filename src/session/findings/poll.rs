//! Long polls that are not held: asked again and again, the server answers at once with nothing.

use super::Confidence;
use super::head::Head;
use super::reports::{Reports, Told};
use super::rules::LONGPOLL_BUSY;
use super::seen::{Case, Seen, Talk};
use super::text::{seconds, this};
use crate::dissect::Severity;

/// An answer that comes sooner was not held.
const AT_ONCE_NS: u64 = 250_000_000;

/// So many in a row make a finding.
const IN_A_ROW: u32 = 5;

/// The long polls of a connection.
#[derive(Default)]
pub(super) struct Polls {
    /// Answers in a row that came at once and brought nothing.
    empty: u32,
    slowest_ns: u64,
    /// An answer that came at once, whose body tells whether it brought anything.
    is_open: bool,
}

fn is_long_poll(seen: &Seen) -> bool {
    seen.purpose.starts_with("long poll")
}

/// A request.
pub(super) fn asked(seen: &Seen, talk: &mut Talk) {
    if is_long_poll(seen) {
        talk.polls.is_open = false;
    }
}

/// An answer's head.
pub(super) fn answered(
    case: &Case,
    seen: &Seen,
    talk: &mut Talk,
    status: u16,
    head: Option<&Head>,
    reports: &mut Reports,
) {
    if !is_long_poll(seen) {
        return;
    }
    let took_ns = seen.answered_ns.saturating_sub(seen.asked_ns);
    let is_empty = status == 204 || head.is_some_and(|head| head.value("content-length") == Some("0"));
    // Whether anything is new is what a status of 304 tells: such polls are not meant to be held.
    if took_ns >= AT_ONCE_NS || !matches!(status, 200 | 204) {
        talk.polls = Polls::default();
        return;
    }
    talk.polls.slowest_ns = talk.polls.slowest_ns.max(took_ns);
    talk.polls.is_open = !is_empty;
    if is_empty {
        count(case, seen, talk, status, reports);
    }
}

/// An answer's body ended.
pub(super) fn ended(case: &Case, seen: &Seen, talk: &mut Talk, is_empty: bool, reports: &mut Reports) {
    if !is_long_poll(seen) || !std::mem::take(&mut talk.polls.is_open) {
        return;
    }
    match is_empty {
        true => count(case, seen, talk, 200, reports),
        false => talk.polls = Polls::default(),
    }
}

fn count(case: &Case, seen: &Seen, talk: &mut Talk, status: u16, reports: &mut Reports) {
    talk.polls.empty += 1;
    if talk.polls.empty < IN_A_ROW {
        return;
    }
    let slowest_ns = std::mem::take(&mut talk.polls).slowest_ns;
    reports.tell(
        case,
        Told {
            rule: &LONGPOLL_BUSY,
            severity: Severity::Warning,
            confidence: Confidence::Likely,
            about: String::new(),
            seen: format!(
                "{} answered {IN_A_ROW} long polls in a row within {} and with nothing in them (status {status}).",
                seen.whom(),
                seconds(slowest_ns)
            ),
            means: "The server does not hold the request until there is something to say, or a proxy answers for it. \
                    A client that asks again at once keeps both busy, and one that waits learns of news late."
                .to_owned(),
            attempt: "Check whether the server needs a parameter that makes it wait (such as timeout or wait) and the \
                      cursor of the last answer; otherwise use plain polling with an interval."
                .to_owned(),
            evidence: vec![this(
                case,
                format!("answered after {} with nothing", seconds(seen.answered_ns.saturating_sub(seen.asked_ns))),
            )],
        },
    );
}
