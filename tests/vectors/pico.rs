//! picohttpparser's cases: its chunked decoder and its head parsers.

use crate::recording::{errors, field_bytes, requests, tell};
use crate::suite::{bytes, cases, settle, text};
use pushscope::dissect::{Explained, Kind};
use pushscope::wire::Dir;
use serde_json::Value;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-any\r\n\r\n";

/// How a chunked case differs.
fn chunked_difference(case: &Value) -> Option<String> {
    let (input, ret) = (bytes(case, "input_b64"), case["ret"].as_i64().expect("ret"));
    let answer = [HEAD, &input].concat();
    let told = tell(&[(Dir::Out, &requests("GET", 1)), (Dir::In, &answer)]);
    let data: Vec<u8> = told.iter().flat_map(|e| field_bytes(e, &answer, "http.chunk.data")).flatten().collect();
    let errors: Vec<_> = errors(&told).into_iter().filter(|key| *key != "http.body-broken").collect();
    if ret == -1 {
        return errors.is_empty().then(|| "refused there; we have no error".to_owned());
    }
    if let Some(decoded) = case["decoded_b64"].as_str() {
        let decoded = crate::suite::decode(decoded);
        if data != decoded {
            return Some(format!("there {decoded:?}, we {data:?}"));
        }
    }
    // Without consume_trailer the decoder stops behind the last chunk's line; with it, behind the trailer section.
    let trailers = told.iter().find(|e| e.record.kind == Kind::HttpTrailers).map(|e| e.record.end() as usize);
    let last = told.iter().find(|e| e.record.kind == Kind::HttpChunk && e.record.payload_len == 0);
    let end = match case["consume_trailer"].as_bool() {
        Some(false) => last.map(|e| e.record.end() as usize),
        _ => trailers,
    };
    match (ret, end) {
        (-2, None) => None,
        (left, Some(end)) if left >= 0 => {
            let ours = answer.len() - end;
            (ours as i64 != left).then(|| format!("{left} bytes left there, {ours} here"))
        }
        _ => Some(format!("ret {ret}, our end {end:?}")),
    }
}

/// A string of C, quotes taken off.
fn c_string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match (byte, byte == b'\\') {
            (_, false) => bytes.push(byte),
            _ => match rest.next().expect("escape") {
                b't' => bytes.push(b'\t'),
                b'r' => bytes.push(b'\r'),
                b'n' => bytes.push(b'\n'),
                b'x' => {
                    let digits = [rest.next().expect("digit"), rest.next().expect("digit")];
                    let digits = std::str::from_utf8(&digits).expect("digits");
                    bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
                }
                digit @ b'0'..=b'7' => {
                    let digits = [digit, rest.next().expect("digit"), rest.next().expect("digit")];
                    bytes.push(digits.iter().fold(0u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                }
                other => bytes.push(other),
            },
        }
    }
    bytes
}

/// A head as picohttpparser's assertions name its parts. A folded line is a header without a name there.
struct Head {
    start: Vec<(&'static str, Vec<u8>)>,
    headers: Vec<(Option<Vec<u8>>, Vec<u8>)>,
}

fn our_head(explained: &Explained, wire: &[u8]) -> Head {
    let of = |key: &str| field_bytes(explained, wire, key).pop().unwrap_or_default();
    let version = [of("http.request.version"), of("http.response.version")].concat();
    let start = vec![
        ("method", of("http.request.method")),
        ("path", of("http.request.target")),
        ("minor_version", version.last().copied().into_iter().collect()),
        ("status", of("http.status")),
        ("msg", of("http.reason")),
    ];
    let names = field_bytes(explained, wire, "http.header.name").into_iter();
    let values = field_bytes(explained, wire, "http.header.value").into_iter();
    let mut headers = Vec::new();
    for (name, value) in names.zip(values) {
        let mut lines =
            value.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec());
        headers.push((Some(name), lines.next().unwrap_or_default()));
        headers.extend(lines.map(|line| (None, line)));
    }
    Head { start, headers }
}

