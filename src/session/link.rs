//! A link as the session sees it: its stages, where its bytes lie, and its dissector with checkpoints.

use super::segments::{At, Segment, Segments};
use super::way::{Checkpoint, Step, Way};
use super::{Progresses, Records, Store};
use crate::dissect::websocket::Agreement;
use crate::dissect::{Dissector, Ending, Explained, Flags, Full, Kind, Pending, Record, Summary};
use crate::wire::{
    Challenge, Closed, ConnectionId, Dir, Event, Failure, LinkId, Opening, ProxyRole, Stage, TlsFacts, Via, What,
};
use std::ops::Range;

/// A dissector is kept at about every so many bytes or records of a link, so that explaining starts near.
const CHECKPOINT_BYTES: u64 = 64 * 1024;
const CHECKPOINT_RECORDS: usize = 2048;

/// Memory that the checkpoints of a link take at most, where dissectors are heavy because of what they inflate.
const CHECKPOINTS_LIMIT_BYTES: usize = 128 << 20;

/// Bytes that are fed between two looks whether to keep one.
const STEP_BYTES: usize = 16 * 1024;

/// Bytes after a record's start that are fed at most, beyond what was asked for, before it counts as too long.
const LONG_RECORD_BYTES: u64 = 256 * 1024;

/// How far a link is.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkState {
    /// The stage that is under way.
    At(Stage),
    /// Bytes have come from the server.
    Open,
    /// Closed without fault.
    Closed(Closed),
    /// Failed.
    Failed(Failure),
}

/// A stage that was passed, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
}

/// A link of a session.
pub struct Link {
    /// Its number.
    pub id: LinkId,
    /// The connection it was opened for.
    pub connection: ConnectionId,
    /// When it was opened, in nanoseconds since the recording began.
    pub opened_ns: u64,
    /// What was dialled.
    pub opening: Option<Opening>,
    /// What the TLS handshake settled.
    pub tls: Option<TlsFacts>,
    /// How far it is.
    pub state: LinkState,
    /// The stages that were passed, with their times.
    pub stages: Vec<StageTime>,
    /// What a proxy or the server asked of us last.
    pub challenge: Option<Challenge>,
    /// How far what we sent came, and when.
    pub progress: Progresses,
    dissector: Dissector,
    out: Summary,
    segments: [Segments; 2],
    len: [u64; 2],
    /// The number of the event after which a direction was finished.
    finished: [Option<(u64, Ending)>; 2],
    checkpoints: Vec<Checkpoint>,
    /// Bytes and records since the last checkpoint.
    since_checkpoint: (u64, usize),
    stage_began_ns: u64,
}

impl Link {
    pub(super) fn new(id: LinkId, at_ns: u64) -> Link {
        Link {
            id,
            connection: ConnectionId(0),
            opened_ns: at_ns,
            opening: None,
            tls: None,
            state: LinkState::At(Stage::Dns),
            stages: Vec::new(),
            challenge: None,
            progress: Progresses::default(),
            dissector: Dissector::http1(id),
            out: Summary::default(),
            segments: Default::default(),
            len: [0; 2],
            finished: [None; 2],
            checkpoints: Vec::new(),
            since_checkpoint: (0, 0),
            stage_began_ns: at_ns,
        }
    }

    pub(super) fn bytes(&mut self, dir: Dir, at_ns: u64, seq: u64, bytes: &[u8], records: &mut Records) {
        self.segments[dir.index()].push(Segment { start: self.len[dir.index()], at_ns, seq });
        self.len[dir.index()] += bytes.len() as u64;
        match (dir, &self.state) {
            (Dir::Out, LinkState::At(stage)) if *stage != Stage::Answer => {
                self.passed(Stage::Request, at_ns.saturating_sub(self.stage_began_ns), at_ns);
                self.state = LinkState::At(Stage::Answer);
            }
            (Dir::In, LinkState::At(_)) => {
                self.passed(Stage::Answer, at_ns.saturating_sub(self.stage_began_ns), at_ns);
                self.state = LinkState::Open;
            }
            _ => {}
        }
        for (number, step) in bytes.chunks(STEP_BYTES).enumerate() {
            if self.checkpoints.is_empty() || self.is_checkpoint_due() {
                let (dissector, worst) = (self.dissector.clone(), self.out.worst());
                self.checkpoints.push(Checkpoint { seq, skip: number * STEP_BYTES, dissector, worst });
                self.since_checkpoint = (0, 0);
                if let Some(most) = CHECKPOINTS_LIMIT_BYTES.checked_div(self.dissector.weight_bytes()) {
                    self.thin(most);
                }
            }
            self.dissector.feed(dir, step, &mut self.out);
            self.since_checkpoint.0 += step.len() as u64;
            self.since_checkpoint.1 += self.out.records.len();
            records.append(&mut self.out.records);
        }
    }

