//! A request as a small TOML file: only what differs from the usual, in one order, so that changes are small to read.
//!
//! What a hand has written besides stays where it is when the file is saved again: comments, and keys that mean nothing
//! here, which are named.

use super::super::Draft;
use super::keys::{Field, KEYS, Key, tables};
use crate::session::redact::{Rules, count_in};
use crate::transport::is_secret_header;
use std::ops::Range;
use toml_edit::{Array, Document, DocumentMut, Item, RawString, Table, TableLike, Value};

/// The key of the script, which is no part of a draft.
const SCRIPT: &str = "script";

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// A sentence.
    pub text: String,
}

/// A saved request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// What is asked for.
    pub draft: Draft,
    /// The script that belongs to it, as a path from the file's folder.
    pub script: Option<String>,
}

/// A request that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRequest {
    /// The request.
    pub request: Request,
    /// What is odd in the file though it can be used: keys that mean nothing, secrets that stand in it.
    pub notices: Vec<Mistake>,
}

/// A mistake at a byte of a text.
pub(super) fn mistake(text: &str, at: usize, says: impl Into<String>) -> Mistake {
    let before = text.get(..at).unwrap_or(text);
    Mistake { line: before.matches('\n').count() + 1, text: says.into() }
}

/// Reads TOML.
pub(super) fn document(text: &str) -> Result<Document<&str>, Mistake> {
    Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        mistake(text, at, format!("this is no TOML: {}", error.message().trim().replace('\n', "; ")))
    })
}

/// Reads a request's file.
pub fn read(text: &str) -> Result<ReadRequest, Mistake> {
    let document = document(text)?;
    let mut draft = Draft::default();
    let mut notices = Vec::new();
    let known = |table: &str, name: &str| KEYS.iter().find(|key| key.table == table && key.name == name);
    let mut script = None;
    let start = |span: Option<Range<usize>>| span.map_or(0, |span| span.start);
    for (name, item) in document.as_table().iter() {
        let at = document.as_table().key(name).map_or(0, |key| start(key.span()));
        let is_table = tables().contains(&name);
        match item.as_table_like() {
            Some(members) if is_table => {
                for (member, item) in members.iter() {
                    let at = members.key(member).map_or(at, |key| start(key.span()));
                    match known(name, member) {
                        Some(key) => {
                            let odd = take(key, item, &mut draft).map_err(|why| mistake(text, at, why))?;
                            notices.extend(odd.map(|says| mistake(text, at, says)));
                        }
                        None => notices.push(mistake(text, at, unknown(name, member))),
                    }
                }
            }
            _ if is_table => return Err(mistake(text, at, format!("{name} is a table: write [{name}]"))),
            _ if name == SCRIPT => match item.as_str() {
                Some(path) => script = Some(path.to_owned()),
                None => return Err(mistake(text, at, "script is the path of a file: write script = \"….toml\"")),
            },
            _ => match known("", name) {
                Some(key) => {
                    let odd = take(key, item, &mut draft).map_err(|why| mistake(text, at, why))?;
                    notices.extend(odd.map(|says| mistake(text, at, says)));
                }
                None => notices.push(mistake(text, at, unknown("", name))),
            },
        }
    }
    if draft.address.trim().is_empty() {
        notices.push(mistake(text, 0, "there is no address: write address = \"https://…\""));
    }
    Ok(ReadRequest { request: Request { draft, script }, notices })
}

/// What is said of a key that means nothing.
fn unknown(table: &str, name: &str) -> String {
    let mut known: Vec<&str> = KEYS.iter().filter(|key| key.table == table).map(|key| key.name).collect();
    let place = if table.is_empty() { "a request".to_owned() } else { format!("[{table}]") };
    if table.is_empty() {
        known.push(SCRIPT);
        known.extend(tables());
    }
    format!("{place} has no key {name:?}, which is left as it is; it may have {}", known.join(", "))
}

