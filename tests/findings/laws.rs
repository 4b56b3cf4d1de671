//! Whatever a session holds: looking never fails, and how it is sliced is no matter.

use super::story::{EVENTS, GET, LinkEvents, POLL, SWITCH, Story, UPGRADE, chunk, frame, upgraded};
use bytes::Bytes;
use proptest::prelude::*;
use pushscope::session::findings::{Finding, Findings, RULES};
use pushscope::session::{Session, Store};
use pushscope::wire::{Dir, Entry, Event, LinkId, Stage, What};
use std::collections::BTreeSet;
use std::time::Instant;

fn session(entries: &[Entry]) -> Session {
    let mut session = Session::new(Store::memory(), super::story::STARTED);
    for entry in entries {
        session.take(entry.clone());
    }
    session
}

/// What is found in all at once.
fn at_once(entries: &[Entry]) -> Vec<Finding> {
    let mut findings = Findings::default();
    findings.look_all(&session(entries));
    findings.list().to_vec()
}

/// What is found while it grows, entry by entry.
fn growing(entries: &[Entry]) -> Vec<Finding> {
    let mut session = Session::new(Store::memory(), super::story::STARTED);
    let mut findings = Findings::default();
    for entry in entries {
        session.take(entry.clone());
        findings.look_all(&session);
    }
    findings.list().to_vec()
}

/// What is found in slices of no time.
fn sliced(entries: &[Entry]) -> Vec<Finding> {
    let session = session(entries);
    let mut findings = Findings::default();
    let mut slices = 0;
    while findings.look(&session, Instant::now()) {
        slices += 1;
        assert!(slices <= session.records().len(), "each slice gets on");
    }
    findings.list().to_vec()
}

/// Cuts the bytes of events into reads of a size.
fn cut(entries: &[Entry], size: usize) -> Vec<Entry> {
    let mut pieces = Vec::new();
    for entry in entries {
        match entry {
            Entry::Event(Event { at_ns, link, what: What::Bytes(dir, bytes) }) => {
                pieces.extend(bytes.chunks(size.max(1)).map(|piece| {
                    let what = What::Bytes(*dir, Bytes::copy_from_slice(piece));
                    Entry::Event(Event { at_ns: *at_ns, link: *link, what })
                }));
            }
            other => pieces.push(other.clone()),
        }
    }
    pieces
}

/// Bits of talk, well-formed and not, on up to three links.
fn talk() -> impl Strategy<Value = LinkEvents> {
    let out = prop_oneof![
        Just(GET.as_bytes().to_vec()),
        Just(POLL.as_bytes().to_vec()),
        Just(UPGRADE.as_bytes().to_vec()),
        Just(b"CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n".to_vec()),
        Just(frame(Dir::Out, 9, b"ping")),
        Just(frame(Dir::Out, 8, &1000_u16.to_be_bytes())),
        prop::collection::vec(any::<u8>(), 1..20),
    ];
    let inward = prop_oneof![
        Just(EVENTS.as_bytes().to_vec()),
        Just(EVENTS.replace("text/event-stream", "text/html").into_bytes()),
        Just(EVENTS.replace("Transfer-Encoding: chunked\r\n", "").into_bytes()),
        Just(SWITCH.as_bytes().to_vec()),
        Just(SWITCH.replace("Connection", "Via").into_bytes()),
        Just(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Just(b"HTTP/1.0 503 No\r\nVia: 1.1 p\r\nServer: squid\r\nContent-Length: 3\r\n\r\nabc".to_vec()),
        Just(chunk("id: 1\ndata: {\"sent_ns\":1}\n\nid: 2\ndata: {\"time\":1763697600}\n\n").into_bytes()),
        Just(chunk(": beat\n\ndata: a").into_bytes()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(frame(Dir::In, 1, b"{\"seq\":4}")),
        Just(frame(Dir::In, 8, &4001_u16.to_be_bytes())),
        Just(frame(Dir::In, 10, b"")),
        prop::collection::vec(any::<u8>(), 1..20),
    ];
    let step = prop_oneof![
        3 => out.prop_map(|bytes| What::Bytes(Dir::Out, Bytes::from(bytes))),
        6 => inward.prop_map(|bytes| What::Bytes(Dir::In, Bytes::from(bytes))),
    ];
    let step = (step, 0..3_u32, prop_oneof![Just(1_u64), Just(1_000_000), Just(2_000_000_000), Just(60_000_000_000)]);
    prop::collection::vec(step, 1..30)
}

fn story(talk: LinkEvents, kind: &str, ends: u8) -> Story {
    let mut story = Story::of(kind);
    for purpose in ["request", "reconnection 1", "long poll 1"] {
        story.open(purpose, None);
    }
    for (what, link, wait) in talk {
        story.link = LinkId(link + 1);
        story.wait(wait).tell(what);
    }
    for link in 1..=3 {
        story.link = LinkId(link);
        match ends {
            0 => story.close(Dir::In),
            1 => story.close(Dir::Out),
            2 => story.fail(Stage::Stream, "example.com closed the connection before its answer was complete"),
            _ => story.fail(Stage::Answer, "the other side reset the connection (TCP RST)"),
        };
    }
    story
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slices_growth_and_cuts_are_no_matter(
        talk in talk(),
        kind in prop::sample::select(vec!["", "sse", "ws", "longpoll"]),
        ends in 0..4_u8,
        size in 1..9_usize,
    ) {
        let story = story(talk, kind, ends);
        let whole = at_once(&story.entries);
        prop_assert_eq!(&growing(&story.entries), &whole);
        prop_assert_eq!(&sliced(&story.entries), &whole);
        let in_pieces = cut(&story.entries, size);
        prop_assert_eq!(&at_once(&in_pieces), &whole);
        prop_assert_eq!(&growing(&in_pieces), &whole);
        for end in (0..story.entries.len()).step_by(3) {
            prop_assert_eq!(&growing(&story.entries[..end]), &at_once(&story.entries[..end]));
        }
    }
}

#[test]
fn what_was_forgotten_is_stepped_over() {
    let mut session = Session::new(Store::newest(), 0);
    let mut story = upgraded("request");
    story.out(frame(Dir::Out, 9, b"p"));
    let texts = frame(Dir::In, 1, b"x").repeat(1000);
    for _ in 0..60 {
        story.wait(1_000_000_000).inward(&texts);
    }
    let mut findings = Findings::default();
    for (at, entry) in story.entries.iter().enumerate() {
        session.take(entry.clone());
        session.forget_told();
        if at == 4 || at % 20 == 0 {
            findings.look_all(&session);
        }
    }
    findings.look_all(&session);
    assert!(session.records().first_held() > 0);
    assert_eq!(findings.list()[0].key, "websocket.upstream-dead");
}

#[test]
fn many_links_and_faults_stay_bounded() {
    let mut story = Story::of("ws");
    for number in 0..3000_u32 {
        story.open_to(&format!("h{number}.example.com"), 80, false, "request", None);
        story.fail(Stage::Dns, "no host is named so");
    }
    let found = story.found();
    assert_eq!(found.len(), 64);
    assert!(found.iter().all(|finding| finding.evidence.len() <= 6));
}

#[test]
fn every_rule_has_a_key_of_its_own_and_words() {
    let keys: BTreeSet<&str> = RULES.iter().map(|rule| rule.key).collect();
    assert_eq!(keys.len(), RULES.len());
    assert!(RULES.iter().all(|rule| !rule.title.is_empty() && !rule.help.is_empty()));
}
