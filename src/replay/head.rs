//! Heads of HTTP messages as lines of bytes, so that what is put right in one changes nothing else of it.

/// How much of a head is looked at: what is longer is no head that anybody sends.
pub const LARGEST_HEAD_BYTES: usize = 256 << 10;

/// A request's or an answer's head. Its lines are kept as they stand, with their line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The start line, the field lines (a folded one in one piece), and the empty line.
    lines: Vec<Vec<u8>>,
}

impl Head {
    /// Takes a head apart. Nothing makes it fail: a line without a colon is a field that has no name.
    pub fn read(bytes: &[u8]) -> Head {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_folded = lines.len() > 1 && matches!(line.first(), Some(b' ' | b'\t'));
            match lines.last_mut().filter(|_| is_folded) {
                Some(last) => last.extend_from_slice(line),
                None => lines.push(line.to_vec()),
            }
        }
        Head { lines }
    }

    /// The words of the start line: method, target and version, or version, status and reason.
    fn start(&self) -> [String; 3] {
        let line = self.lines.first().map_or("".into(), |line| String::from_utf8_lossy(line));
        let mut words = line.trim_end().splitn(3, ' ').map(str::to_owned);
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }

    /// A request's method.
    pub fn method(&self) -> String {
        self.start()[0].clone()
    }

    /// A request's target, as it stands.
    pub fn target(&self) -> String {
        self.start()[1].clone()
    }

    /// Whether a request is one of HTTP/1.0 or older.
    pub fn is_old(&self) -> bool {
        !self.start()[2].trim().eq_ignore_ascii_case("HTTP/1.1")
    }

    /// Whether a request is the last on its connection (RFC 9112 §9.3).
    pub fn wants_end(&self) -> bool {
        match self.is_old() {
            true => !self.lists("connection", "keep-alive"),
            false => self.lists("connection", "close"),
        }
    }

    /// Whether an answer is one of HTTP/1.0.
    pub fn is_old_answer(&self) -> bool {
        self.start()[0].eq_ignore_ascii_case("HTTP/1.0")
    }

    /// The fields, by name and value, in order.
    pub fn fields(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.lines.iter().skip(1).filter_map(|line| {
            let line = String::from_utf8_lossy(line);
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
        })
    }

    /// The values of every field of that name.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.fields().filter(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<String> {
        self.fields().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first field of that name with every space in it, but for the one behind the colon.
    pub fn field_as_it_stands(&self, name: &str) -> Option<Vec<u8>> {
        let line = self.lines.iter().skip(1).find(|line| is_named(line, name))?;
        let value = &line[line.iter().position(|byte| *byte == b':')? + 1..];
        let value = value.strip_prefix(b" ").unwrap_or(value);
        Some(value.strip_suffix(b"\n").map_or(value, |value| value.strip_suffix(b"\r").unwrap_or(value)).to_vec())
    }

    /// The members of a list field, over all its lines (RFC 9110 §5.6.1).
    pub fn list(&self, name: &str) -> Vec<String> {
        let members = self.all(name);
        let members = members.iter().flat_map(|value| value.split(',')).map(str::trim);
        members.filter(|member| !member.is_empty()).map(str::to_owned).collect()
    }

    /// Whether a list field has that member.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        self.list(name).iter().any(|each| each.eq_ignore_ascii_case(member))
    }

    /// The one number that all its `Content-Length` fields say.
    pub fn content_length(&self) -> Option<u64> {
        let lengths = self.list("content-length");
        let first = lengths.first()?;
        let is_number = first.bytes().all(|byte| byte.is_ascii_digit()) && lengths.iter().all(|each| each == first);
        is_number.then(|| first.parse().unwrap_or(u64::MAX))
    }

    /// Whether the body comes in chunks.
    pub fn is_chunked(&self) -> bool {
        self.list("transfer-encoding").last().is_some_and(|last| last.eq_ignore_ascii_case("chunked"))
    }

    /// Takes every field of that name out; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        let mut at = 0;
        self.lines.retain(|line| {
            at += 1;
            at == 1 || !is_named(line, name)
        });
        self.lines.len() < before
    }

    /// Gives a field this value, in the place of the first of its name and with that name's letters, else at the end.
    pub fn set(&mut self, name: &str, value: &str) {
        let at = self.lines.iter().skip(1).position(|line| is_named(line, name)).map(|at| at + 1);
        let spelt = at.and_then(|at| {
            let line = String::from_utf8_lossy(&self.lines[at]).into_owned();
            line.split_once(':').map(|(name, _)| name.to_owned())
        });
        let line = format!("{}: {value}\r\n", spelt.as_deref().unwrap_or(name)).into_bytes();
        match at {
            Some(at) => {
                self.lines[at] = line;
                let mut index = 0;
                self.lines.retain(|each| {
                    index += 1;
                    index <= at + 1 || !is_named(each, name)
                });
            }
            None => {
                let end = self.lines.iter().rposition(|line| matches!(&line[..], b"\r\n" | b"\n"));
                self.lines.insert(end.unwrap_or(self.lines.len()), line);
            }
        }
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        self.lines.concat()
    }
}