/// Takes a value into the draft. What is odd about it is said in a sentence; an error is one, too.
fn take(key: &Key, item: &Item, draft: &mut Draft) -> Result<Option<String>, String> {
    let path = key.path();
    let text = || item.as_str().map(str::to_owned);
    match key.field {
        Field::Text(of) => *of(draft) = text().ok_or(format!("{path} is a text: write {path} = \"…\""))?,
        Field::Secret(of) => {
            let secret = text().ok_or(format!("{path} is a text: write {path} = \"{{{{name}}}}\""))?;
            let is_plain = !is_reference(&secret);
            *of(draft) = secret;
            let says =
                || format!("{path} stands in the file as it is: write {{{{name}}}} and keep the value elsewhere");
            return Ok(is_plain.then(says));
        }
        Field::Number(of) => {
            let number = item.as_integer().filter(|number| *number >= 0).map(|number| number.to_string());
            *of(draft) = number.or_else(text).ok_or(format!("{path} is a whole number"))?;
        }
        Field::Lines(of) => {
            let lines = item.as_array().map(|list| list.iter().map(Value::as_str).collect::<Option<Vec<&str>>>());
            let lines =
                lines.flatten().ok_or(format!("{path} is a list of texts: write {path} = [\"Name: value\"]"))?;
            *of(draft) = lines.join("\n");
        }
        Field::Flag(of) => *of(draft) = item.as_bool().ok_or(format!("{path} is true or false"))?,
        Field::MaybeFlag(of) => *of(draft) = Some(item.as_bool().ok_or(format!("{path} is true or false"))?),
        Field::Choice(_, set, allowed) => {
            let chosen = text().and_then(|text| allowed.iter().position(|name| *name == text));
            set(draft, chosen.ok_or(format!("{path} is one of {}", allowed.join(", ")))?);
        }
    }
    Ok(None)
}

/// Whether a parameter of an address is a secret by its name, and no variable.
pub(super) fn has_secret_parameter(address: &str) -> bool {
    let mut plain = String::new();
    let mut rest = address;
    while let Some((before, after)) = rest.split_once("{{") {
        plain.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, behind)| behind);
    }
    plain.push_str(rest);
    count_in(plain.as_bytes(), &Rules::default()) > 0
}

/// Whether a secret is only named, by a variable.
pub(super) fn is_reference(text: &str) -> bool {
    text.is_empty() || super::fill::is_variable_alone(text)
}

/// The secrets that stand in a draft as they are, each with a word for it and the place of it: these are not written.
pub(super) fn plain_secrets(draft: &Draft) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut copy = draft.clone();
    for key in KEYS.iter().filter(|key| (key.is_used)(draft)) {
        if let Field::Secret(of) = key.field {
            let secret = of(&mut copy).clone();
            if !is_reference(&secret) {
                found.push((key.path(), secret));
            }
        }
    }
    for (name, value) in draft.headers.lines().filter_map(|line| line.split_once(':')) {
        let (name, value) = (name.trim(), value.trim());
        if is_secret_header(name) && !value.is_empty() && !value.contains("{{") {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

/// Puts variables in the place of secrets: what stood there, by its word, and the name of the variable.
pub(super) fn refer(draft: &mut Draft, word: &str, variable: &str) {
    let reference = format!("{{{{{variable}}}}}");
    for key in KEYS {
        if let (Field::Secret(of), true) = (key.field, key.path() == word) {
            *of(draft) = reference;
            return;
        }
    }
    let line = |line: &str| match line.split_once(':') {
        Some((name, _)) if name.trim() == word && is_secret_header(name.trim()) => format!("{name}: {reference}"),
        _ => line.to_owned(),
    };
    draft.headers = draft.headers.lines().map(line).collect::<Vec<_>>().join("\n");
}

/// Writes a request. With `before`, what a hand has written there besides stays as it is.
pub fn write(request: &Request, before: Option<&str>) -> Result<String, Mistake> {
    let mut document: DocumentMut = match before {
        Some(text) => self::document(text)?.into_mut(),
        None => DocumentMut::new(),
    };
    let (mut draft, mut usual) = (request.draft.clone(), Draft::default());
    for key in KEYS {
        let is_used = (key.is_used)(&request.draft);
        let value = value(key, &mut draft);
        let value =
            value.filter(|value| is_used && Some(text_of(value)) != self::value(key, &mut usual).as_ref().map(text_of));
        put(&mut document, key.table, key.name, value);
    }
    put(&mut document, "", SCRIPT, request.script.as_deref().map(Value::from));
    let text = document.to_string();
    let text = text.strip_prefix('\n').map(str::to_owned).unwrap_or(text);
    // Lines end as they did, which the parser does not keep.
    let is_crlf = before.is_some_and(|before| before.contains("\r\n"));
    Ok(if is_crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text })
}

/// A value without what surrounds it, to compare it by.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.value()),
        Value::Integer(number) => number.value().to_string(),
        Value::Boolean(flag) => flag.value().to_string(),
        Value::Array(list) => list.iter().map(text_of).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// What of the draft is written for a key.
fn value(key: &Key, draft: &mut Draft) -> Option<Value> {
    Some(match key.field {
        Field::Text(of) | Field::Secret(of) => Value::from(of(draft).as_str()),
        Field::Number(of) => match of(draft).trim().parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(of(draft).trim()),
        },
        Field::Lines(of) => {
            let mut list = Array::new();
            for line in of(draft).lines().filter(|line| !line.trim().is_empty()) {
                let mut line = Value::from(line.trim());
                line.decor_mut().set_prefix("\n  ");
                list.push_formatted(line);
            }
            if !list.is_empty() {
                list.set_trailing_comma(true);
                list.set_trailing(RawString::from("\n"));
            }
            Value::Array(list)
        }
        Field::Flag(of) => Value::from(*of(draft)),
        Field::MaybeFlag(of) => Value::from((*of(draft))?),
        Field::Choice(get, ..) => Value::from(get(draft)),
    })
}

