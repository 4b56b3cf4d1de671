//! Heads as lists of names and values: read from the wire, written to it.

/// A request's or an answer's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Method, target and version; or version, status and reason.
    pub start: [String; 3],
    /// The fields, in order.
    pub fields: Vec<(String, String)>,
    /// Lines without a colon.
    pub invalid: u64,
    /// Values that went on in a further line (RFC 9112 §5.2).
    pub folded: u64,
    /// Values that are no UTF-8, and are read as ISO-8859-1.
    pub latin1: u64,
}

impl Head {
    /// Reads a head that was recorded.
    pub fn read(bytes: &[u8], is_request: bool) -> Head {
        let mut head = Head::default();
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        // RFC 9112 §2.2: empty lines before a start line are to be ignored.
        let start = lines.find(|line| !line.is_empty()).unwrap_or_default();
        head.start = head.start_line(start, is_request);
        for line in lines.take_while(|line| !line.is_empty()) {
            if let (Some(b' ' | b'\t'), Some((_, before))) = (line.first(), head.fields.last_mut()) {
                let more = text(line.trim_ascii()).0;
                *before = format!("{before} {more}").trim().to_owned();
                head.folded += 1;
                continue;
            }
            let Some(colon) = memchr::memchr(b':', line) else {
                head.invalid += 1;
                continue;
            };
            let name = text(line[..colon].trim_ascii()).0;
            let (value, is_latin1) = text(line[colon + 1..].trim_ascii());
            head.latin1 += u64::from(is_latin1);
            head.fields.push((name, value));
        }
        head
    }

    fn start_line(&mut self, line: &[u8], is_request: bool) -> [String; 3] {
        let (line, is_latin1) = text(line);
        self.latin1 += u64::from(is_latin1);
        if !is_request {
            let mut parts = line.splitn(3, ' ');
            return std::array::from_fn(|_| parts.next().unwrap_or_default().to_owned());
        }
        // The target reaches from the first space to the last, as the dissector has it.
        let (method, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (target, version) = rest.trim_end().rsplit_once(' ').unwrap_or((rest.trim_end(), ""));
        [method, target.trim(), version].map(str::to_owned)
    }

    /// The status, where this is an answer's head.
    pub fn status(&self) -> u16 {
        self.start[1].parse().unwrap_or(0)
    }

    /// The value of the first field of that name, which is given in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        value(&self.fields, name)
    }

    /// The values of all fields of that name, which is given in lower case.
    pub fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        values(&self.fields, name)
    }

    /// The head as it goes over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.start.join(" ").into_bytes();
        bytes.extend(b"\r\n");
        for (name, value) in &self.fields {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes
    }
}

/// The value of the first field of that name, which is given in lower case.
pub(super) fn value<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The values of all fields of that name, which is given in lower case.
pub(super) fn values<'f>(fields: &'f [(String, String)], name: &'f str) -> impl Iterator<Item = &'f str> {
    fields.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The items of comma-separated fields of that name (RFC 9110 §5.6.1).
pub(super) fn items<'f>(fields: &'f [(String, String)], name: &'f str) -> impl Iterator<Item = &'f str> {
    values(fields, name).flat_map(|value| value.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

/// Whether the last transfer coding is `chunked` (RFC 9112 §6.3).
pub(super) fn is_chunked(fields: &[(String, String)]) -> bool {
    items(fields, "transfer-encoding").last().is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
}

/// UTF-8, or else every byte as the character of its number (ISO-8859-1), which loses nothing.
fn text(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (bytes.iter().map(|byte| char::from(*byte)).collect(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_written() {
        let bytes = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX-Odd:  \xe9 \r\nX-Empty:\r\n\r\n";
        let head = Head::read(bytes, true);
        assert_eq!(head.start, ["GET", "/a?b", "HTTP/1.1"]);
        assert_eq!(head.fields[1], ("X-Odd".to_owned(), "é".to_owned()));
        assert_eq!((head.latin1, head.value("x-empty")), (1, Some("")));
        let again = "GET /a?b HTTP/1.1\r\nHost: a\r\nX-Odd: é\r\nX-Empty: \r\n\r\n";
        assert_eq!(String::from_utf8(head.to_bytes()).unwrap(), again);
    }

    #[test]
    fn what_is_odd_is_counted() {
        let head = Head::read(b"\r\nHTTP/1.1 200 Very well\r\nX: a,\r\n b\r\nnonsense\r\nY: 1\r\n\r\nZ: 2", false);
        assert_eq!(head.start, ["HTTP/1.1", "200", "Very well"]);
        assert_eq!(head.fields, [("X", "a, b"), ("Y", "1")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!((head.folded, head.invalid, head.status()), (1, 1, 200));
    }
}
