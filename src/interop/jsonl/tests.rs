//! A session written as lines and read back is the very same.

use super::*;
use crate::interop::{Chosen, InteropError, Report};
use crate::session::file::{SessionWriter, load};
use crate::session::{Mark, RecordId, Remark, Session, Store};
use crate::wire::*;
use proptest::prelude::*;
use std::path::Path;

fn connection(id: u32) -> Entry {
    let (spec, label) = (r#"{"url":"ws://h/"}"#.to_owned(), format!("ws://h/{id}?\u{202e}\0"));
    Entry::Connection(ConnectionInfo { id: ConnectionId(id), spec, label })
}

fn event(at_ns: u64, link: u32, what: What) -> Entry {
    Entry::Event(Event { at_ns, link: LinkId(link), what })
}

fn session(entries: &[Entry]) -> Session {
    let mut session = Session::new(Store::memory(), 1_700_000_000_123_456_789);
    entries.iter().cloned().for_each(|entry| _ = session.take(entry));
    session
}

fn lines(session: &Session, ids: Option<&[RecordId]>) -> (String, Report) {
    let remarks = [Remark { record: 0, text: "look".into(), mark: Mark::Red }];
    let remarks = if session.records().is_empty() { &[][..] } else { &remarks };
    let mut out = Vec::new();
    let chosen = Chosen { session, title: "a \"title\"", ids, remarks };
    let report = write(&chosen, &mut out, &mut |_, _| true).unwrap();
    (String::from_utf8(out).unwrap(), report)
}

fn read_back(folder: &Path, text: &str) -> Result<(Session, Report), InteropError> {
    let (from, to) = (folder.join("a.jsonl"), folder.join("a.pushscope"));
    std::fs::write(&from, text).unwrap();
    let mut writer = SessionWriter::create(&to, 0)?;
    let report = read(&from, &mut writer, &mut |_, _| true)?;
    writer.finish()?;
    let loaded = load(&to, &mut |_, _| true)?;
    assert!(loaded.notices.is_empty() && loaded.damage.is_empty(), "{:?}{:?}", loaded.notices, loaded.damage);
    Ok((loaded.session, report))
}

/// One event of each kind there is.
fn one_of_each() -> Vec<Entry> {
    let address = "127.0.0.1:80".parse().unwrap();
    let via = Via {
        proxy: "http://p:1".into(),
        role: ProxyRole::Inside(LinkId(9)),
        source: "given".into(),
        target: "h:1".into(),
    };
    let opening = Opening {
        connection: ConnectionId(1),
        host: "h".into(),
        port: 1,
        tls: true,
        purpose: "request".into(),
        via: Some(via),
    };
    let certificate = CertificateFacts {
        subject: "CN=h".into(),
        issuer: "CN=ca".into(),
        not_before: "a".into(),
        not_after: "b".into(),
        names: vec!["h".into()],
        serial: "01".into(),
        der_hex: "00".into(),
    };
    let tls = TlsFacts {
        version: "TLSv1.3".into(),
        cipher_suite: "X".into(),
        key_exchange: None,
        alpn: Some("http/1.1".into()),
        server_name: None,
        verified: false,
        would_fail: Some("bad".into()),
        chain: vec![certificate.clone()],
        anchor: Some(Anchor::Machine),
        took_ns: 5,
    };
    let tunnelled =
        Tunnelled { proxy: "p".into(), protocol: "CONNECT".into(), target: "h:1".into(), over: LinkId(9), took_ns: 1 };
    let challenge = Challenge {
        by_proxy: true,
        who: "p".into(),
        schemes: vec!["Basic".into()],
        realm: "r".into(),
        refused: true,
        can_be_answered: true,
    };
    let failure =
        Failure { stage: Stage::Tls, text: "t".into(), hint: String::new(), took_ns: 2, chain: vec![certificate] };
    let whats = [
        What::Opening(opening),
        What::Resolved(Resolved { host: "h".into(), addresses: vec!["::1".parse().unwrap()], took_ns: 1 }),
        What::Connected(Connected {
            remote: address,
            local: address,
            failed: vec![(address, "no".into())],
            took_ns: 3,
        }),
        What::Tunnelled(tunnelled),
        What::Secured(tls),
        What::Bytes(Dir::Out, "GET / HTTP/1.1\r\nHost: h\r\n\r\n".into()),
        What::Bytes(Dir::In, vec![0, 255, 10].into()),
        What::Bytes(Dir::In, Vec::new().into()),
        What::Challenged(challenge),
        What::Progress(Progress { sent_bytes: 1, acknowledged_bytes: Some(1) }),
        What::Stalled(Stalled { for_ns: 1, waiting_bytes: 2 }),
        What::Client(ClientAct { act: Act::GaveUp, text: "over".into() }),
        What::Ended(Dir::In),
        What::Failed(failure),
        What::Closed(Closed { by: Dir::Out, text: "done".into() }),
    ];
    let events = whats.into_iter().enumerate().map(|(at, what)| event(at as u64 * 7, 3, what));
    [connection(1)].into_iter().chain(events).chain([connection(2)]).collect()
}

#[track_caller]
fn assert_same(entries: &[Entry]) {
    let folder = tempfile::tempdir().unwrap();
    let before = session(entries);
    let (text, _) = lines(&before, None);
    let (after, _) = read_back(folder.path(), &text).unwrap();
    assert!(after.entries().collect::<Vec<_>>() == entries, "the events differ");
    assert_eq!(after.started_unix_ns, before.started_unix_ns);
    assert!(after.records() == before.records(), "the records differ");
}

#[test]
fn every_kind_of_event_comes_back_as_it_was() {
    assert_same(&one_of_each());
}

#[test]
fn the_lines_say_what_they_are() {
    let (text, report) = lines(&session(&one_of_each()), None);
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["pushscope"]["started_at"], "2023-11-14T22:13:20.123456789Z");
    assert_eq!(
        (first["pushscope"]["format"].as_u64(), first["pushscope"]["title"].as_str()),
        (Some(1), Some("a \"title\""))
    );
    let of = |key: &str| text.lines().filter(|line| line.starts_with(&format!("{{\"{key}\""))).count() as u64;
    assert_eq!((of("connection"), of("event"), of("remark")), (2, 15, 1));
    assert_eq!((of("n"), report.written), (report.written, report.written));
    assert!(text.contains(r#""what":"bytes","dir":"in","base64":"AP8K""#), "{text}");
}

#[test]
fn where_records_are_chosen_nothing_else_is_told() {
    let (text, report) = lines(&session(&one_of_each()), Some(&[1]));
    assert!(!text.contains("\"event\"") && text.lines().count() == 2, "{text}");
    assert!(report.remarks[0].contains("the events behind them are left out"), "{report:?}");
}

#[test]
fn what_is_wrong_is_told_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let event = r#"{"event":{"at_ns":1,"link":1,"what":"bytes","dir":"in","text":"x"}}"#;
    for (text, words) in [
        ("{nonsense\n".into(), "line 1: it is no JSON object"),
        (format!("{{\"pushscope\":{{\"format\":2}}}}\n{event}\n"), "line 1: it is written in format 2"),
        ("{\"event\":{\"at_ns\":1,\"link\":1,\"what\":\"dance\"}}\n".into(), "its \"what\" is \"dance\""),
        ("{\"event\":{\"at_ns\":1,\"link\":-1,\"what\":\"bytes\"}}\n".into(), "its \"link\" is no number"),
        ("{\"event\":{\"at_ns\":1,\"link\":1,\"what\":\"bytes\",\"dir\":\"up\"}}\n".into(), "its \"dir\" is \"up\""),
        ("{\"event\":{\"at_ns\":1,\"link\":1,\"what\":\"closed\",\"detail\":7}}\n".into(), "its \"detail\" is not as"),
        ("{}\n[1]\n\"text\"\n7\n".into(), "there is no event and no message in it"),
    ] {
        let error = read_back(folder.path(), &text).err().expect(words).to_string();
        assert!(error.contains(words), "{error}");
        assert!(!folder.path().join("a.pushscope").exists());
    }
    // What is sound is read; where a link lacks an event, it says so.
    let lacking = r#"{"event":{"at_ns":2,"link":1,"what":"dance"}}"#;
    let [late, last] = [event.replace("\"x\"", "\"y\""), event.replace("\"x\"", "\"z\"")];
    let text = format!("{event}\n{{nonsense\n{lacking}\n{late}\n5\n{}\n{last}\n", "[".repeat(100_000));
    let (session, report) = read_back(folder.path(), &text).unwrap();
    assert_eq!(session.wire(LinkId(1), Dir::In, 0, 9), b"xyz");
    assert_eq!(report.written, 3);
    assert!(
        report.remarks[0].starts_with("3 lines that cannot be read were left out (line 2: it is no JSON"),
        "{report:?}"
    );
    assert!(report.remarks[1].starts_with("1 line means nothing here"), "{report:?}");
    let said: Vec<String> = (0..session.records().len()).map(|id| session.line(&session.explain(id))).collect();
    assert!(said.iter().any(|line| line.contains("an event is missing here, since line 3 cannot be read")), "{said:?}");
    // Cut while it was written, it is read up to there.
    let other = tempfile::tempdir().unwrap();
    let (_, report) = read_back(other.path(), &format!("{event}\n{}", &event[..30])).unwrap();
    assert_eq!((report.written, report.remarks.len()), (1, 1));
}

/// What the messages of a session are: time, direction, kind and payload.
fn said(session: &Session) -> Vec<(u64, Dir, crate::session::Kind, Vec<u8>)> {
    let ids =
        (0..session.records().len()).filter(|id| session.records()[*id].flags.has(crate::session::Flags::MESSAGE));
    ids.map(|id| {
        let record = session.records()[id];
        (session.at_ns(id), record.dir, record.kind, session.explain(id).payload)
    })
    .collect()
}

#[test]
fn of_what_show_prints_a_session_with_the_same_messages_is_made() {
    let read =
        |link: u32, at_ns: u64, dir: Dir, bytes: &str| event(at_ns, link, What::Bytes(dir, bytes.to_owned().into()));
    let opening = |link: u32| {
        let opening = Opening {
            connection: ConnectionId(1),
            host: "h".into(),
            port: 1,
            tls: false,
            purpose: "p".into(),
            via: None,
        };
        event(0, link, What::Opening(opening))
    };
    let entries = [
        connection(1),
        opening(1),
        read(1, 1, Dir::Out, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"),
        read(1, 2, Dir::In, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
        read(1, 3, Dir::In, "20\r\nid: 7\nevent: e\ndata: a\ndata: b\n\n\r\n"),
        read(1, 4, Dir::In, "9\r\ndata: c\n\n\r\n"),
        read(1, 5, Dir::In, "0\r\n\r\n"),
        read(1, 6, Dir::Out, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"),
        read(1, 7, Dir::In, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"),
        opening(2),
        read(
            2,
            8,
            Dir::Out,
            "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ),
        read(
            2,
            9,
            Dir::In,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        ),
        read(2, 10, Dir::In, "\u{1}\u{2}he"),
        event(11, 2, What::Bytes(Dir::In, vec![0x80, 3, b'l', b'l', b'o'].into())),
        event(12, 2, What::Bytes(Dir::Out, vec![0x82, 0x81, 1, 1, 1, 1, 0xfe].into())),
        event(13, 2, What::Bytes(Dir::In, vec![0x88, 5, 3, 0xe8, b'b', b'y', b'e'].into())),
        event(14, 2, What::Closed(Closed { by: Dir::In, text: "closed".into() })),
    ];
    let before = session(&entries);
    let folder = tempfile::tempdir().unwrap();
    // Where a filter chose all of them, records are all that there is.
    let all: Vec<RecordId> = (0..before.records().len()).collect();
    let (text, _) = lines(&before, Some(&all));
    let (after, report) = read_back(folder.path(), &text).unwrap();
    assert_eq!(said(&after), said(&before));
    assert!(report.remarks[0].contains("heads and framing are made up"), "{report:?}");
    let events: Vec<_> =
        (0..after.records().len()).filter(|id| after.records()[*id].kind == crate::session::Kind::SseEvent).collect();
    assert_eq!(after.summaries(&events), ["e  a⏎b  id 7", "message  c"]);
    let noticed = after.records().iter().filter(|record| record.kind == crate::session::Kind::Client).count();
    assert_eq!(noticed, 1);
    // Nothing that was made up breaks a rule.
    assert!(
        after.records().iter().all(|record| record.kind.is_fact() || record.worst < crate::session::Severity::Warning)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_session_comes_back_as_it_was(reads in prop::collection::vec(
        (1u32..4, any::<bool>(), 0u64..1_000_000, prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            Just(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xe2\x82".to_vec()),
            Just(b"\xac\n\ndata: x\n\n".to_vec()),
            "\\PC{0,40}".prop_map(String::into_bytes),
        ]), 0..60),
        facts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..20)) {
        let (mut at_ns, mut entries) = (0, vec![connection(1)]);
        let opening = |link: u32| Opening { connection: ConnectionId(1), host: "h".into(), port: link as u16, tls: false, purpose: "p".into(), via: None };
        entries.extend((1..4).map(|link| event(0, link, What::Opening(opening(link)))));
        for (link, is_out, time, bytes) in reads {
            at_ns += time;
            let dir = if is_out { Dir::Out } else { Dir::In };
            entries.push(event(at_ns, link, What::Bytes(dir, bytes.into())));
        }
        // Anything else that happens, anywhere between.
        let all: Vec<Event> = one_of_each().into_iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            Entry::Connection(_) => None,
        }).collect();
        for (which, place) in facts {
            let at = 4 + place.index(entries.len() - 3);
            let Entry::Event(before) = &entries[at - 1] else { continue };
            let what = all[which.index(all.len())].what.clone();
            let fact = event(before.at_ns, before.link.0, what);
            entries.insert(at, fact);
        }
        assert_same(&entries);
    }
}
