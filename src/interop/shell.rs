//! Words of a command line, quoted so that bash and zsh take them as they are, whatever they hold.

/// Bytes in one word beyond which systems refuse it (Linux: 128 KiB).
pub(super) const WORD_LIMIT_BYTES: usize = 100_000;

/// A word as it is typed. `None` where it holds a NUL, which no word can.
pub(super) fn word(bytes: &[u8]) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+:,./-".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(is_plain) => Some(text.to_owned()),
        Ok(text) if text.chars().all(is_shown) => Some(format!("'{}'", text.replace('\'', "'\\''"))),
        _ => Some(escaped(bytes)),
    }
}

/// Whether a character is seen as what it is: control characters are not, nor those that turn the reading direction.
fn is_shown(char: char) -> bool {
    !char.is_control() && !is_invisible(char)
}

/// Whether a character is not seen, and changes how its neighbours are (Unicode Annex 9, and the soft breaks).
pub(super) fn is_invisible(char: char) -> bool {
    matches!(char, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `$'…'` (POSIX.1-2024): everything that is not plainly seen as an escape.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\'' | '\\' => text.extend(['\\', char]),
                char if is_shown(char) => text.push(char),
                char => char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text.push_str(&format!("\\x{byte:02x}"))),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text.push('\'');
    text
}

/// A `printf` that writes these bytes, also those that no word can hold.
pub(super) fn printf(bytes: &[u8]) -> String {
    let mut text = String::from("printf '");
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            // What begins so is an option.
            b'-' if at == 0 => text.push_str("\\055"),
            b'%' => text.push_str("%%"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' if *byte != b'\'' => text.push(char::from(*byte)),
            // Three digits always: a digit may follow.
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('\'');
    text
}

/// Text behind a `#`: on one line, and seen as what it is.
pub(super) fn comment(text: &str) -> String {
    let line = crate::session::one_line(text);
    line.chars().map(|char| if is_shown(char) { char } else { '·' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn bash(script: &str) -> Vec<u8> {
        let ran = Command::new("bash").args(["-c", script]).output().expect("bash, which apt install bash brings");
        assert!(ran.status.success(), "{script:?}: {}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    }

    #[test]
    fn what_is_plain_stays_plain_and_what_is_not_seen_is_escaped() {
        assert_eq!(word(b"http://a.example:80/b").unwrap(), "http://a.example:80/b");
        assert_eq!(word(b"").unwrap(), "''");
        assert_eq!(word(b"it's $HOME").unwrap(), "'it'\\''s $HOME'");
        assert_eq!(word(b"a\nb'\xff\x1b").unwrap(), "$'a\\nb\\'\\xff\\x1b'");
        assert_eq!(word("a\u{202e}b".as_bytes()).unwrap(), "$'a\\xe2\\x80\\xaeb'");
        assert_eq!(word(b"a\0b"), None);
        assert_eq!(comment("a\nrm -rf /\u{202e}"), "a⏎rm -rf /·");
    }

    #[test]
    fn what_begins_like_an_option_is_printed() {
        for bytes in [&b"-v a"[..], b"--", b"-\0", b"-"] {
            assert_eq!(bash(&printf(bytes)), bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_shell_reads_what_was_meant(words in prop::collection::vec(prop_oneof![
            prop::collection::vec(1u8.., 0..40),
            "[ -~]{0,30}".prop_map(String::into_bytes),
            "\\PC{0,20}".prop_map(String::into_bytes),
        ], 1..12)) {
            let typed: Vec<String> = words.iter().map(|bytes| word(bytes).unwrap()).collect();
            let expected: Vec<u8> = words.iter().flat_map(|bytes| [bytes.as_slice(), b"\0"].concat()).collect();
            prop_assert!(bash(&format!("printf '%s\\0' {}", typed.join(" "))) == expected, "{typed:?}");
        }

        #[test]
        fn a_shell_prints_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(bash(&printf(&bytes)) == bytes, "{}", printf(&bytes));
        }
    }
}
