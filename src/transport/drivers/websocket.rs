//! WebSocket (RFC 6455): one conversation after the other, each from its upgrade on.

mod close;
mod conversation;
mod deflate;
mod hixie;
mod outbox;
mod reader;
mod sending;

use super::Outcome;
use super::backoff::Retry;
use super::draft;
use super::handshake;
use super::side::SideRequests;
use crate::transport::context::Context;
use crate::transport::spec::{Auth, Order, Outgoing};
use crate::transport::target::Target;
use crate::wire::Failure;
use conversation::Conversation;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// How a conversation ended.
enum End {
    /// By a close handshake or an order.
    Closed { text: String, by_user: bool },
    /// By a failure, which is recorded. `by_user`: the user had asked for the end by then.
    Broken { failure: Failure, by_user: bool },
}

/// Runs a WebSocket connection to its end.
pub(super) async fn run(
    context: &Arc<Context>,
    orders: &mut UnboundedReceiver<Order>,
    side: &mut SideRequests,
    target: &Target,
    auth: Option<&Auth>,
) -> Outcome {
    let again = context.spec.reconnect == Some(true);
    let interval = Duration::from_millis(context.spec.interval_ms.unwrap_or(3000));
    let mut early_orders = VecDeque::new();
    let mut retry = Retry::new(&context.spec.backoff);
    for number in 0_u64.. {
        let purpose = if number == 0 { "request".to_owned() } else { format!("reconnection {number}") };
        let opened = tokio::select! {
            opened = handshake::open(context, target, auth, &purpose) => opened,
            () = collect(context, orders, &mut early_orders) => {
                return Outcome::Done("closed by the user before it was open".to_owned());
            }
        };
        let end = match opened {
            Ok(upgraded) => {
                retry.succeeded();
                match draft::of(&context.spec) {
                    Some(draft) => {
                        hixie::Talk::new(context, upgraded, draft).run(orders, &mut early_orders, side).await
                    }
                    None => Conversation::new(context, upgraded).run(orders, &mut early_orders, side).await,
                }
            }
            Err(failure) => End::Broken { failure, by_user: false },
        };
        let why = match end {
            End::Closed { text, by_user } if by_user || !again => return ended(side, Outcome::Done(text)).await,
            End::Broken { failure, by_user } if by_user || !again => {
                return ended(side, Outcome::GaveUp(failure.to_string())).await;
            }
            End::Closed { text, .. } => text,
            End::Broken { failure, .. } => {
                if let Some(gave_up) = retry.failed(&failure) {
                    return ended(side, gave_up).await;
                }
                failure.text
            }
        };
        let why = format!("{why}; reconnecting");
        tokio::select! {
            () = retry.wait(context, interval, &why) => {}
            () = collect(context, orders, &mut early_orders) => {
                return ended(side, Outcome::Done("closed by the user before it was open again".to_owned())).await;
            }
        }
    }
    Outcome::Done("closed".to_owned())
}

async fn ended(side: &mut SideRequests, outcome: Outcome) -> Outcome {
    side.rest().await;
    outcome
}

/// Keeps orders for later until one is to close.
async fn collect(context: &Context, orders: &mut UnboundedReceiver<Order>, kept: &mut VecDeque<Outgoing>) {
    loop {
        match orders.recv().await {
            Some(Order::Send(outgoing)) => kept.push_back(outgoing),
            Some(Order::Close { .. }) => return context.set_parting("closed by the user"),
            None => std::future::pending().await,
        }
    }
}
