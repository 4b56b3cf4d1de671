//! `/ws`: the feed over a WebSocket, and an echo of what the client sends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::{Answer, Flow, write_head};
use super::deflate::{Deflater, Inflater, Mode};
use super::draft::{self, Draft};
use super::http::Request;
use super::hub::{Channel, Subscription};
use super::message::{Form, Message};
use super::params::Params;
use super::source::{Source, Turn};
use super::split::{Buffer, Receiver, Sender};
use super::streaming::BULK_BYTES;
use super::voice::Voice;
use super::websocket::{Opcode, Reader, Received, close_payload};

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
/// RFC 6455 §1.3.
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// What a client may send before the lab must have answered; beyond, the socket waits.
const UNANSWERED_MESSAGES: usize = 4;
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Answers the opening handshake, then serves the WebSocket until it is closed.
pub async fn serve(
    request: &Request,
    params: &Params,
    channel: Arc<Channel>,
    receiver: &mut Receiver,
    sender: &mut Sender,
) -> io::Result<Flow> {
    let opened = match params.draft {
        Some(draft) if draft.is_at_odds_with(params).is_some() => {
            let name = draft.is_at_odds_with(params).unwrap_or_default();
            Err(Answer::sentence(400, &format!("The parameter {name} means nothing in draft {}.", draft.name())))
        }
        Some(draft @ (Draft::Hixie75 | Draft::Hixie76)) => match is_upgrade(request) {
            Ok(()) => {
                draft::open(draft, request, params, receiver).await.map(|head| (head, Reading::Hixie(draft), None))
            }
            Err(answer) => Err(answer),
        },
        _ => handshake(request, params).map(|(fields, agreed)| {
            let mut head = Buffer::default();
            write_head(1, 101, &fields, &mut head);
            let (deflater, inflater) = agreed.unzip();
            (head, Reading::Frames(Reader::new(inflater)), deflater)
        }),
    };
    let (mut buffer, reading, deflater) = match opened {
        Ok(opened) => opened,
        Err(answer) => return answer.send(Some(request), sender).await,
    };
    let subscription = Subscription::new(channel);
    let start = params.cursor.unwrap_or(subscription.start());
    sender.send(&mut buffer).await?;
    let source = Source::new(params, subscription, start, params.heartbeat);
    let (received, inbox) = mpsc::channel(UNANSWERED_MESSAGES);
    let voice = Voice::new(params, deflater);
    tokio::select! {
        outcome = talk(params, voice, source, inbox, sender) => outcome?,
        () = listen(reading, receiver, received) => {}
    }
    Ok(Flow::Close)
}

/// How what the client sends is read.
enum Reading {
    Frames(Reader),
    Hixie(Draft),
}

/// The fields of the 101 answer (RFC 6455 §4.2.2), and what compression was agreed on.
type Handshake = (Vec<(&'static str, String)>, Option<(Deflater, Inflater)>);

/// What opens the WebSocket, or the answer that refuses.
fn handshake(request: &Request, params: &Params) -> Result<Handshake, Answer> {
    is_upgrade(request)?;
    let (version, spec) = match params.draft.and_then(Draft::version) {
        Some(version) => (version, "the draft that was asked for"),
        None => ("13", "RFC 6455 §4.4"),
    };
    if request.field("sec-websocket-version") != Some(version) {
        let answer = Answer::sentence(426, &format!("The lab speaks WebSocket version {version} ({spec})."));
        return Err(answer.with("Upgrade", "websocket").with("Sec-WebSocket-Version", version));
    }
    let key = request.field("sec-websocket-key").unwrap_or_default();
    let nonce = base64::engine::general_purpose::STANDARD.decode(key);
    if !nonce.is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Answer::sentence(400, "Sec-WebSocket-Key is 16 bytes in base64 (RFC 6455 §4.1)."));
    }
    let guid = if params.faults.bad_accept { "a wrong GUID" } else { ACCEPT_GUID };
    let digest = Sha1::digest(format!("{key}{guid}"));
    let accept = base64::engine::general_purpose::STANDARD.encode(digest);
    let mut fields = vec![
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Sec-WebSocket-Accept", accept),
    ];
    let offered = request.list("sec-websocket-protocol").find(|name| super::params::is_token(name));
    // A protocol that was asked for is sent even if it was not offered, to see what a client makes of it.
    if let Some(protocol) = params.protocol.as_deref().or(offered) {
        fields.push(("Sec-WebSocket-Protocol", protocol.to_owned()));
    }
    let agreed = match &params.deflate {
        Some(settings) if settings.mode == Mode::Unasked => {
            // One that Safari once spoke, so that it is no surprise to see its name.
            fields.push((EXTENSIONS, "x-webkit-deflate-frame".to_owned()));
            None
        }
        Some(settings) => settings.agree(request.list(EXTENSIONS)).map(|(answer, deflater, inflater)| {
            fields.push((EXTENSIONS, answer));
            (deflater, inflater)
        }),
        None => None,
    };
    Ok((fields, agreed))
}

