//! Node's `ws` as the server, in plain and over TLS.

use crate::certificates::Certificates;
use crate::program::{Running, pushscope, received};
use std::path::Path;
use std::process::Command;

/// Starts tests/node/ws-server.mjs, and gives the port that it listens on.
pub fn start(arguments: &[&str]) -> (Running, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules/ws").is_dir(),
        "the npm package `ws` is missing: run npm --prefix tests/node install"
    );
    let found = Command::new("node").arg("--version").output();
    assert!(found.is_ok_and(|found| found.status.success()), "node is missing: install Node.js 18 or newer");
    let mut command = Command::new("node");
    command.arg(folder.join("ws-server.mjs")).args(arguments);
    let mut server = Running::start(command);
    let port = server.line().trim().to_owned();
    assert!(port.parse::<u16>().is_ok(), "node said {port:?} instead of its port");
    (server, port)
}

/// Talks to the server until it closes with 4001, and checks what was recorded of it.
fn talk(url: &str, more: &[&str]) {
    let long = "長い".repeat(20_000);
    let record = ["record", url, "--format", "jsonl", "--subprotocol", "chat", "-H", "X-Mine: yes"];
    let send = ["--send", "今からこれふぁぼります", "--send", &long, "--send", "ping"];
    // The pong's report comes back before the server closes.
    let ended = pushscope(&[&record[..], &send, more, &["--count", "4"]].concat());
    let records = ended.records();
    let said = received(&records, "ws.text");
    let hello = r#"{"url":"/room","protocol":"chat","header":"yes"}"#;
    assert_eq!(said, [hello, "今からこれふぁぼります", &long, "ponged: are you there"]);
    let ping = records.iter().find(|record| record["kind"] == "ws.ping").expect("a ping");
    assert_eq!((&ping["dir"], &ping["text"]), (&"in".into(), &"are you there".into()));
    let pong = records.iter().find(|record| record["kind"] == "ws.pong").expect("a pong");
    assert_eq!((&pong["dir"], &pong["text"]), (&"out".into(), &"are you there".into()));

    let ended = pushscope(&[&record[..], &["--send", "close"], more].concat());
    let records = ended.records();
    let closes: Vec<_> = records.iter().filter(|record| record["kind"] == "ws.close").collect();
    assert_eq!(closes.len(), 2, "{ended:#?}");
    for (close, dir) in closes.iter().zip(["in", "out"]) {
        assert!(close["dir"] == dir && close["summary"].as_str().is_some_and(|text| text.contains("4001")), "{close}");
    }
    assert_eq!(closes[0]["text"], "as you wish");
}

#[test]
fn node_ws_in_plain() {
    let (_server, port) = start(&[]);
    talk(&format!("ws://127.0.0.1:{port}/room"), &[]);
}

#[test]
fn node_ws_over_tls() {
    let certificates = Certificates::make();
    let (_server, port) = start(&[&certificates.path("cert.pem"), &certificates.path("key.pem")]);
    let url = format!("wss://localhost:{port}/room");
    talk(&url, &["--cacert", &certificates.path("ca.pem")]);
    talk(&url, &["--insecure"]);
    pushscope(&["record", &url]).refused(1, &["TLS: "]);

    let insecure = pushscope(&["record", &url, "--insecure", "--count", "1"]);
    let secured = insecure.lines().into_iter().find(|line| line.contains(" tls ")).expect("a tls line").to_owned();
    assert!(secured.contains("TLSv1.3"), "{secured}");
    assert!(secured.contains("NOT VERIFIED"), "nothing says that the certificate was not verified: {secured}");
}
