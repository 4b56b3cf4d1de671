//! A recording on its way out: read whole, what is wanted of it chosen, and written.

use super::{Chosen, Format, InteropError, Progress, Report};
use crate::dissect::{Flags, Record, Severity};
use crate::session::file::{FileError, load};
use crate::session::filter::Filter;
use crate::session::redact::{self, Plan, PlanError, RedactError, Rules};
use crate::session::{RecordId, Remark, Session};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Records that are asked between two looks whether to go on.
const STRETCH: usize = 4096;

/// Which records are exported.
#[derive(Clone, Default)]
pub enum Which {
    /// All of them.
    #[default]
    All,
    /// These, rising.
    Ids(Vec<RecordId>),
    /// Those that a filter lets through.
    Matching {
        /// The filter.
        filter: Filter,
        /// Leave out chunks, frames and other layers below the messages.
        messages: bool,
    },
}

impl Which {
    /// How many of the records are not there.
    fn missing(&self, session: &Session) -> usize {
        match self {
            Which::Ids(ids) => ids.len() - ids.partition_point(|id| *id < session.records().len()),
            Which::All | Which::Matching { .. } => 0,
        }
    }

    fn ids(&self, session: &Session, progress: Progress) -> Result<Option<Vec<RecordId>>, InteropError> {
        let (filter, messages) = match self {
            Which::All => return Ok(None),
            Which::Ids(ids) => {
                let there = ids.partition_point(|id| *id < session.records().len());
                return Ok(Some(ids[..there].to_vec()));
            }
            Which::Matching { filter, messages } => (filter, *messages),
        };
        let (count, mut chosen) = (session.records().len(), Vec::new());
        for first in (0..count).step_by(STRETCH) {
            let ids = first..(first + STRETCH).min(count);
            let ids: Vec<RecordId> = ids.filter(|id| !messages || is_message_level(&session.records()[*id])).collect();
            chosen.extend(filter.select(session, &ids));
            if !progress(first as u64, count as u64) {
                return Err(InteropError::Stopped);
            }
        }
        Ok(Some(chosen))
    }
}

/// Whether a record is shown where layers below the messages are not.
pub fn is_message_level(record: &Record) -> bool {
    record.kind.is_fact() || record.flags.has(Flags::MESSAGE) || record.worst >= Severity::Warning
}

/// What is exported of a file. All that leaves by an export comes through here, from the window and from the command line
/// alike.
pub struct Outgoing {
    /// The recording, without its secrets where rules were given.
    pub session: Session,
    /// The chosen records, rising; `None` for all of them.
    pub ids: Option<Vec<RecordId>>,
    /// What was replaced, where rules were given.
    pub plan: Option<Arc<Plan>>,
    /// The user's remarks, in the order of their records.
    pub remarks: Vec<Remark>,
    /// What is to say of the file and of what was replaced, in sentences.
    pub said: Vec<String>,
}

/// Reads what is to be exported of a file. Records are chosen by what they say, their secrets included.
pub fn outgoing(
    from: &Path,
    which: &Which,
    rules: Option<&Rules>,
    progress: Progress,
) -> Result<Outgoing, InteropError> {
    let stopped = |error| match error {
        FileError::Stopped { .. } => InteropError::Stopped,
        other => other.into(),
    };
    let loaded = load(from, progress).map_err(stopped)?;
    let ids = which.ids(&loaded.session, progress)?;
    let missing = which.missing(&loaded.session);
    let mut said = loaded.notices.clone();
    said.extend(loaded.damage.iter().map(ToString::to_string));
    said.extend((missing > 0).then(|| format!("{missing} of the chosen records are not in the file yet")));
    let Some(rules) = rules else {
        return Ok(Outgoing { session: loaded.session, ids, plan: None, remarks: loaded.remarks, said });
    };
    let plan = Plan::of(&loaded.session, rules, progress).map_err(|error| not_redacted(error.into()))?;
    let plan = Arc::new(plan);
    drop(loaded.session);
    let redacted = redact::without_secrets(from, &plan, progress).map_err(not_redacted)?;
    let remarks = redacted.session.remarks().iter().cloned().collect();
    said.push(plan.summary());
    said.extend(plan.remarks());
    Ok(Outgoing { session: redacted.session, ids, plan: Some(plan), remarks, said })
}

/// Why secrets were not replaced, as an export says it.
pub fn not_redacted(error: RedactError) -> InteropError {
    match error {
        RedactError::File(FileError::Stopped { .. }) | RedactError::Plan(PlanError::Stopped) => InteropError::Stopped,
        RedactError::File(error) => error.into(),
        RedactError::Plan(error) => InteropError::Input(error.to_string()),
    }
}

/// Writes what is chosen of a recording's file in a format; where rules are given, without its secrets. The report also
/// says what could not be read of the file, and what was replaced.
pub fn export(
    from: &Path,
    title: &str,
    (format, which, rules): (Format, &Which, Option<&Rules>),
    out: &mut dyn Write,
    progress: Progress,
) -> Result<Report, InteropError> {
    // Reading and choosing are a half, writing the other.
    let mut half = |nth: u64, done: u64, total: u64| progress(nth * total + done.min(total), 2 * total);
    let outgoing = outgoing(from, which, rules, &mut |done, total| half(0, done, total))?;
    let title = outgoing.plan.as_ref().map_or_else(|| title.to_owned(), |plan| plan.text(title));
    let chosen =
        Chosen { session: &outgoing.session, title: &title, ids: outgoing.ids.as_deref(), remarks: &outgoing.remarks };
    let mut report = format.write(&chosen, out, &mut |done, total| half(1, done, total))?;
    report.remarks.splice(0..0, outgoing.said);
    Ok(report)
}
