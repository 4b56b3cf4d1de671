//! The rows, each of which folds open to what is said of its record.

use super::summary::{bytes, count};
use super::text;
use super::{DETAILED, DETAILS_BYTES};
use crate::dissect::{Explained, Flags, Kind, Severity, Value};
use crate::interop::{Chosen, InteropError, Progress};
use crate::session::{RecordId, Remark, duration};
use crate::wire::{Buf, Dir};
use std::fmt::Write as _;
use std::io::Write;

/// Bytes of a record that are looked at for a row, and for its details.
const ROW_BYTES: usize = 2048;
const RECORD_BYTES: usize = 64 << 10;

/// What is shown of a record: bytes of its payload and of the wire, fields, bytes of a field's value.
const PAYLOAD_BYTES: usize = 8 << 10;
const HEX_BYTES: usize = 1 << 10;
const FIELDS: usize = 200;
const VALUE_BYTES: usize = 400;

/// More fields fold away.
const FEW_FIELDS: usize = 12;

/// Records that are explained at a time.
const STRETCH: usize = 256;

/// A gap stands out from so many nanoseconds on.
const LONG_GAP_NS: u64 = 1_000_000_000;

/// Writes the rows of `ids`, which are the first of `count` of `all`. How many of them fold open.
pub(super) fn records(
    chosen: &Chosen,
    ids: &[RecordId],
    count_chosen: usize,
    all: usize,
    out: &mut dyn Write,
    progress: Progress,
) -> Result<usize, InteropError> {
    let session = chosen.session;
    writeln!(out, "<h2>Records</h2>")?;
    let mut sentence = match chosen.ids {
        None => format!("All {} records.", count(all as u64)),
        Some(_) => format!("{} of {} records were chosen.", count(count_chosen as u64), count(all as u64)),
    };
    if count_chosen > ids.len() {
        let _ = write!(sentence, " This page has the first {} of them.", count(ids.len() as u64));
    }
    writeln!(out, "<p class=\"weak\">{sentence} A row folds open to its fields, payload and bytes.</p>")?;
    write!(
        out,
        "<div class=\"rows\">\n<div class=\"row top\"><span></span><span class=\"n\">#</span><span class=\"n\">time</span>\
         <span class=\"n g\">gap</span><span></span><span>kind</span><span class=\"n z\">size</span><span>summary</span>\
         </div>\n"
    )?;
    let (mut told, mut spent, mut done) = (0, 0_u64, 0);
    let mut is_full = false;
    for stretch in ids.chunks(STRETCH) {
        is_full |= told >= DETAILED || spent > DETAILS_BYTES;
        let limit = if is_full { ROW_BYTES } else { RECORD_BYTES };
        for ids in session.stretches(stretch, limit) {
            for (id, explained) in ids.iter().zip(session.explain_all(ids, limit)) {
                if !is_full && (told >= DETAILED || spent > DETAILS_BYTES) {
                    is_full = true;
                    let rest = "The records from here on have their row only, so that the page stays of a size that \
                                opens anywhere: a filter chooses others.";
                    writeln!(out, "<p class=\"note\">{rest}</p>")?;
                }
                let row = row(chosen, *id, &explained, !is_full);
                let remark = remark_of(chosen.remarks, *id);
                if is_full {
                    writeln!(out, "<div class=\"row {}\" id=\"r{}\">{row}</div>", class(&explained), id + 1)?;
                    continue;
                }
                let body = details(chosen, &explained, remark);
                spent += body.len() as u64;
                told += 1;
                writeln!(
                    out,
                    "<details id=\"r{}\"><summary><span class=\"row {}\">{row}</span></summary>{body}</details>",
                    id + 1,
                    class(&explained)
                )?;
            }
            done += ids.len();
            if !progress(done as u64, count_chosen.min(super::ROWS) as u64) {
                return Err(InteropError::Stopped);
            }
        }
    }
    writeln!(out, "</div>")?;
    Ok(told)
}

fn remark_of(remarks: &[Remark], id: RecordId) -> Option<&Remark> {
    remarks.binary_search_by_key(&id, |remark| remark.record).ok().map(|at| &remarks[at])
}

fn class(explained: &Explained) -> String {
    let record = &explained.record;
    let kind = match record.kind {
        Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational => "head",
        kind if kind.is_fact() => "fact",
        _ if record.flags.has(Flags::MESSAGE) => "msg",
        _ => "layer",
    };
    match record.worst {
        Severity::Error => format!("{kind} error"),
        Severity::Warning => format!("{kind} warning"),
        Severity::Info | Severity::None => kind.to_owned(),
    }
}

fn row(chosen: &Chosen, id: RecordId, explained: &Explained, folds: bool) -> String {
    let (session, record) = (chosen.session, &explained.record);
    let at_ns = session.at_ns(id);
    let gap = session.gap_ns(id);
    let long = if gap.is_some_and(|gap| gap >= LONG_GAP_NS) { " long" } else { "" };
    let arrow = match (record.kind.is_fact(), record.dir) {
        (true, _) => "<span></span>",
        (false, Dir::Out) => "<span class=\"out\" title=\"sent\">↑</span>",
        (false, Dir::In) => "<span class=\"in\" title=\"received\">↓</span>",
    };
    // As in the window: of the wire where there is no payload.
    let size = match (record.kind.is_fact(), record.payload_len) {
        (true, _) => String::new(),
        (false, 0) => bytes(record.len),
        (false, len) => bytes(len),
    };
    let mut summary = text::escaped(&session.line(explained));
    let worst = explained.notes.iter().filter(|note| note.def.severity >= Severity::Warning);
    if let Some(note) = worst.max_by_key(|note| note.def.severity) {
        let mark = if note.def.severity == Severity::Error { "✗" } else { "⚠" };
        let _ = write!(summary, " <em>{mark} {}</em>", text::escaped(note.def.text));
    }
    if let Some(remark) = remark_of(chosen.remarks, id) {
        let said = if remark.text.is_empty() { "bookmark" } else { &remark.text };
        let _ = write!(summary, " <em class=\"in\">⚑ {}</em>", text::escaped(said));
    }
    let fold = if folds { "<span class=\"f\"></span>" } else { "<span></span>" };
    format!(
        "{fold}<span class=\"n\">{}</span><span class=\"n\">{}.{:06}</span><span class=\"n g{long}\">{}</span>{arrow}\
         <span class=\"k\">{}</span><span class=\"n z\">{size}</span><span class=\"s\">{summary}</span>",
        id + 1,
        at_ns / 1_000_000_000,
        at_ns / 1000 % 1_000_000,
        gap.map_or(String::new(), duration),
        record.kind.name(),
    )
}

