//! One driver per push type, and what they share: how a connection ends, waits and refusals.

mod auto;
mod backoff;
mod draft;
mod frames;
mod handshake;
mod longpoll;
mod poll;
mod side;
mod sse;
mod stream;
mod validators;
mod websocket;

use super::client::Client;
use super::context::Context;
use super::failure::{failure, seconds, status_hint};
use super::http1::{Answer, Trouble};
use super::login;
use super::request::Ask;
use super::spec::{Auth, Order, PushType};
use super::target::Target;
use crate::wire::{Act, Failure, Stage};
use side::SideRequests;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;

/// How a connection ended.
pub(crate) enum Outcome {
    /// As it should.
    Done(String),
    /// By a failure.
    GaveUp(String),
}

/// Runs a connection to its end.
pub(crate) async fn run(
    context: &Arc<Context>,
    orders: &mut UnboundedReceiver<Order>,
    target: Target,
    auth: Option<Auth>,
) -> Outcome {
    let mut side = SideRequests::new(context, &target, auth.as_ref());
    let push_type = context.spec.push_type;
    if context.spec.side_only {
        context.act(Act::Noticed, "makes no request of its own: what was recorded is sent as it was");
        context.sent.cancel();
        context.answered.cancel();
        // What is still answered when the user closes ends with the connection.
        return Outcome::Done(side.pump(orders).await);
    }
    if push_type == PushType::Ws || (push_type == PushType::Auto && target.websocket) {
        if push_type == PushType::Auto {
            context.act(Act::Picked, format!("WebSocket, since the address begins with {}://", target.url.scheme()));
        }
        return websocket::run(context, orders, &mut side, &target, auth.as_ref()).await;
    }
    let http = async {
        let mut client = Client::new(context);
        let ask = |accept: &str| Ask::of(&context.spec, &target, auth.as_ref(), accept);
        Some(match push_type {
            PushType::Poll => poll::run(&mut client, ask("*/*"), None).await,
            PushType::LongPoll => longpoll::run(&mut client, ask("*/*")).await,
            PushType::Stream => stream::run(&mut client, ask("*/*"), None).await,
            PushType::Sse => sse::run(&mut client, sse::ask(ask("text/event-stream")), None).await,
            PushType::Auto | PushType::Ws => return auto::run(&mut client, ask(auto::ACCEPT)).await,
        })
    };
    let outcome = tokio::select! {
        outcome = http => outcome,
        text = side.pump(orders) => Some(Outcome::Done(text)),
    };
    match outcome {
        Some(outcome) => {
            side.rest().await;
            outcome
        }
        // `auto` found that the endpoint wants WebSocket.
        None => websocket::run(context, orders, &mut side, &target, auth.as_ref()).await,
    }
}

/// Says that and why nothing happens for a while, and waits.
async fn wait(context: &Context, duration: Duration, why: &str) {
    let text =
        if duration.is_zero() { format!("{why}, at once") } else { format!("{why}: waiting {}", seconds(duration)) };
    context.act(Act::Waiting, text);
    tokio::time::sleep(duration).await;
}

/// The failure behind a request that got no answer, recorded.
fn recorded(client: &mut Client, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Failed(failure) => failure,
        Trouble::Silent(failure) => client.fail(failure),
        Trouble::Raced => client.fail(failure(Stage::Answer, Instant::now(), "the server closed the connection", "")),
    }
}

/// Records an answer whose status says that there is no stream; its body is read as evidence.
async fn refused(client: &mut Client, answer: Answer) -> Failure {
    let (status, held) = (answer.status, answer.held);
    let proxy = client.forwarder().filter(|_| status == 407);
    let who = proxy.unwrap_or_else(|| answer.target.authority());
    let stage = if status == 407 { Stage::Proxy } else { Stage::Answer };
    let text = format!("{who} answered with status {status}{}", reason_phrase(status));
    let hint = match answer.header("location").or_else(|| answer.header("upgrade")) {
        Some(names) => format!("{}: {names}", status_hint(status)),
        None if matches!(status, 301 | 302 | 303 | 307 | 308) => {
            format!("{}, but names no place: there is no Location header", status_hint(status))
        }
        None => match client.context.challenge.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(challenge) if matches!(status, 401 | 407) && !challenge.schemes.is_empty() => login::hint(challenge),
            _ => status_hint(status).to_owned(),
        },
    };
    let refusal = Failure { stage, text, hint, took_ns: held.as_nanos() as u64, chain: Vec::new() };
    client.refuse(answer, refusal).await
}

/// The reason phrase that RFC 9110 gives a status, with a space before it.
fn reason_phrase(status: u16) -> String {
    let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.map_or_else(String::new, |reason| format!(" {reason}"))
}

/// The wait that an answer asks for in seconds (RFC 9110 §10.2.3), at most five minutes.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer.header("retry-after")?.parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds.min(300)))
}
