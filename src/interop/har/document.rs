//! The request and the answer of an entry.

use super::body::Body;
use super::exchange::{Exchange, Exchanges, Message};
use super::head::{self, Head};
use super::json::Json;
use super::tally::Tally;
use super::timing::role;
use super::{cookie, url};
use crate::interop::{Chosen, InteropError};
use crate::session::{LinkState, Remark, Session};
use crate::wire::{ConnectionId, Dir, LinkId, ProxyRole};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;

/// What Chromium says of an answer that its own side gave up.
pub(super) const ABORTED: &str = "net::ERR_ABORTED";

/// An exchange in its recording.
pub(super) struct Place<'p, 'c> {
    pub chosen: &'p Chosen<'c>,
    pub found: &'p Exchanges,
    pub exchange: &'p Exchange,
    pub comment: String,
}

/// What the answer has to know of its request.
pub(super) struct Asked {
    pub method: String,
    pub is_websocket: bool,
}

impl Place<'_, '_> {
    fn session(&self) -> &Session {
        self.chosen.session
    }

    /// A time of the recording on the clock.
    pub fn time(&self, at_ns: u64) -> Option<Timestamp> {
        let unix_ns = i128::from(self.session().started_unix_ns) + i128::from(at_ns);
        Timestamp::from_nanosecond(unix_ns).ok()
    }

    /// The address that the link reached: its own, or that of the way that it goes.
    pub fn remote(&self) -> Option<SocketAddr> {
        let mut link = self.exchange.link;
        // A way may lead through another; what a file claims may go in circles.
        for _ in 0..8 {
            if let Some(remote) = self.found.links.get(&link).and_then(|facts| facts.remote) {
                return Some(remote);
            }
            match self.session().link(link).and_then(role) {
                Some(ProxyRole::Inside(over)) => link = over,
                _ => return None,
            }
        }
        None
    }

    fn head(&self, message: Message, dir: Dir, tally: &mut Tally) -> Head {
        let (start, end) = message.head_at;
        let bytes = self.session().wire(self.exchange.link, dir, start, (end - start) as usize);
        let missing = (end - start).saturating_sub(bytes.len() as u64);
        tally.add("# bytes of heads that are missing from the recording", missing);
        let head = Head::read(&bytes, dir == Dir::Out);
        tally.add("# lines in heads left out, since they have no colon", head.invalid);
        tally.add("# header values that went on in a further line, and are on one", head.folded);
        tally.add("# header values that are not UTF-8, and are read as ISO-8859-1", head.latin1);
        head
    }

    /// Writes the request.
    pub fn request(&self, json: &mut Json, tally: &mut Tally) -> Result<Asked, InteropError> {
        let message = self.exchange.request;
        let head = message.map_or_else(Head::default, |message| self.head(message, Dir::Out, tally));
        let is_websocket = head::items(&head.fields, "upgrade").any(|item| item.eq_ignore_ascii_case("websocket"));
        let (method, address) = match message {
            Some(_) => (head.start[0].clone(), self.address(&head, is_websocket)),
            None => self.planned(),
        };
        json.key("request")?;
        json.begin('{')?;
        json.member("method", &method)?;
        json.member("url", &address)?;
        json.member("httpVersion", &head.start[2])?;
        fields(json, &head)?;
        json.key("queryString")?;
        pairs(json, address.split_once('?').map_or("", |(_, query)| query))?;
        json.key("cookies")?;
        json.value(&Value::Array(cookie::of_request(head.values("cookie"))))?;
        let has_body = may_have_body(&head, None);
        let body = message.filter(|_| has_body).map(|message| self.body(message, Dir::Out, &head, tally));
        stray(message, has_body, tally);
        json.count("headersSize", message.map_or(-1.0, |message| (message.head_at.1 - message.head_at.0) as f64))?;
        json.count("bodySize", body.as_ref().map_or(0.0, |body| body.measured.body_bytes as f64))?;
        if let Some(body) = body.filter(|body| body.measured.content_bytes > 0) {
            json.key("postData")?;
            post_data(json, &head, &body)?;
        }
        json.end('}')?;
        Ok(Asked { method, is_websocket })
    }

