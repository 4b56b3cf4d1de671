//! A recording as a server, in the window: read beside it, served on loopback, and what clients do as a recording of its
//! own.

use super::engine::Reply;
use super::live::Source;
use super::{App, Command, Job, Pane, View, ViewId, Wish};
use crate::replay::{AtEnd, Authority, Cors, Options, Pace, Program, Repeat, Replay, Speed, Status, Upgrade};
use crate::session::file::data_folder;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long clients that are being left may take to go.
const GOODBYE: Duration = Duration::from_millis(500);

/// Addresses that are offered to be copied.
const MOST_ADDRESSES: usize = 5;

/// How the next replay is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayDraft {
    /// The port, as typed; empty is any free one.
    pub port: String,
    /// The speed, as typed.
    pub speed: String,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Whether pages of this machine may read across origins.
    pub cors: bool,
    /// Whether recorded answers start again from the first, and not the last one is repeated.
    pub from_first: bool,
    /// Whether connections are closed where the recording ends, and not held open.
    pub closes: bool,
}

impl Default for ReplayDraft {
    fn default() -> ReplayDraft {
        ReplayDraft {
            port: String::new(),
            speed: Speed::default().to_string(),
            tls: false,
            cors: false,
            from_first: false,
            closes: false,
        }
    }
}

impl ReplayDraft {
    /// Speeds that are offered.
    pub const SPEEDS: [&str; 5] = ["0.1", "1", "10", "100", "max"];

    /// The address to listen on, and the options. The error is a sentence.
    pub fn options(&self) -> Result<(SocketAddr, Options), String> {
        let port = match self.port.trim() {
            "" => 0,
            text => text.parse().map_err(|_| format!("'{text}' is no port; it is a number up to 65535, or empty"))?,
        };
        let speed: Speed = self.speed.parse()?;
        let options = Options {
            pace: Pace { speed, max_wait: None },
            repeat: if self.from_first { Repeat::All } else { Repeat::Last },
            at_end: if self.closes { AtEnd::Close } else { AtEnd::Hold },
            cors: if self.cors { Cors::Local } else { Cors::Recorded },
            ..Options::default()
        };
        Ok((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), options))
    }
}

/// The replay of the window.
pub struct Replaying {
    /// What is replayed.
    pub name: String,
    /// The recording that is replayed.
    pub source: ViewId,
    /// The recording of what clients do, once it runs.
    pub view: Option<ViewId>,
    stage: Stage,
}

enum Stage {
    Reading(Job),
    Running(Running),
    /// It was stopped, and this came of it.
    Stopped(Box<Status>, usize),
}

struct Running {
    replay: Replay,
    addresses: Vec<String>,
    trust: Option<Trust>,
}

/// Who vouches for a replay's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The authority's certificate.
    pub path: PathBuf,
    /// What Chromium knows its key by.
    pub key_hash: String,
}

/// What was read to be replayed.
pub(super) type Ready = Box<(Program, Option<Authority>)>;

impl Replaying {
    /// Whether the recording is being read.
    pub fn is_reading(&self) -> bool {
        matches!(self.stage, Stage::Reading(_))
    }

    /// Whether clients can connect.
    pub fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running(_))
    }

    /// Its address, without a path.
    pub fn origin(&self) -> Option<String> {
        match &self.stage {
            Stage::Running(running) => Some(running.replay.origin()),
            _ => None,
        }
    }

    /// Addresses to connect to, as recorded.
    pub fn addresses(&self) -> &[String] {
        match &self.stage {
            Stage::Running(running) => &running.addresses,
            _ => &[],
        }
    }

    /// Who vouches for its certificates, where it speaks TLS.
    pub fn trust(&self) -> Option<&Trust> {
        match &self.stage {
            Stage::Running(running) => running.trust.as_ref(),
            _ => None,
        }
    }

    /// What is to say of the recording.
    pub fn notices(&self) -> &[String] {
        match &self.stage {
            Stage::Running(running) => running.replay.program().notices(),
            _ => &[],
        }
    }

    /// How it is doing, and how many exchanges there are.
    pub fn status(&self) -> Option<(Status, usize)> {
        match &self.stage {
            Stage::Reading(_) => None,
            Stage::Running(running) => Some((running.replay.status(), running.replay.program().to_serve())),
            Stage::Stopped(status, exchanges) => Some(((**status).clone(), *exchanges)),
        }
    }
}

