//! Records on standard output: a table for people, JSON Lines for programs.

use super::args::{Format, OutputArgs};
use crate::dissect::{Explained, Field, Flags, Record, Severity, Value};
use crate::session::filter::Filter;
use crate::session::{Mark, RecordId, Remark, Session, duration, one_line};
use crate::wire::{Buf, Dir};
use base64::Engine;
use serde_json::{Map, Value as Json, json};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::Range;

/// Bytes of a payload or field that are printed in full.
const PRINT_LIMIT_BYTES: usize = 16 << 20;

/// Bytes of a record that are looked at for a line of the table.
const LINE_LIMIT_BYTES: usize = 2048;

/// Records that are explained at a time, so that what is held at a time stays small.
const STRETCH: usize = 512;

/// Prints the records that a filter lets through.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    filter: Filter,
    args: OutputArgs,
    is_quiet: bool,
    wrote_header: bool,
}

impl Output {
    /// On standard output. The error is a sentence about the filter.
    pub fn new(args: &OutputArgs, is_quiet: bool) -> Result<Output, String> {
        let filter = Filter::parse(&args.filter)
            .map_err(|error| format!("the filter cannot be read at character {}: {}", error.at + 1, error.text))?;
        let out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        Ok(Output { out, filter, args: args.clone(), is_quiet, wrote_header: false })
    }

