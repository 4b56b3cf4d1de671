//! websocat commands: one for each WebSocket, which opens it with the same headers and sends the same texts, a line each.
//! The options are those of websocat 1. Its ways to send a line without its end, and text with line ends in it, cut
//! messages in the wrong places (1.14), so each text arrives with a line end behind it, and texts of several lines are
//! left out.

use super::asked::{Asked, Request, requests};
use super::{Chosen, InteropError, Progress, Report, shell};
use crate::dissect::Kind;
use crate::session::{RecordId, Session, duration};
use crate::wire::{Dir, LinkId};
use std::collections::HashMap;
use std::io::Write;

/// Texts that are explained at a time.
const STRETCH: usize = 256;

/// A text that is longer needs to be announced: websocat cuts lines after so many bytes.
const BUFFER_BYTES: u64 = 65_536;

/// Records after a handshake among which texts are looked for, and texts, where one command is wanted.
const LOOK_AHEAD: usize = 1 << 20;
const MOST_TEXTS: usize = 1000;

/// What of a WebSocket can't be said in a command.
#[derive(Default)]
struct Left {
    binary: u64,
    control: u64,
    empty: u64,
    unheld: u64,
    lines: u64,
    host: u64,
    deflate: u64,
    old: u64,
    refused: u64,
    proxied: u64,
    secrets: u64,
    unaddressed: u64,
}

impl Left {
    fn sentences(&self) -> Vec<String> {
        let told = [
            (self.old, "WebSockets of the hixie drafts are left out: websocat does not speak them"),
            (self.unaddressed, "WebSockets are left out: nothing says where they went, or their heads cannot be sent"),
            (self.refused, "handshakes were refused in the recording; their commands may be refused again"),
            (self.binary, "binary messages are left out: the commands send lines of text"),
            (self.control, "pings, pongs and close frames are left out"),
            (self.empty, "empty texts are left out: a line cannot say them"),
            (self.lines, "texts of several lines are left out: each line would be a message"),
            (self.unheld, "texts are left out that hold a NUL, or are longer than a command line may be"),
            (self.host, "handshakes named another host than they went to; websocat names where it goes to"),
            (self.deflate, "WebSockets asked for compression; websocat does not"),
            (self.proxied, "WebSockets went through an HTTP proxy; the commands go straight to the server"),
            (self.secrets, "commands have asterisks where a secret was: put it in before you run them"),
        ];
        told.iter().filter(|(count, _)| *count > 0).map(|(count, text)| format!("{count} {text}")).collect()
    }
}

