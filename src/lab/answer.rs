//! Writing answers (RFC 9112 §4), with the fields that every answer of the lab carries.

use std::io;

use super::http::Request;
use super::split::{Buffer, Sender};

/// Whether the connection can take another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Keep,
    Close,
}

/// An answer that is whole before it is sent.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
    cut: Option<usize>,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self { status, fields: Vec::new(), body: Vec::new(), cut: None }
    }

    /// A sentence for a person, as plain text.
    pub fn sentence(status: u16, sentence: &str) -> Self {
        Self::new(status).with_body("text/plain; charset=utf-8", format!("{sentence}\n").into_bytes())
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub fn with_body(mut self, media_type: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.with("Content-Type", media_type)
    }

    /// Has the body sent in two writes.
    pub fn with_cut(mut self, cut: Option<usize>) -> Self {
        self.cut = cut;
        self
    }

    /// Sends the answer to `request`; without one, the connection is to be closed.
    pub async fn send(mut self, request: Option<&Request>, sender: &mut Sender) -> io::Result<Flow> {
        let flow = match request {
            Some(request) if request.keeps_alive() => Flow::Keep,
            _ => Flow::Close,
        };
        // RFC 9110 §8.6: no Content-Length with 204; one with 304 would be of the answer that is not sent.
        let bodiless = matches!(self.status, 204 | 304);
        if !bodiless {
            self.fields.push(("Content-Length", self.body.len().to_string()));
        }
        if flow == Flow::Close {
            self.fields.push(("Connection", "close".to_owned()));
        }
        let mut buffer = Buffer::default();
        write_head(1, self.status, &self.fields, &mut buffer);
        if !bodiless && !request.is_some_and(Request::is_head) {
            let cut = self.cut.unwrap_or_default().min(self.body.len());
            buffer.bytes.extend_from_slice(&self.body[..cut]);
            if self.cut.is_some() {
                buffer.cut();
            }
            buffer.bytes.extend_from_slice(&self.body[cut..]);
        }
        sender.send(&mut buffer).await?;
        Ok(flow)
    }
}

/// Writes a status line and field lines, and the empty line after them.
pub fn write_head(minor: u8, status: u16, fields: &[(&str, String)], buffer: &mut Buffer) {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut head = format!("HTTP/1.{minor} {status} {}\r\nDate: {date}\r\n", reason.unwrap_or_default());
    head.push_str("Server: pushscope-lab\r\nAccess-Control-Allow-Origin: *\r\n");
    head.push_str("Access-Control-Expose-Headers: ETag, X-Cursor, X-Done\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    buffer.bytes.extend_from_slice(head.as_bytes());
}
