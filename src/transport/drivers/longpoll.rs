//! Long polling: a request that the server holds until there is something to say, then the next one, with the cursor
//! that the last answer gave.

use super::backoff::Retry;
use super::validators::Validators;
use super::{Outcome, reason_phrase, recorded, refused, retry_after, wait};
use crate::transport::client::Client;
use crate::transport::context::Context;
use crate::transport::failure::{failure, seconds, status_hint};
use crate::transport::http1::{Answer, Trouble};
use crate::transport::request::Ask;
use crate::transport::spec::{CursorSource, CursorTarget, Spec};
use crate::wire::{Failure, Stage};
use serde_json_path::JsonPath;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// The largest body that a cursor is looked for in.
const BODY_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// An answer that comes sooner than this was not held.
const AT_ONCE: Duration = Duration::from_millis(250);

/// So many answers in a row may come at once and bring neither a cursor nor a validator: a backlog that a server keeps
/// for us is read quickly. One that answers on like that does not hold its requests.
const BURST: u32 = 20;

/// Asks again and again until cancelled.
pub(super) async fn run(client: &mut Client, ask: Ask) -> Outcome {
    let context = client.context.clone();
    let spec = &context.spec;
    let interval = Duration::from_millis(spec.interval_ms.unwrap_or(1000).max(1));
    let mut position = Position::default();
    let mut answered = false;
    let mut retry = Retry::new(&spec.backoff);
    let mut idle_rounds = 0;
    let mut burst = 0;
    for number in 1_u64.. {
        let mut ask = position.applied(&ask, spec);
        ask.purpose = format!("long poll {number}");
        let failed = match client.ask(&ask).await {
            Ok(answer) => {
                answered = true;
                let status = answer.status;
                if matches!(status, 429 | 500..=599) {
                    let text = format!("the server answered with status {status}{}", reason_phrase(status));
                    let gave_up = retry.failed(&failure(Stage::Answer, Instant::now(), text, status_hint(status)));
                    let asked_for = retry_after(&answer);
                    client.skip(answer).await;
                    if let Some(gave_up) = gave_up {
                        return gave_up;
                    }
                    let why = format!("status {status}");
                    match asked_for {
                        Some(pause) => retry.wait_exactly(&context, pause, &why).await,
                        None => retry.wait(&context, interval, &why).await,
                    }
                    continue;
                }
                if !matches!(status, 200..=299 | 304 | 408) {
                    return Outcome::GaveUp(refused(client, answer).await.to_string());
                }
                let round = take(client, &context, answer, &mut position).await;
                client.settle(&ask).await;
                match round {
                    Ok(Round::News { is_held }) => {
                        retry.succeeded();
                        idle_rounds = 0;
                        burst = if is_held { 0 } else { burst + 1 };
                        if burst > BURST {
                            let why = "the server answers at once and names no cursor, so it does not hold requests";
                            wait(&context, interval, why).await;
                        }
                        continue;
                    }
                    Ok(Round::Nothing { held }) => {
                        retry.succeeded();
                        // Guards against a server that does not hold: asking again at once would never pause.
                        idle_rounds = if held < AT_ONCE { idle_rounds + 1 } else { 0 };
                        if idle_rounds > 0 {
                            let why = format!("answered after {} with nothing new (status {status})", seconds(held));
                            wait(&context, idle_pause(interval, idle_rounds), &why).await;
                        }
                        continue;
                    }
                    Err(failed) => failed,
                }
            }
            Err(Trouble::Silent(failure)) => {
                context.notice(format!("{}: asking again", failure.text));
                client.finish("the server held the request too long").await;
                continue;
            }
            Err(trouble) => recorded(client, trouble),
        };
        let again = spec.reconnect.unwrap_or(answered);
        if !again {
            return Outcome::GaveUp(failed.to_string());
        }
        if let Some(gave_up) = retry.failed(&failed) {
            return gave_up;
        }
        retry.wait(&context, interval, "the long poll failed").await;
    }
    Outcome::Done("asked".to_owned())
}

/// How long to leave a server alone that had nothing new so many times in a row: twice as long each time, at most half a
/// minute.
fn idle_pause(interval: Duration, idle_rounds: u32) -> Duration {
    let limit = Duration::from_secs(30).max(interval);
    interval.saturating_mul(1 << idle_rounds.saturating_sub(1).min(10)).min(limit)
}

