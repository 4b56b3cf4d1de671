//! The laws of DESIGN.md as checks that every dissector's tests and the fuzz targets call.

#[cfg(test)]
use super::Kind;
use super::hixie::Hixie;
use super::{Dissector, Ending, Explained, Flags, Full, Layer, Record, Sink, Summary, WebSocket};
use crate::wire::{Buf, Dir, LinkId};

/// A conversation: who said which bytes, in order.
pub type Script = Vec<(Dir, Vec<u8>)>;

/// A dissector under test: it is fed a direction's bytes and told when the direction ends.
pub trait Subject: Clone {
    /// More bytes, which begin at byte `start` of the direction.
    fn feed(&mut self, dir: Dir, start: u64, bytes: &[u8], out: &mut impl Sink);
    /// The direction ended after `end` bytes.
    fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink);
}

impl Subject for Dissector {
    fn feed(&mut self, dir: Dir, _start: u64, bytes: &[u8], out: &mut impl Sink) {
        Dissector::feed(self, dir, bytes, out);
    }

    fn finish(&mut self, dir: Dir, _end: u64, out: &mut impl Sink) {
        Dissector::finish(self, dir, Ending::Sender, out);
    }
}

impl Subject for WebSocket {
    fn feed(&mut self, dir: Dir, start: u64, bytes: &[u8], out: &mut impl Sink) {
        WebSocket::feed(self, dir, start, bytes, out);
    }

    fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink) {
        WebSocket::finish(self, dir, end, out);
    }
}

impl Subject for Hixie {
    fn feed(&mut self, dir: Dir, start: u64, bytes: &[u8], out: &mut impl Sink) {
        Hixie::feed(self, dir, start, bytes, out);
    }

    fn finish(&mut self, dir: Dir, end: u64, out: &mut impl Sink) {
        Hixie::finish(self, dir, end, out);
    }
}

/// The link that law checks run on.
pub const LINK: LinkId = LinkId(1);

/// The records of a script, each read cut into pieces of the given sizes (repeating).
pub fn records(subject: &impl Subject, script: &Script, sizes: &[usize]) -> Vec<Record> {
    let mut out = Summary::default();
    drive(subject, script, sizes, &mut out, |_, _, _, _| {});
    out.records
}

/// Everything said of a script.
pub fn explain(subject: &impl Subject, script: &Script, sizes: &[usize]) -> Vec<Explained> {
    let mut out = Full::every(LINK, usize::MAX);
    drive(subject, script, sizes, &mut out, |out, dir, start, bytes| out.saw(dir, start, bytes));
    out.explained
}

fn drive<S: Sink>(
    subject: &impl Subject,
    script: &Script,
    sizes: &[usize],
    out: &mut S,
    saw: impl Fn(&mut S, Dir, u64, &[u8]),
) {
    let mut subject = subject.clone();
    let mut at = [0u64; 2];
    let mut sizes = sizes.iter().copied().cycle();
    for (dir, bytes) in script {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
            let (now, later) = rest.split_at(size);
            saw(out, *dir, at[dir.index()], now);
            subject.feed(*dir, at[dir.index()], now, out);
            at[dir.index()] += size as u64;
            rest = later;
        }
    }
    for dir in [Dir::Out, Dir::In] {
        subject.finish(dir, at[dir.index()], out);
    }
}

/// Law 1: however reads cut the bytes, records, fields and notes are the same. Sizes to try beside one byte at a time.
#[track_caller]
pub fn split_invariance(subject: &impl Subject, script: &Script, sizes: &[usize]) {
    let whole = records(subject, script, &[usize::MAX]);
    let told = explain(subject, script, &[usize::MAX]);
    for sizes in [&[1][..], &[2, 3][..], sizes] {
        assert_eq!(records(subject, script, sizes), whole, "records differ when reads are cut by {sizes:?}");
        assert_eq!(explain(subject, script, sizes), told, "fields differ when reads are cut by {sizes:?}");
    }
    let full: Vec<Record> = told.iter().map(|explained| explained.record).collect();
    assert_eq!(full, whole, "the full pass tells other records than the summary pass");
    what_filters_rely_on(script, &told);
}

/// A payload that is said to lie on the wire in one piece lies there, and records have only fields that they can have.
#[track_caller]
fn what_filters_rely_on(script: &Script, told: &[Explained]) {
    let wire = |dir: Dir| script.iter().filter(|(d, _)| *d == dir).flat_map(|(_, bytes)| bytes).copied().collect();
    let wire: [Vec<u8>; 2] = [wire(Dir::Out), wire(Dir::In)];
    for explained in told {
        let record = explained.record;
        for field in &explained.fields {
            assert!(super::can_have(record.kind, field.def.key), "{:?} has a field {}", record.kind, field.def.key);
            if let Some(value) = super::value_in_record(&record, field.def.key) {
                assert_eq!(value, field.value, "{} of {record:?}", field.def.key);
            }
        }
        let Some(at) = record.payload_in_place() else { continue };
        let (at, len, wire) = (at as usize, record.payload_len as usize, &wire[record.dir.index()]);
        let mut found = wire[at..at + len].to_vec();
        if record.flags.has(Flags::MASKED) {
            super::unmask(&mut found, [wire[at - 4], wire[at - 3], wire[at - 2], wire[at - 1]]);
        }
        assert!(found == explained.payload, "the payload of {record:?} is not in place");
    }
}

