//! A real other end: nginx with nchan. One channel through each of its subscribers, published by POST, recorded by the
//! program, and every message whole in a record of the right kind.

#[path = "cli/program.rs"]
mod program;

use program::{PATIENCE, Running, pushscope, record};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MISSING: &str = "install nginx with nchan (for example: apt-get install nginx-light libnginx-mod-nchan)";

/// What is published, one after the other.
fn messages() -> Vec<String> {
    let long = "今からこれふぁぼります ".repeat(2000);
    ["first", "こんにちは、世界", r#"{"id":456,"text":"あいうえお"}"#, long.trim_end(), "last"]
        .map(str::to_owned)
        .to_vec()
}

/// nginx in a folder of its own, ended with the value.
struct Nginx {
    master: Child,
    folder: TempDir,
    port: u16,
}

impl Nginx {
    #[track_caller]
    fn start() -> Nginx {
        let folder = TempDir::new().expect("a folder");
        // Another program may take the port between our asking and nginx's: then again.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
            let mut nginx = Nginx::start_on(free.port(), folder.path());
            let deadline = Instant::now() + PATIENCE;
            while nginx.try_wait().expect("a status").is_none() {
                if TcpStream::connect(free).is_ok() {
                    return Nginx { master: nginx, folder, port: free.port() };
                }
                if Instant::now() >= deadline {
                    // Without workers yet, the master is all there is.
                    let _ = nginx.kill();
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let errors = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        panic!("nginx does not start: {MISSING}\n{errors}");
    }

    fn start_on(port: u16, folder: &Path) -> Child {
        // nginx started as root would have its workers be another user, who cannot enter the folder.
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let config = include_str!("nchan/nginx.conf")
            .replace("MODULES", &modules())
            .replace("PREFIX", folder.to_str().expect("a path in UTF-8"))
            .replace("PORT", &port.to_string())
            .replace("USER", if is_root { "user root;" } else { "" });
        let path = folder.join("nginx.conf");
        fs::write(&path, config).expect("a file");
        let mut command = nginx(folder);
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        command.spawn().unwrap_or_else(|error| panic!("nginx cannot be started ({error}): {MISSING}"))
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The body of the answer to a request about a channel, which says how many subscribe to it.
    #[track_caller]
    fn ask(&self, channel: &str, method: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let head = format!(
            "{method} /publish/{channel} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/json\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        if head.starts_with("HTTP/1.1 404") {
            return Value::Null;
        }
        assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
        record(body.trim())
    }

    #[track_caller]
    fn wait_for_subscribers(&self, channel: &str, wanted: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.ask(channel, "GET", "")["subscribers"].as_u64().unwrap_or(0);
            if found == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{channel} has {found} subscribers, not {wanted}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn publish(&self, channel: &str, message: &str) {
        self.ask(channel, "POST", message);
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers; killed, it would leave them behind.
        let told = nginx(self.folder.path()).args(["-s", "stop"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let ended = told.is_ok_and(|told| told.success()) && program::wait(&mut self.master).is_some();
        if !ended {
            let _ = self.master.kill();
            let _ = self.master.wait();
        }
    }
}

fn nginx(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(folder.join("error.log"));
    command.stdin(Stdio::null());
    command
}

/// Where nginx keeps its modules, by its own word.
fn modules() -> String {
    let told = Command::new("nginx").arg("-V").output();
    let told = told.unwrap_or_else(|error| panic!("nginx cannot be started ({error}): {MISSING}"));
    let options = String::from_utf8_lossy(&told.stderr).into_owned();
    let found = options.split_whitespace().find_map(|option| option.strip_prefix("--modules-path="));
    let folder = PathBuf::from(found.unwrap_or("/usr/lib/nginx/modules"));
    assert!(folder.join("ngx_nchan_module.so").exists(), "no nchan in {}: {MISSING}", folder.display());
    folder.to_str().expect("a path in UTF-8").to_owned()
}

/// Publishes to a recording once it is connected, and gives its records when every message has come.
#[track_caller]
fn recorded(nginx: &Nginx, channel: &str, url: &str, kind: &str, more: &[&str]) -> Vec<Value> {
    let file = nginx.folder.path().join(format!("{channel}.pushscope"));
    let file = file.to_str().expect("a path in UTF-8");
    let arguments = ["record", url, "--format", "jsonl", "--fields", "-o", file];
    let mut live = Running::pushscope(&[&arguments, more].concat());
    for message in messages() {
        // A long poll is no subscriber between its answers.
        nginx.wait_for_subscribers(channel, 1);
        nginx.publish(channel, &message);
        live.until(&format!("\"kind\":\"{kind}\""));
    }
    live.signal("INT");
    let live = live.finish();
    let records = live.records();
    nginx.wait_for_subscribers(channel, 0);
    let shown = pushscope(&["show", file, "--format", "jsonl", "--fields"]);
    assert_eq!(shown.lines(), live.lines(), "shown again, it differs");
    let worst = records.iter().filter(|record| {
        let mut notes = record["notes"].as_array().expect("notes").iter();
        notes.any(|note| note["severity"] == "error")
    });
    assert_eq!(worst.collect::<Vec<_>>(), Vec::<&Value>::new(), "nginx is said to break rules");
    records
}

/// The texts of one kind that came in.
fn texts(records: &[Value], kind: &str) -> Vec<String> {
    program::received(records, kind)
}

/// The first record of a kind.
#[track_caller]
fn first<'a>(records: &'a [Value], kind: &str) -> &'a Value {
    records.iter().find(|record| record["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// The value of a record's field.
#[track_caller]
fn field<'a>(record: &'a Value, key: &str) -> &'a Value {
    let fields = record["fields"].as_array().expect("fields");
    &fields.iter().find(|field| field["key"] == key).unwrap_or_else(|| panic!("no {key} in {record:#}"))["value"]
}

#[test]
fn long_poll() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/poll");
    let records = recorded(&nginx, "poll", &url, "http.body", &["--as", "longpoll"]);
    assert_eq!(texts(&records, "http.body"), messages());
    // The cursor is what the last answer's Last-Modified and ETag said.
    let value = |record: &Value, name: &str| {
        let fields = record["fields"].as_array().expect("fields");
        let name_at = fields.iter().position(|field| {
            field["value"].as_str().is_some_and(|value| value.eq_ignore_ascii_case(name)) && field["buf"] == "wire"
        })?;
        let value = fields[name_at..].iter().find(|field| field["key"] == "http.header.value");
        value.map(|field| field["value"].as_str().expect("a value").to_owned())
    };
    let of_kind = |kind: &str| records.iter().filter(|record| record["kind"] == kind).collect::<Vec<_>>();
    let (requests, responses) = (of_kind("http.request"), of_kind("http.response"));
    assert_eq!((requests.len(), responses.len()), (6, 5));
    assert_eq!(value(requests[0], "If-None-Match"), None);
    for (response, request) in responses.iter().zip(&requests[1..]) {
        let etag = value(response, "ETag");
        assert!(etag.is_some(), "no ETag found in {response}");
        assert_eq!(etag, value(request, "If-None-Match"));
        assert_eq!(value(response, "Last-Modified"), value(request, "If-Modified-Since"));
    }
}

#[test]
fn event_source() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/events");
    let records = recorded(&nginx, "events", &url, "sse.event", &["--as", "sse"]);
    let events = records.iter().filter(|record| record["kind"] == "sse.event" && record["len"] != 0);
    let events: Vec<&Value> = events.collect();
    assert_eq!(events.iter().map(|event| event["text"].as_str().expect("a text")).collect::<Vec<_>>(), messages());
    assert_eq!(first(&records, "sse.comment")["text"], "hi");
    assert!(events.iter().all(|event| event["summary"].as_str().is_some_and(|text| text.contains("  id "))));
}

#[test]
fn event_source_found_by_the_answer() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/auto");
    let records = recorded(&nginx, "auto", &url, "sse.event", &["-H", "Accept: text/event-stream"]);
    let said = first(&records, "client")["summary"].as_str().expect("a text").to_owned();
    assert!(said.contains("SSE, since the answer is text/event-stream"), "{said}");
}

#[test]
fn websocket() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/socket").replace("http:", "ws:");
    let records = recorded(&nginx, "socket", &url, "ws.text", &[]);
    assert_eq!(texts(&records, "ws.text"), messages());
    assert_eq!(first(&records, "http.response")["summary"], "HTTP/1.1 101 Switching Protocols · permessage-deflate");
    let closes = records.iter().filter(|record| record["kind"] == "ws.close").count();
    assert_eq!(closes, 2, "{records:#?}");
}

#[test]
fn websocket_with_pings() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/pings").replace("http:", "ws:");
    let mut live = Running::pushscope(&["record", &url, "--format", "jsonl"]);
    live.until("\"kind\":\"ws.pong\"");
    nginx.publish("pings", "still here");
    live.until("still here");
    live.signal("INT");
    let records = live.finish().records();
    let pings =
        |dir: &str, kind: &str| records.iter().filter(|record| record["dir"] == dir && record["kind"] == kind).count();
    assert!(pings("in", "ws.ping") >= 1 && pings("in", "ws.ping") == pings("out", "ws.pong"), "{records:#?}");
}

#[test]
fn websocket_compressed_both_ways() {
    let nginx = Nginx::start();
    let url = nginx.url("/compressed/deflate").replace("http:", "ws:");
    for (number, asked) in [
        &[][..],
        &["--deflate-client-no-context-takeover"],
        &["--deflate-server-max-window-bits", "15", "--deflate-server-no-context-takeover"],
        &["--deflate-client-max-window-bits", "9"],
        &["--deflate-client-max-window-bits", "none"],
        &["--no-compress"],
    ]
    .into_iter()
    .enumerate()
    {
        let url = format!("{url}{number}");
        let sent = messages();
        let mut command = vec!["record", &url, "--format", "jsonl", "--fields", "--count", "5"];
        command.extend(asked);
        for text in &sent {
            command.extend(["--send", text]);
        }
        let records = pushscope(&command).records();
        let of = |dir: &str| records.iter().filter(|record| record["dir"] == dir).cloned().collect::<Vec<_>>();
        for dir in ["out", "in"] {
            let said = of(dir).into_iter().filter(|record| record["kind"] == "ws.text");
            let said: Vec<String> = said.map(|record| record["text"].as_str().unwrap_or_default().to_owned()).collect();
            assert!(said == sent, "{dir} {asked:?}: {said:.60?}");
        }
        let is_compressed = |dir: &str| {
            let frames = of(dir).into_iter().filter(|record| record["kind"] == "ws.frame").take(5);
            frames.map(|frame| field(&frame, "websocket.rsv1") == 1).collect::<Vec<_>>()
        };
        assert_eq!(is_compressed("in"), [true; 5], "{asked:?}");
        assert_eq!(is_compressed("out"), [!asked.contains(&"--no-compress"); 5], "{asked:?}");
        for record in &records {
            assert_eq!(record["notes"], Value::Array(Vec::new()), "{record:#}");
        }
    }
}

#[test]
fn multipart() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/parts");
    let records = recorded(&nginx, "parts", &url, "part", &["--as", "stream", "-H", "Accept: multipart/mixed"]);
    assert_eq!(texts(&records, "part"), messages());
    let head = first(&records, "http.response")["summary"].as_str().expect("a text").to_owned();
    assert!(head.contains("multipart/mixed"), "{head}");
}

