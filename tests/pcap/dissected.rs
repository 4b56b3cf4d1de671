//! Every kind of session, recorded live, as tshark reads its capture: the same heads, frames and messages as ours, no
//! fault found, and all of it back again by import.

use crate::case::Case;
use crate::certificates::Authority;
use crate::peers::microsocks;
use crate::support::*;
use pushscope::interop::{Chosen, InteropError, pcapng};
use pushscope::lab::Lab;
use pushscope::session::{Explained, Kind, Mark, Remark, Session};
use pushscope::wire::Dir;
use serde_json::Value;
use std::path::Path;

const CHECKED: [&str; 4] = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];

/// Where bodies are waited for, the heads of streams that do not end are never shown.
const AS_IT_COMES: [&str; 2] = ["-o", "http.desegment_body:FALSE"];

/// From this severity on, tshark warns.
const WARNING: u64 = 0x60_0000;

/// A field of every packet: a list of its values, in order.
struct Packets(Vec<Value>);

impl Packets {
    #[track_caller]
    fn read(capture: &Path, options: &[&'static str], fields: &[&str]) -> Packets {
        let mut arguments = vec!["-r", capture.to_str().expect("UTF-8"), "-T", "ek"];
        arguments.extend(options);
        fields.iter().for_each(|field| arguments.extend(["-e", field]));
        let lines = wireshark("tshark", &arguments);
        let packets = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        Packets(packets.filter_map(|packet| packet.get("layers").cloned()).collect())
    }

    fn values(packet: &Value, field: &str) -> Vec<String> {
        let values = packet[field.replace('.', "_")].as_array().cloned().unwrap_or_default();
        values.iter().map(|value| value.as_str().expect("text").to_owned()).collect()
    }
}

/// The start lines and header lines of heads, as tshark sees them: those of requests, then those of answers, each link
/// after the other.
fn heads_by_tshark(capture: &Path) -> Vec<String> {
    let fields = [
        "tcp.stream",
        "http.request.method",
        "http.request.uri",
        "http.request.version",
        "http.request.line",
        "http.response.version",
        "http.response.code",
        "http.response.phrase",
        "http.response.line",
    ];
    let mut heads = Vec::new();
    for packet in Packets::read(capture, &AS_IT_COMES, &fields).0 {
        let all = |field: &str| Packets::values(&packet, field);
        let lines =
            |field: &str| all(field).iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
        let requests = all("http.request.method").into_iter().zip(all("http.request.uri"));
        for ((method, uri), version) in requests.zip(all("http.request.version")) {
            heads.push(format!("{method} {uri} {version}\n{}", lines("http.request.line")));
        }
        let phrases = all("http.response.phrase").into_iter().chain(std::iter::repeat(String::new()));
        let answers = all("http.response.version").into_iter().zip(all("http.response.code"));
        for ((version, code), phrase) in answers.zip(phrases) {
            heads.push(format!("{version} {code} {phrase}\n{}", lines("http.response.line")));
        }
    }
    heads.sort();
    heads
}

/// Everything said of the records of some kinds, each with its number.
fn told(session: &Session, kinds: &[Kind]) -> Vec<(usize, Explained)> {
    let is_wanted = |id: &usize| kinds.contains(&session.records()[*id].kind);
    let ids: Vec<usize> = (0..session.records().len()).filter(is_wanted).collect();
    let told = session.explain_all(&ids, usize::MAX >> 1);
    ids.into_iter().zip(told).collect()
}

fn heads_by_us(session: &Session) -> Vec<String> {
    let mut heads: Vec<String> = told(session, &[Kind::HttpRequest, Kind::HttpResponse, Kind::HttpInformational])
        .into_iter()
        .map(|(_, explained)| {
            let all = |keys: &[&str]| -> Vec<String> {
                let fields = explained.fields.iter().filter(|field| keys.contains(&field.def.key));
                fields.map(|field| session.field_text(&explained, field, 10_000)).collect()
            };
            let says_code = |text: String| text.split(' ').next().unwrap_or_default().to_owned();
            let start = match explained.record.kind {
                Kind::HttpRequest => {
                    all(&["http.request.method", "http.request.target", "http.request.version"]).join(" ")
                }
                _ => {
                    let [version, code, phrase] = ["http.response.version", "http.status", "http.reason"]
                        .map(|key| all(&[key]).into_iter().next().unwrap_or_default());
                    format!("{version} {} {phrase}", says_code(code))
                }
            };
            let names = all(&["http.header.name"]).into_iter().zip(all(&["http.header.value"]));
            let lines: Vec<String> = names.map(|(name, value)| format!("{name}: {value}")).collect();
            format!("{start}\n{}", lines.join("\n"))
        })
        .collect();
    heads.sort();
    heads
}

/// Frames as tshark sees them: direction, opcode, FIN, reserved bits, masking key, length.
type Frame = (Dir, u64, bool, u64, String, u64);

fn frames_by_tshark(capture: &Path) -> Vec<Frame> {
    let fields = [
        "frame.p2p_dir",
        "websocket.opcode",
        "websocket.fin",
        "websocket.rsv",
        "websocket.mask",
        "websocket.masking_key",
        "websocket.payload_length",
        "websocket.payload_length_ext_16",
        "websocket.payload_length_ext_64",
    ];
    let mut frames = Vec::new();
    for packet in Packets::read(capture, &CHECKED, &fields).0 {
        let all = |field: &str| Packets::values(&packet, field);
        let number = |text: &String| match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).expect("a number"),
            None => text.parse().expect("a number"),
        };
        let dir = if all("frame.p2p_dir") == ["0"] { Dir::Out } else { Dir::In };
        let mut keys = all("websocket.masking_key").into_iter();
        let (mut longer, mut longest) =
            (all("websocket.payload_length_ext_16"), all("websocket.payload_length_ext_64"));
        for (at, opcode) in all("websocket.opcode").iter().enumerate() {
            let flag = |field: &str| matches!(all(field)[at].as_str(), "1" | "true");
            let key = if flag("websocket.mask") { keys.next().expect("a key").replace(':', "") } else { String::new() };
            let len = match number(&all("websocket.payload_length")[at]) {
                126 => number(&longer.remove(0)),
                127 => number(&longest.remove(0)),
                len => len,
            };
            let reserved = number(&all("websocket.rsv")[at]);
            frames.push((dir, number(opcode), flag("websocket.fin"), reserved, key, len));
        }
    }
    frames
}

