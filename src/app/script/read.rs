//! From a file to a script: every mistake is told with its place and what is allowed there.

use super::content::{Content, JsonTemplate};
use super::pattern::FilterText;
use super::step::{Await, Capture, Repeat, Step, Wanted, What};
use super::template::Template;
use super::toml::{Fault, Read, Table, Value, fail, place};
use super::values::{BUILT_IN, Secrets};
use super::{AtEnd, Script, ScriptError};
use crate::app::{Composer, Format};
use bytes::Bytes;
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How deep repetitions may lie within one another.
const DEEPEST: usize = 8;

/// Steps that a script may have.
const MOST_STEPS: usize = 10_000;

/// The largest file that a step sends.
const FILE_LIMIT_BYTES: u64 = 16 << 20;

/// How long an expectation waits that names no time.
const EXPECT_WITHIN: Duration = Duration::from_secs(5);

/// What a step does, of which it has one.
const VERBS: [&str; 9] = ["send", "ping", "pong", "close", "frame", "wait", "wait_for", "expect", "expect_not"];

/// What else a step may have.
const OPTIONS: [&str; 8] = ["within", "set", "equals", "repeat", "every", "until", "for", "steps"];

/// Where values come from while a script is read.
pub(super) struct Reader<'r> {
    /// The folder that names of files start from.
    pub folder: &'r Path,
    pub env: &'r dyn Fn(&str) -> Option<String>,
    /// Variables of the environment that is chosen: name, value, whether that is secret. The script's own go first.
    given: &'r [(String, String, bool)],
    pub secrets: Secrets,
    /// Variables of the script, and those that some step sets.
    names: BTreeSet<String>,
    /// How deep the step lies that is being read.
    depth: usize,
    text: &'r str,
}

/// Reads a script.
pub(super) fn read(
    text: &str,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    given: &[(String, String, bool)],
) -> Result<Script, ScriptError> {
    let reader = Reader { folder, env, given, secrets: Secrets::default(), names: BTreeSet::new(), depth: 0, text };
    reader.script().map_err(|Fault { at, text: why }| {
        let (line, column) = place(text, at);
        ScriptError { line, column, text: why }
    })
}

