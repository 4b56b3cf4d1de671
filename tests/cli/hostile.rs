//! Servers that break the rules, or have no end: a clear sentence, bounded memory, and what came before stays.

use crate::program::{Ended, Running, pushscope};
use crate::server::{say, serve, until_closed, upgrade};
use serde_json::Value;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the program may have while it takes what has no end: 64 MiB of queue, and as much again on its way.
pub const BOUND_MIB: u64 = 300;

/// Records from a server that follows a script, to its end.
pub fn record(scheme: &str, more: &[&str], script: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Ended {
    let url = format!("{scheme}://{}/", serve(script));
    let ended = pushscope(&[&["record", &url, "--format", "jsonl", "--reconnect", "no"], more].concat());
    assert!(matches!(ended.code, Some(0 | 1)) && !ended.err.contains("panicked"), "{ended:#?}");
    println!("{} MiB at most", ended.peak_mib);
    assert!(ended.peak_mib < BOUND_MIB, "{} MiB", ended.peak_mib);
    ended
}

/// The keys of the notes on records of a kind.
pub fn notes(ended: &Ended, kind: &str) -> Vec<String> {
    let records = ended.records_so_far();
    let of_kind = records.iter().filter(|record| record["kind"] == kind);
    let notes = of_kind.flat_map(|record| record["notes"].as_array().expect("notes").clone());
    notes.map(|note| note["key"].as_str().expect("a key").to_owned()).collect()
}

pub fn texts(ended: &Ended, kind: &str) -> Vec<String> {
    crate::program::received(&ended.records_so_far(), kind)
}

#[test]
fn garbage() {
    // A fixed stretch of bytes that no protocol begins with.
    let mut garbage: Vec<u8> = (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    garbage[0] = 0xFF;
    for scheme in ["http", "ws"] {
        let garbage = garbage.clone();
        let ended = record(scheme, &[], move |stream, _| {
            say(stream, &garbage);
        });
        ended.refused(1, &["HTTP"]);
        let recorded: Vec<Value> = ended.records_so_far();
        let bytes: u64 = recorded
            .iter()
            .filter(|record| record["dir"] == "in" && record["kind"] != "closed")
            .map(|record| record["span"][1].as_u64().unwrap_or(0))
            .max()
            .unwrap_or(0);
        assert_eq!(bytes, 5000, "{scheme}: not every byte has a record: {ended:#?}");
    }
}

#[test]
fn a_head_without_end() {
    for scheme in ["http", "ws"] {
        let ended = record(scheme, &["-q"], |stream, _| {
            say(stream, "HTTP/1.1 200 OK\r\nX-Long: ");
            let piece = vec![b'a'; 1 << 20];
            // 512 MiB would break the bound, if they were kept.
            for _ in 0..512 {
                if !say(stream, &piece) {
                    return;
                }
            }
        });
        ended.refused(1, &["head"]);
    }
    let ended = record("http", &["-q"], |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\n");
        let piece = b"X-Many: 1\r\n".repeat(100_000);
        for _ in 0..100 {
            if !say(stream, &piece) {
                return;
            }
        }
    });
    ended.refused(1, &["head"]);
}

#[test]
fn a_frame_of_2_to_the_63_bytes() {
    // The client says so and goes on to listen, since all that comes is of interest.
    let ended = record("ws", &["--for", "1s"], |stream, head| {
        upgrade(stream, head);
        say(stream, b"\x81\x05first\x82\x7F\x80\0\0\0\0\0\0\0and what follows");
        until_closed(stream);
    });
    assert_eq!(texts(&ended, "ws.text"), ["first"], "{ended:#?}");
    assert!(ended.out.contains("a frame claims 2^63 bytes or more"), "{ended:#?}");
    assert!(notes(&ended, "ws.frame").iter().any(|key| key.contains("length")), "{:#?}", notes(&ended, "ws.frame"));
}

#[test]
fn a_frame_that_is_legal_but_huge() {
    let ended = record("ws", &["-q"], |stream, head| {
        upgrade(stream, head);
        // 256 MiB in one frame.
        say(stream, b"\x82\x7F\0\0\0\0\x10\0\0\0");
        let piece = vec![0x55; 1 << 20];
        for _ in 0..256 {
            if !say(stream, &piece) {
                return;
            }
        }
        say(stream, b"\x88\x02\x03\xE8");
        until_closed(stream);
    });
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn a_chunk_size_of_forty_digits() {
    let ended = record("http", &["--timeout", "5s"], |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        say(stream, "d\r\ndata: first\n\n\r\n");
        say(stream, format!("{}\r\ndata: second\n\n", "f".repeat(40)));
        until_closed(stream);
    });
    ended.refused(1, &["chunk"]);
    assert_eq!(texts(&ended, "sse.event"), ["first"], "{ended:#?}");
    let all: Vec<String> = ["http.chunk", "http.body", "gap"].iter().flat_map(|kind| notes(&ended, kind)).collect();
    assert!(all.iter().any(|key| key.contains("chunk")), "{ended:#?}");
}

#[test]
fn an_event_line_without_end() {
    static PIECES: AtomicUsize = AtomicUsize::new(0);
    let ended = record("http", &["-q", "--as", "sse"], |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\ndata: ");
        let piece = vec![b'a'; 1 << 20];
        for _ in 0..1024 {
            if !say(stream, &piece) {
                return;
            }
            PIECES.fetch_add(1, Ordering::Relaxed);
        }
        say(stream, "\n\ndata: last\n\n");
    });
    assert_eq!(PIECES.load(Ordering::Relaxed), 1024, "not all of 1 GiB was taken: {ended:#?}");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn invalid_utf_8() {
    let ended = record("http", &["--as", "sse"], |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        say(stream, b"data: before\n\ndata: \xE3\x81\xFF\xC0\n\ndata: after\n\n");
    });
    let events = texts(&ended, "sse.event");
    assert_eq!((events[0].as_str(), events[events.len() - 1].as_str()), ("before", "after"), "{ended:#?}");
    assert!(notes(&ended, "sse.event").iter().any(|key| key.contains("utf")), "{ended:#?}");

    let ended = record("ws", &[], |stream, head| {
        upgrade(stream, head);
        say(stream, b"\x81\x06before\x81\x04\xE3\x81\xFF\xC0\x81\x05after\x88\x02\x03\xE8");
        until_closed(stream);
    });
    assert_eq!(texts(&ended, "ws.text")[0], "before", "{ended:#?}");
    assert!(notes(&ended, "ws.text").iter().any(|key| key.contains("utf")), "{ended:#?}");
    let messages: Vec<Value> =
        ended.records_so_far().into_iter().filter(|record| record["kind"] == "ws.text").collect();
    assert_eq!(messages[1]["base64"], "44H/wA==", "{ended:#?}");
}

#[test]
fn a_flood_is_recorded_whole_in_bounded_memory() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("flood.pushscope");
    let file = file.to_str().expect("a path");
    const MESSAGES: usize = 40_000;
    let ended = record("http", &["-q", "-o", file], |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n");
        let line = format!("{{\"text\":\"{}\"}}\n", "あ".repeat(300));
        for _ in 0..MESSAGES {
            if !say(stream, &line) {
                return;
            }
        }
    });
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let mut shown = Running::pushscope(&["show", file, "--filter", "kind:line"]);
    let mut lines = 0;
    while lines < MESSAGES {
        lines += usize::from(shown.line().contains("↓ line "));
    }
    let ended = shown.finish();
    assert_eq!(ended.out.lines().filter(|line| line.contains("↓ line ")).count(), MESSAGES);
    assert!(ended.peak_mib < BOUND_MIB, "{} MiB", ended.peak_mib);
}
