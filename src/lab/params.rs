//! The query parameters, the same on every endpoint. A value that is not understood is refused by name, never guessed.

use std::str::FromStr;
use std::time::Duration;

use super::deflate::Settings;
use super::draft::Draft;
use super::faults::{Closing, Faults};
use super::message::Position;

/// Every parameter, in the order of the description.
pub const NAMES: &[&str] = &[
    "channel",
    "rate",
    "count",
    "size",
    "split",
    "scenario",
    "cursor",
    "hold",
    "empty",
    "framing",
    "heartbeat",
    "retry",
    "fragments",
    "ping",
    "echo",
    "protocol",
    "draft",
    "deflate",
    "close",
    "no-pong",
    "bad-accept",
    "masked",
    "bad-utf8",
    "reserved-bits",
    "reserved-opcode",
    "lie-length",
];

const LARGEST_CHANNEL_NAME_CHARS: usize = 64;

/// What the generated feed is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Numbered messages, endless.
    Feed,
    /// Three messages of the old Twitter streaming API, the second torn in two.
    Tweets,
    /// Nothing generated: only what is published.
    Quiet,
}

#[derive(Clone, Debug)]
pub struct Params {
    pub channel: String,
    /// Messages a second; 0 is as fast as can be.
    pub rate: f64,
    pub count: Option<u64>,
    pub size_bytes: usize,
    pub split: Option<usize>,
    pub scenario: Scenario,
    pub cursor: Option<Position>,
    pub hold: Duration,
    /// Whether a long poll that found nothing answers 204; else 200 with no messages.
    pub empty_is_204: bool,
    /// Whether a stream ends by closing, not by the last chunk.
    pub framed_by_close: bool,
    /// `None`: as the endpoint has it; zero: none.
    pub heartbeat: Option<Duration>,
    pub retry_ms: u64,
    pub fragments: usize,
    pub ping_between: bool,
    pub echo: bool,
    pub protocol: Option<String>,
    /// The draft to speak; `None`: RFC 6455.
    pub draft: Option<Draft>,
    /// What to agree to of permessage-deflate; `None`: nothing.
    pub deflate: Option<Settings>,
    pub faults: Faults,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            channel: "demo".to_owned(),
            rate: 2.0,
            count: None,
            size_bytes: 0,
            split: None,
            scenario: Scenario::Feed,
            cursor: None,
            hold: Duration::from_secs(25),
            empty_is_204: true,
            framed_by_close: false,
            heartbeat: None,
            retry_ms: 1000,
            fragments: 1,
            ping_between: false,
            echo: true,
            protocol: None,
            draft: None,
            deflate: None,
            faults: Faults::default(),
        }
    }
}

