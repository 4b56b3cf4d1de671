//! Variables in a request: `{{name}}` stands for a value of the environment that is chosen, of the process's environment or
//! of the system's keyring. Texts are read and filled as those of scripts are.

use super::super::Draft;
use super::super::script::template::Template;
use super::super::script::values::{BUILT_IN, Secrets, Values};
use super::keys::{Field, KEYS, TextOf};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What a variable stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// As the file has it: `{{env.NAME}}` and `{{keyring.NAME}}` may stand in it.
    pub text: String,
    /// Whether it is shown nowhere.
    pub is_secret: bool,
}

// A secret is shown nowhere.
impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_secret { "(secret)" } else { &self.text })
    }
}

/// The variables of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(pub(super) BTreeMap<String, Variable>);

/// What the keyring was found to keep, by name.
pub type Kept = BTreeMap<String, String>;

/// A draft with the values of now.
pub struct Filled {
    /// The draft, without variables.
    pub draft: Draft,
    /// Its address for lists: secrets stand in it by their names.
    pub label: String,
    /// The secrets that stand in it now.
    pub secrets: Vec<String>,
}

// The draft holds secrets now.
impl std::fmt::Debug for Filled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filled").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Why a draft cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfilled {
    /// A text cannot be read, or a variable has no value.
    Mistake(String),
    /// The keyring has to be asked for these first.
    Keyring(Vec<String>),
}

/// Whether a text is a variable and nothing else.
pub(super) fn is_variable_alone(text: &str) -> bool {
    Template::parse(text.trim()).is_ok_and(|template| template.alone().is_some())
}

/// The variables that stand in a text, in order.
pub fn variables_of(text: &str) -> Vec<String> {
    Template::parse(text).map_or_else(|_| Vec::new(), |template| template.variables().map(str::to_owned).collect())
}

impl Variables {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What a variable stands for, to be shown: not a secret's value.
    pub fn shown(&self, name: &str) -> String {
        if name.starts_with("env.") {
            let is_there = self.value(name, &Kept::new()).is_ok();
            return if is_there { "(from the environment)" } else { "not in the environment" }.to_owned();
        }
        if name.starts_with("keyring.") {
            return "(from the system's keyring)".to_owned();
        }
        match self.0.get(name) {
            None if BUILT_IN.contains(&name) && name != "n" => "(made anew each time)".to_owned(),
            None => "no value".to_owned(),
            Some(variable) if variable.is_secret => "(secret)".to_owned(),
            Some(variable) => variable.text.clone(),
        }
    }

    /// What a variable comes to, and whether that is secret.
    fn value(&self, name: &str, kept: &Kept) -> Result<(String, bool), Lacking> {
        if let Some(name) = name.strip_prefix("env.") {
            return match std::env::var(name) {
                Ok(value) => Ok((value, true)),
                Err(_) => Err(Lacking::Value(format!("{name} is not in the environment of this program"))),
            };
        }
        if let Some(name) = name.strip_prefix("keyring.") {
            return match kept.get(name) {
                Some(value) => Ok((value.clone(), true)),
                None => Err(Lacking::Keyring(name.to_owned())),
            };
        }
        let Some(variable) = self.0.get(name) else {
            return Err(Lacking::Value(format!("{{{{{name}}}}} has no value")));
        };
        let template = Template::parse(&variable.text).map_err(|(_, why)| Lacking::Value(format!("{name}: {why}")))?;
        let mut values = BTreeMap::new();
        let mut is_secret = variable.is_secret;
        for inner in template.variables() {
            if !inner.starts_with("env.") && !inner.starts_with("keyring.") {
                let why = "a variable may stand for {{env.NAME}} and {{keyring.NAME}}, and for no other variable";
                return Err(Lacking::Value(format!("{name}: {why}")));
            }
            let (value, _) = self.value(inner, kept)?;
            values.insert(inner.to_owned(), value);
            is_secret = true;
        }
        let text = template.filled(|inner, _| Ok(values.get(inner).cloned().unwrap_or_default()));
        Ok((text.map_err(Lacking::Value)?, is_secret))
    }

    /// What can be said now, for scripts: name, value, and whether that is secret.
    pub fn given(&self, kept: &Kept) -> Vec<(String, String, bool)> {
        let value = |name: &String| self.value(name, kept).ok().map(|(value, secret)| (name.clone(), value, secret));
        self.0.keys().filter_map(value).collect()
    }

    /// Puts values in the place of the variables of a text; the secrets that stand in it then are added to `secrets`.
    pub fn fill_text(
        &self,
        text: &str,
        kept: &Kept,
        hint: &str,
        secrets: &mut Vec<String>,
    ) -> Result<String, Unfilled> {
        let filled = self.fill(&Draft { body: text.to_owned(), ..Draft::default() }, kept, hint)?;
        secrets.extend(filled.secrets);
        Ok(filled.draft.body)
    }

