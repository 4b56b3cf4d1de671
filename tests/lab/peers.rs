//! The other ends: curl, node with npm's `eventsource` and `ws`, and a bare socket. Each is a child process with a time
//! limit, ended by its handle. One that is missing fails the test and says how to install it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pushscope::lab::{Lab, Place};
use serde_json::Value;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// A lab on a free port, with a runtime of its own.
pub struct Running {
    pub addr: SocketAddr,
    lab: Option<Lab>,
    runtime: tokio::runtime::Runtime,
}

impl Running {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let lab = runtime.block_on(Lab::start(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        Self { addr: lab.addr(), lab: Some(lab), runtime }
    }

    pub fn stop(&mut self) {
        self.lab = None;
    }

    /// Where a lab address leads.
    pub fn place(&self, lab_url: &str) -> Result<Place, String> {
        self.runtime.block_on(self.lab.as_ref().unwrap().place(lab_url))
    }

    pub fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn ws(&self, path: &str) -> String {
        format!("ws://{}{path}", self.addr)
    }

    /// How many subscribe to `channel`.
    pub fn subscribers(&self, channel: &str) -> u64 {
        let state = curl(&[&self.http("/channels")]).json();
        let found = state["channels"].as_array().unwrap().iter().find(|each| each["channel"] == channel);
        found.map_or(0, |each| each["subscribers"].as_u64().unwrap())
    }

    pub fn wait_for_subscribers(&self, channel: &str, wanted: u64) {
        let start = Instant::now();
        while self.subscribers(channel) != wanted {
            let found = self.subscribers(channel);
            assert!(start.elapsed() < PATIENCE, "{channel} has {found} subscribers, not {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What curl printed, with `-i`: the head, then the body.
#[derive(Debug)]
pub struct Answered {
    pub head: String,
    pub body: Vec<u8>,
    pub exit_code: Option<i32>,
}

impl Answered {
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs curl to its end.
pub fn curl(arguments: &[&str]) -> Answered {
    start_curl(arguments).finish()
}

pub fn start_curl(arguments: &[&str]) -> Peer {
    let mut all = vec!["-sSiN", "--noproxy", "*", "--max-time", "10"];
    all.extend(arguments);
    Peer::start("curl", &all, "install curl (for example: apt-get install curl)")
}

/// Runs one of the scripts in tests/node.
pub fn start_node(script: &str, arguments: &[&str]) -> Peer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    let hint = "node_modules missing: run npm --prefix tests/node install";
    for package in ["eventsource", "ws"] {
        assert!(folder.join("node_modules").join(package).exists(), "{hint}");
    }
    let script = folder.join(script);
    let mut all = vec![script.to_str().unwrap()];
    all.extend(arguments);
    Peer::start("node", &all, "install Node.js 20 or newer (https://nodejs.org)")
}

/// A running program, and the lines it prints.
pub struct Peer {
    child: Child,
    lines: mpsc::Receiver<Vec<u8>>,
    name: String,
}

impl Peer {
    fn start(program: &str, arguments: &[&str], hint: &str) -> Self {
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{program} does not start ({error}): {hint}"));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                match output.read_until(b'\n', &mut line) {
                    Ok(n) if n > 0 && sender.send(line).is_ok() => {}
                    _ => break,
                }
            }
        });
        Self { child, lines, name: format!("{program} {}", arguments.join(" ")) }
    }

    /// The next line, or `None` once the program has ended.
    pub fn line(&self) -> Option<Vec<u8>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{} says nothing", self.name),
        }
    }

    pub fn json_line(&self) -> Option<Value> {
        self.line().map(|line| serde_json::from_slice(&line).unwrap())
    }

    /// All that is still to come, as JSON.
    pub fn json_lines(&self) -> Vec<Value> {
        std::iter::from_fn(|| self.json_line()).collect()
    }

    /// Reads lines until the empty one after a head.
    pub fn head(&self) -> String {
        let mut head = Vec::new();
        while let Some(line) = self.line() {
            if line == b"\r\n" {
                break;
            }
            head.extend_from_slice(&line);
        }
        String::from_utf8(head).unwrap()
    }

    pub fn finish(mut self) -> Answered {
        let mut head = self.head();
        while head.starts_with("HTTP/1.1 100") {
            head = self.head();
        }
        let body = std::iter::from_fn(|| self.line()).flatten().collect();
        let exit_code = self.child.wait().unwrap().code();
        Answered { head, body, exit_code }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `request` as it is, and gives what comes back until the lab closes.
pub fn bare(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(addr);
    // A lab that refuses may close before it has read everything.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

pub fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A WebSocket's frames as they are on the wire: first byte and payload, up to and with the close frame.
pub fn bare_frames(addr: SocketAddr, path: &str) -> Vec<(u8, Vec<u8>)> {
    let mut stream = connect(addr);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    // The key and its answer are the example of RFC 6455 §1.3.
    assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    let mut frames = Vec::new();
    loop {
        let mut start = [0; 2];
        reader.read_exact(&mut start).unwrap();
        let mut length = usize::from(start[1]);
        assert!(length < 127, "a masked or huge frame");
        if length == 126 {
            let mut extended = [0; 2];
            reader.read_exact(&mut extended).unwrap();
            length = usize::from(u16::from_be_bytes(extended));
        }
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload).unwrap();
        frames.push((start[0], payload));
        if start[0] & 0x0F == 8 {
            return frames;
        }
    }
}
