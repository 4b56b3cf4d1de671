//! A command line in words: by the quoting of bash and zsh, or of the Windows command prompt.

/// A piece of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word, its quotes taken off.
    Word(Vec<u8>),
    /// `|`, `>`, `;` and what else stands between commands.
    Operator(String),
}

const OPERATORS: [&str; 9] = ["|", "||", "&&", ";", ">", ">>", "<", "2>&1", "&"];

/// Takes a command line apart; an error says what is wrong with its quotes.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    // Chrome's "Copy as cURL (cmd)" quotes every quote.
    let unescaped = text.contains("^\"").then(|| without_carets(text));
    let mut pieces = Vec::new();
    let mut word: Option<Word> = None;
    let mut chars = unescaped.as_deref().unwrap_or(text).chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' => {
                let bytes = &mut word.get_or_insert_default().quoted().bytes;
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(inner) => push(bytes, inner),
                        None => return Err("a ' is not closed".into()),
                    }
                }
            }
            '$' if chars.peek() == Some(&'\'') && word.is_none() => {
                chars.next();
                ansi_c(&mut chars, &mut word.get_or_insert_default().quoted().bytes)?;
            }
            '"' => {
                let bytes = &mut word.get_or_insert_default().quoted().bytes;
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(escaped @ ('"' | '\\' | '$' | '`')) => push(bytes, escaped),
                            Some('\n') => {}
                            Some(other) => {
                                bytes.push(b'\\');
                                push(bytes, other);
                            }
                            None => {}
                        },
                        Some(inner) => push(bytes, inner),
                        None => return Err("a \" is not closed".into()),
                    }
                }
            }
            // A line that goes on, also where a paste has made its end a space.
            '\\' => match chars.next() {
                Some('\r') => _ = chars.next_if_eq(&'\n'),
                Some('\n' | ' ') | None => {}
                Some(escaped) => push(&mut word.get_or_insert_default().quoted().bytes, escaped),
            },
            '#' if word.is_none() && text.contains('\n') => while chars.next_if(|char| *char != '\n').is_some() {},
            char if char.is_whitespace() => pieces.extend(word.take().and_then(Word::into_piece)),
            char => push(&mut word.get_or_insert_default().bytes, char),
        }
    }
    pieces.extend(word.and_then(Word::into_piece));
    Ok(pieces)
}

#[derive(Default)]
struct Word {
    bytes: Vec<u8>,
    is_quoted: bool,
}

impl Word {
    fn quoted(&mut self) -> &mut Word {
        self.is_quoted = true;
        self
    }

    fn into_piece(self) -> Option<Piece> {
        if self.is_quoted {
            return Some(Piece::Word(self.bytes));
        }
        match std::str::from_utf8(&self.bytes) {
            // The end of a line in the Windows command prompt.
            Ok("^") => None,
            Ok(text) if OPERATORS.contains(&text) => Some(Piece::Operator(text.to_owned())),
            _ => Some(Piece::Word(self.bytes)),
        }
    }
}

fn push(bytes: &mut Vec<u8>, char: char) {
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Takes the carets of the Windows command prompt away: what follows one stands for itself.
fn without_carets(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '^' => match chars.next() {
                Some('\r') => _ = chars.next_if_eq(&'\n'),
                // A line that goes on; a second line end is one that is meant.
                Some('\n') => plain.extend(chars.next_if_eq(&'\n').or(Some(' '))),
                Some(escaped) => plain.push(escaped),
                None => {}
            },
            char => plain.push(char),
        }
    }
    plain
}

/// What stands between `$'` and `'`.
fn ansi_c(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, bytes: &mut Vec<u8>) -> Result<(), String> {
    let digits = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>, radix: u32, most: usize| {
        let (mut number, mut count) = (0_u32, 0);
        while count < most
            && let Some(digit) = chars.peek().and_then(|char| char.to_digit(radix))
        {
            number = number.wrapping_mul(radix).wrapping_add(digit);
            chars.next();
            count += 1;
        }
        (count > 0).then_some(number)
    };
    loop {
        match chars.next() {
            Some('\'') => return Ok(()),
            Some('\\') => match chars.peek().copied() {
                Some('x') => {
                    chars.next();
                    match digits(chars, 16, 2) {
                        Some(byte) => bytes.push(byte as u8),
                        None => bytes.extend(b"\\x"),
                    }
                }
                Some(kind @ ('u' | 'U')) => {
                    chars.next();
                    let number = digits(chars, 16, if kind == 'u' { 4 } else { 8 });
                    push(bytes, number.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some('0'..='7') => bytes.extend(digits(chars, 8, 3).map(|byte| byte as u8)),
                Some(escaped) => {
                    chars.next();
                    match escape(escaped) {
                        Some(byte) => bytes.push(byte),
                        None => {
                            bytes.push(b'\\');
                            push(bytes, escaped);
                        }
                    }
                }
                None => {}
            },
            Some(inner) => push(bytes, inner),
            None => return Err("a $' is not closed".into()),
        }
    }
}

fn escape(char: char) -> Option<u8> {
    Some(match char {
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'a' => 7,
        'b' => 8,
        'e' | 'E' => 0x1b,
        'f' => 0x0c,
        'v' => 0x0b,
        '\\' | '\'' | '"' | '?' => char as u8,
        _ => return None,
    })
}

/// What `printf` or `echo` with these words prints; an error says what is not understood of it.
pub(super) fn printed(words: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let not_understood =
        |what: &[u8]| format!("what comes by the pipe is not understood: {}", String::from_utf8_lossy(what));
    let (name, mut rest) = words.split_first().ok_or_else(|| not_understood(b"nothing"))?;
    match name.as_slice() {
        b"echo" => {
            let mut end = &b"\n"[..];
            while let Some((option, more)) =
                rest.split_first().filter(|(word, _)| matches!(word.as_slice(), b"-n" | b"-e" | b"-E"))
            {
                end = if option == b"-n" { b"" } else { end };
                rest = more;
            }
            Ok([&rest.join(&b' ')[..], end].concat())
        }
        b"printf" => {
            let (format, values) = rest.split_first().ok_or_else(|| not_understood(b"printf"))?;
            let (mut out, mut values) = (Vec::new(), values.iter());
            loop {
                let before = values.len();
                fill(format, &mut values, &mut out).ok_or_else(|| not_understood(format))?;
                if values.len() == 0 || values.len() == before {
                    return Ok(out);
                }
            }
        }
        other => Err(not_understood(other)),
    }
}

/// Prints a format once; `None` where it is not understood.
fn fill<'w>(format: &[u8], values: &mut impl Iterator<Item = &'w Vec<u8>>, out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = format.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match bytes.next()? {
                b'%' => out.push(b'%'),
                b's' => out.extend(values.next().into_iter().flatten()),
                _ => return None,
            },
            b'\\' => match bytes.peek().copied()? {
                b'0'..=b'7' => {
                    let mut number = 0_u32;
                    for _ in 0..3 {
                        let Some(digit) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) else { break };
                        number = number * 8 + u32::from(digit - b'0');
                    }
                    out.push(number as u8);
                }
                escaped => {
                    bytes.next();
                    out.push(escape(char::from(escaped))?);
                }
            },
            other => out.push(other),
        }
    }
    Some(())
}
