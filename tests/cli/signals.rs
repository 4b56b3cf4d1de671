//! Ends that nobody planned: an interrupt, a kill, and output that nobody reads any more. What was recorded stays.

use crate::program::{PATIENCE, PROGRAM, Running, pushscope, received, start_unread, wait};
use serde_json::Value;
use std::io::BufRead;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

#[test]
fn an_interrupt_closes_politely_and_keeps_the_recording() {
    let folder = TempDir::new().expect("a folder");
    for signal in ["INT", "TERM"] {
        let file = folder.path().join(format!("{signal}.pushscope"));
        let file = file.to_str().expect("a path");
        let mut live = Running::pushscope(&["record", "lab:ws?rate=50", "-o", file, "--format", "jsonl"]);
        live.until("push 3 ");
        live.signal(signal);
        let live = live.finish();
        let texts = received(&live.records(), "ws.text");
        assert!(texts.len() >= 3, "{live:#?}");
        let closes = live.records().iter().filter(|record| record["kind"] == "ws.close").count();
        assert_eq!(closes, 2, "{live:#?}");
        assert_eq!(pushscope(&["show", file, "--format", "jsonl"]).lines(), live.lines());
    }
}

/// Kills recordings of 10,000 messages a second at different moments. Of what was received until the kill, at most the
/// last 250 ms may be missing: a commit begins when its oldest event is 200 ms old.
#[test]
fn a_kill_loses_the_last_quarter_of_a_second_at_most() {
    // What a message takes from the lab through a debug build into the recorder's hands, and the commit itself, on a
    // machine that runs the other tests as well.
    const SLACK: Duration = Duration::from_millis(150);
    let folder = TempDir::new().expect("a folder");
    for round in 1..=3 {
        let file = folder.path().join(format!("{round}.pushscope"));
        let recorded_bytes = || std::fs::metadata(&file).map_or(0, |found| found.len());
        let path = file.to_str().expect("a path");
        let running = Running::pushscope(&["record", "lab:ws?rate=10000", "-q", "-o", path]);
        let deadline = Instant::now() + PATIENCE;
        while recorded_bytes() < round * 1_500_000 {
            assert!(Instant::now() < deadline, "{} bytes after {PATIENCE:?}", recorded_bytes());
            std::thread::sleep(Duration::from_millis(7));
        }
        // The file grows with a commit; the kills are to fall into different stretches of the time between two.
        std::thread::sleep(Duration::from_millis(90) * (round as u32 - 1));
        let killed_at = SystemTime::now();
        running.kill();

        let shown = pushscope(&["show", path, "--format", "jsonl", "--filter", "kind:ws.text"]);
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        let messages = received(&shown.records_so_far(), "ws.text");
        let messages: Vec<Value> = messages.iter().map(|text| crate::program::record(text)).collect();
        assert!(messages.len() > 5000, "only {} messages", messages.len());
        for (at, message) in messages.iter().enumerate() {
            assert_eq!(message["n"], at + 1, "a message in the middle is missing");
        }
        let sent = |message: &Value| Duration::from_nanos(message["sent_ns"].as_u64().expect("a time"));
        let (first, last) = (sent(&messages[0]), sent(&messages[messages.len() - 1]));
        let missing = killed_at.duration_since(UNIX_EPOCH + last).unwrap_or_default();
        let rate = messages.len() as f64 / (last - first).as_secs_f64();
        println!("round {round}: {} messages, {rate:.0} a second, {missing:?} missing", messages.len());
        assert!(missing < Duration::from_millis(250) + SLACK, "round {round}: {missing:?} are missing");
        assert!(rate > 8000.0, "only {rate:.0} messages a second");
    }
}

#[test]
fn output_that_nobody_reads_any_more_ends_quietly() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("whole.pushscope");
    let file = file.to_str().expect("a path");
    pushscope(&["record", "lab:ws?rate=0", "--count", "3000", "-q", "-o", file]).lines();
    for arguments in [&["record", "lab:sse?rate=200"][..], &["show", file], &["show", file, "--format", "jsonl"]] {
        let (mut child, mut out) = start_unread(arguments);
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        drop(out);
        let (code, _) = wait(&mut child).unwrap_or_else(|| {
            child.kill().expect("killed");
            panic!("{arguments:?} goes on though nobody reads")
        });
        let errors = std::io::read_to_string(child.stderr.take().expect("its errors")).expect("UTF-8");
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let mut command = Command::new(PROGRAM);
    command.args(["record", "lab:sse?rate=200"]).stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let (code, _) = wait(&mut child).unwrap_or_else(|| {
        child.kill().expect("killed");
        panic!("it goes on though nothing can be written")
    });
    let errors = std::io::read_to_string(child.stderr.take().expect("its errors")).expect("UTF-8");
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.starts_with("pushscope: cannot write to standard output: "), "{errors}");
}

#[test]
fn a_second_interrupt_ends_at_once_where_the_output_stands_still() {
    // The pipe stays open and fills up, so that the program waits for its reader.
    let (mut child, mut out) = start_unread(&["record", "lab:sse?rate=0"]);
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    std::thread::sleep(Duration::from_millis(500));
    for _ in 0..2 {
        let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        // Two that come together count as one.
        std::thread::sleep(Duration::from_millis(300));
    }
    let (code, _) = wait(&mut child).unwrap_or_else(|| {
        child.kill().expect("killed");
        panic!("it goes on though it was interrupted twice")
    });
    let errors = std::io::read_to_string(child.stderr.take().expect("its errors")).expect("UTF-8");
    assert!(code == Some(1) && errors.contains("stopped at once"), "{errors}");
    drop(out);
}
