//! WebSocket: the answer to the upgrade item by item, an upstream that is dead, and how it was closed.

use super::head::Head;
use super::rules::{
    ACCEPT_HEADER, CLOSE_CODE, CONNECTION_HEADER, PROTOCOL_HEADER, UPGRADE_HEADER, UPGRADE_LOST, UPSTREAM_DEAD,
};
use super::{Confidence, Evidence, Eye, Look, Rule, Said};
use crate::dissect::websocket::close_code_meaning;
use crate::session::{Kind, RecordId};
use crate::wire::Dir;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Silence after a ping of ours from which on the way up counts as dead, while data come down.
const DEAF_NS: u64 = 2_000_000_000;

/// What is kept of a WebSocket.
#[derive(Default)]
pub(super) struct WebSocketEye {
    pub is_open: bool,
    /// Our first ping or close frame that is not answered: when, and which record.
    unanswered: Option<(u64, RecordId, &'static str)>,
    /// Data of the server since then.
    came_since: u64,
    last_came: Option<RecordId>,
    pub closed_by_us: bool,
    pub closed_by_server: bool,
}

/// The answer to an upgrade.
pub(super) fn answer(look: &mut Look<'_>, eye: &mut Eye, request: Option<&Head>, answer: &Head) {
    let Some(request) = request.filter(|request| request.is_upgrade()) else { return };
    if answer.status != 101 {
        return lost(look, eye, request, answer);
    }
    eye.websocket.is_open = true;
    let goes_on = "“Go on anyway” shows what follows. TLS (wss://) keeps boxes in between from touching the head.";
    let mut wrong = |rule: &'static Rule, name: &str, expected: &str| {
        let found = match answer.field(name) {
            Some(value) => format!("is “{value}”"),
            None => "is missing".to_owned(),
        };
        let seen = format!(
            "The answer to the upgrade (status 101) of {} has a wrong {name} header: it {found}, and should be “{expected}”.",
            eye.to
        );
        let means = match rule.key {
            "websocket.accept-header" => {
                "Whoever answered did not read this request's key: a cache, a server that is none, or a box that rewrote the head. RFC 6455 §4.1 demands that the client gives up."
            }
            "websocket.protocol-header" => {
                "The server speaks a subprotocol that the client did not offer; RFC 6455 §4.1 demands that the client gives up."
            }
            _ => {
                "A filtering proxy rewrote the head (hop-by-hop fields are its to touch); such boxes often go on to swallow what the client sends. RFC 6455 §4.1 demands that the client gives up, and browsers do."
            }
        };
        let attempt = match rule.key {
            "websocket.protocol-header" => {
                format!("Offer “{}” as a subprotocol, or none. {goes_on}", answer.field(name).unwrap_or_default())
            }
            _ => goes_on.to_owned(),
        };
        let evidence = vec![answer.evidence(name)];
        look.found(rule, Said { confidence: Confidence::Certain, seen, means: means.to_owned(), attempt, evidence });
    };
    if !answer.field("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        wrong(&UPGRADE_HEADER, "upgrade", "websocket");
    }
    if !answer.lists("connection", "upgrade") {
        wrong(&CONNECTION_HEADER, "connection", "Upgrade");
    }
    let key = request.field("sec-websocket-key").unwrap_or_default();
    let expected = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    if answer.field("sec-websocket-accept") != Some(&expected) {
        wrong(&ACCEPT_HEADER, "sec-websocket-accept", &expected);
    }
    if let Some(chosen) = answer.field("sec-websocket-protocol")
        && !request.lists("sec-websocket-protocol", chosen)
    {
        let offered = request.field("sec-websocket-protocol").unwrap_or("none");
        wrong(&PROTOCOL_HEADER, "sec-websocket-protocol", offered);
    }
}

/// An answer that is no upgrade.
fn lost(look: &mut Look<'_>, eye: &Eye, request: &Head, answer: &Head) {
    let is_complete = request.lists("connection", "upgrade");
    let is_page = answer.media_type() == "text/html";
    let (confidence, seen) = match answer.status {
        200..=299 if !is_page => (
            Confidence::Likely,
            format!("{} answered the upgrade as an ordinary request, with status {}.", eye.to, answer.status),
        ),
        400 | 426 if is_complete && (answer.field("via").is_some() || answer.version == "HTTP/1.0") => (
            Confidence::Likely,
            format!(
                "{} answered the upgrade with status {} by {}, although the request had all it needs.",
                eye.to, answer.status, answer.version
            ),
        ),
        426 if is_complete => (
            Confidence::Possible,
            format!(
                "{} answered the upgrade with status 426 (Upgrade Required), although the request asks for it.",
                eye.to
            ),
        ),
        _ => return,
    };
    let means = "Something between client and server took the Upgrade and Connection headers out, as proxies do that speak HTTP/1.0 or were not set up for WebSocket; or this path is no WebSocket endpoint.";
    let attempt = "Try wss:// (TLS hides the upgrade from boxes in between). Where a reverse proxy stands in front of the server, it must pass the upgrade on (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"). Check the path.";
    let mut evidence = vec![answer.status_evidence()];
    if answer.field("via").is_some() {
        evidence.push(answer.evidence("via"));
    }
    look.found(
        &UPGRADE_LOST,
        Said { confidence, seen, means: means.to_owned(), attempt: attempt.to_owned(), evidence },
    );
}

