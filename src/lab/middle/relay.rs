//! Relaying: one request and its answer, or bytes both ways. Whoever is gone on one side is let go on the other.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Buf as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::super::answer::{Answer, Flow};
use super::super::http::{LARGEST_HEAD_BYTES, Unread, head_end, read_head};
use super::super::split::{Receiver, Sender};
use super::body::Body;
use super::head::{Head, own_answer, page};

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to a request's head, or to TLS.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long a server may take to an answer's head: a long poll may be held for ten minutes.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long one side may still talk when the other has ended.
const LINGER: Duration = Duration::from_secs(10);
const LARGEST_LUMP_BYTES: usize = 64 << 10;

/// One of the two connections of a middlebox.
#[derive(Debug)]
pub struct Side {
    pub receiver: Receiver,
    pub sender: Sender,
}

impl Side {
    pub fn new(stream: TcpStream) -> Self {
        // Without it small writes may come late; nothing else is lost.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        Self { receiver: Receiver::new(read), sender: Sender::new(write) }
    }

    pub async fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = timeout(CONNECT_PATIENCE, TcpStream::connect(addr)).await??;
        Ok(Self::new(stream))
    }

    /// The next request's head. `None`: there is none, and the client has been told why if it is there to be told.
    pub async fn next_head(&mut self) -> io::Result<Option<Head>> {
        let refusal = match timeout(HEAD_PATIENCE, read_head(&mut self.receiver)).await {
            Ok(Ok(bytes)) => return Ok(Some(Head::parse(&bytes))),
            Ok(Err(Unread::Over)) => return Ok(None),
            Ok(Err(Unread::Refused(answer))) => answer,
            Err(_) if self.receiver.buffer.is_empty() => return Ok(None),
            Err(_) => Answer::sentence(408, "The request's head did not come within 30 seconds."),
        };
        refusal.send(None, &mut self.sender).await.map(|_| None)
    }

    /// Ends the connection without resetting it.
    pub async fn close(&mut self) {
        self.sender.close(&mut self.receiver).await;
    }
}

/// How an answer's body is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    AtOnce,
    /// Collected, and passed on at these intervals only.
    Lumps(Duration),
    /// The connection ends after so many bytes.
    Cut(u64),
}

/// What a middlebox does to an exchange on its way.
pub struct Rules<'a> {
    /// Changes the head of the answer, and of the informational answers before it.
    pub edit: &'a (dyn Fn(&mut Head) + Sync),
    pub manner: Manner,
    /// Whether the client would send another request over its connection.
    pub client_keeps: bool,
    /// Whether what the client sends after a 101 is thrown away.
    pub swallows: bool,
}

/// Sends `request`, whose body is still to come from the client, and passes its answer on. After a 101 it goes on
/// until the connections end.
pub async fn exchange(
    client: &mut Side,
    upstream: &mut Side,
    request: &Head,
    body: Body,
    rules: &Rules<'_>,
) -> io::Result<Flow> {
    let (switched, is_sent) = (Notify::new(), AtomicBool::new(false));
    upstream.sender.send_bytes(&request.bytes()).await?;
    let up = async {
        let outcome = ask(&mut client.receiver, &mut upstream.sender, body, rules, &switched, &is_sent).await;
        // It fails if the server is gone already.
        let _ = upstream.sender.finish().await;
        outcome
    };
    let down = answer(&mut upstream.receiver, &mut client.sender, request, rules, &switched);
    let (mut up, mut down) = (pin!(up), pin!(down));
    let answered = tokio::select! {
        // In this order: whether the request is sent must be known when its answer has come.
        biased;
        // The client is gone, or has only ended its sending side: the server was told, and may still answer.
        _ = &mut up => {
            let _ = timeout(LINGER, down).await;
            return Ok(Flow::Close);
        }
        answered = &mut down => answered?,
    };
    match answered {
        Answered::Whole(Flow::Keep) if is_sent.load(Ordering::Relaxed) => Ok(Flow::Keep),
        Answered::Whole(_) | Answered::Torn => Ok(Flow::Close),
        Answered::Switched => {
            let _ = timeout(LINGER, up).await;
            Ok(Flow::Close)
        }
    }
}

