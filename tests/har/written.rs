//! What is written of a recording, key by key.

use crate::recorded::{MS, Recording, entry, write, write_chosen};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use pushscope::interop::{Chosen, InteropError, har};
use pushscope::session::{Kind, Mark, Remark};
use pushscope::wire::{
    Closed, Connected, ConnectionId, Dir, Failure, LinkId, Opening, ProxyRole, Resolved, Stage, TlsFacts, Tunnelled,
    Via, What,
};
use serde_json::{Value, json};
use std::io::Write;

/// A masked frame of a client.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 1, 2, 3, 4];
    frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// A request with its answer, an event stream that the client ends, a WebSocket, and a request that nobody answers.
pub fn conversation(recording: &mut Recording) {
    recording.open(1, 0);
    let (host, addresses) = ("a.example".to_owned(), vec!["203.0.113.7".parse().unwrap()]);
    recording.tell(1, 3 * MS, What::Resolved(Resolved { host, addresses, took_ns: 2 * MS }));
    let (remote, local) = ("203.0.113.7:80".parse().unwrap(), "192.0.2.1:50000".parse().unwrap());
    recording.tell(1, 7 * MS, What::Connected(Connected { remote, local, failed: vec![], took_ns: 4 * MS }));
    recording.out(1, 8 * MS, "POST /form?a=1&b=%20&c HTTP/1.1\r\nHost: a.example\r\nCookie: x=1; y=2\r\n");
    recording.out(1, 9 * MS, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2");
    let head = "HTTP/1.1 200 Very well\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Set-Cookie: s=1; Path=/; HttpOnly; Max-Age=60\r\nTransfer-Encoding: chunked\r\n\r\n";
    recording.came(1, 19 * MS, head);
    recording.came(1, 22 * MS, "6;x\r\nGr\u{fc}");
    recording.came(1, 23 * MS, "\u{df}\r\n2\r\ne\n\r\n0\r\n\r\n");

    recording.out(1, 30 * MS, "GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n");
    recording.came(
        1,
        31 * MS,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    recording.came(1, 40 * MS, "1d\r\n: hi\n\nid: 1\ndata: a\ndata: b\n\n\r\n");
    recording.came(1, 50 * MS, "17\r\nevent: tick\ndata: c\n\nid\r\n");
    recording.came(1, 60 * MS, "11\r\n: 2\n\ndata: d\n\ndat\r\n");
    recording.tell(1, 70 * MS, What::Closed(Closed { by: Dir::Out, text: "enough".to_owned() }));

    recording.open(2, 80 * MS);
    recording.out(2, 81 * MS, UPGRADE);
    recording.came(2, 82 * MS, UPGRADED);
    recording.out(2, 83 * MS, masked(1, "hallo".as_bytes()));
    recording.came(2, 84 * MS, frame(0x82, &[0, 159, 255]));
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(b"packed packed packed").unwrap();
    deflate.flush().unwrap();
    let mut packed = deflate.get_ref().clone();
    packed.truncate(packed.len() - 4);
    recording.came(2, 85 * MS, frame(0xC1, &packed));
    recording.came(2, 86 * MS, frame(0x89, b"ping"));
    recording.out(2, 87 * MS, masked(10, b"ping"));
    recording.out(2, 88 * MS, masked(8, b"\x03\xe8bye"));
    recording.tell(2, 89 * MS, What::Closed(Closed { by: Dir::In, text: "closed".to_owned() }));

    recording.open(3, 90 * MS);
    recording.out(3, 91 * MS, "GET /silent HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let text = "nothing within 2 s".to_owned();
    let failure = Failure { stage: Stage::Answer, text, hint: String::new(), took_ns: 0, chain: vec![] };
    recording.tell(3, 95 * MS, What::Failed(failure));
}

#[test]
fn an_exchange_is_written_as_it_was() {
    let mut recording = Recording::new();
    conversation(&mut recording);
    let (har, report) = write(&recording.0);
    assert_eq!((report.written, report.remarks.len()), (4, 0), "{:?}", report.remarks);
    let log = &har["log"];
    assert_eq!((&log["version"], &log["creator"]["name"]), (&json!("1.2"), &json!("Pushscope")));
    let form = entry(&har, "/form?a=1&b=%20&c");
    assert_eq!(form["startedDateTime"], "2023-11-14T22:13:20.000000Z");
    assert_eq!(form["request"]["url"], "http://a.example/form?a=1&b=%20&c");
    let pairs = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    assert_eq!(form["request"]["queryString"], pairs(&[("a", "1"), ("b", "%20"), ("c", "")]));
    assert_eq!(form["request"]["cookies"], pairs(&[("x", "1"), ("y", "2")]));
    assert_eq!(form["request"]["headers"][0], json!({"name": "Host", "value": "a.example"}));
    let post = json!({"mimeType": "application/x-www-form-urlencoded", "text": "a=1&b=2",
                      "params": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]});
    assert_eq!((&form["request"]["postData"], &form["request"]["bodySize"]), (&post, &json!(7)));
    let timings = json!({"blocked": 2, "dns": 2, "ssl": -1, "connect": 4, "send": 1, "wait": 10, "receive": 4});
    assert_eq!((&form["timings"], &form["time"]), (&timings, &json!(23)));
    assert_eq!((&form["serverIPAddress"], &form["connection"]), (&json!("203.0.113.7"), &json!("80")));
    let answer = &form["response"];
    assert_eq!((&answer["status"], &answer["statusText"]), (&json!(200), &json!("Very well")));
    let content = json!({"size": 8, "mimeType": "text/plain; charset=utf-8", "compression": 0, "text": "Grüße\n"});
    assert_eq!(answer["content"], content);
    assert_eq!((&answer["bodySize"], &answer["_error"]), (&json!(8), &Value::Null));
    assert_eq!(answer["cookies"][0]["expires"], "2023-11-14T22:14:20.019Z");
    assert_eq!(answer["_transferSize"], answer["headersSize"].as_i64().unwrap() + 25, "chunk lines included");

    let events = entry(&har, "/events");
    assert_eq!(events["_resourceType"], "eventsource");
    assert_eq!(events["timings"]["blocked"], -1, "the connection was there");
    let text = ": hi\n\nid: 1\ndata: a\ndata: b\n\nevent: tick\ndata: c\n\nid: 2\n\ndata: d\n\ndat";
    assert_eq!(events["response"]["content"]["text"], text);
    assert_eq!(events["response"]["_error"], "net::ERR_ABORTED");
    let at = |ms: u64| (1_700_000_000_000.0 + ms as f64) / 1e3;
    let listed = json!([
        {"time": at(40), "eventName": "message", "eventId": "1", "data": "a\nb"},
        {"time": at(50), "eventName": "tick", "eventId": "1", "data": "c"},
        {"time": at(60), "eventName": "message", "eventId": "2", "data": "d"},
    ]);
    assert_eq!(events["_eventSourceMessages"], listed);

    let socket = entry(&har, "/ws");
    assert_eq!(
        (&socket["request"]["url"], &socket["_resourceType"]),
        (&json!("ws://a.example/ws"), &json!("websocket"))
    );
    let frames = json!([
        {"type": "send", "time": at(83), "opcode": 1, "data": "hallo"},
        {"type": "receive", "time": at(84), "opcode": 2, "data": "AJ//"},
        {"type": "receive", "time": at(85), "opcode": 1, "data": "packed packed packed"},
        {"type": "receive", "time": at(86), "opcode": 9, "data": "cGluZw=="},
        {"type": "send", "time": at(87), "opcode": 10, "data": "cGluZw=="},
        {"type": "send", "time": at(88), "opcode": 8, "data": "A+hieWU="},
    ]);
    assert_eq!(socket["_webSocketMessages"], frames);

    let silent = &entry(&har, "/silent")["response"];
    assert_eq!((&silent["status"], &silent["_error"]), (&json!(0), &json!("answer: nothing within 2 s")));
    assert_eq!(entry(&har, "/silent")["timings"]["wait"], 4);
}

#[test]
fn of_chosen_records_their_exchanges_are_written_and_their_messages() {
    let mut recording = Recording::new();
    conversation(&mut recording);
    let session = &recording.0;
    let of = |kind: Kind| (0..session.records().len()).filter(move |id| session.records()[*id].kind == kind);
    let chosen: Vec<usize> = of(Kind::WsBinary).chain(of(Kind::WsPing)).collect();
    let (har, report) = write_chosen(session, Some(&chosen)).unwrap();
    assert_eq!(report.written, 1);
    let opcodes: Vec<i64> = entry(&har, "/ws")["_webSocketMessages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["opcode"].as_i64().unwrap())
        .collect();
    assert_eq!(opcodes, [2, 9]);
    assert!(report.remarks.iter().any(|remark| remark.starts_with("only some records were chosen")), "{report:?}");

    let chosen: Vec<usize> = of(Kind::SseEvent).take(1).collect();
    let (har, report) = write_chosen(session, Some(&chosen)).unwrap();
    assert_eq!(entry(&har, "/events")["_eventSourceMessages"].as_array().unwrap().len(), 1);
    assert!(report.remarks.iter().any(|remark| remark.starts_with("event streams that are whole")), "{report:?}");

    let nothing = write_chosen(session, Some(&[])).unwrap_err();
    assert!(matches!(nothing, InteropError::Nothing(_)), "{nothing}");
}

#[test]
fn compressed_bodies_are_written_as_what_they_say_and_unknown_codings_as_they_are() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all("Grüße ".repeat(100).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut recording = Recording::new();
    recording.open(1, 0);
    for (coding, body) in [("gzip", &gzip[..]), ("gzip", b"no gzip at all"), ("br", b"\x0b\x02\x80abc\x03")] {
        recording.out(1, MS, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
        recording.came(1, MS, [head.as_bytes(), body].concat());
    }
    let (har, report) = write(&recording.0);
    let content = |at: usize| &har["log"]["entries"][at]["response"]["content"];
    assert_eq!(content(0)["text"], "Grüße ".repeat(100));
    assert_eq!(content(0)["compression"], 800 - gzip.len() as i64);
    assert_eq!((&content(1)["encoding"], &content(1)["_contentEncoding"]), (&json!("base64"), &json!("gzip")));
    assert_eq!((&content(2)["text"], &content(2)["_contentEncoding"]), (&json!("CwKAYWJjAw=="), &json!("br")));
    let said = "bodies written as they are on the wire, since their coding cannot be undone here: 2 (gzip; br)";
    assert_eq!(report.remarks, [said]);
}

#[test]
fn ways_through_proxies_and_links_that_fail_are_entries_too() {
    let mut recording = Recording::new();
    let via = |role| Via {
        proxy: "http://proxy.example:3128".to_owned(),
        role,
        source: "given".to_owned(),
        target: "b.example:443".to_owned(),
    };
    let opening = |host: &str, port, tls, via| {
        let (connection, host, purpose) = (ConnectionId(1), host.to_owned(), "request".to_owned());
        What::Opening(Opening { connection, host, port, tls, purpose, via })
    };
    recording.tell(1, 0, opening("proxy.example", 3128, false, Some(via(ProxyRole::Tunnel))));
    let (remote, local) = ("[2001:db8::1]:3128".parse().unwrap(), "[::1]:50000".parse().unwrap());
    recording.tell(1, MS, What::Connected(Connected { remote, local, failed: vec![], took_ns: MS }));
    recording.out(1, MS, "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n");
    recording.came(1, 2 * MS, "HTTP/1.1 200 Connection established\r\n\r\n");
    recording.tell(2, 2 * MS, opening("b.example", 443, true, Some(via(ProxyRole::Inside(LinkId(1))))));
    let (proxy, target) = ("http://proxy.example:3128".to_owned(), "b.example:443".to_owned());
    let (protocol, over) = ("CONNECT".to_owned(), LinkId(1));
    recording.tell(2, 2 * MS, What::Tunnelled(Tunnelled { proxy, protocol, target, over, took_ns: 2 * MS }));
    let tls = TlsFacts {
        version: "TLSv1.3".to_owned(),
        cipher_suite: String::new(),
        key_exchange: None,
        alpn: None,
        server_name: None,
        verified: true,
        would_fail: None,
        chain: vec![],
        anchor: None,
        took_ns: 3 * MS,
    };
    recording.tell(2, 5 * MS, What::Secured(tls));
    recording.out(2, 6 * MS, "GET /inside HTTP/1.1\r\nHost: b.example\r\n\r\n");
    recording.came(2, 7 * MS, "HTTP/1.1 204 No Content\r\n\r\n");
    recording.tell(3, 8 * MS, opening("proxy.example", 3128, false, Some(via(ProxyRole::Forward))));
    recording.out(3, 8 * MS, "GET http://c.example/plain HTTP/1.1\r\nHost: c.example\r\n\r\n");
    recording.open(4, 9 * MS);
    let text = "connection refused".to_owned();
    let failure = Failure { stage: Stage::Tcp, text, hint: "start it".to_owned(), took_ns: 0, chain: vec![] };
    recording.tell(4, 10 * MS, What::Failed(failure));
    let (har, _) = write(&recording.0);
    let entries = har["log"]["entries"].as_array().unwrap();
    let said: Vec<Value> = entries
        .iter()
        .map(|entry| json!([entry["request"]["method"], entry["request"]["url"], entry["response"]["status"]]))
        .collect();
    assert_eq!(
        said,
        [
            json!(["CONNECT", "https://b.example:443/", 200]),
            json!(["GET", "https://b.example/inside", 204]),
            json!(["GET", "http://c.example/plain", 0]),
            json!(["GET", "http://a.example/planned?x=1", 0]),
        ]
    );
    assert_eq!((&entries[1]["serverIPAddress"], &entries[1]["connection"]), (&json!("2001:db8::1"), &json!("3128")));
    assert_eq!((&entries[1]["timings"]["connect"], &entries[1]["timings"]["ssl"]), (&json!(5), &json!(3)));
    assert_eq!(entries[2]["response"]["_error"], "the recording ends before the answer does");
    assert_eq!(entries[3]["response"]["_error"], "TCP: connection refused (start it)");
    assert_eq!(
        (&entries[3]["request"]["httpVersion"], &entries[3]["request"]["headersSize"]),
        (&json!(""), &json!(-1))
    );
}

#[test]
fn remarks_are_comments_and_stopping_stops() {
    let mut recording = Recording::new();
    conversation(&mut recording);
    let session = &recording.0;
    let message = (0..session.records().len()).find(|id| session.records()[*id].kind == Kind::WsBinary).unwrap();
    let remarks = [Remark { record: message, text: "look at this".to_owned(), mark: Mark::Red }];
    let chosen = Chosen { session, title: "a", ids: None, remarks: &remarks };
    let mut file = Vec::new();
    har::write(&chosen, &mut file, &mut |_, _| true).unwrap();
    let har: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(entry(&har, "/ws")["comment"], format!("#{} (red) look at this", message + 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    std::fs::write(&path, &file).unwrap();
    let read = crate::recorded::read_file(&path).unwrap();
    let said = &read.report.remarks;
    assert!(said.contains(&"entries with a comment, which is not carried over: 1".to_owned()), "{said:?}");
    let stopped = har::write(&chosen, &mut Vec::new(), &mut |_, _| false).unwrap_err();
    assert!(matches!(stopped, InteropError::Stopped), "{stopped}");
}