fn details(chosen: &Chosen, explained: &Explained, remark: Option<&Remark>) -> String {
    let (session, record) = (chosen.session, &explained.record);
    let mut html = String::from("<div class=\"body\">");
    if let Some(remark) = remark.filter(|remark| !remark.text.is_empty()) {
        let _ = write!(html, "<p class=\"remark {}\">{}</p>", remark.mark.name(), text::escaped(&remark.text));
    }
    for note in &explained.notes {
        let (severity, said) = (note.def.severity.name(), text::escaped(note.def.text));
        let detail = if note.detail.is_empty() { String::new() } else { format!(": {}", text::escaped(&note.detail)) };
        let spec =
            if note.def.spec.is_empty() { String::new() } else { format!(" ({})", text::escaped(note.def.spec)) };
        let _ = write!(
            html,
            "<p class=\"note {severity}\"><b>{severity}</b> {said}{detail}<span class=\"weak\">{spec}</span></p>"
        );
    }
    if !explained.payload.is_empty() {
        let shown = &explained.payload[..explained.payload.len().min(PAYLOAD_BYTES)];
        let total = record.payload_len.max(explained.payload.len() as u64);
        let _ =
            write!(html, "<h4>Payload{}</h4><pre>{}</pre>", shown_of(shown.len() as u64, total), text::bytes(shown));
    }
    if !record.kind.is_fact() && record.len > 0 {
        let wire = session.wire(record.link, record.dir, record.start, (record.len as usize).min(HEX_BYTES));
        let shown = shown_of(wire.len() as u64, record.len);
        if matches!(record.kind, Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational) {
            let head = session.wire(record.link, record.dir, record.start, (record.len as usize).min(PAYLOAD_BYTES));
            // Line ends as such, so that a head reads as one; in the bytes below they are as they are.
            let head: Vec<u8> = head.split_inclusive(|byte| *byte == b'\n').flat_map(unix_line).collect();
            let shown = shown_of(record.len.min(PAYLOAD_BYTES as u64), record.len);
            let _ = write!(html, "<h4>Head{shown}</h4><pre>{}</pre>", text::bytes(head.trim_ascii_end()));
        }
        let _ = write!(
            html,
            "<h4>Bytes on the wire{shown}</h4><pre class=\"hex\">{}</pre>",
            text::hex(&wire, record.start)
        );
    }
    fields(chosen, explained, &mut html);
    html.push_str("</div>");
    html
}

/// A line with a plain line feed at its end.
fn unix_line(line: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let (text, end) = match line.strip_suffix(b"\r\n") {
        Some(text) => (text, Some(b'\n')),
        None => (line, None),
    };
    text.iter().copied().chain(end)
}

fn shown_of(shown: u64, total: u64) -> String {
    if shown < total { format!(", the first {} of {} bytes", count(shown), count(total)) } else { String::new() }
}

fn fields(chosen: &Chosen, explained: &Explained, html: &mut String) {
    if explained.fields.is_empty() {
        return;
    }
    let folds = explained.fields.len() > FEW_FIELDS;
    match folds {
        true => _ = write!(html, "<details class=\"more\"><summary>{} fields</summary><table>", explained.fields.len()),
        false => html.push_str("<h4>Fields</h4><table>"),
    }
    for field in explained.fields.iter().take(FIELDS) {
        let value = match &field.value {
            Value::Group => String::new(),
            _ => text::escaped(&chosen.session.field_text(explained, field, VALUE_BYTES)),
        };
        let place = match (field.span.bits, field.span.buf) {
            (0, _) => String::new(),
            (_, Buf::Wire(..)) => "wire".to_owned(),
            (_, Buf::Made(n)) => explained.made.get(n as usize).map_or("made", |made| made.label).to_owned(),
        };
        let (bit, bits) = (field.span.bit, field.span.bits);
        let place = match (bits, bit % 8 == 0 && bits % 8 == 0) {
            (0, _) => place,
            (_, true) => format!("{place} {}+{}", bit / 8, bits / 8),
            (_, false) => format!("{place} {}.{}+{bits} bits", bit / 8, bit % 8),
        };
        let depth = field.depth.min(3);
        let _ = write!(
            html,
            "<tr><td class=\"l weak d{depth}\">{}</td><td class=\"t\">{value}</td><td class=\"l weak n\">{place}</td></tr>",
            text::escaped(field.def.label)
        );
    }
    html.push_str("</table>");
    if folds {
        html.push_str("</details>");
    }
    if explained.fields.len() > FIELDS {
        let _ = write!(html, "<p class=\"note\">{} more fields are left out.</p>", explained.fields.len() - FIELDS);
    }
}
