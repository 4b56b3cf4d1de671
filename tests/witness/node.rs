//! Node's ws receives the messages that we tell, compressed and not; and we tell those that it sends.

use crate::talk::{Agreed, Said, Talk, talk, we_say};
use crate::yawc::yawc_says;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pushscope::wire::Dir;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Has `tests/node/witness.mjs` answer each task.
fn node_answers(tasks: &[Value]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules/ws").is_dir(),
        "the npm package `ws` is missing: run npm --prefix tests/node install"
    );
    let mut node = Command::new("node");
    node.arg("witness.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().expect("node is missing: install Node.js 18 or newer");
    let mut input = node.stdin.take().expect("its input");
    let lines: String = tasks.iter().map(|task| format!("{task}\n")).collect();
    // Its answers may fill the pipe before it has read all.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = node.wait_with_output().expect("node's answers");
    writer.join().expect("a writer").expect("node reads its tasks");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), tasks.len(), "node ended early: {}", output.status);
    answers
}

fn decoded(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().expect("text")).expect("base64")
}

/// The task to read a talk: its bytes are read by the other role.
fn reading(talk: &Talk) -> Value {
    let header = talk.agreed.map(|agreed| agreed.header());
    json!({ "read": BASE64_STANDARD.encode(&talk.bytes), "isServer": talk.dir == Dir::Out, "extensions": header })
}

fn said(answer: &Value) -> Vec<Said> {
    let parts = answer.as_array().expect("a list").iter();
    let part = |part: &Value| {
        assert_ne!(part[0], "error", "{part}");
        let bytes = decoded(&part[1]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("valid UTF-8");
        match part[0].as_str() {
            Some("text") => Said::Text(text(bytes)),
            Some("binary") => Said::Binary(bytes),
            Some("ping") => Said::Ping(bytes),
            Some("pong") => Said::Pong(bytes),
            _ => Said::Close(part[2].as_u64().expect("a code") as u16, text(bytes)),
        }
    };
    parts.map(part).collect()
}

#[test]
fn nodes_ws_receives_what_we_tell() {
    let mut runner = TestRunner::deterministic();
    let talks: Vec<Talk> = (0..256).map(|_| talk().new_tree(&mut runner).expect("a talk").current()).collect();
    let answers = node_answers(&talks.iter().map(reading).collect::<Vec<_>>());
    for (number, (talk, answer)) in talks.iter().zip(&answers).enumerate() {
        assert_eq!(we_say(talk, 1 + number * 37), said(answer), "talk {number}: {talk:?}");
    }
}

#[test]
fn we_tell_what_nodes_ws_sends() {
    let words = "the same words, and again the same words; ".repeat(40);
    let page: Vec<u8> = (0..70_000u32).map(|n| (n.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect();
    let says = [
        Said::Text("Hello".to_owned()),
        Said::Text(words),
        Said::Ping(b"there?".to_vec()),
        Said::Text(String::new()),
        Said::Binary(page.clone()),
        Said::Pong(Vec::new()),
        Said::Binary(vec![7; 200_000]),
        Said::Binary(page),
        Said::Text("Hello, äöü €".to_owned()),
        Said::Close(1000, "enough".to_owned()),
    ];
    let (mut talks, mut tasks) = (Vec::new(), Vec::new());
    let bits = [None, Some(9), Some(11), Some(15)];
    for dir in [Dir::Out, Dir::In] {
        for (at, bits) in bits.iter().flat_map(|bits| [(false, bits), (true, bits)]).enumerate() {
            let (forgets, bits) = bits;
            let agreed =
                Agreed { server_forgets: forgets, client_forgets: forgets, server_bits: *bits, client_bits: *bits };
            talks.push((dir, Some(agreed)));
            tasks.push(writing(dir, Some(agreed), 1 + at as u32, &says));
        }
        talks.push((dir, None));
        tasks.push(writing(dir, None, 0, &says));
    }
    for ((dir, agreed), answer) in talks.into_iter().zip(node_answers(&tasks)) {
        let talk = Talk { dir, agreed, bytes: decoded(&answer) };
        let is_smaller = talk.bytes.len() < 250_000;
        assert_eq!(is_smaller, agreed.is_some(), "{} bytes under {agreed:?}", talk.bytes.len());
        assert_eq!(we_say(&talk, 1000), says, "{agreed:?} {dir:?}");
        assert_eq!(yawc_says(&talk), says, "{agreed:?} {dir:?}");
    }
}

/// The task to send `says` from the side of `dir`; every second message in two fragments, every fifth uncompressed.
fn writing(dir: Dir, agreed: Option<Agreed>, level: u32, says: &[Said]) -> Value {
    let mut parts = Vec::new();
    for (number, said) in says.iter().enumerate() {
        let (what, bytes) = match said {
            Said::Text(text) => ("text", text.as_bytes()),
            Said::Binary(bytes) => ("binary", &bytes[..]),
            Said::Ping(bytes) => ("ping", &bytes[..]),
            Said::Pong(bytes) => ("pong", &bytes[..]),
            Said::Close(_, reason) => ("close", reason.as_bytes()),
        };
        let part = |bytes: &[u8], fin: bool| {
            let options = json!({ "compress": agreed.is_some() && number % 5 != 0, "fin": fin });
            json!([what, BASE64_STANDARD.encode(bytes), options])
        };
        let is_cut = matches!(said, Said::Text(_) | Said::Binary(_)) && number % 2 == 1;
        let (first, rest) = bytes.split_at(if is_cut { bytes.len() / 2 } else { 0 });
        parts.extend(is_cut.then(|| part(first, false)));
        parts.push(part(rest, true));
    }
    let header = agreed.map(|agreed| agreed.header());
    json!({ "write": parts, "isServer": dir == Dir::In, "extensions": header, "level": level })
}
