//! The steps of a script, as they were read.

use super::content::{Content, JsonTemplate};
use super::pattern::FilterText;
use super::template::Template;
use crate::transport::LengthForm;
use serde_json_path::JsonPath;
use std::time::Duration;

/// A step. Those within a repetition follow it in the list.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is called: `3`, `3.1`, `on_connect 1`.
    pub number: String,
    /// Its line in the file.
    pub line: usize,
    /// How deep it lies within repetitions.
    pub depth: usize,
    /// The number, in the list, behind its last own step.
    pub(super) end: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Send(Send),
    Ping(Content),
    Pong(Content),
    Close { code: Option<u16>, reason: Template },
    Frame(Frame),
    Pause(Duration),
    Await(Await),
    Repeat(Repeat),
}

/// A message, or a request on the side.
#[derive(Clone, Debug)]
pub(super) struct Send {
    pub content: Content,
    pub is_text: bool,
    pub compress: Option<bool>,
    pub fragments: Fragments,
    pub method: String,
    pub url: Option<Template>,
    pub headers: Vec<(String, Template)>,
}

/// How many payload bytes the frames of a message carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fragments {
    /// As the connection's options say.
    Usual,
    /// At most so many each.
    Each(usize),
    /// These, one after the other, and a last frame with the rest.
    Sizes(Vec<usize>),
}

/// A frame that is written as ordered.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub fin: bool,
    pub rsv: [bool; 3],
    pub opcode: u8,
    pub mask: Mask,
    pub length_form: LengthForm,
    pub claimed_len: Option<u64>,
    pub content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    None,
    Random,
    Key([u8; 4]),
}

/// What is done about a record that comes, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It is waited for; where it does not come in time, the script goes on.
    WaitFor,
    /// It must come.
    Expect,
    /// It must not come.
    ExpectNot,
}

#[derive(Clone, Debug)]
pub(super) struct Await {
    pub wanted: Wanted,
    pub filter: FilterText,
    pub within: Option<Duration>,
    pub set: Vec<Capture>,
    pub equals: Vec<(String, JsonPath, JsonTemplate)>,
}

/// A variable that takes its value from a record.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub name: String,
    pub path: JsonPath,
}

#[derive(Clone, Debug)]
pub(super) struct Repeat {
    /// How often; `None`: until something else ends it.
    pub times: Option<u64>,
    /// How far apart repetitions begin.
    pub every: Option<Duration>,
    pub until: Option<FilterText>,
    pub set: Vec<Capture>,
    /// For how long.
    pub limit: Option<Duration>,
}

impl Step {
    /// Whether it can fail the script by what the server does.
    pub(super) fn is_check(&self) -> bool {
        matches!(&self.what, What::Await(Await { wanted: Wanted::Expect | Wanted::ExpectNot, .. }))
    }

    /// Whether steps lie within it.
    pub fn is_repeat(&self) -> bool {
        matches!(self.what, What::Repeat(_))
    }

    /// How often it is repeated, where that is said.
    pub fn times(&self) -> Option<u64> {
        match &self.what {
            What::Repeat(repeat) => repeat.times,
            _ => None,
        }
    }

    /// What it does, by a verb: `send`, `wait`.
    pub fn verb(&self) -> &'static str {
        match &self.what {
            What::Send(_) => "send",
            What::Ping(_) => "ping",
            What::Pong(_) => "pong",
            What::Close { .. } => "close",
            What::Frame(_) => "frame",
            What::Pause(_) => "wait",
            What::Await(awaited) => match awaited.wanted {
                Wanted::WaitFor => "wait for",
                Wanted::Expect => "expect",
                Wanted::ExpectNot => "expect not",
            },
            What::Repeat(_) => "repeat",
        }
    }

    /// What it does that to, in one line, with the names of variables.
    pub fn object(&self) -> String {
        match &self.what {
            What::Send(send) => {
                let to = send.url.as_ref().map_or_else(String::new, |url| format!(" to {}", url.source));
                let compress = match send.compress {
                    Some(true) => " compressed",
                    Some(false) => " uncompressed",
                    None => "",
                };
                let binary = if send.is_text || !send.content.is_text() { "" } else { " as binary" };
                let fragments = match &send.fragments {
                    Fragments::Usual => String::new(),
                    Fragments::Each(bytes) => format!(" in fragments of {bytes}"),
                    Fragments::Sizes(sizes) => format!(" in {} fragments", sizes.len() + 1),
                };
                format!("{}{binary}{compress}{fragments}{to}", send.content.line())
            }
            What::Ping(content) | What::Pong(content) => content.line(),
            What::Close { code, reason } => {
                let code = code.map_or_else(|| "without a code".to_owned(), |code| code.to_string());
                format!("{code} {}", reason.source).trim_end().to_owned()
            }
            What::Frame(frame) => {
                let fin = if frame.fin { "FIN " } else { "" };
                format!("{fin}opcode {} {}", frame.opcode, frame.content.line())
            }
            What::Pause(time) => shown(*time),
            What::Await(awaited) => {
                let within = awaited.within.map_or_else(String::new, |time| format!(" within {}", shown(time)));
                let equals = awaited.equals.iter().map(|(path, _, json)| format!(" {path} = {}", json.line()));
                format!("{}{}{within}", awaited.filter.source(), equals.collect::<String>())
            }
            What::Repeat(repeat) => {
                let mut words = Vec::new();
                if let Some(times) = repeat.times {
                    words.push(format!("{times} times"));
                }
                if let Some(every) = repeat.every {
                    words.push(format!("every {}", shown(every)));
                }
                if let Some(limit) = repeat.limit {
                    words.push(format!("for {}", shown(limit)));
                }
                if let Some(until) = &repeat.until {
                    words.push(format!("until {}", until.source()));
                }
                if words.is_empty() { "forever".to_owned() } else { words.join(", ") }
            }
        }
    }
}

/// A time as the file has it.
pub(super) fn shown(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}
