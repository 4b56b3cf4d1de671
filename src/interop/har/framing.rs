//! Heads that fit what is behind them. A HAR gives bodies without their codings, so a head that is written as it stands
//! would lie of them: what it says of codings and lengths is put right, and that is said.

use super::head;
use crate::dissect::websocket::accept_key;

/// Something that is not as it was on the wire: what is said of it on the link, and at the end with its count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub act: &'static str,
    pub sentence: &'static str,
}

macro_rules! changes {
    ($($name:ident = $act:literal, $sentence:literal;)*) => {
        $(pub(super) static $name: Change = Change { act: $act, sentence: $sentence };)*
    };
}

changes! {
    NEWER = "HTTP/2 or 3 is written as HTTP/1.1",
        "# exchanges of HTTP/2 or 3, written as HTTP/1.1";
    HOST_ADDED = "a Host field is added",
        "# requests without a Host field, which is added";
    FIELDS_LEFT_OUT = "header fields whose names are no tokens are left out",
        "# heads with fields left out, since their names are no tokens";
    VALUES_CLEANED = "line ends and control characters in header values are taken out",
        "# heads with line ends or control characters taken out of their values";
    DECODED = "its body is not compressed any more, and Content-Encoding is taken out",
        "# bodies given uncompressed, whose Content-Encoding is taken out";
    CODING_CHANGED = "other transfer codings than chunked are taken out",
        "# heads with other transfer codings than chunked taken out";
    LENGTH_CHANGED = "Content-Length is put right",
        "# heads whose Content-Length does not fit what the HAR has of the body, and is put right";
    LATIN1 = "the HAR's text of the body was read as ISO-8859-1, as its size tells, and is written as such",
        "# bodies given as text that was read as ISO-8859-1, as their sizes tell, and written as such";
    BODY_MISSING = "the HAR has no body, and Content-Length is put right",
        "# answers written without a body, since their content is not in the HAR";
    POST_MISSING = "the HAR has no body of the request that could be written",
        "# requests written without a body, since the HAR gives it in parts only";
    EVENTS_LISTED = "its event stream is written from the events that the HAR lists, without comments and retry",
        "# event streams written from the list of their events, without comments and retry, since their bodies are not in the HAR";
    HANDSHAKE_COMPLETED = "fields of the opening handshake are added or put right",
        "# opening handshakes of WebSockets with fields added or put right";
    SWITCHED = "the answer is written as 101",
        "# WebSockets that were not opened by an answer of 101, which is written";
    MESSAGES_MISSING = "the HAR has no list of the messages of its WebSocket",
        "# WebSockets without their messages, of which the HAR has no list";
    TARGET_ENCODED = "characters that no address may have are percent-encoded",
        "# addresses with characters that none may have, which are percent-encoded";
}

/// What was changed of one link.
#[derive(Debug, Default)]
pub(super) struct Changes {
    list: Vec<&'static Change>,
}

