//! Chromium as the client: a page of another origin reads a replayed event stream and talks over a replayed WebSocket.

use crate::stage::{Recorded, record};
use crate::tls::secured;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// How long a browser may take to start and to tell. Long, since this may be a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Reads a page's wishes from its address: what to connect to, what to say, and how many messages to wait for.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>replay</title><script>
const wishes = new URLSearchParams(location.search), got = [];
let told = false;
function tell(how) {
  if (!told) fetch("/told", { method: "POST", body: JSON.stringify({ how, got }) });
  told = true;
}
function took(message) {
  got.push(message);
  if (got.length == Number(wishes.get("count"))) tell("all");
}
if (wishes.get("sse")) {
  const source = new EventSource(wishes.get("sse"));
  source.onmessage = (event) => took({ id: event.lastEventId, data: event.data });
  source.onerror = () => tell("error");
} else {
  const socket = new WebSocket(wishes.get("ws"));
  socket.onopen = () => wishes.getAll("say").forEach((text) => socket.send(text));
  socket.onmessage = (event) => took({ data: event.data });
  socket.onclose = (event) => tell("close " + event.code + " " + event.reason);
}
</script>"#;

/// A server for the page, and what the page tells it.
fn page() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let addr = listener.local_addr().expect("its address");
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                if let Some(Ok(told)) = serve(stream).map(|body| serde_json::from_str(&body)) {
                    // The test may have ended.
                    let _ = sender.send(told);
                }
            });
        }
    });
    (addr, told)
}

/// Serves one request; the body of what was posted.
fn serve(mut stream: TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = if first.starts_with("GET /?") { PAGE } else { "" };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{answer}", answer.len()).ok()?;
    first.starts_with("POST ").then(|| String::from_utf8(body).ok())?
}

/// A browser with a profile of its own, ended by its process id.
struct Browser {
    child: Child,
    _profile: TempDir,
}

impl Browser {
    #[track_caller]
    fn start(url: &str, options: &[&str]) -> Browser {
        let profile = TempDir::new().expect("a folder");
        let mut command = Command::new("chromium");
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--no-proxy-server"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(options)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child =
            command.spawn().expect("chromium does not start: install it (for example: apt-get install chromium)");
        Browser { child, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its other processes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// What the page got.
#[track_caller]
fn told_by_a_page(wishes: &[(&str, &str)], options: &[&str]) -> Value {
    let (addr, told) = page();
    let query: Vec<String> = wishes.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let _browser = Browser::start(&format!("http://{addr}/?{}", query.join("&")), options);
    told.recv_timeout(PATIENCE).expect("the page tells what it got")
}

fn data(told: &Value) -> Vec<&str> {
    told["got"].as_array().expect("what it got").iter().filter_map(|got| got["data"].as_str()).collect()
}

fn said(recorded: &Recorded, wanted: &str) -> Vec<String> {
    let messages = recorded.messages().into_iter();
    messages.filter(|(dir, kind, _)| dir == "in" && kind == wanted).map(|(.., said)| said).collect()
}

#[test]
fn a_page_gets_the_recorded_events() {
    // The recorded server allows nobody across origins.
    let recorded = record("lab:sse?rate=50&count=5", &["--reconnect", "no"]);
    let replay = recorded.replay(&["--cors"]);
    let told = told_by_a_page(&[("sse", &replay.http("/sse?rate=50&count=5")), ("count", "5")], &[]);
    assert_eq!(told["how"], "all", "{told}");
    assert_eq!(data(&told), said(&recorded, "sse.event"));
    let ids: Vec<&str> = told["got"].as_array().unwrap().iter().filter_map(|got| got["id"].as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
    replay.stop();
    let told = recorded.told();
    let differences: Vec<&String> =
        told.iter().filter(|text| !text.contains("goes on behind") && !text.contains("has all")).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_page_gets_the_recorded_messages() {
    let recorded =
        record("lab:ws?rate=50&count=4&deflate", &["--send", "今から", "--send", "ふぁぼります", "--for", "4s"]);
    let expected = said(&recorded, "ws.text");
    assert_eq!(expected.len(), 6);
    let replay = recorded.replay(&["--speed", "10"]);
    let url = replay.ws("/ws?rate=50&count=4&deflate");
    let told = told_by_a_page(&[("ws", &url), ("say", "今から"), ("say", "ふぁぼります")], &[]);
    assert_eq!(told["how"], "close 1000 the feed has ended", "{told}");
    assert_eq!(data(&told), expected);
    replay.stop();
    assert_eq!(recorded.told(), Vec::<String>::new());
}

#[test]
fn a_page_gets_them_over_tls() {
    let recorded = record("lab:ws?rate=50&count=3", &["--send", "hi", "--for", "3s"]);
    let secured = secured(&recorded, &[]);
    let url = format!("{}/ws?rate=50&count=3", secured.origin.replacen("https", "wss", 1));
    let trust = format!("--ignore-certificate-errors-spki-list={}", secured.key_hash);
    let told = told_by_a_page(&[("ws", &url), ("say", "hi")], &[&trust]);
    assert_eq!(told["how"], "close 1000 the feed has ended", "{told}");
    assert_eq!(data(&told), said(&recorded, "ws.text"));
    secured.running.signal("INT");
    assert_eq!(secured.running.finish().code, Some(0));
}
