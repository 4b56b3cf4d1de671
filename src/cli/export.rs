//! `pushscope export` and `pushscope import`.

use super::args::{ExportArgs, ImportArgs, To};
use super::{Failed, filter_of, runtime};
use crate::interop::{self, Found, InteropError, Report, Which, write_file};
use crate::session::file::{recordings_folder, save_copy};
use crate::session::redact::{Rules, save_redacted};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Writes a recording in another tool's format.
pub fn export(args: ExportArgs) -> Result<(), Failed> {
    let output = args.output.as_deref().filter(|output| *output != Path::new("-"));
    let rules = args.redact.rules().map_err(|error| Failed::Usage(error.to_string()))?;
    let format = match args.to {
        To::Format(format) => format,
        To::Pushscope => return copy(&args, output, rules.as_ref()),
    };
    let is_binary = format.is_binary();
    if output.is_none() && is_binary && io::stdout().is_terminal() {
        let text = format!("{} is binary and nothing for a terminal; name a file with -o", args.to.name());
        return Err(Failed::Usage(text));
    }
    let filter = filter_of(&args.filter).map_err(Failed::Usage)?;
    let which = match args.filter.trim().is_empty() && !args.messages {
        true => Which::All,
        false => Which::Matching { filter, messages: args.messages },
    };
    if let Some(output) = output.filter(|output| !args.force && output.symlink_metadata().is_ok()) {
        let text = format!("{}: there is such a file already; --force overwrites it", output.display());
        return Err(Failed::Run(text));
    }
    with_progress(|progress| {
        let from = interop::pass_through(&args.file, progress)?;
        let title = args.file.file_stem().unwrap_or_default().to_string_lossy();
        let what = (format, &which, rules.as_ref());
        let mut report = match output {
            Some(output) => {
                write_file(output, args.force, |out| interop::export(&from.path, &title, what, out, progress))?
            }
            None => {
                let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
                let report = interop::export(&from.path, &title, what, &mut out, progress)?;
                out.flush()?;
                report
            }
        };
        if let Some(imported) = &from.report {
            report.remarks.splice(0..0, imported.remarks.iter().cloned());
        }
        say(&args.file, "wrote", &report);
        Ok(())
    })
}

/// Writes a recording as a recording: all of it, without its secrets or as it is.
fn copy(args: &ExportArgs, output: Option<&Path>, rules: Option<&Rules>) -> Result<(), Failed> {
    if !args.filter.trim().is_empty() || args.messages {
        let text = "a recording is copied as a whole: --filter and --messages are for the other formats";
        return Err(Failed::Usage(text.to_owned()));
    }
    let Some(output) = output else {
        return Err(Failed::Usage("a recording is no text for a terminal or a pipe; name a file with -o".to_owned()));
    };
    if !args.force && output.symlink_metadata().is_ok() {
        let text = format!("{}: there is such a file already; --force overwrites it", output.display());
        return Err(Failed::Run(text));
    }
    with_progress(|progress| {
        let from = interop::pass_through(&args.file, progress)?;
        let mut said = from.report.iter().flat_map(|report| report.remarks.clone()).collect::<Vec<String>>();
        match rules {
            Some(rules) => {
                let plan = save_redacted(&from.path, output, rules, progress).map_err(interop::not_redacted)?;
                said.push(plan.summary());
                said.extend(plan.remarks());
            }
            None => save_copy(&from.path, output, progress)?,
        }
        said.iter().for_each(|remark| eprintln!("pushscope: {}: {remark}", args.file.display()));
        Ok(())
    })
}

/// Reads another tool's file into a session file.
pub fn import(args: ImportArgs) -> Result<(), Failed> {
    let format = match interop::detect(&args.file) {
        Found::Import(format) => format,
        Found::Session => {
            // A file that is none gets the sentence that says so.
            crate::session::file::Opened::open(&args.file).map_err(|error| Failed::Run(error.to_string()))?;
            let text = format!("{}: this is a Pushscope recording already", args.file.display());
            return Err(Failed::Run(text));
        }
        Found::Script => return Err(Failed::Run(format!("{}: this is a script, no recording", args.file.display()))),
        Found::Unknown(_) => {
            return with_progress(|progress| interop::pass_through(&args.file, progress).map(drop));
        }
    };
    with_progress(|progress| {
        let imported = match &args.output {
            Some(to) => {
                let report = interop::import(&args.file, format, to, progress)?;
                interop::Imported { path: to.clone(), report }
            }
            None => interop::import_into_folder(&args.file, format, &recordings_folder()?, progress)?,
        };
        say(&args.file, "read", &imported.report);
        writeln!(io::stdout(), "{}", imported.path.display())?;
        Ok(())
    })
}

/// A file of any form as a session file, for commands that read recordings. What an import left out is said.
pub fn pass_through(file: &Path) -> Result<interop::Passing, Failed> {
    with_progress(|progress| {
        let passing = interop::pass_through(file, progress)?;
        if let Some(report) = &passing.report {
            say(file, "read", report);
        }
        Ok(passing)
    })
}

/// Does something that Ctrl+C stops, so that nothing half-written stays behind.
fn with_progress<T>(work: impl FnOnce(interop::Progress) -> Result<T, InteropError>) -> Result<T, Failed> {
    let runtime = runtime()?;
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stop = is_stopped.clone();
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    work(&mut |_, _| !is_stopped.load(Ordering::Relaxed)).map_err(|error| match error {
        InteropError::Write(error) => Failed::from(error),
        other => Failed::Run(other.to_string()),
    })
}

/// Says what was done, and what was not, where the output does not go.
fn say(file: &Path, verb: &str, report: &Report) {
    let file = file.display();
    eprintln!("pushscope: {file}: {verb} {}", report.amount());
    for remark in &report.remarks {
        eprintln!("pushscope: {file}: {remark}");
    }
}