fn frames_by_us(session: &Session) -> Vec<Frame> {
    let mut frames = told(session, &[Kind::WsFrame]);
    frames.sort_by_key(|(id, explained)| (session.at_ns(*id), explained.record.start));
    let frames = frames.into_iter().map(|(_, explained)| {
        let text = |key: &str| {
            let field = explained.fields.iter().find(|field| field.def.key == key);
            field.map(|field| session.field_text(&explained, field, 100)).unwrap_or_default()
        };
        let bit = |key: &str| u64::from(text(key) == "1");
        let opcode =
            text("websocket.opcode").split(' ').next().and_then(|number| number.parse().ok()).expect("an opcode");
        let reserved = bit("websocket.rsv1") << 2 | bit("websocket.rsv2") << 1 | bit("websocket.rsv3");
        let key = text("websocket.masking_key").replace(' ', "");
        let record = explained.record;
        (record.dir, opcode, bit("websocket.fin") == 1, reserved, key, record.payload_len)
    });
    frames.collect()
}

/// What messages and control frames say, as tshark reads them: unmasked, put together and inflated.
fn payloads_by_tshark(capture: &Path) -> Vec<Vec<u8>> {
    let mut arguments = vec!["-r", capture.to_str().expect("UTF-8"), "-T", "pdml", "-Y", "websocket"];
    arguments.extend(CHECKED);
    let text = wireshark("tshark", &arguments);
    let attribute = |line: &str, name: &str| -> String {
        let rest = line.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest);
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let mut payloads = Vec::new();
    for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("<field")) {
        let name = attribute(line, "name");
        // Text; binary, which is data of no protocol; and the payloads of control frames.
        let says = ["websocket.payload.text", "data.data", "websocket.payload.ping", "websocket.payload.pong"];
        if says.contains(&name.as_str()) {
            let hex = attribute(line, "value");
            payloads
                .push((0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..][..2], 16).expect("hex")).collect());
        }
    }
    payloads.sort();
    payloads
}

fn payloads_by_us(session: &Session) -> Vec<Vec<u8>> {
    let told = told(session, &[Kind::WsText, Kind::WsBinary, Kind::WsPing, Kind::WsPong]);
    let payloads = told.into_iter().map(|(_, explained)| explained.payload);
    let mut payloads: Vec<Vec<u8>> = payloads.filter(|payload| !payload.is_empty()).collect();
    payloads.sort();
    payloads
}

