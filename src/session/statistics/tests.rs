//! Figures against a naive computation, and what layers cost against a count by hand.

use super::*;
use crate::session::{Severity, Store};
use crate::wire::{ConnectionInfo, Entry, Event, LinkId, Opening, What};
use bytes::Bytes;
use proptest::prelude::*;

const STARTED: i64 = 1_763_697_600_000_000_000;

/// A session of one connection that takes wire bytes.
struct Wire {
    session: Session,
    link: LinkId,
}

impl Wire {
    fn new() -> Wire {
        let mut session = Session::new(Store::memory(), STARTED);
        let (id, link) = (ConnectionId(1), LinkId(1));
        session.take(Entry::Connection(ConnectionInfo { id, spec: String::new(), label: "made up".into() }));
        let opening = Opening {
            connection: id,
            host: "example.com".into(),
            port: 80,
            tls: false,
            purpose: "request".into(),
            via: None,
        };
        session.take(Entry::Event(Event { at_ns: 0, link, what: What::Opening(opening) }));
        Wire { session, link }
    }

    fn bytes(&mut self, at_ns: u64, dir: Dir, text: impl Into<Vec<u8>>) {
        let what = What::Bytes(dir, Bytes::from(text.into()));
        self.session.take(Entry::Event(Event { at_ns, link: self.link, what }));
    }

