//! Plans made and carried out: what goes, what stays, and that what is left reads as before.

use super::*;
use crate::dissect::{Kind, Record};
use crate::session::{EXPLAIN_LIMIT_BYTES, RecordId, Session, Store};
use crate::wire::{Dir, Entry, Event, LinkId, What};
use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use proptest::prelude::*;

fn bytes(dir: Dir, bytes: impl Into<Vec<u8>>) -> Entry {
    Entry::Event(Event { at_ns: 1, link: LinkId(1), what: What::Bytes(dir, Bytes::from(bytes.into())) })
}

fn session(entries: impl IntoIterator<Item = Entry>) -> Session {
    let mut session = Session::new(Store::memory(), 0);
    for entry in entries {
        session.take(entry);
    }
    session
}

/// The plan for some entries, and what it makes of them.
fn redacted(entries: Vec<Entry>, rules: &Rules) -> (Plan, Session, Session) {
    let before = session(entries.clone());
    let plan = Plan::of(&before, rules, &mut |_, _| true).unwrap();
    let mut applying = plan.applying();
    let after = session(entries.into_iter().map(|entry| applying.take(entry).unwrap()));
    (plan, before, after)
}

/// Records but for their notes.
fn shapes(session: &Session) -> Vec<Record> {
    let plain = |record: &Record| Record { worst: crate::dissect::Severity::None, ..*record };
    session.records().iter().map(plain).collect()
}

fn payloads(session: &Session) -> Vec<String> {
    let ids: Vec<RecordId> = (0..session.records().len()).collect();
    let all = session.explain_all(&ids, EXPLAIN_LIMIT_BYTES);
    all.iter().map(|explained| String::from_utf8_lossy(&explained.payload).into_owned()).collect()
}

fn wire(session: &Session, dir: Dir) -> String {
    String::from_utf8_lossy(&session.wire(LinkId(1), dir, 0, 1 << 24)).into_owned()
}

/// Cuts bytes into reads of these sizes.
fn reads(dir: Dir, all: &[u8], sizes: &[usize]) -> Vec<Entry> {
    let (mut rest, mut sizes, mut entries) = (all, sizes.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let (now, later) = rest.split_at((*sizes.next().unwrap_or(&rest.len())).clamp(1, rest.len()));
        entries.push(bytes(dir, now));
        rest = later;
    }
    entries
}

#[test]
fn heads_lose_what_is_secret_and_nothing_else() {
    let request = "GET /feed?user=ann&access_token=tok-123&x=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer abc.def\r\n\
                   Cookie: sid=s3cr3t; theme=dark\r\nX-Api-Key: k-1\r\n\r\n";
    let answer =
        "HTTP/1.1 200 OK\r\nSet-Cookie: sid=n3w; Path=/\r\nLocation: http://h/?code=xyz\r\nContent-Length: 2\r\n\r\nok";
    for size in [1, 7, 1000] {
        let mut entries = reads(Dir::Out, request.as_bytes(), &[size]);
        entries.extend(reads(Dir::In, answer.as_bytes(), &[size]));
        let (plan, before, after) = redacted(entries, &Rules::default());
        assert_eq!(
            wire(&after, Dir::Out),
            "GET /feed?user=ann&access_token=*******&x=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer *******\r\n\
             Cookie: sid=******; theme=****\r\nX-Api-Key: ***\r\n\r\n"
        );
        assert_eq!(
            wire(&after, Dir::In),
            "HTTP/1.1 200 OK\r\nSet-Cookie: sid=***; Path=/\r\nLocation: http://h/?code=***\r\nContent-Length: 2\r\n\r\nok"
        );
        assert_eq!(shapes(&before), shapes(&after));
        let count = |group| plan.count(group).found;
        assert_eq!((count(Group::Credentials), count(Group::Cookies), count(Group::Headers)), (1, 3, 1));
        assert_eq!(count(Group::Parameters), 2);
        let places: Vec<&str> = plan.found().iter().map(|found| plan.place(found)).collect();
        let wanted =
            ["access_token", "Authorization", "Cookie, sid", "Cookie, theme", "X-Api-Key", "Set-Cookie, sid", "code"];
        assert_eq!(places, wanted);
        assert_eq!(plan.found()[0].record, Some(0));
    }
}

#[test]
fn json_stays_json() {
    let body = r#"{"user":"ann","password":"a\"b\u00e9c","n":{"client_secret":["x",{"y":"z"}],"pin_token":-12.5e3},"t":"日本"}"#;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (_, _, after) =
        redacted(vec![bytes(Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), bytes(Dir::In, answer)], &Rules::default());
    let told = payloads(&after).pop().unwrap();
    assert_eq!(
        told,
        r#"{"user":"ann","password":"***********","n":{"client_secret":["*",{"y":"*"}],"pin_token":-99.9e3},"t":"日本"}"#
    );
    serde_json::from_str::<serde_json::Value>(&told).unwrap();
}

