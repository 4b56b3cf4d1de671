//! `pushscope doctor`: every way, its verdict, and the report in all its forms.

use crate::program::PROGRAM;
use serde_json::Value;
use std::process::Command;

fn program() -> Command {
    Command::new(PROGRAM)
}

fn report(args: &[&str]) -> (Option<i32>, Value, String) {
    let output = program().arg("doctor").args(args).args(["--format", "json"]).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or(Value::Null), said)
}

/// The verdict of each way: type, proxy or not, verdict.
fn verdicts(report: &Value) -> Vec<(String, bool, String)> {
    let text = |way: &Value, key: &str| way[key].as_str().unwrap_or_default().to_owned();
    let ways = report["ways"].as_array().expect("ways");
    ways.iter().map(|way| (text(way, "type"), way["proxy"].is_string(), text(way, "verdict"))).collect()
}

fn verdict_of(report: &Value, push_type: &str, by_proxy: bool) -> String {
    let found = verdicts(report).into_iter().find(|(kind, proxy, _)| kind == push_type && *proxy == by_proxy);
    found.map(|(.., verdict)| verdict).unwrap_or_default()
}

#[test]
fn every_way_to_a_healthy_server_works_and_websocket_is_chosen() {
    let (code, report, said) = report(&["lab:ws?rate=5"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(verdicts(&report).len(), 5, "{report}");
    assert!(verdicts(&report).iter().all(|(.., verdict)| verdict == "works"), "{report}");
    assert!(report["choose"].as_str().unwrap().starts_with("WebSocket"), "{report}");
    assert_eq!(report["ask"], "");
}

#[test]
fn a_server_without_tls_does_not_offer_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let lab = runtime.block_on(pushscope::lab::Lab::start(([127, 0, 0, 1], 0).into())).unwrap();
    let (code, report, said) = report(&[&format!("ws://{}/ws?rate=5", lab.addr())]);
    assert_eq!(code, Some(0), "{said}");
    for way in report["ways"].as_array().unwrap() {
        let expected = match (way["type"].as_str(), way["tls"].as_bool()) {
            (Some("ws"), Some(false)) => "works",
            _ => "not offered",
        };
        assert_eq!(way["verdict"], expected, "{way}");
    }
    assert_eq!(report["ask"], "", "what the server does not offer is nobody's to allow");
}

#[test]
fn a_proxy_that_opens_port_443_only_breaks_websocket_and_the_report_says_what_to_ask_for() {
    let (code, report, _) = report(&["lab:ws?via=connect-443-only"]);
    assert_eq!(code, Some(0));
    assert_eq!(verdict_of(&report, "ws", false), "works");
    assert_eq!(verdict_of(&report, "ws", true), "broken");
    assert_eq!(verdict_of(&report, "sse", true), "works");
    assert!(report["ask"].as_str().unwrap().contains("443"), "{report}");
}

#[test]
fn what_is_held_back_is_delayed_and_what_is_swallowed_is_broken() {
    let (_, held, _) = report(&["lab:sse?via=buffers&rate=5"]);
    assert_eq!(verdict_of(&held, "sse", false), "delayed", "{held}");
    assert_eq!(verdict_of(&held, "longpoll", false), "works", "{held}");
    assert!(held["choose"].as_str().unwrap().starts_with("Long polling"), "{held}");
    let (_, swallowed, _) = report(&["lab:ws?via=swallows-upstream&rate=5"]);
    assert_eq!(verdict_of(&swallowed, "ws", false), "broken", "{swallowed}");
    assert!(swallowed["choose"].as_str().unwrap().starts_with("SSE"), "{swallowed}");
}

#[test]
fn where_nothing_works_the_exit_code_says_so_and_secrets_stay_out() {
    let address = "http://me:geheim@127.0.0.1:1/x";
    let (code, report, said) = report(&[address, "--proxy", "http://you:verborgen@127.0.0.1:1", "--timeout", "2s"]);
    assert_eq!(code, Some(1));
    assert!(verdicts(&report).iter().all(|(.., verdict)| verdict == "broken"));
    let all = format!("{report}{said}");
    assert!(!all.contains("geheim") && !all.contains("verborgen"));
    let refused = program().args(["doctor", "example.com"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn the_report_has_four_forms() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let status = program().args(["doctor", "lab:ws?via=block-page", "-o"]).arg(&path).status().unwrap();
        assert_eq!(status.code(), Some(1), "a page is no way");
        std::fs::read_to_string(path).unwrap()
    };
    let html = write("a.html");
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("A web page came") && !html.contains("http-equiv"));
    assert!(!html.contains("src=") && !html.contains("href="), "the page needs nothing else");
    let markdown = write("a.md");
    assert!(markdown.contains("| way | verdict |") && markdown.contains("**broken**"), "{markdown}");
    let json: Value = serde_json::from_str(&write("a.json")).unwrap();
    assert_eq!(json["ways"].as_array().unwrap().len(), 5);
    let text = write("a.txt");
    assert!(text.lines().any(|line| line.starts_with("Choose: no way")), "{text}");
}
