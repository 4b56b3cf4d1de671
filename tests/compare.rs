//! `pushscope compare` as a check: what it prints, and its exit code.

#[path = "cli/program.rs"]
mod program;

#[path = "compare/hostile.rs"]
mod hostile;
#[path = "compare/recordings.rs"]
mod recordings;

use bytes::Bytes;
use pushscope::session::file::SessionWriter;
use pushscope::wire::{ConnectionId, ConnectionInfo, Dir, Entry, Event, LinkId, Opening, What};
use std::path::{Path, PathBuf};

/// Milliseconds, the direction and the payload of a message.
type Said<'s> = (u64, Dir, &'s [u8]);

/// A recording of WebSockets, one link and connection each, that say this.
fn recording(folder: &Path, name: &str, connections: &[&[Said]]) -> PathBuf {
    let path = folder.join(name);
    let mut writer = SessionWriter::create(&path, 1_700_000_000_000_000_000).expect("a file");
    let mut put = |ms: u64, link: u32, what: What| {
        let event = Event { at_ns: ms * 1_000_000, link: LinkId(link), what };
        writer.put(Entry::Event(event)).expect("it is written");
    };
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let answer = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    for (number, says) in (1..).zip(connections) {
        // Each begins a second after the one before: times count from its opening.
        let began = u64::from(number) * 1000;
        let (host, purpose) = ("a".to_owned(), "request".to_owned());
        let opening = Opening { connection: ConnectionId(number), host, port: 80, tls: false, purpose, via: None };
        put(began, number, What::Opening(opening));
        put(began, number, What::Bytes(Dir::Out, Bytes::from(request)));
        put(began, number, What::Bytes(Dir::In, Bytes::from(answer)));
        for (ms, dir, payload) in *says {
            put(began + ms, number, What::Bytes(*dir, frame(*dir, payload).into()));
        }
    }
    for number in (1..).take(connections.len()) {
        let info = ConnectionInfo { id: ConnectionId(number), spec: "{}".to_owned(), label: "ws://a/".to_owned() };
        writer.put(Entry::Connection(info)).expect("it is written");
    }
    writer.finish().expect("the file is whole");
    path
}

/// A text frame; the client's is masked with zeros.
fn frame(dir: Dir, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    let mask = if dir == Dir::Out { 0x80 } else { 0 };
    match payload.len() {
        len @ 0..=125 => frame.push(mask | len as u8),
        len @ 126..=0xFFFF => {
            frame.push(mask | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(mask | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(vec![0; if mask > 0 { 4 } else { 0 }]);
    frame.extend(payload);
    frame
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}
