//! JSONPath terms. A path of names and indices alone, which is what people write, is followed while the text is read;
//! others ask for the whole tree.

use memchr::memmem::Finder;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_json_path::{JsonPath, ParseError};

/// A path into JSON (RFC 9535).
#[derive(Clone, Debug)]
pub(in crate::session) enum Path {
    /// Names and indices, with the last name as it is usually written.
    Plain(Vec<Step>, Option<Box<Finder<'static>>>),
    Any(Box<JsonPath>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) enum Step {
    Name(String),
    Index(usize),
}

impl Path {
    pub fn parse(text: &str) -> Result<Path, ParseError> {
        let path = JsonPath::parse(text)?;
        let Some(steps) = steps(text) else { return Ok(Path::Any(Box::new(path))) };
        let last = steps.iter().rev().find_map(|step| match step {
            Step::Name(name) => Some(Box::new(Finder::new(format!("\"{name}\"").as_bytes()).into_owned())),
            Step::Index(_) => None,
        });
        Ok(Path::Plain(steps, last))
    }

    /// The first such node of a payload, where that is JSON and has one.
    pub fn first_in(&self, payload: &[u8]) -> Option<Json> {
        if !self.may_be_in(payload) {
            return None;
        }
        match self {
            Path::Plain(steps, _) => node(steps, payload),
            Path::Any(path) => path.query(&serde_json::from_slice(payload).ok()?).first().cloned(),
        }
    }

    /// Whether a payload may have such a node: quick, and seldom wrong.
    pub fn may_be_in(&self, payload: &[u8]) -> bool {
        match self {
            // A name may be written with escapes.
            Path::Plain(_, Some(name)) => name.find(payload).is_some() || memchr::memchr(b'\\', payload).is_some(),
            _ => !payload.is_empty(),
        }
    }
}

/// The steps of a path that has names and indices alone.
fn steps(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let len = after.find(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).unwrap_or(after.len());
            if len == 0 {
                return None;
            }
            steps.push(Step::Name(after[..len].to_owned()));
            rest = &after[len..];
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Index(inside.parse().ok()?));
            rest = after;
        }
    }
    Some(steps)
}

/// The node at the end of `steps`, where the text is JSON and has one.
pub(super) fn node(steps: &[Step], text: &[u8]) -> Option<Json> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let node = Follow(steps).deserialize(&mut reader).ok()?;
    reader.end().ok().and(node)
}

struct Follow<'s>(&'s [Step]);

impl<'de> DeserializeSeed<'de> for Follow<'_> {
    type Value = Option<Json>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Json>, D::Error> {
        if self.0.is_empty() {
            return serde::Deserialize::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

/// Values that have no parts lead nowhere.
macro_rules! leads_nowhere {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E>(self, _: $type) -> Result<Option<Json>, E> { Ok(None) })*
    };
}

impl<'de> Visitor<'de> for Follow<'_> {
    type Value = Option<Json>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    leads_nowhere!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Option<Json>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Json>, A::Error> {
        let name = match &self.0[0] {
            Step::Name(name) => Some(name.as_str()),
            Step::Index(_) => None,
        };
        // Of members with one name the last counts.
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsName(name))? {
            match is_it {
                true => found = map.next_value_seed(Follow(&self.0[1..]))?,
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Json>, A::Error> {
        let mut found = None;
        if let Step::Index(wanted) = &self.0[0] {
            for _ in 0..*wanted {
                if items.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            found = items.next_element_seed(Follow(&self.0[1..]))?.flatten();
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

/// Whether the key of a member is this name.
struct IsName<'s>(Option<&'s str>);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(self.0 == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_lead_where_the_library_leads() {
        let paths = ["$", "$.a", "$.a.b", "$.a[1]", "$[0]", "$[1].a", "$.a[0].b", "$.b", "$.a.b.c", "$[2]"];
        let texts = [
            r#"{"a":{"b":5},"b":[1,2]}"#,
            r#"{"a":[1,{"b":"x"},null],"b":null}"#,
            r#"[{"a":1},{"a":{"b":[true]}}]"#,
            r#"{"a":1,"\u0061":{"b":{"c":[]}}}"#,
            r#" "text" "#,
            "5",
            "null",
            r#"{"a":[{"b":1.5}]}"#,
        ];
        for path in paths {
            let Ok(Path::Plain(steps, _)) = Path::parse(path) else { panic!("{path} is plain") };
            for text in texts {
                let whole: Json = serde_json::from_str(text).unwrap();
                let wanted = JsonPath::parse(path).unwrap();
                let wanted = wanted.query(&whole).all().first().map(|node| (*node).clone());
                assert_eq!(node(&steps, text.as_bytes()), wanted, "{path} of {text}");
                let may = Path::parse(path).unwrap().may_be_in(text.as_bytes());
                assert!(may || wanted.is_none(), "{path} of {text}");
            }
            for text in ["", "{", "{\"a\":1} x", "{\"a\":}", "[1,"] {
                assert_eq!(node(&steps, text.as_bytes()), None, "{path} of {text}");
            }
        }
        for path in ["$..a", "$[*]", "$['a']", "$[-1]", "$.a[?@.b]", "$[0:2]"] {
            assert!(matches!(Path::parse(path), Ok(Path::Any(_))), "{path}");
        }
    }
}