    /// Puts values in the place of the variables of a draft. `hint` says what would help where some have none.
    pub fn fill(&self, draft: &Draft, kept: &Kept, hint: &str) -> Result<Filled, Unfilled> {
        let mut filled = draft.clone();
        let texts: Vec<(String, TextOf)> = KEYS
            .iter()
            .filter(|key| (key.is_used)(draft))
            .filter_map(|key| match key.field {
                Field::Text(of) | Field::Secret(of) | Field::Number(of) | Field::Lines(of) => Some((key.path(), of)),
                _ => None,
            })
            .collect();
        let mut templates = Vec::new();
        for (path, of) in texts {
            let text = of(&mut filled);
            if text.contains("{{") {
                let template = Template::parse(text)
                    .map_err(|(at, why)| Unfilled::Mistake(format!("{path}, character {}: {why}", at + 1)))?;
                templates.push((of, template));
            }
        }
        let names: BTreeSet<&str> = templates.iter().flat_map(|(_, template)| template.variables()).collect();
        let (mut own, mut secrets, mut hidden) = (BTreeMap::new(), Secrets::default(), Vec::new());
        let mut secret_names = BTreeSet::new();
        let (mut missing, mut unasked) = (Vec::new(), Vec::new());
        for name in names {
            if BUILT_IN.contains(&name) && name != "n" && !self.0.contains_key(name) {
                continue;
            }
            match self.value(name, kept) {
                Ok((value, is_secret)) => {
                    if is_secret && !value.is_empty() {
                        hidden.push(value.clone());
                    }
                    if is_secret {
                        secret_names.insert(name.to_owned());
                        // By the names that scripts have for them.
                        secrets.keep(name.strip_prefix("env.").unwrap_or(name), value.clone());
                    }
                    own.insert(name.to_owned(), Json::from(value));
                }
                Err(Lacking::Value(why)) => missing.push(why),
                Err(Lacking::Keyring(name)) => unasked.push(name),
            }
        }
        if !missing.is_empty() {
            return Err(Unfilled::Mistake(format!("{}{hint}", missing.join("; "))));
        }
        if !unasked.is_empty() {
            return Err(Unfilled::Keyring(unasked));
        }
        let captured = BTreeMap::new();
        let wall = jiff::Timestamp::now();
        let values = Values { own: &own, captured: &captured, secrets: &secrets, n: 0, wall };
        for (of, template) in templates {
            *of(&mut filled) = template.text(&values).map_err(Unfilled::Mistake)?;
        }
        let label = match Template::parse(draft.address.trim()) {
            Ok(template) => template.filled(|name, _| match own.get(name) {
                Some(Json::String(text)) if !secret_names.contains(name) => Ok(text.clone()),
                _ => Ok(format!("{{{{{name}}}}}")),
            }),
            Err(_) => Ok(draft.address.trim().to_owned()),
        };
        let label = label.map_err(Unfilled::Mistake)?;
        Ok(Filled { draft: filled, label, secrets: hidden })
    }
}

/// Why a variable comes to nothing.
enum Lacking {
    Value(String),
    Keyring(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AuthKind;

    fn variables(all: &[(&str, &str, bool)]) -> Variables {
        let variable = |text: &str, is_secret| Variable { text: text.to_owned(), is_secret };
        Variables(all.iter().map(|(name, text, secret)| ((*name).to_owned(), variable(text, *secret))).collect())
    }

    #[test]
    fn values_take_the_place_of_variables_and_secrets_stay_out_of_the_label() {
        let draft = Draft {
            address: "wss://{{host}}/feed?key={{key}}".into(),
            headers: "X-A: {{host}}\nX-B: {{{{no}}".into(),
            auth: AuthKind::Bearer,
            token: "{{keyring.feed}}".into(),
            ..Draft::default()
        };
        let variables = variables(&[("host", "example.com", false), ("key", "s3cret", true)]);
        assert_eq!(variables.fill(&draft, &Kept::new(), "").unwrap_err(), Unfilled::Keyring(vec!["feed".into()]));
        let kept = Kept::from([("feed".to_owned(), "t0ken".to_owned())]);
        let filled = variables.fill(&draft, &kept, "").unwrap();
        assert_eq!(filled.draft.address, "wss://example.com/feed?key=s3cret");
        assert_eq!(filled.draft.headers, "X-A: example.com\nX-B: {{no}}");
        assert_eq!(filled.draft.token, "t0ken");
        assert_eq!(filled.label, "wss://example.com/feed?key={{key}}");
        assert_eq!(filled.secrets, ["s3cret", "t0ken"]);
        assert!(!format!("{filled:?}{variables:?}").contains("s3cret"));
        assert_eq!((variables.shown("key").as_str(), variables.shown("host").as_str()), ("(secret)", "example.com"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let draft = Draft { address: "http://{{host}}/{{path}}?{{now_ms}}".into(), ..Draft::default() };
        let why = Variables::default().fill(&draft, &Kept::new(), ": choose an environment").unwrap_err();
        let said = "{{host}} has no value; {{path}} has no value: choose an environment";
        assert_eq!(why, Unfilled::Mistake(said.into()));
        let odd = Draft { headers: "A: {{b".into(), ..Draft::default() };
        let Unfilled::Mistake(why) = Variables::default().fill(&odd, &Kept::new(), "").unwrap_err() else { panic!() };
        assert!(why.starts_with("headers, character 4: {{ has no }}"), "{why}");
        let nested = variables(&[("a", "{{b}}", false), ("b", "c", false)]);
        let draft = Draft { address: "{{a}}".into(), ..Draft::default() };
        let Unfilled::Mistake(why) = nested.fill(&draft, &Kept::new(), "").unwrap_err() else { panic!() };
        assert!(why.contains("for no other variable"), "{why}");
    }
}
