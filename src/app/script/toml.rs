//! Reading tables of TOML key by key, with the place of whatever is wrong.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {text}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// A sentence.
    pub text: String,
}

/// What is wrong, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub at: usize,
    pub text: String,
}

pub(super) type Read<T> = Result<T, Fault>;

/// A key and its value.
pub(super) type Member<'a, 't> = (&'a Spanned<Cow<'t, str>>, &'a Spanned<DeValue<'t>>);

/// A fault as the result of reading.
pub(super) fn fail<T>(span: &Range<usize>, text: impl Into<String>) -> Read<T> {
    Err(Fault { at: span.start, text: text.into() })
}

/// The line and the character of a byte, both from 1.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The longest time that a script may name.
const LONGEST: Duration = Duration::from_secs(1000 * 3600);

/// A value and what it is the value of.
pub(super) struct Value<'a, 't> {
    /// The key, as errors name it.
    pub key: &'a str,
    pub span: Range<usize>,
    /// The place of the key itself.
    pub key_at: usize,
    pub value: &'a DeValue<'t>,
}

/// A table whose keys are known.
pub(super) struct Table<'a, 't> {
    pub span: Range<usize>,
    table: &'a DeTable<'t>,
}

impl<'a, 't> Table<'a, 't> {
    /// Takes a table for `what`, such as `a step`; a key that is not among `allowed` is a fault.
    pub fn new(table: &'a DeTable<'t>, span: Range<usize>, what: &str, allowed: &[&str]) -> Read<Table<'a, 't>> {
        let mut keys: Vec<_> = table.iter().map(|(key, _)| key).collect();
        keys.sort_by_key(|key| key.span().start);
        let unknown = keys.into_iter().find(|key| !allowed.contains(&key.get_ref().as_ref()));
        if let Some(key) = unknown {
            let text = format!("{what} has no key {:?}; it may have {}", key.get_ref(), allowed.join(", "));
            return fail(&key.span(), text);
        }
        Ok(Table { span, table })
    }

    /// The value of a key.
    pub fn value(&self, key: &'a str) -> Option<Value<'a, 't>> {
        let (name, value) = self.table.get_key_value(key)?;
        Some(Value { key, span: value.span(), key_at: name.span().start, value: value.get_ref() })
    }

    /// Those of `keys` that are there, in the order of the file.
    pub fn present(&self, keys: &[&'a str]) -> Vec<Value<'a, 't>> {
        let mut present: Vec<_> = keys.iter().filter_map(|key| self.value(key)).collect();
        present.sort_by_key(|value| value.key_at);
        present
    }

    /// Where its first key stands; without one, where it begins.
    pub fn first_at(&self) -> usize {
        self.table.iter().map(|(key, _)| key.span().start).min().unwrap_or(self.span.start)
    }

    pub fn text(&self, key: &'a str) -> Read<Option<(&'a str, Range<usize>)>> {
        self.value(key).map(|value| Ok((value.text()?, value.span.clone()))).transpose()
    }

    pub fn flag(&self, key: &'a str) -> Read<Option<bool>> {
        self.value(key).map(|value| value.flag()).transpose()
    }

    pub fn number(&self, key: &'a str, range: Range<u64>) -> Read<Option<u64>> {
        self.value(key).map(|value| value.number(range)).transpose()
    }

    pub fn time(&self, key: &'a str) -> Read<Option<Duration>> {
        self.value(key).map(|value| value.time()).transpose()
    }
}

impl<'a, 't> Value<'a, 't> {
    /// A fault of this value.
    pub fn fail<T>(&self, text: impl Into<String>) -> Read<T> {
        fail(&self.span, text)
    }

    pub fn text(&self) -> Read<&'a str> {
        match self.value {
            DeValue::String(text) => Ok(text),
            _ => self.fail(format!("{} is a text: write {} = \"…\"", self.key, self.key)),
        }
    }

    pub fn flag(&self) -> Read<bool> {
        match self.value {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => self.fail(format!("{} is true or false", self.key)),
        }
    }

    /// A whole number within a range.
    pub fn number(&self, range: Range<u64>) -> Read<u64> {
        let number = match self.value {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(number),
            None => self.fail(format!("{} is a whole number from {} to {}", self.key, range.start, range.end - 1)),
        }
    }

    /// A time with its unit.
    pub fn time(&self) -> Read<Duration> {
        let DeValue::String(text) = self.value else {
            return self.fail(format!("{} is a time with its unit: write {} = \"250ms\"", self.key, self.key));
        };
        match time(text) {
            Some(time) if (Duration::from_millis(1)..=LONGEST).contains(&time) => Ok(time),
            Some(_) => self.fail(format!("{} is a time from 1ms to 1000h", self.key)),
            None => self.fail(format!("{text:?} is no time; a number and ms, s, m or h are, such as 250ms")),
        }
    }

    pub fn table(&self, allowed: &[&str]) -> Read<Table<'a, 't>> {
        match self.value {
            DeValue::Table(table) => Table::new(table, self.span.clone(), self.key, allowed),
            _ => self.fail(format!("{} is a table with some of {}", self.key, allowed.join(", "))),
        }
    }

    /// The members of a table whose keys are names of the user's, in the order of the file.
    pub fn members(&self) -> Read<Vec<Member<'a, 't>>> {
        let DeValue::Table(table) = self.value else {
            return self.fail(format!("{} is a table: write {} = {{ name = … }}", self.key, self.key));
        };
        let mut members: Vec<_> = table.iter().collect();
        members.sort_by_key(|(key, _)| key.span().start);
        Ok(members)
    }

    pub fn list(&self) -> Read<&'a [Spanned<DeValue<'t>>]> {
        match self.value {
            DeValue::Array(list) => Ok(list),
            _ => self.fail(format!("{} is a list: write {} = [ … ]", self.key, self.key)),
        }
    }
}

/// A time such as `10s`, `1.5s`, `250ms`, `2m`.
fn time(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}
