//! Recordings made of bytes, through the public API, and the laws that hold for every one of them. Several tests share
//! this file.

#![allow(dead_code, reason = "each test takes what it needs")]

use bytes::Bytes;
use pushscope::dissect::{Explained, Layer, Severity};
use pushscope::session::{Session, Store};
use pushscope::wire::{Buf, ConnectionId, Dir, Event, LinkId, Opening, What};

pub const LINK: LinkId = LinkId(1);

/// A conversation on one link, each side's bytes cut into reads of `size`; then both sides end, if `ends`.
pub fn record(says: &[(Dir, &[u8])], size: usize, ends: bool) -> Session {
    let mut session = Session::new(Store::memory(), 0);
    let mut at_ns = 0;
    let mut tell = |session: &mut Session, what| {
        at_ns += 1;
        session.append(Event { at_ns, link: LINK, what });
    };
    let (host, purpose) = ("a".to_owned(), "request".to_owned());
    tell(
        &mut session,
        What::Opening(Opening { connection: ConnectionId(1), host, port: 80, tls: false, purpose, via: None }),
    );
    for (dir, bytes) in says {
        for piece in bytes.chunks(size.min(bytes.len().max(1))) {
            tell(&mut session, What::Bytes(*dir, Bytes::copy_from_slice(piece)));
        }
    }
    if ends {
        tell(&mut session, What::Ended(Dir::Out));
        tell(&mut session, What::Ended(Dir::In));
    }
    session
}

/// Everything said of a recording, in the order in which its records were complete.
pub fn explain(session: &Session) -> Vec<Explained> {
    let ids: Vec<usize> = (0..session.records().len()).filter(|id| !session.records()[*id].kind.is_fact()).collect();
    let told = session.explain_all(&ids, usize::MAX >> 1);
    // Looking at one record reads everything since the last checkpoint, so of many only some are looked at.
    for (id, explained) in ids.iter().zip(&told).step_by(ids.len() / 64 + 1) {
        assert_eq!(session.explain(*id), *explained, "explained alone and among all");
    }
    told
}

/// What is said of a conversation; laws 1 and 2 hold for it.
pub fn tell(says: &[(Dir, &[u8])]) -> Vec<Explained> {
    let session = record(says, usize::MAX, true);
    let told = explain(&session);
    for size in [1, 2, 3, 7] {
        let cut = record(says, size, true);
        assert_eq!(cut.records(), session.records(), "records differ in reads of {size}");
        let ids: Vec<usize> = (0..cut.records().len()).filter(|id| !cut.records()[*id].kind.is_fact()).collect();
        assert_eq!(cut.explain_all(&ids, usize::MAX >> 1), told, "fields differ in reads of {size}");
    }
    for dir in [Dir::Out, Dir::In] {
        let len: usize = says.iter().filter(|(d, _)| *d == dir).map(|(_, bytes)| bytes.len()).sum();
        assert_tiles(&told, dir, len as u64 * 8);
    }
    told
}

fn assert_tiles(told: &[Explained], dir: Dir, bits: u64) {
    let mut leaves: Vec<(u64, u64)> = told
        .iter()
        .flat_map(wire_leaves)
        .filter(|(buf, ..)| *buf == Buf::Wire(LINK, dir))
        .map(|(_, bit, bits)| (bit, bits))
        .collect();
    leaves.sort();
    let mut at = 0;
    for (bit, bits) in leaves {
        assert_eq!(bit, at, "the wire's bit {at} is covered twice or not at all");
        at += bits;
    }
    assert_eq!(at, bits, "the leaves cover the wire to its end");
}

fn wire_leaves(explained: &Explained) -> Vec<(Buf, u64, u64)> {
    let fields: Vec<_> = explained.fields.iter().filter(|field| field.layer == Layer::Wire).collect();
    let is_leaf = |at: usize| fields.get(at + 1).is_none_or(|next| next.depth <= fields[at].depth);
    let leaf = |at: usize| (fields[at].span.buf, fields[at].span.bit, fields[at].span.bits);
    (0..fields.len()).filter(|at| is_leaf(*at)).map(leaf).filter(|leaf| leaf.2 > 0).collect()
}

/// The keys of all errors.
pub fn errors(told: &[Explained]) -> Vec<&'static str> {
    let notes = told.iter().flat_map(|explained| &explained.notes);
    notes.filter(|note| note.def.severity == Severity::Error).map(|note| note.def.key).collect()
}

/// The bytes of the fields with a key, out of the record's own buffers or the wire.
pub fn field_bytes(explained: &Explained, wire: &[u8], key: &str) -> Vec<Vec<u8>> {
    let bytes = |field: &pushscope::dissect::Field| {
        let range = field.span.start_byte() as usize..field.span.end_byte() as usize;
        match field.span.buf {
            Buf::Wire(..) => wire[range].to_vec(),
            Buf::Made(n) => explained.made[n as usize].bytes[range].to_vec(),
        }
    };
    explained.fields.iter().filter(|field| field.def.key == key).map(bytes).collect()
}

/// `GET` requests, as many as asked for.
pub fn requests(method: &str, count: usize) -> Vec<u8> {
    format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n").repeat(count).into_bytes()
}

/// Body bytes in the chunked coding, in chunks of `size`.
pub fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut framed = Vec::new();
    for chunk in body.chunks(size) {
        framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        framed.extend(chunk);
        framed.extend(b"\r\n");
    }
    framed.extend(b"0\r\n\r\n");
    framed
}
