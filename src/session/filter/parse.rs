//! Reads filters. What is wrong is said with its place, what was expected there, and what may have been meant.

mod remark;

use super::FilterError;
use super::eval::is_like;
use super::keys::{Keys, NAMED, nearest};
use super::path::Path;
use super::term::{self, Expr, Literal, Op, Range, Term, Test};
use crate::dissect::{Kind, Severity};
use crate::wire::Dir;
use regex::bytes::{Regex, RegexBuilder};

/// Parentheses within one another, in a filter or in a path of it.
const DEPTH_LIMIT: usize = 32;

/// Bytes of a filter.
const LENGTH_LIMIT: usize = 16 * 1024;

type Parsed<T> = Result<T, FilterError>;

pub(super) fn parse(text: &str, keys: &Keys) -> Parsed<Expr> {
    let mut parser = Parser { text, at: 0, depth: 0, keys };
    if text.len() > LENGTH_LIMIT {
        return parser.fail(0, format!("a filter has at most {LENGTH_LIMIT} bytes, and this has {}", text.len()));
    }
    parser.space();
    if parser.rest().is_empty() {
        return Ok(Expr::And(Vec::new()));
    }
    let expr = parser.any_of()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => parser.fail_char("this parenthesis closes nothing: take it away, or open one before it"),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    keys: &'t Keys,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Goes on behind `token`, if it is next.
    fn take(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    /// What is wrong, from byte `from` to where reading is.
    fn fail<T>(&self, from: usize, text: impl Into<String>) -> Parsed<T> {
        Err(FilterError { at: from, len: self.at.max(from) - from, text: text.into() })
    }

    /// What is wrong with the next character.
    fn fail_char<T>(&self, text: impl Into<String>) -> Parsed<T> {
        Err(FilterError { at: self.at, len: self.peek().map_or(0, char::len_utf8), text: text.into() })
    }

    /// Goes on behind a word of the language.
    fn take_word(&mut self, word: &str) -> bool {
        let Some(next) = self.rest().get(..word.len()) else { return false };
        let after = self.rest()[word.len()..].chars().next();
        let is_word = next == word || next == word.to_ascii_uppercase();
        let is_next = is_word && after.is_none_or(|char| char.is_whitespace() || matches!(char, '(' | ')'));
        if is_next {
            self.at += word.len();
            self.space();
        }
        is_next
    }

    fn any_of(&mut self) -> Parsed<Expr> {
        let mut members = vec![self.all_of()?];
        while self.take_word("or") {
            members.push(self.all_of()?);
        }
        Ok(Expr::or(members))
    }

    fn all_of(&mut self) -> Parsed<Expr> {
        let mut members = vec![self.negated()?];
        loop {
            self.space();
            let is_and = self.take_word("and");
            let ahead = Parser { ..*self }.take_word("or");
            match self.peek() {
                _ if is_and => {}
                None | Some(')') => return Ok(Expr::and(members)),
                _ if ahead => return Ok(Expr::and(members)),
                Some(_) => {}
            }
            members.push(self.negated()?);
        }
    }

    fn negated(&mut self) -> Parsed<Expr> {
        self.space();
        let start = self.at;
        let mut is_negated = false;
        while self.take("-") || self.take_word("not") {
            is_negated = !is_negated;
            self.space();
        }
        let expr = match self.peek() {
            None if self.at > start => return self.fail(start, "something must follow that is turned around"),
            _ => self.primary()?,
        };
        Ok(if is_negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn primary(&mut self) -> Parsed<Expr> {
        const WANTED: &str = "a term is missing here, such as kind:ws.*, size>1000 or \"text\"";
        let start = self.at;
        for word in ["or", "and"] {
            if (Parser { ..*self }).take_word(word) {
                self.at += word.len();
                return self.fail(start, format!("{WANTED}; to search for the word, quote it: \"{word}\""));
            }
        }
        match self.peek() {
            None => self.fail_char(WANTED),
            Some(')') => self.fail_char(WANTED),
            Some('=' | '<' | '>' | '~' | '!') => self.fail_char("the name of what is compared is missing before this"),
            Some('(') => {
                self.at += 1;
                self.depth += 1;
                if self.depth > DEPTH_LIMIT {
                    return self.fail(start, format!("parentheses go at most {DEPTH_LIMIT} deep"));
                }
                let inner = self.any_of()?;
                self.space();
                if !self.take(")") {
                    return Err(FilterError { at: start, len: 1, text: "this parenthesis is not closed".to_owned() });
                }
                self.depth -= 1;
                Ok(inner)
            }
            Some('"') => {
                let text = self.quoted()?;
                Ok(Expr::Term(Term::Search(self.literal_regex(start, &text)?)))
            }
            Some('/') => Ok(Expr::Term(Term::Search(self.slashed()?))),
            Some('$') => self.path().map(Expr::Term),
            Some(_) => self.named().map(Expr::Term),
        }
    }

    /// A text in quotation marks, in which a backslash takes the next character as it is.
    fn quoted(&mut self) -> Parsed<String> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => text.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    Some((_, other)) => other,
                    None => break,
                }),
                other => text.push(other),
            }
        }
        self.at = self.text.len();
        self.fail(start, "this text has no closing quotation mark")
    }

    /// A regular expression between slashes, with its flags.
    fn slashed(&mut self) -> Parsed<Regex> {
        let start = self.at;
        let mut is_escaped = true; // The opening slash does not close.
        let close = self.rest().find(|char| {
            let closes = char == '/' && !is_escaped;
            is_escaped = char == '\\' && !is_escaped;
            closes
        });
        let Some(close) = close else {
            self.at = self.text.len();
            return self.fail(
                start,
                "this regular expression has no closing slash; to search for text with a slash, quote it",
            );
        };
        let pattern = self.rest()[1..close].replace("\\/", "/");
        self.at += close + 1;
        let flags = self.at;
        while self.peek().is_some_and(char::is_alphanumeric) {
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        match &self.text[flags..self.at] {
            "" => self.regex(start, &pattern, false),
            "i" => self.regex(start, &pattern, true),
            other => self.fail(flags, format!("a regular expression has no flag {other:?}; i ignores case")),
        }
    }

    fn regex(&self, start: usize, pattern: &str, ignores_case: bool) -> Parsed<Regex> {
        let built = RegexBuilder::new(pattern).case_insensitive(ignores_case).size_limit(4 << 20).build();
        built.or_else(|error| {
            if matches!(error, regex::Error::CompiledTooBig(_)) {
                let text = "this regular expression becomes too large once its repetitions are spelled out: fewer of \
                            them, or fewer within one another, would do";
                return self.fail(start, text);
            }
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.fail(start, format!("this regular expression cannot be read: {why}"))
        })
    }

    /// Text that is searched for, whatever its case.
    fn literal_regex(&self, start: usize, text: &str) -> Parsed<Regex> {
        self.regex(start, &regex::escape(text), true)
    }

    /// Up to white space, or a parenthesis that was opened before.
    fn word(&mut self) -> &'t str {
        let mut depth = 0usize;
        let ends = |char: char| {
            match char {
                '(' => depth += 1,
                ')' if depth == 0 => return true,
                ')' => depth -= 1,
                _ => {}
            }
            char.is_whitespace()
        };
        let rest = self.rest();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn op(&mut self) -> Option<Op> {
        let before = self.at;
        self.space();
        let ops = [("!=", Op::Ne), ("<=", Op::Le), (">=", Op::Ge), ("=", Op::Eq), ("<", Op::Lt), (">", Op::Gt)];
        let found = ops.into_iter().find(|(token, _)| self.take(token)).map(|(_, op)| op);
        if found.is_none() {
            self.at = before;
        }
        found
    }

    /// What a field or a node is held against, if something is said of that.
    fn test(&mut self) -> Parsed<Option<Test>> {
        if let Some(op) = self.op() {
            return self.literal().map(|literal| Some(Test::Compare(op, literal)));
        }
        let before = self.at;
        self.space();
        if !self.take("~") {
            self.at = before;
            return Ok(None);
        }
        self.space();
        let start = self.at;
        let regex = match self.peek() {
            Some('/') if Parser { ..*self }.slashed().is_ok() => self.slashed()?,
            _ => {
                let literal = self.literal()?;
                self.regex(start, &literal.text, false)?
            }
        };
        Ok(Some(Test::Matches(regex)))
    }

    fn literal(&mut self) -> Parsed<Literal> {
        self.space();
        if self.peek() == Some('"') {
            return Ok(Literal::new(self.quoted()?, true));
        }
        match self.word() {
            "" => self.fail_char("a value is missing here, such as 5 or \"text\""),
            word => Ok(Literal::new(word.to_owned(), false)),
        }
    }

    fn path(&mut self) -> Parsed<Term> {
        let start = self.at;
        let (mut depth, mut quote, mut is_escaped) = (0usize, None, false);
        let end = self.rest().find(|char: char| {
            if let Some(open) = quote {
                let closes = char == open && !is_escaped;
                is_escaped = char == '\\' && !is_escaped;
                quote = quote.filter(|_| !closes);
                return false;
            }
            match char {
                '[' | '(' => depth += 1,
                ')' | ']' if depth > 0 => depth -= 1,
                '"' | '\'' if depth > 0 => quote = Some(char),
                ')' => return true,
                _ => {}
            }
            depth > DEPTH_LIMIT || (depth == 0 && (char.is_whitespace() || "=!<>~".contains(char)))
        });
        self.at = end.map_or(self.text.len(), |end| start + end);
        if depth > DEPTH_LIMIT {
            return self.fail(start, format!("brackets of a path go at most {DEPTH_LIMIT} deep"));
        }
        let path = match Path::parse(&self.text[start..self.at]) {
            Ok(path) => path,
            Err(error) => {
                let why = error.message();
                return self.fail(start, format!("this is no JSONPath, such as $.a.b or $.list[0] ({why})"));
            }
        };
        Ok(Term::Path(path, self.test()?))
    }

    /// A term that begins with a name, or a word that is searched for.
    fn named(&mut self) -> Parsed<Term> {
        let start = self.at;
        let is_name = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '-');
        let len = self.rest().find(|char| !is_name(char)).unwrap_or(self.rest().len());
        let name = &self.rest()[..len];
        self.at += len;
        let is_named = NAMED.iter().any(|(named, _)| *named == name);
        if self.peek() == Some(':') {
            match name {
                "size" | "gap" | "at" => {
                    self.at += 1;
                    let example = if name == "size" { "size>1000" } else { &format!("{name}>250ms") };
                    return self.fail(start, format!("{name} is compared: {example}"));
                }
                _ if is_named => {
                    self.at += 1;
                    return self.one_of(name);
                }
                _ => {}
            }
            if let Some(meant) = nearest(name, NAMED.iter().map(|(name, _)| *name)) {
                let text = format!("{name}: is not known; did you mean {meant}:? To search for it as text, quote it");
                return self.fail(start, text);
            }
        } else if is_named && self.rest().starts_with('=') && !matches!(name, "size" | "gap" | "at") {
            self.at += 1;
            return self.one_of(name);
        } else if matches!(name, "size" | "gap" | "at") {
            if let Some(range) = self.range(start, name)? {
                return Ok(range);
            }
        } else if !name.is_empty() {
            let after_name = self.at;
            let test = self.test()?;
            match &test {
                _ if self.keys.has(name) => return Ok(Term::Field(name.to_owned(), test)),
                Some(_) if self.keys.allows(name) => return Ok(Term::Field(name.to_owned(), test)),
                Some(_) => {
                    self.at = after_name;
                    return self.unknown(start, name);
                }
                None if name.contains('.') && after_name == self.word_end(start) && self.is_slip(name) => {
                    return self.unknown(start, name);
                }
                None => {}
            }
        }
        self.at = start;
        let word = self.word();
        Ok(Term::Search(self.literal_regex(start, word)?))
    }

    /// Whether a key that is not known is nearly one that is.
    fn is_slip(&self, name: &str) -> bool {
        !self.keys.allows(name) && self.keys.meant(name).is_some()
    }

    fn word_end(&self, start: usize) -> usize {
        let mut parser = Parser { at: start, ..*self };
        parser.word();
        parser.at
    }

    fn unknown<T>(&self, start: usize, name: &str) -> Parsed<T> {
        let meant = match self.keys.meant(name) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "a field's key is meant, such as tls.version, or size, gap, at".to_owned(),
        };
        self.fail(start, format!("there is no field {name}: {meant} To search for it as text, quote it"))
    }

    fn range(&mut self, start: usize, name: &str) -> Parsed<Option<Term>> {
        let Some(op) = self.op() else { return Ok(None) };
        self.space();
        let value = self.at;
        let word = self.word();
        let (number, wanted) = match name {
            "size" => (term::size(word), "a number of bytes, such as 1000, 4kB or 1.5MB"),
            _ => (term::duration(word), "a time with its unit, such as 250ms, 3s or 1.5m"),
        };
        let Some(number) = number else {
            let text = format!("{name} is compared with {wanted}");
            return if word.is_empty() { self.fail(start, text) } else { self.fail(value, text) };
        };
        let range = Range(op, number);
        Ok(Some(match name {
            "size" => Term::Size(range),
            "gap" => Term::Gap(range),
            _ => Term::At(range),
        }))
    }

    /// What follows `kind:` and its like: words with commas between them.
    fn one_of(&mut self, name: &str) -> Parsed<Term> {
        if name == "remark" {
            return self.remark();
        }
        let first = self.at;
        let list = self.word();
        if list.is_empty() {
            let help = NAMED.iter().find(|(named, _)| *named == name).map_or("", |(_, help)| *help);
            return self.fail_char(format!("something must follow {name}:, {help}"));
        }
        let mut at = first;
        let mut words = Vec::new();
        for word in list.split(',') {
            words.push((at, word));
            at += word.len() + 1;
        }
        let fail = |at: usize, word: &str, text: String| Err(FilterError { at, len: word.len(), text });
        match name {
            "kind" => {
                let mut kinds = 0;
                for (at, word) in words {
                    let like = Kind::ALL.iter().filter(|kind| is_like(kind.name(), word));
                    let found = like.fold(0, |found, kind| found | term::bit(*kind));
                    if found == 0 {
                        let meant = match nearest(word, Kind::ALL.iter().map(|kind| kind.name())) {
                            Some(meant) => format!("did you mean {meant}?"),
                            None => "kinds are named like ws.text, sse.event, http.response, tcp".to_owned(),
                        };
                        return fail(at, word, format!("there is no kind of record {word:?}: {meant}"));
                    }
                    kinds |= found;
                }
                Ok(Term::Kind(kinds))
            }
            "dir" => match list {
                "in" => Ok(Term::Dir(Dir::In)),
                "out" => Ok(Term::Dir(Dir::Out)),
                other => fail(first, list, format!("a direction is in or out, not {other:?}")),
            },
            "note" => {
                let severities = [
                    ("any", Severity::Info),
                    ("info", Severity::Info),
                    ("warning", Severity::Warning),
                    ("error", Severity::Error),
                ];
                if let Some((_, severity)) = severities.iter().find(|(name, _)| *name == list) {
                    return Ok(Term::Note(*severity));
                }
                if let Some((at, word)) = words.iter().find(|(_, word)| !word.contains(['.', '*'])) {
                    let meant = nearest(word, severities.iter().map(|(name, _)| *name));
                    let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
                    let text = "a note is error, warning, info or any, or it has a key such as websocket.*";
                    return fail(*at, word, format!("{text}{meant}"));
                }
                Ok(Term::NoteKey(words.into_iter().map(|(_, word)| word.to_owned()).collect()))
            }
            _ => {
                let mut numbers = Vec::new();
                for (at, word) in words {
                    match word.parse() {
                        Ok(number) => numbers.push(number),
                        Err(_) => return fail(at, word, format!("a {name} has a number, such as {name}:1")),
                    }
                }
                Ok(match name {
                    "connection" => Term::Connection(numbers),
                    "link" => Term::Link(numbers),
                    _ => Term::Stream,
                })
            }
        }
    }
}
