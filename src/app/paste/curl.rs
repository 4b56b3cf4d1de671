//! A `curl` command as a draft.

use super::Pasted;
use crate::app::{AuthKind, Draft, ProxyFrom};
use crate::transport::{HttpVersion, PushType};

/// Options that change nothing here: output, progress, and what happens anyway.
const IGNORED: &[&str] = &[
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
    "--show-headers",
    "-f",
    "--fail",
    "--fail-with-body",
    "-O",
    "--remote-name",
    "-J",
    "-#",
    "--progress-bar",
    "--no-progress-meter",
    "-g",
    "--globoff",
    "-q",
    "--disable",
    "--compressed",
    "--http1.1",
    "--basic",
    "--no-keepalive",
    "--tcp-nodelay",
    "--path-as-is",
];

/// The same, with a value.
const IGNORED_VALUES: &[&str] = &[
    "-o",
    "--output",
    "-w",
    "--write-out",
    "-D",
    "--dump-header",
    "--stderr",
    "--trace",
    "--trace-ascii",
    "-c",
    "--cookie-jar",
];

/// Options that are otherwise here, and how.
const OTHERWISE: &[(&str, &str)] = &[
    ("--http2", "it is asked with HTTP/1.1"),
    ("--http2-prior-knowledge", "it is asked with HTTP/1.1"),
    ("--http3", "it is asked with HTTP/1.1"),
    ("-L", "redirects are shown and not followed"),
    ("--location", "redirects are shown and not followed"),
    ("-4", "every address of the host is tried"),
    ("--ipv4", "every address of the host is tried"),
    ("-6", "every address of the host is tried"),
    ("--ipv6", "every address of the host is tried"),
];

/// The same, with a value.
const OTHERWISE_VALUES: &[(&str, &str)] = &[
    ("-m", "it ends when you disconnect"),
    ("--max-time", "it ends when you disconnect"),
    ("--retry", "the options say when it reconnects"),
    ("--retry-delay", "the options say when it reconnects"),
    ("--retry-max-time", "the options say when it reconnects"),
    ("--limit-rate", "it is read as fast as it comes"),
];

/// Short options that take a value.
const SHORT_VALUES: &str = "HXAebudEowDcmxUFTKrzQtyYPC";

struct Reading<'i> {
    draft: Draft,
    headers: Vec<String>,
    body: Option<String>,
    is_form: bool,
    is_get: bool,
    input: Option<&'i [u8]>,
    took_input: bool,
    notes: Vec<String>,
}

/// Reads the words behind `curl`. `input` is what comes by a pipe.
pub(super) fn read(words: &[String], input: Option<&[u8]>) -> Result<Pasted, String> {
    let mut reading = Reading {
        draft: Draft::default(),
        headers: Vec::new(),
        body: None,
        is_form: false,
        is_get: false,
        input,
        took_input: false,
        notes: Vec::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" {
            reading.address(word)?;
            continue;
        }
        for (option, glued) in options(word) {
            let option = option.as_str();
            if IGNORED.contains(&option) || reading.flag(option) {
                continue;
            }
            let lacks = || format!("curl: {option} lacks its value, or is not understood");
            let value = glued.or_else(|| words.next().cloned()).ok_or_else(lacks)?;
            reading.value(option, value)?;
        }
    }
    reading.finish()
}

/// `-XPOST` and `--header=…` carry their value with them; `-sSL` is three options.
fn options(word: &str) -> Vec<(String, Option<String>)> {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((option, value)) => vec![(option.to_owned(), Some(value.to_owned()))],
            None => vec![(word.to_owned(), None)],
        };
    }
    let (mut all, mut rest) = (Vec::new(), &word[1..]);
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if SHORT_VALUES.contains(letter) {
            all.push((format!("-{letter}"), (!rest.is_empty()).then(|| rest.to_owned())));
            break;
        }
        all.push((format!("-{letter}"), None));
    }
    all
}

