//! Findings on standard output: text that can be forwarded, JSON Lines for programs.

use super::Failed;
use super::args::Format;
use crate::session::findings::Finding;
use std::io::{self, BufWriter, Write};

/// Prints findings, or that there are none.
pub fn print(findings: &[Finding], format: Format) -> Result<(), Failed> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out, findings, format)?;
    out.flush()?;
    Ok(())
}

fn write(out: &mut impl Write, findings: &[Finding], format: Format) -> io::Result<()> {
    match format {
        Format::Jsonl => findings.iter().try_for_each(|finding| writeln!(out, "{}", finding.to_json())),
        Format::Table if findings.is_empty() => writeln!(out, "No findings."),
        Format::Table => findings.iter().enumerate().try_for_each(|(at, finding)| {
            let gap = if at > 0 { "\n" } else { "" };
            write!(out, "{gap}{}. {}", at + 1, finding.to_text())
        }),
    }
}
