//! `/ws`: the feed over a WebSocket, and an echo of what the client sends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::{Answer, Flow, write_head};
use super::http::Request;
use super::hub::{Channel, Subscription};
use super::message::{Form, Message};
use super::params::Params;
use super::source::{Source, Turn};
use super::split::{Buffer, Receiver, Sender};
use super::streaming::BULK_BYTES;
use super::websocket::{Opcode, Reader, Received, close_payload, write_frame};

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
    let fields = match handshake(request, params) {
        Ok(fields) => fields,
        Err(answer) => return answer.send(Some(request), sender).await,
    };
    let subscription = Subscription::new(channel);
    let start = params.cursor.unwrap_or(subscription.start());
    let mut buffer = Buffer::default();
    write_head(1, 101, &fields, &mut buffer);
    sender.send(&mut buffer).await?;
    let source = Source::new(params, subscription, start, params.heartbeat);
    let (received, inbox) = mpsc::channel(UNANSWERED_MESSAGES);
    tokio::select! {
        outcome = talk(params, source, inbox, sender) => outcome?,
        () = listen(receiver, received) => {}
    }
    Ok(Flow::Close)
}

/// The fields of the 101 answer (RFC 6455 §4.2.2), or the answer that refuses.
fn handshake(request: &Request, params: &Params) -> Result<Vec<(&'static str, String)>, Answer> {
    if request.method != "GET" || !request.lists("upgrade", "websocket") || !request.lists("connection", "upgrade") {
        let sentence = "This is a WebSocket endpoint: open it with GET, Upgrade: websocket and Connection: Upgrade.";
        return Err(Answer::sentence(426, sentence).with("Upgrade", "websocket").with("Connection", "Upgrade"));
    }
    if request.field("sec-websocket-version") != Some("13") {
        let answer = Answer::sentence(426, "The lab speaks WebSocket version 13 (RFC 6455 §4.4).");
        return Err(answer.with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13"));
    }
    let key = request.field("sec-websocket-key").unwrap_or_default();
    let nonce = base64::engine::general_purpose::STANDARD.decode(key);
    if !nonce.is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Answer::sentence(400, "Sec-WebSocket-Key is 16 bytes in base64 (RFC 6455 §4.1)."));
    }
    let digest = Sha1::digest(format!("{key}{ACCEPT_GUID}"));
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
    Ok(fields)
}

/// Hands on what the client sends. Never returns: ending is the talking side's business.
async fn listen(receiver: &mut Receiver, received: mpsc::Sender<Received>) {
    let mut reader = Reader::default();
    loop {
        let next = reader.next(receiver).await;
        let last = matches!(next, Received::Close(_) | Received::Broken(..) | Received::Gone);
        if received.send(next).await.is_err() || last {
            return std::future::pending().await;
        }
    }
}

async fn talk(
    params: &Params,
    mut source: Source,
    mut inbox: mpsc::Receiver<Received>,
    sender: &mut Sender,
) -> io::Result<()> {
    let mut buffer = Buffer::default();
    loop {
        tokio::select! {
            received = inbox.recv() => {
                if answer(received, params, &mut buffer) == Flow::Close {
                    return sender.send(&mut buffer).await;
                }
            }
            turn = source.next() => {
                if feed(turn, params, &mut source, &mut buffer) == Flow::Close {
                    break;
                }
            }
        }
        sender.send(&mut buffer).await?;
    }
    write_frame(true, Opcode::Close, &close_payload(1000, "the feed has ended"), &mut buffer);
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
fn answer(received: Option<Received>, params: &Params, buffer: &mut Buffer) -> Flow {
    match received {
        Some(Received::Text(data)) if params.echo => write_message(Opcode::Text, &data, None, params, buffer),
        Some(Received::Binary(data)) if params.echo => write_message(Opcode::Binary, &data, None, params, buffer),
        // RFC 6455 §5.5.3.
        Some(Received::Ping(payload)) => write_frame(true, Opcode::Pong, &payload, buffer),
        Some(Received::Text(_) | Received::Binary(_) | Received::Pong) => {}
        Some(Received::Close(payload)) => {
            write_frame(true, Opcode::Close, &payload, buffer);
            return Flow::Close;
        }
        Some(Received::Broken(code, reason)) => {
            write_frame(true, Opcode::Close, &close_payload(code, reason), buffer);
            return Flow::Close;
        }
        Some(Received::Gone) | None => return Flow::Close,
    }
    Flow::Keep
}

/// Writes what the feed has, until the buffer is full if it comes in bulk.
fn feed(mut turn: Turn, params: &Params, source: &mut Source, buffer: &mut Buffer) -> Flow {
    loop {
        match turn {
            Turn::Message => {
                let Message { data, form, cut, .. } = source.message();
                let opcode = if *form == Form::Binary { Opcode::Binary } else { Opcode::Text };
                write_message(opcode, data, *cut, params, buffer);
            }
            Turn::Heartbeat => write_frame(true, Opcode::Ping, b"heartbeat", buffer),
            Turn::End => return Flow::Close,
        }
        if !source.in_bulk() || buffer.bytes.len() >= BULK_BYTES {
            return Flow::Keep;
        }
        match source.ready() {
            Some(next) => turn = next,
            None => return Flow::Keep,
        }
    }
}

/// Writes a message in as many fragments as asked for; one that wants to be torn has its first fragment end there.
fn write_message(opcode: Opcode, data: &[u8], cut: Option<usize>, params: &Params, buffer: &mut Buffer) {
    if params.fragments == 1 && cut.is_none() {
        return write_frame(true, opcode, data, buffer);
    }
    let fragments = if cut.is_some() { params.fragments.max(2) } else { params.fragments };
    let (first, rest) = data.split_at(cut.unwrap_or(data.len() / fragments).min(data.len()));
    write_frame(false, opcode, first, buffer);
    if cut.is_some() {
        buffer.cut();
    }
    let mut from = 0;
    for index in 1..fragments {
        if params.ping_between {
            write_frame(true, Opcode::Ping, format!("between {index}").as_bytes(), buffer);
        }
        let to = rest.len() * index / (fragments - 1);
        write_frame(index == fragments - 1, Opcode::Continuation, &rest[from..to], buffer);
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_fragments_holds_the_whole_message() {
        for fragments in [1, 2, 3, 10, 1000] {
            for cut in [None, Some(0), Some(2), Some(5)] {
                let params = Params { fragments, ..Params::default() };
                let mut buffer = Buffer::default();
                write_message(Opcode::Text, b"hello", cut, &params, &mut buffer);
                let (mut payload, mut frames, mut rest) = (Vec::new(), 0, &buffer.bytes[..]);
                while let [first, length, tail @ ..] = rest {
                    let (data, tail) = tail.split_at(usize::from(*length));
                    payload.extend_from_slice(data);
                    frames += 1;
                    assert_eq!(first & 0x80 != 0, tail.is_empty());
                    assert_eq!(first & 0x0F, if frames == 1 { 1 } else { 0 });
                    rest = tail;
                }
                assert_eq!(payload, b"hello");
                assert_eq!(frames, if cut.is_some() { fragments.max(2) } else { fragments });
            }
        }
    }
}
