//! curl commands: one for each HTTP request, which sends the same request again.
//!
//! Headers go out as they did. What curl sends by itself and the request did not is turned off; what curl sends alike is
//! left to it: Host, Accept and the length of the body.

use super::asked::{Asked, Body, Request, requests};
use super::{Chosen, InteropError, Progress, Report, shell};
use crate::session::{RecordId, Session, duration};
use std::io::Write;

/// Commands between two looks whether to go on.
const STEP: usize = 64;

/// From so many bytes of body on, curl asks for leave first (`Expect: 100-continue`).
const EXPECT_BYTES: usize = 1 << 20;

/// Records after a request among which its body is looked for, where one command is wanted.
const LOOK_AHEAD: usize = 1 << 16;

/// Why a request has no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Tunnel,
    WebSocket,
    Address,
    Head,
    Body,
}

impl Left {
    const ALL: [Left; 5] = [Left::Tunnel, Left::WebSocket, Left::Address, Left::Head, Left::Body];

    fn sentence(self, count: usize) -> String {
        let (kind, why) = match self {
            Left::Tunnel => ("for a tunnel", "curl asks proxies for tunnels itself"),
            Left::WebSocket => ("for a WebSocket", "websocat commands speak to those"),
            Left::Address => ("without an address", "nothing says where they went"),
            Left::Head => ("with a head that curl cannot be made to send", "a line of it is no header, or holds a NUL"),
            Left::Body => ("whose body is not whole in the recording", "another request would be sent"),
        };
        match count {
            1 => format!("1 request {kind} is left out: {why}"),
            _ => format!("{count} requests {kind} are left out: {why}"),
        }
    }
}

/// Writes a curl command for each chosen request.
pub fn write(chosen: &Chosen, out: &mut dyn Write, progress: Progress) -> Result<Report, InteropError> {
    let session = chosen.session;
    let mut all = requests(session, 0..session.records().len());
    all.retain(|asked| chosen.has(asked.head));
    let mut report = Report { of: "commands", ..Report::default() };
    let (mut left, mut secrets) = (Vec::new(), 0_u64);
    for (at, asked) in all.iter().enumerate() {
        if at % STEP == 0 && !progress(at as u64, all.len() as u64) {
            return Err(InteropError::Stopped);
        }
        let request = Request::read(session, asked);
        let command = match command(session, asked, &request) {
            Ok(command) => command,
            Err(why) => {
                left.push(why);
                continue;
            }
        };
        if report.written == 0 {
            writeln!(out, "# {}: its requests as curl commands, for bash and zsh", shell::comment(chosen.title))?;
        }
        let (number, at) = (asked.head + 1, duration(session.at_ns(asked.head)));
        let connection = session.connection_of(&session.records()[asked.head]).0;
        writeln!(out, "\n# {number}: connection {connection}, at {at}\n{command}")?;
        secrets += u64::from(request.has_masked_secret());
        report.written += 1;
    }
    let count = |why: Left| left.iter().filter(|other| **other == why).count();
    let told = Left::ALL.into_iter().filter(|why| count(*why) > 0).map(|why| why.sentence(count(why)));
    report.remarks = told.collect();
    if secrets > 0 {
        let text = format!("{secrets} commands have asterisks where a secret was: put it in before you run them");
        report.remarks.push(text);
    }
    match report.written {
        0 => Err(InteropError::Nothing(nothing(&report.remarks))),
        _ => Ok(report),
    }
}

fn nothing(remarks: &[String]) -> String {
    let mut text = "there is no HTTP request to write as a curl command".to_owned();
    remarks.iter().for_each(|why| text.extend(["; ", why]));
    text
}

