//! An open connection, as the rest of the program holds it.

use super::context::Context;
use super::drivers::{self, Outcome};
use super::secrets::shown_address;
use super::spec::{Order, Spec};
use super::target::{self, Target};
use crate::wire::{Act, ConnectionId, ConnectionInfo, EventSender};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// One open connection. Dropping it cancels: its sockets close at once, at any stage.
pub struct Handle {
    context: Arc<Context>,
    orders: UnboundedSender<Order>,
    cancel: CancellationToken,
    over: CancellationToken,
}

/// Opens a connection on `runtime`.
///
/// Queues the [`ConnectionInfo`] at once, with the spec as JSON without its secrets. The connection ends in exactly one
/// `ClientAct` of `Done` or `GaveUp`.
pub fn connect(
    runtime: &tokio::runtime::Handle,
    id: ConnectionId,
    spec: Spec,
    label: String,
    events: EventSender,
) -> Handle {
    // A spec is plain data; it always has a JSON form.
    let json = serde_json::to_string(&spec.without_secrets()).unwrap_or_default();
    let label = shown_address(&label);
    events.send_connection(ConnectionInfo { id, spec: json, label });
    let (orders, receiver) = unbounded_channel();
    let handle = Handle {
        context: Context::new(id, spec, events),
        orders,
        cancel: CancellationToken::new(),
        over: CancellationToken::new(),
    };
    runtime.spawn(live(handle.context.clone(), receiver, handle.cancel.clone(), handle.over.clone()));
    handle
}

impl Handle {
    /// The connection's number in the recording.
    pub fn connection(&self) -> ConnectionId {
        self.context.connection
    }

    /// Takes an order; never blocks. One that cannot be carried out becomes a `ClientAct` of `NotSent`.
    pub fn order(&self, order: Order) {
        if let Err(refused) = self.orders.send(order) {
            not_sent(&self.context, &refused.0);
        }
    }

    /// Cancels at once, at any stage. The events of the end still follow.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// Whether the connection is over.
    pub fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Resolves when the connection is over.
    pub async fn finished(&self) {
        self.over.cancelled().await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// A connection from its first event to its last.
async fn live(
    context: Arc<Context>,
    mut orders: UnboundedReceiver<Order>,
    cancel: CancellationToken,
    over: CancellationToken,
) {
    // Also where a driver panics, whoever waits for the end is told.
    let _over = over.drop_guard();
    let outcome = {
        let driver = std::pin::pin!(open(&context, &mut orders));
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                // Before the driver is dropped and with it every link, which says so.
                context.set_parting("stopped");
                None
            }
            outcome = driver => Some(outcome),
        }
    };
    orders.close();
    while let Ok(order) = orders.try_recv() {
        not_sent(&context, &order);
    }
    match outcome {
        None => context.act(Act::Done, "stopped"),
        Some(Outcome::Done(text)) => context.act(Act::Done, text),
        Some(Outcome::GaveUp(text)) => context.act(Act::GaveUp, text),
    }
}

async fn open(context: &Arc<Context>, orders: &mut UnboundedReceiver<Order>) -> Outcome {
    let checked = target::check(&context.spec).and_then(|()| Target::parse(&context.spec.url));
    match checked {
        Ok((target, auth)) => drivers::run(context, orders, target, auth).await,
        Err(failure) => {
            context.fail_unopened("", 0, false, &failure);
            Outcome::GaveUp(failure.to_string())
        }
    }
}

fn not_sent(context: &Context, order: &Order) {
    if matches!(order, Order::Send(_)) {
        context.act(Act::NotSent, "not sent: the connection is over");
    }
}