fn head_difference(case: &Value) -> Option<String> {
    let (input, ret) = (bytes(case, "input_b64"), case["ret"].as_i64().expect("ret"));
    let is_request = text(case, "kind") == "request";
    let before = requests("GET", 1);
    // Header fields alone are what a trailer section has.
    let is_trailers = text(case, "kind") == "headers";
    let prefix: &[u8] = if is_trailers { b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" } else { b"" };
    let input = [prefix, &input].concat();
    let dir = if is_request { Dir::Out } else { Dir::In };
    let mut says: Vec<(Dir, &[u8])> = vec![(Dir::Out, &before), (Dir::In, &input)];
    if is_request {
        says = vec![(Dir::Out, &input)];
    }
    let told = tell(&says);
    let is_head = |e: &&Explained| {
        matches!(e.record.kind, Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational) && !is_trailers
            || e.record.kind == Kind::HttpTrailers
    };
    let head = told.iter().filter(|e| e.record.dir == dir).find(is_head);
    let errors: Vec<_> = errors(&told).into_iter().filter(|key| !matches!(*key, "http.no-host" | "line.cut")).collect();
    match (ret, head) {
        (-1, _) if errors.is_empty() || errors == ["http.ended-in-head"] && head.is_some() => {
            return Some("refused there; we have no error".to_owned());
        }
        (-1, _) => return None,
        (-2, Some(_)) => return Some("unfinished there, a head here".to_owned()),
        (-2, None) => return None,
        (_, None) => return Some("a head there, none here".to_owned()),
        (_, Some(_)) => {}
    }
    let head = our_head(head.expect("matched"), &input);
    if !errors.is_empty() {
        return Some(format!("taken there; we say {errors:?}"));
    }
    for check in case["checks"].as_array().expect("checks").iter().filter_map(Value::as_str) {
        let index = |text: &str| -> Option<usize> { text.split_once('[')?.1.split_once(']')?.0.parse().ok() };
        let is_so = if let Some(rest) = check.strip_prefix("bufis(") {
            let (place, quoted) = rest.split_once(", ").expect("place");
            let wanted = c_string(quoted.split_once('"').expect("text").1.rsplit_once('"').expect("text").0);
            match (index(place), place.rsplit_once('.')) {
                (Some(at), Some((_, "name"))) => head.headers.get(at).is_some_and(|h| h.0.as_ref() == Some(&wanted)),
                // White space at a value's edges is framing to us.
                (Some(at), Some(_)) => head.headers.get(at).is_some_and(|h| h.1.trim_ascii() == wanted.trim_ascii()),
                _ => head.start.iter().any(|(name, value)| *name == place && *value == wanted),
            }
        } else if let Some((place, wanted)) = check.split_once(" == ") {
            match place {
                "msg_len" => {
                    let wanted = wanted.split('"').nth(1).expect("text").as_bytes();
                    head.start.iter().any(|(name, value)| *name == "msg" && value == wanted)
                }
                "num_headers" => head.headers.len().to_string() == wanted,
                _ if wanted == "NULL" => {
                    index(place).is_some_and(|at| head.headers.get(at).is_some_and(|h| h.0.is_none()))
                }
                _ => head.start.iter().any(|(name, value)| *name == place && value == wanted.as_bytes()),
            }
        } else {
            panic!("an assertion of another kind: {check}");
        };
        if !is_so {
            return Some(format!("not so here: {check}"));
        }
    }
    None
}

#[test]
fn chunks_and_heads_are_those_of_picohttpparser() {
    let Some(cases) = cases("picohttpparser.json") else { return };
    let mut differing = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let is_chunked = text(case, "kind").starts_with("chunked");
        let difference = if is_chunked { chunked_difference(case) } else { head_difference(case) };
        let name = format!("{number} {}", case["name"].as_str().unwrap_or(text(case, "kind")));
        differing.extend(
            difference.map(|why| (name, format!("{why}: {:?}", String::from_utf8_lossy(&bytes(case, "input_b64"))))),
        );
    }
    settle("picohttpparser", cases.len(), &differing, DIFFERENCES);
    assert_eq!(cases.len(), 86);
}

/// Cases that we tell otherwise, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("27 parse multiline", "folding is read alike, but a sender must not do it (RFC 9112 §5.2)"),
    ("58 parse multiline", "folding is read alike, but a sender must not do it (RFC 9112 §5.2)"),
    ("50 accept MSB chars", "read alike, but an address has no bytes outside of ASCII (RFC 9112 §3.2)"),
    ("54 accept multiple spaces between tokens", "read alike, but the standard has one space there (RFC 9112 §3)"),
    ("81 accept multiple spaces between tokens", "read alike, but the standard has one space there (RFC 9112 §4)"),
];
