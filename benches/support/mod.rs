//! What the benchmarks share: messages, the bytes of conversations, and recordings of any size in a temporary folder.

#![allow(dead_code, reason = "each benchmark takes what it needs")]

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use pushscope::app::{App, Command, Setup, Source};
use pushscope::session::file::{Opened, Recorder};
use pushscope::session::{Session, Store};
use pushscope::wire::{
    ConnectionId, ConnectionInfo, Dir, Entry, Event, EventReceiver, EventSender, LinkId, Opening, ReaderOptions, What,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const LINK: LinkId = LinkId(1);
/// What a loopback read brings at most.
pub const READ_BYTES: usize = 64 * 1024;
/// Stands in one of 64,000 messages.
pub const NEEDLE: &str = "out of order";

/// Sizes of the large recordings, from the environment: `PUSHSCOPE_BENCH_RECORDS`, 10 million where it is not set.
pub fn records() -> usize {
    let set = std::env::var("PUSHSCOPE_BENCH_RECORDS").ok();
    set.map_or(10_000_000, |records| records.parse().expect("PUSHSCOPE_BENCH_RECORDS is a number"))
}

/// A message of JSON, of `size` bytes.
pub fn message(n: usize, size: usize, note: &str) -> Vec<u8> {
    let head = format!(r#"{{"n":{n},"user":{{"id":{}}},"note":"{note}","text":""#, n % 97);
    let words = ["the ", "price ", "of ", "gold ", "rose ", "and ", "fell ", "again ", "today ", "in ", "London "];
    let mut text = head.into_bytes();
    let mut at = n;
    while text.len() < size - 2 {
        text.extend_from_slice(words[at % words.len()].as_bytes());
        at = at * 31 + 7;
        at %= 1_000_003;
    }
    text.truncate(size - 2);
    text.extend_from_slice(b"\"}");
    text
}

/// A frame with a text message (RFC 6455 §5.2), masked where a key is given.
pub fn frame(text: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![0x81];
    match text.len() {
        len @ ..126 => frame.push(mask | len as u8),
        len => {
            frame.push(mask | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    let Some(key) = key else {
        frame.extend_from_slice(text);
        return frame;
    };
    frame.extend_from_slice(&key);
    frame.extend(text.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// Server frames of text messages, compressed one after the other with the window kept (RFC 7692 §7.2.1).
pub fn deflated(messages: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut compress = Compress::new(Compression::default(), false);
    let each = |message: Vec<u8>| {
        let mut out = Vec::with_capacity(message.len() + 256);
        compress.compress_vec(&message, &mut out, FlushCompress::Sync).expect("memory to compress into");
        let mut frame = frame(&out[..out.len() - 4], None);
        frame[0] |= 0x40;
        frame
    };
    messages.map(each).collect()
}

/// The answer that agrees to that, to [`UPGRADE_DEFLATE`].
pub const UPGRADED_DEFLATE: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
pub const UPGRADE_DEFLATE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

pub const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
pub const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
pub const GET: &[u8] = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n";

/// What opens a link, up to where a WebSocket talks.
pub fn opening() -> Vec<What> {
    opening_with(UPGRADE, UPGRADED)
}

/// The same where both agree to compress.
pub fn opening_deflate() -> Vec<What> {
    opening_with(UPGRADE_DEFLATE, UPGRADED_DEFLATE)
}

fn opening_with(request: &'static [u8], answer: &'static [u8]) -> Vec<What> {
    let (host, purpose) = ("a".to_owned(), "request".to_owned());
    let opening = Opening { connection: ConnectionId(1), host, port: 80, tls: false, purpose, via: None };
    let (request, answer) = (Bytes::from_static(request), Bytes::from_static(answer));
    vec![What::Opening(opening), What::Bytes(Dir::Out, request), What::Bytes(Dir::In, answer)]
}

pub fn connection() -> ConnectionInfo {
    ConnectionInfo { id: ConnectionId(1), spec: "{}".to_owned(), label: "ws://a/ws".to_owned() }
}

/// The reads of `count` WebSocket messages of `size` bytes, in pieces of some 64 KiB. One message in 64,000 holds
/// [`NEEDLE`].
pub fn reads(count: usize, size: usize) -> impl Iterator<Item = Bytes> {
    let a_read = (READ_BYTES / (size + 4)).max(1);
    let usual: Bytes = (0..a_read).flat_map(|n| frame(&message(n, size, "as usual"), None)).collect();
    let marked = (1..a_read).flat_map(|n| frame(&message(n, size, "as usual"), None));
    let marked: Bytes = frame(&message(0, size, NEEDLE), None).into_iter().chain(marked).collect();
    let every = (64_000 / a_read).max(1);
    (0..count.div_ceil(a_read)).map(move |n| if n % every == every / 2 { marked.clone() } else { usual.clone() })
}

/// A recording in a folder that goes with it.
pub struct Recording {
    pub folder: TempDir,
    pub path: std::path::PathBuf,
}

/// Records `count` WebSocket messages of `size` bytes.
pub fn record(count: usize, size: usize) -> Recording {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("benchmark.pushscope");
    let (sender, mut receivers) = EventSender::new(Instant::now(), 1, vec![ReaderOptions::new(64 << 20)]);
    let recorder = Recorder::start(&path, receivers.remove(0), 0).expect("a recording can be written");
    let mut waiting = Context::from_waker(Waker::noop());
    sender.send_connection(connection());
    opening().into_iter().for_each(|what| sender.send(LINK, what));
    for bytes in reads(count, size) {
        while sender.poll_room(&mut waiting).is_pending() {
            std::thread::sleep(Duration::from_millis(1));
        }
        sender.send(LINK, What::Bytes(Dir::In, bytes));
    }
    drop(sender);
    let status = recorder.stop();
    assert_eq!(status.failed, None);
    Recording { folder, path }
}

/// Opens a recording whose events may be followed by others.
pub fn session(path: &Path) -> Session {
    let mut opened = Opened::open(path).expect("the recording opens");
    let saved = Arc::new(AtomicU64::new(u64::MAX));
    let store = Store::archived(opened.archive().expect("its bytes can be read"), saved.clone());
    let mut session = Session::new(store, 0);
    loop {
        let batch = opened.next_batch(1 << 20).expect("the recording is sound");
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            session.take(entry);
        }
    }
    saved.store(opened.progress().0, Ordering::Release);
    session
}

/// The program without a window.
pub fn app(folder: &Path) -> App {
    let setup = Setup { notify: Arc::new(|| {}), pickers: false, folder: Ok(folder.to_owned()) };
    App::new(setup).expect("the program starts")
}

/// The program with a recording that is read to its end, rows and all.
pub fn app_on(recording: &Recording) -> App {
    let mut app = app(recording.folder.path());
    app.apply(Command::OpenPath(recording.path.clone()));
    settle(&mut app);
    app
}

/// Lets the program work until there is nothing left to do.
pub fn settle(app: &mut App) {
    loop {
        app.tick(Duration::from_millis(4));
        let view = app.state().view().expect("a recording is shown");
        let is_reading = matches!(&view.source, Source::File(reading) if reading.is_reading());
        if !is_reading && view.list.scanned() == view.session.records().len() {
            return;
        }
    }
}

/// A queue as a connection fills it, and its end for the program.
pub fn queue(first_link: u32) -> (EventSender, EventReceiver) {
    let (sender, mut receivers) = EventSender::new(Instant::now(), first_link, vec![ReaderOptions::new(usize::MAX)]);
    (sender, receivers.remove(0))
}

/// Entries as a session takes them.
pub fn entries(reads: impl Iterator<Item = Bytes>) -> Vec<Entry> {
    entries_after(opening(), reads)
}

/// The same behind another opening.
pub fn entries_after(opening: Vec<What>, reads: impl Iterator<Item = Bytes>) -> Vec<Entry> {
    let what = opening.into_iter().chain(reads.map(|bytes| What::Bytes(Dir::In, bytes)));
    let events = what.zip(1..).map(|(what, at_ns)| Entry::Event(Event { at_ns, link: LINK, what }));
    std::iter::once(Entry::Connection(connection())).chain(events).collect()
}
