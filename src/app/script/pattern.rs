//! Which records a step looks for, and where.

use super::template::{Template, filter_quoted};
use super::values::{Values, text_of};
use crate::session::filter::{Filter, Shape};
use crate::session::{Flags, Kind, Record, Severity};
use crate::wire::Dir;

/// What stands for a variable whose value is not known when the script is read: one of these makes the filter readable.
const PLACEHOLDERS: [&str; 3] = ["1", "text", "ws.text"];

/// A filter as it was written.
#[derive(Clone, Debug)]
pub(super) struct FilterText {
    template: Template,
    /// Read, where there are no variables in it.
    fixed: Option<Pattern>,
}

/// A filter, and the records that it is asked about.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    filter: Filter,
    among: Among,
}

/// Which records a filter is asked about: what comes, unless it can match nothing of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    /// What comes from the server, and what the link does.
    Incoming,
    /// Messages and heads of both directions.
    Both,
    /// Chunks and frames below them, too.
    Everything,
}

impl FilterText {
    /// Reads a filter; an error says at which byte of it, and what is wrong.
    pub fn parse(text: &str) -> Result<FilterText, (usize, String)> {
        let template = Template::parse(text)?;
        let read = |text: &str| Filter::parse(text).map_err(|error| (error.at, error.text));
        if let Some(text) = template.fixed() {
            let filter = read(&text)?;
            return Ok(FilterText { template, fixed: Some(Pattern::new(filter)) });
        }
        let mut first_error = None;
        for placeholder in PLACEHOLDERS {
            let filled = template.filled(|_, _| Ok(placeholder.to_owned())).unwrap_or_default();
            match read(&filled) {
                Ok(_) => return Ok(FilterText { template, fixed: None }),
                Err(error) => _ = first_error.get_or_insert(error),
            }
        }
        let (at, why) = first_error.unwrap_or_default();
        // Before the first variable the places are those of the file.
        let first = text.find("{{").unwrap_or(0);
        Err((at.min(first), why))
    }

    pub fn source(&self) -> &str {
        &self.template.source
    }

    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.template.variables()
    }

    /// With the values of now.
    pub fn pattern(&self, values: &Values) -> Result<Pattern, String> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let text = self.template.filled(|name, is_quoted| {
            let text = text_of(&values.of(name)?);
            Ok(if is_quoted { filter_quoted(&text) } else { text })
        })?;
        let filter =
            Filter::parse(&text).map_err(|error| format!("with its variables the filter cannot be read: {error}"))?;
        Ok(Pattern::new(filter))
    }
}

impl Pattern {
    fn new(filter: Filter) -> Pattern {
        let can = |wanted: &dyn Fn(Kind, Dir) -> bool| {
            let worst = [Severity::None, Severity::Info, Severity::Warning, Severity::Error];
            Kind::ALL.into_iter().any(|kind| {
                [Dir::In, Dir::Out].into_iter().any(|dir| {
                    let may = |worst| filter.of_shape(Shape { kind, dir, worst }) != Some(false);
                    wanted(kind, dir) && worst.into_iter().any(may)
                })
            })
        };
        let is_below = |kind: Kind| matches!(kind, Kind::WsFrame | Kind::HttpChunk | Kind::Gap);
        let comes = |kind: Kind, dir| dir == Dir::In && !kind.is_fact() && kind != Kind::HttpRequest;
        let among = if can(&|kind, dir| comes(kind, dir) && !is_below(kind)) {
            Among::Incoming
        } else if can(&|kind, _| !kind.is_fact() && !is_below(kind)) {
            Among::Both
        } else if can(&|kind, _| kind.is_fact()) {
            Among::Incoming
        } else {
            Among::Everything
        };
        Pattern { filter, among }
    }

    /// Whether the filter is asked about a record.
    pub fn looks_at(&self, record: &Record) -> bool {
        let is_shown = record.flags.has(Flags::MESSAGE) || record.worst >= Severity::Warning;
        match self.among {
            Among::Incoming => record.kind.is_fact() || (record.dir == Dir::In && is_shown),
            Among::Both => !record.kind.is_fact() && is_shown,
            Among::Everything => true,
        }
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(text: &str) -> Among {
        FilterText::parse(text).unwrap().fixed.unwrap().among
    }

    #[test]
    fn a_filter_is_asked_about_what_comes_unless_it_says_otherwise() {
        for text in ["\"hello\"", "kind:ws.*", "dir:in", "$.a=1", "kind:closed", "http.status=101", "at>0s"] {
            assert_eq!(among(text), Among::Incoming, "{text}");
        }
        for text in ["dir:out", "kind:http.request", "dir:out \"hello\""] {
            assert_eq!(among(text), Among::Both, "{text}");
        }
        assert_eq!(among("kind:ws.frame"), Among::Everything);
    }

    #[test]
    fn a_filter_with_variables_is_read_as_far_as_it_can_be() {
        for good in ["$.n={{n}}", "\"{{word}}\"", "size>{{n}}", "kind:{{kind}}", "connection:{{n}} {{x}}"] {
            assert!(FilterText::parse(good).is_ok(), "{good}");
        }
        let (at, why) = FilterText::parse("kind:smoke $.n={{n}}").unwrap_err();
        assert!(at <= 5 && why.contains("smoke"), "{at} {why}");
    }
}
