//! Whether a record matches. It is explained at most once, and only when a term needs that.

use super::path::{self, Path};
use super::shape::{self, Shape};
use super::term::{self, Expr, Number, Op, Term, Test};
use crate::dissect::{Explained, Field, Kind, Record, Severity, Value, value_in_record};
use crate::session::payloads::Payloads;
use crate::session::{EXPLAIN_LIMIT_BYTES, RecordId, Session};
use std::cell::{OnceCell, RefCell};

/// Bytes of a field that are compared at most.
const FIELD_LIMIT_BYTES: usize = 64 * 1024;

/// Bytes of a head that are searched at most.
const HEAD_LIMIT_BYTES: usize = 1 << 20;

/// A record and what was found out about it so far.
pub(super) struct Looked<'a> {
    session: &'a Session,
    id: RecordId,
    record: &'a Record,
    payloads: &'a RefCell<Payloads<'a>>,
    explained: OnceCell<Explained>,
    json: OnceCell<Option<serde_json::Value>>,
}

impl<'a> Looked<'a> {
    pub fn new(session: &'a Session, id: RecordId, payloads: &'a RefCell<Payloads<'a>>) -> Option<Looked<'a>> {
        let record = session.records().get(id)?;
        Some(Looked { session, id, record, payloads, explained: OnceCell::new(), json: OnceCell::new() })
    }

    /// With what is said of the record at hand.
    pub fn with(self, explained: Explained) -> Looked<'a> {
        Looked { explained: OnceCell::from(explained), ..self }
    }

    fn explained(&self) -> &Explained {
        self.explained.get_or_init(|| self.session.explain(self.id))
    }

    /// What a test says of the payload, where that lies in the recorded bytes; an empty one has to be explained.
    fn in_place(&self, test: impl FnOnce(&[u8]) -> bool) -> Option<bool> {
        if self.record.payload_len == 0 {
            return None;
        }
        let mut payloads = self.payloads.borrow_mut();
        payloads.of(self.record, EXPLAIN_LIMIT_BYTES).map(|payload| test(&payload))
    }

    fn json(&self, payload: &[u8]) -> Option<&serde_json::Value> {
        self.json.get_or_init(|| serde_json::from_slice(payload).ok()).as_ref()
    }
}

pub(super) fn matches(expr: &Expr, looked: &Looked<'_>) -> bool {
    match expr {
        Expr::And(members) => members.iter().all(|member| matches(member, looked)),
        Expr::Or(members) => members.iter().any(|member| matches(member, looked)),
        Expr::Not(inner) => !matches(inner, looked),
        Expr::Term(term) => term_matches(term, looked),
    }
}

/// Whether a record matches, where that can be told without explaining it.
pub(super) fn matches_unexplained(expr: &Expr, looked: &Looked<'_>) -> Option<bool> {
    let decide = |members: &[Expr], decisive: bool| {
        let mut undecided = false;
        for member in members {
            match matches_unexplained(member, looked) {
                Some(matches) if matches == decisive => return Some(decisive),
                Some(_) => {}
                None => undecided = true,
            }
        }
        (!undecided).then_some(!decisive)
    };
    match expr {
        Expr::And(members) => decide(members, false),
        Expr::Or(members) => decide(members, true),
        Expr::Not(inner) => matches_unexplained(inner, looked).map(|matches| !matches),
        Expr::Term(term) => match term {
            Term::Search(regex) => looked.in_place(|payload| regex.is_match(payload)),
            Term::Path(path, test) => looked.in_place(|payload| path_holds(looked, path, test.as_ref(), payload)),
            Term::NoteKey(_) | Term::Field(..) => {
                let record = looked.record;
                let shape = Shape { kind: record.kind, dir: record.dir, worst: record.worst };
                shape::decide_term(term, shape).or_else(|| field_in_record(term, record))
            }
            _ => Some(term_matches(term, looked)),
        },
    }
}

fn term_matches(term: &Term, looked: &Looked<'_>) -> bool {
    let (session, record) = (looked.session, looked.record);
    match term {
        Term::Kind(kinds) => kinds & term::bit(record.kind) != 0,
        Term::Dir(dir) => record.dir == *dir,
        Term::Connection(numbers) => numbers.contains(&session.connection_of(record).0),
        Term::Link(numbers) => numbers.contains(&record.link.0),
        Term::Stream => false,
        Term::Size(range) => range.holds(record.payload_len),
        Term::At(range) => range.holds(session.at_ns(looked.id)),
        Term::Gap(range) => session.gap_ns(looked.id).is_some_and(|gap| range.holds(gap)),
        Term::Note(severity) => record.worst >= *severity,
        Term::Remark => session.remarks().get(looked.id).is_some(),
        Term::Marked(marks) => session.remarks().get(looked.id).is_some_and(|remark| marks.contains(&remark.mark)),
        Term::RemarkSays(regex) => {
            session.remarks().get(looked.id).is_some_and(|remark| regex.is_match(remark.text.as_bytes()))
        }
        Term::NoteKey(globs) => {
            let notes = || &looked.explained().notes;
            record.worst > Severity::None
                && notes().iter().any(|note| globs.iter().any(|glob| is_like(note.def.key, glob)))
        }
        Term::Field(key, test) => {
            let fields = looked.explained().fields.iter().filter(|field| field.def.key == key);
            any_holds(fields, test.as_ref(), |field, test| field_holds(looked, field, test))
        }
        Term::Search(regex) => search(looked, regex),
        Term::Path(path, test) => path_holds(looked, path, test.as_ref(), &looked.explained().payload),
    }
}

