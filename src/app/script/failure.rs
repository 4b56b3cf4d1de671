//! Why a script failed.

use super::Step;
use super::values::Secrets;
use crate::session::{RecordId, Session, one_line};

/// Characters of a record in a reason.
const RECORD_CHARS: usize = 160;

/// Why a script failed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step, by its number in the list.
    pub step: usize,
    /// The step and the reason: what was expected, and what came.
    pub text: String,
    /// The record that it is about, or the last that came.
    pub record: Option<RecordId>,
}

impl Failure {
    /// A failure of a step; secrets are hidden in it.
    pub(super) fn new(at: usize, step: &Step, why: &str, record: Option<RecordId>, secrets: &Secrets) -> Failure {
        let text = format!("step {} (line {}), {} {}: {why}", step.number, step.line, step.verb(), step.object());
        Failure { step: at, text: secrets.hide(&one_line_of(&text)), record }
    }
}

/// The whole text on one line.
fn one_line_of(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim_end).collect::<Vec<_>>().join(" ")
}

/// A record in a few words, with its number.
pub(super) fn record_text(session: &Session, id: RecordId) -> String {
    let Some(record) = session.records().get(id) else { return format!("#{}", id + 1) };
    let summary = one_line(&session.summary(id));
    let cut = match summary.char_indices().nth(RECORD_CHARS) {
        Some((at, _)) => format!("{}…", &summary[..at]),
        None => summary,
    };
    format!("#{} {} {cut}", id + 1, record.kind.name()).trim_end().to_owned()
}
