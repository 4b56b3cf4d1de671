//! The head of an HTTP message as a middlebox sees it: a first line and field lines, to be rewritten.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

const LARGEST_HEAD_BYTES: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// A head.
#[derive(Clone, Debug)]
pub struct Head {
    /// The request line or the status line.
    pub first: String,
    /// The field lines, as they came.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; what came behind it stays in `buffer`. `None` where the other side is gone or says no head.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") {
                let head = buffer.split_to(end + 4);
                return Ok(Some(Head::parse(&String::from_utf8_lossy(&head))));
            }
            if buffer.len() > LARGEST_HEAD_BYTES {
                return Ok(None);
            }
            match timeout(PATIENCE, stream.read_buf(buffer)).await {
                Ok(Ok(n)) if n > 0 => {}
                Ok(Err(error)) => return Err(error),
                _ => return Ok(None),
            }
        }
    }

    fn parse(text: &str) -> Head {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Head { first, fields: lines.filter_map(field).collect() }
    }

    /// The words of the first line.
    pub fn words(&self) -> (&str, &str, &str) {
        let mut words = self.first.splitn(3, ' ');
        let mut next = || words.next().unwrap_or_default();
        (next(), next(), next())
    }

    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Takes every field of these names out.
    pub fn without(mut self, names: &[&str]) -> Head {
        self.fields.retain(|(each, _)| !names.iter().any(|name| each.eq_ignore_ascii_case(name)));
        self
    }

    /// Adds a field.
    pub fn with(mut self, name: &str, value: &str) -> Head {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it goes out.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// Whether a request asks for another protocol.
    pub fn is_upgrade(&self) -> bool {
        self.field("upgrade").is_some()
    }
}
