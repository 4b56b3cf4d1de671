//! Captures as recordings.

mod assembler;
mod capture;
mod frame;
mod interfaces;
mod reading;
mod report;
mod speaks;
mod streams;
pub mod survey;

use crate::interop::{InteropError, Progress, Report};
use crate::session::file::SessionWriter;
use crate::wire::{ConnectionId, ConnectionInfo, Entry, Event, LinkId, Opening, What};
use capture::Capture;
pub use capture::begins;
use frame::Frames;
use reading::{Losses, Reading, noticed};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use streams::Tracker;
use survey::{PACKETS_BETWEEN_REPORTS, Survey, Surveyed, Taken};

/// Bytes that may be held back in all connections together.
const HELD_LIMIT_BYTES: usize = 64 << 20;

/// Zeros that stand for missing bytes are as many as the file has bytes at most, and at least so many.
const FILL_BYTES: u64 = 16 << 20;

/// Reads a capture, pcapng or classic pcap, into a session file: the TCP connections on which HTTP/1, WebSocket or SOCKS
/// is spoken in plain text. Times are those of the packets; the recording begins with the first packet of those
/// connections. The report's `written` counts them.
pub fn read(input: &Path, to: &mut SessionWriter, progress: Progress<'_>) -> Result<Report, InteropError> {
    let (survey, surveyed) = survey::survey(input, progress)?;
    let name = input.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let started_ns = survey.taken().map(|taken| taken.first_ns).min();
    let Some(started_ns) = started_ns else {
        return Err(InteropError::Nothing(report::nothing(&name, &survey)));
    };
    let started = jiff::Timestamp::from_nanosecond(started_ns.into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    to.set_meta("started_at", &started.to_string())?;
    let may_fill = surveyed.len_bytes.max(FILL_BYTES);
    let mut import = Import {
        to,
        name,
        started_ns,
        names: surveyed.names,
        connections: HashMap::new(),
        links: 0,
        readings: HashMap::new(),
        losses: Losses { may_fill, ..Losses::default() },
        held_bytes: 0,
    };
    let mut capture = Capture::open(input)?;
    let (mut frames, mut tracker) = (Frames::default(), Tracker::default());
    for number in 0..survey.packets {
        if number % PACKETS_BETWEEN_REPORTS == 0
            && !progress(capture.len_bytes + capture.read_bytes, capture.len_bytes * 2)
        {
            return Err(InteropError::Stopped);
        }
        let Some(packet) = capture.next_packet() else { break };
        let unix_ns = packet.unix_ns;
        if let Some(segment) = frames.segment(&packet)
            && let Some(place) = tracker.place(&segment)
            && let Some(Surveyed { taken: Some(taken), .. }) = survey.streams.get(place.stream)
        {
            import.take(taken, &segment, place, unix_ns)?;
        }
    }
    progress(capture.len_bytes * 2, capture.len_bytes * 2);
    Ok(report::of(&survey, &import.losses))
}

struct Import<'w> {
    to: &'w mut SessionWriter,
    /// The capture's file name.
    name: String,
    started_ns: u64,
    names: HashMap<IpAddr, String>,
    /// One connection for each client and server.
    connections: HashMap<(IpAddr, SocketAddr), ConnectionId>,
    links: u32,
    readings: HashMap<usize, (LinkId, u64, Reading)>,
    losses: Losses,
    held_bytes: usize,
}

impl Import<'_> {
    fn take(
        &mut self,
        taken: &Taken,
        segment: &frame::Segment<'_>,
        place: streams::Place,
        unix_ns: u64,
    ) -> Result<(), InteropError> {
        // Packets may stand in a file a little out of order; on a link, time does not go back.
        let at_ns = unix_ns.saturating_sub(self.started_ns);
        let (link, at_ns, mut reading) = match self.readings.remove(&place.stream) {
            Some((link, last_ns, reading)) => (link, at_ns.max(last_ns), reading),
            None => (self.open(taken, at_ns)?, at_ns, Reading::new(taken)),
        };
        let before = reading.held_bytes();
        let mut events = reading.take(taken, segment, place, unix_ns, &mut self.losses);
        self.held_bytes = (self.held_bytes + reading.held_bytes()).saturating_sub(before);
        if self.held_bytes > HELD_LIMIT_BYTES {
            let before = reading.held_bytes();
            events.extend(reading.give_up(&mut self.losses));
            self.held_bytes = (self.held_bytes + reading.held_bytes()).saturating_sub(before);
        }
        for what in events {
            self.put(at_ns, link, what)?;
        }
        if !reading.is_over(taken) {
            self.readings.insert(place.stream, (link, at_ns, reading));
        }
        Ok(())
    }

    fn put(&mut self, at_ns: u64, link: LinkId, what: What) -> Result<(), InteropError> {
        Ok(self.to.put(Entry::Event(Event { at_ns, link, what }))?)
    }

    /// A link for a connection whose first segment comes.
    fn open(&mut self, taken: &Taken, at_ns: u64) -> Result<LinkId, InteropError> {
        let [client, server] = taken.ends;
        self.links += 1;
        let link = LinkId(self.links);
        let url = speaks::url(&taken.head, server);
        let next = ConnectionId(self.connections.len() as u32 + 1);
        let mut connection = next;
        self.connections.entry((client.ip(), server)).and_modify(|known| connection = *known).or_insert(next);
        if connection == next {
            let spec = serde_json::json!({ "url": url }).to_string();
            self.to.put(Entry::Connection(ConnectionInfo { id: connection, spec, label: url.clone() }))?;
        }
        let of_url = url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let named = self.names.get(&server.ip()).cloned();
        let host = named.or(of_url).unwrap_or_else(|| server.ip().to_string());
        let purpose = "captured".to_owned();
        let opening = Opening { connection, host, port: server.port(), tls: false, purpose, via: None };
        self.put(at_ns, link, What::Opening(opening))?;
        if self.links == 1 {
            let text = format!(
                "imported from {}: reads and writes are TCP segments, times are those of the packets; name resolution and \
                 what the client decided are not in a capture",
                self.name
            );
            self.put(at_ns, link, noticed(text))?;
        }
        if !taken.has_begun {
            let text = match taken.left_out {
                0 => "the beginning of this connection is not in the capture".to_owned(),
                left_out => format!(
                    "the beginning of this connection is not in the capture: the {left_out} bytes before the first request \
                     are left out"
                ),
            };
            self.put(at_ns, link, noticed(text))?;
        } else if taken.left_out > 0 {
            let text = format!("{} bytes before the first request are left out", taken.left_out);
            self.put(at_ns, link, noticed(text))?;
        }
        Ok(link)
    }
}

impl Survey {
    /// The connections that are imported.
    pub fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.streams.iter().filter_map(|stream| stream.taken.as_deref())
    }
}
