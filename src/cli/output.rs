//! Records on standard output: a table for people, JSON Lines for programs.

use super::args::{Format, OutputArgs};
use crate::dissect::{Explained, Field, Severity};
use crate::interop::{is_message_level, jsonl};
use crate::session::filter::Filter;
use crate::session::{Mark, RecordId, Remark, Session, duration, one_line};
use crate::wire::Dir;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::Range;

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
        let filter = super::filter_of(&args.filter)?;
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
        let limit = if is_table { LINE_LIMIT_BYTES } else { jsonl::RECORD_LIMIT_BYTES };
        for ids in shown.chunks(STRETCH).flat_map(|stretch| session.stretches(stretch, limit)) {
            for (id, explained) in ids.iter().zip(session.explain_all(ids, limit)) {
                match self.args.format {
                    Format::Table => self.row(session, *id, &explained)?,
                    Format::Jsonl => {
                        let object = jsonl::object(session, *id, &explained, self.args.fields);
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

fn arrow(dir: Dir) -> char {
    match dir {
        Dir::Out => '↑',
        Dir::In => '↓',
    }
}

fn place(field: &Field, explained: &Explained) -> String {
    let (bit, bits) = (field.span.bit, field.span.bits);
    let buffer = jsonl::buffer(field, explained);
    if bits == 0 {
        return "not on the wire".to_owned();
    }
    if bit % 8 == 0 && bits % 8 == 0 {
        return format!("{buffer} {}+{}", bit / 8, bits / 8);
    }
    format!("{buffer} {}.{}+{bits} bits", bit / 8, bit % 8)
}
