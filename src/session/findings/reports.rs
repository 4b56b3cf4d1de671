//! The findings so far. One thing on one connection is one finding, however often it is seen.

use super::rules::Rule;
use super::seen::Case;
use super::{Confidence, Evidence, Finding};
use crate::dissect::Severity;
use crate::session::RecordId;
use crate::wire::ConnectionId;
use std::collections::HashMap;

/// Places that a finding names at most.
const MOST_EVIDENCE: usize = 6;

/// Findings of a connection, and of a session, at most.
const MOST_OF_CONNECTION: usize = 64;
const MOST: usize = 4096;

/// A finding in the making.
pub(super) struct Told {
    pub rule: &'static Rule,
    pub severity: Severity,
    pub confidence: Confidence,
    /// What of its kind it is about: where that differs on one connection, these are several findings.
    pub about: String,
    pub seen: String,
    pub means: String,
    pub attempt: String,
    pub evidence: Vec<Evidence>,
}

type Place = (ConnectionId, &'static str, String);

/// The findings, and where each is.
#[derive(Default)]
pub(super) struct Reports {
    list: Vec<Finding>,
    /// The records at which each was told first and last.
    told_at: Vec<(RecordId, RecordId)>,
    places: HashMap<Place, usize>,
    of_connection: HashMap<ConnectionId, usize>,
}

impl Reports {
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The records at which a finding was told first and last.
    pub fn told_at(&self, at: usize) -> (RecordId, RecordId) {
        self.told_at.get(at).copied().unwrap_or_default()
    }

    /// Tells a finding of the connection of `case`, or that it was seen again.
    pub fn tell(&mut self, case: &Case, told: Told) {
        let connection = case.connection();
        let place = (connection, told.rule.key, told.about);
        if let Some((at, finding)) = self.places.get(&place).and_then(|at| Some((*at, self.list.get_mut(*at)?))) {
            finding.count += 1;
            self.told_at[at].1 = case.id;
            finding.severity = finding.severity.max(told.severity);
            finding.confidence = finding.confidence.max(told.confidence);
            let room = MOST_EVIDENCE.saturating_sub(finding.evidence.len());
            finding.evidence.extend(told.evidence.into_iter().take(room));
            return;
        }
        let of_connection = self.of_connection.entry(connection).or_default();
        if *of_connection >= MOST_OF_CONNECTION || self.list.len() >= MOST {
            return;
        }
        *of_connection += 1;
        self.places.insert(place, self.list.len());
        let mut evidence = told.evidence;
        evidence.truncate(MOST_EVIDENCE);
        self.told_at.push((case.id, case.id));
        self.list.push(Finding {
            key: told.rule.key,
            title: told.rule.title,
            severity: told.severity,
            confidence: told.confidence,
            connection,
            link: case.record.link,
            seen: told.seen,
            means: told.means,
            attempt: told.attempt,
            evidence,
            count: 1,
        });
    }

    /// Whether a finding was told.
    pub fn has(&self, connection: ConnectionId, rule: &Rule, about: &str) -> bool {
        self.places.contains_key(&(connection, rule.key, about.to_owned()))
    }

    /// A finding that was told, to say more of it.
    pub fn told(&mut self, connection: ConnectionId, rule: &Rule, about: &str) -> Option<&mut Finding> {
        let at = *self.places.get(&(connection, rule.key, about.to_owned()))?;
        self.list.get_mut(at)
    }

    /// Takes a finding back, because what came later shows that it was none.
    pub fn take_back(&mut self, connection: ConnectionId, rule: &Rule, about: &str) {
        let Some(gone) = self.places.remove(&(connection, rule.key, about.to_owned())) else { return };
        self.list.remove(gone);
        self.told_at.remove(gone);
        for at in self.places.values_mut().filter(|at| **at > gone) {
            *at -= 1;
        }
        if let Some(count) = self.of_connection.get_mut(&connection) {
            *count -= 1;
        }
    }
}
