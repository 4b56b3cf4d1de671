//! Runs the cases of Autobahn|Testsuite against the WebSocket driver, which echoes, and holds the dissector's view of
//! every case against what the suite says it sent and received. `tests/autobahn.sh` starts it.
//!
//! ```text
//! autobahn ADDRESS REPORTS [CASES]     ADDRESS such as ws://127.0.0.1:9001; the server writes into the folder REPORTS
//! ```
//!
//! Fails where the suite finds fault with a case, where the two views differ, or where not as many cases ran
//! as CASES says.

mod agreement;
mod conversation;
mod report;
mod view;

use conversation::Conversations;
use report::Report;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use view::View;

/// The name under which the suite files its reports.
const AGENT: &str = "Pushscope";
/// Cases that run at a time: most of their time is the suite waiting for more, or for nothing, to come.
const AT_A_TIME: usize = 4;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (address, reports, cases) = match words[..] {
        [address, reports] => (address, reports, None),
        [address, reports, cases] if cases.parse::<usize>().is_ok() => (address, reports, cases.parse().ok()),
        _ => {
            eprintln!("usage: autobahn ADDRESS REPORTS [CASES]");
            return ExitCode::from(2);
        }
    };
    match run(address, Path::new(reports), cases) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            faults.iter().for_each(|fault| println!("FAILED: {fault}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every case; what is wrong.
fn run(address: &str, reports: &Path, expected: Option<usize>) -> Result<Vec<String>, String> {
    let conversations = Conversations::new()?;
    let count = conversations.hold(&format!("{address}/getCaseCount"))?;
    let count = count.texts().first().and_then(|text| text.parse::<usize>().ok());
    let count = count.ok_or("the server did not say how many cases there are")?;
    let began = Instant::now();
    let views = run_cases(&conversations, address, count)?;
    let seconds = began.elapsed().as_secs();
    conversations.hold(&format!("{address}/updateReports?agent={AGENT}"))?;

    let (mut faults, mut behaviours, mut told) = (Vec::new(), BTreeMap::<(String, String), usize>::new(), 0);
    let mut known = 0;
    let reports = Report::read_all(reports, AGENT)?;
    for report in &reports {
        *behaviours.entry((report.behavior.clone(), report.behavior_close.clone())).or_default() += 1;
        faults.extend(report.fault());
        match views.get(&report.number) {
            Some(view) => {
                faults.extend(agreement::faults(view, report));
                known += usize::from(agreement::knows_frames(view, report));
                told += view.frames.iter().map(Vec::len).sum::<usize>();
            }
            None => faults.push(format!("case {} is in the report and was not run", report.id)),
        }
    }
    for ((behavior, close), count) in &behaviours {
        println!("{behavior}, close {close}: {count}");
    }
    println!("{} cases in {seconds} s, with {told} frames; the suite knows all frames of {known}", reports.len());
    let expected = expected.unwrap_or(count);
    if reports.len() != expected || count != expected {
        faults
            .push(format!("{expected} cases are to run; the server has {count}, and {} were reported", reports.len()));
    }
    Ok(faults)
}

/// Each case in a conversation of its own, several at a time; what the dissector saw, by the number of the case.
fn run_cases(conversations: &Conversations, address: &str, count: usize) -> Result<BTreeMap<usize, View>, String> {
    let (next, views) = (AtomicUsize::new(1), Mutex::new(BTreeMap::new()));
    let work = || -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > count {
                return Ok(());
            }
            let conversation = conversations.hold(&format!("{address}/runCase?case={number}&agent={AGENT}"))?;
            let view = View::of(&conversation.session);
            views.lock().map_err(|_| "a case broke off")?.insert(number, view);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a case broke off".to_owned())?)
    })?;
    views.into_inner().map_err(|_| "a case broke off".to_owned())
}
