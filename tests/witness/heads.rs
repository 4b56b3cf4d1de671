//! httparse reads heads as we do.

use crate::recording::{errors, field_bytes, requests, tell};
use proptest::prelude::*;
use pushscope::dissect::{Explained, Kind};
use pushscope::wire::Dir;

/// A head: what its start line says, its fields, and its length.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    start: Vec<String>,
    fields: Vec<(String, Vec<u8>)>,
    len: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Head(Head),
    Unfinished,
    Refused(httparse::Error),
}

fn httparse_says(bytes: &[u8], is_request: bool) -> Verdict {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let (status, start, headers) = if is_request {
        let mut request = httparse::Request::new(&mut slots);
        let status = request.parse(bytes);
        let parts = [request.method, request.path].map(|part| part.unwrap_or_default().to_owned());
        let version = format!("HTTP/1.{}", request.version.unwrap_or_default());
        ([parts.to_vec(), vec![version]].concat(), request.headers).into_verdict(status)
    } else {
        let mut response = httparse::Response::new(&mut slots);
        let status = response.parse(bytes);
        let version = format!("HTTP/1.{}", response.version.unwrap_or_default());
        let code = response.code.unwrap_or_default().to_string();
        (vec![version, code], response.headers).into_verdict(status)
    };
    match status {
        Err(error) => Verdict::Refused(error),
        Ok(httparse::Status::Partial) => Verdict::Unfinished,
        Ok(httparse::Status::Complete(len)) => {
            let field = |header: &httparse::Header| (header.name.to_owned(), header.value.trim_ascii().to_vec());
            Verdict::Head(Head { start, fields: headers.iter().map(field).collect(), len: len as u64 })
        }
    }
}

type Parsed<'h, 'b> = (httparse::Result<usize>, Vec<String>, &'h mut [httparse::Header<'b>]);

trait IntoVerdict<'h, 'b> {
    fn into_verdict(self, status: httparse::Result<usize>) -> Parsed<'h, 'b>;
}

impl<'h, 'b> IntoVerdict<'h, 'b> for (Vec<String>, &'h mut [httparse::Header<'b>]) {
    fn into_verdict(self, status: httparse::Result<usize>) -> Parsed<'h, 'b> {
        (status, self.0, self.1)
    }
}

fn we_say(told: &[Explained], bytes: &[u8], is_request: bool) -> Option<Head> {
    let dir = if is_request { Dir::Out } else { Dir::In };
    let is_head = |e: &&Explained| {
        matches!(e.record.kind, Kind::HttpRequest | Kind::HttpResponse | Kind::HttpInformational) && e.record.dir == dir
    };
    let head = told.iter().find(is_head)?;
    let all = |key: &str| field_bytes(head, bytes, key);
    let one = |key: &str| String::from_utf8_lossy(&all(key).concat()).into_owned();
    let start: &[&str] = match is_request {
        true => &["http.request.method", "http.request.target", "http.request.version"],
        false => &["http.response.version", "http.status"],
    };
    let names = all("http.header.name").into_iter().map(|name| String::from_utf8_lossy(&name).into_owned());
    let values = all("http.header.value").into_iter().map(|value| value.trim_ascii().to_vec());
    Some(Head {
        start: start.iter().map(|key| one(key)).collect(),
        fields: names.zip(values).collect(),
        len: head.record.end(),
    })
}

fn agree(bytes: &[u8], is_request: bool) {
    let before = requests("GET", 1);
    let told = match is_request {
        true => tell(&[(Dir::Out, bytes)]),
        false => tell(&[(Dir::Out, &before), (Dir::In, bytes)]),
    };
    let ours = we_say(&told, bytes, is_request);
    match httparse_says(bytes, is_request) {
        Verdict::Head(theirs) => assert_eq!(ours.as_ref(), Some(&theirs), "{}", String::from_utf8_lossy(bytes)),
        Verdict::Unfinished => assert_eq!(ours, None, "{}", String::from_utf8_lossy(bytes)),
        Verdict::Refused(error) => {
            let is_said = !errors(&told).iter().all(|key| *key == "http.no-host");
            // Versions other than 1.0 and 1.1 are a warning: the head is read all the same.
            let is_version = told.iter().flat_map(|e| &e.notes).any(|note| note.def.key == "http.other-version");
            assert!(is_said || is_version, "{error}: {}", String::from_utf8_lossy(bytes));
        }
    }
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => Just("\r\n"), 1 => Just("\n")]
}

fn header() -> impl Strategy<Value = String> {
    let name = prop_oneof![8 => "[A-Za-z][A-Za-z0-9-]{0,12}", 1 => "[!#$%&'*+.^_`|~a-z]{1,8}", 1 => "[ -~]{0,6}"];
    let value = prop_oneof![6 => "[ -~]{0,20}", 1 => "[ \t]{0,4}", 1 => "[\u{1}-\u{7f}é]{0,6}"];
    (name, "[ \t]{0,2}", value, line_end()).prop_map(|(name, space, value, end)| format!("{name}:{space}{value}{end}"))
}

fn head(start: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    let cut = prop_oneof![4 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    let blank = prop_oneof![6 => Just(""), 1 => Just("\r\n"), 1 => Just("\n\r\n")];
    (blank, start, line_end(), prop::collection::vec(header(), 0..5), line_end(), damage, cut).prop_map(
        |(blank, start, end, headers, last, damage, cut)| {
            let mut bytes = format!("{blank}{start}{end}{}{last}", headers.concat()).into_bytes();
            for (index, byte) in damage {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
            bytes
        },
    )
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let start = ("(GET|POST|OPTIONS|get|M-SEARCH)", "(/|\\*|/a\\?b=c|http://a/b|a:443)", "HTTP/1\\.[01]");
    head(start.prop_map(|(method, target, version)| format!("{method} {target} {version}")))
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    let start = ("HTTP/1\\.[01]", "[1-5][0-9][0-9]", "(| OK| | Not Found| Gr\u{fc}n)");
    head(start.prop_map(|(version, status, reason)| format!("{version} {status}{reason}")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn request_heads_are_read_alike(bytes in request()) {
        agree(&bytes, true);
    }

    #[test]
    fn response_heads_are_read_alike(bytes in response()) {
        agree(&bytes, false);
    }
}