fn is_named(line: &[u8], name: &str) -> bool {
    let colon = line.iter().position(|byte| *byte == b':');
    colon.is_some_and(|colon| line[..colon].trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

/// The end of the empty line that ends a head; a lone LF counts as a line end (RFC 9112 §2.2).
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match bytes.get(at + 1..) {
        Some([b'\n', ..]) => Some(at + 2),
        Some([b'\r', b'\n', ..]) => Some(at + 3),
        _ => None,
    })
}

/// Path and query of a target in origin-form or absolute-form (RFC 9112 §3.2).
pub fn path_and_query(target: &str) -> (String, Option<String>) {
    let origin = match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    let origin = origin.split('#').next().unwrap_or_default();
    let (path, query) = origin.split_once('?').map_or((origin, None), |(path, query)| (path, Some(query.to_owned())));
    let path = if path.is_empty() { "/" } else { path };
    (path.to_owned(), query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_right_leaves_the_rest_as_it_stands() {
        let bytes = b"HTTP/1.1 200  Fine\nDate : x\r\nX:  a,\r\n\tb\r\nno colon\r\nx: c\r\n\r\n";
        let mut head = Head::read(bytes);
        assert_eq!(head.bytes(), bytes);
        assert_eq!(head.all("X"), ["a, b", "c"]);
        assert_eq!(head.field("date").as_deref(), Some("x"));
        assert_eq!(head.list("x"), ["a", "b", "c"]);
        head.set("x", "1");
        head.set("New", "2");
        assert!(head.remove("date") && !head.remove("date"));
        assert_eq!(head.bytes(), b"HTTP/1.1 200  Fine\nX: 1\r\nno colon\r\nNew: 2\r\n\r\n");
    }

    #[test]
    fn nothing_makes_reading_fail() {
        for bytes in [&b""[..], b"\r\n", b"\n\n", b" x", b":", b"GET", b"\xFF\xFE \xFF\r\n:\r\n\r\n"] {
            let mut head = Head::read(bytes);
            assert_eq!(head.bytes(), bytes);
            head.set("a", "b");
            let _ = (head.method(), head.target(), head.is_old(), head.content_length(), head.bytes());
        }
    }

    #[test]
    fn targets_of_both_forms() {
        let of = |target: &str| path_and_query(target);
        assert_eq!(of("/a?b=c"), ("/a".to_owned(), Some("b=c".to_owned())));
        assert_eq!(of("http://h:1/a?u=http://b"), ("/a".to_owned(), Some("u=http://b".to_owned())));
        assert_eq!(of("http://h"), ("/".to_owned(), None));
        assert_eq!(of("/a?u=http://b#c"), ("/a".to_owned(), Some("u=http://b".to_owned())));
        assert_eq!(of("*"), ("*".to_owned(), None));
    }
}