/// Sends a request's body, then waits for the client to be gone, or for a 101, after which it passes everything on.
async fn ask(
    client: &mut Receiver,
    upstream: &mut Sender,
    mut body: Body,
    rules: &Rules<'_>,
    switched: &Notify,
    is_sent: &AtomicBool,
) -> io::Result<()> {
    if !pass_on(client, upstream, &mut body, Manner::AtOnce).await? {
        return Ok(());
    }
    is_sent.store(true, Ordering::Relaxed);
    tokio::select! {
        biased;
        () = switched.notified() => {}
        () = client.gone() => return Ok(()),
    }
    if !rules.swallows {
        return pass_on(client, upstream, &mut Body::UntilClose, Manner::AtOnce).await.map(|_| ());
    }
    loop {
        client.buffer.clear();
        if client.more().await? == 0 {
            return Ok(());
        }
    }
}

enum Answered {
    Whole(Flow),
    /// It was a 101, and the server has ended its connection.
    Switched,
    /// It stopped in its midst.
    Torn,
}

async fn answer(
    upstream: &mut Receiver,
    client: &mut Sender,
    request: &Head,
    rules: &Rules<'_>,
    switched: &Notify,
) -> io::Result<Answered> {
    let is_answer_to_head = request.word(0) == "HEAD";
    loop {
        let read = match timeout(ANSWER_PATIENCE, read_answer_head(upstream)).await {
            Ok(read) => read.and_then(|head| Ok((head.answer_body(is_answer_to_head)?, head))),
            Err(_) => Err("The server did not answer within 15 minutes.".to_owned()),
        };
        let (mut body, mut head) = match read {
            Ok(read) => read,
            Err(sentence) => {
                let bytes = gateway_error(502, &sentence, is_answer_to_head);
                client.send_bytes(&bytes).await?;
                return Ok(Answered::Torn);
            }
        };
        let status = head.status();
        (rules.edit)(&mut head);
        client.send_bytes(&head.bytes()).await?;
        if (100..=199).contains(&status) && status != 101 {
            continue;
        }
        if status == 101 {
            switched.notify_one();
        }
        return match pass_on(upstream, client, &mut body, rules.manner).await? {
            false => Ok(Answered::Torn),
            true if status == 101 => client.finish().await.map(|()| Answered::Switched),
            true if rules.client_keeps && head.keeps_alive() && body.has_ended() => Ok(Answered::Whole(Flow::Keep)),
            true => Ok(Answered::Whole(Flow::Close)),
        };
    }
}

/// What a middlebox answers when the server does not.
pub fn gateway_error(status: u16, sentence: &str, is_answer_to_head: bool) -> Vec<u8> {
    let fields = [("Server", "lab-proxy"), ("Via", "1.1 lab-proxy"), ("Connection", "close")];
    own_answer(status, &fields, &page("The server cannot be reached", sentence), is_answer_to_head)
}

