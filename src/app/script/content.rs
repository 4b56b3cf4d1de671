//! What is sent: text, JSON, or bytes.

use super::template::{FILLED_LIMIT_BYTES, Template, json_quoted, too_long};
use super::values::{Values, text_of};
use bytes::Bytes;
use serde_json::Value as Json;

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Text.
    Text(Template),
    /// JSON written as text.
    JsonText(Template),
    /// JSON written as a table, a list or a value of TOML.
    Json(JsonTemplate),
    /// Bytes, and how they are called.
    Bytes(Bytes, String),
}

/// JSON in whose strings variables stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JsonTemplate {
    Fixed(Json),
    /// A string. One that is a variable alone becomes what that is: a number, a list.
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

impl Content {
    /// Its bytes with the values of now.
    pub fn bytes(&self, values: &Values) -> Result<Bytes, String> {
        match self {
            Content::Text(template) => template.text(values).map(Bytes::from),
            Content::JsonText(template) => {
                let text = template.filled(|name, is_quoted| {
                    let text = text_of(&values.of(name)?);
                    Ok(if is_quoted { json_quoted(&text) } else { text })
                })?;
                match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
                    Ok(_) => Ok(Bytes::from(text)),
                    Err(error) => Err(format!("with its variables it is no JSON: {error}")),
                }
            }
            Content::Json(json) => json.filled(values).map(|json| Bytes::from(json.to_string())),
            Content::Bytes(bytes, _) => Ok(bytes.clone()),
        }
    }

    /// Whether it is text unless the script says otherwise.
    pub fn is_text(&self) -> bool {
        !matches!(self, Content::Bytes(..))
    }

    /// In a few words, with the names of variables.
    pub fn line(&self) -> String {
        match self {
            Content::Text(template) => format!("{:?}", template.source),
            Content::JsonText(template) => template.source.clone(),
            Content::Json(json) => json.line(),
            Content::Bytes(_, name) => name.clone(),
        }
    }
}

impl JsonTemplate {
    pub fn filled(&self, values: &Values) -> Result<Json, String> {
        self.filled_within(values, &mut FILLED_LIMIT_BYTES.clone())
    }

    /// The same, of at most `left` bytes of values, which become fewer.
    fn filled_within(&self, values: &Values, left: &mut usize) -> Result<Json, String> {
        let mut takes = |json: Json| match left.checked_sub(text_of(&json).len()) {
            Some(less) => {
                *left = less;
                Ok(json)
            }
            None => Err(too_long()),
        };
        Ok(match self {
            JsonTemplate::Fixed(json) => json.clone(),
            JsonTemplate::Text(template) => takes(match template.alone() {
                Some(name) => values.of(name)?,
                None => template.text(values)?.into(),
            })?,
            JsonTemplate::List(items) => {
                items.iter().map(|item| item.filled_within(values, left)).collect::<Result<_, _>>()?
            }
            JsonTemplate::Object(members) => {
                let filled =
                    members.iter().map(|(name, member)| Ok((name.clone(), member.filled_within(values, left)?)));
                Json::Object(filled.collect::<Result<_, String>>()?)
            }
        })
    }

    /// With the names of variables.
    pub fn line(&self) -> String {
        match self {
            JsonTemplate::Fixed(json) => json.to_string(),
            JsonTemplate::Text(template) => Json::from(template.source.as_str()).to_string(),
            JsonTemplate::List(items) => {
                format!("[{}]", items.iter().map(JsonTemplate::line).collect::<Vec<_>>().join(","))
            }
            JsonTemplate::Object(members) => {
                let member = |(name, member): &(String, JsonTemplate)| {
                    format!("{}:{}", Json::from(name.as_str()), member.line())
                };
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}
