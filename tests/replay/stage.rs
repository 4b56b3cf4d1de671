//! Recordings of the lab, replays of them, and what was recorded, to compare with.

use crate::program::{Ended, Running, pushscope};
use pushscope::session::file::Opened;
use pushscope::wire::{Dir, Entry, What};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a recording in it.
pub struct Recorded {
    pub folder: TempDir,
    pub path: PathBuf,
}

/// Records an address of the lab until it ends by itself or by these options.
#[track_caller]
pub fn record(address: &str, options: &[&str]) -> Recorded {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("original.pushscope");
    record_to(&path, address, options);
    Recorded { folder, path }
}

#[track_caller]
pub fn record_to(path: &Path, address: &str, options: &[&str]) {
    let ended = pushscope(&[&["record", address, "-q", "-o", text(path)], options].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A message of a recording: direction, kind, and what it says.
pub type Message = (String, String, String);

impl Recorded {
    pub fn messages(&self) -> Vec<Message> {
        messages(&self.path)
    }

    /// What the server sent, link by link, as it went over the wire.
    pub fn wire(&self) -> Vec<Vec<u8>> {
        let mut opened = Opened::open(&self.path).expect("a recording");
        let mut links: Vec<(u32, Vec<u8>)> = Vec::new();
        loop {
            let entries = opened.next_batch(1 << 20).expect("entries");
            if entries.is_empty() {
                return links.into_iter().map(|(_, bytes)| bytes).collect();
            }
            for entry in entries {
                let Entry::Event(event) = entry else { continue };
                let What::Bytes(Dir::In, bytes) = event.what else { continue };
                match links.iter_mut().find(|(link, _)| *link == event.link.0) {
                    Some((_, before)) => before.extend_from_slice(&bytes),
                    None => links.push((event.link.0, bytes.to_vec())),
                }
            }
        }
    }

    /// Replays it.
    #[track_caller]
    pub fn replay(&self, options: &[&str]) -> Replaying {
        let mut running = Running::pushscope(
            &[&["replay", text(&self.path), "-q", "--record", text(&self.heard())], options].concat(),
        );
        let line = running.until("listening on ");
        let origin = line.split_whitespace().nth(2).expect("an address").to_owned();
        Replaying { origin, running }
    }

    /// Where a replay records what its clients do.
    pub fn heard(&self) -> PathBuf {
        self.folder.path().join("heard.pushscope")
    }

    /// What a replay said in its recording, after it ended.
    pub fn told(&self) -> Vec<String> {
        let records = show(&self.heard());
        let told = records.iter().filter(|record| record["kind"] == "client");
        told.filter_map(|record| record["summary"].as_str().map(str::to_owned)).collect()
    }
}

/// A replay that runs.
pub struct Replaying {
    /// Such as `http://127.0.0.1:40001`.
    pub origin: String,
    pub running: Running,
}

impl Replaying {
    pub fn http(&self, target: &str) -> String {
        format!("{}{target}", self.origin)
    }

    pub fn ws(&self, target: &str) -> String {
        format!("{}{target}", self.origin.replacen("http", "ws", 1))
    }

    pub fn addr(&self) -> std::net::SocketAddr {
        self.origin.split("//").nth(1).expect("an authority").parse().expect("an address")
    }

    /// Ends it as Ctrl C does.
    #[track_caller]
    pub fn stop(self) -> Ended {
        self.running.signal("INT");
        let ended = self.running.finish();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        ended
    }
}

/// The records of a recording.
#[track_caller]
pub fn show(path: &Path) -> Vec<Value> {
    pushscope(&["show", text(path), "--format", "jsonl"]).records()
}

/// What both sides said, in order of each direction: heads left out, since ports and keys differ.
#[track_caller]
pub fn messages(path: &Path) -> Vec<Message> {
    let said = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let is_message = |record: &Value| {
        let kind = said(record, "kind");
        matches!(kind.as_str(), "sse.event" | "line" | "part" | "http.body" | "ws.text" | "ws.binary" | "ws.close")
    };
    let records = show(path);
    let messages = records.iter().filter(|record| is_message(record));
    let mut messages: Vec<Message> = messages
        .map(|record| (said(record, "dir"), said(record, "kind"), said(record, "text") + &said(record, "base64")))
        .collect();
    // Who of two that speak at the same time was first is chance.
    messages.sort_by_key(|(dir, ..)| dir.clone());
    messages
}
