//! A HAR read entry by entry, so that one of gigabytes is never held whole.

use super::entry::{Creator, Entry};
use super::link::{Writer, started};
use super::order::{Connections, Order};
use super::rebuild::{Rebuilt, Unfit, rebuild};
use super::tally::Tally;
use crate::interop::{InteropError, Progress, Report};
use crate::session::file::SessionWriter;
use crate::wire::{Act, ClientAct, ConnectionId, ConnectionInfo, Entry as SessionEntry, Event, LinkId, What};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// An entry may be so long.
const ENTRY_LIMIT_BYTES: u64 = 256 << 20;

/// So many addresses get connections of their own; the entries of further ones share one.
const CONNECTIONS_LIMIT: usize = 1000;

/// Events that are written between two looks whether to go on.
const LOOK_EVENTS: u64 = 256;

/// Reads a HAR and writes its exchanges into a session file. `progress` is told how many bytes are done of how many: the
/// file is read once, and as much again is counted for the writing.
pub fn read(input: &Path, to: &mut SessionWriter, progress: Progress) -> Result<Report, InteropError> {
    let refuse =
        |why: &dyn fmt::Display| InteropError::Input(format!("{}: no HAR that can be read: {why}", input.display()));
    let file = File::open(input).map_err(|error| refuse(&error))?;
    let len = file.metadata().map_err(|error| refuse(&error))?.len();
    let gauge = Gauge::default();
    let reader = open(file, &gauge).map_err(|error| refuse(&error))?;
    let mut import = Import::new(to.path(), &gauge, len, progress);
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let outcome = Top(&mut import).deserialize(&mut deserializer);
    if let Some(failure) = import.failure.take() {
        return Err(failure);
    }
    match outcome {
        Err(error) if import.entries == 0 => {
            let hint = "it should be a HAR: JSON with log.entries, as browsers' developer tools and mitmproxy save it";
            return Err(refuse(&format!("{error}; {hint}")));
        }
        Err(error) => {
            let number = import.number + 1;
            import
                .tally
                .example("# place where the file breaks off or is damaged, behind which nothing is read", || {
                    format!("after entry {}: {error}", number - 1)
                });
        }
        Ok(()) => {}
    }
    import.finish(to, input)
}

/// Undoes what is around the JSON: a byte order mark, or zlib's and gzip's compression (mitmproxy's `.zhar`).
fn open<'g>(file: File, gauge: &'g Gauge) -> io::Result<Box<dyn Read + 'g>> {
    let mut reader = BufReader::with_capacity(64 * 1024, Metered { inner: file, gauge });
    let start = reader.fill_buf()?;
    let reader: Box<dyn Read + 'g> = match *start {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Box::new(flate2::bufread::ZlibDecoder::new(reader)),
        _ => Box::new(reader),
    };
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    if reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        reader.consume(3);
    }
    Ok(Box::new(BufReader::with_capacity(64 * 1024, Bounded { inner: reader, gauge })))
}

/// How far reading is.
#[derive(Default)]
struct Gauge {
    /// Bytes of the file.
    read: Cell<u64>,
    /// Bytes of the JSON, and how far they may go before the entry is over.
    json: Cell<u64>,
    limit: Cell<u64>,
}

struct Metered<'g, R> {
    inner: R,
    gauge: &'g Gauge,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(bytes)?;
        self.gauge.read.set(self.gauge.read.get() + len as u64);
        Ok(len)
    }
}

struct Bounded<'g, R> {
    inner: R,
    gauge: &'g Gauge,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.gauge.json.get() > self.gauge.limit.get() + ENTRY_LIMIT_BYTES {
            let mib = ENTRY_LIMIT_BYTES >> 20;
            return Err(io::Error::other(format!(
                "an entry, or what stands between entries, is longer than {mib} MiB"
            )));
        }
        let len = self.inner.read(bytes)?;
        self.gauge.json.set(self.gauge.json.get() + len as u64);
        Ok(len)
    }
}

struct Import<'i> {
    order: Order,
    connections: Connections,
    /// The connections by their addresses.
    places: HashMap<String, ConnectionId>,
    tally: Tally,
    gauge: &'i Gauge,
    len: u64,
    progress: Progress<'i>,
    /// Who wrote the HAR.
    creator: String,
    /// The number of the entry that was read last, from 1, and how many were written.
    number: u64,
    entries: u64,
    links: u32,
    /// When the entry before began.
    last_started: i64,
    /// Why nothing more is read, where that is no fault of the JSON.
    failure: Option<InteropError>,
}

