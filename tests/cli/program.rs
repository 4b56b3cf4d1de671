//! The `pushscope` program as a child process: with a time limit, its output kept, its memory watched, ended by its
//! handle.

// The tests with nchan use a part of this.
#![allow(dead_code)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything in a test may take. Long, since a debug build on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pushscope");

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// The most memory it had at once.
    pub peak_mib: u64,
}

impl Ended {
    /// The first line on standard error.
    pub fn reason(&self) -> &str {
        self.err.lines().next().unwrap_or_default()
    }

    /// Asserts that all went well, and gives the lines that were printed.
    #[track_caller]
    pub fn lines(&self) -> Vec<&str> {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert_eq!(self.err, "", "{self:#?}");
        self.out.lines().collect()
    }

    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        self.lines().into_iter().map(record).collect()
    }

    /// The records that were printed, however the program ended.
    #[track_caller]
    pub fn records_so_far(&self) -> Vec<Value> {
        self.out.lines().map(record).collect()
    }

    /// Asserts that the program said what is wrong: the exit code, and a first line with these words.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(self.reason().starts_with("pushscope: "), "{self:#?}");
        for word in words {
            assert!(self.reason().contains(word), "no {word:?} in: {self:#?}");
        }
        assert!(!self.err.contains("panicked"), "{self:#?}");
    }
}

#[track_caller]
pub fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The texts of the records of one kind that came from the server; those without one, such as a multipart body's last
/// delimiter, left out.
pub fn received(records: &[Value], kind: &str) -> Vec<String> {
    let of_kind = records.iter().filter(|record| record["kind"] == kind && record["dir"] == "in");
    of_kind.filter_map(|record| record["text"].as_str().map(str::to_owned)).collect()
}

/// Runs the program to its end.
#[track_caller]
pub fn pushscope(arguments: &[&str]) -> Ended {
    Running::pushscope(arguments).finish()
}

/// Runs a line of shell in which `"$0"` is the program.
#[track_caller]
pub fn shell(line: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", line, PROGRAM]).args(arguments);
    Running::start(command).finish()
}

/// A program that runs, and the lines it prints.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    err: Option<JoinHandle<String>>,
    seen: String,
}

impl Running {
    pub fn pushscope(arguments: &[&str]) -> Running {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        Running::start(command)
    }

    #[track_caller]
    pub fn start(mut command: Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let out = child.stdout.take().expect("its output");
        let mut errors = child.stderr.take().expect("its errors");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            loop {
                let mut line = Vec::new();
                match out.read_until(b'\n', &mut line) {
                    Ok(read) if read > 0 && sender.send(String::from_utf8(line).expect("UTF-8")).is_ok() => {}
                    _ => break,
                }
            }
        });
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before a failure is kept.
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Running { child, lines, err: Some(err), seen: String::new() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that the program prints.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push_str(&line);
                line
            }
            Err(RecvTimeoutError::Timeout) => panic!("nothing more printed; so far:\n{}", self.seen),
            Err(RecvTimeoutError::Disconnected) => {
                let errors = self.errors();
                panic!("it ended; so far:\n{}{errors}", self.seen)
            }
        }
    }

    /// Reads lines up to one that contains `text`.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal by name, such as `INT`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal {name} could be sent");
    }

    /// Kills it at once, as `kill -9` does.
    #[track_caller]
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        let (code, peak_mib) = wait(&mut self.child).unwrap_or_else(|| {
            // Dead, it closes its pipes, so that what it said can be told.
            let _ = self.child.kill();
            let said: String = self.lines.iter().collect();
            let errors = self.errors();
            panic!("it does not end; it said:\n{}{said}{errors}", self.seen)
        });
        self.seen.extend(self.lines.iter());
        let err = self.errors();
        Ended { code, out: std::mem::take(&mut self.seen), err, peak_mib }
    }

    fn errors(&mut self) -> String {
        self.err.take().map_or(String::new(), |thread| thread.join().expect("its errors"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child's end. Gives its exit code and the most memory seen, in MiB; `None` if it does not end in time.
pub fn wait(child: &mut Child) -> Option<(Option<i32>, u64)> {
    let deadline = Instant::now() + PATIENCE;
    let mut peak_kib = 0;
    loop {
        // The high-water mark only rises, so that the last look before the end is close to the truth.
        peak_kib = peak_kib.max(high_water_kib(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a status") {
            return Some((status.code(), peak_kib / 1024));
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// `VmHWM` of /proc/PID/status, where there is such a file.
fn high_water_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// A program whose output the test reads, or stops reading, itself.
pub fn start_unread(arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    (child, out)
}