impl Params {
    /// Reads a query (RFC 3986 §3.4, `application/x-www-form-urlencoded`). The error is a sentence for the client.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut params = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            params.set(&name, &value)?;
        }
        Ok(params)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let bad = |allowed: &str| Err(format!("The parameter {name} is {allowed}, not {value:?}."));
        match name {
            "channel" => match value.chars().count() {
                1..=LARGEST_CHANNEL_NAME_CHARS if !value.chars().any(char::is_control) => {
                    self.channel = value.to_owned();
                }
                _ => return bad("a name of 1 to 64 characters"),
            },
            "rate" => match value.parse::<f64>() {
                Ok(rate) if rate == 0.0 || (0.001..=1e6).contains(&rate) => self.rate = rate.abs(),
                _ => return bad("messages a second: 0 (as fast as can be), or 0.001 to 1000000"),
            },
            "count" => match value.parse() {
                Ok(count) => self.count = Some(count),
                Err(_) => return bad("a whole number, 0 or more"),
            },
            "size" => match within(value, 1, 1 << 20) {
                Some(size) => self.size_bytes = size,
                None => return bad("a number of bytes from 1 to 1048576"),
            },
            "split" => match within(value, 1, 65536) {
                Some(split) => self.split = Some(split),
                None => return bad("a number of bytes from 1 to 65536"),
            },
            "scenario" => match value {
                "feed" => self.scenario = Scenario::Feed,
                "tweets" => self.scenario = Scenario::Tweets,
                "quiet" => self.scenario = Scenario::Quiet,
                _ => return bad("feed, tweets or quiet"),
            },
            "cursor" => match value.parse() {
                Ok(cursor) => self.cursor = Some(cursor),
                Err(()) => return bad("a cursor that an answer gave, such as 5 or 5.2"),
            },
            "hold" => match value.parse::<f64>() {
                Ok(hold) if (0.0..=600.0).contains(&hold) => self.hold = Duration::from_secs_f64(hold),
                _ => return bad("a number of seconds from 0 to 600"),
            },
            "empty" => match value {
                "204" => self.empty_is_204 = true,
                "200" => self.empty_is_204 = false,
                _ => return bad("204 or 200"),
            },
            "framing" => match value {
                "chunked" => self.framed_by_close = false,
                "close" => self.framed_by_close = true,
                _ => return bad("chunked or close"),
            },
            "heartbeat" => match within(value, 0, 3_600_000) {
                Some(heartbeat_ms) => self.heartbeat = Some(Duration::from_millis(heartbeat_ms)),
                None => return bad("a number of milliseconds from 0 (none) to 3600000"),
            },
            "retry" => match within(value, 0, 3_600_000) {
                Some(retry_ms) => self.retry_ms = retry_ms,
                None => return bad("a number of milliseconds from 0 to 3600000"),
            },
            "fragments" => match within(value, 1, 1000) {
                Some(fragments) => self.fragments = fragments,
                None => return bad("a number from 1 to 1000"),
            },
            "ping" => match value {
                "between" => self.ping_between = true,
                _ => return bad("between (a ping between the fragments of a message)"),
            },
            "echo" => match value {
                "0" => self.echo = false,
                "1" => self.echo = true,
                _ => return bad("0 or 1"),
            },
            "protocol" => match is_token(value) {
                true => self.protocol = Some(value.to_owned()),
                false => return bad("a subprotocol's name, which is a token (RFC 9110 §5.6.2)"),
            },
            "draft" => match Draft::ALL.into_iter().find(|draft| draft.name() == value) {
                Some(draft) => self.draft = Some(draft),
                None => return bad("hixie-75, hixie-76, hybi-07 or hybi-08"),
            },
            "deflate" if value == "0" => self.deflate = None,
            "deflate" => match Settings::parse(value) {
                Some(settings) => self.deflate = Some(settings),
                None => {
                    return bad("0, 1, bad, bomb, unasked, or what to answer, with commas between: \
                                server_no_context_takeover, client_no_context_takeover, \
                                server_max_window_bits:8 to 15, client_max_window_bits:8 to 15");
                }
            },
            "close" => match Closing::parse(value) {
                Some(closing) => self.faults.close = Some(closing),
                None => {
                    return bad(
                        "a code from 0 to 65535, perhaps with :REASON of at most 1000 bytes; empty, byte or tcp",
                    );
                }
            },
            _ if self.faults.flag(name).is_some() => match (self.faults.flag(name), value) {
                (Some(flag), "" | "1") => *flag = true,
                (Some(flag), "0") => *flag = false,
                _ => return bad("a flag: 1, 0 or no value"),
            },
            // What scripts append to get past a cache.
            _ if name.starts_with('_') => {}
            _ => return Err(format!("There is no parameter {name:?}; there are {}.", NAMES.join(", "))),
        }
        Ok(())
    }
}

fn within<N: FromStr + PartialOrd>(value: &str, least: N, most: N) -> Option<N> {
    value.parse().ok().filter(|n| (least..=most).contains(n))
}

/// RFC 9110 §5.6.2.
pub fn is_token(text: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_value_is_refused_by_name() {
        for query in [
            "rate=-1",
            "rate=NaN",
            "rate=inf",
            "rate=fast",
            "count=-1",
            "size=0",
            "split=0",
            "split=70000",
            "scenario=x",
            "cursor=a",
            "hold=-1",
            "hold=1e9",
            "empty=5",
            "framing=x",
            "heartbeat=x",
            "retry=-",
            "fragments=0",
            "ping=x",
            "echo=yes",
            "protocol=a%20b",
            "draft=13",
            "deflate=yes",
            "deflate=server_max_window_bits:16",
            "close=now",
            "close=70000",
            "no-pong=yes",
            "bad-accept=2",
            "masked=x",
            "bad-utf8=x",
            "reserved-bits=x",
            "reserved-opcode=x",
            "lie-length=x",
            "channel=",
            "channel=%0a",
        ] {
            let (name, _) = query.split_once('=').unwrap();
            let sentence = Params::parse(query).unwrap_err();
            assert!(sentence.contains(&format!("parameter {name} is ")), "{query}: {sentence}");
        }
        assert!(Params::parse("rat=5").unwrap_err().contains("rate"));
        assert!(Params::parse("_=1&rate=0&channel=a%20b").is_ok());
        let params = Params::parse("masked&no-pong=1&bad-utf8=0").unwrap();
        assert_eq!(params.faults, Faults { masked: true, no_pong: true, ..Faults::default() });
    }
}
