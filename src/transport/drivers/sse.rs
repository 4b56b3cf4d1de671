//! Server-sent events (WHATWG HTML §9.2): one answer after the other, taken up where the last one ended.
//!
//! `eventsource-stream` loses a `retry` in an event without data and holds lines of any length, so the two things that
//! a client needs for reconnecting are read here, in bounded memory; a test holds them against that library.

use super::backoff::Retry;
use super::{Outcome, recorded, refused};
use crate::transport::client::Client;
use crate::transport::failure::seconds;
use crate::transport::http1::Answer;
use crate::transport::request::Ask;
use crate::transport::spec::PushType;
use crate::wire::Failure;
use std::time::{Duration, Instant};

/// Adds the headers of §9.2.3 to a request.
pub(super) fn ask(mut ask: Ask) -> Ask {
    ask.set_default("Cache-Control", "no-cache");
    ask
}

/// Follows an event stream until it stops for good. `first` is an answer that is here already.
pub(super) async fn run(client: &mut Client, ask: Ask, first: Option<Answer>) -> Outcome {
    let context = client.context.clone();
    let spec = &context.spec;
    let mut resume = Resume::new(spec.last_event_id.clone().unwrap_or_default());
    let mut answered = first.is_some();
    let mut first = first;
    let mut retry = Retry::new(&spec.backoff);
    for number in 0_u64.. {
        let mut ask = ask.clone();
        if number > 0 {
            ask.purpose = format!("reconnection {number}");
        }
        // §9.2.2: the header is left out where the ID is empty.
        if !resume.last_event_id.is_empty() {
            ask.set("Last-Event-ID", &resume.last_event_id);
        }
        let answer = match first.take() {
            Some(answer) => Ok(answer),
            None => client.ask(&ask).await.map_err(|trouble| recorded(client, trouble)),
        };
        let mut labelled = true;
        let ended = match answer {
            Ok(answer) if answer.status == 204 => {
                client.skip(answer).await;
                client.finish("the server wants no reconnection").await;
                return Outcome::Done("status 204: the server wants no reconnection".to_owned());
            }
            Ok(answer) if answer.status != 200 => {
                let failure = refused(client, answer).await;
                return Outcome::GaveUp(format!("{failure}; an EventSource does not reconnect after that"));
            }
            Ok(mut answer) => {
                answered = true;
                retry.succeeded();
                labelled = is_labelled(&answer);
                if !labelled {
                    context.notice(mislabelled(&answer));
                }
                read(client, &mut answer, &mut resume).await
            }
            Err(failure) => Err(failure),
        };
        // Who asked for SSE asked for its reconnections; where `auto` found it, only what is safe is repeated.
        let repeats = spec.push_type == PushType::Sse || ask.is_safe();
        let again = spec.reconnect.unwrap_or(answered && labelled && repeats);
        let base = resume.retry.or(spec.interval_ms.map(Duration::from_millis)).unwrap_or(Duration::from_secs(3));
        match ended {
            Ok(text) if !again => {
                client.finish("the stream ended").await;
                return Outcome::Done(text);
            }
            Err(failure) if !again => return Outcome::GaveUp(failure.to_string()),
            Ok(text) => {
                client.settle(&ask).await;
                retry.wait(&context, base, &format!("{text}; reconnecting")).await;
            }
            Err(failure) => {
                if let Some(gave_up) = retry.failed(&failure) {
                    return gave_up;
                }
                retry.wait(&context, base, "the stream broke; reconnecting").await;
            }
        }
    }
    Outcome::Done("the stream ended".to_owned())
}

fn is_labelled(answer: &Answer) -> bool {
    answer.media_type() == "text/event-stream"
}

fn mislabelled(answer: &Answer) -> String {
    let found = match answer.media_type() {
        empty if empty.is_empty() => "there is no Content-Type".to_owned(),
        other => format!("the Content-Type is {other}"),
    };
    format!(
        "{found} where text/event-stream is needed: a browser's EventSource gives up here (WHATWG HTML §9.2.2); shown as it arrives"
    )
}