/// What an answer brought.
enum Round {
    /// Something new. `is_held`: it was waited for, or the position moved on, so that the next request is another.
    News { is_held: bool },
    /// Nothing new, after so long.
    Nothing { held: Duration },
}

/// Reads an answer and moves the position on.
async fn take(
    client: &mut Client,
    context: &Context,
    mut answer: Answer,
    position: &mut Position,
) -> Result<Round, Failure> {
    let held = answer.held;
    let (body, whole) = client.body(&mut answer, BODY_LIMIT_BYTES).await?;
    let empty = body.is_empty();
    let moved = match position.advance(&context.spec, &answer, &body, whole) {
        Ok(moved) => moved,
        Err(text) => {
            // An empty answer is expected to bring no cursor.
            if !empty && position.complained.as_deref() != Some(&text) {
                context.notice(&text);
                position.complained = Some(text);
            }
            false
        }
    };
    let same = position.same_body(&body);
    let news = !empty && answer.status == 200 && (moved || !same || held >= AT_ONCE);
    let is_held = moved || held >= AT_ONCE;
    Ok(if news || (moved && !empty) { Round::News { is_held } } else { Round::Nothing { held } })
}

/// Where the stream of answers has come to.
#[derive(Default)]
struct Position {
    cursor: Option<String>,
    validators: Validators,
    last_body: Option<u64>,
    complained: Option<String>,
}

impl Position {
    /// The next request.
    fn applied(&self, ask: &Ask, spec: &Spec) -> Ask {
        let mut ask = ask.clone();
        match (&self.cursor, &spec.cursor_target) {
            (Some(cursor), CursorTarget::Query(name)) => ask.target = ask.target.with_query(name, cursor),
            (Some(cursor), CursorTarget::Header(name)) => ask.set(name, cursor),
            (None, _) => {}
        }
        self.validators.apply(&mut ask);
        ask
    }

    /// Takes the cursor of an answer. Says whether it moved, or why there is none.
    fn advance(&mut self, spec: &Spec, answer: &Answer, body: &[u8], whole: bool) -> Result<bool, String> {
        let moved = matches!(answer.status, 200..=299) && self.validators.learn(answer);
        let found = match &spec.cursor {
            CursorSource::None => return Ok(moved),
            CursorSource::Header(name) => {
                answer.header(name).ok_or_else(|| format!("the answer has no header {name} to take the cursor from"))?
            }
            CursorSource::JsonPath(_) if !whole => {
                return Err(format!(
                    "the answer is larger than {BODY_LIMIT_BYTES} bytes: no cursor is looked for in it"
                ));
            }
            CursorSource::JsonPath(path) => cursor_in(body, path)?,
        };
        if found.contains(['\r', '\n', '\0']) {
            return Err("the cursor contains a line break and is not used".to_owned());
        }
        let new = self.cursor.as_ref() != Some(&found);
        self.cursor = Some(found);
        Ok(new || moved)
    }

    fn same_body(&mut self, body: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let hash = hasher.finish();
        self.last_body.replace(hash) == Some(hash)
    }
}

/// The first match of a JSONPath in a body (RFC 9535), as text.
fn cursor_in(body: &[u8], path: &str) -> Result<String, String> {
    let parsed = JsonPath::parse(path).map_err(|error| format!("the cursor's JSONPath cannot be read: {error}"))?;
    let json: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is no JSON, so there is no cursor in it: {error}"))?;
    match parsed.query(&json).first() {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(serde_json::Value::Null) | None => {
            Err(format!("nothing in the answer matches the cursor's JSONPath {path}"))
        }
        Some(other) => Ok(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_the_first_match() {
        assert_eq!(cursor_in(br#"{"a":[{"n":7},{"n":8}]}"#, "$.a[*].n").as_deref(), Ok("7"));
        assert_eq!(cursor_in(br#"{"next":"x y"}"#, "$.next").as_deref(), Ok("x y"));
        assert!(cursor_in(b"[]", "$.next").unwrap_err().contains("nothing"));
        assert!(cursor_in(b"<html>", "$.next").unwrap_err().contains("no JSON"));
    }
}
