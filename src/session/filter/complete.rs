//! What can stand where the cursor is in a filter: kinds, fields, keywords and their values.

use super::keys::{Keys, NAMED};
use crate::dissect::{Kind, all_notes};
use crate::session::Mark;
use std::ops::Range;

/// Offers at most; the next letter narrows them.
const OFFERS: usize = 40;

/// One of the things that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What takes the place of the word.
    pub text: String,
    /// What it is, in one line.
    pub help: String,
}

/// What a word may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The bytes of the filter that the chosen one replaces.
    pub replaces: Range<usize>,
    /// The likeliest first.
    pub list: Vec<Offer>,
}

/// What may stand at byte `cursor` of a filter; nothing within quotation marks, a regular expression or a path.
pub fn complete(filter: &str, cursor: usize) -> Offers {
    let before = filter.get(..cursor).unwrap_or(filter);
    let after = filter.get(cursor..).unwrap_or_default();
    let none = Offers { replaces: before.len()..before.len(), list: Vec::new() };
    let Some(start) = word_start(before) else { return none };
    let word = before[start..].trim_start_matches('-');
    let start = before.len() - word.len();
    let rest = after.find(|char: char| char.is_whitespace() || char == ')' || char == ',').unwrap_or(after.len());
    let end = before.len() + rest;
    let (start, mut list) = match word.split_once([':', '=']) {
        // A list of kinds: the last of them grows.
        Some((name, values)) => {
            let last = values.rsplit(',').next().unwrap_or(values);
            (before.len() - last.len(), values_of(name, last))
        }
        None if word.contains(['>', '<', '~', '!', '$', '"', '/']) => return none,
        None => (start, names(word)),
    };
    let is_there = |offer: &Offer| filter[start..end] == offer.text;
    if list.len() == 1 && list.iter().all(is_there) {
        list.clear();
    }
    list.truncate(OFFERS);
    Offers { replaces: start..end, list }
}

/// Where the word begins that ends here; `None` within quotation marks or a regular expression.
fn word_start(before: &str) -> Option<usize> {
    let (mut start, mut quote, mut is_escaped, mut is_first) = (0, None, false, true);
    for (at, char) in before.char_indices() {
        match quote {
            Some(_) if std::mem::take(&mut is_escaped) => {}
            Some(_) if char == '\\' => is_escaped = true,
            Some(end) if char == end => quote = None,
            Some(_) => {}
            None if char.is_whitespace() || char == '(' => {
                start = at + char.len_utf8();
                is_first = true;
                continue;
            }
            None if char == '"' || (char == '/' && is_first) => quote = Some(char),
            None => {}
        }
        is_first &= char == '-';
    }
    quote.is_none().then_some(start)
}

/// Names that a word may become: those that begin with it first, then those that hold it.
fn names(word: &str) -> Vec<Offer> {
    let lower = word.to_ascii_lowercase();
    let named = NAMED.iter().map(|(name, help)| {
        let sign = if matches!(*name, "size" | "gap" | "at") { '>' } else { ':' };
        (format!("{name}{sign}"), (*help).to_owned())
    });
    let fields = Keys::known().fields.into_iter().map(|field| (field.key.to_owned(), field.help.to_owned()));
    let words = [("or", "either side may match"), ("not", "what follows must not match; a minus says the same")];
    let words = words.into_iter().map(|(word, help)| (word.to_owned(), help.to_owned()));
    ranked(named.chain(fields).chain(words), &lower)
}

fn values_of(name: &str, word: &str) -> Vec<Offer> {
    let lower = word.to_ascii_lowercase();
    let said = |(value, help): (&str, &str)| (value.to_owned(), help.to_owned());
    match name.trim_start_matches('-') {
        "kind" => {
            let families = [
                ("http.*", "Heads, chunks and bodies of HTTP"),
                ("sse.*", "Events, comments and retry of event streams"),
                ("ws.*", "Messages, frames and control frames of WebSocket"),
            ];
            let kinds = Kind::ALL.into_iter().map(|kind| (kind.name(), kind.help()));
            ranked(families.into_iter().chain(kinds).map(said), &lower)
        }
        "dir" => ranked([("in", "From the server"), ("out", "To the server")].map(said).into_iter(), &lower),
        "note" => {
            let severities = [
                ("error", "A MUST was broken, or something failed"),
                ("warning", "Allowed but unwise, or worse"),
                ("info", "Worth knowing, or worse"),
                ("any", "Anything was noted"),
            ];
            let notes = all_notes().map(|note| (note.key, note.text));
            ranked(severities.into_iter().chain(notes).map(said), &lower)
        }
        "remark" => {
            let any = [("*", "Any bookmark or remark")].into_iter();
            let marks = Mark::ALL.into_iter().map(|mark| (mark.name(), mark.help()));
            ranked(any.chain(marks).map(said), &lower)
        }
        _ => Vec::new(),
    }
}

