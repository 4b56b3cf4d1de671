//! Secrets that are known by how they look, wherever they stand.

use super::rules::Group;
use super::scan::Hit;
use base64::Engine as _;
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::LazyLock;

/// What is found, how it looks, and of which group it is. The first pair of parentheses is the secret, or all of it is.
const SHAPES: &[(&str, Group, &str)] = &[
    ("JWT", Group::Tokens, r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,2}"),
    ("private key", Group::Tokens, r"-----BEGIN [A-Z ]*PRIVATE KEY-----((?s:.)+?)(?:-----END|\z)"),
    ("AWS access key", Group::Tokens, r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub token", Group::Tokens, r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    ("GitLab token", Group::Tokens, r"\bgl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,}"),
    ("Slack token", Group::Tokens, r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("Slack webhook", Group::Tokens, r"hooks\.slack\.com/services/([A-Za-z0-9/_-]{20,})"),
    ("Discord webhook", Group::Tokens, r"/api/webhooks/\d+/([A-Za-z0-9_-]{40,})"),
    ("Google API key", Group::Tokens, r"\bAIza[0-9A-Za-z_-]{35}"),
    ("secret key", Group::Tokens, r"\b(?:sk|rk|pk)[-_](?:live|test|ant|proj|or)[-_][A-Za-z0-9_-]{16,}"),
    ("bot token", Group::Tokens, r"bot(\d{8,10}:[A-Za-z0-9_-]{35})"),
    ("npm token", Group::Tokens, r"\bnpm_[A-Za-z0-9]{30,}"),
    ("user information", Group::Credentials, r#":(?:\\?/){2}([^/\s"'<>@?#\\]+)@"#),
    ("user information", Group::Credentials, r"(?i:%3A%2F%2F)([^%/\s&]+%3A[^\s&]*?)(?i:%40)"),
    ("Bearer", Group::Credentials, r"(?i:\bbearer)(?:\s+|%20|\+)([A-Za-z0-9+/_.~=-]{8,})"),
    ("Basic", Group::Credentials, r"(?i:\bbasic)(?:\s+|%20|\+)([A-Za-z0-9+/_-]{6,}={0,2})"),
];

static REGEXES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let build = |pattern: &str| RegexBuilder::new(pattern).unicode(false).build();
    SHAPES.iter().filter_map(|(_, _, pattern)| build(pattern).ok()).collect()
});

/// Each shape has one of these in it, so that most texts are not looked at more closely.
static HINTS: LazyLock<Option<aho_corasick::AhoCorasick>> = LazyLock::new(|| {
    let hints = [
        "eyj",
        "-----begin",
        "akia",
        "asia",
        "gh",
        "gl",
        "xox",
        "slack",
        "webhooks",
        "aiza",
        "sk",
        "rk",
        "pk",
        "npm_",
        "://",
        ":\\/",
        "%3a%2f",
        "bearer",
        "basic",
        "bot",
    ];
    aho_corasick::AhoCorasickBuilder::new().ascii_case_insensitive(true).build(hints).ok()
});

/// Finds them.
pub(super) fn find(text: &[u8], hits: &mut Vec<Hit>) {
    if HINTS.as_ref().is_some_and(|hints| !hints.is_match(text)) {
        return;
    }
    for ((name, group, _), regex) in SHAPES.iter().zip(REGEXES.iter()) {
        for found in regex.captures_iter(text) {
            let Some(secret) = found.get(1).or(found.get(0)) else { continue };
            let is_one = match *name {
                "Bearer" => is_token(secret.as_bytes()),
                "Basic" => login(secret.as_bytes()).is_some(),
                _ => true,
            };
            if is_one {
                hits.push(Hit::new(secret.range(), *group, *name));
            }
        }
    }
}

/// Whether a private key begins in a text and does not end there (RFC 7468): the next line goes on with it.
pub(super) fn has_open_key(text: &[u8]) -> bool {
    let Some(begin) = memchr::memmem::rfind(text, b"-----BEGIN ") else { return false };
    let rest = &text[begin..];
    memchr::memmem::find(rest, b"PRIVATE KEY-----").is_some() && memchr::memmem::find(rest, b"-----END").is_none()
}

/// Where a private key goes on that began in an earlier text, and whether it ends here. `None` where this can be no part
/// of one.
pub(super) fn rest_of_key(text: &[u8]) -> Option<(Range<usize>, bool)> {
    let end = memchr::memmem::find(text, b"-----END");
    let rest = &text[..end.unwrap_or(text.len())];
    // What is encrypted has two header fields and an empty line first (RFC 1421 §4.6).
    let is_field = memchr::memchr(b':', rest).is_some() && rest.len() < 200;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=\\".contains(byte);
    (is_field || rest.iter().all(is_part)).then_some((0..rest.len(), end.is_some()))
}

/// Whether what follows the word is a token rather than the next word of a sentence.
fn is_token(text: &[u8]) -> bool {
    text.len() >= 24 || text.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'/' | b'='))
}

/// User and password of Basic (RFC 7617), decoded.
pub(super) fn login(text: &[u8]) -> Option<Vec<u8>> {
    let engines = [
        base64::engine::general_purpose::STANDARD,
        base64::engine::general_purpose::STANDARD_NO_PAD,
        base64::engine::general_purpose::URL_SAFE_NO_PAD,
    ];
    let decoded = engines.iter().find_map(|engine| engine.decode(text).ok())?;
    let is_text = decoded.iter().all(|byte| *byte >= b' ') && decoded.contains(&b':');
    is_text.then_some(decoded)
}

/// Whether a word looks as if it had been drawn by lot: long, and of letters and digits mixed.
pub(super) fn looks_random(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let dots = text.iter().filter(|byte| matches!(byte, b'.' | b'-')).count();
    text.len() >= 20 && digits >= 3 && letters >= 3 && dots * 6 < text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_found_in_the_midst_of_text() {
        assert_eq!(REGEXES.len(), SHAPES.len());
        let cases = [
            ("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl y", 1),
            ("see https://bob:pw@example.com/ and http://example.com/", 1),
            ("Authorization was Bearer abc123def and not a bearer document", 1),
            ("Basic dXNlcjpwYXNz, not basic authentication", 1),
            ("AKIAIOSFODNN7EXAMPLE", 1),
            ("https:\\/\\/u:p@h\\/", 1),
            ("plain text, a@b.c, 12:34", 0),
        ];
        for (text, wanted) in cases {
            let mut hits = Vec::new();
            find(text.as_bytes(), &mut hits);
            assert_eq!(hits.len(), wanted, "{text}: {hits:?}");
        }
    }
}
