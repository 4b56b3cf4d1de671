//! A pasted `curl` command as a draft. What is not understood is named, never dropped.

use super::{AuthKind, Draft};
use crate::transport::{HttpVersion, PushType};

/// Options that change nothing here: output, progress, and what happens anyway.
const IGNORED: [&str; 12] = [
    "-N",
    "--no-buffer",
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-i",
    "--include",
    "--compressed",
    "--http1.1",
];

/// Reads a command; `None` where the text is none.
pub fn read(text: &str) -> Option<Result<Draft, String>> {
    let words = words(text.trim());
    match words {
        Ok(words) if words.first().is_some_and(|word| word == "curl") => Some(draft(&words[1..])),
        Err(why) if text.trim_start().starts_with("curl ") => Some(Err(why)),
        _ => None,
    }
}

fn draft(words: &[String]) -> Result<Draft, String> {
    let mut draft = Draft::default();
    let mut headers = Vec::new();
    let mut bodies: Vec<String> = Vec::new();
    let mut has_form = false;
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        at += 1;
        let (option, glued) = split_option(word);
        if !option.starts_with('-') {
            if !draft.address.is_empty() {
                return Err(format!("curl: two addresses, {} and {word}", draft.address));
            }
            draft.address = word.clone();
            continue;
        }
        if IGNORED.contains(&option) {
            continue;
        }
        match option {
            "-k" | "--insecure" => draft.insecure = true,
            "-0" | "--http1.0" => draft.http = HttpVersion::Http10,
            "-I" | "--head" => draft.method = "HEAD".into(),
            _ => {
                let value = match glued.clone().or_else(|| words.get(at).cloned().inspect(|_| at += 1)) {
                    Some(value) => value,
                    None => return Err(format!("curl: {option} lacks its value, or is not understood")),
                };
                match option {
                    "-H" | "--header" => headers.push(value),
                    "-X" | "--request" => draft.method = value,
                    "-A" | "--user-agent" => headers.push(format!("User-Agent: {value}")),
                    "-e" | "--referer" => headers.push(format!("Referer: {value}")),
                    "-b" | "--cookie" => headers.push(format!("Cookie: {value}")),
                    "--url" => draft.address = value,
                    "--oauth2-bearer" => (draft.auth, draft.token) = (AuthKind::Bearer, value),
                    "-u" | "--user" => {
                        let (user, password) = value.split_once(':').unwrap_or((&value, ""));
                        (draft.auth, draft.user, draft.password) = (AuthKind::Basic, user.into(), password.into());
                    }
                    "--cacert" => draft.ca_file = value,
                    "-E" | "--cert" => draft.cert_file = value,
                    "--key" => draft.key_file = value,
                    "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" | "--json" => {
                        if value.starts_with('@') && option != "--data-raw" {
                            return Err(format!("curl: {option} {value} reads a file; put its text into the body"));
                        }
                        has_form |= option != "--json";
                        if option == "--json" {
                            headers.push("Content-Type: application/json".into());
                            headers.push("Accept: application/json".into());
                        }
                        bodies.push(value);
                    }
                    _ => return Err(format!("curl: the option {option} is not understood")),
                }
            }
        }
    }
    if draft.address.is_empty() {
        return Err("curl: there is no address".into());
    }
    if !draft.address.contains("://") {
        draft.address = format!("http://{}", draft.address);
    }
    let has_type = headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type:"));
    if has_form && !has_type {
        headers.push("Content-Type: application/x-www-form-urlencoded".into());
    }
    draft.headers = headers.join("\n");
    draft.body = bodies.join("&");
    draft.push_type = PushType::Auto;
    Ok(draft)
}

/// `-XPOST` and `--header=…` carry their value with them.
fn split_option(word: &str) -> (&str, Option<String>) {
    if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return (option, Some(value.to_owned()));
    }
    let is_short = word.starts_with('-') && !word.starts_with("--") && word.len() > 2 && word.is_char_boundary(2);
    match is_short && "HXAebuEd".contains(&word[1..2]) {
        true => (&word[..2], Some(word[2..].to_owned())),
        false => (word, None),
    }
}

/// A command line in words, by the quoting of a POSIX shell.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => return Err("curl: a ' is not closed".into()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                            Some('\n') => {}
                            Some(other) => word.extend(['\\', other]),
                            None => {}
                        },
                        Some(inner) => word.push(inner),
                        None => return Err("curl: a \" is not closed".into()),
                    }
                }
            }
            // A line that goes on, also where a paste has made its end a space.
            '\\' => match chars.next() {
                Some('\n' | '\r' | ' ') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            char if char.is_whitespace() => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_command_becomes_a_draft() {
        let text =
            "curl -N -XPOST 'https://example.com/events' \\\n -H 'X-A: b: c' -u me:secret -k --data-raw '{\"a\":1}'";
        let draft = read(text).unwrap().unwrap();
        assert_eq!(draft.address, "https://example.com/events");
        assert_eq!((draft.method.as_str(), draft.body.as_str()), ("POST", "{\"a\":1}"));
        assert_eq!(draft.headers, "X-A: b: c\nContent-Type: application/x-www-form-urlencoded");
        assert_eq!((draft.auth, draft.user.as_str(), draft.insecure), (AuthKind::Basic, "me", true));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(read("https://example.com/").is_none());
        assert_eq!(
            read("curl --fancy x http://a/").unwrap().unwrap_err(),
            "curl: the option --fancy is not understood"
        );
        assert_eq!(read("curl 'http://a/").unwrap().unwrap_err(), "curl: a ' is not closed");
        assert_eq!(read("curl -s").unwrap().unwrap_err(), "curl: there is no address");
    }
}
