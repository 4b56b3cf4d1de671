//! What stands above the records: the recording, its connections, what was found, and the user's remarks.

use super::text::escaped;
use crate::dissect::Severity;
use crate::interop::Chosen;
use crate::session::findings::Finding;
use crate::session::{Connection, RecordId, duration};
use crate::wire::Act;
use std::io::{Result, Write};

pub(super) fn head(chosen: &Chosen, title: &str, out: &mut dyn Write) -> Result<()> {
    let session = chosen.session;
    let began = match jiff::Timestamp::from_nanosecond(session.started_unix_ns.into()) {
        Ok(began) if session.started_unix_ns != 0 => format!("Recorded {}", began.strftime("%Y-%m-%d %H:%M:%S UTC")),
        _ => "Recorded at a time that is not known".to_owned(),
    };
    let totals = session.totals();
    let [sent, received] = totals.messages;
    let [bytes_out, bytes_in] = totals.bytes.map(bytes);
    write!(out, "<h1>{title}</h1>\n<p class=\"weak\">{began}</p>\n<ul class=\"tiles\">\n")?;
    let tile =
        |out: &mut dyn Write, figure: &str, what: &str| writeln!(out, "<li><b>{figure}</b><span>{what}</span></li>");
    tile(out, &duration(session.last_at_ns()), "long")?;
    let counted = |number: u64, one: &str, many: &str| {
        (count(number), if number == 1 { one.to_owned() } else { many.to_owned() })
    };
    for (figure, what) in [
        counted(session.connections().len() as u64, "connection", "connections"),
        counted(received, "message received", "messages received"),
        counted(sent, "message sent", "messages sent"),
    ] {
        tile(out, &figure, &what)?;
    }
    tile(out, &bytes_in, "in")?;
    tile(out, &bytes_out, "out")?;
    let warnings = totals.notes[Severity::Warning as usize] + totals.notes[Severity::Error as usize];
    if warnings > 0 {
        tile(out, &count(warnings), "records with warnings or errors")?;
    }
    if totals.unverified_links > 0 {
        tile(out, &count(totals.unverified_links), "links without verified TLS")?;
    }
    if totals.stalls > 0 {
        tile(out, &count(totals.stalls), "stalls of the recording")?;
    }
    writeln!(out, "</ul>")
}

/// Connections in the table at most.
const CONNECTIONS: usize = 500;

pub(super) fn connections(chosen: &Chosen, out: &mut dyn Write) -> Result<()> {
    let all = chosen.session.connections();
    if all.is_empty() {
        return Ok(());
    }
    write!(
        out,
        "<h2>Connections</h2>\n<table>\n<tr><th class=\"n\">#</th><th>address</th><th class=\"n c\">links</th>\
         <th class=\"n\">received</th><th class=\"n\">sent</th><th class=\"n c\">in</th><th class=\"n c\">out</th>\
         <th>end</th></tr>\n"
    )?;
    for connection in all.iter().take(CONNECTIONS) {
        let Connection { info, links, over, messages, bytes: moved, .. } = connection;
        let (class, end) = match over {
            Some((Act::GaveUp, text)) => ("error", escaped(text)),
            Some((_, text)) => ("", escaped(text)),
            None => ("weak", "not in the recording".to_owned()),
        };
        writeln!(
            out,
            "<tr><td class=\"n\">{}</td><td class=\"mono t\">{}</td><td class=\"n c\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n c\">{}</td><td class=\"n c\">{}</td><td class=\"t {class}\">{end}</td></tr>",
            info.id.0,
            escaped(&info.label),
            links.len(),
            count(messages[1]),
            count(messages[0]),
            bytes(moved[1]),
            bytes(moved[0]),
        )?;
    }
    writeln!(out, "</table>")?;
    if all.len() > CONNECTIONS {
        writeln!(
            out,
            "<p class=\"weak\">{} more connections are left out.</p>",
            count((all.len() - CONNECTIONS) as u64)
        )?;
    }
    Ok(())
}

pub(super) fn findings(_: &Chosen, found: &[Finding], rows: &[RecordId], out: &mut dyn Write) -> Result<()> {
    writeln!(out, "<h2>Findings</h2>")?;
    if found.is_empty() {
        return writeln!(out, "<p class=\"weak\">Nothing was found to be wrong.</p>");
    }
    let mut sorted: Vec<&Finding> = found.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in sorted {
        let often = if finding.count > 1 { format!(", seen {} times", count(finding.count)) } else { String::new() };
        write!(
            out,
            "<article class=\"card {}\"><h3>{}</h3><p class=\"weak\">{}, {}{often} · connection {}</p><dl>\
             <dt>Seen</dt><dd>{}</dd><dt>Means</dt><dd>{}</dd><dt>Try</dt><dd>{}</dd>",
            finding.severity.name(),
            escaped(finding.title),
            finding.severity.name(),
            finding.confidence.label(),
            finding.connection.0,
            escaped(&finding.seen),
            escaped(&finding.means),
            escaped(&finding.attempt),
        )?;
        if !finding.evidence.is_empty() {
            let places: Vec<String> = finding
                .evidence
                .iter()
                .map(|place| {
                    format!("{} <span class=\"weak\">{}</span>", reference(place.record, rows), escaped(&place.says))
                })
                .collect();
            write!(out, "<dt>Where</dt><dd>{}</dd>", places.join("<br>"))?;
        }
        writeln!(out, "</dl></article>")?;
    }
    Ok(())
}

pub(super) fn remarks(chosen: &Chosen, rows: &[RecordId], out: &mut dyn Write) -> Result<()> {
    if chosen.remarks.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Remarks</h2>")?;
    for remark in chosen.remarks {
        let text = if remark.text.is_empty() { "bookmark".to_owned() } else { escaped(&remark.text) };
        let link = reference(remark.record, rows);
        writeln!(out, "<p class=\"remark {}\">{link} {text}</p>", remark.mark.name())?;
    }
    Ok(())
}

/// The number of a record, leading to its row where the page has it.
fn reference(record: RecordId, rows: &[RecordId]) -> String {
    let number = record + 1;
    match rows.binary_search(&record) {
        Ok(_) => format!("<a href=\"#r{number}\">#{number}</a>"),
        Err(_) => format!("#{number}"),
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes for people.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = if unit == 0 || value >= 99.95 { 0 } else { usize::from(value >= 9.995) ^ 1 };
    format!("{value:.decimals$} {}", UNITS[unit])
}
