//! A payload as lines of text, with the places where it is no UTF-8.

/// Bytes that are laid out at most; the hex view shows the rest.
pub const TEXT_LIMIT_BYTES: usize = 1 << 20;
/// Columns a line has at most where it is not wrapped; longer ones are cut into several.
pub const LONGEST_LINE: usize = 4000;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPiece {
    /// Text.
    Text(String),
    /// Bytes that are no UTF-8.
    Broken(Vec<u8>),
}

/// A payload as lines.
#[derive(Debug, Default)]
pub struct PayloadText {
    /// The lines.
    pub lines: Vec<Vec<TextPiece>>,
    /// Bytes that are no UTF-8.
    pub broken_bytes: usize,
    /// Bytes that were not laid out.
    pub left_out: usize,
}

impl PayloadText {
    /// Lays a payload out in lines of at most so many columns.
    pub fn read(payload: &[u8], columns: usize) -> PayloadText {
        let columns = columns.max(8);
        let shown = &payload[..payload.len().min(TEXT_LIMIT_BYTES)];
        let mut text = PayloadText { left_out: payload.len() - shown.len(), ..PayloadText::default() };
        let mut line = Vec::new();
        for chunk in shown.utf8_chunks() {
            for (at, part) in chunk.valid().split('\n').enumerate() {
                if at > 0 {
                    text.lines.push(std::mem::take(&mut line));
                }
                let mut rest = part.trim_end_matches('\r');
                while let Some(cut) = cut(rest, columns.saturating_sub(width(&line))) {
                    if cut > 0 {
                        line.push(TextPiece::Text(rest[..cut].to_owned()));
                    }
                    text.lines.push(std::mem::take(&mut line));
                    rest = &rest[cut..];
                }
                if !rest.is_empty() {
                    line.push(TextPiece::Text(rest.to_owned()));
                }
            }
            if !chunk.invalid().is_empty() {
                text.broken_bytes += chunk.invalid().len();
                let broken = TextPiece::Broken(chunk.invalid().to_vec());
                if !line.is_empty() && width(&line) + broken.columns() > columns {
                    text.lines.push(std::mem::take(&mut line));
                }
                line.push(broken);
            }
        }
        if !line.is_empty() || text.lines.is_empty() {
            text.lines.push(line);
        }
        text
    }
}

impl TextPiece {
    /// The columns it takes, at most: bytes stand as `⟨ff⟩`.
    fn columns(&self) -> usize {
        match self {
            TextPiece::Text(text) => text.chars().map(char_columns).sum(),
            TextPiece::Broken(bytes) => 4 * bytes.len(),
        }
    }
}

fn width(line: &[TextPiece]) -> usize {
    line.iter().map(TextPiece::columns).sum()
}

/// Where a text that does not fit is cut: after the last space that does, where that is not far back.
fn cut(text: &str, columns: usize) -> Option<usize> {
    let (mut used, mut space) = (0, None);
    for (at, char) in text.char_indices() {
        used += char_columns(char);
        if used > columns {
            return Some(space.filter(|(_, used)| used * 4 > columns * 3).map_or(at, |(at, _)| at));
        }
        if char == ' ' {
            space = Some((at + 1, used));
        }
    }
    None
}

/// Two columns for what is drawn wide: Hangul, kana, ideographs, full-width forms, emoji.
fn char_columns(char: char) -> usize {
    match char {
        '\t' => 4,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' => 2,
        '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' => 2,
        '\u{2600}'..='\u{27bf}' | '\u{1f000}'.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_utf8_is_shown_where_it_breaks() {
        let text = PayloadText::read(b"a\xffb\n\xe3\x81\x82\xe3\x81", 80);
        let piece = |text: &str| TextPiece::Text(text.into());
        assert_eq!(text.lines[0], [piece("a"), TextPiece::Broken(vec![0xff]), piece("b")]);
        assert_eq!(text.lines[1], [piece("あ"), TextPiece::Broken(vec![0xe3, 0x81])]);
        assert_eq!(text.broken_bytes, 3);
    }

    #[test]
    fn long_lines_wrap_at_spaces_and_wide_characters_count_twice() {
        let lines = |text: &str, columns: usize| -> Vec<String> {
            let text = PayloadText::read(text.as_bytes(), columns);
            let line = |line: Vec<TextPiece>| {
                let pieces = line.into_iter().map(|piece| match piece {
                    TextPiece::Text(text) => text,
                    TextPiece::Broken(bytes) => format!("{bytes:?}"),
                });
                pieces.collect::<String>()
            };
            text.lines.into_iter().map(line).collect()
        };
        assert_eq!(lines("abcdef ghijklm", 8), ["abcdef ", "ghijklm"]);
        assert_eq!(lines("abcdefghijklm", 8), ["abcdefgh", "ijklm"]);
        assert_eq!(lines("あいうえおか", 8), ["あいうえ", "おか"]);
        assert_eq!(lines("a\r\nb", 8), ["a", "b"]);
    }
}