impl Reader<'_> {
    fn script(mut self) -> Read<Script> {
        let parsed = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            Fault { at, text: format!("this is no TOML: {}", error.message().replace('\n', "; ")) }
        })?;
        collect_names(parsed.get_ref(), 0, &mut self.names);
        self.names.extend(self.given.iter().map(|(name, ..)| name.clone()));
        let allowed = ["name", "at_end", "variables", "on_connect", "step"];
        let top = Table::new(parsed.get_ref(), parsed.span(), "a script", &allowed)?;
        let name = top.text("name")?.map(|(name, _)| name.to_owned());
        let at_end = match top.text("at_end")? {
            None => AtEnd::AsUsual,
            Some(("close", _)) => AtEnd::Close,
            Some(("stay", _)) => AtEnd::Stay,
            Some((_, span)) => return fail(&span, "at_end is \"close\" or \"stay\""),
        };
        let mut variables = top.value("variables").map(|value| self.variables(&value)).transpose()?.unwrap_or_default();
        for (name, value, is_secret) in self.given {
            if !variables.contains_key(name) && !BUILT_IN.contains(&name.as_str()) {
                variables.insert(name.clone(), Json::from(value.as_str()));
                if *is_secret {
                    self.secrets.keep(name, value.clone());
                }
            }
        }
        let mut steps = Vec::new();
        if let Some(list) = top.value("on_connect") {
            self.steps(&list, "on_connect ", &mut steps)?;
        }
        let first_main = steps.len();
        if let Some(list) = top.value("step") {
            self.steps(&list, "", &mut steps)?;
        }
        if steps.is_empty() {
            return fail(
                &(0..0),
                "there are no steps: write [[step]] and below it what to do, such as send = \"hello\"",
            );
        }
        Ok(Script { name, at_end, variables, steps, first_main, secrets: self.secrets })
    }

    fn variables(&mut self, value: &Value) -> Read<BTreeMap<String, Json>> {
        let mut variables = BTreeMap::new();
        for (name, value) in value.members()? {
            self.check_name(name)?;
            let json = match value.get_ref() {
                DeValue::String(text) => Json::from(text.as_ref()),
                DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => match self.json(value)? {
                    JsonTemplate::Fixed(json) => json,
                    _ => Json::Null,
                },
                _ => return fail(&value.span(), "a variable is a text, a number, true or false"),
            };
            variables.insert(name.get_ref().clone().into_owned(), json);
        }
        Ok(variables)
    }

    fn check_name(&self, name: &Spanned<std::borrow::Cow<'_, str>>) -> Read<()> {
        let text = name.get_ref();
        let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.is_empty();
        if !is_word {
            return fail(&name.span(), format!("{text:?} cannot name a variable: letters, digits and _ can"));
        }
        if BUILT_IN.contains(&text.as_ref()) {
            return fail(&name.span(), format!("{{{{{text}}}}} is always there; another name is needed"));
        }
        Ok(())
    }

    /// Reads a list of steps, those within them behind each.
    fn steps(&mut self, list: &Value, prefix: &str, into: &mut Vec<Step>) -> Read<()> {
        let items = list.list()?;
        if items.is_empty() {
            return list.fail("there are no steps in it: nothing would be sent or waited for");
        }
        for (at, item) in items.iter().enumerate() {
            let DeValue::Table(table) = item.get_ref() else {
                return fail(&item.span(), "a step is a table, such as { send = \"hello\" }");
            };
            let allowed: Vec<&str> = VERBS.iter().chain(&OPTIONS).copied().collect();
            let table = Table::new(table, item.span(), "a step", &allowed)?;
            if into.len() == MOST_STEPS {
                return fail(
                    &item.span(),
                    format!("a script has at most {MOST_STEPS} steps: repeat = … does them again"),
                );
            }
            let number = format!("{prefix}{}", at + 1);
            let index = into.len();
            let line = place(self.text, table.first_at()).0;
            let steps = table.value("steps");
            let what = self.what(&table, steps.is_some())?;
            into.push(Step { number: number.clone(), line, depth: self.depth, end: index + 1, what });
            if let Some(steps) = steps {
                if self.depth == DEEPEST {
                    return fail(&steps.span, format!("repetitions lie at most {DEEPEST} deep within one another"));
                }
                self.depth += 1;
                self.steps(&steps, &format!("{number}."), into)?;
                self.depth -= 1;
                into[index].end = into.len();
            }
        }
        Ok(())
    }

    fn what(&mut self, table: &Table, has_steps: bool) -> Read<What> {
        let verbs = table.present(&VERBS);
        let (verb, belongs): (&str, &[&str]) = match verbs.as_slice() {
            [] if has_steps => ("steps", &["steps", "repeat", "every", "until", "for", "set"]),
            [] => {
                let text = format!("a step does one of {}; or it has steps that are repeated", VERBS.join(", "));
                return Err(Fault { at: table.first_at(), text });
            }
            [one] if has_steps => {
                let text =
                    format!("a step with steps repeats them and has no {} of its own: put that into steps", one.key);
                return Err(Fault { at: one.key_at, text });
            }
            [one] => match one.key {
                "wait_for" => ("wait_for", &["wait_for", "within", "set"]),
                "expect" => ("expect", &["expect", "within", "set", "equals"]),
                "expect_not" => ("expect_not", &["expect_not", "within"]),
                key => (key, &[]),
            },
            [first, second, ..] => {
                let text =
                    format!("a step does one thing, and this one has {} and {}: make two", first.key, second.key);
                return Err(Fault { at: second.key_at, text });
            }
        };
        if let Some(stray) = table.present(&OPTIONS).into_iter().find(|option| !belongs.contains(&option.key)) {
            let text = match stray.key {
                "repeat" | "every" | "until" | "for" => {
                    format!("{} says how often steps are repeated: put them into steps = [ … ]", stray.key)
                }
                key => format!("{key} does not go with {verb}"),
            };
            return Err(Fault { at: stray.key_at, text });
        }
        let Some(value) = table.value(verbs.first().map_or("steps", |one| one.key)) else {
            return Err(Fault { at: table.first_at(), text: "a step does something".to_owned() });
        };
        match value.key {
            "send" => self.send(&value),
            "ping" => Ok(What::Ping(self.control(&value)?)),
            "pong" => Ok(What::Pong(self.control(&value)?)),
            "close" => self.close(&value),
            "frame" => self.frame(&value),
            "wait" => Ok(What::Pause(value.time()?)),
            "wait_for" => self.awaited(table, &value, Wanted::WaitFor, None),
            "expect" => self.awaited(table, &value, Wanted::Expect, Some(EXPECT_WITHIN)),
            "expect_not" => match table.value("within") {
                Some(_) => self.awaited(table, &value, Wanted::ExpectNot, None),
                None => value.fail("expect_not needs a time: write within = \"1s\" beside it"),
            },
            _ => self.repeat(table, &value),
        }
    }

    fn awaited(&mut self, table: &Table, value: &Value, wanted: Wanted, usual: Option<Duration>) -> Read<What> {
        let filter = self.filter(value)?;
        let within = table.time("within")?.or(usual);
        let set = self.captures(table)?;
        let mut equals = Vec::new();
        if let Some(value) = table.value("equals") {
            for (path, value) in value.members()? {
                let read = JsonPath::parse(path.get_ref());
                let Ok(read) = read else { return fail(&path.span(), not_a_path(path.get_ref())) };
                equals.push((path.get_ref().clone().into_owned(), read, self.json(value)?));
            }
        }
        Ok(What::Await(Await { wanted, filter, within, set, equals }))
    }

    fn repeat(&mut self, table: &Table, steps: &Value) -> Read<What> {
        let times = match table.value("repeat") {
            None => None,
            Some(value) if matches!(value.value, DeValue::String(text) if text == "forever") => None,
            Some(value) if matches!(value.value, DeValue::Integer(_)) => Some(value.number(1..1_000_000_001)?),
            Some(value) => return value.fail("repeat is a number of times, or \"forever\""),
        };
        let until = table.value("until").map(|value| self.filter(&value)).transpose()?;
        let repeat =
            Repeat { times, every: table.time("every")?, set: self.captures(table)?, until, limit: table.time("for")? };
        if table.present(&["repeat", "every", "until", "for"]).is_empty() {
            let text = "steps are repeated; say how often: repeat = 10, repeat = \"forever\", every = \"1s\", until = \"a filter\" or for = \"10s\"";
            return Err(Fault { at: steps.key_at, text: text.to_owned() });
        }
        if let (Some(set), None) = (table.value("set"), &repeat.until) {
            return Err(Fault {
                at: set.key_at,
                text: "set takes values from the record that until waits for".to_owned(),
            });
        }
        Ok(What::Repeat(repeat))
    }

    fn captures(&mut self, table: &Table) -> Read<Vec<Capture>> {
        let Some(value) = table.value("set") else { return Ok(Vec::new()) };
        let mut captures = Vec::new();
        for (name, path) in value.members()? {
            self.check_name(name)?;
            let DeValue::String(text) = path.get_ref() else {
                return fail(&path.span(), "a variable is set from a JSONPath, such as \"$.token\"");
            };
            let Ok(path) = JsonPath::parse(text) else { return fail(&path.span(), not_a_path(text)) };
            captures.push(Capture { name: name.get_ref().clone().into_owned(), path });
        }
        Ok(captures)
    }

    fn filter(&mut self, value: &Value) -> Read<FilterText> {
        let text = value.text()?;
        if text.trim().is_empty() {
            return value.fail(format!("{} is a filter, such as \"kind:ws.text\"", value.key));
        }
        let filter = FilterText::parse(text).map_err(|(at, why)| Fault {
            at: self.inside(value, at),
            text: format!("the filter cannot be read: {why}"),
        })?;
        for name in filter.variables() {
            self.check_variable(name, value.span.start)?;
        }
        Ok(filter)
    }

    /// Where byte `at` of a text stands in the file. With escapes in the text it is where the text begins.
    fn inside(&self, value: &Value, at: usize) -> usize {
        let written = self.text.get(value.span.clone()).unwrap_or_default();
        let quotes = if written.starts_with("'''") || written.starts_with("\"\"\"") { 3 } else { 1 };
        let DeValue::String(text) = value.value else { return value.span.start };
        let is_plain = written.get(quotes..).is_some_and(|inside| inside.starts_with(text.as_ref()));
        if is_plain { value.span.start + quotes + at } else { value.span.start }
    }

    /// Reads a text with variables, all of which must be known.
    pub fn template(&mut self, value: &Value) -> Read<Template> {
        let text = value.text()?;
        let template = Template::parse(text).map_err(|(at, why)| Fault { at: self.inside(value, at), text: why })?;
        for name in template.variables() {
            let at = text.find(name).map_or(value.span.start, |at| self.inside(value, at));
            self.check_variable(name, at)?;
        }
        Ok(template)
    }

    fn check_variable(&mut self, name: &str, at: usize) -> Read<()> {
        if let Some(env) = name.strip_prefix("env.") {
            let Some(value) = (self.env)(env) else {
                return Err(Fault { at, text: format!("{env} is not in the environment: set it before the start") });
            };
            self.secrets.keep(env, value);
            return Ok(());
        }
        if name == "n" && self.depth == 0 {
            return Err(Fault { at, text: "{{n}} is the number of a repetition, and this is in none".to_owned() });
        }
        if BUILT_IN.contains(&name) || self.names.contains(name) {
            return Ok(());
        }
        let known: Vec<String> =
            BUILT_IN.iter().map(|name| (*name).to_owned()).chain(self.names.iter().cloned()).collect();
        let text = format!("there is no variable {name:?}; there are {} and env.NAME", known.join(", "));
        Err(Fault { at, text })
    }

    /// Reads a text, or a table with one of text, json, hex, base64 and file.
    pub fn content(&mut self, table: &Table) -> Read<Content> {
        let forms = table.present(&["text", "json", "hex", "base64", "file"]);
        match forms.as_slice() {
            [] => fail(&table.span, "what is sent? one of text, json, hex, base64, file says so"),
            [_, second, ..] => {
                Err(Fault { at: second.key_at, text: "one of text, json, hex, base64 and file".to_owned() })
            }
            [one] => match one.key {
                "text" => Ok(Content::Text(self.template(one)?)),
                "json" => self.json_content(one),
                "file" => self.file(one),
                key => {
                    let format = if key == "hex" { Format::Hex } else { Format::Base64 };
                    let typed = Composer { format, text: one.text()?.to_owned(), ..Composer::default() };
                    let bytes = typed.bytes().or_else(|why| one.fail(why))?;
                    let name = format!("{} bytes ({key})", bytes.len());
                    Ok(Content::Bytes(bytes, name))
                }
            },
        }
    }

    fn json_content(&mut self, value: &Value) -> Read<Content> {
        let DeValue::String(_) = value.value else {
            return Ok(Content::Json(self.json(&Spanned::new(value.span.clone(), value.value.clone()))?));
        };
        let template = self.template(value)?;
        // Whatever a variable becomes: where a number may stand, the rest must fit around it.
        let filled = template.filled(|_, is_quoted| Ok(if is_quoted { "x" } else { "0" }.to_owned()));
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled.unwrap_or_default()) {
            return value.fail(format!("this is no JSON: {error}"));
        }
        Ok(Content::JsonText(template))
    }

    fn file(&mut self, value: &Value) -> Read<Content> {
        let name = value.text()?;
        let path = self.folder.join(name);
        let told = std::fs::metadata(&path);
        match told {
            Ok(file) if !file.is_file() => value.fail(format!("{} is no file", path.display())),
            Ok(file) if file.len() > FILE_LIMIT_BYTES => {
                value.fail(format!("{} has {} bytes; 16 MiB can be sent", path.display(), file.len()))
            }
            Ok(_) => match read_file(&path) {
                Ok(bytes) => Ok(Content::Bytes(Bytes::from(bytes), format!("file {name}"))),
                Err(error) => value.fail(format!("{} cannot be read: {error}", path.display())),
            },
            Err(error) => value.fail(format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// Reads a value of TOML as JSON.
    pub fn json(&mut self, value: &Spanned<DeValue>) -> Read<JsonTemplate> {
        let span = value.span();
        Ok(match value.get_ref() {
            DeValue::String(_) => {
                let value = Value { key: "text", span: span.clone(), key_at: span.start, value: value.get_ref() };
                let template = self.template(&value)?;
                match template.fixed() {
                    Some(text) => JsonTemplate::Fixed(text.into()),
                    None => JsonTemplate::Text(template),
                }
            }
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => JsonTemplate::Fixed(number.into()),
                Err(_) => return fail(&span, "this number is too large"),
            },
            DeValue::Float(digits) => match digits.as_str().parse::<f64>().ok().filter(|number| number.is_finite()) {
                Some(number) => JsonTemplate::Fixed(number.into()),
                None => return fail(&span, "JSON has no such number"),
            },
            DeValue::Boolean(flag) => JsonTemplate::Fixed((*flag).into()),
            DeValue::Datetime(time) => JsonTemplate::Fixed(time.to_string().into()),
            DeValue::Array(list) => JsonTemplate::List(list.iter().map(|item| self.json(item)).collect::<Read<_>>()?),
            DeValue::Table(table) => {
                let mut members: Vec<_> = table.iter().collect();
                members.sort_by_key(|(key, _)| key.span().start);
                let member = |(key, value): (&Spanned<std::borrow::Cow<str>>, &Spanned<DeValue>)| {
                    Ok((key.get_ref().clone().into_owned(), self.json(value)?))
                };
                JsonTemplate::Object(members.into_iter().map(member).collect::<Read<_>>()?)
            }
        })
    }
}

/// Reads a file; one that has more in it than it says is not read to its end.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_LIMIT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_a_path(text: &str) -> String {
    format!("{text:?} is no JSONPath (RFC 9535); $.a.b[0] is one")
}

/// The names of variables: the members of `variables` and of every `set`.
fn collect_names(table: &DeTable, depth: usize, names: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value.get_ref() {
            DeValue::Table(inner) if key.get_ref() == "set" || (depth == 0 && key.get_ref() == "variables") => {
                names.extend(inner.iter().map(|(name, _)| name.get_ref().clone().into_owned()));
            }
            DeValue::Array(list) if matches!(key.get_ref().as_ref(), "step" | "steps" | "on_connect") => {
                let tables = list.iter().filter_map(|item| match item.get_ref() {
                    DeValue::Table(table) => Some(table),
                    _ => None,
                });
                tables.for_each(|table| collect_names(table, depth + 1, names));
            }
            _ => {}
        }
    }
}
