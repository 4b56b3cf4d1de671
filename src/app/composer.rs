//! What the user wants to say: as typed, and how it becomes bytes. What cannot be sent says why before it is sent.

use crate::transport::{Outgoing, PushType};
use base64::Engine as _;
use bytes::Bytes;

/// How the composer's text is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As it is.
    #[default]
    Text,
    /// As it is, and it must be JSON.
    Json,
    /// Pairs of hexadecimal digits.
    Hex,
    /// Base64, standard or URL-safe.
    Base64,
    /// The bytes of the file at this path.
    File,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 5] = [Format::Text, Format::Json, Format::Hex, Format::Base64, Format::File];

    /// Its name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Format::Text => "Text",
            Format::Json => "JSON",
            Format::Hex => "Hex",
            Format::Base64 => "Base64",
            Format::File => "File",
        }
    }
}

/// What kind of WebSocket message to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendAs {
    /// A text message.
    #[default]
    Text,
    /// A binary message.
    Binary,
    /// A ping.
    Ping,
    /// A pong nobody asked for.
    Pong,
    /// A close frame.
    Close,
}

impl SendAs {
    /// Every kind.
    pub const ALL: [SendAs; 5] = [SendAs::Text, SendAs::Binary, SendAs::Ping, SendAs::Pong, SendAs::Close];

    /// Its name on screen.
    pub fn label(self) -> &'static str {
        match self {
            SendAs::Text => "text",
            SendAs::Binary => "binary",
            SendAs::Ping => "ping",
            SendAs::Pong => "pong",
            SendAs::Close => "close",
        }
    }
}

/// The composer, as typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Composer {
    /// How the text is read.
    pub format: Format,
    /// What is sent on a WebSocket.
    pub send_as: SendAs,
    /// The text, or the path of a file.
    pub text: String,
    /// The close code.
    pub close_code: String,
    /// The method of a request on the side.
    pub method: String,
    /// Its address; empty is the connection's own.
    pub url: String,
    /// Its content type.
    pub content_type: String,
    /// Send it so often.
    pub repeat_count: String,
    /// So many milliseconds apart.
    pub repeat_ms: String,
    /// What was sent, oldest first.
    pub history: Vec<String>,
    /// Which of them is shown.
    pub history_at: Option<usize>,
}

impl Default for Composer {
    fn default() -> Self {
        Composer {
            format: Format::Text,
            send_as: SendAs::Text,
            text: String::new(),
            close_code: "1000".into(),
            method: "POST".into(),
            url: String::new(),
            content_type: "application/json".into(),
            repeat_count: String::new(),
            repeat_ms: String::new(),
            history: Vec::new(),
            history_at: None,
        }
    }
}

/// What will be done by Send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Send this.
    Message(Outgoing),
    /// Close with this code and reason.
    Close(Option<u16>, String),
}

/// The largest payload of a control frame (RFC 6455 §5.5).
const CONTROL_LIMIT_BYTES: usize = 125;

