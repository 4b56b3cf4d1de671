//! A recording as a HAR, entry by entry.

use super::document::{Comments, Place};
use super::exchange::{self, Exchange, Exchanges};
use super::json::Json;
use super::messages::Riders;
use super::tally::Tally;
use super::timing::{Timing, milliseconds};
use crate::interop::{Chosen, InteropError, Progress, Report};
use std::io::Write;

/// Writes the chosen exchanges of a recording as HAR 1.2. `progress` is told how many entries and messages are done.
pub fn write(chosen: &Chosen, out: &mut dyn Write, progress: Progress) -> Result<Report, InteropError> {
    let found = exchange::find(chosen);
    let is_wanted = |exchange: &&Exchange| exchange.is_chosen;
    let total = found.list.iter().filter(is_wanted).map(|exchange| 1 + exchange.riders_chosen).sum();
    if total == 0 {
        let what = "there is no HTTP exchange to write: a HAR holds requests, their answers and WebSocket messages";
        return Err(InteropError::Nothing(what.to_owned()));
    }
    let mut tally = Tally::default();
    let comments = Comments::new(chosen.remarks, chosen.session, &found);
    let mut json = Json::new(out);
    begin(&mut json, chosen)?;
    let (mut done, mut written) = (0, 0);
    for (number, exchange) in found.list.iter().enumerate().filter(|(_, exchange)| exchange.is_chosen) {
        json.line()?;
        let mut went_on = |more: u64| {
            done += more;
            progress(done, total)
        };
        let place = Place { chosen, found: &found, exchange, comment: comments.of(number) };
        entry(&mut json, &place, &mut tally, &mut went_on)?;
        written += 1;
        if !went_on(1) {
            return Err(InteropError::Stopped);
        }
    }
    json.end(']')?;
    json.end('}')?;
    json.end('}')?;
    json.finish()?;
    tell(chosen, &found, &comments, &mut tally);
    Ok(Report { written, of: "entries", remarks: tally.sentences() })
}

fn begin(json: &mut Json, chosen: &Chosen) -> Result<(), InteropError> {
    json.begin('{')?;
    json.key("log")?;
    json.begin('{')?;
    json.member("version", "1.2")?;
    for part in ["creator", "browser"] {
        json.key(part)?;
        json.begin('{')?;
        json.member("name", "Pushscope")?;
        json.member("version", env!("CARGO_PKG_VERSION"))?;
        json.end('}')?;
    }
    json.key("pages")?;
    json.begin('[')?;
    json.end(']')?;
    json.member("comment", chosen.title)?;
    json.key("entries")?;
    json.begin('[')?;
    Ok(())
}

fn entry(
    json: &mut Json,
    place: &Place,
    tally: &mut Tally,
    went_on: &mut dyn FnMut(u64) -> bool,
) -> Result<(), InteropError> {
    let (session, exchange) = (place.chosen.session, place.exchange);
    let facts = place.found.links.get(&exchange.link).copied().unwrap_or_default();
    let timing = Timing::of(session, exchange, facts.ended_ns);
    json.begin('{')?;
    json.member(
        "startedDateTime",
        &place.time(exchange.began_ns).map_or_else(String::new, |time| format!("{time:.6}")),
    )?;
    json.count("time", milliseconds(Some(timing.total_ns())))?;
    let asked = place.request(json, tally)?;
    let is_event_stream = place.response(json, &asked, tally)?;
    json.key("cache")?;
    json.begin('{')?;
    json.end('}')?;
    timings(json, &timing)?;
    if let Some(remote) = place.remote() {
        json.member("serverIPAddress", &remote.ip().to_string())?;
        json.member("connection", &remote.port().to_string())?;
    }
    json.member("_connectionId", &exchange.link.0.to_string())?;
    let kind = match exchange.is_websocket || asked.is_websocket {
        true => "websocket",
        false if is_event_stream => "eventsource",
        false if asked.method == "CONNECT" => "other",
        false => "fetch",
    };
    json.member("_resourceType", kind)?;
    if !place.comment.is_empty() {
        json.member("comment", &place.comment)?;
    }
    let mut riders = Riders { chosen: place.chosen, tally, went_on };
    if exchange.is_websocket {
        json.key("_webSocketMessages")?;
        riders.websocket(json, exchange)?;
    } else if is_event_stream && exchange.riders.is_some() {
        json.key("_eventSourceMessages")?;
        riders.events(json, exchange)?;
    }
    json.end('}')?;
    Ok(())
}

fn timings(json: &mut Json, timing: &Timing) -> Result<(), InteropError> {
    json.key("timings")?;
    json.begin('{')?;
    json.count("blocked", milliseconds(timing.blocked_ns))?;
    json.count("dns", milliseconds(timing.dns_ns))?;
    json.count("ssl", milliseconds(timing.ssl_ns))?;
    json.count("connect", milliseconds(timing.connect_ns))?;
    json.count("send", milliseconds(Some(timing.send_ns)))?;
    json.count("wait", milliseconds(Some(timing.wait_ns)))?;
    json.count("receive", milliseconds(Some(timing.receive_ns)))?;
    json.end('}')?;
    Ok(())
}

/// What is in no entry.
fn tell(chosen: &Chosen, found: &Exchanges, comments: &Comments, tally: &mut Tally) {
    tally.add("# interim answers (1xx) left out, which a HAR has no place for", found.informational);
    tally.add("# trailer sections left out, which a HAR has no place for", found.trailers);
    tally.add("# bytes left out, since they are neither HTTP nor WebSocket", found.gap_bytes);
    tally.add("# messages of SOCKS left out, since a HAR holds HTTP only", found.socks);
    tally.add("# answers to no request, as entries without a method", found.unasked);
    tally.add("# remarks left out, since their records are in no entry", comments.left_out);
    if chosen.session.started_unix_ns == 0 {
        tally.add("the recording does not know when it began: times count from 1970", 1);
    }
    if chosen.ids.is_some() {
        tally.add("only some records were chosen: the exchanges that hold them are whole, with the chosen messages", 1);
        let is_stream =
            |exchange: &&Exchange| exchange.is_chosen && !exchange.is_websocket && exchange.riders.is_some();
        let streams = found.list.iter().filter(is_stream).count();
        tally.add("# event streams that are whole in the bodies of their answers, which cannot be cut", streams as u64);
    }
}
