//! Node's `ws` at the other end, in plain and over TLS.

use crate::support::{PATIENCE, RUNTIME, Watched, open, spec};
use crate::tls::Certificates;
use pushscope::transport::{Order, Outgoing, Spec, stock};
use pushscope::wire::Act;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Node {
    child: Child,
    pub port: u16,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(arguments: &[String]) -> Node {
    start_with("ws", "ws-server.mjs", arguments)
}

/// Starts a script that uses an npm package, listens, and first prints its port.
pub fn start_with(package: &str, script: &str, arguments: &[String]) -> Node {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules").join(package).is_dir(),
        "the npm package `{package}` is missing: run `npm install` in {}",
        folder.display()
    );
    let mut command = Command::new("node");
    command.arg(folder.join(script)).args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().expect("node is missing: install Node.js 20 or newer");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("its port");
    let port = line.trim().parse().unwrap_or_else(|_| panic!("node said {line:?} instead of its port"));
    // Its later output is not of interest, but the pipe must stay open.
    std::thread::spawn(move || lines.lines().count());
    Node { child, port }
}

fn talk(mut spec: Spec) -> Watched {
    spec.headers = vec![("X-Mine".into(), "yes".into())];
    spec.websocket.subprotocols = vec!["other".into(), "chat".into()];
    let mut watched = open(spec);
    let say = |watched: &Watched, text: &str| watched.send(Order::Send(Outgoing::Text(text.into())));
    watched.until_received(r#"{"url":"/room","protocol":"chat","header":"yes"}"#);
    say(&watched, "今からこれふぁぼります");
    watched.until_received("今からこれふぁぼります");
    let long = "x".repeat(100_000);
    say(&watched, &long);
    watched.until_received(&long);
    say(&watched, "ping");
    watched.until_received("ponged: are you there");
    watched
}

#[test]
fn node_ws_talks_and_closes() {
    let node = start(&[]);
    let mut watched = talk(spec(format!("ws://127.0.0.1:{}/room", node.port)));
    watched.send(Order::Send(Outgoing::Text("close".into())));
    // It closes with a code of its own.
    watched.is_faulty = true;
    let last = watched.end();
    assert_eq!(last.act, Act::Done);
    assert!(last.text.contains("closed by the server: 4001 “as you wish”"), "{last:?}");
}

#[test]
fn node_ws_over_tls_is_closed_by_us_with_fragments() {
    let certificates = Certificates::make(&["localhost"], (2020, 2100));
    let node = start(&[certificates.text("cert.pem").unwrap(), certificates.text("key.pem").unwrap()]);
    let mut spec = spec(format!("wss://localhost:{}/room", node.port));
    spec.tls.ca_file = certificates.text("ca.pem");
    spec.websocket.fragment_bytes = 1000;
    let mut watched = talk(spec);
    watched.send(Order::Close { code: Some(1000), reason: "enough".into() });
    let last = watched.end();
    assert!(last.act == Act::Done && last.text.contains("closed by the user: 1000"), "{last:?}");
}

#[test]
fn node_ws_is_accepted_by_an_ordinary_client() {
    let certificates = Certificates::make(&["localhost"], (2020, 2100));
    let plain = start(&[]);
    let secure = start(&[certificates.text("cert.pem").unwrap(), certificates.text("key.pem").unwrap()]);
    for url in [format!("ws://127.0.0.1:{}/room", plain.port), format!("wss://localhost:{}/room", secure.port)] {
        let mut asked = spec(url);
        asked.tls.ca_file = certificates.text("ca.pem");
        asked.headers = vec![("X-Mine".into(), "yes".into())];
        asked.websocket.subprotocols = vec!["other".into(), "chat".into()];
        let visit = |spec: Spec| RUNTIME.block_on(RUNTIME.spawn(async move { stock(&spec, PATIENCE).await })).unwrap();
        let verdict = visit(asked.clone());
        assert!(verdict.accepted && verdict.messages == 1, "{verdict:?}");
        assert!(verdict.client.contains("tungstenite") && verdict.says.contains("“{\"url\":\"/room\""), "{verdict:?}");
        assert!(verdict.says.contains("\"protocol\":\"chat\""), "{verdict:?}");
        // `ws` chooses none of these, and tungstenite wants one of those it offered.
        asked.websocket.subprotocols = vec!["other".into()];
        let verdict = visit(asked);
        assert!(!verdict.accepted && verdict.says.contains("subprotocol"), "{verdict:?}");
    }
}
