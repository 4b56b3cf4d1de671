//! What the lab offers, in words: for its own `/`, for error texts and for a user interface's one-click starts.

use std::net::SocketAddr;

use super::middle::MIDDLEBOXES;

/// One thing to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As in `lab:NAME`.
    pub name: &'static str,
    /// The type of push, in plain words.
    pub push_type: &'static str,
    /// The path, with the query that shows it well.
    pub path: &'static str,
    /// `http` or `ws`.
    pub scheme: &'static str,
    /// A line of explanation.
    pub explanation: &'static str,
}

/// The endpoints, for a UI's one-click starts.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "poll",
        push_type: "short polling",
        path: "/poll?rate=2",
        scheme: "http",
        explanation: "The client asks again and again; an ETag spares it what it has already",
    },
    Endpoint {
        name: "longpoll",
        push_type: "long polling",
        path: "/longpoll?rate=0.5",
        scheme: "http",
        explanation: "The server holds the request until there is a message; the cursor leads to the next",
    },
    Endpoint {
        name: "stream",
        push_type: "HTTP streaming (NDJSON)",
        path: "/stream?rate=2",
        scheme: "http",
        explanation: "One answer that does not end: a line of JSON a message, each in a chunk of its own",
    },
    Endpoint {
        name: "multipart",
        push_type: "HTTP streaming (multipart)",
        path: "/multipart?rate=2",
        scheme: "http",
        explanation: "multipart/x-mixed-replace: each part replaces the one before, as webcams do it",
    },
    Endpoint {
        name: "sse",
        push_type: "server-sent events",
        path: "/sse?rate=2",
        scheme: "http",
        explanation: "text/event-stream with IDs, heartbeats and resumption by Last-Event-ID",
    },
    Endpoint {
        name: "sse10",
        push_type: "server-sent events over HTTP/1.0",
        path: "/sse10?rate=2",
        scheme: "http",
        explanation: "The same without chunks: the end of the connection is the end of the answer",
    },
    Endpoint {
        name: "lines",
        push_type: "HTTP streaming (JSON lines across chunks)",
        path: "/lines?rate=2",
        scheme: "http",
        explanation: "CRLF lines with chunk ends anywhere, and blank keep-alive lines, as Twitter streamed",
    },
    Endpoint {
        name: "ws",
        push_type: "WebSocket",
        path: "/ws?rate=2",
        scheme: "ws",
        explanation: "Messages both ways: the feed, and an echo of what is sent",
    },
    Endpoint {
        name: "ws?draft=hixie-76",
        push_type: "WebSocket as in 2010 (hixie-76)",
        path: "/ws?draft=hixie-76",
        scheme: "ws",
        explanation: "A draft that old devices speak: two keys and an MD5 answer, text between 0x00 and 0xFF",
    },
];

/// Turns `lab:NAME` or `lab:NAME?QUERY` into the URL of that endpoint at `addr`. A query replaces the default one.
pub fn resolve(addr: SocketAddr, lab_url: &str) -> Result<String, String> {
    let names = || ENDPOINTS.iter().map(|endpoint| endpoint.name).collect::<Vec<_>>().join(", ");
    let Some(rest) = lab_url.strip_prefix("lab:") else {
        return Err(format!("{lab_url} is no lab address; they are lab:NAME, with NAME one of {}", names()));
    };
    let (name, query) = match rest.split_once('?') {
        Some((name, query)) => (name, Some(query)),
        None => (rest, None),
    };
    let name = name.trim_matches('/');
    if name.is_empty() {
        return Ok(format!("http://{addr}/"));
    }
    let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| endpoint.name == name) else {
        return Err(format!("the lab has no endpoint {name:?}; it has {}", names()));
    };
    let Endpoint { scheme, path, .. } = endpoint;
    Ok(match query {
        Some(query) => format!("{scheme}://{addr}/{name}?{query}"),
        None => format!("{scheme}://{addr}{path}"),
    })
}

