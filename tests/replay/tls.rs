//! Replays over TLS, with the authority of Pushscope's own.

use crate::curl::{curl, text as curl_text};
use crate::node::node;
use crate::program::{PROGRAM, Running};
use crate::stage::{Recorded, record, text};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A replay with TLS: its address, the certificate to trust, and what Chromium is to be told.
pub struct Secured {
    pub origin: String,
    pub ca: PathBuf,
    pub key_hash: String,
    pub running: Running,
}

/// Replays over TLS with a data folder of its own.
#[track_caller]
pub fn secured(recorded: &Recorded, options: &[&str]) -> Secured {
    let ca = recorded.folder.path().join("trusted.pem");
    let mut command = Command::new(PROGRAM);
    command.args(["replay", text(&recorded.path), "--tls", "--speed", "max", "--ca-out", text(&ca)]).args(options);
    command.env("PUSHSCOPE_DATA_DIR", recorded.folder.path().join("data"));
    let mut running = Running::start(command);
    let line = running.until("--ignore-certificate-errors-spki-list=");
    let key_hash = line.split("spki-list=").nth(1).and_then(|rest| rest.split(' ').next()).expect("a hash").to_owned();
    let line = running.until("listening on ");
    let origin = line.split_whitespace().nth(2).expect("an address").to_owned();
    Secured { origin, ca, key_hash, running }
}

#[test]
fn curl_and_node_trust_the_authority_that_they_are_told_of() {
    let recorded = record("lab:ws?rate=50&count=2", &["--send", "hi", "--for", "3s"]);
    let secured = secured(&recorded, &[]);
    assert!(secured.origin.starts_with("https://127.0.0.1:"));
    let port = secured.origin.rsplit(':').next().unwrap();
    // Nothing was recorded there, which is answered over TLS as well.
    for host in ["127.0.0.1", "localhost"] {
        let answered = curl_text(&["-i", "--cacert", text(&secured.ca), &format!("https://{host}:{port}/x")]);
        assert!(answered.starts_with("HTTP/1.1 404 "), "{answered}");
    }
    assert_eq!(curl(&[&format!("{}/x", secured.origin)]).1, 60, "nobody else trusts it");
    let answered = curl_text(&["-i", &format!("http://127.0.0.1:{port}/x")]);
    assert!(answered.contains("This replay speaks TLS"), "{answered}");

    let url = format!("wss://localhost:{port}/ws?rate=50&count=2");
    let ended = node("socket.mjs", &[&url, "text=hi"], Some(&secured.ca)).finish();
    let texts = ended.out.lines().filter(|line| line.contains("\"text\"")).count();
    assert_eq!(texts, 3, "{ended:#?}");
    let key = recorded.folder.path().join("data/replay-ca/ca-key.pem");
    assert_eq!(key.metadata().expect("the key").permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read(recorded.folder.path().join("data/replay-ca/ca.pem")).expect("the certificate");
    assert_eq!(kept, std::fs::read(&secured.ca).expect("its copy"));
    secured.running.signal("TERM");
    let ended = secured.running.finish();
    assert!(ended.code == Some(0) && ended.err.contains("may not trust the replay's CA"), "{ended:#?}");
}

#[test]
fn pushscope_records_a_replay_over_tls() {
    let recorded = record("lab:sse?rate=50&count=3", &["--reconnect", "no"]);
    let secured = secured(&recorded, &[]);
    let again = recorded.folder.path().join("again.pushscope");
    let url = format!("{}/sse?rate=50&count=3", secured.origin);
    crate::stage::record_to(&again, &url, &["--as", "sse", "--reconnect", "no", "--cacert", text(&secured.ca)]);
    assert_eq!(crate::stage::messages(&again), recorded.messages());
    secured.running.signal("INT");
    assert_eq!(secured.running.finish().code, Some(0));
}
