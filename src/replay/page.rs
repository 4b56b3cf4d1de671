//! Answers that were not recorded: why there is none, and what there is instead.

use super::Program;
use super::exchange::Upgrade;
use super::head::Head;
use super::status::short;
use crate::session::duration;
use bytes::Bytes;

/// Lines of the list of what is recorded.
const MOST_LINES: usize = 50;

/// An answer in plain text.
pub(super) fn text(status: u16, text: &str, allow: &[String]) -> (Head, Bytes) {
    let reason = match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Error",
    };
    let body = format!("{}\n", text.trim_end());
    let mut head = Head::read(format!("HTTP/1.1 {status} {reason}\r\n\r\n").as_bytes());
    head.set("Content-Type", "text/plain; charset=utf-8");
    head.set("Content-Length", &body.len().to_string());
    if !allow.is_empty() {
        head.set("Allow", &allow.join(", "));
    }
    if status == 426 {
        head.set("Upgrade", "websocket");
    }
    // What was refused may have more behind it than was read.
    if matches!(status, 400 | 421 | 426 | 431 | 503) {
        head.set("Connection", if status == 426 { "Upgrade, close" } else { "close" });
    }
    (head, Bytes::from(body))
}

impl Program {
    /// What is recorded, a line each.
    pub fn contents(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for (key, group) in self.asked_for().take(MOST_LINES) {
            let times = if group.len() > 1 { format!(" × {}", group.len()) } else { String::new() };
            let first = group.first().map(|first| &self.exchanges()[*first]);
            let says = first.map_or_else(String::new, |exchange| match &exchange.answer {
                None => "no answer".to_owned(),
                Some(answer) => {
                    let kind = match answer.upgrade {
                        Some(Upgrade::WebSocket) => "WebSocket".to_owned(),
                        Some(Upgrade::Hixie(_)) => "WebSocket of an early draft".to_owned(),
                        Some(Upgrade::Other) => "another protocol".to_owned(),
                        None => {
                            let head = self.answer_head(exchange, answer);
                            short(&head.field("content-type").unwrap_or_default(), 60)
                        }
                    };
                    let end_ns = self.pieces_end_ns(exchange);
                    let took = duration(end_ns.saturating_sub(exchange.asked_ns));
                    format!("{} {kind}, {} bytes, {took}", answer.status, answer.end - answer.start)
                }
            });
            lines.push(format!("{key}{times}   {says}"));
        }
        let left = self.asked_for().count().saturating_sub(MOST_LINES);
        if left > 0 {
            lines.push(format!("and {left} more"));
        }
        lines.join("\n")
    }

    fn pieces_end_ns(&self, exchange: &super::exchange::Exchange) -> u64 {
        let Some(answer) = &exchange.answer else { return exchange.asked_ns };
        let session = self.session();
        session.link(exchange.link).map_or(0, |link| link.at_ns(crate::wire::Dir::In, answer.end.saturating_sub(1)))
    }

    /// What a client is told where nothing fits.
    pub(super) fn nothing_recorded(&self, asked: &str, why: &str) -> String {
        format!("{asked}: {why}\n\nRecorded in {}:\n{}", self.name(), self.contents())
    }
}
