//! What the user wants to say: as typed, and how it becomes bytes. What cannot be sent says why before it is sent.

mod frame;
mod preview;
mod rules;

pub(super) use frame::redraw_keys;
pub use frame::{FrameBytes, FrameDraft, LENGTH_FORMS, RAW_LIMIT_BYTES, opcode_name};
pub use preview::Preview;
use rules::broken_rules;

use crate::transport::{Outgoing, PushType, RawFrame, WebSocketMessage, close_code_rule};
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
    /// A frame whose every bit is chosen.
    Raw,
}

impl SendAs {
    /// Every kind.
    pub const ALL: [SendAs; 6] = [SendAs::Text, SendAs::Binary, SendAs::Ping, SendAs::Pong, SendAs::Close, SendAs::Raw];

    /// Its name on screen.
    pub fn label(self) -> &'static str {
        match self {
            SendAs::Text => "text",
            SendAs::Binary => "binary",
            SendAs::Ping => "ping",
            SendAs::Pong => "pong",
            SendAs::Close => "close",
            SendAs::Raw => "raw frame",
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
    /// The close code; in a raw close frame it may be empty or any number of 16 bits.
    pub close_code: String,
    /// Whether a message is sent compressed; `None`: as the connection's options say.
    pub compress: Option<bool>,
    /// The sizes of a message's frames, as typed; empty: as the connection's options say, or one raw frame.
    pub fragments: String,
    /// What is chosen of a raw frame.
    pub frame: FrameDraft,
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
            compress: None,
            fragments: String::new(),
            frame: FrameDraft::default(),
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
/// What goes beyond the rules.
const BY_RAW: &str = "a raw frame can send it all the same";

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
        let is_ws = push_type == PushType::Ws;
        if self.format != Format::File || is_ws && self.send_as == SendAs::Close {
            return self.sending(push_type).err();
        }
        let path = std::path::Path::new(self.text.trim());
        if self.text.trim().is_empty() {
            return Some("no file is chosen".into());
        }
        let len_bytes = match path.metadata() {
            Ok(file) if file.is_file() => file.len(),
            _ => return Some(format!("{} is no file", path.display())),
        };
        match self.send_as {
            SendAs::Raw if is_ws => self.frames(&Bytes::new()).err().or_else(|| too_long_for_raw(len_bytes)),
            SendAs::Text | SendAs::Binary if is_ws => frame::sizes(&self.fragments).err(),
            _ => None,
        }
        .or_else(|| self.repeat().err())
    }

    /// The raw frames that carry what the text stands for.
    pub fn frames(&self, bytes: &Bytes) -> Result<Vec<RawFrame>, String> {
        if let Some(why) = too_long_for_raw(bytes.len() as u64) {
            return Err(why);
        }
        let payload = match (self.frame.opcode, self.close_code.trim()) {
            (8, code) if !code.is_empty() => {
                let code =
                    code.parse::<u16>().map_err(|_| format!("close code: {code:?} is no number from 0 to 65535"))?;
                Bytes::from([&code.to_be_bytes()[..], bytes].concat())
            }
            _ => bytes.clone(),
        };
        self.frame.frames(&payload, &frame::sizes(&self.fragments)?)
    }

    /// Draws what is random of a raw frame, where it is not there yet.
    pub(super) fn draw_keys(&mut self) {
        let sizes = frame::sizes(&self.fragments).map_or(0, |sizes| sizes.len());
        self.frame.draw_keys(sizes + 1);
    }

    /// Whether the choices of a message are others than the connection's options.
    pub fn has_choices(&self) -> bool {
        self.compress.is_some() || !self.fragments.trim().is_empty()
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
        if self.send_as == SendAs::Raw {
            return Ok(Sending::Message(Outgoing::Frames(self.frames(&bytes)?)));
        }
        let control = |bytes: Bytes| {
            if bytes.len() <= CONTROL_LIMIT_BYTES {
                return Ok(bytes);
            }
            let len = bytes.len();
            Err(format!(
                "a control frame carries at most {CONTROL_LIMIT_BYTES} bytes (RFC 6455 §5.5), and this has {len}; {BY_RAW}"
            ))
        };
        if matches!(self.send_as, SendAs::Text)
            && let Err(error) = std::str::from_utf8(&bytes)
        {
            let at = error.valid_up_to();
            return Err(format!(
                "a text message must be UTF-8 (RFC 6455 §5.6), and byte {at} is not: send it as binary, or as a raw frame"
            ));
        }
        Ok(Sending::Message(match self.send_as {
            SendAs::Ping => Outgoing::Ping(control(bytes)?),
            SendAs::Pong => Outgoing::Pong(control(bytes)?),
            kind if self.has_choices() => Outgoing::Message(WebSocketMessage {
                is_text: kind == SendAs::Text,
                payload: bytes,
                compress: self.compress,
                fragments_bytes: frame::sizes(&self.fragments)?,
            }),
            // Checked above.
            SendAs::Text => Outgoing::Text(String::from_utf8_lossy(&bytes).into_owned()),
            _ => Outgoing::Binary(bytes),
        }))
    }