/// The endpoints, a line each.
pub(super) fn list(addr: SocketAddr) -> String {
    let mut text = String::new();
    for Endpoint { push_type, path, scheme, explanation, .. } in ENDPOINTS {
        text.push_str(&format!("{scheme}://{addr}{path}\n    {push_type}. {explanation}.\n"));
    }
    text.push_str(&format!(
        "http://{addr}/publish?channel=demo\n    POST a body to every subscriber of the channel.\n"
    ));
    text.push_str(&format!("http://{addr}/channels\n    The channels and how many subscribe to each, as JSON.\n"));
    text
}

/// The plain text of `/`.
pub fn description(addr: SocketAddr) -> String {
    let details = DETAILS.replace("ADDR", &addr.to_string()).replace("MIDDLEBOXES\n", &middleboxes());
    format!("{INTRODUCTION}\n{}{details}", list(addr))
}

fn middleboxes() -> String {
    let lines =
        MIDDLEBOXES.iter().map(|middlebox| format!("    {}\n        {}.\n", middlebox.name, middlebox.explanation));
    lines.collect()
}

const INTRODUCTION: &str = "The Pushscope lab: one feed of messages over every type of push.
It listens on loopback only.
";

const DETAILS: &str = r#"
Parameters, on every endpoint
    channel=demo    which channel to subscribe or publish to, 1 to 64 characters
    rate=2          generated messages a second, 0.001 to 1000000; 0 is as fast as can be
    count=N         a stream ends after N messages, a polled feed after generated message N
    size=N          each generated message is padded to N bytes, up to 1048576
    split=N         every socket write has N bytes at most, so that reads cut anywhere
    scenario=feed   numbered messages; tweets: three messages, the second torn in two, and the
                    end; quiet: nothing generated, only what is published
    cursor=5        start after that position (see below)
  of some endpoints
    hold=25         /longpoll: seconds to wait for a message, 0 to 600
    empty=204       /longpoll: what it answers if none came, 204 or 200 with no messages
    framing=chunked the streams: chunked, or close (the end of the connection ends the answer)
    heartbeat=15000 /sse, /sse10: milliseconds to a comment; /lines: to a blank line; /ws: to a
                    ping (none if not given); 0 is none
    retry=1000      /sse, /sse10: the reconnection time to ask for, in milliseconds
    fragments=1     /ws: frames a message
    ping=between    /ws: a ping between the fragments
    echo=1          /ws: whether what the client sends is sent back, 0 or 1
    protocol=NAME   /ws: the subprotocol to answer with, offered or not; else the first offered
    draft=hixie-76  /ws: speaks a draft from before RFC 6455: hixie-75, hixie-76 (which is hybi-00),
                    hybi-07 or hybi-08. The hixie drafts have text messages only, no frames to
                    fragment or mask, no ping, and no close code
    deflate=1       /ws: agree to permessage-deflate (RFC 7692) where the client offers it, with the
                    parameters given in its place, if any: server_no_context_takeover,
                    client_no_context_takeover, server_max_window_bits:10, client_max_window_bits:10,
                    with commas between. deflate without a value is deflate=1. Without it, no extension is
                    agreed to

Rules that /ws breaks, to see what a client makes of it; a flag is on with =1 or without a value
    deflate=bad     compresses, and every second message cannot be inflated. deflate=bomb: the
                    second message is 1 MB and inflates to 1 GiB. deflate=unasked: answers with an
                    extension that was not offered
    close=CODE      closes after the first message with any code, 0 to 65535, and a reason, as in
                    close=4000:why; a reason of more than 123 bytes makes the frame too long.
                    close=empty: without a code; byte: with half a code; tcp: without a close frame
    no-pong=1       does not answer pings
    bad-accept=1    the digest in the answer's Sec-WebSocket-Accept is wrong
    masked=1        masks its frames
    bad-utf8=1      every second message is text that is not UTF-8
    reserved-bits=1
                    every second message has a reserved bit set
    reserved-opcode=1
                    before every second message comes a frame with a reserved opcode
    lie-length=1    every second message has a wrong length: written in too many bytes, and the next
                    time 1000 bytes more than there are