/// Nothing is malformed, every checksum is right, and the only warning is of a connection that was broken off.
#[track_caller]
fn assert_sound(capture: &Path, may_be_reset: bool) {
    let fields =
        ["_ws.malformed", "_ws.expert.message", "_ws.expert.severity", "tcp.checksum.status", "ip.checksum.status"];
    // The version of IP that has no checksum has no status.
    for packet in Packets::read(capture, &CHECKED, &fields).0 {
        let all = |field: &str| Packets::values(&packet, field);
        assert!(all("_ws.malformed").is_empty(), "{packet:#}");
        assert_eq!(all("tcp.checksum.status"), ["1"], "{packet:#}");
        assert!(all("ip.checksum.status").iter().all(|status| status == "1"), "{packet:#}");
        let severities =
            all("_ws.expert.severity").into_iter().map(|severity| severity.parse::<u64>().expect("a number"));
        for (message, severity) in all("_ws.expert.message").into_iter().zip(severities) {
            // A comment may hold commas, but values come as a list.
            let is_reset = may_be_reset && message.contains("RST");
            // What a message says may look like bad JSON.
            let is_payload = message == "Trailing stray characters";
            assert!(severity < WARNING || is_reset || is_payload, "{message}: {packet:#}");
            for word in ["etransmission", "Duplicate", "ut-Of-Order", "not captured", "unseen", "indow"] {
                assert!(severity == 0x10_0000 || !message.contains(word), "{message}: {packet:#}");
            }
        }
    }
}

/// Exports a session, holds what tshark reads against what we do, and imports it again.
#[track_caller]
fn agrees(folder: &Folder, session: &Session, heads: usize, messages: usize) {
    let (capture, report) = folder.export(session, &[]);
    assert_eq!(report.of, "packets");
    assert_sound(&capture, false);
    let (by_tshark, by_us) = (heads_by_tshark(&capture), heads_by_us(session));
    assert!(by_us.len() >= heads, "{by_us:#?}");
    assert_eq!(by_tshark, by_us);
    let (by_tshark, by_us) = (frames_by_tshark(&capture), frames_by_us(session));
    assert_eq!(by_tshark, by_us);
    let (mut by_tshark, by_us) = (payloads_by_tshark(&capture), payloads_by_us(session));
    assert!(by_us.len() >= messages, "{} messages", by_us.len());
    assert_eq!(by_tshark.len(), by_us.len());
    // What is compressed and in fragments is put together by tshark 4.0, but not inflated.
    let is_beyond_tshark =
        frames_by_us(session).iter().any(|(_, opcode, fin, reserved, ..)| !fin && *opcode != 0 && reserved & 4 != 0);
    if is_beyond_tshark {
        by_tshark.clear();
    }
    let differing = by_tshark.iter().zip(&by_us).find(|(by_tshark, by_us)| by_tshark != by_us);
    let begin = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
    let differing = differing.map(|(by_tshark, by_us)| (begin(by_tshark), begin(by_us)));
    assert!(differing.is_none(), "{differing:?}");
    let (again, report) = folder.import(&capture);
    assert_same(&said(&again), &said(session));
    assert!(streams(&again) == streams(session));
    assert_eq!(report.of, "TCP connections");
}

#[test]
fn polls_agree() {
    let folder = Folder::new();
    let options = ["--interval", "20ms", "--count", "4"];
    agrees(&folder, &folder.record("lab:poll?rate=100", &options), 6, 0);
    agrees(&folder, &folder.record("lab:longpoll?rate=50", &["--count", "3"]), 6, 0);
}

#[test]
fn streams_agree() {
    let folder = Folder::new();
    for (url, options) in [
        ("lab:stream?rate=0&count=50", &["--count", "50"][..]),
        ("lab:stream?rate=50", &["--count", "3"]),
        ("lab:lines?rate=50", &["--count", "3"]),
        ("lab:multipart?rate=50", &["--count", "3"]),
        ("lab:sse?rate=0&count=400", &["--count", "400"]),
        ("lab:sse?rate=50", &["--count", "5"]),
        ("lab:sse10?rate=50&count=4", &["--count", "4"]),
    ] {
        agrees(&folder, &folder.record(url, options), 2, 0);
    }
}

#[test]
fn websocket_messages_agree() {
    let folder = Folder::new();
    let script = folder.path("toml");
    let text = "[[step]]\nsend = { hex = '00ff10fe' }\n[[step]]\nsend = 'text'\n[[step]]\nping = 'are you there'\n\
                [[step]]\nsend = { text = 'in a few pieces', fragments = [1, 2, 3] }\n\
                [[step]]\nexpect = 'in a few pieces'\n[[step]]\nclose = 1000\n";
    std::fs::write(&script, text).expect("a script");
    let script = script.to_str().expect("UTF-8");
    for (url, options, messages) in [
        ("lab:ws?rate=50&size=70000", &["--count", "3", "--send", "hello"][..], 3),
        ("lab:ws?rate=50&size=300", &["--count", "3"], 3),
        ("lab:ws?rate=100&fragments=3&ping=between", &["--count", "5", "--send", "hello"], 5),
        ("lab:ws?rate=0&count=400", &["--count", "400"], 400),
        ("lab:ws?scenario=quiet", &["--script", script], 6),
        ("lab:ws?rate=50&deflate=1", &["--count", "5", "--send", "hello hello hello hello"], 5),
        ("lab:ws?rate=50&deflate=1&fragments=3", &["--count", "5", "--send", "hello hello hello hello"], 5),
    ] {
        agrees(&folder, &folder.record(url, options), 2, messages);
    }
}