    fn close(&self) -> Result<Sending, String> {
        if self.text.len() > CONTROL_LIMIT_BYTES - 2 {
            let len = self.text.len();
            return Err(format!("a close reason has at most 123 bytes (RFC 6455 §5.5), and this has {len}; {BY_RAW}"));
        }
        match self.close_code.trim() {
            "" if self.text.is_empty() => Ok(Sending::Close(None, String::new())),
            "" => Err("a close reason needs a code before it (RFC 6455 §5.5.1)".into()),
            text => match text.parse::<u16>() {
                Ok(code) => match close_code_rule(code) {
                    Some(why) => Err(format!("{why}; {BY_RAW}")),
                    None => Ok(Sending::Close(Some(code), self.text.clone())),
                },
                Err(_) => Err(format!("{text:?} is no close code: 1000 to 4999 (RFC 6455 §7.4.2)")),
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

fn too_long_for_raw(len_bytes: u64) -> Option<String> {
    let limit = RAW_LIMIT_BYTES as u64;
    let says = || format!("raw frames carry at most {limit} bytes here, and this has {len_bytes}: send it as binary");
    (len_bytes > limit).then(says)
}

/// Bytes, as typed in hexadecimal.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
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
        let why = close.sending(PushType::Ws).unwrap_err();
        assert!(why.contains("must not be sent") && why.contains("a raw frame can send it"), "{why}");
    }

    fn frames(composer: &Composer) -> Vec<RawFrame> {
        match composer.sending(PushType::Ws).unwrap() {
            Sending::Message(Outgoing::Frames(frames)) => frames,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_raw_close_frame_takes_any_code() {
        let mut raw = Composer { send_as: SendAs::Raw, text: "bye".into(), ..Composer::default() };
        raw.frame.opcode = 8;
        assert_eq!(&frames(&raw)[0].payload[..], b"\x03\xE8bye");
        raw.close_code = "1006".into();
        assert_eq!(&frames(&raw)[0].payload[..], b"\x03\xEEbye");
        raw.close_code = String::new();
        assert_eq!(&frames(&raw)[0].payload[..], b"bye");
        raw.close_code = "70000".into();
        assert_eq!(raw.objection(PushType::Ws).unwrap(), "close code: \"70000\" is no number from 0 to 65535");
        raw.frame.opcode = 2;
        assert_eq!(&frames(&raw)[0].payload[..], b"bye");
    }

    #[test]
    fn a_message_carries_its_choices_only_where_there_are_some() {
        let mut composer = typed(Format::Text, "Hello");
        let plain = Sending::Message(Outgoing::Text("Hello".into()));
        assert_eq!(composer.sending(PushType::Ws).unwrap(), plain);
        composer.compress = Some(false);
        composer.fragments = "2 2".into();
        let Sending::Message(Outgoing::Message(message)) = composer.sending(PushType::Ws).unwrap() else {
            panic!("it is a message with choices");
        };
        assert_eq!((message.is_text, message.compress), (true, Some(false)));
        assert_eq!((&message.payload[..], &message.fragments_bytes[..]), (&b"Hello"[..], &[2, 2][..]));
        composer.fragments = "2 x".into();
        assert!(composer.objection(PushType::Ws).unwrap().starts_with("fragments: \"x\""));
    }

    #[test]
    fn a_file_in_a_raw_frame_is_objected_to_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        std::fs::File::create(&path).unwrap().set_len(RAW_LIMIT_BYTES as u64 + 1).unwrap();
        let mut raw = Composer { send_as: SendAs::Raw, ..typed(Format::File, &path.display().to_string()) };
        assert!(raw.objection(PushType::Ws).unwrap().contains("at most 16777216 bytes"));
        std::fs::write(&path, "short").unwrap();
        assert_eq!(raw.objection(PushType::Ws), None);
        let mut preview = Preview::default();
        assert_eq!(&preview.of(&raw, false).unwrap().0[0].payload[..], b"short");
        std::fs::write(&path, "another").unwrap();
        assert_eq!(&preview.of(&raw, false).unwrap().0[0].payload[..], b"another");
        raw.frame.mask = false;
        let (frames, rules) = preview.of(&raw, false).unwrap();
        assert_eq!((frames[0].mask, rules), (None, &["a client must mask every frame (RFC 6455 §5.1)".to_owned()][..]));
        raw.frame.claimed_len = "x".into();
        assert!(raw.objection(PushType::Ws).unwrap().starts_with("claimed length"));
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
