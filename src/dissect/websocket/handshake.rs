//! The opening handshake (RFC 6455 §4): what its request and its answer must say, and what the two agree on.

use super::negotiation::{self, Deflate};
use super::notes;
use crate::dissect::NoteDef;
use crate::dissect::http1::HeaderLine;
use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use std::collections::HashSet;

/// How much text of a request is remembered until its answer comes.
const ASKED_LIMIT_BYTES: usize = 16 * 1024;

/// What every server adds to the key (§1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a request asked for, as far as its answer is judged by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    key: String,
    protocols: Vec<String>,
    extensions: Vec<String>,
    version: String,
    /// What a server must refuse it for.
    broken: Option<&'static NoteDef>,
    /// It asked for more than is remembered, so its answer is not judged.
    is_too_long: bool,
}

/// What a request and its answer agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The subprotocol that the server chose (RFC 6455 §1.9).
    pub subprotocol: Option<String>,
    /// permessage-deflate, where it is in use.
    pub deflate: Option<Deflate>,
}

/// A rule that is broken: which, on which bytes of the head, and what was seen.
pub struct Broken {
    /// The rule.
    pub note: &'static NoteDef,
    /// The line's first byte and length; the start line, where a line is missing.
    pub at: (usize, usize),
    /// What was seen.
    pub detail: String,
}

/// The header lines that matter here.
#[derive(Clone, Copy)]
pub struct Lines<'a>(pub &'a [HeaderLine]);

impl<'a> Lines<'a> {
    fn all(self, name: &'a str) -> impl Iterator<Item = &'a HeaderLine> {
        self.0.iter().filter(move |line| line.name == name)
    }

    /// The items of all lines of that name.
    fn items(self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|line| line.value.split(',')).map(str::trim).filter(|item| !item.is_empty())
    }

    fn values(self, name: &'a str) -> Vec<String> {
        self.all(name).map(|line| line.value.clone()).collect()
    }

    fn at(self, name: &'a str) -> (usize, usize) {
        self.all(name).next().map_or((0, 0), |line| line.at)
    }

    /// Whether this is meant as the opening handshake of RFC 6455.
    pub fn is_handshake(self) -> bool {
        self.names_websocket() || self.all("sec-websocket-key").next().is_some()
    }

    fn names_websocket(self) -> bool {
        self.items("upgrade").any(|item| item.eq_ignore_ascii_case("websocket"))
    }

