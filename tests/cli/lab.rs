//! Every push type of the lab: what is printed, and that a recording shown again is the same.

use crate::program::{Running, pushscope, received};
use serde_json::Value;
use tempfile::TempDir;

/// Each endpoint of the lab, and the kind of its messages.
const TYPES: [(&str, &str); 8] = [
    ("sse", "sse.event"),
    ("poll", "http.body"),
    ("longpoll", "http.body"),
    ("stream", "line"),
    ("lines", "line"),
    ("multipart", "part"),
    ("sse10", "sse.event"),
    ("ws", "ws.text"),
];

const FIELDS_OF_A_RECORD: [&str; 10] =
    ["n", "at_ns", "connection", "link", "dir", "kind", "span", "len", "summary", "notes"];

#[test]
fn five_messages_of_each_type_are_printed() {
    let runs = TYPES.map(|(name, kind)| {
        // Slow enough for the client to have left before the sixth.
        let url = format!("lab:{name}?rate=5");
        (kind, Running::pushscope(&["record", &url, "--count", "5", "--interval", "60ms", "--messages"]))
    });
    for (kind, run) in runs {
        let ended = run.finish();
        let lines = ended.lines();
        assert!(lines[0].contains("kind") && lines[0].contains("summary"), "{lines:#?}");
        let messages = lines.iter().filter(|line| line.contains(&format!("↓ {kind} ")));
        let messages: Vec<&&str> = messages.filter(|line| line.contains("\"sent_ns\"")).collect();
        assert_eq!(messages.len(), 5, "{lines:#?}");
    }
}

