//! What is known of a recording: a glance at it, and what is counted by reading all of it.

use super::super::Job;
use crate::session::file::{Ending, FileError, Glance, Opened};
use crate::session::findings::Findings;
use crate::session::{Session, Severity, Store};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of the file that are taken at a time.
const BATCH_BYTES: usize = 1 << 20;

/// Files larger than this are not read to be counted: opening them counts.
pub const COUNTED_BYTES: u64 = 1 << 30;

/// How a recording ended, or what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It ended as it should.
    #[default]
    Ended,
    /// Its recorder could not go on, for this reason.
    Failed(String),
    /// It is being recorded.
    Recording,
    /// The program that recorded it was killed.
    CutOff,
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// What reading all of a recording counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages and events, sent and received.
    pub messages: u64,
    /// Findings that hamper a connection or stop it.
    pub findings: u64,
    /// Of those, the ones that stop one.
    pub errors: u64,
    /// Stretches that cannot be read, or are not as they were written.
    #[serde(default)]
    pub damaged: u64,
}

/// What is known of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Wall-clock time of the start, in nanoseconds since 1970; 0 where unknown.
    pub started_unix_ns: i64,
    /// The time of the last event since then.
    pub length_ns: u64,
    /// Events in it.
    pub events: u64,
    /// What was connected to, each address once, the first few.
    pub addresses: Vec<String>,
    /// How many connections were asked for.
    pub connections: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// How it ended.
    pub state: State,
    /// Whether it was cut off and nobody is to be asked about it any more.
    pub is_put_away: bool,
    /// What was counted, once it was.
    pub counts: Option<Counts>,
}

impl From<Result<Glance, FileError>> for Facts {
    fn from(glance: Result<Glance, FileError>) -> Facts {
        let glance = match glance {
            Ok(glance) => glance,
            Err(error) => return Facts { state: State::Unreadable(error.to_string()), ..Facts::default() },
        };
        Facts {
            started_unix_ns: glance.started_unix_ns,
            length_ns: glance.length_ns,
            events: glance.events,
            addresses: glance.addresses,
            connections: glance.connections,
            tags: glance.tags,
            state: match glance.ending {
                Ending::Ended => State::Ended,
                Ending::Failed(why) => State::Failed(why),
                Ending::Recording => State::Recording,
                Ending::CutOff => State::CutOff,
            },
            is_put_away: glance.is_put_away,
            counts: None,
        }
    }
}

impl Facts {
    /// Whether they stay as they are for as long as the file does.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.state, State::Recording | State::Unreadable(_))
    }
}

/// Reads all of a recording and counts. `None` where the job was stopped, or nothing of the file can be read.
pub(super) fn count(path: &Path, job: &Job) -> Option<Counts> {
    let mut opened = Opened::open(path).ok()?;
    let store = Store::archived(opened.archive().ok()?, Arc::new(AtomicU64::new(u64::MAX)));
    let mut session = Session::new(store, opened.started_unix_ns());
    let mut findings = Findings::default();
    let mut damaged = 0;
    loop {
        match opened.next_batch(BATCH_BYTES) {
            Ok(entries) if entries.is_empty() => break,
            Ok(entries) => entries.into_iter().for_each(|entry| _ = session.take(entry)),
            // What lies behind damage counts all the same; the file says what is wrong with it when it is opened.
            Err(_) => damaged += 1,
        }
        findings.look_all(&session);
        session.forget_told();
        if job.is_stopped() {
            return None;
        }
    }
    let messages = session.totals().messages.iter().sum();
    let count = |severity| findings.list().iter().filter(|finding| finding.severity >= severity).count() as u64;
    Some(Counts { messages, findings: count(Severity::Warning), errors: count(Severity::Error), damaged })
}
