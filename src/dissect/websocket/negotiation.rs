//! What two sides agree on in `Sec-WebSocket-Extensions` (RFC 6455 §9.1, RFC 7692 §5 and §7.1).
//!
//! The rules stand here once: the dissector notes what breaks them, and the driver refuses it.

use crate::dissect::http1::is_token;
use crate::wire::Dir;
use std::collections::HashSet;
use std::ops::Range;

/// The extension's name.
pub const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// Other extensions that give RSV1 a meaning: the drafts before it, and compression by other algorithms.
const RSV1_EXTENSIONS: [&str; 5] =
    ["x-webkit-deflate-frame", "deflate-frame", "perframe-deflate", "permessage-bzip2", "permessage-snappy"];

/// How permessage-deflate is used on a connection, as both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deflate {
    /// The server forgets its window after each message (RFC 7692 §7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client does (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The server's window is at most 2 to the power of this, 8 to 15 (§7.1.2.1).
    pub server_max_window_bits: u8,
    /// The client's is (§7.1.2.2).
    pub client_max_window_bits: u8,
}

impl Default for Deflate {
    fn default() -> Self {
        Deflate {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl Deflate {
    /// Whether what is sent in a direction may refer to earlier messages.
    pub fn has_context_takeover(&self, dir: Dir) -> bool {
        match dir {
            Dir::Out => !self.client_no_context_takeover,
            Dir::In => !self.server_no_context_takeover,
        }
    }

    /// The four parameters in words, by side.
    pub fn says(&self) -> String {
        let side = |who, bits, forgets| {
            let context = if forgets { "forgotten after each message" } else { "kept from message to message" };
            format!("{who}: window of {bits} bits ({} bytes), {context}", 1_u32 << bits)
        };
        let client = side("client", self.client_max_window_bits, self.client_no_context_takeover);
        let server = side("server", self.server_max_window_bits, self.server_no_context_takeover);
        format!("{PERMESSAGE_DEFLATE} (RFC 7692)\n{client}\n{server}")
    }

    /// How far back what is sent in a direction may refer, in bytes.
    pub fn window_bytes(&self, dir: Dir) -> u32 {
        1 << match dir {
            Dir::Out => self.client_max_window_bits,
            Dir::In => self.server_max_window_bits,
        }
    }
}

/// What comes of an offer and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// permessage-deflate, where it is in use.
    pub deflate: Option<Deflate>,
    /// What is wrong with the answer, a sentence each: a client must fail the connection then.
    pub wrong: Vec<Wrong>,
}

/// Something that is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What, as a sentence without a full stop.
    pub text: String,
    /// The rule that is broken.
    pub spec: &'static str,
}

/// What an extension's parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `server_no_context_takeover`.
    ServerNoContextTakeover,
    /// `client_no_context_takeover`.
    ClientNoContextTakeover,
    /// `server_max_window_bits`.
    ServerMaxWindowBits,
    /// `client_max_window_bits`.
    ClientMaxWindowBits,
    /// One of another extension, or one that is not known.
    Other,
}

impl Parameter {
    fn of(name: &str) -> Parameter {
        // RFC 7692 §7.1 names them in lower case; tokens are compared as they are.
        match name {
            "server_no_context_takeover" => Parameter::ServerNoContextTakeover,
            "client_no_context_takeover" => Parameter::ClientNoContextTakeover,
            "server_max_window_bits" => Parameter::ServerMaxWindowBits,
            "client_max_window_bits" => Parameter::ClientMaxWindowBits,
            _ => Parameter::Other,
        }
    }
}

/// An item of the list, with its places in the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dissect) struct Item {
    pub name: Range<usize>,
    pub parameters: Vec<Given>,
}

/// A parameter as it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dissect) struct Given {
    /// Name, and value where there is one.
    pub span: Range<usize>,
    pub name: String,
    /// Quotes taken off.
    pub value: Option<String>,
    pub what: Parameter,
}

