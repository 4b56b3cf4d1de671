//! `pushscope show --check`.

use super::Failed;
use super::args::Format;
use crate::session::duration;
use crate::session::file::{Checked, Condition, check};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often it is said how far reading is.
const PROGRESS_PERIOD: Duration = Duration::from_millis(250);

/// Verifies a recording and says what was found. An error where it is not sound.
pub fn run(path: &Path, format: Format) -> Result<(), Failed> {
    let is_watched = std::io::stderr().is_terminal();
    let mut told_at = Instant::now();
    let checked = check(path, &mut |done, total| {
        if is_watched && told_at.elapsed() >= PROGRESS_PERIOD {
            told_at = Instant::now();
            eprint!("\r\x1b[K{done} of {total} events");
        }
        true
    });
    if is_watched {
        eprint!("\r\x1b[K");
    }
    let checked = checked.map_err(|error| Failed::Run(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    match format {
        Format::Table => table(path, &checked, &mut out)?,
        Format::Jsonl => writeln!(out, "{}", object(path, &checked))?,
    }
    match checked.problems.len() as u64 + checked.further_problems {
        0 => Ok(()),
        1 => Err(Failed::Run(format!("{}: not sound: {}", path.display(), checked.problems[0]))),
        count => Err(Failed::Run(format!("{}: not sound: {count} problems", path.display()))),
    }
}

fn table(path: &Path, checked: &Checked, out: &mut impl Write) -> std::io::Result<()> {
    let verdict = if checked.is_sound() { "sound" } else { "not sound" };
    writeln!(out, "{}: {verdict}", path.display())?;
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let (format, program) = (or(&checked.format, "unknown"), or(&checked.program, "an unknown program"));
    writeln!(out, "  format      {format}, written by {program}")?;
    writeln!(out, "  began       {}", or(&checked.started_at, "unknown"))?;
    writeln!(out, "  ended       {}", ended(&checked.condition))?;
    let (span, [sent, received]) = (duration(checked.last_at_ns), checked.bytes);
    let (connections, links) = (count(checked.connections, "connection"), count(checked.links, "link"));
    writeln!(out, "  holds       {connections}, {links}, {} over {span}", count(checked.events, "event"))?;
    writeln!(out, "  bytes       {sent} sent, {received} received")?;
    writeln!(out, "  records     {}", checked.records)?;
    writeln!(out, "  checksums   {}", checksums(checked))?;
    for problem in &checked.problems {
        writeln!(out, "  ✗ {problem}")?;
    }
    if checked.further_problems > 0 {
        writeln!(out, "  ✗ and {} more", checked.further_problems)?;
    }
    Ok(())
}

fn ended(condition: &Condition) -> String {
    match condition {
        Condition::Ended(at) => at.clone(),
        Condition::Failed(why) => format!("early: {why}"),
        Condition::Open => "no: its program was killed, or writes it still".to_owned(),
    }
}

fn checksums(checked: &Checked) -> String {
    match (checked.events, checked.unverified) {
        (0, _) => "nothing to verify".to_owned(),
        (events, unverified) if unverified == events => {
            "none: it was written before there were checksums; whether its bytes are as written cannot be told"
                .to_owned()
        }
        (_, 0) => "one for every event that was read".to_owned(),
        (_, unverified) => format!("missing for {}", count(unverified, "event")),
    }
}

fn count(number: u64, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn object(path: &Path, checked: &Checked) -> serde_json::Value {
    let (ended_at, failed) = match &checked.condition {
        Condition::Ended(at) => (Some(at), None),
        Condition::Failed(why) => (None, Some(why)),
        Condition::Open => (None, None),
    };
    json!({
        "file": path.to_string_lossy(),
        "sound": checked.is_sound(),
        "format": checked.format,
        "program": checked.program,
        "started_at": checked.started_at,
        "ended_at": ended_at,
        "failed": failed,
        "connections": checked.connections,
        "links": checked.links,
        "events": checked.events,
        "unverified_events": checked.unverified,
        "bytes_out": checked.bytes[0],
        "bytes_in": checked.bytes[1],
        "records": checked.records,
        "last_at_ns": checked.last_at_ns,
        "problems": checked.problems,
        "further_problems": checked.further_problems,
    })
}
