//! Requests on the side: what the user sends on a connection that only receives. Each has a link of its own.

use super::recorded;
use crate::transport::client::Client;
use crate::transport::context::Context;
use crate::transport::failure::refused_option;
use crate::transport::request::Ask;
use crate::transport::secrets::is_secret_header;
use crate::transport::spec::{Auth, Order, Outgoing};
use crate::transport::target::{Target, check_message};
use crate::wire::{Act, Failure};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// How long a request on the side waits for the connection's own first answer, which many servers hold back.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the end of a connection waits for its requests on the side.
const REST: Duration = Duration::from_secs(10);

/// The requests on the side that are under way.
pub(super) struct SideRequests {
    context: Arc<Context>,
    own: Target,
    auth: Option<Auth>,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl SideRequests {
    pub fn new(context: &Arc<Context>, own: &Target, auth: Option<&Auth>) -> SideRequests {
        SideRequests {
            context: context.clone(),
            own: own.clone(),
            auth: auth.cloned(),
            running: FuturesUnordered::new(),
        }
    }

    /// Begins a request, or says why it cannot be made.
    pub fn begin(&mut self, outgoing: Outgoing) {
        match self.ask(outgoing) {
            Ok(ask) => self.running.push(Box::pin(carry_out(self.context.clone(), ask))),
            Err(failure) => self.context.act(Act::NotSent, format!("not sent: {}", failure.text)),
        }
    }

    /// Takes orders until one is to close; the text says so.
    pub async fn pump(&mut self, orders: &mut UnboundedReceiver<Order>) -> String {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Send(outgoing)) => self.begin(outgoing),
                    Some(Order::Close { .. }) => {
                        self.context.set_parting("closed by the user");
                        return "closed by the user".to_owned();
                    }
                    // The handle is gone, and with it goes the connection.
                    None => std::future::pending().await,
                },
                () = self.progress(), if self.is_busy() => {}
            }
        }
    }

    /// Whether a request is under way.
    pub fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// Carries the requests on until one is through.
    pub async fn progress(&mut self) {
        self.running.next().await;
    }

    /// Waits for the requests that are still under way.
    pub async fn rest(&mut self) {
        if !self.context.sent.is_cancelled() {
            for _ in std::mem::take(&mut self.running) {
                self.context.act(Act::NotSent, "not sent: the connection never came up");
            }
        }
        let all = async { while self.running.next().await.is_some() {} };
        // Those that take too long end with the connection; their links say so.
        let _ = tokio::time::timeout(REST, all).await;
    }

    fn ask(&self, outgoing: Outgoing) -> Result<Ask, Failure> {
        let (method, url, mut headers, body) = match outgoing {
            Outgoing::Text(text) => {
                let json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
                let media_type = if json { "application/json" } else { "text/plain; charset=utf-8" };
                (String::new(), None, content_type(media_type), Bytes::from(text))
            }
            Outgoing::Binary(bytes) => (String::new(), None, content_type("application/octet-stream"), bytes),
            Outgoing::Request { method, url, headers, body } => (method, url, headers, body),
            Outgoing::Ping(_) | Outgoing::Pong(_) | Outgoing::Message(_) | Outgoing::Frames(_) => {
                return Err(refused_option("pings, pongs and frames exist on WebSocket only", ""));
            }
        };
        let method = if method.is_empty() { "POST".to_owned() } else { method };
        check_message(&method, &headers)?;
        let (target, auth) = match &url {
            Some(url) => {
                let joined = self.own.url.join(url);
                let url = joined.map_err(|error| refused_option(format!("{url} is no address: {error}"), ""))?;
                Target::of(url)?
            }
            None => (self.own.clone(), None),
        };
        let spec = &self.context.spec;
        let mut auth = auth;
        if target.same_origin(&self.own) {
            auth = auth.or_else(|| if spec.auth == Auth::None { self.auth.clone() } else { Some(spec.auth.clone()) });
            // The same server will want the same credentials.
            let credentials = spec.headers.iter().filter(|(name, _)| is_secret_header(name));
            for (name, value) in credentials {
                if !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                    headers.push((name.clone(), value.clone()));
                }
            }
        }
        let body = (!body.is_empty()).then_some(body);
        let mut ask = Ask::plain(&method, &target, headers, body, "*/*");
        ask.authorize(auth.as_ref());
        ask.purpose = "side request".to_owned();
        if spec.side_only {
            ask.version = spec.http;
        }
        ask.answer_ms = spec.timeouts.answer_ms;
        Ok(ask)
    }
}

fn content_type(media_type: &str) -> Vec<(String, String)> {
    vec![("Content-Type".to_owned(), media_type.to_owned())]
}

async fn carry_out(context: Arc<Context>, ask: Ask) {
    // What is published is to come back on the connection, so that must be up first.
    context.sent.cancelled().await;
    // A server that holds back its answer is not waited for.
    let _ = tokio::time::timeout(PATIENCE, context.answered.cancelled()).await;
    let mut client = Client::new(&context);
    let sent = match client.ask(&ask).await {
        Ok(mut answer) => client.body(&mut answer, 0).await.map(|_| ()),
        Err(trouble) => Err(recorded(&mut client, trouble)),
    };
    match sent {
        Ok(()) => client.finish("the side request is answered").await,
        Err(failure) => context.act(Act::NotSent, format!("the side request failed: {failure}")),
    }
}
