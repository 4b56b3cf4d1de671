//! A `websocat` command as a draft: the WebSocket that it opens.

use super::Pasted;
use crate::app::{Draft, ProxyFrom};
use crate::transport::{PushType, WebSocketVersion};

/// Options that change nothing here: how its own input and output are read and written, and how it ends.
const IGNORED: &[&str] = &[
    "-t",
    "--text",
    "-n",
    "--no-close",
    "-E",
    "--exit-on-eof",
    "-1",
    "--one-message",
    "-q",
    "-v",
    "-0",
    "--null-terminated",
    "-u",
    "--unidirectional",
    "-U",
    "--unidirectional-reverse",
    "-S",
    "--strict",
    "--linemode-strip-newlines",
    "--no-line",
    "--print-ping-rtts",
    "--base64",
    "--no-async-stdio",
    "--async-stdio",
];

/// The same, with a value.
const IGNORED_VALUES: &[&str] =
    &["-B", "--buffer-size", "--queue-len", "--max-messages", "--max-messages-rev", "--text-prefix", "--binary-prefix"];

/// Reads the words behind `websocat`. `input` is what comes by a pipe.
pub(super) fn read(words: &[String], input: Option<&[u8]>) -> Result<Pasted, String> {
    let (mut draft, mut headers, mut notes) = (Draft::default(), Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "-" || word == "stdio:" {
            continue;
        }
        if !word.starts_with('-') {
            if !word.starts_with("ws://") && !word.starts_with("wss://") {
                return Err(format!("websocat: {word} is no ws or wss address, and nothing else can be connected to"));
            }
            if !draft.address.is_empty() {
                return Err(format!("websocat: two addresses, {} and {word}", draft.address));
            }
            draft.address = word.clone();
            continue;
        }
        let (option, glued) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None if word.starts_with("-H") && word.len() > 2 => ("-H", Some(word[2..].to_owned())),
            None => (word.as_str(), None),
        };
        let is_cluster = |word: &str| {
            let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
            letters.is_some_and(|letters| letters.chars().all(|letter| "tnE1qv0uUSbk".contains(letter)))
        };
        match option {
            _ if IGNORED.contains(&option) => continue,
            "-b" | "--binary" => {
                notes.push("--binary: the composer says for each message whether it is text or binary".to_owned());
                continue;
            }
            "-k" | "--insecure" => {
                draft.insecure = true;
                continue;
            }
            letters if is_cluster(letters) && letters.len() > 2 => {
                draft.insecure |= letters.contains('k');
                continue;
            }
            _ => {}
        }
        let lacks = || format!("websocat: {option} lacks its value, or is not understood");
        let value = glued.or_else(|| words.next().cloned()).ok_or_else(lacks)?;
        match option {
            _ if IGNORED_VALUES.contains(&option) => {}
            "-H" | "--header" if !value.contains(':') => {
                return Err(format!("websocat: {option} {value:?} is no \"Name: value\""));
            }
            "-H" | "--header" => headers.push(value),
            "--protocol" => draft.websocket.subprotocols = value,
            "--origin" => headers.push(format!("Origin: {value}")),
            "--basic-auth" => headers.push(format!("Authorization: Basic {value}")),
            "--socks5" => (draft.proxy_from, draft.proxy) = (ProxyFrom::Given, format!("socks5://{value}")),
            "--websocket-version" => {
                let all = WebSocketVersion::ALL.into_iter();
                let version = all.rev().find(|version| version.number() == Some(value.as_str()));
                draft.websocket.version =
                    version.ok_or_else(|| format!("websocat: version {value} of WebSocket is not spoken here"))?;
            }
            "--ping-interval" => {
                let seconds: u64 =
                    value.parse().map_err(|_| format!("websocat: {option} {value} is no number of seconds"))?;
                draft.websocket.ping_ms = seconds.saturating_mul(1000).to_string();
            }
            "--ping-timeout" => notes.push(format!("{option} {value}: it stays connected for as long as TCP does")),
            _ => return Err(format!("websocat: the option {option} is not understood")),
        }
    }
    if draft.address.is_empty() {
        return Err("websocat: there is no address".into());
    }
    let texts = input.map_or(0, |input| input.split_inclusive(|byte| *byte == b'\n').count());
    if texts > 0 {
        notes.push(match texts {
            1 => "the text that comes by the pipe is not sent: the composer sends".to_owned(),
            _ => format!("the {texts} texts that come by the pipe are not sent: the composer sends"),
        });
    }
    draft.headers = headers.join("\n");
    draft.push_type = PushType::Ws;
    Ok(Pasted { draft, notes })
}
