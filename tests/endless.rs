//! Law 3 at its edges: streams that never end, lengths that nobody can send, and inputs made to cost more the longer they
//! are. Each runs within a bounded time, and the whole test within a bounded memory.

use pushscope::dissect::{Dissector, Kind, Record, Severity, Summary};
use pushscope::session::{Session, Store};
use pushscope::wire::{Dir, LinkId};
use pushscope::wire::{Event, What};
use std::time::{Duration, Instant};

const READ_BYTES: usize = 64 * 1024;
const GIB: usize = 1 << 30;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct Stream {
    dissector: Dissector,
    out: Summary,
    /// Records are let go; these are how many there were, and the worst.
    records: usize,
    worst: Severity,
    last: Option<Record>,
}

impl Stream {
    fn new() -> Stream {
        let dissector = Dissector::http1(LinkId(1));
        Stream { dissector, out: Summary::default(), records: 0, worst: Severity::None, last: None }
    }

    /// A GET was answered with this head.
    fn answered(head: &str) -> Stream {
        let mut stream = Stream::new();
        stream.feed(Dir::Out, GET);
        stream.feed(Dir::In, format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes());
        stream
    }

    fn feed(&mut self, dir: Dir, bytes: &[u8]) {
        self.dissector.feed(dir, bytes, &mut self.out);
        self.count();
    }

    /// Feeds `unit` over and over in full reads, `total` bytes at least.
    fn repeat(&mut self, dir: Dir, unit: &[u8], total: usize) {
        let read = unit.repeat(READ_BYTES / unit.len() + 1);
        for _ in 0..total / read.len() + 1 {
            self.feed(dir, &read);
        }
    }

    fn byte_by_byte(&mut self, dir: Dir, bytes: &[u8]) {
        for byte in bytes {
            self.feed(dir, std::slice::from_ref(byte));
        }
    }

    fn end(mut self) -> Stream {
        self.dissector.finish(Dir::Out, pushscope::dissect::Ending::Sender, &mut self.out);
        self.dissector.finish(Dir::In, pushscope::dissect::Ending::Sender, &mut self.out);
        self.count();
        self
    }

    fn count(&mut self) {
        for record in self.out.records.drain(..) {
            self.records += 1;
            self.worst = self.worst.max(record.worst);
            self.last = Some(record);
        }
    }
}

/// Memory that the process has ever taken, where the system says so.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.map_or(0, |kib| kib * 1024)
}

/// Runs it, and fails where it took long or much.
fn bounded(what: &str, run: impl FnOnce()) {
    let began = Instant::now();
    run();
    let (took, peak) = (began.elapsed(), peak_bytes());
    println!("{what}: {took:.2?}, peak {} MiB", peak >> 20);
    assert!(took < Duration::from_secs(60), "{what} took {took:?}");
    assert!(peak < 96 << 20, "{what}: the process took {} MiB", peak >> 20);
}