    /// Writes the answer. Whether it is an event stream.
    pub fn response(&self, json: &mut Json, asked: &Asked, tally: &mut Tally) -> Result<bool, InteropError> {
        let message = self.exchange.response;
        let head = message.map_or_else(Head::default, |message| self.head(message, Dir::In, tally));
        let content_type = head.value("content-type").unwrap_or_default();
        json.key("response")?;
        json.begin('{')?;
        json.count("status", head.status().into())?;
        json.member("statusText", &head.start[2])?;
        json.member("httpVersion", &head.start[0])?;
        fields(json, &head)?;
        let at = message
            .and_then(|message| self.time(self.session().link(self.exchange.link)?.at_ns(Dir::In, message.head_at.0)));
        json.key("cookies")?;
        json.value(&Value::Array(cookie::of_response(head.values("set-cookie"), at)))?;
        let has_body = may_have_body(&head, Some(&asked.method));
        let body = message.filter(|_| has_body).map(|message| self.body(message, Dir::In, &head, tally));
        stray(message, has_body, tally);
        json.key("content")?;
        content(json, content_type, body.as_ref())?;
        json.member("redirectURL", head.value("location").unwrap_or_default())?;
        let head_bytes = message.map_or(-1.0, |message| (message.head_at.1 - message.head_at.0) as f64);
        json.count("headersSize", head_bytes)?;
        let measured = body.as_ref().map(|body| body.measured).unwrap_or_default();
        json.count("bodySize", if message.is_some() { measured.body_bytes as f64 } else { -1.0 })?;
        json.count("_transferSize", head_bytes.max(0.0) + measured.wire_bytes as f64)?;
        json.key("_error")?;
        match self.error(message, has_body) {
            Some(error) => json.text(&error)?,
            None => json.value(&Value::Null)?,
        }
        json.end('}')?;
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        Ok(media_type.eq_ignore_ascii_case("text/event-stream"))
    }

    fn body<'b>(&'b self, message: Message, dir: Dir, head: &Head, tally: &mut Tally) -> Body<'b> {
        let body = Body::new(self.session(), self.exchange.link, dir, (message.head_at.1, message.end), head);
        tally.add("# bytes of bodies that are missing from the recording", body.measured.missing_bytes);
        if let Some(coding) = &body.left_coded {
            let sentence = "# bodies written as they are on the wire, since their coding cannot be undone here";
            tally.example(sentence, || coding.clone());
        }
        body
    }

    /// Why the answer is missing, or is not complete.
    fn error(&self, message: Option<Message>, has_body: bool) -> Option<String> {
        let link = self.session().link(self.exchange.link)?;
        let is_over = message.is_some_and(|message| message.is_complete || !has_body);
        let is_failed = matches!(link.state, LinkState::Failed(_)) && self.exchange.is_last;
        if is_over && !(is_failed && self.exchange.is_websocket) {
            return None;
        }
        Some(match &link.state {
            LinkState::Failed(failure) => failure.to_string(),
            LinkState::Closed(closed) if closed.by == Dir::Out => ABORTED.to_owned(),
            LinkState::Closed(closed) => format!("the server closed the connection: {}", closed.text),
            _ if self.exchange.is_last => "the recording ends before the answer does".to_owned(),
            _ => "the answer is not complete".to_owned(),
        })
    }

    /// The address that a request is about.
    fn address(&self, head: &Head, is_websocket: bool) -> String {
        let target = &head.start[1];
        if head.start[0] == "CONNECT" {
            return format!("https://{target}/");
        }
        if target.contains("://") {
            return url::without_fragment(target).to_owned();
        }
        let opening = self.session().link(self.exchange.link).and_then(|link| link.opening.as_ref());
        let is_tls = opening.is_some_and(|opening| opening.tls);
        let scheme = url::scheme(is_tls, is_websocket);
        let authority = match opening {
            Some(opening) => url::authority(&opening.host, opening.port, is_tls),
            None => head.value("host").unwrap_or("unknown.invalid").to_owned(),
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        format!("{scheme}://{authority}{slash}{}", url::without_fragment(target))
    }

    /// The request that a link was opened for, where it never came to be sent.
    fn planned(&self) -> (String, String) {
        let link = self.session().link(self.exchange.link);
        let Some(opening) = link.and_then(|link| link.opening.as_ref()) else { return Default::default() };
        if let (Some(ProxyRole::Tunnel), Some(via)) = (link.and_then(role), &opening.via) {
            return ("CONNECT".to_owned(), format!("https://{}/", via.target));
        }
        let connection: ConnectionId = opening.connection;
        let spec = self.session().connection(connection).map_or("", |connection| connection.info.spec.as_str());
        let spec: Value = serde_json::from_str(spec).unwrap_or_default();
        let said = |key: &str| spec.get(key).and_then(Value::as_str).filter(|said| !said.is_empty());
        let method = said("method").unwrap_or("GET").to_owned();
        // Reconnections may lead elsewhere, so the user's address counts only where it names this host.
        let authority = url::authority(&opening.host, opening.port, opening.tls);
        let own = said("url").map(url::without_fragment).filter(|own| {
            own.contains("://")
                && url::Address::read(own).is_ok_and(|own| own.host == opening.host && own.port == opening.port)
        });
        let address = own.map_or_else(|| format!("{}://{authority}/", url::scheme(opening.tls, false)), str::to_owned);
        (method, address)
    }
}

/// Counts what lies behind a head that has no body: the challenges of hixie-76, or a head that is not complete.
fn stray(message: Option<Message>, has_body: bool, tally: &mut Tally) {
    let behind = message.map_or(0, |message| message.end - message.head_at.1);
    tally.add("# bytes left out behind heads that have no body", if has_body { 0 } else { behind });
}

