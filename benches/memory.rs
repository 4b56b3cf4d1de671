//! How much memory an open recording takes beside its file, by record: what the system says of a process of its own.

mod support;

use pushscope::app::Command;
use std::path::Path;
use support::{app, record, records, settle};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--measure") {
        return measure(args[at + 1].as_ref());
    }
    let recording = record(records() / 2, 100);
    let program = std::env::current_exe().expect("this program's path");
    let status = std::process::Command::new(program).arg("--measure").arg(&recording.path).status();
    assert!(status.is_ok_and(|status| status.success()), "measuring failed");
}

/// Opens a recording as the window does, with all its rows.
fn measure(path: &Path) {
    let mut app = app(path.parent().unwrap_or(path));
    let (before, _) = memory();
    app.apply(Command::OpenPath(path.to_owned()));
    settle(&mut app);
    let (after, peak) = memory();
    let records = app.state().view().map_or(0, |view| view.session.records().len());
    let by_record = |bytes: u64| bytes as f64 / records as f64;
    println!("memory      │ bytes a record │ MiB");
    for (name, bytes) in [("resident", after - before), ("peak", peak - before)] {
        println!("{name:<11} │ {:14.1} │ {:.1}", by_record(bytes), bytes as f64 / f64::from(1 << 20));
    }
    println!("records     │ {records}");
}

/// `VmRSS` and `VmHWM`, in bytes.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("the memory benchmark needs Linux");
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    (line("VmRSS:").unwrap_or_default() * 1024, line("VmHWM:").unwrap_or_default() * 1024)
}
