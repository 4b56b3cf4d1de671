//! llhttp's own cases: its callback log against our records and fields, to the byte.

use crate::recording::{errors, explain, record, requests, tell};
use crate::suite::{bytes, cases, settle, text};
use pushscope::dissect::{Explained, Field, Kind};
use pushscope::wire::{Buf, Dir};
use serde_json::Value;

/// What llhttp and we both tell of a message. Offsets and lengths count wire bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Method(usize, usize),
    Target(usize, usize),
    Version(usize, usize),
    Reason(usize, usize),
    Name(usize, usize),
    /// The value's text: llhttp tells folded values in pieces and keeps white space at their end.
    Value(String),
    HeadEnd(usize),
    /// A stretch of body; neighbours are joined.
    Body(usize, usize),
    Chunk(usize),
    /// A chunk extension's text, names and values without white space.
    Extension(String),
    MessageEnd(usize),
}

impl Told {
    /// Whether this is the beginning of `whole`.
    fn begins(&self, whole: &Told) -> bool {
        match (self, whole) {
            (Told::Method(a, len), Told::Method(b, whole))
            | (Told::Target(a, len), Told::Target(b, whole))
            | (Told::Version(a, len), Told::Version(b, whole))
            | (Told::Reason(a, len), Told::Reason(b, whole)) => a == b && len <= whole,
            (Told::Value(value), Told::Value(whole)) => whole.starts_with(value.as_str()),
            _ => false,
        }
    }
}

/// An llhttp log.
struct Log {
    told: Vec<Told>,
    /// The error that ended it. That it pauses for an upgrade is none.
    error: Option<String>,
    /// The log ends with a pause for an upgrade.
    upgrades: bool,
}

