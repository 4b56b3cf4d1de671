//! `record --script`: scripts that pass, fail, come back after a drop, and never end; and those of the docs.

use crate::node;
use crate::program::{PROGRAM, pushscope, received};
use std::process::Command;
use tempfile::TempDir;

/// A script in a folder of its own.
struct File {
    folder: TempDir,
}

impl File {
    fn new(text: &str) -> File {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("check.toml"), text).expect("a script");
        File { folder }
    }

    fn path(&self) -> String {
        self.folder.path().join("check.toml").display().to_string()
    }
}

const QUIET: &str = "lab:ws?scenario=quiet";

#[test]
fn a_check_that_passes_is_quiet_and_closes_politely() {
    let script = File::new(
        "[[step]]\nsend = { json = { n = 1 } }\n[[step]]\nexpect = '$.n=1'\nset = { last = '$.n' }\n[[step]]\nsend = 'got {{last}}'",
    );
    let ended = pushscope(&["record", QUIET, "--script", &script.path(), "--format", "jsonl"]);
    let records = ended.records();
    let closes: Vec<_> = records.iter().filter(|record| record["kind"] == "ws.close").collect();
    assert_eq!(closes.len(), 2, "{ended:#?}");
    assert!(received(&records, "ws.text")[0] == r#"{"n":1}"#);
    assert!(records.iter().any(|record| record["dir"] == "out" && record["text"] == "got 1"), "{ended:#?}");
}

#[test]
fn an_expectation_that_fails_is_exit_code_1_with_the_reason_first() {
    let script = File::new("[[step]]\nsend = 'hello'\n[[step]]\nexpect = '$.type=\"welcome\"'\nwithin = '300ms'");
    let ended = pushscope(&["record", QUIET, "--script", &script.path(), "-q"]);
    let expected = "check.toml: step 2 (line 4), expect $.type=\"welcome\" within 300ms: nothing that matches came; the last that came is #9 ws.text hello";
    ended.refused(1, &[expected]);
    assert_eq!(ended.err.lines().count(), 1, "{ended:#?}");
    let script = File::new("[[step]]\nsend = 'hello'\n[[step]]\nexpct = 'x'");
    pushscope(&["record", QUIET, "--script", &script.path()]).refused(2, &["check.toml, line 4, column 1", "expct"]);
    pushscope(&["record", QUIET, "--script", "/not/there.toml"]).refused(2, &["/not/there.toml cannot be read"]);
}

#[test]
fn a_script_that_never_ends_is_stopped_by_the_time() {
    let script = File::new("[[step]]\nrepeat = 'forever'\nsteps = [{ send = '{{n}} {{uuid}}' }]");
    let ended = pushscope(&["record", QUIET, "--script", &script.path(), "--for", "300ms", "-q"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:#?}");
    // What it should have checked and did not come to is no success.
    let script = File::new("[[step]]\nwait = '10s'\n[[step]]\nexpect = 'x'");
    let ended = pushscope(&["record", QUIET, "--script", &script.path(), "--for", "100ms"]);
    ended.refused(1, &["the recording ended before the script did: step 2 (line 4), expect x within 5s, was not met"]);
}

#[test]
fn the_connection_may_stay_when_the_script_is_through() {
    let script = File::new("at_end = 'stay'\n[[step]]\nsend = 'hello'");
    let ended =
        pushscope(&["record", "lab:ws?rate=20", "--script", &script.path(), "--count", "4", "--format", "jsonl"]);
    assert!(received(&ended.records(), "ws.text").len() >= 4, "{ended:#?}");
}

#[test]
fn a_server_that_drops_is_subscribed_to_again() {
    let (_server, port) = node::start(&[]);
    let script = File::new(
        r#"
        [[on_connect]]
        send = "subscribe {{uuid}}"
        [[on_connect]]
        expect = '/^subscribe /'
        within = "10s"
        [[step]]
        repeat = 2
        steps = [{ send = "drop" }, { expect = 'kind:open reconnection', within = "10s" }, { expect = '/^subscribe /', within = "10s" }]
        "#,
    );
    let url = format!("ws://127.0.0.1:{port}/room");
    let ended = pushscope(&[
        "record",
        &url,
        "--script",
        &script.path(),
        "--reconnect",
        "yes",
        "--interval",
        "20ms",
        "--format",
        "jsonl",
    ]);
    let records = ended.records();
    let sent = records.iter().filter(|record| record["dir"] == "out" && record["kind"] == "ws.text");
    let sent: Vec<&str> = sent.filter_map(|record| record["text"].as_str()).collect();
    let words: Vec<&str> = sent.iter().filter_map(|text| text.split(' ').next()).collect();
    assert_eq!(words, ["subscribe", "drop", "subscribe", "drop", "subscribe"], "{ended:#?}");
    assert_eq!(records.iter().filter(|record| record["kind"] == "open").count(), 3);
}

#[test]
fn node_ws_gives_values_for_the_next_message() {
    let (_server, port) = node::start(&[]);
    let script = File::new(
        r#"
        [[step]]
        expect = '$.protocol="chat"'
        set = { url = "$.url" }
        equals = { "$.header" = "{{env.PUSHSCOPE_TEST_HEADER}}" }
        [[step]]
        send = { text = "you said {{url}}", fragments = [3, 4] }
        [[step]]
        expect = '"you said /room"'
        [[step]]
        send = { hex = "00 ff" }
        [[step]]
        expect = 'kind:ws.binary size=2'
        [[step]]
        send = "close"
        [[step]]
        expect = 'kind:ws.close "as you wish"'
        "#,
    );
    let url = format!("ws://127.0.0.1:{port}/room");
    let mut command = Command::new(PROGRAM);
    command.args(["record", &url, "--subprotocol", "chat", "-H", "X-Mine: yes", "--script", &script.path()]);
    command.env("PUSHSCOPE_TEST_HEADER", "yes");
    crate::program::Running::start(command).finish().lines();
    let mut command = Command::new(PROGRAM);
    let file = script.folder.path().join("kept.pushscope").display().to_string();
    command.args([
        "record",
        &url,
        "--subprotocol",
        "chat",
        "-H",
        "X-Mine: yes",
        "--script",
        &script.path(),
        "-o",
        &file,
    ]);
    command.env("PUSHSCOPE_TEST_HEADER", "yes");
    let ended = crate::program::Running::start(command).finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.reason().contains("PUSHSCOPE_TEST_HEADER") && ended.reason().contains("recorded as it is sent"));
    pushscope(&["record", &url, "--script", &script.path()])
        .refused(2, &["PUSHSCOPE_TEST_HEADER is not in the environment"]);
}

#[test]
fn the_scripts_of_the_docs_do_what_they_say() {
    let docs = include_str!("../../docs/scripts.md");
    let mut ran = 0;
    for example in docs.split("```sh\n").skip(1) {
        let (line, rest) = example.split_once("\n```").expect("an end of the command");
        let script = rest.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a script");
        let file = File::new(script);
        let mut words = line.split_whitespace().map(|word| word.trim_matches('\''));
        assert_eq!(words.next(), Some("pushscope"));
        let arguments: Vec<String> =
            words.map(|word| if word.ends_with(".toml") { file.path() } else { word.to_owned() }).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        pushscope(&arguments).lines();
        ran += 1;
    }
    assert_eq!(ran, 3);
}
