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
    What::Opening(Opening { connection: ConnectionId(connection), host, port: 8443, tls: true, purpose })
}

/// 0 open, 1 dns, 2 open on link 2 of connection 2, 3 tcp, 4 gap in with JSON, 5 closed, 6 gap out, 7 failed.
fn session() -> Session {
    let mut session = Session::new(Store::memory(), 0);
    let address: std::net::SocketAddr = "192.0.2.1:8443".parse().unwrap();
    let (remote, local, failed) = (address, address, Vec::new());
    let failure = |text: &str| Failure { stage: Stage::Stream, text: text.to_owned(), hint: String::new(), took_ns: 0 };
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
