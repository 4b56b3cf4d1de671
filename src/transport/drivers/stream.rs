//! HTTP streaming: one answer that does not end, whatever its framing: chunks, lines, parts, or until the close.

use super::backoff::Retry;
use super::{Outcome, recorded, refused};
use crate::transport::client::Client;
use crate::transport::failure::seconds;
use crate::transport::http1::Answer;
use crate::transport::request::Ask;
use crate::wire::Failure;
use std::time::{Duration, Instant};

/// Reads the stream to its end, and again where the user asked for that. `first` is an answer that is here already.
pub(super) async fn run(client: &mut Client, ask: Ask, first: Option<Answer>) -> Outcome {
    let context = client.context.clone();
    let again = context.spec.reconnect == Some(true);
    let interval = Duration::from_millis(context.spec.interval_ms.unwrap_or(3000));
    let mut first = first;
    let mut retry = Retry::new(&context.spec.backoff);
    for number in 0_u64.. {
        let mut ask = ask.clone();
        if number > 0 {
            ask.purpose = format!("reconnection {number}");
        }
        let answer = match first.take() {
            Some(answer) => Ok(answer),
            None => client.ask(&ask).await.map_err(|trouble| recorded(client, trouble)),
        };
        let ended = match answer {
            Ok(answer) if !matches!(answer.status, 200..=299) => {
                // A refusal will not change by asking again, unless the server says that it may.
                let may_change = matches!(answer.status, 408 | 429 | 500..=599);
                let failure = refused(client, answer).await;
                if !may_change {
                    return Outcome::GaveUp(failure.to_string());
                }
                Err(failure)
            }
            Ok(mut answer) => {
                retry.succeeded();
                read(client, &mut answer).await
            }
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(text) if !again => {
                client.finish("the answer is complete").await;
                return Outcome::Done(text);
            }
            Err(failure) if !again => return Outcome::GaveUp(failure.to_string()),
            Ok(text) => {
                client.settle(&ask).await;
                retry.wait(&context, interval, &text).await;
            }
            Err(failure) => {
                if let Some(gave_up) = retry.failed(&failure) {
                    return gave_up;
                }
                retry.wait(&context, interval, "the stream failed").await;
            }
        }
    }
    Outcome::Done("streamed".to_owned())
}

/// Reads one answer to its end.
async fn read(client: &mut Client, answer: &mut Answer) -> Result<String, Failure> {
    let began = Instant::now();
    let mut len_bytes = 0;
    while let Some(bytes) = client.chunk(answer).await? {
        len_bytes += bytes.len();
    }
    Ok(format!("the stream ended after {len_bytes} bytes in {}", seconds(began.elapsed())))
}
