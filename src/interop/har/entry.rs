//! The entries of a HAR as they are read: what is missing or of another type is nothing, and what matters is asked for.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Members of a list that are read at most: header lines, parameters.
const LIST_LIMIT: usize = 20_000;

/// A value of any type, of which only texts and numbers are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Loose {
    /// Missing, null, or of a type that is nothing here.
    #[default]
    Nothing,
    Number(f64),
    Text(String),
}

impl Loose {
    pub fn text(&self) -> Option<&str> {
        if let Loose::Text(text) = self { Some(text) } else { None }
    }

    /// As a text, also where it is a number.
    pub fn shown(&self) -> String {
        match self {
            Loose::Nothing => String::new(),
            Loose::Number(number) => number.to_string(),
            Loose::Text(text) => text.clone(),
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Loose::Number(number) => Some(*number).filter(|number| number.is_finite()),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Loose;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Loose, E> {
                Ok(Loose::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Loose, E> {
                Ok(Loose::Nothing)
            }

            fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
                Ok(Loose::Number(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
                Ok(Loose::Number(number as f64))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Loose, E> {
                Ok(Loose::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
                Ok(Loose::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Loose, E> {
                Ok(Loose::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Loose::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose::Nothing)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// A list of a bounded length; null is an empty one.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct List<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = list.next_element()? {
                if members.len() == LIST_LIMIT {
                    return Err(A::Error::custom(format!("a list has more than {LIST_LIMIT} members")));
                }
                members.push(member);
            }
            Ok(members)
        }
    }

    deserializer.deserialize_any(List(std::marker::PhantomData))
}

/// A part without which an entry still says something: where it is not what it should be, it is as if it were missing.
fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    let raw: &RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

/// An entry. Messages and events stay text until the rest is understood.
#[derive(Debug, Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(default, rename = "startedDateTime")]
    pub started: Loose,
    #[serde(default)]
    pub time: Loose,
    pub request: Request,
    #[serde(default)]
    pub response: Response,
    #[serde(default, deserialize_with = "maybe")]
    pub timings: Timings,
    #[serde(default, rename = "serverIPAddress")]
    pub server: Loose,
    #[serde(default)]
    pub comment: Loose,
    #[serde(default, borrow, rename = "_webSocketMessages")]
    pub messages: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "_eventSourceMessages")]
    pub events: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub method: Loose,
    pub url: Loose,
    #[serde(default, rename = "httpVersion")]
    pub version: Loose,
    #[serde(default, deserialize_with = "list")]
    pub headers: Vec<Pair>,
    #[serde(default, rename = "headersSize")]
    pub head_bytes: Loose,
    #[serde(default, rename = "postData")]
    pub post: Option<PostData>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PostData {
    #[serde(default, rename = "mimeType")]
    pub media_type: Loose,
    #[serde(default)]
    pub text: Loose,
    #[serde(default)]
    pub encoding: Loose,
    #[serde(default, deserialize_with = "list")]
    pub params: Vec<Pair>,
    /// Ours: the content coding that `text` still has.
    #[serde(default, rename = "_contentEncoding")]
    pub coding: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    pub status: Loose,
    #[serde(rename = "statusText")]
    pub reason: Loose,
    #[serde(rename = "httpVersion")]
    pub version: Loose,
    #[serde(deserialize_with = "list")]
    pub headers: Vec<Pair>,
    pub content: Content,
    #[serde(rename = "_error")]
    pub error: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub size: Loose,
    pub compression: Loose,
    pub text: Loose,
    pub encoding: Loose,
    /// Ours: the content coding that `text` still has.
    #[serde(rename = "_contentEncoding")]
    pub coding: Loose,
}

/// A header line, or a parameter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pair {
    pub name: Loose,
    pub value: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timings {
    pub blocked: Loose,
    pub dns: Loose,
    pub connect: Loose,
    pub ssl: Loose,
    pub send: Loose,
    pub wait: Loose,
    pub receive: Loose,
}

/// A member of `_webSocketMessages`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame {
    #[serde(rename = "type")]
    pub kind: Loose,
    pub time: Loose,
    pub opcode: Loose,
    pub data: Loose,
}

/// A member of `_eventSourceMessages`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StreamEvent {
    pub time: Loose,
    #[serde(rename = "eventName")]
    pub name: Loose,
    #[serde(rename = "eventId")]
    pub id: Loose,
    pub data: Loose,
}

/// Who wrote a HAR.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Creator {
    pub name: Loose,
    pub version: Loose,
}

/// Goes through a list member by member. Members that are not of the type are counted.
pub(super) fn each<'de, T: Deserialize<'de> + 'de, E>(
    list: &'de RawValue,
    take: &mut dyn FnMut(Result<T, String>) -> Result<(), E>,
) -> Result<Result<(), E>, String> {
    struct Members<'t, T, E>(&'t mut dyn FnMut(Result<T, String>) -> Result<(), E>);

    impl<'de, T: Deserialize<'de>, E> Visitor<'de> for Members<'_, T, E> {
        type Value = Result<(), E>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<F>(self) -> Result<Self::Value, F> {
            Ok(Ok(()))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut outcome = Ok(());
            while let Some(member) = list.next_element::<&RawValue>()? {
                if outcome.is_ok() {
                    outcome = (self.0)(serde_json::from_str(member.get()).map_err(|error| error.to_string()));
                }
            }
            Ok(outcome)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(list.get());
    deserializer.deserialize_any(Members(take)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_another_type_is_nothing_and_what_matters_is_asked_for() {
        let text = r#"{"startedDateTime": 5, "request": {"url": "http://a/", "headers": [{"name": "a"}, {}]},
                       "response": {"status": "200", "content": {"size": [1, {"deep": 1}], "text": null}},
                       "timings": "none", "_webSocketMessages": null, "unknown": {"a": [[[[]]]]}}"#;
        let entry: Entry = serde_json::from_str(text).unwrap();
        assert_eq!(entry.started, Loose::Number(5.0));
        assert_eq!(entry.request.headers.len(), 2);
        assert_eq!((entry.response.content.size, entry.timings.wait), (Loose::Nothing, Loose::Nothing));
        assert!(entry.messages.is_none());
        let missing = |text: &str| serde_json::from_str::<Entry>(text).unwrap_err().to_string();
        assert!(missing("{}").starts_with("missing field `request`"), "{}", missing("{}"));
        assert!(missing(r#"{"request": {}}"#).starts_with("missing field `url`"));
        assert!(missing(r#"{"request": {"url": "", "headers": 5}}"#).contains("expected a list"));
    }
}
