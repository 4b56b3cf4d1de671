//! `pushscope record --script`: a script beside the recording, which ends with it and answers for it.

use super::Failed;
use crate::app::script::{Moment, Outcome, Place, Runner, Script};
use crate::session::Session;
use crate::transport::Handle;
use crate::wire::ConnectionId;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long the recording waits for an event at a time, where the script names no earlier time.
const PATIENCE: Duration = Duration::from_millis(20);

/// Calls of the runner in a row, so that the recording is looked at in between however much the script has to do.
const MOST_CALLS: usize = 64;

/// A script that is being carried out.
pub struct Scripted {
    path: PathBuf,
    runner: Runner,
    patience: Duration,
}

impl Scripted {
    /// Reads a script for the recording's connection. A mistake in it is one of the command line.
    ///
    /// Variables of the chosen environment are `given`: name, value, and whether that is secret.
    pub fn load(path: &Path, place: Place, given: &[(String, String, bool)]) -> Result<Scripted, Failed> {
        let script = Script::load_with(path, given).map_err(Failed::Usage)?;
        let runner = Runner::new(Arc::new(script), ConnectionId(1), place, 0);
        Ok(Scripted { path: path.to_owned(), runner, patience: PATIENCE })
    }

    /// Says that values from the environment end up in a file, where they may.
    pub fn say_secrets(&self) {
        if let Some(notice) = self.runner.script().secrets_notice() {
            eprintln!("pushscope: {notice}");
        }
    }

    /// How long an event may be waited for before the script has something to do.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Goes on as far as can be, unless the recording is being ended; whether the connection is to be closed.
    pub fn go_on(&mut self, session: &Session, handle: Option<&Handle>, is_ending: bool) -> bool {
        self.patience = PATIENCE;
        if is_ending {
            // What was expected is not what comes of our own close.
            self.runner.stop();
            return false;
        }
        for _ in 0..MOST_CALLS {
            let now = Moment::now();
            let turn = self.runner.step(session, now);
            if let Some(handle) = handle {
                turn.orders.into_iter().for_each(|order| handle.order(order));
            }
            if let Some(wake) = turn.wake {
                self.patience = wake.saturating_duration_since(now.at).clamp(Duration::from_millis(1), PATIENCE);
            }
            if !turn.again {
                return self.runner.wants_close(true);
            }
        }
        self.patience = Duration::ZERO;
        false
    }

    /// What came of it, once the recording is over; whether it was carried out to its end.
    pub fn verdict(mut self, session: &Session, is_quiet: bool) -> Result<bool, Failed> {
        // What came last is looked at, too, however much it is.
        while self.runner.outcome().is_none() {
            let turn = self.runner.step(session, Moment::now());
            if !turn.again {
                break;
            }
        }
        self.runner.stop();
        let path = self.path.display();
        match self.runner.outcome() {
            Some(Outcome::Failed(failure)) => Err(Failed::Run(format!("{path}: {}", failure.text))),
            Some(Outcome::Stopped(at)) => match self.runner.unchecked() {
                Some(step) => {
                    let (number, line) = (&step.number, step.line);
                    let step = format!("step {number} (line {line}), {} {}", step.verb(), step.object());
                    Err(Failed::Run(format!("{path}: the recording ended before the script did: {step}, was not met")))
                }
                None => {
                    if !is_quiet {
                        eprintln!("pushscope: {path}: {at}");
                    }
                    Ok(false)
                }
            },
            Some(Outcome::Passed) | None => Ok(true),
        }
    }
}