/// A frame or a message.
pub(super) fn frame(look: &mut Look<'_>, eye: &mut Eye) {
    let socket = &mut eye.websocket;
    match (look.record.kind, look.record.dir) {
        (Kind::WsPing, Dir::Out) if socket.unanswered.is_none() => {
            socket.unanswered = Some((look.at_ns(), look.id, "ping"));
            socket.came_since = 0;
        }
        (Kind::WsClose, Dir::Out) => {
            socket.closed_by_us |= !socket.closed_by_server;
            if socket.unanswered.is_none() && socket.closed_by_us {
                socket.unanswered = Some((look.at_ns(), look.id, "close frame"));
                socket.came_since = 0;
            }
        }
        (Kind::WsPong, Dir::In) => socket.unanswered = None,
        (Kind::WsClose, Dir::In) => {
            socket.unanswered = None;
            if !socket.closed_by_us && !std::mem::replace(&mut socket.closed_by_server, true) {
                closed(look, &eye.to);
            }
        }
        (Kind::WsText | Kind::WsBinary | Kind::WsPing, Dir::In) if socket.unanswered.is_some() => {
            socket.came_since += 1;
            socket.last_came = Some(look.id);
            dead(look, eye);
        }
        _ => {}
    }
}

/// The link ended.
pub(super) fn ended(look: &mut Look<'_>, eye: &mut Eye) {
    dead(look, eye);
}

fn dead(look: &mut Look<'_>, eye: &mut Eye) {
    let socket = &mut eye.websocket;
    let Some((since, record, what)) = socket.unanswered else { return };
    let (Some(last), came) = (socket.last_came, socket.came_since) else { return };
    let silent_ns = look.session.at_ns(last).saturating_sub(since);
    if came == 0 || silent_ns < DEAF_NS {
        return;
    }
    socket.unanswered = None;
    let seconds = silent_ns as f64 / 1e9;
    let seen = format!(
        "Our {what} to {} was not answered within {seconds:.1} s, while {came} message{} came from the server in that time.",
        eye.to,
        if came == 1 { "" } else { "s" }
    );
    let means = "The way up is dead and the way down is not: a box in between swallows what the client sends after the upgrade. TCP acknowledges it all the same, so nothing else tells.";
    let attempt = "Use wss:// on port 443, so that the box cannot read the connection; or send by HTTP requests beside a stream that only receives (SSE, long polling). Ask the network's owner about WebSocket support of its proxy or filter.";
    let evidence = vec![
        Evidence { record, span: None, says: format!("our {what}") },
        Evidence { record: last, span: None, says: "still coming from the server".to_owned() },
    ];
    let confidence = if what == "ping" { Confidence::Likely } else { Confidence::Possible };
    look.found(
        &UPSTREAM_DEAD,
        Said { confidence, seen, means: means.to_owned(), attempt: attempt.to_owned(), evidence },
    );
}

/// A close frame of the server's.
fn closed(look: &mut Look<'_>, to: &str) {
    let code = look.record.detail as u16;
    if matches!(code, 0..=1000 | 1005) {
        return;
    }
    let payload = look.session.explain_within(look.id, 256).payload;
    let reason = payload.get(2..).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let said = if reason.is_empty() { String::new() } else { format!(", saying “{reason}”") };
    let seen = format!("{to} closed the WebSocket with code {code}{said}.");
    let attempt = match code {
        1001 => "The server went away (a restart, or it is being drained): reconnect after a random wait.",
        1002 | 1007 => {
            "The server did not like what it got: look at the last messages sent, their notes, and whether a box in between changed them."
        }
        1003 => "Send the other kind of message (text or binary).",
        1008 => "The server's rules: authentication, origin, or rate. Its log knows.",
        1009 => "Send smaller messages, or raise the server's or a proxy's limit for messages.",
        1010 => "Offer the extension that the server names.",
        1011 => "The server failed: see its log at this time.",
        1012 => "The server restarts: reconnect after 5 to 30 s, at a random time.",
        1013 => "The server is overloaded: come back later, with growing waits.",
        1014 => "A gateway in front of the server got a bad answer from it: see the gateway's log.",
        1015 => "This code must never be on the wire (it stands for a failed TLS handshake): the server is wrong.",
        3000..=3999 => "A code of a library or framework: see its documentation.",
        4000..=4999 => "A code of the application's own: see its documentation or its authors.",
        _ => "A code without a meaning in the standard: the server is wrong, or speaks a later protocol.",
    };
    let evidence = vec![look.here(format!("close code {code}"))];
    let means = format!("{code} means: {}.", close_code_meaning(code));
    look.found(
        &CLOSE_CODE,
        Said { confidence: Confidence::Certain, seen, means, attempt: attempt.to_owned(), evidence },
    );
}
