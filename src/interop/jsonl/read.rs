//! Lines read back into a session file.

use super::rebuild::Rebuild;
use super::{VERSION, event};
use crate::interop::{InteropError, Progress, Report};
use crate::session::file::SessionWriter;
use crate::session::{Mark, RecordId, Remark, StoredRemark};
use crate::wire::{Act, ClientAct, ConnectionId, ConnectionInfo, Entry, Event, LinkId, What};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A line that is longer is none of ours: a payload is written up to 16 MiB, and each byte of it may take six.
const LINE_LIMIT_BYTES: u64 = 256 << 20;

/// Lines between two looks whether to go on.
const STEP: u64 = 256;

/// Reads JSON Lines. Events give back the very session that was written; records alone say what was said, and a session
/// is made of that.
pub fn read(input: &Path, to: &mut SessionWriter, progress: Progress) -> Result<Report, InteropError> {
    let failed = |error: std::io::Error| InteropError::Input(format!("{}: cannot be read: {error}", input.display()));
    let file = File::open(input).map_err(failed)?;
    let total = file.metadata().map_or(0, |metadata| metadata.len());
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let rebuild = Rebuild::new(name);
    let mut lines = Lines {
        to,
        input,
        rebuild,
        number: 0,
        events: 0,
        records: 0,
        remarks: 0,
        strange: 0,
        wrong: 0,
        first_wrong: String::new(),
        last_ns: 0,
        is_cut: false,
    };
    let (mut line, mut done) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_LIMIT_BYTES).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            break;
        }
        lines.number += 1;
        done += read as u64;
        if read as u64 >= LINE_LIMIT_BYTES && line.last() != Some(&b'\n') {
            done += skip_line(&mut reader).map_err(failed)?;
            line = Vec::new();
            lines.leave_out(&format!("it is longer than {} MiB", LINE_LIMIT_BYTES >> 20));
            continue;
        }
        match lines.take(&line) {
            Ok(()) => {}
            Err(Unread::Line(why)) => lines.leave_out(&why),
            Err(Unread::File(error)) => return Err(error),
        }
        if lines.number.is_multiple_of(STEP) && !progress(done, total) {
            return Err(InteropError::Stopped);
        }
    }
    lines.report()
}

/// Goes behind the next line end.
fn skip_line(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let held = reader.fill_buf()?;
        let end = memchr::memchr(b'\n', held);
        let len = end.map_or(held.len(), |at| at + 1);
        reader.consume(len);
        skipped += len as u64;
        if end.is_some() || len == 0 {
            return Ok(skipped);
        }
    }
}

/// Why a line is not read.
enum Unread {
    /// It is left out, and what is behind it is read.
    Line(String),
    /// Nothing more is read.
    File(InteropError),
}

impl<E: Into<InteropError>> From<E> for Unread {
    fn from(error: E) -> Unread {
        Unread::File(error.into())
    }
}

struct Lines<'a> {
    to: &'a mut SessionWriter,
    input: &'a Path,
    /// Makes a session of records where there are no events.
    rebuild: Rebuild,
    number: u64,
    events: u64,
    records: u64,
    remarks: u64,
    strange: u64,
    /// Lines that should say something and cannot be read, and what is wrong with the first.
    wrong: u64,
    first_wrong: String,
    /// When the last event was.
    last_ns: u64,
    is_cut: bool,
}