impl Changes {
    pub fn add(&mut self, change: &'static Change) {
        if !self.list.contains(&change) {
            self.list.push(change);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Change> {
        self.list.iter().copied()
    }
}

/// Fields of a head.
pub(super) type Fields = Vec<(String, String)>;

/// How a body is framed (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// By Content-Length.
    Length,
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// What there is of a body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    pub len: u64,
    /// It has the content coding that its head names.
    pub is_coded: bool,
    /// It ended before it was complete.
    pub is_cut: bool,
    /// The HAR says that there was one, and has it not.
    pub is_missing: bool,
}

/// Makes what a head says of its body fit the body. How that is framed then.
pub(super) fn fit(fields: &mut Fields, is_request: bool, extent: Extent, changes: &mut Changes) -> Framing {
    let has_coding = head::items(fields, "content-encoding").any(|coding| !coding.eq_ignore_ascii_case("identity"));
    if has_coding && extent.len > 0 && !extent.is_coded {
        remove(fields, "content-encoding");
        changes.add(&DECODED);
    }
    if head::value(fields, "transfer-encoding").is_some() {
        let is_chunked = head::is_chunked(fields);
        if !is_chunked || head::items(fields, "transfer-encoding").nth(1).is_some() {
            changes.add(&CODING_CHANGED);
            remove_but_first(fields, "transfer-encoding", is_chunked.then_some("chunked"));
        }
        if is_chunked {
            if remove(fields, "content-length") {
                changes.add(&LENGTH_CHANGED);
            }
            return Framing::Chunked;
        }
    }
    let said: Vec<Option<u64>> = head::values(fields, "content-length").map(|said| said.trim().parse().ok()).collect();
    match said[..] {
        [] if is_request && extent.len > 0 => {
            fields.push(("Content-Length".to_owned(), extent.len.to_string()));
            changes.add(&LENGTH_CHANGED);
            Framing::Length
        }
        [] if is_request => Framing::None,
        [] => Framing::Close,
        [Some(len)] if len == extent.len => Framing::Length,
        // What was cut off is missing in truth.
        [Some(len)] if extent.is_cut && len > extent.len => Framing::Length,
        _ => {
            remove_but_first(fields, "content-length", Some(&extent.len.to_string()));
            changes.add(if extent.is_missing { &BODY_MISSING } else { &LENGTH_CHANGED });
            Framing::Length
        }
    }
}

/// Makes two heads an opening handshake (RFC 6455 §4) where they lack what makes it one. What is there and wrong stays.
pub(super) fn open_websocket(request: &mut Fields, answer: &mut Fields, changes: &mut Changes) {
    /// Sixteen bytes, as a key must be: “Pushscope import”.
    const KEY: &str = "UHVzaHNjb3BlIGltcG9ydA==";
    let mut is_changed = false;
    // The messages are framed as RFC 6455 has it, so the keys of hixie-76 would mislead.
    is_changed |= remove(request, "sec-websocket-key1") | remove(request, "sec-websocket-key2");
    for fields in [&mut *request, &mut *answer] {
        is_changed |= need(fields, "Upgrade", "websocket", "websocket");
        is_changed |= need(fields, "Connection", "upgrade", "Upgrade");
    }
    if head::value(request, "sec-websocket-version").is_none() {
        request.push(("Sec-WebSocket-Version".to_owned(), "13".to_owned()));
        is_changed = true;
    }
    let has_key = head::value(request, "sec-websocket-key").is_some();
    if !has_key {
        request.push(("Sec-WebSocket-Key".to_owned(), KEY.to_owned()));
        remove(answer, "sec-websocket-accept");
    }
    if head::value(answer, "sec-websocket-accept").is_none() {
        let accept = accept_key(head::value(request, "sec-websocket-key").unwrap_or(KEY));
        answer.push(("Sec-WebSocket-Accept".to_owned(), accept));
        is_changed = true;
    }
    if is_changed || !has_key {
        changes.add(&HANDSHAKE_COMPLETED);
    }
}

/// Sees to it that a field has an item. Whether that changed anything.
fn need(fields: &mut Fields, name: &str, item: &str, value: &str) -> bool {
    let name_lower = name.to_ascii_lowercase();
    if head::items(fields, &name_lower).any(|own| own.eq_ignore_ascii_case(item)) {
        return false;
    }
    remove(fields, &name_lower);
    fields.push((name.to_owned(), value.to_owned()));
    true
}

fn remove(fields: &mut Fields, name: &str) -> bool {
    let before = fields.len();
    fields.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    fields.len() < before
}

/// Gives the first field of that name this value, or takes it out, and the others with it.
fn remove_but_first(fields: &mut Fields, name: &str, value: Option<&str>) {
    let mut value = value;
    fields.retain_mut(|(own, said)| match own.eq_ignore_ascii_case(name) {
        false => true,
        true => value.take().inspect(|value| *said = (*value).to_owned()).is_some(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        text.lines().filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    /// How it is framed, the fields then, and what is said.
    fn fitted(text: &str, is_request: bool, extent: Extent) -> (Framing, Fields, Vec<&'static Change>) {
        let (mut fields, mut changes) = (fields(text), Changes::default());
        let framing = fit(&mut fields, is_request, extent, &mut changes);
        (framing, fields, changes.list)
    }

    #[test]
    fn what_fits_stays() {
        for (text, framing) in [
            ("Content-Length: 5", Framing::Length),
            ("Transfer-Encoding: Chunked", Framing::Chunked),
            ("A: b", Framing::Close),
        ] {
            let extent = Extent { len: 5, ..Extent::default() };
            assert_eq!(fitted(text, false, extent), (framing, fields(text), vec![]));
        }
        let cut = Extent { len: 5, is_cut: true, ..Extent::default() };
        assert_eq!(fitted("Content-Length: 9", false, cut), (Framing::Length, fields("Content-Length: 9"), vec![]));
        let coded = Extent { len: 5, is_coded: true, ..Extent::default() };
        let text = "Content-Encoding: br\nContent-Length: 5";
        assert_eq!(fitted(text, false, coded), (Framing::Length, fields(text), vec![]));
    }

    #[test]
    fn codings_that_are_gone_are_taken_out() {
        let extent = Extent { len: 7, ..Extent::default() };
        assert_eq!(
            fitted("Content-Encoding: gzip\nX: y\nContent-Length: 5", false, extent),
            (Framing::Length, fields("X: y\nContent-Length: 7"), vec![&DECODED, &LENGTH_CHANGED])
        );
        assert_eq!(
            fitted("Transfer-Encoding: gzip, chunked\nContent-Length: 5", false, extent),
            (Framing::Chunked, fields("Transfer-Encoding: chunked"), vec![&CODING_CHANGED, &LENGTH_CHANGED])
        );
        assert_eq!(fitted("Transfer-Encoding: gzip", false, extent), (Framing::Close, vec![], vec![&CODING_CHANGED]));
        assert_eq!(
            fitted("Host: a", true, extent),
            (Framing::Length, fields("Host: a\nContent-Length: 7"), vec![&LENGTH_CHANGED])
        );
        let missing = Extent { is_missing: true, ..Extent::default() };
        assert_eq!(
            fitted("Content-Length: 5\nContent-Length: 5", false, missing),
            (Framing::Length, fields("Content-Length: 0"), vec![&BODY_MISSING])
        );
    }

    #[test]
    fn a_handshake_is_completed_and_a_wrong_one_stays_wrong() {
        let (mut request, mut answer, mut changes) = (fields("Connection: keep-alive"), vec![], Changes::default());
        open_websocket(&mut request, &mut answer, &mut changes);
        assert_eq!(head::value(&request, "connection"), Some("Upgrade"));
        let key = head::value(&request, "sec-websocket-key").unwrap();
        assert_eq!(head::value(&answer, "sec-websocket-accept"), Some(accept_key(key).as_str()));
        let whole = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: a";
        let wrong = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: wrong";
        let (mut request, mut answer, mut changes) = (fields(whole), fields(wrong), Changes::default());
        open_websocket(&mut request, &mut answer, &mut changes);
        assert_eq!((request, answer), (fields(whole), fields(wrong)));
        assert_eq!(changes.iter().count(), 0);
    }
}
