use super::*;
use crate::session::{Session, Store};
use crate::wire::*;
use bytes::Bytes;

fn event(at_ms: u64, link: u32, what: What) -> Event {
    Event { at_ns: at_ms * 1_000_000, link: LinkId(link), what }
}

fn bytes(dir: Dir, text: &str) -> What {
    What::Bytes(dir, Bytes::copy_from_slice(text.as_bytes()))
}

fn opening(connection: u32) -> What {
    let (host, purpose) = ("a.example".to_owned(), "request".to_owned());
    What::Opening(Opening { connection: ConnectionId(connection), host, port: 8443, tls: true, purpose, via: None })
}

/// 0 open, 1 dns, 2 open on link 2 of connection 2, 3 tcp, 4 gap in with JSON, 5 closed, 6 gap out, 7 failed.
fn session() -> Session {
    let mut session = Session::new(Store::memory(), 0);
    let address: std::net::SocketAddr = "192.0.2.1:8443".parse().unwrap();
    let (remote, local, failed) = (address, address, Vec::new());
    let failure = |text: &str| Failure {
        stage: Stage::Stream,
        text: text.to_owned(),
        hint: String::new(),
        took_ns: 0,
        chain: Vec::new(),
    };
    let json =
        r#"{"a":{"b":5,"big":9007199254740993},"name":"Grüße, Welt","ok":true,"none":null,"list":[{"x":1},{"x":7}]}"#;
    for event in [
        event(0, 1, opening(1)),
        event(
            20,
            1,
            What::Resolved(Resolved {
                host: "a.example".to_owned(),
                addresses: vec![remote.ip()],
                took_ns: 20_000_000,
            }),
        ),
        event(30, 2, opening(2)),
        event(400, 1, What::Connected(Connected { remote, local, failed, took_ns: 380_000_000 })),
        event(500, 1, bytes(Dir::In, json)),
        event(4000, 1, What::Closed(Closed { by: Dir::In, text: "end of file".to_owned() })),
        event(5000, 2, bytes(Dir::Out, "hello\u{1}")),
        event(6000, 2, What::Failed(failure("reset by peer"))),
    ] {
        session.append(event);
    }
    session
}