/// Writes a websocat command for each WebSocket of which anything was chosen.
pub fn write(chosen: &Chosen, out: &mut dyn Write, progress: Progress) -> Result<Report, InteropError> {
    let session = chosen.session;
    let count = session.records().len();
    let mut opened = requests(session, 0..count);
    let mut is_stopped = false;
    opened.retain(|asked| {
        // The heads of requests that were answered otherwise need not be read.
        let is_answered = asked.answer.is_some_and(|answer| session.records()[answer].detail == 200);
        is_stopped = is_stopped || asked.head.is_multiple_of(64) && !progress(0, 1);
        !is_stopped && !is_answered && Request::read(session, asked).upgrades_to("websocket")
    });
    if is_stopped {
        return Err(InteropError::Stopped);
    }
    let mut texts: HashMap<LinkId, (bool, Vec<RecordId>)> =
        opened.iter().map(|asked| (session.records()[asked.head].link, (false, Vec::new()))).collect();
    let mut left = Left::default();
    let first = session.records().first_held();
    for (id, record) in (first..count).zip(session.records().range(first..count)) {
        if id % (1 << 16) == 0 && !progress(id as u64, 2 * count as u64) {
            return Err(InteropError::Stopped);
        }
        let Some((is_chosen, texts)) = texts.get_mut(&record.link).filter(|_| chosen.has(id)) else { continue };
        *is_chosen = true;
        match (record.kind, record.dir) {
            (Kind::WsText, Dir::Out) => texts.push(id),
            (Kind::WsBinary, Dir::Out) => left.binary += 1,
            (Kind::WsPing | Kind::WsPong | Kind::WsClose, Dir::Out) => left.control += 1,
            _ => {}
        }
    }
    let (mut report, mut has_texts) = (Report { of: "commands", ..Report::default() }, false);
    for asked in &opened {
        let Some((_, texts)) = texts.get(&session.records()[asked.head].link).filter(|(is_chosen, _)| *is_chosen)
        else {
            continue;
        };
        if !progress((count + asked.head) as u64, 2 * count as u64) {
            return Err(InteropError::Stopped);
        }
        let Some(command) = command(session, asked, texts, &mut left) else { continue };
        if report.written == 0 {
            let title = shell::comment(chosen.title);
            writeln!(out, "# {title}: its WebSockets as websocat 1 commands, for bash and zsh")?;
        }
        let (number, at) = (asked.head + 1, duration(session.at_ns(asked.head)));
        let connection = session.connection_of(&session.records()[asked.head]).0;
        writeln!(out, "\n# {number}: connection {connection}, at {at}")?;
        has_texts |= command.write(session, texts, &mut left, out)?;
        report.written += 1;
    }
    report.remarks = left.sentences();
    if report.written == 0 {
        let mut text = "there is no WebSocket to write as a websocat command".to_owned();
        report.remarks.iter().for_each(|why| text.extend(["; ", why]));
        return Err(InteropError::Nothing(text));
    }
    if has_texts {
        let text = "texts go out at once, each with a line end behind it, not in the rhythm of the recording";
        report.remarks.push(text.to_owned());
    }
    Ok(report)
}

/// The websocat command of the WebSocket that a record belongs to, with what it leaves out; an error says why there is
/// none.
pub fn one(session: &Session, id: RecordId) -> Result<(String, Vec<String>), String> {
    let none = || "the record belongs to no WebSocket".to_owned();
    let record = session.records().get(id).ok_or_else(none)?;
    let on_link = |other: &RecordId| session.records()[*other].link == record.link;
    let is_head = |other: &RecordId| on_link(other) && session.records()[*other].kind == Kind::HttpRequest;
    let first = session.records().first_held().max((id + 1).saturating_sub(LOOK_AHEAD));
    let mut heads = (first..=id).rev().filter(is_head);
    let head = heads.next().ok_or_else(none)?;
    let asked = requests(session, head..head + 1).pop().ok_or_else(none)?;
    if !Request::read(session, &asked).upgrades_to("websocket") {
        return Err(none());
    }
    let end = head.saturating_add(LOOK_AHEAD).min(session.records().len());
    let mut left = Left::default();
    let mut texts: Vec<RecordId> = Vec::new();
    for other in (head..end).filter(on_link) {
        let record = &session.records()[other];
        match (record.kind, record.dir) {
            (Kind::WsText, Dir::Out) => texts.push(other),
            (Kind::WsBinary, Dir::Out) => left.binary += 1,
            _ => {}
        }
    }
    let further = texts.len().saturating_sub(MOST_TEXTS);
    texts.truncate(MOST_TEXTS);
    let Some(command) = command(session, &asked, &texts, &mut left) else {
        return Err(left.sentences().join("; "));
    };
    let mut text = Vec::new();
    command.write(session, &texts, &mut left, &mut text).map_err(|error| error.to_string())?;
    let mut remarks = left.sentences();
    if further > 0 {
        remarks.push(format!("{further} texts are left out: an export has them all"));
    }
    Ok((String::from_utf8_lossy(&text).trim_end().to_owned(), remarks))
}

fn stretches<'i>(session: &'i Session, texts: &'i [RecordId]) -> impl Iterator<Item = &'i [RecordId]> {
    texts.chunks(STRETCH).flat_map(|stretch| session.stretches(stretch, shell::WORD_LIMIT_BYTES))
}

