//! The times of an entry, and its exchange as the events of a link.

use super::document::ABORTED;
use super::entry::{Entry, Frame, Loose, each};
use super::frames;
use super::order::Order;
use super::rebuild::{Answer, Rebuilt};
use super::tally::Tally;
use crate::interop::InteropError;
use crate::wire::{
    Act, ClientAct, Closed, Connected, ConnectionId, Dir, Failure, LinkId, Opening, Resolved, Stage, What,
};
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// No part of an exchange is believed to take longer: ten years.
const LONGEST_NS: f64 = 10.0 * 365.25 * 86_400e9;

/// Times that are set back by no more are not worth a word.
const SLACK_NS: i64 = 1_000_000;

/// When the parts of an exchange were over, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub began: i64,
    pub dns_ns: Option<i64>,
    pub resolved: i64,
    pub connect_ns: Option<i64>,
    /// Connected, and the request's first byte.
    pub asked: i64,
    /// The request's last byte.
    pub sent: i64,
    /// The answer's first byte.
    pub answered: i64,
    pub done: i64,
    /// After what the entry says of its whole time.
    pub over: i64,
}

impl Times {
    /// The times of an entry that began at `began`.
    pub fn of(entry: &Entry, began: i64) -> Times {
        let timings = &entry.timings;
        let dns_ns = part(&timings.dns);
        let mut connect_ns = part(&timings.connect);
        let parts = [&timings.blocked, &timings.dns, &timings.connect, &timings.send, &timings.wait, &timings.receive];
        let sum: i64 = parts.iter().filter_map(|part| self::part(part)).sum();
        let total = part(&entry.time);
        // HAR 1.2 has TLS inside `connect`; Firefox and mitmproxy have it beside, as their sum shows.
        if let (Some(ssl), Some(total)) = (part(&timings.ssl).filter(|ssl| *ssl > 0), total)
            && (total - sum - ssl).abs() < (total - sum).abs()
        {
            connect_ns = Some(connect_ns.unwrap_or(0) + ssl);
        }
        let after = |from: i64, part: Option<i64>| from.saturating_add(part.unwrap_or(0));
        let resolved = after(after(began, part(&timings.blocked)), dns_ns);
        let asked = after(resolved, connect_ns);
        let sent = after(asked, part(&timings.send));
        // Without its parts, all the time is waiting.
        let wait = part(&timings.wait).or(total.filter(|_| sum == 0));
        let answered = after(sent, wait);
        let done = after(answered, part(&timings.receive));
        Times { began, dns_ns, resolved, connect_ns, asked, sent, answered, done, over: after(began, total).max(done) }
    }
}

/// Milliseconds as nanoseconds; `None` where the part does not apply or cannot be.
fn part(ms: &Loose) -> Option<i64> {
    let ns = ms.number()? * 1e6;
    (0.0..LONGEST_NS).contains(&ns).then_some(ns as i64)
}

/// Seconds since 1970 as nanoseconds; `None` where they are beyond reason. Such a number tells microseconds at best.
pub(super) fn unix_ns(seconds: f64) -> Option<i64> {
    (0.0..9e9).contains(&seconds).then(|| (seconds * 1e6).round() as i64 * 1000)
}

/// When an entry began: RFC 3339, without an offset too, or milliseconds since 1970.
pub(super) fn started(said: &Loose) -> Option<i64> {
    let ns = match said {
        Loose::Nothing => return None,
        Loose::Number(ms) => return unix_ns(ms / 1e3),
        Loose::Text(text) => match text.trim().parse::<jiff::Timestamp>() {
            Ok(time) => time.as_nanosecond(),
            Err(_) => {
                let time = text.trim().parse::<jiff::civil::DateTime>().ok()?;
                time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond()
            }
        },
    };
    i64::try_from(ns).ok().filter(|ns| *ns >= 0)
}

/// A link that is written.
pub(super) struct Writer<'w> {
    pub order: &'w mut Order,
    pub tally: &'w mut Tally,
    pub link: LinkId,
    /// The time of the event before.
    pub clock: i64,
}