impl Lines<'_> {
    fn wrong(&self, why: &str) -> InteropError {
        InteropError::Input(format!("{}: line {}: {why}", self.input.display(), self.number))
    }

    fn leave_out(&mut self, why: &str) {
        self.wrong += 1;
        if self.wrong == 1 {
            self.first_wrong = format!("line {}: {why}", self.number);
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Unread> {
        let line_end = line.ends_with(b"\n");
        let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let value: Value = match serde_json::from_slice(text) {
            Ok(value) => value,
            // What was being written when its writer was stopped.
            Err(_) if !line_end && self.events + self.records > 0 => {
                self.is_cut = true;
                return Ok(());
            }
            Err(error) => return Err(Unread::Line(format!("it is no JSON object: {error}"))),
        };
        if let Some(head) = value.get("pushscope") {
            return Ok(self.head(head)?);
        }
        if let Some(connection) = value.get("connection").filter(|connection| connection.is_object()) {
            let info = connection_info(connection).map_err(Unread::Line)?;
            self.to.put(Entry::Connection(info))?;
        } else if let Some(event) = value.get("event").filter(|event| event.is_object()) {
            if self.events == 0 && self.records > 0 {
                let why = "an event stands behind records; it should stand before all of them";
                return Err(Unread::Line(why.to_owned()));
            }
            self.event(event)?;
        } else if let Some(remark) = value.get("remark").filter(|remark| remark.is_object() && value.get("n").is_none())
        {
            self.remark(remark);
        } else if value.get("n").is_some() && value.get("kind").is_some() {
            self.records += 1;
            if self.events == 0 {
                self.rebuild.take(&value).map_err(Unread::Line)?;
                self.put_rebuilt()?;
            }
        } else {
            self.strange += 1;
        }
        Ok(())
    }

    /// An event. Where one of a link cannot be read, the link says so, since what follows may be read otherwise for it.
    fn event(&mut self, said: &Value) -> Result<(), Unread> {
        match event::from_json(said) {
            Ok(event) => {
                self.last_ns = event.at_ns;
                self.to.put(Entry::Event(event))?;
                self.events += 1;
                Ok(())
            }
            Err(why) => {
                let link = said["link"].as_u64().and_then(|link| u32::try_from(link).ok());
                if let Some(link) = link.filter(|_| self.events > 0) {
                    let text = format!("an event is missing here, since line {} cannot be read: {why}", self.number);
                    let what = What::Client(ClientAct { act: Act::Noticed, text });
                    self.to.put(Entry::Event(Event { at_ns: self.last_ns, link: LinkId(link), what }))?;
                }
                Err(Unread::Line(why))
            }
        }
    }

    fn put_rebuilt(&mut self) -> Result<(), InteropError> {
        while let Some(entry) = self.rebuild.next() {
            self.to.put(entry)?;
        }
        Ok(())
    }

    /// A remark on a record of the session that the events make; records alone make another one.
    fn remark(&mut self, said: &Value) {
        let id = said["n"].as_u64().and_then(|n| RecordId::try_from(n).ok()).and_then(|n| n.checked_sub(1));
        let Some(record) = id.filter(|_| self.events > 0) else {
            self.remarks += 1;
            return;
        };
        let mark = said["mark"].as_str().and_then(Mark::named).unwrap_or_default();
        let text = said["text"].as_str().unwrap_or_default().to_owned();
        self.to.put_remark(StoredRemark { remark: Remark { record, text, mark }, place: None });
    }

    fn head(&mut self, head: &Value) -> Result<(), InteropError> {
        let version = head["format"].as_u64().unwrap_or(0);
        if version > VERSION {
            return Err(self.wrong(&format!(
                "it is written in format {version}, and this program knows formats up to {VERSION}; a newer Pushscope \
                 can read it"
            )));
        }
        let Some(started) = head["started_at"].as_str() else { return Ok(()) };
        if started.parse::<jiff::Timestamp>().is_err() {
            return Err(self.wrong(&format!("its \"started_at\" is {started:?}, and should be a time (RFC 3339)")));
        }
        Ok(self.to.set_meta("started_at", started)?)
    }

    fn report(mut self) -> Result<Report, InteropError> {
        if self.events == 0 {
            self.rebuild.finish();
            self.put_rebuilt()?;
        }
        let is_rebuilt = self.events == 0 && self.rebuild.made > 0;
        if self.events == 0 && !is_rebuilt && self.wrong > 0 {
            return Err(InteropError::Input(format!("{}: {}", self.input.display(), self.first_wrong)));
        }
        if self.events == 0 && !is_rebuilt {
            let text = format!(
                "{}: there is no event and no message in it, so there is nothing to show",
                self.input.display()
            );
            return Err(InteropError::Nothing(text));
        }
        let mut remarks = Vec::new();
        if is_rebuilt {
            remarks.push(
                "these are records and no events, as `show` prints them: payloads and times are as recorded, heads and \
                 framing are made up; `pushscope export --to jsonl` without a filter writes what comes back as it was"
                    .to_owned(),
            );
            let Rebuild { left, cut, .. } = self.rebuild;
            if left > 0 {
                remarks.push(format!("{left} records of links, frames, chunks and the like are left out"));
            }
            if cut > 0 {
                remarks.push(format!("the payloads of {cut} records are not whole"));
            }
        }
        if self.wrong > 0 {
            let these = if self.wrong == 1 { "line that cannot be read was" } else { "lines that cannot be read were" };
            remarks.push(format!("{} {these} left out ({})", self.wrong, self.first_wrong));
        }
        if self.is_cut {
            remarks.push("the last line is cut off and was left out".to_owned());
        }
        if self.strange > 0 {
            let these =
                if self.strange == 1 { "line means nothing here and was" } else { "lines mean nothing here and were" };
            remarks.push(format!("{} {these} left out", self.strange));
        }
        if self.remarks > 0 {
            remarks.push(format!("{} remarks on records without events were left out", self.remarks));
        }
        match is_rebuilt {
            true => Ok(Report { written: self.rebuild.made, of: "messages", remarks }),
            false => Ok(Report { written: self.events, of: "events", remarks }),
        }
    }
}

fn connection_info(value: &Value) -> Result<ConnectionInfo, String> {
    let id =
        value["id"].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("its \"id\" is no connection's number")?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Ok(ConnectionInfo { id: ConnectionId(id), spec: text("spec"), label: text("label") })
}