struct Command {
    words: Vec<String>,
}

fn command(session: &Session, asked: &Asked, texts: &[RecordId], left: &mut Left) -> Option<Command> {
    let request = Request::read(session, asked);
    let is_old = request.value("sec-websocket-key").is_none();
    if is_old {
        left.old += 1;
        return None;
    }
    let target = std::str::from_utf8(&request.target).ok().and_then(|target| {
        let path = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
        path.map_or(Some(target), |rest| rest.find('/').map(|at| &rest[at..]))
    });
    let words = || {
        let url = format!("{}{}", request.origin(true)?, target?);
        let mut words = vec![shell::word(url.as_bytes())?, "--text --no-close".to_owned()];
        for (name, value) in &request.headers {
            let lower = name.to_ascii_lowercase();
            match lower.as_slice() {
                // What websocat sends itself.
                b"connection" | b"upgrade" | b"sec-websocket-key" | b"sec-websocket-extensions" | b"host" => {}
                b"sec-websocket-version" if value == b"13" => {}
                b"sec-websocket-version" => words.push(format!("--websocket-version={}", shell::word(value)?)),
                b"sec-websocket-protocol" => words.push(format!("--protocol={}", shell::word(value)?)),
                b"origin" => words.push(format!("--origin={}", shell::word(value)?)),
                // With a space in between, -H would take the next words for headers, too.
                _ => words.push(format!("--header={}", shell::word(&[name, &b": "[..], value].concat())?)),
            }
        }
        Some(words)
    };
    let Some(mut words) = words().filter(|_| request.invalid_lines == 0) else {
        left.unaddressed += 1;
        return None;
    };
    if request.is_insecure {
        words.push("--insecure".to_owned());
    }
    match request.proxy() {
        Some((proxy, _)) if proxy.starts_with("socks5") => {
            let address = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
            words.push(format!("--socks5={}", shell::word(address.as_bytes())?));
        }
        Some(_) => left.proxied += 1,
        None => {}
    }
    let longest = texts.iter().map(|id| session.records()[*id].payload_len).max().unwrap_or(0);
    if longest >= BUFFER_BYTES {
        words.push(format!("--buffer-size={}", longest + 2));
    }
    left.deflate += u64::from(request.value("sec-websocket-extensions").is_some());
    left.secrets += u64::from(request.has_masked_secret());
    let is_refused = asked.answer.is_some_and(|answer| session.records()[answer].detail != 101);
    left.refused += u64::from(is_refused);
    let own_host = request.origin(true).and_then(|origin| Some(origin.split_once("://")?.1.to_owned()));
    left.host += u64::from(request.value("host") != own_host.as_deref().map(str::as_bytes));
    Some(Command { words })
}

impl Command {
    /// Whether there was a text to send.
    fn write(
        &self,
        session: &Session,
        texts: &[RecordId],
        left: &mut Left,
        out: &mut dyn Write,
    ) -> std::io::Result<bool> {
        let mut is_first = true;
        for ids in stretches(session, texts) {
            for explained in session.explain_all(ids, shell::WORD_LIMIT_BYTES) {
                let payload = &explained.payload;
                let is_held = explained.payload_left_out == 0 && payload.len() <= shell::WORD_LIMIT_BYTES;
                let counter = match shell::word(payload).filter(|_| is_held) {
                    _ if payload.is_empty() => &mut left.empty,
                    _ if payload.contains(&b'\n') => &mut left.lines,
                    None => &mut left.unheld,
                    Some(word) => {
                        // `printf` begins where there is anything to print.
                        let printf = if std::mem::take(&mut is_first) { "printf '%s\\n'" } else { "" };
                        write!(out, "{printf} \\\n  {word}")?;
                        continue;
                    }
                };
                *counter += 1;
            }
        }
        if !is_first {
            writeln!(out, " |")?;
        }
        writeln!(out, "websocat {}", self.words.join(" \\\n  "))?;
        Ok(!is_first)
    }
}
