//! What comes from the recording, made harmless and visible.

use crate::interop::shell::is_invisible;
use std::fmt::Write;

/// Text for the inside of an element. What is not seen is shown: control characters as their symbols, what turns the
/// reading direction by its number.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    push(text, false, &mut html);
    html
}

/// Text for places that take no elements: a title.
pub(super) fn plain(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            char if char.is_control() || is_invisible(char) => html.push(' '),
            char => html.push(char),
        }
    }
    html
}

/// Bytes for the inside of a `pre`: text where they are UTF-8, numbers where they are not.
pub(super) fn bytes(bytes: &[u8]) -> String {
    let mut html = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        push(chunk.valid(), true, &mut html);
        for byte in chunk.invalid() {
            let _ = write!(html, "<i class=\"x\">\\x{byte:02x}</i>");
        }
    }
    html
}

/// Rows of 16 bytes: offset, hexadecimal, ASCII.
pub(super) fn hex(bytes: &[u8], start: u64) -> String {
    let mut html = String::with_capacity(bytes.len() * 5);
    for (row, line) in bytes.chunks(16).enumerate() {
        let _ = write!(html, "{:08x}  ", start + row as u64 * 16);
        for at in 0..16 {
            let gap = if at == 7 { "  " } else { " " };
            match line.get(at) {
                Some(byte) => _ = write!(html, "{byte:02x}{gap}"),
                None => _ = write!(html, "  {gap}"),
            }
        }
        html.push(' ');
        for byte in line {
            match byte {
                b'&' => html.push_str("&amp;"),
                b'<' => html.push_str("&lt;"),
                b'>' => html.push_str("&gt;"),
                b' '..=b'~' => html.push(char::from(*byte)),
                _ => html.push('.'),
            }
        }
        html.push('\n');
    }
    html
}

fn push(text: &str, keeps_lines: bool, html: &mut String) {
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' if keeps_lines => html.push('\n'),
            '\t' => html.push('\t'),
            '\0'..='\x1f' => {
                let symbol = char::from_u32(0x2400 + char as u32).unwrap_or('?');
                let _ = write!(html, "<i class=\"x\">{symbol}</i>");
            }
            '\x7f' => html.push_str("<i class=\"x\">␡</i>"),
            char if char.is_control() || is_invisible(char) => {
                let _ = write!(html, "<i class=\"x\">U+{:04X}</i>", char as u32);
            }
            char => html.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_gets_out_of_its_place_and_nothing_stays_unseen() {
        assert_eq!(escaped("</style><script>'\"&"), "&lt;/style&gt;&lt;script&gt;&#39;&quot;&amp;");
        assert_eq!(
            escaped("a\u{202e}b\nc\u{7f}"),
            "a<i class=\"x\">U+202E</i>b<i class=\"x\">␊</i>c<i class=\"x\">␡</i>"
        );
        assert_eq!(
            bytes(b"a\n<\xff\xfe\0"),
            "a\n&lt;<i class=\"x\">\\xff</i><i class=\"x\">\\xfe</i><i class=\"x\">␀</i>"
        );
        assert_eq!(plain("</title>\u{202e}\n"), "&lt;/title&gt;  ");
        let dump = hex(b"0123456789abcdef<&", 32);
        let lines: Vec<&str> = dump.lines().collect();
        assert_eq!(lines[0], "00000020  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef");
        assert!(lines[1].starts_with("00000030  3c 26 ") && lines[1].ends_with(" &lt;&amp;"), "{dump}");
    }

    proptest! {
        #[test]
        fn only_marks_of_our_own_are_marks(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&payload).into_owned();
            for html in [bytes(&payload), escaped(&text), plain(&text)] {
                let left = html.replace("<i class=\"x\">", "").replace("</i>", "");
                prop_assert!(!left.contains(['<', '>', '"', '\'']), "{left}");
            }
            prop_assert!(!hex(&payload, 0).contains(['<', '>']));
        }
    }
}
