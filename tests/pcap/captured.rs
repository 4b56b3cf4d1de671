//! A capture that dumpcap makes of loopback while curl and we talk to the lab. Who may not capture tests nothing here.

use crate::program::PATIENCE;
use crate::support::*;
use pushscope::lab::Lab;
use pushscope::session::Kind;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// dumpcap, once it captures; `None` where it may not.
fn dumpcap(port: u16, capture: &std::path::Path) -> Option<Child> {
    let mut command = Command::new("dumpcap");
    command.args(["-q", "-i", "lo", "-f", &format!("tcp port {port}"), "-w"]).arg(capture);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("dumpcap cannot be started ({error}): install tshark"));
    let errors = BufReader::new(child.stderr.take().expect("its errors"));
    let mut said = Vec::new();
    let mut lines = errors.lines().map_while(Result::ok);
    // It names its file once it captures.
    let begun = lines.by_ref().inspect(|line| said.push(line.clone())).any(|line| line.starts_with("File: "));
    if !begun {
        child.wait().expect("its end");
        eprintln!("not tested: dumpcap may not capture here: {}", said.join(" "));
        return None;
    }
    // What it still says is read, so that it can say it.
    std::thread::spawn(move || lines.for_each(drop));
    Some(child)
}

/// Ends it as Ctrl C does, so that it writes what it has.
fn stop(mut child: Child) {
    let pid = child.id().to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().is_ok_and(|sent| sent.success()));
    assert!(crate::program::wait(&mut child).is_some(), "dumpcap does not end within {PATIENCE:?}");
}

#[test]
fn what_dumpcap_captured_is_what_we_recorded() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let lab = runtime.block_on(Lab::start("127.0.0.1:0".parse().expect("an address"))).expect("a lab");
    let path = folder.path("pcapng");
    let Some(dumpcap) = dumpcap(lab.addr().port(), &path) else { return };
    let websocket = folder.record(&format!("ws://{}/ws?rate=50", lab.addr()), &["--count", "5", "--send", "hello"]);
    let events = folder.record(&format!("http://{}/sse?rate=50", lab.addr()), &["--count", "5"]);
    let url = format!("http://{}/stream?rate=0&count=30", lab.addr());
    let curl = Command::new("curl").args(["-s", "--noproxy", "*", &url]).output().expect("curl: apt-get install curl");
    // The kernel hands packets over in lumps: wait for the last of them to be written.
    let deadline = std::time::Instant::now() + PATIENCE;
    let (session, report) = loop {
        std::thread::sleep(std::time::Duration::from_millis(100));
        match folder.try_import(&path) {
            Ok((session, report))
                if report.written == 3 && report.remarks.iter().all(|r| !r.contains("still open")) =>
            {
                break (session, report);
            }
            _ if std::time::Instant::now() > deadline => break folder.import(&path),
            _ => {}
        }
    };
    stop(dumpcap);
    assert_eq!(report.written, 3, "{report:#?}");
    let captured = streams(&session);
    for stream in streams(&websocket).iter().chain(&streams(&events)) {
        let [out, inward] = stream;
        // When we close, the server may still be speaking.
        let is_same = |found: &[Vec<u8>; 2]| found[0] == *out && found[1].starts_with(inward);
        assert!(captured.iter().any(is_same), "{} and {} bytes are not in the capture", out.len(), inward.len());
    }
    let lines: Vec<Vec<u8>> = (0..session.records().len())
        .filter(|id| session.records()[*id].kind == Kind::Line)
        .map(|id| session.explain(id).payload)
        .collect();
    assert_eq!(lines.len(), 30, "{report:#?}");
    let body = String::from_utf8(curl.stdout).expect("UTF-8");
    assert!(lines.iter().all(|line| body.contains(String::from_utf8_lossy(line).trim_end())));
    let label = |text: &str| session.connections().iter().any(|connection| connection.info.label.contains(text));
    assert!(label(&lab.addr().to_string()));
}