    /// A line that must be there, once.
    fn one(self, name: &'a str) -> Result<&'a HeaderLine, String> {
        let mut lines = self.all(name);
        match (lines.next(), lines.next()) {
            (Some(line), None) => Ok(line),
            (None, _) => Err("it is missing".to_owned()),
            (Some(_), Some(_)) => Err("it is given more than once".to_owned()),
        }
    }
}

/// What a request breaks (§4.1), and what it asks for.
pub fn request(method: &str, version: (u8, u8), lines: Lines) -> (Asked, Vec<Broken>) {
    let mut broken = Vec::new();
    let mut is_broken = |note, name, detail: String| broken.push(Broken { note, at: lines.at(name), detail });
    if method != "GET" {
        is_broken(&notes::REQUEST_METHOD, "", method.to_owned());
    }
    if version < (1, 1) {
        is_broken(&notes::REQUEST_HTTP_VERSION, "", format!("HTTP/{}.{}", version.0, version.1));
    }
    if !lines.names_websocket() {
        let said: Vec<&str> = lines.items("upgrade").collect();
        is_broken(&notes::REQUEST_UPGRADE, "upgrade", format!("{:?}", said.join(", ")));
    }
    if !lines.items("connection").any(|item| item.eq_ignore_ascii_case("upgrade")) {
        is_broken(&notes::REQUEST_CONNECTION, "connection", String::new());
    }
    let (mut key, mut version_asked) = (String::new(), String::new());
    match lines.one("sec-websocket-key") {
        Err(fault) => is_broken(&notes::REQUEST_KEY, "sec-websocket-key", fault),
        Ok(line) => {
            key = line.value.clone();
            let nonce = base64::engine::general_purpose::STANDARD.decode(&line.value);
            match nonce.map(|nonce| nonce.len()) {
                Ok(16) => {}
                Ok(len) => is_broken(&notes::REQUEST_KEY, "sec-websocket-key", format!("{len} bytes")),
                Err(error) => is_broken(&notes::REQUEST_KEY, "sec-websocket-key", format!("not base64: {error}")),
            }
        }
    }
    let asks_version = lines.one("sec-websocket-version");
    if let Ok(line) = &asks_version {
        version_asked = line.value.clone();
    }
    match asks_version {
        // 7 and 8 are those of drafts, which have a note of their own.
        Ok(line) if matches!(line.value.as_str(), "13" | "8" | "7") => {}
        Ok(line) => is_broken(&notes::REQUEST_VERSION, "sec-websocket-version", format!("{:?}", line.value)),
        Err(fault) => is_broken(&notes::REQUEST_VERSION, "sec-websocket-version", fault),
    }
    let protocols: Vec<String> = lines.items("sec-websocket-protocol").map(str::to_owned).collect();
    let is_token = |name: &String| crate::dissect::http1::is_token(name.as_bytes());
    if let Some(bad) = protocols.iter().find(|name| !is_token(name)) {
        is_broken(&notes::REQUEST_PROTOCOL, "sec-websocket-protocol", format!("{bad:?} is no token"));
    }
    let mut seen = HashSet::new();
    if let Some(bad) = protocols.iter().find(|name| !seen.insert(name.as_str())) {
        is_broken(&notes::REQUEST_PROTOCOL, "sec-websocket-protocol", format!("{bad:?} is given twice"));
    }
    if protocols.is_empty() && lines.all("sec-websocket-protocol").next().is_some() {
        is_broken(&notes::REQUEST_PROTOCOL, "sec-websocket-protocol", "there is none".to_owned());
    }
    for line in lines.all("sec-websocket-extensions") {
        if let Some(detail) = negotiation::fault_of_list(&line.value) {
            broken.push(Broken { note: &notes::REQUEST_EXTENSIONS, at: line.at, detail });
        }
        for detail in negotiation::faults_of_offer(&line.value) {
            broken.push(Broken { note: &notes::OFFER_INVALID, at: line.at, detail });
        }
    }
    let extensions = lines.values("sec-websocket-extensions");
    // An offer that cannot be accepted is declined, and the rest goes on.
    let refused = broken.iter().map(|broken| broken.note).find(|note| note.key != notes::OFFER_INVALID.key);
    let texts = extensions.iter().chain(&protocols).chain([&key, &version_asked]);
    let len = texts.map(String::len).sum::<usize>();
    let asked = match len > ASKED_LIMIT_BYTES {
        true => Asked { is_too_long: true, broken: refused, ..Asked::default() },
        false => Asked { key, protocols, extensions, version: version_asked, broken: refused, is_too_long: false },
    };
    (asked, broken)
}

/// What an answer that is no 101 breaks: one that refuses the version names others.
pub fn refusal(asked: &Asked, status: u16, lines: Lines) -> Vec<Broken> {
    let is_about_version = status == 426 && !asked.is_too_long && asked.version != "13";
    if !is_about_version || lines.items("sec-websocket-version").next().is_some() {
        return Vec::new();
    }
    let detail = format!("asked for was {:?}", asked.version);
    vec![Broken { note: &notes::ANSWER_VERSIONS, at: (0, 0), detail }]
}

/// What an answer of 101 breaks (§4.1, §4.2.2; RFC 7692 §7.1), and what both agree on.
pub fn answer(asked: &Asked, lines: Lines) -> (Agreement, Vec<Broken>) {
    let mut broken = Vec::new();
    let mut is_broken = |note, name, detail: String| broken.push(Broken { note, at: lines.at(name), detail });
    if let Some(rule) = asked.broken {
        is_broken(&notes::ANSWER_TO_BROKEN, "", format!("{} (`{}`)", rule.text, rule.key));
    }
    if !lines.one("upgrade").is_ok_and(|line| line.value.eq_ignore_ascii_case("websocket")) {
        let said: Vec<&str> = lines.items("upgrade").collect();
        is_broken(&notes::ANSWER_UPGRADE, "upgrade", format!("{:?}", said.join(", ")));
    }
    if !lines.items("connection").any(|item| item.eq_ignore_ascii_case("upgrade")) {
        is_broken(&notes::ANSWER_CONNECTION, "connection", String::new());
    }
    let negotiated = negotiation::agreed(&asked.extensions, &lines.values("sec-websocket-extensions"));
    let chosen: Vec<&str> = lines.items("sec-websocket-protocol").collect();
    let subprotocol = chosen.first().map(|name| (*name).to_owned());
    let agreement = Agreement { subprotocol, deflate: negotiated.deflate };
    if asked.is_too_long {
        return (agreement, broken);
    }
    let expected = accept_key(&asked.key);
    let accept = lines.one("sec-websocket-accept").map(|line| line.value.as_str());
    if accept != Ok(&expected) {
        let found = accept.map_or_else(|fault| fault, |found| format!("it is {found:?}"));
        is_broken(&notes::ANSWER_ACCEPT, "sec-websocket-accept", format!("{found}, and must be {expected:?}"));
    }
    let protocol = match chosen[..] {
        [] if lines.all("sec-websocket-protocol").next().is_some() => {
            Some("it is empty, which is the name of none".to_owned())
        }
        [] => None,
        [one] if asked.protocols.iter().any(|name| name == one) => None,
        [one] if asked.protocols.is_empty() => Some(format!("{one:?} is chosen, and none was offered")),
        [one] => Some(format!("{one:?} was not offered")),
        _ => Some(format!("{} are chosen, and it can be one", chosen.len())),
    };
    if let Some(detail) = protocol {
        is_broken(&notes::ANSWER_PROTOCOL, "sec-websocket-protocol", detail);
    }
    if lines.all("sec-websocket-extensions").nth(1).is_some() {
        let detail = "it is given more than once (RFC 6455 §11.3.2)".to_owned();
        is_broken(&notes::ANSWER_EXTENSIONS, "sec-websocket-extensions", detail);
    }
    if negotiated.deflate.is_some()
        && let Some(fault) = negotiation::fault_of_every_offer(&asked.extensions)
    {
        is_broken(&notes::ANSWER_TO_OFFER, "sec-websocket-extensions", fault);
    }
    for wrong in &negotiated.wrong {
        let detail = format!("{} ({})", wrong.text, wrong.spec);
        is_broken(&notes::ANSWER_EXTENSIONS, "sec-websocket-extensions", detail);
    }
    (agreement, broken)
}

/// What the server must make of a key (§4.2.2).
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}
