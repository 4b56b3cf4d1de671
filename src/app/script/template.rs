//! Text with variables: `{{name}}` stands for a value, `{{{{` for two braces.

use super::values::{Values, text_of};

/// The most that a text with its variables, or a JSON document with them, comes to: what a step sends and what a filter says.
pub(super) const FILLED_LIMIT_BYTES: usize = 16 << 20;

/// Why a step fails whose variables make too much of it.
pub(super) fn too_long() -> String {
    format!("with its variables it is longer than {} MiB, the most that a step may come to", FILLED_LIMIT_BYTES >> 20)
}

/// A text in which variables stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app) struct Template {
    /// As it was written.
    pub source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    /// Reads a text. An error says at which byte, and what is wrong.
    pub fn parse(source: &str) -> Result<Template, (usize, String)> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(open) = rest.find("{{") {
            let at = source.len() - rest.len() + open;
            text.push_str(&rest[..open]);
            let inside = &rest[open + 2..];
            if let Some(after) = inside.strip_prefix("{{") {
                text.push_str("{{");
                rest = after;
                continue;
            }
            let Some(close) = inside.find("}}") else {
                return Err((at, "{{ has no }} behind it; to send two braces, write {{{{".to_owned()));
            };
            let name = inside[..close].trim();
            let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let is_kept = |name: &str| is_name(&name.replace(['-', '.', '/'], ""));
            let is_known = match name.strip_prefix("keyring.") {
                Some(name) => is_kept(name),
                None => is_name(name.strip_prefix("env.").unwrap_or(name)),
            };
            if !is_known {
                let text = format!("{name:?} is no name of a variable; to send two braces, write {{{{{{{{");
                return Err((at, text));
            }
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &inside[close + 2..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Template { source: source.to_owned(), parts })
    }

    /// The variables in it, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The variable that it is, where it is nothing else.
    pub fn alone(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Variable(name)] => Some(name),
            _ => None,
        }
    }

    /// The text, where no variable stands in it.
    pub fn fixed(&self) -> Option<String> {
        match self.parts.as_slice() {
            [] => Some(String::new()),
            [Part::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// With the values of now.
    pub fn text(&self, values: &Values) -> Result<String, String> {
        self.filled(|name, _| values.of(name).map(|value| text_of(&value)))
    }

    /// With what `value` gives for a variable, which is told whether that stands within quotation marks.
    pub fn filled(&self, mut value: impl FnMut(&str, bool) -> Result<String, String>) -> Result<String, String> {
        let mut text = String::new();
        let (mut is_quoted, mut is_escaped) = (false, false);
        for part in &self.parts {
            match part {
                Part::Text(part) => {
                    for char in part.chars() {
                        is_quoted ^= char == '"' && !is_escaped;
                        is_escaped = char == '\\' && !is_escaped;
                    }
                    text.push_str(part);
                }
                Part::Variable(name) => text.push_str(&value(name, is_quoted)?),
            }
            if text.len() > FILLED_LIMIT_BYTES {
                return Err(too_long());
            }
        }
        Ok(text)
    }
}

/// A value as it stands within the quotation marks of JSON.
pub(super) fn json_quoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A value as it stands within the quotation marks of a filter.
pub(super) fn filter_quoted(text: &str) -> String {
    let quoted = crate::session::filter::compose::quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_and_braces_can_be_sent() {
        let template = Template::parse("a {{ n }} {{{{x}} {{env.HOME}}").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["n", "env.HOME"]);
        let filled = template.filled(|name, _| Ok(format!("<{name}>")));
        assert_eq!(filled.unwrap(), "a <n> {{x}} <env.HOME>");
        assert_eq!(Template::parse("ab {{").unwrap_err().0, 3);
        assert!(Template::parse("{{a b}}").unwrap_err().1.contains("no name"));
        assert_eq!(Template::parse("{{n}}").unwrap().alone(), Some("n"));
    }

    #[test]
    fn whether_a_value_stands_within_quotation_marks_is_told() {
        let template = Template::parse(r#"{"a":"\"{{x}}","b":{{y}}}"#).unwrap();
        let told = template.filled(|name, is_quoted| Ok(format!("{name}{is_quoted}")));
        assert_eq!(told.unwrap(), r#"{"a":"\"xtrue","b":yfalse}"#);
        assert_eq!(json_quoted("a\"\n\u{1}"), "a\\\"\\n\\u0001");
    }
}