impl Given {
    /// The number of window bits that it says: 8 to 15 in decimal digits without a leading zero (RFC 7692 §7.1.2).
    pub fn window_bits(&self) -> Option<u8> {
        let value = self.value.as_deref()?;
        matches!(value, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15").then(|| value.parse().ok())?
    }

    /// Why its value cannot be; `in_answer`: it stands in a server's answer.
    fn fault(&self, in_answer: bool) -> Option<String> {
        match (self.what, &self.value) {
            (Parameter::Other, _) => Some(format!("permessage-deflate has no parameter {:?}", self.name)),
            (Parameter::ServerNoContextTakeover | Parameter::ClientNoContextTakeover, Some(value)) => {
                Some(format!("{} takes no value, and here is {value:?}", self.name))
            }
            (Parameter::ClientMaxWindowBits, None) if !in_answer => None,
            (Parameter::ServerMaxWindowBits | Parameter::ClientMaxWindowBits, value)
                if self.window_bits().is_none() =>
            {
                let value = value.as_ref().map_or("none".to_owned(), |value| format!("{value:?}"));
                Some(format!("{} must be a number from 8 to 15, and here is {value}", self.name))
            }
            _ => None,
        }
    }
}

/// Reads a value of the header; what is between the items is skipped, and nothing makes it fail.
pub(in crate::dissect) fn items(value: &str) -> Vec<Item> {
    let parts = |range: Range<usize>, separator: u8| {
        let (mut parts, mut start, mut quoted) = (Vec::new(), range.start, false);
        for at in range.clone() {
            match value.as_bytes()[at] {
                b'"' => quoted = !quoted,
                byte if byte == separator && !quoted => {
                    parts.push(trimmed(value, start..at));
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(trimmed(value, start..range.end));
        parts
    };
    let mut items = Vec::new();
    for item in parts(0..value.len(), b',').into_iter().filter(|item| !item.is_empty()) {
        let mut pieces = parts(item, b';').into_iter();
        let name = pieces.next().unwrap_or_default();
        let given = pieces.filter(|piece| !piece.is_empty()).map(|span| {
            let text = &value[span.clone()];
            let (name, given) = match text.split_once('=') {
                Some((name, given)) => (name.trim(), Some(given.trim().trim_matches('"').to_owned())),
                None => (text, None),
            };
            Given { span, name: name.to_owned(), value: given, what: Parameter::of(name) }
        });
        items.push(Item { name, parameters: given.collect() });
    }
    items
}

fn trimmed(value: &str, range: Range<usize>) -> Range<usize> {
    let text = &value[range.clone()];
    let start = range.start + text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// An extension with its parameters, by name.
struct Named {
    name: String,
    parameters: Vec<Given>,
}

fn named(values: &[String]) -> Vec<Named> {
    let each = |value: &String| {
        let all = items(value).into_iter();
        all.map(|item| Named { name: value[item.name].to_owned(), parameters: item.parameters }).collect::<Vec<_>>()
    };
    values.iter().flat_map(each).collect()
}

/// What is no list of extensions in a value (RFC 6455 §9.1): an empty one, or what is no token.
pub(in crate::dissect) fn fault_of_list(value: &str) -> Option<String> {
    let items = items(value);
    if items.is_empty() {
        return Some("there is none".to_owned());
    }
    let names = items.iter().map(|item| &value[item.name.clone()]);
    let parts = items.iter().flat_map(|item| &item.parameters);
    let parts = parts.flat_map(|given| [Some(given.name.as_str()), given.value.as_deref()].into_iter().flatten());
    let bad = names.chain(parts).find(|text| !is_token(text.as_bytes()))?;
    Some(format!("{bad:?} is no token"))
}

/// What an offer says that no server may accept (RFC 7692 §7.1).
pub(in crate::dissect) fn faults_of_offer(value: &str) -> Vec<String> {
    let offers = items(value).into_iter().filter(|item| &value[item.name.clone()] == PERMESSAGE_DEFLATE);
    offers.flat_map(|offer| faults_of(&offer.parameters)).collect()
}

fn faults_of(offer: &[Given]) -> Vec<String> {
    let mut names = HashSet::new();
    let fault = |given: &Given| {
        let is_repeated = !names.insert(given.name.clone());
        given.fault(false).or_else(|| is_repeated.then(|| format!("{} is given twice", given.name)))
    };
    offer.iter().filter_map(fault).collect()
}

/// Why none of the offers of permessage-deflate may be accepted, if there are any and so it is.
pub(in crate::dissect) fn fault_of_every_offer(offers: &[String]) -> Option<String> {
    let offers = named(offers).into_iter().filter(|offer| offer.name == PERMESSAGE_DEFLATE);
    let faults: Vec<Vec<String>> = offers.map(|offer| faults_of(&offer.parameters)).collect();
    let is_every = faults.iter().all(|faults| !faults.is_empty());
    faults.into_iter().flatten().next().filter(|_| is_every)
}

/// What the values of `Sec-WebSocket-Extensions` in a request and in its answer come to.
pub fn agreed(offers: &[String], answer: &[String]) -> Agreed {
    let (offers, answer) = (named(offers), named(answer));
    let mut agreed = Agreed::default();
    let mut wrong = |text: String, spec| agreed.wrong.push(Wrong { text, spec });
    for extension in &answer {
        if !offers.iter().any(|offer| offer.name == extension.name) {
            wrong(
                format!("the server uses the extension {:?}, which was not offered", extension.name),
                "RFC 6455 §4.1",
            );
        }
    }
    let mut deflates = answer.iter().filter(|extension| extension.name == PERMESSAGE_DEFLATE);
    let Some(extension) = deflates.next() else { return agreed };
    if deflates.next().is_some() {
        wrong("the server accepts permessage-deflate twice".to_owned(), "RFC 7692 §5");
    }
    if let Some(other) = answer.iter().find(|other| RSV1_EXTENSIONS.contains(&other.name.as_str())) {
        wrong(format!("{} uses RSV1, as permessage-deflate does", other.name), "RFC 7692 §5");
    }
    let mut deflate = Deflate::default();
    let mut names = HashSet::new();
    for given in &extension.parameters {
        if !names.insert(given.name.as_str()) {
            wrong(format!("{} is given twice in the server's answer", given.name), "RFC 7692 §7.1");
        } else if let Some(fault) = given.fault(true) {
            wrong(format!("in the server's answer, {fault}"), "RFC 7692 §7.1");
        }
        match given.what {
            Parameter::ServerNoContextTakeover => deflate.server_no_context_takeover = true,
            Parameter::ClientNoContextTakeover => deflate.client_no_context_takeover = true,
            Parameter::ServerMaxWindowBits => deflate.server_max_window_bits = given.window_bits().unwrap_or(15),
            Parameter::ClientMaxWindowBits => deflate.client_max_window_bits = given.window_bits().unwrap_or(15),
            Parameter::Other => {}
        }
    }
    // One of the offers must be what the server accepted; if none is, the first one says why.
    let mut offered = offers.iter().filter(|offer| offer.name == PERMESSAGE_DEFLATE).peekable();
    let first = offered.peek().map(|offer| misfits(&offer.parameters, extension, &deflate));
    if let Some(misfits) = first.filter(|misfits| !misfits.is_empty())
        && !offered.skip(1).any(|offer| self::misfits(&offer.parameters, extension, &deflate).is_empty())
    {
        misfits.into_iter().for_each(|(text, spec)| wrong(text, spec));
    }
    agreed.deflate = Some(deflate);
    agreed
}

/// Why an answer does not fit an offer (RFC 7692 §7.1.1, §7.1.2).
fn misfits(offer: &[Given], answer: &Named, deflate: &Deflate) -> Vec<(String, &'static str)> {
    let offered = |what: Parameter| offer.iter().find(|given| given.what == what);
    let answered = |what: Parameter| answer.parameters.iter().any(|given| given.what == what);
    let mut misfits = Vec::new();
    if offered(Parameter::ServerNoContextTakeover).is_some() && !deflate.server_no_context_takeover {
        let text = "the server was asked for server_no_context_takeover and accepted the offer without it";
        misfits.push((text.to_owned(), "RFC 7692 §7.1.1.1"));
    }
    if let Some(asked) = offered(Parameter::ServerMaxWindowBits).and_then(Given::window_bits) {
        if !answered(Parameter::ServerMaxWindowBits) {
            let text = format!("the server was asked for server_max_window_bits={asked} and accepted without it");
            misfits.push((text, "RFC 7692 §7.1.2.1"));
        } else if deflate.server_max_window_bits > asked {
            let text = format!(
                "server_max_window_bits is {}, and at most {asked} was asked for",
                deflate.server_max_window_bits
            );
            misfits.push((text, "RFC 7692 §7.1.2.1"));
        }
    }
    if answered(Parameter::ClientMaxWindowBits) {
        match offered(Parameter::ClientMaxWindowBits) {
            None => {
                let text = "the server limits the client's window by client_max_window_bits, which was not offered";
                misfits.push((text.to_owned(), "RFC 7692 §7.1.2.2"));
            }
            Some(given) => {
                if let Some(most) = given.window_bits().filter(|most| deflate.client_max_window_bits > *most) {
                    let bits = deflate.client_max_window_bits;
                    let text = format!("client_max_window_bits is {bits}, and the client's window has {most} at most");
                    misfits.push((text, "RFC 7692 §7.1.2.2"));
                }
            }
        }
    }
    misfits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn come_to(offer: &str, answer: &str) -> Agreed {
        agreed(&[offer.to_owned()], &[answer.to_owned()])
    }

    #[track_caller]
    fn is_wrong(offer: &str, answer: &str, says: &str) {
        let wrong = come_to(offer, answer).wrong;
        assert!(wrong.len() == 1 && wrong[0].text.contains(says), "{offer} / {answer}: {wrong:?}");
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7692 §7.1.3.
        let plain = come_to("permessage-deflate", "permessage-deflate");
        assert_eq!(plain, Agreed { deflate: Some(Deflate::default()), wrong: Vec::new() });
        let offers = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
                      permessage-deflate; client_max_window_bits";
        assert_eq!(come_to(offers, "permessage-deflate").wrong, []);
        let first = come_to(offers, "permessage-deflate; server_max_window_bits=10");
        let deflate = Deflate { server_max_window_bits: 10, ..Deflate::default() };
        assert_eq!(first, Agreed { deflate: Some(deflate), wrong: Vec::new() });
        assert_eq!(deflate.window_bytes(Dir::In), 1024);
    }

    #[test]
    fn what_is_not_offered_may_be_answered_where_the_rfc_says_so() {
        let all =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=\"9\"";
        let agreed = come_to("permessage-deflate", all);
        assert_eq!(agreed.wrong, []);
        let deflate = agreed.deflate.unwrap();
        assert!(!deflate.has_context_takeover(Dir::In) && !deflate.has_context_takeover(Dir::Out));
        assert_eq!(deflate.server_max_window_bits, 9);
    }

    #[test]
    fn each_wrong_answer_is_told_apart() {
        is_wrong("permessage-deflate", "x-webkit-deflate-frame", "not offered");
        is_wrong("permessage-deflate", "permessage-deflate; level=9", "no parameter \"level\"");
        is_wrong("permessage-deflate", "permessage-deflate; server_max_window_bits=7", "from 8 to 15");
        is_wrong("permessage-deflate", "permessage-deflate; server_max_window_bits=010", "from 8 to 15");
        is_wrong("permessage-deflate", "permessage-deflate; server_max_window_bits", "from 8 to 15");
        is_wrong("permessage-deflate", "permessage-deflate; server_no_context_takeover=1", "takes no value");
        is_wrong("permessage-deflate", "permessage-deflate, permessage-deflate", "twice");
        let twice = "permessage-deflate; server_no_context_takeover; server_no_context_takeover";
        is_wrong("permessage-deflate", twice, "twice");
        is_wrong("permessage-deflate", "permessage-deflate; client_max_window_bits=9", "was not offered");
        let limit = "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9";
        is_wrong(limit, "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9", "9 at most");
        is_wrong(limit, "permessage-deflate; server_max_window_bits=10", "at most 9");
        is_wrong(limit, "permessage-deflate", "without it");
        is_wrong("permessage-deflate; server_no_context_takeover", "permessage-deflate", "without it");
    }

    #[test]
    fn an_offer_that_must_be_declined() {
        let faults = |offer: &str| faults_of_offer(offer);
        assert_eq!(
            faults("permessage-deflate; client_max_window_bits; server_max_window_bits=8"),
            Vec::<String>::new()
        );
        assert!(faults("permessage-deflate; client_max_window_bits=16")[0].contains("from 8 to 15"));
        assert!(faults("permessage-deflate; a=\"x;y,z\"")[0].contains("no parameter \"a\""));
        assert_eq!(faults("other; a; a, permessage-deflate; x; x").len(), 2);
    }

    #[test]
    fn nothing_makes_reading_fail() {
        for value in ["", ",", ";", ",;=,", "\"", "a;\"", "a;b=\"c", "é;=é", "permessage-deflate;=;=\"", " ; , "] {
            let _ = (items(value), faults_of_offer(value), come_to(value, value));
        }
    }
}