impl Composer {
    /// The bytes that the text stands for, or why it stands for none.
    pub fn bytes(&self) -> Result<Bytes, String> {
        let text = &self.text;
        match self.format {
            Format::Text => Ok(Bytes::from(text.clone())),
            Format::Json => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => Ok(Bytes::from(text.clone())),
                Err(error) => Err(format!("not JSON: {error}")),
            },
            Format::Hex => from_hex(text).map(Bytes::from),
            Format::Base64 => {
                let digits: String = text.chars().filter(|char| !char.is_whitespace()).collect();
                let digits = digits.replace('-', "+").replace('_', "/");
                let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(digits.trim_end_matches('='));
                decoded.map(Bytes::from).map_err(|error| format!("not Base64: {error}"))
            }
            Format::File if text.trim().is_empty() => Err("no file is chosen".into()),
            Format::File => match std::fs::metadata(text.trim()) {
                Ok(file) if file.is_file() => match std::fs::read(text.trim()) {
                    Ok(bytes) => Ok(Bytes::from(bytes)),
                    Err(error) => Err(format!("{} cannot be read: {error}", text.trim())),
                },
                Ok(_) => Err(format!("{} is no file", text.trim())),
                Err(error) => Err(format!("{} cannot be read: {error}", text.trim())),
            },
        }
    }

    /// Why this cannot be sent as it is typed, without reading a file.
    pub fn objection(&self, push_type: PushType) -> Option<String> {
        if self.format == Format::File && !(push_type == PushType::Ws && self.send_as == SendAs::Close) {
            let path = std::path::Path::new(self.text.trim());
            if self.text.trim().is_empty() {
                return Some("no file is chosen".into());
            }
            return (!path.is_file()).then(|| format!("{} is no file", path.display()));
        }
        self.sending(push_type).err()
    }

    /// How often, and how many milliseconds apart.
    pub fn repeat(&self) -> Result<(u32, u64), String> {
        let number = |name: &str, text: &str, empty: u64| match text.trim() {
            "" => Ok(empty),
            text => text.parse::<u64>().map_err(|_| format!("{name}: {text:?} is no whole number")),
        };
        let count = number("times", &self.repeat_count, 1)?.clamp(1, u32::MAX as u64);
        Ok((count as u32, number("milliseconds", &self.repeat_ms, 1000)?))
    }

    /// What is to be sent over a connection of this type, or why it cannot be.
    pub fn sending(&self, push_type: PushType) -> Result<Sending, String> {
        self.repeat()?;
        if push_type != PushType::Ws {
            let body = self.bytes()?;
            let mut headers = Vec::new();
            if !self.content_type.trim().is_empty() {
                headers.push(("Content-Type".to_owned(), self.content_type.trim().to_owned()));
            }
            let method = match self.method.trim() {
                "" => "POST".to_owned(),
                method => method.to_owned(),
            };
            let url = (!self.url.trim().is_empty()).then(|| self.url.trim().to_owned());
            return Ok(Sending::Message(Outgoing::Request { method, url, headers, body }));
        }
        if self.send_as == SendAs::Close {
            return self.close();
        }
        let bytes = self.bytes()?;
        let control = |bytes: Bytes| {
            if bytes.len() <= CONTROL_LIMIT_BYTES {
                return Ok(bytes);
            }
            let len = bytes.len();
            Err(format!("a control frame carries at most {CONTROL_LIMIT_BYTES} bytes (RFC 6455 §5.5); this has {len}"))
        };
        Ok(Sending::Message(match self.send_as {
            SendAs::Text => match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Outgoing::Text(text),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    return Err(format!(
                        "a text message must be UTF-8 (RFC 6455 §5.6); byte {at} is not: send it as binary"
                    ));
                }
            },
            SendAs::Ping => Outgoing::Ping(control(bytes)?),
            SendAs::Pong => Outgoing::Pong(control(bytes)?),
            _ => Outgoing::Binary(bytes),
        }))
    }

    fn close(&self) -> Result<Sending, String> {
        if self.text.len() > CONTROL_LIMIT_BYTES - 2 {
            return Err(format!("a close reason has at most 123 bytes (RFC 6455 §5.5); this has {}", self.text.len()));
        }
        match self.close_code.trim() {
            "" if self.text.is_empty() => Ok(Sending::Close(None, String::new())),
            "" => Err("a close reason needs a code before it (RFC 6455 §5.5.1)".into()),
            code => match code.parse::<u16>() {
                Ok(code @ (1004..=1006 | 1015)) => Err(format!("{code} must not be sent (RFC 6455 §7.4.1)")),
                Ok(code @ 1000..=4999) => Ok(Sending::Close(Some(code), self.text.clone())),
                _ => Err(format!("{code} is no close code: 1000 to 4999 (RFC 6455 §7.4.2)")),
            },
        }
    }

    /// Keeps the text in the history and empties the field.
    pub fn was_sent(&mut self) {
        if !self.text.is_empty() && self.history.last() != Some(&self.text) {
            self.history.push(self.text.clone());
        }
        self.history_at = None;
        if self.format != Format::File && self.repeat_count.trim().is_empty() {
            self.text.clear();
        }
    }

    /// Shows an earlier or a later text of the history.
    pub fn browse(&mut self, earlier: bool) {
        let len = self.history.len();
        let at = match (self.history_at, earlier) {
            (None, true) => len.checked_sub(1),
            (None, false) => None,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => (at + 1 < len).then_some(at + 1),
        };
        self.history_at = at;
        self.text = at.and_then(|at| self.history.get(at)).cloned().unwrap_or_default();
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::new();
    for (at, char) in text.chars().filter(|char| !char.is_whitespace()).enumerate() {
        match char.to_digit(16) {
            Some(digit) => digits.push(digit as u8),
            None => return Err(format!("{char:?}, digit {}, is not hexadecimal", at + 1)),
        }
    }
    if digits.len() % 2 == 1 {
        return Err("an odd number of hexadecimal digits; a byte has two".into());
    }
    Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(format: Format, text: &str) -> Composer {
        Composer { format, text: text.into(), ..Composer::default() }
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        assert!(typed(Format::Json, "{\"a\":}").bytes().unwrap_err().starts_with("not JSON"));
        assert_eq!(typed(Format::Hex, "0g").bytes().unwrap_err(), "'g', digit 2, is not hexadecimal");
        assert_eq!(&typed(Format::Hex, "00 ff").bytes().unwrap()[..], [0, 255]);
        assert_eq!(&typed(Format::Base64, "aGk=").bytes().unwrap()[..], b"hi");
        let ping = Composer { send_as: SendAs::Ping, text: "x".repeat(126), ..Composer::default() };
        assert!(ping.sending(PushType::Ws).unwrap_err().contains("125"));
        let text = typed(Format::Hex, "ff");
        assert!(text.sending(PushType::Ws).unwrap_err().contains("UTF-8"));
        let close = Composer { send_as: SendAs::Close, close_code: "1006".into(), ..Composer::default() };
        assert!(close.sending(PushType::Ws).unwrap_err().contains("must not be sent"));
    }

    #[test]
    fn the_history_goes_back_and_forth() {
        let mut composer = typed(Format::Text, "one");
        composer.was_sent();
        composer.text = "two".into();
        composer.was_sent();
        composer.browse(true);
        assert_eq!(composer.text, "two");
        composer.browse(true);
        assert_eq!(composer.text, "one");
        composer.browse(false);
        assert_eq!(composer.text, "two");
        composer.browse(false);
        assert_eq!(composer.text, "");
    }
}
