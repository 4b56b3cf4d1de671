//! The rules by name: what each is called and what it looks for.

/// What is looked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable key, such as `proxy.connect-refused`.
    pub key: &'static str,
    /// Its name, for lists.
    pub title: &'static str,
    /// When it fires, in one sentence.
    pub help: &'static str,
}

macro_rules! rules {
    ($($name:ident = $key:literal, $title:literal, $help:literal;)*) => {
        $(pub(super) static $name: Rule = Rule { key: $key, title: $title, help: $help };)*
        static ALL: &[Rule] = &[$(Rule { key: $key, title: $title, help: $help }),*];
    };
}

/// Every rule.
pub static RULES: &[Rule] = ALL;

rules! {
    CONNECT_REFUSED = "proxy.connect-refused", "The proxy opens no way to the server",
        "A proxy answered CONNECT or SOCKS by anything but yes";
    LOGIN = "proxy.login", "The proxy wants to know who you are",
        "A proxy asked for credentials (status 407, or a SOCKS password)";
    SERVER_LOGIN = "server.login", "The server wants to know who you are",
        "The server asked for credentials (status 401)";
    BLOCK_PAGE = "proxy.block-page", "A web page came instead of the stream",
        "An HTML page or a redirection elsewhere answered a request for a stream or a WebSocket";
    ANSWERED = "proxy.answered", "A proxy answered instead of the server",
        "An error answer bears the marks of a proxy, a gateway or a filter";
    CONNECTION_HEADER = "websocket.connection-header", "The answer to the upgrade has no “Connection: Upgrade”",
        "The Connection header of an answer to an upgrade is missing or was rewritten";
    UPGRADE_HEADER = "websocket.upgrade-header", "The answer to the upgrade has no “Upgrade: websocket”",
        "The Upgrade header of an answer to an upgrade is missing or wrong";
    ACCEPT_HEADER = "websocket.accept-header", "Sec-WebSocket-Accept does not fit the key that was sent",
        "Sec-WebSocket-Accept of an answer to an upgrade is missing or wrong";
    PROTOCOL_HEADER = "websocket.protocol-header", "The subprotocol is not what was offered",
        "The server chose a subprotocol that was not offered, or none of those that were";
    UPGRADE_LOST = "websocket.upgrade-lost", "The wish for WebSocket got lost",
        "An upgrade was asked for and an ordinary answer came";
    UPSTREAM_DEAD = "websocket.upstream-dead", "What we send does not get through",
        "Pings stay unanswered, or sent bytes unacknowledged, while the server's data arrive";
    CONTENT_TYPE = "sse.content-type", "The event stream is not labelled as one",
        "Events came, or were asked for, without Content-Type: text/event-stream";
    CONTENT_LENGTH = "sse.content-length", "The event stream has a fixed length",
        "An event stream has a Content-Length";
    HTTP10 = "sse.http10", "The event stream comes by HTTP/1.0",
        "HTTP/1.1 was asked and an event stream came with HTTP/1.0";
    COMPRESSED = "sse.compressed", "The event stream is compressed",
        "An event stream has a Content-Encoding";
    BUFFERED = "sse.buffered", "Something on the way holds events back",
        "Events arrive in lumps although they were sent one by one";
    NO_FINAL_BLANK_LINE = "sse.no-final-blank-line", "The last event is lost",
        "An event stream ended inside an event, which clients then discard";
    TRUNCATED = "stream.truncated", "The answer was cut",
        "An answer ended before its framing said so";
    IDLE_CUT = "idle-cut", "Silence was cut after a fixed time",
        "The other side ended an open stream after a round number of seconds without a byte";
    RECONNECT_LOST = "reconnect.lost", "Events were lost over a reconnection",
        "The numbers of events jump over a reconnection";
    RECONNECT_REPEATED = "reconnect.repeated", "Events came again after a reconnection",
        "The numbers of events go back over a reconnection";
    LONGPOLL_BUSY = "longpoll.busy", "The server does not hold long polls",
        "Five long polls in a row were answered at once with nothing";
    CHUNKS = "chunks-not-events", "Chunks are not events",
        "An event spans several chunks, or a chunk holds several events";
    DNS_FAILED = "dns.failed", "The name could not be resolved",
        "Name resolution failed";
    TCP_REFUSED = "tcp.refused", "The TCP connection was refused",
        "The host answered that nothing listens on the port";
    TCP_UNREACHABLE = "tcp.unreachable", "The host cannot be reached",
        "There is no route to the host, or this machine may not go there";
    TCP_TIMEOUT = "tcp.timeout", "The host does not answer",
        "Nothing answered the wish for a TCP connection";
    RESET = "reset", "The connection was thrown away",
        "The other side reset or closed a connection in the middle of something";
    TLS_INTERCEPTED = "tls.intercepted", "TLS is opened on the way",
        "The server's certificate was made by something in between";
    TLS_EXPIRED = "tls.expired", "The server's certificate has expired",
        "A certificate's validity has ended";
    TLS_NAME = "tls.name", "The certificate is for another name",
        "The host is not among the certificate's names";
    TLS_ISSUER = "tls.issuer", "Nobody trusted vouches for the certificate",
        "The certificate's issuer is not trusted here, or a certificate of the chain is missing";
    TLS_VERSION = "tls.version", "TLS could not be agreed on",
        "The two sides have no version or cipher in common, or one of them does not speak TLS";
    TLS_CLOCK = "tls.clock", "A clock is wrong",
        "A certificate is not valid yet or hardly expired, or the server's date is far from this machine's";
    TLS_UNVERIFIED = "tls.unverified", "The certificate was not checked",
        "Verification was turned off";
    CLOSE_CODE = "close-code", "The WebSocket was closed for a reason",
        "The server closed with a code other than 1000, or without a close frame";
}