Messages
    A generated message is {"n":1,"sent":"2026-01-31T12:00:00.000000Z","sent_ns":…,"channel":"demo",
    "text":"…"}. A published message is delivered as given; where JSON is due (/poll, /longpoll,
    /stream, /lines), other text becomes a JSON string, and what is not UTF-8 {"base64":"…"}.

Positions
    An event ID and a cursor are G or G.P: the last generated message and, once there was one, the
    last published message (its number in the channel) that the subscriber has. A stream starts
    with generated message 1 and with what is published from then on, or after the position given
    in cursor or Last-Event-ID. /sse answers 204 to a Last-Event-ID at which the feed has ended,
    which stops an EventSource. With count, each connection gets so many messages.
    A polled feed starts with the first request for its channel, rate, count, size and scenario,
    and goes on by the clock: message n is due (n-1)/rate seconds later, whoever asks. An answer is
    {"channel":…,"cursor":…,"done":…,"messages":[…]} with at most 100 messages: those after the
    cursor, or without one the latest. The cursor is in X-Cursor, too. "done" says that the feed
    has ended; /longpoll then answers at once (204 with X-Done: true). A cursor that is ahead of
    the feed: /longpoll goes on from there, /poll has nothing until the feed has come so far.

Middleboxes
    What stands between a client and a server in an office, and misbehaves. They are chosen in a
    lab: address of Pushscope, as in lab:ws?via=connect-443-only or lab:sse?rate=5&via=buffers;
    the other parameters go to the endpoint. Each listens on loopback, on a port of its own, from
    its first use until the lab ends. The first three are proxies, which the client is told to
    use, and reach this machine only; the others stand before the lab unseen.
MIDDLEBOXES
  their parameters
    idle=5          via=cuts-idle: after how many seconds of silence, 0.1 to 3600
    lump=3000       via=buffers: milliseconds from one lump to the next, 1 to 600000; 64 KiB are
                    passed on sooner
    cut=700         via=truncates: after how many bytes of the answer's body, chunk lines
                    included, 0 to 1073741824

Limits
    A channel keeps the last 256 published messages, at most 16 MiB of them. A subscriber that is
    slower than that loses the oldest ones, and is told how many: {"missed":N,"channel":…}.
    Generated messages wait for a slow subscriber: none is lost, and it catches up.
    A body or WebSocket message has 16 MiB at most, a request's head 64 KiB; there are 64 channels
    and 512 connections at most; 64 middleboxes, each with 256 connections.

Examples
    curl -N 'http://ADDR/sse?rate=5&count=10'
    curl -N 'http://ADDR/stream?scenario=tweets'
    curl -N 'http://ADDR/lines?split=7'
    curl -i 'http://ADDR/longpoll?cursor=3&hold=5'
    curl -i 'http://ADDR/poll' -H 'If-None-Match: "…"'
    curl -N 'http://ADDR/sse?scenario=quiet' & curl 'http://ADDR/publish' -d 'hello'
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_addresses_resolve() {
        let addr = SocketAddr::from(([127, 0, 0, 1], 8700));
        assert_eq!(resolve(addr, "lab:sse?rate=5").unwrap(), "http://127.0.0.1:8700/sse?rate=5");
        assert_eq!(resolve(addr, "lab:ws").unwrap(), "ws://127.0.0.1:8700/ws?rate=2");
        let error = resolve(addr, "lab:smoke").unwrap_err();
        assert!(error.contains("smoke") && error.contains("longpoll"), "{error}");
    }

    #[test]
    fn the_description_names_every_endpoint_and_parameter() {
        let text = description(SocketAddr::from(([127, 0, 0, 1], 8700)));
        for endpoint in ENDPOINTS {
            assert!(text.contains(endpoint.path), "{}", endpoint.path);
        }
        for name in super::super::params::NAMES {
            assert!(text.contains(&format!("    {name}=")), "{name}");
        }
        for middlebox in MIDDLEBOXES {
            assert!(text.contains(&format!("\n    {}\n", middlebox.name)), "{}", middlebox.name);
        }
        assert!(!text.contains("MIDDLEBOXES") && !text.contains("ADDR"), "{text}");
    }
}
