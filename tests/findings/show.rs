//! `pushscope show FILE --findings`, on recordings of the lab with something in between.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pushscope");

fn run(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().expect("the program runs")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Records an address of the lab, and gives what is found in the recording: text, and JSON Lines.
fn findings(url: &str, more: &[&str]) -> (String, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.pushscope");
    let file = file.to_str().expect("UTF-8");
    run(&[&["record", url, "-o", file, "-q"], more].concat());
    assert!(Path::new(file).exists());
    let shown = run(&["show", file, "--findings"]);
    assert!(shown.status.success(), "{shown:?}");
    let lines = run(&["show", file, "--findings", "--format", "jsonl"]);
    let objects = text(&lines).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (text(&shown), objects)
}

fn keys(objects: &[Value]) -> Vec<&str> {
    let faults = objects.iter().filter(|object| object["severity"] != "info");
    faults.map(|object| object["key"].as_str().expect("a key")).collect()
}

#[test]
fn a_clean_connection_has_no_findings() {
    let (shown, objects) = findings("lab:ws", &["--count", "2"]);
    assert_eq!((shown.as_str(), objects.len()), ("No findings.\n", 0));
    for url in ["lab:sse", "lab:sse10", "lab:poll", "lab:longpoll", "lab:stream", "lab:lines", "lab:multipart"] {
        let (shown, objects) = findings(url, &["--count", "3"]);
        assert!(keys(&objects).is_empty(), "{url}: {shown}");
    }
}

#[test]
fn a_rewritten_header_is_told_so_that_it_can_be_forwarded() {
    let (shown, objects) = findings("lab:ws?via=rewrites-connection", &["--for", "2s"]);
    assert_eq!(keys(&objects), ["websocket.connection-header"], "{shown}");
    for line in ["1. The answer to the upgrade", "   Seen:  ", "   Means: ", "   Try:   ", "   Where: connection 1, #"]
    {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line}: {shown}");
    }
    let object = &objects[0];
    let names: Vec<&String> = object.as_object().expect("an object").keys().collect();
    let wanted =
        ["key", "title", "severity", "confidence", "connection", "link", "seen", "means", "try", "evidence", "count"];
    assert_eq!(names, wanted);
    assert_eq!(object["evidence"][0]["says"], "Connection: keep-alive");
    assert!(object["evidence"][0]["span"][1].is_u64(), "{object}");
}

#[test]
fn what_stands_in_between_is_found() {
    for (url, more, key) in [
        ("lab:ws?via=connect-443-only", ["--for", "2s"], "proxy.connect-refused"),
        ("lab:ws?via=needs-login", ["--for", "2s"], "proxy.login"),
        ("lab:sse?via=block-page", ["--for", "2s"], "proxy.block-page"),
        ("lab:sse?via=downgrades-http10", ["--count", "2"], "sse.http10"),
        ("lab:sse?via=truncates", ["--for", "6s"], "stream.truncated"),
        ("lab:sse?via=buffers&rate=5&lump=1000", ["--for", "6s"], "sse.buffered"),
        ("lab:sse?via=tls-intercept", ["--count", "1"], "tls.intercepted"),
        ("lab:sse?scenario=quiet&via=cuts-idle", ["--for", "6s"], "idle-cut"),
    ] {
        let as_type = if url.starts_with("lab:ws") { "ws" } else { "sse" };
        let (shown, objects) = findings(url, &[&more[..], &["--as", as_type]].concat());
        assert_eq!(keys(&objects), [key], "{url}: {shown}");
    }
}

#[test]
fn a_swallowed_ping_is_found_while_data_arrive() {
    let more = ["--ping", "500ms", "--for", "4s"];
    let (shown, objects) = findings("lab:ws?via=swallows-upstream&rate=5", &more);
    assert_eq!(keys(&objects), ["websocket.upstream-dead"], "{shown}");
    let (shown, objects) = findings("lab:ws?rate=5", &more);
    assert!(keys(&objects).is_empty(), "{shown}");
}

#[test]
fn findings_and_records_are_not_mixed() {
    let refused = run(&["show", "x.pushscope", "--findings", "--fields"]);
    assert_eq!(refused.status.code(), Some(2));
}