#[test]
fn what_a_proxy_and_tls_carried_agrees() {
    let folder = Folder::new();
    for (url, options, heads) in [
        ("lab:ws?rate=50&via=tls-intercept", &["--count", "3", "--send", "hello"][..], 4),
        ("lab:sse?rate=50&via=needs-login", &["--count", "3", "--proxy-user", "lab:lab"], 3),
    ] {
        let session = folder.record(url, options);
        agrees(&folder, &session, heads, 0);
    }
    let case = Case::begin();
    let authority = Authority::make("the test's own");
    let port = case.tls(&authority);
    let file = authority.file();
    let options = ["--cacert", file.to_str().expect("UTF-8"), "--count", "3"];
    let session = folder.record(&format!("wss://localhost:{port}/ws?rate=50"), &options);
    agrees(&folder, &session, 2, 3);
    let (capture, report) = folder.export(&session, &[]);
    assert!(report.remarks.iter().any(|remark| remark.starts_with("1 link with TLS")), "{report:?}");
    let comments = Packets::read(&capture, &CHECKED, &["frame.comment", "tcp.dstport"]);
    let first = &Packets::values(&comments.0[0], "frame.comment").join("\n");
    for says in [&format!("localhost, port {port}"), "TLSv1.3", "in plain text", &format!("{port} stands as 8080")] {
        assert!(first.contains(says), "no {says:?} in {first}");
    }
}

#[test]
fn what_socks_carried_agrees() {
    let folder = Folder::new();
    let case = Case::begin();
    let socks = microsocks(&case, false);
    let options = ["--count", "3", "--send", "hello", "--proxy", &socks.proxy("socks5")];
    let session = folder.record(&case.url("ws", "ws?rate=50"), &options);
    agrees(&folder, &session, 2, 3);
    let (capture, _) = folder.export(&session, &[]);
    let protocols = Packets::read(&capture, &CHECKED, &["socks.version", "socks.command"]);
    assert!(protocols.0.iter().any(|packet| Packets::values(packet, "socks.command") == ["1"]), "no SOCKS request");
}

#[test]
fn ipv6_agrees() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let Ok(lab) = runtime.block_on(Lab::start("[::1]:0".parse().expect("an address"))) else {
        return eprintln!("not tested: this machine has no IPv6");
    };
    let session = folder.record(&format!("ws://{}/ws?rate=50", lab.addr()), &["--count", "3"]);
    agrees(&folder, &session, 2, 3);
    let (capture, _) = folder.export(&session, &[]);
    let hosts = Packets::read(&capture, &CHECKED, &["ipv6.src"]);
    assert!(hosts.0.iter().all(|packet| Packets::values(packet, "ipv6.src") == ["::1"]));
}