impl Writer<'_> {
    /// Writes an event; it cannot come before the one before it.
    fn push(&mut self, unix_ns: i64, what: What) -> Result<(), InteropError> {
        let is_back = unix_ns.saturating_add(SLACK_NS) < self.clock;
        self.tally.add("# times moved on, since they lie before those of what came before", u64::from(is_back));
        self.clock = self.clock.max(unix_ns);
        Ok(self.order.push(self.clock, self.link, what)?)
    }

    fn bytes(&mut self, unix_ns: i64, dir: Dir, bytes: Vec<u8>) -> Result<(), InteropError> {
        if bytes.is_empty() { Ok(()) } else { self.push(unix_ns, What::Bytes(dir, Bytes::from(bytes))) }
    }

    /// A head whose first byte came at one time and whose last at another: its last line end comes apart.
    fn head(&mut self, first: i64, last: i64, dir: Dir, mut head: Vec<u8>) -> Result<(), InteropError> {
        if last <= first {
            return self.bytes(first, dir, head);
        }
        let end = head.split_off(head.len().saturating_sub(2));
        self.bytes(first, dir, head)?;
        self.bytes(last, dir, end)
    }

    /// Writes all of an exchange.
    pub fn exchange(
        &mut self,
        entry: &Entry,
        mut rebuilt: Rebuilt,
        connection: ConnectionId,
        number: u64,
    ) -> Result<(), InteropError> {
        let times = Times::of(entry, self.clock);
        self.opening(entry, &rebuilt, connection, number, &times)?;
        if let Some(head) = rebuilt.request.take() {
            let body = std::mem::take(&mut rebuilt.request_body);
            let last = if body.is_empty() { times.sent } else { times.asked };
            self.head(times.asked, last, Dir::Out, head)?;
            self.bytes(times.sent, Dir::Out, body)?;
        }
        let Some(answer) = rebuilt.answer.take() else {
            let error = rebuilt.error.as_deref().unwrap_or("the HAR has no answer to this request");
            return self.end(times.over, error, Stage::Answer);
        };
        let is_to_close = answer.is_to_close;
        if rebuilt.is_websocket {
            self.websocket(entry, answer, &times)?;
        } else {
            self.answer(answer, &times)?;
        }
        match rebuilt.error {
            Some(error) => self.end(times.done, &error, Stage::Stream),
            None => {
                let by = if is_to_close { Dir::In } else { Dir::Out };
                let closed = Closed { by, text: "the HAR says no more of this connection".to_owned() };
                self.push(times.done.max(self.clock), What::Closed(closed))
            }
        }
    }

    fn opening(
        &mut self,
        entry: &Entry,
        rebuilt: &Rebuilt,
        connection: ConnectionId,
        number: u64,
        times: &Times,
    ) -> Result<(), InteropError> {
        let address = &rebuilt.address;
        let purpose = format!("entry {number} of the HAR");
        let (host, port, tls) = (address.host.clone(), address.port, address.is_tls);
        self.push(times.began, What::Opening(Opening { connection, host, port, tls, purpose, via: None }))?;
        let changes: Vec<&str> = rebuilt.changes.iter().map(|change| change.act).collect();
        for change in rebuilt.changes.iter() {
            self.tally.add(change.sentence, 1);
        }
        if !changes.is_empty() {
            let text =
                format!("rebuilt from entry {number} of the HAR, not as it was on the wire: {}", changes.join("; "));
            self.push(times.began, What::Client(ClientAct { act: Act::Noticed, text }))?;
        }
        let ip: Option<IpAddr> = entry.server.text().and_then(|ip| ip.trim_matches(['[', ']']).parse().ok());
        let took = |ns: i64| u64::try_from(ns).unwrap_or(0);
        let Some(ip) = ip else {
            let is_lost = times.dns_ns.is_some() || times.connect_ns.is_some();
            self.tally.add(
                "# entries without a server address, of which it is not kept how long its name and TCP took",
                u64::from(is_lost),
            );
            return Ok(());
        };
        if let Some(dns_ns) = times.dns_ns {
            let resolved = Resolved { host: address.host.clone(), addresses: vec![ip], took_ns: took(dns_ns) };
            self.push(times.resolved, What::Resolved(resolved))?;
        }
        // An address was reached also where a connection from before was used.
        let any = match ip {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let connected = Connected {
            remote: SocketAddr::new(ip, address.port),
            local: SocketAddr::new(any, 0),
            failed: Vec::new(),
            took_ns: took(times.connect_ns.unwrap_or(0)),
        };
        if times.connect_ns.is_some() { self.push(times.asked, What::Connected(connected)) } else { Ok(()) }
    }

    fn answer(&mut self, answer: Answer, times: &Times) -> Result<(), InteropError> {
        let first_piece = answer.pieces.first().and_then(|(time, _)| *time);
        // Browsers measure the head's time from elsewhere than that of the events; it cannot come after the first.
        let first = first_piece.map_or(times.answered, |time| time.min(times.answered));
        let last = if answer.pieces.is_empty() { times.done } else { first };
        self.head(first, last, Dir::In, answer.head)?;
        for (time, piece) in answer.pieces {
            let time = time.unwrap_or(times.done).max(self.clock);
            self.bytes(time, Dir::In, piece)?;
        }
        Ok(())
    }

    fn websocket(&mut self, entry: &Entry, answer: Answer, times: &Times) -> Result<(), InteropError> {
        let (mut head, mut number) = (Some(answer.head), 0_u32);
        if let Some(list) = entry.messages {
            let outcome = each(list, &mut |message: Result<Frame, String>| {
                let message = message.unwrap_or_default();
                number = number.wrapping_add(1);
                let at = message.time.number().and_then(unix_ns);
                self.tally.add(
                    "# WebSocket messages without a time that can be read, put behind the one before",
                    u64::from(at.is_none()),
                );
                let at = at.unwrap_or(self.clock);
                if let Some(head) = head.take() {
                    self.bytes(times.answered.min(at).max(self.clock), Dir::In, head)?;
                }
                self.message(&message, number, at)
            });
            match outcome {
                Ok(outcome) => outcome?,
                Err(why) => {
                    self.tally.example("# lists of WebSocket messages that cannot be read to their end", || why)
                }
            }
        }
        match head {
            Some(head) => self.head(times.answered, times.answered, Dir::In, head),
            None => Ok(()),
        }
    }

    fn message(&mut self, message: &Frame, number: u32, at: i64) -> Result<(), InteropError> {
        match frames::frame(message, number) {
            Ok((is_sent, frame)) => self.bytes(at, if is_sent { Dir::Out } else { Dir::In }, frame),
            Err(frames::Unfit::Error) => {
                let text = format!("the browser says: {}", message.data.shown());
                self.push(at, What::Client(ClientAct { act: Act::Noticed, text }))
            }
            Err(frames::Unfit::Invalid) => {
                let sentence =
                    "# WebSocket messages left out, since their direction, opcode or data is missing or none";
                self.tally.add(sentence, 1);
                Ok(())
            }
        }
    }

    /// The link ends as an error says.
    fn end(&mut self, at: i64, error: &str, stage: Stage) -> Result<(), InteropError> {
        let at = at.max(self.clock);
        let closed = |by, text: &str| What::Closed(Closed { by, text: text.to_owned() });
        if error == ABORTED {
            return self.push(at, closed(Dir::Out, error));
        }
        if let Some(text) = error.strip_prefix("the server closed the connection: ") {
            return self.push(at, closed(Dir::In, text));
        }
        let (stage, text) = staged(error).unwrap_or((stage_of_chromium(error).unwrap_or(stage), error));
        let (text, hint) = (text.to_owned(), String::new());
        self.push(at, What::Failed(Failure { stage, text, hint, took_ns: 0, chain: Vec::new() }))
    }
}

