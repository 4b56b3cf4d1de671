//! The formats, and the one place that knows who writes and who reads each. A format more is a line in each list here.

use super::{Chosen, InteropError, Progress, Report, curl, har, html, jsonl, pcapng, websocat};
use crate::session::file::SessionWriter;
use std::io::Write;
use std::path::Path;

/// What a recording can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON Lines: what `show` prints, and the events behind it.
    Jsonl,
    /// HAR 1.2: HTTP exchanges and WebSocket messages.
    Har,
    /// A page that needs nothing else.
    Html,
    /// A curl command for each HTTP request.
    Curl,
    /// A websocat command for each WebSocket.
    Websocat,
    /// A packet capture.
    Pcapng,
}

impl Format {
    /// Every format, in the order in which they are offered.
    pub const ALL: [Format; 6] =
        [Format::Jsonl, Format::Har, Format::Pcapng, Format::Html, Format::Curl, Format::Websocat];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Har => "har",
            Format::Html => "html",
            Format::Curl => "curl",
            Format::Websocat => "websocat",
            Format::Pcapng => "pcapng",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// What it is called on screen.
    pub fn label(self) -> &'static str {
        match self {
            Format::Jsonl => "JSON Lines",
            Format::Har => "HAR",
            Format::Html => "HTML report",
            Format::Curl => "curl commands",
            Format::Websocat => "websocat commands",
            Format::Pcapng => "packet capture (pcapng)",
        }
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Har => "har",
            Format::Html => "html",
            Format::Curl => "curl.sh",
            Format::Websocat => "websocat.sh",
            Format::Pcapng => "pcapng",
        }
    }

    /// Whether it is no text, and of no use on a terminal.
    pub fn is_binary(self) -> bool {
        match self {
            Format::Jsonl | Format::Har | Format::Html | Format::Curl | Format::Websocat => false,
            Format::Pcapng => true,
        }
    }

    /// Writes what was chosen.
    pub fn write(self, chosen: &Chosen, out: &mut dyn Write, progress: Progress) -> Result<Report, InteropError> {
        match self {
            Format::Jsonl => jsonl::write(chosen, out, progress),
            Format::Har => har::write(chosen, out, progress),
            Format::Html => html::write(chosen, out, progress),
            Format::Curl => curl::write(chosen, out, progress),
            Format::Websocat => websocat::write(chosen, out, progress),
            Format::Pcapng => pcapng::write(chosen, out, progress),
        }
    }
}

/// What can be read as a recording, beside session files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Importable {
    /// JSON Lines of `export` or `show`.
    Jsonl,
    /// HAR of a browser or of mitmproxy.
    Har,
    /// A packet capture, pcapng or pcap.
    Pcap,
}

impl Importable {
    /// Every format, in the order in which they are named.
    pub const ALL: [Importable; 3] = [Importable::Jsonl, Importable::Har, Importable::Pcap];

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Importable::Jsonl => "JSON Lines",
            Importable::Har => "HAR",
            Importable::Pcap => "packet capture",
        }
    }

    /// The endings of its files, for pickers.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Importable::Jsonl => &["jsonl", "ndjson"],
            Importable::Har => &["har", "zhar"],
            Importable::Pcap => &["pcapng", "pcap", "cap"],
        }
    }

    /// Reads a file of the format into a session file.
    pub fn read(self, input: &Path, to: &mut SessionWriter, progress: Progress) -> Result<Report, InteropError> {
        match self {
            Importable::Jsonl => jsonl::read(input, to, progress),
            Importable::Har => har::read(input, to, progress),
            Importable::Pcap => pcapng::read(input, to, progress),
        }
    }
}
