//! What a filter is made of, and how values compare.

use super::path::Path;
use crate::dissect::{Kind, Severity};
use crate::session::Mark;
use crate::wire::Dir;
use regex::bytes::Regex;
use std::cmp::Ordering;

/// A condition. Members of *and* and *or* stand in the order of their cost.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Term(Term),
}

/// What it takes to know whether a term matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// The record alone.
    Record,
    /// Other records.
    Neighbours,
    /// The record's bytes, dissected.
    Explain,
}

impl Expr {
    pub fn and(mut members: Vec<Expr>) -> Expr {
        members.sort_by_key(Expr::cost);
        if members.len() == 1 { members.remove(0) } else { Expr::And(members) }
    }

    pub fn or(mut members: Vec<Expr>) -> Expr {
        members.sort_by_key(Expr::cost);
        if members.len() == 1 { members.remove(0) } else { Expr::Or(members) }
    }

    /// Whether any term is so.
    pub fn any(&self, is_so: &impl Fn(&Term) -> bool) -> bool {
        match self {
            Expr::And(members) | Expr::Or(members) => members.iter().any(|member| member.any(is_so)),
            Expr::Not(inner) => inner.any(is_so),
            Expr::Term(term) => is_so(term),
        }
    }

    pub fn cost(&self) -> Cost {
        match self {
            Expr::And(members) | Expr::Or(members) => members.iter().map(Expr::cost).max().unwrap_or(Cost::Record),
            Expr::Not(inner) => inner.cost(),
            Expr::Term(term) => match term {
                Term::Gap(_) => Cost::Neighbours,
                Term::NoteKey(_) | Term::Field(..) | Term::Search(_) | Term::Path(..) => Cost::Explain,
                _ => Cost::Record,
            },
        }
    }
}

/// A condition without parts.
#[derive(Clone, Debug)]
pub(super) enum Term {
    /// One bit a kind.
    Kind(u64),
    Dir(Dir),
    Connection(Vec<u32>),
    Link(Vec<u32>),
    Stream,
    Size(Range),
    At(Range),
    Gap(Range),
    Note(Severity),
    NoteKey(Vec<String>),
    Remark,
    Marked(Vec<Mark>),
    RemarkSays(Regex),
    Field(String, Option<Test>),
    Search(Regex),
    Path(Path, Option<Test>),
}

/// The bit of a kind in [`Term::Kind`].
pub(super) fn bit(kind: Kind) -> u64 {
    1 << (kind as u8)
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Op::Eq => order == Ordering::Equal,
            Op::Ne => order != Ordering::Equal,
            Op::Lt => order == Ordering::Less,
            Op::Le => order != Ordering::Greater,
            Op::Gt => order == Ordering::Greater,
            Op::Ge => order != Ordering::Less,
        }
    }
}

/// A comparison of a quantity: bytes or nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range(pub Op, pub f64);

impl Range {
    pub fn holds(self, value: u64) -> bool {
        (value as f64).partial_cmp(&self.1).is_some_and(|order| self.0.holds(order))
    }
}

/// What a field or a JSON node is held against.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Compare(Op, Literal),
    Matches(Regex),
}

/// A number that keeps integers exact.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    Broken(f64),
}

impl Number {
    pub fn parse(text: &str) -> Option<Number> {
        let hex = text.strip_prefix("0x").or(text.strip_prefix("0X"));
        if let Some(hex) = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return i128::from_str_radix(hex, 16).ok().map(Number::Whole);
        }
        if let Ok(whole) = text.parse() {
            return Some(Number::Whole(whole));
        }
        // `inf` and `nan` are words.
        let is_number = text.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.'));
        text.parse().ok().filter(|number: &f64| is_number && number.is_finite()).map(Number::Broken)
    }

    fn order(self, other: Number) -> Option<Ordering> {
        let float = |number| match number {
            Number::Whole(whole) => whole as f64,
            Number::Broken(broken) => broken,
        };
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => float(a).partial_cmp(&float(b)),
        }
    }
}

/// A value as it was written in a filter.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    pub text: String,
    pub is_quoted: bool,
    number: Option<Number>,
    duration_ns: Option<f64>,
}

impl Literal {
    pub fn new(text: String, is_quoted: bool) -> Literal {
        let number = Number::parse(&text).filter(|_| !is_quoted);
        let duration_ns = duration(&text).filter(|_| number.is_none());
        Literal { number, duration_ns, text, is_quoted }
    }

    /// Whether a value compares so to this one. `!=` is asked as `=`, for it is about all values at once.
    pub fn holds(&self, op: Op, number: Option<Number>, text: Option<&str>) -> bool {
        let is = |order: Option<Ordering>| order.is_some_and(|order| op.holds(order));
        let number = number.or_else(|| text.and_then(Number::parse));
        if let (Some(value), Some(wanted)) = (number, self.number)
            && is(value.order(wanted))
        {
            return true;
        }
        let Some(text) = text else { return false };
        if op == Op::Eq {
            return text.eq_ignore_ascii_case(&self.text);
        }
        match (duration(text), self.duration_ns) {
            (Some(value), Some(wanted)) => is(value.partial_cmp(&wanted)),
            _ if self.number.is_some() => false,
            _ => op.holds(text.to_ascii_lowercase().cmp(&self.text.to_ascii_lowercase())),
        }
    }
}

const SIZES: [(&str, f64); 14] = [
    ("", 1.0),
    ("B", 1.0),
    ("k", 1e3),
    ("K", 1e3),
    ("kB", 1e3),
    ("KB", 1e3),
    ("M", 1e6),
    ("MB", 1e6),
    ("G", 1e9),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("kiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

const TIMES: [(&str, f64); 9] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("min", 60e9),
    ("h", 3600e9),
];

/// A size in bytes, such as `1.5kB`.
pub(super) fn size(text: &str) -> Option<f64> {
    quantity(text, &SIZES).filter(|(_, rest)| rest.is_empty()).map(|(size, _)| size)
}

/// A duration in nanoseconds, such as `250ms` or `1 min 05 s`.
pub(super) fn duration(text: &str) -> Option<f64> {
    let (mut total, mut rest) = quantity(text, &TIMES)?;
    while !rest.is_empty() {
        let (more, after) = quantity(rest, &TIMES)?;
        (total, rest) = (total + more, after);
    }
    Some(total)
}

/// A number with a unit, and what follows it.
fn quantity<'t>(text: &'t str, units: &[(&str, f64)]) -> Option<(f64, &'t str)> {
    let text = text.trim();
    let digits = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start();
    let end = rest.find(|char: char| !char.is_alphabetic()).unwrap_or(rest.len());
    let (_, factor) = units.iter().find(|(unit, _)| *unit == &rest[..end])?;
    Some((number * factor, rest[end..].trim_start()))
}