fn number(line: &str, key: &str) -> Option<usize> {
    let digits = line.split_once(key)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn read_log(case: &Value, input: &[u8]) -> Log {
    let mut log = Log { told: Vec::new(), error: None, upgrades: false };
    let (mut protocol, mut spans): (usize, Vec<(usize, usize)>) = (0, Vec::new());
    let (mut in_extension, mut extension) = (false, String::new());
    for line in case["log"].as_array().expect("log").iter().filter_map(Value::as_str) {
        let off = number(line, "off=").unwrap_or_default();
        if let Some(what) = line.split_once("span[").and_then(|(_, rest)| rest.split_once(']')).map(|(what, _)| what) {
            let len = number(line, "len=").expect("len");
            match what {
                "protocol" if spans.is_empty() => protocol = off,
                "protocol" => {}
                "body" => match log.told.last_mut() {
                    Some(Told::Body(start, before)) if *start + *before == off => *before += len,
                    _ if len > 0 => log.told.push(Told::Body(off, len)),
                    _ => {}
                },
                "chunk_extension_name" if in_extension => {
                    extension += ";";
                    spans.push((off, len));
                }
                _ => spans.push((off, len)),
            }
            in_extension |= what.starts_with("chunk_ext");
            continue;
        }
        let first = spans.first().map_or(off, |span| span.0);
        let len: usize = spans.iter().map(|span| span.1).sum();
        let joined: String = spans.iter().map(|(off, len)| String::from_utf8_lossy(&input[*off..off + len])).collect();
        let event = line.split_once(' ').map_or("", |(_, event)| event);
        let complete = event.strip_suffix(" complete");
        match complete {
            Some("method") => log.told.push(Told::Method(first, len)),
            Some("url") => log.told.push(Told::Target(first, len)),
            Some("version") => log.told.push(Told::Version(protocol, first + len - protocol)),
            Some("status") if len > 0 => log.told.push(Told::Reason(first, len)),
            Some("header_field") => log.told.push(Told::Name(first, len)),
            Some("header_value") => log.told.push(Told::Value(squeeze(&joined))),
            Some("chunk_extension_name") => extension += &joined,
            Some("chunk_extension_value") => extension += &format!("={joined}"),
            Some("message") => log.told.push(Told::MessageEnd(off)),
            Some("protocol") => continue,
            _ if event.starts_with("headers complete") => log.told.push(Told::HeadEnd(off)),
            _ if event.starts_with("chunk header") => {
                if std::mem::take(&mut in_extension) {
                    log.told.push(Told::Extension(std::mem::take(&mut extension)));
                }
                log.told.push(Told::Chunk(number(line, "len=").expect("len")));
            }
            _ if event.starts_with("error code=22") || event.starts_with("error code=23") => log.upgrades = true,
            _ if event.starts_with("error") => log.error = Some(event.to_owned()),
            _ if line.contains("finish=") && !line.contains("finish=0") && !line.contains("finish=1") => {
                log.error = Some(line.to_owned());
            }
            _ => {}
        }
        if event != "pause" {
            spans.clear();
        }
    }
    log
}

/// Text without line ends, and runs of white space as one space: what a folded value says.
fn squeeze(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same list from our records of a direction, and where the understood bytes end.
fn ours(told: &[Explained], dir: Dir, wire: &[u8]) -> Vec<Told> {
    let mut list = Vec::new();
    let at = |field: &Field| (field.span.start_byte() as usize, field.span.bits as usize / 8);
    let text = |field: &Field| {
        let (start, len) = at(field);
        String::from_utf8_lossy(&wire[start..start + len]).into_owned()
    };
    let mut is_open = false;
    for explained in told.iter().filter(|explained| explained.record.dir == dir) {
        let record = &explained.record;
        let is_head = matches!(record.kind, Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational);
        if is_head && std::mem::take(&mut is_open) {
            // A body-less message ended with its head.
            end_message(&mut list);
        }
        let fields = explained
            .fields
            .iter()
            .filter(|f| matches!(f.span.buf, Buf::Wire(..)) && f.span.bits > 0 || f.def.key == "http.header.value");
        for field in fields {
            let (start, len) = at(field);
            match field.def.key {
                "http.request.method" => list.push(Told::Method(start, len)),
                "http.request.target" => list.push(Told::Target(start, len)),
                "http.request.version" | "http.response.version" => list.push(Told::Version(start, len)),
                "http.reason" => list.push(Told::Reason(start, len)),
                "http.header.name" => list.push(Told::Name(start, len)),
                "http.header.value" => list.push(Told::Value(squeeze(&text(field)))),
                "http.chunk.size" => {
                    list.push(Told::Chunk(usize::from_str_radix(&text(field), 16).unwrap_or(usize::MAX)));
                }
                "http.chunk.extension" => {
                    let chunk = list.pop();
                    let trimmed = text(field).trim_start_matches(';').trim().to_owned();
                    list.push(Told::Extension(trimmed));
                    list.extend(chunk);
                }
                "http.chunk.data" => match list.last_mut() {
                    Some(Told::Body(first, before)) if *first + *before == start => *before += len,
                    _ => list.push(Told::Body(start, len)),
                },
                "http.body" => list.push(Told::Body(start, len)),
                _ => {}
            }
        }
        if is_head {
            list.push(Told::HeadEnd(record.end() as usize));
            is_open = record.kind != Kind::HttpInformational;
            if record.kind == Kind::HttpInformational {
                list.push(Told::MessageEnd(record.end() as usize));
            }
        }
        let ends = record.kind == Kind::HttpBody && std::mem::take(&mut is_open);
        if ends && !record.flags.has(pushscope::dissect::Flags::INCOMPLETE) {
            list.push(Told::MessageEnd(record.end() as usize));
        }
    }
    if is_open {
        end_message(&mut list);
    }
    list
}

fn end_message(list: &mut Vec<Told>) {
    if let Some(Told::HeadEnd(end)) = list.iter().rfind(|told| matches!(told, Told::HeadEnd(_))).cloned() {
        list.push(Told::MessageEnd(end));
    }
}

fn says(case: &Value, input: &[u8]) -> (Dir, Vec<(Dir, Vec<u8>)>) {
    let is_response = text(&case["meta"], "type").starts_with("response");
    let method = if case["meta"]["skipBody"] == true { "HEAD" } else { "GET" };
    // A closed answer's connection ends; an open one's would leave its body open.
    match is_response {
        true => (Dir::In, vec![(Dir::Out, requests(method, 12)), (Dir::In, input.to_vec())]),
        false => (Dir::Out, vec![(Dir::Out, input.to_vec())]),
    }
}

/// How what we tell of a case differs from its log.
fn difference(case: &Value) -> Option<String> {
    let input = bytes(case, "input_b64");
    let log = read_log(case, &input);
    let (dir, says) = says(case, &input);
    let says: Vec<(Dir, &[u8])> = says.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
    let told = tell(&says);
    let mut mine = ours(&told, dir, &input);
    let mut theirs = log.told.clone();
    if let Some(error) = &log.error {
        let is_named = |key: &&str| !is_of_no_matter(key) || *key == "http.ended-in-head";
        if !errors(&told).iter().any(is_named) {
            return Some(format!("{error}: we have no error"));
        }
        // What is told before the error must be the same. Where ours is a gap, the head never ended.
        let in_head = |list: &[Told]| list.iter().rposition(|t| matches!(t, Told::HeadEnd(_) | Told::Body(..)));
        if mine.len() < theirs.len() {
            theirs.truncate(in_head(&theirs).map_or(0, |at| at + 1));
        }
        mine.truncate(theirs.len());
        // The error may have cut the last that llhttp tells.
        if theirs.last().zip(mine.last()).is_some_and(|(theirs, mine)| theirs.begins(mine)) {
            theirs.pop();
            mine.pop();
        }
    } else {
        let wrong: Vec<_> = errors(&told).into_iter().filter(|key| !is_of_no_matter(key)).collect();
        if !wrong.is_empty() {
            return Some(format!("llhttp takes it; we say {wrong:?}"));
        }
        // A head that never ended is told in fields by llhttp alone.
        if log.upgrades {
            mine.truncate(theirs.len());
        } else if errors(&told).contains(&"http.ended-in-head")
            || theirs.len() > mine.len()
                && !told.iter().any(|e| e.record.kind == Kind::HttpRequest || e.record.kind == Kind::HttpResponse)
        {
            theirs.truncate(
                theirs.iter().rposition(|t| matches!(t, Told::HeadEnd(_) | Told::MessageEnd(_))).map_or(0, |at| at + 1),
            );
        }
        // A body that the end of the connection cut short ends for nobody.
        if theirs.last().is_some_and(|last| !matches!(last, Told::MessageEnd(_)))
            && matches!(mine.last(), Some(Told::MessageEnd(_)))
        {
            mine.pop();
        }
    }
    let at = mine.iter().zip(&theirs).position(|(mine, theirs)| mine != theirs);
    let at = at.or((mine.len() != theirs.len()).then_some(mine.len().min(theirs.len())))?;
    Some(format!("at {at}: llhttp {:?}, we {:?}", theirs.get(at), mine.get(at)))
}

/// Errors that llhttp leaves to its callers: it does not know of Host, nor that its input ends.
fn is_of_no_matter(key: &str) -> bool {
    let at_end = ["http.ended-in-head", "http.ended-in-body", "http.no-last-chunk", "line.cut"];
    key == "http.no-host" || at_end.contains(&key)
}

fn name(case: &Value) -> String {
    format!("{} {}", text(case, "file"), text(case, "name"))
}

fn is_strict(case: &Value) -> bool {
    !text(&case["meta"], "type").contains("lenient")
}

#[test]
fn heads_bodies_and_chunks_lie_where_llhttp_finds_them() {
    let Some(cases) = cases("llhttp.json") else { return };
    let strict: Vec<&Value> = cases.iter().filter(|case| is_strict(case)).collect();
    let differs =
        |case: &&Value| difference(case).map(|why| (text(case, "file").to_owned(), format!("{}: {why}", name(case))));
    let differing: Vec<(String, String)> = strict.iter().filter_map(differs).collect();
    settle("llhttp, strict", strict.len(), &differing, DIFFERENCES);
    assert_eq!(strict.len(), 214);
}

#[test]
fn the_laws_hold_where_llhttp_is_lenient() {
    let Some(cases) = cases("llhttp.json") else { return };
    let lenient: Vec<&Value> = cases.iter().filter(|case| !is_strict(case)).collect();
    for case in &lenient {
        let input = bytes(case, "input_b64");
        let (_, says) = says(case, &input);
        let says: Vec<(Dir, &[u8])> = says.iter().map(|(dir, bytes)| (*dir, bytes.as_slice())).collect();
        tell(&says);
        explain(&record(&says, 5, false));
    }
    println!("llhttp, lenient: the laws hold for {} cases", lenient.len());
    assert_eq!(lenient.len(), 37);
}

/// Strict cases that we tell otherwise, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "request/connection.md:756",
        "the 8 bytes behind the head are hixie-76's third key; llhttp leaves them to its caller",
    ),
    ("request/content-length.md:447", "there the caller skips the body; no request has a body that is not sent"),
    ("request/invalid.md:69", "llhttp knows a list of methods; any token is one (RFC 9110 §9.1)"),
    ("request/invalid.md:359", "llhttp knows a list of methods; any token is one (RFC 9110 §9.1)"),
    ("request/invalid.md:116", "a line that ends with LF alone may be read (RFC 9112 §2.2): a warning, and we go on"),
    ("request/invalid.md:257", "a line that ends with LF alone may be read (RFC 9112 §2.2): a warning, and we go on"),
    ("request/invalid.md:458", "a line that ends with LF alone may be read (RFC 9112 §2.2): a warning, and we go on"),
    ("response/invalid.md:290", "a line that ends with LF alone may be read (RFC 9112 §2.2): a warning, and we go on"),
    ("response/invalid.md:330", "a line that ends with LF alone may be read (RFC 9112 §2.2): a warning, and we go on"),
    ("response/sample.md:333", "a line that ends with LF alone may be read (RFC 9112 §2.2): a warning, and we go on"),
    ("request/method.md:99", "the length frames the body of CONNECT as that of any request (RFC 9112 §6.3)"),
    ("request/method.md:375", "ICE is no HTTP: the version is an error"),
    ("request/method.md:405", "RTSP is no HTTP: the version is an error"),
    ("request/method.md:433", "RTSP is no HTTP: the version is an error"),
    ("request/method.md:461", "the preface of HTTP/2 is no request of HTTP/1: what follows it is an error"),
    ("request/sample.md:317", "a request line without a version is HTTP/0.9, which HTTP/1.1 has no place for"),
    ("response/connection.md:334", "Transfer-Encoding in a 101 breaks RFC 9112 §6.1; llhttp does not look"),
    ("response/invalid.md:198", "any digit.digit is a version (RFC 9112 §2.3): a warning that it is not 1.0 or 1.1"),
    ("response/sample.md:43", "RTSP is no HTTP: a gap"),
    ("response/sample.md:63", "ICE is no HTTP: a gap"),
];
