//! Which recorded answer a request gets: by method, path, query and cursor, in the order of the recording.

use super::exchange::{Answer, Ending, Framing, Key};
use super::head::Head;
use super::{Program, Repeat, resume};
use crate::session::RecordId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub what: What,
    /// What the request has otherwise than the recorded one, as far as that made the choice.
    pub differences: Vec<String>,
}

/// What is to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The answer of this exchange.
    Exchange(usize),
    /// Its head only: it was recorded for GET, and is asked for with HEAD.
    HeadOf(usize),
    /// What its event stream says behind this record.
    Behind(usize, RecordId),
    /// The client has all that was recorded, the last of it from this exchange.
    NothingMore(usize),
    /// Nothing is recorded on this path.
    Unknown,
    /// Only other methods are recorded on this path.
    OtherMethod(Vec<String>),
    /// Every answer was given.
    UsedUp,
}

/// Chooses, and remembers what was given.
pub(super) struct Picker {
    repeat: Repeat,
    /// By the exchanges that are alike, known by the first, the last and their number: how many of them were given.
    given: Mutex<HashMap<(usize, usize, usize), usize>>,
}

impl Picker {
    pub fn new(repeat: Repeat) -> Picker {
        Picker { repeat, given: Mutex::default() }
    }

    /// What a request gets.
    pub fn pick(&self, program: &Program, request: &Head) -> Choice {
        let key = Key::of(request);
        let mut differences = Vec::new();
        let what = self.find(program, &key, request, &mut differences);
        Choice { what, differences }
    }

    fn find(&self, program: &Program, key: &Key, request: &Head, differences: &mut Vec<String>) -> What {
        if let Some(group) = program.of_key(key) {
            return self.next(program, group, request, differences);
        }
        let methods = methods(program, &key.path);
        if !methods.contains(&key.method) {
            if key.method == "HEAD" && methods.iter().any(|method| method == "GET") {
                let get = Key { method: "GET".to_owned(), ..key.clone() };
                differences.push("HEAD, which was not recorded: the head of what GET got".to_owned());
                return match self.find(program, &get, request, differences) {
                    What::Exchange(at) | What::Behind(at, _) | What::NothingMore(at) => What::HeadOf(at),
                    other => other,
                };
            }
            return if methods.is_empty() { What::Unknown } else { What::OtherMethod(methods) };
        }
        // Of the same path, those whose query is the most alike.
        let mut alike: Vec<usize> = Vec::new();
        let mut most = 0;
        for (other, group) in program.of_path(&key.path).filter(|(other, _)| other.method == key.method) {
            let score = likeness(key, other);
            if score > most {
                alike.clear();
                most = score;
            }
            if score == most {
                alike.extend(group);
            }
        }
        alike.sort_unstable();
        let is_other_query = alike.first().is_some_and(|first| program.key(*first).query != key.query);
        if let Some(place) = resume::place_of(program, key, &alike) {
            differences.push(format!("{}, which no recorded request has", place.says));
            return match place.behind {
                Some(record) => What::Behind(place.exchange, record),
                None => after(program, &alike, place.exchange),
            };
        }
        let first = alike.first().map(|first| program.key(*first).clone());
        if let Some(first) = first.filter(|first| is_other_query || first.cursors != key.cursors) {
            let recorded = if is_other_query { first.target() } else { first.to_string() };
            differences.push(format!("asked for {key}, and recorded is {}", super::status::short(&recorded, 160)));
        }
        self.next(program, &alike, request, differences)
    }

    /// The next one that was not given; behind the last one by rule.
    fn next(&self, program: &Program, group: &[usize], request: &Head, differences: &mut Vec<String>) -> What {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return What::Unknown };
        let given = given.entry((*first, *last, group.len())).or_default();
        let is_conditional = request.field("if-none-match").or_else(|| request.field("if-modified-since")).is_some();
        let fits = |at: &usize| is_conditional || status(program, *at) != Some(304);
        let fresh = group.iter().skip(*given).position(fits);
        if let Some(skipped) = fresh {
            *given += skipped + 1;
            if skipped > 0 {
                differences.push(format!("no If-None-Match: {skipped} recorded 304 left out"));
            }
            return What::Exchange(group[*given - 1]);
        }
        match self.repeat {
            Repeat::Nothing => What::UsedUp,
            Repeat::All => match group.iter().position(fits) {
                Some(first) => {
                    *given = first + 1;
                    What::Exchange(group[first])
                }
                None => What::UsedUp,
            },
            Repeat::Last => {
                // Where a request was left unanswered, waiting is no answer to the next client.
                let answered = group.iter().rfind(|at| fits(at) && program.exchanges()[**at].answer.is_some());
                answered.or(group.last()).map_or(What::UsedUp, |last| What::Exchange(*last))
            }
        }
    }
}

fn status(program: &Program, exchange: usize) -> Option<u16> {
    program.exchanges()[exchange].answer.as_ref().map(|answer| answer.status)
}

/// The methods that are recorded on a path.
pub(super) fn methods(program: &Program, path: &str) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for (key, _) in program.of_path(path) {
        if !methods.contains(&key.method) {
            methods.push(key.method.clone());
        }
    }
    methods
}

/// How many parameters and cursors two requests share.
fn likeness(one: &Key, other: &Key) -> usize {
    let same_query = usize::from(one.query == other.query);
    let parameters = one.parameters().filter(|pair| other.parameters().any(|each| each == *pair)).count();
    let cursors = one.cursors.iter().filter(|pair| other.cursors.contains(pair)).count();
    // A request without cursors is like one without rather than like one that goes on from somewhere.
    let none = usize::from(one.cursors.is_empty() && other.cursors.is_empty());
    2 * (parameters + cursors) + same_query + none
}

/// What comes behind an exchange of which the client has all.
fn after(program: &Program, alike: &[usize], exchange: usize) -> What {
    match alike.iter().find(|at| **at > exchange && program.exchanges()[**at].answer.is_some()) {
        Some(next) => What::Exchange(*next),
        None => What::NothingMore(exchange),
    }
}

/// Whether a stream was cut off by the client rather than ended by the server.
pub(super) fn is_open_ended(answer: &Answer, ending: Ending) -> bool {
    let is_whole = answer.is_whole || answer.framing == Framing::Nothing;
    !is_whole && ending == Ending::Client
}
