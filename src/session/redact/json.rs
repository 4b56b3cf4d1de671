//! JSON read by its tokens, each with its place in the text: lenient, so that text which is cut off or has JSON only in
//! parts is read as far as it goes.

use std::ops::Range;

/// How deep values lie in one another at most; what lies deeper is read as if it lay there.
const MOST_LEVELS: usize = 512;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `{` or `[`.
    Open { is_object: bool },
    /// `}` or `]`.
    Close,
    /// The inside of a string that a colon follows.
    Key(Range<usize>),
    /// The inside of another string; whether it has escapes.
    Text(Range<usize>, bool),
    /// A number.
    Number(Range<usize>),
    /// `true`, `false`, `null`.
    Word,
}

/// The tokens of a text.
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    pub fn new(text: &'t [u8]) -> Tokens<'t> {
        Tokens { text, at: 0 }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            let byte = *self.text.get(start)?;
            self.at += 1;
            match byte {
                b'{' | b'[' => return Some(Token::Open { is_object: byte == b'{' }),
                b'}' | b']' => return Some(Token::Close),
                b'"' => {
                    let mut has_escapes = false;
                    let end = loop {
                        let rest = self.text.get(self.at..).unwrap_or_default();
                        match memchr::memchr2(b'"', b'\\', rest) {
                            None => break self.text.len(),
                            Some(at) if rest[at] == b'"' => break self.at + at,
                            Some(at) => {
                                has_escapes = true;
                                self.at = (self.at + at + 2).min(self.text.len());
                            }
                        }
                    };
                    self.at = (end + 1).min(self.text.len());
                    let inside = start + 1..end;
                    let after = self.text[self.at..].iter().find(|byte| !byte.is_ascii_whitespace());
                    return Some(if after == Some(&b':') {
                        Token::Key(inside)
                    } else {
                        Token::Text(inside, has_escapes)
                    });
                }
                b'-' | b'0'..=b'9' => {
                    let rest = &self.text[start..];
                    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    let len = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
                    self.at = start + len;
                    return Some(Token::Number(start..start + len));
                }
                b'a'..=b'z' => {
                    let rest = &self.text[start..];
                    let len = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
                    self.at = start + len;
                    return Some(Token::Word);
                }
                _ => {}
            }
        }
    }
}

/// Whether a text is to be read as JSON: it begins as an object or array does.
pub(super) fn looks_like_json(text: &[u8]) -> bool {
    matches!(text.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// Where in a document the next value lies.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    levels: Vec<Level>,
}

#[derive(Clone, Debug)]
struct Level {
    is_object: bool,
    /// The key of the member, or nothing where that is not known.
    key: Range<usize>,
    index: usize,
}

impl Place {
    /// Goes past a token: whether it was a value (a whole one, or the beginning of one).
    pub fn take(&mut self, token: &Token) -> bool {
        match token {
            Token::Open { is_object } if self.levels.len() < MOST_LEVELS => {
                self.levels.push(Level { is_object: *is_object, key: 0..0, index: 0 });
            }
            Token::Open { .. } => {}
            Token::Close => {
                self.levels.pop();
                self.value_ended();
            }
            Token::Key(key) => {
                if let Some(level) = self.levels.last_mut() {
                    level.key = key.clone();
                }
                return false;
            }
            Token::Text(..) | Token::Number(_) | Token::Word => self.value_ended(),
        }
        true
    }

    fn value_ended(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.index += 1;
            level.key = 0..0;
        }
    }

    /// How many containers are open.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The place in an array; `None` in an object.
    pub fn index(&self) -> Option<usize> {
        self.levels.last().filter(|level| !level.is_object).map(|level| level.index)
    }

    /// As a path, such as `$.user.tokens[2]`.
    pub fn path(&self, text: &[u8]) -> String {
        let mut path = "$".to_owned();
        for level in &self.levels {
            match level.is_object {
                true => {
                    path.push('.');
                    let key = text.get(level.key.clone()).unwrap_or_default();
                    path.push_str(&String::from_utf8_lossy(&key[..key.len().min(64)]));
                }
                false => path.push_str(&format!("[{}]", level.index)),
            }
        }
        path
    }

    /// As a JSON Pointer (RFC 6901), as far as keys are written without escapes.
    pub fn pointer(&self, text: &[u8]) -> String {
        let mut pointer = String::new();
        for level in &self.levels {
            pointer.push('/');
            match level.is_object {
                true => {
                    let key = text.get(level.key.clone()).unwrap_or_default();
                    let key = unescaped(key).0;
                    pointer.push_str(&String::from_utf8_lossy(&key).replace('~', "~0").replace('/', "~1"));
                }
                false => pointer.push_str(&level.index.to_string()),
            }
        }
        pointer
    }
}

