//! `pushscope replay`.

use super::args::ReplayArgs;
use super::{Failed, runtime};
use crate::replay::{Authority, Program, Replay};
use crate::session::file::{Recorder, data_folder};
use crate::wire::{EventSender, ReaderOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes that may wait for the file before sockets are left unread.
const QUEUE_LIMIT_BYTES: usize = 64 << 20;

/// How long clients that are being left may take to go.
const GOODBYE: Duration = Duration::from_millis(500);

/// Serves a recording until it is stopped, or all of it was served once.
pub fn run(args: ReplayArgs) -> Result<(), Failed> {
    let program = Program::read(&args.file, &mut |_, _| true).map_err(|error| Failed::Run(error.to_string()))?;
    if program.exchanges().is_empty() {
        let left_out: String = program.notices().iter().map(|notice| format!("; {notice}")).collect();
        let file = args.file.display();
        return Err(Failed::Run(format!(
            "{file} has no request of HTTP or WebSocket, so there is nothing to serve{left_out}"
        )));
    }
    let authority = args.tls.then(|| authority(&args)).transpose()?;
    let mut readers = Vec::new();
    if args.record.is_some() {
        readers.push(ReaderOptions::new(QUEUE_LIMIT_BYTES));
    }
    let (events, receivers) = EventSender::new(Instant::now(), 1, readers);
    let mut recorder = None;
    if let (Some(path), Some(receiver)) = (&args.record, receivers.into_iter().next()) {
        let started_unix_ns = jiff::Timestamp::now().as_nanosecond() as i64;
        let started = Recorder::start(path, receiver, started_unix_ns);
        recorder = Some(started.map_err(|error| Failed::Run(error.to_string()))?);
    }
    let runtime = runtime()?;
    let is_quiet = args.quiet;
    let outcome = runtime.block_on(async {
        let tell = Box::new(move |text: &str| {
            if !is_quiet {
                eprintln!("pushscope: {text}");
            }
        });
        let (program, options) = (Arc::new(program), args.options());
        let replay = Replay::start(program, options, args.listen, authority.as_ref(), events, tell).await;
        let replay = replay.map_err(|error| Failed::Run(format!("cannot listen on {}: {error}", args.listen)))?;
        introduce(&args, &replay, authority.as_ref())?;
        let all_served = async {
            match args.once {
                true => replay.all_served().await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = all_served => {}
            () = stopped() => {}
        }
        if !is_quiet {
            conclude(&replay);
        }
        replay.stop(GOODBYE).await;
        Ok(())
    });
    // Connections end with the runtime, and say so in the recording.
    runtime.shutdown_timeout(Duration::from_millis(500));
    if let Some(status) = recorder.map(Recorder::stop)
        && let Some(error) = status.failed
    {
        let lost = format!("{} events with {} bytes are not in the file", status.lost_events, status.lost_bytes);
        return Err(Failed::Run(format!("{error}; {lost}")));
    }
    outcome
}

/// The authority that vouches for replays, and its certificate where it was asked for.
fn authority(args: &ReplayArgs) -> Result<Authority, Failed> {
    let folder = data_folder().map_err(|error| Failed::Run(error.to_string()))?.join("replay-ca");
    let authority = Authority::kept_in(&folder).map_err(Failed::Run)?;
    if let Some(path) = &args.ca_out {
        std::fs::write(path, authority.pem())
            .map_err(|error| Failed::Run(format!("{} cannot be written: {error}", path.display())))?;
    }
    Ok(authority)
}

fn introduce(args: &ReplayArgs, replay: &Replay, authority: Option<&Authority>) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if !args.quiet {
        let program = replay.program();
        for notice in program.notices() {
            eprintln!("pushscope: {notice}");
        }
        writeln!(out, "{}, speed {}:", program.name(), args.speed)?;
        for line in program.contents().lines() {
            writeln!(out, "  {line}")?;
        }
        if let Some(authority) = authority {
            let path = args.ca_out.as_deref().unwrap_or(authority.path());
            write!(out, "{}", trust(path, authority))?;
        }
    }
    writeln!(out, "listening on {} (Ctrl C stops it)", replay.origin())?;
    out.flush()
}

/// How clients are told to trust the authority.
fn trust(path: &Path, authority: &Authority) -> String {
    let path = path.display();
    format!(
        "  certificates are vouched for by {path}; to trust it:\n    \
         curl --cacert '{path}' …\n    \
         NODE_EXTRA_CA_CERTS='{path}' node …\n    \
         pushscope record --cacert '{path}' …\n    \
         chromium --user-data-dir=FOLDER --ignore-certificate-errors-spki-list={} …\n",
        authority.key_hash()
    )
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn conclude(replay: &Replay) {
    let status = replay.status();
    let (served, all) = (status.served, replay.program().to_serve());
    eprintln!(
        "pushscope: served {served} of {all} recorded exchanges; {} on {}; {}",
        counted(status.requests, "request"),
        counted(status.connections, "connection"),
        counted(status.different, "difference")
    );
    for difference in status.differences.iter().filter(|difference| difference.count > 1) {
        eprintln!("pushscope: {} times: {}", difference.count, difference.text);
    }
    if status.untold > 0 {
        eprintln!("pushscope: {} differences were not told one by one: there were too many", status.untold);
    }
    const MOST_LINES: usize = 20;
    let unasked = replay.unasked();
    for line in unasked.iter().take(MOST_LINES) {
        eprintln!("pushscope: not asked for to its end: {line}");
    }
    if unasked.len() > MOST_LINES {
        eprintln!("pushscope: and {} more", unasked.len() - MOST_LINES);
    }
}

/// Waits for Ctrl C, or on Unix for the signal TERM.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Where the system tells of no interruption, it ends the program itself.
    let _ = tokio::signal::ctrl_c().await;
}