#[test]
fn remarks_are_comments_on_the_packets_that_complete_their_records() {
    let folder = Folder::new();
    let session = folder.record("lab:ws?rate=50&size=200", &["--count", "3"]);
    let of = |kind: Kind| -> Vec<usize> {
        (0..session.records().len()).filter(|id| session.records()[*id].kind == kind).collect()
    };
    let texts = of(Kind::WsText);
    let remark = |record: usize, text: &str, mark| Remark { record, text: text.to_owned(), mark };
    let [head, closed, dns] = [Kind::HttpResponse, Kind::Closed, Kind::Dns].map(|kind| of(kind)[0]);
    let last = session.records().len() - 1;
    let remarks = [
        remark(dns, "the name", Mark::Plain),
        remark(head, "switched", Mark::Green),
        remark(texts[1], "the second, あ", Mark::Red),
        remark(texts[2], "", Mark::Blue),
        remark(closed, "over", Mark::Plain),
        remark(last, "after all packets", Mark::Plain),
        remark(last + 5, "of no record", Mark::Plain),
    ];
    let (capture, report) = folder.export(&session, &remarks);
    assert_sound(&capture, false);
    let packets = Packets::read(
        &capture,
        &CHECKED,
        &["frame.comment", "tcp.flags.syn", "websocket.opcode", "http.response.code"],
    );
    let with = |text: &str| -> Vec<&Value> {
        let has =
            |packet: &&Value| Packets::values(packet, "frame.comment").iter().any(|comment| comment.contains(text));
        packets.0.iter().filter(has).collect()
    };
    let n = |id: usize| id + 1;
    let expected = [
        (format!("Remark on record {} (dns): the name", n(dns)), "tcp.flags.syn"),
        (format!("Remark on record {} (http.response), green: switched", n(head)), "http.response.code"),
        (format!("Remark on record {} (ws.text), red: the second, あ", n(texts[1])), "websocket.opcode"),
        (format!("Bookmark on record {} (ws.text), blue", n(texts[2])), "websocket.opcode"),
        (format!("Remark on record {} (closed): over", n(closed)), "tcp.flags.syn"),
    ];
    for (text, field) in expected {
        let found = with(&text);
        assert_eq!(found.len(), 1, "{text}: {:#?}", packets.0);
        assert!(!Packets::values(found[0], field).is_empty(), "{text}: {}", found[0]);
    }
    assert_eq!(with("after all packets").len(), 0);
    assert!(report.remarks.iter().any(|remark| remark.starts_with("1 remark on what has no packet")), "{report:#?}");
    assert!(report.remarks.iter().any(|remark| remark.starts_with("1 remark on what is not written")), "{report:#?}");
    // capinfos tells the section's comment and who made it.
    let says = wireshark("capinfos", &[capture.to_str().expect("UTF-8")]);
    for text in
        ["a title (recorded by Pushscope", "after all packets", "Pushscope 0.", "Name = pushscope", "nanoseconds"]
    {
        assert!(says.contains(text), "no {text:?} in {says}");
    }
}

#[test]
fn chosen_records_bring_their_links_whole() {
    let folder = Folder::new();
    let session = folder.record("lab:ws?rate=50&via=tls-intercept", &["--count", "3"]);
    let text = (0..session.records().len()).find(|id| session.records()[*id].kind == Kind::WsText).expect("a message");
    let link = session.records()[text].link;
    let ids = [text];
    let (capture, report) =
        folder.export_chosen(&Chosen { session: &session, title: "some", ids: Some(&ids), remarks: &[] });
    assert!(report.remarks[0].starts_with("chosen: 1 record; written: all of the 1 link"), "{report:?}");
    assert_sound(&capture, false);
    let (again, _) = folder.import(&capture);
    let [out, inward] = [Dir::Out, Dir::In]
        .map(|dir| session.wire(link, dir, 0, session.link(link).expect("it").len_bytes(dir) as usize));
    assert!(streams(&again) == [[out, inward]]);

    let nothing = Chosen { session: &session, title: "none", ids: Some(&[]), remarks: &[] };
    let refused = pcapng::write(&nothing, &mut Vec::new(), &mut |_, _| true);
    assert!(matches!(refused, Err(InteropError::Nothing(why)) if why.contains("no packets to write")));
    let all = Chosen { session: &session, title: "all", ids: None, remarks: &[] };
    let stopped = pcapng::write(&all, &mut Vec::new(), &mut |_, _| false);
    assert!(matches!(stopped, Err(InteropError::Stopped)));
}

#[test]
fn a_refused_connection_has_no_packets_and_a_failed_one_a_reset() {
    let folder = Folder::new();
    let path = folder.path("pushscope");
    let ended = folder.record_to(&path, "http://127.0.0.1:1/", &[]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let session = open(&path);
    let all = Chosen { session: &session, title: "all", ids: None, remarks: &[] };
    let refused = pcapng::write(&all, &mut Vec::new(), &mut |_, _| true);
    assert!(matches!(refused, Err(InteropError::Nothing(_))));

    // A server that says nothing: the client gives up.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("http://{}/", silent.local_addr().expect("its address"));
    let path = folder.path("pushscope");
    let ended = folder.record_to(&path, &url, &["--timeout", "200ms"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let session = open(&path);
    let (capture, _) = folder.export(&session, &[]);
    assert_sound(&capture, true);
    let resets = Packets::read(&capture, &CHECKED, &["tcp.flags.reset", "frame.comment"]);
    let last = resets.0.last().expect("packets");
    assert!(matches!(Packets::values(last, "tcp.flags.reset")[0].as_str(), "1" | "true"), "{last:#}");
    assert!(Packets::values(last, "frame.comment").join("").contains("answer"), "{last:#}");
    let (again, _) = folder.import(&capture);
    assert_same(&said(&again), &said(&session));
    assert!((0..again.records().len()).any(|id| again.records()[id].kind == Kind::Failed));
}