    /// Prints new records.
    pub fn print(&mut self, session: &Session, new: Range<RecordId>) -> io::Result<()> {
        if self.is_quiet {
            return Ok(());
        }
        let candidates: Vec<RecordId> =
            new.filter(|id| !self.args.messages || is_message_level(&session.records()[*id])).collect();
        let mut shown = Vec::new();
        for stretch in candidates.chunks(STRETCH) {
            shown.extend(self.filter.select(session, stretch));
        }
        let is_table = self.args.format == Format::Table && !self.args.fields;
        let limit = if is_table { LINE_LIMIT_BYTES } else { PRINT_LIMIT_BYTES };
        for ids in shown.chunks(STRETCH).flat_map(|stretch| session.stretches(stretch, limit)) {
            for (id, explained) in ids.iter().zip(session.explain_all(ids, limit)) {
                match self.args.format {
                    Format::Table => self.row(session, *id, &explained)?,
                    Format::Jsonl => {
                        let object = object(session, *id, &explained, self.args.fields);
                        serde_json::to_writer(&mut self.out, &object)?;
                        self.out.write_all(b"\n")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Hands over what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn row(&mut self, session: &Session, id: RecordId, explained: &Explained) -> io::Result<()> {
        if !std::mem::replace(&mut self.wrote_header, true) {
            writeln!(self.out, "{:>6} {:>12} {:>9}   {:<18} {:>8}  summary", "#", "time", "gap", "kind", "size")?;
        }
        let record = &session.records()[id];
        let at_ns = session.at_ns(id);
        let gap = session.gap_ns(id).map_or(String::new(), duration);
        let size = if record.kind.is_fact() { String::new() } else { record.payload_len.to_string() };
        let mark = match record.worst {
            Severity::Error => "  ✗ ",
            Severity::Warning => "  ⚠ ",
            Severity::Info | Severity::None => "",
        };
        let note = match worst_note(explained) {
            None if record.worst < Severity::Warning || record.kind.is_fact() => "",
            // It stands farther on than a line needs to look.
            None => {
                worst_note(&session.explain(id)).unwrap_or("a note on what comes too late in it to be looked at here")
            }
            Some(note) => note,
        };
        let mark = if note.is_empty() { "" } else { mark };
        let remark = session.remarks().get(id).map_or(String::new(), remark_text);
        writeln!(
            self.out,
            "{:>6} {:>12.6} {gap:>9} {} {:<18} {size:>8}  {}{mark}{note}{remark}",
            id + 1,
            at_ns as f64 / 1e9,
            if record.kind.is_fact() { ' ' } else { arrow(record.dir) },
            record.kind.name(),
            session.line(explained),
        )?;
        if self.args.fields {
            for field in &explained.fields {
                let indent = "  ".repeat(usize::from(field.depth));
                let place = place(field, explained);
                let text = session.field_text(explained, field, LINE_LIMIT_BYTES);
                writeln!(self.out, "        {indent}{}: {text}  [{place}]", field.def.label)?;
            }
            for note in &explained.notes {
                let detail = if note.detail.is_empty() { String::new() } else { format!(": {}", note.detail) };
                let (severity, text) = (note.def.severity.name(), note.def.text);
                writeln!(self.out, "        {severity}: {text}{detail}  ({})", note.def.spec)?;
            }
        }
        Ok(())
    }
}

/// What the worst note says, of those that are worth a word in a line.
fn worst_note(explained: &Explained) -> Option<&'static str> {
    let worst = explained.notes.iter().filter(|note| note.def.severity >= Severity::Warning);
    worst.max_by_key(|note| note.def.severity).map(|note| note.def.text)
}

/// A remark at the end of a line: its mark, its colour where it has one, its words.
fn remark_text(remark: &Remark) -> String {
    let color = if remark.mark == Mark::Plain { String::new() } else { format!(" {}", remark.mark.name()) };
    let text = if remark.text.is_empty() { String::new() } else { format!(" {}", one_line(&remark.text)) };
    let colon = if color.is_empty() || text.is_empty() { "" } else { ":" };
    format!("  ⚑{color}{colon}{text}")
}

/// Whether a record is shown where layers below the messages are not.
pub fn is_message_level(record: &Record) -> bool {
    record.kind.is_fact() || record.flags.has(Flags::MESSAGE) || record.worst >= Severity::Warning
}

fn arrow(dir: Dir) -> char {
    match dir {
        Dir::Out => '↑',
        Dir::In => '↓',
    }
}

fn buffer(field: &Field, explained: &Explained) -> String {
    match field.span.buf {
        Buf::Wire(..) => "wire".to_owned(),
        Buf::Made(n) => explained.made.get(n as usize).map_or("made", |made| made.label).to_owned(),
    }
}

fn place(field: &Field, explained: &Explained) -> String {
    let (bit, bits) = (field.span.bit, field.span.bits);
    let buffer = buffer(field, explained);
    if bits == 0 {
        return "not on the wire".to_owned();
    }
    if bit % 8 == 0 && bits % 8 == 0 {
        return format!("{buffer} {}+{}", bit / 8, bits / 8);
    }
    format!("{buffer} {}.{}+{bits} bits", bit / 8, bit % 8)
}

/// A record as DESIGN.md's JSON object.
fn object(session: &Session, id: RecordId, explained: &Explained, with_fields: bool) -> Json {
    let record = &session.records()[id];
    let notes: Vec<Json> = explained
        .notes
        .iter()
        .map(|note| {
            let def = note.def;
            let mut object = json!({"key": def.key, "severity": def.severity.name(), "text": def.text});
            for (key, text) in [("spec", def.spec), ("detail", note.detail.as_str())] {
                if !text.is_empty() {
                    object[key] = text.into();
                }
            }
            object
        })
        .collect();
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| object.insert(key.to_owned(), value);
    put("n", (id + 1).into());
    put("at_ns", session.at_ns(id).into());
    put("connection", session.connection_of(record).0.into());
    put("link", record.link.0.into());
    put("dir", record.dir.name().into());
    put("kind", record.kind.name().into());
    put("span", json!([record.start, record.end()]));
    put("len", record.payload_len.into());
    put("summary", session.line(explained).into());
    put("notes", notes.into());
    if let Some(remark) = session.remarks().get(id) {
        put("remark", json!({"text": remark.text, "mark": remark.mark.name()}));
    }
    // A body that was told message by message has a length and nothing more to say.
    if !explained.payload.is_empty() || explained.payload_left_out > 0 {
        match std::str::from_utf8(&explained.payload) {
            Ok(text) => put("text", text.into()),
            Err(_) => put("base64", base64::engine::general_purpose::STANDARD.encode(&explained.payload).into()),
        };
        if explained.payload_left_out > 0 {
            put("left_out", explained.payload_left_out.into());
        }
    }
    if with_fields {
        let fields: Vec<Json> = explained.fields.iter().map(|field| field_object(session, explained, field)).collect();
        put("fields", fields.into());
    }
    Json::Object(object)
}

fn field_object(session: &Session, explained: &Explained, field: &Field) -> Json {
    let bytes = || session.field_bytes(explained, field, PRINT_LIMIT_BYTES);
    let value = match &field.value {
        Value::Group => Json::Null,
        Value::Number(number) | Value::Named(number, _) => (*number).into(),
        Value::Flag(flag) => u8::from(*flag).into(),
        Value::Says(text) => text.as_ref().into(),
        Value::Text => String::from_utf8_lossy(&bytes()).into_owned().into(),
        Value::Bytes => bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    };
    let mut object = json!({"key": field.def.key, "value": value});
    if let Value::Named(_, name) = &field.value {
        object["name"] = (*name).into();
    }
    object["bit"] = field.span.bit.into();
    object["bits"] = field.span.bits.into();
    object["buf"] = buffer(field, explained).into();
    object
}
