//! `pushscope lab`.

use super::args::LabArgs;
use super::{Failed, runtime};
use crate::lab::{Lab, description};
use std::io::Write;

/// Runs the lab until it is stopped.
pub fn run(args: LabArgs) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let lab = Lab::start(args.listen)
            .await
            .map_err(|error| Failed::Run(format!("the lab cannot listen on {}: {error}", args.listen)))?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", description(lab.addr()).trim_end())?;
        writeln!(out, "\nlistening on http://{} (Ctrl C stops it)", lab.addr())?;
        out.flush()?;
        tokio::select! {
            () = lab.stopped() => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })
}