#[test]
fn terms_match_what_they_say() {
    let session = session();
    let all: Vec<usize> = (0..session.records().len()).collect();
    assert_eq!(all.len(), 8, "{:#?}", session.records());
    let table: &[(&str, &[usize])] = &[
        ("", &[0, 1, 2, 3, 4, 5, 6, 7]),
        ("kind:gap", &[4, 6]),
        ("kind:open,d*", &[0, 1, 2]),
        ("kind=tcp", &[3]),
        ("kind:* -kind:open", &[1, 3, 4, 5, 6, 7]),
        ("dir:in", &[4, 5]),
        ("link:2", &[2, 6, 7]),
        ("connection:1,7", &[0, 1, 3, 4, 5]),
        ("stream:3", &[]),
        ("size>100", &[4]),
        ("size > 0 size < 1kB", &[4, 6]),
        ("size<=.006k size>0", &[6]),
        ("at>3s", &[5, 6, 7]),
        ("at>=4000ms at<5s", &[5]),
        ("gap>250ms", &[3, 5, 6, 7]),
        ("gap>1m or gap<21ms", &[1]),
        ("note:error", &[4, 6, 7]),
        ("note:any", &[4, 6, 7]),
        ("note:websocket.*", &[]),
        ("-note:any kind:failed", &[]),
        ("dns.address", &[1]),
        ("link.port=8443", &[0, 2]),
        ("link.port!=8443", &[]),
        ("link.port != 1", &[0, 2]),
        ("link.port>=8444", &[]),
        ("link.port<0x20fc", &[0, 2]),
        ("link.host=A.EXAMPLE kind:dns", &[1]),
        ("link.host=\"A.EXAMPLE\"", &[0, 1, 2]),
        ("link.host~^a\\.(example|test)$", &[0, 1, 2]),
        ("link.host~/^A/i", &[0, 1, 2]),
        ("took>100ms", &[3]),
        ("took=20ms", &[]),
        ("took<=20ms", &[1, 7]),
        ("example", &[0, 1, 2]),
        ("\"END of file\"", &[5]),
        ("grÜSSe or welt", &[4]),
        ("hello", &[6]),
        ("/^hel+o/", &[6]),
        ("/^HEL+O/", &[]),
        ("/^HEL+O/i", &[6]),
        ("/a\\/b/", &[]),
        ("$.a.b=5", &[4]),
        ("$.a.b=\"5\"", &[]),
        ("$.a.b>4.5 $.a.b<6", &[4]),
        ("$.a.b!=5", &[]),
        ("$.a.c!=5", &[]),
        ("$.a.b != 6", &[4]),
        ("$.a.big=9007199254740993", &[4]),
        ("$.a.big=9007199254740992", &[]),
        ("$.ok=true", &[4]),
        ("$.ok=false", &[]),
        ("$.ok=\"true\"", &[]),
        ("$.none=null", &[4]),
        ("$.name=\"GRÜßE, welt\"", &[]),
        ("$.name=\"GRüßE, Welt\"", &[4]),
        ("$.name~^Gr", &[4]),
        ("$.name>\"a\"", &[4]),
        ("$.list[*].x=7", &[4]),
        ("$.list[?@.x > 5]", &[4]),
        ("($.list[?(@.x > 5)].x=7)", &[4]),
        ("$.list[?@.x > 8]", &[]),
        ("$..x", &[4]),
        ("$['name']", &[4]),
        ("not kind:gap dir:out not (kind:open or kind:dns)", &[3, 7]),
        ("kind:gap and dir:in or kind:failed", &[4, 7]),
        ("kind:gap OR kind:failed link:2", &[4, 6, 7]),
        ("--kind:gap", &[4, 6]),
        ("not not kind:gap", &[4, 6]),
        ("-(kind:open)-kind:gap", &[1, 3, 5, 7]),
        ("https://x/y?z=1", &[]),
        ("192.0.2.1", &[1, 3]),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in table {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let found: Vec<usize> = all.iter().copied().filter(|id| filter.matches(&session, *id)).collect();
        if found != *expected {
            wrong.push(format!("{text}: {found:?} instead of {expected:?}"));
        }
        assert_eq!(filter.to_string(), *text);
        assert_eq!(filter.select(&session, &all), found, "{text}: in a stretch as one by one");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!Filter::everything().matches(&session, 99));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_may_be_meant() {
    let keys = Keys { fields: crate::session::facts::FIELDS.to_vec(), accepts_unknown: false };
    let table = [
        ("kind:ws.txt", "ws.txt", "did you mean ws.text?"),
        ("dir:in kind:open,tpc", "tpc", "did you mean tcp?"),
        ("kind:zzz", "zzz", "there is no kind of record"),
        ("kind:", "", "something must follow kind:"),
        ("knid:open", "knid", "did you mean kind:?"),
        ("dir:up", "up", "a direction is in or out"),
        ("link:one", "one", "a link has a number, such as link:1"),
        ("note:eror", "eror", "did you mean error?"),
        ("size:5", "size:", "size is compared: size>1000"),
        ("size>big", "big", "size is compared with a number of bytes"),
        ("gap>250", "250", "a time with its unit, such as 250ms"),
        ("gap>", "gap>", "a time with its unit"),
        ("tls.verson=1", "tls.verson", "did you mean tls.version?"),
        ("tls.verson", "tls.verson", "did you mean tls.version?"),
        ("foo=1", "foo", "there is no field foo"),
        ("tls.version=", "", "a value is missing here"),
        ("\"open", "\"open", "no closing quotation mark"),
        ("/open", "/open", "no closing slash"),
        ("/a(/", "/a(/", "cannot be read: unclosed group"),
        ("/a/q", "q", "has no flag \"q\""),
        ("tls.version~(", "(", "cannot be read: unclosed group"),
        ("$.[", "$.[", "this is no JSONPath"),
        ("(kind:open", "(", "this parenthesis is not closed"),
        ("kind:open)", ")", "this parenthesis closes nothing"),
        ("kind:open or", "", "a term is missing here"),
        ("or kind:open", "or", "quote it: \"or\""),
        ("()", ")", "a term is missing here"),
        ("not", "not", "something must follow"),
        ("=5", "=", "the name of what is compared is missing"),
    ];
    for (text, wrong, says) in table {
        let error = Filter::parse_with(text, &keys).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert_eq!(&text[error.at..error.at + error.len], wrong, "{text}: {error:?}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    assert!(Filter::parse_with("example.com", &keys).is_ok(), "a word with a dot is text");
    for deep in ["(".repeat(100_000), "(".repeat(9000), format!("$[?{}", "(".repeat(9000)), "$[".repeat(4000)] {
        assert!(Filter::parse(&deep).is_err());
    }
    assert!(Filter::parse(&"-".repeat(9000)).is_err() && Filter::parse(&"not ".repeat(4000)).is_err());
}

#[test]
fn cheap_filters_are_known_as_such() {
    for cheap in ["", "kind:ws.* size>5 -dir:in", "gap>5ms or note:error"] {
        assert!(Filter::parse(cheap).unwrap().is_cheap(), "{cheap}");
    }
    for dear in ["text", "kind:open /x/", "$.a", "tls.version", "note:a.b"] {
        assert!(!Filter::parse(dear).unwrap().is_cheap(), "{dear}");
    }
    assert!(keys().iter().any(|(key, help)| *key == "tls.version" && !help.is_empty()));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_parsing_or_matching_panic(text in "[ -~äµ€\n]{0,40}", more in r#"((kind|size|gap|at|note|tls\.version|\$\.a\[?|\$|"|/|-|not|or|and|:|=|!=|<=|>|~|\(|\)|5ms| |,|\*|\\|x|ws\.text|\]|'|@|\.|ä)){0,16}"#) {
        let session = session();
        for text in [text, more] {
            match Filter::parse(&text) {
                Ok(filter) => {
                    let _ = (0..session.records().len()).filter(|id| filter.matches(&session, *id)).count();
                    proptest::prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
                }
                Err(error) => {
                    proptest::prop_assert!(text.get(error.at..error.at + error.len).is_some(), "{:?} of {:?}", error, text);
                }
            }
        }
    }
}

/// Two links: an upgrade with frames of every make both ways, and an event stream in chunks that cut events.
fn talk() -> Session {
    let mut session = Session::new(Store::memory(), 0);
    let link = |number: u32| event(0, number, opening(number));
    let masked = |key: [u8; 4], fin_opcode: u8, text: &[u8]| {
        let mut frame = vec![fin_opcode, 0x80 | text.len() as u8];
        frame.extend(key);
        frame.extend(text.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        What::Bytes(Dir::Out, Bytes::from(frame))
    };
    let plain = |fin_opcode: u8, text: &[u8]| {
        let mut frame = vec![fin_opcode, text.len() as u8];
        frame.extend(text);
        What::Bytes(Dir::In, Bytes::from(frame))
    };
    let chunk = |text: &str| bytes(Dir::In, &format!("{:x}\r\n{text}\r\n", text.len()));
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    for event in [
        link(1),
        event(1, 1, bytes(Dir::Out, upgrade)),
        event(2, 1, bytes(Dir::In, switched)),
        event(3, 1, masked(key, 0x81, br#"{"n":1,"word":"needle"}"#)),
        event(4, 1, plain(0x81, br#"{"n":2,"word":"NEEDLE"}"#)),
        event(5, 1, plain(0x01, b"{\"n\":3,\"word\":\"nee")),
        event(6, 1, plain(0x89, b"ping needle")),
        event(7, 1, plain(0x80, b"dle\"}")),
        event(8, 1, plain(0x82, b"\xff\xfe needle \x00")),
        event(9, 1, masked([0; 4], 0x8a, b"")),
        link(2),
        event(11, 2, bytes(Dir::Out, "GET /sse HTTP/1.1\r\nHost: needle.example\r\n\r\n")),
        event(
            12,
            2,
            bytes(Dir::In, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
        event(13, 2, chunk("event: needle\ndata: {\"n\":4}\n\n")),
        event(14, 2, chunk("data: a needle\n\ndata: a nee")),
        event(15, 2, chunk("dle cut\n\n: needle comment\n\n")),
        event(16, 2, chunk("data: two\ndata: needle lines\n\ndata:{\"n\": 5, \"list\": [{\"x\": 1}]}\n")),
        event(17, 2, chunk("id: needle\n\ndata\n\nretry: 5\n\n")),
        event(18, 2, bytes(Dir::In, "0\r\n\r\n")),
    ] {
        session.append(event);
    }
    session
}

#[test]
fn payloads_are_looked_through_where_they_lie_as_if_they_were_explained() {
    let session = talk();
    let all: Vec<usize> = (0..session.records().len()).collect();
    let in_place = all.iter().filter(|id| session.records()[**id].payload_in_place().is_some()).count();
    assert!(in_place > 15, "{:#?}", session.records());
    for text in [
        "needle",
        "\"needle\" kind:ws.*",
        "/needle/",
        "/^needle/",
        "/needle$/",
        "-needle",
        "$.n",
        "$.n>1 $.n<5",
        "$.word=needle",
        "$.list[0].x=1",
        "$.list[?@.x == 1]",
        "$.n!=2 or /dle cut/",
        "not $.n",
        "websocket.opcode=9",
        "-websocket.opcode",
        "http.status=200 or sse.id",
        "size>10 needle",
        "kind:ws.frame needle",
        "note:any -note:websocket.*",
        "at>5ms at<15ms needle",
    ] {
        let filter = Filter::parse(text).unwrap();
        let found: Vec<usize> = all.iter().copied().filter(|id| filter.matches(&session, *id)).collect();
        assert_eq!(filter.select(&session, &all), found, "{text}");
        for id in &all {
            let record = &session.records()[*id];
            let shape = Shape { kind: record.kind, dir: record.dir, worst: record.worst };
            let matches = found.contains(id);
            assert!(filter.of_shape(shape).is_none_or(|says| says == matches), "{text} of {record:?}");
        }
    }
    assert!(Filter::parse("needle").unwrap().select(&session, &all).len() > 8);
}

#[test]
fn terms_made_from_records_and_fields_find_them_again() {
    for session in [session(), talk()] {
        let mut made = 0;
        for id in 0..session.records().len() {
            let record = session.records()[id];
            let explained = session.explain(id);
            let gap = session.gap_ns(id).map(compose::of_gap);
            let of_record = [compose::of_dir(&record), compose::of_size(&record), gap, compose::of_payload(&explained)];
            let usual = [compose::of_kind(&record), compose::of_connection(&session, &record)];
            let of_fields = explained.fields.iter().filter_map(|field| compose::of_field(&session, &explained, field));
            let has_field = explained.fields.iter().map(compose::has_field);
            let terms = of_record.into_iter().flatten().chain(usual).chain(of_fields).chain(has_field);
            for term in terms {
                made += 1;
                let filter = Filter::parse(&term).unwrap_or_else(|error| panic!("{term}: {error}"));
                assert!(filter.matches(&session, id), "{term} of {record:?}");
                assert!(!Filter::parse(&format!("-{term}")).unwrap().matches(&session, id), "-{term} of {record:?}");
            }
        }
        assert!(made > 50);
    }
}

#[test]
fn a_greedy_expression_is_quick_and_a_huge_one_is_refused_in_a_sentence() {
    let session = talk();
    let all: Vec<usize> = (0..session.records().len()).collect();
    assert!(!Filter::parse("/(n*)*b|(e+)+d/").unwrap().select(&session, &all).is_empty());
    for (filter, says) in [
        ("/(x{1000}){1000}/".to_owned(), "too large"),
        ("/(?:(?:x{500}){500}){500}/".to_owned(), "too large"),
        ("a ".repeat(500_000), "at most 16384 bytes"),
        (format!("\"{}\"", "x".repeat(1_000_000)), "at most 16384 bytes"),
    ] {
        let error = Filter::parse(&filter).unwrap_err();
        assert!(error.text.contains(says) && error.text.len() < 300, "{}", error.text);
    }
}