/// Where recorded requests would go now: each target once.
fn addresses(replay: &Replay) -> Vec<String> {
    let (origin, program) = (replay.origin(), replay.program());
    let mut addresses: Vec<String> = Vec::new();
    for (key, group) in program.asked_for() {
        let first = group.first().and_then(|first| program.exchanges()[*first].answer.as_ref());
        let is_socket = first.is_some_and(|answer| answer.upgrade.is_some_and(|kind| kind != Upgrade::Other));
        let origin = if is_socket { origin.replacen("http", "ws", 1) } else { origin.clone() };
        let address = format!("{origin}{}", key.target());
        if !addresses.contains(&address) {
            addresses.push(address);
        }
        if addresses.len() == MOST_ADDRESSES {
            break;
        }
    }
    addresses
}

impl App {
    /// Reads the recording that is shown beside the window; then it is served.
    pub(super) fn start_replay(&mut self) {
        if let Err(why) = self.state.replay_draft.options() {
            return self.complain(format!("Replay: {why}"));
        }
        let found = self.state.view().and_then(|view| Some((view.title.clone(), view.path()?, view.id)));
        let Some((name, path, source)) = found else { return };
        // The recording in progress is called by its file.
        let name = if name == "this recording" {
            path.file_stem().map_or(name, |stem| stem.to_string_lossy().into_owned())
        } else {
            name
        };
        let job = self.begin(format!("Reading {name} to replay it"));
        self.state.replay = Some(Replaying { name, source, view: None, stage: Stage::Reading(job.clone()) });
        (self.state.pane, self.state.details) = (Pane::Replay, true);
        let is_tls = self.state.replay_draft.tls;
        self.engine.beside(move || {
            let program = Program::read(&path, &mut |done, total| job.report(done, total));
            let ready = program.map_err(|error| error.to_string()).and_then(|program| {
                if program.exchanges().is_empty() {
                    return Err(format!(
                        "{} has no request of HTTP or WebSocket, so there is nothing to serve",
                        path.display()
                    ));
                }
                let authority = is_tls.then(|| {
                    let folder = data_folder().map_err(|error| error.to_string())?;
                    Authority::kept_in(&folder.join("replay-ca"))
                });
                Ok(Box::new((program, authority.transpose()?)))
            });
            Reply::ToReplay(job, ready)
        });
    }

    /// Serves what was read.
    pub(super) fn take_program(&mut self, job: &Job, ready: Result<Ready, String>) {
        self.state.jobs.retain(|other| !other.is(job));
        let is_awaited =
            matches!(&self.state.replay, Some(Replaying { stage: Stage::Reading(other), .. }) if other.is(job));
        let (program, authority) = match ready {
            _ if !is_awaited => return,
            Err(_) if job.is_stopped() => {
                self.state.replay = None;
                return self.say("The replay was not started");
            }
            Err(why) => {
                self.state.replay = None;
                return self.complain(format!("Replay: {why}"));
            }
            Ok(ready) => *ready,
        };
        let (listen, options) = match self.state.replay_draft.options() {
            Ok(options) => options,
            Err(why) => {
                self.state.replay = None;
                return self.complain(format!("Replay: {why}"));
            }
        };
        let Some(runtime) = self.engine.handle().cloned() else { return };
        let name = program.name().to_owned();
        let Some(source) = self.state.replay.as_ref().map(|replay| replay.source) else { return };
        let (live, session) = self.new_live(&format!("replay of {name}"));
        let tell = Box::new(|_: &str| {});
        let started = runtime.block_on(Replay::start(
            Arc::new(program),
            options,
            listen,
            authority.as_ref(),
            live.sender(),
            tell,
        ));
        let replay = match started {
            Ok(replay) => replay,
            Err(error) => {
                self.state.replay = None;
                return self.complain(format!("Replay: cannot listen on {listen}: {error}"));
            }
        };
        let trust = authority
            .map(|authority| Trust { path: authority.path().to_owned(), key_hash: authority.key_hash().to_owned() });
        let running = Running { addresses: addresses(&replay), replay, trust };
        let view = self.add_view(format!("replay of {name}"), session, Source::Replay(live));
        self.state.replay = Some(Replaying { name, source, view: Some(view), stage: Stage::Running(running) });
        self.apply(Command::RefreshSaved);
    }

