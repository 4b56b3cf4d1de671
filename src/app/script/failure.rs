//! Why a script failed.

use super::Step;
use super::values::Secrets;
use crate::session::{RecordId, Session, one_line};

/// Characters of a record in a reason.
const RECORD_CHARS: usize = 160;

/// Characters of a step, and of why it failed: what it sends and what came may be megabytes.
const STEP_CHARS: usize = 400;
const WHY_CHARS: usize = 2000;

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
        // Secrets go first: what is left of one that was cut would not be known as it.
        let object = cut(secrets.hide(&step.object()), STEP_CHARS);
        let why = cut(secrets.hide(why), WHY_CHARS);
        let text = format!("step {} (line {}), {} {object}: {why}", step.number, step.line, step.verb());
        Failure { step: at, text: one_line_of(&text), record }
    }
}

/// The beginning of a text.
fn cut(mut text: String, chars: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(chars) {
        text.truncate(at);
        text.push('…');
    }
    text
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