/// The curl command of one request, by its head's record; an error says why there is none.
pub fn one(session: &Session, head: RecordId) -> Result<String, String> {
    let end = head.saturating_add(LOOK_AHEAD).min(session.records().len());
    let all = requests(session, head..end);
    let Some(asked) = all.first().filter(|asked| asked.head == head) else {
        return Err("the record is no HTTP request".to_owned());
    };
    command(session, asked, &Request::read(session, asked)).map_err(|why| why.sentence(1))
}

fn command(session: &Session, asked: &Asked, request: &Request) -> Result<String, Left> {
    if request.asks_for_tunnel() {
        return Err(Left::Tunnel);
    }
    if request.upgrades_to("websocket") {
        return Err(Left::WebSocket);
    }
    if request.invalid_lines > 0 {
        return Err(Left::Head);
    }
    let mut words = Words::default();
    address(request, &mut words)?;
    if let Some((proxy, is_tunnel)) = request.proxy() {
        words.pair("--proxy", proxy.as_bytes())?;
        let is_plain = request.opening.as_ref().is_some_and(|opening| !opening.tls);
        if is_tunnel && is_plain && proxy.starts_with("http") {
            words.flag("--proxytunnel");
        }
    }
    if request.is_insecure {
        words.flag("--insecure");
    }
    match request.version.as_str() {
        "HTTP/1.0" => words.flag("--http1.0"),
        // Over TLS curl would agree on HTTP/2.
        _ if request.opening.as_ref().is_some_and(|opening| opening.tls) => words.flag("--http1.1"),
        _ => {}
    }
    if is_stream(session, asked) {
        words.flag("--no-buffer");
    }
    method(request, &mut words)?;
    headers(request, &mut words)?;
    let input = body(request, &mut words)?;
    Ok(words.line(input))
}

/// The address first, so that a reader sees it first.
fn address(request: &Request, words: &mut Words) -> Result<(), Left> {
    let target = std::str::from_utf8(&request.target).unwrap_or_default();
    let is_absolute = ["http://", "https://"].iter().any(|scheme| target.starts_with(scheme));
    let origin = if is_absolute { String::new() } else { request.origin(false).ok_or(Left::Address)? };
    let is_kept = target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
    if (target.starts_with('/') || is_absolute) && is_kept {
        let url = format!("{origin}{target}");
        words.word(url.as_bytes())?;
        if url.contains(['[', ']', '{', '}']) {
            words.flag("--globoff");
        }
        if url.contains("/./") || url.contains("/../") || url.ends_with("/.") || url.ends_with("/..") {
            words.flag("--path-as-is");
        }
        return Ok(());
    }
    // Whatever else was asked for, `*` and what no address can hold, is sent as it was.
    if is_absolute {
        return Err(Left::Address);
    }
    words.word(format!("{origin}/").as_bytes())?;
    words.pair("--request-target", &request.target)
}

fn method(request: &Request, words: &mut Words) -> Result<(), Left> {
    let implied = if request.body == Body::None { "GET" } else { "POST" };
    match request.method.as_str() {
        "HEAD" if request.body == Body::None => words.flag("--head"),
        method if method != implied => words.pair("--request", method.as_bytes())?,
        _ => {}
    }
    Ok(())
}