impl<'i> Import<'i> {
    fn new(session: &Path, gauge: &'i Gauge, len: u64, progress: Progress<'i>) -> Import<'i> {
        Import {
            order: Order::new(session),
            connections: Connections::default(),
            places: HashMap::new(),
            tally: Tally::default(),
            gauge,
            len,
            progress,
            creator: String::new(),
            number: 0,
            entries: 0,
            links: 0,
            last_started: 0,
            failure: None,
        }
    }

    /// Takes the next entry.
    fn take(&mut self, text: &str) -> Result<(), InteropError> {
        self.number += 1;
        self.gauge.limit.set(self.gauge.json.get());
        let number = self.number;
        if !(self.progress)(self.gauge.read.get().min(self.len), self.len * 2) {
            return Err(InteropError::Stopped);
        }
        let parsed = serde_json::from_str::<Entry>(text).map_err(|error| Unfit::Broken(error.to_string()));
        let rebuilt = parsed.and_then(|entry| Ok((rebuild(&entry)?, entry)));
        let (rebuilt, entry) = match rebuilt {
            Ok(both) => both,
            Err(Unfit::Scheme(scheme)) => {
                self.tally.example("# entries left out, since their addresses are not of HTTP or WebSocket", || scheme);
                return Ok(());
            }
            Err(Unfit::Broken(why)) => {
                let sentence = "# entries left out, since they cannot be understood";
                self.tally.example(sentence, || format!("entry {number}: {why}"));
                return Ok(());
            }
        };
        let began = started(&entry.started).unwrap_or_else(|| {
            self.tally.add("# entries that do not say when they began, or name no time from 1970 to 2262, put where the one before began", 1);
            self.last_started
        });
        self.last_started = began;
        if entry.comment.text().is_some_and(|comment| !comment.is_empty()) {
            self.tally.add("# entries with a comment, which is not carried over", 1);
        }
        let connection = self.connection(&rebuilt);
        self.links += 1;
        let link = LinkId(self.links);
        let mut writer = Writer { order: &mut self.order, tally: &mut self.tally, link, clock: began };
        writer.exchange(&entry, rebuilt, connection, number)?;
        self.entries += 1;
        Ok(())
    }

    /// The connection of an address, without its query: polls of one place belong together.
    fn connection(&mut self, rebuilt: &Rebuilt) -> ConnectionId {
        let whole = rebuilt.address.whole();
        // What was never sent is told nowhere else than by its connection.
        let mut label = rebuilt.address.place();
        let mut place = if rebuilt.request.is_some() { label.clone() } else { whole.clone() };
        if !self.places.contains_key(&place) && self.connections.len() >= CONNECTIONS_LIMIT {
            let sentence = "# entries that share one connection, since there are more than a thousand addresses";
            self.tally.add(sentence, 1);
            place = "further addresses".to_owned();
            label.clone_from(&place);
        }
        if let Some(id) = self.places.get(&place) {
            return *id;
        }
        let id = ConnectionId(self.connections.len() as u32 + 1);
        let kind = match (rebuilt.is_websocket, rebuilt.is_event_stream) {
            (true, _) => "ws",
            (_, true) => "sse",
            _ => "auto",
        };
        let spec = serde_json::json!({"url": whole, "as": kind}).to_string();
        self.connections.add(ConnectionInfo { id, spec, label });
        self.places.insert(place, id);
        id
    }

    /// Writes what was read, in the order of its times.
    fn finish(mut self, to: &mut SessionWriter, input: &Path) -> Result<Report, InteropError> {
        let remarks = self.tally.sentences();
        if self.entries == 0 {
            let why = if remarks.is_empty() { "its list of entries is empty".to_owned() } else { remarks.join("; ") };
            return Err(InteropError::Nothing(format!("{}: nothing to read: {why}", input.display())));
        }
        let began = self.order.began_unix_ns();
        let began_at = jiff::Timestamp::from_nanosecond(i128::from(began)).map_err(io::Error::other)?;
        to.set_meta("started_at", &began_at.to_string())?;
        let creator = if self.creator.is_empty() { "an unnamed program" } else { &self.creator };
        let (events, len) = (self.order.len() as u64, self.len);
        let progress = &mut self.progress;
        let mut done = 0_u64;
        let mut tell = || {
            done += 1;
            if !done.is_multiple_of(LOOK_EVENTS) {
                return true;
            }
            let share = u128::from(len) * u128::from(done) / u128::from(events.max(1));
            progress(len + share as u64, len * 2)
        };
        let last_ns = self.order.write(to, &mut self.connections, &mut tell)?;
        let text = format!(
            "read from a HAR by {creator}: heads, bodies and messages are as it has them; the bytes between, their reads \
             and the keys of WebSocket frames are made up, and each entry is on a link of its own"
        );
        for link in self.connections.last_links() {
            let what = What::Client(ClientAct { act: Act::Done, text: text.clone() });
            to.put(SessionEntry::Event(Event { at_ns: last_ns, link, what }))?;
        }
        Ok(Report { written: self.entries, of: "entries", remarks })
    }
}

/// The whole document.
struct Top<'t, 'i>(&'t mut Import<'i>);

impl<'de> DeserializeSeed<'de> for Top<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with the member `log`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_log = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "log" {
                map.next_value_seed(Log(&mut *self.0))?;
                has_log = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if has_log { Ok(()) } else { Err(A::Error::custom("it has no member `log`")) }
    }
}

struct Log<'t, 'i>(&'t mut Import<'i>);

impl<'de> DeserializeSeed<'de> for Log<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Log<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("`log` to be an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_entries = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "creator" => {
                    let raw: Box<RawValue> = map.next_value()?;
                    let creator: Creator = serde_json::from_str(raw.get()).unwrap_or_default();
                    let said = format!("{} {}", creator.name.shown(), creator.version.shown());
                    self.0.creator = said.trim().chars().filter(|char| !char.is_control()).take(80).collect();
                }
                "entries" => {
                    map.next_value_seed(Entries(&mut *self.0))?;
                    has_entries = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_entries { Ok(()) } else { Err(A::Error::custom("`log` has no member `entries`")) }
    }
}

struct Entries<'t, 'i>(&'t mut Import<'i>);

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("`entries` to be a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // Each entry is text first, so that one that is not understood does not end the list.
        while let Some(text) = list.next_element::<Box<RawValue>>()? {
            if let Err(failure) = self.0.take(text.get()) {
                self.0.failure = Some(failure);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
