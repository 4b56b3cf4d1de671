//! A report that opens in any browser: one file, no script, nothing from elsewhere.
//!
//! All that a recording holds may come from somebody hostile. It goes into the page through [`text`] only, and a content
//! security policy makes the browser refuse what would get through nevertheless.

mod figure;
mod records;
mod style;
mod summary;
mod text;

use super::{Chosen, InteropError, Progress, Report};
use crate::session::RecordId;
use crate::session::findings::Findings;
use std::io::Write;
use std::time::{Duration, Instant};
use text::escaped;

/// Rows that a page has at most; browsers get slow beyond.
const ROWS: usize = 20_000;

/// Records that can be folded open at most, and bytes that they take in the page.
const DETAILED: usize = 2_000;
const DETAILS_BYTES: u64 = 24 << 20;

/// How long findings are looked for between two looks whether to go on.
const SLICE: Duration = Duration::from_millis(50);

/// Nothing is loaded, run or sent. Styles are the page's own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Writes the report.
pub fn write(chosen: &Chosen, out: &mut dyn Write, progress: Progress) -> Result<Report, InteropError> {
    let session = chosen.session;
    let mut findings = Findings::default();
    while findings.look(session, Instant::now() + SLICE) {
        if !progress(0, 1) {
            return Err(InteropError::Stopped);
        }
    }
    let first = session.records().first_held();
    let all = session.records().len() - first;
    let count = chosen.ids.map_or(all, <[RecordId]>::len);
    let ids: Vec<RecordId> = match chosen.ids {
        Some(ids) => ids.iter().copied().take(ROWS).collect(),
        None => (first..first + all.min(ROWS)).collect(),
    };
    let title = escaped(chosen.title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"Pushscope {}\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
        env!("CARGO_PKG_VERSION"),
        text::plain(chosen.title),
        style::STYLE
    )?;
    summary::head(chosen, &title, out)?;
    figure::activity(chosen, out)?;
    summary::connections(chosen, out)?;
    summary::findings(chosen, findings.list(), &ids, out)?;
    summary::remarks(chosen, &ids, out)?;
    let told = records::records(chosen, &ids, count, all, out, progress)?;
    write!(
        out,
        "<footer>Written by Pushscope {}. This page needs nothing from elsewhere and runs no script.</footer>\n\
         </body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )?;
    let mut remarks = Vec::new();
    if count > ids.len() {
        let (rows, rest) = (ids.len(), count - ids.len());
        remarks
            .push(format!("the page has the first {rows} records; {rest} more are left out: a filter chooses others"));
    }
    if told < ids.len() {
        let rest = ids.len() - told;
        remarks.push(format!("{told} records have their fields and bytes; {rest} behind them have their row only"));
    }
    Ok(Report { written: ids.len() as u64, of: "records", remarks })
}