impl Reading<'_> {
    fn address(&mut self, word: &str) -> Result<(), String> {
        if !self.draft.address.is_empty() {
            return Err(format!("curl: two addresses, {} and {word}", self.draft.address));
        }
        self.draft.address = word.to_owned();
        Ok(())
    }

    /// Takes an option without a value; whether it is one.
    fn flag(&mut self, option: &str) -> bool {
        match option {
            "-k" | "--insecure" => self.draft.insecure = true,
            "-0" | "--http1.0" => self.draft.http = HttpVersion::Http10,
            "-I" | "--head" => self.draft.method = "HEAD".into(),
            "-G" | "--get" => self.is_get = true,
            "-p" | "--proxytunnel" => self.draft.proxy_tunnel = true,
            option => match OTHERWISE.iter().find(|(other, _)| *other == option) {
                Some((_, how)) => self.notes.push(format!("{option}: {how}")),
                None => return false,
            },
        }
        true
    }

    fn value(&mut self, option: &str, value: String) -> Result<(), String> {
        let draft = &mut self.draft;
        match option {
            _ if IGNORED_VALUES.contains(&option) => {}
            "-H" | "--header" => self.header(value)?,
            "-X" | "--request" => draft.method = value,
            "-A" | "--user-agent" => self.headers.push(format!("User-Agent: {value}")),
            "-e" | "--referer" => self.headers.push(format!("Referer: {}", value.trim_end_matches(";auto"))),
            "-b" | "--cookie" if !value.contains('=') => {
                return Err(format!("curl: {option} {value} reads a file; write its cookies as a header"));
            }
            "-b" | "--cookie" => self.cookie(&value),
            "--url" => self.address(&value)?,
            "--oauth2-bearer" => (draft.auth, draft.token) = (AuthKind::Bearer, value),
            "-u" | "--user" => {
                let (user, password) = value.split_once(':').unwrap_or((&value, ""));
                (draft.auth, draft.user, draft.password) = (AuthKind::Basic, user.into(), password.into());
            }
            "--cacert" => draft.ca_file = value,
            "-E" | "--cert" => draft.cert_file = value,
            "--key" => draft.key_file = value,
            "--connect-timeout" => draft.connect_timeout_ms = milliseconds(option, &value)?,
            "-x" | "--proxy" => self.proxy(&value),
            "--socks5" | "--socks5-hostname" => self.proxy(&format!("socks5://{value}")),
            "--socks4" | "--socks4a" => self.proxy(&format!("socks4a://{value}")),
            "-U" | "--proxy-user" => {
                let (user, password) = value.split_once(':').unwrap_or((&value, ""));
                (draft.proxy_user, draft.proxy_password) = (user.into(), password.into());
            }
            "--noproxy" if value == "*" => draft.proxy_from = ProxyFrom::None,
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" | "--json" | "--data-urlencode" => {
                self.data(option, value)?;
            }
            "-F" | "--form" | "--form-string" => {
                return Err(format!(
                    "curl: {option} makes a multipart form, which is not understood; write it as --data"
                ));
            }
            "-T" | "--upload-file" | "-K" | "--config" => {
                return Err(format!("curl: {option} {value} reads a file, which is not understood"));
            }
            option => match OTHERWISE_VALUES.iter().find(|(other, _)| *other == option) {
                Some((_, how)) => self.notes.push(format!("{option} {value}: {how}")),
                None => return Err(format!("curl: the option {option} is not understood")),
            },
        }
        Ok(())
    }

    /// curl makes one header of all cookies.
    fn cookie(&mut self, value: &str) {
        match self.headers.iter_mut().find(|header| header.starts_with("Cookie: ")) {
            Some(header) => *header = format!("{header}; {value}"),
            None => self.headers.push(format!("Cookie: {value}")),
        }
    }

    fn proxy(&mut self, address: &str) {
        let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
        let scheme = match scheme {
            "socks5h" => "socks5",
            "socks4" => "socks4a",
            other => other,
        };
        (self.draft.proxy_from, self.draft.proxy) = (ProxyFrom::Given, format!("{scheme}://{rest}"));
        if let Some((login, host)) = rest.rsplit_once('@') {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            self.draft.proxy = format!("{scheme}://{host}");
            (self.draft.proxy_user, self.draft.proxy_password) = (user.into(), password.into());
        }
    }

    fn header(&mut self, line: String) -> Result<(), String> {
        if line.starts_with('@') {
            return Err(format!("curl: -H {line} reads a file; write its headers out"));
        }
        match line.split_once(':') {
            // curl sends a header without a value where a semicolon ends its name.
            None => match line.strip_suffix(';') {
                Some(name) => self.headers.push(format!("{name}:")),
                None => return Err(format!("curl: -H {line:?} is no \"Name: value\"")),
            },
            // And takes one of its own away where nothing is behind the colon.
            Some((name, value)) if value.trim().is_empty() => {
                let is_own = ["host", "user-agent", "accept"].iter().any(|own| name.eq_ignore_ascii_case(own));
                if is_own {
                    self.notes.push(format!("{name} is sent all the same"));
                }
                self.is_form &= !name.eq_ignore_ascii_case("content-type");
                self.headers.push(format!("-{name}"));
            }
            Some(_) => self.headers.push(line),
        }
        Ok(())
    }

    fn data(&mut self, option: &str, value: String) -> Result<(), String> {
        let reads_file = match option {
            "--data-raw" => false,
            "--data-urlencode" => value.split_once('=').is_none() && value.contains('@'),
            _ => value.starts_with('@'),
        };
        let value = match self.input.filter(|_| reads_file && value == "@-") {
            Some(input) => {
                self.took_input = true;
                let text = String::from_utf8(input.to_vec());
                let text = text.map_err(|_| "curl: the body that comes by the pipe is no text; send it from a file")?;
                // Only --data-binary keeps line ends of what it reads.
                if matches!(option, "--data-binary" | "--json") { text } else { text.replace(['\r', '\n'], "") }
            }
            None if reads_file => {
                return Err(format!("curl: {option} {value} reads a file; put its text into the body"));
            }
            None => value,
        };
        let value = if option == "--data-urlencode" { url_encoded(&value) } else { value };
        if option == "--json" {
            self.headers.push("Content-Type: application/json".into());
            self.headers.push("Accept: application/json".into());
        }
        self.is_form |= option != "--json";
        match &mut self.body {
            None => self.body = Some(value),
            Some(body) => {
                body.push_str(if option == "--json" { "" } else { "&" });
                body.push_str(&value);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Pasted, String> {
        if self.draft.address.is_empty() {
            return Err("curl: there is no address".into());
        }
        if !self.draft.address.contains("://") {
            self.draft.address = format!("http://{}", self.draft.address);
        }
        if self.is_get
            && let Some(data) = self.body.take()
        {
            let (address, fragment) = match self.draft.address.split_once('#') {
                Some((address, fragment)) => (address, format!("#{fragment}")),
                None => (self.draft.address.as_str(), String::new()),
            };
            let mark = if address.contains('?') { '&' } else { '?' };
            self.draft.address = format!("{address}{mark}{data}{fragment}");
            self.is_form = false;
        }
        if self.input.is_some() && !self.took_input {
            self.notes.push("what comes by the pipe is not read by the command, and left out".to_owned());
        }
        let names = |name: &str| {
            let is = |header: &String| {
                let header = header.to_ascii_lowercase();
                header.starts_with(&format!("{name}:")) || header == format!("-{name}")
            };
            self.headers.iter().any(is)
        };
        if self.is_form && !names("content-type") {
            self.headers.push("Content-Type: application/x-www-form-urlencoded".into());
        }
        self.headers.retain(|header| !header.starts_with('-'));
        // Data makes it a POST, also where there is none of it.
        if self.body.as_ref().is_some_and(String::is_empty) && self.draft.method.is_empty() {
            self.draft.method = "POST".into();
        }
        self.draft.headers = self.headers.join("\n");
        self.draft.body = self.body.unwrap_or_default();
        self.draft.push_type = PushType::Auto;
        Ok(Pasted { draft: self.draft, notes: self.notes })
    }
}

fn milliseconds(option: &str, value: &str) -> Result<String, String> {
    let seconds: f64 = value.parse().map_err(|_| format!("curl: {option} {value} is no number of seconds"))?;
    Ok(((seconds * 1000.0).max(0.0) as u64).to_string())
}

/// What `--data-urlencode` makes of `content`, `=content` and `name=content`.
fn url_encoded(value: &str) -> String {
    let (name, content) = match value.split_once('=') {
        Some((name, content)) => (name, content),
        None => ("", value),
    };
    let mut text = if name.is_empty() { String::new() } else { format!("{name}=") };
    for byte in content.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
