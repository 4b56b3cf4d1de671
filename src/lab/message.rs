//! One message of the feed, whichever transport carries it, and its position in the feed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;

/// Numbers above this do not survive a JavaScript client, so no position goes beyond.
const LARGEST_NUMBER: u64 = 1 << 53;

/// How far a subscriber is: in the generated feed, and in what was published to the channel.
///
/// Written `G`, or `G.P` once something was published: it is the event ID of `/sse` and the cursor of the polls, so
/// that one string resumes both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub generated: u64,
    pub published: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.published {
            0 => write!(f, "{}", self.generated),
            published => write!(f, "{}.{published}", self.generated),
        }
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |digits: &str| match digits.parse::<u64>() {
            Ok(n) if n <= LARGEST_NUMBER && !digits.starts_with('+') => Ok(n),
            _ => Err(()),
        };
        let (generated, published) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { generated: number(generated)?, published: number(published)? })
    }
}

/// What a message's bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A JSON text (RFC 8259).
    #[default]
    Json,
    /// UTF-8, but no JSON text.
    Text,
    /// Not UTF-8.
    Binary,
}

impl Form {
    pub fn of(data: &[u8]) -> Self {
        if serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok() && std::str::from_utf8(data).is_ok() {
            Form::Json
        } else if std::str::from_utf8(data).is_ok() {
            Form::Text
        } else {
            Form::Binary
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Text => "text/plain; charset=utf-8",
            Form::Binary => "application/octet-stream",
        }
    }
}

/// A message as its sender meant it, before any transport's framing.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub data: Vec<u8>,
    pub form: Form,
    /// Where a subscriber is once it has this message.
    pub position: Position,
    /// Offset in `data` at which the message is to be torn in two on the wire.
    pub cut: Option<usize>,
    /// The SSE event type, where it is not the default one.
    pub event: Option<&'static str>,
}

impl Message {
    /// The message as a JSON text without line breaks: itself, a string, or `{"base64":…}`.
    pub fn line(&self) -> Cow<'_, [u8]> {
        match self.form {
            Form::Json if memchr::memchr2(b'\n', b'\r', &self.data).is_none() => Cow::Borrowed(&self.data),
            // RFC 8259 §2, §7: a raw line break is insignificant whitespace; inside strings it must be escaped.
            Form::Json => {
                let blank = |&byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
                Cow::Owned(self.data.iter().map(blank).collect())
            }
            Form::Text => Cow::Owned(json_string(&String::from_utf8_lossy(&self.data)).into_bytes()),
            Form::Binary => {
                let text = base64::engine::general_purpose::STANDARD.encode(&self.data);
                Cow::Owned(format!("{{\"base64\":\"{text}\"}}").into_bytes())
            }
        }
    }

    /// The message as UTF-8: as given where it is UTF-8, else `{"base64":…}`.
    pub fn text(&self) -> Cow<'_, [u8]> {
        match self.form {
            Form::Json | Form::Text => Cow::Borrowed(&self.data),
            Form::Binary => self.line(),
        }
    }
}

/// `text` as a JSON string, quotes included.
pub fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_what_it_writes() {
        for text in ["0", "7", "7.3", "0.12"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
        for text in ["", ".", "1.", "-1", "+1", "1.2.3", "9007199254740993", "x"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_is_one_line_of_json() {
        let of = |data: &[u8]| {
            let message = Message { data: data.to_vec(), form: Form::of(data), ..Message::default() };
            String::from_utf8(message.line().into_owned()).unwrap()
        };
        assert_eq!(of(b"{\"a\":\r\n1}"), "{\"a\":  1}");
        assert_eq!(of(b"two\nlines"), "\"two\\nlines\"");
        assert_eq!(of(b"\xff\x00"), "{\"base64\":\"/wA=\"}");
    }
}