    /// Closes the replay's connections, and its recording.
    pub(super) fn stop_replay(&mut self) {
        let Some(replaying) = &mut self.state.replay else { return };
        let exchanges = replaying.status().map_or(0, |(_, exchanges)| exchanges);
        let status = match std::mem::replace(&mut replaying.stage, Stage::Stopped(Box::default(), exchanges)) {
            Stage::Reading(job) => {
                job.stop();
                return;
            }
            Stage::Running(running) => {
                let status = running.replay.status();
                if let Some(runtime) = self.engine.handle() {
                    runtime.block_on(running.replay.stop(GOODBYE));
                }
                status
            }
            stopped => {
                replaying.stage = stopped;
                return;
            }
        };
        replaying.stage = Stage::Stopped(Box::new(status), exchanges);
        let view = replaying.view;
        if let Some(view) = self.state.views.iter_mut().find(|other| Some(other.id) == view)
            && let Source::Replay(live) = &mut view.source
        {
            live.end(&mut view.session, Duration::ZERO);
            view.file = live.path.clone();
            view.source = Source::Still;
        }
        self.apply(Command::RefreshSaved);
    }

    pub(super) fn copy_replay_address(&mut self) {
        let replay = self.state.replay.as_ref();
        let address = replay.and_then(|replay| replay.addresses().first().cloned().or_else(|| replay.origin()));
        if let Some(address) = address {
            self.say(format!("Copied {address}"));
            self.wishes.push(Wish::Copy(address));
        }
    }

    /// Why nothing can be done with a replay now.
    pub(super) fn replay_objection(&self, command: &Command) -> Option<String> {
        let replay = self.state.replay.as_ref();
        let is_busy = replay.is_some_and(|replay| replay.is_running() || replay.is_reading());
        let why = match command {
            Command::StartReplay => match self.state.view().map(View::path) {
                _ if is_busy => Some("a replay is running: stop it first"),
                None => Some("no recording is open"),
                Some(None) => Some("this recording has no file that could be replayed"),
                Some(Some(_)) => None,
            },
            Command::CopyReplayAddress => {
                (!replay.is_some_and(Replaying::is_running)).then_some("no replay is running")
            }
            _ => (!is_busy).then_some("no replay is running"),
        };
        why.map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_options_or_a_sentence() {
        let draft = ReplayDraft::default();
        assert_eq!(draft.options(), Ok((SocketAddr::from(([127, 0, 0, 1], 0)), Options::default())));
        let typed = |port: &str, speed: &str| {
            ReplayDraft { port: port.into(), speed: speed.into(), ..ReplayDraft::default() }.options()
        };
        assert!(typed("8080", "max").is_ok_and(|(listen, _)| listen.port() == 8080));
        assert!(typed("http", "1").unwrap_err().contains("no port"));
        assert!(typed("70000", "1").unwrap_err().contains("no port"));
        assert!(typed("", "fast").unwrap_err().contains("no speed"));
    }
}
