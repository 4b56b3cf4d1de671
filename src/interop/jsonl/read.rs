//! Lines read back into a session file.

use super::rebuild::Rebuild;
use super::{VERSION, event};
use crate::interop::{InteropError, Progress, Report};
use crate::session::file::SessionWriter;
use crate::session::{Mark, RecordId, Remark, StoredRemark};
use crate::wire::{ConnectionId, ConnectionInfo, Entry};
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
    let mut lines =
        Lines { to, input, rebuild, number: 0, events: 0, records: 0, remarks: 0, strange: 0, is_cut: false };
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
            return Err(lines.wrong(&format!("it is longer than {} MiB", LINE_LIMIT_BYTES >> 20)));
        }
        lines.take(&line)?;
        if lines.number.is_multiple_of(STEP) && !progress(done, total) {
            return Err(InteropError::Stopped);
        }
    }
    lines.report()
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
    is_cut: bool,
}

impl Lines<'_> {
    fn wrong(&self, why: &str) -> InteropError {
        InteropError::Input(format!("{}: line {}: {why}", self.input.display(), self.number))
    }

    fn take(&mut self, line: &[u8]) -> Result<(), InteropError> {
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
            Err(error) => return Err(self.wrong(&format!("it is no JSON object: {error}"))),
        };
        let wrong = |why: String, lines: &Self| lines.wrong(&why);
        if let Some(head) = value.get("pushscope") {
            return self.head(head);
        }
        if let Some(connection) = value.get("connection").filter(|connection| connection.is_object()) {
            let info = connection_info(connection).map_err(|why| wrong(why, self))?;
            self.to.put(Entry::Connection(info))?;
        } else if let Some(event) = value.get("event").filter(|event| event.is_object()) {
            if self.events == 0 && self.records > 0 {
                return Err(self.wrong("an event stands behind records; it should stand before all of them"));
            }
            let event = event::from_json(event).map_err(|why| wrong(why, self))?;
            self.to.put(Entry::Event(event))?;
            self.events += 1;
        } else if let Some(remark) = value.get("remark").filter(|remark| remark.is_object() && value.get("n").is_none())
        {
            self.remark(remark);
        } else if value.get("n").is_some() && value.get("kind").is_some() {
            self.records += 1;
            if self.events == 0 {
                self.rebuild.take(&value).map_err(|why| wrong(why, self))?;
                self.put_rebuilt()?;
            }
        } else {
            self.strange += 1;
        }
        Ok(())
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
        if self.is_cut {
            remarks.push("the last line is cut off and was left out".to_owned());
        }
        if self.strange > 0 {
            remarks.push(format!("{} lines mean nothing here and were left out", self.strange));
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
