//! Pushscope: the window, and the same powers without one.

use clap::Parser;
use pushscope::cli::{self, args::Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(command) => cli::run(command),
        None => match pushscope::ui::run(&cli.targets) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("pushscope: {why}");
                ExitCode::FAILURE
            }
        },
    }
}