/// Whether a body can follow a head (RFC 9112 §6.3). `method` is that of the request, where the head is an answer's.
pub(super) fn may_have_body(head: &Head, method: Option<&str>) -> bool {
    let length = head.value("content-length").map(|length| length.trim().parse::<u64>());
    let is_coded = head.value("transfer-encoding").is_some();
    match method {
        // What follows these is another protocol's, or nothing.
        Some(_) if matches!(head.status(), 100..200 | 204 | 304) => false,
        Some("HEAD") => false,
        Some("CONNECT") if (200..300).contains(&head.status()) => false,
        Some(_) => is_coded || length != Some(Ok(0)),
        None => is_coded || !matches!(length, None | Some(Ok(0))),
    }
}

fn fields(json: &mut Json, head: &Head) -> Result<(), InteropError> {
    json.key("headers")?;
    json.begin('[')?;
    for (name, value) in &head.fields {
        pair(json, name, value)?;
    }
    json.end(']')?;
    Ok(())
}

fn pair(json: &mut Json, name: &str, value: &str) -> Result<(), InteropError> {
    json.begin('{')?;
    json.member("name", name)?;
    json.member("value", value)?;
    json.end('}')?;
    Ok(())
}

/// Names and values of a query or a form, as they are written.
fn pairs(json: &mut Json, query: &str) -> Result<(), InteropError> {
    json.begin('[')?;
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        pair(json, name, value)?;
    }
    json.end(']')?;
    Ok(())
}

fn post_data(json: &mut Json, head: &Head, body: &Body) -> Result<(), InteropError> {
    /// A form that is longer is not taken apart.
    const FORM_LIMIT_BYTES: u64 = 1 << 20;
    let media_type = head.value("content-type").unwrap_or_default();
    json.begin('{')?;
    json.member("mimeType", media_type)?;
    text(json, body)?;
    let is_form = media_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    if is_form && body.measured.is_text && body.measured.content_bytes <= FORM_LIMIT_BYTES {
        let mut form = Vec::new();
        body.each(&mut form)?;
        json.key("params")?;
        pairs(json, &String::from_utf8_lossy(&form))?;
    }
    json.end('}')?;
    Ok(())
}

fn content(json: &mut Json, media_type: &str, body: Option<&Body>) -> Result<(), InteropError> {
    json.begin('{')?;
    let measured = body.map(|body| body.measured).unwrap_or_default();
    json.count("size", measured.content_bytes as f64)?;
    json.member("mimeType", if media_type.is_empty() { "x-unknown" } else { media_type })?;
    if let Some(body) = body {
        json.count("compression", measured.content_bytes as f64 - measured.body_bytes as f64)?;
        text(json, body)?;
    }
    json.end('}')?;
    Ok(())
}

/// The members `text` and `encoding`, and which coding was not undone.
fn text(json: &mut Json, body: &Body) -> Result<(), InteropError> {
    json.key("text")?;
    match body.measured.is_text && body.left_coded.is_none() {
        true => json.long_text(|pieces| body.each(pieces).map(drop))?,
        false => {
            json.long_base64(|out| body.each(out).map(drop))?;
            json.member("encoding", "base64")?;
        }
    }
    if let Some(coding) = &body.left_coded {
        json.member("_contentEncoding", coding)?;
    }
    Ok(())
}

/// The remarks on the records of each exchange.
pub(super) struct Comments {
    of: HashMap<usize, String>,
    /// Remarks on records that are in no entry.
    pub left_out: u64,
}

impl Comments {
    pub fn new(remarks: &[Remark], session: &Session, found: &Exchanges) -> Comments {
        let mut comments = Comments { of: HashMap::new(), left_out: 0 };
        if remarks.is_empty() {
            return comments;
        }
        // The exchanges of each link, with the first record of each.
        let mut links: HashMap<LinkId, Vec<(usize, usize)>> = HashMap::new();
        for (number, exchange) in found.list.iter().enumerate() {
            let first = exchange.request.or(exchange.response).map_or(0, |message| message.head);
            links.entry(exchange.link).or_default().push((first, number));
        }
        links.values_mut().for_each(|list| list.sort_unstable());
        for remark in remarks {
            let list = session.records().get(remark.record).and_then(|record| links.get(&record.link));
            let at = list.map(|list| list.partition_point(|(first, _)| *first <= remark.record).saturating_sub(1));
            let number = list.zip(at).map(|(list, at)| list[at].1).filter(|number| found.list[*number].is_chosen);
            let Some(number) = number else {
                comments.left_out += 1;
                continue;
            };
            let comment = comments.of.entry(number).or_default();
            let separator = if comment.is_empty() { "" } else { "\n" };
            comment.push_str(&format!("{separator}#{} ({}) {}", remark.record + 1, remark.mark.name(), remark.text));
        }
        comments
    }

    /// What is said of an exchange.
    pub fn of(&self, number: usize) -> String {
        self.of.get(&number).cloned().unwrap_or_default()
    }
}