async fn read_answer_head(receiver: &mut Receiver) -> Result<Head, String> {
    let mut searched = 0;
    loop {
        if let Some(end) = head_end(&receiver.buffer, searched).filter(|end| *end <= LARGEST_HEAD_BYTES) {
            let head = Head::parse(&receiver.buffer.split_to(end));
            return match head.start_line.starts_with("HTTP/1.") {
                true => Ok(head),
                false => Err("The server's answer is not one of HTTP/1.1.".to_owned()),
            };
        }
        if receiver.buffer.len() > LARGEST_HEAD_BYTES {
            return Err("The answer's head is longer than 64 KiB.".to_owned());
        }
        searched = receiver.buffer.len().saturating_sub(3);
        match receiver.more().await {
            Ok(0) => return Err("The server closed the connection without an answer.".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(format!("The server's answer could not be read: {error}.")),
        }
    }
}

/// Passes a body on. Says whether it came to its end.
async fn pass_on(from: &mut Receiver, to: &mut Sender, body: &mut Body, manner: Manner) -> io::Result<bool> {
    let mut left = match manner {
        Manner::AtOnce => u64::MAX,
        Manner::Cut(bytes) => bytes,
        Manner::Lumps(lump) => return pass_on_in_lumps(from, to, body, lump).await,
    };
    loop {
        let taken = body.take(&from.buffer);
        let sent = taken.min(usize::try_from(left).unwrap_or(usize::MAX));
        to.send_bytes(&from.buffer[..sent]).await?;
        from.buffer.advance(taken);
        left -= sent as u64;
        if sent == taken && body.has_ended() {
            return Ok(true);
        }
        if left == 0 {
            return Ok(false);
        }
        if from.more().await? == 0 {
            return Ok(*body == Body::UntilClose);
        }
    }
}

async fn pass_on_in_lumps(from: &mut Receiver, to: &mut Sender, body: &mut Body, lump: Duration) -> io::Result<bool> {
    let mut ticks = interval_at(Instant::now() + lump, lump);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut held = Vec::new();
    loop {
        let taken = body.take(&from.buffer);
        held.extend_from_slice(&from.buffer[..taken]);
        from.buffer.advance(taken);
        let over = body.has_ended();
        let is_due = over
            || held.len() >= LARGEST_LUMP_BYTES
            || tokio::select! {
                biased;
                _ = ticks.tick() => true,
                read = from.more() => match read {
                    Ok(n) if n > 0 => false,
                    _ => {
                        to.send_bytes(&held).await?;
                        return Ok(*body == Body::UntilClose);
                    }
                },
            };
        if is_due {
            to.send_bytes(&held).await?;
            held.clear();
        }
        if over {
            return Ok(true);
        }
    }
}

/// Passes bytes on both ways until both sides have ended, or one has failed.
pub async fn tunnel(client: impl AsyncRead + AsyncWrite, upstream: Side) {
    let (client_reads, client_writes) = tokio::io::split(client);
    let (reads, writes) = (upstream.receiver.into_reader(), upstream.sender.into_writer());
    both(copy(client_reads, writes), copy(reads, client_writes)).await;
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let copied = tokio::io::copy(&mut from, &mut to).await;
    // The other side is told in any case that no more will come.
    let ended = to.shutdown().await;
    copied.and(ended)
}

/// Runs both ways of a connection. When one has ended, the other may go on for a while.
async fn both(one: impl Future<Output = io::Result<()>>, other: impl Future<Output = io::Result<()>>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    tokio::select! {
        outcome = &mut one => if outcome.is_ok() {
            let _ = timeout(LINGER, other).await;
        },
        outcome = &mut other => if outcome.is_ok() {
            let _ = timeout(LINGER, one).await;
        },
    }
}

/// Passes bytes on both ways; ends both connections once nothing came from either for as long as `idle`.
pub async fn tunnel_until_idle(mut client: Side, mut upstream: Side, idle: Duration) {
    let moved = Notify::new();
    let silence = async { while timeout(idle, moved.notified()).await.is_ok() {} };
    tokio::select! {
        () = both(
            pass_noting(&mut client.receiver, &mut upstream.sender, &moved),
            pass_noting(&mut upstream.receiver, &mut client.sender, &moved),
        ) => return,
        () = silence => {}
    }
    tokio::join!(client.close(), upstream.close());
}

async fn pass_noting(from: &mut Receiver, to: &mut Sender, moved: &Notify) -> io::Result<()> {
    loop {
        if from.more().await? == 0 {
            return to.finish().await;
        }
        to.send_bytes(&from.buffer).await?;
        from.buffer.clear();
        moved.notify_one();
    }
}
