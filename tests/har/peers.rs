//! The other ends: Chromium and its developer tools, Node's site, mitmproxy and curl, each ended by its handle.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NODE: &str = "install Node.js 20 or newer (https://nodejs.org), and run npm --prefix tests/node install";
const CHROMIUM: &str = "install Chromium (for example: apt-get install chromium)";
const FIREFOX: &str = "install Firefox (for example: apt-get install firefox-esr)";
const CURL: &str = "install curl (for example: apt-get install curl)";
const MITMPROXY: &str = "install mitmproxy, on the PATH or so: python3 -m venv target/peers/mitmproxy && \
                         target/peers/mitmproxy/bin/pip install mitmproxy";

/// What an other end may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A child that is ended with the value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(folder.join("node_modules/ws").exists(), "node_modules missing: {NODE}");
    folder.join(name)
}

/// Runs a program to its end; what it printed.
#[track_caller]
fn run(program: &str, arguments: &[&str], missing: &str) -> String {
    let limited = [&["--kill-after", "10", "100", program], arguments].concat();
    assert!(has(program), "{program} is missing: {missing}");
    let ended = Command::new("timeout").args(limited).stdin(Stdio::null()).output().expect("timeout");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {arguments:?}: {}\n{said}", ended.status);
    String::from_utf8(ended.stdout).expect("UTF-8")
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_file() || std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The site of `tests/node/site.mjs`.
pub struct Site {
    _ended: Ended,
    pub port: u16,
}

impl Site {
    #[track_caller]
    pub fn start() -> Site {
        let mut command = Command::new("node");
        command.arg(script("site.mjs")).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("node cannot be started ({error}): {NODE}"));
        let mut child = Ended(child);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("site.mjs names no port, but {line:?}"));
        Site { _ended: child, port }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// Has Chromium open a page, and its developer tools save the HAR.
#[track_caller]
pub fn chromium_saves(url: &str, har: &Path) {
    assert!(has("chromium"), "chromium is missing: {CHROMIUM}");
    let har = har.to_str().expect("a path in UTF-8");
    run("node", &[script("chromium.mjs").to_str().expect("a path in UTF-8"), "save", url, har], NODE);
}

/// Has Firefox open a page, and its network monitor save the HAR.
#[track_caller]
pub fn firefox_saves(url: &str, har: &Path) {
    assert!(has("firefox-esr") || has("firefox"), "Firefox is missing: {FIREFOX}");
    let har = har.to_str().expect("a path in UTF-8");
    run("node", &[script("firefox.mjs").to_str().expect("a path in UTF-8"), "save", url, har], NODE);
}

/// Has Chromium's developer tools read a HAR; what they make of each request.
#[track_caller]
pub fn chromium_reads(har: &Path) -> Vec<Value> {
    assert!(has("chromium"), "chromium is missing: {CHROMIUM}");
    let har = har.to_str().expect("a path in UTF-8");
    let said = run("node", &[script("chromium.mjs").to_str().expect("a path in UTF-8"), "show", har], NODE);
    said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What curl printed.
#[track_caller]
pub fn curl(arguments: &[&str]) -> String {
    let own: &[&str] = &["-sSN", "--noproxy", "*", "--max-time", "20"];
    run("curl", &[own, arguments].concat(), CURL)
}

/// A WebSocket by the npm package `ws`; what it printed.
#[track_caller]
pub fn socket(url: &str, wishes: &[&str]) -> String {
    run("node", &[&[script("socket.mjs").to_str().expect("a path in UTF-8"), url], wishes].concat(), NODE)
}

/// mitmdump, which saves a HAR when it ends.
pub struct Mitmdump {
    child: Option<Ended>,
    pub port: u16,
}

impl Mitmdump {
    /// `mode` is mitmproxy's own word for what it is to be.
    #[track_caller]
    pub fn start(mode: &str, folder: &Path, har: &Path) -> Mitmdump {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/mitmproxy/bin/mitmdump");
        let program = if own.exists() { own } else { PathBuf::from("mitmdump") };
        // Another program may take the port between our asking and its: then again.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
            let mut command = Command::new(&program);
            command.args(["-q", "--listen-host", "127.0.0.1", "--listen-port", &free.port().to_string()]);
            command.args(["--mode", mode, "--set", &format!("confdir={}", folder.display())]);
            command.args(["--set", &format!("hardump={}", har.display())]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child =
                command.spawn().unwrap_or_else(|error| panic!("mitmdump cannot be started ({error}): {MITMPROXY}"));
            let mut child = Ended(child);
            let until = Instant::now() + PATIENCE;
            while child.0.try_wait().expect("a status").is_none() {
                if TcpStream::connect(free).is_ok() {
                    return Mitmdump { child: Some(child), port: free.port() };
                }
                assert!(Instant::now() < until, "mitmdump does not listen");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("mitmdump does not start: {MITMPROXY}");
    }

    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// Tells it to end, which is when it saves.
    #[track_caller]
    pub fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().expect("kill");
        assert!(told.success());
        let until = Instant::now() + PATIENCE;
        while child.0.try_wait().expect("a status").is_none() {
            assert!(Instant::now() < until, "mitmdump does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