/// Puts a value where its key is, or takes the key away. What is the same already stays as it was written.
fn put(document: &mut DocumentMut, table: &str, name: &str, value: Option<Value>) {
    let root = document.as_table_mut();
    let Some(value) = value else {
        let holder: Option<&mut dyn TableLike> = match table {
            "" => Some(root),
            table => root.get_mut(table).and_then(Item::as_table_like_mut),
        };
        if let Some(holder) = holder {
            holder.remove(name);
        }
        if !table.is_empty() && root.get(table).and_then(Item::as_table_like).is_some_and(TableLike::is_empty) {
            root.remove(table);
        }
        return;
    };
    if !table.is_empty() && root.get(table).and_then(Item::as_table_like).is_none() {
        root.insert(table, Item::Table(Table::new()));
    }
    let holder: &mut dyn TableLike = match table {
        "" => root,
        table => match root.get_mut(table).and_then(Item::as_table_like_mut) {
            Some(holder) => holder,
            None => return,
        },
    };
    match holder.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) if text_of(old) == text_of(&value) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => _ = holder.insert(name, Item::Value(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{AuthKind, PushType};

    fn request() -> Request {
        let mut draft = Draft::for_address("wss://{{host}}/feed");
        (draft.push_type, draft.auth, draft.token) = (PushType::Ws, AuthKind::Bearer, "{{token}}".into());
        draft.headers = "Accept: */*\nX-Trace: {{id}}".into();
        draft.body = "one\n\"two\"\n".into();
        draft.websocket.ping_ms = "5000".into();
        draft.timeouts();
        Request { draft, script: Some("hello.toml".into()) }
    }

    impl Draft {
        fn timeouts(&mut self) {
            self.answer_timeout_ms = "{{patience}}".into();
        }
    }

    #[test]
    fn a_request_is_written_short_and_read_again() {
        let text = write(&request(), None).unwrap();
        let expected = "address = \"wss://{{host}}/feed\"\ntype = \"ws\"\nheaders = [\n  \"Accept: */*\",\n  \"X-Trace: {{id}}\",\n]\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("[auth]\ntype = \"bearer\"\ntoken = \"{{token}}\"\n"), "{text}");
        assert!(text.contains("ping_ms = 5000") && text.contains("answer_ms = \"{{patience}}\""), "{text}");
        let read = read(&text).unwrap();
        assert_eq!((read.request, read.notices), (request(), Vec::new()));
        assert_eq!(
            write(&Request { draft: Draft::for_address("http://x/"), script: None }, None).unwrap(),
            "address = \"http://x/\"\n"
        );
    }

    #[test]
    fn what_a_hand_wrote_stays() {
        let text = "# the feed\naddress = 'wss://{{host}}/feed' # ours\nowner = \"anna\"\n\n[websocket]\nping_ms = 100 # fast\nfuture = 1\n";
        let mut read = read(text).unwrap();
        let said: Vec<String> = read.notices.iter().map(Mistake::to_string).collect();
        assert!(
            said[0].starts_with("line 3: a request has no key \"owner\"") && said[1].starts_with("line 7: [websocket]"),
            "{said:?}"
        );
        assert_eq!(write(&read.request, Some(text)).unwrap(), text, "nothing changed");
        read.request.draft.websocket.ping_ms = "200".into();
        assert_eq!(write(&read.request, Some(text)).unwrap(), text.replace("100", "200"));
        read.request.draft.websocket.ping_ms.clear();
        read.request.draft.method = "POST".into();
        let written = write(&read.request, Some(text)).unwrap();
        assert!(
            written.contains("# the feed") && written.contains("owner = \"anna\"\nmethod = \"POST\"\n"),
            "{written}"
        );
        assert!(written.contains("[websocket]\nfuture = 1") && !written.contains("ping_ms"), "{written}");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, says) in [
            ("address = \"x\"\ntype = \"wss\"\n", "line 2: type is one of auto, poll"),
            ("address = 1", "line 1: address is a text"),
            ("address = \"x\"\n\nheaders = \"A: b\"", "line 3: headers is a list of texts"),
            ("[websocket]\nstrict = 1", "line 2: websocket.strict is true or false"),
            ("type = \"ws\"\naddress = \"x", "line 2: this is no TOML"),
            ("auth = \"basic\"", "line 1: auth is a table"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.starts_with(says), "{text:?}: {said}");
        }
        let plain = read("address = \"x\"\n[auth]\ntype = \"bearer\"\ntoken = \"s3cret\"\n").unwrap();
        assert!(
            plain.notices[0].to_string().starts_with("line 4: auth.token stands in the file")
                && !plain.notices[0].text.contains("s3cret")
        );
        for (text, says) in [
            ("address = \"x\"\naddress = \"y\"\n", "line 2: this is no TOML: duplicate key"),
            ("address = \"x\"\r\n\r\nheaders = 1\r\n", "line 3: headers is a list"),
            ("\u{feff}address = \"x\"\ntype = 1\n", "line 2: type is one of"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.starts_with(says), "{text:?}: {said}");
        }
    }

    #[test]
    fn lines_end_as_they_did() {
        let text = "# ours\r\naddress = \"http://a/\"\r\nmethod = \"PUT\"\r\n";
        let mut read = read(text).unwrap();
        assert_eq!(write(&read.request, Some(text)).unwrap(), text);
        read.request.draft.method = "POST".into();
        assert_eq!(write(&read.request, Some(text)).unwrap(), text.replace("PUT", "POST"));
    }

    #[test]
    fn secrets_in_an_address_are_noticed_unless_they_are_variables() {
        for secret in ["http://a/?token=abc123", "wss://{{host}}/x?room=1&api_key=4711aa"] {
            assert!(has_secret_parameter(secret), "{secret}");
        }
        for none in ["http://a/?token={{token}}", "wss://{{host}}/x?room=1&api_key={{key}}&x=1", "lab:ws", "", "{{a"] {
            assert!(!has_secret_parameter(none), "{none}");
        }
    }

    #[test]
    fn secrets_are_found_and_named_instead() {
        let mut draft =
            Draft { auth: AuthKind::Basic, user: "me".into(), password: "s3cret".into(), ..Draft::default() };
        draft.headers = "Accept: x\nCookie: id=1\nAuthorization: Bearer {{token}}".into();
        draft.token = "unused".into();
        let found = plain_secrets(&draft);
        assert_eq!(found, [("auth.password".into(), "s3cret".into()), ("Cookie".into(), "id=1".into())]);
        for (word, _) in &found {
            refer(&mut draft, word, "keyring.x");
        }
        assert!(plain_secrets(&draft).is_empty());
        assert_eq!(
            (draft.password.as_str(), draft.headers.lines().nth(1)),
            ("{{keyring.x}}", Some("Cookie: {{keyring.x}}"))
        );
    }
}
