//! The head of a request or an answer, as the rules read it.

use super::seen::Case;
use super::{Evidence, text};
use crate::dissect::Value;
use crate::session::RecordId;
use crate::wire::Span;

/// Bytes of a head that are read at most.
const LIMIT_BYTES: usize = 64 * 1024;

/// Fields of a head, and bytes of a value, that are kept at most.
const MOST_FIELDS: usize = 96;
const VALUE_BYTES: usize = 1024;

/// A field line.
#[derive(Clone, Debug)]
struct FieldLine {
    name: String,
    value: String,
    span: Span,
}

/// A head.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub id: RecordId,
    /// The answer's status; 0 in requests.
    pub status: u16,
    /// The request's method; empty in answers.
    pub method: String,
    /// The request's target; empty in answers.
    pub target: String,
    /// Such as `HTTP/1.1`.
    pub version: String,
    line: Option<Span>,
    fields: Vec<FieldLine>,
}

impl Head {
    /// The head of a record, where its bytes are to be had.
    pub fn read(case: &Case) -> Option<Head> {
        let explained = case.session.explain_within(case.id, LIMIT_BYTES);
        let mut head = Head {
            id: case.id,
            status: 0,
            method: String::new(),
            target: String::new(),
            version: String::new(),
            line: None,
            fields: Vec::new(),
        };
        let mut name: Option<String> = None;
        for field in &explained.fields {
            let text = || case.session.field_text(&explained, field, VALUE_BYTES);
            match field.def.key {
                "http.request.line" | "http.response.line" => head.line = Some(field.span),
                "http.request.method" => head.method = text(),
                "http.request.target" => head.target = text(),
                "http.request.version" | "http.response.version" => head.version = text(),
                "http.status" => {
                    if let Value::Number(status) = field.value {
                        head.status = u16::try_from(status).unwrap_or(0);
                    }
                }
                "http.header.name" => name = Some(text()),
                "http.header.value" if head.fields.len() < MOST_FIELDS => {
                    let Some(name) = name.take() else { continue };
                    head.fields.push(FieldLine { name, value: text(), span: field.span });
                }
                _ => {}
            }
        }
        head.line.map(|_| head)
    }

    fn lines<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h FieldLine> {
        self.fields.iter().filter(move |line| line.name.eq_ignore_ascii_case(name))
    }

    /// The first value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.lines(name).next().map(|line| line.value.as_str())
    }

    /// The items of a field that is a list, all its lines together (RFC 9110 §5.6.1).
    pub fn items(&self, name: &str) -> Vec<&str> {
        let items = self.lines(name).flat_map(|line| line.value.split(','));
        items.map(str::trim).filter(|item| !item.is_empty()).collect()
    }

    /// Whether a list names an item; case is no matter.
    pub fn names(&self, name: &str, item: &str) -> bool {
        self.items(name).iter().any(|found| found.eq_ignore_ascii_case(item))
    }

    /// The media type without its parameters, in lower case; empty where there is none.
    pub fn media_type(&self) -> String {
        let value = self.value("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether the answer's body ends where the connection does (RFC 9112 §6.3).
    pub fn is_close_delimited(&self) -> bool {
        self.value("content-length").is_none() && !self.names("transfer-encoding", "chunked")
    }

    /// A field as evidence: its line, or that there is none.
    pub fn evidence(&self, name: &str) -> Evidence {
        match self.lines(name).next() {
            Some(line) => Evidence {
                record: self.id,
                span: Some(line.span),
                says: format!("{}: {}", line.name, text::short(&line.value)),
            },
            None => Evidence { record: self.id, span: self.line, says: format!("no {name} header") },
        }
    }

    /// The first line as evidence.
    pub fn first_line(&self) -> Evidence {
        let says = match self.status {
            0 => format!("{} {}", self.method, text::without_query(&self.target)),
            status => format!("{} {status}", self.version),
        };
        Evidence { record: self.id, span: self.line, says }
    }
}
