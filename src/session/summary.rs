//! A record in one line: the same for the timeline, the command line, the clipboard and exports.

use super::{Link, RecordId, Session};
use crate::dissect::hixie::OLD_FRAME;
use crate::dissect::{Explained, Kind};
use crate::wire::Dir;

/// Bytes of a record that are looked at for its line.
const SUMMARY_LIMIT_BYTES: usize = 2048;

/// Bytes that are shown of what is unfinished.
const NEWEST_BYTES: u64 = 120;

/// Characters of a payload in a line.
const PREVIEW_CHARS: usize = 400;

impl Session {
    /// A record in one line.
    pub fn summary(&self, id: RecordId) -> String {
        if id < self.records().len() { self.line(&self.explain_within(id, SUMMARY_LIMIT_BYTES)) } else { String::new() }
    }

    /// What has begun on a direction of a link and is not complete, in one line with its newest bytes: a stream without
    /// any ends is then seen as it arrives.
    pub fn unfinished(&self, link: &Link, dir: Dir) -> Option<String> {
        let (pending, len) = link.pending(dir).filter(|(_, len)| *len > 0)?;
        let shown = len.min(NEWEST_BYTES);
        let bytes = self.wire(link.id, dir, link.len_bytes(dir) - shown, shown as usize);
        // The stretch may begin inside a character.
        let cut = bytes.iter().take(3).take_while(|byte| matches!(byte, 0x80..=0xbf)).count();
        let more = if shown < len { "… " } else { "" };
        Some(format!("unfinished: {}, {len} bytes so far: {more}{}", pending.what, preview(&bytes[cut..])))
    }

    /// Many records in one line each, in one pass over their bytes.
    pub fn summaries(&self, ids: &[RecordId]) -> Vec<String> {
        let told = self.explain_all(ids, SUMMARY_LIMIT_BYTES);
        told.iter().map(|explained| self.line(explained)).collect()
    }

    /// An explained record in one line.
    pub fn line(&self, explained: &Explained) -> String {
        let record = &explained.record;
        if let Some(event) = self.fact(record) {
            return super::facts::summary(&event.what);
        }
        let first = |key: &str| {
            let field = explained.fields.iter().find(|field| field.def.key == key)?;
            Some(self.field_text(explained, field, SUMMARY_LIMIT_BYTES))
        };
        let joined = |keys: &[&str]| -> String {
            let parts: Vec<String> = keys.iter().filter_map(|key| first(key)).filter(|text| !text.is_empty()).collect();
            parts.join(" ")
        };
        let all = |key: &str| -> String {
            let fields = explained.fields.iter().filter(|field| field.def.key == key);
            fields.map(|field| self.field_text(explained, field, 64)).collect::<Vec<_>>().join(", ")
        };
        let payload = || preview(&explained.payload);
        let line = match record.kind {
            Kind::HttpRequest => joined(&["http.request.method", "http.request.target", "http.request.version"]),
            Kind::HttpResponse | Kind::HttpInformational => {
                let head = joined(&["http.response.version", "http.status", "http.reason"]);
                let header = |name: &str| self.header(explained, name);
                let subprotocol = header("sec-websocket-protocol").or_else(|| header("websocket-protocol"));
                let facts = [
                    header("content-type"),
                    header("transfer-encoding"),
                    header("location"),
                    subprotocol.map(|name| format!("subprotocol {name}")),
                    header("sec-websocket-extensions"),
                ];
                let facts: Vec<String> = facts.into_iter().flatten().collect();
                if facts.is_empty() { head } else { format!("{head} · {}", facts.join(" · ")) }
            }
            Kind::HttpChunk if record.payload_len == 0 => "last chunk".to_owned(),
            Kind::HttpChunk => format!("chunk of {} bytes  {}", record.payload_len, payload()),
            Kind::HttpTrailers => {
                let fields = explained.fields.iter().filter(|field| field.def.key == "http.header.name").count();
                format!("end of the chunked body, {fields} trailer fields")
            }
            Kind::SseEvent => {
                let (event, id) = (first("sse.event"), first("sse.id"));
                let id = id.filter(|id| !id.is_empty()).map_or(String::new(), |id| format!("  id {id}"));
                format!("{}  {}{id}", event.as_deref().unwrap_or("message"), payload())
            }
            Kind::SseComment => format!(": {}", first("sse.comment").unwrap_or_default()),
            Kind::SseRetry => format!("retry {}", first("sse.retry").unwrap_or_default()),
            Kind::WsFrame if record.detail & OLD_FRAME != 0 => {
                let kind = record.detail & 0xFF;
                format!("frame of type 0x{kind:02x}, {} bytes", record.payload_len)
            }
            Kind::WsFrame => {
                let fin = if first("websocket.fin").as_deref() == Some("1") { " FIN" } else { "" };
                let masked = if first("websocket.mask").as_deref() == Some("1") { ", masked" } else { "" };
                let rsv1 = if first("websocket.rsv1").as_deref() == Some("1") { " RSV1" } else { "" };
                let opcode = first("websocket.opcode").unwrap_or_default();
                format!("opcode {opcode}{fin}{rsv1}, {} bytes{masked}", record.payload_len)
            }
            Kind::Socks => {
                let of = |prefix: &str| explained.fields.iter().any(|field| field.def.key == prefix);
                match record.dir {
                    Dir::Out if of("socks.method_count") => "can log in by: ".to_owned() + &all("socks.method"),
                    Dir::Out if of("socks.password") => format!("user {}", first("socks.user").unwrap_or_default()),
                    Dir::Out => joined(&["socks.command", "socks.name", "socks.address", "socks.port"]),
                    Dir::In if of("socks.method") => "log in by: ".to_owned() + &all("socks.method"),
                    Dir::In => joined(&["socks.login_status", "socks.reply", "socks.address", "socks.port"]),
                }
            }
            Kind::WsClose => joined(&["websocket.close.code", "websocket.close.reason"]),
            _ => payload(),
        };
        match explained.notes.iter().find(|note| note.def.severity >= crate::dissect::Severity::Warning) {
            Some(note) if record.kind == Kind::Gap => format!("{} · {line}", note.def.text),
            _ => line,
        }
    }

    /// The value of the first header field of that name, lower-case.
    pub fn header(&self, explained: &Explained, name: &str) -> Option<String> {
        let mut fields = explained.fields.iter();
        while let Some(field) = fields.next() {
            if field.def.key == "http.header.name"
                && self.field_text(explained, field, SUMMARY_LIMIT_BYTES).eq_ignore_ascii_case(name)
            {
                let value = fields.find(|field| field.def.key == "http.header.value")?;
                return Some(self.field_text(explained, value, SUMMARY_LIMIT_BYTES));
            }
        }
        None
    }
}

/// A payload in one line: text where it is UTF-8 but for a cut at its end, else hexadecimal.
pub fn preview(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) => one_line(text),
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            one_line(&String::from_utf8_lossy(&payload[..error.valid_up_to()]))
        }
        Err(_) => payload.iter().take(32).map(|byte| format!("{byte:02x} ")).collect::<String>().trim_end().to_owned(),
    }
}

/// Text on one line: line ends and other control characters as visible symbols, cut where it is long.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(PREVIEW_CHARS));
    for (at, char) in text.chars().enumerate() {
        if at == PREVIEW_CHARS {
            line.push('…');
            break;
        }
        line.push(match char {
            '\n' => '⏎',
            '\r' => '␍',
            '\t' => ' ',
            '\0'..='\x1f' => char::from_u32(0x2400 + char as u32).unwrap_or(' '),
            '\x7f' => '␡',
            other => other,
        });
    }
    line
}