async fn read(client: &mut Client, answer: &mut Answer, resume: &mut Resume) -> Result<String, Failure> {
    let began = Instant::now();
    resume.begin();
    while let Some(bytes) = client.chunk(answer).await? {
        resume.feed(&bytes);
    }
    Ok(format!("the stream ended after {}", seconds(began.elapsed())))
}

/// The longest line that is kept: more than any ID that fits a request.
const LINE_LIMIT_BYTES: usize = 8 * 1024;

/// What reconnecting needs: the last event ID and the time to wait (§9.2.6).
#[derive(Debug, Default)]
struct Resume {
    last_event_id: String,
    retry: Option<Duration>,
    id_buffer: String,
    line: Vec<u8>,
    too_long: bool,
    after_cr: bool,
    at_start: bool,
}

impl Resume {
    fn new(last_event_id: String) -> Resume {
        Resume { last_event_id, ..Resume::default() }
    }

    /// A new answer: an event that was cut off is forgotten.
    fn begin(&mut self) {
        self.id_buffer.clone_from(&self.last_event_id);
        self.line.clear();
        self.too_long = false;
        self.after_cr = false;
        self.at_start = true;
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            // A line that lies in these bytes is read where it lies.
            let is_whole = end.is_some() && self.line.is_empty() && part.len() <= LINE_LIMIT_BYTES;
            if !is_whole {
                let room = LINE_LIMIT_BYTES - self.line.len();
                self.too_long |= part.len() > room;
                self.line.extend_from_slice(&part[..part.len().min(room)]);
            }
            let Some(end) = end else { return };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if is_whole {
                self.end_of_line(part);
            } else {
                let mut line = std::mem::take(&mut self.line);
                self.end_of_line(&line);
                line.clear();
                self.line = line;
            }
        }
    }

    fn end_of_line(&mut self, mut line: &[u8]) {
        let too_long = std::mem::take(&mut self.too_long);
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            self.last_event_id.clone_from(&self.id_buffer);
        } else if !too_long {
            let colon = memchr::memchr(b':', line);
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match name {
                b"id" if !value.contains(&0) => self.id_buffer = String::from_utf8_lossy(value).into_owned(),
                b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                    let ms = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                    // More digits than fit are a very long time.
                    self.retry = Some(Duration::from_millis(ms.unwrap_or(u64::from(u32::MAX))));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventsource_stream::Eventsource;
    use futures_util::{StreamExt, stream};

    fn resumed(text: &str, step: usize) -> Resume {
        let mut resume = Resume::new(String::new());
        resume.begin();
        text.as_bytes().chunks(step).for_each(|part| resume.feed(part));
        resume
    }

    #[test]
    fn an_id_counts_from_its_blank_line_on_however_it_is_cut() {
        for step in 1..9 {
            let resume =
                resumed("\u{feff}id: 1\rdata: x\r\n\r\nid:2\n\nid: 3\0\n\nretry: 250\n\nretry: 1x\nid: 4\n", step);
            assert_eq!((resume.last_event_id.as_str(), resume.retry), ("2", Some(Duration::from_millis(250))));
        }
        assert_eq!(resumed("id: 1\n\nid\n\n", 3).last_event_id, "");
    }

    #[test]
    fn a_line_of_any_length_takes_bounded_memory() {
        let mut resume = Resume::new("9".into());
        resume.begin();
        resume.feed(b"id: ");
        for _ in 0..1000 {
            resume.feed(&[b'x'; 4096]);
        }
        resume.feed(b"\n\n");
        assert!(resume.line.capacity() < 64 * 1024);
        assert_eq!(resume.last_event_id, "9");
    }

    #[test]
    fn eventsource_stream_agrees() {
        let text = "id: a\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\nid: b c\nretry: 77\ndata: 4\n\nid: lost\ndata: 5";
        let mut witness = stream::iter([Ok::<_, ()>(text)]).eventsource();
        let mut retry = None;
        futures_util::FutureExt::now_or_never(async {
            while let Some(Ok(event)) = witness.next().await {
                retry = event.retry.or(retry);
            }
        });
        let resume = resumed(text, 4);
        assert_eq!((resume.last_event_id.as_str(), resume.retry), (witness.last_event_id(), retry));
    }
}
