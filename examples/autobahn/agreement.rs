//! Where the dissector's view of a case differs from what the suite says of it.

use crate::report::{Logged, Received, Report};
use crate::view::{Frame, Message, View};
use pushscope::session::Kind;
use pushscope::wire::Dir;
use std::collections::BTreeMap;

/// Every difference, in words.
pub fn faults(view: &View, report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    for dir in [Dir::Out, Dir::In] {
        let at = dir.index();
        let mut differs = |what: &str, ours: String, theirs: String| {
            let dir = dir.name();
            faults.push(format!("case {}, {dir}: {what}: {ours} for us, {theirs} for the suite", report.id));
        };
        if view.octets[at] != report.octets[at] {
            differs("bytes on the wire", view.octets[at].to_string(), report.octets[at].to_string());
        }
        let counted = count(view.frames[at].iter().map(|frame| frame.opcode));
        if let Some(expected) = on_the_wire(view, report, dir)
            && counted != expected
        {
            differs("frames by opcode", format!("{counted:?}"), format!("{expected:?}"));
        }
        for (ours, theirs) in view.frames[at].iter().zip(report.log[at].iter().flatten()) {
            if !same_frame(ours, theirs) {
                differs("a frame", format!("{ours:?}"), format!("{theirs:?}"));
            }
        }
        if let Some(bytes) = report.message_bytes
            && bytes[at] != view.message_bytes[at]
        {
            differs("bytes of messages", view.message_bytes[at].to_string(), bytes[at].to_string());
        }
    }
    let understood = view.messages[Dir::Out.index()].iter();
    for (ours, theirs) in understood.zip(&report.received) {
        if !same_message(ours, theirs) {
            faults.push(format!("case {}: we say that we sent {ours:?}, the suite got {theirs:?}", report.id));
        }
    }
    // We fail the connection where a rule was broken, and only there (RFC 6455 §7.1.7).
    let [ours, theirs] = &view.errors;
    if !ours.is_empty() {
        faults.push(format!("case {}: what we sent breaks rules: {ours:?}", report.id));
    }
    let is_failed = matches!(report.close_code, Some(1002 | 1007)) && report.close_code != view.asked_to_close;
    if is_failed == theirs.is_empty() {
        let code = report.close_code;
        faults.push(format!("case {}: close code {code:?} from us, and of what came in we say {theirs:?}", report.id));
    }
    faults
}

/// Whether the suite knows every frame of the case.
pub fn knows_frames(view: &View, report: &Report) -> bool {
    [Dir::Out, Dir::In].into_iter().all(|dir| on_the_wire(view, report, dir).is_some())
}

/// How many frames of each opcode the suite put on the wire, where it knows.
///
/// Where it sends in small pieces, it logs frames that it never gets to send, since we closed: its count of bytes is of
/// what went out. Of frames whose payload it makes up as it goes it logs none.
fn on_the_wire(view: &View, report: &Report, dir: Dir) -> Option<BTreeMap<u64, u64>> {
    let at = dir.index();
    let (Dir::In, Some(log)) = (dir, &report.log[at]) else { return Some(report.frames[at].clone()) };
    let mut left = report.octets[at].saturating_sub(view.upgrade_octets[at]);
    if left > log.iter().map(Logged::wire_bytes).sum() {
        return None;
    }
    Some(count(log.iter().map_while(|frame| {
        left = left.checked_sub(frame.wire_bytes())?;
        Some(frame.opcode)
    })))
}

fn count(opcodes: impl Iterator<Item = u64>) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for opcode in opcodes {
        *counts.entry(opcode).or_default() += 1;
    }
    counts
}

fn same_frame(ours: &Frame, theirs: &Logged) -> bool {
    (ours.opcode, ours.fin, ours.rsv, ours.is_masked, ours.len)
        == (theirs.opcode, theirs.fin, theirs.rsv, theirs.is_masked, theirs.len)
        && ours.beginning.starts_with(&theirs.beginning)
}

fn same_message(ours: &Message, theirs: &Received) -> bool {
    let kind = match theirs.what.as_str() {
        "ping" => Kind::WsPing,
        "pong" => Kind::WsPong,
        _ if theirs.is_binary => Kind::WsBinary,
        _ => Kind::WsText,
    };
    ours.kind == kind && ours.beginning.starts_with(&theirs.beginning)
}
