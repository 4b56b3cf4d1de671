//! Requests, answers and bodies: keeps how far a link is, and asks the rules that read heads.

use super::reports::Reports;
use super::seen::{Asked, Case, Phase, Seen, Talk};
use super::{buffered, chunks, login, numbers, poll, proxy, sse, tls, websocket};
use crate::dissect::Flags;

/// A request's head.
pub(super) fn request(case: &Case, seen: &mut Seen, talk: &mut Talk) {
    numbers::ended(case, seen, talk);
    let head = talk.head(case);
    // Of several requests that wait, nobody can tell here which is answered.
    let is_alone = seen.phase != Phase::Waiting;
    seen.request = head.filter(|_| is_alone);
    seen.asked_ns = case.at_ns();
    seen.phase = Phase::Waiting;
    poll::asked(seen, talk);
}

/// A final answer's head.
pub(super) fn answer(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) {
    let head = talk.head(case);
    let status = u16::try_from(case.record.detail).unwrap_or(0);
    seen.answered_ns = case.at_ns();
    seen.phase = match status {
        101 => Phase::WebSocket,
        204 | 304 => Phase::Idle,
        200..=299 if seen.request.as_ref().is_some_and(|request| request.method == "CONNECT") => Phase::Tunnel,
        _ => Phase::Body,
    };
    (seen.cut_body, seen.cut_event, seen.ended_open) = (None, None, false);
    (seen.has_events, seen.page) = (false, false);
    seen.lumps = buffered::Lumps::default();
    seen.chunks = chunks::Chunks::default();
    poll::answered(case, seen, talk, status, head.as_ref(), reports);
    if head.as_ref().is_some_and(|head| head.value("content-length") == Some("0")) {
        seen.phase = Phase::Idle;
    }
    seen.answer = head;
    let (Some(request), Some(answer)) = (seen.request.clone(), seen.answer.clone()) else { return };
    tls::dated(case, seen, &answer, reports);
    if status != 407 {
        login::accepted(case, talk, reports);
    }
    if status != 401 {
        login::accepted_by_server(case, talk, reports);
    }
    if request.method == "CONNECT" {
        return proxy::connect_answered(case, seen, &request, &answer, reports);
    }
    proxy::answered(case, seen, &answer, reports);
    proxy::page_begins(case, seen, talk, &answer, reports);
    if seen.is_upgrade() {
        websocket::answered(case, seen, &request, &answer, reports);
    } else if talk.asked != Asked::Polls && seen.purpose_is_stream() {
        sse::answered(case, seen, talk, &request, &answer, reports);
    }
}

/// A body ended.
pub(super) fn body(case: &Case, seen: &mut Seen, talk: &mut Talk, reports: &mut Reports) {
    buffered::finish(case, seen, reports);
    poll::ended(case, seen, talk, case.record.payload_len == 0, reports);
    proxy::page_ended(case, seen, talk, reports);
    if case.record.flags.has(Flags::INCOMPLETE) {
        seen.cut_body = Some(case.id);
        return;
    }
    match seen.answer.as_ref() {
        Some(answer) if answer.is_close_delimited() => seen.ended_open = true,
        Some(_) => sse::ended_inside(case, seen, reports),
        None => {}
    }
    seen.phase = Phase::Idle;
}
