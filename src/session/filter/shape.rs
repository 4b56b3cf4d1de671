//! What can be told of a record by its kind, direction and worst note alone. There are so few of these that a filter is
//! asked once for each, and ten million records then take a look at a table each.

use super::term::{self, Expr, Term};
use crate::dissect::{Kind, Severity, can_have};
use crate::wire::Dir;

/// What records have in common that differ in bytes and time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What they are.
    pub kind: Kind,
    /// Their direction.
    pub dir: Dir,
    /// The severity of their worst notes.
    pub worst: Severity,
}

/// Whether all records of a shape match, or none; `None` where it takes more to know.
pub(super) fn decide(expr: &Expr, shape: Shape) -> Option<bool> {
    let all = |members: &[Expr], decisive: bool| {
        let mut undecided = false;
        for member in members {
            match decide(member, shape) {
                Some(matches) if matches == decisive => return Some(decisive),
                Some(_) => {}
                None => undecided = true,
            }
        }
        (!undecided).then_some(!decisive)
    };
    match expr {
        Expr::And(members) => all(members, false),
        Expr::Or(members) => all(members, true),
        Expr::Not(inner) => decide(inner, shape).map(|matches| !matches),
        Expr::Term(term) => decide_term(term, shape),
    }
}

pub(super) fn decide_term(term: &Term, shape: Shape) -> Option<bool> {
    match term {
        Term::Kind(kinds) => Some(kinds & term::bit(shape.kind) != 0),
        Term::Dir(dir) => Some(shape.dir == *dir),
        Term::Note(severity) => Some(shape.worst >= *severity),
        Term::Stream => Some(false),
        Term::NoteKey(_) if shape.worst == Severity::None => Some(false),
        Term::Field(key, _) => {
            let is_fact_key = crate::session::facts::FIELDS.iter().any(|field| field.key == key);
            let can = if shape.kind.is_fact() { is_fact_key } else { can_have(shape.kind, key) };
            (!can).then_some(false)
        }
        Term::Path(..) if shape.kind.is_fact() => Some(false),
        _ => None,
    }
}