/// The inside of a string without its escapes, and where each byte of it came from; one more for the end.
pub(super) fn unescaped(inside: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut from) = (Vec::with_capacity(inside.len()), Vec::with_capacity(inside.len() + 1));
    let mut at = 0;
    let hex = |at: usize| {
        let digits = inside.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok())?;
        u32::from_str_radix(digits, 16).ok()
    };
    while at < inside.len() {
        let start = at;
        let byte = inside[at];
        if byte != b'\\' || at + 1 >= inside.len() {
            out.push(byte);
            from.push(start);
            at += 1;
            continue;
        }
        at += 2;
        let plain = match inside[start + 1] {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let Some(first) = hex(at) else { continue };
                at += 4;
                let second = (inside.get(at..at + 2) == Some(b"\\u")).then(|| hex(at + 2)).flatten();
                match (first, second) {
                    (0xD800..0xDC00, Some(second @ 0xDC00..0xE000)) => {
                        at += 6;
                        char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).unwrap_or('\u{fffd}')
                    }
                    _ => char::from_u32(first).unwrap_or('\u{fffd}'),
                }
            }
            other => char::from(other),
        };
        let mut buffer = [0; 4];
        for byte in plain.encode_utf8(&mut buffer).bytes() {
            out.push(byte);
            from.push(start);
        }
    }
    from.push(inside.len());
    (out, from)
}

/// The whole escape sequences that a range in a string touches.
pub(super) fn whole_escapes(text: &[u8], range: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start, range.end);
    // Up to five bytes before may begin an escape that reaches into the range.
    for back in (1..=5).rev() {
        let Some(at) = start.checked_sub(back).filter(|at| text[*at] == b'\\') else { continue };
        let slashes = text[..=at].iter().rev().take(1 << 10).take_while(|byte| **byte == b'\\').count();
        let len = if text.get(at + 1) == Some(&b'u') { 6 } else { 2 };
        if slashes % 2 == 1 && at + len > start {
            start = at;
            break;
        }
    }
    let mut at = start;
    while at < end {
        match text[at] {
            b'\\' => at += if text.get(at + 1) == Some(&b'u') { 6 } else { 2 },
            _ => at += 1,
        }
    }
    end = at.max(end).min(text.len());
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_values_are_told_as_paths() {
        let text = br#"{"a":{"b":[1,"x",{"c":"\"y"}]},"d":-2.5e3,"e":true"#;
        let mut place = Place::default();
        let mut told = Vec::new();
        for token in Tokens::new(text) {
            if matches!(token, Token::Text(..) | Token::Number(_)) {
                told.push((place.path(text), place.pointer(text)));
            }
            place.take(&token);
        }
        let wanted = [("$.a.b[0]", "/a/b/0"), ("$.a.b[1]", "/a/b/1"), ("$.a.b[2].c", "/a/b/2/c"), ("$.d", "/d")];
        assert_eq!(told, wanted.map(|(path, pointer)| (path.to_owned(), pointer.to_owned())));
    }

    #[test]
    fn escapes_are_taken_whole() {
        let text = br#""ab\u00e9\"c\\d""#;
        assert_eq!(whole_escapes(text, 5..6), 3..9);
        assert_eq!(whole_escapes(text, 1..4), 1..9);
        assert_eq!(whole_escapes(text, 10..11), 9..11);
        assert_eq!(whole_escapes(text, 14..15), 14..15);
        assert_eq!(unescaped(br#"a\"\u00e9"#), ("a\"é".as_bytes().to_vec(), vec![0, 1, 3, 3, 9]));
    }
}