#[test]
fn raw_stream() {
    let nginx = Nginx::start();
    let url = nginx.url("/raw/raw");
    let records = recorded(&nginx, "raw", &url, "line", &["--as", "stream"]);
    assert_eq!(texts(&records, "line"), messages());
}

#[test]
fn chunks() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/chunks");
    let records = recorded(&nginx, "chunks", &url, "http.chunk", &["--as", "stream", "-H", "TE: chunked"]);
    assert_eq!(texts(&records, "http.chunk"), messages());
}

#[test]
fn all_at_once_on_one_channel() {
    let nginx = Nginx::start();
    let url = nginx.url("/subscribe/all");
    let web_socket = url.replace("http:", "ws:");
    let subscribers: [(&str, &[&str]); 6] = [
        ("http.body", &[&url, "--as", "longpoll"]),
        ("sse.event", &[&url, "--as", "sse"]),
        ("ws.text", &[&web_socket]),
        ("part", &[&url, "--as", "stream", "-H", "Accept: multipart/mixed"]),
        ("http.chunk", &[&url, "--as", "stream", "-H", "TE: chunked"]),
        ("line", &[&nginx.url("/raw/all"), "--as", "stream"]),
    ];
    let mut live = subscribers
        .map(|(kind, asked)| (kind, Running::pushscope(&[&["record", "--format", "jsonl"], asked].concat())));
    nginx.wait_for_subscribers("all", 6);
    for n in 1..=20 {
        nginx.publish("all", &format!("message {n} プッシュ"));
    }
    let wanted: Vec<String> = (1..=20).map(|n| format!("message {n} プッシュ")).collect();
    for (kind, running) in &mut live {
        let mut found = Vec::new();
        while found.len() < wanted.len() {
            found.extend(texts(&[record(&running.line())], kind).into_iter().filter(|text| !text.is_empty()));
        }
        assert_eq!(found, wanted, "{kind}");
    }
    for (_, running) in live {
        running.signal("INT");
        running.finish().lines();
    }
}

#[test]
fn a_channel_that_is_no_channel() {
    let nginx = Nginx::start();
    for as_type in ["longpoll", "sse", "stream", "ws"] {
        let url = nginx.url("/no-channel");
        let url = if as_type == "ws" { url.replace("http:", "ws:") } else { url };
        pushscope(&["record", &url, "--as", as_type]).refused(1, &["404"]);
    }
}
