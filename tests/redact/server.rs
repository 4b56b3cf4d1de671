//! Node, which tells secrets.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJuIjo0Mn0.Q29ycmVjdEhvcnNlQmF0dGVyeVN0YXBsZQ";
pub const COOKIE: &str = "c00kie-Zm9vYmFyYmF6cXV4";
pub const PASSWORD: &str = "pa55 wörd&more-of-it";

/// The server.
pub struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    #[track_caller]
    pub fn start() -> Server {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        assert!(
            folder.join("node_modules/ws").is_dir(),
            "the npm package `ws` is missing: run `npm install` in {}",
            folder.display()
        );
        let secrets = serde_json::json!({ "token": TOKEN, "cookie": COOKIE, "password": PASSWORD }).to_string();
        let mut command = Command::new("node");
        command.arg(folder.join("secrets-server.mjs")).arg(secrets).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node is missing: apt-get install nodejs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{line:?} instead of a port"));
        Server { child, port }
    }

    pub fn http(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{}", self.port, path.replace(' ', "%20").replace('ö', "%C3%B6"))
    }

    pub fn ws(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }
}
