//! Short polling: a request every interval, on a link that is kept alive where the server allows it.

use super::backoff::Retry;
use super::validators::Validators;
use super::{Outcome, recorded};
use crate::transport::client::Client;
use crate::transport::http1::Answer;
use crate::transport::request::Ask;
use std::time::Duration;
use tokio::time::Instant;

/// Polls until cancelled. `first` is an answer that is here already.
pub(super) async fn run(client: &mut Client, ask: Ask, first: Option<Answer>) -> Outcome {
    let context = client.context.clone();
    let interval = Duration::from_millis(context.spec.interval_ms.unwrap_or(1000).max(1));
    let mut validators = Validators::default();
    let mut answered = first.is_some();
    let mut retry = Retry::new(&context.spec.backoff);
    let mut first = first;
    for number in 1_u64.. {
        let began = Instant::now();
        let mut ask = ask.clone();
        ask.purpose = format!("poll {number}");
        validators.apply(&mut ask);
        let answer = match first.take() {
            Some(answer) => Ok(answer),
            None => client.ask(&ask).await,
        };
        let failed = match answer {
            Ok(mut answer) => {
                answered = true;
                if matches!(answer.status, 200..=299) {
                    validators.learn(&answer);
                }
                let read = client.body(&mut answer, 0).await.map(drop);
                drop(answer);
                client.settle(&ask).await;
                read.err()
            }
            Err(trouble) => Some(recorded(client, trouble)),
        };
        match failed {
            None => retry.succeeded(),
            Some(failure) if !answered && context.spec.reconnect != Some(true) => {
                return Outcome::GaveUp(failure.to_string());
            }
            Some(failure) if context.spec.reconnect == Some(false) => return Outcome::GaveUp(failure.to_string()),
            Some(failure) => {
                if let Some(gave_up) = retry.failed(&failure) {
                    return gave_up;
                }
                retry.wait(&context, interval, "the poll failed").await;
                continue;
            }
        }
        tokio::time::sleep_until(began + interval).await;
    }
    Outcome::Done("polled".to_owned())
}