    fn statistics(&self, rows: impl Fn(&Record) -> bool, sent: &SentTime) -> Statistics {
        let mut statistics = Statistics::new(sent);
        let records = self.session.records();
        let ids: Vec<RecordId> = (0..records.len()).filter(|id| rows(&records[*id])).collect();
        // In slices, as it is done while a window is open.
        ids.chunks(3).for_each(|slice| statistics.add_rows(&self.session, slice));
        statistics.add_layers(records.iter());
        statistics
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn upgraded() -> Wire {
    let mut wire = Wire::new();
    let request = "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    wire.bytes(1, Dir::Out, request);
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    wire.bytes(2, Dir::In, answer);
    wire
}

fn frame(payload: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match payload.len() {
        len @ 0..126 => frame.push(len as u8),
        len => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    frame.extend(payload.as_bytes());
    frame
}

#[test]
fn every_layer_of_a_chunked_event_stream_is_counted() {
    let mut wire = Wire::new();
    let request = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    wire.bytes(1, Dir::Out, request);
    wire.bytes(2, Dir::In, HEAD);
    // An event cut across two chunks, then two in one chunk, and a comment.
    let chunks = ["data: he", "llo\n\n", "data: a\n\ndata: bc\n\n", ": hi\n\n"];
    let mut framing = 0;
    for (at, chunk) in chunks.iter().enumerate() {
        let cut = format!("{:x}\r\n{chunk}\r\n", chunk.len());
        framing += cut.len() - chunk.len();
        wire.bytes(1000 + at as u64, Dir::In, cut);
    }
    let overhead = wire.statistics(|_| true, &SentTime::NONE).overhead();
    assert_eq!(overhead.payload, "helloabc".len() as u64);
    assert_eq!(overhead.heads, (request.len() + HEAD.len()) as u64);
    assert_eq!(overhead.chunks, framing as u64);
    assert_eq!(overhead.streams, (chunks.concat().len() - "helloabc".len()) as u64);
    assert_eq!((overhead.frames, overhead.unknown), (0, 0));
    let all: u64 = wire.session.totals().bytes.iter().sum();
    assert_eq!(overhead.total(), all);
}

#[test]
fn a_stream_without_chunks_is_its_own_content() {
    let mut wire = Wire::new();
    wire.bytes(1, Dir::Out, "GET / HTTP/1.0\r\n\r\n");
    wire.bytes(2, Dir::In, "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    wire.bytes(3, Dir::In, "data: one\n\ndata: two\n\n");
    let overhead = wire.statistics(|_| true, &SentTime::NONE).overhead();
    assert_eq!((overhead.payload, overhead.streams, overhead.chunks), (6, 16, 0));
    assert_eq!(overhead.total(), wire.session.totals().bytes.iter().sum::<u64>());
}

#[test]
fn messages_say_when_they_were_sent() {
    let mut wire = upgraded();
    let payload = |sent_ns: i64| format!("{{\"n\":1,\"sent_ns\":{sent_ns}}}");
    wire.bytes(2_000_000_000, Dir::In, frame(&payload(STARTED + 1_999_000_000)));
    wire.bytes(3_000_000_000, Dir::In, frame(&payload(STARTED + 3_000_500_000)));
    wire.bytes(4_000_000_000, Dir::In, frame("no time here"));
    let statistics = wire.statistics(is_message, &SentTime::lab());
    let latency = statistics.latency();
    assert_eq!((latency.late.count(), latency.late.most()), (1, Some(1_000_000)));
    assert_eq!((latency.early, latency.earliest_ns, latency.without), (1, 500_000, 1));
    // Frames cost two bytes each here.
    let overhead = statistics.overhead();
    assert_eq!((overhead.frames, overhead.streams), (6, 0));
    assert_eq!(overhead.total(), wire.session.totals().bytes.iter().sum::<u64>());
    let wrong = wire.statistics(is_message, &SentTime { path: "sent".into(), unit: TimeUnit::Detect });
    assert!(wrong.mistake().is_some_and(|mistake| mistake.contains("no JSONPath")));
}

#[test]
fn where_no_row_is_a_message_the_rows_are_measured() {
    let mut wire = upgraded();
    wire.bytes(5, Dir::In, frame("abc"));
    wire.bytes(8, Dir::In, frame("abcdef"));
    let statistics = wire.statistics(|record| record.kind == Kind::WsFrame, &SentTime::NONE);
    assert!(!statistics.is_of_messages());
    assert_eq!(statistics.measures().flows[1].count, 2);
    assert_eq!((statistics.measures().gaps.least(), statistics.measures().gaps.count()), (Some(3), 1));
    assert_eq!(statistics.kinds().get(&Kind::WsFrame), Some(&[0, 2]));
}

#[test]
fn the_tables_are_text_and_csv() {
    let mut wire = upgraded();
    wire.bytes(5_000_000, Dir::In, frame("abc"));
    wire.bytes(8_000_000, Dir::In, frame("abcdef"));
    let sections = wire.statistics(is_message, &SentTime::NONE).sections();
    let text = text(&sections);
    assert!(text.contains("Messages       received   sent     both\n"), "{text}");
    assert!(text.contains("\nmean rate       333.3/s      –  333.3/s\n"), "{text}");
    let csv = csv(&sections);
    assert!(csv.starts_with("table,row,column,unit,value\r\n"), "{csv}");
    assert!(csv.contains("Spread,size,max,bytes,6\r\n"), "{csv}");
    assert!(csv.contains("Rows by kind,ws.text,received,count,2\r\n"), "{csv}");
    assert!(csv.lines().all(|line| line.split(',').count() == 5), "{csv}");
}

proptest! {
    #[test]
    fn figures_are_those_of_a_naive_computation(
        messages in prop::collection::vec((0u64..3_000_000_000, 0usize..300), 1..60),
    ) {
        let mut wire = upgraded();
        let mut at_ns = 1_000;
        let mut times = Vec::new();
        let mut sizes = Vec::new();
        for (pause, size) in messages {
            at_ns += pause;
            wire.bytes(at_ns, Dir::In, frame(&"x".repeat(size)));
            times.push(at_ns);
            sizes.push(size as u64);
        }
        let statistics = wire.statistics(is_message, &SentTime::NONE);
        let measures = statistics.measures();
        let (count, first, last) = (times.len() as u64, times[0], times[times.len() - 1]);
        prop_assert_eq!(measures.both.count, count);
        prop_assert_eq!(measures.flows[0].count, 0);
        prop_assert_eq!(measures.both.payload_bytes, sizes.iter().sum::<u64>());
        prop_assert_eq!(measures.both.lasted_ns(), last - first);
        let in_second = |second: u64| times.iter().filter(|at| **at / SECOND_NS == second).count() as u64;
        let peak = times.iter().map(|at| in_second(at / SECOND_NS)).max().unwrap_or(0);
        prop_assert_eq!(measures.both.peak_per_second(), peak);
        let mut gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        prop_assert_eq!(measures.gaps.count(), gaps.len() as u64);
        for (told, share) in [(measures.gaps.quantile(0.5), 0.5), (measures.gaps.quantile(0.99), 0.99)] {
            let exact = gaps.get(((share * gaps.len() as f64).ceil() as usize).max(1) - 1).copied();
            prop_assert_eq!(told.is_some(), exact.is_some());
            if let (Some(told), Some(exact)) = (told, exact) {
                prop_assert!(told.abs_diff(exact) as f64 <= exact as f64 * 0.008);
            }
        }
        let total: u64 = wire.session.totals().bytes.iter().sum();
        prop_assert_eq!(statistics.overhead().total(), total);
        // The strip counts the same.
        for most in [1, 40, 4000] {
            let bins = wire.session.activity(0..last + 1, most);
            prop_assert_eq!(bins.buckets.iter().map(|bucket| bucket.messages[1]).sum::<u64>(), count);
            prop_assert_eq!(bins.buckets.iter().map(|bucket| bucket.bytes[0] + bucket.bytes[1]).sum::<u64>(), total);
            prop_assert!(bins.buckets.iter().all(|bucket| bucket.worst < Severity::Warning));
        }
        // A short look is counted afresh, message by message.
        let bins = wire.session.activity(last..last + 1000, 100);
        let expected = times.iter().filter(|at| **at >= bins.start_ns && **at < bins.start_ns + bins.width_ns).count();
        prop_assert_eq!(bins.buckets[0].messages[1], expected as u64);
        prop_assert!(bins.width_ns < 1 << 20);
    }
}