fn path_holds(looked: &Looked<'_>, path: &Path, test: Option<&Test>, payload: &[u8]) -> bool {
    if !path.may_be_in(payload) {
        return false;
    }
    match path {
        Path::Plain(steps, _) => any_holds(path::node(steps, payload).iter(), test, node_holds),
        Path::Any(path) => looked.json(payload).is_some_and(|json| {
            let nodes = path.query(json);
            any_holds(nodes.iter().copied(), test, node_holds)
        }),
    }
}

/// Whether one of the values holds. With `!=` none may be equal, and there must be one.
fn any_holds<T>(values: impl Iterator<Item = T>, test: Option<&Test>, holds: impl Fn(T, &Test) -> bool) -> bool {
    let mut values = values.peekable();
    match test {
        None => values.peek().is_some(),
        Some(Test::Compare(Op::Ne, literal)) => {
            let equal = Test::Compare(Op::Eq, literal.clone());
            values.peek().is_some() && !values.any(|value| holds(value, &equal))
        }
        Some(test) => values.any(|value| holds(value, test)),
    }
}

/// What a term says of a field that the record itself tells.
fn field_in_record(term: &Term, record: &Record) -> Option<bool> {
    let Term::Field(key, test) = term else { return None };
    let value = value_in_record(record, key)?;
    Some(any_holds(std::iter::once(&value), test.as_ref(), |value, test| value_holds(value, Vec::new, test)))
}

fn field_holds(looked: &Looked<'_>, field: &Field, test: &Test) -> bool {
    let bytes = || looked.session.field_bytes(looked.explained(), field, FIELD_LIMIT_BYTES);
    value_holds(&field.value, bytes, test)
}

fn value_holds(value: &Value, bytes: impl Fn() -> Vec<u8>, test: &Test) -> bool {
    let whole = |number: u64| Some(Number::Whole(i128::from(number)));
    let (number, text) = match value {
        Value::Group => return false,
        Value::Number(number) => (whole(*number), number.to_string().into()),
        Value::Named(number, name) => (whole(*number), (*name).into()),
        Value::Flag(flag) => (whole(u64::from(*flag)), if *flag { "true" } else { "false" }.into()),
        Value::Says(text) => (None, text.clone()),
        Value::Text => (None, String::from_utf8_lossy(&bytes()).into_owned().into()),
        Value::Bytes => {
            let bytes = bytes();
            return match test {
                Test::Matches(regex) => regex.is_match(&bytes),
                Test::Compare(op, literal) => {
                    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    let text = String::from_utf8_lossy(&bytes);
                    literal.holds(*op, None, Some(&text)) || literal.holds(*op, None, Some(&hex))
                }
            };
        }
    };
    match test {
        Test::Matches(regex) => regex.is_match(text.as_bytes()),
        Test::Compare(op, literal) => literal.holds(*op, number, Some(&text)),
    }
}

fn node_holds(node: &serde_json::Value, test: &Test) -> bool {
    use serde_json::Value as Json;
    let (op, literal) = match (test, node) {
        (Test::Matches(regex), Json::String(text)) => return regex.is_match(text.as_bytes()),
        (Test::Matches(regex), other) => return regex.is_match(other.to_string().as_bytes()),
        (Test::Compare(op, literal), _) => (*op, literal),
    };
    let says = |word: &str| !literal.is_quoted && op == Op::Eq && literal.text == word;
    match node {
        Json::String(text) if literal.is_quoted || op == Op::Eq => literal.holds(op, None, Some(text)),
        Json::String(text) => Number::parse(text).is_none() && literal.holds(op, None, Some(text)),
        Json::Number(number) => literal.holds(op, Number::parse(&number.to_string()), None),
        Json::Bool(flag) => says(if *flag { "true" } else { "false" }),
        Json::Null => says("null"),
        Json::Array(_) | Json::Object(_) => false,
    }
}

fn search(looked: &Looked<'_>, regex: &regex::bytes::Regex) -> bool {
    let (session, record) = (looked.session, looked.record);
    if record.kind.is_fact() {
        return regex.is_match(session.summary(looked.id).as_bytes());
    }
    let is_head =
        matches!(record.kind, Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational | Kind::HttpTrailers);
    if is_head {
        let len = record.len.min(HEAD_LIMIT_BYTES as u64) as usize;
        let head = session.wire(record.link, record.dir, record.start, len);
        return regex.is_match(&head) || regex.is_match(session.line(looked.explained()).as_bytes());
    }
    match looked.explained().payload.as_slice() {
        [] => regex.is_match(session.line(looked.explained()).as_bytes()),
        payload => regex.is_match(payload),
    }
}

/// Whether a name is like a pattern, in which `*` stands for any characters, also none.
pub(super) fn is_like(name: &str, glob: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
