//! What goes along with a secret in compressed messages: bytes that are copies of the same literal, counted by inflating
//! both what was and what will be.

use super::lanes::Lanes;
use super::texts::Source;
use crate::dissect::{Flags, Inflate, Told, unmask};
use crate::session::{RecordId, Session};
use crate::wire::{Dir, LinkId};
use std::collections::{HashMap, HashSet};

/// Records that are explained together.
const STRETCH: usize = 1024;

/// Bytes of a record that are compared, at most.
const LOOK_LIMIT_BYTES: usize = 16 << 20;

/// How many bytes of compressed messages will differ, but for those of messages that go as a whole.
pub(super) fn differing(session: &Session, lanes: &Lanes, whole: &HashSet<RecordId>) -> u64 {
    let mut twins: HashMap<(LinkId, Dir), [Inflate; 2]> = HashMap::new();
    let mut differing = 0;
    let is_wanted = |id: &RecordId| {
        let record = &session.records()[*id];
        record.flags.has(Flags::COMPRESSED) && lanes.get(record.link, record.dir).is_some_and(|lane| lane.turns())
    };
    let ids: Vec<RecordId> = (0..session.records().len()).filter(is_wanted).collect();
    for stretch in ids.chunks(STRETCH).flat_map(|ids| session.stretches(ids, LOOK_LIMIT_BYTES)) {
        for (id, explained) in stretch.iter().zip(session.explain_all(stretch, LOOK_LIMIT_BYTES)) {
            let record = explained.record;
            let field = explained.fields.iter().find(|field| field.def.key == "websocket.compressed");
            let lane = lanes.get(record.link, record.dir);
            let (Some(field), Some(lane), Some(link)) = (field, lane, session.link(record.link)) else { continue };
            let source = Source::new(session, &explained);
            let runs = source.runs(field);
            let (old, mut new) = (source.plain(&runs), Vec::new());
            for run in &runs {
                let mut bytes = session.wire(record.link, record.dir, run.wire, run.len as usize);
                lane.change(run.wire, &mut bytes);
                unmask(&mut bytes, run.key);
                new.append(&mut bytes);
            }
            let deflate = link.agreement().and_then(|agreed| agreed.deflate.as_ref());
            let keep = deflate.is_none_or(|deflate| deflate.has_context_takeover(record.dir));
            let twins = twins.entry((record.link, record.dir)).or_default();
            let [old, new] = [inflated(&mut twins[0], &old, keep), inflated(&mut twins[1], &new, keep)];
            if !whole.contains(id) {
                differing += old.iter().zip(&new).filter(|(old, new)| old != new).count() as u64;
            }
        }
    }
    differing
}

fn inflated(inflate: &mut Inflate, content: &[u8], keep: bool) -> Vec<u8> {
    let mut out = Vec::new();
    inflate.begin(keep);
    let mut each = |told: Told| {
        if let Told::Bytes(bytes) = told {
            out.extend_from_slice(&bytes[..bytes.len().min(LOOK_LIMIT_BYTES - out.len().min(LOOK_LIMIT_BYTES))]);
        }
        true
    };
    // A message that cannot be inflated is compared as far as it can.
    let _ = inflate.feed(content, &mut each).and_then(|()| inflate.end(&mut each));
    out
}
