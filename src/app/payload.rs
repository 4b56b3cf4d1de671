//! A payload as lines of text, with the places where it is no UTF-8.

/// Bytes that are laid out at most; the hex view shows the rest.
pub const TEXT_LIMIT_BYTES: usize = 1 << 20;
/// Characters a line has at most; longer ones are cut into several.
const LINE_CHARS: usize = 400;

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
    /// Lays a payload out.
    pub fn read(payload: &[u8]) -> PayloadText {
        let shown = &payload[..payload.len().min(TEXT_LIMIT_BYTES)];
        let mut text = PayloadText { left_out: payload.len() - shown.len(), ..PayloadText::default() };
        let mut line = Vec::new();
        for chunk in shown.utf8_chunks() {
            for (at, part) in chunk.valid().split('\n').enumerate() {
                if at > 0 {
                    text.lines.push(std::mem::take(&mut line));
                }
                let mut rest = part.trim_end_matches('\r');
                while let Some((cut, _)) = rest.char_indices().nth(LINE_CHARS) {
                    line.push(TextPiece::Text(rest[..cut].to_owned()));
                    text.lines.push(std::mem::take(&mut line));
                    rest = &rest[cut..];
                }
                if !rest.is_empty() {
                    line.push(TextPiece::Text(rest.to_owned()));
                }
            }
            if !chunk.invalid().is_empty() {
                text.broken_bytes += chunk.invalid().len();
                line.push(TextPiece::Broken(chunk.invalid().to_vec()));
                if line.len() > LINE_CHARS {
                    text.lines.push(std::mem::take(&mut line));
                }
            }
        }
        if !line.is_empty() || text.lines.is_empty() {
            text.lines.push(line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_utf8_is_shown_where_it_breaks() {
        let text = PayloadText::read(b"a\xffb\n\xe3\x81\x82\xe3\x81");
        let piece = |text: &str| TextPiece::Text(text.into());
        assert_eq!(text.lines[0], [piece("a"), TextPiece::Broken(vec![0xff]), piece("b")]);
        assert_eq!(text.lines[1], [piece("あ"), TextPiece::Broken(vec![0xe3, 0x81])]);
        assert_eq!(text.broken_bytes, 3);
    }
}