// One test, because memory is the process's.
#[test]
fn what_never_ends_costs_no_more_than_what_does() {
    bounded("1 GiB of header lines", || {
        for dir in [Dir::Out, Dir::In] {
            let mut stream = Stream::new();
            stream.feed(dir, if dir == Dir::Out { b"GET / HTTP/1.1\r\n" } else { b"HTTP/1.1 200 OK\r\n" });
            stream.repeat(dir, b"a: b\r\n", GIB);
            assert_eq!(stream.worst, Severity::Error);
        }
    });
    bounded("1 GiB of empty lines", || {
        let mut stream = Stream::new();
        stream.repeat(Dir::Out, b"\r\n", GIB);
        assert_eq!(stream.worst, Severity::Error);
    });
    for (label, unit) in [
        ("text/event-stream", "data: aあ"),
        ("text/event-stream", "d"),
        ("application/x-ndjson", "{\"a\":[1,"),
        ("text/plain", "no end of line "),
        ("application/json", "[[[["),
        ("multipart/mixed; boundary=b", "no delimiter "),
        ("image/png", "\0\u{1}\u{2}"),
    ] {
        bounded(&format!("1 GiB of {label} without an end: {unit:?}"), || {
            let mut stream = Stream::answered(&format!("Content-Type: {label}\r\n"));
            stream.repeat(Dir::In, unit.as_bytes(), GIB);
            assert!(stream.records < 4, "{} records", stream.records);
            let stream = stream.end();
            assert!(stream.last.is_some_and(|body| body.kind == Kind::HttpBody && body.payload_len > GIB as u64));
        });
    }
    bounded("256 MiB of a part's head", || {
        for (unit, total) in [("a: b\r\n", GIB / 32), ("endless", GIB / 4), ("\r", GIB / 4)] {
            let mut stream = Stream::answered("Content-Type: multipart/mixed; boundary=b\r\n");
            stream.feed(Dir::In, b"--b\r\n");
            stream.repeat(Dir::In, unit.as_bytes(), total);
            assert_eq!(stream.end().worst, Severity::Error);
        }
    });
    bounded("8 MiB of an event's lines", || {
        for unit in ["data: x\n", "data\r", "id: 1\r\n", "unknown\n", "data: x\n: comment\n"] {
            let mut stream = Stream::answered("Content-Type: text/event-stream\r\n");
            stream.repeat(Dir::In, unit.as_bytes(), GIB / 128);
            assert_eq!(stream.records, 2);
        }
    });
    bounded("32 MiB of lines that nearly are a delimiter of 200 characters", || {
        let boundary = "b".repeat(200);
        let mut stream = Stream::answered(&format!("Content-Type: multipart/mixed; boundary={boundary}\r\n"));
        stream.feed(Dir::In, format!("--{boundary}\r\n\r\n").as_bytes());
        stream.repeat(Dir::In, format!("--{}\r\n", &boundary[1..]).as_bytes(), GIB / 32);
        let mut stream = Stream::answered("Content-Type: multipart/mixed; boundary=b\r\n");
        stream.repeat(Dir::In, b"\r\n-\r\n--\r\n--a", GIB / 32);
        let mut again = Stream::answered(&format!("Content-Type: multipart/mixed; boundary={boundary}\r\n"));
        again.byte_by_byte(Dir::In, format!("--{}\r\n", &boundary[1..]).repeat(10_000).as_bytes());
    });
    bounded("256 MiB of a chunk's size line, of extensions, of trailers", || {
        for start in ["", "1;", "0\r\n"] {
            let mut stream = Stream::answered("Transfer-Encoding: chunked\r\n");
            stream.feed(Dir::In, start.as_bytes());
            stream.repeat(Dir::In, b"0a", GIB / 4);
            assert_eq!(stream.worst, Severity::Error);
        }
        let mut stream = Stream::answered("Transfer-Encoding: chunked\r\n");
        stream.feed(Dir::In, b"0\r\n");
        stream.repeat(Dir::In, b"a: b\r\n", GIB / 4);
        assert_eq!(stream.worst, Severity::Error);
    });
    bounded("4 MiB of one-byte chunks", || {
        for label in ["text/event-stream", "text/plain", "multipart/mixed; boundary=b", "application/json"] {
            let mut stream = Stream::answered(&format!("Transfer-Encoding: chunked\r\nContent-Type: {label}\r\n"));
            stream.repeat(Dir::In, b"1\r\nd\r\n", GIB / 256);
        }
    });
    bounded("lengths that nobody can send", || {
        let mut stream = Stream::answered("Content-Length: 18446744073709551615\r\n");
        stream.repeat(Dir::In, b"data", 1 << 20);
        assert_eq!(stream.end().worst, Severity::Error);
        for size in ["ffffffffffffffff", "0fffffffffffffff", &"f".repeat(40), &"0".repeat(40)] {
            let mut stream = Stream::answered("Transfer-Encoding: chunked\r\n");
            stream.feed(Dir::In, format!("{size}\r\n").as_bytes());
            stream.repeat(Dir::In, b"data", 1 << 20);
            assert_eq!(stream.end().worst, Severity::Error, "{size}");
        }
        let mut stream = Stream::new();
        stream.feed(Dir::Out, b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
        stream.feed(Dir::In, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
        for first in [0x7f, 0xff] {
            stream.feed(Dir::In, &[0x82, 0x7f, first, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
            stream.repeat(Dir::In, b"data", 1 << 20);
        }
        stream.end();
    });
    bounded("what is read byte by byte", || {
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        head.resize(256 * 1024 - 4, b'a');
        head.extend(b"\r\n\r\n");
        let mut stream = Stream::new();
        stream.byte_by_byte(Dir::Out, &head);
        assert_eq!(stream.last.map(|record| record.kind), Some(Kind::HttpRequest));
        Stream::new().byte_by_byte(Dir::Out, &b"\r\n".repeat(128 * 1024));
        let mut stream = Stream::answered("Transfer-Encoding: chunked\r\n");
        stream.byte_by_byte(Dir::In, b"0\r\n");
        stream.byte_by_byte(Dir::In, &vec![b'a'; 250 * 1024]);
        let mut stream = Stream::answered("Content-Type: text/plain\r\n");
        stream.byte_by_byte(Dir::In, &vec![b'\n'; 63 * 1024]);
        let mut stream = Stream::answered("Content-Type: text/event-stream\r\n");
        stream.byte_by_byte(Dir::In, &vec![b'd'; 1 << 20]);
        stream.byte_by_byte(Dir::In, &vec![b'\n'; 1 << 18]);
    });
    bounded("heads of 80,000 fields, of folds, of NUL", || {
        for line in
            ["a:\r\n", "\r ", "\r\n ", "\n\t", "\0\r\n", "a: \0\r\n", ":\r\n", "transfer-encoding: ,\r\n", "a\n"]
        {
            let lines = line.repeat((256 * 1024 - 40) / line.len());
            let mut stream = Stream::new();
            stream.feed(Dir::Out, format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n").as_bytes());
            assert!(stream.records > 0 || line == "\r\n ", "{line:?}");
        }
        let lines = format!("Content-Length: {}\r\n", "1,".repeat(100_000));
        let mut stream = Stream::new();
        stream.feed(Dir::Out, format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes());
    });
    bounded("looking at heads of 80,000 fields, at chunks of a byte and at lines of a byte", || {
        let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes();
        let chunks = [head("Transfer-Encoding: chunked\r\n"), b"1\r\nd\r\n".repeat(20_000)].concat();
        let sse = "Transfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n";
        let events = [head(sse), b"1\r\nd\r\n1\r\n\n\r\n".repeat(20_000)].concat();
        let lines = [head("Content-Type: application/x-ndjson\r\n"), b"a\n".repeat(60_000)].concat();
        for bytes in [head(&"a:\r\n".repeat(60_000)), head(&"a: b\r\n c\r\n".repeat(20_000)), chunks, events, lines] {
            let mut session = Session::new(Store::memory(), 0);
            for (at_ns, read) in bytes.chunks(READ_BYTES).enumerate() {
                let what = What::Bytes(Dir::In, bytes::Bytes::copy_from_slice(read));
                session.append(Event { at_ns: at_ns as u64, link: LinkId(1), what });
            }
            session.append(Event { at_ns: 9, link: LinkId(1), what: What::Ended(Dir::In) });
            let last = session.records().len() - 1;
            for id in [0, last / 2, last] {
                session.summary(id);
                session.explain(id);
            }
            session.summaries(&(0..=last).collect::<Vec<_>>());
        }
    });
    bounded("a million pipelined requests", || {
        let mut stream = Stream::new();
        stream.feed(Dir::Out, &GET.repeat(40_000));
        stream.repeat(Dir::Out, GET, 26 * 1_000_000);
        assert!(stream.records >= 1_000_000);
        assert!(size_of_val(&stream.dissector.clone()) < 1024);
        let mut stream = Stream::new();
        stream.repeat(Dir::Out, &[GET, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"].concat(), 16 << 20);
        stream.repeat(Dir::In, b"HTTP/1.1 204 No Content\r\n\r\n", 16 << 20);
    });
    bounded("pipelined requests that each ask for another protocol", || {
        let mut stream = Stream::new();
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n";
        for _ in 0..400 {
            stream.feed(Dir::Out, &request.repeat(50));
        }
        stream.repeat(Dir::In, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1 << 20);
    });
}
