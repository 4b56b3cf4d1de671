//! What is spoken on a connection, by its first bytes.

use std::net::SocketAddr;

/// Bytes of a direction that are looked at.
pub const LOOKED_AT_BYTES: usize = 512;

/// A protocol, as far as an import cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP/1, and WebSocket after it.
    Http,
    /// SOCKS, with whatever follows.
    Socks,
    /// TLS (RFC 8446 §5.1).
    Tls,
    /// HTTP/2 without TLS (RFC 9113 §3.4).
    Http2,
    /// SSH (RFC 4253 §4.2).
    Ssh,
    /// Something else.
    Other,
    /// No bytes came.
    Nothing,
}

impl Protocol {
    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "HTTP",
            Protocol::Socks => "SOCKS",
            Protocol::Tls => "TLS",
            Protocol::Http2 => "HTTP/2",
            Protocol::Ssh => "SSH",
            Protocol::Other => "a protocol that is not known here",
            Protocol::Nothing => "nothing",
        }
    }

    /// By what client and server say first; empty where that is not known.
    pub fn of(client: &[u8], server: &[u8]) -> Protocol {
        let is_tls = |bytes: &[u8]| matches!(bytes, [0x14..=0x17, 3, 0..=4, ..]);
        if client.is_empty() && server.is_empty() {
            return Protocol::Nothing;
        }
        if client.starts_with(b"PRI * HTTP/2.0\r\n") {
            return Protocol::Http2;
        }
        if is_request(client) || (client.is_empty() && is_answer(server)) {
            return Protocol::Http;
        }
        if is_tls(client) || (client.is_empty() && is_tls(server)) {
            return Protocol::Tls;
        }
        if client.starts_with(b"SSH-") || server.starts_with(b"SSH-") {
            return Protocol::Ssh;
        }
        if is_socks(client, server) {
            return Protocol::Socks;
        }
        Protocol::Other
    }
}

/// Whether bytes begin as a request line does (RFC 9112 §3): a method, a space, and, if that can be seen, the version.
pub fn is_request(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE"];
    let Some(space) = bytes.iter().take(33).position(|byte| *byte == b' ') else {
        // A method that is cut.
        return !bytes.is_empty() && METHODS.iter().any(|method| method.starts_with(bytes));
    };
    let (method, rest) = (&bytes[..space], &bytes[space + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if method.is_empty() || !method.iter().all(is_token) || rest.first() == Some(&b' ') {
        return false;
    }
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return METHODS.contains(&method) };
    let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
    line.windows(8).next_back().is_some_and(|version| version.starts_with(b"HTTP/1."))
}

/// Whether bytes begin as a status line does (RFC 9112 §4).
pub fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.")
}

/// SOCKS 4 and 5 as their first messages are (RFC 1928 §3): no other length or answer will do, for the first bytes of
/// many protocols are small numbers.
fn is_socks(client: &[u8], server: &[u8]) -> bool {
    match client {
        [5, count @ 1..=255, methods @ ..] => {
            methods.len() >= usize::from(*count) && matches!(server, [] | [5, 0 | 1 | 2 | 0xFF, ..])
        }
        [4, 1 | 2, rest @ ..] => rest.len() >= 7 && matches!(server, [] | [0, 90..=93, ..]),
        _ => false,
    }
}

/// The address that a request asks for: its scheme and host as far as the head tells, else the server's own.
pub fn url(client: &[u8], server: SocketAddr) -> String {
    let text = String::from_utf8_lossy(client);
    let mut lines = text.split("\r\n");
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("/");
    let (mut host, mut scheme) = (None, "http");
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "host" => host = Some(value.trim()),
            "upgrade" if value.trim().eq_ignore_ascii_case("websocket") => scheme = "ws",
            _ => {}
        }
    }
    let is_plain = |text: &str| text.chars().all(|char| char.is_ascii_graphic());
    let host = host.filter(|host| !host.is_empty() && is_plain(host)).map_or(server.to_string(), str::to_owned);
    match target {
        absolute if absolute.contains("://") && is_plain(absolute) => absolute.to_owned(),
        path if path.starts_with('/') && is_plain(path) => format!("{scheme}://{host}{path}"),
        _ => format!("{scheme}://{host}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_by_their_first_bytes() {
        use Protocol::*;
        let cases: [(&[u8], &[u8], Protocol); 20] = [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", Http),
            (b"G", b"", Http),
            (b"GET /a/very/long/target", b"", Http),
            (b"PROPFIND /x HTTP/1.1\r\n", b"HTTP/1.1 207 x", Http),
            (b"PROPFIND /x", b"", Other),
            (b"GET / HTTP/1.0\n\n", b"", Http),
            (b"HELO there\r\n", b"220 mail", Other),
            (b"GET\r\n", b"", Other),
            (b"GET  / HTTP/1.1\r\n", b"", Other),
            (b"", b"HTTP/1.1 408 Request Timeout\r\n", Http),
            (b"", b"220 mail", Other),
            (b"", b"", Nothing),
            (b"\x16\x03\x01\x02\x00\x01", b"", Tls),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", Http2),
            (b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n", Ssh),
            (b"\x05\x01\x00", b"\x05\x00", Socks),
            (b"\x04\x01\x00\x50\x01\x02\x03\x04\x00", b"\x00\x5a", Socks),
            (b"\x05\x00\x00\x00", b"\x0a\x00", Other),
            (b"\x04\x01", b"", Other),
            (b"\x00\x00\x00\x08", b"N", Other),
        ];
        for (client, server, protocol) in cases {
            assert_eq!(Protocol::of(client, server), protocol, "{:?}", String::from_utf8_lossy(client));
        }
    }

    #[test]
    fn a_request_tells_its_address() {
        let server = "192.0.2.2:8080".parse().unwrap();
        let url = |head: &str| url(head.as_bytes(), server);
        assert_eq!(url("GET /a HTTP/1.1\r\nHost: b.example:8080\r\n\r\n"), "http://b.example:8080/a");
        let upgrade = "GET /a?b HTTP/1.1\r\nupgrade: WebSocket\r\nHOST: b.example\r\n\r\n";
        assert_eq!(url(upgrade), "ws://b.example/a?b");
        assert_eq!(url("GET http://c.example/ HTTP/1.1\r\nHost: c.example\r\n\r\n"), "http://c.example/");
        assert_eq!(url("CONNECT c.example:443 HTTP/1.1\r\n\r\n"), "http://192.0.2.2:8080/");
        assert_eq!(url(""), "http://192.0.2.2:8080/");
        assert_eq!(url("GET /\u{1}\u{2} HTTP/1.1\r\nHost: a b\r\n\r\n"), "http://192.0.2.2:8080/");
    }
}
