//! Session → pcapng → import gives the same records: for sessions of many kinds, made by chance.

use crate::support::*;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::Config;
use pushscope::session::{Session, Store};
use pushscope::wire::{
    Closed, Connected, ConnectionId, ConnectionInfo, Dir, Entry, Event, Failure, LinkId, Opening, Stage, What,
};
use std::net::SocketAddr;

pub const STARTED: i64 = 1_700_000_000_123_456_789;

/// How a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    ByServer,
    ByClient,
    HalfClosed,
    Failed,
}

/// What a link carries, read by read.
#[derive(Clone)]
pub struct Talk {
    reads: Vec<(Dir, Vec<u8>)>,
    end: End,
    address: u8,
}

/// In few words, however much is said.
impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reads: Vec<(Dir, usize)> = self.reads.iter().take(20).map(|(dir, bytes)| (*dir, bytes.len())).collect();
        write!(f, "{} reads {reads:?}, {:?}, address {}", self.reads.len(), self.end, self.address)
    }
}

fn exchange(body: Vec<u8>, kind: u8) -> Vec<(Dir, Vec<u8>)> {
    let request = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec();
    let answer = match kind % 4 {
        0 => [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat(),
        1 => {
            let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in body.chunks(700) {
                answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                answer.extend_from_slice(chunk);
                answer.extend_from_slice(b"\r\n");
            }
            answer.extend_from_slice(b"0\r\n\r\n");
            answer
        }
        2 => {
            let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n".to_vec();
            for (number, piece) in body.chunks(100).enumerate() {
                answer.extend_from_slice(format!("id: {number}\ndata: {}\n\n", piece.len()).as_bytes());
            }
            answer
        }
        _ => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".to_vec(),
    };
    vec![(Dir::Out, request), (Dir::In, answer)]
}

fn websocket(frames: Vec<(bool, u8, Vec<u8>)>) -> Vec<(Dir, Vec<u8>)> {
    let request = "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let mut says = vec![(Dir::Out, request.as_bytes().to_vec()), (Dir::In, answer.as_bytes().to_vec())];
    for (is_out, opcode, payload) in frames {
        let mask = if is_out { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..=125 => frame.push(mask | len as u8),
            len => {
                frame.push(mask | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        if is_out {
            let key = [1, 2, 3, 4];
            frame.extend_from_slice(&key);
            frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            frame.extend_from_slice(&payload);
        }
        says.push((if is_out { Dir::Out } else { Dir::In }, frame));
    }
    says
}

fn says() -> impl Strategy<Value = Vec<(Dir, Vec<u8>)>> {
    let body = prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..3000), 1 => Just(vec![b'x'; 150_000])];
    let http = prop::collection::vec((body, any::<u8>()), 1..5)
        .prop_map(|bodies| bodies.into_iter().flat_map(|(body, kind)| exchange(body, kind)).collect());
    let opcode = prop::sample::select(vec![1u8, 2, 9, 10]);
    let frame = (any::<bool>(), opcode, prop::collection::vec(any::<u8>(), 0..125));
    let ws = prop::collection::vec(frame, 0..20).prop_map(websocket);
    let socks = Just(vec![
        (Dir::Out, vec![5, 1, 0]),
        (Dir::In, vec![5, 0]),
        (Dir::Out, vec![5, 1, 0, 1, 127, 0, 0, 1, 0, 80]),
        (Dir::In, vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ]);
    prop_oneof![4 => http, 4 => ws, 1 => socks]
}

/// Talks whose reads are cut and joined by chance.
pub fn talk() -> impl Strategy<Value = Talk> {
    let end = prop::sample::select(vec![End::Open, End::ByServer, End::ByClient, End::HalfClosed, End::Failed]);
    (says(), prop::collection::vec(1usize..5000, 1..40), end, 0u8..4).prop_map(|(says, cuts, end, address)| {
        let mut cuts = cuts.into_iter().cycle();
        let mut reads = Vec::new();
        for (dir, bytes) in says {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                // Some reads are longer than any segment.
                let len = cuts.next().unwrap_or(1);
                let len = if len % 7 == 0 { rest.len() } else { len.min(rest.len()) };
                let (read, after) = rest.split_at(len);
                reads.push((dir, read.to_vec()));
                rest = after;
            }
        }
        Talk { reads, end, address }
    })
}

/// A session of some links whose events come in between one another, as `order` has it.
pub fn session(talks: &[Talk], order: &[u8]) -> Session {
    let mut session = Session::new(Store::memory(), STARTED);
    let id = ConnectionId(1);
    session.take(Entry::Connection(ConnectionInfo { id, spec: String::new(), label: "made up".into() }));
    let mut waiting: Vec<(LinkId, std::collections::VecDeque<What>)> = Vec::new();
    for (number, talk) in talks.iter().enumerate() {
        let link = LinkId(number as u32 + 1);
        let mut events = std::collections::VecDeque::new();
        let (host, purpose) = (format!("{number}.example"), "request".to_owned());
        events.push_back(What::Opening(Opening { connection: id, host, port: 8000, tls: false, purpose, via: None }));
        let port = 40_000 + number as u16;
        let ends: Option<[SocketAddr; 2]> = match talk.address {
            0 => Some([([192, 0, 2, 1], port).into(), ([198, 51, 100, 7], 8000).into()]),
            1 => Some([([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port).into(), ([0xfe80, 0, 0, 0, 0, 0, 0, 9], 80).into()]),
            2 => Some([([203, 0, 113, number as u8], 80).into(), ([198, 51, 100, 7], 3128).into()]),
            _ => None,
        };
        if let Some([local, remote]) = ends {
            events.push_back(What::Connected(Connected { remote, local, failed: Vec::new(), took_ns: 5 }));
        }
        events.extend(talk.reads.iter().map(|(dir, bytes)| What::Bytes(*dir, Bytes::from(bytes.clone()))));
        let closed = |by, text: &str| What::Closed(Closed { by, text: text.into() });
        match talk.end {
            End::Open => {}
            End::ByServer => events.extend([What::Ended(Dir::In), closed(Dir::In, "the server ended")]),
            End::ByClient => events.push_back(closed(Dir::Out, "we closed")),
            End::HalfClosed => {
                events.extend([What::Ended(Dir::In), What::Ended(Dir::Out), closed(Dir::In, "both ended")]);
            }
            End::Failed => {
                let text = "the other side reset the connection (TCP RST)".to_owned();
                let failure =
                    Failure { stage: Stage::Stream, text, hint: String::new(), took_ns: 0, chain: Vec::new() };
                events.push_back(What::Failed(failure));
            }
        }
        waiting.push((link, events));
    }
    let (mut at_ns, mut order) = (1_000, order.iter().cycle());
    while waiting.iter().any(|(_, events)| !events.is_empty()) {
        let step = order.next().copied().unwrap_or_default();
        let links = waiting.len();
        let (link, events) = &mut waiting[usize::from(step) % links];
        // Times are told in nanoseconds, and several events may have the same.
        at_ns += u64::from(step) / 100 * 7_777_777;
        match events.pop_front() {
            Some(what) => {
                session.append(Event { at_ns, link: *link, what });
            }
            None => waiting.retain(|(_, events)| !events.is_empty()),
        }
    }
    session
}

proptest! {
    #![proptest_config(Config { cases: 48, max_shrink_iters: 100, failure_persistence: None, ..Config::default() })]
    #[test]
    fn what_is_exported_and_imported_has_the_same_records(
        talks in prop::collection::vec(talk(), 1..5),
        order in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let session = session(&talks, &order);
        let folder = Folder::new();
        let (capture, _) = folder.export(&session, &[]);
        let (again, report) = folder.import(&capture);
        prop_assert_eq!(report.written as usize, session.links().len());
        let difference = difference(&said(&again), &said(&session));
        prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
        // What was imported is exported to the same bytes, but for what is not on the wire.
        let (capture, _) = folder.export(&again, &[]);
        let (third, _) = folder.import(&capture);
        prop_assert!(said(&third) == said(&again));
    }
}