/// Refuses what does not ask for a WebSocket.
fn is_upgrade(request: &Request) -> Result<(), Answer> {
    if request.method == "GET" && request.lists("upgrade", "websocket") && request.lists("connection", "upgrade") {
        return Ok(());
    }
    let sentence = "This is a WebSocket endpoint: open it with GET, Upgrade: websocket and Connection: Upgrade.";
    Err(Answer::sentence(426, sentence).with("Upgrade", "websocket").with("Connection", "Upgrade"))
}

/// Hands on what the client sends. Never returns: ending is the talking side's business.
async fn listen(mut reading: Reading, receiver: &mut Receiver, received: mpsc::Sender<Received>) {
    loop {
        let next = match &mut reading {
            Reading::Frames(reader) => reader.next(receiver).await,
            Reading::Hixie(draft) => draft::next(*draft, receiver).await,
        };
        let last = matches!(next, Received::Close(_) | Received::Broken(..) | Received::Gone);
        if received.send(next).await.is_err() || last {
            return std::future::pending().await;
        }
    }
}

async fn talk(
    params: &Params,
    mut voice: Voice,
    mut source: Source,
    mut inbox: mpsc::Receiver<Received>,
    sender: &mut Sender,
) -> io::Result<()> {
    let mut buffer = Buffer::default();
    while !voice.is_to_close() {
        tokio::select! {
            received = inbox.recv() => {
                if answer(received, params, &mut voice, &mut buffer) == Flow::Close {
                    return sender.send(&mut buffer).await;
                }
            }
            turn = source.next() => {
                if feed(turn, &mut voice, &mut source, &mut buffer) == Flow::Close {
                    break;
                }
            }
        }
        sender.send(&mut buffer).await?;
    }
    if !voice.close(&mut buffer) {
        return sender.send(&mut buffer).await;
    }
    sender.send(&mut buffer).await?;
    // RFC 6455 §7.1.1: the connection closes once both have sent a close frame.
    let closed = async {
        while let Some(received) = inbox.recv().await {
            if matches!(received, Received::Close(_) | Received::Broken(..) | Received::Gone) {
                break;
            }
        }
    };
    let _ = timeout(CLOSE_WAIT, closed).await;
    Ok(())
}

/// Writes what answers the client.
fn answer(received: Option<Received>, params: &Params, voice: &mut Voice, buffer: &mut Buffer) -> Flow {
    match received {
        Some(Received::Text(data)) if params.echo => voice.message(Opcode::Text, &data, None, buffer),
        Some(Received::Binary(data)) if params.echo => voice.message(Opcode::Binary, &data, None, buffer),
        Some(Received::Ping(_)) if params.faults.no_pong => {}
        // RFC 6455 §5.5.3.
        Some(Received::Ping(payload)) => voice.control(Opcode::Pong, &payload, buffer),
        Some(Received::Text(_) | Received::Binary(_) | Received::Pong) => {}
        Some(Received::Close(payload)) => {
            voice.control(Opcode::Close, &payload, buffer);
            return Flow::Close;
        }
        Some(Received::Broken(code, reason)) => {
            voice.control(Opcode::Close, &close_payload(code, reason), buffer);
            return Flow::Close;
        }
        Some(Received::Gone) | None => return Flow::Close,
    }
    Flow::Keep
}

/// Writes what the feed has, until the buffer is full if it comes in bulk.
fn feed(mut turn: Turn, voice: &mut Voice, source: &mut Source, buffer: &mut Buffer) -> Flow {
    loop {
        match turn {
            Turn::Message => {
                let message = source.message();
                let Message { data, form, cut, .. } = message;
                match form {
                    Form::Binary if voice.is_text_only() => voice.message(Opcode::Text, &message.text(), None, buffer),
                    Form::Binary => voice.message(Opcode::Binary, data, *cut, buffer),
                    Form::Json | Form::Text => voice.message(Opcode::Text, data, *cut, buffer),
                }
            }
            Turn::Heartbeat => voice.control(Opcode::Ping, b"heartbeat", buffer),
            Turn::End => return Flow::Close,
        }
        if voice.is_to_close() || !source.in_bulk() || buffer.bytes.len() >= BULK_BYTES {
            return Flow::Keep;
        }
        match source.ready() {
            Some(next) => turn = next,
            None => return Flow::Keep,
        }
    }
}