/// The headers in their order. User-Agent and Accept, which curl sends right behind Host, are left to it where they stood
/// there, so that the order stays.
fn headers(request: &Request, words: &mut Words) -> Result<(), Left> {
    let is = |name: &[u8], other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    let has = |name: &str| request.value(name).is_some();
    let mut is_at_top = true;
    let (mut sent_host, mut sent_agent, mut sent_accept) = (false, false, false);
    let own_host = own_host(request);
    for (name, value) in &request.headers {
        let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if name.is_empty() || !name.iter().all(is_token) {
            return Err(Left::Head);
        }
        if is(name, "host") && !sent_host && own_host.as_deref() == Some(value.as_slice()) && name == b"Host" {
            sent_host = true;
            continue;
        }
        if is_at_top && name == b"User-Agent" && !value.is_empty() && !sent_agent {
            words.pair("--user-agent", value)?;
            sent_agent = true;
            continue;
        }
        if is_at_top && sent_agent && name == b"Accept" && value == b"*/*" && !sent_accept {
            sent_accept = true;
            continue;
        }
        let Body::Whole(body) = &request.body else {
            is_at_top = false;
            words.header(name, value)?;
            continue;
        };
        let is_length = is(name, "content-length") && value == body.len().to_string().as_bytes();
        if is_length && !has("transfer-encoding") {
            continue;
        }
        is_at_top = false;
        words.header(name, value)?;
    }
    // What curl would add.
    for (name, is_sent) in [("Host", sent_host), ("User-Agent", sent_agent), ("Accept", sent_accept)] {
        if !is_sent && !has(name) {
            words.pair("--header", format!("{name}:").as_bytes())?;
        }
    }
    if let Body::Whole(body) = &request.body {
        if !has("content-type") {
            words.pair("--header", b"Content-Type:")?;
        }
        if body.len() >= EXPECT_BYTES && !has("expect") {
            words.pair("--header", b"Expect:")?;
        }
    }
    if has("accept-encoding") {
        // Sends what the header says, and shows what comes back inflated.
        words.flag("--compressed");
    }
    Ok(())
}

/// What curl sends as Host.
fn own_host(request: &Request) -> Option<Vec<u8>> {
    let target = std::str::from_utf8(&request.target).ok()?;
    let url = match target.split_once("://") {
        Some(_) => target.to_owned(),
        None => request.origin(false)?,
    };
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    Some(authority.rsplit('@').next()?.as_bytes().to_vec())
}

/// The body. What no word can hold is given by a pipe, whose command is returned.
fn body(request: &Request, words: &mut Words) -> Result<Option<String>, Left> {
    let bytes = match &request.body {
        Body::None => return Ok(None),
        Body::Cut(_) => return Err(Left::Body),
        Body::Whole(bytes) => bytes,
    };
    if bytes.contains(&0) || bytes.len() > shell::WORD_LIMIT_BYTES {
        words.pair("--data-binary", b"@-")?;
        return Ok(Some(shell::printf(bytes)));
    }
    // A first @ would name a file.
    let option = if bytes.first() == Some(&b'@') { "--data-raw" } else { "--data-binary" };
    words.pair(option, bytes)?;
    Ok(None)
}

/// Whether what answers comes bit by bit.
fn is_stream(session: &Session, asked: &Asked) -> bool {
    let Some(answer) = asked.answer else { return false };
    let kind = session.header(&session.explain(answer), "content-type").unwrap_or_default().to_ascii_lowercase();
    let streams = [
        "text/event-stream",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/stream+json",
        "multipart/x-mixed-replace",
    ];
    streams.iter().any(|stream| kind.starts_with(stream))
}

/// The command as it grows, an option with its value a piece.
#[derive(Default)]
struct Words {
    pieces: Vec<String>,
}

impl Words {
    fn word(&mut self, bytes: &[u8]) -> Result<(), Left> {
        self.pieces.push(shell::word(bytes).ok_or(Left::Head)?);
        Ok(())
    }

    fn flag(&mut self, flag: &str) {
        self.pieces.push(flag.to_owned());
    }

    fn pair(&mut self, option: &str, value: &[u8]) -> Result<(), Left> {
        self.pieces.push(format!("{option} {}", shell::word(value).ok_or(Left::Head)?));
        Ok(())
    }

    fn header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Left> {
        // `Name:` would take a header away, `Name;` sends it empty.
        let line = if value.is_empty() { [name, b";"].concat() } else { [name, b": ", value].concat() };
        self.pair("--header", &line)
    }

    fn line(self, input: Option<String>) -> String {
        let pipe = input.map_or_else(String::new, |input| format!("{input} | "));
        format!("{pipe}curl {}", self.pieces.join(" \\\n  "))
    }
}
