//! The same powers without a window.
//!
//! Exit codes: 0 done, 1 the connection or file failed (the reason on standard error), 2 wrong usage. Output to a closed
//! pipe ends quietly.

pub mod args;
mod check;
mod doctor;
mod export;
mod findings;
mod lab;
mod output;
mod record;
mod replay;
mod request;
mod requests;
mod script;
mod secrets;
mod show;

use crate::session::filter::Filter;
use args::Command;
use std::process::ExitCode;

/// Why a command ended early.
pub enum Failed {
    /// The connection or the file failed: exit code 1.
    Run(String),
    /// The command line can't be carried out: exit code 2.
    Usage(String),
    /// Nobody reads the output any more: exit code 0.
    PipeClosed,
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Failed {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failed::PipeClosed,
            _ => Failed::Run(format!("cannot write to standard output: {error}")),
        }
    }
}

/// Carries out a command.
pub fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Record(args) => record::run(*args),
        Command::Show(args) => show::run(args),
        Command::Export(args) => export::export(args),
        Command::Import(args) => export::import(args),
        Command::Doctor(args) => doctor::run(*args),
        Command::Requests(args) => requests::run(&args),
        Command::Replay(args) => replay::run(*args),
        Command::Lab(args) => lab::run(args),
    };
    let (text, code) = match done {
        Ok(()) | Err(Failed::PipeClosed) => return ExitCode::SUCCESS,
        Err(Failed::Run(text)) => (text, 1),
        Err(Failed::Usage(text)) => (text, 2),
    };
    eprintln!("pushscope: {text}");
    ExitCode::from(code)
}

/// The filter of an option. The error is a sentence about it.
fn filter_of(text: &str) -> Result<Filter, String> {
    Filter::parse(text)
        .map_err(|error| format!("the filter cannot be read at character {}: {}", error.at + 1, error.text))
}

/// A runtime for connections and the lab.
fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failed::Run(format!("cannot start the threads that connections need: {error}")))
}