#[test]
fn what_is_nested_or_named_beside_is_found() {
    let text = |text: &str| {
        let scanner = super::scan::Scanner::new(&Rules::default()).unwrap();
        scanner.masked(text)
    };
    let cases = [
        (r#"{"data":"{\"token\":\"abc\",\"n\":1}"}"#, r#"{"data":"{\"token\":\"***\",\"n\":1}"}"#),
        (r#"[["Authorization","Bearer abc"],["Accept","x"]]"#, r#"[["Authorization","Bearer ***"],["Accept","x"]]"#),
        (r#"{"name":"X-Api-Key","value":"abc"}"#, r#"{"name":"X-Api-Key","value":"***"}"#),
        (r#"{"next_page_token":"abc","ok":true}"#, r#"{"next_page_token":"abc","ok":true}"#),
        ("grant_type=password&password=p%20w&code=77", "grant_type=password&password=*****&code=**"),
        ("CONNECT\nlogin:ann\npasscode:pw\n\n\0", "CONNECT\nlogin:ann\npasscode:**\n\n\0"),
        ("<a><wsse:Password Type=\"x\">pw</wsse:Password></a>", "<a><wsse:Password Type=\"x\">**</wsse:Password></a>"),
        ("go to https://ann:pw@host/x", "go to https://******@host/x"),
        ("/cb?next=https%3A%2F%2Fx%2F%3Ftoken%3Dabc%26y%3D1", "/cb?next=https%3A%2F%2Fx%2F%3Ftoken%3D***%26y%3D1"),
        ("42[\"auth\",{\"token\":\"abc\"}]", "42[\"auth\",{\"token\":\"***\"}]"),
    ];
    for (before, wanted) in cases {
        assert_eq!(text(before), wanted);
    }
}

#[test]
fn own_rules_keep_the_framing_whole() {
    let rules = Rules {
        headers: vec!["x-tenant".to_owned()],
        patterns: vec![
            "$.card.number".to_owned(),
            "/id=(\\d+)/".to_owned(),
            "/\\d/".to_owned(),
            "/\\{.*\\}/".to_owned(),
        ],
        ..Rules::default()
    };
    let body = r#"{"card":{"number":"4111"},"id=77":"\u0041b"}"#;
    let request =
        format!("POST /x HTTP/1.1\r\nHost: a\r\nX-Tenant: acme\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (_, before, after) = redacted(vec![bytes(Dir::Out, request)], &rules);
    assert_eq!(shapes(&before), shapes(&after));
    let told = wire(&after, Dir::Out);
    assert!(told.contains("X-Tenant: ****\r\n") && told.contains(&format!("Content-Length: {}", body.len())), "{told}");
    assert!(told.ends_with(r#"{"****":{"******":"****"},"*****":"*******"}"#), "{told}");
    for wrong in ["card", "/(/", "$.[", "$"] {
        assert_eq!(Rules::check(wrong).is_err(), wrong != "$", "{wrong}");
    }
}

#[test]
fn what_was_found_goes_elsewhere_too() {
    let secret = "hunter2-Secret";
    let encoded = "aHVudGVyMi1TZWNyZXQ";
    let body = format!("you said {secret}, {encoded}==, and nothing else");
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: {secret}\r\n\r\n");
    let entries = vec![bytes(Dir::Out, request), bytes(Dir::In, answer)];
    let (plan, _, after) = redacted(entries.clone(), &Rules::default());
    assert!(wire(&after, Dir::In).ends_with("you said **************, *******************==, and nothing else"));
    assert_eq!(plan.count(Group::Copies).found, 2);
    let mut rules = Rules::default();
    rules.set(Group::Copies, false);
    let (_, _, after) = redacted(entries, &rules);
    assert!(wire(&after, Dir::In).contains(secret));
}

#[test]
fn what_cannot_be_read_goes_as_a_whole_and_is_counted() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n\x1f\x8b\x08ab\r\n3\r\ncde\r\n0\r\n\r\n";
    let entries = vec![bytes(Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), bytes(Dir::In, &answer[..])];
    let (plan, before, after) = redacted(entries.clone(), &Rules::default());
    assert!(wire(&after, Dir::In).ends_with("5\r\n*****\r\n3\r\n***\r\n0\r\n\r\n"));
    assert_eq!(shapes(&before), shapes(&after));
    assert_eq!(plan.count(Group::Unread), Count { found: 1, bytes: 8 });
    assert!(plan.remarks()[0].starts_with("1 message or body could not be looked into"), "{:?}", plan.remarks());
    let mut rules = Rules::default();
    rules.set(Group::Unread, false);
    let (plan, _, after) = redacted(entries, &rules);
    assert!(wire(&after, Dir::In).contains("cde") && plan.remarks()[0].contains("may hold secrets"));
}

#[test]
fn what_is_not_complete_is_looked_into() {
    let half = "GET /?token=abc HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer xyz";
    let (_, before, after) = redacted(vec![bytes(Dir::Out, half)], &Rules::default());
    assert_eq!(wire(&after, Dir::Out), "GET /?token=*** HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ***");
    assert_eq!(shapes(&before), shapes(&after));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"password\":\"abc";
    let entries = vec![bytes(Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), bytes(Dir::In, head)];
    let (_, _, after) = redacted(entries, &Rules::default());
    assert!(wire(&after, Dir::In).ends_with("{\"password\":\"***"));
}

#[test]
fn many_secrets_take_little_room() {
    let line = "{\"token\":\"t-0000000\"}\n".repeat(10_000);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
    let entries = vec![bytes(Dir::Out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), bytes(Dir::In, format!("{head}{line}"))];
    let (plan, _, after) = redacted(entries, &Rules::default());
    assert_eq!(plan.total().found, 10_000);
    assert!(!wire(&after, Dir::In).contains("t-0"));
    assert!(size_of::<Found>() <= 48);
}

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

fn agree(parameters: &str) -> String {
    format!(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\nSec-WebSocket-Extensions: permessage-deflate{parameters}\r\n\r\n"
    )
}

/// Frames of a text message, cut into fragments of that size, masked where a key is given.
fn frames(payload: &[u8], is_compressed: bool, fragment: usize, key: Option<[u8; 4]>) -> Vec<u8> {
    let pieces: Vec<&[u8]> = if payload.is_empty() { vec![payload] } else { payload.chunks(fragment.max(1)).collect() };
    let mut out = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let first = if at == 0 { 1 | if is_compressed { 0x40 } else { 0 } } else { 0 };
        out.push(first | if at + 1 == pieces.len() { 0x80 } else { 0 });
        let mask = if key.is_some() { 0x80 } else { 0 };
        match piece.len() {
            len @ 0..126 => out.push(mask | len as u8),
            len => {
                out.push(mask | 126);
                out.extend((len as u16).to_be_bytes());
            }
        }
        let mut piece = piece.to_vec();
        if let Some(key) = key {
            out.extend(key);
            crate::dissect::unmask(&mut piece, key);
        }
        out.extend(piece);
    }
    out
}

/// Messages of one direction as RFC 7692 §7.2.1 compresses them.
fn compressed(messages: &[String], level: u32, keep: bool) -> Vec<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(level), false);
    let each = |message: &String| {
        if !keep {
            compress.reset();
        }
        let mut out = Vec::with_capacity(message.len() * 2 + 1024);
        let status = compress.compress_vec(message.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        if status == Status::BufError && out.is_empty() {
            // Nothing to flush: an empty message is an empty stored block (RFC 7692 §7.2.3.6).
            out.extend([0, 0, 0, 0xFF, 0xFF]);
        }
        assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
        out.truncate(out.len() - 4);
        out
    };
    messages.iter().map(each).collect()
}

fn deflated(messages: &[String], level: u32, keep: bool, fragment: usize, dir: Dir, reads_of: &[usize]) -> Vec<Entry> {
    let side = if dir == Dir::In { "server" } else { "client" };
    let parameters = if keep { String::new() } else { format!("; {side}_no_context_takeover") };
    let key = (dir == Dir::Out).then_some([0x9a, 3, 0x77, 0xf1]);
    let all: Vec<u8> = compressed(messages, level, keep).iter().flat_map(|m| frames(m, true, fragment, key)).collect();
    let mut entries = vec![bytes(Dir::Out, ASK), bytes(Dir::In, agree(&parameters))];
    entries.extend(reads(dir, &all, reads_of));
    entries
}

#[test]
fn compressed_messages_are_masked_at_the_same_length() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.Zm9vYmFyYmF6cXV4";
    let messages: Vec<String> = (0..40)
        .map(|n| match n % 4 {
            0 => format!(r#"{{"op":"auth","token":"{token}","n":{n}}}"#),
            1 => format!(r#"{{"op":"tick","price":{}.5,"symbol":"ABC"}}"#, n * 17),
            2 => format!(r#"{{"op":"login","user":"ann","password":"pw-{n}-{}"}}"#, n * 7919),
            _ => format!("plain text {n}, and the token again: {token}"),
        })
        .collect();
    for (level, keep, fragment) in [(0, true, 9999), (1, true, 9999), (6, true, 9999), (9, false, 9999), (6, true, 11)]
    {
        for dir in [Dir::In, Dir::Out] {
            let entries = deflated(&messages, level, keep, fragment, dir, &[50, 3, 700]);
            let (plan, before, after) = redacted(entries, &Rules::default());
            assert_eq!(shapes(&before), shapes(&after), "level {level}, {keep}, {fragment}");
            assert!(plan.total().found >= 30, "{}", plan.summary());
            // What is not compressed against what came before drags nothing along.
            assert!(level != 0 || plan.remarks().is_empty(), "{:?}", plan.remarks());
            let (old, new) = (payloads(&before), payloads(&after));
            let texts = before.records().iter().zip(old.iter().zip(&new));
            let texts: Vec<(&String, &String)> =
                texts.filter(|(r, _)| r.kind == Kind::WsText).map(|(_, t)| t).collect();
            assert_eq!(texts.len(), 40);
            for (n, (old, new)) in texts.iter().enumerate() {
                assert_eq!(**old, messages[n]);
                assert_eq!(old.len(), new.len());
                assert!(!new.contains(token) && !new.contains("Zm9vYmFyYmF6cXV4"), "{new}");
                assert!(!new.contains(&format!("pw-{n}-")), "{new}");
            }
        }
    }
}

#[test]
fn a_broken_message_goes_as_a_whole() {
    let mut messages =
        compressed(&[r#"{"password":"abcdefgh"}"#.into(), r#"{"password":"abcdefgh","x":1}"#.into()], 6, true);
    let len = messages[0].len();
    messages[0][len - 2..].fill(0xFF);
    messages[0].extend([0xFF; 20]);
    let mut entries = vec![bytes(Dir::Out, ASK), bytes(Dir::In, agree(""))];
    entries.extend(messages.iter().map(|message| bytes(Dir::In, frames(message, true, 999, None))));
    let (plan, before, after) = redacted(entries, &Rules::default());
    assert_eq!(shapes(&before), shapes(&after));
    assert_eq!(plan.count(Group::Unread).found, 2);
    assert!(payloads(&after).iter().all(|payload| !payload.contains("abc")));
}

fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{12,40}".prop_filter("not alike", |text| {
        text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().any(|b| b.is_ascii_lowercase())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_is_left_in_any_message_and_every_record_stays(
        secrets in prop::collection::vec(secret(), 1..4),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8, "[a-z {}\",:é]{0,30}"), 1..25),
        level in 0u32..10,
        keep in any::<bool>(),
        fragment in prop_oneof![Just(9999usize), 1usize..40],
        sizes in prop::collection::vec(1usize..300, 1..5),
        is_out in any::<bool>(),
        is_compressed in any::<bool>(),
    ) {
        let messages: Vec<String> = picks.iter().map(|(index, shape, noise)| {
            let secret = index.get(&secrets);
            let plain = noise.replace(['"', '{', '}'], "");
            match shape {
                0 => format!(r#"{{"token":"{secret}","note":"{plain}"}}"#),
                1 => format!(r#"{{"a":[{{"password":"{secret}"}}],"x":"{plain}"}}"#),
                2 => format!("https://h/x?api_key={secret}&y={}", plain.trim()),
                3 => format!("Authorization: Bearer {secret}"),
                4 => format!("{noise} {secret} {noise}"),
                5 => format!(r#"{{"data":"{{\"secret\":\"{secret}\"}}"}}"#),
                6 => noise.clone(),
                _ => format!(r#"{{"client_secret":"{secret}","p":"{}"}}"#, "é".repeat(plain.len() % 5)),
            }
        }).collect();
        let dir = if is_out { Dir::Out } else { Dir::In };
        // Where nothing names it, a secret is found because it was named elsewhere.
        let named: Vec<&String> = secrets.iter().filter(|secret| {
            picks.iter().any(|(index, shape, _)| index.get(&secrets) == *secret && !matches!(shape, 4 | 6))
        }).collect();
        let entries = match is_compressed {
            true => deflated(&messages, level, keep, fragment, dir, &sizes),
            false => {
                let key = is_out.then_some([1, 0xfe, 0x80, 0x20]);
                let all: Vec<u8> = messages.iter().flat_map(|m| frames(m.as_bytes(), false, fragment, key)).collect();
                let mut entries = vec![bytes(Dir::Out, ASK), bytes(Dir::In, agree(""))];
                entries.extend(reads(dir, &all, &sizes));
                entries
            }
        };
        let (_, before, after) = redacted(entries, &Rules::default());
        prop_assert!(shapes(&before) == shapes(&after));
        for told in payloads(&after) {
            for secret in &named {
                prop_assert!(!told.contains(secret.as_str()), "{secret} in {}", &told[..told.len().min(200)]);
            }
        }
    }
}

#[test]
fn a_text_on_its_own_is_counted() {
    let request = "GET /feed?user=ann&access_token=tok-12345 HTTP/1.1\r\nHost: a\r\nCookie: sid=s3cr3t-value\r\n\r\n";
    assert_eq!(count_in(request.as_bytes(), &Rules::default()), 2);
    assert_eq!(count_in(b"nothing of note", &Rules::default()), 0);
}