#[test]
fn the_tweets_are_printed_whole_on_each_type() {
    const TWEETS: [&str; 3] = ["あいうえお", "今からこれふぁぼります", "favorite"];
    let runs = TYPES.map(|(name, kind)| {
        let url = format!("lab:{name}?scenario=tweets");
        // A poll's answers hold several of them.
        let end: &[&str] = if name == "poll" { &["--for", "1600ms"] } else { &["--count", "3"] };
        let arguments = [&["record", &url, "--format", "jsonl", "--interval", "250ms"], end].concat();
        (name, kind, Running::pushscope(&arguments))
    });
    for (name, kind, run) in runs {
        let ended = run.finish();
        let messages = received(&ended.records(), kind);
        if name == "poll" {
            let last = messages.last().expect("an answer");
            assert!(TWEETS.iter().all(|tweet| last.contains(tweet)), "{messages:#?}");
            continue;
        }
        assert_eq!(messages.len(), 3, "{name}: {ended:#?}");
        for (message, tweet) in messages.iter().zip(TWEETS) {
            assert!(message.contains(tweet), "{name}: no {tweet} in {message}");
            let json: Value = serde_json::from_str(message).expect(name);
            assert!(json.is_object(), "{name}: {message}");
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_whole() {
    for (name, kind) in TYPES {
        let url = format!("lab:{name}?rate=100&split=5");
        let ended = pushscope(&["record", &url, "--count", "2", "--interval", "30ms", "--format", "jsonl"]);
        let messages = received(&ended.records(), kind);
        let whole = messages.iter().filter(|text| text.contains("プッシュ\"")).count();
        assert!(whole >= 2 && whole == messages.len(), "{name}: {messages:#?}");
    }
}

#[test]
fn json_lines_have_the_documented_keys() {
    for (name, kind) in TYPES {
        let url = format!("lab:{name}?rate=50");
        let ended = pushscope(&["record", &url, "--count", "2", "--interval", "30ms", "--format", "jsonl", "--fields"]);
        let records = ended.records();
        for (at, record) in records.iter().enumerate() {
            for key in FIELDS_OF_A_RECORD {
                assert!(record.get(key).is_some(), "{name}: no {key} in {record}");
            }
            assert_eq!(record["n"], at + 1, "{record}");
            assert!(record["span"][0].as_u64() <= record["span"][1].as_u64(), "{record}");
            if record["kind"] == kind && record["len"] != 0 {
                let text = record["text"].as_str().unwrap_or_else(|| panic!("{name}: no text in {record}"));
                assert_eq!(record["len"], text.len(), "{record}");
            }
            assert_ne!(record["text"], "", "{record}");
            for field in record["fields"].as_array().expect("fields") {
                for key in ["key", "value", "bit", "bits", "buf"] {
                    assert!(field.get(key).is_some(), "{name}: no {key} in {field} of {record}");
                }
            }
        }
        assert!(received(&records, kind).len() >= 2, "{name}");
    }
}

#[test]
fn an_opcode_is_the_last_four_bits_of_a_frames_first_byte() {
    let ended = pushscope(&["record", "lab:ws?rate=50", "--count", "3", "--format", "jsonl", "--fields"]);
    let records = ended.records();
    let frames: Vec<&Value> = records.iter().filter(|record| record["kind"] == "ws.frame").collect();
    assert!(frames.len() >= 3, "{frames:#?}");
    for frame in frames {
        let start_bit = frame["span"][0].as_u64().expect("a start") * 8;
        let field = |key: &str| {
            let mut fields = frame["fields"].as_array().expect("fields").iter();
            fields.find(|field| field["key"] == key).unwrap_or_else(|| panic!("no {key}: {frame}"))
        };
        let place = |key: &str| (field(key)["bit"].as_u64().expect("a bit") - start_bit, field(key)["bits"].as_u64());
        assert_eq!(place("websocket.fin"), (0, Some(1)));
        assert_eq!(place("websocket.opcode"), (4, Some(4)));
        assert_eq!(field("websocket.opcode")["buf"], "wire");
        let masked = u8::from(frame["dir"] == "out");
        assert_eq!((place("websocket.mask"), &field("websocket.mask")["value"]), ((8, Some(1)), &masked.into()));
    }
}

#[test]
fn shown_again_a_recording_is_what_it_was_live() {
    let folder = TempDir::new().expect("a folder");
    for (name, _) in TYPES {
        for (way, output) in [("table", &["--fields"][..]), ("jsonl", &["--format", "jsonl", "--fields"][..])] {
            let file = folder.path().join(format!("{name}-{way}.pushscope"));
            let file = file.to_str().expect("a path");
            let url = format!("lab:{name}?rate=100&split=50");
            let record = ["record", &url, "--count", "4", "--interval", "30ms", "-o", file];
            let live = pushscope(&[&record, output].concat());
            let replayed = pushscope(&[&["show", file], output].concat());
            assert!(live.lines().len() > 10, "{live:#?}");
            for (live, replayed) in live.lines().iter().zip(replayed.lines()) {
                assert_eq!(*live, replayed, "{name}, {way}");
            }
            assert_eq!(live.lines().len(), replayed.lines().len(), "{name}, {way}");
        }
    }
}

#[test]
fn what_is_sent_comes_back() {
    let sent = ["--send", "今からこれふぁぼります", "--send", "second"];
    let ended =
        pushscope(&[&["record", "lab:ws?scenario=quiet", "--count", "2", "--format", "jsonl"], &sent[..]].concat());
    let records = ended.records();
    assert_eq!(received(&records, "ws.text"), ["今からこれふぁぼります", "second"]);
    let out = records.iter().filter(|record| record["kind"] == "ws.text" && record["dir"] == "out");
    assert_eq!(out.count(), 2);
    let last = records.last().expect("an end");
    assert!(last["summary"].as_str().is_some_and(|text| text.contains("1000")), "{last}");
}

#[test]
fn the_lab_serves_another_program() {
    let mut lab = Running::pushscope(&["lab", "--listen", "127.0.0.1:0"]);
    let line = lab.until("listening on http://");
    let address = line.split_whitespace().nth(2).expect("an address").to_owned();
    let ended = pushscope(&["record", &format!("{address}/sse?rate=50"), "--count", "2", "--messages"]);
    assert!(ended.lines().iter().filter(|line| line.contains("↓ sse.event ")).count() == 2, "{ended:#?}");
    lab.signal("INT");
    let ended = lab.finish();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = taken.local_addr().expect("its address").to_string();
    pushscope(&["lab", "--listen", &address]).refused(1, &[&address, "cannot listen"]);
}

#[test]
fn a_text_is_sent_though_the_answer_is_held_back() {
    let quiet = ["record", "lab:longpoll?scenario=quiet", "--send", "knock", "--for"];
    let ended = pushscope(&[&quiet[..], &["2500ms"]].concat());
    assert!(ended.code == Some(0) && ended.out.contains("POST /publish?channel=demo"), "{ended:#?}");
    pushscope(&[&quiet[..], &["200ms"]].concat()).refused(1, &["1 of the texts to send were not sent"]);
}

#[test]
fn the_drafts_of_websocket_are_recorded_and_shown_again() {
    let folder = TempDir::new().unwrap();
    for draft in ["hixie-75", "hixie-76", "hybi-07", "hybi-08"] {
        let file = folder.path().join(format!("{draft}.pushscope"));
        let file = file.to_str().unwrap();
        let url = format!("lab:ws?draft={draft}&rate=20&count=2");
        let arguments = ["record", &url, "-o", file, "--format", "jsonl", "--send", "hello"];
        let ended = Running::pushscope(&arguments).finish();
        let messages = received(&ended.records(), "ws.text");
        assert!(messages.len() == 3 && messages.contains(&"hello".to_owned()), "{draft}: {ended:#?}");
        let shown =
            Running::pushscope(&["show", file, "--format", "jsonl", "--filter", "kind:ws.text dir:in"]).finish();
        assert_eq!(received(&shown.records(), "ws.text"), messages, "{draft}");
    }
    // The version that is asked for on the command line goes before the lab's own.
    let wrong = ["record", "lab:ws?draft=hixie-76", "--websocket-version", "hybi-08", "--count", "1"];
    let ended = Running::pushscope(&wrong).finish();
    assert_eq!(ended.code, Some(1), "{ended:#?}");
}

#[test]
fn the_subprotocol_and_the_extension_that_were_agreed_on_stand_in_the_answers_line() {
    let arguments = ["record", "lab:ws?deflate", "--subprotocol", "chat", "--subprotocol", "other", "--count", "1"];
    let ended = Running::pushscope(&arguments).finish();
    let lines = ended.lines();
    let agreed = "HTTP/1.1 101 Switching Protocols · subprotocol chat · permessage-deflate";
    assert!(lines.iter().any(|line| line.contains(agreed)), "{lines:#?}");
}
