//! curl and websocat send what was recorded.

use crate::program::{PATIENCE, Running, pushscope};
use crate::{exported, record_into, recorded, server, text};
use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message};

/// A request as the server got it, the length of its body aside: the lines of its head, Host first as curl always has it,
/// and its body.
type Got = (Vec<String>, Vec<u8>);

/// A server that keeps what it is asked, and answers `ok`.
fn listening() -> (String, Arc<Mutex<Vec<Got>>>) {
    let asked: Arc<Mutex<Vec<Got>>> = Arc::default();
    let keeps = asked.clone();
    let address = server::serve(move |stream, head| {
        let length = server::field(head, "content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("the body");
        let lines = head.lines().filter(|line| !line.to_lowercase().starts_with("content-length:"));
        // What is behind an empty value is no part of it.
        let mut lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
        lines[1..].sort_by_key(|line| !line.to_lowercase().starts_with("host:"));
        keeps.lock().unwrap().push((lines, body));
        server::say(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 10\r\n\r\ndata: ok\n\n",
        );
    });
    (format!("http://{address}"), asked)
}

#[track_caller]
fn bash(script: &str) -> std::process::Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/websocat/bin");
    let ran = Command::new("bash").args(["-c", script]).env("PATH", format!("{path}:{tools}")).output();
    ran.expect("bash (apt-get install bash)")
}

#[test]
fn curl_sends_the_request_that_was_recorded() {
    let (url, asked) = listening();
    let folder = TempDir::new().expect("a folder");
    let odd_path = format!("{url}/a{{b}}[c]?q=it's&x=$HOME%20`id`");
    let binary = folder.path().join("body");
    std::fs::write(&binary, [0, 1, 255, b'%', b'\\', b'\'', 10, 0]).unwrap();
    let from_file = format!("@{}", text(&binary));
    let at_sign = folder.path().join("at");
    std::fs::write(&at_sign, "@looks=like a file\nand goes on").unwrap();
    let from_at_sign = format!("@{}", text(&at_sign));
    let requests: [&[&str]; 9] = [
        &[&url],
        &[&odd_path, "-H", "X-Quoted: it's \"so\" $HOME `id` \\ !", "-H", "x-lower: 1", "-H", "X-Empty:"],
        &[&url, "-H", "Accept: */*", "-H", "X-Last: ü"],
        &[&url, "-H", "User-Agent: me", "-H", "Host: other.example"],
        &[&url, "-d", &from_at_sign, "-H", "Content-Type: text/plain"],
        &[&url, "-X", "PUT", "-d", "{\"a\":\"\u{202e}\"}"],
        &[&url, "-X", "DELETE"],
        &[&url, "-d", &from_file, "-H", "Content-Type: application/octet-stream"],
        &[&url, "--http1.0", "-H", "Accept-Encoding: gzip", "-H", "Cookie: a=1; b=2"],
    ];
    for (at, arguments) in requests.iter().enumerate() {
        let recording = folder.path().join(format!("{at}.pushscope"));
        let name = if arguments[0] == url && arguments.len() > 2 && arguments[1] == "-d" { "sse" } else { "stream" };
        record_into(&recording, &[arguments, &["--as", name, "--reconnect", "no"][..]].concat());
        // One of them has cookies.
        let script = exported(&recording, &["--to", "curl", "--keep-secrets"]);
        let ran = bash(&script);
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && ran.stdout == b"data: ok\n\n", "{script}\n{errors}");
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert_eq!(asked.len(), 2, "{script}");
        assert_eq!(asked[0], asked[1], "{script}");
    }
}

/// A server that takes so many texts on a WebSocket and closes it: the handshake's header lines, and the texts.
fn sockets(texts: usize) -> (String, Arc<Mutex<Vec<Got>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let got: Arc<Mutex<Vec<Got>>> = Arc::default();
    let keeps = got.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let mut head = Vec::new();
            #[allow(clippy::result_large_err)] // The signature is tungstenite's.
            let look = |request: &tungstenite::handshake::server::Request,
                        mut answer: tungstenite::handshake::server::Response| {
                let own = ["x-mine", "origin", "sec-websocket-protocol", "user-agent"];
                let lines = request.headers().iter().filter(|(name, _)| own.contains(&name.as_str()));
                head = lines.map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
                head.push(request.uri().to_string());
                answer.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
                Ok(answer)
            };
            let mut socket = tungstenite::accept_hdr(stream, look).expect("a handshake");
            let mut said = Vec::new();
            for _ in 0..texts {
                let Ok(Message::Text(text)) = socket.read() else { break };
                said.extend(text.trim_end_matches('\n').bytes().chain([b'|']));
            }
            head.sort();
            keeps.lock().unwrap().push((head, said));
            let _ = socket.close(None);
            while socket.read().is_ok() {}
        }
    });
    (format!("ws://{address}/chat?room=it's"), got)
}

#[test]
fn websocat_opens_the_websocket_that_was_recorded_and_sends_the_same_texts() {
    let (url, got) = sockets(3);
    let sends = ["--send", "{\"a\": \"it's\"}", "--send", "今から $HOME", "--send", "last"];
    let options = ["-H", "X-Mine: a 'b'", "-H", "Origin: http://o.example", "--subprotocol", "chat"];
    let (_folder, recording) = recorded(&[&[url.as_str()], &options[..], &sends[..]].concat());
    let script = exported(&recording, &["--to", "websocat"]);
    let ran = bash(&script);
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        !errors.contains("command not found"),
        "websocat is missing: cargo install websocat --version 1.14.0 --root target/peers/websocat --debug"
    );
    let got = std::mem::take(&mut *got.lock().unwrap());
    assert_eq!(got.len(), 2, "{script}\n{errors}");
    assert_eq!(got[0], got[1], "{script}\n{errors}");
    assert_eq!(String::from_utf8_lossy(&got[1].1), "{\"a\": \"it's\"}|今から $HOME|last|");
}

#[test]
fn what_a_command_cannot_say_is_said() {
    let (_folder, recording) = recorded(&["lab:ws?rate=50", "--count", "2", "--send", "two\nlines", "--send", "one"]);
    let ended = pushscope(&["export", text(&recording), "--to", "websocat"]);
    assert!(ended.err.contains("1 texts of several lines are left out"), "{ended:#?}");
    assert!(ended.err.contains("asked for compression"), "{ended:#?}");
    assert!(ended.out.contains("\\\n  one |"), "{ended:#?}");
    pushscope(&["export", text(&recording), "--to", "curl"]).refused(1, &["1 request for a WebSocket is left out"]);
    let (url, _) = listening();
    let (_folder, recording) = recorded(&[&url, "--as", "stream", "-u", "me:secret"]);
    let ended = Running::pushscope(&["export", text(&recording), "--to", "curl"]).finish();
    assert!(ended.err.contains("1 commands have asterisks where a secret was"), "{ended:#?}");
    let _: PathBuf = recording;
}
