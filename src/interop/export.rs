//! A recording on its way out: read whole, what is wanted of it chosen, and written.

use super::{Chosen, Format, InteropError, Progress, Report};
use crate::dissect::{Flags, Record, Severity};
use crate::session::file::{Loaded, load};
use crate::session::filter::Filter;
use crate::session::{RecordId, Session};
use std::io::Write;
use std::path::Path;

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

/// The session that is exported of a file. All that leaves by an export comes through here, from the window and from
/// the command line alike.
pub fn session_of(from: &Path, progress: Progress) -> Result<Loaded, InteropError> {
    load(from, progress).map_err(|error| match error {
        crate::session::file::FileError::Stopped { .. } => InteropError::Stopped,
        other => other.into(),
    })
}

/// Writes what is chosen of a recording's file in a format. The report also says what could not be read of the file.
pub fn export(
    from: &Path,
    title: &str,
    (format, which): (Format, &Which),
    out: &mut dyn Write,
    progress: Progress,
) -> Result<Report, InteropError> {
    // Reading, choosing and writing are a third each.
    let mut third = |nth: u64, done: u64, total: u64| progress(nth * total + done, 3 * total);
    let loaded = session_of(from, &mut |done, total| third(0, done, total))?;
    let ids = which.ids(&loaded.session, &mut |done, total| third(1, done, total))?;
    let chosen = Chosen { session: &loaded.session, title, ids: ids.as_deref(), remarks: &loaded.remarks };
    let mut report = format.write(&chosen, out, &mut |done, total| third(2, done, total))?;
    let damage = loaded.damage.iter().map(ToString::to_string);
    report.remarks.splice(0..0, loaded.notices.into_iter().chain(damage));
    Ok(report)
}
