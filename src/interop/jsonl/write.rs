//! A recording as lines: the head, what was asked for and what happened, then the records and remarks.

use super::record::{RECORD_LIMIT_BYTES, object};
use super::{VERSION, event};
use crate::interop::{Chosen, InteropError, Progress, Report};
use crate::session::RecordId;
use crate::wire::Entry;
use serde_json::{Value, json};
use std::io::Write;

/// Records that are explained at a time.
const STRETCH: usize = 512;

/// Lines between two looks whether to go on.
const STEP: u64 = 256;

/// Writes JSON Lines. Where records were chosen, the events are left out: they would hold what was not chosen.
pub fn write(chosen: &Chosen, out: &mut dyn Write, progress: Progress) -> Result<Report, InteropError> {
    let session = chosen.session;
    let all: Vec<RecordId>;
    let ids = match chosen.ids {
        Some(ids) => ids,
        None => {
            all = (session.records().first_held()..session.records().len()).collect();
            &all
        }
    };
    let with_events = chosen.ids.is_none();
    let total = ids.len() as u64 + if with_events { session.events() } else { 0 };
    let mut done = 0;
    let mut step = |by: u64| {
        let before = done / STEP;
        done += by;
        if before != done / STEP && !progress(done, total) { Err(InteropError::Stopped) } else { Ok(()) }
    };
    let mut report = Report { of: "records", ..Report::default() };
    line(out, &head(chosen))?;
    if with_events {
        let mut entries = session.entries();
        for entry in entries.by_ref() {
            let value = match &entry {
                Entry::Connection(info) => {
                    json!({"connection": {"id": info.id.0, "label": info.label, "spec": info.spec}})
                }
                Entry::Event(event) => json!({"event": event::to_json(event)}),
            };
            line(out, &value)?;
            step(1)?;
        }
        if entries.missing() > 0 {
            report.remarks.push(format!(
                "{} reads are left out, for their bytes are not to be had: read back, the session is not whole",
                entries.missing()
            ));
        }
    } else {
        report.remarks.push(
            "records were chosen, so the events behind them are left out: programs can read the file, but only an \
             export of everything gives the same session again"
                .to_owned(),
        );
    }
    let mut shortened = 0_u64;
    for ids in ids.chunks(STRETCH).flat_map(|stretch| session.stretches(stretch, RECORD_LIMIT_BYTES)) {
        for (id, explained) in ids.iter().zip(session.explain_all(ids, RECORD_LIMIT_BYTES)) {
            shortened += u64::from(explained.payload_left_out > 0);
            line(out, &object(session, *id, &explained, false))?;
            report.written += 1;
        }
        step(ids.len() as u64)?;
    }
    if shortened > 0 {
        let limit = RECORD_LIMIT_BYTES >> 20;
        report.remarks.push(format!("the payloads of {shortened} records are cut after {limit} MiB"));
    }
    for remark in chosen.remarks.iter().filter(|remark| chosen.has(remark.record)) {
        let (n, mark) = (remark.record + 1, remark.mark.name());
        line(out, &json!({"remark": {"n": n, "mark": mark, "text": remark.text}}))?;
    }
    Ok(report)
}

fn head(chosen: &Chosen) -> Value {
    let session = chosen.session;
    let mut head = json!({
        "format": VERSION,
        "program": concat!("Pushscope ", env!("CARGO_PKG_VERSION")),
        "title": chosen.title,
    });
    if session.started_unix_ns != 0
        && let Ok(started) = jiff::Timestamp::from_nanosecond(session.started_unix_ns.into())
    {
        head["started_at"] = started.to_string().into();
    }
    json!({ "pushscope": head })
}

fn line(out: &mut dyn Write, value: &Value) -> Result<(), InteropError> {
    // What fails here is the output.
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
