//! What a recorded client sent, sent once more: to Node's `ws`, which tells what it gets, and to Node's HTTP server.

#[path = "cli/program.rs"]
mod program;

#[path = "resend/http.rs"]
mod http;
#[path = "resend/websocket.rs"]
mod websocket;

use program::Running;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Starts tests/node/log-server.mjs, and gives the port that it listens on.
fn server() -> (Running, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules/ws").is_dir(),
        "the npm package `ws` is missing: run npm --prefix tests/node install"
    );
    let found = Command::new("node").arg("--version").output();
    assert!(found.is_ok_and(|found| found.status.success()), "node is missing: install Node.js 18 or newer");
    let mut command = Command::new("node");
    command.arg(folder.join("log-server.mjs"));
    let mut server = Running::start(command);
    let port = server.line().trim().to_owned();
    assert!(port.parse::<u16>().is_ok(), "node said {port:?} instead of its port");
    (server, port)
}

/// What the server tells next, so many lines of it.
fn told(server: &mut Running, lines: usize) -> Vec<Value> {
    (0..lines).map(|_| program::record(&server.line())).collect()
}

/// A file in a folder, with this text.
fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}