    /// Heavy checkpoints are farther apart, so that they take an eighth of what they stand for.
    fn is_checkpoint_due(&self) -> bool {
        let (since_bytes, since_records) = self.since_checkpoint;
        let weight = self.dissector.weight_bytes();
        since_bytes >= CHECKPOINT_BYTES.max(weight as u64 * 8) || since_records >= CHECKPOINT_RECORDS.max(weight / 10)
    }

    /// What client and server agreed on when they opened a WebSocket.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.dissector.agreement()
    }

    /// Says how many bytes a message may inflate to.
    pub(super) fn limit_inflating(&mut self, limit_bytes: u64) {
        self.dissector.limit_inflating(limit_bytes);
    }

    /// Where there are more than `most` checkpoints, lets go of every other one but the newest: what is long ago takes
    /// longer to explain from then on, and however long a link lives, they stay as many.
    pub(super) fn thin(&mut self, most: usize) {
        if self.checkpoints.len() > most {
            let (newest, mut at) = (self.checkpoints.len() - most / 4, 0);
            self.checkpoints.retain(|_| {
                at += 1;
                at > newest || at % 2 == 1
            });
        }
    }

    fn passed(&mut self, stage: Stage, took_ns: u64, at_ns: u64) {
        self.stages.push(StageTime { stage, took_ns });
        self.stage_began_ns = at_ns;
    }

    pub(super) fn fact(&mut self, event: &Event, seq: u64, fact: usize, records: &mut Records) {
        let mut dir = Dir::Out;
        let kind = match &event.what {
            What::Opening(opening) => {
                self.connection = opening.connection;
                if matches!(opening.via, Some(Via { role: ProxyRole::Inside(_), .. })) {
                    self.state = LinkState::At(Stage::Proxy);
                }
                self.opening = Some(opening.clone());
                Kind::Open
            }
            What::Tunnelled(tunnelled) => {
                self.passed(Stage::Proxy, tunnelled.took_ns, event.at_ns);
                let tls = self.opening.as_ref().is_some_and(|opening| opening.tls);
                self.state = LinkState::At(if tls { Stage::Tls } else { Stage::Request });
                Kind::Proxy
            }
            What::Challenged(challenge) => {
                self.challenge = Some(challenge.clone());
                Kind::Login
            }
            What::Progress(progress) => {
                self.progress.push(event.at_ns, *progress);
                return;
            }
            What::Resolved(resolved) => {
                self.passed(Stage::Dns, resolved.took_ns, event.at_ns);
                self.state = LinkState::At(Stage::Tcp);
                Kind::Dns
            }
            What::Connected(connected) => {
                self.passed(Stage::Tcp, connected.took_ns, event.at_ns);
                let tls = self.opening.as_ref().is_some_and(|opening| opening.tls);
                self.state = LinkState::At(if tls { Stage::Tls } else { Stage::Request });
                Kind::Tcp
            }
            What::Secured(tls) => {
                self.passed(Stage::Tls, tls.took_ns, event.at_ns);
                self.state = LinkState::At(Stage::Request);
                self.tls = Some(tls.clone());
                Kind::Tls
            }
            What::Stalled(_) => Kind::Stall,
            What::Ended(ended) => {
                self.finish(*ended, Ending::Sender, seq, records);
                return;
            }
            What::Failed(failure) => {
                self.finish(Dir::Out, Ending::Sender, seq, records);
                self.finish(Dir::In, Ending::Sender, seq, records);
                self.state = LinkState::Failed(failure.clone());
                Kind::Failed
            }
            What::Closed(closed) => {
                let ending = if closed.by == Dir::Out { Ending::Us } else { Ending::Sender };
                self.finish(Dir::Out, ending, seq, records);
                self.finish(Dir::In, ending, seq, records);
                self.state = LinkState::Closed(closed.clone());
                dir = closed.by;
                Kind::Closed
            }
            What::Client(_) => Kind::Client,
            What::Bytes(..) => return,
        };
        let worst = super::facts::severity(&event.what);
        let (link, detail, flags) = (self.id, fact as u32, Flags::default());
        records.push(Record { start: 0, len: 0, payload_len: 0, link, detail, kind, dir, worst, flags });
    }

    fn finish(&mut self, dir: Dir, ending: Ending, seq: u64, records: &mut Records) {
        if self.finished[dir.index()].is_none() {
            self.finished[dir.index()] = Some((seq, ending));
            self.dissector.finish(dir, ending, &mut self.out);
            records.append(&mut self.out.records);
        }
    }

    /// How many bytes of a direction are recorded.
    pub fn len_bytes(&self, dir: Dir) -> u64 {
        self.len[dir.index()]
    }

    /// The stretches that single reads or writes moved within `start..end`: first byte, length, time.
    pub fn reads(&self, dir: Dir, start: u64, end: u64) -> Vec<(u64, u64, u64)> {
        let pieces = self.pieces(dir, start).take_while(|(segment, _)| segment.start < end);
        pieces.map(|(segment, next)| (segment.start, next - segment.start, segment.at_ns)).collect()
    }

    /// The events that moved bytes `start..end` of a direction: number, first byte, one past the last.
    pub(super) fn events_within(&self, dir: Dir, start: u64, end: u64) -> impl Iterator<Item = (u64, u64, u64)> {
        let pieces = self.pieces(dir, start).take_while(move |(segment, _)| segment.start < end && start < end);
        pieces.map(|(segment, next)| (segment.seq, segment.start, next))
    }

    /// What single reads or writes moved within a time: when, and how many bytes.
    pub fn reads_within(&self, dir: Dir, range: Range<u64>) -> impl Iterator<Item = (u64, u64)> {
        let segments = &self.segments[dir.index()];
        let start = segments.get(segments.at_time(range.start)).map_or(u64::MAX, |segment| segment.start);
        let reads = self.pieces(dir, start).map(|(segment, next)| (segment.at_ns, next - segment.start));
        reads.take_while(move |(at_ns, _)| *at_ns < range.end).filter(move |(at_ns, _)| *at_ns >= range.start)
    }

    /// What the reads or writes of some events moved: event, time, and how many bytes.
    pub(super) fn reads_of(&self, dir: Dir, events: Range<u64>) -> impl Iterator<Item = (u64, u64, u64)> {
        let (segments, len) = (&self.segments[dir.index()], self.len[dir.index()]);
        let mut at = segments.at_event(events.start);
        std::iter::from_fn(move || {
            let segment = segments.get(at).filter(|segment| segment.seq < events.end)?;
            at = segments.after(at);
            let end = segments.get(at).map_or(len, |next| next.start);
            Some((segment.seq, segment.at_ns, end - segment.start))
        })
    }

    /// The segments from the one that holds byte `start` on, each with where it ends.
    fn pieces(&self, dir: Dir, start: u64) -> impl Iterator<Item = (Segment, u64)> {
        let (segments, len) = (&self.segments[dir.index()], self.len[dir.index()]);
        let mut at = segments.holding(start);
        std::iter::from_fn(move || {
            let segment = segments.get(at)?;
            at = segments.after(at);
            Some((segment, segments.get(at).map_or(len, |next| next.start)))
        })
    }

    /// The number of the newest event that moved bytes.
    pub fn last_moved(&self) -> Option<u64> {
        self.segments.iter().filter_map(|segments| Some(segments.last()?.seq)).max()
    }

    /// The read or write at a place of a direction, one past its last byte, and the place of the next.
    pub(super) fn read_at(&self, dir: Dir, at: At) -> Option<(Segment, u64, At)> {
        let segments = &self.segments[dir.index()];
        let (segment, after) = (segments.get(at)?, segments.after(at));
        Some((segment, segments.get(after).map_or(self.len[dir.index()], |next| next.start), after))
    }

    /// When byte `offset` of a direction was read or written, in nanoseconds since the recording began.
    pub fn at_ns(&self, dir: Dir, offset: u64) -> u64 {
        let segments = &self.segments[dir.index()];
        segments.get(segments.holding(offset)).map_or(self.opened_ns, |segment| segment.at_ns)
    }

    /// What has begun on a direction and is not complete: what, its first byte, how many bytes there are of it.
    pub fn pending(&self, dir: Dir) -> Option<(Pending, u64)> {
        let pending = self.dissector.pending(dir)?;
        Some((pending, self.len[dir.index()].saturating_sub(pending.start)))
    }

    /// The bytes of the event that moved byte `offset`, and the first of them.
    pub(super) fn piece(&self, dir: Dir, offset: u64, store: &Store) -> Option<(u64, bytes::Bytes)> {
        let segments = &self.segments[dir.index()];
        let segment = segments.get(segments.holding(offset))?;
        Some((segment.start, store.bytes(segment.seq)?))
    }

    pub(super) fn wire(&self, dir: Dir, start: u64, len: usize, store: &Store) -> Vec<u8> {
        let end = start.saturating_add(len as u64).min(self.len[dir.index()]);
        let mut bytes = Vec::with_capacity(end.saturating_sub(start).min(1 << 20) as usize);
        for (segment, _) in self.pieces(dir, start).take_while(|(segment, _)| segment.start < end) {
            let Some(piece) = store.bytes(segment.seq) else { break };
            let from = start.saturating_sub(segment.start) as usize;
            let to = ((end - segment.start) as usize).min(piece.len());
            bytes.extend_from_slice(piece.get(from..to).unwrap_or_default());
        }
        bytes
    }

    /// Everything said of a record of this link, from at most `limit_bytes` of its bytes; `None` where its bytes are
    /// not to be had. The flag says that the record was too long to be explained whole.
    pub(super) fn explain(&self, record: Record, limit_bytes: usize, store: &Store) -> Option<(Explained, bool)> {
        let before = |checkpoint: &Checkpoint| checkpoint.dissector.position(record.dir) <= record.start;
        let first = self.checkpoints.partition_point(before).checked_sub(1)?;
        let checkpoint = &self.checkpoints[first];
        let is_long = record.len > limit_bytes as u64 + LONG_RECORD_BYTES;
        let stop = if is_long { record.start + limit_bytes as u64 } else { u64::MAX };
        let mut begins = [u64::MAX; 2];
        begins[record.dir.index()] = record.start;
        let mut way = Way::from(checkpoint, begins, |worst| Full::only(record, limit_bytes).with_worst(worst));
        for step in self.steps_from(checkpoint) {
            let told = way.take(step, store, |full, dissector| {
                if let Some(explained) = full.explained.pop() {
                    return Some((explained, false));
                }
                let mut explained = (dissector.position(record.dir) >= stop).then(|| full.unfinished(record))??;
                explained.record.worst = record.worst;
                Some((explained, true))
            });
            if let Some(told) = told? {
                return Some(told);
            }
        }
        None
    }

    /// Everything said of a run of this link's records, which are in the order in which they were told; `None` for each
    /// that is too long to be explained in passing or whose bytes are not to be had.
    pub(super) fn explain_run(&self, run: &[Record], limit_bytes: usize, store: &Store) -> Vec<Option<Explained>> {
        let mut told: Vec<Option<Explained>> = vec![None; run.len()];
        let is_short = |record: &Record| record.len <= LONG_RECORD_BYTES;
        let Some(first) = run.iter().position(is_short) else { return told };
        // The checkpoint must lie before the first bytes of every record of the run, in both directions.
        let begins = |dir: Dir| run[first..].iter().filter(|r| r.dir == dir && is_short(r)).map(|r| r.start).min();
        let begins = [begins(Dir::Out).unwrap_or(u64::MAX), begins(Dir::In).unwrap_or(u64::MAX)];
        let before =
            |c: &Checkpoint| c.dissector.position(Dir::Out) <= begins[0] && c.dissector.position(Dir::In) <= begins[1];
        let Some(from) = self.checkpoints.partition_point(before).checked_sub(1) else { return told };
        let checkpoint = &self.checkpoints[from];
        let mut way = Way::from(checkpoint, begins, |worst| Full::every(self.id, limit_bytes).with_worst(worst));
        let mut next = first;
        for step in self.steps_from(checkpoint) {
            let is_done = way.take(step, store, |full, _| {
                for explained in full.explained.drain(..) {
                    while next < run.len() && !is_short(&run[next]) {
                        next += 1;
                    }
                    let is_next = |wanted: &Record| (Record { worst: wanted.worst, ..explained.record }) == *wanted;
                    if run.get(next).is_some_and(is_next) {
                        told[next] = Some(explained);
                        next += 1;
                    }
                }
                (next >= run.len()).then_some(())
            });
            if is_done.is_none_or(|is_done| is_done.is_some()) {
                return told;
            }
        }
        told
    }

    /// Everything said of a record, with at most `limit_bytes` of each buffer, but with all the places that they come from.
    pub(super) fn explain_places(&self, record: Record, limit_bytes: usize, store: &Store) -> Option<Explained> {
        let before = |checkpoint: &Checkpoint| checkpoint.dissector.position(record.dir) <= record.start;
        let first = self.checkpoints.partition_point(before).checked_sub(1)?;
        let checkpoint = &self.checkpoints[first];
        let mut begins = [u64::MAX; 2];
        begins[record.dir.index()] = record.start;
        let mut way = Way::from(checkpoint, begins, |worst| Full::only(record, limit_bytes).with_worst(worst));
        self.steps_from(checkpoint).find_map(|step| way.take(step, store, |full, _| full.explained.pop()).flatten())
    }

    /// Everything said of what has begun and is not complete, as if the link ended here.
    pub(super) fn explain_pending(&self, limit_bytes: usize, store: &Store) -> Vec<Explained> {
        let begins = [Dir::Out, Dir::In].map(|dir| self.pending(dir).map_or(u64::MAX, |(pending, _)| pending.start));
        let before =
            |c: &Checkpoint| c.dissector.position(Dir::Out) <= begins[0] && c.dissector.position(Dir::In) <= begins[1];
        if begins == [u64::MAX; 2] {
            return Vec::new();
        }
        let Some(first) = self.checkpoints.partition_point(before).checked_sub(1) else { return Vec::new() };
        let checkpoint = &self.checkpoints[first];
        let mut way = Way::from(checkpoint, begins, |worst| Full::every(self.id, limit_bytes).with_worst(worst));
        for step in self.steps_from(checkpoint) {
            way.take(step, store, |full, _| -> Option<()> {
                full.explained.clear();
                None
            });
        }
        let mut rest = Vec::new();
        for dir in [Dir::Out, Dir::In] {
            way.take(Step::Finish(dir, Ending::Us), store, |full, _| -> Option<()> {
                rest.append(&mut full.explained);
                None
            });
        }
        rest
    }

    /// What was fed to the dissector from a checkpoint on, in order.
    fn steps_from(&self, checkpoint: &Checkpoint) -> impl Iterator<Item = Step> {
        let Checkpoint { seq: first, skip, .. } = *checkpoint;
        let seq = first;
        let mut at = [Dir::Out, Dir::In].map(|dir| self.segments[dir.index()].at_event(seq));
        let mut finishes: Vec<(u64, Dir, Ending)> = [Dir::Out, Dir::In]
            .into_iter()
            .filter_map(|dir| self.finished[dir.index()].map(|(seq, ending)| (seq, dir, ending)))
            .filter(|(finished, _, _)| *finished >= seq)
            .collect();
        finishes.sort();
        finishes.reverse();
        std::iter::from_fn(move || {
            let segments = |dir: Dir| &self.segments[dir.index()];
            let next = |dir: Dir| segments(dir).get(at[dir.index()]).map_or(u64::MAX, |s| s.seq);
            let (out, inward) = (next(Dir::Out), next(Dir::In));
            let (dir, seq) = if out < inward { (Dir::Out, out) } else { (Dir::In, inward) };
            match finishes.last() {
                Some((finished, dir, ending)) if *finished < seq => {
                    let step = Step::Finish(*dir, *ending);
                    finishes.pop();
                    Some(step)
                }
                _ if seq == u64::MAX => None,
                _ => {
                    at[dir.index()] = segments(dir).after(at[dir.index()]);
                    Some(Step::Feed { dir, seq, skip: if seq == first { skip } else { 0 } })
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
