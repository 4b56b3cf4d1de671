//! The push type by the answer: one request, whose answer goes to the driver that fits it.

use super::{Outcome, poll, recorded, refused, sse, stream};
use crate::transport::client::Client;
use crate::transport::http1::Answer;
use crate::transport::request::Ask;
use crate::wire::Act;

/// What a request accepts that does not know what will come.
pub(super) const ACCEPT: &str = "text/event-stream, application/x-ndjson, */*;q=0.5";

/// What an answer looks like.
#[derive(Debug, PartialEq, Eq)]
enum Pick {
    Sse,
    Stream,
    Poll,
    WebSocket,
    Refused,
}

/// Asks once and goes on as the answer suggests. `None`: the endpoint wants WebSocket.
pub(super) async fn run(client: &mut Client, ask: Ask) -> Option<Outcome> {
    let context = client.context.clone();
    let answer = match client.ask(&ask).await {
        Ok(answer) => answer,
        Err(trouble) => return Some(Outcome::GaveUp(recorded(client, trouble).to_string())),
    };
    let wants_websocket = answer.tokens("upgrade").iter().any(|token| token == "websocket");
    let framing = Framing {
        status: answer.status,
        media_type: answer.media_type(),
        has_length: answer.headers.contains_key("content-length"),
        wants_websocket,
        is_safe: ask.is_safe(),
    };
    let (pick, why) = pick(&framing);
    let label = match pick {
        Pick::Sse => "SSE",
        Pick::Stream => "HTTP streaming",
        Pick::Poll => "Polling",
        Pick::WebSocket => "WebSocket",
        Pick::Refused => return Some(Outcome::GaveUp(refused(client, answer).await.to_string())),
    };
    let once = if ask.is_safe() { String::new() } else { format!("; {} is not repeated by itself", ask.method) };
    context.act(Act::Picked, format!("{label}, since {why}{once}"));
    follow(client, ask, answer, &pick).await
}

async fn follow(client: &mut Client, ask: Ask, answer: Answer, pick: &Pick) -> Option<Outcome> {
    match pick {
        Pick::Sse => Some(sse::run(client, sse::ask(ask), Some(answer)).await),
        Pick::Stream => Some(stream::run(client, ask, Some(answer)).await),
        Pick::Poll | Pick::Refused => Some(poll::run(client, ask, Some(answer)).await),
        Pick::WebSocket => {
            client.skip(answer).await;
            client.finish("the endpoint wants WebSocket").await;
            None
        }
    }
}

/// What there is to tell by.
struct Framing {
    status: u16,
    media_type: String,
    has_length: bool,
    wants_websocket: bool,
    /// Whether the request may be repeated without a thought.
    is_safe: bool,
}

fn pick(framing: &Framing) -> (Pick, String) {
    let Framing { status, media_type, has_length, wants_websocket, is_safe } = framing;
    if *wants_websocket && matches!(status, 400..=499) {
        return (Pick::WebSocket, format!("status {status} names it in the Upgrade header"));
    }
    match (status, media_type.as_str()) {
        (200, "text/event-stream") => (Pick::Sse, "the answer is text/event-stream".to_owned()),
        // What the request does at the server was asked for once: read to the end, the answer is all there is.
        (200..=299, _) if !is_safe && *has_length => (Pick::Stream, "the answer has a length, so it ends".to_owned()),
        (204, _) if !is_safe => (Pick::Stream, "the answer is empty (status 204)".to_owned()),
        (204 | 304, _) => (Pick::Poll, format!("the answer is empty (status {status})")),
        (200..=299, "multipart/x-mixed-replace") => {
            (Pick::Stream, "the answer is multipart/x-mixed-replace".to_owned())
        }
        (
            200..=299,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/stream+json",
        ) => (Pick::Stream, format!("the answer is {media_type}")),
        (200..=299, _) if *has_length => (Pick::Poll, "the answer has a length, so it ends".to_owned()),
        (200..=299, _) => (Pick::Stream, "the answer has no length".to_owned()),
        _ => (Pick::Refused, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_tells_the_type() {
        let case = |status, media_type: &str, has_length, wants_websocket| {
            pick(&Framing { status, media_type: media_type.into(), has_length, wants_websocket, is_safe: true }).0
        };
        assert_eq!(case(200, "text/event-stream", false, false), Pick::Sse);
        assert_eq!(case(200, "multipart/x-mixed-replace", false, false), Pick::Stream);
        assert_eq!(case(200, "", false, false), Pick::Stream);
        assert_eq!(case(200, "application/json", true, false), Pick::Poll);
        assert_eq!(case(426, "text/plain", true, true), Pick::WebSocket);
        assert_eq!(case(404, "text/html", true, false), Pick::Refused);
        let posted = |status, has_length| {
            pick(&Framing { status, media_type: String::new(), has_length, wants_websocket: false, is_safe: false }).0
        };
        assert_eq!((posted(200, true), posted(204, false)), (Pick::Stream, Pick::Stream));
    }
}