/// Law 2: on the wire and on every derived buffer, the leaves of a layer cover every bit exactly once.
#[track_caller]
pub fn tiling(subject: &impl Subject, script: &Script) {
    let told = explain(subject, script, &[usize::MAX]);
    for dir in [Dir::Out, Dir::In] {
        let total: u64 = script.iter().filter(|(d, _)| *d == dir).map(|(_, bytes)| bytes.len() as u64 * 8).sum();
        let mut leaves: Vec<(u64, u64)> = told
            .iter()
            .flat_map(|explained| leaves(explained, Layer::Wire))
            .filter(|(buf, _, _)| *buf == Buf::Wire(LINK, dir))
            .map(|(_, bit, bits)| (bit, bits))
            .collect();
        leaves.sort();
        assert_covers(&leaves, 0, total, &format!("the wire, {}", dir.name()));
    }
    for explained in &told {
        for layer in [Layer::Content, Layer::Control, Layer::Inflated] {
            let leaves = leaves(explained, layer);
            let Some((buf, first, _)) = leaves.iter().min_by_key(|leaf| leaf.1).copied() else { continue };
            let mut runs: Vec<(u64, u64)> = leaves.iter().map(|(_, bit, bits)| (*bit, *bits)).collect();
            runs.sort();
            let end = runs.iter().map(|(bit, bits)| bit + bits).max().unwrap_or(first);
            let (first, end) = match buf {
                Buf::Made(n) => (0, explained.made[n as usize].bytes.len() as u64 * 8),
                Buf::Wire(..) => (first, end),
            };
            assert_covers(&runs, first, end, &format!("{:?} of {:?}", layer, explained.record));
        }
        // A record of a made buffer points back at the wire for every byte of it, inside its own span.
        for made in explained.made.iter().filter(|made| made.label != "inflated") {
            let len: u64 = made.from.iter().map(|piece| piece.len).sum();
            assert_eq!(len, made.bytes.len() as u64, "a derived buffer's pieces cover it");
            for piece in &made.from {
                assert!(piece.wire >= explained.record.start && piece.wire + piece.len <= explained.record.end());
            }
        }
    }
}

fn leaves(explained: &Explained, layer: Layer) -> Vec<(Buf, u64, u64)> {
    let fields: Vec<_> = explained.fields.iter().filter(|field| field.layer == layer).collect();
    let is_leaf = |i: usize| fields.get(i + 1).is_none_or(|next| next.depth <= fields[i].depth);
    let leaf = |i: usize| (fields[i].span.buf, fields[i].span.bit, fields[i].span.bits);
    (0..fields.len()).filter(|i| is_leaf(*i)).map(leaf).filter(|(_, _, bits)| *bits > 0).collect()
}

#[track_caller]
fn assert_covers(leaves: &[(u64, u64)], first: u64, end: u64, what: &str) {
    let mut at = first;
    for (bit, bits) in leaves {
        assert_eq!(*bit, at, "{what}: bit {at} is covered twice or not at all (next leaf starts at {bit})");
        at += bits;
    }
    assert_eq!(at, end, "{what}: the leaves end at bit {at} of {end}");
}

/// Law 3: what is told of a script takes no more than a multiple of its bytes, and of what each message may inflate to.
#[track_caller]
pub fn bounded(subject: &impl Subject, script: &Script, inflate_limit_bytes: u64) {
    let told = explain(subject, script, &[usize::MAX]);
    let bytes: usize = script.iter().map(|(_, bytes)| bytes.len()).sum();
    // A byte is told of at most as wire, chunk, body, line or message; a bit of DEFLATE at least begins a block.
    let most = |per_byte: usize| per_byte * bytes + 64;
    assert!(told.len() <= most(4), "{} records of {bytes} bytes", told.len());
    let fields: usize = told.iter().map(|explained| explained.fields.len()).sum();
    assert!(fields <= most(32), "{fields} fields of {bytes} bytes");
    let notes: usize = told.iter().map(|explained| explained.notes.len()).sum();
    assert!(notes <= most(16), "{notes} notes of {bytes} bytes");
    for explained in &told {
        let made: usize = explained.made.iter().map(|made| made.bytes.len()).sum();
        let held = made + explained.payload.len();
        let limit = most(4) + 2 * inflate_limit_bytes as usize;
        assert!(held <= limit, "{held} bytes are made of {:?}, from {bytes} in all", explained.record);
    }
}

/// A record looked at alone says what it says among all; a clone goes on where the original was.
#[track_caller]
pub fn checkpoints(subject: &impl Subject, script: &Script) {
    let told = explain(subject, script, &[usize::MAX]);
    for expected in told.iter().step_by(told.len() / 4 + 1) {
        let alone = explain_only(subject, script, &[usize::MAX], expected.record);
        assert_eq!(alone.as_ref(), Some(expected), "explained alone and among all");
    }
    let (mut out, mut subject, mut at) = (Summary::default(), subject.clone(), [0u64; 2]);
    for (dir, bytes) in script {
        subject.feed(*dir, at[dir.index()], bytes, &mut out);
        at[dir.index()] += bytes.len() as u64;
        subject = subject.clone();
    }
    for dir in [Dir::Out, Dir::In] {
        subject.finish(dir, at[dir.index()], &mut out);
    }
    let records: Vec<Record> = told.iter().map(|explained| explained.record).collect();
    assert_eq!(out.records, records, "a clone goes on otherwise");
}

/// Every message kind in a list, for story-like assertions.
#[cfg(test)]
pub fn kinds(told: &[Explained]) -> Vec<Kind> {
    told.iter().map(|explained| explained.record.kind).collect()
}

/// What is said of one record when only it is wanted.
pub fn explain_only(subject: &impl Subject, script: &Script, sizes: &[usize], wanted: Record) -> Option<Explained> {
    let mut out = Full::only(wanted, usize::MAX);
    drive(subject, script, sizes, &mut out, |out, dir, start, bytes| out.saw(dir, start, bytes));
    out.explained.pop()
}
