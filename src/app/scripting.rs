//! The script of the window: opened here, carried out a slice of time a frame.

use super::script::{Moment, Outcome, Place, Runner, Script};
use super::{App, Command, Pane, Source, State, ViewId};
use crate::session::RecordId;
use crate::transport::{Order, PushType};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The script that the window has open.
pub struct Scripting {
    /// Its file.
    pub path: PathBuf,
    /// The script, or what is wrong with it.
    pub script: Result<Arc<Script>, String>,
    run: Option<Run>,
}

/// A script on its way, or at its end.
struct Run {
    runner: Runner,
    view: ViewId,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It has not been reached.
    Ahead,
    /// It is under way; of a repetition, the number.
    UnderWay(Option<u64>),
    /// It was carried out, so many times.
    Done(u64),
    /// The script failed there.
    Failed,
}

impl Scripting {
    /// A script that was read.
    pub(super) fn new(path: PathBuf, script: Result<Arc<Script>, String>) -> Scripting {
        Scripting { path, script, run: None }
    }

    /// What it is called: by itself, else by its file.
    pub fn name(&self) -> String {
        let own = self.script.as_ref().ok().and_then(|script| script.name.clone());
        own.unwrap_or_else(|| self.path.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }

    /// Whether it is being carried out.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.runner.outcome().is_none())
    }

    /// How it ended, once it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.run.as_ref()?.runner.outcome()
    }

    /// The recording it was carried out in, and the record by which it failed.
    pub fn evidence(&self) -> Option<(ViewId, RecordId)> {
        match self.outcome()? {
            Outcome::Failed(failure) => Some((self.run.as_ref()?.view, failure.record?)),
            _ => None,
        }
    }

    /// How far a step is, by its number in the list.
    pub fn state(&self, step: usize) -> StepState {
        let Some(Run { runner, .. }) = &self.run else { return StepState::Ahead };
        if let Some(Outcome::Failed(failure)) = runner.outcome()
            && failure.step == step
        {
            return StepState::Failed;
        }
        match (runner.repetition(step), runner.under_way(), runner.done(step)) {
            (Some(n), ..) => StepState::UnderWay(Some(n)),
            (None, Some(under_way), _) if under_way == step => StepState::UnderWay(None),
            (None, _, 0) => StepState::Ahead,
            (None, _, times) => StepState::Done(times),
        }
    }

    /// The step under way.
    pub fn under_way(&self) -> Option<usize> {
        self.run.as_ref()?.runner.under_way()
    }
}

impl State {
    fn is_script_running(&self) -> bool {
        self.script.as_ref().is_some_and(Scripting::is_running)
    }
}

impl App {
    /// Reads a script and shows it.
    pub(super) fn open_script(&mut self, path: PathBuf) {
        self.stop_script();
        self.state.script = Some(self.read_script(path));
        (self.state.pane, self.state.details) = (Pane::Script, true);
    }

    /// Carries the script out on the current connection; where none is open, on a new one to what the address bar says.
    pub(super) fn run_script(&mut self) {
        let Some(path) = self.state.script.as_ref().map(|script| script.path.clone()) else { return };
        // It may have been changed since.
        self.open_script(path);
        let Some(Ok(script)) = self.state.script.as_ref().map(|script| script.script.clone()) else { return };
        let is_open = self.state.open_connection().is_some();
        if !is_open {
            self.apply(Command::Connect);
        }
        let Some(connection) = self.state.current.filter(|_| self.state.open_connection().is_some()) else { return };
        let Some((view, from)) = self.state.live().map(|view| (view.id, view.session.records().len())) else { return };
        let place = self.place_of_script();
        let runner = Runner::new(script, connection, place, if is_open { from } else { 0 });
        if let Some(scripting) = &mut self.state.script {
            scripting.run = Some(Run { runner, view });
        }
    }

    /// Where the script's requests go.
    fn place_of_script(&mut self) -> Place {
        let address = self.state.current_open().map_or("", |open| open.draft.address.trim());
        if !address.starts_with("lab:") {
            return Place::default();
        }
        let relay = super::apply::publish_address(address).filter(|_| self.state.composer_type() != PushType::Ws);
        let relay = relay.and_then(|address| self.place(&address).ok()).map(|place| place.url);
        Place { relay, lab: self.engine.lab_addr().ok() }
    }

    pub(super) fn stop_script(&mut self) {
        if let Some(run) = self.state.script.as_mut().and_then(|script| script.run.as_mut()) {
            run.runner.stop();
        }
    }

    /// Goes on with the script until `deadline`; when it wants to go on, `None` where it waits for what comes.
    pub(super) fn script_on(&mut self, deadline: Instant) -> Option<Duration> {
        let is_running = self.state.is_script_running();
        let State { script, views, .. } = &mut self.state;
        let run = script.as_mut().and_then(|script| script.run.as_mut()).filter(|_| is_running)?;
        let view = views.iter().find(|view| view.id == run.view);
        let Some((view, Source::Live(live))) = view.map(|view| (view, &view.source)) else {
            run.runner.stop();
            return None;
        };
        let connection = run.runner.connection();
        let next = loop {
            let now = Moment::now();
            let turn = run.runner.step(&view.session, now);
            turn.orders.into_iter().for_each(|order| live.order(connection, order));
            if run.runner.outcome().is_some() {
                break None;
            }
            if !turn.again {
                // Sooner than at once is a frame all the same.
                let wake = turn.wake.map(|wake| wake.saturating_duration_since(now.at));
                break wake.map(|wake| wake.max(Duration::from_millis(1)));
            }
            if Instant::now() >= deadline {
                break Some(Duration::ZERO);
            }
        };
        if run.runner.wants_close(false) {
            live.order(connection, Order::Close { code: Some(1000), reason: String::new() });
        }
        self.tell_outcome();
        next
    }

    /// Where the pane is not shown, how the script ended is told as a message.
    fn tell_outcome(&mut self) {
        let Some(script) = self.state.script.as_ref().filter(|_| !self.state.shows(Pane::Script)) else { return };
        let name = script.name();
        match script.outcome().cloned() {
            Some(Outcome::Passed) => self.say(format!("{name}: passed")),
            Some(Outcome::Failed(failure)) => self.complain(format!("{name}: {}", failure.text)),
            _ => {}
        }
    }

    /// Why nothing can be done with a script now.
    pub(super) fn script_objection(&self, command: &Command) -> Option<String> {
        let state = &self.state;
        let is_running = state.is_script_running();
        let why = match command {
            Command::StopScript => (!is_running).then_some("no script is running"),
            _ if state.script.is_none() => Some("no script is open"),
            _ if is_running => Some("the script is running"),
            _ if state.open_connection().is_none() && state.draft.address.trim().is_empty() => {
                Some("nothing is connected, and there is no address")
            }
            _ => None,
        };
        why.map(str::to_owned)
    }
}