fn ranked(candidates: impl Iterator<Item = (String, String)>, word: &str) -> Vec<Offer> {
    let mut found: Vec<(u8, Offer)> = candidates
        .filter_map(|(text, help)| {
            let rank = match text.to_ascii_lowercase() {
                begins if begins.starts_with(word) => 0,
                part if part.contains(&format!(".{word}")) => 1,
                inside if inside.contains(word) => 2,
                _ => return None,
            };
            Some((rank, Offer { text, help }))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let mut list: Vec<Offer> = Vec::new();
    for (_, offer) in found {
        if !list.iter().any(|there| there.text == offer.text) {
            list.push(offer);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::filter::Filter;

    fn texts(filter: &str) -> Vec<String> {
        complete(filter, filter.len()).list.into_iter().map(|offer| offer.text).collect()
    }

    #[test]
    fn words_become_what_begins_like_them_first() {
        assert_eq!(texts("ki")[0], "kind:");
        assert_eq!(texts("kind:ws.t"), ["ws.text"]);
        assert_eq!(texts("kind:ws.text,ss")[0], "sse.*");
        assert_eq!(texts("-kind:he"), Vec::<String>::new());
        assert_eq!(texts("dir:"), ["in", "out"]);
        assert_eq!(texts("-remark:r")[0], "red");
        assert_eq!(texts("rem")[0], "remark:");
        assert_eq!(texts("(dir:o"), ["out"]);
        assert_eq!(texts("note:wa")[0], "warning");
        assert!(texts("note:utf8").iter().any(|key| key == "text.bad-utf8"));
        assert!(texts("opcode").iter().any(|key| key == "websocket.opcode"));
        assert_eq!(texts("size>1 ga")[0], "gap>");
        assert!(texts("-webs").contains(&"websocket.fin".to_owned()), "everything except is completed too");
        for nothing in ["\"ki", "/ki", "a \"x ki", "$.ki", "size>1", "tls.version=1", "gap>2", "kind:ws.text"] {
            assert_eq!(texts(nothing), Vec::<String>::new(), "{nothing}");
        }
        assert!(texts("").len() > 9, "an empty word may become anything");
    }

    #[test]
    fn the_chosen_one_takes_the_place_of_the_whole_word() {
        let filter = "size>5 -kind:ws.te,line \"x\"";
        let offers = complete(filter, "size>5 -kind:ws.t".len());
        assert_eq!(&filter[offers.replaces.clone()], "ws.te");
        let mut taken = filter.to_owned();
        taken.replace_range(offers.replaces, &offers.list[0].text);
        assert_eq!(taken, "size>5 -kind:ws.text,line \"x\"");
        assert!(Filter::parse(&taken).is_ok());
    }

    #[test]
    fn every_offer_of_a_value_or_field_is_taken_by_the_parser() {
        for start in ["kind:", "dir:", "note:", "remark:"] {
            for offer in complete(start, start.len()).list {
                let filter = format!("{start}{}", offer.text);
                assert!(Filter::parse(&filter).is_ok(), "{filter}");
                assert!(!offer.help.is_empty(), "{filter}");
            }
        }
        for field in Keys::known().fields {
            assert!(texts(&field.key[..field.key.len() - 1]).iter().any(|text| text == field.key), "{}", field.key);
            assert!(Filter::parse(field.key).is_ok());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(filter in "[ -~äµ€]{0,30}", cursor in 0usize..60) {
            let offers = complete(&filter, cursor);
            proptest::prop_assert!(filter.get(offers.replaces).is_some());
        }
    }
}
