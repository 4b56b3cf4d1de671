//! Every rule: its key, what it finds, and how bad that is.

use super::Rule;
use crate::session::Severity;

macro_rules! rules {
    ($($name:ident = $key:literal, $severity:ident, $title:literal;)*) => {
        $(pub(super) static $name: Rule = Rule { key: $key, title: $title, severity: Severity::$severity };)*
        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    CONNECT_REFUSED = "proxy.connect-refused", Error, "The proxy refuses to open a way through";
    PROXY_LOGIN = "proxy.login", Error, "The proxy wants a login";
    SERVER_LOGIN = "server.login", Error, "The server wants a login";
    BLOCK_PAGE = "proxy.block-page", Error, "A page came in the place of an answer";
    PROXY_ANSWERED = "proxy.answered", Error, "A proxy answered in the server's place";
    CONNECTION_HEADER = "websocket.connection-header", Error, "The Connection header of the upgrade is wrong";
    UPGRADE_HEADER = "websocket.upgrade-header", Error, "The Upgrade header of the upgrade is wrong";
    ACCEPT_HEADER = "websocket.accept-header", Error, "The Sec-WebSocket-Accept header is wrong";
    PROTOCOL_HEADER = "websocket.protocol-header", Error, "A subprotocol was chosen that was not offered";
    UPGRADE_LOST = "websocket.upgrade-lost", Error, "The upgrade was lost on the way";
    UPSTREAM_DEAD = "websocket.upstream-dead", Error, "What is sent does not arrive, while the server's data does";
    CLOSE_CODE = "websocket.close-code", Warning, "The server closed with a code";
    NO_CLOSE_FRAME = "websocket.no-close-frame", Warning, "The connection ended without a close frame (1006)";
    SSE_TYPE = "sse.content-type", Error, "The event stream is not labelled as one";
    SSE_LENGTH = "sse.content-length", Warning, "The event stream has a length";
    SSE_HTTP10 = "sse.http10", Warning, "The answer was turned into HTTP/1.0 on the way";
    HTTP10 = "http.version", Info, "The server answers by HTTP/1.0";
    SSE_COMPRESSED = "sse.compressed", Warning, "The event stream is compressed";
    SSE_BUFFERED = "sse.buffered", Warning, "Events are held back and come in lumps";
    SSE_NO_BLANK_LINE = "sse.no-final-blank-line", Warning, "The stream ended in the middle of an event";
    TRUNCATED = "stream.truncated", Error, "The answer was cut off";
    IDLE_CUT = "idle-cut", Warning, "The connection was cut after silence of a round time";
    EVENTS_LOST = "reconnect.lost", Warning, "Events were lost over a reconnection";
    EVENTS_REPEATED = "reconnect.repeated", Warning, "Events came again after a reconnection";
    BUSY_LOOP = "longpoll.busy", Warning, "Long polls are answered at once and empty";
    CHUNKS = "chunks-not-events", Info, "Chunks do not begin and end where events do";
    DNS_FAILED = "dns.failed", Error, "The name was not resolved";
    TCP_REFUSED = "tcp.refused", Error, "The connection was refused";
    TCP_UNREACHABLE = "tcp.unreachable", Error, "There is no way to the address";
    TCP_TIMEOUT = "tcp.timeout", Error, "The address does not answer";
    RESET = "reset", Error, "The connection was reset";
    SILENT = "answer.timeout", Error, "The server does not answer";
    TLS_INTERCEPTED = "tls.intercepted", Warning, "TLS is opened and encrypted again on the way";
    TLS_EXPIRED = "tls.expired", Error, "The certificate has expired";
    TLS_CLOCK = "tls.clock", Error, "The certificate's time and this machine's clock do not fit";
    TLS_NAME = "tls.name", Error, "The certificate is for another name";
    TLS_ISSUER = "tls.issuer", Error, "Nobody here trusts who issued the certificate";
    TLS_VERSION = "tls.version", Error, "Client and server have no TLS version or cipher in common";
    TLS_PLAIN = "tls.plain", Error, "The port does not speak TLS";
    TLS_UNVERIFIED = "tls.unverified", Info, "The certificate was not verified";
    CLOCK_SKEW = "clock.skew", Warning, "The server's clock and this machine's differ";
}
