//! Each dissector alone, told to the sink of the live path, in reads of 64 KiB: over messages of 1,000 and 100 bytes.

mod support;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use pushscope::dissect::{Dissector, Summary};
use pushscope::wire::Dir;
use support::{GET, LINK, READ_BYTES, UPGRADE, UPGRADE_DEFLATE, UPGRADED, UPGRADED_DEFLATE, deflated, frame, message};

/// Bytes of a conversation.
const TOTAL_BYTES: usize = 2 << 20;

fn main() {
    divan::main();
}

/// Feeds what opens the conversation once, and the stream over and over.
fn run(bencher: Bencher, opening: &[(Dir, &[u8])], dir: Dir, stream: &[u8]) {
    run_counted(bencher, opening, dir, stream, BytesCount::new(stream.len()));
}

fn run_counted(bencher: Bencher, opening: &[(Dir, &[u8])], dir: Dir, stream: &[u8], counter: BytesCount) {
    let mut opened = Dissector::http1(LINK);
    let mut out = Summary::default();
    opening.iter().for_each(|(dir, bytes)| opened.feed(*dir, bytes, &mut out));
    let mut records = 0;
    bencher.counter(counter).with_inputs(|| opened.clone()).bench_local_refs(|dissector| {
        for read in stream.chunks(READ_BYTES) {
            dissector.feed(dir, black_box(read), &mut out);
            records += out.records.len();
            out.records.clear();
        }
    });
    assert!(records > 0, "the dissector told nothing");
}

fn many(size: usize, one: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    (0..TOTAL_BYTES / size).flat_map(|n| one(&message(n, size, "as usual"))).collect()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn answer(head: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n{head}\r\n\r\n").into_bytes()
}

#[divan::bench(args = [1000, 100])]
fn websocket(bencher: Bencher, size: usize) {
    let stream = many(size, |text| frame(text, None));
    run(bencher, &[(Dir::Out, UPGRADE), (Dir::In, UPGRADED)], Dir::In, &stream);
}

#[divan::bench(args = [1000, 100])]
fn websocket_masked(bencher: Bencher, size: usize) {
    let stream = many(size, |text| frame(text, Some([0x37, 0xfa, 0x21, 0x3d])));
    run(bencher, &[(Dir::Out, UPGRADE), (Dir::In, UPGRADED)], Dir::Out, &stream);
}

/// The figure counts inflated bytes.
#[divan::bench(args = [1000, 100])]
fn websocket_deflate(bencher: Bencher, size: usize) {
    let messages = (0..TOTAL_BYTES / size).map(|n| message(n * 7919, size, "as usual"));
    let stream = deflated(messages).concat();
    let counter = BytesCount::new(TOTAL_BYTES / size * size);
    run_counted(bencher, &[(Dir::Out, UPGRADE_DEFLATE), (Dir::In, UPGRADED_DEFLATE)], Dir::In, &stream, counter);
}

fn event(text: &[u8]) -> Vec<u8> {
    [b"id: 1234\nevent: tick\ndata: ", text, b"\n\n"].concat()
}

#[divan::bench(args = [1000, 100])]
fn sse_chunked(bencher: Bencher, size: usize) {
    let head = answer("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked");
    let stream = many(size, |text| chunk(&event(text)));
    run(bencher, &[(Dir::Out, GET), (Dir::In, &head)], Dir::In, &stream);
}

#[divan::bench(args = [1000, 100])]
fn sse_to_the_close(bencher: Bencher, size: usize) {
    let head = answer("Content-Type: text/event-stream\r\nConnection: close");
    run(bencher, &[(Dir::Out, GET), (Dir::In, &head)], Dir::In, &many(size, event));
}

#[divan::bench(args = [1000, 100])]
fn ndjson_chunked(bencher: Bencher, size: usize) {
    let head = answer("Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked");
    let stream = many(size, |text| chunk(&[text, b"\n"].concat()));
    run(bencher, &[(Dir::Out, GET), (Dir::In, &head)], Dir::In, &stream);
}

#[divan::bench(args = [1000, 100])]
fn multipart(bencher: Bencher, size: usize) {
    let head = answer("Content-Type: multipart/mixed; boundary=next\r\nConnection: close");
    let part = |text: &[u8]| [b"--next\r\nContent-Type: application/json\r\n\r\n", text, b"\r\n"].concat();
    run(bencher, &[(Dir::Out, GET), (Dir::In, &head)], Dir::In, &many(size, part));
}

/// Requests without an end, on one link: nothing but heads.
#[divan::bench(args = [1000, 100])]
fn http_heads(bencher: Bencher, size: usize) {
    let line = |n: usize| format!("X-Header-{n}: the value of header {n:02}, which is not long\r\n");
    let head = |size: usize| {
        let lines = (0..size.saturating_sub(60) / 56).map(line).collect::<String>();
        let rest = "x".repeat(size.saturating_sub(36 + lines.len()));
        format!("GET /{rest} HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n").into_bytes()
    };
    let stream = head(size).repeat(TOTAL_BYTES / size);
    run(bencher, &[], Dir::Out, &stream);
}

#[divan::bench(args = [1000, 100])]
fn http_bodies(bencher: Bencher, size: usize) {
    let one = |text: &[u8]| {
        let head = answer(&format!("Content-Type: application/json\r\nContent-Length: {}", text.len()));
        [head.as_slice(), text].concat()
    };
    let requests = GET.repeat(TOTAL_BYTES / size);
    run(bencher, &[(Dir::Out, &requests)], Dir::In, &many(size, one));
}