/// An error as a [`Failure`] is written: the stage, and what happened there.
fn staged(error: &str) -> Option<(Stage, &str)> {
    let (label, text) = error.split_once(": ")?;
    let stages = [
        Stage::Address,
        Stage::Dns,
        Stage::Tcp,
        Stage::Proxy,
        Stage::Tls,
        Stage::Request,
        Stage::Answer,
        Stage::Stream,
    ];
    stages.into_iter().find(|stage| stage.label() == label).map(|stage| (stage, text))
}

/// The stage at which one of Chromium's errors comes up.
fn stage_of_chromium(error: &str) -> Option<Stage> {
    let name = error.strip_prefix("net::ERR_")?;
    let is = |marks: &[&str]| marks.iter().any(|mark| name.contains(mark));
    match name {
        _ if is(&["NAME_", "DNS_"]) => Some(Stage::Dns),
        _ if is(&["PROXY", "TUNNEL", "SOCKS"]) => Some(Stage::Proxy),
        _ if is(&["SSL", "CERT"]) => Some(Stage::Tls),
        _ if is(&["CONNECTION_REFUSED", "CONNECTION_FAILED", "ADDRESS_", "CONNECTION_TIMED_OUT", "INTERNET_"]) => {
            Some(Stage::Tcp)
        }
        _ if is(&["UNSAFE_PORT", "BLOCKED_", "INVALID_URL", "UNKNOWN_URL"]) => Some(Stage::Address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_tools_write() {
        let text = |text: &str| started(&Loose::Text(text.to_owned()));
        let at = Some(1_700_000_000_123_000_000);
        for said in ["2023-11-14T22:13:20.123Z", "2023-11-14T23:13:20.123+01:00", "2023-11-14T22:13:20.123"] {
            assert_eq!(text(said), at, "{said}");
        }
        assert_eq!(started(&Loose::Number(1_700_000_000_123.0)), at);
        for said in ["", "yesterday", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(text(said), None, "{said}");
        }
        assert_eq!((unix_ns(f64::NAN), unix_ns(-1.0), unix_ns(1e300)), (None, None, None));
    }

    #[test]
    fn tls_counts_inside_connect_or_beside_it() {
        let times = |time: u32| {
            let text = format!(
                r#"{{"request": {{"url": "http://a/"}}, "time": {time}, "timings": {{"blocked": 1, "dns": 2, "connect": 30,
                    "ssl": 20, "send": 1, "wait": 5, "receive": 1e300}}}}"#
            );
            let entry = serde_json::from_str(&text).unwrap();
            let times = Times::of(&entry, 0);
            [times.resolved, times.asked, times.sent, times.answered, times.done].map(|ns| ns / 1_000_000)
        };
        assert_eq!(times(39), [3, 33, 34, 39, 39]);
        assert_eq!(times(59), [3, 53, 54, 59, 59]);
    }

    #[test]
    fn errors_have_their_stages() {
        assert_eq!(staged("TCP: refused"), Some((Stage::Tcp, "refused")));
        assert_eq!(staged("nothing: x"), None);
        assert_eq!(stage_of_chromium("net::ERR_NAME_NOT_RESOLVED"), Some(Stage::Dns));
        assert_eq!(stage_of_chromium("net::ERR_EMPTY_RESPONSE"), None);
    }
}
