//! Bytes as text for the clipboard.

use crate::session::statistics::{self, Statistics};
use base64::Engine as _;

/// How figures are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsAs {
    /// Tables for people.
    Text,
    /// Comma-separated values, for programs.
    Csv,
}

impl StatisticsAs {
    /// Every way.
    pub const ALL: [StatisticsAs; 2] = [StatisticsAs::Text, StatisticsAs::Csv];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            StatisticsAs::Text => "text",
            StatisticsAs::Csv => "CSV",
        }
    }

    pub(super) fn format(self, figures: &Statistics) -> String {
        match self {
            StatisticsAs::Text => statistics::text(&figures.sections()),
            StatisticsAs::Csv => statistics::csv(&figures.sections()),
        }
    }
}

/// What is copied of the selected record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyAs {
    /// Its line in the timeline.
    Row,
    /// Its payload as text.
    Payload,
    /// Its bytes, or those of the selected field, as hexadecimal.
    Hex,
    /// As text.
    Text,
    /// As a C array.
    C,
    /// As a Rust array.
    Rust,
    /// As Base64.
    Base64,
    /// The request that it is, as a curl command.
    Curl,
    /// The WebSocket that it belongs to, as a websocat command.
    Websocat,
}

impl CopyAs {
    /// Every way.
    pub const ALL: [CopyAs; 9] = [
        CopyAs::Row,
        CopyAs::Payload,
        CopyAs::Hex,
        CopyAs::Text,
        CopyAs::C,
        CopyAs::Rust,
        CopyAs::Base64,
        CopyAs::Curl,
        CopyAs::Websocat,
    ];

    /// The ways to copy bytes.
    pub const BYTES: [CopyAs; 5] = [CopyAs::Hex, CopyAs::Text, CopyAs::C, CopyAs::Rust, CopyAs::Base64];

    /// Its name, after "Copy".
    pub fn label(self) -> &'static str {
        match self {
            CopyAs::Row => "row",
            CopyAs::Payload => "payload",
            CopyAs::Hex => "bytes as hex",
            CopyAs::Text => "bytes as text",
            CopyAs::C => "bytes as C array",
            CopyAs::Rust => "bytes as Rust array",
            CopyAs::Base64 => "bytes as Base64",
            CopyAs::Curl => "as curl command",
            CopyAs::Websocat => "as websocat command",
        }
    }

    /// The bytes in this way.
    pub fn format(self, bytes: &[u8]) -> String {
        let list = |separator: &str| {
            let lines: Vec<String> = bytes
                .chunks(12)
                .map(|line| line.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(", "))
                .collect();
            lines.join(separator)
        };
        match self {
            CopyAs::Row | CopyAs::Payload | CopyAs::Text => String::from_utf8_lossy(bytes).into_owned(),
            CopyAs::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            CopyAs::C => format!("const unsigned char bytes[{}] = {{\n    {}\n}};", bytes.len(), list(",\n    ")),
            CopyAs::Rust => format!("const BYTES: [u8; {}] = [\n    {},\n];", bytes.len(), list(",\n    ")),
            // Commands are made of records, not of bytes.
            CopyAs::Curl | CopyAs::Websocat => String::new(),
            CopyAs::Base64 => base64::engine::general_purpose::STANDARD.encode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_five_ways() {
        let bytes = b"hi\xff";
        assert_eq!(CopyAs::Hex.format(bytes), "68 69 ff");
        assert_eq!(CopyAs::Text.format(bytes), "hi\u{fffd}");
        assert_eq!(CopyAs::C.format(bytes), "const unsigned char bytes[3] = {\n    0x68, 0x69, 0xff\n};");
        assert_eq!(CopyAs::Rust.format(bytes), "const BYTES: [u8; 3] = [\n    0x68, 0x69, 0xff,\n];");
        assert_eq!(CopyAs::Base64.format(bytes), "aGn/");
    }
}
