//! A head as rules read it.

use super::Evidence;
use crate::session::{RecordId, Session};
use crate::wire::Span;

/// A value of a field that is read at most.
const VALUE_LIMIT_BYTES: usize = 1024;

/// A request's or an answer's head.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub id: RecordId,
    pub at_ns: u64,
    pub method: String,
    pub target: String,
    /// 0 in requests.
    pub status: u16,
    pub version: String,
    fields: Vec<(String, String, Span)>,
}

impl Head {
    pub fn read(session: &Session, id: RecordId) -> Head {
        let explained = session.explain(id);
        let text = |key: &str| {
            let field = explained.fields.iter().find(|field| field.def.key == key);
            field.map(|field| session.field_text(&explained, field, VALUE_LIMIT_BYTES)).unwrap_or_default()
        };
        let mut fields = Vec::new();
        let mut name = String::new();
        for field in &explained.fields {
            match field.def.key {
                "http.header.name" => name = session.field_text(&explained, field, VALUE_LIMIT_BYTES).to_lowercase(),
                "http.header.value" => {
                    let value = session.field_text(&explained, field, VALUE_LIMIT_BYTES);
                    fields.push((name.clone(), value, field.span));
                }
                _ => {}
            }
        }
        Head {
            id,
            at_ns: session.at_ns(id),
            method: text("http.request.method"),
            target: text("http.request.target"),
            status: text("http.status").parse().unwrap_or(0),
            version: text("http.response.version") + &text("http.request.version"),
            fields,
        }
    }

    /// The first field of that name, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(each, ..)| each == name).map(|(_, value, _)| value.as_str())
    }

    /// Whether a field lists a token.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        let lines = self.fields.iter().filter(|(each, ..)| each == name);
        lines.flat_map(|(_, value, _)| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> String {
        let value = self.field("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_lowercase()
    }

    /// A field as evidence; the head itself where there is none of that name.
    pub fn evidence(&self, name: &str) -> Evidence {
        match self.fields.iter().find(|(each, ..)| each == name) {
            Some((name, value, span)) => {
                Evidence { record: self.id, span: Some(*span), says: format!("{name}: {value}") }
            }
            None => Evidence { record: self.id, span: None, says: format!("no {name}") },
        }
    }

    /// The status as evidence.
    pub fn status_evidence(&self) -> Evidence {
        Evidence { record: self.id, span: None, says: format!("{} {}", self.version, self.status) }
    }

    /// Whether this request asks for WebSocket.
    pub fn is_upgrade(&self) -> bool {
        self.lists("upgrade", "websocket")
    }
}
